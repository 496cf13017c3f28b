/* test_tally.c - what an edge agent counted outlives it. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/agent/tally.h"

static char dir[64];

static void forget(void)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/" TALLY_FILE, dir);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

/* Everything of [c], in the order of its members. */
static const char *text_of(tally_counts c)
{
    static char out[128];

    snprintf(out, sizeof(out), "%llu %llu %llu %llu %llu",
             (unsigned long long)c.sensed, (unsigned long long)c.filtered,
             (unsigned long long)c.dropped, (unsigned long long)c.sent,
             (unsigned long long)c.lost);
    return out;
}

/* ... and of what it counts besides. */
static const char *more_of(tally_counts c)
{
    static char out[160];

    snprintf(out, sizeof(out), "%llu %llu %llu %llu %llu %llu %llu %llu %llu",
             (unsigned long long)c.points, (unsigned long long)c.bytes,
             (unsigned long long)c.scored, (unsigned long long)c.unscored,
             (unsigned long long)c.outliers, (unsigned long long)c.drifts,
             (unsigned long long)c.syncs, (unsigned long long)c.rows,
             (unsigned long long)c.kept);
    return out;
}

/* An agent of [n] devices that counts 10 i more each and is killed. */
static void killed_agent(int n, bool again)
{
    pid_t pid = fork();

    if (pid == 0) {
        tally *t = tally_open(dir, n, again, NULL, NULL);
        for (int i = 0; t && i < n; i++) {
            tally_slot *s = tally_slot_of(t, i);
            atomic_store(&s->boot, 7 + (unsigned)i);
            atomic_store(&s->sensed, 10 + (unsigned)i);
            atomic_store(&s->filtered, 1);
            atomic_store(&s->dropped, 2);
            atomic_store(&s->sent, 3);
            atomic_store(&s->points, 100);
            atomic_store(&s->bytes, 1000);
            atomic_store(&s->scored, 5);
            atomic_store(&s->unscored, 6);
            atomic_store(&s->outliers, 7);
            atomic_store(&s->drifts, 8);
            atomic_store(&s->syncs, 9);
            atomic_store(&s->rows, 90);
            atomic_store(&s->kept, 1 + (unsigned)i);
        }
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
}

static void test_killed(void)
{
    tally_counts c;
    uint64_t lost = 9;
    pe_error e = {0};

    CU_ASSERT_EQUAL(tally_read(dir, &c), -1);
    tally *t = tally_open(dir, 2, false, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    UNIT_EQUAL(text_of(tally_before(t, &lost)), "0 0 0 0 0");
    CU_ASSERT_EQUAL(lost, 0);
    CU_ASSERT_EQUAL(tally_boot_before(t, 0), 0);
    tally_close(t);
    CU_ASSERT_EQUAL(tally_read(dir, &c), 0); /* for who comes later */

    killed_agent(2, false);
    CU_ASSERT_EQUAL(tally_read(dir, &c), 0);
    UNIT_EQUAL(text_of(c), "21 2 4 6 9");
    killed_agent(2, false);
    CU_ASSERT_EQUAL(tally_read(dir, &c), 0);
    UNIT_EQUAL(text_of(c), "42 4 8 12 18");
    /* Its successor goes on, also with another number of devices. */
    t = tally_open(dir, 3, false, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    UNIT_EQUAL(text_of(tally_before(t, &lost)), "42 4 8 12 18");
    CU_ASSERT_EQUAL(lost, 9);
    UNIT_EQUAL(more_of(tally_before(t, NULL)), "400 4000 20 24 28 32 36 360 6");
    UNIT_EQUAL(text_of(tally_device_before(t, 1)), "22 2 4 6 10");
    UNIT_EQUAL(more_of(tally_device_before(t, 1)),
               "200 2000 10 12 14 16 18 180 4");
    UNIT_EQUAL(text_of(tally_device_before(t, 2)), "0 0 0 0 0");
    CU_ASSERT_EQUAL(tally_lives(t), 4);
    CU_ASSERT_EQUAL(tally_before(t, NULL).id, c.id);
    CU_ASSERT_EQUAL(tally_boot_before(t, 1), 8);
    CU_ASSERT_EQUAL(tally_boot_before(t, 2), 0);
    tally_close(t);
    CU_ASSERT_EQUAL(tally_read(dir, &c), 0);
    UNIT_EQUAL(text_of(c), "42 4 8 12 18");
    forget();
    CU_ASSERT_EQUAL(tally_read(dir, &c), -1);
}

/* What was queued of a file is in the file. */
static void test_again(void)
{
    tally_counts c;

    killed_agent(2, true);
    CU_ASSERT_EQUAL(tally_read(dir, &c), 0);
    UNIT_EQUAL(text_of(c), "12 2 4 6 0");
    forget();
}

/* What was queued is in spools: [records] of each device are found there. */
static const char *respooled(uint64_t a, uint64_t b, uint64_t *lostp)
{
    const tally_spooled in[2] = {{a, 0}, {b, 0}};
    tally *t = tally_open(dir, 2, false, in, NULL);
    const char *out;

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    out = text_of(tally_before(t, lostp));
    CU_ASSERT_EQUAL(atomic_load(&tally_slot_of(t, 1)->carried), b);
    tally_close(t);
    return out;
}

static void test_spooled(void)
{
    static const tally_spooled none[2] = {{0, 0}, {0, 0}};
    tally_counts c;
    uint64_t lost = 0;
    pid_t pid = fork();

    /* 10 and 11 are sensed, 4 and 5 are left. */
    if (pid == 0) {
        tally *t = tally_open(dir, 2, false, none, NULL);
        for (int i = 0; t && i < 2; i++) {
            tally_slot *s = tally_slot_of(t, i);
            atomic_store(&s->sensed, 10 + (unsigned)i);
            atomic_store(&s->filtered, 1);
            atomic_store(&s->dropped, 2);
            atomic_store(&s->sent, 3);
        }
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
    CU_ASSERT_EQUAL(tally_read(dir, &c), 0);
    UNIT_EQUAL(text_of(c), "21 2 4 6 0");
    CU_ASSERT_EQUAL(c.spooled, 9);
    /* One of the second is bad, one of the first had been counted as sent. */
    UNIT_EQUAL(respooled(5, 4, &lost), "21 2 4 5 1");
    CU_ASSERT_EQUAL(lost, 1);
    CU_ASSERT_EQUAL(tally_read(dir, &c), 0);
    UNIT_EQUAL(text_of(c), "21 2 4 5 1");
    CU_ASSERT_EQUAL(c.spooled, 9);
    /* Nothing was sent, and all is there, but for two that are lost. */
    UNIT_EQUAL(respooled(5, 2, &lost), "21 2 4 5 3");
    CU_ASSERT_EQUAL(lost, 2);
    forget();
    /* Whose counts are gone. */
    UNIT_EQUAL(respooled(5, 2, &lost), "7 0 0 0 0");
    forget();
}

static void test_spoiled(void)
{
    static const char junk[128] = "junk";
    char path[96];
    tally_counts c;
    pe_error e = {0};

    snprintf(path, sizeof(path), "%s/counts", dir);
    for (size_t n = 0; n <= sizeof(junk); n += 32) {
        CU_ASSERT_EQUAL(file_write(path, junk, n, 0600, &e), 0);
        CU_ASSERT_EQUAL(tally_read(dir, &c), -1);
    }
    tally *t = tally_open(dir, 1, false, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    UNIT_EQUAL(text_of(tally_before(t, NULL)), "0 0 0 0 0");
    tally_close(t);
    CU_ASSERT_PTR_NULL(tally_open("/nowhere/at/all", 1, false, NULL, &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_CONTAINS(e.text, "/nowhere/at/all/counts");
    tally_close(NULL);
}

int main(void)
{
    static const unit_test tests[] = {
        {"tally: an agent that was killed", test_killed},
        {"tally: a source that can be read again", test_again},
        {"tally: what is spooled", test_spooled},
        {"tally: a file that is none", test_spoiled},
        {NULL, NULL},
    };
    int status;

    snprintf(dir, sizeof(dir), "/tmp/test_tally.XXXXXX");
    if (!mkdtemp(dir))
        return 99;
    status = unit_main("tally", tests);
    file_remove_tree(dir, NULL);
    return status;
}
