/* test_run.c - `pilot run`: services, ends, what is left, and what goes on. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_bench.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/process.h"

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
        run_set(ends[i].pool, ends[i].edge);
        int status = PILOT("run", "--run", "t", run_path(ends[i].file));
        if (status != ends[i].status)
            printf("# %s: status %d\n", ends[i].name, status);
        CU_ASSERT_EQUAL(status, ends[i].status);
        UNIT_CONTAINS(run_content("out"), ends[i].out);
        CU_ASSERT_EQUAL(!*run_content("out"), !*ends[i].out);
        UNIT_CONTAINS(run_content("home/t/summary.json"), "\"verdict\"");
        UNIT_CONTAINS(run_content("err"), ends[i].err);
        UNIT_CONTAINS(run_content("log"), ends[i].log);
    }
}

/* What the agents are started with, and what is made before. */
static void test_launch(void)
{
    char want[512];

    run_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    UNIT_CONTAINS(run_content("log"), "broker host:9092\n"
                                      "topic pilot.t.sense 2\n"
                                      "topic pilot.t.sense.results 2\n"
                                      "topic pilot.t.sense.refused 2\n"
                                      "params redis://host:6379 t -\n");
    UNIT_CONTAINS(run_content("log.mpirun"), "isolated; self,vader; --");
    snprintf(want, sizeof(want),
             " -n 2 %s/libexec/pilot-agent %s/home/t/pool --pilot pool "
             "--member pool --ranks 2 --events ",
             run_folder, run_folder);
    UNIT_CONTAINS(run_content("log.mpirun"), want);
    UNIT_EQUAL(run_content("home/t/pipeline.yaml"), run_stream_yaml);
    UNIT_CONTAINS(run_content("home/t/summary.json"), "\"state\": \"done\"");
}

static void test_folders(void)
{
    struct stat st;

    run_set("ok", "");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("smoke.yaml")), 0);
    CU_ASSERT_EQUAL(stat(run_path("home/t"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    /* A name is used once. */
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("smoke.yaml")),
                    PE_EXIT_CREATE);
    UNIT_EQUAL(run_content("err"),
               "pilot: run t is there already: go on with it by 'pilot run "
               "--resume t', or choose another --run\n");
    /* One that was killed before it had anything to go on with has not used
     * its own.
     */
    CU_ASSERT_EQUAL(mkdir(run_path("home/u"), 0700), 0);
    CU_ASSERT_EQUAL(close(creat(run_path("home/u/lock"), 0600)), 0);
    CU_ASSERT_EQUAL(close(creat(run_path("home/u/pipeline.yaml"), 0600)), 0);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "u", run_path("smoke.yaml")), 0);
    CU_ASSERT_EQUAL(mkdir(run_path("home/v"), 0700), 0);
    CU_ASSERT_EQUAL(mkdir(run_path("home/v/pool"), 0700), 0);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "v", run_path("smoke.yaml")),
                    PE_EXIT_CREATE);
    /* A home that is a file. */
    setenv("PILOT_HOME", run_path("smoke.yaml"), 1);
    CU_ASSERT_EQUAL(PILOT("run", run_path("smoke.yaml")), PE_EXIT_CREATE);
    UNIT_CONTAINS(run_content("err"), "smoke.yaml: Not a directory\n");
    setenv("PILOT_HOME", run_path("home"), 1);
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
        run_set("ok", "ok");
        setenv("FAKE_FAILS", rows[i].word, 1);
        CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")),
                        PE_EXIT_UNAVAILABLE);
        UNIT_CONTAINS(run_content("err"), rows[i].text);
        CU_ASSERT_EQUAL(access(run_path("home/t"), F_OK), -1);
    }
    run_set("ok", "ok");
    setenv("FAKE_COMMIT", "00", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")),
                    PE_EXIT_CONFIG);
    UNIT_CONTAINS(run_content("err"), "has a model of a run t already");
}

