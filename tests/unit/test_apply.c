/* test_apply.c - what schedulers and pilots say, put together. */
#include "unit.h"

#include <stdio.h>

#include "apply_case.h"
#include "src/common/clock.h"
#include "src/registry/observe.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- one thing is said --- */

/* "" leaves the reason of before, NULL is not looked at. */
static const struct said {
    const char *name;
    enum pilot_state state;
    int seen; /* -1: nobody answered */
    const char *prose, *reason;
    const char *beat; /* state of a beat of 2 s ago; NULL: none */
    const char *end;  /* state of an exit record of 1 s ago; NULL: none */
    int status;       /* in that */
    enum pilot_state want;
    const char *why;
} said[] = {
    {"nothing", PILOT_QUEUED, -1, "", "", NULL, NULL, 0, PILOT_QUEUED, ""},
    /* the queue */
    {"accepted", PILOT_NEW, RESOURCE_QUEUED, "waits for nodes", "Resources",
     NULL, NULL, 0, PILOT_QUEUED, "waits for nodes"},
    {"only its word", PILOT_QUEUED, RESOURCE_QUEUED, "", "Priority", NULL, NULL,
     0, PILOT_QUEUED, "Priority"},
    {"held", PILOT_QUEUED, RESOURCE_HELD, "held by the user", "", NULL, NULL, 0,
     PILOT_HELD, "held by the user"},
    {"released", PILOT_HELD, RESOURCE_QUEUED, "", "None", NULL, NULL, 0,
     PILOT_QUEUED, "None"},
    /* the job runs */
    {"runs", PILOT_QUEUED, RESOURCE_RUNNING, "", "", NULL, NULL, 0,
     PILOT_STARTING, "its job runs and has not said hello yet"},
    {"boots", PILOT_QUEUED, RESOURCE_STARTING, "nodes are booted", "", NULL,
     NULL, 0, PILOT_STARTING, "nodes are booted"},
    {"supervisor is up", PILOT_QUEUED, -1, "", "", "STARTING", NULL, 0,
     PILOT_STARTING, "its job runs and has not said hello yet"},
    {"said hello", PILOT_STARTING, RESOURCE_RUNNING, "", "", "ACTIVE", NULL, 0,
     PILOT_ACTIVE, NULL},
    {"hello before the scheduler", PILOT_QUEUED, RESOURCE_QUEUED, "waits", "",
     "ACTIVE", NULL, 0, PILOT_ACTIVE, NULL},
    {"hello before the answer to submit", PILOT_NEW, -1, "", "", "ACTIVE", NULL,
     0, PILOT_ACTIVE, NULL},
    {"drains", PILOT_ACTIVE, RESOURCE_RUNNING, "", "", "DRAINING", NULL, 0,
     PILOT_DRAINING, NULL},
    {"a late hello does not undo that", PILOT_DRAINING, RESOURCE_RUNNING, "",
     "", "ACTIVE", NULL, 0, PILOT_DRAINING, NULL},
    {"is being ended", PILOT_ACTIVE, RESOURCE_ENDING, "", "", NULL, NULL, 0,
     PILOT_DRAINING, "its processes are being ended"},
    {"suspended", PILOT_ACTIVE, RESOURCE_SUSPENDED, "for another job", "", NULL,
     NULL, 0, PILOT_ACTIVE, "suspended: for another job"},
    {"suspended, in the scheduler's words", PILOT_ACTIVE, RESOURCE_SUSPENDED,
     "suspended, to make room", "", NULL, NULL, 0, PILOT_ACTIVE,
     "suspended, to make room"},
    {"suspended before hello", PILOT_STARTING, RESOURCE_SUSPENDED, "", "", NULL,
     NULL, 0, PILOT_STARTING, "suspended"},
    {"suspended, not seen running", PILOT_QUEUED, RESOURCE_SUSPENDED, "", "",
     NULL, NULL, 0, PILOT_STARTING, "suspended"},
    {"a word nobody knows", PILOT_ACTIVE, RESOURCE_UNKNOWN, "odd", "Odd", NULL,
     NULL, 0, PILOT_ACTIVE, ""},
    /* the end, by the exit record */
    {"done", PILOT_ACTIVE, -1, "", "", NULL, "DONE", 0, PILOT_DONE,
     "ended with status 0"},
    {"done, the scheduler still sees it", PILOT_ACTIVE, RESOURCE_RUNNING, "",
     "", "ACTIVE", "DONE", 0, PILOT_DONE, "ended with status 0"},
    {"it says done with a status", PILOT_ACTIVE, -1, "", "", NULL, "DONE", 3,
     PILOT_FAILED, "ended with status 3"},
    {"failed", PILOT_ACTIVE, -1, "", "", NULL, "FAILED", 3, PILOT_FAILED,
     "ended with status 3"},
    {"was told to end", PILOT_ACTIVE, -1, "", "", NULL, "FAILED", 143,
     PILOT_DRAINING, "has ended; the scheduler has not said why"},
    {"was told to end, still there", PILOT_ACTIVE, RESOURCE_ENDING, "", "",
     "ACTIVE", "CANCELED", 0, PILOT_DRAINING,
     "has ended; the scheduler has not said why"},
    {"was told to end, absent", PILOT_ACTIVE, RESOURCE_ABSENT, "", "", NULL,
     "CANCELED", 143, PILOT_CANCELED, "canceled"},
    {"was told to end and queued again", PILOT_ACTIVE, RESOURCE_QUEUED,
     "requeued", "", "ACTIVE", "CANCELED", 143, PILOT_QUEUED, "requeued"},
    {"killed by itself", PILOT_ACTIVE, RESOURCE_FAILED, "", "", NULL, "FAILED",
     137, PILOT_FAILED, "ended with status 137"},
    {"canceled", PILOT_ACTIVE, RESOURCE_FAILED, "", "", NULL, "CANCELED", 143,
     PILOT_CANCELED, "canceled"},
    {"done, absent", PILOT_ACTIVE, RESOURCE_ABSENT, "", "", NULL, "DONE", 0,
     PILOT_DONE, "ended with status 0"},
    {"done, never seen up", PILOT_QUEUED, RESOURCE_ABSENT, "", "", NULL, "DONE",
     0, PILOT_DONE, "ended with status 0"},
    {"the last beat is as good", PILOT_ACTIVE, RESOURCE_ABSENT, "", "", "DONE",
     NULL, 0, PILOT_DONE, "ended"},
    /* the end, by the scheduler */
    {"walltime", PILOT_ACTIVE, RESOURCE_TIMEOUT, "", "", NULL, NULL, 0,
     PILOT_TIMEOUT, "its time was over"},
    {"walltime, and the record of TERM", PILOT_ACTIVE, RESOURCE_TIMEOUT, "", "",
     NULL, "FAILED", 143, PILOT_TIMEOUT, "its time was over"},
    {"walltime, but done in time", PILOT_ACTIVE, RESOURCE_TIMEOUT, "", "", NULL,
     "DONE", 0, PILOT_DONE, NULL},
    {"walltime without a hello", PILOT_STARTING, RESOURCE_TIMEOUT, "", "", NULL,
     NULL, 0, PILOT_TIMEOUT, "its time was over; it never said hello"},
    {"preempted", PILOT_ACTIVE, RESOURCE_PREEMPTED, "", "", NULL, NULL, 0,
     PILOT_PREEMPTED, "preempted: its nodes went to another job"},
    {"node lost", PILOT_ACTIVE, RESOURCE_NODE_LOST, "node n3 went down", "",
     NULL, NULL, 0, PILOT_FAILED, "node n3 went down"},
    {"node lost, no words", PILOT_ACTIVE, RESOURCE_NODE_LOST, "", "", NULL,
     NULL, 0, PILOT_FAILED, "a node of it was lost"},
    {"failed by its account", PILOT_ACTIVE, RESOURCE_FAILED, "", "", NULL, NULL,
     0, PILOT_FAILED, "its job ended, says the scheduler"},
    {"canceled in the queue", PILOT_QUEUED, RESOURCE_CANCELED, "", "", NULL,
     NULL, 0, PILOT_CANCELED, "canceled"},
    {"status 0, and it was up", PILOT_ACTIVE, RESOURCE_DONE, "", "", NULL, NULL,
     0, PILOT_DONE, "its job ended, says the scheduler"},
    {"status 0 without a hello", PILOT_STARTING, RESOURCE_DONE,
     "its job ended with status 0", "", NULL, NULL, 0, PILOT_MISSING,
     "its job ended with status 0, but the pilot never said hello"},
    {"status 0, hello not yet seen", PILOT_STARTING, RESOURCE_DONE, "", "",
     "ACTIVE", NULL, 0, PILOT_DONE, NULL},
    /* absent */
    {"absent, but it lives", PILOT_ACTIVE, RESOURCE_ABSENT, "", "", "ACTIVE",
     NULL, 0, PILOT_ACTIVE, "the scheduler does not know its job any more"},
    {"vanished", PILOT_ACTIVE, RESOURCE_ABSENT, "", "", NULL, NULL, 0,
     PILOT_MISSING,
     "vanished: the scheduler does not know it any more, the last sign of "
     "life is 200 s old, and it left no exit record"},
    {"vanished from the queue", PILOT_QUEUED, RESOURCE_ABSENT, "", "", NULL,
     NULL, 0, PILOT_MISSING,
     "vanished: the scheduler does not know it any more, and it never said "
     "hello"},
    {"cut off", PILOT_NEW, RESOURCE_ABSENT, "", "", NULL, NULL, 0, PILOT_FAILED,
     "the submission was cut off before the scheduler had it: submit again"},
    /* over, and heard of again */
    {"queued by hand after its end", PILOT_DONE, RESOURCE_QUEUED, "waits", "",
     NULL, NULL, 0, PILOT_QUEUED, "waits"},
    {"over, seen running", PILOT_DONE, RESOURCE_RUNNING, "", "", NULL, NULL, 0,
     PILOT_DONE, ""},
    {"missing, and says hello", PILOT_MISSING, RESOURCE_RUNNING, "", "",
     "ACTIVE", NULL, 0, PILOT_ACTIVE, NULL},
    {"missing, and a record", PILOT_MISSING, -1, "", "", NULL, "FAILED", 9,
     PILOT_FAILED, "ended with status 9"},
    {"failed, and it was the walltime", PILOT_FAILED, RESOURCE_TIMEOUT, "", "",
     NULL, NULL, 0, PILOT_TIMEOUT, "its time was over"},
};

