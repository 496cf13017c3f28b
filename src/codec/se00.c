/* se00.c - FlatBuffers of schema se00: samples of one thing, with times. */
#include "codec_private.h"

#include <math.h>
#include <string.h>

#include "flat.h"

#include "src/common/text.h"

/* Fields of SampleEnvironmentData, and of each list of values. */
enum {
    NAME,
    CHANNEL,
    PACKET_TIME,
    TIME_DELTA,
    LOCATION,
    VALUES_TYPE,
    VALUES,
    TIMES
};
enum { OF_VALUES };

/* Lists of the union, from 1; unlike those of f144, doubles come first. */
static const element types[] = {
    {0},
    {'i', 1, false},
    {'u', 1, false},
    {'i', 2, false},
    {'u', 2, false},
    {'i', 4, false},
    {'u', 4, false},
    {'i', 8, false},
    {'u', 8, false},
    {'f', 8, false},
    {'f', 4, false},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static int take_values(codec *c, const flat *f, const flat_table *root,
                       uint32_t *np, pe_error *errp)
{
    size_t at = flat_field(f, root, VALUES_TYPE, 1, errp);
    unsigned type = at && at != SIZE_MAX ? f->p[at] : 0;
    flat_vector v = {0};
    codec_field *to;
    flat_table t;
    int rc;

    if (at == SIZE_MAX)
        return -1;
    if (type == 0 || type >= TYPES)
        return codec_fail(errp,
                          "its values are of type %u, of which there are 1 to "
                          "%d",
                          type, TYPES - 1);
    rc = flat_table_of(f, root, VALUES, &t, errp);
    if (rc < 0 || (rc > 0 && flat_vector_of(f, &t, OF_VALUES, types[type].size,
                                            &v, errp) < 0))
        return -1;
    if (v.n == 0)
        return codec_fail(errp, "its list of values is empty");
    to = codec_field_add(c, "value", 5, errp);
    if (!to)
        return -1;
    to->e = types[type];
    to->raw = f->p + v.at;
    to->stride = to->e.size;
    to->dims = 1;
    to->dim[0] = *np = v.n;
    return 0;
}

/* A field of eight bytes; one that is left out, or an error, is 0. */
static void take_eight(const flat *f, const flat_table *root, unsigned id,
                       uint64_t *vp, pe_error *errp)
{
    size_t at = flat_field(f, root, id, 8, errp);

    *vp = at && at != SIZE_MAX ? flat_u64(f, at) : 0;
}

/* When its values are of. */
struct se00_clock {
    flat_vector own; /* each has its own; none: */
    int64_t first;   /* the first one's, */
    double step;     /* ... and they are so far apart */
};

static int make_times(codec *c, const flat *f, const struct se00_clock *k,
                      uint32_t n, pe_error *errp)
{
    int64_t *ns = codec_times_room(c, n, errp);

    if (!ns)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        if (k->own.n > 0)
            ns[i] = (int64_t)flat_u64(f, k->own.at + 8 * (size_t)i);
        else if (__builtin_add_overflow(k->first, llround(k->step * i), &ns[i]))
            return codec_fail(errp, "the time of its value %u is none", i);
    c->facts.time_ns = ns[n - 1];
    return 0;
}

static int take_clock(codec *c, const flat *f, const flat_table *root,
                      uint32_t n, pe_error *errp)
{
    struct se00_clock k = {.first = 0};
    uint64_t first, bits;
    pe_error e = {0};

    take_eight(f, root, PACKET_TIME, &first, &e);
    take_eight(f, root, TIME_DELTA, &bits, &e);
    k.first = (int64_t)first;
    memcpy(&k.step, &bits, sizeof(k.step));
    if (e.kind != PE_ERROR_NONE) {
        if (errp)
            *errp = e;
        return -1;
    }
    if (flat_vector_of(f, root, TIMES, 8, &k.own, errp) < 0)
        return -1;
    if (k.own.n > 0 && k.own.n != n)
        return codec_fail(errp, "it has %u value%s and %u time%s", n, text_s(n),
                          k.own.n, text_s(k.own.n));
    if (k.own.n == 0 && !(k.step > 0)) {
        c->facts.time_ns = k.first;
        return 0;
    }
    if (k.own.n == 0 && !(k.step * n < 9e18))
        return codec_fail(errp, "its step of time %g ns is none", k.step);
    return make_times(c, f, &k, n, errp);
}

static int read_se00(codec *c, const void *buf, size_t len, pe_error *errp)
{
    const flat f = {buf, len};
    flat_table root;
    uint32_t n = 0;

    if (flat_root(&f, "se00", &root, errp) < 0 ||
        flat_text(&f, &root, NAME, &c->facts.source, &c->facts.source_len,
                  errp) < 0 ||
        take_values(c, &f, &root, &n, errp) < 0)
        return -1;
    return c->no_time ? 0 : take_clock(c, &f, &root, n, errp);
}

static bool se00_knows(const unsigned char *p, size_t len)
{
    return flat_is(p, len, "se00");
}

const codec_row codec_se00 = {"se00", se00_knows, read_se00};
