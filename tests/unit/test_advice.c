/* test_advice.c - where the work of a run had better be, by planted figures. */
#include "unit.h"

#include <stdio.h>

#include "json_quoted.h"
#include "src/monitor/advice.h"

#define FACTS(codec, stages)                   \
    "{'partitions': 4, 'compression': '" codec \
    "', 'stream': 'sense', 'pool': "           \
    "'pool', 'stages': " #stages "}"
/* 1000 blocks of 1 MB in 10 s. */
#define POOL(busy, fetch)                                  \
    "'pool': {'ranks': 4, 'seconds': 10, 'busy_s': " #busy \
    ", 'fetch_s': " #fetch ", 'blocks': {'fetched': 1000}, 'core_speed': 800}"
#define EDGE(busy, paced, wire)                                  \
    "'devices': {'devices': 4, 'seconds': 10, 'busy_s': " #busy  \
    ", 'paced_s': " #paced                                       \
    ", 'blocks': {'sensed': 1000, 'sent': 1000}, 'bytes': 1e9, " \
    "'wire_bytes': " #wire ", 'core_speed': 400}"

static const struct {
    const char *bottleneck, *detail, *facts;
    const char *advice, *placement, *text, *tries;
    double ranks;
} rows[] = {
    /* the network: as many blocks as its bytes allow */
    {"link", "{" POOL(2, 2) ", " EDGE(4, 0, 1e9) "}", FACTS("none", 0),
     "hybrid", "hybrid",
     "the link carries 100 MB/s, which are 100 blocks/s, and devices wait for "
     "it; compress blocks on devices, and keep the model in the pool: a ratio "
     "of R gives R times as many; on devices the model would do 500 blocks/s",
     "['--set streams.sense.compression=zstd']", 4},
    {"link", "{" POOL(2, 2) ", " EDGE(4, 0, 5e8) "}", FACTS("zstd", 0), "edge",
     "edge",
     "the link carries 50 MB/s, which are 100 blocks/s, and devices wait for "
     "it; blocks are 2.00 times smaller by their codec already: have the model "
     "on devices; on devices the model would do 500 blocks/s",
     "[]", 4},
    {"link", "{" POOL(20, 2) ", " EDGE(4, 0, 5e8) "}", FACTS("zstd", 0),
     "leave", "hybrid",
     "the link carries 50 MB/s, which are 100 blocks/s, and devices wait for "
     "it; blocks are 2.00 times smaller by their codec already, and devices "
     "are "
     "no faster with the model",
     "[]", 4},
    /* the function: so many ranks as the devices give work to */
    {"kernel", "{" POOL(38, 1) ", " EDGE(10, 0, 1e9) "}", FACTS("none", 0),
     "more-ranks", "cloud",
     "the pool is at its limit; 400 blocks/s x 39 ms (function 38, records 1) "
     "/ 70% busy = 23 ranks, and there are 4",
     "['--set pilots.pool.ntasks=23']", 23},
    /* ... but not on a host that has no cores for them */
    {"kernel", "{" POOL(38, 1) ", " EDGE(10, 0, 1e9) "}",
     "{'partitions': 4, 'pool': 'pool', 'cores': 2}", "more-ranks", "cloud",
     "the pool is at its limit; 400 blocks/s x 39 ms (function 38, records 1) "
     "/ 70% busy = 23 ranks, and there are 4; the host of the pool has 2 "
     "cores: have more ranks on other hosts (nodes), where each has a core, "
     "and fewer will do, for a block took so long because ranks share cores "
     "now",
     "[]", 23},
    {"kernel", "{" POOL(38, 1) ", " EDGE(10, 0, 1e9) "}",
     "{'partitions': 4, 'pool': 'pool', 'cores': 64}", "more-ranks", "cloud",
     "the pool is at its limit; 400 blocks/s x 39 ms (function 38, records 1) "
     "/ 70% busy = 23 ranks, and there are 4",
     "['--set pilots.pool.ntasks=23']", 23},
    /* the source: fewer do as well */
    {"source", "{" POOL(3, 1) ", " EDGE(2, 38, 1e9) "}", FACTS("none", 0),
     "fewer-ranks", "cloud",
     "100 blocks/s x 4 ms (function 3, records 1) / 70% busy = 1 rank, and "
     "there are 4",
     "['--set pilots.pool.ntasks=1']", 1},
    /* both near each other */
    {"source", "{" POOL(20, 2) ", " EDGE(2, 30, 1e9) "}", FACTS("none", 0),
     "leave", "cloud",
     "100 blocks/s x 22 ms (function 20, records 2) / 70% busy = 4 ranks, and "
     "there are 4",
     "[]", 4},
    {"none", "{" POOL(18, 2) ", " EDGE(2, 30, 1e9) "}", FACTS("none", 0),
     "leave", "cloud",
     "100 blocks/s x 20 ms (function 18, records 2) / 70% busy = 3 ranks, and "
     "there are 4",
     "[]", 4},
    /* devices */
    {"edge", "{" POOL(3, 1) ", " EDGE(38, 0, 1e9) "}", FACTS("none", 2),
     "cloud", "cloud",
     "devices take 38 ms a block in their stages and are at their limit: move "
     "stages behind the source to the pool",
     "[]", 4},
    {"edge", "{" POOL(3, 1) ", " EDGE(38, 0, 1e9) "}", FACTS("none", 0),
     "leave", "cloud",
     "devices take 38 ms to sense a block and are at their limit: more "
     "devices, "
     "or a faster source; 100 blocks/s x 4 ms (function 3, records 1) / 70% "
     "busy = 1 rank, and there are 4",
     "[]", 4},
    /* what no placement helps against */
    {"params", "{" POOL(3, 1) ", " EDGE(2, 30, 1e9) "}", FACTS("none", 0),
     "leave", "cloud",
     "what bounds the run (params) is neither the place of the model nor the "
     "number of ranks",
     "[]", 4},
    /* and of what nothing is known */
    {"kernel", "{" POOL(38, 1) "}", FACTS("none", 0), "unknown", "cloud",
     "there is no advice without blocks of devices that a pool has worked on",
     "[]", 4},
    {"unknown", "{}", "{}", "unknown", "cloud",
     "there is no advice without blocks of devices that a pool has worked on",
     "[]", 0},
};

