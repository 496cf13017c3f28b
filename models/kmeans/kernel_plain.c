/* kernel_plain.c - plain C in f64: the oracle of every faster kernel. */
#include "kernel.h"

#include <math.h>
#include <string.h>

static double distance(const double *a, const double *b, uint32_t d)
{
    double sum = 0;

    for (uint32_t f = 0; f < d; f++)
        sum += (a[f] - b[f]) * (a[f] - b[f]);
    return sum;
}

enum { ABREAST = 4 }; /* centres: each sum waits for its additions */

static void distances(const struct kmeans *k, const double *row, uint32_t j,
                      uint32_t n, double *d2)
{
    const double *c = k->centers + (size_t)j * k->stride;

    for (uint32_t i = 0; i < n; i++)
        d2[i] = 0;
    for (uint32_t f = 0; f < k->base.features; f++)
        for (uint32_t i = 0; i < n; i++) {
            double x = row[f] - c[(size_t)i * k->stride + f];

            d2[i] += x * x;
        }
}

uint32_t kmeans_nearest(const struct kmeans *k, const double *row)
{
    double least = INFINITY, d2[ABREAST];
    uint32_t best = 0;

    for (uint32_t j = 0; j < k->k; j += ABREAST) {
        uint32_t n = k->k - j < ABREAST ? k->k - j : ABREAST;

        /* The whole ones with a constant: straight code. */
        if (n == ABREAST)
            distances(k, row, j, ABREAST, d2);
        else
            distances(k, row, j, n, d2);
        for (uint32_t i = 0; i < n; i++)
            if (d2[i] < least) {
                least = d2[i];
                best = j + i;
            }
    }
    return best;
}

static void assign(const struct kmeans *k, const double *rows, size_t n,
                   uint32_t *label, void *work)
{
    (void)work;
    for (size_t i = 0; i < n; i++)
        label[i] = kmeans_nearest(k, rows + i * k->stride);
}

static void add(const struct kmeans *k, pe_delta *d, uint32_t j,
                const double *row)
{
    const double *c = k->centers + (size_t)j * k->stride;
    double *sum = d->sum + (size_t)j * k->stride;

    for (uint32_t f = 0; f < k->base.features; f++)
        sum[f] += row[f] - c[f];
}

static void fold(const struct kmeans *k, const double *rows, size_t n,
                 uint32_t *label, float *score, pe_delta *d)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = rows + i * k->stride;
        uint32_t j = label[i];
        double d2 =
            distance(row, k->centers + (size_t)j * k->stride, k->base.features);

        score[i] = d2 <= KMEANS_D2_SURE ? (float)sqrt(d2)
                                        : kmeans_far_score(k, row, d2);
        if (isnan(score[i])) {
            label[i] = KMEANS_MASKED;
            continue;
        }
        if (!d)
            continue;
        kmeans_counts(k, d)[j]++;
        if (k->exact)
            kmeans_add_wide(k, d, j, row);
        else
            add(k, d, j, row);
    }
}

const struct kmeans_kernel kmeans_kernel_plain = {
    .tile = KMEANS_CHUNK,
    .assign = assign,
    .fold = fold,
};
