/* test_pipeline.c - pipeline files: what they mean, and every refusal. */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/pipeline/pipeline.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FILE_NAME "p.yaml" /* in a folder of our own */

#define HEAD                                 \
    "version: 1\n"                           \
    "pipeline: p\n"                          \
    "pilots:\n"                              \
    "  devices: {kind: edge, devices: 3}\n"  \
    "  broker: {kind: broker}\n"             \
    "  params: {kind: params}\n"             \
    "  pool: {kind: pool, ntasks: 2}\n"      \
    "stages:\n"
#define SENSE                                \
    "  sense:\n"                             \
    "    pilot: devices\n"                   \
    "    function: generator\n"              \
    "    options: {features: 4}\n"
#define LEARN                                \
    "  learn:\n"                             \
    "    pilot: pool\n"                      \
    "    function: kmeans\n"                 \
    "    options:\n"                         \
    "      clusters: 5\n"
#define GOOD HEAD SENSE LEARN
#define LOCAL                                                  \
    "version: 1\n"                                             \
    "pipeline: p\n"                                            \
    "pilots: {pool: {kind: pool, ntasks: 2}}\n"                \
    "stages:\n"                                                \
    "  sense: {pilot: pool, function: generator}\n"            \
    "  learn: {pilot: pool, function: kmeans}\n"

static char top[PATH_MAX], object[PATH_MAX];

