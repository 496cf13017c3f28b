/* world.h - a pool under mpirun, with a source and a store that play a part.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "src/pool/pool.h"

#define WORLD_TOPIC "pilot.r.sense" /* of run r */

enum { WORLD_PARTITIONS = 6, WORLD_BLOCKS = 60, WORLD_POINTS = 4 };

/* What happens besides: another pool, "b", and a store that goes away.  Times
 * are in blocks of ours that are committed.
 */
typedef struct world_script {
    int b_first;   /* partitions b has from the start, from the last one down */
    int b_joins;   /* it asks for its share: half; 0: never */
    int b_steals;  /* it takes two without asking; 0: never */
    int b_leaves;  /* once it has committed something; 0: never */
    int drain;     /* the drain begins; 0: never */
    int away;      /* the store stops answering for good, and the drain begins
                      with the first commit that fails; 0: never */
    int roll_back; /* once, the store loses the last commits; 0: never */
    int held;      /* blocks from which on the broker has no room for results
                      of the last rank, and the drain begins; 0: always room */
    bool poison;   /* a block fails on a rank that helps with it */
    const char *poor; /* "first", "last": a rank whose memory ends */
} world_script;

/* Block [offset] of partition [k], of device "d-k": its rows and its name go to
 * [rows] and [device].
 */
void world_fill(pe_block *b, double *rows, char *device, int32_t k,
                int64_t offset);

/* Blocks of partition k: WORLD_POINTS rows that follow from k and the offset,
 * one every 2 ms; the second half of them once the file [go] is there.  With
 * [lanes], one lane a partition.
 */
source_reader *world_source(bool lanes, const char *go);

/* Rank 0: a store with commit.lua's answers, in which b learns too, of what it
 * has, with every look at it.  [drain] is set when it is time to, and the
 * file [go] made when b has learned something, if there is a b.
 */
pool_store *world_store(const world_script *s, const char *model,
                        const char *go, atomic_int *drain);

/* With [poison] the first rank is slow, and rank [rank] of [size] fails at a
 * block that it helps with, by no refusal.
 */
void world_poison(bool poison, int rank, int size);

/* The broker has no room for results of this rank from its n-th block on. */
void world_hold(int n);

/* So many more allocations of this thread succeed, and none after them. */
void world_poor(int allocations);

/* After the pool is gone: is everything in the model once, and only that?
 * Prints what is wrong; returns how much.  [whole]: up to the last block.
 */
int world_check(const pool_store *s, bool whole);
int world_commits_of_b(const pool_store *s);
/* Blocks that the pool has committed. */
int64_t world_ours(const pool_store *s);
/* The pool has given its leases back. */
bool world_is_left(const pool_store *s);
void world_store_free(pool_store *s);

#endif
