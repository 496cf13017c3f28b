/* test_records_many.c - the registry: two at once, kill -9, many at once. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "records_case.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/record.h"

/* --- two at once --- */

static int add_one(pilot_record *r, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    r->ranks++;
    return 0;
}

/* In a child: [times] changes of one pilot, or of three by batches. */
static void child_add(int times, bool batch)
{
    static const char *const ids[] = {"r/p", "r/q", "r/s"};
    pilot_record out[3];
    pilot_record_edit edits[3];

    for (size_t i = 0; i < 3; i++)
        edits[i] = (pilot_record_edit){ids[i], NULL, &out[i]};
    for (int i = 0; i < times; i++)
        if (batch ? pilot_records_change(records_home, edits, 3, add_one,
                                         NULL) < 0
                  : pilot_record_change(records_home, "r/p", add_one, NULL, out,
                                        NULL) < 0)
            _exit(1);
    _exit(0);
}

static void test_writers(void)
{
    enum { CHILDREN = 6, TIMES = 15 };
    pilot_record r;
    int status;

    records_begin();
    records_create("r", "p", "1", 1);
    records_create("r", "q", "2", 2);
    records_create("r", "s", "3", 3);
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0)
            child_add(TIMES, i % 2);
    for (int i = 0; i < CHILDREN; i++) {
        CU_ASSERT(wait(&status) > 0);
        CU_ASSERT_EQUAL(status, 0);
    }
    CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.ranks, CHILDREN * TIMES);
    CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/s", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.ranks, CHILDREN / 2 * TIMES);
}

/* Readers take no lock, and see whole records only. */
static void test_kill(void)
{
    enum { ROUNDS = 40 };
    int before = 0;

    records_begin();
    records_create("r", "p", "1", 1);
    records_create("r", "q", "2", 2);
    records_create("r", "s", "3", 3);
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = fork();
        pilot_record r, *all;
        size_t n, torn;
        if (pid == 0)
            child_add(1000000, i % 2);
        /* 1 to 20 ms: it dies at another place each time. */
        clock_sleep_ns((i % 20 + 1) * INT64_C(1000000), 1);
        CU_ASSERT_EQUAL(pilot_records_read(records_home, &all, &n, &torn, NULL),
                        0);
        CU_ASSERT_EQUAL(n, 3);
        CU_ASSERT_EQUAL(torn, 0);
        free(all);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, NULL), 0);
        CU_ASSERT(r.ranks >= before);
        before = r.ranks;
        /* The lock went with it. */
        CU_ASSERT_EQUAL(
            pilot_record_change(records_home, "r/p", add_one, NULL, &r, NULL),
            0);
        CU_ASSERT_EQUAL(r.ranks, ++before);
    }
}

/* --- many --- */

static void test_batch(void)
{
    static const char *const ids[] = {"r/p", "r/none", "r/torn", "r/z"};
    pilot_record out[4];
    pilot_record_edit edits[4];
    pe_error e = {0};

    records_begin();
    records_create("r", "p", "1", 1);
    records_create("r", "torn", "2", 2);
    records_create("r", "z", "3", 3);
    records_put("r/torn/state.json", "{");
    for (size_t i = 0; i < 4; i++) {
        memset(&out[i], 7, sizeof(out[i]));
        edits[i] = (pilot_record_edit){ids[i], NULL, &out[i]};
    }
    /* The good ones are done all the same; the first error is told. */
    CU_ASSERT_EQUAL(pilot_records_change(records_home, edits, 4, add_one, &e),
                    -1);
    UNIT_CONTAINS(e.text, "there is no pilot r/none in ");
    CU_ASSERT_EQUAL(out[0].ranks, 1);
    CU_ASSERT_EQUAL(out[3].ranks, 1);
    CU_ASSERT_EQUAL(((unsigned char *)&out[1])[0], 7);
    CU_ASSERT_EQUAL(((unsigned char *)&out[2])[0], 7);
    pilot_record_read(records_home, "r/z", &out[0], NULL);
    CU_ASSERT_EQUAL(out[0].ranks, 1);
    CU_ASSERT_EQUAL(pilot_records_change(records_home, NULL, 0, add_one, &e),
                    0);
}

