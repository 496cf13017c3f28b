/* test_said.c - what records say of their rows: times, columns, scales. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/block/scale.h"
#include "src/block/times.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S INT64_C(1000000000)

/* --- times --- */

enum { TIMES_MAX = 8 };

static void test_times_text(void)
{
    static const struct {
        uint32_t n;
        int64_t ns[TIMES_MAX];
        const char *want;
    } rows[] = {
        {1, {7 * S}, "7000000000"},
        {1, {0}, "0"},
        {1, {-3}, "-3"},
        {2, {7 * S, 8 * S}, "7000000000/1000000000"},
        {4, {5, 5, 5, 5}, "5/0"},
        {4, {10, 8, 6, 4}, "10/-2"},
        /* A step that is not like the others: units are what all have. */
        {4, {0, 2 * S, 4 * S, 7 * S}, "0/1000000000:2*2,3"},
        {5, {0, 20, 50, 60, 60}, "0/10:2,3,1,0"},
        {5, {100, 90, 90, 90, 105}, "100/5:-2,0*2,3"},
        {3, {0, S, S + 1}, "0/1:1000000000,1"},
        {3, {0, 0, 5}, "0/5:0,1"},
        {3, {INT64_MAX - 2, INT64_MAX, INT64_MAX}, "9223372036854775805/2:1,0"},
        {3,
         {INT64_MIN + 1, INT64_MIN, INT64_MIN},
         "-9223372036854775807/1:-1,0"},
    };
    text t = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t back[TIMES_MAX];

        CU_ASSERT_EQUAL(times_encode(rows[i].ns, rows[i].n, &t), 0);
        UNIT_EQUAL(t.data, rows[i].want);
        CU_ASSERT_EQUAL(times_decode(t.data, t.len, rows[i].n, back), 0);
        CU_ASSERT_EQUAL(memcmp(back, rows[i].ns, rows[i].n * sizeof(*back)), 0);
    }
    text_free(&t);
}

/* Times of all kinds come back as they were. */
static void test_times_round(void)
{
    enum { N = 1000 };
    static int64_t ns[N], back[N];
    uint64_t seed = 11;
    text t = {0};

    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < N; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            int64_t r = (int64_t)(seed >> 44);

            ns[i] = i == 0      ? 1795940103 * S
                    : kind == 0 ? ns[i - 1] + 60 * S
                    : kind == 1 ? ns[i - 1] + 1000000 * (995 + r % 10)
                    : kind == 2 ? ns[i - 1] + (r % 50 == 0 ? 3600 * S : S)
                                : ns[i - 1] - r;
        }
        CU_ASSERT_EQUAL(times_encode(ns, N, &t), 0);
        CU_ASSERT(t.len <= TIMES_BYTES_MAX);
        if (kind == 0)
            UNIT_EQUAL(t.data, "1795940103000000000/60000000000");
        if (kind == 2)
            CU_ASSERT(t.len < 600); /* runs are counted */
        CU_ASSERT_EQUAL(times_decode(t.data, t.len, N, back), 0);
        CU_ASSERT_EQUAL(memcmp(back, ns, sizeof(ns)), 0);
    }
    text_free(&t);
}

static void test_times_none(void)
{
    enum { N = 4000 };
    static int64_t ns[N];
    static const int64_t far[] = {INT64_MIN, INT64_MAX},
                         least[] = {0, INT64_MIN};
    uint64_t seed = 3;
    text t = {0};

    CU_ASSERT_EQUAL(times_encode(far, 2, &t), -1);
    CU_ASSERT_EQUAL(times_encode(least, 2, &t), -1);
    /* More than a record is to bear. */
    for (int i = 1; i < N; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        ns[i] = ns[i - 1] + (int64_t)(seed >> 34);
    }
    CU_ASSERT_EQUAL(times_encode(ns, N, &t), -1);
    CU_ASSERT(t.len < 2 * TIMES_BYTES_MAX); /* it stops there */
    CU_ASSERT_EQUAL(times_encode(ns, 1000, &t), 0);
    text_free(&t);
}

