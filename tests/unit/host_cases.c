/* host_cases.c - what every kind of host has to do: cases for all of them. */
#include "host_cases.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/interrupt.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "unit.h"

#define MIB ((size_t)1 << 20)

host *case_host;
char case_dir[256];
const char *case_name = "";

/* Words that some shell takes for more than words. */
static const char *const odd[] = {
    "plain",       "",
    " ",           "two words",
    "it's",        "\"quoted\"",
    "a\nb",        "\n",
    "tab\there",   "$(touch x)",
    "`touch x`",   "$HOME",
    "${PATH}",     "!!",
    "a!b",         "*",
    "?",           "[a-z]",
    "{a,b}",       "~",
    "~root",       ";rm -rf x",
    "&& true",     "| cat",
    "> out",       "< in",
    "#no comment", "\\",
    "\\n",         "a\\",
    "'",           "''",
    "%s%n",        "-n",
    "--",          "-rf",
    "=x",          "caf\xc3\xa9 \xe2\x82\xac",
    "\xff\xfe",    "\x01\x7f\x1b[0m",
};
enum { N_ODD = sizeof(odd) / sizeof(odd[0]) };

const char *case_path(const char *name)
{
    static char paths[16][1024];
    static int turn;
    char *path = paths[turn++ % 16];

    snprintf(path, sizeof(paths[0]), "%s/%s", case_dir, name);
    return path;
}

void case_fill(const char *path, size_t len, unsigned seed)
{
    random_stream r = {seed, 0};
    size_t words = len / 8 + 1;
    uint64_t *data = malloc(words * 8);

    for (size_t i = 0; i < words; i++)
        data[i] = random_next(&r);
    CU_ASSERT_EQUAL_FATAL(file_write(path, data, len, 0600, NULL), 0);
    free(data);
}

int case_same(const char *a, const char *b)
{
    size_t la = 0, lb = 0;
    char *ta = file_read(a, 512 * MIB, &la, NULL);
    char *tb = file_read(b, 512 * MIB, &lb, NULL);
    int same = ta && tb && la == lb && !memcmp(ta, tb, la);

    free(tb);
    free(ta);
    return same;
}

int case_over(pid_t pid, const char *start)
{
    for (int i = 0; i < 1000; i++) {
        if (host_alive(case_host, pid, start, NULL) == 0)
            return 1;
        clock_sleep_ns(20 * CLOCK_MS, 1);
    }
    return 0;
}

void case_progress(void *arg, const char *name, uint64_t done, uint64_t total)
{
    case_seen *s = arg;

    CU_ASSERT_PTR_NOT_NULL(name);
    if (s->calls++ == 0)
        s->first = done;
    s->last = done;
    s->total = total;
    if (s->each)
        s->each();
}

/* Run a shell script there; the answer is freed by the caller. */
static host_answer sh(const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    host_answer a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, &e), 0);
    UNIT_EQUAL(e.text, "");
    return a;
}

/* --- commands --- */

void case_status(void)
{
    static const struct {
        const char *script;
        int status;
        const char *out, *err;
    } rows[] = {
        {"exit 0", 0, "", ""},
        {"echo out; echo err >&2; exit 3", 3, "out\n", "err\n"},
        {"exit 255", 255, "", ""},
        {"kill -9 $$", 128 + SIGKILL, "", ""},
        {"kill -TERM $$", 128 + SIGTERM, "", ""},
        {"printf 'no end of line'", 0, "no end of line", ""},
        {"printf 'a\\000b'", 0, "a", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        host_answer a = sh(rows[i].script);
        CU_ASSERT_EQUAL(a.status, rows[i].status);
        UNIT_EQUAL(a.out, rows[i].out);
        UNIT_EQUAL(a.err, rows[i].err);
        host_answer_free(&a);
        CU_ASSERT_PTR_NULL(a.out);
    }
    host_answer a = sh("printf 'a\\000b'");
    CU_ASSERT_EQUAL(a.out_len, 3);
    CU_ASSERT_EQUAL(a.err_len, 0);
    host_answer_free(&a);
}

/* Each between brackets, as the program got it. */
void case_words(void)
{
    const char *argv[N_ODD + 3] = {"printf", "[%s]"};
    text want = {0};
    host_answer a;

    for (int i = 0; i < N_ODD; i++) {
        argv[i + 2] = odd[i];
        text_add(&want, "[%s]", odd[i]);
    }
    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, NULL), 0);
    UNIT_EQUAL(a.out, want.data);
    UNIT_EQUAL(a.err, "");
    host_answer_free(&a);
    /* A word of 100 kB. */
    text_free(&want);
    for (int i = 0; i < 10000; i++)
        text_add(&want, "0123 '6789");
    const char *long_argv[] = {"printf", "%s", want.data, NULL};
    CU_ASSERT_EQUAL(host_run(case_host, long_argv, NULL, 60, &a, NULL), 0);
    UNIT_EQUAL(a.out, want.data);
    host_answer_free(&a);
    text_free(&want);
}

