/* test_folder.c - a folder in the place of another one, also with kill -9.
 *
 * The program is its own victim: "test_folder replace FROM TO".
 */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/process.h"
#include "src/common/text.h"

static const char *self;

/* SCRATCH/name in one of a few places, that are used in turn. */
static const char *at(const char *name)
{
    static char paths[8][400];
    static int n;
    char *path = paths[n++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch_folder, name);
    return path;
}

/* Folder [name] with two files that say [what], and one in a folder of its own.
 */
static void folder_put(const char *name, const char *what)
{
    static const char *const files[] = {"a", "b", "sub/c"};

    for (size_t i = 0; i < 3; i++) {
        char *path = text_format("%s/%s/%s", scratch_folder, name, files[i]);

        *strrchr(path, '/') = '\0';
        CU_ASSERT_EQUAL(file_mkdir(path, NULL), 0);
        path[strlen(path)] = '/';
        CU_ASSERT_EQUAL(file_write(path, what, strlen(what), 0600, NULL), 0);
        free(path);
    }
}

/* What all files of folder [name] say; "": it is not there, "torn": not one
 * thing.
 */
static const char *folder_says(const char *name)
{
    static const char *const files[] = {"a", "b", "sub/c"};
    static char first[16];

    *first = '\0';
    if (access(at(name), F_OK) < 0)
        return "";
    for (size_t i = 0; i < 3; i++) {
        char *path = text_format("%s/%s/%s", scratch_folder, name, files[i]);
        char *data = file_read(path, 64, NULL, NULL);

        if (i == 0)
            snprintf(first, sizeof(first), "%s", data ? data : "torn");
        else if (!data || strcmp(first, data) != 0)
            snprintf(first, sizeof(first), "torn");
        free(data);
        free(path);
    }
    return first;
}

static void clear(void)
{
    static const char *const names[] = {"to", "to.part", "to.old", NULL};

    for (const char *const *n = names; *n; n++)
        CU_ASSERT_EQUAL(file_remove_tree(at(*n), NULL), 0);
}

static void test_replace(void)
{
    pe_error e = {0};

    /* Where nothing is. */
    clear();
    folder_put("to.part", "one");
    CU_ASSERT_EQUAL(file_folder_replace(at("to.part"), at("to"), &e), 0);
    UNIT_EQUAL(folder_says("to"), "one");
    UNIT_EQUAL(folder_says("to.part"), "");
    /* Where one is. */
    folder_put("to.part", "two");
    CU_ASSERT_EQUAL(file_folder_replace(at("to.part"), at("to"), &e), 0);
    UNIT_EQUAL(folder_says("to"), "two");
    UNIT_EQUAL(folder_says("to.part"), "");
    UNIT_EQUAL(folder_says("to.old"), "");
    UNIT_EQUAL(e.text, "");
}

static void test_replace_refused(void)
{
    pe_error e = {0};

    clear();
    folder_put("to", "old");
    CU_ASSERT_EQUAL(file_folder_replace(at("to.part"), at("to"), &e), -1);
    UNIT_CONTAINS(e.text, "cannot make ");
    UNIT_CONTAINS(e.text, "/to: No such file or directory");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_EQUAL(folder_says("to"), "old");
    clear();
    e = (pe_error){0};
    CU_ASSERT_EQUAL(file_folder_replace(at("to.part"), at("to"), &e), -1);
    UNIT_CONTAINS(e.text, "cannot make ");
}

