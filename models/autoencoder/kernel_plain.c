/* kernel_plain.c - the steps of a net in plain C: the oracle of the others. */
#include <math.h>

#include "net.h"

static void gemm(const struct net_product *q)
{
    const size_t m = q->m, n = q->n, k = q->k, rs = q->rs, cs = q->cs;
    const size_t ldb = q->ldb, ldc = q->ldc;
    const float *a = q->a, *b = q->b, *bias = q->bias;
    float *c = q->c;

    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++)
            c[i * ldc + j] = bias ? bias[j] : 0;
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < n; j++)
                c[i * ldc + j] += a[i * rs + p * cs] * b[p * ldb + j];
    }
}

/* 32 units of one row.  The draw has memory of its own, so that a compiler
 * may put it side by side: [a] may be [h].
 */
static void drop(const float *h, float *a, uint32_t key, uint32_t word,
                 const struct net_dropout *d)
{
    float keep[32], scale = d->scale;
    uint32_t limit = d->limit;

    for (uint32_t i = 0; i < 16; i++) {
        uint32_t bits = net_hash(key, word + i);

        keep[i] = (bits & 0xffff) < limit ? scale : 0;
        keep[i + 16] = bits >> 16 < limit ? scale : 0;
    }
    for (uint32_t i = 0; i < 32; i++)
        a[i] = h[i] * keep[i];
}

static void activate(float *h, float *a, size_t m, size_t n,
                     const struct net_dropout *d)
{
    for (size_t i = 0; i < m * n; i++)
        h[i] = h[i] > 0 ? h[i] : 0;
    for (size_t i = 0; !d->key && a != h && i < m * n; i++)
        a[i] = h[i];
    for (size_t i = 0; d->key && i < m; i++)
        for (size_t j = 0; j < n; j += 32)
            drop(h + i * n + j, a + i * n + j, d->key[i],
                 d->word + (uint32_t)j / 2, d);
}

static void back(float *g, const float *h, const float *a, size_t len,
                 float scale, float penalty)
{
    for (size_t i = 0; i < len; i++) {
        float x = scale * g[i];

        g[i] = a[i] > 0 ? x : 0;
    }
    for (size_t i = 0; penalty > 0 && i < len; i++) {
        float x = g[i] + penalty * h[i];

        g[i] = h[i] > 0 ? x : 0;
    }
}

static void columns(const float *c, size_t m, size_t n, float *sum)
{
    for (size_t j = 0; j < n; j++)
        sum[j] = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            sum[j] += c[i * n + j];
}

static void adam(float *w, float *m, float *v, const float *g, size_t len,
                 float a)
{
    for (size_t i = 0; i < len; i++) {
        m[i] = NET_BETA1 * m[i] + (1 - NET_BETA1) * g[i];
        v[i] = NET_BETA2 * v[i] + (1 - NET_BETA2) * (g[i] * g[i]);
        w[i] -= a * m[i] / (sqrtf(v[i]) + NET_EPSILON);
    }
}

static void norms(const float *z, const float *y, size_t rows, size_t n,
                  size_t ld, float *out)
{
    for (size_t i = 0; i < rows; i++) {
        float sum = 0;

        for (size_t j = 0; j < n; j++) {
            float e = z[i * ld + j] - y[i * ld + j];

            sum += e * e;
        }
        out[i] = sqrtf(sum);
    }
}

const struct net_kernel net_kernel_plain = {
    .gemm = gemm,
    .activate = activate,
    .back = back,
    .columns = columns,
    .adam = adam,
    .norms = norms,
};
