/* begin.h - rank 0, before the first block: the topic against what is stored.
 */
#ifndef POOL_BEGIN_H
#define POOL_BEGIN_H

#include "src/commit/store.h"

/* Read [low] and [high], first and next offset of every partition of the run's
 * topic, store the first offsets (rule 1), and see that the topic is the one
 * that the stored state was read from (rule 2): it reaches from there on, and
 * the last committed record of each partition is the one that is there.
 * Errors: fatal, 65, with the fix; retry, 69.
 */
int begin_topic(const pipeline *pl, const pipeline_request *req,
                pool_store *store, int64_t *low, int64_t *high, pe_error *errp);

#endif
