/* test_supervisor_orders.c - a supervisor is told to end, runs out of time, and
 * hands its work on.
 */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/text.h"
#include "supervisor_bench.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SERVICES ", \"broker\": \"h:9092\", \"params\": \"redis://h:6379\""

/* A pool that drains when it is asked to. */
#define DRAINS BENCH_READY BENCH_WAIT("USR1") BENCH_POOL("drained")

static process *pool_start(const char *lines, const char *supervise)
{
    bench_begin();
    bench_program("pilot-agent", lines);
    bench_request("pool", "pool", SERVICES, supervise);
    return bench_start("pool", NULL);
}

/* --- signals --- */

static void test_signals(void)
{
    static const struct {
        int sig;
        const char *state, *reason, *signals;
    } rows[] = {
        {SIGTERM, "CANCELED", "asked to end by signal 15", "USR1\n"},
        {SIGINT, "CANCELED", "asked to end by signal 2", "USR1\n"},
        {SIGUSR1, "DONE", "the scheduler said that its time is nearly over",
         "USR1\n"},
        {SIGXCPU, "DONE", "the scheduler said that its time is nearly over",
         "USR1\n"},
        {SIGUSR2, "DONE", "no longer needed", "USR1\n"},
        {SIGQUIT, "CANCELED", "stopped at once", "TERM\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        process *p = pool_start(
            BENCH_READY BENCH_WAIT("USR1 TERM") BENCH_POOL("drained"), "");
        char *reason = text_format("\"reason\":\"%s\"", rows[i].reason);
        char *state = text_format("\"state\":\"%s\"", rows[i].state);
        bench_await("pool/beat.json", "\"state\":\"ACTIVE\"");
        process_signal(p, rows[i].sig);
        bench_end(p);
        UNIT_EQUAL(bench_file("pool/signals"), rows[i].signals);
        UNIT_CONTAINS(bench_file("pool/exit"), reason);
        UNIT_CONTAINS(bench_file("pool/exit"), state);
        UNIT_CONTAINS(bench_file("pool/err"), rows[i].reason);
        free(state);
        free(reason);
    }
}

/* Ranks that hear of it first have not done their work. */
static void test_sent_away(void)
{
    process *p = pool_start(BENCH_READY "until [ -e \"$dir/go\" ]; do sleep "
                                        "0.02; done\n" BENCH_POOL("drained"),
                            "");

    bench_await("pool/beat.json", "\"state\":\"ACTIVE\"");
    bench_put("pool/go", "");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"CANCELED\"");
}

/* Devices that were lost while a signal cut the job off died of it, too: the
 * pool that lost them is CANCELED, and one without a signal has FAILED.
 */
static void test_cut_off(void)
{
    static const struct {
        int sig, status;
        const char *state;
    } rows[] = {
        {0, 1, "FAILED"},
        {SIGTERM, 128 + SIGTERM, "CANCELED"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        process *p =
            pool_start(BENCH_READY "trap : USR1\n"
                                   "until [ -e \"$dir/go\" ]; do sleep 0.02; "
                                   "done\n" BENCH_POOL("failed"),
                       "");
        char *state = text_format("\"state\":\"%s\"", rows[i].state);
        bench_await("pool/beat.json", "\"state\":\"ACTIVE\"");
        if (rows[i].sig) {
            process_signal(p, rows[i].sig);
            bench_await("pool/beat.json", "\"state\":\"DRAINING\"");
        }
        bench_put("pool/go", "");
        CU_ASSERT_EQUAL(bench_end(p), rows[i].status);
        UNIT_CONTAINS(bench_file("pool/exit"), state);
        UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"failed\"");
        free(state);
    }
}

/* A signal that came before it could hear is in its environment. */
static void test_early(void)
{
    setenv("PILOT_EARLY", "USR2", 1);
    process *p = pool_start(DRAINS, "");
    unsetenv("PILOT_EARLY");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("pool/err"), "no longer needed");
    UNIT_EQUAL(bench_file("pool/starts"), "");
}

