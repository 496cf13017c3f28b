/* test_observe.c - one question a scheduler, files of pilots, what is kept. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_resource.h"
#include "scratch.h"

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/asked.h"
#include "src/registry/observe.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static char home[300];
static text told;  /* troubles, a line each */
static text heard; /* "ID=PARTITIONS " of beats */

static void home_make(void)
{
    snprintf(home, sizeof(home), "%s/home", scratch_folder);
    file_remove_tree(home, NULL);
    fake_clear();
    text_free(&told);
    text_free(&heard);
}

static void tell(void *arg, const char *what)
{
    (void)arg;
    text_add(&told, "%s\n", what);
}

static void hear_beat(void *arg, const pilot_record *r, const json_t *o)
{
    char *list = beat_partitions(o);

    (void)arg;
    text_add(&heard, "%s=%s ", r->id, list);
    free(list);
}

static observe_conf conf_of(bool now)
{
    return (observe_conf){
        .home = home, .now = now, .trouble = tell, .heard = hear_beat};
}

/* A pilot of a minute ago, at [url]; its folder is its own in the home. */
static void create(const char *id, const char *url, const char *sched_id,
                   enum pilot_state state)
{
    pilot_record r;
    pe_error e = {0};
    size_t run = strcspn(id, "/");

    memset(&r, 0, sizeof(r));
    snprintf(r.id, sizeof(r.id), "%s", id);
    snprintf(r.run, sizeof(r.run), "%.*s", (int)run, id);
    snprintf(r.name, sizeof(r.name), "%s", id + run + 1);
    snprintf(r.resource, sizeof(r.resource), "%s", url);
    snprintf(r.sched_id, sizeof(r.sched_id), "%s", sched_id);
    snprintf(r.dir, sizeof(r.dir), "%s/%s", home, id);
    r.state = state;
    r.exit_code = -1;
    r.submitting = !*sched_id;
    r.created_ns = r.submitted_ns = clock_real_ns() - 100 * CLOCK_S;
    if (state == PILOT_NEW)
        r.submitted_ns = 0;
    if (pilot_state_is_final(state))
        r.ended_ns = clock_real_ns() - 10 * CLOCK_S;
    CU_ASSERT_EQUAL(pilot_record_create(home, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
}

/* File [name] of pilot [id]. */
static void put(const char *id, const char *name, const char *content)
{
    char *path = text_format("%s/%s/%s", home, id, name);

    CU_ASSERT_EQUAL(file_write(path, content, strlen(content), 0600, NULL), 0);
    free(path);
}

/* A beat of [age] seconds ago. */
static void beat_put(const char *id, const char *name, const char *state,
                     int age, const char *more)
{
    char *data =
        text_format("{\"schema\": 1, \"state\": \"%s\", \"time_ns\": "
                    "%lld%s}\n",
                    state, (long long)(clock_real_ns() - age * CLOCK_S), more);

    put(id, name, data);
    free(data);
}

/* Look at those that [word] means (NULL: all); "ID STATE REASON|..." */
static const char *look(const observe_conf *c, const char *word)
{
    static text out;
    pilot_record *r = NULL;
    pe_error e = {0};
    size_t n = 0;

    text_free(&out);
    text_add_bytes(&out, "", 0);
    if ((word ? pilot_records_find(home, word, &r, &n, &e)
              : pilot_records_read(home, &r, &n, NULL, &e)) < 0 ||
        observe(c, r, n, &e) < 0)
        text_add(&out, "error: %s", e.text);
    for (size_t i = 0; i < n; i++)
        text_add(&out, "%s%s %s %s", i ? "|" : "", r[i].id,
                 pilot_state_name(r[i].state), r[i].reason);
    free(r);
    return out.data;
}

static enum pilot_state on_disk(const char *id)
{
    pilot_record r;

    CU_ASSERT_EQUAL(pilot_record_read(home, id, &r, NULL), 0);
    return r.state;
}

/* --- questions --- */

/* One question a scheduler, for all that live there. */
static void test_groups(void)
{
    observe_conf c = conf_of(false);

    home_make();
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    create("a/q", "queue://two", "1", PILOT_QUEUED);
    create("b/p", "queue://one", "2", PILOT_QUEUED);
    create("b/q", "queue://one", "3", PILOT_ACTIVE);
    create("c/p", "queue://one", "4", PILOT_DONE); /* a moment ago */
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
    CU_ASSERT_EQUAL(on_disk("b/q"), PILOT_TIMEOUT);
    /* Not again within half a minute, whoever asks. */
    look(&c, NULL);
    look(&c, "b/p");
    CU_ASSERT_EQUAL(fake.describes, 2);
    CU_ASSERT_PTR_NULL(told.data);
}

/* Who asks for one asks for all: the next command need not. */
static void test_for_others(void)
{
    observe_conf c = conf_of(false);
    pilot_record r;

    home_make();
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    create("b/p", "queue://one", "2", PILOT_QUEUED);
    create("b/q", "queue://two", "3", PILOT_QUEUED);
    fake_job("1", RESOURCE_RUNNING);
    fake_job("2", RESOURCE_RUNNING);
    look(&c, "a/p");
    CU_ASSERT_EQUAL(fake.describes, 1);
    CU_ASSERT_EQUAL(fake.asked, 2);
    CU_ASSERT_EQUAL(on_disk("b/p"), PILOT_STARTING);
    CU_ASSERT_EQUAL(on_disk("b/q"), PILOT_QUEUED);
    /* How old the answer is, is known for those as well. */
    CU_ASSERT_EQUAL(pilot_record_read(home, "b/p", &r, NULL), 0);
    CU_ASSERT_EQUAL(observe(&c, &r, 1, NULL), 0);
    CU_ASSERT(clock_real_ns() - r.observed_ns < 20 * CLOCK_S);
    CU_ASSERT_EQUAL(fake.describes, 1);
}

static void test_periods(void)
{
    observe_conf c = conf_of(true);

    home_make();
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    fake_job("1", RESOURCE_QUEUED);
    look(&c, NULL);
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 2); /* on demand */
    c = conf_of(false);
    c.period_ns = 1;
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 3);
    c.period_ns = OBSERVE_NEVER_NS;
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 3);
    /* A file that is torn costs a question. */
    char *path = text_format("%s/schedulers.json", home);
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
    observe_conf c = conf_of(false);
    pilot_record r;

    home_make();
    create("a/p", "queue://one", "1", PILOT_DONE);
    create("a/q", "queue://one", "2", PILOT_QUEUED);
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/q", &r, NULL), 0);
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
    observe_conf c = conf_of(false);

    home_make();
    create("a/p", "queue://one", "1", PILOT_ACTIVE);
    create("a/q", "queue://two", "2", PILOT_QUEUED);
    beat_put("a/p", "beat.json", "ACTIVE", 1, "");
    fake_job("2", RESOURCE_RUNNING);
    fake.silent = "queue://one";
    /* Nothing changes, and the other one is asked all the same. */
    UNIT_EQUAL(look(&c, NULL), "a/p ACTIVE |a/q STARTING its job runs and has "
                               "not said hello yet");
    UNIT_EQUAL(told.data, "queue://one does not answer\n");
    text_free(&told);
    /* Not asked again at once: the clients of one that is down block. */
    look(&c, "a/p");
    UNIT_CONTAINS(told.data, "queue://one does not answer (asked 0 s ago)\n");
    CU_ASSERT_EQUAL(fake.describes, 2);
    /* The pilot's own files are read meanwhile. */
    beat_put("a/p", "exit", "DONE", 0, ", \"status\": 0");
    UNIT_EQUAL(look(&c, "a/p"), "a/p DONE ended with status 0");
}