/* A loss of power may leave what was not synced torn: the version before is
 * taken then.
 */
static void test_old(void)
{
    pilot_record out, r, *all;
    pilot_record_edit edit = {"r/p", NULL, &out};
    int ranks = 7;
    size_t n, torn;
    pe_error e = {0};

    records_begin();
    records_create("r", "p", "17", 1);
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, NULL, &e),
                    0);
    CU_ASSERT_EQUAL(access(records_path("r/p/state.old"), F_OK), -1);
    for (int i = 0; i < 2; i++) /* of two the safe one stays */
        CU_ASSERT_EQUAL(
            pilot_records_change(records_home, &edit, 1, add_one, &e), 0);
    CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, &e), 0);
    CU_ASSERT_EQUAL(r.ranks, 9);
    records_put("r/p/state.json", "");
    CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, &e), 0);
    CU_ASSERT_EQUAL(r.ranks, 7);
    UNIT_EQUAL(r.sched_id, "17");
    CU_ASSERT_EQUAL(pilot_records_read(records_home, &all, &n, &torn, &e), 0);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(torn, 0);
    CU_ASSERT_EQUAL(n ? all[0].ranks : 0, 7);
    free(all);
    /* Both. */
    records_put("r/p/state.old", "{");
    CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, &e), -1);
    UNIT_CONTAINS(e.text, "/state.json is no record of a pilot");
    CU_ASSERT_EQUAL(pilot_records_read(records_home, &all, &n, &torn, &e), 0);
    CU_ASSERT_EQUAL(torn, 1);
    free(all);
    /* One that was not synced and is whole is the newest. */
    records_begin();
    records_create("r", "p", "17", 1);
    CU_ASSERT_EQUAL(pilot_records_change(records_home, &edit, 1, add_one, &e),
                    0);
    CU_ASSERT_EQUAL(access(records_path("r/p/state.old"), F_OK), 0);
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, NULL, &e),
                    0);
    CU_ASSERT_EQUAL(access(records_path("r/p/state.old"), F_OK), -1);
}

