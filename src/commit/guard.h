/* guard.h - rank 0 looks behind: is the log still the one that was committed?
 */
#ifndef COMMIT_GUARD_H
#define COMMIT_GUARD_H

#include "committer.h"
#include "src/broker/guard.h"
#include "src/pipeline/pipeline.h"

/* Where committed records were looked at, are, and will be. */
typedef struct commit_guard {
    broker_guard *guard; /* NULL: there is no broker */
    char topic[256];
    int32_t n_partitions;
    int32_t told;                          /* so many were said to be there */
    char *stream;                          /* as the file calls it, for that */
    broker_position *seen, *asked, *later; /* by partition */
    broker_position *list;
    bool runs, gave_up;
    int64_t due, end_ns;
} commit_guard;

/* Without services there is nothing to guard. */
int commit_guard_open(commit_guard *g, const pipeline *pl,
                      const pipeline_request *req, pe_error *errp);
void commit_guard_close(commit_guard *g);
void commit_guard_reset(commit_guard *g); /* a new term */

/* What is committed stands in [v]; of partition k it is ours where owner[k] is
 * not negative.
 */
/* After a commit: the first of a partition is kept. */
void commit_guard_note(commit_guard *g, const committer_view *v,
                       const int32_t *owner);
/* Look, if it is time to, and without a wait.  Errors: fatal, 65, the log is
 * another.
 */
int commit_guard_step(commit_guard *g, const committer_view *v,
                      const int32_t *owner, int64_t now, pe_error *errp);
/* All that is committed was looked at, and there is no hurry but now. */
bool commit_guard_is_done(commit_guard *g, const committer_view *v,
                          const int32_t *owner, int64_t now);

#endif
