/* lease.c - the partitions that the store gives to this pool. */
#include "lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/random.h"

int lease_init(lease *l, pool_store *store, const params_member *m, bool alone,
               pe_error *errp)
{
    memset(l, 0, sizeof(*l));
    l->store = store;
    l->alone = alone;
    l->member = *m;
    snprintf(l->name, sizeof(l->name), "%s", m->name);
    snprintf(l->incarnation, sizeof(l->incarnation), "%s", m->incarnation);
    l->member.name = l->name;
    l->member.incarnation = l->incarnation;
    l->member.only = NULL;
    if (l->member.ttl_ms == 0)
        l->member.ttl_ms = LEASE_TTL_MS;
    l->own = calloc((size_t)m->partitions, 1);
    return l->own ? 0 : pe_error_nomem(errp);
}

void lease_fini(lease *l)
{
    free(l->own);
    l->own = NULL;
}

/* Eight in a ttl, so that one may be lost and another be late; more where
 * something is to come soon.  No two pools in step.
 */
static void set_due(lease *l, bool answered)
{
    bool hungry = l->n < (l->alone ? l->member.partitions : l->share);
    int64_t ns = l->member.ttl_ms * CLOCK_MS / (answered && !hungry ? 8 : 40);
    uint64_t draw = random_mix((uint64_t)clock_mono_ns(), l->number);

    l->due_ns = clock_mono_ns() + ns - (int64_t)(draw % (uint64_t)(ns / 4 + 1));
}

/* Take up the partitions of [ours], or none. */
static void take_own(lease *l, const params_lease *ours)
{
    int32_t n = l->member.partitions, count = 0;
    bool changed = l->number == 0;

    for (size_t i = 0; ours && i < ours->n_partitions; i++)
        if (ours->partitions[i] < n)
            l->own[ours->partitions[i]] |= 2;
    for (int32_t k = 0; k < n; k++) {
        unsigned char is = l->own[k] >> 1;

        changed = changed || is != (l->own[k] & 1);
        l->own[k] = is;
        count += is;
    }
    l->n = count;
    l->number += changed;
}

static void take_share(lease *l, const params_share *s)
{
    const params_lease *ours = NULL;

    l->others = 0;
    *l->other = '\0';
    for (size_t i = 0; i < s->n; i++) {
        const params_lease *k = &s->leases[i];

        if (!strcmp(k->member, l->name)) {
            ours = k;
            continue;
        }
        l->others++;
        if (!*l->other || k->n_partitions)
            snprintf(l->other, sizeof(l->other), "%s", k->member);
    }
    l->share = s->share;
    l->surplus = s->surplus;
    take_own(l, ours);
}

static int refuse_replaced(const lease *l, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                        "another process has taken over as member '%s' of "
                        "this run: give each pool its own --member",
                        l->name);
}

/* What is ours of what [s] shows; 1: that is something else than before. */
static int want(lease *l, const params_share *s, pe_error *errp)
{
    bool other = false;

    if (!l->placer)
        return 0;
    l->member.only =
        placer_want(l->placer, l->name, s->leases, s->n, &other, errp);
    return l->member.only ? other : -1;
}

static int beat_once(lease *l, unsigned words, pe_error *errp)
{
    params_share s = {0};
    int rc = 0;

    if (l->placer) {
        l->member.facts = placer_facts(l->placer);
        rc = l->member.facts ? 0 : pe_error_nomem(errp);
    }
    if (!l->joined)
        words |= PARAMS_LEASE_JOIN;
    if (l->alone)
        words |= PARAMS_LEASE_ALONE;
    if (rc == 0)
        rc = l->store->ops->lease(l->store, &l->member, words, &s, errp);
    if (rc == 0 && s.replaced)
        rc = refuse_replaced(l, errp);
    if (rc == 0) {
        l->joined = true;
        l->member.generation = s.generation;
        take_share(l, &s);
        rc = want(l, &s, errp);
    }
    set_due(l, rc >= 0);
    params_leases_free(s.leases, s.n);
    return rc;
}

/* With preferences the answer may show that others are due to us than we knew:
 * that is said at once, or a pool that has just come up would have nothing.
 */
int lease_beat(lease *l, unsigned words, pe_error *errp)
{
    int rc = beat_once(l, words, errp);

    if (rc > 0 && !(words & PARAMS_LEASE_LEAVE))
        rc = beat_once(l, words & ~(unsigned)PARAMS_LEASE_JOIN, errp);
    return rc < 0 ? -1 : 0;
}

int64_t lease_due_ns(const lease *l)
{
    return l->joined ? l->due_ns : INT64_MAX;
}

bool lease_is_due(const lease *l)
{
    return clock_mono_ns() >= lease_due_ns(l);
}
