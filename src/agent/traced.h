/* traced.h - the log of an agent's part of the trace of its run. */
#ifndef AGENT_TRACED_H
#define AGENT_TRACED_H

#include "src/pipeline/pipeline.h"
#include "src/trace/log.h"

/* A log, and the connection by which the service's clock is asked. */
typedef struct traced traced;

/* Who we are. */
typedef struct traced_conf {
    const pipeline_request *req;
    const char *folder, *pilot, *member, *kind;
    int rank, ranks;
    uint32_t layer; /* of a pool, of several in a row */
    uint64_t world;
    bool clock; /* measure the clock of this host */
} traced_conf;

/* NULL: no memory, no thread.  A log that cannot be made is no error here: see
 * trace_log_open.  What [c] names lives as long as this.
 */
traced *traced_open(const traced_conf *c, pe_error *errp);
void traced_close(traced *t);     /* may be NULL */
trace_log *traced_log(traced *t); /* NULL of NULL */

#endif
