/* live.h - a run as it is now, out of Redis and Kafka alone: one document. */
#ifndef LIVE_LIVE_H
#define LIVE_LIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/params/params.h"

/* What `pilot top`, `pilot status` and `pilot serve` show stands in one JSON
 * object, "schema": 1.  Times are ns of the real clock, ages and spans seconds,
 * shares 0 to 1, and "of the last seconds" means over those that the pilot
 * tells of in its `last` (src/agent/event.h), some 4 s.  A member that is not
 * known is left out: a client shows "?" and not 0.
 *
 *   {"schema": 1, "time_ns": of this look, "looked_ns": of the newest one that
 *      the parameter service answered,
 *    "run":, "pipeline":, "topic":,
 *    "state": LIVE_STATES, "words": why, for people, or how it ended; "",
 *    "since_ns":, "seconds": since then (of one that is over: how long it
 *      took), "left_s": of the pool whose time is over first,
 *    "share": of files that end, as read by now,
 *    "exit": of a run that is over,
 *    "rate": {"seconds": of what time it is, "blocks_per_s", "points_per_s",
 *      "mb_per_s"} of what the pools have processed in the last seconds,
 *    "blocks": {sensed, filtered, dropped, lost, sent (by edges that tell),
 *      applied, refused, refused_own, forged (where there are any),
 *      deduplicated, foreign (as committed)},
 *    "points", "outliers", "masked", "unscored", "stale", "bytes": as
 *      committed,
 *    "skipped": rows that sources left out,
 *    "model": {"kind", "version", "commit", "time_ns", "age_s", "bytes",
 *      "threshold", "warming"},
 *    "lag": {"blocks": written to the topic and not committed,
 *      "seconds": of work, at the rate of the last seconds,
 *      "blocks_per_s": by which it grows, or shrinks},
 *    "pilots": [{"name", "kind", "state": of its beat, or SILENT, "reason",
 *      "host", "sched_id", "endpoint", "beat_s": age of its beat, "left_s",
 *      "restarts", "cpu_s", "waits": {"since_ns", "text"},
 *      of a pool: "ranks", "rate": as above, "busy", "fetch", "reduce",
 *        "idle": shares of its ranks' time, "helped_per_s": blocks,
 *        "p95_ms", "epoch_ms", "commit_ms", "rss_mb": of the largest rank,
 *      of an edge: "devices": how many, "rate", "sensed_per_s", "busy",
 *        "blocked", "paced": shares of its devices' time, "queued": blocks,
 *        "full": of the fullest queue, the share that is taken,
 *        "model": {"version", "age_s": when it was told of}}],
 *    "ranks": [{"pilot", "rank", "busy", "fetch", "reduce", "idle",
 *      "blocks_per_s", "helped_per_s", "rss_mb", "lag": records not dispatched,
 *      "backlog": ... of them fetched}],
 *    "partitions": [{"partition", "pilot": the pool that has it, "rank",
 *      "committed", "end", "lag", "seconds": of work, at the pool's rate
 *      over its partitions}],
 *    "devices": [{"device", "partition", "boot", "seq": last applied,
 *      "ended": it has written its end, "dead", and of those that their pilot
 *      tells of: "pilot", "sensed", "sent", "queued", "full", "busy",
 *      "blocked", "paced", "model": {"version", "age_s"}}],
 *    "layers": of a run of several, in the way of blocks [{"layer": as its
 * first pilot, "pilots", "topic": that it reads, "blocks": {applied, refused,
 *      deduplicated, foreign, forwarded (as committed)}, "blocks_per_s", "lag":
 *      {"blocks", "seconds"}}]; "rate", "lag", "ranks" and all that is
 * committed are else those of the last one, "left_out": {"ranks", "partitions",
 * "devices"}: how many are not in these lists, which have those with the most
 * to say: the largest lag, the fullest queue, "hops": [{"hop":
 * "source"|"edge"|"broker"|"pool"|"commit", "pressure": "ok"|"low"|"high"|"?",
 * "share", "text": for people}], in the order in which blocks pass them,
 *    "verdict": {"bottleneck", "headroom", "text"}: monitor_verdict of the last
 *      seconds,
 *    "stalled": [{"pilot", "hop", "since_ns", "text"}], [] where it flows,
 *    "trouble": [{"server": "redis"|"kafka", "since_ns", "text"}]: what does
 *      not answer *us*; all else, ages too, is as it was at looked_ns,
 *    "notes": ["..."]: what is odd, and what was not looked at}
 */
#define LIVE_SCHEMA 1

/* waiting: no pool is up yet; running; draining; stalled; silent: pilots that
 * have not ended tell nothing any more; done, drained, failed: it is over;
 * gone: Redis has nothing of it; unknown: it has not answered us yet.
 */
#define LIVE_STATES \
    "waiting running draining stalled silent done drained failed gone unknown"

/* Is a run in [state] over? */
bool live_is_over(const char *state);

/* Rows of each list of a document at most. */
enum { LIVE_ROWS_MAX = 512 };

typedef struct live live;

/* Where the services of a run are is looked up in the folder of the run, if
 * this host has one, else in PILOT_PARAMS and PILOT_BROKER, else those that
 * `pilot services` keeps.  A service that does not answer is no error: the
 * looks say so.  [run] and [home] are copied.  Errors: input, 78: no such run
 * here, and no parameter service is known that could have it; or it has none.
 */
live *live_open(const char *home, const char *run, pe_error *errp);
void live_close(live *l); /* may be NULL */

/* Look now: a new reference; NULL: no memory.  Takes as long as the services
 * take to answer, at most about 2 s for each that does not.  One thread at a
 * time.
 */
json_t *live_look(live *l, pe_error *errp);

/* Is there something to show in [doc], of live_look?  Scripts see by the status
 * that there is not.  Errors: retry, 69: its parameter service does not answer;
 * input, 78: that has nothing of [run].
 */
int live_check(const json_t *doc, const char *run, pe_error *errp);

/* Its parameter service, borrowed; NULL: it does not answer. */
params *live_params(live *l, pe_error *errp);

/* A row of the history of commits as an object, new: {version, commit, time_ns,
 * writer, model, bytes, blocks, refused, points, outliers, partitions, records,
 * moved, ms, warming, threshold, revision (of the stages, if not 0)}.
 */
json_t *live_commit(const params_row *row);

/* What a document is made of, as it was read; all borrowed.  A pure function,
 * for tests: [facts] is
 *   {"run":, "now_ns":, "looked_ns":,
 *    "beats": {NAME: beat (src/registry/beat.h), ...},
 *    "control": word, "leases": [{member, ranks, partitions: [k...]}],
 *    "state": {commit, version, time_ns, kind, bytes, counters: {...},
 *              offsets: [[topic, partition, next]...],
 *              devices: [[name, partition, boot, seq]...]},
 *    "layers": [{name, topic, state, high}...]: those in front of the last,
 *    "ends": [[device, partition, next, dead]...],
 *    "high": {topic: {partition: end}},
 *    "heard": {NAME: ns}: when its beat came, by our clock, where that is
 * known, "summary": of the command that followed it, of a run that is over,
 *    "commits": the newest rows of the history (live_commit),
 *    "lag_then": {blocks, time_ns}: of an earlier look,
 *    "trouble": [...], "notes": [...]}
 * and the document a new reference; NULL: no memory.
 */
json_t *live_make(const json_t *facts, pe_error *errp);

/* The run that `pilot top` means without a name: the newest one of [home] whose
 * command or pilots live, in new memory.  NULL: none does (*errp of class
 * none).
 */
char *live_newest(pe_error *errp);

#endif
