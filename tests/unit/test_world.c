/* test_world.c - pools under mpirun: partitions handed over, drains.
 *
 * Started by mpirun with the name of a row it is one rank of that row's pool;
 * else it starts them.
 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/process.h"
#include "world.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Allocations that a rank whose memory ends has left in its first world; four
 * times as many in the next.
 */
#define FIRST_POOR 1

static const char pipeline_text[] =
    "version: 1\n"
    "pipeline: world\n"
    "pilots: {pool: {kind: pool}}\n"
    "stages:\n"
    "  sense: {pilot: pool, function: generator}\n"
    "  learn: {pilot: pool, function: audit}\n"
    "epoch: {interval: 10ms}\n"
    "results: off\n";

static const struct row {
    const char *name, *ranks; /* one world for each digit */
    world_script script;
    const char *model; /* NULL: audit */
    const char *set;   /* key of the pipeline file, or NULL */
    const char *state; /* how it ends; NULL: by an error */
    bool replays;      /* nothing is done twice otherwise */
    int exit_code;     /* of the error */
    const char *error; /* part of its text */
    int terms;         /* at least */
    bool b_commits;
} rows[] = {
    {"alone", "13", {0}, .state = "done", .terms = 1},
    {"another pool joins",
     "13",
     {.b_joins = 60},
     .state = "done",
     .terms = 2,
     .b_commits = true},
    {"... and leaves",
     "13",
     {.b_joins = 60, .b_leaves = 120},
     .state = "done",
     .terms = 2,
     .b_commits = true},
    {"another pool was there",
     "13",
     {.b_first = 6, .b_joins = 0, .b_leaves = 0},
     .state = "done",
     .terms = 1,
     .b_commits = true},
    {"... had half, and leaves",
     "12",
     {.b_first = 3, .b_leaves = 30},
     .state = "done",
     .terms = 1,
     .b_commits = true},
    {"two are taken from us",
     "13",
     {.b_steals = 60},
     .state = "done",
     .replays = true,
     .terms = 2,
     .b_commits = true},
    {"the store is rolled back",
     "13",
     {.roll_back = 100},
     .state = "done",
     .replays = true,
     .terms = 2},
    {"... with two pools",
     "2",
     {.b_joins = 40, .roll_back = 120},
     .state = "done",
     .replays = true,
     .terms = 2,
     .b_commits = true},
    {"k-means, two pools",
     "13",
     {.b_joins = 40, .b_leaves = 150},
     .model = "kmeans",
     .state = "done",
     .terms = 2,
     .b_commits = true},
    {"k-means, both from the start",
     "12",
     {.b_first = 3},
     .model = "kmeans",
     .state = "done",
     .terms = 1,
     .b_commits = true},
    {"drain", "13", {.drain = 100}, .state = "drained", .terms = 1},
    {"drain at a hand-over",
     "13",
     {.b_joins = 100, .drain = 100},
     .state = "drained",
     .terms = 1,
     .b_commits = true},
    {"drain of a pool that has none",
     "2",
     {.b_first = 6, .drain = -1},
     .state = "drained",
     .terms = 1,
     .b_commits = true},
    {"drain while warming",
     "13",
     {.drain = 100},
     .model = "kmeans",
     .set = "stages.learn.options.warmup=100000",
     .state = "drained",
     .terms = 1},
    {"drain, and the store is away",
     "13",
     {.away = 60},
     .exit_code = PE_EXIT_AGAIN,
     .error = "the parameter service did not answer for 0.3 s while pool 'm' "
              "drained: what is not committed is processed again"},
    {"drain, and the broker has no room",
     "13",
     {.held = 20},
     .exit_code = PE_EXIT_AGAIN,
     .error = "the broker did not answer for 0.3 s while pool 'm' drained: "
              "what is not committed is processed again"},
    {"no memory on the first rank",
     "3333",
     {.poor = "first"},
     .exit_code = PE_EXIT_FAILED,
     .error = "out of memory"},
    {"no memory on another",
     "3333",
     {.poor = "last"},
     .exit_code = PE_EXIT_FAILED,
     .error = "out of memory"},
    {"counted epochs",
     "13",
     {0},
     .set = "epoch={blocks: 12}",
     .state = "done",
     .terms = 1},
    {"counted epochs wait for all",
     "13",
     {.b_first = 2, .b_leaves = -1},
     .set = "epoch={blocks: 12}",
     .state = "done",
     .terms = 2,
     .b_commits = true},
    {"counted epochs, and another stays",
     "2",
     {.b_first = 2},
     .set = "epoch={blocks: 12}",
     .exit_code = PE_EXIT_CONFIG,
     .error = "epochs counted in blocks need every partition in one pool, and "
              "pool 'b' serves run 'r' too",
     .b_commits = true},
    {"a block fails on a helper",
     "33332222",
     {.poison = true},
     .exit_code = PE_EXIT_FAILED,
     .error = "a helper fails"},
    {"counted epochs, taken from us",
     "2",
     {.b_steals = 60},
     .set = "epoch={blocks: 12}",
     .exit_code = PE_EXIT_CONFIG,
     .error = "epochs counted in blocks need every partition in one pool",
     .b_commits = true},
};

