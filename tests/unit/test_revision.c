/* test_revision.c - revisions: changed, stored, applied to a pipeline. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "service_case.h"
#include "src/common/digest.h"
#include "src/common/text.h"
#include "src/function/host.h"
#include "src/revision/revision.h"

static const char yaml[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots:\n"
    "  sense: {kind: edge}\n"
    "  pool: {kind: pool}\n"
    "stages:\n"
    "  sense: {pilot: sense, function: generator}\n"
    "  pick: {pilot: pool, function: select, options: {columns: 0-3}}\n"
    "  learn: {pilot: pool, function: kmeans, options: {clusters: 7}}\n";

static char *overrides[] = {NULL};
static pipeline_request req = {.run = "r", .overrides = overrides};

static void request_fill(void)
{
    static char file[300];

    scratch_write("p.yaml", yaml);
    snprintf(file, sizeof(file), "%s/p.yaml", scratch_folder);
    req.file = file;
    req.dir = scratch_folder;
    req.params_url = service_server.url;
}

static revision *start(void)
{
    pe_error e = {0};
    revision *r = revision_parse(0, NULL, &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return r;
}

static const char *option(const pipeline *pl, int stage, const char *name)
{
    const char *s = pe_options_text(pl->stages[stage].options, name);

    return s ? s : "";
}

/* --- changes --- */

static void test_words(void)
{
    revision *r = start(), *before = start();
    text t = {0};
    pe_error e = {0};

    revision_words(NULL, r, &t);
    UNIT_EQUAL(t.data, "nothing");
    t.len = 0;
    CU_ASSERT_EQUAL(revision_set_option(r, "learn", "clusters", "50", &e), 0);
    revision_words(before, r, &t);
    UNIT_EQUAL(t.data, "learn: clusters=50");
    t.len = 0;
    CU_ASSERT_EQUAL(revision_set_function(r, "learn", "iforest", &e), 0);
    CU_ASSERT_EQUAL(revision_set_option(r, "learn", "trees", "10", &e), 0);
    CU_ASSERT_EQUAL(revision_set_pilot(r, "pick", "sense", &e), 0);
    revision_words(before, r, &t);
    UNIT_EQUAL(t.data, "learn: iforest, trees=10; pick: on sense");
    UNIT_EQUAL(revision_function(r, "learn"), "iforest");
    UNIT_EQUAL(revision_pilot(r, "pick"), "sense");
    CU_ASSERT_PTR_NULL(revision_function(r, "pick"));
    CU_ASSERT_FALSE(revision_same(r, before, "learn"));
    CU_ASSERT_TRUE(revision_same(r, before, "sense"));
    t.len = 0;
    revision_words(r, before, &t);
    UNIT_EQUAL(t.data, "learn: as in the file; pick: as in the file");
    /* What is said of nothing is not there. */
    CU_ASSERT_EQUAL(revision_set_function(r, "learn", NULL, &e), 0);
    CU_ASSERT_EQUAL(revision_set_pilot(r, "pick", NULL, &e), 0);
    t.len = 0;
    revision_words(before, r, &t);
    UNIT_EQUAL(t.data, "nothing");
    CU_ASSERT_EQUAL(revision_set_option(r, "learn", "x", "\xff", &e), -1);
    UNIT_CONTAINS(e.text, "is not UTF-8");
    text_free(&t);
    revision_destroy(before);
    revision_destroy(r);
}

static void test_no_revision(void)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"stages\": 7}",
        "{\"stages\": {\"learn\": 7}}",
        "{\"stages\": {\"learn\": {\"options\": {\"clusters\": 7}}}}",
        "{\"stages\": {}, \"files\": {\"a.so\": 7}}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        pe_error e = {0};

        CU_ASSERT_PTR_NULL(revision_parse(3, texts[i], &e));
        UNIT_CONTAINS(e.text, "revision 3 of the stages is none");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
}

/* --- applied --- */