/* --- orders and control words --- */

static void test_orders(void)
{
    static const struct {
        const char *variable, *word, *state, *reason;
    } rows[] = {
        {"FAKE_ORDER", "end", "DONE", "no longer needed"},
        {"FAKE_ORDER", "drain", "CANCELED", "canceled"},
        {"FAKE_ORDER", "stop", "CANCELED", "canceled"},
        {"FAKE_CONTROL", "stop", "DONE", "the run was stopped"},
    };
    char *path = text_format("%s/word", scratch_folder);

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *reason = text_format("\"reason\":\"%s\"", rows[i].reason);
        char *state = text_format("\"state\":\"%s\"", rows[i].state);
        bench_begin();
        scratch_write("word", rows[i].word);
        setenv(rows[i].variable, path, 1);
        bench_program("pilot-agent", BENCH_READY BENCH_WAIT("USR1 TERM")
                                         BENCH_POOL("drained"));
        bench_request("pool", "pool", SERVICES, "");
        bench_run("pool");
        UNIT_CONTAINS(bench_file("pool/exit"), state);
        UNIT_CONTAINS(bench_file("pool/exit"), reason);
        free(state);
        free(reason);
    }
    free(path);
}

/* The run is over: nothing is started again, whatever becomes of it. */
static void test_over(void)
{
    char *path = text_format("%s/word", scratch_folder);

    bench_begin();
    scratch_write("word", "done");
    setenv("FAKE_CONTROL", path, 1);
    bench_program("pilot-agent",
                  BENCH_READY "until [ -e \"$dir/go\" ]; do sleep 0.02; done\n"
                              "kill -9 $$\n");
    bench_request("pool", "pool", SERVICES, "");
    process *p = bench_start("pool", NULL);
    bench_await("pool/beat.json", "\"state\":\"ACTIVE\"");
    CU_ASSERT_FALSE(process_wait(p, 2500)); /* it has heard by then */
    bench_put("pool/go", "");
    CU_ASSERT_EQUAL(bench_end(p), 1);
    UNIT_EQUAL(bench_file("pool/starts"), "1\n");
    free(path);
}

/* A pool becomes smaller, by an order that is one. */
static void test_resize(void)
{
    static const char *const others[] = {"ranks 2", "ranks x", "rank 1"};
    char *path = text_format("%s/word", scratch_folder);

    bench_begin();
    setenv("FAKE_ORDER", path, 1);
    scratch_write("word", others[0]);
    bench_program("pilot-agent", "if [ $start = 1 ]; then\n" DRAINS
                                 "exit 0\nfi\n" BENCH_READY BENCH_POOL("done"));
    bench_request("pool", "pool", SERVICES, "");
    process *p = bench_start("pool", NULL);
    bench_await("pool/beat.json", "\"state\":\"ACTIVE\"");
    for (size_t i = 1; i < COUNT(others); i++) {
        CU_ASSERT_FALSE(process_wait(p, 1200)); /* each is heard */
        scratch_write("word", others[i]);
    }
    UNIT_EQUAL(bench_file("pool/signals"), "");
    scratch_write("word", "ranks 1");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_EQUAL(bench_file("pool/signals"), "USR1\n");
    UNIT_CONTAINS(bench_file("pool/err"),
                  "ranks leave: the others go on at the last commit");
    UNIT_CONTAINS(bench_file("pool/args"), " --ranks 2 --events");
    UNIT_CONTAINS(bench_file("pool/args"), " --ranks 1 --events");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"ranks\":1,");
    free(path);
}

/* --- time --- */

