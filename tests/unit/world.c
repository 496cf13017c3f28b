/* world.c - a source that plays a part in a pool's life, and what fails. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/pool/pool_private.h"

#include "world.h"

#define PERIOD_NS 2000000

void world_fill(pe_block *b, double *rows, char *device, int32_t k,
                int64_t offset)
{
    for (int i = 0; i < WORLD_POINTS; i++)
        rows[i] = (double)(1000 * k + 7 * offset + i) / 1024;
    snprintf(device, 16, "d-%d", (int)k);
    *b = (pe_block){.data = rows,
                    .points = WORLD_POINTS,
                    .features = 1,
                    .dtype = PE_F8,
                    .device = device,
                    .topic = WORLD_TOPIC,
                    .partition = k,
                    .offset = offset,
                    .boot = 1,
                    .seq = (uint64_t)offset,
                    .has_seq = 1,
                    .fetch_ns = clock_real_ns()};
}

/* --- a model that fails --- */

static struct {
    bool on;
    int rank, size;
} poison;

void world_poison(bool on, int rank, int size)
{
    poison.on = on;
    poison.rank = rank;
    poison.size = size;
}

/* The linker's: in place of the model's own (tests/unit/pool.inc). */
int __real_pe_model_update(const pe_model *base, pe_delta *d, const pe_block *b,
                           float *scores, pe_error *errp);
int __wrap_pe_model_update(const pe_model *base, pe_delta *d, const pe_block *b,
                           float *scores, pe_error *errp);

int __wrap_pe_model_update(const pe_model *base, pe_delta *d, const pe_block *b,
                           float *scores, pe_error *errp)
{
    bool helps = b->partition % poison.size != poison.rank;

    /* The others are free for the first, which is behind with its rounds. */
    if (poison.on && (helps || poison.rank == 0))
        clock_sleep_ns(helps ? 1000000 : 6000000, 0);
    if (poison.on && helps && b->offset >= WORLD_BLOCKS / 4)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "a helper fails");
    return __real_pe_model_update(base, d, b, scores, errp);
}

/* --- a broker that has no room --- */

static int held_from;

void world_hold(int n)
{
    held_from = n;
}

void __real_results_poll(pool_results *r);
void __wrap_results_poll(pool_results *r);

/* Blocks that this rank has dispatched, in the open epoch and those before. */
static int dispatched(const pool_slot *open)
{
    static int64_t epoch, now, before;

    if (open->epoch != epoch) {
        before += now;
        epoch = open->epoch;
    }
    now = open->dispatched;
    return (int)(before + now);
}

/* As after a result that it did not take, and somebody ends the run; all zero
 * is a record, too.
 */
void __wrap_results_poll(pool_results *r)
{
    enum { RECORD = 16384 }; /* more than a pool_held has */
    pool *p = (pool *)(void *)((char *)r - offsetof(pool, results));
    pool_slot *open = r->c.slot;

    __real_results_poll(r);
    if (!held_from)
        return;
    if (open[1].live && (!open->live || open[1].epoch > open->epoch))
        open++;
    if (!open->live || dispatched(open) < held_from || r->held)
        return;
    r->held = calloc(1, RECORD);
    open->unacked++;
    atomic_store((atomic_int *)p->c.drain, 1); /* of a pipeline of ours */
}

/* --- memory that ends --- */

static _Thread_local int left = -1; /* allocations; -1: no end */

void world_poor(int allocations)
{
    left = allocations;
}

static bool has_memory(void)
{
    if (left > 0)
        left--;
    return left != 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t to, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t to, size_t n);

void *__wrap_malloc(size_t n)
{
    return has_memory() ? __real_malloc(n) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return has_memory() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    return has_memory() ? __real_realloc(p, n) : NULL;
}

void *__wrap_aligned_alloc(size_t to, size_t n)
{
    return has_memory() ? __real_aligned_alloc(to, n) : NULL;
}

/* --- the source --- */

struct played_source {
    source_reader base;
    bool lanes, gone;
    const char *go;
    broker_position at[WORLD_PARTITIONS];
    size_t n, turn;
    int64_t start_ns;
};

static int source_assign(source_reader *base, const broker_position *p,
                         size_t n, pe_error *errp)
{
    struct played_source *s = (struct played_source *)base;

    (void)errp;
    if (!s->start_ns)
        s->start_ns = clock_mono_ns();
    s->n = n;
    for (size_t i = 0; i < n; i++)
        s->at[i] = p[i];
    return 0;
}

/* Nobody is done before what is to happen has happened. */
static bool may_go(struct played_source *s, int64_t offset)
{
    if (offset < WORLD_BLOCKS / 2)
        return true;
    s->gone = s->gone || access(s->go, F_OK) == 0;
    return s->gone;
}

static int fetch_at(struct played_source *s, broker_position *at,
                    source_item *r)
{
    int64_t due = s->start_ns + at->offset * PERIOD_NS;
    double *rows;
    char *device = r->text;

    if (at->offset >= WORLD_BLOCKS || clock_mono_ns() < due ||
        !may_go(s, at->offset))
        return 0;
    rows = __real_malloc(WORLD_POINTS * sizeof(*rows));
    if (!rows)
        exit(1);
    world_fill(&r->block, rows, device, at->partition, at->offset++);
    r->held.handle = rows;
    r->raw = rows;
    r->raw_len = pe_block_bytes(&r->block);
    r->bad.kind = PE_ERROR_NONE;
    r->foreign = false;
    return 1;
}

static int source_fetch(source_reader *base, size_t lane, source_item *r,
                        pe_error *errp)
{
    struct played_source *s = (struct played_source *)base;

    (void)errp;
    if (s->lanes)
        return lane < s->n ? fetch_at(s, &s->at[lane], r) : 0;
    for (size_t i = 0; i < s->n; i++)
        if (fetch_at(s, &s->at[s->turn++ % s->n], r))
            return 1;
    return 0;
}

static void source_release(source_reader *base, source_item *r)
{
    (void)base;
    free(r->held.handle);
    r->held.handle = NULL;
}

static void source_wait(source_reader *base, int timeout_ms)
{
    (void)base;
    clock_sleep_ns((int64_t)timeout_ms * 1000000, 0);
}

static int64_t source_high(source_reader *base, int32_t partition)
{
    (void)base;
    (void)partition;
    return WORLD_BLOCKS;
}

static int64_t source_end(source_reader *base, int32_t partition)
{
    (void)base;
    (void)partition;
    return -1;
}

static void source_close(source_reader *base)
{
    free(base);
}

static const source_ops played_ops = {
    .assign = source_assign,
    .fetch = source_fetch,
    .release = source_release,
    .wait = source_wait,
    .high = source_high,
    .end = source_end,
    .close = source_close,
};

source_reader *world_source(bool lanes, const char *go)
{
    struct played_source *s = calloc(1, sizeof(*s));

    if (!s)
        exit(1);
    s->base.ops = &played_ops;
    s->lanes = lanes;
    s->go = go;
    return &s->base;
}
