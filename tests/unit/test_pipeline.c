/* test_pipeline.c - pipeline files: what they mean. */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline_file.h"

static void test_defaults(void)
{
    pipeline *p = pipeline_file_good(GOOD, NULL);
    const pipeline_pilot *devices = pipeline_pilot_of(p, PILOT_EDGE);
    const pipeline_pilot *pool = pipeline_pilot_of(p, PILOT_POOL);

    UNIT_EQUAL(p->name, "p");
    UNIT_EQUAL(p->file, FILE_NAME);
    CU_ASSERT_EQUAL(p->n_pilots, 4);
    CU_ASSERT_EQUAL_FATAL(devices->n_resources, 1);
    UNIT_EQUAL(devices->resources[0], "local://");
    CU_ASSERT_FALSE(devices->resource_given);
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
    pipeline *p = pipeline_file_good(
        HEAD SENSE "  infer: {pilot: devices, function: score}\n" LEARN, NULL);
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
    pipeline *p = pipeline_file_good(
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
        "t.1, gaps: allow, message-max: 5MiB, codec: csv, columns: \"a,b\", "
        "time: t, rows: record, frames: yes, delimiter: tab, decimal: "
        "comma}}\n"
        "epoch: {blocks: 32}\n"
        "results: off\n"
        "results-format: da00\n"
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
    UNIT_EQUAL(p->codec.codec, "csv");
    UNIT_EQUAL(p->codec.columns, "a,b");
    UNIT_EQUAL(p->codec.time, "t");
    UNIT_EQUAL(p->codec.rows, "record");
    CU_ASSERT_TRUE(p->codec.frames);
    CU_ASSERT_EQUAL(p->codec.delimiter, '\t');
    CU_ASSERT_EQUAL(p->codec.decimal, ',');
    CU_ASSERT_FALSE(p->results);
    CU_ASSERT_TRUE(p->results_da00);
    CU_ASSERT_TRUE(p->until_eof);
    pipeline_destroy(p);
}

static void test_local(void)
{
    pipeline *p = pipeline_file_good(LOCAL, NULL);

    CU_ASSERT_TRUE(pipeline_is_local(p));
    CU_ASSERT_EQUAL(p->partitions, 2);
    CU_ASSERT_EQUAL(pipeline_devices(p), 0);
    CU_ASSERT_PTR_NULL(pipeline_pilot_of(p, PILOT_EDGE));
    CU_ASSERT_PTR_NULL(pipeline_stage_of(p, STAGE_EDGE));
    pipeline_destroy(p);
    p = pipeline_file_good(LOCAL, "streams.sense.partitions=5");
    CU_ASSERT_EQUAL(p->partitions, 5);
    pipeline_destroy(p);
}

static void test_names(void)
{
    pipeline *p = pipeline_file_good(GOOD, NULL);
    char text[256];

    CU_ASSERT_EQUAL(pipeline_devices(p), 3);
    pipeline_device_name(p, 2, text, sizeof(text));
    UNIT_EQUAL(text, "devices-2");
    pipeline_device_name(p, 3, text, sizeof(text));
    UNIT_EQUAL(text, "");
    pipeline_topic(p, "r", "", text, sizeof(text));
    UNIT_EQUAL(text, "pilot.r.sense");
    pipeline_destroy(p);
    p = pipeline_file_good(GOOD, "streams.sense.topic=mine");
    pipeline_topic(p, "r", PIPELINE_REFUSED, text, sizeof(text));
    UNIT_EQUAL(text, "pilot.r.sense.refused");
    pipeline_destroy(p);
    p = pipeline_file_good(GOOD, "streams.sense.topic=our.{run}.raw");
    pipeline_topic(p, "monday", PIPELINE_REFUSED, text, sizeof(text));
    UNIT_EQUAL(text, "our.monday.raw.refused");
    pipeline_destroy(p);
    UNIT_EQUAL(pilot_kind_name(PILOT_POOL), "pool");
    UNIT_EQUAL(pilot_kind_name(PILOT_EDGE), "edge");
    UNIT_EQUAL(pilot_kind_name(PILOT_BROKER), "broker");
    UNIT_EQUAL(pilot_kind_name(PILOT_PARAMS), "params");
}

/* What a pool writes is the run's own, but where the file says otherwise. */
static void test_results_topic(void)
{
    static const struct {
        const char *topic, *results, *name;
        bool own;
    } rows[] = {
        {"", "", "pilot.r.sense.results", true},
        {"mine", "", "pilot.r.sense.results", true},
        {"our.{run}", "", "our.r.results", true},
        {"mine", "mine.results", "mine.results", false},
        {"", "lab.scores", "lab.scores", false},
        {"mine", "lab.{run}.scores", "lab.r.scores", true},
    };
    char yaml[2048], topic[64] = "", results[64] = "", text[256];

    for (size_t i = 0; i < COUNT(rows); i++) {
        pipeline *p;

        if (*rows[i].topic)
            snprintf(topic, sizeof(topic),
                     "streams: {sense: {topic: \"%s\"}}\n", rows[i].topic);
        if (*rows[i].results)
            snprintf(results, sizeof(results), "results-topic: \"%s\"\n",
                     rows[i].results);
        snprintf(yaml, sizeof(yaml), "%s%s%s", GOOD,
                 *rows[i].topic ? topic : "", *rows[i].results ? results : "");
        p = pipeline_file_good(yaml, NULL);
        pipeline_topic(p, "r", PIPELINE_RESULTS, text, sizeof(text));
        UNIT_EQUAL(text, rows[i].name);
        CU_ASSERT_EQUAL(pipeline_topic_is_own(p, PIPELINE_RESULTS),
                        rows[i].own);
        CU_ASSERT(pipeline_topic_is_own(p, PIPELINE_REFUSED));
        CU_ASSERT_EQUAL(pipeline_topic_is_own(p, ""),
                        strcmp(rows[i].topic, "mine") != 0);
        pipeline_destroy(p);
    }
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
    pipeline *p = pipeline_file_good(GOOD, "stages.sense.block.points=1000000");

    CU_ASSERT_EQUAL(p->message_bytes, UINT64_C(1000000) * 4 * 8 + 65536);
    pipeline_destroy(p);
    p = pipeline_file_good(GOOD, "streams.sense.message-max=32kB");
    CU_ASSERT_EQUAL(p->message_bytes, 32000);
    pipeline_destroy(p);
}

/* Stages on a pool above the model; the stream leaves the last device stage. */
static void test_chain(void)
{
    pipeline *p = pipeline_file_good(
        HEAD SENSE "  pick: {pilot: devices, function: select, options: "
                   "{columns: \"0,2-3\"}}\n"
                   "  scale: {pilot: pool, function: standardise}\n"
                   "  thin: {pilot: pool, function: aggregate, options: "
                   "{rows: 4}}\n" LEARN,
        NULL);

    UNIT_EQUAL(pipeline_stage_of(p, STAGE_CLOUD)->name, "scale");
    UNIT_EQUAL(pipeline_last_stage(p)->name, "learn");
    CU_ASSERT_EQUAL(p->stream_stage, 1);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(p->stages[i].from, i - 1);
    pipeline_destroy(p);

    p = pipeline_file_good(LOCAL, "stages.learn.from=sense");
    CU_ASSERT_PTR_EQUAL(pipeline_last_stage(p), &p->stages[1]);
    pipeline_destroy(p);
}

/* --- functions out of shared objects --- */

/* A relative name is meant from the folder of the file; the options are
 * those of the function's table, with its defaults.
 */
static void test_object(void)
{
    pipeline *p = pipeline_file_good(OBJECT, NULL);

    UNIT_EQUAL(p->stages[0].function, "o.so:gauge");
    CU_ASSERT_EQUAL(pe_options_int(p->stages[0].options, "features"), 3);
    CU_ASSERT_EQUAL(pe_options_time(p->stages[0].options, "period"), 5.0);
    CU_ASSERT_EQUAL(p->stages[1].role, STAGE_CLOUD);
    CU_ASSERT_FALSE(p->stages[1].is_model);
    UNIT_EQUAL(pe_options_string(p->stages[1].options, "x"), "y");
    pipeline_destroy(p);

    CU_ASSERT_EQUAL_FATAL(mkdir("elsewhere", 0700), 0);
    CU_ASSERT_EQUAL_FATAL(chdir("elsewhere"), 0);
    p = pipeline_load("../" FILE_NAME, NULL, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL(p);
    pipeline_destroy(p);
    CU_ASSERT_EQUAL_FATAL(chdir(".."), 0);
    rmdir("elsewhere");
}

/* --- command line > environment > file --- */

static void test_precedence(void)
{
    pipeline *p;

    setenv("PILOT_BROKER", "env:1", 1);
    p = pipeline_file_good(GOOD, NULL);
    UNIT_EQUAL(pipeline_pilot_of(p, PILOT_BROKER)->endpoint, "env:1");
    CU_ASSERT_PTR_NULL(pipeline_pilot_of(p, PILOT_PARAMS)->endpoint);
    pipeline_destroy(p);
    p = pipeline_file_good(GOOD, "pilots.broker.endpoint=cmd:2");
    UNIT_EQUAL(pipeline_pilot_of(p, PILOT_BROKER)->endpoint, "cmd:2");
    pipeline_destroy(p);
    setenv("PILOT_BROKER", "", 1);
    p = pipeline_file_good(GOOD, NULL);
    CU_ASSERT_PTR_NULL(pipeline_pilot_of(p, PILOT_BROKER)->endpoint);
    pipeline_destroy(p);
    setenv("PILOT_BROKER", "nonsense", 1);
    pe_error e = {0};
    CU_ASSERT_PTR_NULL(pipeline_file_load(GOOD, NULL, &e));
    UNIT_EQUAL(e.text, "PILOT_BROKER: endpoint: 'nonsense' is not HOST:PORT or "
                       "a list of those with ',' between them (Kafka), nor "
                       "redis://HOST:PORT (streams in a Redis)");
    p = pipeline_file_good(LOCAL, NULL); /* no broker takes part */
    pipeline_destroy(p);
    pipeline_file_clear_environment();
}

/* Who named an endpoint is known to who cannot reach it. */
static void test_endpoint_from(void)
{
    static const char file[] = "version: 1\n"
                               "pipeline: p\n"
                               "pilots:\n"
                               "  d: {kind: edge}\n"
                               "  bus: {kind: broker, endpoint: \"file:1\"}\n"
                               "  w: {kind: pool}\n"
                               "stages: {a: {pilot: d, function: generator},\n"
                               "         b: {pilot: w, function: kmeans}}\n";
    static const struct {
        const char *variable, *set, *want;
    } rows[] = {
        {NULL, NULL, FILE_NAME ":5, pilots.bus.endpoint"},
        {"env:2", NULL, "PILOT_BROKER"},
        {NULL, "pilots.bus.endpoint=cmd:3", "--set pilots.bus.endpoint"},
        {"env:2", "pilots.bus.endpoint=\"cmd:3\"", "--set pilots.bus.endpoint"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].variable)
            setenv("PILOT_BROKER", rows[i].variable, 1);
        pipeline *p = pipeline_file_good(file, rows[i].set);
        UNIT_EQUAL(pipeline_pilot_of(p, PILOT_BROKER)->endpoint_from,
                   rows[i].want);
        pipeline_destroy(p);
        pipeline_file_clear_environment();
    }
}

/* User and password open one service: with another they do not go along. */
static void test_password_file(void)
{
    static const char file[] =
        "version: 1\n"
        "pipeline: p\n"
        "pilots:\n"
        "  d: {kind: edge}\n"
        "  s: {kind: params, endpoint: \"redis://a:1\", password-file: f, "
        "user: u}\n"
        "  w: {kind: pool}\n"
        "stages: {a: {pilot: d, function: generator}, b: {pilot: w, function: "
        "kmeans}}\n";
    static const struct {
        const char *params, *secret, *set;
        const char *want_endpoint, *want_file, *want_user;
    } rows[] = {
        {NULL, NULL, NULL, "redis://a:1", "f", "u"},
        {NULL, "/e", NULL, "redis://a:1", "/e", "u"},
        {"redis://b:2", NULL, NULL, "redis://b:2", NULL, NULL},
        {"redis://b:2", "/e", NULL, "redis://b:2", "/e", NULL},
        {"redis://b:2", "/e", "pilots.s.user=me", "redis://b:2", "/e", "me"},
        {"redis://b:2", "/e", "pilots.s.password-file=/c", "redis://b:2", "/c",
         NULL},
        {"redis://b:2", NULL, "pilots.s.endpoint=redis://c:3", "redis://c:3",
         "f", "u"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].params)
            setenv("PILOT_PARAMS", rows[i].params, 1);
        if (rows[i].secret)
            setenv("PILOT_PASSWORD_FILE", rows[i].secret, 1);
        pipeline *p = pipeline_file_good(file, rows[i].set);
        const pipeline_pilot *s = pipeline_pilot_of(p, PILOT_PARAMS);
        UNIT_EQUAL(s->endpoint, rows[i].want_endpoint);
        UNIT_EQUAL(s->password_file ? s->password_file : "none",
                   rows[i].want_file ? rows[i].want_file : "none");
        UNIT_EQUAL(s->user ? s->user : "none",
                   rows[i].want_user ? rows[i].want_user : "none");
        pipeline_destroy(p);
        pipeline_file_clear_environment();
    }
}

