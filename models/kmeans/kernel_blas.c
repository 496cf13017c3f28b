/* kernel_blas.c - |x - c|^2 by one matrix product: the portable fast path. */
#include "kernel.h"

#include <math.h>
#include <string.h>

#include "src/model/blas.h"

/* Rows and centres less the shift: |x|^2 - 2xc + |c|^2 loses all its digits
 * far from the origin.  [to] is n x stride.
 */
static void centre(const struct kmeans *k, const double *rows, size_t n,
                   double *to)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t f = 0; f < k->stride; f++)
            to[i * k->stride + f] = rows[i * k->stride + f] - k->shift[f];
}

static void half_norms(const double *c, const struct kmeans *k, double *to)
{
    for (uint32_t j = 0; j < k->k; j++) {
        double sum = 0;

        for (uint32_t f = 0; f < k->stride; f++)
            sum += c[(size_t)j * k->stride + f] * c[(size_t)j * k->stride + f];
        to[j] = sum / 2;
    }
}

static uint32_t largest(const double *product, const double *half, uint32_t k)
{
    double most = -INFINITY;
    uint32_t best = KMEANS_MASKED;

    for (uint32_t j = 0; j < k; j++)
        if (product[j] - half[j] > most) {
            most = product[j] - half[j];
            best = j;
        }
    return best;
}

static void assign(const struct kmeans *k, const double *rows, size_t n,
                   uint32_t *label, void *work)
{
    double *x = work;
    double *product = x + (size_t)KMEANS_CHUNK * k->stride;
    double *c = product + (size_t)KMEANS_CHUNK * k->k;
    double *half = c + (size_t)k->k * k->stride;

    centre(k, rows, n, x);
    centre(k, k->centers, k->k, c);
    half_norms(c, k, half);
    blas_dgemm(false, true, n, k->k, k->stride, x, k->stride, c, k->stride,
               product, k->k, false);
    for (size_t i = 0; i < n; i++) {
        label[i] = largest(product + i * k->k, half, k->k);
        if (label[i] == KMEANS_MASKED) /* not finite somewhere */
            label[i] = kmeans_nearest(k, rows + i * k->stride);
    }
}

/* The last step is not a product. */
static void fold(const struct kmeans *k, const double *rows, size_t n,
                 uint32_t *label, float *score, pe_delta *d)
{
    kmeans_kernel_plain.fold(k, rows, n, label, score, d);
}

const struct kmeans_kernel kmeans_kernel_blas = {
    .tile = KMEANS_CHUNK,
    .assign = assign,
    .fold = fold,
};
