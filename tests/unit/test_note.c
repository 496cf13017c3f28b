/* test_note.c - what a process that died has noted, and what is made of it. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "src/agent/fault.h"
#include "src/agent/note.h"
#include "src/common/clock.h"

static const pe_block block = {
    .partition = 3, .offset = 17, .boot = 2, .seq = 9};

/* The ends of a process that has a block within a function, or behind. */
static void crash(note *n)
{
    (void)n;
    raise(SIGSEGV);
}

static void crash_behind(note *n)
{
    note_leave(n);
    fault_leave();
    abort();
}

static void leave_within(note *n)
{
    (void)n;
    exit(0);
}

static void stay(note *n)
{
    (void)n;
    for (;;)
        pause();
}

static void be_killed(note *n)
{
    (void)n;
    raise(SIGKILL);
}

static void end_well(note *n)
{
    note_leave(n);
    fault_leave();
    exit(0);
}

struct heard {
    int n;
    note_death d;
};

static int hear(void *arg, const note_death *d, pe_error *errp)
{
    struct heard *h = arg;

    (void)errp;
    h->n++;
    h->d = *d;
    return 0;
}

/* Of two threads it is the second one that has a block. */
static void child(void (*end)(note *n), int64_t limit_ns)
{
    char path[300];
    note_page *p;

    snprintf(path, sizeof(path), "%s/notes.0", scratch_folder);
    p = freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr)
            ? note_open(path, 2, NULL)
            : NULL;
    if (!p || note_function(p, "first", "another") != 0 ||
        note_function(p, "mine", "stage 'mine', f") != 1 ||
        note_function(p, "mine", "stage 'mine', f") != 1)
        _exit(9);
    fault_open();
    fault_limits(limit_ns ? limit_ns : CLOCK_S);
    if (limit_ns && fault_watch("pool", "rank 0", NULL) < 0)
        _exit(9);
    fault_note(note_of(p, 1), limit_ns);
    note_enter(note_of(p, 1), 1, &block);
    fault_enter("stage 'mine', f");
    end(note_of(p, 1));
}

static int end_of(void (*end)(note *n), int64_t limit_ns)
{
    int status = -1;
    pid_t pid;

    fflush(stdout);
    fflush(stderr);
    pid = fork();
    if (pid == 0) {
        child(end, limit_ns);
        _exit(9);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_ends(void)
{
    static const struct {
        void (*end)(note *n);
        int64_t limit_ns;
        bool found, inside;
        int how;
        const char *words;
    } rows[] = {
        {crash, 0, true, true, SIGSEGV,
         "crashed by signal 11 (Segmentation fault)"},
        {crash_behind, 0, true, false, SIGABRT,
         "crashed by signal 6 (Aborted)"},
        {leave_within, 0, true, true, NOTE_EXIT, "called exit"},
        {stay, 100 * CLOCK_MS, true, true, NOTE_LIMIT,
         "did not come back within its limit"},
        {be_killed, 0, false, false, 0, NULL},
        {end_well, 0, false, false, 0, NULL},
    };
    char path[300], how[64];

    snprintf(path, sizeof(path), "%s/notes.0", scratch_folder);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct heard h = {0};

        end_of(rows[i].end, rows[i].limit_ns);
        CU_ASSERT_EQUAL(note_read(path, hear, &h, NULL), 0);
        CU_ASSERT_EQUAL(h.n, rows[i].found);
        if (!rows[i].found)
            continue;
        CU_ASSERT_EQUAL(h.d.thread, 1);
        CU_ASSERT_EQUAL(h.d.inside, rows[i].inside);
        CU_ASSERT_EQUAL(h.d.how, rows[i].how);
        CU_ASSERT_EQUAL(h.d.partition, 3);
        CU_ASSERT_EQUAL(h.d.offset, 17);
        CU_ASSERT_EQUAL(h.d.boot, 2);
        CU_ASSERT_EQUAL(h.d.seq, 9);
        UNIT_EQUAL(h.d.stage, "mine");
        UNIT_EQUAL(h.d.words, "stage 'mine', f");
        note_how(h.d.how, how);
        UNIT_EQUAL(how, rows[i].words);
    }
    note_how(NOTE_MEMORY, how);
    UNIT_EQUAL(how, "was killed for want of memory");
}

/* What is no file of notes tells nothing, and so does one that is cut. */
static void test_files(void)
{
    struct heard h = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL(note_read("/nowhere/notes.0", hear, &h, &e), 0);
    scratch_write("odd", "no notes");
    CU_ASSERT_EQUAL(note_read(scratch_path, hear, &h, &e), 0);
    end_of(crash, 0);
    scratch_write("other", "");
    snprintf(scratch_path, sizeof(scratch_path), "%s/notes.0", scratch_folder);
    CU_ASSERT_EQUAL(truncate(scratch_path, 12000), 0);
    CU_ASSERT_EQUAL(note_read(scratch_path, hear, &h, &e), 0);
    CU_ASSERT_EQUAL(h.n, 0);
    CU_ASSERT_PTR_NULL(note_open("/nowhere/notes.0", 1, &e));
    UNIT_EQUAL(e.text, "cannot create /nowhere/notes.0: No such file or "
                       "directory");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
}

/* A clean end leaves no file. */
static void test_closed(void)
{
    char path[300];
    note_page *p;

    snprintf(path, sizeof(path), "%s/notes.1", scratch_folder);
    p = note_open(path, 1, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    for (int i = 0; i < 32; i++) {
        char stage[16];

        snprintf(stage, sizeof(stage), "s%d", i);
        CU_ASSERT_EQUAL(note_function(p, stage, "f"), i);
    }
    CU_ASSERT_EQUAL(note_function(p, "one too many", "f"), -1);
    note_close(p);
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
    note_close(NULL);
    note_asked(); /* of a process that notes nothing */
    CU_ASSERT_FALSE(note_died(NULL, SIGSEGV));
}

int main(void)
{
    static const unit_test tests[] = {
        {"how processes end", test_ends},
        {"files that are none", test_files},
        {"a clean end", test_closed},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("note", tests);
    scratch_remove();
    return status;
}
