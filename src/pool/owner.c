/* owner.c - owned partitions: dispatch in offset order, duplicates, giving.
 */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"

static int init_slots(pool *p)
{
    for (int i = 0; i < 2; i++) {
        p->slot[i].range = calloc(p->cap_parts, sizeof(*p->slot[i].range));
        if (!p->slot[i].range)
            return -1;
    }
    return 0;
}

int owner_init(pool *p, pe_error *errp)
{
    /* As many as there may be, with all partitions in this pool. */
    p->cap_parts = (size_t)(p->n_partitions / p->size + 1);
    p->cap_lanes = p->counted ? p->cap_parts : 1;
    p->parts = calloc(p->cap_parts, sizeof(*p->parts));
    p->lanes = calloc(p->cap_lanes, sizeof(*p->lanes));
    if (!p->parts || !p->lanes || init_slots(p) < 0)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < p->cap_lanes; i++) {
        p->lanes[i].ring = calloc(POOL_BACKLOG, sizeof(pool_record));
        if (!p->lanes[i].ring)
            return pe_error_nomem(errp);
    }
    return share_init(p, errp);
}

void owner_fini(pool *p)
{
    owner_drop(p);
    for (size_t i = 0; p->lanes && i < p->cap_lanes; i++) {
        for (int k = 0; p->lanes[i].ring && k < POOL_BACKLOG; k++)
            pe_block_release(&p->lanes[i].ring[k].block);
        free(p->lanes[i].ring);
    }
    free(p->lanes);
    free(p->parts);
    share_fini(p);
    free(p->askers);
    pool_devices_clear(&p->devices);
    for (int i = 0; i < 2; i++) {
        free(p->slot[i].range);
        free(p->slot[i].touch);
        pe_delta_destroy(p->slot[i].delta);
        pool_model_drop(p->slot[i].base);
    }
}

/* --- fetched records --- */

static pool_record *lane_head(pool_lane *l)
{
    return l->n ? &l->ring[l->head] : NULL;
}

static void lane_pop(pool_lane *l)
{
    l->head = (l->head + 1) % POOL_BACKLOG;
    l->n--;
}

static void lane_release(pool *p, pool_lane *l)
{
    p->c.source->ops->release(p->c.source, &l->ring[l->head]);
    lane_pop(l);
}

void owner_empty(pool *p, pool_lane *l)
{
    while (l->n)
        lane_release(p, l);
}

void owner_drop(pool *p)
{
    for (size_t i = 0; p->lanes && i < p->n_lanes; i++)
        owner_empty(p, &p->lanes[i]);
    chain_forget(p);
    first_reset(p);
}

/* The first block of this rank: how long it has waited for us. */
static void first_take(pool *p, const pe_block *b)
{
    int64_t sent = b->edge_ns ? b->edge_ns : b->broker_ns;

    p->first_ns = b->fetch_ns;
    if (sent)
        histogram_add(&p->hop[HOP_START], b->fetch_ns - sent);
}

static pool_part *find_part(pool *p, int32_t partition)
{
    return &p->parts[p->place[partition]];
}

void owner_fill(pool *p, size_t lane, size_t want)
{
    pool_lane *l = &p->lanes[lane];
    int64_t start = clock_mono_ns();

    while (l->n < want && !p->failed) {
        pool_record *r = &l->ring[(l->head + l->n) % POOL_BACKLOG];
        pe_error e = {0};
        int rc = p->c.source->ops->fetch(p->c.source, lane, r, &e);

        if (rc < 0)
            pool_fail(p, &e);
        if (rc != 1)
            break;
        if (!p->first_ns)
            first_take(p, &r->block);
        find_part(p, r->block.partition)->fetched = r->block.offset + 1;
        l->n++;
    }
    p->fetch_ns += clock_mono_ns() - start;
}

