/* file.c - an auto-encoder as tensors and metadata. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/model/safetensors.h"

/* One kind of parameters of a layer: the tensor NAME.1 ... NAME.L, which has
 * no padding, and where they are in memory.
 */
struct part {
    char key[64];
    tensor_form form;
    size_t rows, columns;
    float *at;
    size_t ld;
};

static struct part part_of(const struct net *n, uint32_t l, const char *name,
                           bool bias, float *params)
{
    uint64_t in = n->width[l], out = n->width[l + 1];
    struct part p = {
        .form = bias ? (tensor_form){TENSOR_F32, 1, {out}}
                     : (tensor_form){TENSOR_F32, 2, {in, out}},
        .rows = bias ? 1 : in,
        .columns = out,
        .at = params + (bias ? n->biases[l] : n->weights[l]),
        .ld = n->pad[l + 1],
    };

    snprintf(p.key, sizeof(p.key), "%s.%u", name, l + 1);
    return p;
}

static int put_part(const struct part *p, pe_tensors *t, pe_error *errp)
{
    float *plain = malloc(p->rows * p->columns * sizeof(*plain));
    int rc;

    if (!plain)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < p->rows; i++)
        memcpy(plain + i * p->columns, p->at + i * p->ld,
               p->columns * sizeof(float));
    rc = pe_tensors_put(t, p->key, &p->form, plain, errp);
    free(plain);
    return rc;
}

static int take_part(const struct part *p, const pe_tensors *t, pe_error *errp)
{
    size_t rank = p->form.rank;
    uint64_t got[TENSOR_RANK_MAX];
    const float *in = pe_tensors_get(t, p->key, TENSOR_F32, rank, got, errp);

    if (!in)
        return -1;
    if (memcmp(got, p->form.shape, rank * sizeof(*got)) != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not an auto-encoder: tensor '%s' is not of "
                            "the shape of its options",
                            p->key);
    for (size_t i = 0; i < p->rows; i++)
        memcpy(p->at + i * p->ld, in + i * p->columns,
               p->columns * sizeof(float));
    return 0;
}

/* Weights and moments, in the order of the layers: put to one, or taken from
 * the other.
 */
static int pass_state(struct autoencoder *a, pe_tensors *put,
                      const pe_tensors *take, pe_error *errp)
{
    const struct {
        const char *name[2]; /* of weights, and biases */
        float *params;
    } kinds[] = {
        {{"weight", "bias"}, a->state.w},
        {{"weight_m", "bias_m"}, a->state.m},
        {{"weight_v", "bias_v"}, a->state.v},
    };

    for (size_t k = 0; k < 3; k++)
        for (uint32_t i = 0; i < 2 * a->net.layers; i++) {
            struct part p = part_of(&a->net, i / 2, kinds[k].name[i % 2], i % 2,
                                    kinds[k].params);

            if ((put ? put_part(&p, put, errp) : take_part(&p, take, errp)) < 0)
                return -1;
        }
    return 0;
}

/* What the scaler is made of. */
static const char *const scaler_names[SCALER_VECTORS] = {
    "shift",  "count",     "sum",     "square",
    "recent", "far_count", "far_sum", "far_square",
};

/* For readers; `scale` is what scikit-learn calls so: the deviations. */
static int put_scale(const struct autoencoder *a, pe_tensors *t, pe_error *errp)
{
    size_t d = a->base.features;
    const tensor_form form = {TENSOR_F64, 1, {d}};
    double *x = malloc(d * sizeof(*x));
    int rc;

    if (!x)
        return pe_error_nomem(errp);
    for (size_t f = 0; f < d; f++)
        x[f] = 1 / a->inverse[f];
    rc = pe_tensors_put(t, "mean", &form, a->mean, errp);
    if (rc == 0)
        rc = pe_tensors_put(t, "scale", &form, x, errp);
    free(x);
    return rc;
}

static int put_scaler(struct autoencoder *a, pe_tensors *t, pe_error *errp)
{
    const tensor_form form = {TENSOR_F64, 1, {a->base.features}};

    for (int i = 0; i < SCALER_VECTORS; i++)
        if (pe_tensors_put(t, scaler_names[i], &form,
                           *scaler_vector(&a->scaler, i), errp) < 0)
            return -1;
    return put_scale(a, t, errp);
}

int autoencoder_encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    struct autoencoder *a = (struct autoencoder *)m; /* only read */

    if (put_scaler(a, t, errp) < 0 ||
        pe_tensors_put_double(t, "steps", a->state.t, errp) < 0 ||
        threshold_encode(&a->threshold, t, errp) < 0 ||
        warmup_encode(&a->warmup, m, t, errp) < 0)
        return -1;
    return m->warming ? 0 : pass_state(a, t, NULL, errp);
}

static int get_scaler(struct autoencoder *a, const pe_tensors *t,
                      pe_error *errp)
{
    for (int i = 0; i < SCALER_VECTORS; i++) {
        uint64_t d;
        const double *x =
            pe_tensors_get(t, scaler_names[i], TENSOR_F64, 1, &d, errp);

        if (!x)
            return -1;
        if (d != a->base.features)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "not an auto-encoder: tensor '%s' has %llu "
                                "elements",
                                scaler_names[i], (unsigned long long)d);
        memcpy(*scaler_vector(&a->scaler, i), x, d * sizeof(*x));
    }
    return 0;
}

int autoencoder_decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    struct autoencoder *a = autoencoder_of(m);

    if (get_scaler(a, t, errp) < 0 ||
        pe_tensors_double(t, "steps", &a->state.t, errp) < 0 ||
        threshold_decode(&a->threshold, t, errp) < 0 ||
        warmup_decode(&a->warmup, m, t, errp) < 0)
        return -1;
    if (m->warming)
        return 0;
    scaler_derive(a);
    return pass_state(a, NULL, t, errp);
}
