/* pool_private.h - what the files of the pool share. */
#ifndef POOL_POOL_PRIVATE_H
#define POOL_POOL_PRIVATE_H

#include "phase.h"
#include "pool.h"

#include "wire.h"
#include "src/broker/guard.h"
#include "src/common/histogram.h"
#include "src/function/host.h"

enum {
    POOL_BACKLOG = 16,    /* records a lane holds beyond the client's queue */
    POOL_ASKS = 2,        /* requests a helper keeps posted: an owner answers
                             between two blocks */
    POOL_SENDS = 32,      /* messages under way */
    POOL_SAMPLES = 65536, /* blocks whose commit latency is remembered */
    POOL_PAGE = 4096,     /* bytes; large messages are counted in pages, since
                             MPI counts are int */
    POOL_ENDED = 8,       /* epochs whose end is remembered */
    POOL_OTHERS = 4096,   /* devices, from which on none of another run is
                             added */
};

enum pool_tag { TAG_ASK = 1, TAG_NONE, TAG_TASK, TAG_DATA, TAG_DONE, TAG_PART };

enum pool_hop {
    HOP_EDGE,
    HOP_BROKER,
    HOP_START, /* the broker hop of a rank's first record */
    HOP_WAIT,
    HOP_PROCESS,
    HOP_COMMIT,
    HOP_TOTAL,
    HOP_PROCESSED,
    POOL_HOPS
};

/* A committed model, shared by the epochs that started from it. */
typedef struct pool_model {
    pe_model *m;
    int refs;
} pool_model;

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

/* A server that is waited for. */
typedef struct pool_away {
    int64_t since_ns; /* real time; 0: it is there */
    char why[600];
} pool_away;

enum { AWAY_PARAMS, AWAY_BROKER, AWAY_N };

/* An owned partition. */
typedef struct pool_part {
    int32_t partition;
    int64_t next;    /* next offset to dispatch */
    uint64_t mark;   /* of the record before */
    int64_t fetched; /* ... to fetch */
} pool_part;

/* Fetched, not yet dispatched; in offset order. */
typedef struct pool_lane {
    pool_record *ring; /* POOL_BACKLOG */
    size_t head, n;
} pool_lane;

typedef struct pool_device {
    params_device last; /* its newest block, and its name */
    bool known;         /* there is one */
    struct {
        int64_t epoch; /* in which [at] is its place in the touch list */
        size_t at;
    } touched[2]; /* by slot */
} pool_device;

/* name -> device, open addressing. */
typedef struct pool_devices {
    pool_device *d;
    size_t n, cap;
    size_t *index; /* of cap_index, entry + 1 */
    size_t cap_index;
} pool_devices;

/* Helper's side of one posted request. */
typedef struct pool_help {
    enum { HELP_FREE, HELP_ASKED, HELP_COMING, HELP_HERE } state;
    int owner;
    wire_task task;
    pool_record record; /* its block has storage of ours */
    MPI_Request data;
} pool_help;

/* A function of this rank. */
typedef struct pool_function {
    const pipeline_stage *stage;
    function *fn; /* NULL: there is none */
    pe_options *options;
    pe_context *ctx; /* NULL: not open */
    pe_block out;    /* what it makes of a block */
    char *words;     /* what it is, for people */
} pool_function;

/* What the stages made of the first block, before there was a model. */
typedef struct pool_ahead {
    bool there;
    int32_t partition;
    int64_t offset;
    int rc; /* PE_FORWARD, PE_NOTHING, -1: error and refuser */
    pe_block block;
    pe_error error;
    const pipeline_stage *refuser;
} pool_ahead;

/* Rank 0: where committed records were looked at, are, and will be. */
struct pool_guard {
    broker_guard *guard;                   /* NULL: there is no broker */
    broker_position *seen, *asked, *later; /* by partition */
    broker_position *list;
    bool runs, gave_up;
    int64_t due, end_ns;
};

typedef struct pool_held pool_held; /* results.c */

