/* figures.h - what a rank counts and times, for people. */
#ifndef RANK_FIGURES_H
#define RANK_FIGURES_H

#include <stdint.h>

#include <pilot/block.h>

#include "src/common/histogram.h"
#include "src/source/source.h"

enum {
    POOL_SAMPLES = 65536, /* blocks whose commit latency is remembered */
    POOL_FIRST_MAX = 256, /* bytes of what was refused or skipped first */
};

enum pool_hop {
    HOP_EDGE,
    HOP_BROKER,
    HOP_START, /* the broker hop of a rank's first record */
    HOP_WAIT,
    HOP_PROCESS,
    HOP_COMMIT,
    HOP_TOTAL,
    HOP_PROCESSED,
    HOP_URGENT, /* urgent blocks: from their device to the start */
    POOL_HOPS
};

struct pool_sample {
    int64_t epoch, end_ns, sense_ns;
};

typedef struct pool_figures {
    /* Where, and why; "": none.  Of our devices, and of others. */
    char first_refused[POOL_FIRST_MAX], first_foreign[POOL_FIRST_MAX];
    histogram hop[POOL_HOPS];
    struct pool_sample *samples;
    size_t n_samples;
    uint64_t fetched, replayed, helped, epochs, terms;
    uint64_t blocks, points, bytes; /* done with by this rank */
    uint64_t unchecked;             /* blocks of devices beyond COMMIT_OTHERS */
    int64_t busy_ns;                /* in functions and the model */
    int64_t fetch_ns; /* at blocks besides: fetched, decoded, admitted */
    int64_t idle_ns, reduce_ns;
    int64_t way_ns;     /* of all blocks, from their device to us */
    int64_t starved_ns; /* idle, while the topic has records for us */
    int64_t held_ns;    /* idle, until the epoch before is committed */
    int64_t first_ns, last_ns;
    int64_t p95_ns, next_p95; /* of process_cloud */
} pool_figures;

/* figures.c - local; of all ranks, report.c. */
int figures_init(pool_figures *f, pe_error *errp);
void figures_fini(pool_figures *f);
/* The first block of this rank: how long it has waited for us. */
void figures_first(pool_figures *f, const pe_block *b);
/* A block of [epoch] is done. */
void figures_block(pool_figures *f, int64_t epoch, const pe_block *b);
/* ... and it is an urgent one. */
void figures_urgent(pool_figures *f, const pe_block *b);
void figures_refused(pool_figures *f, const source_item *r, const char *reason);
/* The commit that has [epoch] in it: how long its blocks waited for it. */
void figures_commit(pool_figures *f, int64_t epoch, int64_t commit_ns);
/* How fast the broker has answered [s]; nothing, where it reads of none. */
broker_answers figures_answers(source_reader *s);
/* Member "answers" of a final event (monitor.h), of ranks together: seconds,
 * and the sums of slow, quick, throttle, us.  A new reference.
 */
struct json_t *figures_answers_event(const int64_t sum[4]);
/* 95% of blocks took no longer, ns; read twice a second. */
int64_t figures_p95(pool_figures *f, int64_t now);

#endif