static void test_said(void)
{
    for (size_t i = 0; i < N(said); i++) {
        const struct said *t = &said[i];
        pilot_record r = case_record(t->state);
        resource_job j = case_job(t->seen < 0 ? RESOURCE_ABSENT
                                              : (enum resource_seen)t->seen);
        beat b = case_beat(t->beat ? t->beat : "", AGO(2));
        beat end = case_beat(t->end ? t->end : "", AGO(1));
        snprintf(j.prose, sizeof(j.prose), "%s", t->prose);
        snprintf(j.reason, sizeof(j.reason), "%s", t->reason);
        if (t->state == PILOT_NEW)
            j.id[0] = '\0';
        if (t->state == PILOT_NEW && t->seen == RESOURCE_QUEUED)
            snprintf(j.id, sizeof(j.id), "17");
        end.status = t->status;
        observe_apply(&r, t->seen < 0 ? NULL : &j, t->beat ? &b : NULL,
                      t->end ? &end : NULL, NOW);
        if (r.state != t->want)
            printf("# %s: %s\n", t->name, pilot_state_name(r.state));
        CU_ASSERT_EQUAL(r.state, t->want);
        if (t->why)
            UNIT_EQUAL(r.reason, *t->why ? t->why : "as before");
        CU_ASSERT_EQUAL(r.ended_ns > 0, pilot_state_is_final(r.state));
        /* Said again, it is no news. */
        CU_ASSERT_FALSE(observe_apply(&r, t->seen < 0 ? NULL : &j,
                                      t->beat ? &b : NULL, t->end ? &end : NULL,
                                      NOW));
    }
}

