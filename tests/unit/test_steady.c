/* test_steady.c - steady work allocates nothing: every call is counted.
 *
 * Linked with --wrap, so the calls of the models' own objects come here.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "blobs.h"
#include "counted.h"
#include "src/model/path.h"

enum { D = 12, POINTS = 300, BLOCKS = 8, ROUNDS = 4 };

static pe_model *warm_model(const char *kind, const char *options,
                            const pe_block *b)
{
    pe_options *o = pe_model_options(kind, NULL);
    char words[128], *at = NULL;
    pe_error e = {0};
    pe_model *m;
    pe_delta *d;

    snprintf(words, sizeof(words), "%s", options);
    for (char *w = strtok_r(words, "= ", &at); w; w = strtok_r(NULL, "= ", &at))
        CU_ASSERT_EQUAL(pe_options_set(o, w, strtok_r(NULL, "= ", &at), &e), 0);
    m = pe_model_create(kind, o, D, NULL);
    d = pe_delta_create(m, NULL);
    for (int i = 0; m->warming && i < 10; i++) {
        CU_ASSERT_EQUAL(pe_delta_reset(d, m, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_update(m, d, b, NULL, NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    }
    CU_ASSERT_FALSE(m->warming);
    pe_delta_destroy(d);
    pe_options_destroy(o);
    return m;
}

/* Calls of the last of some epochs: their blocks, scored as well. */
static long count_epoch(const pe_model *m, pe_block *b, float *scores)
{
    pe_delta *d = pe_delta_create(m, NULL);
    long last = 0;

    for (int round = 0; round < ROUNDS; round++) {
        counted_calls = 0;
        CU_ASSERT_EQUAL(pe_delta_reset(d, m, NULL), 0);
        for (int i = 0; i < BLOCKS; i++) {
            b->offset = i;
            CU_ASSERT_EQUAL(pe_model_update(m, d, b, scores, NULL), 0);
            CU_ASSERT_EQUAL(pe_model_score(m, b, scores, NULL), 0);
        }
        CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
        last = counted_calls;
    }
    pe_delta_destroy(d);
    return last;
}

static void test_no_allocation(void)
{
    static const struct {
        const char *kind, *options;
    } rows[] = {
        {"kmeans", ""},
        {"kmeans", "exact=true"},
        {"kmeans", "mode=score_after"},
        {"kmeans", "threshold=exact window=1000"},
        {"iforest", ""},
        {"iforest", "refit=true"},
        {"iforest", "mode=score_after"},
        {"autoencoder", ""},
        {"autoencoder", "mode=score_after batch=64"},
        {"autoencoder", "preset=pyod2021 hidden=8,4,4,8"},
    };

    for (int p = 0; p < PATH_COUNT; p++) {
        if (!path_usable((enum model_path)p))
            continue;
        CU_ASSERT_EQUAL(path_select(path_name((enum model_path)p), NULL), 0);
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            float scores[4 * POINTS];
            pe_block b = {0};
            pe_model *m;
            long n;

            blobs_fill(&b, 4 * POINTS, D, PE_F8, 3, 0, NULL);
            m = warm_model(rows[i].kind, rows[i].options, &b);
            b.points = POINTS;
            n = count_epoch(m, &b, scores);
            if (n)
                printf("# %s %s: %ld\n", rows[i].kind, rows[i].options, n);
            CU_ASSERT_EQUAL(n, 0);
            b.points = 4 * POINTS;
            pe_block_release(&b);
            pe_model_destroy(m);
        }
    }
}

/* The counter counts. */
static void test_counting(void)
{
    pe_options *o = pe_model_options("kmeans", NULL);

    counted_calls = 0;
    pe_model_destroy(pe_model_create("kmeans", o, D, NULL));
    CU_ASSERT_TRUE(counted_calls > 5);
    pe_options_destroy(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"allocations are counted", test_counting},
        {"blocks and epochs allocate nothing", test_no_allocation},
        {0},
    };

    return unit_main("test_steady", tests);
}
