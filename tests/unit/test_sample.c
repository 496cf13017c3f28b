/* test_sample.c - the isolation forest's sample: it depends on no order. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "models/iforest/private.h"
#include "src/common/random.h"

enum { CAP = 16, WIDTH = 32, FEATURES = 3, ROWS = 200 };

static uint64_t hash_of(uint32_t i)
{
    return random_mix(99, i);
}

static void row_of(uint32_t i, forest_key *row)
{
    memset(row, 0, WIDTH * sizeof(*row));
    for (uint32_t f = 0; f < FEATURES; f++)
        row[f] = forest_key_of((float)(10 * i + f));
}

static void offer(struct sample *s, uint32_t i)
{
    forest_key row[WIDTH];

    row_of(i, row);
    sample_offer(s, hash_of(i), row);
}

static struct sample make(size_t cap)
{
    struct sample s;

    CU_ASSERT_EQUAL_FATAL(sample_create(&s, cap, WIDTH, NULL), 0);
    return s;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = hash_of(*(const uint32_t *)a), y = hash_of(*(uint32_t *)b);

    return (x > y) - (x < y);
}

/* It is sorted, and holds the [n] rows of the smallest hashes. */
static void expect_smallest(struct sample *s, size_t n)
{
    uint32_t order[ROWS];
    forest_key row[WIDTH];

    for (uint32_t i = 0; i < ROWS; i++)
        order[i] = i;
    qsort(order, ROWS, sizeof(*order), by_hash);
    CU_ASSERT_EQUAL_FATAL(s->n, n);
    for (size_t i = 0; i < n; i++) {
        row_of(order[i], row);
        CU_ASSERT_EQUAL(s->heap[i].hash, hash_of(order[i]));
        CU_ASSERT_EQUAL(
            memcmp(s->rows + s->heap[i].slot * (size_t)WIDTH, row, sizeof(row)),
            0);
    }
}

static void test_any_order(void)
{
    static const size_t caps[] = {1, 2, CAP, ROWS - 1, ROWS, ROWS + 1};
    static const uint32_t steps[] = {1, 7, ROWS - 1}; /* prime to ROWS */

    for (size_t c = 0; c < 6; c++)
        for (size_t k = 0; k < 3; k++) {
            struct sample s = make(caps[c]);

            for (uint32_t i = 0; i < ROWS; i++)
                offer(&s, i * steps[k] % ROWS);
            sample_sort(&s);
            expect_smallest(&s, caps[c] < ROWS ? caps[c] : ROWS);
            sample_free(&s);
        }
}

/* Offered piece by piece, through the blobs of deltas. */
static void test_merge(void)
{
    static const double shift[FEATURES] = {1, 2, 3};

    for (uint32_t pieces = 1; pieces <= 7; pieces += 3) {
        struct sample whole = make(CAP);
        pe_delta d = {0};

        for (uint32_t p = 0; p < pieces; p++) {
            struct sample s = make(CAP);

            for (uint32_t i = p; i < ROWS; i += pieces)
                offer(&s, i);
            sample_sort(&s);
            CU_ASSERT_EQUAL(sample_put(&s, shift, FEATURES, &d, NULL), 0);
            CU_ASSERT_EQUAL(d.blob.len % 8, 0); /* rows stay aligned */
            sample_free(&s);
        }
        sample_take(&whole, shift, FEATURES, &d.blob);
        sample_sort(&whole);
        expect_smallest(&whole, CAP);
        sample_free(&whole);
        pe_buffer_free(&d.blob);
    }
}

static void test_put_nothing(void)
{
    static const double shift[FEATURES] = {0};
    struct sample s = make(CAP);
    pe_delta d = {0};

    CU_ASSERT_EQUAL(sample_put(&s, shift, FEATURES, &d, NULL), 0);
    CU_ASSERT_EQUAL(d.blob.len, 0);
    sample_take(&s, shift, FEATURES, &d.blob);
    CU_ASSERT_EQUAL(s.n, 0);
    sample_free(&s);
    CU_ASSERT_PTR_NULL(s.rows);
}

