/* test_supervisor.c - a supervisor starts what its pilot is, and tells of it.
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
#define MARK "0123456789abcdef0123456789abcdef"

/* --- its words --- */

static void test_usage(void)
{
    static const struct {
        const char *words[5];
        int status;
        const char *out, *err;
    } rows[] = {
        {{NULL}, 64, "", "Usage: pilot-supervisor PILOT_DIR [--events MARK]\n"},
        {{"a", "b"}, 64, "", "Usage: pilot-supervisor "},
        {{"--nothing", "a"}, 64, "", "unrecognized option '--nothing'"},
        {{"a", "--events"}, 64, "", "requires an argument"},
        {{"--help"}, 0, "SIGUSR1: the time is nearly over.", ""},
        {{"-h"}, 0, "Usage: pilot-supervisor ", ""},
        {{"/nowhere/p"},
         65,
         "",
         "cannot open /nowhere/p/request.json: No such file or directory"},
    };

    bench_begin();
    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_EQUAL(bench_words(rows[i].words), rows[i].status);
        UNIT_CONTAINS(bench_file("out"), rows[i].out);
        UNIT_CONTAINS(bench_file("err"), rows[i].err);
        CU_ASSERT_EQUAL(!*rows[i].out, !*bench_file("out"));
        CU_ASSERT_EQUAL(!*rows[i].err, !*bench_file("err"));
    }
}

/* Requests that are none; where it is known which pilot it was, it has an exit
 * record as any other that failed.
 */
static void test_requests(void)
{
    static const struct {
        const char *json; /* with the folder of the run in place of @ */
        int status;
        const char *err;
        bool recorded;
    } rows[] = {
        {"{", 65, "pool/request.json:1: ", false},
        {"{\"run\": \"r\"}", 65,
         "pool/request.json is not complete; it is written by 'pilot run'",
         false},
        {"{\"run\": \"r\", \"file\": \"@/p.yaml\", \"set\": [7]}", 65,
         "request.json is not complete", false},
        {"{\"run\": \"r\", \"file\": \"@/p.yaml\"}", 65,
         "request.json says nothing for a supervisor: it is no pilot's", false},
        {"{\"run\": \"r\", \"file\": \"@/none.yaml\", \"pilot\": \"pool\", "
         "\"member\": \"pool\", \"supervise\": {\"id\": \"r/pool\", \"kind\": "
         "\"pool\"}}",
         78, "none.yaml: No such file or directory", true},
        {"{\"run\": \"r\", \"file\": \"@/p.yaml\", \"pilot\": \"puddle\", "
         "\"member\": \"puddle\", \"supervise\": {\"id\": \"r/puddle\", "
         "\"kind\": \"pool\"}}",
         78, "p.yaml: there is no pilot 'puddle'", true},
        {"{\"run\": \"r\", \"file\": \"@/p.yaml\", \"set\": "
         "[\"pilots.pool.ntasks=0\"], \"pilot\": \"pool\", \"member\": "
         "\"pool\", \"supervise\": {\"id\": \"r/pool\", \"kind\": \"pool\"}}",
         78, "--set pilots.pool.ntasks=0: ntasks: '0' is not from 1", true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *rest = strchr(rows[i].json, '@');
        char *json = text_format(
            "%.*s%s%s%s",
            (int)(rest ? rest - rows[i].json : (long)strlen(rows[i].json)),
            rows[i].json, rest ? scratch_folder : "", rest ? "/home/r" : "",
            rest ? rest + 1 : "");
        bench_begin();
        bench_put("pool/request.json", json);
        CU_ASSERT_EQUAL(bench_run("pool"), rows[i].status);
        UNIT_CONTAINS(bench_file("pool/err"), rows[i].err);
        CU_ASSERT_EQUAL(*bench_file("pool/exit") != '\0', rows[i].recorded);
        if (rows[i].recorded)
            UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"FAILED\"");
        free(json);
    }
}

/* --- what runs in each kind --- */

