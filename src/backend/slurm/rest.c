/* rest.c - Slurm through slurmrestd, whose files are those of this host. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "src/common/file.h"
#include "src/common/post.h"
#include "src/common/url.h"
#include "src/resource/script.h"

#define API "/slurm/v0.0.38"
#define SCRIPT_MAX ((size_t)1 << 20)
#define ANSWER_MAX ((size_t)256 << 20)
#define TOKEN_FILE "PILOT_SLURM_TOKEN_FILE"

/* What slurmrestd calls errors: those of Slurm, and -1 for its own. */
enum { UNKNOWN_JOB = 2017, ALREADY_DONE = 2021, NOT_REACHED = 1800, MINE = -1 };

struct rest {
    resource base;
    char *root;       /* "http://HOST:PORT/slurm/v0.0.38" */
    char *socket;     /* path; NULL: a port */
    char *name;       /* of it, for messages */
    char *headers[4]; /* NULL-ended */
    post *line;       /* NULL: not used yet */
};

static const script_dialect dialect = {
    .prefix = "#SBATCH ",
    .directives = slurm_directives,
    .submit_dir = "${SLURM_SUBMIT_DIR:-$PILOT_DIR}",
};

/* --- a call --- */

/* An answer, and what is wrong with it. */
struct answer {
    json_t *all;
    json_int_t error; /* the first number of its errors; 0: there is none */
    char words[512];
};

static void answer_clear(struct answer *a)
{
    json_decref(a->all);
    *a = (struct answer){0};
}

/* Numbers stand under two names, and so do words. */
static void errors_read(struct answer *a)
{
    const json_t *errors = json_object_get(a->all, "errors"), *e;
    text words = {0};
    size_t i;

    json_array_foreach(errors, i, e)
    {
        const char *more = json_string_value(json_object_get(e, "description"));
        const char *what = json_string_value(json_object_get(e, "error"));
        const json_t *number = json_object_get(e, "error_number");
        if (!number)
            number = json_object_get(e, "error_code");
        if (a->error == 0 && json_integer_value(number) != 0)
            a->error = json_integer_value(number);
        text_add(&words, "%s%s%s%s", words.len ? "; " : "", more ? more : "",
                 more && what ? ": " : "", what ? what : "");
    }
    scheduler_copy(a->words, sizeof(a->words), words.data ? words.data : "?",
                   words.data ? words.len : 1);
    if (json_array_size(errors) > 0 && a->error == 0)
        a->error = MINE;
    text_free(&words);
}

/* What it says is no answer of the API. */
static int stranger(const struct rest *m, const post_answer *p, pe_error *errp)
{
    char said[128];

    scheduler_copy(said, sizeof(said), (const char *)p->data,
                   p->len < 100 ? p->len : 100);
    if (p->status == 401 || p->status == 403 || strstr(said, "uthenticat"))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "%s lets us not in ('%s'): %s", m->name, said,
                            m->socket && !m->headers[1]
                                ? "its socket is for the user it runs as"
                                : "is the token over? 'scontrol token' makes "
                                  "one, for a file that " TOKEN_FILE
                                  " names, or SLURM_JWT");
    if (p->status == 404)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has no " API ": it is that of Slurm 22.05 to "
                            "23.11",
                            m->name);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s gives no answer of the API but status %ld, '%s'",
                        m->name, p->status, said);
}

static int line_open(struct rest *m, pe_error *errp)
{
    const post_conf c = {.url = m->root,
                         .socket = m->socket,
                         .headers = (const char *const *)m->headers,
                         .limit_s = m->base.timeout_s,
                         .most = ANSWER_MAX};

    if (!m->line)
        m->line = post_open(&c, errp);
    return m->line ? 0 : -1;
}

/* [method] of [path], with [body] or none; any answer of the API is one. */
static int call(struct rest *m, const char *method, const char *path,
                const char *body, struct answer *a, pe_error *errp)
{
    char *full = text_format("%s%s", m->root, path);
    post_body b = {.data = body,
                   .len = body ? strlen(body) : 0,
                   .method = body ? NULL : method,
                   .url = full};
    post_answer p;
    int status = -1;

    *a = (struct answer){0};
    if (!full)
        return pe_error_nomem(errp);
    if (line_open(m, errp) == 0) {
        status = post_send(m->line, &b, &p, errp);
        if (status < 0)
            pe_error_prefix(errp, "%s, within %g s", m->name,
                            m->base.timeout_s);
    }
    if (status == 0) {
        a->all = json_loadb((const char *)p.data, p.len, 0, NULL);
        status = json_is_object(a->all) ? 0 : stranger(m, &p, errp);
    }
    if (status == 0)
        errors_read(a);
    else
        answer_clear(a);
    free(full);
    return status;
}

/* It said no, or that it knows nothing: refused, or retry. */
static int refused(const struct rest *m, const char *doing,
                   const struct answer *a, pe_error *errp)
{
    bool away = a->error == NOT_REACHED ||
                (a->error == MINE && !strstr(a->words, "pars") &&
                 !strstr(a->words, "specification"));

    return pe_error_set(errp, away ? PE_ERROR_RETRY : PE_ERROR_INPUT,
                        away ? PE_EXIT_UNAVAILABLE : PE_EXIT_CONFIG,
                        "%s: %s: %s%s", m->name, doing, a->words,
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
    if (q->word[REQUEST_REQUEUE] && !request_flag(q, REQUEST_REQUEUE))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--no-requeue cannot be asked of slurmrestd, which "
                            "passes over it: leave it out");
    return 0;
}

