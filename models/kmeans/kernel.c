/* kernel.c - a block through the kernel of this machine, tile by tile. */
#include "kernel.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "src/common/spread.h"
#include "src/model/path.h"
#include "src/model/scratch.h"

const struct kmeans_kernel *kmeans_kernel_now(void)
{
    switch (path_now()) {
#ifdef PE_X86_KERNELS
    case PATH_AVX512:
        return &kmeans_kernel_avx512;
    case PATH_AVX2:
        return &kmeans_kernel_avx2;
#endif
#ifdef PE_ARM_KERNELS
    case PATH_NEON:
        return &kmeans_kernel_neon;
#endif
    case PATH_BLAS:
        return &kmeans_kernel_blas;
    default:
        return &kmeans_kernel_plain;
    }
}

static uint32_t groups(const struct kmeans *k)
{
    return (k->k + KMEANS_GROUP - 1) / KMEANS_GROUP;
}

size_t kmeans_across_len(const struct kmeans *k)
{
    return (size_t)groups(k) * KMEANS_GROUP * (k->base.features + 1);
}

/* A row that is nearer to its centre than the smallest limit needs no further
 * look at its values.
 */
static double near_enough(const struct kmeans *k)
{
    double least = INFINITY;

    for (uint32_t f = 0; f < k->base.features; f++)
        least = fmin(least, k->limit[f]);
    return least * least;
}

static const double *heaviest(const struct kmeans *k)
{
    uint32_t best = 0;

    for (uint32_t j = 1; j < k->k; j++)
        if (k->counts[j] > k->counts[best])
            best = j;
    return k->centers + (size_t)best * k->stride;
}

/* Which centres are left out: those 16 times farther than three of four. */
static void choose(struct kmeans *k, const double *origin)
{
    struct kmeans_view *v = &k->view;
    double *work = v->norms + k->k, far = 0, reach = INFINITY, most;
    uint32_t at = (k->k - 1) * 3 / 4;

    for (uint32_t j = 0; j < k->k; j++) {
        const double *c = k->centers + (size_t)j * k->stride;
        double norm = 0;

        for (uint32_t f = 0; f < k->base.features; f++)
            norm += (c[f] - origin[f]) * (c[f] - origin[f]);
        v->norms[j] = work[j] = sqrt(norm);
    }
    at = at == 0 && k->k > 1 ? 1 : at;
    most = 16 * spread_select(work, k->k, at);
    for (uint32_t j = 0; j < k->k; j++) {
        if (v->norms[j] <= most) {
            far = fmax(far, v->norms[j]);
            continue;
        }
        reach = fmin(reach, v->norms[j]);
        v->norms[j] = NAN;
    }
    v->scale = far > 0 ? ldexp(0.5, -(int)fmax(ilogb(far), -900)) : 1;
    /* Nearer to the origin, which is a centre, than to any left out. */
    v->reach2 = reach * v->scale * 0.49 * (reach * v->scale * 0.49);
}

void kmeans_prepare(struct kmeans *k)
{
    uint32_t d = k->base.features;
    const double *origin = heaviest(k);
    struct kmeans_view *v = &k->view;

    k->near2 = k->exact ? near_enough(k) : -1;
    choose(k, origin);
    for (uint32_t f = 0; f < d; f++)
        v->minus[f] = -origin[f] * v->scale;
    for (uint32_t j = 0; j < groups(k) * KMEANS_GROUP; j++) {
        float *a = v->across +
                   (size_t)(j / KMEANS_GROUP) * KMEANS_GROUP * (d + 1) +
                   j % KMEANS_GROUP;
        const double *c = k->centers + (size_t)j * k->stride;
        bool there = j < k->k && !isnan(v->norms[j]);
        double norm = 0;

        for (uint32_t f = 0; f < d; f++) {
            double x = there ? c[f] * v->scale + v->minus[f] : 0;

            norm += x * x;
            a[(size_t)(f + 1) * KMEANS_GROUP] = (float)x;
        }
        /* A lane without a centre is never the nearest. */
        *a = there ? (float)(-norm / 2) : -3e38F;
    }
}

size_t kmeans_work_bytes(const struct kmeans *k)
{
    size_t floats = (KMEANS_TILE + 16) * (size_t)k->stride * sizeof(float);
    size_t gemm = KMEANS_CHUNK * (size_t)(k->stride + k->k) * sizeof(double) +
                  ((size_t)k->k * (k->stride + 1) + k->stride) * sizeof(double);

    return floats > gemm ? floats : gemm;
}

void kmeans_settle(const struct kmeans *k, const row_f8 *rows, size_t n,
                   uint32_t *label)
{
    for (size_t i = 0; i < n; i++)
        if (label[i] == KMEANS_UNSURE)
            label[i] = kmeans_nearest(k, rows + i * k->stride);
}

float kmeans_far_score(const struct kmeans *k, const row_f8 *row, double d2)
{
    if (!row_is_finite(row, k->base.features))
        return NAN;
    return (float)fmin(sqrt(d2), (double)FLT_MAX);
}

