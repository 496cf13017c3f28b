/* device_make.c - a device made, with what its functions ask of their host. */
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/edge/device_private.h"

/* --- what functions ask of their host --- */

static int host_put(void *arg, const char *key, const void *value, uint32_t len,
                    pe_error *errp)
{
    const context_host *shared = ((device *)arg)->conf.shared;

    return shared->put(shared->arg, key, value, len, errp);
}

static int host_get(void *arg, const char *key, void *value, uint32_t cap,
                    pe_error *errp)
{
    const context_host *shared = ((device *)arg)->conf.shared;

    return shared->get(shared->arg, key, value, cap, errp);
}

static int host_once(void *arg, const char *key, const void *value,
                     uint32_t len, pe_error *errp)
{
    const context_host *shared = ((device *)arg)->conf.shared;

    return shared->once(shared->arg, key, value, len, errp);
}

static void host_tell(void *arg, const char *words)
{
    const context_host *shared = ((device *)arg)->conf.shared;

    shared->tell(shared->arg, words);
}

static const pe_model *host_model(void *arg)
{
    device *d = arg;

    return follower_model(d->conf.follower, &d->model, &d->model_seen);
}

/* Of a spool enough stays on the disk alone to be dropped. */
static uint64_t queue_limit(const device_conf *c)
{
    return c->spool && c->spool_bytes / 4 < c->queue_bytes ? c->spool_bytes / 4
                                                           : c->queue_bytes;
}

device *device_create(const device_conf *c, pe_error *errp)
{
    /* Half of the queue stays droppable where dropping is the choice. */
    uint64_t window = c->drop ? c->queue_bytes / 2 + 1 : 0;
    device *d = aligned_alloc(_Alignof(device), sizeof(*d));

    if (!d) {
        pe_error_nomem(errp);
        return NULL;
    }
    memset(d, 0, sizeof(*d));
    pthread_mutex_init(&d->skips_lock, NULL);
    d->conf = *c;
    d->next_offset = -1;
    d->tally = c->tally ? c->tally : &d->own;
    atomic_store(&d->tally->boot, c->id.boot);
    atomic_store(&d->at, -1);
    d->host.arg = d;
    if (c->shared) {
        d->host.put = host_put;
        d->host.get = host_get;
    }
    if (c->shared && c->shared->once)
        d->host.once = host_once;
    if (c->shared && c->shared->tell)
        d->host.tell = host_tell;
    if (c->follower)
        d->host.model = host_model;
    if (c->spool)
        d->spool.behind = spool_stats_get(c->spool).behind;
    atomic_store(&d->own.carried, d->spool.behind);
    d->stats.carried = atomic_load(&d->tally->carried);
    d->revision = d->revised.passed = c->revision;
    d->n_stages = c->n_stages;
    atomic_store(&d->wanted, c->n_stages);
    atomic_store(&d->taken, c->n_stages);
    d->ctx = calloc(stages_room(d), sizeof(*d->ctx));
    if (!d->ctx)
        pe_error_nomem(errp);
    else if (learn_open(d, c->learn, errp) == 0)
        d->queue = queue_create(queue_limit(c), window, errp);
    if (d->queue)
        return d;
    device_destroy(d);
    return NULL;
}

void device_destroy(device *d)
{
    if (!d)
        return;
    stages_close(d);
    if (d->slot)
        queue_give(d->queue, d->slot);
    queue_destroy(d->queue);
    pthread_mutex_destroy(&d->skips_lock);
    free(d->skips);
    pe_block_release(&d->scratch);
    said_free(d);
    pe_model_destroy(d->model);
    learn_close(d);
    if (d->spool.meta)
        text_free(d->spool.meta);
    free(d->spool.meta);
    free(d->ctx);
    free(d);
}