static void test_pool(void)
{
    bench_begin();
    bench_program(
        "pilot-agent", BENCH_READY
        "tell '{\"event\":\"note\",\"pilot\":\"pool\",\"text\":\"a "
        "word\"}'\necho for people; echo trouble >&2\n" BENCH_POOL("done"));
    bench_request("pool", "pool", SERVICES, "");
    CU_ASSERT_EQUAL(bench_run("pool"), 0);
    UNIT_CONTAINS(
        bench_file("pool/args"),
        "/home/r/pool --pilot pool --member pool --ranks 2 --events\n");
    UNIT_CONTAINS(bench_file("pool/err"), "pool: for people\n");
    UNIT_CONTAINS(bench_file("pool/err"), "a word\n");
    UNIT_CONTAINS(bench_file("pool/err"), "trouble\n");
    UNIT_CONTAINS(bench_file("pool/err"), "ended with status 0\n");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"DONE\"");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"status\":0");
    UNIT_CONTAINS(bench_log(), "topic pilot.r.sense 2\n");
    /* Nobody follows it: it leaves its summary, and a table of it. */
    UNIT_CONTAINS(bench_file("pool/summary.json"), "\"state\": \"done\"");
    UNIT_CONTAINS(bench_file("pool/summary.json"), "\"applied\": 8");
    UNIT_CONTAINS(bench_file("pool/out"), "run       r, done in");
    UNIT_CONTAINS(bench_file("pool/out"), "verdict   processing-bound");
    UNIT_CONTAINS(bench_log(), "control done\n");
}

/* Events for a command that follows, and nothing for people. */
static void test_attached(void)
{
    bench_begin();
    bench_program("pilot-agent", BENCH_READY BENCH_POOL("done"));
    bench_request("pool", "pool", SERVICES, "");
    CU_ASSERT_EQUAL(bench_end(bench_start("pool", MARK)), 0);
    UNIT_CONTAINS(bench_file("pool/out"),
                  "\x1e" MARK " {\"event\":\"ready\",\"pilot\":\"p\"}\n");
    UNIT_CONTAINS(bench_file("pool/out"),
                  "\x1e" MARK " {\"event\":\"pool\",\"pilot\":\"pool\",");
    UNIT_EQUAL(bench_file("pool/summary.json"), "");
    CU_ASSERT_PTR_NULL(strstr(bench_file("pool/err"), "ended with status"));
}

/* What a pool has told as failed, without an error of its own. */
static void test_pool_failed(void)
{
    static const struct {
        const char *lines;
        int status;
        const char *err, *exit;
    } rows[] = {
        {BENCH_READY BENCH_POOL("failed"), 1, "ended with status 1\n",
         "\"state\":\"FAILED\""},
        {BENCH_READY "tell '{\"event\":\"error\",\"pilot\":\"pool\",\"text\":"
                     "\"no disk\",\"kind\":\"input\",\"exit\":73}'\nexit 73\n",
         73, "no disk\n", "\"reason\":\"no disk\""},
        {"echo its last words >&2; exit 4\n", 1,
         "pilot pool ended with status 4; it said: its last words",
         "\"state\":\"FAILED\""},
        {BENCH_READY BENCH_POOL("done") "kill -9 $$\n", 0,
         "pilot pool had done its work, and then was killed by signal 9",
         "\"state\":\"DONE\""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        bench_begin();
        bench_program("pilot-agent", rows[i].lines);
        bench_request("pool", "pool", SERVICES, "");
        CU_ASSERT_EQUAL(bench_run("pool"), rows[i].status);
        UNIT_CONTAINS(bench_file("pool/err"), rows[i].err);
        UNIT_CONTAINS(bench_file("pool/exit"), rows[i].exit);
    }
}

/* One that died is started again, and who looks is told why. */
static void test_again(void)
{
    bench_begin();
    bench_program("pilot-agent",
                  "[ $start -gt 1 ] || { " BENCH_READY
                  "echo out of luck >&2; kill -9 $$; }\n"
                  "until [ -e \"$dir/go\" ]; do sleep 0.02; done\n" BENCH_READY
                      BENCH_POOL("done"));
    bench_request("pool", "pool", SERVICES, "");
    process *p = bench_start("pool", NULL);
    bench_await("pool/beat.json",
                "\"reason\":\"was killed by signal 9, and is started again; "
                "it said: ");
    UNIT_CONTAINS(bench_file("pool/beat.json"), " out of luck");
    bench_put("pool/go", "");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("pool/err"), "pilot pool was killed by signal 9; "
                                          "it is started again");
    UNIT_EQUAL(bench_file("pool/starts"), "2\n");
    UNIT_CONTAINS(bench_file("pool/exit"), "\"restarts\":1");
    CU_ASSERT_PTR_NULL(strstr(bench_file("pool/exit"), "started again"));
}