/* What the scheduler does not explain within a minute is as it looks. */
static void test_word(void)
{
    pilot_record r = case_record(PILOT_ACTIVE);
    resource_job j = case_job(RESOURCE_ENDING);
    beat end = case_beat("CANCELED", AGO(59));

    end.status = 143;
    snprintf(end.reason, sizeof(end.reason), "told to end");
    observe_apply(&r, &j, NULL, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_DRAINING);
    UNIT_EQUAL(r.reason,
               "has ended: told to end; the scheduler has not said why");
    observe_apply(&r, &j, NULL, &end, NOW + 2 * CLOCK_S);
    CU_ASSERT_EQUAL(r.state, PILOT_CANCELED);
    UNIT_EQUAL(r.reason, "told to end");
    /* Where there is no scheduler, nobody else knows. */
    r = case_record(PILOT_ACTIVE);
    snprintf(r.resource, sizeof(r.resource), "ssh://pi@x");
    observe_apply(&r, NULL, NULL, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_CANCELED);
    /* We told it ourselves. */
    r = case_record(PILOT_ACTIVE);
    r.cancel_asked = true;
    observe_apply(&r, NULL, NULL, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_CANCELED);
    /* Its time was over, as it turns out. */
    r = case_record(PILOT_ACTIVE);
    observe_apply(&r, NULL, NULL, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_DRAINING);
    j.seen = RESOURCE_TIMEOUT;
    observe_apply(&r, &j, NULL, &end, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_TIMEOUT);
    CU_ASSERT_EQUAL(r.exit_code, 143);
}

