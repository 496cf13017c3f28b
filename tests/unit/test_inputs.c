/* test_inputs.c - what users of scikit-learn expect of odd input, row by row
 * for every model that learns.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "blobs.h"
#include "oracle.h"
#include "src/model/quantile.h"

enum { D = 6, WARM = 1200, N = 100 };

static const char *const kinds[] = {"kmeans", "iforest", "autoencoder"};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* --- models --- */

static pe_model *new_model(const char *kind, const char *const *options)
{
    pe_options *o = pe_model_options(kind, NULL);
    pe_error e = {0};
    pe_model *m;

    for (; options && *options; options += 2)
        CU_ASSERT_EQUAL(pe_options_set(o, options[0], options[1], &e), 0);
    m = pe_model_create(kind, o, D, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    pe_options_destroy(o);
    return m;
}

/* The delta of [b], folded in. */
static pe_delta *fold(const pe_model *m, const pe_block *b, float *scores)
{
    pe_delta *d = pe_delta_create(m, NULL);
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_model_update(m, d, b, scores, &e), 0);
    return d;
}

static void commit(pe_model *m, pe_delta *d)
{
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    m->version++;
    pe_delta_destroy(d);
}

static pe_model *warm_model(const char *kind, const char *const *options)
{
    pe_model *m = new_model(kind, options);
    pe_block b = {0};

    blobs_fill(&b, WARM, D, PE_F8, 3, 0, NULL);
    commit(m, fold(m, &b, NULL));
    CU_ASSERT_FALSE(m->warming);
    CU_ASSERT_TRUE(isfinite(m->threshold));
    pe_block_release(&b);
    return m;
}

static void set(pe_block *b, uint32_t point, uint32_t feature, double x)
{
    if (b->dtype == PE_F8)
        ((double *)b->data)[point * D + feature] = x;
    else
        ((float *)b->data)[point * D + feature] = (float)x;
}

/* --- the table --- */

/* NaN, infinite, too large for a float: masked, scored NaN, counted; the
 * others are scored as without them.
 */
static void mask(const char *kind, enum pe_dtype dtype)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e39};
    pe_model *m = warm_model(kind, NULL);
    float with[N], without[N];
    pe_block b = {0};
    pe_delta *d;

    blobs_fill(&b, N, D, dtype, 3, 1, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, without, NULL), 0);
    for (uint32_t i = 0; i < 4; i++)
        set(&b, 10 * i, i, bad[i]);
    d = fold(m, &b, with);
    CU_ASSERT_EQUAL(d->masked, 4);
    CU_ASSERT_EQUAL(d->points, N - 4);
    for (uint32_t i = 0; i < N; i++)
        if (i % 10 == 0 && i < 40) {
            CU_ASSERT_TRUE(isnan(with[i]));
        } else {
            CU_ASSERT_EQUAL(with[i], without[i]);
        }
    commit(m, d);
    CU_ASSERT_EQUAL(m->points, WARM + N - 4);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, with, NULL), 0);
    CU_ASSERT_TRUE(isnan(with[0]) && isfinite(with[1]));
    pe_block_release(&b);
    pe_model_destroy(m);
}

static void test_masks(void)
{
    for (int k = 0; k < KINDS; k++) {
        mask(kinds[k], PE_F8);
        mask(kinds[k], PE_F4);
    }
}

/* Which columns masked their rows: while warming, over deltas that are merged,
 * in the model and its file.
 */
static void test_masked_cells(void)
{
    for (int k = 0; k < 2 * KINDS; k++) {
        pe_model *m = k % 2 ? warm_model(kinds[k / 2], NULL)
                            : new_model(kinds[k / 2], NULL);
        pe_model *copy;
        pe_block b = {0};
        pe_delta *d, *other;

        blobs_fill(&b, N, D, PE_F8, 3, 1, NULL);
        set(&b, 7, 2, NAN);
        set(&b, 7, 4, INFINITY);
        set(&b, 9, 4, -1e39);
        d = fold(m, &b, NULL);
        other = fold(m, &b, NULL);
        CU_ASSERT_EQUAL(pe_delta_merge(m->ops, d, other, NULL), 0);
        CU_ASSERT_EQUAL(d->masked, 4);
        CU_ASSERT_PTR_NULL(m->cells);
        commit(m, d);
        pe_delta_destroy(other);
        copy = pe_model_copy(m, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy->cells);
        for (uint32_t f = 0; f < D; f++)
            CU_ASSERT_EQUAL(copy->cells[f], f == 2 ? 2u : f == 4 ? 4u : 0u);
        pe_block_release(&b);
        pe_model_destroy(copy);
        pe_model_destroy(m);
    }
}

/* Strict, the message is refused whole and nothing changes; so it is when
 * its shape is another.
 */
