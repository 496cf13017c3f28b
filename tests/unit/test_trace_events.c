/* test_trace_events.c - a trace as events of Chrome's trace viewer. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs_case.h"
#include "src/watch/trace_out.h"

#define US 1000LL
#define MS (1000 * US)

/* What was written, as text and parsed, and what was left out. */
static char *said;
static json_t *doc;
static const json_t *events;
static uint64_t left, backward;

static void write_events(uint64_t every)
{
    size_t len = 0;
    json_error_t why = {0};
    FILE *f;
    trace *t = logs_trace();

    free(said);
    json_decref(doc);
    said = NULL;
    left = backward = 99;
    f = open_memstream(&said, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(trace_write_events(t, f, every, &left, &backward, NULL), 0);
    fclose(f);
    trace_close(t);
    doc = json_loads(said, JSON_REJECT_DUPLICATES, &why);
    UNIT_EQUAL(why.text, "");
    events = json_object_get(doc, "traceEvents");
    CU_ASSERT_TRUE(json_is_array(events));
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static double number_of(const json_t *o, const char *key)
{
    CU_ASSERT_TRUE(json_is_number(json_object_get(o, key)));
    return json_number_value(json_object_get(o, key));
}

/* The [k]-th event [name] of phase [phase]; NULL. */
static const json_t *event(const char *name, const char *phase, size_t k)
{
    const json_t *o;
    size_t i;

    json_array_foreach(events, i, o)
    {
        if (!strcmp(text_of(o, "name"), name) &&
            !strcmp(text_of(o, "ph"), phase) && k-- == 0)
            return o;
    }
    return NULL;
}

static size_t events_of(const char *name, const char *phase)
{
    size_t n = 0;

    while (event(name, phase, n))
        n++;
    return n;
}

static const char *other(const char *key)
{
    return text_of(json_object_get(doc, "otherData"), key);
}

/* What the viewer wants of any event. */
static void check_all(void)
{
    const json_t *o;
    size_t i;

    json_array_foreach(events, i, o)
    {
        const char *phase = text_of(o, "ph");

        CU_ASSERT_TRUE(json_is_string(json_object_get(o, "name")));
        CU_ASSERT_TRUE(strlen(phase) == 1 && strchr("MXbestfCi", *phase));
        CU_ASSERT_TRUE(json_is_integer(json_object_get(o, "pid")));
        CU_ASSERT_TRUE(number_of(o, "pid") >= 1);
        CU_ASSERT_TRUE(json_is_integer(json_object_get(o, "tid")));
        if (*phase != 'M')
            CU_ASSERT_TRUE(number_of(o, "ts") > -1e18);
        if (*phase == 'X')
            CU_ASSERT_TRUE(number_of(o, "dur") >= 0);
        if (strchr("stf", *phase))
            CU_ASSERT_TRUE(json_is_integer(json_object_get(o, "id")));
        if (strchr("be", *phase)) /* of its process, not of all */
            CU_ASSERT_TRUE(json_is_string(
                json_object_get(json_object_get(o, "id2"), "local")));
    }
}

/* When the log of [member] began: times count from the first of these. */
static int64_t start_of(void)
{
    return strtoll(other("starts_ns"), NULL, 10);
}

/* --- nothing, and one block --- */

static void test_none(void)
{
    logs_begin();
    trace_log_close(logs_open("pool", "pool", 0, "r1"));
    write_events(1);
    check_all();
    UNIT_EQUAL(text_of(doc, "displayTimeUnit"), "ms");
    CU_ASSERT_EQUAL(json_array_size(events), 4); /* names alone */
    CU_ASSERT_EQUAL(events_of("process_name", "M"), 2);
    CU_ASSERT_EQUAL(events_of("thread_name", "M"), 2);
    UNIT_EQUAL(
        text_of(json_object_get(event("process_name", "M", 0), "args"), "name"),
        "broker");
    UNIT_EQUAL(
        text_of(json_object_get(event("process_name", "M", 1), "args"), "name"),
        "pool (pool)");
    UNIT_EQUAL(
        text_of(json_object_get(event("thread_name", "M", 0), "args"), "name"),
        "commits");
    CU_ASSERT_EQUAL(left, 0);
    CU_ASSERT_EQUAL(backward, 0);
    UNIT_EQUAL(other("run"), "r1");
    UNIT_EQUAL(other("left_out"), "0");
    UNIT_EQUAL(other("clock_errors"), "0");
}

/* Block [seq] of device d: all its stamps a millisecond apart. */
static void tell_whole(trace_log *edge, trace_log *pool, uint64_t seq,
                       int64_t at)
{
    layout_edge e = {.device = trace_log_device(edge, "d"),
                     .partition = 1,
                     .boot = 5,
                     .seq = seq,
                     .offset = (int64_t)seq + 100,
                     .sense = at,
                     .edge = at + MS,
                     .acked = at + 2 * MS};
    layout_work w = logs_work_of(pool, "d", seq);

    w.fetch = at + 3 * MS;
    w.start = at + 4 * MS;
    w.end = at + 5 * MS;
    w.result = at + 6 * MS;
    trace_log_add(edge, LAYOUT_EDGE, &e);
    trace_log_add(pool, LAYOUT_WORK, &w);
}

static void tell_commit(trace_log *pool, int64_t at)
{
    trace_log_add(pool, LAYOUT_COMMIT,
                  &(trace_commit){.version = 4,
                                  .term = 1,
                                  .first_epoch = 2,
                                  .last_epoch = 2,
                                  .blocks = 1,
                                  .time_ns = at,
                                  .duration_ns = 2 * MS + 345});
}

/* A slice of its device, one of its rank and one of the commit, with an arrow
 * from each to the next; lanes for what happens between them.
 */
static void test_one(void)
{
    static const struct {
        const char *name, *phase;
        double ms, dur_ms;
        int pid, tid;
    } rows[] = {
        {"sense", "X", 0, 1, 2, 2},   {"process", "X", 4, 1, 3, 2},
        {"send", "b", 1, -1, 2, 0},   {"send", "e", 2, -1, 2, 0},
        {"broker", "b", 1, -1, 1, 0}, {"broker", "e", 3, -1, 1, 0},
        {"wait", "b", 3, -1, 3, 0},   {"wait", "e", 4, -1, 3, 0},
        {"result", "b", 5, -1, 3, 0}, {"result", "e", 6, -1, 3, 0},
        {"commit", "b", 5, -1, 3, 0}, {"commit", "e", 9, -1, 3, 0},
        {"block", "s", 1, -1, 2, 2},  {"block", "t", 4, -1, 3, 2},
        {"block", "f", 9, -1, 3, 1},  {"commit", "X", 6.999655, 2.000345, 3, 1},
    };
    trace_log *edge, *pool;
    int64_t at = 1700000000000000000LL;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = logs_open("pool", "pool", 0, "r1");
    tell_whole(edge, pool, 1, at);
    tell_commit(pool, at + 9 * MS);
    trace_log_close(edge);
    trace_log_close(pool);
    write_events(1);
    check_all();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const json_t *o = event(rows[i].name, rows[i].phase, 0);
        double from = (double)(at - start_of()) / 1e6;

        if (!o)
            printf("# there is no %s of %s\n", rows[i].phase, rows[i].name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(o);
        CU_ASSERT_EQUAL(events_of(rows[i].name, rows[i].phase), 1);
        CU_ASSERT_DOUBLE_EQUAL(number_of(o, "ts") / 1e3 - from, rows[i].ms,
                               1e-4);
        CU_ASSERT_EQUAL(number_of(o, "pid"), rows[i].pid);
        CU_ASSERT_EQUAL(number_of(o, "tid"), rows[i].tid);
        if (rows[i].dur_ms >= 0)
            CU_ASSERT_DOUBLE_EQUAL(number_of(o, "dur") / 1e3, rows[i].dur_ms,
                                   1e-9);
    }
    UNIT_EQUAL(text_of(event("block", "f", 0), "bp"), "e");
    const json_t *args = json_object_get(event("process", "X", 0), "args");
    UNIT_EQUAL(text_of(args, "outcome"), "applied");
    CU_ASSERT_EQUAL(number_of(args, "seq"), 1);
    CU_ASSERT_EQUAL(number_of(args, "boot"), 5);
    CU_ASSERT_EQUAL(number_of(args, "commit_version"), 4);
}

/* A block that has no stamps is a device's, and no event. */
static void test_no_stamps(void)
{
    trace_log *l;

    logs_begin();
    l = logs_open("devices", "edge", 0, "r1");
    trace_log_add(l, LAYOUT_EDGE,
                  &(layout_edge){.device = trace_log_device(l, "d")});
    trace_log_close(l);
    write_events(1);
    check_all();
    CU_ASSERT_EQUAL(json_array_size(events), 3);
    UNIT_EQUAL(
        text_of(json_object_get(event("thread_name", "M", 0), "args"), "name"),
        "d");
    CU_ASSERT_EQUAL(backward, 0);
}

/* --- clocks that disagree --- */

/* A hop below 0 is in no lane, and is told; the others of its block are. */
static void test_backward(void)
{
    trace_log *pool;
    layout_work w;

    logs_begin();
    pool = logs_open("pool", "pool", 0, "r1");
    w = logs_work_of(pool, "d", 1);
    w.fetch = 5 * MS;
    w.start = 4 * MS; /* wait: -1 ms */
    w.end = 6 * MS;
    w.result = 6 * MS; /* 0 is no error */
    trace_log_add(pool, LAYOUT_WORK, &w);
    w = logs_work_of(pool, "d", 2);
    w.fetch = 1 * MS;
    w.start = 9 * MS;
    w.end = 8 * MS;    /* process: -1 ms */
    w.result = 7 * MS; /* result: -1 ms */
    trace_log_add(pool, LAYOUT_WORK, &w);
    trace_log_close(pool);
    write_events(1);
    check_all();
    CU_ASSERT_EQUAL(backward, 3);
    UNIT_EQUAL(other("clock_errors"), "3");
    CU_ASSERT_EQUAL(events_of("wait", "b"), 1);
    CU_ASSERT_EQUAL(events_of("wait", "e"), 1);
    CU_ASSERT_EQUAL(events_of("result", "b"), 1);
    CU_ASSERT_EQUAL(events_of("process", "X"), 1);
    CU_ASSERT_EQUAL(events_of("block", "s"), 1);
    CU_ASSERT_EQUAL(
        number_of(json_object_get(event("process", "X", 0), "args"), "seq"), 1);
}

/* Slices of a thread do not overlap, though a device sensed the next block
 * before the last one was through.
 */
static void test_overlap(void)
{
    static const int64_t span[][2] = {
        {0, 10}, {5, 15}, {6, 15}, {2, 12}, {40, 50}};
    trace_log *l;
    double end = -1e18;

    logs_begin();
    l = logs_open("devices", "edge", 0, "r1");
    for (uint64_t i = 0; i < 5; i++)
        trace_log_add(l, LAYOUT_EDGE,
                      &(layout_edge){.device = trace_log_device(l, "d"),
                                     .seq = i,
                                     .sense = 100 * MS + span[i][0] * MS,
                                     .edge = 100 * MS + span[i][1] * MS});
    trace_log_close(l);
    write_events(1);
    check_all();
    CU_ASSERT_EQUAL(events_of("sense", "X"), 5);
    for (size_t i = 0; i < 3; i++) {
        const json_t *o = event("sense", "X", i);

        CU_ASSERT_TRUE(number_of(o, "ts") >= end);
        end = number_of(o, "ts") + number_of(o, "dur");
    }
    CU_ASSERT_EQUAL(number_of(event("sense", "X", 1), "dur"), 5000);
    CU_ASSERT_EQUAL(number_of(event("sense", "X", 2), "dur"), 0);
    CU_ASSERT_EQUAL(number_of(event("sense", "X", 4), "dur"), 10000);
}

/* --- some of very many --- */

static void test_every(void)
{
    static const struct {
        uint64_t every, shown, left;
    } rows[] = {{1, 30, 0},  {2, 16, 14}, {7, 5, 25},
                {18, 3, 27}, {19, 2, 28}, {UINT64_MAX, 2, 28}};
    trace_log *l;

    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < 30; i++) /* 11 of a, 19 of b */
        logs_work(l, i < 11 ? "a" : "b", i);
    trace_log_close(l);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char words[32];

        write_events(rows[i].every);
        CU_ASSERT_EQUAL(events_of("process", "X"), rows[i].shown);
        CU_ASSERT_EQUAL(left, rows[i].left);
        snprintf(words, sizeof(words), "%llu", (unsigned long long)left);
        UNIT_EQUAL(other("left_out"), words);
    }
}

