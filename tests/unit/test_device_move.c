/* test_device_move.c - stages that come to a device, or leave it. */
#include "unit.h"

#include <stdio.h>

#include "device_bench.h"
#include "src/common/clock.h"

/* --- a stage of a user that may not open --- */

static atomic_int opened, closed, fails;

static int lens_open(pe_context *ctx)
{
    if (atomic_load(&fails))
        return pe_context_fail(ctx, "no lens here");
    atomic_fetch_add(&opened, 1);
    return 0;
}

static void lens_close(pe_context *ctx)
{
    (void)ctx;
    atomic_fetch_add(&closed, 1);
}

static int lens_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    pe_context_pass(ctx, in, out);
    out->points = in->points - 1;
    return PE_FORWARD;
}

static const pe_function lens = {.abi = PE_FUNCTION_ABI,
                                 .open = lens_open,
                                 .close = lens_close,
                                 .process_edge = lens_process};

static void start(bench *b, size_t n, int fail)
{
    bench_init(b, &bench_count, &lens);
    b->conf.n_stages = n;
    b->conf.cap_stages = 2;
    atomic_store(&bench_blocks, 4000);
    atomic_store(&bench_sleep_ns, 1000000);
    atomic_store(&fails, fail);
    atomic_store(&opened, 0);
    atomic_store(&closed, 0);
    bench_start(b);
}

static size_t awaited;

static bool has_moved(bench *b)
{
    pe_error why;

    return device_through(b->device, &why) == awaited;
}

static bool has_failed(bench *b)
{
    pe_error why;

    device_through(b->device, &why);
    return why.kind != PE_ERROR_NONE;
}

static bool is_stored(bench *b)
{
    (void)b;
    return fake_stored() >= (int)awaited;
}

static void more(bench *b, int n)
{
    awaited = (size_t)(fake_stored() + n);
    CU_ASSERT(bench_wait(is_stored, b));
}

static void move(bench *b, size_t n)
{
    device_move(b->device, n);
    awaited = n;
    CU_ASSERT(bench_wait(has_moved, b));
}

/* Every record says what it has been through, whenever it was sent: those that
 * were queued before as they were then.
 */
static void check_records(int *onep, int *twop)
{
    for (int i = 0; i < fake.n_stored; i++) {
        bool two = fake.stored[i].points == 2;

        UNIT_EQUAL(fake.stored[i].stage, two ? "infer" : "sense");
        CU_ASSERT_EQUAL(fake.stored[i].seq, i);
        *(two ? twop : onep) += 1;
    }
}

static void test_to_and_fro(void)
{
    int one = 0, two = 0;
    bench b;

    start(&b, 2, 0);
    more(&b, 5);
    fake_hold(true);
    move(&b, 1);
    move(&b, 2);
    fake_hold(false);
    more(&b, 20);
    move(&b, 1);
    more(&b, 5);
    bench_stop(&b);
    check_records(&one, &two);
    CU_ASSERT(one >= 4);
    CU_ASSERT(two >= 10);
    CU_ASSERT_EQUAL(atomic_load(&opened), 2);
    CU_ASSERT_EQUAL(atomic_load(&closed), 2);
}

/* One that cannot be opened stays away; the device goes on as it was. */
static void test_stays(void)
{
    int one = 0, two = 0;
    pe_error why;
    bench b;

    start(&b, 1, 1);
    more(&b, 5);
    device_move(b.device, 2);
    CU_ASSERT(bench_wait(has_failed, &b));
    CU_ASSERT_EQUAL(device_through(b.device, &why), 1);
    UNIT_EQUAL(why.text, "device dev-0, stage 'infer': no lens here");
    more(&b, 5);
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_SENSING);
    device_move(b.device, 1); /* what was said of it is over */
    CU_ASSERT_FALSE(has_failed(&b));
    atomic_store(&fails, 0);
    move(&b, 2);
    more(&b, 5);
    bench_stop(&b);
    check_records(&one, &two);
    CU_ASSERT(one >= 10);
    CU_ASSERT(two >= 5);
}

static void test_parts(void)
{
    bench_executor = executor_create(1, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bench_executor);
    test_to_and_fro();
    test_stays();
    executor_destroy(bench_executor);
    bench_executor = NULL;
}

int main(void)
{
    static const unit_test tests[] = {
        {"to and fro between two blocks", test_to_and_fro},
        {"a stage that cannot be opened", test_stays},
        {"a stage that may wait, of a device that shares its thread",
         test_parts},
        {NULL, NULL},
    };

    return unit_main("device move", tests);
}
