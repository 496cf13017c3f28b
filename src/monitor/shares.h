/* shares.h - how much of its time each hop of a run was what is waited for. */
#ifndef MONITOR_SHARES_H
#define MONITOR_SHARES_H

#include <jansson.h>
#include <stdbool.h>

enum hop {
    HOP_EDGE,   /* the functions of devices */
    HOP_LINK,   /* between devices and broker */
    HOP_BROKER, /* the broker itself */
    HOP_FETCH,  /* between broker and ranks, and taking what came */
    HOP_KERNEL, /* the functions of ranks */
    HOP_REDUCE, /* deltas to one model, and that to all ranks */
    HOP_PARAMS, /* Redis */
    HOPS
};

/* How fast the broker answers one side: means over the seconds in which it
 * was asked.
 */
struct answers {
    bool known;
    double slow_ms;     /* the slowest answer of such a second, */
    double quick_ms;    /* and the quickest */
    double throttle_ms; /* held back by a quota, for each answer */
};

/* Shares of the time of a run: 0 idle, 1 at the limit. */
struct shares {
    double use[HOPS];
    bool known[HOPS];
    double seconds; /* of the pool: first record to last commit; 0: unknown */
    double paced;   /* of the devices' time, spent waiting for the source */
    /* of the devices' time: waiting for acknowledgements; of their blocks:
     * dropped, since nobody took them
     */
    double blocked, dropped;
    double kernel, taking; /* of the ranks' time: in functions, with records */
    double pool;           /* both */
    double starved;        /* ... without any, while the topic has some */
    double epochs;         /* ... in the epoch protocol */
    double held;           /* ... until the epoch before is committed */
    double store;          /* of a commit's time: Redis had it */
    double commit_ms;      /* from the end of an epoch to its commit */
    double every_s;        /* a commit of a pool; 0: none */
    bool behind;           /* the next one waits for the one before */
    double late_ms;  /* half of the blocks waited longer for a rank; 0: not
                        worth a word */
    double start_ms; /* and the first ones for the pool to come up */
    struct answers edge, ranks;
    enum hop way; /* that blocks which are late may wait for */
};

/* As monitor_verdict has them. */
struct shares shares_of(const json_t *pool, const json_t *edges, int cores);

#endif
