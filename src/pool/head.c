/* head.c - rank 0: what the committer knows, what is told, and patience. */
#include "pool_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/text.h"

/* A drain is no promise of a server that is away. */
#define DRAIN_LIMIT_S 20.0

int head_init(pool *p, pe_error *errp)
{
    size_t n = (size_t)p->n_partitions;
    pool_head *h = calloc(1, sizeof(*h));

    p->head = h;
    if (!h)
        return pe_error_nomem(errp);
    h->committed = calloc(n, sizeof(*h->committed));
    h->mark = calloc(n, sizeof(*h->mark));
    h->ends = calloc(n, sizeof(*h->ends));
    h->reached = calloc(n, sizeof(*h->reached));
    h->early = calloc((size_t)p->size, sizeof(*h->early));
    if (!h->committed || !h->mark || !h->ends || !h->reached || !h->early)
        return pe_error_nomem(errp);
    for (size_t k = 0; k < n; k++)
        h->ends[k] = -1;
    h->breaker = (breaker){.limit = p->c.pl->refuse, .since = p->c.since};
    h->drain_ns = h->lacking.since_ns = clock_mono_ns();
    return commit_guard_open(&h->guard, p->c.pl, p->c.req, errp);
}

void head_fini(pool *p)
{
    pool_head *h = p->head;

    if (!h)
        return;
    commit_guard_close(&h->guard);
    commit_job_destroy(h->job);
    commit_job_destroy(h->pending);
    for (int i = 0; h->early && i < p->size; i++)
        pe_buffer_free(&h->early[i]);
    free(h->early);
    free(h->committed);
    free(h->mark);
    free(h->ends);
    free(h->reached);
    free(h);
    p->head = NULL;
}

static void look_behind(pool *p, int64_t now)
{
    pool_head *h = p->head;
    pe_error e = {0};

    if (pool_is_ready(p) &&
        commit_guard_step(&h->guard, &h->view, p->own.map.owner, now, &e) < 0)
        pool_fail(p, &e);
}

static void set_ends(pool *p)
{
    pool_head *h = p->head;

    if (p->c.eof) {
        memcpy(h->ends, p->c.eof, (size_t)p->n_partitions * sizeof(*h->ends));
        return;
    }
    for (int32_t k = 0; k < p->n_partitions; k++) {
        if (!h->view.ends_known)
            h->ends[k] = -1;
        else if (h->ends[k] < 0)
            h->ends[k] = 0; /* no device writes to it */
    }
}

void head_begin(pool_head *h)
{
    if (!h->has_begun)
        h->began = h->view.total;
    h->has_begun = true;
}

bool head_is_idle(const pool *p)
{
    const pool_head *h = p->head;

    return pool_is_ready(p) && !phase_is_closing(p->term.phase) &&
           !phase_is_reducing(p->term.phase) && !h->pending && !h->job &&
           !h->view.busy && p->ship.at == PHASE_SHIP_NONE;
}

/* A commit has come: has the run refused too much? */
static void look_refused(pool *p)
{
    pool_head *h = p->head;
    const params_counters *t = &h->view.total;

    if (!h->breaker.limit.there || !h->has_begun ||
        h->view.commits == h->looked)
        return;
    h->looked = h->view.commits;
    /* Who forges records is not to end the run by it. */
    if (breaker_look(&h->breaker,
                     (breaker_counts){t->applied, t->refused - t->forged},
                     p->c.req->run))
        h->broken = true;
}

void head_look(pool *p, int64_t now)
{
    pool_head *h = p->head;

    committer_look(p->c.committer, &h->view, h->committed, h->mark, h->ends);
    set_ends(p);
    look_refused(p);
    look_behind(p, now);
}

/* It rises at once and falls slowly. */
static void note_epoch(pool_head *h, int64_t epoch)
{
    int64_t ns;
    double ms;

    if (epoch == 0) /* another pool's */
        return;
    ns = clock_mono_ns() - h->ended_ns[epoch % POOL_ENDED];
    h->commit_ns += ns;
    ms = (double)ns / 1e6;
    h->epoch_ms = ms > h->epoch_ms ? ms : h->epoch_ms + (ms - h->epoch_ms) / 16;
}

void head_note_commit(pool *p, int64_t epoch)
{
    pool_head *h = p->head;

    note_epoch(h, epoch);
    if (pool_is_ready(p))
        commit_guard_note(&h->guard, &h->view, p->own.map.owner);
}

/* The reduction under way still writes into the job's lanes. */
void head_new_term(pool *p)
{
    commit_job_destroy(p->head->pending);
    p->head->pending = NULL;
    commit_guard_reset(&p->head->guard);
    committer_load(p->c.committer, p->term.number);
}

/* --- what is told --- */

static json_t *owned_list(const pool *p)
{
    json_t *list = json_array();

    for (int32_t k = 0; k < p->n_partitions; k++)
        if (p->own.map.owner[k] >= 0)
            json_array_append_new(list, json_integer(k));
    return list;
}

/* For what this pool waits, and since when; NULL: for nothing. */
static json_t *waits_make(const pool_head *h)
{
    const pool_away *store = &h->away[AWAY_PARAMS],
                    *broker = &h->away[AWAY_BROKER];
    bool both = store->since_ns && broker->since_ns;
    int64_t since = store->since_ns;
    text why = {0};
    json_t *o;

    if (!since || (both && broker->since_ns < since))
        since = broker->since_ns;
    if (!since)
        return NULL;
    text_add(&why, "%s%s%s", broker->since_ns ? broker->why : "",
             both ? "; " : "", store->since_ns ? store->why : "");
    o = json_pack("{s:I, s:o}", "since_ns", (json_int_t)since, "text",
                  event_text(why.data ? why.data : ""));
    text_free(&why);
    return o;
}