static json_t *advice_of(size_t i)
{
    json_t *detail = json_quoted(rows[i].detail);
    json_t *facts = json_quoted(rows[i].facts);
    json_t *verdict = json_pack("{s:s}", "bottleneck", rows[i].bottleneck);
    json_t *o = monitor_advice(detail, verdict, facts);

    json_decref(verdict);
    json_decref(facts);
    json_decref(detail);
    return o;
}

static void test_advice(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *o = advice_of(i);
        const json_t *ranks = json_object_get(o, "ranks");

        UNIT_EQUAL(json_string_value(json_object_get(o, "advice")),
                   rows[i].advice);
        UNIT_EQUAL(json_string_value(json_object_get(o, "placement")),
                   rows[i].placement);
        UNIT_EQUAL(json_string_value(json_object_get(o, "text")), rows[i].text);
        UNIT_EQUAL(json_shown(json_incref(json_object_get(o, "try"))),
                   rows[i].tries);
        CU_ASSERT_DOUBLE_EQUAL(
            json_number_value(json_object_get(ranks, "advised")), rows[i].ranks,
            1e-9);
        json_decref(o);
    }
}

/* What was not measured has no number, and is named. */
static void test_missing(void)
{
    json_t *o = advice_of(3), *all = advice_of(1);

    UNIT_EQUAL(json_shown(json_incref(json_object_get(o, "not_measured"))),
               "['the most that the link carries: it held nobody up','what "
               "compression would spare: the stream has none']");
    CU_ASSERT_PTR_NULL(
        json_object_get(json_object_get(o, "measured"), "link_mb_s"));
    CU_ASSERT_PTR_NULL(
        json_object_get(json_object_get(o, "placements"), "hybrid"));
    UNIT_EQUAL(json_shown(json_incref(json_object_get(all, "not_measured"))),
               "[]");
    json_decref(all);
    json_decref(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"planted situations", test_advice},
        {"what was not measured", test_missing},
        {NULL, NULL},
    };

    return unit_main("advice", tests);
}
