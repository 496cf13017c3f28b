/* score.c - a block as keys, and its scores by a forest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "private.h"
#include "src/common/random.h"
#include "src/model/path.h"
#include "src/model/scratch.h"

void iforest_keys(const struct iforest *m, const pe_block *b, uint32_t at,
                  uint32_t n, forest_key *keys, bool *good)
{
    const struct keys_to to = {m->shift, m->width, keys, good};

    switch (path_now()) {
#ifdef PE_X86_KERNELS
    case PATH_AVX512:
        keys_make_avx512(b, at, n, &to);
        return;
    case PATH_AVX2:
        keys_make_avx2(b, at, n, &to);
        return;
#endif
#ifdef PE_ARM_KERNELS
    case PATH_NEON:
        keys_make_neon(b, at, n, &to);
        return;
#endif
    default:
        keys_make(b, at, n, &to);
    }
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

/* What rows of keys are scored by. */
struct judge {
    const struct forest *f;
    size_t width; /* of a row */
    double norm;
};

/* By [f], whose trees were grown from [sampled] rows. */
static struct judge judge_of(const struct iforest *m, const struct forest *f,
                             uint32_t sampled)
{
    double mean = forest_mean_path(sampled > 1 ? sampled : 2);

    return (struct judge){f, m->width,
                          1 / (f->trees * mean * (1 << FOREST_FRACTION))};
}

/* Scores of n rows of keys. */
static void score_keys(const struct judge *j, const forest_key *keys,
                       const bool *good, uint32_t n, float *scores)
{
    uint64_t sum[IFOREST_TILE] = {0};

    forest_walk(j->f, keys, n, j->width, sum);
    to_scores(sum, good, n, j->norm, scores);
}

static uint32_t tile_of(const pe_block *b, uint32_t at)
{
    return b->points - at < IFOREST_TILE ? b->points - at : IFOREST_TILE;
}

int iforest_scores(const struct iforest *m, const struct forest *f,
                   uint32_t sampled, const pe_block *b, float *scores,
                   pe_error *errp)
{
    const struct judge j = judge_of(m, f, sampled);
    size_t bytes = IFOREST_TILE * (size_t)m->width * sizeof(forest_key);
    forest_key *keys = model_scratch(SCRATCH_TILE, bytes, errp);
    bool good[IFOREST_TILE];

    if (!keys)
        return -1;
    for (uint32_t at = 0; at < b->points; at += IFOREST_TILE) {
        uint32_t n = tile_of(b, at);

        iforest_keys(m, b, at, n, keys, good);
        score_keys(&j, keys, good, n, scores + at);
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
    w->n_index = n;
    return 0;
}

/* Keys of all rows of [b], and which are good behind them; a sample is drawn
 * from the first *np of [index], which are those.
 */
static forest_key *all_keys(const struct iforest *m, struct iforest_work *w,
                            const pe_block *b, bool **goodp, size_t *np,
                            pe_error *errp)
{
    size_t bytes = (size_t)b->points * m->width * sizeof(forest_key);
    forest_key *keys = model_scratch(SCRATCH_MODEL, bytes + b->points, errp);
    bool *good;

    if (!keys || reserve_index(w, b->points, errp) < 0)
        return NULL;
    *goodp = good = (bool *)((char *)keys + bytes);
    iforest_keys(m, b, 0, b->points, keys, good);
    *np = 0;
    for (uint32_t i = 0; i < b->points; i++) {
        w->index[*np] = i;
        *np += good[i];
    }
    return keys;
}

int iforest_refit(const struct iforest *m, struct iforest_work *w,
                  const pe_block *b, float *scores, pe_error *errp)
{
    uint64_t key = item_key(random_mix(m->base.seed, 0x72656669), b);
    bool *good;
    size_t n;
    forest_key *keys = all_keys(m, w, b, &good, &n, errp);
    struct forest_seed from;
    struct judge j;

    if (!keys)
        return -1;
    from = (struct forest_seed){.rows = keys,
                                .n = n,
                                .width = m->width,
                                .index = w->index,
                                .psi = m->psi};
    for (uint32_t t = 0; n > 0 && t < w->own.trees; t++)
        if (forest_grow(&w->own, t, &from, random_mix(key, t), errp) < 0)
            return -1;
    forest_prepare(&w->own);
    j = judge_of(m, &w->own, m->psi < n ? m->psi : (uint32_t)n);
    for (uint32_t at = 0; at < b->points; at += IFOREST_TILE)
        score_keys(&j, keys + (size_t)at * m->width, good + at, tile_of(b, at),
                   scores + at);
    return 0;
}