void case_folder(void)
{
    const char *argv[] = {"pwd", NULL};
    const char *folder = case_path("a folder's $(name)");
    host_answer a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_mkdir(case_host, folder, NULL), 0);
    CU_ASSERT_EQUAL(host_run(case_host, argv, folder, 60, &a, NULL), 0);
    a.out[strcspn(a.out, "\n")] = '\0';
    UNIT_EQUAL(a.out, folder);
    host_answer_free(&a);
    CU_ASSERT_EQUAL(host_run(case_host, argv, "/no/where", 60, &a, &e), -1);
    UNIT_CONTAINS(e.text, "cannot start in /no/where: ");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_PTR_NULL(a.out);
}

void case_stdin(void)
{
    host_answer a = sh("cat; read x || echo nothing");

    UNIT_EQUAL(a.out, "nothing\n");
    host_answer_free(&a);
}

void case_output(void)
{
    static const char block[] = "0123456789abcdef0123456789ABCDEF";
    host_answer a = sh("awk 'BEGIN { for (i = 0; i < 163840; i++) printf "
                       "\"0123456789abcdef0123456789ABCDEF\" }'\n"
                       "awk 'BEGIN { for (i = 0; i < 163840; i++) printf "
                       "\"0123456789abcdef0123456789ABCDEF\" }' >&2");
    bool good = a.out_len == 5 * MIB && a.err_len == 5 * MIB;

    for (size_t i = 0; good && i < 5 * MIB; i += 32)
        good = !memcmp(a.out + i, block, 32) && !memcmp(a.err + i, block, 32);
    CU_ASSERT(good);
    host_answer_free(&a);
}

void case_no_command(void)
{
    static const char *const names[] = {"no-such-command", "/no/such/command",
                                        "no such command"};

    for (size_t i = 0; i < 3; i++) {
        const char *argv[] = {names[i], NULL};
        host_answer a;
        pe_error e = {0};
        CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, &e), -1);
        UNIT_CONTAINS(e.text, names[i]);
        UNIT_CONTAINS(e.text, "is not there: install it");
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
}

/* Its children too. */
void case_timeout(void)
{
    const char *path = case_path("slow.pid");
    char *script =
        text_format("sleep 300 & echo $! >%s; echo said; wait", path);
    const char *argv[] = {"sh", "-c", script, NULL};
    host_answer a;
    pe_error e = {0};
    size_t len;

    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 1, &a, &e), -1);
    UNIT_CONTAINS(e.text, "no answer within 1 s: the command was stopped");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    CU_ASSERT_PTR_NULL(a.out);
    char *pid = host_read(case_host, path, 0, 100, &len, NULL);
    int i = 0;
    while (pid && kill(atoi(pid), 0) == 0 && i++ < 500)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    CU_ASSERT(len > 1 && i < 500);
    free(pid);
    free(script);
    host_answer after = sh("echo still here");
    UNIT_EQUAL(after.out, "still here\n");
    host_answer_free(&after);
}

