/* plan.h - which stages an edge pilot runs, on which devices. */
#ifndef EDGE_PLAN_H
#define EDGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

#include "src/edge/device.h"
#include "src/pipeline/pipeline.h"

#define PLAN_STAGES_MAX 16

typedef struct plan {
    const pipeline_pilot *pilot;
    const pipeline_stage *source;
    int first_device; /* number of this pilot's first one in the run */
    device_stage stages[PLAN_STAGES_MAX]; /* source first */
    char *words[PLAN_STAGES_MAX];         /* of these, for people */
    size_t n_stages; /* up to the stream, as the file has it */
    size_t n_loaded; /* ... and those that have come since */
    function *functions[PLAN_STAGES_MAX];
    pe_options *options[PLAN_STAGES_MAX];
    bool rereadable, framed; /* of the source, see host.h */
    char topic[256];
} plan;

/* What pilot [name] does in the run of [r]: the stages from the source to the
 * stream, their functions loaded
 * and their options checked.  [p] and [r] are borrowed for its life.
 * Errors: input, 78: no such edge pilot, no stream, a stage of the chain on
 * another pilot, a function without the entry point its place needs.
 * plan_clear is due also after an error.
 */
int plan_make(plan *out, const pipeline *p, const pipeline_request *r,
              const char *name, pe_error *errp);
void plan_clear(plan *p);
/* The first [n] stages of [p] are to run here, some of which the file has on
 * the pool: load those too.  Errors: input, 78, and the plan is as it was.
 */
int plan_reach(plan *out, const pipeline *p, const pipeline_request *r,
               size_t n, pe_error *errp);

/* Is [endpoint] (HOST:PORT, or a list) on this host? */
bool plan_is_local(const char *endpoint);

/* Settings of the producer that suit this plan; strings borrowed from [p] and
 * [r].
 */
void plan_producer(const plan *pl, const pipeline *p, const pipeline_request *r,
                   broker_producer_conf *out);

#endif
