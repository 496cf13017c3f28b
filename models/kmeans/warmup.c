/* warmup.c - rows that wait for the first centres. */
#include "kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"

bool kmeans_next(const unsigned char *blob, size_t len, size_t *atp,
                 struct kmeans_item *item, const unsigned char **payload)
{
    if (*atp + sizeof(*item) > len)
        return false;
    memcpy(item, blob + *atp, sizeof(*item));
    if (item->len > len - *atp - sizeof(*item))
        return false;
    *payload = blob + *atp + sizeof(*item);
    *atp += sizeof(*item) + item->len;
    return true;
}

static bool is_finite_row(const double *row, uint32_t d)
{
    for (uint32_t f = 0; f < d; f++)
        if (!(fabs(row[f]) <= FLT_MAX))
            return false;
    return true;
}

int kmeans_warm_update(const struct kmeans *m, pe_delta *d, const pe_block *b,
                       float *scores, pe_error *errp)
{
    uint32_t features = m->base.features;
    size_t width = features * sizeof(double), head;
    struct kmeans_item item = {KMEANS_ROWS, 0};
    struct kmeans_rows r = {.partition = b->partition, .offset = b->offset};
    unsigned char *out;

    if (b->topic)
        r.topic = random_hash(0, b->topic, strlen(b->topic));
    head = sizeof(item) + sizeof(r);
    /* One row more: where a row is read before it is known to be finite. */
    if (pe_buffer_reserve(
            &d->blob, d->blob.len + head + (b->points + 1) * width, errp) < 0)
        return -1;
    out = d->blob.data + d->blob.len + head;
    for (uint32_t i = 0; i < b->points; i++) {
        pe_block_row(b, i, (double *)(void *)(out + r.n * width));
        r.n += is_finite_row((double *)(void *)(out + r.n * width), features);
        if (scores)
            scores[i] = NAN;
    }
    item.len = sizeof(r) + r.n * width;
    memcpy(d->blob.data + d->blob.len, &item, sizeof(item));
    memcpy(d->blob.data + d->blob.len + sizeof(item), &r, sizeof(r));
    d->blob.len += head + r.n * width;
    d->points += r.n;
    d->masked += b->points - r.n;
    return 0;
}

size_t kmeans_warm_rows(const struct kmeans *m, const pe_delta *d)
{
    const unsigned char *p;
    struct kmeans_item item;
    struct kmeans_rows r;
    size_t at = 0, n = 0;

    (void)m;
    while (kmeans_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != KMEANS_ROWS)
            continue;
        memcpy(&r, p, sizeof(r));
        n += r.n;
    }
    return n;
}

struct chunk {
    struct kmeans_rows r;
    const unsigned char *rows;
};

static int by_origin(const void *a, const void *b)
{
    const struct kmeans_rows *x = &((const struct chunk *)a)->r;
    const struct kmeans_rows *y = &((const struct chunk *)b)->r;

    if (x->topic != y->topic)
        return x->topic < y->topic ? -1 : 1;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static size_t list_chunks(const pe_delta *d, struct chunk *c)
{
    const unsigned char *p;
    struct kmeans_item item;
    size_t at = 0, n = 0;

    while (kmeans_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != KMEANS_ROWS)
            continue;
        if (c) {
            memcpy(&c[n].r, p, sizeof(c[n].r));
            c[n].rows = p + sizeof(c[n].r);
        }
        n++;
    }
    return n;
}

int kmeans_collect_rows(const struct kmeans *m, const pe_delta *d,
                        double **rowsp, size_t *np, pe_error *errp)
{
    size_t width = m->base.features * sizeof(double), at = 0;
    size_t n = list_chunks(d, NULL), total = kmeans_warm_rows(m, d);
    struct chunk *c;
    char *rows;

    *rowsp = NULL;
    *np = total;
    if (n == 0)
        return 0;
    c = malloc(n * sizeof(*c));
    rows = malloc(total * width + 1);
    if (!c || !rows) {
        free(c);
        free(rows);
        return pe_error_nomem(errp);
    }
    list_chunks(d, c);
    qsort(c, n, sizeof(*c), by_origin);
    for (size_t i = 0; i < n; i++) {
        memcpy(rows + at, c[i].rows, c[i].r.n * width);
        at += c[i].r.n * width;
    }
    free(c);
    *rowsp = (double *)(void *)rows;
    return 0;
}
