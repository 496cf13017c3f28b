/* test_layers.c - pipeline files with pools in a row: what each layer is, and
 * what is refused of them.
 */
#include "unit.h"

#include <stdlib.h>

#include "pipeline_file.h"

#define LAYERS_HEAD                                   \
    "version: 1\n"                                    \
    "pipeline: p\n"                                   \
    "pilots:\n"                                       \
    "  d: {kind: edge, devices: 8}\n"                 \
    "  near: {kind: broker}\n"                        \
    "  far: {kind: broker, endpoint: \"far:9092\"}\n" \
    "  g: {kind: pool, ntasks: 2}\n"                  \
    "  h: {kind: pool}\n"                             \
    "  s: {kind: pool}\n"                             \
    "  c: {kind: pool}\n"                             \
    "stages:\n"                                       \
    "  sense: {pilot: d, function: generator}\n"      \
    "  thin: {pilot: [g, h], function: aggregate, options: {rows: 2}}\n"

#define LAYERS_REST                                                       \
    "  pick: {pilot: s, function: select, options: {columns: \"0-1\"}}\n" \
    "  pass: {pilot: s, function: passthrough}\n"                         \
    "  learn: {pilot: c, function: kmeans}\n"                             \
    "streams:\n"                                                          \
    "  sense: {partitions: 8}\n"                                          \
    "  thin: {broker: far}\n"                                             \
    "  pass: {partitions: 2, compression: lz4, broker: \"h:1,k:2\"}\n"

#define LAYERS LAYERS_HEAD LAYERS_REST

static void test_layers(void)
{
    static const struct {
        const char *name, *key, *topic, *stream, *broker, *last;
        int partitions;
        bool forwards;
    } rows[] = {
        {"g", "R/g", "pilot.R.sense", "sense", NULL, "thin", 8, true},
        {"s", "R/s", "pilot.R.thin", "thin", "far:9092", "pass", 8, true},
        {"c", "R", "pilot.R.pass", "pass", "h:1,k:2", "learn", 2, false},
    };
    pipeline *p = pipeline_file_good(LAYERS, NULL);
    pipeline_request r = {.run = "R"};
    char text[256];

    CU_ASSERT_EQUAL_FATAL(p->n_streams, 3);
    CU_ASSERT_EQUAL(p->seen, 2); /* commands look at the last one */
    for (size_t k = 0; k < COUNT(rows); k++) {
        CU_ASSERT_EQUAL(pipeline_see(p, &r, k, NULL), 0);
        UNIT_EQUAL(pipeline_layer_name(p, k), rows[k].name);
        pipeline_layer_key(p, "R", k, text, sizeof(text));
        UNIT_EQUAL(text, rows[k].key);
        UNIT_EQUAL(pipeline_request_key(&r), rows[k].key);
        pipeline_topic(p, "R", "", text, sizeof(text));
        UNIT_EQUAL(text, rows[k].topic);
        UNIT_EQUAL(p->stream_name, rows[k].stream);
        CU_ASSERT_EQUAL(p->partitions, rows[k].partitions);
        CU_ASSERT_EQUAL(p->forwards, rows[k].forwards);
        CU_ASSERT_EQUAL(p->results, !rows[k].forwards);
        CU_ASSERT_EQUAL(!p->stream_broker, !rows[k].broker);
        if (rows[k].broker) {
            UNIT_EQUAL(p->stream_broker, rows[k].broker);
            UNIT_EQUAL(r.stream_broker, rows[k].broker);
        }
        UNIT_EQUAL(pipeline_last_stage(p)->name, rows[k].last);
    }
    free(r.stream_broker);
    free(r.key);
    pipeline_destroy(p);
}

static void test_whose_layer(void)
{
    static const struct {
        const char *pilot;
        size_t layer;
    } rows[] = {{"d", 0}, {"near", 0}, {"g", 0}, {"h", 0}, {"s", 1}, {"c", 2}};
    pipeline *p = pipeline_file_good(LAYERS, NULL);

    for (size_t i = 0; i < COUNT(rows); i++)
        CU_ASSERT_EQUAL(
            pipeline_layer_of(p, pipeline_pilot_find(p, rows[i].pilot)),
            rows[i].layer);
    /* Stages of the layers that are not seen are none of its own. */
    CU_ASSERT_EQUAL(p->stages[1].role, STAGE_ELSEWHERE);
    CU_ASSERT_EQUAL(p->stages[4].role, STAGE_CLOUD);
    CU_ASSERT_EQUAL(pipeline_see(p, NULL, 1, NULL), 0);
    CU_ASSERT_EQUAL(p->stages[1].role, STAGE_ELSEWHERE);
    CU_ASSERT_EQUAL(p->stages[2].role, STAGE_CLOUD);
    CU_ASSERT_EQUAL(p->stages[3].role, STAGE_CLOUD);
    CU_ASSERT_EQUAL(p->stages[4].role, STAGE_ELSEWHERE);
    CU_ASSERT_EQUAL(p->stages[0].role, STAGE_SOURCE);
    pipeline_destroy(p);
}

