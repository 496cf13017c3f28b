/* csv.c - records of lines of text: fields between delimiters. */
#include "codec_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"
#include "src/table/dialect.h"
#include "src/table/number.h"

/* Bytes of a record by which text is known. */
#define LOOKED 256

typedef struct lines {
    codec *c;
    table_syntax s;
    span rest;     /* lines that are not read yet */
    uint64_t line; /* number of the one at hand, from 1 */
    size_t n;      /* fields of a line */
    size_t base;   /* of the rows, in c->number */
    uint64_t rows;
    bool named; /* fields have names of their own */
} lines;

static int line_fail(const lines *l, pe_error *errp, span field, size_t column,
                     const char *what)
{
    return codec_fail(errp, "line %llu: '%s' in column %zu is %s",
                      (unsigned long long)l->line,
                      codec_shown(field.at, (size_t)(field.end - field.at)),
                      column, what);
}

/* Without the blanks around; a tab may stand between fields. */
static span trim(span t)
{
    while (t.at < t.end && *t.at == ' ')
        t.at++;
    while (t.at < t.end && (t.end[-1] == ' ' || t.end[-1] == '\r'))
        t.end--;
    return t;
}

/* The next line that is not blank; false: none is left. */
static bool next_line(lines *l, span *out)
{
    while (l->rest.at && l->rest.at < l->rest.end) {
        const char *end =
            memchr(l->rest.at, '\n', (size_t)(l->rest.end - l->rest.at));
        span line = {l->rest.at, end ? end : l->rest.end};

        l->rest.at = end ? end + 1 : NULL;
        l->line++;
        *out = trim(line);
        if (out->at < out->end)
            return true;
    }
    return false;
}

/* --- how it is written --- */

static bool has(span line, char c)
{
    return memchr(line.at, c, (size_t)(line.end - line.at)) != NULL;
}

/* "1,75754": two numbers, or one with a decimal comma? */
static bool is_ambiguous(span line)
{
    size_t commas = 0;

    for (const char *p = line.at; p < line.end; p++) {
        commas += *p == ',';
        if (*p != ',' && *p != '-' && (*p < '0' || *p > '9'))
            return false;
    }
    return commas == 1;
}

static int find_delimiter(lines *l, span first, pe_error *errp)
{
    static const char order[] = "\t;|,";
    const codec *c = l->c;

    l->s.delimiter = c->delimiter;
    for (const char *p = order; *p && !l->s.delimiter; p++)
        if (has(first, *p) && *p != c->decimal)
            l->s.delimiter = *p;
    if (!l->s.delimiter)
        l->s.delimiter = ' ';
    if (l->s.delimiter == ',' && !c->delimiter && !c->want &&
        is_ambiguous(first))
        return codec_fail(
            errp,
            "'%s' is two numbers or one with a decimal comma: "
            "give delimiter: comma or decimal: comma in streams:",
            codec_shown(first.at, (size_t)(first.end - first.at)));
    return 0;
}

/* --- fields --- */

static bool is_number(const lines *l, span field, double *vp)
{
    if (dialect_missing(&l->c->texts, field)) {
        *vp = (double)NAN;
        return true;
    }
    return number_parse(field.at, field.end, l->c->decimal, vp);
}

/* What a field of the first row is, if it is no number. */
static const char *type_of(const lines *l, span field)
{
    double v;

    if (is_number(l, field, &v))
        return NULL;
    if (l->c->decimal == '.' && number_parse(field.at, field.end, ',', &v))
        return "a number with a decimal comma (decimal: comma)";
    return "text";
}

/* Names of the fields: those of a header, those wanted in their order, or
 * their numbers.
 */
static int add_field(lines *l, size_t k, span name, pe_error *errp)
{
    codec *c = l->c;
    codec_field *f;
    char number[24];

    if (!l->named && c->want && !c->want_numbers) {
        name.at = c->label[k];
        name.end = name.at + strlen(name.at);
    } else if (!l->named || c->want_numbers) {
        int n = snprintf(number, sizeof(number), "%zu", k);

        name = (span){number, number + n};
    }
    f = codec_field_add(c, name.at, (size_t)(name.end - name.at), errp);
    if (!f || !l->named || c->want_numbers)
        return f ? 0 : -1;
    /* Of the record: with its quotes doubled, where it stood in quotes. */
    f->name_len = 0;
    for (const char *p = name.at; p < name.end; p += split_step(name, p))
        c->names[f->name + f->name_len++] = *p;
    return 0;
}

static int add_fields(lines *l, span line, pe_error *errp)
{
    codec *c = l->c;
    span field;

    for (l->n = 0; split_field(&l->s, &line, &field); l->n++) {
        if (!l->named && c->want && !c->want_numbers && l->n >= c->n_label)
            break;
        if (add_field(l, l->n, field, errp) < 0)
            return -1;
    }
    return 0;
}

/* Fields of a line, whatever they hold; of them how many are numbers, and how
 * many have a name that is wanted.
 */
static size_t count(const lines *l, span line, size_t *numbersp,
                    size_t *wantedp)
{
    size_t n = 0, hint = 0;
    double v;
    span field;

    *numbersp = *wantedp = 0;
    for (; split_field(&l->s, &line, &field); n++) {
        size_t len = (size_t)(field.end - field.at);

        *numbersp += is_number(l, field, &v);
        *wantedp += l->c->want && !l->c->want_numbers &&
                    codec_want_find(l->c, field.at, len, &hint) != SIZE_MAX;
    }
    return n;
}

