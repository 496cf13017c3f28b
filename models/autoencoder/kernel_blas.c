/* kernel_blas.c - the products of a net by BLAS, the rest plain. */
#include <string.h>

#include "net.h"
#include "src/model/blas.h"

static void gemm(const struct net_product *p)
{
    bool turned = p->cs != 1;

    for (size_t i = 0; p->bias && i < p->m; i++)
        memcpy(p->c + i * p->ldc, p->bias, p->n * sizeof(*p->c));
    blas_sgemm(turned, false, p->m, p->n, p->k, p->a, turned ? p->cs : p->rs,
               p->b, p->ldb, p->c, p->ldc, p->bias != NULL);
}

static void activate(float *h, float *a, size_t m, size_t n,
                     const struct net_dropout *d)
{
    net_kernel_plain.activate(h, a, m, n, d);
}

static void back(float *g, const float *h, const float *a, size_t len,
                 float scale, float penalty)
{
    net_kernel_plain.back(g, h, a, len, scale, penalty);
}

static void columns(const float *c, size_t m, size_t n, float *sum)
{
    net_kernel_plain.columns(c, m, n, sum);
}

static void adam(float *w, float *m, float *v, const float *g, size_t len,
                 float a)
{
    net_kernel_plain.adam(w, m, v, g, len, a);
}

static void norms(const float *z, const float *y, size_t rows, size_t n,
                  size_t ld, float *out)
{
    net_kernel_plain.norms(z, y, rows, n, ld, out);
}

const struct net_kernel net_kernel_blas = {
    .gemm = gemm,
    .activate = activate,
    .back = back,
    .columns = columns,
    .adam = adam,
    .norms = norms,
};
