/* test_places.c - pipeline files whose pilots live in many places. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline_file.h"

#define START "version: 1\npipeline: p\n"

/* A line each: pilots, stages. */
#define MANY                                                                   \
    START "pilots:\n"                                                          \
          "  core: {kind: allocation, resource: \"slurm://\", nodes: 3, "      \
          "ntasks: 12, time: 12h, setup: [\"module load openmpi\", "           \
          "\"ulimit -c 0\"], directives: [\"--constraint=rome\"]}\n"           \
          "  broker: {kind: broker, within: core}\n"                           \
          "  params: {kind: params, within: core, listen: eth0}\n"             \
          "  a: {kind: pool, within: core, ntasks: 8, cpus-per-task: 2}\n"     \
          "  b: {kind: pool, resource: \"pbs://\", ntasks: 4, time: 1h, "      \
          "qos: workq}\n"                                                      \
          "  edges: {kind: edge, devices: 2, via: \"ssh://login\", "           \
          "resource: [\"ssh://pi@s7\", \"ssh://pi@s8:2222\", \"local://\"]}\n" \
          "  more: {kind: edge, devices: 3}\n"                                 \
          "stages:\n"                                                          \
          "  sense: {pilot: [edges, more], function: generator, options: "     \
          "{features: 4}}\n"                                                   \
          "  scale: {pilot: [a, b], function: standardise}\n"                  \
          "  learn: {pilot: [a, b], function: kmeans}\n"

static void test_many(void)
{
    pipeline *p = pipeline_file_good(MANY, NULL);
    const pipeline_pilot *core = pipeline_pilot_find(p, "core");
    const pipeline_pilot *a = pipeline_pilot_find(p, "a");
    const pipeline_pilot *edges = pipeline_pilot_find(p, "edges");
    const pipeline_pilot *more = pipeline_pilot_find(p, "more");
    char name[64];

    CU_ASSERT_EQUAL(p->shape, PIPELINE_WHOLE);
    CU_ASSERT_EQUAL(core->kind, PILOT_ALLOCATION);
    CU_ASSERT_EQUAL(core->request.list[REQUEST_SETUP].n, 2);
    UNIT_EQUAL(core->request.list[REQUEST_SETUP].items[1], "ulimit -c 0");
    UNIT_EQUAL(core->request.word[REQUEST_TIME], "12:00:00");
    CU_ASSERT_EQUAL(core->time_s, 43200.0);
    CU_ASSERT_EQUAL(core->within, -1);
    CU_ASSERT_EQUAL(a->within, 0);
    CU_ASSERT_EQUAL(a->ntasks, 8);
    CU_ASSERT_EQUAL(a->cpus_per_task, 2);
    CU_ASSERT_EQUAL(edges->n_resources, 3);
    UNIT_EQUAL(edges->resources[1], "ssh://pi@s8:2222");
    UNIT_EQUAL(edges->via, "ssh://login");
    CU_ASSERT_EQUAL(p->stages[2].n_pilots, 2);
    CU_ASSERT_EQUAL(p->stages[2].pilots[1], 4);
    CU_ASSERT_EQUAL(pipeline_devices(p), 9);
    CU_ASSERT_EQUAL(p->partitions, 9);
    CU_ASSERT_EQUAL(pipeline_first_device(p, edges, 0), 0);
    CU_ASSERT_EQUAL(pipeline_first_device(p, edges, 2), 4);
    CU_ASSERT_EQUAL(pipeline_first_device(p, more, 0), 6);
    pipeline_device_name(p, 5, name, sizeof(name));
    UNIT_EQUAL(name, "edges-5");
    pipeline_device_name(p, 6, name, sizeof(name));
    UNIT_EQUAL(name, "more-0");
    pipeline_destroy(p);
}

#define POOL_ONLY                                     \
    START "pilots: {pool: {kind: pool, ntasks: 2}}\n" \
          "stages: {learn: {pilot: pool, function: kmeans}}\n"
