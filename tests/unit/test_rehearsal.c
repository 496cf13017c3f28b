/* test_rehearsal.c - a scheduler played from a script: its jobs, their ends. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehearse_home.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/rehearsal/rehearsal.h"
#include "src/common/process.h"
#include "src/rehearsal/private.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

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
    {"timeout", "run @ready\ntimeout", REHEARSE_WAITS, RESOURCE_TIMEOUT, 143,
     15, "term\n"},
    {"limit", "limit 2s", REHEARSE_WAITS, RESOURCE_TIMEOUT, 143, 15, "term\n"},
    {"deaf", "grace 100ms\nrun @ready\ntimeout", REHEARSE_DEAF,
     RESOURCE_TIMEOUT, 137, 9, NULL},
    {"preempt", "run @ready\npreempt", REHEARSE_WAITS, RESOURCE_PREEMPTED, 143,
     15, "term\n"},
    {"cancel", "run @ready\ncancel", REHEARSE_WAITS, RESOURCE_CANCELED, 143, 15,
     "term\n"},
    {"node-loss", "run @ready\nnode-loss", REHEARSE_WAITS, RESOURCE_NODE_LOST,
     137, 9, NULL},
    {"fail", "run @ready\nfail 9", REHEARSE_WAITS, RESOURCE_FAILED, 9, 0,
     "term\n"},
    {"done before", "run 5s\ntimeout", "exit 0", RESOURCE_DONE, 0, 0, NULL},
    {"in the queue", "queue 100ms\ntimeout", "exit 0", RESOURCE_TIMEOUT, -1, -1,
     NULL},
    {"suspended", "run 50ms\nsuspend 200ms\nrun", "sleep 0.3; exit 0",
     RESOURCE_DONE, 0, 0, NULL},
    {"suspended and ended", "run @ready\nsuspend 100ms\ntimeout",
     REHEARSE_WAITS, RESOURCE_TIMEOUT, 143, 15, "term\n"},
    {"lost", "run\nwait 100ms\nlost-accounting", "exit 0", RESOURCE_ABSENT, -1,
     -1, NULL},
    {"lost while it runs", "run @ready\nlost-accounting", REHEARSE_WAITS,
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
        if (!seen || job.exit_code != (t->seen ? t->exit_code : -1))
            printf("# %s: %d %d %s %s\n", t->name, job.exit_code, job.signal,
                   job.native, job.prose);
        CU_ASSERT(seen);
        CU_ASSERT_EQUAL(job.exit_code, t->seen ? t->exit_code : -1);
        CU_ASSERT_EQUAL(job.signal, t->seen ? t->signal : -1);
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

/* Children that leave the group of their job go with it all the same, and are
 * gone when it is told to be over.
 */
static void test_daemons(void)
{
    char id[RESOURCE_ID_MAX], mark[512];
    resource_job job;
    const char *url;

    rehearse_home_make();
    url = rehearse_script("script", "run");
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p",
                                    "for i in 1 2 3 4 5 6 7 8; do\n"
                                    "    setsid sleep 1000 &\ndone\n"
                                    "sleep 0.2; exit 0",
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
    CU_ASSERT_EQUAL(rehearse_submit(url, "r/p", REHEARSE_WAITS, id, NULL), 0);
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
        {"run", REHEARSE_WAITS, false, "term\n"},
        {"run", REHEARSE_WAITS, true, ""},
        {"run @ready\nsuspend 1h", REHEARSE_WAITS, false, "term\n"},
        {"grace 100ms", REHEARSE_DEAF, false, ""},
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
    static const char *const strangers[] = {"2.rehearsal", "1", "1.rehearsal.x",
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
    for (size_t i = 0; i < N(strangers); i++)
        CU_ASSERT_EQUAL(r->ops->cancel(r, strangers[i], false, &e), 0);
    CU_ASSERT(rehearse_await(url, id, RESOURCE_QUEUED, &job));
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

int main(void)
{
    static const unit_test tests[] = {
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
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("rehearsal", tests);
    status |= rehearse_end_all();
    scratch_remove();
    return status;
}
