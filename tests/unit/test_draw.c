/* test_draw.c - some rows that stand for all: which, of whom, how many. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/answer/draw.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
    POINTS = 512,
    WIDE = 8192,                             /* features of a wide row, */
    WIDE_CAP = (int)(DRAW_BYTES / 8 / WIDE), /* ... and how many are taken */
};

/* Block [offset] of a partition; each row is its own number, and 2 of it. */
static void offer(draw *d, int32_t partition, int64_t offset)
{
    double x[2 * POINTS];
    pe_block b = {.data = x,
                  .points = POINTS,
                  .features = 2,
                  .dtype = PE_F8,
                  .partition = partition,
                  .offset = offset};

    for (int i = 0; i < POINTS; i++) {
        x[2 * i] = 1e9 * partition + (double)(offset * POINTS + i);
        x[2 * i + 1] = 2 * x[2 * i];
    }
    draw_offer(d, &b);
}

static draw opened(uint32_t features, uint64_t seed)
{
    draw d;

    CU_ASSERT_EQUAL_FATAL(draw_open(&d, features, seed, NULL), 0);
    return d;
}

static double *table_of(draw *d)
{
    double *t = draw_table(d, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

/* --- all of them --- */

static void test_none(void)
{
    draw d = opened(3, 1);
    double *t;

    CU_ASSERT_EQUAL(d.n, 0);
    CU_ASSERT_EQUAL(d.offered, 0);
    t = draw_table(&d, NULL);
    CU_ASSERT_PTR_NOT_NULL(t);
    free(t);
    draw_free(&d);
    draw_free(&d); /* is free already */
}

/* Rows that a model masks are no rows. */
static void test_masked(void)
{
    double x[][2] = {{1, 2}, {NAN, 1}, {3, INFINITY}, {-INFINITY, NAN}, {5, 6}};
    pe_block b = {.data = x, .points = COUNT(x), .features = 2, .dtype = PE_F8};
    draw d = opened(2, 1);
    double *t;

    draw_offer(&d, &b);
    CU_ASSERT_EQUAL(d.offered, 2);
    CU_ASSERT_EQUAL_FATAL(d.n, 2);
    t = table_of(&d);
    CU_ASSERT_EQUAL(t[0], 1);
    CU_ASSERT_EQUAL(t[1], 2);
    CU_ASSERT_EQUAL(t[2], 5);
    CU_ASSERT_EQUAL(t[3], 6);
    CU_ASSERT_EQUAL((uintptr_t)t % 64, 0);
    free(t);
    draw_free(&d);
}

/* Where there is room for all they are all there, in their own order, in
 * whatever order they came.
 */
static void test_order(void)
{
    static const struct {
        int32_t partition;
        int64_t offset;
    } turns[][4] = {
        {{0, 3}, {0, 7}, {1, 2}, {9, 0}},
        {{9, 0}, {1, 2}, {0, 7}, {0, 3}},
        {{1, 2}, {0, 3}, {9, 0}, {0, 7}},
    };

    for (size_t i = 0; i < COUNT(turns); i++) {
        draw d = opened(2, i);
        double *t;

        for (size_t k = 0; k < 4; k++)
            offer(&d, turns[i][k].partition, turns[i][k].offset);
        CU_ASSERT_EQUAL(d.offered, 4 * POINTS);
        CU_ASSERT_EQUAL_FATAL(d.n, 4 * POINTS);
        t = table_of(&d);
        for (size_t k = 0; k < 4 * POINTS; k++) {
            size_t at = k / POINTS;
            double want = 1e9 * turns[0][at].partition +
                          (double)turns[0][at].offset * POINTS +
                          (double)(k % POINTS);

            if (t[2 * k] == want && t[2 * k + 1] == 2 * want)
                continue;
            CU_FAIL("a row is not at its place");
            break;
        }
        free(t);
        draw_free(&d);
    }
}

/* --- beyond the limit --- */

enum { BLOCKS = 3 * DRAW_ROWS / POINTS };

/* A sample of three times as many rows as there is room for; [turn]: the order
 * in which they come.
 */
static double *sample(uint64_t seed, int turn, size_t *np)
{
    draw d = opened(2, seed);
    double *t;

    for (int i = 0; i < BLOCKS; i++) {
        int at = turn == 0 ? i : turn == 1 ? BLOCKS - 1 - i : i * 5 % BLOCKS;

        offer(&d, at % 4, at / 4);
    }
    CU_ASSERT_EQUAL(d.offered, (uint64_t)BLOCKS * POINTS);
    CU_ASSERT_EQUAL(d.cap, DRAW_ROWS);
    *np = d.n;
    t = table_of(&d);
    draw_free(&d);
    return t;
}

/* The same rows by the same seed, whatever comes first; others by another. */
static void test_seed(void)
{
    size_t n, m, same = 0, k = 0;
    double *a = sample(7, 0, &n), *b;

    CU_ASSERT_EQUAL_FATAL(n, DRAW_ROWS);
    for (int turn = 1; turn < 3; turn++) {
        b = sample(7, turn, &m);
        CU_ASSERT_EQUAL_FATAL(m, n);
        CU_ASSERT_EQUAL(memcmp(a, b, 2 * n * sizeof(*a)), 0);
        free(b);
    }
    b = sample(8, 0, &m);
    CU_ASSERT_EQUAL_FATAL(m, n);
    for (size_t i = 0; i < n; i++) { /* both rise */
        while (k < m && b[2 * k] < a[2 * i])
            k++;
        same += k < m && b[2 * k] == a[2 * i];
    }
    /* A third of all is in each, so a third of one in the other: 43,691, with
     * a deviation of some 140.
     */
    CU_ASSERT(same > 42500 && same < 45000);
    free(a);
    free(b);
}

/* Each row once, and as many of every part: of 3 x 131072 in 16 parts of 24576
 * a third are taken, 8192 with a deviation of 74 or less.
 */
static void test_uniform(void)
{
    size_t n, parts[4][4] = {{0}}, points[4] = {0};
    double *t = sample(11, 0, &n);

    for (size_t i = 0; i < n; i++) {
        int partition = (int)(t[2 * i] / 1e9);
        int row = (int)(t[2 * i] - 1e9 * partition);

        if (t[2 * i + 1] != 2 * t[2 * i] || (i && t[2 * i] <= t[2 * i - 2])) {
            CU_FAIL("a row is there twice, or is of two");
            break;
        }
        parts[partition][4 * row / (BLOCKS / 4 * POINTS)]++;
        points[4 * (row % POINTS) / POINTS]++;
    }
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 4; k++)
            CU_ASSERT(parts[i][k] > 7800 && parts[i][k] < 8600);
        CU_ASSERT(points[i] > 4 * 7800 && points[i] < 4 * 8600);
    }
    free(t);
}

