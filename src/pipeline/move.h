/* move.h - which stages may cross between devices and pool, and when. */
#ifndef PIPELINE_MOVE_H
#define PIPELINE_MOVE_H

#include "src/pipeline/pipeline.h"

/* How a run stands while it is asked. */
typedef struct move_facts {
    size_t through; /* so many stages are on the devices now */
    bool model;     /* the run has one that scores */
    bool scaling;   /* it has kept the scaling of this stage (shared state) */
} move_facts;

/* May stage [i] of [pl] move to the pool, or to the devices?  1: it may; 0: it
 * is there.  -1: input, 78, why not, and what to do: it is the source or the
 * last one; another would stand between it and its side; its function does not
 * run there, or has seen what the other side has not.
 */
int move_check(const pipeline *pl, size_t i, bool to_pool, const move_facts *f,
               pe_error *errp);

#endif
