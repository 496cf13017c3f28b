/* test_apply_beats.c - pilots that are queued again; beats, in words. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_case.h"
#include "src/registry/observe.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- queued again --- */

/* An exit record of the life before says nothing about this one. */
static void test_requeued(void)
{
    pilot_record r = case_record(PILOT_ACTIVE);
    resource_job j = case_job(RESOURCE_QUEUED);
    beat b = case_beat("ACTIVE", AGO(100)), end = case_beat("FAILED", AGO(99));

    end.status = 143;
    snprintf(j.prose, sizeof(j.prose), "requeued");
    j.restarts = 1;
    observe_apply(&r, &j, &b, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_QUEUED);
    CU_ASSERT_EQUAL(r.restarts, 1);
    CU_ASSERT_EQUAL(r.stale_ns, AGO(99));
    CU_ASSERT_EQUAL(r.started_ns, 0);
    CU_ASSERT_EQUAL(r.active_ns, 0);
    UNIT_EQUAL(r.reason, "requeued");
    /* The files are still there when it starts again. */
    j.seen = RESOURCE_RUNNING;
    j.start_ns = AGO(5);
    observe_apply(&r, &j, &b, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_STARTING);
    CU_ASSERT_EQUAL(r.started_ns, AGO(5));
    /* The new one speaks. */
    b.time_ns = AGO(2);
    observe_apply(&r, &j, &b, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_ACTIVE);
    CU_ASSERT_EQUAL(r.active_ns, AGO(2));
    /* And ends. */
    end = case_beat("DONE", AGO(1));
    end.status = 0;
    observe_apply(&r, &j, &b, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_DONE);
    CU_ASSERT_EQUAL(r.exit_code, 0);
}

/* Seen only when it runs for the second time already. */
static void test_requeued_unseen(void)
{
    pilot_record r = case_record(PILOT_ACTIVE);
    resource_job j = case_job(RESOURCE_RUNNING);
    beat b = case_beat("ACTIVE", AGO(100)), end = case_beat("FAILED", AGO(99));

    j.restarts = 1;
    j.start_ns = AGO(50);
    observe_apply(&r, &j, &b, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_STARTING);
    /* A beat of the new life is one, if its job has begun before it. */
    r = case_record(PILOT_ACTIVE);
    b.time_ns = AGO(40);
    observe_apply(&r, &j, &b, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_ACTIVE);
    CU_ASSERT_EQUAL(r.stale_ns, AGO(99));
    /* It was over for us. */
    r = case_record(PILOT_FAILED);
    observe_apply(&r, &j, NULL, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_STARTING);
    CU_ASSERT_EQUAL(r.ended_ns, 0);
    CU_ASSERT_EQUAL(r.exit_code, -1);
}

/* Schedulers without a count of restarts. */
static void test_requeued_uncounted(void)
{
    static const struct {
        const char *name;
        enum pilot_state state;
        int beat_age, end_age; /* 0: none */
        enum pilot_state want;
    } table[] = {
        {"silent", PILOT_ACTIVE, 100, 0, PILOT_QUEUED},
        {"no beat", PILOT_STARTING, 0, 0, PILOT_QUEUED},
        {"it lives: the answer is old", PILOT_ACTIVE, 3, 0, PILOT_ACTIVE},
        {"it ended a moment ago", PILOT_ACTIVE, 3, 2, PILOT_DONE},
        {"the same, noticed before", PILOT_DONE, 30, 29, PILOT_DONE},
        {"it ended long ago", PILOT_DONE, 100, 99, PILOT_QUEUED},
        {"it ended while it was queued", PILOT_QUEUED, 3, 2, PILOT_DONE},
    };

    for (size_t i = 0; i < N(table); i++) {
        pilot_record r = case_record(table[i].state);
        resource_job j = case_job(RESOURCE_QUEUED);
        beat b = case_beat("ACTIVE", AGO(table[i].beat_age));
        beat end = case_beat("DONE", AGO(table[i].end_age));
        end.status = 0;
        observe_apply(&r, &j, table[i].beat_age ? &b : NULL,
                      table[i].end_age ? &end : NULL, NOW);
        if (r.state != table[i].want)
            printf("# %s: %s\n", table[i].name, pilot_state_name(r.state));
        CU_ASSERT_EQUAL(r.state, table[i].want);
    }
}

/* A job that runs while its supervisor is silent is said to; so is a machine,
 * which may go on to cost.
 */
static void test_silent(void)
{
    static const struct {
        const char *url;
        int beat_age;
        const char *reason;
    } rows[] = {
        {"slurm://", 3, ""},
        {"slurm://", 90,
         "its job runs, and nothing was heard of its supervisor for 90 s"},
        {"exec:///opt/site/provider", 90,
         "its machine is there, and nothing was heard of its supervisor for 90 "
         "s: 'pilot cancel run/name' ends it"},
    };

    for (size_t i = 0; i < N(rows); i++) {
        pilot_record r = case_record(PILOT_ACTIVE);
        resource_job j = case_job(RESOURCE_RUNNING);
        beat b = case_beat("ACTIVE", AGO(rows[i].beat_age));

        snprintf(r.resource, sizeof(r.resource), "%s", rows[i].url);
        snprintf(r.id, sizeof(r.id), "run/name");
        r.submitted_ns = r.created_ns = r.started_ns = r.active_ns = AGO(300);
        r.seen_ns = AGO(200);
        observe_apply(&r, &j, &b, NULL, NOW);
        CU_ASSERT_EQUAL(r.state, PILOT_ACTIVE);
        UNIT_EQUAL(r.reason, rows[i].reason);
    }
}

