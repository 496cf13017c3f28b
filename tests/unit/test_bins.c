/* test_bins.c - bins of time: their edges, their growth, what is spread. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/page/bins.h"

#define T0 (INT64_C(1795985000) * CLOCK_S)
#define STEP (100 * CLOCK_MS)

static bins b;

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(bins_open(&b, 2, STEP, NULL), 0);
}

static double total(int lane)
{
    double sum = 0;

    for (int i = 0; i < PAGE_BINS; i++)
        sum += bins_row(&b, i)[lane];
    return sum;
}

/* --- edges --- */

/* A bin has its first nanosecond, and not that of the next one. */
static void test_edges(void)
{
    static const struct {
        int64_t at;
        int want;
    } rows[] = {
        {T0, 0},
        {T0 + 1, 0},
        {T0 + STEP - 1, 0},
        {T0 + STEP, 1},
        {T0 + 2 * STEP - 1, 1},
        {T0 + 2 * STEP, 2},
        {T0 + (PAGE_BINS - 1) * STEP, PAGE_BINS - 1},
        {T0 + PAGE_BINS * STEP - 1, PAGE_BINS - 1},
    };

    begin();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        CU_ASSERT_EQUAL(bins_at(&b, rows[i].at), rows[i].want);
        CU_ASSERT_TRUE(bins_start_ns(&b, rows[i].want) <= rows[i].at);
        CU_ASSERT_TRUE(rows[i].at < bins_start_ns(&b, rows[i].want + 1));
    }
    CU_ASSERT_EQUAL(b.step_ns, STEP);
    CU_ASSERT_EQUAL(b.base_ns, T0);
    bins_close(&b);
}

/* The first time need not be one that a bin begins with. */
static void test_base(void)
{
    begin();
    CU_ASSERT_EQUAL(bins_at(&b, T0 + 3 * STEP + 17), 0);
    CU_ASSERT_EQUAL(b.base_ns, T0 + 3 * STEP);
    CU_ASSERT_EQUAL(bins_at(&b, T0 + 4 * STEP), 1);
    bins_close(&b);
}

/* One nanosecond behind the last bin, or before the first: each two are one. */
static void test_beyond(void)
{
    begin();
    bins_row(&b, bins_at(&b, T0))[0] = 1;
    bins_row(&b, bins_at(&b, T0 + STEP))[0] = 2;
    bins_row(&b, bins_at(&b, T0 + 239 * STEP))[0] = 4;
    CU_ASSERT_EQUAL(bins_at(&b, T0 + 240 * STEP), 120);
    CU_ASSERT_EQUAL(b.step_ns, 2 * STEP);
    CU_ASSERT_EQUAL(b.base_ns, T0);
    CU_ASSERT_EQUAL(bins_row(&b, 0)[0], 3);
    CU_ASSERT_EQUAL(bins_row(&b, 119)[0], 4);
    CU_ASSERT_EQUAL(bins_row(&b, 120)[0], 0);
    bins_close(&b);
    begin();
    bins_row(&b, bins_at(&b, T0))[0] = 1;
    bins_row(&b, bins_at(&b, T0 + STEP))[0] = 2;
    bins_row(&b, bins_at(&b, T0 + 239 * STEP))[0] = 4;
    CU_ASSERT_EQUAL(bins_at(&b, T0 - 1), 119);
    CU_ASSERT_EQUAL(b.step_ns, 2 * STEP);
    CU_ASSERT_EQUAL(b.base_ns, T0 - 240 * STEP);
    CU_ASSERT_EQUAL(bins_row(&b, 120)[0], 3);
    CU_ASSERT_EQUAL(bins_row(&b, 239)[0], 4);
    CU_ASSERT_EQUAL(bins_row(&b, 119)[0], 0);
    bins_close(&b);
}

/* --- range and parts --- */

