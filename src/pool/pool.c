/* pool.c - the run loop of a rank. */
#include "pool_private.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/text.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)

/* Blocks are processed for this long between two looks at messages. */
#define SLICE (200 * US)
/* After the last sign of life a rank yields this long before it sleeps, where
 * blocks follow each other as closely.
 */
#define LINGER (300 * US)
/* Between two looks at what other ranks say, once there were blocks. */
#define NAP (50 * US)

int pool_agree(MPI_Comm comm, int rc, pe_error *errp)
{
    int rank, size, mine, first;

    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    mine = rc < 0 ? rank : size;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, comm);
    if (first == size)
        return 0;
    MPI_Bcast(errp, sizeof(*errp), MPI_BYTE, first, comm);
    return -1;
}

/* --- making and unmaking --- */

static int init_stages(pool *p, pe_error *errp)
{
    p->stage = pipeline_last_stage(p->c.pl);
    p->model_ops =
        pe_model_find(p->stage->is_model ? p->stage->function : "passthrough");
    if (!p->stage->is_model) {
        /* A function learns nothing; a model that only counts carries its
         * commits.
         */
        p->plain_options = pe_model_options("passthrough", errp);
        if (!p->plain_options)
            return -1;
    }
    return chain_open(p, errp);
}

static int init_rank0(pool *p, pe_error *errp)
{
    size_t n = (size_t)p->n_partitions;

    p->committed = calloc(n, sizeof(int64_t));
    p->mark = calloc(n, sizeof(uint64_t));
    p->known_ends = calloc(n, sizeof(int64_t));
    p->reached = calloc(n, sizeof(int64_t));
    p->early = calloc((size_t)p->size, sizeof(*p->early));
    if (!p->committed || !p->mark || !p->known_ends || !p->reached || !p->early)
        return pe_error_nomem(errp);
    for (size_t k = 0; k < n; k++)
        p->known_ends[k] = -1;
    return pipeline_is_local(p->c.pl) ? 0 : guard_open(p, errp);
}

static int init(pool *p, pe_error *errp)
{
    p->samples = malloc(POOL_SAMPLES * sizeof(*p->samples));
    if (!p->samples)
        return pe_error_nomem(errp);
    pipeline_topic(p->c.pl, p->c.req->run, "", p->topic, sizeof(p->topic));
    if (owner_init(p, errp) < 0 || round_init(p, errp) < 0 ||
        init_stages(p, errp) < 0)
        return -1;
    if (!pipeline_is_local(p->c.pl) && results_open(p, errp) < 0)
        return -1;
    return p->c.committer ? init_rank0(p, errp) : 0;
}

pool *pool_create(const pool_conf *c, pe_error *errp)
{
    pool *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        c->source->ops->close(c->source);
        committer_stop(c->committer);
        return NULL;
    }
    p->c = *c;
    MPI_Comm_rank(c->comm, &p->rank);
    MPI_Comm_size(c->comm, &p->size);
    p->n_partitions = c->pl->partitions;
    p->counted = c->pl->epoch_blocks > 0;
    p->first.ours_only =
        !pipeline_is_local(c->pl) && pipeline_devices(c->pl) > 0;
    p->epoch = 2; /* the one before is closed, and numbers stay positive */
    p->term.wanted = 1;
    if (init(p, errp) < 0) {
        pool_destroy(p);
        return NULL;
    }
    return p;
}

void pool_destroy(pool *p)
{
    if (!p)
        return;
    results_close(p);
    guard_close(p);
    owner_fini(p);
    round_fini(p);
    for (int i = 0; i < 2; i++)
        pool_model_drop(p->recent[i]);
    for (int i = 0; i < POOL_ASKS; i++)
        pe_block_release(&p->help[i].record.block);
    chain_close(p);
    params_close(p->shared);
    pe_options_destroy(p->plain_options);
    pe_block_release(&p->work);
    pe_buffer_free(&p->ship);
    pe_buffer_free(&p->frame);
    p->c.source->ops->close(p->c.source);
    committer_stop(p->c.committer);
    commit_job_destroy(p->job);
    commit_job_destroy(p->pending);
    for (int i = 0; p->early && i < p->size; i++)
        pe_buffer_free(&p->early[i]);
    free(p->early);
    free(p->committed);
    free(p->mark);
    free(p->known_ends);
    free(p->reached);
    free(p->samples);
    free(p);
}

