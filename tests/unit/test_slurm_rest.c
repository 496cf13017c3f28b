/* test_slurm_rest.c - slurmrestd: each API in its own words, as real ones
 * answered (Slurm 22.05 and 24.11).
 */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_rest.h"
#include "played.h"
#include "scratch.h"
#include "src/backend/backend.h"
#include "src/backend/slurm/private.h"
#include "src/backend/slurm/rest.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int port;

static resource *opened(const char *api)
{
    char *url = text_format("slurmrest://127.0.0.1:%d", port);
    pe_error e = {0};
    resource *r;

    scratch_write("job.sh", "#!/bin/sh\n"); /* what is submitted */
    fake_rest_play(FAKE_REST_READY);
    fake_rest_api(api);
    r = backend_open(url, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    free(url);
    return r;
}

/* From now on it says what was recorded as "WHAT.API". */
static char *says(const char *what, const char *api)
{
    char name[64];
    const recorded *a;

    snprintf(name, sizeof(name), "%s.%s", what, api);
    a = recorded_find(played_all, played_n, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    char *said = strndup(a->out, a->out_len);
    fake_rest_say(said);
    return said;
}

static void silent(char *said)
{
    fake_rest_say(NULL);
    free(said);
}

/* ---- jobs, as each API has them ---- */

static const char *const apis[] = {"v0.0.38", "v0.0.40", "v0.0.42"};

static const struct {
    const char *id;
    enum resource_seen seen;
    int exit_code, signal, nodes, restarts;
    const char *hosts, *reason; /* NULL: each Slurm has its own */
} told[] = {
    {"1", RESOURCE_FAILED, 3, 0, 1, 0, "n1", "NonZeroExitCode"},
    {"2", RESOURCE_FAILED, 0, 9, 1, 0, "n1", NULL},
    {"3", RESOURCE_DONE, 0, 0, 1, 0, "n1", ""},
    {"4", RESOURCE_QUEUED, -1, -1, 1, 0, "", "PartitionTimeLimit"},
    {"5", RESOURCE_HELD, -1, -1, 1, 0, "", "JobHeldUser"},
    {"6", RESOURCE_CANCELED, 0, 0, 1, 0, "", "JobHeldUser"},
    {"7", RESOURCE_SUSPENDED, -1, -1, 2, 0, "n[1-2]", ""},
    {"8", RESOURCE_QUEUED, -1, -1, 1, 1, "", "BeginTime"},
    {"9", RESOURCE_QUEUED, -1, -1, 1, 0, "", "Dependency"},
};

static void test_jobs(void)
{
    for (size_t i = 0; i < COUNT(apis); i++) {
        resource *r = opened(apis[i]);
        resource_job jobs[COUNT(told)];
        pe_error e = {0};
        char *said = says("jobs", apis[i]);

        for (size_t k = 0; k < COUNT(told); k++)
            jobs[k] = played_job(told[k].id, "");
        CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(told), &e), 0);
        UNIT_EQUAL(e.text, "");
        for (size_t k = 0; k < COUNT(told); k++) {
            const resource_job *j = &jobs[k];
            CU_ASSERT_EQUAL(j->seen, told[k].seen);
            CU_ASSERT_EQUAL(j->exit_code, told[k].exit_code);
            CU_ASSERT_EQUAL(j->signal, told[k].signal);
            CU_ASSERT_EQUAL(j->nodes, told[k].nodes);
            CU_ASSERT_EQUAL(j->restarts, told[k].restarts);
            UNIT_EQUAL(j->hosts, told[k].hosts);
            if (told[k].reason)
                UNIT_EQUAL(j->reason, told[k].reason);
            CU_ASSERT(j->submit_ns > 0);
            CU_ASSERT_EQUAL(j->start_ns > 0,
                            j->signal >= 0 || *told[k].hosts != '\0');
        }
        silent(said);
        resource_close(r);
    }
}

