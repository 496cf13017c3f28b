/* test_live_hops.c - from where on a hop presses, by its numbers. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/live/live.h"

#define S 1000000000LL
#define NOW (1000 * S)

/* What a pool and an edge of one lane each tell of their last 10 s: so that
 * a second is a tenth of their time.
 */
typedef struct told {
    double busy_s, blocked_s, paced_s, full; /* edge */
    double work_s, reduce_s;                 /* pool */
    int applied, commits;
    double commit_ms;
    int lag;
    int quiet_s; /* its beat is newer than that by so much */
} told;

static json_t *beat(const char *kind, json_t *progress, const told *t)
{
    json_object_set_new(progress, "time_ns",
                        json_integer(NOW - S - t->quiet_s * S));
    return json_pack("{s:s, s:s, s:I, s:o}", "kind", kind, "state", "ACTIVE",
                     "time_ns", NOW - S, "progress", progress);
}

/* The document of a run that tells so; NULL: no edge, or no pool. */
static json_t *doc_of(const told *edge, const told *pool)
{
    json_t *beats = json_object(), *facts, *doc;

    if (edge)
        json_object_set_new(
            beats, "devices",
            beat("edge",
                 json_pack("{s:f, s:{s:f, s:i, s:f, s:f, s:f}}", "full",
                           edge->full, "last", "seconds", 10.0, "devices", 1,
                           "busy_s", edge->busy_s, "blocked_s", edge->blocked_s,
                           "paced_s", edge->paced_s),
                 edge));
    if (pool)
        json_object_set_new(
            beats, "pool",
            beat("pool",
                 json_pack("{s:i, s:{s:f, s:i, s:{s:i}, s:f, s:f, s:i, s:f}}",
                           "lag", pool->lag, "last", "seconds", 10.0, "ranks",
                           1, "blocks", "applied", pool->applied, "busy_s",
                           pool->work_s, "reduce_s", pool->reduce_s, "commits",
                           pool->commits, "commit_ms", pool->commit_ms),
                 pool));
    facts =
        json_pack("{s:s, s:I, s:I, s:o, s:{s:i, s:I}, s:{s:i}}", "run", "r",
                  "now_ns", NOW, "looked_ns", NOW, "beats", beats, "lag_then",
                  "blocks", 0, "time_ns", NOW - 10 * S, "state", "version", 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(facts);
    doc = live_make(facts, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
    json_decref(facts);
    return doc;
}

enum { SOURCE, EDGE, BROKER, POOL, COMMIT };

static const char *of_hop(const json_t *doc, int hop, const char *key)
{
    const char *s = json_string_value(json_object_get(
        json_array_get(json_object_get(doc, "hops"), (size_t)hop), key));

    return s ? s : "-";
}

/* --- from where on --- */

static void test_edges(void)
{
    static const struct {
        told t;
        int hop;
        const char *pressure, *words;
    } rows[] = {
        {{.busy_s = 4.9, .paced_s = 5}, EDGE, "ok", "at work 49% of the time"},
        {{.busy_s = 5, .paced_s = 5}, EDGE, "low", "at work 50% of the time"},
        {{.busy_s = 8.4}, EDGE, "low", "at work 84% of the time"},
        {{.busy_s = 8.5}, EDGE, "high", "at work 85% of the time"},
        {{.busy_s = 999}, EDGE, "high", "at work 100% of the time"},
        {{.blocked_s = 0.9},
         BROKER,
         "ok",
         "9% of the time; the fullest queue is"},
        {{.blocked_s = 1}, BROKER, "low", "10% of the time"},
        {{.blocked_s = 4.9}, BROKER, "low", "49% of the time"},
        {{.blocked_s = 5}, BROKER, "high", "50% of the time"},
        {{.full = 0.84}, BROKER, "ok", "the fullest queue is at 84%"},
        {{.full = 0.85}, BROKER, "low", "the fullest queue is at 85%"},
        {{.blocked_s = 10, .full = 0.03},
         BROKER,
         "high",
         "devices wait for what they sent to be acknowledged 100% of the time; "
         "the fullest queue is at 3%"},
        {{.blocked_s = 10, .full = 1},
         BROKER,
         "high",
         "devices wait for room in their queues 100% of the time; the fullest "
         "queue is at 100%"},
        {{.full = 1, .blocked_s = 5}, BROKER, "high", "at 100%"},
        {{.paced_s = 1, .blocked_s = 9},
         SOURCE,
         "ok",
         "devices wait for the schedule or the sensor 10% of the time"},
        {{.paced_s = 0.9, .blocked_s = 5},
         SOURCE,
         "high",
         "9% of the time: they are behind it, or it has no limit"},
        {{.paced_s = 0.9, .busy_s = 1, .blocked_s = 4},
         SOURCE,
         "low",
         ": they are behind it, or it has no limit"},
        {{.busy_s = 0.5, .blocked_s = 0.4},
         SOURCE,
         "low",
         ", nor work: it has ended, or gives little"},
        {{.busy_s = 0.6, .blocked_s = 0.5}, SOURCE, "low", ": they are behind"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *doc = doc_of(&rows[i].t, NULL);

        UNIT_EQUAL(of_hop(doc, rows[i].hop, "pressure"), rows[i].pressure);
        UNIT_CONTAINS(of_hop(doc, rows[i].hop, "text"), rows[i].words);
        json_decref(doc);
    }
}

static void test_pools(void)
{
    static const struct {
        told t;
        int hop;
        const char *pressure, *words;
    } rows[] = {
        /* Ten blocks a second: that many seconds of work are ten times as
         * many blocks.
         */
        {{.applied = 100, .lag = 9, .work_s = 9},
         POOL,
         "ok",
         "0.9 s of work wait; ranks process 90% of the time"},
        {{.applied = 100, .lag = 10, .work_s = 8.4},
         POOL,
         "low",
         "1 s of work wait and grow; ranks process 84%"},
        {{.applied = 100, .lag = 10, .work_s = 8.5},
         POOL,
         "high",
         "1 s of work wait and grow; ranks process 85%"},
        {{.applied = 100, .lag = 99}, POOL, "low", "9.9 s of work wait"},
        {{.applied = 100, .lag = 100}, POOL, "high", "10 s of work wait"},
        {{.applied = 0, .lag = 4, .work_s = 2},
         POOL,
         "high",
         "4 blocks wait and none is processed; ranks are at work 20%"},
        /* Rank 0 is in a function, and what it has told is of before. */
        {{.applied = 0, .lag = 4, .quiet_s = 10},
         POOL,
         "high",
         "4 blocks wait and none is processed; ranks are at work 50%"},
        {{.applied = 0, .lag = 1, .quiet_s = 1},
         POOL,
         "high",
         "1 block waits and none is processed; ranks are at work 0%"},
        {{.applied = 0, .lag = 0}, POOL, "ok", "0 s of work wait;"},
        {{.reduce_s = 1.9}, COMMIT, "ok", "ranks reduce 19% of the time"},
        {{.reduce_s = 2}, COMMIT, "low", "ranks reduce 20% of the time"},
        {{.reduce_s = 5}, COMMIT, "high", "ranks reduce 50% of the time"},
        /* Rank 0 commits for a part of the time, beside its work. */
        {{.commits = 10, .commit_ms = 499}, COMMIT, "ok", "takes 499 ms"},
        {{.commits = 10, .commit_ms = 500}, COMMIT, "low", "takes 500 ms"},
        {{.commits = 10, .commit_ms = 850}, COMMIT, "high", "takes 850 ms"},
        {{.commits = 0, .commit_ms = 850}, COMMIT, "ok", "takes 850 ms"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *doc = doc_of(NULL, &rows[i].t);

        UNIT_EQUAL(of_hop(doc, rows[i].hop, "pressure"), rows[i].pressure);
        UNIT_CONTAINS(of_hop(doc, rows[i].hop, "text"), rows[i].words);
        json_decref(doc);
    }
}

/* Who tells nothing is not said to be well. */
static void test_nobody(void)
{
    static const char *const hops[] = {"source", "edge", "broker", "pool",
                                       "commit"};
    static const told none = {0};

    for (int which = 0; which < 4; which++) {
        json_t *doc =
            doc_of(which & 1 ? &none : NULL, which & 2 ? &none : NULL);

        for (int hop = 0; hop < 5; hop++) {
            bool tells = hop < POOL ? which & 1 : which & 2;

            UNIT_EQUAL(of_hop(doc, hop, "hop"), hops[hop]);
            CU_ASSERT_EQUAL(!strcmp(of_hop(doc, hop, "pressure"), "?"), !tells);
            if (!tells)
                UNIT_EQUAL(of_hop(doc, hop, "text"),
                           hop < POOL ? "no edge tells" : "no pool tells");
        }
        CU_ASSERT_EQUAL(json_array_size(json_object_get(doc, "hops")), 5);
        json_decref(doc);
    }
}

/* A pool of layer [index] of three: of 10 s it works [busy_s]. */
static json_t *layer_beat(const char *name, int index, double busy_s,
                          int applied)
{
    static const told now = {0};
    json_t *b = beat("pool",
                     json_pack("{s:{s:f, s:i, s:{s:i}, s:f}}", "last",
                               "seconds", 10.0, "ranks", 1, "blocks", "applied",
                               applied, "busy_s", busy_s),
                     &now);

    json_object_set_new(
        b, "layer",
        json_pack("{s:s, s:i, s:i}", "name", name, "index", index, "of", 3));
    return b;
}

/* A layer in front of the last: [high] records, [next] of them committed. */
static json_t *layer_facts(const char *name, int high, int next)
{
    return json_pack("{s:s, s:s, s:{s:[[s, i, i]]}, s:{s:{s:i}}}", "name", name,
                     "topic", name, "state", "offsets", name, 0, next, "high",
                     name, "0", high);
}

/* Of pools in a row the one that has most to do is told of. */
static void test_layers(void)
{
    static const struct {
        double busy_s;
        int applied, next;
        const char *pressure, *text, *verdict, *layer;
    } rows[] = {
        {10, 10, 90, "high",
         "layer s: 10 s of work wait; ranks process 100% of the time and fetch "
         "0%",
         "layer s: processing-bound: the pool is 100% busy", "s"},
        {10, 10, 95, "low", "layer s: 5 s of work wait;",
         "layer s: processing-bound", "s"},
        {0, 0, 99, "high", "layer s: 1 block waits and none is processed;",
         "layer g: nothing is at its limit", "g"},
        {1, 10, 100, "ok", "layer g: 0 s of work wait; ranks process 20%",
         "layer g: nothing is at its limit", "g"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *facts = json_pack(
            "{s:s, s:I, s:I, s:{s:o, s:o, s:o}, s:[o, o], s:{s:i}}", "run", "r",
            "now_ns", NOW, "looked_ns", NOW, "beats", "g",
            layer_beat("g", 0, 2, 10), "s",
            layer_beat("s", 1, rows[i].busy_s, rows[i].applied), "c",
            layer_beat("c", 2, 0.1, 10), "layers", layer_facts("g", 100, 100),
            layer_facts("s", 100, rows[i].next), "state", "version", 1);
        json_t *doc = live_make(facts, NULL);
        const json_t *verdict = json_object_get(doc, "verdict");

        CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
        UNIT_EQUAL(of_hop(doc, POOL, "pressure"), rows[i].pressure);
        UNIT_CONTAINS(of_hop(doc, POOL, "text"), rows[i].text);
        UNIT_CONTAINS(json_string_value(json_object_get(verdict, "text")),
                      rows[i].verdict);
        UNIT_EQUAL(json_string_value(json_object_get(verdict, "layer")),
                   rows[i].layer);
        json_decref(doc);
        json_decref(facts);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"edges", test_edges},
        {"pools", test_pools},
        {"nobody", test_nobody},
        {"pools in a row", test_layers},
        {0},
    };

    return unit_main("live_hops", tests);
}
