/* assemble.c - the columns of a record beside each other, as a block. */
#include "codec_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

static const void *raw_of(const codec *c, const codec_field *f)
{
    return f->raw ? f->raw : (const void *)(c->number + f->at);
}

static const char *name_of(const codec *c, const codec_field *f)
{
    return codec_shown_name(codec_field_name(c, f), f->name_len);
}

/* What is wished of axes matters to a field that has them. */
static bool has_grid(const codec *c, const codec_field *f)
{
    return f->dims > 1 || (f->dims == 1 && c->take.axis > 0);
}

/* One row, in the order of the shape, of what lies in another order. */
static int flatten(const codec_field *f, grid *g, const grid_items *items,
                   pe_error *errp)
{
    grid_shape shape = {f->dims + 1, true, {1}};

    memcpy(shape.dim + 1, f->dim, f->dims * sizeof(*f->dim));
    return grid_make(g, &shape, items, &(grid_take){.axis = -1, .frames = true},
                     errp);
}

/* The field as rows and columns. */
static int make_grid(codec *c, size_t k, bool one_row, pe_error *errp)
{
    const codec_field *f = &c->field[c->chosen[k]];
    grid *g = &c->grids[k];
    grid_shape shape = {.dims = 2, .dim = {1, 1}};

    c->items[k] = (grid_items){.type = f->e, .bytes = f->e.size};
    if (has_grid(c, f) && !one_row) {
        shape.dims = f->dims;
        shape.fortran = f->fortran;
        memcpy(shape.dim, f->dim, f->dims * sizeof(*f->dim));
        return grid_make(g, &shape, &c->items[k], &c->take, errp);
    }
    if (one_row && f->fortran && f->dims > 1)
        return flatten(f, g, &c->items[k], errp);
    for (unsigned i = 0; i < f->dims; i++)
        if (__builtin_mul_overflow(shape.dim[1], f->dim[i], &shape.dim[1]))
            return codec_fail(errp, "it is too large");
    if (!one_row && f->dims == 1) {
        shape.dim[0] = f->dim[0];
        shape.dim[1] = 1;
    }
    return grid_make(g, &shape, &c->items[k], &(grid_take){.axis = -1}, errp);
}

static int reserve(codec *c, pe_error *errp)
{
    grid *g;
    grid_items *t;

    if (c->n_chosen <= c->cap_grids)
        return 0;
    g = realloc(c->grids, c->n_chosen * sizeof(*g));
    if (g)
        c->grids = g;
    t = realloc(c->items, c->n_chosen * sizeof(*t));
    if (t)
        c->items = t;
    if (!g || !t)
        return pe_error_nomem(errp);
    c->cap_grids = c->n_chosen;
    return 0;
}

/* A shape of columns, rows and a type for all of it. */
typedef struct shape {
    uint64_t rows, columns;
    enum pe_dtype dtype;
} shape;

static int add_field(codec *c, size_t k, bool one_row, shape *s, pe_error *errp)
{
    const codec_field *f = &c->field[c->chosen[k]];
    const codec_field *of = &c->field[c->chosen[0]];
    const grid *g = &c->grids[k];

    if (make_grid(c, k, one_row, errp) < 0)
        return f->name_len ? pe_error_prefix(errp, "'%s'", name_of(c, f)) : -1;
    if (g->rows == 0)
        return codec_fail(errp, "%s%s%s no rows", f->name_len ? "'" : "",
                          f->name_len ? name_of(c, f) : "it has",
                          f->name_len ? "' has" : "");
    if (k > 0 && g->rows != s->rows)
        return codec_fail(errp,
                          "'%s' has %llu row%s and '%s' has %llu: columns are "
                          "of one length (rows: record makes each record one "
                          "row)",
                          name_of(c, of), (unsigned long long)s->rows,
                          text_s(s->rows), name_of(c, f),
                          (unsigned long long)g->rows);
    s->rows = g->rows;
    s->columns += g->columns;
    if (element_dtype(f->e) == PE_F8)
        s->dtype = PE_F8;
    if (s->rows > UINT32_MAX || s->columns > UINT32_MAX)
        return codec_fail(errp, "%llu rows of %llu columns are too many",
                          (unsigned long long)s->rows,
                          (unsigned long long)s->columns);
    return 0;
}

/* Do the bytes lie in the record as a block has them? */
static bool is_there(const codec *c, const shape *s)
{
    const codec_field *f = &c->field[c->chosen[0]];

    return c->n_chosen == 1 && f->raw && element_is(f->e, s->dtype) &&
           c->grids[0].outer == 1 && (f->dims != 1 || f->stride == f->e.size);
}

static size_t copy_field(const codec *c, size_t k, pe_block *b, size_t first)
{
    const codec_field *f = &c->field[c->chosen[k]];
    const grid *g = &c->grids[k];
    size_t rows = (size_t)g->rows;

    if (f->dims == 1 && !has_grid(c, f))
        return element_load(
            (element_from){f->e, raw_of(c, f), f->stride}, (size_t)f->dim[0],
            (element_to){(char *)b->data + first * (size_t)b->dtype, b->dtype,
                         g->rows > 1 ? b->features : 1});
    return grid_copy(g, &(grid_rows){raw_of(c, f), rows, 0, rows},
                     (grid_columns){NULL, g->columns},
                     &(grid_to){b->data, b->dtype, first, b->features});
}

static int copy_all(codec *c, const shape *s, pe_block *b, pe_error *errp)
{
    size_t first = 0, rounded = 0;

    if (pe_block_reserve(b, (uint32_t)s->rows, (uint32_t)s->columns, s->dtype,
                         errp) < 0)
        return -1;
    for (size_t k = 0; k < c->n_chosen; k++) {
        rounded += copy_field(c, k, b, first) + c->field[c->chosen[k]].lost;
        first += c->grids[k].columns;
    }
    return rounded || c->rounded ? CODEC_ROUNDED : CODEC_BLOCK;
}

int codec_assemble(codec *c, pe_block *b, pe_error *errp)
{
    bool one_row = c->one_row || c->wish_one_row;
    shape s = {.dtype = PE_F4};

    if (reserve(c, errp) < 0)
        return -1;
    for (size_t k = 0; k < c->n_chosen; k++)
        if (add_field(c, k, one_row, &s, errp) < 0)
            return -1;
    if (!is_there(c, &s))
        return copy_all(c, &s, b, errp);
    if (s.rows * s.columns > PE_BLOCK_BYTES_MAX / (size_t)s.dtype)
        return codec_fail(errp,
                          "%llu rows of %llu columns are larger than "
                          "1 GiB; send smaller records",
                          (unsigned long long)s.rows,
                          (unsigned long long)s.columns);
    b->data = (void *)(uintptr_t)c->field[c->chosen[0]].raw;
    b->points = (uint32_t)s.rows;
    b->features = (uint32_t)s.columns;
    b->dtype = s.dtype;
    return CODEC_BLOCK;
}

void codec_feature(const codec *c, uint32_t k, char *out, size_t cap)
{
    uint64_t first = 0;

    snprintf(out, cap, "%u", k);
    for (size_t i = 0; i < c->n_chosen && i < c->cap_grids; i++) {
        const codec_field *f = &c->field[c->chosen[i]];
        uint32_t n = c->grids[i].columns;

        if (k >= first + n) {
            first += n;
            continue;
        }
        if (f->name_len && n == 1)
            snprintf(out, cap, "%s", name_of(c, f));
        else if (f->name_len)
            snprintf(out, cap, "%s[%u]", name_of(c, f), (unsigned)(k - first));
        return;
    }
}
