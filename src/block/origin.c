/* origin.c - which rows of a file the points of a block are made of. */
#include "origin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest range: a comma, two numbers of 20 digits, a dash. */
#define RANGE_MAX 42
/* Behind the list: a slash and a number, or a star. */
#define TAIL_MAX 21

/* --- reading --- */

/* Digits at *pp, which is moved behind them. */
static bool take_number(const char **pp, uint64_t *np)
{
    char *end;

    if (**pp < '0' || **pp > '9')
        return false;
    *np = strtoull(*pp, &end, 10);
    *pp = end;
    return *np <= INT64_MAX;
}

/* The range at *pp, which is moved behind it. */
static bool take_range(const char **pp, uint64_t *fromp, uint64_t *top)
{
    if (!take_number(pp, fromp))
        return false;
    *top = *fromp;
    if (**pp != '-')
        return true;
    (*pp)++;
    return take_number(pp, top) && *top >= *fromp;
}

/* The ranges of a list, and what stands behind it. */
static bool read_list(origin_reader *o, const char *p)
{
    uint64_t from, to;

    while (*p == ',') {
        p++;
        if (!take_range(&p, &from, &to))
            return false;
    }
    if (*p == '/') {
        p++;
        return take_number(&p, &o->each) && o->each > 0 && !*p;
    }
    if (!strcmp(p, "*"))
        o->kind = ORIGIN_SOME;
    return !*p || !strcmp(p, "*");
}

bool origin_open(origin_reader *o, const char *source)
{
    const char *colon = source ? strrchr(source, ':') : NULL;
    const char *p = colon ? colon + 1 : "";

    *o = (origin_reader){.each = 1, .kind = ORIGIN_NONE};
    if (!take_range(&p, &o->from, &o->to))
        return false;
    o->at = p;
    o->kind = ORIGIN_LIST;
    if (!*p && !strchr(colon, '-')) {
        o->kind = ORIGIN_FROM;
        o->to = INT64_MAX;
    } else if (strcmp(p, "+") != 0 && !read_list(o, p)) {
        o->kind = ORIGIN_NONE;
    }
    return o->kind != ORIGIN_NONE;
}

/* Have the next range at hand where the one there is done with. */
static bool more(origin_reader *o)
{
    if (o->from <= o->to)
        return true;
    if (!o->at || *o->at != ',')
        return false;
    o->at++;
    return take_range(&o->at, &o->from, &o->to);
}

/* Take up to [n] rows of the range at hand, into [out]. */
static uint64_t take(origin_reader *o, uint64_t n, origin_rows *out)
{
    uint64_t have = o->to - o->from + 1;

    n = n < have ? n : have;
    *out = (origin_rows){(int64_t)o->from, (int64_t)(o->from + n - 1)};
    o->from += n;
    return n;
}

static void add(origin_list *l, const origin_rows *r);

/* The next point, each of its ranges into [l], which may be NULL. */
static origin_rows next(origin_reader *o, origin_list *l)
{
    origin_rows all = {-1, -1}, r;
    uint64_t left = o->each;

    if (o->kind == ORIGIN_SOME)
        return (origin_rows){(int64_t)o->from, (int64_t)o->to};
    while (left > 0 && o->kind != ORIGIN_NONE && more(o)) {
        left -= take(o, left, &r);
        all.first = all.first < 0 ? r.first : all.first;
        all.last = r.last;
        if (l)
            add(l, &r);
    }
    return all;
}

origin_rows origin_next(origin_reader *o)
{
    return next(o, NULL);
}

origin_rows origin_of(const char *source, uint32_t point)
{
    origin_reader o;

    if (!origin_open(&o, source))
        return (origin_rows){-1, -1};
    if (o.kind == ORIGIN_FROM)
        o.from += point;
    for (uint32_t i = 0; o.kind == ORIGIN_LIST && i < point; i++)
        origin_next(&o);
    if (o.kind == ORIGIN_FROM && o.from > INT64_MAX)
        return (origin_rows){-1, -1};
    return origin_next(&o);
}

size_t origin_path(const char *source)
{
    origin_reader o;

    return origin_open(&o, source) ? (size_t)(strrchr(source, ':') - source)
                                   : 0;
}

/* --- writing --- */

/* Longest path with room behind it for the least that is said of rows. */
#define PATH_MAX_BYTES (RECORD_SOURCE_MAX - RANGE_MAX - TAIL_MAX - 1)

