/* topics.h - the topics of a run. */
#ifndef PILOT_TOPICS_H
#define PILOT_TOPICS_H

#include "src/pipeline/pipeline.h"

/* Make those that are not there and check those that are, as far as they are
 * the matter of [role]; any number of pilots may do it at once.  Errors: those
 * of the broker room.
 */
int topics_ensure(const pipeline *p, const pipeline_request *r,
                  enum login_role role, pe_error *errp);

/* Delete those that are the run's own; one that is not there is no error.  Of
 * others it is said that they stay.
 */
int topics_delete(const pipeline *p, const pipeline_request *r, pe_error *errp);

/* Next offset to be written to each partition of the run's topic into [ends],
 * which has room for p->partitions.  Waits for the broker for a second or two.
 */
int topics_ends(const pipeline *p, const pipeline_request *r, int64_t *ends,
                pe_error *errp);

#endif
