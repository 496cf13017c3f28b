/* test_pool.c - the pool's tables: devices, slots; parts, tasks and states. */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pool_case.h"

static void test_devices(void)
{
    commit_devices t = {0};
    pe_error e = {0};
    char name[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "device-%d", i);
        CU_ASSERT_EQUAL(commit_device_find(&t, name, &e), (size_t)i);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "device-%d", i);
        CU_ASSERT_EQUAL(commit_device_find(&t, name, &e), (size_t)i);
        UNIT_EQUAL(t.d[i].last.device, name);
    }
    CU_ASSERT_FALSE(t.d[3].known);
    commit_devices_clear(&t);
    CU_ASSERT_EQUAL(t.n, 0);
    CU_ASSERT_EQUAL(commit_device_find(&t, "", &e), 0);
    commit_devices_clear(&t);
}

/* Where no device can have sent anything its first block is not looked for: the
 * topic would be read twice.
 */
static void test_has_devices(void)
{
    pipeline_pilot edge = {.kind = PILOT_EDGE, .devices = 1, .n_resources = 1};
    pipeline pl = {.pilots = &edge, .n_pilots = 1, .shape = PIPELINE_LOCAL};
    pipeline_request req = {0};

    CU_ASSERT_FALSE(first_has_devices(&pl, &req));
    pl.shape = PIPELINE_WHOLE;
    CU_ASSERT_TRUE(first_has_devices(&pl, &req));
    pl.until_eof = true;
    CU_ASSERT_FALSE(first_has_devices(&pl, &req));
    req.resumed = true;
    CU_ASSERT_TRUE(first_has_devices(&pl, &req));
    req.resumed = false;
    pl.seen = 1;
    CU_ASSERT_TRUE(first_has_devices(&pl, &req));
    edge.devices = 0;
    CU_ASSERT_FALSE(first_has_devices(&pl, &req));
}

/* Large messages in pages: 2 GiB and more of them are only counted on, out of
 * a mapping of which one page is touched.
 */
static void test_pages(void)
{
    static const struct {
        size_t len;
        int pages;
    } rows[] = {
        {0, 0},
        {1, 1},
        {POOL_PAGE - 1, 1},
        {POOL_PAGE, 1},
        {POOL_PAGE + 1, 2},
        {(size_t)INT_MAX, 1 << 19},
        {(size_t)INT_MAX + 1, 1 << 19},
        {(size_t)INT_MAX + 2, (1 << 19) + 1},
        {((size_t)1 << 33) - 5, 1 << 21},
    };
    const size_t cap = (size_t)1 << 33;
    unsigned char *room =
        mmap(NULL, cap, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pe_error e = {0};

    CU_ASSERT_NOT_EQUAL_FATAL(room, MAP_FAILED);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_buffer b = {.data = room, .len = rows[i].len, .cap = cap};
        size_t whole = (size_t)rows[i].pages * POOL_PAGE;

        if (rows[i].len)
            room[rows[i].len - 1] = 'x';
        for (size_t k = rows[i].len; k < whole; k++)
            room[k] = 'y';
        CU_ASSERT_EQUAL(send_fill_page(&b, &e), rows[i].pages);
        CU_ASSERT_EQUAL(b.len, rows[i].len);
        if (rows[i].len)
            CU_ASSERT_EQUAL(room[rows[i].len - 1], 'x');
        for (size_t k = rows[i].len; k < whole; k++)
            CU_ASSERT_EQUAL_FATAL(room[k], 0); /* the others get it */
    }
    munmap(room, cap);
}

/* What MPI cannot count is an error, and not a smaller number. */
static void test_pages_most(void)
{
    const size_t most = (size_t)INT_MAX * POOL_PAGE;
    pe_buffer b = {.len = most + 1};
    pe_error e = {0};

    CU_ASSERT_EQUAL(send_fill_page(&b, &e), -1);
    UNIT_EQUAL(e.text, "a message of 8796093018113 bytes is larger than MPI "
                       "can count");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_FAILED);
}

