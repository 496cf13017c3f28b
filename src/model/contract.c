/* contract.c - what holds for every model, around its own operations. */
#include <pilot/model.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

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

/* Of each column the values that had their row masked. */
static void count_cells(const pe_block *b, uint64_t *cells)
{
    for (uint32_t i = 0; i < b->points; i++)
        for (uint32_t k = 0; k < b->features; k++)
            cells[k] += !(fabs(pe_block_at(b, i, k)) <= FLT_MAX);
}

int pe_model_update(const pe_model *base, pe_delta *d, const pe_block *b,
                    float *scores, pe_error *errp)
{
    uint64_t masked;

    if (check_features(base, b, errp) < 0 || check_strict(base, b, errp) < 0)
        return -1;
    masked = d->masked;
    if (base->ops->update(base, d, b, scores, errp) < 0)
        return -1;
    if (d->masked > masked)
        count_cells(b, d->cells);
    return 0;
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

static int add_cells(pe_model *m, const pe_delta *d, pe_error *errp)
{
    if (d->masked == 0 || d->n_cells != m->features)
        return 0;
    if (!m->cells)
        m->cells = calloc(m->features, sizeof(*m->cells));
    if (!m->cells)
        return pe_error_nomem(errp);
    for (uint32_t k = 0; k < d->n_cells; k++)
        m->cells[k] += d->cells[k];
    return 0;
}

int pe_model_apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    if (m->ops->apply(m, d, errp) < 0)
        return -1;
    return add_cells(m, d, errp);
}

int pe_model_fit(pe_model *m, const double *rows, size_t n, pe_error *errp)
{
    size_t used = n;
    int rc = 0;

    if (m->ops->fit && !m->warming)
        rc = m->ops->fit(m, rows, n, &used, errp);
    if (rc > 0)
        m->fitted = used;
    return rc;
}

uint64_t pe_model_outliers(const pe_model *m, const float *scores,
                           uint32_t points)
{
    uint64_t n = 0;

    for (uint32_t i = 0; !m->warming && i < points; i++)
        n += (double)scores[i] > m->threshold;
    return n;
}