static void put(const char *yaml)
{
    FILE *f = fopen(FILE_NAME, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(yaml, f);
    fclose(f);
}

static pipeline *load(const char *yaml, const char *set, pe_error *errp)
{
    put(yaml);
    return pipeline_load(FILE_NAME, &set, set ? 1 : 0, errp);
}

static pipeline *load_good(const char *yaml, const char *set)
{
    pe_error e = {0};
    pipeline *p = load(yaml, set, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static void test_defaults(void)
{
    pipeline *p = load_good(GOOD, NULL);
    const pipeline_pilot *devices = pipeline_pilot_of(p, PILOT_EDGE);
    const pipeline_pilot *pool = pipeline_pilot_of(p, PILOT_POOL);

    UNIT_EQUAL(p->name, "p");
    UNIT_EQUAL(p->file, FILE_NAME);
    CU_ASSERT_EQUAL(p->n_pilots, 4);
    UNIT_EQUAL(devices->resource, "local://");
    CU_ASSERT_EQUAL(devices->queue_bytes, 64u << 20);
    CU_ASSERT_FALSE(devices->full_drop);
    CU_ASSERT_EQUAL(pool->ntasks, 2);
    CU_ASSERT_EQUAL(pool->cpus_per_task, 1);
    CU_ASSERT_EQUAL(pool->time_s, 0.0);
    CU_ASSERT_PTR_NULL(pipeline_pilot_of(p, PILOT_BROKER)->endpoint);
    CU_ASSERT_EQUAL(p->partitions, 3);
    UNIT_EQUAL(p->compression, "none");
    CU_ASSERT_EQUAL(p->dtype, PE_F8);
    CU_ASSERT_EQUAL(p->message_bytes, 4u << 20);
    CU_ASSERT_FALSE(p->gaps_allowed);
    CU_ASSERT_PTR_NULL(p->topic);
    CU_ASSERT_DOUBLE_EQUAL(p->epoch_s, 0.25, 1e-12);
    CU_ASSERT_EQUAL(p->epoch_blocks, 0);
    CU_ASSERT_TRUE(p->results);
    CU_ASSERT_FALSE(p->until_eof);
    CU_ASSERT_FALSE(pipeline_is_local(p));
    pipeline_destroy(p);
    pipeline_destroy(NULL);
}

static void test_stages(void)
{
    pipeline *p = load_good(HEAD SENSE
                            "  infer: {pilot: devices, function: score}\n" LEARN,
                            NULL);
    const pipeline_stage *sense = pipeline_stage_of(p, STAGE_SOURCE);
    const pipeline_stage *infer = pipeline_stage_of(p, STAGE_EDGE);
    const pipeline_stage *learn = pipeline_stage_of(p, STAGE_CLOUD);

    CU_ASSERT_EQUAL(p->n_stages, 3);
    CU_ASSERT_EQUAL(p->stream_stage, 1);
    CU_ASSERT_EQUAL(sense->from, -1);
    CU_ASSERT_EQUAL(sense->points, 1000);
    CU_ASSERT_EQUAL(sense->within_s, 1.0);
    CU_ASSERT_EQUAL(sense->rate, 0.0);
    CU_ASSERT_EQUAL(pe_options_int(sense->options, "features"), 4);
    CU_ASSERT_EQUAL(sense->line, 9);
    UNIT_EQUAL(sense->file, FILE_NAME);
    CU_ASSERT_EQUAL(infer->from, 0);
    CU_ASSERT_FALSE(infer->is_model);
    CU_ASSERT_EQUAL(infer->line, 13);
    CU_ASSERT_EQUAL(learn->from, 1);
    CU_ASSERT_TRUE(learn->is_model);
    CU_ASSERT_EQUAL(pe_options_int(learn->options, "clusters"), 5);
    pipeline_destroy(p);
}

static void test_every_key(void)
{
    pipeline *p = load_good(
        "version: 1\n"
        "pipeline: all.keys\n"
        "pilots:\n"
        "  d: {kind: edge, devices: 2, queue: 1MiB, full: drop, time: 1h}\n"
        "  b: {kind: broker, endpoint: \"h1:9092,h2:9092\"}\n"
        "  s: {kind: params, endpoint: \"unix:///s\", password-file: pw, "
        "user: me}\n"
        "  w: {kind: pool, resource: \"local://\", ntasks: 3, "
        "cpus-per-task: 2}\n"
        "stages:\n"
        "  a: {pilot: d, function: generator, block: {points: 5, within: "
        "20ms, rate: 2.5}}\n"
        "  b: {pilot: w, function: kmeans, from: a}\n"
        "context: {site: beamline-7, \"odd key\": \"\"}\n"
        "streams: {a: {partitions: 7, compression: lz4, format: f4, topic: "
        "t.1, gaps: allow, message-max: 5MiB}}\n"
        "epoch: {blocks: 32}\n"
        "results: off\n"
        "until: eof\n",
        NULL);
    const pipeline_pilot *s = pipeline_pilot_of(p, PILOT_PARAMS);

    CU_ASSERT_TRUE(p->pilots[0].full_drop);
    CU_ASSERT_EQUAL(p->pilots[0].queue_bytes, 1u << 20);
    CU_ASSERT_EQUAL(p->pilots[0].time_s, 3600.0);
    UNIT_EQUAL(p->pilots[1].endpoint, "h1:9092,h2:9092");
    UNIT_EQUAL(s->endpoint, "unix:///s");
    UNIT_EQUAL(s->password_file, "pw");
    UNIT_EQUAL(s->user, "me");
    CU_ASSERT_EQUAL(p->pilots[3].cpus_per_task, 2);
    CU_ASSERT_EQUAL(p->stages[0].points, 5);
    CU_ASSERT_DOUBLE_EQUAL(p->stages[0].within_s, 0.02, 1e-12);
    CU_ASSERT_EQUAL(p->stages[0].rate, 2.5);
    CU_ASSERT_EQUAL_FATAL(p->n_context, 2);
    UNIT_EQUAL(p->context_keys[0], "site");
    UNIT_EQUAL(p->context_values[0], "beamline-7");
    UNIT_EQUAL(p->context_values[1], "");
    CU_ASSERT_EQUAL(p->partitions, 7);
    UNIT_EQUAL(p->compression, "lz4");
    CU_ASSERT_EQUAL(p->dtype, PE_F4);
    UNIT_EQUAL(p->topic, "t.1");
    CU_ASSERT_TRUE(p->gaps_allowed);
    CU_ASSERT_EQUAL(p->message_bytes, 5u << 20);
    CU_ASSERT_EQUAL(p->epoch_blocks, 32);
    CU_ASSERT_EQUAL(p->epoch_s, 0.0);
    CU_ASSERT_FALSE(p->results);
    CU_ASSERT_TRUE(p->until_eof);
    pipeline_destroy(p);
}

static void test_local(void)
{
    pipeline *p = load_good(LOCAL, NULL);

    CU_ASSERT_TRUE(pipeline_is_local(p));
    CU_ASSERT_EQUAL(p->partitions, 2);
    CU_ASSERT_EQUAL(pipeline_devices(p), 0);
    CU_ASSERT_PTR_NULL(pipeline_pilot_of(p, PILOT_EDGE));
    CU_ASSERT_PTR_NULL(pipeline_stage_of(p, STAGE_EDGE));
    pipeline_destroy(p);
    p = load_good(LOCAL, "streams.sense.partitions=5");
    CU_ASSERT_EQUAL(p->partitions, 5);
    pipeline_destroy(p);
}

static void test_names(void)
{
    pipeline *p = load_good(GOOD, NULL);
    char text[256];

    CU_ASSERT_EQUAL(pipeline_devices(p), 3);
    pipeline_device_name(p, 2, text, sizeof(text));
    UNIT_EQUAL(text, "devices-2");
    pipeline_device_name(p, 3, text, sizeof(text));
    UNIT_EQUAL(text, "");
    pipeline_topic(p, "r", "", text, sizeof(text));
    UNIT_EQUAL(text, "pilot.r.sense");
    pipeline_destroy(p);
    p = load_good(GOOD, "streams.sense.topic=mine");
    pipeline_topic(p, "r", ".refused", text, sizeof(text));
    UNIT_EQUAL(text, "mine.refused");
    pipeline_destroy(p);
    UNIT_EQUAL(pilot_kind_name(PILOT_POOL), "pool");
    UNIT_EQUAL(pilot_kind_name(PILOT_EDGE), "edge");
    UNIT_EQUAL(pilot_kind_name(PILOT_BROKER), "broker");
    UNIT_EQUAL(pilot_kind_name(PILOT_PARAMS), "params");
}

static void test_owner(void)
{
    for (int ranks = 1; ranks < 5; ranks++)
        for (int k = 0; k < 9; k++)
            CU_ASSERT_EQUAL(pipeline_owner(k, ranks), k % ranks);
}

/* The largest record follows from the block, where its features are told. */
static void test_message_max(void)
{
    pipeline *p = load_good(GOOD, "stages.sense.block.points=1000000");

    CU_ASSERT_EQUAL(p->message_bytes, UINT64_C(1000000) * 4 * 8 + 65536);
    pipeline_destroy(p);
    p = load_good(GOOD, "streams.sense.message-max=32kB");
    CU_ASSERT_EQUAL(p->message_bytes, 32000);
    pipeline_destroy(p);
}

/* One change to a good file, and the message it brings. */
static void check_refused(const char *yaml, const char *set, const char *text)
{
    char want[1200];
    pe_error e = {0};
    pipeline *p = load(yaml, set, &e);

    CU_ASSERT_PTR_NULL(p);
    snprintf(want, sizeof(want), "--set %s: %s", set, text);
    UNIT_EQUAL(e.text, want);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    pipeline_destroy(p);
}

static void test_values_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"version=2", "version: '2' is not 1"},
        {"results=maybe", "results: 'maybe' is not one of: topic off"},
        {"pipeline=a b",
         "pipeline: 'a b' is no name: letters, digits, '.', '_' and '-', at "
         "most 64, the first a letter or digit"},
        {"epoch.interval=250", "interval: '250' needs a unit: 250ms, 250s"},
        {"epoch.interval=2h", "interval: '2h' is not between 1ms and 1h"},
        {"epoch.intervall=1s",
         "unknown key 'intervall'; did you mean 'interval'?"},
        {"epoch=1s", "epoch: a mapping is expected here"},
        {"streams=x", "streams: a mapping is expected here"},
        {"streams.learn.partitions=3",
         "streams: the stream of this pipeline leaves stage 'sense', not "
         "'learn'"},
        {"streams.sense.partitions=four",
         "partitions: 'four' is not an integer"},
        {"streams.sense.topic=a/b",
         "topic: 'a/b' is no name of a topic: letters, digits, '.', '_' and "
         "'-', at most 200"},
        {"streams.sense.message-max=31kB",
         "message-max: a block takes 32000 bytes and does not fit; take fewer "
         "points or a larger record"},
        {"stages.sense.block.points=0",
         "points: '0' is not between 1 and 16777216"},
        {"stages.sense.block.within=1", "within: '1' needs a unit: 1ms, 1s"},
        {"context={a: {b: 1}}", "a: one value is expected here"},
        {"context=x", "context: a mapping is expected here"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        check_refused(GOOD, rows[i].set, rows[i].text);
}

static void test_pilots_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"pilots=", NULL},
        {"pilots=x", "pilots: a mapping is expected here"},
        {"pilots.pool=x", "pool: a mapping is expected here"},
        {"pilots.pool.kind=pond",
         "kind: 'pond' is not one of: pool edge broker params"},
        {"pilots.new.ntasks=1",
         "pilot 'new' needs a kind: pool, edge, broker or params"},
        {"pilots.a b.kind=pool",
         "'a b' is no name of a pilot: letters, digits, '_' and '-', at most "
         "64, the first a letter or digit"},
        {"pilots.pool.ntasks=0", "ntasks: '0' is not between 1 and 65536"},
        {"pilots.pool.ntasks=two", "ntasks: 'two' is not an integer"},
        {"pilots.pool.time=30", "time: '30' needs a unit: 30ms, 30s"},
        {"pilots.devices.queue=64", "queue: '64' needs a unit: 64kB, 64MiB"},
        {"pilots.devices.ntasks=2",
         "ntasks: a key of pilots of kind pool; 'devices' is of kind edge"},
        {"pilots.pool.devicez=2", "unknown key 'devicez'; known are: kind "
                                  "resource time ntasks cpus-per-task"},
        {"pilots.pool.resource=slurm://",
         "resource: 'slurm://': this version starts pilots on local:// only"},
        {"pilots.params.password=x",
         "a password does not belong into this file: put it into a file of "
         "mode 0600 and name that with password-file"},
        {"pilots.params.endpoint=redis://u:x@h",
         "endpoint: URL '...@h': a password is refused here; use a password "
         "file; write SCHEME://HOST:PORT"},
        {"pilots.params.endpoint=http://h",
         "endpoint: 'http://h' is not redis://HOST:PORT or unix:///PATH"},
        {"pilots.broker.endpoint=h",
         "endpoint: 'h' is not HOST:PORT or a list of those with ',' between "
         "them"},
        {"pilots.broker.endpoint=h:1,,g:2",
         "endpoint: 'h:1,,g:2' is not HOST:PORT or a list of those with ',' "
         "between them"},
        {"pilots.second.kind=pool",
         "'second' is a second pool, behind 'pool': this version runs one "
         "pool per run"},
        {"pilots.idle.kind=edge",
         "no stage runs on edge pilot 'idle'; this version runs one edge "
         "pilot per run"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].text)
            check_refused(GOOD, rows[i].set, rows[i].text);
}

