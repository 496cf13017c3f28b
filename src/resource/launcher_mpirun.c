/* launcher_mpirun.c - Open MPI's mpirun, on one host and on several. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/resource/launcher_private.h"
#include "src/resource/process.h"

#define HOSTS "hosts"
#define AGENT "pilot-tmrsh"

extern char **environ;

/* Starts a daemon of Open MPI on a host of a PBS job.  pbs_tmrsh runs no
 * shell, and mpirun hands it a shell's words.
 */
static const char agent[] = "#!/bin/sh\n"
                            "h=$1\n"
                            "shift\n"
                            "exec pbs_tmrsh \"$h\" /bin/sh -c \"$*\"\n";

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

static void mca_add(launcher_command *c, const char *name, const char *value,
                    pe_error *errp)
{
    launcher_arg(c, text_format("--mca"), errp);
    launcher_arg(c, text_format("%s", name), errp);
    launcher_arg(c, text_format("%s", value), errp);
}

static void count_add(const launcher_spec *s, launcher_command *c,
                      pe_error *errp)
{
    launcher_arg(c, text_format("-n"), errp);
    launcher_arg(c, text_format("%d", s->ntasks), errp);
}

/* What mpirun leaves behind when it is killed lies in a folder that is its
 * caller's to remove.  On other hosts there is none such: see several_hosts.
 */
static void settings_add(const launcher_spec *s, const launcher_allocation *a,
                         launcher_command *c, pe_error *errp)
{
    if (s->session_dir && a->nodes <= 1)
        launcher_env(c, text_format("TMPDIR=%s", s->session_dir), errp);
    if (geteuid() != 0)
        return;
    launcher_env(c, text_format("OMPI_ALLOW_RUN_AS_ROOT=1"), errp);
    launcher_env(c, text_format("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"), errp);
}

static void tell(const launcher_spec *s, launcher_command *c, int cores,
                 bool shared_cores)
{
    bool root = geteuid() == 0;

    if (shared_cores)
        snprintf(c->told, sizeof(c->told),
                 "%d ranks share %d cores (mpirun --oversubscribe)%s",
                 s->ntasks, cores,
                 root ? ", and run as root (--allow-run-as-root)" : "");
    else if (root)
        snprintf(c->told, sizeof(c->told),
                 "the ranks run as root (mpirun --allow-run-as-root)");
}

/* This host alone: `isolated` starts ranks without asking for an ssh. */
static int one_host(const launcher_spec *s, const launcher_allocation *a,
                    launcher_command *c, pe_error *errp)
{
    int cores = cores_count();
    bool shared_cores = (int64_t)s->ntasks * s->cpus_per_task > cores;

    mca_add(c, "plm", "isolated", errp);
    mca_add(c, "btl", "self,vader", errp);
    mca_add(c, "odls_base_sigkill_timeout", "0", errp);
    if (s->shared_dir)
        mca_add(c, "btl_vader_backing_directory", s->shared_dir, errp);
    /* In a job that there is room was checked; mpirun may not know it. */
    if (shared_cores || a->kind != LAUNCHER_NONE)
        launcher_arg(c, text_format("--oversubscribe"), errp);
    if (!shared_cores && s->cpus_per_task > 1) {
        launcher_arg(c, text_format("--map-by"), errp);
        launcher_arg(c, text_format("slot:PE=%d", s->cpus_per_task), errp);
    }
    launcher_arg(c, text_format("--bind-to"), errp);
    launcher_arg(c, text_format(shared_cores ? "none" : "core"), errp);
    count_add(s, c, errp);
    tell(s, c, cores, shared_cores && a->kind == LAUNCHER_NONE);
    return 0;
}

/* DIR/hosts, a line for each rank: Open MPI and Hydra both read it so. */
static char *hostfile_write(const launcher_spec *s,
                            const launcher_allocation *a, pe_error *errp)
{
    char *path = text_format("%s/" HOSTS, s->dir);
    hostlist h = {0};
    text lines = {0};
    int r = path ? launcher_hosts(s, a, &h, errp) : pe_error_nomem(errp);

    for (size_t i = 0; i < h.n; i++)
        text_add(&lines, "%s\n", h.names[i]);
    if (r == 0 && (int)h.n < s->ntasks)
        r = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                         "job %s has room for %zu ranks, and %d are to be "
                         "started",
                         a->id, h.n, s->ntasks);
    if (r == 0 && lines.failed)
        r = pe_error_nomem(errp);
    if (r == 0)
        r = file_write(path, lines.data, lines.len, 0600, errp);
    text_free(&lines);
    hostlist_free(&h);
    if (r == 0)
        return path;
    free(path);
    return NULL;
}

/* Open MPI takes an agent's blanks for ends of words, so it is named without
 * its folder, which goes to the front of PATH.  1: there is one; 0: ssh it is.
 */
