/* document.c - records of JSON and msgpack: objects, rows of them, lists. */
#include "walk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int row_fail(const walk *w, pe_error *errp, const char *what)
{
    return codec_fail(errp, "row %llu: '%s' %s", (unsigned long long)w->row,
                      codec_shown_name(w->path, w->len), what);
}

codec_field *walk_field(walk *w, pe_error *errp)
{
    codec_field *f = codec_field_add(w->c, w->path, w->len, errp);

    if (f) {
        f->e = (element){'f', 8, false};
        f->at = w->c->n_number;
        f->stride = sizeof(double);
    }
    return f;
}

/* --- a value --- */

static bool is_clock(const walk *w)
{
    return codec_is_clock(w->c, w->path, w->len);
}

/* One time: of the record, or of its next row. */
static int take_clock(walk *w, const doc_node *v, pe_error *errp)
{
    char text[64];
    size_t n;

    w->c->clocked = true;
    if (v->kind == DOC_NUMBER)
        return codec_clock_number(w->c, v->number, errp);
    n = doc_text(&w->d, v, text, sizeof(text));
    if (n == SIZE_MAX)
        return codec_fail(errp,
                          "its time '%s' is %s; name another by time:, or "
                          "time: none",
                          codec_shown_name(w->path, w->len),
                          doc_kind_name(v->kind));
    return codec_clock_text(w->c, text, n, errp);
}

int walk_clock(walk *w, doc_node *v, pe_error *errp)
{
    doc_node item;
    int rc;

    if (v->kind != DOC_LIST)
        return take_clock(w, v, errp) < 0 ? -1 : doc_skip(&w->d, v, errp);
    w->c->clocked = true;
    w->c->n_times = 0;
    while ((rc = doc_more(&w->d, v, errp)) > 0)
        if (doc_value(&w->d, &item, errp) < 0 ||
            take_clock(w, &item, errp) < 0 || codec_time_push(w->c, errp) < 0 ||
            doc_skip(&w->d, &item, errp) < 0)
            return -1;
    return rc;
}

static bool is_number(const doc_node *v)
{
    return v->kind == DOC_NUMBER || v->kind == DOC_BOOL || v->kind == DOC_NIL;
}

static double number_of(const doc_node *v)
{
    return v->kind == DOC_NIL ? (double)NAN : v->number;
}

static bool looks_like_time(const walk *w, const doc_node *v)
{
    char text[64];
    int64_t ns;
    size_t n;

    if (v->kind == DOC_NUMBER)
        return codec_may_be_clock(w->path, w->len, v->number);
    if (v->kind != DOC_TEXT || v->len > sizeof(text))
        return false;
    n = doc_text(&w->d, v, text, sizeof(text));
    return n != SIZE_MAX && codec_text_time(text, n, &ns);
}

/* As a field. */
static int take_field(walk *w, const doc_node *v, pe_error *errp)
{
    codec_field *f = walk_field(w, errp);

    if (!f)
        return -1;
    f->clock = is_clock(w);
    if (f->clock && take_clock(w, v, errp) < 0)
        return -1;
    f->may_be_clock = looks_like_time(w, v);
    f->null = v->kind == DOC_NIL;
    if (!is_number(v)) {
        f->type = doc_kind_name(v->kind);
        return 0;
    }
    f->lost = v->lost;
    return codec_number_add(w->c, number_of(v), errp);
}

/* Which column of a row it is, SIZE_MAX: none. */
static size_t column_of(walk *w)
{
    if (w->c->want)
        return codec_want_find(w->c, w->path, w->len, &w->hint);
    return w->len == w->only_len && !memcmp(w->path, w->only, w->len)
               ? 0
               : SIZE_MAX;
}

/* As one of the columns of a row. */
static int take_column(walk *w, const doc_node *v, pe_error *errp)
{
    codec *c = w->c;
    size_t k = w->listed ? SIZE_MAX : column_of(w);
    char what[64];

    if (is_clock(w) && take_clock(w, v, errp) < 0)
        return -1;
    if (w->listed) {
        walk_listed(w, v, is_number(v), number_of(v));
        return 0;
    }
    if (k == SIZE_MAX)
        return c->want || is_clock(w) || !is_number(v)
                   ? 0
                   : row_fail(w, errp,
                              "is a number, too: say by columns: which are "
                              "learned from");
    if (!is_number(v)) {
        snprintf(what, sizeof(what), "is %s", doc_kind_name(v->kind));
        return row_fail(w, errp, what);
    }
    if (c->want && c->seen[k] == w->row)
        return row_fail(w, errp, "is there twice");
    if (c->want)
        c->seen[k] = w->row;
    else if (w->found)
        return row_fail(w, errp, "is there twice");
    c->rounded = c->rounded || v->lost;
    c->number[w->base + k] = number_of(v);
    w->found++;
    return 0;
}

