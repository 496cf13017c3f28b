/* trail.h - what a rank tells the trace of its run. */
#ifndef RANK_TRAIL_H
#define RANK_TRAIL_H

#include "slot.h"
#include "src/source/source.h"
#include "src/trace/log.h"

typedef struct trail_ticket trail_ticket;

/* A row waits until the result of its block is acknowledged. */
typedef struct pool_trail {
    trace_log *log;     /* borrowed; NULL: nothing is traced */
    trail_ticket *last; /* of the block at hand: its row is not known yet */
    trail_ticket *free;
    bool helping;
    int64_t help_ns;   /* of figures.busy_ns: for others */
    uint64_t outliers; /* of the slot, before the block at hand */
    int64_t rank_due;
} pool_trail;

/* The opaque of the record of a result, for which [mark] stands, and the mark
 * again when it comes back; [stored]: it is in the broker.  [t] may be NULL, or
 * have no log.
 */
void *trail_give(pool_trail *t, uint64_t mark);
uint64_t trail_take(pool_trail *t, void *opaque, bool stored);

/* A block: [r] in term [term], as [b] left the stages (NULL: it did not begin).
 */
typedef struct trail_row {
    int64_t term;
    const pool_slot *s;
    const source_item *r;
    const pe_block *b;
    enum trace_outcome outcome;
} trail_row;

void trail_add(pool_trail *t, const trail_row *w);
void trail_free(pool_trail *t);

#endif
