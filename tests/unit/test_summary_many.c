/* test_summary_many.c - sums over several pools and edges of one run, of
 * planted figures.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "monitor_case.h"
#include "src/monitor/advice.h"
#include "src/monitor/value.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Two pools of a run: each tells what it fetched itself, and of what is
 * committed all there was when it ended.
 */
#define POOL_A                                                                \
    "{'event': 'pool', 'ranks': 2, 'blocks': {'fetched': 60, 'applied': 90, " \
    "'refused': 1, 'refused_own': 1, 'replayed': 2, 'deduplicated': 3}, "     \
    "'rows': {'masked': 10, 'unscored': 100}, 'masked_cells': {'0': 4}, "     \
    "'first': {'masked': 'of a', 'refused': 'of a'}, 'points': 9000, "        \
    "'bytes': 9000000, 'seconds': 6, 'cpu_s': 5, 'first_ns': 1000000000, "    \
    "'last_ns': 7000000000, 'latency_ms': {'process': {'n': 60, 'p50': 2, "   \
    "'p90': 3, 'p99': 4, 'max': 50}}, 'exactly_once': true}"
#define POOL_B                                                                 \
    "{'event': 'pool', 'ranks': 4, 'blocks': {'fetched': 45, 'applied': 100, " \
    "'refused': 2, 'refused_own': 2, 'replayed': 1, 'deduplicated': 3}, "      \
    "'rows': {'masked': 12, 'unscored': 100}, 'masked_cells': {'0': 4, '3': "  \
    "1}, 'first': {'refused': 'of b', 'aside': 'of b'}, 'points': 10000, "     \
    "'bytes': 10000000, 'seconds': 5, 'cpu_s': 7, 'first_ns': 4000000000, "    \
    "'last_ns': 9000000000, 'latency_ms': {'process': {'n': 45, 'p50': 1, "    \
    "'p90': 5, 'p99': 9, 'max': 10}}, 'exactly_once': true}"
#define EDGE_A                                                              \
    "{'event': 'edge', 'devices': 2, 'blocks': {'sensed': 70, 'filtered': " \
    "3, 'dropped': 2, 'spooled': 1, 'sent': 64}, 'rows': {'skipped': 5}, "  \
    "'first': {'skipped': 'a.csv:7'}, 'seconds': 6, 'cpu_s': 1, 'points': " \
    "6400, 'bytes': 6400000, 'latency_ms': {'model': {'n': 3, 'p50': 9, "   \
    "'p90': 9, 'p99': 9, 'max': 9}}}"
#define EDGE_B                                                              \
    "{'event': 'edge', 'devices': 3, 'blocks': {'sensed': 40, 'filtered': " \
    "1, 'dropped': 0, 'spooled': 0, 'lost': 1, 'sent': 38}, 'rows': "       \
    "{'skipped': 2}, 'seconds': 3, 'cpu_s': 2, 'points': 3800, 'bytes': "   \
    "3800000, 'latency_ms': {'model': {'n': 4, 'p50': 1, 'p90': 2, 'p99': " \
    "30, 'max': 40}}}"

static json_t *summary_of(const char *const events[][2], size_t n)
{
    monitor *m = monitor_create("r-1", "quick", NULL);
    json_t *s;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (size_t i = 0; i < n; i++)
        case_take(m, events[i][0], events[i][1]);
    s = monitor_summary(m, "failed", 20);
    monitor_destroy(m);
    return s;
}

/* What is counted by each is added, what is of the run is the last one's; in
 * whatever order they end.
 */
