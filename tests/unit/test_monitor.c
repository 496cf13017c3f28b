/* test_monitor.c - events, the summary of a run, its verdict, its table. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/log.h"
#include "src/agent/event.h"
#include "src/agent/fault.h"
#include "src/monitor/monitor.h"

/* JSON as C text: ' stands for ". */
static json_t *json(const char *quoted)
{
    json_error_t why = {0};
    char *s = strdup(quoted);

    for (char *c = s; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *o = json_loads(s, JSON_DECODE_ANY, &why);
    UNIT_EQUAL(why.text, "");
    free(s);
    return o;
}

/* [o] as compact text of ours, keys in order; takes the reference. */
static const char *dump(json_t *o)
{
    static char out[8192];
    size_t n = json_dumpb(o, out, sizeof(out) - 1,
                          JSON_COMPACT | JSON_PRESERVE_ORDER |
                              JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY);

    out[n < sizeof(out) ? n : 0] = '\0';
    for (char *c = out; *c; c++)
        if (*c == '"')
            *c = '\'';
    json_decref(o);
    return out;
}

/* What [print] writes to stdout. */
static const char *captured(void (*print)(void *arg), void *arg)
{
    static char out[2 * EVENT_LINE_MAX];
    char name[] = "/tmp/test-monitor-XXXXXX";
    int file = mkstemp(name), saved = dup(STDOUT_FILENO);

    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    print(arg);
    dup2(saved, STDOUT_FILENO);
    ssize_t n = pread(file, out, sizeof(out) - 1, 0);
    out[n > 0 ? n : 0] = '\0';
    close(saved);
    close(file);
    unlink(name);
    return out;
}

static void print_event(void *arg)
{
    event_print(arg);
}

static void print_error(void *arg)
{
    event_error("pool", arg);
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    (void)level;
    snprintf(arg, 256, "%s", line);
}

/* --- events --- */

static void test_event_print(void)
{
    static char big[EVENT_LINE_MAX];
    char logged[256] = "";

    log_init(keep_line, logged, LOG_LEVEL_ERROR);
    UNIT_EQUAL(captured(print_event, json("{'b': 1, 'a': [2, 'x']}")),
               "{\"b\":1,\"a\":[2,\"x\"]}\n");
    UNIT_EQUAL(captured(print_event, NULL), "");
    UNIT_EQUAL(logged, "an event of 0 bytes is not printed");
    memset(big, 'x', sizeof(big) - 1);
    UNIT_EQUAL(captured(print_event, json_pack("{s:s}", "a", big)), "");
    UNIT_EQUAL(logged, "an event of 65543 bytes is not printed");
    big[EVENT_LINE_MAX - 10] = '\0'; /* with {"a":""} and a newline: all */
    CU_ASSERT_EQUAL(strlen(captured(print_event, json_pack("{s:s}", "a", big))),
                    EVENT_LINE_MAX - 1);
    log_init(NULL, NULL, LOG_LEVEL_ERROR);
}

/* A reader that is gone is told of, and no signal. */
static void test_event_unheard(void)
{
    int ends[2], saved = dup(STDOUT_FILENO);

    fflush(stdout);
    CU_ASSERT_EQUAL(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    signal(SIGPIPE, SIG_IGN);
    event_print(json("{}"));
    bool before = event_is_heard();
    close(ends[0]);
    event_print(json("{}"));
    dup2(saved, STDOUT_FILENO);
    CU_ASSERT(before);
    CU_ASSERT_FALSE(event_is_heard());
    close(ends[1]);
    close(saved);
}

static void test_event_error(void)
{
    pe_error e = {PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "no broker"};

    UNIT_EQUAL(captured(print_error, &e),
               "{\"event\":\"error\",\"pilot\":\"pool\",\"text\":\"no "
               "broker\",\"kind\":\"retry\",\"exit\":69}\n");
    snprintf(e.text, sizeof(e.text), "no file \xe9t\xe9");
    UNIT_CONTAINS(captured(print_error, &e), "\"text\":\"no file ?t?\"");
}

static void test_event_kind(void)
{
    static const enum pe_error_class kinds[] = {PE_ERROR_NONE, PE_ERROR_RETRY,
                                                PE_ERROR_INPUT, PE_ERROR_FATAL};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        CU_ASSERT_EQUAL(event_kind(event_kind_name(kinds[i])), kinds[i]);
    UNIT_EQUAL(event_kind_name((enum pe_error_class)17), "fatal");
    CU_ASSERT_EQUAL(event_kind("odd"), PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(event_kind(NULL), PE_ERROR_FATAL);
}

static void test_event_latency(void)
{
    static histogram h;

    UNIT_EQUAL(dump(event_latency(&h)),
               "{'n':0,'p50':0.0,'p90':0.0,'p99':0.0,'max':0.0}");
    histogram_add_n(&h, 1, 99);
    histogram_add(&h, 2000000);
    UNIT_EQUAL(dump(event_latency(&h)),
               "{'n':100,'p50':1e-6,'p90':1e-6,'p99':1e-6,'max':2.0}");
}

struct heard {
    char text[512];
};

static void hear_event(void *arg, json_t *o)
{
    struct heard *h = arg;
    size_t len = strlen(h->text);

    snprintf(h->text + len, sizeof(h->text) - len, "%lld;",
             (long long)json_integer_value(json_object_get(o, "a")));
}

static void hear_other(void *arg, const char *line)
{
    struct heard *h = arg;
    size_t len = strlen(h->text);

    snprintf(h->text + len, sizeof(h->text) - len, "[%.20s/%zu]", line,
             strlen(line));
}

#define MARK "0123456789abcdef0123456789abcdef"
#define MARK_HEAD "0123456789abcdef0123" /* what a test shows of it */
#define FRAME "\x1e" MARK " "

/* Lines come out the same however the bytes are cut, and only what carries the
 * mark is an event.
 */
static void test_event_feed(void)
{
    static const char bytes[] =
        FRAME "{\"a\":1}\nmpirun says\n\n" FRAME "[3]\n" /* no object */
              "half" FRAME "{\"a\":2}\n" /* behind half a line */
              "{\"a\":4}\n"              /* a function prints JSON, */
              "\x1e"
              "beef {\"a\":5}\n"            /* or another's event */
        FRAME "{\"a\":" FRAME "{\"a\":6}\n" /* one that is torn */
        FRAME "{";

    for (size_t step = 1; step < sizeof(bytes); step++) {
        event_reader r = {.mark = MARK};
        struct heard h = {""};
        for (size_t at = 0; at < sizeof(bytes) - 1; at += step) {
            size_t n = sizeof(bytes) - 1 - at;
            CU_ASSERT_EQUAL(event_feed(&r, bytes + at, n < step ? n : step,
                                       hear_event, hear_other, &h),
                            0);
        }
        UNIT_EQUAL(h.text, "1;[mpirun says/11][" MARK_HEAD "/36][half/4]2;"
                           "[{\"a\":4}/7][beef {\"a\":5}/12]"
                           "[" MARK_HEAD "/38]6;");
        event_reader_free(&r);
    }
}

static void test_event_feed_long(void)
{
    static char line[EVENT_LINE_MAX + 11];
    event_reader r = {.mark = MARK};
    struct heard h = {""};

    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    CU_ASSERT_EQUAL(
        event_feed(&r, line, sizeof(line), hear_event, hear_other, &h), 0);
    CU_ASSERT_EQUAL(
        event_feed(&r, FRAME "{\"a\":5}\n", 42, hear_event, NULL, &h), 0);
    UNIT_EQUAL(h.text, "[xxxxxxxxxxxxxxxxxxxx/65536][xxxxxxxxxx/10]5;");
    CU_ASSERT_EQUAL(event_feed(&r, "text\n", 5, hear_event, NULL, &h), 0);
    event_reader_free(&r);
    event_reader_free(&r);
}

/* A reader without a mark believes nothing. */
static void test_event_no_mark(void)
{
    event_reader r = {0};
    struct heard h = {""};

    CU_ASSERT_EQUAL(event_feed(&r, "{\"a\":1}\n\x1e {\"a\":2}\n", 18,
                               hear_event, hear_other, &h),
                    0);
    UNIT_EQUAL(h.text, "[{\"a\":1}/7][ {\"a\":2}/8]");
    event_reader_free(&r);
}

/* An agent whose function, child and C library print, too. */
static void agent_play(int out, int err)
{
    static const char *const words[] = {"echo", "{\"a\":3}", NULL};
    pe_error e = {0};
    pid_t child;

    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (event_open(MARK, &e) < 0)
        _exit(1);
    printf("half a line");
    event_print(json("{'a': 1}"));
    child = fork();
    if (child == 0)
        execvp(words[0], (char *const *)words);
    waitpid(child, NULL, 0);
    printf(", %s\n", "and its end");
    event_print(json("{'a': 2}"));
    _exit(0); /* as a rank that is killed: what is buffered is lost */
}

/* Standard output is for people, events have a descriptor of their own. */
static void test_event_open(void)
{
    int out[2], err[2], status = -1;
    char bytes[256];
    event_reader r = {.mark = MARK};
    struct heard h = {""};

    CU_ASSERT_EQUAL_FATAL(pipe(out) | pipe(err), 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        agent_play(out[1], err[1]);
    close(out[1]);
    close(err[1]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_FALSE(
        event_read(&r, out[0], EVENT_REST_MAX, hear_event, hear_other, &h));
    UNIT_EQUAL(h.text, "1;2;");
    ssize_t n = read(err[0], bytes, sizeof(bytes) - 1);
    bytes[n > 0 ? n : 0] = '\0';
    UNIT_CONTAINS(bytes, "{\"a\":3}\n");
    UNIT_CONTAINS(bytes, "half a line, and its end\n");
    event_reader_free(&r);
    close(out[0]);
    close(err[0]);
}

static void hear_text(void *arg, json_t *o)
{
    struct heard *h = arg;
    size_t len = strlen(h->text);

    snprintf(h->text + len, sizeof(h->text) - len, "%s: %s;",
             json_string_value(json_object_get(o, "event")),
             json_string_value(json_object_get(o, "text")));
}

/* A process that dies in a function tells which, and dies as ever. */
static void test_fault(void)
{
    char *words = fault_words("a \"b\"", "process_cloud", "/p\\x.so:f");
    int out[2], status = -1;
    event_reader r = {.mark = MARK};
    struct heard h = {""};

    UNIT_EQUAL(words, "stage 'a ?b?', process_cloud of /p?x.so:f");
    CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        event_open(MARK, NULL);
        fault_open();
        fault_enter("stage 'before', f");
        fault_leave();
        fault_enter(words);
        abort();
    }
    close(out[1]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    event_read(&r, out[0], EVENT_REST_MAX, hear_text, NULL, &h);
    UNIT_EQUAL(h.text, "fault: stage 'a ?b?', process_cloud of /p?x.so:f;");
    event_reader_free(&r);
    close(out[0]);
    free(words);
}

/* Whatever a child says, who reads gets its turn. */
static void test_event_read_bound(void)
{
    int zero = open("/dev/zero", O_RDONLY), ends[2];
    event_reader r = {.mark = MARK};
    struct heard h = {""};

    CU_ASSERT_TRUE(event_read(&r, zero, EVENT_TURN_MAX, hear_event, NULL, &h));
    close(zero);
    event_reader_free(&r);
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK), 0);
    CU_ASSERT_TRUE(event_read(&r, ends[0], 100, hear_event, NULL, &h));
    close(ends[1]);
    CU_ASSERT_FALSE(event_read(&r, ends[0], 100, hear_event, NULL, &h));
    close(ends[0]);
    UNIT_EQUAL(h.text, "");
}

static void test_event_mark(void)
{
    char a[EVENT_MARK_MAX], b[EVENT_MARK_MAX];

    CU_ASSERT_EQUAL(event_mark_make(a, NULL), 0);
    CU_ASSERT_EQUAL(event_mark_make(b, NULL), 0);
    CU_ASSERT_EQUAL(strlen(a), EVENT_MARK_MAX - 1);
    CU_ASSERT_NOT_EQUAL(strcmp(a, b), 0);
}

/* --- verdict --- */

#define POOL(busy, fetch) \
    "{'ranks': 2, 'seconds': 10, 'busy_s': " #busy ", 'fetch_s': " #fetch "}"
#define EDGE(seconds, busy, blocked, paced)                    \
    "{'devices': 4, 'seconds': " #seconds ", 'busy_s': " #busy \
    ", 'blocked_s': " #blocked ", 'paced_s': " #paced "}"

static const struct {
    const char *pool, *edges;
    int cores;
    const char *bottleneck, *headroom, *text;
} verdicts[] = {
    {"{}", "[]", 2, "unknown", "{'edge':null,'broker':null,'pool':null}",
     "no verdict: nothing was measured"},
    {"null", "[]", 2, "unknown", "{'edge':null,'broker':null,'pool':null}",
     "no verdict: nothing was measured"},
    {POOL(15.4, 4), "[" EDGE(10, 12.9, 20, 0) "]", 2, "pool",
     "{'edge':3.10078,'broker':2.0,'pool':1.03093}",
     "processing-bound: the pool is 97% busy; edge has 3.1x headroom, broker "
     "2.0x"},
    /* edges that were done early have headroom */
    {POOL(16, 4), "[" EDGE(5, 20, 0, 0) "]", 2, "pool",
     "{'edge':2.0,'broker':null,'pool':1.0}",
     "processing-bound: the pool is 100% busy; edge has 2.0x headroom; the "
     "broker was never waited for"},
    {POOL(2, 2), "[" EDGE(10, 36, 0, 0) "]", 2, "edge",
     "{'edge':1.11111,'broker':null,'pool':5.0}",
     "edge-bound: the edge is 90% busy; pool has 5.0x headroom; the broker "
     "was never waited for"},
    {POOL(2, 2), "[" EDGE(10, 4, 34, 0) "]", 2, "broker",
     "{'edge':10.0,'broker':1.17647,'pool':5.0}",
     "broker-bound: devices wait for the broker 85% of the time; edge has "
     "10.0x headroom, pool 5.0x"},
    {POOL(4, 4), "[" EDGE(10, 8, 0, 30) "]", 2, "source",
     "{'edge':5.0,'broker':null,'pool':2.5}",
     "source-bound (rate): the sources are waited for 75% of the time; edge "
     "has 5.0x headroom, pool 2.5x; the broker was never waited for"},
    /* a pool at its limit is that, whatever the sources do */
    {POOL(18, 1), "[" EDGE(10, 8, 0, 30) "]", 2, "pool",
     "{'edge':5.0,'broker':null,'pool':1.05263}",
     "processing-bound: the pool is 95% busy; edge has 5.0x headroom; the "
     "broker was never waited for"},
    {POOL(4, 2), "[" EDGE(10, 8, 0, 0) "]", 2, "none",
     "{'edge':5.0,'broker':null,'pool':3.33333}",
     "nothing is at its limit: the pool is 30% busy; edge has 5.0x headroom; "
     "the broker was never waited for"},
    /* two ranks on one core are one lane */
    {POOL(4, 2), "[]", 1, "pool", "{'edge':null,'broker':null,'pool':1.66667}",
     "processing-bound: the pool is 60% busy"},
    {POOL(30, 9), "[]", 1, "pool", "{'edge':null,'broker':null,'pool':1.0}",
     "processing-bound: the pool is 100% busy"},
    /* idle, and yet half of the blocks waited: for the pool to come up, */
    {"{'ranks': 2, 'seconds': 10, 'busy_s': 2, 'reduce_s': 1, 'latency_ms': "
     "{'broker': {'p50': 8000}, 'start': {'max': 8400}}}",
     "[" EDGE(10, 4, 0, 30) "]", 2, "start",
     "{'edge':10.0,'broker':null,'pool':10.0}",
     "start-bound: the first block waited 8.4 s for the pool to come up, half "
     "of all 8.0 s or longer; edge has 10.0x headroom"},
    /* or for ranks that wait for each other */
    {"{'ranks': 2, 'seconds': 10, 'busy_s': 2, 'reduce_s': 8, 'latency_ms': "
     "{'broker': {'p50': 8000}, 'start': {'max': 40}}}",
     "[" EDGE(10, 4, 0, 0) "]", 2, "pool",
     "{'edge':10.0,'broker':null,'pool':10.0}",
     "processing-bound: half of the blocks waited 8.0 s or longer for a rank, "
     "with ranks 10% busy and 40% in epochs; edge has 10.0x headroom"},
    /* or for the broker, */
    {"{'ranks': 2, 'seconds': 3.4, 'busy_s': 0, 'reduce_s': 0.2, 'latency_ms': "
     "{'broker': {'p50': 768.9}, 'start': {'max': 300}}}",
     "[" EDGE(5, 0.2, 0, 12) "]", 2, "broker",
     "{'edge':100.0,'broker':null,'pool':null}",
     "broker-bound: half of the blocks were 768 ms or longer on their way from "
     "a device to a rank; edge has 100.0x headroom; the pool was idle"},
    /* which is nothing in an hour */
    {"{'ranks': 2, 'seconds': 3600, 'busy_s': 720, 'latency_ms': {'broker': "
     "{'p50': 738}, 'start': {'max': 738}}}",
     "[" EDGE(3600, 1440, 0, 12960) "]", 2, "source",
     "{'edge':10.0,'broker':null,'pool':10.0}",
     "source-bound (rate): the sources are waited for 90% of the time; edge "
     "has 10.0x headroom, pool 10.0x; the broker was never waited for"},
    /* since when records of others lie there is not ours to rate */
    {"{'ranks': 2, 'seconds': 10, 'busy_s': 2, 'latency_ms': {'broker': "
     "{'p50': 8e9}, 'start': {'max': 8e9}}}",
     "[]", 2, "none", "{'edge':null,'broker':null,'pool':10.0}",
     "nothing is at its limit: the pool is 10% busy"},
    /* several edge pilots, no pool */
    {"null", "[" EDGE(10, 30, 0, 0) "," EDGE(10, 34, 0, 0) "]", 2, "edge",
     "{'edge':1.25,'broker':null,'pool':null}",
     "edge-bound: the edge is 80% busy; the broker was never waited for"},
};

static void test_verdict(void)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        json_t *pool = json(verdicts[i].pool);
        json_t *edges = json(verdicts[i].edges);
        json_t *v = monitor_verdict(pool, edges, verdicts[i].cores);
        UNIT_EQUAL(json_string_value(json_object_get(v, "text")),
                   verdicts[i].text);
        UNIT_EQUAL(json_string_value(json_object_get(v, "bottleneck")),
                   verdicts[i].bottleneck);
        UNIT_EQUAL(dump(json_incref(json_object_get(v, "headroom"))),
                   verdicts[i].headroom);
        json_decref(v);
        json_decref(edges);
        json_decref(pool);
    }
}

static void test_verdict_null(void)
{
    json_t *v = monitor_verdict(NULL, NULL, 0);

    UNIT_EQUAL(json_string_value(json_object_get(v, "bottleneck")), "unknown");
    json_decref(v);
}

/* --- summary --- */

#define POOL_FINAL                                                             \
    "{'event': 'pool', 'pilot': 'pool', 'state': 'done', 'ranks': 1, "         \
    "'blocks': {'fetched': 101, 'applied': 98, 'refused': 2, 'replayed': 1, "  \
    "'deduplicated': 3, 'foreign': 5}, 'rows': {'masked': 3, 'unscored': "     \
    "1000}, 'masked_cells': {'0': 2, '7': 1}, 'first': {'masked': 't/0/5 row " \
    "2'}, 'points': 98000, 'bytes': 25088000, "                                \
    "'outliers': 7, 'seconds': 4.0, 'busy_s': 3.75, 'fetch_s': 0.13, "         \
    "'cpu_s': 8.0, 'exactly_once': true, 'latency_ms': {'process': {'n': 98, " \
    "'p50': 1.5, 'p90': 2.5, 'p99': 3.5, 'max': 4.5}}, 'model': {'kind': "     \
    "'kmeans', 'kernel': 'avx2', 'version': 16, 'commit': "                    \
    "'0123456789abcdef0123456789abcdef', 'points': 98000, 'threshold': 2.5, "  \
    "'warming': false}}"
#define EDGE_FINAL                                                           \
    "{'event': 'edge', 'pilot': 'devices', 'state': 'done', 'devices': 2, "  \
    "'blocks': {'sensed': 110, 'filtered': 10, 'dropped': 4, 'spooled': 1, " \
    "'sent': 95}, 'rows': {'skipped': 12}, 'first': {'skipped': 'a.csv:7: "  \
    "3 fields, not 4'}, 'scored': 90000, 'outliers': 5, 'seconds': 4.0, "    \
    "'cpu_s': 0.5, 'busy_s': 2.0, 'blocked_s': "                             \
    "0, 'latency_ms': {'model': {'n': 16, 'p50': 1, 'p90': 2, 'p99': 3, "    \
    "'max': 4}}}"
#define EDGE_OTHER                                                          \
    "{'event': 'edge', 'pilot': 'more', 'state': 'done', 'devices': 1, "    \
    "'blocks': {'sensed': 0, 'sent': 0}, 'latency_ms': {'model': {'n': 4, " \
    "'p50': 0.5, 'p90': 2.5, 'p99': 2.75, 'max': 9}}}"

static void take(monitor *m, const char *pilot, const char *quoted)
{
    json_t *event = json(quoted);

    monitor_take(m, pilot, event);
    json_decref(event);
}

static monitor *monitor_with(const char *pool, const char *edge)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    if (pool)
        take(m, "pool", pool);
    if (edge)
        take(m, "devices", edge);
    return m;
}

