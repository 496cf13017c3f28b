/* test_model.c - what holds for every model: merges, files, refusals. */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blobs.h"
#include "models/audit/audit.h"
#include "src/common/random.h"
#include "src/model/quantile.h"
#include "src/model/safetensors.h"
#include "src/model/threshold.h"

enum { FEATURES = 6, POINTS = 40, BLOCKS = 24 };

static pe_model *new_model_of(const char *kind, uint32_t features)
{
    pe_options *o = pe_model_options(kind, NULL);
    pe_model *m;

    if (!strcmp(kind, "kmeans")) {
        pe_options_set(o, "clusters", "5", NULL);
        pe_options_set(o, "exact", "true", NULL);
    }
    /* Of those that wait for rows: fewer than there are, or nothing of what
     * they do behind that would be seen.
     */
    if (pe_options_has(o, "warmup"))
        pe_options_set(o, "warmup", "100", NULL);
    m = pe_model_create(kind, o, features, NULL);
    pe_options_destroy(o);
    return m;
}

static pe_model *new_model(const char *kind)
{
    return new_model_of(kind, FEATURES);
}

static void make_block(pe_block *b, int64_t offset)
{
    static char name[BLOCKS][16];

    blobs_fill(b, POINTS, FEATURES, PE_F8, 7, offset, NULL);
    /* Whole values make sums exact, so any order gives the same bits. */
    for (size_t i = 0; i < POINTS * FEATURES; i++)
        ((double *)b->data)[i] = rint(((double *)b->data)[i]);
    snprintf(name[offset % BLOCKS], sizeof(name[0]), "d%lld",
             (long long)offset % 3);
    b->device = name[offset % BLOCKS];
}

/* The model after [from, to), split over [ranks] in an order drawn from
 * [seed]; a NULL [m] on error.
 */
