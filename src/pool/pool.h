/* pool.h - the MPI task pool: owners, helpers, epochs, one commit in flight.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <jansson.h>
#include <mpi.h>
#include <stdatomic.h>

#include "src/source/source.h"
#include "src/commit/committer.h"
#include "src/pipeline/pipeline.h"
#include "src/task/task.h"
#include "src/poison/breaker.h"
#include "src/trace/log.h"
#include "src/watchdog/pulse.h"

/* What a pool is made of.  Borrowed for the life of the pool, but for the
 * source and the committer, which it takes over.
 */
typedef struct pool_conf {
    MPI_Comm comm;
    const pipeline *pl;
    const pipeline_request *req;
    const char *pilot;       /* name, for messages */
    const char *member;      /* name of this instance of it */
    source_reader *source;   /* of this rank */
    committer *committer;    /* rank 0; NULL elsewhere */
    const char *notes;       /* see chain_conf */
    breaker_counts since;    /* rank 0: where refuse-max counts from */
    bool durable;            /* state survives: exactly-once */
    trace_log *trace;        /* of this rank; NULL: nothing is traced */
    tasks *tasks;            /* of this rank; NULL: it does none */
    watchdog_pulse *pulse;   /* of this rank; NULL: nobody watches */
    checkpoint *checkpoint;  /* rank 0; NULL: none is written */
    const int64_t *eof;      /* rank 0: end of every partition, or NULL */
    const atomic_int *drain; /* set by a signal: finish what is begun */
    double drain_limit_s;    /* then, give up on a server that does not answer
                                for so long; 0: 20 s */
    double alone_limit_s;    /* counted epochs: give up on partitions that
                                another pool has; 0: a lease and 5 s */
    /* Rank 0, twice a second; takes the reference; may be NULL:
     *   {"event": "progress", "pilot":, "member":, "blocks": of the run,
     *    "mb":, "lag": records of our partitions, "version":, "outliers":,
     *    "p95_ms": 95% of our blocks took no longer, on the slowest rank,
     *    "epoch_ms": from the end of an epoch to its commit: the longest, and
     *    forgotten slowly, "owned": how many "partitions": [k, ...] we have,
     *    "last", "rank": of the last seconds (event.h)}
     */
    void (*progress)(json_t *event);
} pool_conf;

typedef struct pool pool;

/* Local.  NULL on error; then conf's source and committer are freed. */
pool *pool_create(const pool_conf *c, pe_error *errp);

/* Collective.  Learns until the run ends, is drained, or fails; all ranks
 * return the same: 0, or -1 with one error, the same on every rank.
 */
int pool_run(pool *p, pe_error *errp);

/* Rank 0, behind a pool_run that returned 0: it ended since the run has refused
 * more than it may, and -1 says that.
 */
int pool_broken(const pool *p, pe_error *errp);

/* Collective.  On rank 0 the final event (monitor.h), NULL elsewhere or when
 * there is no memory.
 */
json_t *pool_report(pool *p);

void pool_destroy(pool *p); /* local; may be NULL */

/* Collective.  Agree on an error: when [rc] is < 0 on any rank, every rank
 * gets the error of the lowest such rank and -1 is returned; else 0.
 */
int pool_agree(MPI_Comm comm, int rc, pe_error *errp);

#endif
