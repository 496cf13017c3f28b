/* threshold.c - the score above which a point is an outlier. */
#include "threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "items.h"
#include "safetensors.h"

#define EXACT_MAX 10000000 /* scores: 40 MB of model */

int threshold_create(struct threshold *t, const pe_options *o, pe_error *errp)
{
    t->window = pe_options_int(o, "window");
    t->exact = !strcmp(pe_options_string(o, "threshold"), "exact");
    if (t->exact && t->window > EXACT_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "window: at most %d with 'threshold: exact', "
                            "whose model holds every score; use 'threshold: "
                            "stream'",
                            EXACT_MAX);
    if (t->exact)
        t->ring = calloc((size_t)t->window, sizeof(*t->ring));
    else
        t->lanes = calloc(QUANTILE_LANES, sizeof(*t->lanes));
    return t->ring || t->lanes ? 0 : pe_error_nomem(errp);
}

void threshold_free(struct threshold *t)
{
    free(t->lanes);
    free(t->ring);
}

size_t threshold_lanes(const struct threshold *t)
{
    return t->exact ? 0 : QUANTILE_LANES;
}

/* Items are whole words, so that rows behind them stay aligned. */
static size_t scores_len(size_t n)
{
    return sizeof(struct item_origin) + (n + 1) / 2 * 2 * sizeof(float);
}

int threshold_reserve(const struct threshold *t, pe_delta *d, const pe_block *b,
                      pe_error *errp)
{
    if (!t->exact)
        return 0;
    return item_reserve(d, ITEM_SCORES, scores_len(b->points), errp) ? 0 : -1;
}

static void keep_scores(pe_delta *d, const pe_block *b, const float *scores)
{
    struct item_origin from = item_origin_of(b, 0);
    unsigned char *out =
        item_reserve(d, ITEM_SCORES, scores_len(b->points), NULL);
    float *to;

    if (!out) /* it was reserved */
        return;
    to = (float *)(void *)(out + sizeof(from));
    for (uint32_t i = 0; i < b->points; i++)
        if (!isnan(scores[i]))
            to[from.n++] = scores[i];
    if (from.n % 2)
        to[from.n] = 0;
    memcpy(out, &from, sizeof(from));
    item_commit(d, scores_len(from.n));
}

void threshold_fold(const struct threshold *t, pe_delta *d, int64_t *lanes,
                    const pe_block *b, const float *scores)
{
    if (t->exact) {
        keep_scores(d, b, scores);
        return;
    }
    for (uint32_t i = 0; i < b->points; i++)
        if (!isnan(scores[i]))
            quantile_count(lanes, scores[i]);
}

static void push(struct threshold *t, const unsigned char *data, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        memcpy(&t->ring[t->next], data + i * sizeof(float), sizeof(float));
        t->next = (t->next + 1) % (size_t)t->window;
        t->n += t->n < (size_t)t->window;
    }
}

static int apply_exact(struct threshold *t, pe_model *m, const pe_delta *d,
                       pe_error *errp)
{
    struct item_ref *refs;
    double *v;
    size_t n;

    if (item_sort(&d->blob, ITEM_SCORES, &refs, &n, errp) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        push(t, refs[i].data, refs[i].from.n);
    free(refs);
    v = malloc((t->n + 1) * sizeof(*v));
    if (!v)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++)
        v[i] = (double)t->ring[i];
    m->threshold = pe_quantile_exact(v, t->n, 1 - m->contamination);
    free(v);
    return 0;
}

int threshold_apply(struct threshold *t, pe_model *m, const pe_delta *d,
                    const int64_t *lanes, pe_error *errp)
{
    int64_t total;

    if (t->exact)
        return apply_exact(t, m, d, errp);
    total = quantile_add(t->lanes, lanes);
    total = quantile_trim(t->lanes, total, t->window);
    m->threshold = quantile_threshold(t->lanes, total, m->contamination);
    return 0;
}

int threshold_encode(const struct threshold *t, pe_tensors *to, pe_error *errp)
{
    const tensor_form lanes = {TENSOR_I64, 1, {QUANTILE_LANES}};
    const tensor_form ring = {TENSOR_F32, 1, {t->n}};

    if (!t->exact)
        return pe_tensors_put(to, "scores", &lanes, t->lanes, errp);
    if (pe_tensors_put_u64(to, "scores_next", t->next, errp) < 0)
        return -1;
    return pe_tensors_put(to, "scores", &ring, t->ring, errp);
}

static int refuse(pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "not a model file: tensor 'scores' does not fit the "
                        "window");
}

static int refuse_counts(pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "not a model file: tensor 'scores' has numbers that "
                        "are no counts");
}

static int decode_ring(struct threshold *t, const pe_tensors *from,
                       pe_error *errp)
{
    uint64_t n, next;
    const float *ring = pe_tensors_get(from, "scores", TENSOR_F32, 1, &n, errp);

    if (!ring || pe_tensors_u64(from, "scores_next", &next, errp) < 0)
        return -1;
    if (n > (uint64_t)t->window || next >= (uint64_t)t->window)
        return refuse(errp);
    memcpy(t->ring, ring, n * sizeof(*ring));
    t->n = n;
    t->next = next;
    return 0;
}

int threshold_decode(struct threshold *t, const pe_tensors *from,
                     pe_error *errp)
{
    const int64_t *lanes;
    uint64_t n;

    if (t->exact)
        return decode_ring(t, from, errp);
    lanes = pe_tensors_get(from, "scores", TENSOR_I64, 1, &n, errp);
    if (!lanes)
        return -1;
    if (n != QUANTILE_LANES)
        return refuse(errp);
    for (uint64_t i = 0, total = 0; i < n; i++) {
        if (lanes[i] < 0 || lanes[i] > INT64_MAX / 2 - (int64_t)total)
            return refuse_counts(errp);
        total += (uint64_t)lanes[i];
    }
    memcpy(t->lanes, lanes, sizeof(*lanes) * QUANTILE_LANES);
    return 0;
}