#define EDGE_ONLY                                         \
    START "pilots: {devices: {kind: edge, devices: 3}}\n" \
          "stages:\n"                                     \
          "  sense: {pilot: devices, function: proc}\n"   \
          "  infer: {pilot: devices, function: score}\n"

/* Halves of a pipeline meet at a topic. */
static void test_halves(void)
{
    pipeline *p = pipeline_file_good(
        POOL_ONLY "streams: {sensors: {topic: t, partitions: 5}}\n", NULL);
    char topic[64];

    CU_ASSERT_EQUAL(p->shape, PIPELINE_POOLS);
    CU_ASSERT_FALSE(pipeline_is_local(p));
    CU_ASSERT_EQUAL(p->partitions, 5);
    CU_ASSERT_EQUAL(pipeline_devices(p), 0);
    CU_ASSERT_PTR_NULL(pipeline_stage_of(p, STAGE_SOURCE));
    pipeline_topic(p, "run", ".results", topic, sizeof(topic));
    UNIT_EQUAL(topic, "pilot.run.sensors.results");
    pipeline_destroy(p);
    p = pipeline_file_good(EDGE_ONLY "streams: {infer: {topic: t}}\n", NULL);
    CU_ASSERT_EQUAL(p->shape, PIPELINE_EDGES);
    CU_ASSERT_FALSE(pipeline_is_local(p));
    CU_ASSERT_EQUAL(p->stream_stage, 1);
    CU_ASSERT_EQUAL(p->partitions, 3);
    CU_ASSERT_PTR_NULL(pipeline_last_stage(p));
    pipeline_destroy(p);
}

static void test_halves_refused(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {POOL_ONLY,
         "p.yaml:4: streams: {learn: {topic: NAME}} is missing: the topic that "
         "the pool reads; a pipeline without devices meets the other half "
         "there (\"pilot.{run}.NAME\" is the run's own)"},
        {EDGE_ONLY,
         "p.yaml:5: streams: {infer: {topic: NAME}} is missing: the topic that "
         "the devices write to; a pipeline without a pool meets the other half "
         "there (\"pilot.{run}.NAME\" is the run's own)"},
        {EDGE_ONLY "streams: {sense: {topic: t}}\n",
         "p.yaml:7: streams: the stream of this pipeline leaves stage 'infer', "
         "not 'sense'"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(pipeline_file_load(rows[i].yaml, NULL, &e));
        UNIT_EQUAL(e.text, rows[i].text);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"pilots.core.chain=3",
         "chain: a key of pilots of kind pool; 'core' is of kind allocation"},
        {"pilots.a.time=1h",
         "time: 'a' lives in an allocation; say this of that one"},
        {"pilots.a.resource=slurm://", "resource: 'a' lives where 'core' does"},
        {"pilots.broker.endpoint=h:1",
         "endpoint: names one that is there already; 'within' is for one that "
         "is started"},
        {"pilots.params.listen=127.0.0.1",
         "listen: '127.0.0.1' is heard on its own machine only, and pilot 'b' "
         "lives on pbs://: name an address or an interface that it reaches, or "
         "leave it out"},
        {"pilots.edges.ntasks=1",
         "ntasks: a key of pilots of kind pool; 'edges' is of kind edge"},
        {"pilots.edges.resource=[]",
         "resource: the list is empty; a list is for the places of an edge "
         "pilot"},
        {"stages.learn.pilot=a",
         "stage 'learn': it shares 'a' with stage 'scale' (p.yaml:13), but not "
         "all pilots: stages of one layer run on the same ones, those of two "
         "on others"},
        {"stages.learn.pilot=[a, more]",
         "stage 'learn': 'more' is of another kind than 'a'; a stage runs on "
         "devices or on pools"},
        {"stages.learn.pilot=[a, c]", "stage 'learn': there is no pilot 'c'; "
                                      "known: core, broker, params, a, "
                                      "b, edges, more"},
        {"stages.learn.pilot=[]", "stage 'learn': the list of pilots is empty"},
        {"stages.learn.pilot=core",
         "stage 'learn': pilot 'core' is of kind allocation and runs no "
         "stages"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        char want[600];
        CU_ASSERT_PTR_NULL(pipeline_file_load(MANY, rows[i].set, &e));
        /* Some stand at a line of the file, some at the --set. */
        snprintf(want, sizeof(want), ": %s", rows[i].text);
        UNIT_CONTAINS(e.text, want);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
}

#define GIVEN(pool)                                                            \
    START "pilots: {broker: {kind: broker, endpoint: \"127.0.0.1:1\"}, pool: " \
          "{kind: pool, " pool "}, d: {kind: edge}}\n"                         \
          "stages: {s: {pilot: d, function: generator}, l: {pilot: pool, "     \
          "function: kmeans}}\n"

/* An endpoint that a pilot's host cannot reach. */
static void test_reach(void)
{
    static const char *const fine[] = {
        GIVEN("resource: \"local://\""),
        GIVEN("resource: \"batch://\""),
        GIVEN("resource: \"slurm://\", same-host: yes"),
        GIVEN("resource: \"slurm://\", via: \"ssh://login\""),
    };
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(fine); i++)
        pipeline_destroy(pipeline_file_good(fine[i], NULL));
    CU_ASSERT_PTR_NULL(
        pipeline_file_load(GIVEN("resource: \"slurm://\""), NULL, &e));
    UNIT_EQUAL(e.text,
               "p.yaml:3: endpoint: pilot 'pool' on slurm:// cannot reach "
               "127.0.0.1:1, which is a name for its own machine: give the "
               "address by which others reach 'broker', or `via: ssh://HOST` "
               "on 'pool', or say `same-host: yes` there if it is this one");
    CU_ASSERT_PTR_NULL(
        pipeline_file_load(GIVEN("resource: \"slurm://\""),
                           "pilots.broker.endpoint=node:1,localhost:2", &e));
    UNIT_CONTAINS(e.text, "cannot reach localhost:2,");
    pipeline_destroy(pipeline_file_good(GIVEN("resource: \"slurm://\""),
                                        "pilots.broker.endpoint=node:1"));
}

