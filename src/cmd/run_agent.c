/* run_agent.c - the processes of a pilot: start, read, end. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cmd/locate.h"
#include "src/cmd/run.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define ARGV_MAX 40
#define TAIL_BYTES 4096
#define TAIL_LINES 5

/* A command line and environment under construction. */
struct command {
    const char *argv[ARGV_MAX];
    const char *env[8];
    size_t n_argv, n_env;
    char *owned[8]; /* texts made for it */
    size_t n_owned;
    bool failed;
};

static void argv_add(struct command *c, const char *word)
{
    if (!word || c->n_argv + 1 >= ARGV_MAX)
        c->failed = true;
    else
        c->argv[c->n_argv++] = word;
}

static void argv_add_all(struct command *c, const char *const *words)
{
    for (; *words; words++)
        argv_add(c, *words);
}

/* Keep [s] (taken; NULL: no memory) as long as the command. */
static const char *own(struct command *c, char *s)
{
    if (!s || c->n_owned == sizeof(c->owned) / sizeof(c->owned[0])) {
        free(s);
        c->failed = true;
        return NULL;
    }
    c->owned[c->n_owned++] = s;
    return s;
}

static void env_add(struct command *c, const char *entry)
{
    if (!entry || c->n_env + 1 >= sizeof(c->env) / sizeof(c->env[0]))
        c->failed = true;
    else
        c->env[c->n_env++] = entry;
}

static void command_free(struct command *c)
{
    for (size_t i = 0; i < c->n_owned; i++)
        free(c->owned[i]);
}

/* Cores this process may use.  mpirun counts cores and not their threads. */
static int cores_count(void)
{
    char *smt = file_read("/sys/devices/system/cpu/smt/active", 16, NULL, NULL);
    int threads = smt && *smt == '1' ? 2 : 1;
    cpu_set_t set;

    free(smt);
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > threads ? n / threads : 1;
}

/* A folder of our own under [parent], or NULL. */
static char *scratch_make(const char *parent)
{
    char *path = text_format("%s/pilot-XXXXXX", parent);

    if (path && mkdtemp(path))
        return path;
    free(path);
    return NULL;
}

static void scratch_drop(char **pathp)
{
    if (*pathp)
        file_remove_tree(*pathp, NULL);
    free(*pathp);
    *pathp = NULL;
}

/* What mpirun leaves behind when it is killed lies in folders that are ours
 * to remove: its session in one, memory shared by the ranks in the other.
 */
static int scratch_renew(agent *a, pe_error *errp)
{
    scratch_drop(&a->scratch);
    scratch_drop(&a->shared);
    a->scratch = scratch_make("/tmp");
    if (!a->scratch)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                            "cannot make a folder in /tmp: %s",
                            strerror(errno));
    a->shared = scratch_make("/dev/shm");
    return 0;
}

/* Say once what is unusual about the way the ranks are started. */
static void launch_tell(const agent *a, int cores, bool shared_cores)
{
    bool root = geteuid() == 0;

    if (a->deaths.n > 0 || (!root && !shared_cores))
        return;
    if (shared_cores)
        log_info("%d ranks of %d cpus share %d cores (mpirun "
                 "--oversubscribe)%s",
                 a->pilot->ntasks, a->pilot->cpus_per_task, cores,
                 root ? ", and run as root (--allow-run-as-root)" : "");
    else
        log_info("the ranks run as root (mpirun --allow-run-as-root)");
}

/* mpirun on this host alone: `isolated` starts ranks without asking for an
 * ssh, and a rank that dies ends the others at once, so that the pool is back
 * soon.
 */