/* Who is to tell the features of the first model (first.c). */
typedef struct pool_first {
    bool ours_only; /* the run has devices of its own */
    bool waits;     /* a stranger's block is at the head of a lane */
    bool away;      /* ... and what was read since is dropped */
    bool nobody;    /* no device has sent anything, and none will */
    bool told;
    uint32_t tried; /* features a model can be made for */
} pool_first;

/* What a term begins with as it is raised: an assignment. */
typedef struct pool_term {
    int64_t number, wanted; /* the one this rank wants */
    enum phase phase;
    enum phase_order order;
    int64_t state_seq; /* broadcast that brings, or brought, its state; 0: none
                          yet */
    uint32_t proposal; /* features of the first block, behind the stages */
} pool_term;

/* A message under way; [record] is released when it has left. */
typedef struct pool_send {
    bool used;
    MPI_Request req;
    void *buffer;       /* freed when it has left; may be NULL */
    pool_record record; /* held when has_record */
    bool has_record;
} pool_send;

/* Lanes of a round: what ranks tell each other, reduced to the same decision
 * everywhere.  The first are summed, the others the largest is taken of.
 */
enum pool_lanes {
    R_OUTSTANDING, /* helped blocks of the closing epoch still out */
    R_UNACKED,     /* its results and refusals not yet acknowledged */
    R_OPEN,        /* blocks dispatched in the open epoch */
    R_CLOSING,     /* blocks dispatched in the closing one */
    R_QUOTA,       /* partitions that have given the counted epoch its share */
    R_ENDED,       /* partitions dispatched up to their end */
    R_LAG,         /* records not yet dispatched */
    R_NOBODY,      /* ranks that know of no block of a device to come */
    R_SUMS,
    R_TERM = R_SUMS, /* the term this rank wants */
    R_ERROR,         /* 1 + rank */
    R_DRAIN,
    R_HOLD,
    R_ADVANCE,  /* rank 0: 1 an epoch may end, 2 it is due */
    R_MOVE,     /* rank 0: 1 partitions are to be handed over, 2 and nothing is
                   dispatched since the round before */
    R_BUSY,     /* a reduction of this rank is not complete */
    R_SHIP,     /* rank 0: bytes to broadcast */
    R_STATE,    /* ... which hold the state of this term */
    R_LACK,     /* minus the newest broadcast received */
    R_BACKLOG,  /* records << 20 | rank */
    R_FULL,     /* the delta takes no more before a commit */
    R_FEATURES, /* of the first block, while there is no model */
    R_HELD,     /* this rank has results the broker does not take */
    R_WANTED,   /* 1 + partition that a counted epoch waits for */
    R_P95,      /* 95% of blocks take no longer, ns */
    R_STOP,     /* rank 0: 1 if nothing is open (drained), 2 the run is over */
    R_FIXED,    /* then: the end of every partition, -1 not known */
};

struct pool {
    pool_conf c;
    int rank, size;
    int32_t n_partitions;
    const pipeline_stage *stage; /* the last one */
    const pe_model_ops *model_ops;
    pe_options *plain_options; /* of passthrough, under a user function */
    pool_function *pre;        /* stages on the pool before the last */
    size_t n_pre;
    pool_function *scout; /* n_pre, while one looks ahead; or NULL */
    pool_function last;   /* without fn: the last stage is a model */
    pool_ahead ahead;
    const pool_slot *at;           /* epoch of the block at work, or NULL */
    const pipeline_stage *refuser; /* of the block at work; NULL: the last */
    function_host host;            /* of all contexts */
    params *shared;                /* for functions; NULL until one asks */
    bool counted;                  /* epoch: {blocks: N} */

    pool_term term;

    /* epochs */
    int64_t epoch;   /* open */
    int64_t logical; /* counted: number of the open epoch's blocks */
    pool_slot slot[2];
    MPI_Request reduce[2];
    int n_reduce;
    int64_t advance_due;

    /* rounds */
    int64_t *round_out, *round_in, *ends;
    int n_round;
    MPI_Op round_op;
    MPI_Datatype page; /* POOL_PAGE bytes */
    bool paged;
    MPI_Request round;
    bool round_posted;
    int64_t round_due;

