/* direct.c - a host without a scheduler: the job script is a process there. */
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/backend/backends.h"
#include "src/backend/direct.h"
#include "src/common/clock.h"
#include "src/common/shell.h"
#include "src/resource/scheduler.h"
#include "src/resource/script.h"

#define EXIT_MAX 65536        /* bytes of an exit record */
#define NOW_STEP_NS 100000000 /* between two looks at one that is ended */
#define NOW_STEPS 20          /* and then KILL */
#define SIGNAL_STATUS 128     /* and above: a shell's, of a signal */

/* Asked for here, these would change what the pilot does; the others are
 * about queues that there are none of.
 */
static const struct {
    enum request_word word;
    const char *why;
} impossible[] = {
    {REQUEST_DEPENDENCY, "nothing here knows of other jobs"},
    {REQUEST_BEGIN, "nothing here starts it later: use at(1) or cron(8)"},
    {REQUEST_HOLD, "nothing here holds it"},
    {REQUEST_ARRAY, RESOURCE_ARRAY_WHY},
};

static int words_check(const resource_request *q, pe_error *errp)
{
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        enum request_word w = impossible[i].word;
        if (q->word[w] && strcmp(q->word[w], "false"))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "--%s cannot be asked of a host without a "
                                "scheduler: %s",
                                request_specs[w].name, impossible[i].why);
    }
    if (request_int(q, REQUEST_NODES, 1) > 1)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--nodes is %s, and without a scheduler there is "
                            "one host: leave it out, or give another "
                            "--resource",
                            q->word[REQUEST_NODES]);
    return 0;
}

static bool is_among(int w, const enum request_word *heard, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (heard[i] == (enum request_word)w)
            return true;
    return false;
}

int direct_unheard(const resource_spec *s, const enum request_word *heard,
                   size_t n_heard, text *out, pe_error *errp)
{
    const resource_request *q = s->request;
    int n = 0;

    if (words_check(q, errp) < 0)
        return -1;
    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        if (!q->word[w] || request_specs[w].ours ||
            is_among(w, heard, n_heard) || !strcmp(q->word[w], "false"))
            continue;
        text_add(out, "%s --%s", n++ ? "" : "# No scheduler here hears of:",
                 request_specs[w].name);
    }
    if (q->list[REQUEST_DIRECTIVES].n > 0)
        text_add(out, "%s directives",
                 n++ ? "" : "# No scheduler here hears of:");
    if (q->list[REQUEST_EXTRA].n > 0)
        text_add(out, "%s words behind --",
                 n++ ? "" : "# No scheduler here hears of:");
    text_add(out, "%s", n ? "\n" : "");
    return 0;
}

static int direct_directives(const resource_spec *s, text *out, pe_error *errp)
{
    static const enum request_word heard[] = {
        REQUEST_NODES, REQUEST_NTASKS, REQUEST_CPUS_PER_TASK, REQUEST_CHDIR};

    return direct_unheard(s, heard, sizeof(heard) / sizeof(heard[0]), out,
                          errp);
}

/* The id is what a caller gets that was cut off before it had the answer. */
static const script_dialect dialect = {
    .directives = direct_directives,
    .shell = DIRECT_SHELL,
};

static char *direct_script(const resource_spec *s, pe_error *errp)
{
    return script_make(&dialect, s, errp);
}

static char *direct_command(const resource_spec *s, pe_error *errp)
{
    text out = {0};

    text_add(&out, "bash ");
    shell_add_word(&out, s->dir);
    text_add(&out, "/job.sh\n");
    if (!out.failed)
        return out.data;
    text_free(&out);
    pe_error_nomem(errp);
    return NULL;
}

/* "DIR/NAME" in new memory. */
static char *path_of(const char *dir, const char *name, pe_error *errp)
{
    char *path = text_format("%s/%s", dir, name);

    if (!path)
        pe_error_nomem(errp);
    return path;
}

static int direct_submit(resource *r, const resource_spec *s,
                         char id[RESOURCE_ID_MAX], pe_error *errp)
{
    char *script = path_of(s->dir, "job.sh", errp);
    char *out = path_of(s->dir, "out", errp);
    char *err = path_of(s->dir, "err", errp);
    const char *argv[] = {"bash", script, NULL};
    const host_command c = {.argv = argv,
                            .folder = s->submit_dir,
                            .out_path = out,
                            .err_path = err};
    char start[32] = "";
    pid_t pid = -1;
    int result = -1;

    if (script && out && err)
        result = host_spawn(r->host, &c, &pid, start, errp);
    if (result == 0)
        snprintf(id, RESOURCE_ID_MAX, "%ld.%s", (long)pid, start);
    free(script);
    free(out);
    free(err);
    return result;
}

/* "PID.START". */
static int id_read(const char *id, pid_t *pidp, const char **startp)
{
    const char *dot = strchr(id, '.');
    char digits[16];
    int64_t pid;

    if (!dot || dot == id || dot - id >= (long)sizeof(digits) || !dot[1])
        return -1;
    snprintf(digits, sizeof(digits), "%.*s", (int)(dot - id), id);
    if (text_parse_int(digits, &pid) < 0 || pid <= 1 || pid > INT32_MAX)
        return -1;
    *pidp = (pid_t)pid;
    *startp = dot + 1;
    return 0;
}

