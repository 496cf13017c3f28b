/* test_queue.c - the queue of a device, and its identity. */
#include "unit.h"

#include <pthread.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/sender/identity.h"
#include "src/sender/queue.h"

/* --- queue --- */

/* Put a block of [len] bytes with sequence number [seq]. */
static queue_slot *put(queue *q, uint64_t seq, size_t len)
{
    queue_slot *slot = queue_take(q, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(slot);
    slot->block.seq = seq;
    slot->block.points = 2;
    slot->len = len;
    queue_put(q, slot);
    return slot;
}

/* Sequence number of the next block to send, which is sent; -1: none. */
static int64_t send_next(queue *q)
{
    queue_slot *slot = queue_next(q);

    if (!slot)
        return -1;
    queue_sent(q);
    return (int64_t)slot->block.seq;
}

static void test_queue_order(void)
{
    queue *q = queue_create(1000, 0, NULL);
    queue_slot *s[3];

    CU_ASSERT_EQUAL(send_next(q), -1);
    CU_ASSERT_FALSE(queue_full(q));
    CU_ASSERT_EQUAL(queue_stats_get(q).next_offset, -1);
    for (int i = 0; i < 3; i++)
        s[i] = put(q, (uint64_t)i, 100);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(send_next(q), i);
    CU_ASSERT_EQUAL(send_next(q), -1);
    queue_delivered(s[1], 41); /* not the oldest: kept */
    CU_ASSERT_EQUAL(queue_pending(q), 3);
    queue_delivered(s[0], 40);
    CU_ASSERT_EQUAL(queue_pending(q), 1);
    CU_ASSERT_EQUAL(queue_stats_get(q).next_offset, 42);
    CU_ASSERT_EQUAL(queue_stats_get(q).stored, 2);
    CU_ASSERT_EQUAL(queue_stats_get(q).stored_points, 4);
    CU_ASSERT_EQUAL(queue_stats_get(q).stored_bytes, 200);
    CU_ASSERT_PTR_EQUAL(queue_take(q, NULL), s[1]); /* memory is used again */
    queue_give(q, s[1]);
    queue_destroy(q);
    queue_destroy(NULL);
}

static void test_queue_limit(void)
{
    queue *q = queue_create(1000, 0, NULL);

    put(q, 0, 5000); /* two blocks, whatever their size */
    CU_ASSERT_FALSE(queue_full(q));
    put(q, 1, 5000);
    CU_ASSERT(queue_full(q));
    queue_destroy(q);

    q = queue_create(1000, 0, NULL);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_FALSE(queue_full(q));
        put(q, (uint64_t)i, 100);
    }
    CU_ASSERT(queue_full(q));
    queue_destroy(q);

    q = queue_create(UINT64_MAX / 2, 0, NULL); /* the number of slots */
    int n = 0;
    while (!queue_full(q))
        put(q, (uint64_t)n++, 1);
    CU_ASSERT_EQUAL(n, 4095);
    put(q, 4095, 1); /* the one of a cancel */
    for (int i = 0; i < 4096; i++)
        CU_ASSERT_EQUAL(send_next(q), i);
    queue_destroy(q);
}

/* The oldest block that was never handed over goes, and no other. */
static void test_queue_drop(void)
{
    queue *q = queue_create(1000, 500, NULL);
    queue_slot *first = NULL;

    for (int i = 0; i < 10; i++) {
        queue_slot *s = put(q, (uint64_t)i, 100);
        first = first ? first : s;
    }
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(send_next(q), i);
    CU_ASSERT_EQUAL(send_next(q), -1); /* the window */
    CU_ASSERT(queue_full(q));
    CU_ASSERT(queue_drop(q)); /* 5 */
    CU_ASSERT_FALSE(queue_full(q));
    put(q, 10, 100);
    queue_delivered(first, 7);
    CU_ASSERT_EQUAL(queue_pending(q), 9);
    CU_ASSERT_EQUAL(send_next(q), 6);
    CU_ASSERT_EQUAL(queue_stats_get(q).dropped, 1);
    while (queue_drop(q))
        ;
    CU_ASSERT_EQUAL(queue_stats_get(q).dropped, 5); /* 7 8 9 10 besides */
    CU_ASSERT_EQUAL(queue_pending(q), 5);
    queue_destroy(q);
}

