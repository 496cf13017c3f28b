/* test_trace.c - logs of a trace: written, torn, read, joined. */
#include "unit.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/trace/log.h"
#include "src/trace/sort.h"
#include "src/trace/trace.h"

static char folder[] = "/tmp/test_trace-XXXXXX";
static char run_folder[sizeof(folder) + 8];

static void begin(void)
{
    snprintf(run_folder, sizeof(run_folder), "%s/run", folder);
    file_remove_tree(run_folder, NULL);
    mkdir(run_folder, 0700);
}

static trace_log *open_log(const char *pilot, const char *kind, int rank,
                           const char *run)
{
    char dir[256];
    trace_log *l;
    pe_error e = {0};

    snprintf(dir, sizeof(dir), "%s/%s", run_folder, pilot);
    mkdir(dir, 0700);
    l = trace_log_open(&(trace_writer){.folder = dir,
                                       .run = run,
                                       .pilot = pilot,
                                       .member = pilot,
                                       .kind = kind,
                                       .rank = rank,
                                       .ranks = 2,
                                       .world = 7},
                       &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    return l;
}

static void add_edge(trace_log *l, const char *device, uint64_t seq)
{
    layout_edge r = {.device = trace_log_device(l, device),
                     .partition = 1,
                     .boot = 5,
                     .seq = seq,
                     .offset = (int64_t)seq + 100,
                     .bytes = 80,
                     .points = 10,
                     .features = 1,
                     .sense = 1000 + (int64_t)seq,
                     .edge = 2000 + (int64_t)seq,
                     .acked = 3000 + (int64_t)seq};

    trace_log_add(l, LAYOUT_EDGE, &r);
}

static layout_work work_of(trace_log *l, const char *device, uint64_t seq)
{
    return (layout_work){.device = trace_log_device(l, device),
                         .partition = 1,
                         .boot = 5,
                         .seq = seq,
                         .offset = (int64_t)seq + 100,
                         .term = 1,
                         .epoch = 2 + (int64_t)seq / 10,
                         .points = 10,
                         .outliers = 1,
                         .outcome = TRACE_APPLIED,
                         .flags = TRACE_HAS_SEQ,
                         .fetch = 4000 + (int64_t)seq,
                         .start = 5000 + (int64_t)seq,
                         .end = 6000 + (int64_t)seq};
}

static void add_work(trace_log *l, const char *device, uint64_t seq)
{
    layout_work w = work_of(l, device, seq);

    trace_log_add(l, LAYOUT_WORK, &w);
}

static void add_commit(trace_log *l, int64_t first, int64_t last, uint64_t v)
{
    trace_commit c = {.version = v,
                      .term = 1,
                      .first_epoch = first,
                      .last_epoch = last,
                      .time_ns = 9000 + (int64_t)v};

    trace_log_add(l, LAYOUT_COMMIT, &c);
}

/* The path of the one log of [pilot]. */
static void log_path(const char *pilot, char out[512])
{
    snprintf(out, 512, "%s/%s/trace/%s.0.1.log", run_folder, pilot, pilot);
}

static trace *open_trace(void)
{
    pe_error e = {0};
    trace *t = trace_open(run_folder, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

static uint64_t count(trace *t, enum trace_kind kind)
{
    union {
        trace_block b;
        trace_commit c;
        trace_rank r;
        trace_model m;
        trace_clock k;
    } row;
    pe_error e = {0};
    uint64_t n = 0;
    int rc;

    while ((rc = trace_next(t, kind, &row, &e)) > 0)
        n++;
    CU_ASSERT_EQUAL(rc, 0);
    return n;
}

/* --- what is there --- */

static void test_joined(void)
{
    trace_log *edge, *pool;
    trace_block b = {0};
    trace *t;
    uint64_t n = 0;

    begin();
    edge = open_log("devices", "edge", 0, "r1");
    pool = open_log("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < 100; i++) {
        add_edge(edge, i % 2 ? "d-0" : "d-1", i);
        add_work(pool, i % 2 ? "d-0" : "d-1", i);
    }
    add_commit(pool, 2, 6, 1);
    add_commit(pool, 7, 10, 2); /* epoch 11 is not in it */
    trace_log_add(edge, LAYOUT_MODEL,
                  &(trace_model){.version = 2, .time_ns = 9500});
    trace_log_close(edge);
    trace_log_close(pool);
    t = open_trace();
    while (trace_next(t, TRACE_BLOCKS, &b, NULL) > 0) {
        int64_t seq = (int64_t)b.seq, ns = 0;
        bool in = seq < 90;

        UNIT_EQUAL(trace_device(t, b.device), seq % 2 ? "d-0" : "d-1");
        CU_ASSERT_EQUAL(b.boot, 5);
        CU_ASSERT_EQUAL(b.offset, seq + 100);
        CU_ASSERT_EQUAL(b.flags, TRACE_HAS_SEQ | TRACE_HAS_EDGE |
                                     TRACE_HAS_RANK |
                                     (in ? TRACE_COMMITTED : 0));
        CU_ASSERT_EQUAL(b.stamp[TRACE_SENSE], 1000 + seq);
        CU_ASSERT_EQUAL(b.stamp[TRACE_ACKED], 3000 + seq);
        CU_ASSERT_EQUAL(b.stamp[TRACE_END], 6000 + seq);
        CU_ASSERT_EQUAL(b.stamp[TRACE_COMMIT], seq < 50 ? 9001 : in ? 9002 : 0);
        CU_ASSERT_EQUAL(b.stamp[TRACE_MODEL], in ? 9500 : 0);
        CU_ASSERT_EQUAL(b.commit_version, seq < 50 ? 1 : in ? 2 : 0);
        CU_ASSERT_TRUE(trace_hop_ns(&b, TRACE_HOP_PROCESS, &ns));
        CU_ASSERT_EQUAL(ns, 1000);
        CU_ASSERT_FALSE(trace_hop_ns(&b, TRACE_HOP_RESULT, &ns));
        n++;
    }
    CU_ASSERT_EQUAL(n, 100);
    /* again from the first one, and other kinds between */
    CU_ASSERT_EQUAL(count(t, TRACE_COMMITS), 2);
    CU_ASSERT_EQUAL(count(t, TRACE_MODELS), 1);
    CU_ASSERT_EQUAL(count(t, TRACE_RANKS), 0);
    CU_ASSERT_EQUAL(count(t, TRACE_BLOCKS), 100);
    CU_ASSERT_EQUAL(trace_facts_get(t).rows, 200);
    CU_ASSERT_EQUAL(trace_facts_get(t).unended, 0);
    UNIT_EQUAL(trace_facts_get(t).run, "r1");
    UNIT_EQUAL(trace_facts_get(t).missing, "");
    UNIT_EQUAL(trace_process_at(t, 1)->member, "pool");
    CU_ASSERT_PTR_NULL(trace_process_at(t, 2));
    trace_close(t);
}

/* Of a block that ranks had several times the one that was committed counts. */
static void test_repeats(void)
{
    trace_log *pool;
    trace_block b = {0};
    layout_work w;
    trace *t;

    begin();
    pool = open_log("pool", "pool", 0, "r1");
    w = work_of(pool, "d", 1);
    w.term = 2; /* that epoch was dropped */
    w.start = 7000;
    trace_log_add(pool, LAYOUT_WORK, &w);
    add_work(pool, "d", 1);
    w.outcome = TRACE_DUPLICATE;
    w.term = 1;
    w.start = 8000;
    trace_log_add(pool, LAYOUT_WORK, &w);
    add_commit(pool, 2, 2, 1);
    trace_log_close(pool);
    t = open_trace();
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    CU_ASSERT_EQUAL(b.outcome, TRACE_APPLIED);
    CU_ASSERT_EQUAL(b.repeats, 2);
    CU_ASSERT_EQUAL(b.stamp[TRACE_START], 5001);
    CU_ASSERT_EQUAL(b.stamp[TRACE_COMMIT], 9001);
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 0);
    trace_close(t);
}

/* Records of others have no seq, and go by their place. */
static void test_strangers(void)
{
    trace_log *pool;
    trace_block b = {0};
    layout_work w;
    trace *t;

    begin();
    pool = open_log("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < 3; i++) {
        w = work_of(pool, "other", i);
        w.flags = 0;
        w.boot = w.seq = 0;
        trace_log_add(pool, LAYOUT_WORK, &w);
    }
    trace_log_close(pool);
    t = open_trace();
    for (int64_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
        CU_ASSERT_EQUAL(b.offset, 100 + i);
        CU_ASSERT_EQUAL(b.flags, TRACE_HAS_RANK);
        UNIT_EQUAL(trace_device(t, b.device), "other");
    }
    trace_close(t);
}

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
    trace_log *l = open_log("devices", "edge", 0, "r1");
    char path[512];
    struct stat st;

    log_path("devices", path);
    for (int i = 0; i < n; i++) {
        for (uint64_t k = 0; k < 10; k++)
            add_edge(l, "d", (uint64_t)i * 10 + k);
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

    begin();
    make_segments(3, ends);
    log_path("devices", path);
    all = file_read(path, 1 << 20, &len, NULL);
    for (size_t cut = 0; cut <= len; cut++) {
        pe_error e = {0};
        trace *t;
        uint64_t want = 0;

        put(path, all, cut);
        t = trace_open(run_folder, &e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        for (int i = 0; i < 3; i++)
            want += (long)cut >= ends[i] ? 10 : 0;
        CU_ASSERT_EQUAL(count(t, TRACE_BLOCKS), want);
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

    begin();
    make_segments(3, ends);
    log_path("devices", path);
    all = file_read(path, 1 << 20, &len, NULL);
    for (size_t at = sizeof(layout_head); at < (size_t)ends[2]; at++) {
        trace *t;
        uint64_t want = 0;

        all[at] ^= 0x10;
        put(path, all, len);
        all[at] ^= 0x10;
        t = open_trace();
        for (int i = 0; i < 3; i++)
            want += (long)at >= ends[i] ? 10 : 0;
        CU_ASSERT_EQUAL(count(t, TRACE_BLOCKS), want);
        CU_ASSERT_TRUE(trace_facts_get(t).torn_bytes > 0);
        trace_close(t);
    }
    all[20] ^= 1;
    put(path, all, len);
    CU_ASSERT_PTR_NULL(trace_open(run_folder, &e));
    UNIT_CONTAINS(e.text, "is damaged in its first bytes");
    free(all);
}

static void rewrite_head(void (*change)(layout_head *h))
{
    char path[512];
    size_t len = 0;
    layout_head h;
    char *all;

    log_path("devices", path);
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

        begin();
        make_segments(1, ends);
        rewrite_head(table[i].change);
        CU_ASSERT_PTR_NULL(trace_open(run_folder, &e));
        UNIT_CONTAINS(e.text, "devices.0.1.log");
        UNIT_CONTAINS(e.text, table[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
}

static void test_other_run(void)
{
    pe_error e = {0};

    begin();
    trace_log_close(open_log("devices", "edge", 0, "r1"));
    trace_log_close(open_log("pool", "pool", 0, "r2"));
    CU_ASSERT_PTR_NULL(trace_open(run_folder, &e));
    UNIT_CONTAINS(e.text, "pool.0.1.log is of run r2, and others in");
    UNIT_CONTAINS(e.text, "are of run r1: move it away");
}

static void test_none(void)
{
    pe_error e = {0};

    begin();
    CU_ASSERT_PTR_NULL(trace_open(run_folder, &e));
    UNIT_CONTAINS(e.text, "it is recorded by 'pilot run --trace'");
    CU_ASSERT_PTR_NULL(trace_open("/nowhere/at/all", &e));
    UNIT_CONTAINS(e.text, "cannot read /nowhere/at/all");
}

/* A pilot whose folder is empty has kept its logs. */
/* Logs of a run that was restarted often: more than may be open at first. */
static void test_many(void)
{
    struct rlimit was, l;
    pe_error e = {0};
    trace *t;

    begin();
    for (int i = 0; i < 80; i++)
        trace_log_close(open_log("pool", "pool", i, "r1"));
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &was), 0);
    l = was;
    l.rlim_cur = 40;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &l), 0);
    t = open_trace();
    CU_ASSERT_EQUAL(trace_facts_get(t).processes, 80);
    trace_close(t);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &was), 0);
    if (fork() == 0) { /* what is lowered stays so */
        static const char words[] = " logs that may be open here: raise the "
                                    "limit (ulimit -Hn)";
        l.rlim_max = l.rlim_cur = 40;
        setrlimit(RLIMIT_NOFILE, &l);
        t = trace_open(run_folder, &e);
        _exit(t || !strstr(e.text, words));
    }
    int status = -1;
    CU_ASSERT_TRUE(wait(&status) > 0);
    CU_ASSERT_EQUAL(status, 0);
}

