/* scaler.c - mean and deviation of each feature, in a stream. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/spread.h"

int scaler_create(struct scaler *s, uint32_t features, pe_error *errp)
{
    for (int i = 0; i < SCALER_VECTORS; i++) {
        double **v = scaler_vector(s, i);

        *v = calloc(features, sizeof(**v));
        if (!*v)
            return pe_error_nomem(errp);
    }
    return 0;
}

void scaler_free(struct scaler *s)
{
    for (int i = 0; i < SCALER_VECTORS; i++)
        free(*scaler_vector(s, i));
}

void scaler_derive(struct autoencoder *a)
{
    const struct scaler *s = &a->scaler;

    for (uint32_t f = 0; f < a->base.features; f++) {
        double mean = s->sum[f] / s->n[f];
        double variance = s->square[f] / s->n[f] - mean * mean;
        double size = fabs(s->shift[f] + mean);

        a->mean[f] = s->shift[f] + mean;
        /* A constant feature keeps its unit; what rounding left is none. */
        if (variance <= 1e-30 * size * size || !(variance > 0))
            variance = 1;
        a->inverse[f] = 1 / sqrt(variance);
    }
}

int scaler_first(struct autoencoder *a, pe_error *errp)
{
    uint32_t d = a->base.features;
    size_t n = a->warmup.n;
    struct scaler *s = &a->scaler;
    double *work = malloc(n * sizeof(*work));

    if (!work)
        return pe_error_nomem(errp);
    for (uint32_t f = 0; f < d; f++) {
        const double *x = a->warmup.rows + f;
        struct spread about = spread_of(x, n, d, work);

        s->shift[f] = about.middle;
        for (size_t i = 0; i < n; i++) {
            double beyond = x[i * d] - about.middle;

            if (n >= SCALER_LOOK && fabs(beyond) > FARTHEST * about.width)
                continue;
            s->n[f]++;
            s->sum[f] += beyond;
            s->square[f] += beyond * beyond;
        }
    }
    free(work);
    scaler_derive(a);
    return 0;
}

/* --- deltas --- */

/* The lanes of feature 0, [n] features of them; LANE_SCALED is in front. */
static double *lanes_of(const pe_delta *d)
{
    return d->sum + d->n_sum - SCALER_LANES * d->n_tag;
}

static double origin_of(const pe_delta *d, uint32_t f)
{
    double origin;

    memcpy(&origin, &d->tag[f], sizeof(origin));
    return origin;
}

void scaler_tag(const struct autoencoder *a, pe_delta *d)
{
    memcpy(d->tag, a->scaler.shift, d->n_tag * sizeof(*d->tag));
}

void scaler_fold(const struct autoencoder *a, pe_delta *d, const pe_block *b,
                 const float *scores)
{
    uint32_t n = a->base.features;
    double *sum = lanes_of(d), *square = sum + n, *far = square + n;

    for (uint32_t i = 0; i < b->points; i++) {
        if (isnan(scores[i]))
            continue;
        autoencoder_lanes(a, d)[LANE_SCALED] += 1;
        for (uint32_t f = 0; f < n; f++) {
            double x = pe_block_at(b, i, f), beyond = x - origin_of(d, f);

            if (a->scaler.n[f] < SCALER_LOOK ||
                fabs((x - a->mean[f]) * a->inverse[f]) < FARTHEST) {
                sum[f] += beyond;
                square[f] += beyond * beyond;
            } else {
                far[f] += 1;
                far[n + f] += x;
                far[2 * n + f] += x * x;
            }
        }
    }
}

/* Sums of [n] values taken beyond another origin, [by] more than this one. */
static void move(double n, double by, double *sum, double *square)
{
    *square += 2 * by * *sum + n * by * by;
    *sum += n * by;
}

void scaler_align(pe_delta *into, const pe_delta *from)
{
    uint32_t n = (uint32_t)from->n_tag;
    double *lanes = lanes_of(into);
    double rows = lanes[LANE_SCALED - LANE_COUNT];

    for (uint32_t f = 0; f < n; f++)
        move(rows - lanes[2 * n + f], origin_of(into, f) - origin_of(from, f),
             &lanes[f], &lanes[n + f]);
    memcpy(into->tag, from->tag, n * sizeof(*into->tag));
}

/* --- apply --- */

/* The far values are the data now. */
static void begin_anew(struct scaler *s, uint32_t f)
{
    double n = s->far_n[f], mean = s->far_sum[f] / n;
    double variance = s->far_square[f] / n - mean * mean;

    /* Where rounding left nothing of it, the next values tell. */
    if (!(variance > 1e-12 * mean * mean)) {
        variance = 0;
        n = 1;
    }
    s->shift[f] = mean;
    s->n[f] = n;
    s->sum[f] = 0;
    s->square[f] = n * variance;
}

static void look(struct scaler *s, uint32_t f)
{
    if (s->recent[f] + s->far_n[f] < SCALER_LOOK)
        return;
    if (s->far_n[f] > s->recent[f])
        begin_anew(s, f);
    s->recent[f] = s->far_n[f] = s->far_sum[f] = s->far_square[f] = 0;
}

void scaler_apply(struct autoencoder *a, const pe_delta *d)
{
    uint32_t n = a->base.features;
    const double *lanes = lanes_of(d), *far = lanes + 2 * n;
    struct scaler *s = &a->scaler;

    if (a->frozen)
        return;
    for (uint32_t f = 0; f < n; f++) {
        double rows = lanes[LANE_SCALED - LANE_COUNT] - far[f];
        double sum = lanes[f], square = lanes[n + f];

        move(rows, origin_of(d, f) - s->shift[f], &sum, &square);
        s->n[f] += rows;
        s->sum[f] += sum;
        s->square[f] += square;
        s->recent[f] += rows;
        s->far_n[f] += far[f];
        s->far_sum[f] += far[n + f];
        s->far_square[f] += far[2 * n + f];
        look(s, f);
    }
    scaler_derive(a);
}
