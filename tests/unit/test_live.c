/* test_live.c - the document of a run, of canned beats and states. */
#include "unit.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/live/live.h"

#define S 1000000000LL
#define NOW (1800000000 * S)

static json_t *doc;

static json_t *number(long long n)
{
    return json_integer(n);
}

/* A pool that has told of its last four seconds, [age] seconds ago. */
static json_t *pool_beat(const char *state, long long age, double busy_s,
                         int applied)
{
    return json_pack(
        "{s:i, s:s, s:s, s:s, s:I, s:I, s:i, s:s, s:s, s:{s:I, s:I, s:f, s:f, "
        "s:{s:f, s:i, s:{s:i, s:i, s:i}, s:i, s:i, s:i, s:i, s:f, s:f, s:f, "
        "s:f, s:f}, s:[[i,f,f,f,f,f,f,f,i,i],[i,f,f,f,f,f,f,f,i,i]]}}",
        "schema", 1, "pilot", "r/pool", "kind", "pool", "state", state,
        "time_ns", NOW - age * S, "born_ns", NOW - 60 * S, "ranks", 2,
        "pipeline", "p", "topic", "t", "progress", "time_ns", NOW - age * S,
        "lag", 7LL, "p95_ms", 2.0, "epoch_ms", 30.0, "last", "seconds", 4.0,
        "ranks", 2, "blocks", "fetched", applied, "applied", applied, "refused",
        0, "points", 1000 * applied, "bytes", 8000 * applied, "helped", 40,
        "commits", 16, "busy_s", busy_s, "fetch_s", 0.4, "reduce_s", 0.2,
        "idle_s", 7.4 - busy_s, "commit_ms", 5.0, "rank", 0, busy_s / 8, 0.05,
        0.02, 0.5, 50.0, 0.0, 30.5, 3, 1, 1, busy_s / 8, 0.05, 0.02, 0.5, 50.0,
        10.0, 31.5, 4, 2);
}

static json_t *edge_beat(long long age, double busy_s, double blocked_s,
                         double paced_s, double full)
{
    return json_pack(
        "{s:i, s:s, s:s, s:I, s:{s:I, s:i, s:i, s:i, s:f, s:{s:I, s:I}, "
        "s:{s:f, s:i, s:{s:i, s:i}, s:i, s:i, s:f, s:f, s:f}, "
        "s:[[s,i,i,i,f,f,f,f],[s,i,i,i,f,f,f,f]]}}",
        "schema", 1, "kind", "edge", "state", "ACTIVE", "time_ns",
        NOW - age * S, "progress", "time_ns", NOW - age * S, "sensed", 520,
        "sent", 500, "queued", 20, "full", full, "model", "version", 9LL,
        "time_ns", NOW - (age + 1) * S, "last", "seconds", 4.0, "devices", 2,
        "blocks", "sensed", 410, "sent", 400, "points", 400000, "bytes",
        3200000, "busy_s", busy_s, "blocked_s", blocked_s, "paced_s", paced_s,
        "device", "d-0", 260, 250, 10, full, 0.1, 0.0, 0.9, "d-10", 260, 250,
        10, 0.1, 0.1, 0.0, 0.9);
}

/* Redis as it is 0.2 s after commit 10, [next] blocks of each of two
 * partitions being in.
 */
static json_t *state_of(long long next, double age_s)
{
    return json_pack("{s:s, s:I, s:I, s:s, s:I, s:{s:I, s:I, s:I, s:I}, "
                     "s:[[s,i,I],[s,i,I]], s:[[s,i,i,I]]}",
                     "commit", "0123456789abcdef0123456789abcdef", "version",
                     10LL, "time_ns", NOW - (long long)(age_s * 1e9), "kind",
                     "kmeans", "bytes", 49200LL, "counters", "applied",
                     2 * next, "refused", 3LL, "outliers", 5LL, "points",
                     2000 * next, "offsets", "t", 1, next, "t", 0, next,
                     "devices", "d-0", 0, 1, next - 1);
}

