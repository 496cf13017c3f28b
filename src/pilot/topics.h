/* topics.h - the topics of a run. */
#ifndef PILOT_TOPICS_H
#define PILOT_TOPICS_H

#include "src/pipeline/pipeline.h"

/* Make those that are not there and check those that are; any number of
 * pilots may do it at once.  Errors: those of the broker room.
 */
int topics_ensure(const pipeline *p, const pipeline_request *r, pe_error *errp);

/* Next offset to be written to [partition] of the run's topic. */
int topics_high(const pipeline *p, const pipeline_request *r, int partition,
                int64_t *highp, pe_error *errp);

#endif
