/* codec.c - a record as a block, by the codec that it begins like. */
#include "codec_private.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/codec/flat.h"
#include "src/common/text.h"

int codec_fail(pe_error *errp, const char *fmt, ...)
{
    char what[768];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", what);
}

/* In the next room, of which [cap] bytes are used. */
static const char *show(const char *s, size_t len, size_t cap)
{
    enum { ROOMS = 4 };
    static _Thread_local char room[ROOMS][CODEC_NAME_MAX];
    static _Thread_local unsigned turn;
    char *out = room[turn++ % ROOMS];

    text_shown(s, len, out, cap);
    return out;
}

const char *codec_shown(const char *s, size_t len)
{
    return show(s, len, 44);
}

const char *codec_shown_name(const char *s, size_t len)
{
    return show(s, len, CODEC_NAME_MAX);
}

/* --- which it is --- */

/* In the order in which they are asked. */
static const codec_row *const rows[] = {
    &codec_npy,  &codec_da00,    &codec_f144, &codec_ev44, &codec_se00,
    &codec_ad00, &codec_msgpack, &codec_json, &codec_csv,
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const codec_row *row_named(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (!strcmp(rows[i]->name, name))
            return rows[i];
    return NULL;
}

static const codec_row *row_of(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i]->knows(p, len))
            return rows[i];
    return NULL;
}

/* --- what is wished --- */

static int bad_columns(pe_error *errp, const char *list, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "columns: '%s': %s", list, why);
}

/* [at]: behind the quote. */
static int bad_quote(pe_error *errp, const char *list, const char *at,
                     const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "columns: '%s': %s at character %td", list, why,
                        at - list);
}

/* "5-8" as numbers. */
static bool is_range(const char *s, size_t len, unsigned long *fromp,
                     unsigned long *top)
{
    char *end;

    if (len == 0 || len > 11 || !isdigit((unsigned char)*s))
        return false;
    *fromp = *top = strtoul(s, &end, 10);
    if (end == s + len)
        return true;
    if (*end != '-' || !isdigit((unsigned char)end[1]))
        return false;
    *top = strtoul(end + 1, &end, 10);
    return end == s + len;
}

static int add_word(codec *c, text *t, const char *s, size_t len,
                    pe_error *errp)
{
    bool quoted = s[len] == '"';

    if (c->n_label == GRID_FIELDS_MAX)
        return bad_columns(errp, "...", "they are too many");
    c->n_label++;
    for (const char *p = s; p < s + len; p++) {
        text_add_bytes(t, p, 1);
        p += quoted && *p == '"'; /* the second of two */
    }
    text_add_bytes(t, "", 1);
    return 0;
}

/* A name, or a range of numbers, which stands for all of them. */
static int add_item(codec *c, text *t, const char *list, const char *s,
                    size_t len, pe_error *errp)
{
    unsigned long from, to;
    char number[24];

    if (len == 0)
        return bad_columns(errp, list, "a name is missing between commas");
    if (!is_range(s, len, &from, &to)) {
        c->want_numbers = false;
        return add_word(c, t, s, len, errp);
    }
    if (to < from || to - from >= GRID_FIELDS_MAX)
        return bad_columns(errp, list,
                           "a range ends before it begins, or is "
                           "too long");
    for (; from <= to; from++) {
        int n = snprintf(number, sizeof(number), "%lu", from);

        if (add_word(c, t, number, (size_t)n, errp) < 0)
            return -1;
    }
    return 0;
}

/* The quote that closes the one before [p]; two are one of the name. */
static const char *closing(const char *p)
{
    while ((p = strchr(p, '"')) && p[1] == '"')
        p += 2;
    return p;
}

/* A comma ends a name, but not in one that stands in quotes. */
static int take_list(codec *c, text *t, const char *list, pe_error *errp)
{
    const char *p = list;

    c->want_numbers = true;
    for (;;) {
        const char *from, *end;

        while (*p == ' ')
            p++;
        if (*p == '"') {
            from = ++p;
            end = closing(p);
            if (!end)
                return bad_quote(errp, list, from, "a quote is left open");
            p = end + 1 + strspn(end + 1, " ");
            if (*p && *p != ',')
                return bad_quote(errp, list, from,
                                 "text stands behind a quote");
        } else {
            from = p;
            p += strcspn(p, ",");
            for (end = p; end > from && end[-1] == ' ';)
                end--;
        }
        if (add_item(c, t, list, from, (size_t)(end - from), errp) < 0)
            return -1;
        if (!*p)
            return 0;
        p++;
    }
}

