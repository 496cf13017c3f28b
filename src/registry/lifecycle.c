/* lifecycle.c - a pilot's states, and what moves it from one to the next. */
#include "lifecycle.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[PILOT_N_STATES] = {
    [PILOT_NEW] = "NEW",
    [PILOT_QUEUED] = "QUEUED",
    [PILOT_HELD] = "HELD",
    [PILOT_STARTING] = "STARTING",
    [PILOT_ACTIVE] = "ACTIVE",
    [PILOT_STALLED] = "STALLED",
    [PILOT_DRAINING] = "DRAINING",
    [PILOT_DONE] = "DONE",
    [PILOT_FAILED] = "FAILED",
    [PILOT_CANCELED] = "CANCELED",
    [PILOT_TIMEOUT] = "TIMEOUT",
    [PILOT_MISSING] = "MISSING",
    [PILOT_PREEMPTED] = "PREEMPTED",
};

#define SEEN(what) [PILOT_ON_SEEN_AS(RESOURCE_##what)]

static const char *const event_names[PILOT_N_EVENTS] = {
    [PILOT_ON_SUBMITTED] = "submitted",
    [PILOT_ON_REFUSED] = "refused",
    SEEN(ABSENT) = "seen absent",
    SEEN(QUEUED) = "seen queued",
    SEEN(HELD) = "seen held",
    SEEN(STARTING) = "seen starting",
    SEEN(RUNNING) = "seen running",
    SEEN(SUSPENDED) = "seen suspended",
    SEEN(ENDING) = "seen ending",
    SEEN(DONE) = "seen done",
    SEEN(FAILED) = "seen failed",
    SEEN(CANCELED) = "seen canceled",
    SEEN(TIMEOUT) = "seen timeout",
    SEEN(PREEMPTED) = "seen preempted",
    SEEN(NODE_LOST) = "seen node lost",
    SEEN(UNKNOWN) = "seen unknown",
    [PILOT_ON_HELLO] = "hello",
    [PILOT_ON_STALL] = "stall",
    [PILOT_ON_DRAIN] = "drain",
    [PILOT_ON_EXIT_DONE] = "exit done",
    [PILOT_ON_EXIT_FAILED] = "exit failed",
    [PILOT_ON_EXIT_CANCELED] = "exit canceled",
    [PILOT_ON_HELLO_LATE] = "hello late",
    [PILOT_ON_LOST] = "lost",
};

/* The columns of the table. */
enum {
    NW = PILOT_NEW,
    QU = PILOT_QUEUED,
    HE = PILOT_HELD,
    ST = PILOT_STARTING,
    AC = PILOT_ACTIVE,
    SL = PILOT_STALLED,
    DR = PILOT_DRAINING,
    DN = PILOT_DONE,
    FA = PILOT_FAILED,
    CA = PILOT_CANCELED,
    TO = PILOT_TIMEOUT,
    MI = PILOT_MISSING,
    PR = PILOT_PREEMPTED,
};

/* What the rows rest on:
 *
 * - ACTIVE, STALLED and DRAINING mean that the pilot said hello; no word of a
 *   scheduler makes it so.  STALLED is its own word, too: it is ACTIVE, and
 *   says that nothing moves.  A job that ends well before that is MISSING.
 * - A word that is not known, and absence by itself, move nothing.
 * - A job in the queue is queued, whatever became of it before: it was put
 *   back, at its end even by hand.
 * - Of two who tell how it ended, the exit record is the better witness of
 *   the pilot's own doing, the scheduler of what was done to it; it does not
 *   matter who is heard first (a test tries).
 * - MISSING is our inference and yields to whoever knows better; so does a
 *   submission we took for cut off and whose answer comes late.
 */
