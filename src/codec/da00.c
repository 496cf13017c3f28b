/* da00.c - FlatBuffers of schema da00: variables with axes. */
#include "codec_private.h"

#include <string.h>

#include "flat.h"

/* Fields of DataArray and of Variable. */
enum { SOURCE_NAME, TIMESTAMP, DATA };
enum { V_NAME, V_UNIT, V_LABEL, V_SOURCE, V_TYPE, V_AXES, V_SHAPE, V_DATA };

/* Types by their number; c_string is behind them. */
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
    {'f', 4, false},
    {'f', 8, false},
};
enum { TYPES = sizeof(types) / sizeof(types[0]), C_STRING = TYPES };

typedef struct variable {
    const char *name;
    size_t len;
    unsigned type;
    flat_vector shape, data, axes;
} variable;

static bool is_called(const variable *v, const char *name)
{
    return v->len == strlen(name) && !memcmp(v->name, name, v->len);
}

static int read_variable(const flat *f, const flat_table *t, variable *v,
                         pe_error *errp)
{
    size_t at = flat_field(f, t, V_TYPE, 1, errp);

    if (at == SIZE_MAX || flat_text(f, t, V_NAME, &v->name, &v->len, errp) < 0)
        return -1;
    v->name = v->name ? v->name : "";
    v->type = at ? f->p[at] : 0;
    if (flat_vector_of(f, t, V_AXES, 4, &v->axes, errp) < 0 ||
        flat_vector_of(f, t, V_SHAPE, 8, &v->shape, errp) < 0 ||
        flat_vector_of(f, t, V_DATA, 1, &v->data, errp) < 0)
        return -1;
    if (v->shape.n <= CODEC_DIMS_MAX && v->axes.n <= CODEC_DIMS_MAX)
        return 0;
    return codec_fail(errp, "'%s' has %u axes, more than %d",
                      codec_shown_name(v->name, v->len),
                      v->shape.n > v->axes.n ? v->shape.n : v->axes.n,
                      CODEC_DIMS_MAX);
}

/* Is it the coordinate of an axis: called as one of the axes of any? */
static int is_axis(const flat *f, const variable *v, const variable *of,
                   pe_error *errp)
{
    for (uint32_t i = 0; i < of->axes.n; i++) {
        size_t at = of->axes.at + 4 * (size_t)i;
        size_t to = at + flat_u32(f, at);

        if (to <= at || to > f->len - 4 || flat_u32(f, to) > f->len - 4 - to)
            return codec_fail(errp,
                              "'%s': the name of an axis reaches beyond "
                              "the record",
                              codec_shown_name(of->name, of->len));
        if (flat_u32(f, to) == v->len &&
            !memcmp(f->p + to + 4, v->name, v->len))
            return 1;
    }
    return 0;
}

static int take_shape(const flat *f, const variable *v, codec_field *to,
                      pe_error *errp)
{
    size_t bytes = to->e.size;
    char shape[64];

    to->dims = v->shape.n;
    for (unsigned i = 0; i < to->dims; i++) {
        to->dim[i] = flat_u64(f, v->shape.at + 8 * (size_t)i);
        if (__builtin_mul_overflow(bytes, to->dim[i], &bytes))
            bytes = SIZE_MAX;
    }
    if (bytes == v->data.n)
        return 0;
    grid_shape_text(to->dim, to->dims, shape, sizeof(shape));
    return codec_fail(errp,
                      "'%s' has %u bytes of data, where shape %s of %s "
                      "has others",
                      codec_shown_name(v->name, v->len), v->data.n, shape,
                      element_name(to->e));
}

static int add_variable(codec *c, const flat *f, const variable *v,
                        pe_error *errp)
{
    codec_field *to = codec_field_add(c, v->name, v->len, errp);

    if (!to)
        return -1;
    if (v->type == 0 || v->type > C_STRING)
        return codec_fail(errp,
                          "'%s' is of type %u, of which there are 1 to "
                          "%d",
                          codec_shown_name(v->name, v->len), v->type, C_STRING);
    if (v->type == C_STRING) {
        to->type = "text";
        return 0;
    }
    to->e = types[v->type];
    to->raw = f->p + v->data.at;
    to->stride = to->e.size;
    to->first = is_called(v, "signal") || is_called(v, "data");
    to->aside = is_called(v, "errors");
    if (take_shape(f, v, to, errp) < 0)
        return -1;
    return codec_is_clock(c, v->name, v->len) ? codec_clock_field(c, to, errp)
                                              : 0;
}

/* Variables that are called as an axis of another are none to learn from. */
static int mark_axes(codec *c, const flat *f, const flat_vector *all,
                     pe_error *errp)
{
    for (uint32_t i = 0; i < all->n; i++) {
        variable of = {0};
        flat_table t;

        if (flat_table_in(f, all, i, &t, errp) < 0 ||
            read_variable(f, &t, &of, errp) < 0)
            return -1;
        for (uint32_t k = 0; k < all->n; k++) {
            codec_field *g = &c->field[k];
            const variable v = {.name = codec_field_name(c, g),
                                .len = g->name_len};
            int rc = g->aside || g->first ? 0 : is_axis(f, &v, &of, errp);

            if (rc < 0)
                return -1;
            g->aside = g->aside || rc > 0;
        }
    }
    return 0;
}

/* Of so many each is looked for among the axes of all of them, and that is no
 * work yet.
 */
#define VARIABLES_MAX 256
#define NAME_MAX_BYTES 1024

static int read_variables(codec *c, const flat *f, const flat_vector *all,
                          pe_error *errp)
{
    if (all->n == 0)
        return codec_fail(errp, "it has no variables");
    if (all->n > VARIABLES_MAX)
        return codec_fail(errp, "%u variables are more than %d", all->n,
                          VARIABLES_MAX);
    for (uint32_t i = 0; i < all->n; i++) {
        variable v = {0};
        flat_table t;

        if (flat_table_in(f, all, i, &t, errp) < 0 ||
            read_variable(f, &t, &v, errp) < 0)
            return pe_error_prefix(errp, "variable %u", i);
        if (v.len > NAME_MAX_BYTES)
            return codec_fail(errp,
                              "the name of variable %u has %zu bytes, "
                              "more than %d",
                              i, v.len, NAME_MAX_BYTES);
        if (add_variable(c, f, &v, errp) < 0)
            return -1;
    }
    return mark_axes(c, f, all, errp);
}

static int read_da00(codec *c, const void *buf, size_t len, pe_error *errp)
{
    const flat f = {buf, len};
    flat_vector all = {0};
    flat_table root;
    size_t at;

    if (flat_root(&f, "da00", &root, errp) < 0 ||
        flat_text(&f, &root, SOURCE_NAME, &c->facts.source,
                  &c->facts.source_len, errp) < 0)
        return -1;
    at = flat_field(&f, &root, TIMESTAMP, 8, errp);
    if (at == SIZE_MAX || flat_vector_of(&f, &root, DATA, 4, &all, errp) < 0)
        return -1;
    if (at && !c->no_time)
        c->facts.time_ns = (int64_t)flat_u64(&f, at);
    return read_variables(c, &f, &all, errp);
}

static bool da00_knows(const unsigned char *p, size_t len)
{
    return flat_is(p, len, "da00");
}

const codec_row codec_da00 = {"da00", da00_knows, read_da00};