static const char *part(const json_t *summary, const char *key)
{
    return dump(json_incref(json_object_get(summary, key)));
}

static void test_summary(void)
{
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"schema", "1"},
        {"run", "'r-1'"},
        {"pipeline", "'quick'"},
        {"state", "'done'"},
        {"seconds", "5.0"},
        {"exit", "0"},
        {"blocks", "{'sensed':110,'filtered':10,'dropped':4,'spooled':1,"
                   "'lost':0,'sent':95,'fetched':101,'applied':98,"
                   "'refused':2,'refused_own':0,'foreign':5,'replayed':1,"
                   "'deduplicated':3,'unchecked':0}"},
        {"rows", "{'skipped':12,'masked':3,'unscored':1000}"},
        {"masked_cells", "{'0':2,'7':1}"},
        {"first", "{'masked':'t/0/5 row 2','skipped':'a.csv:7: 3 fields, "
                  "not 4'}"},
        {"points", "98000"},
        {"bytes", "25088000"},
        {"rate", "{'blocks_per_s':24.5,'points_per_s':24500.0,'mb_per_s':"
                 "6.272}"},
        {"model", "{'kind':'kmeans','kernel':'avx2','version':16,'commit':"
                  "'0123456789abcdef0123456789abcdef','points':98000,"
                  "'threshold':2.5,'warming':false,'outliers':7}"},
        {"exactly_once", "'on'"},
        {"cpu_s", "{'pool':8.25,'devices':0.5}"},
        {"errors", "[]"},
        {"deaths", "0"},
    };
    monitor *m = monitor_with(POOL_FINAL, EDGE_FINAL);

    monitor_cpu(m, "pool", 8.0); /* counted by the kernel */
    monitor_cpu(m, "pool", 0.25);
    monitor_cpu(m, "devices", 0.1); /* less than it counted itself */
    json_t *s = monitor_summary(m, "done", 5);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        UNIT_EQUAL(part(s, rows[i].key), rows[i].value);
    const json_t *v = json_object_get(s, "verdict");
    UNIT_CONTAINS(json_string_value(json_object_get(v, "text")),
                  "processing-bound");
    json_decref(s);
    monitor_destroy(m);
}

