/* fiber.h - many lines of work on few threads. */
#ifndef FIBER_FIBER_H
#define FIBER_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* A line of work with a stack of its own, on a thread that it shares with
 * others.  It gives the thread away where it waits, by the calls below and by a
 * fiber_cond, and nowhere else: what waits otherwise - for a disk, a service, a
 * sensor - belongs on a thread.  A mutex that it holds it gives back before it
 * waits.
 */
typedef struct fiber fiber;

/* Threads that fibers run on. */
typedef struct executor executor;

/* Room of a stack; pages that are never touched take no memory. */
#define FIBER_STACK ((size_t)256 << 10)

/* [threads] of them, 0: one for each processor that we may use.  They start
 * with the first fibers.
 */
executor *executor_create(unsigned threads, pe_error *errp);
/* All fibers were joined.  May be NULL. */
void executor_destroy(executor *x);

/* Run [run] on a thread of [x], always the same one.  NULL: no memory, or no
 * thread.  One thread at a time starts fibers.
 */
fiber *fiber_start(executor *x, void (*run)(void *arg), void *arg,
                   pe_error *errp);
/* Wait for its end, and free it.  Not on a fiber.  May be NULL. */
void fiber_join(fiber *f);

/* The fiber that runs here; NULL: this is a thread. */
fiber *fiber_self(void);

/* --- of the fiber that runs here --- */

/* Wait until [until_ns] (monotonic) or for a fiber_wake that came since the
 * last wait; false: it is time.
 */
bool fiber_wait(int64_t until_ns);
/* Others of the thread have their turn, where this one took long enough. */
void fiber_yield(void);
/* From now on it has a thread of its own, since it does what may wait.  -1: no
 * thread, and it is where it was.
 */
int fiber_part(pe_error *errp);

/* --- of any thread or fiber --- */

void fiber_wake(fiber *f);
/* Sleep until [until_ns]; a fiber always to its end, a thread up to a signal.
 */
void fiber_sleep(int64_t until_ns);

#endif