static void learn(pe_model *m, int from, int to, int ranks, uint64_t seed)
{
    random_stream r = {seed, 0};
    pe_delta *d[8], *sum = pe_delta_create(m, NULL);
    pe_block b = {0};
    int order[BLOCKS], n = to - from;

    for (int i = 0; i < n; i++) {
        int k = (int)random_below(&r, (uint64_t)i + 1);

        order[i] = order[k];
        order[k] = from + i;
    }
    for (int k = 0; k < ranks; k++)
        d[k] = pe_delta_create(m, NULL);
    for (int i = 0; i < n; i++) {
        pe_error e = {0};

        make_block(&b, order[i]);
        CU_ASSERT_EQUAL(pe_model_update(m, d[random_below(&r, (uint64_t)ranks)],
                                        &b, NULL, &e),
                        0);
    }
    for (int k = 0; k < ranks; k++) {
        CU_ASSERT_EQUAL(pe_delta_seal(m, d[k], NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_merge(m->ops, sum, d[k], NULL), 0);
        pe_delta_destroy(d[k]);
    }
    CU_ASSERT_EQUAL(pe_model_apply(m, sum, NULL), 0);
    m->version++;
    pe_delta_destroy(sum);
    pe_block_release(&b);
}

static bool same(const pe_model *a, const pe_model *b)
{
    pe_buffer x = {0}, y = {0};
    bool equal;

    CU_ASSERT_EQUAL(pe_model_encode(a, &x, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_encode(b, &y, NULL), 0);
    equal = x.len == y.len && !memcmp(x.data, y.data, x.len);
    pe_buffer_free(&x);
    pe_buffer_free(&y);
    return equal;
}

/* Is it one that ranks merge?  What one rank alone learns is tested where it
 * has its program (test_python_model).
 */
static bool is_merged(const char *kind)
{
    return !(pe_model_find(kind)->flags & PE_MODEL_ORDER);
}

/* Models whose sums have no order: the same bytes, whoever adds. */
static bool is_exact(const char *kind)
{
    static const char *const kinds[] = {"audit", "iforest", "kmeans",
                                        "passthrough"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kind, kinds[i]))
            return true;
    return false;
}

/* The same scores up to rounding.  Nets that learned apart are averaged, which
 * is only near to one that learned alone: the mean of their scores.
 */
static bool alike(const pe_model *a, const pe_model *b)
{
    bool is_net = !strcmp(a->ops->name, "autoencoder");
    bool equal = a->points == b->points && a->warming == b->warming;
    float x[POINTS], y[POINTS];
    double means[2] = {0};
    pe_block probe = {0};

    make_block(&probe, 1);
    CU_ASSERT_EQUAL(pe_model_score(a, &probe, x, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_score(b, &probe, y, NULL), 0);
    for (int i = 0; i < POINTS; i++) {
        equal = equal && (isnan(x[i]) == isnan(y[i])) &&
                (is_net || !(fabsf(x[i] - y[i]) > 1e-4F * fabsf(x[i])));
        means[0] += (double)x[i];
        means[1] += (double)y[i];
    }
    pe_block_release(&probe);
    return equal && !(fabs(means[0] - means[1]) > 0.1 * means[0]);
}

/* Any number of ranks, any order: the same bytes, or the same up to rounding.
 */
static void test_merge_laws(void)
{
    static const int ranks[] = {1, 2, 3, 4, 7};
    const char *const *kinds = pe_model_names();

    for (; *kinds; kinds++) {
        if (!is_merged(*kinds))
            continue;
        pe_model *want = new_model(*kinds);

        learn(want, 0, 12, 1, 1);
        learn(want, 12, BLOCKS, 1, 1);
        CU_ASSERT_EQUAL(want->points, BLOCKS * POINTS);
        CU_ASSERT_FALSE(want->warming);
        for (size_t i = 0; i < 5; i++) {
            pe_model *m = new_model(*kinds);

            learn(m, 0, 12, ranks[i], 10 + i);
            learn(m, 12, BLOCKS, ranks[i], 20 + i);
            CU_ASSERT_TRUE(is_exact(*kinds) ? same(m, want) : alike(m, want));
            pe_model_destroy(m);
        }
        pe_model_destroy(want);
    }
}

/* Saved and read back it goes on to the same bytes. */
static void test_save_and_restore(void)
{
    const char *const *kinds = pe_model_names();

    for (; *kinds; kinds++) {
        for (int warm = 1; is_merged(*kinds) && warm < 12; warm += 10) {
            pe_model *m = new_model(*kinds), *copy;

            learn(m, 0, warm, 2, 1);
            copy = pe_model_copy(m, NULL);
            CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
            CU_ASSERT_TRUE(same(m, copy));
            CU_ASSERT_EQUAL(copy->warming, m->warming);
            learn(m, warm, BLOCKS, 2, 3);
            learn(copy, warm, BLOCKS, 2, 3);
            CU_ASSERT_TRUE(same(m, copy));
            pe_model_destroy(m);
            pe_model_destroy(copy);
        }
    }
}

/* Cut or changed bytes are refused, never read beyond. */
static void test_damaged_files(void)
{
    pe_model *m = new_model("kmeans"), *back;
    pe_buffer b = {0};
    pe_error e = {0};
    char *cut;

    learn(m, 0, 12, 1, 1);
    pe_model_encode(m, &b, NULL);
    for (size_t len = 0; len < b.len; len += len < 4000 ? 1 : 997) {
        cut = malloc(len + 1);
        memcpy(cut, b.data, len);
        back = pe_model_decode(cut, len, &e);
        CU_ASSERT_PTR_NULL(back);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        pe_model_destroy(back);
        free(cut);
    }
    for (size_t at = 8; at < 2000 && at < b.len; at++) {
        unsigned char was = b.data[at];

        b.data[at] ^= 0x15;
        back = pe_model_decode(b.data, b.len, &e);
        pe_model_destroy(back); /* a changed number may still be one */
        b.data[at] = was;
    }
    pe_buffer_free(&b);
    pe_model_destroy(m);
    pe_model_destroy(NULL);
}

/* A refused block leaves no trace in the delta. */
static void test_refused_block(void)
{
    const char *const *kinds = pe_model_names();

    for (; *kinds; kinds++) {
        if (!is_merged(*kinds))
            continue;
        pe_model *m = new_model(*kinds);
        pe_delta *d = pe_delta_create(m, NULL);
        pe_block b = {0};
        pe_error e = {0};

        blobs_fill(&b, 4, FEATURES + 1, PE_F8, 1, 0, NULL);
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, &e), -1);
        UNIT_EQUAL(e.text, "features changed from 6 to 7");
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_TRUE(pe_delta_empty(d));
        m->strict = true;
        blobs_fill(&b, 4, FEATURES, PE_F8, 1, 0, NULL);
        ((double *)b.data)[FEATURES + 2] = NAN;
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, &e), -1);
        UNIT_CONTAINS(e.text, "point 1, feature 2 is not finite");
        CU_ASSERT_TRUE(pe_delta_empty(d));
        pe_block_release(&b);
        pe_delta_destroy(d);
        pe_model_destroy(m);
    }
}

