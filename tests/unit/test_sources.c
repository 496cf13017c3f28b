/* test_sources.c - generator and proc. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/function/generator.h"
#include "src/function/host.h"
#include "src/function/proc.h"

/* --- generator --- */

static void test_generator_pure(void)
{
    generator_spec s = {.features = 5,
                        .clusters = 3,
                        .seed = 7,
                        .outliers = 0.2,
                        .spread = 0.5};
    double centres[15], again[15];
    pe_block a = {0}, b = {0}, c = {0};
    unsigned char labels[40];

    generator_centres(&s, centres);
    generator_centres(&s, again);
    CU_ASSERT_EQUAL(memcmp(centres, again, sizeof(centres)), 0);
    pe_block_reserve(&a, 40, 5, PE_F8, NULL);
    pe_block_reserve(&b, 40, 5, PE_F8, NULL);
    pe_block_reserve(&c, 40, 5, PE_F4, NULL);
    generator_fill(&s, centres, 2, 9, &a, NULL);
    generator_fill(&s, centres, 2, 9, &b, labels);
    CU_ASSERT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    generator_fill(&s, centres, 2, 9, &c, NULL);
    for (uint32_t i = 0; i < 40; i++)
        CU_ASSERT_EQUAL(pe_block_at(&c, i, 4), (float)pe_block_at(&a, i, 4));
    /* Another device, position or seed is another block. */
    generator_fill(&s, centres, 3, 9, &b, NULL);
    CU_ASSERT_NOT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    generator_fill(&s, centres, 2, 10, &b, NULL);
    CU_ASSERT_NOT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    s.seed = 8;
    generator_fill(&s, centres, 2, 9, &b, NULL);
    CU_ASSERT_NOT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    pe_block_release(&a);
    pe_block_release(&b);
    pe_block_release(&c);
}

/* Distance of row [i] to its nearest centre, per feature. */
static double nearest(const pe_block *b, uint32_t i, const double *centres,
                      const generator_spec *s)
{
    double best = INFINITY;

    for (uint32_t k = 0; k < s->clusters; k++) {
        double sum = 0;
        for (uint32_t j = 0; j < s->features; j++) {
            double d = pe_block_at(b, i, j) - centres[k * s->features + j];
            sum += d * d;
        }
        best = fmin(best, sqrt(sum / s->features));
    }
    return best;
}

static void test_generator_data(void)
{
    enum { N = 4000 };
    generator_spec s = {.features = 32,
                        .clusters = 25,
                        .seed = 1,
                        .outliers = 0.05,
                        .spread = 0.5};
    static double centres[25 * 32];
    static unsigned char labels[N];
    double square = 0, inner = 0;
    int planted = 0;
    pe_block b = {0};

    generator_centres(&s, centres);
    for (int i = 0; i < 25 * 32; i++)
        square += centres[i] * centres[i] / (25 * 32);
    CU_ASSERT_DOUBLE_EQUAL(square, 4, 0.6); /* 800 draws of N(0, 4) */
    pe_block_reserve(&b, N, 32, PE_F8, NULL);
    generator_fill(&s, centres, 0, 0, &b, labels);
    for (uint32_t i = 0; i < N; i++) {
        double d = nearest(&b, i, centres, &s);
        planted += labels[i];
        inner += labels[i] ? 0 : d * d;
        CU_ASSERT(labels[i] ? d > 1 : d < 1);
        for (uint32_t j = 0; labels[i] && j < 32; j++)
            CU_ASSERT(fabs(pe_block_at(&b, i, j)) <= 4);
    }
    CU_ASSERT_DOUBLE_EQUAL((double)planted / N, 0.05, 0.015);
    CU_ASSERT_DOUBLE_EQUAL(inner / (N - planted), 0.25, 0.01);
    pe_block_release(&b);
}

static void test_generator_source(void)
{
    source_bench b;
    double first;

    source_init(&b, "generator");
    source_set(&b, "blocks", "3");
    source_set(&b, "features", "7");
    b.setup.dtype = PE_F4;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(b.out.features, 7);
    CU_ASSERT_EQUAL(b.out.dtype, PE_F4);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    first = pe_block_at(&b.out, 0, 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(source_next(&b), PE_NOTHING);
    CU_ASSERT_EQUAL(source_next(&b), PE_NOTHING);
    b.ops->close(b.ctx);
    context_destroy(b.ctx);
    /* From a position: the same blocks as the first time. */
    b.setup.position = 1;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), first);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(source_next(&b), PE_NOTHING);
    source_end(&b);
}

