/* cond.h - what a thread or a fiber waits for under a lock. */
#ifndef FIBER_COND_H
#define FIBER_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/fiber/fiber.h"

/* A condition variable for one who waits, be it a thread or a fiber. */
typedef struct fiber_cond {
    pthread_cond_t cond;
    fiber *waits; /* under the lock; NULL: no fiber does */
} fiber_cond;

int fiber_cond_init(fiber_cond *c); /* 0, or an errno */
void fiber_cond_destroy(fiber_cond *c);
/* Wait for it under [lock], which is held, until [until_ns] (monotonic) at
 * most; false: that is now.  It may return before anybody signals.
 */
bool fiber_cond_wait(fiber_cond *c, pthread_mutex_t *lock, int64_t until_ns);
void fiber_cond_signal(fiber_cond *c); /* under the lock */

#endif