static void test_apply(void)
{
    revision *r = start();
    pe_error e = {0};
    pipeline *pl;

    request_fill();
    pl = revision_pipeline(NULL, &req, r, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pl);
    UNIT_EQUAL(option(pl, 2, "clusters"), "7");
    CU_ASSERT_EQUAL(revision_check_stage(pl, "learn", &e), 0);
    CU_ASSERT_EQUAL(revision_check_stage(pl, "sense", &e), -1);
    UNIT_CONTAINS(e.text, "stage 'sense' senses");
    CU_ASSERT_EQUAL(revision_check_stage(pl, "larn", &e), -1);
    UNIT_EQUAL(e.text, "there is no stage 'larn' in this run; there are: "
                       "sense, pick, learn");
    pipeline_destroy(pl);
    /* Options beside those of the file; then a function without them. */
    revision_set_option(r, "learn", "decay", "0.5", &e);
    pl = revision_pipeline(NULL, &req, r, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pl);
    UNIT_EQUAL(option(pl, 2, "clusters"), "7");
    UNIT_EQUAL(option(pl, 2, "decay"), "0.5");
    pipeline_destroy(pl);
    revision_set_option(r, "learn", "clusters", "", &e);
    pl = revision_pipeline(NULL, &req, r, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pl);
    UNIT_EQUAL(option(pl, 2, "clusters"), "25");
    pipeline_destroy(pl);
    revision_set_function(r, "learn", "iforest", &e);
    revision_set_option(r, "learn", "trees", "12", &e);
    pl = revision_pipeline(NULL, &req, r, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pl);
    UNIT_EQUAL(pl->stages[2].function, "iforest");
    UNIT_EQUAL(option(pl, 2, "trees"), "12");
    pipeline_destroy(pl);
    revision_destroy(r);
}

static void test_refused(void)
{
    static const struct {
        const char *function, *name, *value, *part;
    } cases[] = {
        {"kmeens", NULL, NULL,
         "there is no function 'kmeens'; did you mean "
         "'kmeans'"},
        {"kmeans", "clusters", "0", "clusters"},
        {"kmeans", "trees", "10", "trees"},
        {"nowhere.so:f", NULL, NULL,
         "function 'nowhere.so:f' cannot be opened"},
        {"generator", NULL, NULL, "generator is a source"},
    };

    request_fill();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        revision *r = start();
        pe_error e = {0};

        revision_set_function(r, "learn", cases[i].function, &e);
        if (cases[i].name)
            revision_set_option(r, "learn", cases[i].name, cases[i].value, &e);
        CU_ASSERT_PTR_NULL(revision_pipeline(NULL, &req, r, &e));
        UNIT_CONTAINS(e.text, cases[i].part);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        revision_destroy(r);
    }
}

/* --- stored --- */

static void test_put(void)
{
    params *p = service_run("put");
    pe_error e = {0};
    revision *a = revision_load(p, &e), *b = revision_load(p, &e), *c;
    uint64_t now = 9;

    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CU_ASSERT_EQUAL(a->number, 0);
    revision_set_option(a, "learn", "clusters", "50", &e);
    CU_ASSERT_EQUAL(revision_put(p, a, "me", "why not", &e), 0);
    CU_ASSERT_EQUAL(a->number, 1);
    /* Of two at once one is first, whatever it says. */
    revision_set_option(b, "learn", "clusters", "60", &e);
    CU_ASSERT_EQUAL(revision_put(p, b, "you", "", &e), -1);
    UNIT_CONTAINS(e.text, "somebody else has changed the stages");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_AGAIN);
    CU_ASSERT_EQUAL(params_revision_now(p, &now, NULL, 0, &e), 0);
    CU_ASSERT_EQUAL(now, 1);
    c = revision_load(p, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(c->number, 1);
    CU_ASSERT_TRUE(revision_same(a, c, "learn"));
    UNIT_EQUAL(revision_by(c), "me");
    UNIT_EQUAL(revision_why(c), "why not");
    CU_ASSERT_TRUE(revision_time(c) > 0);
    revision_destroy(c);
    revision_destroy(b);
    revision_destroy(a);
    params_close(p);
}

