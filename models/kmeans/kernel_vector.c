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
    USUAL = 32,                 /* width that code is compiled for apart */
    ACROSS = KMEANS_GROUP / VF, /* vectors of centres */
    DOWN = VF == 16 ? 8 : 3,    /* rows at once: registers are the bound */
};

#define APART __attribute__((noinline))

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

/* What is taken off and added to every row. */
struct origin {
    const double *shift, *magic;
};

SIMD void add(const struct origin *o, double *sum, const double *row,
              uint32_t stride)
{
    UNROLL
    for (uint32_t f = 0; f < stride; f += VD)
        vd_store(sum + f,
                 vd_load(sum + f) + (vd_load(row + f) - vd_load(o->shift + f)));
}

/* Adding the magic number leaves a whole number of the grid in the low bits;
 * the bits are added as integers, whose sums have no order.
 */
SIMD void add_exact(const struct origin *o, int64_t *grid, const double *row,
                    uint32_t stride)
{
    UNROLL
    for (uint32_t f = 0; f < stride; f += VD) {
        vd x = vd_load(row + f) - vd_load(o->shift + f);

        x = x + vd_load(o->magic + f);
        vi_store(grid + f, vi_add(vi_load(grid + f), vd_bits(x)));
    }
}

static bool is_wide(const struct kmeans *k, const double *row)
{
    unsigned wide = 0;

    for (uint32_t f = 0; f < k->stride; f += VD)
        wide |= vd_above(vd_abs(vd_load(row + f) - vd_load(k->shift + f)),
                         vd_load(k->limit + f));
    return wide != 0;
}

struct fold {
    const struct kmeans *k;
    const double *rows;
    size_t n;
    uint32_t *label;
    float *score;
    pe_delta *d;
};

/* A row far from its centre may lie beyond the limits of the grid; false when
 * it does not.  Seldom asked, and kept out of the way of those that are.
 */
static APART bool fold_far(const struct fold *f, size_t i, double d2)
{
    const double *row = f->rows + i * f->k->stride;

    if (!is_wide(f->k, row))
        return false;
    if (d2 <= KMEANS_D2_MAX && kmeans_add_wide(f->k, f->d, f->label[i], row)) {
        f->score[i] = (float)__builtin_sqrt(d2);
        kmeans_counts(f->k, f->d)[f->label[i]]++;
    } else {
        f->label[i] = KMEANS_MASKED;
        f->score[i] = NAN;
    }
    return true;
}

SIMD void fold_rows(const struct fold *f, bool exact, uint32_t stride)
{
    const struct kmeans *k = f->k;
    const struct origin o = {k->shift, k->magic};
    const double *centers = k->centers, *row = f->rows, near2 = k->near2;
    int64_t *counts = f->d ? kmeans_counts(k, f->d) : NULL;
    int64_t *grid = f->d ? f->d->count : NULL;
    double *sums = f->d ? f->d->sum : NULL;
    uint32_t *label = f->label;
    float *score = f->score;
    size_t n = f->n;

    for (size_t i = 0; i < n; i++, row += stride) {
        size_t at = (size_t)label[i] * stride;
        double d2 = distance(row, centers + at, stride);

        if (exact && !(d2 <= near2) && fold_far(f, i, d2))
            continue;
        if (!(d2 <= KMEANS_D2_MAX)) {
            label[i] = KMEANS_MASKED;
            score[i] = NAN;
            continue;
        }
        score[i] = (float)__builtin_sqrt(d2);
        if (!counts)
            continue;
        counts[label[i]]++;
        if (exact)
            add_exact(&o, grid + at, row, stride);
        else
            add(&o, sums + at, row, stride);
    }
}

/* Compiled for the usual width apart, and each by itself: its loops are
 * straight code with what it needs in registers.
 */
static APART void fold_usual(const struct fold *f)
{
    fold_rows(f, false, USUAL);
}

static APART void fold_usual_exact(const struct fold *f)
{
    fold_rows(f, true, USUAL);
}

static APART void fold_any(const struct fold *f)
{
    fold_rows(f, false, f->k->stride);
}

static APART void fold_any_exact(const struct fold *f)
{
    fold_rows(f, true, f->k->stride);
}

static void fold(const struct kmeans *k, const double *rows, size_t n,
                 uint32_t *label, float *score, pe_delta *d)
{
    struct fold f = {k, rows, n, label, score, d};

    if (k->exact && d)
        k->stride == USUAL ? fold_usual_exact(&f) : fold_any_exact(&f);
    else
        k->stride == USUAL ? fold_usual(&f) : fold_any(&f);
}

const struct kmeans_kernel SIMD_NAME(kmeans_kernel) = {
    .tile = KMEANS_TILE,
    .unaligned = true,
    .assign = assign,
    .fold = fold,
};
