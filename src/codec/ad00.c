/* ad00.c - FlatBuffers of schema ad00: an image of an area detector. */
#include "codec_private.h"

#include <string.h>

#include "flat.h"

/* Fields of ad00_ADArray. */
enum { SOURCE_NAME, ID, TIMESTAMP, DIMENSIONS, TYPE, DATA, ATTRIBUTES };

/* Types by their number; c_string is behind them. */
static const element types[] = {
    {'i', 1, false}, {'u', 1, false}, {'i', 2, false}, {'u', 2, false},
    {'i', 4, false}, {'u', 4, false}, {'i', 8, false}, {'u', 8, false},
    {'f', 4, false}, {'f', 8, false},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static int take_shape(const flat *f, const flat_vector *dims,
                      const flat_vector *data, codec_field *to, pe_error *errp)
{
    size_t bytes = to->e.size;
    char shape[64];

    if (dims->n > CODEC_DIMS_MAX)
        return codec_fail(errp, "it has %u axes, more than %d", dims->n,
                          CODEC_DIMS_MAX);
    to->dims = dims->n;
    for (unsigned i = 0; i < to->dims; i++) {
        to->dim[i] = flat_u64(f, dims->at + 8 * (size_t)i);
        if (__builtin_mul_overflow(bytes, to->dim[i], &bytes))
            bytes = SIZE_MAX;
    }
    if (bytes == data->n && bytes > 0)
        return 0;
    grid_shape_text(to->dim, to->dims, shape, sizeof(shape));
    return codec_fail(
        errp, "it has %u bytes of data, where shape %s of %s has %s", data->n,
        shape, element_name(to->e), bytes ? "others" : "none");
}

static int take_image(codec *c, const flat *f, const flat_table *root,
                      pe_error *errp)
{
    size_t at = flat_field(f, root, TYPE, 1, errp);
    unsigned type = at && at != SIZE_MAX ? f->p[at] : 0;
    flat_vector dims = {0}, data = {0};
    codec_field *to;

    if (at == SIZE_MAX ||
        flat_vector_of(f, root, DIMENSIONS, 8, &dims, errp) < 0 ||
        flat_vector_of(f, root, DATA, 1, &data, errp) < 0)
        return -1;
    if (type > TYPES)
        return codec_fail(errp,
                          "its data is of type %u, of which there are 0 to %d",
                          type, TYPES);
    to = codec_field_add(c, "data", 4, errp);
    if (!to)
        return -1;
    if (type == TYPES) {
        to->type = "text";
        return 0;
    }
    to->e = types[type];
    to->raw = f->p + data.at;
    to->stride = to->e.size;
    return take_shape(f, &dims, &data, to, errp);
}

/* What the camera says of itself is no number to learn from. */
static int add_attributes(codec *c, const flat *f, const flat_table *root,
                          pe_error *errp)
{
    flat_vector all = {0};
    codec_field *to;

    if (flat_vector_of(f, root, ATTRIBUTES, 4, &all, errp) < 0)
        return -1;
    if (all.n == 0)
        return 0;
    to = codec_field_add(c, "attributes", strlen("attributes"), errp);
    if (!to)
        return -1;
    to->type = "words about the image";
    return 0;
}

static int read_ad00(codec *c, const void *buf, size_t len, pe_error *errp)
{
    const flat f = {buf, len};
    flat_table root;
    size_t at;

    if (flat_root(&f, "ad00", &root, errp) < 0 ||
        flat_text(&f, &root, SOURCE_NAME, &c->facts.source,
                  &c->facts.source_len, errp) < 0)
        return -1;
    at = flat_field(&f, &root, TIMESTAMP, 8, errp);
    if (at == SIZE_MAX)
        return -1;
    if (at && !c->no_time)
        c->facts.time_ns = (int64_t)flat_u64(&f, at);
    /* An image, unless a word says what its rows are. */
    c->one_row = c->take.axis < 0 && !c->take.frames;
    if (take_image(c, &f, &root, errp) < 0)
        return -1;
    return add_attributes(c, &f, &root, errp);
}

static bool ad00_knows(const unsigned char *p, size_t len)
{
    return flat_is(p, len, "ad00");
}

const codec_row codec_ad00 = {"ad00", ad00_knows, read_ad00};
