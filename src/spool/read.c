/* read.c - records read again, in order; what is bad is passed by. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/log.h"
#include "src/spool/spool_private.h"

/* Have *fdp be that of chunk [number]. */
static int turn_to(const spool *s, int *fdp, uint64_t *numberp, uint64_t number,
                   pe_error *errp)
{
    if (*fdp >= 0 && *numberp == number)
        return 0;
    if (*fdp >= 0)
        close(*fdp);
    *fdp = folder_file(s, number, O_RDWR);
    *numberp = number;
    return *fdp < 0 ? file_error(errp, errno, "open a file of", s->path,
                                 PE_EXIT_CREATE)
                    : 0;
}

chunk *spool_find(spool *s, place *p, int *fdp, uint64_t *numberp,
                  format_record *r, pe_error *errp)
{
    for (;;) {
        chunk *c = spool_chunk(s, p->number);
        int rc;

        if (c && p->at < c->end) {
            if (turn_to(s, fdp, numberp, c->number, errp) < 0)
                return NULL;
            rc = chunk_next(*fdp, c->number, c->end, &p->at, r);
            if (rc > 0)
                return c;
            if (rc < 0) {
                file_error(errp, errno, "read", s->path, PE_EXIT_CREATE);
                return NULL;
            }
        }
        c = spool_chunk_behind(s, p->number);
        if (!c) {
            errp->kind = PE_ERROR_NONE;
            return NULL;
        }
        p->number = c->number;
        p->at = FORMAT_RECORDS_AT;
    }
}

/* Records between the one that was expected and [r] are not there any more. */
static void miss(spool *s, uint64_t n, const chunk *c, uint64_t at,
                 const char *why)
{
    char name[CHUNK_NAME];

    if (n == 0)
        return;
    n = n < s->behind ? n : s->behind;
    s->behind -= n;
    s->records -= n < s->records ? n : s->records;
    s->lost += n;
    chunk_name(c->number, name);
    log_error("spool: %" PRIu64 " record%s lost, %s/%s %s at byte %" PRIu64, n,
              n == 1 ? " is" : "s are", s->path, name, why, at);
}

/* One of a cell of an earlier process: 1, 0 it is bad now, -1. */
static int left_take(spool *s, const chunk_left *l, spool_record *out,
                     pe_error *errp)
{
    const chunk at = {.number = l->number};
    format_record r;
    const char *why;

    if (turn_to(s, &s->read_fd, &s->read_number, l->number, errp) < 0)
        return -1;
    if (chunk_read(s->read_fd, &r, sizeof(r), l->at) < 0 ||
        !format_record_good(&r, l->number) ||
        format_span(r.meta, r.len) != l->span) {
        miss(s, 1, &at, l->at, "is damaged");
        return 0;
    }
    if (spool_room(&s->buf, &s->buf_cap, (size_t)r.meta + r.len + 1, errp) < 0)
        return -1;
    why = chunk_payload(s->read_fd, &r, l->at, true, s->buf);
    if (why) {
        miss(s, 1, &at, l->at, why);
        return 0;
    }
    s->behind--;
    *out = (spool_record){.ordinal = r.ordinal,
                          .boot = r.boot,
                          .seq = r.seq,
                          .meta = s->buf,
                          .meta_len = r.meta,
                          .data = s->buf + r.meta,
                          .len = r.len};
    return 1;
}

/* Files of cells whose records are acknowledged go. */
void spool_ack_left(spool *s)
{
    while (s->left_acked < s->left.n &&
           s->left.at[s->left_acked].ordinal < s->acked) {
        const chunk_left *l = &s->left.at[s->left_acked++];
        bool more = false;

        s->left_bytes -= l->span;
        for (size_t i = s->left_acked; !more && i < s->left.n; i++)
            more = s->left.at[i].number == l->number;
        if (more)
            continue;
        if (s->read_fd >= 0 && s->read_number == l->number) {
            close(s->read_fd);
            s->read_fd = -1;
        }
        s->used -= folder_bytes(s, l->number);
        folder_remove(s, l->number);
    }
}

/* Those that come before ordinal [below], or its end: as left_take. */
static int left_next(spool *s, uint64_t below, spool_record *out,
                     pe_error *errp)
{
    int rc = 0;

    while (rc == 0 && s->left_next < s->left.n &&
           s->left.at[s->left_next].ordinal < below)
        rc = left_take(s, &s->left.at[s->left_next++], out, errp);
    return rc;
}

/* The next one that is good. */
static int read_next(spool *s, spool_record *out, pe_error *errp)
{
    chunk *c;
    format_record r;
    pe_error e = {0};

    while (s->behind > 0 && (c = spool_find(s, &s->read, &s->read_fd,
                                            &s->read_number, &r, &e))) {
        uint64_t at = s->read.at;
        const char *why;
        int rc = left_next(s, r.ordinal, out, errp);

        if (rc != 0)
            return rc;
        s->read.at += format_span(r.meta, r.len);
        if (r.ordinal < s->read.ordinal)
            continue; /* it is acknowledged */
        if (spool_room(&s->buf, &s->buf_cap, (size_t)r.meta + r.len + 1, errp) <
            0)
            return -1;
        s->read.ordinal = r.ordinal + 1;
        why = chunk_payload(s->read_fd, &r, at, true, s->buf);
        /* It was bad when the spool was opened, and is not counted again. */
        if (why && c->bad > 0)
            c->bad--;
        else if (why)
            miss(s, 1, c, at, why);
        if (why)
            continue;
        s->behind--;
        *out = (spool_record){.ordinal = r.ordinal,
                              .boot = r.boot ? r.boot : c->boot,
                              .seq = r.seq,
                              .meta = s->buf,
                              .meta_len = r.meta,
                              .data = s->buf + r.meta,
                              .len = r.len};
        return 1;
    }
    if (s->behind > 0 && e.kind == PE_ERROR_NONE) {
        int rc = left_next(s, UINT64_MAX, out, errp);

        if (rc != 0)
            return rc;
    }
    if (s->behind > 0 && e.kind != PE_ERROR_NONE) {
        if (errp)
            *errp = e;
        return -1;
    }
    /* What was counted and is not there. */
    if (s->behind > 0 && s->n > 0)
        miss(s, s->behind, &s->chunks[s->n - 1], s->chunks[s->n - 1].end,
             "does not have them");
    return 0;
}

int spool_read(spool *s, spool_record *out, pe_error *errp)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = read_next(s, out, errp);
    pthread_mutex_unlock(&s->lock);
    return rc;
}
