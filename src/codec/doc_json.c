/* doc_json.c - values of JSON, with the NaN and Infinity that Python writes. */
#include "doc_private.h"

#include <math.h>
#include <string.h>

#include "src/table/number.h"

static void pass_blanks(doc *d)
{
    while (d->at < d->end && (*d->at == ' ' || *d->at == '\t' ||
                              *d->at == '\r' || *d->at == '\n'))
        d->at++;
}

/* A string, whose opening quote is here. */
static int read_string(doc *d, doc_node *v, pe_error *errp)
{
    const char *p = d->at + 1;

    while (p < d->end && *p != '"')
        p += *p == '\\' ? 2 : 1;
    if (p >= d->end)
        return doc_fail(d, errp, "a text has no closing quote");
    v->kind = DOC_TEXT;
    v->at = d->at + 1;
    v->len = (size_t)(p - v->at);
    d->at = p + 1;
    return 0;
}

static bool take_word(doc *d, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(d->end - d->at) < n || memcmp(d->at, word, n) != 0)
        return false;
    d->at += n;
    return true;
}

/* Digits alone, which may be too many for a double. */
static bool is_lost(const char *p, const char *end, double value)
{
    uint64_t whole = 0;

    p += *p == '-';
    if (end - p < 16)
        return false;
    for (; p < end; p++)
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
            return *p >= '0' && *p <= '9';
    return fabs(value) >= 18446744073709551616.0 ||
           (uint64_t)fabs(value) != whole;
}

static int read_number(doc *d, doc_node *v, pe_error *errp)
{
    const char *p = d->at;

    while (p < d->end && *p && strchr("+-.0123456789eE", *p))
        p++;
    if (!number_parse(d->at, p, '.', &v->number))
        return doc_fail(d, errp, "there is no value that JSON has");
    v->kind = DOC_NUMBER;
    v->lost = is_lost(d->at, p, v->number);
    d->at = p;
    return 0;
}

static int read_word(doc *d, doc_node *v, pe_error *errp)
{
    static const struct {
        const char *word;
        enum doc_kind kind;
        double number;
    } words[] = {
        {"true", DOC_BOOL, 1},
        {"false", DOC_BOOL, 0},
        {"null", DOC_NIL, 0},
        {"NaN", DOC_NUMBER, (double)NAN},
        {"Infinity", DOC_NUMBER, (double)INFINITY},
        {"-Infinity", DOC_NUMBER, -(double)INFINITY},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (take_word(d, words[i].word)) {
            v->kind = words[i].kind;
            v->number = words[i].number;
            return 0;
        }
    return read_number(d, v, errp);
}

static int json_value(doc *d, doc_node *v, pe_error *errp)
{
    pass_blanks(d);
    if (d->at == d->end)
        return doc_fail(d, errp, "it ends where a value is to be");
    switch (*d->at) {
    case '{':
    case '[':
        v->kind = *d->at++ == '{' ? DOC_MAP : DOC_LIST;
        return 0;
    case '"':
        return read_string(d, v, errp);
    default:
        return read_word(d, v, errp);
    }
}

static int json_more(doc *d, doc_node *of, pe_error *errp)
{
    char close = of->kind == DOC_MAP ? '}' : ']';

    pass_blanks(d);
    if (d->at < d->end && *d->at == close) {
        d->at++;
        return 0;
    }
    if (of->left++ == 0)
        return 1;
    if (d->at == d->end)
        return doc_fail(d, errp, "it ends within a %s",
                        of->kind == DOC_MAP ? "{...}" : "[...]");
    if (*d->at != ',')
        return doc_fail(d, errp, "',' or '%c' is missing", close);
    d->at++;
    return 1;
}

static int json_key(doc *d, doc_node *k, pe_error *errp)
{
    pass_blanks(d);
    if (d->at == d->end || *d->at != '"')
        return doc_fail(d, errp, "a name in quotes is missing");
    if (read_string(d, k, errp) < 0)
        return -1;
    pass_blanks(d);
    if (d->at == d->end || *d->at != ':')
        return doc_fail(d, errp, "':' is missing behind a name");
    d->at++;
    return 0;
}

static bool json_is_left(doc *d)
{
    pass_blanks(d);
    return d->at < d->end;
}

/* --- texts --- */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\uXXXX" at [p]: its number, or -1. */
static long unit_of(const char *p, const char *end)
{
    long n = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        if (hex_of(p[i]) < 0)
            return -1;
        n = 16 * n + hex_of(p[i]);
    }
    return n;
}

static size_t put_utf8(long n, char *out)
{
    if (n < 0x80) {
        out[0] = (char)n;
        return 1;
    }
    if (n < 0x800) {
        out[0] = (char)(0xc0 | n >> 6);
        out[1] = (char)(0x80 | (n & 0x3f));
        return 2;
    }
    if (n < 0x10000) {
        out[0] = (char)(0xe0 | n >> 12);
        out[1] = (char)(0x80 | (n >> 6 & 0x3f));
        out[2] = (char)(0x80 | (n & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | n >> 18);
    out[1] = (char)(0x80 | (n >> 12 & 0x3f));
    out[2] = (char)(0x80 | (n >> 6 & 0x3f));
    out[3] = (char)(0x80 | (n & 0x3f));
    return 4;
}

/* The character that is escaped at [p]; what follows. */
static const char *unescape(const char *p, const char *end, char out[4],
                            size_t *np)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    long n = unit_of(p, end), low;
    const char *known;

    if (n >= 0xd800 && n < 0xdc00 && (low = unit_of(p + 6, end)) >= 0xdc00 &&
        low < 0xe000) {
        *np = put_utf8(0x10000 + ((n - 0xd800) << 10) + (low - 0xdc00), out);
        return p + 12;
    }
    if (n >= 0) {
        *np = put_utf8(n, out);
        return p + 6;
    }
    *np = 1;
    known = p[1] ? strchr(from, p[1]) : NULL;
    out[0] = known ? to[known - from] : p[1];
    return p + 2;
}

static size_t json_text(const doc_node *v, char *out, size_t cap)
{
    const char *p = v->at, *end = p + v->len;
    size_t n = 0;

    while (p < end) {
        char c[4] = {*p};
        size_t k = 1;

        /* A backslash is never the last byte: it takes the quote with it. */
        p = *p == '\\' ? unescape(p, end, c, &k) : p + 1;
        if (n + k > cap)
            return SIZE_MAX;
        memcpy(out + n, c, k);
        n += k;
    }
    return n;
}

static const doc_ops json_ops = {json_value, json_more, json_key, json_is_left,
                                 json_text};

doc doc_json(const void *bytes, size_t len)
{
    const char *p = bytes;

    return (doc){&json_ops, p, p, p + len, 0, false};
}
