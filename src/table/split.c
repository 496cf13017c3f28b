/* split.c - records and fields of a text. */
#include "split.h"

#include <string.h>

/* Blanks around a field, line ends within quotes among them. */
static bool is_blank(const table_syntax *s, char c)
{
    return c == ' ' || c == '\r' || c == '\n' ||
           (c == '\t' && s->delimiter != '\t');
}

static bool is_delimiter(const table_syntax *s, char c)
{
    if (s->delimiter == ' ')
        return c == ' ' || c == '\t';
    return s->delimiter ? c == s->delimiter
                        : c && strchr(TABLE_DELIMITERS, c) != NULL;
}

span split_trim(const table_syntax *s, span t)
{
    while (t.at < t.end && is_blank(s, *t.at))
        t.at++;
    while (t.at < t.end && is_blank(s, t.end[-1]))
        t.end--;
    return t;
}

bool split_comment(const table_syntax *s, span line)
{
    size_t n = strlen(s->comment);

    while (n && line.at < line.end && (*line.at == ' ' || *line.at == '\t'))
        line.at++;
    return n && (size_t)(line.end - line.at) >= n &&
           !memcmp(line.at, s->comment, n);
}

/* The quote that closes the one before [p], or NULL. */
static const char *closing_quote(const char *p, const char *end)
{
    while ((p = memchr(p, '"', (size_t)(end - p)))) {
        if (p + 1 == end || p[1] != '"')
            return p;
        p += 2;
    }
    return NULL;
}

/* Behind the quoted field at [p]: its delimiter or line end, NULL: it is not
 * closed, not within what a record of several lines may have.
 */
static const char *pass_quoted(const table_syntax *s, const char *p,
                               const char *end, bool *goodp)
{
    size_t most = (size_t)(end - p);
    const char *q = closing_quote(
        p + 1, most > TABLE_QUOTED_MAX ? p + TABLE_QUOTED_MAX : end);

    if (!q)
        return NULL;
    q++;
    while (q < end && *q != s->eol && !is_delimiter(s, *q) && is_blank(s, *q))
        q++;
    *goodp = q == end || *q == s->eol || is_delimiter(s, *q);
    return q;
}

enum split split_record(const table_syntax *s, const char *at, const char *end,
                        const char **stopp)
{
    const char *line = at ? memchr(at, s->eol, (size_t)(end - at)) : NULL;
    const char *first = line;

    /* Nearly all: no quote at all. */
    if (!at || !memchr(at, '"', (size_t)((line ? line : end) - at))) {
        *stopp = line;
        return line ? SPLIT_RECORD : SPLIT_MORE;
    }
    for (const char *p = at; p < end;) {
        bool good = true;
        while (p < end && *p != s->eol && is_blank(s, *p))
            p++;
        if (p < end && *p == '"') {
            const char *q = pass_quoted(s, p, end, &good);
            if (!q && (!first || (size_t)(end - p) <= TABLE_QUOTED_MAX))
                return SPLIT_QUOTE;
            /* A line end between quotes, and then no end of a field. */
            if (!q || (!good && first && q > first)) {
                *stopp = first;
                return SPLIT_SPOILT;
            }
            p = q;
        }
        while (p < end && *p != s->eol && !is_delimiter(s, *p))
            p++;
        if (p == end)
            return SPLIT_MORE;
        if (*p == s->eol) {
            *stopp = p;
            return SPLIT_RECORD;
        }
        p++;
    }
    return SPLIT_MORE;
}

size_t split_step(span field, const char *p)
{
    if (*p != '"')
        return 1;
    /* Elsewhere a quote is what it is. */
    for (const char *q = field.at; q < field.end; q++)
        if (*q == '"' && (++q == field.end || *q != '"'))
            return 1;
    return 2;
}

/* As split_field, between blanks. */
static bool split_blank(const table_syntax *s, span *rest, span *field)
{
    const char *from = rest->at;
    const char *close = NULL, *to;

    if (!from)
        return false;
    while (from < rest->end && is_blank(s, *from))
        from++;
    if (from == rest->end) {
        rest->at = NULL;
        return false;
    }
    if (*from == '"')
        close = closing_quote(from + 1, rest->end);
    to = close ? close + 1 : from;
    while (to < rest->end && !is_blank(s, *to))
        to++;
    *field =
        close && to == close + 1 ? (span){from + 1, close} : (span){from, to};
    *field = split_trim(s, *field);
    rest->at = to < rest->end ? to : NULL;
    return true;
}

bool split_field(const table_syntax *s, span *rest, span *field)
{
    const char *from = rest->at, *close = NULL, *sep;

    if (s->delimiter == ' ')
        return split_blank(s, rest, field);
    if (!from)
        return false;
    while (from < rest->end && is_blank(s, *from))
        from++;
    if (from < rest->end && *from == '"')
        close = closing_quote(from + 1, rest->end);
    if (close) {
        sep = memchr(close, s->delimiter, (size_t)(rest->end - close));
        *field = split_trim(s, (span){close + 1, sep ? sep : rest->end});
        /* Text behind the closing quote spoils the field. */
        *field = field->at < field->end ? (span){from, field->end}
                                        : (span){from + 1, close};
    } else {
        sep = memchr(from, s->delimiter, (size_t)(rest->end - from));
        *field = (span){from, sep ? sep : rest->end};
    }
    *field = split_trim(s, *field);
    rest->at = sep ? sep + 1 : NULL;
    return true;
}

size_t split_fields(const table_syntax *s, span record, span *out, size_t cap)
{
    size_t n = 0;
    span field;

    for (; split_field(s, &record, &field); n++)
        if (n < cap)
            out[n] = field;
    return n;
}