static void test_recover(void)
{
    pe_error e = {0};

    /* Nothing to do, ... */
    clear();
    CU_ASSERT_EQUAL(file_folder_recover(at("to"), &e), 0);
    UNIT_EQUAL(folder_says("to"), "");
    /* ... an old one that was put aside, ... */
    folder_put("to.old", "old");
    CU_ASSERT_EQUAL(file_folder_recover(at("to"), &e), 0);
    UNIT_EQUAL(folder_says("to"), "old");
    UNIT_EQUAL(folder_says("to.old"), "");
    /* ... and one that was to be removed, half of it gone. */
    folder_put("to.old", "older");
    CU_ASSERT_EQUAL(unlink(at("to.old/a")), 0);
    CU_ASSERT_EQUAL(file_folder_recover(at("to"), &e), 0);
    UNIT_EQUAL(folder_says("to"), "old");
    CU_ASSERT_EQUAL(access(at("to.old"), F_OK), -1);
    UNIT_EQUAL(e.text, "");
}

/* Run ourselves as the victim; its status. */
static int victim(int call, bool exchange)
{
    char *so = realpath("tests/unit/kill_at.so", NULL);
    char *preload = text_format("LD_PRELOAD=%s", so ? so : "");
    char *kill = text_format("KILL_AT=%d", call);
    const char *argv[] = {self, "replace", at("to.part"), at("to"), NULL};
    /* A sanitizer wants to be the first that is loaded. */
    const char *env[] = {preload,
                         kill,
                         "KILL_UNLINK=1",
                         "ASAN_OPTIONS=verify_asan_link_order=0",
                         exchange ? NULL : "KILL_NO_EXCHANGE=1",
                         NULL};
    const process_spec spec = {.argv = argv, .env = env};
    const process_limits limits = {60, 65536};
    process_answer a = {.status = -1};
    pe_error e = {0};
    int status;

    CU_ASSERT_PTR_NOT_NULL(so);
    CU_ASSERT_EQUAL(process_run(&spec, &limits, &a, &e), 0);
    UNIT_EQUAL(a.err.data ? a.err.data : "", "");
    status = a.status;
    process_answer_free(&a);
    free(kill);
    free(preload);
    free(so);
    return status;
}

/* Killed before every step: what is there is one of the two, and whole, and the
 * next start goes on from there.
 */
static void killed_everywhere(bool exchange, int least)
{
    pe_error e = {0};
    bool killed = true, new = false;
    int call;

    for (call = 1; killed && call < 100; call++) {
        int status;

        clear();
        folder_put("to", "old");
        folder_put("to.part", "new");
        status = victim(call, exchange);
        killed = status == 128 + SIGKILL;
        CU_ASSERT(killed || status == 0);
        CU_ASSERT_EQUAL(file_folder_recover(at("to"), &e), 0);
        UNIT_EQUAL(e.text, "");
        /* Once it is the new one, it stays that. */
        new = new || !strcmp(folder_says("to"), "new");
        UNIT_EQUAL(folder_says("to"), new ? "new" : "old");
        CU_ASSERT_EQUAL(access(at("to.old"), F_OK), -1);
        CU_ASSERT_EQUAL(file_remove_tree(at("to.part"), &e), 0);
        folder_put("to.part", "next");
        CU_ASSERT_EQUAL(file_folder_replace(at("to.part"), at("to"), &e), 0);
        UNIT_EQUAL(folder_says("to"), "next");
    }
    CU_ASSERT_FALSE(killed);
    CU_ASSERT(new);
    printf("# killed at %d places\n", call - 2);
    CU_ASSERT(call - 2 >= least);
}

static void test_killed(void)
{
    killed_everywhere(true, 5);
}

static void test_killed_aside(void)
{
    killed_everywhere(false, 7);
}

int main(int argc, char **argv)
{
    static const unit_test tests[] = {
        {"in the place of none, and of one", test_replace},
        {"what is not there takes no place", test_replace_refused},
        {"what a kill has left is put right", test_recover},
        {"killed at every step", test_killed},
        {"killed at every step, without an exchange", test_killed_aside},
        {NULL, NULL},
    };
    int status;

    if (argc == 4 && !strcmp(argv[1], "replace"))
        return file_folder_replace(argv[2], argv[3], NULL) < 0 ? 1 : 0;
    self = argv[0];
    scratch_make();
    status = unit_main("folder", tests);
    scratch_remove();
    return status;
}
