/* test_pilot_runs.c - `pilot runs`, and `pilot runs --rm` beside others. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pilot_command.h"
#include "scratch.h"
#include "src/common/file.h"

static const char pipeline[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots:\n"
    "  devices: {kind: edge, devices: 1}\n"
    "  pool: {kind: pool, ntasks: 1}\n"
    "stages:\n"
    "  sense: {pilot: devices, function: generator,\n"
    "          options: {features: 2, blocks: 2}}\n"
    "  learn: {pilot: pool, function: kmeans}\n";

static const char *at(const char *name)
{
    static char paths[4][700];
    static int n;
    char *path = paths[n++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", rehearse_home, name);
    return path;
}

static void put(const char *run, const char *name, const char *words)
{
    char path[700];

    snprintf(path, sizeof(path), "%s/%s/%s", rehearse_home, run, name);
    *strrchr(path, '/') = '\0';
    CU_ASSERT_EQUAL(file_mkdir(path, NULL), 0);
    path[strlen(path)] = '/';
    CU_ASSERT_EQUAL(file_write(path, words, strlen(words), 0600, NULL), 0);
}

/* Run [run] that began at [s] and has ended, with [state] in its summary. */
static void run_put(const char *run, long s, const char *state)
{
    const struct timespec times[] = {{s, 0}, {s, 0}};
    char *request = text_format(
        "{\"schema\": 1, \"run\": \"%s\", \"file\": \"pipeline.yaml\", "
        "\"overrides\": [], \"broker\": \"host:9092\", \"params\": "
        "\"redis://host:6379\"}",
        run);
    char *summary = text_format("{\"pipeline\": \"p\", \"state\": \"%s\", "
                                "\"blocks\": {\"applied\": 7}}",
                                state);
    char *file = text_format("%s/pipeline.yaml", run);

    put(run, "pipeline.yaml", pipeline);
    put(run, "request.json", request);
    put(run, "results/rows.npy", "rows");
    if (*state)
        put(run, "summary.json", summary);
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, at(file), times, 0), 0);
    free(file);
    free(summary);
    free(request);
}

