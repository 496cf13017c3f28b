/* rows.c - the rows of a text file as numbers. */
#include "table_private.h"

#include <float.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "src/table/number.h"
#include "src/table/sniff.h"

#define SAMPLE ((size_t)256 << 10)    /* bytes of a file that are looked at */
#define SAMPLE_MAX ((size_t)32 << 20) /* ... until there is a row */
#define PIPE_MS 200 /* without more from a pipe what there is has to do */
#define TEXT_MAX 24 /* of a field that is shown */

const table_dialect *table_dialect_of(const table *t)
{
    return &t->d;
}

/* --- how the file is written --- */

static int set_slots(table *t, pe_error *errp)
{
    free(t->slots);
    t->slots = calloc(t->d.n ? t->d.n : 1, sizeof(*t->slots));
    if (!t->slots)
        return pe_error_nomem(errp);
    for (size_t j = 0; j < t->d.n; j++)
        t->slots[j] = t->d.columns[j].use == TABLE_LEARNED
                          ? (int32_t)t->d.columns[j].feature
                      : (int)j == t->d.clock     ? SLOT_CLOCK
                      : (int)j == t->d.clock_day ? SLOT_DAY
                                                 : SLOT_LEFT;
    return 0;
}

/* To the first row, over the header. */
static void pass_header(table *t)
{
    while (t->line < t->d.data_line) {
        const char *from = t->buf + t->pos;
        const char *eol = memchr(from, t->d.syntax.eol, t->len - t->pos);
        t->pos = eol ? (size_t)(eol + 1 - t->buf) : t->len;
        t->line++;
    }
    const char *last = memrchr(t->buf, t->d.syntax.eol, t->len);
    t->safe = last ? (size_t)(last + 1 - t->buf) : 0;
}

/* Enough of the file in the buffer for a look: 0, -1. */
static int sample(table *t, size_t want, pe_error *errp)
{
    struct pollfd more = {.fd = t->fd, .events = POLLIN};
    int rc = 1;

    while (rc > 0 && t->len - t->pos < want) {
        rc = table_fill(t, errp);
        if (rc > 0 && !t->regular && poll(&more, 1, PIPE_MS) == 0)
            break;
    }
    return rc < 0 ? -1 : 0;
}

/* The dialect of the file in the place of [was], which is of the file before
 * it in the same place.
 */
static int look(table *t, pe_error *errp)
{
    const table_dialect *like = t->kept ? &t->d : t->conf.like;
    const table_start start = {t->path, t->buf + t->pos, t->len - t->pos,
                               t->ended && (!t->conf.follow || t->closing)};
    table_wish wish = *t->conf.wish;
    table_dialect found;
    int rc;

    if (like) {
        wish.delimiter = like->syntax.delimiter;
        wish.decimal = like->syntax.decimal;
        wish.later = true;
        if (like->known != TABLE_ANY)
            wish.delimiter = wish.decimal = 0;
    }
    rc = table_sniff(&wish, &start, &found, errp);
    if (rc > 0 && like &&
        table_sniff_match(like, t->kept ? t->path : t->conf.like_path, &found,
                          t->path, errp) < 0) {
        dialect_free(&found);
        return -1;
    }
    if (rc <= 0)
        return rc;
    dialect_free(&t->d);
    t->d = found;
    t->ready = true;
    t->kept = false;
    pass_header(t);
    return set_slots(t, errp) < 0 ? -1 : 1;
}

int table_ready(table *t, pe_error *errp)
{
    int rc = t->ready;

    for (size_t want = SAMPLE; rc == 0; want *= 2) {
        size_t before = t->len - t->pos;
        if (sample(t, want, errp) < 0)
            return -1;
        if (t->len > t->pos)
            rc = look(t, errp);
        if (rc != 0 || t->ended)
            break;
        if (t->len - t->pos >= SAMPLE_MAX)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s: no row of numbers is in its first 32 MiB",
                                t->path);
        if (!t->regular && t->len - t->pos == before)
            break; /* whoever writes to the pipe waits */
    }
    return rc;
}

/* --- rows of the plain kind --- */

static inline bool ends_line(const table *t, const char *p)
{
    return *p == t->d.syntax.eol || (*p == '\r' && p[1] == t->d.syntax.eol);
}

