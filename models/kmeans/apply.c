/* apply.c - a delta into the centres: means, warm-up, dead centres. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"
#include "src/model/quantile.h"

static void add_lanes(struct kmeans *k, const pe_delta *d)
{
    uint32_t features = k->base.features;

    for (uint32_t j = 0; j < k->k; j++) {
        double n = (double)d->count[j], was = k->decay * k->counts[j];
        double *c = k->centers + (size_t)j * features;

        if (d->tag[j] != k->births[j]) {
            k->stale += (uint64_t)d->count[j];
            n = 0;
        }
        k->counts[j] = was + n;
        if (n == 0)
            continue;
        for (uint32_t f = 0; f < features; f++)
            c[f] = (was * c[f] + d->sum[(size_t)j * features + f]) / (was + n);
    }
    for (size_t i = 0; i < QUANTILE_LANES; i++)
        k->scores[i] += d->count[k->k + i];
    quantile_trim(k->scores, k->window);
    k->base.threshold =
        quantile_threshold(k->scores, k->anchor, k->base.contamination);
}

/* Rows of a delta that was made while warming, folded as ordinary points. */
static int fold_raw(struct kmeans *k, pe_delta *sum, const double *rows,
                    size_t n, pe_error *errp)
{
    if (pe_delta_reset(sum, &k->base, errp) < 0)
        return -1;
    return kmeans_fold_rows(k, sum, rows, n, errp);
}

int kmeans_keep_rows(struct kmeans *k, const double *rows, size_t n,
                     pe_error *errp)
{
    size_t d = k->base.features;
    double *grown;

    if (n == 0)
        return 0;
    grown = realloc(k->rows, (k->n_rows + n) * d * sizeof(*grown));
    if (!grown)
        return pe_error_nomem(errp);
    k->rows = grown;
    memcpy(grown + k->n_rows * d, rows, n * d * sizeof(*rows));
    k->n_rows += n;
    return 0;
}

/* The unit of the scores, from the first ones. */
static void set_anchor(struct kmeans *k, double *acc)
{
    double sum = 0, d2;

    for (size_t i = 0; i < k->n_rows; i++) {
        kmeans_nearest(k, k->rows + i * k->base.features, acc, &d2);
        sum += sqrt(d2);
    }
    k->anchor = quantile_anchor((float)(sum / (double)k->n_rows));
}

/* First centres; then the rows they came from are ordinary points. */
static int end_warmup(struct kmeans *k, pe_delta *sum, pe_error *errp)
{
    double *acc = kmeans_scratch(k);

    if (!acc)
        return pe_error_nomem(errp);
    if (kmeans_init(k, k->rows, k->n_rows, errp) < 0)
        return -1;
    set_anchor(k, acc);
    k->base.warming = false;
    if (fold_raw(k, sum, k->rows, k->n_rows, errp) < 0)
        return -1;
    free(k->rows);
    k->rows = NULL;
    k->n_rows = 0;
    return 0;
}

struct candidate {
    uint64_t hash;
    const unsigned char *row;
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct candidate *)a)->hash;
    uint64_t y = ((const struct candidate *)b)->hash;

    return (x > y) - (x < y);
}

static size_t list_candidates(const pe_delta *d, struct candidate *c,
                              size_t cap)
{
    const unsigned char *p;
    struct kmeans_item item;
    size_t at = 0, n = 0;

    while (n < cap && kmeans_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != KMEANS_CANDIDATE)
            continue;
        memcpy(&c[n].hash, p, sizeof(c[n].hash));
        c[n++].row = p + sizeof(c->hash);
    }
    qsort(c, n, sizeof(*c), by_hash);
    return n;
}

static void rebear(struct kmeans *k, const struct candidate *c, size_t n)
{
    size_t width = k->base.features * sizeof(double), used = 0;
    double most = 0, least = INFINITY;

    for (uint32_t j = 0; j < k->k; j++)
        most = fmax(most, k->counts[j]);
    for (uint32_t j = 0; j < k->k; j++)
        if (k->counts[j] >= 0.01 * most && k->counts[j] < least)
            least = k->counts[j];
    n = n > k->k / 2 ? k->k / 2 : n;
    for (uint32_t j = 0; j < k->k && used < n; j++) {
        if (k->counts[j] >= 0.01 * most)
            continue;
        memcpy((char *)k->centers + j * width, c[used].row, width);
        k->counts[j] = least;
        /* Versions are part of what is committed: all agree on a birth. */
        k->births[j] = random_mix(c[used].hash, k->base.version + 1) | 1;
        used++;
    }
}

/* scikit-learn's reassignment: when a centre has no points, or 10 k points
 * have come since the last look, those with less than 1% of the largest
 * count move to random rows.
 */
static int reassign(struct kmeans *k, const pe_delta *d, pe_error *errp)
{
    struct candidate *c;
    bool empty = false;

    k->since += d->points;
    for (uint32_t j = 0; j < k->k; j++)
        empty = empty || k->counts[j] == 0;
    if (!k->reassign || (!empty && k->since < 10 * (uint64_t)k->k))
        return 0;
    c = malloc(k->k * sizeof(*c));
    if (!c)
        return pe_error_nomem(errp);
    k->since = 0;
    rebear(k, c, list_candidates(d, c, k->k));
    free(c);
    return 0;
}

static int apply_rows(struct kmeans *k, const pe_delta *d, pe_delta *sum,
                      pe_error *errp)
{
    double *rows;
    size_t n;
    int rc;

    if (kmeans_collect_rows(k, d, &rows, &n, errp) < 0)
        return -1;
    if (!k->base.warming)
        rc = fold_raw(k, sum, rows, n, errp);
    else
        rc = kmeans_keep_rows(k, rows, n, errp);
    free(rows);
    if (rc == 0 && k->base.warming && k->n_rows >= k->warmup)
        rc = end_warmup(k, sum, errp);
    return rc;
}

int kmeans_apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    struct kmeans *k = (struct kmeans *)m;
    pe_delta sum = {0};
    int rc;

    if (m->warming && d->n_sum)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "k-means: sums for a model without centres");
    rc = apply_rows(k, d, &sum, errp);
    if (rc == 0 && !m->warming) {
        /* What came with other births is left out by add_lanes. */
        add_lanes(k, &sum);
        if (d->n_sum) {
            double decay = k->decay;

            k->decay = 1;
            add_lanes(k, d);
            k->decay = decay;
        }
        rc = reassign(k, d, errp);
        kmeans_transpose(k);
    }
    m->points += d->points;
    free(sum.sum);
    free(sum.count);
    free(sum.tag);
    pe_buffer_free(&sum.blob);
    return rc;
}
