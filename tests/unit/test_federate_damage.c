/* test_federate_damage.c - deltas of devices that are none, or of others. */
#include <stdlib.h>
#include <string.h>

#include "fed.h"
#include "learner.h"
#include "src/federate/delta.h"
#include "unit.h"

static const char *const centres[] = {"kmeans", "clusters", "3", NULL};

/* Each [step]-th byte of a delta cut off, and some changed: an error, or a
 * delta that can be merged; never anything else.
 */
static void try_damage(const pe_model *m, const learner_delta *delta,
                       size_t step)
{
    pe_block from = {.device = "d0", .partition = 0, .offset = 1};
    unsigned char *copy = malloc(delta->len);

    for (size_t i = 0; i < delta->len; i += step) {
        pe_delta d = {0};
        pe_error e = {0};

        CU_ASSERT_EQUAL(federate_decode(delta->data, i, m, &from, &d, &e), -1);
        UNIT_CONTAINS(e.text, "a delta");
        federate_clear(&d);
    }
    for (size_t i = 0; i < delta->len; i += step) {
        pe_delta d = {0}, *into = pe_delta_create(m, NULL);
        pe_model *to = pe_model_copy(m, NULL);
        pe_error e = {0};

        memcpy(copy, delta->data, delta->len);
        copy[i] ^= 0x81;
        if (federate_decode(copy, delta->len, m, &from, &d, &e) > 0) {
            CU_ASSERT_EQUAL(pe_delta_merge(m->ops, into, &d, &e), 0);
            CU_ASSERT_EQUAL(pe_model_apply(to, into, &e), 0);
        }
        federate_clear(&d);
        pe_delta_destroy(into);
        pe_model_destroy(to);
    }
    free(copy);
}

static void test_damage(void)
{
    pe_block b = {0};
    static const char *const small[] = {"autoencoder", "hidden", "2",
                                        "warmup",      "50",     NULL};
    learner_delta delta;
    pe_error e = {0};
    fed f;

    fed_open(&f, small, NULL, NULL);
    fed_block(&f, 0, 0, N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 61);
    fed_block(&f, 0, 1, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, &b), 1);
    CU_ASSERT_FALSE(f.m->warming);
    fed_block(&f, 0, 2, N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 61);
    fed_close(&f);

    fed_open(&f, centres, NULL, NULL);
    for (int i = 0; i < 5; i++)
        fed_block(&f, 0, i, N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 1);
    fed_block(&f, 0, 5, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    fed_block(&f, 0, 6, 50, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 1);

    pe_block_release(&b);
    fed_close(&f);
}

static void test_damage_of_forest(void)
{
    static const char *const small[] = {"iforest", "trees",  "3",  "psi",
                                        "32",      "warmup", "50", NULL};
    learner_delta delta;
    pe_block b = {0};
    pe_error e = {0};
    fed f;

    fed_open(&f, small, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        fed_block(&f, 0, i, N, &b);
        CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
        try_damage(f.m, &delta, 1);
        fed_block(&f, 0, 10 + i, N, &b);
        CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    }
    CU_ASSERT_FALSE(f.m->warming);
    pe_block_release(&b);
    fed_close(&f);
}

static void test_other_model(void)
{
    learner_delta delta;
    pe_block b = {0};
    pe_error e = {0};
    pe_delta d = {0};
    pe_model *other;
    fed f;

    fed_open(&f, centres, NULL, NULL);
    fed_block(&f, 0, 6, 5 * N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    other = learner_make("kmeans", D + 1, NULL);
    CU_ASSERT_EQUAL(federate_decode(delta.data, delta.len, other, &b, &d, &e),
                    -1);
    UNIT_EQUAL(e.text, "features changed from 9 to 8");
    federate_clear(&d);
    pe_model_destroy(other);
    other = learner_make("iforest", D, NULL);
    CU_ASSERT_EQUAL(federate_decode(delta.data, delta.len, other, &b, &d, &e),
                    -1);
    UNIT_EQUAL(e.text, "a delta of another model than the run's");
    federate_clear(&d);
    pe_model_destroy(other);
    pe_block_release(&b);
    fed_close(&f);
}

int main(void)
{
    static const unit_test tests[] = {
        {"damaged deltas", test_damage},
        {"damaged deltas of a forest", test_damage_of_forest},
        {"a delta of another model", test_other_model},
        {0},
    };

    return unit_main("federate_damage", tests);
}