/* A state that changes: what squeue would say. */
static void test_states(void)
{
    static const struct {
        const char *state, *word;
    } rows[] = {
        {"\"COMPLETING\"", "COMPLETING"},
        {"[\"RUNNING\"]", "RUNNING"},
        {"[\"CANCELLED\", \"COMPLETING\"]", "COMPLETING"},
        {"[\"PENDING\", \"REQUEUE_HOLD\"]", "REQUEUE_HOLD"},
        {"[\"RUNNING\", \"CONFIGURING\", \"POWER_UP_NODE\"]", "CONFIGURING"},
        {"[\"COMPLETED\", \"UPDATE_DB\"]", "COMPLETED"},
        {"[\"FAILED\", \"LAUNCH_FAILED\"]", "FAILED"},
        {"[\"RUNNING\", \"EXPEDITING\"]", "RUNNING"},
        {"[]", ""},
        {"[7]", ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *said = text_format("{\"jobs\": [{\"job_id\": 7, "
                                 "\"job_state\": %s}]}",
                                 rows[i].state);
        char *want = text_format("7|%s|", rows[i].word);
        json_t *answer = json_loads(said, 0, NULL);
        text out = {0};

        CU_ASSERT_EQUAL(rest_lines(answer, &out), 0);
        UNIT_CONTAINS(out.data, want);
        text_free(&out);
        json_decref(answer);
        free(want);
        free(said);
    }
}

/* ---- a job is asked for in the words of each ---- */

static json_t *posted(const resource_request *q, enum rest_form form)
{
    const resource_spec s = {.pilot = "r/p",
                             .kind = "pool",
                             .dir = "/home/user1/work",
                             .request = q};
    char *body = rest_job(&s, form, "#!/bin/sh\n");
    json_t *out = json_loads(body, 0, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    UNIT_EQUAL(json_string_value(json_object_get(out, "script")),
               "#!/bin/sh\n");
    free(body);
    return out;
}

static void test_posted(void)
{
    static const struct {
        enum request_word word;
        const char *value, *name, *old, *typed;
    } rows[] = {
        {REQUEST_TIME, "90s", "time_limit", "\"00:01:30\"",
         "{\"set\":true,\"infinite\":false,\"number\":2}"},
        {REQUEST_TIME, "UNLIMITED", "time_limit", "\"UNLIMITED\"",
         "{\"set\":false,\"infinite\":true,\"number\":0}"},
        {REQUEST_TIME_MIN, "1-12", "time_minimum", "\"1-12:00:00\"",
         "{\"set\":true,\"infinite\":false,\"number\":2160}"},
        {REQUEST_NODES, "2", "nodes", "\"2\"", "\"2\""},
        {REQUEST_NTASKS, "2", "tasks", "2", "2"},
        {REQUEST_MEM, "4G", "memory_per_node", "\"4G\"", "\"4G\""},
        {REQUEST_HOLD, "true", "hold", "true", "true"},
        {REQUEST_REQUEUE, "true", "requeue", "true", "true"},
        {REQUEST_REQUEUE, "false", "requeue", "false", "false"},
        {REQUEST_EXCLUSIVE, "true", "exclusive", "\"exclusive\"", NULL},
        {REQUEST_EXCLUSIVE, "true", "shared", NULL, "[\"none\"]"},
        {REQUEST_MAIL_TYPE, "END,time_limit_80", "mail_type",
         "\"END,TIME_LIMIT_80\"", "[\"END\",\"TIME=80%\"]"},
        {REQUEST_MAIL_TYPE, "ALL", "mail_type", "\"ALL\"",
         "[\"BEGIN\",\"END\",\"FAIL\",\"REQUEUE\",\"INVALID_DEPENDENCY\","
         "\"STAGE_OUT\"]"},
        {REQUEST_MAIL_TYPE, "NONE", "mail_type", "\"NONE\"", "[]"},
        {REQUEST_BEGIN, "now+1hour", "begin_time", "\"now+1hour\"",
         "\"now+1hour\""},
    };

    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        enum rest_form form = i % 2 ? REST_TYPED : REST_WORDS;
        const char *want = i % 2 ? rows[i / 2].typed : rows[i / 2].old;
        resource_request q = {0};
        pe_error e = {0};
        request_set(&q, rows[i / 2].word, rows[i / 2].value, true, "line", &e);
        UNIT_EQUAL(e.text, "");
        json_t *body = posted(&q, form);
        const json_t *got =
            json_object_get(json_object_get(body, "job"), rows[i / 2].name);
        char *has = got ? json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY)
                        : strdup("(none)");
        UNIT_EQUAL(has, want ? want : "(none)");
        free(has);
        json_decref(body);
        request_free(&q);
    }
}

static void test_environment(void)
{
    resource_request q = {0};
    json_t *old, *typed;
    const json_t *list, *one;
    size_t i, found = 0;

    setenv("PE_TEST_VALUE", "a=b", 1);
    setenv("SLURM_JWT", "secret", 1);
    old = posted(&q, REST_WORDS);
    typed = posted(&q, REST_TYPED);
    unsetenv("SLURM_JWT");
    list = json_object_get(json_object_get(old, "job"), "environment");
    UNIT_EQUAL(json_string_value(json_object_get(list, "PE_TEST_VALUE")),
               "a=b");
    CU_ASSERT_PTR_NULL(json_object_get(list, "SLURM_JWT"));
    list = json_object_get(json_object_get(typed, "job"), "environment");
    json_array_foreach(list, i, one)
    {
        found += !strcmp(json_string_value(one), "PE_TEST_VALUE=a=b");
        CU_ASSERT_PTR_NULL(strstr(json_string_value(one), "secret"));
    }
    CU_ASSERT_EQUAL(found, 1);
    json_decref(old);
    json_decref(typed);
}

