/* file.c - k-means as tensors and metadata. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "private.h"
#include "src/model/safetensors.h"

/* k rows without their padding. */
static int put_rows(const struct kmeans *k, pe_tensors *t, const char *name,
                    const double *rows, pe_error *errp)
{
    size_t d = k->base.features;
    const tensor_form form = {TENSOR_F64, 2, {k->k, d}};
    double *c = malloc(k->k * d * sizeof(*c));
    int rc;

    if (!c)
        return pe_error_nomem(errp);
    for (size_t j = 0; j < k->k; j++)
        memcpy(c + j * d, rows + j * k->stride, d * sizeof(*c));
    rc = pe_tensors_put(t, name, &form, c, errp);
    free(c);
    return rc;
}

int kmeans_encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    const struct kmeans *k = kmeans_cof(m);
    const tensor_form counts = {TENSOR_F64, 1, {k->k}};
    const tensor_form births = {TENSOR_U64, 1, {k->k}};
    const tensor_form limit = {TENSOR_F64, 1, {m->features}};

    return put_rows(k, t, "centers", k->centers, errp) < 0 ||
                   put_rows(k, t, "origins", k->origins, errp) < 0 ||
                   pe_tensors_put(t, "counts", &counts, k->counts, errp) < 0 ||
                   pe_tensors_put(t, "births", &births, k->births, errp) < 0 ||
                   pe_tensors_put(t, "limit", &limit, k->limit, errp) < 0 ||
                   threshold_encode(&k->threshold, t, errp) < 0 ||
                   pe_tensors_put_u64(t, "since", k->since, errp) < 0 ||
                   pe_tensors_put_u64(t, "stale_points", k->stale, errp) < 0 ||
                   kmeans_points_encode(k, t, errp) < 0
               ? -1
               : warmup_encode(&k->warmup, m, t, errp);
}

static int get_lanes(const pe_tensors *t, const char *name,
                     enum tensor_type type, size_t count, void *to,
                     pe_error *errp)
{
    uint64_t n;
    const void *data = pe_tensors_get(t, name, type, 1, &n, errp);

    if (!data)
        return -1;
    if (n != count)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: tensor '%s' has %llu "
                            "elements",
                            name, (unsigned long long)n);
    memcpy(to, data, count * 8);
    return 0;
}

static int get_rows(const struct kmeans *k, const pe_tensors *t,
                    const char *name, double *rows, pe_error *errp)
{
    uint64_t shape[2];
    size_t d = k->base.features;
    const double *c = pe_tensors_get(t, name, TENSOR_F64, 2, shape, errp);

    if (!c)
        return -1;
    if (shape[0] != k->k || shape[1] != d)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: %s are %llu x %llu", name,
                            (unsigned long long)shape[0],
                            (unsigned long long)shape[1]);
    for (size_t j = 0; j < k->k; j++)
        memcpy(rows + j * k->stride, c + j * d, d * sizeof(*c));
    return 0;
}

int kmeans_decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    struct kmeans *k = kmeans_of(m);
    size_t d = m->features;

    if (get_rows(k, t, "centers", k->centers, errp) < 0 ||
        get_rows(k, t, "origins", k->origins, errp) < 0 ||
        get_lanes(t, "counts", TENSOR_F64, k->k, k->counts, errp) < 0 ||
        get_lanes(t, "births", TENSOR_U64, k->k, k->births, errp) < 0 ||
        get_lanes(t, "limit", TENSOR_F64, d, k->limit, errp) < 0 ||
        threshold_decode(&k->threshold, t, errp) < 0 ||
        pe_tensors_u64(t, "since", &k->since, errp) < 0 ||
        pe_tensors_u64(t, "stale_points", &k->stale, errp) < 0 ||
        kmeans_points_decode(k, t, errp) < 0)
        return -1;
    kmeans_set_magic(k);
    kmeans_prepare(k);
    return warmup_decode(&k->warmup, m, t, errp);
}
