/* ship.c - committed models and states, broadcast from rank 0. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"

/* --- rank 0: build --- */

static int build(pool *p, const committer_news *n, pe_error *errp)
{
    wire_news m = {.term = p->term.number,
                   .epoch = n->epoch,
                   .commit_ns = n->commit_ns,
                   .is_state = n->word == COMMITTER_STATE,
                   .model = n->model.data,
                   .model_len = n->model.len,
                   .lease = n->lease,
                   .revision = n->stages.number,
                   .stages = n->stages.text,
                   .fresh = n->stages.fresh,
                   .suspects = n->suspects,
                   .state = n->state,
                   .own = n->own,
                   .reached = p->head->reached};

    if (wire_news_encode(&m, p->n_partitions, &p->ship.bytes, errp) < 0)
        return -1;
    pool_turn(p, PHASE_SHIP_ON_NEWS);
    p->ship.is_state = m.is_state;
    return 0;
}

void ship_news(pool *p)
{
    committer_news n = {0};
    pe_error e = {0};

    if (p->ship.at != PHASE_SHIP_NONE || !committer_take(p->c.committer, &n))
        return;
    switch (n.word) {
    case COMMITTER_COMMIT:
        head_note_commit(p, n.epoch);
        if (pool_is_ready(p) && build(p, &n, &e) < 0)
            pool_fail(p, &e);
        break;
    case COMMITTER_STATE:
        /* The term was raised while the state of the one before was read: a
         * rank takes up one state a term, with nothing of it dispatched.
         */
        if (n.term == p->term.number && build(p, &n, &e) < 0)
            pool_fail(p, &e);
        if (*n.stages.words)
            head_note(p, n.stages.words);
        break;
    case COMMITTER_DOUBT:
        term_want(&p->term);
        break;
    case COMMITTER_ERROR:
        pool_fail(p, &n.error);
        break;
    case COMMITTER_NONE:
        break;
    }
    committer_news_clear(&n);
}

/* --- all ranks --- */

void ship_post(pool *p, int64_t bytes, int64_t state_term)
{
    pe_buffer *b = &p->ship.bytes;
    pe_error e = {0};
    int pages = pe_buffer_reserve(b, (size_t)bytes, &e);

    b->len = (size_t)bytes;
    if (pages == 0)
        pages = send_fill_page(b, &e);
    if (pages < 0)
        pool_abort(p, &e);
    p->ship.seq++;
    if (state_term == p->term.number)
        p->term.state_seq = p->ship.seq;
    pool_turn(p, PHASE_SHIP_ON_POST);
    MPI_Ibcast(b->data, pages, p->sends.page, 0, p->c.comm, &p->ship.req);
}

/* The model of [n], at its place. */
static int decode_model(pool *p, const wire_news *n, pe_error *errp)
{
    pool_model **mp = ship_place(p, p->ship.seq);
    pool_model *before = *ship_place(p, p->ship.seq - 1);
    pe_model *m;

    pool_model_drop(*mp);
    *mp = NULL;
    if (n->model_len == 0) {
        /* Nothing was learned yet: what all have stays. */
        *mp = n->is_state ? NULL : pool_model_hold(before);
        return 0;
    }
    m = pe_model_decode(n->model, n->model_len, errp);
    *mp = m ? pool_model_create(m, errp) : NULL;
    if (!*mp)
        return -1;
    if (!p->revised.bad && strcmp(m->ops->name, p->stages.model->name))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run '%s' holds a model of kind %s, the stage "
                            "'%s' asks for %s: use another --run",
                            p->c.req->run, m->ops->name, p->stages.end->name,
                            p->stages.model->name);
    return 0;
}

/* What functions keep is what the state has. */
static int settle(pool *p, const wire_news *n, pe_error *errp)
{
    size_t parts = (size_t)p->n_partitions;
    int64_t *next = calloc(parts, sizeof(*next));
    context_committed c = {.next = next, .own = n->own, .n = parts};
    int rc;

    if (!next)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n->state.n_offsets; i++) {
        const params_offset *o = &n->state.offsets[i];

        if (o->partition >= 0 && o->partition < p->n_partitions &&
            !strcmp(o->topic, p->topic))
            next[o->partition] = o->next;
    }
    rc = chain_settle(&p->stages, &c, errp);
    free(next);
    return rc;
}