/* --- facts --- */

static void test_facts(void)
{
    pilot_record r = case_record(PILOT_QUEUED);
    resource_job j = case_job(RESOURCE_RUNNING);
    beat b = case_beat("ACTIVE", AGO(3));

    snprintf(j.native, sizeof(j.native), "RUNNING");
    j.start_ns = AGO(50);
    j.end_ns = NOW + 600 * CLOCK_S;
    j.nodes = 2;
    CU_ASSERT(observe_apply(&r, &j, NULL, NULL, NOW));
    UNIT_EQUAL(r.native, "RUNNING");
    CU_ASSERT_EQUAL(r.started_ns, AGO(50));
    CU_ASSERT_EQUAL(r.limit_ns, NOW + 600 * CLOCK_S);
    CU_ASSERT_EQUAL(r.nodes, 2);
    CU_ASSERT_EQUAL(r.observed_ns, NOW);
    snprintf(b.host, sizeof(b.host), "n3");
    snprintf(b.endpoint, sizeof(b.endpoint), "n3:9092");
    snprintf(b.reason, sizeof(b.reason), "waits for blocks");
    b.ranks = 8;
    b.limit_ns = NOW + 500 * CLOCK_S; /* its own clock is the better one */
    CU_ASSERT(observe_apply(&r, &j, &b, NULL, NOW));
    UNIT_EQUAL(r.host, "n3");
    UNIT_EQUAL(r.endpoint, "n3:9092");
    UNIT_EQUAL(r.reason, "waits for blocks");
    CU_ASSERT_EQUAL(r.ranks, 8);
    CU_ASSERT_EQUAL(r.limit_ns, NOW + 500 * CLOCK_S);
    CU_ASSERT_EQUAL(r.active_ns, AGO(3));
    CU_ASSERT_EQUAL(r.seen_ns, AGO(3));
}

/* Times a scheduler guesses for a job in the queue are no facts. */
static void test_guesses(void)
{
    pilot_record r = case_record(PILOT_QUEUED);
    resource_job j = case_job(RESOURCE_QUEUED);

    j.start_ns = NOW + 3600 * CLOCK_S;
    j.end_ns = NOW + 7200 * CLOCK_S;
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.started_ns, 0);
    CU_ASSERT_EQUAL(r.limit_ns, 0);
}

static void test_adopted(void)
{
    pilot_record r = case_record(PILOT_NEW);
    resource_job j = case_job(RESOURCE_QUEUED);
    beat b = case_beat("ACTIVE", AGO(1));

    snprintf(j.id, sizeof(j.id), "4711");
    j.submit_ns = AGO(990);
    observe_apply(&r, &j, NULL, NULL, NOW);
    UNIT_EQUAL(r.sched_id, "4711");
    CU_ASSERT_EQUAL(r.submitted_ns, AGO(990));
    CU_ASSERT_FALSE(r.submitting);
    CU_ASSERT_EQUAL(r.state, PILOT_QUEUED);
    /* By its own hello. */
    r = case_record(PILOT_NEW);
    snprintf(b.sched_id, sizeof(b.sched_id), "4712");
    observe_apply(&r, NULL, &b, NULL, NOW);
    UNIT_EQUAL(r.sched_id, "4712");
    CU_ASSERT_FALSE(r.submitting);
    CU_ASSERT_EQUAL(r.state, PILOT_ACTIVE);
    /* An answer that comes late. */
    r = case_record(PILOT_FAILED);
    r.sched_id[0] = '\0';
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_QUEUED);
    UNIT_EQUAL(r.sched_id, "4711");
}

