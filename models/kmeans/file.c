/* file.c - k-means as tensors and metadata. */
#include "kernel.h"

#include <string.h>

#include "src/model/quantile.h"
#include "src/model/safetensors.h"

static int put_options(const struct kmeans *k, pe_tensors *t, pe_error *errp)
{
    return pe_tensors_put_u64(t, "option.clusters", k->k, errp) < 0 ||
                   pe_tensors_put_u64(t, "option.warmup", k->warmup, errp) <
                       0 ||
                   pe_tensors_put_double(t, "option.decay", k->decay, errp) <
                       0 ||
                   pe_tensors_put_text(t, "option.reassign",
                                       k->reassign ? "true" : "false",
                                       errp) < 0 ||
                   pe_tensors_put_u64(t, "option.window", (uint64_t)k->window,
                                      errp) < 0 ||
                   pe_tensors_put_u64(t, "anchor", (uint64_t)(k->anchor + 1000),
                                      errp) < 0 ||
                   pe_tensors_put_u64(t, "since", k->since, errp) < 0 ||
                   pe_tensors_put_u64(t, "stale_points", k->stale, errp) < 0
               ? -1
               : 0;
}

int kmeans_encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    const struct kmeans *k = (const struct kmeans *)m;
    uint64_t centers[2] = {k->k, m->features}, n = k->k;
    uint64_t lanes = QUANTILE_LANES, rows[2] = {k->n_rows, m->features};

    if (put_options(k, t, errp) < 0 ||
        pe_tensors_put(t, "centers", TENSOR_F64, 2, centers, k->centers, errp) <
            0 ||
        pe_tensors_put(t, "counts", TENSOR_F64, 1, &n, k->counts, errp) < 0 ||
        pe_tensors_put(t, "births", TENSOR_U64, 1, &n, k->births, errp) < 0 ||
        pe_tensors_put(t, "scores", TENSOR_I64, 1, &lanes, k->scores, errp) < 0)
        return -1;
    if (!m->warming)
        return 0;
    return pe_tensors_put(t, "rows", TENSOR_F64, 2, rows,
                          k->rows ? (void *)k->rows : (void *)&n, errp);
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

static int get_matrix(const struct kmeans *k, const pe_tensors *t,
                      const char *name, const double **datap, size_t *rowsp,
                      pe_error *errp)
{
    uint64_t shape[2];

    *datap = pe_tensors_get(t, name, TENSOR_F64, 2, shape, errp);
    if (!*datap)
        return -1;
    if (shape[1] != k->base.features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: tensor '%s' has %llu "
                            "columns",
                            name, (unsigned long long)shape[1]);
    *rowsp = shape[0];
    return 0;
}

static int get_state(struct kmeans *k, const pe_tensors *t, pe_error *errp)
{
    uint64_t anchor;

    if (pe_tensors_u64(t, "anchor", &anchor, errp) < 0 ||
        pe_tensors_u64(t, "since", &k->since, errp) < 0 ||
        pe_tensors_u64(t, "stale_points", &k->stale, errp) < 0)
        return -1;
    k->anchor = (int)(anchor % 2000) - 1000;
    return get_lanes(t, "counts", TENSOR_F64, k->k, k->counts, errp) < 0 ||
                   get_lanes(t, "births", TENSOR_U64, k->k, k->births, errp) <
                       0 ||
                   get_lanes(t, "scores", TENSOR_I64, QUANTILE_LANES, k->scores,
                             errp) < 0
               ? -1
               : 0;
}

int kmeans_decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    struct kmeans *k = (struct kmeans *)m;
    const double *data = NULL;
    size_t rows = 0;

    if (get_state(k, t, errp) < 0 ||
        get_matrix(k, t, "centers", &data, &rows, errp) < 0)
        return -1;
    if (rows != k->k)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: %zu centers", rows);
    memcpy(k->centers, data, rows * m->features * sizeof(double));
    kmeans_transpose(k);
    if (!m->warming)
        return 0;
    if (get_matrix(k, t, "rows", &data, &rows, errp) < 0)
        return -1;
    return kmeans_keep_rows(k, data, rows, errp);
}
