/* grid.c - an array of any shape and order, taken as rows and columns. */
#include "grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes, of the storage or the block, that are gone through column by
 * column.
 */
#define TILE_BYTES ((size_t)64 << 10)

/* --- items --- */

int grid_items_add(grid_items *t, element e, size_t offset, const char *name,
                   size_t len, pe_error *errp)
{
    if (t->n == GRID_FIELDS_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "its items have more than %d fields",
                            GRID_FIELDS_MAX);
    if ((t->n & (t->n - 1)) == 0) {
        size_t cap = t->n ? 2 * t->n : 1;
        grid_field *f = realloc(t->field, cap * sizeof(*f));
        if (!f)
            return pe_error_nomem(errp);
        t->field = f;
    }
    t->field[t->n] = (grid_field){e, offset, strndup(name, len)};
    if (!t->field[t->n].name)
        return pe_error_nomem(errp);
    t->n++;
    return 0;
}

void grid_items_leave_out(grid_items *t, const char *name, size_t len,
                          const char *type, size_t type_len)
{
    size_t n = strlen(t->left_out);

    snprintf(t->left_out + n, sizeof(t->left_out) - n, "%s%.*s (%.*s)",
             n ? ", " : "", (int)len, name, (int)type_len, type);
    for (char *p = t->left_out + n; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

void grid_items_clear(grid_items *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->field[i].name);
    free(t->field);
    memset(t, 0, sizeof(*t));
}

static size_t fields_of(const grid *g)
{
    return g->items->n ? g->items->n : 1;
}

/* --- shape --- */

void grid_shape_text(const uint64_t *dim, unsigned dims, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "(");

    for (unsigned i = 0; i < dims && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%llu", i ? ", " : "",
                              (unsigned long long)dim[i]);
    if (n < cap)
        snprintf(out + n, cap - n, dims == 1 ? ",)" : ")");
}

static int refuse(pe_error *errp, const uint64_t *dim, unsigned dims,
                  const char *why)
{
    char shape[128];

    grid_shape_text(dim, dims, shape, sizeof(shape));
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "shape %s is refused: %s", shape, why);
}

static int find_axis(const grid *g, const grid_take *take, pe_error *errp)
{
    unsigned axis = take->axis < 0 ? 0 : (unsigned)take->axis;

    if (g->dims == 0)
        return refuse(errp, g->dim, 0, "it is one number, and has no rows");
    if (axis >= g->dims)
        return refuse(errp, g->dim, g->dims,
                      "it has no axis of the number in `rows` (the first one "
                      "is 0)");
    if (g->dims > 2 && take->axis < 0 && !take->frames)
        return refuse(errp, g->dim, g->dims,
                      "it has more than 2 axes; with frames: true each of the "
                      "first is a row of all behind it, with rows: N each of "
                      "axis N (from 0)");
    return (int)axis;
}

/* Product of dim[from..to), or SIZE_MAX. */
static size_t product(const uint64_t *dim, unsigned from, unsigned to)
{
    size_t n = 1;

    for (unsigned i = from; i < to; i++)
        if (__builtin_mul_overflow(n, dim[i], &n))
            return SIZE_MAX;
    return n;
}

int grid_make(grid *g, const grid_shape *shape, const grid_items *items,
              const grid_take *take, pe_error *errp)
{
    const uint64_t *dim = shape->dim;
    unsigned dims = shape->dims;
    bool fortran = shape->fortran;
    size_t before, behind, columns, bytes;
    uint64_t all;
    int axis;

    memset(g, 0, sizeof(*g));
    if (dims > GRID_DIMS_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "its shape has %u axes, more than %d", dims,
                            GRID_DIMS_MAX);
    memcpy(g->dim, dim, dims * sizeof(*dim));
    g->dims = dims;
    g->items = items;
    axis = find_axis(g, take, errp);
    if (axis < 0)
        return -1;
    g->axis = (unsigned)axis;
    g->rows = dim[axis];
    before = product(dim, 0, g->axis);
    behind = product(dim, g->axis + 1, dims);
    if (before == 0 || behind == 0)
        return refuse(errp, dim, dims, "a dimension is 0");
    if (before == SIZE_MAX || behind == SIZE_MAX ||
        __builtin_mul_overflow(before, behind, &columns) ||
        __builtin_mul_overflow(columns, fields_of(g), &columns) ||
        columns > UINT32_MAX || items->bytes == 0 ||
        __builtin_mul_overflow(columns, items->bytes, &bytes) ||
        __builtin_mul_overflow(bytes, g->rows, &all))
        return refuse(errp, dim, dims, "it is too large");
    g->columns = (uint32_t)columns;
    /* Fortran order is C order of the axes from the last to the first. */
    g->fortran = fortran;
    g->outer = fortran ? behind : before;
    g->inner = fortran ? before : behind;
    if (g->rows == 1 && dims <= 2) { /* either order is the other */
        g->inner *= g->outer;
        g->outer = 1;
    }
    return 0;
}

/* Place in storage of an item of a row, in which [at] is its place in C
 * order.
 */
