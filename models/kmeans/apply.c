/* apply.c - a delta into the centres: means, and the end of the warm-up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "private.h"
#include "src/common/spread.h"
#include "src/model/buckets.h"

/* Sum over the points of lane [j] of what lies beyond its origin. */
static double lane_sum(const struct kmeans *k, const pe_delta *d, uint32_t j,
                       uint32_t f)
{
    size_t at = (size_t)j * k->stride + f, level = (size_t)k->k * k->stride;
    double sum = 0, step = k->limit[f] * 0x1p-37;
    uint64_t bits, n = (uint64_t)kmeans_counts(k, d)[j];
    int64_t lanes[KMEANS_LEVELS];

    if (!k->exact)
        return d->sum[at];
    for (size_t l = 0; l < KMEANS_LEVELS; l++)
        lanes[l] = d->count[at + l * level];
    memcpy(&bits, &k->magic[f], sizeof(bits));
    lanes[0] = (int64_t)((uint64_t)lanes[0] - n * bits);
    for (size_t l = 0; l < KMEANS_LEVELS; l++, step *= 0x1p37)
        sum += (double)lanes[l] * step;
    return sum;
}

void kmeans_add(struct kmeans *k, const pe_delta *d, double decay, bool sealed)
{
    const double *origins = sealed ? k->origins : k->centers;
    const int64_t *counts = kmeans_counts(k, d);

    for (uint32_t j = 0; j < k->k; j++) {
        double n = (double)counts[j], was = decay * k->counts[j];
        double *c = k->centers + (size_t)j * k->stride;

        if (d->tag[j] != k->births[j]) {
            k->stale += (uint64_t)counts[j];
            n = 0;
        }
        k->counts[j] = was + n;
        for (uint32_t f = 0; n > 0 && f < k->base.features; f++) {
            double from = origins[(size_t)j * k->stride + f];

            c[f] =
                from + (was * (c[f] - from) + lane_sum(k, d, j, f)) / (was + n);
        }
    }
}

/* The grid of each feature, and whether one outweighs all others. */
static int set_grid(struct kmeans *k, const double *rows, size_t n,
                    pe_error *errp)
{
    uint32_t d = k->base.features;
    double *x = malloc((n + 1) * sizeof(*x)), limit;
    double *width = malloc(d * sizeof(*width));
    int rc = x && width ? 0 : pe_error_nomem(errp);

    for (uint32_t f = 0; rc == 0 && f < d; f++) {
        struct spread s = spread_of(rows + f, n, d, x);

        width[f] = s.width;
        limit = s.width > 0 ? exp2(ceil(log2(s.width)) + 5) : 0;
        k->limit[f] = fmax(limit, KMEANS_LIMIT_LEAST);
    }
    if (rc == 0) {
        warmup_weigh(&k->base, width);
        kmeans_set_magic(k);
    }
    free(width);
    free(x);
    return rc;
}

/* A centre is born where it is: what its sums are taken from. */
static void set_origins(struct kmeans *k)
{
    memcpy(k->origins, k->centers,
           (size_t)k->k * k->stride * sizeof(*k->origins));
}

/* Rows that are known to be finite, as ordinary points into [sum]. */
static int fold_rows(struct kmeans *k, pe_delta *sum, double *rows, size_t n,
                     pe_error *errp)
{
    pe_block b = {
        .data = rows,
        .points = (uint32_t)n,
        .features = k->base.features,
        .dtype = PE_F8,
        .partition = -1,
    };

    if (pe_delta_reset(sum, &k->base, errp) < 0)
        return -1;
    if (n == 0)
        return 0;
    return k->base.ops->update(&k->base, sum, &b, NULL, errp);
}

/* First centres; then the rows they came from are ordinary points. */
static int end_warmup(struct kmeans *k, pe_delta *sum, pe_error *errp)
{
    if (set_grid(k, k->warmup.rows, k->warmup.n, errp) < 0 ||
        kmeans_init(k, k->warmup.rows, k->warmup.n, errp) < 0)
        return -1;
    set_origins(k);
    k->base.warming = false;
    if (fold_rows(k, sum, k->warmup.rows, k->warmup.n, errp) < 0)
        return -1;
    warmup_free(&k->warmup);
    return 0;
}

