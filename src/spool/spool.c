/* spool.c - records appended, acknowledged, and the room they take. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/pack/pack.h"
#include "src/spool/spool_private.h"

chunk *spool_chunk(spool *s, uint64_t number)
{
    for (size_t i = s->n; i-- > 0;)
        if (s->chunks[i].number == number)
            return &s->chunks[i];
    return NULL;
}

chunk *spool_chunk_behind(spool *s, uint64_t number)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->chunks[i].number > number)
            return &s->chunks[i];
    return NULL;
}

int spool_room(char **bufp, size_t *capp, size_t len, pe_error *errp)
{
    char *more;

    if (len <= *capp)
        return 0;
    more = realloc(*bufp, len);
    if (!more)
        return pe_error_nomem(errp);
    *bufp = more;
    *capp = len;
    return 0;
}

void spool_fail(spool *s, const pe_error *e)
{
    if (!s->failed)
        s->error = *e;
    s->failed = true;
}

static int failure(const spool *s, pe_error *errp)
{
    if (errp)
        *errp = s->error;
    return -1;
}

/* The disk says no: it is full, or it has failed. */
static int trouble(spool *s, const char *verb, spool_put *out, pe_error *errp)
{
    if (errno == ENOSPC || errno == EDQUOT) {
        out->why =
            errno == EDQUOT ? "the quota is used up" : "the disk is full";
        return 0;
    }
    if (errno == EFBIG) {
        out->why = "files may not be larger here";
        return 0;
    }
    return file_error(errp, errno, verb, s->path, PE_EXIT_CREATE);
}

/* --- files --- */

/* A file that is done with is used again, for the pages of its old content are
 * there; as long as it takes no room that others need.
 */
static void let_go(spool *s, const chunk *c)
{
    s->used -= c->end;
    if (s->read_number == c->number && s->read_fd >= 0) {
        close(s->read_fd);
        s->read_fd = -1;
    }
    if (!s->spare && s->used + c->end <= s->size) {
        s->spare = c->number;
        s->spare_bytes = c->end;
    } else {
        folder_remove(s, c->number);
    }
}

static void drop_spare(spool *s)
{
    if (s->spare)
        folder_remove(s, s->spare);
    s->spare = s->spare_bytes = 0;
}

static void chunk_take_out(spool *s, size_t i)
{
    s->bytes -= s->chunks[i].bytes;
    let_go(s, &s->chunks[i]);
    s->n--;
    memmove(&s->chunks[i], &s->chunks[i + 1], (s->n - i) * sizeof(chunk));
}

/* Files all of whose records are acknowledged go, but for the one that is
 * written.
 */
static void let_go_acked(spool *s)
{
    while (s->n > 0 && s->chunks[0].last <= s->acked && (s->n > 1 || s->fd < 0))
        chunk_take_out(s, 0);
}

/* A file of the name of chunk [number], from the spare one where there is one;
 * -1: errno.
 */
static int file_make(spool *s, uint64_t number)
{
    char from[CHUNK_NAME], to[CHUNK_NAME];
    uint64_t spare = s->spare;

    if (!spare)
        return folder_file(s, number, O_RDWR | O_CREAT | O_EXCL);
    chunk_name(spare, from);
    chunk_name(number, to);
    s->spare = s->spare_bytes = 0;
    if (renameat(s->dir_fd, from, s->dir_fd, to) < 0)
        return folder_file(s, number, O_RDWR | O_CREAT | O_EXCL);
    return folder_file(s, number, O_RDWR);
}

/* The name of a file is to be on the disk before what is in it, or with it. */
static int names_sync(spool *s)
{
    s->unnamed = s->sync == SPOOL_SECOND;
    return s->sync == SPOOL_EACH ? fsync(s->dir_fd) : 0;
}

