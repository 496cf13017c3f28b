/* test_observe.c - schedulers are asked once for all, and not too often. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_resource.h"
#include "look_case.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/asked.h"
#include "src/registry/observe.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- questions --- */

/* One question a scheduler, for all that live there. */
static void test_groups(void)
{
    observe_conf c = look_conf(false);

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    look_create("a/q", "queue://two", "1", PILOT_QUEUED);
    look_create("b/p", "queue://one", "2", PILOT_QUEUED);
    look_create("b/q", "queue://one", "3", PILOT_ACTIVE);
    look_create("c/p", "queue://one", "4", PILOT_DONE); /* a moment ago */
    fake_job("1", RESOURCE_RUNNING);
    fake_job("2", RESOURCE_QUEUED);
    fake_job("3", RESOURCE_TIMEOUT);
    fake_job("4", RESOURCE_DONE);
    UNIT_EQUAL(look(&c, NULL),
               "a/p STARTING its job runs and has not said hello yet|"
               "a/q STARTING its job runs and has not said hello yet|"
               "b/p QUEUED |b/q TIMEOUT its time was over; it never said "
               "hello|c/p DONE ");
    CU_ASSERT_EQUAL(fake.describes, 2);
    CU_ASSERT_EQUAL(fake.opens, fake.closes);
    UNIT_EQUAL(fake.urls, "queue://one queue://two ");
    CU_ASSERT_EQUAL(look_state("b/q"), PILOT_TIMEOUT);
    /* Not again within half a minute, whoever asks. */
    look(&c, NULL);
    look(&c, "b/p");
    CU_ASSERT_EQUAL(fake.describes, 2);
    CU_ASSERT_PTR_NULL(look_told.data);
}

/* Who asks for one asks for all: the next command need not. */
static void test_for_others(void)
{
    observe_conf c = look_conf(false);
    pilot_record r;

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    look_create("b/p", "queue://one", "2", PILOT_QUEUED);
    look_create("b/q", "queue://two", "3", PILOT_QUEUED);
    fake_job("1", RESOURCE_RUNNING);
    fake_job("2", RESOURCE_RUNNING);
    look(&c, "a/p");
    CU_ASSERT_EQUAL(fake.describes, 1);
    CU_ASSERT_EQUAL(fake.asked, 2);
    CU_ASSERT_EQUAL(look_state("b/p"), PILOT_STARTING);
    CU_ASSERT_EQUAL(look_state("b/q"), PILOT_QUEUED);
    /* How old the answer is, is known for those as well. */
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "b/p", &r, NULL), 0);
    CU_ASSERT_EQUAL(observe(&c, &r, 1, NULL), 0);
    CU_ASSERT(clock_real_ns() - r.observed_ns < 20 * CLOCK_S);
    CU_ASSERT_EQUAL(fake.describes, 1);
}

static void test_periods(void)
{
    observe_conf c = look_conf(true);

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    fake_job("1", RESOURCE_QUEUED);
    look(&c, NULL);
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 2); /* on demand */
    c = look_conf(false);
    c.period_ns = 1;
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 3);
    c.period_ns = OBSERVE_NEVER_NS;
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 3);
    /* A file that is torn costs a question. */
    char *path = text_format("%s/schedulers.json", look_home);
    file_write(path, "{\"queue:", 8, 0600, NULL);
    c.period_ns = 0;
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 4);
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 4);
    free(path);
}

/* Nobody is asked for what is over, or was never submitted. */
static void test_nothing_to_ask(void)
{
    observe_conf c = look_conf(false);
    pilot_record r;

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_DONE);
    look_create("a/q", "queue://one", "2", PILOT_QUEUED);
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/q", &r, NULL), 0);
    r.state = PILOT_NEW;
    r.sched_id[0] = '\0';
    r.submitting = false;
    CU_ASSERT_EQUAL(observe(&c, &r, 1, NULL), 0);
    CU_ASSERT_EQUAL(fake.describes, 0);
    UNIT_EQUAL(look(&c, "a/p"), "a/p DONE ");
    CU_ASSERT_EQUAL(fake.describes, 0);
    CU_ASSERT_EQUAL(observe(&c, NULL, 0, NULL), 0);
}

/* --- no answer --- */

