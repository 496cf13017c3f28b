/* document.h - what a report tells of a run: one JSON document. */
#ifndef PAGE_DOCUMENT_H
#define PAGE_DOCUMENT_H

#include <jansson.h>
#include <stdint.h>

#include <pilot/error.h>

/* The summary of the run (DESIGN section 9), as `pilot run --summary` writes
 * it; of a run that is not over, and of one that nobody lived to sum up, those
 * members that are known.  Beside them "report":
 *
 *   {"schema": 1, "made": time, "made_ns":, "by": version, "live": bool,
 *    "began_ns":, "origin_ns": 0 of all curves,
 *    "notes": [what is odd, in words],
 *    "lacks": {SECTION: why there is none, and what to do},
 *    "arithmetic": [what the verdict is made of, in words],
 *    "core_hours_per_million": points,
 *    "series": {counted, from, latency_of, start_ns, from_s, step_s,
 *      first_part, last_part: how much of those two steps it was, blocks,
 * points, bytes, outliers, p50_ms, p90_ms, p99_ms: [a number, or null, a
 * step]}, "hops": [{hop, words, n, p50_ms, p90_ms, p99_ms, max_ms, negative}],
 *    "hops_from": in words,
 *    "ranks": {start_ns, from_s, step_s, states: [...], words,
 *      rows: [{name, share: [of each state: [a share a step]]}],
 *      totals: [{name, host, seconds: [of each state]}]},
 *    "partitions": [{partition, topic, owner, devices, committed, lag, next,
 *      blocks}], "partitions_from": in words,
 *    "history": [{version, time_ns, points, threshold, bytes, took_ms}],
 *    "history_from": in words,
 *    "refused": {words, reasons: [{reason, n, origin}]},
 *    "pilots": [{name, kind, state, host, ranks, cpu_s, memory, restarts,
 *      words}],
 *    "machines": [{host, cpu, cores, memory, system, clock_ms,
 * clock_bound_ms}], "config": {text, file, set: [...], broker, params}}
 *
 * Members that are not known are left out.
 */
#define DOCUMENT_SCHEMA 1

/* Make it of [facts], a pure function:
 *   {"run":, "by":, "now_ns":, "began_ns":, "state": of a run of which nobody
 *      has told anything yet,
 *    "summary": summary.json, or what stands for it; "over": it is the end,
 *    "live": live_look (src/live/live.h),
 *    "beats": {NAME: beat (src/registry/beat.h)},
 *    "fold": fold_json (fold.h),
 *    "commits", "offsets": commits and partitions of src/run/history.h,
 *    "trace": {rows, dropped, lost, torn_bytes, nameless, cut, unended,
 *      missing, processes: [{member, host, kind, offset_ns, bound_ns}]},
 *    "refused": {topic, kept, records: [{reason, origin}]},
 *    "config": {text, file, set, broker, params},
 *    "why": {NAME of a member above: why it is not there}}
 * of which all but the run may be missing.  A new reference; NULL: no memory.
 */
json_t *document_make(const json_t *facts, pe_error *errp);

#endif
