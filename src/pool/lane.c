/* lane.c - what is fetched, and where each partition of this rank stands. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/failpoint.h"

static int init_map(pool_map *m, int32_t n_partitions, pe_error *errp)
{
    size_t n = (size_t)n_partitions;

    m->owner = calloc(n, sizeof(*m->owner));
    m->place = calloc(n, sizeof(*m->place));
    m->highest = calloc(n, sizeof(*m->highest));
    if (!m->owner || !m->place || !m->highest)
        return pe_error_nomem(errp);
    for (size_t k = 0; k < n; k++)
        m->owner[k] = -1;
    m->n_told = n_partitions; /* nothing to say of a pool that is alone */
    return 0;
}

int lane_init(pool *p, pe_error *errp)
{
    pool_owner *o = &p->own;

    /* As many as there may be, with all partitions in this pool. */
    o->cap_parts = (size_t)(p->n_partitions / p->size) + 1;
    o->cap_lanes = p->counted ? o->cap_parts : p->c.pl->urgent > 0 ? 2 : 1;
    o->at = calloc(o->cap_parts, sizeof(*o->at));
    o->fetched = calloc(o->cap_parts, sizeof(*o->fetched));
    o->lanes = calloc(o->cap_lanes, sizeof(*o->lanes));
    if (!o->at || !o->fetched || !o->lanes)
        return pe_error_nomem(errp);
    for (int i = 0; i < 2; i++)
        if (pool_slot_init(&p->epochs.slot[i], o->cap_parts, errp) < 0)
            return -1;
    for (size_t i = 0; i < o->cap_lanes; i++) {
        o->lanes[i].ring = calloc(POOL_BACKLOG, sizeof(source_item));
        if (!o->lanes[i].ring)
            return pe_error_nomem(errp);
    }
    return init_map(&o->map, p->n_partitions, errp);
}

void lane_fini(pool *p)
{
    pool_owner *o = &p->own;

    lane_drop(p);
    for (size_t i = 0; o->lanes && i < o->cap_lanes; i++) {
        for (int k = 0; o->lanes[i].ring && k < POOL_BACKLOG; k++)
            pe_block_release(&o->lanes[i].ring[k].block);
        free(o->lanes[i].ring);
    }
    free(o->lanes);
    free(o->at);
    free(o->fetched);
    free(o->map.owner);
    free(o->map.place);
    free(o->map.highest);
    free(o->askers);
    commit_devices_clear(&o->devices);
    for (int i = 0; i < 2; i++)
        pool_slot_fini(&p->epochs.slot[i]);
}

/* --- fetched records --- */

void lane_release(pool *p, pool_lane *l)
{
    source_item *r = lane_item(l, 0);

    function_recall(&r->block);
    p->c.source->ops->release(p->c.source, r);
    lane_pop(l);
}

void lane_empty(pool *p, pool_lane *l)
{
    while (l->n)
        lane_release(p, l);
}

void lane_drop(pool *p)
{
    for (size_t i = 0; p->own.lanes && i < p->own.n_lanes; i++)
        lane_empty(p, &p->own.lanes[i]);
}

void lane_fill(pool *p, size_t lane, size_t want)
{
    pool_lane *l = &p->own.lanes[lane];

    while (l->n < want && !p->fate.failed) {
        source_item *r = lane_item(l, l->n);
        pe_error e = {0};
        int rc;

        if (p->size == 1) /* no rank gets it, who would need it elsewhere */
            chain_make(&p->stages, &r->block);
        rc = p->c.source->ops->fetch(p->c.source, lane, r, &e);
        if (rc < 0)
            pool_fail(p, &e);
        if (rc != 1) {
            function_recall(&r->block);
            break;
        }
        FAILPOINT(FAILPOINT_FETCH);
        if (!p->figures.first_ns)
            figures_first(&p->figures, &r->block);
        p->own.fetched[lane_place(p, r->block.partition)] = r->block.offset + 1;
        l->n++;
    }
}

size_t lane_depth(const pool *p)
{
    return p->size > 1 && worth_moving(&p->worth) ? POOL_BACKLOG / 2 : 1;
}

void lane_refill(pool *p)
{
    size_t want = lane_depth(p);

    for (size_t i = 0; want > 1 && pool_is_ready(p) && i < p->own.n_lanes; i++)
        lane_fill(p, i, want);
}

pool_lane *lane_next(pool *p, size_t want)
{
    pool_owner *o = &p->own;

    for (size_t i = 0; i < o->n_lanes; i++) {
        size_t k = (o->turn + i) % o->n_lanes;

        if (o->lanes[k].n < want)
            lane_fill(p, k, want);
        if (o->lanes[k].n) {
            o->turn = k + 1;
            return &o->lanes[k];
        }
    }
    return NULL;
}

