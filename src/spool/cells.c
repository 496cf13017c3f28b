/* cells.c - memory that is a file's, in which blocks are made. */
#include "cells.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/block/lend.h"
#include "src/pack/pack.h"
#include "src/spool/spool_private.h"

/* The first file has so many bytes, another one as many as all before, up to
 * this; all together a part of the spool.
 */
#define FILE_FIRST (UINT64_C(64) << 10)
#define FILE_MOST (UINT64_C(32) << 20)
#define PART 4
#define PAGE 4096

/* Where there is no room it is looked for again after so many blocks. */
#define SKIPS 256

/* What is in a cell was synced: until that it is no record is, too, it may not
 * be written over, for after a cut of power it would look like damage.
 */
enum cooling { COOL, WARM, WARM_TOLD };

typedef struct cell {
    uint64_t ordinal;
    size_t len;    /* of the value */
    uint32_t meta; /* bytes before the zeros in front of that */
    bool lent;     /* a block has it */
    bool live;     /* a record is in it, ... */
    bool sealed;
    enum cooling cooling;
} cell;

typedef struct segment {
    uint64_t number;
    int fd;
    char *base;
    size_t bytes, stride;
    size_t n, next; /* cells; where to look for one */
    cell *cell;
    bool dirty;
    struct segment *before;
} segment;

/* A record, in the order of their ordinals. */
typedef struct entry {
    uint64_t ordinal;
    segment *of;
    cell *c;
} entry;

struct cells {
    spool *s;
    segment *newest;
    uint64_t total; /* bytes of the files */
    uint64_t bytes; /* of records */
    uint64_t due;   /* ordinals below are to be sealed at the next turn */
    entry *ring;    /* [cap] is a power of two */
    size_t first, n, cap;
    size_t denied;  /* bytes that there was no room for, ... */
    unsigned skips; /* so many times more nobody looks for that */
    cells *next;    /* of all of the process */
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static cells *all;

/* --- places --- */

static char *cell_at(const segment *g, const cell *c)
{
    return g->base + FORMAT_CELLS_AT + (size_t)(c - g->cell) * g->stride;
}

static char *storage_of(const segment *g, const cell *c)
{
    return cell_at(g, c) + CELLS_STORAGE;
}

/* Whose storage begins at [storage]; NULL: it is none of ours. */
static cell *cell_of(const cells *c, const void *storage, segment **outp)
{
    for (segment *g = c->newest; g; g = g->before) {
        uintptr_t from = (uintptr_t)storage - (uintptr_t)g->base;
        size_t i;

        if (from < FORMAT_CELLS_AT + CELLS_STORAGE || from >= g->bytes)
            continue;
        from -= FORMAT_CELLS_AT + CELLS_STORAGE;
        i = from / g->stride;
        if (from % g->stride != 0)
            return NULL;
        *outp = g;
        return &g->cell[i];
    }
    return NULL;
}

static size_t room_of(const segment *g)
{
    return (g->stride - CELLS_STORAGE - sizeof(uint64_t)) / 64 * 64;
}

/* No record is in it, as far as who comes after a kill is concerned. */
static void erase(const segment *g, const cell *c)
{
    _Atomic uint32_t *magic = (_Atomic uint32_t *)(void *)cell_at(g, c);

    atomic_store_explicit(magic, 0, memory_order_release);
}

/* --- files --- */

static bool is_used(const segment *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->cell[i].lent || g->cell[i].live || g->cell[i].cooling)
            return true;
    return false;
}

static void segment_free(segment *g)
{
    if (g->base)
        munmap(g->base, g->bytes);
    if (g->fd >= 0)
        close(g->fd);
    free(g->cell);
    free(g);
}

/* Those that nobody needs go: blocks have another size now. */
static void drop_unused(cells *c)
{
    for (segment **at = &c->newest; *at;) {
        segment *g = *at;

        if (is_used(g)) {
            at = &g->before;
            continue;
        }
        *at = g->before;
        folder_remove(c->s, g->number);
        c->total -= g->bytes;
        c->s->used -= g->bytes;
        segment_free(g);
    }
}

/* All of its bytes are there before it is used, for who writes to memory is
 * not told that a disk is full.
 */
static bool segment_map(cells *c, segment *g)
{
    const chunk head = {.number = g->number,
                        .life = c->s->life,
                        .boot = c->s->boot,
                        .first = c->s->next,
                        .cell = g->stride};

    g->fd = folder_file(c->s, g->number, O_RDWR | O_CREAT | O_EXCL);
    if (g->fd < 0)
        return false;
    if (chunk_begin(g->fd, &head, c->s->machine, c->s->owner) == 0 &&
        fallocate(g->fd, 0, 0, (off_t)g->bytes) == 0) {
        g->base =
            mmap(NULL, g->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd, 0);
        if (g->base != MAP_FAILED)
            return true;
    }
    g->base = NULL;
    folder_remove(c->s, g->number);
    return false;
}

