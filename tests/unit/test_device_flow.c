/* test_device_flow.c - a device: back-pressure, schedule, end, resend. */
#include "unit.h"

#include "device_bench.h"
#include "src/common/clock.h"

/* --- back-pressure --- */

static bool is_full(bench *b)
{
    device_stats s = {0};

    device_progress(b->device, &s);
    return s.sensed >= 4;
}

/* Frames of 176 bytes, room for four. */
static void test_device_blocks(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 100);
    b.conf.queue_bytes = 4 * 176;
    fake.hold = true;
    bench_start(&b);
    CU_ASSERT(bench_wait(is_full, &b));
    clock_sleep_ns(30000000, 1);
    device_stats s = {0};
    device_progress(b.device, &s);
    CU_ASSERT_EQUAL(s.sensed, 4); /* and not one more */
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    s = bench_stop(&b);
    CU_ASSERT_EQUAL(s.sent, 100);
    CU_ASSERT_EQUAL(s.dropped, 0);
    CU_ASSERT(s.blocked_ns >= 20000000);
}

static bool all_sensed(bench *b)
{
    device_stats s = {0};

    device_progress(b->device, &s);
    return s.sensed == 100;
}

static void test_device_drops(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 100);
    b.conf.queue_bytes = 4 * 176;
    b.conf.drop = true;
    fake.hold = true;
    bench_start(&b);
    CU_ASSERT(bench_wait(all_sensed, &b)); /* nothing holds the source up */
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    /* Two were under way; of the others the newest are left. */
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 4);
    CU_ASSERT_EQUAL(fake.stored[0].seq, 0);
    CU_ASSERT_EQUAL(fake.stored[1].seq, 1);
    CU_ASSERT_EQUAL(fake.stored[2].seq, 98);
    CU_ASSERT_EQUAL(fake.stored[3].seq, 99);
    device_stats s = bench_stop(&b);
    CU_ASSERT_EQUAL(s.dropped, 96);
    CU_ASSERT_EQUAL(s.sent, 4);
}

static void test_device_client_full(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 200);
    fake.room = 3;
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL(fake.n_stored, 200);
    for (int i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(fake.stored[i].seq, i);
    bench_stop(&b);
}

/* --- schedule --- */

static void test_device_schedule(void)
{
    bench b;
    int64_t from, took;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 20);
    b.conf.rate = 200;
    bench_start(&b);
    from = clock_mono_ns();
    CU_ASSERT(bench_wait(bench_over, &b));
    took = clock_mono_ns() - from;
    CU_ASSERT(took >= 80000000 && took < INT64_C(1000000000));
    for (int i = 1; i < 20; i++)
        CU_ASSERT_EQUAL(fake.stored[i].sense_ns - fake.stored[i - 1].sense_ns,
                        5000000);
    CU_ASSERT(bench_stop(&b).paced_ns > 50000000);
}

/* A source with a schedule of its own: bursts of three, 10 ms apart, the first
 * of them after 20 ms.
 */
static int planned;

static int64_t planned_ns(int i)
{
    return INT64_C(20000000) + i / 3 * INT64_C(10000000);
}

static int plan_open(pe_context *ctx)
{
    planned = 0;
    context_due(ctx, planned_ns(0));
    return bench_count.open ? bench_count.open(ctx) : 0;
}

static int plan_produce(pe_context *ctx, pe_block *out)
{
    context_due(ctx, planned_ns(++planned));
    return bench_count.produce_edge(ctx, out);
}

static void test_device_own_schedule(void)
{
    pe_function source = bench_count;
    int64_t from;
    bench b;

    source.open = plan_open;
    source.produce_edge = plan_produce;
    bench_init(&b, &source, NULL);
    atomic_store(&bench_blocks, 12);
    b.conf.rate = 1; /* which it knows, and its schedule has */
    from = clock_real_ns();
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 12);
    CU_ASSERT(fake.stored[0].sense_ns - from >= 20000000);
    for (int i = 0; i < 12; i++)
        CU_ASSERT_EQUAL(fake.stored[i].sense_ns - fake.stored[0].sense_ns,
                        planned_ns(i) - planned_ns(0));
    bench_stop(&b);
}

/* A broker that stalls and a source that is slow: the stamps are those of the
 * schedule, and the time lost is made good.
 */
static void test_device_omission(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 40);
    b.conf.rate = 1000;
    b.conf.queue_bytes = 4 * 176;
    fake.hold = true;
    bench_start(&b);
    CU_ASSERT(bench_wait(is_full, &b));
    clock_sleep_ns(60000000, 1);
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 40);
    for (int i = 1; i < 40; i++)
        CU_ASSERT_EQUAL(fake.stored[i].sense_ns - fake.stored[i - 1].sense_ns,
                        1000000);
    bench_stop(&b);
}

