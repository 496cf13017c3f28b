/* device_revise.c - the stages of a device change between two of its blocks.
 *
 * What is new is opened first, and what it takes the place of stays until a
 * block has gone through: should a stage fail on that one, the block goes on
 * with the stage of before, and so does the device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"
#include "src/edge/device_private.h"

size_t stages_room(const device *d)
{
    const device_conf *c = &d->conf;

    return c->cap_stages > c->n_stages ? c->cap_stages : c->n_stages;
}

static bool has(const device *d, const device_chain *c, const pe_context *ctx)
{
    for (size_t i = 0; i < d->n_stages; i++)
        if (c->ctx[i] == ctx)
            return true;
    return false;
}

static void close_ctx(const device_stage *s, pe_context *ctx)
{
    if (!ctx)
        return;
    if (s->ops->close)
        s->ops->close(ctx);
    context_destroy(ctx);
}

/* Close what is in [a] and not in [keep]. */
static void close_rest(const device *d, const device_chain *a,
                       const device_chain *keep)
{
    for (size_t i = 0; a->ctx && i < d->n_stages; i++)
        if (a->ctx[i] && !has(d, keep, a->ctx[i]))
            close_ctx(&a->stages[i], a->ctx[i]);
}

static device_chain chain_of(const device *d)
{
    return (device_chain){.stages = d->conf.stages,
                          .number = d->revision,
                          .learn = d->conf.learn,
                          .ctx = d->ctx};
}

static void set_chain(device *d, const device_chain *c)
{
    d->conf.stages = c->stages;
    d->ctx = c->ctx;
    d->revision = c->number;
    learn_revise(d, c->learn);
    d->keeps = false;
    for (size_t i = 0; i < d->n_stages; i++)
        d->keeps = d->keeps || function_ops_keep(c->stages[i].ops);
    said_moved(d); /* what is said goes through other stages */
}

/* Of stages that do the same, as they are. */
static void take_over(const device *d, const device_chain *from,
                      device_chain *to)
{
    to->ctx[0] = from->ctx[0]; /* a source goes on */
    for (size_t i = 1; i < d->n_stages; i++)
        if (to->stages[i].id == from->stages[i].id)
            to->ctx[i] = from->ctx[i];
}

/* One that keeps rows has its file to itself: it goes before another is opened,
 * with all it has seen sent.
 */
static int finish_keepers(device *d, device_chain *from, const device_chain *to)
{
    for (size_t i = 1; i < d->n_stages; i++) {
        const device_stage *s = &from->stages[i];

        if (!from->ctx[i] || !function_ops_keep(s->ops) ||
            has(d, to, from->ctx[i]))
            continue;
        if (function_finish(s->ops, from->ctx[i], &d->error) < 0)
            return pe_error_prefix(&d->error, "device %s", d->conf.name);
        close_ctx(s, from->ctx[i]);
        from->ctx[i] = NULL;
    }
    return 0;
}

/* Others are told, and the device goes on as it was. */
static void refuse(device *d, uint64_t number)
{
    log_warn("device %s does not work by revision %llu of the stages: %s",
             d->conf.name, (unsigned long long)number, d->error.text);
    pthread_mutex_lock(&d->skips_lock);
    d->revised.refused = number;
    snprintf(d->revised.why, sizeof(d->revised.why), "%.250s", d->error.text);
    pthread_mutex_unlock(&d->skips_lock);
    d->error = (pe_error){0};
}

static int open_missing(device *d, const device_chain *c)
{
    for (size_t i = 1; i < d->n_stages; i++)
        if (!c->ctx[i] && stage_open(d, &c->stages[i], &c->ctx[i]) < 0)
            return -1;
    return 0;
}

static void settle(device *d)
{
    device_chain now = chain_of(d);

    close_rest(d, &d->was, &now);
    free(d->was.ctx);
    d->was = (device_chain){0};
    pthread_mutex_lock(&d->skips_lock);
    d->revised.passed = d->revision;
    pthread_mutex_unlock(&d->skips_lock);
}

void stages_revise(device *d)
{
    const device_chain *next = atomic_exchange(&d->next, NULL);
    device_chain was = chain_of(d), to;

    if (!next)
        return;
    if (d->was.ctx)
        settle(d);
    to = *next;
    device_part(d, to.stages, d->n_stages);
    to.ctx = calloc(stages_room(d), sizeof(*to.ctx));
    if (!to.ctx) {
        pe_error_nomem(&d->error);
        refuse(d, to.number);
        return;
    }
    take_over(d, &was, &to);
    if (finish_keepers(d, &was, &to) < 0 || open_missing(d, &to) < 0) {
        refuse(d, to.number);
        close_rest(d, &to, &was);
        free(to.ctx);
        if (open_missing(d, &was) < 0) /* what has gone already */
            d->broken = d->error;
        return;
    }
    set_chain(d, &to);
    d->was = was;
}

bool stages_go_back(device *d, size_t i)
{
    device_chain now = chain_of(d), was = d->was;

    if (!was.ctx || was.stages[i].id == now.stages[i].id)
        return false;
    refuse(d, now.number);
    close_rest(d, &now, &was);
    free(now.ctx);
    d->was = (device_chain){0};
    set_chain(d, &was);
    return open_missing(d, &was) == 0;
}

void stages_passed(device *d)
{
    if (d->was.ctx)
        settle(d);
}

void stages_forget(device *d)
{
    device_chain now = chain_of(d);

    if (d->was.ctx)
        close_rest(d, &d->was, &now);
    free(d->was.ctx);
    d->was = (device_chain){0};
}

/* --- any thread --- */

void device_revise(device *d, const device_chain *next)
{
    atomic_store(&d->next, next);
    queue_wake(d->queue);
}

void device_revised_get(device *d, device_revised *out)
{
    pthread_mutex_lock(&d->skips_lock);
    *out = d->revised;
    pthread_mutex_unlock(&d->skips_lock);
}
