/* test_fold_odd.c - traces of odd clocks, names and numbers, and merging. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/common/clock.h"
#include "src/common/histogram.h"
#include "src/page/bins.h"
#include "src/page/fold.h"

#define T0 (INT64_C(1795985000) * CLOCK_S)

static fold *f;
static json_t *made;

static const trace_process pool = {.pilot = "pool",
                                   .member = "pool",
                                   .host = "node-a",
                                   .kind = "pool",
                                   .ranks = 2,
                                   .start_ns = T0};

static void begin(void)
{
    f = fold_create(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
}

/* What was folded; [f] is gone. */
static void fold_end(void)
{
    json_decref(made);
    made = fold_json(f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    fold_destroy(f);
    f = NULL;
}

static trace_block block_of(int32_t partition, int64_t end_ns)
{
    trace_block b = {.partition = partition,
                     .bytes = 100,
                     .points = 10,
                     .outcome = TRACE_APPLIED,
                     .flags = TRACE_HAS_RANK | TRACE_COMMITTED};

    b.stamp[TRACE_END] = end_ns;
    return b;
}

static void take(const trace_block *b, const char *device)
{
    CU_ASSERT_EQUAL(fold_block(f, b, &pool, device, NULL), 0);
}

static const json_t *member(const char *key, const char *of)
{
    return json_object_get(json_object_get(made, key), of);
}

static const char *notes(void)
{
    return json_shown(json_incref(json_object_get(made, "notes")));
}

/* --- merging --- */

static uint64_t seed = 1;

static int64_t random_below(int64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (int64_t)((seed >> 11) % (uint64_t)n);
}

enum { MANY = 3000 };

static int64_t ends[MANY], took[MANY];
static histogram whole, part[PAGE_BINS];

/* [key] of each step is that of the blocks which ended in it. */
static void quantiles_check(const char *key, double q)
{
    const json_t *list = member("series", key), *o;
    size_t i;

    json_array_foreach(list, i, o)
    {
        if (histogram_count(&part[i]) == 0) {
            CU_ASSERT_TRUE(json_is_null(o));
        } else {
            CU_ASSERT_EQUAL(json_number_value(o),
                            histogram_quantile_ms(&part[i], q));
        }
    }
}

/* Bins become wider in both directions while blocks come in no order: each has
 * the histogram of what is in it by then, and all of them that of all.
 */
static void test_merged(void)
{
    int64_t start, step;
    const json_t *o;
    size_t n, i;
    double sum = 0;

    begin();
    for (int k = 0; k < MANY; k++) {
        int64_t span = k < 10 ? CLOCK_S : 7200 * CLOCK_S;
        trace_block b;

        ends[k] = T0 + random_below(2 * span) - span;
        took[k] = 1 + random_below(1 << (k % 30));
        b = block_of(0, ends[k]);
        b.stamp[TRACE_SENSE] = T0;
        b.stamp[TRACE_COMMIT] = T0 + took[k];
        take(&b, "d");
        histogram_add(&whole, took[k]);
    }
    fold_end();
    n = json_array_size(member("series", "blocks"));
    CU_ASSERT_TRUE_FATAL(n >= PAGE_BINS / 4 && n <= PAGE_BINS);
    start = json_integer_value(member("series", "start_ns"));
    step = llround(json_number_value(member("series", "step_s")) * CLOCK_S);
    for (int k = 0; k < MANY; k++) {
        CU_ASSERT_TRUE_FATAL(ends[k] >= start &&
                             (ends[k] - start) / step < (int64_t)n);
        histogram_add(&part[(ends[k] - start) / step], took[k]);
    }
    quantiles_check("p50_ms", 0.5);
    quantiles_check("p90_ms", 0.9);
    quantiles_check("p99_ms", 0.99);
    json_array_foreach(member("series", "blocks"), i, o)
    {
        CU_ASSERT_EQUAL(json_number_value(o),
                        (double)histogram_count(&part[i]));
        sum += json_number_value(o);
    }
    CU_ASSERT_EQUAL(sum, MANY);
    o = json_array_get(json_object_get(made, "hops"), TRACE_HOP_TOTAL);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "n")), MANY);
    CU_ASSERT_EQUAL(json_number_value(json_object_get(o, "p50_ms")),
                    histogram_quantile_ms(&whole, 0.5));
    CU_ASSERT_EQUAL(json_number_value(json_object_get(o, "p99_ms")),
                    histogram_quantile_ms(&whole, 0.99));
    CU_ASSERT_EQUAL(json_number_value(json_object_get(o, "max_ms")),
                    (double)whole.max_ns / CLOCK_MS);
}

/* --- partitions --- */

