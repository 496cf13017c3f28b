/* points.c - means that stand for rows which have stayed on a device. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "private.h"
#include "src/common/random.h"
#include "src/model/safetensors.h"

enum { ROUNDS = 10 }; /* of Lloyd: points are few */

/* How an item of points begins; then the points, each with its weight. */
struct head {
    struct item_origin from;
    uint64_t device;
};

void kmeans_points_free(struct kmeans_points *p)
{
    free(p->x);
    free(p->weight);
    free(p->device);
    *p = (struct kmeans_points){0};
}

static int grow(void **p, size_t bytes, pe_error *errp)
{
    void *q = realloc(*p, bytes);

    if (!q)
        return pe_error_nomem(errp);
    *p = q;
    return 0;
}

static int reserve(struct kmeans_points *p, uint32_t features, size_t n,
                   pe_error *errp)
{
    size_t all = p->n + n + 1;

    return grow((void **)&p->x, all * features * sizeof(*p->x), errp) < 0 ||
                   grow((void **)&p->weight, all * sizeof(*p->weight), errp) <
                       0 ||
                   grow((void **)&p->device, all * sizeof(*p->device), errp) < 0
               ? -1
               : 0;
}

int kmeans_points_add(struct kmeans_points *p, uint32_t features,
                      const double *x, const double *weight, size_t n,
                      pe_error *errp)
{
    if (reserve(p, features, n, errp) < 0)
        return -1;
    if (n > 0)
        memcpy(p->x + p->n * features, x, n * features * sizeof(*x));
    for (size_t i = 0; i < n; i++) {
        p->weight[p->n + i] = weight ? weight[i] : 1;
        p->device[p->n + i] = 0;
    }
    p->n += n;
    p->parts++;
    return 0;
}

/* --- items --- */

int kmeans_points_put(const struct kmeans_points *p, uint32_t features,
                      pe_delta *d, pe_error *errp)
{
    size_t width = features * sizeof(double), row = width + sizeof(double);
    struct head head = {.from = {-1, -1, p->n}};
    size_t len = sizeof(head) + p->n * row;
    unsigned char *out = item_reserve(d, ITEM_POINTS, len, errp);

    if (!out)
        return -1;
    memcpy(out, &head, sizeof(head));
    out += sizeof(head);
    for (size_t i = 0; i < p->n; i++, out += row) {
        memcpy(out, p->x + i * features, width);
        memcpy(out + width, &p->weight[i], sizeof(double));
    }
    item_commit(d, len);
    return 0;
}

bool kmeans_points_check(const unsigned char *data, size_t len,
                         uint32_t features, uint64_t *rowsp)
{
    size_t row = (features + (size_t)1) * sizeof(double), n;
    const row_f8 *at = (const void *)(data + sizeof(struct head));
    struct head head;
    double sum = 0;

    if (len < sizeof(head) || (len - sizeof(head)) % row != 0)
        return false;
    memcpy(&head, data, sizeof(head));
    n = (len - sizeof(head)) / row;
    if (head.from.n != n)
        return false;
    for (size_t i = 0; i < n; i++, at += features + 1) {
        double w = at[features];

        if (!row_is_finite(at, features) || !(w >= 1 && w <= 0x1p53) ||
            w != floor(w))
            return false;
        sum += w;
    }
    *rowsp = sum <= 0x1p53 ? (uint64_t)sum : 0;
    return sum <= 0x1p53;
}

void kmeans_points_place(unsigned char *data, const pe_block *from)
{
    struct head head;

    memcpy(&head, data, sizeof(head));
    head.from.partition = from->partition;
    head.from.offset = from->offset;
    head.device = item_device(from);
    memcpy(data, &head, sizeof(head));
}

/* One item, what is behind its origin at [data]. */
static int collect_one(struct kmeans_points *p, uint32_t features,
                       const unsigned char *data, uint64_t n, pe_error *errp)
{
    const row_f8 *at = (const void *)(data + sizeof(uint64_t));
    uint64_t device;

    memcpy(&device, data, sizeof(device));
    if (reserve(p, features, n, errp) < 0)
        return -1;
    for (uint64_t i = 0; i < n; i++, at += features + 1, p->n++) {
        for (uint32_t f = 0; f < features; f++)
            p->x[p->n * features + f] = at[f];
        p->weight[p->n] = at[features];
        p->device[p->n] = device;
    }
    p->parts++;
    return 0;
}