/* Hops nobody spoke of are there and empty; of several pilots the worst. */
static void test_summary_latency(void)
{
    static const char none[] = "{'n':0,'p50':0.0,'p90':0.0,'p99':0.0,'max':"
                               "0.0}";
    static const struct {
        const char *hop, *value;
    } rows[] = {
        {"edge", none},
        {"broker", none},
        {"start", none},
        {"wait", none},
        {"process", "{'n':98,'p50':1.5,'p90':2.5,'p99':3.5,'max':4.5}"},
        {"commit", none},
        {"model", "{'n':20,'p50':1.0,'p90':2.5,'p99':3.0,'max':9.0}"},
        {"total", none},
        {"processed", none},
    };
    monitor *m = monitor_with(POOL_FINAL, EDGE_FINAL);

    take(m, "more", EDGE_OTHER);
    json_t *s = monitor_summary(m, "done", 5);
    const json_t *latency = json_object_get(s, "latency_ms");
    CU_ASSERT_EQUAL(json_object_size(latency), sizeof(rows) / sizeof(rows[0]));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        UNIT_EQUAL(part(latency, rows[i].hop), rows[i].value);
    json_decref(s);
    monitor_destroy(m);
}

static void test_summary_empty(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_error(m, "it \xff failed");
    json_t *s = monitor_summary(m, "failed", 0);
    UNIT_EQUAL(part(s, "state"), "'failed'");
    UNIT_EQUAL(part(s, "model"), "null");
    UNIT_EQUAL(part(s, "exactly_once"), "null");
    UNIT_EQUAL(part(s, "errors"), "['it ? failed']");
    UNIT_EQUAL(part(s, "rate"),
               "{'blocks_per_s':0.0,'points_per_s':0.0,'mb_per_s':0.0}");
    json_decref(s);
    monitor_destroy(m);
    monitor_destroy(NULL);
}

