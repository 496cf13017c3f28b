/* stack.h - stacks, and going from one to another. */
#ifndef FIBER_STACK_H
#define FIBER_STACK_H

#include <stddef.h>

/* Where somebody is; the other members belong to the tools that look for wrong
 * uses of memory and threads.
 */
typedef struct fiber_stack fiber_stack;

/* Where a thread is, to come back to; NULL: no memory.  It takes it itself,
 * with the second, before anybody goes from there.
 */
fiber_stack *stack_new(void);
void stack_take(fiber_stack *s);
/* The beginning of [run] on a stack of [bytes]; NULL: no memory. */
fiber_stack *stack_make(size_t bytes, void (*run)(void));
/* Go from [from], which is where we are, to [to]; it returns when somebody goes
 * to [from].  [last]: nobody will.
 */
void stack_go(fiber_stack *from, fiber_stack *to, int last);
/* The first that [run] does, after [from] went there. */
void stack_begun(fiber_stack *at);
/* It is not where anybody is.  May be NULL. */
void stack_free(fiber_stack *s);

#endif
