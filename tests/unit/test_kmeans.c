/* test_kmeans.c - k-means against an independent implementation. */
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

static pe_model *new_model(const char *clusters, const char *warmup,
                           const char *decay)
{
    return learner_make("kmeans", D,
                        (const char *[]){"clusters", clusters, "warmup", warmup,
                                         "decay", decay, "reassign", "false",
                                         NULL});
}

/* partial_fit as scikit-learn has it, written down once more in plain f64:
 * labels from the old centres, then each centre moves to its running mean.
 */
static void oracle_step(double *c, double *n, int k, const double *x, int rows,
                        double decay)
{
    double sum[32][D] = {{0}}, count[32] = {0};

    for (int i = 0; i < rows; i++) {
        double least = INFINITY;
        int best = 0;

        for (int j = 0; j < k; j++) {
            double d2 = 0;

            for (int f = 0; f < D; f++)
                d2 += pow(x[i * D + f] - c[j * D + f], 2);
            if (d2 < least) {
                least = d2;
                best = j;
            }
        }
        count[best]++;
        for (int f = 0; f < D; f++)
            sum[best][f] += x[i * D + f];
    }
    for (int j = 0; j < k; j++) {
        double was = decay * n[j];

        n[j] = was + count[j];
        for (int f = 0; f < D && count[j] > 0; f++)
            c[j * D + f] = (was * c[j * D + f] + sum[j][f]) / n[j];
    }
}

static void test_replay(void)
{
    static const char *const decays[] = {"1", "0.9"};

    for (int t = 0; t < 2; t++) {
        pe_model *m = new_model("10", "100", decays[t]);
        struct kmeans *k = (struct kmeans *)m;
        double c[10 * D], n[10], decay = t ? 0.9 : 1;
        pe_block b = {0};

        blobs_fill(&b, N, D, PE_F8, 3, 0, NULL);
        learner_learn(m, &b, NULL);
        CU_ASSERT_FALSE_FATAL(m->warming);
        memcpy(c, k->centers, sizeof(c));
        memcpy(n, k->counts, sizeof(n));
        for (int i = 1; i < 20; i++) {
            blobs_fill(&b, N, D, PE_F8, 3, i, NULL);
            learner_learn(m, &b, NULL);
            oracle_step(c, n, 10, b.data, N, decay);
        }
        for (int i = 0; i < 10 * D; i++)
            CU_ASSERT_DOUBLE_EQUAL(k->centers[i], c[i],
                                   1e-12 * (1 + fabs(c[i])));
        for (int i = 0; i < 10; i++)
            CU_ASSERT_DOUBLE_EQUAL(k->counts[i], n[i], 1e-9);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* k = 1 without decay is the mean of everything. */
static void test_running_mean(void)
{
    pe_model *m = new_model("1", "1", "1");
    double sum[D] = {0};
    pe_block b = {0};

    for (int i = 0; i < 10; i++) {
        blobs_fill(&b, N, D, PE_F8, 3, i, NULL);
        learner_learn(m, &b, NULL);
        for (int r = 0; r < N; r++)
            for (int f = 0; f < D; f++)
                sum[f] += ((double *)b.data)[r * D + f];
    }
    for (int f = 0; f < D; f++)
        CU_ASSERT_DOUBLE_EQUAL(((struct kmeans *)m)->centers[f],
                               sum[f] / (10 * N), 1e-12);
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* Before the first centres: NaN, and no more rows than asked for. */
static void test_warmup(void)
{
    pe_model *m = new_model("10", "500", "1");
    pe_delta *d = pe_delta_create(m, NULL);
    float scores[N];
    pe_block b = {0};
    pe_error e = {0};
    int n = 0;

    CU_ASSERT_TRUE(m->warming);
    CU_ASSERT_TRUE(isnan(m->threshold));
    while (!m->ops->full(m, d)) {
        blobs_fill(&b, N, D, PE_F8, 3, n++, NULL);
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, scores, &e), 0);
        for (int i = 0; i < N; i++)
            CU_ASSERT_TRUE(isnan(scores[i]));
    }
    CU_ASSERT_EQUAL(n, 3);
    CU_ASSERT_EQUAL(pe_model_outliers(m, scores, N), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, &e), 0);
    CU_ASSERT_FALSE(m->warming);
    CU_ASSERT_TRUE(m->threshold > 0);
    CU_ASSERT_EQUAL(m->points, 3 * N);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
}