/* A call whose answer was lost is made again. */
static void test_again(void)
{
    params *p = service_run("again");
    pe_error e = {0};

    CU_ASSERT_EQUAL(params_revision_put(p, 0, "one", &e), 1);
    CU_ASSERT_EQUAL(params_revision_put(p, 0, "one", &e), 1);
    CU_ASSERT_EQUAL(params_revision_put(p, 0, "two", &e), 0);
    CU_ASSERT_EQUAL(params_revision_put(p, 1, "two", &e), 1);
    CU_ASSERT_EQUAL(params_revision_put(p, 0, "one", &e), 1);
    CU_ASSERT_EQUAL(params_revision_put(p, 3, "five", &e), 0);
    params_close(p);
}

static void test_back(void)
{
    params *p = service_run("back");
    pe_error e = {0};
    revision *r = revision_load(p, &e), *b;
    uint64_t seen[6], is[6];

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_PTR_NULL(revision_back(p, r, "me", "", &e));
    UNIT_CONTAINS(e.text, "there is nothing to go back to");
    for (int i = 1; i <= 3; i++) {
        char k[8];

        snprintf(k, sizeof(k), "%d", i);
        revision_set_option(r, "learn", "clusters", k, &e);
        CU_ASSERT_EQUAL_FATAL(revision_put(p, r, "me", "", &e), 0);
    }
    /* 3 -> 2 -> 1 -> the file. */
    for (int i = 0; i < 3; i++) {
        b = revision_back(p, r, "me", "", &e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(b);
        seen[i] = b->number;
        is[i] = revision_is(b);
        revision_destroy(r);
        r = b;
    }
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(seen[i], (uint64_t)i + 4);
        CU_ASSERT_EQUAL(is[i], (uint64_t)(2 - i));
    }
    CU_ASSERT_PTR_NULL(revision_function(r, "learn"));
    CU_ASSERT_PTR_NULL(revision_back(p, r, "me", "", &e));
    revision_destroy(r);
    params_close(p);
}

static void test_failed(void)
{
    params *p = service_run("failed");
    pe_error e = {0};
    uint64_t now, times = 0;
    char why[64];

    CU_ASSERT_EQUAL(params_revision_put(p, 0, "{}", &e), 1);
    CU_ASSERT_EQUAL(params_revision_now(p, &now, why, sizeof(why), &e), 0);
    UNIT_EQUAL(why, "");
    CU_ASSERT_EQUAL(params_revision_fail(p, 1, "it fell", &e), 0);
    CU_ASSERT_EQUAL(params_revision_now(p, &now, why, sizeof(why), &e), 0);
    UNIT_EQUAL(why, "it fell");
    /* It says nothing of the next one. */
    CU_ASSERT_EQUAL(params_revision_put(p, 1, "{}2", &e), 1);
    CU_ASSERT_EQUAL(params_revision_now(p, &now, why, sizeof(why), &e), 0);
    CU_ASSERT_EQUAL(now, 2);
    UNIT_EQUAL(why, "");
    for (uint64_t i = 1; i < 4; i++) {
        CU_ASSERT_EQUAL(params_revision_begin(p, 2, "pool", &times, &e), 0);
        CU_ASSERT_EQUAL(times, i);
    }
    CU_ASSERT_EQUAL(params_revision_stands(p, 2, "pool", &e), 0);
    CU_ASSERT_EQUAL(params_revision_begin(p, 2, "pool", &times, &e), 0);
    CU_ASSERT_EQUAL(times, 1);
    params_close(p);
}

