/* flat.c - tables, vectors and texts of a FlatBuffer. */
#include "flat.h"

#include <ctype.h>
#include <string.h>

#define ROOT 0
#define SCHEMA 4
#define HEAD 8

static uint64_t load(const flat *f, size_t at, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = bytes; i-- > 0;)
        v = v << 8 | f->p[at + i];
    return v;
}

uint16_t flat_u16(const flat *f, size_t at)
{
    return (uint16_t)load(f, at, 2);
}

uint32_t flat_u32(const flat *f, size_t at)
{
    return (uint32_t)load(f, at, 4);
}

uint64_t flat_u64(const flat *f, size_t at)
{
    return load(f, at, 8);
}

bool flat_is_one(const unsigned char *p, size_t len)
{
    flat f = {p, len};

    if (len < HEAD + 4 || flat_u32(&f, ROOT) < HEAD ||
        flat_u32(&f, ROOT) > len - 4)
        return false;
    for (int i = 0; i < 4; i++)
        if (!isalnum(p[SCHEMA + i]))
            return false;
    return true;
}

bool flat_is(const unsigned char *p, size_t len, const char *schema)
{
    return len >= HEAD && !memcmp(p + SCHEMA, schema, 4);
}

const char *flat_aside(const unsigned char *p, size_t len)
{
    static const struct {
        char schema[5];
        const char *words;
    } known[] = {
        {"x5f2", "status (x5f2)"},     {"al00", "alarm (al00)"},
        {"ep00", "connection (ep00)"}, {"ep01", "connection (ep01)"},
        {"pl72", "run start (pl72)"},  {"6s4t", "run stop (6s4t)"},
        {"answ", "answer (answ)"},     {"wrdn", "end of writing (wrdn)"},
    };

    if (!flat_is_one(p, len))
        return NULL;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (flat_is(p, len, known[i].schema))
            return known[i].words;
    return NULL;
}

static int beyond(pe_error *errp, const char *what, size_t at)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "byte %zu: %s reaches beyond the record", at, what);
}

static bool is_within(const flat *f, size_t at, size_t bytes)
{
    return at <= f->len && bytes <= f->len - at;
}

/* Where the offset at [at] leads, at least [bytes] of it; SIZE_MAX: error. */
static size_t follow(const flat *f, size_t at, size_t bytes, const char *what,
                     pe_error *errp)
{
    size_t to;

    if (!is_within(f, at, 4)) {
        beyond(errp, what, at);
        return SIZE_MAX;
    }
    to = at + flat_u32(f, at);
    if (to <= at || !is_within(f, to, bytes)) {
        beyond(errp, what, at);
        return SIZE_MAX;
    }
    return to;
}

static int take_table(const flat *f, size_t at, flat_table *t, pe_error *errp)
{
    int64_t vtable = (int64_t)at - (int32_t)flat_u32(f, at);
    size_t bytes;

    if (vtable < 0 || !is_within(f, (size_t)vtable, 4))
        return beyond(errp, "a table", at);
    t->at = at;
    t->vtable = (size_t)vtable;
    bytes = flat_u16(f, t->vtable);
    t->size = flat_u16(f, t->vtable + 2);
    if (bytes < 4 || !is_within(f, t->vtable, bytes) || t->size < 4 ||
        !is_within(f, at, t->size))
        return beyond(errp, "a table", at);
    t->rows = (bytes - 4) / 2;
    return 0;
}

int flat_root(const flat *f, const char *schema, flat_table *t, pe_error *errp)
{
    size_t at;

    if (!flat_is(f->p, f->len, schema))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "bytes 4 to 7 are not '%s'", schema);
    at = follow(f, ROOT, 4, "the root", errp);
    return at == SIZE_MAX ? -1 : take_table(f, at, t, errp);
}

size_t flat_field(const flat *f, const flat_table *t, unsigned id, size_t bytes,
                  pe_error *errp)
{
    size_t offset = id < t->rows ? flat_u16(f, t->vtable + 4 + 2 * id) : 0;

    if (offset == 0)
        return 0;
    if (offset < 4 || offset > t->size || bytes > t->size - offset) {
        beyond(errp, "a field", t->at);
        return SIZE_MAX;
    }
    return t->at + offset;
}

/* Where field [id] leads.  1, 0: it is not there, -1. */
static int follow_field(const flat *f, const flat_table *t, unsigned id,
                        const char *what, size_t *top, pe_error *errp)
{
    size_t at = flat_field(f, t, id, 4, errp);

    if (at == 0 || at == SIZE_MAX)
        return at ? -1 : 0;
    *top = follow(f, at, 4, what, errp);
    return *top == SIZE_MAX ? -1 : 1;
}

int flat_vector_of(const flat *f, const flat_table *t, unsigned id, size_t each,
                   flat_vector *v, pe_error *errp)
{
    size_t at;
    int rc = follow_field(f, t, id, "a list", &at, errp);

    if (rc <= 0)
        return rc;
    v->n = flat_u32(f, at);
    v->at = at + 4;
    return v->n <= (f->len - v->at) / each ? 1 : beyond(errp, "a list", at);
}

int flat_text(const flat *f, const flat_table *t, unsigned id, const char **sp,
              size_t *lenp, pe_error *errp)
{
    flat_vector v;
    int rc = flat_vector_of(f, t, id, 1, &v, errp);

    if (rc <= 0)
        return rc;
    *sp = (const char *)f->p + v.at;
    *lenp = v.n;
    return 1;
}

int flat_table_of(const flat *f, const flat_table *t, unsigned id,
                  flat_table *out, pe_error *errp)
{
    size_t at;
    int rc = follow_field(f, t, id, "a table", &at, errp);

    if (rc <= 0)
        return rc;
    return take_table(f, at, out, errp) < 0 ? -1 : 1;
}

int flat_table_in(const flat *f, const flat_vector *v, uint32_t i,
                  flat_table *out, pe_error *errp)
{
    size_t at = follow(f, v->at + 4 * (size_t)i, 4, "a table", errp);

    return at == SIZE_MAX ? -1 : take_table(f, at, out, errp);
}
