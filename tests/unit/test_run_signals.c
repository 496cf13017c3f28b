/* test_run_signals.c - `pilot run` that is told to end, or runs out of time. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_bench.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/process.h"

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
        const char *args[] = {"run", "--run", "t", run_path(rows[i].file),
                              NULL};
        run_set("drain", "drain");
        setenv("FAKE_FAILS", rows[i].fails, 1);
        process *p = run_start(args);
        run_await("home/t/pool/starts.pool", "1");
        if (strcmp(rows[i].file, "smoke.yaml") != 0)
            run_await("home/t/devices/starts.devices", "1");
        process_signal(p, rows[i].sig);
        CU_ASSERT_EQUAL(run_end(p), 0);
        UNIT_CONTAINS(run_content("out"), rows[i].out);
        UNIT_CONTAINS(run_content("err"), "pilot: draining: ");
    }
}

/* The second signal ends it at once, with nothing left behind. */
static void test_stop(void)
{
    const char *args[] = {"run", "--run", "t", run_path("stream.yaml"), NULL};
    char mark[300];

    run_set("deaf", "deaf");
    process *p = run_start(args);
    run_await("home/t/pool/starts.pool", "1");
    run_await("home/t/devices/starts.devices", "1");
    process_signal(p, SIGINT);
    run_await("err", "draining");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(run_end(p), 128 + SIGINT);
    UNIT_EQUAL(run_content("out"), "");
    UNIT_CONTAINS(run_content("home/t/devices/exit"), "stopped at once");
    UNIT_CONTAINS(run_content("err"),
                  "pilot: stopped; go on with 'pilot run --resume t'\n");
    snprintf(mark, sizeof(mark), "PILOT_AGENT=%s", run_path("home/t/pool"));
    CU_ASSERT_EQUAL(process_kill_marked(mark), 0);
    snprintf(mark, sizeof(mark), "PILOT_AGENT=%s", run_path("home/t/devices"));
    CU_ASSERT_EQUAL(process_kill_marked(mark), 0);
}

/* Who is not up after a while is named, with what it has said. */
static void test_late(void)
{
    const char *args[] = {"run", "--run", "t", run_path("stream.yaml"), NULL};

    run_set("mute", "ok");
    process *p = run_start(args);
    run_await_for(30, "err",
                  "pool is not up yet; it said: still looks for its licence\n");
    process_signal(p, SIGINT);
    run_await("err", "draining");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(run_end(p), 128 + SIGINT);
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
                          run_path("stream.yaml"),
                          NULL};
    const char *path = run_path("libexec/sbatch");
    process *p;

    run_set("ok", "ok");
    unlink(run_path("log.sbatch"));
    CU_ASSERT_EQUAL(file_write(path, sbatch, sizeof(sbatch) - 1, 0700, NULL),
                    0);
    p = run_start(args);
    run_await("log.sbatch", "\n");
    process_signal(p, SIGINT);
    run_await("err",
              "pilot: interrupted while pool is submitted to slurm://: that "
              "step is ended first; once more gives it up\n");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(run_end(p), 128 + SIGINT);
    UNIT_CONTAINS(run_content("err"),
                  "pilot: giving up: pool is submitted to slurm://; once more "
                  "leaves at once\n");
    UNIT_CONTAINS(run_content("err"), "pilot: t/pool is kept as it is: 'pilot "
                                      "status t/pool' finds out whether");
    UNIT_CONTAINS(run_content("err"),
                  "pilot: stopped; go on with 'pilot run --resume t'\n");
    CU_ASSERT_PTR_NULL(strstr(run_content("err"), "trying again"));
    unlink(path);
}

static void script_put(const char *name, const char *text_of)
{
    CU_ASSERT_EQUAL(
        file_write(run_path(name), text_of, strlen(text_of), 0700, NULL), 0);
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
                          run_path("stream.yaml"),
                          NULL};
    const char *first;
    process *p;

    run_set("ok", "ok");
    script_put("libexec/sbatch", "#!/bin/sh\necho 7\n");
    script_put("libexec/scancel", "#!/bin/sh\n");
    script_put("libexec/squeue", "#!/bin/sh\n"
                                 "echo 'squeue: error: no controller' >&2\n"
                                 "exit 1\n");
    p = run_start(args);
    run_await("err", "no controller");
    clock_sleep_ns(INT64_C(4500000000), 1); /* two more looks */
    process_signal(p, SIGINT);
    run_await("err", "draining");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(run_end(p), 128 + SIGINT);
    first = strstr(run_content("err"), "no controller");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NULL(strstr(first + 1, "no controller"));
    unlink(run_path("libexec/sbatch"));
    unlink(run_path("libexec/squeue"));
    unlink(run_path("libexec/scancel"));
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
        run_set("ok", "ok");
        setenv("FAKE_BEATS", run_path("beats"), 1);
        script_put("beats", rows[i].beats);
        int status = PILOT(
            "run", "--run", "t", "--set", "pilots.pool.resource=slurm://",
            "--set", "pilots.pool.same-host=yes", run_path("stream.yaml"));
        if (status != rows[i].status)
            printf("# %s: status %d\n", rows[i].name, status);
        CU_ASSERT_EQUAL(status, rows[i].status);
        UNIT_CONTAINS(run_content("err"), rows[i].err);
        CU_ASSERT_PTR_NULL(strstr(run_content("err"), "pilot: \n"));
        CU_ASSERT_EQUAL(strstr(run_content("err"), "goes on\n") != NULL,
                        strstr(rows[i].beats, "pool.2 ") != NULL);
    }
    unsetenv("FAKE_BEATS");
    unlink(run_path("libexec/sbatch"));
    unlink(run_path("libexec/scancel"));
    unlink(run_path("libexec/squeue"));
}

/* A terminal that closes is no wish to end: the run goes on. */
static void test_hangup(void)
{
    const char *args[] = {"run", "--run", "t", run_path("stream.yaml"), NULL};

    run_set("drain", "drain");
    process *p = run_start(args);
    run_await("home/t/pool/starts.pool", "1");
    run_await("home/t/devices/starts.devices", "1");
    process_signal(p, SIGHUP);
    run_await("home/t/follow.log", "'pilot wait t' joins it again\n");
    CU_ASSERT_FALSE(process_wait(p, 300));
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(run_end(p), 0);
    UNIT_CONTAINS(run_content("home/t/follow.log"), "pilot: draining: ");
    UNIT_CONTAINS(run_content("home/t/follow.log"), "drained in");
    UNIT_EQUAL(run_content("out"), "");
}

/* --- all rows by the final model --- */

static void test_scored_signal(void)
{
    run_set("ok", "ok");
    setenv("FAKE_SCORE", "deaf", 1);
    process *p = run_start((const char *const[]){
        "run", "--run", "t", run_path("stream.yaml"), NULL});
    run_await("log", "score /");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(run_end(p), 130);
    UNIT_CONTAINS(run_content("out"), "done in");
    UNIT_CONTAINS(run_content("out"), "interrupted; 'pilot score t' does it");
}

int main(void)
{
    static const unit_test tests[] = {
        {"one signal drains", test_drain},
        {"two signals stop", test_stop},
        {"who is late is named", test_late},
        {"two signals stop a submission", test_stop_submission},
        {"an error at every look is said once", test_trouble_once},
        {"a deadline, before it began and after", test_deadline},
        {"a lost terminal", test_hangup},
        {"a signal while rows are scored", test_scored_signal},
        {NULL, NULL},
    };

    return run_main("run: signals", tests);
}