static void test_generator_distinct(void)
{
    const void *at[2];
    source_bench b;
    pe_block whole;

    source_init(&b, "generator");
    source_set(&b, "distinct", "2");
    source_set(&b, "blocks", "0");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    for (int i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
        CU_ASSERT_PTR_NULL(b.out.storage); /* borrowed, not copied */
        if (i < 2)
            at[i] = b.out.data;
        CU_ASSERT_PTR_EQUAL(b.out.data, at[i % 2]);
    }
    /* What stands in front of the data makes it a whole frame. */
    CU_ASSERT_EQUAL(npy_decode((const char *)b.out.data - NPY_HEADER_LEN,
                               NPY_HEADER_LEN + pe_block_bytes(&b.out), &whole,
                               NULL),
                    0);
    CU_ASSERT_PTR_EQUAL(whole.data, b.out.data);
    CU_ASSERT_EQUAL(whole.points, 4);
    source_end(&b);
}

static void test_generator_limits(void)
{
    source_bench b;

    source_init(&b, "generator");
    source_set(&b, "distinct", "65536");
    b.setup.points = 10000;
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_EQUAL(context_error(b.ctx),
               "65536 distinct blocks of 2560000 bytes are more than 1 GiB; "
               "set distinct lower");
    CU_ASSERT_PTR_NULL(pe_context_state(b.ctx));
    source_end(&b);
}

/* --- proc --- */

static const char stat_1[] =
    "cpu  100 20 30 400 50 6 4 10 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"
    "intr 5000 1 2 3\nctxt 9000\nbtime 1\nprocesses 70\nprocs_running 3\n"
    "procs_blocked 2\nsoftirq 1 2\n";
static const char stat_2[] =
    "cpu  150 20 50 500 60 8 12 20 0 0\nintr 7000 9\nctxt 9500\n"
    "processes 60\nprocs_running 1\nprocs_blocked 0\n";
static const char meminfo[] =
    "MemTotal:       1000 kB\nMemFree:         1 kB\nMemAvailable:    250 kB\n"
    "SwapCached:      77 kB\nCached:          125 kB\nSwapTotal:       200 kB\n"
    "SwapFree:        150 kB\nDirty:           10 kB\n";
static const char disks_1[] =
    "   7       0 loop0 9 9 9 9 9 9 9 9 9 9 9\n"
    "   8       0 sda 10 0 100 0 20 0 200 0 0 0 0\n"
    "   8       1 sda1 9 0 99 0 19 0 199 0 0 0 0\n"
    " 259       0 nvme0n1 1 0 2 0 3 0 4 0 0 0 0 0 0 0 0\n"
    " 259       1 nvme0n1p1 5 5 5 5 5 5 5 5 0 0 0\n"
    " 253       0 dm-0 7 7 7 7 7 7 7 7 7 7 7\n";
static const char disks_2[] = "   8       0 sda 30 0 140 0 25 0 210 0 0 0 0\n"
                              " 259       0 nvme0n1 1 0 2 0 3 0 4 0 0 0 0\n";
static const char net_1[] =
    "Inter-|   Receive          |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
    "    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n"
    "  eth0:1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n"
    "  eth1: 1 1 0 0 0 0 0 0 2 2 0 0 0 0 0 0\n";
static const char net_2[] = "  eth0: 1500 14 0 0 0 0 0 0 2400 26 0 0 0 0 0 0\n"
                            "  eth1: 1 1 0 0 0 0 0 0 2 2 0 0 0 0 0 0\n";

static proc_sample sample_of(const char *const texts[PROC_FILES])
{
    proc_sample s = {0};

    for (int i = 0; i < PROC_FILES; i++)
        if (texts[i])
            proc_parse(i, texts[i], &s);
    return s;
}

