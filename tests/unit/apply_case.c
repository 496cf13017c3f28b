/* apply_case.c - a pilot, its job, its beat, of seconds ago. */
#include "apply_case.h"

#include <stdio.h>
#include <string.h>

pilot_record case_record(enum pilot_state state)
{
    pilot_record r;

    memset(&r, 0, sizeof(r));
    snprintf(r.id, sizeof(r.id), "run/pool");
    snprintf(r.run, sizeof(r.run), "run");
    snprintf(r.name, sizeof(r.name), "pool");
    snprintf(r.resource, sizeof(r.resource), "slurm://");
    snprintf(r.reason, sizeof(r.reason), "as before");
    r.state = state;
    r.exit_code = -1;
    r.created_ns = AGO(1000);
    if (state == PILOT_NEW) {
        r.submitting = true;
        return r;
    }
    snprintf(r.sched_id, sizeof(r.sched_id), "17");
    r.submitted_ns = AGO(999);
    if (state >= PILOT_STARTING)
        r.started_ns = AGO(500);
    if (state >= PILOT_ACTIVE) {
        r.active_ns = AGO(490);
        r.seen_ns = r.beat_ns = AGO(200);
    }
    if (pilot_state_is_final(state))
        r.ended_ns = AGO(100);
    return r;
}

resource_job case_job(enum resource_seen seen)
{
    resource_job j;

    memset(&j, 0, sizeof(j));
    snprintf(j.id, sizeof(j.id), "17");
    j.dir = "/home/run/pool";
    j.seen = seen;
    j.exit_code = j.signal = -1;
    return j;
}

beat case_beat(const char *state, int64_t time_ns)
{
    beat b;

    memset(&b, 0, sizeof(b));
    snprintf(b.state, sizeof(b.state), "%s", state);
    b.time_ns = time_ns;
    b.status = -1;
    return b;
}
