/* kernel_blas.c - |x - c|^2 by one matrix product: the portable fast path. */
#include "kernel.h"

#include <math.h>
#include <string.h>

#include "src/model/blas.h"

/* Rows as the view has them: |x|^2 - 2xc + |c|^2 loses all its digits far
 * from the origin.  [to] is n x stride.
 */
static void place(const struct kmeans *k, const double *rows, size_t n,
                  double *to)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t f = 0; f < k->stride; f++)
            to[i * k->stride + f] =
                rows[i * k->stride + f] * k->view.scale + k->view.minus[f];
}

static double square(const double *x, uint32_t n)
{
    double sum = 0;

    for (uint32_t f = 0; f < n; f++)
        sum += x[f] * x[f];
    return sum;
}

/* The centres, and half their norms; one that is left out is never nearest. */
static void place_centers(const struct kmeans *k, double *to, double *half)
{
    place(k, k->centers, k->k, to);
    for (uint32_t j = 0; j < k->k; j++, to += k->stride) {
        half[j] = square(to, k->stride) / 2;
        if (!isnan(k->view.norms[j]))
            continue;
        memset(to, 0, k->stride * sizeof(*to));
        half[j] = 1e300;
    }
}

static uint32_t largest(const double *product, const double *half, uint32_t k,
                        double slack)
{
    double most = -INFINITY, next = -INFINITY;
    uint32_t best = 0;

    for (uint32_t j = 0; j < k; j++) {
        double x = product[j] - half[j];

        if (x > most) {
            next = most;
            most = x;
            best = j;
        } else if (x > next) {
            next = x;
        }
    }
    return most - next > slack ? best : (uint32_t)KMEANS_UNSURE;
}

static void assign(const struct kmeans *k, const double *rows, size_t n,
                   uint32_t *label, void *work)
{
    double *x = work;
    double *product = x + (size_t)KMEANS_CHUNK * k->stride;
    double *c = product + (size_t)KMEANS_CHUNK * k->k;
    double *half = c + (size_t)k->k * k->stride;

    place(k, rows, n, x);
    place_centers(k, c, half);
    blas_dgemm(false, true, n, k->k, k->stride, x, k->stride, c, k->stride,
               product, k->k, false);
    for (size_t i = 0; i < n; i++) {
        double x2 = square(x + i * k->stride, k->stride);

        label[i] = largest(product + i * k->k, half, k->k,
                           kmeans_slack(k, 0x1p-51, x2));
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
