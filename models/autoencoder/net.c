/* net.c - a net of dense layers: its shape, one step of Adam, scores. */
#include "net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"
#include "src/model/path.h"

static const struct net_kernel *kernel_now(void)
{
    switch (path_now()) {
#ifdef PE_X86_KERNELS
    case PATH_AVX512:
        return &net_kernel_avx512;
    case PATH_AVX2:
        return &net_kernel_avx2;
#endif
#ifdef PE_ARM_KERNELS
    case PATH_NEON:
        return &net_kernel_neon;
#endif
    case PATH_BLAS:
        return &net_kernel_blas;
    default:
        return &net_kernel_plain;
    }
}

/* --- shape and state --- */

int net_shape(struct net *n, uint32_t features, const uint32_t *hidden,
              uint32_t n_hidden, pe_error *errp)
{
    size_t at = 0;

    n->layers = n_hidden + 3;
    if (n->layers > NET_LAYERS_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "hidden: at most %d widths", NET_LAYERS_MAX - 3);
    for (uint32_t l = 0; l <= n->layers; l++) {
        bool inside = l >= 3 && l < n->layers;

        n->width[l] = inside ? hidden[l - 3] : features;
        n->pad[l] = (n->width[l] + NET_PAD - 1) / NET_PAD * NET_PAD;
    }
    for (uint32_t l = 0; l < n->layers; l++) {
        n->weights[l] = at;
        at += (size_t)n->pad[l] * n->pad[l + 1];
        n->biases[l] = at;
        at += n->pad[l + 1];
    }
    n->params = at;
    return 0;
}

size_t net_count(const struct net *n)
{
    size_t count = 0;

    for (uint32_t l = 0; l < n->layers; l++)
        count += (size_t)(n->width[l] + 1) * n->width[l + 1];
    return count;
}

int net_state_create(struct net_state *s, const struct net *n, pe_error *errp)
{
    s->w = calloc(n->params, sizeof(float));
    s->m = calloc(n->params, sizeof(float));
    s->v = calloc(n->params, sizeof(float));
    s->t = 0;
    if (s->w && s->m && s->v)
        return 0;
    net_state_free(s);
    return pe_error_nomem(errp);
}

void net_state_free(struct net_state *s)
{
    free(s->w);
    free(s->m);
    free(s->v);
    memset(s, 0, sizeof(*s));
}

void net_state_copy(struct net_state *to, const struct net_state *from,
                    const struct net *n)
{
    memcpy(to->w, from->w, n->params * sizeof(float));
    memcpy(to->m, from->m, n->params * sizeof(float));
    memcpy(to->v, from->v, n->params * sizeof(float));
    to->t = from->t;
}

void net_init(const struct net *n, struct net_state *s, uint64_t seed)
{
    random_stream r = {random_mix(seed, 0x676c6f72), 0};

    memset(s->w, 0, n->params * sizeof(float));
    memset(s->m, 0, n->params * sizeof(float));
    memset(s->v, 0, n->params * sizeof(float));
    s->t = 0;
    for (uint32_t l = 0; l < n->layers; l++) {
        double limit = sqrt(6.0 / (n->width[l] + n->width[l + 1]));

        for (uint32_t i = 0; i < n->width[l]; i++)
            for (uint32_t j = 0; j < n->width[l + 1]; j++)
                s->w[n->weights[l] + (size_t)i * n->pad[l + 1] + j] =
                    (float)(limit * (2 * random_uniform(&r) - 1));
    }
}

/* --- a step --- */

/* Memory of a step: what each layer gave, before and after dropout, two
 * gradients of a layer, transposed weights, and the gradient of all.
 */
struct tape {
    const float *in[NET_LAYERS_MAX + 1]; /* what layer l is given */
    float *h[NET_LAYERS_MAX + 1];        /* what it gave, before dropout */
    float *g, *next, *turned, *all;
};

static size_t widest(const struct net *n)
{
    size_t most = 0;

    for (uint32_t l = 0; l <= n->layers; l++)
        most = n->pad[l] > most ? n->pad[l] : most;
    return most;
}

size_t net_tape_bytes(const struct net *n, uint32_t batch)
{
    size_t floats = n->params + widest(n) * widest(n);

    for (uint32_t l = 1; l <= n->layers; l++)
        floats += 2 * (size_t)batch * n->pad[l];
    floats += 2 * (size_t)batch * widest(n);
    return floats * sizeof(float);
}