/* One in the environment is meant from where the user is. */
static void test_password_file_relative(void)
{
    char here[PATH_MAX], want[PATH_MAX + 8];
    pipeline *p;

    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(here, sizeof(here)));
    snprintf(want, sizeof(want), "%s/pw", here);
    setenv("PILOT_PASSWORD_FILE", "pw", 1);
    p = pipeline_file_good(GOOD, NULL);
    UNIT_EQUAL(pipeline_pilot_of(p, PILOT_PARAMS)->password_file, want);
    pipeline_destroy(p);
    pipeline_file_clear_environment();
}

static void test_overrides_in_order(void)
{
    static const char *const set[] = {"epoch.interval=2s",
                                      "epoch.interval=", "epoch.blocks=3",
                                      "stages.sense.options={features: 7}"};
    pe_error e = {0};
    pipeline *p;

    pipeline_destroy(pipeline_file_good(GOOD, NULL)); /* leaves the file */
    p = pipeline_load(FILE_NAME, set, COUNT(set), &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(p->epoch_blocks, 3);
    CU_ASSERT_EQUAL(pe_options_int(p->stages[0].options, "features"), 7);
    pipeline_destroy(p);
    CU_ASSERT_PTR_NULL(pipeline_file_load(GOOD, "nothing", &e));
    UNIT_EQUAL(e.text,
               "--set nothing: write PATH=VALUE, as in epoch.interval=1s");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
}

/* Kernels of a model are asked for by its stage, or by the environment. */
static void test_kernel(void)
{
    pipeline *p = pipeline_file_good(GOOD, NULL);
    pe_error e = {0};

    unsetenv("PILOT_KERNEL");
    CU_ASSERT_EQUAL(pipeline_use_kernel(p, &e), 0);
    setenv("PILOT_KERNEL", "abacus", 1);
    CU_ASSERT_EQUAL(pipeline_use_kernel(p, &e), -1);
    UNIT_CONTAINS(e.text, "stage 'learn': ");
    UNIT_CONTAINS(e.text, "abacus");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    setenv("PILOT_KERNEL", "plain", 1);
    CU_ASSERT_EQUAL(pipeline_use_kernel(p, NULL), 0);
    unsetenv("PILOT_KERNEL");
    pipeline_destroy(p);
}

/* Where each value was said, a line each. */
static void test_origins(void)
{
    static const char *const set[] = {
        "epoch.interval=2s", "pilots.pool.ntasks=5", "context={site: north}"};
    static const char *const lines[] = {
        "version                                  = 1                        "
        "p.yaml:1\n",
        "pilots.devices.kind                      = edge                     "
        "p.yaml:4\n",
        "pilots.pool.ntasks                       = 5                        "
        "--set pilots.pool.ntasks=5\n",
        "stages.sense.pilot[0]                    = devices                  "
        "p.yaml:10\n",
        "stages.learn.options.clusters            = 5                        "
        "p.yaml:17\n",
        "epoch.interval                           = 2s                       "
        "--set epoch.interval=2s\n",
        "context.site                             = north                    "
        "--set context={site: north}\n",
    };
    char *out = NULL;
    size_t len = 0;
    pe_error e = {0};
    FILE *f = open_memstream(&out, &len);

    pipeline_destroy(pipeline_file_good(HEAD
                                        "  sense:\n"
                                        "    pilot: [devices]\n"
                                        "    function: generator\n"
                                        "    options: {features: 4}\n" LEARN,
                                        NULL));
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(pipeline_print_origins(FILE_NAME, set, COUNT(set), f, &e),
                    0);
    fclose(f);
    UNIT_EQUAL(e.text, "");
    for (size_t i = 0; i < COUNT(lines); i++)
        UNIT_CONTAINS(out, lines[i]);
    /* The one that was said before is not told any more. */
    CU_ASSERT_PTR_NULL(strstr(out, "= 2                        p.yaml:7"));
    free(out);
    CU_ASSERT_EQUAL(pipeline_print_origins("/nowhere/p", NULL, 0, stdout, &e),
                    -1);
    UNIT_CONTAINS(e.text, "cannot open /nowhere/p: ");
}

/* --- who scales --- */

/* A stage `standardise` scales what the model gets where it divides, and where
 * nothing behind it may undo that.
 */
static void test_scaler(void)
{
#define SCALE(options)                                                   \
    HEAD SENSE "  s: {pilot: devices, function: standardise" options "}" \
               "\n" LEARN
    static const struct {
        const char *yaml, *pilot; /* on which one would be good; NULL: none */
    } rows[] = {
        {GOOD, "pool"},
        {SCALE(""), NULL},
        {SCALE(", options: {learn: seen}"), NULL},
        {SCALE(", options: {mean: '1,2,3,4'}"), "pool"},
        {SCALE(", options: {scale: '1,1.0,1,1e0'}"), "pool"},
        {SCALE(", options: {scale: '1,1,10,1'}"), NULL},
        {SCALE(", options: {mean: '1,1,1,1', scale: '2,2,2,2'}"), NULL},
        {HEAD SENSE "  s: {pilot: devices, function: standardise}\n"
                    "  k: {pilot: devices, function: select, options: "
                    "{columns: '0,1'}}\n" LEARN,
         NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pipeline *p = pipeline_file_good(rows[i].yaml, NULL);
        const char *on = pipeline_scaler(p);

        UNIT_EQUAL(on ? on : "none", rows[i].pilot ? rows[i].pilot : "none");
        pipeline_destroy(p);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"who scales", test_scaler},
        {"stages on a pool in a row", test_chain},
        {"defaults", test_defaults},
        {"stages", test_stages},
        {"every key", test_every_key},
        {"a source in the pool", test_local},
        {"names", test_names},
        {"the topic of results", test_results_topic},
        {"partition to rank", test_owner},
        {"the largest record", test_message_max},
        {"shared object: options", test_object},
        {"command line, environment, file", test_precedence},
        {"who named an endpoint", test_endpoint_from},
        {"password file of another service", test_password_file},
        {"password file, relative", test_password_file_relative},
        {"overrides in order", test_overrides_in_order},
        {"kernels", test_kernel},
        {"where values come from", test_origins},
        {0},
    };

    return pipeline_file_main("pipeline", tests);
}
