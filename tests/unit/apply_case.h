/* apply_case.h - a pilot, its job, its beat, of seconds ago. */
#ifndef TESTS_APPLY_CASE_H
#define TESTS_APPLY_CASE_H

#include "src/common/clock.h"
#include "src/registry/observe.h"

#define NOW (INT64_C(1700000000) * CLOCK_S)

/* Seconds before now, as a time. */
#define AGO(s) (NOW - (s)*CLOCK_S)

pilot_record case_record(enum pilot_state state);
resource_job case_job(enum resource_seen seen);
beat case_beat(const char *state, int64_t time_ns);

#endif
