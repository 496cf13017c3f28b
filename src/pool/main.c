/* main.c - pilot-agent: one rank of a pool. */
#include <execinfo.h>
#include <getopt.h>
#include <malloc.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "src/commit/begin.h"
#include "pool.h"
#include "ranks.h"
#include "src/agent/event.h"
#include "src/agent/fault.h"
#include "src/agent/traced.h"
#include "src/agent/via.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/file/file_identity.h"
#include "src/file/file_list.h"
#include "src/model/blas.h"
#include "src/poison/suspects.h"
#include "src/store/store.h"

static atomic_int drain;

struct agent {
    const char *dir, *pilot, *member;
    const char *events; /* the mark of what we tell, or NULL */
    bool check;         /* only look whether the ranks know of each other */
    int ranks;          /* asked for; 0: any */
    double drain_limit_s, lease_s;
    int number; /* the launcher's for this process */
    pipeline_request *req;
    pipeline *pl;
    int64_t *high; /* rank 0: next offset of every partition, at the start */
    source_reader *source;
    committer *committer;
    traced *traced;         /* NULL: nothing is */
    checkpoint *checkpoint; /* rank 0; NULL: none */
    tasks *tasks;           /* NULL: a run without services has none */
    watchdog *watchdog;     /* NULL: nobody watches */
    pool *pool;
    breaker_counts since; /* rank 0 */
    char *files;          /* what a local run is read from, as JSON; NULL */
};

static void on_signal(int sig)
{
    if (sig == SIGTERM)
        note_asked();
    atomic_store(&drain, 1);
}

static void set_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    void *here;

    /* MPI prints where a rank crashed.  The first such look loads a library,
     * and in a rank that crashed in malloc waits for ever for its lock.
     */
    backtrace(&here, 1);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGUSR1, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* A terminal's Ctrl-C is for the command that started us. */
    signal(SIGINT, SIG_IGN);
    /* Without mpirun there is nobody to end a rank that waits for others. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void usage(FILE *f)
{
    fputs("Usage: pilot-agent RUN_DIR --pilot NAME [--member NAME] "
          "[--ranks N]\n"
          "                   [--drain-limit TIME] [--lease TIME] "
          "[--events MARK]\n"
          "       pilot-agent --check --ranks N\n"
          "One rank of the pool of a run; started by mpirun through "
          "`pilot run`.\n"
          "  --member NAME       of this pool among others of the same pilot "
          "(the pilot's)\n"
          "  --ranks N           refuse any other number of them\n"
          "  --drain-limit TIME  give up on servers that do not answer for so "
          "long (20s)\n"
          "  --events MARK       begin what is told on standard output with "
          "it\n"
          "  --lease TIME        when silent for so long, others take its "
          "partitions (10s)\n",
          f);
}

static int take_option(struct agent *a, int c)
{
    int64_t n = 0;

    switch (c) {
    case 'c':
        a->check = true;
        return 0;
    case 'p':
        a->pilot = optarg;
        return 0;
    case 'm':
        a->member = optarg;
        return 0;
    case 'e':
        a->events = optarg;
        return 0;
    case 'd':
        return text_parse_time(optarg, &a->drain_limit_s);
    case 'l':
        return text_parse_time(optarg, &a->lease_s);
    case 'n':
        if (text_parse_int(optarg, &n) < 0 || n < 1 || n > 1000000)
            return -1;
        a->ranks = (int)n;
        return 0;
    case 'h':
        usage(stdout);
        exit(PE_EXIT_OK);
    default:
        return -1;
    }
}

static int parse(struct agent *a, int argc, char **argv)
{
    static const struct option options[] = {
        {"pilot", required_argument, NULL, 'p'},
        {"member", required_argument, NULL, 'm'},
        {"ranks", required_argument, NULL, 'n'},
        {"drain-limit", required_argument, NULL, 'd'},
        {"lease", required_argument, NULL, 'l'},
        {"events", required_argument, NULL, 'e'},
        {"check", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (take_option(a, c) < 0)
            return PE_EXIT_USAGE;
    if (a->check)
        return optind == argc && a->ranks ? PE_EXIT_OK : PE_EXIT_USAGE;
    if (optind + 1 != argc || !a->pilot)
        return PE_EXIT_USAGE;
    if (!a->member)
        a->member = a->pilot;
    a->dir = argv[optind];
    return PE_EXIT_OK;
}

/* The rank the launcher gave this process, also when MPI does not know. */
static int launcher_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK",
                                        "PMI_RANK", "SLURM_PROCID"};
    int64_t rank = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (getenv(names[i]) && text_parse_int(getenv(names[i]), &rank) == 0)
            break;
    return (int)rank;
}

