/* slurm_tick.c - preloaded into slurmctld by slurm-cluster: housekeeping every
 * second.
 *
 * Its main thread sleeps a second, then asks of each duty whether its time
 * has come, by difftime(now, last time).  Time limits are looked at every
 * 30 s, which no configuration changes; a test would wait for nothing.  So to
 * the main thread everything below 30 s is 30 s.  Other threads get the truth:
 * there difftime() also decides whether a job is so young that its node need
 * not know it yet.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

double difftime(time_t end, time_t begin)
{
    double d = (double)(end - begin);

    if (d >= 1 && d < 30 && syscall(SYS_gettid) == getpid())
        return 30;
    return d;
}
