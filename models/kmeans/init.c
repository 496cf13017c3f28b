/* init.c - first centres: k-means++ with greedy local trials. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"

static double distance(const double *a, const double *b, uint32_t d)
{
    double sum = 0;

    for (uint32_t f = 0; f < d; f++)
        sum += (a[f] - b[f]) * (a[f] - b[f]);
    return sum;
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

/* Sum of the distances if [row] became a centre. */
static double potential(const double *rows, const double *nearest, size_t n,
                        uint32_t d, size_t row)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double x = distance(rows + i * d, rows + row * d, d);

        sum += x < nearest[i] ? x : nearest[i];
    }
    return sum;
}

static double take(struct kmeans *m, uint32_t j, const double *rows,
                   double *nearest, size_t n, size_t row)
{
    uint32_t d = m->base.features;
    double total = 0;

    memcpy(m->centers + (size_t)j * d, rows + row * d, d * sizeof(double));
    for (size_t i = 0; i < n; i++) {
        double x = distance(rows + i * d, rows + row * d, d);

        if (j == 0 || x < nearest[i])
            nearest[i] = x;
        total += nearest[i];
    }
    return total;
}

int kmeans_init(struct kmeans *m, const double *rows, size_t n, pe_error *errp)
{
    random_stream r = {random_mix(m->base.seed, 0x6b6d6561), 0};
    int trials = 2 + (int)log((double)m->k);
    double *nearest = malloc(n * sizeof(*nearest)), total;

    if (!nearest)
        return pe_error_nomem(errp);
    total = take(m, 0, rows, nearest, n, random_below(&r, n));
    for (uint32_t j = 1; j < m->k; j++) {
        size_t best = 0;
        double least = INFINITY;

        for (int t = 0; t < trials; t++) {
            size_t row = draw(&r, nearest, n, total);
            double p = potential(rows, nearest, n, m->base.features, row);

            if (p < least) {
                least = p;
                best = row;
            }
        }
        total = take(m, j, rows, nearest, n, best);
    }
    free(nearest);
    kmeans_transpose(m);
    return 0;
}