/* "Open MPI v4.1.4", "MPICH Version: 4.0.2" */
static void library_name(char out[MPI_MAX_LIBRARY_VERSION_STRING])
{
    int n = 0;

    MPI_Get_library_version(out, &n);
    out[strcspn(out, ",\n")] = '\0';
    for (char *c = out; *c; c++)
        if (*c == '\t')
            *c = ' ';
}

/* Who started this process, by what each leaves in the environment; srun may
 * be the one below another.
 */
static const char *launcher_name(void)
{
    static const struct {
        const char *variable, *name;
    } rows[] = {
        {"OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun"},
        {"MPI_LOCALNRANKS", "MPICH's mpiexec (hydra)"},
        {"SLURM_STEP_ID", "srun"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (getenv(rows[i].variable))
            return rows[i].name;
    return "their launcher";
}

static int check_ranks(const struct agent *a, int size, pe_error *errp)
{
    char library[MPI_MAX_LIBRARY_VERSION_STRING];

    if (!a->ranks || a->ranks == size)
        return 0;
    library_name(library);
    if (size == 1)
        return pe_error_set(
            errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
            "pool '%s' asked for %d ranks, but its processes do not know of "
            "each other: %s does not speak to the MPI of pilot-agent, %.60s; "
            "set pilots.%s.launcher to that one's own mpirun or mpiexec, or "
            "to srun, which has pmix for Open MPI and pmi2 for MPICH",
            a->pilot, a->ranks, launcher_name(), library, a->pilot);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                        "pool '%s' asked for %d rank%s and got %d: set "
                        "pilots.%s.ntasks to what the launcher starts",
                        a->pilot, a->ranks, a->ranks == 1 ? "" : "s", size,
                        a->pilot);
}

static int load(struct agent *a, pe_error *errp)
{
    const pipeline_pilot *pilot;

    a->req = pipeline_request_read(a->dir, errp);
    if (!a->req)
        return -1;
    a->pl = pipeline_load(a->req->file, (const char *const *)a->req->overrides,
                          a->req->n_overrides, errp);
    if (!a->pl)
        return -1;
    pilot = pipeline_pilot_find(a->pl, a->pilot);
    if (!pilot || pilot->kind != PILOT_POOL)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has no pool '%s'", a->pl->file, a->pilot);
    if (pipeline_see(a->pl, a->req, pipeline_layer_of(a->pl, pilot), errp) <
            0 ||
        pipeline_use_kernel(a->pl, errp) < 0)
        return -1;
    blas_set_threads(pilot->cpus_per_task);
    return via_open(a->req, errp);
}

/* Rank 0. */
static int start_committer(struct agent *a, int size, pe_error *errp)
{
    params_member m = {.name = a->member,
                       .ranks = size,
                       .ttl_ms = (int64_t)(a->lease_s * 1000)};

    a->high = calloc((size_t)a->pl->partitions, sizeof(*a->high));
    if (!a->high)
        return pe_error_nomem(errp);
    a->committer = begin_committer(
        a->pl, a->req, pipeline_pilot_find(a->pl, a->pilot), &m, a->high, errp);
    return a->committer ? 0 : -1;
}

/* What a rank fetches ahead at most: with the backlog, this bounds its
 * memory (doc/design.md section 6).
 */
static uint64_t queue_bytes(const pipeline *pl)
{
    uint64_t least = UINT64_C(16) << 20;

    return 4 * pl->message_bytes > least ? 4 * pl->message_bytes : least;
}

static int open_source(struct agent *a, pe_error *errp)
{
    bool counted = a->pl->epoch_blocks > 0;
    enum source_lanes lanes = counted             ? SOURCE_EACH
                              : a->pl->urgent > 0 ? SOURCE_URGENT
                                                  : SOURCE_ONE;

    a->source = pipeline_is_local(a->pl)
                    ? source_open_function(a->pl, a->req, counted, &drain, errp)
                    : source_open_broker(a->pl, a->req, lanes,
                                         queue_bytes(a->pl), errp);
    return a->source ? 0 : -1;
}

/* Which start of the pool a rank belongs to: the same of all. */
static uint64_t make_world(int rank)
{
    uint64_t world = 0;
    char hex[2 * sizeof(world) + 1];

    if (rank == 0 && random_id(hex, sizeof(world), NULL) == 0)
        world = strtoull(hex, NULL, 16);
    MPI_Bcast(&world, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    return world;
}

/* Collective. */
static int open_trace(struct agent *a, int rank, int size, pe_error *errp)
{
    traced_conf c = {.req = a->req,
                     .folder = a->dir,
                     .pilot = a->pilot,
                     .member = a->member,
                     .kind = "pool",
                     .rank = rank,
                     .ranks = size,
                     .layer = (uint32_t)a->pl->seen};

    int of_host, on_host;

    if (!a->pl->trace)
        return 0;
    c.world = make_world(rank);
    ranks_of_host(&of_host, &on_host);
    c.clock = of_host == 0; /* one of a host measures its clock */
    a->traced = traced_open(&c, errp);
    return a->traced ? 0 : -1;
}

/* Rank 0. */
static int open_checkpoint(struct agent *a, pe_error *errp)
{
    checkpoint_conf c = {.every_s = a->pl->checkpoint_s,
                         .keep = a->pl->checkpoint_keep};
    char *folder = NULL;

    if (a->pl->checkpoint_s <= 0)
        return 0;
    c.folder = folder = text_format("%s/checkpoints", a->dir);
    if (folder)
        a->checkpoint = checkpoint_open(&c, errp);
    else
        pe_error_nomem(errp);
    free(folder);
    return a->checkpoint ? 0 : -1;
}

static void note_print(void *arg, const char *words)
{
    event_print(event_note(((const struct agent *)arg)->pilot, words));
}

/* Collective. */
static int open_watchdog(struct agent *a, int rank, int size, pe_error *errp)
{
    watchdog_conf c = {.pilot = a->pilot,
                       .rank = rank,
                       .size = size,
                       .limit_s = a->pl->unheard_s,
                       .note = note_print,
                       .arg = a};

    return ranks_watch(&c, &a->watchdog, errp);
}

/* Rank 0, before any rank makes notes of its own: what those of the process
 * before have died of.
 */
static int gather_suspects(struct agent *a, pe_error *errp)
{
    params_conf c = {0};
    params *p;
    char *told = NULL;
    int rc;

    if (pipeline_is_local(a->pl) ||
        (!suspects_left(a->dir) && !a->pl->refuse.there))
        return 0;
    pipeline_request_params(a->req, &c);
    c.no_commits = true;
    p = params_open(&c, pipeline_request_key(a->req), errp);
    if (!p)
        return -1;
    rc = suspects_gather(p, a->dir, &told, errp);
    if (rc == 0 && a->pl->refuse.there)
        rc = breaker_since(p, &a->since, errp);
    if (told)
        note_print(a, told);
    free(told);
    params_close(p);
    return rc;
}

/* Collective.  Of the run, and not of a layer: of several the last one does
 * them.
 */
static int open_tasks(struct agent *a, int rank, int size, pe_error *errp)
{
    tasks_conf c = {.pl = a->pl,
                    .req = a->req,
                    .member = a->member,
                    .rank = rank,
                    .ranks = size};

    if (pipeline_is_local(a->pl) || a->pl->forwards)
        return 0;
    c.world = make_world(rank);
    a->tasks = tasks_open(&c, errp);
    return a->tasks ? 0 : -1;
}

static int prepare(struct agent *a, int rank, int size, pe_error *errp)
{
    pool_conf conf = {
        .comm = MPI_COMM_WORLD,
        .pl = a->pl,
        .req = a->req,
        .pilot = a->pilot,
        .member = a->member,
        .notes = pipeline_is_local(a->pl) ? NULL : a->dir,
        .since = a->since,
        .durable = !pipeline_is_local(a->pl),
        .trace = traced_log(a->traced),
        .drain = &drain,
        .drain_limit_s = a->drain_limit_s,
        .alone_limit_s = a->lease_s > 0 ? a->lease_s + 5 : 0,
        .progress = event_print,
    };

    if (open_tasks(a, rank, size, errp) < 0 ||
        (rank == 0 && open_checkpoint(a, errp) < 0))
        return -1;
    conf.checkpoint = a->checkpoint;
    conf.tasks = a->tasks;
    conf.pulse = watchdog_pulse_of(a->watchdog);
    if (rank == 0 && start_committer(a, size, errp) < 0)
        return -1;
    if (open_source(a, errp) < 0) {
        committer_stop(a->committer);
        return -1;
    }
    conf.source = a->source;
    conf.committer = a->committer;
    if (a->pl->until_eof && a->pl->seen == 0 && rank == 0)
        conf.eof = a->high;
    a->pool = pool_create(&conf, errp);
    return a->pool ? 0 : -1;
}

/* The files of a local run as they are before it reads them: they are read once
 * more at its end (src/answer).
 */
static char *identify_files(const pipeline *pl)
{
    const pipeline_stage *s = pipeline_stage_of(pl, STAGE_SOURCE);
    char identity[FILE_IDENTITY_MAX], *words;
    json_t *all;
    file_list l;

    if (!s || strcmp(s->function, "file") != 0 ||
        file_list_make(pe_options_string(s->options, "path"), &l, NULL) < 0)
        return NULL;
    all = json_object();
    for (size_t i = 0; i < l.n; i++) {
        json_t *name = event_text(l.paths[i]);

        file_identity(l.paths[i], identity);
        json_object_set_new(all, json_string_value(name),
                            json_string(identity));
        json_decref(name);
    }
    words = json_dumps(all, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(all);
    file_list_free(&l);
    return words;
}

static void say_ready(const struct agent *a, int size)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:i}", "event", "ready", "pilot",
                          a->pilot, "member", a->member, "ranks", size);

    if (o)
        event_print(o);
}

