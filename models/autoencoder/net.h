/* net.h - a net of dense layers: its shape, its kernels, one step of Adam. */
#ifndef MODELS_AUTOENCODER_NET_H
#define MODELS_AUTOENCODER_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

enum {
    NET_LAYERS_MAX = 18,
    NET_PAD = 32,    /* widths are padded to it, with zeros */
    NET_CHUNK = 128, /* rows scored at once */
    NET_BATCH_MAX = 4096,
};

/* Layer l takes width[l] values to width[l + 1].  All parameters are one
 * array: for each layer its weights, pad[l] x pad[l + 1], then its biases.
 * What is padding is zero and stays so.
 */
struct net {
    uint32_t layers;
    uint32_t width[NET_LAYERS_MAX + 1], pad[NET_LAYERS_MAX + 1];
    size_t weights[NET_LAYERS_MAX], biases[NET_LAYERS_MAX]; /* where */
    size_t params;                                          /* with padding */
    bool sigmoid; /* output; else linear.  Hidden layers are rectified */
    float keep;   /* share of hidden units that dropout keeps */
    float l2;     /* activity penalty of every layer, as Keras has it */
    float rate;   /* Adam's, with beta 0.9 and 0.999, epsilon 1e-7 */
};

/* What training changes. */
struct net_state {
    float *w, *m, *v; /* params each; m and v are Adam's moments */
    double t;         /* steps behind them */
};

/* Shape of PyOD's auto-encoder of 2021: its list of hidden widths is
 * preceded by the number of features twice, and followed by it once.
 */
int net_shape(struct net *n, uint32_t features, const uint32_t *hidden,
              uint32_t n_hidden, pe_error *errp);

/* Parameters without padding. */
size_t net_count(const struct net *n);

int net_state_create(struct net_state *s, const struct net *n, pe_error *errp);
void net_state_free(struct net_state *s);
void net_state_copy(struct net_state *to, const struct net_state *from,
                    const struct net *n);

/* Glorot's uniform weights, zero biases and moments. */
void net_init(const struct net *n, struct net_state *s, uint64_t seed);

/* Bytes of memory one step over [batch] rows works in. */
size_t net_tape_bytes(const struct net *n, uint32_t batch);

/* One step over [rows] standardised rows ([z], pad[0] apart).  [key] has a
 * number for each row, which decides what dropout drops.  Returns the loss:
 * mean square error plus the penalty.
 */
double net_step(const struct net *n, struct net_state *s, const float *z,
                uint32_t rows, const uint32_t *key, void *tape);

/* The gradient only, of such a step with the weights [w]: the first n->params
 * floats of the tape.
 */
double net_gradient(const struct net *n, const float *w, const float *z,
                    uint32_t rows, const uint32_t *key, void *tape);

/* |z - net(z)| of each row, dropout off. */
void net_score(const struct net *n, const float *w, const float *z,
               uint32_t rows, float *scores, void *tape);
size_t net_score_bytes(const struct net *n);

/* --- kernels --- */

/* A hidden unit of a row is dropped when 16 bits of a hash are not below
 * [limit]: units 0 to 15 of 32 take the low halves of 16 words, the next the
 * high ones.  [word] is the first word's number.
 */
struct net_dropout {
    const uint32_t *key; /* of each row; NULL: none is dropped */
    uint32_t word, limit;
    float scale; /* of those kept */
};

/* c (m x n, rows ldc apart) = a b: a's element (i, p) is at i rs + p cs, b has
 * k rows, ldb apart, n is a multiple of NET_PAD.  [bias], when not NULL, is
 * added to each row.
 */
struct net_product {
    size_t m, n, k;
    const float *a;
    size_t rs, cs;
    const float *b;
    size_t ldb;
    const float *bias;
    float *c;
    size_t ldc;
};

struct net_kernel {
    void (*gemm)(const struct net_product *p);
    /* h = max(h, 0) (m x n), and into [a] what dropout leaves of it; a may
     * be h.
     */
    void (*activate)(float *h, float *a, size_t m, size_t n,
                     const struct net_dropout *d);
    /* Gradient with respect to what goes into the units, from [g] with
     * respect to what dropout left: g = h > 0 ? (a > 0 ? scale g : 0) +
     * penalty h : 0.
     */
    void (*back)(float *g, const float *h, const float *a, size_t len,
                 float scale, float penalty);
    /* Sums of the columns of c (m x n). */
    void (*columns)(const float *c, size_t m, size_t n, float *sum);
    /* Adam with step [a]; g may hold anything finite. */
    void (*adam)(float *w, float *m, float *v, const float *g, size_t len,
                 float a);
    /* Norms of z - y, n columns, [ld] apart. */
    void (*norms)(const float *z, const float *y, size_t rows, size_t n,
                  size_t ld, float *out);
};

extern const struct net_kernel net_kernel_plain;
extern const struct net_kernel net_kernel_blas;
extern const struct net_kernel net_kernel_neon;
extern const struct net_kernel net_kernel_avx2;
extern const struct net_kernel net_kernel_avx512;

#define NET_BETA1 0.9F
#define NET_BETA2 0.999F
#define NET_EPSILON 1e-7F

/* Word [i] of a row's dropout: murmur3's finaliser. */
static inline uint32_t net_hash(uint32_t key, uint32_t i)
{
    uint32_t h = key ^ (i * UINT32_C(0x9e3779b1));

    h = (h ^ (h >> 16)) * UINT32_C(0x85ebca6b);
    h = (h ^ (h >> 13)) * UINT32_C(0xc2b2ae35);
    return h ^ (h >> 16);
}

#endif