/* --- what stands for rows of devices --- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static size_t count_devices(const struct kmeans_points *p, uint64_t *sorted)
{
    size_t n = 0;

    if (p->n == 0)
        return 0;
    memcpy(sorted, p->device, p->n * sizeof(*sorted));
    qsort(sorted, p->n, sizeof(*sorted), by_value);
    for (size_t i = 0; i < p->n; i++)
        n += i == 0 || sorted[i] != sorted[i - 1];
    return n;
}

/* Enough for the first centres: rows, and devices.  Some that stay silent hold
 * nobody up once the others have said four times as much as was asked for.
 */
static int is_quorum(const struct kmeans *k, pe_error *errp)
{
    const struct kmeans_points *p = &k->points;
    uint64_t *sorted = malloc((p->n + 1) * sizeof(*sorted));
    double rows = 0;
    size_t devices;

    if (!sorted)
        return pe_error_nomem(errp);
    devices = count_devices(p, sorted);
    free(sorted);
    for (size_t i = 0; i < p->n; i++)
        rows += p->weight[i];
    return p->n > 0 && rows >= (double)k->warmup.want &&
           (devices >= k->quorum || p->parts >= 4 * (uint64_t)k->quorum);
}

static int first_of_points(struct kmeans *k, pe_error *errp)
{
    uint32_t *labels = malloc((k->points.n + 1) * sizeof(*labels));
    int rc;

    if (!labels)
        return pe_error_nomem(errp);
    rc = set_grid(k, k->points.x, k->points.n, errp);
    if (rc == 0)
        rc = kmeans_points_fit(k, &k->points, labels, errp);
    free(labels);
    if (rc < 0)
        return -1;
    set_origins(k);
    k->base.warming = false;
    kmeans_points_free(&k->points);
    kmeans_prepare(k);
    return 0;
}

static int apply_points(struct kmeans *k, const pe_delta *d, pe_error *errp)
{
    struct kmeans_points late = {0};
    int rc;

    if (k->threshold.lanes && buckets_add(k->threshold.lanes, d) < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "k-means: scores that fit no window");
    if (k->base.warming) {
        rc = kmeans_points_collect(&k->points, k->base.features, d, errp);
        rc = rc < 0 ? -1 : is_quorum(k, errp);
        if (rc > 0)
            rc = first_of_points(k, errp);
        return rc < 0 || k->base.warming
                   ? rc
                   : threshold_apply(&k->threshold, &k->base, d, NULL, errp);
    }
    rc = kmeans_points_collect(&late, k->base.features, d, errp);
    if (rc == 0 && late.n > 0)
        rc = kmeans_points_fold(k, &late, errp);
    if (rc == 0 && late.n > 0)
        rc = threshold_apply(&k->threshold, &k->base, d, NULL, errp);
    kmeans_points_free(&late);
    return rc;
}

static int apply_rows(struct kmeans *k, const pe_delta *d, pe_delta *sum,
                      pe_error *errp)
{
    uint32_t features = k->base.features;
    double *rows;
    size_t n;
    int rc;

    if (warmup_collect(features, d, &rows, &n, errp) < 0)
        return -1;
    if (!k->base.warming)
        rc = fold_rows(k, sum, rows, n, errp);
    else
        rc = warmup_keep(&k->warmup, features, rows, n, errp);
    free(rows);
    if (rc == 0 && k->base.warming && k->warmup.n >= k->warmup.want)
        rc = end_warmup(k, sum, errp);
    return rc;
}

static int apply_lanes(struct kmeans *k, const pe_delta *d, double decay,
                       bool sealed, pe_error *errp)
{
    if (d->n_tag == 0)
        return 0;
    kmeans_add(k, d, decay, sealed);
    return threshold_apply(&k->threshold, &k->base, d, kmeans_scores(k, d),
                           errp);
}

int kmeans_apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    struct kmeans *k = kmeans_of(m);
    pe_delta *sum;
    int rc = -1;

    if (m->warming && d->n_tag)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "k-means: sums for a model without centres");
    sum = calloc(1, sizeof(*sum));
    if (!sum)
        return pe_error_nomem(errp);
    if (apply_rows(k, d, sum, errp) < 0 || apply_points(k, d, errp) < 0)
        goto done;
    m->points += d->points;
    rc = 0;
    if (m->warming)
        goto done;
    /* One commit decays once, whatever it holds. */
    if (apply_lanes(k, sum, k->decay, false, errp) < 0 ||
        apply_lanes(k, d, sum->n_tag ? 1 : k->decay, true, errp) < 0 ||
        kmeans_reassign(k, d, errp) < 0)
        rc = -1;
    kmeans_prepare(k);
done:
    pe_delta_destroy(sum);
    return rc;
}