static void test_never(void)
{
    pilot_record r = case_record(PILOT_QUEUED);
    resource_job j = case_job(RESOURCE_QUEUED);

    snprintf(j.prose, sizeof(j.prose), "it wants 9 nodes and there are 3");
    j.never = true;
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT(r.never);
    UNIT_EQUAL(r.reason, "as it is asked for it will never run: it wants 9 "
                         "nodes and there are 3");
    j.never = false;
    snprintf(j.prose, sizeof(j.prose), "waits");
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_FALSE(r.never);
    UNIT_EQUAL(r.reason, "waits");
}

static void test_exit_code(void)
{
    static const struct {
        int exit_code, signal;
        const char *why;
    } table[] = {
        {3, 0, "its job ended with status 3"},
        {-1, 9, "its job was killed by signal 9"},
        {137, 9, "its job was killed by signal 9"},
        {-1, -1, "its job ended, says the scheduler"},
    };

    for (size_t i = 0; i < N(table); i++) {
        pilot_record r = case_record(PILOT_ACTIVE);
        resource_job j = case_job(RESOURCE_FAILED);
        j.exit_code = table[i].exit_code;
        j.signal = table[i].signal;
        j.end_ns = AGO(7);
        observe_apply(&r, &j, NULL, NULL, NOW);
        UNIT_EQUAL(r.reason, table[i].why);
        CU_ASSERT_EQUAL(r.exit_code, table[i].exit_code);
        CU_ASSERT_EQUAL(r.ended_ns, AGO(7));
    }
}

/* An end that was asked for. */
static void test_cancel_asked(void)
{
    static const struct {
        enum pilot_state state;
        int seen;
        const char *end;
        enum pilot_state want;
        const char *why;
    } table[] = {
        {PILOT_ACTIVE, RESOURCE_FAILED, NULL, PILOT_CANCELED, NULL},
        {PILOT_ACTIVE, RESOURCE_ABSENT, NULL, PILOT_CANCELED, "canceled"},
        {PILOT_QUEUED, RESOURCE_ABSENT, NULL, PILOT_CANCELED, "canceled"},
        {PILOT_ACTIVE, RESOURCE_TIMEOUT, NULL, PILOT_CANCELED, NULL},
        {PILOT_ACTIVE, -1, "FAILED", PILOT_CANCELED, NULL},
        {PILOT_ACTIVE, -1, "DONE", PILOT_DONE, NULL},
        {PILOT_STARTING, RESOURCE_DONE, NULL, PILOT_CANCELED, NULL},
        {PILOT_NEW, RESOURCE_ABSENT, NULL, PILOT_CANCELED,
         "canceled before the scheduler had it"},
        {PILOT_ACTIVE, RESOURCE_PREEMPTED, NULL, PILOT_PREEMPTED, NULL},
    };

    for (size_t i = 0; i < N(table); i++) {
        pilot_record r = case_record(table[i].state);
        resource_job j = case_job((enum resource_seen)table[i].seen);
        beat end = case_beat(table[i].end ? table[i].end : "", AGO(1));
        r.cancel_asked = true;
        if (table[i].state == PILOT_NEW)
            j.id[0] = '\0';
        observe_apply(&r, table[i].seen < 0 ? NULL : &j, NULL,
                      table[i].end ? &end : NULL, NOW);
        CU_ASSERT_EQUAL(r.state, table[i].want);
        if (table[i].why)
            UNIT_EQUAL(r.reason, table[i].why);
    }
}

/* --- clocks --- */