static void test_refusals(void)
{
    static const char *const strict[] = {"strict", "true", NULL};

    for (int k = 0; k < KINDS; k++) {
        pe_model *m = warm_model(kinds[k], strict);
        pe_delta *d = pe_delta_create(m, NULL);
        pe_block b = {0}, wide = {0};
        pe_error e = {0};
        float s[N];

        blobs_fill(&b, N, D, PE_F8, 3, 1, NULL);
        set(&b, 7, 2, NAN);
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, s, &e), -1);
        UNIT_EQUAL(e.text, "point 7, feature 2 is not finite, or too large "
                           "(strict)");
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        blobs_fill(&wide, N, D + 1, PE_F8, 3, 1, NULL);
        CU_ASSERT_EQUAL(pe_model_update(m, d, &wide, s, &e), -1);
        UNIT_EQUAL(e.text, "features changed from 6 to 7");
        CU_ASSERT_EQUAL(pe_model_score(m, &wide, s, &e), -1);
        CU_ASSERT_TRUE(pe_delta_empty(d));
        pe_block_release(&b);
        pe_block_release(&wide);
        pe_delta_destroy(d);
        pe_model_destroy(m);
    }
}

/* No rows: no-op, whether warm or not. */
static void test_empty_block(void)
{
    for (int k = 0; k < KINDS; k++) {
        pe_model *warm = warm_model(kinds[k], NULL);
        pe_model *cold = new_model(kinds[k], NULL);
        pe_block b = {0};
        float s[1];

        blobs_fill(&b, 1, D, PE_F8, 3, 1, NULL);
        b.points = 0;
        commit(warm, fold(warm, &b, s));
        CU_ASSERT_EQUAL(warm->points, WARM);
        CU_ASSERT_TRUE(isfinite(warm->threshold));
        commit(cold, fold(cold, &b, s));
        CU_ASSERT_EQUAL(cold->points, 0);
        CU_ASSERT_TRUE(cold->warming);
        b.points = 1;
        pe_block_release(&b);
        pe_model_destroy(warm);
        pe_model_destroy(cold);
    }
}

/* Fewer rows than clusters, trees or a scaler want: they wait, a row at a
 * time if need be, and no score is made up.
 */
