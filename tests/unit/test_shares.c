/* test_shares.c - what each hop of a run has of its time, of planted figures.
 */
#include "unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "json_quoted.h"
#include "src/monitor/shares.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct shares shares_at(const char *pool, const char *edges, int cores)
{
    json_t *p = json_quoted(pool), *e = json_quoted(edges);
    struct shares s = shares_of(p, e, cores);

    json_decref(e);
    json_decref(p);
    return s;
}

/* "edge 0.50 link - ...": the share of each hop, "-" where it is not known. */
static const char *uses(const struct shares *s)
{
    static const char *const names[HOPS] = {
        [HOP_EDGE] = "edge",     [HOP_LINK] = "link",
        [HOP_BROKER] = "broker", [HOP_FETCH] = "fetch",
        [HOP_KERNEL] = "kernel", [HOP_REDUCE] = "reduce",
        [HOP_PARAMS] = "params"};
    static char out[256];
    int n = 0;

    for (int i = 0; i < HOPS; i++) {
        const char *gap = i ? " " : "";

        if (s->known[i])
            n += snprintf(out + n, sizeof(out) - (size_t)n, "%s%s %.2f", gap,
                          names[i], s->use[i]);
        else
            n += snprintf(out + n, sizeof(out) - (size_t)n, "%s%s -", gap,
                          names[i]);
    }
    return out;
}

typedef struct row {
    const char *pool, *edges;
    int cores;
    const char *want;
} row;

static void check(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct shares s = shares_at(rows[i].pool, rows[i].edges, rows[i].cores);

        UNIT_EQUAL(uses(&s), rows[i].want);
        for (int k = 0; k < HOPS; k++)
            CU_ASSERT(s.use[k] >= 0 && s.use[k] <= 1);
    }
}

#define NONE "edge - link - broker - fetch - kernel - reduce - params -"

/* Figures that are missing, or none: nothing is known, and nothing divided by.
 */
static void test_bad(void)
{
    static const row rows[] = {
        {"null", "null", 0, NONE},
        {"{}", "[]", 0, NONE},
        {"[]", "{}", 2, NONE},
        {"{}", "[null, 3, 'x', []]", 2, NONE},
        {"{'ranks': 'two', 'seconds': '10', 'busy_s': true}", "[]", 2, NONE},
        {"{'ranks': 0, 'seconds': 10, 'busy_s': 3}", "[]", 2, NONE},
        {"{'ranks': 2, 'seconds': 0, 'busy_s': 3, 'commits': 0}", "[]", 2,
         NONE},
        {"{}", "[{'devices': 0, 'seconds': 10, 'busy_s': 3}]", 2, NONE},
        {"{}", "[{'devices': 2, 'busy_s': 3}]", 2, NONE}, /* how long? */
        {"{'latency_ms': 7}", "[{'answers': 7, 'blocks': []}]", 2, NONE},
        /* clocks that disagree: no more than all of the time */
        {"{'ranks': 1, 'seconds': 1, 'busy_s': 30, 'fetch_s': 4, 'reduce_s': "
         "9, 'held_s': 9, 'starved_s': 9}",
         "[{'devices': 1, 'seconds': 1, 'busy_s': 50, 'blocked_s': 50}]", 1,
         "edge 1.00 link - broker 1.00 fetch 1.00 kernel 1.00 reduce 1.00 "
         "params 0.00"},
    };

    check(rows, COUNT(rows));
}

/* --- several edges --- */

#define EDGE(devices, seconds, busy, blocked)                             \
    "{'devices': " #devices ", 'seconds': " #seconds ", 'busy_s': " #busy \
    ", 'blocked_s': " #blocked "}"