    /* broadcasts of models and states */
    pe_buffer ship; /* being broadcast, or (rank 0) waiting to be */
    enum phase_ship shipping;
    bool ship_state; /* rank 0: it is a state */
    MPI_Request ship_req;
    int64_t ship_seq, have_seq;
    pool_model *recent[2]; /* by broadcast number: the last two, since some
                              ranks may not have the newest yet */

    /* which partitions are this pool's, in this term */
    int32_t *owner;   /* of every partition: its rank; -1: not ours */
    int32_t *place;   /* ... and its index in that rank's parts */
    int64_t *highest; /* ... dispatched in any term: below it is a replay */
    int32_t n_owned, n_told;
    uint64_t lease; /* number of the lease they are ours by */

    /* owner */
    pool_part *parts; /* in order; cap_parts */
    size_t n_parts, cap_parts;
    pool_lane *lanes; /* cap_lanes */
    size_t n_lanes, cap_lanes, turn;
    pool_devices devices;
    pool_first first;
    int *askers;
    size_t n_askers, cap_askers;

    /* helper */
    pool_help help[POOL_ASKS];
    int top_owner;
    int64_t top_backlog;

    pool_send sends[POOL_SENDS];
    size_t n_sends;
    pe_buffer frame; /* of a small message, its memory used again */

    /* rank 0 */
    commit_job *job; /* being reduced */
    int parts_got;
    pe_buffer *early;    /* parts that came before their job */
    commit_job *pending; /* reduced, waiting for the committer */
    committer_view view;
    pool_away away[AWAY_N];
    int64_t *committed, *known_ends;
    uint64_t *mark; /* of record committed - 1 */
    struct pool_guard guard;
    int64_t *reached; /* of every partition: contributed in any term */
    int64_t next_progress;
    int64_t drain_ns;   /* nothing is waited for since */
    int64_t lacking_ns; /* all partitions were there last */
    bool lacking_told;
    int64_t wanted_ns; /* a counted epoch got what it waited for last */
    int64_t wanted_at; /* ... and which it was */
    bool wanted_told;
    int64_t ended_ns[POOL_ENDED]; /* by epoch: when it was ended */
    double epoch_ms; /* from there to its commit: a mean, and what is beyond */

    /* results */
    broker_producer *producer;
    char topic[256], results_topic[256], refused_topic[256];
    record_headers headers;
    pool_held *held;            /* what the client has no room for */
    unsigned char *score_frame; /* header and scores of one block */
    size_t score_cap;

    pe_block work; /* aligned copy of a block, storage reused */

    pe_error error;
    bool failed;

    /* figures */
    char first_refused[256]; /* of our devices: where, and why; "": none */
    histogram hop[POOL_HOPS];
    struct pool_sample {
        int64_t epoch, end_ns, sense_ns;
    } * samples;
    size_t n_samples;
    uint64_t fetched, replayed, helped, epochs, terms;
    params_counters began; /* committed when this world took it up */
    bool has_begun;
    uint64_t unchecked; /* blocks of devices beyond POOL_OTHERS */
    int64_t busy_ns, fetch_ns, idle_ns, reduce_ns;
    int64_t first_ns, last_ns, last_active;
    int64_t gap_ns;           /* mean, between two slices of blocks */
    int64_t p95_ns, next_p95; /* of process_cloud */
};

static inline bool pool_is_ready(const pool *p)
{
    return phase_is_ready(p->term.phase);
}

static inline bool pool_may_dispatch(const pool *p)
{
    return pool_is_ready(p) && !phase_is_held(p->term.phase) &&
           p->term.order == PHASE_GO && !p->failed;
}

static inline bool pool_is_over(const pool *p)
{
    return p->term.order >= PHASE_DONE;
}

/* owner.c - partitions, dispatch in offset order, duplicates.  All local. */
int owner_init(pool *p, pe_error *errp);
void owner_fini(pool *p);
/* Take up the partitions [own], and offsets and devices of a state, dropping
 * what was fetched.
 */
int owner_load(pool *p, const params_state *s, const unsigned char *own,
               pe_error *errp);
