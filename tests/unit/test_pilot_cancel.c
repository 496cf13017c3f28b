/* test_pilot_cancel.c - wait and cancel, as users call them. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pilot_command.h"
#include "redis_server.h"
#include "scratch.h"

#include "src/common/clock.h"
#include "src/common/file.h"

static redis_server server;

/* --- wait --- */

static void test_wait(void)
{
    static const struct {
        const char *name, *script, *job, *until;
        int status;
        const char *err;
    } table[] = {
        {"done", "run", JOB_DONE, "end", 0, "t/p is DONE: ended with status 0"},
        {"done instead of active", "run", JOB_DONE, "active", 0, ""},
        {"active", "queue 200ms\nrun", JOB_ACTIVE, "active", 0,
         "t/p is ACTIVE\n"},
        {"failed", "run", JOB_FAILED, "end", 1, "t/p is FAILED: no disk"},
        {"failed instead of active", "run", JOB_FAILED, "active", 1,
         "t/p is FAILED"},
        {"timeout", "run @beat.json\ntimeout", JOB_ACTIVE, "end", 1,
         "t/p is TIMEOUT: its time was over"},
        {"node lost", "run @beat.json\nnode-loss", JOB_ACTIVE, "end", 1,
         "t/p is FAILED: its node was lost"},
        {"preempted", "run @beat.json\npreempt", JOB_ACTIVE, "end", 1,
         "t/p is PREEMPTED"},
        {"canceled", "queue 200ms\ncancel", JOB_ACTIVE, "end", 143,
         "t/p is CANCELED"},
        {"no hello", "run", "echo nonsense >&2; exit 0", "end", 1,
         "t/p is MISSING: its job ended with status 0, but the pilot never "
         "said hello; its last words: nonsense"},
        {"requeued", "run @beat.json\nrequeue\nqueue 300ms\nrun",
         SUPERVISOR "say beat.json ACTIVE\n"
                    "[ $REHEARSAL_RESTART_COUNT -gt 0 ] || { sleep 1000 & "
                    "wait; }\nsay exit DONE ', \"status\": 0'",
         "end", 0, "t/p is DONE"},
    };

    for (size_t i = 0; i < N(table); i++) {
        begin();
        pilot_submit("t/p", rehearse_script("wait", table[i].script),
                     table[i].job);
        int status =
            PILOT("wait", "--until", table[i].until, "--timeout", "50s", "t/p");
        if (status != table[i].status)
            printf("# %s\n", table[i].name);
        expect(status, table[i].status, NULL, table[i].err);
        UNIT_EQUAL(content("out"), "");
    }
}

static void test_wait_timeout(void)
{
    begin();
    pilot_submit("t/p", rehearse_script("q", "queue for-ever Resources"),
                 JOB_DONE);
    expect(PILOT("wait", "--timeout", "300ms", "t/p"), PE_EXIT_TIMEOUT, NULL,
           "pilot: timed out: not all have ended\n");
    UNIT_CONTAINS(content("err"), "t/p is QUEUED: waits in the queue");
    expect(PILOT("wait", "-Q", "-u", "active", "-t", "0", "t"), PE_EXIT_TIMEOUT,
           NULL, NULL);
    UNIT_EQUAL(content("err"), "pilot: timed out: not all are active\n");
    /* What will never run is told at once. */
    begin();
    const char *url = rehearse_script("never", "never too many nodes");
    pilot_submit("t/p", url, JOB_DONE);
    reason_await(url, "1.rehearsal");
    expect(PILOT("wait", "--timeout", "300ms", "t/p"), PE_EXIT_TIMEOUT, NULL,
           "t/p is QUEUED: as it is asked for it will never run: too many "
           "nodes");
}

/* A run: all of its pilots, also those that come while it is waited for. */
static void test_wait_run(void)
{
    const char *const args[] = {"wait", "t", NULL};
    process *p;

    begin();
    pilot_submit("t/p", rehearse_script("q", "queue @go\nrun"), JOB_DONE);
    p = pilot_start(args, NULL);
    err_await("t/p is QUEUED");
    pilot_submit("t/q", rehearse_script("r", "queue @go\nrun"), JOB_FAILED);
    err_await("t/q is QUEUED");
    pilot_put("t/p", "go", "");
    err_await("t/p is DONE");
    pilot_put("t/q", "go", "");
    CU_ASSERT_EQUAL(pilot_end(p), 1);
    UNIT_CONTAINS(content("err"), "t/p is DONE");
    UNIT_CONTAINS(content("err"), "t/q is FAILED: no disk");
}

