/* clock.c - wall-clock and monotonic nanoseconds, and waits by them. */
#include "clock.h"

#include <errno.h>
#include <time.h>

#include "src/common/random.h"

static int64_t clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

int64_t clock_real_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

double clock_cpu_s(void)
{
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / CLOCK_S;
}

/* Of the monotonic clock, of which 68 years, what time_t holds where it has 32
 * bits, are as good as for ever.
 */
static struct timespec timespec_of(int64_t ns)
{
    int64_t s = ns / CLOCK_S;

    if (sizeof(time_t) < sizeof(s) && s > INT32_MAX)
        s = INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)s,
                             .tv_nsec = (long)(ns % CLOCK_S)};
}

void clock_sleep_ns(int64_t ns, int whole)
{
    if (ns <= 0)
        return;
    /* An absolute end: restarts after signals do not add up. */
    int64_t end = clock_mono_ns() + ns;
    struct timespec ts = timespec_of(end);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) ==
               EINTR &&
           whole)
        ;
}

int clock_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t a;
    int err = pthread_condattr_init(&a);

    if (err)
        return err;
    err = pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    if (!err)
        err = pthread_cond_init(c, &a);
    pthread_condattr_destroy(&a);
    return err;
}

bool clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns)
{
    const struct timespec until = timespec_of(until_ns);

    return pthread_cond_timedwait(c, lock, &until) == 0;
}

int64_t clock_day(int64_t year, int month, int day, bool julian)
{
    /* Years that begin in March end with the day that may not be there. */
    int64_t y = year + 4800 - (month < 3);
    int64_t days = day + (153 * (month + (month < 3 ? 9 : -3)) + 2) / 5 +
                   365 * y + y / 4 - 32083 - 2440588;

    return julian ? days : days - y / 100 + y / 400 + 38;
}

int64_t clock_backoff_ns(unsigned n, int64_t first_ns, int64_t most_ns)
{
    int64_t ns = first_ns;

    while (n-- > 0 && ns < most_ns)
        ns *= 2;
    return ns < most_ns ? ns : most_ns;
}

int64_t clock_backoff_apart_ns(unsigned n, int64_t first_ns, int64_t most_ns)
{
    int64_t ns = clock_backoff_ns(n, first_ns, most_ns);
    uint64_t draw = random_mix((uint64_t)clock_mono_ns(), n);

    return ns - (int64_t)(draw % (uint64_t)(ns / 4));
}