static void test_silent(void)
{
    observe_conf c = look_conf(false);

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_ACTIVE);
    look_create("a/q", "queue://two", "2", PILOT_QUEUED);
    look_beat("a/p", "beat.json", "ACTIVE", 1, "");
    fake_job("2", RESOURCE_RUNNING);
    fake.silent = "queue://one";
    /* Nothing changes, and the other one is asked all the same. */
    UNIT_EQUAL(look(&c, NULL), "a/p ACTIVE |a/q STARTING its job runs and has "
                               "not said hello yet");
    UNIT_EQUAL(look_told.data, "queue://one does not answer\n");
    text_free(&look_told);
    /* Not asked again at once: the clients of one that is down block. */
    look(&c, "a/p");
    UNIT_CONTAINS(look_told.data,
                  "queue://one does not answer (asked 0 s ago)\n");
    CU_ASSERT_EQUAL(fake.describes, 2);
    /* The pilot's own files are read meanwhile. */
    look_beat("a/p", "exit", "DONE", 0, ", \"status\": 0");
    UNIT_EQUAL(look(&c, "a/p"), "a/p DONE ended with status 0");
}

/* The scheduler was asked [age] seconds ago. */
static void asked_put(const char *url, int age)
{
    char *path = text_format("%s/schedulers.json", look_home);
    char *data =
        text_format("{\"%s\": {\"answered_ns\": %lld, \"tried_ns\": %lld}}",
                    url, (long long)(clock_real_ns() - age * CLOCK_S),
                    (long long)(clock_real_ns() - age * CLOCK_S));

    CU_ASSERT_EQUAL(file_write(path, data, strlen(data), 0600, NULL), 0);
    free(data);
    free(path);
}

/* Why a pilot was told to end its scheduler knows: it is asked out of turn. */
static void test_word(void)
{
    observe_conf c = look_conf(false);

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_ACTIVE);
    look_create("b/q", "queue://one", "2", PILOT_QUEUED);
    fake_job("1", RESOURCE_TIMEOUT);
    fake_job("2", RESOURCE_RUNNING);
    look_beat("a/p", "exit", "CANCELED", 0, ", \"status\": 143");
    asked_put("queue://one", 1);
    UNIT_EQUAL(look(&c, "a/p"),
               "a/p DRAINING has ended; the scheduler has not said why");
    CU_ASSERT_EQUAL(fake.describes, 0);
    asked_put("queue://one", 3);
    UNIT_EQUAL(look(&c, "a/p"), "a/p TIMEOUT its time was over; it never said "
                                "hello");
    CU_ASSERT_EQUAL(fake.describes, 1);
    CU_ASSERT_EQUAL(fake.asked, 1);
    /* That was no answer about the others. */
    asked_put("queue://one", 31);
    look(&c, "b/q");
    CU_ASSERT_EQUAL(fake.describes, 2);
    /* The longer it says nothing the less often it is asked. */
    look_create("a/s", "queue://one", "3", PILOT_ACTIVE);
    fake_job("3", RESOURCE_ENDING);
    look_beat("a/s", "exit", "FAILED", 20, ", \"status\": 137");
    asked_put("queue://one", 9);
    UNIT_CONTAINS(look(&c, "a/s"), "a/s DRAINING has ended");
    CU_ASSERT_EQUAL(fake.describes, 2);
    asked_put("queue://one", 11);
    UNIT_CONTAINS(look(&c, "a/s"), "a/s DRAINING has ended");
    CU_ASSERT_EQUAL(fake.describes, 3);
    /* What was its own doing needs no explanation. */
    look_beat("a/s", "exit", "FAILED", 1, ", \"status\": 3");
    asked_put("queue://one", 29);
    UNIT_EQUAL(look(&c, "a/s"), "a/s FAILED ended with status 3");
    CU_ASSERT_EQUAL(fake.describes, 3);
}

static void test_back_off(void)
{
    static const struct {
        int failures, age_s;
        bool queues, due;
    } table[] = {
        {0, 29, true, false},  {0, 31, true, true},    {1, 29, true, false},
        {1, 31, true, true},   {2, 59, true, false},   {2, 61, true, true},
        {4, 239, true, false}, {4, 241, true, true},   {9, 599, true, false},
        {9, 601, true, true},  {900, 601, true, true}, {0, 0, false, true},
        {1, 4, false, false},  {1, 6, false, true},    {3, 19, false, false},
        {3, 21, false, true},  {0, -10, true, true}, /* a clock that was set
                                                        back */
    };

    for (size_t i = 0; i < N(table); i++) {
        asked a = {.failures = table[i].failures,
                   .tried_ns = 1000 * CLOCK_S - table[i].age_s * CLOCK_S};
        CU_ASSERT_EQUAL(asked_is_due(&a, table[i].queues, OBSERVE_PERIOD_NS,
                                     1000 * CLOCK_S),
                        table[i].due);
    }
    asked a = {.tried_ns = 0};
    CU_ASSERT_FALSE(asked_is_due(&a, true, OBSERVE_NEVER_NS, 1000 * CLOCK_S));
    CU_ASSERT(asked_is_due(&a, false, OBSERVE_NEVER_NS, 1000 * CLOCK_S));
}

