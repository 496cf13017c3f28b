/* monitor_case.h - a monitor, and what agents told it. */
#ifndef TESTS_MONITOR_CASE_H
#define TESTS_MONITOR_CASE_H

#include "json_quoted.h"
#include "src/monitor/monitor.h"

/* The last event of a pool and of an edge agent. */
#define POOL_FINAL                                                             \
    "{'event': 'pool', 'pilot': 'pool', 'state': 'done', 'ranks': 1, "         \
    "'blocks': {'fetched': 101, 'applied': 98, 'refused': 2, 'replayed': 1, "  \
    "'deduplicated': 3, 'foreign': 5}, 'rows': {'masked': 3, 'unscored': "     \
    "1000}, 'masked_cells': {'0': 2, '7': 1}, 'first': {'masked': 't/0/5 row " \
    "2'}, 'points': 98000, 'bytes': 25088000, "                                \
    "'outliers': 7, 'seconds': 4.0, 'busy_s': 3.75, 'fetch_s': 0.13, "         \
    "'cpu_s': 8.0, 'exactly_once': true, 'latency_ms': {'process': {'n': 98, " \
    "'p50': 1.5, 'p90': 2.5, 'p99': 3.5, 'max': 4.5}}, 'model': {'kind': "     \
    "'kmeans', 'kernel': 'avx2', 'version': 16, 'commit': "                    \
    "'0123456789abcdef0123456789abcdef', 'points': 98000, 'threshold': 2.5, "  \
    "'warming': false}}"
#define EDGE_FINAL                                                           \
    "{'event': 'edge', 'pilot': 'devices', 'state': 'done', 'devices': 2, "  \
    "'blocks': {'sensed': 110, 'filtered': 10, 'dropped': 4, 'spooled': 1, " \
    "'sent': 95}, 'rows': {'skipped': 12}, 'first': {'skipped': 'a.csv:7: "  \
    "3 fields, not 4'}, 'scored': 90000, 'outliers': 5, 'seconds': 4.0, "    \
    "'cpu_s': 0.5, 'busy_s': 2.0, 'blocked_s': "                             \
    "0, 'latency_ms': {'model': {'n': 16, 'p50': 1, 'p90': 2, 'p99': 3, "    \
    "'max': 4}}}"

/* Such events that count blocks and no more: BLOCKS('sensed' : 1). */
#define BLOCKS(...) "{'event': 'edge', 'blocks': {" #__VA_ARGS__ "}}"
#define POOL_BLOCKS(...) \
    "{'event': 'pool', 'points': 1, 'blocks': {" #__VA_ARGS__ "}}"

/* Give [m] an event of [pilot] as json_quoted has it. */
void case_take(monitor *m, const char *pilot, const char *quoted);
/* A monitor of run r-1 of "quick" that was told these; NULL: nothing. */
monitor *case_monitor(const char *pool, const char *edge);
/* Member [key] as json_shown has it. */
const char *case_part(const json_t *summary, const char *key);

#endif