static void test_sums(void)
{
    static const struct {
        const char *key, *want;
    } rows[] = {
        {"blocks", "{'sensed':110,'filtered':4,'dropped':2,'spooled':1,'lost':"
                   "1,'sent':102,'fetched':105,'applied':100,'refused':2,"
                   "'refused_own':2,'forged':0,'foreign':0,'resent':0,'"
                   "replayed':3,'deduplicated':3,"
                   "'unchecked':0,'untraced':0,'aside':0,'drifts':0}"},
        {"rows", "{'skipped':7,'masked':12,'unscored':100,'stale':0}"},
        {"masked_cells", "{'0':4,'3':1}"},
        {"points", "10000"},
        {"bytes", "10000000"},
        /* from the first block of any to the last commit of any: 8 s */
        {"rate", "{'blocks_per_s':12.5,'points_per_s':1250.0,'mb_per_s':1.25}"},
        {"exactly_once", "'on'"},
    };
    static const char *const orders[][4][2] = {
        {{"a", POOL_A}, {"b", POOL_B}, {"x", EDGE_A}, {"y", EDGE_B}},
        {{"y", EDGE_B}, {"b", POOL_B}, {"a", POOL_A}, {"x", EDGE_A}},
        {{"x", EDGE_A}, {"y", EDGE_B}, {"b", POOL_B}, {"a", POOL_A}},
    };

    for (size_t i = 0; i < COUNT(orders); i++) {
        json_t *s = summary_of(orders[i], 4);
        const json_t *cpu = json_object_get(s, "cpu_s");
        const json_t *hops = json_object_get(s, "latency_ms");

        for (size_t k = 0; k < COUNT(rows); k++)
            UNIT_EQUAL(case_part(s, rows[k].key), rows[k].want);
        CU_ASSERT_EQUAL(json_object_size(cpu), 4);
        CU_ASSERT_EQUAL(value_real(cpu, "a"), 5);
        CU_ASSERT_EQUAL(value_real(cpu, "y"), 2);
        /* 15 s of cores for 0.01 million points */
        CU_ASSERT_DOUBLE_EQUAL(value_real(s, "core_hours_per_million_points"),
                               15 / 3600.0 / 0.01, 1e-12);
        /* The worst of each. */
        UNIT_EQUAL(case_part(hops, "process"),
                   "{'n':105,'p50':2.0,'p90':5.0,'p99':9.0,'max':50.0}");
        UNIT_EQUAL(case_part(hops, "model"),
                   "{'n':7,'p50':9.0,'p90':9.0,'p99':30.0,'max':40.0}");
        CU_ASSERT_EQUAL(json_object_size(json_object_get(s, "detail")), 4);
        json_decref(s);
    }
}

/* The first of each kind is that of whoever told of it first. */
static void test_firsts(void)
{
    static const char *const events[][2] = {
        {"a", POOL_A}, {"b", POOL_B}, {"x", EDGE_A}};
    json_t *s = summary_of(events, COUNT(events));

    UNIT_EQUAL(case_part(s, "first"),
               "{'masked':'of a','refused':'of a','aside':'of b','skipped':"
               "'a.csv:7'}");
    json_decref(s);
}

/* Without a pool the run is what edges have sent. */
static void test_edges_alone(void)
{
    static const char *const events[][2] = {{"x", EDGE_A}, {"y", EDGE_B}};
    json_t *s = summary_of(events, COUNT(events));

    UNIT_EQUAL(case_part(s, "points"), "10200");
    UNIT_EQUAL(case_part(s, "bytes"), "10200000");
    UNIT_EQUAL(case_part(s, "rate"),
               "{'blocks_per_s':5.1,'points_per_s':510.0,'mb_per_s':0.51}");
    UNIT_EQUAL(case_part(s, "model"), "null");
    UNIT_EQUAL(case_part(s, "exactly_once"), "null");
    json_decref(s);
}

/* Pools that were killed have told what was committed; edges what they had
 * sensed: it is lost, but where it is sensed once more.
 */
static void test_cut(void)
{
    static const char *const events[][2] = {
        {"a", POOL_A},
        {"b", "{'event': 'progress', 'blocks': 97, 'refused': 4, 'masked': 7, "
              "'mb': 1}"},
        {"x", EDGE_A},
        {"y", "{'event': 'progress', 'sensed': 40, 'sent': 30, 'filtered': 2, "
              "'dropped': 1}"},
        {"z", "{'event': 'progress', 'sensed': 20, 'sent': 11, 'rereadable': "
              "true}"},
    };
    json_t *s = summary_of(events, COUNT(events));
    const json_t *b = json_object_get(s, "blocks");

    CU_ASSERT_EQUAL(value_int(b, "applied"), 97);
    CU_ASSERT_EQUAL(value_int(b, "refused"), 4);
    CU_ASSERT_EQUAL(value_int(b, "fetched"), 101); /* what is in was fetched */
    CU_ASSERT_EQUAL(value_int(json_object_get(s, "rows"), "masked"), 10);
    CU_ASSERT_EQUAL(value_int(b, "sensed"), 70 + 40 + 11);
    CU_ASSERT_EQUAL(value_int(b, "sent"), 64 + 30 + 11);
    CU_ASSERT_EQUAL(value_int(b, "lost"), 40 - 30 - 2 - 1);
    CU_ASSERT_EQUAL(value_int(b, "filtered"), 3 + 2);
    json_decref(s);
}

/* --- verdict and totals: whichever pool is heard first --- */

/* The pool that ended first had worked, and the one that ended last was idle
 * and had seen the last commit.
 */