/* The first line of DIR/NAME into [out]; "" when there is none. */
static int line_read(resource *r, const char *dir, const char *name, char *out,
                     size_t cap, pe_error *errp)
{
    char *path = path_of(dir, name, errp), *data = NULL;
    size_t len = 0;

    out[0] = '\0';
    if (path)
        data = host_read(r->host, path, 0, EXIT_MAX, &len, errp);
    if (data && strcspn(data, "\n") < cap)
        snprintf(out, cap, "%.*s", (int)strcspn(data, "\n"), data);
    free(path);
    free(data);
    return data ? 0 : -1;
}

static void exit_set(resource_job *job, int status)
{
    job->exit_code = status;
    job->signal = status > SIGNAL_STATUS ? status - SIGNAL_STATUS : 0;
    job->seen = status == 0 ? RESOURCE_DONE : RESOURCE_FAILED;
    if (status != 0)
        snprintf(job->prose, sizeof(job->prose),
                 "it ended with %d; its err in the pilot's folder may say why",
                 status);
}

/* What the pilot wrote at its end: without it nothing is known. */
static int exit_read(resource *r, resource_job *job, pe_error *errp)
{
    char *path = path_of(job->dir, "exit", errp), *data = NULL;
    json_t *record, *status, *time;
    size_t len = 0;

    if (path)
        data = host_read(r->host, path, 0, EXIT_MAX, &len, errp);
    free(path);
    if (!data)
        return -1;
    record = json_loadb(data, len, 0, NULL);
    status = json_object_get(record, "status");
    time = json_object_get(record, "time_ns");
    if (json_is_integer(status))
        exit_set(job, (int)json_integer_value(status));
    job->end_ns = json_integer_value(time);
    json_decref(record);
    free(data);
    return 0;
}

static int describe_one(resource *r, resource_job *job, pe_error *errp)
{
    bool given = *job->id != '\0';
    const char *start;
    pid_t pid;
    int alive;

    if (!given && job->dir &&
        line_read(r, job->dir, "job.id", job->id, sizeof(job->id), errp) < 0)
        return -1;
    if (id_read(job->id, &pid, &start) < 0) {
        if (!given)
            job->id[0] = '\0';
        return 0;
    }
    alive = host_alive(r->host, pid, start, errp);
    if (alive < 0)
        return -1;
    if (alive) {
        job->seen = RESOURCE_RUNNING;
        job->nodes = 1;
        snprintf(job->native, sizeof(job->native), "running");
        scheduler_copy(job->hosts, sizeof(job->hosts), host_name(r->host),
                       strlen(host_name(r->host)));
        return 0;
    }
    snprintf(job->native, sizeof(job->native), "ended");
    return job->dir ? exit_read(r, job, errp) : 0;
}

static int direct_describe(resource *r, resource_job *jobs, size_t n,
                           pe_error *errp)
{
    int result = 0;

    for (size_t i = 0; i < n; i++)
        scheduler_job_clear(&jobs[i]);
    for (size_t i = 0; i < n && result == 0; i++)
        result = describe_one(r, &jobs[i], errp);
    for (size_t i = 0; result < 0 && i < n; i++)
        scheduler_job_clear(&jobs[i]);
    return result;
}

/* Nobody cleans up behind a supervisor that is killed: [now] is a short time
 * to end its processes, then KILL.
 */
static int direct_cancel(resource *r, const char *id, bool now, pe_error *errp)
{
    const char *start;
    pid_t pid;
    int alive;

    if (id_read(id, &pid, &start) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.64s' is no id of a process", id);
    alive = host_alive(r->host, pid, start, errp);
    if (alive <= 0)
        return alive;
    if (host_kill(r->host, pid, start, SIGTERM, errp) < 0)
        return -1;
    for (int i = 0; now && alive > 0 && i < NOW_STEPS; i++) {
        clock_sleep_ns(NOW_STEP_NS, 1);
        alive = host_alive(r->host, pid, start, errp);
    }
    if (now && alive > 0)
        return host_kill(r->host, pid, start, SIGKILL, errp);
    return alive < 0 ? -1 : 0;
}

static int direct_doctor(resource *r, const resource_request *q,
                         void (*line)(void *arg, bool ok, const char *text),
                         void *arg, pe_error *errp)
{
    const char *machine = host_machine(r->host, errp);
    pe_error e = {0};
    char *report;

    if (!machine)
        return -1;
    if (words_check(q, &e) < 0) {
        line(arg, false, e.text);
        return 0;
    }
    report = text_format("%s has no queue and no time limit, and is a %s",
                         host_name(r->host), machine);
    if (!report)
        return pe_error_nomem(errp);
    line(arg, true, report);
    free(report);
    return 0;
}

static void direct_close(resource *r)
{
    free(r);
}

static resource *direct_create(bool here, pe_error *errp)
{
    resource *r = calloc(1, sizeof(*r));

    (void)here;
    if (!r)
        pe_error_nomem(errp);
    return r;
}

#define DIRECT_OPERATIONS                                                \
    .is_direct = true, .create = direct_create, .script = direct_script, \
    .command = direct_command, .submit = direct_submit,                  \
    .describe = direct_describe, .cancel = direct_cancel,                \
    .doctor = direct_doctor, .close = direct_close

const resource_ops local_ops = {
    .scheme = "local", .name = "this host", .is_here = true, DIRECT_OPERATIONS};
const resource_ops ssh_ops = {
    .scheme = "ssh", .name = "SSH", DIRECT_OPERATIONS};
