/* energy.c - the joules of the jobs of a run, by their schedulers' accounting.
 */
#include <string.h>

#include "src/agent/event.h"
#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/run/run.h"
#include "src/run/signals.h"

/* Accounting comes seconds behind the end of a job; nobody waits for it for
 * long.
 */
#define LATE_NS (6 * CLOCK_S)
#define STEP_NS (CLOCK_S / 2)

static int ask(struct run *r, resource *place, const char *id, int64_t until,
               double *joulesp, pe_error *errp)
{
    while (place->ops->energy(place, id, joulesp, errp) < 0) {
        if (errp->kind != PE_ERROR_RETRY || errp->exit_code != PE_EXIT_AGAIN ||
            clock_mono_ns() > until || run_interrupted(r))
            return -1;
        clock_sleep_ns(STEP_NS, 0);
    }
    return 0;
}

static json_t *account_of(struct run *r, const agent *a, int64_t until)
{
    pe_error e = {0};
    resource *place = backend_open(a->record.resource, &e);
    double joules = 0;
    json_t *o = NULL;

    if (place && !place->ops->energy) {
        resource_close(place);
        return NULL;
    }
    if (place && ask(r, place, a->record.sched_id, until, &joules, &e) == 0)
        o = json_pack("{s:f, s:s}", "joules", joules, "source",
                      place->ops->scheme);
    else
        o = json_pack("{s:o, s:s}", "why", event_text(e.text), "source",
                      place ? place->ops->scheme : "?");
    resource_close(place);
    return o;
}

void run_energy_end(struct run *r)
{
    int64_t until = clock_mono_ns() + LATE_NS;

    for (size_t i = 0; i < r->n_agents && !run_interrupted(r); i++) {
        const agent *a = &r->agents[i];

        if (a->inside) {
            monitor_account(
                r->monitor, a->member,
                json_pack("{s:s}", "in", r->p->pilots[a->pilot->within].name));
            continue;
        }
        if (a->attached || !*a->record.sched_id)
            continue;
        signals_step("what %s took is asked", a->record.id);
        monitor_account(r->monitor, a->member, account_of(r, a, until));
        signals_step_end();
    }
}
