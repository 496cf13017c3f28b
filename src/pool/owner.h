/* owner.h - partitions of this rank: fetched, admitted, dispatched. */
#ifndef POOL_OWNER_H
#define POOL_OWNER_H

#include "src/commit/device.h"
#include "epoch.h"
#include "src/source/source.h"

enum {
    POOL_BACKLOG = 16, /* records a lane holds beyond the client's queue */
};

/* Fetched, not yet dispatched; in offset order. */
typedef struct pool_lane {
    source_item *ring; /* POOL_BACKLOG */
    size_t head, n;
} pool_lane;

static inline source_item *lane_item(const pool_lane *l, size_t i)
{
    return &l->ring[(l->head + i) % POOL_BACKLOG];
}

/* Behind the last one the first place is used again: its memory is in a cache.
 */
static inline void lane_pop(pool_lane *l)
{
    l->n--;
    l->head = l->n ? (l->head + 1) % POOL_BACKLOG : 0;
}

/* Who is to tell the features of the first model (first.c). */
typedef struct pool_first {
    bool ours_only; /* the run has devices of its own */
    bool waits;     /* a stranger's block is at the head of a lane */
    bool away;      /* ... and what was read since is dropped */
    bool nobody;    /* no device has sent anything, and none will */
    bool told;
    uint32_t tried; /* features a model can be made for */
} pool_first;

/* Whose the partitions are, in this term; the same on every rank. */
typedef struct pool_map {
    int32_t *owner;   /* of every partition: its rank; -1: not ours */
    int32_t *place;   /* ... and its index in that rank's parts */
    int64_t *highest; /* ... dispatched in any term: below it is a replay */
    int32_t n, n_told;
    uint64_t lease; /* number of the lease they are ours by */
} pool_map;

/* What an owner holds. */
typedef struct pool_owner {
    pool_map map;
    broker_position *at; /* of each partition: the next to dispatch */
    int64_t *fetched;    /* ... to fetch */
    size_t n_parts, cap_parts;
    pool_lane *lanes;
    size_t n_lanes, cap_lanes, turn;
    commit_devices devices;
    pool_first first;
    int64_t begun, committed; /* epochs: the last one we have a block in, and
                                 the last one that is committed */
    int *askers;              /* ranks that wait for a block */
    size_t n_askers, cap_askers;
} pool_owner;

/* lane.c - what is fetched, and where each partition stands.  Local. */
int lane_init(pool *p, pe_error *errp);
void lane_fini(pool *p);
/* These are ours: rank r has number r, r + ranks, ... of them. */
void lane_share(pool *p, const unsigned char *own);
/* Take up the partitions [own], and offsets and devices of a state, dropping
 * what was fetched.
 */
int lane_load(pool *p, const params_state *s, const unsigned char *own,
              pe_error *errp);
/* So many records a lane is to hold: more than the next one only where blocks
 * are worth being given away.
 */
size_t lane_depth(const pool *p);
/* Fetch until the lane holds [want] records or there are none; drop what it
 * holds; read all lanes again from the first record not dispatched.
 */
void lane_fill(pool *p, size_t lane, size_t want);
void lane_empty(pool *p, pool_lane *l);
void lane_rewind(pool *p);
void lane_drop(pool *p);   /* all of them */
void lane_refill(pool *p); /* fetch ahead what helpers may be told of */
void lane_release(pool *p, pool_lane *l); /* its head is done with */
/* The next lane with a record, in turn; NULL: there is none. */
pool_lane *lane_next(pool *p, size_t want);
/* The same, but where there are urgent blocks these are looked for first. */
pool_lane *lane_first(pool *p, size_t want);
/* Sums of the partitions of this rank, for the rounds: records fetched, not
 * yet dispatched; those that are at their end; ... that have given the counted
 * epoch its share; 1 + one that has not, and nothing in it, or 0.
 */
int64_t lane_backlog(const pool *p);
int64_t lane_lag(pool *p);
int64_t lane_ended(const pool *p);
int64_t lane_quota(const pool *p);
int64_t lane_wanted(const pool *p);
/* The counted epoch block [offset] of [partition] belongs to. */
int64_t lane_logical(const pool *p, int32_t partition, int64_t offset);

/* first.c - who tells the features of the first model.  Local. */
/* May a device of this run have sent something, or send it? */
bool first_has_devices(const pipeline *pl, const pipeline_request *req);
/* There is no model, and [r] is next: propose one, if it is for it to do so.
 * True when it needs no model, since the stages keep nothing of it, or it is
 * refused (r->bad says why).
 */
bool first_propose(pool *p, source_item *r);
int first_look(pool *p); /* look for a block of a device; 1: did something */
bool first_is_nobody(pool *p);
void first_all_nobody(pool *p); /* all ranks say so */
void first_reset(pool *p);      /* a new term */

/* owner.c - dispatch in offset order, duplicates.  Local. */
enum owner_word { OWNER_WORK, OWNER_DONE, OWNER_WAIT };

/* May [r], the head of a lane, be dispatched?  WORK: it is in the open epoch,
 * and has to be processed; DONE: it is, and there is nothing to do.
 */
enum owner_word owner_admit(pool *p, source_item *r);
/* Fetch ahead and process at most one block; 1: did something. */
int owner_step(pool *p);
bool owner_full(const pool *p);

#endif
