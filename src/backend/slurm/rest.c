/* rest.c - Slurm through slurmrestd, whose files are those of this host. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "rest.h"
#include "src/common/file.h"
#include "src/common/url.h"
#include "src/resource/script.h"

#define ROOT "/slurm/"
#define IN_DOUBT "whether there is a job is not known"
#define SCRIPT_MAX ((size_t)1 << 20)

/* Errors of Slurm that are none of ours. */
enum { UNKNOWN_JOB = 2017, ALREADY_DONE = 2021 };

struct rest {
    resource base;
    rest_line line;
};

static const script_dialect dialect = {
    .prefix = "#SBATCH ",
    .directives = slurm_directives,
    .submit_dir = "${SLURM_SUBMIT_DIR:-$PILOT_DIR}",
};

/* A call within the seconds that are given now. */
static int call(struct rest *m, const char *method, const char *path,
                const char *body, rest_answer *a, pe_error *errp)
{
    m->line.timeout_s = m->base.timeout_s;
    return rest_call(&m->line, method, path, body, a, errp);
}

/* It said no, or that it knows nothing: refused, or retry. */
static int refused(const struct rest *m, const char *doing,
                   const rest_answer *a, pe_error *errp)
{
    bool away = rest_is_away(a);

    return pe_error_set(errp, away ? PE_ERROR_RETRY : PE_ERROR_INPUT,
                        away ? PE_EXIT_UNAVAILABLE : PE_EXIT_CONFIG,
                        "%s: %s: %s%s", m->line.name, doing, a->words,
                        away ? " (its slurmctld does not answer)" : "");
}

/* --- operations --- */

static int words_check(const resource_spec *s, pe_error *errp)
{
    static const enum request_word lists[] = {REQUEST_EXTRA, REQUEST_DIRECTIVES,
                                              REQUEST_NO_DIRECTIVE};
    const resource_request *q = s->request;

    if (script_refuse(q, &slurmrest_ops, errp) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (q->list[lists[i]].n > 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "'%s': words of sbatch's own cannot be said to "
                                "slurmrestd, which has no command line",
                                q->list[lists[i]].items[0]);
    return 0;
}

/* What an old one passes over. */
static int old_check(const struct rest *m, const resource_request *q,
                     pe_error *errp)
{
    if (m->line.form == REST_WORDS && q->word[REQUEST_REQUEUE] &&
        !request_flag(q, REQUEST_REQUEUE))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--no-requeue cannot be asked of %s, whose API %s "
                            "passes over it: leave it out",
                            m->line.name, m->line.api);
    return 0;
}

static char *rest_script(const resource_spec *s, pe_error *errp)
{
    return words_check(s, errp) < 0 ? NULL : script_make(&dialect, s, errp);
}

/* What would be posted, without what the environment has.  Nobody is asked
 * which API there is.
 */
static char *rest_command(const resource_spec *s, pe_error *errp)
{
    char *body = rest_job(s, REST_TYPED, "");
    json_t *all = body ? json_loads(body, 0, NULL) : NULL;
    json_t *job = json_object_get(all, "job");
    char *words, *out = NULL;

    json_object_del(job, "environment");
    words = job ? json_dumps(job, JSON_COMPACT) : NULL;
    if (words)
        out = text_format("POST /slurm/" REST_NEWEST "/job/submit %s\n", words);
    if (!out)
        pe_error_nomem(errp);
    free(words);
    json_decref(all);
    free(body);
    return out;
}

static int rest_cancel(resource *r, const char *id, bool now, pe_error *errp);

/* The job there is has to be the one that was asked for. */
static int granted_check(struct rest *m, const resource_spec *s, const char *id,
                         pe_error *errp)
{
    char path[64], words[512] = "";
    rest_answer a;

    snprintf(path, sizeof(path), "/job/%.32s", id);
    if (call(m, "GET", path, NULL, &a, NULL) < 0)
        return 0; /* it is queued: what it is will be asked again */
    const json_t *job = json_array_get(json_object_get(a.all, "jobs"), 0);
    if (job)
        rest_compare(s, job, words, sizeof(words));
    rest_answer_clear(&a);
    if (!*words)
        return 0;
    rest_cancel(&m->base, id, true, NULL);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s grants %s; job %s was taken back", m->line.name,
                        words, id);
}

