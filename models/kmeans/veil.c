/* veil.c - what leaves a device: sums and means of many rows, and no row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "private.h"
#include "src/model/buckets.h"

/* --- sums about the centres there are --- */

static double distance2(const double *a, const double *b, uint32_t d)
{
    double sum = 0;

    for (uint32_t f = 0; f < d; f++)
        sum += (a[f] - b[f]) * (a[f] - b[f]);
    return sum;
}

/* Of those with [least] points and more, the one nearest to [j]; k: none. */
static uint32_t neighbour(const struct kmeans *k, const double *centers,
                          const double *counts, uint32_t j, double least)
{
    const double *c = centers + (size_t)j * k->stride;
    double nearest = INFINITY;
    uint32_t best = k->k;

    for (uint32_t i = 0; i < k->k; i++) {
        double d2 =
            distance2(centers + (size_t)i * k->stride, c, k->base.features);

        if (i == j || counts[i] < least || !(d2 < nearest))
            continue;
        nearest = d2;
        best = i;
    }
    return best;
}

static uint32_t largest(const struct kmeans *k, const double *counts)
{
    uint32_t best = 0;

    for (uint32_t j = 1; j < k->k; j++)
        if (counts[j] > counts[best])
            best = j;
    return best;
}

/* What lane [j] has learned is of centre [i] from now on. */
static void give_lane(const struct kmeans *k, pe_delta *d, uint32_t j,
                      uint32_t i)
{
    const double *from = k->centers + (size_t)j * k->stride;
    const double *to = k->centers + (size_t)i * k->stride;
    double *a = d->sum + (size_t)j * k->stride;
    double *b = d->sum + (size_t)i * k->stride;
    int64_t *counts = kmeans_counts(k, d);

    for (uint32_t f = 0; f < k->base.features; f++) {
        b[f] += a[f] + (double)counts[j] * (from[f] - to[f]);
        a[f] = 0;
    }
    counts[i] += counts[j];
    counts[j] = 0;
}

/* Into which centre each of less than [least] rows goes, itself: it has
 * enough, or nothing.
 */
static void choose(const struct kmeans *k, const double *centers,
                   const double *counts, uint64_t least, uint32_t *to)
{
    uint32_t last = largest(k, counts);

    for (uint32_t j = 0; j < k->k; j++) {
        to[j] = j;
        if (counts[j] == 0 || counts[j] >= (double)least)
            continue;
        to[j] = neighbour(k, centers, counts, j, (double)least);
        /* None has enough: all of them together have. */
        to[j] = to[j] < k->k ? to[j] : last;
    }
}

static int veil_lanes(const struct kmeans *k, pe_delta *d, uint64_t least,
                      pe_error *errp)
{
    int64_t *counts = kmeans_counts(k, d);
    struct kmeans_work *w = d->work;
    double *n = calloc(k->k, sizeof(*n));
    uint32_t *to = calloc(k->k, sizeof(*to));
    int rc = n && to ? 1 : pe_error_nomem(errp);

    for (uint32_t j = 0; rc > 0 && j < k->k; j++)
        n[j] = (double)counts[j];
    if (rc > 0)
        choose(k, k->centers, n, least, to);
    for (uint32_t j = 0; rc > 0 && j < k->k; j++)
        if (to[j] != j)
            give_lane(k, d, j, to[j]);
    free(n);
    free(to);
    if (rc < 0)
        return -1;
    w->candidates.n = 0; /* they are rows */
    kmeans_seal_sums(k, d);
    return 1;
}

/* --- instead of the rows of a warm-up --- */

/* The scores that rows have by the centres which stand for them. */
static void count_scores(const struct kmeans *k, const struct kmeans_points *p,
                         size_t rows, const uint32_t *labels, int64_t *lanes)
{
    for (size_t i = 0; i < rows; i++) {
        size_t at = i * k->base.features;
        const double *c = k->centers + (size_t)labels[i] * k->stride;

        quantile_count(
            lanes,
            (float)fmin(sqrt(distance2(p->x + at, c, k->base.features)), 3e38));
    }
}

/* The centres of [k] that have points, as points. */
static int put_centers(const struct kmeans *k, uint64_t least, pe_delta *d,
                       pe_error *errp)
{
    struct kmeans_points out = {0};
    uint32_t *to = calloc(k->k, sizeof(*to));
    int rc = to ? 0 : pe_error_nomem(errp);

    if (rc == 0)
        choose(k, k->centers, k->counts, least, to);
    for (uint32_t j = 0; rc == 0 && j < k->k; j++) {
        double *c = k->centers + (size_t)to[j] * k->stride;
        const double *x = k->centers + (size_t)j * k->stride;
        double n = k->counts[to[j]] + k->counts[j];

        if (to[j] == j)
            continue;
        for (uint32_t f = 0; f < k->base.features; f++)
            c[f] += (x[f] - c[f]) * (k->counts[j] / n);
        k->counts[to[j]] = n;
        k->counts[j] = 0;
    }
    for (uint32_t j = 0; rc == 0 && j < k->k; j++)
        if (k->counts[j] > 0)
            rc = kmeans_points_add(&out, k->base.features,
                                   k->centers + (size_t)j * k->stride,
                                   &k->counts[j], 1, errp);
    if (rc == 0)
        rc = kmeans_points_put(&out, k->base.features, d, errp);
    kmeans_points_free(&out);
    free(to);
    return rc;
}