/* A list of times, beside lists of numbers. */
static int take_clocks(walk *w, doc_node *v, pe_error *errp)
{
    codec_field *f = walk_field(w, errp);

    if (!f)
        return -1;
    f->clock = true;
    f->type = doc_kind_name(v->kind);
    return walk_clock(w, v, errp);
}

int walk_value(walk *w, doc_node *v, pe_error *errp)
{
    int rc;

    if (v->kind == DOC_MAP) {
        rc = w->row ? 0 : walk_numpy(w, v, errp);
        if (rc == 0)
            return walk_map(w, v, errp);
        return rc < 0 ? -1 : 0;
    }
    if (v->kind == DOC_LIST && !w->row)
        return is_clock(w) ? take_clocks(w, v, errp) : walk_list(w, v, errp);
    rc = w->row ? take_column(w, v, errp) : take_field(w, v, errp);
    return rc < 0 ? -1 : doc_skip(&w->d, v, errp);
}

/* "a.b" of what is called [k] in the map at hand; false: it is too long, or no
 * name.
 */
static bool add_key(walk *w, const doc_node *k)
{
    size_t at = w->len, n;

    if (at > 0 && at < sizeof(w->path))
        w->path[at++] = '.';
    n = doc_text(&w->d, k, w->path + at, sizeof(w->path) - at);
    if (n == SIZE_MAX)
        return false;
    w->len = at + n;
    return true;
}

/* A value under what is no name for a column is said to be there. */
static int take_nameless(walk *w, const doc_node *k, pe_error *errp)
{
    bool named = k->kind == DOC_TEXT || k->kind == DOC_BYTES;
    enum { MOST = 40 };
    codec_field *f;
    char name[MOST + sizeof("...")] = "?";

    if (w->row)
        return 0;
    if (named)
        snprintf(name, sizeof(name), "%.*s...",
                 (int)(k->len < MOST ? k->len : MOST), k->at);
    f = codec_field_add(w->c, name, strlen(name), errp);
    if (!f)
        return -1;
    f->type = named ? "under a name that is too long"
                    : "under a name that is no text";
    return 0;
}

int walk_map(walk *w, doc_node *v, pe_error *errp)
{
    size_t len = w->len;
    doc_node key, value;
    int rc;

    while ((rc = doc_more(&w->d, v, errp)) > 0) {
        bool named;

        if (doc_key(&w->d, &key, errp) < 0)
            return -1;
        named = add_key(w, &key);
        if (doc_value(&w->d, &value, errp) < 0)
            return -1;
        if (!named && take_nameless(w, &key, errp) < 0)
            return -1;
        rc =
            named ? walk_value(w, &value, errp) : doc_skip(&w->d, &value, errp);
        if (rc < 0)
            return -1;
        w->len = len;
    }
    return rc;
}

/* --- rows of objects --- */

/* Object [v] as the next row. */
static int take_row(walk *w, doc_node *v, size_t columns, pe_error *errp)
{
    double *at = codec_number_room(w->c, columns, errp);

    if (!at)
        return -1;
    w->base = (size_t)(at - w->c->number);
    w->row++;
    w->found = 0;
    w->hint = 0;
    if (walk_map(w, v, errp) < 0)
        return -1;
    if (w->c->time && codec_time_push(w->c, errp) < 0)
        return -1;
    if (w->found == columns)
        return 0;
    for (size_t k = 0; w->c->want && k < columns; k++)
        if (w->c->seen[k] != w->row)
            return codec_fail(
                errp, "row %llu has no '%s'", (unsigned long long)w->row,
                codec_shown_name(w->c->want[k], strlen(w->c->want[k])));
    return codec_fail(errp, "row %llu has no '%s'", (unsigned long long)w->row,
                      codec_shown_name(w->only, w->only_len));
}

