/* test_scale.c - all models on data of any scale, and origins that move. */
#include "unit.h"

#include <math.h>

#include "blobs.h"
#include "learner.h"
#include "models/autoencoder/private.h"
#include "models/iforest/private.h"
#include "oracle.h"

enum { N = 200 };

/* --- all models --- */

static const char *const kinds[] = {"kmeans", "iforest", "autoencoder"};

/* Blobs times [scale]; with [reading] one row in 40 has it somewhere. */
static void scaled_blobs(pe_block *b, int64_t offset, double scale,
                         double reading, unsigned char *label)
{
    double *x;

    blobs_fill(b, N, 8, PE_F8, 3, offset, label);
    x = b->data;
    for (int i = 0; i < 8 * N; i++)
        x[i] *= scale;
    for (int i = 0; reading != 0 && i < N; i += 40)
        x[i * 8 + i % 8] = i % 80 ? -reading : reading;
}

/* Zeros until after the warm-up, then data of any scale: the threshold, and
 * the scaler of the net, follow.
 */
static void test_zeros_first(void)
{
    static const double scales[] = {1e-30, 1e-9, 1, 1e9, 1e30};

    for (size_t i = 0; i < 3 * 5; i++) {
        pe_model *m = learner_make(kinds[i / 5], 8,
                                   (const char *[]){"window", "1000", NULL});
        double outliers = 0;
        pe_block b = {0};

        for (int t = 0; t < 60; t++) {
            scaled_blobs(&b, t, t < 6 ? 0 : scales[i % 5], 0, NULL);
            outliers += (double)(learner_learn(m, &b, NULL) * (t >= 50));
        }
        outliers /= 10 * N;
        CU_ASSERT_TRUE(outliers > 0.03 && outliers < 0.3);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* How well the last of [blocks] parts planted outliers from the rest. */
static double auc_after(const char *kind, int blocks, double reading)
{
    pe_model *m =
        learner_make(kind, 8, (const char *[]){"window", "1000", NULL});
    unsigned char label[N];
    float scores[N];
    pe_block b = {0};
    double auc;

    for (int t = 0; t < blocks; t++) {
        scaled_blobs(&b, t, 1, reading, NULL);
        learner_learn(m, &b, NULL);
    }
    scaled_blobs(&b, blocks, 1, 0, label);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, scores, NULL), 0);
    for (int i = 0; i < N; i++)
        CU_ASSERT_TRUE(isfinite(scores[i]));
    auc = oracle_auc(scores, label, N);
    pe_block_release(&b);
    pe_model_destroy(m);
    return auc;
}

/* Readings of an overload, in the warm-up and after: outliers among the
 * ordinary rows are found about as well as without.
 */
static void test_overloads_in_stream(void)
{
    for (int i = 0; i < 3; i++) {
        double without = auc_after(kinds[i], 60, 0);

        for (int k = 0; k < OVERLOADS; k++) {
            double with = auc_after(kinds[i], 60, overloads[k]);

            CU_ASSERT_TRUE(with > without - 0.1);
        }
    }
}

/* Nothing but an overload until after the warm-up, then ordinary data.  Of
 * k-means, whose means forget nothing, where it decays.
 */
