/* device_learn.c - a device that learns: blocks go into a model, and what has
 * changed in it goes up.
 *
 * At most one delta is under way: the next one waits until it is acknowledged,
 * and takes in what comes meanwhile.  So a device that is offline holds two of
 * them, for however long.
 */
#include <string.h>

#include "device_private.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/federate/delta.h"

int learn_open(device *d, const learner_conf *c, pe_error *errp)
{
    if (!c)
        return 0;
    d->learn.stage = c->stage;
    d->learn.learner = learner_create(c, errp);
    return d->learn.learner ? 0 : -1;
}

void learn_close(device *d)
{
    learner_destroy(d->learn.learner);
}

void learn_revise(device *d, const learner_conf *c)
{
    if (d->learn.learner && c)
        learner_revise(d->learn.learner, c);
    d->conf.learn = c;
}

static int failed(device *d)
{
    return pe_error_prefix(&d->error, "device %s, stage '%s'", d->conf.name,
                           d->learn.stage);
}

static const pe_model *newest(device *d)
{
    return d->conf.follower
               ? follower_model(d->conf.follower, &d->model, &d->model_seen)
               : NULL;
}

int learn_block(device *d, const pe_block *b)
{
    device_learn *l = &d->learn;
    uint64_t rows;

    if (learner_fold(l->learner, newest(d), b, &d->error) < 0)
        return failed(d);
    if (learner_held(l->learner, &rows) == 1)
        l->sense_ns = b->sense_ns;
    return 0;
}

/* --- up --- */

/* [delta] into a slot, behind what is under way. */
static int put(device *d, const learner_delta *delta)
{
    queue_slot *slot = queue_take(d->queue, &d->error);
    pe_block *b;

    if (!slot)
        return -1;
    b = &slot->block;
    if (pe_block_reserve(b, (uint32_t)(delta->len / 8 + 1), 1, PE_F8,
                         &d->error) < 0) {
        queue_give(d->queue, slot);
        return -1;
    }
    memcpy(b->data, delta->data, delta->len);
    slot->frame = b->data;
    slot->len = delta->len;
    slot->rows = delta->rows;
    slot->first = delta->first;
    slot->through = d->n_stages;
    slot->revision = d->revision;
    b->device = d->conf.name;
    b->source = NULL;
    b->topic = NULL;
    b->has_seq = 1;
    b->seq = delta->last;
    b->version = delta->version;
    b->points = delta->rows < UINT32_MAX ? (uint32_t)delta->rows : UINT32_MAX;
    b->features = delta->features;
    b->sense_ns = d->learn.sense_ns;
    b->edge_ns = clock_real_ns();
    queue_put(d->queue, slot);
    return 0;
}

/* 1: there is another delta; 0: there is none. */
static int cut(device *d)
{
    device_learn *l = &d->learn;
    learner_delta delta;
    int rc = learner_cut(l->learner, clock_mono_ns(), &delta, &d->error);

    if (rc <= 0)
        return rc < 0 ? failed(d) : 0;
    if (put(d, &delta) < 0)
        return -1;
    l->flight.blocks += delta.blocks;
    l->flight.rows += delta.rows;
    l->flight.records++;
    return 1;
}

int learn_turn(device *d)
{
    if (!learner_due(d->learn.learner, clock_mono_ns()) ||
        queue_pending(d->queue) > 0)
        return 0;
    return cut(d) < 0 ? -1 : 0;
}

int learn_end(device *d)
{
    uint64_t rows, blocks;
    int rc = cut(d);

    if (rc < 0)
        return -1;
    blocks = learner_held(d->learn.learner, &rows);
    if (blocks == 0)
        return 0;
    log_warn("device %s: its last %llu row%s fewer than may be told of "
             "(least: %llu) and not learned from",
             d->conf.name, (unsigned long long)rows,
             rows == 1 ? " is" : "s are",
             (unsigned long long)learner_least(d->learn.learner));
    d->stats.filtered += blocks;
    d->learn.withheld += blocks;
    atomic_store_explicit(&d->tally->kept, rows, memory_order_relaxed);
    return 0;
}

void learn_headers(const queue_slot *slot, record_headers *h)
{
    record_retype(h, FEDERATE_TYPE, FEDERATE_CONTENT);
    record_add_u64(h, FEDERATE_FEATURES, slot->block.features);
    record_add_u64(h, FEDERATE_ROWS, slot->rows);
    record_add_u64(h, FEDERATE_FIRST, slot->first);
}

/* --- what others see --- */

void learn_publish(device *d, uint64_t stored)
{
    device_learn *l = &d->learn;
    uint64_t rows, blocks = learner_held(l->learner, &rows);
    uint64_t version = learner_version(l->learner);

    /* A delta counts as one block sent; the others that are in it went no
     * further.
     */
    if (l->flight.records && stored == l->syncs + l->flight.records) {
        d->stats.filtered += l->flight.blocks - l->flight.records;
        l->syncs += l->flight.records;
        l->rows += l->flight.rows;
        memset(&l->flight, 0, sizeof(l->flight));
        l->synced_ns = clock_mono_ns();
    }
    atomic_store_explicit(&d->tally->syncs, l->syncs, memory_order_relaxed);
    atomic_store_explicit(&d->tally->rows, l->rows, memory_order_relaxed);
    atomic_store_explicit(&l->told.held, blocks - l->withheld,
                          memory_order_relaxed);
    atomic_store_explicit(&l->told.held_rows, rows, memory_order_relaxed);
    atomic_store_explicit(&l->told.version, version, memory_order_relaxed);
    atomic_store_explicit(&l->told.synced_ns, l->synced_ns,
                          memory_order_relaxed);
}

void learn_progress(const device *d, device_learned *out)
{
    const struct device_learn_told *t = &d->learn.told;
    const tally_slot *own = d->tally;

    out->syncs = atomic_load_explicit(&own->syncs, memory_order_relaxed);
    out->rows = atomic_load_explicit(&own->rows, memory_order_relaxed);
    out->held = atomic_load_explicit(&t->held, memory_order_relaxed);
    out->held_rows = atomic_load_explicit(&t->held_rows, memory_order_relaxed);
    out->version = atomic_load_explicit(&t->version, memory_order_relaxed);
    out->synced_ns = atomic_load_explicit(&t->synced_ns, memory_order_relaxed);
    out->kept = atomic_load_explicit(&own->kept, memory_order_relaxed);
}
