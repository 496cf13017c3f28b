/* test_run.c - `pilot run` follows agents that behave, and ones that do not.
 *
 * The program under test is pilot with fake services (fake_services.c); its
 * agents, its mpirun and its pilot-services are scripts in fakes/.
 */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/process.h"

#define TEXT_MAX (1 << 20)

static char folder[] = "/tmp/test-run-XXXXXX";

static const char stream_yaml[] =
    "version: 1\n"
    "pipeline: stream\n"
    "pilots:\n"
    "  devices: {kind: edge, devices: 2}\n"
    "  pool: {kind: pool, ntasks: 2}\n"
    "stages:\n"
    "  sense: {pilot: devices, function: generator,\n"
    "          options: {features: 4, blocks: 8}}\n"
    "  learn: {pilot: pool, function: kmeans}\n";

static const char smoke_yaml[] =
    "version: 1\n"
    "pipeline: smoke\n"
    "pilots: {pool: {kind: pool, ntasks: 2}}\n"
    "stages:\n"
    "  sense: {pilot: pool, function: generator,\n"
    "          options: {features: 4, blocks: 8}}\n"
    "  learn: {pilot: pool, function: kmeans}\n"
    "results: off\n";

/* --- the program and what it leaves --- */

/* FOLDER/name; every path is kept to the end. */
static const char *in_folder(const char *name)
{
    static char paths[32][128];
    char path[128];
    int i = 0;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    while (i < 31 && *paths[i] && strcmp(paths[i], path))
        i++;
    return memcpy(paths[i], path, sizeof(path));
}

/* Content of FOLDER/name, "" when there is none. */
static const char *content(const char *name)
{
    static char *kept;

    free(kept);
    kept = file_read(in_folder(name), TEXT_MAX, NULL, NULL);
    return kept ? kept : "";
}

/* Begin anew: no runs, no notes, and agents that do this. */
static void stage_set(const char *pool, const char *edge)
{
    static const char *const names[] = {"home", "log", "log.mpirun", NULL};

    for (const char *const *name = names; *name; name++)
        file_remove_tree(in_folder(*name), NULL);
    setenv("FAKE_POOL", pool, 1);
    setenv("FAKE_EDGE", edge, 1);
    setenv("PILOT_BROKER", "host:9092", 1);
    setenv("PILOT_PARAMS", "redis://host:6379", 1);
    unsetenv("FAKE_FAILS");
    unsetenv("FAKE_SERVICES");
    unsetenv("FAKE_SCORE");
    unsetenv("FAKE_COMMIT");
}

/* "pilot ARG..." in the background, its output in files out and err. */
static process *pilot_start(const char *const *args)
{
    const char *argv[16] = {"tests/unit/pilot_fake"};
    const process_spec spec = {.argv = argv,
                               .out_path = in_folder("out"),
                               .err_path = in_folder("err"),
                               .new_group = true};
    pe_error e = {0};

    for (int i = 0; args[i] && i < 14; i++)
        argv[i + 1] = args[i];
    unlink(spec.out_path);
    unlink(spec.err_path);
    process *p = process_start(&spec, &e);
    UNIT_EQUAL(e.text, "");
    return p;
}

/* Its exit status. */
static int pilot_end(process *p)
{
    CU_ASSERT(process_wait(p, 30000));
    int status = process_status(p);
    process_destroy(p);
    return status;
}

static int pilot(const char *const *args)
{
    return pilot_end(pilot_start(args));
}
#define PILOT(...) pilot((const char *const[]){__VA_ARGS__, NULL})

/* Wait until FOLDER/name contains [part], for 10 s, or for [seconds]. */
static void await_for(int seconds, const char *name, const char *part)
{
    int64_t until = clock_mono_ns() + seconds * INT64_C(1000000000);

    while (!strstr(content(name), part) && clock_mono_ns() < until)
        clock_sleep_ns(10000000, 1);
    UNIT_CONTAINS(content(name), part);
}

static void await(const char *name, const char *part)
{
    await_for(10, name, part);
}

/* --- runs that end by themselves --- */