void case_arguments(void)
{
    const char *none[] = {NULL}, *empty[] = {"", NULL}, *dash[] = {"-c", NULL};
    const char *good[] = {"true", NULL};
    host_answer a;
    pe_error e = {0};
    size_t len;
    pid_t pid;
    char start[32];

    CU_ASSERT_EQUAL(host_run(case_host, NULL, NULL, 1, &a, &e), -1);
    UNIT_EQUAL(e.text, "no program was named");
    CU_ASSERT_EQUAL(host_run(case_host, none, NULL, 1, &a, NULL), -1);
    CU_ASSERT_EQUAL(host_run(case_host, empty, NULL, 1, &a, NULL), -1);
    CU_ASSERT_EQUAL(host_run(case_host, dash, NULL, 1, &a, &e), -1);
    UNIT_EQUAL(e.text, "-c is no program: its name starts with '-'");
    CU_ASSERT_EQUAL(host_run(case_host, good, "rel", 1, &a, &e), -1);
    UNIT_EQUAL(e.text, "'rel' is no absolute path");
    CU_ASSERT_EQUAL(host_spawn(case_host,
                               &(const host_command){.argv = good,
                                                     .folder = NULL,
                                                     .out_path = "out",
                                                     .err_path = "/x"},
                               &pid, start, &e),
                    -1);
    UNIT_EQUAL(e.text, "'out' is no absolute path");
    CU_ASSERT_EQUAL(host_mkdir(case_host, "rel", NULL), -1);
    CU_ASSERT_EQUAL(host_write(case_host, "rel", "", 0, 0600, NULL), -1);
    CU_ASSERT_PTR_NULL(host_read(case_host, NULL, 0, 1, &len, NULL));
    CU_ASSERT_EQUAL(host_exists(case_host, "", NULL), -1);
    CU_ASSERT_EQUAL(host_put(case_host, "rel", "/x", NULL, NULL, NULL), -1);
    CU_ASSERT_EQUAL(host_get(case_host, "/x", "rel", NULL, NULL, NULL), -1);
    CU_ASSERT_EQUAL(host_remove_tree(case_host, "/", &e), -1);
    UNIT_EQUAL(e.text, "'/' is not to be removed");
    CU_ASSERT_EQUAL(host_remove_tree(case_host, "/..", NULL), -1);
}

/* --- processes --- */

/* File [path] there, once it has something. */
static char *eventually(const char *path)
{
    size_t len = 0;
    char *data = NULL;

    for (int i = 0; i < 1000 && len == 0; i++) {
        free(data);
        data = host_read(case_host, path, 0, 1000, &len, NULL);
        if (len == 0)
            clock_sleep_ns(10 * CLOCK_MS, 1);
    }
    return data;
}

void case_spawn(void)
{
    const char *out = case_path("spawn 'out'"), *err = case_path("spawn.err");
    const char *argv[] = {
        "sh", "-c",       "echo \"$1\"; pwd; cat; echo problem >&2; sleep 300",
        "sh", "a 'word'", NULL};
    char start[32] = "";
    pid_t pid = 0;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_spawn(case_host,
                               &(const host_command){.argv = argv,
                                                     .folder = "/",
                                                     .out_path = out,
                                                     .err_path = err},
                               &pid, start, &e),
                    0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT(pid > 1 && *start);
    CU_ASSERT_EQUAL(host_alive(case_host, pid, start, NULL), 1);
    char *said = eventually(err);
    UNIT_EQUAL(said, "problem\n");
    free(said);
    said = eventually(out);
    UNIT_EQUAL(said, "a 'word'\n/\n");
    free(said);
    CU_ASSERT_EQUAL(getsid(pid), pid); /* the far host is this one */
    CU_ASSERT_EQUAL(host_kill(case_host, pid, start, SIGINT, &e), 0);
    CU_ASSERT(case_over(pid, start));
    /* Which is no error, now and later. */
    CU_ASSERT_EQUAL(host_kill(case_host, pid, start, SIGTERM, &e), 0);
    CU_ASSERT_EQUAL(host_alive(case_host, pid, start, NULL), 0);
}

