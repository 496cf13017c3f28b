/* test_fold.c - the rows of a trace as figures over time. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/common/clock.h"
#include "src/page/bins.h"
#include "src/page/fold.h"

#define T0 (INT64_C(1795985000) * CLOCK_S)

/* --- bins --- */

static double total(const bins *b, int lane)
{
    double sum = 0;

    for (int i = 0; i < PAGE_BINS; i++)
        sum += bins_row(b, i)[lane];
    return sum;
}

/* The same times in any order give the same bins, but for where they begin. */
static void test_bins(void)
{
    static const int64_t ms[] = {0, 1, 999, 24000, 23999, 47999, 48000, 500};
    bins b, back;
    int first, last, n = sizeof(ms) / sizeof(ms[0]);

    CU_ASSERT_EQUAL_FATAL(bins_open(&b, 2, 100 * CLOCK_MS, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(bins_open(&back, 2, 100 * CLOCK_MS, NULL), 0);
    CU_ASSERT_FALSE(bins_range(&b, &first, &last));
    for (int i = 0; i < n; i++) {
        bins_row(&b, bins_at(&b, T0 + ms[i] * CLOCK_MS))[0] += 1;
        bins_row(&back, bins_at(&back, T0 + ms[n - 1 - i] * CLOCK_MS))[0] += 1;
    }
    CU_ASSERT_EQUAL(b.step_ns, 400 * CLOCK_MS);
    CU_ASSERT_EQUAL(back.step_ns, 400 * CLOCK_MS);
    CU_ASSERT_TRUE(bins_range(&b, &first, &last));
    CU_ASSERT_EQUAL(first, 0);
    CU_ASSERT_EQUAL(last, 120);
    CU_ASSERT_EQUAL(bins_row(&b, 0)[0], 2);
    CU_ASSERT_EQUAL(bins_row(&b, 1)[0], 1); /* 500 */
    CU_ASSERT_EQUAL(total(&b, 0), n);
    CU_ASSERT_EQUAL(total(&back, 0), n);
    /* an amount that is spread is all there, be it before what is known */
    bins_spread(&b, 1, T0 - 500 * CLOCK_S, T0 + 100 * CLOCK_S, 6.0);
    CU_ASSERT_DOUBLE_EQUAL(total(&b, 1), 6.0, 1e-9);
    CU_ASSERT_EQUAL(total(&b, 0), n);
    CU_ASSERT_EQUAL(b.first_ns, T0 - 500 * CLOCK_S);
    bins_spread(&b, 1, T0, T0, 1.0); /* no time at all */
    CU_ASSERT_DOUBLE_EQUAL(total(&b, 1), 7.0, 1e-9);
    bins_close(&back);
    bins_close(&b);
}

/* --- blocks --- */

static const trace_process pool = {.pilot = "pool",
                                   .member = "pool",
                                   .host = "node-a",
                                   .kind = "pool",
                                   .ranks = 2,
                                   .start_ns = T0};

static trace_block block_of(int32_t partition, int64_t offset, int64_t end_ms)
{
    trace_block b = {.partition = partition,
                     .offset = offset,
                     .bytes = 100,
                     .points = 10,
                     .outcome = TRACE_APPLIED,
                     .flags = TRACE_HAS_RANK | TRACE_COMMITTED};

    b.stamp[TRACE_SENSE] = T0 + (end_ms - 5) * CLOCK_MS;
    b.stamp[TRACE_END] = T0 + end_ms * CLOCK_MS;
    b.stamp[TRACE_COMMIT] = T0 + (end_ms + 5) * CLOCK_MS;
    return b;
}

static void take(fold *f, trace_block b, const char *device)
{
    CU_ASSERT_EQUAL(fold_block(f, &b, &pool, device, NULL), 0);
}

static const json_t *hop_of(const json_t *o, const char *name)
{
    const json_t *h;
    size_t i;

    json_array_foreach(json_object_get(o, "hops"), i, h)
    {
        if (!strcmp(json_string_value(json_object_get(h, "hop")), name))
            return h;
    }
    return NULL;
}

static void test_blocks(void)
{
    fold *f = fold_create(NULL);
    trace_block b = block_of(0, 7, 50);
    json_t *o, *s;

    take(f, b, "a");
    b = block_of(0, 8, 60);
    b.flags &= ~TRACE_COMMITTED;
    b.stamp[TRACE_COMMIT] = 0;
    take(f, b, "a");
    b = block_of(2, 3, 250);
    b.outcome = TRACE_REFUSED;
    take(f, b, "b");
    b = block_of(-1, -1, 0); /* its device alone has told of it */
    b.stamp[TRACE_END] = b.stamp[TRACE_COMMIT] = 0;
    take(f, b, "b");
    o = fold_json(f);
    s = json_object_get(o, "series");
    UNIT_EQUAL(json_shown(json_incref(json_object_get(s, "blocks"))),
               "[2.0,0.0,1.0]");
    UNIT_EQUAL(json_shown(json_incref(json_object_get(s, "bytes"))),
               "[200.0,0.0,100.0]");
    UNIT_CONTAINS(json_shown(json_incref(json_object_get(s, "p99_ms"))),
                  ",null,"); /* no block: no latency, and no 0 */
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(hop_of(o, "total"), "n")), 2);
    CU_ASSERT_DOUBLE_EQUAL(
        json_number_value(json_object_get(hop_of(o, "total"), "max_ms")), 10,
        1e-6);
    UNIT_EQUAL(json_shown(json_incref(json_object_get(o, "partitions"))),
               "[{'partition':0,'topic':'','owner':'pool rank 0','devices':'a',"
               "'blocks':2,'committed':1,'lag':1,'next':8,'refused':0},"
               "{'partition':2,'topic':'','owner':'pool rank 0','devices':'b',"
               "'blocks':1,'committed':1,'lag':0,'next':4,'refused':1}]");
    UNIT_CONTAINS(json_shown(json_incref(json_object_get(o, "notes"))),
                  "1 of 4 blocks of the trace has no end on a rank");
    UNIT_CONTAINS(json_shown(json_incref(json_object_get(o, "notes"))),
                  "1 block of partitions from 4096 on, or of none, is ");
    json_decref(o);
    fold_destroy(f);
}