#define BLOCKS(...) "{'event': 'edge', 'blocks': {" #__VA_ARGS__ "}}"
#define POOL_BLOCKS(...) \
    "{'event': 'pool', 'points': 1, 'blocks': {" #__VA_ARGS__ "}}"

/* Rule 9: blocks add up, or the run is no success. */
static void test_balance(void)
{
    static const struct {
        const char *pool, *edge, *state, *after, *errors;
    } rows[] = {
        {POOL_BLOCKS('applied' : 9, 'refused' : 1),
         BLOCKS('sensed' : 10, 'sent' : 10), "done", "'done'", "[]"},
        {POOL_BLOCKS('applied' : 9, 'refused' : 1),
         BLOCKS('sensed' : 11, 'sent' : 10), "done", "'failed'",
         "['blocks do not add up at the edge: 11 sensed, but 10 sent + 0 "
         "filtered + 0 dropped + 0 spooled + 0 lost']"},
        {POOL_BLOCKS('applied' : 9, 'foreign' : 1),
         BLOCKS('sensed' : 10, 'sent' : 10), "done", "'failed'",
         "['blocks do not add up at the pool: 10 sent + 1 foreign, but 9 "
         "applied + 0 refused']"},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 11, 'sent' : 10), "done",
         "'failed'",
         "['blocks do not add up at the edge: 11 sensed, but 10 sent + 0 "
         "filtered + 0 dropped + 0 spooled + 0 lost','blocks do not add up at "
         "the "
         "pool: 10 sent + 0 foreign, but 9 applied + 0 refused']"},
        /* duplicates are no blocks of their own */
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 4),
         BLOCKS('sensed' : 10, 'sent' : 10), "done", "'done'", "[]"},
        /* only a run that claims to be done is held to it */
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 11, 'sent' : 10),
         "drained", "'drained'", "[]"},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 11, 'sent' : 10),
         "failed", "'failed'", "[]"},
        /* who sent what is not ours to know without edges of our own */
        {POOL_BLOCKS('applied' : 9, 'foreign' : 2), NULL, "done", "'done'",
         "[]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_with(rows[i].pool, rows[i].edge);
        json_t *s = monitor_summary(m, rows[i].state, 1);
        UNIT_EQUAL(part(s, "state"), rows[i].after);
        UNIT_EQUAL(part(s, "errors"), rows[i].errors);
        json_decref(s);
        monitor_destroy(m);
    }
}