static void test_overload_first(void)
{
    for (int i = 0; i < 3 * OVERLOADS; i++) {
        const char *kind = kinds[i / OVERLOADS];
        const char *words[] = {"window", "1000", i < OVERLOADS ? "decay" : NULL,
                               "0.5", NULL};
        pe_model *m = learner_make(kind, 8, words);
        unsigned char label[N];
        float scores[N];
        pe_block b = {0};
        double auc;

        for (int t = 0; t < 80; t++) {
            scaled_blobs(&b, t, 1, 0, label);
            for (int r = 0; t < 6 && r < 8 * N; r++)
                ((double *)b.data)[r] = overloads[i % OVERLOADS];
            learner_learn(m, &b, scores);
        }
        auc = oracle_auc(scores, label, N);
        CU_ASSERT_TRUE(auc > 0.7);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* --- deltas of bases with other origins --- */

static pe_model *warmed(const char *kind)
{
    pe_model *m = learner_make(kind, 8, NULL);
    pe_block b = {0};

    for (int t = 0; t < 8; t++) {
        scaled_blobs(&b, t, 1, 0, NULL);
        learner_learn(m, &b, NULL);
    }
    CU_ASSERT_FALSE(m->warming);
    pe_block_release(&b);
    return m;
}

static pe_delta *learned(const pe_model *m, int64_t offset)
{
    pe_delta *d = pe_delta_create(m, NULL);
    pe_block b = {0};

    scaled_blobs(&b, offset, 1, 0, NULL);
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    pe_block_release(&b);
    return d;
}

/* The same model, its origins somewhere else. */
static void move_scaler(struct autoencoder *a)
{
    for (uint32_t f = 0; f < 8; f++) {
        double by = -3, n = a->scaler.n[f];

        a->scaler.square[f] += 2 * by * a->scaler.sum[f] + n * by * by;
        a->scaler.sum[f] += n * by;
        a->scaler.shift[f] -= by;
    }
    scaler_derive(a);
}

/* Late deltas count for as much as those of the newest base. */
static void test_other_origins(void)
{
    for (int late = 0; late < 3; late++) {
        pe_model *old = warmed("autoencoder"), *new = warmed("autoencoder");
        struct autoencoder *a = autoencoder_of(old), *b = autoencoder_of(new);
        pe_delta *d, *one, *two;

        move_scaler(b);
        one = learned(late ? old : new, 20);
        two = learned(late == 2 ? old : new, 21);
        d = learned(old, 20);
        CU_ASSERT_EQUAL(pe_delta_merge(new->ops, one, two, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(new, one, NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_merge(old->ops, d, two, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(old, d, NULL), 0);
        for (uint32_t f = 0; f < 8; f++) {
            CU_ASSERT_EQUAL(b->scaler.n[f], 10 * N);
            CU_ASSERT_DOUBLE_EQUAL(b->mean[f], a->mean[f], 1e-12);
            CU_ASSERT_DOUBLE_EQUAL(b->inverse[f], a->inverse[f], 1e-12);
        }
        pe_delta_destroy(one);
        pe_delta_destroy(two);
        pe_delta_destroy(d);
        pe_model_destroy(old);
        pe_model_destroy(new);
    }
}

/* Rows of a sample that was taken about another origin. */
static void test_other_shift(void)
{
    pe_model *old = warmed("iforest"), *new = warmed("iforest");
    struct iforest *a = (struct iforest *)old, *b = (struct iforest *)new;
    pe_delta *d = learned(old, 20);
    size_t at = b->next;

    for (uint32_t f = 0; f < 8; f++)
        b->shift[f] += 3;
    CU_ASSERT_EQUAL(pe_model_apply(old, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(new, d, NULL), 0);
    CU_ASSERT_EQUAL(b->next, a->next);
    for (size_t i = at; i < at + 50; i++)
        for (uint32_t f = 0; f < 8; f++) {
            float x = forest_value_of(a->window[i * a->width + f]);
            float y = forest_value_of(b->window[i * b->width + f]);

            CU_ASSERT_DOUBLE_EQUAL(y + 3, x, 1e-5);
        }
    pe_delta_destroy(d);
    pe_model_destroy(old);
    pe_model_destroy(new);
}

int main(void)
{
    static const unit_test tests[] = {
        {"zeros first, then data of any scale", test_zeros_first},
        {"overloads among the readings", test_overloads_in_stream},
        {"overloads first", test_overload_first},
        {"auto-encoder: deltas about other origins", test_other_origins},
        {"forest: samples about other origins", test_other_shift},
        {0},
    };

    return unit_main("scale", tests);
}
