/* test_trace_torn.c - logs of a trace that are torn, old, or lack rows. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logs_case.h"
#include "src/common/file.h"

/* --- what is torn, old, or another's --- */

static void put(const char *path, const char *data, size_t n)
{
    FILE *f = fopen(path, "wb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(data, 1, n, f), n);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

/* A log of [n] segments of ten rows; where each of them ends. */
static void make_segments(int n, long *ends)
{
    trace_log *l = logs_open("devices", "edge", 0, "r1");
    char path[512];
    struct stat st;

    logs_path("devices", path);
    for (int i = 0; i < n; i++) {
        for (uint64_t k = 0; k < 10; k++)
            logs_edge(l, "d", (uint64_t)i * 10 + k);
        trace_log_flush(l);
        CU_ASSERT_EQUAL(stat(path, &st), 0);
        ends[i] = (long)st.st_size;
    }
    trace_log_close(l);
}

/* Cut at any byte, what was whole before is read, and what is cut is said. */
static void test_torn(void)
{
    char path[512];
    long ends[3];
    size_t len = 0;
    char *all;

    logs_begin();
    make_segments(3, ends);
    logs_path("devices", path);
    all = file_read(path, 1 << 20, &len, NULL);
    for (size_t cut = 0; cut <= len; cut++) {
        pe_error e = {0};
        trace *t;
        uint64_t want = 0;

        put(path, all, cut);
        t = trace_open(logs_folder, &e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        for (int i = 0; i < 3; i++)
            want += (long)cut >= ends[i] ? 10 : 0;
        CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), want);
        CU_ASSERT_EQUAL(trace_facts_get(t).rows, want);
        CU_ASSERT_EQUAL(trace_facts_get(t).unended, cut < len);
        if ((long)cut == ends[1])
            CU_ASSERT_EQUAL(trace_facts_get(t).torn_bytes, 0);
        if ((long)cut == ends[1] + 7)
            CU_ASSERT_EQUAL(trace_facts_get(t).torn_bytes, 7);
        trace_close(t);
    }
    free(all);
}

/* One byte that is another one: everything in front of it is there. */
static void test_damaged(void)
{
    char path[512];
    long ends[3];
    size_t len = 0;
    char *all;
    pe_error e = {0};

    logs_begin();
    make_segments(3, ends);
    logs_path("devices", path);
    all = file_read(path, 1 << 20, &len, NULL);
    for (size_t at = sizeof(layout_head); at < (size_t)ends[2]; at++) {
        trace *t;
        uint64_t want = 0;

        all[at] ^= 0x10;
        put(path, all, len);
        all[at] ^= 0x10;
        t = logs_trace();
        for (int i = 0; i < 3; i++)
            want += (long)at >= ends[i] ? 10 : 0;
        CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), want);
        CU_ASSERT_TRUE(trace_facts_get(t).torn_bytes > 0);
        trace_close(t);
    }
    all[20] ^= 1;
    put(path, all, len);
    CU_ASSERT_PTR_NULL(trace_open(logs_folder, &e));
    UNIT_CONTAINS(e.text, "is damaged in its first bytes");
    free(all);
}