/* Partitions that are there and not read are told, of each topic that is. */
static void test_more_partitions(void)
{
    run_set("ok", "ok");
    setenv("FAKE_MORE", "3", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    unsetenv("FAKE_MORE");
    UNIT_CONTAINS(run_content("err"),
                  "pilot: topic pilot.t.sense has 5 partitions and the run "
                  "reads 2 of them: what others write to the rest is not read; "
                  "set streams.sense.partitions to 5 to read all\n");
    CU_ASSERT_PTR_NULL(strstr(run_content("err"), "sense.results has"));
    run_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    CU_ASSERT_PTR_NULL(strstr(run_content("err"), "of them"));
}

/* What is missing is told before anything is started. */
static void test_programs_missing(void)
{
    char *path = text_format("%s", getenv("PATH"));

    run_set("ok", "ok");
    setenv("PATH", "/nowhere:", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")),
                    PE_EXIT_CONFIG);
    UNIT_CONTAINS(run_content("err"),
                  "pilot: mpirun is not there: install openmpi-bin\n");
    setenv("PATH", path, 1);
    setenv("PILOT_LIBEXEC", "/nowhere", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")),
                    PE_EXIT_CONFIG);
    UNIT_CONTAINS(run_content("err"),
                  "pilot: pilot-edge is neither in /nowhere");
    setenv("PILOT_LIBEXEC", run_path("libexec"), 1);
    UNIT_EQUAL(run_content("log"), "");
    CU_ASSERT_EQUAL(access(run_path("home/t"), F_OK), -1);
    free(path);
}

/* --- services: file, environment, kept, managed --- */

static void test_services_managed(void)
{
    run_set("ok", "ok");
    unsetenv("PILOT_BROKER");
    unsetenv("PILOT_PARAMS");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    UNIT_CONTAINS(run_content("log"), "services start\nbroker 127.0.0.1:1\n");
    const char *done = strstr(run_content("log"), "control done\n");
    UNIT_CONTAINS(done ? done : "", "\nscore /"); /* pilots may write between */
    UNIT_CONTAINS(run_content("log"), "/home/t\nservices stop\n");
    CU_ASSERT_EQUAL(
        PILOT("run", "--keep", "--run", "u", run_path("stream.yaml")), 0);
    UNIT_CONTAINS(run_content("err"),
                  "pilot: the services go on; stop them with "
                  "'pilot services stop --dir /");
    const char *stop = strstr(run_content("log"), "services stop\n");
    CU_ASSERT_PTR_NULL(stop ? strstr(stop + 1, "services stop\n") : NULL);
    setenv("FAKE_SERVICES", "fail", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--run", "v", run_path("stream.yaml")),
                    PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(run_content("err"),
                  "pilot: 'pilot-services start' failed with status 69");
}

/* Those kept for development count as long as they live. */
static void test_services_kept(void)
{
    char env[512], began[32];

    CU_ASSERT(process_state(getpid(), began));
    for (int alive = 1; alive >= 0; alive--) {
        run_set("ok", "ok");
        unsetenv("PILOT_BROKER");
        unsetenv("PILOT_PARAMS");
        file_mkdir(run_path("home/services"), NULL);
        int n =
            snprintf(env, sizeof(env),
                     "PILOT_BROKER=kept:1\nPILOT_PARAMS=redis://kept:2\n"
                     "PILOT_PASSWORD_FILE=/secret\nKAFKA_PID=%d\n"
                     "KAFKA_START=%s\nREDIS_PID=%d\nREDIS_START=%s\n",
                     (int)getpid(), began, (int)getpid(), alive ? began : "1");
        file_write(run_path("home/services/env"), env, (size_t)n, 0600, NULL);
        CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
        UNIT_CONTAINS(run_content("log"),
                      alive ? "params redis://kept:2 t /secret"
                            : "services start");
    }
}

/* --- runs that go on --- */

static void test_resume(void)
{
    run_set("late ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    UNIT_CONTAINS(run_content("home/t/summary.json"), "\"state\": \"drained\"");
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 1);
    /* 8 before and 8 now were sent, but the pool tells of 8 in all */
    UNIT_CONTAINS(run_content("out"), "16 sent");
    UNIT_CONTAINS(run_content("log"), "clear\ncontrol \n");
    UNIT_CONTAINS(run_content("home/t/request.json"), "\"resumed\": true");
}

/* A run that is done says so again, and does nothing. */
static void test_resume_done(void)
{
    run_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    char *out = text_format("%s", run_content("out"));
    setenv("FAKE_FAILS", "broker params", 1);
    CU_ASSERT_EQUAL(
        PILOT("run", "--resume", "t", "--summary", run_path("again.json")), 0);
    UNIT_EQUAL(run_content("out"), out);
    UNIT_CONTAINS(run_content("err"), "pilot: run t was done already: ");
    UNIT_EQUAL(run_content("home/t/pool/starts.pool"), "1\n");
    UNIT_CONTAINS(run_content("again.json"), "\"state\": \"done\"");
    free(out);
}

/* ... while the parameter service has what it came to. */
static void test_resume_rolled_back(void)
{
    run_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    setenv("FAKE_BLOCKS", "8", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 0);
    UNIT_EQUAL(run_content("home/t/pool/starts.pool"), "1\n");
    setenv("FAKE_BLOCKS", "7", 1);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 0);
    UNIT_CONTAINS(run_content("err"),
                  "the parameter service has less than the 8 blocks with which "
                  "this run ended: going on with it\n");
    UNIT_EQUAL(run_content("home/t/pool/starts.pool"), "2\n");
    unsetenv("FAKE_BLOCKS");
}

