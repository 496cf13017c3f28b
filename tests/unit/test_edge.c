/* test_edge.c - what the devices of an edge pilot share: models and plan. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "fake_service.h"
#include "src/common/clock.h"
#include "src/follower/follower.h"
#include "src/edge/plan.h"

/* --- the pipeline, as far as a plan asks it --- */

void pipeline_topic(const pipeline *p, const char *run, const char *suffix,
                    char *out, size_t cap)
{
    (void)p;
    snprintf(out, cap, "pilot.%s%s", run, suffix);
}

void pipeline_request_broker(const pipeline_request *r, broker_conf *c,
                             const char *client_id)
{
    c->endpoint = r->broker;
    c->client_id = client_id;
}

const pipeline_pilot *pipeline_pilot_find(const pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->n_pilots; i++)
        if (strcmp(p->pilots[i].name, name) == 0)
            return &p->pilots[i];
    return NULL;
}

int pipeline_first_device(const pipeline *p, const pipeline_pilot *k, int place)
{
    int d = place * k->devices;

    while (k > p->pilots)
        d += (--k)->devices;
    return d;
}

/* --- follower --- */

static follower *followed;
static pe_model *mine;
static uint64_t mine_seen;

/* Wait until the model of version [wanted] is there, 5 s at most. */
static bool gets_model(uint64_t wanted)
{
    for (int i = 0; i < 5000; i++) {
        const pe_model *m = follower_model(followed, &mine, &mine_seen);
        if (m && m->version == wanted)
            return true;
        clock_sleep_ns(1000000, 0);
    }
    return false;
}

static bool gets_fetched(void)
{
    int n = 0;

    for (int i = 0; i < 5000 && (n = service_take_fetched()) == 0; i++)
        clock_sleep_ns(1000000, 0);
    return n > 0;
}

