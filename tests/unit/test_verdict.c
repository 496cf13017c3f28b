/* test_verdict.c - which hop bounds a run, by figures. */
#include "unit.h"

#include <stdio.h>

#include "json_quoted.h"
#include "src/monitor/monitor.h"

#define POOL(busy, fetch, more)                                                \
    "{'ranks': 2, 'seconds': 10, 'busy_s': " #busy ", 'fetch_s': " #fetch more \
    "}"
#define EDGE(seconds, busy, blocked, paced, more)              \
    "{'devices': 4, 'seconds': " #seconds ", 'busy_s': " #busy \
    ", 'blocked_s': " #blocked ", 'paced_s': " #paced more "}"
#define ANSWERS(n, quick, slow, throttle)                                  \
    ", 'answers': {'n': " #n ", 'quick_ms': " #quick ", 'slow_ms': " #slow \
    ", 'throttle_ms': " #throttle "}"

static const struct {
    const char *pool, *edges;
    int cores;
    const char *bottleneck, *text;
} verdicts[] = {
    {"{}", "[]", 2, "unknown", "no verdict: nothing was measured"},
    {"null", "[]", 2, "unknown", "no verdict: nothing was measured"},
    /* a run that is start and end alone */
    {"{'ranks': 4, 'seconds': 0.09, 'reduce_s': 0.36}", "[]", 2, "none",
     "too short to tell: the pool was done with all blocks in 90 ms"},
    {"{'ranks': 4, 'seconds': 0.25, 'reduce_s': 1}", "[]", 2, "reduce",
     "reduce-bound: ranks are in epochs 100% of the time; the pool was idle"},
    /* --- kernel --- */
    {POOL(15.4, 4, ), "[" EDGE(10, 12.9, 20, 0, ) "]", 2, "kernel",
     "processing-bound: the pool is 97% busy (77% in functions, 20% with "
     "records); edge has 3.1x headroom, broker 2.0x"},
    /* edges that were done early have headroom */
    {POOL(16, 4, ), "[" EDGE(5, 20, 0, 0, ) "]", 2, "kernel",
     "processing-bound: the pool is 100% busy (80% in functions, 20% with "
     "records); edge has 2.0x headroom; the broker was never waited for"},
    /* a pool at its limit is that, whatever the sources do */
    {POOL(18, 1, ), "[" EDGE(10, 8, 0, 30, ) "]", 2, "kernel",
     "processing-bound: the pool is 95% busy (90% in functions, 5% with "
     "records); edge has 5.0x headroom; the broker was never waited for"},
    /* two ranks on one core are one lane */
    {POOL(4, 2, ), "[]", 1, "kernel",
     "processing-bound: the pool is 60% busy (40% in functions, 20% with "
     "records)"},
    /* and the commits that come late behind it are no matter */
    {POOL(18, 0, ", 'commits': 10, 'commit_s': 10, 'store_s': 9.9"), "[]", 2,
     "kernel",
     "processing-bound: the pool is 90% busy; params has 1.0x headroom"},
    /* --- edge, source --- */
    {POOL(2, 2, ), "[" EDGE(10, 36, 0, 0, ) "]", 2, "edge",
     "edge-bound: the edge is 90% busy; pool has 5.0x headroom; the broker "
     "was never waited for"},
    {"null", "[" EDGE(10, 30, 0, 0, ) "," EDGE(10, 34, 0, 0, ) "]", 2, "edge",
     "edge-bound: the edge is 80% busy; the broker was never waited for"},
    {POOL(4, 4, ), "[" EDGE(10, 8, 0, 30, ) "]", 2, "source",
     "source-bound (rate): the sources are waited for 75% of the time; edge "
     "has 5.0x headroom, pool 2.5x; the broker was never waited for"},
    {POOL(4, 2, ), "[" EDGE(10, 8, 0, 0, ) "]", 2, "none",
     "nothing is at its limit: the pool is 30% busy (20% in functions, 10% "
     "with records); edge has 5.0x headroom; the broker was never waited for"},
    /* --- the way to the broker, and the broker --- */
    {POOL(2, 2, ), "[" EDGE(10, 4, 34, 0, ) "]", 2, "broker",
     "broker-bound: devices wait for the broker 85% of the time; edge has "
     "10.0x headroom, pool 5.0x"},
    /* every answer takes its time, and for devices alone: the link */
    {POOL(2, 2, ANSWERS(20, 20, 2100, 0)),
     "[" EDGE(10, 4, 34, 0, ANSWERS(10, 1500, 9000, 0)) "]", 2, "link",
     "link-bound: devices wait for the broker 85% of the time, the "
     "broker's answers take 150 ms to 900 ms for devices and 1.0 ms to 105 ms "
     "for ranks; edge "
     "has 10.0x headroom, pool 5.0x"},
    /* some come at once: it has too much to do */
    {POOL(2, 2, ANSWERS(20, 20, 2100, 0)),
     "[" EDGE(10, 4, 34, 0, ANSWERS(10, 20, 9000, 0)) "]", 2, "broker",
     "broker-bound: devices wait for the broker 85% of the time, the "
     "broker's answers take 2.0 ms to 900 ms for devices and 1.0 ms to 105 ms "
     "for ranks; edge "
     "has 10.0x headroom, pool 5.0x"},
    /* they take as long for ranks */
    {POOL(2, 2, ANSWERS(20, 200, 16000, 0)),
     "[" EDGE(10, 4, 34, 0, ANSWERS(10, 1500, 9000, 0)) "]", 2, "broker",
     "broker-bound: devices wait for the broker 85% of the time, the "
     "broker's answers take 150 ms to 900 ms for devices and 10 ms to 800 ms "
     "for ranks; edge "
     "has 10.0x headroom, pool 5.0x"},
    /* it says itself that it holds them back */
    {POOL(2, 2, ANSWERS(20, 20, 2100, 0)),
     "[" EDGE(10, 4, 34, 0, ANSWERS(10, 1500, 9000, 4000)) "]", 2, "broker",
     "broker-bound: devices wait for the broker 85% of the time, the "
     "broker's answers take 150 ms to 900 ms for devices and 1.0 ms to 105 ms "
     "for ranks, of it "
     "400 ms by a quota; edge has 10.0x headroom, pool 5.0x"},
    /* one that drops never waits */
    {POOL(2, 2, ANSWERS(20, 20, 2100, 0)),
     "[" EDGE(10, 4, 0, 30,
              ", 'blocks': {'sensed': 100, 'dropped': 40}" ANSWERS(
                  10, 1500, 9000, 0)) "]",
     2, "link",
     "link-bound: devices drop 40% of their blocks, which the broker does not "
     "take in time, the broker's answers take 150 ms to 900 ms for devices and "
     "1.0 ms "
     "to 105 ms for ranks; edge has 10.0x headroom, pool 5.0x"},
    /* --- fetch --- */
    {POOL(2, 1, ", 'starved_s': 17" ANSWERS(20, 8000, 40000, 0)),
     "[" EDGE(2, 6, 0, 0, ANSWERS(2, 2, 20, 0)) "]", 2, "fetch",
     "fetch-bound: ranks wait 85% of the time for records that the topic has, "
     "the broker's answers take 400 ms to 2.0 s for ranks and 1.0 ms to 10 ms "
     "for devices; edge has 6.7x headroom; the broker was never waited for"},
    {POOL(2, 1, ", 'starved_s': 17" ANSWERS(20, 200, 40000, 0)),
     "[" EDGE(2, 6, 0, 0, ANSWERS(2, 2, 3000, 0)) "]", 2, "broker",
     "broker-bound: ranks wait 85% of the time for records that the topic has, "
     "the broker's answers take 10 ms to 2.0 s for ranks and 1.0 ms to 1.5 s "
     "for devices; edge has 6.7x headroom, pool 6.7x"},
    {POOL(4, 14, ), "[" EDGE(10, 8, 0, 0, ) "]", 2, "fetch",
     "fetch-bound: ranks take records 70% of the time and are in functions "
     "20%; edge has 5.0x headroom; the broker was never waited for"},
    /* --- reduce, params --- */
    {POOL(2, 0, ", 'reduce_s': 15"), "[" EDGE(10, 8, 0, 0, ) "]", 2, "reduce",
     "reduce-bound: ranks are in epochs 75% of the time; edge has 5.0x "
     "headroom, pool 10.0x; the broker was never waited for"},
    {POOL(2, 0,
          ", 'held_s': 17, 'commits': 100, 'commit_s': 9, 'store_s': "
          "0.9, 'apply_s': 6"),
     "[]", 2, "reduce",
     "reduce-bound: ranks wait 85% of the time for the commit of the epoch "
     "before, and one takes 90 ms, of which Redis has 10%; pool has 10.0x "
     "headroom"},
    {POOL(2, 0,
          ", 'held_s': 17, 'commits': 100, 'commit_s': 9, 'store_s': "
          "8.1, 'apply_s': 0.1"),
     "[]", 2, "params",
     "params-bound: ranks wait 85% of the time for the commit of the epoch "
     "before, and one takes 90 ms, of which Redis has 90%; pool has 10.0x "
     "headroom"},
    /* nobody waits for commits, but they come as late as Redis takes them */
    {POOL(2, 0, ", 'commits': 10, 'commit_s': 10, 'store_s': 9.7"),
     "[" EDGE(10, 8, 0, 30, ) "]", 2, "params",
     "params-bound: a commit begins when the one before is done, and one takes "
     "1.0 s, of which Redis has 97%; edge has 5.0x headroom, pool 10.0x; the "
     "broker was never waited for"},
    /* the first of them has no answer yet */
    {POOL(2, 0, ", 'commits': 0, 'store_s': 9.8"), "[]", 2, "params",
     "params-bound: a commit begins when the one before is done, and one takes "
     "9.8 s, of which Redis has 100%; pool has 10.0x headroom"},
    /* --- idle, and yet half of the blocks waited --- */
    {"{'ranks': 2, 'seconds': 10, 'busy_s': 2, 'reduce_s': 1, 'latency_ms': "
     "{'broker': {'p50': 8000}, 'start': {'max': 8400}}}",
     "[" EDGE(10, 4, 0, 30, ) "]", 2, "start",
     "start-bound: the first block waited 8.4 s for the pool to come up, half "
     "of all 8.0 s or longer; edge has 10.0x headroom"},
    {"{'ranks': 2, 'seconds': 10, 'busy_s': 2, 'reduce_s': 8, 'latency_ms': "
     "{'broker': {'p50': 8000}, 'start': {'max': 40}}}",
     "[" EDGE(10, 4, 0, 0, ) "]", 2, "reduce",
     "reduce-bound: half of the blocks waited 8.0 s or longer for a rank, with "
     "ranks 10% busy and 40% in epochs; edge has 10.0x headroom, reduce 2.5x"},
    {"{'ranks': 2, 'seconds': 3.4, 'busy_s': 0, 'reduce_s': 0.2, 'latency_ms': "
     "{'broker': {'p50': 768.9}, 'start': {'max': 300}}}",
     "[" EDGE(5, 0.2, 0, 12, ) "]", 2, "broker",
     "broker-bound: half of the blocks were 768 ms or longer on their way from "
     "a device to a rank; edge has 100.0x headroom; the pool was idle"},
    /* the source had its pace, and was through long before the broker */
    {"{'ranks': 4, 'seconds': 15, 'busy_s': 0.03, 'reduce_s': 0.3, "
     "'latency_ms': {'broker': {'p50': 6979}, 'start': {'max': 1213}}}",
     "[" EDGE(15.5, 0.4, 49, 9.6, ) "]", 2, "broker",
     "broker-bound: devices wait for the broker 79% of the time; the edge was "
     "idle; the pool was idle"},
    /* which is nothing in an hour */
    {"{'ranks': 2, 'seconds': 3600, 'busy_s': 720, 'latency_ms': {'broker': "
     "{'p50': 738}, 'start': {'max': 738}}}",
     "[" EDGE(3600, 1440, 0, 12960, ) "]", 2, "source",
     "source-bound (rate): the sources are waited for 90% of the time; edge "
     "has 10.0x headroom, pool 10.0x; the broker was never waited for"},
    /* since when records of others lie there is not ours to rate */
    {"{'ranks': 2, 'seconds': 10, 'busy_s': 2, 'latency_ms': {'broker': "
     "{'p50': 8e9}, 'start': {'max': 8e9}}}",
     "[]", 2, "none", "nothing is at its limit: the pool is 10% busy"},
};