static const struct {
    const char *name, *file, *pool, *edge;
    int status;
    const char *out, *err, *log;
} ends[] = {
    {"done", "stream.yaml", "ok", "ok", 0, "run       t, done in",
     "pilot: run t, state in /", "control done"},
    {"smoke", "smoke.yaml", "ok", "", 0, "run       t, done in", "", ""},
    {"pool killed", "stream.yaml", "killed ok", "ok", 0, ", 1 pilot died\n",
     "pilot: pilot pool was killed by signal 9; it is started again\n",
     "control done"},
    {"pool killed twice", "stream.yaml", "killed killed ok", "ok", 0,
     ", 2 pilots died\n", "; it is started again in a moment\n", ""},
    {"pool without broker", "stream.yaml", "retry ok", "ok", 0, "done in",
     "pilot: pool says retry\n"
     "pilot: pilot pool ended with status 69; it is started again\n",
     ""},
    {"edge killed", "stream.yaml", "mourning", "killed input", 65, "failed in",
     "pilot: pilot devices was killed by signal 9; it is started again\n"
     "pilot: devices says input\n",
     "end devices-1 1 101 dead\n"},
    {"pool wrong", "stream.yaml", "input", "ok", 65, "failed in",
     "pilot: pool says input\n", "control done"},
    {"smoke wrong", "smoke.yaml", "input", "", 65, "",
     "pilot: pool says input\n", ""},
    {"smoke killed", "smoke.yaml", "silent", "", 1, "failed in",
     "pilot: pilot pool ended with status 3\n"
     "pilot: pool: line 3\npilot: pool: line 4\npilot: pool: line 5\n"
     "pilot: pool: line 6\npilot: pool: line 7\n",
     ""},
    {"pool fails", "stream.yaml", "broken", "ok", 1, "failed in", "", ""},
    {"sum is wrong", "stream.yaml", "short", "ok", 1,
     "error     blocks do not add up at the pool: 8 sent + 0 foreign, but 7 "
     "applied + 0 refused",
     "", ""},
    {"pool's time is up", "stream.yaml", "late", "ok", 0, "drained in",
     "pilot: drained; go on with 'pilot run --resume t'\n", "control done"},
};

static void test_ends(void)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        stage_set(ends[i].pool, ends[i].edge);
        int status = PILOT("run", "--run", "t", in_folder(ends[i].file));
        if (status != ends[i].status)
            printf("# %s: status %d\n", ends[i].name, status);
        CU_ASSERT_EQUAL(status, ends[i].status);
        UNIT_CONTAINS(content("out"), ends[i].out);
        CU_ASSERT_EQUAL(!*content("out"), !*ends[i].out);
        UNIT_CONTAINS(content("home/t/summary.json"), "\"verdict\"");
        UNIT_CONTAINS(content("err"), ends[i].err);
        UNIT_CONTAINS(content("log"), ends[i].log);
    }
}

/* What the agents are started with, and what is made before. */
static void test_launch(void)
{
    char want[512];

    stage_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    UNIT_CONTAINS(content("log"), "broker host:9092\n"
                                  "topic pilot.t.sense 2\n"
                                  "topic pilot.t.sense.results 2\n"
                                  "topic pilot.t.sense.refused 2\n"
                                  "params redis://host:6379 t -\n");
    UNIT_CONTAINS(content("log.mpirun"), "isolated; self,vader; --");
    snprintf(want, sizeof(want),
             " -n 2 %s/libexec/pilot-agent %s/home/t/pool --pilot pool "
             "--member pool --ranks 2 --events ",
             folder, folder);
    UNIT_CONTAINS(content("log.mpirun"), want);
    UNIT_EQUAL(content("home/t/pipeline.yaml"), stream_yaml);
    UNIT_CONTAINS(content("home/t/summary.json"), "\"state\": \"done\"");
}

static void test_folders(void)
{
    struct stat st;

    stage_set("ok", "");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("smoke.yaml")), 0);
    CU_ASSERT_EQUAL(stat(in_folder("home/t"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    /* A name is used once. */
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("smoke.yaml")),
                    PE_EXIT_CREATE);
    UNIT_EQUAL(content("err"),
               "pilot: run t is there already: go on with it by 'pilot run "
               "--resume t', or choose another --run\n");
    /* A home that is a file. */
    setenv("PILOT_HOME", in_folder("smoke.yaml"), 1);
    CU_ASSERT_EQUAL(PILOT("run", in_folder("smoke.yaml")), PE_EXIT_CREATE);
    UNIT_CONTAINS(content("err"), "smoke.yaml: Not a directory\n");
    setenv("PILOT_HOME", in_folder("home"), 1);
}

/* A run that did not begin leaves nothing. */
static void test_services_away(void)
{
    static const struct {
        const char *word, *text; /* with who named the server */
    } rows[] = {
        {"broker", "pilot: broker is away (PILOT_BROKER)\n"},
        {"topic", "pilot: topic is away\n"},
        {"params", "pilot: params is away (PILOT_PARAMS)\n"},
        {"ids", "pilot: ids is away\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_set("ok", "ok");
        setenv("FAKE_FAILS", rows[i].word, 1);
        CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")),
                        PE_EXIT_UNAVAILABLE);
        UNIT_CONTAINS(content("err"), rows[i].text);
        CU_ASSERT_EQUAL(access(in_folder("home/t"), F_OK), -1);
    }
    stage_set("ok", "ok");
    setenv("FAKE_COMMIT", "00", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")),
                    PE_EXIT_CONFIG);
    UNIT_CONTAINS(content("err"), "has a model of a run t already");
}

