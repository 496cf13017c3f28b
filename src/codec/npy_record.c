/* npy_record.c - .npy records whose axes or fields are to be taken by a word.
 */
#include "codec_private.h"

#include <stdio.h>
#include <string.h>

#include "src/block/npy_header.h"
#include "src/common/text.h"

/* Columns that have numbers, each a field. */
static int add_columns(codec *c, const npy_array *a, const unsigned char *data,
                       pe_error *errp)
{
    uint64_t rows = a->shape.dim[0],
             n = a->shape.dims > 1 ? a->shape.dim[1] : 1;
    size_t size = a->items.bytes;

    for (uint64_t k = 0; k < n; k++) {
        char name[24];
        int len = snprintf(name, sizeof(name), "%llu", (unsigned long long)k);
        codec_field *f = codec_field_add(c, name, (size_t)len, errp);

        if (!f)
            return -1;
        f->e = a->items.type;
        f->raw = data + (a->shape.fortran ? k * rows : k) * size;
        f->stride = (a->shape.fortran ? 1 : n) * size;
        f->dims = 1;
        f->dim[0] = rows;
    }
    return 0;
}

static int add_plain(codec *c, const npy_array *a, const unsigned char *data,
                     pe_error *errp)
{
    codec_field *f;

    if (c->want_numbers && a->shape.dims > 0 && a->shape.dims <= 2 &&
        c->take.axis <= 0 && !c->wish_one_row)
        return add_columns(c, a, data, errp);
    f = codec_field_add(c, "", 0, errp);
    if (!f)
        return -1;
    if (a->shape.dims > CODEC_DIMS_MAX)
        return codec_fail(errp, "it has %u axes, more than %d", a->shape.dims,
                          CODEC_DIMS_MAX);
    f->e = a->items.type;
    f->raw = data;
    f->stride = f->e.size;
    f->dims = a->shape.dims;
    f->fortran = a->shape.fortran;
    memcpy(f->dim, a->shape.dim, a->shape.dims * sizeof(*a->shape.dim));
    return 0;
}

/* Fields of its items are columns. */
static int add_fields(codec *c, const npy_array *a, const unsigned char *data,
                      pe_error *errp)
{
    if (a->shape.dims != 1 || a->shape.dim[0] == 0)
        return codec_fail(errp,
                          "its records are to stand in one axis, and it "
                          "has %u",
                          a->shape.dims);
    for (size_t i = 0; i < a->items.n; i++) {
        const grid_field *g = &a->items.field[i];
        codec_field *f = codec_field_add(c, g->name, strlen(g->name), errp);

        if (!f)
            return -1;
        f->e = g->type;
        f->raw = data + g->offset;
        f->stride = a->items.bytes;
        f->dims = 1;
        f->dim[0] = a->shape.dim[0];
        if (codec_is_clock(c, g->name, strlen(g->name)) &&
            codec_clock_field(c, f, errp) < 0)
            return -1;
    }
    c->positional = true;
    return 0;
}

static int add_array(codec *c, const npy_array *a, const void *buf, size_t len,
                     pe_error *errp)
{
    const unsigned char *data = (const unsigned char *)buf + a->data_offset;
    uint64_t bytes = npy_array_bytes(a);
    char shape[64];

    if (bytes > 0 && len - a->data_offset == bytes)
        return a->items.n ? add_fields(c, a, data, errp)
                          : add_plain(c, a, data, errp);
    grid_shape_text(a->shape.dim, a->shape.dims, shape, sizeof(shape));
    return codec_fail(errp,
                      "%zu byte%s of data where %s items of %zu byte%s have "
                      "others",
                      len - a->data_offset, text_s(len - a->data_offset), shape,
                      a->items.bytes, text_s(a->items.bytes));
}

static int read_npy(codec *c, const void *buf, size_t len, pe_error *errp)
{
    npy_array a;
    int rc = npy_array_read(&a, buf, len, errp);

    if (rc < 0)
        return -1;
    rc = add_array(c, &a, buf, len, errp);
    npy_array_clear(&a);
    return rc;
}

static bool npy_knows(const unsigned char *p, size_t len)
{
    return len >= 6 && !memcmp(p, "\x93NUMPY", 6);
}

const codec_row codec_npy = {"npy", npy_knows, read_npy};
