/* test_help.c - blocks of a busy owner on a free rank, both of them this one:
 * what each says, and when it says nothing.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "rank_bench.h"
#include "src/common/clock.h"

/* A rank of two that talks to itself, as if it were rank 0. */
static pool *begin(void)
{
    pool *p = rank_load(0, NULL);

    p->size = 2;
    p->c.comm = MPI_COMM_SELF;
    send_init(&p->sends, MPI_COMM_SELF, p->c.source);
    rank_give_model(p);
    return p;
}

static void end(pool *p)
{
    int there;

    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_SELF, &there,
               MPI_STATUS_IGNORE);
    CU_ASSERT_FALSE(there);
    CU_ASSERT_EQUAL(p->sends.n, 0);
    send_fini(&p->sends);
    for (int i = 0; i < POOL_ASKS; i++)
        pe_block_release(&p->help.asks[i].item.block);
    rank_end(p);
}

/* Takes the next message into the frame, if it has [tag]. */
static bool take(pool *p, enum pool_tag tag)
{
    MPI_Status st;
    int there;

    MPI_Iprobe(0, tag, MPI_COMM_SELF, &there, &st);
    if (there)
        CU_ASSERT_EQUAL(send_receive(&p->sends, &st, NULL), 0);
    return there;
}

static int count(pool *p, enum pool_tag tag)
{
    int n = 0;

    while (take(p, tag))
        n++;
    return n;
}

/* --- the owner --- */

/* Whoever asks waits until there is something, or nothing will come. */
static void test_nothing_to_give(void)
{
    pool *p = begin();

    for (int i = 0; i < 40; i++)
        help_take_ask(p, 0);
    CU_ASSERT_EQUAL(p->own.n_askers, 40);
    p->term.order = PHASE_MOVE; /* for a moment */
    help_give(p, false);
    CU_ASSERT_EQUAL(p->own.n_askers, 40);
    p->term.order = PHASE_GO;
    help_give(p, false); /* there is no block at all */
    CU_ASSERT_EQUAL(p->own.n_askers, 0);
    CU_ASSERT_EQUAL(count(p, TAG_NONE), 40);
    rank_line.high[0] = 1;
    lane_fill(p, 0, 4);
    help_take_ask(p, 0);
    help_give(p, false); /* one, which is for this rank itself */
    CU_ASSERT_EQUAL(p->own.n_askers, 1);
    help_give(p, true);
    CU_ASSERT_EQUAL(count(p, TAG_NONE), 1);
    end(p);
}

/* The epoch is fixed with the block, and waits for it. */
static void test_give(void)
{
    pool *p = begin();
    pool_slot *s = pool_epoch_open(&p->epochs);
    source_item got = {0};
    wire_task task = {0};
    pe_error e = {0};
    double x = 0;

    rank_line.high[2] = 3;
    lane_fill(p, 0, POOL_BACKLOG);
    p->term.number = 7;
    help_take_ask(p, 0);
    help_give(p, false);
    CU_ASSERT_EQUAL(p->own.n_askers, 0);
    CU_ASSERT_EQUAL(s->outstanding, 1);
    CU_ASSERT_EQUAL(s->dispatched, 1);
    CU_ASSERT_EQUAL(lane_backlog(p), 2);
    CU_ASSERT_EQUAL(p->own.at[2].offset, 1);
    CU_ASSERT_TRUE_FATAL(take(p, TAG_TASK));
    CU_ASSERT_EQUAL(wire_task_decode(p->sends.frame.data, p->sends.frame.len,
                                     &task, &got, &e),
                    0);
    CU_ASSERT_EQUAL(task.term, 7);
    CU_ASSERT_EQUAL(task.epoch, 2);
    CU_ASSERT_EQUAL(got.block.partition, 2);
    CU_ASSERT_EQUAL(got.block.offset, 0);
    UNIT_EQUAL(got.block.device, "d");
    /* The record is held until its data has left. */
    CU_ASSERT_EQUAL(p->sends.n, 1);
    CU_ASSERT_EQUAL(rank_line.released, 0);
    MPI_Recv(&x, sizeof(x), MPI_BYTE, 0, TAG_DATA, MPI_COMM_SELF,
             MPI_STATUS_IGNORE);
    CU_ASSERT_EQUAL(x, 6);
    while (p->sends.n)
        send_test(&p->sends);
    CU_ASSERT_EQUAL(rank_line.released, 1);
    end(p);
}

