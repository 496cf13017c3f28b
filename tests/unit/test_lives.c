/* test_lives.c - what a summary counts over deaths and commands, and what it
 * says that it does not.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "monitor_case.h"

/* An edge's final event: whose counts, and some of them. */
#define EDGE(ID, SENT, ROWS, FIRST)                                      \
    "{'event': 'edge', 'pilot': 'devices', 'counted': '" ID              \
    "', 'blocks': {'sensed': " SENT ", 'sent': " SENT ", 'dropped': 0, " \
    "'untraced': 1}, 'rows': {'skipped': 2}, 'scored': " ROWS            \
    ", 'learned': {'n': 1, 'syncs': " SENT ", 'rows': " ROWS             \
    ", 'withheld': 1, 'bytes': " ROWS ", 'devices': [{'device': '" FIRST \
    "', 'rows': " ROWS "}]}}"

static json_t *learned(const json_t *s)
{
    return json_object_get(json_object_get(s, "learned"), "devices");
}

/* The counts of a pilot are its own over all commands: those it told before
 * count where it does not tell them again.
 */
static void test_counted(void)
{
    static const struct {
        const char *now, *sent, *rows, *scored, *devices;
    } rows[] = {
        {EDGE("a", "50", "500", "d-0"), "50", "500", "500",
         "[{'device':'d-0','rows':500}]"},
        {EDGE("b", "10", "100", "d-0"), "50", "500", "500",
         "[{'device':'d-0','rows':500}]"},
        {EDGE("b", "10", "100", "d-1"), "50", "500", "500",
         "[{'device':'d-1','rows':100},{'device':'d-0','rows':400}]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = case_monitor(NULL, EDGE("a", "40", "400", "d-0"));
        json_t *before = monitor_summary(m, "drained", 1), *s;

        monitor_destroy(m);
        m = monitor_create("r-1", "quick", NULL);
        monitor_resume(m, before);
        case_take(m, "devices", rows[i].now);
        s = monitor_summary(m, "drained", 1);
        UNIT_EQUAL(case_part(json_object_get(s, "blocks"), "sent"),
                   rows[i].sent);
        /* What ends with a process is added. */
        UNIT_EQUAL(case_part(json_object_get(s, "blocks"), "untraced"), "2");
        UNIT_EQUAL(case_part(json_object_get(s, "rows"), "skipped"), "4");
        UNIT_EQUAL(case_part(learned(s), "rows"), rows[i].rows);
        UNIT_EQUAL(case_part(learned(s), "devices"), rows[i].devices);
        UNIT_EQUAL(
            case_part(json_object_get(json_object_get(s, "detail"), "devices"),
                      "scored"),
            rows[i].scored);
        CU_ASSERT_PTR_NULL(json_object_get(s, "since"));
        json_decref(s);
        json_decref(before);
        monitor_destroy(m);
    }
}

/* A pilot that does not come back had its counts all the same; of a run that
 * failed those of pilots that told them are known.
 */
static void test_gone(void)
{
    static const struct {
        const char *state, *sent, *fetched;
    } rows[] = {{"drained", "40", "98"}, {"failed", "40", "98"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m =
            case_monitor("{'event': 'pool', 'blocks': {'fetched': 98}}",
                         EDGE("a", "40", "400", "d-0"));
        json_t *before = monitor_summary(m, rows[i].state, 1), *s;

        monitor_destroy(m);
        m = monitor_create("r-1", "quick", NULL);
        monitor_resume(m, before);
        s = monitor_summary(m, "drained", 1);
        UNIT_EQUAL(case_part(json_object_get(s, "blocks"), "sent"),
                   rows[i].sent);
        UNIT_EQUAL(case_part(json_object_get(s, "blocks"), "fetched"),
                   rows[i].fetched);
        json_decref(s);
        json_decref(before);
        monitor_destroy(m);
    }
}

#define COUNTS                                                              \
    "{'event': 'progress', 'blocks': 9, 'counts': {'blocks': {'fetched': "  \
    "12, 'replayed': 3, 'aside': 1, 'drifts': 2, 'unchecked': 4}, 'rows': " \
    "{'skipped': 5}}}"

/* What ranks that died had counted by their last word is counted in, once. */
static void test_lost(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);
    json_t *s;

    case_take(m, "pool", COUNTS);
    case_take(m, "pool", COUNTS);
    monitor_lost(m, "pool", false);
    monitor_lost(m, "pool", false); /* before it said anything */
    case_take(m, "pool", COUNTS);
    case_take(m, "pool",
              "{'event': 'pool', 'points': 1, 'blocks': {'fetched': 20, "
              "'replayed': 1, 'applied': 30}}");
    s = monitor_summary(m, "done", 1);
    UNIT_CONTAINS(
        case_part(s, "blocks"),
        "'fetched':32,'applied':30,'refused':0,'refused_own':0,'forged':0,"
        "'foreign':0,'resent':0,'replayed':4,'deduplicated':0,'unchecked':4,"
        "'untraced':0,'aside':1,'drifts':2");
    UNIT_CONTAINS(case_part(s, "rows"), "'skipped':5");
    json_decref(s);
    monitor_destroy(m);
}

/* What was sent twice once stays so, whoever goes on. */
static void test_inexact(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);
    json_t *before, *s;

    monitor_resume(m, NULL);
    case_take(m, "devices", BLOCKS('sensed' : 12, 'sent' : 12));
    case_take(m, "pool", POOL_BLOCKS('applied' : 10, 'deduplicated' : 2));
    before = monitor_summary(m, "drained", 1);
    UNIT_EQUAL(case_part(before, "inexact"), "true");
    monitor_destroy(m);
    m = monitor_create("r-1", "quick", NULL);
    monitor_resume(m, before);
    case_take(m, "devices", BLOCKS('sensed' : 5, 'sent' : 5));
    case_take(m, "pool", POOL_BLOCKS('applied' : 15, 'deduplicated' : 2));
    s = monitor_summary(m, "done", 1);
    UNIT_EQUAL(case_part(s, "state"), "'done'");
    json_decref(s);
    json_decref(before);
    monitor_destroy(m);
}

