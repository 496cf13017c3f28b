/* epoch.h - the two epochs a rank has under way: open and closing. */
#ifndef POOL_EPOCH_H
#define POOL_EPOCH_H

#include <mpi.h>

#include <pilot/model.h>

#include "src/commit/device.h"
#include "src/rank/phase.h"
#include "src/broker/broker.h"

typedef struct pool pool;

/* A committed model, shared by the epochs that started from it. */
typedef struct pool_model {
    pe_model *m;
    int refs;
} pool_model;

pool_model *pool_model_create(pe_model *m, pe_error *errp); /* takes m */
pool_model *pool_model_hold(pool_model *m);                 /* may be NULL */
void pool_model_drop(pool_model *m);

/* One epoch as this rank sees it (rule 3). */
typedef struct pool_slot {
    bool live;
    int64_t epoch;
    pool_model *base; /* NULL until the first model exists */
    int64_t base_seq; /* broadcast the epoch started from */
    pe_delta *delta;
    params_counters add;
    int64_t dispatched;   /* blocks fixed to this epoch by this owner */
    int64_t outstanding;  /* of them, with helpers */
    int64_t unacked;      /* results and refusals not yet acknowledged */
    params_range *range;  /* of every owned partition */
    params_device *touch; /* newest block of each device that has one; names
                             of the table */
    size_t n_touch, cap_touch;
} pool_slot;

/* What a rank holds of its epochs. */
typedef struct pool_epochs {
    int64_t open;    /* number of the open one */
    int64_t logical; /* counted: number of its blocks */
    pool_slot slot[2];
    pe_buffer part; /* of this rank, to be sent yet */
    MPI_Request reduce[2];
    int n_reduce;
    int64_t advance_due;
} pool_epochs;

/* slot.c - local.  [parts] is how many partitions an owner can have. */
int pool_slot_init(pool_slot *s, size_t parts, pe_error *errp);
void pool_slot_fini(pool_slot *s);
/* Begin [epoch] where [n] partitions stand. */
void pool_slot_open(pool_slot *s, int64_t epoch, const broker_position *at,
                    size_t n);
/* Another base for an epoch in which nothing was dispatched yet. */
int pool_slot_rebase(pool_slot *s, pool_model *base, int64_t seq,
                     pe_error *errp);
void pool_slot_clear(pool_slot *s);
/* [d] has a block in the epoch, which is its newest; -1: no memory. */
int pool_slot_touch(pool_slot *s, commit_device *d);
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