/* Every value that is left is an object, or a list of such. */
static int take_rows(walk *w, size_t columns, pe_error *errp)
{
    while (doc_is_left(&w->d)) {
        doc_node v, item;
        int rc = 1;

        if (doc_value(&w->d, &v, errp) < 0)
            return -1;
        if (v.kind == DOC_MAP && take_row(w, &v, columns, errp) < 0)
            return -1;
        while (v.kind == DOC_LIST && (rc = doc_more(&w->d, &v, errp)) > 0) {
            if (doc_value(&w->d, &item, errp) < 0)
                return -1;
            if (item.kind != DOC_MAP)
                return codec_fail(errp, "row %llu is %s, and not an object",
                                  (unsigned long long)w->row + 1,
                                  doc_kind_name(item.kind));
            if (take_row(w, &item, columns, errp) < 0)
                return -1;
        }
        if (rc < 0)
            return -1;
        if (v.kind != DOC_MAP && v.kind != DOC_LIST)
            return codec_fail(errp, "row %llu is %s, and not an object",
                              (unsigned long long)w->row + 1,
                              doc_kind_name(v.kind));
    }
    return 0;
}

/* The fields of the first object say what the columns of all are; [w] stands
 * in front of the first value.
 */
static int read_rows(walk *w, pe_error *errp)
{
    codec *c = w->c;
    size_t base = c->n_number, columns;
    int rc = codec_choose(c, errp);

    if (rc != 0)
        return rc;
    columns = c->n_chosen;
    if (!c->want) {
        const codec_field *f = &c->field[c->chosen[0]];

        memcpy(w->only, codec_field_name(c, f), f->name_len);
        w->only_len = f->name_len;
    } else {
        memset(c->seen, 0, columns * sizeof(*c->seen));
    }
    c->n_times = 0;
    if (take_rows(w, columns, errp) < 0)
        return -1;
    for (size_t k = 0; k < columns; k++) {
        codec_field *f = &c->field[c->chosen[k]];

        f->e = (element){'f', 8, false};
        f->raw = NULL;
        f->at = base + k;
        f->dims = 1;
        f->dim[0] = w->row;
        f->stride = columns * sizeof(double);
    }
    return 0;
}

/* --- rows of lists --- */

/* List [v] of numbers as the next row. */
static int take_list(walk *w, doc_node *v, size_t *columnsp, pe_error *errp)
{
    doc_node item;
    size_t n = 0;
    int rc;

    w->row++;
    while ((rc = doc_more(&w->d, v, errp)) > 0) {
        if (doc_value(&w->d, &item, errp) < 0)
            return -1;
        if (!is_number(&item))
            return codec_fail(errp, "row %llu: its item %zu is %s",
                              (unsigned long long)w->row, n + 1,
                              doc_kind_name(item.kind));
        w->c->rounded = w->c->rounded || item.lost;
        if (codec_number_add(w->c, number_of(&item), errp) < 0)
            return -1;
        n++;
    }
    if (rc == 0 && n == 0)
        return codec_fail(errp, "row %llu is an empty list",
                          (unsigned long long)w->row);
    if (w->row == 1)
        *columnsp = n;
    if (rc == 0 && n != *columnsp)
        return codec_fail(errp, "row %llu has %zu number%s, the first has %zu",
                          (unsigned long long)w->row, n, n == 1 ? "" : "s",
                          *columnsp);
    return rc;
}

/* Is the first item of list [v], at which [d] stands, a list?  1, 0, -1. */
static int holds_lists(doc d, doc_node v, pe_error *errp)
{
    doc_node item;
    int rc = doc_more(&d, &v, errp);

    if (rc <= 0)
        return rc;
    return doc_value(&d, &item, errp) < 0 ? -1 : item.kind == DOC_LIST;
}

static int not_a_list(const walk *w, const doc_node *v, pe_error *errp)
{
    return codec_fail(errp, "row %llu is %s, and not a list",
                      (unsigned long long)w->row + 1, doc_kind_name(v->kind));
}