/* The environment replaces endpoints, not services that are to be started. */
static void test_environment(void)
{
    pipeline *p;

    setenv("PILOT_BROKER", "env:1", 1);
    p = pipeline_file_good(MANY, NULL);
    CU_ASSERT_PTR_NULL(pipeline_pilot_find(p, "broker")->endpoint);
    pipeline_destroy(p);
    p = pipeline_file_good(GIVEN("resource: \"slurm://\""), NULL);
    UNIT_EQUAL(pipeline_pilot_find(p, "broker")->endpoint, "env:1");
    pipeline_destroy(p);
    unsetenv("PILOT_BROKER");
}

/* The effective configuration means the same again. */
static void test_round_trip(void)
{
    static const char *const yamls[] = {
        MANY, POOL_ONLY "streams: {sensors: {topic: t, partitions: 5}}\n",
        EDGE_ONLY "streams: {infer: {topic: t}}\n"};

    for (size_t i = 0; i < COUNT(yamls); i++) {
        const char *yaml = yamls[i];
        char *text[2] = {NULL, NULL};
        for (int k = 0; k < 2; k++) {
            pipeline *p = pipeline_file_good(yaml, NULL);
            size_t len;
            FILE *f = open_memstream(&text[k], &len);
            CU_ASSERT_PTR_NOT_NULL_FATAL(f);
            pipeline_print_plan(p, "r", f);
            fclose(f);
            pipeline_destroy(p);
            yaml = strstr(text[k], "version: 1\n");
        }
        UNIT_EQUAL(strstr(text[1], "version: 1\n"),
                   strstr(text[0], "version: 1\n"));
        free(text[0]);
        free(text[1]);
    }
}

