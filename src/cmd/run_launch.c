/* run_launch.c - command lines of the agents: mpirun for a pool. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cmd/run.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define ARGV_MAX 40

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

/* Where a folder of ours outside the run's is noted: a link in the run's. */
static char *scratch_link(const agent *a, const char *suffix)
{
    return text_format("%s/%s.%s", a->run->req->dir, a->pilot->name, suffix);
}

static void scratch_drop(const agent *a, const char *suffix)
{
    char *link = scratch_link(a, suffix), path[PATH_MAX];
    ssize_t n = link ? readlink(link, path, sizeof(path) - 1) : -1;

    if (n > 0) {
        path[n] = '\0';
        file_remove_tree(path, NULL);
        unlink(link);
    }
    free(link);
}

/* A folder of our own under [parent] in new memory, or NULL. */
static char *scratch_make(const agent *a, const char *parent,
                          const char *suffix)
{
    char *path = text_format("%s/pilot-XXXXXX", parent);
    char *link = scratch_link(a, suffix);
    bool made = path && link && mkdtemp(path);

    if (made && symlink(path, link) < 0) {
        rmdir(path);
        made = false;
    }
    free(link);
    if (made)
        return path;
    free(path);
    return NULL;
}

void run_launch_clean(const agent *a)
{
    scratch_drop(a, "tmp");
    scratch_drop(a, "shm");
}

/* Say once what is unusual about the way the ranks are started. */
static void launch_tell(const agent *a, int cores, bool shared_cores)
{
    bool root = geteuid() == 0;

    if (a->deaths.n > 0 || (!root && !shared_cores))
        return;
    if (shared_cores)
        log_info("%d ranks share %d cores (mpirun --oversubscribe)%s",
                 a->pilot->ntasks, cores,
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
    char *shared = scratch_make(a, "/dev/shm", "shm");

    launch_tell(a, cores, shared_cores);
    argv_add_all(c, always);
    if (shared) {
        argv_add(c, "--mca");
        argv_add(c, "btl_vader_backing_directory");
        argv_add(c, own(c, shared));
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
    if (geteuid() == 0) {
        env_add(c, "OMPI_ALLOW_RUN_AS_ROOT=1");
        env_add(c, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    }
}

/* What mpirun leaves behind when it is killed lies in folders that are ours
 * to remove: its session in one, memory shared by the ranks in the other.
 */
static int scratch_add(struct command *c, const agent *a, pe_error *errp)
{
    char *session;

    run_launch_clean(a);
    session = scratch_make(a, "/tmp", "tmp");
    if (!session)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                            "cannot make a folder in /tmp: %s",
                            strerror(errno));
    env_add(c, own(c, text_format("TMPDIR=%s", session)));
    free(session);
    return 0;
}

static int command_make(struct command *c, const agent *a, pe_error *errp)
{
    bool pool = a->pilot->kind == PILOT_POOL;

    if (pool && scratch_add(c, a, errp) < 0)
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

process *run_launch(const agent *a, pe_error *errp)
{
    struct command c = {0};
    process *p = NULL;

    if (command_make(&c, a, errp) == 0) {
        const process_spec spec = {.argv = c.argv,
                                   .env = c.env,
                                   .err_path = a->err_path,
                                   .new_group = true};
        p = process_start(&spec, errp);
    }
    command_free(&c);
    return p;
}
