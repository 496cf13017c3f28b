/* clock.h - wall-clock and monotonic nanoseconds. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Nanoseconds of a second and of a millisecond. */
#define CLOCK_S INT64_C(1000000000)
#define CLOCK_MS INT64_C(1000000)

/* CLOCK_REALTIME in nanoseconds: what is written into records. */
int64_t clock_real_ns(void);

/* CLOCK_MONOTONIC in nanoseconds: intervals and deadlines. */
int64_t clock_mono_ns(void);

/* CPU time of this process, in seconds. */
double clock_cpu_s(void);

/* Sleep [ns] nanoseconds, through signals when [whole] is not 0. */
void clock_sleep_ns(int64_t ns, int whole);

#endif
