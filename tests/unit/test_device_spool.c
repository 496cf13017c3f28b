/* test_device_spool.c - a device whose blocks are on its disk first. */
#include "unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "device_bench.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"

enum { QUEUE = 4 * 176 }; /* room for four blocks */

static atomic_int_fast64_t back_ns;

int64_t __real_clock_real_ns(void);
int64_t __wrap_clock_real_ns(void);
int64_t __wrap_clock_real_ns(void)
{
    return __real_clock_real_ns() - atomic_load(&back_ns);
}

static spool_found found;
static bool drops; /* what a full one does */

/* A live device "dev-0" with a spool of [size] bytes, and its BOOT. */
static void begin(bench *b, uint64_t size, uint64_t boot, int blocks)
{
    char dir[300];
    spool_conf c = {dir, "r1", "dev-0", size, SPOOL_SECOND};
    pe_error e = {0};
    bool left;

    snprintf(dir, sizeof(dir), "%s/spool", scratch_folder);
    bench_init(b, &bench_count, NULL);
    atomic_store(&bench_blocks, blocks);
    b->conf.rereadable = false;
    b->conf.id = (identity){0, 0};
    b->conf.queue_bytes = QUEUE;
    b->conf.spool = spool_open(&c, &found, &e);
    b->conf.spool_bytes = size;
    b->conf.spool_drop = drops;
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->conf.spool);
    fake_hold(true);
    bench_start(b);
    if (!boot)
        return;
    for (left = true; left; boot++)
        CU_ASSERT_EQUAL(device_set_boot(b->device, boot, &left, &e), 0);
}

static device_stats end(bench *b)
{
    device_stats s = bench_stop(b);

    spool_close(b->conf.spool);
    CU_ASSERT_EQUAL(s.sensed + s.carried,
                    s.sent + s.filtered + s.dropped + s.spooled + s.lost);
    return s;
}

static void clear(void)
{
    char dir[300];

    snprintf(dir, sizeof(dir), "%s/spool", scratch_folder);
    file_remove_tree(dir, NULL);
}

static bool all_sensed(bench *b)
{
    device_stats s = {0};

    device_progress(b->device, &s);
    return s.sensed == (uint64_t)atomic_load(&bench_blocks);
}

/* What is stored from record [from] on are blocks 0 to n - 1 of [boot]. */
static void check_stored(int from, int n, int64_t boot)
{
    for (int i = 0; i < n; i++) {
        const fake_record *r = &fake.stored[from + i];

        CU_ASSERT_EQUAL(r->seq, i);
        CU_ASSERT_EQUAL(r->boot, boot);
        CU_ASSERT_EQUAL(r->first, (double)i);
        CU_ASSERT_EQUAL(r->points, 3);
        UNIT_EQUAL(r->stage, "sense");
        CU_ASSERT(!strncmp(r->source, "f:", 2));
    }
}

/* Many more than the queue holds, without a broker; then it answers. */
static void test_behind(void)
{
    device_stats s = {0};
    bench b;

    begin(&b, 4 << 20, 5, 500);
    CU_ASSERT(bench_wait(all_sensed, &b)); /* nothing holds the source up */
    device_progress(b.device, &s);
    CU_ASSERT_EQUAL(s.spooled, 500);
    CU_ASSERT_EQUAL(device_waiting(b.device), 500);
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 500);
    check_stored(0, 500, 5);
    s = end(&b);
    CU_ASSERT_EQUAL(s.sent, 500);
    CU_ASSERT_EQUAL(s.spooled, 0);
}

/* An agent that ends with all of it on the disk, and two behind it: the first
 * never had a BOOT.
 */
static void test_next(void)
{
    device_stats s;
    bench b;

    begin(&b, 4 << 20, 0, 40);
    CU_ASSERT(bench_wait(all_sensed, &b));
    s = end(&b);
    CU_ASSERT_EQUAL(s.spooled, 40);
    begin(&b, 4 << 20, 21, 30); /* 21 is of the one before */
    CU_ASSERT_EQUAL(found.records, 40);
    CU_ASSERT(bench_wait(all_sensed, &b));
    s = end(&b);
    CU_ASSERT_EQUAL(s.carried, 40);
    CU_ASSERT_EQUAL(s.spooled, 70);
    begin(&b, 4 << 20, 33, 20);
    CU_ASSERT_EQUAL(found.records, 70);
    CU_ASSERT_EQUAL(found.boot, 22);
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 90);
    check_stored(0, 40, 21);
    check_stored(40, 30, 22);
    check_stored(70, 20, 33);
    s = end(&b);
    CU_ASSERT_EQUAL(s.sent, 90);
}