/* Fetch ahead what helpers may be told of. */
void owner_refill(pool *p)
{
    for (size_t i = 0; p->size > 1 && pool_is_ready(p) && i < p->n_lanes; i++)
        owner_fill(p, i, POOL_BACKLOG / 2);
}

int64_t owner_backlog(const pool *p)
{
    int64_t n = 0;

    for (size_t i = 0; i < p->n_lanes; i++)
        n += (int64_t)p->lanes[i].n;
    return n;
}

/* --- partitions --- */

int64_t owner_lag(pool *p)
{
    int64_t lag = 0;

    for (size_t i = 0; i < p->n_parts; i++) {
        int64_t high =
            p->c.source->ops->high(p->c.source, p->parts[i].partition);

        if (high > p->parts[i].next)
            lag += high - p->parts[i].next;
    }
    return lag;
}

static bool part_ended(const pool *p, const pool_part *k)
{
    int64_t end = p->ends[k->partition];

    return end >= 0 && k->next >= end;
}

int64_t owner_ended(const pool *p)
{
    int64_t n = 0;

    for (size_t i = 0; i < p->n_parts; i++)
        n += part_ended(p, &p->parts[i]);
    return n;
}

/* The counted epoch block [offset] of [partition] belongs to: blocks are
 * numbered round the partitions, so the answer depends on nothing else.
 */
static int64_t logical_of(const pool *p, int32_t partition, int64_t offset)
{
    return (offset * p->n_partitions + partition) /
           (int64_t)p->c.pl->epoch_blocks;
}

int64_t owner_quota(const pool *p)
{
    int64_t n = 0;

    for (size_t i = 0; p->counted && i < p->n_parts; i++) {
        const pool_part *k = &p->parts[i];

        n += part_ended(p, k) ||
             logical_of(p, k->partition, k->next) > p->logical;
    }
    return n;
}

int64_t owner_wanted(const pool *p)
{
    for (size_t i = 0; p->counted && pool_is_ready(p) && i < p->n_parts; i++) {
        const pool_part *k = &p->parts[i];

        if (!part_ended(p, k) &&
            logical_of(p, k->partition, k->next) <= p->logical &&
            p->c.source->ops->high(p->c.source, k->partition) <= k->next)
            return 1 + k->partition;
    }
    return 0;
}

/* A partition that the state does not know starts at 0. */
static int load_offsets(pool *p, const params_state *s, pe_error *errp)
{
    int32_t n = p->n_partitions;
    broker_position *at = calloc((size_t)n, sizeof(*at));

    if (!at)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < s->n_offsets; i++) {
        const params_offset *o = &s->offsets[i];

        if (o->partition >= 0 && o->partition < n &&
            !strcmp(o->topic, p->topic))
            at[o->partition] =
                (broker_position){o->partition, o->next, o->mark};
    }
    p->logical = p->counted ? INT64_MAX : 0;
    for (int32_t k = 0; k < n; k++) {
        if (p->counted && logical_of(p, k, at[k].offset) < p->logical)
            p->logical = logical_of(p, k, at[k].offset);
        if (p->owner[k] == p->rank)
            *find_part(p, k) =
                (pool_part){k, at[k].offset, at[k].mark, at[k].offset};
    }
    free(at);
    return 0;
}

static void set_last(pool_device *d, int32_t partition, uint64_t boot,
                     uint64_t seq)
{
    d->known = true;
    d->last.partition = partition;
    d->last.boot = boot;
    d->last.seq = seq;
}

static int load_devices(pool *p, const params_state *s, pe_error *errp)
{
    pool_devices_clear(&p->devices);
    for (size_t i = 0; i < s->n_devices; i++) {
        const params_device *d = &s->devices[i];
        size_t k = pool_device_find(&p->devices, d->device, errp);

        if (k == SIZE_MAX)
            return -1;
        set_last(&p->devices.d[k], d->partition, d->boot, d->seq);
    }
    return 0;
}