static void test_missing(void)
{
    char dir[512];
    trace *t;

    begin();
    trace_log_close(open_log("pool", "pool", 0, "r1"));
    snprintf(dir, sizeof(dir), "%s/far/trace", run_folder);
    CU_ASSERT_EQUAL(file_mkdir(dir, NULL), 0);
    t = open_trace();
    UNIT_EQUAL(trace_facts_get(t).missing, "far");
    trace_close(t);
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

        begin();
        trace_log_close(open_log("devices", "edge", 0, "r1"));
        log_path("devices", path);
        CU_ASSERT_EQUAL(truncate(path, sizeof(layout_head)), 0);
        memcpy(row, &e, sizeof(e));
        layout_segment_seal(&s, row);
        f = fopen(path, "ab");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fwrite(&s, sizeof(s), 1, f);
        fwrite(row, size, 1, f);
        fclose(f);
        t = open_trace();
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

    begin();
    l = open_log("devices", "edge", 0, "r1");
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
    t = open_trace();
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

    begin();
    signal(SIGXFSZ, SIG_IGN);
    l = open_log("devices", "edge", 0, "r1");
    add_edge(l, "d-0", 1);
    trace_log_flush(l);
    limit_files(1500);
    for (uint64_t i = 2; i < 102; i++)
        add_edge(l, "d-0", i);
    add_edge(l, "d-1", 102);
    add_commit(l, 1, 1, 1);
    trace_log_flush(l);
    trace_log_flush(l); /* does not lose them again */
    limit_files(RLIM_INFINITY);
    add_edge(l, "d-1", 103);
    trace_log_flush(l);
    c = trace_log_count(l);
    CU_ASSERT_EQUAL(c.rows, 103);
    CU_ASSERT_EQUAL(c.lost, 101);
    CU_ASSERT_EQUAL(c.dropped, 0);
    trace_log_close(l);
    t = open_trace();
    f = trace_facts_get(t);
    CU_ASSERT_EQUAL(f.rows, 2);
    CU_ASSERT_EQUAL(f.lost, 101);
    CU_ASSERT_EQUAL(f.torn_bytes, 0);
    CU_ASSERT_EQUAL(count(t, TRACE_COMMITS), 1);
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    UNIT_EQUAL(trace_device(t, b.device), "d-0");
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    UNIT_EQUAL(trace_device(t, b.device), "d-1");
    trace_close(t);
}