/* What is not there to be started. */
static void test_programs(void)
{
    char *libexec = text_format("%s", getenv("PILOT_LIBEXEC"));

    bench_begin();
    bench_request("devices", "edge", SERVICES, "");
    setenv("PILOT_LIBEXEC", "/nowhere", 1);
    CU_ASSERT_EQUAL(bench_run("devices"), 78);
    UNIT_CONTAINS(bench_file("devices/err"),
                  "pilot-edge is neither in /nowhere nor in ");
    UNIT_CONTAINS(bench_file("devices/exit"), "\"state\":\"FAILED\"");
    /* The folder its request names goes first. */
    bench_begin();
    bench_program("pilot-edge", BENCH_READY BENCH_EDGE("done"));
    char *more = text_format(", \"libexec\": \"%s\"", libexec);
    bench_request("devices", "edge", SERVICES, more);
    CU_ASSERT_EQUAL(bench_run("devices"), 0);
    setenv("PILOT_LIBEXEC", libexec, 1);
    free(more);
    free(libexec);
}

static void test_edge(void)
{
    bench_begin();
    bench_program(
        "pilot-edge", BENCH_READY
        "tell '{\"event\":\"ended\",\"pilot\":\"devices\"}'\n"
        "until [ -e \"$dir/go\" ]; do sleep 0.02; done\n" BENCH_EDGE("done"));
    bench_request("devices", "edge", SERVICES, "");
    process *p = bench_start("devices", NULL);
    bench_await("devices/beat.json", "\"reason\":\"its sources have ended\"");
    UNIT_CONTAINS(bench_file("devices/beat.json"), "\"state\":\"DRAINING\"");
    bench_put("devices/go", "");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_file("devices/exit"), "\"state\":\"DONE\"");
    CU_ASSERT_PTR_NULL(strstr(bench_file("devices/exit"), "reason"));
    UNIT_EQUAL(bench_file("devices/summary.json"), "");
}

/* The ends of devices that do not come back are written, later if need be. */
static void test_edge_buried(void)
{
    static const char dies[] =
        BENCH_READY "tell '{\"event\":\"error\",\"pilot\":\"devices\","
                    "\"text\":\"no sensor\",\"kind\":\"input\",\"exit\":65}'\n"
                    "exit 65\n";

    bench_begin();
    bench_program("pilot-edge", dies);
    bench_request("devices", "edge", SERVICES, "");
    CU_ASSERT_EQUAL(bench_run("devices"), 65);
    UNIT_CONTAINS(bench_log(), "end devices-1 1 101 dead\n");
    CU_ASSERT_PTR_NULL(strstr(bench_log(), "end devices-0 ")); /* it has one */
    bench_begin();
    setenv("FAKE_FAILS", "end", 1);
    bench_request("devices", "edge", SERVICES, "");
    process *p = bench_start("devices", NULL);
    bench_await("devices/err", "the ends of its devices cannot be written yet: "
                               "end is away");
    CU_ASSERT_FALSE(process_wait(p, 100));
    process_signal(p, SIGTERM); /* nobody waits for them then */
    CU_ASSERT_NOT_EQUAL(bench_end(p), 0);
}

/* A secret that was sent into its folder does not stay there. */
static void test_secret(void)
{
    bench_begin();
    bench_program("pilot-edge", BENCH_READY BENCH_EDGE("done"));
    bench_request("devices", "edge", SERVICES ", \"password_file\": \"secret\"",
                  "");
    bench_put("devices/secret", "hunter2\n");
    bench_put("secret", "hunter2\n");
    CU_ASSERT_EQUAL(bench_run("devices"), 0);
    UNIT_EQUAL(bench_file("devices/secret"), "");
    UNIT_CONTAINS(bench_log(), "/devices/secret\n");
    /* ... and one that is elsewhere is not ours to remove. */
    char *elsewhere = text_format(
        SERVICES ", \"password_file\": \"%s/home/r/secret\"", scratch_folder);
    bench_request("devices", "edge", elsewhere, "");
    CU_ASSERT_EQUAL(bench_run("devices"), 0);
    free(elsewhere);
    UNIT_EQUAL(bench_file("secret"), "hunter2\n");
}

/* --- services --- */

#define SERVICE                                                               \
    "tell '{\"event\":\"ready\",\"pilot\":\"s\",\"endpoint\":\"node7:1234\"}" \
    "'\n" BENCH_WAIT("TERM") "tell '{\"event\":\"service\",\"state\":"        \
                             "\"done\"}'\n"