void case_spawn_files(void)
{
    const char *argv[] = {"true", NULL}, *none[] = {"no-such-command", NULL};
    const char *out = case_path("o"), *bad = "/no/where/out";
    char start[32];
    pid_t pid;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_spawn(case_host,
                               &(const host_command){.argv = argv,
                                                     .folder = NULL,
                                                     .out_path = bad,
                                                     .err_path = out},
                               &pid, start, &e),
                    -1);
    UNIT_CONTAINS(e.text, "/no/where/out");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    CU_ASSERT_EQUAL(host_spawn(case_host,
                               &(const host_command){.argv = argv,
                                                     .folder = NULL,
                                                     .out_path = out,
                                                     .err_path = bad},
                               &pid, start, NULL),
                    -1);
    CU_ASSERT_EQUAL(host_spawn(case_host,
                               &(const host_command){.argv = none,
                                                     .folder = NULL,
                                                     .out_path = out,
                                                     .err_path = out},
                               &pid, start, &e),
                    -1);
    UNIT_CONTAINS(e.text, "no-such-command is not there");
    CU_ASSERT_EQUAL(host_spawn(case_host,
                               &(const host_command){.argv = argv,
                                                     .folder = "/no/where",
                                                     .out_path = out,
                                                     .err_path = out},
                               &pid, start, &e),
                    -1);
    UNIT_CONTAINS(e.text, "cannot start in /no/where");
    /* One that ends at once, both streams into one file. */
    CU_ASSERT_EQUAL(host_spawn(case_host,
                               &(const host_command){.argv = argv,
                                                     .folder = NULL,
                                                     .out_path = out,
                                                     .err_path = out},
                               &pid, start, NULL),
                    0);
    CU_ASSERT(case_over(pid, start));
}

void case_other_process(void)
{
    const char *out = case_path("other");
    const char *argv[] = {"sleep", "300", NULL};
    char start[32];
    pid_t pid;
    pe_error e = {0};

    CU_ASSERT_EQUAL_FATAL(host_spawn(case_host,
                                     &(const host_command){.argv = argv,
                                                           .folder = NULL,
                                                           .out_path = out,
                                                           .err_path = out},
                                     &pid, start, NULL),
                          0);
    CU_ASSERT_EQUAL(host_alive(case_host, pid, "12345", NULL), 0);
    CU_ASSERT_EQUAL(host_kill(case_host, pid, "12345", SIGKILL, NULL), 0);
    CU_ASSERT_EQUAL(host_alive(case_host, pid, start, NULL), 1);
    CU_ASSERT_EQUAL(host_kill(case_host, pid, start, SIGKILL, NULL), 0);
    CU_ASSERT(case_over(pid, start));
    CU_ASSERT_EQUAL(host_alive(case_host, 1, start, &e), -1);
    UNIT_CONTAINS(e.text, "process 1 of");
    CU_ASSERT_EQUAL(host_kill(case_host, -1, start, SIGKILL, NULL), -1);
    CU_ASSERT_EQUAL(host_kill(case_host, 0, start, SIGKILL, NULL), -1);
    CU_ASSERT_EQUAL(host_kill(case_host, pid, "", SIGKILL, NULL), -1);
    CU_ASSERT_EQUAL(host_kill(case_host, pid, "1; x", SIGKILL, NULL), -1);
    CU_ASSERT_EQUAL(host_kill(case_host, pid, NULL, SIGKILL, NULL), -1);
}

void case_asked(void)
{
    host_answer a = sh("uname -m");
    const char *home = host_home(case_host, NULL);

    a.out[strcspn(a.out, "\n")] = '\0';
    UNIT_EQUAL(host_machine(case_host, NULL), a.out);
    CU_ASSERT_PTR_NOT_NULL_FATAL(home);
    CU_ASSERT_EQUAL(*home, '/');
    CU_ASSERT_PTR_EQUAL(host_home(case_host, NULL), home);
    host_answer_free(&a);
}

/* --- files --- */