static void test_bad_url(void)
{
    observe_conf c = look_conf(false);

    look_begin();
    look_create("a/p", "pigeon://post", "1", PILOT_QUEUED);
    look_create("a/q", "queue://one", "2", PILOT_QUEUED);
    fake_job("2", RESOURCE_HELD);
    UNIT_EQUAL(look(&c, NULL), "a/p QUEUED |a/q HELD ");
    UNIT_EQUAL(look_told.data, "'pigeon://post' is no resource\n");
}

/* --- submissions that were cut off --- */

static void test_cut_off(void)
{
    observe_conf c = look_conf(true);
    resource_job *job;
    pilot_record r;
    char *dir;
    int fd;

    look_begin();
    look_create("a/lost", "queue://one", "", PILOT_NEW);
    look_create("a/there", "queue://one", "", PILOT_NEW);
    look_create("a/held", "queue://one", "", PILOT_NEW);
    dir = text_format("%s/a/there", look_home);
    job = fake_job("77", RESOURCE_QUEUED);
    job->dir = dir;
    fd = pilot_record_hold(look_home, "a/held", NULL);
    fake.silent = "queue://one";
    look(&c, NULL); /* it has to answer before anything is said */
    CU_ASSERT_EQUAL(look_state("a/lost"), PILOT_NEW);
    fake.silent = NULL;
    look(&c, NULL);
    CU_ASSERT_EQUAL(look_state("a/lost"), PILOT_FAILED);
    CU_ASSERT_EQUAL(look_state("a/held"), PILOT_NEW);
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/there", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.state, PILOT_QUEUED);
    UNIT_EQUAL(r.sched_id, "77");
    CU_ASSERT_FALSE(r.submitting);
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/lost", &r, NULL), 0);
    UNIT_EQUAL(r.reason, "the submission was cut off before the scheduler had "
                         "it: submit again");
    close(fd);
    look(&c, NULL);
    CU_ASSERT_EQUAL(look_state("a/held"), PILOT_FAILED);
    free(dir);
}

/* --- writing --- */

/* Several commands at once: one asks, the others use what it learned. */
static void test_at_once(void)
{
    enum { COMMANDS = 6 };
    observe_conf c = look_conf(false);
    int status, questions = 0;

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    look_create("a/q", "queue://one", "2", PILOT_QUEUED);
    fake_job("1", RESOURCE_RUNNING);
    fake_job("2", RESOURCE_HELD);
    for (int i = 0; i < COMMANDS; i++)
        if (fork() == 0) {
            const char *got = look(&c, NULL);
            bool good = !strcmp(got, "a/p STARTING its job runs and has not "
                                     "said hello yet|a/q HELD ");
            _exit(good ? fake.describes : 100);
        }
    for (int i = 0; i < COMMANDS; i++) {
        CU_ASSERT(wait(&status) > 0);
        CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) < 100);
        questions += WEXITSTATUS(status);
    }
    CU_ASSERT_EQUAL(questions, 1);
}

/* --- connections --- */

static void test_cache(void)
{
    observe_conf c = look_conf(true);

    look_begin();
    look_create("a/p", "direct://", "1", PILOT_QUEUED);
    fake_job("1", RESOURCE_QUEUED);
    c.cache = observe_cache_create(NULL);
    look(&c, NULL);
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.opens, 1);
    CU_ASSERT_EQUAL(fake.closes, 0);
    observe_cache_destroy(c.cache);
    CU_ASSERT_EQUAL(fake.closes, 1);
    observe_cache_destroy(NULL);
}

int main(void)
{
    static const unit_test tests[] = {
        {"one question a scheduler", test_groups},
        {"asked for others, too", test_for_others},
        {"how often", test_periods},
        {"nothing to ask", test_nothing_to_ask},
        {"a scheduler that does not answer", test_silent},
        {"the scheduler's word", test_word},
        {"back-off", test_back_off},
        {"a place that is none", test_bad_url},
        {"submissions that were cut off", test_cut_off},
        {"several at once", test_at_once},
        {"connections are kept", test_cache},
        {NULL, NULL},
    };

    return look_main("observe", tests);
}
