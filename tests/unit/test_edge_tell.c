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

/* Figures that stand still are said to, with the server that holds them up. */
static void test_waits(void)
{
    static const struct {
        int seconds; /* since the look before */
        uint64_t sent, left;
        bool booted;
        const char *stage, *why; /* "": it waits for none */
    } rows[] = {
        {1, 0, 3, true, NULL, ""}, /* the first look */
        {4, 0, 3, true, NULL, ""},
        {1, 0, 3, true, NULL, "3 blocks are not acknowledged by the broker"},
        {60, 0, 1, true, NULL, "1 block is not acknowledged by the broker"},
        {1, 1, 1, true, NULL, ""}, /* it goes on */
        {4, 1, 9, true, NULL, ""},
        {2, 1, 9, true, "score", ""}, /* that takes its time itself */
        {4, 1, 9, true, NULL, ""},
        {2, 1, 0, true, NULL, ""}, /* the source has nothing */
        {60, 1, 0, true, NULL, ""},
        {1, 1, 2, true, NULL, ""},
        {6, 1, 2, false, NULL,
         "the parameter service does not answer, and is asked before the first "
         "of 2 blocks is sent"},
        {1, 1, 1, false, NULL, "before the first of 1 block is sent"},
    };
    agent a = begin(false);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        report_waits w = {0};
        int64_t real = clock_real_ns();

        now += rows[i].seconds * S;
        unacked = rows[i].left;
        a.booted = rows[i].booted;
        stage = rows[i].stage;
        since = now - 10 * S;
        CU_ASSERT_EQUAL(agent_waits(&a, rows[i].sent, &w), *rows[i].why != 0);
        UNIT_CONTAINS(w.why, rows[i].why);
        if (!*rows[i].why)
            continue;
        /* Since when, by the clock on the wall. */
        CU_ASSERT(w.since_ns <= clock_real_ns() - 5 * S);
        CU_ASSERT(w.since_ns >= real - 100 * S);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"blocks that are not acknowledged, once", test_unacked},
        {"a stage that does not come back", test_stage},
        {"one behind the other", test_both},
        {"what figures that stand still wait for", test_waits},
        {NULL, NULL},
    };

    return unit_main("edge_tell", tests);
}
