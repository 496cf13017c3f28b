/* scaling.h - one scaling for all rows of a run. */
#ifndef ANSWER_SCALING_H
#define ANSWER_SCALING_H

#include "src/function/overall.h"
#include "src/pipeline/pipeline.h"

/* What stages do that ask for the scaling of all rows; by stage of the
 * pipeline.
 */
typedef struct scaling {
    size_t n;
    overall *overalls;
    context_scaling *given; /* n 0: it is not known */
} scaling;

int scaling_open(scaling *s, const pipeline *pl, pe_error *errp);
void scaling_close(scaling *s);
/* That of stage [of]; n 0: none. */
const context_scaling *scaling_of(const scaling *s, const pipeline *pl,
                                  const pipeline_stage *of);
/* overall_end is through with that of stage [i]. */
void scaling_set(scaling *s, size_t i);

/* Those that devices of run [req] have kept with [p], or, where the source ran
 * in its ranks, once more out of the source.
 */
int scaling_fetch(scaling *s, const pipeline *pl, const pipeline_request *req,
                  params *p, pe_error *errp);

/* Into the folder of the run, where services are not needed to know them, and
 * out of it; what is not there is not known.
 */
int scaling_write(const scaling *s, const pipeline *pl,
                  const pipeline_request *req, pe_error *errp);
int scaling_read(scaling *s, const pipeline *pl, const pipeline_request *req,
                 pe_error *errp);

#endif
