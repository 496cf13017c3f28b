/* test_rehearsal_script.c - scripts of rehearsals, their URLs, their words. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "rehearse_home.h"
#include "scratch.h"
#include "src/common/file.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "src/rehearsal/rehearsal.h"
#include "src/rehearsal/private.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- scripts --- */

static void test_script(void)
{
    rehearsal_script s;
    pe_error e = {0};

    scratch_write("script", "# all of it\n"
                            "speed 2.5 # fast\n"
                            "slow-query 3s\n"
                            "fail-query 2\n"
                            "fail-submit 1\n"
                            "  fail-cancel 4\t\r\n"
                            "submit-lost\n"
                            "refuse no account 'x', sorry\n"
                            "limit 10m\n"
                            "grace 500ms\n"
                            "\n"
                            "queue 2s ReqNodeNotAvail, UnavailableNodes:n3\n"
                            "never too many nodes\n"
                            "hold for-ever\n"
                            "start 1s\n"
                            "run\n"
                            "run 5s\n"
                            "suspend 1s\n"
                            "odd @go SPECIAL_EXIT\n"
                            "timeout\ncancel\npreempt\nnode-loss\nfail\n"
                            "fail 7\nrequeue\nwait 1s\nlost-accounting");
    CU_ASSERT_EQUAL(rehearsal_script_read(scratch_path, &s, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(s.speed, 2.5);
    CU_ASSERT_EQUAL(s.slow_query_s, 3);
    CU_ASSERT_EQUAL(s.fail_query, 2);
    CU_ASSERT_EQUAL(s.fail_submit, 1);
    CU_ASSERT_EQUAL(s.fail_cancel, 4);
    CU_ASSERT(s.submit_lost);
    UNIT_EQUAL(s.refuse, "no account 'x', sorry");
    CU_ASSERT_EQUAL(s.limit_s, 600);
    CU_ASSERT_EQUAL(s.grace_s, 0.5);
    CU_ASSERT_EQUAL_FATAL(s.n_acts, 17);
    UNIT_EQUAL(s.acts[0].words, "ReqNodeNotAvail, UnavailableNodes:n3");
    CU_ASSERT_EQUAL(s.acts[0].seconds, 2);
    CU_ASSERT_EQUAL(s.acts[2].seconds, REHEARSAL_FOR_EVER);
    CU_ASSERT_EQUAL(s.acts[4].seconds, REHEARSAL_FOR_EVER);
    CU_ASSERT_EQUAL(s.acts[5].seconds, 5);
    UNIT_EQUAL(s.acts[7].until, "go");
    CU_ASSERT_EQUAL(s.acts[7].seconds, REHEARSAL_FOR_EVER);
    UNIT_EQUAL(s.acts[7].words, "SPECIAL_EXIT");
    CU_ASSERT_EQUAL(s.acts[8].end, RESOURCE_TIMEOUT);
    CU_ASSERT_EQUAL(s.acts[12].status, 1);
    CU_ASSERT_EQUAL(s.acts[13].status, 7);
    rehearsal_script_free(&s);
    /* None at all. */
    CU_ASSERT_EQUAL(rehearsal_script_read("", &s, &e), 0);
    CU_ASSERT_EQUAL(s.n_acts, 0);
    CU_ASSERT_EQUAL(s.speed, 1);
}

static void test_script_bad(void)
{
    static const struct {
        const char *lines, *error;
    } table[] = {
        {"queu 2s", ":1: 'queu' is no word of a rehearsal; did you mean "
                    "queue?"},
        {"run\nxyzzy 1", ":2: 'xyzzy' is no word of a rehearsal"},
        {"queue", ":1: 'queue' is not 'queue TIME|for-ever|@FILE [REASON]'"},
        {"queue 2", ":1: 'queue 2' is not 'queue TIME"},
        {"queue -2s x", "is not 'queue TIME"},
        {"queue @", "is not 'queue TIME"},
        {"queue @../x", "is not 'queue TIME"},
        {"limit @x", "is not 'limit TIME'"},
        {"never", ":1: 'never' is not 'never REASON'"},
        {"run 5s more", "'run 5s more' is not 'run [TIME]'"},
        {"requeue now", "'requeue now' is not 'requeue'"},
        {"fail 0", "is not 'fail [STATUS]'"},
        {"fail 256", "is not 'fail [STATUS]'"},
        {"speed 0", "is not 'speed N'"},
        {"speed -1", "is not 'speed N'"},
        {"speed fast", "is not 'speed N'"},
        {"limit for-ever", "'limit for-ever' is not 'limit TIME'"},
        {"fail-query x", "is not 'fail-query N'"},
        {"fail-query -1", "is not 'fail-query N'"},
        {"refuse", "is not 'refuse TEXT'"},
        {"submit-lost 1", "is not 'submit-lost'"},
    };

    for (size_t i = 0; i < N(table); i++) {
        rehearsal_script s;
        pe_error e = {0};
        scratch_write("script", table[i].lines);
        CU_ASSERT_EQUAL(rehearsal_script_read(scratch_path, &s, &e), -1);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, table[i].error);
        UNIT_CONTAINS(e.text, scratch_path);
    }
}

static void test_url(void)
{
    static const struct {
        const char *url, *error;
    } table[] = {
        {"rehearsal://host/x", "names no host: write rehearsal:///PATH or "},
        {"rehearsal:///nowhere/x", "script of a rehearsal: cannot open "
                                   "/nowhere/x: No such file or directory"},
        {"rehearsal://?script=nowhere", "cannot open nowhere: No such file"},
        {"rehearsal:///tmp", "script of a rehearsal"},
    };
    resource *r;

    rehearse_home_make();
    for (size_t i = 0; i < N(table); i++) {
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(rehearsal_open(table[i].url, &e));
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, table[i].error);
    }
    r = rehearsal_open("rehearsal://", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_PTR_EQUAL(r->ops, &rehearsal_ops);
    resource_close(r);
    /* From the working directory, and told as what it is. */
    char *url;
    scratch_write("here", "run");
    url = text_format("rehearsal://?script=../../../../../../../../..%s",
                      scratch_path);
    r = rehearsal_open(url, NULL);
    CU_ASSERT_PTR_NOT_NULL(r);
    if (r)
        resource_close(r);
    free(url);
}

/* --- what it tells of itself --- */

static void line_keep(void *arg, bool ok, const char *what)
{
    text_add(arg, "%d %s", ok, what);
}

static void test_words(void)
{
    static const resource_request nothing;
    const resource_spec s = {
        .dir = "/a b/c", .supervisor = "/x/pilot-s", .request = &nothing};
    resource *r = rehearsal_open("rehearsal://", NULL);
    text t = {0};
    char *out;

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_EQUAL(rehearsal_ops.scheme, "rehearsal");
    CU_ASSERT_FALSE(rehearsal_ops.is_direct);
    CU_ASSERT_PTR_NULL(rehearsal_ops.shrink);
    out = rehearsal_ops.command(&s, NULL);
    UNIT_EQUAL(out, "pilot-rehearse '/a b/c/job.sh'\n");
    free(out);
    CU_ASSERT_EQUAL(r->ops->doctor(r, NULL, line_keep, &t, NULL), 0);
    UNIT_EQUAL(t.data, "1 rehearsal: 0 lines about a job in no script, 1 of "
                       "its seconds in one of ours");
    text_free(&t);
    resource_close(r);
}

/* A thousand lines about a job are enough, and one more is told. */
static void test_long(void)
{
    text lines = {0};
    rehearsal_script s;
    pe_error e = {0};

    for (int i = 0; i < 1000; i++)
        text_add(&lines, "run 1s\nspeed 2\n");
    scratch_write("script", lines.data);
    CU_ASSERT_EQUAL(rehearsal_script_read(scratch_path, &s, &e), 0);
    CU_ASSERT_EQUAL(s.n_acts, 1000);
    rehearsal_script_free(&s);
    scratch_append("suspend 1s\n");
    CU_ASSERT_EQUAL(rehearsal_script_read(scratch_path, &s, &e), -1);
    UNIT_CONTAINS(e.text, ":2001: more than 1000 lines about a job");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    text_free(&lines);
    /* A path that no record of a job can hold. */
    char name[1200];
    memset(name, 'n', sizeof(name) - 1);
    memcpy(name, "rehearsal:///", 13);
    name[sizeof(name) - 1] = '\0';
    CU_ASSERT_PTR_NULL(rehearsal_open(name, &e));
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
}

/* What is kept of a job is text: a folder whose name is none is refused, and
 * no job is left behind.
 */
static void test_names(void)
{
    char id[RESOURCE_ID_MAX] = "";
    pe_error e = {0};
    resource_job job;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "run");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p\xff", "exit 0", id, &e), -1);
    UNIT_EQUAL(e.text, "rehearsed job 1.rehearsal cannot be kept: a path of "
                       "it is not UTF-8");
    UNIT_EQUAL(id, "");
    /* The next one is another. */
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, &e), 0);
    UNIT_EQUAL(id, "2.rehearsal");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_DONE, &job));
}

