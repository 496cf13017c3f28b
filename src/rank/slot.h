/* slot.h - the places of the two epochs that a rank has under way. */
#ifndef RANK_SLOT_H
#define RANK_SLOT_H

#include <pilot/model.h>

#include "src/broker/broker.h"
#include "src/commit/device.h"

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
    int64_t dispatched;     /* blocks fixed to this epoch by this owner */
    int64_t outstanding;    /* of them, with helpers */
    uint64_t tried, failed; /* blocks that went through stages here, and those
                               that these refused */
    char why[256];          /* ... the last of them */
    char refusal[256];      /* of the last block that was refused: "STAGE:
                               REASON"; "": none was */
    int64_t unacked;        /* results and refusals not yet acknowledged */
    params_range *range;    /* of every owned partition */
    params_device *touch;   /* newest block of each device that has one; names
                               of the table */
    size_t n_touch, cap_touch;
} pool_slot;

/* Local, as all here.  [parts] is how many partitions an owner can have. */
int pool_slot_init(pool_slot *s, size_t parts, pe_error *errp);
void pool_slot_fini(pool_slot *s);
/* Begin [epoch] where [n] partitions stand. */
void pool_slot_open(pool_slot *s, int64_t epoch, const broker_position *at,
                    size_t n);
/* Another base for an epoch in which nothing was dispatched yet. */
int pool_slot_rebase(pool_slot *s, pool_model *base, int64_t seq,
                     pe_error *errp);
void pool_slot_clear(pool_slot *s);
/* The next base may be of another kind or shape: what a delta has for itself
 * (pe_delta.work) is of the one it was made for, so it is made anew.  Of a slot
 * that is clear.
 */
void pool_slot_reshape(pool_slot *s);
/* [d] has a block in the epoch, which is its newest; -1: no memory. */
int pool_slot_touch(pool_slot *s, commit_device *d);
#endif