/* --- cancel --- */

static bool some_stored(bench *b)
{
    (void)b;
    return fake_stored() > 10;
}

static void test_device_cancel(void)
{
    for (int live = 0; live < 2; live++) {
        bench b;
        bench_init(&b, &bench_count, NULL);
        atomic_store(&bench_blocks, 1000000);
        atomic_store(&bench_sleep_ns, 100000);
        b.conf.rereadable = !live;
        bench_start(&b);
        CU_ASSERT(bench_wait(some_stored, &b));
        device_cancel(b.device);
        CU_ASSERT(bench_wait(bench_over, &b));
        CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_ENDED);
        device_stats s = bench_stop(&b);
        CU_ASSERT_EQUAL(s.sent, s.sensed);
        CU_ASSERT_EQUAL((int)s.sent, fake.n_stored);
    }
}

static void test_device_abort(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 4);
    fake.hold = true;
    bench_start(&b);
    CU_ASSERT(bench_wait(is_full, &b));
    device_cancel(b.device); /* waits for acknowledgements */
    clock_sleep_ns(30000000, 1);
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_FLUSHING);
    device_abort(b.device);
    CU_ASSERT(bench_wait(bench_over, &b));
    device_join(b.device);
    sender_close(b.sender);
    CU_ASSERT_EQUAL(device_stats_get(b.device).sent, 0);
    device_destroy(b.device);
    pe_options_destroy(b.options);
}

/* --- a producer that breaks --- */

static void test_device_resend(void)
{
    for (int lose = 0; lose < 3; lose++) {
        bench b;
        bench_init(&b, &bench_count, NULL);
        atomic_store(&bench_blocks, 300);
        atomic_store(&bench_sleep_ns, 20000);
        fake.break_after = 50;
        fake.lose = lose;
        bench_start(&b);
        fake_fail_open(1); /* the broker is away for a while */
        CU_ASSERT(bench_wait(bench_over, &b));
        CU_ASSERT_EQUAL(fake.opened, 2);
        CU_ASSERT_EQUAL_FATAL(fake.n_stored, 300);
        for (int i = 0; i < 300; i++) /* in order, none lost or doubled */
            CU_ASSERT_EQUAL(fake.stored[i].seq, i);
        CU_ASSERT_EQUAL(bench_stop(&b).sent, 300);
    }
}

static bool sender_failed(bench *b)
{
    return sender_error(b->sender, NULL) < 0;
}

static void test_sender_barren(void)
{
    bench b;
    pe_error e = {0};

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 3);
    fake.refuse = true;
    bench_start(&b);
    CU_ASSERT_EQUAL(sender_error(b.sender, &e), 0);
    CU_ASSERT(bench_wait(sender_failed, &b));
    CU_ASSERT_EQUAL(sender_error(b.sender, &e), -1);
    UNIT_EQUAL(e.text, "nothing can be stored, 5 producers broke in a row: "
                       "unknown partition");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    bench_stop(&b);
}

static void test_sender_open(void)
{
    broker_producer_conf conf = {0};
    pe_error e = {0};

    fake_reset();
    fake.open_failures = 1;
    CU_ASSERT_PTR_NULL(sender_open(&fake_ops, &conf, &e));
    UNIT_EQUAL(e.text, "away");
    sender_close(NULL);
}

/* --- who it is --- */

/* A live device senses before it knows its BOOT, and sends nothing. */
static void test_device_boot(void)
{
    tally_slot counts = {0};
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 100);
    b.conf.rereadable = false;
    b.conf.id = (identity){0, 0};
    b.conf.tally = &counts;
    bench_start(&b);
    CU_ASSERT(bench_wait(all_sensed, &b));
    clock_sleep_ns(30000000, 1);
    CU_ASSERT_EQUAL(fake_stored(), 0);
    CU_ASSERT_EQUAL(device_waiting(b.device), 100);
    bool left = true;
    CU_ASSERT_EQUAL(device_set_boot(b.device, 77, &left, NULL), 0);
    CU_ASSERT(!left && device_booted(b.device));
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 100);
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(fake.stored[i].boot, 77);
        CU_ASSERT_EQUAL(fake.stored[i].seq, i);
    }
    /* Whoever comes after a kill sees the same. */
    CU_ASSERT_EQUAL(atomic_load(&counts.boot), 77);
    CU_ASSERT_EQUAL(atomic_load(&counts.sensed), 100);
    CU_ASSERT_EQUAL(atomic_load(&counts.sent), 100);
    CU_ASSERT_EQUAL(device_waiting(b.device), 0);
    bench_stop(&b);
}

