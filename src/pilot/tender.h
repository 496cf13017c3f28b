/* tender.h - the process that looks after the `scale` of a run's pool. */
#ifndef PILOT_TENDER_H
#define PILOT_TENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "src/common/process.h"
#include "src/pipeline/pipeline.h"

/* "pilot scale --keep RUN", a child of who follows the run and of each
 * supervisor of the pool: one of them decides (params_keeper_take), and another
 * goes on when it is gone.  Starts zeroed.
 */
typedef struct tender {
    process *proc;
    int64_t due_ns; /* it is started again; monotonic */
    unsigned starts;
    text said;
    void (*line)(void *arg, const char *line); /* what it tells */
    void *arg;
} tender;

/* Has a pool of [p] a policy? */
bool tender_is_due(const pipeline *p);
/* Start it for run [run] in [home], or again; take what it says.  One that
 * cannot be started is told, and tried again later.
 */
void tender_turn(tender *s, const char *home, const char *run);
int tender_fd(const tender *s); /* -1: none */
/* The run is over: it goes by itself within [wait_ms], else when it is asked.
 * [stop]: the run is stopped, and the pilots it has added go with it.
 */
void tender_close(tender *s, bool stop, int wait_ms);

#endif