static void launcher_add(struct command *c, const agent *a)
{
    static const char *const always[] = {
        "mpirun",     "--mca", "plm",
        "isolated",   "--mca", "btl",
        "self,vader", "--mca", "odls_base_sigkill_timeout",
        "0",          NULL};
    const pipeline_pilot *pool = a->pilot;
    int cores = cores_count();
    bool shared_cores = pool->ntasks * pool->cpus_per_task > cores;

    launch_tell(a, cores, shared_cores);
    argv_add_all(c, always);
    if (a->shared) {
        argv_add(c, "--mca");
        argv_add(c, "btl_vader_backing_directory");
        argv_add(c, a->shared);
    }
    if (shared_cores)
        argv_add(c, "--oversubscribe");
    if (!shared_cores && pool->cpus_per_task > 1) {
        argv_add(c, "--map-by");
        argv_add(c, own(c, text_format("slot:PE=%d", pool->cpus_per_task)));
    }
    argv_add(c, "--bind-to");
    argv_add(c, shared_cores ? "none" : "core");
    argv_add(c, "-n");
    argv_add(c, own(c, text_format("%d", pool->ntasks)));
    env_add(c, own(c, text_format("TMPDIR=%s", a->scratch)));
    if (geteuid() == 0) {
        env_add(c, "OMPI_ALLOW_RUN_AS_ROOT=1");
        env_add(c, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    }
}

static int command_make(struct command *c, agent *a, pe_error *errp)
{
    bool pool = a->pilot->kind == PILOT_POOL;

    if (pool && scratch_renew(a, errp) < 0)
        return -1;
    if (pool)
        launcher_add(c, a);
    argv_add(c, a->program);
    argv_add(c, a->run->req->dir);
    argv_add(c, "--pilot");
    argv_add(c, a->pilot->name);
    if (pool) {
        argv_add(c, "--ranks");
        argv_add(c, own(c, text_format("%d", a->pilot->ntasks)));
    }
    env_add(c, a->mark);
    return c->failed ? pe_error_nomem(errp) : 0;
}

int run_agent_start(agent *a, pe_error *errp)
{
    struct command c = {0};
    int status = -1;

    process_destroy(a->proc);
    a->proc = NULL;
    event_reader_free(&a->reader);
    a->closed = a->ready = a->told = a->fatal = false;
    if (command_make(&c, a, errp) == 0) {
        const process_spec spec = {.argv = c.argv,
                                   .env = c.env,
                                   .err_path = a->err_path,
                                   .new_group = true};
        a->proc = process_start(&spec, errp);
    }
    if (a->proc) {
        a->state = AGENT_RUNS;
        status = 0;
    }
    command_free(&c);
    return status;
}

/* The one message of a pilot that fails; ranks may say it more than once. */
static void error_take(agent *a, const json_t *event)
{
    const char *what = json_string_value(json_object_get(event, "text"));
    const char *kind = json_string_value(json_object_get(event, "kind"));
    const json_t *code = json_object_get(event, "exit");

    if (a->told)
        return;
    a->told = true;
    a->fatal = event_kind(kind) != PE_ERROR_RETRY;
    a->exit_code = (int)json_integer_value(code);
    if (a->exit_code <= 0 || a->exit_code > 255)
        a->exit_code = PE_EXIT_FAILED;
    run_progress_clear(a->run);
    log_error("%s", what ? what : "a pilot failed without a word");
    monitor_error(a->run->monitor, what ? what : "");
}

static void final_take(agent *a, const json_t *event)
{
    const char *state = json_string_value(json_object_get(event, "state"));

    a->final = true;
    a->failed = state && !strcmp(state, "failed");
    a->drained = state && !strcmp(state, "drained");
}

static void event_take(void *arg, json_t *event)
{
    agent *a = arg;
    const char *kind = json_string_value(json_object_get(event, "event"));

    monitor_take(a->run->monitor, a->pilot->name, event);
    if (!kind)
        return;
    if (!strcmp(kind, "error"))
        error_take(a, event);
    if (!strcmp(kind, "pool") || !strcmp(kind, "edge"))
        final_take(a, event);
    if (!strcmp(kind, "ready")) {
        a->ready = true;
        if (a->run->drained && a->run->local) /* it missed the signal */
            run_agent_drain(a);
    }
}

static void line_take(void *arg, const char *line)
{
    const agent *a = arg;

    log_debug("%s: %s", a->pilot->name, line);
}

void run_agent_read(agent *a)
{
    char bytes[16384];
    ssize_t n;

    while ((n = read(process_fd(a->proc), bytes, sizeof(bytes))) > 0)
        if (event_feed(&a->reader, bytes, (size_t)n, event_take, line_take, a) <
            0)
            return;
    a->closed = n == 0;
}

void run_agent_drain(agent *a)
{
    process_signal(a->proc, a->pilot->kind == PILOT_POOL ? SIGUSR1 : SIGTERM);
}

bool run_agent_is_over(const agent *a)
{
    return a->state == AGENT_DONE || a->state == AGENT_GIVEN_UP;
}

/* Where the last TAIL_LINES lines of [s] begin. */
static char *tail_of(char *s)
{
    char *p = s + strlen(s);
    int lines = 0;

    if (p > s && p[-1] == '\n')
        p--;
    while (p > s) {
        if (p[-1] == '\n' && ++lines == TAIL_LINES)
            break;
        p--;
    }
    return p;
}

void run_agent_tail(const agent *a)
{
    char bytes[TAIL_BYTES + 1], *save = NULL;
    int fd = open(a->err_path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (lseek(fd, -TAIL_BYTES, SEEK_END) < 0)
        lseek(fd, 0, SEEK_SET); /* it is shorter */
    ssize_t n = read(fd, bytes, TAIL_BYTES);
    close(fd);
    bytes[n > 0 ? n : 0] = '\0';
    for (char *line = strtok_r(tail_of(bytes), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        log_error("%s: %s", a->pilot->name, line);
}

static int agent_fill(agent *a, struct run *r, const pipeline_pilot *pilot,
                      pe_error *errp)
{
    bool pool = pilot->kind == PILOT_POOL;

    a->run = r;
    a->pilot = pilot;
    if (pool && process_find("mpirun", errp) < 0)
        return -1;
    a->program = pool ? locate_program("pilot-agent", PILOT_LIBEXECDIR, errp)
                      : locate_program("pilot-edge", PILOT_BINDIR, errp);
    if (!a->program)
        return -1;
    a->err_path = text_format("%s/%s.err", r->req->dir, pilot->name);
    a->mark = text_format("PILOT_AGENT=%s/%s", r->req->dir, pilot->name);
    return a->err_path && a->mark ? 0 : pe_error_nomem(errp);
}

int run_agents_create(struct run *r, pe_error *errp)
{
    r->agents = calloc(r->p->n_pilots + 1, sizeof(*r->agents));
    if (!r->agents)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < r->p->n_pilots; i++) {
        const pipeline_pilot *pilot = &r->p->pilots[i];
        bool edge = pilot->kind == PILOT_EDGE && !r->local;
        if (!edge && pilot->kind != PILOT_POOL)
            continue;
        agent *a = &r->agents[r->n_agents++];
        if (agent_fill(a, r, pilot, errp) < 0)
            return -1;
        /* What a command that was killed has left of this very run. */
        process_kill_marked(a->mark);
    }
    return 0;
}

/* Ranks have process groups of their own, so killing mpirun would leave
 * them; asked to, it takes them with it.  Edges need no time.
 */
void run_agents_destroy(struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++)
        process_signal(r->agents[i].proc, r->agents[i].pilot->kind == PILOT_POOL
                                              ? SIGTERM
                                              : SIGKILL);
    for (size_t i = 0; i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        process_destroy(a->proc);
        if (a->mark)
            process_kill_marked(a->mark);
        event_reader_free(&a->reader);
        scratch_drop(&a->scratch);
        scratch_drop(&a->shared);
        free(a->program);
        free(a->err_path);
        free(a->mark);
    }
    free(r->agents);
    r->agents = NULL;
    r->n_agents = 0;
}
