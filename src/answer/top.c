/* top.c - the rows with the highest scores, with their values. */
#include "top.h"

#include <stdlib.h>
#include <string.h>

int top_open(top *t, size_t most, uint32_t n_values, pe_error *errp)
{
    memset(t, 0, sizeof(*t));
    t->row = calloc(most ? most : 1, sizeof(*t->row));
    t->values = calloc((most ? most : 1) * (n_values ? n_values : 1),
                       sizeof(*t->values));
    if (!t->row || !t->values) {
        top_free(t);
        return pe_error_nomem(errp);
    }
    t->most = most;
    t->n_values = n_values;
    return 0;
}

void top_free(top *t)
{
    free(t->row);
    free(t->values);
    memset(t, 0, sizeof(*t));
}

/* < 0: [a] is lower. */
static int order(const top_row *a, const top_row *b)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    if (a->lane != b->lane)
        return a->lane > b->lane ? -1 : 1;
    return a->at > b->at ? -1 : a->at < b->at;
}

int top_wants(const top *t, float score, int32_t lane, uint64_t at)
{
    const top_row new = {.score = score, .lane = lane, .at = at};

    return t->n < t->most || (t->most > 0 && order(&new, &t->row[0]) > 0);
}

static void swap(top *t, size_t i, size_t k)
{
    top_row row = t->row[i];

    t->row[i] = t->row[k];
    t->row[k] = row;
}

static void sink(top *t, size_t i)
{
    for (;;) {
        size_t low = i, k = 2 * i + 1;

        for (size_t c = k; c < t->n && c < k + 2; c++)
            if (order(&t->row[c], &t->row[low]) < 0)
                low = c;
        if (low == i)
            return;
        swap(t, i, low);
        i = low;
    }
}

static void rise(top *t, size_t i)
{
    while (i > 0 && order(&t->row[i], &t->row[(i - 1) / 2]) < 0) {
        swap(t, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

double *top_take(top *t, float score, int32_t lane, uint64_t at)
{
    size_t slot = t->n < t->most ? t->n : t->row[0].slot;
    const top_row new = {score, lane, at, slot};

    if (t->n < t->most) {
        t->row[t->n++] = new;
        rise(t, t->n - 1);
    } else {
        t->row[0] = new;
        sink(t, 0);
    }
    return t->values + slot * t->n_values;
}

void top_merge(top *t, const top *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const top_row *r = &from->row[i];

        if (top_wants(t, r->score, r->lane, r->at))
            memcpy(top_take(t, r->score, r->lane, r->at),
                   from->values + r->slot * from->n_values,
                   from->n_values * sizeof(double));
    }
}

static int highest_first(const void *a, const void *b)
{
    return order(b, a);
}

void top_sort(top *t)
{
    qsort(t->row, t->n, sizeof(*t->row), highest_first);
}
