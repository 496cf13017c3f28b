/* guard.c - rank 0 looks behind: is the log still the one that was committed?
 *
 * Ranks look at the record in front of where they begin, and again when a
 * connection was lost.  A topic that is deleted and made again takes none
 * with it; so every few seconds, and before a run is over, records committed
 * a while ago are looked at.  If they are where they were, so are those
 * committed before.
 */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"

#define S INT64_C(1000000000)
#define PERIOD (5 * S)
#define PATIENCE (10 * S) /* at the end */

int guard_open(pool *p, pe_error *errp)
{
    size_t n = (size_t)p->n_partitions;
    broker_conf c = {0};

    p->guard.seen = calloc(n, sizeof(*p->guard.seen));
    p->guard.asked = calloc(n, sizeof(*p->guard.asked));
    p->guard.later = calloc(n, sizeof(*p->guard.later));
    p->guard.list = calloc(n, sizeof(*p->guard.list));
    if (!p->guard.seen || !p->guard.asked || !p->guard.later || !p->guard.list)
        return pe_error_nomem(errp);
    pipeline_request_broker(p->c.req, &c, "pilot-agent-guard");
    p->guard.guard =
        broker_guard_open(&c, p->topic, p->c.pl->message_bytes, errp);
    return p->guard.guard ? 0 : -1;
}

void guard_close(pool *p)
{
    broker_guard_close(p->guard.guard);
    free(p->guard.seen);
    free(p->guard.asked);
    free(p->guard.later);
    free(p->guard.list);
    memset(&p->guard, 0, sizeof(p->guard));
}

void guard_reset(pool *p)
{
    size_t bytes = (size_t)p->n_partitions * sizeof(*p->guard.seen);

    if (!p->guard.guard)
        return;
    p->guard.runs = false;
    memset(p->guard.seen, 0, bytes);
    memset(p->guard.later, 0, bytes);
}

/* Where our partitions are committed to now; [all], or those of which nothing
 * is noted.
 */
static void note(pool *p, bool all)
{
    broker_position *to = p->guard.later;

    for (int32_t k = 0; k < p->n_partitions; k++)
        if (all || !to[k].mark)
            to[k] = p->owner[k] < 0
                        ? (broker_position){k, 0, 0}
                        : (broker_position){k, p->committed[k], p->mark[k]};
}

void guard_note(pool *p)
{
    if (p->guard.guard && pool_is_ready(p))
        note(p, false);
}

/* What was noted the last time is looked at; what is new, the next time: it
 * was read before this look, so it is of the log that is found.
 */
static void start(pool *p, int64_t now)
{
    struct pool_guard *g = &p->guard;
    size_t n = 0;
    pe_error e = {0};

    memcpy(g->asked, g->later, (size_t)p->n_partitions * sizeof(*g->asked));
    note(p, true);
    for (int32_t k = 0; k < p->n_partitions; k++)
        if (g->asked[k].mark && g->asked[k].offset != g->seen[k].offset)
            g->list[n++] = g->asked[k];
    g->due = now + PERIOD;
    if (n == 0)
        return;
    g->runs = true;
    if (broker_guard_start(g->guard, g->list, n, &e) < 0)
        pool_fail(p, &e);
}

void guard_step(pool *p, int64_t now)
{
    struct pool_guard *g = &p->guard;
    pe_error e = {0};
    int rc;

    if (!g->guard || !pool_is_ready(p))
        return;
    if (!g->runs) {
        if (now >= g->due)
            start(p, now);
        return;
    }
    rc = broker_guard_poll(g->guard, 0, &e);
    if (rc < 0)
        pool_fail(p, &e);
    if (rc == 0)
        return;
    g->runs = false;
    memcpy(g->seen, g->asked, (size_t)p->n_partitions * sizeof(*g->seen));
}

bool guard_is_done(pool *p, int64_t now)
{
    struct pool_guard *g = &p->guard;
    bool done = true;

    if (!g->guard || g->gave_up)
        return true;
    for (int32_t k = 0; k < p->n_partitions; k++)
        if (p->owner[k] >= 0 && p->mark[k] &&
            g->seen[k].offset != p->committed[k])
            done = false;
    if (done)
        return true;
    g->due = 0;
    if (!g->end_ns)
        g->end_ns = now;
    if (now - g->end_ns > PATIENCE) {
        log_warn("the broker did not show whether topic %s is still the one "
                 "that was read",
                 p->topic);
        g->gave_up = true;
    }
    return g->gave_up;
}
