/* test_library.c - libpilot against a `pilot` that is a script of ours. */
#include "unit.h"

#include <dlfcn.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pilot/pilot.h>

#include "scratch.h"

/* --- functions of this program, and of an object --- */

static int process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return pe_context_pass(ctx, in, out);
}

static const pe_function hidden = {
    .abi = PE_FUNCTION_ABI, .name = "hidden", .process_cloud = process};
const pe_function of_program; /* with external linkage */
const pe_function of_program = {
    .abi = PE_FUNCTION_ABI, .name = "of_program", .process_cloud = process};
static const pe_function newer = {.abi = PE_FUNCTION_ABI + 1,
                                  .process_cloud = process};
static const pe_function hollow = {.abi = PE_FUNCTION_ABI, .name = "hollow"};

static void *object; /* pipeline_object.so */

static const pe_function *in_object(const char *name)
{
    return dlsym(object, name);
}

/* --- the text --- */

static pe_pipeline whole(void)
{
    return (pe_pipeline){
        .abi = PE_PIPELINE_ABI,
        .name = "seven",
        .pilot_cloud_processing = "ntasks: 2",
        .pilot_cloud_broker = "endpoint: 'h:9092'",
        .pilot_edge = "devices: 3",
        .produce_function_handler = {.name = "generator",
                                     .options = "features: 2",
                                     .keys = "block: {points: 9}"},
        .process_edge_function_handler = {.name = "/x/f.so:f"},
        .process_cloud_function_handler = {.name = "kmeans"},
        .function_context = "site: here",
        .rest = "results: off",
    };
}

static void test_text(void)
{
    pe_pipeline p = whole();
    char *text = pe_pipeline_text(&p, NULL);

    UNIT_EQUAL(text,
               "# seven, made by libpilot\n"
               "version: 1\n"
               "pipeline: seven\n"
               "context: {site: here}\n"
               "pilots:\n"
               "  processing: {kind: pool, ntasks: 2}\n"
               "  broker: {kind: broker, endpoint: 'h:9092'}\n"
               "  params: {kind: params}\n"
               "  edge: {kind: edge, devices: 3}\n"
               "stages:\n"
               "  produce: {pilot: edge, function: \"generator\", block: "
               "{points: 9}, options: {features: 2}}\n"
               "  process_edge: {pilot: edge, function: \"/x/f.so:f\"}\n"
               "  process_cloud: {pilot: processing, function: \"kmeans\"}\n"
               "results: off\n");
    free(text);
    p = (pe_pipeline){.abi = PE_PIPELINE_ABI,
                      .name = "few",
                      .pilot_cloud_processing = "",
                      .produce_function_handler = {.name = "proc"}};
    text = pe_pipeline_text(&p, NULL);
    UNIT_EQUAL(text, "# few, made by libpilot\n"
                     "version: 1\n"
                     "pipeline: few\n"
                     "pilots:\n"
                     "  processing: {kind: pool}\n"
                     "stages:\n"
                     "  produce: {pilot: processing, function: \"proc\"}\n");
    free(text);
}

static void refused(const pe_pipeline *p, const char *text)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(pe_pipeline_text(p, &e));
    UNIT_CONTAINS(e.text, text);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}

