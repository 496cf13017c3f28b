/* test_monitor.c - the summary of a run, its failures. */
#include "unit.h"

#include <string.h>

#include "monitor_case.h"
#include "src/monitor/monitor.h"

/* --- summary --- */

#define EDGE_OTHER                                                          \
    "{'event': 'edge', 'pilot': 'more', 'state': 'done', 'devices': 1, "    \
    "'blocks': {'sensed': 0, 'sent': 0}, 'latency_ms': {'model': {'n': 4, " \
    "'p50': 0.5, 'p90': 2.5, 'p99': 2.75, 'max': 9}}}"

static void test_summary(void)
{
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"schema", "1"},
        {"run", "'r-1'"},
        {"pipeline", "'quick'"},
        {"state", "'done'"},
        {"seconds", "5.0"},
        {"exit", "0"},
        {"blocks",
         "{'sensed':110,'filtered':10,'dropped':4,'spooled':1,"
         "'lost':0,'sent':95,'fetched':101,'applied':98,"
         "'refused':2,'refused_own':0,'forged':0,'foreign':5,'resent':0,'"
         "replayed':1,"
         "'deduplicated':3,'unchecked':0,'untraced':0,'aside':0,'drifts':0}"},
        {"rows", "{'skipped':12,'masked':3,'unscored':1000,'stale':0}"},
        {"masked_cells", "{'0':2,'7':1}"},
        {"first", "{'masked':'t/0/5 row 2','skipped':'a.csv:7: 3 fields, "
                  "not 4'}"},
        {"points", "98000"},
        {"bytes", "25088000"},
        {"rate", "{'blocks_per_s':24.5,'points_per_s':24500.0,'mb_per_s':"
                 "6.272}"},
        {"model", "{'kind':'kmeans','kernel':'avx2','version':16,'commit':"
                  "'0123456789abcdef0123456789abcdef','points':98000,"
                  "'threshold':2.5,'warming':false,'outliers':7}"},
        {"exactly_once", "'on'"},
        {"cpu_s", "{'pool':8.25,'devices':0.5}"},
        {"errors", "[]"},
        {"deaths", "0"},
    };
    monitor *m = case_monitor(POOL_FINAL, EDGE_FINAL);
    json_t *cost;

    monitor_cpu(m, "pool", 8.0); /* counted by the kernel */
    monitor_cpu(m, "pool", 0.25);
    monitor_cpu(m, "devices", 0.1); /* less than it counted itself */
    json_t *s = monitor_summary(m, "done", 5);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        UNIT_EQUAL(case_part(s, rows[i].key), rows[i].value);
    cost = json_object_get(s, "core_hours_per_million_points");
    CU_ASSERT_DOUBLE_EQUAL(json_real_value(cost), 8.75 / 3600 / 0.098, 1e-9);
    const json_t *v = json_object_get(s, "verdict");
    UNIT_CONTAINS(json_string_value(json_object_get(v, "text")),
                  "processing-bound");
    json_decref(s);
    monitor_destroy(m);
}

/* Hops nobody spoke of are there and empty; of several pilots the worst. */
static void test_summary_latency(void)
{
    static const char none[] = "{'n':0,'p50':0.0,'p90':0.0,'p99':0.0,'max':"
                               "0.0}";
    static const struct {
        const char *hop, *value;
    } rows[] = {
        {"edge", none},
        {"broker", none},
        {"start", none},
        {"wait", none},
        {"process", "{'n':98,'p50':1.5,'p90':2.5,'p99':3.5,'max':4.5}"},
        {"commit", none},
        {"model", "{'n':20,'p50':1.0,'p90':2.5,'p99':3.0,'max':9.0}"},
        {"total", none},
        {"processed", none},
    };
    monitor *m = case_monitor(POOL_FINAL, EDGE_FINAL);

    case_take(m, "more", EDGE_OTHER);
    json_t *s = monitor_summary(m, "done", 5);
    const json_t *latency = json_object_get(s, "latency_ms");
    CU_ASSERT_EQUAL(json_object_size(latency), sizeof(rows) / sizeof(rows[0]));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        UNIT_EQUAL(case_part(latency, rows[i].hop), rows[i].value);
    json_decref(s);
    monitor_destroy(m);
}

