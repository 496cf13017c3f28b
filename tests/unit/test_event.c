/* test_event.c - events of agents: one line each, and nobody else's. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json_quoted.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/agent/event.h"
#include "src/agent/fault.h"

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

static void test_event_print(void)
{
    static char big[EVENT_LINE_MAX];
    char logged[256] = "";

    log_init(keep_line, logged, LOG_LEVEL_ERROR);
    UNIT_EQUAL(captured(print_event, json_quoted("{'b': 1, 'a': [2, 'x']}")),
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
    event_print(json_quoted("{}"));
    bool before = event_is_heard();
    close(ends[0]);
    event_print(json_quoted("{}"));
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

    UNIT_EQUAL(json_shown(event_latency(&h)),
               "{'n':0,'p50':0.0,'p90':0.0,'p99':0.0,'max':0.0}");
    histogram_add_n(&h, 1, 99);
    histogram_add(&h, 2000000);
    UNIT_EQUAL(json_shown(event_latency(&h)),
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
    event_print(json_quoted("{'a': 1}"));
    child = fork();
    if (child == 0)
        execvp(words[0], (char *const *)words);
    waitpid(child, NULL, 0);
    printf(", %s\n", "and its end");
    event_print(json_quoted("{'a': 2}"));
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

/* One that does not come back is told of while it is away: after 5 s, and then
 * when it has been twice as long.
 */
static void test_fault_stuck(void)
{
    int out[2];
    event_reader r = {.mark = MARK};
    struct heard h = {""};
    int64_t until = clock_mono_ns() + 60 * CLOCK_S;

    CU_ASSERT_EQUAL_FATAL(pipe2(out, O_NONBLOCK), 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        event_open(MARK, NULL);
        if (fault_watch("pool", "rank 2", NULL) < 0)
            _exit(1);
        for (int i = 0; i < 100; i++) { /* these come back */
            fault_enter("stage 'quick', f");
            clock_sleep_ns(CLOCK_MS, 1);
            fault_leave();
        }
        fault_enter("stage 'slow', g");
        while (true)
            pause();
    }
    while (!strchr(h.text, ';') && clock_mono_ns() < until) {
        event_read(&r, out[0], EVENT_REST_MAX, hear_text, NULL, &h);
        clock_sleep_ns(10 * CLOCK_MS, 1);
    }
    UNIT_EQUAL(h.text, "note: rank 2: stage 'slow', g has not come back for 5 "
                       "s;");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    event_reader_free(&r);
    close(out[0]);
    close(out[1]);
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
        {"a function that does not come back", test_fault_stuck},
        {"a chatty child is read in turns", test_event_read_bound},
        {"every agent has a mark of its own", test_event_mark},
        {NULL, NULL},
    };

    return unit_main("event", tests);
}