static char *rest_script(const resource_spec *s, pe_error *errp)
{
    return words_check(s, errp) < 0 ? NULL : script_make(&dialect, s, errp);
}

/* What would be posted, without what the environment has. */
static char *rest_command(const resource_spec *s, pe_error *errp)
{
    char *body = rest_job(s, "");
    json_t *all = body ? json_loads(body, 0, NULL) : NULL;
    json_t *job = json_object_get(all, "job");
    char *words, *out = NULL;

    json_object_del(job, "environment");
    words = job ? json_dumps(job, JSON_COMPACT) : NULL;
    if (words)
        out = text_format("POST " API "/job/submit %s\n", words);
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
    struct answer a;

    snprintf(path, sizeof(path), "/job/%.32s", id);
    if (call(m, "GET", path, NULL, &a, NULL) < 0)
        return 0; /* it is queued: what it is will be asked again */
    const json_t *job = json_array_get(json_object_get(a.all, "jobs"), 0);
    if (job)
        rest_compare(s, job, words, sizeof(words));
    answer_clear(&a);
    if (!*words)
        return 0;
    rest_cancel(&m->base, id, true, NULL);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s grants %s; job %s was taken back", m->name, words,
                        id);
}

static int rest_submit(resource *r, const resource_spec *s,
                       char id[RESOURCE_ID_MAX], pe_error *errp)
{
    struct rest *m = (struct rest *)r;
    char *path = scheduler_script_path(s->dir), *content = NULL, *body = NULL;
    struct answer a = {0};
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
    body = rest_job(s, content);
    if (!body) {
        pe_error_nomem(errp);
        goto done;
    }
    if (call(m, "POST", "/job/submit", body, &a, errp) < 0) {
        pe_error_prefix(errp, "whether there is a job is not known");
        goto done;
    }
    /* Errors beside a number are why it waits. */
    json_int_t number = json_integer_value(json_object_get(a.all, "job_id"));
    if (number <= 0) {
        refused(m, "the job is refused", &a, errp);
        goto done;
    }
    snprintf(id, RESOURCE_ID_MAX, "%lld", (long long)number);
    status = granted_check(m, s, id, errp);
done:
    answer_clear(&a);
    free(body);
    free(content);
    free(path);
    return status;
}

static int jobs_take(const struct answer *a, resource_job *jobs, size_t n,
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
    struct answer a;
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
    answer_clear(&a);
    return status;
}

static int rest_describe(resource *r, resource_job *jobs, size_t n,
                         pe_error *errp)
{
    struct rest *m = (struct rest *)r;
    struct answer a;
    int status = -1;

    for (size_t i = 0; i < n; i++)
        scheduler_job_clear(&jobs[i]);
    if (call(m, "GET", "/jobs", NULL, &a, errp) < 0)
        return -1;
    if (a.error)
        refused(m, "it does not say", &a, errp);
    else
        status = jobs_take(&a, jobs, n, errp);
    answer_clear(&a);
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
    struct answer a;
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
        answer_clear(&a);
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
    struct answer a;
    char words[256];

    (void)q;
    if (call(m, "GET", "/ping", NULL, &a, errp) < 0)
        return -1;
    const json_t *ping = json_array_get(json_object_get(a.all, "pings"), 0);
    const char *state = json_string_value(json_object_get(ping, "ping"));
    bool up = a.error == 0 && state && !strcmp(state, "UP");
    snprintf(words, sizeof(words), "%s answers, its slurmctld %s", m->name,
             up ? "too" : "does not");
    line(arg, up, words);
    answer_clear(&a);
    return 0;
}

/* --- open and close --- */

static void rest_close(resource *r)
{
    struct rest *m = (struct rest *)r;

    if (!m)
        return;
    post_close(m->line);
    for (int i = 0; m->headers[i]; i++)
        free(m->headers[i]);
    free(m->root);
    free(m->socket);
    free(m->name);
    free(m);
}

/* The token of a user, and his name, in headers; the file goes first. */
static int token_read(struct rest *m, const url *u, pe_error *errp)
{
    const char *path = getenv(TOKEN_FILE), *word = getenv("SLURM_JWT");
    const struct passwd *pw = getpwuid(geteuid());
    const char *user = *u->user ? u->user : pw ? pw->pw_name : "";
    char *own = NULL;

    m->headers[0] = text_format("Content-Type: application/json");
    if (path && *path && !(own = file_read_secret(path, errp)))
        return pe_error_prefix(errp, TOKEN_FILE);
    if (own)
        word = own;
    if (word && *word) {
        m->headers[1] = text_format("X-SLURM-USER-NAME: %s", user);
        m->headers[2] = text_format("X-SLURM-USER-TOKEN: %s", word);
    }
    bool short_of = !m->headers[0] || (word && *word && !m->headers[2]);
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
    m->name = text_format("slurmrestd at %s%s", *u.host ? u.host : "",
                          *u.host ? "" : u.path);
    if (*u.host) {
        m->root = text_format("%s://%s%s%s:%d" API,
                              is_loopback(u.host) ? "http" : "https",
                              v6 ? "[" : "", u.host, v6 ? "]" : "", u.port);
    } else {
        m->root = text_format("http://localhost" API);
        m->socket = text_format("%s", u.path);
    }
    if (!m->name || !m->root || (!*u.host && !m->socket))
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
