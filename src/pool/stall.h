/* stall.h - rank 0: there is something to commit, and nothing is. */
#ifndef POOL_STALL_H
#define POOL_STALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What was seen, monotonic times. */
typedef struct pool_stall {
    uint64_t commits; /* at the last look */
    int64_t moved_ns; /* they grew then, or there was nothing to commit */
    uint64_t answers; /* seconds in which the broker answered this rank, */
    int64_t heard_ns; /* ... and when they grew */
    const char *hop;  /* that stands still; NULL: it flows */
    char text[640];   /* for people, */
    char words[900];  /* ... and all that is said */
    int64_t since_ns; /* real time */
} pool_stall;

/* To be called in every turn: once what is to be said of a pool that stands
 * still, and once of one that goes on; else NULL.
 */
const char *stall_look(struct pool *p, int64_t now);
/* Member "stalled" of a progress event, where it does. */
void stall_add(const struct pool *p, json_t *event);

#endif