/* A file whose numbers are no model's is refused, and says what for. */
static void test_impossible_numbers(void)
{
    static const struct {
        const char *was, *is, *want;
    } rows[] = {
        {"\"features\":\"6\"", "\"features\":\"0\"",
         "not a model file: 0 features"},
        {"\"contamination\":\"0.1", "\"contamination\":\"0.9",
         "not a model file: contamination is 0.9"},
    };
    pe_model *m = new_model("kmeans");

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        pe_buffer b = {0};
        pe_error e = {0};
        char *at;

        CU_ASSERT_EQUAL(pe_model_encode(m, &b, NULL), 0);
        at = memmem(b.data, b.len, rows[i].was, strlen(rows[i].was));
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        memcpy(at, rows[i].is, strlen(rows[i].is));
        CU_ASSERT_PTR_NULL(pe_model_decode(b.data, b.len, &e));
        UNIT_EQUAL(e.text, rows[i].want);
        pe_buffer_free(&b);
    }
    pe_model_destroy(m);
}

static void test_unknown(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(pe_model_find("kmeanz"));
    CU_ASSERT_PTR_NULL(pe_model_options("kmeanz", &e));
    UNIT_EQUAL(e.text, "there is no model 'kmeanz'");
    CU_ASSERT_PTR_NULL(pe_model_decode("", 0, &e));
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
}

/* numpy.percentile(v, 100 q), linear. */
static void test_exact_quantile(void)
{
    static const struct {
        double v[11];
        size_t n;
        double q, want;
    } rows[] = {
        {{3}, 1, 0.9, 3},
        {{1, 2}, 2, 0.9, 1.9},
        {{1, 2}, 2, 0.5, 1.5},
        {{9, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 10, 0.9, 8.1},
        {{10, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 11, 0.9, 9},
        {{2, 2, 2, 2}, 4, 0.9, 2},
    };
    double v[11];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        memcpy(v, rows[i].v, sizeof(v));
        CU_ASSERT_DOUBLE_EQUAL(pe_quantile_exact(v, rows[i].n, rows[i].q),
                               rows[i].want, 1e-12);
    }
    CU_ASSERT_TRUE(isnan(pe_quantile_exact(v, 0, 0.5)));
}

/* The streaming threshold is the exact one within a bucket (1.6%), whatever
 * the scale of the scores, and beside zeros and overloads.
 */
static void test_streaming_quantile(void)
{
    static const struct {
        double scale;
        float other;
    } rows[] = {{2, 0},       {2, 9.9e37F}, {2, 1e8F},    {1e-9, 0},
                {1e9, 1e-5F}, {1e-30, 0},   {1e30, 0},    {3e36, 0},
                {1e-9, 1e8F}, {1e17, 0},    {1e-17, 1.0F}};
    static int64_t lanes[QUANTILE_LANES];
    static double v[10000];

    for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
        random_stream r = {5, 0};

        memset(lanes, 0, sizeof(lanes));
        for (size_t i = 0; i < 10000; i++) {
            float x = (float)(fabs(random_normal(&r)) * rows[k].scale);

            v[i] = (double)(i % 50 ? x : rows[k].other);
            quantile_count(lanes, (float)v[i]);
        }
        for (double share = 0.03; share < 0.5; share += 0.07) {
            double got = quantile_threshold(lanes, 10000, share);
            double exact = pe_quantile_exact(v, 10000, 1 - share);

            CU_ASSERT_DOUBLE_EQUAL(got, exact,
                                   0.016 * exact + 1e-3 * rows[k].scale);
        }
    }
}

