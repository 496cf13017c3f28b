/* layers.c - a run of several pools in a row, as its command sees them. */
#include <string.h>

#include "src/pilot/bury.h"
#include "src/run/run.h"

static bool is_of(const agent *a, size_t layer)
{
    return a->pilot->kind == PILOT_POOL &&
           pipeline_layer_of(a->run->p, a->pilot) == layer;
}

bool run_layers_ready(const struct run *r)
{
    for (size_t k = 0; k < r->p->n_streams; k++) {
        bool ready = false, any = false;

        for (size_t i = 0; i < r->n_agents; i++)
            if (is_of(&r->agents[i], k)) {
                any = true;
                ready = ready || r->agents[i].told.ready;
            }
        if (any && !ready)
            return false;
    }
    return true;
}

/* All its pools are over, and none has told where its blocks end. */
static bool is_lost(const struct run *r, size_t layer)
{
    bool any = false;

    for (size_t i = 0; i < r->n_agents; i++) {
        const agent *a = &r->agents[i];

        if (!is_of(a, layer))
            continue;
        any = true;
        if (!run_agent_is_over(a) || (a->told.final && !a->told.drained))
            return false;
    }
    return any;
}

size_t run_layers_lost(const struct run *r)
{
    size_t k = 0;

    while (k + 1 < r->p->n_streams && !is_lost(r, k))
        k++;
    return k + 1 < r->p->n_streams ? k : r->p->n_streams;
}

void run_layers_drain(struct run *r, size_t from)
{
    for (size_t k = from; k < r->p->n_streams; k++)
        for (size_t i = 0; i < r->n_agents; i++)
            if (is_of(&r->agents[i], k) && !run_agent_is_over(&r->agents[i]))
                run_agent_drain(&r->agents[i]);
}

/* What the parameter service has of layer [layer], open; NULL: error. */
static params *layer_open(const struct run *r, size_t layer, pe_error *errp)
{
    params_conf c = {0};
    char key[512];

    pipeline_layer_key(r->p, r->req->run, layer, key, sizeof(key));
    pipeline_request_params(r->req, &c);
    c.no_commits = true;
    return params_open(&c, key, errp);
}

static int prepare(const struct run *r, params *p, size_t layer, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version, fence;

    if (params_ids_fetch(p, commit, &version, &fence, errp) < 0)
        return -1;
    if (!*commit || r->req->resumed)
        return params_ends_clear(p, errp);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s has the state of layer %s of a run %s already: "
                        "choose another --run",
                        r->req->params_url, pipeline_layer_name(r->p, layer),
                        r->req->run);
}

int run_layers_prepare(struct run *r, pe_error *errp)
{
    int rc = 0;

    for (size_t k = 0; rc == 0 && k + 1 < r->p->n_streams; k++) {
        params *p = layer_open(r, k, errp);

        rc = p ? prepare(r, p, k, errp) : -1;
        params_close(p);
    }
    return rc;
}

int run_layers_bury(struct run *r, const agent *a, pe_error *errp)
{
    pipeline first;
    pipeline_request at;
    params *p = layer_open(r, 0, errp);
    int rc = -1;

    pipeline_peek(r->p, r->req, 0, &first, &at);
    if (p)
        rc = bury_devices(&first, &at, a->pilot, a->place, p, errp);
    params_close(p);
    return rc;
}
