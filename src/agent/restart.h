/* restart.h - when a pilot that died is started again, and when no more. */
#ifndef AGENT_RESTART_H
#define AGENT_RESTART_H

#include <stdint.h>

#include "src/common/clock.h"

/* The breaker: so many deaths within the window are not bad luck. */
#define RESTART_DEATHS 5
#define RESTART_WINDOW_NS (120 * CLOCK_S)

/* Wait after an end that tells to try again (75): a service that is there and
 * takes nothing, as one whose disk is full.  It is no death.
 */
#define RESTART_AGAIN_NS (5 * CLOCK_S)

/* A death for which a block is held to be the cause is none of these: after
 * three the block is refused.  But without any progress so many are the end.
 */
#define RESTART_SUSPECTS 15
#define RESTART_SUSPECT_NS (100 * CLOCK_MS)

/* Deaths of one pilot within the window, oldest first; starts zeroed. */
typedef struct restart {
    int64_t death_ns[RESTART_DEATHS];
    int n;
} restart;

/* A death at [now_ns] (monotonic).  Returns the nanoseconds to wait before
 * the next start (0 after the first death, then 0.2 s growing to 5 s), or -1:
 * give up.
 */
int64_t restart_delay(restart *r, int64_t now_ns);

#endif
