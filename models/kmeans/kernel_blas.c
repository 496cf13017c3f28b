/* kernel_blas.c - |x - c|^2 by one matrix product: the portable fast path. */
#include "kernel.h"

#include <math.h>
#include <string.h>

#include "src/model/blas.h"

#define UNIT 0x1p-51 /* relative error, with room */

/* Rows as the view has them: |x|^2 - 2xc + |c|^2 loses all its digits far
 * from the origin.  [to] is n x stride.  Returned is no less than the squared
 * norm of any: the sum of the largest square of each column.  [most] has room
 * for a row.
 */
static double place(const struct kmeans *k, const double *restrict rows,
                    size_t n, double *restrict to, double *restrict most)
{
    const double *restrict minus = k->view.minus;
    double scale = k->view.scale, all = 0;
    uint32_t stride = k->stride;

    memset(most, 0, stride * sizeof(*most));
    for (size_t i = 0; i < n; i++, rows += stride, to += stride)
        for (uint32_t f = 0; f < stride; f++) {
            double x = rows[f] * scale + minus[f], x2 = x * x;

            to[f] = x;
            most[f] = x2 > most[f] ? x2 : most[f];
        }
    for (uint32_t f = 0; f < stride; f++)
        all += most[f];
    return all;
}

static double square(const double *x, uint32_t n)
{
    double sum = 0;

    for (uint32_t f = 0; f < n; f++)
        sum += x[f] * x[f];
    return sum;
}

/* The centres, and half their norms; one that is left out is never nearest. */
static void place_centers(const struct kmeans *k, double *to, double *half,
                          double *most)
{
    place(k, k->centers, k->k, to, most);
    for (uint32_t j = 0; j < k->k; j++, to += k->stride) {
        half[j] = square(to, k->stride) / 2;
        if (!isnan(k->view.norms[j]))
            continue;
        memset(to, 0, k->stride * sizeof(*to));
        half[j] = 1e300;
    }
}

/* The largest, where no other is within the slack. */
static uint32_t largest(const double *product, const double *half, uint32_t k,
                        double slack)
{
    double most = -INFINITY, bound = -INFINITY;
    uint32_t best = KMEANS_UNSURE;

    for (uint32_t j = 0; j < k; j++) {
        double x = product[j] - half[j];

        if (x >= bound) { /* seldom */
            best = x > most + slack ? j : (uint32_t)KMEANS_UNSURE;
            most = x > most ? x : most;
            bound = most - slack;
        }
    }
    return best;
}

static void assign(const struct kmeans *k, const double *rows, size_t n,
                   uint32_t *label, void *work)
{
    double *x = work;
    double *product = x + (size_t)KMEANS_CHUNK * k->stride;
    double *c = product + (size_t)KMEANS_CHUNK * k->k;
    double *half = c + (size_t)k->k * k->stride, *room = half + k->k;
    double most = place(k, rows, n, x, room);

    place_centers(k, c, half, room);
    blas_dgemm(false, true, n, k->k, k->stride, x, k->stride, c, k->stride,
               product, k->k, false);
    for (size_t i = 0; i < n; i++) {
        double x2 = most <= KMEANS_USUAL_X2
                        ? most
                        : square(x + i * k->stride, k->stride);

        label[i] =
            largest(product + i * k->k, half, k->k, kmeans_slack(k, UNIT, x2));
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
