/* plan.c - which stages an edge pilot runs, on which devices. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "src/agent/fault.h"
#include "src/poison/device.h"

/* Beyond this the client's queue is full and our own waits. */
#define CLIENT_BYTES_MAX (UINT64_C(1) << 30)

static int find_pilot(plan *out, const pipeline *p, const pipeline_request *r,
                      const char *name, pe_error *errp)
{
    const pipeline_pilot *pilot = pipeline_pilot_find(p, name);

    if (!pilot || pilot->kind != PILOT_EDGE)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has no edge pilot '%s'", p->file, name);
    out->pilot = pilot;
    out->first_device =
        pipeline_first_device(p, pilot, r->place < 0 ? 0 : r->place);
    return 0;
}

static int refuse_stage(const plan *out, const pipeline_stage *s,
                        const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s:%d: stage '%s' %s, so pilot '%s' cannot run it",
                        s->file ? s->file : "?", s->line, s->name, why,
                        out->pilot->name);
}

/* Load the function of stage [s] as number [i] of the chain. */
static int load_stage(plan *out, size_t i, const pipeline *p,
                      const pipeline_request *r, const pipeline_stage *s,
                      pe_error *errp)
{
    const pe_function *ops;
    function *fn = function_load(s->function, r->dir, errp);

    if (!fn)
        return pe_error_prefix(errp, "%s:%d", s->file ? s->file : "?", s->line);
    out->functions[i] = fn;
    ops = function_ops(fn);
    if (i == 0 && !ops->produce_edge)
        return refuse_stage(out, s, "has no produce_edge", errp);
    if (i > 0 && !ops->process_edge)
        return refuse_stage(out, s, "has no process_edge", errp);
    out->options[i] = function_options(fn, s->options, errp);
    if (!out->options[i])
        return pe_error_prefix(errp, "%s:%d: stage '%s'",
                               s->file ? s->file : "?", s->line, s->name);
    out->words[i] =
        fault_words(s->name, i ? "process_edge" : "produce_edge", s->function);
    if (!out->words[i])
        return pe_error_nomem(errp);
    out->stages[i].ops = ops;
    out->stages[i].words = out->words[i];
    out->stages[i].prompt = function_prompt(fn);
    out->stages[i].guarded =
        ops->process_edge && i ? device_guard(s, out->stages[i].words) : -1;
    out->stages[i].setup = (context_setup){
        .run = r->run,
        .stage = s->name,
        .size = out->pilot->devices,
        .options = out->options[i],
        .context_keys = (const char *const *)p->context_keys,
        .context_values = (const char *const *)p->context_values,
        .n_context = p->n_context,
        .within_s = out->source->within_s,
        .rate = out->source->rate,
        .points = out->source->points,
        .dtype = p->dtype,
    };
    return 0;
}

static bool runs_on(const pipeline *p, const pipeline_stage *s,
                    const pipeline_pilot *pilot)
{
    for (size_t i = 0; i < s->n_pilots; i++)
        if (&p->pilots[s->pilots[i]] == pilot)
            return true;
    return false;
}

/* The stages from the stream back to the source, as indexes; their number, or
 * -1.
 */
static int walk_back(const plan *out, const pipeline *p,
                     int chain[PLAN_STAGES_MAX], pe_error *errp)
{
    int n = 0;

    for (int at = p->stream_stage; at >= 0; at = p->stages[at].from) {
        const pipeline_stage *s = &p->stages[at];
        if (n == PLAN_STAGES_MAX)
            return refuse_stage(out, s, "is one too many in a row", errp);
        if (!runs_on(p, s, out->pilot))
            return refuse_stage(out, s, "runs on another pilot", errp);
        chain[n++] = at;
    }
    if (n == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has no stream that leaves an edge pilot",
                            p->file);
    return n;
}

int plan_make(plan *out, const pipeline *p, const pipeline_request *r,
              const char *name, pe_error *errp)
{
    int chain[PLAN_STAGES_MAX];
    int n;

    memset(out, 0, sizeof(*out));
    if (find_pilot(out, p, r, name, errp) < 0)
        return -1;
    n = walk_back(out, p, chain, errp);
    if (n < 1)
        return -1;
    out->source = &p->stages[chain[n - 1]];
    for (int i = 0; i < n; i++) {
        const pipeline_stage *s = &p->stages[chain[n - 1 - i]];
        out->n_stages = ++out->n_loaded;
        if (load_stage(out, (size_t)i, p, r, s, errp) < 0)
            return -1;
    }
    out->rereadable = function_rereadable(out->functions[0], out->options[0]);
    out->framed = function_framed(out->functions[0], out->options[0]);
    pipeline_topic(p, r->run, "", out->topic, sizeof(out->topic));
    return 0;
}

static void unload(plan *p, size_t i)
{
    pe_options_destroy(p->options[i]);
    function_unload(p->functions[i]);
    free(p->words[i]);
    p->options[i] = NULL;
    p->functions[i] = NULL;
    p->words[i] = NULL;
}

/* The stages of a file stand in the order of their row. */
int plan_reach(plan *out, const pipeline *p, const pipeline_request *r,
               size_t n, pe_error *errp)
{
    size_t before = out->n_loaded;

    for (size_t i = before; i < n && i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];
        int rc = i < PLAN_STAGES_MAX
                     ? load_stage(out, i, p, r, s, errp)
                     : refuse_stage(out, s, "is one too many in a row", errp);

        if (rc == 0) {
            out->n_loaded = i + 1;
            continue;
        }
        if (i < PLAN_STAGES_MAX)
            unload(out, i);
        while (out->n_loaded > before)
            unload(out, --out->n_loaded);
        return -1;
    }
    return 0;
}

void plan_clear(plan *p)
{
    for (size_t i = 0; i < p->n_loaded; i++)
        unload(p, i);
    memset(p, 0, sizeof(*p));
}

bool plan_is_local(const char *endpoint)
{
    return !strncmp(endpoint, "127.", 4) ||
           !strncmp(endpoint, "localhost:", 10) ||
           !strncmp(endpoint, "[::1]", 5);
}

void plan_producer(const plan *pl, const pipeline *p, const pipeline_request *r,
                   broker_producer_conf *out)
{
    uint64_t queues = (pl->pilot->queue_bytes + p->message_bytes) *
                      (uint64_t)pl->pilot->devices;
    /* An address of its own on this host leads somewhere else. */
    bool near = !pl->pilot->broker && r->broker && plan_is_local(r->broker);

    memset(out, 0, sizeof(*out)); /* no linger: blocks that come while others
                                     are on their way share a request */
    pipeline_request_broker(r, &out->broker, "pilot-edge");
    out->compression = p->compression;
    out->message_bytes = p->message_bytes;
    out->queue_bytes = queues < CLIENT_BYTES_MAX ? queues : CLIENT_BYTES_MAX;
    /* On a short link several requests under way cost the idempotent
     * producer more CPU than they gain; a long one needs them.
     */
    out->in_flight = near ? 1 : 5;
}
