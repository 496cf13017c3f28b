/* fit.c - all trees out of all rows, as scikit-learn's IsolationForest. */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/random.h"
#include "src/common/spread.h"

static int set_shift(struct iforest *m, const double *rows, size_t n,
                     pe_error *errp)
{
    size_t d = m->base.features;
    double *work = malloc(n * sizeof(*work));

    if (!work)
        return pe_error_nomem(errp);
    for (size_t f = 0; f < d; f++)
        m->shift[f] = spread_of(rows + f, n, d, work).middle;
    free(work);
    return 0;
}

/* The window, of rows evenly out of all. */
static void fill_window(struct iforest *m, const forest_key *keys, size_t n)
{
    m->rows = n < m->cap ? n : m->cap;
    m->next = m->rows % m->cap;
    for (size_t i = 0; i < m->rows; i++)
        memcpy(m->window + i * m->width, keys + i * n / m->rows * m->width,
               m->width * sizeof(*keys));
}

static int grow(struct iforest *m, const struct forest_seed *from,
                pe_error *errp)
{
    uint64_t seed = random_mix(m->base.seed, 0x666974);

    for (uint32_t t = 0; t < m->forest.trees; t++)
        if (forest_grow(&m->forest, t, from, random_mix(seed, t), errp) < 0)
            return -1;
    m->grown += m->forest.trees;
    m->ring = 0;
    m->sampled = m->psi < from->n ? m->psi : (uint32_t)from->n;
    forest_prepare(&m->forest);
    return 0;
}

int iforest_fit(pe_model *base, const double *rows, size_t n, size_t *usedp,
                pe_error *errp)
{
    struct iforest *m = iforest_of(base);
    pe_block b = {.data = (void *)(uintptr_t)rows,
                  .points = (uint32_t)n,
                  .features = base->features,
                  .dtype = PE_F8};
    forest_key *keys;
    uint32_t *index;
    bool *good;
    int rc = -1;

    *usedp = n;
    if (n < 2 || n > UINT32_MAX)
        return 0;
    keys = calloc(n * m->width, sizeof(*keys));
    index = malloc(n * sizeof(*index));
    good = malloc(n * sizeof(*good));
    if (!keys || !index || !good) {
        pe_error_nomem(errp);
        goto done;
    }
    if (set_shift(m, rows, n, errp) < 0)
        goto done;
    iforest_keys(m, &b, 0, (uint32_t)n, keys, good);
    for (size_t i = 0; i < n; i++)
        index[i] = (uint32_t)i;
    fill_window(m, keys, n);
    rc = grow(m,
              &(struct forest_seed){.rows = keys,
                                    .n = n,
                                    .width = m->width,
                                    .index = index,
                                    .psi = m->psi},
              errp);
done:
    free(good);
    free(index);
    free(keys);
    return rc < 0 ? -1 : 1;
}
