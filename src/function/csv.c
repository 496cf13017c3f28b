/* csv.c - rows of numbers out of a text file (RFC 4180). */
#include "csv.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)     /* read at a time */
#define RECORD_MAX ((size_t)16 << 20) /* a quote left open ends here */
#define NUMBER_MAX 128                /* characters of a number */

struct csv {
    int fd;
    char *path;
    char separator;
    enum csv_header header;
    bool follow;
    char *buf;
    size_t pos, len, cap; /* what is in buf and not consumed: [pos, len) */
    uint64_t line;        /* of buf[pos], from 1 */
    uint64_t read_bytes;  /* of the file */
    int columns;          /* 0: first record not seen */
    uint64_t bad, bad_line;
};

/* A piece of the buffer. */
typedef struct span {
    const char *at, *end;
} span;

csv *csv_open(const csv_conf *conf, pe_error *errp)
{
    csv *c = calloc(1, sizeof(*c));

    if (!c) {
        pe_error_nomem(errp);
        return NULL;
    }
    c->separator = conf->separator;
    c->header = conf->header;
    c->follow = conf->follow;
    c->line = 1;
    c->fd = open(conf->path, O_RDONLY | O_CLOEXEC);
    c->path = strdup(conf->path);
    if (c->fd < 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s cannot be opened: %s", conf->path, strerror(errno));
    else if (!c->path)
        pe_error_nomem(errp);
    else
        return c;
    csv_close(c);
    return NULL;
}

void csv_close(csv *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c->path);
    free(c->buf);
    free(c);
}

uint64_t csv_bad_fields(const csv *c, uint64_t *linep)
{
    *linep = c->bad_line;
    return c->bad;
}

/* Move what is left to the front and give the buffer room for a chunk. */
static int buffer_room(csv *c, pe_error *errp)
{
    size_t left = c->len - c->pos;
    size_t cap = c->cap ? c->cap : 2 * CHUNK;
    char *buf;

    if (left > RECORD_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s:%llu: the record is longer than 16 MiB; is a "
                            "quote left open?",
                            c->path, (unsigned long long)c->line);
    if (c->pos > 0)
        memmove(c->buf, c->buf + c->pos, left);
    c->pos = 0;
    c->len = left;
    while (cap - left < CHUNK)
        cap *= 2;
    if (cap == c->cap)
        return 0;
    buf = realloc(c->buf, cap);
    if (!buf)
        return pe_error_nomem(errp);
    c->buf = buf;
    c->cap = cap;
    return 0;
}

