/* process_group.c - children with a group of their own: none of it stays. */
#include "process.h"

#include <signal.h>
#include <sys/wait.h>

#include "src/common/clock.h"

#define WAIT_STEP_NS 2000000 /* between two looks */

/* One that was reaped is no child of ours any more. */
static bool is_over(const process *p)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)process_pid(p), &info,
                  WEXITED | WNOHANG | WNOWAIT) < 0 ||
           info.si_pid == process_pid(p);
}

bool process_over(const process *p, int timeout_ms)
{
    int64_t until = clock_mono_ns() + timeout_ms * CLOCK_MS;

    while (!is_over(p)) {
        if (clock_mono_ns() >= until)
            return false;
        clock_sleep_ns(WAIT_STEP_NS, 0);
    }
    return true;
}

void process_end_group(process *p, int grace_ms)
{
    if (!process_over(p, 0)) {
        process_signal(p, SIGTERM);
        process_over(p, grace_ms);
    }
    process_signal(p, SIGKILL); /* the rest of the group, too */
    process_wait(p, -1);
}
