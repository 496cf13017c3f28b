/* rehearsal.c - a scheduler that is played from a script, on a fast clock.
 *
 * What it says and when is in the script (rehearsal_script.c); job.sh really
 * runs.  There is no daemon: each job has a player (pilot-rehearse) from its
 * submission to its end, which keeps what the scheduler knows of it in
 * HOME/rehearsal/NUMBER.json.  That HOME/rehearsal/{queries,submits,cancels}
 * have a line for every call is for tests, too.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rehearsal.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "private.h"
#include "src/resource/scheduler.h"
#include "src/resource/script.h"

#define SCHEME "rehearsal://"
#define QUERY "?script="
#define TIMEOUT_S 20.0              /* of one that is opened by itself */
#define PLAYER_UP_NS (30 * CLOCK_S) /* it is up by then, or never */
#define STEP_NS (10 * CLOCK_MS)

typedef struct rehearsal {
    resource base;
    char path[1024]; /* of the script; "": none */
    char *folder;
    rehearsal_script script;
} rehearsal;

/* --- open and close --- */

/* Path of the script in [url], absolute, into [out]. */
static int path_of(const char *url, char out[1024], pe_error *errp)
{
    const char *rest = url + strlen(SCHEME);
    char *path;

    out[0] = '\0';
    if (!strncmp(rest, QUERY, strlen(QUERY)))
        rest += strlen(QUERY);
    else if (*rest && *rest != '/')
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.200s' names no host: write rehearsal:///PATH "
                            "or rehearsal://?script=PATH",
                            url);
    if (!*rest)
        return 0;
    path = realpath(rest, NULL);
    if (!path)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "script of a rehearsal: cannot open %.500s: %s",
                            rest, strerror(errno));
    int len = snprintf(out, 1024, "%s", path);
    free(path);
    if (len < 1024)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "the path of the script in '%.200s...' is too long",
                        url);
}

static void rehearsal_close(resource *r)
{
    rehearsal *x = (rehearsal *)r;

    if (!x)
        return;
    rehearsal_script_free(&x->script);
    free(x->folder);
    free(x);
}

resource *rehearsal_open(const char *url, pe_error *errp)
{
    rehearsal *x = calloc(1, sizeof(*x));

    if (!x) {
        pe_error_nomem(errp);
        return NULL;
    }
    x->base.ops = &rehearsal_ops;
    x->base.timeout_s = TIMEOUT_S;
    x->base.url = text_format("%s", url);
    if (!x->base.url)
        pe_error_nomem(errp);
    else if (path_of(url, x->path, errp) == 0 &&
             rehearsal_script_read(x->path, &x->script, errp) == 0 &&
             (x->base.host = host_open_local(errp)) != NULL &&
             (x->folder = rehearsal_folder(x->base.host, errp)) != NULL)
        return &x->base;
    resource_close(&x->base);
    return NULL;
}

/* --- submit --- */

/* Its script has no directives. */
static int no_directives(const resource_spec *s, text *out, pe_error *errp)
{
    const char *array = s->request->word[REQUEST_ARRAY];

    (void)out;
    if (!array)
        return 0;
    return pe_error_set(
        errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
        "--array cannot be asked of a rehearsal: " RESOURCE_ARRAY_WHY);
}

static char *rehearsal_make(const resource_spec *s, pe_error *errp)
{
    static const script_dialect dialect = {.directives = no_directives};

    return script_make(&dialect, s, errp);
}

static char *rehearsal_command(const resource_spec *s, pe_error *errp)
{
    scheduler_line l = {0};

    scheduler_line_add(&l, "pilot-rehearse");
    scheduler_line_end(&l, s);
    return scheduler_command(&l, NULL, errp);
}

static int no_answer(pe_error *errp, const char *what)
{
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "the rehearsed scheduler does not answer %s", what);
}

