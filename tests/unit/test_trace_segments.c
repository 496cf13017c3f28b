/* test_trace_segments.c - segments of a log that are odd, made by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logs_case.h"
#include "src/trace/segments.h"

/* A log that has its head alone, to put segments behind. */
static FILE *open_bare(void)
{
    char path[512];
    FILE *f;

    logs_begin();
    trace_log_close(logs_open("devices", "edge", 0, "r1"));
    logs_path("devices", path);
    CU_ASSERT_EQUAL_FATAL(truncate(path, sizeof(layout_head)), 0);
    f = fopen(path, "ab");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    return f;
}

static void put_segment(FILE *f, layout_segment s, const void *payload)
{
    layout_segment_seal(&s, payload);
    CU_ASSERT_EQUAL(fwrite(&s, sizeof(s), 1, f), 1);
    CU_ASSERT_EQUAL(fwrite(payload, 1, s.bytes, f), s.bytes);
}

/* A whole segment of one block, [seq]. */
static void put_block(FILE *f, uint64_t seq)
{
    layout_edge e = {.seq = seq, .offset = (int64_t)seq};

    put_segment(
        f,
        (layout_segment){
            .kind = LAYOUT_EDGE, .row = sizeof(e), .n = 1, .bytes = sizeof(e)},
        &e);
}

/* --- names --- */

typedef struct name_row {
    uint32_t index, len;
    const char *name;
} name_row;

/* Two names, and [more] bytes behind them. */
static size_t put_names(FILE *f, const name_row *two, size_t more)
{
    char data[2048] = "";
    size_t at = 0;

    for (int i = 0; i < 2 && two[i].name; i++) {
        size_t n = strlen(two[i].name);

        memcpy(data + at, &two[i].index, 4);
        memcpy(data + at + 4, &two[i].len, 4);
        memcpy(data + at + 8, two[i].name, n);
        at += 8 + n;
    }
    put_segment(
        f,
        (layout_segment){.kind = LAYOUT_NAMES, .bytes = (uint32_t)(at + more)},
        data);
    return at;
}

static void test_names_refused(void)
{
    static const name_row rows[][2] = {
        {{0, 4, "abc"}, {0}},        /* longer than the segment */
        {{0, 1, "a"}, {1, 2, "b"}},  /* ... the second */
        {{0, 512, "a"}, {0}},        /* than a name may be */
        {{0, UINT32_MAX, "a"}, {0}}, /* than anything */
        {{UINT32_MAX, 1, "a"}, {0}}, /* no number of a device */
        {{(1 << 24) + 1, 1, "a"}, {0}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FILE *f = open_bare();
        pe_error e = {0};

        put_names(f, rows[i], 0);
        fclose(f);
        CU_ASSERT_PTR_NULL(trace_open(logs_folder, &e));
        UNIT_CONTAINS(e.text, "devices.0.1.log has names of devices that are "
                              "none");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
}

static void test_names_taken(void)
{
    static const struct {
        name_row two[2];
        size_t more;
        uint32_t devices;
        const char *first;
    } rows[] = {
        {{{0}, {0}}, 0, 0, "?"},
        {{{0}, {0}}, 7, 0, "?"}, /* too short for one */
        {{{0, 0, ""}, {0}}, 0, 1, ""},
        {{{0, 1, "a"}, {1, 1, "b"}}, 7, 2, "a"},
        {{{5, 1, "a"}, {9, 1, "a"}}, 0, 1, "a"}, /* two numbers of one */
        {{{5, 1, "a"}, {5, 1, "b"}}, 0, 2, "a"}, /* another name now */
        {{{70000, 1, "a"}, {0}}, 0, 1, "a"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FILE *f = open_bare();
        trace *t;

        put_names(f, rows[i].two, rows[i].more);
        put_block(f, 1); /* the next segment is where it should be */
        fclose(f);
        t = logs_trace();
        CU_ASSERT_EQUAL(trace_devices(t), rows[i].devices);
        UNIT_EQUAL(trace_device(t, 0), rows[i].first);
        CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), 1);
        trace_close(t);
    }
}

/* --- numbers of a segment --- */

/* Whole as its checksums have it, and no segment: all behind it is cut off,
 * and what is in front is read.
 */
static void test_no_segment(void)
{
    static const struct {
        uint16_t kind, row;
        uint32_t n, bytes;
        bool whole;
    } rows[] = {
        {LAYOUT_EDGE, 0, 0, 0, false}, /* rows without a size */
        {LAYOUT_EDGE, 0, 5, 0, false},
        {LAYOUT_EDGE, 8, 3, 25, false},
        {LAYOUT_EDGE, 8, 3, 16, false},
        {LAYOUT_WORK, 8, 3, 0, false},
        {LAYOUT_COMMIT, 65535, 65537, 65535, false},
        {LAYOUT_EDGE, 8, 0, 0, true}, /* no rows */
        {LAYOUT_BEAT, 0, 0, 0, true},
        {LAYOUT_BEAT, 3, 4, 5, true}, /* which has none */
        {0, 0, 7, 9, true},           /* kinds of a pilot to come */
        {LAYOUT_KINDS, 1, 2, 30, true},
        {UINT16_MAX, UINT16_MAX, UINT32_MAX, 30, true},
    };
    static const char nothing[65536];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FILE *f = open_bare();
        trace *t;
        uint64_t behind;

        put_block(f, 1);
        behind = (uint64_t)ftell(f);
        put_segment(f,
                    (layout_segment){.kind = rows[i].kind,
                                     .row = rows[i].row,
                                     .n = rows[i].n,
                                     .bytes = rows[i].bytes},
                    nothing);
        put_block(f, 2);
        behind = (uint64_t)ftell(f) - behind;
        fclose(f);
        t = logs_trace();
        CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), rows[i].whole ? 2 : 1);
        CU_ASSERT_EQUAL(trace_facts_get(t).rows, rows[i].whole ? 2 : 1);
        CU_ASSERT_EQUAL(trace_facts_get(t).torn_bytes,
                        rows[i].whole ? 0 : behind);
        CU_ASSERT_EQUAL(trace_facts_get(t).unended, 1);
        trace_close(t);
    }
}