/* Times are those of all devices of all pilots, over the longest of them. */
static void test_edges(void)
{
    static const row rows[] = {
        {"{}", "[" EDGE(2, 10, 5, 1) "]", 2,
         "edge 0.25 link - broker 0.05 fetch - kernel - reduce - params -"},
        /* as much on another host, and none on a third */
        {"{}", "[" EDGE(2, 10, 5, 1) "," EDGE(2, 10, 15, 3) "]", 2,
         "edge 0.50 link - broker 0.10 fetch - kernel - reduce - params -"},
        {"{}",
         "[" EDGE(2, 10, 5, 1) "," EDGE(2, 10, 15, 3) "," EDGE(4, 10, 0, 0) "]",
         2, "edge 0.25 link - broker 0.05 fetch - kernel - reduce - params -"},
        /* who was done early has headroom for the rest of the run */
        {"{}", "[" EDGE(1, 10, 10, 0) "," EDGE(1, 40, 10, 0) "]", 2,
         "edge 0.25 link - broker 0.00 fetch - kernel - reduce - params -"},
        {"{'ranks': 1, 'seconds': 80, 'busy_s': 40}",
         "[" EDGE(1, 10, 10, 0) "," EDGE(1, 40, 10, 0) "]", 2,
         "edge 0.12 link - broker 0.00 fetch 0.00 kernel 0.50 reduce 0.00 "
         "params 0.00"},
        /* a pilot that has told nothing yet takes nothing away */
        {"{}", "[null, " EDGE(2, 10, 5, 1) ", {}]", 2,
         "edge 0.25 link - broker 0.05 fetch - kernel - reduce - params -"},
    };

    check(rows, COUNT(rows));
}

/* Blocks are counted by themselves while a run goes on, and in an object at
 * its end; those of all pilots together.
 */
