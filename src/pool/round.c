/* round.c - rounds: every rank says how it stands, all decide the same. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/failpoint.h"

/* Rounds follow each other this closely while something is under way, while
 * blocks come or wait, while none does, and when there was none for long.
 */
#define PERIOD_URGENT (100 * CLOCK_US)
#define PERIOD_WORK (5 * CLOCK_MS)
#define PERIOD_IDLE (50 * CLOCK_MS)
#define PERIOD_QUIET (250 * CLOCK_MS)

/* Ranks without work help where urgent blocks wait, if there are any. */
#define URGENT_WEIGHT (INT64_C(1) << 20)

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
    p->rounds.n = R_FIXED + p->n_partitions;
    p->rounds.out = calloc((size_t)p->rounds.n, sizeof(int64_t));
    p->rounds.in = calloc((size_t)p->rounds.n, sizeof(int64_t));
    p->rounds.ends = calloc((size_t)p->n_partitions, sizeof(int64_t));
    if (!p->rounds.out || !p->rounds.in || !p->rounds.ends)
        return pe_error_nomem(errp);
    for (int32_t k = 0; k < p->n_partitions; k++)
        p->rounds.ends[k] = -1;
    MPI_Op_create(reduce_round, 1, &p->rounds.op);
    return 0;
}

void round_fini(pool *p)
{
    if (p->rounds.op)
        MPI_Op_free(&p->rounds.op);
    free(p->rounds.out);
    free(p->rounds.in);
    free(p->rounds.ends);
}

/* --- what this rank says --- */

static int64_t own_backlog(const pool *p)
{
    int64_t n = lane_backlog(p);
    const pool_slot *s = &p->epochs.slot[p->epochs.open & 1];

    /* One block an epoch leaves nothing to help with, and what goes on to the
     * next layer goes in the order of its partition.
     */
    if (n < 2 || !worth_moving(&p->worth) || p->forward ||
        !pool_may_dispatch(p) || !s->base || s->base->m->warming ||
        p->c.pl->epoch_blocks == 1)
        return 0;
    if (lane_urgent(p) > 1)
        n += URGENT_WEIGHT;
    return n << 20 | p->rank;
}

static void say_ends(const pool *p, int64_t *v)
{
    for (int32_t k = 0; k < p->n_partitions; k++) {
        int64_t end = p->head ? p->head->ends[k] : -1;

        if (p->own.map.owner[k] == p->rank && end < 0)
            end = p->c.source->ops->end(p->c.source, k);
        v[R_FIXED + k] = end;
    }
}

/* Rank 0: may the open epoch end, is it time to? */
static int64_t say_advance(const pool *p, int64_t now)
{
    const pool_slot *open = &p->epochs.slot[p->epochs.open & 1];

    if (!pool_is_ready(p) || (p->head->pending && p->head->view.busy))
        return 0;
    if (p->term.order != PHASE_GO)
        return 2;
    /* Another pool made the first model. */
    if (!open->base && p->ship.recent[p->ship.have & 1])
        return 2;
    return !p->counted && now >= p->epochs.advance_due ? 2 : 1;
}

static bool all_committed(const pool *p)
{
    for (int32_t k = 0; k < p->n_partitions; k++)
        if (p->rounds.ends[k] < 0 || p->head->committed[k] < p->rounds.ends[k])
            return false;
    return true;
}

/* Rank 0: is the run over (rule 9), or all committed that was dispatched?
 * Ranks may have dispatched something before they heard of the drain: what
 * they say in this very round decides.
 */
static int64_t say_stop(pool *p, int64_t now)
{
    if (!head_is_idle(p))
        return 0;
    if (!all_committed(p))
        return pool_is_draining(p);
    return commit_guard_is_done(&p->head->guard, &p->head->view,
                                p->own.map.owner, now)
               ? 2
               : 0;
}

static void say_rank0(pool *p, int64_t *v, int64_t now)
{
    v[R_ADVANCE] = say_advance(p, now);
    v[R_MOVE] = share_say(p);
    v[R_LOOK] = recent_is_due(p, now);
    v[R_TASKS] = (int64_t)p->head->view.tasks;
    v[R_STOP] = say_stop(p, now);
    /* One broadcast at a time: all ranks have the one before. */
    if (p->ship.at == PHASE_SHIP_BUILT && -p->rounds.in[R_LACK] == p->ship.seq)
        v[R_SHIP] = (int64_t)p->ship.bytes.len;
    v[R_STATE] = v[R_SHIP] && p->ship.is_state ? p->term.number : 0;
}

