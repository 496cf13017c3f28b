/* da00_write.c - FlatBuffers of schema da00, written from front to back: what
 * an offset leads to comes behind it, and the offset is filled in then.
 */
#include "da00.h"

#include <string.h>

enum { WORD = 4, LONG = 8 };

/* Bytes of a table's list of offsets, and of the table in line. */
enum { ROOT_ROWS = 3, ROOT_BYTES = 20, VARIABLE_ROWS = 8, VARIABLE_BYTES = 32 };

/* Head, tables, and what padding there may be between parts. */
enum { FIXED = 128, OF_VARIABLE = 192, OF_TEXT = 12 };

typedef struct writer {
    unsigned char *p;
    size_t n;
} writer;

static size_t count_of(const da00_variable *v)
{
    size_t n = 1;

    for (unsigned i = 0; i < v->dims; i++)
        n *= (size_t)v->dim[i];
    return n;
}

static size_t text_room(const char *s)
{
    return strlen(s) + OF_TEXT;
}

size_t da00_room(const da00_array *a)
{
    size_t n = FIXED + text_room(a->source) + WORD * a->n;

    for (size_t i = 0; i < a->n; i++) {
        const da00_variable *v = &a->variable[i];

        n += OF_VARIABLE + text_room(v->name) + text_room(v->label) +
             count_of(v) * v->type.size;
        for (unsigned k = 0; k < v->dims; k++)
            n += text_room(v->axis[k]) + LONG + WORD;
    }
    return n;
}

/* --- parts --- */

static void put(writer *w, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        w->p[w->n++] = (unsigned char)(v >> (8 * i));
}

static void set(writer *w, size_t at, uint64_t v, unsigned bytes)
{
    writer there = {w->p, at};

    put(&there, v, bytes);
}

/* Zeros up to a place that is [rest] behind a multiple of [to]. */
static void align(writer *w, size_t to, size_t rest)
{
    while (w->n % to != rest)
        w->p[w->n++] = 0;
}

/* The offset at [at] leads to what comes next. */
static void lead(writer *w, size_t at)
{
    set(w, at, w->n - at, WORD);
}

static void put_text(writer *w, size_t from, const char *s)
{
    size_t len = strlen(s);

    align(w, WORD, 0);
    lead(w, from);
    put(w, len, WORD);
    memcpy(w->p + w->n, s, len);
    w->n += len;
    put(w, 0, 1);
}

/* A list whose items, of 8 bytes or of bytes that may be read as such, lie at a
 * multiple of 8.
 */
static void put_head(writer *w, size_t from, uint64_t n)
{
    align(w, LONG, WORD);
    lead(w, from);
    put(w, n, WORD);
}

/* Room for [n] offsets; where the first is. */
static size_t put_offsets(writer *w, size_t from, size_t n)
{
    size_t at;

    align(w, WORD, 0);
    lead(w, from);
    put(w, n, WORD);
    at = w->n;
    memset(w->p + at, 0, n * WORD);
    w->n += n * WORD;
    return at;
}

/* Where a table has its fields: [n] of them, 0 is none. */
static size_t put_rows(writer *w, const uint16_t *offset, size_t n,
                       size_t bytes)
{
    size_t at;

    align(w, 2, 0);
    at = w->n;
    put(w, WORD + 2 * n, 2);
    put(w, bytes, 2);
    for (size_t i = 0; i < n; i++)
        put(w, offset[i], 2);
    return at;
}

/* A table of zeros whose fields [rows] has; where it is. */
static size_t put_table(writer *w, size_t from, size_t rows, size_t bytes)
{
    size_t at;

    align(w, LONG, 0);
    at = w->n;
    lead(w, from);
    memset(w->p + at, 0, bytes);
    set(w, at, at - rows, WORD);
    w->n += bytes;
    return at;
}

/* --- the record --- */

/* Number of a type in the schema. */
static unsigned type_of(element e)
{
    unsigned power = e.size == 1 ? 0 : e.size == 2 ? 1 : e.size == 4 ? 2 : 3;

    if (e.kind == 'f')
        return e.size == 4 ? 9 : 10;
    return 1 + 2 * power + (e.kind != 'i');
}

/* Offsets of the fields of a variable in its table. */
enum {
    NAME = 4,
    UNIT = 8,
    LABEL = 12,
    AXES = 16,
    SHAPE = 20,
    DATA = 24,
    TYPE = 28
};

static void put_variable(writer *w, const da00_variable *v, size_t from,
                         size_t rows)
{
    size_t at = put_table(w, from, rows, VARIABLE_BYTES), axes, bytes;

    set(w, at + TYPE, type_of(v->type), 1);
    put_text(w, at + NAME, v->name);
    put_text(w, at + UNIT, "");
    put_text(w, at + LABEL, v->label);
    axes = put_offsets(w, at + AXES, v->dims);
    for (unsigned i = 0; i < v->dims; i++)
        put_text(w, axes + WORD * (size_t)i, v->axis[i]);
    put_head(w, at + SHAPE, v->dims);
    for (unsigned i = 0; i < v->dims; i++)
        put(w, v->dim[i], LONG);
    bytes = count_of(v) * v->type.size;
    put_head(w, at + DATA, bytes);
    memcpy(w->p + w->n, v->data, bytes);
    w->n += bytes;
}

size_t da00_write(const da00_array *a, unsigned char *out)
{
    /* source_name, timestamp, data; name to data, without source. */
    static const uint16_t root_rows[ROOT_ROWS] = {4, 8, 16};
    static const uint16_t variable_rows[VARIABLE_ROWS] = {
        NAME, UNIT, LABEL, 0, TYPE, AXES, SHAPE, DATA};
    writer w = {out, 0};
    size_t rows, root, list;

    put(&w, 0, WORD);
    memcpy(out + WORD, "da00", WORD);
    w.n += WORD;
    rows = put_rows(&w, root_rows, ROOT_ROWS, ROOT_BYTES);
    root = put_table(&w, 0, rows, ROOT_BYTES);
    set(&w, root + root_rows[1], (uint64_t)a->time_ns, LONG);
    put_text(&w, root + root_rows[0], a->source);
    list = put_offsets(&w, root + root_rows[2], a->n);
    rows = put_rows(&w, variable_rows, VARIABLE_ROWS, VARIABLE_BYTES);
    for (size_t i = 0; i < a->n; i++)
        put_variable(&w, &a->variable[i], list + WORD * i, rows);
    return w.n;
}
