/* epoch.h - the two epochs a rank has under way: open and closing. */
#ifndef POOL_EPOCH_H
#define POOL_EPOCH_H

#include <mpi.h>

#include <pilot/model.h>

#include "src/rank/phase.h"
#include "src/rank/slot.h"

typedef struct pool pool;

/* What a rank holds of its epochs. */
typedef struct pool_epochs {
    int64_t open;    /* number of the open one */
    int64_t logical; /* counted: number of its blocks */
    pool_slot slot[2];
    pe_buffer part; /* of this rank, to be sent yet */
    MPI_Request reduce[2];
    int n_reduce;
    int64_t advance_due;
    int64_t reduced_ns; /* its commit is on its way since; 0: it came */
} pool_epochs;

/* The open one, the one before, and [number]; NULL: it is neither, or not
 * live.
 */
static inline pool_slot *pool_epoch_open(pool_epochs *e)
{
    return &e->slot[e->open & 1];
}

static inline pool_slot *pool_epoch_closing(pool_epochs *e)
{
    return &e->slot[(e->open - 1) & 1];
}

pool_slot *pool_epoch_of(pool_epochs *e, int64_t number);

/* epoch.c - opening, closing, contributing, reducing.  All ranks take the same
 * steps in the same order.
 */
/* The open epoch at this rank begins, from that broadcast. */
int epoch_begin(pool *p, int64_t base_seq, pe_error *errp);
void epoch_advance(pool *p, int64_t base_seq);
/* What a round has found of the epoch on its way out: contribute it? */
void epoch_settle(pool *p, enum phase_event e);
void epoch_progress(pool *p);
void epoch_drop(pool *p); /* a new term */
/* Rank 0: a part came, whose memory is taken; what is reduced goes to the
 * committer.
 */
void epoch_take_part(pool *p, pe_buffer *m);
void epoch_submit(pool *p);

#endif
