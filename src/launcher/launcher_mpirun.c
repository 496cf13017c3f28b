/* launcher_mpirun.c - Open MPI's mpirun, on one host and on several. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "src/launcher/launcher_private.h"

#define HOSTS "hosts"

extern char **environ;

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

/* In the environment a setting that this Open MPI does not know is passed
 * over in silence: 5 has no `isolated`, and on the command line says so.
 */
static void mca_env(launcher_command *c, const char *name, const char *value,
                    pe_error *errp)
{
    launcher_env(c, text_format("OMPI_MCA_%s=%s", name, value), errp);
}

static void count_add(const launcher_spec *s, launcher_command *c,
                      pe_error *errp)
{
    launcher_arg(c, text_format("-n"), errp);
    launcher_arg(c, text_format("%d", s->ntasks), errp);
}

/* What mpirun leaves behind when it is killed lies in a folder that is its
 * caller's to remove: by TMPDIR, since the ranks get a parameter of the same
 * meaning from mpirun and may not have two.  On other hosts there is no such
 * folder: see daemons_add.
 */
static void settings_add(const launcher_spec *s, launcher_command *c,
                         pe_error *errp)
{
    if (s->session_dir)
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
                 "%d rank%s share%s %d core%s (mpirun --oversubscribe)%s",
                 s->ntasks, s->ntasks == 1 ? "" : "s",
                 s->ntasks == 1 ? "s" : "", cores, cores == 1 ? "" : "s",
                 root ? ", and run as root (--allow-run-as-root)" : "");
    else if (root)
        snprintf(c->told, sizeof(c->told),
                 "the ranks run as root (mpirun --allow-run-as-root)");
}

/* Variables of a job that is not to count would have mpirun look for its
 * hosts, in 4 by one name and in 5, which would also call srun, by others.
 */
static void job_hide(const launcher_allocation *a, launcher_command *c,
                     pe_error *errp)
{
    if (a->kind != LAUNCHER_NONE ||
        (!getenv("SLURM_JOBID") && !getenv("SLURM_JOB_ID") &&
         !getenv("PBS_JOBID")))
        return;
    mca_env(c, "ras", "^slurm,tm", errp);
    launcher_env(c, text_format("PRTE_MCA_ras=^slurm,pbs"), errp);
    launcher_env(c, text_format("PRTE_MCA_plm=^slurm"), errp);
}