static size_t fortran_place(const grid *g, size_t at)
{
    size_t index[GRID_DIMS_MAX] = {0}, place = 0;

    for (unsigned i = g->dims; i-- > 0;) {
        if (i == g->axis)
            continue;
        index[i] = at % (size_t)g->dim[i];
        at /= (size_t)g->dim[i];
    }
    for (unsigned i = g->dims; i-- > 0;)
        if (i != g->axis)
            place = place * (size_t)g->dim[i] + index[i];
    return place;
}

/* Offset in storage of column [c] of the first of [n] rows. */
static size_t column_offset(const grid *g, uint32_t c, size_t n)
{
    size_t fields = fields_of(g), at = c / fields, field = c % fields;

    if (g->fortran && g->dims > 2)
        at = fortran_place(g, at);
    return ((at / g->inner) * n * g->inner + at % g->inner) * g->items->bytes +
           (g->items->n ? g->items->field[field].offset : 0);
}

const char *grid_name(const grid *g, uint32_t c)
{
    return g->items->n ? g->items->field[c % g->items->n].name : NULL;
}

element grid_element(const grid *g, uint32_t c)
{
    return g->items->n ? g->items->field[c % g->items->n].type : g->items->type;
}

/* Do the rows lie in storage as they do in a block, number by number? */
static bool is_dense(const grid *g, grid_columns c, const grid_to *to)
{
    return g->outer == 1 && g->items->n == 0 && !c.number && to->first == 0 &&
           to->width == g->columns && !(g->fortran && g->dims > 2);
}

static size_t copy_dense(const grid *g, const grid_rows *r, const grid_to *to)
{
    element e = g->items->type;
    const char *raw = (const char *)r->raw + r->from * g->inner * e.size;
    size_t numbers = r->count * g->inner;

    if (!element_is(e, to->dtype))
        return element_load((element_from){e, raw, e.size}, numbers,
                            (element_to){to->matrix, to->dtype, 1});
    memcpy(to->matrix, raw, numbers * (size_t)to->dtype);
    return 0;
}

/* Columns that are turned at once: a line of the cache. */
#define TURNED 8

/* Are the numbers a block's own, each column's side by side? */
static bool is_turned(const grid *g, enum pe_dtype dtype)
{
    return g->inner == 1 && g->outer > 1 && g->items->n == 0 &&
           element_is(g->items->type, dtype);
}

/* [n] rows of TURNED columns that begin at [from]; [size] is known where it is
 * compiled.
 */
static inline void turn(const char *const *from, size_t n, char *to,
                        size_t size, size_t width)
{
    for (size_t at = 0; at < n * size; at += size, to += width * size)
        for (size_t c = 0; c < TURNED; c++)
            memcpy(to + c * size, from[c] + at, size);
}

/* Of less columns, where whole lines are at an end. */
static void turn_some(const char *const *from, size_t columns, size_t n,
                      char *to, size_t size, size_t width)
{
    for (size_t at = 0; at < n * size; at += size, to += width * size)
        for (size_t c = 0; c < columns; c++)
            memcpy(to + c * size, from[c] + at, size);
}

static void copy_turned(const grid *g, const grid_rows *r, grid_columns columns,
                        const grid_to *to)
{
    size_t cell = (size_t)to->dtype;
    const char *raw = (const char *)r->raw + r->from * cell;
    const char *from[TURNED];

    for (uint32_t k = 0; k < columns.n; k += TURNED) {
        uint32_t n = columns.n - k < TURNED ? columns.n - k : TURNED;
        char *at = (char *)to->matrix + (to->first + k) * cell;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t c = columns.number ? columns.number[k + i] : k + i;
            from[i] = raw + column_offset(g, c, r->n);
        }
        if (n < TURNED)
            turn_some(from, n, r->count, at, cell, to->width);
        else if (to->dtype == PE_F8)
            turn(from, r->count, at, 8, to->width);
        else
            turn(from, r->count, at, 4, to->width);
    }
}

size_t grid_copy(const grid *g, const grid_rows *r, grid_columns columns,
                 const grid_to *to)
{
    size_t stride = g->inner * g->items->bytes, cell = (size_t)to->dtype;
    size_t most = stride > to->width * cell ? stride : to->width * cell;
    size_t tile = TILE_BYTES / (most + 1) + 16, rounded = 0;
    const char *raw = (const char *)r->raw + r->from * stride;

    if (is_dense(g, columns, to))
        return copy_dense(g, r, to);
    if (is_turned(g, to->dtype)) {
        copy_turned(g, r, columns, to);
        return 0;
    }
    for (size_t row = 0; row < r->count; row += tile) {
        size_t part = r->count - row < tile ? r->count - row : tile;
        char *at = (char *)to->matrix + (row * to->width + to->first) * cell;
        for (uint32_t i = 0; i < columns.n; i++) {
            uint32_t c = columns.number ? columns.number[i] : i;
            const char *from = raw + column_offset(g, c, r->n) + row * stride;
            rounded += element_load(
                (element_from){grid_element(g, c), from, stride}, part,
                (element_to){at + i * cell, to->dtype, to->width});
        }
    }
    return rounded;
}
