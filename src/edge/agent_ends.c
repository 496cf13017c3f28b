/* agent_ends.c - the ends of the devices of an agent (rule 9). */
#include <stdio.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/edge/agent_private.h"

#define ORPHAN_NS (10 * CLOCK_S) /* for another supervisor to come */
#define ENDS_NS 2000000000 /* between two looks at our ends, once written */

int agent_open_ends(agent *a, pe_error *errp)
{
    int rc = 0;

    a->ends_ns = clock_mono_ns() + ENDS_NS;
    for (int i = 0; a->req->place < 0 && i < a->n && rc == 0; i++) {
        params_end end = {.device = a->devices[i].name,
                          .partition = a->devices[i].conf.partition,
                          .next = PARAMS_END_OPEN};

        if (a->devices[i].end_put)
            continue;
        pthread_mutex_lock(&a->lock);
        rc = params_end_put(a->layer, &end, errp);
        pthread_mutex_unlock(&a->lock);
    }
    return rc;
}

/* Next offset of a device that sent nothing now: all that its partition
 * holds, since an earlier start may have sent what is not applied yet.
 */
static int partition_end(agent *a, const agent_device *d, int64_t *nextp,
                         pe_error *errp)
{
    broker_admin *admin = broker_admin_open(&a->producer.broker, errp);
    int64_t low, high;
    int rc;

    if (!admin)
        return -1;
    rc = broker_watermarks(admin, a->plan.topic, d->conf.partition, &low, &high,
                           errp);
    broker_admin_close(admin);
    if (rc == 0)
        *nextp = high > d->stored ? high : d->stored;
    return rc;
}

static void tell_ends_wait(agent *a, const pe_error *e)
{
    char text[400];

    a->ends_told = true;
    snprintf(text, sizeof(text),
             "pilot %.60s: its devices have ended, and wait: %.250s", a->pilot,
             e->text);
    report_note(a->pilot, text);
}

/* Write the end of a device all of whose blocks are acknowledged (rule 9). */
int agent_put_end(agent *a, agent_device *d, pe_error *errp)
{
    params_end end = {.device = d->name,
                      .partition = d->conf.partition,
                      .next = device_next_offset(d->device)};
    pe_error e = {0};
    int rc = 0;

    if (end.next < 0)
        rc = partition_end(a, d, &end.next, &e);
    if (rc == 0 && FAILPOINT_FAILS(FAILPOINT_END, &e))
        rc = -1;
    if (rc == 0) {
        pthread_mutex_lock(&a->lock);
        rc = params_end_put(a->layer, &end, &e);
        pthread_mutex_unlock(&a->lock);
    }
    if (rc == 0) {
        d->end_put = true;
        d->end_next = end.next;
        a->reached_ns = clock_mono_ns();
        return 0;
    }
    /* Without it the pool would never end: as long as somebody follows. */
    if (e.kind == PE_ERROR_RETRY &&
        (event_is_heard() || clock_mono_ns() - a->reached_ns < AGENT_AWAY_NS)) {
        if (!a->ends_told)
            tell_ends_wait(a, &e);
        return 0;
    }
    if (errp)
        *errp = e;
    return pe_error_prefix(errp, "end of device %s cannot be written", d->name);
}

static bool has_end(const params_end *ends, size_t n, const agent_device *d)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(ends[i].device, d->name))
            return ends[i].next != PARAMS_END_OPEN &&
                   (!d->end_put || (ends[i].next == d->end_next &&
                                    ends[i].partition == d->conf.partition));
    return false;
}

/* A service that was rolled back may have lost an end, and the pool would wait
 * for it for ever; and who may write one of another device may write over ours:
 * it is written again for as long as the run goes on.
 */
void agent_keep_ends(agent *a)
{
    int64_t now = clock_mono_ns();
    params_end *ends = NULL;
    size_t n = 0;
    int rc;

    if (now < a->ends_ns)
        return;
    a->ends_ns = now + ENDS_NS;
    pthread_mutex_lock(&a->lock);
    rc = params_ends_fetch(a->layer, &ends, &n, NULL);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; rc == 0 && i < a->n; i++) {
        agent_device *d = &a->devices[i];
        if (!has_end(ends, n, d))
            agent_put_end(a, d, NULL);
    }
    params_ends_free(ends, n);
}

/* A supervisor that was killed is started again, and starts the devices again:
 * were their ends there before it comes, the pool would take the run for done.
 */
bool agent_ends_wait(const agent *a)
{
    return a->orphan_ns && clock_mono_ns() - a->orphan_ns < ORPHAN_NS;
}
