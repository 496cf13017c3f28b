/* test_rehearsal.c - a scheduler played from a script; every edge of the life
 * cycle is played with it.
 */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rehearse_home.h"
#include "scratch.h"

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/observe.h"
#include "src/rehearsal/rehearsal.h"
#include "src/common/process.h"
#include "src/rehearsal/private.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Jobs that say when they are ready for what comes: `run @ready`. */
#define JOB_WAITS                                                              \
    "trap 'echo term >>\"$0.told\"; exit 143' TERM; echo >\"${0%/*}/ready\"\n" \
    "sleep 1000 & wait\n"
#define JOB_DEAF \
    "trap '' TERM; echo >\"${0%/*}/ready\"; while :; do sleep 1; done\n"

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

/* --- a job's life --- */

/* DIR/NAME of a pilot. */
static const char *content(const char *pilot, const char *name)
{
    static char *kept;
    char *path = text_format("%s/%s/%s", rehearse_home, pilot, name);

    free(kept);
    kept = file_read(path, 1 << 20, NULL, NULL);
    free(path);
    return kept ? kept : "";
}

static void touch(const char *pilot, const char *name)
{
    char *path = text_format("%s/%s/%s", rehearse_home, pilot, name);

    CU_ASSERT_EQUAL(file_write(path, "", 0, 0600, NULL), 0);
    free(path);
}

static void await_file(const char *pilot, const char *name)
{
    int64_t until = clock_mono_ns() + 60 * CLOCK_S;

    while (!*content(pilot, name) && clock_mono_ns() < until)
        clock_sleep_ns(5 * CLOCK_MS, 1);
    CU_ASSERT(*content(pilot, name));
}

static void test_life(void)
{
    char id[RESOURCE_ID_MAX];
    resource_job job;
    pe_error e = {0};
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "queue @a Resources\n"
                                    "hold @b JobHeldUser\n"
                                    "start @c\n");
    CU_ASSERT_EQUAL(
        rehearse_submit(url, "r/p",
                        "echo \"out $REHEARSAL_JOB_ID "
                        "$REHEARSAL_RESTART_COUNT $PWD\"\n"
                        "echo err >&2\nread x && echo input\n"
                        "until [ -e \"${0%/*}/d\" ]; do sleep 0.01; done\n"
                        "exit 3\n",
                        id, &e),
        0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(id, "1.rehearsal");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_QUEUED, &job));
    UNIT_EQUAL(job.native, "PENDING");
    touch("r/p", "a");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_HELD, &job));
    UNIT_EQUAL(job.prose, "held (JobHeldUser)");
    UNIT_EQUAL(job.reason, "JobHeldUser");
    touch("r/p", "b");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_STARTING, &job));
    CU_ASSERT_EQUAL(job.start_ns, 0);
    touch("r/p", "c");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_RUNNING, &job));
    CU_ASSERT(job.start_ns >= job.submit_ns);
    CU_ASSERT_EQUAL(job.end_ns, 0); /* no limit */
    UNIT_EQUAL(job.hosts, "this host");
    touch("r/p", "d");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_FAILED, &job));
    CU_ASSERT_EQUAL(job.exit_code, 3);
    CU_ASSERT(job.end_ns >= job.start_ns);
    char *want = text_format("out 1.rehearsal 0 %s\n", scratch_folder);
    UNIT_EQUAL(content("r/p", "out"), want);
    UNIT_EQUAL(content("r/p", "err"), "err\n");
    free(want);
}