void case_mkdir(void)
{
    const char *deep = case_path("d/e/f"), *top = case_path("d");
    const char *file = case_path("d/file");
    struct stat st;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_exists(case_host, deep, NULL), 0);
    CU_ASSERT_EQUAL(host_mkdir(case_host, deep, NULL), 0);
    CU_ASSERT_EQUAL(host_exists(case_host, deep, NULL), 1);
    CU_ASSERT_EQUAL(host_mkdir(case_host, deep, NULL), 0);
    CU_ASSERT_EQUAL(host_mkdir(case_host, "/", NULL), 0);
    CU_ASSERT_EQUAL(stat(top, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    CU_ASSERT_EQUAL(host_write(case_host, file, "", 0, 0600, NULL), 0);
    CU_ASSERT_EQUAL(host_mkdir(case_host, file, &e), -1);
    UNIT_CONTAINS(e.text, "cannot make folder ");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    CU_ASSERT_EQUAL(host_mkdir(case_host, case_path("d/file/x"), NULL), -1);
}

/* The only file of folder [folder]? */
static bool is_alone(const char *folder, const char *name)
{
    char *command = text_format("ls -A '%s'", folder);
    host_answer a = sh(command);

    size_t n = strcspn(a.out, "\n");
    bool is =
        n == strlen(name) && !strncmp(a.out, name, n) && a.out_len <= n + 1;
    host_answer_free(&a);
    free(command);
    return is;
}

void case_write(void)
{
    const char *folder = case_path("w"), *path = case_path("w/file");
    struct stat st;
    size_t len = 9;

    host_mkdir(case_host, folder, NULL);
    CU_ASSERT_EQUAL(host_write(case_host, path, "0123456789", 10, 0640, NULL),
                    0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
    char *part = host_read(case_host, path, 3, 4, &len, NULL);
    UNIT_EQUAL(part, "3456");
    CU_ASSERT_EQUAL(len, 4);
    free(part);
    part = host_read(case_host, path, 8, 100, &len, NULL);
    UNIT_EQUAL(part, "89");
    free(part);
    part = host_read(case_host, path, 100, 100, &len, NULL);
    UNIT_EQUAL(part, "");
    CU_ASSERT_EQUAL(len, 0);
    free(part);
    /* Onto what is there, and an empty one. */
    CU_ASSERT_EQUAL(host_write(case_host, path, "new", 3, 0755, NULL), 0);
    part = host_read(case_host, path, 0, 100, &len, NULL);
    UNIT_EQUAL(part, "new");
    free(part);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0755);
    CU_ASSERT_EQUAL(host_write(case_host, path, "", 0, 0600, NULL), 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 0);
    CU_ASSERT(is_alone(folder, "file"));
    /* None at all is empty too. */
    part = host_read(case_host, case_path("w/none"), 0, 100, &len, NULL);
    UNIT_EQUAL(part, "");
    CU_ASSERT_EQUAL(len, 0);
    free(part);
    part = host_read(case_host, path, 0, 0, &len, NULL);
    UNIT_EQUAL(part, "");
    free(part);
}

/* Slashes apart, a name may have what a word may. */
void case_names(void)
{
    const char *local = case_path("n.local");
    size_t len;

    for (int i = 0; i < N_ODD; i++) {
        if (!*odd[i] || strchr(odd[i], '/'))
            continue;
        char *folder = text_format("%s/n/%s", case_dir, odd[i]);
        char *path = text_format("%s/%s", folder, odd[i]);
        CU_ASSERT_EQUAL(host_mkdir(case_host, folder, NULL), 0);
        CU_ASSERT_EQUAL(host_write(case_host, path, "old", 3, 0600, NULL), 0);
        CU_ASSERT_EQUAL(
            host_write(case_host, path, odd[i], strlen(odd[i]), 0600, NULL), 0);
        char *got = host_read(case_host, path, 0, 100, &len, NULL);
        UNIT_EQUAL(got, odd[i]);
        if (i % 4 == 1) {
            CU_ASSERT_EQUAL(host_get(case_host, path, local, NULL, NULL, NULL),
                            0);
            CU_ASSERT_EQUAL(host_put(case_host, local, path, NULL, NULL, NULL),
                            0);
            CU_ASSERT_EQUAL(host_remove_tree(case_host, folder, NULL), 0);
            CU_ASSERT_EQUAL(host_exists(case_host, folder, NULL), 0);
        }
        free(got);
        free(path);
        free(folder);
    }
    CU_ASSERT_EQUAL(host_exists(case_host, case_path("x"), NULL), 0);
    CU_ASSERT_EQUAL(host_remove_tree(case_host, case_path("n"), NULL), 0);
}

void case_write_errors(void)
{
    char name[400];
    size_t len;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_write(case_host, "/no/where/x", "", 0, 0600, &e), -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    host_mkdir(case_host, case_path("folder"), NULL);
    CU_ASSERT_EQUAL(host_write(case_host, case_path("folder"), "", 0, 0600, &e),
                    -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    CU_ASSERT(host_exists(case_host, case_path("folder"), NULL));
    CU_ASSERT(is_alone(case_path("folder"), ""));
    memset(name, 'n', 300);
    name[300] = '\0';
    CU_ASSERT_EQUAL(host_write(case_host, case_path(name), "", 0, 0600, NULL),
                    -1);
    name[255] = '\0';
    CU_ASSERT_EQUAL(host_write(case_host, case_path(name), "x", 1, 0600, NULL),
                    0);
    CU_ASSERT_PTR_NULL(
        host_read(case_host, case_path("folder"), 0, 9, &len, &e));
    UNIT_CONTAINS(e.text, "cannot read ");
}

/* Links are removed and not followed. */
void case_remove(void)
{
    const char *tree = case_path("tree"), *kept = case_path("kept");

    host_mkdir(case_host, case_path("tree/a/b"), NULL);
    host_mkdir(case_host, kept, NULL);
    host_write(case_host, case_path("kept/file"), "x", 1, 0600, NULL);
    host_write(case_host, case_path("tree/a/file"), "x", 1, 0400, NULL);
    CU_ASSERT_EQUAL(symlink(kept, case_path("tree/a/link")), 0);
    CU_ASSERT_EQUAL(host_remove_tree(case_host, tree, NULL), 0);
    CU_ASSERT_EQUAL(host_exists(case_host, tree, NULL), 0);
    CU_ASSERT_EQUAL(host_exists(case_host, case_path("kept/file"), NULL), 1);
    CU_ASSERT_EQUAL(host_remove_tree(case_host, tree, NULL), 0);
}

/* --- copies --- */

#define COPY_BYTES (9 * MIB + 12345)

void case_copy(void)
{
    const char *from = case_path("c.from"), *to = case_path("c.to");
    const char *back = case_path("c.back");
    struct stat st;
    case_seen seen = {0};
    pe_error e = {0};

    case_fill(from, COPY_BYTES, 1);
    CU_ASSERT_EQUAL(chmod(from, 0751), 0);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(seen.first, 0);
    CU_ASSERT_EQUAL(seen.last, COPY_BYTES);
    CU_ASSERT_EQUAL(seen.total, COPY_BYTES);
    CU_ASSERT(seen.calls >= 3);
    CU_ASSERT(case_same(from, to));
    CU_ASSERT_EQUAL(stat(to, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0751);
    CU_ASSERT_EQUAL(host_get(case_host, to, back, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, back));
    /* Onto another one, and an empty one. */
    case_fill(from, 1000, 2);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, to));
    case_fill(from, 0, 3);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, to));
    CU_ASSERT_EQUAL(host_get(case_host, to, back, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, back));
}

