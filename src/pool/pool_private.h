/* pool_private.h - a rank of a pool, put together from its parts. */
#ifndef POOL_POOL_PRIVATE_H
#define POOL_POOL_PRIVATE_H

#include "epoch.h"
#include "head.h"
#include "help.h"
#include "owner.h"
#include "pool.h"
#include "recent.h"
#include "round.h"
#include "src/chain/chain.h"
#include "src/forward/forward.h"
#include "src/rank/figures.h"
#include "src/rank/results.h"
#include "src/rank/term.h"
#include "src/rank/trail.h"
#include "src/rank/wire.h"
#include "src/rank/worth.h"

/* Where nothing came for so long, ranks wake seldom. */
#define POOL_QUIET CLOCK_S

/* The revision of the stages that this rank works by (stages.c). */
typedef struct pool_revised {
    uint64_t number;
    bool fresh;  /* nothing was committed under it: it may be taken back */
    bool broken; /* its functions are not those of [number] */
    bool bad;    /* this rank cannot go on with it, because of: */
    pe_error error;
    bool over;      /* it is to be taken back, as this rank knows: nothing is
                       dispatched, or committed, before the next term */
    bool stopped;   /* ... as all have heard in one round: no epoch ends */
    pipeline **old; /* all there were: what functions keep points into them */
    size_t n_old;
} pool_revised;

struct pool {
    pool_conf c;
    int rank, size;
    int32_t n_partitions;
    bool counted; /* epoch: {blocks: N} */
    char topic[256];
    pool_term term;
    pool_fate fate;
    pool_epochs epochs;
    pool_rounds rounds;
    pool_hold hold;
    pool_ship ship;
    pool_owner own;
    pool_helper help;
    pool_sends sends;
    chain stages;
    pool_revised revised;
    pool_results results;
    forward *forward; /* NULL: this layer is the last one */
    char *columns;    /* names of those of a block that goes on */
    pool_trail trail;
    pool_head *head; /* rank 0; NULL elsewhere */
    pool_figures figures;
    pool_recent recent;
    rank_worth worth;    /* of its blocks, to be handed on */
    int64_t tasks;       /* so much was known of them in the last round */
    int64_t last_active; /* POOL_QUIET later the rank is quiet */
};

/* Whose the functions of this rank are. */
static inline chain_conf pool_chain_conf(const pool *p)
{
    return (chain_conf){.pl = p->c.pl,
                        .req = p->c.req,
                        .pilot = p->c.pilot,
                        .member = p->c.member,
                        .rank = p->rank,
                        .size = p->size,
                        .notes = p->c.notes,
                        .drain = p->c.drain,
                        .progress = p->c.progress};
}

static inline bool pool_is_ready(const pool *p)
{
    return phase_is_ready(p->term.phase);
}

static inline bool pool_may_dispatch(const pool *p)
{
    return pool_is_ready(p) && !phase_is_held(p->term.phase) &&
           p->term.order == PHASE_GO && !p->fate.failed && !p->revised.bad &&
           !p->revised.over;
}

static inline bool pool_is_over(const pool *p)
{
    return p->term.order >= PHASE_DONE;
}

static inline bool pool_is_draining(const pool *p)
{
    return p->term.order == PHASE_DRAIN;
}

/* Does something wait for the broker?  Then no block is begun. */
static inline bool pool_is_held(const pool *p)
{
    return p->results.held || forward_is_held(p->forward);
}

/* Index of an owned partition in own.at. */
static inline size_t lane_place(const pool *p, int32_t partition)
{
    return (size_t)p->own.map.place[partition];
}

/* Is it ahead of the others (section 6 of the design)? */
static inline bool lane_is_urgent(const pool *p, int32_t partition)
{
    return partition < p->c.pl->urgent;
}

/* Urgent blocks that wait here. */
static inline size_t lane_urgent(const pool *p)
{
    return p->c.pl->urgent > 0 && p->own.n_lanes ? p->own.lanes[0].n : 0;
}

