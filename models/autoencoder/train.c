/* train.c - a block through the net: standardised, learned from, scored. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "private.h"
#include "src/common/random.h"
#include "src/model/items.h"
#include "src/model/scratch.h"

/* Numbers that have all but died out are slow on some processors and matter
 * on none: moments of units that no longer learn.
 */
static unsigned denormals_off(void)
{
#ifdef __SSE__
    unsigned was = _mm_getcsr();

    _mm_setcsr(was | 0x8040);
    return was;
#else
    return 0;
#endif
}

static void denormals_back(unsigned was)
{
#ifdef __SSE__
    _mm_setcsr(was);
#else
    (void)was;
#endif
}

/* A value FARTHEST deviations off is as odd as can be: beyond it only the
 * arithmetic would suffer.
 */
static void standardise_row(const struct autoencoder *a, const double *row,
                            float *z)
{
    for (uint32_t f = 0; f < a->base.features; f++) {
        double x = (row[f] - a->mean[f]) * a->inverse[f];

        x = x < -FARTHEST ? -FARTHEST : x;
        z[f] = (float)(x > FARTHEST ? FARTHEST : x);
    }
}

int autoencoder_standardise(const struct autoencoder *a, const pe_block *b,
                            float *z, bool *good, pe_error *errp)
{
    uint32_t d = a->base.features, ld = a->net.pad[0];
    double *row = model_scratch(SCRATCH_MODEL, d * sizeof(*row), errp);

    if (!row)
        return -1;
    for (uint32_t i = 0; i < b->points; i++, z += ld) {
        pe_block_row(b, i, row);
        good[i] = row_is_finite(row, d);
        if (good[i])
            standardise_row(a, row, z);
        for (uint32_t f = good[i] ? d : 0; f < ld; f++)
            z[f] = 0;
    }
    return 0;
}

/* A block's rows as the net takes them. */
struct rows {
    uint32_t n;
    float *z;
    bool *good; /* finite */
};

static int prepare(const struct autoencoder *a, const pe_block *b,
                   struct rows *r, pe_error *errp)
{
    size_t floats = (size_t)b->points * a->net.pad[0];

    r->n = b->points;
    r->z = model_scratch(SCRATCH_TILE, floats * sizeof(*r->z) + r->n, errp);
    if (!r->z)
        return -1;
    r->good = (bool *)(r->z + floats);
    return autoencoder_standardise(a, b, r->z, r->good, errp);
}

static void score_rows(const struct autoencoder *a, const float *w,
                       const struct rows *r, float *scores, void *tape)
{
    net_score(&a->net, w, r->z, r->n, scores, tape);
    for (uint32_t i = 0; i < r->n; i++)
        if (!r->good[i])
            scores[i] = NAN;
}

int autoencoder_scores(const struct autoencoder *a, const float *w,
                       const pe_block *b, float *scores, pe_error *errp)
{
    void *tape = model_scratch(SCRATCH_KERNEL, net_score_bytes(&a->net), errp);
    struct rows r;
    unsigned was;

    if (!tape || prepare(a, b, &r, errp) < 0)
        return -1;
    was = denormals_off();
    score_rows(a, w, &r, scores, tape);
    denormals_back(was);
    return 0;
}

/* --- learning --- */

/* What a step over shuffled rows works in. */
struct shuffle {
    uint32_t *order; /* rows that are finite, shuffled */
    uint32_t n;
    float *z;      /* a batch of them */
    uint32_t *key; /* its keys for dropout */
    void *tape;
};

static int begin_shuffle(const struct autoencoder *a, uint32_t points,
                         struct shuffle *s, pe_error *errp)
{
    size_t batch = a->batch, floats = batch * a->net.pad[0];
    size_t tape = net_tape_bytes(&a->net, a->batch);
    size_t score = net_score_bytes(&a->net);
    char *p;

