/* file.c - an auto-encoder as tensors and metadata. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/model/safetensors.h"

/* One kind of parameters, without padding, as NAME.1 ... NAME.L of the
 * weights and NAME_bias.1 ... of the biases; [put] or take.
 */
static int pass_layer(const struct net *n, uint32_t l, const char *name,
                      bool bias, float *from, pe_tensors *t,
                      const pe_tensors *take, pe_error *errp)
{
    uint64_t shape[2] = {n->width[l], n->width[l + 1]}, got[2];
    size_t rows = bias ? 1 : shape[0], columns = shape[1], ld = n->pad[l + 1];
    size_t rank = bias ? 1 : 2;
    float *at = from + (bias ? n->biases[l] : n->weights[l]), *plain;
    const float *in;
    char key[64];
    int rc;

    snprintf(key, sizeof(key), "%s.%u", name, l + 1);
    if (take) {
        in = pe_tensors_get(take, key, TENSOR_F32, rank, got, errp);
        if (!in)
            return -1;
        if (got[rank - 1] != columns || (!bias && got[0] != rows))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "not an auto-encoder: tensor '%s' is not of "
                                "the shape of its options",
                                key);
        for (size_t i = 0; i < rows; i++)
            memcpy(at + i * ld, in + i * columns, columns * sizeof(float));
        return 0;
    }
    plain = malloc(rows * columns * sizeof(*plain));
    if (!plain)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < rows; i++)
        memcpy(plain + i * columns, at + i * ld, columns * sizeof(float));
    rc = pe_tensors_put(t, key, TENSOR_F32, rank, bias ? shape + 1 : shape,
                        plain, errp);
    free(plain);
    return rc;
}

/* Weights and moments, in the order of the layers. */
static int pass_state(struct autoencoder *a, pe_tensors *t,
                      const pe_tensors *take, pe_error *errp)
{
    const struct {
        const char *weight, *bias;
        float *from;
    } kinds[] = {
        {"weight", "bias", a->state.w},
        {"weight_m", "bias_m", a->state.m},
        {"weight_v", "bias_v", a->state.v},
    };

    for (size_t k = 0; k < 3; k++)
        for (uint32_t l = 0; l < a->net.layers; l++)
            if (pass_layer(&a->net, l, kinds[k].weight, false, kinds[k].from, t,
                           take, errp) < 0 ||
                pass_layer(&a->net, l, kinds[k].bias, true, kinds[k].from, t,
                           take, errp) < 0)
                return -1;
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
    uint64_t d = a->base.features;
    double *x = malloc(d * sizeof(*x));
    int rc;

    if (!x)
        return pe_error_nomem(errp);
    for (size_t f = 0; f < d; f++)
        x[f] = 1 / a->inverse[f];
    rc = pe_tensors_put(t, "mean", TENSOR_F64, 1, &d, a->mean, errp);
    if (rc == 0)
        rc = pe_tensors_put(t, "scale", TENSOR_F64, 1, &d, x, errp);
    free(x);
    return rc;
}

static int put_scaler(struct autoencoder *a, pe_tensors *t, pe_error *errp)
{
    uint64_t d = a->base.features;

    for (int i = 0; i < SCALER_VECTORS; i++)
        if (pe_tensors_put(t, scaler_names[i], TENSOR_F64, 1, &d,
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