/* The model of broadcast [n], and the newest; NULL: none. */
static inline pool_model **ship_place(pool *p, int64_t n)
{
    return &p->ship.recent[n & 1];
}

static inline pool_model *ship_model(const pool *p)
{
    return p->ship.recent[p->ship.have & 1];
}

/* stages.c - another revision of the stages. */
/* Local: with the state of a term it came as [n].  -1: the pool fails; a rank
 * that cannot go on with a fresh one says so in the rounds.
 */
int stages_take(pool *p, const wire_news *n, pe_error *errp);
/* Local: a function has failed, not the block.  True: since the stages are
 * fresh, the pool goes back, and not down.
 */
bool stages_blame(pool *p, const pe_error *e);
/* Collective, in a round: rank [from] cannot go on. */
void stages_hear(pool *p, int from);
/* Rank 0: is the epoch of [j] to be committed, or do fresh stages refuse all
 * blocks there are?
 */
bool stages_stand(pool *p, const commit_job *j);
void stages_forget(pool *p); /* a new term */
void stages_look(pool *p);   /* rank 0: another one may be there */
void stages_fini(pool *p);

/* term.c - what ends a term, a pool, or the world.  Local. */
void pool_fail(pool *p, const pe_error *e);
/* This rank cannot keep to the protocol any more, so the others would wait for
 * ever: ends the world with the error.  Does not return.
 */
_Noreturn void pool_abort(pool *p, const pe_error *e);
/* What the tables of phase.h say; what cannot be is an error of this rank. */
enum phase_action pool_step(pool *p, enum phase_event e);
void pool_hear(pool *p, enum phase_word w);
void pool_turn(pool *p, enum phase_turn t);

/* A row of the trace: of block [r], as [b] left the stages (NULL: it did not
 * begin).  trail.c - once a second: what this rank has done.
 */
static inline void trail_block(pool *p, const pool_slot *s,
                               const source_item *r, const pe_block *b,
                               enum trace_outcome outcome)
{
    trail_add(&p->trail, &(trail_row){p->term.number, s, r, b, outcome});
}

void trail_rank(pool *p, int64_t now);

/* work.c - one block through all stages.  Local.  0: it is in the epoch, as
 * applied or refused; -1: it is not, and the pool or its term will end.
 */
int pool_work(pool *p, pool_slot *s, const source_item *r);
/* Stages, or the model behind them, have refused a block. */
void work_failed(pool_slot *s, const char *why);
/* Functions that ask for it are told what [r] says that its columns are called;
 * a source that runs in this rank is asked.
 */
int work_hear(pool *p, const source_item *r, pe_error *errp);
/* onward.c - blocks that go on to the next layer.  Local.  0, or -1 as above:
 * an input error refuses the block, any other ends pool or term.
 */
int onward_open(pool *p, pe_error *errp);
int onward_send(pool *p, pool_slot *s, const source_item *r, pe_block *out,
                pe_error *errp);
void onward_poll(pool *p);
/* Rank 0, at a clean end: tell the next layer; waits for its servers until a
 * signal asks it to end.
 */
int onward_tell(pool *p, pe_error *errp);
/* report.c - the name of column [k] of [m], new memory; NULL: this rank has not
 * heard it.
 */
char *report_column(const pool *p, const pe_model *m, uint32_t k);
/* Which layer this is, into an event, where there are several. */
void report_layer(const pool *p, json_t *o);
/* Rows that this rank's source has left out, and what it said of the first;
 * records that hold no rows, and of which kinds they are.  Local.
 */
uint64_t report_skipped(const pool *p, const char **firstp);
uint64_t report_aside(const pool *p, const char **wordsp);
/* [r] holds no rows, and is done. */
void pool_set_aside(pool *p, pool_slot *s, const source_item *r);
void pool_refuse(pool *p, pool_slot *s, const source_item *r,
                 const char *reason);

#endif