/* The name is another home's: nothing is started. */
static void test_claimed(void)
{
    run_set("ok", "ok");
    setenv("FAKE_FAILS", "claim", 1);
    CU_ASSERT_NOT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    UNIT_EQUAL(run_content("home/t/pool/starts.pool"), "");
    unsetenv("FAKE_FAILS");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("stream.yaml")), 0);
    UNIT_CONTAINS(run_content("home/t/request.json"), "\"claim\": \"");
    UNIT_CONTAINS(run_content("home/t/pool/request.json"), "\"claim\": \"");
}

static void test_resume_refused(void)
{
    const char *args[] = {"run", "--run", "t", run_path("stream.yaml"), NULL};

    run_set("deaf", "deaf");
    process *p = run_start(args);
    run_await("home/t/pool/starts.pool", "1");
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), PE_EXIT_AGAIN);
    UNIT_EQUAL(run_content("err"),
               "pilot: another 'pilot run' follows t; wait until it ends\n");
    process_signal(p, SIGTERM);
    clock_sleep_ns(500000000, 1);
    process_signal(p, SIGTERM);
    CU_ASSERT_EQUAL(run_end(p), 128 + SIGTERM);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "nosuch"), PE_EXIT_CONFIG);
    UNIT_CONTAINS(run_content("err"), "pilot: there is no run nosuch in /");
    run_set("ok", "");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", run_path("smoke.yaml")), 0);
    file_remove_tree(run_path("home/t/summary.json"), NULL);
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), PE_EXIT_CONFIG);
    UNIT_CONTAINS(run_content("err"), "there is nothing to go on with\n");
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
        run_set(rows[i].pool, "ok");
        setenv("FAKE_SCORE", rows[i].score, 1);
        CU_ASSERT_EQUAL(
            PILOT("run", rows[i].option, "--run", "t", run_path("stream.yaml")),
            rows[i].status);
        CU_ASSERT_EQUAL(strstr(run_content("log"), "score /") != NULL,
                        rows[i].asked);
        UNIT_CONTAINS(run_content("out"), rows[i].out);
        UNIT_CONTAINS(run_content("err"), rows[i].err);
    }
    /* Of 8000 rows 800 were to be outliers, and none was. */
    UNIT_CONTAINS(run_content("out"),
                  "stream    0% of its rows were outliers, the "
                  "contamination is 10%:");
    /* It is done, and asked for them again. */
    unsetenv("FAKE_SCORE");
    CU_ASSERT_EQUAL(PILOT("run", "--resume", "t"), 0);
    UNIT_CONTAINS(run_content("err"), "was done already");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(strstr(run_content("log"), "score /") + 1, "score /"));
}

int main(void)
{
    static const unit_test tests[] = {
        {"runs that end by themselves", test_ends},
        {"what agents are started with", test_launch},
        {"state folders", test_folders},
        {"services that are away", test_services_away},
        {"more partitions than asked for", test_more_partitions},
        {"programs that are missing", test_programs_missing},
        {"services of the run's own", test_services_managed},
        {"services kept for development", test_services_kept},
        {"a drained run goes on", test_resume},
        {"a run that is done stays so", test_resume_done},
        {"a run that was done, and is not any more", test_resume_rolled_back},
        {"a run of another home", test_claimed},
        {"runs that cannot go on", test_resume_refused},
        {"rows by the final model", test_scored},
        {NULL, NULL},
    };

    return run_main("run", tests);
}