static void test_many(void)
{
    enum { MANY = 100000 };
    trace_log *l;

    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < MANY; i++) {
        logs_work(l, "d", i * 7919 % MANY);
        if (i % 8000 == 0)
            trace_log_flush(l);
    }
    trace_log_close(l);
    write_events(1000);
    check_all();
    CU_ASSERT_EQUAL(left, MANY - MANY / 1000);
    CU_ASSERT_EQUAL(events_of("process", "X"), MANY / 1000);
    write_events(1);
    CU_ASSERT_EQUAL(left, 0);
    CU_ASSERT_TRUE(json_array_size(events) > 4 * (size_t)MANY);
}

/* --- hostile names --- */

static void test_names(void)
{
    static const char *const names[] = {
        "a\"b",    "\\",   "\\\"",           "a\nb",         "\t\r\x01\x1f",
        "\x7f",    "",     "</script>",      "\xc3\xa9",     "\xf0\x9f\x98\x80",
        "\\u0000", "%s%n", "{\"ph\":\"X\"}", "a,b],\"x\":[", "\xe2\x80\xa8"};
    enum { N = sizeof(names) / sizeof(names[0]) };
    trace_log *l;

    logs_begin();
    l = logs_open("devices", "edge", 0, "r\"1\\");
    for (uint64_t i = 0; i < N; i++)
        logs_edge(l, names[i], i);
    trace_log_close(l);
    write_events(1);
    check_all();
    UNIT_EQUAL(other("run"), "r\"1\\");
    CU_ASSERT_EQUAL(events_of("thread_name", "M"), N);
    CU_ASSERT_EQUAL(events_of("sense", "X"), N);
    for (size_t i = 0; i < N; i++) {
        UNIT_EQUAL(
            text_of(json_object_get(event("thread_name", "M", i), "args"),
                    "name"),
            names[i]);
        UNIT_EQUAL(
            text_of(json_object_get(event("sense", "X", i), "args"), "device"),
            names[i]);
    }
}