/* 1.5 x 2^52 steps of the grid. */
void kmeans_set_magic(struct kmeans *k)
{
    for (uint32_t f = 0; f < k->base.features; f++)
        k->magic[f] = k->limit[f] * (1.5 * 32768);
}

static int64_t bits_of(double x)
{
    int64_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* Add [n] times [x], as far as it is beyond the [limit], to the lanes of the
 * coarser levels; what is left for the finest.
 */
static double add_levels(double x, double limit, int64_t n, int64_t *to,
                         size_t level)
{
    double step = limit;
    size_t l = 1;

    while (fabs(x) > step * 0x1p36 && l + 1 < KMEANS_LEVELS) {
        step *= 0x1p37;
        l++;
    }
    for (; fabs(x) > limit && l > 0; l--, step *= 0x1p-37) {
        double steps = nearbyint(x / step);

        to[l * level] = (int64_t)((uint64_t)to[l * level] +
                                  (uint64_t)n * (uint64_t)(int64_t)steps);
        x -= steps * step;
    }
    return x;
}

void kmeans_add_wide(const struct kmeans *k, pe_delta *d, uint32_t j,
                     const row_f8 *row)
{
    size_t level = (size_t)k->k * k->stride, at = (size_t)j * k->stride;

    for (uint32_t f = 0; f < k->base.features; f++) {
        double x = row[f] - k->centers[at + f];
        int64_t *to = d->count + at + f;

        x = add_levels(x, k->limit[f], 1, to, level);
        /* The kernels add bits, and so the magic number's, too. */
        *to = (int64_t)((uint64_t)*to + (uint64_t)bits_of(x + k->magic[f]));
    }
}

/* Rows [at, at + n) of [b]: in place where the kernel can read them so. */
static const double *take_rows(const struct kmeans *k,
                               const struct kmeans_kernel *kernel,
                               const pe_block *b, size_t at, size_t n,
                               double *tile)
{
    uint32_t d = b->features;
    const char *from = (const char *)b->data + at * d * (size_t)b->dtype;

    if (b->dtype == PE_F8 && d == k->stride &&
        (kernel->unaligned || (uintptr_t)from % sizeof(double) == 0))
        return (const double *)(const void *)from;
    for (size_t i = 0; i < n; i++) {
        pe_block_row(b, (uint32_t)(at + i), tile + i * k->stride);
        for (uint32_t f = d; f < k->stride; f++)
            tile[i * k->stride + f] = 0;
    }
    return tile;
}

static int walk(const struct kmeans *k, pe_delta *d, const pe_block *b,
                float *scores, pe_error *errp)
{
    const struct kmeans_kernel *kernel = kmeans_kernel_now();
    size_t tile_bytes = kernel->tile * k->stride * sizeof(double);
    double *tile = model_scratch(SCRATCH_TILE, tile_bytes, errp);
    void *work = model_scratch(SCRATCH_KERNEL, kmeans_work_bytes(k), errp);
    uint32_t label[KMEANS_CHUNK];

    if (!tile || !work)
        return -1;
    for (size_t at = 0; at < b->points; at += kernel->tile) {
        size_t n = b->points - at;
        const double *rows;

        n = n < kernel->tile ? n : kernel->tile;
        rows = take_rows(k, kernel, b, at, n, tile);
        kernel->assign(k, rows, n, label, work);
        kmeans_settle(k, rows, n, label);
        kernel->fold(k, rows, n, label, scores + at, d);
        if (d)
            pe_delta_count(d, &k->base, scores + at, (uint32_t)n);
    }
    return 0;
}

int kmeans_fold(const struct kmeans *k, pe_delta *d, const pe_block *b,
                float *scores, pe_error *errp)
{
    return walk(k, d, b, scores, errp);
}

/* n times what a centre lies beyond its origin, on the grid. */
static void seal_exact(const struct kmeans *k, pe_delta *d, uint32_t j,
                       int64_t n)
{
    size_t level = (size_t)k->k * k->stride, at = (size_t)j * k->stride;

    for (uint32_t f = 0; f < k->base.features; f++) {
        double x = k->centers[at + f] - k->origins[at + f];
        double magic = k->magic[f];
        int64_t *to = d->count + at + f, steps;

        x = add_levels(x, k->limit[f], n, to, level);
        steps = bits_of(x + magic) - bits_of(magic);
        *to = (int64_t)((uint64_t)*to + (uint64_t)n * (uint64_t)steps);
    }
}

void kmeans_seal_sums(const struct kmeans *k, pe_delta *d)
{
    for (uint32_t j = 0; j < k->k; j++) {
        int64_t n = kmeans_counts(k, d)[j];
        size_t at = (size_t)j * k->stride;

        if (n > 0 && k->exact)
            seal_exact(k, d, j, n);
        for (uint32_t f = 0; n > 0 && !k->exact && f < k->base.features; f++)
            d->sum[at + f] +=
                (double)n * (k->centers[at + f] - k->origins[at + f]);
    }
}
