/* contract.c - what holds for every model, around its own operations. */
#include <pilot/model.h>

#include <float.h>
#include <math.h>

static int check_features(const pe_model *m, const pe_block *b, pe_error *errp)
{
    if (b->features == m->features)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "features changed from %u to %u", m->features,
                        b->features);
}

static int check_strict(const pe_model *m, const pe_block *b, pe_error *errp)
{
    for (uint32_t i = 0; m->strict && i < b->points; i++)
        for (uint32_t k = 0; k < b->features; k++)
            if (!(fabs(pe_block_at(b, i, k)) <= FLT_MAX))
                return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                    "point %u, feature %u is not finite, or "
                                    "too large (strict)",
                                    i, k);
    return 0;
}

int pe_model_update(const pe_model *base, pe_delta *d, const pe_block *b,
                    float *scores, pe_error *errp)
{
    if (check_features(base, b, errp) < 0 || check_strict(base, b, errp) < 0)
        return -1;
    return base->ops->update(base, d, b, scores, errp);
}

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    if (check_features(m, b, errp) < 0)
        return -1;
    if (!m->warming)
        return m->ops->score(m, b, scores, errp);
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = NAN;
    return 0;
}

int pe_model_apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    return m->ops->apply(m, d, errp);
}

uint64_t pe_model_outliers(const pe_model *m, const float *scores,
                           uint32_t points)
{
    uint64_t n = 0;

    for (uint32_t i = 0; !m->warming && i < points; i++)
        n += (double)scores[i] > m->threshold;
    return n;
}
