/* cond.c - what a thread or a fiber waits for under a lock. */
#include "cond.h"

#include "src/common/clock.h"

int fiber_cond_init(fiber_cond *c)
{
    c->waits = NULL;
    return clock_cond_init(&c->cond);
}

void fiber_cond_destroy(fiber_cond *c)
{
    pthread_cond_destroy(&c->cond);
}

bool fiber_cond_wait(fiber_cond *c, pthread_mutex_t *lock, int64_t until_ns)
{
    fiber *here = fiber_self();
    bool early;

    if (!here)
        return clock_cond_wait(&c->cond, lock, until_ns);
    c->waits = here;
    pthread_mutex_unlock(lock);
    early = fiber_wait(until_ns);
    pthread_mutex_lock(lock);
    c->waits = NULL;
    return early;
}

void fiber_cond_signal(fiber_cond *c)
{
    if (c->waits)
        fiber_wake(c->waits);
    else
        pthread_cond_signal(&c->cond);
}
