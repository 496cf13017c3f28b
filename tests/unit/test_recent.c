/* test_recent.c - what ranks have done in the last seconds, of canned looks. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/pool/recent.h"

#define S INT64_C(1000000000)

enum { RANKS_MAX = 100 };

static int64_t then[RANKS_MAX * RECENT_LANES], now[RANKS_MAX * RECENT_LANES];

static void begin(void)
{
    memset(then, 0, sizeof(then));
    memset(now, 0, sizeof(now));
}

static void set(int rank, enum recent_lane lane, int64_t from, int64_t to)
{
    then[rank * RECENT_LANES + (int)lane] = from;
    now[rank * RECENT_LANES + (int)lane] = to;
}

static const char *text_of(json_t *o)
{
    static char text[65536];
    char *s = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER |
                                JSON_REAL_PRECISION(6));

    snprintf(text, sizeof(text), "%s", s ? s : "");
    free(s);
    json_decref(o);
    return text;
}

static void test_last(void)
{
    begin();
    for (int i = 0; i < 2; i++) {
        set(i, RECENT_NOW, 100 * S, 104 * S);
        set(i, RECENT_BUSY, 10 * S, (11 + i) * S);
        set(i, RECENT_IDLE, 0, (3 - i) * S);
        set(i, RECENT_FETCHED, 10, 20);
        set(i, RECENT_BLOCKS, 100, 300);
        set(i, RECENT_POINTS, 0, 1000);
        set(i, RECENT_HELPED, 0, i);
    }
    set(0, RECENT_COMMITS, 8, 24);
    set(0, RECENT_COMMIT_NS, 7000000, 3000000);
    set(1, RECENT_STARVED, 0, 500000000);
    set(1, RECENT_HELD, 1, 250000001);
    set(1, RECENT_ANSWERS, 2, 5);
    set(1, RECENT_SLOW, 10000, 100000);
    set(1, RECENT_QUICK, 0, 6000);
    set(1, RECENT_THROTTLE, 0, 500);
    set(0, RECENT_SPENT, 0, 2000000000);
    set(0, RECENT_STORE, 0, 1500000000);
    set(0, RECENT_APPLY, 0, 125000000);
    UNIT_EQUAL(
        text_of(recent_last(then, now, 2)),
        "{\"seconds\":4.0,\"ranks\":2,\"blocks\":{\"fetched\":20,\"applied\":"
        "400,\"refused\":0},\"points\":2000,\"bytes\":0,\"outliers\":0,"
        "\"helped\":1,\"commits\":16,\"busy_s\":3.0,\"fetch_s\":0.0,\"reduce_"
        "s\":0.0,\"idle_s\":5.0,\"starved_s\":0.5,\"held_s\":0.25,\"way_s\":0."
        "0,\"commit_s\":"
        "2.0,\"store_s\":1.5,\"apply_s\":0.125,\"answers\":{\"n\":3,"
        "\"slow_ms\":90.0,\"quick_ms\":6.0,\"throttle_ms\":0.5},\"commit_ms\":"
        "3.0}");
}

/* Of all its life, for who reads of its death. */
static void test_counts(void)
{
    json_t *o = json_object();

    begin();
    for (int i = 0; i < 2; i++) {
        set(i, RECENT_FETCHED, 10, 20);
        set(i, RECENT_REPLAYED, 0, i);
        set(i, RECENT_UNCHECKED, 0, 2);
        set(i, RECENT_ASIDE, 0, 3);
        set(i, RECENT_DRIFTS, 0, 4);
        set(i, RECENT_SKIPPED, 0, 5);
        set(i, RECENT_CPU, 0, 1500000);
    }
    recent_counts(now, 2, o);
    UNIT_EQUAL(text_of(o),
               "{\"cpu_s\":3.0,\"counts\":{\"blocks\":{\"fetched\":40,"
               "\"replayed\":1,\"unchecked\":4,\"aside\":6,\"drifts\":8},"
               "\"rows\":{\"skipped\":10}}}");
}

static void test_ranks(void)
{
    begin();
    set(0, RECENT_NOW, 0, 2 * S);
    set(0, RECENT_BUSY, 0, S);
    set(0, RECENT_FETCH, 0, S / 4);
    set(0, RECENT_REDUCE, 0, S / 8);
    set(0, RECENT_IDLE, 0, S / 2);
    set(0, RECENT_BLOCKS, 10, 110);
    set(0, RECENT_LAG, 3, 7);
    set(0, RECENT_BACKLOG, 3, 2);
    set(0, RECENT_RSS, 0, 12345678);
    /* A block that took longer than the time that is looked at. */
    set(1, RECENT_NOW, 0, 2 * S);
    set(1, RECENT_BUSY, 0, 5 * S);
    UNIT_EQUAL(text_of(recent_ranks(then, now, 2)),
               "[[0,0.5,0.125,0.062,0.25,50.0,0.0,12.3,7,2],"
               "[1,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0,0]]");
}

/* Of many ranks those are told that are behind, by their numbers. */
static void test_many(void)
{
    json_t *rows;

    begin();
    for (int i = 0; i < RANKS_MAX; i++) {
        set(i, RECENT_NOW, 0, S);
        set(i, RECENT_LAG, 0, i >= 50 ? 1000 : 0);
        set(i, RECENT_BUSY, 0, i < 20 ? S : 0);
    }
    rows = recent_ranks(then, now, RANKS_MAX);
    CU_ASSERT_EQUAL(json_array_size(rows), EVENT_ROWS_MAX);
    for (size_t i = 0; i < EVENT_ROWS_MAX; i++) {
        json_int_t rank =
            json_integer_value(json_array_get(json_array_get(rows, i), 0));
        CU_ASSERT_EQUAL(rank, (json_int_t)(i < 14 ? i : i + 36));
    }
    json_decref(rows);
    /* As many as there may be are no longer than an event. */
    CU_ASSERT_TRUE(strlen(text_of(recent_ranks(then, now, RANKS_MAX))) < 8192);
}

int main(void)
{
    static const unit_test tests[] = {
        {"all ranks together", test_last},
        {"counts of all their lives", test_counts},
        {"rank by rank", test_ranks},
        {"many ranks", test_many},
        {NULL, NULL},
    };

    return unit_main("recent", tests);
}