static int agent_write(const launcher_spec *s, const launcher_allocation *a,
                       launcher_command *c, pe_error *errp)
{
    const char *path = getenv("PATH");
    char *file;
    int r;

    if (a->kind != LAUNCHER_PBS || process_find("pbs_tmrsh", NULL) < 0)
        return 0;
    if (strchr(s->dir, ':'))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has a ':' in its name, so that it cannot be "
                            "on PATH: set PILOT_HOME to another folder",
                            s->dir);
    file = text_format("%s/" AGENT, s->dir);
    if (!file)
        return pe_error_nomem(errp);
    r = file_write(file, agent, sizeof(agent) - 1, 0700, errp);
    free(file);
    if (r < 0)
        return -1;
    launcher_env(c, text_format("PATH=%s:%s", s->dir, path ? path : ""), errp);
    return 1;
}

/* Variables that ranks on other hosts need: they get the environment of a
 * daemon there, which knows nothing of this job.
 */
static void exports_add(launcher_command *c, pe_error *errp)
{
    static const char *const heads[] = {
        "PILOT_", "OMP_NUM_THREADS=", "OPENBLAS_NUM_THREADS=",
        "PATH=",  "LD_LIBRARY_PATH=", NULL};

    for (char **e = environ; e && *e; e++)
        for (const char *const *h = heads; *h; h++) {
            if (strncmp(*e, *h, strlen(*h)))
                continue;
            launcher_arg(c, text_format("-x"), errp);
            launcher_arg(c, text_format("%.*s", (int)strcspn(*e, "="), *e),
                         errp);
        }
}

/* The hosts are named whether Open MPI speaks to the scheduler or not: where
 * it does not, it would start all ranks on the first host and say nothing.
 */
static int several_hosts(const launcher_spec *s, const launcher_allocation *a,
                         launcher_command *c, pe_error *errp)
{
    char *hosts = hostfile_write(s, a, errp);
    int with_agent = hosts ? agent_write(s, a, c, errp) : -1;

    if (with_agent < 0) {
        free(hosts);
        return -1;
    }
    launcher_arg(c, text_format("--hostfile"), errp);
    launcher_arg(c, hosts, errp);
    mca_add(c, "odls_base_sigkill_timeout", "0", errp);
    if (s->session_dir)
        mca_add(c, "orte_local_tmpdir_base", s->session_dir, errp);
    if (with_agent) {
        mca_add(c, "plm_rsh_agent", AGENT, errp);
        mca_add(c, "plm_rsh_no_tree_spawn", "1", errp);
    }
    if (a->kind == LAUNCHER_SLURM) /* the daemons are a step of the job */
        launcher_env(c, text_format("SLURM_OVERLAP=1"), errp);
    exports_add(c, errp);
    if (s->cpus_per_task > 1) {
        launcher_arg(c, text_format("--map-by"), errp);
        launcher_arg(c, text_format("slot:PE=%d", s->cpus_per_task), errp);
    }
    launcher_arg(c, text_format("--bind-to"), errp);
    launcher_arg(c, text_format("core:overload-allowed"), errp);
    count_add(s, c, errp);
    tell(s, c, 0, false);
    return 0;
}

int launcher_mpirun(const launcher_spec *s, const launcher_allocation *a,
                    launcher_command *c, pe_error *errp)
{
    launcher_arg(c, text_format("mpirun"), errp);
    settings_add(s, a, c, errp);
    if ((a->nodes > 1 ? several_hosts : one_host)(s, a, c, errp) < 0)
        return -1;
    launcher_program(s, c, errp);
    return 0;
}

/* Whose it is is not known: it gets what all of them know, and the hosts in
 * the variables of those who would not find them by themselves.
 */
int launcher_mpiexec(const launcher_spec *s, const launcher_allocation *a,
                     launcher_command *c, pe_error *errp)
{
    char *hosts = NULL;
    int with_agent = 0;

    launcher_arg(c, text_format("mpiexec"), errp);
    settings_add(s, a, c, errp);
    if (a->nodes > 1) {
        hosts = hostfile_write(s, a, errp);
        with_agent = hosts ? agent_write(s, a, c, errp) : -1;
    }
    if (with_agent < 0) {
        free(hosts);
        return -1;
    }
    if (hosts) {
        launcher_env(c, text_format("OMPI_MCA_orte_default_hostfile=%s", hosts),
                     errp);
        launcher_env(c, text_format("HYDRA_HOST_FILE=%s", hosts), errp);
    }
    if (with_agent) {
        launcher_env(c, text_format("OMPI_MCA_plm_rsh_agent=" AGENT), errp);
        launcher_env(c, text_format("OMPI_MCA_plm_rsh_no_tree_spawn=1"), errp);
    }
    free(hosts);
    count_add(s, c, errp);
    launcher_program(s, c, errp);
    return 0;
}