/* A source that waits where the disk has no more room. */
static bool is_held(bench *b)
{
    char why[DEVICE_FULL];

    return device_spool_full(b->device, why) > 0 &&
           !strcmp(why, "it has the size that it may have");
}

static void test_blocks(void)
{
    device_stats s = {0};
    bench b;

    begin(&b, 64 << 10, 5, 400);
    CU_ASSERT(bench_wait(is_held, &b));
    device_progress(b.device, &s);
    CU_ASSERT(s.sensed > 100 && s.sensed < 300);
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 400);
    check_stored(0, 400, 5);
    s = end(&b);
    CU_ASSERT_EQUAL(s.dropped, 0);
    CU_ASSERT(s.blocked_ns > 0);
}

/* Or the oldest go, files at a time, and are counted. */
static void test_drops(void)
{
    device_stats s;
    bench b;
    int64_t last = -1;

    drops = true;
    begin(&b, 512 << 10, 5, 3000);
    drops = false;
    CU_ASSERT(bench_wait(all_sensed, &b)); /* it never waits */
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    for (int i = 0; i < fake.n_stored; i++) {
        CU_ASSERT(fake.stored[i].seq > last);
        last = fake.stored[i].seq;
    }
    CU_ASSERT_EQUAL(last, 2999);            /* the newest is there */
    CU_ASSERT_EQUAL(fake.stored[0].seq, 0); /* what was under way, too */
    s = end(&b);
    CU_ASSERT(s.dropped > 500);
    CU_ASSERT_EQUAL(s.dropped + s.sent, 3000);
}

/* A drain without a broker leaves it where it is. */
static void test_left(void)
{
    device_stats s;
    bench b;

    begin(&b, 4 << 20, 5, 1 << 30);
    while (device_waiting(b.device) < 100)
        clock_sleep_ns(1000000, 0);
    device_cancel(b.device);
    clock_sleep_ns(20000000, 1);
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_FLUSHING);
    device_leave(b.device);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_ENDED);
    s = end(&b);
    CU_ASSERT_EQUAL(s.spooled, s.sensed);
    begin(&b, 4 << 20, 6, 0);
    CU_ASSERT_EQUAL(found.records, s.sensed);
    end(&b);
    clear();
}

/* A broker that breaks on the way gets what it did not store again. */
static void test_breaks(void)
{
    device_stats s;
    bench b;

    begin(&b, 4 << 20, 5, 300);
    CU_ASSERT(bench_wait(all_sensed, &b));
    fake.break_after = 50;
    fake.lose = 3;
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 300);
    check_stored(0, 300, 5);
    s = end(&b);
    CU_ASSERT_EQUAL(s.sent, 300);
}

/* A clock that goes back a year while blocks wait, and is back in the next
 * life: nothing goes by it.
 */
static bool has_begun(bench *b)
{
    device_stats s = {0};

    device_progress(b->device, &s);
    return s.sensed > 0;
}

static void test_clock(void)
{
    const int64_t year = 365 * 24 * 3600 * CLOCK_S;
    device_stats s;
    bench b;

    begin(&b, 4 << 20, 5, 2000);
    CU_ASSERT(bench_wait(has_begun, &b));
    atomic_store(&back_ns, year);
    CU_ASSERT(bench_wait(all_sensed, &b));
    s = end(&b);
    CU_ASSERT_EQUAL(s.spooled, 2000);
    begin(&b, 4 << 20, 9, 50);
    CU_ASSERT_EQUAL(found.records, 2000);
    CU_ASSERT_EQUAL(found.lost, 0);
    CU_ASSERT(bench_wait(all_sensed, &b));
    atomic_store(&back_ns, 0);
    fake_hold(false);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 2050);
    check_stored(0, 2000, 5);
    check_stored(2000, 50, 9);
    s = end(&b);
    CU_ASSERT_EQUAL(s.sent, 2050);
    CU_ASSERT_EQUAL(s.lost, 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"device: more than its queue holds", test_behind},
        {"device: what an agent before has left", test_next},
        {"device: a full spool holds its source up", test_blocks},
        {"device: ... or drops the oldest", test_drops},
        {"device: a drain leaves what is spooled", test_left},
        {"device: a producer that breaks", test_breaks},
        {"device: a clock that goes back a year", test_clock},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("device spool", tests);
    scratch_remove();
    return status;
}
