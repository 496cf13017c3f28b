/* phase.h - where a rank and its epochs stand, and what moves them. */
#ifndef RANK_PHASE_H
#define RANK_PHASE_H

#include <stdbool.h>

/* Three machines, a table each (phase.c).  The first is the rank with the epoch
 * before the open one, which is on its way out; counted epochs have the HELD
 * ones, too.
 */
enum phase {
    PHASE_LOADING,  /* the state of the term is not here: there is no epoch */
    PHASE_DROPPING, /* ... and a reduction of an older term still runs */
    PHASE_OPEN,     /* blocks go into the open epoch, none is before it */
    PHASE_CLOSING,  /* one is, and helpers have blocks of it, or had */
    PHASE_CALM,     /* ... in the round before, none had */
    PHASE_REDUCING, /* ... it is on its way to rank 0 */
    PHASE_HELD,     /* the same four, but the open epoch waits for the commit of
                       the one before */
    PHASE_HELD_CLOSING,
    PHASE_HELD_CALM,
    PHASE_HELD_REDUCING,
    PHASE_N
};

enum phase_event {
    PHASE_ON_TERM,        /* the term is raised */
    PHASE_ON_STATE,       /* the state of this term came */
    PHASE_ON_END,         /* the open epoch ends */
    PHASE_ON_END_COUNTED, /* ... and the next is to wait for its commit */
    /* a round, while one is on its way out: of all ranks */
    PHASE_ON_OUT,     /* helpers have blocks of it */
    PHASE_ON_UNACKED, /* none has, but results are not acknowledged */
    PHASE_ON_WHOLE,   /* none has, and they are */
    PHASE_ON_EMPTY,   /* the same, and it never had a block */
    PHASE_ON_REDUCED, /* this rank's reductions are complete */
    PHASE_ON_COMMIT,  /* a model came that has the epoch before in it */
    PHASE_ON_MODEL,   /* ... or that has not */
    PHASE_N_EVENTS
};

/* What is to be done as the state changes. */
enum phase_action {
    PHASE_DO_NOTHING,
    PHASE_DO_LOAD,       /* drop all of the older term, ask for the state */
    PHASE_DO_BEGIN,      /* begin the open epoch from what came */
    PHASE_DO_GO_ON,      /* what it has learned goes on from what came */
    PHASE_DO_NEXT,       /* open the epoch behind the open one */
    PHASE_DO_CONTRIBUTE, /* give this rank's part of the epoch before */
    PHASE_DO_FORGET,     /* there is no part of it */
    PHASE_DO_KEEP,       /* what is reduced waits for its commit */
    PHASE_DO_DROP,       /* what is reduced is of no term any more */
    PHASE_IMPOSSIBLE,    /* the rank is not as its protocol has it */
};

/* What the run wants of the rank. */
enum phase_order {
    PHASE_GO,
    PHASE_MOVE,    /* dispatch nothing: partitions are handed over */
    PHASE_DRAIN,   /* ... nor ever again */
    PHASE_DONE,    /* leave the loop */
    PHASE_DRAINED, /* ... after a drain */
    PHASE_N_ORDERS
};

enum phase_word {
    PHASE_SAYS_TERM,
    PHASE_SAYS_STAY, /* a round: nothing is handed over */
    PHASE_SAYS_MOVE,
    PHASE_SAYS_DRAIN,
    PHASE_SAYS_STOP,
    PHASE_N_WORDS
};

/* A broadcast of a model or a state. */
enum phase_ship {
    PHASE_SHIP_NONE,
    PHASE_SHIP_BUILT, /* rank 0: waits for a round to say so */
    PHASE_SHIP_POSTED,
    PHASE_SHIP_HERE, /* to be taken up */
    PHASE_N_SHIPS
};

enum phase_turn {
    PHASE_SHIP_ON_TERM,
    PHASE_SHIP_ON_NEWS,
    PHASE_SHIP_ON_POST,
    PHASE_SHIP_ON_ARRIVED,
    PHASE_SHIP_ON_TAKEN,
    PHASE_N_TURNS
};

/* The one place where the tables are read: *at moves as [e] has it.  Where
 * that cannot be, *at is left alone: PHASE_IMPOSSIBLE, or false.
 */
enum phase_action phase_step(enum phase *at, enum phase_event e);
bool phase_order_step(enum phase_order *at, enum phase_word w);
bool phase_ship_step(enum phase_ship *at, enum phase_turn t);

const char *phase_name(enum phase at);              /* "open" */
const char *phase_event_name(enum phase_event e);   /* "reduced" */
const char *phase_action_name(enum phase_action a); /* "keep" */

/* Of each phase. */
typedef struct phase_facts {
    const char *name;
    bool ready;    /* the state of the term is here */
    bool held;     /* ... but nothing may be dispatched */
    bool closing;  /* an epoch is on its way out and not contributed */
    bool reducing; /* its reduction runs */
    bool urgent;   /* the next round is waited for */
} phase_facts;

extern const phase_facts phase_table[PHASE_N];

static inline bool phase_is_ready(enum phase at)
{
    return phase_table[at].ready;
}

static inline bool phase_is_held(enum phase at)
{
    return phase_table[at].held;
}

static inline bool phase_is_closing(enum phase at)
{
    return phase_table[at].closing;
}

static inline bool phase_is_reducing(enum phase at)
{
    return phase_table[at].reducing;
}

/* Do others wait for this rank's word in the next round, or it for theirs? */
static inline bool phase_is_urgent(enum phase at, enum phase_order o,
                                   enum phase_ship s)
{
    return phase_table[at].urgent || o != PHASE_GO || s != PHASE_SHIP_NONE;
}

#endif
