/* candidates.c - rows that may become centres, and centres that are dead. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/random.h"

enum { ROWS_A_DRAW = 32 };

void kmeans_work_destroy(void *work)
{
    struct kmeans_work *w = work;

    if (!w)
        return;
    free(w->candidates.hash);
    free(w->candidates.rows);
    pe_delta_destroy(w->one);
    pe_model_destroy(w->after);
    free(w);
}

struct kmeans_work *kmeans_work_create(const struct kmeans *k, pe_error *errp)
{
    struct kmeans_work *w = calloc(1, sizeof(*w));
    struct kmeans_candidates *c = w ? &w->candidates : NULL;

    if (w) {
        c->hash = malloc(k->k * sizeof(*c->hash));
        /* One row more, for one that is on its way in. */
        c->rows =
            malloc(((size_t)k->k + 1) * k->base.features * sizeof(*c->rows));
    }
    if (!w || !c->hash || !c->rows) {
        pe_error_nomem(errp);
        goto error;
    }
    /* Its delta would need work of its own: it is made of the copy, which
     * does not score after.
     */
    if (k->base.score_after) {
        w->after = pe_model_copy(&k->base, errp);
        if (!w->after)
            goto error;
        w->after->score_after = false;
        w->one = pe_delta_create(w->after, errp);
        if (!w->one)
            goto error;
    }
    return w;
error:
    kmeans_work_destroy(w);
    return NULL;
}

static void keep(const struct kmeans *k, struct kmeans_candidates *c,
                 uint64_t hash, const pe_block *b, uint32_t row)
{
    uint32_t at = c->n < k->k ? c->n : c->worst, features = k->base.features;
    double *in = c->rows + (size_t)k->k * features;

    pe_block_row(b, row, in);
    /* One that is no measurement drives out no other. */
    if (!row_is_finite(in, features))
        return;
    memcpy(c->rows + (size_t)at * features, in, features * sizeof(*in));
    c->hash[at] = hash;
    c->n += at == c->n;
    c->worst = 0;
    for (uint32_t i = 1; i < c->n; i++)
        if (c->hash[i] > c->hash[c->worst])
            c->worst = i;
}

/* A block offers a draw for each 32 rows. */
void kmeans_offer(const struct kmeans *k, struct kmeans_candidates *c,
                  const pe_block *b)
{
    uint64_t key = item_key(k->base.seed, b);
    uint32_t draws = (b->points + ROWS_A_DRAW - 1) / ROWS_A_DRAW;

    draws = draws < k->k ? draws : k->k;
    for (uint32_t i = 0; i < draws; i++) {
        uint64_t hash = random_mix(key, i);

        if (c->n < k->k || hash < c->hash[c->worst])
            keep(k, c, hash, b, (uint32_t)(hash % b->points));
    }
}

int kmeans_put_candidates(const struct kmeans *k, pe_delta *d, pe_error *errp)
{
    const struct kmeans_work *w = d->work;
    const struct kmeans_candidates *c = &w->candidates;
    size_t width = k->base.features * sizeof(double);

    for (uint32_t i = 0; i < c->n; i++) {
        unsigned char *out =
            item_reserve(d, ITEM_CANDIDATE, sizeof(uint64_t) + width, errp);

        if (!out)
            return -1;
        memcpy(out, &c->hash[i], sizeof(uint64_t));
        memcpy(out + sizeof(uint64_t), c->rows + i * k->base.features, width);
        item_commit(d, sizeof(uint64_t) + width);
    }
    return 0;
}

/* --- dead centres --- */

struct candidate {
    uint64_t hash;
    const unsigned char *row;
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct candidate *)a)->hash;
    uint64_t y = ((const struct candidate *)b)->hash;

    return (x > y) - (x < y);
}

/* Candidates of [d] in order of their hash; the caller frees. */
static struct candidate *list(const pe_delta *d, size_t *np, pe_error *errp)
{
    const unsigned char *p;
    struct candidate *c;
    struct item item;
    size_t at = 0, cap = 0;

    *np = 0;
    while (item_next(d->blob.data, d->blob.len, &at, &item, &p))
        cap += item.kind == ITEM_CANDIDATE;
    c = malloc((cap + 1) * sizeof(*c));
    if (!c) {
        pe_error_nomem(errp);
        return NULL;
    }
    at = 0;
    while (item_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != ITEM_CANDIDATE)
            continue;
        memcpy(&c[*np].hash, p, sizeof(c->hash));
        c[(*np)++].row = p + sizeof(c->hash);
    }
    qsort(c, *np, sizeof(*c), by_hash);
    return c;
}

static void rebear(struct kmeans *k, const struct candidate *c, size_t n)
{
    size_t width = k->base.features * sizeof(double), used = 0;
    double most = 0, least = INFINITY;

    for (uint32_t j = 0; j < k->k; j++)
        most = fmax(most, k->counts[j]);
    for (uint32_t j = 0; j < k->k; j++)
        if (k->counts[j] >= 0.01 * most && k->counts[j] < least)
            least = k->counts[j];
    n = n > k->k / 2 ? k->k / 2 : n;
    for (uint32_t j = 0; j < k->k && used < n; j++) {
        if (k->counts[j] >= 0.01 * most)
            continue;
        memcpy(k->centers + (size_t)j * k->stride, c[used].row, width);
        memcpy(k->origins + (size_t)j * k->stride, c[used].row, width);
        k->counts[j] = least;
        /* Versions are part of what is committed: all agree on a birth. */
        k->births[j] = random_mix(c[used].hash, k->base.version + 1) | 1;
        used++;
    }
}

/* scikit-learn's reassignment: when a centre has no points, or 10 k points
 * have come since the last look, those with less than 1% of the largest
 * count move to random rows.
 */
int kmeans_reassign(struct kmeans *k, const pe_delta *d, pe_error *errp)
{
    struct candidate *c;
    bool empty = false;
    size_t n;

    k->since += d->points;
    for (uint32_t j = 0; j < k->k; j++)
        empty = empty || k->counts[j] == 0;
    if (!k->reassign || (!empty && k->since < 10 * (uint64_t)k->k))
        return 0;
    c = list(d, &n, errp);
    if (!c)
        return -1;
    k->since = 0;
    rebear(k, c, n);
    free(c);
    return 0;
}
