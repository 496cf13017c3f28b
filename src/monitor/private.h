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
    json_t *accounts; /* PILOT -> its energy by its scheduler */
    json_t *progress; /* PILOT -> its last progress event */
    json_t *passed;   /* PILOT -> the final event of a pool in front of the last
                         layer */
    json_t *untold;   /* pilots that told no end */
    json_t *replayed; /* LAYER in front of the last -> blocks, by pools of it
                         that died */
    int layers;       /* of the run, as its pools tell; 0: one */
    json_t *told;     /* committed counters as any pool told them last */
    json_t *base;     /* blocks of earlier commands, and of pools that died, by
                         their name */
    json_t *earlier;  /* PILOT -> its final event to an earlier command */
    json_t *counts;   /* PILOT -> what a pool that lives has counted, as it told
                         that last; of its process */
    json_t *cpu;      /* PILOT -> seconds */
    json_t *errors;   /* array of text */
    int64_t start_ns; /* monotonic */
    int cores;
    int deaths;     /* incarnations lost */
    bool inexact;   /* edges sent blocks nobody counted */
    bool until_eof; /* what the topic holds is all there will be */
    bool unknown;   /* what pilots of an earlier command counted is not told */
    bool pool_lost; /* seconds of the pool are those of its last life only */
    json_t *tasks;  /* what the service has of the run's; NULL: not asked */
    struct {
        json_int_t blocks, points, bytes;
    } before; /* totals when this command began: not ours to rate */
    struct monitor_sample sample[2];
};

/* What [pilot], an edge, told at its end to an earlier command, and does not
 * tell now; NULL: nothing.
 */
const json_t *monitor_earlier(const monitor *m, const char *pilot);

/* May a run that says it is done say so?  Else [summary] becomes "failed",
 * with its `exit` and the reasons in `errors`: blocks do not add up (1), own
 * blocks were refused, or nothing was learned (65).  [pool] may be NULL.
 */
void monitor_check(const monitor *m, const json_t *pool, const json_t *edges,
                   json_t *summary);

/* Are [in] blocks, sent and foreign, the [out] ones that were applied or
 * refused and, of [twice] repeats, those that edges have counted as sent, by
 * [blocks]?
 */
bool monitor_adds_up(const monitor *m, const json_t *blocks, long long in,
                     long long out, long long twice);

/* layers.c - is [event] one of a pool whose blocks go on to a next layer? */
bool monitor_passes_on(const json_t *event);
/* A pool of such a layer died; [event] has what it had counted. */
void monitor_layer_lost(monitor *m, const json_t *event);
/* A row of each layer, in the way of blocks, as `layers` of [summary], and the
 * final events of all of them in its `detail`.
 */
void monitor_layers_add(const monitor *m, json_t *summary);
/* Is every block of the one in the next, by the rows of [summary]?  0; else the
 * exit status it deserves, and in [why] what is wrong.
 */
int monitor_layers_check(const monitor *m, const json_t *summary, char *why,
                         size_t cap);
void monitor_layers_print(const json_t *summary, FILE *f);

/* What a run that ends otherwise leaves in its topic, for who goes on with it:
 * `left` of blocks, where edges of its own have sent more than was applied.
 */
void monitor_left(const monitor *m, const json_t *pool, const json_t *edges,
                  json_t *summary);

/* since.c: {"pilots": {NAME: {"starts", "since_ns"}}, "text"} of what is not of
 * the whole run; new, NULL: all is.
 */
json_t *monitor_since(const monitor *m);

/* sides.c */
void monitor_sides_print(const json_t *summary, FILE *f);

/* What the pilots of a run have taken: each by what its scheduler accounts for
 * ([accounts]: monitor_account), else by the counters of its host (`energy` of
 * its final event, src/agent/energy.h), each host once.  {"joules",
 * "joules_per_million_points" (null without points), "hosts" (by counters),
 * "source": "rapl", "slurm" or both, "pilots": {NAME: joules}}, or {"why": not
 * available}, where one of them has neither; with "accounts": [accounts], where
 * there are any.  New; NULL: none of them tells of it.
 */
json_t *monitor_energy(const json_t *finals, const json_t *accounts,
                       long long points);

#endif