void case_copy_same(void)
{
    const char *from = case_path("s.from"), *to = case_path("s.to");
    struct stat before, after;
    case_seen seen = {0};

    case_fill(from, COPY_BYTES, 4);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(stat(to, &before), 0);
    CU_ASSERT_EQUAL(chmod(from, 0500), 0);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, NULL),
                    0);
    CU_ASSERT_EQUAL(seen.calls, 1);
    CU_ASSERT_EQUAL(seen.last, COPY_BYTES);
    CU_ASSERT_EQUAL(stat(to, &after), 0);
    CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
    CU_ASSERT_EQUAL(after.st_mode & 0777, 0500);
    /* Of the same size, and another. */
    CU_ASSERT_EQUAL(chmod(from, 0600), 0);
    case_fill(from, COPY_BYTES, 5);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, NULL), 0);
    CU_ASSERT(case_same(from, to));
}

static void copy_interrupt(void *arg, const char *name, uint64_t done,
                           uint64_t total)
{
    (void)arg;
    (void)name;
    if (done > 0 && done < total)
        interrupt_set(INTERRUPT_SOON);
}

/* Somebody wants the end: what is copied stays, and is gone on with. */
void case_copy_interrupted(void)
{
    const char *from = case_path("i.from"), *to = case_path("i.to");
    case_seen seen = {0};
    pe_error e = {0};

    case_fill(from, COPY_BYTES, 6);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, copy_interrupt, NULL, &e),
                    -1);
    interrupt_set(INTERRUPT_NONE);
    UNIT_CONTAINS(e.text, "interrupted");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(host_exists(case_host, to, NULL), 0);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, NULL),
                    0);
    CU_ASSERT(seen.first > 0);
    CU_ASSERT(case_same(from, to));
}

