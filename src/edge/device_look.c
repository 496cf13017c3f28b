/* device_look.c - a device as others see it, from any thread. */
#include "device_private.h"

#include <string.h>

#include "src/common/clock.h"

enum device_state device_state_get(const device *d)
{
    return (enum device_state)atomic_load(&d->state);
}

/* With the block at work: one that takes long would look idle else. */
static int64_t busy_of(const device *d)
{
    int64_t since, busy;

    do {
        since = atomic_load(&d->work_since_ns);
        busy = atomic_load(&d->busy_ns);
    } while (since != atomic_load(&d->work_since_ns));
    return since ? busy + clock_mono_ns() - since : busy;
}

void device_progress(const device *d, device_stats *out)
{
    const tally_slot *t = d->tally;

    out->sensed = atomic_load_explicit(&t->sensed, memory_order_relaxed);
    out->filtered = atomic_load_explicit(&t->filtered, memory_order_relaxed);
    out->dropped = atomic_load_explicit(&t->dropped, memory_order_relaxed);
    out->sent = atomic_load_explicit(&t->sent, memory_order_relaxed);
    out->points = atomic_load_explicit(&t->points, memory_order_relaxed);
    out->bytes = atomic_load_explicit(&t->bytes, memory_order_relaxed);
    out->busy_ns = busy_of(d);
    out->blocked_ns =
        atomic_load_explicit(&d->blocked_ns, memory_order_relaxed);
    out->paced_ns = atomic_load_explicit(&d->paced_ns, memory_order_relaxed);
    out->lost = atomic_load_explicit(&t->lost, memory_order_relaxed);
    out->carried = atomic_load_explicit(&t->carried, memory_order_relaxed);
    out->spooled =
        atomic_load_explicit(&d->spool.records, memory_order_relaxed);
    out->held = atomic_load_explicit(&d->learn.told.held, memory_order_relaxed);
    out->full = (double)atomic_load_explicit(&d->full, memory_order_relaxed);
}

const char *device_at(const device *d, int64_t *sincep)
{
    int i = atomic_load_explicit(&d->at, memory_order_acquire);

    *sincep = atomic_load_explicit(&d->at_since_ns, memory_order_relaxed);
    return i < 0 ? NULL : d->conf.stages[i].setup.stage;
}

bool device_booted(const device *d)
{
    return atomic_load(&d->tally->boot) != 0;
}

uint64_t device_waiting(const device *d)
{
    device_stats s = {0};

    device_progress(d, &s);
    s.sensed += s.carried;
    s.sensed -= s.filtered + s.dropped + s.sent + s.lost;
    return s.sensed > s.held ? s.sensed - s.held : 0;
}

bool device_learns(const device *d, device_learned *out)
{
    if (!d->learn.learner)
        return false;
    learn_progress(d, out);
    return true;
}

context_progress device_read(const device *d)
{
    return (context_progress){
        atomic_load_explicit(&d->rows, memory_order_relaxed),
        atomic_load_explicit(&d->read, memory_order_relaxed),
        atomic_load_explicit(&d->all, memory_order_relaxed)};
}

uint64_t device_skipped(const device *d)
{
    return atomic_load(&d->skipped);
}

uint64_t device_drifts(device *d, char out[DEVICE_DRIFT])
{
    uint64_t n = atomic_load(&d->drifts);

    pthread_mutex_lock(&d->skips_lock);
    memcpy(out, d->drift, DEVICE_DRIFT);
    pthread_mutex_unlock(&d->skips_lock);
    return n;
}

void device_skips(device *d, context_skip_list *sum)
{
    pthread_mutex_lock(&d->skips_lock);
    if (d->skips)
        context_skip_list_add(sum, d->skips);
    pthread_mutex_unlock(&d->skips_lock);
}

const pe_error *device_error(const device *d)
{
    return &d->error;
}

device_stats device_stats_get(const device *d)
{
    return d->stats;
}

int64_t device_next_offset(const device *d)
{
    return d->next_offset;
}