/* A block that is there twice is dispatched, but nobody works on it. */
static void test_give_known(void)
{
    pool *p = begin();
    size_t at = commit_device_find(&p->own.devices, "d", NULL);

    rank_line.high[0] = 4;
    lane_fill(p, 0, 4);
    commit_device_set(&p->own.devices.d[at], 0, 5, 5);
    for (size_t i = 0; i < 4; i++)
        lane_item(&p->own.lanes[0], i)->block.has_seq = 1;
    help_take_ask(p, 0);
    help_give(p, false);
    CU_ASSERT_EQUAL(p->own.n_askers, 1);
    CU_ASSERT_EQUAL(pool_epoch_open(&p->epochs)->add.deduplicated, 1);
    CU_ASSERT_EQUAL(lane_backlog(p), 3);
    CU_ASSERT_EQUAL(p->sends.n, 0);
    help_give(p, true);
    CU_ASSERT_EQUAL(count(p, TAG_NONE), 1);
    end(p);
}

/* While a warming model learns, or results have no room, all is our own. */
static void test_may_not_give(void)
{
    pool *p = begin();
    pool_slot *s = pool_epoch_open(&p->epochs);
    pool_held *none = (pool_held *)p;

    rank_line.high[0] = 9;
    lane_fill(p, 0, 9);
    help_take_ask(p, 0);
    s->base->m->warming = true;
    help_give(p, false);
    CU_ASSERT_EQUAL(p->own.n_askers, 1);
    s->base->m->warming = false;
    p->results.held = none;
    help_give(p, false);
    CU_ASSERT_EQUAL(p->own.n_askers, 1);
    p->results.held = NULL;
    p->own.first.away = true;
    help_give(p, false);
    CU_ASSERT_EQUAL(p->own.n_askers, 1);
    CU_ASSERT_EQUAL(s->dispatched, 0);
    p->own.first.away = false;
    help_drop(p); /* a new term */
    CU_ASSERT_EQUAL(p->own.n_askers, 0);
    CU_ASSERT_EQUAL(count(p, TAG_NONE), 1);
    end(p);
}

/* What is told as done is of an epoch of this term, or forgotten. */
static void test_done(void)
{
    static const struct {
        wire_task t;
        int64_t outstanding;
    } rows[] = {
        {{3, 2, {0}, 0}, 1}, /* the open one */
        {{3, 9, {0}, 0}, 2}, /* none of this rank's */
        {{2, 2, {0}, 0}, 2}, /* a term before */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = begin();
        pool_slot *s = pool_epoch_open(&p->epochs);

        p->term.number = 3;
        s->outstanding = 2;
        CU_ASSERT_EQUAL(wire_done_encode(&rows[i].t, &p->sends.frame, NULL), 0);
        send_frame(&p->sends, 0, TAG_DONE);
        CU_ASSERT_TRUE_FATAL(take(p, TAG_DONE));
        help_take_done(p);
        CU_ASSERT_EQUAL(s->outstanding, rows[i].outstanding);
        end(p);
    }
}

/* --- the helper --- */