/* --- beats as text --- */

static void test_beat(void)
{
    static const char good[] =
        "{\"schema\": 1, \"pilot\": \"r/p\", \"seq\": 7, \"state\": \"ACTIVE\","
        " \"reason\": \"x\", \"host\": \"h\", \"pid\": 1, \"sched_id\": \"17\","
        " \"ranks\": 4, \"nodes\": 2, \"time_ns\": 1700000000000000000,"
        " \"limit_ns\": 1700000600000000000, \"restarts\": 1,"
        " \"endpoint\": \"h:1\", \"progress\": {\"blocks\": 3}}";
    static const struct {
        const char *data, *error;
    } bad[] = {
        {"{", "this is no beat of a pilot: "},
        {"[]", "it is no JSON object"},
        {"{}", "its schema is of another version"},
        {"{\"schema\": 2}", "its schema is of another version"},
        {"{\"schema\": 1}", "its state is none of a pilot"},
        {"{\"schema\": 1, \"state\": \"QUEUED\", \"time_ns\": 1}",
         "its state is none of a pilot"},
        {"{\"schema\": 1, \"state\": \"TIMEOUT\", \"time_ns\": 1}",
         "its state is none of a pilot"},
        {"{\"schema\": 1, \"state\": \"ACTIVE\"}", "does not tell its time"},
        {"{\"schema\": 1, \"state\": \"ACTIVE\", \"time_ns\": -5}",
         "does not tell its time"},
        {"{\"schema\": 1, \"state\": \"ACTIVE\", \"time_ns\": \"1\"}",
         "does not tell its time"},
    };
    beat b;
    pe_error e = {0};

    CU_ASSERT_EQUAL(beat_parse(NULL, 0, &b, &e), 1);
    CU_ASSERT_EQUAL(beat_parse("", 0, &b, &e), 1);
    CU_ASSERT_EQUAL(beat_parse(good, strlen(good), &b, &e), 0);
    UNIT_EQUAL(b.state, "ACTIVE");
    UNIT_EQUAL(b.reason, "x");
    UNIT_EQUAL(b.host, "h");
    UNIT_EQUAL(b.sched_id, "17");
    UNIT_EQUAL(b.endpoint, "h:1");
    CU_ASSERT_EQUAL(b.ranks, 4);
    CU_ASSERT_EQUAL(b.nodes, 2);
    CU_ASSERT_EQUAL(b.restarts, 1);
    CU_ASSERT_EQUAL(b.status, -1);
    CU_ASSERT_EQUAL(b.seq, 7);
    CU_ASSERT_EQUAL(b.time_ns, INT64_C(1700000000000000000));
    CU_ASSERT_EQUAL(b.limit_ns, INT64_C(1700000600000000000));
    for (size_t i = 0; i < N(bad); i++) {
        CU_ASSERT_EQUAL(beat_parse(bad[i].data, strlen(bad[i].data), &b, &e),
                        -1);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, bad[i].error);
    }
}

/* Figures, or what is waited for in their place. */
static void test_progress(void)
{
    static const char waits[] =
        "{\"progress\": {\"rate\": 412.3, \"lag\": 7, \"waits\": "
        "{\"since_ns\": 1700000000000000000, \"text\": \"broker h:9 is "
        "away\"}}}";
    static const struct {
        const char *beat, *want;
    } table[] = {
        {"{}", ""},
        {"{\"progress\": {\"rate\": 412.3, \"lag\": 7}}",
         "412 blocks/s, lag 7"},
        {"{\"progress\": {\"sensed\": 9, \"sent\": 8}}", "9 sensed, 8 sent"},
        {waits, "waits since 22:13:20: broker h:9 is away"},
    };
    char out[512];

    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < N(table); i++) {
        json_t *o = json_loads(table[i].beat, 0, NULL);

        beat_progress(o, out, sizeof(out));
        UNIT_EQUAL(out, table[i].want);
        json_decref(o);
    }
    unsetenv("TZ");
    tzset();
}

static void test_partitions(void)
{
    static const struct {
        const char *list, *want;
    } table[] = {
        {"null", ""},           {"[]", ""},
        {"[3]", "3"},           {"[0, 1, 2, 3]", "0-3"},
        {"[7, 0, 1]", "0-1,7"}, {"[5, 5, 6, 9]", "5-6,9"},
        {"[\"a\", 2]", "2"},    {"7", ""},
    };

    for (size_t i = 0; i < N(table); i++) {
        char data[64];
        snprintf(data, sizeof(data), "{\"partitions\": %s}", table[i].list);
        json_t *o = json_loads(data, 0, NULL);
        char *got = beat_partitions(o);
        UNIT_EQUAL(got, table[i].want);
        free(got);
        json_decref(o);
    }
    char *none = beat_partitions(NULL);
    UNIT_EQUAL(none, "");
    free(none);
}

int main(void)
{
    static const unit_test tests[] = {
        {"queued again", test_requeued},
        {"queued again, unseen", test_requeued_unseen},
        {"queued again, not counted", test_requeued_uncounted},
        {"a supervisor that is silent", test_silent},
        {"beats", test_beat},
        {"partitions for people", test_partitions},
        {"what a pilot does, in words", test_progress},
        {NULL, NULL},
    };

    return unit_main("apply: beats", tests);
}
