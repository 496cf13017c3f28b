/* test_kmeans_exact.c - scikit-learn's answers, and order-exact sums. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "learner.h"
#include "models/kmeans/kernel.h"
#include "oracle.h"
#include "src/model/path.h"

enum { D = 8, N = 200 };

/* --- kernels --- */

static pe_model *new_wide(uint32_t clusters, uint32_t features, bool exact)
{
    pe_options *o = pe_model_options("kmeans", NULL);
    char text[16];
    pe_model *m;

    snprintf(text, sizeof(text), "%u", clusters);
    pe_options_set(o, "clusters", text, NULL);
    pe_options_set(o, "exact", exact ? "true" : "false", NULL);
    m = pe_model_create("kmeans", o, features, NULL);
    pe_options_destroy(o);
    return m;
}

/* scikit-learn's partial_fit from the same centres: scores before and after,
 * centres and counts, by every kernel, plain sums and order-exact ones.
 */
static void replay_oracle(bool exact, bool after)
{
    FILE *in = oracle_open("kmeans.txt");
    uint32_t k = (uint32_t)oracle_number(in), d = (uint32_t)oracle_number(in);
    int blocks = (int)oracle_number(in);
    uint32_t n = (uint32_t)oracle_number(in);
    pe_options *o = pe_model_options("kmeans", NULL);
    double *x, near = exact ? 1e-9 : 1e-12;
    struct kmeans *m;
    size_t len;

    pe_options_set(o, "clusters", "8", NULL);
    pe_options_set(o, "reassign", "false", NULL);
    pe_options_set(o, "exact", exact ? "true" : "false", NULL);
    pe_options_set(o, "mode", after ? "score_after" : "test_then_train", NULL);
    m = kmeans_of(pe_model_create("kmeans", o, d, NULL));
    x = oracle_array(in, &len);
    for (uint32_t j = 0; j < k; j++)
        memcpy(m->centers + j * m->stride, x + j * d, d * sizeof(*x));
    free(x);
    m->base.warming = false;
    memcpy(m->origins, m->centers, k * m->stride * sizeof(*m->origins));
    for (uint32_t f = 0; exact && f < d; f++)
        m->limit[f] = 64;
    kmeans_set_magic(m);
    kmeans_prepare(m);
    for (int t = 0; t < blocks; t++) {
        float scores[64];
        double *rows = oracle_array(in, &len);
        double *before = oracle_array(in, &len), *centers, *counts, *then;
        pe_block b = {.data = rows,
                      .points = n,
                      .features = d,
                      .dtype = PE_F8,
                      .device = "d",
                      .offset = t};
        pe_delta *delta = pe_delta_create(&m->base, NULL);

        CU_ASSERT_EQUAL(pe_model_update(&m->base, delta, &b, scores, NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_seal(&m->base, delta, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(&m->base, delta, NULL), 0);
        centers = oracle_array(in, &len);
        counts = oracle_array(in, &len);
        then = oracle_array(in, &len);
        for (uint32_t j = 0; j < k * d; j++)
            CU_ASSERT_DOUBLE_EQUAL(m->centers[j / d * m->stride + j % d],
                                   centers[j], near * (1 + fabs(centers[j])));
        for (uint32_t j = 0; j < k; j++)
            CU_ASSERT_EQUAL(m->counts[j], counts[j]);
        for (uint32_t i = 0; i < n; i++)
            CU_ASSERT_DOUBLE_EQUAL(scores[i], after ? then[i] : before[i],
                                   1e-6 * (1 + before[i]));
        pe_delta_destroy(delta);
        free(rows);
        free(before);
        free(centers);
        free(counts);
        free(then);
    }
    pe_options_destroy(o);
    pe_model_destroy(&m->base);
    fclose(in);
}

static void test_scikit_learn(void)
{
    for (int p = 0; p < PATH_COUNT; p++) {
        if (path_select(path_name((enum model_path)p), NULL) < 0)
            continue;
        for (int c = 0; c < 4; c++)
            replay_oracle(c & 1, c & 2);
    }
    path_select("auto", NULL);
}

/* --- order-exact sums --- */

static void fold_share(pe_model *m, pe_delta *sum, int ranks, int rank,
                       bool backwards)
{
    pe_delta *d = pe_delta_create(m, NULL);
    pe_block b = {0};

    for (int i = 0; i < 24; i++) {
        int at = backwards ? 23 - i : i;

        /* Uneven: rank 1 of many has none. */
        if ((ranks > 1 && rank == 1) || (at * 7 % 5 * 3 + at) % ranks != rank)
            if (ranks > 1 && !(rank == 0 && (at * 7 % 5 * 3 + at) % ranks == 1))
                continue;
        blobs_fill(&b, N, D, PE_F8, 3, at, NULL);
        /* Far rows take the long way through the levels. */
        ((double *)b.data)[at * D] = at % 3 ? 1e9 * at : -3e4;
        ((double *)b.data)[(at + 30) * D + 1] = 1e20;
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    }
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_merge(m->ops, sum, d, NULL), 0);
    pe_delta_destroy(d);
    pe_block_release(&b);
}

/* Any number of ranks, any order of blocks: the same bytes. */
static void test_exact(void)
{
    static const int ranks[] = {1, 2, 3, 4, 7};
    pe_buffer want = {0};

    for (size_t i = 0; i < 10; i++) {
        pe_model *m = new_wide(10, D, true);
        pe_buffer got = {0};
        pe_block b = {0};
        pe_delta *sum;

        blobs_fill(&b, N, D, PE_F8, 3, 77, NULL);
        learner_learn(m, &b, NULL);
        sum = pe_delta_create(m, NULL);
        for (int r = 0; r < ranks[i % 5]; r++)
            fold_share(m, sum, ranks[i % 5], r, i >= 5);
        CU_ASSERT_EQUAL(sum->points + sum->masked, 24 * N);
        CU_ASSERT_EQUAL(pe_model_apply(m, sum, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_encode(m, i ? &got : &want, NULL), 0);
        if (i) {
            CU_ASSERT_EQUAL(got.len, want.len);
            CU_ASSERT_EQUAL(memcmp(got.data, want.data, want.len), 0);
        }
        pe_buffer_free(&got);
        pe_block_release(&b);
        pe_delta_destroy(sum);
        pe_model_destroy(m);
    }
    pe_buffer_free(&want);
}

/* Rows far beyond the grid are summed as exactly as f64 sums them. */
static void test_wide_rows(void)
{
    pe_model *a = new_wide(10, D, true), *c = new_wide(10, D, false);
    pe_block b = {0};

    for (int i = 0; i < 3; i++) {
        blobs_fill(&b, N, D, PE_F8, 3, i, NULL);
        for (int r = 0; i && r < N; r += 20)
            ((double *)b.data)[r * D + r % D] = 1e6 * (r + 1);
        learner_learn(a, &b, NULL);
        learner_learn(c, &b, NULL);
    }
    for (size_t i = 0; i < 10 * D; i++)
        CU_ASSERT_DOUBLE_EQUAL(kmeans_of(a)->centers[i],
                               kmeans_of(c)->centers[i],
                               1e-9 * (1 + fabs(kmeans_of(c)->centers[i])));
    pe_block_release(&b);
    pe_model_destroy(a);
    pe_model_destroy(c);
}

/* A step of Lloyd never makes the sum of squares larger. */
static void test_lloyd(void)
{
    pe_model *m = new_wide(10, D, false);
    struct kmeans *k = kmeans_of(m);
    pe_block b = {0};
    float s[N];
    double last = INFINITY;

    blobs_fill(&b, N, D, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    for (int i = 0; i < 10; i++) {
        double sum = 0;

        CU_ASSERT_EQUAL(kmeans_lloyd(k, b.data, N, 1, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
        for (int r = 0; r < N; r++)
            sum += (double)s[r] * (double)s[r];
        CU_ASSERT_TRUE(sum <= last * (1 + 1e-6));
        last = sum;
    }
    pe_block_release(&b);
    pe_model_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"partial_fit of scikit-learn", test_scikit_learn},
        {"order-exact: any ranks, any order, the same bytes", test_exact},
        {"order-exact: rows beyond the grid", test_wide_rows},
        {"Lloyd", test_lloyd},
        {0},
    };

    return unit_main("kmeans_exact", tests);
}
