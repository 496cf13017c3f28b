/* buffer.c - the records of a text file, one after another. */
#include "table_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10) /* read at a time */
#define SLACK 16                  /* behind it, for who looks ahead */

table *table_open(const table_conf *c, pe_error *errp)
{
    table *t = calloc(1, sizeof(*t));
    struct stat st;

    if (!t) {
        pe_error_nomem(errp);
        return NULL;
    }
    t->conf = *c;
    t->d.clock = t->d.clock_day = -1;
    t->line = 1;
    t->fd = open(c->from ? c->from : c->path, O_RDONLY | O_CLOEXEC);
    t->path = strdup(c->path);
    if (t->fd < 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s cannot be opened: %s", c->path, strerror(errno));
    else if (!t->path)
        pe_error_nomem(errp);
    else
        t->pack = pack_open(t->fd, t->path, errp);
    if (t->pack) {
        t->regular = fstat(t->fd, &st) == 0 && S_ISREG(st.st_mode);
        return t;
    }
    table_close(t);
    return NULL;
}

void table_close(table *t)
{
    if (!t)
        return;
    pack_close(t->pack);
    if (t->fd >= 0)
        close(t->fd);
    dialect_free(&t->d);
    free(t->slots);
    free(t->fields);
    free(t->path);
    free(t->buf);
    free(t);
}

uint64_t table_line(const table *t)
{
    return t->line;
}

uint64_t table_bytes(const table *t)
{
    return pack_consumed(t->pack);
}

uint64_t table_used(const table *t)
{
    uint64_t read = table_bytes(t), held = t->len - t->pos;

    return pack_kind_of(t->pack) == PACK_PLAIN && read > held ? read - held
                                                              : read;
}

uint64_t table_size(const table *t)
{
    struct stat st;

    return t->regular && fstat(t->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

const char *table_packing(const table *t)
{
    return pack_name(pack_kind_of(t->pack));
}

/* Move what is left to the front and give the buffer room for a chunk. */
static int buffer_room(table *t, pe_error *errp)
{
    size_t left = t->len - t->pos;
    size_t cap = t->cap ? t->cap : 2 * CHUNK;
    char *buf;

    if (t->pos > 0)
        memmove(t->buf, t->buf + t->pos, left);
    t->clock = t->day = (span){0};
    t->pos = 0;
    t->len = left;
    t->safe = 0; /* there was no line end in it */
    while (cap - left < CHUNK)
        cap *= 2;
    if (cap == t->cap)
        return 0;
    buf = realloc(t->buf, cap + SLACK);
    if (!buf)
        return pe_error_nomem(errp);
    t->buf = buf;
    t->cap = cap;
    memset(buf + cap, 0, SLACK);
    return 0;
}

static void find_safe(table *t, size_t from)
{
    const char *eol = memrchr(t->buf + from, t->d.syntax.eol, t->len - from);

    if (eol)
        t->safe = (size_t)(eol + 1 - t->buf);
}

int table_fill(table *t, pe_error *errp)
{
    bool start = !t->started;
    size_t from;
    ssize_t n;

    /* What was put in the place of what we read is for table_renew. */
    if (t->ended && table_was_cut(t))
        return 0;
    if (buffer_room(t, errp) < 0)
        return -1;
    from = t->len;
    n = pack_read(t->pack, t->buf + from, t->cap - from, errp);
    if (n < 0)
        return -1;
    t->ended = n == 0;
    if (n == 0)
        return 0;
    t->len += (size_t)n;
    t->started = true;
    table_mark(t, t->buf + from, (size_t)n);
    if (start && n >= 3 && !memcmp(t->buf, "\xef\xbb\xbf", 3))
        t->pos = 3;
    find_safe(t, 0);
    return 1;
}

/* The line that begins the record, whose quote nothing closes. */
static int first_line(const table *t, span *r, enum shape *shapep)
{
    const char *from = t->buf + t->pos;
    const char *eol = memchr(from, t->d.syntax.eol, t->len - t->pos);

    *r = (span){from, eol ? eol : t->buf + t->len};
    *shapep = SHAPE_QUOTE;
    return 1;
}

static enum shape shape_of(span r)
{
    return (size_t)(r.end - r.at) > TABLE_RECORD_MAX ? SHAPE_LONG : SHAPE_WHOLE;
}

/* The buffer ends within a record, and so does the file. */
static int last_record(const table *t, bool quoted, span *r, enum shape *shapep)
{
    if (t->len == t->pos || (t->conf.follow && !t->closing))
        return 0;
    if (quoted)
        return first_line(t, r, shapep);
    *r = (span){t->buf + t->pos, t->buf + t->len};
    *shapep = shape_of(*r);
    return 1;
}

/* To the end of a record that is too long to be held. */
static int pass_long(table *t, span *r, enum shape *shapep, pe_error *errp)
{
    t->passing = true;
    for (;;) {
        const char *from = t->buf + t->pos;
        const char *eol = memchr(from, t->d.syntax.eol, t->len - t->pos);
        int rc = 0;
        if (!eol) {
            t->pos = t->len;
            rc = table_fill(t, errp);
            if (rc < 0 || (rc == 0 && t->conf.follow && !t->closing))
                return rc;
        }
        if (rc > 0)
            continue;
        eol = eol ? eol : t->buf + t->len;
        t->pos = (size_t)(eol - t->buf);
        t->passing = false;
        *r = (span){eol, eol};
        *shapep = SHAPE_LONG;
        return 1;
    }
}

int table_record(table *t, span *r, enum shape *shapep, pe_error *errp)
{
    const char *stop = NULL;

    while (!t->passing) {
        const char *from = t->buf ? t->buf + t->pos : NULL;
        const char *end = t->buf ? t->buf + t->len : NULL;
        enum split is = split_record(&t->d.syntax, from, end, &stop);
        int rc;
        if (is == SPLIT_RECORD || is == SPLIT_SPOILT) {
            *r = (span){from, stop};
            *shapep = is == SPLIT_SPOILT ? SHAPE_QUOTE : shape_of(*r);
            return 1;
        }
        if (t->len - t->pos > TABLE_RECORD_MAX)
            break;
        rc = table_fill(t, errp);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return last_record(t, is == SPLIT_QUOTE, r, shapep);
    }
    return pass_long(t, r, shapep, errp);
}

void table_consume(table *t, span r)
{
    const char *p = r.at;

    while ((p = memchr(p, t->d.syntax.eol, (size_t)(r.end - p)))) {
        t->line++;
        p++;
    }
    t->line++;
    t->pos = (size_t)(r.end - t->buf);
    if (t->pos < t->len)
        t->pos++;
}