/* How far a source is that runs in this rank. */
static void fill_read(const pool *p, int64_t *v)
{
    const source_ops *ops = p->c.source->ops;
    context_progress r = {0};

    if (ops->read)
        r = ops->read(p->c.source);
    v[R_READ_ROWS] = (int64_t)r.rows;
    v[R_READ_DONE] = (int64_t)r.done;
    v[R_READ_ALL] = (int64_t)r.all;
}

static void say(pool *p, int64_t now)
{
    int64_t *v = p->rounds.out;
    const pool_slot *open = pool_epoch_open(&p->epochs);
    const pool_slot *closing = pool_epoch_closing(&p->epochs);

    memset(v, 0, (size_t)p->rounds.n * sizeof(*v));
    if (phase_is_closing(p->term.phase)) {
        v[R_OUTSTANDING] = closing->outstanding;
        v[R_UNACKED] = closing->unacked;
        v[R_CLOSING] = closing->dispatched;
    }
    v[R_OPEN] = open->live ? open->dispatched : 0;
    lane_refill(p);
    v[R_QUOTA] = lane_quota(p);
    v[R_ENDED] = lane_ended(p);
    v[R_LAG] = lane_lag(p);
    fill_read(p, v);
    v[R_NOBODY] = first_is_nobody(p);
    v[R_TERM] = p->term.wanted;
    v[R_ERROR] = p->fate.failed ? 1 + p->rank : 0;
    v[R_DRAIN] = pool_is_draining(p) || atomic_load(p->c.drain) ||
                 (p->head && p->head->broken);
    v[R_HOLD] = phase_is_held(p->term.phase);
    v[R_BUSY] = phase_is_reducing(p->term.phase);
    v[R_LACK] = -p->ship.have;
    v[R_BACKLOG] = own_backlog(p);
    v[R_FULL] = pool_is_ready(p) && owner_full(p);
    v[R_FEATURES] = p->term.proposal;
    v[R_STAGES] = p->revised.bad && !p->revised.stopped ? 1 + p->rank : 0;
    v[R_HELD] = pool_is_held(p);
    v[R_WANTED] = lane_wanted(p);
    v[R_P95] = figures_p95(&p->figures, now);
    hold_say(p, v);
    say_ends(p, v);
    if (p->head)
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
    return all_loaded(p, v) && -v[R_LACK] == p->ship.seq &&
           !p->ship.recent[p->ship.seq & 1];
}

static void first_model(pool *p, uint32_t features)
{
    pool_model **mp = ship_place(p, p->ship.seq);
    pe_error e = {0};
    pe_model *m;

    p->term.proposal = 0;
    m = chain_model(&p->stages, features, &e);
    *mp = m ? pool_model_create(m, &e) : NULL;
    if (!*mp ||
        pool_slot_rebase(pool_epoch_open(&p->epochs), *mp, p->ship.seq, &e) < 0)
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
    bool newer = -v[R_LACK] > pool_epoch_open(&p->epochs)->base_seq;

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
            p->epochs.logical++;
        return;
    }
    if (due && (v[R_OPEN] > 0 || newer))
        epoch_advance(p, -v[R_LACK]);
}

/* Rule 4: one way back.  Everything of the older term is dropped; the state
 * comes again from the store.
 */
static void new_term(pool *p, int64_t number)
{
    if (pool_step(p, PHASE_ON_TERM) != PHASE_DO_LOAD)
        return;
    pool_hear(p, PHASE_SAYS_TERM);
    pool_turn(p, PHASE_SHIP_ON_TERM);
    term_raise(&p->term, number);
    help_drop(p);
    lane_drop(p);
    chain_forget(&p->stages);
    first_reset(p);
    stages_forget(p);
    results_drop(&p->results);
    forward_drop(p->forward);
    epoch_drop(p);
    p->own.begun = p->own.committed = 0;
    p->figures.n_samples = 0;
    p->figures.terms++;
    if (p->head)
        head_new_term(p);
}

