/* agent_boots.c - the incarnations of an agent's live devices. */
#include <stdlib.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/edge/agent_private.h"

#define BOOTS_RETRY_NS 500000000
#define BOOTS_TIMEOUT_S 2.0 /* of the broker, for the ends of partitions */

int agent_identify(agent *a, int i, const params_state *state, pe_error *errp)
{
    agent_device *d = &a->devices[i];
    const identity_facts facts = {d->name, d->conf.partition,
                                  a->plan.rereadable};
    uint64_t known = 0;

    d->stored = identity_offset(state, a->plan.topic, d->conf.partition);
    if (identity_of(state, &facts, &d->conf.id, &known, errp) < 0)
        return -1;
    if (known > d->known)
        d->known = known;
    if (tally_boot_before(a->tally, i) > d->known)
        d->known = tally_boot_before(a->tally, i);
    if (a->spools.of && a->spools.boots[i] > d->known)
        d->known = a->spools.boots[i];
    return 0;
}

/* What could not be asked when the devices began. */
static int see(agent *a, pe_error *errp)
{
    params_state state = {0};
    int rc;

    if (!a->spools.blind)
        return 0;
    pthread_mutex_lock(&a->lock);
    rc = params_state_fetch(a->layer, &state, errp);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; rc == 0 && i < a->n; i++)
        rc = agent_identify(a, i, &state, errp);
    params_state_free(&state);
    a->spools.blind = rc < 0;
    return rc;
}

/* Where the partitions of the devices end: boots[i].log_end. */
static int log_ends(agent *a, params_boot *boots, pe_error *errp)
{
    broker_conf conf = a->producer.broker;
    broker_admin *admin;
    int64_t low;
    int rc = 0;

    conf.timeout_s = BOOTS_TIMEOUT_S;
    admin = broker_admin_open(&conf, errp);
    if (!admin)
        return -1;
    for (int i = 0; rc == 0 && i < a->n; i++) {
        int same = i - a->pl->partitions;
        if (same >= 0)
            boots[i].log_end = boots[same].log_end;
        else
            rc = broker_watermarks(admin, a->plan.topic,
                                   a->devices[i].conf.partition, &low,
                                   &boots[i].log_end, errp);
    }
    broker_admin_close(admin);
    return rc;
}

static int boots_take(agent *a, params_boot *boots, pe_error *errp)
{
    int rc;

    if (see(a, errp) < 0)
        return -1;
    for (int i = 0; i < a->n; i++)
        boots[i] = (params_boot){.device = a->devices[i].name,
                                 .known = a->devices[i].known};
    if (log_ends(a, boots, errp) < 0)
        return -1;
    pthread_mutex_lock(&a->lock);
    rc = params_boots_take(a->params, boots, (size_t)a->n, errp);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; rc == 0 && i < a->n; i++) {
        agent_device *d = &a->devices[i];
        bool left;

        d->known = boots[i].boot;
        if (!device_booted(d->device))
            rc = device_set_boot(d->device, boots[i].boot, &left, errp);
    }
    return rc;
}

static bool all_booted(const agent *a)
{
    for (int i = 0; i < a->n; i++)
        if (!device_booted(a->devices[i].device))
            return false;
    return true;
}

/* Live devices get their BOOT before they send; they sense meanwhile. */
int agent_take_boots(agent *a, pe_error *errp)
{
    params_boot *boots;
    pe_error e = {0};
    int rc;

    if (a->booted || clock_mono_ns() < a->boots_ns)
        return 0;
    boots = calloc((size_t)a->n, sizeof(*boots));
    if (!boots)
        return pe_error_nomem(errp);
    /* Incarnations that never had one have left blocks in a spool: theirs come
     * first.
     */
    do
        rc = boots_take(a, boots, &e);
    while (rc == 0 && !all_booted(a));
    free(boots);
    a->booted = rc == 0;
    if (rc == 0)
        return 0;
    if (e.kind != PE_ERROR_RETRY) {
        *errp = e;
        return -1;
    }
    if (!a->boots_told)
        log_warn("nothing is sent yet: %s", e.text);
    a->boots_told = true;
    a->boots_ns = clock_mono_ns() + BOOTS_RETRY_NS;
    return 0;
}