/* Schedulers are asked every half a minute, files are looked at all the time.
 */
static void test_wait_manners(void)
{
    begin();
    unsetenv("PILOT_POLL");
    pilot_submit("t/p", rehearse_script("q", "queue 500ms\nrun"),
                 SUPERVISOR "say beat.json ACTIVE\nsleep 1\n"
                            "say exit DONE ', \"status\": 0'");
    expect(PILOT("wait", "t/p"), 0, NULL, "t/p is ACTIVE");
    CU_ASSERT_EQUAL(questions(), 1);
}

/* --- cancel --- */

static void test_cancel(void)
{
    static const struct {
        const char *name, *script, *job, *option, *err;
    } table[] = {
        {"queued", "queue for-ever", JOB_DONE, "--grace=1s",
         "pilot: t/p is CANCELED\n"},
        {"queued, now", "queue for-ever", JOB_DONE, "--now",
         "pilot: t/p is CANCELED\n"},
        {"held", "hold for-ever", JOB_DONE, "-g0", "pilot: t/p is CANCELED\n"},
        {"never", "never x", JOB_DONE, "--now", "pilot: t/p is CANCELED\n"},
        {"runs", "run", JOB_ACTIVE, "--grace=0",
         "pilot: t/p is being ended; 'pilot wait t/p' waits for that\n"},
        {"runs, now", "run", JOB_ACTIVE, "--now", "pilot: t/p is "},
        {"suspended", "run @beat.json\nsuspend 1h", JOB_ACTIVE, "--now",
         "pilot: t/p is "},
    };

    for (size_t i = 0; i < N(table); i++) {
        begin();
        pilot_submit("t/p", rehearse_script("s", table[i].script),
                     table[i].job);
        if (!strncmp(table[i].script, "run", 3))
            expect(PILOT("wait", "-Q", "--until", "active", "t/p"), 0, NULL,
                   NULL);
        int status = PILOT("cancel", table[i].option, "t/p");
        if (status)
            printf("# %s\n", table[i].name);
        expect(status, 0, NULL, NULL);
        if (!strstr(content("err"), table[i].err))
            UNIT_CONTAINS(content("err"), "pilot: t/p is CANCELED\n");
        expect(PILOT("wait", "-Q", "-t", "20s", "t/p"), 143, NULL, NULL);
        CU_ASSERT(on_disk("t/p").cancel_asked);
        /* Over: that is all right. */
        expect(PILOT("cancel", "t/p"), 0, NULL,
               "pilot: t/p is CANCELED already\n");
    }
}

static void test_cancel_many(void)
{
    pilot_record r;
    const char *url;

    begin();
    url = rehearse_script("q", "queue for-ever");
    pilot_submit("t/p", url, JOB_DONE);
    pilot_submit("t/q", url, JOB_DONE);
    pilot_submit("u/p", rehearse_script("r", "queue for-ever"), JOB_DONE);
    pilot_submit("v/p", url, JOB_DONE);
    r = record_of("v/new", url, "", PILOT_NEW); /* nobody has heard of it */
    r.submitting = false;
    record_put(&r);
    expect(PILOT("cancel", "-Q", "--run", "t"), 0, NULL, NULL);
    UNIT_EQUAL(content("err"), "");
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_CANCELED);
    CU_ASSERT_EQUAL(state_of("t/q"), PILOT_CANCELED);
    CU_ASSERT_EQUAL(state_of("u/p"), PILOT_QUEUED);
    CU_ASSERT_FALSE(on_disk("u/p").cancel_asked);
    expect(PILOT("cancel", "--all"), 0, NULL, "u/p is CANCELED");
    CU_ASSERT_EQUAL(state_of("u/p"), PILOT_CANCELED);
    CU_ASSERT_EQUAL(state_of("v/p"), PILOT_CANCELED);
    CU_ASSERT_EQUAL(state_of("v/new"), PILOT_CANCELED);
    /* What is over is no news, however much of it there is. */
    expect(PILOT("cancel", "--all"), 0, NULL,
           "nothing is to be ended: of 5 pilots none lives\n");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "already"));
    UNIT_EQUAL(on_disk("v/new").reason, "canceled before it was submitted");
}

/* A pilot_record_change_f: it ended a minute ago. */
static int end_long_ago(pilot_record *r, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    r->state = PILOT_DONE;
    r->ended_ns = clock_real_ns() - 60 * CLOCK_S;
    return 0;
}

