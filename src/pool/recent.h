/* recent.h - what the ranks of a pool have done in the last seconds. */
#ifndef POOL_RECENT_H
#define POOL_RECENT_H

#include <jansson.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/rank/lanes.h"

typedef struct pool pool;

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

#endif