/* Headers are anybody's to write. */
static void test_times_bad(void)
{
    static const struct {
        uint32_t n;
        const char *text;
    } rows[] = {
        {0, "5"},
        {1, ""},
        {1, "-"},
        {1, "x"},
        {1, "5 "},
        {1, " 5"},
        {1, "5/1"},
        {2, "5"},
        {2, "5/"},
        {2, "5/x"},
        {2, "5/1x"},
        {2, "5:1"},
        {2, "5/1:"},
        {2, "5/1:1,"},
        {2, "5/1:1,1"},
        {2, "5/1:1*2"},
        {2, "5/1:1*0"},
        {2, "5/1:1*-1"},
        {2, "5/1:1*"},
        {2, "5/1:1*x"},
        {2, "5/1:1x"},
        {3, "5/1:1"},
        {3, "5/1:1*9223372036854775807"},
        {3, "5/1:1*4294967298"},
        {1, "9223372036854775808"},
        {1, "-9223372036854775809"},
        {2, "9223372036854775807/1"},
        {2, "1/9223372036854775807"},
        {2, "0/4611686018427387904:2"},
        {2, "-9223372036854775808/-1"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ns[TIMES_MAX] = {0};
        int rc =
            times_decode(rows[i].text, strlen(rows[i].text), rows[i].n, ns);

        if (rc != -1)
            printf("# '%s' is taken\n", rows[i].text);
        CU_ASSERT_EQUAL(rc, -1);
    }
}

/* Which rows stay is found by their numbers. */
static void test_times_pick(void)
{
    static const int64_t ns[] = {10, 20, 30, 40, 50};
    static const struct {
        const char *in;
        uint32_t n_in;
        const char *out;
        uint32_t n_out;
        int rc;
        int64_t want[5];
    } rows[] = {
        {"f:7", 5, "f:7", 5, 0, {10, 20, 30, 40, 50}},
        {NULL, 5, NULL, 5, 0, {10, 20, 30, 40, 50}},
        {"f:7", 5, "f:8-9,11-11", 3, 0, {20, 30, 50}},
        {"f:7", 5, "f:11-11", 1, 0, {50}},
        {"f:0-1,5-7", 5, "f:1-1,6-6", 2, 0, {20, 40}},
        {"f:0-1,5-7", 5, "f:5", 3, 0, {30, 40, 50}},
        /* Joined ones have the time of their last row. */
        {"f:7", 5, "f:7-11/2", 3, 0, {20, 40, 50}},
        {"f:0-3,6/2", 3, "f:0-3,6/4", 2, 0, {20, 30}},
        {"f:7", 5, "f:7-11*", 2, -1, {0}},
        /* The same words for fewer rows: nobody knows which. */
        {"f:7", 5, "f:7", 3, -1, {0}},
        {NULL, 5, NULL, 3, -1, {0}},
        {"f:7", 5, NULL, 3, -1, {0}},
        {NULL, 5, "f:7", 3, -1, {0}},
        /* Rows that were not there, or that are not said. */
        {"f:7", 5, "f:11-12", 2, -1, {0}},
        {"f:7", 5, "f:6-7", 2, -1, {0}},
        {"f:7", 5, "f:9-9,8-8", 2, -1, {0}},
        {"f:7", 5, "f:7+", 2, -1, {0}},
        {"f:7+", 5, "f:8", 2, -1, {0}},
        {"f:7", 5, "f", 2, -1, {0}},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t out[5] = {0}, own[5];

        CU_ASSERT_EQUAL(times_pick(rows[i].in, rows[i].n_in, ns, rows[i].out,
                                   rows[i].n_out, out),
                        rows[i].rc);
        if (rows[i].rc < 0)
            continue;
        CU_ASSERT_EQUAL(memcmp(out, rows[i].want, rows[i].n_out * sizeof(*out)),
                        0);
        /* In its own place, too. */
        memcpy(own, ns, sizeof(own));
        times_pick(rows[i].in, rows[i].n_in, own, rows[i].out, rows[i].n_out,
                   own);
        CU_ASSERT_EQUAL(memcmp(own, rows[i].want, rows[i].n_out * sizeof(*own)),
                        0);
    }
}

/* --- columns --- */

static void test_columns(void)
{
    static const char *const names[] = {"temp", "rel. hum", "a\tb",
                                        "",     "x\ny",     "\302\260C"};
    static const char *const want[] = {"temp", "rel. hum", "a b",
                                       "",     "x y",      "\302\260C"};
    text t = {0};
    size_t len = 99;

    for (size_t i = 0; i < COUNT(names); i++)
        columns_add(&t, i, names[i]);
    CU_ASSERT_EQUAL(columns_count(t.data, t.len), COUNT(names));
    for (uint32_t i = 0; i < COUNT(names); i++) {
        const char *s = columns_at(t.data, t.len, i, &len);

        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_EQUAL(len, strlen(want[i]));
        CU_ASSERT_EQUAL(memcmp(s, want[i], len), 0);
    }
    CU_ASSERT_PTR_NULL(columns_at(t.data, t.len, COUNT(names), &len));
    text_free(&t);
    /* One column without a name is one column. */
    columns_add(&t, 0, "");
    CU_ASSERT_EQUAL(columns_count(t.data, t.len), 1);
    CU_ASSERT_PTR_NOT_NULL(columns_at(t.data, t.len, 0, &len));
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(columns_count(NULL, 0), 0);
    CU_ASSERT_PTR_NULL(columns_at(NULL, 0, 0, &len));
    text_free(&t);
}

/* --- scales --- */

static void test_scale(void)
{
    static const double shift[] = {0, -1.5, 1e300, 0.1},
                        scale[] = {1, 1e-300, 3, 1.0 / 3};
    double x[4], y[4];
    text t = {0};

    for (uint32_t n = 1; n <= 4; n++) {
        CU_ASSERT_EQUAL(scale_encode(shift, scale, n, &t), 0);
        CU_ASSERT_EQUAL(scale_decode(t.data, t.len, n, x, y), 0);
        CU_ASSERT_EQUAL(memcmp(x, shift, n * sizeof(*x)), 0);
        CU_ASSERT_EQUAL(memcmp(y, scale, n * sizeof(*y)), 0);
        CU_ASSERT_EQUAL(scale_decode(t.data, t.len, n + 1, x, y), -1);
        if (n > 1)
            CU_ASSERT_EQUAL(scale_decode(t.data, t.len, n - 1, x, y), -1);
    }
    UNIT_EQUAL(t.data, "0:1,-1.5:1e-300,1.0000000000000001e+300:3,"
                       "0.10000000000000001:0.33333333333333331");
    text_free(&t);
}

static void test_scale_bad(void)
{
    static const struct {
        uint32_t n;
        const char *text;
    } rows[] = {
        {1, ""},
        {1, "1"},
        {1, ":"},
        {1, "1:"},
        {1, ":1"},
        {1, "1:x"},
        {1, "1:2,"},
        {1, ",1:2"},
        {1, "1:nan"},
        {1, "inf:1"},
        {1, "1:2:3"},
        {2, "1:2"},
        {2, "1:2,3"},
        {2, "1:2,,3:4"},
        {1, "1:2,3:4"},
        {0, "1:2"},
        {1, "1:00000000000000000000000000000000000000000000000000000000000002"},
    };
    enum { N = 1000 };
    static double many[N];
    text t = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        double x[2], y[2];
        int rc =
            scale_decode(rows[i].text, strlen(rows[i].text), rows[i].n, x, y);

        if (rc != -1)
            printf("# '%s' is taken\n", rows[i].text);
        CU_ASSERT_EQUAL(rc, -1);
    }
    /* More columns than a record is to say it of. */
    for (int i = 0; i < N; i++)
        many[i] = 1.0 / (3 + i);
    CU_ASSERT_EQUAL(scale_encode(many, many, N, &t), -1);
    CU_ASSERT_EQUAL(scale_encode(many, many, 100, &t), 0);
    text_free(&t);
}

int main(void)
{
    static const unit_test tests[] = {
        {"times as text", test_times_text},
        {"times there and back", test_times_round},
        {"times that do not fit", test_times_none},
        {"times that are none", test_times_bad},
        {"times of some rows", test_times_pick},
        {"names of columns", test_columns},
        {"scales", test_scale},
        {"scales that are none", test_scale_bad},
        {0},
    };

    return unit_main("said", tests);
}
