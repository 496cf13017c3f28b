/* interrupt.h - somebody wants the end while a long step is under way. */
#ifndef COMMON_INTERRUPT_H
#define COMMON_INTERRUPT_H

#include <stdint.h>

#include <pilot/error.h>

enum interrupt {
    INTERRUPT_NONE,
    INTERRUPT_SOON, /* begin nothing more that takes long: no further copy,
                       no further try at a server */
    INTERRUPT_NOW,  /* give up what is under way, too */
};

/* For the whole process, from any thread.  Programs that never call it are
 * never interrupted.
 */
void interrupt_set(enum interrupt level);
enum interrupt interrupt_level(void);

/* In a long step: 0, or retry, 75, "interrupted" from [level] on. */
int interrupt_check(enum interrupt level, pe_error *errp);

/* Sleep [ns], or less and -1 like interrupt_check(INTERRUPT_SOON). */
int interrupt_sleep(int64_t ns, pe_error *errp);

/* How long a wait for [ms] may last before it looks again. */
int interrupt_slice(int64_t ms);

#endif
