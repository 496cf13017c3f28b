/* sniff.c - finds how a text file is written, from its first bytes. */
#include "sniff_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/table/number.h"

/* Lines in front of the rows and between them that may be looked at, too. */
#define RECORDS_MAX (TABLE_SNIFF_ROWS + 200)

int sniff_fail(sniffer *s, uint64_t line, const char *fmt, ...)
{
    char words[768], at[24] = "";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    if (line)
        snprintf(at, sizeof(at), ":%llu", (unsigned long long)line);
    return pe_error_set(s->errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s%s: %s",
                        s->path, at, words);
}

size_t sniff_fields(sniffer *s, size_t i)
{
    span at = s->rec[i].at;
    size_t n;

    if (s->rec[i].comment)
        at.at += strlen(s->d->syntax.comment);
    n = split_fields(&s->d->syntax, at, s->fields, s->cap);
    if (n > s->cap) {
        span *more = reallocarray(s->fields, n, sizeof(*more));
        if (!more) {
            pe_error_nomem(s->errp);
            return 0;
        }
        s->fields = more;
        s->cap = n;
        split_fields(&s->d->syntax, at, s->fields, s->cap);
    }
    return n;
}

enum field_kind sniff_kind(const table_dialect *d, span field, char decimal,
                           double *valuep)
{
    double value;

    if (field.at == field.end)
        return FIELD_EMPTY;
    if (number_parse(field.at, field.end, decimal, &value)) {
        if (valuep)
            *valuep = value;
        return dialect_missing_number(d, value) ? FIELD_MISSING : FIELD_NUMBER;
    }
    if (dialect_missing(d, field))
        return FIELD_MISSING;
    return stamp_shape(field.at, field.end) ? FIELD_STAMP : FIELD_TEXT;
}

/* --- bytes --- */

static int other_encoding(sniffer *s, const char *name)
{
    return sniff_fail(s, 0,
                      "it is %s and not UTF-8; 'iconv -f %s -t UTF-8 FILE "
                      ">NEW' writes one that is",
                      name, name);
}

/* Every second byte is 0: text in two bytes a character. */
static const char *wide_name(const char *p, size_t n)
{
    size_t even = 0, odd = 0;

    n = n < 64 ? n & ~(size_t)1 : 64;
    for (size_t i = 0; i < n; i += 2) {
        even += !p[i];
        odd += !p[i + 1];
    }
    if (n < 8 || even + odd < n / 2 - n / 16 || (even && odd))
        return NULL;
    return odd ? "UTF-16LE" : "UTF-16BE";
}

/* Control characters that no text has; NULs may be what a loss of power left.
 */
static bool is_binary(const char *p, size_t n)
{
    size_t odd = 0;

    n = n < 4096 ? n : 4096;
    for (size_t i = 0; i < n; i++)
        odd += (unsigned char)p[i] < ' ' && p[i] &&
               !strchr("\t\n\v\f\r\033", p[i]);
    return n >= 4 && odd > n / 50;
}

int sniff_encoding(sniffer *s, size_t len)
{
    const char *p = s->text;

    if (len >= 4 &&
        (!memcmp(p, "\xff\xfe\0\0", 4) || !memcmp(p, "\0\0\xfe\xff", 4)))
        return other_encoding(s, "UTF-32");
    if (len >= 2 && (!memcmp(p, "\xff\xfe", 2) || !memcmp(p, "\xfe\xff", 2)))
        return other_encoding(s, "UTF-16");
    if (wide_name(p, len))
        return other_encoding(s, wide_name(p, len));
    if (is_binary(p, len))
        return sniff_fail(s, 0,
                          "it is no text: its first bytes are %02x %02x "
                          "%02x %02x",
                          (unsigned char)p[0], (unsigned char)p[1],
                          (unsigned char)p[2], (unsigned char)p[3]);
    if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
        s->text += 3;
    if (len >= 5 &&
        (!memcmp(s->text, "TOB1", 4) || !memcmp(s->text, "\"TOB", 4)))
        return sniff_fail(s, 0,
                          "it is a binary table of a Campbell logger "
                          "(%.4s); CardConvert or camp2ascii writes TOA5",
                          s->text + (*s->text == '"'));
    return 1;
}

static void find_eol(sniffer *s)
{
    size_t n = (size_t)(s->end - s->text);
    const char *cr = memchr(s->text, '\r', n);

    s->d->syntax.eol = '\n';
    if (cr && !memchr(s->text, '\n', n) && (s->whole || cr + 1 < s->end))
        s->d->syntax.eol = '\r';
}

/* --- lines --- */

static uint64_t count_lines(const char *at, const char *end, char eol)
{
    uint64_t n = 0;

    while (at < end && (at = memchr(at, eol, (size_t)(end - at)))) {
        n++;
        at++;
    }
    return n;
}