/* --- one rank --- */

static atomic_int drain;

static int complain(const char *what)
{
    printf("# %s\n", what);
    return 1;
}

/* Where nothing is done twice, what was processed is what is committed: a
 * pool leaves nothing of it behind.
 */
static int check_processed(const json_t *o, int64_t ours)
{
    json_t *hop = json_object_get(json_object_get(o, "latency_ms"), "process");
    json_int_t n = json_integer_value(json_object_get(hop, "n"));

    if (n == ours)
        return 0;
    printf("# %lld blocks processed, %lld committed\n", (long long)n,
           (long long)ours);
    return 1;
}

/* Rank 0: is the pool's last word as the row has it? */
static int check_report(const struct row *row, json_t *o, int64_t ours)
{
    const char *state = json_string_value(json_object_get(o, "state"));
    json_t *blocks = json_object_get(o, "blocks");
    json_int_t replayed =
        json_integer_value(json_object_get(blocks, "replayed"));
    json_int_t terms = json_integer_value(json_object_get(o, "terms"));
    int bad = 0;

    if (!state || strcmp(state, row->state))
        bad += complain(state ? state : "no state");
    if (!row->replays)
        bad += check_processed(o, ours);
    if (replayed && !row->replays) {
        printf("# %lld blocks were processed twice\n", (long long)replayed);
        bad++;
    }

    if (terms < row->terms || (!row->replays && terms > row->terms + 8)) {
        printf("# %lld terms\n", (long long)terms);
        bad++;
    }
    return bad;
}

static int check_error(const struct row *row, const pe_error *e)
{
    if ((int)e->exit_code == row->exit_code && row->error &&
        strstr(e->text, row->error))
        return 0;
    printf("# exit %d: %s\n", e->exit_code, e->text);
    return 1;
}

static committer *open_committer(pool_store *store, bool counted, int size)
{
    committer_conf c = {
        .store = store,
        .topic = "pilot.r.sense",
        .member = {.name = "m",
                   .incarnation = "1",
                   .ranks = size,
                   .partitions = WORLD_PARTITIONS,
                   .ttl_ms = 200},
        .alone = counted,
        .n_devices = WORLD_PARTITIONS,
        .interval_s = 0.005,
    };

    return committer_start(&c, NULL);
}

static bool is_poor(const struct row *row, MPI_Comm comm)
{
    int rank, size;

    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    return row->script.poor &&
           rank == (strcmp(row->script.poor, "first") ? size - 1 : 0);
}

/* Collective.  What rank 0 finds wrong. */
static int run_pool(const struct row *row, int turn, pool_conf *conf,
                    pool_store *store)
{
    pe_error e = {0};
    pool *p = pool_create(conf, &e);
    json_t *report = NULL;
    int rc, bad = 0;

    if (!p)
        return complain(e.text);
    if (is_poor(row, conf->comm))
        world_poor(FIRST_POOR << 2 * turn);
    rc = pool_run(p, &e);
    world_poor(-1);
    if (rc == 0)
        report = pool_report(p);
    if (store && row->state)
        bad += rc < 0 ? complain(e.text)
                      : check_report(row, report, world_ours(store));
    else if (store)
        bad += rc == 0 ? complain("no error") : check_error(row, &e);
    json_decref(report);
    pool_destroy(p);
    if (!store)
        return 0;
    bad += world_check(store, row->state && !strcmp(row->state, "done"));
    if (row->b_commits != (world_commits_of_b(store) > 0))
        bad += complain("commits of the other pool");
    if (world_is_left(store) != (row->state != NULL))
        bad += complain("leases");
    return bad;
}

static int run_rank(const struct row *row, char **argv, int rank, int size)
{
    const char *overrides[2];
    size_t n = 0;
    char model[64];
    pipeline_request req = {.run = (char *)"r", .dir = (char *)"/"};
    pool_store *store = NULL;
    pipeline *pl;
    pe_error e = {0};
    int bad;

    snprintf(model, sizeof(model), "stages.learn.function=%s",
             row->model ? row->model : "audit");
    overrides[n++] = model;
    if (row->set)
        overrides[n++] = row->set;
    pl = pipeline_load(argv[2], overrides, n, &e);
    if (!pl)
        return complain(e.text);
    pl->partitions = WORLD_PARTITIONS;
    pool_conf conf = {.comm = MPI_COMM_WORLD,
                      .pl = pl,
                      .req = &req,
                      .pilot = "pool",
                      .member = "m",
                      .durable = true,
                      .drain = &drain,
                      /* Patience, but where it is to end. */
                      .drain_limit_s = row->state ? 0 : 0.3,
                      .alone_limit_s = row->state ? 0 : 0.5};
    conf.source = world_source(pl->epoch_blocks > 0, argv[3]);
    if (rank == 0) {
        store = world_store(&row->script, row->model ? row->model : "audit",
                            argv[3], &drain);
        conf.committer = open_committer(store, pl->epoch_blocks > 0, size);
    }
    world_poison(row->script.poison, rank, size);
    if (rank == size - 1)
        world_hold(row->script.held);
    bad = run_pool(row, atoi(argv[4]), &conf, store);
    if (store)
        world_store_free(store);
    pipeline_destroy(pl);
    return bad;
}