static void test_summary_empty(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_error(m, "it \xff failed");
    json_t *s = monitor_summary(m, "failed", 0);
    UNIT_EQUAL(case_part(s, "state"), "'failed'");
    UNIT_EQUAL(case_part(s, "model"), "null");
    UNIT_EQUAL(case_part(s, "exactly_once"), "null");
    UNIT_EQUAL(case_part(s, "errors"), "['it ? failed']");
    UNIT_EQUAL(case_part(s, "rate"),
               "{'blocks_per_s':0.0,'points_per_s':0.0,'mb_per_s':0.0}");
    json_decref(s);
    monitor_destroy(m);
    monitor_destroy(NULL);
}

/* Rule 9: blocks add up, or the run is no success. */
static void test_balance(void)
{
    static const struct {
        const char *pool, *edge, *state, *after, *errors;
    } rows[] = {
        {POOL_BLOCKS('applied' : 9, 'refused' : 1),
         BLOCKS('sensed' : 10, 'sent' : 10), "done", "'done'", "[]"},
        {POOL_BLOCKS('applied' : 9, 'refused' : 1),
         BLOCKS('sensed' : 11, 'sent' : 10), "done", "'failed'",
         "['blocks do not add up at the edge: 11 sensed, but 10 sent + 0 "
         "filtered + 0 dropped + 0 spooled + 0 lost']"},
        {POOL_BLOCKS('applied' : 9, 'foreign' : 1),
         BLOCKS('sensed' : 10, 'sent' : 10), "done", "'failed'",
         "['blocks do not add up at the pool: 10 sent + 1 foreign, but 9 "
         "applied + 0 refused']"},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 11, 'sent' : 10), "done",
         "'failed'",
         "['blocks do not add up at the edge: 11 sensed, but 10 sent + 0 "
         "filtered + 0 dropped + 0 spooled + 0 lost','blocks do not add up at "
         "the "
         "pool: 10 sent + 0 foreign, but 9 applied + 0 refused']"},
        /* duplicates are no blocks of their own */
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 4),
         BLOCKS('sensed' : 10, 'sent' : 10), "done", "'done'", "[]"},
        /* ... nor are those that were sent again, as far as that was told */
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 4),
         BLOCKS('sensed' : 13, 'sent' : 13, 'resent' : 5), "done", "'done'",
         "[]"},
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 4),
         BLOCKS('sensed' : 13, 'sent' : 13, 'resent' : 2), "done", "'failed'",
         "['blocks do not add up at the pool: 13 sent + 0 foreign, but 10 "
         "applied + 0 refused']"},
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 2),
         BLOCKS('sensed' : 13, 'sent' : 13, 'resent' : 5), "done", "'failed'",
         "['blocks do not add up at the pool: 13 sent + 0 foreign, but 10 "
         "applied + 0 refused']"},
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 4),
         BLOCKS('sensed' : 9, 'sent' : 9, 'resent' : 5), "done", "'failed'",
         "['blocks do not add up at the pool: 9 sent + 0 foreign, but 10 "
         "applied + 0 refused']"},
        /* only a run that claims to be done is held to it */
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 11, 'sent' : 10),
         "drained", "'drained'", "[]"},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 11, 'sent' : 10),
         "failed", "'failed'", "[]"},
        /* who sent what is not ours to know without edges of our own */
        {POOL_BLOCKS('applied' : 9, 'foreign' : 2), NULL, "done", "'done'",
         "[]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = case_monitor(rows[i].pool, rows[i].edge);
        json_t *s = monitor_summary(m, rows[i].state, 1);
        UNIT_EQUAL(case_part(s, "state"), rows[i].after);
        UNIT_EQUAL(case_part(s, "errors"), rows[i].errors);
        json_decref(s);
        monitor_destroy(m);
    }
}

/* An edge counts over its deaths: 98 sensed, 1 dropped, 2 lost with an agent
 * that died, as far as it knows; the pool knows of those on their way.
 */