/* Slurm may give less time to a job that may have less, and not less than
 * that.
 */
static void test_less_time(void)
{
    static const struct {
        const char *least;
        int got;
        const char *words;
    } rows[] = {{NULL, 60, ""},
                {NULL, 30, "time_limit 30 min in place of 60"},
                {"30m", 30, ""},
                {"30m", 29, "time_limit 29 min in place of 60"},
                {"30m", 61, "time_limit 61 min in place of 60"},
                {NULL, -1, "time_limit none in place of 60"}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request q = {0};
        const resource_spec s = {
            .pilot = "r/p", .kind = "pool", .dir = "/x", .request = &q};
        char words[256] = "?";
        request_set(&q, REQUEST_JOB_NAME, "n", true, "line", NULL);
        request_set(&q, REQUEST_TIME, "1h", true, "line", NULL);
        if (rows[i].least)
            request_set(&q, REQUEST_TIME_MIN, rows[i].least, true, "line",
                        NULL);
        json_t *job =
            json_pack("{s:s, s:{s:b, s:b, s:i}}", "name", "n", "time_limit",
                      "set", rows[i].got >= 0, "infinite", rows[i].got < 0,
                      "number", rows[i].got);
        rest_compare(&s, job, words, sizeof(words));
        UNIT_EQUAL(words, rows[i].words);
        json_decref(job);
        request_free(&q);
    }
}

/* ---- what is wrong ---- */

static int asked(resource *r, const char *what, char *id, pe_error *errp)
{
    resource_request q = {0};
    resource_spec s = {
        .pilot = "r/p", .kind = "pool", .dir = scratch_folder, .request = &q};
    resource_job job = played_job("8", "");

    if (strstr(what, "cancel"))
        return r->ops->cancel(r, "8", true, errp);
    if (strstr(what, "job"))
        return r->ops->describe(r, &job, 1, errp);
    return r->ops->submit(r, &s, id, errp);
}

#define TIMED_OUT                                                      \
    "{\"errors\": [{\"error_number\": 5004, \"error\": \"Socket timed" \
    " out on send/recv operation\"}]}"
#define DENIED                                                        \
    "{\"status\": [{\"error\": {\"code\": 2002, \"string\": \"Access" \
    "/permission denied\"}, \"step_id\": \"8\"}], \"errors\": []}"

#define PROXY "{\"message\": \"no healthy upstream\"}"

static void test_errors(void)
{
    static const struct {
        const char *what, *api, *said; /* NULL: as recorded */
        int status;
        enum pe_exit exit_code;
        const char *words;
    } rows[] = {
        {"submit-waits", "v0.0.38", NULL, 0, 0, ""},
        {"submit-waits", "v0.0.42", NULL, 0, 0, ""},
        {"submit-refused", "v0.0.38", NULL, -1, PE_EXIT_CONFIG,
         "the job is refused: Invalid partition name specified"},
        {"submit-refused", "v0.0.42", NULL, -1, PE_EXIT_CONFIG,
         "the job is refused: Batch job submission failed: Invalid partition"},
        {"away-submit", "v0.0.38", NULL, -1, PE_EXIT_UNAVAILABLE,
         "whether there is a job is not known: "},
        {"away-submit", "v0.0.42", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"submit", "v0.0.38", TIMED_OUT, -1, PE_EXIT_UNAVAILABLE,
         "whether there is a job is not known: "},
        {"submit", "v0.0.42", TIMED_OUT, -1, PE_EXIT_UNAVAILABLE,
         "whether there is a job is not known: "},
        {"cancel-over", "v0.0.38", NULL, 0, 0, ""},
        {"cancel-over", "v0.0.42", NULL, 0, 0, ""},
        {"cancel-unknown", "v0.0.38", NULL, 0, 0, ""},
        {"cancel-unknown", "v0.0.42", NULL, 0, 0, ""},
        {"cancel", "v0.0.42", DENIED, -1, PE_EXIT_CONFIG,
         "the job is not canceled: Access/permission denied"},
        {"away-cancel", "v0.0.38", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"away-cancel", "v0.0.40", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"away-cancel", "v0.0.42", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"job-unknown", "v0.0.38", NULL, -1, PE_EXIT_CONFIG, "Invalid job id"},
        {"job-unknown", "v0.0.42", NULL, -1, PE_EXIT_CONFIG, "Invalid job id"},
        {"away-job", "v0.0.38", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"away-job", "v0.0.42", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"away-jobs", "v0.0.38", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"away-jobs", "v0.0.42", NULL, -1, PE_EXIT_UNAVAILABLE,
         "(its slurmctld does not answer)"},
        {"job", "v0.0.42", PROXY, -1, PE_EXIT_UNAVAILABLE,
         "gives no answer of the API"},
        {"cancel", "v0.0.42", PROXY, -1, PE_EXIT_UNAVAILABLE,
         "gives no answer of the API"},
        {"submit", "v0.0.42", PROXY, -1, PE_EXIT_UNAVAILABLE,
         "whether there is a job is not known: "},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = opened(rows[i].api);
        char *said = rows[i].said ? strdup(rows[i].said)
                                  : says(rows[i].what, rows[i].api);
        char id[RESOURCE_ID_MAX] = "";
        pe_error e = {0};
        fake_rest_say(said);
        CU_ASSERT_EQUAL(asked(r, rows[i].what, id, &e), rows[i].status);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].exit_code);
        UNIT_CONTAINS(e.text, rows[i].words);
        if (rows[i].status == 0 && strstr(rows[i].what, "submit"))
            UNIT_EQUAL(id, "4");
        silent(said);
        resource_close(r);
    }
}