/* How far files are that ranks read themselves. */
static void set_read(const pool *p, json_t *o)
{
    const int64_t *in = p->rounds.in;

    if (in[R_READ_ALL] <= 0)
        return;
    event_int(o, "rows", (uint64_t)in[R_READ_ROWS]);
    event_real(o, "share", (double)in[R_READ_DONE] / (double)in[R_READ_ALL]);
    if (p->figures.first_ns)
        event_real(o, "t",
                   (double)(clock_real_ns() - p->figures.first_ns) * 1e-9);
}

static void tell_progress(pool *p, int64_t now)
{
    const params_counters *total = &p->head->view.total;
    const pool_model *m = ship_model(p);
    json_t *o, *waits;

    if (now < p->head->next_progress)
        return;
    p->head->next_progress = now + 500 * CLOCK_MS;
    o = json_pack("{s:s, s:s, s:s, s:o}", "event", "progress", "pilot",
                  p->c.pilot, "member", p->c.member, "partitions",
                  owned_list(p));
    if (!o)
        return;
    report_layer(p, o);
    event_int(o, "time_ns", (uint64_t)clock_real_ns());
    event_int(o, "blocks", total->applied);
    event_int(o, "points", total->points);
    event_real(o, "mb", (double)total->bytes / 1e6);
    event_int(o, "lag", (uint64_t)p->rounds.in[R_LAG]);
    event_int(o, "version", m && m->m ? m->m->version : 0);
    event_int(o, "outliers", total->outliers);
    event_int(o, "refused", total->refused);
    event_int(o, "masked", total->masked);
    if (total->stale)
        event_int(o, "stale", total->stale);
    event_real(o, "p95_ms", (double)p->rounds.in[R_P95] / 1e6);
    event_real(o, "epoch_ms", p->head->epoch_ms);
    event_int(o, "owned", (uint64_t)p->own.map.n);
    set_read(p, o);
    recent_tell(p, o);
    waits = waits_make(p->head);
    if (waits)
        json_object_set_new(o, "waits", waits);
    stall_add(p, o);
    hold_tell(p, o);
    p->c.progress(o);
}

void head_note(pool *p, const char *words)
{
    if (p->c.progress)
        p->c.progress(event_note(p->c.pilot, words));
}

/* Once there is a model: do its distances look at one column alone? */
static void tell_dominated(pool *p)
{
    const pool_model *m = ship_model(p);
    const char *pilot = pipeline_scaler(p->c.pl);
    char words[640], *name;

    if (p->head->weighed || !m || !m->m || m->m->warming)
        return;
    p->head->weighed = true;
    name = report_column(p, m->m, m->m->dominant);
    if (pilot && pe_model_dominated(m->m, name, pilot, words, sizeof(words)))
        head_note(p, words);
    free(name);
}

/* Whoever follows the run is told at once what it waits for. */
static void tell_away(pool *p, pool_away *a, bool away, const char *what)
{
    char words[900];

    if (away == (a->since_ns > 0))
        return;
    a->since_ns = away ? clock_real_ns() : 0;
    snprintf(a->why, sizeof(a->why), "%s", what);
    snprintf(words, sizeof(words), "pool %s %s: %s", p->c.member,
             away ? "waits" : "goes on", what);
    head_note(p, words);
}

static void tell_servers(pool *p)
{
    const source_ops *ops = p->c.source->ops;
    const committer_view *v = &p->head->view;
    pool_away *a = p->head->away;
    char why[600];

    tell_away(p, &a[AWAY_PARAMS], v->away,
              v->away ? v->why : "the parameter service answers again");
    if (ops->away && ops->away(p->c.source, why, sizeof(why)))
        tell_away(p, &a[AWAY_BROKER], true, why);
    else
        tell_away(p, &a[AWAY_BROKER], false, "the broker is back");
}

/* --- patience --- */

static bool waits_for_acks(const pool *p)
{
    const int64_t *v = p->rounds.in;

    return v[R_HELD] || (phase_is_closing(p->term.phase) && !v[R_OUTSTANDING] &&
                         v[R_UNACKED]);
}

static void watch_drain(pool *p, int64_t now)
{
    double limit = p->c.drain_limit_s > 0 ? p->c.drain_limit_s : DRAIN_LIMIT_S;
    pool_head *h = p->head;
    bool acks = waits_for_acks(p);
    pe_error e = {0};

    if (!pool_is_draining(p) || (!acks && !h->view.working))
        h->drain_ns = now;
    if ((double)(now - h->drain_ns) * 1e-9 < limit)
        return;
    pe_error_set(&e, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                 "%s did not answer for %g s while pool '%s' drained: what is "
                 "not committed is processed again by the next one",
                 acks ? "the broker" : "the parameter service", limit,
                 p->c.member);
    /* Its thread is waited for: it is not to wait for a server by itself. */
    if (!acks)
        committer_cut(p->c.committer);
    pool_fail(p, &e);
}

static void tell_checkpoints(pool *p)
{
    char words[CHECKPOINT_WORDS];

    if (p->c.checkpoint && checkpoint_news(p->c.checkpoint, words))
        head_note(p, words);
}

void head_tell(pool *p, int64_t now)
{
    const char *stalled;

    watch_drain(p, now);
    if (!p->c.progress)
        return;
    tell_checkpoints(p);
    tell_servers(p);
    tell_dominated(p);
    stalled = stall_look(p, now);
    if (stalled)
        head_note(p, stalled);
    tell_progress(p, now);
}
