/* trail.c - what a rank tells the trace of its run, once a second. */
#include "pool_private.h"

#include "src/common/clock.h"

void trail_rank(pool *p, int64_t now)
{
    pool_trail *t = &p->trail;
    const pool_figures *f = &p->figures;
    trace_rank r;

    if (!t->log || now < t->rank_due)
        return;
    t->rank_due = now + CLOCK_S;
    r = (trace_rank){.time_ns = clock_real_ns(),
                     .fetch_ns = f->fetch_ns,
                     .help_ns = t->help_ns,
                     .kernel_ns = f->busy_ns - t->help_ns,
                     .reduce_ns = f->reduce_ns,
                     .commit_ns = p->head ? p->head->view.busy_ns : 0,
                     .idle_ns = f->idle_ns,
                     .blocks = f->fetched,
                     .helped = f->helped,
                     .epochs = f->epochs,
                     .lag = lane_lag(p),
                     .rank = (uint32_t)p->rank};
    trace_log_add(t->log, LAYOUT_RANK, &r);
}