/* The scheduler was asked [age] seconds ago. */
static void asked_put(const char *url, int age)
{
    char *path = text_format("%s/schedulers.json", home);
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
    observe_conf c = conf_of(false);

    home_make();
    create("a/p", "queue://one", "1", PILOT_ACTIVE);
    create("b/q", "queue://one", "2", PILOT_QUEUED);
    fake_job("1", RESOURCE_TIMEOUT);
    fake_job("2", RESOURCE_RUNNING);
    beat_put("a/p", "exit", "CANCELED", 0, ", \"status\": 143");
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
    create("a/s", "queue://one", "3", PILOT_ACTIVE);
    fake_job("3", RESOURCE_ENDING);
    beat_put("a/s", "exit", "FAILED", 20, ", \"status\": 137");
    asked_put("queue://one", 9);
    UNIT_CONTAINS(look(&c, "a/s"), "a/s DRAINING has ended");
    CU_ASSERT_EQUAL(fake.describes, 2);
    asked_put("queue://one", 11);
    UNIT_CONTAINS(look(&c, "a/s"), "a/s DRAINING has ended");
    CU_ASSERT_EQUAL(fake.describes, 3);
    /* What was its own doing needs no explanation. */
    beat_put("a/s", "exit", "FAILED", 1, ", \"status\": 3");
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
    observe_conf c = conf_of(false);

    home_make();
    create("a/p", "pigeon://post", "1", PILOT_QUEUED);
    create("a/q", "queue://one", "2", PILOT_QUEUED);
    fake_job("2", RESOURCE_HELD);
    UNIT_EQUAL(look(&c, NULL), "a/p QUEUED |a/q HELD ");
    UNIT_EQUAL(told.data, "'pigeon://post' is no resource\n");
}

