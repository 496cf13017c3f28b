/* services.c - the broker and the parameter service of a run. */
#include <stdlib.h>
#include <string.h>

#include "src/agent/via.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/pilot/bury.h"
#include "src/pilot/topics.h"
#include "src/poison/breaker.h"
#include "src/request/place.h"
#include "src/run/run.h"

#define STEP_MS 100

int run_services_call(struct run *r, const char *verb, const char *folder,
                      pe_error *errp)
{
    char *program = locate_program("pilot-services", PILOT_LIBEXECDIR, errp);
    char *log = run_path(r, "services.log", errp);
    const char *argv[] = {program, verb, "--dir", folder, NULL};
    process_spec spec = {.argv = argv, .out_path = log, .new_group = true};
    bool starts = !strcmp(verb, "start");
    int status = -1;

    process *p = program && log ? process_start(&spec, errp) : NULL;
    if (!p)
        goto done;
    while (!process_wait(p, STEP_MS))
        if (starts && run_interrupted(r)) {
            pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN, "interrupted");
            goto done;
        }
    int code = process_status(p);
    if (code == 0)
        status = 0;
    else
        pe_error_set(errp, PE_ERROR_RETRY,
                     code >= PE_EXIT_USAGE && code <= PE_EXIT_CONFIG
                         ? (enum pe_exit)code
                         : PE_EXIT_UNAVAILABLE,
                     "'pilot-services %s' failed with status %d; %s has more",
                     verb, code, log);
done:
    process_destroy(p);
    free(log);
    free(program);
    return status;
}

/* But for those of blocks that were sent again: nobody else says them. */
static int ends_clear(params *p, pe_error *errp)
{
    params_end *e;
    size_t n;
    int rc = params_ends_fetch(p, &e, &n, errp);

    if (rc < 0)
        return -1;
    rc = params_ends_clear(p, errp);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (*e[i].device == '~')
            rc = params_end_put(p, &e[i], errp);
    params_ends_free(e, n);
    return rc;
}

/* What ended the run last time, or one of its name that came to nothing. */
static int ends_forget(struct run *r, pe_error *errp)
{
    if (ends_clear(r->params, errp) < 0 ||
        params_control_put(r->params, "", errp) < 0 ||
        breaker_again(r->params, errp) < 0)
        return -1;
    for (size_t i = 0; i < r->n_agents; i++) {
        const agent *a = &r->agents[i];
        if (params_order_put(r->params, a->member, "", errp) < 0 ||
            (a->state == AGENT_WAITS &&
             params_pilot_put(r->params, a->member, "", errp) < 0))
            return -1;
    }
    return 0;
}

/* What a run that goes on has learned already. */
static int began(struct run *r, pe_error *errp)
{
    params_state s = {0};
    int rc = params_state_fetch(r->params, &s, errp);

    if (rc == 0)
        monitor_began(r->monitor, s.counters.applied, s.counters.points,
                      s.counters.bytes);
    params_state_free(&s);
    return rc;
}

/* The run is ours, and a new one must not find a model of the same name. */
static int keys_prepare(struct run *r, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version, fence;

    if (params_claim_take(r->params, r->req->claim, errp) < 0)
        return -1;
    r->claimed = true;
    if (params_ids_fetch(r->params, commit, &version, &fence, errp) < 0)
        return -1;
    if (*commit && r->req->resumed && began(r, errp) < 0)
        return -1;
    if (!*commit || r->req->resumed)
        return run_layers_prepare(r, errp) < 0 ? -1 : ends_forget(r, errp);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s has a model of a run %s already: choose another "
                        "--run",
                        r->req->params_url, r->req->run);
}

int run_services_reach(struct run *r, uint64_t blocks, bool *reachedp,
                       pe_error *errp)
{
    params_conf conf = {0};
    params_state s = {0};
    params *p = NULL;
    int status = -1;

    if (!run_endpoints_known(r))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "its services are down");
    if (via_open(r->req, errp) < 0)
        return -1;
    pipeline_request_params(r->req, &conf);
    conf.no_commits = true;
    p = params_open(&conf, r->req->run, errp);
    if (p && params_state_fetch(p, &s, errp) == 0) {
        *reachedp = s.counters.applied + s.counters.refused >= blocks;
        status = 0;
    }
    params_state_free(&s);
    params_close(p);
    return status;
}

static bool has_far_pilot(const pipeline *p)
{
    for (size_t i = 0; i < p->n_pilots; i++)
        for (size_t k = 0; k < p->pilots[i].n_resources; k++)
            if (place_is_behind_ssh(p->pilots[i].resources[k]))
                return true;
    return false;
}

/* A host of the pilots may reach what this one does not. */
static int via_hint(const struct run *r, pe_error *errp)
{
    pe_error e = *errp;

    if (e.exit_code == PE_EXIT_UNAVAILABLE && !r->req->via &&
        has_far_pilot(r->p))
        pe_error_set(errp, e.kind, e.exit_code,
                     "%s; where only a login node reaches it, give a pilot of "
                     "this host `via: ssh://HOST`",
                     e.text);
    return -1;
}

static int services_open(struct run *r, pe_error *errp)
{
    params_conf c = {0};

    if (run_endpoints_resolve(r, errp) < 0 || via_open(r->req, errp) < 0 ||
        topics_ensure(r->p, r->req, LOGIN_OPERATOR, errp) < 0)
        return -1;
    pipeline_request_params(r->req, &c);
    c.no_commits = params_login_named(&c); /* an operator makes none */
    r->params = params_open(&c, r->req->run, errp);
    if (!r->params || keys_prepare(r, errp) < 0)
        return -1;
    return 0;
}

int run_services_open(struct run *r, pe_error *errp)
{
    if (r->local)
        return 0;
    if (services_open(r, errp) < 0)
        return via_hint(r, errp);
    /* Before a short run is over. */
    run_watch_tell(r);
    return 0;
}

void run_services_close(struct run *r)
{
    char *folder = r->managed ? run_path(r, "services", NULL) : NULL;
    pe_error e = {0};

    /* A run that leaves nothing behind leaves its name to others. */
    if (r->claimed && r->made_dir)
        params_claim_drop(r->params, r->req->claim, NULL);
    params_close(r->params);
    r->params = NULL;
    if (folder && r->o->keep)
        log_info("the services go on; stop them with 'pilot services stop "
                 "--dir %s'",
                 folder);
    else if (folder && run_services_call(r, "stop", folder, &e) < 0)
        log_error("%s", e.text);
    free(folder);
}

int run_services_control(struct run *r, const char *word, pe_error *errp)
{
    if (!r->params)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_FAILED,
                            "a local run has no control word");
    return params_control_put(r->params, word, errp);
}

int run_services_bury(struct run *r, const agent *a, pe_error *errp)
{
    if (!r->params)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_FAILED,
                            "a local run has no ends");
    if (r->p->n_streams > 1)
        return run_layers_bury(r, a, errp);
    return bury_devices(r->p, r->req, a->pilot, a->place, r->params, errp);
}