/* Of a partition that is none, or beyond what is kept, a row is counted. */
static void test_partitions(void)
{
    static const int32_t rows[] = {
        -1, FOLD_PARTITIONS - 1, FOLD_PARTITIONS, 0, INT32_MIN, INT32_MAX, 4095,
        -7};
    const json_t *o;

    begin();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        trace_block b = block_of(rows[i], T0);

        b.offset = rows[i] == 0 ? -1 : 41;
        take(&b, "d");
    }
    fold_end();
    o = json_object_get(made, "partitions");
    CU_ASSERT_EQUAL(json_array_size(o), 2);
    UNIT_EQUAL(json_shown(json_incref(json_array_get(o, 0))),
               "{'partition':0,'topic':'','owner':'pool rank 0','devices':'d',"
               "'blocks':1,'committed':1,'lag':0,'next':0,'refused':0}");
    UNIT_EQUAL(json_shown(json_incref(json_array_get(o, 1))),
               "{'partition':4095,'topic':'','owner':'pool rank 0','devices':"
               "'d','blocks':2,'committed':2,'lag':0,'next':42,'refused':0}");
    UNIT_CONTAINS(notes(), "5 blocks of partitions from 4096 on, or of none,");
}

/* --- names --- */

static const char *devices_of(size_t i)
{
    return json_string_value(json_object_get(
        json_array_get(json_object_get(made, "partitions"), i), "devices"));
}

/* Names of devices and hosts are anybody's; those that do not fit are said. */
static void test_names(void)
{
    static const char evil[] = "</script>\"'\\&\n\xc3\xa9";
    trace_process p = pool;
    trace_block b = block_of(0, T0);
    trace_rank r = {.time_ns = T0 + CLOCK_S, .kernel_ns = CLOCK_S};
    char name[301], *data;
    json_t *back;

    begin();
    fold_ranks_span(f, T0, T0 + CLOCK_S, NULL);
    take(&b, evil);
    take(&b, "");
    b.partition = 1;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "device-%02d", i);
        take(&b, name);
        take(&b, name); /* of one that is named already */
    }
    memset(name, 'n', sizeof(name) - 1);
    name[300] = '\0';
    b.partition = 2;
    take(&b, name);
    p.member = p.host = evil;
    CU_ASSERT_EQUAL(fold_rank(f, &r, &p, NULL), 0);
    r.log = 1;
    CU_ASSERT_EQUAL(fold_rank(f, &r, NULL, NULL), 0); /* of a lost head */
    p.member = p.host = name;
    r.log = 2;
    CU_ASSERT_EQUAL(fold_rank(f, &r, &p, NULL), 0);
    fold_end();
    UNIT_CONTAINS(devices_of(0), "</script>\"'\\&%0A\xc3\xa9");
    CU_ASSERT_EQUAL(strncmp(devices_of(1), "device-00, device-01, ", 22), 0);
    UNIT_CONTAINS(devices_of(1), "device-16 and 83 more");
    UNIT_EQUAL(devices_of(2), " and 1 more");
    data = json_dumps(made, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    back = json_loads(data, 0, NULL);
    CU_ASSERT_TRUE(json_equal(back, made));
    json_decref(back);
    free(data);
    back = json_incref((json_t *)member("ranks", "totals"));
    CU_ASSERT_EQUAL(json_array_size(back), 3);
    UNIT_CONTAINS(
        json_string_value(json_object_get(json_array_get(back, 0), "name")),
        "\xc3\xa9 rank 0");
    UNIT_EQUAL(json_shown(json_incref(json_array_get(back, 1))),
               "{'name':'? rank 0','host':'','seconds':[0.0,0.0,0.0,0.0,0.0,"
               "0.0,0.0]}");
    name[100] = '\0';
    UNIT_CONTAINS(
        json_string_value(json_object_get(json_array_get(back, 2), "name")),
        name);
    json_decref(back);
}

/* --- clocks and counters that go back --- */

/* Shares are shares: none below 0, and together all, or nothing. */
static void shares_check(void)
{
    const json_t *row, *lane;
    size_t i, k, n = 0;

    json_array_foreach(member("ranks", "rows"), i, row)
    {
        const json_t *share = json_object_get(row, "share");
        size_t steps = json_array_size(json_array_get(share, 0));

        for (size_t at = 0; at < steps; at++) {
            double sum = 0;

            json_array_foreach(share, k, lane)
            {
                double x = json_number_value(json_array_get(lane, at));

                CU_ASSERT_TRUE(x >= 0 && x <= 1);
                sum += x;
            }
            CU_ASSERT_TRUE(sum == 0 || fabs(sum - 1) < 1e-3);
            n++;
        }
    }
    CU_ASSERT_TRUE(n > 0);
}

