/* lifecycle.h - a pilot's states, and what moves it from one to the next. */
#ifndef REGISTRY_LIFECYCLE_H
#define REGISTRY_LIFECYCLE_H

#include <stdbool.h>

#include <pilot/error.h>

#include "src/resource/resource.h"

enum pilot_state {
    PILOT_NEW, /* described; no scheduler has accepted it yet */
    PILOT_QUEUED,
    PILOT_HELD,
    PILOT_STARTING, /* the job runs, its processes have not said hello */
    PILOT_ACTIVE,
    PILOT_STALLED,  /* active, and nothing of what it has moves */
    PILOT_DRAINING, /* takes nothing new */
    /* final */
    PILOT_DONE,
    PILOT_FAILED,
    PILOT_CANCELED,
    PILOT_TIMEOUT, /* its walltime */
    PILOT_MISSING, /* never said hello, or vanished without a word */
    PILOT_PREEMPTED,
    PILOT_N_STATES
};

enum pilot_event {
    /* commands of ours */
    PILOT_ON_SUBMITTED,
    PILOT_ON_REFUSED, /* the scheduler would not have it */
    /* what the scheduler says of its job: one for each resource_seen, in that
     * order, beginning here
     */
    PILOT_ON_SEEN,
    /* what the pilot itself says */
    PILOT_ON_HELLO = PILOT_ON_SEEN + RESOURCE_N_SEEN,
    PILOT_ON_STALL, /* hello, and that it stands still */
    PILOT_ON_DRAIN,
    PILOT_ON_EXIT_DONE, /* its exit record: status 0 */
    PILOT_ON_EXIT_FAILED,
    PILOT_ON_EXIT_CANCELED,
    /* clocks */
    PILOT_ON_HELLO_LATE, /* the hello time-out is over */
    PILOT_ON_LOST,       /* absent at the scheduler, silent, no exit record */
    PILOT_N_EVENTS
};

/* The event that stands for a resource_seen.  Of two enums the sum is of none,
 * which a compiler may say.
 */
#define PILOT_ON_SEEN_AS(seen) ((int)PILOT_ON_SEEN + (int)(seen))

const char *pilot_state_name(enum pilot_state s); /* "ACTIVE" */
/* Has it said hello, and not ended? */
bool pilot_state_is_up(enum pilot_state s);
int pilot_state_find(const char *name); /* -1: none */
bool pilot_state_is_final(enum pilot_state s);
const char *pilot_event_name(enum pilot_event e); /* "seen running" */

/* The one table: the state after [e] in [s].  Every pair has an entry; a
 * final state stays as it is but for what the table says (a job that was
 * requeued by hand after its end).  [canceled]: somebody asked for the end:
 * what would be FAILED, MISSING or TIMEOUT is CANCELED then.
 */
enum pilot_state pilot_state_next(enum pilot_state s, enum pilot_event e,
                                  bool canceled);

/* Exit status of a command that waited for a pilot in final state [s]: 0, 1,
 * or 128 + 15 for one that was canceled.
 */
int pilot_state_status(enum pilot_state s);

#endif
