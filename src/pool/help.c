/* help.c - blocks of busy owners on free ranks, over MPI. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/common/clock.h"

/* --- messages under way --- */

void pool_send_test(pool *p)
{
    for (int i = 0; i < POOL_SENDS && p->n_sends; i++) {
        pool_send *s = &p->sends[i];
        int done = 0;

        if (!s->used)
            continue;
        MPI_Test(&s->req, &done, MPI_STATUS_IGNORE);
        if (!done)
            continue;
        if (s->has_record) {
            p->c.source->ops->release(p->c.source, &s->record);
            pe_block_release(&s->record.block);
        }
        free(s->buffer);
        memset(s, 0, sizeof(*s));
        p->n_sends--;
    }
}

/* A free place; NULL when [POOL_SENDS] messages have not left yet.  Two are
 * kept back for what must never wait: a task's data behind its header.
 */
pool_send *pool_send_room(pool *p)
{
    if (p->n_sends + 2 > POOL_SENDS)
        pool_send_test(p);
    if (p->n_sends + 2 > POOL_SENDS)
        return NULL;
    for (int i = 0; i < POOL_SENDS; i++)
        if (!p->sends[i].used)
            return &p->sends[i];
    return NULL;
}

/* Small messages are eager: they leave without the receiver. */
static void send_frame(pool *p, int rank, int tag)
{
    MPI_Send(p->frame.data, (int)p->frame.len, MPI_BYTE, rank, tag, p->c.comm);
}

static void send_word(pool *p, int rank, int tag)
{
    MPI_Send(NULL, 0, MPI_BYTE, rank, tag, p->c.comm);
}

/* The message of which [st] tells, into p->frame. */
static void receive_frame(pool *p, const MPI_Status *st)
{
    pe_error e = {0};
    int len;

    MPI_Get_count(st, MPI_BYTE, &len);
    if (pe_buffer_reserve(&p->frame, (size_t)len, &e) < 0)
        pool_abort(p, &e); /* it would be there for ever */
    p->frame.len = (size_t)len;
    MPI_Recv(p->frame.data, len, MPI_BYTE, st->MPI_SOURCE, st->MPI_TAG,
             p->c.comm, MPI_STATUS_IGNORE);
}

void help_answer_none(pool *p, int rank)
{
    send_word(p, rank, TAG_NONE);
}

/* --- owner's side --- */

bool help_send(pool *p, int rank, pool_slot *s, pool_record *r)
{
    wire_task t = {p->term.number, s->epoch};
    pool_send *out = pool_send_room(p);
    pe_error e = {0};

    if (!out)
        return false;
    if (wire_task_encode(&t, r, &p->frame, &e) < 0)
        pool_abort(p, &e); /* its epoch is fixed */
    send_frame(p, rank, TAG_TASK);
    out->used = true;
    out->has_record = true;
    out->record = *r;
    r->block.storage = NULL;
    r->block.capacity = 0;
    MPI_Isend(out->record.block.data, (int)pe_block_bytes(&out->record.block),
              MPI_BYTE, rank, TAG_DATA, p->c.comm, &out->req);
    p->n_sends++;
    return true;
}

static void take_ask(pool *p, int rank)
{
    if (p->n_askers == p->cap_askers) {
        size_t cap = p->cap_askers ? 2 * p->cap_askers : 16;
        int *a = realloc(p->askers, cap * sizeof(*a));

        if (!a) {
            help_answer_none(p, rank);
            return;
        }
        p->askers = a;
        p->cap_askers = cap;
    }
    p->askers[p->n_askers++] = rank;
}

static void take_done(pool *p, const MPI_Status *st)
{
    wire_task t;
    pool_slot *s;
    pe_error e = {0};

    receive_frame(p, st);
    if (wire_done_decode(p->frame.data, p->frame.len, &t, &e) < 0)
        pool_abort(p, &e);
    s = pool_slot_of(p, t.epoch);
    if (t.term == p->term.number && s)
        s->outstanding--;
}

/* --- helper's side --- */

static pool_help *find_help(pool *p, int state, int owner)
{
    for (int i = 0; i < POOL_ASKS; i++)
        if ((int)p->help[i].state == state &&
            (owner < 0 || p->help[i].owner == owner))
            return &p->help[i];
    return NULL;
}

static void take_task(pool *p, const MPI_Status *st)
{
    pool_help *h = find_help(p, HELP_ASKED, st->MPI_SOURCE);
    pe_error e = {0};
    pe_block *b;

    receive_frame(p, st);
    if (!h) {
        pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "rank %d gives work that it was not asked for",
                     st->MPI_SOURCE);
        pool_abort(p, &e);
    }
    if (wire_task_decode(p->frame.data, p->frame.len, &h->task, &h->record,
                         &e) < 0)
        pool_abort(p, &e);
    b = &h->record.block;
    if (pe_block_reserve(b, b->points, b->features, b->dtype, &e) < 0)
        pool_abort(p, &e); /* its data is on the way, and must be taken */
    MPI_Irecv(b->data, (int)pe_block_bytes(b), MPI_BYTE, st->MPI_SOURCE,
              TAG_DATA, p->c.comm, &h->data);
    h->state = HELP_COMING;
}

