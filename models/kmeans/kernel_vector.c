/* kernel_vector.c - centres in the lanes of vectors; one object an
 * instruction set.
 *
 * The nearest centre is the one with the largest x.c - |c|^2/2, in float and
 * as the view has them; where another comes within the error of that, f64
 * decides.  Its distance is then computed in f64 from the row, which is still
 * in the nearest cache, in the same pass that adds the row to the sums.  Each
 * row's result depends on nothing but the row and the centres.
 */
#include "kernel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "src/model/simd.h"

enum {
    USUAL = 32,                 /* width that code is compiled for apart */
    ACROSS = KMEANS_GROUP / VF, /* vectors of centres */
    DOWN = VF == 16 ? 8 : 3,    /* rows at once: registers are the bound */
};

#define UNIT 0x1p-23 /* relative error of a float, with room */

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

/* Value of the largest of one row, and a bit for each lane that is not more
 * than [slack] below it.
 */
SIMD float largest(const vf acc[ACROSS], float slack, unsigned *lanesp)
{
    vf top = acc[0];
    unsigned where = 0;
    float most;

    UNROLL
    for (int v = 1; v < ACROSS; v++)
        top = vf_max(top, acc[v]);
    most = vf_hmax(top);
    top = vf_set1(most - slack);
    UNROLL
    for (int v = 0; v < ACROSS; v++)
        where |= vf_not_below(acc[v], top) << (v * VF);
    *lanesp = where;
    return most;
}

/* None is set where the row is not finite. */
SIMD uint32_t lane_of(unsigned lanes, uint32_t first)
{
    bool one = lanes && !(lanes & (lanes - 1));

    return one ? first + (uint32_t)__builtin_ctz(lanes) : KMEANS_UNSURE;
}

/* Of DOWN rows the label, or KMEANS_UNSURE. */
SIMD void nearest(const struct kmeans *k, const float *x, const float *slack,
                  uint32_t label[DOWN])
{
    size_t group = (size_t)KMEANS_GROUP * (k->base.features + 1);
    float best[DOWN] = {0};

    for (uint32_t j = 0; j < k->k; j += KMEANS_GROUP) {
        vf acc[DOWN][ACROSS];

        multiply(k, x, k->view.across + j / KMEANS_GROUP * group, acc);
        UNROLL
        for (int p = 0; p < DOWN; p++) {
            unsigned lanes;
            float most = largest(acc[p], slack[p], &lanes);

            if (j == 0 || most - best[p] > slack[p]) {
                best[p] = most;
                label[p] = lane_of(lanes, j);
            } else if (!(best[p] - most > slack[p])) {
                best[p] = most > best[p] ? most : best[p];
                label[p] = KMEANS_UNSURE;
            }
        }
    }
}

/* Squared norms of rows in the view: the slack of each. */
static APART void slacks(const struct kmeans *k, const float *x, size_t n,
                         float *slack)
{
    for (size_t i = 0; i < n; i++, x += k->stride) {
        double x2 = 0;

        for (uint32_t f = 0; f < k->base.features; f++)
            x2 += (double)x[f] * (double)x[f];
        slack[i] = (float)kmeans_slack(k, UNIT, x2);
    }
}

/* The rows as floats of the view, and of each the slack: one for all where
 * none is far out, by a norm that no row has more of.
 */
static void narrow(const struct kmeans *k, const double *rows, size_t n,
                   float *x, float *slack)
{
    const vd scale = vd_set1(k->view.scale);
    const double *minus = k->view.minus;
    uint32_t s = k->stride;
    vd most = vd_set1(0);
    float *to = x;
    double x2;

    for (size_t i = 0; i < n; i++, to += s, rows += s) {
        vd sum = vd_set1(0);

        for (uint32_t f = 0; f < s; f += VD) {
            vd v = vd_fma(vd_load(rows + f), scale, vd_load(minus + f));

            vd_narrow(to + f, v);
            sum = vd_fma(v, v, sum);
        }
        most = vd_max(sum, most);
    }
    x2 = vd_sum(most);
    if (!(x2 <= KMEANS_USUAL_X2 && x2 <= k->view.reach2)) {
        slacks(k, x, n, slack);
        return;
    }
    for (size_t i = 0; i < n; i++)
        slack[i] = (float)kmeans_slack(k, UNIT, x2);
}

