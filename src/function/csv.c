/* csv.c - rows of numbers out of a text file (RFC 4180). */
#include "csv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"

#define CHUNK ((size_t)256 << 10) /* read at a time */
#define RECORD_MAX ((size_t)16 << 20)
#define QUOTED_MAX ((size_t)64 << 10) /* of a record of several lines */
#define NUMBER_MAX 128                /* characters of a number */
#define TEXT_MAX 24                   /* of a field that is shown */
#define QUIET_NS CLOCK_S              /* of a file that was renamed */

struct csv {
    int fd;
    char *path;
    char separator;
    enum csv_header header;
    bool follow;
    void (*skip)(void *arg, const csv_skip *s);
    void *arg;
    char *buf;
    size_t pos, len, cap; /* what is in buf and not consumed: [pos, len) */
    uint64_t line;        /* of buf[pos], from 1 */
    uint64_t read_bytes;  /* of the file */
    int columns;          /* 0: first record not seen */
    bool begun;           /* the header of this file is behind us, if any */
    bool passing;         /* within a record that is too long */
    bool closing;         /* followed, but nothing is added any more */
    int64_t quiet_ns;     /* since when it was renamed, and ... */
    uint64_t quiet_bytes; /* ... as long as this; 0: it was not */
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
    c->skip = conf->skip;
    c->arg = conf->arg;
    c->line = 1;
    c->fd = open(conf->from ? conf->from : conf->path, O_RDONLY | O_CLOEXEC);
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

static void skip(const csv *c, csv_skip s)
{
    s.line = c->line;
    if (c->skip)
        c->skip(c->arg, &s);
}

/* Move what is left to the front and give the buffer room for a chunk. */
static int buffer_room(csv *c, pe_error *errp)
{
    size_t left = c->len - c->pos;
    size_t cap = c->cap ? c->cap : 2 * CHUNK;
    char *buf;

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
        return 0;
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

/* What a record is, besides a row. */
enum shape { SHAPE_WHOLE, SHAPE_QUOTE, SHAPE_LONG };

static enum shape shape_of(span r)
{
    return (size_t)(r.end - r.at) > RECORD_MAX ? SHAPE_LONG : SHAPE_WHOLE;
}

/* The line that begins the record, whose quote nothing closes. */
static int first_line(const csv *c, span *r, enum shape *shapep)
{
    const char *from = c->buf + c->pos;
    const char *newline = memchr(from, '\n', c->len - c->pos);

    *r = (span){from, newline ? newline : c->buf + c->len};
    *shapep = SHAPE_QUOTE;
    return 1;
}

/* The buffer ends within a record, and so does the file. */
static int last_record(const csv *c, bool quoted, span *r, enum shape *shapep)
{
    if (c->len == c->pos || (c->follow && !c->closing))
        return 0;
    if (quoted)
        return first_line(c, r, shapep);
    *r = (span){c->buf + c->pos, c->buf + c->len};
    *shapep = shape_of(*r);
    return 1;
}

/* To the end of a record that is too long to be held. */
static int pass_long(csv *c, span *r, enum shape *shapep, pe_error *errp)
{
    c->passing = true;
    for (;;) {
        const char *from = c->buf + c->pos;
        const char *newline = memchr(from, '\n', c->len - c->pos);
        int rc = 0;
        if (!newline) {
            c->pos = c->len;
            rc = buffer_fill(c, errp);
            if (rc < 0 || (rc == 0 && c->follow && !c->closing))
                return rc;
        }
        if (rc > 0)
            continue;
        newline = newline ? newline : c->buf + c->len;
        c->pos = (size_t)(newline - c->buf);
        c->passing = false;
        *r = (span){newline, newline};
        *shapep = SHAPE_LONG;
        return 1;
    }
}

/* Have the next record whole in the buffer, without its newline: a newline
 * ends it where the quotes before it are even.  Nothing is consumed.
 */
static int find_record(csv *c, span *r, enum shape *shapep, pe_error *errp)
{
    size_t seen = 0; /* bytes behind pos that were looked at */
    bool quoted = false, inner = false; /* a newline within quotes */
    int rc;

    *shapep = SHAPE_WHOLE;
    while (!c->passing) {
        const char *from = c->buf + c->pos + seen;
        const char *end = c->buf + c->len;
        const char *newline =
            c->buf ? memchr(from, '\n', (size_t)(end - from)) : NULL;
        const char *stop = newline ? newline : end;
        if (c->buf)
            quoted ^= quotes_odd(from, stop);
        if (inner && (size_t)(stop - (c->buf + c->pos)) > QUOTED_MAX)
            return first_line(c, r, shapep);
        if (newline && !quoted) {
            *r = (span){c->buf + c->pos, newline};
            *shapep = shape_of(*r);
            return 1;
        }
        seen = c->len - c->pos;
        if (newline) {
            seen = (size_t)(newline + 1 - (c->buf + c->pos));
            inner = true;
            continue;
        }
        if (seen > RECORD_MAX)
            break;
        rc = buffer_fill(c, errp);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return last_record(c, quoted, r, shapep);
    }
    return pass_long(c, r, shapep, errp);
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
static int find_row(csv *c, span *r, enum shape *shapep, pe_error *errp)
{
    for (;;) {
        int rc = find_record(c, r, shapep, errp);
        if (rc <= 0)
            return rc;
        span rest = trim(c, *r);
        if (rest.at < rest.end || *shapep != SHAPE_WHOLE)
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

static bool has_nul(span r)
{
    return memchr(r.at, '\0', (size_t)(r.end - r.at)) != NULL;
}

/* Go past the header, if this record is one; rows of NULs in front of it are
 * what a loss of power leaves, and no first record.
 */
int csv_columns(csv *c, pe_error *errp)
{
    enum shape shape;
    span r;
    int numbers, columns, rc;

    while (!c->begun) {
        rc = find_row(c, &r, &shape, errp);
        if (rc <= 0)
            return rc;
        if (shape == SHAPE_WHOLE && !has_nul(r)) {
            columns = count_fields(c, r, &numbers);
            c->columns = c->columns ? c->columns : columns;
            c->begun = true;
            if (c->header == CSV_HEADER_NO ||
                (c->header == CSV_HEADER_AUTO && numbers > 0))
                break;
        } else {
            skip(c, (csv_skip){.reason = shape == SHAPE_QUOTE  ? CSV_ROW_QUOTE
                                         : shape == SHAPE_LONG ? CSV_ROW_LONG
                                                               : CSV_ROW_NUL});
        }
        consume(c, r);
    }
    return c->columns;
}

static void skip_field(const csv *c, int column, span field)
{
    char text[TEXT_MAX + 1];
    size_t n = (size_t)(field.end - field.at);

    n = n < TEXT_MAX ? n : TEXT_MAX;
    memcpy(text, field.at, n);
    text[n] = '\0';
    skip(c, (csv_skip){.reason = n ? CSV_FIELD_TEXT : CSV_FIELD_EMPTY,
                       .column = column,
                       .text = text});
}

/* The fields of [r] into [row]; what is left out is told once it is known
 * whether the row is.
 */
static int parse_row(const csv *c, span r, double *row)
{
    span rest = r, field;
    int n = 0, bad = 0;

    for (; split_field(c, &rest, &field); n++) {
        if (n >= c->columns || parse_number(field, &row[n]))
            continue;
        row[n] = NAN;
        bad++;
    }
    if (n != c->columns) {
        skip(c, (csv_skip){.reason = CSV_ROW_FIELDS, .fields = n});
        return CSV_SKIPPED;
    }
    rest = r;
    for (n = 1; bad > 0 && split_field(c, &rest, &field); n++) {
        double value;
        if (parse_number(field, &value))
            continue;
        skip_field(c, n, field);
        bad--;
    }
    return CSV_ROW;
}

int csv_row(csv *c, double *row, pe_error *errp)
{
    enum shape shape;
    span r;
    int rc = csv_columns(c, errp);

    if (rc <= 0)
        return rc;
    rc = find_row(c, &r, &shape, errp);
    if (rc <= 0)
        return rc;
    rc = shape == SHAPE_WHOLE ? CSV_ROW : CSV_SKIPPED;
    if (row && shape != SHAPE_WHOLE) {
        skip(c, (csv_skip){.reason = shape == SHAPE_QUOTE ? CSV_ROW_QUOTE
                                                          : CSV_ROW_LONG});
    } else if (row && has_nul(r)) {
        skip(c, (csv_skip){.reason = CSV_ROW_NUL});
        rc = CSV_SKIPPED;
    } else if (row) {
        rc = parse_row(c, r, row);
    }
    consume(c, r);
    return rc;
}

/* --- another file in its place --- */

static int identify(int fd, const char *path, char out[CSV_IDENTITY_MAX])
{
    struct statx st;

    if (statx(fd, path, *path ? 0 : AT_EMPTY_PATH, STATX_INO | STATX_BTIME,
              &st) < 0)
        return -1;
    if (!(st.stx_mask & STATX_BTIME))
        st.stx_btime.tv_sec = st.stx_btime.tv_nsec = 0;
    snprintf(out, CSV_IDENTITY_MAX, "%" PRIu64 "-%" PRId64 ".%09u",
             (uint64_t)st.stx_ino, (int64_t)st.stx_btime.tv_sec,
             (unsigned)st.stx_btime.tv_nsec);
    return 0;
}

int csv_identity(const char *path, char out[CSV_IDENTITY_MAX])
{
    return *path ? identify(AT_FDCWD, path, out) : -1;
}

void csv_open_identity(const csv *c, char out[CSV_IDENTITY_MAX])
{
    if (identify(c->fd, "", out) < 0)
        *out = '\0';
}

static void start_over(csv *c)
{
    c->pos = c->len = 0;
    c->read_bytes = 0;
    c->line = 1;
    c->quiet_bytes = 0;
    c->begun = c->passing = c->closing = false;
}

/* Ours is another name's now: 1 it has ended, 0 somebody may still write. */
static int is_quiet(csv *c)
{
    int64_t now = clock_mono_ns();

    if (c->quiet_bytes != c->read_bytes + 1) {
        c->quiet_bytes = c->read_bytes + 1;
        c->quiet_ns = now;
    }
    return now - c->quiet_ns >= QUIET_NS;
}

int csv_renew(csv *c, pe_error *errp)
{
    struct stat ours, theirs;
    int fd;

    if (fstat(c->fd, &ours) < 0 || !S_ISREG(ours.st_mode))
        return 0;
    if ((uint64_t)ours.st_size < c->read_bytes) { /* copied and cut */
        if (lseek(c->fd, 0, SEEK_SET) < 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s cannot be read: %s", c->path,
                                strerror(errno));
        start_over(c);
        return 1;
    }
    if (stat(c->path, &theirs) < 0 ||
        (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)) {
        c->quiet_bytes = 0;
        return 0;
    }
    if (!is_quiet(c))
        return 0;
    if (c->len > c->pos && !c->closing) {
        c->closing = true; /* its last line is one */
        return 0;
    }
    fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* gone again */
    close(c->fd);
    c->fd = fd;
    start_over(c);
    return 1;
}