/* An edge counts over its deaths: 98 sensed, 1 dropped, 2 lost with an agent
 * that died, as far as it knows; the pool knows of those on their way.
 */
static void test_lost_edge(void)
{
    static const struct {
        const char *pool, *state, *blocks;
    } rows[] = {
        {POOL_BLOCKS('applied' : 95), "'done'", "'lost':2,'sent':95"},
        {POOL_BLOCKS('applied' : 96), "'done'", "'lost':1,'sent':96"},
        {POOL_BLOCKS('applied' : 97), "'done'", "'lost':0,'sent':97"},
        {POOL_BLOCKS('applied' : 97, 'foreign' : 1), "'done'",
         "'lost':1,'sent':96"},
        {POOL_BLOCKS('applied' : 90, 'deduplicated' : 5), "'done'",
         "'lost':2,'sent':95"},
        {POOL_BLOCKS('applied' : 90, 'deduplicated' : 2), "'failed'",
         "'lost':2,'sent':95"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_create("r-1", "quick", NULL);
        take(m, "devices",
             "{'event': 'progress', 'sensed': 42, 'sent': 39, 'dropped': 1}");
        monitor_lost(m, "devices");
        take(m, "devices",
             BLOCKS('sensed' : 98, 'dropped' : 1, 'lost' : 2, 'sent' : 95));
        take(m, "pool", rows[i].pool);
        json_t *s = monitor_summary(m, "done", 1);
        UNIT_EQUAL(part(s, "state"), rows[i].state);
        UNIT_EQUAL(part(s, "deaths"), "1");
        UNIT_CONTAINS(part(s, "blocks"),
                      "'sensed':98,'filtered':0,'dropped':1,'spooled':0,");
        UNIT_CONTAINS(part(s, "blocks"), rows[i].blocks);
        json_decref(s);
        monitor_destroy(m);
    }
}

/* One that does not come back: what it told last stands, and what was in its
 * queues is lost, or is still in its file.
 */
static void test_lost_for_good(void)
{
    static const struct {
        const char *progress, *blocks;
    } rows[] = {
        {"{'event': 'progress', 'sensed': 572, 'filtered': 3, 'sent': 477}",
         "{'sensed':572,'filtered':3,'dropped':0,'spooled':0,'lost':92,"
         "'sent':477,"},
        {"{'event': 'progress', 'sensed': 572, 'filtered': 3, 'sent': 477, "
         "'lost': 90, 'rereadable': false}",
         "{'sensed':572,'filtered':3,'dropped':0,'spooled':0,'lost':92,"
         "'sent':477,"},
        {"{'event': 'progress', 'sensed': 572, 'filtered': 3, 'sent': 477, "
         "'rereadable': true}",
         "{'sensed':480,'filtered':3,'dropped':0,'spooled':0,'lost':0,"
         "'sent':477,"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_create("r-1", "quick", NULL);
        take(m, "devices", rows[i].progress);
        monitor_lost(m, "devices");
        take(m, "pool", POOL_BLOCKS('applied' : 477));
        json_t *s = monitor_summary(m, "failed", 1);
        UNIT_CONTAINS(part(s, "blocks"), rows[i].blocks);
        json_decref(s);
        monitor_destroy(m);
    }
}

/* A pool that is killed for good has committed what it told last. */
static void test_lost_pool_for_good(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    take(m, "pool",
         "{'event': 'progress', 'blocks': 60, 'refused': 2, 'masked': 7}");
    take(m, "pool", "{'event': 'progress', 'blocks': 61, 'refused': 2}");
    monitor_lost(m, "pool");
    take(m, "pool", "{'event': 'progress', 'blocks': 70, 'refused': 2}");
    monitor_lost(m, "pool");
    json_t *s = monitor_summary(m, "failed", 10);
    UNIT_CONTAINS(part(s, "blocks"), "'fetched':72,'applied':70,'refused':2");
    UNIT_CONTAINS(part(s, "rows"), "'masked':7");
    json_decref(s);
    monitor_destroy(m);
}

/* The last life of a pool does not know how long the others took. */
static void test_lost_pool(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    take(m, "pool", "{'event': 'progress', 'blocks': 60, 't': 2}");
    monitor_lost(m, "pool");
    take(m, "pool",
         "{'event': 'pool', 'points': 5, 'blocks': {'applied': 100}, "
         "'seconds': 1}");
    take(m, "devices", BLOCKS('sensed' : 100, 'sent' : 100));
    json_t *s = monitor_summary(m, "done", 10);
    UNIT_EQUAL(part(s, "state"), "'done'");
    UNIT_EQUAL(part(s, "rate"),
               "{'blocks_per_s':10.0,'points_per_s':0.5,'mb_per_s':0.0}");
    json_decref(s);
    monitor_destroy(m);
}

/* Totals go on; the rate is that of the new part. */
static void test_resume(void)
{
    json_t *before = json("{'blocks': {'sensed': 60, 'sent': 58, 'filtered': "
                          "1, 'spooled': 1, 'applied': 58, 'fetched': 58}, "
                          "'points': 58000, 'bytes': 1000}");
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_resume(m, before);
    monitor_began(m, 58, 58000, 1000);
    take(m, "devices", BLOCKS('sensed' : 40, 'sent' : 41));
    take(m, "pool",
         "{'event': 'pool', 'blocks': {'applied': 99, 'fetched': 41}, "
         "'points': 99000, 'bytes': 2000001000, 'seconds': 2}");
    json_t *s = monitor_summary(m, "done", 3);
    UNIT_EQUAL(part(s, "blocks"),
               "{'sensed':100,'filtered':1,'dropped':0,'spooled':0,'lost':0,"
               "'sent':99,"
               "'fetched':99,'applied':99,'refused':0,'refused_own':0,"
               "'foreign':0,'replayed':0,'deduplicated':0,'unchecked':0}");
    UNIT_EQUAL(part(s, "state"), "'done'");
    UNIT_EQUAL(part(s, "rate"),
               "{'blocks_per_s':20.5,'points_per_s':20500.0,'mb_per_s':"
               "1000.0}");
    json_decref(s);
    monitor_destroy(m);
    json_decref(before);
}

/* Without a summary nobody knows what was sent before. */
static void test_resume_after_crash(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_resume(m, NULL);
    take(m, "devices", BLOCKS('sensed' : 41, 'sent' : 40));
    take(m, "pool", POOL_BLOCKS('fetched' : 40, 'applied' : 99));
    json_t *s = monitor_summary(m, "done", 3);
    UNIT_EQUAL(part(s, "state"), "'done'");
    UNIT_CONTAINS(part(s, "blocks"), "'fetched':99,'applied':99,");
    json_decref(s);
    monitor_destroy(m);
}

/* --- what makes a run that is done a failure --- */

static void test_check(void)
{
    static const struct {
        const char *pool, *edge, *exit, *errors;
    } rows[] = {
        {"{'event': 'pool', 'points': 9, 'blocks': {'applied': 9, 'refused': "
         "1, 'refused_own': 1}}",
         BLOCKS('sensed' : 10, 'sent' : 10), "65",
         "['1 block of this run's devices was refused, and nothing of it "
         "learned']"},
        {"{'event': 'pool', 'blocks': {'refused': 10, 'refused_own': 10}, "
         "'first': {'refused_own': 't/0/0: 2 features, not 3'}}",
         BLOCKS('sensed' : 10, 'sent' : 10), "65",
         "['10 blocks of this run's devices were refused, and nothing of "
         "them learned; the first: t/0/0: 2 features, not 3']"},
        /* others' are theirs */
        {"{'event': 'pool', 'points': 9, 'blocks': {'applied': 10, 'refused': "
         "3, 'foreign': 3}}",
         BLOCKS('sensed' : 10, 'sent' : 10), "0", "[]"},
        {"{'event': 'pool', 'blocks': {'refused': 3, 'foreign': 3}}", NULL,
         "65", "['no row was learned from: 3 blocks refused']"},
        {"{'event': 'pool'}", NULL, "65",
         "['no row was learned from: no record came']"},
        {"{'event': 'pool'}", BLOCKS(), "65",
         "['no row was learned from: the devices sensed nothing']"},
        {"{'event': 'pool'}",
         "{'event': 'edge', 'rows': {'skipped': 1}, 'first': {'skipped': "
         "'a.csv:1: no number'}}",
         "65",
         "['no row was learned from: the devices sensed nothing; 1 row "
         "skipped; the first: a.csv:1: no number']"},
        {"{'event': 'pool'}", BLOCKS('sensed' : 4, 'filtered' : 4), "65",
         "['no row was learned from: 4 blocks filtered']"},
        {"{'event': 'pool', 'blocks': {'applied': 4}, 'rows': {'masked': 40}, "
         "'first': {'masked': 'column 3 of t/0/0'}}",
         BLOCKS('sensed' : 4, 'sent' : 4), "65",
         "['no row was learned from: 40 rows masked; the first: column 3 of "
         "t/0/0']"},
        {"{'event': 'pool', 'blocks': {'applied': 4}, 'rows': {'masked': 40}, "
         "'masked_cells': {'2': 40, '5': 1}}",
         BLOCKS('sensed' : 4, 'sent' : 4), "65",
         "['no row was learned from: 40 rows masked (cells that are no finite "
         "number, of column 2: 40, column 5: 1): mend those columns, or leave "
         "them out by a `select` stage']"},
        {"{'event': 'pool', 'blocks': {'applied': 4}}",
         BLOCKS('sensed' : 4, 'sent' : 4), "65",
         "['no row was learned from: the stages let no row through']"},
        /* who has no pool learns nothing, and did not mean to */
        {NULL, BLOCKS('sensed' : 4, 'sent' : 4), "0", "[]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_with(rows[i].pool, rows[i].edge);
        json_t *s = monitor_summary(m, "done", 1);
        UNIT_EQUAL(part(s, "errors"), rows[i].errors);
        UNIT_EQUAL(part(s, "exit"), rows[i].exit);
        UNIT_EQUAL(part(s, "state"),
                   strcmp(rows[i].exit, "0") ? "'failed'" : "'done'");
        json_decref(s);
        s = monitor_summary(m, "drained", 1);
        UNIT_EQUAL(part(s, "state"), "'drained'");
        json_decref(s);
        monitor_destroy(m);
    }
}

/* --- progress --- */

static void test_progress(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);
    char line[256] = "?";

    monitor_progress(m, line, sizeof(line));
    UNIT_EQUAL(line, "");
    take(m, "devices", "{'event': 'progress', 'sensed': 12, 'sent': 10}");
    monitor_progress(m, line, sizeof(line));
    UNIT_EQUAL(line, "lag 2 (2 on devices)  sensed 12  sent 10");
    take(m, "pool", "{'event': 'progress', 'blocks': 4, 'mb': 1, 't': 0.5}");
    take(m, "pool",
         "{'event': 'progress', 'blocks': 9, 'mb': 3.5, 't': 1, "
         "'lag': 3, 'version': 2, 'outliers': 1}");
    take(m, "devices",
         "{'event': 'progress', 'sensed': 15, 'sent': 12, 'dropped': 2, "
         "'filtered': 1}");
    monitor_progress(m, line, sizeof(line));
    UNIT_EQUAL(line, "1.0 s  applied 9 (10/s, 5.0 MB/s)  lag 3  dropped 2  "
                     "model v2  outliers 1  sensed 15  sent 12");
    /* our clock; a second pool tells of the same run and its own lag */
    take(m, "pool", "{'event': 'progress', 'blocks': 9, 'lag': 4}");
    take(m, "more",
         "{'event': 'progress', 'blocks': 9, 'lag': 2, 'masked': 7, "
         "'refused': 1}");
    monitor_progress(m, line, sizeof(line));
    UNIT_CONTAINS(line, "  lag 6  dropped 2  refused 1  masked 7  outliers 0  "
                        "sensed 15  sent 12");
    /* files: how far, and how long */
    take(m, "devices",
         "{'event': 'progress', 'sensed': 15, 'sent': 15, 'rows': 1500, "
         "'share': 0.25, 't': 30}");
    monitor_progress(m, line, sizeof(line));
    UNIT_CONTAINS(line, "  lag 6  1500 rows  25% read, 1:30 left  refused 1");
    monitor_destroy(m);
}

/* 256 blocks on a device are behind, too; and what there is least need of
 * goes where the line is longer than a terminal is wide.
 */
static void test_progress_width(void)
{
    static const struct {
        size_t cap;
        const char *line;
    } rows[] = {
        {200, "3601.5 s  applied 1000000 (1000/s, 256.0 MB/s)  lag 256 (256 on "
              "devices)  model v14000  outliers 123456789  sensed 1000256  "
              "sent 1000000"},
        {81, "3601.5 s  applied 1000000 (1000/s, 256.0 MB/s)  lag 256 (256 on "
             "devices)"},
        {66, "3601.5 s  applied 1000000  lag 256 (256 on devices)"},
        {40, "3601.5 s  applied 1000000  lag 256"},
        {30, "3601.5 s  applied 1000000"},
        {8, "3601.5 "},
    };
    monitor *m = monitor_create("r-1", "quick", NULL);
    char line[256];

    take(m, "pool", "{'event': 'progress', 'blocks': 999500, 't': 3601}");
    take(m, "pool",
         "{'event': 'progress', 'blocks': 1000000, 't': 3601.5, 'mb': 128, "
         "'version': 14000, 'outliers': 123456789}");
    take(m, "devices",
         "{'event': 'progress', 'sensed': 1000256, 'sent': 1000000}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor_progress(m, line, rows[i].cap);
        UNIT_EQUAL(line, rows[i].line);
    }
    monitor_destroy(m);
}

/* --- table --- */

static const char *printed(const json_t *summary)
{
    static char out[4096];
    FILE *f = fmemopen(out, sizeof(out), "w");

    memset(out, 0, sizeof(out));
    monitor_print(summary, f);
    fclose(f);
    return out;
}

/* What is left in the topic is said of a run that is not done. */
static void test_left(void)
{
    static const struct {
        const char *pool, *edge, *state, *left;
    } rows[] = {
        {POOL_BLOCKS('applied' : 6, 'refused' : 2),
         BLOCKS('sensed' : 11, 'sent' : 10), "drained",
         "          2 blocks sent and not applied yet: 'pilot run --resume "
         "r-1' goes on\n          with them\n"},
        {POOL_BLOCKS('applied' : 10), BLOCKS('sensed' : 11, 'sent' : 10),
         "drained", NULL},
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 3),
         BLOCKS('sensed' : 10, 'sent' : 10), "drained", NULL},
        {POOL_BLOCKS('applied' : 6), NULL, "drained", NULL},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 10, 'sent' : 10),
         "failed",
         "          1 block sent and not applied yet: 'pilot run --resume r-1' "
         "goes on\n          with it\n"},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 10, 'sent' : 10), "done",
         NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_with(rows[i].pool, rows[i].edge);
        json_t *s = monitor_summary(m, rows[i].state, 1);
        if (rows[i].left)
            UNIT_CONTAINS(printed(s), rows[i].left);
        else
            CU_ASSERT_PTR_NULL(strstr(printed(s), "not applied yet"));
        json_decref(s);
        monitor_destroy(m);
    }
}

