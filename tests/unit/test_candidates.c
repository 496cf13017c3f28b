/* test_candidates.c - rows that may become centres of k-means, and centres
 * that nothing comes to any more.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kmeans/private.h"

enum { D = 2, K = 4, STRIDE = 8, BLOCKS = 24 };

static double centers[K * STRIDE], origins[K * STRIDE], counts[K];
static uint64_t births[K];

static struct kmeans make(void)
{
    memset(centers, 0, sizeof(centers));
    memset(origins, 0, sizeof(origins));
    memset(births, 0, sizeof(births));
    return (struct kmeans){.base = {.features = D, .seed = 5, .version = 7},
                           .k = K,
                           .stride = STRIDE,
                           .reassign = true,
                           .centers = centers,
                           .origins = origins,
                           .counts = counts,
                           .births = births};
}

/* --- candidates --- */

/* Block [i] of one row; each third is no measurement. */
static pe_block block(int i, double row[D])
{
    row[0] = i % 3 == 1 ? (double)NAN : i;
    row[1] = i % 3 == 2 ? 3.5e38 : -i;
    return (pe_block){
        .data = row, .points = 1, .features = D, .dtype = PE_F8, .offset = i};
}

/* What blocks offered in steps of [step] leave, as bytes in a blob. */
static pe_delta offered(const struct kmeans *k, int step)
{
    struct kmeans_work *w = kmeans_work_create(k, NULL);
    pe_delta d = {.work = w};

    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    for (int i = 0; i < BLOCKS; i++) {
        double row[D];
        pe_block b = block(i * step % BLOCKS, row);

        kmeans_offer(k, &w->candidates, &b);
    }
    CU_ASSERT_EQUAL(kmeans_put_candidates(k, &d, NULL), 0);
    kmeans_work_destroy(w);
    d.work = NULL;
    return d;
}

struct kept {
    uint64_t hash;
    double row[D];
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct kept *)a)->hash;
    uint64_t y = ((const struct kept *)b)->hash;

    return (x > y) - (x < y);
}

static size_t read_kept(const pe_delta *d, struct kept out[K + 1])
{
    const unsigned char *p;
    struct item item;
    size_t at = 0, n = 0;

    while (item_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        CU_ASSERT_EQUAL(item.kind, ITEM_CANDIDATE);
        CU_ASSERT_EQUAL_FATAL(item.len, sizeof(*out));
        CU_ASSERT_TRUE_FATAL(n < K);
        memcpy(&out[n++], p, sizeof(*out));
    }
    qsort(out, n, sizeof(*out), by_hash);
    return n;
}

/* The rows with the smallest hashes of those that are measurements, in
 * whatever order the blocks came.
 */
static void test_any_order(void)
{
    static const int steps[] = {1, 5, 7, 11, BLOCKS - 1};
    struct kmeans k = make();
    struct kept all[BLOCKS], got[K + 1];
    size_t n = 0;

    for (int i = 0; i < BLOCKS; i++) {
        double row[D];
        pe_block b = block(i, row);
        struct kmeans_work *w = kmeans_work_create(&k, NULL);

        kmeans_offer(&k, &w->candidates, &b);
        CU_ASSERT_EQUAL(w->candidates.n, i % 3 == 0);
        if (w->candidates.n) {
            all[n].hash = w->candidates.hash[0];
            memcpy(all[n++].row, w->candidates.rows, sizeof(row));
        }
        kmeans_work_destroy(w);
    }
    CU_ASSERT_EQUAL(n, BLOCKS / 3);
    qsort(all, n, sizeof(*all), by_hash);
    for (size_t s = 0; s < sizeof(steps) / sizeof(*steps); s++) {
        pe_delta d = offered(&k, steps[s]);

        CU_ASSERT_EQUAL_FATAL(read_kept(&d, got), K);
        for (size_t i = 0; i < K; i++) {
            CU_ASSERT_EQUAL(got[i].hash, all[i].hash);
            CU_ASSERT_EQUAL(memcmp(got[i].row, all[i].row, sizeof(all[i].row)),
                            0);
        }
        pe_buffer_free(&d.blob);
    }
}

/* A block offers a row for each 32 it has, and no more than there are
 * centres.
 */