/* --- submissions that were cut off --- */

static void test_cut_off(void)
{
    observe_conf c = conf_of(true);
    resource_job *job;
    pilot_record r;
    char *dir;
    int fd;

    home_make();
    create("a/lost", "queue://one", "", PILOT_NEW);
    create("a/there", "queue://one", "", PILOT_NEW);
    create("a/held", "queue://one", "", PILOT_NEW);
    dir = text_format("%s/a/there", home);
    job = fake_job("77", RESOURCE_QUEUED);
    job->dir = dir;
    fd = pilot_record_hold(home, "a/held", NULL);
    fake.silent = "queue://one";
    look(&c, NULL); /* it has to answer before anything is said */
    CU_ASSERT_EQUAL(on_disk("a/lost"), PILOT_NEW);
    fake.silent = NULL;
    look(&c, NULL);
    CU_ASSERT_EQUAL(on_disk("a/lost"), PILOT_FAILED);
    CU_ASSERT_EQUAL(on_disk("a/held"), PILOT_NEW);
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/there", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.state, PILOT_QUEUED);
    UNIT_EQUAL(r.sched_id, "77");
    CU_ASSERT_FALSE(r.submitting);
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/lost", &r, NULL), 0);
    UNIT_EQUAL(r.reason, "the submission was cut off before the scheduler had "
                         "it: submit again");
    close(fd);
    look(&c, NULL);
    CU_ASSERT_EQUAL(on_disk("a/held"), PILOT_FAILED);
    free(dir);
}

/* --- files of pilots --- */

static void test_files(void)
{
    observe_conf c = conf_of(false);

    home_make();
    create("a/p", "direct://", "1", PILOT_QUEUED);
    create("a/q", "direct://", "2", PILOT_QUEUED);
    create("a/s", "direct://", "3", PILOT_QUEUED);
    create("a/t", "direct://", "4", PILOT_QUEUED);
    for (int i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        fake_job(id, RESOURCE_RUNNING);
    }
    beat_put("a/p", "beat.json", "ACTIVE", 1,
             ", \"ranks\": 4, \"partitions\": [2, 0, 1]");
    beat_put("a/q", "beat.json", "ACTIVE", 9, "");
    beat_put("a/q", "exit", "FAILED", 1,
             ", \"status\": 3, \"reason\": \"no disk\"");
    put("a/s", "beat.json", "{\"schema\": 1, \"state\": \"ACT"); /* torn */
    put("a/t", "beat.json", "{\"schema\": 7}");
    UNIT_EQUAL(look(&c, NULL),
               "a/p ACTIVE |a/q FAILED no disk|a/s STARTING its job runs and "
               "has not said hello yet|a/t STARTING its job runs and has not "
               "said hello yet");
    UNIT_EQUAL(heard.data, "a/p=0-2 a/q= ");
    /* A place without a queue is asked each time, and no more is kept. */
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 2);
    char *path = text_format("%s/schedulers.json", home);
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
    free(path);
}