/* Partitions that are there and not read are told, of each topic that is. */
static void test_more_partitions(void)
{
    stage_set("ok", "ok");
    setenv("FAKE_MORE", "3", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    unsetenv("FAKE_MORE");
    UNIT_CONTAINS(content("err"),
                  "pilot: topic pilot.t.sense has 5 partitions and the run "
                  "reads 2 of them: what others write to the rest is not read; "
                  "set streams.sense.partitions to 5 to read all\n");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "sense.results has"));
    stage_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    CU_ASSERT_PTR_NULL(strstr(content("err"), "of them"));
}

/* What is missing is told before anything is started. */
static void test_programs_missing(void)
{
    char *path = text_format("%s", getenv("PATH"));

    stage_set("ok", "ok");
    setenv("PATH", "/nowhere:", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")),
                    PE_EXIT_CONFIG);
    UNIT_CONTAINS(content("err"),
                  "pilot: mpirun is not there: install openmpi-bin\n");
    setenv("PATH", path, 1);
    setenv("PILOT_LIBEXEC", "/nowhere", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")),
                    PE_EXIT_CONFIG);
    UNIT_CONTAINS(content("err"), "pilot: pilot-edge is neither in /nowhere");
    setenv("PILOT_LIBEXEC", in_folder("libexec"), 1);
    UNIT_EQUAL(content("log"), "");
    CU_ASSERT_EQUAL(access(in_folder("home/t"), F_OK), -1);
    free(path);
}

/* --- services: file, environment, kept, managed --- */

static void test_services_managed(void)
{
    stage_set("ok", "ok");
    unsetenv("PILOT_BROKER");
    unsetenv("PILOT_PARAMS");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    UNIT_CONTAINS(content("log"), "services start\nbroker 127.0.0.1:1\n");
    const char *done = strstr(content("log"), "control done\n");
    UNIT_CONTAINS(done ? done : "", "\nscore /"); /* pilots may write between */
    UNIT_CONTAINS(content("log"), "/home/t\nservices stop\n");
    CU_ASSERT_EQUAL(
        PILOT("run", "--keep", "--run", "u", in_folder("stream.yaml")), 0);
    UNIT_CONTAINS(content("err"), "pilot: the services go on; stop them with "
                                  "'pilot services stop --dir /");
    const char *stop = strstr(content("log"), "services stop\n");
    CU_ASSERT_PTR_NULL(stop ? strstr(stop + 1, "services stop\n") : NULL);
    setenv("FAKE_SERVICES", "fail", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "v", in_folder("stream.yaml")),
                    PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(content("err"),
                  "pilot: 'pilot-services start' failed with status 69");
}

/* Those kept for development count as long as they live. */
static void test_services_kept(void)
{
    char env[512], began[32];

    CU_ASSERT(process_state(getpid(), began));
    for (int alive = 1; alive >= 0; alive--) {
        stage_set("ok", "ok");
        unsetenv("PILOT_BROKER");
        unsetenv("PILOT_PARAMS");
        file_mkdir(in_folder("home/services"), NULL);
        int n =
            snprintf(env, sizeof(env),
                     "PILOT_BROKER=kept:1\nPILOT_PARAMS=redis://kept:2\n"
                     "PILOT_PASSWORD_FILE=/secret\nKAFKA_PID=%d\n"
                     "KAFKA_START=%s\nREDIS_PID=%d\nREDIS_START=%s\n",
                     (int)getpid(), began, (int)getpid(), alive ? began : "1");
        file_write(in_folder("home/services/env"), env, (size_t)n, 0600, NULL);
        CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")),
                        0);
        UNIT_CONTAINS(content("log"), alive ? "params redis://kept:2 t /secret"
                                            : "services start");
    }
}

/* --- signals --- */