/* The path of [source], [len] bytes, cut from the front where it is too long;
 * how many there are.
 */
static size_t put_path(char *out, const char *source, size_t len)
{
    const char *from = source;

    if (len <= PATH_MAX_BYTES) {
        memcpy(out, source, len);
        return len;
    }
    from += len - (PATH_MAX_BYTES - 3);
    while (((unsigned char)*from & 0xc0) == 0x80) /* within a character */
        from++;
    memcpy(out, "...", 3);
    memcpy(out + 3, from, (size_t)(source + len - from));
    return 3 + (size_t)(source + len - from);
}

void origin_begin(origin_list *l, const char *source)
{
    size_t path = origin_path(source);

    l->any = l->full = false;
    l->path = 0;
    if (path > 0) {
        l->path = put_path(l->text, source, path);
        l->text[l->path++] = ':';
    }
    l->len = l->path;
    l->text[l->len] = '\0';
}

/* The range that is open goes into the text. */
static void close_range(origin_list *l)
{
    if (l->full || l->len + RANGE_MAX + TAIL_MAX > RECORD_SOURCE_MAX) {
        l->full = true;
        return;
    }
    if (l->len > l->path)
        l->text[l->len++] = ',';
    l->len += (size_t)snprintf(l->text + l->len, RANGE_MAX,
                               "%" PRIu64 "-%" PRIu64, l->from, l->to);
    if (l->from == l->to)
        l->len = (size_t)(strrchr(l->text + l->path, '-') - l->text);
    l->text[l->len] = '\0';
}

static void add(origin_list *l, const origin_rows *r)
{
    uint64_t from = (uint64_t)r->first, to = (uint64_t)r->last;

    if (l->any && from == l->to + 1) {
        l->to = to;
    } else {
        if (l->any)
            close_range(l);
        l->from = from;
        l->to = to;
    }
    l->first = l->any && l->first < from ? l->first : from;
    l->last = l->any && l->last > to ? l->last : to;
    l->any = true;
}

void origin_keep(origin_list *l, origin_reader *o, bool kept)
{
    if (o->kind != ORIGIN_SOME) {
        next(o, kept ? l : NULL);
        return;
    }
    l->first = o->from;
    l->last = o->to;
    l->any = l->any || kept;
}

/* FIRST-LAST* */
static void say_some(origin_list *l)
{
    snprintf(l->text + l->path, sizeof(l->text) - l->path,
             "%" PRIu64 "-%" PRIu64 "*", l->first, l->last);
}

static bool end(origin_list *l, uint64_t each, bool some)
{
    if (!l->any || l->path == 0) {
        l->text[0] = '\0';
        return l->path == 0;
    }
    if (!some)
        close_range(l);
    if (some || l->full) {
        say_some(l);
        return some;
    }
    if (each > 1)
        snprintf(l->text + l->len, sizeof(l->text) - l->len, "/%" PRIu64, each);
    return true;
}

bool origin_end(origin_list *l, const origin_reader *o)
{
    return end(l, o->each, o->kind == ORIGIN_SOME);
}

bool origin_join(origin_list *l, const char *source, uint32_t points,
                 uint32_t each)
{
    origin_reader o;
    uint64_t all;

    origin_begin(l, source);
    if (!origin_open(&o, source))
        return true;
    for (uint32_t i = 0; i < points; i++)
        origin_keep(l, &o, true);
    if (__builtin_mul_overflow(o.each, (uint64_t)each, &all))
        return end(l, 1, true) && o.kind == ORIGIN_SOME;
    return end(l, all, o.kind == ORIGIN_SOME);
}

void origin_blur(origin_list *l, const char *source, uint32_t points)
{
    origin_reader o;

    origin_begin(l, source);
    if (!origin_open(&o, source))
        return;
    for (uint32_t i = 0; i < points; i++)
        origin_keep(l, &o, true);
    end(l, 1, true);
}

const char *origin_trust(origin_list *l, const pe_block *in,
                         const pe_block *out)
{
    origin_reader o;

    if (!in->source || !out->source || in->points == out->points ||
        strcmp(in->source, out->source) != 0 || !origin_open(&o, in->source) ||
        o.kind == ORIGIN_SOME)
        return out->source;
    origin_blur(l, in->source, in->points);
    return l->text;
}
