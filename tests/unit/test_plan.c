/* test_plan.c - jobs that ship, plans, requests. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline_file.h"

static void test_jobs(void)
{
    static const struct {
        const char *name;
        bool local;
        int devices, partitions, ranks;
    } jobs[] = {
        {"quickstart", false, 4, 4, 4},
        {"hostwatch", false, 1, 1, 1},
        {"file", false, 1, 1, 2},
        {"smoke", true, 0, 2, 2},
    };

    for (size_t i = 0; i < COUNT(jobs); i++) {
        pipeline *p = pipeline_file_job(jobs[i].name);
        CU_ASSERT_EQUAL(pipeline_is_local(p), jobs[i].local);
        CU_ASSERT_EQUAL(pipeline_devices(p), jobs[i].devices);
        CU_ASSERT_EQUAL(p->partitions, jobs[i].partitions);
        CU_ASSERT_EQUAL(pipeline_pilot_of(p, PILOT_POOL)->ntasks,
                        jobs[i].ranks);
        CU_ASSERT_TRUE(pipeline_stage_of(p, STAGE_CLOUD)->is_model);
        pipeline_destroy(p);
    }
}

/* The plan of [p] in new memory. */
static char *plan_of(const pipeline *p)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    pipeline_print_plan(p, "run-1", f);
    fclose(f);
    return text;
}

static void test_plan(void)
{
    pipeline *p = pipeline_file_good(GOOD, "streams.sense.partitions=2");
    char *text = plan_of(p);

    UNIT_CONTAINS(text, "Pipeline p of p.yaml, run run-1\n\nPilots\n"
                        "  devices    edge    local://  3 devices\n");
    UNIT_CONTAINS(text,
                  "  pool       pool    local://  2 MPI ranks of 1 core\n");
    UNIT_CONTAINS(
        text, "  learn      kmeans on pool, from sense, kernels plain here\n");
    UNIT_CONTAINS(text, "Map\n"
                        "  partition  rank  devices\n"
                        "  0          0     devices-0, devices-2\n"
                        "  1          1     devices-1\n");
    UNIT_CONTAINS(text, "Topics\n"
                        "  pilot.run-1.sense  2 partitions, records to "
                        "4194304 bytes\n"
                        "  pilot.run-1.sense.results\n"
                        "  pilot.run-1.sense.refused\n");
    UNIT_CONTAINS(text, "\n  pilot:{run-1}:state\n");
    UNIT_CONTAINS(text, "\n  pilot:{run-1}:fence\n");
    CU_ASSERT_PTR_NULL(strstr(text, "pilot:{run-1}:offsets"));
    UNIT_CONTAINS(text, "\n      clusters: 5\n");
    free(text);
    pipeline_destroy(p);
    p = pipeline_file_good(GOOD, "streams.sense.partitions=4");
    text = plan_of(p);
    UNIT_CONTAINS(text, "  3          1     -\n");
    free(text);
    pipeline_destroy(p);
}

static void test_plan_variants(void)
{
    pipeline *p = pipeline_file_good(LOCAL, NULL);
    char *text = plan_of(p);

    UNIT_CONTAINS(text, "  1          1     (the source runs in the rank)\n");
    UNIT_CONTAINS(text, "Topics\n  none: the source runs in the pool\n");
    UNIT_CONTAINS(text, "Redis keys\n  none: nothing is kept; exactly-once: "
                        "off\n");
    CU_ASSERT_PTR_NULL(strstr(text, "managed"));
    free(text);
    pipeline_destroy(p);
    p = pipeline_file_good(OBJECT, "results=off");
    text = plan_of(p);
    UNIT_CONTAINS(text,
                  "  -          broker  local://  the kept services, else "
                  "managed ones\n");
    CU_ASSERT_PTR_NULL(strstr(text, ".results"));
    free(text);
    pipeline_destroy(p);
}

/* Stages on a pool in a row. */
static void test_plan_chain(void)
{
    pipeline *p = pipeline_file_good(
        HEAD SENSE "  pick: {pilot: devices, function: select, options: "
                   "{columns: \"0,2-3\"}}\n"
                   "  scale: {pilot: pool, function: standardise}\n" LEARN,
        NULL);
    char *text = plan_of(p);

    UNIT_CONTAINS(
        text, "  pick       select on devices, from sense\n"
              "  scale      standardise on pool, from pick\n"
              "  learn      kmeans on pool, from scale, kernels plain here\n");
    UNIT_CONTAINS(text, "  pilot.run-1.pick  3 partitions");
    UNIT_CONTAINS(text, "      freeze: 0\n");
    free(text);
    pipeline_destroy(p);
}

/* The effective configuration is a pipeline file that means the same. */
static void check_round_trip(pipeline *p)
{
    char *plan = plan_of(p), *again;
    const char *yaml = strstr(plan, "version: 1\n");

    CU_ASSERT_PTR_NOT_NULL_FATAL(yaml);
    pipeline *q = pipeline_file_good(yaml, NULL);
    again = plan_of(q);
    UNIT_EQUAL(strstr(again, "version: 1\n"), yaml);
    free(again);
    free(plan);
    pipeline_destroy(p);
    pipeline_destroy(q);
}