static void test_drain(void)
{
    static const struct {
        const char *file, *fails;
        int sig;
        const char *out;
    } rows[] = {
        {"stream.yaml", "none", SIGINT, "drained in"},
        {"stream.yaml", "none", SIGTERM, "drained in"},
        {"stream.yaml", "control", SIGINT, "drained in"}, /* by signal */
        {"smoke.yaml", "none", SIGINT, "drained in"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *args[] = {"run", "--run", "t", in_folder(rows[i].file),
                              NULL};
        stage_set("drain", "drain");
        setenv("FAKE_FAILS", rows[i].fails, 1);
        process *p = pilot_start(args);
        await("home/t/pool/starts.pool", "1");
        if (strcmp(rows[i].file, "smoke.yaml") != 0)
            await("home/t/devices/starts.devices", "1");
        process_signal(p, rows[i].sig);
        CU_ASSERT_EQUAL(pilot_end(p), 0);
        UNIT_CONTAINS(content("out"), rows[i].out);
        UNIT_CONTAINS(content("err"), "pilot: draining: ");
    }
}

/* The second signal ends it at once, with nothing left behind. */
static void test_stop(void)
{
    const char *args[] = {"run", "--run", "t", in_folder("stream.yaml"), NULL};
    char mark[300];

    stage_set("deaf", "deaf");
    process *p = pilot_start(args);
    await("home/t/pool/starts.pool", "1");
    await("home/t/devices/starts.devices", "1");
    process_signal(p, SIGINT);
    await("err", "draining");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 128 + SIGINT);
    UNIT_EQUAL(content("out"), "");
    UNIT_CONTAINS(content("home/t/devices/exit"), "stopped at once");
    UNIT_CONTAINS(content("err"),
                  "pilot: stopped; go on with 'pilot run --resume t'\n");
    snprintf(mark, sizeof(mark), "PILOT_AGENT=%s", in_folder("home/t/pool"));
    CU_ASSERT_EQUAL(process_kill_marked(mark), 0);
    snprintf(mark, sizeof(mark), "PILOT_AGENT=%s", in_folder("home/t/devices"));
    CU_ASSERT_EQUAL(process_kill_marked(mark), 0);
}

/* Who is not up after a while is named, with what it has said. */
static void test_late(void)
{
    const char *args[] = {"run", "--run", "t", in_folder("stream.yaml"), NULL};

    stage_set("mute", "ok");
    process *p = pilot_start(args);
    await_for(30, "err",
              "pool is not up yet; it said: still looks for its licence\n");
    process_signal(p, SIGINT);
    await("err", "draining");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 128 + SIGINT);
}

/* Also while a scheduler takes its time: what is waited for is said, and the
 * second one gives it up.
 */
static void test_stop_submission(void)
{
    static const char sbatch[] = "#!/bin/sh\n"
                                 "echo $$ >\"$FAKE_LOG.sbatch\"\n"
                                 "exec sleep 600\n";
    const char *args[] = {"run",
                          "--run",
                          "t",
                          "--set",
                          "pilots.pool.resource=slurm://",
                          "--set",
                          "pilots.pool.same-host=yes",
                          in_folder("stream.yaml"),
                          NULL};
    const char *path = in_folder("libexec/sbatch");
    process *p;

    stage_set("ok", "ok");
    unlink(in_folder("log.sbatch"));
    CU_ASSERT_EQUAL(file_write(path, sbatch, sizeof(sbatch) - 1, 0700, NULL),
                    0);
    p = pilot_start(args);
    await("log.sbatch", "\n");
    process_signal(p, SIGINT);
    await("err", "pilot: interrupted while pool is submitted to slurm://: that "
                 "step is ended first; once more gives it up\n");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 128 + SIGINT);
    UNIT_CONTAINS(content("err"),
                  "pilot: giving up: pool is submitted to slurm://; once more "
                  "leaves at once\n");
    UNIT_CONTAINS(content("err"), "pilot: t/pool is kept as it is: 'pilot "
                                  "status t/pool' finds out whether");
    UNIT_CONTAINS(content("err"),
                  "pilot: stopped; go on with 'pilot run --resume t'\n");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "trying again"));
    unlink(path);
}

static void script_put(const char *name, const char *text_of)
{
    CU_ASSERT_EQUAL(
        file_write(in_folder(name), text_of, strlen(text_of), 0700, NULL), 0);
}

/* What goes wrong at every look is said once. */
static void test_trouble_once(void)
{
    const char *args[] = {"run",
                          "--run",
                          "t",
                          "--set",
                          "pilots.pool.resource=slurm://",
                          "--set",
                          "pilots.pool.same-host=yes",
                          in_folder("stream.yaml"),
                          NULL};
    const char *first;
    process *p;

    stage_set("ok", "ok");
    script_put("libexec/sbatch", "#!/bin/sh\necho 7\n");
    script_put("libexec/scancel", "#!/bin/sh\n");
    script_put("libexec/squeue", "#!/bin/sh\n"
                                 "echo 'squeue: error: no controller' >&2\n"
                                 "exit 1\n");
    p = pilot_start(args);
    await("err", "no controller");
    clock_sleep_ns(INT64_C(4500000000), 1); /* two more looks */
    process_signal(p, SIGINT);
    await("err", "draining");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 128 + SIGINT);
    first = strstr(content("err"), "no controller");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NULL(strstr(first + 1, "no controller"));
    unlink(in_folder("libexec/sbatch"));
    unlink(in_folder("libexec/squeue"));
    unlink(in_folder("libexec/scancel"));
}