/* Clocks that disagree are an error of theirs, and no latency of 0. */
static void test_negative(void)
{
    fold *f = fold_create(NULL);
    trace_block b = block_of(0, 1, 10);
    json_t *o;

    b.stamp[TRACE_COMMIT] = b.stamp[TRACE_SENSE] - CLOCK_S;
    take(f, b, "a");
    o = fold_json(f);
    UNIT_CONTAINS(json_shown(json_incref(json_object_get(o, "notes"))),
                  "1 of 1 block has a latency below 0: the clocks of two "
                  "hosts differ by more than it took;");
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(hop_of(o, "total"), "n")), 0);
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(hop_of(o, "total"), "negative")), 1);
    CU_ASSERT_TRUE(json_is_null(json_array_get(
        json_object_get(json_object_get(o, "series"), "p50_ms"), 0)));
    json_decref(o);
    fold_destroy(f);
}

/* Percentiles of the sum of all counts, however bins were put together. */
static void test_merged(void)
{
    fold *f = fold_create(NULL);
    const json_t *h;
    json_t *o;

    for (int i = 0; i < 1000; i++) {
        trace_block b = block_of(0, i, 100 * i);
        b.stamp[TRACE_COMMIT] =
            b.stamp[TRACE_SENSE] + (i < 900 ? 10 : 1000) * CLOCK_MS;
        take(f, b, "a");
    }
    o = fold_json(f);
    h = hop_of(o, "total");
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(h, "p50_ms")), 10,
                           0.4);
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(h, "p99_ms")),
                           1000, 33);
    h = json_object_get(o, "series");
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(h, "step_s")), 0.8,
                           1e-9);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(h, "blocks")), 125);
    CU_ASSERT_DOUBLE_EQUAL(
        json_number_value(json_array_get(json_object_get(h, "p50_ms"), 0)), 10,
        0.4);
    CU_ASSERT_DOUBLE_EQUAL(
        json_number_value(json_array_get(json_object_get(h, "p50_ms"), 124)),
        1000, 33);
    json_decref(o);
    fold_destroy(f);
}

/* --- ranks --- */

static void tell(fold *f, uint32_t rank, int s, double kernel, double idle,
                 double commit)
{
    trace_rank r = {.time_ns = T0 + s * CLOCK_S,
                    .kernel_ns = (int64_t)(kernel * CLOCK_S),
                    .idle_ns = (int64_t)(idle * CLOCK_S),
                    .commit_ns = (int64_t)(commit * CLOCK_S),
                    .rank = rank};

    CU_ASSERT_EQUAL(fold_rank(f, &r, &pool, NULL), 0);
}

