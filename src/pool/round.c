/* round.c - rounds: every rank says how it stands, all decide the same. */
#include "pool_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)

/* Rounds follow each other this closely while something is under way, while
 * there is work, and while there is none.
 */
#define PERIOD_URGENT (100 * US)
#define PERIOD_WORK (5 * MS)
#define PERIOD_IDLE (50 * MS)

static void reduce_round(void *in, void *inout, int *n, MPI_Datatype *type)
{
    const int64_t *a = in;
    int64_t *b = inout;

    (void)type;
    for (int i = 0; i < *n; i++) {
        if (i < R_SUMS)
            b[i] += a[i];
        else if (a[i] > b[i])
            b[i] = a[i];
    }
}

int round_init(pool *p, pe_error *errp)
{
    p->n_round = R_FIXED + p->n_partitions;
    p->round_out = calloc((size_t)p->n_round, sizeof(int64_t));
    p->round_in = calloc((size_t)p->n_round, sizeof(int64_t));
    p->ends = calloc((size_t)p->n_partitions, sizeof(int64_t));
    if (!p->round_out || !p->round_in || !p->ends)
        return pe_error_nomem(errp);
    for (int32_t k = 0; k < p->n_partitions; k++)
        p->ends[k] = -1;
    MPI_Op_create(reduce_round, 1, &p->round_op);
    MPI_Type_contiguous(POOL_PAGE, MPI_BYTE, &p->page);
    MPI_Type_commit(&p->page);
    p->paged = true;
    return 0;
}

void round_fini(pool *p)
{
    if (p->round_op)
        MPI_Op_free(&p->round_op);
    if (p->paged)
        MPI_Type_free(&p->page);
    free(p->round_out);
    free(p->round_in);
    free(p->ends);
}

void pool_fail(pool *p, const pe_error *e)
{
    if (p->failed)
        return;
    p->failed = true;
    p->error = *e;
}

enum phase_action pool_step(pool *p, enum phase_event e)
{
    enum phase_action a = phase_step(&p->term.phase, e);
    pe_error error = {0};

    if (a != PHASE_IMPOSSIBLE)
        return a;
    pe_error_set(&error, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "rank %d is %s and was told %s: a fault in the pool", p->rank,
                 phase_name(p->term.phase), phase_event_name(e));
    pool_fail(p, &error);
    return a;
}

static void fail_turn(pool *p, const char *what)
{
    pe_error e = {0};

    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "rank %d cannot %s now: a fault in the pool", p->rank, what);
    pool_fail(p, &e);
}

void pool_hear(pool *p, enum phase_word w)
{
    if (!phase_order_step(&p->term.order, w))
        fail_turn(p, "take an order");
}

void pool_turn(pool *p, enum phase_turn t)
{
    if (!phase_ship_step(&p->shipping, t))
        fail_turn(p, "turn to a broadcast");
}

_Noreturn void pool_abort(pool *p, const pe_error *e)
{
    log_error("rank %d: %s", p->rank, e->text);
    event_error(p->c.pilot, e);
    MPI_Abort(p->c.comm, (int)e->exit_code);
    _exit((int)e->exit_code); /* MPI_Abort may not be declared so */
}

int pool_pages(pe_buffer *b, pe_error *errp)
{
    size_t pages = (b->len + POOL_PAGE - 1) / POOL_PAGE;
    size_t whole = pages * POOL_PAGE;

    if (pages > INT_MAX)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "a message of %zu bytes is larger than MPI can "
                            "count",
                            b->len);
    if (pe_buffer_reserve(b, whole, errp) < 0)
        return -1;
    memset(b->data + b->len, 0, whole - b->len);
    return (int)pages;
}

/* --- what this rank says --- */

static int64_t own_backlog(const pool *p)
{
    int64_t n = owner_backlog(p);
    const pool_slot *s = &p->slot[p->epoch & 1];

    /* One block an epoch leaves nothing to help with. */
    if (n < 2 || !pool_may_dispatch(p) || !s->base || s->base->m->warming ||
        p->c.pl->epoch_blocks == 1)
        return 0;
    return n << 20 | p->rank;
}

static void say_ends(const pool *p, int64_t *v)
{
    for (int32_t k = 0; k < p->n_partitions; k++) {
        int64_t end = p->c.committer ? p->known_ends[k] : -1;

        if (p->owner[k] == p->rank && end < 0)
            end = p->c.source->ops->end(p->c.source, k);
        v[R_FIXED + k] = end;
    }
}