#define FINAL(state, applied)                                           \
    "\"final\": {\"event\": \"pool\", \"pilot\": \"pool\", \"state\": " \
    "\"" state "\", \"blocks\": {\"fetched\": " applied                 \
    ", \"applied\": " applied "}, \"points\": 8000, \"seconds\": 1}"
#define ENDS(pool, members) pool " {\"seq\": 1, \"status\": 0, " members "}\n"
#define NEXT "\"successor\": \"t/pool.2\""

/* A member of a chain at its deadline, which may have come before it began. */
static void test_deadline(void)
{
    static const struct {
        const char *name, *beats;
        int status;
        const char *err;
    } rows[] = {
        {"drained",
         ENDS("pool", NEXT ", " FINAL("drained", "5"))
             ENDS("pool.2", FINAL("done", "8")),
         0, "pilot: pool has ended at its deadline; pool.2 goes on\n"},
        {"had not begun", ENDS("pool", NEXT) ENDS("pool.2", FINAL("done", "8")),
         0, "pilot: pool has ended at its deadline; pool.2 goes on\n"},
        {"neither had begun", ENDS("pool", NEXT) ENDS("pool.2", "\"x\": 1"), 1,
         "pilot: pilot pool.2 ended before it had begun\n"},
        {"had not begun, and is the last", ENDS("pool", "\"x\": 1"), 1,
         "pilot: pilot pool ended before it had begun\n"},
        {"fails without a word", "pool {\"seq\": 1, \"status\": 3}\n", 3,
         "pilot: pilot pool ended with status 3\n"},
        {"done, with a successor", ENDS("pool", NEXT ", " FINAL("done", "8")),
         0, "job 7 on slurm://\n"},
    };

    script_put("libexec/sbatch", "#!/bin/sh\necho 7\n");
    script_put("libexec/scancel", "#!/bin/sh\n");
    script_put("libexec/squeue", "#!/bin/sh\nexit 1\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_set("ok", "ok");
        setenv("FAKE_BEATS", in_folder("beats"), 1);
        script_put("beats", rows[i].beats);
        int status = PILOT(
            "run", "--run", "t", "--set", "pilots.pool.resource=slurm://",
            "--set", "pilots.pool.same-host=yes", in_folder("stream.yaml"));
        if (status != rows[i].status)
            printf("# %s: status %d\n", rows[i].name, status);
        CU_ASSERT_EQUAL(status, rows[i].status);
        UNIT_CONTAINS(content("err"), rows[i].err);
        CU_ASSERT_PTR_NULL(strstr(content("err"), "pilot: \n"));
        CU_ASSERT_EQUAL(strstr(content("err"), "goes on\n") != NULL,
                        strstr(rows[i].beats, "pool.2 ") != NULL);
    }
    unsetenv("FAKE_BEATS");
    unlink(in_folder("libexec/sbatch"));
    unlink(in_folder("libexec/scancel"));
    unlink(in_folder("libexec/squeue"));
}

/* A terminal that closes is no wish to end: the run goes on. */
static void test_hangup(void)
{
    const char *args[] = {"run", "--run", "t", in_folder("stream.yaml"), NULL};

    stage_set("drain", "drain");
    process *p = pilot_start(args);
    await("home/t/pool/starts.pool", "1");
    await("home/t/devices/starts.devices", "1");
    process_signal(p, SIGHUP);
    await("home/t/follow.log", "'pilot wait t' joins it again\n");
    CU_ASSERT_FALSE(process_wait(p, 300));
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 0);
    UNIT_CONTAINS(content("home/t/follow.log"), "pilot: draining: ");
    UNIT_CONTAINS(content("home/t/follow.log"), "drained in");
    UNIT_EQUAL(content("out"), "");
}

/* --- runs that go on --- */

static void test_resume(void)
{
    stage_set("late ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    UNIT_CONTAINS(content("home/t/summary.json"), "\"state\": \"drained\"");
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 1);
    /* 8 before and 8 now were sent, but the pool tells of 8 in all */
    UNIT_CONTAINS(content("out"), "16 sent");
    UNIT_CONTAINS(content("log"), "clear\ncontrol \n");
    UNIT_CONTAINS(content("home/t/request.json"), "\"resumed\": true");
}

/* A run that is done says so again, and does nothing. */
static void test_resume_done(void)
{
    stage_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    char *out = text_format("%s", content("out"));
    setenv("FAKE_FAILS", "broker params", 1);
    CU_ASSERT_EQUAL(
        PILOT("run", "--resume", "t", "--summary", in_folder("again.json")), 0);
    UNIT_EQUAL(content("out"), out);
    UNIT_CONTAINS(content("err"), "pilot: run t was done already: ");
    UNIT_EQUAL(content("home/t/pool/starts.pool"), "1\n");
    UNIT_CONTAINS(content("again.json"), "\"state\": \"done\"");
    free(out);
}