/* Every value that is left is a list of numbers, or of such lists. */
static int take_lists(walk *w, size_t *columnsp, pe_error *errp)
{
    while (doc_is_left(&w->d)) {
        doc_node v, item;
        int rc;

        if (doc_value(&w->d, &v, errp) < 0)
            return -1;
        if (v.kind != DOC_LIST)
            return not_a_list(w, &v, errp);
        rc = holds_lists(w->d, v, errp);
        if (rc == 0)
            rc = take_list(w, &v, columnsp, errp);
        while (rc > 0 && (rc = doc_more(&w->d, &v, errp)) > 0) {
            if (doc_value(&w->d, &item, errp) < 0)
                return -1;
            if (item.kind != DOC_LIST)
                return not_a_list(w, &item, errp);
            if (take_list(w, &item, columnsp, errp) < 0)
                return -1;
        }
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Columns without names: they have numbers. */
static int read_lists(walk *w, pe_error *errp)
{
    codec *c = w->c;
    size_t base = c->n_number, columns = 0;

    if (take_lists(w, &columns, errp) < 0)
        return -1;
    for (size_t k = 0; k < columns; k++) {
        codec_field *f;

        w->len = (size_t)snprintf(w->path, sizeof(w->path), "%zu", k);
        f = walk_field(w, errp);
        if (!f)
            return -1;
        f->at = base + k;
        f->dims = 1;
        f->dim[0] = w->row;
        f->stride = columns * sizeof(double);
    }
    c->positional = true;
    return 0;
}

/* --- a record --- */

/* What the first value is, and of a list its first item: *v, *itemp (DOC_OTHER
 * where it is empty).  [w] stays where it is.
 */
static int look(const walk *w, doc_node *v, doc_node *item, pe_error *errp)
{
    doc d = w->d;
    int rc;

    item->kind = DOC_OTHER;
    if (doc_value(&d, v, errp) < 0)
        return -1;
    if (v->kind != DOC_LIST)
        return 0;
    rc = doc_more(&d, v, errp);
    return rc > 0 ? doc_value(&d, item, errp) : rc;
}

/* The first object as fields; is it alone? */
static int read_object(walk *w, bool *alonep, pe_error *errp)
{
    doc_node v;

    if (doc_value(&w->d, &v, errp) < 0)
        return -1;
    if (v.kind == DOC_LIST &&
        (doc_more(&w->d, &v, errp) < 0 || doc_value(&w->d, &v, errp) < 0))
        return -1;
    if (walk_value(w, &v, errp) < 0)
        return -1;
    *alonep = w->d.depth == 0 && !doc_is_left(&w->d);
    return 0;
}

static int read_document(codec *c, doc d, pe_error *errp)
{
    walk w = {.c = c, .d = d};
    doc_node v, item;
    bool alone;
    int rc;

    if (look(&w, &v, &item, errp) < 0)
        return -1;
    if (v.kind == DOC_LIST && walk_bluesky(&w, &rc, errp))
        return rc;
    if (v.kind != DOC_MAP && v.kind != DOC_LIST)
        return codec_fail(errp, "it is %s, and neither an object nor a list",
                          doc_kind_name(v.kind));
    if (v.kind == DOC_LIST && item.kind != DOC_MAP)
        return read_lists(&w, errp);
    if (read_object(&w, &alone, errp) < 0)
        return -1;
    if (alone)
        return 0;
    w.d = d;
    w.len = 0;
    return read_rows(&w, errp);
}

static int read_json(codec *c, const void *buf, size_t len, pe_error *errp)
{
    const char *p = buf;

    if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) {
        p += 3;
        len -= 3;
    }
    return read_document(c, doc_json(p, len), errp);
}

static int read_msgpack(codec *c, const void *buf, size_t len, pe_error *errp)
{
    return read_document(c, doc_msgpack(buf, len), errp);
}

static bool json_knows(const unsigned char *p, size_t len)
{
    size_t i = len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0;

    while (i < len &&
           (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t'))
        i++;
    return i < len && (p[i] == '{' || p[i] == '[');
}

/* A map or a list; JSON and text never begin so. */
static bool msgpack_knows(const unsigned char *p, size_t len)
{
    return len > 0 && ((*p >= 0x80 && *p < 0xa0) || (*p >= 0xdc && *p <= 0xdf));
}

const codec_row codec_json = {"json", json_knows, read_json};
const codec_row codec_msgpack = {"msgpack", msgpack_knows, read_msgpack};