/* How jobs end. */
static const struct end {
    const char *name, *script, *job;
    enum resource_seen seen;
    int exit_code, signal;
    const char *told; /* what the job says it was told; NULL: nothing */
} ends[] = {
    {"done", "", "exit 0", RESOURCE_DONE, 0, 0, NULL},
    {"status", "", "exit 7", RESOURCE_FAILED, 7, 0, NULL},
    {"signal", "", "kill -9 $$", RESOURCE_FAILED, 137, 9, NULL},
    {"timeout", "run @ready\ntimeout", JOB_WAITS, RESOURCE_TIMEOUT, 143, 15,
     "term\n"},
    {"limit", "limit 2s", JOB_WAITS, RESOURCE_TIMEOUT, 143, 15, "term\n"},
    {"deaf", "grace 100ms\nrun @ready\ntimeout", JOB_DEAF, RESOURCE_TIMEOUT,
     137, 9, NULL},
    {"preempt", "run @ready\npreempt", JOB_WAITS, RESOURCE_PREEMPTED, 143, 15,
     "term\n"},
    {"cancel", "run @ready\ncancel", JOB_WAITS, RESOURCE_CANCELED, 143, 15,
     "term\n"},
    {"node-loss", "run @ready\nnode-loss", JOB_WAITS, RESOURCE_NODE_LOST, 137,
     9, NULL},
    {"fail", "run @ready\nfail 9", JOB_WAITS, RESOURCE_FAILED, 9, 0, "term\n"},
    {"done before", "run 5s\ntimeout", "exit 0", RESOURCE_DONE, 0, 0, NULL},
    {"in the queue", "queue 100ms\ntimeout", "exit 0", RESOURCE_TIMEOUT, -1, -1,
     NULL},
    {"suspended", "run 50ms\nsuspend 200ms\nrun", "sleep 0.3; exit 0",
     RESOURCE_DONE, 0, 0, NULL},
    {"suspended and ended", "run @ready\nsuspend 100ms\ntimeout", JOB_WAITS,
     RESOURCE_TIMEOUT, 143, 15, "term\n"},
    {"lost", "run\nwait 100ms\nlost-accounting", "exit 0", RESOURCE_ABSENT, -1,
     -1, NULL},
    {"lost while it runs", "run @ready\nlost-accounting", JOB_WAITS,
     RESOURCE_ABSENT, -1, -1, NULL},
};

static void test_ends(void)
{
    rehearse_home_make();
    for (size_t i = 0; i < N(ends); i++) {
        const struct end *t = &ends[i];
        char id[RESOURCE_ID_MAX], pilot[64];
        resource_job job;
        pe_error e = {0};
        const char *url = rehearse_script("script", t->script);
        snprintf(pilot, sizeof(pilot), "r/p%zu", i);
        CU_ASSERT_EQUAL(rehearse_submit(url, pilot, t->job, id, &e), 0);
        UNIT_EQUAL(e.text, "");
        bool seen = rehearse_await(url, id, t->seen, &job);
        if (!seen || job.exit_code != (t->seen ? t->exit_code : 0))
            printf("# %s: %d %d %s %s\n", t->name, job.exit_code, job.signal,
                   job.native, job.prose);
        CU_ASSERT(seen);
        CU_ASSERT_EQUAL(job.exit_code, t->seen ? t->exit_code : 0);
        CU_ASSERT_EQUAL(job.signal, t->seen ? t->signal : 0);
        UNIT_EQUAL(content(pilot, "job.sh.told"), t->told ? t->told : "");
    }
    /* No process of theirs is left. */
    for (size_t i = 1; i <= N(ends); i++) {
        char mark[512];
        snprintf(mark, sizeof(mark), "REHEARSAL_JOB=%s/rehearsal/%zu.rehearsal",
                 rehearse_home, i);
        CU_ASSERT_EQUAL(process_kill_marked(mark), 0);
    }
}

/* Children that leave the group of their job go with it all the same. */
static void test_daemons(void)
{
    char id[RESOURCE_ID_MAX], mark[512];
    resource_job job;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "run");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p",
                                    "setsid sleep 1000 &\nsleep 0.2; exit 0",
                                    id, NULL),
                    0);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_DONE, &job));
    snprintf(mark, sizeof(mark), "REHEARSAL_JOB=%s/rehearsal/1.rehearsal",
             rehearse_home);
    CU_ASSERT_EQUAL(process_kill_marked(mark), 0);
}

/* The clock of the scheduler: an hour in the queue. */
static void test_speed(void)
{
    char id[RESOURCE_ID_MAX];
    resource_job job;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "speed 36000\nlimit 10h\n"
                                    "queue 1h Priority\nrun");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", JOB_WAITS, id, NULL), 0);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_RUNNING, &job));
    /* Ten of its hours are a second of ours. */
    CU_ASSERT_EQUAL(job.end_ns - job.start_ns, CLOCK_S);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_TIMEOUT, &job));
}