/* clang-format off */
static const uint8_t table[PILOT_N_EVENTS][PILOT_N_STATES] = {
/*                       of: NW  QU  HE  ST  AC  SL  DR  DN  FA  CA  TO  MI  PR
 */
[PILOT_ON_SUBMITTED]     = {QU, QU, HE, ST, AC, SL, DR, DN, QU, QU, TO, QU, PR},
[PILOT_ON_REFUSED]       = {FA, QU, HE, ST, AC, SL, DR, DN, FA, CA, TO, MI, PR},
SEEN(ABSENT)             = {NW, QU, HE, ST, AC, SL, DR, DN, FA, CA, TO, MI, PR},
SEEN(QUEUED)             = {QU, QU, QU, QU, QU, QU, QU, QU, QU, QU, QU, QU, QU},
SEEN(HELD)               = {HE, HE, HE, HE, HE, HE, HE, HE, HE, HE, HE, HE, HE},
SEEN(STARTING)           = {ST, ST, ST, ST, AC, SL, DR, DN, FA, CA, TO, MI, PR},
SEEN(RUNNING)            = {ST, ST, ST, ST, AC, SL, DR, DN, FA, CA, TO, MI, PR},
SEEN(SUSPENDED)          = {ST, ST, ST, ST, AC, SL, DR, DN, FA, CA, TO, MI, PR},
SEEN(ENDING)             = {ST, ST, ST, ST, DR, DR, DR, DN, FA, CA, TO, MI, PR},
SEEN(DONE)               = {MI, MI, MI, MI, DN, DN, DN, DN, FA, CA, TO, MI, PR},
SEEN(FAILED)             = {FA, FA, FA, FA, FA, FA, FA, DN, FA, CA, TO, FA, PR},
SEEN(CANCELED)           = {CA, CA, CA, CA, CA, CA, CA, DN, CA, CA, TO, CA, PR},
SEEN(TIMEOUT)            = {TO, TO, TO, TO, TO, TO, TO, DN, TO, TO, TO, TO, PR},
SEEN(PREEMPTED)          = {PR, PR, PR, PR, PR, PR, PR, DN, PR, PR, PR, PR, PR},
SEEN(NODE_LOST)          = {FA, FA, FA, FA, FA, FA, FA, DN, FA, CA, TO, FA, PR},
SEEN(UNKNOWN)            = {NW, QU, HE, ST, AC, SL, DR, DN, FA, CA, TO, MI, PR},
[PILOT_ON_HELLO]         = {AC, AC, AC, AC, AC, AC, DR, DN, FA, CA, TO, AC, PR},
[PILOT_ON_STALL]         = {SL, SL, SL, SL, SL, SL, DR, DN, FA, CA, TO, SL, PR},
[PILOT_ON_DRAIN]         = {DR, DR, DR, DR, DR, DR, DR, DN, FA, CA, TO, DR, PR},
[PILOT_ON_EXIT_DONE]     = {DN, DN, DN, DN, DN, DN, DN, DN, DN, DN, DN, DN, DN},
[PILOT_ON_EXIT_FAILED]   = {FA, FA, FA, FA, FA, FA, FA, FA, FA, CA, TO, FA, PR},
[PILOT_ON_EXIT_CANCELED] = {CA, CA, CA, CA, CA, CA, CA, CA, CA, CA, TO, CA, PR},
[PILOT_ON_HELLO_LATE]    = {NW, QU, HE, MI, AC, SL, DR, DN, FA, CA, TO, MI, PR},
[PILOT_ON_LOST]          = {FA, MI, MI, MI, MI, MI, MI, DN, FA, CA, TO, MI, PR},
};
/* clang-format on */

const char *pilot_state_name(enum pilot_state s)
{
    return s < PILOT_N_STATES ? state_names[s] : "?";
}

int pilot_state_find(const char *name)
{
    for (int s = 0; name && s < PILOT_N_STATES; s++)
        if (!strcmp(state_names[s], name))
            return s;
    return -1;
}

bool pilot_state_is_up(enum pilot_state s)
{
    return s >= PILOT_ACTIVE && s <= PILOT_DRAINING;
}

bool pilot_state_is_final(enum pilot_state s)
{
    return s >= PILOT_DONE;
}

const char *pilot_event_name(enum pilot_event e)
{
    return e < PILOT_N_EVENTS ? event_names[e] : "?";
}

enum pilot_state pilot_state_next(enum pilot_state s, enum pilot_event e,
                                  bool canceled)
{
    enum pilot_state next = table[e][s];

    if (canceled && next != s &&
        (next == PILOT_FAILED || next == PILOT_MISSING ||
         next == PILOT_TIMEOUT))
        return PILOT_CANCELED;
    return next;
}

int pilot_state_status(enum pilot_state s)
{
    if (s == PILOT_DONE)
        return PE_EXIT_OK;
    return s == PILOT_CANCELED ? 128 + SIGTERM : PE_EXIT_FAILED;
}
