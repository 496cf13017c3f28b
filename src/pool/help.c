/* help.c - blocks of busy owners on free ranks, over MPI. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"

/* --- owner's side --- */

static void answer_none(pool *p, int rank)
{
    send_word(&p->sends, rank, TAG_NONE);
}

void help_take_ask(pool *p, int rank)
{
    pool_owner *o = &p->own;

    if (o->n_askers == o->cap_askers) {
        size_t cap = o->cap_askers ? 2 * o->cap_askers : 16;
        int *a = realloc(o->askers, cap * sizeof(*a));

        if (!a) {
            answer_none(p, rank);
            return;
        }
        o->askers = a;
        o->cap_askers = cap;
    }
    o->askers[o->n_askers++] = rank;
}

/* The head of [l], which is admitted, goes to [rank]. */
static void give(pool *p, pool_lane *l, pool_send *out, int rank)
{
    pool_slot *s = pool_epoch_open(&p->epochs);
    wire_task t = {.term = p->term.number, .epoch = s->epoch};
    source_item *r = lane_item(l, 0);
    pe_error e = {0};

    if (chain_hear(&p->stages, &r->said, &e) < 0)
        pool_abort(p, &e); /* its epoch is fixed */
    t.columns = chain_names(&p->stages);
    t.named = p->stages.names_at;
    if (wire_task_encode(&t, r, &p->sends.frame, &e) < 0)
        pool_abort(p, &e); /* its epoch is fixed */
    s->outstanding++;
    send_frame(&p->sends, rank, TAG_TASK);
    send_item(&p->sends, out, r, rank);
    lane_pop(l);
}

static bool give_one(pool *p, int rank)
{
    pool_lane *l = lane_first(p, POOL_BACKLOG / 2);
    pool_send *out;

    /* A lone urgent block is begun here, now: its way would be longer. */
    if (lane_urgent(p) == 1)
        l = lane_next(p, POOL_BACKLOG / 2);

    if (!l || lane_item(l, 0)->is_delta ||           /* its rank merges it */
        (p->stages.model->flags & PE_MODEL_ORDER) || /* ... learns it */
        chain_is_ahead(&p->stages, &lane_item(l, 0)->block) ||
        !(out = send_room(&p->sends)))
        return false;
    switch (owner_admit(p, lane_item(l, 0))) {
    case OWNER_WORK:
        give(p, l, out, rank);
        return true;
    case OWNER_DONE:
        lane_release(p, l);
        break;
    case OWNER_WAIT:
        break;
    }
    return false;
}

void help_give(pool *p, bool none)
{
    pool_owner *o = &p->own;
    const pool_slot *s = pool_epoch_open(&p->epochs);
    bool may = pool_may_dispatch(p) && s->base && !s->base->m->warming &&
               !o->first.away && !pool_is_held(p);
    size_t kept = 0;

    for (size_t i = 0; i < o->n_askers; i++) {
        if (none || (may && lane_backlog(p) == 0))
            answer_none(p, o->askers[i]);
        else if (!may || lane_backlog(p) < 2 || !give_one(p, o->askers[i]))
            o->askers[kept++] = o->askers[i];
    }
    o->n_askers = kept;
}

void help_take_done(pool *p)
{
    wire_task t;
    pool_slot *s;
    pe_error e = {0};

    if (wire_done_decode(p->sends.frame.data, p->sends.frame.len, &t, &e) < 0)
        pool_abort(p, &e);
    s = pool_epoch_of(&p->epochs, t.epoch);
    if (t.term == p->term.number && s)
        s->outstanding--;
}

/* --- helper's side --- */

static pool_ask *find_ask(pool *p, int state, int owner)
{
    for (int i = 0; i < POOL_ASKS; i++) {
        pool_ask *h = &p->help.asks[i];

        if ((int)h->state == state && (owner < 0 || h->owner == owner))
            return h;
    }
    return NULL;
}

void help_take_none(pool *p, int rank)
{
    pool_ask *h = find_ask(p, HELP_ASKED, rank);

    if (h)
        h->state = HELP_FREE;
}

/* [t] in [to], *atp bytes behind its beginning. */
static void keep_one(source_text *t, char *to, size_t *atp)
{
    if (!t->at)
        return;
    memcpy(to + *atp, t->at, t->len);
    t->at = to + *atp;
    *atp += t->len;
}

/* The message is gone when the block is done. */
static int keep_said(pool_ask *h)
{
    source_said *s = &h->item.said;
    size_t need = s->times.len + s->columns.len, at = 0;

    if (need > h->cap_said) {
        char *more = realloc(h->said, need);

        if (!more)
            return -1;
        h->said = more;
        h->cap_said = need;
    }
    keep_one(&s->times, h->said, &at);
    keep_one(&s->columns, h->said, &at);
    return 0;
}

static int take_task(pool *p, pool_ask *h, pe_error *errp)
{
    pe_block *b = &h->item.block;

    if (wire_task_decode(p->sends.frame.data, p->sends.frame.len, &h->task,
                         &h->item, errp) < 0)
        return -1;
    return keep_said(h) < 0
               ? pe_error_nomem(errp)
               : pe_block_reserve(b, b->points, b->features, b->dtype, errp);
}