static void test_requeue(void)
{
    char id[RESOURCE_ID_MAX];
    resource_job job;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "run @a\nrequeue\nqueue @b BeginTime\nrun\n"
                                    "wait @c\nrequeue\nqueue @d\n");
    CU_ASSERT_EQUAL(
        rehearse_submit(url, "r/p",
                        "echo run $REHEARSAL_RESTART_COUNT\n"
                        "[ $REHEARSAL_RESTART_COUNT -gt 0 ] || sleep 1000\n",
                        id, NULL),
        0);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_RUNNING, &job));
    await_file("r/p", "out");
    touch("r/p", "a");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_QUEUED, &job));
    CU_ASSERT_EQUAL(job.restarts, 1);
    CU_ASSERT_EQUAL(job.start_ns, 0);
    CU_ASSERT_EQUAL(job.exit_code, -1);
    touch("r/p", "b");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_DONE, &job));
    /* By hand, after its end. */
    touch("r/p", "c");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_QUEUED, &job));
    CU_ASSERT_EQUAL(job.restarts, 2);
    touch("r/p", "d");
    CU_ASSERT(rehearse_await(url, id, RESOURCE_DONE, &job));
    UNIT_EQUAL(content("r/p", "out"), "run 0\nrun 1\nrun 2\n");
}

/* --- submissions and questions that fail --- */

static void test_refused(void)
{
    char id[RESOURCE_ID_MAX] = "";
    pe_error e = {0};
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "refuse invalid account 'x'");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_EQUAL(e.text, "invalid account 'x'");
    UNIT_EQUAL(id, "");
    url = rehearse_script("away", "fail-submit 2");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, &e), -1);
    CU_ASSERT_EQUAL(rehearse_submit(rehearse_script("other", "fail-submit 0"),
                                    "r/p", "exit 0", id, &e),
                    0);
}

/* The job is there, and the answer never came: it is found by its folder. */
static void test_submit_lost(void)
{
    char id[RESOURCE_ID_MAX] = "", *dir;
    resource_job jobs[2];
    pe_error e = {0};
    const char *url;
    resource *r;

    rehearse_home_make();
    url = rehearse_script("script", "submit-lost\nqueue for-ever Priority");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_EQUAL(e.text, "the rehearsed scheduler does not answer a submission, "
                       "which it may have");
    UNIT_EQUAL(id, "");
    dir = text_format("%s/r/p", rehearse_home);
    memset(jobs, 0, sizeof(jobs));
    jobs[0].dir = dir;
    jobs[1].dir = "/nowhere";
    r = rehearsal_open(url, NULL);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, 2, &e), 0);
    UNIT_EQUAL(jobs[0].id, "1.rehearsal");
    CU_ASSERT_EQUAL(jobs[0].seen, RESOURCE_QUEUED);
    CU_ASSERT_EQUAL(jobs[1].seen, RESOURCE_ABSENT);
    UNIT_EQUAL(jobs[1].id, "");
    resource_close(r);
    /* Another scheduler does not know it. */
    r = rehearsal_open(rehearse_script("other", "run"), NULL);
    jobs[0].id[0] = '\0';
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, 1, &e), 0);
    CU_ASSERT_EQUAL(jobs[0].seen, RESOURCE_ABSENT);
    resource_close(r);
    free(dir);
}

static void test_questions(void)
{
    char id[RESOURCE_ID_MAX];
    resource_job job = {.dir = ""};
    pe_error e = {0};
    resource *r;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "fail-query 2\nqueue for-ever");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, NULL), 0);
    r = rehearsal_open(url, NULL);
    snprintf(job.id, sizeof(job.id), "%s", id);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
        UNIT_EQUAL(e.text,
                   "the rehearsed scheduler does not answer a question");
    }
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_QUEUED);
    resource_close(r);
    /* One that takes longer than anybody waits. */
    r = rehearsal_open(rehearse_script("slow", "slow-query 1h"), NULL);
    r->timeout_s = 0.05;
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
    UNIT_EQUAL(e.text, "the rehearsed scheduler does not answer a question in "
                       "time");
    resource_close(r);
    r = rehearsal_open(rehearse_script("slower", "speed 36000\nslow-query 1h"),
                       NULL);
    int64_t before = clock_mono_ns();
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT(clock_mono_ns() - before >= 100 * CLOCK_MS);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT); /* of another scheduler */
    resource_close(r);
}

