/* recent.h - what the ranks of a pool have done in the last seconds. */
#ifndef POOL_RECENT_H
#define POOL_RECENT_H

#include <jansson.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

typedef struct pool pool;

/* What a rank tells of itself; all but the last four only grow. */
enum recent_lane {
    RECENT_NOW,  /* monotonic ns of this rank */
    RECENT_BUSY, /* ns */
    RECENT_FETCH,
    RECENT_REDUCE,
    RECENT_IDLE,
    RECENT_STARVED, /* ... of it */
    RECENT_HELD,
    RECENT_WAY,
    RECENT_ANSWERS, /* broker_answers: seconds, and sums over them, us */
    RECENT_SLOW,
    RECENT_QUICK,
    RECENT_THROTTLE,
    RECENT_SPENT,   /* rank 0, ns: all commits together, */
    RECENT_STORE,   /* ... of it the store's, */
    RECENT_APPLY,   /* ... and ours */
    RECENT_FETCHED, /* records dispatched by it */
    RECENT_BLOCKS,  /* done with by it: of its own, or of others */
    RECENT_POINTS,
    RECENT_BYTES,
    RECENT_HELPED,
    RECENT_REFUSED, /* rank 0, of what is committed: of the run */
    RECENT_OUTLIERS,
    RECENT_COMMITS,   /* ... of this pool */
    RECENT_COMMIT_NS, /* of the last one */
    RECENT_LAG,       /* records not dispatched */
    RECENT_BACKLOG,   /* ... of them fetched */
    RECENT_RSS,       /* bytes */
    RECENT_LANES
};

enum { RECENT_LOOKS = 9 }; /* half a second apart */

/* A small gather twice a second, whatever the rate of blocks. */
typedef struct pool_recent {
    int64_t own[RECENT_LANES]; /* under way */
    MPI_Request req;
    bool posted;
    /* rank 0: rows of all ranks, newest in looks[(n - 1) % RECENT_LOOKS] */
    int64_t *looks[RECENT_LOOKS];
    size_t n;
    int64_t due;
} pool_recent;

int recent_init(pool *p, pe_error *errp);
void recent_fini(pool *p);
/* Rank 0: is it time for another look? */
bool recent_is_due(pool *p, int64_t now);
/* Collective, in a round that says so. */
void recent_post(pool *p);
void recent_progress(pool *p);
/* Rank 0: members "last" and "rank" of the progress event (event.h). */
void recent_tell(const pool *p, json_t *event);

/* The same of canned looks, for tests: rows of [ranks] ranks, then and now. */
json_t *recent_last(const int64_t *then, const int64_t *now, int ranks);
json_t *recent_ranks(const int64_t *then, const int64_t *now, int ranks);

#endif
