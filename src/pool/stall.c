/* stall.c - rank 0: there is something to commit, and nothing is. */
#include "pool_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/text.h"

/* An answer, a round, or a reduction that takes longer is what is waited for.
 */
#define STILL_NS (1 * CLOCK_S)
/* A broker that is there answers ten times a second; it is counted once. */
#define SILENT_NS (4 * CLOCK_S)

static double seconds_of(int64_t ns)
{
    return (double)ns * 1e-9;
}

/* Has the broker said nothing to this rank, which asks it all the time? */
static bool is_silent(pool *p, int64_t now)
{
    pool_stall *s = &p->head->stall;
    broker_answers a;

    if (!p->c.source->ops->answers || p->own.n_parts == 0)
        return false;
    a = figures_answers(p->c.source);
    if (a.seconds != s->answers || s->heard_ns == 0)
        s->heard_ns = now;
    s->answers = a.seconds;
    return now - s->heard_ns > SILENT_NS;
}

/* Is there something that is not committed?  Behind a server that is away
 * there may be.
 */
static bool has_work(const pool *p, bool silent)
{
    const int64_t *in = p->rounds.in;
    const pool_head *h = p->head;

    return in[R_LAG] > 0 || in[R_OPEN] > 0 || in[R_CLOSING] > 0 || h->pending ||
           h->job || h->view.working || !pool_is_ready(p) ||
           h->away[AWAY_PARAMS].since_ns || h->away[AWAY_BROKER].since_ns ||
           silent;
}

__attribute__((format(printf, 3, 4))) static const char *
why(pool *p, const char *hop, const char *fmt, ...)
{
    pool_stall *s = &p->head->stall;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(s->text, sizeof(s->text), fmt, ap);
    va_end(ap);
    return hop;
}

static const char *servers(pool *p, int64_t now, bool silent)
{
    const pool_head *h = p->head;
    const committer_view *v = &h->view;

    if (v->away)
        return why(p, "params", "%s", v->why);
    if (h->away[AWAY_BROKER].since_ns)
        return why(p, "broker", "%s", h->away[AWAY_BROKER].why);
    if (v->asked_ns && now - v->asked_ns > STILL_NS)
        return why(p, "params",
                   "the parameter service has not answered for %.0f s",
                   seconds_of(now - v->asked_ns));
    if (silent)
        return why(p, "broker", "the broker has not answered for %.0f s",
                   seconds_of(now - h->stall.heard_ns));
    return NULL;
}

/* Where blocks are that do not move, from the end of their way on. */
static const char *blocks(pool *p, int64_t now)
{
    const int64_t *in = p->rounds.in;
    const pool_head *h = p->head;

    if (p->rounds.posted && now - p->rounds.begun > STILL_NS)
        return why(p, "kernel",
                   "a rank has not come back from its function for %.0f s",
                   seconds_of(now - p->rounds.begun));
    if (!pool_is_ready(p)) /* and nobody knows yet of blocks */
        return why(p, "params", "its state is not loaded");
    if (h->pending || h->job || h->view.working)
        return why(p, "reduce", "an epoch is on its way to its commit");
    if (in[R_HELD] || in[R_UNACKED])
        return why(p, "broker", "results are not acknowledged by the broker");
    if (in[R_OUTSTANDING] || in[R_CLOSING])
        return why(p, "kernel", "%" PRId64 " block%s of an epoch %s not done",
                   in[R_CLOSING], text_s((uint64_t)in[R_CLOSING]),
                   text_are((uint64_t)in[R_CLOSING]));
    if (in[R_WANTED])
        return why(p, "source",
                   "partition %" PRId64
                   " gives no block for the epoch that counts them",
                   in[R_WANTED] - 1);
    if (in[R_OPEN])
        return why(p, "kernel",
                   "%" PRId64 " block%s %s in an epoch that does not end",
                   in[R_OPEN], text_s((uint64_t)in[R_OPEN]),
                   text_are((uint64_t)in[R_OPEN]));
    return why(p, "fetch", "%" PRId64 " record%s in the topic and none comes",
               in[R_LAG], in[R_LAG] == 1 ? " lies" : "s lie");
}

static const char *words(pool *p, const char *hop, int64_t still_ns)
{
    pool_stall *s = &p->head->stall;

    if (hop)
        snprintf(s->words, sizeof(s->words),
                 "pool %s is STALLED: it has %s for %.0f s; %s: %s",
                 p->c.member,
                 pool_is_ready(p) ? "blocks and has committed none"
                                  : "not come to work",
                 seconds_of(still_ns), hop, s->text);
    else
        snprintf(s->words, sizeof(s->words), "pool %s flows again",
                 p->c.member);
    return s->words;
}

const char *stall_look(pool *p, int64_t now)
{
    pool_stall *s = &p->head->stall;
    int64_t limit = (int64_t)((p->c.pl->stall_s + p->c.pl->epoch_s) * 1e9);
    bool silent = is_silent(p, now), was = s->hop != NULL;
    const char *hop = NULL;

    if (p->head->view.commits != s->commits || s->moved_ns == 0 ||
        !has_work(p, silent))
        s->moved_ns = now;
    s->commits = p->head->view.commits;
    if (p->c.pl->stall_s <= 0)
        return NULL;
    if (now - s->moved_ns > limit) {
        hop = servers(p, now, silent);
        hop = hop ? hop : blocks(p, now);
    }
    s->hop = hop;
    if (!was && hop)
        s->since_ns = clock_real_ns() - (now - s->moved_ns);
    return was == (hop != NULL) ? NULL : words(p, hop, now - s->moved_ns);
}

void stall_add(const pool *p, json_t *event)
{
    const pool_stall *s = &p->head->stall;

    if (s->hop)
        json_object_set_new(event, "stalled",
                            json_pack("{s:s, s:I, s:o}", "hop", s->hop,
                                      "since_ns", (json_int_t)s->since_ns,
                                      "text", event_text(s->text)));
}