/* It asks the rank with the most, with all the requests it has. */
static void test_ask(void)
{
    static const struct {
        int64_t backlog;
        int rank;
        enum phase phase;
        enum phase_order order;
        int asks;
    } rows[] = {
        {2, 1, PHASE_OPEN, PHASE_GO, POOL_ASKS},
        {1, 1, PHASE_OPEN, PHASE_GO, 0},
        {9, 0, PHASE_OPEN, PHASE_GO, 0}, /* that is this rank */
        {9, 1, PHASE_LOADING, PHASE_GO, 0},
        {9, 1, PHASE_OPEN, PHASE_MOVE, 0},
        {9, 1, PHASE_OPEN, PHASE_DRAIN, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = begin();

        p->rank = rows[i].rank;
        p->term.phase = rows[i].phase;
        p->term.order = rows[i].order;
        p->help.top_backlog = rows[i].backlog;
        CU_ASSERT_EQUAL(help_step(p), 0);
        CU_ASSERT_EQUAL(count(p, TAG_ASK), rows[i].asks);
        CU_ASSERT_EQUAL(help_quiet(p), rows[i].asks == 0);
        CU_ASSERT_EQUAL(help_step(p), 0); /* it has asked already */
        CU_ASSERT_EQUAL(count(p, TAG_ASK), 0);
        for (int k = 0; k < rows[i].asks; k++) {
            CU_ASSERT_FALSE(help_quiet(p));
            help_take_none(p, 0);
        }
        help_take_none(p, 0); /* one answer too many changes nothing */
        CU_ASSERT_TRUE(help_quiet(p));
        end(p);
    }
}

/* A block on its way to us: first the words, then its data. */
static void test_task(void)
{
    pool *p = begin();
    pool_ask *h = &p->help.asks[0];
    double x[2] = {3, 4};
    source_item r = rank_item(1, 6);
    const wire_task t = {.epoch = 2};

    h->state = HELP_ASKED;
    r.block.data = x;
    r.block.points = 2;
    r.block.features = 1;
    r.block.dtype = PE_F8;
    r.block.topic = "t";
    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &p->sends.frame, NULL), 0);
    help_take_task(p, 0);
    CU_ASSERT_EQUAL(h->state, HELP_COMING);
    help_test(p);
    CU_ASSERT_EQUAL(h->state, HELP_COMING);
    CU_ASSERT_FALSE(help_quiet(p));
    CU_ASSERT_EQUAL(help_step(p), 0);
    MPI_Send(x, sizeof(x), MPI_BYTE, 0, TAG_DATA, MPI_COMM_SELF);
    while (h->state == HELP_COMING)
        help_test(p);
    CU_ASSERT_EQUAL(h->state, HELP_HERE);
    CU_ASSERT_TRUE(help_quiet(p));
    CU_ASSERT_EQUAL(h->item.block.offset, 6);
    CU_ASSERT_EQUAL(((const double *)h->item.block.data)[1], 4);
    h->state = HELP_FREE;
    end(p);
}

/* The owner may be a round ahead: its epoch opens here in a moment. */
static void test_waits(void)
{
    static const struct {
        int64_t term, epoch;
        enum phase phase;
        bool waits;
    } rows[] = {
        {4, 2, PHASE_OPEN, true},          /* a term that we have not */
        {3, 3, PHASE_OPEN, true},          /* an epoch that is not open */
        {3, 2, PHASE_LOADING, true},       /* nor is any */
        {3, 2, PHASE_HELD, true},          /* its base is not here */
        {2, 9, PHASE_OPEN, false},         /* nobody waits for it any more */
        {3, 0, PHASE_HELD_CLOSING, false}, /* forgotten, too */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = begin();
        pool_ask *h = &p->help.asks[1];

        p->term.number = 3;
        p->term.phase = rows[i].phase;
        h->state = HELP_HERE;
        h->task = (wire_task){rows[i].term, rows[i].epoch, {0}, 0};
        CU_ASSERT_EQUAL(help_step(p), rows[i].waits ? 0 : 1);
        CU_ASSERT_EQUAL(h->state, rows[i].waits ? HELP_HERE : HELP_FREE);
        CU_ASSERT_EQUAL(count(p, TAG_DONE), 0);
        CU_ASSERT_EQUAL(p->figures.helped, 0);
        end(p);
    }
}

