/* scaler.h - the policy of a run's pool, looked after by one process. */
#ifndef SCALER_SCALER_H
#define SCALER_SCALER_H

#include <jansson.h>

#include "src/params/params.h"
#include "src/scale/scale.h"

/* What was decided stands in the parameter service (params_scale_put), one JSON
 * object:
 *
 *   {"schema": 1, "run":, "pool":, "policy": words, "events": [names],
 *    "keeper": who decides, "time_ns": of its newest look,
 *    "now": {a decision as scale_decision_json has it, "ranks": that are up,
 *      "pending": ranks on their way, "pilots", "rate", "busy", "grows",
 *      "lag_blocks", "core_hours", "partitions"},
 *    "history": scale_history_json,
 *    "decisions": [rows of scale_decision_json with "outcome"], the newest
 *      last, SCALER_ROWS at most}
 */
#define SCALER_SCHEMA 1
enum { SCALER_ROWS = 100 };

typedef struct scaler scaler;

/* Of run [run], whose folder is in [home]; both are copied.  Errors: 78: no
 * such run here, or it has no policy; those of its file.
 */
scaler *scaler_open(const char *home, const char *run, pe_error *errp);
void scaler_close(scaler *s); /* may be NULL */

/* Decide until the run is over, when this process is the one to do so: another
 * that does is waited for.  Each decision is told in a line.  Ends, too, when a
 * signal came (run_interrupted has them), or our parent is gone.  0, or -1.
 */
int scaler_keep(scaler *s, void (*tell)(void *arg, const char *line), void *arg,
                pe_error *errp);

/* What would be decided now, by what stands in the parameter service: the
 * "now" of above, new.  Nothing is done, and nothing written.
 */
json_t *scaler_try(scaler *s, pe_error *errp);

/* What stands there, new.  Errors: retry, 69; input, 78: nobody has decided
 * anything yet; 65: it is none of ours.
 */
json_t *scaler_told(params *p, const char *run, pe_error *errp);

#endif