static void lay_out(const struct net *n, uint32_t rows, const float *z,
                    void *memory, struct tape *t)
{
    float *at = memory;

    t->in[0] = z;
    t->all = at;
    at += n->params;
    t->turned = at;
    at += widest(n) * widest(n);
    t->g = at;
    at += rows * widest(n);
    t->next = at;
    at += rows * widest(n);
    for (uint32_t l = 1; l <= n->layers; l++) {
        t->h[l] = at;
        at += (size_t)rows * n->pad[l];
        /* Without a penalty nobody asks what it was before dropout. */
        t->in[l] = n->l2 > 0 ? at : t->h[l];
        at += n->l2 > 0 ? (size_t)rows * n->pad[l] : 0;
    }
}

/* A net with the weights it is to have now, and what computes it. */
struct running {
    const struct net *n;
    const float *w;
    const struct net_kernel *kernel;
};

/* What layer l gives for what it is given. */
static void forward(const struct running *r, uint32_t l, const float *in,
                    uint32_t rows, float *out)
{
    const struct net *n = r->n;

    r->kernel->gemm(&(struct net_product){
        .m = rows,
        .n = n->pad[l + 1],
        .k = n->width[l],
        .a = in,
        .rs = n->pad[l],
        .cs = 1,
        .b = r->w + n->weights[l],
        .ldb = n->pad[l + 1],
        .bias = r->w + n->biases[l],
        .c = out,
        .ldc = n->pad[l + 1],
    });
}

static void squash(float *y, size_t len)
{
    for (size_t i = 0; i < len; i++)
        y[i] = 1 / (1 + expf(-y[i]));
}

static void forward_all(const struct running *r, uint32_t rows,
                        const uint32_t *key, struct tape *t)
{
    const struct net *n = r->n;
    struct net_dropout d = {
        .key = n->keep < 1 ? key : NULL,
        .limit = (uint32_t)lrintf(n->keep * 65536),
        .scale = 1 / n->keep,
    };

    for (uint32_t l = 0; l < n->layers; l++) {
        forward(r, l, t->in[l], rows, t->h[l + 1]);
        if (l + 1 < n->layers)
            r->kernel->activate(t->h[l + 1], (float *)t->in[l + 1], rows,
                                n->pad[l + 1], &d);
        d.word += n->pad[l + 1] / 2;
    }
    if (n->sigmoid)
        squash(t->h[n->layers], (size_t)rows * n->pad[n->layers]);
}

/* Gradient at the output into t->g; the error's part of the loss. */
static double output(const struct net *n, uint32_t rows, struct tape *t)
{
    uint32_t d = n->width[0], ld = n->pad[0];
    float error = 2 / ((float)rows * (float)d);
    float penalty = 2 * n->l2 / (float)rows;
    const float *y = t->h[n->layers], *z = t->in[0];
    double loss = 0;

    for (uint32_t i = 0; i < rows; i++, y += ld, z += ld) {
        float *g = t->g + (size_t)i * ld, sum = 0;

        for (uint32_t f = 0; f < d; f++) {
            float e = y[f] - z[f];

            sum += e * e;
            g[f] = error * e + penalty * y[f];
        }
        for (uint32_t f = 0; n->sigmoid && f < d; f++)
            g[f] *= y[f] * (1 - y[f]);
        for (uint32_t f = d; f < ld; f++)
            g[f] = 0;
        loss += (double)sum;
    }
    return loss / ((double)rows * d);
}

static double penalty(const struct net *n, uint32_t rows, const struct tape *t)
{
    double sum = 0;

    for (uint32_t l = 1; n->l2 > 0 && l <= n->layers; l++)
        for (size_t i = 0; i < rows; i++)
            for (uint32_t f = 0; f < n->width[l]; f++) {
                double h = (double)t->h[l][i * n->pad[l] + f];

                sum += h * h;
            }
    return (double)n->l2 * sum / rows;
}

typedef float four __attribute__((vector_size(16)));

/* Of eight floats, those of a and then b, four: gcc had its own word for it
 * before 12.
 */
#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define PICK(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif
#endif
#ifndef PICK
typedef int four_int __attribute__((vector_size(16)));
#define PICK(a, b, i, j, k, l) __builtin_shuffle(a, b, (four_int){i, j, k, l})
#endif

/* Rows [4] of a 4 x 4 square into columns. */
static void turn_square(const float *from, size_t ld, float *to, size_t lt)
{
    four r[4], a, b, c, d;

    for (int i = 0; i < 4; i++)
        memcpy(&r[i], from + (size_t)i * ld, sizeof(four));
    a = PICK(r[0], r[1], 0, 4, 1, 5);
    b = PICK(r[0], r[1], 2, 6, 3, 7);
    c = PICK(r[2], r[3], 0, 4, 1, 5);
    d = PICK(r[2], r[3], 2, 6, 3, 7);
    r[0] = PICK(a, c, 0, 1, 4, 5);
    r[1] = PICK(a, c, 2, 3, 6, 7);
    r[2] = PICK(b, d, 0, 1, 4, 5);
    r[3] = PICK(b, d, 2, 3, 6, 7);
    for (int i = 0; i < 4; i++)
        memcpy(to + (size_t)i * lt, &r[i], sizeof(four));
}