/* --- rank 0: what the committer knows, progress --- */

static void look(pool *p)
{
    committer_look(p->c.committer, &p->view, p->committed, p->mark,
                   p->known_ends);
    if (p->c.eof) {
        memcpy(p->known_ends, p->c.eof,
               (size_t)p->n_partitions * sizeof(int64_t));
        return;
    }
    for (int32_t k = 0; k < p->n_partitions; k++) {
        if (!p->view.ends_known)
            p->known_ends[k] = -1;
        else if (p->known_ends[k] < 0)
            p->known_ends[k] = 0; /* no device writes to it */
    }
}

/* Whoever follows the run is told at once what it waits for. */
static void tell_away(pool *p, pool_away *a, bool away, const char *what)
{
    char words[900];

    if (!p->c.progress || away == (a->since_ns > 0))
        return;
    a->since_ns = away ? clock_real_ns() : 0;
    snprintf(a->why, sizeof(a->why), "%s", what);
    snprintf(words, sizeof(words), "pool %s %s: %s", p->c.member,
             away ? "waits" : "goes on", what);
    p->c.progress(json_pack("{s:s, s:s, s:o}", "event", "note", "pilot",
                            p->c.pilot, "text", event_text(words)));
}

static void tell_servers(pool *p)
{
    const pool_source_ops *ops = p->c.source->ops;
    char why[600];

    tell_away(p, &p->away[AWAY_PARAMS], p->view.away,
              p->view.away ? p->view.why
                           : "the parameter service answers again");
    if (ops->away && ops->away(p->c.source, why, sizeof(why)))
        tell_away(p, &p->away[AWAY_BROKER], true, why);
    else
        tell_away(p, &p->away[AWAY_BROKER], false, "the broker is back");
}

