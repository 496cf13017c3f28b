/* report.h - what an edge pilot tells the command that runs it. */
#ifndef EDGE_REPORT_H
#define EDGE_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "src/common/histogram.h"
#include "src/edge/device.h"

/* All of it over all devices of a pilot. */
typedef struct report {
    const char *pilot;
    const char *state; /* "done", or "drained" */
    int devices;
    double seconds;      /* from the first block to the last acknowledgement */
    device_stats sum;    /* of this incarnation, ... */
    tally_counts blocks; /* ... and of all, */
    uint64_t resent;     /* counted twice, at most */
    uint64_t lives;      /* which are so many, ... */
    int64_t since_ns;    /* ... and this one since then, real */
    context_skip_list skips;  /* of all sources */
    char drift[DEVICE_DRIFT]; /* said of the first change that was found */
    uint64_t untraced;        /* rows of blocks that the trace has lost */
    const histogram *model_latency;
    uint64_t model_version;
    const char *model_commit; /* "" : no model was seen */
    broker_answers answers;
    json_t *spool;   /* an object with it; NULL: none; the reference is taken */
    json_t *learned; /* on devices; NULL: nothing; the reference is taken */
} report;

/* Member "answers" of a final event (monitor.h); a new reference. */
json_t *report_answers(const broker_answers *a);

/* A server that does not answer. */
typedef struct report_waits {
    int64_t since_ns; /* real time */
    char why[256];
} report_waits;

/* It has blocks, and none of them moves. */
typedef struct report_stalled {
    const char *hop;  /* that stands still; NULL: they move */
    int64_t since_ns; /* real time */
    char text[320];
} report_stalled;

/* How far a pilot is. */
typedef struct report_now {
    const tally_counts *blocks;
    bool again;       /* its source can be read again */
    uint64_t skipped; /* rows */
    const context_progress *read;
    double seconds;
    const report_waits *waits; /* with figures that stand still; NULL: none */
    json_t *recent; /* further members; NULL: none; the reference is taken */
    const report_stalled *stalled;
} report_now;

/* Add [s] to [sum]. */
void report_add(device_stats *sum, const device_stats *s);

/* Add [r] to [sum]. */
void report_read(context_progress *sum, context_progress r);

/* Print the events of event.h and monitor.h. */
void report_ready(const char *pilot, int devices);
void report_progress(const char *pilot, const report_now *now);
/* Something that people should hear. */
void report_note(const char *pilot, const char *text);
/* [n] blocks were in the queues of an agent that died. */
void report_lost(const char *pilot, uint64_t n);
void report_ended(const char *pilot, int devices);
void report_final(const report *r);

#endif