/* Halving keeps total and threshold. */
static void test_trim(void)
{
    static int64_t lanes[QUANTILE_LANES];
    random_stream r = {6, 0};
    double before;
    int64_t n;

    for (int i = 0; i < 100000; i++)
        quantile_count(lanes,
                       (float)(fabs(random_normal(&r)) * (i % 20 ? 1e-12 : 1)));
    CU_ASSERT_EQUAL(quantile_add(lanes, NULL), 100000);
    before = quantile_threshold(lanes, 100000, 0.1);
    CU_ASSERT_EQUAL(quantile_trim(lanes, 100000, 1000), 100000 / 64);
    n = quantile_add(lanes, NULL);
    CU_ASSERT_EQUAL(n, 100000 / 64);
    CU_ASSERT_DOUBLE_EQUAL(quantile_threshold(lanes, n, 0.1), before,
                           0.05 * before);
}

/* A model file whose window holds what is no count, or more than can be. */
static void test_odd_counts(void)
{
    static const int64_t odd[] = {-1, INT64_MIN, INT64_MAX};
    static int64_t lanes[QUANTILE_LANES], kept[QUANTILE_LANES];
    const tensor_form form = {TENSOR_I64, 1, {QUANTILE_LANES}};

    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        struct threshold t = {.window = 1000, .lanes = kept};
        pe_tensors *file = pe_tensors_create(NULL);
        pe_error e = {0};

        lanes[7] = odd[i];
        CU_ASSERT_FATAL(pe_tensors_put(file, "scores", &form, lanes, NULL) ==
                        0);
        CU_ASSERT_EQUAL(threshold_decode(&t, file, &e), -1);
        UNIT_EQUAL(e.text, "not a model file: tensor 'scores' has numbers "
                           "that are no counts");
        CU_ASSERT_EQUAL(kept[7], 0);
        pe_tensors_destroy(file);
    }
}

/* Numbers a score should not be, and the ends of the range. */
static void test_odd_scores(void)
{
    static const struct {
        float score;
        double low, high;
    } rows[] = {
        {0, 0, 1.2e-38},          {-0.0F, 0, 1.2e-38},
        {-3, 0, 1.2e-38},         {1e-45F, 0, 1.2e-38},
        {FLT_MIN, 1e-38, 2e-38},  {FLT_MAX, 3.3e38, 3.4029e38},
        {INFINITY, 3e38, 3.5e38},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        static int64_t lanes[QUANTILE_LANES];
        double got;

        memset(lanes, 0, sizeof(lanes));
        CU_ASSERT_TRUE(isnan(quantile_threshold(lanes, 0, 0.1)));
        quantile_count(lanes, rows[i].score);
        got = quantile_threshold(lanes, 1, 0.1);
        CU_ASSERT_TRUE(got >= rows[i].low && got <= rows[i].high);
    }
}

/* --- options, asked for by two threads at once --- */

enum { PAIRS = 300 };

static atomic_int here;

