/* trace_out.h - the trace of a run, as others read it. */
#ifndef WATCH_TRACE_OUT_H
#define WATCH_TRACE_OUT_H

#include <stdio.h>

#include "src/common/histogram.h"
#include "src/trace/trace.h"

/* What is said of a trace as a whole. */
enum { TRACE_LAYERS = 8 };

typedef struct trace_sums {
    uint64_t blocks, committed, outcome[TRACE_ASIDE + 1];
    uint64_t no_edge, no_rank; /* blocks that one side did not tell of */
    uint64_t repeats, helped, points, outliers;
    uint64_t commits, models;
    uint64_t backward; /* ... that have a latency below 0 */
    int64_t first_ns, last_ns;
    histogram hop[TRACE_HOPS];
    /* Of pools in a row: which one is the last, whose blocks and hops stand
     * above, and the others, where there is room.
     */
    uint32_t last;
    struct trace_layer {
        char pilot[128];
        uint64_t blocks, committed;
        histogram broker, process, commit, total;
    } layer[TRACE_LAYERS];
} trace_sums;

/* All rows of [t], counted; about 400 KiB. */
int trace_sum(trace *t, trace_sums *s, pe_error *errp);
void trace_print_text(const trace *t, const trace_sums *s, FILE *f);
/* {"schema": 1, ...}; -1: no memory. */
int trace_print_json(const trace *t, const trace_sums *s, FILE *f);

/* Blocks as lines of CSV. */
int trace_write_csv(trace *t, FILE *f, pe_error *errp);

/* Events of Chrome's trace viewer, which Perfetto opens, too: of [every]-th
 * block of each device.  *leftp: blocks that were left out by that, *backwardp:
 * hops that were, since the clocks say they took less than no time.
 */
int trace_write_events(trace *t, FILE *f, uint64_t every, uint64_t *leftp,
                       uint64_t *backwardp, pe_error *errp);

/* [words] as a string of JSON, with its quotes; %XX where it is no UTF-8. */
void trace_put_string(FILE *f, const char *words);

#endif
