/* npy.c - NumPy .npy format: records in, headers out. */
#include "npy.h"

#include <stdbool.h>
#include <string.h>

#include "src/block/npy_header.h"
#include "src/common/text.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_LEN 6
#define PREFIX_LEN 10 /* magic, version, length: what v1.0 has */

void npy_header(unsigned char out[NPY_HEADER_LEN], enum pe_dtype dtype,
                uint32_t points, uint32_t features)
{
    static const char start[] = "{'descr': '<f";
    static const char middle[] = "', 'fortran_order': False, 'shape': (";
    char *p = (char *)out;

    memcpy(p, MAGIC "\x01\x00", MAGIC_LEN + 2);
    out[8] = NPY_HEADER_LEN - PREFIX_LEN;
    out[9] = 0;
    memset(p + PREFIX_LEN, ' ', NPY_HEADER_LEN - PREFIX_LEN);
    p += PREFIX_LEN;
    memcpy(p, start, sizeof(start) - 1);
    p += sizeof(start) - 1;
    *p++ = (char)('0' + dtype);
    memcpy(p, middle, sizeof(middle) - 1);
    p += sizeof(middle) - 1;
    p += text_put_u64(p, points);
    *p++ = ',';
    if (features > 0)
        p += 1 + text_put_u64(p + 1, features);
    memcpy(p, "), }", 4);
    out[NPY_HEADER_LEN - 1] = '\n';
}

/* Rows and columns of a record are its axes: nobody is there to say more. */
static int record_grid(grid *g, const npy_array *a, pe_error *errp)
{
    static const grid_take as_it_is = {.axis = -1};

    if (a->shape.dims > 2)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "it has %u axes; send rows of columns, 2, or "
                            "say by rows: or frames: in streams: what a row is",
                            a->shape.dims);
    if (grid_make(g, &a->shape, &a->items, &as_it_is, errp) < 0)
        return -1;
    if (g->rows == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "shape (0, %u) is refused: a dimension is 0",
                            g->columns);
    if (g->rows > UINT32_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%llu rows are too many",
                            (unsigned long long)g->rows);
    return 0;
}

/* The type a block has for what is in [g]. */
static enum pe_dtype block_dtype(const grid *g)
{
    enum pe_dtype widest = PE_F4;

    if (g->items->n == 0)
        return element_dtype(g->items->type);
    for (size_t i = 0; i < g->items->n; i++)
        if (element_dtype(g->items->field[i].type) == PE_F8)
            widest = PE_F8;
    return widest;
}

/* Numbers in a block's own order and type stay where they are. */
static bool is_block(const grid *g, enum pe_dtype dtype)
{
    return g->outer == 1 && g->items->n == 0 &&
           element_is(g->items->type, dtype);
}

static int take_data(const grid *g, void *data, pe_block *b, pe_error *errp)
{
    enum pe_dtype dtype = block_dtype(g);
    uint32_t points = (uint32_t)g->rows;

    if (!is_block(g, dtype)) {
        if (pe_block_reserve(b, points, g->columns, dtype, errp) < 0)
            return -1;
        return grid_copy(g, &(grid_rows){data, points, 0, points},
                         (grid_columns){NULL, g->columns},
                         &(grid_to){b->data, dtype, 0, g->columns}) > 0;
    }
    if (grid_bytes(g, points) > PE_BLOCK_BYTES_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a block of %u points x %u features is larger "
                            "than 1 GiB; send smaller blocks",
                            points, g->columns);
    b->data = data;
    b->points = points;
    b->features = g->columns;
    b->dtype = dtype;
    return 0;
}

static int decode(const npy_array *a, const void *buf, size_t len, pe_block *b,
                  pe_error *errp)
{
    size_t there = len - a->data_offset;
    char shape[64];
    grid g;

    if (record_grid(&g, a, errp) < 0)
        return -1;
    if (there == grid_bytes(&g, g.rows))
        return take_data(&g, (unsigned char *)(uintptr_t)buf + a->data_offset,
                         b, errp);
    grid_shape_text(a->shape.dim, a->shape.dims, shape, sizeof(shape));
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%zu bytes of data where %s items of %zu bytes are "
                        "%llu",
                        there, shape, a->items.bytes,
                        (unsigned long long)grid_bytes(&g, g.rows));
}

/* The number at *pp, which ends before [end]; more digits than any has: 0. */
static uint32_t read_number(const char **pp, const char *end)
{
    uint64_t n = 0;

    for (; *pp < end && **pp >= '0' && **pp <= '9'; (*pp)++)
        n = n > UINT32_MAX ? n : 10 * n + (uint64_t)(**pp - '0');
    return n > UINT32_MAX ? 0 : (uint32_t)n;
}

/* Is it, byte for byte, what npy_header writes of rows and columns?  Nearly
 * every record is, and to write that header again costs a tenth of reading it.
 */
static bool take_own(const void *buf, size_t len, pe_block *b)
{
    static const char start[] = "{'descr': '<f8', 'fortran_order': False, "
                                "'shape': (";
    unsigned char own[NPY_HEADER_LEN];
    const char *p = (const char *)buf + PREFIX_LEN, *end;
    pe_block k = {.dtype = PE_F8};

    if (len < NPY_HEADER_LEN)
        return false;
    if (p[sizeof("{'descr': '<f") - 1] == '4')
        k.dtype = PE_F4;
    p += sizeof(start) - 1;
    end = (const char *)buf + NPY_HEADER_LEN;
    k.points = read_number(&p, end);
    p += end - p < 2 ? end - p : 2; /* ", " */
    k.features = read_number(&p, end);
    npy_header(own, k.dtype, k.points, k.features);
    if (memcmp(own, buf, sizeof(own)) != 0 || k.points == 0 ||
        k.features == 0 ||
        k.points > PE_BLOCK_BYTES_MAX / k.dtype / k.features ||
        pe_block_bytes(&k) != len - NPY_HEADER_LEN)
        return false; /* whoever reads it to its end says why */
    b->data = (unsigned char *)(uintptr_t)buf + NPY_HEADER_LEN;
    b->points = k.points;
    b->features = k.features;
    b->dtype = k.dtype;
    return true;
}

int npy_decode(const void *buf, size_t len, pe_block *b, pe_error *errp)
{
    npy_array a;
    int rc;

    if (take_own(buf, len, b))
        return 0;
    rc = npy_array_read(&a, buf, len, errp);
    if (rc == 0) {
        rc = decode(&a, buf, len, b, errp);
        npy_array_clear(&a);
    }
    return rc < 0 ? pe_error_prefix(errp, "not a .npy record") : rc;
}

const void *npy_frame(pe_block *b, size_t *lenp)
{
    unsigned char *start = b->storage;

    if (!start || b->data != start + NPY_HEADER_LEN)
        return NULL;
    npy_header(start, b->dtype, b->points, b->features);
    *lenp = NPY_HEADER_LEN + pe_block_bytes(b);
    return start;
}