/* --- cancel --- */

static void test_cancel(void)
{
    static const struct {
        const char *script, *job;
        bool now;
        const char *told;
    } table[] = {
        {"queue for-ever", "exit 0", false, ""},
        {"hold for-ever", "exit 0", true, ""},
        {"run", JOB_WAITS, false, "term\n"},
        {"run", JOB_WAITS, true, ""},
        {"run @ready\nsuspend 1h", JOB_WAITS, false, "term\n"},
        {"grace 100ms", JOB_DEAF, false, ""},
    };

    rehearse_home_make();
    for (size_t i = 0; i < N(table); i++) {
        char id[RESOURCE_ID_MAX], pilot[32];
        const char *url = rehearse_script("script", table[i].script);
        resource *r = rehearsal_open(url, NULL);
        resource_job job;
        pe_error e = {0};
        snprintf(pilot, sizeof(pilot), "r/p%zu", i);
        CU_ASSERT_EQUAL(rehearse_submit(url, pilot, table[i].job, id, NULL), 0);
        if (strstr(table[i].job, "/ready"))
            await_file(pilot, "ready");
        CU_ASSERT_EQUAL(r->ops->cancel(r, id, table[i].now, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT(rehearse_await(url, id, RESOURCE_CANCELED, &job));
        UNIT_EQUAL(content(pilot, "job.sh.told"), table[i].told);
        /* Over already: nothing to do. */
        CU_ASSERT_EQUAL(r->ops->cancel(r, id, false, &e), 0);
        resource_close(r);
    }
}

static void test_cancel_bad(void)
{
    static const char *const ids[] = {"",
                                      "2.rehearsal",
                                      "1",
                                      "x",
                                      "../1.json",
                                      "1.rehearsal.x",
                                      "99999999999.rehearsal"};
    char id[RESOURCE_ID_MAX];
    pe_error e = {0};
    resource_job job;
    resource *r;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "fail-cancel 1\nqueue for-ever");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, NULL), 0);
    r = rehearsal_open(url, NULL);
    CU_ASSERT_EQUAL(r->ops->cancel(r, id, false, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    for (size_t i = 0; i < N(ids); i++) {
        CU_ASSERT_EQUAL(r->ops->cancel(r, ids[i], false, &e), -1);
        UNIT_CONTAINS(e.text, "the rehearsed scheduler knows no job");
    }
    CU_ASSERT_EQUAL(r->ops->cancel(r, id, false, &e), 0);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_CANCELED, &job));
    resource_close(r);
}

/* A player that is killed does not leave a job that runs for ever. */
static void test_player_killed(void)
{
    char id[RESOURCE_ID_MAX];
    resource_job job;
    rehearsal_job j;
    const char *url;
    char *folder;

    rehearse_home_make();
    url = rehearse_script("script", "queue for-ever");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", "exit 0", id, NULL), 0);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_QUEUED, &job));
    folder = text_format("%s/rehearsal", rehearse_home);
    do {
        CU_ASSERT_EQUAL(rehearsal_job_read(folder, id, &j, NULL), 0);
    } while (j.player == 0);
    kill((pid_t)j.player, SIGKILL);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_FAILED, &job));
    UNIT_EQUAL(job.prose, "the player of this job was killed");
    free(folder);
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

/* --- every edge of the life cycle, played --- */

/* A job that is seen so. */
static const struct play {
    enum resource_seen seen;
    const char *script, *job;
} plays[] = {
    {RESOURCE_ABSENT, "run\nlost-accounting", "exit 0"},
    {RESOURCE_QUEUED, "queue for-ever Resources", "exit 0"},
    {RESOURCE_HELD, "hold for-ever JobHeldUser", "exit 0"},
    {RESOURCE_STARTING, "start for-ever", "exit 0"},
    {RESOURCE_RUNNING, "run", JOB_WAITS},
    {RESOURCE_SUSPENDED, "run 50ms\nsuspend for-ever", JOB_WAITS},
    {RESOURCE_ENDING, "grace 1h\nrun @ready\ntimeout", JOB_DEAF},
    {RESOURCE_DONE, "run", "exit 0"},
    {RESOURCE_FAILED, "run", "exit 1"},
    {RESOURCE_CANCELED, "queue 10ms\ncancel", "exit 0"},
    {RESOURCE_TIMEOUT, "run 100ms\ntimeout", JOB_WAITS},
    {RESOURCE_PREEMPTED, "run 100ms\npreempt", JOB_WAITS},
    {RESOURCE_NODE_LOST, "run 100ms\nnode-loss", JOB_WAITS},
    {RESOURCE_UNKNOWN, "odd for-ever SPECIAL_EXIT", "exit 0"},
};

