/* open.c - a spool opened, with what an earlier process has left in it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/spool/spool_private.h"

/* So many files make a spool, of so many bytes each. */
#define CHUNKS 32
#define CHUNK_MIN (UINT64_C(64) << 10)
#define CHUNK_MAX (UINT64_C(8) << 20)

/* --- what is there --- */

static void fault_tell(const spool *s, uint64_t number, const chunk_fault *f,
                       spool_found *found)
{
    char name[CHUNK_NAME];

    if (!f->why || *found->first)
        return;
    chunk_name(number, name);
    snprintf(found->first, sizeof(found->first), "%s/%s %s at byte %" PRIu64,
             s->path, name, f->why, f->at);
}

/* A file of cells. */
static void cells_take(spool *s, const chunk *c, const chunk_fault *f,
                       bool holds, spool_found *found)
{
    found->lost += c->bad;
    s->used += holds ? folder_bytes(s, c->number) : 0;
    s->life = c->life > s->life ? c->life : s->life;
    if (holds)
        return;
    if (f->why)
        folder_aside(s, c->number);
    else
        folder_remove(s, c->number);
}

static int by_ordinal(const void *a, const void *b)
{
    uint64_t x = ((const chunk_left *)a)->ordinal;
    uint64_t y = ((const chunk_left *)b)->ordinal;

    return x < y ? -1 : x > y;
}

/* What is in them is read between what files have. */
static void lefts_settle(spool *s, spool_found *found)
{
    chunk_lefts *l = &s->left;

    if (l->n == 0)
        return;
    qsort(l->at, l->n, sizeof(*l->at), by_ordinal);
    for (size_t i = 0; i < l->n; i++) {
        const chunk_left *at = &l->at[i];

        s->life = at->life > s->life ? at->life : s->life;
        s->left_bytes += at->span;
        found->boot = at->boot > found->boot ? at->boot : found->boot;
    }
    s->records += l->n;
    if (l->at[l->n - 1].ordinal >= s->next)
        s->next = l->at[l->n - 1].ordinal + 1;
}

/* What chunk [number] holds, behind those that are known. */
static int take(spool *s, uint64_t number, spool_found *found, pe_error *errp)
{
    const chunk *last = s->n ? &s->chunks[s->n - 1] : NULL;
    chunk c = {.number = number};
    chunk_fault f;
    char name[CHUNK_NAME], *path;
    size_t had = s->left.n;
    chunk_look l = {s->machine, s->owner, NULL, s->acked, &s->left};
    int fd = folder_file(s, number, O_RDWR), rc;

    chunk_name(number, name);
    path = text_format("%s/%s", s->path, name);
    l.path = path ? path : name;
    if (fd < 0) {
        rc = file_error(errp, errno, "open", l.path, PE_EXIT_CREATE);
        free(path);
        return rc;
    }
    rc = chunk_scan(fd, &l, &c, &f, errp);
    /* Records of cells are sealed only now. */
    if (rc == 0 && s->left.n > had && s->sync != SPOOL_NEVER &&
        fdatasync(fd) < 0)
        rc = file_error(errp, errno, "sync", l.path, PE_EXIT_CREATE);
    close(fd);
    free(path);
    if (rc < 0)
        return -1;
    fault_tell(s, number, &f, found);
    if (c.cell || s->left.n > had) {
        cells_take(s, &c, &f, s->left.n > had, found);
        return 0;
    }
    /* Of consecutive files no record is missing but by a fault. */
    if (last && last->number + 1 == number && c.first > s->next)
        found->lost += c.first - s->next;
    if (c.last > c.first && c.last > s->acked)
        found->lost += c.last - (c.first > s->acked ? c.first : s->acked) - c.n;
    s->next = c.last > s->next ? c.last : s->next;
    s->chunks[s->n++] = c;
    return 0;
}

/* An incarnation has one BOOT, which each of its files has, and a record that
 * was written when it was known.  A file without a head, and of no incarnation,
 * has that of its neighbours where they are one.
 */
static void lives_settle(spool *s)
{
    for (size_t i = 0; i < s->n; i++) {
        chunk *c = &s->chunks[i];

        if (c->life == 0 && i > 0 && i + 1 < s->n &&
            s->chunks[i - 1].life == s->chunks[i + 1].life)
            c->life = s->chunks[i - 1].life;
        for (size_t k = 0; c->boot == 0 && k < s->n; k++)
            if (c->life && s->chunks[k].life == c->life)
                c->boot = s->chunks[k].boot;
    }
}

/* Blocks that may have been sent under a BOOT which is gone would be taken for
 * others: they are not sent.
 */
static void doubtful_leave(spool *s, spool_found *found)
{
    static const chunk_fault f = {FORMAT_BOOT_AT, "has lost its BOOT"};

    for (size_t i = 0; i < s->n; i++) {
        chunk *c = &s->chunks[i];

        if (c->boot || !c->doubtful || c->n == 0)
            continue;
        fault_tell(s, c->number, &f, found);
        found->lost += c->n;
        c->n = c->bytes = 0;
    }
}