/* A layer in front of the last has a row of its own for that. */
static void test_layer(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);
    json_t *s, *layers;

    case_take(m, "g",
              "{'event': 'progress', 'blocks': 9, 'layer': {'name': 'g', "
              "'index': 0, 'of': 2}, 'counts': {'blocks': {'fetched': 7, "
              "'replayed': 3}}}");
    monitor_lost(m, "g", false);
    case_take(m, "g",
              "{'event': 'pool', 'layer': {'name': 'g', 'index': 0, 'of': 2}, "
              "'blocks': {'replayed': 2}, 'life': {'n': 2, 'since_ns': 0}}");
    case_take(m, "c",
              "{'event': 'pool', 'layer': {'name': 'c', 'index': 1, 'of': 2}, "
              "'blocks': {'fetched': 5}}");
    s = monitor_summary(m, "drained", 1);
    layers = json_object_get(s, "layers");
    UNIT_CONTAINS(case_part(json_array_get(layers, 0), "blocks"),
                  "'replayed':5");
    UNIT_CONTAINS(case_part(json_array_get(layers, 1), "blocks"),
                  "'replayed':0");
    UNIT_CONTAINS(case_part(s, "blocks"), "'fetched':5");
    UNIT_EQUAL(case_part(json_object_get(s, "since"), "pilots"),
               "{'g':{'starts':2,'since_ns':0}}");
    json_decref(s);
    monitor_destroy(m);
}

