/* logs_case.h - a folder of a run, and logs of a trace in it. */
#ifndef TESTS_LOGS_CASE_H
#define TESTS_LOGS_CASE_H

#include "src/trace/log.h"
#include "src/trace/trace.h"
#include "unit.h"

/* Of the run, empty after logs_begin. */
extern char logs_folder[64];

void logs_begin(void);
/* A log of [pilot], which is its own member; of two ranks, in world 7. */
trace_log *logs_open(const char *pilot, const char *kind, int rank,
                     const char *run);
/* Block [seq] of boot 5: sensed at 1000 + seq, and so on by thousands: edge,
 * acked, fetch, start, end; ten blocks an epoch, of term 1, from epoch 2 on.
 */
void logs_edge(trace_log *l, const char *device, uint64_t seq);
layout_work logs_work_of(trace_log *l, const char *device, uint64_t seq);
void logs_work(trace_log *l, const char *device, uint64_t seq);
/* Of epochs [first] to [last] of term 1, answered at 9000 + v. */
void logs_commit(trace_log *l, int64_t first, int64_t last, uint64_t v);
/* The path of the one log of [pilot]. */
void logs_path(const char *pilot, char out[512]);
trace *logs_trace(void);
/* Rows of [kind] that are left. */
uint64_t logs_count(trace *t, enum trace_kind kind);

/* unit_main with a folder in /tmp. */
int logs_main(const char *suite, const unit_test *tests);

#endif
