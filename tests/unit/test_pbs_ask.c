/* test_pbs_ask.c - OpenPBS is asked: one question, marks, no answer. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "played.h"
#include "scratch.h"
#include "src/common/text.h"
#include "src/backend/backends.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_describe(void)
{
    resource *r = played_resource("pbs://");
    resource_job jobs[] = {
        played_job("0.pbsserver", NULL), played_job("9.pbsserver", NULL),
        played_job("27.pbsserver", NULL), played_job("999.pbsserver", NULL)};
    pe_error e = {0};

    /* one answer of 54 jobs, one of which has bytes that are no UTF-8 */
    played_set("qstat=qstat-xf-dsv.all");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(resource_seen_name(jobs[0].seen), "done");
    UNIT_EQUAL(resource_seen_name(jobs[1].seen), "canceled");
    UNIT_EQUAL(resource_seen_name(jobs[2].seen), "canceled");
    UNIT_EQUAL(resource_seen_name(jobs[3].seen), "absent");
    CU_ASSERT_EQUAL(played_calls("qstat"), 1);
    UNIT_CONTAINS(played_log(), " qstat -x -f -F dsv 0.pbsserver 9.pbsserver "
                                "27.pbsserver 999.pbsserver\n");
    resource_close(r);
}

/* A job that is not known beside others, and none that is. */
static void test_unknown(void)
{
    resource *r = played_resource("pbs://");
    resource_job job = played_job("999999.pbsserver", NULL);
    pe_error e = {0};

    played_set("qstat=qstat-f.unknown-id");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
    played_set("qstat=qstat.bad-id");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
    /* nobody to ask about: nobody is asked */
    played_set("qstat=status:1");
    CU_ASSERT_EQUAL(r->ops->describe(r, NULL, 0, &e), 0);
    job = played_job("not an id", NULL);
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(played_calls("qstat"), 0);
    resource_close(r);
}

static void test_describe_errors(void)
{
    static const struct {
        const char *play, *text;
    } rows[] = {
        {"qstat=qstat.server-down",
         "qstat on this host says: Connection refused; cannot connect to "
         "server pbsserver (errno=15010); try again later ('qstat -B')"},
        /* it prints a document all the same */
        {"qstat=qstat-f-json.server-down", "Connection refused"},
        {"qstat=status:1", "qstat on this host says: nothing, and ended with"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = played_resource("pbs://");
        resource_job job = played_job("0.pbsserver", NULL);
        pe_error e = {0};
        played_set(rows[i].play);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
        CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
        resource_close(r);
    }
}

static void test_time_limit(void)
{
    resource *r;
    resource_job job = played_job("0.pbsserver", NULL);
    pe_error e = {0};

    setenv("PILOT_SCHEDULER_TIMEOUT", "0.2", 1);
    r = played_resource("pbs://");
    played_set("qstat=sleep");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
    UNIT_EQUAL(e.text, "qstat on this host: no answer within 0.2 s: "
                       "the command was stopped");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    resource_close(r);
}

/* A server that keeps no history says so once, and nothing of any job: with
 * status 0, or in other versions with one of its own.
 */
static void test_no_history(void)
{
    static const struct {
        const char *play, *first, *then;
    } rows[] = {
        {"qstat=status:36,qstat-xf.running,qstat-f.finished-ok", "running",
         "absent"},
        {"qstat=qstat-xf-dsv.no-history,qstat-f-dsv.no-history-held,"
         "qstat-f-dsv.no-history-gone",
         "held", "absent"},
        {"qstat=qstat-xf-dsv.no-history,qstat-f-dsv.no-history-gone,"
         "qstat-f-dsv.no-history-held",
         "absent", "held"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = played_resource("pbs://");
        resource_job job = played_job("0.pbsserver", NULL);
        played_set(rows[i].play);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, NULL), 0);
        UNIT_EQUAL(resource_seen_name(job.seen), rows[i].first);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, NULL), 0);
        UNIT_EQUAL(resource_seen_name(job.seen), rows[i].then);
        CU_ASSERT_EQUAL(played_calls("qstat"), 3);
        UNIT_CONTAINS(played_log(), " qstat -x -f -F dsv 0.pbsserver\n");
        UNIT_CONTAINS(played_log(), " qstat -f -F dsv 0.pbsserver\n");
        resource_close(r);
    }
}

/* The end of a job, and a submission that was cut off, where there is no
 * history.
 */