static void test_hello(void)
{
    process *p = pool_start("echo looks for a licence >&2\nexec sleep 600\n",
                            ", \"hello_s\": 1.5");

    CU_ASSERT_EQUAL(bench_end(p), 1);
    UNIT_CONTAINS(
        bench_file("pool/exit"),
        "\"reason\":\"pilot pool did not say hello within 2 s, twice; "
        "it said: ");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"FAILED\"");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"restarts\":1,");
    UNIT_CONTAINS(bench_file("pool/err"),
                  "pool did not say hello within 2 s; it is started again");
    /* With what it waits for, where that is known. */
    bench_begin();
    bench_request("pool", "pool", "", ", \"hello_s\": 1.5");
    CU_ASSERT_EQUAL(bench_run("pool"), 1);
    UNIT_CONTAINS(bench_file("pool/exit"),
                  "did not say hello within 2 s: waits for the broker of the "
                  "run\"");
}

/* Ranks that wait for each other in their start, for ever. */
static void test_hello_again(void)
{
    process *p = pool_start("test -e $dir/hung || { touch $dir/hung; exec "
                            "sleep 600; }\n" BENCH_READY BENCH_POOL("done"),
                            ", \"hello_s\": 1.5");

    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"DONE\"");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"restarts\":1,");
    UNIT_CONTAINS(bench_file("pool/err"),
                  "pool did not say hello within 2 s; it is started again");
}

static void test_time_up(void)
{
    process *p = pool_start(DRAINS, ", \"time_s\": 4, \"lead_s\": 1");

    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("pool/exit"),
                  "\"reason\":\"its time is nearly over\"");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"DONE\"");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"limit_ns\":");
    /* One that dies so late is not started again. */
    p = pool_start(BENCH_READY "kill -9 $$\n", ", \"time_s\": 10");
    CU_ASSERT_EQUAL(bench_end(p), 1);
    UNIT_CONTAINS(bench_file("pool/err"),
                  "pilot pool was killed by signal 9; its time is nearly over, "
                  "so it is not started again");
}

/* In a job whose scheduler does not answer: what was asked for counts. */
static void test_batch(void)
{
    static const char *const clients[] = {"squeue", "scontrol", "scancel"};

    bench_begin();
    for (size_t i = 0; i < COUNT(clients); i++)
        bench_program(clients[i], "echo 'no controller' >&2; exit 1\n");
    bench_program("pilot-agent", BENCH_READY BENCH_POOL("done"));
    bench_request("pool", "pool", SERVICES,
                  ", \"batch\": true, \"time_s\": 3600, \"launcher\": "
                  "\"mpirun\"");
    setenv("SLURM_JOB_ID", "17", 1);
    setenv("SLURM_JOB_NUM_NODES", "1", 1);
    setenv("SLURM_NTASKS", "2", 1);
    setenv("SLURM_JOB_NODELIST", "here", 1);
    CU_ASSERT_EQUAL(bench_run("pool"), 0);
    UNIT_CONTAINS(bench_file("pool/err"),
                  "; the end of this job is taken to be 3600 s from its start");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"sched_id\":\"17\"");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"limit_ns\":");
    unsetenv("SLURM_JOB_NUM_NODES");
    unsetenv("SLURM_NTASKS");
    unsetenv("SLURM_JOB_NODELIST");
}

/* What a pool tells of itself, with its pace over three seconds or more. */
static void test_progress(void)
{
#define PROGRESS(n)                               \
    "tell '{\"event\":\"progress\",\"blocks\":" n \
    ",\"p95_ms\":5,\"epoch_ms\":"                 \
    "7,\"partitions\":[0,1]}'\n"
    process *p =
        pool_start(BENCH_READY PROGRESS("1") "sleep 3.1\n" PROGRESS("65")
                       BENCH_POOL("done"),
                   "");

    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("pool/exit"), "\"partitions\":[0,1]");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"epoch_ms\":7");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"rate\":");
    CU_ASSERT_PTR_NULL(strstr(bench_file("pool/exit"), "\"rate\":0.0"));
}

/* --- successors --- */

#define CHAIN ", \"chain\": 2"

/* The program `pilot` notes what it is asked. */
static void submits(const char *lines)
{
    char *script =
        text_format("echo \"$*\" >>\"$PILOT_HOME/r/asked\"\n%s", lines);

    bench_program("pilot", script);
    free(script);
}