static void test_follower(void)
{
    params_conf conf = {0};
    uint64_t version;

    service_set_away(true); /* it is waited for */
    service_commit(1, false, false);
    clock_sleep_ns(2000000, 1);
    followed = follower_start(&conf, "r1", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(followed);
    CU_ASSERT_PTR_NULL(follower_model(followed, &mine, &mine_seen));
    service_set_away(false);
    CU_ASSERT(gets_model(1)); /* there before us: no announcement */
    service_commit(2, true, false);
    CU_ASSERT(gets_model(2));
    service_commit(3, false, false); /* its announcement is missed */
    CU_ASSERT(gets_model(3));
    service_take_fetched();
    /* One that cannot be decoded: the last good one stays. */
    service_commit(4, true, true);
    CU_ASSERT(gets_fetched());
    clock_sleep_ns(5000000, 1);
    CU_ASSERT(gets_model(3));
    follower_stop(followed);
    /* The one that was there before says nothing of the latency. */
    CU_ASSERT_EQUAL(histogram_count(follower_latency(followed)), 2);
    CU_ASSERT_EQUAL(strlen(follower_commit(followed, &version)),
                    PE_COMMIT_ID_LEN);
    pe_model_destroy(mine);
    mine = NULL;
    follower_destroy(followed);
    follower_destroy(NULL);
    CU_ASSERT_EQUAL(service_models_alive(), 0);
}

/* --- plan --- */

static pipeline_pilot pilots[] = {
    {.name = "pool", .kind = PILOT_POOL, .ntasks = 2},
    {.name = "others", .kind = PILOT_EDGE, .devices = 3},
    {.name = "devices", .kind = PILOT_EDGE, .devices = 2, .queue_bytes = 1000},
};
static int in_pool = 0, on_devices = 2; /* indices into pilots */
static pipeline_stage stages[] = {
    {.name = "sense",
     .function = "generator",
     .pilots = &on_devices,
     .n_pilots = 1,
     .from = -1,
     .points = 1000,
     .within_s = 1,
     .file = "p.yaml",
     .line = 7},
    {.name = "infer",
     .function = "score",
     .pilots = &on_devices,
     .n_pilots = 1,
     .from = 0,
     .file = "p.yaml",
     .line = 8},
    {.name = "learn",
     .function = "kmeans",
     .pilots = &in_pool,
     .n_pilots = 1,
     .from = 1},
};
static pipeline pipe_line = {.name = "p",
                             .file = "p.yaml",
                             .pilots = pilots,
                             .n_pilots = 3,
                             .stages = stages,
                             .n_stages = 3,
                             .stream_stage = 1,
                             .partitions = 4,
                             .dtype = PE_F4,
                             .message_bytes = 4 << 20,
                             .compression = "lz4"};
static pipeline_request request = {
    .run = "r1", .dir = "/nowhere", .broker = "127.0.0.1:9092"};

static void test_plan(void)
{
    plan p;
    pe_error e = {0};

    CU_ASSERT_EQUAL_FATAL(plan_make(&p, &pipe_line, &request, "devices", &e),
                          0);
    CU_ASSERT_PTR_EQUAL(p.pilot, &pilots[2]);
    CU_ASSERT_EQUAL(p.first_device, 3);
    CU_ASSERT_EQUAL(p.n_stages, 2);
    UNIT_EQUAL(p.stages[0].setup.stage, "sense");
    UNIT_EQUAL(p.stages[1].setup.stage, "infer");
    CU_ASSERT_EQUAL(p.stages[1].setup.points, 1000);
    CU_ASSERT_EQUAL(p.stages[1].setup.dtype, PE_F4);
    CU_ASSERT_EQUAL(pe_options_int(p.stages[0].setup.options, "features"), 32);
    CU_ASSERT_EQUAL(p.stages[0].setup.size, 2);
    CU_ASSERT(p.rereadable);
    UNIT_EQUAL(p.topic, "pilot.r1");
    plan_clear(&p);
}

static void test_plan_errors(void)
{
    static const struct {
        const char *pilot;
        int stream, infer_pilot;
        const char *source, *infer, *want;
    } rows[] = {
        {"pool", 1, 2, "generator", "score",
         "p.yaml has no edge pilot "
         "'pool'"},
        {"devices", -1, 2, "generator", "score",
         "p.yaml has no stream that leaves an edge pilot"},
        {"others", 1, 2, "generator", "score",
         "p.yaml:8: stage 'infer' runs on another pilot, so pilot 'others' "
         "cannot run it"},
        {"devices", 1, 2, "score", "score",
         "p.yaml:7: stage 'sense' has no produce_edge, so pilot 'devices' "
         "cannot run it"},
        {"devices", 1, 2, "generator", "proc",
         "p.yaml:8: stage 'infer' has no process_edge, so pilot 'devices' "
         "cannot run it"},
        {"devices", 1, 2, "generator", "scor",
         "p.yaml:8: there is no function 'scor'; did you mean 'score'?"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plan p;
        pe_error e = {0};
        pipe_line.stream_stage = rows[i].stream;
        stages[0].function = (char *)rows[i].source;
        stages[1].function = (char *)rows[i].infer;
        CU_ASSERT_EQUAL(plan_make(&p, &pipe_line, &request, rows[i].pilot, &e),
                        -1);
        UNIT_EQUAL(e.text, rows[i].want);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        plan_clear(&p);
    }
    pipe_line.stream_stage = 1;
    stages[0].function = "generator";
    stages[1].function = "score";
}

static void test_plan_producer(void)
{
    static const struct {
        const char *endpoint;
        int in_flight;
        const char *own; /* `broker:` of the pilot */
    } rows[] = {
        {"127.0.0.1:9092", 1, NULL},
        {"localhost:9092", 1, NULL},
        {"[::1]:9092", 1, NULL},
        {"broker.site:9092", 5, NULL},
        {"localhost.site:9092", 5, NULL},
        {"127.0.0.1:9092", 5, "127.0.0.1:9092"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        broker_producer_conf c;
        plan p;
        request.broker = (char *)rows[i].endpoint;
        pilots[on_devices].broker = (char *)rows[i].own;
        CU_ASSERT_EQUAL_FATAL(
            plan_make(&p, &pipe_line, &request, "devices", NULL), 0);
        plan_producer(&p, &pipe_line, &request, &c);
        CU_ASSERT_EQUAL(c.in_flight, rows[i].in_flight);
        CU_ASSERT_EQUAL(c.linger_s, 0);
        CU_ASSERT_EQUAL(c.queue_bytes, 2 * (1000 + (4 << 20)));
        UNIT_EQUAL(c.compression, "lz4");
        UNIT_EQUAL(c.broker.endpoint, rows[i].endpoint);
        plan_clear(&p);
    }
    pilots[on_devices].broker = NULL;
}

int main(void)
{
    static const unit_test tests[] = {
        {"follower", test_follower},
        {"plan", test_plan},
        {"plan: errors", test_plan_errors},
        {"plan: producer", test_plan_producer},
        {NULL, NULL},
    };

    return unit_main("edge", tests);
}