void owner_drop(pool *p);
/* Fetch ahead and process at most one block; 1: did something. */
int owner_step(pool *p);
/* Give blocks to ranks that asked; answers NONE when [none]. */
void owner_give(pool *p, bool none);
void owner_refill(pool *p);
int64_t owner_backlog(const pool *p);
int64_t owner_lag(pool *p);
int64_t owner_quota(const pool *p);
/* 1 + a partition of ours that has not, and nothing in it; 0: none. */
int64_t owner_wanted(const pool *p);
int64_t owner_ended(const pool *p);
bool owner_full(const pool *p);

/* Fetch until the lane holds [want] records or there are none; drop what it
 * holds; read all lanes again from the first record not dispatched.
 */
void owner_fill(pool *p, size_t lane, size_t want);
void owner_empty(pool *p, pool_lane *l);
void owner_rewind(pool *p);

/* first.c - who tells the features of the first model.  Local. */
/* There is no model, and [r] is next: propose one, if it is for it to do so.
 * True when it needs no model, since the stages keep nothing of it, or it is
 * refused (r->bad says why).
 */
bool first_propose(pool *p, pool_record *r);
int first_look(pool *p); /* look for a block of a device; 1: did something */
bool first_is_nobody(pool *p);
void first_all_nobody(pool *p); /* all ranks say so */
void first_reset(pool *p);      /* a new term */

/* guard.c - rank 0: the log is still the one that was read.  Local. */
int guard_open(pool *p, pe_error *errp);
void guard_close(pool *p);
void guard_note(pool *p); /* a commit: the first of a partition is kept */
void guard_step(pool *p, int64_t now);
void guard_reset(pool *p); /* a new term */
/* All that is committed was looked at, and there is no hurry but now. */
bool guard_is_done(pool *p, int64_t now);

/* share.c - which partitions are this pool's.  Local. */
int share_init(pool *p, pe_error *errp);
void share_fini(pool *p);
/* These are ours: rank r has number r, r + ranks, ... of them. */
void share_take(pool *p, const unsigned char *own);
void share_text(const pool *p, char *out, size_t cap); /* "0-3,7" */
void share_tell(pool *p); /* rank 0: to people, when it has changed */
/* Rank 0: what it says, what it does once all have said so, and the patience
 * of a pool that needs all partitions.
 */
int64_t share_say(const pool *p);
void share_decide(pool *p);
void share_watch(pool *p, int64_t now);
/* The same where a partition gives nothing: that is said, once. */
void share_watch_wanted(pool *p, int64_t now);

/* device.c - the device table.  Local. */
/* Index of [name], put there if it is new; SIZE_MAX: no memory. */
size_t pool_device_find(pool_devices *t, const char *name, pe_error *errp);
/* ... SIZE_MAX: it is not there. */
size_t pool_device_look(const pool_devices *t, const char *name);
void pool_devices_clear(pool_devices *t);

/* slot.c - epochs of this rank.  Local. */
pool_slot *pool_slot_of(pool *p, int64_t epoch); /* NULL: not live */
int pool_slot_open(pool *p, int64_t epoch, pool_model *base, int64_t seq,
                   pe_error *errp);
/* Another base for an epoch in which nothing was dispatched yet. */
int pool_slot_rebase(pool_slot *s, pool_model *base, int64_t seq,
                     pe_error *errp);
void pool_slot_clear(pool_slot *s);
/* [d] has a block in the epoch, which is its newest; -1: no memory. */
int pool_slot_touch(pool_slot *s, pool_device *d);
pool_model *pool_model_hold(pool_model *m);
void pool_model_drop(pool_model *m);
pool_model *pool_model_create(pe_model *m, pe_error *errp);

/* chain.c - functions of this rank.  Local. */
int chain_open(pool *p, pe_error *errp);
void chain_close(pool *p); /* also after an error of chain_open */
/* Have the data of [b] aligned as functions are promised, by a copy if need
 * be.
 */
int chain_align(pool *p, pe_block *b, pe_error *errp);
/* Put [b] through the stages before the last: PE_FORWARD, and [b] has their
 * data; PE_NOTHING; -1: an error, p->refuser says whose.
 */
int chain_run(pool *p, pe_block *b, pe_error *errp);
/* Outliers these stages have counted since the last call. */
uint64_t chain_outliers(pool *p);
/* While there is no model: propose one for the features that [first] has
 * behind the stages.  True when the block needs none, since they keep nothing
 * of it or refuse it.
 */