/* The weights (rows x columns) with rows and columns exchanged. */
static void turn(const float *w, uint32_t rows, uint32_t columns, float *to)
{
    for (size_t i = 0; i < rows; i += 4)
        for (size_t j = 0; j < columns; j += 4)
            turn_square(w + i * columns + j, columns, to + j * rows + i, rows);
}

/* The gradient of layer l's parameters, out of that of what it gave. */
static void gradient_of(const struct running *r, uint32_t l, uint32_t rows,
                        struct tape *t)
{
    uint32_t in = r->n->pad[l], out = r->n->pad[l + 1];

    r->kernel->gemm(&(struct net_product){
        .m = in,
        .n = out,
        .k = rows,
        .a = t->in[l],
        .rs = 1,
        .cs = in,
        .b = t->g,
        .ldb = out,
        .c = t->all + r->n->weights[l],
        .ldc = out,
    });
    r->kernel->columns(t->g, rows, out, t->all + r->n->biases[l]);
}

/* The gradient of what layer l was given, into t->next. */
static void send_back(const struct running *r, uint32_t l, uint32_t rows,
                      struct tape *t)
{
    uint32_t in = r->n->pad[l], out = r->n->pad[l + 1];

    turn(r->w + r->n->weights[l], in, out, t->turned);
    r->kernel->gemm(&(struct net_product){
        .m = rows,
        .n = in,
        .k = r->n->width[l + 1],
        .a = t->g,
        .rs = out,
        .cs = 1,
        .b = t->turned,
        .ldb = in,
        .c = t->next,
        .ldc = in,
    });
}

static void backward(const struct running *r, uint32_t rows, bool dropping,
                     struct tape *t)
{
    const struct net *n = r->n;
    float scale = dropping ? 1 / n->keep : 1;

    for (uint32_t l = n->layers; l-- > 0;) {
        float *swap = t->g;

        gradient_of(r, l, rows, t);
        if (l == 0)
            break;
        send_back(r, l, rows, t);
        r->kernel->back(t->next, t->h[l], t->in[l], (size_t)rows * n->pad[l],
                        scale, 2 * n->l2 / (float)rows);
        t->g = t->next;
        t->next = swap;
    }
}

double net_gradient(const struct net *n, const float *w, const float *z,
                    uint32_t rows, const uint32_t *key, void *tape)
{
    const struct running r = {n, w, kernel_now()};
    struct tape t;
    double loss;

    lay_out(n, rows, z, tape, &t);
    forward_all(&r, rows, key, &t);
    loss = output(n, rows, &t) + penalty(n, rows, &t);
    backward(&r, rows, key && n->keep < 1, &t);
    return loss;
}

double net_step(const struct net *n, struct net_state *s, const float *z,
                uint32_t rows, const uint32_t *key, void *tape)
{
    double loss = net_gradient(n, s->w, z, rows, key, tape), a;

    s->t += 1;
    a = (double)n->rate * sqrt(1 - pow((double)NET_BETA2, s->t)) /
        (1 - pow((double)NET_BETA1, s->t));
    kernel_now()->adam(s->w, s->m, s->v, tape, n->params, (float)a);
    return loss;
}

/* --- scores --- */

size_t net_score_bytes(const struct net *n)
{
    return 2 * NET_CHUNK * widest(n) * sizeof(float);
}

static void score_chunk(const struct running *r, const float *z, uint32_t rows,
                        float *scores, float *tape)
{
    const struct net *n = r->n;
    const struct net_kernel *k = r->kernel;
    struct net_dropout none = {.scale = 1};
    const float *in = z;
    float *out = tape, *next = out + NET_CHUNK * widest(n);

    for (uint32_t l = 0; l < n->layers; l++) {
        float *swap = out;

        forward(r, l, in, rows, out);
        if (l + 1 < n->layers)
            k->activate(out, out, rows, n->pad[l + 1], &none);
        else if (n->sigmoid)
            squash(out, (size_t)rows * n->pad[l + 1]);
        in = out;
        out = next;
        next = swap;
    }
    k->norms(z, in, rows, n->width[0], n->pad[0], scores);
}

void net_score(const struct net *n, const float *w, const float *z,
               uint32_t rows, float *scores, void *tape)
{
    const struct running r = {n, w, kernel_now()};

    for (uint32_t at = 0; at < rows; at += NET_CHUNK)
        score_chunk(&r, z + (size_t)at * n->pad[0],
                    rows - at < NET_CHUNK ? rows - at : NET_CHUNK, scores + at,
                    tape);
}
