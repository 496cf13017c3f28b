/* test_edge_stall.c - an edge pilot that has blocks, and none of them moves.
 *
 * Its clocks, its devices and what it tells are this test's, by the linker.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/edge/agent_private.h"
#include "src/edge/report.h"

#define S INT64_C(1000000000)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define REAL (1000000 * S) /* the clock on the wall is ahead by so much */

enum { DEVICES = 3 };

/* A device is at work on [stage] for [seconds]. */
struct work {
    const char *stage; /* NULL: it is not */
    double seconds;
};

static int64_t now;
static struct work work[DEVICES];
static char said[2048];

int64_t __wrap_clock_mono_ns(void);
int64_t __wrap_clock_real_ns(void);
const char *__wrap_device_at(const device *d, int64_t *since_nsp);
bool __wrap_device_learns(const device *d, device_learned *out);
void __wrap_report_note(const char *pilot, const char *text);

int64_t __wrap_clock_mono_ns(void)
{
    return now;
}

int64_t __wrap_clock_real_ns(void)
{
    return REAL + now;
}

const char *__wrap_device_at(const device *d, int64_t *since_nsp)
{
    const struct work *w = (const struct work *)d;

    *since_nsp = now - (int64_t)(w->seconds * 1e9);
    return w->stage;
}

/* They are no devices: nobody looks into them. */
bool __wrap_device_learns(const device *d, device_learned *out)
{
    (void)d;
    (void)out;
    return false;
}

