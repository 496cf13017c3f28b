/* bell.c - what a thread or a strand waits for under a lock. */
#include "bell.h"

#include "src/common/clock.h"

int bell_init(bell *b)
{
    b->waits = NULL;
    return clock_cond_init(&b->cond);
}

void bell_destroy(bell *b)
{
    pthread_cond_destroy(&b->cond);
}

bool bell_wait(bell *b, pthread_mutex_t *lock, int64_t until_ns)
{
    strand *here = strand_here();
    bool early;

    if (!here)
        return clock_cond_wait(&b->cond, lock, until_ns);
    b->waits = here;
    pthread_mutex_unlock(lock);
    early = strand_wait(until_ns);
    pthread_mutex_lock(lock);
    b->waits = NULL;
    return early;
}

void bell_ring(bell *b)
{
    if (b->waits)
        strand_wake(b->waits);
    else
        pthread_cond_signal(&b->cond);
}