/* Another chunk at the end: 1, 0 no room, -1 error. */
static int chunk_add(spool *s, spool_put *out, pe_error *errp)
{
    /* Files whose numbers follow each other miss no record. */
    bool skips = s->n > 0 && s->chunks[s->n - 1].last != s->next;
    chunk c = {.number = s->number += 1 + skips,
               .life = s->life,
               .boot = s->boot,
               .first = s->next,
               .last = s->next,
               .end = FORMAT_RECORDS_AT,
               .dirty = true};
    int fd, rc;

    if (s->n == s->cap) {
        chunk *more = reallocarray(s->chunks, s->cap * 2 + 8, sizeof(*more));
        if (!more)
            return pe_error_nomem(errp);
        s->chunks = more;
        s->cap = s->cap * 2 + 8;
    }
    fd = file_make(s, c.number);
    if (fd < 0)
        return trouble(s, "make a file in", out, errp);
    if (chunk_begin(fd, &c, s->machine, s->owner) < 0 || names_sync(s) < 0) {
        rc = trouble(s, "write to", out, errp);
        close(fd);
        folder_remove(s, c.number);
        return rc;
    }
    if (s->fd >= 0)
        close(s->fd);
    s->fd = fd;
    s->used += c.end;
    s->chunks[s->n++] = c;
    let_go_acked(s); /* what was the last one */
    return 1;
}

/* --- append --- */

/* Is a record of [span] bytes too much for the file that is written, or is it
 * not behind the last one in there?
 */
static bool is_over(const spool *s, uint64_t span)
{
    const chunk *c = s->fd >= 0 ? &s->chunks[s->n - 1] : NULL;

    return !c || c->last != s->next ||
           (c->end > FORMAT_RECORDS_AT && c->end + span > s->chunk_bytes);
}

/* Bytes that a record of [span] adds. */
static uint64_t added(const spool *s, uint64_t span)
{
    return span + (is_over(s, span) ? FORMAT_RECORDS_AT : 0);
}

static bool has_room(const spool *s, uint64_t span)
{
    return s->used + added(s, span) <= s->size;
}

/* The whole of it in one call: what is cut short has no tail. */
static int record_write(const spool *s, const format_record *h,
                        const spool_record *r, uint64_t at)
{
    static const char zeros[FORMAT_UNIT];
    uint64_t tail = format_tail(h);
    size_t len = (size_t)r->meta_len + r->len;
    size_t pad = (size_t)(format_span(r->meta_len, r->len) - len - sizeof(*h) -
                          sizeof(tail));
    const struct iovec v[] = {{(void *)(uintptr_t)h, sizeof(*h)},
                              {(void *)(uintptr_t)r->meta, r->meta_len},
                              {(void *)(uintptr_t)r->data, r->len},
                              {&tail, sizeof(tail)},
                              {(void *)(uintptr_t)zeros, pad}};
    ssize_t n = pwritev(s->fd, v, 5, (off_t)at);
    uint64_t whole = format_span(r->meta_len, r->len);

    if (n >= 0 && (uint64_t)n < whole) {
        /* What follows says why. */
        char last = 0;
        if (chunk_write(s->fd, &last, 1, at + whole - 1) == 0)
            errno = ENOSPC;
        return -1;
    }
    return n < 0 ? -1 : 0;
}

static int record_append(spool *s, const spool_record *r, bool keeps,
                         spool_put *out, pe_error *errp)
{
    chunk *c = &s->chunks[s->n - 1];
    uint64_t span = format_span(r->meta_len, r->len);
    format_record h = {.magic = FORMAT_RECORD,
                       .chunk = c->number,
                       .ordinal = s->next,
                       .boot = s->boot,
                       .seq = r->seq,
                       .meta = r->meta_len,
                       .len = r->len,
                       .life = s->life};

    /* What is under way to the broker may need no check sum at all. */
    if (s->sync == SPOOL_EACH || !keeps) {
        h.sealed = 1;
        h.sum =
            pack_check(pack_check(0, r->meta, r->meta_len), r->data, r->len);
    }
    format_record_seal(&h);
    if (record_write(s, &h, r, c->end) < 0)
        return trouble(s, "write to", out, errp);
    if (s->sync == SPOOL_EACH && fdatasync(s->fd) < 0) {
        file_error(errp, errno, "sync", s->path, PE_EXIT_CREATE);
        if (errp)
            spool_fail(s, errp);
        return -1;
    }
    c->dirty = s->sync != SPOOL_EACH;
    c->end += span;
    c->last = s->next + 1;
    c->n++;
    c->bytes += span;
    s->used += span;
    s->records++;
    s->bytes += span;
    out->ordinal = s->next++;
    if (keeps)
        s->read = (place){c->number, c->end, s->next};
    else
        s->behind++;
    return 1;
}

