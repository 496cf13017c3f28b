/* round.h - what ranks tell each other, and what is broadcast. */
#ifndef POOL_ROUND_H
#define POOL_ROUND_H

#include <mpi.h>

#include "epoch.h"

/* Lanes of a round, reduced to the same decision everywhere.  The first are
 * summed, the others the largest is taken of.
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
    R_READ_ROWS,   /* of sources that run in ranks and end: context_progress */
    R_READ_DONE,
    R_READ_ALL,
    R_SUMS,
    R_TERM = R_SUMS, /* the term this rank wants */
    R_ERROR,         /* 1 + rank */
    R_DRAIN,
    R_HOLD,
    R_ADVANCE,   /* rank 0: 1 an epoch may end, 2 it is due */
    R_MOVE,      /* rank 0: 1 partitions are to be handed over, 2 and nothing is
                    dispatched since the round before */
    R_BUSY,      /* a reduction of this rank is not complete */
    R_SHIP,      /* rank 0: bytes to broadcast */
    R_STATE,     /* ... which hold the state of this term */
    R_LACK,      /* minus the newest broadcast received */
    R_BACKLOG,   /* records << 20 | rank */
    R_FULL,      /* the delta takes no more before a commit */
    R_FEATURES,  /* of the first block, while there is no model */
    R_HELD,      /* this rank has results the broker does not take */
    R_STAGES,    /* 1 + a rank that cannot go on with fresh stages */
    R_LOOK,      /* rank 0: what ranks have done lately is gathered */
    R_WANTED,    /* 1 + partition that a counted epoch waits for */
    R_TASKS,     /* rank 0: what is known of tasks, as a count that grows */
    R_P95,       /* 95% of blocks take no longer, ns */
    R_HOLD_ALL,  /* rank 0: so many stages, the last, are to be open */
    R_HOLD_LESS, /* minus those that are, of the rank with the fewest */
    R_HOLD_NOT,  /* 1 + rank that cannot open them */
    R_STOP,      /* rank 0: 1 if nothing is open (drained), 2 the run is over */
    R_FIXED,     /* then: the end of every partition, -1 not known */
};

typedef struct pool_rounds {
    int64_t *out, *in, *ends; /* ends: of every partition */
    int n;
    MPI_Op op;
    MPI_Request req;
    bool posted;
    int64_t begun, ended; /* the last one, here */
    int64_t open;         /* R_OPEN of the one before */
} pool_rounds;

/* Broadcasts of models and states. */
typedef struct pool_ship {
    enum phase_ship at;
    pe_buffer bytes; /* being broadcast, or (rank 0) waiting to be */
    bool is_state;   /* rank 0 */
    MPI_Request req;
    int64_t seq, have;     /* number of the last posted, of the last taken up */
    pool_model *recent[2]; /* by number: the last two, since some ranks may not
                              have the newest yet */
} pool_ship;

/* hold.c - stages that may come from devices are opened on all ranks first. */
typedef struct pool_hold {
    int64_t tried; /* so many were to be open, and are not: */
    pe_error why;
} pool_hold;

void hold_say(const pool *p, int64_t *v);
void hold_decide(pool *p, const int64_t *v);
/* Rank 0: member `place` of a progress event (event.h). */
void hold_tell(const pool *p, struct json_t *o);

/* round.c - the collective decisions.  All ranks call the first as often as
 * they like; a round is complete when all have.
 */
int round_init(pool *p, pe_error *errp);
void round_fini(pool *p);
void round_progress(pool *p);
int64_t round_due_ns(const pool *p, int64_t now); /* of the next one; local */
/* Is somebody waiting for this rank, or has it something to tell?  Local. */
bool pool_is_urgent(const pool *p);

/* ship.c - models and states from rank 0 to all. */
void ship_news(pool *p); /* rank 0: what the committer tells */
/* Collective, in a round: so many bytes; they are the state of that term. */
void ship_post(pool *p, int64_t bytes, int64_t state_term);
void ship_progress(pool *p);
void ship_receive(pool *p); /* ... but nothing is taken up */

#endif
