/* agent_boots.c - the incarnations of an agent's live devices. */
#include <stdlib.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/edge/agent_private.h"

#define BOOTS_RETRY_NS 500000000
#define BOOTS_TIMEOUT_S 2.0 /* of the broker, for the ends of partitions */

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

    for (int i = 0; i < a->n; i++)
        boots[i] = (params_boot){.device = a->devices[i].name,
                                 .known = a->devices[i].known};
    if (log_ends(a, boots, errp) < 0)
        return -1;
    pthread_mutex_lock(&a->lock);
    rc = params_boots_take(a->params, boots, (size_t)a->n, errp);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; rc == 0 && i < a->n; i++)
        device_set_boot(a->devices[i].device, boots[i].boot);
    return rc;
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
    rc = boots_take(a, boots, &e);
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
