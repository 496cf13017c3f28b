/* test_run_services.c - what services leave that end with the run. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_bench.h"
#include "src/common/file.h"

/* Its model is with the run, where nobody else has it. */
static void test_model_kept(void)
{
    static const struct {
        bool own; /* services of the run's own */
        const char *pool, *option, *fails;
        int status;
        const char *model, *err;
    } rows[] = {
        {true, "ok", "--no-final", "", 0, "a model", ""},
        {true, "late", "--keep", "", 0, "a model", "drained"},
        {true, "ok", "--no-final", "model", 0, "",
         "the model is not kept with the run, whose services end: model is "
         "away"},
        {false, "ok", "--no-final", "", 0, "", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_set(rows[i].pool, "ok");
        setenv("FAKE_MODEL", "a model", 1);
        setenv("FAKE_FAILS", rows[i].fails, 1);
        if (rows[i].own) {
            unsetenv("PILOT_BROKER");
            unsetenv("PILOT_PARAMS");
        }
        CU_ASSERT_EQUAL(
            PILOT("run", rows[i].option, "--run", "t", run_path("stream.yaml")),
            rows[i].status);
        UNIT_EQUAL(run_content("home/t/model.safetensors"), rows[i].model);
        UNIT_CONTAINS(run_content("err"), rows[i].err);
    }
    unsetenv("FAKE_MODEL");
    unsetenv("FAKE_FAILS");
}

/* What is in the log behind [part]; "": nothing. */
static const char *behind(const char *log, const char *part)
{
    const char *at = strstr(log, part);

    UNIT_CONTAINS(log, part);
    return at ? at + strlen(part) : "";
}

/* Rows that lie in services which have ended: they are started, and ended. */
static void test_services_again(void)
{
    const char *log;

    run_set("ok", "ok");
    unsetenv("PILOT_BROKER");
    unsetenv("PILOT_PARAMS");
    CU_ASSERT_EQUAL(
        PILOT("run", "--no-final", "--run", "t", run_path("stream.yaml")), 0);
    unlink(run_path("log"));
    PILOT("score", "t");
    log = behind(run_content("log"), "services start\n");
    log = behind(log, "score ");
    log = behind(log, "/home/t\nservices stop\n");
    UNIT_EQUAL(log, "");
    UNIT_CONTAINS(run_content("err"),
                  "starting a broker and a parameter service");
    /* Files are scored by a model that was kept, and else by theirs. */
    unlink(run_path("log"));
    PILOT("score", "t", run_path("stream.yaml"));
    behind(run_content("log"), "services start\n");
    CU_ASSERT_EQUAL(
        file_write(run_path("home/t/model.safetensors"), "m", 1, 0600, NULL),
        0);
    unlink(run_path("log"));
    PILOT("score", "t", run_path("stream.yaml"));
    CU_ASSERT_PTR_NULL(strstr(run_content("log"), "services"));
    /* They do not start. */
    setenv("FAKE_SERVICES", "fail", 1);
    CU_ASSERT_EQUAL(PILOT("score", "t"), 69);
    UNIT_CONTAINS(run_content("err"),
                  "'pilot-services start' failed with status "
                  "69; ");
    unsetenv("FAKE_SERVICES");
}

int main(void)
{
    static const unit_test tests[] = {
        {"the model is kept where services end", test_model_kept},
        {"services are started again to score", test_services_again},
        {NULL, NULL},
    };

    return run_main("run_services", tests);
}