static json_t *verdict_of(const char *pool, const char *edges, int cores)
{
    json_t *p = json_quoted(pool), *e = json_quoted(edges);
    json_t *v = monitor_verdict(p, e, cores);

    json_decref(e);
    json_decref(p);
    return v;
}

static void test_verdict(void)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        json_t *v =
            verdict_of(verdicts[i].pool, verdicts[i].edges, verdicts[i].cores);
        UNIT_EQUAL(json_string_value(json_object_get(v, "text")),
                   verdicts[i].text);
        UNIT_EQUAL(json_string_value(json_object_get(v, "bottleneck")),
                   verdicts[i].bottleneck);
        json_decref(v);
    }
}

#define LAYER(NAME, I) \
    ", 'layer': {'name': '" NAME "', 'index': " #I ", 'of': 3}"

/* Of pools in a row the one that bounds the run is named. */
static void test_layers(void)
{
    static const struct {
        const char *pools, *edges, *layer, *bottleneck, *text;
    } rows[] = {
        {"[" POOL(1, 1, LAYER("g", 0)) "," POOL(19, 1, LAYER("s", 1)) "," POOL(
             1, 1, LAYER("c", 2)) "]",
         "[" EDGE(10, 1, 0, 30, ) "]", "s", "kernel",
         "layer s: processing-bound: the pool is 100% busy (95% in functions, "
         "5% with records)"},
        {"[" POOL(1, 1, LAYER("g", 0)) "," POOL(
             1, 1, ", 'starved_s': 18" LAYER("c", 2)) "]",
         "[" EDGE(10, 1, 0, 30, ) "]", "c", "fetch",
         "layer c: fetch-bound: ranks wait 90% of the time for records that "
         "the topic has"},
        /* sources that have their pace leave later layers half idle */
        {"[" POOL(1, 1, LAYER("g", 0)) "," POOL(11, 1, LAYER("s", 1)) "]",
         "[" EDGE(10, 4, 0, 30, ) "]", "g", "source",
         "layer g: source-bound (rate): the sources are waited for 75% of the "
         "time; edge has 10.0x headroom, pool 10.0x; the broker was never "
         "waited for"},
        {"[" POOL(1, 1, LAYER("g", 0)) "," POOL(11, 1, LAYER("s", 1)) "]",
         "[" EDGE(10, 4, 0, 0, ) "]", "s", "kernel",
         "layer s: processing-bound: the pool is 60% busy (55% in functions, "
         "5% with records)"},
        /* one that was all done in a moment bounds no run */
        {"[" POOL(0.1, 0.1,
                  ", 'seconds': 1, 'reduce_s': 2" LAYER(
                      "g", 0)) "," POOL(18, 1, LAYER("s", 1)) "]",
         "[" EDGE(1, 0, 0, 0, ) "]", "s", "kernel",
         "layer s: processing-bound: the pool is 95% busy (90% in functions, "
         "5% with records)"},
        /* two pools of a layer are that layer, and one may not tell */
        {"[" POOL(18, 1, LAYER("s", 1)) "," POOL(2, 1, LAYER("s", 1)) "," POOL(
             1, 0, LAYER("c", 2)) "]",
         "[" EDGE(10, 4, 0, 30, ) "]", "s", "kernel",
         "layer s: processing-bound: the pool is 55% busy (50% in functions, "
         "5% with records)"},
        {"[" POOL(1, 1, LAYER("g", 0)) "," POOL(2, 2, LAYER("s", 1)) "]",
         "[" EDGE(10, 4, 0, 0, ) "]", "s", "none",
         "layer s: nothing is at its limit: the pool is 20% busy (10% in "
         "functions, 10% with records)"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *v = verdict_of(rows[i].pools, rows[i].edges, 4);
        UNIT_EQUAL(json_string_value(json_object_get(v, "text")), rows[i].text);
        UNIT_EQUAL(json_string_value(json_object_get(v, "bottleneck")),
                   rows[i].bottleneck);
        UNIT_EQUAL(json_string_value(json_object_get(v, "layer")),
                   rows[i].layer);
        json_decref(v);
    }
}

/* Every hop has a member; null: it was never seen to limit anything. */
static void test_headroom(void)
{
    static const struct {
        const char *pool, *edges, *headroom;
    } rows[] = {
        {"{}", "[]",
         "{'edge':null,'link':null,'broker':null,'fetch':null,'kernel':null,"
         "'reduce':null,'params':null,'pool':null}"},
        {POOL(16, 2, ", 'reduce_s': 5"), "[" EDGE(10, 10, 20, 0, ) "]",
         "{'edge':4.0,'link':null,'broker':2.0,'fetch':10.0,'kernel':1.11111,"
         "'reduce':4.0,'params':null,'pool':1.11111}"},
        {POOL(2, 2, ANSWERS(20, 20, 2100, 0)),
         "[" EDGE(10, 0, 20, 0, ANSWERS(10, 1500, 9000, 0)) "]",
         "{'edge':null,'link':2.0,'broker':null,'fetch':10.0,'kernel':5.0,"
         "'reduce':null,'params':null,'pool':5.0}"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *v = verdict_of(rows[i].pool, rows[i].edges, 2);
        UNIT_EQUAL(json_shown(json_incref(json_object_get(v, "headroom"))),
                   rows[i].headroom);
        json_decref(v);
    }
}

static void test_verdict_null(void)
{
    json_t *v = monitor_verdict(NULL, NULL, 0);

    UNIT_EQUAL(json_string_value(json_object_get(v, "bottleneck")), "unknown");
    json_decref(v);
}

int main(void)
{
    static const unit_test tests[] = {
        {"every hop, planted", test_verdict},
        {"the layer that bounds it", test_layers},
        {"headroom", test_headroom},
        {"nothing", test_verdict_null},
        {NULL, NULL},
    };

    return unit_main("verdict", tests);
}