/* '-' stands for a field that is left out, and the clock is no column. */
static bool is_column(const codec *c, const char *word)
{
    return strcmp(word, "-") != 0 && !(c->time && !strcmp(word, c->time));
}

static int find_words(codec *c, const char *columns, pe_error *errp)
{
    const char *p = c->words;

    c->label = calloc(c->n_label, sizeof(*c->label));
    c->want = calloc(c->n_label, sizeof(*c->want));
    c->seen = calloc(c->n_label, sizeof(*c->seen));
    if (!c->label || !c->want || !c->seen)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < c->n_label; i++, p += strlen(p) + 1) {
        c->label[i] = p;
        if (is_column(c, p))
            c->want[c->n_want++] = p;
    }
    if (c->n_want == 0)
        return bad_columns(errp, columns, "it names nothing to learn from");
    if (c->n_want > 1000) /* a repeat is found by the first record */
        return 0;
    for (size_t i = 0; i < c->n_want; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c->want[i], c->want[k]))
                return bad_columns(errp, columns, "a name is there twice");
    return 0;
}

static int take_columns(codec *c, const char *columns, pe_error *errp)
{
    text t = {0};
    int rc = take_list(c, &t, columns, errp);

    if (rc == 0 && t.failed)
        rc = pe_error_nomem(errp);
    c->words = t.data;
    return rc < 0 ? -1 : find_words(c, columns, errp);
}

static int take_rows(codec *c, const char *rows_word, pe_error *errp)
{
    int64_t axis;

    c->take.axis = -1;
    if (!rows_word)
        return 0;
    if (!strcmp(rows_word, "record")) {
        c->wish_one_row = true;
        return 0;
    }
    if (text_parse_int(rows_word, &axis) < 0 || axis < 0 ||
        axis >= CODEC_DIMS_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "rows: '%s' is neither the number of an axis, from "
                            "0, nor record",
                            rows_word);
    c->take.axis = (int)axis;
    return 0;
}

static int take_wish(codec *c, const codec_wish *w, pe_error *errp)
{
    if (w->codec && strcmp(w->codec, "auto") != 0) {
        c->forced = row_named(w->codec);
        if (!c->forced)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "codec: '%s' is not one of: %s", w->codec,
                                CODEC_NAMES);
    }
    c->no_time = w->time && !strcmp(w->time, "none");
    if (w->time && !c->no_time && !(c->time = strdup(w->time)))
        return pe_error_nomem(errp);
    c->take.frames = w->frames;
    c->delimiter = w->delimiter;
    c->decimal = w->decimal ? w->decimal : '.';
    if (c->delimiter == c->decimal)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "delimiter and decimal are both '%c'", c->decimal);
    if (dialect_missing_set(&c->texts, NULL, errp) < 0 ||
        take_rows(c, w->rows, errp) < 0)
        return -1;
    return w->columns ? take_columns(c, w->columns, errp) : 0;
}

codec *codec_open(const codec_wish *w, pe_error *errp)
{
    codec *c = calloc(1, sizeof(*c));

    if (!c) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (take_wish(c, w, errp) == 0)
        return c;
    codec_close(c);
    return NULL;
}

void codec_close(codec *c)
{
    if (!c)
        return;
    dialect_free(&c->texts);
    free(c->words);
    free(c->label);
    free(c->want);
    free((char *)(uintptr_t)c->time);
    free(c->field);
    free(c->names);
    free(c->number);
    free(c->times);
    free(c->chosen);
    free(c->seen);
    free(c->grids);
    free(c->items);
    free(c);
}

/* --- a record --- */