static int rest_submit(resource *r, const resource_spec *s,
                       char id[RESOURCE_ID_MAX], pe_error *errp)
{
    struct rest *m = (struct rest *)r;
    char *path = scheduler_script_path(s->dir), *content = NULL, *body = NULL;
    rest_answer a = {0};
    size_t len;
    int status = -1;

    if (words_check(s, errp) < 0)
        goto done;
    if (path)
        content = host_read(r->host, path, 0, SCRIPT_MAX, &len, errp);
    else
        pe_error_nomem(errp);
    if (!content)
        goto done;
    m->line.timeout_s = r->timeout_s;
    if (rest_api_find(&m->line, errp) < 0 || old_check(m, s->request, errp) < 0)
        goto done;
    body = rest_job(s, m->line.form, content);
    if (!body) {
        pe_error_nomem(errp);
        goto done;
    }
    if (call(m, "POST", "/job/submit", body, &a, errp) < 0) {
        pe_error_prefix(errp, IN_DOUBT);
        goto done;
    }
    /* Errors beside a number are why it waits. */
    json_int_t number = json_integer_value(json_object_get(a.all, "job_id"));
    if (number <= 0) {
        refused(m, "the job is refused", &a, errp);
        if (rest_is_away(&a))
            pe_error_prefix(errp, IN_DOUBT);
        goto done;
    }
    snprintf(id, RESOURCE_ID_MAX, "%lld", (long long)number);
    status = granted_check(m, s, id, errp);
done:
    rest_answer_clear(&a);
    free(body);
    free(content);
    free(path);
    return status;
}

static int jobs_take(const rest_answer *a, resource_job *jobs, size_t n,
                     pe_error *errp)
{
    job_index *x = job_index_create(jobs, n, scheduler_script_path, errp);
    text lines = {0};

    if (x && rest_lines(a->all, &lines) == 0)
        slurm_parse_queue(lines.data ? lines.data : "", lines.len, NULL, x);
    else if (x)
        pe_error_nomem(errp);
    int status = x && !lines.failed ? 0 : -1;
    job_index_destroy(x);
    text_free(&lines);
    return status;
}

/* A list may leave some out: one that has a number and is not in it is asked
 * for by that, and is unknown when it is said to be.
 */
static int absent_ask(struct rest *m, resource_job *job, pe_error *errp)
{
    char path[64];
    rest_answer a;
    int status = -1;

    snprintf(path, sizeof(path), "/job/%.32s", job->id);
    if (call(m, "GET", path, NULL, &a, errp) < 0)
        return -1;
    if (a.error == UNKNOWN_JOB)
        status = 0;
    else if (a.error)
        refused(m, "it does not say", &a, errp);
    else
        status = jobs_take(&a, job, 1, errp);
    rest_answer_clear(&a);
    return status;
}

static int rest_describe(resource *r, resource_job *jobs, size_t n,
                         pe_error *errp)
{
    struct rest *m = (struct rest *)r;
    rest_answer a;
    int status = -1;

    for (size_t i = 0; i < n; i++)
        scheduler_job_clear(&jobs[i]);
    if (call(m, "GET", "/jobs", NULL, &a, errp) < 0)
        return -1;
    if (a.error)
        refused(m, "it does not say", &a, errp);
    else
        status = jobs_take(&a, jobs, n, errp);
    rest_answer_clear(&a);
    for (size_t i = 0; i < n && status == 0; i++)
        if (jobs[i].seen == RESOURCE_ABSENT &&
            scheduler_id_check(jobs[i].id, NULL) == 0)
            status = absent_ask(m, &jobs[i], errp);
    for (size_t i = 0; i < n && status < 0; i++)
        scheduler_job_clear(&jobs[i]);
    return status;
}

/* One that is over, or not known (any more), is success. */
static int rest_cancel(resource *r, const char *id, bool now, pe_error *errp)
{
    struct rest *m = (struct rest *)r;
    char path[80];
    rest_answer a;
    int status = 0;

    if (scheduler_id_check(id, errp) < 0)
        return -1;
    for (int last = !now; last < 2 && status == 0; last++) {
        snprintf(path, sizeof(path), "/job/%.32s%s", id,
                 last ? "" : "?signal=KILL");
        if (call(m, "DELETE", path, NULL, &a, errp) < 0)
            return -1;
        if (last && a.error && a.error != UNKNOWN_JOB &&
            a.error != ALREADY_DONE)
            status = refused(m, "the job is not canceled", &a, errp);
        rest_answer_clear(&a);
    }
    return status;
}

static int rest_end(resource *r, const char *id, int64_t *end_nsp,
                    pe_error *errp)
{
    resource_job job = {0};

    snprintf(job.id, sizeof(job.id), "%s", id);
    if (rest_describe(r, &job, 1, errp) < 0)
        return -1;
    *end_nsp = job.end_ns;
    return 0;
}