static void test_queue_rewind(void)
{
    queue *q = queue_create(10000, 0, NULL);
    queue_slot *s[6];

    for (int i = 0; i < 6; i++)
        s[i] = put(q, (uint64_t)i, 100);
    for (int i = 0; i < 4; i++)
        send_next(q);
    queue_delivered(s[0], 10);
    queue_delivered(s[1], -1);
    queue_delivered(s[2], -1);
    queue_delivered(s[3], -1);
    CU_ASSERT_EQUAL(queue_pending(q), 5);
    queue_rewind(q);
    CU_ASSERT_EQUAL(send_next(q), 1);
    queue_delivered(s[1], -1);
    queue_rewind(q); /* twice, in the middle: the order stays */
    for (int i = 1; i < 6; i++)
        CU_ASSERT_EQUAL(send_next(q), i);
    for (int i = 1; i < 6; i++)
        queue_delivered(s[i], 10 + i);
    CU_ASSERT_EQUAL(queue_pending(q), 0);
    CU_ASSERT_EQUAL(queue_stats_get(q).next_offset, 16);
    CU_ASSERT_EQUAL(queue_stats_get(q).stored, 6);
    /* What was handed over once may be stored: it is not dropped. */
    put(q, 6, 100);
    send_next(q);
    queue_rewind(q);
    CU_ASSERT_FALSE(queue_drop(q));
    queue_destroy(q);
}

/* Idle memory stays below the limit although blocks change their size. */
static void test_queue_memory(void)
{
    queue *q = queue_create(100000, 0, NULL);
    queue_slot *s[20];
    int kept = 0;

    for (int i = 0; i < 20; i++) {
        s[i] = queue_take(q, NULL);
        pe_block_reserve(&s[i]->block, 1000, 1, PE_F8, NULL);
    }
    for (int i = 0; i < 20; i++)
        queue_give(q, s[i]);
    for (int i = 0; i < 20; i++) {
        s[i] = queue_take(q, NULL);
        kept += s[i]->block.capacity > 0;
    }
    CU_ASSERT(kept > 0 && kept <= 12);
    for (int i = 0; i < 20; i++)
        queue_give(q, s[i]);
    queue_destroy(q);
}

static void test_queue_source(void)
{
    queue *q = queue_create(1000, 0, NULL);
    queue_slot *slot = queue_take(q, NULL);
    char text[16] = "a.csv:100";

    CU_ASSERT_EQUAL(queue_keep_source(slot, NULL), 0);
    CU_ASSERT_PTR_NULL(slot->block.source);
    slot->block.source = text;
    CU_ASSERT_EQUAL(queue_keep_source(slot, NULL), 0);
    text[0] = 'X';
    UNIT_EQUAL(slot->block.source, "a.csv:100");
    CU_ASSERT_EQUAL(queue_keep_source(slot, NULL), 0); /* its own already */
    UNIT_EQUAL(slot->block.source, "a.csv:100");
    queue_give(q, slot);
    queue_destroy(q);
}

static void *deliver_later(void *arg)
{
    queue_slot **s = arg;

    clock_sleep_ns(20000000, 1);
    for (int i = 0; i < 8; i++)
        queue_delivered(s[i], i);
    return NULL;
}

static void test_queue_wait(void)
{
    queue *q = queue_create(10000, 0, NULL);
    queue_slot *s[8];
    int64_t from = clock_mono_ns();
    pthread_t thread;

    queue_wait(q, 10000000); /* nothing is under way: the time-out */
    CU_ASSERT(clock_mono_ns() - from >= 10000000);
    for (int i = 0; i < 8; i++) {
        s[i] = put(q, (uint64_t)i, 100);
        send_next(q);
    }
    CU_ASSERT_EQUAL(pthread_create(&thread, NULL, deliver_later, s), 0);
    from = clock_mono_ns();
    queue_wait(q, INT64_C(5000000000));
    CU_ASSERT(clock_mono_ns() - from < INT64_C(2000000000));
    CU_ASSERT(queue_pending(q) < 8);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(queue_pending(q), 0);
    queue_destroy(q);
}

static void *wake_later(void *arg)
{
    clock_sleep_ns(20000000, 1);
    queue_wake(arg);
    return NULL;
}

/* Whatever else there is to do: it ends a wait, and the next one begins anew.
 */