static void test_draws(void)
{
    static const struct {
        uint32_t points, want;
    } rows[] = {{1, 1}, {32, 1}, {33, 2}, {96, 3}, {97, K}, {1000, K}};
    struct kmeans k = make();
    double *x = calloc(1000 * D, sizeof(*x));

    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct kmeans_work *w = kmeans_work_create(&k, NULL);
        pe_block b = {
            .data = x, .points = rows[i].points, .features = D, .dtype = PE_F8};

        kmeans_offer(&k, &w->candidates, &b);
        CU_ASSERT_EQUAL(w->candidates.n, rows[i].want);
        kmeans_work_destroy(w);
    }
    kmeans_work_destroy(NULL);
    free(x);
}

/* --- dead centres --- */

/* A delta with so many candidates: row i is (10 i, 10 i), of hash 90 - i. */
static pe_delta candidates(int n, uint64_t points)
{
    pe_delta d = {.points = points};

    for (int i = 0; i < n; i++) {
        struct kept c = {90 - (uint64_t)i, {10.0 * i, 10.0 * i}};

        memcpy(item_reserve(&d, ITEM_CANDIDATE, sizeof(c), NULL), &c,
               sizeof(c));
        item_commit(&d, sizeof(c));
        /* Scores of the window are there, too. */
        memcpy(item_reserve(&d, ITEM_SCORES, 8, NULL), "scores..", 8);
        item_commit(&d, 8);
    }
    return d;
}

/* The centre of each: 0 where it stays, else the candidate that it is. */
static void test_reassign(void)
{
    static const struct {
        double counts[K];
        int n;
        uint64_t points;
        bool off; /* reassign: false */
        double want[K], count;
    } rows[] = {
        /* One is empty: the smallest hash, with the least count. */
        {{100, 0, 50, 60}, 3, 1, false, {0, 20, 0, 0}, 50},
        /* None is, and few points have come since the last look. */
        {{100, 0.5, 50, 60}, 3, 39, false, {0}, 0},
        {{100, 0.5, 50, 60}, 3, 40, false, {0, 20, 0, 0}, 50},
        /* One in a hundred is alive. */
        {{100, 1, 50, 60}, 3, 40, false, {0}, 0},
        /* At most half of them at once, and as many as there are rows. */
        {{100, 0, 0, 0}, 3, 1, false, {0, 20, 10, 0}, 100},
        {{100, 0, 0, 0}, 1, 1, false, {0}, 100},
        {{100, 0, 0, 0}, 0, 1, false, {0}, 0},
        {{100, 0, 50, 60}, 3, 1, true, {0}, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct kmeans k = make();
        pe_delta d = candidates(rows[i].n, rows[i].points);

        k.reassign = !rows[i].off;
        memcpy(counts, rows[i].counts, sizeof(counts));
        CU_ASSERT_EQUAL(kmeans_reassign(&k, &d, NULL), 0);
        for (int j = 0; j < K; j++) {
            bool born = births[j] != 0;

            CU_ASSERT_EQUAL(centers[j * STRIDE], rows[i].want[j]);
            CU_ASSERT_EQUAL(centers[j * STRIDE + 1], rows[i].want[j]);
            CU_ASSERT_EQUAL(origins[j * STRIDE], rows[i].want[j]);
            CU_ASSERT_EQUAL(counts[j],
                            born ? rows[i].count : rows[i].counts[j]);
            if (rows[i].want[j] != 0)
                CU_ASSERT_TRUE(born);
        }
        pe_buffer_free(&d.blob);
    }
}

/* Points are counted from the last look on. */
static void test_since(void)
{
    struct kmeans k = make();
    pe_delta d = candidates(2, 25);

    for (int j = 0; j < K; j++)
        counts[j] = 100;
    CU_ASSERT_EQUAL(kmeans_reassign(&k, &d, NULL), 0);
    CU_ASSERT_EQUAL(k.since, 25);
    CU_ASSERT_EQUAL(kmeans_reassign(&k, &d, NULL), 0);
    CU_ASSERT_EQUAL(k.since, 0);
    CU_ASSERT_EQUAL(births[0], 0);
    pe_buffer_free(&d.blob);
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows that are kept, in any order", test_any_order},
        {"rows that a block offers", test_draws},
        {"centres that are given another place", test_reassign},
        {"points since the last look", test_since},
        {0},
    };

    return unit_main("candidates", tests);
}