/* Past a field that is not learned: its delimiter or line end, or NULL. */
static const char *pass_field(const table *t, const char *p, span *field)
{
    char delimiter = t->d.syntax.delimiter, eol = t->d.syntax.eol;
    bool quoted = *p == '"', blank = delimiter == ' ';

    if (quoted) {
        const char *from = ++p;
        while (*p && *p != '"' && *p != eol)
            p++;
        *field = (span){from, p};
        if (*p != '"')
            return NULL;
        p++;
        return *p == delimiter || (blank && *p == '\t') || ends_line(t, p)
                   ? p
                   : NULL;
    }
    const char *from = p;
    while (*p && *p != delimiter && *p != eol && *p != '"' &&
           (!blank || *p != '\t'))
        p++;
    *field = (span){from, p};
    if (*p == eol && p > from && p[-1] == '\r')
        field->end = --p;
    return *p && *p != '"' ? p : NULL;
}

static inline bool is_taken(const table *t, double value)
{
    if (!(fabs(value) <= FLT_MAX))
        return false;
    for (size_t i = 0; i < t->d.n_missing; i++)
        if (t->d.missing[i] == value)
            return false;
    return true;
}

/* A section of a LabVIEW file that begins anew has a header, too. */
static bool begins_section(const table *t, const char *p)
{
    return t->d.known == TABLE_LVM && (*p == '*' || (*p >= 'A' && *p <= 'Z'));
}

/* It is no comment, and no header within the file. */
static inline bool may_be_plain(const table *t, const char *p)
{
    if (t->d.syntax.delimiter == t->d.syntax.decimal)
        return false; /* numbers are in quotes */
    while (*p == ' ' || *p == '\t')
        p++;
    return !(*p == *t->d.syntax.comment && *p) && !begins_section(t, p);
}

/* The row at [p], whose line ends within the buffer, where it is as rows
 * mostly are; what follows it, or NULL: it needs a closer look.
 */
static const char *plain_row(table *t, const char *p, double *row)
{
    const char delimiter = t->d.syntax.delimiter;
    const char decimal = t->d.syntax.decimal;
    const bool blank = delimiter == ' ';
    const size_t n = t->d.n;

    if (!may_be_plain(t, p))
        return NULL;
    for (size_t j = 0;; p++) {
        int32_t slot = t->slots[j];
        while (*p == ' ' || (blank && *p == '\t'))
            p++;
        if (slot >= 0) {
            p = number_scan(p, decimal, &row[slot]);
            if (!p || !is_taken(t, row[slot]))
                return NULL;
        } else {
            span field;
            p = pass_field(t, p, &field);
            if (!p)
                return NULL;
            if (slot == SLOT_CLOCK)
                t->clock = field;
            else if (slot == SLOT_DAY)
                t->day = field;
        }
        if (++j == n)
            break;
        while (*p == ' ' && !blank)
            p++;
        if (*p != delimiter && !(blank && *p == '\t'))
            return NULL;
    }
    while (*p == ' ' || *p == '\t')
        p++;
    p += *p == '\r' && p[1] == t->d.syntax.eol;
    return *p == t->d.syntax.eol ? p + 1 : NULL;
}

/* --- all others --- */

static void skip(const table *t, table_skip s)
{
    s.line = t->line;
    if (t->conf.skip)
        t->conf.skip(t->conf.arg, &s);
}

static void skip_field(const table *t, size_t j, enum table_reason reason)
{
    char text[TEXT_MAX + 1];
    size_t n = (size_t)(t->fields[j].end - t->fields[j].at);

    n = n < TEXT_MAX ? n : TEXT_MAX;
    memcpy(text, t->fields[j].at, n);
    text[n] = '\0';
    skip(t, (table_skip){.reason = reason, .column = (int)j, .text = text});
}

/* Fields of [r] into t->fields: 0 and their number, or -1. */
static int fields_of(table *t, span r, size_t *np, pe_error *errp)
{
    size_t n = split_fields(&t->d.syntax, r, t->fields, t->fields_cap);

    if (n > t->fields_cap) {
        span *more = reallocarray(t->fields, n, sizeof(*more));
        if (!more)
            return pe_error_nomem(errp);
        t->fields = more;
        t->fields_cap = n;
        split_fields(&t->d.syntax, r, t->fields, n);
    }
    *np = n;
    return 0;
}

static bool fits(const table *t, size_t n)
{
    return n == t->d.n || (t->d.has_blanks && n == t->d.n + 1);
}

/* Field [j], of feature [out]. */
static void take_field(const table *t, size_t j, double *out)
{
    span f = t->fields[j];
    double value;

    if (!number_parse(f.at, f.end, t->d.syntax.decimal, &value)) {
        *out = NAN;
        skip_field(t, j,
                   f.at == f.end               ? TABLE_FIELD_EMPTY
                   : dialect_missing(&t->d, f) ? TABLE_FIELD_MISSING
                                               : TABLE_FIELD_TEXT);
    } else if (dialect_missing_number(&t->d, value)) {
        *out = NAN;
        skip_field(t, j, TABLE_FIELD_MISSING);
    } else {
        *out = value;
        if (!(fabs(value) <= FLT_MAX))
            skip_field(t, j, TABLE_FIELD_RANGE);
    }
}