static void test_print(void)
{
    monitor *m = monitor_with(POOL_FINAL, EDGE_FINAL);

    monitor_error(m, "one thing");
    json_t *s = monitor_summary(m, "done", 5);
    UNIT_EQUAL(
        printed(s),
        "run       r-1, done in 5.0 s\n"
        "edge      110 sensed, 10 filtered, 4 dropped, 1 spooled, 95 sent\n"
        "pool      101 fetched, 98 applied, 2 refused, 5 foreign\n"
        "          exactly-once: on; 1 replayed, 3 deduplicated\n"
        "rows      12 skipped, 3 masked, 1000 not scored (warm-up)\n"
        "          masked cells: column 0: 2, column 7: 1\n"
        "          first skipped: a.csv:7: 3 fields, not 4\n"
        "          first masked: t/0/5 row 2\n"
        "rate      24.5 blocks/s, 24500 points/s, 6.3 MB/s (98000 points, "
        "25.1 MB)\n"
        "latency   hop               n    p50 ms    p90 ms    p99 ms    max "
        "ms\n"
        "          process          98      1.50      2.50      3.50      "
        "4.50\n"
        "          model            16      1.00      2.00      3.00      "
        "4.00\n"
        "model     kmeans version 16, commit 0123456789ab, 98000 points\n"
        "outliers  7 of 97000 rows in the pool, each by the model it met "
        "there\n"
        "          5 of 90000 rows on devices, each by the newest model "
        "there\n"
        "cpu       pool 8.00 s, devices 0.50 s\n"
        "verdict   processing-bound: the pool is 97% busy; edge has 4.0x "
        "headroom;\n"
        "          the broker was never waited for\n"
        "error     one thing\n");
    json_decref(s);
    monitor_destroy(m);
}