static void test_stages_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"stages.learn.pilot=nowhere",
         "stage 'learn': there is no pilot 'nowhere'; known: devices, broker, "
         "params, pool"},
        {"stages.learn.pilot=broker",
         "stage 'learn': pilot 'broker' is of kind broker and runs no stages"},
        {"stages.learn.pilot=devices",
         "stage 'learn': model kmeans learns on a pool; put it on one, and "
         "score at the edge by 'function: score'"},
        {"stages.learn.function=kmeanz",
         "stage 'learn': there is no function 'kmeanz'; did you mean "
         "'kmeans'?"},
        {"stages.learn.function=generator",
         "stage 'learn': generator is a source and has to be the first stage"},
        {"stages.learn.function=score",
         "stage 'learn': score scores on devices; put it on an edge pilot"},
        {"stages.sense.function=score",
         "stage 'sense': score is no source; the first stage has to sense, as "
         "generator, file and proc do"},
        {"stages.sense.function=kmeans",
         "stage 'sense': kmeans is a model; the first stage has to sense, as "
         "generator, file and proc do"},
        {"stages.learn.options.clusterz=3",
         "unknown option 'clusterz'; did you mean 'clusters'?"},
        {"stages.learn.options.clusters=0", NULL},
        {"stages.learn.options.clusters=x",
         "clusters: 'x' is not an integer"},
        {"stages.learn.options=x", "options: a mapping is expected here"},
        {"stages.learn.from=nothing",
         "stage 'learn': from: there is no stage 'nothing' above it"},
        {"stages.sense.from=sense",
         "stage 'sense': from: there is no stage 'sense' above it"},
        {"stages.learn.block.points=5",
         "stage 'learn': block: only the first stage makes blocks"},
        {"stages.sense.pilots=x", "unknown key 'pilots'; did you mean 'pilot'?"},
        {"stages.more={pilot: pool, function: passthrough}",
         "'more' is a second stage on a pool, behind 'learn': this version "
         "runs one"},
        {"stages.more={pilot: devices, function: score}",
         "stage 'more': no stage of a device takes from a pool; put it above "
         "'learn'"},
        {"stages.more={pilot: devices, function: score, from: sense}",
         "stage 'more': no stage takes its blocks; this version runs one "
         "chain of stages"},
        {"stages.more={pilot: pool}",
         "stage 'more' needs a pilot and a function"},
        {"stages.a b=x",
         "'a b' is no name of a stage: letters, digits, '_' and '-', at most "
         "64, the first a letter or digit"},
        {"stages=x", "stages: a mapping is expected here"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].text)
            check_refused(GOOD, rows[i].set, rows[i].text);
}