static void test_orders(void)
{
    static const char *const pools[][2] = {
        {"a", "{'event': 'pool', 'ranks': 2, 'seconds': 10, 'busy_s': 19, "
              "'points': 900, 'blocks': {'fetched': 90, 'applied': 90}, "
              "'first_ns': 1000000000, 'last_ns': 11000000000, 'model': "
              "{'kind': 'k', 'version': 7}}"},
        {"b", "{'event': 'pool', 'ranks': 2, 'seconds': 10, 'busy_s': 15, "
              "'points': 1000, 'blocks': {'fetched': 10, 'applied': 100}, "
              "'first_ns': 1000000000, 'last_ns': 10900000000, 'model': "
              "{'kind': 'k', 'version': 8}}"}};

    for (int first = 0; first < 2; first++) {
        const char *events[2][2] = {{pools[first][0], pools[first][1]},
                                    {pools[1 - first][0], pools[1 - first][1]}};
        json_t *s = summary_of(events, 2);
        const json_t *v = json_object_get(s, "verdict");

        CU_ASSERT_EQUAL(value_int(s, "points"), 1000);
        CU_ASSERT_EQUAL(value_int(json_object_get(s, "model"), "version"), 8);
        UNIT_EQUAL(value_text(v, "bottleneck", ""), "kernel");
        /* of one of them alone it would be 95% or 75%; cores may be few */
        UNIT_CONTAINS(value_text(v, "text", ""), "processing-bound: the pool");
        CU_ASSERT_PTR_NULL(strstr(value_text(v, "text", ""), "75%"));
        json_decref(s);
    }
}

/* --- advice: pilots of a side are one --- */

#define SIDE(what, n, busy, fetch, bytes, blocks)                         \
    "{'" what "': " #n ", 'seconds': 10, 'busy_s': " #busy                \
    ", 'fetch_s': " #fetch ", 'bytes': " #bytes ", 'wire_bytes': " #bytes \
    ", 'paced_s': 0, 'core_speed': 100, 'blocks': {" blocks "}}"
#define POOL_ALL SIDE("ranks", 4, 36, 2, 1e9, "'fetched': 1000")
#define POOL_HALF SIDE("ranks", 2, 18, 1, 5e8, "'fetched': 500")
#define EDGE_ALL SIDE("devices", 8, 10, 0, 1e9, "'sensed': 1200, 'sent': 1000")
#define EDGE_HALF SIDE("devices", 4, 5, 0, 5e8, "'sensed': 600, 'sent': 500")
#define ONE "{'p': " POOL_ALL ", 'e': " EDGE_ALL "}"
#define TWO                                                      \
    "{'p': " POOL_HALF ", 'e': " EDGE_HALF ", 'p.2': " POOL_HALF \
    ", 'e.2': " EDGE_HALF "}"

static json_t *advised(const char *bottleneck, const char *detail)
{
    json_t *d = json_quoted(detail), *v, *facts, *o;

    v = json_pack("{s:s}", "bottleneck", bottleneck);
    facts = json_quoted("{'partitions': 16, 'compression': 'none', 'cores': "
                        "64}");
    o = monitor_advice(d, v, facts);
    json_decref(facts);
    json_decref(v);
    json_decref(d);
    return o;
}

static void test_advice(void)
{
    static const char *const bottlenecks[] = {"kernel", "edge", "link",
                                              "source", "none"};
    char whole[4096];

    for (size_t i = 0; i < COUNT(bottlenecks); i++) {
        json_t *one = advised(bottlenecks[i], ONE);
        json_t *two = advised(bottlenecks[i], TWO);

        CU_ASSERT_PTR_NOT_NULL_FATAL(one);
        CU_ASSERT(strlen(value_text(one, "text", "")) > 20);
        snprintf(whole, sizeof(whole), "%s", json_shown(one));
        UNIT_EQUAL(json_shown(two), whole);
    }
}

/* Devices have ended, and the pool works off what it has fetched before. */
static void test_backlog(void)
{
    json_t *o = advised(
        "kernel",
        "{'p': {'ranks': 2, 'seconds': 4, 'busy_s': 8, 'fetch_s': 0, 'blocks': "
        "{'fetched': 0, 'applied': 8}}, 'e': {'event': 'edge', 'devices': 4, "
        "'seconds': 10, 'busy_s': 4, 'paced_s': 36, 'blocks': {'sensed': 40, "
        "'sent': 40}}}");

    UNIT_EQUAL(value_text(o, "advice", ""), "more-ranks");
    CU_ASSERT_EQUAL(value_real(json_object_get(o, "ranks"), "advised"), 6);
    json_decref(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"sums over pools and edges", test_sums},
        {"the first of each kind", test_firsts},
        {"edges alone", test_edges_alone},
        {"pilots that were cut off", test_cut},
        {"pools in any order", test_orders},
        {"advice to several pilots", test_advice},
        {"advice while a backlog is worked off", test_backlog},
        {NULL, NULL},
    };

    return unit_main("summary_many", tests);
}