static int lock(const char *name)
{
    int fd = open(at(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

/* Names in the home that begin with [start]. */
static int count_of(const char *start)
{
    DIR *d = opendir(rehearse_home);
    const struct dirent *e;
    int n = 0;

    while (d && (e = readdir(d)))
        n += !strncmp(e->d_name, start, strlen(start));
    if (d)
        closedir(d);
    return n;
}

/* --- the list --- */

/* Where in what was printed run [run] has its line; -1: nowhere. */
static long line_of(const char *run)
{
    char *start = text_format("%s ", run);
    const char *out = content("out");
    const char *found = strstr(out, start);

    free(start);
    return found ? found - out : -1;
}

static void test_list(void)
{
    pilot_record r;
    int fd;

    begin();
    expect(PILOT("runs"), 0, "RUN  ", NULL);
    expect(PILOT("runs", "--no-header"), 0, "", NULL);
    UNIT_EQUAL(content("out"), "");
    run_put("third", 3000000, "failed");
    run_put("first", 1000000, "done");
    run_put("second", 2000000, "drained");
    run_put("followed", 4000000, "done");
    run_put("alive", 5000000, "done");
    run_put("cut", 6000000, "");
    fd = lock("followed/lock");
    r = record_of("alive/pool", "local://", "1.1", PILOT_ACTIVE);
    record_put(&r);
    expect(PILOT("runs"), 0, NULL, NULL);
    CU_ASSERT(line_of("first") >= 0);
    CU_ASSERT(line_of("first") < line_of("second"));
    CU_ASSERT(line_of("second") < line_of("third"));
    CU_ASSERT(line_of("third") < line_of("followed"));
    UNIT_CONTAINS(content("out"),
                  " p            done              7          -");
    UNIT_CONTAINS(content("out"), " p            drained  ");
    UNIT_CONTAINS(content("out"), " p            failed  ");
    UNIT_CONTAINS(content("out"), " p            running  ");
    UNIT_CONTAINS(content("out"), " p            pilots  ");
    UNIT_CONTAINS(content("out"), " -            cut off  ");
    expect(PILOT("runs", "--json"), 0, "{\"run\":\"first\",\"date\":\"1970-",
           NULL);
    UNIT_CONTAINS(content("out"), "\"pipeline\":\"\",\"state\":\"cut off\","
                                  "\"blocks\":0}\n");
    close(fd);
}

/* --- removing --- */

static void test_remove(void)
{
    pilot_record r;
    int fd;

    begin();
    run_put("r", 1000000, "done");
    /* As long as somebody needs it, it stays. */
    fd = lock("r/lock");
    expect(PILOT("runs", "--rm", "r"), 75, NULL,
           "run r has not ended: 'pilot cancel --run r' ends it");
    close(fd);
    run_put("alive", 1000000, "done");
    r = record_of("alive/pool", "local://", "1.1", PILOT_ACTIVE);
    record_put(&r);
    expect(PILOT("runs", "--rm", "alive", "--force"), 75, NULL,
           "run alive has not ended");
    CU_ASSERT_EQUAL(access(at("r/results/rows.npy"), F_OK), 0);
    /* What a killed one has left goes with the next. */
    put(".removed-x", "half", "");
    expect(PILOT("runs", "--rm", "r"), 0, NULL, "pilot: run r is removed\n");
    CU_ASSERT_EQUAL(count_of("r"), 0);
    CU_ASSERT_EQUAL(count_of(".removed-"), 0);
    expect(PILOT("runs", "--rm", "r"), 78, NULL, "there is no run r in ");
}

/* Somebody who removes it, too, and is waited for. */
static process *second(int *fdp)
{
    process *p;

    begin();
    run_put("r", 1000000, "done");
    *fdp = lock("r/remove.lock");
    p = pilot_start((const char *const[]){"runs", "--rm", "r", NULL}, NULL);
    err_await("another 'pilot runs --rm' is at it, and waited for");
    return p;
}

static void test_second(void)
{
    int fd;
    process *p = second(&fd);

    /* It did it. */
    CU_ASSERT_EQUAL(file_remove_tree(at("r"), NULL), 0);
    close(fd);
    expect(pilot_end(p), 0, NULL, "run r was removed by another command\n");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "has not ended"));
    /* It could not. */
    p = second(&fd);
    close(fd);
    expect(pilot_end(p), 0, NULL, "pilot: run r is removed\n");
    CU_ASSERT_EQUAL(access(at("r"), F_OK), -1);
    /* It did, and another run has the name: that one stays. */
    p = second(&fd);
    CU_ASSERT_EQUAL(rename(at("r"), at("was")), 0);
    run_put("r", 2000000, "done");
    close(fd);
    expect(pilot_end(p), 0, NULL, "run r was removed by another command\n");
    CU_ASSERT_EQUAL(access(at("r/pipeline.yaml"), F_OK), 0);
}

/* Both at once: each says what is so, and it is gone. */
static void test_both(void)
{
    for (int i = 0; i < 5; i++) {
        const char *program = getenv("PILOT_UNDER_TEST");
        const char *argv[] = {program, "runs", "--rm", "r", NULL};
        char *err = text_format("%s/err2", scratch_folder);
        const process_spec spec = {
            .argv = argv, .out_path = "/dev/null", .err_path = err};
        process *one, *two;
        int status;

        begin();
        run_put("r", 1000000, "done");
        unlink(err);
        two = process_start(&spec, NULL);
        one =
            pilot_start((const char *const[]){"runs", "--rm", "r", NULL}, NULL);
        CU_ASSERT(process_wait(two, 60000));
        status = process_status(two);
        process_destroy(two);
        CU_ASSERT(status == 0 || status == 78); /* the other was through */
        CU_ASSERT_PTR_NULL(strstr(content("err2"), "has not ended"));
        status = pilot_end(one);
        CU_ASSERT(status == 0 || status == 78);
        CU_ASSERT_PTR_NULL(strstr(content("err"), "has not ended"));
        CU_ASSERT_EQUAL(access(at("r"), F_OK), -1);
        CU_ASSERT_EQUAL(count_of(".removed-"), 0);
        free(err);
    }
}

/* kill -9 before every step: the run is there as it was, or gone, and the same
 * command finishes.
 */
static void test_killed(void)
{
    char *preload = realpath("tests/unit/kill_at.so", NULL);
    bool killed = true;
    int call;

    CU_ASSERT_PTR_NOT_NULL_FATAL(preload);
    for (call = 1; killed && call < 100; call++) {
        char number[16];
        int status;

        begin();
        run_put("r", 1000000, "done");
        snprintf(number, sizeof(number), "%d", call);
        setenv("KILL_AT", number, 1);
        setenv("KILL_UNLINK", "1", 1);
        setenv("LD_PRELOAD", preload, 1);
        /* A sanitizer wants to be the first that is loaded. */
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        status = PILOT("runs", "--rm", "r");
        unsetenv("LD_PRELOAD");
        unsetenv("ASAN_OPTIONS");
        unsetenv("KILL_UNLINK");
        unsetenv("KILL_AT");
        killed = status == 128 + SIGKILL;
        CU_ASSERT(killed || status == 0);
        if (access(at("r"), F_OK) == 0) {
            CU_ASSERT_EQUAL(access(at("r/request.json"), F_OK), 0);
            CU_ASSERT_EQUAL(access(at("r/summary.json"), F_OK), 0);
            CU_ASSERT_EQUAL(access(at("r/results/rows.npy"), F_OK), 0);
            expect(PILOT("runs", "--rm", "r"), 0, NULL, "run r is removed");
        }
        expect(PILOT("runs"), 0, NULL, NULL);
        CU_ASSERT(line_of("r") < 0);
        run_put("other", 1000000, "done");
        expect(PILOT("runs", "--rm", "other"), 0, NULL, "other is removed");
        CU_ASSERT_EQUAL(count_of(".removed-"), 0);
    }
    printf("# killed at %d places\n", call - 2);
    CU_ASSERT(call > 6);
    CU_ASSERT_FALSE(killed);
    free(preload);
}

int main(void)
{
    static const unit_test tests[] = {
        {"the runs there are, oldest first", test_list},
        {"one that has ended is removed", test_remove},
        {"somebody else removes it, too", test_second},
        {"two at once", test_both},
        {"removing, killed at every step", test_killed},
        {NULL, NULL},
    };
    int status;

    setenv("PILOT_UNDER_TEST", "tests/unit/pilot_fake", 1);
    setenv("FAKE_LOG", "/dev/null", 1);
    scratch_make();
    status = unit_main("pilot_runs", tests);
    scratch_remove();
    return status;
}
