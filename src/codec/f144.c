/* f144.c - FlatBuffers of schema f144: one reading of a named thing. */
#include "codec_private.h"

#include <string.h>

#include "flat.h"

/* Fields of LogData, and of each table of a value. */
enum { SOURCE_NAME, TIMESTAMP, VALUE_TYPE, VALUE };
enum { OF_VALUE };

/* Tables of the union, from 1: one number, then as many lists. */
static const element types[] = {
    {'i', 1, false}, {'u', 1, false}, {'i', 2, false}, {'u', 2, false},
    {'i', 4, false}, {'u', 4, false}, {'i', 8, false}, {'u', 8, false},
    {'f', 4, false}, {'f', 8, false},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static const unsigned char zero[8];

/* The number of table [t]; one that is 0 is left out of it. */
static int take_scalar(const flat *f, const flat_table *t, codec_field *to,
                       pe_error *errp)
{
    size_t at = flat_field(f, t, OF_VALUE, to->e.size, errp);

    if (at == SIZE_MAX)
        return -1;
    to->raw = at ? f->p + at : zero;
    return 0;
}

static int take_list(const flat *f, const flat_table *t, codec_field *to,
                     pe_error *errp)
{
    flat_vector v = {0};

    if (flat_vector_of(f, t, OF_VALUE, to->e.size, &v, errp) < 0)
        return -1;
    if (v.n == 0)
        return codec_fail(errp, "its list of values is empty");
    to->raw = f->p + v.at;
    to->stride = to->e.size;
    to->dims = 1;
    to->dim[0] = v.n;
    return 0;
}

static int take_value(codec *c, const flat *f, const flat_table *root,
                      pe_error *errp)
{
    size_t at = flat_field(f, root, VALUE_TYPE, 1, errp);
    unsigned type = at && at != SIZE_MAX ? f->p[at] : 0;
    codec_field *to;
    flat_table t;
    int rc;

    if (at == SIZE_MAX)
        return -1;
    if (type == 0 || type > 2 * TYPES)
        return codec_fail(errp,
                          "its value is of type %u, of which there are 1 "
                          "to %d",
                          type, 2 * TYPES);
    rc = flat_table_of(f, root, VALUE, &t, errp);
    if (rc <= 0)
        return rc < 0 ? -1 : codec_fail(errp, "it has no value");
    to = codec_field_add(c, "value", 5, errp);
    if (!to)
        return -1;
    to->e = types[(type - 1) % TYPES];
    return type <= TYPES ? take_scalar(f, &t, to, errp)
                         : take_list(f, &t, to, errp);
}

static int read_f144(codec *c, const void *buf, size_t len, pe_error *errp)
{
    const flat f = {buf, len};
    flat_table root;
    size_t at;

    if (flat_root(&f, "f144", &root, errp) < 0 ||
        flat_text(&f, &root, SOURCE_NAME, &c->facts.source,
                  &c->facts.source_len, errp) < 0)
        return -1;
    at = flat_field(&f, &root, TIMESTAMP, 8, errp);
    if (at == SIZE_MAX)
        return -1;
    if (at && !c->no_time)
        c->facts.time_ns = (int64_t)flat_u64(&f, at);
    c->one_row = true;
    return take_value(c, &f, &root, errp);
}

static bool f144_knows(const unsigned char *p, size_t len)
{
    return flat_is(p, len, "f144");
}

const codec_row codec_f144 = {"f144", f144_knows, read_f144};