/* Of wide rows there are fewer: they are bounded by their bytes. */
static void test_wide(void)
{
    double *x = calloc(WIDE, sizeof(*x));
    draw d = opened(WIDE, 3);
    pe_block b = {.data = x, .points = 1, .features = WIDE, .dtype = PE_F8};
    double *t, before = -1;

    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    CU_ASSERT_EQUAL(d.cap, WIDE_CAP);
    for (int i = 0; i < 2 * WIDE_CAP; i++) {
        x[0] = x[WIDE - 1] = i;
        b.offset = i;
        draw_offer(&d, &b);
    }
    CU_ASSERT_EQUAL(d.offered, 2 * WIDE_CAP);
    CU_ASSERT_EQUAL_FATAL(d.n, WIDE_CAP);
    t = table_of(&d);
    for (size_t i = 0; i < d.n; i++) {
        const double *row = t + i * WIDE;

        CU_ASSERT(row[0] > before && row[0] == row[WIDE - 1] && row[1] == 0);
        before = row[0];
    }
    CU_ASSERT(before > WIDE_CAP); /* not those that came first */
    free(t);
    draw_free(&d);
    free(x);
}

int main(void)
{
    static const unit_test tests[] = {
        {"no rows", test_none},
        {"rows that are masked", test_masked},
        {"all rows, in order", test_order},
        {"the same sample by the same seed", test_seed},
        {"a sample is uniform", test_uniform},
        {"wide rows", test_wide},
        {NULL, NULL},
    };

    return unit_main("draw", tests);
}