static void test_service(void)
{
    static const struct {
        const char *pilot, *kind, *more, *words;
    } rows[] = {
        {"bus", "broker", "",
         "pilot-services run --only kafka --dir DIR --events\n"},
        {"bus", "broker",
         ", \"listen\": \"ib0\", \"advertise\": \"node7.site\"",
         "pilot-services run --only kafka --dir DIR --events --listen ib0 "
         "--advertise node7.site\n"},
        {"store", "params", "",
         "pilot-services run --only redis --dir DIR --events\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *args = text_format("%s/service/args", rows[i].pilot);
        char *beat = text_format("%s/beat.json", rows[i].pilot);
        char *end = text_format("%s/exit", rows[i].pilot);
        char *signals = text_format("%s/service/signals", rows[i].pilot);
        bench_begin();
        bench_program("pilot-services", SERVICE);
        bench_request(rows[i].pilot, rows[i].kind, "", rows[i].more);
        process *p = bench_start(rows[i].pilot, NULL);
        bench_await(beat, "\"endpoint\":\"node7:1234\"");
        UNIT_CONTAINS(bench_file(beat), "\"state\":\"ACTIVE\"");
        UNIT_EQUAL(bench_file(args), rows[i].words);
        process_signal(p, SIGUSR2);
        CU_ASSERT_EQUAL(bench_end(p), 0);
        UNIT_EQUAL(bench_file(signals), "TERM\n");
        UNIT_CONTAINS(bench_file(end), "\"state\":\"DONE\"");
        UNIT_CONTAINS(bench_file(end), "\"reason\":\"no longer needed\"");
        free(signals);
        free(end);
        free(beat);
        free(args);
    }
}

/* A parameter service is what its own supervisor talks through. */
static void test_service_hears(void)
{
    char *want, *control = text_format("%s/control", scratch_folder);

    bench_begin();
    bench_program("pilot-services", SERVICE);
    bench_request("store", "params", "", "");
    setenv("FAKE_CONTROL", control, 1);
    scratch_write("control", "");
    process *p = bench_start("store", NULL);
    bench_await("store/beat.json", "\"state\":\"ACTIVE\"");
    want = text_format("params node7:1234 r %s/home/r/store/service/password\n",
                       scratch_folder);
    scratch_write("control", "over");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_CONTAINS(bench_log(), want);
    UNIT_CONTAINS(bench_file("store/exit"), "\"state\":\"DONE\"");
    unlink(control);
    free(want);
    free(control);
}

/* A pool finds the services of its run by what their pilots tell. */
static void test_siblings(void)
{
    static const char beat[] = "{\"schema\": 1, \"state\": \"ACTIVE\", "
                               "\"time_ns\": 1, \"endpoint\": \"%s\"}";
    char *bus = text_format(beat, "bus:9092");
    char *store = text_format(beat, "redis://store:6379");

    bench_begin();
    bench_program("pilot-agent", BENCH_READY BENCH_POOL("done"));
    bench_request("pool", "pool", "", "");
    bench_put("bus/beat.json", "{ torn");
    process *p = bench_start("pool", NULL);
    bench_await("pool/beat.json",
                "\"reason\":\"waits for the broker of the run\"");
    bench_put("bus/beat.json", bus);
    bench_await("pool/beat.json",
                "\"reason\":\"waits for the parameter service of the run\"");
    CU_ASSERT_EQUAL(*bench_file("pool/starts"), '\0');
    bench_put("store/beat.json", store);
    CU_ASSERT_EQUAL(bench_end(p), 0);
    /* The agents read it from there. */
    UNIT_CONTAINS(bench_file("pool/request.json"), "\"broker\": \"bus:9092\"");
    UNIT_CONTAINS(bench_file("pool/request.json"),
                  "\"params\": \"redis://store:6379\"");
    UNIT_CONTAINS(bench_file("pool/request.json"),
                  "/home/r/store/service/password\"");
    free(store);
    free(bus);
}

/* What is away is waited for, and said; what is another's is not. */
static void test_waits(void)
{
    static const struct {
        const char *fails, *reason;
    } rows[] = {
        {"claim", "\"reason\":\"claim is away\""},
        {"broker", "\"reason\":\"broker is away"},
        {"topic", "\"reason\":\"topic is away\""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        bench_begin();
        bench_program("pilot-agent", BENCH_READY BENCH_POOL("done"));
        bench_request("pool", "pool", SERVICES ", \"claim\": \"mine\"", "");
        setenv("FAKE_FAILS", rows[i].fails, 1);
        process *p = bench_start("pool", NULL);
        bench_await("pool/beat.json", rows[i].reason);
        CU_ASSERT_EQUAL(*bench_file("pool/starts"), '\0');
        process_signal(p, SIGTERM);
        CU_ASSERT_EQUAL(bench_end(p), 0);
        UNIT_CONTAINS(bench_file("pool/exit"), "\"state\":\"CANCELED\"");
        UNIT_CONTAINS(bench_file("pool/exit"),
                      "\"reason\":\"asked to end by signal 15\"");
    }
}

/* --- an allocation --- */

/* The folders of its tenants are there, as a submission makes them. */
static void share_request(void)
{
    bench_request("share", "allocation", SERVICES,
                  ", \"parts\": [\"shared-bus\", \"shared-pool\"]");
    bench_put("shared-bus/request.json", "{}");
    bench_put("shared-pool/request.json", "{}");
}

/* Its services come up first and go down last; each tenant is a pilot, whose
 * words are in its own folder.
 */
static void test_allocation(void)
{
    bench_begin();
    bench_program(
        "pilot-supervisor",
        "echo words of $dir >&2\n"
        "case $dir in\n"
        "*-bus)\n"
        "    until [ -e \"$dir/up\" ]; do sleep 0.02; done\n" BENCH_READY
            BENCH_WAIT("USR2") "    exit 0 ;;\n"
                               "esac\n" BENCH_READY BENCH_POOL("done"));
    share_request();
    process *p = bench_start("share", NULL);
    bench_await("shared-bus/starts", "1");
    CU_ASSERT_FALSE(process_wait(p, 100));
    UNIT_EQUAL(bench_file("shared-pool/starts"), ""); /* its bus is not up */
    bench_put("shared-bus/up", "");
    bench_await("shared-pool/starts", "1");
    CU_ASSERT_EQUAL(bench_end(p), 0);
    UNIT_EQUAL(bench_file("shared-bus/signals"), "USR2\n");
    UNIT_CONTAINS(bench_file("shared-bus/err"), "/shared-bus\n");
    UNIT_CONTAINS(bench_file("shared-pool/err"), "/shared-pool\n");
    CU_ASSERT_PTR_NULL(strstr(bench_file("share/err"), "words of"));
    UNIT_CONTAINS(bench_file("shared-pool/args"), "/shared-pool --events\n");
    UNIT_CONTAINS(bench_file("share/exit"), "\"state\":\"DONE\"");
}

/* A tenant that fails is the allocation's failure, and the others go. */
static void test_allocation_failed(void)
{
    bench_begin();
    bench_program(
        "pilot-supervisor",
        "case $dir in\n"
        "*-bus) " BENCH_READY BENCH_WAIT(
            "USR2") " exit 0 ;;\n"
                    "esac\n"
                    "tell "
                    "'{\"event\":\"error\",\"pilot\":\"pool\",\"text\":\"no "
                    "rows\",\"kind\":\"input\",\"exit\":65}'\n"
                    "exit 65\n");
    share_request();
    CU_ASSERT_EQUAL(bench_run("share"), 65);
    UNIT_CONTAINS(bench_file("share/err"), "no rows\n");
    UNIT_EQUAL(bench_file("shared-bus/signals"), "USR2\n");
    UNIT_CONTAINS(bench_file("share/exit"), "\"reason\":\"no rows\"");
}

int main(void)
{
    static const unit_test tests[] = {
        {"words it does not know", test_usage},
        {"requests that are none", test_requests},
        {"a pool nobody follows", test_pool},
        {"a pool somebody follows", test_attached},
        {"pools that fail", test_pool_failed},
        {"started again", test_again},
        {"programs that are not there", test_programs},
        {"devices whose sources end", test_edge},
        {"devices that died are buried", test_edge_buried},
        {"secrets do not stay", test_secret},
        {"services", test_service},
        {"a parameter service that hears the end", test_service_hears},
        {"services are found by their beats", test_siblings},
        {"what is waited for", test_waits},
        {"an allocation", test_allocation},
        {"an allocation with a tenant that fails", test_allocation_failed},
        {NULL, NULL},
    };

    return bench_main("supervisor", tests);
}