/* The longest names there are, told apart to their ends. */
static void test_long_names(void)
{
    char name[2][256];
    trace_block b = block_of(0, T0);
    const char *devices;

    for (int i = 0; i < 2; i++) {
        memset(name[i], 'x', 130);
        snprintf(name[i] + 130, sizeof(name[i]) - 130, "%d", i);
    }
    begin();
    for (int i = 0; i < 6; i++)
        take(&b, name[i / 3]);
    fold_end();
    devices = json_shown(json_incref(json_object_get(made, "partitions")));
    UNIT_CONTAINS(devices, name[0]);
    UNIT_CONTAINS(devices, " and 1 more"); /* there is no room for two */
}

static void test_back(void)
{
    static const struct {
        double at, kernel, idle; /* seconds, since the process began */
        const char *want;        /* of kernel, idle and other, by then */
    } rows[] = {
        {1, 0.5, 0.5, "0.50 0.50 0.00"},
        {0.5, 0.75, 0.5, "0.50 0.50 0.00"}, /* the clock goes back */
        {0.5, 0.75, 0.5, "0.50 0.50 0.00"}, /* the row once more */
        {1.5, 0.75, 1.5, "0.50 1.50 0.00"},
        {2.5, 0.25, 2.5, "0.50 2.50 0.50"}, /* a counter goes back */
        {3.5, 1.25, 2.5, "1.50 2.50 0.50"},
    };

    for (size_t n = 1; n <= sizeof(rows) / sizeof(*rows); n++) {
        const json_t *s;
        char got[100];

        begin();
        fold_ranks_span(f, T0, T0 + 4 * CLOCK_S, NULL);
        for (size_t i = 0; i < n; i++) {
            trace_rank r = {.time_ns = T0 + (int64_t)(rows[i].at * CLOCK_S),
                            .kernel_ns = (int64_t)(rows[i].kernel * CLOCK_S),
                            .idle_ns = (int64_t)(rows[i].idle * CLOCK_S)};

            CU_ASSERT_EQUAL(fold_rank(f, &r, &pool, NULL), 0);
        }
        fold_end();
        s = json_object_get(json_array_get(member("ranks", "totals"), 0),
                            "seconds");
        snprintf(got, sizeof(got), "%.2f %.2f %.2f",
                 json_number_value(json_array_get(s, 2)),
                 json_number_value(json_array_get(s, 5)),
                 json_number_value(json_array_get(s, 6)));
        UNIT_EQUAL(got, rows[n - 1].want);
        shares_check();
    }
}

/* A row outside of the span that was told of: it is there, bins are wider. */
static void test_outside(void)
{
    trace_rank r = {.time_ns = T0 + 100 * CLOCK_S, .idle_ns = 100 * CLOCK_S};
    const json_t *s;

    begin();
    CU_ASSERT_EQUAL(fold_ranks_span(f, T0, T0, NULL), 0);
    CU_ASSERT_EQUAL(fold_rank(f, &r, &pool, NULL), 0);
    r.time_ns = T0 - 50 * CLOCK_S;
    CU_ASSERT_EQUAL(fold_rank(f, &r, &pool, NULL), 0);
    fold_end();
    s = json_object_get(json_array_get(member("ranks", "totals"), 0),
                        "seconds");
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_array_get(s, 5)), 100, 1e-9);
    shares_check();
    CU_ASSERT_PTR_NULL(json_object_get(made, "series"));
    CU_ASSERT_PTR_NULL(json_object_get(made, "hops"));
    UNIT_CONTAINS(notes(), "['1 row of ranks is no part of what ranks did over "
                           "time: the clock of a host was set back before it'");
}

/* --- numbers --- */

static void test_numbers(void)
{
    trace_block b = block_of(0, T0);
    trace_commit c = {.version = 2, .time_ns = T0 + 5, .threshold = INFINITY};
    const json_t *list;

    begin();
    b.points = b.outliers = UINT32_MAX;
    b.bytes = UINT64_C(1) << 62;
    for (int i = 0; i < 8; i++)
        take(&b, "d");
    b = block_of(0, -5); /* a stamp that is none */
    b.flags = 0;
    take(&b, "d");
    CU_ASSERT_EQUAL(fold_commit(f, &c, NULL), 0);
    c = (trace_commit){.version = 1, .time_ns = T0, .threshold = -INFINITY};
    CU_ASSERT_EQUAL(fold_commit(f, &c, NULL), 0);
    c = (trace_commit){.version = 3, .time_ns = T0 + 9, .threshold = 0.5};
    CU_ASSERT_EQUAL(fold_commit(f, &c, NULL), 0);
    fold_end();
    CU_ASSERT_EQUAL(
        json_number_value(json_array_get(member("series", "points"), 0)),
        8. * UINT32_MAX);
    CU_ASSERT_EQUAL(
        json_number_value(json_array_get(member("series", "bytes"), 0)),
        ldexp(1, 65));
    UNIT_EQUAL(json_shown(json_incref((json_t *)member("series", "blocks"))),
               "[8.0]");
    UNIT_CONTAINS(notes(), "1 of 9 blocks of the trace has no end on a rank");
    /* by time, whatever they came by; no number is null and not 0 */
    list = json_object_get(made, "history");
    CU_ASSERT_EQUAL(json_array_size(list), 3);
    for (int i = 0; i < 3; i++) {
        const json_t *o = json_array_get(list, (size_t)i);

        CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "version")),
                        i + 1);
        CU_ASSERT_EQUAL(json_is_null(json_object_get(o, "threshold")), i < 2);
    }
}