static void begin(codec *c)
{
    c->n_field = c->n_names = c->n_number = c->n_chosen = c->n_times = 0;
    c->positional = c->one_row = c->other_kind = c->rounded = false;
    c->clocked = false;
    c->facts = (codec_facts){0};
}

static int not_known(const unsigned char *p, size_t len, pe_error *errp)
{
    char what[80];
    size_t at;

    if (flat_is_one(p, len))
        return codec_fail(errp,
                          "a FlatBuffer of schema '%s' is not read; da00, "
                          "f144, ev44, se00 and ad00 are",
                          codec_shown((const char *)p + 4, 4));
    if (len == 0)
        return codec_fail(errp, "the record is empty");
    snprintf(what, sizeof(what), "begins with %02x", *p);
    at = codec_not_text(p, len);
    if (at > 0)
        snprintf(what, sizeof(what),
                 "would be text, but for byte %zu, the control character %02x",
                 at, p[at]);
    return codec_fail(errp,
                      "the record is none that is known: not .npy, da00, f144, "
                      "ev44, se00, ad00, msgpack, JSON or lines of text (it "
                      "%s)",
                      what);
}

/* As it is, without a word that says otherwise. */
static int decode_plain(codec *c, const void *buf, size_t len, pe_block *b,
                        pe_error *errp)
{
    codec_field *f;
    int rc = npy_decode(buf, len, b, errp);

    if (rc < 0 || !(f = codec_field_add(c, "", 0, NULL)))
        return rc;
    /* For people: what it was is in the header, which is read no more. */
    f->e = (element){'f', (unsigned char)b->dtype, false};
    f->dims = 2;
    f->dim[0] = b->points;
    f->dim[1] = b->features;
    f->taken = true;
    return rc;
}

static bool is_plain(const codec *c, const codec_row *row)
{
    return row == &codec_npy && !c->want && c->take.axis < 0 &&
           !c->take.frames && !c->wish_one_row;
}

static int decode(codec *c, const codec_row *row, const void *buf, size_t len,
                  pe_block *b, pe_error *errp)
{
    int rc;

    if (is_plain(c, row))
        return decode_plain(c, buf, len, b, errp);
    rc = row->read(c, buf, len, errp);
    if (rc == 0)
        rc = codec_choose(c, errp);
    if (rc == 0 && c->time && !c->clocked)
        rc = codec_fail(errp, "it has no '%s', which time: names",
                        codec_shown_name(c->time, strlen(c->time)));
    if (rc == 0)
        rc = codec_assemble(c, b, errp);
    if (rc >= 0 && rc != CODEC_SKIPPED && c->n_times == b->points) {
        c->facts.times = c->times;
        c->facts.n_times = c->n_times;
    }
    return rc < 0 ? pe_error_prefix(errp, "%s record", row->name) : rc;
}

int codec_decode(codec *c, const void *buf, size_t len, pe_block *b,
                 codec_facts *f, pe_error *errp)
{
    const unsigned char *p = buf;
    const codec_row *row = NULL;
    int rc;

    begin(c);
    c->facts.skip = p ? flat_aside(p, len) : NULL;
    if (p && !c->facts.skip)
        row = c->forced ? c->forced : row_of(p, len);
    if (row)
        c->facts.codec = row->name;
    if (c->facts.skip)
        rc = CODEC_SKIPPED;
    else
        rc = row ? decode(c, row, buf, len, b, errp)
                 : not_known(p, p ? len : 0, errp);
    *f = c->facts;
    return rc;
}

/* --- for people --- */

size_t codec_columns(const codec *c)
{
    return c->n_field;
}

void codec_column_of(const codec *c, size_t i, codec_column *out)
{
    const codec_field *f = &c->field[i];

    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "%s",
             codec_shown_name(codec_field_name(c, f), f->name_len));
    snprintf(out->type, sizeof(out->type), "%s",
             f->type ? f->type : element_name(f->e));
    if (f->dims > 0)
        grid_shape_text(f->dim, f->dims, out->shape, sizeof(out->shape));
    out->number = !f->type && !f->clock;
    out->clock = f->clock;
    out->may_be_clock = f->may_be_clock && !c->time && !c->no_time;
    out->taken = f->taken;
}