static int parse_row(table *t, span r, double *row, pe_error *errp)
{
    size_t n;

    if (fields_of(t, r, &n, errp) < 0)
        return -1;
    if (!fits(t, n)) {
        skip(t, (table_skip){
                    .reason = TABLE_ROW_FIELDS, .fields = n, .column = -1});
        return TABLE_SKIPPED;
    }
    for (size_t j = 0; j < t->d.n; j++) {
        if (t->slots[j] >= 0)
            take_field(t, j, &row[t->slots[j]]);
        else if (t->slots[j] == SLOT_CLOCK)
            t->clock = t->fields[j];
        else if (t->slots[j] == SLOT_DAY)
            t->day = t->fields[j];
    }
    return TABLE_ROW;
}

/* The next record that is a row: 1, 0 none, -1. */
static int find_row(table *t, span *r, enum shape *shapep, pe_error *errp)
{
    for (;;) {
        int rc = table_record(t, r, shapep, errp);
        if (rc <= 0)
            return rc;
        span rest = split_trim(&t->d.syntax, *r);
        if (*shapep != SHAPE_WHOLE ||
            (rest.at < rest.end && !split_comment(&t->d.syntax, rest) &&
             !begins_section(t, rest.at)))
            return 1;
        table_consume(t, *r);
    }
}

/* A record that has no row's shape is said: true. */
static bool misshapen(const table *t, span r, enum shape shape)
{
    enum table_reason reason = shape == SHAPE_QUOTE  ? TABLE_ROW_QUOTE
                               : shape == SHAPE_LONG ? TABLE_ROW_LONG
                                                     : TABLE_ROW_NUL;

    if (shape == SHAPE_WHOLE && !memchr(r.at, '\0', (size_t)(r.end - r.at)))
        return false;
    skip(t, (table_skip){.reason = reason, .column = -1});
    return true;
}

/* The row's time, before the buffer moves. */
static void keep_stamp(table *t)
{
    size_t day = (size_t)(t->day.end - t->day.at);
    size_t clock = (size_t)(t->clock.end - t->clock.at);

    t->stamp_len = 0;
    if (clock == 0 || day + clock + 1 > sizeof(t->stamp) ||
        (t->d.clock_day >= 0 && day == 0))
        return;
    if (t->d.clock_day >= 0) {
        memcpy(t->stamp, t->day.at, day);
        t->stamp[day] = ' ';
        t->stamp_len = day + 1;
    }
    memcpy(t->stamp + t->stamp_len, t->clock.at, clock);
    t->stamp_len += clock;
}

static int other_row(table *t, double *row, pe_error *errp)
{
    enum shape shape;
    span r;
    int rc = find_row(t, &r, &shape, errp);

    if (rc <= 0)
        return rc;
    t->clock = t->day = (span){0};
    rc = shape == SHAPE_WHOLE ? TABLE_ROW : TABLE_SKIPPED;
    if (row)
        rc =
            misshapen(t, r, shape) ? TABLE_SKIPPED : parse_row(t, r, row, errp);
    if (rc == TABLE_ROW && row && t->d.clock >= 0)
        keep_stamp(t);
    if (rc >= 0)
        table_consume(t, r);
    return rc;
}

int table_row(table *t, double *row, pe_error *errp)
{
    const char *next;
    int rc = t->ready ? 1 : table_ready(t, errp);

    if (rc <= 0)
        return rc;
    if (row && t->pos < t->safe && !t->passing) {
        next = plain_row(t, t->buf + t->pos, row);
        if (next) {
            t->pos = (size_t)(next - t->buf);
            t->line++;
            if (t->d.clock >= 0)
                keep_stamp(t);
            return TABLE_ROW;
        }
    }
    return other_row(t, row, errp);
}

int table_fields(table *t, span **fieldsp, size_t *np, pe_error *errp)
{
    enum shape shape;
    span r;
    int rc = table_ready(t, errp);

    if (rc > 0)
        rc = find_row(t, &r, &shape, errp);
    if (rc <= 0)
        return rc;
    rc = TABLE_SKIPPED;
    if (shape == SHAPE_WHOLE && fields_of(t, r, np, errp) < 0)
        return -1;
    if (shape == SHAPE_WHOLE && fits(t, *np))
        rc = TABLE_ROW;
    *fieldsp = t->fields;
    table_consume(t, r);
    return rc;
}

bool table_time(const table *t, int64_t *nsp)
{
    return t->stamp_len > 0 &&
           stamp_parse(&t->d.stamp, t->stamp, t->stamp + t->stamp_len, nsp);
}
