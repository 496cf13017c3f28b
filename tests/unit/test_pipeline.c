/* test_pipeline.c - pipeline files: what they mean, and every refusal. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/pipeline/pipeline.h"

#define GOOD                                                                 \
    "version: 1\n"                                                           \
    "pipeline: p\n"                                                          \
    "pilots:\n"                                                              \
    "  devices: {kind: edge, devices: 3}\n"                                  \
    "  broker: {kind: broker}\n"                                             \
    "  params: {kind: params}\n"                                             \
    "  pool: {kind: pool, ntasks: 2}\n"                                      \
    "stages:\n"                                                              \
    "  sense: {pilot: devices, function: generator, options: {features: 4}}" \
    "\n"                                                                     \
    "  learn: {pilot: pool, function: kmeans, options: {clusters: 5}}\n"

static char path[] = "/tmp/pilot-test-XXXXXX";

static pipeline *load(const char *yaml, const char *set, pe_error *errp)
{
    FILE *f = fopen(path, "w");

    fputs(yaml, f);
    fclose(f);
    return pipeline_load(path, &set, set ? 1 : 0, errp);
}

static void test_good(void)
{
    pe_error e = {0};
    pipeline *p = load(GOOD, NULL, &e);
    char text[256];

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(p->partitions, 3);
    CU_ASSERT_EQUAL(pipeline_devices(p), 3);
    CU_ASSERT_FALSE(pipeline_is_local(p));
    CU_ASSERT_DOUBLE_EQUAL(p->epoch_s, 0.25, 1e-12);
    CU_ASSERT_TRUE(p->results);
    CU_ASSERT_EQUAL(p->dtype, PE_F8);
    CU_ASSERT_EQUAL(p->message_bytes, 4u << 20);
    pipeline_topic(p, "r", ".refused", text, sizeof(text));
    UNIT_EQUAL(text, "pilot.r.sense.refused");
    pipeline_device_name(p, 2, text, sizeof(text));
    UNIT_EQUAL(text, "devices-2");
    CU_ASSERT_TRUE(pipeline_stage_of(p, STAGE_CLOUD)->is_model);
    CU_ASSERT_EQUAL(
        pe_options_int(pipeline_stage_of(p, STAGE_CLOUD)->options, "clusters"),
        5);
    pipeline_destroy(p);
    pipeline_destroy(NULL);
}

static void test_owner(void)
{
    for (int ranks = 1; ranks < 5; ranks++)
        for (int k = 0; k < 9; k++)
            CU_ASSERT_EQUAL(pipeline_owner(k, ranks), k % ranks);
}

/* One change to a good file, and the end of the message it brings. */
static void test_overrides_that_are_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"epoch.interval=250",
         "interval: '250' is not a time with its unit: 250ms, 30s"},
        {"epoch.intervall=1s",
         "unknown key 'intervall'; did you mean interval?"},
        {"pilots.pool.ntasks=0", "ntasks: 0 is out of range: 1 to 65536"},
        {"pilots.pool.ntasks=two", "ntasks: 'two' is not an integer"},
        {"pilots.pool.resource=slurm://",
         "this version starts pilots on local:// only"},
        {"pilots.params.password=x", "name that with password-file"},
        {"pilots.pool.kind=pond",
         "kind: 'pond' is none of: pool edge broker params"},
        {"pilots.second.kind=pool", "this version runs one pool a run"},
        {"stages.learn.pilot=nowhere",
         "there is no pilot 'nowhere'; known: devices, broker, params, pool"},
        {"stages.learn.pilot=broker", "is of kind broker and runs no stages"},
        {"stages.learn.function=kmeanz", "did you mean kmeans?"},
        {"stages.learn.function=generator",
         "generator cannot run on a pool (process_cloud)"},
        {"stages.learn.pilot=devices", "put it on the pool pilot"},
        {"stages.learn.options.clusterz=3", "did you mean clusters?"},
        {"stages.learn.from=nothing", "there is no stage 'nothing' above"},
        {"stages.sense.function=score",
         "score cannot be a source (produce_edge)"},
        {"stages.learn.function=missing.so:f", "missing.so"},
        {"streams.learn.partitions=3",
         "the stream of this pipeline leaves stage 'sense', not 'learn'"},
        {"streams.sense.partitions=four", "'four' is not an integer"},
        {"version=2", "version: 2 is out of range"},
        {"pipeline=a b", "a name is needed"},
        {"results=maybe", "results: 'maybe' is none of: topic off"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        pe_error e = {0};
        pipeline *p = load(GOOD, rows[i].set, &e);

        CU_ASSERT_PTR_NULL(p);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        pipeline_destroy(p);
    }
}