static void test_ranks(void)
{
    fold *f = fold_create(NULL);
    json_t *o, *r;

    CU_ASSERT_EQUAL(fold_ranks_span(f, T0, T0 + 2 * CLOCK_S, NULL), 0);
    tell(f, 0, 1, 1, 0, 0.25); /* since the start, each time */
    tell(f, 0, 2, 1, 1, 0.5);
    tell(f, 1, 1, 0, 0.5, 0);
    tell(f, 1, 2, 0.5, 1, 0);
    o = fold_json(f);
    r = json_object_get(o, "ranks");
    UNIT_EQUAL(json_shown(json_incref(json_object_get(r, "totals"))),
               "[{'name':'pool rank 0','host':'node-a','seconds':[0.0,0.0,1.0,"
               "0.0,0.0,1.0,0.0]},"
               "{'name':'pool rank 0, commits','host':'node-a','seconds':[0.0,"
               "0.0,0.0,0.0,0.5,1.5,0.0]},"
               "{'name':'pool rank 1','host':'node-a','seconds':[0.0,0.0,0.5,"
               "0.0,0.0,1.0,0.5]}]");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "rows")), 3);
    r = json_object_get(json_array_get(json_object_get(r, "rows"), 0), "share");
    CU_ASSERT_EQUAL(json_number_value(json_array_get(json_array_get(r, 2), 3)),
                    1);
    CU_ASSERT_EQUAL(json_number_value(json_array_get(json_array_get(r, 5), 13)),
                    1);
    json_decref(o);
    fold_destroy(f);
}

/* As many rows as fit a picture, and all of them in the table. */
static void test_many_ranks(void)
{
    fold *f = fold_create(NULL);
    json_t *o, *r;

    fold_ranks_span(f, T0, T0 + CLOCK_S, NULL);
    for (uint32_t i = 0; i < FOLD_RANKS + 3; i++)
        tell(f, i, 1, i % 2, (i + 1) % 2, 0);
    o = fold_json(f);
    r = json_object_get(o, "ranks");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "totals")), FOLD_RANKS);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "rows")), 24);
    UNIT_CONTAINS(json_string_value(json_object_get(r, "words")),
                  " 43 ranks each are one row.");
    r = json_array_get(json_object_get(r, "rows"), 0);
    UNIT_EQUAL(json_string_value(json_object_get(r, "name")),
               "pool rank 0 to pool rank 42");
    CU_ASSERT_DOUBLE_EQUAL(
        json_number_value(
            json_array_get(json_array_get(json_object_get(r, "share"), 2), 5)),
        21. / 43, 1e-3);
    UNIT_CONTAINS(json_shown(json_incref(json_object_get(o, "notes"))),
                  "ranks beyond the first 1024 are left out");
    json_decref(o);
    fold_destroy(f);
}

/* --- commits --- */

static void test_commits(void)
{
    fold *f = fold_create(NULL);
    json_t *o, *list;

    for (uint64_t i = 0; i < 3 * FOLD_VERSIONS; i++) {
        trace_commit c = {.version = i + 1,
                          .time_ns = T0 + (int64_t)i * CLOCK_S,
                          .threshold = i ? 1.5 : NAN};
        CU_ASSERT_EQUAL(fold_commit(f, &c, NULL), 0);
    }
    o = fold_json(f);
    list = json_object_get(o, "history");
    CU_ASSERT_EQUAL(json_array_size(list), 3 * FOLD_VERSIONS / 4);
    for (size_t i = 0; i < json_array_size(list); i++)
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(
                            json_array_get(list, i), "version")),
                        (json_int_t)(4 * i + 1));
    CU_ASSERT_TRUE(
        json_is_null(json_object_get(json_array_get(list, 0), "threshold")));
    UNIT_CONTAINS(json_shown(json_incref(json_object_get(o, "notes"))),
                  "of 1536 commits each 4. is shown");
    json_decref(o);
    fold_destroy(f);
}

static void test_nothing(void)
{
    fold *f = fold_create(NULL);
    pe_error e = {0};

    UNIT_EQUAL(json_shown(fold_json(f)), "{}");
    CU_ASSERT_EQUAL(fold_ranks_span(f, T0, T0 - 1, &e), -1);
    UNIT_EQUAL(e.text, "a trace ends before it begins");
    fold_destroy(f);
    fold_destroy(NULL);
}

int main(void)
{
    static const unit_test tests[] = {
        {"bins, in any order", test_bins},
        {"blocks", test_blocks},
        {"clocks that disagree", test_negative},
        {"percentiles of all counts", test_merged},
        {"ranks", test_ranks},
        {"more ranks than a picture has rows", test_many_ranks},
        {"more commits than are kept", test_commits},
        {"nothing", test_nothing},
        {NULL, NULL},
    };

    return unit_main("fold", tests);
}