/* Is it there, and its controller behind it? */
static int rest_doctor(resource *r, const resource_request *q,
                       void (*line)(void *arg, bool ok, const char *text),
                       void *arg, pe_error *errp)
{
    struct rest *m = (struct rest *)r;
    rest_answer a;
    char words[256];

    (void)q;
    if (call(m, "GET", "/ping", NULL, &a, errp) < 0)
        return -1;
    const json_t *ping = json_array_get(json_object_get(a.all, "pings"), 0);
    const char *old = json_string_value(json_object_get(ping, "ping"));
    const char *now = json_string_value(json_object_get(ping, "pinged"));
    bool up = a.error == 0 &&
              ((old && !strcmp(old, "UP")) || (now && !strcmp(now, "UP")));
    snprintf(words, sizeof(words), "%s answers (API %s), its slurmctld %s",
             m->line.name, m->line.api, up ? "too" : "does not");
    line(arg, up, words);
    rest_answer_clear(&a);
    return 0;
}

/* --- open and close --- */

static void rest_close(resource *r)
{
    struct rest *m = (struct rest *)r;

    if (!m)
        return;
    rest_line_clear(&m->line);
    free(m);
}

/* The token of a user, and his name, in headers; the file goes first. */
static int token_read(struct rest *m, const url *u, pe_error *errp)
{
    const char *path = getenv(REST_TOKEN_FILE), *word = getenv("SLURM_JWT");
    const struct passwd *pw = getpwuid(geteuid());
    const char *user = *u->user ? u->user : pw ? pw->pw_name : "";
    char *own = NULL;

    m->line.headers[0] = text_format("Content-Type: application/json");
    if (path && *path && !(own = file_read_secret(path, errp)))
        return pe_error_prefix(errp, REST_TOKEN_FILE);
    if (own)
        word = own;
    if (word && *word) {
        m->line.headers[1] = text_format("X-SLURM-USER-NAME: %s", user);
        m->line.headers[2] = text_format("X-SLURM-USER-TOKEN: %s", word);
    }
    bool short_of =
        !m->line.headers[0] || (word && *word && !m->line.headers[2]);
    free(own);
    return short_of ? pe_error_nomem(errp) : 0;
}

static bool is_loopback(const char *name)
{
    return !strncmp(name, "127.", 4) || !strcmp(name, "::1") ||
           !strcmp(name, "localhost");
}

/* A socket of this host, or a port; off this host by TLS, since the token
 * would be anybody's.
 */
static int where_read(struct rest *m, const char *from, pe_error *errp)
{
    url u;

    if (url_parse(from, &u, errp) < 0)
        return -1;
    if (!*u.host == !*u.path || (*u.host && !u.port))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.200s': write slurmrest://HOST:PORT or "
                            "slurmrest:///PATH/OF/SOCKET",
                            from);
    bool v6 = strchr(u.host, ':') != NULL;
    m->line.name = text_format("slurmrestd at %s%s", *u.host ? u.host : "",
                               *u.host ? "" : u.path);
    if (*u.host) {
        m->line.root = text_format(
            "%s://%s%s%s:%d" ROOT, is_loopback(u.host) ? "http" : "https",
            v6 ? "[" : "", u.host, v6 ? "]" : "", u.port);
    } else {
        m->line.root = text_format("http://localhost" ROOT);
        m->line.socket = text_format("%s", u.path);
    }
    if (!m->line.name || !m->line.root || (!*u.host && !m->line.socket))
        return pe_error_nomem(errp);
    return token_read(m, &u, errp);
}

static resource *rest_open(const char *from, pe_error *errp)
{
    struct rest *m = calloc(1, sizeof(*m));

    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->base.ops = &slurmrest_ops;
    m->base.url = text_format("%s", from);
    m->base.host = host_open_local(errp);
    if (!m->base.url)
        pe_error_nomem(errp);
    else if (m->base.host && where_read(m, from, errp) == 0)
        return &m->base;
    resource_close(&m->base);
    return NULL;
}

/* Inside of a job it is slurm:// that is asked. */
static const resource_scheduler scheduler = {
    .variable = "SLURM_JOB_ID",
    .version = (const char *const[]){"sbatch", "--version", NULL},
    .answer = "slurm",
    .end = rest_end,
    .grace_s = 30,
};

const resource_ops slurmrest_ops = {
    .scheme = "slurmrest",
    .name = "Slurm (slurmrestd)",
    .words = &slurmrest_words,
    .scheduler = &scheduler,
    .open = rest_open,
    .script = rest_script,
    .command = rest_command,
    .submit = rest_submit,
    .describe = rest_describe,
    .cancel = rest_cancel,
    .doctor = rest_doctor,
    .close = rest_close,
};