/* Is the column the clock: the one that is named, else the first time? */
static bool is_clock(const lines *l, const codec_field *f, size_t k, span field)
{
    const codec *c = l->c;
    char number[24];
    int64_t ns;

    if (c->no_time)
        return false;
    if (c->time) {
        int n = snprintf(number, sizeof(number), "%zu", k);

        return codec_is_clock(c, codec_field_name(c, f), f->name_len) ||
               codec_is_clock(c, number, (size_t)n);
    }
    for (size_t i = 0; i < k; i++)
        if (c->field[i].clock)
            return false;
    return codec_text_time(field.at, (size_t)(field.end - field.at), &ns);
}

/* What the columns are, by the first row. */
static int set_types(lines *l, span line, pe_error *errp)
{
    codec *c = l->c;
    span field;
    size_t k = 0;

    for (; k < l->n && split_field(&l->s, &line, &field); k++) {
        codec_field *f = &c->field[k];

        f->e = (element){'f', 8, false};
        f->type = type_of(l, field);
        f->clock = is_clock(l, f, k, field);
        c->clocked = c->clocked || f->clock;
        f->aside =
            f->name_len == 1 && !l->named && *codec_field_name(c, f) == '-';
        f->at = l->base + k;
        f->stride = l->n * sizeof(double);
        f->dims = 1;
    }
    if (k == l->n)
        return 0;
    return codec_fail(errp,
                      "line %llu has %zu field%s where the header has %zu",
                      (unsigned long long)l->line, k, text_s(k), l->n);
}

/* --- rows --- */

static int take_clock(lines *l, span field, pe_error *errp)
{
    double v;

    if (dialect_missing(&l->c->texts, field))
        return 0;
    if (number_parse(field.at, field.end, l->c->decimal, &v))
        return codec_clock_number(l->c, v, errp);
    return codec_clock_text(l->c, field.at, (size_t)(field.end - field.at),
                            errp);
}

static int take_row(lines *l, span line, pe_error *errp)
{
    codec *c = l->c;
    double *to = codec_number_room(c, l->n, errp), v = 0;
    span field;
    size_t k = 0;

    if (!to)
        return -1;
    for (; split_field(&l->s, &line, &field); k++) {
        const codec_field *f = k < l->n ? &c->field[k] : NULL;

        if (!f)
            continue;
        to[k] = (double)NAN;
        if (f->clock && take_clock(l, field, errp) < 0)
            return -1;
        if (!f->taken)
            continue;
        if (!is_number(l, field, &v))
            return line_fail(l, errp, field, k, "no number");
        to[k] = v;
    }
    l->rows++;
    if (codec_time_push(c, errp) < 0)
        return -1;
    if (k == l->n)
        return 0;
    return codec_fail(errp, "line %llu has %zu field%s, those before have %zu",
                      (unsigned long long)l->line, k, text_s(k), l->n);
}

/* Names that are wanted, and none in the record: they are those of all of its
 * fields, in their order.
 */
static int check_named(const lines *l, size_t n, pe_error *errp)
{
    const codec *c = l->c;

    if (!c->want || c->want_numbers || l->named || c->n_label == n)
        return 0;
    return codec_fail(
        errp,
        "line %llu has %zu field%s and no names, columns: has %zu "
        "name%s: give each field one, '-' where it is left out, "
        "or numbers from 0",
        (unsigned long long)l->line, n, text_s(n), c->n_label,
        text_s(c->n_label));
}

/* The first row is at hand. */
static int read_rows(lines *l, span line, pe_error *errp)
{
    codec *c = l->c;
    int rc;

    l->base = c->n_number;
    c->positional = true;
    if (set_types(l, line, errp) < 0)
        return -1;
    rc = codec_choose(c, errp);
    if (rc != 0)
        return rc;
    do {
        if (take_row(l, line, errp) < 0)
            return -1;
    } while (next_line(l, &line));
    for (size_t k = 0; k < l->n; k++)
        c->field[k].dim[0] = l->rows;
    return 0;
}

static int read_lines(lines *l, pe_error *errp)
{
    codec *c = l->c;
    size_t n, numbers, wanted;
    span line;
    bool more;

    if (!next_line(l, &line))
        return codec_fail(errp, "it is blank");
    if (find_delimiter(l, line, errp) < 0)
        return -1;
    n = count(l, line, &numbers, &wanted);
    /* Of names that are wanted all, else no number at all and rows behind. */
    l->named = wanted > 0 && wanted == c->n_want;
    if (!l->named && numbers == 0 && l->rest.at && l->rest.at < l->rest.end)
        l->named = true;
    if (check_named(l, n, errp) < 0 || add_fields(l, line, errp) < 0)
        return -1;
    more = !l->named || next_line(l, &line);
    if (more)
        return read_rows(l, line, errp);
    c->facts.skip = "header line";
    return CODEC_SKIPPED;
}

static int read_csv(codec *c, const void *buf, size_t len, pe_error *errp)
{
    const char *p = buf, *end = p + len, *nul = memchr(p, '\0', len);
    lines l = {.c = c, .s = {.decimal = c->decimal, .eol = '\n'}};

    if (nul)
        return codec_fail(errp, "byte %zu is NUL: it is no text",
                          (size_t)(nul - p));
    if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
        p += 3;
    l.rest = (span){p, end};
    return read_lines(&l, errp);
}

size_t codec_not_text(const unsigned char *p, size_t len)
{
    size_t n = len < LOOKED ? len : LOOKED;

    for (size_t i = 0; i < n; i++)
        if ((p[i] < ' ' && p[i] != '\t' && p[i] != '\n' && p[i] != '\r') ||
            p[i] == 0x7f)
            return i;
    return SIZE_MAX;
}

/* Text: no control character among its first bytes. */
static bool csv_knows(const unsigned char *p, size_t len)
{
    return len > 0 && codec_not_text(p, len) == SIZE_MAX;
}

const codec_row codec_csv = {"csv", csv_knows, read_csv};
