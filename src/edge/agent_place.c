/* agent_place.c - which stages the devices of an agent have, as they move. */
#include <stdio.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/common/log.h"
#include "src/edge/agent_private.h"

/* How many stages [name] means, which may be "": those of the file. */
static size_t through_of(const agent *a, const char *name)
{
    int i = pipeline_stage_index(a->pl, name, strlen(name));

    return i < 0 ? a->plan.n_stages : (size_t)i + 1;
}

/* All devices go on with [n] stages from their next block. */
static void move(agent *a, size_t n)
{
    a->through = n;
    a->unmoved = (pe_error){0};
    if (plan_reach(agent_plan(a), agent_pipeline(a), a->req, n, &a->unmoved) <
        0) {
        log_warn("%s", a->unmoved.text);
        return;
    }
    for (int i = 0; i < a->n; i++)
        device_move(a->devices[i].device, n);
}

int agent_take_place(agent *a, pe_error *errp)
{
    char name[80] = "";
    size_t n;
    int rc;

    pthread_mutex_lock(&a->lock);
    rc = params_place_fetch(a->params, a->plan.pilot->name, name, sizeof(name),
                            errp);
    pthread_mutex_unlock(&a->lock);
    if (rc < 0)
        return -1;
    n = through_of(a, name);
    if (n != a->through)
        move(a, n);
    return 0;
}

/* Where devices are, and why they are not where they were asked to be. */
static json_t *place_make(agent *a)
{
    pe_error why = a->unmoved;
    size_t through = 0;
    int left = 0;
    json_t *o;

    for (int i = 0; i < a->n; i++) {
        pe_error e;
        size_t n = device_through(a->devices[i].device, &e);

        if (device_state_get(a->devices[i].device) >= DEVICE_FLUSHING)
            continue; /* it has no block before it */
        left += n != a->through;
        through = through == 0 || n < through ? n : through;
        if (why.kind == PE_ERROR_NONE)
            why = e;
    }
    if (through == 0) /* all have ended: nothing is in anybody's way */
        through = a->through;
    o = json_pack("{s:s, s:i}", "through", a->pl->stages[through - 1].name,
                  "left", left);
    if (o && why.kind != PE_ERROR_NONE)
        json_object_set_new(o, "why", event_text(why.text));
    return o;
}

json_t *agent_place_add(agent *a, json_t *o)
{
    json_t *place = place_make(a);

    if (!place)
        return o;
    o = o ? o : json_object();
    json_object_set_new(o, "place", place);
    return o;
}

void agent_device_name(const agent *a, int i, char *out, size_t cap)
{
    /* One more than the file says has names of its own. */
    if (a->req->place < 0)
        snprintf(out, cap, "%s-%d", a->req->member, i);
    else
        pipeline_device_name(a->pl, a->plan.first_device + i, out, cap);
}