/* Rows, and behind them what stands for others; *rowsp of the former. */
static int gather(const pe_model *base, const pe_delta *d,
                  struct kmeans_points *p, size_t *rowsp, pe_error *errp)
{
    double *rows;
    int rc;

    if (warmup_collect(base->features, d, &rows, rowsp, errp) < 0)
        return -1;
    rc = kmeans_points_add(p, base->features, rows, NULL, *rowsp, errp);
    free(rows);
    return rc < 0 ? -1 : kmeans_points_collect(p, base->features, d, errp);
}

static int veil_rows(const pe_model *base, pe_delta *d, uint64_t least,
                     pe_error *errp)
{
    struct kmeans_points p = {0};
    struct kmeans *k = kmeans_of(
        pe_model_create("kmeans", base->options, base->features, errp));
    int64_t *lanes = calloc(QUANTILE_LANES, sizeof(*lanes));
    uint32_t *labels = NULL;
    size_t rows = 0;
    int rc = -1;

    if (!lanes)
        pe_error_nomem(errp);
    if (!k || !lanes || gather(base, d, &p, &rows, errp) < 0)
        goto done;
    labels = malloc((p.n + 1) * sizeof(*labels));
    if (!labels) {
        pe_error_nomem(errp);
        goto done;
    }
    k->base.seed = base->seed;
    if (buckets_add(lanes, d) < 0 || kmeans_points_fit(k, &p, labels, errp) < 0)
        goto done;
    d->blob.len = 0;
    count_scores(k, &p, rows, labels, lanes);
    if (buckets_put(lanes, d, errp) == 0 && put_centers(k, least, d, errp) == 0)
        rc = 1;
done:
    kmeans_points_free(&p);
    free(labels);
    free(lanes);
    pe_model_destroy(k ? &k->base : NULL);
    return rc;
}

int kmeans_veil(const pe_model *base, pe_delta *d, uint64_t least,
                pe_error *errp)
{
    if (d->points < least)
        return 0;
    return base->warming ? veil_rows(base, d, least, errp)
                         : veil_lanes(kmeans_cof(base), d, least, errp);
}

/* --- what comes of devices --- */

static int refuse(const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "a delta of k-means %s", why);
}

/* Items alone, and they are points for all of its rows. */
static int admit_points(const pe_model *base, pe_delta *d, const pe_block *from,
                        pe_error *errp)
{
    const unsigned char *p;
    struct item item;
    uint64_t rows = 0, some;
    size_t at = 0;

    while (item_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        unsigned char *own = d->blob.data + (p - d->blob.data);

        if (item.kind == ITEM_BUCKETS && buckets_check(p, item.len, d->points))
            continue;
        if (item.kind != ITEM_POINTS ||
            !kmeans_points_check(p, item.len, base->features, &some))
            return refuse("with an item that is none", errp);
        kmeans_points_place(own, from);
        rows += some;
    }
    if (at != d->blob.len || rows != d->points)
        return refuse("whose points do not add up to its rows", errp);
    return 1;
}

static int admit_lanes(const struct kmeans *k, pe_delta *d, pe_error *errp)
{
    const int64_t *counts = kmeans_counts(k, d);
    uint64_t rows = 0, scores = 0;

    if (k->exact || d->n_sum != (size_t)k->k * k->stride ||
        d->n_tag != k->k + (size_t)1 ||
        d->n_count != k->k + threshold_lanes(&k->threshold) || d->blob.len)
        return refuse("for a model of other options", errp);
    for (size_t i = 0; i < d->n_count; i++) {
        if (counts[i] < 0 || (uint64_t)counts[i] > 2 * d->points)
            return refuse("with numbers that are no counts", errp);
        rows += i < k->k ? (uint64_t)counts[i] : 0;
        scores += i < k->k ? 0 : (uint64_t)counts[i];
    }
    if (rows != d->points || scores > 2 * rows)
        return refuse("whose counts do not add up to its rows", errp);
    for (uint32_t j = 0; j < k->k; j++)
        if (d->tag[j] != k->births[j])
            kmeans_drop_lane(d, j, k->k);
    memcpy(d->tag, k->births, k->k * sizeof(*k->births));
    d->tag[k->k] = 0;
    return 1;
}

int kmeans_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                 pe_error *errp)
{
    if (!d->n_tag && !d->n_sum && !d->n_count)
        return admit_points(base, d, from, errp);
    return base->warming ? 0 : admit_lanes(kmeans_cof(base), d, errp);
}
