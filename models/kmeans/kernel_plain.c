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

uint32_t kmeans_nearest(const struct kmeans *k, const double *row)
{
    double least = INFINITY;
    uint32_t best = 0;

    for (uint32_t j = 0; j < k->k; j++) {
        double d2 =
            distance(row, k->centers + (size_t)j * k->stride, k->base.features);

        if (d2 < least) {
            least = d2;
            best = j;
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
    double *sum = d->sum + (size_t)j * k->stride;

    for (uint32_t f = 0; f < k->base.features; f++)
        sum[f] += row[f] - k->shift[f];
}

static void fold(const struct kmeans *k, const double *rows, size_t n,
                 uint32_t *label, float *score, pe_delta *d)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = rows + i * k->stride;
        uint32_t j = label[i];
        double d2 =
            distance(row, k->centers + (size_t)j * k->stride, k->base.features);
        bool good = d2 <= KMEANS_D2_MAX;

        if (good && d && k->exact)
            good = kmeans_add_wide(k, d, j, row);
        else if (good && d)
            add(k, d, j, row);
        label[i] = good ? j : KMEANS_MASKED;
        score[i] = good ? (float)sqrt(d2) : NAN;
        if (good && d)
            kmeans_counts(k, d)[j]++;
    }
}

const struct kmeans_kernel kmeans_kernel_plain = {
    .tile = KMEANS_CHUNK,
    .assign = assign,
    .fold = fold,
};
