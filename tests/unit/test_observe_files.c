/* test_observe_files.c - files of pilots, beats, last words, what is kept. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_resource.h"
#include "look_case.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/asked.h"
#include "src/registry/observe.h"

/* --- files of pilots --- */

static void test_files(void)
{
    observe_conf c = look_conf(false);

    look_begin();
    look_create("a/p", "direct://", "1", PILOT_QUEUED);
    look_create("a/q", "direct://", "2", PILOT_QUEUED);
    look_create("a/s", "direct://", "3", PILOT_QUEUED);
    look_create("a/t", "direct://", "4", PILOT_QUEUED);
    for (int i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        fake_job(id, RESOURCE_RUNNING);
    }
    look_beat("a/p", "beat.json", "ACTIVE", 1,
              ", \"ranks\": 4, \"partitions\": [2, 0, 1]");
    look_beat("a/q", "beat.json", "ACTIVE", 9, "");
    look_beat("a/q", "exit", "FAILED", 1,
              ", \"status\": 3, \"reason\": \"no disk\"");
    look_put("a/s", "beat.json", "{\"schema\": 1, \"state\": \"ACT"); /* torn */
    look_put("a/t", "beat.json", "{\"schema\": 7}");
    UNIT_EQUAL(look(&c, NULL),
               "a/p ACTIVE |a/q FAILED no disk|a/s STARTING its job runs and "
               "has not said hello yet|a/t STARTING its job runs and has not "
               "said hello yet");
    UNIT_EQUAL(look_heard.data, "a/p=0-2 a/q= ");
    /* A place without a queue is asked each time, and no more is kept. */
    look(&c, NULL);
    CU_ASSERT_EQUAL(fake.describes, 2);
    char *path = text_format("%s/schedulers.json", look_home);
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
    free(path);
}

/* A folder that a shell would take apart. */
static int set_odd_dir(pilot_record *r, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    snprintf(r->dir, sizeof(r->dir), "%.200s/a b'\"$(touch x)`", look_home);
    return 0;
}

/* Another host: one command for all pilots there. */
static void test_far(void)
{
    observe_conf c = look_conf(false);

    look_begin();
    look_create("a/p", "far://x", "1", PILOT_QUEUED);
    look_create("a/q", "far://x", "2", PILOT_QUEUED);
    look_create("a/s", "far://x", "3", PILOT_QUEUED);
    look_create("a/t", "far://x", "4", PILOT_QUEUED);
    CU_ASSERT_EQUAL(
        pilot_record_change(look_home, "a/t", set_odd_dir, NULL, NULL, NULL),
        0);
    fake_job("1", RESOURCE_RUNNING);
    fake_job("2", RESOURCE_RUNNING);
    fake_job("3", RESOURCE_RUNNING);
    fake_job("4", RESOURCE_RUNNING);
    look_beat("a/p", "beat.json", "ACTIVE", 1, "");
    look_beat("a/q", "exit", "DONE", 1, ", \"status\": 0");
    char *odd = text_format("%s/a b'\"$(touch x)`", look_home);
    file_mkdir(odd, NULL);
    free(odd);
    look_beat("a b'\"$(touch x)`", "beat.json", "DRAINING", 1, "");
    look_put("a/s", "beat.json", "no newline at its end");
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
    observe_conf c = look_conf(true);
    pilot_record *r = calloc(PILOTS, sizeof(*r));
    int active = 0;

    look_begin();
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
    observe_conf c = look_conf(false);

    look_begin();
    beats_asked = 0;
    c.beats = beats;
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    look_create("a/q", "queue://one", "2", PILOT_QUEUED);
    look_create("a/s", "queue://one", "3", PILOT_QUEUED);
    look_create("b/p", "queue://one", "4", PILOT_QUEUED);
    look_create("c/p", "queue://one", "5", PILOT_DONE);
    look_create("d/p", "queue://one", "6", PILOT_QUEUED);
    for (int i = 1; i <= 6; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        fake_job(id, i == 5 ? RESOURCE_DONE : RESOURCE_RUNNING);
    }
    look_beat("a/p", "beat.json", "ACTIVE", 30, ""); /* older than the other */
    look_beat("a/q", "beat.json", "DRAINING", 20, ""); /* newer */
    look_beat("d/p", "beat.json", "ACTIVE", 0, "");    /* of this moment */
    UNIT_EQUAL(look(&c, NULL),
               "a/p DRAINING |a/q DRAINING |a/s STARTING its job runs and has "
               "not said hello yet|b/p STARTING its job runs and has not said "
               "hello yet|c/p DONE |d/p ACTIVE ");
    UNIT_EQUAL(look_heard.data, "a/p=5 a/q= d/p= ");
    CU_ASSERT_EQUAL(beats_asked, 2); /* a and b */
}

/* --- last words --- */