/* ... and who asks later, since when; NULL: for nothing. */
static json_t *waits_make(const pool *p)
{
    const pool_away *store = &p->away[AWAY_PARAMS],
                    *broker = &p->away[AWAY_BROKER];
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

static json_t *owned_list(const pool *p)
{
    json_t *list = json_array();

    for (int32_t k = 0; k < p->n_partitions; k++)
        if (p->owner[k] >= 0)
            json_array_append_new(list, json_integer(k));
    return list;
}

static void tell_progress(pool *p, int64_t now)
{
    const pool_model *m = p->recent[p->have_seq & 1];
    json_t *o, *waits;

    if (!p->c.progress || now < p->next_progress)
        return;
    p->next_progress = now + 500 * MS;
    o = json_pack("{s:s, s:s, s:I, s:f, s:I, s:I, s:I}", "event", "progress",
                  "pilot", p->c.pilot, "blocks",
                  (json_int_t)p->view.total.applied, "mb",
                  (double)p->view.total.bytes / 1e6, "lag",
                  (json_int_t)p->round_in[R_LAG], "version",
                  (json_int_t)(m && m->m ? m->m->version : 0), "outliers",
                  (json_int_t)p->view.total.outliers);
    if (!o)
        return;
    json_object_set_new(o, "member", json_string(p->c.member));
    json_object_set_new(o, "refused",
                        json_integer((json_int_t)p->view.total.refused));
    json_object_set_new(o, "masked",
                        json_integer((json_int_t)p->view.total.masked));
    json_object_set_new(o, "p95_ms",
                        json_real((double)p->round_in[R_P95] / 1e6));
    json_object_set_new(o, "epoch_ms", json_real(p->epoch_ms));
    json_object_set_new(o, "owned", json_integer(p->n_owned));
    json_object_set_new(o, "partitions", owned_list(p));
    waits = waits_make(p);
    if (waits)
        json_object_set_new(o, "waits", waits);
    p->c.progress(o);
}

/* --- rank 0: a drain is no promise of a server that is away --- */

#define DRAIN_LIMIT_S 20.0

static bool waits_for_acks(const pool *p)
{
    const int64_t *v = p->round_in;

    return v[R_HELD] || (phase_is_closing(p->term.phase) && !v[R_OUTSTANDING] &&
                         v[R_UNACKED]);
}

static void watch_drain(pool *p, int64_t now)
{
    double limit = p->c.drain_limit_s > 0 ? p->c.drain_limit_s : DRAIN_LIMIT_S;
    bool acks = waits_for_acks(p);
    pe_error e = {0};

    if (p->term.order != PHASE_DRAIN || (!acks && !p->view.working))
        p->drain_ns = now;
    if ((double)(now - p->drain_ns) * 1e-9 < limit)
        return;
    pe_error_set(&e, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                 "%s did not answer for %g s while pool '%s' drained: what is "
                 "not committed is processed again by the next one",
                 acks ? "the broker" : "the parameter service", limit,
                 p->c.member);
    pool_fail(p, &e);
}

/* --- the loop --- */

static bool work(pool *p)
{
    int64_t start = clock_mono_ns(), now = start;
    bool any = false;

    while (now - start < SLICE && !p->failed && !p->held) {
        if (!owner_step(p) && !help_step(p))
            break;
        if (!any) /* a mean of the last eight or so */
            p->gap_ns += (start - p->last_active - p->gap_ns) / 8;
        any = true;
        now = clock_mono_ns();
    }
    if (any)
        p->last_active = now;
    return any;
}

static bool waiting(const pool *p)
{
    return p->round_posted || p->n_sends > 0 || pool_is_urgent(p);
}

static void idle(pool *p)
{
    int64_t now = clock_mono_ns(), quiet = now - p->last_active;

    if (quiet < LINGER && p->gap_ns < LINGER) {
        sched_yield();
        return;
    }
    if (pool_is_urgent(p) && quiet < 20 * MS)
        clock_sleep_ns(NAP, 0);
    else if (waiting(p) || quiet < 20 * MS)
        p->c.source->ops->wait(p->c.source, 1);
    else
        p->c.source->ops->wait(p->c.source, quiet < 100 * MS ? 2 : 10);
    p->idle_ns += clock_mono_ns() - now;
}

static void progress(pool *p)
{
    int64_t start = clock_mono_ns();

    help_serve(p);
    ship_progress(p);
    if (p->c.committer) {
        look(p);
        ship_news(p);
        guard_step(p, start);
        share_watch(p, start);
        share_watch_wanted(p, start);
        watch_drain(p, start);
        tell_servers(p);
        tell_progress(p, start);
    }
    epoch_progress(p);
    epoch_submit(p);
    round_progress(p);
    if (p->size > 1)
        owner_give(p, p->term.order == PHASE_DRAIN || !pool_is_ready(p));
    results_poll(p);
    p->reduce_ns += clock_mono_ns() - start;
}

/* All ranks leave together: requests are answered, messages have arrived. */
static void settle(pool *p)
{
    MPI_Request barrier = MPI_REQUEST_NULL;
    bool posted = false;
    int done = 0;

    help_drop(p);
    while (!done) {
        help_serve(p);
        owner_give(p, true);
        epoch_progress(p);
        ship_receive(p);
        if (!posted && help_quiet(p) && !phase_is_reducing(p->term.phase) &&
            p->shipping != PHASE_SHIP_POSTED) {
            MPI_Ibarrier(p->c.comm, &barrier);
            posted = true;
        }
        if (posted)
            MPI_Test(&barrier, &done, MPI_STATUS_IGNORE);
        if (!done)
            clock_sleep_ns(100 * US, 0);
    }
}

int pool_run(pool *p, pe_error *errp)
{
    p->last_active = p->drain_ns = p->lacking_ns = clock_mono_ns();
    while (!pool_is_over(p)) {
        progress(p);
        if (!work(p))
            idle(p);
    }
    settle(p);
    *errp = p->error;
    if (pool_agree(p->c.comm, p->failed ? -1 : 0, errp) < 0)
        return -1;
    if (p->c.committer)
        committer_leave(p->c.committer);
    return 0;
}