/* Its record is over and its job is not: queued again by hand, say. */
static void test_cancel_left(void)
{
    pilot_record r;

    begin();
    pilot_submit("t/p", rehearse_script("l", "queue for-ever"), JOB_DONE);
    r = on_disk("t/p");
    CU_ASSERT_EQUAL(pilot_record_change(getenv("PILOT_HOME"), "t/p",
                                        end_long_ago, NULL, &r, NULL),
                    0);
    expect(PILOT("cancel", "t/p"), 0, NULL,
           "t/p is DONE, but its job 1.rehearsal still runs: it is ended, "
           "too\n");
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_DONE);
    expect(PILOT("cancel", "t/p"), 0, NULL, "t/p is DONE already\n");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "still runs"));
}

/* A pilot of a host that shares this home: its processes are not seen from
 * here, and it is not lost for that.
 */
static void test_cancel_elsewhere(void)
{
    pilot_record r;

    begin();
    r = record_of("t/p", "local://", "999999999.1", PILOT_ACTIVE);
    snprintf(r.host, sizeof(r.host), "login2");
    r.submitted_ns = r.started_ns = r.active_ns = r.seen_ns = r.created_ns -=
        300 * CLOCK_S;
    record_put(&r);
    expect(PILOT("status", "--refresh", "t/p"), 0,
           "lives on login2: 'pilot status' there knows more", "");
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_ACTIVE);
    expect(PILOT("cancel", "--now", "t/p"), 78, NULL,
           "pilot: pilot t/p lives on login2: say 'pilot cancel t/p' there\n");
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_ACTIVE);
    beat_put("t/p", "exit", "DONE", ", \"status\": 0");
    expect(PILOT("status", "t/p"), 0, "DONE", "");
    begin(); /* of this host it is lost */
    snprintf(r.host, sizeof(r.host), "%s", "");
    record_put(&r);
    expect(PILOT("status", "--refresh", "t/p"), 0, "MISSING", NULL);
}

/* One that failed is said, and repeated by the same command. */
static void test_cancel_fails(void)
{
    begin();
    pilot_submit("t/p", rehearse_script("f", "fail-cancel 1\nqueue for-ever"),
                 JOB_DONE);
    pilot_submit("t/q", rehearse_script("g", "queue for-ever"), JOB_DONE);
    expect(PILOT("cancel", "t/p", "t/q"), PE_EXIT_UNAVAILABLE, NULL,
           "pilot: pilot t/p is not canceled ('pilot cancel t/p' again repeats "
           "it): the rehearsed scheduler does not answer a cancel\n");
    CU_ASSERT(on_disk("t/p").cancel_asked);
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_QUEUED);
    expect(PILOT("status", "t/p"), 0, "QUEUED asked to end", NULL);
    expect(PILOT("cancel", "t"), 0, NULL, "pilot: t/p is CANCELED\n");
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_CANCELED);
    CU_ASSERT_EQUAL(state_of("t/q"), PILOT_CANCELED);
}

/* Its submission was cut off: the scheduler may have it or not. */
static void test_cancel_cut_off(void)
{
    char sched_id[RESOURCE_ID_MAX];
    const char *url;
    pilot_record r;

    begin();
    url = rehearse_script("lost", "submit-lost\nqueue for-ever");
    CU_ASSERT_EQUAL(rehearse_submit(url, "t/p", JOB_DONE, sched_id, NULL), -1);
    r = record_of("t/p", url, "", PILOT_NEW);
    record_put(&r);
    expect(PILOT("cancel", "t/p"), 0, NULL, "pilot: t/p is CANCELED\n");
    UNIT_EQUAL(on_disk("t/p").sched_id, "1.rehearsal");
    /* Not there, and young. */
    r = record_of("t/q", url, "", PILOT_NEW);
    record_put(&r);
    expect(PILOT("cancel", "t/q"), PE_EXIT_AGAIN, NULL,
           "pilot: pilot t/q is not canceled yet: its submission began 0 s "
           "ago, and the scheduler does not know it; say 'pilot cancel t/q' "
           "again in half a minute\n");
    CU_ASSERT(on_disk("t/q").cancel_asked);
    /* Not there, and old. */
    r = record_of("t/s", url, "", PILOT_NEW);
    r.created_ns -= 31 * CLOCK_S;
    record_put(&r);
    expect(PILOT("cancel", "t/s"), 0, NULL, "pilot: t/s is CANCELED\n");
    UNIT_EQUAL(on_disk("t/s").reason, "canceled before the scheduler had it");
}

