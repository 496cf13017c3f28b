/* test_device_pace.c - which sources a spool holds to the pace of the link. */
#include "unit.h"

#include <string.h>
#include <sys/resource.h>

#include "src/common/clock.h"
#include "src/edge/device_private.h"

/* What the kernel says of this thread. */
static struct rusage said;
static int asked;

int __wrap_getrusage(int who, struct rusage *u);
int __wrap_getrusage(int who, struct rusage *u)
{
    CU_ASSERT_EQUAL(who, RUSAGE_THREAD);
    asked++;
    *u = said;
    return 0;
}

enum { BYTES = 20000 }; /* of a block: at full speed it takes 40 us */

/* A block after [spent_us], of which the thread had the processor for
 * [used_us] and waited [waits] times of its own will.
 */
static void sense(device *d, int64_t spent_us, int64_t used_us, long waits)
{
    spool_senses(d);
    said.ru_utime.tv_usec += used_us;
    said.ru_nvcsw += waits;
    spool_sensed(d, spent_us < 0 ? -1 : spent_us * CLOCK_US, BYTES);
    d->stats.sensed++;
}

/* The first block decides alone; what follows is an average. */
static const struct {
    const char *what;
    int64_t spent_us, used_us;
    long waits;
    double pace_us;
} blocks[] = {
    {"quick", 5, 5, 0, 5},
    {"slow by itself", 300, 290, 0, 290},
    {"others had the processor", 5000, 7, 0, 7},
    {"it waited for its sensor", 300, 7, 1, 300},
    {"it waited long", 1000000, 7, 3, 640},
    {"it had none", -1, 7, 0, 640},
};

static void test_pace(void)
{
    for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
        device d = {.due_ns = -1};

        d.spool.block = BYTES;
        sense(&d, blocks[i].spent_us, blocks[i].used_us, blocks[i].waits);
        CU_ASSERT_DOUBLE_EQUAL(d.spool.pace_ns / 1e3, blocks[i].pace_us, 0.01);
    }
}

/* One that is sure to be quick costs no call; blocks that had to wait for room
 * say nothing.
 */
static void test_looks(void)
{
    device d = {.due_ns = -1};

    d.spool.block = BYTES;
    sense(&d, 5, 5, 0);
    asked = 0;
    sense(&d, 4000, 5, 0);
    CU_ASSERT_EQUAL(asked, 0);
    CU_ASSERT_DOUBLE_EQUAL(d.spool.pace_ns / 1e3, 5 + (640 - 5) / 64.0, 0.01);
    sense(&d, 4000, 5, 0); /* not sure any more */
    CU_ASSERT_EQUAL(asked, 2);
    CU_ASSERT(d.spool.pace_ns < 16e3);
    d.spool.held = true;
    sense(&d, 900000, 9, 7);
    CU_ASSERT(d.spool.pace_ns < 16e3);
    CU_ASSERT(!d.spool.held);
}

/* [d] with a queue of 1 MiB, in which a block lies since [age_ns]. */
static void hold(device *d, int64_t age_ns)
{
    pe_error e = {0};
    queue_slot *slot;

    d->queue = queue_create(1 << 20, 0, &e);
    slot = d->queue ? queue_take(d->queue, &e) : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(slot);
    if (!slot)
        return;
    slot->frame = "";
    slot->len = 1000;
    slot->kept_ns = clock_mono_ns() - age_ns;
    queue_put(d->queue, slot);
}

static const struct {
    const char *what;
    int64_t age_ns;
    uint64_t behind;
    int64_t due_ns;
    double pace_ns;
    bool paces;
} links[] = {
    {"all is under way", 0, 0, -1, 5e3, false},
    {"more than the queue holds", 0, 1, -1, 5e3, true},
    {"a block would get old", 260 * CLOCK_MS, 0, -1, 5e3, true},
    {"... by a slow source", 260 * CLOCK_MS, 0, -1, 1e6, false},
    {"... by one that has a rate", 260 * CLOCK_MS, 0, 7, 5e3, false},
};

static void test_link(void)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        device d = {.due_ns = links[i].due_ns};
        int64_t since = 0;

        d.spool.block = BYTES;
        d.spool.behind = links[i].behind;
        d.spool.pace_ns = links[i].pace_ns;
        hold(&d, links[i].age_ns);
        CU_ASSERT_EQUAL(spool_paces(&d, &since), links[i].paces);
        CU_ASSERT_EQUAL(d.spool.held, links[i].paces);
        queue_destroy(d.queue);
    }
}

/* A link that moves nothing holds nobody: it is what the spool is for. */
static void test_still(void)
{
    device d = {.due_ns = -1};
    int64_t since = 0;

    d.spool.block = BYTES;
    d.spool.behind = 1;
    hold(&d, 0);
    CU_ASSERT(spool_paces(&d, &since));
    since -= 300 * CLOCK_MS;
    CU_ASSERT(!spool_paces(&d, &since));
    CU_ASSERT(!spool_paces(&d, &since));
    d.stats.sent = 1; /* it moves again */
    CU_ASSERT(spool_paces(&d, &since));
    queue_destroy(d.queue);
}

int main(void)
{
    static const unit_test tests[] = {
        {"pace: what of the time is the source's", test_pace},
        {"pace: who is looked at", test_looks},
        {"pace: whom the link holds", test_link},
        {"pace: a link that stands still", test_still},
        {0},
    };

    return unit_main("device pace", tests);
}