/* What was not scored is said, and no line is wider than a terminal. */
static void test_print_unscored(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    take(m, "pool",
         "{'event': 'pool', 'pilot': 'pool', 'ranks': 1, 'seconds': 1, "
         "'blocks': {'fetched': 2, 'applied': 2}, 'points': 198, 'rows': "
         "{'masked': 2, 'unscored': 198}, 'masked_cells': {'0': 1, '1': 1, "
         "'2': 1, '3': 1, '4': 1}, 'latency_ms': {'broker': {'n': 2, 'p50': "
         "768.9, 'p90': 768.9, 'p99': 768.9, 'max': 768.9}}, 'model': {'kind': "
         "'kmeans', 'version': 2, 'commit': '0123456789abcdef', 'points': 198, "
         "'threshold': 2.5, 'warming': true}}");
    take(m, "devices",
         "{'event': 'edge', 'pilot': 'devices', 'devices': 1, 'blocks': "
         "{'sensed': 2, 'sent': 2}, 'seconds': 1, 'scored': 0, 'unscored': "
         "200}");
    json_t *s = monitor_summary(m, "drained", 5);
    UNIT_CONTAINS(
        printed(s),
        "          masked cells: column 0: 1, column 1: 1, column 2: 1, column "
        "3: 1,\n"
        "          column 4: 1\n");
    UNIT_CONTAINS(printed(s), "model     kmeans version 2, commit "
                              "0123456789ab, 198 points, warming up\n"
                              "outliers  200 rows on devices not scored: no "
                              "model was there yet\n");
    UNIT_CONTAINS(
        printed(s),
        "verdict   broker-bound: half of the blocks were 768 ms or longer on "
        "their way\n"
        "          from a device to a rank; the edge was idle; the pool was "
        "idle\n");
    json_decref(s);
    monitor_destroy(m);
}

