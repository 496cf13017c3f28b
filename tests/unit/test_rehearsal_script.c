/* test_rehearsal_script.c - scripts of rehearsals, their URLs, their words. */
#include "unit.h"

#include <stdlib.h>

#include "rehearse_home.h"
#include "scratch.h"
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
    const resource_spec s = {.dir = "/a b/c", .supervisor = "/x/pilot-s"};
    resource *r = rehearsal_open("rehearsal://", NULL);
    text t = {0};
    char *out;

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_EQUAL(rehearsal_ops.scheme, "rehearsal");
    CU_ASSERT_FALSE(rehearsal_ops.is_direct);
    CU_ASSERT_PTR_NULL(rehearsal_ops.shrink);
    out = rehearsal_ops.command(&s, NULL);
    UNIT_EQUAL(out, "pilot-rehearse '/a b/c'/job.sh\n");
    free(out);
    CU_ASSERT_EQUAL(r->ops->doctor(r, NULL, line_keep, &t, NULL), 0);
    UNIT_EQUAL(t.data, "1 rehearsal: 0 lines about a job in no script, 1 of "
                       "its seconds in one of ours");
    text_free(&t);
    resource_close(r);
}

int main(void)
{
    static const unit_test tests[] = {
        {"scripts", test_script},
        {"scripts that are none", test_script_bad},
        {"URLs", test_url},
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
