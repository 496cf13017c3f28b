/* slot.c - the places of the two epochs that a rank has under way. */
#include "slot.h"

#include <stdlib.h>
#include <string.h>

pool_model *pool_model_create(pe_model *m, pe_error *errp)
{
    pool_model *pm = calloc(1, sizeof(*pm));

    if (!pm) {
        pe_model_destroy(m);
        pe_error_nomem(errp);
        return NULL;
    }
    pm->m = m;
    pm->refs = 1;
    return pm;
}

pool_model *pool_model_hold(pool_model *m)
{
    if (m)
        m->refs++;
    return m;
}

void pool_model_drop(pool_model *m)
{
    if (!m || --m->refs > 0)
        return;
    pe_model_destroy(m->m);
    free(m);
}

int pool_slot_init(pool_slot *s, size_t parts, pe_error *errp)
{
    s->range = calloc(parts, sizeof(*s->range));
    return s->range ? 0 : pe_error_nomem(errp);
}

void pool_slot_fini(pool_slot *s)
{
    free(s->range);
    free(s->touch);
    pe_delta_destroy(s->delta);
    pool_model_drop(s->base);
}

/* Forget what the epoch held; its memory stays. */
void pool_slot_clear(pool_slot *s)
{
    s->n_touch = 0;
    s->live = false;
    s->dispatched = s->outstanding = s->unacked = 0;
    s->tried = s->failed = 0;
    s->why[0] = s->refusal[0] = '\0';
    memset(&s->add, 0, sizeof(s->add));
    pool_model_drop(s->base);
    s->base = NULL;
}

void pool_slot_reshape(pool_slot *s)
{
    pe_delta_destroy(s->delta);
    s->delta = NULL;
}

static int shape_delta(pool_slot *s, pe_error *errp)
{
    if (!s->base)
        return 0;
    if (s->delta)
        return pe_delta_reset(s->delta, s->base->m, errp);
    s->delta = pe_delta_create(s->base->m, errp);
    return s->delta ? 0 : -1;
}

int pool_slot_rebase(pool_slot *s, pool_model *base, int64_t seq,
                     pe_error *errp)
{
    pool_model_drop(s->base);
    s->base = pool_model_hold(base);
    s->base_seq = seq;
    return shape_delta(s, errp);
}

void pool_slot_open(pool_slot *s, int64_t epoch, const broker_position *at,
                    size_t n)
{
    pool_slot_clear(s);
    s->live = true;
    s->epoch = epoch;
    for (size_t i = 0; i < n; i++)
        s->range[i] = (params_range){NULL, at[i].partition, at[i].offset,
                                     at[i].offset, at[i].mark};
}

static int grow_touch(pool_slot *s)
{
    size_t cap = s->cap_touch ? 2 * s->cap_touch : 32;
    params_device *t = realloc(s->touch, cap * sizeof(*t));

    if (!t)
        return -1;
    s->touch = t;
    s->cap_touch = cap;
    return 0;
}

int pool_slot_touch(pool_slot *s, commit_device *d)
{
    size_t place = s->epoch & 1, at = d->touched[place].at;
    params_device *to;

    if (d->touched[place].epoch != s->epoch || at >= s->n_touch) {
        if (s->n_touch == s->cap_touch && grow_touch(s) < 0)
            return -1;
        at = s->n_touch++;
        d->touched[place].epoch = s->epoch;
        d->touched[place].at = at;
        s->touch[at].device = d->last.device;
    }
    to = &s->touch[at];
    to->partition = d->last.partition;
    to->boot = d->last.boot;
    to->seq = d->last.seq;
    return 0;
}
