/* kernel_vector.c - the steps of a net by vectors; one object an instruction
 * set.
 *
 * One kernel of a few rows by 32 columns serves forward, backward and
 * gradient: its left operand has two strides, so none is transposed but the
 * weights.  The sum over k has one order whatever the row's place, so the
 * score of a row depends on nothing but the row.
 */
#include <math.h>

#include "net.h"
#include "src/model/simd.h"

enum {
    ACROSS = NET_PAD / VF,   /* vectors of a tile */
    DOWN = VF == 16 ? 8 : 3, /* rows of it */
    HALF = 16 / VF,          /* vectors of dropout words */
};

/* The first [down] rows and NET_PAD columns of [q]: by value, since a vector
 * that is stored may be anything that is pointed to.
 */
SIMD void tile(struct net_product q, int down)
{
    vf acc[DOWN][ACROSS];

    UNROLL
    for (int i = 0; i < down; i++) {
        UNROLL
        for (int v = 0; v < ACROSS; v++)
            acc[i][v] = q.bias ? vf_load(q.bias + v * VF) : vf_set1(0);
    }
    for (size_t p = 0; p < q.k; p++) {
        UNROLL
        for (int i = 0; i < down; i++) {
            vf x = vf_set1(q.a[(size_t)i * q.rs + p * q.cs]);

            UNROLL
            for (int v = 0; v < ACROSS; v++)
                acc[i][v] =
                    vf_fma(x, vf_load(q.b + p * q.ldb + v * VF), acc[i][v]);
        }
    }
    UNROLL
    for (int i = 0; i < down; i++) {
        UNROLL
        for (int v = 0; v < ACROSS; v++)
            vf_store(q.c + (size_t)i * q.ldc + v * VF, acc[i][v]);
    }
}

static void gemm(const struct net_product *p)
{
    struct net_product q = *p;

    for (size_t j = 0; j < q.n; j += NET_PAD) {
        struct net_product at = q;
        size_t i = 0;

        at.b += j;
        at.c += j;
        at.bias = q.bias ? q.bias + j : NULL;
        for (; i + DOWN <= q.m; i += DOWN) {
            tile(at, DOWN);
            at.a += DOWN * q.rs;
            at.c += DOWN * q.ldc;
        }
        for (; i < q.m; i++) {
            tile(at, 1);
            at.a += q.rs;
            at.c += q.ldc;
        }
    }
}

/* net_hash of a vector of words. */
SIMD vu hash(vu key, vu word)
{
    vu h = vu_xor(key, vu_mul(word, vu_set1(UINT32_C(0x9e3779b1))));

    h = vu_mul(vu_xor(h, vu_shr(h, 16)), vu_set1(UINT32_C(0x85ebca6b)));
    h = vu_mul(vu_xor(h, vu_shr(h, 13)), vu_set1(UINT32_C(0xc2b2ae35)));
    return vu_xor(h, vu_shr(h, 16));
}

/* 32 units of one row. */
SIMD void drop(const float *h, float *a, uint32_t key, uint32_t word,
               const struct net_dropout *d)
{
    static const uint32_t count[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                       8, 9, 10, 11, 12, 13, 14, 15};
    vu limit = vu_set1(d->limit);
    vf scale = vf_set1(d->scale);

    UNROLL
    for (int v = 0; v < HALF; v++) {
        vu bits =
            hash(vu_set1(key), vu_add(vu_load(count + v * VF), vu_set1(word)));
        const float *low = h + v * VF, *high = h + 16 + v * VF;

        vf_store(a + v * VF, vf_keep_below(vu_and(bits, vu_set1(0xffff)), limit,
                                           vf_load(low) * scale));
        vf_store(a + 16 + v * VF,
                 vf_keep_below(vu_shr(bits, 16), limit, vf_load(high) * scale));
    }
}

static void activate(float *h, float *a, size_t m, size_t n,
                     const struct net_dropout *d)
{
    for (size_t i = 0; i < m * n; i += VF)
        vf_store(h + i, vf_max(vf_load(h + i), vf_set1(0)));
    if (!d->key) {
        for (size_t i = 0; a != h && i < m * n; i += VF)
            vf_store(a + i, vf_load(h + i));
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j += 32)
            drop(h + i * n + j, a + i * n + j, d->key[i],
                 d->word + (uint32_t)j / 2, d);
}

static void back(float *g, const float *h, const float *a, size_t len,
                 float scale, float penalty)
{
    vf zero = vf_set1(0), s = vf_set1(scale), c = vf_set1(penalty);

    for (size_t i = 0; i < len; i += VF) {
        vf x = vf_positive(vf_load(a + i), vf_load(g + i) * s, zero);

        if (penalty > 0)
            x = vf_positive(vf_load(h + i), vf_fma(c, vf_load(h + i), x), zero);
        vf_store(g + i, x);
    }
}

static void columns(const float *c, size_t m, size_t n, float *sum)
{
    for (size_t j = 0; j < n; j += VF) {
        vf s = vf_set1(0);

        for (size_t i = 0; i < m; i++)
            s = s + vf_load(c + i * n + j);
        vf_store(sum + j, s);
    }
}

/* Divided and rooted in full: estimates would differ between processors. */
static void adam(float *w, float *m, float *v, const float *g, size_t len,
                 float a)
{
    vf b1 = vf_set1(NET_BETA1), c1 = vf_set1(1 - NET_BETA1);
    vf b2 = vf_set1(NET_BETA2), c2 = vf_set1(1 - NET_BETA2);
    vf step = vf_set1(a), eps = vf_set1(NET_EPSILON);

    for (size_t i = 0; i < len; i += VF) {
        vf x = vf_load(g + i);
        vf first = vf_fma(b1, vf_load(m + i), c1 * x);
        vf second = vf_fma(b2, vf_load(v + i), c2 * (x * x));

        vf_store(m + i, first);
        vf_store(v + i, second);
        vf_store(w + i,
                 vf_load(w + i) - step * first / (vf_sqrt(second) + eps));
    }
}

SIMD float sum_of(vf x)
{
    float lane[VF], sum = 0;

    vf_store(lane, x);
    UNROLL
    for (int n = VF / 2; n > 0; n /= 2) {
        UNROLL
        for (int i = 0; i < n; i++)
            lane[i] += lane[i + n];
    }
    sum = lane[0];
    return sum;
}

/* Padding is the same in both. */
static void norms(const float *z, const float *y, size_t rows, size_t n,
                  size_t ld, float *out)
{
    for (size_t i = 0; i < rows; i++) {
        vf sum = vf_set1(0);
        size_t j = 0;

        for (; j + VF <= n; j += VF) {
            vf e = vf_load(z + i * ld + j) - vf_load(y + i * ld + j);

            sum = vf_fma(e, e, sum);
        }
        out[i] = sum_of(sum);
        for (; j < n; j++) {
            float e = z[i * ld + j] - y[i * ld + j];

            out[i] += e * e;
        }
        out[i] = sqrtf(out[i]);
    }
}

const struct net_kernel SIMD_NAME(net_kernel) = {
    .gemm = gemm,
    .activate = activate,
    .back = back,
    .columns = columns,
    .adam = adam,
    .norms = norms,
};