/* A folder that a shell would take apart. */
static int set_odd_dir(pilot_record *r, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    snprintf(r->dir, sizeof(r->dir), "%.200s/a b'\"$(touch x)`", home);
    return 0;
}

/* Another host: one command for all pilots there. */
static void test_far(void)
{
    observe_conf c = conf_of(false);

    home_make();
    create("a/p", "far://x", "1", PILOT_QUEUED);
    create("a/q", "far://x", "2", PILOT_QUEUED);
    create("a/s", "far://x", "3", PILOT_QUEUED);
    create("a/t", "far://x", "4", PILOT_QUEUED);
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "a/t", set_odd_dir, NULL, NULL, NULL), 0);
    fake_job("1", RESOURCE_RUNNING);
    fake_job("2", RESOURCE_RUNNING);
    fake_job("3", RESOURCE_RUNNING);
    fake_job("4", RESOURCE_RUNNING);
    beat_put("a/p", "beat.json", "ACTIVE", 1, "");
    beat_put("a/q", "exit", "DONE", 1, ", \"status\": 0");
    char *odd = text_format("%s/a b'\"$(touch x)`", home);
    file_mkdir(odd, NULL);
    free(odd);
    beat_put("a b'\"$(touch x)`", "beat.json", "DRAINING", 1, "");
    put("a/s", "beat.json", "no newline at its end");
    UNIT_EQUAL(look(&c, NULL),
               "a/p ACTIVE |a/q DONE ended with status 0|a/s STARTING its job "
               "runs and has not said hello yet|a/t DRAINING ");
    CU_ASSERT_EQUAL(fake.describes, 1);
    CU_ASSERT_EQUAL(fake.runs, 1);
    /* A host that does not answer is not waited for twice. */
    fake.silent = "far://x";
    c.now = true;
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.runs, 1);
}

/* More pilots than fit into one command. */
static void test_far_many(void)
{
    enum { PILOTS = 900 };
    observe_conf c = conf_of(true);
    pilot_record *r = calloc(PILOTS, sizeof(*r));
    int active = 0;

    home_make();
    for (int i = 0; i < PILOTS; i++) {
        snprintf(r[i].id, sizeof(r[i].id), "a/p%04d", i);
        snprintf(r[i].resource, sizeof(r[i].resource), "far://x");
        snprintf(r[i].sched_id, sizeof(r[i].sched_id), "%d", i);
        snprintf(r[i].dir, sizeof(r[i].dir), "%s/%0*d/p", scratch_folder, 80,
                 i);
        r[i].state = PILOT_STARTING;
        r[i].created_ns = r[i].submitted_ns = clock_real_ns();
        if (i % 100 == 0) {
            char *path = text_format("%s/beat.json", r[i].dir);
            char *data = text_format("{\"schema\": 1, \"state\": \"ACTIVE\", "
                                     "\"time_ns\": %lld}",
                                     (long long)clock_real_ns());
            file_mkdir(r[i].dir, NULL);
            file_write(path, data, strlen(data), 0600, NULL);
            free(data);
            free(path);
        }
    }
    /* They are not in the registry: only what is heard of them counts. */
    c.now = false;
    c.period_ns = OBSERVE_NEVER_NS;
    CU_ASSERT_EQUAL(observe(&c, r, PILOTS, NULL), 0);
    for (int i = 0; i < PILOTS; i++)
        active += r[i].state == PILOT_ACTIVE;
    CU_ASSERT_EQUAL(active, PILOTS / 100);
    CU_ASSERT(fake.runs > 1 && fake.runs < 5);
    free(r);
}