/* This host alone: `isolated` starts ranks without asking for an ssh. */
static int one_host(const launcher_spec *s, const launcher_allocation *a,
                    launcher_command *c, pe_error *errp)
{
    int cores = cores_count();
    bool shared_cores = (int64_t)s->ntasks * s->cpus_per_task > cores;

    mca_env(c, "plm", "isolated", errp);
    mca_env(c, "btl", "self,vader", errp); /* sm in 5, by either name */
    /* Else each rank looks for network cards by three libraries: 0.2 s. */
    mca_env(c, "pml", "ob1", errp);
    mca_env(c, "odls_base_sigkill_timeout", "0", errp);
    /* Else each looks for graphics cards, too: 3 MB, and ten X displays. */
    if (!getenv("HWLOC_PLUGINS_PATH"))
        launcher_env(c, text_format("HWLOC_PLUGINS_PATH=/dev/null"), errp);
    /* Else mpirun makes a store that each maps, for what is said in a line. */
    if (!getenv("PMIX_MCA_gds"))
        launcher_env(c, text_format("PMIX_MCA_gds=hash"), errp);
    job_hide(a, c, errp);
    if (s->shared_dir)
        mca_env(c, "btl_vader_backing_directory", s->shared_dir, errp);
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

/* Append a line for the [n] ranks of a host.  They are counted in words: one
 * that is named once has as many slots as cores with Open MPI.
 */
typedef void (*hosts_line_f)(text *out, const char *name, size_t n);

static void line_open_mpi(text *out, const char *name, size_t n)
{
    text_add(out, "%s slots=%zu\n", name, n);
}

static void line_hydra(text *out, const char *name, size_t n)
{
    text_add(out, "%s:%zu\n", name, n);
}

/* A host, where it is named first, and how often. */
struct slots {
    const char *name;
    size_t first, n;
};

static int slots_by_name(const void *a, const void *b)
{
    const struct slots *x = a, *y = b;
    int r = strcmp(x->name, y->name);

    return r ? r : (x->first > y->first) - (x->first < y->first);
}

static int slots_by_first(const void *a, const void *b)
{
    const struct slots *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* Each host of [h] once, in the order of the list, with all its ranks. */
static int lines_add(text *out, const hostlist *h, hosts_line_f line,
                     pe_error *errp)
{
    struct slots *all = calloc(h->n + 1, sizeof(*all));
    size_t n = 0;

    if (!all)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < h->n; i++)
        all[i] = (struct slots){h->names[i], i, 1};
    qsort(all, h->n, sizeof(*all), slots_by_name);
    for (size_t i = 0; i < h->n; i++)
        if (n > 0 && !strcmp(all[n - 1].name, all[i].name))
            all[n - 1].n++;
        else
            all[n++] = all[i];
    qsort(all, n, sizeof(*all), slots_by_first);
    for (size_t i = 0; i < n; i++)
        line(out, all[i].name, all[i].n);
    free(all);
    return out->failed ? pe_error_nomem(errp) : 0;
}

/* File [name] of the pilot's folder, its path in new memory. */
static char *hosts_write(const launcher_spec *s, const hostlist *h,
                         const char *name, hosts_line_f line, pe_error *errp)
{
    char *path = text_format("%s/%s", s->dir, name);
    text lines = {0};
    int r = -1;

    if (!path)
        pe_error_nomem(errp);
    else if (lines_add(&lines, h, line, errp) == 0)
        r = file_write(path, lines.data, lines.len, 0600, errp);
    text_free(&lines);
    if (r == 0)
        return path;
    free(path);
    return NULL;
}

/* The hosts of the job, with room for all ranks. */
static int hosts_find(const launcher_spec *s, const launcher_allocation *a,
                      hostlist *h, pe_error *errp)
{
    if (launcher_hosts(s, a, h, errp) < 0)
        return -1;
    if ((int)h->n >= s->ntasks)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "job %s has room for %zu rank%s, and %d are to be "
                        "started",
                        a->id, h->n, h->n == 1 ? "" : "s", s->ntasks);
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

/* TMPDIR of the daemons that srun starts: not that of mpirun, whose folder is
 * on this host only.  What srun is to hand on has to be said in words, too: a
 * job of `sbatch --export=NONE` has it that it hands on nothing.
 */
static void slurm_add(launcher_command *c, pe_error *errp)
{
    const char *folder = getenv("TMPDIR");

    if (!folder || *folder != '/' || strpbrk(folder, ", \t\n"))
        folder = "/tmp";
    launcher_env(c, text_format("SLURM_OVERLAP=1"), errp); /* of the job */
    launcher_env(c, text_format("SLURM_EXPORT_ENV=ALL,TMPDIR=%s", folder),
                 errp);
}

/* A host that loses its power says nothing: it is missed in 40 s, and not in
 * eight minutes.
 */
static const struct setting {
    const char *name, *value; /* NULL: how many hosts */
} daemon_settings[] = {
    {"oob_tcp_keepalive_time", "20"},
    {"oob_tcp_keepalive_intvl", "5"},
    {"oob_tcp_keepalive_probes", "4"},
    {NULL, NULL},
};

/* A daemon that left the session MoM gave it would be killed, so it stays; one
 * that stays keeps its agent, of which there have to be enough.
 */
static const struct setting agent_settings[] = {
    {"plm_rsh_agent", LAUNCHER_AGENT},
    {"plm_rsh_no_tree_spawn", "1"},
    {"plm_rsh_num_concurrent", NULL},
    {"orte_leave_session_attached", "1"},
    {NULL, NULL},
};

/* As words of mpirun, or variables of any mpiexec. */
static void list_add(const struct setting *list, const launcher_allocation *a,
                     launcher_command *c, bool words, pe_error *errp)
{
    char hosts[16];

    snprintf(hosts, sizeof(hosts), "%d", a->nodes + 1);
    for (const struct setting *s = list; s->name; s++) {
        const char *value = s->value ? s->value : hosts;
        if (words)
            mca_add(c, s->name, value, errp);
        else
            launcher_env(c, text_format("OMPI_MCA_%s=%s", s->name, value),
                         errp);
    }
}

/* How daemons get to the other hosts, and are watched there. */
static int daemons_add(const launcher_spec *s, const launcher_allocation *a,
                       launcher_command *c, bool words, pe_error *errp)
{
    int with_agent = launcher_agent(s, a, c, errp);

    if (with_agent < 0)
        return -1;
    list_add(daemon_settings, a, c, words, errp);
    if (with_agent)
        list_add(agent_settings, a, c, words, errp);
    if (a->kind == LAUNCHER_SLURM)
        slurm_add(c, errp);
    return with_agent;
}

/* The hosts are named whether Open MPI speaks to the scheduler or not: where
 * it does not, it would start all ranks on the first host and say nothing.
 */
static int several_hosts(const launcher_spec *s, const launcher_allocation *a,
                         launcher_command *c, pe_error *errp)
{
    hostlist h = {0};
    char *hosts = NULL;
    int with_agent;

    if (hosts_find(s, a, &h, errp) == 0)
        hosts = hosts_write(s, &h, HOSTS, line_open_mpi, errp);
    hostlist_free(&h);
    if (!hosts)
        return -1;
    launcher_arg(c, text_format("--hostfile"), errp);
    launcher_arg(c, hosts, errp);
    mca_add(c, "odls_base_sigkill_timeout", "0", errp);
    with_agent = daemons_add(s, a, c, true, errp);
    if (with_agent < 0)
        return -1;
    if (!with_agent)
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
    settings_add(s, c, errp);
    if ((a->nodes > 1 ? several_hosts : one_host)(s, a, c, errp) < 0)
        return -1;
    launcher_program(s, c, errp);
    return 0;
}

/* The hosts in the variables of those who would not find them by themselves,
 * each in words of its own.
 */
static int hosts_name(const launcher_spec *s, const launcher_allocation *a,
                      launcher_command *c, pe_error *errp)
{
    hostlist h = {0};
    char *open_mpi = NULL, *hydra = NULL;

    if (hosts_find(s, a, &h, errp) == 0)
        open_mpi = hosts_write(s, &h, HOSTS, line_open_mpi, errp);
    if (open_mpi)
        hydra = hosts_write(s, &h, HOSTS ".hydra", line_hydra, errp);
    if (hydra) {
        launcher_env(c,
                     text_format("OMPI_MCA_orte_default_hostfile=%s", open_mpi),
                     errp);
        launcher_env(c, text_format("HYDRA_HOST_FILE=%s", hydra), errp);
    }
    free(open_mpi);
    free(hydra);
    hostlist_free(&h);
    return hydra ? 0 : -1;
}

/* More ranks than cores: Hydra does not count, Open MPI has to be told, in 4
 * by one name and in 5 by another.
 */
static void share_cores(const launcher_spec *s, const launcher_allocation *a,
                        launcher_command *c, pe_error *errp)
{
    static const char *const words[] = {
        "OMPI_MCA_rmaps_base_oversubscribe=1",
        "OMPI_MCA_hwloc_base_binding_policy=none",
        "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy=none", NULL};
    int cores = cores_count();

    mca_env(c, "plm", "isolated", errp);
    if ((int64_t)s->ntasks * s->cpus_per_task <= cores &&
        a->kind == LAUNCHER_NONE)
        return;
    for (const char *const *w = words; *w; w++)
        launcher_env(c, text_format("%s", *w), errp);
    if (a->kind == LAUNCHER_NONE)
        snprintf(c->told, sizeof(c->told), "%d rank%s share%s %d core%s",
                 s->ntasks, s->ntasks == 1 ? "" : "s",
                 s->ntasks == 1 ? "s" : "", cores, cores == 1 ? "" : "s");
}

/* Whose it is is not known: it gets what all of them know. */
int launcher_mpiexec(const launcher_spec *s, const launcher_allocation *a,
                     launcher_command *c, pe_error *errp)
{
    int with_agent = 0;

    launcher_arg(c, text_format(PE_MPIEXEC), errp);
    settings_add(s, c, errp);
    if (a->nodes <= 1)
        share_cores(s, a, c, errp);
    if (a->nodes > 1 && hosts_name(s, a, c, errp) < 0)
        return -1;
    if (a->nodes > 1)
        with_agent = daemons_add(s, a, c, false, errp);
    if (with_agent < 0)
        return -1;
    if (with_agent) { /* Hydra's proxies get there as daemons do */
        launcher_env(c, text_format("HYDRA_LAUNCHER=rsh"), errp);
        launcher_env(c, text_format("HYDRA_LAUNCHER_EXEC=" LAUNCHER_AGENT),
                     errp);
    }
    count_add(s, c, errp);
    launcher_program(s, c, errp);
    return 0;
}