/* The mark of comments, where it was not given: that of the first line. */
static void find_comment(sniffer *s, span first)
{
    static const char *const marks[] = {"#", "%", "//"};
    table_syntax *x = &s->d->syntax;

    if (s->w->comment) {
        snprintf(x->comment, sizeof(x->comment), "%s", s->w->comment);
        return;
    }
    snprintf(x->comment, sizeof(x->comment), "#");
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if ((size_t)(first.end - first.at) >= strlen(marks[i]) &&
            !memcmp(first.at, marks[i], strlen(marks[i])))
            snprintf(x->comment, sizeof(x->comment), "%s", marks[i]);
}

/* The next record behind [p]; false: there is none that is whole. */
static bool next_record(sniffer *s, const char *p, span *r)
{
    const table_syntax *x = &s->d->syntax;
    const char *stop = NULL, *line;
    enum split end;

    if (p >= s->end)
        return false;
    end = split_record(x, p, s->end, &stop);
    if (end == SPLIT_QUOTE && s->whole) {
        line = memchr(p, x->eol, (size_t)(s->end - p));
        stop = line ? line : s->end;
    } else if (end == SPLIT_MORE && s->whole) {
        stop = s->end;
    } else if (end != SPLIT_RECORD && end != SPLIT_SPOILT) {
        return false;
    }
    *r = (span){p, stop};
    return true;
}

/* The records of the text. */
static int find_records(sniffer *s)
{
    uint64_t line = 1;
    const char *p = s->text;
    bool seen = false;
    span r;

    s->rec = calloc(RECORDS_MAX, sizeof(*s->rec));
    if (!s->rec)
        return pe_error_nomem(s->errp);
    while (s->n < RECORDS_MAX && next_record(s, p, &r)) {
        span bare = split_trim(&s->d->syntax, r);
        record *k = &s->rec[s->n];
        /* What a loss of power has left is no header. */
        if (line > s->w->skip && bare.at < bare.end &&
            !memchr(r.at, '\0', (size_t)(r.end - r.at))) {
            if (!seen)
                find_comment(s, bare);
            seen = true;
            *k = (record){r, line, split_comment(&s->d->syntax, bare)};
            k->at = k->comment ? bare : r;
            s->n++;
        }
        line += count_lines(r.at, r.end, s->d->syntax.eol) + 1;
        p = r.end + 1;
    }
    return 1;
}

/* --- names --- */

/* The first byte of [at, end) that is no UTF-8, or NULL. */
static const char *not_utf8(const char *p, const char *end)
{
    for (size_t n; p < end; p += n) {
        n = text_utf8(p, (size_t)(end - p));
        if (n == 0)
            return p;
    }
    return NULL;
}

/* [f] as UTF-8, new memory. */
static char *name_text(const sniffer *s, span f)
{
    text t = {0};

    for (const char *p = f.at; p < f.end; p += split_step(f, p)) {
        unsigned char c = (unsigned char)*p;
        if (s->w->latin1 && c >= 0x80) {
            char two[] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
            text_add_bytes(&t, two, 2);
        } else if (c >= ' ' && c != 0x7f) {
            text_add_bytes(&t, p, 1);
        }
    }
    if (!t.data)
        text_add(&t, "%s", "");
    if (t.failed)
        text_free(&t);
    return t.data;
}

static int check_bytes(sniffer *s, size_t rec)
{
    const char *bad =
        s->w->latin1 ? NULL : not_utf8(s->rec[rec].at.at, s->rec[rec].at.end);

    if (!bad)
        return 0;
    return sniff_fail(s, s->rec[rec].line,
                      "byte 0x%02X is no UTF-8; where the file is Latin-1 "
                      "(ISO 8859-1), give encoding: latin1",
                      (unsigned)(unsigned char)*bad);
}

static int take_names(sniffer *s, size_t rec, bool units)
{
    table_dialect *d = s->d;
    size_t n = 0;

    if (rec < s->n && check_bytes(s, rec) < 0)
        return -1;
    if (rec < s->n && !(n = sniff_fields(s, rec)))
        return -1;
    for (size_t j = 0; j < d->n; j++) {
        table_column *c = &d->columns[j];
        char **to = units ? &c->unit : &c->name;
        bool there = j < n && s->fields[j].at < s->fields[j].end;
        if (!units)
            c->named = there;
        *to = there   ? name_text(s, s->fields[j])
              : units ? strdup("")
                      : text_format("%zu", j);
        if (!*to)
            return pe_error_nomem(s->errp);
    }
    return 0;
}

static int make_columns(sniffer *s)
{
    table_dialect *d = s->d;

    if (d->n > TABLE_COLUMNS_MAX)
        return sniff_fail(s, s->rec[s->first].line,
                          "%zu fields in a row are too many, at most %zu are "
                          "read; where others stand in a line, give "
                          "delimiter:",
                          d->n, TABLE_COLUMNS_MAX);
    d->columns = calloc(d->n ? d->n : 1, sizeof(*d->columns));
    if (!d->columns)
        return pe_error_nomem(s->errp);
    for (size_t j = 0; j < d->n; j++)
        d->columns[j].feature = -1;
    if (s->names < s->n)
        d->name_line = s->rec[s->names].line;
    if (s->units < s->n)
        d->unit_line = s->rec[s->units].line;
    if (take_names(s, s->names, false) < 0 || take_names(s, s->units, true) < 0)
        return -1;
    return 1;
}

