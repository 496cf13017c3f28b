/* lines.c - rows of numbers out of lines of text, as a program prints them. */
#include "lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/block/columns.h"
#include "src/common/text.h"
#include "src/context/context.h"
#include "src/table/number.h"
#include "src/table/split.h"

#define TEXT_MAX ((size_t)1 << 20) /* of a line */
#define FIELDS_MAX 65536

struct lines {
    pe_context *ctx;
    table_syntax syntax; /* delimiter 0: not known yet */
    uint32_t points, columns, n;
    uint64_t line; /* number of the one at hand, from 1 */
    double *rows;  /* points x columns */
    span *fields;  /* of a line, columns and one more */
    bool skips;    /* up to the end of a line that is too long */
    size_t len;    /* of the text that is there */
    char text[TEXT_MAX];
};

lines *lines_create(pe_context *ctx, uint32_t points)
{
    lines *l = malloc(sizeof(*l));

    if (!l)
        return NULL;
    memset(l, 0, offsetof(struct lines, text));
    l->ctx = ctx;
    l->points = points;
    l->syntax.decimal = '.';
    l->syntax.eol = '\n';
    return l;
}

void lines_destroy(lines *l)
{
    if (!l)
        return;
    free(l->rows);
    free(l->fields);
    free(l);
}

uint32_t lines_rows(const lines *l)
{
    return l->n;
}

/* --- the first line --- */

static int no_memory(lines *l)
{
    return pe_context_fail(l->ctx, "out of memory for lines of %u columns",
                           l->columns);
}

static bool number_of(span f, double *vp)
{
    if (number_parse(f.at, f.end, '.', vp))
        return true;
    if (f.at < f.end &&
        !(f.end - f.at == 3 && strncasecmp(f.at, "nan", 3) == 0))
        return false;
    *vp = (double)NAN;
    return true;
}

static void find_delimiter(lines *l, span line)
{
    static const char order[] = "\t;|,";

    l->syntax.delimiter = ' ';
    for (const char *p = order; *p && l->syntax.delimiter == ' '; p++)
        if (memchr(line.at, *p, (size_t)(line.end - line.at)))
            l->syntax.delimiter = *p;
}

/* The first line says how many columns there are; 1: it is their names. */
static int begin(lines *l, span line)
{
    text names = {0};
    bool named = false;
    double v;

    find_delimiter(l, line);
    l->columns = (uint32_t)split_fields(&l->syntax, line, NULL, 0);
    if (l->columns > FIELDS_MAX)
        return pe_context_fail(l->ctx,
                               "its first line has %u fields, and %d "
                               "are the most",
                               l->columns, FIELDS_MAX);
    l->fields = calloc((size_t)l->columns + 1, sizeof(*l->fields));
    l->rows = calloc((size_t)l->columns * l->points, sizeof(*l->rows));
    if (!l->fields || !l->rows)
        return no_memory(l);
    split_fields(&l->syntax, line, l->fields, l->columns);
    for (uint32_t j = 0; j < l->columns; j++) {
        char name[256];

        named = named || !number_of(l->fields[j], &v);
        text_shown(l->fields[j].at,
                   (size_t)(l->fields[j].end - l->fields[j].at), name,
                   sizeof(name));
        columns_add(&names, j, name);
    }
    if (named && !names.failed && context_columns(l->ctx, names.data) < 0)
        named = false;
    text_free(&names);
    return named ? 1 : 0;
}

/* --- a row --- */

static int take_line(lines *l, span line)
{
    double *row;
    size_t n;
    int rc;

    l->line++;
    line = split_trim(&l->syntax, line);
    if (line.at == line.end)
        return 0;
    if (!l->rows) {
        rc = begin(l, line);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    n = split_fields(&l->syntax, line, l->fields, (size_t)l->columns + 1);
    if (n != l->columns) {
        context_skip(l->ctx, false, "another number of fields",
                     "line %llu has %zu field%s and not %u: it is left out",
                     (unsigned long long)l->line, n, text_s(n), l->columns);
        return 0;
    }
    row = l->rows + (size_t)l->n * l->columns;
    for (uint32_t j = 0; j < l->columns; j++) {
        if (number_of(l->fields[j], &row[j]))
            continue;
        row[j] = (double)NAN;
        context_skip(l->ctx, true, "no number",
                     "line %llu, column %u: '%.*s' is no number",
                     (unsigned long long)l->line, j,
                     (int)(l->fields[j].end - l->fields[j].at),
                     l->fields[j].at);
    }
    l->n++;
    return 0;
}

static void skip_long(lines *l)
{
    if (!l->skips)
        context_skip(l->ctx, false, "too long",
                     "line %llu is longer than %zu bytes: it is left out",
                     (unsigned long long)l->line + 1, sizeof(l->text));
    l->skips = true;
    l->len = 0;
}

/* Lines that are whole, as long as there is room for rows. */
static int take_lines(lines *l)
{
    const char *at = l->text, *end = l->text + l->len, *stop;
    int rc = 0;

    while (rc == 0 && l->n < l->points &&
           (stop = memchr(at, '\n', (size_t)(end - at)))) {
        if (l->skips)
            l->line++;
        else
            rc = take_line(l, (span){at, stop});
        l->skips = false;
        at = stop + 1;
    }
    l->len = (size_t)(end - at);
    memmove(l->text, at, l->len);
    if (l->len == sizeof(l->text) && l->n < l->points)
        skip_long(l);
    return rc;
}

char *lines_room(lines *l, size_t *capp)
{
    *capp = l->n < l->points ? sizeof(l->text) - l->len : 0;
    return l->text + l->len;
}

int lines_put(lines *l, size_t n)
{
    l->len += n;
    return take_lines(l);
}

int lines_end(lines *l, bool cut)
{
    span rest = {l->text, l->text + l->len};
    int rc = 0;

    if (l->len > 0 && !l->skips && cut)
        context_skip(l->ctx, false, "cut off",
                     "line %llu was cut off by the end of the program: it is "
                     "left out",
                     (unsigned long long)l->line + 1);
    else if (l->len > 0 && !l->skips)
        rc = take_line(l, rest);
    l->len = 0;
    l->skips = false;
    return rc;
}

int lines_block(lines *l, pe_block *out)
{
    size_t n = (size_t)l->n * l->columns;
    pe_error e = {0};

    if (pe_block_reserve(out, l->n, l->columns, pe_context_dtype(l->ctx), &e) <
        0)
        return pe_context_fail(l->ctx, "%s", e.text);
    for (size_t i = 0; i < n; i++) {
        if (out->dtype == PE_F8)
            ((double *)out->data)[i] = l->rows[i];
        else
            ((float *)out->data)[i] = (float)l->rows[i];
    }
    l->n = 0;
    return take_lines(l);
}
