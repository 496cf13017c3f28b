/* run_services.c - the broker and the parameter service of a run. */
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "src/cmd/locate.h"
#include "src/cmd/run.h"
#include "src/common/log.h"
#include "src/common/text.h"

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

static int topic_ensure(const struct run *r, broker_admin *a,
                        const char *suffix, pe_error *errp)
{
    char name[256];
    int partitions;

    pipeline_topic(r->p, r->req->run, suffix, name, sizeof(name));
    const broker_topic t = {
        .name = name,
        .partitions = r->p->partitions,
        .message_bytes =
            r->p->message_bytes + (*suffix ? PIPELINE_HEADER_BYTES : 0),
        .gaps_allowed = r->p->gaps_allowed,
    };
    return broker_topic_ensure(a, &t, &partitions, errp);
}

static broker_admin *admin_open(const struct run *r, pe_error *errp)
{
    broker_conf c = {0};

    pipeline_request_broker(r->req, &c, "pilot-run");
    return broker_admin_open(&c, errp);
}

static int topics_ensure(struct run *r, pe_error *errp)
{
    broker_admin *a = admin_open(r, errp);

    if (!a)
        return -1;
    int status = topic_ensure(r, a, "", errp);
    if (status == 0 && r->p->results)
        status = topic_ensure(r, a, ".results", errp);
    if (status == 0)
        status = topic_ensure(r, a, ".refused", errp);
    broker_admin_close(a);
    return status;
}

/* A new run must not find a model of the same name; a resumed one forgets
 * what ended it last time.
 */
static int keys_prepare(struct run *r, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version, fence;

    if (r->req->resumed)
        return params_ends_clear(r->params, errp) < 0
                   ? -1
                   : params_control_put(r->params, "", errp);
    if (params_ids_fetch(r->params, commit, &version, &fence, errp) < 0)
        return -1;
    if (!*commit)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s has a model of a run %s already: choose another "
                        "--run",
                        r->req->params_url, r->req->run);
}

int run_services_open(struct run *r, pe_error *errp)
{
    params_conf c = {0};

    if (r->local)
        return 0;
    if (run_endpoints_resolve(r, errp) < 0 || topics_ensure(r, errp) < 0)
        return -1;
    pipeline_request_params(r->req, &c);
    r->params = params_open(&c, r->req->run, errp);
    return r->params ? keys_prepare(r, errp) : -1;
}

void run_services_close(struct run *r)
{
    char *folder = r->managed ? run_path(r, "services", NULL) : NULL;
    pe_error e = {0};

    params_close(r->params);
    r->params = NULL;
    if (folder && r->o->keep)
        log_info("the services go on; stop them with 'pilot-services stop "
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

static bool has_end(const params_end *ends, size_t n, const char *device)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(ends[i].device, device))
            return true;
    return false;
}

/* The end of device [d]: all that is in its partition now. */
static int device_bury(struct run *r, broker_admin *a, int d, char *device,
                       pe_error *errp)
{
    params_end end = {
        .device = device, .partition = d % r->p->partitions, .dead = true};
    char topic[256];
    int64_t low;

    pipeline_topic(r->p, r->req->run, "", topic, sizeof(topic));
    if (broker_watermarks(a, topic, end.partition, &low, &end.next, errp) < 0)
        return -1;
    return params_end_put(r->params, &end, errp);
}

/* Number of the first device of [pilot]: they are counted over all edges. */
static int first_device(const pipeline *p, const pipeline_pilot *pilot)
{
    int first = 0;

    for (size_t i = 0; i < p->n_pilots && &p->pilots[i] != pilot; i++)
        if (p->pilots[i].kind == PILOT_EDGE)
            first += p->pilots[i].devices;
    return first;
}

int run_services_bury(struct run *r, const agent *a, pe_error *errp)
{
    params_end *ends = NULL;
    size_t n = 0;
    int first = first_device(r->p, a->pilot);

    if (!r->params || params_ends_fetch(r->params, &ends, &n, errp) < 0)
        return -1;
    broker_admin *admin = admin_open(r, errp);
    int status = admin ? 0 : -1;
    for (int d = first; status == 0 && d < first + a->pilot->devices; d++) {
        char device[256];
        pipeline_device_name(r->p, d, device, sizeof(device));
        if (!has_end(ends, n, device))
            status = device_bury(r, admin, d, device, errp);
    }
    broker_admin_close(admin);
    params_ends_free(ends, n);
    return status;
}