/* Any byte below a blank, and the two that end or escape a string. */
static void test_string(void)
{
    for (int c = 1; c < 0x80; c++) {
        const char in[] = {'<', (char)c, '>', '\0'};
        char out[64] = "";
        FILE *f = fmemopen(out, sizeof(out), "w");
        json_t *o;

        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        trace_put_string(f, in);
        fclose(f);
        o = json_loads(out, JSON_DECODE_ANY, NULL);
        UNIT_EQUAL(json_string_value(o), in);
        CU_ASSERT_EQUAL(strlen(out), c < ' '                 ? 10
                                     : c == '"' || c == '\\' ? 6
                                                             : 5);
        json_decref(o);
    }
}

/* --- counters and models --- */

static void test_counters(void)
{
    static const struct {
        int64_t s;
        uint64_t blocks;
        int64_t lag;
    } rows[] = {{10, 100, 5}, {12, 300, 0}, {12, 400, 7}, {13, 400, 1}};
    trace_log *l;

    logs_begin();
    for (uint32_t rank = 0; rank < 2; rank++) {
        l = logs_open("pool", "pool", (int)rank, "r1");
        for (size_t i = 0; i < 4; i++)
            trace_log_add(l, LAYOUT_RANK,
                          &(trace_rank){.time_ns = rows[i].s * 1000 * MS,
                                        .blocks = rows[i].blocks,
                                        .lag = rows[i].lag,
                                        .rank = rank});
        if (rank == 0)
            trace_log_add(l, LAYOUT_MODEL,
                          &(trace_model){.version = 8, .time_ns = MS});
        trace_log_close(l);
    }
    write_events(1);
    check_all();
    for (int rank = 0; rank < 2; rank++) {
        char lag[32], rate[32];

        snprintf(lag, sizeof(lag), "lag, rank %d", rank);
        snprintf(rate, sizeof(rate), "blocks/s, rank %d", rank);
        CU_ASSERT_EQUAL(events_of(lag, "C"), 4);
        CU_ASSERT_EQUAL(
            number_of(json_object_get(event(lag, "C", 2), "args"), "value"), 7);
        /* None of the first row, nor over no time at all. */
        CU_ASSERT_EQUAL(events_of(rate, "C"), 2);
        CU_ASSERT_EQUAL(
            number_of(json_object_get(event(rate, "C", 0), "args"), "value"),
            100);
        CU_ASSERT_EQUAL(
            number_of(json_object_get(event(rate, "C", 1), "args"), "value"),
            0);
    }
    CU_ASSERT_EQUAL(events_of("model", "i"), 1);
    CU_ASSERT_EQUAL(
        number_of(json_object_get(event("model", "i", 0), "args"), "version"),
        8);
}

