/* test_carry.c - what a model has learned goes on with other options. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "learner.h"
#include "models/kmeans/private.h"

enum { D = 4, ROWS = 500 };

/* A model that has learned from some blocks. */
static pe_model *learned(const char *kind, const char *const *words, int blocks)
{
    pe_model *m = learner_make(kind, D, words);

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (int i = 0; i < blocks; i++) {
        pe_block b = {0};

        blobs_fill(&b, ROWS, D, PE_F8, 7, (int64_t)i * ROWS, NULL);
        learner_learn(m, &b, NULL);
        m->version++;
        pe_block_release(&b);
    }
    return m;
}

static pe_options *options(const char *kind, const char *const *words)
{
    pe_options *o = pe_model_options(kind, NULL);

    for (; words && *words; words += 2)
        CU_ASSERT_EQUAL(pe_options_set(o, words[0], words[1], NULL), 0);
    return o;
}

/* [m] with the options [words]; NULL: nothing is kept. */
static pe_model *carried(const pe_model *m, const char *kind,
                         const char *const *words, char said[400])
{
    pe_options *o = options(kind, words);
    pe_error e = {0};
    pe_model *to = pe_model_carry(m, kind, o, said, 400, &e);

    CU_ASSERT_EQUAL(e.kind, PE_ERROR_NONE);
    pe_options_destroy(o);
    return to;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- k-means --- */

static bool has_centre(const struct kmeans *k, const double *row)
{
    for (uint32_t j = 0; j < k->k; j++)
        if (!memcmp(k->centers + (size_t)j * k->stride, row, D * sizeof(*row)))
            return true;
    return false;
}

static double points_of(const struct kmeans *k)
{
    double sum = 0;

    for (uint32_t j = 0; j < k->k; j++)
        sum += k->counts[j];
    return sum;
}

static void test_more_centres(void)
{
    pe_model *m = learned("kmeans", WORDS("clusters", "5"), 4);
    const struct kmeans *was = kmeans_cof(m), *k;
    char said[400];
    pe_model *to = carried(m, "kmeans", WORDS("clusters", "6"), said);

    UNIT_EQUAL(said, "all 5 centres stay, and 1 is new, a half of the "
                     "heaviest");
    pe_model_destroy(to);
    to = carried(m, "kmeans", WORDS("clusters", "12"), said);
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    k = kmeans_cof(to);
    UNIT_EQUAL(said, "all 5 centres stay, and 7 are new, halves of the "
                     "heaviest");
    CU_ASSERT_EQUAL(k->k, 12);
    CU_ASSERT_FALSE(to->warming);
    CU_ASSERT_EQUAL(to->version, m->version);
    CU_ASSERT_EQUAL(to->points, m->points);
    for (uint32_t j = 0; j < was->k; j++)
        CU_ASSERT_TRUE(has_centre(k, was->centers + (size_t)j * was->stride));
    CU_ASSERT_DOUBLE_EQUAL(points_of(k), points_of(was), 1e-6);
    for (uint32_t j = 0; j < k->k; j++)
        for (uint32_t i = 0; i < j; i++) {
            if (j >= was->k) /* no delta of before is one of it */
                CU_ASSERT_NOT_EQUAL(k->births[i], k->births[j]);
            CU_ASSERT_NOT_EQUAL(memcmp(k->centers + (size_t)i * k->stride,
                                       k->centers + (size_t)j * k->stride,
                                       D * sizeof(double)),
                                0);
        }
    pe_model_destroy(to);
    pe_model_destroy(m);
}

static void test_fewer_centres(void)
{
    pe_model *m = learned("kmeans", WORDS("clusters", "12"), 4);
    const struct kmeans *was = kmeans_cof(m), *k;
    char said[400];
    pe_model *to = carried(m, "kmeans", WORDS("clusters", "3"), said);
    double least = INFINITY;
    int heavier = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    k = kmeans_cof(to);
    UNIT_CONTAINS(said, "3 of 12 centres stay, those with the fewest points "
                        "are dropped");
    for (uint32_t j = 0; j < k->k; j++) {
        CU_ASSERT_TRUE(has_centre(was, k->centers + (size_t)j * k->stride));
        least = fmin(least, k->counts[j]);
    }
    for (uint32_t j = 0; j < was->k; j++)
        heavier += was->counts[j] > least;
    CU_ASSERT_TRUE(heavier < 3);
    pe_model_destroy(to);
    pe_model_destroy(m);
}

/* Ranks, pools and a start after a crash make the same of it. */
static void test_same_everywhere(void)
{
    pe_model *m = learned("kmeans", WORDS("clusters", "5"), 4), *to[2];
    pe_buffer b[2] = {{0}};
    char said[400];

    for (int i = 0; i < 2; i++) {
        to[i] = carried(m, "kmeans", WORDS("clusters", "9"), said);
        CU_ASSERT_PTR_NOT_NULL_FATAL(to[i]);
        CU_ASSERT_EQUAL(pe_model_encode(to[i], &b[i], NULL), 0);
    }
    CU_ASSERT_EQUAL(b[0].len, b[1].len);
    CU_ASSERT_EQUAL(memcmp(b[0].data, b[1].data, b[0].len), 0);
    /* And it learns on, from a base that all have. */
    for (int i = 0; i < 2; i++) {
        pe_block block = {0};

        blobs_fill(&block, ROWS, D, PE_F8, 7, 9 * ROWS, NULL);
        learner_learn(to[i], &block, NULL);
        CU_ASSERT_EQUAL(to[i]->points, m->points + ROWS);
        pe_block_release(&block);
        pe_model_destroy(to[i]);
        pe_buffer_free(&b[i]);
    }
    pe_model_destroy(m);
}

/* --- all --- */

static void test_kept(void)
{
    static const struct {
        const char *kind;
        const char *was[5], *now[5];
        int blocks;
        bool kept;
        const char *part;
    } rows[] = {
        {"kmeans", {"clusters", "5"}, {"clusters", "5"}, 3, true, ""},
        {"kmeans",
         {"clusters", "5"},
         {"clusters", "5", "decay", "0.5"},
         3,
         true,
         ""},
        {"kmeans",
         {"clusters", "5"},
         {"clusters", "5", "threshold", "exact"},
         3,
         true,
         "the window of its threshold is dropped"},
        {"kmeans",
         {"clusters", "60"},
         {"clusters", "400"},
         3,
         true,
         "halves of the heaviest"},
        {"kmeans",
         {"clusters", "400"},
         {"clusters", "5"},
         1,
         true,
         "the rows of its warm-up stay"},
        {"iforest",
         {"trees", "10"},
         {"trees", "10", "contamination", "0.3"},
         3,
         true,
         ""},
        {"iforest",
         {"trees", "10"},
         {"trees", "20"},
         3,
         false,
         "is dropped: it warms up anew"},
        {"autoencoder",
         {"hidden", "3"},
         {"hidden", "3", "seed", "9"},
         3,
         true,
         ""},
        {"autoencoder",
         {"hidden", "3"},
         {"hidden", "2"},
         3,
         false,
         "is dropped: it warms up anew"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_model *m = learned(rows[i].kind, rows[i].was, rows[i].blocks);
        char said[400];
        pe_model *to = carried(m, rows[i].kind, rows[i].now, said);

        CU_ASSERT_EQUAL(to != NULL, rows[i].kept);
        UNIT_CONTAINS(said, rows[i].part);
        if (!*rows[i].part)
            UNIT_EQUAL(said, "");
        if (to)
            CU_ASSERT_EQUAL(to->points, m->points);
        pe_model_destroy(to);
        pe_model_destroy(m);
    }
}

static void test_wished(void)
{
    pe_model *m = learned("kmeans", WORDS("clusters", "5"), 3);
    char said[400];
    pe_model *to =
        carried(m, "kmeans",
                WORDS("clusters", "5", "contamination", "0.3", "mode",
                      "score_after", "strict", "true", "seed", "77"),
                said);

    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    CU_ASSERT_DOUBLE_EQUAL(to->contamination, 0.3, 0);
    CU_ASSERT_TRUE(to->score_after);
    CU_ASSERT_TRUE(to->strict);
    CU_ASSERT_EQUAL(to->seed, 77);
    pe_model_destroy(to);
    CU_ASSERT_PTR_NULL(carried(m, "iforest", NULL, said));
    UNIT_EQUAL(said, "the kmeans, which has learned from 1500 points, is "
                     "dropped: iforest warms up anew, and devices score by "
                     "the last kmeans until then");
    pe_model_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"more centres", test_more_centres},
        {"fewer centres", test_fewer_centres},
        {"the same everywhere", test_same_everywhere},
        {"what is kept of each", test_kept},
        {"options that are wished, and another kind", test_wished},
        {NULL, NULL},
    };

    return unit_main("carry", tests);
}