static json_t *facts_make(json_t *pool, json_t *edge, json_t *state)
{
    json_t *f = json_pack(
        "{s:s, s:I, s:I, s:s, s:[{s:s, s:i, s:[i,i]}], s:{s:{s:I, s:I}}, "
        "s:[[s,i,I,b]], s:[{s:i, s:s, s:f, s:b}]}",
        "run", "r", "now_ns", NOW, "looked_ns", NOW, "control", "", "leases",
        "member", "pool", "ranks", 2, "partitions", 0, 1, "high", "t", "0",
        300LL, "1", 250LL, "ends", "d-0", 0, 300LL, 0, "commits", "version", 10,
        "commit", "0123456789abcdef0123456789abcdef", "threshold", 1.5,
        "warming", 0);
    json_t *beats = json_object();

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    if (pool)
        json_object_set_new(beats, "pool", pool);
    if (edge)
        json_object_set_new(beats, "devices", edge);
    json_object_set_new(f, "beats", beats);
    if (state)
        json_object_set_new(f, "state", state);
    return f;
}

/* The document of [facts], which are taken. */
static void make(json_t *facts)
{
    pe_error e = {0};

    json_decref(doc);
    doc = live_make(facts, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
    json_decref(facts);
}

/* What is at [path], "lag.seconds" or "pilots.0.name", as text. */
static const char *at(const char *path)
{
    static char out[4096];
    const json_t *o = doc;
    char *words = strdup(path), *rest = words, *word, *text;

    while (o && (word = strsep(&rest, ".")))
        o = json_is_array(o) ? json_array_get(o, (size_t)atoi(word))
                             : json_object_get(o, word);
    free(words);
    text = o ? json_dumps(o, JSON_ENCODE_ANY | JSON_COMPACT |
                                 JSON_REAL_PRECISION(6))
             : NULL;
    snprintf(out, sizeof(out), "%s", text ? text : "-");
    free(text);
    return out;
}

/* Hop [name] presses so. */
static const char *pressure(const char *name)
{
    const json_t *hop;
    size_t i;

    json_array_foreach(json_object_get(doc, "hops"), i, hop) if (
        !strcmp(json_string_value(json_object_get(hop, "hop")),
                name)) return json_string_value(json_object_get(hop,
                                                                "pressure"));
    return "-";
}

static void test_whole(void)
{
    make(facts_make(pool_beat("ACTIVE", 1, 0.8, 400),
                    edge_beat(1, 0.8, 0, 7.2, 0.1), state_of(240, 0.2)));
    UNIT_EQUAL(at("schema"), "1");
    UNIT_EQUAL(at("state"), "\"running\"");
    UNIT_EQUAL(at("words"), "\"\"");
    UNIT_EQUAL(at("pipeline"), "\"p\"");
    UNIT_EQUAL(at("topic"), "\"t\"");
    UNIT_EQUAL(at("seconds"), "60.0");
    UNIT_EQUAL(at("rate.blocks_per_s"), "100.0");
    UNIT_EQUAL(at("rate.points_per_s"), "100000.0");
    UNIT_EQUAL(at("rate.mb_per_s"), "0.8");
    UNIT_EQUAL(at("blocks.applied"), "480");
    UNIT_EQUAL(at("blocks.sent"), "500");
    UNIT_EQUAL(at("blocks.dropped"), "-");
    UNIT_EQUAL(at("outliers"), "5");
    UNIT_EQUAL(at("model.version"), "10");
    UNIT_EQUAL(at("model.age_s"), "0.2");
    UNIT_EQUAL(at("model.threshold"), "1.5");
    UNIT_EQUAL(at("model.bytes"), "49200");
    UNIT_EQUAL(at("lag.blocks"), "70");
    UNIT_EQUAL(at("lag.seconds"), "0.7");
    UNIT_EQUAL(at("stalled"), "[]");
    UNIT_EQUAL(at("trouble"), "[]");
    UNIT_EQUAL(at("notes"), "[]");
}

static void test_lists(void)
{
    make(facts_make(pool_beat("ACTIVE", 1, 0.8, 400),
                    edge_beat(1, 0.8, 0, 7.2, 0.1), state_of(240, 0.2)));
    UNIT_EQUAL(at("pilots.0.name"), "\"devices\"");
    UNIT_EQUAL(at("pilots.0.paced"), "0.9");
    UNIT_EQUAL(at("pilots.0.queued"), "20");
    UNIT_EQUAL(at("pilots.0.model"), "{\"version\":9,\"age_s\":1.0}");
    UNIT_EQUAL(at("pilots.1.name"), "\"pool\"");
    UNIT_EQUAL(at("pilots.1.busy"), "0.1");
    UNIT_EQUAL(at("pilots.1.commit_ms"), "5.0");
    UNIT_EQUAL(at("pilots.1.rss_mb"), "31.5");
    UNIT_EQUAL(at("ranks.1.rank"), "1");
    UNIT_EQUAL(at("ranks.1.helped_per_s"), "10.0");
    UNIT_EQUAL(at("ranks.1.lag"), "4");
    /* In order, though the state has them otherwise. */
    UNIT_EQUAL(at("partitions.0"),
               "{\"partition\":0,\"committed\":240,\"pilot\":\"pool\",\"rank\":"
               "0,\"end\":300,\"lag\":60,\"seconds\":1.2}");
    UNIT_EQUAL(at("partitions.1.rank"), "1");
    UNIT_EQUAL(at("partitions.1.lag"), "10");
    UNIT_EQUAL(at("devices.0.device"), "\"d-0\"");
    UNIT_EQUAL(at("devices.0.seq"), "239");
    UNIT_EQUAL(at("devices.0.ended"), "true");
    UNIT_EQUAL(at("devices.0.sent"), "250");
    UNIT_EQUAL(at("devices.0.model.version"), "9");
    UNIT_EQUAL(at("devices.1.device"), "\"d-10\"");
    UNIT_EQUAL(at("devices.1.partition"), "-");
    UNIT_EQUAL(at("left_out"), "{}");
}

static void test_hops(void)
{
    /* Nothing presses. */
    make(facts_make(pool_beat("ACTIVE", 1, 0.8, 400),
                    edge_beat(1, 0.8, 0, 7.2, 0.1), state_of(240, 0.2)));
    UNIT_EQUAL(pressure("source"), "ok");
    UNIT_EQUAL(pressure("edge"), "ok");
    UNIT_EQUAL(pressure("broker"), "ok");
    UNIT_EQUAL(pressure("pool"), "ok");
    UNIT_EQUAL(pressure("commit"), "ok");
    UNIT_CONTAINS(at("verdict.text"), "source-bound");
    /* A slow kernel: work lies there, and the ranks are at it. */
    make(facts_make(pool_beat("ACTIVE", 1, 7.4, 16),
                    edge_beat(1, 0.8, 0, 7.2, 0.1), state_of(240, 0.2)));
    UNIT_EQUAL(at("lag.seconds"), "17.5");
    UNIT_EQUAL(pressure("pool"), "high");
    UNIT_EQUAL(pressure("broker"), "ok");
    UNIT_CONTAINS(at("hops.3.text"), "ranks process 92% of the time");
    UNIT_CONTAINS(at("verdict.text"), "processing-bound");
    /* Devices that wait for the broker, and those that are too slow. */
    make(facts_make(pool_beat("ACTIVE", 1, 0.8, 400),
                    edge_beat(1, 0.8, 6, 0, 1), state_of(300, 0.2)));
    UNIT_EQUAL(pressure("broker"), "high");
    UNIT_EQUAL(pressure("source"), "high");
    make(facts_make(pool_beat("ACTIVE", 1, 0.8, 400),
                    edge_beat(1, 7.5, 0, 0.1, 0.2), state_of(300, 0.2)));
    UNIT_EQUAL(pressure("edge"), "high");
    UNIT_CONTAINS(at("hops.0.text"), "they are behind it, or it has no limit");
    /* All is sensed, and the pool still works on it. */
    make(facts_make(pool_beat("ACTIVE", 1, 7.4, 16),
                    edge_beat(1, 0.01, 0, 0, 0), state_of(240, 0.2)));
    UNIT_CONTAINS(at("hops.0.text"), "nor work: it has ended, or gives little");
    /* Nobody tells. */
    make(facts_make(NULL, NULL, state_of(300, 0.2)));
    UNIT_EQUAL(pressure("pool"), "?");
}

/* A pool that is over, with this exit status and final state. */
static json_t *over(int status, const char *final)
{
    json_t *o = pool_beat(status ? "FAILED" : "DONE", 100, 1, 1);

    json_object_set_new(o, "status", json_integer(status));
    json_object_set_new(o, "reason", json_string(status ? "it broke" : ""));
    json_object_set_new(
        o, "final", json_pack("{s:s, s:f}", "state", final, "seconds", 12.5));
    return o;
}

static void test_states(void)
{
    json_t *f;

    make(facts_make(pool_beat("STARTING", 1, 0, 0), NULL, NULL));
    UNIT_EQUAL(at("state"), "\"waiting\"");
    make(facts_make(pool_beat("DRAINING", 1, 0, 0), NULL, state_of(300, 1)));
    UNIT_EQUAL(at("state"), "\"draining\"");
    make(facts_make(pool_beat("ACTIVE", 40, 0, 0), edge_beat(41, 0, 0, 0, 0),
                    state_of(240, 40)));
    UNIT_EQUAL(at("state"), "\"silent\"");
    UNIT_EQUAL(at("words"), "\"no pilot has told anything for 40 s\"");
    UNIT_EQUAL(at("pilots.1.state"), "\"SILENT\"");
    UNIT_EQUAL(at("rate"), "-");
    make(facts_make(over(0, "done"), NULL, state_of(300, 100)));
    UNIT_EQUAL(at("state"), "\"done\"");
    UNIT_EQUAL(at("exit"), "0");
    UNIT_EQUAL(at("seconds"), "12.5");
    make(facts_make(over(0, "drained"), NULL, state_of(300, 100)));
    UNIT_EQUAL(at("state"), "\"drained\"");
    make(facts_make(over(69, "failed"), NULL, state_of(300, 100)));
    UNIT_EQUAL(at("state"), "\"failed\"");
    UNIT_EQUAL(at("exit"), "69");
    UNIT_EQUAL(at("words"), "\"it broke\"");
    make(facts_make(NULL, NULL, NULL));
    UNIT_EQUAL(at("state"), "\"gone\"");
    make(facts_make(NULL, NULL, state_of(300, 100)));
    UNIT_EQUAL(at("state"), "\"silent\"");
    f = facts_make(pool_beat("ACTIVE", 1, 0, 0), NULL, state_of(300, 1));
    json_object_set_new(f, "control", json_string("done"));
    make(f);
    UNIT_EQUAL(at("state"), "\"done\"");
    /* One that was stopped at its deadline, and who goes on with its work. */
    f = facts_make(over(0, "drained"), NULL, state_of(300, 1));
    json_object_set_new(json_object_get(json_object_get(f, "beats"), "pool"),
                        "successor", json_string("r/pool.2"));
    json_object_set_new(json_object_get(f, "beats"), "pool.2",
                        pool_beat("ACTIVE", 1, 1, 100));
    make(f);
    UNIT_EQUAL(at("state"), "\"running\"");
    CU_ASSERT_TRUE(live_is_over("done"));
    CU_ASSERT_FALSE(live_is_over("stalled"));
}

static void test_stalled(void)
{
    json_t *pool = pool_beat("ACTIVE", 1, 0, 0), *progress;

    /* It says so itself. */
    json_object_set_new(json_object_get(pool, "progress"), "stalled",
                        json_pack("{s:s, s:I, s:s}", "hop", "broker",
                                  "since_ns", NOW - 60 * S, "text",
                                  "broker h:9092 is away"));
    make(facts_make(pool, NULL, state_of(240, 61)));
    UNIT_EQUAL(at("state"), "\"stalled\"");
    UNIT_EQUAL(at("words"), "\"broker h:9092 is away\"");
    UNIT_EQUAL(at("stalled.0.hop"), "\"broker\"");
    UNIT_EQUAL(at("stalled.0.pilot"), "\"pool\"");
    UNIT_EQUAL(at("lag.seconds"), "-");
    /* Its ranks are at something that does not come back, and tell nothing. */
    pool = pool_beat("ACTIVE", 1, 0, 0);
    progress = json_object_get(pool, "progress");
    json_object_set_new(progress, "time_ns", number(NOW - 30 * S));
    make(facts_make(pool, NULL, state_of(240, 40)));
    UNIT_EQUAL(at("stalled.0.hop"), "\"pool\"");
    UNIT_EQUAL(at("stalled.0.text"),
               "\"pilot pool has 70 blocks to do, has committed nothing for 40 "
               "s and told nothing for 30 s\"");
    /* Without records to do it only waits for the source. */
    make(facts_make(pool_beat("ACTIVE", 1, 0, 0), NULL, state_of(300, 61)));
    UNIT_EQUAL(at("state"), "\"running\"");
    UNIT_EQUAL(at("lag"), "{\"blocks\":0,\"seconds\":0.0}");
}

/* Its broker does not answer us: what pools say of the lag is what there is. */
static void test_trouble(void)
{
    json_t *f =
        facts_make(pool_beat("ACTIVE", 1, 0.8, 400), NULL, state_of(240, 1));

    json_object_del(f, "high");
    json_object_set_new(f, "trouble",
                        json_pack("[{s:s, s:I, s:s}]", "server", "kafka",
                                  "since_ns", NOW - 5 * S, "text", "no"));
    make(f);
    UNIT_EQUAL(at("lag.blocks"), "7");
    UNIT_EQUAL(at("partitions.0.lag"), "-");
    UNIT_EQUAL(at("trouble.0.server"), "\"kafka\"");
    UNIT_EQUAL(at("state"), "\"running\"");
}

/* A parameter service that does not answer us makes nobody silent: what is
 * known is as it was when it did.
 */
static void test_away(void)
{
    json_t *f = facts_make(pool_beat("ACTIVE", 100, 0.8, 400), NULL,
                           state_of(240, 100));

    json_object_set_new(f, "looked_ns", number(NOW - 99 * S));
    json_object_set_new(f, "trouble",
                        json_pack("[{s:s, s:I, s:s}]", "server", "redis",
                                  "since_ns", NOW - 98 * S, "text", "no"));
    make(f);
    UNIT_EQUAL(at("state"), "\"running\"");
    UNIT_EQUAL(at("rate.blocks_per_s"), "100.0");
    UNIT_EQUAL(at("model.age_s"), "1.0");
    UNIT_EQUAL(at("pilots.0.beat_s"), "1.0");
    /* One that never did. */
    f = facts_make(NULL, NULL, NULL);
    json_object_del(f, "looked_ns");
    make(f);
    UNIT_EQUAL(at("state"), "\"unknown\"");
}

/* Rows of another time than the state. */
static void test_notes(void)
{
    json_t *f = facts_make(NULL, NULL, state_of(240, 1));

    json_object_set_new(json_array_get(json_object_get(f, "commits"), 0),
                        "version", number(20));
    make(f);
    UNIT_EQUAL(at("notes.0"),
               "\"the history of commits is at version 20 and the state at 10: "
               "the parameter service went back to an older state\"");
}

/* Where the services of a run went with it, its summary is what there is. */
static void test_summary(void)
{
    json_t *f = facts_make(NULL, NULL, NULL);

    json_object_set_new(f, "summary",
                        json_pack("{s:s, s:i, s:f, s:s, s:{s:i}, s:i, s:[s]}",
                                  "state", "failed", "exit", 65, "seconds", 7.5,
                                  "pipeline", "q", "blocks", "applied", 12,
                                  "points", 12000, "errors", "bad"));
    make(f);
    UNIT_EQUAL(at("state"), "\"failed\"");
    UNIT_EQUAL(at("exit"), "65");
    UNIT_EQUAL(at("words"), "\"bad\"");
    UNIT_EQUAL(at("pipeline"), "\"q\"");
    UNIT_EQUAL(at("blocks.applied"), "12");
    UNIT_EQUAL(at("seconds"), "7.5");
}

/* Lists are bounded, and have those that lag. */
static void test_many(void)
{
    json_t *offsets = json_array(), *high = json_object();
    json_t *state = state_of(0, 1), *f;
    char name[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "%d", i);
        json_array_append_new(offsets, json_pack("[s, i, i]", "t", i, 0));
        json_object_set_new(high, name, json_integer(i));
    }
    json_object_set_new(state, "offsets", offsets);
    f = facts_make(NULL, NULL, state);
    json_object_set_new(f, "high", json_pack("{s:o}", "t", high));
    make(f);
    UNIT_EQUAL(at("left_out"), "{\"partitions\":488}");
    UNIT_EQUAL(at("partitions.0.partition"), "488");
    UNIT_EQUAL(at("partitions.511.partition"), "999");
    UNIT_EQUAL(at("lag.blocks"), "499500");
}

/* Beats that are none, by whoever wrote them. */
static void test_foreign(void)
{
    json_t *f =
        facts_make(json_string("x"), json_pack("{s:s}", "kind", "edge"), NULL);

    json_object_set_new(json_object_get(f, "beats"), "@follower",
                        pool_beat("ACTIVE", 1, 0, 0));
    make(f);
    UNIT_EQUAL(at("pilots.0.name"), "\"devices\"");
    UNIT_EQUAL(at("pilots.1"), "-");
}

int main(void)
{
    static const unit_test tests[] = {
        {"a run", test_whole},
        {"pilots, ranks, partitions, devices", test_lists},
        {"pressure in words", test_hops},
        {"states", test_states},
        {"stalled", test_stalled},
        {"a broker that does not answer us", test_trouble},
        {"a parameter service that does not answer us", test_away},
        {"notes", test_notes},
        {"a summary", test_summary},
        {"many partitions", test_many},
        {"beats that are none", test_foreign},
        {NULL, NULL},
    };
    int status = unit_main("live", tests);

    json_decref(doc);
    return status;
}