/* As pilot_record_create leaves it, without its waits for the disk. */
static void touch(const char *id, const char *name)
{
    char *path = text_format("%s/%s", records_path(id), name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    CU_ASSERT(fd >= 0);
    close(fd);
    free(path);
}

/* How long; told, not asserted: the machine may be busy. */
static void test_thousand(void)
{
    enum { PILOTS = 1000 };
    pilot_record *all, *out = calloc(PILOTS, sizeof(*out));
    pilot_record_edit *edits = calloc(PILOTS, sizeof(*edits));
    char run[32], name[32];
    size_t n, torn;
    int64_t t;

    records_begin();
    for (int i = 0; i < PILOTS; i++) {
        pilot_record r;
        json_t *o;
        char *data;
        snprintf(run, sizeof(run), "run-%d", i / 10);
        snprintf(name, sizeof(name), "pool-%d", i % 10);
        r = records_one(run, name);
        r.created_ns = PILOTS - i;
        snprintf(r.reason, sizeof(r.reason), "waits for resources");
        o = pilot_record_json(&r);
        data = json_dumps(o, JSON_INDENT(1));
        file_mkdir(records_path(r.id), NULL);
        char *path = text_format("%s/state.json", records_path(r.id));
        FILE *f = fopen(path, "w");
        fputs(data, f);
        fclose(f);
        free(path);
        touch(r.id, "lock");
        touch(r.id, "state.new");
        free(data);
        json_decref(o);
    }
    for (int i = 0; i < 3; i++) {
        t = clock_mono_ns();
        CU_ASSERT_EQUAL(pilot_records_read(records_home, &all, &n, &torn, NULL),
                        0);
        printf("# %zu records read in %.1f ms\n", n,
               (double)(clock_mono_ns() - t) / 1e6);
        if (i < 2)
            free(all);
    }
    CU_ASSERT_EQUAL(n, PILOTS);
    CU_ASSERT_EQUAL(torn, 0);
    for (size_t i = 1; i < n; i++)
        CU_ASSERT(all[i - 1].created_ns < all[i].created_ns);
    for (size_t i = 0; i < n; i++)
        edits[i] = (pilot_record_edit){all[i].id, NULL, &out[i]};
    t = clock_mono_ns();
    CU_ASSERT_EQUAL(pilot_records_change(records_home, edits, n, add_one, NULL),
                    0);
    printf("# %zu records changed in %.1f ms\n", n,
           (double)(clock_mono_ns() - t) / 1e6);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(out[i].ranks, 1);
    free(edits);
    free(out);
    free(all);
}

/* --- submits under way --- */

static void test_hold(void)
{
    int fd;

    records_begin();
    records_create("r", "p", "", 1);
    CU_ASSERT_FALSE(pilot_record_is_held(records_home, "r/p"));
    fd = pilot_record_hold(records_home, "r/p", NULL);
    CU_ASSERT(fd >= 0);
    CU_ASSERT(pilot_record_is_held(records_home, "r/p"));
    close(fd);
    CU_ASSERT_FALSE(pilot_record_is_held(records_home, "r/p"));
    /* It ends with the process, however that ends. */
    int ends[2];
    CU_ASSERT_EQUAL(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool good = pilot_record_hold(records_home, "r/p", NULL) >= 0 &&
                    write(ends[1], "x", 1) == 1;
        while (good)
            pause();
        _exit(1);
    }
    char byte;
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    CU_ASSERT(pilot_record_is_held(records_home, "r/p"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CU_ASSERT_FALSE(pilot_record_is_held(records_home, "r/p"));
    close(ends[0]);
    close(ends[1]);
}

/* A lock that somebody keeps is not waited for without end, and who keeps it
 * is told of by the file; readers do not mind.
 */
static void test_busy(void)
{
    char *path = text_format("%s/r/p/lock", records_home);
    int fd, ranks = 5;
    pilot_record r;
    pe_error e = {0};

    records_begin();
    records_create("r", "p", "1", 1);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, &r, &e),
                    -1);
    char *want = text_format("pilot r/p is busy: another command has locked %s "
                             "for more than 10 s; try again",
                             path);
    UNIT_EQUAL(e.text, want);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_AGAIN);
    CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, &e), 0);
    CU_ASSERT_NOT_EQUAL(r.ranks, 5);
    close(fd);
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, &r, &e),
                    0);
    CU_ASSERT_EQUAL(r.ranks, 5);
    free(want);
    free(path);
}

/* What cannot be written is told, and what there was stays. */
static void test_unwritten(void)
{
    static const struct {
        const char *file, *error;
    } rows[] = {
        {"state.new", "/r/p/state.json: Is a directory"},
        {"lock", "/r/p/lock: Is a directory"},
    };
    pilot_record out, r;
    const pilot_record_edit edit = {"r/p", NULL, &out};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *path = text_format("%s/r/p/%s", records_home, rows[i].file);
        pe_error e = {0};
        records_begin();
        records_create("r", "p", "17", 1);
        unlink(path);
        CU_ASSERT_EQUAL(file_mkdir(path, NULL), 0); /* in the way */
        CU_ASSERT_EQUAL(
            pilot_records_change(records_home, &edit, 1, add_one, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].error);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
        CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, &e), 0);
        UNIT_EQUAL(r.sched_id, "17");
        CU_ASSERT_EQUAL(r.ranks, 0);
        free(path);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"writers at once", test_writers},
        {"writers killed in the middle", test_kill},
        {"many at once", test_batch},
        {"the version before", test_old},
        {"a thousand", test_thousand},
        {"a submit under way", test_hold},
        {"a lock somebody keeps", test_busy},
        {"what cannot be written", test_unwritten},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("records: many", tests);
    scratch_remove();
    return status;
}