static void assign(const struct kmeans *k, const double *rows, size_t n,
                   uint32_t *label, void *work)
{
    float *x = work, slack[KMEANS_TILE + DOWN] = {0};
    uint32_t lane[DOWN];

    narrow(k, rows, n, x, slack);
    memset(x + n * k->stride, 0, DOWN * k->stride * sizeof(*x));
    for (size_t i = 0; i < n; i += DOWN) {
        nearest(k, x + i * k->stride, slack + i, lane);
        for (size_t p = 0; p < DOWN && i + p < n; p++)
            label[i + p] =
                slack[i + p] < INFINITY ? lane[p] : (uint32_t)KMEANS_UNSURE;
    }
}

/* --- distance and sums --- */

/* Squared distance of [row] from [c].  What it lies beyond, which is added to
 * the sums, stays in [kept] where the width is the usual one.
 */
SIMD double distance(const double *row, const double *c, uint32_t stride,
                     vd kept[USUAL / VD])
{
    vd acc = vd_set1(0);

    UNROLL
    for (uint32_t f = 0; f < stride; f += VD) {
        vd x = vd_load(row + f) - vd_load(c + f);

        if (stride == USUAL)
            kept[f / VD] = x;
        acc = vd_fma(x, x, acc);
    }
    return vd_sum(acc);
}

SIMD void add(double *sum, const double *row, const double *c, uint32_t stride,
              const vd kept[USUAL / VD])
{
    UNROLL
    for (uint32_t f = 0; f < stride; f += VD) {
        vd x = vd_load(sum + f);

        if (stride == USUAL)
            x = x + kept[f / VD];
        else
            x = x + (vd_load(row + f) - vd_load(c + f));
        vd_store(sum + f, x);
    }
}

/* Adding the magic number leaves a whole number of the grid in the low bits;
 * the bits are added as integers, whose sums have no order.
 */
SIMD void add_exact(const double *magic, int64_t *grid, const double *row,
                    const double *c, uint32_t stride, const vd kept[USUAL / VD])
{
    UNROLL
    for (uint32_t f = 0; f < stride; f += VD) {
        vd x = vd_load(magic + f);

        if (stride == USUAL)
            x = x + kept[f / VD];
        else
            x = x + (vd_load(row + f) - vd_load(c + f));
        vi_store(grid + f, vi_add(vi_load(grid + f), vd_bits(x)));
    }
}

/* Add a row far from its centre, which may lie beyond the limits of the grid;
 * false when it does not.  Seldom asked, and kept out of the way of those
 * that are.
 */
static APART bool add_far(const struct kmeans *k, pe_delta *d, uint32_t j,
                          const double *row)
{
    const double *c = k->centers + (size_t)j * k->stride;
    unsigned wide = 0;

    for (uint32_t f = 0; f < k->stride; f += VD)
        wide |= vd_above(vd_abs(vd_load(row + f) - vd_load(c + f)),
                         vd_load(k->limit + f));
    if (wide)
        kmeans_add_wide(k, d, j, row);
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

SIMD void fold_rows(const struct fold *f, bool exact, uint32_t stride)
{
    const struct kmeans *k = f->k;
    const double *centers = k->centers, *magic = k->magic;
    const double *row = f->rows, near2 = k->near2;
    int64_t *counts = f->d ? kmeans_counts(k, f->d) : NULL;
    int64_t *grid = f->d ? f->d->count : NULL;
    double *sums = f->d ? f->d->sum : NULL;
    uint32_t *label = f->label;
    float *score = f->score;
    size_t n = f->n;

    for (size_t i = 0; i < n; i++, row += stride) {
        uint32_t j = label[i];
        size_t at = (size_t)j * stride;
        vd kept[USUAL / VD];
        double d2 = distance(row, centers + at, stride, kept);

        score[i] = (float)__builtin_sqrt(d2);
        if (!(d2 <= KMEANS_D2_SURE)) {
            score[i] = kmeans_far_score(k, row, d2);
            if (score[i] != score[i]) {
                label[i] = KMEANS_MASKED;
                continue;
            }
        }
        if (!counts)
            continue;
        counts[j]++;
        if (!exact)
            add(sums + at, row, centers + at, stride, kept);
        else if (d2 <= near2 || !add_far(k, f->d, j, row))
            add_exact(magic, grid + at, row, centers + at, stride, kept);
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