/* --- beats of the parameter service --- */

static int beats_asked;

static json_t *beats(void *arg, const char *run)
{
    (void)arg;
    beats_asked++;
    if (strcmp(run, "a") != 0)
        return NULL;
    return json_pack(
        "{s:{s:i, s:s, s:I, s:[i]}, s:{s:i, s:s, s:I}, s:s}", "p", "schema", 1,
        "state", "DRAINING", "time_ns", (json_int_t)clock_real_ns(),
        "partitions", 5, "q", "schema", 1, "state", "ACTIVE", "time_ns",
        (json_int_t)(clock_real_ns() - 50 * CLOCK_S), "s", "no object");
}

static void test_beats(void)
{
    observe_conf c = conf_of(false);

    home_make();
    beats_asked = 0;
    c.beats = beats;
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    create("a/q", "queue://one", "2", PILOT_QUEUED);
    create("a/s", "queue://one", "3", PILOT_QUEUED);
    create("b/p", "queue://one", "4", PILOT_QUEUED);
    create("c/p", "queue://one", "5", PILOT_DONE);
    create("d/p", "queue://one", "6", PILOT_QUEUED);
    for (int i = 1; i <= 6; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        fake_job(id, i == 5 ? RESOURCE_DONE : RESOURCE_RUNNING);
    }
    beat_put("a/p", "beat.json", "ACTIVE", 30, "");   /* older than the other */
    beat_put("a/q", "beat.json", "DRAINING", 20, ""); /* newer */
    beat_put("d/p", "beat.json", "ACTIVE", 0, "");    /* of this moment */
    UNIT_EQUAL(look(&c, NULL),
               "a/p DRAINING |a/q DRAINING |a/s STARTING its job runs and has "
               "not said hello yet|b/p STARTING its job runs and has not said "
               "hello yet|c/p DONE |d/p ACTIVE ");
    UNIT_EQUAL(heard.data, "a/p=5 a/q= d/p= ");
    CU_ASSERT_EQUAL(beats_asked, 2); /* a and b */
}

/* --- last words --- */

static void test_words(void)
{
    observe_conf c = conf_of(true);
    pilot_record r;

    home_make();
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    create("a/q", "far://x", "2", PILOT_QUEUED);
    create("a/s", "queue://one", "3", PILOT_QUEUED);
    create("a/t", "queue://one", "4", PILOT_QUEUED);
    put("a/p", "err", "one\nmodule: command not found\n\n");
    put("a/q", "err", "far away\nand \x1b[31mred\n");
    char *longest = calloc(1, 3001);
    memset(longest, 'x', 3000);
    memcpy(longest + 2900, " the end of a long line", 23);
    longest[2923] = '\0';
    put("a/s", "err", longest);
    for (int i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        fake_job(id, RESOURCE_DONE)->exit_code = 0;
    }
    look(&c, NULL);
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/p", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.state, PILOT_MISSING);
    UNIT_EQUAL(r.reason, "its job ended with status 0, but the pilot never "
                         "said hello; its last words: one module: command not "
                         "found");
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/q", &r, NULL), 0);
    UNIT_CONTAINS(r.reason, "; its last words: far away and  [31mred");
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/s", &r, NULL), 0);
    UNIT_CONTAINS(r.reason, "; its last words: the end of a long line");
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/t", &r, NULL), 0);
    CU_ASSERT_PTR_NULL(strstr(r.reason, "last words"));
    free(longest);
}

/* --- writing --- */

/* What another command has written meanwhile is kept. */
static int ask_cancel(pilot_record *r, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    r->cancel_asked = true;
    snprintf(r->successor, sizeof(r->successor), "a/p.2");
    return 0;
}