/* PATH/pilot-rehearse in new memory when it is there. */
static char *player_in(const char *folder, size_t len)
{
    char *path =
        len > 0 ? text_format("%.*s/pilot-rehearse", (int)len, folder) : NULL;

    if (path && access(path, X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

/* The player lies with the other programs of pilots. */
static char *player_find(const resource_spec *s, pe_error *errp)
{
    const char *libexec = getenv("PILOT_LIBEXEC");
    char own[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
    char *path = NULL;

    own[n > 0 ? n : 0] = '\0';
    if (libexec)
        path = player_in(libexec, strlen(libexec));
    if (!path && s->supervisor)
        path = player_in(s->supervisor, folder_len(s->supervisor));
    if (!path)
        path = player_in(own, folder_len(own));
    if (!path)
        path = player_in(PILOT_LIBEXECDIR, strlen(PILOT_LIBEXECDIR));
    if (!path)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "pilot-rehearse is neither beside this program nor in "
                     "%s: install it, or set PILOT_LIBEXEC to its folder",
                     PILOT_LIBEXECDIR);
    return path;
}

static int player_start(const rehearsal *x, const resource_spec *s,
                        const rehearsal_job *j, pe_error *errp)
{
    char *player = player_find(s, errp);
    char *log = text_format("%s/players.log", x->folder);
    const char *const argv[] = {player, x->folder, j->id, NULL};
    const host_command c = {.argv = argv, .out_path = log, .err_path = log};
    char start[32];
    pid_t pid;
    int status = -1;

    if (!log)
        pe_error_nomem(errp);
    else if (player)
        status = host_spawn(x->base.host, &c, &pid, start, errp);
    free(log);
    free(player);
    return status;
}

static void job_fill(const rehearsal *x, const resource_spec *s,
                     rehearsal_job *j)
{
    double limit = s->request ? request_seconds(s->request, REQUEST_TIME) : 0;

    snprintf(j->script, sizeof(j->script), "%s", x->path);
    snprintf(j->dir, sizeof(j->dir), "%s", s->dir);
    snprintf(j->submit_dir, sizeof(j->submit_dir), "%s",
             s->submit_dir ? s->submit_dir : s->dir);
    j->seen = RESOURCE_QUEUED;
    snprintf(j->native, sizeof(j->native), "PENDING");
    j->exit_code = j->signal = -1;
    j->nodes = 1;
    j->limit_s = x->script.limit_s > 0 ? x->script.limit_s : limit;
    j->submit_ns = clock_real_ns();
}

static int rehearsal_submit(resource *r, const resource_spec *s,
                            char id[RESOURCE_ID_MAX], pe_error *errp)
{
    rehearsal *x = (rehearsal *)r;
    rehearsal_job j = {0};
    int n = rehearsal_count(x->folder, "submits", x->path, errp);

    if (n < 0)
        return -1;
    if (n < x->script.fail_submit)
        return no_answer(errp, "a submission");
    if (*x->script.refuse)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s",
                            x->script.refuse);
    job_fill(x, s, &j);
    if (rehearsal_job_create(x->folder, &j, errp) < 0 ||
        rehearsal_job_write(x->folder, &j, errp) < 0)
        return -1;
    if (player_start(x, s, &j, errp) < 0) {
        j.seen = RESOURCE_ABSENT;
        rehearsal_job_write(x->folder, &j, NULL);
        return -1;
    }
    if (x->script.submit_lost)
        return no_answer(errp, "a submission, which it may have");
    memcpy(id, j.id, RESOURCE_ID_MAX);
    return 0;
}

/* --- describe --- */

static void prose_fill(const rehearsal_job *j, resource_job *job)
{
    static const char *const prose[RESOURCE_N_SEEN] = {
        [RESOURCE_QUEUED] = "waits in the queue",
        [RESOURCE_HELD] = "held",
        [RESOURCE_STARTING] = "its nodes are made ready",
        [RESOURCE_SUSPENDED] = "its processes are stopped",
        [RESOURCE_TIMEOUT] = "its time was over",
        [RESOURCE_PREEMPTED] = "preempted",
        [RESOURCE_NODE_LOST] = "its node was lost",
    };
    const char *words = prose[j->seen];

    if (j->never)
        words = "";
    if (words && *words && *j->reason)
        snprintf(job->prose, sizeof(job->prose), "%.40s (%.200s)", words,
                 j->reason);
    else
        snprintf(job->prose, sizeof(job->prose), "%s",
                 words && *words ? words : j->reason);
}

/* Does the player of a job that is not over still play it? */
static bool is_played(const rehearsal *x, const rehearsal_job *j)
{
    if (j->player == 0)
        return clock_real_ns() - j->submit_ns < PLAYER_UP_NS;
    return host_alive(x->base.host, (pid_t)j->player, j->player_start, NULL) !=
           0;
}

static bool is_over(const rehearsal_job *j)
{
    return j->seen >= RESOURCE_DONE && j->seen <= RESOURCE_NODE_LOST;
}

static void facts_fill(const rehearsal *x, const rehearsal_job *j,
                       resource_job *job)
{
    snprintf(job->id, sizeof(job->id), "%s", j->id);
    job->seen = j->seen;
    snprintf(job->native, sizeof(job->native), "%s", j->native);
    snprintf(job->reason, sizeof(job->reason), "%s", j->reason);
    job->never = j->never;
    job->exit_code = j->exit_code;
    job->signal = j->signal;
    job->restarts = j->restarts;
    job->submit_ns = j->submit_ns;
    job->start_ns = j->start_ns;
    job->end_ns = j->end_ns;
    job->nodes = j->nodes;
    if (!is_over(j) && j->start_ns > 0)
        snprintf(job->hosts, sizeof(job->hosts), "%s", host_name(x->base.host));
    prose_fill(j, job);
}

static void job_tell(const rehearsal *x, const rehearsal_job *j,
                     resource_job *job)
{
    rehearsal_job again;
    bool dead = j->seen != RESOURCE_ABSENT && !is_over(j) && !is_played(x, j);

    /* It may have ended between the look at its file and at its player. */
    if (dead && rehearsal_job_read(x->folder, j->id, &again, NULL) == 0) {
        j = &again;
        dead = j->seen != RESOURCE_ABSENT && !is_over(j);
    }
    if (j->seen == RESOURCE_ABSENT)
        return;
    facts_fill(x, j, job);
    if (!dead)
        return;
    job->seen = RESOURCE_FAILED;
    snprintf(job->native, sizeof(job->native), "FAILED");
    snprintf(job->prose, sizeof(job->prose),
             "the player of this job was killed");
}

static bool is_asked(const resource_job *job, const rehearsal_job *j)
{
    return *job->id ? !strcmp(job->id, j->id)
                    : job->dir && !strcmp(job->dir, j->dir);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Jobs by id, in two passes of sorted lists rather than one of all pairs. */
static int jobs_tell(const rehearsal *x, const rehearsal_job *all, size_t n_all,
                     resource_job *jobs, size_t n, pe_error *errp)
{
    const char **ids = calloc(n_all + 1, sizeof(*ids));

    if (!ids)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n_all; i++)
        ids[i] = all[i].id;
    qsort(ids, n_all, sizeof(*ids), by_text);
    for (size_t i = 0; i < n; i++) {
        const char *id = jobs[i].id;
        const char **at =
            *id ? bsearch(&id, ids, n_all, sizeof(*ids), by_text) : NULL;
        if (at) /* the id is the first member */
            job_tell(x, (const rehearsal_job *)(const void *)*at, &jobs[i]);
        for (size_t k = n_all; !*id && k-- > 0;)
            if (is_asked(&jobs[i], &all[k]))
                job_tell(x, &all[k], &jobs[i]);
    }
    free(ids);
    return 0;
}

/* An answer may take longer than anybody waits. */
static int answer_wait(const rehearsal *x, pe_error *errp)
{
    double seconds = x->script.slow_query_s / x->script.speed;
    bool late = seconds > x->base.timeout_s;

    clock_sleep_ns((int64_t)((late ? x->base.timeout_s : seconds) * 1e9), 1);
    return late ? no_answer(errp, "a question in time") : 0;
}

static int rehearsal_describe(resource *r, resource_job *jobs, size_t n,
                              pe_error *errp)
{
    rehearsal *x = (rehearsal *)r;
    int asked = rehearsal_count(x->folder, "queries", x->path, errp);
    rehearsal_job *all = NULL;
    size_t n_all = 0;
    int status;

    for (size_t i = 0; i < n; i++)
        scheduler_job_clear(&jobs[i]);
    if (asked < 0 || answer_wait(x, errp) < 0)
        return -1;
    if (asked < x->script.fail_query)
        return no_answer(errp, "a question");
    status = rehearsal_jobs_read(x->folder, x->path, &all, &n_all, errp);
    if (status == 0)
        status = jobs_tell(x, all, n_all, jobs, n, errp);
    free(all);
    return status;
}

/* --- cancel --- */

/* A job submitted a moment ago has no player yet. */
static int player_await(const rehearsal *x, const char *id, rehearsal_job *j)
{
    int status;

    while ((status = rehearsal_job_read(x->folder, id, j, NULL)) == 0 &&
           j->player == 0 && is_played(x, j))
        clock_sleep_ns(STEP_NS, 1);
    return status;
}

/* As schedulers do it: when the answer comes, the job is no more in the queue,
 * or is being ended.
 */
static void cancel_await(const rehearsal *x, const char *id)
{
    int64_t until = clock_mono_ns() + PLAYER_UP_NS;
    rehearsal_job j;

    while (clock_mono_ns() < until &&
           rehearsal_job_read(x->folder, id, &j, NULL) == 0 && !is_over(&j) &&
           j.seen != RESOURCE_ENDING && is_played(x, &j))
        clock_sleep_ns(STEP_NS, 1);
}

static int rehearsal_cancel(resource *r, const char *id, bool now,
                            pe_error *errp)
{
    rehearsal *x = (rehearsal *)r;
    rehearsal_job j;
    int n;

    if (scheduler_id_check(id, errp) < 0)
        return -1;
    n = rehearsal_count(x->folder, "cancels", x->path, errp);
    if (n < 0)
        return -1;
    if (n < x->script.fail_cancel)
        return no_answer(errp, "a cancel");
    if (player_await(x, id, &j) != 0 || strcmp(j.script, x->path) != 0)
        return 0; /* it knows no such job */
    if (is_over(&j) || j.player == 0 || !is_played(x, &j))
        return 0;
    if (host_kill(x->base.host, (pid_t)j.player, j.player_start,
                  now ? SIGUSR1 : SIGTERM, errp) < 0)
        return -1;
    cancel_await(x, id);
    return 0;
}

/* --- doctor --- */

static int rehearsal_doctor(resource *r, const resource_request *q,
                            void (*line)(void *arg, bool ok, const char *text),
                            void *arg, pe_error *errp)
{
    rehearsal *x = (rehearsal *)r;
    char *what = text_format("rehearsal: %zu line%s about a job in %s, %g of "
                             "its seconds in one of ours",
                             x->script.n_acts, text_s(x->script.n_acts),
                             *x->path ? x->path : "no script", x->script.speed);

    (void)q;
    if (!what)
        return pe_error_nomem(errp);
    line(arg, true, what);
    free(what);
    return 0;
}

const resource_ops rehearsal_ops = {
    .scheme = "rehearsal",
    .name = "rehearsal",
    .open = rehearsal_open,
    .script = rehearsal_make,
    .command = rehearsal_command,
    .submit = rehearsal_submit,
    .describe = rehearsal_describe,
    .cancel = rehearsal_cancel,
    .shrink = NULL,
    .doctor = rehearsal_doctor,
    .close = rehearsal_close,
};