static void test_queue_wake(void)
{
    queue *q = queue_create(10000, 0, NULL);
    int64_t from = clock_mono_ns();
    pthread_t thread;

    CU_ASSERT(!queue_unsent(q));
    put(q, 0, 100);
    CU_ASSERT(queue_unsent(q));
    send_next(q);
    CU_ASSERT(!queue_unsent(q));
    queue_wake(q); /* it comes first */
    queue_wait(q, INT64_C(60000000000));
    CU_ASSERT_EQUAL(pthread_create(&thread, NULL, wake_later, q), 0);
    queue_wait(q, INT64_C(60000000000));
    pthread_join(thread, NULL);
    CU_ASSERT(clock_mono_ns() - from < INT64_C(60000000000));
    from = clock_mono_ns();
    queue_wait(q, 10000000);
    CU_ASSERT(clock_mono_ns() - from >= 10000000);
    queue_rewind(q);
    CU_ASSERT(queue_unsent(q));
    queue_destroy(q);
}

/* --- identity --- */

static void test_identity(void)
{
    params_device known[] = {
        {"dev-0", 0, 1, 41}, {"dev-1", 1, 5000, 7}, {"dev-2", 2, 9000000, 7}};
    params_state s = {.devices = known, .n_devices = 3};
    static const struct {
        identity_facts d;
        uint64_t boot, first, known;
        const char *error;
    } rows[] = {
        {{"dev-0", 0, true}, 1, 42, 1, NULL},
        {{"dev-9", 9, true}, 1, 0, 0, NULL},
        {{"dev-9", 9, false}, 0, 0, 0, NULL},
        {{"dev-0", 0, false}, 0, 0, 1, NULL},
        {{"dev-1", 1, false}, 0, 0, 5000, NULL},
        {{"dev-2", 2, false}, 0, 0, 9000000, NULL},
        {{"dev-0", 3, true},
         0,
         0,
         0,
         "device dev-0 is fixed to partition 0 in this run and would now have "
         "3; give the run its number of partitions back, or start a new run"},
        {{"dev-1", 1, true},
         0,
         0,
         0,
         "device dev-1 had a live source in this run (boot 5000) and now has "
         "one that can be read again; start a new run"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        identity id = {0};
        pe_error e = {0};
        uint64_t boot = 0;
        int rc = identity_of(&s, &rows[i].d, &id, &boot, &e);
        CU_ASSERT_EQUAL(rc, rows[i].error ? -1 : 0);
        CU_ASSERT_EQUAL(id.boot, rows[i].boot);
        CU_ASSERT_EQUAL(id.first, rows[i].first);
        CU_ASSERT_EQUAL(boot, rows[i].known);
        if (rows[i].error) {
            UNIT_EQUAL(e.text, rows[i].error);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        }
    }
}

static void test_identity_offset(void)
{
    params_offset known[] = {{"t", 0, 10, 0}, {"t", 1, 20, 0}, {"u", 2, 30, 0}};
    params_state s = {.offsets = known, .n_offsets = 3};

    CU_ASSERT_EQUAL(identity_offset(&s, "t", 1), 20);
    CU_ASSERT_EQUAL(identity_offset(&s, "t", 2), 0);
    CU_ASSERT_EQUAL(identity_offset(&s, "u", 2), 30);
}

static void test_identity_due(void)
{
    CU_ASSERT_EQUAL(identity_due_ns(100, 4, 0), 100);
    CU_ASSERT_EQUAL(identity_due_ns(100, 4, 1), 250000100);
    /* A rate that is no whole number of nanoseconds does not drift. */
    CU_ASSERT_EQUAL(identity_due_ns(0, 3, 3000000), INT64_C(1000000000000000));
}

int main(void)
{
    static const unit_test tests[] = {
        {"queue: order and counts", test_queue_order},
        {"queue: limits", test_queue_limit},
        {"queue: drop the oldest", test_queue_drop},
        {"queue: rewind", test_queue_rewind},
        {"queue: memory", test_queue_memory},
        {"queue: source", test_queue_source},
        {"queue: wait", test_queue_wait},
        {"queue: wake", test_queue_wake},
        {"identity", test_identity},
        {"identity: offset", test_identity_offset},
        {"identity: schedule", test_identity_due},
        {NULL, NULL},
    };

    return unit_main("queue", tests);
}