static void test_lost_edge(void)
{
    static const struct {
        const char *pool, *state, *blocks;
    } rows[] = {
        {POOL_BLOCKS('applied' : 95), "'done'", "'lost':2,'sent':95"},
        {POOL_BLOCKS('applied' : 96), "'done'", "'lost':1,'sent':96"},
        {POOL_BLOCKS('applied' : 97), "'done'", "'lost':0,'sent':97"},
        {POOL_BLOCKS('applied' : 97, 'foreign' : 1), "'done'",
         "'lost':1,'sent':96"},
        {POOL_BLOCKS('applied' : 90, 'deduplicated' : 5), "'done'",
         "'lost':2,'sent':95"},
        {POOL_BLOCKS('applied' : 90, 'deduplicated' : 2), "'failed'",
         "'lost':2,'sent':95"},
    };

    /* Each also of one that died before it told anything. */
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_create("r-1", "quick", NULL);
        if (i % 2 == 0)
            case_take(m, "devices",
                      "{'event': 'progress', 'sensed': 42, 'sent': 39, "
                      "'dropped': 1}");
        monitor_lost(m, "devices", true);
        case_take(
            m, "devices",
            BLOCKS('sensed' : 98, 'dropped' : 1, 'lost' : 2, 'sent' : 95));
        case_take(m, "pool", rows[i / 2].pool);
        json_t *s = monitor_summary(m, "done", 1);
        UNIT_EQUAL(case_part(s, "state"), rows[i / 2].state);
        UNIT_EQUAL(case_part(s, "deaths"), "1");
        UNIT_CONTAINS(case_part(s, "blocks"),
                      "'sensed':98,'filtered':0,'dropped':1,'spooled':0,");
        UNIT_CONTAINS(case_part(s, "blocks"), rows[i / 2].blocks);
        json_decref(s);
        monitor_destroy(m);
    }
}

/* One that does not come back: what it told last stands, and what was in its
 * queues is lost, or is still in its file.
 */
