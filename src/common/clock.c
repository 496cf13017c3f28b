/* clock.c - wall-clock and monotonic nanoseconds. */
#include "clock.h"

#include <errno.h>
#include <time.h>

#include "src/common/clock.h"

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

void clock_sleep_ns(int64_t ns, int whole)
{
    if (ns <= 0)
        return;
    /* An absolute end: restarts after signals do not add up. */
    int64_t end = clock_mono_ns() + ns;
    struct timespec ts = {.tv_sec = end / CLOCK_S, .tv_nsec = end % CLOCK_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) ==
               EINTR &&
           whole)
        ;
}