/* A start of a process has a log of its own, whatever was there. */
static void test_restarts(void)
{
    trace *t;

    begin();
    for (uint64_t i = 0; i < 3; i++) {
        trace_log *l = open_log("devices", "edge", 0, "r1");

        add_edge(l, "d", i);
        trace_log_close(l);
    }
    t = open_trace();
    CU_ASSERT_EQUAL(trace_facts_get(t).processes, 3);
    CU_ASSERT_EQUAL(count(t, TRACE_BLOCKS), 3);
    trace_close(t);
}

static int ask(void *arg, int64_t *nsp, pe_error *errp)
{
    (void)errp;
    *nsp = clock_real_ns() + *(const int64_t *)arg;
    return 0;
}

/* The offset of a clock, and how well it is known. */
static void test_clock(void)
{
    int64_t ahead = 5000000000;
    const trace_process *p;
    trace_log *l;
    trace *t = NULL;

    begin();
    l = trace_log_open(&(trace_writer){.folder = run_folder,
                                       .run = "r1",
                                       .pilot = "p",
                                       .member = "p",
                                       .kind = "edge",
                                       .ranks = 1,
                                       .ask = ask,
                                       .arg = &ahead},
                       NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    do { /* it is measured beside us */
        trace_close(t);
        trace_log_flush(l);
        t = open_trace();
        p = trace_process_at(t, 0);
    } while (p->bound_ns < 0);
    CU_ASSERT_TRUE(llabs(p->offset_ns - ahead) <= p->bound_ns);
    CU_ASSERT_EQUAL(count(t, TRACE_CLOCKS), 1);
    trace_close(t);
    trace_log_close(l);
}

/* --- sorting --- */

static void sort_some(uint32_t most, uint64_t n)
{
    sort *s = sort_create(most, NULL);
    const sort_item *i = NULL;
    uint64_t at = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    for (uint64_t k = 0; k < n; k++) {
        sort_item x = {.key = {k * 7919 % n % 3, k * 7919 % n, 0}};
        CU_ASSERT_EQUAL(sort_add(s, &x, NULL), 0);
    }
    CU_ASSERT_EQUAL(sort_end(s, NULL), 0);
    uint64_t last[2] = {0, 0};
    while (sort_next(s, &i, NULL) > 0) {
        CU_ASSERT_TRUE(i->key[0] > last[0] ||
                       (i->key[0] == last[0] && i->key[1] >= last[1]));
        CU_ASSERT_EQUAL(i->key[0], i->key[1] % 3);
        last[0] = i->key[0];
        last[1] = i->key[1];
        at++;
    }
    CU_ASSERT_EQUAL(at, n);
    CU_ASSERT_EQUAL(sort_next(s, &i, NULL), 0);
    sort_free(s);
}

/* In memory, and by files of runs; just full, and one more. */
static void test_sort(void)
{
    static const uint64_t n[] = {0, 1, 99, 100, 101, 200, 1000, 12345};

    for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
        sort_some(100, n[i]);
        sort_some(20000, n[i]);
    }
}