/* The line behind the header, or behind what is passed over. */
static uint64_t data_line(const sniffer *s)
{
    for (size_t i = s->first; i-- > 0;)
        if (!s->rec[i].comment)
            return s->rec[i].line + 1 +
                   count_lines(s->rec[i].at.at, s->rec[i].at.end,
                               s->d->syntax.eol);
    return s->w->skip + 1;
}

static int run(sniffer *s, size_t len)
{
    int rc = sniff_encoding(s, len);

    if (rc > 0) {
        find_eol(s);
        rc = find_records(s);
    }
    if (rc > 0)
        rc = dialect_missing_set(s->d, s->w->missing, s->errp) < 0 ? -1 : 1;
    if (rc > 0)
        rc = sniff_known(s);
    if (rc > 0 && s->d->known == TABLE_ANY)
        rc = sniff_delimiter(s);
    if (rc > 0 && s->d->known == TABLE_ANY)
        rc = sniff_header(s);
    if (rc > 0 && s->first >= s->n)
        rc = 0;
    if (rc > 0)
        rc = make_columns(s);
    if (rc > 0)
        rc = sniff_columns(s);
    if (rc > 0)
        s->d->data_line = data_line(s);
    if (rc > 0 && !s->w->later &&
        dialect_choose(s->d, s->w, s->path, s->errp) < 0)
        rc = -1;
    return rc;
}

/* "sep=;" in the first line, by which spreadsheets are told. */
static bool says_separator(const table_wish *w, const char *bytes, size_t len)
{
    return !w->delimiter && !w->skip && len > 5 && !memcmp(bytes, "sep=", 4) &&
           strchr("\t;|,", bytes[4]) && bytes[4] &&
           (bytes[5] == '\r' || bytes[5] == '\n');
}

int table_sniff(const table_wish *w, const table_start *f, table_dialect *out,
                pe_error *errp)
{
    table_wish own;
    sniffer s = {.w = w,
                 .path = f->path,
                 .text = f->bytes,
                 .end = f->bytes + f->len,
                 .whole = f->whole,
                 .d = out,
                 .errp = errp};
    int rc;

    memset(out, 0, sizeof(*out));
    out->clock = out->clock_day = -1;
    if (says_separator(w, f->bytes, f->len)) {
        own = *w;
        own.delimiter = f->bytes[4];
        own.skip = 1;
        s.w = w = &own;
    }
    out->syntax.delimiter = w->delimiter;
    out->syntax.decimal = w->decimal ? w->decimal : '.';
    rc = f->len > 0 ? run(&s, f->len) : 0;
    free(s.rec);
    free(s.fields);
    if (rc <= 0)
        dialect_free(out);
    return rc;
}

/* --- another file of the same --- */

static bool is_named(const table_dialect *d, size_t j, const char *name)
{
    return j < d->n && d->columns[j].named && !strcmp(d->columns[j].name, name);
}

static int find_name(const table_dialect *d, const char *name)
{
    for (size_t j = 0; j < d->n; j++)
        if (is_named(d, j, name))
            return (int)j;
    return -1;
}

static int match_names(const table_dialect *first, const char *first_path,
                       table_dialect *next, const char *path, pe_error *errp)
{
    for (size_t j = 0; j < next->n; j++) {
        next->columns[j].use = TABLE_LEFT;
        next->columns[j].feature = -1;
    }
    for (size_t j = 0; j < first->n; j++) {
        const table_column *c = &first->columns[j];
        int at = (int)j;
        if (c->use == TABLE_LEFT)
            continue;
        /* Where it was is where it mostly is. */
        if (c->named && !is_named(next, j, c->name))
            at = find_name(next, c->name);
        if (at < 0 || (size_t)at >= next->n)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s has no column '%s', which %s has; leave it "
                                "out by exclude:, or the file by another path",
                                path, c->name, first_path);
        next->columns[at].use = c->use;
        next->columns[at].feature = c->feature;
        if ((int)j == first->clock)
            next->clock = at;
        if ((int)j == first->clock_day)
            next->clock_day = at;
    }
    return 0;
}

int table_sniff_match(const table_dialect *first, const char *first_path,
                      table_dialect *next, const char *path, pe_error *errp)
{
    bool names = first->name_line && next->name_line;

    if (!names && first->n != next->n)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s has %zu column%s and %s has %zu; files of one "
                            "path have the same",
                            path, next->n, text_s(next->n), first_path,
                            first->n);
    if (!names && (first->name_line || next->name_line))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s has %s header and %s has %s; say which by "
                            "header:",
                            path, next->name_line ? "a" : "no", first_path,
                            first->name_line ? "one" : "none");
    next->clock = next->clock_day = -1;
    if (match_names(first, first_path, next, path, errp) < 0)
        return -1;
    next->n_features = first->n_features;
    if (first->known != TABLE_LVM)
        next->stamp = first->stamp;
    return 0;
}