static void take_none(pool *p, int rank)
{
    pool_help *h = find_help(p, HELP_ASKED, rank);

    MPI_Recv(NULL, 0, MPI_BYTE, rank, TAG_NONE, p->c.comm, MPI_STATUS_IGNORE);
    if (h)
        h->state = HELP_FREE;
}

static void take_part(pool *p, const MPI_Status *st)
{
    pe_buffer m = {0};
    pe_error e = {0};
    int pages;

    MPI_Get_count(st, p->page, &pages);
    if (pe_buffer_reserve(&m, (size_t)pages * POOL_PAGE, &e) < 0)
        pool_abort(p, &e); /* it would be there for ever */
    m.len = (size_t)pages * POOL_PAGE;
    MPI_Recv(m.data, pages, p->page, st->MPI_SOURCE, TAG_PART, p->c.comm,
             MPI_STATUS_IGNORE);
    epoch_take_part(p, &m);
}

static void take_message(pool *p, const MPI_Status *st)
{
    switch (st->MPI_TAG) {
    case TAG_ASK:
        MPI_Recv(NULL, 0, MPI_BYTE, st->MPI_SOURCE, TAG_ASK, p->c.comm,
                 MPI_STATUS_IGNORE);
        take_ask(p, st->MPI_SOURCE);
        break;
    case TAG_NONE:
        take_none(p, st->MPI_SOURCE);
        break;
    case TAG_TASK:
        take_task(p, st);
        break;
    case TAG_DONE:
        take_done(p, st);
        break;
    case TAG_PART:
        take_part(p, st);
        break;
    default:
        break;
    }
}

void help_serve(pool *p)
{
    MPI_Status st;
    int there = 1;

    if (p->size == 1)
        return;
    pool_send_test(p);
    while (there) {
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, p->c.comm, &there, &st);
        if (there) {
            take_message(p, &st);
            p->last_active = clock_mono_ns();
        }
    }
    for (int i = 0; i < POOL_ASKS; i++) {
        int done = 0;

        if (p->help[i].state != HELP_COMING)
            continue;
        MPI_Test(&p->help[i].data, &done, MPI_STATUS_IGNORE);
        if (done)
            p->help[i].state = HELP_HERE;
    }
}

static void ask(pool *p)
{
    pool_help *h;

    if (p->top_backlog < 2 || p->top_owner == p->rank || !pool_is_ready(p) ||
        p->term.order != PHASE_GO)
        return;
    while ((h = find_help(p, HELP_FREE, -1))) {
        send_word(p, p->top_owner, TAG_ASK);
        h->owner = p->top_owner;
        h->state = HELP_ASKED;
    }
}

static void work_task(pool *p, pool_help *h)
{
    const wire_task *t = &h->task;
    pool_slot *s = t->term == p->term.number ? pool_slot_of(p, t->epoch) : NULL;
    pool_record *r = &h->record;
    pe_error e = {0};

    h->state = HELP_FREE;
    if (!s)
        return;
    p->helped++;
    r->block.topic = p->topic;
    r->raw = npy_frame(&r->block, &r->raw_len);
    /* Else the epoch waits for it, until the pool or its term is over. */
    if (pool_work(p, s, r) < 0)
        return;
    if (wire_done_encode(t, &p->frame, &e) < 0)
        pool_abort(p, &e);
    send_frame(p, h->owner, TAG_DONE);
}

/* The owner may be a round ahead of us: its epoch, or its term, then opens
 * here in a moment.  A block of the closing epoch never waits: the epoch waits
 * for it.
 */
static bool may_work(const pool *p, const wire_task *t)
{
    if (t->term != p->term.number)
        return t->term < p->term.number;
    return pool_is_ready(p) &&
           (t->epoch < p->epoch ||
            (t->epoch == p->epoch && !phase_is_held(p->term.phase)));
}

int help_step(pool *p)
{
    pool_help *h;

    if (p->size == 1)
        return 0;
    /* First ask, then work: the answer comes while we do. */
    ask(p);
    h = find_help(p, HELP_HERE, -1);
    if (!h || !may_work(p, &h->task))
        return 0;
    work_task(p, h);
    return 1;
}

void help_drop(pool *p)
{
    for (size_t i = 0; i < p->n_askers; i++)
        help_answer_none(p, p->askers[i]);
    p->n_askers = 0;
    for (int i = 0; i < POOL_ASKS; i++)
        if (p->help[i].state == HELP_HERE &&
            p->help[i].task.term < p->term.number)
            p->help[i].state = HELP_FREE;
}

/* Nothing of ours is on the wire, and nothing is awaited. */
bool help_quiet(const pool *p)
{
    for (int i = 0; i < POOL_ASKS; i++)
        if (p->help[i].state == HELP_ASKED || p->help[i].state == HELP_COMING)
            return false;
    return p->n_sends == 0;
}