static void test_slots(void)
{
    pool *p = pool_case_new();
    pool_slot *s;

    CU_ASSERT_PTR_NULL(pool_epoch_of(&p->epochs, 2));
    pool_case_slot(p, 2);
    s = pool_epoch_of(&p->epochs, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->range[1].partition, 1);
    CU_ASSERT_EQUAL(s->range[1].from, 9);
    CU_ASSERT_EQUAL(s->range[1].to, 9);
    CU_ASSERT_EQUAL(s->range[1].mark, 44);
    /* same place, other epoch */
    CU_ASSERT_PTR_NULL(pool_epoch_of(&p->epochs, 4));
    pool_case_slot(p, 3);
    CU_ASSERT_PTR_NOT_NULL(pool_epoch_of(&p->epochs, 2));
    CU_ASSERT_PTR_NOT_NULL(pool_epoch_of(&p->epochs, 3));
    p->epochs.open = 3;
    CU_ASSERT_PTR_EQUAL(pool_epoch_closing(&p->epochs), s);
    CU_ASSERT_EQUAL(pool_epoch_open(&p->epochs)->epoch, 3);
    pool_slot_clear(s);
    CU_ASSERT_PTR_NULL(pool_epoch_of(&p->epochs, 2));
    pool_case_free(p);
}

static void touch(pool *p, int place, size_t device, uint64_t seq)
{
    commit_device *d = &p->own.devices.d[device];

    d->last.seq = seq;
    CU_ASSERT_EQUAL(pool_slot_touch(&p->epochs.slot[place], d), 0);
}

/* Each epoch keeps the newest block of its own, not of the one after. */
static void test_touch(void)
{
    pool *p = pool_case_new();
    pe_error e = {0};
    size_t a = commit_device_find(&p->own.devices, "a", &e);
    size_t b = commit_device_find(&p->own.devices, "b", &e);

    pool_case_slot(p, 2);
    pool_case_slot(p, 3);
    touch(p, 0, a, 10);
    touch(p, 0, b, 20);
    touch(p, 0, a, 11);
    touch(p, 1, a, 12);
    CU_ASSERT_EQUAL(p->epochs.slot[0].n_touch, 2);
    CU_ASSERT_EQUAL(p->epochs.slot[0].touch[0].seq, 11);
    CU_ASSERT_EQUAL(p->epochs.slot[1].touch[0].seq, 12);
    /* The place of one epoch is the next but one's. */
    pool_case_slot(p, 4);
    CU_ASSERT_EQUAL(p->epochs.slot[0].n_touch, 0);
    touch(p, 0, b, 21);
    touch(p, 0, a, 13);
    CU_ASSERT_EQUAL(p->epochs.slot[0].n_touch, 2);
    CU_ASSERT_EQUAL(p->epochs.slot[0].touch[1].seq, 13);
    UNIT_EQUAL(p->epochs.slot[0].touch[1].device, "a");
    CU_ASSERT_EQUAL(p->epochs.slot[1].touch[0].seq, 12);
    pool_case_free(p);
}