/* One that says it is longer than any is not waited for, nor is there memory
 * for it.
 */
static void test_long(void)
{
    layout_segment s = {.kind = LAYOUT_BEAT, .bytes = LAYOUT_SEGMENT_MAX};
    char *nothing = calloc(1, LAYOUT_SEGMENT_MAX + 1);
    FILE *f = open_bare();
    trace *t;

    CU_ASSERT_PTR_NOT_NULL_FATAL(nothing);
    layout_segment_seal(&s, nothing);
    CU_ASSERT_TRUE(layout_segment_check(&s));
    s.bytes++;
    layout_segment_seal(&s, nothing);
    CU_ASSERT_FALSE(layout_segment_check(&s));
    put_block(f, 1);
    fwrite(&s, sizeof(s), 1, f);
    fclose(f);
    t = logs_trace();
    CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), 1);
    CU_ASSERT_EQUAL(trace_facts_get(t).torn_bytes, sizeof(s));
    trace_close(t);
    free(nothing);
}

/* What a log counts is what its last whole segment says. */
static void test_counts(void)
{
    FILE *f = open_bare();
    trace_facts x;
    trace *t;

    for (uint32_t i = 1; i <= 3; i++)
        put_segment(f,
                    (layout_segment){.kind = LAYOUT_BEAT,
                                     .time_ns = 1000 * (int64_t)i,
                                     .dropped = 5 * i,
                                     .lost = 7 * i,
                                     .nameless = 11 * i},
                    "");
    put_segment(f,
                (layout_segment){.kind = LAYOUT_END,
                                 .time_ns = 4000,
                                 .dropped = 16,
                                 .lost = 21,
                                 .nameless = 33},
                "");
    fclose(f);
    t = logs_trace();
    x = trace_facts_get(t);
    CU_ASSERT_EQUAL(x.dropped, 16);
    CU_ASSERT_EQUAL(x.lost, 21);
    CU_ASSERT_EQUAL(x.nameless, 33);
    CU_ASSERT_EQUAL(x.unended, 0);
    CU_ASSERT_EQUAL(x.rows, 0);
    CU_ASSERT_EQUAL(trace_process_at(t, 0)->end_ns, 4000);
    CU_ASSERT_TRUE(trace_process_at(t, 0)->ended);
    trace_close(t);
}

/* Of several looks at a clock the one that is known best counts. */
static void test_clocks(void)
{
    static const int64_t looks[][2] = {
        {-700, 90}, {100, 40}, {-200, 30}, {300, 30}, {400, 31}};
    FILE *f = open_bare();
    const trace_process *p;
    trace_clock c;
    trace *t;

    for (size_t i = 0; i < 5; i++) {
        c = (trace_clock){.offset_ns = looks[i][0], .bound_ns = looks[i][1]};
        put_segment(f,
                    (layout_segment){.kind = LAYOUT_CLOCK,
                                     .row = sizeof(c),
                                     .n = 1,
                                     .bytes = sizeof(c)},
                    &c);
    }
    fclose(f);
    t = logs_trace();
    p = trace_process_at(t, 0);
    CU_ASSERT_EQUAL(p->offset_ns, -200);
    CU_ASSERT_EQUAL(p->bound_ns, 30);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_CLOCKS), 5);
    trace_close(t);
}

int main(void)
{
    static const unit_test tests[] = {
        {"names that are none", test_names_refused},
        {"names", test_names_taken},
        {"no segment", test_no_segment},
        {"too long", test_long},
        {"counts", test_counts},
        {"clocks", test_clocks},
        {0},
    };

    return logs_main("trace_segments", tests);
}