/* A look at a stream changes nothing of what is seen. */
static void test_peek(void)
{
    pipeline *p = pipeline_file_good(LAYERS, NULL);
    pipeline_request r = {.run = "R", .broker = "b:1"}, at;
    broker_conf conf = {0};
    pipeline of;

    pipeline_peek(p, &r, 1, &of, &at);
    UNIT_EQUAL(of.stream_name, "thin");
    pipeline_request_broker(&at, &conf, "test");
    UNIT_EQUAL(conf.endpoint, "far:9092");
    pipeline_peek(p, &r, 0, &of, &at);
    pipeline_request_broker(&at, &conf, "test");
    UNIT_EQUAL(conf.endpoint, "b:1");
    CU_ASSERT_EQUAL(p->seen, 2);
    UNIT_EQUAL(p->stream_name, "pass");
    pipeline_destroy(p);
}

/* Pools alone: the first of them reads what others write. */
static void test_pools_alone(void)
{
    pipeline *p = pipeline_file_good(
        "version: 1\n"
        "pipeline: p\n"
        "pilots: {a: {kind: pool}, b: {kind: pool}}\n"
        "stages:\n"
        "  x: {pilot: a, function: select, options: {columns: \"0\"}}\n"
        "  y: {pilot: b, function: kmeans}\n"
        "streams: {lab: {topic: lab, partitions: 3}}\n",
        NULL);

    CU_ASSERT_EQUAL(p->shape, PIPELINE_POOLS);
    CU_ASSERT_EQUAL_FATAL(p->n_streams, 2);
    UNIT_EQUAL(p->streams[0].name, "lab");
    UNIT_EQUAL(p->streams[1].name, "x");
    CU_ASSERT_EQUAL(p->streams[1].partitions, 3);
    pipeline_destroy(p);
}

static void test_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"stages.pick.pilot=c",
         "stage 'learn': its blocks have been on pilot 'c' for stage 'pick' "
         "(p.yaml:14), and left it for 'pass' (p.yaml:15): layers do not loop; "
         "put 'learn' behind 'pick', or on another pilot"},
        {"stages.pick.pilot=g",
         "stage 'pick': it shares 'g' with stage 'thin' (p.yaml:13), but not "
         "all pilots: stages of one layer run on the same ones, those of two "
         "on others"},
        {"stages.learn.from=thin",
         "stage 'learn' takes from 'thin', and so does 'pick' (p.yaml:14): "
         "blocks go one way, from stage to stage; put 'learn' behind 'pass'"},
        {"stages.thin={pilot: [g, h], function: kmeans}",
         "stage 'pick': 'thin' is a model, which hands no blocks on; put "
         "'pick' above it"},
        {"stages.more={pilot: s, function: passthrough, from: pass}",
         "stage 'more': 'pass' is a model, which hands no blocks on; put "
         "'more' above it"},
        {"stages.thin={pilot: [g, h], function: filter}",
         "stage 'thin': filter needs a model, and 'filter' is none that learns "
         "one"},
        {"pilots.d={kind: pool}",
         "stage 'thin': its source 'sense' (p.yaml:12) runs on pool 'd', and "
         "what a pool senses itself stays there; put the source on devices"},
        {"pilots.idle.kind=pool",
         "no stage runs on pool pilot 'idle'; several share one: `pilot: [A, "
         "B]`"},
        {"streams.pick.partitions=3",
         "streams: the streams of this pipeline leave stages 'sense', 'thin', "
         "'pass', not 'pick'"},
        {"streams.thin.broker=nowhere",
         "broker: 'nowhere' is no pilot of kind broker, and not HOST:PORT"},
        {"streams.thin.broker=s",
         "broker: pilot 's' is of kind pool; name one of kind broker, or "
         "HOST:PORT"},
        {"streams.thin.broker=h:x",
         "broker: 'h:x' is not HOST:PORT or a list of those with ',' between "
         "them"},
        {"pilots.far.endpoint=",
         "broker: 'far' has no endpoint: of several brokers only the first is "
         "started with a run; give 'endpoint: HOST:PORT' there"},
        {"streams.pass.partitions=0",
         "partitions: '0' is not between 1 and 4096"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        pipeline *p = pipeline_file_load(LAYERS, rows[i].set, &e);

        CU_ASSERT_PTR_NULL(p);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        pipeline_destroy(p);
    }
}

/* What leaves a layer is not what it reads. */
static void test_topics_refused(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(
        pipeline_file_load(LAYERS_HEAD "  learn: {pilot: c, function: kmeans}\n"
                                       "  # no more\n"
                                       "streams:\n"
                                       "  sense: {topic: t}\n"
                                       "  thin: {topic: t}\n",
                           "pilots.s={kind: broker}", &e));
    UNIT_CONTAINS(e.text, "p.yaml:18: streams: 'thin' and 'sense' (p.yaml:17) "
                          "have the same topic, 't': layers do not loop; give "
                          "each a topic of its own");
}

int main(void)
{
    static const unit_test tests[] = {
        {"each layer, as it is seen", test_layers},
        {"which pilot is of which", test_whose_layer},
        {"a look at a stream", test_peek},
        {"pools alone", test_pools_alone},
        {"layers that are refused", test_refused},
        {"topics that are refused", test_topics_refused},
        {0},
    };

    return pipeline_file_main("layers", tests);
}