static void test_dropped(void)
{
    static const struct {
        const char *edges;
        double dropped, broker;
    } rows[] = {
        {"[{'devices': 1, 'seconds': 10, 'sensed': 100, 'dropped': 40}]", 0.4,
         0.88},
        {"[{'devices': 1, 'seconds': 10, 'blocks': {'sensed': 100, 'dropped': "
         "40}}]",
         0.4, 0.88},
        {"[{'devices': 1, 'seconds': 10, 'blocks': {'sensed': 100, 'dropped': "
         "40}}, {'devices': 1, 'seconds': 10, 'sensed': 100}]",
         0.2, 0.84},
        /* of a hundred one is none */
        {"[{'devices': 1, 'seconds': 10, 'sensed': 100, 'dropped': 1, "
         "'blocked_s': 3}]",
         0.01, 0.3},
        {"[{'devices': 1, 'seconds': 10, 'sensed': 0, 'dropped': 0}]", 0, 0},
        {"[{'devices': 1, 'seconds': 10, 'sensed': 1, 'dropped': 9}]", 1, 1},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct shares s = shares_at("{}", rows[i].edges, 2);

        CU_ASSERT_DOUBLE_EQUAL(s.dropped, rows[i].dropped, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(s.use[HOP_BROKER], rows[i].broker, 1e-12);
    }
}

/* --- the pool --- */

static void test_pool(void)
{
    static const row rows[] = {
        {"{'ranks': 2, 'seconds': 10, 'busy_s': 8, 'fetch_s': 4}", "[]", 2,
         "edge - link - broker - fetch 0.20 kernel 0.60 reduce 0.00 params "
         "0.00"},
        /* what takes more is as near to its limit as both */
        {"{'ranks': 2, 'seconds': 10, 'busy_s': 4, 'fetch_s': 8}", "[]", 2,
         "edge - link - broker - fetch 0.60 kernel 0.20 reduce 0.00 params "
         "0.00"},
        /* ranks that share cores are no more lanes than those */
        {"{'ranks': 4, 'seconds': 10, 'busy_s': 8, 'fetch_s': 4}", "[]", 2,
         "edge - link - broker - fetch 0.20 kernel 0.60 reduce 0.00 params "
         "0.00"},
        {"{'ranks': 4, 'seconds': 10, 'busy_s': 8, 'fetch_s': 4}", "[]", 0,
         "edge - link - broker - fetch 0.10 kernel 0.30 reduce 0.00 params "
         "0.00"}, /* how many is not known */
        {"{'ranks': 2, 'seconds': 10, 'busy_s': 8}", "[]", 64,
         "edge - link - broker - fetch 0.00 kernel 0.40 reduce 0.00 params "
         "0.00"},
        /* ranks wait though there is something; alone they see no broker */
        {"{'ranks': 2, 'seconds': 10, 'busy_s': 2, 'starved_s': 14}", "[]", 2,
         "edge - link - broker 0.00 fetch 0.70 kernel 0.10 reduce 0.00 params "
         "0.00"},
    };

    check(rows, COUNT(rows));
}

static void test_commits(void)
{
    static const struct {
        const char *more;
        double reduce, params, ms, every_s;
        bool behind;
    } rows[] = {
        {"'commits': 0", 0, 0, 0, 0, false},
        {"'commits': 20, 'commit_s': 2", 0, 0, 100, 0.5, false},
        {"'commits': 20, 'reduce_s': 10, 'commit_s': 2", 0.5, 0, 100, 0.5,
         false},
        /* what is held up is held up by whoever takes the time */
        {"'commits': 20, 'held_s': 10, 'commit_s': 4, 'store_s': 3, 'apply_s':"
         " 1",
         0.125, 0.375, 200, 0.5, false},
        {"'commits': 20, 'held_s': 10, 'commit_s': 1, 'store_s': 3, 'apply_s':"
         " 1", /* a sum is no less than its parts */
         0.125, 0.375, 200, 0.5, false},
        /* a quarter of a second each: the next one waits for it */
        {"'commits': 20, 'commit_s': 5, 'store_s': 4, 'apply_s': 1", 0.1, 0.4,
         250, 0.5, true},
        {"'commits': 20, 'commit_s': 4.9, 'store_s': 4, 'apply_s': 0.9", 0, 0,
         245, 0.5, false},
        {"'commits': 0, 'store_s': 9.8", 0, 0.98, 9800, 0, true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char pool[256];
        struct shares s;

        snprintf(pool, sizeof(pool), "{'ranks': 2, 'seconds': 10, %s}",
                 rows[i].more);
        s = shares_at(pool, "[]", 2);
        CU_ASSERT_DOUBLE_EQUAL(s.use[HOP_REDUCE], rows[i].reduce, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(s.use[HOP_PARAMS], rows[i].params, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(s.commit_ms, rows[i].ms, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(s.every_s, rows[i].every_s, 1e-12);
        CU_ASSERT_EQUAL(s.behind, rows[i].behind);
    }
}

/* --- answers of the broker --- */

#define ANSWERS(n, quick, slow, throttle)                                \
    "'answers': {'n': " #n ", 'quick_ms': " #quick ", 'slow_ms': " #slow \
    ", 'throttle_ms': " #throttle "}"
#define BLOCKED(answers) \
    "{'devices': 1, 'seconds': 10, 'blocked_s': 6, " answers "}"

/* Means over the seconds of all pilots, not of their means. */
static void test_answers(void)
{
    struct shares s =
        shares_at("{'ranks': 1, 'seconds': 10, " ANSWERS(4, 2, 8, 0) "}",
                  "[" BLOCKED(ANSWERS(1, 10, 90, 3)) "," BLOCKED(
                      ANSWERS(9, 20, 210, 1)) ", {}]",
                  2);

    CU_ASSERT(s.edge.known && s.ranks.known);
    CU_ASSERT_DOUBLE_EQUAL(s.edge.quick_ms, 3, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(s.edge.slow_ms, 30, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(s.edge.throttle_ms, 0.4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(s.ranks.quick_ms, 0.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(s.ranks.slow_ms, 2, 1e-12);
    s = shares_at("{" ANSWERS(0, 5, 5, 5) "}", "[]", 2);
    CU_ASSERT_FALSE(s.edge.known || s.ranks.known);
    CU_ASSERT_EQUAL(s.ranks.slow_ms, 0);
}

/* Who is waited for: the link, where every answer is late on one side; the
 * broker, where a quota holds back or both sides see it.
 */
static void test_way(void)
{
    static const struct {
        const char *edge, *ranks; /* answers */
        double link, broker;
        enum hop way;
    } rows[] = {
        {ANSWERS(1, 40, 300, 0), ANSWERS(1, 1, 100, 0), 0.6, 0, HOP_LINK},
        {ANSWERS(1, 39.9, 300, 0), ANSWERS(1, 1, 100, 0), 0, 0.6, HOP_BROKER},
        {ANSWERS(1, 40, 300, 1), ANSWERS(1, 1, 100, 0), 0, 0.6, HOP_BROKER},
        {ANSWERS(1, 40, 300, 0.9), ANSWERS(1, 1, 100, 0), 0.6, 0, HOP_LINK},
        /* as slow for ranks: a quarter of it, and more than they ask for */
        {ANSWERS(1, 40, 1000, 0), ANSWERS(1, 1, 250, 0), 0, 0.6, HOP_BROKER},
        {ANSWERS(1, 40, 1001, 0), ANSWERS(1, 1, 250, 0), 0.6, 0, HOP_LINK},
        {ANSWERS(1, 40, 300, 0), ANSWERS(1, 1, 249, 0), 0.6, 0, HOP_LINK},
        /* one side alone tells nothing of a link */
        {ANSWERS(1, 40, 300, 0), "'x': 0", 0, 0.6, HOP_BROKER},
        /* slow for ranks alone: they fetch too slowly */
        {ANSWERS(1, 1, 5, 0), ANSWERS(1, 1, 900, 0), 0, 0.6, HOP_FETCH},
        {ANSWERS(1, 1, 5, 0), ANSWERS(1, 1, 900, 2), 0, 0.6, HOP_BROKER},
        {"'x': 0", ANSWERS(1, 1, 900, 0), 0, 0.6, HOP_BROKER},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char pool[256], edges[256];
        struct shares s;

        snprintf(pool, sizeof(pool), "{'ranks': 1, 'seconds': 10, %s}",
                 rows[i].ranks);
        snprintf(edges, sizeof(edges),
                 "[{'devices': 1, 'seconds': 10, 'blocked_s': 6, %s}]",
                 rows[i].edge);
        s = shares_at(pool, edges, 2);
        CU_ASSERT_DOUBLE_EQUAL(s.use[HOP_LINK], rows[i].link, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(s.use[HOP_BROKER], rows[i].broker, 1e-12);
        CU_ASSERT_EQUAL(s.way, rows[i].way);
    }
}

/* --- how late blocks are --- */

static void test_late(void)
{
    static const struct {
        const char *pool, *edges;
        double late_ms, start_ms;
    } rows[] = {
        {"{'seconds': 2, 'latency_ms': {'broker': {'p50': 250}, 'start': "
         "{'max': 70}}}",
         "[{'devices': 1}]", 250, 70},
        {"{'seconds': 2, 'latency_ms': {'broker': {'p50': 249}}}",
         "[{'devices': 1}]", 0, 0},
        /* a tenth of the run, or no word */
        {"{'seconds': 10, 'latency_ms': {'broker': {'p50': 1000}}}",
         "[{'devices': 1}]", 1000, 0},
        {"{'seconds': 10, 'latency_ms': {'broker': {'p50': 999}}}",
         "[{'devices': 1}]", 0, 0},
        /* those of others are not ours to rate */
        {"{'seconds': 2, 'latency_ms': {'broker': {'p50': 900}}}", "[]", 0, 0},
        /* a mean, where a run goes on */
        {"{'seconds': 2, 'way_s': 30, 'blocks': {'applied': 100}}",
         "[{'devices': 1}]", 300, 0},
        {"{'seconds': 2, 'way_s': 30, 'blocks': {'applied': 0}}",
         "[{'devices': 1}]", 0, 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct shares s = shares_at(rows[i].pool, rows[i].edges, 2);

        CU_ASSERT_DOUBLE_EQUAL(s.late_ms, rows[i].late_ms, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(s.start_ms, rows[i].start_ms, 1e-9);
    }
}

/* --- several pools --- */

#define PART(ranks, busy, more)                             \
    "{'ranks': " #ranks ", 'seconds': 10, 'busy_s': " #busy \
    ", 'fetch_s': 1" more "}"

/* Ranks of all pools are the pool, whichever is told first: one that idles does
 * not hide one that is at its limit, nor the other way round.
 */
static void test_pools(void)
{
    static const struct {
        const char *a, *b;
        int cores;
        const char *want;
    } rows[] = {
        {PART(2, 19, ""), PART(2, 0, ""), 8,
         "edge - link - broker - fetch 0.05 kernel 0.53 reduce 0.00 params "
         "0.00"},
        {PART(2, 19, ""), PART(2, 18, ""), 8,
         "edge - link - broker - fetch 0.05 kernel 0.97 reduce 0.00 params "
         "0.00"},
        /* which share two cores */
        {PART(2, 9, ""), PART(2, 9, ""), 2,
         "edge - link - broker - fetch 0.10 kernel 1.00 reduce 0.00 params "
         "0.00"},
        {PART(2, 0, ", 'reduce_s': 10"), PART(6, 0, ", 'reduce_s': 30"), 8,
         "edge - link - broker - fetch 0.03 kernel 0.00 reduce 0.50 params "
         "0.00"},
        {PART(2, 0, ", 'starved_s': 18"), PART(2, 0, ", 'starved_s': 10"), 8,
         "edge - link - broker 0.00 fetch 0.70 kernel 0.00 reduce 0.00 params "
         "0.00"},
        /* commits of the one that they hold up */
        {PART(2, 0, ", 'commits': 10, 'commit_s': 10, 'store_s': 9.7"),
         PART(2, 0, ", 'commits': 100, 'commit_s': 2, 'store_s': 1"), 8,
         "edge - link - broker - fetch 0.05 kernel 0.00 reduce 0.00 params "
         "0.97"},
        /* one behind the other: together for twice as long, at once never */
        {PART(2, 19, ", 'first_ns': 1000000000, 'last_ns': 11000000000"),
         PART(2, 9, ", 'first_ns': 31000000000, 'last_ns': 41000000000"), 2,
         "edge - link - broker - fetch 0.05 kernel 0.75 reduce 0.00 params "
         "0.00"},
        /* and half of the time at once */
        {PART(2, 19, ", 'first_ns': 1000000000, 'last_ns': 11000000000"),
         PART(2, 9, ", 'first_ns': 6000000000, 'last_ns': 16000000000"), 8,
         "edge - link - broker - fetch 0.05 kernel 0.75 reduce 0.00 params "
         "0.00"},
    };

    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        bool turned = i % 2;
        char pools[1024];
        struct shares s;

        snprintf(pools, sizeof(pools), "[%s, %s]",
                 turned ? rows[i / 2].b : rows[i / 2].a,
                 turned ? rows[i / 2].a : rows[i / 2].b);
        s = shares_at(pools, "[]", rows[i / 2].cores);
        UNIT_EQUAL(uses(&s), rows[i / 2].want);
    }
}

/* How late half of the blocks were is true of each pool that had some; the
 * stream waited for the pool that came first.
 */
static void test_pools_late(void)
{
#define LATE(first, n, p50, start)                          \
    "{'ranks': 2, 'seconds': 10, 'first_ns': " #first       \
    ", 'latency_ms': {'broker': {'n': " #n ", 'p50': " #p50 \
    "}, 'start': {'max': " #start "}}}"
    static const char *const edges = "[" EDGE(2, 10, 1, 0) "]";
    static const char *const orders[] = {
        "[" LATE(5, 100, 8000, 900) "," LATE(9, 50, 5000,
                                             7000) "," LATE(7, 3, 1, 1) "]",
        "[" LATE(7, 3, 1, 1) "," LATE(9, 50, 5000, 7000) "," LATE(5, 100, 8000,
                                                                  900) "]"};

    for (int i = 0; i < 2; i++) {
        struct shares s = shares_at(orders[i], edges, 2);

        CU_ASSERT_EQUAL(s.late_ms, 5000);
        CU_ASSERT_EQUAL(s.start_ms, 900);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"figures that are none", test_bad},
        {"several edges", test_edges},
        {"blocks that are dropped", test_dropped},
        {"a pool", test_pool},
        {"commits", test_commits},
        {"answers of several pilots", test_answers},
        {"link, broker or fetch", test_way},
        {"blocks that are late", test_late},
        {"several pools, in any order", test_pools},
        {"blocks of several pools that were late", test_pools_late},
        {NULL, NULL},
    };

    return unit_main("shares", tests);
}
