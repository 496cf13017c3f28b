/* test_fit.c - models learned anew from all rows: the same by the same seed,
 * rows with a centre to themselves, and tables that are too small.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learner.h"
#include "src/common/random.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ROWS = 1000, ODD_MAX = 40 };

static _Alignas(64) double table[ROWS + ODD_MAX][2];

/* Two round heaps, at (0, 0) and (10, 0); behind them [odd] rows far from all
 * and from each other, [each] at a place.
 */
static size_t make(size_t odd, size_t each)
{
    random_stream r = {.key = 3};

    for (int i = 0; i < ROWS; i++) {
        table[i][0] = random_normal(&r) + (i % 2 ? 10 : 0);
        table[i][1] = random_normal(&r);
    }
    for (size_t i = 0; i < odd; i++) {
        double at = 1000 + 1000.0 * (double)(i / each);

        table[ROWS + i][0] = i / each % 2 ? at : -at;
        table[ROWS + i][1] = at + 1e-3 * (double)(i % each);
    }
    return ROWS + odd;
}

/* A model that has seen the heaps once, as a stream of 100 a block. */
static pe_model *learned(const char *kind, const char *const *words)
{
    pe_model *m = learner_make(kind, 2, words);

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (int i = 0; i < ROWS; i += 100) {
        pe_block b = {.data = table[i],
                      .points = 100,
                      .features = 2,
                      .dtype = PE_F8,
                      .offset = i / 100};

        learner_learn(m, &b, NULL);
    }
    return m;
}

static pe_buffer bytes_of(const pe_model *m)
{
    pe_buffer out = {0};

    CU_ASSERT_EQUAL_FATAL(pe_model_encode(m, &out, NULL), 0);
    return out;
}

static bool is_same(const pe_model *m, const pe_buffer *was)
{
    pe_buffer is = bytes_of(m);
    bool same = is.len == was->len && !memcmp(is.data, was->data, is.len);

    pe_buffer_free(&is);
    return same;
}

static const char *const four[] = {"clusters", "4", "contamination", "0.01",
                                   NULL};
static const char *const trees[] = {"trees", "20", "psi", "64", NULL};

/* --- what is no table --- */

/* Too few rows, or a model that does not know enough: it is as it was. */
static void test_bad(void)
{
    static const struct {
        const char *kind;
        const char *const *words;
        size_t n;
        int want;
    } rows[] = {
        {"kmeans", four, 0, 0},   {"kmeans", four, 3, 0},
        {"kmeans", four, 4, 1},   {"iforest", trees, 0, 0},
        {"iforest", trees, 1, 0}, {"iforest", trees, 2, 1},
    };

    make(0, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_model *m = learned(rows[i].kind, rows[i].words);
        pe_buffer was = bytes_of(m);

        CU_ASSERT_FALSE(m->warming);
        CU_ASSERT_EQUAL(pe_model_fit(m, table[0], rows[i].n, NULL),
                        rows[i].want);
        CU_ASSERT_EQUAL(is_same(m, &was), !rows[i].want);
        pe_buffer_free(&was);
        pe_model_destroy(m);
    }
}

static void test_warming(void)
{
    static const char *const kinds[] = {"kmeans", "iforest"};

    make(0, 1);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        pe_model *m = learner_make(kinds[i], 2, NULL);
        pe_buffer was = bytes_of(m);

        CU_ASSERT_TRUE(m->warming);
        CU_ASSERT_EQUAL(pe_model_fit(m, table[0], ROWS, NULL), 0);
        CU_ASSERT_TRUE(is_same(m, &was));
        pe_buffer_free(&was);
        pe_model_destroy(m);
    }
}

/* --- the same again --- */

