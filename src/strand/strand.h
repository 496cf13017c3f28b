/* strand.h - many lines of work on few threads. */
#ifndef STRAND_STRAND_H
#define STRAND_STRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* A line of work with a stack of its own, on a thread that it shares with
 * others.  It gives the thread away where it waits, by the calls below and by a
 * bell, and nowhere else: what waits otherwise - for a disk, a service, a
 * sensor - belongs on a thread.  A mutex that it holds it gives back before it
 * waits.
 */
typedef struct strand strand;

/* Threads that strands run on. */
typedef struct loom loom;

/* Room of a stack; pages that are never touched take no memory. */
#define STRAND_STACK ((size_t)256 << 10)

/* [threads] of them, 0: one for each processor that we may use.  They start
 * with the first strands.
 */
loom *loom_create(unsigned threads, pe_error *errp);
/* All strands were joined.  May be NULL. */
void loom_destroy(loom *l);

/* Run [run] on a thread of [l], always the same one.  NULL: no memory, or no
 * thread.  One thread at a time starts strands.
 */
strand *strand_start(loom *l, void (*run)(void *arg), void *arg,
                     pe_error *errp);
/* Wait for its end, and free it.  Not on a strand.  May be NULL. */
void strand_join(strand *s);

/* The strand that runs here; NULL: this is a thread. */
strand *strand_here(void);

/* --- of the strand that runs here --- */

/* Wait until [until_ns] (monotonic) or for a strand_wake that came since the
 * last wait; false: it is time.
 */
bool strand_wait(int64_t until_ns);
/* Others of the thread have their turn, where this one took long enough. */
void strand_pass(void);
/* From now on it has a thread of its own, since it does what may wait.  -1: no
 * thread, and it is where it was.
 */
int strand_part(pe_error *errp);

/* --- of any thread or strand --- */

void strand_wake(strand *s);
/* Sleep until [until_ns]; a strand always to its end, a thread up to a signal.
 */
void strand_sleep(int64_t until_ns);

#endif
