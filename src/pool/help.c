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

static void send_small(pool *p, int rank, int tag, const void *data, size_t len)
{
    /* Small messages are eager: they leave without the receiver. */
    MPI_Send(data, (int)len, MPI_BYTE, rank, tag, p->c.comm);
}

void help_answer_none(pool *p, int rank)
{
    send_small(p, rank, TAG_NONE, NULL, 0);
}

/* --- owner's side --- */

/* Device and source into [to], which has room for POOL_TEXT; sources of
 * records fit (source.h), and what does not is cut.
 */
static size_t put_texts(char *to, const pe_block *b)
{
    size_t n = strnlen(b->device, POOL_TEXT - 2);
    size_t m = b->source ? strnlen(b->source, POOL_TEXT - 2 - n) : 0;

    memcpy(to, b->device, n);
    to[n] = '\0';
    if (m > 0)
        memcpy(to + n + 1, b->source, m);
    to[n + 1 + m] = '\0';
    return n + m + 2;
}

static void fill_task(const pool *p, const pool_slot *s, const pool_record *r,
                      pool_task *t)
{
    const pe_block *b = &r->block;

    memset(t, 0, offsetof(pool_task, text));
    t->term = p->term.number;
    t->epoch = s->epoch;
    t->points = b->points;
    t->features = b->features;
    t->dtype = (int32_t)b->dtype;
    t->partition = b->partition;
    t->has_seq = b->has_seq;
    t->foreign = r->foreign;
    t->offset = b->offset;
    t->boot = b->boot;
    t->seq = b->seq;
    t->version = b->version;
    t->sense_ns = b->sense_ns;
    t->edge_ns = b->edge_ns;
    t->broker_ns = b->broker_ns;
    t->fetch_ns = b->fetch_ns;
    t->bytes = pe_block_bytes(b);
}

bool help_send(pool *p, int rank, pool_slot *s, pool_record *r)
{
    pool_send *out = pool_send_room(p);
    pool_task t;
    size_t len;

    if (!out)
        return false;
    fill_task(p, s, r, &t);
    len = offsetof(pool_task, text) + put_texts(t.text, &r->block);
    send_small(p, rank, TAG_TASK, &t, len);
    out->used = true;
    out->has_record = true;
    out->record = *r;
    r->block.storage = NULL;
    r->block.capacity = 0;
    MPI_Isend(out->record.block.data, (int)t.bytes, MPI_BYTE, rank, TAG_DATA,
              p->c.comm, &out->req);
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

static void take_done(pool *p, const pool_done *d)
{
    pool_slot *s = pool_slot_of(p, d->epoch);

    if (d->term == p->term.number && s)
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

static void take_task(pool *p, int rank, int len)
{
    pool_help *h = find_help(p, HELP_ASKED, rank);
    pe_error e = {0};

    MPI_Recv(&h->task, len, MPI_BYTE, rank, TAG_TASK, p->c.comm,
             MPI_STATUS_IGNORE);
    if (pe_block_reserve(&h->block, h->task.points, h->task.features,
                         (enum pe_dtype)h->task.dtype, &e) < 0)
        pool_abort(p, &e); /* its data is on the way, and must be taken */
    MPI_Irecv(h->block.data, (int)h->task.bytes, MPI_BYTE, rank, TAG_DATA,
              p->c.comm, &h->data);
    h->state = HELP_COMING;
}

static void take_none(pool *p, int rank)
{
    pool_help *h = find_help(p, HELP_ASKED, rank);

    MPI_Recv(NULL, 0, MPI_BYTE, rank, TAG_NONE, p->c.comm, MPI_STATUS_IGNORE);
    if (h)
        h->state = HELP_FREE;
}

static void take_part(pool *p, int rank, const MPI_Status *st)
{
    unsigned char *m;
    pe_error e = {0};
    size_t len;
    int pages;

    MPI_Get_count(st, p->page, &pages);
    len = (size_t)pages * POOL_PAGE;
    m = malloc(len);
    if (!m) {
        pe_error_nomem(&e);
        pool_abort(p, &e); /* it would be there for ever */
    }
    MPI_Recv(m, pages, p->page, rank, TAG_PART, p->c.comm, MPI_STATUS_IGNORE);
    epoch_take_part(p, m, len);
}

static void take_message(pool *p, const MPI_Status *st)
{
    pool_done d;
    int len;

    MPI_Get_count(st, MPI_BYTE, &len);
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
        take_task(p, st->MPI_SOURCE, len);
        break;
    case TAG_DONE:
        MPI_Recv(&d, sizeof(d), MPI_BYTE, st->MPI_SOURCE, TAG_DONE, p->c.comm,
                 MPI_STATUS_IGNORE);
        take_done(p, &d);
        break;
    case TAG_PART:
        take_part(p, st->MPI_SOURCE, st);
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
        send_small(p, p->top_owner, TAG_ASK, NULL, 0);
        h->owner = p->top_owner;
        h->state = HELP_ASKED;
    }
}

static void work_task(pool *p, pool_help *h)
{
    const pool_task *t = &h->task;
    pool_slot *s = t->term == p->term.number ? pool_slot_of(p, t->epoch) : NULL;
    pool_done d = {t->term, t->epoch};
    pe_block b = h->block;
    const void *raw;
    size_t raw_len;

    h->state = HELP_FREE;
    if (!s)
        return;
    b.device = t->text;
    b.source = t->text + strlen(t->text) + 1;
    if (!*b.source)
        b.source = NULL;
    b.topic = p->topic;
    b.partition = t->partition;
    b.offset = t->offset;
    b.boot = t->boot;
    b.seq = t->seq;
    b.has_seq = t->has_seq;
    b.version = t->version;
    b.sense_ns = t->sense_ns;
    b.edge_ns = t->edge_ns;
    b.broker_ns = t->broker_ns;
    b.fetch_ns = t->fetch_ns;
    p->helped++;
    raw = npy_frame(&h->block, &raw_len);
    /* Else the epoch waits for it, until the pool or its term is over. */
    if (pool_work(p, s, &b, raw, raw_len, t->foreign) == 0)
        send_small(p, h->owner, TAG_DONE, &d, sizeof(d));
}

/* The owner may be a round ahead of us: its epoch, or its term, then opens
 * here in a moment.  A block of the closing epoch never waits: the epoch waits
 * for it.
 */
static bool may_work(const pool *p, const pool_task *t)
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