/* ... while the parameter service has what it came to. */
static void test_resume_rolled_back(void)
{
    stage_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    setenv("FAKE_BLOCKS", "8", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 0);
    UNIT_EQUAL(content("home/t/pool/starts.pool"), "1\n");
    setenv("FAKE_BLOCKS", "7", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 0);
    UNIT_CONTAINS(content("err"),
                  "the parameter service has less than the 8 blocks with which "
                  "this run ended: going on with it\n");
    UNIT_EQUAL(content("home/t/pool/starts.pool"), "2\n");
    unsetenv("FAKE_BLOCKS");
}

/* The name is another home's: nothing is started. */
static void test_claimed(void)
{
    stage_set("ok", "ok");
    setenv("FAKE_FAILS", "claim", 1);
    CU_ASSERT_NOT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")),
                        0);
    UNIT_EQUAL(content("home/t/pool/starts.pool"), "");
    unsetenv("FAKE_FAILS");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("stream.yaml")), 0);
    UNIT_CONTAINS(content("home/t/request.json"), "\"claim\": \"");
    UNIT_CONTAINS(content("home/t/pool/request.json"), "\"claim\": \"");
}

static void test_resume_refused(void)
{
    const char *args[] = {"run", "--run", "t", in_folder("stream.yaml"), NULL};

    stage_set("deaf", "deaf");
    process *p = pilot_start(args);
    await("home/t/pool/starts.pool", "1");
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), PE_EXIT_AGAIN);
    UNIT_EQUAL(content("err"),
               "pilot: another 'pilot run' follows t; wait until it ends\n");
    process_signal(p, SIGTERM);
    clock_sleep_ns(500000000, 1);
    process_signal(p, SIGTERM);
    CU_ASSERT_EQUAL(pilot_end(p), 128 + SIGTERM);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "nosuch"), PE_EXIT_CONFIG);
    UNIT_CONTAINS(content("err"), "pilot: there is no run nosuch in /");
    stage_set("ok", "");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", in_folder("smoke.yaml")), 0);
    file_remove_tree(in_folder("home/t/summary.json"), NULL);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), PE_EXIT_CONFIG);
    UNIT_CONTAINS(content("err"), "there is nothing to go on with\n");
}

/* --- the command line --- */

