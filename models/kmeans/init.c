/* init.c - first centres: k-means++ with greedy local trials, then Lloyd. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "private.h"
#include "src/common/random.h"

static double distance(const double *a, const double *b, uint32_t d)
{
    double sum = 0;

    for (uint32_t f = 0; f < d; f++)
        sum += (a[f] - b[f]) * (a[f] - b[f]);
    return sum;
}

int kmeans_trials(const struct kmeans *k)
{
    return 2 + (int)log((double)k->k);
}

/* Row drawn with a chance in proportion to its distance. */
static size_t draw(random_stream *r, const double *nearest, size_t n,
                   double total)
{
    double at = random_uniform(r) * total;

    for (size_t i = 0; i + 1 < n; i++) {
        at -= nearest[i];
        if (at < 0)
            return i;
    }
    return n - 1;
}

/* Rows that centres are chosen of; one that stands for several counts as many.
 */
struct choice {
    const double *rows, *weights; /* NULL: each stands for itself */
    size_t n;
    uint32_t d;
};

static double weighed(const struct choice *c, size_t i, size_t row)
{
    double x = distance(c->rows + i * c->d, c->rows + row * c->d, c->d);

    return c->weights ? x * c->weights[i] : x;
}

/* Sum of the distances if [row] became a centre. */
static double potential(const struct choice *c, const double *nearest,
                        size_t row)
{
    double sum = 0;

    for (size_t i = 0; i < c->n; i++) {
        double x = weighed(c, i, row);

        sum += x < nearest[i] ? x : nearest[i];
    }
    return sum;
}

static double take(struct kmeans *k, uint32_t j, const struct choice *c,
                   double *nearest, size_t row)
{
    double total = 0;

    memcpy(k->centers + (size_t)j * k->stride, c->rows + row * c->d,
           c->d * sizeof(double));
    for (size_t i = 0; i < c->n; i++) {
        double x = weighed(c, i, row);

        if (j == 0 || x < nearest[i])
            nearest[i] = x;
        total += nearest[i];
    }
    return total;
}

int kmeans_plus_plus(struct kmeans *k, const double *rows,
                     const double *weights, size_t n, uint64_t start,
                     pe_error *errp)
{
    const struct choice c = {rows, weights, n, k->base.features};
    uint64_t key = random_mix(k->base.seed, 0x6b6d6561);
    random_stream r = {start ? random_mix(key, start) : key, 0};
    int trials = kmeans_trials(k);
    double *nearest = malloc(n * sizeof(*nearest)), total;

    if (!nearest)
        return pe_error_nomem(errp);
    total = take(k, 0, &c, nearest, random_below(&r, n));
    for (uint32_t j = 1; j < k->k; j++) {
        size_t best = 0;
        double least = INFINITY;

        for (int t = 0; t < trials; t++) {
            size_t row = draw(&r, nearest, n, total);
            double p = potential(&c, nearest, row);

            if (p < least) {
                least = p;
                best = row;
            }
        }
        total = take(k, j, &c, nearest, best);
    }
    free(nearest);
    memcpy(k->origins, k->centers,
           (size_t)k->k * k->stride * sizeof(*k->origins));
    kmeans_prepare(k);
    return 0;
}

/* Centres become the means of their points; one without stays. */
static void move(struct kmeans *k, const pe_delta *d)
{
    double zero = 0;

    kmeans_add(k, d, zero, false);
    kmeans_prepare(k);
}

int kmeans_lloyd(struct kmeans *k, const double *rows, size_t n, int iterations,
                 pe_error *errp)
{
    bool warming = k->base.warming;
    pe_block b = {
        .data = (void *)rows,
        .points = (uint32_t)n,
        .features = k->base.features,
        .dtype = PE_F8,
    };
    float *scores = malloc((n + 1) * sizeof(*scores));
    pe_delta *d;
    int rc = 0;

    if (!scores)
        return pe_error_nomem(errp);
    k->base.warming = false; /* a delta of sums */
    d = pe_delta_create(&k->base, errp);
    for (int i = 0; d && rc == 0 && i < iterations; i++) {
        rc = pe_delta_reset(d, &k->base, errp);
        if (rc == 0)
            rc = kmeans_fold(k, d, &b, scores, errp);
        if (rc == 0)
            move(k, d);
    }
    k->base.warming = warming;
    memset(k->counts, 0, k->k * sizeof(*k->counts));
    pe_delta_destroy(d);
    free(scores);
    return d ? rc : -1;
}

int kmeans_init(struct kmeans *k, const double *rows, size_t n, pe_error *errp)
{
    if (kmeans_plus_plus(k, rows, NULL, n, 0, errp) < 0)
        return -1;
    return k->iterations ? kmeans_lloyd(k, rows, n, k->iterations, errp) : 0;
}
