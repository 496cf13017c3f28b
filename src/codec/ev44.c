/* ev44.c - FlatBuffers of schema ev44: events of a neutron detector. */
#include "codec_private.h"

#include <string.h>

#include "flat.h"

/* Fields of Event44Message. */
enum { SOURCE_NAME, MESSAGE_ID, REFERENCE_TIME, REFERENCE_INDEX, TOF, PIXEL };

/* Pulses, or the wall clock: when each was, and its first event. */
typedef struct pulses {
    flat_vector time, first;
} pulses;

static int add_column(codec *c, const flat *f, const char *name,
                      const flat_vector *v, pe_error *errp)
{
    codec_field *to = codec_field_add(c, name, strlen(name), errp);

    if (!to)
        return -1;
    to->e = (element){'i', 4, false};
    to->raw = f->p + v->at;
    to->stride = 4;
    to->dims = 1;
    to->dim[0] = v->n;
    return 0;
}

static int64_t event_time(const flat *f, int64_t pulse, const flat_vector *tof,
                          uint32_t i)
{
    int64_t ns, after = (int32_t)flat_u32(f, tof->at + 4 * (size_t)i);

    return __builtin_add_overflow(pulse, after, &ns) ? pulse : ns;
}

/* The time of every event: that of its pulse, and its flight. */
static int take_times(codec *c, const flat *f, const pulses *p,
                      const flat_vector *tof, pe_error *errp)
{
    int64_t *ns = codec_times_room(c, tof->n, errp);
    uint32_t at = 0;

    if (!ns)
        return -1;
    for (uint32_t k = 0; k < p->time.n; k++) {
        int64_t pulse = (int64_t)flat_u64(f, p->time.at + 8 * (size_t)k);
        uint32_t end = k + 1 < p->time.n
                           ? flat_u32(f, p->first.at + 4 * (size_t)(k + 1))
                           : tof->n;

        if (end < at || end > tof->n)
            return codec_fail(errp,
                              "item %u of its reference_time_index is %d, "
                              "where %u to %u is to be",
                              k + 1, (int32_t)end, at, tof->n);
        for (; at < end; at++)
            ns[at] = event_time(f, pulse, tof, at);
    }
    c->facts.time_ns = ns[tof->n - 1];
    return 0;
}

static int take_clock(codec *c, const flat *f, const flat_table *root,
                      const flat_vector *tof, pe_error *errp)
{
    pulses p = {0};

    if (flat_vector_of(f, root, REFERENCE_TIME, 8, &p.time, errp) < 0 ||
        flat_vector_of(f, root, REFERENCE_INDEX, 4, &p.first, errp) < 0)
        return -1;
    if (p.time.n != p.first.n)
        return codec_fail(errp, "it has %u reference times, and an index of %u",
                          p.time.n, p.first.n);
    if (p.time.n == 0)
        return 0;
    if (flat_u32(f, p.first.at) != 0)
        return codec_fail(errp,
                          "its reference_time_index begins with %d, and not "
                          "with 0",
                          (int32_t)flat_u32(f, p.first.at));
    return take_times(c, f, &p, tof, errp);
}

/* Their order is that of the schema; a monitor has no pixels. */
static int read_ev44(codec *c, const void *buf, size_t len, pe_error *errp)
{
    const flat f = {buf, len};
    flat_vector tof = {0}, pixel = {0};
    flat_table root;

    if (flat_root(&f, "ev44", &root, errp) < 0 ||
        flat_text(&f, &root, SOURCE_NAME, &c->facts.source,
                  &c->facts.source_len, errp) < 0 ||
        flat_vector_of(&f, &root, TOF, 4, &tof, errp) < 0 ||
        flat_vector_of(&f, &root, PIXEL, 4, &pixel, errp) < 0)
        return -1;
    if (tof.n == 0 && pixel.n == 0) {
        c->facts.skip = "pulse without events (ev44)";
        return CODEC_SKIPPED;
    }
    if (pixel.n > 0 && pixel.n != tof.n)
        return codec_fail(errp,
                          "it has %u events by time_of_flight, and %u by "
                          "pixel_id",
                          tof.n, pixel.n);
    c->positional = true;
    if (add_column(c, &f, "time_of_flight", &tof, errp) < 0 ||
        (pixel.n > 0 && add_column(c, &f, "pixel_id", &pixel, errp) < 0))
        return -1;
    return c->no_time ? 0 : take_clock(c, &f, &root, &tof, errp);
}

static bool ev44_knows(const unsigned char *p, size_t len)
{
    return flat_is(p, len, "ev44");
}

const codec_row codec_ev44 = {"ev44", ev44_knows, read_ev44};