/* What cannot be kept says since when it counts. */
static void test_since(void)
{
    static const struct {
        const char *pool, *edge, *text;
    } rows[] = {
        {"{'event': 'pool'}", BLOCKS('sent' : 1), NULL},
        {"{'event': 'pool', 'life': {'n': 1, 'since_ns': 5}}", NULL, NULL},
        {"{'event': 'pool', 'life': {'n': 3, 'since_ns': 45296000000000}}",
         NULL,
         "'latencies, the verdict's times, and rows that sources left out, are "
         "those since the restart of pool at 12:34:56 (start 3)'"},
        {"{'event': 'pool', 'life': {'n': 2, 'since_ns': 45296000000000}}",
         "{'event': 'edge', 'life': {'n': 2, 'since_ns': 1000000000}}",
         "'latencies, the verdict's times, and rows that sources left out, are "
         "those since the restart of pool at 12:34:56 (start 2), devices at "
         "00:00:01 (start 2)'"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = case_monitor(rows[i].pool, rows[i].edge);
        json_t *s = monitor_summary(m, "drained", 1);
        json_t *since = json_object_get(s, "since");

        if (rows[i].text)
            UNIT_EQUAL(case_part(since, "text"), rows[i].text);
        else
            CU_ASSERT_PTR_NULL(since);
        json_decref(s);
        monitor_destroy(m);
    }
}

static void test_cut_off(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);
    json_t *s;

    monitor_resume(m, NULL);
    s = monitor_summary(m, "drained", 1);
    UNIT_EQUAL(case_part(json_object_get(s, "since"), "text"),
               "'what ranks fetched, replayed and set aside for a command that "
               "was cut off is not in it'");
    json_decref(s);
    monitor_untold(m, "pool.2");
    monitor_untold(m, "pool.3");
    s = monitor_summary(m, "drained", 1);
    UNIT_CONTAINS(case_part(json_object_get(s, "since"), "text"),
                  "is not in it; pool.2, pool.3 told no end: what it took, "
                  "fetched and timed is not in it'");
    json_decref(s);
    monitor_destroy(m);
}

/* Deltas of an agent that died are the pilot's where no other learns. */
static void test_learned(void)
{
    static const struct {
        const char *pool, *rows;
        bool died;
    } rows[] = {
        {"{'event': 'pool', 'points': 450, 'rows': {'stale': 5}, 'blocks': "
         "{'applied': 44}}",
         "455", true},
        {"{'event': 'pool', 'points': 450, 'blocks': {'applied': 44}}", "400",
         false},
        {"{'event': 'pool', 'points': 450, 'blocks': {'applied': 44, "
         "'foreign': 1}}",
         "400", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = case_monitor(rows[i].pool, NULL);
        json_t *s;

        if (rows[i].died) {
            case_take(m, "devices", "{'event': 'progress', 'sensed': 1}");
            monitor_lost(m, "devices", true);
        }
        case_take(m, "devices", EDGE("a", "40", "400", "d-0"));
        s = monitor_summary(m, "drained", 1);
        UNIT_EQUAL(case_part(learned(s), "rows"), rows[i].rows);
        json_decref(s);
        monitor_destroy(m);
    }
}

/* Ranks are as many lanes as there are cores where they run. */
static void test_cores(void)
{
    static const struct {
        const char *more, *headroom;
    } rows[] = {
        {"'cores': 64, 'host': 'far'", "2.0"},
        {"'cores': 2, 'host': 'far'", "1.0"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_create("r-1", "quick", NULL);
        char pool[400];
        json_t *s;

        snprintf(pool, sizeof(pool),
                 "{'event': 'pool', 'ranks': 32, 'seconds': 4, 'busy_s': 64, "
                 "'idle_s': 64, 'points': 9, %s}",
                 rows[i].more);
        case_take(m, "pool", pool);
        case_take(m, "pool.2", pool); /* on the same host */
        s = monitor_summary(m, "drained", 5);
        UNIT_EQUAL(case_part(json_object_get(json_object_get(s, "verdict"),
                                             "headroom"),
                             "pool"),
                   rows[i].headroom);
        json_decref(s);
        monitor_destroy(m);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"lives: counts of devices over commands", test_counted},
        {"lives: pilots that do not come back", test_gone},
        {"lives: ranks that died", test_lost},
        {"lives: cores of other hosts", test_cores},
        {"lives: what was sent twice", test_inexact},
        {"lives: a layer whose ranks died", test_layer},
        {"lives: what is of the last processes alone", test_since},
        {"lives: a command that was cut off", test_cut_off},
        {"lives: deltas of an agent that died", test_learned},
        {NULL, NULL},
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return unit_main("lives", tests);
}
