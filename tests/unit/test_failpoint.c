/* test_failpoint.c - PILOT_FAULT: what it may say, and what happens. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "unit.h"

/* What is wrong with [list]; "": nothing. */
static const char *said(const char *list)
{
    static pe_error e;

    e.text[0] = '\0';
    setenv("PILOT_FAULT", list, 1);
    if (failpoint_open(scratch_folder, "pool", 1, &e) == 0)
        return "";
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
    return e.text;
}

static void test_words(void)
{
    static const struct {
        const char *list, *text;
    } rows[] = {
        {"kill", "'kill': it names no point"},
        {"murder@commit", "'murder@commit': there is no such action"},
        {"kill@lunch:3",
         "'kill@lunch:3': there is no such point; write "
         "ACTION@POINT[:NTH[:WHO]] with kill, stop, exit, "
         "delay=MS or error, and one of assign, fetch, "
         "compute, reduce, results, commit, announce, "
         "checkpoint, drain, sensed, spooled, sent, acked, end"},
        {"kill@commit:0", "NTH is a number from 1 on"},
        {"kill@commit:x", "NTH is a number from 1 on"},
        {"kill=9@commit", "there is no such action"},
        {"delay@commit", "there is no such action"},
        {"delay=soon@commit", "there is no such action"},
        {"error@fetch", "'error@fetch': nothing can fail there"},
        {"kill@commit:9,kill@tea", "'kill@tea': there is no such point"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        UNIT_CONTAINS(said(rows[i].list), rows[i].text);
}

/* In a child: [hits] times at [p] with [list]; what it ends with, 1000 + N by
 * signal N.
 */
static int play(const char *list, const char *pilot, int rank, enum failpoint p,
                int hits)
{
    int status = 0, failed = 0;
    pid_t pid;

    setenv("PILOT_FAULT", list, 1);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (failpoint_open(scratch_folder, pilot, rank, NULL) < 0)
            _exit(99);
        for (int i = 0; i < hits; i++)
            failed += FAILPOINT_FAILS(p, NULL);
        _exit(10 + failed);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
    if (WIFSTOPPED(status)) {
        int how = 1000 + WSTOPSIG(status);

        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return how;
    }
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void forget(void)
{
    char path[4200];

    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/fault.%d", scratch_folder, i);
        unlink(path);
    }
}

static void test_actions(void)
{
    static const struct {
        const char *list;
        int hits, ends;
    } rows[] = {
        {"kill@commit", 1, 1000 + SIGKILL},
        {"kill@commit:3", 2, 10},
        {"kill@commit:3", 3, 1000 + SIGKILL},
        {"stop@commit:1", 1, 1000 + SIGSTOP},
        {"exit@commit", 1, 1},
        {"error@commit:2", 3, 11},
        {"error@commit:1,error@commit:2", 3, 12},
        {"kill@fetch", 1, 10},
        {"kill@commit:1:rank1", 1, 1000 + SIGKILL},
        {"kill@commit:1:rank0", 1, 10},
        {"kill@commit:1:pool", 1, 1000 + SIGKILL},
        {"kill@commit:1:devices", 1, 10},
        {"", 1, 10},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        forget();
        CU_ASSERT_EQUAL(
            play(rows[i].list, "pool", 1, FAILPOINT_COMMIT, rows[i].hits),
            rows[i].ends);
    }
    forget();
    CU_ASSERT_EQUAL(play("kill@end:1:rank-1", "devices", -1, FAILPOINT_END, 1),
                    10);
}

/* Who is started again goes on, whichever process it was. */
static void test_once(void)
{
    forget();
    CU_ASSERT_EQUAL(play("kill@commit", "pool", 0, FAILPOINT_COMMIT, 1),
                    1000 + SIGKILL);
    CU_ASSERT_EQUAL(play("kill@commit", "pool", 0, FAILPOINT_COMMIT, 9), 10);
    CU_ASSERT_EQUAL(play("kill@commit", "pool", 3, FAILPOINT_COMMIT, 9), 10);
    CU_ASSERT_EQUAL(
        play("kill@tick,kill@commit", "pool", 3, FAILPOINT_COMMIT, 9), 99);
    CU_ASSERT_EQUAL(
        play("kill@fetch,kill@commit", "pool", 3, FAILPOINT_COMMIT, 9),
        1000 + SIGKILL);
}

/* From the NTH on, each time; and nothing where there is no variable. */
static void test_delay(void)
{
    int64_t from = clock_mono_ns();

    forget();
    CU_ASSERT_EQUAL(play("delay=20@commit:2", "pool", 0, FAILPOINT_COMMIT, 3),
                    10);
    CU_ASSERT_TRUE(clock_mono_ns() - from >= 40000000);
    unsetenv("PILOT_FAULT");
    CU_ASSERT_EQUAL(failpoint_open(scratch_folder, "pool", 0, NULL), 0);
    CU_ASSERT_EQUAL(failpoint_on, 0);
}

/* put FILE LIST: by a rename, as a driver does. */
static void put(const char *path, const char *list)
{
    char fresh[4200];
    FILE *f;

    snprintf(fresh, sizeof(fresh), "%s.new", path);
    f = fopen(fresh, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(list, f);
    fclose(f);
    CU_ASSERT_EQUAL(rename(fresh, path), 0);
}

/* A list that comes, is replaced, and is none, while a process goes on. */
static void test_file(void)
{
    char path[4100], list[4102], done[4110];
    int failed[5] = {0};

    snprintf(path, sizeof(path), "%s/faults", scratch_folder);
    snprintf(list, sizeof(list), "@%s", path);
    snprintf(done, sizeof(done), "%s.0", path);
    CU_ASSERT_STRING_EQUAL(said(list), "");
    failed[0] = FAILPOINT_FAILS(FAILPOINT_COMMIT, NULL);
    put(path, "error@commit:2\n");
    for (int i = 0; i < 3; i++)
        failed[1] += FAILPOINT_FAILS(FAILPOINT_COMMIT, NULL) << i;
    CU_ASSERT_EQUAL(access(done, F_OK), 0);
    put(path, "error@commit:1");
    failed[2] = FAILPOINT_FAILS(FAILPOINT_COMMIT, NULL); /* it has happened */
    unlink(done);
    put(path, "error@commit:1:rank1,error@commit:2:rank2");
    failed[3] = FAILPOINT_FAILS(FAILPOINT_COMMIT, NULL);
    put(path, "error@lunch"); /* is said, and nothing more */
    failed[4] = FAILPOINT_FAILS(FAILPOINT_COMMIT, NULL);
    CU_ASSERT_EQUAL(failed[0], 0);
    CU_ASSERT_EQUAL(failed[1], 2);
    CU_ASSERT_EQUAL(failed[2], 0);
    CU_ASSERT_EQUAL(failed[3], 1);
    CU_ASSERT_EQUAL(failed[4], 0);
    UNIT_CONTAINS(said(list), "'error@lunch': there is no such point");
}

static const unit_test tests[] = {
    {"nothing where there is no variable", test_delay},
    {"what happens", test_actions},
    {"once in a run", test_once},
    {"words that are none", test_words},
    {"a list that is a file", test_file},
    {NULL, NULL},
};

int main(void)
{
    int rc;

    scratch_make();
    rc = unit_main("failpoint", tests);
    scratch_remove();
    return rc;
}