/* Keys less another shift: the values are the same. */
static void test_other_shift(void)
{
    static const double from[FEATURES] = {0, 100, -8},
                        to[FEATURES] = {0, 164, -8.5};
    struct sample s = make(CAP), t = make(CAP);
    pe_delta d = {0};

    for (uint32_t i = 0; i < CAP; i++)
        offer(&s, i);
    sample_sort(&s);
    CU_ASSERT_EQUAL(sample_put(&s, from, FEATURES, &d, NULL), 0);
    sample_take(&t, to, FEATURES, &d.blob);
    sample_sort(&t);
    CU_ASSERT_EQUAL_FATAL(t.n, CAP);
    for (size_t i = 0; i < CAP; i++)
        for (uint32_t f = 0; f < FEATURES; f++) {
            forest_key was = s.rows[s.heap[i].slot * (size_t)WIDTH + f];
            forest_key is = t.rows[t.heap[i].slot * (size_t)WIDTH + f];

            CU_ASSERT_EQUAL((double)forest_value_of(was) + from[f],
                            (double)forest_value_of(is) + to[f]);
        }
    pe_buffer_free(&d.blob);
    sample_free(&s);
    sample_free(&t);
}

/* Items that are none of its own, or say more than they hold. */
static void test_odd_items(void)
{
    static const double shift[FEATURES] = {0};
    static const uint64_t counts[] = {0, 2, 1000, UINT64_MAX,
                                      UINT64_MAX / sizeof(uint64_t)};
    struct sample s = make(CAP), t = make(CAP);
    pe_delta d = {0};
    unsigned char *out;

    offer(&s, 1);
    CU_ASSERT_EQUAL(sample_put(&s, shift, FEATURES, &d, NULL), 0);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        memcpy(d.blob.data + sizeof(struct item), &counts[i],
               sizeof(counts[i]));
        sample_take(&t, shift, FEATURES, &d.blob);
        CU_ASSERT_EQUAL(t.n, 0);
    }
    d.blob.len = 0;
    out = item_reserve(&d, ITEM_SAMPLE, 7, NULL);
    memset(out, 1, 7);
    item_commit(&d, 7);
    out = item_reserve(&d, ITEM_ROWS, 64, NULL);
    memset(out, 0, 64);
    item_commit(&d, 64);
    sample_take(&t, shift, FEATURES, &d.blob);
    CU_ASSERT_EQUAL(t.n, 0);
    pe_buffer_free(&d.blob);
    sample_free(&s);
    sample_free(&t);
}

/* --- keys --- */

/* Unsigned order is the order of the floats, and 0 has no sign. */
static void test_keys(void)
{
    static const float rising[] = {-3.4e38F, -1.5F, -1e-45F, 0,
                                   1e-45F,   1,     1.5F,    3.4e38F};

    for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++) {
        CU_ASSERT_EQUAL(forest_value_of(forest_key_of(rising[i])), rising[i]);
        if (i)
            CU_ASSERT_TRUE(forest_key_of(rising[i - 1]) <
                           forest_key_of(rising[i]));
    }
    CU_ASSERT_EQUAL(forest_key_of(-0.0F), forest_key_of(0));
    CU_ASSERT_EQUAL(iforest_moved(forest_key_of(2), -5), forest_key_of(-3));
}

/* The sign of a difference says the way, also of the largest and least. */
static void test_child(void)
{
    static const struct {
        forest_key node, key;
        uint32_t way;
    } rows[] = {
        {32, 32, 0},
        {32, 33, 1},
        {32, 31, 0},
        {UINT32_MAX & ~31U, UINT32_MAX, 1},
        {0, 0, 0},
        {0, 1, 1},
        {UINT32_MAX & ~31U, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        forest_key row[WIDTH] = {rows[i].key};

        CU_ASSERT_EQUAL(forest_child(3, rows[i].node, row), 6 + rows[i].way);
    }
}

static void test_depth(void)
{
    static const struct {
        uint32_t psi, depth;
    } rows[] = {{0, 1}, {1, 1}, {2, 1},   {3, 2},
                {4, 2}, {5, 3}, {256, 8}, {257, 9}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        CU_ASSERT_EQUAL(forest_depth(rows[i].psi), rows[i].depth);
}

int main(void)
{
    static const unit_test tests[] = {
        {"the smallest hashes, in any order", test_any_order},
        {"... piece by piece", test_merge},
        {"... of nothing", test_put_nothing},
        {"keys less another shift", test_other_shift},
        {"items that are none", test_odd_items},
        {"keys have the order of floats", test_keys},
        {"the way a row goes", test_child},
        {"the depth of a tree", test_depth},
        {0},
    };

    return unit_main("sample", tests);
}