/* Where nothing can be written, nothing is submitted or answered. */
static void test_no_folder(void)
{
    char id[RESOURCE_ID_MAX] = "";
    char *file = text_format("%s/home/rehearsal", scratch_folder);
    resource *r;
    pe_error e = {0};

    rehearse_home_make();
    CU_ASSERT_EQUAL_FATAL(file_mkdir(rehearse_home, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(file_write(file, "", 0, 0600, NULL), 0);
    r = rehearsal_open(rehearse_script("script", "run"), &e);
    CU_ASSERT_PTR_NULL(r);
    UNIT_CONTAINS(e.text, file);
    UNIT_EQUAL(id, "");
    file_remove_tree(file, NULL);
    free(file);
}

/* The program of the player says what it is not started for. */
static void test_player(void)
{
    static const struct {
        const char *words[3];
        int status;
        const char *err;
    } rows[] = {
        {{NULL}, 64, "Usage: pilot-rehearse FOLDER ID\n"},
        {{"/nowhere"}, 64, "Usage: pilot-rehearse FOLDER ID\n"},
        {{"/nowhere", "1.rehearsal"},
         78,
         "pilot-rehearse: there is no job 1.rehearsal in /nowhere\n"},
        {{"/nowhere", "../x"}, 78, "there is no job ../x in /nowhere\n"},
    };

    for (size_t i = 0; i < N(rows); i++) {
        const char *argv[] = {"./pilot-rehearse", rows[i].words[0],
                              rows[i].words[1], NULL};
        const process_spec spec = {.argv = argv};
        const process_limits limits = {.timeout_s = 60, .max = 1 << 20};
        process_answer a = {.status = -1};
        pe_error e = {0};
        CU_ASSERT_EQUAL(process_run(&spec, &limits, &a, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL(a.status, rows[i].status);
        UNIT_CONTAINS(a.err.data, rows[i].err);
        process_answer_free(&a);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"scripts", test_script},
        {"scripts that are none", test_script_bad},
        {"URLs", test_url},
        {"scripts and paths that are too long", test_long},
        {"folders that are no text", test_names},
        {"no folder for jobs", test_no_folder},
        {"a player without a job", test_player},
        {"what it tells of itself", test_words},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("rehearsal: scripts", tests);
    status |= rehearse_end_all();
    scratch_remove();
    return status;
}
