/* move.h - a stage that is to cross, for the files of `pilot move`. */
#ifndef CHANGE_MOVE_H
#define CHANGE_MOVE_H

#include <stdbool.h>

#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

/* An edge pilot whose devices have [through] stages now. */
struct move_edge {
    const pipeline_pilot *pilot;
    size_t through;
};

struct move {
    pipeline_request *req;
    pipeline *pl;
    params *params;
    size_t stage; /* index */
    bool to_pool;
    const pipeline_pilot *only; /* these devices; NULL: all */
    struct move_edge *edge;     /* those that are to follow */
    size_t n_edges;
    double timeout_s;
};

/* move_run.c - carry it out: ranks have the stage open before devices drop it.
 * Each step is asked for in the parameter service, and answered by the beats of
 * pilots.  What a pilot cannot do is taken back.  Errors: input, 78, with the
 * pilot's reason; retry, 75: no pilot of that side is up, or one does not
 * answer in time.
 */
int move_run(struct move *m, pe_error *errp);
/* How many stages the devices of [k] have, as they say, or were asked to. */
int move_through(const struct move *m, const pipeline_pilot *k, size_t *np,
                 pe_error *errp);

#endif
