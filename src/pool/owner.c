/* owner.c - blocks of this rank's partitions, dispatched in offset order. */
#include "pool_private.h"

#include "src/common/log.h"
#include "src/federate/merge.h"

/* --- admission --- */

/* Fix the epoch of the record: offset order, whatever becomes of it. */
static void fix_epoch(pool *p, pool_slot *s, const source_item *r)
{
    size_t i = lane_place(p, r->block.partition);
    broker_position *k = &p->own.at[i];
    int64_t *highest = &p->own.map.highest[k->partition];

    p->figures.fetched++;
    k->offset = r->block.offset + 1;
    if (r->block.offset < *highest)
        p->figures.replayed++;
    else
        *highest = k->offset;
    k->mark = s->range[i].mark = r->mark;
    s->range[i].to = k->offset;
    s->dispatched++;
    p->own.begun = s->epoch;
}

/* Names of other runs' devices are anybody's to make: of so many repeats are
 * known, and of the rest none is.  [r] is of a device that is not known.
 */
static bool is_beyond(pool *p, const source_item *r)
{
    if (r->sender == SENDER_OURS || p->own.devices.n < COMMIT_OTHERS)
        return false;
    if (p->figures.unchecked++ == 0)
        log_warn("more than %d devices in %s: repeats of other runs' devices "
                 "are not looked for, from '%s' on",
                 COMMIT_OTHERS, p->topic, r->block.device);
    return true;
}

static void fail_nomem(pool *p)
{
    pe_error e = {0};

    pe_error_nomem(&e);
    pool_fail(p, &e);
}

/* The device of [r], number [at] in the table or new, has this block now; -1:
 * the pool has failed.
 */
static int note_device(pool *p, pool_slot *s, const source_item *r, size_t at)
{
    const pe_block *b = &r->block;
    commit_devices *t = &p->own.devices;

    if (!b->has_seq)
        return 0;
    if (at == SIZE_MAX) {
        if (is_beyond(p, r))
            return 0;
        at = commit_device_find(t, b->device, NULL);
    }
    if (at != SIZE_MAX) {
        commit_device_set(&t->d[at], b->partition, b->boot, b->seq);
        if (pool_slot_touch(s, &t->d[at]) == 0)
            return 0;
    }
    fail_nomem(p);
    return -1;
}

/* While a block is ahead that processes have died of, each goes alone: what is
 * in front of it is committed, and not there at the next death.  Does one of
 * ours wait for its commit?
 */
static bool is_alone(const pool *p)
{
    if (p->stages.suspects.n == 0 || p->own.begun <= p->own.committed)
        return false;
    for (size_t i = 0; i < p->own.n_parts; i++)
        if (chain_is_wary(&p->stages, p->own.at[i].partition,
                          p->own.at[i].offset - 1))
            return true;
    return false;
}

/* A counted epoch is never full: its blocks are its own bound. */
bool owner_full(const pool *p)
{
    const pool_slot *s = &p->epochs.slot[p->epochs.open & 1];
    const pe_model_ops *ops = p->stages.model;

    if (!p->counted && is_alone(p))
        return true;
    return !p->counted && s->base && s->delta && s->base->m->warming &&
           ops->full && ops->full(s->base->m, s->delta);
}

static bool may_dispatch(const pool *p, const source_item *r)
{
    if (p->counted && lane_logical(p, r->block.partition, r->block.offset) >
                          p->epochs.logical)
        return false;
    return r->bad.kind != PE_ERROR_NONE || r->aside || !owner_full(p);
}

static enum owner_word admit(pool *p, source_item *r)
{
    const commit_devices *t = &p->own.devices;
    pool_slot *s = pool_epoch_open(&p->epochs);
    const pe_block *b = &r->block;
    size_t at;

    if (!may_dispatch(p, r))
        return OWNER_WAIT;
    at = b->has_seq ? commit_device_look(t, b->device) : SIZE_MAX;
    if (at != SIZE_MAX && commit_device_has(&t->d[at], b->boot, b->seq)) {
        fix_epoch(p, s, r);
        s->add.deduplicated++;
        trail_block(p, s, r, NULL, TRACE_DUPLICATE);
        return OWNER_DONE;
    }
    if (r->aside) {
        fix_epoch(p, s, r);
        pool_set_aside(p, s, r);
        return OWNER_DONE;
    }
    if (at != SIZE_MAX)
        federate_check(&t->d[at].last, r);
    if (r->bad.kind == PE_ERROR_NONE && !s->base && !first_propose(p, r))
        return OWNER_WAIT;
    if (s->base && federate_is_early(s->base->m, r))
        return OWNER_WAIT;
    if (note_device(p, s, r, at) < 0)
        return OWNER_WAIT;
    fix_epoch(p, s, r);
    if (r->bad.kind == PE_ERROR_NONE)
        return OWNER_WORK;
    pool_refuse(p, s, r, r->bad.text);
    return OWNER_DONE;
}

enum owner_word owner_admit(pool *p, source_item *r)
{
    enum owner_word word = admit(p, r);

    p->figures.blocks += word == OWNER_DONE;
    return word;
}

/* --- dispatch --- */

int owner_step(pool *p)
{
    size_t want = lane_depth(p);

    if (!pool_may_dispatch(p))
        return 0;
    if (p->own.first.waits)
        return first_look(p);
    for (size_t i = 0; i < p->own.n_lanes; i++) {
        pool_lane *l = i ? lane_next(p, want) : lane_first(p, want);
        enum owner_word word;

        if (!l)
            return 0;
        word = owner_admit(p, lane_item(l, 0));
        if (word == OWNER_WAIT)
            continue;
        if (word == OWNER_WORK)
            pool_work(p, pool_epoch_open(&p->epochs), lane_item(l, 0));
        lane_release(p, l);
        return 1;
    }
    return 0;
}