/* The first one fills the tables that both read: nobody sees half of one. */
static void *ask(void *arg)
{
    static const char *const kinds[] = {"audit", "autoencoder", "iforest",
                                        "kmeans", "passthrough"};
    int *missing = arg;

    /* No barrier: who is woken comes late. */
    atomic_fetch_add(&here, 1);
    while (atomic_load(&here) < 2)
        continue;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        pe_options *o = pe_model_options(kinds[i], NULL);

        *missing += !o || pe_options_set(o, "seed", "7", NULL) < 0 ||
                    pe_options_set(o, "kernel", "plain", NULL) < 0;
        pe_options_destroy(o);
    }
    return NULL;
}

/* In a process of its own, since it is the first time that counts. */
static int ask_twice(void)
{
    int missing[2] = {0}, status = -1;
    pthread_t thread;
    pid_t pid = fork();

    if (pid == 0) {
        if (pthread_create(&thread, NULL, ask, &missing[0]))
            _exit(99);
        ask(&missing[1]);
        pthread_join(thread, NULL);
        _exit(missing[0] + missing[1]);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

static void test_threads(void)
{
    for (int i = 0; i < PAIRS; i++)
        CU_ASSERT_EQUAL_FATAL(ask_twice(), 0);
}

/* Learn twice from blocks whose data lie [shift] bytes behind an alignment; of
 * each a row is so far out that no fast kernel decides about it.
 */
static void learn_at(pe_model *m, size_t shift)
{
    size_t bytes = (size_t)POINTS * m->features * sizeof(double);
    unsigned char *place = aligned_alloc(64, (bytes / 64 + 2) * 64);
    float scores[POINTS];
    pe_block b = {0};

    for (int round = 0; round < 2; round++) {
        pe_delta *d = pe_delta_create(m, NULL);
        for (int i = 0; i < BLOCKS; i++) {
            blobs_fill(&b, POINTS, m->features, PE_F8, 7, i, NULL);
            ((double *)b.data)[3 * m->features] = 1e20;
            b.device = "d";
            pe_block at = b;
            at.data = memcpy(place + shift, b.data, bytes);
            CU_ASSERT_EQUAL(pe_model_update(m, d, &at, scores, NULL), 0);
        }
        CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
        m->version++;
        pe_delta_destroy(d);
    }
    pe_block_release(&b);
    free(place);
}

/* Rows are read where they lie in a record by those who say so: see it with
 * UBSan.  Sixteen features: no kernel has to widen them.
 */
static void test_unaligned(void)
{
    static const size_t shifts[] = {1, 4, 8, 21};

    for (const char *const *kind = pe_model_names(); *kind; kind++) {
        if (!is_merged(*kind))
            continue;
        pe_model *want = new_model_of(*kind, 16);

        learn_at(want, 0);
        for (size_t i = 0; i < sizeof(shifts) / sizeof(*shifts); i++) {
            pe_model *m = new_model_of(*kind, 16);

            if (m->ops->flags & PE_MODEL_UNALIGNED)
                learn_at(m, shifts[i]);
            else
                learn_at(m, 0);
            CU_ASSERT_TRUE(same(m, want));
            pe_model_destroy(m);
        }
        pe_model_destroy(want);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        /* First: nobody has asked before. */
        {"options by two threads at once", test_threads},
        {"any ranks, any order: the same model", test_merge_laws},
        {"saved and restored it goes on the same", test_save_and_restore},
        {"damaged files are refused", test_damaged_files},
        {"a refused block leaves no trace", test_refused_block},
        {"numbers that no model has", test_impossible_numbers},
        {"models that are not there", test_unknown},
        {"rows at any alignment", test_unaligned},
        {"exact quantile", test_exact_quantile},
        {"streaming quantile, any scale", test_streaming_quantile},
        {"streaming quantile: trimmed", test_trim},
        {"streaming quantile: odd scores", test_odd_scores},
        {"streaming quantile: odd counts", test_odd_counts},
        {0},
    };

    return unit_main("model", tests);
}