static void test_spoilt(void)
{
    params *p = service_run("spoilt");
    params_revision *all = NULL, one;
    pe_error e = {0};
    uint64_t now;
    size_t n = 9;

    CU_ASSERT_EQUAL(params_revision_fetch(p, 4, &one, &e), -1);
    UNIT_CONTAINS(e.text, "has no revision 4");
    service_ask("HSET pilot:{spoilt}:stages now x");
    CU_ASSERT_EQUAL(params_revision_now(p, &now, NULL, 0, &e), -1);
    UNIT_CONTAINS(e.text, "a revision that is no number");
    CU_ASSERT_EQUAL(params_revisions_fetch(p, &all, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_revisions_free(all, n);
    params_close(p);
}

/* --- files --- */

/* Another host finds the object by its digest, and one that is spoilt on the
 * way is none.
 */
static void test_files(void)
{
    static const char object[] = "tests/unit/pipeline_object.so";
    params *p = service_run("files");
    char path[600], digest[DIGEST_HEX + 1];
    pe_error e = {0};
    revision *r = revision_load(p, &e);
    const char *top = getenv("top_builddir");
    pipeline *pl;

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    request_fill();
    req.run = (char *)"files";
    snprintf(path, sizeof(path), "%s/%s", top ? top : ".", object);
    CU_ASSERT_EQUAL_FATAL(revision_bring(p, r, "pick", path, "plain", &e), 0);
    UNIT_EQUAL(revision_function(r, "pick"), "pipeline_object.so:plain");
    CU_ASSERT_EQUAL_FATAL(revision_put(p, r, "me", "", &e), 0);
    pl = revision_pipeline(p, &req, r, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL(pl);
    pipeline_destroy(pl);
    CU_ASSERT_EQUAL_FATAL(digest_file(path, digest, &e), 0);
    snprintf(path, sizeof(path), "%s/functions/%s/pipeline_object.so",
             scratch_folder, digest);
    CU_ASSERT_EQUAL(access(path, R_OK), 0);
    unlink(path);
    snprintf(path, sizeof(path), "HSET pilot:{files}:files %s spoilt", digest);
    service_ask(path);
    CU_ASSERT_PTR_NULL(revision_pipeline(NULL, &req, r, &e));
    UNIT_CONTAINS(e.text, "its SHA-256 is another than");
    snprintf(path, sizeof(path), "HDEL pilot:{files}:files %s", digest);
    service_ask(path);
    CU_ASSERT_PTR_NULL(revision_pipeline(NULL, &req, r, &e));
    UNIT_CONTAINS(e.text, "it was deleted");
    revision_destroy(r);
    req.run = (char *)"r";
    params_close(p);
}

/* --- a child that looks --- */

static int look_well(void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    return 0;
}

static int look_refused(void *arg, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "not %s",
                        (const char *)arg);
}

static int look_dies(void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    raise(SIGKILL);
    return 0;
}

static void test_try(void)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(revision_try(look_well, NULL, "f", &e), 0);
    CU_ASSERT_EQUAL(revision_try(look_refused, (void *)"this", "f", &e), -1);
    UNIT_EQUAL(e.text, "not this");
    CU_ASSERT_EQUAL(revision_try(look_dies, NULL, "function 'f'", &e), -1);
    UNIT_EQUAL(e.text, "function 'f' cannot be used: a process that tried it "
                       "was killed by signal 9");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}

int main(void)
{
    unit_test tests[] = {
        {"changes in words", test_words},
        {"texts that are no revision", test_no_revision},
        {"applied to a pipeline", test_apply},
        {"what a pipeline refuses", test_refused},
        {"a look that may die", test_try},
        {"one of two is first", test_put}, /* from here on with a Redis */
        {"a call made again", test_again},
        {"back, and back again", test_back},
        {"those that fail", test_failed},
        {"other people's words", test_spoilt},
        {"functions that travel", test_files},
        {NULL, NULL},
    };
    enum { STORED = 5 };
    int rc;

    signal(SIGPIPE, SIG_IGN);
    alarm(300);
    scratch_make();
    if (!redis_server_installed()) {
        tests[STORED] = (unit_test){NULL, NULL};
    } else if (redis_server_open(&service_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    rc = unit_main("revision", tests);
    if (redis_server_installed())
        redis_server_close(&service_server);
    scratch_remove();
    return rc;
}