static void rank_log(void *arg, enum log_level level, const char *line)
{
    const char *path = getenv("WORLD_LOG");
    char words[1024];
    int len, fd;

    /* By itself, without memory: what a launcher passes on may be lost in the
     * end of a world.
     */
    (void)arg;
    len = snprintf(words, sizeof(words), "# %d %s\n", (int)level, line);
    fd =
        path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && write(fd, words, strlen(words)) != len)
        fprintf(stderr, "# cut: %s", words);
    if (fd >= 0)
        close(fd);
}

static int rank_main(int argc, char **argv)
{
    int rank, size, provided, bad;

    alarm(60);
    log_init(rank_log, NULL, LOG_LEVEL_INFO);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    bad = run_rank(&rows[atoi(argv[1])], argv, rank, size);
    fflush(stdout);
    MPI_Finalize();
    return bad != 0;
}

/* --- all of them --- */

static const char *program;
static char log_path[256]; /* of the world that was started last */

/* Row [i] for the [turn]th time; what it logs goes to log_path. */
static int start_world(size_t i, int turn)
{
    const char n[] = {rows[i].ranks[turn], '\0'};
    char go[256], row[16], t[16];
    const char *argv[] = {
        "mpirun", "--oversubscribe", "--bind-to", "none", "-n", n, program,
        row,      scratch_path,      go,          t,      NULL};
    char log[sizeof(log_path) + 16];
    const char *env[] = {"OMPI_MCA_plm=isolated",
                         "OMPI_MCA_btl=self,vader",
                         "OMPI_MCA_pml=ob1",
                         "OMPI_ALLOW_RUN_AS_ROOT=1",
                         "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                         log,
                         NULL};
    process_spec spec = {.argv = argv, .env = env, .out_path = "/dev/stdout"};
    pe_error e = {0};
    process *p;
    int status;

    snprintf(row, sizeof(row), "%zu", i);
    snprintf(t, sizeof(t), "%d", turn);
    snprintf(go, sizeof(go), "%s/go", scratch_folder);
    snprintf(log_path, sizeof(log_path), "%s/log", scratch_folder);
    snprintf(log, sizeof(log), "WORLD_LOG=%s", log_path);
    unlink(go);
    unlink(log_path);
    p = process_start(&spec, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    process_wait(p, -1);
    status = process_status(p);
    process_destroy(p);
    return status;
}

static size_t current;

/* A rank that cannot go on in order has said why and ended all of them; else
 * they have agreed on the error, which was looked at by the first.
 */
static bool has_ended(const struct row *r, int status)
{
    char *log = file_read(log_path, 1 << 20, NULL, NULL);
    /* Whatever mpirun makes of it, but not our alarm. */
    bool aborts = r->script.poor && status != 128 + SIGALRM && log &&
                  strstr(log, r->error);

    if (status && !aborts)
        printf("%s", log ? log : "");
    free(log);
    return status == 0 || aborts;
}

static void test_row(void)
{
    const struct row *r = &rows[current];

    for (int turn = 0; r->ranks[turn]; turn++) {
        int status = start_world(current, turn);
        bool ended = has_ended(r, status);

        if (!ended)
            printf("# %s, %d, %c ranks: status %d\n", r->name, turn,
                   r->ranks[turn], status);
        CU_ASSERT_TRUE(ended);
    }
    current++;
}

static void write_file(void)
{
    scratch_write("p.yaml", pipeline_text);
}

int main(int argc, char **argv)
{
    static unit_test tests[N(rows) + 2];
    int rc;

    if (argc > 4)
        return rank_main(argc, argv);
    if (process_find("mpirun", NULL) < 0) {
        printf("1..0 # SKIP no mpirun\n");
        return 0;
    }
    /* Not for the worlds that are started from here. */
    unsetenv("OMPI_MCA_ess_singleton_isolated");
    program = argv[0];
    for (size_t i = 0; i < N(rows); i++)
        tests[i + 1] = (unit_test){rows[i].name, test_row};
    scratch_make();
    tests[0] = (unit_test){"the pipeline file", write_file};
    rc = unit_main("world", tests);
    scratch_remove();
    return rc;
}
