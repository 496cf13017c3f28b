/* begin.h - rank 0, before the first block: the store, the topic against what
 * is stored, the committer.
 */
#ifndef COMMIT_BEGIN_H
#define COMMIT_BEGIN_H

#include "committer.h"

/* The committer of a pool, [pilot] of the file, that is [m] of the run (its
 * incarnation is made, its partitions are the run's).  Where there is a broker:
 * first and next offset, which goes into [high], of every partition of the
 * run's topic are read, the first offsets stored (rule 1), and it is seen that
 * the topic is the one that the stored state was read from (rule 2): it reaches
 * from there on, and the last committed record of each partition is the one
 * that is there.  Errors: fatal, 65, with the fix; retry, 69.
 */
committer *begin_committer(const pipeline *pl, const pipeline_request *req,
                           const pipeline_pilot *pilot, const params_member *m,
                           int64_t *high, pe_error *errp);

#endif
