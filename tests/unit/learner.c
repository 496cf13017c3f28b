/* learner.c - a model under test that learns block by block. */
#include "learner.h"

#include "unit.h"

const double overloads[OVERLOADS] = {1e8, 2147483647, 9.9e37, 3.4e38};

pe_model *learner_make(const char *kind, uint32_t features,
                       const char *const *words)
{
    pe_options *o = pe_model_options(kind, NULL);
    pe_error e = {0};
    pe_model *m;

    for (; words && words[0]; words += 2)
        CU_ASSERT_EQUAL(pe_options_set(o, words[0], words[1], &e), 0);
    m = pe_model_create(kind, o, features, &e);
    pe_options_destroy(o);
    return m;
}

uint64_t learner_learn(pe_model *m, const pe_block *b, float *scores)
{
    pe_delta *d = pe_delta_create(m, NULL);
    pe_error e = {0};
    uint64_t outliers;

    CU_ASSERT_EQUAL(pe_model_update(m, d, b, scores, &e), 0);
    outliers = d->outliers;
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, &e), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, &e), 0);
    m->version++;
    pe_delta_destroy(d);
    return outliers;
}
