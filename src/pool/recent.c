/* recent.c - what the ranks of a pool have done in the last seconds. */
#include "recent.h"

#include <stdlib.h>
#include <string.h>

#include "pool_private.h"
#include "src/common/clock.h"
#include "src/common/process.h"

#define LOOK_NS (500 * CLOCK_MS)

int recent_init(pool *p, pe_error *errp)
{
    size_t n = (size_t)p->size * RECENT_LANES;

    for (int i = 0; p->c.committer && i < RECENT_LOOKS; i++) {
        p->recent.looks[i] = calloc(n, sizeof(int64_t));
        if (!p->recent.looks[i])
            return pe_error_nomem(errp);
    }
    return 0;
}

void recent_fini(pool *p)
{
    for (int i = 0; i < RECENT_LOOKS; i++)
        free(p->recent.looks[i]);
}

/* --- the gather --- */

bool recent_is_due(pool *p, int64_t now)
{
    pool_recent *w = &p->recent;

    if (!p->c.progress || w->posted || now < w->due)
        return false;
    w->due = now + LOOK_NS;
    return true;
}

/* Of the run, and of its commits. */
static void say_rank0(const pool *p, int64_t *v)
{
    const committer_view *view = &p->head->view;

    v[RECENT_REFUSED] = (int64_t)view->total.refused;
    v[RECENT_OUTLIERS] = (int64_t)view->total.outliers;
    v[RECENT_COMMITS] = (int64_t)view->commits;
    v[RECENT_COMMIT_NS] = view->commit_ns;
    v[RECENT_SPENT] = p->head->commit_ns;
    v[RECENT_STORE] = view->store_ns;
    v[RECENT_APPLY] = view->apply_ns;
}

static void say_answers(const pool *p, int64_t *v)
{
    broker_answers a = figures_answers(p->c.source);

    v[RECENT_ANSWERS] = (int64_t)a.seconds;
    v[RECENT_SLOW] = (int64_t)(1e3 * a.slow_ms);
    v[RECENT_QUICK] = (int64_t)(1e3 * a.quick_ms);
    v[RECENT_THROTTLE] = (int64_t)(1e3 * a.throttle_ms);
}

static void say(pool *p)
{
    const pool_figures *f = &p->figures;
    int64_t *v = p->recent.own;
    const char *drift;

    memset(v, 0, sizeof(p->recent.own));
    v[RECENT_NOW] = clock_mono_ns();
    v[RECENT_BUSY] = f->busy_ns;
    v[RECENT_FETCH] = f->fetch_ns;
    v[RECENT_REDUCE] = f->reduce_ns;
    v[RECENT_IDLE] = f->idle_ns;
    v[RECENT_STARVED] = f->starved_ns;
    v[RECENT_HELD] = f->held_ns;
    v[RECENT_WAY] = f->way_ns;
    say_answers(p, v);
    v[RECENT_FETCHED] = (int64_t)f->fetched;
    v[RECENT_BLOCKS] = (int64_t)f->blocks;
    v[RECENT_POINTS] = (int64_t)f->points;
    v[RECENT_BYTES] = (int64_t)f->bytes;
    v[RECENT_HELPED] = (int64_t)f->helped;
    v[RECENT_REPLAYED] = (int64_t)f->replayed;
    v[RECENT_UNCHECKED] = (int64_t)f->unchecked;
    v[RECENT_SKIPPED] = (int64_t)report_skipped(p, NULL);
    v[RECENT_ASIDE] = (int64_t)report_aside(p, NULL);
    v[RECENT_DRIFTS] = (int64_t)chain_drifts(&p->stages, &drift);
    v[RECENT_CPU] = (int64_t)(clock_cpu_s() * 1e6);
    v[RECENT_LAG] = lane_lag(p);
    v[RECENT_BACKLOG] = lane_backlog(p);
    v[RECENT_RSS] = process_peak_bytes();
    if (p->head)
        say_rank0(p, v);
}

void recent_post(pool *p)
{
    pool_recent *w = &p->recent;
    int64_t *to = p->head ? w->looks[w->n % RECENT_LOOKS] : NULL;

    /* Rank 0 has all of the one before, or it would not have asked again. */
    if (w->posted)
        MPI_Wait(&w->req, MPI_STATUS_IGNORE);
    say(p);
    MPI_Igather(w->own, RECENT_LANES, MPI_INT64_T, to, RECENT_LANES,
                MPI_INT64_T, 0, p->c.comm, &w->req);
    w->posted = true;
}

void recent_progress(pool *p)
{
    pool_recent *w = &p->recent;
    int done = 0;

    if (!w->posted)
        return;
    MPI_Test(&w->req, &done, MPI_STATUS_IGNORE);
    if (!done)
        return;
    w->posted = false;
    w->n++;
}

static void add(json_t *o, const char *key, double more)
{
    json_object_set_new(
        o, key, json_real(json_number_value(json_object_get(o, key)) + more));
}

/* A rank that is in a function takes no part in a look until it comes back: the
 * time since the last one is its, of which the others have waited for it, or
 * worked as well.
 */
static void add_work(const int64_t *now, int ranks, json_t *last)
{
    double s = (double)(clock_mono_ns() - now[RECENT_NOW]) * 1e-9;

    if (s * 1e9 < 2 * LOOK_NS)
        return;
    add(last, "seconds", s);
    add(last, "busy_s", s);
    add(last, "idle_s", s * (ranks - 1));
}

void recent_tell(const pool *p, json_t *event)
{
    const pool_recent *w = &p->recent;
    /* One that is under way is written where the oldest was. */
    size_t back = w->n < RECENT_LOOKS ? w->n : RECENT_LOOKS - 1;
    const int64_t *then, *now;
    json_t *last;

    if (w->n < 2)
        return;
    then = w->looks[(w->n - back) % RECENT_LOOKS];
    now = w->looks[(w->n - 1) % RECENT_LOOKS];
    last = recent_last(then, now, p->size);
    add_work(now, p->size, last);
    json_object_set_new(event, "last", last);
    json_object_set_new(event, "rank", recent_ranks(then, now, p->size));
    recent_counts(now, p->size, event);
}