static const struct {
    const char *args[8];
    int status;
    const char *out, *err;
} lines[] = {
    {{NULL}, 64, "", "Usage: pilot COMMAND "},
    {{"--help"}, 0, "Usage: pilot COMMAND ", ""},
    {{"-h"}, 0, "  run        run a pipeline", ""},
    {{"--version"}, 0, "pilot ", ""},
    {{"-V"}, 0, "libjansson ", ""},
    {{"rum"},
     64,
     "",
     "unknown command 'rum'; did you mean 'pilot run'?; see 'pilot "
     "--help'\n"},
    {{"xyz"}, 64, "", "unknown command 'xyz'; see 'pilot --help'\n"},
    {{"ls"}, 64, "", "did you mean 'pilot status'?"},
    {{"a.yaml"}, 64, "", "'a.yaml' is no command; did you mean 'pilot run "},
    {{"help"}, 0, "Usage: pilot COMMAND ", ""},
    {{"help", "run"}, 0, "Usage: pilot run [OPTION]... FILE\n", ""},
    {{"help", "rum"}, 64, "", "unknown command 'rum'; did you mean 'pilot run"},
    {{"run", "--help"}, 0, "Usage: pilot run [OPTION]... FILE\n", ""},
    {{"run", "-h"}, 0, "--set PATH=VALUE", ""},
    {{"run"}, 64, "", "a FILE is missing; see 'pilot run --help'\n"},
    {{"run", "a", "b"}, 64, "", "too many operands"},
    {{"run", "--until", "noon", "a"},
     64,
     "",
     "option --until: 'noon' is not "
     "eof; "},
    {{"run", "--run", "../x", "@smoke"}, 64, "", "'../x' is no name of a run"},
    {{"run", "--resume", "t", "a"},
     64,
     "",
     "--resume goes on with a run as "
     "it is"},
    {{"run", "--resume", "t", "--dry-run"}, 64, "", "--resume goes on"},
    {{"run", "--resume", "../x"}, 64, "", "'../x' is no name of a run"},
    {{"run", "--summary", "/nowhere/s", "@smoke"},
     73,
     "",
     "cannot write /nowhere/s: No such file or directory\n"},
    {{"run", "--summary", "/", "@smoke"},
     73,
     "",
     "cannot write /: it is a folder; name a file in it\n"},
    {{"run", "/nowhere/file"}, 78, "", "/nowhere/file"},
    {{"run", "--dry-run", "@stream"}, 0, "RUN", ""},
    {{"run", "--dry-run", "@stream", "--set", "pilots.pool.ntasks=100000"},
     78,
     "",
     "pilot 'pool': ntasks: 100000 ranks take 781 GiB or more, and this host "
     "has "},
    {{"run", "--dry-run", "@stream", "--set", "pilots.pool.chain=2"},
     78,
     "",
     "pilot 'pool': chain: a successor comes when the time of the one before "
     "is over, and on local:// it has no end: say time (--time 2h), or leave "
     "chain out\n"},
    {{"run", "--dry-run", "@stream", "--set", "pilots.pool.chain=2", "--set",
      "pilots.pool.time=2h"},
     0,
     "RUN",
     ""},
    {{"run", "--dry-run", "@smoke", "--set", "stages.learn.function=kmeens"},
     78,
     "",
     "did you mean 'kmeans'?"},
    {{"config", "--help"}, 0, "Usage: pilot config check", ""},
    {{"config"}, 64, "", "is missing"},
    {{"config", "check"}, 64, "", "is missing"},
    {{"config", "check", "@smoke", "@stream"}, 0, "stream.yaml: ok\n", ""},
    {{"config", "check", "@smoke", "/nowhere/file"},
     78,
     "smoke.yaml: ok\n",
     "/nowhere/file"},
    {{"config", "show", "@smoke"}, 0, "generator", ""},
    {{"config", "show", "@smoke", "@smoke"},
     64,
     "",
     "pilot config show takes one FILE, not 2"},
    {{"config", "chek", "@smoke"},
     64,
     "",
     "'chek' is not a command of pilot config: 'pilot config check FILE...'"},
    {{"config", "@smoke"}, 64, "", "smoke.yaml' is not a command of pilot"},
    {{"config", "show", "--set", "x.y=1", "@smoke"}, 78, "", "x"},
};

static void test_lines(void)
{
    stage_set("ok", "ok");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *args[10] = {NULL};
        for (int k = 0; k < 8 && lines[i].args[k]; k++) {
            const char *a = lines[i].args[k];
            args[k] = !strcmp(a, "@smoke")    ? in_folder("smoke.yaml")
                      : !strcmp(a, "@stream") ? in_folder("stream.yaml")
                                              : a;
        }
        int status = pilot(args);
        if (status != lines[i].status)
            printf("# line %zu: status %d\n", i, status);
        CU_ASSERT_EQUAL(status, lines[i].status);
        UNIT_CONTAINS(content("out"), lines[i].out);
        UNIT_CONTAINS(content("err"), lines[i].err);
        CU_ASSERT_EQUAL(!*lines[i].out, !*content("out"));
        CU_ASSERT_EQUAL(!*lines[i].err, !*content("err"));
    }
    CU_ASSERT_EQUAL(access(in_folder("home"), F_OK), -1);
}

static void test_quiet(void)
{
    stage_set("killed ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "-Q", in_folder("stream.yaml")), 0);
    UNIT_EQUAL(content("err"), "");
    UNIT_CONTAINS(content("out"), "run       stream-20");
}

/* Files an agent is to find are named from the root. */
static void test_paths(void)
{
    char want[300];

    stage_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", "--until", "eof", "--set",
                          "stages.sense.function=file", "--set",
                          "stages.sense.options={path: data.npy}",
                          in_folder("stream.yaml")),
                    0);
    snprintf(want, sizeof(want), "stages.sense.options.path=%s/data.npy",
             folder);
    UNIT_CONTAINS(content("home/t/request.json"), want);
    UNIT_CONTAINS(content("home/t/request.json"), "\"until=eof\"");
}

/* --- all rows by the final model --- */

