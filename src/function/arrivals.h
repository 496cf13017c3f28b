/* arrivals.h - when the blocks of a generator come: steady, random, in bursts,
 * by a season, or as they were recorded.
 */
#ifndef FUNCTION_ARRIVALS_H
#define FUNCTION_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

enum arrivals_kind {
    ARRIVALS_CONSTANT, /* 1 / rate apart */
    ARRIVALS_POISSON,  /* exponential gaps of this mean */
    ARRIVALS_BURSTS,   /* so many at once, burst / rate apart */
    ARRIVALS_TRACE,    /* as the file says */
};

/* A recorded load: times from its first line on, and points; both NULL
 * before it was read.
 */
typedef struct arrivals_trace {
    double *at_s;
    uint32_t *points; /* NULL: the file has no sizes */
    size_t n;
    double length_s; /* until it begins again: a mean gap behind the last */
} arrivals_trace;

typedef struct arrivals_spec {
    enum arrivals_kind kind;
    double rate;       /* blocks a second, of a whole season; not of a trace */
    double burst;      /* blocks of one */
    double season_s;   /* 0: none */
    double peak;       /* highest rate of a season over its lowest, >= 1 */
    double after_s;    /* nothing comes before */
    double speed;      /* of a trace */
    uint64_t key;      /* of what is random */
    uint64_t position; /* of the first block */
    const arrivals_trace *trace; /* borrowed */
} arrivals_spec;

typedef struct arrivals {
    arrivals_spec spec;
    uint64_t n;   /* blocks before the next one */
    double unit;  /* ... in mean gaps */
    double due_s; /* of the next one */
} arrivals;

/* Begin at the block at spec->position.  The schedule of a device that starts
 * again begins anew there; only a trace goes on at its line.
 */
void arrivals_start(arrivals *a, const arrivals_spec *spec);
/* The next one comes. */
void arrivals_next(arrivals *a);

/* Read [path]: a line "SECONDS" or "SECONDS POINTS" (blank, tab or comma
 * between) for each block, times not falling; what is behind '#' is left out,
 * and so is a first line that begins with a letter.  [most]: points that a
 * block may have.  Errors: input, 78, with FILE:LINE.
 */
int arrivals_trace_read(arrivals_trace *t, const char *path, uint32_t most,
                        pe_error *errp);
void arrivals_trace_free(arrivals_trace *t);

#endif