/* A block in hand for which an epoch waits goes before our own, which may never
 * end: with a slow function no epoch would be committed any more.
 */
static void test_urgent(void)
{
    static const struct {
        int64_t term, epoch;
        bool urgent;
    } rows[] = {
        {3, 1, true},  /* of the epoch on its way out */
        {3, 2, false}, /* of the open one: nobody waits yet */
        {3, 3, false},
        {4, 1, false}, /* a term that we have not */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = begin();
        pool_ask *h = &p->help.asks[1];

        p->term.number = 3;
        p->term.phase = PHASE_OPEN;
        p->epochs.open = 2;
        CU_ASSERT_EQUAL(help_urgent(p), 0);
        h->state = HELP_HERE;
        h->task = (wire_task){rows[i].term, rows[i].epoch, {0}, 0};
        CU_ASSERT_EQUAL(help_urgent(p), rows[i].urgent);
        CU_ASSERT_EQUAL(h->state, rows[i].urgent ? HELP_FREE : HELP_HERE);
        end(p);
    }
}

/* Of an urgent device, in hand: before our own, and before one that is of the
 * epoch on its way out.
 */
static void test_urgent_task(void)
{
    pool *p = begin();

    p->c.pl = &(const pipeline){.partitions = RANK_PARTITIONS, .urgent = 2};
    p->term.number = 3;
    p->epochs.open = 9; /* nothing is done of epochs that are not live */
    for (int i = 0; i < POOL_ASKS; i++)
        p->help.asks[i] = (pool_ask){.state = HELP_HERE,
                                     .task = {3, 8 + i, {0}, 0},
                                     .item = rank_item(2 - i, 0)};
    CU_ASSERT_EQUAL(help_urgent(p), 1);
    CU_ASSERT_EQUAL(p->help.asks[0].state, HELP_HERE);
    CU_ASSERT_EQUAL(p->help.asks[1].state, HELP_FREE);
    CU_ASSERT_EQUAL(help_urgent(p), 1);
    CU_ASSERT_EQUAL(p->help.asks[0].state, HELP_FREE);
    CU_ASSERT_EQUAL(help_urgent(p), 0);
    end(p);
}

/* What is given: urgent blocks first, but for a lone one, which is begun here
 * without a way.
 */
static void test_give_urgent(void)
{
    static const struct {
        int64_t urgent, others;
        int32_t given;
    } rows[] = {{2, 2, 1}, {1, 2, 3}, {3, 0, 1}, {0, 2, 3}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p;
        source_item got = {0};
        wire_task task = {0};
        double x;

        rank_urgent = 2;
        p = begin();
        rank_line.high[1] = rows[i].urgent;
        rank_line.high[3] = rows[i].others;
        lane_fill(p, 0, 4);
        lane_fill(p, 1, 4);
        help_take_ask(p, 0);
        help_give(p, false);
        CU_ASSERT_TRUE_FATAL(take(p, TAG_TASK));
        CU_ASSERT_EQUAL(wire_task_decode(p->sends.frame.data,
                                         p->sends.frame.len, &task, &got, NULL),
                        0);
        CU_ASSERT_EQUAL(got.block.partition, rows[i].given);
        MPI_Recv(&x, sizeof(x), MPI_BYTE, 0, TAG_DATA, MPI_COMM_SELF,
                 MPI_STATUS_IGNORE);
        while (p->sends.n)
            send_test(&p->sends);
        end(p);
        rank_urgent = 0;
    }
}