static void decide(pool *p)
{
    const int64_t *v = p->rounds.in;

    if (v[R_ERROR]) {
        pool_hear(p, PHASE_SAYS_STOP);
        return;
    }
    memcpy(p->rounds.ends, v + R_FIXED,
           (size_t)p->n_partitions * sizeof(*p->rounds.ends));
    p->help.top_backlog = v[R_BACKLOG] >> 20;
    p->help.top_owner = (int)(v[R_BACKLOG] & 0xfffff);
    hold_decide(p, v);
    if (p->c.tasks && v[R_TASKS] > p->tasks)
        tasks_wake(p->c.tasks);
    p->tasks = v[R_TASKS];
    pool_hear(p, v[R_MOVE] ? PHASE_SAYS_MOVE : PHASE_SAYS_STAY);
    if (v[R_DRAIN] && !pool_is_draining(p))
        FAILPOINT(FAILPOINT_DRAIN);
    if (v[R_DRAIN])
        pool_hear(p, PHASE_SAYS_DRAIN);
    if (v[R_TERM] > p->term.number) {
        new_term(p, v[R_TERM]);
        return;
    }
    /* Nothing of this term is contributed any more: its blocks come again. */
    if (v[R_STAGES]) {
        stages_hear(p, (int)v[R_STAGES] - 1);
        p->revised.stopped = true;
    }
    if (p->revised.stopped)
        return;
    if (v[R_NOBODY] == p->size && all_loaded(p, v))
        first_all_nobody(p);
    if (v[R_FEATURES] && no_model(p, v))
        first_model(p, (uint32_t)v[R_FEATURES]);
    if (v[R_SHIP])
        ship_post(p, v[R_SHIP], v[R_STATE]);
    if (v[R_LOOK])
        recent_post(p);
    decide_epoch(p, v);
    if (v[R_STOP] == 2 || (v[R_STOP] == 1 && !v[R_OPEN] && !v[R_CLOSING]))
        pool_hear(p, PHASE_SAYS_STOP);
    else if (p->head)
        share_decide(p);
}

/* --- pace --- */

bool pool_is_urgent(const pool *p)
{
    return phase_is_urgent(p->term.phase, p->term.order, p->ship.at) ||
           p->fate.failed || p->term.wanted > p->term.number ||
           p->term.proposal || owner_full(p) ||
           (p->counted && p->rounds.in[R_OPEN]);
}

/* Of a commit, in which most are here: rank 0 would wait for a round. */
#define COMMIT_NS (25 * CLOCK_MS)

/* With blocks in the open epoch its end, which all ranks expect at the same
 * time, is not to be late.
 */
static int64_t period(const pool *p, int64_t now)
{
    const pool_rounds *r = &p->rounds;
    int64_t left = p->epochs.advance_due - r->ended;

    if (r->in[R_LAG] || r->in[R_OPEN] != r->open ||
        now - p->epochs.reduced_ns < COMMIT_NS)
        return PERIOD_WORK;
    if (r->in[R_OPEN])
        return left > PERIOD_IDLE   ? PERIOD_IDLE
               : left > PERIOD_WORK ? left
                                    : PERIOD_WORK;
    return now - p->last_active < POOL_QUIET ? PERIOD_IDLE : PERIOD_QUIET;
}

/* Counted from the end of the one before, which all ranks see at the same time:
 * who is early has to look for the others.
 */
int64_t round_due_ns(const pool *p, int64_t now)
{
    if (pool_is_urgent(p))
        return p->rounds.begun + PERIOD_URGENT;
    return p->rounds.ended + period(p, now);
}

void round_progress(pool *p)
{
    int64_t now = clock_mono_ns();
    int done = 0;

    if (!p->rounds.posted) {
        if (now < round_due_ns(p, now))
            return;
        say(p, now);
        MPI_Iallreduce(p->rounds.out, p->rounds.in, p->rounds.n, MPI_INT64_T,
                       p->rounds.op, p->c.comm, &p->rounds.req);
        p->rounds.posted = true;
        p->rounds.begun = now;
        p->rounds.open = p->rounds.in[R_OPEN];
    }
    MPI_Test(&p->rounds.req, &done, MPI_STATUS_IGNORE);
    if (!done)
        return;
    p->rounds.posted = false;
    p->rounds.ended = now;
    pulse_round(p->c.pulse);
    decide(p);
}