void help_take_task(pool *p, int rank)
{
    pool_ask *h = find_ask(p, HELP_ASKED, rank);
    pe_error e = {0};

    if (!h)
        pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "rank %d gives work that it was not asked for", rank);
    /* Its data is on the way, and must be taken. */
    if (!h || take_task(p, h, &e) < 0)
        pool_abort(p, &e);
    MPI_Irecv(h->item.block.data, (int)pe_block_bytes(&h->item.block), MPI_BYTE,
              rank, TAG_DATA, p->c.comm, &h->data);
    h->state = HELP_COMING;
}

void help_test(pool *p)
{
    for (int i = 0; i < POOL_ASKS; i++) {
        pool_ask *h = &p->help.asks[i];
        int done = 0;

        if (h->state != HELP_COMING)
            continue;
        MPI_Test(&h->data, &done, MPI_STATUS_IGNORE);
        if (done)
            h->state = HELP_HERE;
    }
}

static void ask(pool *p)
{
    const pool_helper *top = &p->help;
    pool_ask *h;

    if (top->top_backlog < 2 || top->top_owner == p->rank ||
        !pool_is_ready(p) || p->term.order != PHASE_GO)
        return;
    while ((h = find_ask(p, HELP_FREE, -1))) {
        send_word(&p->sends, top->top_owner, TAG_ASK);
        h->owner = top->top_owner;
        h->state = HELP_ASKED;
    }
}

static void work_task(pool *p, pool_ask *h)
{
    const wire_task *t = &h->task;
    source_item *r = &h->item;
    pool_slot *s = NULL;
    pe_error e = {0};
    int64_t busy;
    int rc;

    h->state = HELP_FREE;
    if (t->term == p->term.number)
        s = pool_epoch_of(&p->epochs, t->epoch);
    if (!s)
        return;
    p->figures.helped++;
    r->block.topic = p->topic;
    r->raw = npy_frame(&r->block, &r->raw_len);
    p->trail.helping = true;
    busy = p->figures.busy_ns;
    rc = pool_work(p, s, r);
    p->trail.help_ns += p->figures.busy_ns - busy;
    p->trail.helping = false;
    /* Else the epoch waits for it, until the pool or its term is over. */
    if (rc < 0)
        return;
    if (wire_done_encode(t, &p->sends.frame, &e) < 0)
        pool_abort(p, &e);
    send_frame(&p->sends, h->owner, TAG_DONE);
}

/* The owner may be a round ahead of us: its epoch, or its term, then opens
 * here in a moment.  A block of the closing epoch never waits: the epoch waits
 * for it.
 */
static bool may_work(const pool *p, const wire_task *t)
{
    int64_t open = p->epochs.open;

    if (t->term != p->term.number)
        return t->term < p->term.number;
    if (p->revised.bad || p->revised.over)
        return false;
    return pool_is_ready(p) &&
           (t->epoch < open ||
            (t->epoch == open && !phase_is_held(p->term.phase)));
}

/* The task that goes before our own blocks: an urgent one, else one that its
 * epoch waits for; NULL: there is none.
 */
static pool_ask *find_urgent(pool *p)
{
    pool_ask *found = NULL;

    for (int i = 0; i < POOL_ASKS; i++) {
        pool_ask *h = &p->help.asks[i];

        if (h->state != HELP_HERE || !may_work(p, &h->task))
            continue;
        if (lane_is_urgent(p, h->item.block.partition))
            return h;
        if (h->task.epoch < p->epochs.open)
            found = h;
    }
    return found;
}

int help_urgent(pool *p)
{
    pool_ask *h = find_urgent(p);

    if (!h)
        return 0;
    work_task(p, h);
    return 1;
}

int help_step(pool *p)
{
    pool_ask *h;

    if (p->size == 1)
        return 0;
    /* First ask, then work: the answer comes while we do. */
    ask(p);
    h = find_ask(p, HELP_HERE, -1);
    if (!h || !may_work(p, &h->task))
        return 0;
    work_task(p, h);
    return 1;
}

/* --- both --- */

void help_drop(pool *p)
{
    for (size_t i = 0; i < p->own.n_askers; i++)
        answer_none(p, p->own.askers[i]);
    p->own.n_askers = 0;
    for (int i = 0; i < POOL_ASKS; i++) {
        pool_ask *h = &p->help.asks[i];

        if (h->state == HELP_HERE && h->task.term < p->term.number)
            h->state = HELP_FREE;
    }
}

bool help_expects(const pool *p)
{
    for (int i = 0; i < POOL_ASKS; i++)
        if (p->help.asks[i].state == HELP_ASKED ||
            p->help.asks[i].state == HELP_COMING)
            return true;
    return false;
}

/* Nothing of ours is on the wire, and nothing is awaited. */
bool help_quiet(const pool *p)
{
    return !help_expects(p) && p->sends.n == 0;
}
