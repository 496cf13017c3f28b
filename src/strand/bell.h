/* bell.h - what a thread or a strand waits for under a lock. */
#ifndef STRAND_BELL_H
#define STRAND_BELL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/strand/strand.h"

/* A condition variable for one who waits, be it a thread or a strand. */
typedef struct bell {
    pthread_cond_t cond;
    strand *waits; /* under the lock; NULL: no strand does */
} bell;

int bell_init(bell *b); /* 0, or an errno */
void bell_destroy(bell *b);
/* Wait for it under [lock], which is held, until [until_ns] (monotonic) at
 * most; false: that is now.  It may return before anybody rings.
 */
bool bell_wait(bell *b, pthread_mutex_t *lock, int64_t until_ns);
void bell_ring(bell *b); /* under the lock */

#endif