static void test_same(void)
{
    static const struct {
        const char *kind, *option, *value;
        bool seeded; /* another seed is another model */
    } kinds[] = {
        {"kmeans", "clusters", "4", false},
        {"iforest", "trees", "20", true},
    };

    for (size_t i = 0; i < COUNT(kinds); i++) {
        pe_buffer first = {0};

        for (int turn = 0; turn < 3; turn++) {
            const char *const words[] = {kinds[i].option, kinds[i].value,
                                         "seed", turn < 2 ? "5" : "6", NULL};
            size_t n = make(0, 1);
            pe_model *m = learned(kinds[i].kind, words);
            uint64_t points = m->points, version = m->version;

            CU_ASSERT_EQUAL(pe_model_fit(m, table[0], n, NULL), 1);
            CU_ASSERT_EQUAL(m->points, points);
            CU_ASSERT_EQUAL(m->version, version);
            if (turn == 0)
                first = bytes_of(m);
            if (turn < 2 || kinds[i].seeded)
                CU_ASSERT_EQUAL(is_same(m, &first), turn < 2);
            pe_model_destroy(m);
        }
        pe_buffer_free(&first);
    }
}

/* --- rows with a centre to themselves --- */

static void scores_of(const pe_model *m, size_t n, float *scores)
{
    pe_block b = {
        .data = table, .points = (uint32_t)n, .features = 2, .dtype = PE_F8};

    CU_ASSERT_EQUAL(pe_model_score(m, &b, scores, NULL), 0);
}

/* Rows far from all others are left out as long as they are no more than what
 * is given up as outliers: then they are far from every centre, too.  More of
 * them are a heap like others.
 */
static void test_own_centre(void)
{
    static const struct {
        size_t odd, each;
        const char *contamination;
        size_t out;
    } rows[] = {
        {0, 1, "0.01", 0},  {1, 1, "0.01", 1},
        {2, 1, "0.01", 2},  {2, 1, "0.0001", 0}, /* of 1002 rows that is none */
        {1, 1, "0.001", 1}, {2, 1, "0.001", 1},  /* and that is one */
        {6, 3, "0.01", 6},  {40, 40, "0.01", 0}, /* a heap */
    };
    static float scores[ROWS + ODD_MAX];

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *const words[] = {"clusters", "4", "contamination",
                                     rows[i].contamination, NULL};
        size_t n = make(rows[i].odd, rows[i].each), far = 0;
        pe_model *m = learned("kmeans", words);

        CU_ASSERT_EQUAL(pe_model_fit(m, table[0], n, NULL), 1);
        CU_ASSERT_EQUAL(m->fitted, n - rows[i].out);
        scores_of(m, n, scores);
        for (size_t k = 0; k < n; k++)
            far += scores[k] > 100;
        CU_ASSERT_EQUAL(far, rows[i].out);
        for (size_t k = 0; k < ROWS; k++)
            if (scores[k] > 10) {
                CU_FAIL("a row of the heaps is far from all centres");
                break;
            }
        pe_model_destroy(m);
    }
}

/* A fit does not begin worse than the stream has ended. */
static void test_better(void)
{
    size_t n = make(0, 1);
    static float scores[ROWS + ODD_MAX];

    for (int seed = 1; seed <= 5; seed++) {
        char number[8];
        const char *const words[] = {"clusters", "25", "seed", number, NULL};
        double was = 0, is = 0;
        pe_model *m;

        snprintf(number, sizeof(number), "%d", seed);
        m = learned("kmeans", words);
        scores_of(m, n, scores);
        for (size_t k = 0; k < n; k++)
            was += (double)scores[k] * (double)scores[k];
        CU_ASSERT_EQUAL(pe_model_fit(m, table[0], n, NULL), 1);
        scores_of(m, n, scores);
        for (size_t k = 0; k < n; k++)
            is += (double)scores[k] * (double)scores[k];
        CU_ASSERT(is > 0 && is <= was);
        pe_model_destroy(m);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"tables that are too small", test_bad},
        {"models that do not know enough", test_warming},
        {"the same rows and seed", test_same},
        {"rows with a centre to themselves", test_own_centre},
        {"no worse than the stream", test_better},
        {NULL, NULL},
    };

    return unit_main("fit", tests);
}
