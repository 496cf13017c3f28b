/* follower.h - keeps the newest committed model of a run at hand. */
#ifndef FOLLOWER_FOLLOWER_H
#define FOLLOWER_FOLLOWER_H

#include <stdint.h>

#include <pilot/error.h>
#include <pilot/model.h>

#include "src/common/histogram.h"
#include "src/params/params.h"
#include "src/trace/log.h"

/* A thread that listens to the announcements of commits and looks at the ids
 * once a second besides, since announcements may be missed.
 */
typedef struct follower follower;

/* Start following run [run].  Strings of [c] are borrowed for its life.  A
 * parameter service that is away is waited for.
 */
follower *follower_start(const params_conf *c, const char *run, pe_error *errp);
/* Have every model noted in [l] (borrowed) that is taken up from now on, and
 * the one there is.
 */
void follower_trace(follower *f, trace_log *l);
/* Stop the thread; what it learned stays. */
void follower_stop(follower *f);
void follower_destroy(follower *f); /* may be NULL */

/* Bring a copy of the newest model up to date: *modelp and *seenp start as
 * NULL and 0 and belong to one thread, which destroys *modelp in the end.
 * Returns *modelp; NULL: there is no model yet.  Costs one load of memory
 * when nothing is new.
 */
const pe_model *follower_model(follower *f, pe_model **modelp, uint64_t *seenp);

/* What the newest model is, and when it was committed (real time): its version,
 * 0: there is none yet.  Any thread.
 */
uint64_t follower_newest(follower *f, int64_t *time_nsp);

/* Time from commit to model at hand, and what the newest one is, [commit] ""
 * when there is none.  After follower_stop.
 */
const histogram *follower_latency(const follower *f);
const char *follower_commit(const follower *f, uint64_t *versionp);

#endif
