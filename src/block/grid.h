/* grid.h - an array of any shape and order, taken as rows and columns. */
#ifndef BLOCK_GRID_H
#define BLOCK_GRID_H

#include "src/block/element.h"

#define GRID_DIMS_MAX 32

/* Most columns that are given names, so that a short header cannot ask for
 * all memory.
 */
#define GRID_FIELDS_MAX 65536

/* A number in an item of a structured array. */
typedef struct grid_field {
    element type;
    size_t offset;
    char *name;
} grid_field;

/* What an item is: one number (n == 0), or the fields of a record.  Starts
 * zeroed.
 */
typedef struct grid_items {
    element type;
    size_t bytes; /* of an item */
    grid_field *field;
    size_t n;
    char left_out[256]; /* fields that are no numbers, with their types */
} grid_items;

/* Add field [name] ([len] bytes, copied).  Errors: too many, no memory. */
int grid_items_add(grid_items *t, element e, size_t offset, const char *name,
                   size_t len, pe_error *errp);
/* Note that [name] is left out, being of [type]. */
void grid_items_leave_out(grid_items *t, const char *name, size_t len,
                          const char *type, size_t type_len);
void grid_items_clear(grid_items *t);

/* How the user wants an array taken. */
typedef struct grid_take {
    int axis;    /* the one that counts rows; -1: not said */
    bool frames; /* whatever is behind the first axis is one row */
} grid_take;

/* An array in storage: [outer] pieces, each of all its rows, each of [inner]
 * items.  Columns are numbered as the shape says, whatever the order.
 */
typedef struct grid {
    uint64_t rows;
    uint32_t columns;
    size_t outer, inner;
    const grid_items *items; /* borrowed */
    uint64_t dim[GRID_DIMS_MAX];
    unsigned dims, axis;
    bool fortran;
} grid;

/* The shape of an array, all of it in storage in C or Fortran order. */
typedef struct grid_shape {
    unsigned dims;
    bool fortran;
    uint64_t dim[GRID_DIMS_MAX];
} grid_shape;

/* Take an array as [take] says: 1-D is one column, 2-D are rows and columns,
 * more need a word.  0 rows are none of its business.  Errors: input, 65,
 * speak of the shape.
 */
int grid_make(grid *g, const grid_shape *shape, const grid_items *items,
              const grid_take *take, pe_error *errp);

/* "(100, 64, 64)". */
void grid_shape_text(const uint64_t *dim, unsigned dims, char *out, size_t cap);

/* Bytes of [n] rows in storage, all pieces together; those of one fit a size_t,
 * those of all 64 bits.
 */
static inline uint64_t grid_bytes(const grid *g, uint64_t n)
{
    return n * (g->outer * g->inner * g->items->bytes);
}

/* A piece of an array in memory: [n] rows, whose pieces follow each other. */
typedef struct grid_rows {
    const void *raw;
    size_t n;
    size_t from, count; /* those of them that are wanted */
} grid_rows;

/* Columns of it: [n], by number (NULL: all, as they come). */
typedef struct grid_columns {
    const uint32_t *number;
    uint32_t n;
} grid_columns;

/* Where rows go to: columns [first] and on of a matrix of [width] columns. */
typedef struct grid_to {
    void *matrix;
    enum pe_dtype dtype;
    size_t first, width;
} grid_to;

/* The rows wanted of [r], and of them the columns [c].  Returns how many whole
 * numbers were rounded.
 */
size_t grid_copy(const grid *g, const grid_rows *r, grid_columns c,
                 const grid_to *to);

/* Name of column [c] of a structured array, else NULL: it has a number. */
const char *grid_name(const grid *g, uint32_t c);
/* What the numbers of column [c] are. */
element grid_element(const grid *g, uint32_t c);

#endif