int kmeans_points_collect(struct kmeans_points *p, uint32_t features,
                          const pe_delta *d, pe_error *errp)
{
    struct item_ref *refs;
    size_t n;
    int rc = 0;

    if (item_sort(&d->blob, ITEM_POINTS, &refs, &n, errp) < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = collect_one(p, features, refs[i].data, refs[i].from.n, errp);
    free(refs);
    return rc;
}

/* --- centres --- */

static void assign(const struct kmeans *k, const struct kmeans_points *p,
                   uint32_t *labels)
{
    for (size_t i = 0; i < p->n; i++)
        labels[i] = kmeans_nearest(k, p->x + i * k->base.features);
}

/* Centres become the means of their points; one without stays. */
static void settle(struct kmeans *k, const struct kmeans_points *p,
                   const uint32_t *labels)
{
    uint32_t d = k->base.features;

    memset(k->counts, 0, k->k * sizeof(*k->counts));
    for (size_t i = 0; i < p->n; i++) {
        double *c = k->centers + (size_t)labels[i] * k->stride;
        double n = k->counts[labels[i]] + p->weight[i];
        const double *x = p->x + i * d;

        for (uint32_t f = 0; f < d; f++)
            c[f] = k->counts[labels[i]] > 0
                       ? c[f] + (x[f] - c[f]) * (p->weight[i] / n)
                       : x[f];
        k->counts[labels[i]] = n;
    }
}

int kmeans_points_fit(struct kmeans *k, const struct kmeans_points *p,
                      uint32_t *labels, pe_error *errp)
{
    if (kmeans_plus_plus(k, p->x, p->weight, p->n, 0, errp) < 0)
        return -1;
    for (int i = 0; i < ROUNDS; i++) {
        assign(k, p, labels);
        settle(k, p, labels);
    }
    return 0;
}

int kmeans_points_fold(struct kmeans *k, const struct kmeans_points *p,
                       pe_error *errp)
{
    uint32_t d = k->base.features;
    uint32_t *labels = malloc((p->n + 1) * sizeof(*labels));

    if (!labels)
        return pe_error_nomem(errp);
    assign(k, p, labels);
    for (size_t i = 0; i < p->n; i++) {
        double *c = k->centers + (size_t)labels[i] * k->stride;
        double *count = &k->counts[labels[i]];

        *count += p->weight[i];
        for (uint32_t f = 0; f < d; f++)
            c[f] += (p->x[i * d + f] - c[f]) * (p->weight[i] / *count);
    }
    free(labels);
    return 0;
}

/* --- a file --- */

int kmeans_points_encode(const struct kmeans *k, pe_tensors *t, pe_error *errp)
{
    const struct kmeans_points *p = &k->points;
    const tensor_form x = {TENSOR_F64, 2, {p->n, k->base.features}};
    const tensor_form weight = {TENSOR_F64, 1, {p->n}};
    const tensor_form device = {TENSOR_U64, 1, {p->n}};

    if (!k->base.warming || p->n == 0)
        return 0;
    return pe_tensors_put(t, "points", &x, p->x, errp) < 0 ||
                   pe_tensors_put(t, "weights", &weight, p->weight, errp) < 0 ||
                   pe_tensors_put(t, "devices", &device, p->device, errp) < 0
               ? -1
               : pe_tensors_put_u64(t, "parts", p->parts, errp);
}

int kmeans_points_decode(struct kmeans *k, const pe_tensors *t, pe_error *errp)
{
    uint64_t shape[2], n[2], parts;
    const double *x, *weight;
    const uint64_t *device;
    struct kmeans_points *p = &k->points;

    if (!k->base.warming || !pe_tensors_find(t, "points"))
        return 0;
    x = pe_tensors_get(t, "points", TENSOR_F64, 2, shape, errp);
    weight = x ? pe_tensors_get(t, "weights", TENSOR_F64, 1, &n[0], errp) : x;
    device = weight ? pe_tensors_get(t, "devices", TENSOR_U64, 1, &n[1], errp)
                    : NULL;
    if (!device || pe_tensors_u64(t, "parts", &parts, errp) < 0)
        return -1;
    if (shape[1] != k->base.features || n[0] != shape[0] || n[1] != shape[0])
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: points, weights and devices "
                            "do not fit each other");
    if (kmeans_points_add(p, k->base.features, x, weight, n[0], errp) < 0)
        return -1;
    memcpy(p->device, device, n[1] * sizeof(*device));
    p->parts = parts;
    return 0;
}