/* ---- which API ---- */

static void line_keep(void *arg, bool ok, const char *words)
{
    snprintf(arg, 256, "%d %s", ok, words);
}

static void test_api(void)
{
    static const char *const every[] = {"v0.0.38", "v0.0.40", "v0.0.41",
                                        "v0.0.42"};
    char words[256], want[64];
    resource_request q = {0};
    pe_error e = {0};
    resource *r;

    for (size_t i = 0; i < COUNT(every); i++) {
        r = opened(every[i]);
        CU_ASSERT_EQUAL(r->ops->doctor(r, &q, line_keep, words, &e), 0);
        snprintf(want, sizeof(want), " answers (API %s), its slurmctld too",
                 every[i]);
        UNIT_CONTAINS(words, want);
        CU_ASSERT_EQUAL(*words, '1');
        resource_close(r);
    }
    r = opened("v0.0.39");
    CU_ASSERT_EQUAL(r->ops->cancel(r, "8", true, &e), -1);
    UNIT_CONTAINS(e.text, "has no API that is spoken here: those are v0.0.38");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    /* It is another one by now, which is found with the call behind that. */
    fake_rest_api("v0.0.40");
    CU_ASSERT_EQUAL(r->ops->cancel(r, "8", true, &e), 0);
    fake_rest_api("v0.0.42");
    CU_ASSERT_EQUAL(r->ops->cancel(r, "8", true, &e), -1);
    UNIT_CONTAINS(e.text, "has no API v0.0.40 any more");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(r->ops->cancel(r, "8", true, &e), 0);
    resource_close(r);
}

static void test_no_requeue(void)
{
    resource_request q = {0};
    resource_spec s = {
        .pilot = "r/p", .kind = "pool", .dir = scratch_folder, .request = &q};
    char id[RESOURCE_ID_MAX] = "";
    pe_error e = {0};
    resource *r = opened("v0.0.38");

    request_set(&q, REQUEST_REQUEUE, "false", true, "line", NULL);
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), -1);
    UNIT_CONTAINS(e.text, "--no-requeue cannot be asked of slurmrestd at ");
    UNIT_CONTAINS(e.text, "whose API v0.0.38 passes over it");
    resource_close(r);
    r = opened("v0.0.42");
    fake_rest_job("\"requeue\": false");
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), 0);
    UNIT_CONTAINS(fake_rest_posted(), "\"requeue\": false");
    fake_rest_job("\"requeue\": true");
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), -1);
    UNIT_CONTAINS(e.text, "grants requeue true in place of false");
    resource_close(r);
    request_free(&q);
}

int main(void)
{
    static const unit_test tests[] = {
        {"jobs, of each API", test_jobs},
        {"a state that changes", test_states},
        {"what is posted", test_posted},
        {"the environment of a job", test_environment},
        {"less time, where it may be less", test_less_time},
        {"errors, of each API", test_errors},
        {"which API is spoken", test_api},
        {"--no-requeue", test_no_requeue},
        {NULL, NULL},
    };
    int status;

    played_open("sbatch", "slurmrest.rec");
    port = fake_rest_start();
    status = unit_main("slurm_rest", tests);
    played_close();
    return status;
}