static void test_models(void)
{
    pe_error e = {0};
    pe_options *o = pe_model_options("passthrough", &e);
    pool_model *m =
        pool_model_create(pe_model_create("passthrough", o, 4, &e), &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_PTR_EQUAL(pool_model_hold(m), m);
    CU_ASSERT_EQUAL(m->refs, 2);
    pool_model_drop(m);
    CU_ASSERT_EQUAL(m->refs, 1);
    pool_model_drop(m);
    pool_model_drop(NULL);
    CU_ASSERT_PTR_NULL(pool_model_hold(NULL));
    pe_options_destroy(o);
}

/* --- what a helper says --- */

/* In place of the pool's own, by the linker (tests/unit/pool.inc): what it
 * returns; 1: it is the pool's own.
 */
static int work_result = 1;

int __real_pool_work(pool *p, pool_slot *s, const source_item *r);
int __wrap_pool_work(pool *p, pool_slot *s, const source_item *r);

int __wrap_pool_work(pool *p, pool_slot *s, const source_item *r)
{
    return work_result < 1 ? work_result : __real_pool_work(p, s, r);
}

/* A helper of one epoch with a task of [owner]: is it told of as done? */
static bool is_told_done(void)
{
    pool *p = pool_case_new();
    pe_error e = {0};
    pe_buffer m = {0};
    wire_task d;
    int there = 0;

    p->c.comm = MPI_COMM_SELF;
    p->size = 2; /* with itself */
    p->term.phase = PHASE_OPEN;
    p->epochs.open = 3;
    p->sends.comm = MPI_COMM_SELF;
    pool_case_slot(p, 3);
    p->help.asks[0].state = HELP_HERE;
    p->help.asks[0].task = (wire_task){.epoch = 3};
    CU_ASSERT_EQUAL(
        pe_block_reserve(&p->help.asks[0].item.block, 1, 1, PE_F8, &e), 0);
    CU_ASSERT_EQUAL(help_step(p), 1);
    MPI_Iprobe(0, TAG_DONE, MPI_COMM_SELF, &there, MPI_STATUS_IGNORE);
    if (there) {
        CU_ASSERT_EQUAL(pe_buffer_reserve(&m, 64, &e), 0);
        MPI_Recv(m.data, 64, MPI_BYTE, 0, TAG_DONE, MPI_COMM_SELF,
                 MPI_STATUS_IGNORE);
        CU_ASSERT_EQUAL(wire_done_decode(m.data, 64, &d, &e), 0);
        CU_ASSERT_EQUAL(d.epoch, 3);
        pe_buffer_free(&m);
    }
    pe_block_release(&p->help.asks[0].item.block);
    pe_buffer_free(&p->sends.frame);
    pool_case_free(p);
    return there;
}

static void test_help_done(void)
{
    work_result = 0;
    CU_ASSERT_TRUE(is_told_done());
    work_result = -1;
    CU_ASSERT_FALSE(is_told_done());
    work_result = 1;
}

/* --- a term is over, and the state for it comes yet --- */

static void wait_idle(pool *p)
{
    committer_view v;
    int64_t next[2], ends[2];
    uint64_t marks[2];

    do
        committer_look(p->c.committer, &v, next, marks, ends);
    while (v.working);
}

static void test_late_state(void)
{
    pool *p = pool_case_new();
    pe_error e = {0};
    committer_conf c = {.topic = "t",
                        .member = {.name = "w",
                                   .incarnation = "1",
                                   .ranks = 1,
                                   .partitions = 2},
                        .store = pool_store_memory(&e)};

    p->n_partitions = 2;
    p->head = calloc(1, sizeof(*p->head));
    p->head->reached = calloc(2, sizeof(*p->head->reached));
    p->c.committer = committer_start(&c, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p->c.committer);
    p->term.number = 3;
    for (int64_t term = 2; term < 4; term++) {
        committer_load(p->c.committer, term);
        wait_idle(p);
        ship_news(p);
        CU_ASSERT_EQUAL(p->ship.at,
                        term == 3 ? PHASE_SHIP_BUILT : PHASE_SHIP_NONE);
    }
    CU_ASSERT_FALSE(p->fate.failed);
    committer_stop(p->c.committer);
    pe_buffer_free(&p->ship.bytes);
    free(p->head->reached);
    free(p->head);
    pool_case_free(p);
}

/* --- a part that cannot be merged --- */

static int merge_nothing(pe_delta *d, const unsigned char *blob, size_t len,
                         pe_error *errp)
{
    (void)d;
    (void)blob;
    (void)len;
    return pe_error_nomem(errp);
}

/* Its blocks would be lost if the rest of the epoch were committed. */
static void test_part_lost(void)
{
    static const pe_model_ops ops = {.name = "odd",
                                     .merge_blob = merge_nothing};
    params_range range = {NULL, 1, 9, 12, 7};
    wire_part part = {.term = 1,
                      .epoch = 2,
                      .ranges = &range,
                      .n_ranges = 1,
                      .blob = "rows",
                      .blob_len = 4};
    int64_t reached[2] = {0};
    pe_delta d = {0};
    pool_head head = {.reached = reached};
    pool *p = pool_case_new();
    pe_buffer m = {0};
    pe_error e = {0};

    p->size = 1;
    p->n_partitions = 2;
    p->term.number = 1;
    p->term.phase = PHASE_REDUCING;
    p->stages.model = &ops;
    p->head = &head;
    head.job = commit_job_create(2, &e);
    head.job->last_epoch = 2;
    head.job->delta = &d;
    CU_ASSERT_EQUAL(wire_part_encode(&part, &m, &e), 0);
    epoch_take_part(p, &m);
    CU_ASSERT_TRUE(p->fate.failed);
    CU_ASSERT_EQUAL(reached[1], 12);
    epoch_progress(p); /* the ranks have to leave together */
    CU_ASSERT_EQUAL(p->term.phase, PHASE_OPEN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(head.pending);
    epoch_submit(p);
    CU_ASSERT_PTR_NOT_NULL(head.pending);
    head.pending->delta = NULL;
    commit_job_destroy(head.pending);
    pool_case_free(p);
}

/* Is there a part for rank 0?  It is taken. */
static bool has_part(void)
{
    static unsigned char page[POOL_PAGE];
    int there = 0;

    MPI_Iprobe(0, TAG_PART, MPI_COMM_SELF, &there, MPI_STATUS_IGNORE);
    if (there)
        MPI_Recv(page, POOL_PAGE, MPI_BYTE, 0, TAG_PART, MPI_COMM_SELF,
                 MPI_STATUS_IGNORE);
    return there;
}

/* A rank with as many messages under way as there may be does not wait for
 * one to leave: it sends its part when one has.
 */
static void test_part_waits(void)
{
    enum { TAG = 99 };
    pool *p = pool_case_new();
    pe_error e = {0};
    char byte = 0;

    p->size = 2;
    p->rank = 1;
    p->term.phase = PHASE_REDUCING;
    send_init(&p->sends, MPI_COMM_SELF, NULL);
    for (int i = 0; i < POOL_SENDS; i++) {
        p->sends.list[i].used = true;
        MPI_Irecv(&byte, 1, MPI_BYTE, 0, TAG, MPI_COMM_SELF,
                  &p->sends.list[i].req);
    }
    p->sends.n = POOL_SENDS;
    CU_ASSERT_EQUAL(pe_buffer_append(&p->epochs.part, "part", 4, &e), 0);
    CU_ASSERT_EQUAL(send_fill_page(&p->epochs.part, &e), 1);
    epoch_progress(p);
    CU_ASSERT_FALSE(has_part());
    CU_ASSERT_EQUAL(p->term.phase, PHASE_REDUCING);
    MPI_Send(&byte, 1, MPI_BYTE, 0, TAG, MPI_COMM_SELF);
    epoch_progress(p);
    CU_ASSERT_TRUE(has_part());
    CU_ASSERT_PTR_NULL(p->epochs.part.data);
    CU_ASSERT_EQUAL(p->term.phase, PHASE_OPEN);
    for (int i = 1; i < POOL_SENDS; i++)
        MPI_Send(&byte, 1, MPI_BYTE, 0, TAG, MPI_COMM_SELF);
    while (p->sends.n)
        send_test(&p->sends);
    send_fini(&p->sends);
    pool_case_free(p);
}

/* A rank that is not as its protocol has it says so, and how. */
static void test_impossible(void)
{
    pool p = {.rank = 2};

    CU_ASSERT_EQUAL(pool_step(&p, PHASE_ON_WHOLE), PHASE_IMPOSSIBLE);
    CU_ASSERT_TRUE(p.fate.failed);
    UNIT_EQUAL(p.fate.error.text,
               "rank 2 is loading and was told whole: a fault in the pool");
    p.fate.failed = false;
    pool_turn(&p, PHASE_SHIP_ON_TAKEN);
    UNIT_EQUAL(p.fate.error.text,
               "rank 2 cannot turn to a broadcast now: a fault in the pool");
    p.fate.failed = false;
    pool_hear(&p, PHASE_SAYS_STOP);
    CU_ASSERT_TRUE(pool_is_over(&p));
    pool_hear(&p, PHASE_SAYS_STAY);
    UNIT_EQUAL(p.fate.error.text,
               "rank 2 cannot take an order now: a fault in the pool");
}

int main(void)
{
    static const unit_test tests[] = {
        {"a helper says done of what it did", test_help_done},
        {"a state of a term before is dropped", test_late_state},
        {"what cannot be is said", test_impossible},
        {"a part that is lost is not committed", test_part_lost},
        {"a part waits for a place", test_part_waits},
        {"devices by name", test_devices},
        {"devices that may have sent something", test_has_devices},
        {"large messages, in pages", test_pages},
        {"... larger than MPI can count", test_pages_most},
        {"an epoch has one place of two", test_slots},
        {"newest block of a device, by epoch", test_touch},
        {"models are shared", test_models},
        {0},
    };
    int rc;

    MPI_Init(NULL, NULL);
    rc = unit_main("pool", tests);
    MPI_Finalize();
    return rc;
}