/* Read every partition from the first record that is not dispatched. */
static int assign(pool *p, pe_error *errp)
{
    broker_position *at;
    int rc;

    at = calloc(p->n_parts + 1, sizeof(*at));
    if (!at)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < p->n_parts; i++)
        at[i] = (broker_position){p->parts[i].partition, p->parts[i].next,
                                  p->parts[i].mark};
    rc = p->c.source->ops->assign(p->c.source, at, p->n_parts, errp);
    free(at);
    return rc;
}

int owner_load(pool *p, const params_state *s, const unsigned char *own,
               pe_error *errp)
{
    owner_drop(p);
    share_take(p, own);
    if (load_offsets(p, s, errp) < 0 || load_devices(p, s, errp) < 0)
        return -1;
    return assign(p, errp);
}

void owner_rewind(pool *p)
{
    pe_error e = {0};

    for (size_t i = 0; i < p->n_lanes; i++)
        owner_empty(p, &p->lanes[i]);
    for (size_t i = 0; i < p->n_parts; i++)
        p->parts[i].fetched = p->parts[i].next;
    if (assign(p, &e) < 0)
        pool_fail(p, &e);
}

/* --- dispatch --- */

/* Rule 5: a device's record is new when (boot, seq) is beyond the last. */
static bool is_duplicate(const pool_device *d, const pe_block *b)
{
    return d->known && (b->boot < d->last.boot ||
                        (b->boot == d->last.boot && b->seq <= d->last.seq));
}

/* Fix the epoch of the record: offset order, whatever becomes of it. */
static void fix_epoch(pool *p, pool_slot *s, pool_part *k, pool_record *r)
{
    size_t i = (size_t)(k - p->parts);
    int64_t *highest = &p->highest[k->partition];

    p->fetched++;
    k->next = r->block.offset + 1;
    if (r->block.offset < *highest)
        p->replayed++;
    else
        *highest = k->next;
    k->mark = s->range[i].mark = r->mark;
    s->range[i].to = k->next;
    s->dispatched++;
}

enum admission { ADMIT_WORK, ADMIT_DONE, ADMIT_WAIT };

/* Names of other runs' devices are anybody's to make: of so many repeats are
 * known, and of the rest none is.
 */
static bool is_beyond(pool *p, const pool_record *r)
{
    if (r->sender == SENDER_OURS || p->devices.n < POOL_OTHERS ||
        pool_device_look(&p->devices, r->block.device) != SIZE_MAX)
        return false;
    if (p->unchecked++ == 0)
        log_warn("more than %d devices in %s: repeats of other runs' devices "
                 "are not looked for, from '%s' on",
                 POOL_OTHERS, p->topic, r->block.device);
    return true;
}

static enum admission admit_device(pool *p, pool_slot *s, pool_record *r)
{
    const pe_block *b = &r->block;
    pe_error e = {0};
    size_t at;

    if (!b->has_seq || is_beyond(p, r))
        return ADMIT_WORK;
    at = pool_device_find(&p->devices, b->device, &e);
    if (at != SIZE_MAX)
        set_last(&p->devices.d[at], b->partition, b->boot, b->seq);
    if (at == SIZE_MAX || pool_slot_touch(s, &p->devices.d[at]) < 0) {
        pe_error_nomem(&e);
        pool_fail(p, &e);
        return ADMIT_WAIT;
    }
    return ADMIT_WORK;
}

/* True for a record that repeats one of its device. */
static bool seen_before(const pool *p, const pool_record *r)
{
    size_t at = SIZE_MAX;

    if (r->block.has_seq)
        at = pool_device_look(&p->devices, r->block.device);
    return at != SIZE_MAX && is_duplicate(&p->devices.d[at], &r->block);
}

/* May the head of a lane be dispatched now? */
static bool may_dispatch(const pool *p, const pool_record *r)
{
    if (p->counted &&
        logical_of(p, r->block.partition, r->block.offset) > p->logical)
        return false;
    return r->bad.kind != PE_ERROR_NONE || !owner_full(p);
}