/* A pilot in state [s] whose job is [sched_id]; [age] of its last sign of
 * life, in seconds.
 */
static pilot_record pilot_make(const char *url, const char *sched_id,
                               enum pilot_state s, int age)
{
    int64_t now = clock_real_ns();
    pilot_record r;

    memset(&r, 0, sizeof(r));
    snprintf(r.id, sizeof(r.id), "edge/%s", pilot_state_name(s));
    snprintf(r.run, sizeof(r.run), "edge");
    snprintf(r.name, sizeof(r.name), "%s", pilot_state_name(s));
    snprintf(r.resource, sizeof(r.resource), "%s", url);
    snprintf(r.sched_id, sizeof(r.sched_id), "%s", sched_id);
    snprintf(r.dir, sizeof(r.dir), "%s/%s", rehearse_home, r.id);
    r.state = s;
    r.exit_code = -1;
    r.submitting = !*sched_id;
    r.created_ns = r.submitted_ns = r.started_ns = now - age * CLOCK_S;
    if (s >= PILOT_ACTIVE)
        r.active_ns = r.seen_ns = now - age * CLOCK_S;
    if (pilot_state_is_final(s))
        r.ended_ns = now;
    return r;
}

/* Put it into the registry, look, and compare with the table. */
static void edge_play(pilot_record *r, enum pilot_event event)
{
    const observe_conf c = {.home = rehearse_home, .now = true};
    enum pilot_state want = pilot_state_next(r->state, event, false);
    enum pilot_state before = r->state;
    pe_error e = {0};
    char *path = text_format("%s/state.json", r->dir);

    unlink(path);
    free(path);
    CU_ASSERT_EQUAL(pilot_record_create(rehearse_home, r, &e), 0);
    CU_ASSERT_EQUAL(observe(&c, r, 1, &e), 0);
    UNIT_EQUAL(e.text, "");
    if (r->state != want)
        printf("# %s, %s: %s instead of %s\n", pilot_state_name(before),
               pilot_event_name(event), pilot_state_name(r->state),
               pilot_state_name(want));
    CU_ASSERT_EQUAL(r->state, want);
    CU_ASSERT_EQUAL(pilot_record_read(rehearse_home, r->id, r, NULL), 0);
    CU_ASSERT_EQUAL(r->state, want);
}

static void test_edges_seen(void)
{
    rehearse_home_make();
    for (size_t i = 0; i < N(plays); i++) {
        char id[RESOURCE_ID_MAX], name[32];
        resource_job job;
        snprintf(name, sizeof(name), "script%zu", i);
        const char *url = rehearse_script(name, plays[i].script);
        snprintf(name, sizeof(name), "play/p%zu", i);
        CU_ASSERT_EQUAL(rehearse_submit(url, name, plays[i].job, id, NULL), 0);
        CU_ASSERT(rehearse_await(url, id, plays[i].seen, &job));
        for (int s = 0; s < PILOT_N_STATES; s++) {
            pilot_record r = pilot_make(url, id, (enum pilot_state)s, 20);
            edge_play(&r, PILOT_ON_SEEN_AS(plays[i].seen));
        }
    }
}

