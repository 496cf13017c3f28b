/* test_autoencoder.c - gradients, Adam, learning, merging. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "blobs.h"
#include "learner.h"
#include "models/autoencoder/private.h"
#include "oracle.h"

enum { ROWS = 1000, D = 32 };

/* --- shape --- */

static void test_bad_options(void)
{
    static const struct {
        const char *name, *value, *says;
        uint32_t features;
    } rows[] = {
        {"hidden", "64,,32", "hidden: '64,,32' is not a list of widths", D},
        {"hidden", "64,32,", "hidden: '64,32,' is not a list of widths", D},
        {"hidden", "0", "hidden: '0' is not a list of widths", D},
        {"preset", "pyod2021", "8 features, and the narrowest has 32", 8},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_options *o = pe_model_options("autoencoder", NULL);
        pe_error e = {0};

        pe_options_set(o, rows[i].name, rows[i].value, NULL);
        CU_ASSERT_PTR_NULL(
            pe_model_create("autoencoder", o, rows[i].features, &e));
        UNIT_CONTAINS(e.text, rows[i].says);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        pe_options_destroy(o);
    }
}

/* --- learning --- */

/* A linear net without a bottleneck learns to pass its input on. */
static void test_identity(void)
{
    static const char *const options[] = {"hidden", "32",  "dropout", "0",
                                          "passes", "300", "rate",    "0.003",
                                          "warmup", "500", NULL};
    pe_model *m = learner_make("autoencoder", 4, options);
    pe_block b = {0};
    float s[500];
    double sum = 0;

    blobs_fill(&b, 500, 4, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    for (int i = 0; i < 500; i++)
        sum += (double)s[i] / 500;
    CU_ASSERT_TRUE(sum < 0.2); /* 2 for a net that knows nothing */
    pe_block_release(&b);
    pe_model_destroy(m);
}

static double auc_after(pe_model *m, int blocks)
{
    unsigned char label[ROWS];
    float s[ROWS];
    pe_block b = {0};
    double auc;

    for (int i = 0; i < blocks; i++) {
        blobs_fill(&b, ROWS, D, PE_F8, 3, i, NULL);
        learner_learn(m, &b, NULL);
    }
    blobs_fill(&b, ROWS, D, PE_F8, 3, 99, label);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    auc = oracle_auc(s, label, ROWS);
    pe_block_release(&b);
    return auc;
}

/* AUC of the length of the standardised row. */
static double auc_of_length(const pe_model *m)
{
    const struct autoencoder *a = autoencoder_cof(m);
    unsigned char label[ROWS];
    float s[ROWS];
    pe_block b = {0};

    blobs_fill(&b, ROWS, D, PE_F8, 3, 99, label);
    for (uint32_t i = 0; i < ROWS; i++) {
        double sum = 0;

        for (uint32_t f = 0; f < D; f++)
            sum += pow((pe_block_at(&b, i, f) - a->mean[f]) * a->inverse[f], 2);
        s[i] = (float)sqrt(sum);
    }
    pe_block_release(&b);
    return oracle_auc(s, label, ROWS);
}

/* PyOD's preset of 2021 all but gives the length: its penalty outweighs the
 * error, and the net learns to say nothing.
 */
static void test_quality(void)
{
    static const char *const pyod[] = {"preset", "pyod2021", "passes", "5",
                                       NULL};
    pe_model *a = learner_make("autoencoder", D, NULL),
             *p = learner_make("autoencoder", D, pyod);
    double auc = auc_after(p, 40);

    CU_ASSERT_TRUE(auc_after(a, 40) > 0.99);
    CU_ASSERT_DOUBLE_EQUAL(auc, auc_of_length(p), 0.02);
    pe_model_destroy(a);
    pe_model_destroy(p);
}

static void test_masks(void)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e300, -1e200};
    pe_model *m = learner_make("autoencoder", 8, NULL);
    float s[ROWS];
    pe_delta *d;
    pe_block b = {0};

    blobs_fill(&b, ROWS, 8, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    d = pe_delta_create(m, NULL);
    for (int i = 0; i < 5; i++)
        ((double *)b.data)[i * 10 * 8 + i] = bad[i];
    ((double *)b.data)[999 * 8] = 1e30; /* odd, but a measurement */
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, s, NULL), 0);
    CU_ASSERT_EQUAL(d->masked, 5);
    CU_ASSERT_EQUAL(d->points, ROWS - 5);
    for (int i = 0; i < ROWS; i++)
        CU_ASSERT_EQUAL(!!isnan(s[i]), i % 10 == 0 && i < 50);
    CU_ASSERT_TRUE(s[999] > 1000);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_TRUE(pe_delta_finite(d));
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    for (size_t i = 0; i < autoencoder_of(m)->net.params; i++)
        CU_ASSERT_TRUE(isfinite(autoencoder_of(m)->state.w[i]));
    pe_delta_destroy(d);
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* A net that diverges says so; the model it began with stays as it was. */
static void test_divergence(void)
{
    pe_model *m = learner_make("autoencoder", 8, NULL);
    struct autoencoder *a = autoencoder_of(m);
    pe_buffer was = {0}, is = {0};
    pe_block b = {0};
    pe_error e = {0};
    pe_delta *d;

    blobs_fill(&b, ROWS, 8, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    for (size_t i = 0; i < a->net.params; i++)
        a->state.w[i] = 3e38F;
    d = pe_delta_create(m, NULL);
    pe_model_encode(m, &was, NULL);
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    UNIT_CONTAINS(e.text, "the net diverged");
    UNIT_CONTAINS(e.text, "lower 'rate' (0.001)");
    pe_model_encode(m, &is, NULL);
    CU_ASSERT_EQUAL(was.len, is.len);
    CU_ASSERT_EQUAL(memcmp(was.data, is.data, is.len), 0);
    pe_buffer_free(&was);
    pe_buffer_free(&is);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
}

static void test_constant_feature(void)
{
    pe_model *m = learner_make("autoencoder", 3, NULL);
    pe_block b = {0};
    float s[ROWS];

    blobs_fill(&b, ROWS, 3, PE_F8, 3, 0, NULL);
    for (int i = 0; i < ROWS; i++)
        ((double *)b.data)[i * 3 + 1] = 1e6;
    learner_learn(m, &b, NULL);
    CU_ASSERT_DOUBLE_EQUAL(autoencoder_of(m)->mean[1], 1e6, 1e-6);
    CU_ASSERT_EQUAL(autoencoder_of(m)->inverse[1], 1);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    CU_ASSERT_TRUE(isfinite(s[0]));
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* --- merging --- */

static double mean_score(const pe_model *m)
{
    pe_block b = {0};
    float s[ROWS];
    double sum = 0;

    blobs_fill(&b, ROWS, D, PE_F8, 3, 99, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    for (int i = 0; i < ROWS; i++)
        sum += (double)s[i] / ROWS;
    pe_block_release(&b);
    return sum;
}

/* Two writers that commit in turn, each a commit behind, learn what one does;
 * and no moment becomes negative.
 */
static void test_two_writers(void)
{
    pe_model *one = learner_make("autoencoder", D, NULL),
             *m = learner_make("autoencoder", D, NULL);
    pe_model *base[2];
    pe_delta *d[2];
    pe_block b = {0};
    double alone = auc_after(one, 41), both;
    int at = 0;

    blobs_fill(&b, ROWS, D, PE_F8, 3, at++, NULL);
    learner_learn(m, &b, NULL);
    for (int i = 0; i < 2; i++) {
        base[i] = pe_model_copy(m, NULL);
        d[i] = pe_delta_create(base[i], NULL);
    }
    for (int turn = 0; turn < 40; turn++) {
        int i = turn % 2;

        blobs_fill(&b, ROWS, D, PE_F8, 3, at++, NULL);
        CU_ASSERT_EQUAL(pe_model_update(base[i], d[i], &b, NULL, NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_seal(base[i], d[i], NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(m, d[i], NULL), 0);
        for (size_t k = 0; k < autoencoder_of(m)->net.params; k++)
            CU_ASSERT_TRUE(autoencoder_of(m)->state.v[k] >= 0);
        pe_model_destroy(base[i]);
        base[i] = pe_model_copy(m, NULL);
        CU_ASSERT_EQUAL(pe_delta_reset(d[i], base[i], NULL), 0);
    }
    both = auc_after(m, 0);
    CU_ASSERT_DOUBLE_EQUAL(alone, both, 0.02);
    CU_ASSERT_TRUE(mean_score(m) < 1.3 * mean_score(one));
    for (int i = 0; i < 2; i++) {
        pe_delta_destroy(d[i]);
        pe_model_destroy(base[i]);
    }
    pe_block_release(&b);
    pe_model_destroy(one);
    pe_model_destroy(m);
}

/* After as many commits, ranks that each had a block have learned at least
 * what one does.
 */
static void test_ranks(void)
{
    pe_model *one = learner_make("autoencoder", D, NULL);
    double alone = auc_after(one, 31);

    for (int ranks = 2; ranks <= 3; ranks++) {
        pe_model *m = learner_make("autoencoder", D, NULL);
        pe_block b = {0};

        blobs_fill(&b, ROWS, D, PE_F8, 3, 0, NULL);
        learner_learn(m, &b, NULL);
        for (int at = 1; at < 1 + 30 * ranks; at += ranks) {
            pe_delta *sum = pe_delta_create(m, NULL);

            for (int r = 0; r < ranks; r++) {
                pe_delta *d = pe_delta_create(m, NULL);

                blobs_fill(&b, ROWS, D, PE_F8, 3, at + r, NULL);
                CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
                CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
                CU_ASSERT_EQUAL(pe_delta_merge(m->ops, sum, d, NULL), 0);
                pe_delta_destroy(d);
            }
            CU_ASSERT_EQUAL(pe_model_apply(m, sum, NULL), 0);
            pe_delta_destroy(sum);
        }
        CU_ASSERT_DOUBLE_EQUAL(alone, auc_after(m, 0), 0.01);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
    pe_model_destroy(one);
}

/* A delta that is moved to a newer base says the same of it. */
static void test_rebase(void)
{
    pe_model *m = learner_make("autoencoder", D, NULL), *old, *copy;
    pe_delta *d;
    pe_block b = {0};

    blobs_fill(&b, ROWS, D, PE_F8, 3, 0, NULL);
    learner_learn(m, &b, NULL);
    old = pe_model_copy(m, NULL);
    d = pe_delta_create(old, NULL);
    blobs_fill(&b, ROWS, D, PE_F8, 3, 1, NULL);
    CU_ASSERT_EQUAL(pe_model_update(old, d, &b, NULL, NULL), 0);
    blobs_fill(&b, ROWS, D, PE_F8, 3, 2, NULL);
    learner_learn(m, &b, NULL);
    copy = pe_model_copy(m, NULL);
    CU_ASSERT_EQUAL(m->ops->rebase(d, old, m, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(copy, d, NULL), 0);
    /* In full, since it is no longer behind. */
    for (size_t i = 0; i < autoencoder_of(m)->net.params; i += 97) {
        struct autoencoder_work *w = d->work;

        CU_ASSERT_DOUBLE_EQUAL(autoencoder_of(copy)->state.w[i], w->state.w[i],
                               1e-6);
    }
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(old);
    pe_model_destroy(copy);
    pe_model_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"options that cannot be", test_bad_options},
        {"a net without a bottleneck", test_identity},
        {"planted outliers are found", test_quality},
        {"rows that are no measurements", test_masks},
        {"a net that diverges says so", test_divergence},
        {"a constant feature", test_constant_feature},
        {"two writers in turn", test_two_writers},
        {"ranks", test_ranks},
        {"rebase", test_rebase},
        {0},
    };

    return unit_main("autoencoder", tests);
}
