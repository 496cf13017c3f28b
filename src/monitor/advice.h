/* advice.h - where the work of a run had better be, and on how many ranks. */
#ifndef MONITOR_ADVICE_H
#define MONITOR_ADVICE_H

#include <jansson.h>

/* Out of what was measured of a run: [detail], PILOT -> its final event (or
 * `last` of its progress) as in monitor.h, its [verdict], and of the pipeline
 * [facts]: {"partitions", "compression", "stream": stage it leaves, "pool":
 * name, "stages": of devices behind the source, "cores": of the pool's host,
 * where it is one that is known}.  A new reference:
 *
 *   {"schema": 1, "advice": "leave"|"more-ranks"|"fewer-ranks"|"hybrid"|"edge"|
 *      "cloud"|"unknown",
 *    "placement": "cloud"|"hybrid"|"edge": where the model is, hybrid: in the
 *      pool, of blocks that are compressed on devices,
 *    "ranks": {"now", "advised", "per_partition"},
 *    "measured": {NAME: number}, "not_measured": [words],
 *    "placements": {cloud, hybrid, edge: {"blocks_per_s", "bound", "text"}}:
 *      those that can be reckoned,
 *    "text": a sentence with the arithmetic, "try": [options of pilot run]}
 *
 * NULL: no memory.  What was not measured has no number and no placement.
 */
json_t *monitor_advice(const json_t *detail, const json_t *verdict,
                       const json_t *facts);

#endif
