/* kernel_vector.c - centres in the lanes of vectors; one object an
 * instruction set.
 *
 * The nearest centre is the one with the largest x.c - |c|^2/2, in float and
 * less the shift: the labels are those of f64 wherever the margin is beyond
 * 1e-5.  Its distance is then computed in f64 from the row, which is still in
 * the nearest cache, in the same pass that adds the row to the sums.  Each
 * row's result depends on nothing but the row and the centres.
 */
#include "kernel.h"

#include <math.h>
#include <string.h>

#include "src/model/simd.h"

enum {
    ACROSS = KMEANS_GROUP / VF, /* vectors of centres */
    DOWN = VF == 16 ? 8 : 3,    /* rows at once: registers are the bound */
};

/* --- the nearest centre --- */

/* Products of DOWN rows with one group of centres. */
SIMD void multiply(const struct kmeans *k, const float *x, const float *c,
                   vf acc[DOWN][ACROSS])
{
    uint32_t features = k->base.features;

    UNROLL
    for (int p = 0; p < DOWN; p++) {
        UNROLL
        for (int v = 0; v < ACROSS; v++)
            acc[p][v] = vf_load(c + v * VF);
    }
    for (uint32_t f = 0; f < features; f++) {
        c += KMEANS_GROUP;
        UNROLL
        for (int p = 0; p < DOWN; p++) {
            vf b = vf_set1(x[(size_t)p * k->stride + f]);

            UNROLL
            for (int v = 0; v < ACROSS; v++)
                acc[p][v] = vf_fma(b, vf_load(c + v * VF), acc[p][v]);
        }
    }
}

/* Value and lane of the largest of one row; the lowest lane on ties. */
SIMD float largest(const vf acc[ACROSS], uint32_t *lanep)
{
    vf top = acc[0];
    unsigned where = 0;
    float most;

    UNROLL
    for (int v = 1; v < ACROSS; v++)
        top = vf_max(top, acc[v]);
    most = vf_hmax(top);
    top = vf_set1(most);
    UNROLL
    for (int v = 0; v < ACROSS; v++)
        where |= vf_eq(acc[v], top) << (v * VF);
    *lanep = where ? (uint32_t)__builtin_ctz(where) : 0;
    return where ? most : NAN;
}

SIMD void nearest(const struct kmeans *k, const float *x, float best[DOWN],
                  uint32_t label[DOWN])
{
    size_t group = (size_t)KMEANS_GROUP * (k->base.features + 1);

    for (uint32_t j = 0; j < k->k; j += KMEANS_GROUP) {
        vf acc[DOWN][ACROSS];

        multiply(k, x, k->across + j / KMEANS_GROUP * group, acc);
        UNROLL
        for (int p = 0; p < DOWN; p++) {
            uint32_t lane;
            float most = largest(acc[p], &lane);

            /* NaN stays: float does not reach for this row. */
            if (j == 0 || most > best[p] || isnan(most)) {
                best[p] = most;
                label[p] = j + lane;
            }
        }
    }
}

/* The rows as floats, less the shift. */
static void narrow(const struct kmeans *k, const double *rows, size_t n,
                   float *x)
{
    uint32_t s = k->stride;

    for (size_t i = 0; i < n; i++)
        for (uint32_t f = 0; f < s; f += VD)
            vd_narrow(x + i * s + f,
                      vd_load(rows + i * s + f) - vd_load(k->shift + f));
}

static void assign(const struct kmeans *k, const double *rows, size_t n,
                   uint32_t *label, void *work)
{
    float *x = work, best[DOWN];
    uint32_t lane[DOWN];

    narrow(k, rows, n, x);
    memset(x + n * k->stride, 0, DOWN * k->stride * sizeof(*x));
    for (size_t i = 0; i < n; i += DOWN) {
        nearest(k, x + i * k->stride, best, lane);
        for (size_t p = 0; p < DOWN && i + p < n; p++)
            label[i + p] = fabsf(best[p]) < 1e30F
                               ? lane[p]
                               : kmeans_nearest(k, rows + (i + p) * k->stride);
    }
}

/* --- distance and sums --- */

SIMD double distance(const double *row, const double *c, uint32_t stride)
{
    vd acc = vd_set1(0);

    UNROLL
    for (uint32_t f = 0; f < stride; f += VD) {
        vd x = vd_load(row + f) - vd_load(c + f);

        acc = vd_fma(x, x, acc);
    }
    return vd_sum(acc);
}

SIMD void add(const struct kmeans *k, double *sum, const double *row,
              uint32_t stride)
{
    UNROLL
    for (uint32_t f = 0; f < stride; f += VD)
        vd_store(sum + f,
                 vd_load(sum + f) + (vd_load(row + f) - vd_load(k->shift + f)));
}

/* Adding the magic number leaves a whole number of the grid in the low bits;
 * the bits are added as integers, whose sums have no order.
 */
SIMD void add_exact(const struct kmeans *k, int64_t *grid, const double *row,
                    uint32_t stride)
{
    UNROLL
    for (uint32_t f = 0; f < stride; f += VD) {
        vd x = vd_load(row + f) - vd_load(k->shift + f);

        x = x + vd_load(k->magic + f);
        vi_store(grid + f, vi_add(vi_load(grid + f), vd_bits(x)));
    }
}

/* Seldom asked: rows far from their centre. */
static bool is_wide(const struct kmeans *k, const double *row)
{
    unsigned wide = 0;

    for (uint32_t f = 0; f < k->stride; f += VD)
        wide |= vd_above(vd_abs(vd_load(row + f) - vd_load(k->shift + f)),
                         vd_load(k->limit + f));
    return wide != 0;
}

SIMD void fold_rows(const struct kmeans *k, const double *rows, size_t n,
                    uint32_t *label, float *score, pe_delta *d, bool exact,
                    uint32_t stride)
{
    int64_t *counts = d ? kmeans_counts(k, d) : NULL;

    for (size_t i = 0; i < n; i++) {
        const double *row = rows + i * stride;
        size_t at = (size_t)label[i] * stride;
        double d2 = distance(row, k->centers + at, stride);
        bool wide = exact && !(d2 <= k->near2) && is_wide(k, row);

        if (!(d2 <= KMEANS_D2_MAX) ||
            (wide && !kmeans_add_wide(k, d, label[i], row))) {
            label[i] = KMEANS_MASKED;
            score[i] = NAN;
            continue;
        }
        score[i] = (float)__builtin_sqrt(d2);
        if (!d)
            continue;
        counts[label[i]]++;
        if (!exact)
            add(k, d->sum + at, row, stride);
        else if (!wide)
            add_exact(k, d->count + at, row, stride);
    }
}

/* Compiled for the usual width apart: its loops are straight code. */
static void fold(const struct kmeans *k, const double *rows, size_t n,
                 uint32_t *label, float *score, pe_delta *d)
{
    bool exact = k->exact && d;

    if (exact && k->stride == 32)
        fold_rows(k, rows, n, label, score, d, true, 32);
    else if (exact)
        fold_rows(k, rows, n, label, score, d, true, k->stride);
    else if (k->stride == 32)
        fold_rows(k, rows, n, label, score, d, false, 32);
    else
        fold_rows(k, rows, n, label, score, d, false, k->stride);
}

const struct kmeans_kernel SIMD_NAME(kmeans_kernel) = {
    .tile = KMEANS_TILE,
    .unaligned = true,
    .assign = assign,
    .fold = fold,
};