static void test_small_first_blocks(void)
{
    for (int k = 0; k < KINDS; k++) {
        pe_model *m = new_model(kinds[k], NULL);
        pe_block b = {0};
        float s[N];
        int blocks = 0;

        blobs_fill(&b, 3, D, PE_F8, 3, 0, NULL);
        commit(m, fold(m, &b, s));
        CU_ASSERT_TRUE(m->warming);
        CU_ASSERT_TRUE(isnan(s[0]) && isnan(m->threshold));
        CU_ASSERT_EQUAL(pe_model_outliers(m, s, 3), 0);
        for (; m->warming && blocks < 100; blocks++) {
            blobs_fill(&b, N, D, PE_F8, 3, blocks + 1, NULL);
            commit(m, fold(m, &b, s));
            CU_ASSERT_TRUE(isnan(s[0]));
        }
        CU_ASSERT_FALSE(m->warming);
        CU_ASSERT_EQUAL(m->points, 3 + (uint64_t)blocks * N);
        blobs_fill(&b, 1, D, PE_F8, 3, 200, NULL);
        commit(m, fold(m, &b, s));
        CU_ASSERT_TRUE(isfinite(s[0]));
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* Rows that repeat, and a column that never moves. */
static void test_repeats_and_constants(void)
{
    for (int k = 0; k < KINDS; k++) {
        pe_model *m = new_model(kinds[k], NULL);
        pe_block b = {0};
        float s[WARM];

        blobs_fill(&b, WARM, D, PE_F8, 3, 0, NULL);
        for (uint32_t i = 0; i < WARM; i++) {
            memcpy((double *)b.data + i * D, (double *)b.data + i % 40 * D,
                   D * sizeof(double));
            set(&b, i, 3, -7.5);
        }
        commit(m, fold(m, &b, s));
        CU_ASSERT_FALSE(m->warming);
        commit(m, fold(m, &b, s));
        for (uint32_t i = 0; i < WARM; i++) {
            CU_ASSERT_TRUE(isfinite(s[i]));
            CU_ASSERT_EQUAL(s[i], s[i % 40]);
        }
        CU_ASSERT_TRUE(isfinite(m->threshold));
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* All points the same: never 0/0, and nobody is an outlier. */
static void test_identical_points(void)
{
    for (int k = 0; k < KINDS; k++) {
        pe_model *m = new_model(kinds[k], NULL);
        pe_block b = {0};
        float s[WARM];
        pe_delta *d;

        blobs_fill(&b, WARM, D, PE_F8, 3, 0, NULL);
        for (uint32_t i = 0; i < WARM * D; i++)
            set(&b, i / D, i % D, 4.25);
        commit(m, fold(m, &b, s));
        CU_ASSERT_FALSE(m->warming);
        d = fold(m, &b, s);
        CU_ASSERT_EQUAL(d->outliers, 0);
        CU_ASSERT_EQUAL(d->points, WARM);
        CU_ASSERT_TRUE(isfinite(s[0]));
        if (!strcmp(kinds[k], "iforest"))
            CU_ASSERT_DOUBLE_EQUAL(s[0], 0.5, 1e-6);
        if (!strcmp(kinds[k], "kmeans"))
            CU_ASSERT_EQUAL(s[0], 0);
        commit(m, d);
        CU_ASSERT_TRUE(isfinite(m->threshold));
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* --- the threshold --- */

static void test_percentiles_of_numpy(void)
{
    FILE *f = oracle_open("percentile.txt");
    int cases = (int)oracle_number(f);

    for (int i = 0; i < cases; i++) {
        double c = oracle_number(f), want, got;
        size_t n;
        double *v = oracle_array(f, &n);

        want = oracle_number(f);
        got = pe_quantile_exact(v, n, 1 - c);
        CU_ASSERT_DOUBLE_EQUAL(got, want, 1e-12 * (1 + fabs(want)));
        free(v);
    }
    fclose(f);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* threshold: exact is the percentile of the last scores that were given. */
static void test_exact_threshold(void)
{
    static const char *const options[] = {
        "threshold", "exact", "window", "300", "contamination", "0.1", NULL};

    for (int k = 0; k < KINDS; k++) {
        pe_model *m = warm_model(kinds[k], options);
        double last[300];
        pe_block b = {0};
        float s[N];

        for (int i = 0; i < 7; i++) {
            blobs_fill(&b, N, D, PE_F8, 3, 1 + i, NULL);
            commit(m, fold(m, &b, s));
            for (int j = 0; j < N; j++)
                last[i % 3 * N + j] = (double)s[j];
        }
        qsort(last, 300, sizeof(*last), by_value);
        /* Rank 0.9 x 299 = 269.1, between two of them. */
        CU_ASSERT_DOUBLE_EQUAL(m->threshold,
                               last[269] + 0.1 * (last[270] - last[269]), 1e-9);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* --- score_after --- */

/* "score after" gives the scores of the model that the block alone leads to,
 * "test then train" those of the model it met.
 */
static void test_modes(void)
{
    /* Weights alone: the scaler goes on at a commit. */
    static const char *const frozen[] = {"mode", "score_after", "scaler",
                                         "frozen", NULL};
    static const char *const after[] = {"mode", "score_after", NULL};

    for (int k = 0; k < KINDS; k++) {
        bool is_net = !strcmp(kinds[k], "autoencoder");
        pe_model *m = warm_model(kinds[k], is_net ? frozen : after), *n;
        float met[N], told[N], left[N];
        pe_block b = {0};
        pe_delta *d;

        n = pe_model_copy(m, NULL);
        blobs_fill(&b, N, D, PE_F8, 3, 1, NULL);
        CU_ASSERT_EQUAL(pe_model_score(m, &b, met, NULL), 0);
        d = fold(m, &b, told);
        commit(n, d);
        CU_ASSERT_EQUAL(pe_model_score(n, &b, left, NULL), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(told, met, sizeof(met)), 0);
        for (int i = 0; i < N; i++)
            CU_ASSERT_DOUBLE_EQUAL(told[i], left[i], 1e-4 * fabs(left[i]));
        pe_block_release(&b);
        pe_model_destroy(m);
        pe_model_destroy(n);
    }
}

/* --- deltas of an older base --- */

/* Two writers that learned from the same base commit one after the other:
 * nothing is lost, nothing breaks, and which came first hardly matters.
 */
static void test_stale_bases(void)
{
    for (int k = 0; k < KINDS; k++) {
        pe_model *m[2];
        float s[2][N];
        double mean[2] = {0};
        pe_block b = {0};

        for (int order = 0; order < 2; order++) {
            pe_model *base = warm_model(kinds[k], NULL);
            pe_delta *d[2];

            for (int i = 0; i < 2; i++) {
                blobs_fill(&b, 4 * N, D, PE_F8, 3, 1 + i, NULL);
                d[i] = fold(base, &b, NULL);
            }
            m[order] = base;
            commit(base, d[order]);
            commit(base, d[1 - order]);
            CU_ASSERT_EQUAL(base->points, WARM + 8 * N);
            blobs_fill(&b, N, D, PE_F8, 3, 50, NULL);
            CU_ASSERT_EQUAL(pe_model_score(base, &b, s[order], NULL), 0);
            for (int i = 0; i < N; i++)
                mean[order] += (double)s[order][i] / N;
        }
        CU_ASSERT_TRUE(isfinite(mean[0]) && isfinite(mean[1]));
        CU_ASSERT_DOUBLE_EQUAL(mean[0], mean[1], 0.05 * mean[0]);
        pe_block_release(&b);
        pe_model_destroy(m[0]);
        pe_model_destroy(m[1]);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"not finite, too large: masked", test_masks},
        {"masked: cells by column", test_masked_cells},
        {"strict, or of another shape: refused whole", test_refusals},
        {"no rows: nothing happens", test_empty_block},
        {"fewer rows than a model wants: they wait", test_small_first_blocks},
        {"rows that repeat, columns that do not move",
         test_repeats_and_constants},
        {"all points the same: no outliers", test_identical_points},
        {"percentiles as NumPy has them", test_percentiles_of_numpy},
        {"threshold: exact", test_exact_threshold},
        {"scores before and after a block", test_modes},
        {"deltas of an older base, in both orders", test_stale_bases},
        {0},
    };

    return unit_main("test_inputs", tests);
}
