/* fault.h - which function a process was in when it died, or does not come
 * back from.
 */
#ifndef AGENT_FAULT_H
#define AGENT_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

#include "src/agent/note.h"

/* "stage 'NAME', ENTRY of FUNCTION" in new memory, without what JSON would
 * escape; NULL: no memory.
 */
char *fault_words(const char *stage, const char *entry, const char *function);

/* Behind MPI_Init, which has handlers of its own: from now on a signal of a
 * fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT)
 * is told as an event before it ends the process as ever:
 *   {"event": "fault", "text": the words of the function, "noted": a block is
 *    held to be the cause (note.h)}
 * A function that calls exit is told so, too, and ends the process there.
 */
void fault_open(void);

/* Where one thread is. */
typedef struct fault_place {
    _Atomic(const char *) in; /* words; NULL: in no function */
    atomic_ulong calls;
    atomic_int_fast64_t limit_ns; /* of a call; 0: none */
    _Atomic(note *) note;         /* the block it has; NULL: none is noted */
} fault_place;

extern _Thread_local fault_place *fault_here;
fault_place *fault_register(void); /* sets fault_here; NULL: too many */

/* The calls of this process have limits, the shortest of which is [limit_ns]:
 * who watches looks as often as that asks for.
 */
void fault_limits(int64_t limit_ns);
bool fault_limited(void); /* have they any? */

/* Around a call of a user's function: a few instructions.  [words] live as
 * long as the process may be asked.
 */
static inline void fault_enter(const char *words)
{
    fault_place *p = fault_here ? fault_here : fault_register();

    if (p) {
        atomic_fetch_add_explicit(&p->calls, 1, memory_order_relaxed);
        atomic_store_explicit(&p->in, words, memory_order_relaxed);
    }
}

static inline void fault_leave(void)
{
    if (fault_here)
        atomic_store_explicit(&fault_here->in, NULL, memory_order_relaxed);
}

/* A call that is noted in [n], and may take [limit_ns] (0: any time). */
static inline void fault_note(note *n, int64_t limit_ns)
{
    fault_place *p = fault_here ? fault_here : fault_register();

    if (p) {
        atomic_store_explicit(&p->limit_ns, limit_ns, memory_order_relaxed);
        atomic_store_explicit(&p->note, n, memory_order_relaxed);
    }
}

/* Start a thread that looks every second whether a function has come back;
 * one that has not for 5 s (10, 20, ...) is told as an event:
 *   {"event": "note", "pilot":, "text": "WHO: stage ... has not come back for
 *    5 s"}
 * One that has been in a function for longer than its limit ends the process,
 * with a fault event: time in which the process itself was stopped is none.
 * [who] ("rank 2") is copied, [pilot] borrowed; NULL: who is stuck is told by
 * others, and only limits are kept.
 */
int fault_watch(const char *pilot, const char *who, pe_error *errp);

#endif