static void test_hello_late(void)
{
    pilot_record r = case_record(PILOT_STARTING);
    resource_job j = case_job(RESOURCE_RUNNING);
    beat b = case_beat("ACTIVE", AGO(0));

    j.start_ns = r.started_ns = AGO(60);
    r.hello_timeout_s = 61;
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_STARTING);
    r.hello_timeout_s = 0; /* none */
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_STARTING);
    r.hello_timeout_s = 59;
    observe_apply(&r, NULL, NULL, NULL, NOW); /* nobody knows it runs */
    CU_ASSERT_EQUAL(r.state, PILOT_STARTING);
    j.seen = RESOURCE_SUSPENDED;
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_STARTING);
    j.seen = RESOURCE_RUNNING;
    observe_apply(&r, &j, &b, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_ACTIVE); /* in the last moment */
    r = case_record(PILOT_STARTING);
    r.hello_timeout_s = 59;
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_MISSING);
    UNIT_EQUAL(r.reason, "its job runs, but the pilot did not say hello within "
                         "59 s; end it with 'pilot cancel run/pool'");
    CU_ASSERT_EQUAL(r.ended_ns, NOW);
}

static void test_silence(void)
{
    static const struct {
        const char *url;
        int age;
        enum pilot_state want;
        bool canceled;
    } table[] = {
        {"slurm://", 59, PILOT_ACTIVE, false},
        {"slurm://", 61, PILOT_MISSING, false},
        {"local://", 9, PILOT_ACTIVE, false},
        {"local://", 11, PILOT_MISSING, false},
        {"ssh://pi@x", 11, PILOT_MISSING, false},
        {"pbs://", 14, PILOT_ACTIVE, true},
        {"pbs://", 16, PILOT_CANCELED, true},
    };

    for (size_t i = 0; i < N(table); i++) {
        pilot_record r = case_record(PILOT_ACTIVE);
        resource_job j = case_job(RESOURCE_ABSENT);
        beat b = case_beat("ACTIVE", AGO(table[i].age));
        snprintf(r.resource, sizeof(r.resource), "%s", table[i].url);
        r.cancel_asked = table[i].canceled;
        observe_apply(&r, &j, &b, NULL, NOW);
        CU_ASSERT_EQUAL(r.state, table[i].want);
    }
}

/* A submission is given half a minute, and one by somebody who only said so
 * any time.
 */
static void test_cut_off(void)
{
    pilot_record r = case_record(PILOT_NEW);
    resource_job j = case_job(RESOURCE_ABSENT);

    j.id[0] = '\0';
    r.created_ns = AGO(29);
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_NEW);
    UNIT_EQUAL(r.reason, "its submission is under way");
    r.created_ns = AGO(31);
    r.submitting = false;
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_NEW);
    r.submitting = true;
    observe_apply(&r, NULL, NULL, NULL, NOW); /* nobody answered */
    CU_ASSERT_EQUAL(r.state, PILOT_NEW);
    observe_apply(&r, &j, NULL, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_FAILED);
    CU_ASSERT_FALSE(r.submitting);
}

/* Clocks of pilots that are wrong. */
static void test_wrong_clock(void)
{
    pilot_record r = case_record(PILOT_ACTIVE);
    resource_job j = case_job(RESOURCE_ABSENT);
    beat b = case_beat("ACTIVE", NOW + 86400 * CLOCK_S); /* a day ahead */

    observe_apply(&r, &j, &b, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_ACTIVE);
    CU_ASSERT_EQUAL(r.seen_ns, NOW);
    /* The same beat again, long after: it is silent all the same. */
    observe_apply(&r, &j, &b, NULL, NOW + 100 * CLOCK_S);
    CU_ASSERT_EQUAL(r.seen_ns, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_MISSING);
    /* Another one is news, though its clock is a day behind. */
    r = case_record(PILOT_ACTIVE);
    r.beat_ns = AGO(86402);
    b.time_ns = AGO(86400);
    j = case_job(RESOURCE_RUNNING);
    observe_apply(&r, &j, &b, NULL, NOW);
    CU_ASSERT_EQUAL(r.state, PILOT_ACTIVE);
}

int main(void)
{
    static const unit_test tests[] = {
        {"one thing is said", test_said},
        {"the scheduler's word is waited for", test_word},
        {"facts", test_facts},
        {"guesses of schedulers", test_guesses},
        {"submissions that were cut off are adopted", test_adopted},
        {"what will never run", test_never},
        {"exit codes and signals", test_exit_code},
        {"an end that was asked for", test_cancel_asked},
        {"hello time-out", test_hello_late},
        {"silence", test_silence},
        {"submissions that were cut off", test_cut_off},
        {"clocks that are wrong", test_wrong_clock},
        {NULL, NULL},
    };

    return unit_main("apply", tests);
}
