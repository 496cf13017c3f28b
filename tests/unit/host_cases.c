/* host_cases.c - what every kind of host has to do: commands, processes. */
#include "host_cases.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "unit.h"

#define MIB ((size_t)1 << 20)

host *case_host;
char case_dir[256];
const char *case_name = "";

const char *const case_odd[CASE_N_ODD] = {
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

host_answer case_sh(const char *script)
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
        host_answer a = case_sh(rows[i].script);
        CU_ASSERT_EQUAL(a.status, rows[i].status);
        UNIT_EQUAL(a.out, rows[i].out);
        UNIT_EQUAL(a.err, rows[i].err);
        host_answer_free(&a);
        CU_ASSERT_PTR_NULL(a.out);
    }
    host_answer a = case_sh("printf 'a\\000b'");
    CU_ASSERT_EQUAL(a.out_len, 3);
    CU_ASSERT_EQUAL(a.err_len, 0);
    host_answer_free(&a);
}

/* Each between brackets, as the program got it. */
void case_words(void)
{
    const char *argv[CASE_N_ODD + 3] = {"printf", "[%s]"};
    text want = {0};
    host_answer a;

    for (int i = 0; i < CASE_N_ODD; i++) {
        argv[i + 2] = case_odd[i];
        text_add(&want, "[%s]", case_odd[i]);
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
    host_answer a = case_sh("cat; read x || echo nothing");

    UNIT_EQUAL(a.out, "nothing\n");
    host_answer_free(&a);
}

void case_output(void)
{
    static const char block[] = "0123456789abcdef0123456789ABCDEF";
    host_answer a = case_sh("awk 'BEGIN { for (i = 0; i < 163840; i++) printf "
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

/* Its children too: on a busy host it gets more time to have some. */
void case_timeout(void)
{
    const char *path = case_path("slow.pid");
    char *script =
        text_format("sleep 300 & echo $! >%s; echo said; wait", path);
    const char *argv[] = {"sh", "-c", script, NULL};
    host_answer a;
    pe_error e = {0};
    size_t len = 0;
    char *pid = NULL;
    int i = 0;

    for (int seconds = 1; seconds <= 16 && len <= 1; seconds *= 2) {
        char *want = text_format("no answer within %d s: the command was "
                                 "stopped",
                                 seconds);
        free(pid);
        CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, seconds, &a, &e), -1);
        UNIT_CONTAINS(e.text, want);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
        CU_ASSERT_PTR_NULL(a.out);
        pid = host_read(case_host, path, 0, 100, &len, NULL);
        free(want);
    }
    while (pid && kill(atoi(pid), 0) == 0 && i++ < 500)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    CU_ASSERT(len > 1 && i < 500);
    free(pid);
    free(script);
    host_answer after = case_sh("echo still here");
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
    host_answer a = case_sh("uname -m");
    const char *home = host_home(case_host, NULL);

    a.out[strcspn(a.out, "\n")] = '\0';
    UNIT_EQUAL(host_machine(case_host, NULL), a.out);
    CU_ASSERT_PTR_NOT_NULL_FATAL(home);
    CU_ASSERT_EQUAL(*home, '/');
    CU_ASSERT_PTR_EQUAL(host_home(case_host, NULL), home);
    host_answer_free(&a);
}
