/* fold_private.h - inside of a fold, for its files. */
#ifndef PAGE_FOLD_PRIVATE_H
#define PAGE_FOLD_PRIVATE_H

#include "src/common/histogram.h"
#include "src/page/bins.h"
#include "src/page/fold.h"

/* Lanes of the series: what was processed in a bin. */
enum { LANE_BLOCKS, LANE_POINTS, LANE_BYTES, LANE_OUTLIERS, LANES };

/* What a rank does. */
enum {
    RANK_FETCH,
    RANK_HELP,
    RANK_KERNEL,
    RANK_REDUCE,
    RANK_COMMIT,
    RANK_IDLE,
    RANK_OTHER,
    RANK_STATES
};

typedef struct fold_row {
    char name[160], host[128];
    uint32_t log, rank;
    bool committer;  /* the thread of rank 0 that commits */
    trace_rank last; /* the newest row taken */
    double seconds[RANK_STATES];
    bins over_time;
} fold_row;

typedef struct fold_partition {
    uint64_t blocks, bytes, refused, committed;
    int64_t last; /* largest offset that a commit has; -1: none */
    uint32_t log; /* who worked on it last */
    char owner[160];
    char devices[192]; /* the first of their names */
    unsigned more;     /* ... and how many are not in there */
    char newest[256];  /* the last one that was looked at */
} fold_partition;

struct fold {
    bins series;
    histogram *latency; /* one for each bin of [series]: sense to commit */
    histogram hop[TRACE_HOPS];
    uint64_t blocks, unended, negative; /* without an end; in any hop */
    uint64_t unknown_partitions;        /* rows beyond FOLD_PARTITIONS */
    int64_t from_ns, to_ns;             /* of rows of ranks */
    fold_row *row;
    size_t n_rows;
    uint64_t unknown_ranks; /* beyond FOLD_RANKS */
    uint64_t set_back; /* rows of ranks, of a time before that of the last */
    fold_partition *partition;
    size_t n_partitions;
    trace_commit *version;
    size_t n_versions;
    uint64_t commits;
    unsigned stride; /* each how manyth commit is kept */
};

extern const char *const fold_states[RANK_STATES];

#endif