pool_lane *lane_first(pool *p, size_t want)
{
    if (p->c.pl->urgent > 0)
        p->own.turn = 0;
    return lane_next(p, want);
}

/* --- how the partitions stand --- */

int64_t lane_backlog(const pool *p)
{
    int64_t n = 0;

    for (size_t i = 0; i < p->own.n_lanes; i++)
        n += (int64_t)p->own.lanes[i].n;
    return n;
}

int64_t lane_lag(pool *p)
{
    int64_t lag = 0;

    for (size_t i = 0; i < p->own.n_parts; i++) {
        const broker_position *k = &p->own.at[i];
        int64_t high = p->c.source->ops->high(p->c.source, k->partition);

        if (high > k->offset)
            lag += high - k->offset;
    }
    return lag;
}

static bool has_ended(const pool *p, const broker_position *k)
{
    int64_t end = p->rounds.ends[k->partition];

    return end >= 0 && k->offset >= end;
}

int64_t lane_ended(const pool *p)
{
    int64_t n = 0;

    for (size_t i = 0; i < p->own.n_parts; i++)
        n += has_ended(p, &p->own.at[i]);
    return n;
}

/* Blocks are numbered round the partitions, so the answer depends on nothing
 * else.
 */
int64_t lane_logical(const pool *p, int32_t partition, int64_t offset)
{
    return (offset * p->n_partitions + partition) /
           (int64_t)p->c.pl->epoch_blocks;
}

static bool has_given(const pool *p, const broker_position *k)
{
    return has_ended(p, k) ||
           lane_logical(p, k->partition, k->offset) > p->epochs.logical;
}

int64_t lane_quota(const pool *p)
{
    int64_t n = 0;

    for (size_t i = 0; p->counted && i < p->own.n_parts; i++)
        n += has_given(p, &p->own.at[i]);
    return n;
}

int64_t lane_wanted(const pool *p)
{
    for (size_t i = 0; p->counted && pool_is_ready(p) && i < p->own.n_parts;
         i++) {
        const broker_position *k = &p->own.at[i];

        if (!has_given(p, k) &&
            p->c.source->ops->high(p->c.source, k->partition) <= k->offset)
            return 1 + k->partition;
    }
    return 0;
}

/* --- a state --- */

void lane_share(pool *p, const unsigned char *own)
{
    pool_owner *o = &p->own;

    o->map.n = 0;
    o->n_parts = 0;
    for (int32_t k = 0; k < p->n_partitions; k++) {
        o->map.owner[k] = -1;
        if (!own[k])
            continue;
        o->map.owner[k] = pipeline_owner(o->map.n, p->size);
        o->map.place[k] = o->map.n / p->size;
        o->map.n++;
        if (o->map.owner[k] == p->rank)
            o->at[o->n_parts++] = (broker_position){.partition = k};
    }
    o->n_lanes = o->cap_lanes;
    if (p->counted || o->n_parts == 0)
        o->n_lanes = o->n_parts;
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
    p->epochs.logical = p->counted ? INT64_MAX : 0;
    for (int32_t k = 0; k < n; k++) {
        at[k].partition = k;
        if (p->counted && lane_logical(p, k, at[k].offset) < p->epochs.logical)
            p->epochs.logical = lane_logical(p, k, at[k].offset);
        if (p->own.map.owner[k] == p->rank)
            p->own.at[lane_place(p, k)] = at[k];
    }
    free(at);
    return 0;
}

static int load_devices(commit_devices *t, const params_state *s,
                        pe_error *errp)
{
    commit_devices_clear(t);
    for (size_t i = 0; i < s->n_devices; i++) {
        const params_device *d = &s->devices[i];
        size_t k = commit_device_find(t, d->device, errp);

        if (k == SIZE_MAX)
            return -1;
        commit_device_set(&t->d[k], d->partition, d->boot, d->seq);
    }
    return 0;
}

/* Read every partition from the first record that is not dispatched. */
static int assign(pool *p, pe_error *errp)
{
    for (size_t i = 0; i < p->own.n_parts; i++)
        p->own.fetched[i] = p->own.at[i].offset;
    if (FAILPOINT_FAILS(FAILPOINT_ASSIGN, errp))
        return -1;
    return p->c.source->ops->assign(p->c.source, p->own.at, p->own.n_parts,
                                    errp);
}

int lane_load(pool *p, const params_state *s, const unsigned char *own,
              pe_error *errp)
{
    lane_drop(p);
    lane_share(p, own);
    if (load_offsets(p, s, errp) < 0 ||
        load_devices(&p->own.devices, s, errp) < 0)
        return -1;
    return assign(p, errp);
}

void lane_rewind(pool *p)
{
    pe_error e = {0};

    lane_drop(p);
    if (assign(p, &e) < 0)
        pool_fail(p, &e);
}
