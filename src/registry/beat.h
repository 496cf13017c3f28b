/* beat.h - signs of life: what a pilot's supervisor tells the outside. */
#ifndef REGISTRY_BEAT_H
#define REGISTRY_BEAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

/* A beat is a JSON object, the same in DIR/beat.json and, where the run has a
 * parameter service, in the field of the pilot of pilot:{RUN}:pilots:
 *
 *   {"schema": 1, "pilot": "RUN/NAME", "kind": "pool", "seq": n,
 *    "state": "STARTING" | "ACTIVE" | "STALLED" | "DRAINING" | "DONE" |
 *             "FAILED" | "CANCELED",
 *    "reason": "...", "host":, "pid":, "start": (of /proc/PID/stat),
 *    "sched_id":, "ranks":, "nodes":, "time_ns":, "limit_ns":,
 *    "restarts":, "endpoint":, "cpu_s":, "joules": (of its host, where known),
 * "born_ns":, "pipeline":, "topic":, "layer": {name, index, of, broker: of its
 * stream, where that has its own} (a pool of several layers), "machine": what
 * its host is (src/agent/machine.h), "progress": newest progress event of its
 * agents, "final": their final event, "error": their error event, "partitions":
 * [...] (a pool: what it owns)}
 *
 * Members that are not known are left out.  `exit` is the last beat, with
 * "status": the exit status; it is written once and never changed.
 */
enum { BEAT_SCHEMA = 1 };

/* The members that commands look at. */
typedef struct beat {
    char state[16], reason[512], host[256], sched_id[128], endpoint[256];
    char progress[512]; /* of a pool or an edge, for people; "" */
    int ranks, nodes, restarts;
    int status; /* of an exit record; -1 else */
    int64_t seq, time_ns, limit_ns;
} beat;

/* Its members as [out].  -1: [o] is no beat, input 65. */
int beat_take(const json_t *o, beat *out, pe_error *errp);

/* Read what stands in [text] (may be NULL or empty: 1).  -1: no beat, input
 * 65.
 */
int beat_parse(const char *text, size_t len, beat *out, pe_error *errp);

/* The newest progress of [o], for people: "412 blocks/s, lag 0, version 51,
 * 120 outliers", or what it waits for, or stands still for, and since when: its
 * figures are those of then.  "" when the beat has none.
 */
void beat_progress(const json_t *o, char *out, size_t cap);

/* What a pool owns, for people: "0-3,7", in new memory; "" when the beat does
 * not tell.  NULL: no memory.
 */
char *beat_partitions(const json_t *o);

#endif
