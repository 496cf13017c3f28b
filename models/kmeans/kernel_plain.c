/* kernel_plain.c - plain C in f64: the oracle of every faster kernel. */
#include "kernel.h"

#include <math.h>
#include <string.h>

static double distance(const row_f8 *a, const double *b, uint32_t d)
{
    double sum = 0;

    for (uint32_t f = 0; f < d; f++)
        sum += (a[f] - b[f]) * (a[f] - b[f]);
    return sum;
}

/* Of four centres: each sum waits for its own additions. */
static void distances(const row_f8 *row, const double *c, size_t stride,
                      uint32_t d, double d2[4])
{
    const double *c1 = c + stride, *c2 = c1 + stride, *c3 = c2 + stride;
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;

    for (uint32_t f = 0; f < d; f++) {
        double x0 = row[f] - c[f], x1 = row[f] - c1[f];
        double x2 = row[f] - c2[f], x3 = row[f] - c3[f];

        s0 += x0 * x0;
        s1 += x1 * x1;
        s2 += x2 * x2;
        s3 += x3 * x3;
    }
    d2[0] = s0;
    d2[1] = s1;
    d2[2] = s2;
    d2[3] = s3;
}

uint32_t kmeans_nearest(const struct kmeans *k, const row_f8 *row)
{
    double least = INFINITY, d2[4];
    uint32_t best = 0;

    for (uint32_t j = 0; j < k->k; j++) {
        const double *c = k->centers + (size_t)j * k->stride;

        if (j % 4 == 0 && j + 4 <= k->k)
            distances(row, c, k->stride, k->base.features, d2);
        else if (j % 4 == 0 || j >= k->k / 4 * 4)
            d2[j % 4] = distance(row, c, k->base.features);
        if (d2[j % 4] < least) {
            least = d2[j % 4];
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