static void test_proc_row(void)
{
    static const char *const first[PROC_FILES] = {
        stat_1,  meminfo, "0.50 0.08 0.02 1/94 7281\n",
        disks_1, net_1,   "nr_free_pages 1\npgfault 100\npgmajfault 10\n"};
    static const char *const second[PROC_FILES] = {
        stat_2,  meminfo, "1.25 0.08 0.02 1/94 7281\n",
        disks_2, net_2,   "pgfault 300\npgmajfault 10\n"};
    /* over 2 s; the CPUs' times grow by 200 */
    static const double want[PROC_COLUMNS] = {
        50 / 200., 20 / 200., 100 / 200., 10 / 200.,
        10 / 200., 10 / 200., 0.75,       0.125,
        0.01,      0.25,      1.25,       1,
        0,         250,       1000,       0 /* went back */,
        10,        2.5,       512 * 25,   250,
        200,       5,         100,        0};
    proc_sample a = sample_of(first), b = sample_of(second);
    double row[PROC_COLUMNS];

    proc_row(&a, &b, 2, row);
    for (int i = 0; i < PROC_COLUMNS; i++)
        CU_ASSERT_DOUBLE_EQUAL(row[i], want[i], 1e-12);
    proc_row(&a, &a, 2, row); /* nothing moved: no division by zero */
    CU_ASSERT_EQUAL(row[0], 0);
    CU_ASSERT_EQUAL(row[13], 0);
    proc_row(&a, &b, 0, row);
    CU_ASSERT_EQUAL(row[13], 0);
}

static void test_proc_odd_texts(void)
{
    static const char *const odd[] = {
        "",      "\n",    "cpu",          "cpu x\n",
        ":::\n", "1 2 3", " 8 0 sda 1\n", "eth0: 1 2\n"};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        proc_sample s = {0};
        double row[PROC_COLUMNS];
        for (int k = 0; k < PROC_FILES; k++)
            if (k != PROC_LOADAVG)
                proc_parse(k, odd[i], &s);
        proc_row(&s, &s, 1, row);
        for (int k = 0; k < PROC_COLUMNS; k++)
            CU_ASSERT_EQUAL(row[k], 0);
    }
    UNIT_EQUAL(proc_path(PROC_NET_DEV), "net/dev");
}

/* This machine has a /proc, or not; either way rows come at their time. */
static void test_proc_source(void)
{
    int64_t from;
    source_bench b;

    source_init(&b, "proc");
    source_set(&b, "period", "5ms");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    from = clock_mono_ns();
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT(clock_mono_ns() - from >= 4 * 5000000);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(b.out.features, PROC_COLUMNS);
    double idle = pe_block_at(&b.out, 3, 2);
    CU_ASSERT(idle >= 0 && idle <= 1);
    source_end(&b);
}

static void test_proc_within(void)
{
    source_bench b;

    source_init(&b, "proc");
    source_set(&b, "period", "10ms");
    source_set(&b, "root", scratch_folder); /* all files are missing */
    b.setup.points = 1000;
    b.setup.within_s = 0.05;
    b.setup.dtype = PE_F4;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT(b.out.points >= 1 && b.out.points < 20);
    for (uint32_t j = 0; j < PROC_COLUMNS; j++)
        CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, j), 0);
    source_end(&b);
}

static void test_proc_cancel(void)
{
    int64_t from;
    source_bench b;
    int rc;

    source_init(&b, "proc");
    source_set(&b, "period", "1h");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    b.ops->produce_edge(b.ctx, &b.out); /* the counters' start */
    atomic_store(&b.cancelled, 1);
    from = clock_mono_ns();
    rc = b.ops->produce_edge(b.ctx, &b.out);
    CU_ASSERT_EQUAL(rc, PE_AGAIN); /* it has no row */
    CU_ASSERT(clock_mono_ns() - from < 100000000);
    source_end(&b);

    source_init(&b, "proc");
    source_set(&b, "period", "1ms");
    b.setup.points = 100000;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    atomic_store(&b.cancelled, 1); /* what it has begun goes out */
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_FORWARD);
    CU_ASSERT(b.out.points >= 1);
    source_end(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"generator: a pure function", test_generator_pure},
        {"generator: what the data are", test_generator_data},
        {"generator: the source", test_generator_source},
        {"generator: distinct blocks", test_generator_distinct},
        {"generator: limits", test_generator_limits},
        {"proc: a row", test_proc_row},
        {"proc: odd texts", test_proc_odd_texts},
        {"proc: the source", test_proc_source},
        {"proc: within, and no files", test_proc_within},
        {"proc: cancel", test_proc_cancel},
        {NULL, NULL},
    };

    return source_main("sources", tests);
}