static void rewrite_head(void (*change)(layout_head *h))
{
    char path[512];
    size_t len = 0;
    layout_head h;
    char *all;

    logs_path("devices", path);
    all = file_read(path, 1 << 20, &len, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    memcpy(&h, all, sizeof(h));
    layout_head_seal(&h);
    change(&h);
    memcpy(all, &h, sizeof(h));
    put(path, all, len);
    free(all);
}

static void make_newer(layout_head *h)
{
    h->layout = LAYOUT_VERSION + 1;
}

static void make_swapped(layout_head *h)
{
    h->order = 0x04030201;
}

static void make_none(layout_head *h)
{
    h->magic[0] = 'X';
}

static void test_refused(void)
{
    static const struct {
        void (*change)(layout_head *h);
        const char *text;
    } table[] = {
        {make_newer, "was written by a newer pilot: read it with that one"},
        {make_swapped, "was written on a machine of another byte order"},
        {make_none, "is no log of a trace"},
    };
    long ends[1];

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        pe_error e = {0};

        logs_begin();
        make_segments(1, ends);
        rewrite_head(table[i].change);
        CU_ASSERT_PTR_NULL(trace_open(logs_folder, &e));
        UNIT_CONTAINS(e.text, "devices.0.1.log");
        UNIT_CONTAINS(e.text, table[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
}

/* Rows of an older pilot are shorter, those of a newer one longer. */
static void test_row_sizes(void)
{
    static const int sizes[] = {-8, 24};

    for (int i = 0; i < 2; i++) {
        char path[512];
        unsigned char row[sizeof(layout_edge) + 24] = {0};
        uint16_t size = (uint16_t)((int)sizeof(layout_edge) + sizes[i]);
        layout_edge e = {.seq = 3, .edge = 77, .acked = 88};
        layout_segment s = {
            .kind = LAYOUT_EDGE, .row = size, .n = 1, .bytes = size};
        trace_block b = {0};
        trace *t;
        FILE *f;

        logs_begin();
        trace_log_close(logs_open("devices", "edge", 0, "r1"));
        logs_path("devices", path);
        CU_ASSERT_EQUAL(truncate(path, sizeof(layout_head)), 0);
        memcpy(row, &e, sizeof(e));
        layout_segment_seal(&s, row);
        f = fopen(path, "ab");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fwrite(&s, sizeof(s), 1, f);
        fwrite(row, size, 1, f);
        fclose(f);
        t = logs_trace();
        CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
        CU_ASSERT_EQUAL(b.seq, 3);
        CU_ASSERT_EQUAL(b.stamp[TRACE_EDGE], 77);
        CU_ASSERT_EQUAL(b.stamp[TRACE_ACKED], sizes[i] < 0 ? 0 : 88);
        CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 0);
        trace_close(t);
    }
}

/* --- what there was no room for --- */

/* Rows come faster than a disk takes them: nobody waits, and none is gone
 * without being counted.
 */
static void test_dropped(void)
{
    trace_log *l;
    trace_count c = {0};
    trace_facts f;
    trace *t;
    layout_edge r = {.boot = 1};

    logs_begin();
    l = logs_open("devices", "edge", 0, "r1");
    r.device = trace_log_device(l, "d");
    while (c.dropped == 0 && r.seq < 20000000)
        for (int i = 0; i < 20000; i++) {
            r.seq++;
            trace_log_add(l, LAYOUT_EDGE, &r);
            c = i ? c : trace_log_count(l);
        }
    trace_log_flush(l);
    c = trace_log_count(l);
    CU_ASSERT_EQUAL(c.rows, r.seq);
    CU_ASSERT_TRUE(c.dropped > 0);
    CU_ASSERT_EQUAL(c.lost, 0);
    trace_log_close(l);
    t = logs_trace();
    f = trace_facts_get(t);
    CU_ASSERT_EQUAL(f.dropped, c.dropped);
    CU_ASSERT_EQUAL(f.rows + f.dropped, c.rows);
    trace_close(t);
}

static void limit_files(rlim_t to)
{
    struct rlimit r;

    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = to;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* The disk is full for a while: rows are lost and counted, what was written
 * stays whole, commits and names wait, and then it goes on.
 */
static void test_full_disk(void)
{
    trace_log *l;
    trace_count c;
    trace_facts f;
    trace_block b = {0};
    trace *t;

    logs_begin();
    signal(SIGXFSZ, SIG_IGN);
    l = logs_open("devices", "edge", 0, "r1");
    logs_edge(l, "d-0", 1);
    trace_log_flush(l);
    limit_files(1500);
    for (uint64_t i = 2; i < 102; i++)
        logs_edge(l, "d-0", i);
    logs_edge(l, "d-1", 102);
    logs_commit(l, 1, 1, 1);
    trace_log_flush(l);
    trace_log_flush(l); /* does not lose them again */
    limit_files(RLIM_INFINITY);
    logs_edge(l, "d-1", 103);
    trace_log_flush(l);
    c = trace_log_count(l);
    CU_ASSERT_EQUAL(c.rows, 103);
    CU_ASSERT_EQUAL(c.lost, 101);
    CU_ASSERT_EQUAL(c.dropped, 0);
    trace_log_close(l);
    t = logs_trace();
    f = trace_facts_get(t);
    CU_ASSERT_EQUAL(f.rows, 2);
    CU_ASSERT_EQUAL(f.lost, 101);
    CU_ASSERT_EQUAL(f.torn_bytes, 0);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_COMMITS), 1);
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    UNIT_EQUAL(trace_device(t, b.device), "d-0");
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    UNIT_EQUAL(trace_device(t, b.device), "d-1");
    trace_close(t);
}

int main(void)
{
    static const unit_test tests[] = {
        {"torn at every byte", test_torn},
        {"damaged at every byte", test_damaged},
        {"refused", test_refused},
        {"rows of another size", test_row_sizes},
        {"dropped", test_dropped},
        {"full disk", test_full_disk},
        {0},
    };

    return logs_main("trace_torn", tests);
}