/* Fewer rows may be outliers than have the highest scores. */
static void test_print_top(void)
{
    json_t *s = json_pack(
        "{s:s, s:{s:i, s:i, s:f, s:[{s:s, s:i, s:f}, {s:s, s:i, s:f}]}}", "run",
        "r-1", "final", "outliers", 1, "rows", 2000, "threshold", 4.5, "top",
        "source", "a.csv", "row", 7, "score", 9.25, "device", "d-0", "row", 8,
        "score", 4.5);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    UNIT_CONTAINS(printed(s), "top       a.csv:7  9.25\n"
                              "          d-0/8  4.5, no outlier\n"
                              "all       pilot results r-1\n");
    json_decref(s);
}

static void test_print_empty(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_lost(m, "pool");
    monitor_lost(m, "pool");
    json_t *s = monitor_summary(m, "failed", 1.26);
    UNIT_EQUAL(printed(s),
               "run       r-1, failed in 1.3 s, 2 pilots died\n"
               "pool      0 fetched, 0 applied, 0 refused, 0 foreign\n"
               "verdict   no verdict: nothing was measured\n");
    json_decref(s);
    monitor_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"an event is one line, or logged when it does not fit",
         test_event_print},
        {"an event nobody reads", test_event_unheard},
        {"an error as an event", test_event_error},
        {"classes of errors have names", test_event_kind},
        {"a histogram as an event tells it", test_event_latency},
        {"lines out of pieces", test_event_feed},
        {"lines that are too long", test_event_feed_long},
        {"without a mark nothing is believed", test_event_no_mark},
        {"what functions print is no event", test_event_open},
        {"the function a process dies in", test_fault},
        {"a chatty child is read in turns", test_event_read_bound},
        {"every agent has a mark of its own", test_event_mark},
        {"verdicts", test_verdict},
        {"verdict of nothing", test_verdict_null},
        {"summary", test_summary},
        {"latency per hop", test_summary_latency},
        {"summary of nothing", test_summary_empty},
        {"blocks add up", test_balance},
        {"blocks that are left", test_left},
        {"an edge pilot that died", test_lost_edge},
        {"an edge pilot that died for good", test_lost_for_good},
        {"a pool that died", test_lost_pool},
        {"a pool that died for good", test_lost_pool_for_good},
        {"a drained run goes on", test_resume},
        {"a run that was cut off goes on", test_resume_after_crash},
        {"what makes a run that is done a failure", test_check},
        {"progress line", test_progress},
        {"progress line as wide as a terminal", test_progress_width},
        {"table for people", test_print},
        {"table of what was not scored", test_print_unscored},
        {"table of the highest scores", test_print_top},
        {"table of nothing", test_print_empty},
        {NULL, NULL},
    };

    return unit_main("monitor", tests);
}
