/* rank_bench.h - a rank of a pool on a source that does what it is told. */
#ifndef TESTS_RANK_BENCH_H
#define TESTS_RANK_BENCH_H

#include "src/pool/pool_private.h"

enum { RANK_PARTITIONS = 5 };

/* The source: blocks of device "d" up to [high] of each partition. */
struct rank_line {
    source_reader base;
    broker_position at[RANK_PARTITIONS]; /* as assigned */
    size_t n;
    int64_t next[RANK_PARTITIONS], high[RANK_PARTITIONS]; /* of every one */
    int fetched, released, assigned;
    bool lanes;        /* one a partition */
    bool broken, deaf; /* fetch, and assign, are errors */
};

extern struct rank_line rank_line;

/* So many partitions of ranks that are made are urgent. */
extern int rank_urgent;

/* All partitions are ours. */
extern const unsigned char rank_all[RANK_PARTITIONS];

/* Rank [rank] of [size], open; [counted]: blocks an epoch, or 0. */
pool *rank_make(int rank, int size, uint64_t counted);
/* A rank that is alone, and reads all from the offsets [next] (NULL: 0) on, in
 * epoch 2.
 */
pool *rank_load(uint64_t counted, const int64_t *next);
/* A model for one feature, that keeps nothing. */
void rank_give_model(pool *p);
/* Every record that was fetched has been released. */
void rank_end(pool *p);

/* Block [offset] of a partition, with a number of its own. */
source_item rank_item(int32_t partition, int64_t offset);

#endif