static void test_no_history_else(void)
{
    resource *r = played_resource("pbs://");
    resource_job job = played_job("", "/p/1");
    pe_error e = {0};
    int64_t end_ns = -1;
    char *play;

    played_set("qstat=qstat-xf-dsv.no-history,qstat-f-dsv.no-history-held");
    CU_ASSERT_EQUAL(pbs_ops.scheduler->end(r, "0.pbsserver", &end_ns, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(end_ns, 0); /* not begun */
    resource_close(r);
    r = played_resource("pbs://");
    scratch_write("lines", "Job Id: 0.pbsserver|job_state=Q|"
                           "Variable_List=PILOT_DIR=/p/1\n");
    play = text_format("qselect=qselect-x.no-history,qselect.no-history "
                       "qstat=file:%s",
                       scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(job.id, "0.pbsserver");
    UNIT_EQUAL(resource_seen_name(job.seen), "queued");
    UNIT_CONTAINS(played_log(), " qstat -f -F dsv 0.pbsserver\n");
    free(play);
    resource_close(r);
}

/* A submit that was cut off: the job is found by its mark among ours. */
static void test_search(void)
{
    static const char lines[] =
        "Job Id: 2.s|job_state=R|qtime=Mon Nov 23 14:31:54 2026|"
        "Variable_List=PILOT_DIR=/p/2\n"
        "Job Id: 3.s|job_state=Q|qtime=Mon Nov 23 14:32:54 2026|"
        "Variable_List=PILOT_DIR=/p/1\n"
        "Job Id: 4.s|job_state=F|qtime=Mon Nov 23 14:30:54 2026|"
        "Variable_List=PILOT_DIR=/p/1\n";
    resource *r = played_resource("pbs://");
    resource_job jobs[] = {played_job("", "/p/1"), played_job("2.s", "/p/2"),
                           played_job("", "/p/9")};
    char *play, *name;
    pe_error e = {0};

    scratch_write("ids", "2.s\n3.s\n4.s\n");
    name = text_format("%s", scratch_path);
    scratch_write("lines", lines);
    play = text_format("qselect=status:36,file:%s qstat=file:%s", name,
                       scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(jobs[0].id, "3.s");
    UNIT_EQUAL(resource_seen_name(jobs[0].seen), "queued");
    UNIT_EQUAL(resource_seen_name(jobs[1].seen), "running");
    UNIT_EQUAL(jobs[2].id, "");
    UNIT_CONTAINS(played_log(), " qselect -x -u ");
    UNIT_CONTAINS(played_log(), " qstat -f -F dsv 2.s 2.s 3.s 4.s\n");
    played_set("qselect=qstat.server-down qstat=status:0");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, 1, &e), 0); /* it has an id */
    jobs[0] = played_job("", "/p/1");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, 1, &e), -1);
    UNIT_CONTAINS(e.text, "qselect on this host says: Connection refused");
    free(play);
    free(name);
    resource_close(r);
}

static void test_thousand(void)
{
    enum { N = 3000 };
    resource *r = played_resource("pbs://");
    resource_job *jobs = calloc(N, sizeof(*jobs));
    text lines = {0};
    char *play;
    int running = 0;

    for (int i = 0; i < N; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%d.pbsserver", 100000 + i);
        jobs[i] = played_job(id, NULL);
        text_add(&lines, "Job Id: %s|job_state=R|substate=42\n", id);
    }
    scratch_write("lines", lines.data);
    play = text_format("qstat=file:%s", scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, N, NULL), 0);
    for (int i = 0; i < N; i++)
        running += jobs[i].seen == RESOURCE_RUNNING;
    CU_ASSERT_EQUAL(running, N);
    CU_ASSERT_EQUAL(played_calls("qstat"), 3); /* a packet of SSH each */
    free(play);
    free(jobs);
    text_free(&lines);
    resource_close(r);
}

int main(void)
{
    static const unit_test tests[] = {
        {"one question for all jobs", test_describe},
        {"jobs that are not known", test_unknown},
        {"no answer", test_describe_errors},
        {"a time limit", test_time_limit},
        {"no history", test_no_history},
        {"no history: ends, searches", test_no_history_else},
        {"jobs by their mark", test_search},
        {"three thousand jobs", test_thousand},
        {NULL, NULL},
    };

    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    setenv("FAKE_VERSION", "pbs_version = 23.06.06", 1);
    played_open("qsub qstat qdel qsig qselect pbsnodes pbs_release_nodes",
                "pbs.rec");
    int status = unit_main("pbs: questions", tests);
    played_close();
    return status;
}