static segment *segment_make(cells *c, size_t stride)
{
    uint64_t want = c->total < FILE_FIRST  ? FILE_FIRST
                    : c->total > FILE_MOST ? FILE_MOST
                                           : c->total;
    size_t n = want > stride ? (size_t)(want / stride) : 1;
    uint64_t bytes = FORMAT_CELLS_AT + n * stride;
    segment *g;

    if (c->total + bytes > c->s->size / PART) {
        drop_unused(c);
        n = 1;
        bytes = FORMAT_CELLS_AT + stride;
    }
    if (c->total + bytes > c->s->size / PART || c->s->used + bytes > c->s->size)
        return NULL;
    g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->fd = -1;
    g->cell = calloc(n, sizeof(*g->cell));
    g->number = ++c->s->number;
    g->stride = stride;
    g->bytes = (size_t)bytes;
    g->n = n;
    if (!g->cell || !segment_map(c, g)) {
        segment_free(g);
        return NULL;
    }
    c->s->unnamed = c->s->sync == SPOOL_SECOND;
    c->total += bytes;
    c->s->used += bytes;
    g->before = c->newest;
    c->newest = g;
    return g;
}

/* A cell that is free in [g]; NULL: there is none. */
static cell *free_in(segment *g)
{
    for (size_t i = 0; i < g->n; i++) {
        cell *c = &g->cell[g->next];

        g->next = g->next + 1 == g->n ? 0 : g->next + 1;
        if (!c->lent && !c->live && !c->cooling)
            return c;
    }
    return NULL;
}

/* --- lent --- */

/* From a block that does not know whose it is. */
static void give_back(void *storage)
{
    pthread_mutex_lock(&all_lock);
    for (cells *c = all; c; c = c->next) {
        segment *g;
        cell *at;

        pthread_mutex_lock(&c->s->lock);
        at = cell_of(c, storage, &g);
        if (at)
            at->lent = false;
        pthread_mutex_unlock(&c->s->lock);
        if (at)
            break;
    }
    pthread_mutex_unlock(&all_lock);
}

/* What was in it was acknowledged, or dropped. */
static void forget(cells *c, const segment *g, cell *at)
{
    if (!at->live)
        return;
    at->live = false;
    c->bytes -= format_span(CELLS_META, (uint32_t)at->len);
    if (!at->sealed)
        return;
    at->sealed = false;
    at->cooling = WARM;
    erase(g, at);
}

static void lend(cells *c, pe_block *b, size_t need)
{
    size_t stride =
        (CELLS_STORAGE + need + sizeof(uint64_t) + PAGE - 1) / PAGE * PAGE;
    segment *g;
    cell *at = NULL;

    if (c->skips > 0 && need >= c->denied) {
        c->skips--;
        return;
    }
    for (g = c->newest; g; g = g->before)
        if (g->stride >= stride && g->stride / 2 < stride && (at = free_in(g)))
            break;
    if (!at && (g = segment_make(c, stride)))
        at = free_in(g);
    if (!at) {
        c->denied = need;
        c->skips = SKIPS;
        return;
    }
    if (!(b->capacity & BLOCK_LENT))
        free(b->storage);
    erase(g, at);
    at->lent = true;
    b->storage = storage_of(g, at);
    b->capacity = room_of(g) | BLOCK_LENT;
}

void cells_lend(cells *c, pe_block *b, size_t bytes)
{
    size_t need = (PE_BLOCK_HEADROOM + bytes + 63) / 64 * 64;
    segment *g;
    cell *at = NULL;

    if (!c || (b->storage && !(b->capacity & BLOCK_LENT) && bytes == 0))
        return;
    if (b->capacity & BLOCK_LENT)
        at = cell_of(c, b->storage, &g);
    if (at) {
        forget(c, g, at);
        if (!at->cooling && b->capacity >= need) {
            erase(g, at);
            return;
        }
        at->lent = false;
        b->storage = NULL;
        b->capacity = 0;
    }
    if (bytes > 0)
        lend(c, b, need);
}

/* --- records --- */

static bool ring_push(cells *c, entry e)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        entry *more = calloc(cap, sizeof(*more));

        if (!more)
            return false;
        for (size_t i = 0; i < c->n; i++)
            more[i] = c->ring[(c->first + i) & (c->cap - 1)];
        free(c->ring);
        c->ring = more;
        c->cap = cap;
        c->first = 0;
    }
    c->ring[(c->first + c->n++) & (c->cap - 1)] = e;
    return true;
}