/* Two starts of a member are one process of the viewer. */
static void test_members(void)
{
    logs_begin();
    for (int i = 0; i < 2; i++) {
        trace_log *l = logs_open("pool", "pool", 0, "r1");

        logs_work(l, "d", (uint64_t)i);
        trace_log_close(l);
    }
    trace_log_close(logs_open("pool", "pool", 1, "r1"));
    write_events(1);
    check_all();
    CU_ASSERT_EQUAL(events_of("process_name", "M"), 2);
    CU_ASSERT_EQUAL(events_of("process", "X"), 2);
    for (size_t i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(number_of(event("process", "X", i), "pid"), 2);
    CU_ASSERT_EQUAL(number_of(event("thread_name", "M", 4), "tid"), 3);
}

int main(void)
{
    static const unit_test tests[] = {
        {"no block", test_none},
        {"one block", test_one},
        {"no stamps", test_no_stamps},
        {"below 0", test_backward},
        {"slices do not overlap", test_overlap},
        {"every so many", test_every},
        {"a hundred thousand", test_many},
        {"names", test_names},
        {"a string", test_string},
        {"counters and models", test_counters},
        {"starts of a member", test_members},
        {0},
    };
    int status = logs_main("trace_events", tests);

    json_decref(doc);
    free(said);
    return status;
}
