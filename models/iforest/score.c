/* score.c - a block as keys, and its scores by a forest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/random.h"
#include "src/model/scratch.h"

/* One row; false when a value is no float. */
static bool make_keys(const double *row, const double *shift, uint32_t d,
                      forest_key *keys)
{
    uint32_t most = 0;

    for (uint32_t f = 0; f < d; f++) {
        float x = (float)(row[f] - shift[f]);
        uint32_t bits, magnitude;

        keys[f] = forest_key_of(x);
        memcpy(&bits, &x, sizeof(bits));
        magnitude = bits & UINT32_C(0x7fffffff);
        most = magnitude > most ? magnitude : most;
    }
    return most < UINT32_C(0x7f800000); /* neither infinite nor NaN */
}

void iforest_keys(const struct iforest *m, const pe_block *b, uint32_t at,
                  uint32_t n, forest_key *keys, bool *good)
{
    uint32_t d = m->base.features;
    double row[256], *wide = d > 256 ? malloc(d * sizeof(*wide)) : row;

    for (uint32_t i = 0; i < n; i++) {
        forest_key *to = keys + (size_t)i * m->width;

        good[i] = wide != NULL;
        if (wide) {
            pe_block_row(b, at + i, wide);
            good[i] = make_keys(wide, m->shift, d, to);
        }
        for (uint32_t f = d; f < m->width; f++)
            to[f] = 0;
    }
    if (wide != row)
        free(wide);
}

/* 2^-x for x >= 0, to 1e-9: the series of e^(x ln 2) about the nearest whole
 * number.  Plain arithmetic, so a compiler can put scores side by side and
 * every machine gets the same bits.
 */
static inline double exp2_minus(double x)
{
    double whole = (x + 0x1.8p52) - 0x1.8p52;
    double y = (whole - x) * 0.6931471805599453, sum;
    uint64_t bits = (uint64_t)(1023 - (int64_t)whole) << 52;
    double scale;

    memcpy(&scale, &bits, sizeof(scale));
    sum = 1 + y / 8 * (1 + y / 9);
    sum = 1 + y / 7 * sum;
    sum = 1 + y / 6 * sum;
    sum = 1 + y / 5 * sum;
    sum = 1 + y / 4 * sum;
    sum = 1 + y / 3 * sum;
    sum = 1 + y / 2 * sum;
    return scale * (1 + y * sum);
}

static void to_scores(const uint64_t *sum, const bool *good, uint32_t n,
                      double norm, float *scores)
{
    for (uint32_t i = 0; i < n; i++)
        scores[i] = good[i] ? (float)exp2_minus((double)sum[i] * norm) : NAN;
}

int iforest_scores(const struct iforest *m, const struct forest *f,
                   uint32_t sampled, const pe_block *b, float *scores,
                   pe_error *errp)
{
    double mean = forest_mean_path(sampled > 1 ? sampled : 2);
    double norm = 1 / (f->trees * mean * (1 << FOREST_FRACTION));
    size_t bytes = IFOREST_TILE * (size_t)m->width * sizeof(forest_key);
    forest_key *keys = model_scratch(SCRATCH_TILE, bytes, errp);
    uint64_t sum[IFOREST_TILE];
    bool good[IFOREST_TILE];

    if (!keys)
        return -1;
    for (uint32_t at = 0; at < b->points; at += IFOREST_TILE) {
        uint32_t n = b->points - at;

        n = n < IFOREST_TILE ? n : IFOREST_TILE;
        iforest_keys(m, b, at, n, keys, good);
        memset(sum, 0, n * sizeof(*sum));
        forest_walk(f, keys, n, m->width, sum);
        to_scores(sum, good, n, norm, scores + at);
    }
    return 0;
}

int iforest_offer(const struct iforest *m, struct sample *s, const pe_block *b,
                  pe_error *errp)
{
    forest_key *row = s->rows + s->cap * s->width;
    uint64_t key = item_key(m->base.seed, b);
    bool good;

    (void)errp;
    for (uint32_t i = 0; i < b->points; i++) {
        uint64_t hash = random_mix(key, i);

        if (s->n == s->cap && hash >= s->heap[0].hash)
            continue;
        iforest_keys(m, b, i, 1, row, &good);
        if (good)
            sample_offer(s, hash, row);
    }
    return 0;
}

static int reserve_index(struct iforest_work *w, size_t n, pe_error *errp)
{
    uint32_t *grown;

    if (n <= w->n_index)
        return 0;
    grown = realloc(w->index, n * sizeof(*grown));
    if (!grown)
        return pe_error_nomem(errp);
    w->index = grown;
    for (; w->n_index < n; w->n_index++)
        grown[w->n_index] = (uint32_t)w->n_index;
    return 0;
}

/* Keys of the rows of [b] that are finite, one after the other. */
static forest_key *finite_keys(const struct iforest *m, const pe_block *b,
                               size_t *np, pe_error *errp)
{
    size_t bytes = ((size_t)b->points + 1) * m->width * sizeof(forest_key);
    forest_key *keys = model_scratch(SCRATCH_MODEL, bytes, errp);
    bool good;

    *np = 0;
    for (uint32_t i = 0; keys && i < b->points; i++) {
        iforest_keys(m, b, i, 1, keys + *np * m->width, &good);
        *np += good;
    }
    return keys;
}

int iforest_refit(const struct iforest *m, struct iforest_work *w,
                  const pe_block *b, float *scores, pe_error *errp)
{
    uint64_t key = item_key(random_mix(m->base.seed, 0x72656669), b);
    size_t n;
    forest_key *keys = finite_keys(m, b, &n, errp);

    if (!keys || reserve_index(w, n, errp) < 0)
        return -1;
    for (uint32_t t = 0; n > 0 && t < w->own.trees; t++)
        if (forest_grow(&w->own, t, keys, n, m->width, m->psi,
                        random_mix(key, t), w->index, errp) < 0)
            return -1;
    forest_prepare(&w->own);
    return iforest_scores(m, &w->own, m->psi < n ? m->psi : (uint32_t)n, b,
                          scores, errp);
}