static void test_stale_copy(void)
{
    observe_conf c = conf_of(true);
    pilot_record old, r;

    home_make();
    create("a/p", "direct://", "1", PILOT_ACTIVE);
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/p", &old, NULL), 0);
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "a/p", ask_cancel, NULL, NULL, NULL), 0);
    fake_job("1", RESOURCE_FAILED)->exit_code = 1;
    c.now = false;
    c.period_ns = OBSERVE_NEVER_NS;
    CU_ASSERT_EQUAL(observe(&c, &old, 1, NULL), 0);
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/p", &r, NULL), 0);
    CU_ASSERT(r.cancel_asked);
    UNIT_EQUAL(r.successor, "a/p.2");
    CU_ASSERT_EQUAL(r.state, PILOT_CANCELED);
    /* And the caller has what is on the disk. */
    CU_ASSERT_EQUAL(memcmp(&r, &old, sizeof(r)), 0);
}

/* Beats alone are not worth a write. */
static void test_few_writes(void)
{
    observe_conf c = conf_of(false);
    struct stat before, after;
    char *path;

    home_make();
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    fake_job("1", RESOURCE_RUNNING);
    beat_put("a/p", "beat.json", "ACTIVE", 5, "");
    look(&c, NULL);
    path = text_format("%s/a/p/state.json", home);
    CU_ASSERT_EQUAL(stat(path, &before), 0);
    for (int age = 4; age > 0; age--) {
        beat_put("a/p", "beat.json", "ACTIVE", age, "");
        c.now = true;
        look(&c, NULL);
    }
    CU_ASSERT_EQUAL(stat(path, &after), 0);
    CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
    beat_put("a/p", "beat.json", "DRAINING", 0, "");
    look(&c, NULL);
    CU_ASSERT_EQUAL(stat(path, &after), 0);
    CU_ASSERT_NOT_EQUAL(before.st_ino, after.st_ino);
    free(path);
}

/* Where nothing can be written, what was learned is shown. */
static void test_read_only(void)
{
    observe_conf c = conf_of(true);
    char *folder;

    home_make();
    if (geteuid() == 0)
        return; /* permissions do not stop root */
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    fake_job("1", RESOURCE_RUNNING);
    folder = text_format("%s/a/p", home);
    chmod(folder, 0500);
    UNIT_CONTAINS(look(&c, NULL), "a/p STARTING ");
    UNIT_CONTAINS(told.data, "Permission denied");
    CU_ASSERT_EQUAL(on_disk("a/p"), PILOT_QUEUED);
    chmod(folder, 0700);
    free(folder);
}

/* A record that is removed meanwhile. */
static void test_removed(void)
{
    observe_conf c = conf_of(false);
    pilot_record r;
    char *folder;

    home_make();
    create("a/p", "direct://", "1", PILOT_QUEUED);
    CU_ASSERT_EQUAL(pilot_record_read(home, "a/p", &r, NULL), 0);
    folder = text_format("%s/a", home);
    file_remove_tree(folder, NULL);
    fake_job("1", RESOURCE_RUNNING);
    CU_ASSERT_EQUAL(observe(&c, &r, 1, NULL), 0);
    UNIT_CONTAINS(told.data, "there is no pilot a/p in ");
    free(folder);
}

/* Several commands at once: one asks, the others use what it learned. */
static void test_at_once(void)
{
    enum { COMMANDS = 6 };
    observe_conf c = conf_of(false);
    int status, questions = 0;

    home_make();
    create("a/p", "queue://one", "1", PILOT_QUEUED);
    create("a/q", "queue://one", "2", PILOT_QUEUED);
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
    observe_conf c = conf_of(true);

    home_make();
    create("a/p", "direct://", "1", PILOT_QUEUED);
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
        {"beats and exit records", test_files},
        {"pilots on another host", test_far},
        {"a thousand of them", test_far_many},
        {"beats of the parameter service", test_beats},
        {"last words", test_words},
        {"records that changed meanwhile", test_stale_copy},
        {"beats alone are not written", test_few_writes},
        {"a home that is read-only", test_read_only},
        {"a record that is gone", test_removed},
        {"several at once", test_at_once},
        {"connections are kept", test_cache},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("observe", tests);
    scratch_remove();
    text_free(&told);
    text_free(&heard);
    return status;
}
