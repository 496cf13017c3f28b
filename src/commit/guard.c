/* guard.c - rank 0 looks behind: is the log still the one that was committed?
 *
 * Ranks look at the record in front of where they begin, and again when a
 * connection was lost.  A topic that is deleted and made again takes none
 * with it; so every few seconds, and before a run is over, records committed
 * a while ago are looked at.  If they are where they were, so are those
 * committed before.
 */
#include "guard.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"

#define PERIOD (5 * CLOCK_S)
#define PATIENCE (10 * CLOCK_S) /* at the end */

int commit_guard_open(commit_guard *g, const pipeline *pl,
                      const pipeline_request *req, pe_error *errp)
{
    size_t n = (size_t)pl->partitions;
    broker_conf c = {0};

    if (pipeline_is_local(pl))
        return 0;
    g->n_partitions = g->told = pl->partitions;
    g->stream = strdup(pl->stream_name);
    g->seen = calloc(n, sizeof(*g->seen));
    g->asked = calloc(n, sizeof(*g->asked));
    g->later = calloc(n, sizeof(*g->later));
    g->list = calloc(n, sizeof(*g->list));
    if (!g->stream || !g->seen || !g->asked || !g->later || !g->list)
        return pe_error_nomem(errp);
    pipeline_topic(pl, req->run, "", g->topic, sizeof(g->topic));
    pipeline_request_broker(req, &c, "pilot-agent-guard");
    g->guard = broker_guard_open(&c, g->topic, pl->message_bytes, errp);
    return g->guard ? 0 : -1;
}

void commit_guard_close(commit_guard *g)
{
    broker_guard_close(g->guard);
    free(g->stream);
    free(g->seen);
    free(g->asked);
    free(g->later);
    free(g->list);
    memset(g, 0, sizeof(*g));
}

void commit_guard_reset(commit_guard *g)
{
    size_t bytes = (size_t)g->n_partitions * sizeof(*g->seen);

    if (!g->guard)
        return;
    g->runs = false;
    memset(g->seen, 0, bytes);
    memset(g->later, 0, bytes);
}

/* Where our partitions are committed to now; [all], or those of which nothing
 * is noted.
 */
static void note(commit_guard *g, const committer_view *v, const int32_t *owner,
                 bool all)
{
    broker_position *to = g->later;

    for (int32_t k = 0; k < g->n_partitions; k++)
        if (all || !to[k].mark)
            to[k] = owner[k] < 0
                        ? (broker_position){k, 0, 0}
                        : (broker_position){k, v->committed[k], v->mark[k]};
}

void commit_guard_note(commit_guard *g, const committer_view *v,
                       const int32_t *owner)
{
    if (g->guard)
        note(g, v, owner, false);
}

/* What was noted the last time is looked at; what is new, the next time: it
 * was read before this look, so it is of the log that is found.
 */
static int start(commit_guard *g, const committer_view *v, const int32_t *owner,
                 pe_error *errp)
{
    size_t n = 0;

    memcpy(g->asked, g->later, (size_t)g->n_partitions * sizeof(*g->asked));
    note(g, v, owner, true);
    for (int32_t k = 0; k < g->n_partitions; k++)
        if (g->asked[k].mark && g->asked[k].offset != g->seen[k].offset)
            g->list[n++] = g->asked[k];
    g->runs = n > 0;
    return n > 0 ? broker_guard_start(g->guard, g->list, n, errp) : 0;
}

/* Partitions are added to a topic while it is read: what is ours goes where it
 * went, by number; what others write may go there.
 */
static void look_beside(commit_guard *g)
{
    int n = broker_guard_partitions(g->guard);

    if (n <= g->told)
        return;
    g->told = n;
    log_warn("topic %s has %d partitions by now and the run reads %d of them: "
             "what others write to the rest is not read; to read all, start "
             "another run with streams.%s.partitions: %d",
             g->topic, n, (int)g->n_partitions, g->stream, n);
}

int commit_guard_step(commit_guard *g, const committer_view *v,
                      const int32_t *owner, int64_t now, pe_error *errp)
{
    int rc;

    if (!g->guard || (!g->runs && now < g->due))
        return 0;
    if (!g->runs) {
        g->due = now + PERIOD;
        look_beside(g);
        return start(g, v, owner, errp);
    }
    rc = broker_guard_poll(g->guard, 0, errp);
    if (rc <= 0)
        return rc;
    g->runs = false;
    memcpy(g->seen, g->asked, (size_t)g->n_partitions * sizeof(*g->seen));
    return 0;
}

bool commit_guard_is_done(commit_guard *g, const committer_view *v,
                          const int32_t *owner, int64_t now)
{
    bool done = true;

    if (!g->guard || g->gave_up)
        return true;
    for (int32_t k = 0; k < g->n_partitions; k++)
        if (owner[k] >= 0 && v->mark[k] && g->seen[k].offset != v->committed[k])
            done = false;
    if (done)
        return true;
    g->due = 0;
    if (!g->end_ns)
        g->end_ns = now;
    if (now - g->end_ns > PATIENCE) {
        log_warn("the broker did not show whether topic %s is still the one "
                 "that was read",
                 g->topic);
        g->gave_up = true;
    }
    return g->gave_up;
}