/* Blocks at positions 0, 10, 20: a source that can be read again says so. */
static int gap_produce(pe_context *ctx, pe_block *out)
{
    int rc = bench_count.produce_edge(ctx, out);

    if (rc == PE_FORWARD) {
        out->has_seq = 1;
        out->seq = 10 * (uint64_t)pe_block_at(out, 0, 0);
    }
    return rc;
}

static void test_device_positions(void)
{
    pe_function gaps = bench_count;
    bench b;

    gaps.produce_edge = gap_produce;
    for (int live = 0; live < 2; live++) {
        bench_init(&b, &gaps, NULL);
        atomic_store(&bench_blocks, 5);
        b.conf.rereadable = !live;
        bench_start(&b);
        CU_ASSERT(bench_wait(bench_over, &b));
        CU_ASSERT_EQUAL_FATAL(fake.n_stored, 5);
        for (int i = 0; i < 5; i++) /* nobody else's word is taken for it */
            CU_ASSERT_EQUAL(fake.stored[i].seq, live ? i : 10 * i);
        bench_stop(&b);
    }
}

static bool is_stuck(bench *b)
{
    int64_t since;

    return device_at(b->device, &since) != NULL;
}

static bool is_back(bench *b)
{
    return !is_stuck(b);
}

/* The stage that is at work has a name. */
static void test_device_at(void)
{
    int64_t since = 0, from = clock_mono_ns();
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 1);
    atomic_store(&bench_sleep_ns, 200000000);
    bench_start(&b);
    CU_ASSERT(bench_wait(is_stuck, &b));
    const char *stage = device_at(b.device, &since);
    UNIT_EQUAL(stage ? stage : "it came back", "sense");
    CU_ASSERT(since >= from && since <= clock_mono_ns());
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT(bench_wait(is_back, &b));
    bench_stop(&b);
}

/* --- a block at work --- */

static atomic_bool held;

static int hold_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    while (atomic_load(&held))
        clock_sleep_ns(1000000, 0);
    pe_context_pass(ctx, in, out);
    return PE_FORWARD;
}

static bool is_busy(bench *b)
{
    device_stats s = {0};

    device_progress(b->device, &s);
    return s.sensed == 0 && s.busy_ns > 30000000;
}

/* A block that takes long is counted while it is at work, and once. */
static void test_busy(void)
{
    static const pe_function hold = {
        .abi = PE_FUNCTION_ABI, .name = "hold", .process_edge = hold_process};
    device_stats s = {0};
    bench b;

    atomic_store(&held, true);
    bench_init(&b, &bench_count, &hold);
    atomic_store(&bench_blocks, 3);
    bench_start(&b);
    CU_ASSERT(bench_wait(is_busy, &b));
    atomic_store(&held, false);
    CU_ASSERT(bench_wait(bench_over, &b));
    device_progress(b.device, &s);
    CU_ASSERT_EQUAL(s.sensed, 3);
    CU_ASSERT_EQUAL(s.busy_ns, bench_stop(&b).busy_ns);
}

/* --- the same --- */

/* A device that shares its thread does as one that has it for itself. */
static void test_device_fiber(void)
{
    static void (*const same[])(void) = {
        test_device_blocks, test_device_drops,        test_device_client_full,
        test_device_cancel, test_device_abort,        test_device_resend,
        test_device_boot,   test_device_positions,    test_device_schedule,
        test_device_at,     test_device_own_schedule, test_device_omission};

    bench_executor = executor_create(1, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bench_executor);
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
        same[i]();
    executor_destroy(bench_executor);
    bench_executor = NULL;
}

int main(void)
{
    static const unit_test tests[] = {
        {"device: the same on a fiber", test_device_fiber},
        {"a block at work is counted", test_busy},
        {"device: a full queue blocks", test_device_blocks},
        {"device: a full queue drops", test_device_drops},
        {"device: a full client", test_device_client_full},
        {"device: schedule", test_device_schedule},
        {"device: schedule of the source's own", test_device_own_schedule},
        {"device: schedule under back-pressure", test_device_omission},
        {"device: cancel", test_device_cancel},
        {"device: abort", test_device_abort},
        {"device: resend after a break", test_device_resend},
        {"device: no record before its BOOT", test_device_boot},
        {"device: positions of its source", test_device_positions},
        {"device: the stage at work", test_device_at},
        {"sender: nothing can be stored", test_sender_barren},
        {"sender: cannot be opened", test_sender_open},
        {NULL, NULL},
    };

    return unit_main("device flow", tests);
}