/* What a pilot says itself, beside a job that runs. */
static void test_edges_said(void)
{
    static const struct {
        enum pilot_event event;
        const char *file, *state;
        int status, age; /* the scheduler's word is waited for a minute */
    } table[] = {
        {PILOT_ON_HELLO, "beat.json", "ACTIVE", -1, 0},
        {PILOT_ON_DRAIN, "beat.json", "DRAINING", -1, 0},
        {PILOT_ON_EXIT_DONE, "exit", "DONE", 0, 0},
        {PILOT_ON_EXIT_FAILED, "exit", "FAILED", 1, 0},
        {PILOT_ON_EXIT_CANCELED, "exit", "CANCELED", 143, 61},
    };
    char id[RESOURCE_ID_MAX];
    resource_job job;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "run");
    CU_ASSERT_EQUAL(rehearse_submit(url, "play/p", JOB_WAITS, id, NULL), 0);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_RUNNING, &job));
    for (size_t i = 0; i < N(table); i++)
        for (int s = 0; s < PILOT_N_STATES; s++) {
            pilot_record r = pilot_make(url, id, (enum pilot_state)s, 20);
            char *path = text_format("%s/%s", r.dir, table[i].file);
            char *data = text_format(
                "{\"schema\": 1, \"state\": \"%s\", \"time_ns\": %lld, "
                "\"status\": %d}",
                table[i].state,
                (long long)(clock_real_ns() - table[i].age * CLOCK_S),
                table[i].status);
            file_mkdir(r.dir, NULL);
            file_write(path, data, strlen(data), 0600, NULL);
            edge_play(&r, table[i].event);
            file_remove_tree(r.dir, NULL);
            free(data);
            free(path);
        }
}

/* What clocks say, and submissions. */
static void test_edges_clocks(void)
{
    char id[RESOURCE_ID_MAX], lost[RESOURCE_ID_MAX];
    resource_job job;
    const char *runs, *away;

    rehearse_home_make();
    runs = rehearse_script("runs", "run");
    away = rehearse_script("away", "run\nlost-accounting");
    CU_ASSERT_EQUAL(rehearse_submit(runs, "play/p", JOB_WAITS, id, NULL), 0);
    CU_ASSERT_EQUAL(rehearse_submit(away, "play/q", "exit 0", lost, NULL), 0);
    CU_ASSERT(rehearse_await(runs, id, RESOURCE_RUNNING, &job));
    CU_ASSERT(rehearse_await(away, lost, RESOURCE_ABSENT, &job));
    for (int s = 0; s < PILOT_N_STATES; s++) {
        pilot_record r = pilot_make(runs, id, (enum pilot_state)s, 20);
        clock_sleep_ns(2 * CLOCK_MS, 1);
        r.hello_timeout_s = 0.001;
        if (s == PILOT_STARTING) /* others have left that behind */
            edge_play(&r, PILOT_ON_HELLO_LATE);
        r = pilot_make(away, s == PILOT_NEW ? "" : lost, (enum pilot_state)s,
                       200);
        edge_play(&r, PILOT_ON_LOST);
    }
    /* Its answer was lost: it is adopted, whatever was thought of it. */
    for (int s = 0; s < PILOT_N_STATES; s++) {
        char pilot[256];
        const char *url =
            rehearse_script("cut", "submit-lost\nqueue for-ever x");
        pilot_record r = pilot_make(url, "", (enum pilot_state)s, 200);
        snprintf(pilot, sizeof(pilot), "%s", r.id);
        CU_ASSERT_EQUAL(rehearse_submit(url, pilot, "exit 0", id, NULL), -1);
        if (s == PILOT_NEW || s == PILOT_FAILED)
            edge_play(&r, PILOT_ON_SUBMITTED);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"scripts", test_script},
        {"scripts that are none", test_script_bad},
        {"URLs", test_url},
        {"a job's life", test_life},
        {"how jobs end", test_ends},
        {"children that leave", test_daemons},
        {"a fast clock", test_speed},
        {"queued again", test_requeue},
        {"submissions that are refused", test_refused},
        {"a submission whose answer is lost", test_submit_lost},
        {"questions that fail or take long", test_questions},
        {"cancel", test_cancel},
        {"cancels that fail", test_cancel_bad},
        {"a player that is killed", test_player_killed},
        {"what it tells of itself", test_words},
        {"edges: what schedulers say", test_edges_seen},
        {"edges: what pilots say", test_edges_said},
        {"edges: clocks and submissions", test_edges_clocks},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("rehearsal", tests);
    status |= rehearse_end_all();
    scratch_remove();
    return status;
}
