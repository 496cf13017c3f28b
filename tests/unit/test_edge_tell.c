/* test_edge_tell.c - what an agent says of devices that are late.
 *
 * Its clock, its devices and what it tells are this test's, by the linker.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/edge/agent_private.h"
#include "src/edge/report.h"

#define S INT64_C(1000000000)

static int64_t now;
static const char *stage; /* that is at work since [since]; NULL: none */
static int64_t since;
static uint64_t unacked;
static char said[2048];

int64_t __wrap_clock_mono_ns(void);
const char *__wrap_device_at(const device *d, int64_t *since_nsp);
uint64_t __wrap_device_waiting(const device *d);
void __wrap_report_note(const char *pilot, const char *text);

int64_t __wrap_clock_mono_ns(void)
{
    return now;
}

const char *__wrap_device_at(const device *d, int64_t *since_nsp)
{
    (void)d;
    *since_nsp = since;
    return stage;
}

uint64_t __wrap_device_waiting(const device *d)
{
    (void)d;
    return unacked;
}

void __wrap_report_note(const char *pilot, const char *text)
{
    size_t n = strlen(said);

    (void)pilot;
    snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static agent_device one = {.name = "d-0"};

/* An agent for [seconds], looked at every half of one. */
static void pass(agent *a, int seconds)
{
    for (int i = 0; i < 2 * seconds; i++) {
        now += S / 2;
        agent_tell_late(a);
    }
}

static agent begin(bool draining)
{
    now = 1000 * S;
    stage = NULL;
    unacked = 0;
    said[0] = '\0';
    return (agent){
        .pilot = "edge", .devices = &one, .n = 1, .draining = draining};
}

static void test_unacked(void)
{
    agent a = begin(false);

    unacked = 7;
    pass(&a, 60);
    UNIT_EQUAL(said, ""); /* as long as it is not to end that is no matter */
    a.draining = true;
    pass(&a, 60);
    UNIT_EQUAL(said, "pilot edge: 7 blocks are not acknowledged by the broker "
                     "yet; it is waited for\n");
}

static void test_stage(void)
{
    agent a = begin(false);

    stage = "score";
    since = now;
    pass(&a, 45);
    UNIT_EQUAL(said, "device d-0: stage 'score' has not come back for 6 s\n"
                     "device d-0: stage 'score' has not come back for 11 s\n"
                     "device d-0: stage 'score' has not come back for 22 s\n"
                     "device d-0: stage 'score' has not come back for 44 s\n");
}

/* That the broker is waited for was said; what is new is said, too. */
static void test_both(void)
{
    agent a = begin(true);

    unacked = 1;
    pass(&a, 20);
    stage = "score";
    since = now;
    pass(&a, 7);
    UNIT_CONTAINS(said, "1 block is not acknowledged");
    UNIT_CONTAINS(said, "yet; it is waited for\ndevice d-0: stage 'score'");
}

int main(void)
{
    static const unit_test tests[] = {
        {"blocks that are not acknowledged, once", test_unacked},
        {"a stage that does not come back", test_stage},
        {"one behind the other", test_both},
        {NULL, NULL},
    };

    return unit_main("edge_tell", tests);
}
