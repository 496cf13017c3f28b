/* watchdog.h - a host of a pool that is cut from the others is missed.
 *
 * MPI waits for it without an end, and so does what started the ranks.  So
 * beside MPI each rank says by a datagram that it lives, how often its loop has
 * come by, and whether it waits; rank 0 answers.  Who is not heard for the
 * limit ends the world: rank 0 says which hosts were silent and ends, by which
 * its launcher ends the others; a rank that does not hear rank 0 ends, too, or
 * it would stay on its host.  A rank in a function of a user goes on to say so,
 * however long that takes.  Where all are heard and all wait for each other for
 * the limit, it is MPI that has lost a connection.
 *
 * It is a thread that sleeps, and costs the loop two stores a turn.  It knows
 * no MPI: whoever does gives all ranks the place of rank 0.
 */
#ifndef WATCHDOG_WATCHDOG_H
#define WATCHDOG_WATCHDOG_H

#include <pilot/error.h>

#include "src/watchdog/judge.h"
#include "src/watchdog/place.h"
#include "src/watchdog/pulse.h"

typedef struct watchdog watchdog;

/* What goes both ways: ranks of one world are one program on one kind of
 * machine.
 */
typedef struct watchdog_message {
    unsigned char key[16]; /* of its place */
    judge_beat beat;
} watchdog_message;

typedef struct watchdog_conf {
    const char *pilot; /* for messages; borrowed for its life */
    int rank, size;
    double limit_s;
    watchdog_place place; /* of rank 0, as all have it */
    int fd;               /* rank 0: its socket, which is taken over */
    const char *hosts;    /* rank 0: size x WATCHDOG_HOST_MAX; copied */
    /* What ends this process, with what is to be said; NULL: it is said as the
     * fault that is a cut (agent/event.h), and the process ends at once.
     */
    void (*end)(void *arg, const char *words);
    /* For people, once: ranks that cannot be heard.  May be NULL. */
    void (*note)(void *arg, const char *words);
    void *arg;
} watchdog_conf;

/* Starts the thread.  Local; NULL: an error of the system. */
watchdog *watchdog_open(const watchdog_conf *c, pe_error *errp);
void watchdog_close(watchdog *w); /* may be NULL */

/* Where the loop of this rank leaves how it goes; NULL of NULL. */
watchdog_pulse *watchdog_pulse_of(watchdog *w);

#endif
