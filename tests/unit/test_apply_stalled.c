/* test_apply_stalled.c - pilots that say they stand still: what commands make
 * of it, and what they tell people.
 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply_case.h"
#include "json_quoted.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* It is its own word, of whatever it was before; who drains goes on with that,
 * and who has ended is not back.
 */
static void test_word(void)
{
    static const struct {
        enum pilot_state from;
        const char *beat;
        enum pilot_state want;
    } rows[] = {
        {PILOT_QUEUED, "STALLED", PILOT_STALLED}, /* before squeue knows */
        {PILOT_STARTING, "STALLED", PILOT_STALLED},
        {PILOT_ACTIVE, "STALLED", PILOT_STALLED},
        {PILOT_STALLED, "STALLED", PILOT_STALLED},
        {PILOT_STALLED, "ACTIVE", PILOT_ACTIVE},
        {PILOT_STALLED, "DRAINING", PILOT_DRAINING},
        {PILOT_STALLED, "STARTING", PILOT_STALLED},
        {PILOT_DRAINING, "STALLED", PILOT_DRAINING},
        {PILOT_MISSING, "STALLED", PILOT_STALLED}, /* it was but silent */
        {PILOT_FAILED, "STALLED", PILOT_FAILED},
        {PILOT_CANCELED, "STALLED", PILOT_CANCELED},
        {PILOT_DONE, "STALLED", PILOT_DONE},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pilot_record r = case_record(rows[i].from);
        beat b = case_beat(rows[i].beat, AGO(3));

        observe_apply(&r, NULL, &b, NULL, NOW);
        UNIT_EQUAL(pilot_state_name(r.state), pilot_state_name(rows[i].want));
        CU_ASSERT_EQUAL(r.beat_ns, AGO(3));
        if (pilot_state_is_up(r.state))
            CU_ASSERT(r.active_ns > 0 && r.started_ns > 0);
    }
}

/* What a scheduler says of the job of one that stands still. */
static void test_scheduler(void)
{
    static const struct {
        enum resource_seen seen;
        enum pilot_state want;
    } rows[] = {
        {RESOURCE_ABSENT, PILOT_STALLED},
        {RESOURCE_RUNNING, PILOT_STALLED},
        {RESOURCE_UNKNOWN, PILOT_STALLED},
        {RESOURCE_STARTING, PILOT_STALLED},
        {RESOURCE_ENDING, PILOT_DRAINING},
        {RESOURCE_FAILED, PILOT_FAILED},
        {RESOURCE_CANCELED, PILOT_CANCELED},
        {RESOURCE_TIMEOUT, PILOT_TIMEOUT},
        {RESOURCE_NODE_LOST, PILOT_FAILED},
        {RESOURCE_PREEMPTED, PILOT_PREEMPTED},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pilot_record r = case_record(PILOT_STALLED);
        resource_job j = case_job(rows[i].seen);

        r.seen_ns = r.beat_ns = AGO(3); /* it lives */
        observe_apply(&r, &j, NULL, NULL, NOW);
        UNIT_EQUAL(pilot_state_name(r.state), pilot_state_name(rows[i].want));
    }
}

/* A run of one pilot, beat by beat: it stands still and goes on as often as it
 * likes, and its exit is as of any other.
 */
static void test_course(void)
{
    static const struct {
        const char *beat, *end;
        enum pilot_state want;
    } rows[] = {
        {"STARTING", NULL, PILOT_STARTING}, {"ACTIVE", NULL, PILOT_ACTIVE},
        {"STALLED", NULL, PILOT_STALLED},   {"STALLED", NULL, PILOT_STALLED},
        {"ACTIVE", NULL, PILOT_ACTIVE},     {"STALLED", NULL, PILOT_STALLED},
        {"DRAINING", NULL, PILOT_DRAINING}, {"STALLED", NULL, PILOT_DRAINING},
        {"STALLED", "DONE", PILOT_DONE},
    };
    pilot_record r = case_record(PILOT_QUEUED);
    int64_t active = 0;

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t t = AGO(100 - (int)i);
        resource_job j = case_job(RESOURCE_RUNNING);
        beat b = case_beat(rows[i].beat, t), end = case_beat("DONE", t);

        end.status = 0;
        observe_apply(&r, &j, &b, rows[i].end ? &end : NULL, t + CLOCK_S);
        UNIT_EQUAL(pilot_state_name(r.state), pilot_state_name(rows[i].want));
        if (i == 1)
            active = r.active_ns;
        CU_ASSERT_EQUAL(r.active_ns, active); /* since its first hello */
    }
    CU_ASSERT(active > 0);
    CU_ASSERT_EQUAL(r.exit_code, 0);
}

/* A beat that says so, read; and one that was asked to end. */
static void test_beat(void)
{
    static const char words[] =
        "{\"schema\": 1, \"state\": \"STALLED\", \"time_ns\": 5, "
        "\"progress\": {\"lag\": 7, \"stalled\": {\"hop\": \"fetch\", "
        "\"since_ns\": 1700000000000000000, \"text\": \"7 records lie\"}}}";
    pilot_record r = case_record(PILOT_STALLED);
    beat b, end = case_beat("FAILED", AGO(1));

    CU_ASSERT_EQUAL(beat_parse(words, strlen(words), &b, NULL), 0);
    UNIT_EQUAL(b.state, "STALLED");
    UNIT_EQUAL(b.progress, "stands still since 22:13:20, fetch: 7 records lie");
    b.time_ns = AGO(2);
    observe_apply(&r, NULL, &b, NULL, NOW);
    UNIT_EQUAL(r.progress, b.progress);
    r.cancel_asked = true;
    end.status = 1;
    resource_job j = case_job(RESOURCE_FAILED);
    observe_apply(&r, &j, &b, &end, NOW);
    UNIT_EQUAL(pilot_state_name(r.state), "CANCELED");
}

/* What people read in place of figures. */
static void test_words(void)
{
    static const struct {
        const char *progress, *want;
    } rows[] = {
        {"{'rate': 4, 'lag': 7, 'stalled': {'hop': 'kernel', 'since_ns': "
         "1700000000000000000, 'text': '3 blocks'}}",
         "stands still since 22:13:20, kernel: 3 blocks"},
        /* both: that it stands still says more */
        {"{'waits': {'since_ns': 1, 'text': 'broker'}, 'stalled': {'hop': "
         "'broker', 'since_ns': 1700000000999999999, 'text': 'is away'}}",
         "stands still since 22:13:20, broker: is away"},
        /* of a pilot of another version */
        {"{'stalled': {}}", "stands still since 00:00:00, ?: ?"},
        {"{'stalled': {'hop': 7, 'text': ['x'], 'since_ns': 'y'}}",
         "stands still since 00:00:00, ?: ?"},
        {"{'stalled': {'hop': 'edge', 'since_ns': 86399000000000, 'text': "
         "'device d-0'}}",
         "stands still since 23:59:59, edge: device d-0"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *o =
            json_pack("{s:o}", "progress", json_quoted(rows[i].progress));
        char out[512], small[13];

        beat_progress(o, out, sizeof(out));
        UNIT_EQUAL(out, rows[i].want);
        beat_progress(o, small, sizeof(small)); /* cut, not more */
        UNIT_EQUAL(small, "stands still");
        json_decref(o);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"its own word", test_word},
        {"a scheduler's word", test_scheduler},
        {"the course of a pilot", test_course},
        {"a beat that says so", test_beat},
        {"words for people", test_words},
        {NULL, NULL},
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return unit_main("apply_stalled", tests);
}