/* A name that is no UTF-8, or is cut within a character, keeps its row, and is
 * told byte by byte.
 */
static void test_bytes(void)
{
    trace_process p = pool;
    trace_block b = block_of(0, T0);
    trace_rank r = {.time_ns = T0 + CLOCK_S, .kernel_ns = CLOCK_S};
    const json_t *o;
    char long_name[140];

    begin();
    fold_ranks_span(f, T0, T0 + CLOCK_S, NULL);
    take(&b, "d\xff\xc3");
    p.member = "m\xe9";
    p.host = "h\x80";
    CU_ASSERT_EQUAL(fold_rank(f, &r, &p, NULL), 0);
    CU_ASSERT_EQUAL(fold_block(f, &b, &p, "d2", NULL), 0);
    memset(long_name, 'x', sizeof(long_name));
    memcpy(long_name + 99, "\xc3\xa9", 2); /* the cut is at 100 */
    long_name[120] = '\0';
    p.member = long_name;
    r.log = 1;
    CU_ASSERT_EQUAL(fold_rank(f, &r, &p, NULL), 0);
    fold_end();
    UNIT_EQUAL(devices_of(0), "d%FF%C3, d2");
    o = member("ranks", "totals");
    CU_ASSERT_EQUAL_FATAL(json_array_size(o), 2);
    UNIT_EQUAL(json_string_value(json_object_get(json_array_get(o, 0), "name")),
               "m%E9 rank 0");
    UNIT_EQUAL(json_string_value(json_object_get(json_array_get(o, 0), "host")),
               "h%80");
    UNIT_CONTAINS(
        json_string_value(json_object_get(json_array_get(o, 1), "name")),
        "xx%C3 rank 0");
    CU_ASSERT_EQUAL(json_array_size(member("ranks", "rows")), 2);
}

/* Rows whose clock was set back are in no picture, and are counted: each once.
 */
static void test_set_back(void)
{
    static const double at[] = {1, 0.5, 0.5, 1.5, 1.25, 2};

    begin();
    fold_ranks_span(f, T0, T0 + 4 * CLOCK_S, NULL);
    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
        trace_rank r = {.time_ns = T0 + (int64_t)(at[i] * CLOCK_S),
                        .commit_ns = 1}; /* a committer, too */

        CU_ASSERT_EQUAL(fold_rank(f, &r, &pool, NULL), 0);
    }
    fold_end();
    UNIT_CONTAINS(notes(), "2 rows of ranks are no part of what ranks did over "
                           "time: the clock of a host was set back before "
                           "them");
    begin();
    fold_ranks_span(f, T0, T0 + CLOCK_S, NULL);
    fold_end();
    UNIT_EQUAL(json_object_get(made, "notes") ? notes() : "", "");
}

/* One of a kind is one. */
static void test_one(void)
{
    trace_block b = block_of(FOLD_PARTITIONS, 0);

    b.stamp[TRACE_START] = T0;
    b.stamp[TRACE_FETCH] = T0 + 1;
    begin();
    take(&b, "d");
    fold_end();
    UNIT_CONTAINS(notes(), "1 of 1 block has a latency below 0: ");
    UNIT_CONTAINS(notes(), "1 of 1 block of the trace has no end on a rank: no "
                           "rank has told of it (yet), or it was refused");
    UNIT_CONTAINS(notes(), "1 block of partitions from 4096 on, or of none, is "
                           "left out");
}

int main(void)
{
    static const unit_test tests[] = {
        {"names that are no UTF-8", test_bytes},
        {"clocks that were set back", test_set_back},
        {"one of a kind", test_one},
        {"histograms of wider bins are those of all", test_merged},
        {"partitions that are none", test_partitions},
        {"names of anybody", test_names},
        {"clocks and counters that go back", test_back},
        {"rows outside of their span", test_outside},
        {"numbers", test_numbers},
        {"the longest names", test_long_names},
        {NULL, NULL},
    };
    int status = unit_main("fold_odd", tests);

    json_decref(made);
    return status;
}