/* It is submitted once; with the work done it is canceled again. */
static void test_successor(void)
{
    static const struct {
        const char *state;
        int sig;
        bool canceled;
    } rows[] = {
        {"done", 0, true},
        {"drained", SIGUSR1, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *lines = text_format(BENCH_READY "%s" BENCH_POOL("%s"),
                                  rows[i].sig ? BENCH_WAIT("USR1")
                                              : "until [ -e \"$dir/go\" ]; do "
                                                "sleep 0.02; done\n",
                                  rows[i].state);
        submits("echo 'r/pool.2;18'\n");
        process *p = pool_start(lines, CHAIN);
        bench_await("pool/beat.json", "\"successor\":\"r/pool.2\"");
        bench_put("pool/go", "");
        if (rows[i].sig)
            process_signal(p, rows[i].sig);
        CU_ASSERT_EQUAL(bench_end(p), 0);
        UNIT_CONTAINS(bench_file("pool/err"),
                      "r/pool.2 goes on when this pilot ends");
        UNIT_EQUAL(bench_file("asked"),
                   rows[i].canceled ? "submit --parsable --successor r/pool\n"
                                      "cancel --now r/pool.2\n"
                                    : "submit --parsable --successor r/pool\n");
        free(lines);
    }
}

/* Somebody cancels this one: nobody is to go on. */
static void test_successor_canceled(void)
{
    char *path = text_format("%s/word", scratch_folder);

    submits("echo 'r/pool.2;18'\n");
    bench_begin();
    scratch_write("word", "");
    setenv("FAKE_ORDER", path, 1);
    bench_program("pilot-agent", DRAINS);
    bench_request("pool", "pool", SERVICES, CHAIN);
    process *p = bench_start("pool", NULL);
    bench_await("pool/beat.json", "\"successor\":\"r/pool.2\"");
    scratch_write("word", "drain");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("asked"), "cancel --now r/pool.2\n");
    free(path);
}

static void test_successor_fails(void)
{
    submits("echo 'no account' >&2; exit 3\n");
    process *p = pool_start(DRAINS, CHAIN);
    bench_await("pool/err",
                "the successor was not submitted: 'pilot submit' ended with "
                "status 3; tried again in a minute");
    process_signal(p, SIGUSR2);
    CU_ASSERT_EQUAL(bench_end(p), 0);
    CU_ASSERT_PTR_NULL(strstr(bench_file("pool/exit"), "successor\""));
    UNIT_EQUAL(bench_file("asked"), "submit --parsable --successor r/pool\n");
}

/* One that was submitted by an incarnation before is not submitted again. */
static void test_successor_known(void)
{
    submits("echo 'r/pool.3;19'\n");
    bench_begin();
    bench_program("pilot-agent", DRAINS);
    bench_request("pool", "pool", SERVICES, CHAIN);
    bench_put("pool/beat.json", "{\"successor\": \"r/pool.2\"}");
    process *p = bench_start("pool", NULL);
    bench_await("pool/beat.json", "\"state\":\"ACTIVE\"");
    process_signal(p, SIGUSR1);
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("pool/exit"), "\"successor\":\"r/pool.2\"");
    UNIT_EQUAL(bench_file("asked"), "");
}

int main(void)
{
    static const unit_test tests[] = {
        {"signals", test_signals},
        {"ranks that hear of it first", test_sent_away},
        {"a pool that only lost devices", test_cut_off},
        {"a signal before it could hear", test_early},
        {"orders", test_orders},
        {"a run that is over", test_over},
        {"fewer ranks", test_resize},
        {"no hello", test_hello},
        {"no hello at first", test_hello_again},
        {"its time is over", test_time_up},
        {"a scheduler that does not tell the end", test_batch},
        {"progress", test_progress},
        {"a successor", test_successor},
        {"a successor nobody wants", test_successor_canceled},
        {"a successor that is not submitted", test_successor_fails},
        {"a successor that is there", test_successor_known},
        {NULL, NULL},
    };

    return bench_main("supervisor: orders", tests);
}