/* Collective.  Returns what the process ends with. */
static int run(struct agent *a, int rank, int size)
{
    pe_error e = {0}, left = {0};
    json_t *report;
    int rc;

    rc = pool_agree(MPI_COMM_WORLD, check_ranks(a, size, &e), &e);
    if (rc == 0)
        rc = pool_agree(MPI_COMM_WORLD,
                        failpoint_open(a->dir, a->pilot, rank, &e), &e);
    if (rc == 0)
        rc = pool_agree(MPI_COMM_WORLD, load(a, &e), &e);
    if (rc == 0)
        rc = pool_agree(MPI_COMM_WORLD, open_watchdog(a, rank, size, &e), &e);
    if (rc == 0)
        rc = pool_agree(MPI_COMM_WORLD, open_trace(a, rank, size, &e), &e);
    if (rc == 0)
        rc = pool_agree(MPI_COMM_WORLD, rank ? 0 : gather_suspects(a, &e), &e);
    if (rc == 0)
        rc = pool_agree(MPI_COMM_WORLD, prepare(a, rank, size, &e), &e);
    if (rc == 0) {
        char who[32];
        snprintf(who, sizeof(who), "rank %d", rank);
        if (fault_watch(a->pilot, who, &e) < 0)
            log_warn("%s", e.text); /* it is only about words */
        if (rank == 0 && pipeline_is_local(a->pl))
            a->files = identify_files(a->pl);
        if (rank == 0)
            say_ready(a, size);
        rc = pool_run(a->pool, &e);
        /* The rows are scored again by it (src/answer). */
        if (rc == 0 && rank == 0 && pipeline_is_local(a->pl) &&
            pool_store_memory_leave(committer_store(a->committer), a->dir,
                                    a->files, &left) < 0)
            log_warn("the model is not left behind: %s", left.text);
        report = rc == 0 ? pool_report(a->pool) : NULL;
        if (rc == 0 && pool_broken(a->pool, &left) < 0)
            event_error(a->pilot, &left);
        if (report)
            event_print(report);
    }
    /* Each that is alone says so: a launcher ends the others with the first. */
    if (rc < 0 && rank == 0 && (a->number == 0 || size == 1))
        event_error(a->pilot, &e);
    return rc < 0 ? (int)e.exit_code : PE_EXIT_OK;
}