static void test_range(void)
{
    int first = -1, last = -1;
    double a, z;

    begin();
    CU_ASSERT_FALSE(bins_range(&b, &first, &last));
    CU_ASSERT_EQUAL(first, -1); /* untouched */
    bins_at(&b, T0 + STEP / 4);
    CU_ASSERT_TRUE(bins_range(&b, &first, &last));
    CU_ASSERT_EQUAL(first, 0);
    CU_ASSERT_EQUAL(last, 0);
    bins_at(&b, T0 + 5 * STEP + STEP / 2);
    CU_ASSERT_TRUE(bins_range(&b, &first, &last));
    CU_ASSERT_EQUAL(first, 0);
    CU_ASSERT_EQUAL(last, 5);
    bins_parts(&b, &a, &z);
    CU_ASSERT_DOUBLE_EQUAL(a, 0.75, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(z, 0.5, 1e-12);
    /* a clock that goes back moves the first time alone */
    bins_at(&b, T0 + STEP / 8);
    bins_parts(&b, &a, &z);
    CU_ASSERT_DOUBLE_EQUAL(a, 0.875, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(z, 0.5, 1e-12);
    bins_at(&b, T0 - STEP / 2); /* now of bins of two steps, from T0 - 240 */
    CU_ASSERT_TRUE(bins_range(&b, &first, &last));
    CU_ASSERT_EQUAL(first, 119);
    CU_ASSERT_EQUAL(last, 122);
    bins_parts(&b, &a, &z);
    CU_ASSERT_DOUBLE_EQUAL(a, 0.25, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(z, 0.75, 1e-12);
    bins_close(&b);
}

/* --- what is kept beside the sums --- */

static int64_t kept[PAGE_BINS];
static int calls;

static void kept_join(void *arg, int into, int from)
{
    CU_ASSERT_PTR_EQUAL(arg, &b);
    CU_ASSERT_NOT_EQUAL(into, from);
    kept[into] += kept[from];
    kept[from] = 0;
    calls++;
}

static uint64_t seed;

static int64_t random_below(int64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (int64_t)((seed >> 11) % (uint64_t)n);
}

/* At the end each bin holds the times that it covers: no more, no fewer. */
static void counted_check(const int64_t *at, int n)
{
    int want[PAGE_BINS] = {0};

    for (int k = 0; k < n; k++) {
        int i = bins_at(&b, at[k]);
        CU_ASSERT_TRUE_FATAL(i >= 0 && i < PAGE_BINS);
        want[i]++;
    }
    for (int i = 0; i < PAGE_BINS; i++) {
        CU_ASSERT_EQUAL(bins_row(&b, i)[0], want[i]);
        CU_ASSERT_EQUAL(bins_row(&b, i)[1], 2 * want[i]);
        CU_ASSERT_EQUAL(kept[i], want[i]);
    }
}

/* Times in no order, over spans of a second to a year. */
static void test_joined(void)
{
    static const int64_t spans[] = {CLOCK_S, 60 * CLOCK_S, 86400 * CLOCK_S,
                                    365 * 86400 * CLOCK_S};
    static int64_t at[500];

    for (size_t s = 0; s < sizeof(spans) / sizeof(*spans); s++) {
        int first, last;

        seed = s + 1;
        calls = 0;
        memset(kept, 0, sizeof(kept));
        begin();
        b.join = kept_join;
        b.arg = &b;
        for (int k = 0; k < 500; k++) {
            int i;

            at[k] = T0 - spans[s] / 2 + random_below(spans[s]);
            i = bins_at(&b, at[k]);
            bins_row(&b, i)[0] += 1;
            bins_row(&b, i)[1] += 2;
            kept[i]++;
        }
        counted_check(at, 500);
        CU_ASSERT_TRUE(s == 0 || calls > 0);
        /* a picture is not a line, also where bins had to grow to both
         * sides
         */
        CU_ASSERT_TRUE(bins_range(&b, &first, &last));
        CU_ASSERT_TRUE(s == 0 || last - first + 1 >= PAGE_BINS / 4);
        bins_close(&b);
    }
}

/* --- spreading --- */

static void test_spread(void)
{
    static const struct {
        int64_t from, to;
        double want[4];
    } rows[] = {
        {0, STEP, {10, 0, 0, 0}},
        {0, 2 * STEP, {5, 5, 0, 0}},
        {STEP / 2, 5 * STEP / 2, {2.5, 5, 2.5, 0}},
        {STEP, STEP + 1, {0, 10, 0, 0}},
        {2 * STEP - 1, 2 * STEP + 1, {0, 5, 5, 0}},
        {2 * STEP, 2 * STEP, {0, 0, 10, 0}}, /* no time */
        {3 * STEP, STEP, {0, 0, 0, 10}},     /* ... and less */
    };

    for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
        begin();
        bins_at(&b, T0);
        bins_spread(&b, 1, T0 + rows[r].from, T0 + rows[r].to, 10);
        for (int i = 0; i < 4; i++)
            CU_ASSERT_DOUBLE_EQUAL(bins_row(&b, i)[1], rows[r].want[i], 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(total(1), 10, 1e-9);
        CU_ASSERT_EQUAL(total(0), 0);
        CU_ASSERT_EQUAL(b.step_ns, STEP);
        bins_close(&b);
    }
    begin(); /* its end is not of it: what fits to the last one fits */
    bins_spread(&b, 0, T0, T0 + PAGE_BINS * STEP, PAGE_BINS);
    CU_ASSERT_EQUAL(b.step_ns, STEP);
    CU_ASSERT_DOUBLE_EQUAL(bins_row(&b, PAGE_BINS - 1)[0], 1, 1e-9);
    bins_close(&b);
}

/* A span that makes the bins grow twice, to both sides, while it is put in. */
static void test_spread_far(void)
{
    double a, z;
    int first, last;

    begin();
    bins_spread(&b, 0, T0, T0 + STEP, 1);
    bins_spread(&b, 1, T0 - 1000 * STEP, T0 + 1000 * STEP, 2000);
    CU_ASSERT_DOUBLE_EQUAL(total(0), 1, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(total(1), 2000, 1e-6);
    CU_ASSERT_TRUE(bins_range(&b, &first, &last));
    CU_ASSERT_TRUE(first >= 0 && last < PAGE_BINS);
    for (int i = first + 1; i < last; i++) /* whole ones are alike */
        CU_ASSERT_DOUBLE_EQUAL(bins_row(&b, i)[1],
                               (double)b.step_ns / (double)STEP, 1e-6);
    bins_parts(&b, &a, &z);
    CU_ASSERT_DOUBLE_EQUAL(bins_row(&b, first)[1],
                           a * (double)b.step_ns / (double)STEP, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(bins_row(&b, last)[1],
                           z * (double)b.step_ns / (double)STEP, 1e-6);
    bins_close(&b);
}

/* Any number a damaged trace has is in a bin. */
static void test_insane(void)
{
    static const int64_t odd[] = {INT64_MAX - 5, 1,  INT64_MAX - 5, INT64_MIN,
                                  INT64_MIN + 1, -1, INT64_MAX,     T0};
    enum { N = sizeof(odd) / sizeof(odd[0]) };

    for (int first = 0; first < N; first++) {
        begin();
        for (int i = 0; i < N; i++) {
            int at = bins_at(&b, odd[(first + i) % N]);

            CU_ASSERT(at >= 0 && at < PAGE_BINS);
            bins_spread(&b, 0, odd[(first + i) % N], odd[i], 1);
        }
        CU_ASSERT_DOUBLE_EQUAL(total(0), N, 1e-6);
        bins_close(&b);
    }
}

static void test_closed(void)
{
    begin();
    bins_at(&b, T0);
    bins_close(&b);
    CU_ASSERT_PTR_NULL(b.sum);
    CU_ASSERT_EQUAL(b.step_ns, 0);
    bins_close(&b); /* twice is no error */
}

int main(void)
{
    static const unit_test tests[] = {
        {"edges of bins", test_edges},
        {"where the first one begins", test_base},
        {"one nanosecond beyond", test_beyond},
        {"the range, and its parts", test_range},
        {"what is kept is joined as sums are", test_joined},
        {"an amount over a span", test_spread},
        {"a span that they do not cover", test_spread_far},
        {"closed", test_closed},
        {"stamps that are none", test_insane},
        {NULL, NULL},
    };

    return unit_main("bins", tests);
}