/* Accept it where it is. */
static bool leave(spool *s, const spool_record *r, spool_put *out)
{
    format_record h = {.magic = FORMAT_RECORD,
                       .ordinal = s->next,
                       .boot = s->boot,
                       .seq = r->seq,
                       .meta = r->meta_len,
                       .len = r->len,
                       .life = s->life};

    if (s->boot == 0 || !cells_put(s->cells, &h, r->meta, r->data))
        return false;
    out->ordinal = s->next++;
    s->records++;
    s->read.ordinal = s->next;
    return true;
}

static int append(spool *s, const spool_record *r, bool keeps, spool_put *out,
                  pe_error *errp)
{
    uint64_t span = format_span(r->meta_len, r->len);
    int rc = 1;

    *out = (spool_put){0};
    if (keeps && r->stays && leave(s, r, out))
        return 1;
    if (!has_room(s, span) && s->records == 0 && s->fd >= 0) {
        close(s->fd); /* nothing in it is needed */
        s->fd = -1;
        let_go_acked(s);
        drop_spare(s);
    }
    if (!has_room(s, span))
        return 0;
    /* A file that is kept for later goes where it is in the way. */
    if (s->used + s->spare_bytes + added(s, span) > s->size &&
        !is_over(s, span))
        drop_spare(s);
    if (is_over(s, span))
        rc = chunk_add(s, out, errp);
    return rc > 0 ? record_append(s, r, keeps, out, errp) : rc;
}

int spool_append(spool *s, const spool_record *r, bool keeps, spool_put *out,
                 pe_error *errp)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    if (s->failed) {
        rc = failure(s, errp);
    } else {
        rc = append(s, r, keeps, out, errp);
        if (rc == 0 && out->why && s->spare) {
            drop_spare(s);
            rc = append(s, r, keeps, out, errp);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void spool_lend(spool *s, pe_block *b, size_t bytes)
{
    if (!s->cells)
        return;
    pthread_mutex_lock(&s->lock);
    cells_lend(s->cells, b, s->boot ? bytes : 0);
    pthread_mutex_unlock(&s->lock);
}

bool spool_full(spool *s, uint64_t len)
{
    bool full;

    pthread_mutex_lock(&s->lock);
    full = s->records > 0 && !has_room(s, format_span(0, len));
    pthread_mutex_unlock(&s->lock);
    return full;
}

/* --- acknowledged, dropped --- */

void spool_ack(spool *s, uint64_t n, uint64_t ordinal)
{
    if (n == 0)
        return;
    pthread_mutex_lock(&s->lock);
    s->acked = ordinal + 1;
    s->records -= n < s->records ? n : s->records;
    if (s->mark)
        mark_set(s->mark, s->acked);
    let_go_acked(s);
    cells_ack(s->cells, s->acked);
    spool_ack_left(s);
    pthread_mutex_unlock(&s->lock);
}

/* The first chunk that nobody has read of, and that is not written. */
uint64_t spool_drop(spool *s)
{
    uint64_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n - (s->n > 0 && s->fd >= 0); i++) {
        const chunk *c = &s->chunks[i];

        if (c->first < s->read.ordinal || c->last <= s->acked)
            continue;
        n = c->n;
        s->records -= n < s->records ? n : s->records;
        s->behind -= n < s->behind ? n : s->behind;
        chunk_take_out(s, i);
        break;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* Of the first file a part is acknowledged: about as much as of its records.
 */
static uint64_t bytes_done(const spool *s)
{
    const chunk *c = s->chunks;
    uint64_t n = s->n ? c->last - c->first : 0;

    if (n == 0 || s->acked <= c->first)
        return 0;
    if (s->acked >= c->last)
        return c->bytes;
    return (uint64_t)((double)c->bytes * (double)(s->acked - c->first) /
                      (double)n);
}

spool_stats spool_stats_get(spool *s)
{
    spool_stats out;

    pthread_mutex_lock(&s->lock);
    out = (spool_stats){s->records,
                        s->bytes - bytes_done(s) + s->left_bytes +
                            cells_bytes(s->cells),
                        s->behind, s->lost};
    pthread_mutex_unlock(&s->lock);
    return out;
}