/* Raw rows of a slow rank, applied when the model is warm already. */
static void test_late_rows_are_ordinary_points(void)
{
    pe_model *m = new_model("10", "100", "1");
    pe_delta *late = pe_delta_create(m, NULL);
    struct kmeans *k = (struct kmeans *)m;
    double c[10 * D], n[10];
    pe_block b = {0}, first = {0};
    pe_error e = {0};

    blobs_fill(&b, N, D, PE_F8, 3, 1, NULL);
    CU_ASSERT_EQUAL(pe_model_update(m, late, &b, NULL, &e), 0);
    blobs_fill(&first, N, D, PE_F8, 3, 0, NULL);
    learner_learn(m, &first, NULL);
    memcpy(c, k->centers, sizeof(c));
    memcpy(n, k->counts, sizeof(n));
    oracle_step(c, n, 10, b.data, N, 1);
    CU_ASSERT_EQUAL(pe_model_apply(m, late, &e), 0);
    for (int i = 0; i < 10 * D; i++)
        CU_ASSERT_DOUBLE_EQUAL(k->centers[i], c[i], 1e-12 * (1 + fabs(c[i])));
    CU_ASSERT_EQUAL(m->points, 2 * N);
    pe_block_release(&b);
    pe_block_release(&first);
    pe_delta_destroy(late);
    pe_model_destroy(m);
}

/* Rows that are no measurements are left out and counted. */
static void test_masks(void)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e300, -1e200};

    for (int warm = 0; warm < 2; warm++) {
        pe_model *m = new_model("10", "100", "1");
        pe_delta *d;
        float scores[N];
        pe_block b = {0};
        pe_error e = {0};

        if (warm) {
            blobs_fill(&b, N, D, PE_F8, 3, 0, NULL);
            learner_learn(m, &b, NULL);
        }
        d = pe_delta_create(m, NULL);
        blobs_fill(&b, N, D, PE_F8, 3, 1, NULL);
        for (int i = 0; i < 5; i++)
            ((double *)b.data)[i * 10 * D + i] = bad[i];
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, scores, &e), 0);
        CU_ASSERT_EQUAL(d->masked, 5);
        CU_ASSERT_EQUAL(d->points, N - 5);
        CU_ASSERT_TRUE(isnan(scores[10]));
        CU_ASSERT_EQUAL(isnan(scores[1]), !warm);
        CU_ASSERT_TRUE(pe_delta_finite(d));
        CU_ASSERT_EQUAL(pe_model_apply(m, d, &e), 0);
        pe_block_release(&b);
        pe_delta_destroy(d);
        pe_model_destroy(m);
    }
}

/* f4, and data of any alignment, give the labels of aligned f8. */
static void test_formats(void)
{
    pe_model *m = new_model("10", "100", "1");
    pe_block b = {0}, f4 = {0}, shifted;
    float want[N], got[N];
    pe_error e = {0};
    char *raw = malloc(N * D * 8 + 3);

    blobs_fill(&b, N, D, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, want, &e), 0);
    shifted = b;
    shifted.data = raw + 3;
    memcpy(shifted.data, b.data, N * D * 8);
    CU_ASSERT_EQUAL(pe_model_score(m, &shifted, got, &e), 0);
    CU_ASSERT_EQUAL(memcmp(want, got, sizeof(want)), 0);
    blobs_fill(&f4, N, D, PE_F4, 3, 0, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &f4, got, &e), 0);
    for (int i = 0; i < N; i++)
        CU_ASSERT_DOUBLE_EQUAL(got[i], want[i], 1e-4);
    free(raw);
    pe_block_release(&b);
    pe_block_release(&f4);
    pe_model_destroy(m);
}

