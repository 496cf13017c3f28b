/* device_thread.c - where a device runs: a thread of its own, or one that it
 * shares with others.
 */
#include "src/common/log.h"
#include "src/edge/device_private.h"

static void *thread_main(void *arg)
{
    device_run(arg);
    return NULL;
}

static bool are_prompt(const device_stage *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!s[i].prompt)
            return false;
    return true;
}

void device_part(device *d, const device_stage *s, size_t n)
{
    pe_error e;

    if (!d->fiber || d->parted || are_prompt(s, n))
        return;
    d->parted = true;
    if (fiber_part(&e) < 0)
        log_warn("device %s: others wait for it: %s", d->conf.name, e.text);
}

int device_start(device *d, pe_error *errp)
{
    if (d->conf.executor && !d->learn.learner &&
        are_prompt(d->conf.stages, d->n_stages)) {
        d->fiber = fiber_start(d->conf.executor, device_run, d, errp);
        return d->fiber ? 0 : -1;
    }
    if (pthread_create(&d->thread, NULL, thread_main, d) != 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "device %s: a thread cannot be started",
                            d->conf.name);
    d->running = true;
    return 0;
}

void device_leave(device *d)
{
    atomic_store(&d->spool.left, true);
    device_cancel(d);
}

void device_cancel(device *d)
{
    atomic_store(&d->cancelled, 1);
    queue_wake(d->queue);
}

void device_abort(device *d)
{
    atomic_store(&d->aborted, 1);
    device_cancel(d);
}

void device_join(device *d)
{
    if (d->running)
        pthread_join(d->thread, NULL);
    d->running = false;
    fiber_join(d->fiber);
    d->fiber = NULL;
}
