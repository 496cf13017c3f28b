/* kernel.c - a block through the kernel of this machine, tile by tile. */
#include "kernel.h"

#include <math.h>
#include <string.h>

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

/* With centres within the limits, a row that is nearer to one than the
 * smallest limit needs no further look at its values.
 */
static double near_enough(const struct kmeans *k)
{
    double least = INFINITY;

    for (uint32_t f = 0; f < k->base.features; f++)
        least = fmin(least, k->limit[f]);
    for (uint32_t j = 0; j < k->k; j++)
        for (uint32_t f = 0; f < k->base.features; f++)
            if (!(fabs(k->centers[(size_t)j * k->stride + f] - k->shift[f]) <=
                  k->limit[f]))
                return -1;
    return least * least;
}

void kmeans_prepare(struct kmeans *k)
{
    uint32_t d = k->base.features;

    k->near2 = k->exact ? near_enough(k) : -1;

    for (uint32_t j = 0; j < groups(k) * KMEANS_GROUP; j++) {
        float *a = k->across +
                   (size_t)(j / KMEANS_GROUP) * KMEANS_GROUP * (d + 1) +
                   j % KMEANS_GROUP;
        const double *c = k->centers + (size_t)j * k->stride;
        double norm = 0;

        for (uint32_t f = 0; f < d; f++) {
            double x = j < k->k ? c[f] - k->shift[f] : 0;

            norm += x * x;
            a[(size_t)(f + 1) * KMEANS_GROUP] = (float)x;
        }
        /* A lane without a centre is never the nearest. */
        *a = j < k->k ? (float)(-norm / 2) : -3e38F;
    }
}

size_t kmeans_work_bytes(const struct kmeans *k)
{
    size_t floats = (KMEANS_TILE + 16) * (size_t)k->stride * sizeof(float);
    size_t gemm = KMEANS_CHUNK * (size_t)(k->stride + k->k) * sizeof(double) +
                  (size_t)k->k * (k->stride + 1) * sizeof(double);

    return floats > gemm ? floats : gemm;
}

bool kmeans_add_wide(const struct kmeans *k, pe_delta *d, uint32_t j,
                     const double *row)
{
    size_t level = (size_t)k->k * k->stride;

    for (uint32_t f = 0; f < k->base.features; f++)
        if (!(fabs(row[f] - k->shift[f]) <= k->limit[f] * 0x1p88))
            return false;
    for (uint32_t f = 0; f < k->base.features; f++) {
        double x = row[f] - k->shift[f];
        double step = k->limit[f] * 0x1p37;
        int64_t *to = d->count + (size_t)j * k->stride + f, bits;

        for (size_t l = KMEANS_LEVELS; l-- > 0; step *= 0x1p-37) {
            double n = nearbyint(x / step);

            to[l * level] += (int64_t)n;
            x -= n * step;
        }
        /* The kernels add bits, and so the magic number's, too. */
        memcpy(&bits, &k->magic[f], sizeof(bits));
        to[0] = (int64_t)((uint64_t)to[0] + (uint64_t)bits);
    }
    return true;
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