/* Answers of a broker come and go by megabytes, in a thread of their own: one
 * room for all, whose pages stay, or each would be mapped, filled with zeros
 * and given back again.  What stays is what was fetched ahead at most.
 */
static void keep_memory(void)
{
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most there is */
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
#endif
}

/* It was for MPI alone (src/launcher): programs of users may want them. */
static void forget_plugins(void)
{
    const char *path = getenv("HWLOC_PLUGINS_PATH");

    if (path && !strcmp(path, "/dev/null"))
        unsetenv("HWLOC_PLUGINS_PATH");
}

int main(int argc, char **argv)
{
    struct agent a = {0};
    int rank, size, provided, rc;
    pe_error e = {0};
    bool whole;

    keep_memory();
    log_init(log_write_stderr, "pilot-agent", LOG_LEVEL_INFO);
    rc = parse(&a, argc, argv);
    if (rc) {
        usage(stderr);
        return rc;
    }
    if (a.check)
        return ranks_check(a.ranks, launcher_rank());
    if (event_open(a.events, &e) < 0) {
        log_error("%s", e.text);
        return (int)e.exit_code;
    }
    set_signals();
    a.number = launcher_rank();
    /* Errors of MPI calls are fatal to the world (MPI_ERRORS_ARE_FATAL): the
     * supervisor starts another, nothing uncommitted counts.
     */
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    forget_plugins();
    fault_open();
    store_enable_hdf5();
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    rc = run(&a, rank, size);
    whole = tasks_close(a.tasks);
    pool_destroy(a.pool);
    checkpoint_close(a.checkpoint);
    traced_close(a.traced);
    free(a.files);
    free(a.high);
    MPI_Finalize();
    watchdog_close(a.watchdog);
    if (!whole) /* a function of a task needs all there is, until the end */
        _exit(rc);
    pipeline_destroy(a.pl);
    pipeline_request_destroy(a.req);
    return rc;
}
