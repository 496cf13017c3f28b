/* test_rehearsal_edges.c - every edge of the life cycle, rehearsed. */
#include "unit.h"

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

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* A job that is seen so. */
static const struct play {
    enum resource_seen seen;
    const char *script, *job;
} plays[] = {
    {RESOURCE_ABSENT, "run\nlost-accounting", "exit 0"},
    {RESOURCE_QUEUED, "queue for-ever Resources", "exit 0"},
    {RESOURCE_HELD, "hold for-ever JobHeldUser", "exit 0"},
    {RESOURCE_STARTING, "start for-ever", "exit 0"},
    {RESOURCE_RUNNING, "run", REHEARSE_WAITS},
    {RESOURCE_SUSPENDED, "run 50ms\nsuspend for-ever", REHEARSE_WAITS},
    {RESOURCE_ENDING, "grace 1h\nrun @ready\ntimeout", REHEARSE_DEAF},
    {RESOURCE_DONE, "run", "exit 0"},
    {RESOURCE_FAILED, "run", "exit 1"},
    {RESOURCE_CANCELED, "queue 10ms\ncancel", "exit 0"},
    {RESOURCE_TIMEOUT, "run 100ms\ntimeout", REHEARSE_WAITS},
    {RESOURCE_PREEMPTED, "run 100ms\npreempt", REHEARSE_WAITS},
    {RESOURCE_NODE_LOST, "run 100ms\nnode-loss", REHEARSE_WAITS},
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
    CU_ASSERT_EQUAL(rehearse_submit(url, "play/p", REHEARSE_WAITS, id, NULL),
                    0);
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
    CU_ASSERT_EQUAL(rehearse_submit(runs, "play/p", REHEARSE_WAITS, id, NULL),
                    0);
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
        {"edges: what schedulers say", test_edges_seen},
        {"edges: what pilots say", test_edges_said},
        {"edges: clocks and submissions", test_edges_clocks},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("rehearsal: edges", tests);
    status |= rehearse_end_all();
    scratch_remove();
    return status;
}
