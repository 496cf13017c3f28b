/* switch.h - stacks, and going from one to another. */
#ifndef STRAND_SWITCH_H
#define STRAND_SWITCH_H

#include <stddef.h>

/* Where somebody is; the other members belong to the tools that look for wrong
 * uses of memory and threads.
 */
typedef struct stand stand;

/* Where a thread is, to come back to; NULL: no memory.  It takes it itself,
 * with the second, before anybody goes from there.
 */
stand *stand_new(void);
void stand_take(stand *s);
/* The beginning of [run] on a stack of [bytes]; NULL: no memory. */
stand *stand_make(size_t bytes, void (*run)(void));
/* Go from [from], which is where we are, to [to]; it returns when somebody goes
 * to [from].  [last]: nobody will.
 */
void stand_go(stand *from, stand *to, int last);
/* The first that [run] does, after [from] went there. */
void stand_begun(stand *at);
/* It is not where anybody is.  May be NULL. */
void stand_free(stand *s);

#endif
