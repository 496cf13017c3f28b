/* clock.h - wall-clock and monotonic nanoseconds, and waits by them. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds of a second, a millisecond and a microsecond. */
#define CLOCK_S INT64_C(1000000000)
#define CLOCK_MS INT64_C(1000000)
#define CLOCK_US INT64_C(1000)

/* CLOCK_REALTIME in nanoseconds: what is written into records. */
int64_t clock_real_ns(void);

/* CLOCK_MONOTONIC in nanoseconds: intervals and deadlines. */
int64_t clock_mono_ns(void);

/* CPU time of this process, in seconds. */
double clock_cpu_s(void);

/* Sleep [ns] nanoseconds, through signals when [whole] is not 0. */
void clock_sleep_ns(int64_t ns, int whole);

/* A condition variable that is waited for by clock_mono_ns.  0, or an errno. */
int clock_cond_init(pthread_cond_t *c);
/* Wait for it under [lock], which is held, until [until_ns] at most; false:
 * that is now.
 */
bool clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock,
                     int64_t until_ns);

/* Days from 1970-01-01 to a date, of years from 1 on and of the Gregorian
 * calendar, or the Julian one.  timegm() ends in 2038 where time_t has 32 bits.
 */
int64_t clock_day(int64_t year, int month, int day, bool julian);

/* How long to wait after failure [n] in a row, from 0: [first_ns], doubling up
 * to [most_ns].
 */
int64_t clock_backoff_ns(unsigned n, int64_t first_ns, int64_t most_ns);
/* The same, up to a quarter less: who failed together does not come back
 * together.
 */
int64_t clock_backoff_apart_ns(unsigned n, int64_t first_ns, int64_t most_ns);

#endif