static int check_length(const csv *c, pe_error *errp)
{
    struct stat st;

    if (fstat(c->fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size < c->read_bytes)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s became shorter while it was followed (%lld "
                            "bytes, %llu were read); start a new run",
                            c->path, (long long)st.st_size,
                            (unsigned long long)c->read_bytes);
    return 0;
}

/* Read on: 1 more bytes are there, 0 the file ends here, -1 error. */
static int buffer_fill(csv *c, pe_error *errp)
{
    bool start = c->read_bytes == 0;
    ssize_t n;

    if (buffer_room(c, errp) < 0)
        return -1;
    do
        n = read(c->fd, c->buf + c->len, c->cap - c->len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s cannot be read: %s", c->path, strerror(errno));
    if (n == 0)
        return c->follow ? check_length(c, errp) : 0;
    c->len += (size_t)n;
    c->read_bytes += (uint64_t)n;
    if (start && n >= 3 && !memcmp(c->buf, "\xef\xbb\xbf", 3))
        c->pos = 3;
    return 1;
}

static bool quotes_odd(const char *p, const char *end)
{
    bool odd = false;

    while ((p = memchr(p, '"', (size_t)(end - p)))) {
        odd = !odd;
        p++;
    }
    return odd;
}

/* The buffer ends within a record, and so does the file. */
static int last_record(const csv *c, bool quoted, span *r, pe_error *errp)
{
    if (c->len == c->pos || c->follow)
        return 0;
    if (quoted)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s:%llu: a quote is left open", c->path,
                            (unsigned long long)c->line);
    r->at = c->buf + c->pos;
    r->end = c->buf + c->len;
    return 1;
}

/* Have the next record whole in the buffer, without its newline: a newline
 * ends it where the quotes before it are even.  Nothing is consumed.
 */
static int find_record(csv *c, span *r, pe_error *errp)
{
    size_t seen = 0; /* bytes behind pos that were looked at */
    bool quoted = false;
    int rc;

    for (;;) {
        const char *from = c->buf + c->pos + seen;
        const char *end = c->buf + c->len;
        const char *newline =
            c->buf ? memchr(from, '\n', (size_t)(end - from)) : NULL;
        const char *stop = newline ? newline : end;
        if (c->buf)
            quoted ^= quotes_odd(from, stop);
        if (newline && !quoted) {
            *r = (span){c->buf + c->pos, newline};
            return 1;
        }
        seen = c->len - c->pos;
        if (newline) {
            seen = (size_t)(newline + 1 - (c->buf + c->pos));
            continue;
        }
        rc = buffer_fill(c, errp);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return last_record(c, quoted, r, errp);
    }
}

/* Go past record [r] and its newline. */
static void consume(csv *c, span r)
{
    const char *p = r.at;

    while ((p = memchr(p, '\n', (size_t)(r.end - p)))) {
        c->line++;
        p++;
    }
    c->line++;
    c->pos = (size_t)(r.end - c->buf);
    if (c->pos < c->len)
        c->pos++;
}

/* Blanks around a field, newlines within quotes among them; a tab is none
 * where it separates.
 */
static bool blank(const csv *c, char ch)
{
    return ch == ' ' || ch == '\r' || ch == '\n' ||
           (ch == '\t' && c->separator != '\t');
}

static span trim(const csv *c, span s)
{
    while (s.at < s.end && blank(c, *s.at))
        s.at++;
    while (s.at < s.end && blank(c, s.end[-1]))
        s.end--;
    return s;
}

/* As find_record, past blank lines. */
static int find_row(csv *c, span *r, pe_error *errp)
{
    for (;;) {
        int rc = find_record(c, r, errp);
        if (rc <= 0)
            return rc;
        span rest = trim(c, *r);
        if (rest.at < rest.end)
            return 1;
        consume(c, *r);
    }
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

/* Split the first field off [rest], without its quotes; false: there is none.
 * rest->at is NULL behind the last one.
 */
static bool split_field(const csv *c, span *rest, span *field)
{
    const char *from = rest->at;
    const char *close = NULL;
    const char *sep;

    if (!from)
        return false;
    while (from < rest->end && blank(c, *from))
        from++;
    if (from < rest->end && *from == '"')
        close = closing_quote(from + 1, rest->end);
    if (close) {
        sep = memchr(close, c->separator, (size_t)(rest->end - close));
        *field = trim(c, (span){close + 1, sep ? sep : rest->end});
        /* Text behind the closing quote spoils the field. */
        *field = field->at < field->end ? (span){from, field->end}
                                        : (span){from + 1, close};
    } else {
        sep = memchr(from, c->separator, (size_t)(rest->end - from));
        *field = (span){from, sep ? sep : rest->end};
    }
    *field = trim(c, *field);
    rest->at = sep ? sep + 1 : NULL;
    return true;
}

static uint64_t take_digits(span *s, uint64_t value, int *np)
{
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++, ++*np)
        value = value * 10 + (uint64_t)(*s->at - '0');
    return value;
}

/* Plain decimals whose digits and power of ten a double holds exactly: one
 * rounding, hence the same value as strtod, at a tenth of its cost.
 */
static bool parse_plain(span s, double *valuep)
{
    static const double tens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    int whole = 0, fraction = 0;
    uint64_t digits;
    bool minus = s.at < s.end && *s.at == '-';

    s.at += minus;
    if (s.end - s.at > 16)
        return false;
    digits = take_digits(&s, 0, &whole);
    if (s.at < s.end && *s.at == '.') {
        s.at++;
        digits = take_digits(&s, digits, &fraction);
    }
    if (s.at != s.end || whole + fraction == 0 || whole + fraction > 15)
        return false;
    *valuep = (double)digits / tens[fraction];
    if (minus)
        *valuep = -*valuep;
    return true;
}

static bool parse_number(span s, double *valuep)
{
    char text[NUMBER_MAX];
    size_t n = (size_t)(s.end - s.at);
    char *end;
    double value;

    if (parse_plain(s, valuep))
        return true;
    if (n == 0 || n >= sizeof(text))
        return false;
    memcpy(text, s.at, n);
    text[n] = '\0';
    value = strtod(text, &end);
    if (end != text + n)
        return false;
    *valuep = value;
    return true;
}

static int count_fields(const csv *c, span record, int *numbersp)
{
    span field;
    double value;
    int n = 0;

    *numbersp = 0;
    for (; split_field(c, &record, &field); n++)
        *numbersp += parse_number(field, &value);
    return n;
}

int csv_columns(csv *c, pe_error *errp)
{
    span r;
    int numbers, rc;

    if (c->columns > 0)
        return c->columns;
    rc = find_row(c, &r, errp);
    if (rc <= 0)
        return rc;
    c->columns = count_fields(c, r, &numbers);
    if (c->header == CSV_HEADER_YES ||
        (c->header == CSV_HEADER_AUTO && numbers == 0))
        consume(c, r);
    return c->columns;
}

static int refuse_row(const csv *c, span r, pe_error *errp)
{
    int numbers;

    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s:%llu: the row has %d fields, the first one has %d",
                        c->path, (unsigned long long)c->line,
                        count_fields(c, r, &numbers), c->columns);
}

static int parse_row(csv *c, span r, double *row, pe_error *errp)
{
    span rest = r, field;
    int n = 0;

    for (; split_field(c, &rest, &field); n++) {
        if (n == c->columns)
            return refuse_row(c, r, errp);
        if (parse_number(field, &row[n]))
            continue;
        row[n] = NAN;
        if (c->bad++ == 0)
            c->bad_line = c->line;
    }
    return n == c->columns ? 0 : refuse_row(c, r, errp);
}

int csv_row(csv *c, double *row, pe_error *errp)
{
    span r;
    int rc = csv_columns(c, errp);

    if (rc <= 0)
        return rc;
    rc = find_row(c, &r, errp);
    if (rc <= 0)
        return rc;
    if (row && parse_row(c, r, row, errp) < 0)
        return -1;
    consume(c, r);
    return 1;
}