bool chain_propose(pool *p, const pe_block *first);
/* Have the stages of this rank seen this block before its dispatch? */
bool chain_is_ahead(const pool *p, const pe_block *b);
/* What features has [first] behind the stages?  It is shown to stages of their
 * own, not to those that will have it; 0: none yet.
 */
uint32_t chain_scout(pool *p, const pe_block *first);
void chain_scout_end(pool *p);
void chain_forget(pool *p); /* a new term */

/* work.c - one block through all stages.  Local.  0: it is in the epoch, as
 * applied or refused; -1: it is not, and the pool or its term will end.
 */
int pool_work(pool *p, pool_slot *s, const pool_record *r);
void pool_refuse(pool *p, pool_slot *s, const pool_record *r,
                 const char *reason);
void pool_sample_commit(pool *p, int64_t epoch, int64_t commit_ns);

/* results.c - what leaves the pool by the broker.  Local. */
int results_open(pool *p, pe_error *errp);
void results_close(pool *p);
void results_poll(pool *p);
void results_drop(pool *p); /* a new term */
/* May a result with so many bytes of data be sent?  -1: an input error. */
int results_fit(const pool *p, size_t bytes, pe_error *errp);
/* The scores of [b] are in the room that was given for them. */
void results_scores(pool *p, pool_slot *s, const pe_block *b,
                    uint64_t outliers);
void results_block(pool *p, pool_slot *s, const pe_block *b, pe_block *out);
void results_refused(pool *p, pool_slot *s, const pool_record *r,
                     const char *reason);
float *results_score_room(pool *p, uint32_t points);

/* shared.c - shared state of a user function.  Local. */
void shared_host(pool *p, function_host *h);

/* help.c - blocks over MPI.  Local calls that send and receive. */
void help_serve(pool *p); /* take every message that is there */
int help_step(pool *p);   /* ask, or process a block of another owner */
void help_drop(pool *p);  /* a new term: forget tasks of the older one */
bool help_quiet(const pool *p);
/* Hand [r] (taken over) to [rank]; false: no room to send now. */
bool help_send(pool *p, int rank, pool_slot *s, pool_record *r);
void help_answer_none(pool *p, int rank);
pool_send *pool_send_room(pool *p);
void pool_send_test(pool *p);

/* round.c - the collective decisions. */
int round_init(pool *p, pe_error *errp);
void round_fini(pool *p);
void round_progress(pool *p);
void pool_fail(pool *p, const pe_error *e);
/* This rank cannot keep to the protocol any more, so the others would wait for
 * ever: ends the world with the error.  Does not return.
 */
_Noreturn void pool_abort(pool *p, const pe_error *e);
/* Fill [b] up to whole pages; how many they are, or -1. */
int pool_pages(pe_buffer *b, pe_error *errp);
/* What the tables of phase.h say; what cannot be is an error of this rank. */
enum phase_action pool_step(pool *p, enum phase_event e);
void pool_hear(pool *p, enum phase_word w);
void pool_turn(pool *p, enum phase_turn t);
/* Is somebody waiting for this rank, or has it something to tell? */
bool pool_is_urgent(const pool *p);
/* Rank 0: nothing is on its way to the store or from it. */
bool pool_is_idle(const pool *p);

/* epoch.c - closing, contributing, reducing. */
/* What a round has found of the epoch on its way out: contribute it? */
void epoch_settle(pool *p, enum phase_event e);
void epoch_submit(pool *p); /* rank 0: what is reduced, to the committer */
void epoch_advance(pool *p, int64_t base_seq);
void epoch_progress(pool *p);
void epoch_take_part(pool *p, pe_buffer *m); /* takes its memory */
void epoch_new_term(pool *p, int64_t term);

/* ship.c - models and states from rank 0 to all. */
void ship_news(pool *p); /* rank 0: what the committer tells */
void ship_post(pool *p, int64_t bytes, int64_t state_term);
void ship_progress(pool *p);
void ship_receive(pool *p); /* ... but nothing is taken up */

#endif