static void test_lost_for_good(void)
{
    static const struct {
        const char *progress, *blocks;
    } rows[] = {
        {"{'event': 'progress', 'sensed': 572, 'filtered': 3, 'sent': 477}",
         "{'sensed':572,'filtered':3,'dropped':0,'spooled':0,'lost':92,"
         "'sent':477,"},
        {"{'event': 'progress', 'sensed': 572, 'filtered': 3, 'sent': 477, "
         "'lost': 90, 'rereadable': false}",
         "{'sensed':572,'filtered':3,'dropped':0,'spooled':0,'lost':92,"
         "'sent':477,"},
        {"{'event': 'progress', 'sensed': 572, 'filtered': 3, 'sent': 477, "
         "'rereadable': true}",
         "{'sensed':480,'filtered':3,'dropped':0,'spooled':0,'lost':0,"
         "'sent':477,"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_create("r-1", "quick", NULL);
        case_take(m, "devices", rows[i].progress);
        monitor_lost(m, "devices", true);
        case_take(m, "pool", POOL_BLOCKS('applied' : 477));
        json_t *s = monitor_summary(m, "failed", 1);
        UNIT_CONTAINS(case_part(s, "blocks"), rows[i].blocks);
        json_decref(s);
        monitor_destroy(m);
    }
}

/* A pool that is killed for good has committed what it told last. */
static void test_lost_pool_for_good(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    case_take(m, "pool",
              "{'event': 'progress', 'blocks': 60, 'refused': 2, 'masked': 7}");
    case_take(m, "pool", "{'event': 'progress', 'blocks': 61, 'refused': 2}");
    monitor_lost(m, "pool", false);
    case_take(m, "pool", "{'event': 'progress', 'blocks': 70, 'refused': 2}");
    monitor_lost(m, "pool", false);
    json_t *s = monitor_summary(m, "failed", 10);
    UNIT_CONTAINS(case_part(s, "blocks"),
                  "'fetched':72,'applied':70,'refused':2");
    UNIT_CONTAINS(case_part(s, "rows"), "'masked':7");
    json_decref(s);
    monitor_destroy(m);
}

/* The last life of a pool does not know how long the others took. */
static void test_lost_pool(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    case_take(m, "pool", "{'event': 'progress', 'blocks': 60, 't': 2}");
    monitor_lost(m, "pool", false);
    case_take(m, "pool",
              "{'event': 'pool', 'points': 5, 'blocks': {'applied': 100}, "
              "'seconds': 1}");
    case_take(m, "devices", BLOCKS('sensed' : 100, 'sent' : 100));
    json_t *s = monitor_summary(m, "done", 10);
    UNIT_EQUAL(case_part(s, "state"), "'done'");
    UNIT_EQUAL(case_part(s, "rate"),
               "{'blocks_per_s':10.0,'points_per_s':0.5,'mb_per_s':0.0}");
    json_decref(s);
    monitor_destroy(m);
}

/* Totals go on; the rate is that of the new part. */
static void test_resume(void)
{
    json_t *before =
        json_quoted("{'blocks': {'sensed': 60, 'sent': 58, 'filtered': "
                    "1, 'spooled': 1, 'applied': 58, 'fetched': 58}, "
                    "'points': 58000, 'bytes': 1000}");
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_resume(m, before);
    monitor_began(m, 58, 58000, 1000);
    case_take(m, "devices", BLOCKS('sensed' : 40, 'sent' : 41));
    case_take(m, "pool",
              "{'event': 'pool', 'blocks': {'applied': 99, 'fetched': 41}, "
              "'points': 99000, 'bytes': 2000001000, 'seconds': 2}");
    json_t *s = monitor_summary(m, "done", 3);
    UNIT_EQUAL(
        case_part(s, "blocks"),
        "{'sensed':100,'filtered':1,'dropped':0,'spooled':0,'lost':0,"
        "'sent':99,"
        "'fetched':99,'applied':99,'refused':0,'refused_own':0,'forged':0,"
        "'foreign':0,'resent':0,'replayed':0,'deduplicated':0,'unchecked':0,'"
        "untraced':0,'aside':0,"
        "'drifts':0}");
    UNIT_EQUAL(case_part(s, "state"), "'done'");
    UNIT_EQUAL(case_part(s, "rate"),
               "{'blocks_per_s':20.5,'points_per_s':20500.0,'mb_per_s':"
               "1000.0}");
    json_decref(s);
    monitor_destroy(m);
    json_decref(before);
}

/* Slices of tasks, of a run that had some, and of its other part. */
static void test_tasks(void)
{
    json_t *before = json_quoted("{'state': 'drained', 'blocks': {}, 'tasks': "
                                 "{'slices': 4, 'slices_failed': 1}}");
    monitor *m = monitor_create("r-1", "quick", NULL);
    json_t *s;

    case_take(m, "pool", POOL_BLOCKS('fetched' : 1, 'applied' : 1));
    s = monitor_summary(m, "drained", 3);
    CU_ASSERT_PTR_NULL(json_object_get(s, "tasks"));
    json_decref(s);
    case_take(m, "pool",
              "{'event': 'pool', 'tasks': {'slices': 95, 'slices_failed': 0}}");
    monitor_resume(m, before);
    s = monitor_summary(m, "drained", 3);
    UNIT_EQUAL(case_part(s, "tasks"), "{'slices':99,'slices_failed':1}");
    json_decref(s);
    /* Pools have died, and the service knows what they did. */
    monitor_tasks(m, 600, 2);
    s = monitor_summary(m, "drained", 3);
    UNIT_EQUAL(case_part(s, "tasks"), "{'slices':600,'slices_failed':2}");
    json_decref(s);
    monitor_destroy(m);
    json_decref(before);
}

/* Without a summary nobody knows what was sent before. */
static void test_resume_after_crash(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_resume(m, NULL);
    case_take(m, "devices", BLOCKS('sensed' : 41, 'sent' : 40));
    case_take(m, "pool", POOL_BLOCKS('fetched' : 40, 'applied' : 99));
    json_t *s = monitor_summary(m, "done", 3);
    UNIT_EQUAL(case_part(s, "state"), "'done'");
    UNIT_CONTAINS(case_part(s, "blocks"), "'fetched':99,'applied':99,");
    json_decref(s);
    monitor_destroy(m);
}

/* --- what makes a run that is done a failure --- */

static void test_check(void)
{
    static const struct {
        const char *pool, *edge, *exit, *errors;
    } rows[] = {
        {"{'event': 'pool', 'points': 9, 'blocks': {'applied': 9, 'refused': "
         "1, 'refused_own': 1}}",
         BLOCKS('sensed' : 10, 'sent' : 10), "65",
         "['1 block of this run's devices was refused, and nothing of it "
         "learned']"},
        {"{'event': 'pool', 'blocks': {'refused': 10, 'refused_own': 10}, "
         "'first': {'refused_own': 't/0/0: 2 features, not 3'}}",
         BLOCKS('sensed' : 10, 'sent' : 10), "65",
         "['10 blocks of this run's devices were refused, and nothing of "
         "them learned; the first: t/0/0: 2 features, not 3']"},
        /* others' are theirs */
        {"{'event': 'pool', 'points': 9, 'blocks': {'applied': 10, 'refused': "
         "3, 'foreign': 3}}",
         BLOCKS('sensed' : 10, 'sent' : 10), "0", "[]"},
        {"{'event': 'pool', 'blocks': {'refused': 3, 'foreign': 3}}", NULL,
         "65", "['no row was learned from: 3 blocks refused']"},
        {"{'event': 'pool'}", NULL, "65",
         "['no row was learned from: no record came']"},
        {"{'event': 'pool'}", BLOCKS(), "65",
         "['no row was learned from: the devices sensed nothing']"},
        {"{'event': 'pool'}",
         "{'event': 'edge', 'rows': {'skipped': 1}, 'first': {'skipped': "
         "'a.csv:1: no number'}}",
         "65",
         "['no row was learned from: the devices sensed nothing; 1 row "
         "skipped; the first: a.csv:1: no number']"},
        {"{'event': 'pool'}", BLOCKS('sensed' : 4, 'filtered' : 4), "65",
         "['no row was learned from: 4 blocks filtered']"},
        {"{'event': 'pool', 'blocks': {'applied': 4}, 'rows': {'masked': 40}, "
         "'first': {'masked': 'column 3 of t/0/0'}}",
         BLOCKS('sensed' : 4, 'sent' : 4), "65",
         "['no row was learned from: 40 rows masked; the first: column 3 of "
         "t/0/0']"},
        {"{'event': 'pool', 'blocks': {'applied': 4}, 'rows': {'masked': 40}, "
         "'masked_cells': {'2': 40, '5': 1}, 'masked_names': {'2': 'temp'}}",
         BLOCKS('sensed' : 4, 'sent' : 4), "65",
         "['no row was learned from: 40 rows masked (cells that are no finite "
         "number, of column 2 ('temp'): 40, column 5: 1): mend those columns, "
         "or leave them out by a `select` stage']"},
        {"{'event': 'pool', 'blocks': {'applied': 4}}",
         BLOCKS('sensed' : 4, 'sent' : 4), "65",
         "['no row was learned from: the stages let no row through']"},
        /* who has no pool learns nothing, and did not mean to */
        {NULL, BLOCKS('sensed' : 4, 'sent' : 4), "0", "[]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = case_monitor(rows[i].pool, rows[i].edge);
        json_t *s = monitor_summary(m, "done", 1);
        UNIT_EQUAL(case_part(s, "errors"), rows[i].errors);
        UNIT_EQUAL(case_part(s, "exit"), rows[i].exit);
        UNIT_EQUAL(case_part(s, "state"),
                   strcmp(rows[i].exit, "0") ? "'failed'" : "'done'");
        json_decref(s);
        s = monitor_summary(m, "drained", 1);
        UNIT_EQUAL(case_part(s, "state"), "'drained'");
        json_decref(s);
        monitor_destroy(m);
    }
}

/* Of a topic that holds nothing there is nothing to learn, where that is all
 * there will be; of one that holds something, there is.
 */
static void test_empty(void)
{
    static const struct {
        const char *pool, *exit, *empty;
    } rows[] = {
        {"{'event': 'pool'}", "0",
         "'the topic holds no record: nothing was learned, and there is no "
         "model'"},
        {"{'event': 'pool', 'points': 5, 'blocks': {'applied': 1}}", "0", ""},
        {"{'event': 'pool', 'blocks': {'applied': 3}, 'rows': {'masked': 9}}",
         "65", ""},
        {"{'event': 'pool', 'blocks': {'refused': 3, 'foreign': 3}}", "65", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_create("r", "p", NULL);
        json_t *s, *o;

        monitor_until_eof(m);
        case_take(m, "pool", rows[i].pool);
        s = monitor_summary(m, "done", 1);
        UNIT_EQUAL(json_shown(json_incref(json_object_get(s, "exit"))),
                   rows[i].exit);
        o = json_object_get(s, "empty");
        UNIT_EQUAL(o ? json_shown(json_incref(o)) : "", rows[i].empty);
        json_decref(s);
        monitor_destroy(m);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"a topic that holds nothing", test_empty},
        {"summary", test_summary},
        {"latency per hop", test_summary_latency},
        {"summary of nothing", test_summary_empty},
        {"blocks add up", test_balance},
        {"an edge pilot that died", test_lost_edge},
        {"an edge pilot that died for good", test_lost_for_good},
        {"a pool that died", test_lost_pool},
        {"a pool that died for good", test_lost_pool_for_good},
        {"a drained run goes on", test_resume},
        {"slices of tasks are counted", test_tasks},
        {"a run that was cut off goes on", test_resume_after_crash},
        {"what makes a run that is done a failure", test_check},
        {NULL, NULL},
    };

    return unit_main("monitor", tests);
}