    tape = (tape > score ? tape : score) / 64 * 64 + 64;
    p = model_scratch(SCRATCH_KERNEL,
                      tape + floats * sizeof(float) +
                          (batch + points) * sizeof(uint32_t),
                      errp);
    if (!p)
        return -1;
    s->tape = p;
    s->z = (float *)(void *)(p + tape);
    s->key = (uint32_t *)(void *)(s->z + floats);
    s->order = s->key + batch;
    return 0;
}

static bool is_far(const float *z, uint32_t n)
{
    int far = 0;

    for (uint32_t f = 0; f < n; f++)
        far |= fabsf(z[f]) >= (float)FARTHEST;
    return far;
}

/* A block is learned from but for its last rows, as Keras holds out, and rows
 * with a value that is far: a step would follow that alone.
 */
static void choose_rows(const struct autoencoder *a, const struct rows *r,
                        struct shuffle *s)
{
    uint32_t last = (uint32_t)floor((1 - a->holdout) * r->n);
    const float *z = r->z;

    s->n = 0;
    for (uint32_t i = 0; i < last; i++, z += a->net.pad[0]) {
        s->order[s->n] = i;
        s->n += r->good[i] && !is_far(z, a->base.features);
    }
}

/* Which rows come together is drawn by the block's key and the pass alone. */
static void shuffle_rows(struct shuffle *s, uint64_t key)
{
    random_stream r = {key, 0};

    for (uint32_t i = s->n; i > 1; i--) {
        uint32_t k = (uint32_t)random_below(&r, i), row = s->order[i - 1];

        s->order[i - 1] = s->order[k];
        s->order[k] = row;
    }
}

/* The rows that [order] names, and their keys for dropout, to a step. */
static void gather(const struct shuffle *s, const uint32_t *order, uint32_t n,
                   const float *z, uint32_t ld, uint64_t key)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t h = random_mix(key, order[i]);

        memcpy(s->z + (size_t)i * ld, z + (size_t)order[i] * ld,
               ld * sizeof(float));
        s->key[i] = (uint32_t)(h ^ (h >> 32));
    }
}

static double learn_pass(const struct autoencoder *a, struct net_state *state,
                         struct shuffle *s, const float *z, uint64_t key)
{
    double loss = 0;

    shuffle_rows(s, random_mix(key, 1));
    for (uint32_t at = 0; at < s->n; at += a->batch) {
        uint32_t n = s->n - at < a->batch ? s->n - at : a->batch;

        gather(s, s->order + at, n, z, a->net.pad[0], random_mix(key, 2));
        loss += net_step(&a->net, state, s->z, n, s->key, s->tape);
    }
    return loss;
}

/* Not the fault of one block: nothing this rank has learned since its base
 * can be used.
 */
static int fail_diverged(const struct autoencoder *a, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "autoencoder: the net diverged, its loss is not "
                        "finite; the committed model is as it was; lower "
                        "'rate' (%g)",
                        (double)a->net.rate);
}

int autoencoder_train(const struct autoencoder *a, struct autoencoder_work *w,
                      const pe_block *b, float *scores, pe_error *errp)
{
    uint64_t key = item_key(a->base.seed, b);
    bool after = a->base.score_after;
    double loss = 0;
    struct shuffle s;
    struct rows r;
    unsigned was;

    if (begin_shuffle(a, b->points, &s, errp) < 0 ||
        prepare(a, b, &r, errp) < 0)
        return -1;
    was = denormals_off();
    if (!after)
        score_rows(a, a->state.w, &r, scores, s.tape);
    choose_rows(a, &r, &s);
    for (uint32_t p = 0; p < a->passes && isfinite(loss); p++)
        loss += learn_pass(a, &w->state, &s, r.z, random_mix(key, p));
    if (after)
        score_rows(a, w->state.w, &r, scores, s.tape);
    denormals_back(was);
    w->rows += s.n;
    return isfinite(loss) ? 0 : fail_diverged(a, errp);
}
