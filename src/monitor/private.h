/* private.h - inside of a monitor, for the files of this folder. */
#ifndef MONITOR_PRIVATE_H
#define MONITOR_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/monitor/monitor.h"

/* What a pool had done at [t] seconds. */
struct monitor_sample {
    double t;
    json_int_t blocks;
    double mb;
};

struct monitor {
    char *run;
    char *pipeline;
    json_t *finals;   /* PILOT -> its final event */
    json_t *progress; /* PILOT -> its last progress event */
    json_t *told;     /* committed counters as any pool told them last */
    json_t *base;     /* blocks of earlier commands, by their name */
    json_t *cpu;      /* PILOT -> seconds */
    json_t *errors;   /* array of text */
    int64_t start_ns; /* monotonic */
    int cores;
    int deaths;     /* incarnations lost */
    bool inexact;   /* edges sent blocks nobody counted */
    bool until_eof; /* what the topic holds is all there will be */
    bool pool_lost; /* seconds of the pool are those of its last life only */
    struct {
        json_int_t blocks, points, bytes;
    } before; /* totals when this command began: not ours to rate */
    struct monitor_sample sample[2];
};

/* May a run that says it is done say so?  Else [summary] becomes "failed",
 * with its `exit` and the reasons in `errors`: blocks do not add up (1), own
 * blocks were refused, or nothing was learned (65).  [pool] may be NULL.
 */
void monitor_check(const monitor *m, const json_t *pool, const json_t *edges,
                   json_t *summary);

/* What a run that ends otherwise leaves in its topic, for who goes on with it:
 * `left` of blocks, where edges of its own have sent more than was applied.
 */
void monitor_left(const monitor *m, const json_t *pool, const json_t *edges,
                  json_t *summary);

/* sides.c: {STAGE: {devices, pool}} of the pools among [finals]; a new
 * reference, NULL: none told.
 */
json_t *monitor_sides(const json_t *finals);
void monitor_sides_print(const json_t *summary, FILE *f);

#endif