static enum admission admit(pool *p, pool_slot *s, pool_record *r)
{
    pool_part *k = find_part(p, r->block.partition);

    if (!may_dispatch(p, r))
        return ADMIT_WAIT;
    if (seen_before(p, r)) {
        fix_epoch(p, s, k, r);
        s->add.deduplicated++;
        return ADMIT_DONE;
    }
    if (r->bad.kind == PE_ERROR_NONE && !s->base && !first_propose(p, r))
        return ADMIT_WAIT;
    if (admit_device(p, s, r) == ADMIT_WAIT)
        return ADMIT_WAIT;
    fix_epoch(p, s, k, r);
    if (r->bad.kind == PE_ERROR_NONE)
        return ADMIT_WORK;
    pool_refuse(p, s, r, r->bad.text);
    return ADMIT_DONE;
}

/* A counted epoch is never full: its blocks are its own bound. */
bool owner_full(const pool *p)
{
    const pool_slot *s = &p->slot[p->epoch & 1];

    return !p->counted && s->base && s->delta && s->base->m->warming &&
           p->model_ops->full && p->model_ops->full(s->base->m, s->delta);
}

/* The next lane's head, or NULL; *lanep is where it is. */
static pool_record *next_head(pool *p, pool_lane **lanep, size_t want)
{
    for (size_t i = 0; i < p->n_lanes; i++) {
        size_t k = (p->turn + i) % p->n_lanes;

        if (p->lanes[k].n < want)
            owner_fill(p, k, want);
        if (p->lanes[k].n) {
            p->turn = k + 1;
            *lanep = &p->lanes[k];
            return lane_head(*lanep);
        }
    }
    return NULL;
}

int owner_step(pool *p)
{
    /* A lone rank needs no backlog to give away. */
    size_t want = p->size > 1 ? POOL_BACKLOG / 2 : 1;
    pool_slot *s = &p->slot[p->epoch & 1];

    if (!pool_may_dispatch(p))
        return 0;
    if (p->first.waits)
        return first_look(p);
    for (size_t i = 0; i < p->n_lanes; i++) {
        pool_lane *l;
        pool_record *r = next_head(p, &l, want);

        if (!r)
            return 0;
        switch (admit(p, s, r)) {
        case ADMIT_WORK:
            pool_work(p, s, r);
            lane_release(p, l);
            return 1;
        case ADMIT_DONE:
            lane_release(p, l);
            return 1;
        case ADMIT_WAIT:
            break;
        }
    }
    return 0;
}

/* --- giving --- */

static bool give_one(pool *p, int rank)
{
    pool_slot *s = &p->slot[p->epoch & 1];
    pool_lane *l;
    pool_record *r = next_head(p, &l, POOL_BACKLOG / 2);

    if (!r || chain_is_ahead(p, &r->block) || !pool_send_room(p))
        return false;
    switch (admit(p, s, r)) {
    case ADMIT_WAIT:
        return false;
    case ADMIT_DONE:
        lane_release(p, l);
        return false;
    case ADMIT_WORK:
        break;
    }
    s->outstanding++;
    help_send(p, rank, s, r);
    lane_pop(l);
    return true;
}

void owner_give(pool *p, bool none)
{
    const pool_slot *s = &p->slot[p->epoch & 1];
    bool may = pool_may_dispatch(p) && s->base && !s->base->m->warming &&
               !p->first.away && !p->held;
    size_t kept = 0;

    for (size_t i = 0; i < p->n_askers; i++) {
        if (none || (may && owner_backlog(p) == 0))
            help_answer_none(p, p->askers[i]);
        else if (!may || owner_backlog(p) < 2 || !give_one(p, p->askers[i]))
            p->askers[kept++] = p->askers[i];
    }
    p->n_askers = kept;
}