static void test_refused(void)
{
    static const struct {
        size_t at;
        const char *value, *text;
    } rows[] = {
        {offsetof(pe_pipeline, name), NULL, "name: it is missing"},
        {offsetof(pe_pipeline, name), "a\nb: c",
         "name: a line that ends has no place in it"},
        {offsetof(pe_pipeline, pilot_cloud_processing), NULL,
         "pilot_cloud_processing: it is missing, and handlers run there"},
        {offsetof(pe_pipeline, pilot_edge), NULL,
         "pilot_edge: it is missing, and process_edge_function_handler runs "
         "there"},
        {offsetof(pe_pipeline, pilot_edge), "devices: 2\n",
         "pilot_edge: a line that ends has no place in it"},
        {offsetof(pe_pipeline, produce_function_handler) +
             offsetof(pe_handler, name),
         "a\"b", "produce_function_handler: a name has neither"},
        {offsetof(pe_pipeline, process_cloud_function_handler) +
             offsetof(pe_handler, options),
         "a\rb", "process_cloud_function_handler: a line that ends"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_pipeline p = whole();
        *(const char **)(void *)((char *)&p + rows[i].at) = rows[i].value;
        refused(&p, rows[i].text);
    }
    pe_pipeline p = whole();
    p.abi++;
    refused(&p, "the pipeline has ABI 2 and this library has 1: set abi to");
    p = whole();
    p.process_edge_function_handler = (pe_handler){.options = "a: 1"};
    refused(&p,
            "process_edge_function_handler: it has options and no function");
    p = whole();
    p.pilot_edge = NULL;
    p.process_edge_function_handler = (pe_handler){0};
    refused(&p, "pilot_edge: it is missing: without devices nothing goes");
}

static void test_functions(void)
{
    static const struct {
        const pe_function *function;
        const char *text;
    } rows[] = {
        {&hidden, "process_cloud_function_handler: function 'hidden' is part "
                  "of the program, which no pilot can load: put it into a "
                  "shared object"},
        {&of_program, "function 'of_program' is part of the program"},
        {&newer, "built for ABI 2 and this library has ABI 1"},
        {&hollow, "function 'hollow' has no entry point"},
    };
    pe_pipeline p = whole();

    p.process_cloud_function_handler = (pe_handler){0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        p.process_cloud_function_handler.function = rows[i].function;
        refused(&p, rows[i].text);
    }
    /* Made at run time, with code of the object. */
    pe_function made = *in_object("plain");
    p.process_cloud_function_handler.function = &made;
    refused(&p, "function 'plain' has no symbol by which it is found");
    p.process_cloud_function_handler.name = "kmeans";
    refused(&p, "give a function or a name, not both");

    p.process_cloud_function_handler =
        (pe_handler){.function = in_object("plain")};
    char *text = pe_pipeline_text(&p, NULL);
    UNIT_CONTAINS(text, "/pipeline_object.so:plain\"}\n");
    UNIT_CONTAINS(text, "process_cloud: {pilot: processing, function: \"/");
    free(text);
}

/* --- runs --- */

/* What it is asked to do is its second word behind "--set". */
static const char script[] =
    "#!/bin/sh\n"
    "home=$PILOT_HOME/mine\n"
    "for file; do :; done\n"
    "case \"$*\" in\n"
    "run*--dry-run*refuse=1*)\n"
    "    echo \"pilot: $file:6: pilots.processing: unknown key 'ntask'\" >&2\n"
    "    exit 78 ;;\n"
    "run*--dry-run*) echo a plan; exit 0 ;;\n"
    "run*fail=1*) printf 'pilot: begins\\npilot: rank 0 died\\n' >&2\n"
    "    exit 1 ;;\n"
    "run*wait=1*)\n"
    "    trap 'mkdir -p \"$home\"; echo \"{ \\\"state\\\": \\\"drained\\\" }\" "
    ">\"$home/summary.json\"; exit 0' INT\n"
    "    trap 'exit 143' TERM\n"
    "    : >\"$PILOT_HOME/up\"\n"
    "    while :; do sleep 0.01; done ;;\n"
    "run*) mkdir -p \"$home\"\n"
    "    echo '{\"state\": \"done\", \"blocks\": {\"applied\": 12}}' "
    ">\"$home/summary.json\" ;;\n"
    "results*)\n"
    "    echo '{\"time\":\"t\",\"device\":\"d-0\",\"source\":\"a.csv\","
    "\"row\":3,\"score\":2.5,\"threshold\":1.0,\"label\":\"outlier\"}'\n"
    "    echo '{\"time\":\"t\",\"device\":\"d-0\",\"source\":\"\","
    "\"row\":null,\"score\":null,\"threshold\":1.0,\"label\":\"masked\"}' ;;\n"
    "*) echo \"pilot: run mine has no model\" >&2; exit 65 ;;\n"
    "esac\n";

static pe_run *begin(const char *set, pe_error *errp)
{
    const char *const words[] = {"--run", "mine", "--set", set, NULL};
    pe_pipeline p = whole();

    return pe_pipeline_run(&p, words, errp);
}

static int count(void *arg, const pe_result *r)
{
    int *n = arg;

    if (++*n == 1) {
        UNIT_EQUAL(r->device, "d-0");
        UNIT_EQUAL(r->source, "a.csv");
        UNIT_EQUAL(r->time, "t");
        CU_ASSERT_EQUAL(r->row, 3);
        CU_ASSERT_EQUAL(r->score, 2.5);
        CU_ASSERT_EQUAL(r->threshold, 1.0);
        CU_ASSERT_EQUAL(r->outlier, 1);
        return 0;
    }
    CU_ASSERT_EQUAL(r->row, -1);
    CU_ASSERT_TRUE(isnan(r->score));
    CU_ASSERT_EQUAL(r->outlier, -1);
    return 1;
}

static void test_run(void)
{
    pe_error e = {0};
    pe_run *r = begin("a=1", &e);
    double value = 0;
    int n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_EQUAL(pe_run_name(r), "mine");
    UNIT_CONTAINS(pe_run_folder(r), "/home/mine");
    CU_ASSERT_EQUAL(pe_run_wait(r, -1), 1);
    CU_ASSERT_EQUAL(pe_run_status(r), PE_RUN_DONE);
    CU_ASSERT_EQUAL(pe_run_exit(r, &e), 0);
    CU_ASSERT_EQUAL(pe_run_cancel(r, 1, &e), 0);
    CU_ASSERT_EQUAL(pe_run_number(r, "blocks.applied", &value, &e), 0);
    CU_ASSERT_EQUAL(value, 12);
    CU_ASSERT_EQUAL(pe_run_number(r, "blocks.aplied", &value, &e), -1);
    UNIT_EQUAL(e.text, "the summary of run mine has no number 'blocks.aplied'");
    e = (pe_error){0};
    CU_ASSERT_EQUAL(pe_run_results(r, count, &n, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_PTR_NULL(pe_run_model(r, &e));
    UNIT_EQUAL(e.text, "run mine has no model");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    pe_run_destroy(r);
    pe_run_destroy(NULL);
    pe_run_release(NULL);
}

static void test_run_refused(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(begin("refuse=1", &e));
    UNIT_EQUAL(e.text, "pilot_cloud_processing: pilots.processing: unknown key "
                       "'ntask'");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_PTR_NULL(pe_pipeline_run_file(
        "x.yaml", (const char *const[]){"--set", "refuse=1", NULL}, &e));
    UNIT_EQUAL(e.text, "x.yaml:6: pilots.processing: unknown key 'ntask'");
}

static void test_run_failed(void)
{
    pe_error e = {0};
    pe_run *r = begin("fail=1", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(pe_run_wait(r, 60), 1);
    CU_ASSERT_EQUAL(pe_run_status(r), PE_RUN_FAILED);
    CU_ASSERT_EQUAL(pe_run_exit(r, &e), 1);
    UNIT_EQUAL(e.text, "rank 0 died");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    pe_run_destroy(r);
}

/* Until the script has its traps. */
static void wait_up(void)
{
    char path[256];
    struct stat st;

    snprintf(path, sizeof(path), "%s/home/up", scratch_folder);
    while (stat(path, &st) < 0)
        sched_yield();
    remove(path);
}

static void test_run_cancelled(void)
{
    pe_error e = {0};
    pe_run *r = begin("wait=1", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    wait_up();
    CU_ASSERT_EQUAL(pe_run_status(r), PE_RUN_GOES);
    CU_ASSERT_EQUAL(pe_run_wait(r, 0), 0);
    CU_ASSERT_EQUAL(pe_run_exit(r, &e), -1);
    UNIT_EQUAL(e.text, "run mine goes on");
    CU_ASSERT_EQUAL(pe_run_cancel(r, 0, &e), 0);
    CU_ASSERT_EQUAL(pe_run_wait(r, -1), 1);
    CU_ASSERT_EQUAL(pe_run_status(r), PE_RUN_STOPPED);
    pe_run_destroy(r);

    r = begin("wait=1", &e); /* one that is forgotten is stopped */
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    wait_up();
    pe_run_destroy(r);
}

static void test_no_program(void)
{
    char *path = strdup(getenv("PATH"));
    pe_error e = {0};

    setenv("PATH", "/nowhere", 1);
    CU_ASSERT_PTR_NULL(begin("a=1", &e));
    UNIT_CONTAINS(e.text, "the program 'pilot' is neither on the PATH nor in ");
    setenv("PATH", path, 1);
    free(path);
}

/* `pilot` and its home are in the folder of the test. */
static void script_make(void)
{
    char path[4096];

    scratch_write("pilot", script);
    chmod(scratch_path, 0755);
    snprintf(path, sizeof(path), "%s:%s", scratch_folder, getenv("PATH"));
    setenv("PATH", path, 1);
    snprintf(path, sizeof(path), "%s/home", scratch_folder);
    mkdir(path, 0700);
    setenv("PILOT_HOME", path, 1);
    setenv("TMPDIR", scratch_folder, 1);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a pilot that is ours", script_make},
        {"the text of a pipeline", test_text},
        {"what is no pipeline", test_refused},
        {"functions", test_functions},
        {"a run", test_run},
        {"a run that is refused", test_run_refused},
        {"a run that fails", test_run_failed},
        {"a run that is ended", test_run_cancelled},
        {"no pilot", test_no_program},
        {0},
    };
    const char *top = getenv("top_builddir");
    char path[4096];
    int status;

    snprintf(path, sizeof(path), "%s/tests/unit/pipeline_object.so",
             top ? top : ".");
    object = dlopen(path, RTLD_NOW);
    if (!object) {
        printf("Bail out! %s\n", dlerror());
        return 1;
    }
    scratch_make();
    status = unit_main("library", tests);
    scratch_remove();
    dlclose(object);
    return status;
}