bool cells_put(cells *c, format_record *h, const void *meta, const void *value)
{
    segment *g;
    cell *at = c && h->meta <= CELLS_META ? cell_of(c, value, &g) : NULL;
    char *p;
    uint64_t tail;

    if (!at || h->len > room_of(g) || !ring_push(c, (entry){h->ordinal, g, at}))
        return false;
    p = cell_at(g, at);
    h->chunk = g->number;
    h->sealed = FORMAT_CELL;
    memcpy(p + sizeof(*h), meta, h->meta);
    if (h->meta < at->meta) /* zeros follow */
        memset(p + sizeof(*h) + h->meta, 0, at->meta - h->meta);
    at->meta = h->meta;
    h->meta = CELLS_META;
    format_record_seal(h);
    tail = format_tail(h);
    memcpy(p + CELLS_STORAGE + h->len, &tail, sizeof(tail));
    /* A kill leaves what comes before the magic, or all. */
    memcpy(p + sizeof(h->magic), (char *)h + sizeof(h->magic),
           sizeof(*h) - sizeof(h->magic));
    atomic_store_explicit((_Atomic uint32_t *)(void *)p, h->magic,
                          memory_order_release);
    at->ordinal = h->ordinal;
    at->len = h->len;
    at->live = true;
    c->bytes += format_span(h->meta, h->len);
    return true;
}

static bool is_there(const entry *e)
{
    return e->c->live && e->c->ordinal == e->ordinal;
}

void cells_ack(cells *c, uint64_t acked)
{
    while (c && c->n > 0) {
        const entry *e = &c->ring[c->first];

        if (e->ordinal >= acked)
            return;
        if (is_there(e))
            forget(c, e->of, e->c);
        c->first = (c->first + 1) & (c->cap - 1);
        c->n--;
    }
}

uint64_t cells_bytes(const cells *c)
{
    return c ? c->bytes : 0;
}

/* --- sealed --- */

/* By a call: a kill in the middle of it is none of its head. */
static int seal(entry *e)
{
    const char *p = cell_at(e->of, e->c);
    format_record h;

    memcpy(&h, p, sizeof(h));
    e->of->dirty = e->c->sealed = true;
    return chunk_seal(e->of->fd, &h, (uint64_t)(p - e->of->base),
                      p + sizeof(h));
}

static int seal_below(cells *c, uint64_t ordinal)
{
    for (size_t i = 0; i < c->n; i++) {
        entry *e = &c->ring[(c->first + i) & (c->cap - 1)];

        if (e->ordinal >= ordinal)
            break;
        if (is_there(e) && !e->c->sealed && seal(e) < 0)
            return -1;
    }
    return 0;
}

/* What was told to be synced at the last turn is synced. */
static void cool(cells *c)
{
    for (segment *g = c->newest; g; g = g->before)
        for (size_t i = 0; i < g->n; i++) {
            cell *at = &g->cell[i];

            if (at->cooling == WARM)
                g->dirty = true;
            if (at->cooling)
                at->cooling = at->cooling == WARM ? WARM_TOLD : COOL;
        }
}

int cells_turn(cells *c, uint64_t next, bool sync, int *fds, size_t max)
{
    size_t n = 0;

    if (!c)
        return 0;
    if (seal_below(c, c->due) < 0)
        return -1;
    c->due = next;
    cool(c);
    for (segment *g = c->newest; g && n < max; g = g->before) {
        if (!g->dirty)
            continue;
        g->dirty = false;
        if (sync && (fds[n] = dup(g->fd)) >= 0)
            n++;
    }
    return (int)n;
}

/* --- open, close --- */

static bool is_sure(int dir_fd)
{
    struct statfs f;

    if (fstatfs(dir_fd, &f) < 0)
        return false;
    /* Who copies on write, or is far away, needs room at every write. */
    return f.f_type == EXT4_SUPER_MAGIC || f.f_type == XFS_SUPER_MAGIC ||
           f.f_type == TMPFS_MAGIC || f.f_type == OVERLAYFS_SUPER_MAGIC;
}

cells *cells_open(spool *s)
{
    cells *c = is_sure(s->dir_fd) ? calloc(1, sizeof(*c)) : NULL;

    if (!c)
        return NULL;
    c->s = s;
    pthread_mutex_lock(&all_lock);
    block_lender(give_back);
    c->next = all;
    all = c;
    pthread_mutex_unlock(&all_lock);
    return c;
}

int cells_close(cells *c, bool sync)
{
    int rc;

    if (!c)
        return 0;
    pthread_mutex_lock(&all_lock);
    for (cells **at = &all; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    pthread_mutex_unlock(&all_lock);
    rc = seal_below(c, UINT64_MAX);
    while (c->newest) {
        segment *g = c->newest;
        bool holds = false;

        for (size_t i = 0; i < g->n; i++)
            holds = holds || g->cell[i].live;
        if (!holds)
            folder_remove(c->s, g->number);
        else if (sync && fdatasync(g->fd) < 0)
            rc = -1;
        c->newest = g->before;
        segment_free(g);
    }
    free(c->ring);
    free(c);
    return rc;
}