static void test_words(void)
{
    observe_conf c = look_conf(true);
    pilot_record r;

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    look_create("a/q", "far://x", "2", PILOT_QUEUED);
    look_create("a/s", "queue://one", "3", PILOT_QUEUED);
    look_create("a/t", "queue://one", "4", PILOT_QUEUED);
    look_put("a/p", "err", "one\nmodule: command not found\n\n");
    look_put("a/q", "err", "far away\nand \x1b[31mred\n");
    char *longest = calloc(1, 3001);
    memset(longest, 'x', 3000);
    memcpy(longest + 2900, " the end of a long line", 23);
    longest[2923] = '\0';
    look_put("a/s", "err", longest);
    for (int i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i);
        fake_job(id, RESOURCE_DONE)->exit_code = 0;
    }
    look(&c, NULL);
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/p", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.state, PILOT_MISSING);
    UNIT_EQUAL(r.reason, "its job ended with status 0, but the pilot never "
                         "said hello; its last words: one module: command not "
                         "found");
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/q", &r, NULL), 0);
    UNIT_CONTAINS(r.reason, "; its last words: far away and  [31mred");
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/s", &r, NULL), 0);
    UNIT_CONTAINS(r.reason, "; its last words: the end of a long line");
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/t", &r, NULL), 0);
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
    observe_conf c = look_conf(true);
    pilot_record old, r;

    look_begin();
    look_create("a/p", "direct://", "1", PILOT_ACTIVE);
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/p", &old, NULL), 0);
    CU_ASSERT_EQUAL(
        pilot_record_change(look_home, "a/p", ask_cancel, NULL, NULL, NULL), 0);
    fake_job("1", RESOURCE_FAILED)->exit_code = 1;
    c.now = false;
    c.period_ns = OBSERVE_NEVER_NS;
    CU_ASSERT_EQUAL(observe(&c, &old, 1, NULL), 0);
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/p", &r, NULL), 0);
    CU_ASSERT(r.cancel_asked);
    UNIT_EQUAL(r.successor, "a/p.2");
    CU_ASSERT_EQUAL(r.state, PILOT_CANCELED);
    /* And the caller has what is on the disk. */
    CU_ASSERT_EQUAL(memcmp(&r, &old, sizeof(r)), 0);
}

/* Beats alone are not worth a write. */
static void test_few_writes(void)
{
    observe_conf c = look_conf(false);
    struct stat before, after;
    char *path;

    look_begin();
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    fake_job("1", RESOURCE_RUNNING);
    look_beat("a/p", "beat.json", "ACTIVE", 5, "");
    look(&c, NULL);
    path = text_format("%s/a/p/state.json", look_home);
    CU_ASSERT_EQUAL(stat(path, &before), 0);
    for (int age = 4; age > 0; age--) {
        look_beat("a/p", "beat.json", "ACTIVE", age, "");
        c.now = true;
        look(&c, NULL);
    }
    CU_ASSERT_EQUAL(stat(path, &after), 0);
    CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
    look_beat("a/p", "beat.json", "DRAINING", 0, "");
    look(&c, NULL);
    CU_ASSERT_EQUAL(stat(path, &after), 0);
    CU_ASSERT_NOT_EQUAL(before.st_ino, after.st_ino);
    free(path);
}

/* Where nothing can be written, what was learned is shown. */
static void test_read_only(void)
{
    observe_conf c = look_conf(true);
    char *folder;

    look_begin();
    if (geteuid() == 0)
        return; /* permissions do not stop root */
    look_create("a/p", "queue://one", "1", PILOT_QUEUED);
    fake_job("1", RESOURCE_RUNNING);
    folder = text_format("%s/a/p", look_home);
    chmod(folder, 0500);
    UNIT_CONTAINS(look(&c, NULL), "a/p STARTING ");
    UNIT_CONTAINS(look_told.data, "Permission denied");
    CU_ASSERT_EQUAL(look_state("a/p"), PILOT_QUEUED);
    chmod(folder, 0700);
    free(folder);
}

/* A record that is removed meanwhile. */
static void test_removed(void)
{
    observe_conf c = look_conf(false);
    pilot_record r;
    char *folder;

    look_begin();
    look_create("a/p", "direct://", "1", PILOT_QUEUED);
    CU_ASSERT_EQUAL(pilot_record_read(look_home, "a/p", &r, NULL), 0);
    folder = text_format("%s/a", look_home);
    file_remove_tree(folder, NULL);
    fake_job("1", RESOURCE_RUNNING);
    CU_ASSERT_EQUAL(observe(&c, &r, 1, NULL), 0);
    UNIT_CONTAINS(look_told.data, "there is no pilot a/p in ");
    free(folder);
}

int main(void)
{
    static const unit_test tests[] = {
        {"beats and exit records", test_files},
        {"pilots on another host", test_far},
        {"a thousand of them", test_far_many},
        {"beats of the parameter service", test_beats},
        {"last words", test_words},
        {"records that changed meanwhile", test_stale_copy},
        {"beats alone are not written", test_few_writes},
        {"a home that is read-only", test_read_only},
        {"a record that is gone", test_removed},
        {NULL, NULL},
    };

    return look_main("observe: files", tests);
}