/* Counts, and the places where reading begins. */
static void settle(spool *s, spool_found *found)
{
    lives_settle(s);
    doubtful_leave(s, found);
    lefts_settle(s, found);
    for (size_t i = 0; i < s->n; i++) {
        const chunk *c = &s->chunks[i];

        s->life = c->life > s->life ? c->life : s->life;
        s->used += c->end;
        s->records += c->n;
        s->bytes += c->bytes;
        found->boot = c->boot > found->boot ? c->boot : found->boot;
    }
    s->life++;
    s->behind = s->records;
    if (s->n > 0)
        s->read = (place){s->chunks[0].number, FORMAT_RECORDS_AT, s->acked};
    /* All of before is as safe as it will be. */
    if (s->n > 0)
        s->sealed = s->due = (place){s->chunks[s->n - 1].number,
                                     s->chunks[s->n - 1].end, s->next};
    found->records = s->records;
    found->bytes = s->bytes + s->left_bytes;
}

/* Files that hold nothing that is to be sent go; what is bad all through is put
 * aside, so that it is told once.
 */
static void clear_empty(spool *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i++) {
        const chunk *c = &s->chunks[i];

        if (c->n > 0) {
            s->chunks[kept++] = *c;
            continue;
        }
        s->used -= c->end;
        if (c->last <= s->acked && !c->doubtful)
            folder_remove(s, c->number);
        else
            folder_aside(s, c->number);
    }
    s->n = kept;
}

static int look_through(spool *s, spool_found *found, pe_error *errp)
{
    uint64_t *numbers;
    size_t n;
    int rc = folder_list(s, &numbers, &n, errp);

    s->cap = n + 8;
    s->chunks = rc == 0 ? calloc(s->cap, sizeof(*s->chunks)) : NULL;
    if (rc == 0 && !s->chunks)
        rc = pe_error_nomem(errp);
    s->next = s->acked;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = take(s, numbers[i], found, errp);
    /* Numbers are not used twice, also of files that are put aside. */
    s->number = n ? numbers[n - 1] : 0;
    free(numbers);
    if (rc < 0)
        return -1;
    settle(s, found);
    clear_empty(s);
    return 0;
}

/* --- open, close --- */

spool *spool_open(const spool_conf *c, spool_found *found, pe_error *errp)
{
    spool *s = calloc(1, sizeof(*s));

    *found = (spool_found){0};
    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->dir_fd = s->lock_fd = s->fd = s->read_fd = -1;
    s->size = c->size;
    s->sync = c->sync;
    s->chunk_bytes = c->size / CHUNKS;
    if (s->chunk_bytes > CHUNK_MAX)
        s->chunk_bytes = CHUNK_MAX;
    if (s->chunk_bytes < CHUNK_MIN)
        s->chunk_bytes = CHUNK_MIN;
    format_machine(s->machine);
    s->dir = text_format("%s", c->dir);
    s->path = text_format("%s/%s", c->dir, c->device);
    s->owner = text_format("%.120s/%.250s", c->run, c->device);
    if (!s->dir || !s->path || !s->owner) {
        pe_error_nomem(errp);
    } else if (folder_open(s, c->dir, c->device, errp) == 0) {
        s->mark = mark_open(s->dir_fd, &s->acked);
        if (look_through(s, found, errp) == 0) {
            if (s->sync != SPOOL_EACH)
                s->cells = cells_open(s);
            return s;
        }
    }
    s->records = 1; /* what is there stays */
    spool_close(s);
    return NULL;
}

void spool_close(spool *s)
{
    bool empty;

    if (!s)
        return;
    empty = s->records == 0 && s->lost == 0;
    if (cells_close(s->cells, s->sync == SPOOL_SECOND) < 0)
        s->failed = true; /* there is nobody left to tell */
    for (size_t i = 0; empty && i < s->n; i++)
        folder_remove(s, s->chunks[i].number);
    if (s->spare)
        folder_remove(s, s->spare);
    if (!empty && s->fd >= 0 && s->sync != SPOOL_NEVER && fdatasync(s->fd) < 0)
        s->failed = true; /* as above */
    if (s->fd >= 0)
        close(s->fd);
    if (s->read_fd >= 0)
        close(s->read_fd);
    mark_close(s->mark);
    folder_leave(s, s->dir, empty);
    pthread_mutex_destroy(&s->lock);
    free(s->chunks);
    free(s->left.at);
    free(s->buf);
    free(s->owner);
    free(s->path);
    free(s->dir);
    free(s);
}

/* --- BOOTs --- */

/* The oldest file that has records to be sent and no BOOT; NULL: none. */
static chunk *unresolved(spool *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->chunks[i].boot == 0 && s->chunks[i].last > s->acked &&
            (s->chunks[i].n > 0 || s->chunks[i].life == s->life))
            return &s->chunks[i];
    return NULL;
}

static int give(spool *s, chunk *c, uint64_t boot)
{
    int fd = folder_file(s, c->number, O_RDWR), rc;

    c->boot = boot;
    rc = fd < 0 ? -1 : chunk_put_boot(fd, c);
    if (fd >= 0)
        close(fd);
    return rc;
}

int spool_resolve(spool *s, uint64_t boot, bool *leftp, pe_error *errp)
{
    const chunk *first;
    uint64_t life;
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    first = unresolved(s);
    life = first ? first->life : s->life;
    for (size_t i = 0; rc == 0 && i < s->n; i++)
        if (s->chunks[i].life == life && s->chunks[i].boot == 0)
            rc = give(s, &s->chunks[i], boot);
    /* A name that is not on the disk has lost its BOOT, too. */
    if (rc == 0 && fsync(s->dir_fd) < 0)
        rc = -1;
    if (rc < 0)
        file_error(errp, errno, "write to", s->path, PE_EXIT_CREATE);
    if (rc == 0 && life == s->life)
        s->boot = boot;
    *leftp = s->boot == 0;
    pthread_mutex_unlock(&s->lock);
    return rc;
}