/* Whole files: the message names the line. */
static void test_files_refused(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"", "p.yaml:1: a mapping of keys to values is expected"},
        {"version: 1\nversion: 1\n", "p.yaml:2: 'version' is there twice"},
        {"pipeline: p\n", "p.yaml:1: 'version: 1' is missing"},
        {"version: 1\n", "p.yaml:1: 'pipeline: NAME' is missing: the name of "
                         "this pipeline"},
        {"version: 1\npipeline: p\n",
         "p.yaml:1: pilots: at least a pilot of kind pool is needed"},
        {"version: 1\npipeline: p\npilots: {}\n",
         "p.yaml:3: pilots: at least a pilot of kind pool is needed"},
        {HEAD, "p.yaml:8: stages: at least a source and a stage on a pool are "
               "needed"},
        {HEAD SENSE, "p.yaml:8: stages: none runs on a pool; put a model or a "
                     "function with process_cloud there"},
        {GOOD "frobnicate: 1\n",
         "p.yaml:18: unknown key 'frobnicate'; known are: version pipeline "
         "results until pilots stages context streams epoch"},
        {GOOD "      clusterz: 1\n",
         "p.yaml:18: unknown option 'clusterz'; did you mean 'clusters'?"},
        {GOOD "epoch:\n  interval: 1s\n  blocks: 5\n",
         "p.yaml:20: epoch: either interval or blocks, not both; --set "
         "epoch.interval= takes the former away"},
        {HEAD "  sense: {pilot: devices, function: generator, block: {points: "
              "16777216}, options: {features: 8}}\n" LEARN,
         "p.yaml:9: a block of 1073741824 bytes is larger than a record may "
         "be (953MiB): take fewer points"},
        {HEAD SENSE "  infer: {pilot: devices, function: score}\n"
                    "  count: {pilot: pool, function: passthrough, from: "
                    "sense}\n",
         "p.yaml:13: stage 'infer': no stage takes its blocks; this version "
         "runs one chain of stages"},
        {LOCAL "  infer: {pilot: pool, function: score}\n",
         "p.yaml:7: stage 'infer': score scores on devices; put it on an edge "
         "pilot"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(load(rows[i].yaml, NULL, &e));
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
    CU_ASSERT_PTR_NULL(load("", NULL, NULL));
}

/* Stages of devices on pilots that cannot have them. */
static void test_places_refused(void)
{
    static const char other[] =
        "version: 1\n"
        "pipeline: p\n"
        "pilots: {d: {kind: edge}, e: {kind: edge}, w: {kind: pool}}\n"
        "stages:\n"
        "  a: {pilot: d, function: generator}\n"
        "  b: {pilot: e, function: score}\n"
        "  c: {pilot: w, function: kmeans}\n";

    check_refused(other, "pilots.e.devices=1", "");
}

static void test_missing_file(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(pipeline_load("/nowhere/p.yaml", NULL, 0, &e));
    UNIT_EQUAL(e.text, "cannot open /nowhere/p.yaml: No such file or directory");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}