/* Rank 0: may the open epoch end, is it time to? */
static int64_t say_advance(const pool *p, int64_t now)
{
    const pool_slot *open = &p->slot[p->epoch & 1];

    if (!pool_is_ready(p) || (p->pending && p->view.busy))
        return 0;
    if (p->term.order != PHASE_GO)
        return 2;
    /* Another pool made the first model. */
    if (!open->base && p->recent[p->have_seq & 1])
        return 2;
    return !p->counted && now >= p->advance_due ? 2 : 1;
}

bool pool_is_idle(const pool *p)
{
    return pool_is_ready(p) && !phase_is_closing(p->term.phase) &&
           !phase_is_reducing(p->term.phase) && !p->pending && !p->job &&
           !p->view.busy && p->shipping == PHASE_SHIP_NONE;
}

static bool all_committed(const pool *p)
{
    for (int32_t k = 0; k < p->n_partitions; k++)
        if (p->ends[k] < 0 || p->committed[k] < p->ends[k])
            return false;
    return true;
}

/* Rank 0: is the run over (rule 9), or all committed that was dispatched?
 * Ranks may have dispatched something before they heard of the drain: what
 * they say in this very round decides.
 */
static int64_t say_stop(pool *p, int64_t now)
{
    if (!pool_is_idle(p))
        return 0;
    if (!all_committed(p))
        return p->term.order == PHASE_DRAIN;
    return guard_is_done(p, now) ? 2 : 0;
}

static void say_rank0(pool *p, int64_t *v, int64_t now)
{
    v[R_ADVANCE] = say_advance(p, now);
    v[R_MOVE] = share_say(p);
    v[R_STOP] = say_stop(p, now);
    /* One broadcast at a time: all ranks have the one before. */
    if (p->shipping == PHASE_SHIP_BUILT && -p->round_in[R_LACK] == p->ship_seq)
        v[R_SHIP] = (int64_t)p->ship.len;
    v[R_STATE] = v[R_SHIP] && p->ship_state ? p->term.number : 0;
}

/* Twice a second: a histogram is not read for nothing. */
static int64_t say_p95(pool *p, int64_t now)
{
    if (now >= p->next_p95) {
        p->next_p95 = now + 500 * MS;
        p->p95_ns =
            (int64_t)(1e6 * histogram_quantile_ms(&p->hop[HOP_PROCESS], 0.95));
    }
    return p->p95_ns;
}

static void say(pool *p, int64_t now)
{
    int64_t *v = p->round_out;
    const pool_slot *open = &p->slot[p->epoch & 1];
    const pool_slot *closing = &p->slot[(p->epoch - 1) & 1];

    memset(v, 0, (size_t)p->n_round * sizeof(*v));
    if (phase_is_closing(p->term.phase)) {
        v[R_OUTSTANDING] = closing->outstanding;
        v[R_UNACKED] = closing->unacked;
        v[R_CLOSING] = closing->dispatched;
    }
    v[R_OPEN] = open->live ? open->dispatched : 0;
    owner_refill(p);
    v[R_QUOTA] = owner_quota(p);
    v[R_ENDED] = owner_ended(p);
    v[R_LAG] = owner_lag(p);
    v[R_NOBODY] = first_is_nobody(p);
    v[R_TERM] = p->term.wanted;
    v[R_ERROR] = p->failed ? 1 + p->rank : 0;
    v[R_DRAIN] = p->term.order == PHASE_DRAIN || atomic_load(p->c.drain);
    v[R_HOLD] = phase_is_held(p->term.phase);
    v[R_BUSY] = phase_is_reducing(p->term.phase);
    v[R_LACK] = -p->have_seq;
    v[R_BACKLOG] = own_backlog(p);
    v[R_FULL] = pool_is_ready(p) && owner_full(p);
    v[R_FEATURES] = p->term.proposal;
    v[R_HELD] = p->held != NULL;
    v[R_WANTED] = owner_wanted(p);
    v[R_P95] = say_p95(p, now);
    say_ends(p, v);
    if (p->c.committer)
        say_rank0(p, v, now);
}

/* --- what all decide; the same on every rank --- */

/* Every rank has taken up the state of this term. */
static bool all_loaded(const pool *p, const int64_t *v)
{
    return p->term.state_seq > 0 && -v[R_LACK] >= p->term.state_seq;
}

/* Every rank has every broadcast, and none brought a model. */
static bool no_model(const pool *p, const int64_t *v)
{
    return all_loaded(p, v) && -v[R_LACK] == p->ship_seq &&
           !p->recent[p->ship_seq & 1];
}

