/* lanes.h - what a rank tells of itself twice a second, and pilots of it. */
#ifndef RANK_LANES_H
#define RANK_LANES_H

#include <jansson.h>
#include <stdint.h>

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
    RECENT_REPLAYED,
    RECENT_UNCHECKED,
    RECENT_SKIPPED, /* rows, by its source */
    RECENT_ASIDE,
    RECENT_DRIFTS,
    RECENT_CPU,     /* us, of its process */
    RECENT_REFUSED, /* rank 0, of what is committed: of the run */
    RECENT_OUTLIERS,
    RECENT_COMMITS,   /* ... of this pool */
    RECENT_COMMIT_NS, /* of the last one */
    RECENT_LAG,       /* records not dispatched */
    RECENT_BACKLOG,   /* ... of them fetched */
    RECENT_RSS,       /* bytes */
    RECENT_LANES
};

/* Members "last" and "rank" of a progress event (event.h) out of two looks,
 * each a row of RECENT_LANES for each of [ranks]: then and now.  New
 * references; NULL: no memory.
 */
json_t *recent_last(const int64_t *then, const int64_t *now, int ranks);
json_t *recent_ranks(const int64_t *then, const int64_t *now, int ranks);
/* Members "counts" and "cpu_s" of one, into [event]. */
void recent_counts(const int64_t *now, int ranks, json_t *event);

#endif