/* A new term forgets the tasks of those before, and no other. */
static void test_drop(void)
{
    pool *p = begin();

    p->term.number = 3;
    p->help.asks[0].state = p->help.asks[1].state = HELP_HERE;
    p->help.asks[0].task.term = 2;
    p->help.asks[1].task.term = 3;
    help_drop(p);
    CU_ASSERT_EQUAL(p->help.asks[0].state, HELP_FREE);
    CU_ASSERT_EQUAL(p->help.asks[1].state, HELP_HERE);
    p->help.asks[1].state = HELP_FREE;
    /* A rank that is alone has nobody to ask. */
    p->size = 1;
    p->help.top_backlog = 100;
    p->rank = 1;
    CU_ASSERT_EQUAL(help_step(p), 0);
    p->rank = 0;
    end(p);
}

/* --- large messages --- */

static void test_pages(void)
{
    pool_sends s = {0};
    pe_buffer b = {0}, got = {0};
    MPI_Status st;
    int there = 0;

    send_init(&s, MPI_COMM_SELF, NULL);
    CU_ASSERT_EQUAL(pe_buffer_reserve(&b, 3 * POOL_PAGE, NULL), 0);
    for (size_t i = 0; i < 2 * POOL_PAGE + 5; i++)
        b.data[i] = (unsigned char)(i * 7);
    b.len = 2 * POOL_PAGE + 5;
    CU_ASSERT_EQUAL(send_fill_page(&b, NULL), 3);
    send_pages(&s, send_room(&s), &b, 0);
    CU_ASSERT_PTR_NULL(b.data); /* it is the message's now */
    CU_ASSERT_EQUAL(s.n, 1);
    while (!there)
        MPI_Iprobe(0, TAG_PART, MPI_COMM_SELF, &there, &st);
    CU_ASSERT_EQUAL(send_receive_pages(&s, &st, &got, NULL), 0);
    CU_ASSERT_EQUAL(got.len, 3 * POOL_PAGE);
    for (size_t i = 0; i < got.len; i++)
        CU_ASSERT_EQUAL_FATAL(
            got.data[i], i < 2 * POOL_PAGE + 5 ? (unsigned char)(i * 7) : 0);
    while (s.n)
        send_test(&s);
    pe_buffer_free(&got);
    send_fini(&s);
}

/* As many messages as there are places, and one more where one has left. */
static void test_room(void)
{
    enum { TAG = 77 };
    pool_sends s = {0};
    char byte = 0;

    send_init(&s, MPI_COMM_SELF, NULL);
    for (int i = 0; i < POOL_SENDS; i++) {
        pool_send *out = send_room(&s);

        CU_ASSERT_PTR_NOT_NULL_FATAL(out);
        out->used = true;
        s.n++;
        MPI_Irecv(&byte, 1, MPI_BYTE, 0, TAG, MPI_COMM_SELF, &out->req);
    }
    CU_ASSERT_PTR_NULL(send_room(&s));
    MPI_Send(&byte, 1, MPI_BYTE, 0, TAG, MPI_COMM_SELF);
    CU_ASSERT_PTR_NOT_NULL(send_room(&s));
    CU_ASSERT_EQUAL(s.n, POOL_SENDS - 1);
    for (int i = 1; i < POOL_SENDS; i++)
        MPI_Send(&byte, 1, MPI_BYTE, 0, TAG, MPI_COMM_SELF);
    while (s.n)
        send_test(&s);
    send_fini(&s);
}

int main(void)
{
    static const unit_test tests[] = {
        {"an owner without blocks", test_nothing_to_give},
        {"an owner gives a block", test_give},
        {"... that is there twice", test_give_known},
        {"an owner that may not give", test_may_not_give},
        {"what is done", test_done},
        {"a helper asks", test_ask},
        {"a helper takes a block", test_task},
        {"a helper waits for its epoch", test_waits},
        {"a task that an epoch waits for goes first", test_urgent},
        {"... behind one of an urgent device", test_urgent_task},
        {"urgent blocks are given first", test_give_urgent},
        {"a helper forgets", test_drop},
        {"pages", test_pages},
        {"places for messages", test_room},
        {0},
    };
    int rc;

    MPI_Init(NULL, NULL);
    rc = unit_main("help", tests);
    MPI_Finalize();
    return rc;
}