/* The name of the partial copy of [from] to [name], as host_copy.c has it. */
static const char *part_of(const char *from, const char *name)
{
    char *command = text_format("sha256sum <'%s' | cut -c 1-16", from);
    host_answer a = sh(command);
    char file[128];

    a.out[strcspn(a.out, "\n")] = '\0';
    snprintf(file, sizeof(file), ".%s.%s.part", name, a.out);
    host_answer_free(&a);
    free(command);
    return case_path(file);
}

/* What is there of a copy: [len] bytes of [from]. */
static void leave_part(const char *from, const char *part, size_t len)
{
    size_t all;
    char *data = file_read(from, 512 * MIB, &all, NULL);

    CU_ASSERT_EQUAL(file_write(part, data, len, 0600, NULL), 0);
    free(data);
}

void case_copy_resume(void)
{
    const char *from = case_path("r.from"), *to = case_path("r.to");
    case_seen seen = {0};

    case_fill(from, COPY_BYTES, 6);
    leave_part(from, part_of(from, "r.to"), 5 * MIB + 7);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, NULL),
                    0);
    CU_ASSERT_EQUAL(seen.first, 5 * MIB + 7);
    CU_ASSERT_EQUAL(seen.last, COPY_BYTES);
    CU_ASSERT(case_same(from, to));
    CU_ASSERT_EQUAL(host_exists(case_host, part_of(from, "r.to"), NULL), 0);
    leave_part(from, part_of(from, "r.back"), COPY_BYTES);
    seen = (case_seen){0};
    CU_ASSERT_EQUAL(host_get(case_host, to, case_path("r.back"), case_progress,
                             &seen, NULL),
                    0);
    CU_ASSERT_EQUAL(seen.first, COPY_BYTES);
    CU_ASSERT(case_same(from, case_path("r.back")));
}

/* Bytes that are not those of the file, and more of them than it has. */
void case_copy_torn(void)
{
    static const size_t lengths[] = {3 * MIB, COPY_BYTES, COPY_BYTES + 1};
    const char *other = case_path("t.other"), *from = case_path("t.from");
    const char *to = case_path("t.to");

    case_fill(other, COPY_BYTES + 1, 7);
    for (unsigned i = 0; i < 3; i++) {
        case_fill(from, COPY_BYTES, 8 + i);
        leave_part(other, part_of(from, "t.to"), lengths[i]);
        CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, NULL), 0);
        CU_ASSERT(case_same(from, to));
        leave_part(other, part_of(from, "t.back"), lengths[i]);
        CU_ASSERT_EQUAL(
            host_get(case_host, to, case_path("t.back"), NULL, NULL, NULL), 0);
        CU_ASSERT(case_same(from, case_path("t.back")));
    }
}

/* A file that changes while it is copied, each time. */
static char changing[512];

static void change(void)
{
    FILE *f = fopen(changing, "r+");

    fprintf(f, "%lld", (long long)clock_mono_ns());
    fclose(f);
}

void case_copy_errors(void)
{
    const char *to = case_path("e.to"), *from = case_path("e.from");
    case_seen seen = {.each = change};
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_put(case_host, case_path("none"), to, NULL, NULL, &e),
                    -1);
    UNIT_CONTAINS(e.text, "none of this host: it is not there");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(host_get(case_host, case_path("none"), to, NULL, NULL, &e),
                    -1);
    UNIT_CONTAINS(e.text, "it is not there");
    CU_ASSERT_EQUAL(host_put(case_host, case_dir, to, NULL, NULL, &e), -1);
    UNIT_CONTAINS(e.text, "not a regular file");
    case_fill(from, 1000, 20);
    CU_ASSERT_EQUAL(host_put(case_host, from, "/no/where/x", NULL, NULL, &e),
                    -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    host_mkdir(case_host, case_path("e.d/folder"), NULL);
    CU_ASSERT_EQUAL(
        host_put(case_host, from, case_path("e.d/folder"), NULL, NULL, &e), -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    CU_ASSERT(is_alone(case_path("e.d"), "folder"));
    case_fill(from, COPY_BYTES, 21);
    snprintf(changing, sizeof(changing), "%s", from);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e),
                    -1);
    UNIT_CONTAINS(e.text, "has another SHA-256 than the file, twice");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(host_exists(case_host, to, NULL), 0);
}