static void test_scored(void)
{
    static const struct {
        const char *score, *pool, *option; /* beside --run */
        int status;
        bool asked;
        const char *out, *err;
    } rows[] = {
        {"", "ok", "-Q", 0, true, "", ""},
        {"", "ok", "--no-final", 0, false, "", ""},
        {"", "late", "--keep", 0, false, "", "drained"}, /* not at its end */
        {"", "broken", "--keep", 1, false, "", ""},
        {"input", "ok", "--keep", 65, true,
         "final     not scored by the final model: score says input\n",
         "pilot: the rows are not scored by the final model: score says input; "
         "'pilot score t' tries again\n"},
        {"killed", "ok", "--keep", 1, true,
         "not scored by the final model: pilot-score was killed by signal 9",
         "pilot-score was killed by signal 9"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_set(rows[i].pool, "ok");
        setenv("FAKE_SCORE", rows[i].score, 1);
        CU_ASSERT_EQUAL(PILOT("run", rows[i].option, "--run", "t",
                              in_folder("stream.yaml")),
                        rows[i].status);
        CU_ASSERT_EQUAL(strstr(content("log"), "score /") != NULL,
                        rows[i].asked);
        UNIT_CONTAINS(content("out"), rows[i].out);
        UNIT_CONTAINS(content("err"), rows[i].err);
    }
    /* Of 8000 rows 800 were to be outliers, and none was. */
    UNIT_CONTAINS(content("out"), "drift     in the stream 0% of the rows were "
                                  "outliers, the contamination is 10%:");
    /* It is done, and asked for them again. */
    unsetenv("FAKE_SCORE");
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 0);
    UNIT_CONTAINS(content("err"), "was done already");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(strstr(content("log"), "score /") + 1, "score /"));
}

static void test_scored_signal(void)
{
    stage_set("ok", "ok");
    setenv("FAKE_SCORE", "deaf", 1);
    process *p = pilot_start((const char *const[]){
        "run", "--run", "t", in_folder("stream.yaml"), NULL});
    await("log", "score /");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 130);
    UNIT_CONTAINS(content("out"), "done in");
    UNIT_CONTAINS(content("out"), "interrupted; 'pilot score t' does it");
}

/* --- set-up --- */

static int agents_link(void)
{
    static const char *const names[][2] = {
        {"agent", "pilot-agent"},
        {"agent", "pilot-edge"},
        {"pilot-services", "pilot-services"},
        {"mpirun", "mpirun"},
        {"pilot-score", "pilot-score"},
    };
    const char *source = getenv("top_srcdir") ? getenv("top_srcdir") : ".";
    char *root = realpath(source, NULL);
    int status = root ? file_mkdir(in_folder("libexec"), NULL) : -1;

    for (size_t i = 0; status == 0 && i < sizeof(names) / sizeof(names[0]);
         i++) {
        char from[4096], to[256];
        snprintf(from, sizeof(from), "%s/tests/unit/fakes/%s", root,
                 names[i][0]);
        snprintf(to, sizeof(to), "%s/libexec/%s", folder, names[i][1]);
        status = symlink(from, to);
    }
    free(root);
    root = realpath("tests/unit/supervisor_fake", NULL);
    if (!root || symlink(root, in_folder("libexec/pilot-supervisor")) < 0)
        status = -1;
    free(root);
    return status;
}

static int files_make(void)
{
    char *path = text_format("%s/libexec:%s", folder, getenv("PATH"));

    setenv("PATH", path, 1);
    free(path);
    setenv("PILOT_LIBEXEC", in_folder("libexec"), 1);
    setenv("PILOT_HOME", in_folder("home"), 1);
    setenv("FAKE_LOG", in_folder("log"), 1);
    unsetenv("PILOT_PASSWORD_FILE");
    if (agents_link() < 0)
        return -1;
    return file_write(in_folder("smoke.yaml"), smoke_yaml, strlen(smoke_yaml),
                      0600, NULL) +
           file_write(in_folder("stream.yaml"), stream_yaml,
                      strlen(stream_yaml), 0600, NULL);
}

int main(void)
{
    static const unit_test tests[] = {
        {"command lines", test_lines},
        {"runs that end by themselves", test_ends},
        {"what agents are started with", test_launch},
        {"state folders", test_folders},
        {"services that are away", test_services_away},
        {"more partitions than asked for", test_more_partitions},
        {"programs that are missing", test_programs_missing},
        {"services of the run's own", test_services_managed},
        {"services kept for development", test_services_kept},
        {"one signal drains", test_drain},
        {"two signals stop", test_stop},
        {"who is late is named", test_late},
        {"two signals stop a submission", test_stop_submission},
        {"an error at every look is said once", test_trouble_once},
        {"a deadline, before it began and after", test_deadline},
        {"a lost terminal", test_hangup},
        {"a drained run goes on", test_resume},
        {"a run that is done stays so", test_resume_done},
        {"a run that was done, and is not any more", test_resume_rolled_back},
        {"a run of another home", test_claimed},
        {"runs that cannot go on", test_resume_refused},
        {"rows by the final model", test_scored},
        {"a signal while rows are scored", test_scored_signal},
        {"quiet", test_quiet},
        {"relative paths", test_paths},
        {NULL, NULL},
    };

    if (!mkdtemp(folder) || files_make() < 0)
        return 99;
    int status = unit_main("run", tests);
    file_remove_tree(folder, NULL);
    return status;
}