/* All points the same, fewer points than centres: nothing divides by 0. */
static void test_degenerate(void)
{
    pe_model *m = new_model("10", "100", "1");
    struct kmeans *k = (struct kmeans *)m;
    pe_block b = {0};

    blobs_fill(&b, N, D, PE_F8, 3, 0, NULL);
    for (int i = 0; i < N * D; i++)
        ((double *)b.data)[i] = 2;
    learner_learn(m, &b, NULL);
    CU_ASSERT_EQUAL(k->counts[0], N); /* ties go to the lowest index */
    for (int i = 0; i < 10 * D; i++)
        CU_ASSERT_EQUAL(k->centers[i], 2);
    blobs_fill(&b, 1, D, PE_F8, 3, 1, NULL);
    learner_learn(m, &b, NULL);
    CU_ASSERT_TRUE(isfinite(m->threshold));
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* A centre that was reborn takes nothing of what was learned for the old. */
static void test_reborn_lane(void)
{
    pe_model *m = new_model("2", "100", "1");
    struct kmeans *k = (struct kmeans *)m;
    pe_delta *d;
    double before[D];
    pe_block b = {0};

    blobs_fill(&b, N, D, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    d = pe_delta_create(m, NULL);
    pe_model_update(m, d, &b, NULL, NULL);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    k->births[1] = 77;
    memcpy(before, k->centers + D, sizeof(before));
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    CU_ASSERT_EQUAL(memcmp(before, k->centers + D, sizeof(before)), 0);
    CU_ASSERT_EQUAL(k->stale, (uint64_t)kmeans_counts(k, d)[1]);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
}

/* Centres without points move to rows that were seen. */
static void test_dead_centres(void)
{
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_model *m;
    struct kmeans *k;
    pe_block b = {0};

    pe_options_set(o, "clusters", "4", NULL);
    pe_options_set(o, "warmup", "100", NULL);
    m = pe_model_create("kmeans", o, D, NULL);
    k = (struct kmeans *)m;
    blobs_fill(&b, N, D, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    for (int f = 0; f < D; f++)
        k->centers[D + f] = 1e6; /* far from everything */
    k->counts[1] = 0;
    kmeans_prepare(k);
    blobs_fill(&b, N, D, PE_F8, 3, 1, NULL);
    learner_learn(m, &b, NULL);
    CU_ASSERT_TRUE(k->centers[D] < 100);
    CU_ASSERT_TRUE(k->counts[1] > 0);
    CU_ASSERT_NOT_EQUAL(k->births[1], 0);
    pe_options_destroy(o);
    pe_block_release(&b);
    pe_model_destroy(m);
}

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

/* Labels of every kernel are those of f64 wherever the margin is beyond 1e-5,
 * at an offset that leaves a float no digits, too; scores agree to a float.
 */
static void test_paths(void)
{
    static const struct {
        uint32_t k, d;
        double offset;
    } rows[] = {{1, 1, 0},    {25, 32, 0},   {33, 5, 0},
                {64, 17, 10}, {25, 32, 1e5}, {100, 40, -1e4}};

    for (size_t i = 0; i < 6; i++) {
        pe_model *m = new_wide(rows[i].k, rows[i].d, false);
        float want[N], got[N];
        pe_block b = {0};

        for (int t = 0; t < 6; t++) {
            blobs_fill(&b, N, rows[i].d, PE_F8, 3, t, NULL);
            for (size_t f = 0; f < (size_t)N * rows[i].d; f++)
                ((double *)b.data)[f] += rows[i].offset;
            learner_learn(m, &b, NULL);
        }
        CU_ASSERT_FALSE_FATAL(m->warming);
        path_select("plain", NULL);
        CU_ASSERT_EQUAL(pe_model_score(m, &b, want, NULL), 0);
        for (int p = PATH_BLAS; p < PATH_COUNT; p++) {
            if (path_select(path_name((enum model_path)p), NULL) < 0)
                continue;
            CU_ASSERT_EQUAL(pe_model_score(m, &b, got, NULL), 0);
            for (int r = 0; r < N; r++)
                CU_ASSERT_DOUBLE_EQUAL(got[r], want[r], 2e-5 * (1 + want[r]));
        }
        path_select("auto", NULL);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* --- order-exact sums --- */

static void test_quality(void)
{
    enum { WIDE = 32, ROWS = 1000 };
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_model *m = pe_model_create("kmeans", o, WIDE, NULL);
    unsigned char label[ROWS];
    float scores[ROWS];
    pe_block b = {0};

    for (int i = 0; i < 20; i++) {
        blobs_fill(&b, ROWS, WIDE, PE_F8, 3, i, NULL);
        learner_learn(m, &b, NULL);
    }
    blobs_fill(&b, ROWS, WIDE, PE_F8, 3, 20, label);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, scores, NULL), 0);
    CU_ASSERT_TRUE(oracle_auc(scores, label, ROWS) > 0.95);
    pe_options_destroy(o);
    pe_block_release(&b);
    pe_model_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"replay against an independent implementation", test_replay},
        {"k = 1 is the running mean", test_running_mean},
        {"warm-up: NaN, and bounded", test_warmup},
        {"late raw rows are ordinary points",
         test_late_rows_are_ordinary_points},
        {"rows that are no measurements", test_masks},
        {"f4, and any alignment", test_formats},
        {"points all the same, fewer than centres", test_degenerate},
        {"a reborn centre", test_reborn_lane},
        {"dead centres", test_dead_centres},
        {"labels and scores of all kernels", test_paths},
        {"planted outliers are found", test_quality},
        {0},
    };

    return unit_main("kmeans", tests);
}