static void test_effective(void)
{
    check_round_trip(pipeline_file_good(GOOD, NULL));
    check_round_trip(pipeline_file_good(OBJECT, "epoch.blocks=7"));
    check_round_trip(
        pipeline_file_good(GOOD, "context={a: \"x: \\\"y\\\" #\\n\", "
                                 "\"- b\": \"\", c: \"-1\", d: \"e:\"}"));
    check_round_trip(
        pipeline_file_good(GOOD, "stages.sense.block.within=1.5ms"));
    check_round_trip(pipeline_file_good(GOOD, "stages.sense.block.rate=1e-9"));
    check_round_trip(pipeline_file_good(GOOD, "pilots.pool.time=90m"));
    check_round_trip(
        pipeline_file_good(GOOD, "streams.sense.message-max=123457B"));
    check_round_trip(pipeline_file_good(
        GOOD, "streams.sense={codec: json, columns: \"a b,c.d\", rows: "
              "record, frames: true, decimal: comma}"));
    check_round_trip(pipeline_file_good(GOOD, "results-format=da00"));
    check_round_trip(pipeline_file_good(
        LOCAL, "stages.learn={pilot: pool, function: select, options: "
               "{columns: \"0,2-3\"}}"));
    check_round_trip(pipeline_file_job("quickstart"));
    check_round_trip(pipeline_file_job("smoke"));
}

/* --- the request --- */

static void test_request(void)
{
    char *set[] = {"a.b=c", "x=\"\xc3\xa4\"", NULL};
    pipeline_request r = {.run = "r",
                          .dir = ".",
                          .file = "f",
                          .overrides = set,
                          .n_overrides = 2,
                          .broker = "h:1",
                          .params_url = "redis://h:2",
                          .user = "u",
                          .resumed = true};
    pe_error e = {0};
    broker_conf b = {0};
    params_conf c = {0};
    struct stat st;

    CU_ASSERT_EQUAL(pipeline_request_write(&r, &e), 0);
    CU_ASSERT_EQUAL_FATAL(stat("request.json", &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    pipeline_request *back = pipeline_request_read(".", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    UNIT_EQUAL(back->run, "r");
    UNIT_EQUAL(back->dir, ".");
    UNIT_EQUAL(back->file, "./f");
    CU_ASSERT_EQUAL_FATAL(back->n_overrides, 2);
    UNIT_EQUAL(back->overrides[0], "a.b=c");
    UNIT_EQUAL(back->overrides[1], set[1]);
    CU_ASSERT_PTR_NULL(back->overrides[2]);
    CU_ASSERT_TRUE(back->resumed);
    pipeline_request_broker(back, &b, "me");
    UNIT_EQUAL(b.endpoint, "h:1");
    UNIT_EQUAL(b.client_id, "me");
    pipeline_request_params(back, &c);
    UNIT_EQUAL(c.url, "redis://h:2");
    UNIT_EQUAL(c.user, "u");
    CU_ASSERT_PTR_NULL(c.password_file);
    pipeline_request_destroy(back);
    pipeline_request_destroy(NULL);
    unlink("request.json");
}

static void test_request_refused(void)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"{", "./request.json:1: "},
        {"{}", "./request.json is not complete; it is written by 'pilot run'"},
        {"{\"run\": \"r\", \"dir\": \"d\", \"file\": \"f\", \"set\": [5]}",
         "./request.json is not complete"},
    };
    char *set[] = {"a=\xff", NULL};
    pipeline_request r = {.run = "r",
                          .dir = ".",
                          .file = "f",
                          .overrides = set,
                          .n_overrides = 1};
    pe_error e = {0};

    CU_ASSERT_EQUAL(pipeline_request_write(&r, &e), -1);
    UNIT_EQUAL(e.text,
               "the request of run r cannot be written: a name or value in "
               "it is not UTF-8");
    CU_ASSERT_PTR_NULL(pipeline_request_read(".", &e));
    UNIT_CONTAINS(e.text, "request.json: No such file");
    for (size_t i = 0; i < COUNT(rows); i++) {
        FILE *f = fopen("request.json", "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fputs(rows[i].json, f);
        fclose(f);
        CU_ASSERT_PTR_NULL(pipeline_request_read(".", &e));
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
    unlink("request.json");
}

int main(void)
{
    static const unit_test tests[] = {
        {"the jobs that ship", test_jobs},
        {"the plan", test_plan},
        {"the plan, less usual", test_plan_variants},
        {"the plan, stages on a pool in a row", test_plan_chain},
        {"the effective configuration", test_effective},
        {"the request", test_request},
        {"requests that are refused", test_request_refused},
        {0},
    };

    setenv("PILOT_KERNEL", "plain", 1); /* the same on every machine */
    return pipeline_file_main("plan", tests);
}
