/* warmup.c - rows that wait for a model's first fit. */
#include "warmup.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "items.h"
#include "safetensors.h"

bool row_is_finite(const row_f8 *row, uint32_t features)
{
    int bad = 0;

    /* No early way out: looked at side by side. */
    for (uint32_t f = 0; f < features; f++)
        bad |= !(fabs(row[f]) <= (double)FLT_MAX);
    return !bad;
}

int warmup_update(const pe_model *m, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    size_t width = m->features * sizeof(double);
    struct item_origin from = item_origin_of(b, 0);
    unsigned char *out;

    /* One row more: a row is read before it is known to be finite. */
    out = item_reserve(d, ITEM_ROWS,
                       sizeof(from) + ((size_t)b->points + 1) * width, errp);
    if (!out)
        return -1;
    for (uint32_t i = 0; i < b->points; i++) {
        double *row = (double *)(void *)(out + sizeof(from) + from.n * width);

        pe_block_row(b, i, row);
        from.n += row_is_finite(row, m->features);
        if (scores)
            scores[i] = NAN;
    }
    memcpy(out, &from, sizeof(from));
    item_commit(d, sizeof(from) + from.n * width);
    d->points += from.n;
    d->masked += b->points - from.n;
    return 0;
}

bool warmup_full(const struct warmup *w, const pe_model *base,
                 const pe_delta *d)
{
    return base->warming && d->points >= w->want;
}

int warmup_collect(uint32_t features, const pe_delta *d, double **rowsp,
                   size_t *np, pe_error *errp)
{
    size_t width = features * sizeof(double), n, at = 0;
    struct item_ref *refs;
    char *rows;

    *rowsp = NULL;
    *np = 0;
    if (item_sort(&d->blob, ITEM_ROWS, &refs, &n, errp) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        *np += refs[i].from.n;
    rows = malloc(*np * width + 1);
    for (size_t i = 0; rows && i < n; i++) {
        memcpy(rows + at, refs[i].data, refs[i].from.n * width);
        at += refs[i].from.n * width;
    }
    free(refs);
    *rowsp = (double *)(void *)rows;
    return rows ? 0 : pe_error_nomem(errp);
}

int warmup_keep(struct warmup *w, uint32_t features, const double *rows,
                size_t n, pe_error *errp)
{
    size_t width = features * sizeof(double);
    double *grown;

    if (n == 0)
        return 0;
    grown = realloc(w->rows, (w->n + n) * width);
    if (!grown)
        return pe_error_nomem(errp);
    w->rows = grown;
    memcpy((char *)grown + w->n * width, rows, n * width);
    w->n += n;
    return 0;
}

#define DOMINANT 0.99

void warmup_weigh(pe_model *m, const double *width)
{
    uint32_t top = 0, vary = 0;
    double sum = 0;

    /* About the widest: squares may be too large or too small. */
    for (uint32_t f = 0; f < m->features; f++)
        top = width[f] > width[top] ? f : top;
    for (uint32_t f = 0; f < m->features && width[top] > 0; f++) {
        double ratio = width[f] / width[top];

        vary += width[f] > 0;
        sum += ratio * ratio;
    }
    m->dominant = top;
    m->dominant_share = vary > 1 && 1 / sum > DOMINANT ? 1 / sum : 0;
}

void warmup_free(struct warmup *w)
{
    free(w->rows);
    w->rows = NULL;
    w->n = 0;
}

int warmup_encode(const struct warmup *w, const pe_model *m, pe_tensors *t,
                  pe_error *errp)
{
    const tensor_form form = {TENSOR_F64, 2, {w->n, m->features}};

    if (!m->warming)
        return 0;
    return pe_tensors_put(t, "rows", &form,
                          w->rows ? (const void *)w->rows : &form, errp);
}

int warmup_decode(struct warmup *w, const pe_model *m, const pe_tensors *t,
                  pe_error *errp)
{
    uint64_t shape[2];
    const double *rows;

    if (!m->warming)
        return 0;
    rows = pe_tensors_get(t, "rows", TENSOR_F64, 2, shape, errp);
    if (!rows)
        return -1;
    if (shape[1] != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a %s model: tensor 'rows' has %llu columns",
                            m->ops->name, (unsigned long long)shape[1]);
    return warmup_keep(w, m->features, rows, shape[0], errp);
}