/* The job of a pilot that never said hello is not left behind. */
static void test_cancel_missing(void)
{
    resource_job job;
    const char *url;
    pilot_record r;

    begin();
    url = rehearse_script("run", "run");
    pilot_submit("t/p", url, "sleep 1000");
    r = on_disk("t/p");
    CU_ASSERT(rehearse_await(url, r.sched_id, RESOURCE_RUNNING, &job));
    r.hello_timeout_s = 0.01;
    json_t *o = pilot_record_json(&r);
    char *data = json_dumps(o, 0);
    pilot_put("t/p", "state.json", data);
    free(data);
    json_decref(o);
    expect(PILOT("wait", "t/p"), 1, NULL,
           "t/p is MISSING: its job runs, but the pilot did not say hello "
           "within 0.01 s; end it with 'pilot cancel t/p'");
    expect(PILOT("cancel", "t/p"), 0, NULL, NULL);
    CU_ASSERT(rehearse_await(url, r.sched_id, RESOURCE_CANCELED, &job));
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_CANCELED);
    expect(PILOT("cancel", "t/p"), 0, NULL, "t/p is CANCELED already");
    UNIT_EQUAL(content("err"), "pilot: t/p is CANCELED already\n");
}

/* One that is up is asked to finish first, through the run's Redis. */
static void test_cancel_drains(void)
{
    const char *const args[] = {"cancel", "--grace", "30s", "t/p", NULL};
    char *request;
    process *p;

    if (!redis_server_installed()) {
        printf("# no redis-server\n");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(redis_server_open(&server), 0);
    begin();
    pilot_submit("t/p", rehearse_script("run", "run"), JOB_ACTIVE);
    expect(PILOT("wait", "-Q", "--until", "active", "t/p"), 0, NULL, NULL);
    request = text_format("{\"schema\": 1, \"run\": \"t\", \"dir\": \"%s/t\", "
                          "\"file\": \"x\", \"set\": [], \"params\": \"%s\"}",
                          rehearse_home, server.url);
    pilot_put("t", "request.json", request);
    p = pilot_start(args, NULL);
    int64_t until = clock_mono_ns() + 60 * CLOCK_S;
    while (!strstr(redis_server_ask(&server, "HGET pilot:{t}:orders p"),
                   "drain") &&
           clock_mono_ns() < until)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    CU_ASSERT(on_disk("t/p").cancel_asked); /* written down before */
    CU_ASSERT_FALSE(process_ended(p));
    beat_put("t/p", "exit", "DONE", ", \"status\": 0");
    CU_ASSERT_EQUAL(pilot_end(p), 0);
    UNIT_CONTAINS(content("err"), "pilot: 1 pilot may finish, for 30 s\n");
    CU_ASSERT_EQUAL(state_of("t/p"), PILOT_DONE);
    /* One that is deaf gets its while, and then the scheduler is asked. */
    pilot_submit("t/q", rehearse_script("run", "run"), JOB_ACTIVE);
    expect(PILOT("wait", "-Q", "--until", "active", "t/q"), 0, NULL, NULL);
    expect(PILOT("cancel", "--grace", "500ms", "t/q"), 0, NULL,
           "1 pilot may finish, for 0.5 s");
    expect(PILOT("wait", "-Q", "t/q"), 143, NULL, NULL);
    /* Beats that only the service has. */
    char *line = text_format("HSET pilot:{t}:pilots s "
                             "'{\"schema\":1,\"state\":\"ACTIVE\","
                             "\"time_ns\":%lld,\"ranks\":3}'",
                             (long long)clock_real_ns());
    pilot_submit("t/s", rehearse_script("q", "queue for-ever"), JOB_DONE);
    redis_server_ask(&server, line);
    expect(PILOT("status", "-o", "state,ranks", "t/s"), 0, "ACTIVE     3",
           NULL);
    redis_server_close(&server);
    /* A service that is gone: it is said, and the pilot ends all the same. */
    expect(PILOT("cancel", "t/s"), 0, NULL,
           "t/s cannot be asked to finish first: Redis at unix://");
    expect(PILOT("wait", "-Q", "t/s"), 143, NULL, NULL);
    free(line);
    free(request);
}

/* kill -9 before every call that others see: what is left is a registry from
 * which the same command finishes.
 */
static void test_cancel_killed(void)
{
    char *preload =
        text_format("%s/tests/unit/kill_at.so", getenv("PILOT_LIBEXEC"));
    bool killed = true;
    int at;

    for (at = 1; killed && at < 200; at++) {
        char number[16];
        resource_job job;
        const char *url;
        begin();
        url = rehearse_script("q", "queue for-ever");
        pilot_submit("t/p", url, JOB_DONE);
        CU_ASSERT(rehearse_await(url, "1.rehearsal", RESOURCE_QUEUED, &job));
        snprintf(number, sizeof(number), "%d", at);
        setenv("KILL_AT", number, 1);
        setenv("LD_PRELOAD", preload, 1);
        /* A sanitizer wants to be the first that is loaded. */
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        int status = PILOT("cancel", "t/p");
        unsetenv("LD_PRELOAD");
        unsetenv("ASAN_OPTIONS");
        unsetenv("KILL_AT");
        killed = status == 128 + SIGKILL;
        CU_ASSERT(killed || status == 0);
        /* Whoever looks sees a whole record. */
        expect(PILOT("status", "t/p"), 0, "t/p", NULL);
        expect(PILOT("cancel", "t/p"), 0, NULL, "t/p is CANCELED");
        CU_ASSERT_EQUAL(state_of("t/p"), PILOT_CANCELED);
        CU_ASSERT(rehearse_await(url, "1.rehearsal", RESOURCE_CANCELED, &job));
    }
    printf("# killed at %d places\n", at - 2);
    CU_ASSERT(at > 10);
    CU_ASSERT_FALSE(killed);
    free(preload);
}

/* Two pools served one run, which nobody followed: they are one table, at the
 * rate of both.
 */
static void test_wait_tables(void)
{
    static const char *const pools[] = {"t/pool", "t/pool.2"};
    static const char *const finals[] = {
        "{\"event\": \"pool\", \"state\": \"drained\", \"began\": {\"blocks\": "
        "100, \"points\": 1000, \"bytes\": 5}, \"blocks\": {\"fetched\": 40, "
        "\"applied\": 160}, \"points\": 1600, \"first_ns\": 1000000000, "
        "\"last_ns\": 3000000000, \"bytes\": 7}",
        "{\"event\": \"pool\", \"state\": \"done\", \"began\": {\"blocks\": "
        "120, \"points\": 1200, \"bytes\": 6}, \"blocks\": {\"fetched\": 60, "
        "\"applied\": 200}, \"points\": 2000, \"first_ns\": 2000000000, "
        "\"last_ns\": 6000000000, \"bytes\": 9}"};
    const char *first;

    begin();
    for (size_t i = 0; i < N(pools); i++) {
        pilot_record r = record_of(pools[i], "local://", "1.1", PILOT_DONE);
        char *summary = text_format(
            "{\"schema\": 1, \"pipeline\": \"p\", \"state\": \"%s\", "
            "\"detail\": {\"%s\": %s}, \"errors\": []}",
            i ? "done" : "drained", strchr(pools[i], '/') + 1, finals[i]);

        snprintf(r.kind, sizeof(r.kind), "pool");
        r.started_ns = (100 + (int64_t)i) * INT64_C(1000000000);
        r.ended_ns = (110 + (int64_t)i) * INT64_C(1000000000);
        record_put(&r);
        pilot_put(pools[i], "summary.json", summary);
        free(summary);
    }
    expect(PILOT("wait", "t"), 0, "run       t, done in 11.0 s\n", NULL);
    first = strstr(content("out"), "run       t");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NULL(strstr(first + 1, "run       t"));
    UNIT_CONTAINS(content("out"), "200 applied, 0 refused");
    UNIT_CONTAINS(content("out"), "rate      20.0 blocks/s"); /* 100 in 5 s */
}

int main(void)
{
    static const unit_test tests[] = {
        {"wait, and how it ended", test_wait},
        {"wait that takes too long", test_wait_timeout},
        {"wait for a run", test_wait_run},
        {"wait without being a burden", test_wait_manners},
        {"cancel", test_cancel},
        {"cancel many", test_cancel_many},
        {"cancel: a job behind its record", test_cancel_left},
        {"cancel: on another host", test_cancel_elsewhere},
        {"cancel that fails", test_cancel_fails},
        {"cancel what was never submitted", test_cancel_cut_off},
        {"cancel what is missing", test_cancel_missing},
        {"cancel lets finish", test_cancel_drains},
        {"cancel, killed at every step", test_cancel_killed},
        {"wait: two pools of a run, one table", test_wait_tables},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("pilot cancel", tests);
    status |= rehearse_end_all();
    scratch_remove();
    return status;
}