/* Whole files, and the line the message must name. */
static void test_files_that_are_refused(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"", ":1: a pipeline is a mapping"},
        {"- a\n", ":1: a pipeline is a mapping"},
        {"version: 1\nversion: 1\n", ":2: 'version' is there twice"},
        {"version: [\n", "did not find expected"},
        {GOOD "frobnicate: 1\n", ":11: unknown key 'frobnicate'"},
        {"version: 1\npipeline: p\n", "pilots: at least one pilot"},
        {"pipeline: p\n", "'version: 1' is missing"},
        {GOOD "epoch: {interval: 1s, blocks: 5}\n",
         ":11: epoch: either interval or blocks, not both"},
        {GOOD "epoch: 1s\n", "a mapping is expected here"},
        {GOOD "context: {a: {b: 1}}\n", ":11: a: one value is expected"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        pe_error e = {0};
        pipeline *p = load(rows[i].yaml, NULL, &e);

        CU_ASSERT_PTR_NULL(p);
        UNIT_CONTAINS(e.text, rows[i].text);
        UNIT_CONTAINS(e.text, path);
        pipeline_destroy(p);
    }
}

static void test_missing_file(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(pipeline_load("/nowhere/p.yaml", NULL, 0, &e));
    UNIT_CONTAINS(e.text, "/nowhere/p.yaml");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}

/* command line > environment > file */
static void test_precedence(void)
{
    pe_error e = {0};
    pipeline *p;

    setenv("PILOT_BROKER", "env:1", 1);
    p = load(GOOD, NULL, &e);
    UNIT_EQUAL(pipeline_pilot_of(p, PILOT_BROKER)->endpoint, "env:1");
    pipeline_destroy(p);
    p = load(GOOD, "pilots.broker.endpoint=cmd:2", &e);
    UNIT_EQUAL(pipeline_pilot_of(p, PILOT_BROKER)->endpoint, "cmd:2");
    pipeline_destroy(p);
    unsetenv("PILOT_BROKER");
}

static void test_jobs(void)
{
    static const char *const jobs[] = {"quickstart", "hostwatch", "file",
                                       "smoke"};
    const char *top = getenv("top_srcdir");

    for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++) {
        char file[512];
        pe_error e = {0};
        pipeline *p;

        snprintf(file, sizeof(file), "%s/jobs/%s.yaml", top ? top : ".",
                 jobs[i]);
        p = pipeline_load(file, NULL, 0, &e);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_PTR_NOT_NULL(p);
        pipeline_destroy(p);
    }
}

static void test_plan(void)
{
    pe_error e = {0};
    pipeline *p = load(GOOD, NULL, &e);
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    pipeline_print_plan(p, "run-1", f);
    fclose(f);
    UNIT_CONTAINS(text, "2 MPI ranks");
    UNIT_CONTAINS(text, "          2     0  devices-2\n");
    UNIT_CONTAINS(text, "pilot.run-1.sense (3 partitions");
    UNIT_CONTAINS(text, "pilot:{run-1}:state");
    UNIT_CONTAINS(text, "clusters=5");
    free(text);
    pipeline_destroy(p);
}

static void test_request(void)
{
    char dir[] = "/tmp/pilot-test-XXXXXX", *set[] = {"a.b=c", NULL};
    char file[64];
    pipeline_request r = {.run = "r",
                          .file = "f",
                          .overrides = set,
                          .n_overrides = 1,
                          .broker = "h:1",
                          .resumed = true};
    pipeline_request *back;
    pe_error e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    r.dir = dir;
    CU_ASSERT_EQUAL(pipeline_request_write(&r, &e), 0);
    back = pipeline_request_read(dir, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    UNIT_EQUAL(back->run, "r");
    UNIT_EQUAL(back->overrides[0], "a.b=c");
    UNIT_EQUAL(back->broker, "h:1");
    CU_ASSERT_PTR_NULL(back->params_url);
    CU_ASSERT_TRUE(back->resumed);
    pipeline_request_destroy(back);
    pipeline_request_destroy(NULL);
    snprintf(file, sizeof(file), "%s/request.json", dir);
    unlink(file);
    CU_ASSERT_PTR_NULL(pipeline_request_read(dir, &e));
    UNIT_CONTAINS(e.text, "request.json");
    rmdir(dir);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a good file", test_good},
        {"partition to rank", test_owner},
        {"overrides that are refused", test_overrides_that_are_refused},
        {"files that are refused", test_files_that_are_refused},
        {"a file that is not there", test_missing_file},
        {"command line, environment, file", test_precedence},
        {"the jobs that ship", test_jobs},
        {"the plan", test_plan},
        {"the request", test_request},
        {0},
    };
    int fd = mkstemp(path), rc;

    if (fd < 0)
        return 1;
    close(fd);
    rc = unit_main("pipeline", tests);
    unlink(path);
    return rc;
}