static void first_model(pool *p, uint32_t features)
{
    pool_slot *open = &p->slot[p->epoch & 1];
    pool_model **mp = &p->recent[p->ship_seq & 1];
    pe_error e = {0};
    pe_model *m;

    p->term.proposal = 0;
    m = pe_model_create(p->model_ops->name,
                        p->last.fn ? p->plain_options : p->stage->options,
                        features, &e);
    *mp = m ? pool_model_create(m, &e) : NULL;
    if (!*mp || pool_slot_rebase(open, *mp, p->ship_seq, &e) < 0)
        pool_fail(p, &e);
}

/* How the epoch on its way out stands with all ranks. */
static enum phase_event standing(const int64_t *v)
{
    if (v[R_OUTSTANDING])
        return PHASE_ON_OUT;
    if (v[R_UNACKED])
        return PHASE_ON_UNACKED;
    return v[R_CLOSING] ? PHASE_ON_WHOLE : PHASE_ON_EMPTY;
}

/* An epoch ends by time when it holds blocks or a newer model is there; a
 * counted one when every partition has given its share.
 */
static void decide_epoch(pool *p, const int64_t *v)
{
    bool due = v[R_ADVANCE] == 2 || (v[R_ADVANCE] && v[R_FULL]);
    bool newer = -v[R_LACK] > p->slot[p->epoch & 1].base_seq;

    if (phase_is_closing(p->term.phase)) {
        epoch_settle(p, standing(v));
        return;
    }
    if (v[R_BUSY] || !v[R_ADVANCE] || !all_loaded(p, v))
        return;
    if (p->counted && !v[R_DRAIN]) {
        if (v[R_QUOTA] < p->n_partitions || v[R_HOLD])
            return;
        if (v[R_OPEN] > 0)
            epoch_advance(p, -v[R_LACK]);
        else if (v[R_ENDED] < p->n_partitions)
            p->logical++;
        return;
    }
    if (due && (v[R_OPEN] > 0 || newer))
        epoch_advance(p, -v[R_LACK]);
}

static void decide(pool *p)
{
    const int64_t *v = p->round_in;

    if (v[R_ERROR]) {
        pool_hear(p, PHASE_SAYS_STOP);
        return;
    }
    memcpy(p->ends, v + R_FIXED, (size_t)p->n_partitions * sizeof(*p->ends));
    p->top_backlog = v[R_BACKLOG] >> 20;
    p->top_owner = (int)(v[R_BACKLOG] & 0xfffff);
    pool_hear(p, v[R_MOVE] ? PHASE_SAYS_MOVE : PHASE_SAYS_STAY);
    if (v[R_DRAIN])
        pool_hear(p, PHASE_SAYS_DRAIN);
    if (v[R_TERM] > p->term.number) {
        epoch_new_term(p, v[R_TERM]);
        return;
    }
    if (v[R_NOBODY] == p->size && all_loaded(p, v))
        first_all_nobody(p);
    if (v[R_FEATURES] && no_model(p, v))
        first_model(p, (uint32_t)v[R_FEATURES]);
    if (v[R_SHIP])
        ship_post(p, v[R_SHIP], v[R_STATE]);
    decide_epoch(p, v);
    if (v[R_STOP] == 2 || (v[R_STOP] == 1 && !v[R_OPEN] && !v[R_CLOSING]))
        pool_hear(p, PHASE_SAYS_STOP);
    else if (p->c.committer)
        share_decide(p);
}

/* --- pace --- */

bool pool_is_urgent(const pool *p)
{
    return phase_is_urgent(p->term.phase, p->term.order, p->shipping) ||
           p->failed || p->term.wanted > p->term.number || p->term.proposal ||
           owner_full(p) || (p->counted && p->round_in[R_OPEN]);
}

static int64_t period(const pool *p)
{
    if (pool_is_urgent(p))
        return PERIOD_URGENT;
    return p->round_in[R_OPEN] || p->round_in[R_LAG] ? PERIOD_WORK
                                                     : PERIOD_IDLE;
}

void round_progress(pool *p)
{
    int64_t now = clock_mono_ns();
    int done = 0;

    if (!p->round_posted) {
        if (now - p->round_due < period(p))
            return;
        say(p, now);
        MPI_Iallreduce(p->round_out, p->round_in, p->n_round, MPI_INT64_T,
                       p->round_op, p->c.comm, &p->round);
        p->round_posted = true;
        p->round_due = now;
    }
    MPI_Test(&p->round, &done, MPI_STATUS_IGNORE);
    if (!done)
        return;
    p->round_posted = false;
    decide(p);
}
