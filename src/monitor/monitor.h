/* monitor.h - joins what agents tell into the summary of a run. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <pilot/error.h>

/* Final event of the pool (rank 0, after the last commit):
 *   {"event": "pool", "pilot": NAME, "state": "done"|"failed", "ranks": n,
 *    "blocks": {fetched, applied, refused, refused_own (of this run's
 *    devices), replayed, deduplicated, foreign, unchecked},
 *    "rows": {masked, unscored (of the warm-up), stale},
 *    "masked_cells": {COLUMN: cells that masked their row}, where any,
 *    "first": {COUNTER: words for people: what the first was, and where},
 *    "points": learned from, "outliers":, "bytes":,
 *    "began": {blocks, points, bytes}: committed before this world took it up,
 *    "seconds": first fetch to last commit, "first_ns":, "last_ns":,
 *    "cpu_s":, "busy_s": (sum over ranks of time in process_cloud),
 *    "fetch_s": (sum over ranks of time taking records), "idle_s":,
 *    "reduce_s": (sum over ranks of time in epoch protocol),
 *    "starved_s": (sum over ranks of idle time while the topic has records),
 *    "held_s": (the same until the epoch before is committed),
 *    "commit_s": (from ends of epochs to their commits, all together),
 *    "store_s", "apply_s": (of it the store's, and to make the models),
 *    "answers": {n: seconds in which the broker answered, and sums over them:
 *      slow_ms, quick_ms (of the slowest and quickest answer of each),
 *      throttle_ms (by which a quota held an answer back)},
 *    "core_speed": of one core (src/common/speed.h)
 *    "epochs":, "commits":, "stale":, "terms":, "helped": blocks,
 *    "exactly_once": true|false,
 *    "latency_ms": {edge, broker, start (of each rank's first record: the
 *    broker hop), wait, process, commit, total, processed, urgent (from the
 *    device to the start of the processing, of urgent blocks)},
 *    "model": {kind, version, commit, points, threshold, warming},
 *    "stages": {STAGE: {devices, pool}: blocks that each side put through it},
 *    "rss_mb": largest of a rank, "rss_total_mb":,
 *    "layer": {name, index, of}: of a run of several layers, and then
 *    forwarded among its blocks: handed on to the next}
 *  "cores": of its hosts together, "host": of its supervisor;
 *  "cpu_s" is of all of its processes, and where they were started again
 *  "life": {n: starts, since_ns: of the last}, whose times and latencies they
 *  are; its counters are of the run, or of that life.
 * Final event of an edge pilot:
 *   {"event": "edge", "pilot": NAME, "state":, "devices": n,
 *    "blocks": {sensed, filtered, dropped, spooled, lost, sent} (over its
 *    deaths), resent (of them that an earlier command had sent, too),
 *    "rows": {skipped (by the source)}, "first": {skipped: ...}, "points":,
 *    "bytes":, "seconds":, "cpu_s":, "busy_s": (sum over devices of time in
 *    produce and process), "blocked_s": (sum of time waiting for the
 *    queue, and at the end for all to be acknowledged), "answers": as above,
 *    "wire_bytes": sent to the broker, as they were packed, "paced_s": (sum of
 * time waiting for the schedule or the sensor), "outliers":, "scored": points,
 *    "unscored": points that a stage would have scored, before the first model,
 *    "latency_ms": {"model"}, "model": {version, commit}, "learned",
 *    "counted": whose counts these are (tally.h): blocks but untraced, points,
 *    bytes, outliers, scored, unscored and learned, over all processes; "life"
 *    as above, and then blocks {sensed, sent} and bytes of the last one}
 */
typedef struct monitor monitor;

monitor *monitor_create(const char *run, const char *pipeline_name,
                        pe_error *errp);
void monitor_destroy(monitor *m); /* may be NULL */

/* Go on from [summary], what monitor_summary gave when the run was drained, or
 * failed: what was counted before and is not told again is counted in.  NULL:
 * the run was cut off and nobody knows what its ranks had fetched.
 */
void monitor_resume(monitor *m, const json_t *summary);

/* What was committed when this command began is not of its rate. */
void monitor_began(monitor *m, uint64_t blocks, uint64_t points,
                   uint64_t bytes);

/* The run ends at what its topic holds: that this is nothing is no fault, and
 * is said in member `empty` of the summary.
 */
void monitor_until_eof(monitor *m);

/* Take an event of pilot [pilot]. */
void monitor_take(monitor *m, const char *pilot, const json_t *event);

/* An incarnation of [pilot] ended without its final event.  What it said last
 * stands until the next one goes on from there, and where it is an [edge], what
 * edges sent is a lower bound from now on.
 */
void monitor_lost(monitor *m, const char *pilot, bool edge);

/* What [pilot] has done is not known: it told no end. */
void monitor_untold(monitor *m, const char *pilot);

/* Add CPU seconds of a pilot's processes; note an error of the run. */
void monitor_cpu(monitor *m, const char *pilot, double cpu_s);
void monitor_error(monitor *m, const char *what);
/* Slices of tasks, of the whole run, as the parameter service has them: what
 * pools tell is without those of ranks that died.
 */
void monitor_tasks(monitor *m, uint64_t done, uint64_t failed);
/* What the accounting of [pilot]'s scheduler says of its energy: {"joules",
 * "source": "slurm"}, {"why", "source"}, or {"in": NAME}, it lives in that
 * allocation and counts there.  Taken over; NULL: no memory.
 */
void monitor_account(monitor *m, const char *pilot, json_t *energy);

/* One line of progress into [out], "" when nothing is known yet.  It fits
 * into [cap] - 1 columns: what there is least need of is left out.
 */
void monitor_progress(const monitor *m, char *out, size_t cap);

/* Has a pool told in its final event of a model that scores: one that was
 * committed, and is not warming up?
 */
bool monitor_has_model(const monitor *m);

/* The summary of DESIGN section 9 ("schema": 1); a new reference, NULL when
 * there is no memory.  [state] is "done", "drained" or "failed"; a "done" run
 * whose blocks do not add up (rule 9), of whose own blocks some were refused,
 * or that learned from no row (but see monitor_until_eof), becomes "failed",
 * with the reason in `errors` and the exit status it deserves in `exit`.  What
 * is counted, and where it stands, is the table in counter.h.  Beyond the
 * design: `deaths` (of pilots, see monitor_lost) and `detail`, the final event
 * of every pilot.
 */
json_t *monitor_summary(const monitor *m, const char *state, double seconds);

/* The summary as a short table for people; plain text. */
void monitor_print(const json_t *summary, FILE *f);

/* Which hop bounds the run: {bottleneck, headroom {HOP: ...}, text} out of the
 * final events of the pool (may be NULL, or an array where there are several,
 * whose times are added) and of the edges (an array, may be empty), or of
 * `last` of their progress events, on a host of [cores] cores. bottleneck is a
 * hop: edge, link, broker, fetch, kernel, reduce, params; or source (the
 * sources were waited for), start (the stream waited for its pool to come up),
 * none (nothing was near its limit, and nothing waited) or unknown.  Headroom
 * is how many times faster the hop could have been, null where it was never
 * seen to limit anything; `pool` is kernel and fetch.  Of pools that say of
 * which `layer` they are it is the layer nearest to its limit, which `layer`
 * names then, and all figures are that one's.  A new reference, NULL when there
 * is no memory.
 */
json_t *monitor_verdict(const json_t *pool, const json_t *edges, int cores);

#endif