static void put(const char *name, const char *bytes, mode_t mode)
{
    FILE *f = fopen(name, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(bytes, f);
    CU_ASSERT_EQUAL(fclose(f), 0);
    chmod(name, mode);
}

/* What pilots of this host will open is opened before they are started. */
static void test_files(void)
{
    static const struct {
        const char *set;
        int exit_code; /* 0: all is well */
        const char *text;
    } rows[] = {
        {"stages.sense={pilot: devices, function: file, options: {path: "
         "a.csv}}",
         0, NULL},
        {"stages.sense={pilot: devices, function: file, options: {path: "
         "no.csv}}",
         PE_EXIT_DATA, "stage 'sense': no.csv cannot be opened: No such file"},
        {"stages.sense={pilot: devices, function: file, options: {path: "
         "folder.csv}}",
         PE_EXIT_DATA, "stage 'sense': folder.csv is a folder without files"},
        {"stages.sense={pilot: devices, function: file, options: {path: "
         "a.txt}}",
         PE_EXIT_DATA, "a.txt:1: '1,2' may be two columns, or one number"},
        {"stages.sense={pilot: devices, function: file, options: {path: "
         "a.npy}}",
         PE_EXIT_DATA,
         "stage 'sense': a.npy does not begin as a .npy file does"},
        {"stages.sense={pilot: devices, function: file}", PE_EXIT_DATA,
         "option path is not given"},
        /* nobody is there yet who writes to it */
        {"stages.sense={pilot: devices, function: file, options: {path: "
         "pipe.csv}}",
         0, NULL},
        {"pilots.params={kind: params, endpoint: 'redis://h:1', "
         "password-file: secret}",
         0, NULL},
        {"pilots.params={kind: params, endpoint: 'redis://h:1', "
         "password-file: no}",
         PE_EXIT_DATA, "pilot 'params': password-file: cannot open no: No"},
        {"pilots.params={kind: params, endpoint: 'redis://h:1', "
         "password-file: open}",
         PE_EXIT_PERMISSION, "chmod"},
    };

    static const char *const left[] = {"a.csv", "a.npy",    "a.txt",
                                       "open",  "pipe.csv", "secret"};

    put("a.csv", "1.5,2\n3,4\n", 0644);
    put("a.npy", "no numpy", 0644);
    put("a.txt", "1,2\n", 0644);
    put("secret", "word\n", 0600);
    put("open", "word\n", 0644);
    CU_ASSERT_EQUAL(mkdir("folder.csv", 0700), 0);
    CU_ASSERT_EQUAL(mkfifo("pipe.csv", 0600), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        pipeline *p = pipeline_file_good(GOOD, rows[i].set);
        pe_error e = {0};
        CU_ASSERT_EQUAL(pipeline_check_files(p, &e), rows[i].text ? -1 : 0);
        CU_ASSERT_EQUAL((int)e.exit_code, rows[i].exit_code);
        if (rows[i].text)
            UNIT_CONTAINS(e.text, rows[i].text);
        pipeline_destroy(p);
    }
    rmdir("folder.csv");
    for (size_t i = 0; i < COUNT(left); i++)
        unlink(left[i]);
}

/* A device on another host has files of its own. */
static void test_files_elsewhere(void)
{
    pipeline *p = pipeline_file_good(
        GOOD, "stages.sense={pilot: devices, function: file, options: {path: "
              "no.csv}}");

    free(p->pilots[0].resources[0]);
    p->pilots[0].resources[0] = strdup("ssh://pi@sensor");
    CU_ASSERT_EQUAL(pipeline_check_files(p, NULL), 0);
    pipeline_destroy(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"pilots of every kind and place", test_many},
        {"half a pipeline", test_halves},
        {"half a pipeline that is refused", test_halves_refused},
        {"places that are refused", test_refused},
        {"endpoints and who reaches them", test_reach},
        {"the environment", test_environment},
        {"the effective configuration", test_round_trip},
        {"files that are named are opened", test_files},
        {"files of another host are not", test_files_elsewhere},
        {NULL, NULL},
    };

    return pipeline_file_main("places", tests);
}