void __wrap_report_note(const char *pilot, const char *text)
{
    size_t n = strlen(said);

    UNIT_EQUAL(pilot, "edge");
    snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static pipeline pl;
static agent_device devices[DEVICES];

static agent begin(double stall_s)
{
    agent a = {.pilot = "edge",
               .pl = &pl,
               .devices = devices,
               .n = DEVICES,
               .booted = true};

    pl.stall_s = stall_s;
    a.plan.stages[0].setup.stage = "sense";
    now = 1000 * S;
    said[0] = '\0';
    memset(work, 0, sizeof(work));
    for (int i = 0; i < DEVICES; i++) {
        devices[i].device = (device *)&work[i];
        snprintf(devices[i].name, sizeof(devices[i].name), "d-%d", i);
    }
    return a;
}

/* What is waited for since [seconds]. */
static report_waits waits_of(double seconds, const char *why)
{
    report_waits w = {.since_ns = REAL + now - (int64_t)(seconds * 1e9)};

    snprintf(w.why, sizeof(w.why), "%s", why);
    return w;
}

static void test_hops(void)
{
    static const struct {
        double stall_s, waits_s; /* < 0: for nobody */
        bool booted;
        struct work work[DEVICES];
        const char *hop, *text; /* NULL: it moves */
        double since_s;
    } rows[] = {
        /* --- nothing --- */
        {30, -1, true, {{0}}, NULL, "", 0},
        {30, -1, false, {{0}}, NULL, "", 0},
        {0, 1e5, true, {{"score", 1e5}}, NULL, "", 0}, /* never */
        {-1, 1e5, true, {{"score", 1e5}}, NULL, "", 0},
        /* --- a server --- */
        {30, 29.9, true, {{0}}, NULL, "", 0},
        {30, 30, true, {{0}}, "broker", "why", 30},
        {30, 30, false, {{0}}, "params", "why", 30},
        {0.5, 0.5, true, {{0}}, "broker", "why", 0.5},
        /* --- a stage --- */
        {30, -1, true, {{"score", 29.5}}, NULL, "", 0},
        {30,
         -1,
         true,
         {{"score", 30}},
         "edge",
         "device d-0: stage 'score' has not come back for 30 s",
         30},
        {30,
         -1,
         false,
         {{0}, {0}, {"pick", 71}},
         "edge",
         "device d-2: stage 'pick' has not come back for 71 s",
         71},
        /* the one that takes longest */
        {30,
         -1,
         true,
         {{"pick", 40}, {"score", 90}, {"pick", 60}},
         "edge",
         "device d-1: stage 'score' has not come back for 90 s",
         90},
        /* ... or longer than was said, be it ever so short */
        {2,
         -1,
         true,
         {{"score", 4}},
         "edge",
         "device d-0: stage 'score' has not come back for 4 s",
         4},
        /* a source that waits for longer hides nobody */
        {30,
         -1,
         true,
         {{"sense", 7200}, {"score", 90}},
         "edge",
         "device d-1: stage 'score' has not come back for 90 s",
         90},
        /* a source that has nothing to give */
        {30, -1, true, {{"sense", 7200}}, NULL, "", 0},
        {30,
         -1,
         true,
         {{"sense", 40}, {"score", 90}},
         "edge",
         "device d-1: stage 'score' has not come back for 90 s",
         90},
        /* --- both: the server --- */
        {30, 31, true, {{"score", 90}}, "broker", "why", 31},
        {30,
         12,
         true,
         {{"score", 90}},
         "edge",
         "device d-0: stage 'score' has not come back for 90 s",
         90},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        agent a = begin(rows[i].stall_s);
        report_waits w = waits_of(rows[i].waits_s, "why");
        char want[600] = "";

        a.booted = rows[i].booted;
        memcpy(work, rows[i].work, sizeof(work));
        agent_stalls(&a, rows[i].waits_s < 0 ? NULL : &w);
        if (rows[i].hop)
            snprintf(want, sizeof(want), "pilot edge is STALLED; %s: %s\n",
                     rows[i].hop, rows[i].text);
        UNIT_EQUAL(said, want);
        UNIT_EQUAL(a.stalled.text, rows[i].text);
        CU_ASSERT_EQUAL(a.stalled.hop != NULL, rows[i].hop != NULL);
        if (!rows[i].hop || !a.stalled.hop)
            continue;
        UNIT_EQUAL(a.stalled.hop, rows[i].hop);
        CU_ASSERT_EQUAL(a.stalled.since_ns,
                        REAL + now - (int64_t)(rows[i].since_s * 1e9));
    }
}

/* Said when it begins and when it is over, whatever it is meanwhile. */
static void test_once(void)
{
    agent a = begin(30);
    report_waits w = waits_of(31, "3 blocks are not acknowledged");

    agent_stalls(&a, &w);
    UNIT_EQUAL(said, "pilot edge is STALLED; broker: 3 blocks are not "
                     "acknowledged\n");
    said[0] = '\0';
    for (int i = 0; i < 100; i++) {
        now += S;
        agent_stalls(&a, &w);
    }
    a.booted = false;
    agent_stalls(&a, &w);
    UNIT_EQUAL(a.stalled.hop, "params");
    work[1] = (struct work){"score", 50};
    agent_stalls(&a, NULL);
    UNIT_EQUAL(a.stalled.hop, "edge");
    UNIT_EQUAL(said, "");
    work[1].stage = NULL;
    agent_stalls(&a, NULL);
    UNIT_EQUAL(said, "pilot edge flows again\n");
    CU_ASSERT_PTR_NULL(a.stalled.hop);
    agent_stalls(&a, NULL);
    UNIT_EQUAL(said, "pilot edge flows again\n");
    agent_stalls(&a, &w);
    UNIT_CONTAINS(said, "flows again\npilot edge is STALLED; params: 3");
}

/* A why as long as it may be is cut, and its end is not beyond the room. */
static void test_long(void)
{
    agent a = begin(1);
    char why[256];
    report_waits w;

    memset(why, 'x', sizeof(why) - 1);
    why[sizeof(why) - 1] = '\0';
    w = waits_of(2, why);
    agent_stalls(&a, &w);
    UNIT_EQUAL(a.stalled.text, why);
    UNIT_CONTAINS(said, why);
    memset(devices[1].name, 'n', sizeof(devices[1].name) - 1);
    work[1] = (struct work){"score", 50};
    a.stalled.hop = NULL;
    agent_stalls(&a, NULL);
    CU_ASSERT(strlen(a.stalled.text) < sizeof(a.stalled.text));
    UNIT_CONTAINS(a.stalled.text, "nnn: stage 'score' has not");
}

/* --- looks at the figures of the devices, for rates --- */

static double number(const json_t *o, const char *part, const char *key)
{
    const json_t *p = json_object_get(o, part);

    return json_number_value(json_object_get(p, key));
}

/* The first look has none before it; then the time grows to that of a window
 * of looks, and figures are its differences.
 */
static void test_looks(void)
{
    agent a = begin(30);
    device_stats stats[DEVICES] = {{.sensed = 1000}};
    json_t *o = agent_recent(&a, stats, now);

    CU_ASSERT_PTR_NULL(o);
    for (int i = 1; i <= 10; i++) {
        const json_t *blocks;
        double seconds;

        stats[0].sensed += 20;
        stats[2].sent += 5;
        o = agent_recent(&a, stats, now + i * S);
        CU_ASSERT_PTR_NOT_NULL_FATAL(o);
        seconds = number(o, "last", "seconds");
        CU_ASSERT_DOUBLE_EQUAL(seconds, i < AGENT_LOOKS ? i : AGENT_LOOKS - 1,
                               1e-9);
        blocks = json_object_get(json_object_get(o, "last"), "blocks");
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(blocks, "sensed")),
                        (json_int_t)(20 * seconds));
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(blocks, "sent")),
                        (json_int_t)(5 * seconds));
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(
                            json_object_get(o, "last"), "devices")),
                        DEVICES);
        json_decref(o);
    }
    /* Looks that follow at once are no looks to be kept. */
    for (int i = 1; i <= 4; i++) {
        o = agent_recent(&a, stats, now + 10 * S + i * S / 10);
        CU_ASSERT_DOUBLE_EQUAL(number(o, "last", "seconds"),
                               AGENT_LOOKS - 1 + i / 10.0, 1e-9);
        json_decref(o);
    }
    agent_recent_free(&a);
}

/* Of devices that sense nothing any more the figures of all their time stay. */
static void test_all(void)
{
    agent a = begin(30);
    device_stats stats[DEVICES] = {{0}};
    json_t *o;

    a.start_ns = now;
    CU_ASSERT_PTR_NULL(agent_recent(&a, stats, now));
    for (int i = 1; i <= 20; i++) {
        if (i <= 5) {
            stats[0].sensed += 20;
            stats[0].busy_ns += S / 2;
        }
        o = agent_recent(&a, stats, now + i * S);
        CU_ASSERT_PTR_NOT_NULL_FATAL(o);
        CU_ASSERT_DOUBLE_EQUAL(number(o, "all", "seconds"), i < 5 ? i : 5,
                               1e-9);
        CU_ASSERT_DOUBLE_EQUAL(number(o, "all", "busy_s"),
                               (i < 5 ? i : 5) / 2.0, 1e-9);
        if (i == 20) {
            CU_ASSERT_EQUAL(number(o, "last", "busy_s"), 0);
        }
        json_decref(o);
    }
    agent_recent_free(&a);
}

int main(void)
{
    static const unit_test tests[] = {
        {"figures of all the time", test_all},
        {"what stands still", test_hops},
        {"said once, and once that it goes on", test_once},
        {"long words", test_long},
        {"figures between looks", test_looks},
        {NULL, NULL},
    };

    return unit_main("edge_stall", tests);
}
