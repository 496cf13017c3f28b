/* fault.h - which function a process was in when it died, or does not come
 * back from.
 */
#ifndef AGENT_FAULT_H
#define AGENT_FAULT_H

#include <stdatomic.h>
#include <stddef.h>

#include <pilot/error.h>

/* "stage 'NAME', ENTRY of FUNCTION" in new memory, without what JSON would
 * escape; NULL: no memory.
 */
char *fault_words(const char *stage, const char *entry, const char *function);

/* Behind MPI_Init, which has handlers of its own: from now on a signal of a
 * fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT)
 * is told as an event before it ends the process as ever:
 *   {"event": "fault", "text": the words of the function}
 */
void fault_open(void);

/* Where one thread is. */
typedef struct fault_place {
    _Atomic(const char *) in; /* words; NULL: in no function */
    atomic_ulong calls;
} fault_place;

extern _Thread_local fault_place *fault_here;
fault_place *fault_register(void); /* sets fault_here; NULL: too many */

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

/* Start a thread that looks every second whether a function has come back;
 * one that has not for 5 s (10, 20, ...) is told as an event:
 *   {"event": "note", "pilot":, "text": "WHO: stage ... has not come back for
 *    5 s"}
 * [who] ("rank 2") is copied, [pilot] borrowed.
 */
int fault_watch(const char *pilot, const char *who, pe_error *errp);

#endif