static void test_sort_full(void)
{
    sort *s = sort_create(1, NULL);
    sort_item x = {0};
    pe_error e = {0};

    setenv("TMPDIR", "/nowhere", 1);
    CU_ASSERT_EQUAL(sort_add(s, &x, &e), 0);
    CU_ASSERT_EQUAL(sort_add(s, &x, &e), -1);
    UNIT_CONTAINS(e.text, "cannot make /nowhere/pilot-trace-");
    unsetenv("TMPDIR");
    sort_free(s);
}

static void test_words(void)
{
    UNIT_EQUAL(trace_stamp_name(TRACE_SENSE), "sense");
    UNIT_EQUAL(trace_stamp_name(TRACE_MODEL), "model");
    CU_ASSERT_PTR_NULL(trace_stamp_name(TRACE_STAMPS));
    UNIT_EQUAL(trace_hop_name(TRACE_HOP_TOTAL), "total");
    CU_ASSERT_PTR_NULL(trace_hop_name(TRACE_HOPS));
    UNIT_EQUAL(trace_outcome_name(TRACE_REFUSED), "refused");
    UNIT_EQUAL(trace_outcome_name(99), "unknown");
}

int main(void)
{
    static const unit_test tests[] = {
        {"joined", test_joined},
        {"repeats", test_repeats},
        {"strangers", test_strangers},
        {"torn at every byte", test_torn},
        {"damaged at every byte", test_damaged},
        {"refused", test_refused},
        {"of two runs", test_other_run},
        {"none", test_none},
        {"more than may be open", test_many},
        {"missing", test_missing},
        {"rows of another size", test_row_sizes},
        {"dropped", test_dropped},
        {"full disk", test_full_disk},
        {"restarts", test_restarts},
        {"clock", test_clock},
        {"sort", test_sort},
        {"sort without room", test_sort_full},
        {"words", test_words},
        {0},
    };
    int status;

    if (!mkdtemp(folder))
        return 1;
    status = unit_main("trace", tests);
    file_remove_tree(folder, NULL);
    return status;
}
