/* device_move.c - stages that come to a device, or leave it, between two
 * blocks.
 *
 * Its records say through which stages it has put them, so a rank does what is
 * left of each; nobody waits for anybody.
 */
#include "src/edge/device_private.h"

void device_move(device *d, size_t n)
{
    pthread_mutex_lock(&d->skips_lock);
    d->unmoved = (pe_error){0};
    pthread_mutex_unlock(&d->skips_lock);
    atomic_store(&d->wanted, n);
    queue_wake(d->queue);
}

size_t device_through(device *d, pe_error *why)
{
    size_t n;

    pthread_mutex_lock(&d->skips_lock);
    *why = d->unmoved;
    n = atomic_load(&d->taken);
    pthread_mutex_unlock(&d->skips_lock);
    return n;
}

/* It goes on as it was, and says why. */
static void stay(device *d, size_t n, size_t wanted)
{
    while (d->n_stages > n)
        stages_close_one(d, --d->n_stages);
    pthread_mutex_lock(&d->skips_lock);
    d->unmoved = d->error;
    pthread_mutex_unlock(&d->skips_lock);
    d->error = (pe_error){0};
    atomic_compare_exchange_strong(&d->wanted, &wanted, n);
}

static void settle(device *d)
{
    said_moved(d);
    pthread_mutex_lock(&d->skips_lock);
    d->unmoved = (pe_error){0};
    atomic_store(&d->taken, d->n_stages);
    pthread_mutex_unlock(&d->skips_lock);
}

void stages_move(device *d)
{
    size_t wanted = atomic_load_explicit(&d->wanted, memory_order_acquire);
    size_t before = d->n_stages;

    /* They are of the newest revision, which has been through a block. */
    stages_revise(d);
    if (wanted == before || d->was.ctx)
        return;
    device_part(d, d->conf.stages, wanted);
    for (; d->n_stages < wanted; d->n_stages++)
        if (stages_open_one(d, d->n_stages) < 0) {
            stay(d, before, wanted);
            return;
        }
    while (d->n_stages > wanted)
        stages_close_one(d, --d->n_stages);
    settle(d);
}
