/* sample.c - the rows with the smallest hashes. */
#include <stdlib.h>
#include <string.h>

#include "private.h"

int sample_create(struct sample *s, size_t cap, uint32_t width, pe_error *errp)
{
    s->cap = cap;
    s->n = 0;
    s->width = width;
    s->heap = malloc(cap * sizeof(*s->heap));
    /* One row more, for one that is on its way in. */
    s->rows = calloc((cap + 1) * width, sizeof(*s->rows));
    if (s->heap && s->rows)
        return 0;
    sample_free(s);
    return pe_error_nomem(errp);
}

void sample_free(struct sample *s)
{
    free(s->heap);
    free(s->rows);
    memset(s, 0, sizeof(*s));
}

static void sift(struct sample *s, size_t i)
{
    struct sample_row moving = s->heap[i];

    for (size_t child; (child = 2 * i + 1) < s->n; i = child) {
        if (child + 1 < s->n && s->heap[child + 1].hash > s->heap[child].hash)
            child++;
        if (s->heap[child].hash <= moving.hash)
            break;
        s->heap[i] = s->heap[child];
    }
    s->heap[i] = moving;
}

void sample_offer(struct sample *s, uint64_t hash, const forest_key *row)
{
    size_t bytes = s->width * sizeof(*row), at = 0;

    if (s->n < s->cap) {
        at = s->n++;
        s->heap[at].slot = (uint32_t)at;
    } else if (hash >= s->heap[0].hash) {
        return;
    }
    s->heap[at].hash = hash;
    memcpy(s->rows + s->heap[at].slot * (size_t)s->width, row, bytes);
    if (s->n < s->cap)
        return;
    if (at == 0 && s->cap > 1) {
        sift(s, 0);
        return;
    }
    for (size_t i = s->n / 2; i-- > 0;) /* it has just become full */
        sift(s, i);
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct sample_row *)a)->hash;
    uint64_t y = ((const struct sample_row *)b)->hash;

    return (x > y) - (x < y);
}

void sample_sort(struct sample *s)
{
    qsort(s->heap, s->n, sizeof(*s->heap), by_hash);
}

/* An item: the number of rows, the shift of the keys, the rows' hashes, then
 * their keys, padded.
 */
static uint64_t item_len(uint64_t n, uint32_t features)
{
    return sizeof(n) + features * UINT64_C(8) + n * sizeof(uint64_t) +
           (n * features + 1) / 2 * 2 * sizeof(forest_key);
}

int sample_put(struct sample *s, const double *shift, uint32_t features,
               pe_delta *d, pe_error *errp)
{
    uint64_t n = s->n;
    size_t len = (size_t)item_len(n, features),
           width = features * sizeof(forest_key);
    unsigned char *out, *hashes, *keys;

    if (n == 0)
        return 0;
    out = item_reserve(d, ITEM_SAMPLE, len, errp);
    if (!out)
        return -1;
    memcpy(out, &n, sizeof(n));
    memcpy(out + sizeof(n), shift, features * sizeof(*shift));
    hashes = out + sizeof(n) + features * sizeof(*shift);
    keys = hashes + n * sizeof(uint64_t);
    for (size_t i = 0; i < n; i++) {
        memcpy(hashes + i * sizeof(uint64_t), &s->heap[i].hash,
               sizeof(uint64_t));
        memcpy(keys + i * width, s->rows + s->heap[i].slot * (size_t)s->width,
               width);
    }
    memset(keys + n * width, 0, len - (size_t)(keys - out) - n * width);
    item_commit(d, len);
    return 0;
}

/* Keys of a base that had another origin. */
static void move_row(forest_key *row, const unsigned char *from,
                     const double *shift, uint32_t features)
{
    for (uint32_t f = 0; f < features; f++) {
        double was;

        memcpy(&was, from + f * sizeof(was), sizeof(was));
        if (was != shift[f])
            row[f] = iforest_moved(row[f], was - shift[f]);
    }
}

static void take_item(struct sample *s, const double *shift, uint32_t features,
                      const unsigned char *p, size_t len)
{
    size_t width = features * sizeof(forest_key), origin = 8 * (size_t)features;
    forest_key *row = s->rows + s->cap * s->width;
    const unsigned char *hashes = p + sizeof(uint64_t) + origin;
    uint64_t n, hash;
    bool moved;

    memcpy(&n, p, sizeof(n));
    if (n > len || item_len(n, features) != len)
        return;
    moved = memcmp(p + sizeof(n), shift, origin) != 0;
    for (uint64_t i = 0; i < n; i++) {
        memcpy(&hash, hashes + i * sizeof(hash), sizeof(hash));
        memcpy(row, hashes + n * sizeof(hash) + i * width, width);
        if (moved)
            move_row(row, p + sizeof(n), shift, features);
        sample_offer(s, hash, row);
    }
}

void sample_take(struct sample *s, const double *shift, uint32_t features,
                 const pe_buffer *blob)
{
    const unsigned char *p;
    struct item item;
    size_t at = 0;

    while (item_next(blob->data, blob->len, &at, &item, &p))
        if (item.kind == ITEM_SAMPLE && item.len >= sizeof(uint64_t))
            take_item(s, shift, features, p, item.len);
}
