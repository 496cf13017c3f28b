/* kernel.h - nearest centres and sums of a tile of rows. */
#ifndef MODELS_KMEANS_KERNEL_H
#define MODELS_KMEANS_KERNEL_H

#include <math.h>

#include "private.h"

enum {
    KMEANS_GROUP = 32,  /* centres side by side */
    KMEANS_TILE = 64,   /* rows a vector kernel takes at once: they and the
                           centres stay in the nearest cache */
    KMEANS_CHUNK = 256, /* ... the others */
};

#define KMEANS_MASKED UINT32_MAX       /* label: no measurement */
#define KMEANS_UNSURE (UINT32_MAX - 1) /* label: see kmeans_settle */

/* Rows of a block as kernels take them: doubles, [stride] of the model
 * apart, of any alignment where the kernel says so.
 */
struct kmeans_kernel {
    size_t tile;    /* rows at once */
    bool unaligned; /* reads rows where they are */
    /* Index of the centre nearest to each row, the lowest on ties; what
     * kmeans_nearest says wherever the difference is within the error of the
     * kernel's arithmetic.  [work] has room for kmeans_work_bytes.
     */
    void (*assign)(const struct kmeans *k, const double *rows, size_t n,
                   uint32_t *label, void *work);
    /* Exact distance of each row to its centre as a score; rows that are no
     * measurement are labelled KMEANS_MASKED and scored NaN.  Then, when [d]
     * is not NULL, sums (of what lies beyond the centre) and counts.
     */
    void (*fold)(const struct kmeans *k, const double *rows, size_t n,
                 uint32_t *label, float *score, pe_delta *d);
};

extern const struct kmeans_kernel kmeans_kernel_plain;
extern const struct kmeans_kernel kmeans_kernel_blas;
extern const struct kmeans_kernel kmeans_kernel_neon;
extern const struct kmeans_kernel kmeans_kernel_avx2;
extern const struct kmeans_kernel kmeans_kernel_avx512;

/* The one of this process's path. */
const struct kmeans_kernel *kmeans_kernel_now(void);

/* What assign needs beside. */
size_t kmeans_work_bytes(const struct kmeans *k);

/* Label of one row by its distances in f64: what every kernel falls back on
 * where its own arithmetic does not decide.
 */
uint32_t kmeans_nearest(const struct kmeans *k, const row_f8 *row);

/* Label by it the rows that are KMEANS_UNSURE. */
void kmeans_settle(const struct kmeans *k, const row_f8 *rows, size_t n,
                   uint32_t *label);

/* Squared norm, in the view, of a row that is not far out: up to it rows have
 * one slack together.
 */
#define KMEANS_USUAL_X2 64.0

/* By how much x.c - |c|^2/2 of two centres must differ to tell which is
 * nearer, from a row with squared norm [x2] in the view, computed with
 * relative error [unit]; infinite beyond the reach of the view.
 */
static inline double kmeans_slack(const struct kmeans *k, double unit,
                                  double x2)
{
    if (!(x2 <= k->view.reach2))
        return INFINITY;
    return unit * (k->base.features + 8) * (x2 + 2);
}

/* Score of a row that lies [d2] (squared) from its centre, NaN when it is no
 * measurement: for those beyond KMEANS_D2_SURE.
 */
float kmeans_far_score(const struct kmeans *k, const row_f8 *row, double d2);

/* The magic numbers of the limits. */
void kmeans_set_magic(struct kmeans *k);

/* Add a row that may lie beyond the limits of the grid to the sums of centre
 * [j].
 */
void kmeans_add_wide(const struct kmeans *k, pe_delta *d, uint32_t j,
                     const row_f8 *row);

/* Make k->view from the centres.  view.across: for each group of 32 centres
 * a row of -|c|^2/2, then the centres feature by feature.
 */
void kmeans_prepare(struct kmeans *k);
size_t kmeans_across_len(const struct kmeans *k);

#endif