static int take_state(pool *p, const wire_news *n, pe_error *errp)
{
    for (int32_t k = 0; k < p->n_partitions; k++)
        if (n->reached[k] > p->own.map.highest[k])
            p->own.map.highest[k] = n->reached[k];
    if (lane_load(p, &n->state, n->own, errp) < 0 ||
        pool_step(p, PHASE_ON_STATE) != PHASE_DO_BEGIN)
        return -1;
    p->own.map.lease = n->lease;
    if (p->head) {
        head_begin(p->head);
        share_tell(p);
    }
    return epoch_begin(p, p->ship.seq, errp);
}

/* What the open epoch has learned goes on from the newer model, where the
 * model can do that; another rank may do so later, or not at all.
 */
static int rebase_open(pool_slot *s, pool_model *to, pe_error *errp)
{
    const pe_model *from = s->base ? s->base->m : NULL;

    if (!s->live || !from || !to || to == s->base || !from->ops->rebase ||
        s->delta->sealed || from->warming || to->m->warming)
        return 0;
    if (from->ops->rebase(s->delta, from, to->m, errp) < 0)
        return -1;
    pool_model_drop(s->base);
    s->base = pool_model_hold(to);
    return 0;
}

/* Another pool's first model is for other features than ours would have been:
 * what we learned for that one is no use.
 */
static bool is_other(const pool_slot *s, const pool_model *to)
{
    return s->live && s->base && to && s->base->m->features != to->m->features;
}

/* A counted epoch starts from the commit of the one before: nothing of it
 * was dispatched while the rank held.
 */
static int take_commit(pool *p, const wire_news *n, pe_error *errp)
{
    pool_slot *open = pool_epoch_open(&p->epochs);
    pool_model *to = *ship_place(p, p->ship.seq);

    figures_commit(&p->figures, n->epoch, n->commit_ns);
    p->epochs.reduced_ns = 0;
    if (n->epoch > p->own.committed)
        p->own.committed = n->epoch;
    if (!p->head && n->epoch > 0) /* rank 0 judges by what it held */
        p->revised.fresh = false;
    if (is_other(open, to)) {
        term_want(&p->term);
        return 0;
    }
    switch (pool_step(p, n->epoch < p->epochs.open - 1 ? PHASE_ON_MODEL
                                                       : PHASE_ON_COMMIT)) {
    case PHASE_DO_GO_ON:
        return rebase_open(open, to, errp);
    case PHASE_DO_BEGIN:
        return pool_slot_rebase(open, to, p->ship.seq, errp);
    default:
        return 0;
    }
}

void ship_receive(pool *p)
{
    int done = 0;

    if (p->ship.at == PHASE_SHIP_POSTED)
        MPI_Test(&p->ship.req, &done, MPI_STATUS_IGNORE);
    if (done)
        pool_turn(p, PHASE_SHIP_ON_ARRIVED);
}

/* What the functions of before have kept is what is committed, when they go. */
static int take_stages(pool *p, const wire_news *n, pe_error *errp)
{
    uint64_t before = p->revised.number;

    if (!n->is_state || n->term != p->term.number)
        return 0;
    if (chain_suspect(&p->stages, n->suspects, errp) < 0 ||
        settle(p, n, errp) < 0 || stages_take(p, n, errp) < 0)
        return -1;
    return before != n->revision && !p->revised.bad ? settle(p, n, errp) : 0;
}

static int take(pool *p, const wire_news *n, pe_error *errp)
{
    if (take_stages(p, n, errp) < 0)
        return -1;
    if (decode_model(p, n, errp) < 0)
        return -1;
    if (n->term != p->term.number)
        return 0;
    return n->is_state ? take_state(p, n, errp) : take_commit(p, n, errp);
}

void ship_progress(pool *p)
{
    wire_news n = {0};
    pe_error e = {0};

    ship_receive(p);
    /* A reduction of the older term still reads the lanes of its epoch. */
    if (p->ship.at != PHASE_SHIP_HERE || p->term.phase == PHASE_DROPPING)
        return;
    if (wire_news_decode(p->ship.bytes.data, p->ship.bytes.len, p->n_partitions,
                         &n, &e) < 0 ||
        take(p, &n, &e) < 0)
        pool_fail(p, &e);
    wire_news_free(&n);
    pool_turn(p, PHASE_SHIP_ON_TAKEN);
    p->ship.have = p->ship.seq;
    p->last_active = clock_mono_ns();
}
