/* trail.c - what a rank tells the trace of its run. */
#include "trail.h"

#include <stdlib.h>

#include "src/common/clock.h"

/* A result on its way, and the row of its block. */
struct trail_ticket {
    trail_ticket *next;
    uint64_t mark;
    layout_work row;
    bool filled, back;
};

/* Marks are told from tickets by their last bit. */
static void *as_mark(uint64_t mark)
{
    return (void *)(uintptr_t)(2 * mark + 1);
}

void *trail_give(pool_trail *t, uint64_t mark)
{
    trail_ticket *k = t && t->log ? t->free : NULL;

    if (!t || !t->log)
        return as_mark(mark);
    if (k)
        t->free = k->next;
    else
        k = malloc(sizeof(*k));
    if (!k) /* the row goes without its result */
        return as_mark(mark);
    *k = (trail_ticket){.mark = mark};
    t->last = k;
    return k;
}

static void settle(pool_trail *t, trail_ticket *k)
{
    trace_log_add(t->log, LAYOUT_WORK, &k->row);
    k->next = t->free;
    t->free = k;
}

uint64_t trail_take(pool_trail *t, void *opaque, bool stored)
{
    uint64_t word = (uint64_t)(uintptr_t)opaque, mark;
    trail_ticket *k = opaque;

    if (!k || word & 1) /* NULL: nobody waits for it */
        return word / 2;
    mark = k->mark;
    k->row.result = stored ? clock_real_ns() : 0;
    k->back = true;
    if (k->filled)
        settle(t, k);
    return mark;
}

void trail_add(pool_trail *t, const trail_row *a)
{
    const pool_slot *s = a->s;
    const pe_block *from = &a->r->block, *b = a->b;
    trail_ticket *k = t->last;
    layout_work w;

    if (!t->log)
        return;
    w = (layout_work){
        .device = trace_log_device(t->log, from->device),
        .partition = from->partition,
        .boot = from->boot,
        .seq = from->seq,
        .offset = from->offset,
        .term = a->term,
        .epoch = s->epoch,
        .version = s->base ? s->base->m->version : 0,
        .bytes = a->r->raw_len,
        .points = b ? b->points : from->points,
        .outliers = b ? (uint32_t)(s->add.outliers - t->outliers) : 0,
        .features = from->features,
        .outcome = (uint8_t)a->outcome,
        .flags = (uint8_t)((from->has_seq ? TRACE_HAS_SEQ : 0) |
                           (t->helping ? TRACE_HELPED : 0)),
        .sense = from->sense_ns,
        .edge = from->edge_ns,
        .broker = from->broker_ns,
        .fetch = from->fetch_ns,
        .start = b ? b->start_ns : 0,
        .end = b ? b->end_ns : 0,
    };
    t->last = NULL;
    if (!k) {
        trace_log_add(t->log, LAYOUT_WORK, &w);
        return;
    }
    w.result = k->row.result;
    k->row = w;
    k->filled = true;
    if (k->back)
        settle(t, k);
}

void trail_free(pool_trail *t)
{
    free(t->last); /* of a block with which the pool has failed */
    t->last = NULL;
    while (t->free) {
        trail_ticket *k = t->free;

        t->free = k->next;
        free(k);
    }
}
