/* restart.c - when a pilot that died is started again, and when no more. */
#include "restart.h"

#include <string.h>

#include "src/common/clock.h"

/* Waits after the first, second, ... death of a window. */
static const int64_t delays[RESTART_DEATHS - 1] = {
    0,
    200 * CLOCK_MS,
    CLOCK_S,
    5 * CLOCK_S,
};

int64_t restart_delay(restart *r, int64_t now_ns)
{
    int old = 0;

    while (old < r->n && now_ns - r->death_ns[old] > RESTART_WINDOW_NS)
        old++;
    r->n -= old;
    memmove(r->death_ns, r->death_ns + old, (size_t)r->n * sizeof(int64_t));
    if (r->n + 1 >= RESTART_DEATHS)
        return -1;
    r->death_ns[r->n++] = now_ns;
    return delays[r->n - 1];
}
