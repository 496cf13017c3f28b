/* draw.c - some rows that stand for all: those with the smallest hashes. */
#include "draw.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"
#include "src/context/rows.h"

static double *aligned(size_t n)
{
    return aligned_alloc(64, (n * sizeof(double) + 64) / 64 * 64);
}

int draw_open(draw *d, uint32_t features, uint64_t seed, pe_error *errp)
{
    size_t cap = DRAW_BYTES / sizeof(double) / features;

    *d = (draw){.seed = random_mix(seed, 0x64726177), .features = features};
    d->cap = cap > DRAW_ROWS ? DRAW_ROWS : cap;
    d->row = malloc((d->cap + 1) * sizeof(*d->row));
    d->values = aligned((d->cap + 1) * features);
    if (d->row && d->values)
        return 0;
    draw_free(d);
    return pe_error_nomem(errp);
}

void draw_free(draw *d)
{
    free(d->row);
    free(d->values);
    d->row = NULL;
    d->values = NULL;
}

static void exchange(draw_row *a, draw_row *b)
{
    draw_row old = *a;

    *a = *b;
    *b = old;
}

static void rise(draw *d, size_t i)
{
    while (i > 0 && d->row[(i - 1) / 2].hash < d->row[i].hash) {
        exchange(&d->row[i], &d->row[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sink(draw *d)
{
    for (size_t i = 0, k; (k = 2 * i + 1) < d->n; i = k) {
        if (k + 1 < d->n && d->row[k + 1].hash > d->row[k].hash)
            k++;
        if (d->row[i].hash >= d->row[k].hash)
            return;
        exchange(&d->row[i], &d->row[k]);
    }
}

/* A row that was loaded behind all others. */
static void take(draw *d, const draw_row *r)
{
    size_t f = d->features;
    uint32_t slot = d->n < d->cap ? (uint32_t)d->n : d->row[0].slot;

    memcpy(d->values + slot * f, d->values + d->cap * f,
           f * sizeof(*d->values));
    if (d->n < d->cap) {
        d->row[d->n] = *r;
        d->row[d->n].slot = slot;
        rise(d, d->n++);
        return;
    }
    d->row[0] = *r;
    d->row[0].slot = slot;
    sink(d);
}

void draw_offer(draw *d, const pe_block *b)
{
    uint64_t key = random_mix(d->seed, (uint64_t)b->partition);
    double *x = d->values + d->cap * (size_t)d->features;

    key = random_mix(key, (uint64_t)b->offset);
    for (uint32_t i = 0; i < b->points; i++) {
        draw_row r = {random_mix(key, i), b->offset, b->partition, i, 0};

        if (!rows_load(b, i, x))
            continue;
        d->offered++;
        if (d->cap > 0 && (d->n < d->cap || r.hash < d->row[0].hash))
            take(d, &r);
    }
}

static int by_origin(const void *a, const void *b)
{
    const draw_row *x = a, *y = b;

    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->point > y->point) - (x->point < y->point);
}

double *draw_table(draw *d, pe_error *errp)
{
    size_t f = d->features;
    double *table = aligned(d->n * f);

    if (!table) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (d->n > 0)
        qsort(d->row, d->n, sizeof(*d->row), by_origin);
    for (size_t i = 0; i < d->n; i++)
        memcpy(table + i * f, d->values + d->row[i].slot * f,
               f * sizeof(*table));
    return table;
}
