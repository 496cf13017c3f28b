/* test_once.c - what can be read once only. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/once.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static char said[4096];

static void hear(void *arg, enum log_level level, const char *line)
{
    size_t n = strlen(said);

    (void)arg;
    (void)level;
    snprintf(said + n, sizeof(said) - n, "%s\n", line);
}

static const char *at(const char *name)
{
    static char path[400];

    snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);
    return path;
}

/* --- standard input of this very program --- */

static int kept = -1; /* the one it has by itself */

static void input_from(int fd)
{
    if (kept < 0)
        kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    if (fd < 0)
        close(STDIN_FILENO);
    else
        dup2(fd, STDIN_FILENO);
    if (fd > STDIN_FILENO)
        close(fd);
}

static void input_back(void)
{
    if (kept >= 0)
        dup2(kept, STDIN_FILENO);
}

/* Somebody who writes [text] [n] times into [ends], and ends; the child. */
static pid_t writer(const int ends[2], const char *text, int n)
{
    int fd = ends[1];
    pid_t pid = fork();

    if (pid > 0)
        close(fd);
    if (pid != 0)
        return pid;
    close(ends[0]); /* or nobody would be told that nobody reads */
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < n; i++)
        if (write(fd, text, strlen(text)) < 0)
            _exit(1);
    _exit(0);
}

static void input_from_pipe(const char *text, int n, pid_t *pidp)
{
    int ends[2];

    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    *pidp = writer(ends, text, n);
    input_from(ends[0]);
}

static void reap(pid_t pid)
{
    CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

/* The copy at [path], whole, also a second time. */
static void expect_copy(const char *path, const char *text, size_t times)
{
    for (int k = 0; path && k < 2; k++) {
        size_t len = 0;
        char *data = file_read(path, 1 << 24, &len, NULL);

        CU_ASSERT_EQUAL(len, times * strlen(text));
        CU_ASSERT(data && !strncmp(data, text, strlen(text)));
        CU_ASSERT(data && len >= strlen(text) &&
                  !strcmp(data + len - strlen(text), text));
        free(data);
    }
}

/* --- what needs no copy --- */

static void test_plain(void)
{
    static const char *const paths[] = {"file.csv",   ".",         "no/such",
                                        "scan.h5:/x", "a*.csv",    "",
                                        "-x",         "file.csv:a"};
    onces l = {0};
    pe_error e = {0};

    scratch_write("file.csv", "1,2\n");
    for (size_t i = 0; i < N(paths); i++) {
        const char *path =
            *paths[i] && *paths[i] != '-' ? at(paths[i]) : paths[i];

        CU_ASSERT_PTR_EQUAL(onces_take(&l, path, &e), path);
        UNIT_EQUAL(e.text, "");
    }
    CU_ASSERT_EQUAL(l.n, 0);
    onces_free(&l);
}

/* --- copies --- */

static void test_input(void)
{
    static const char *const names[] = {"-", "/dev/stdin", "/dev/fd/0",
                                        "/proc/self/fd/0"};

    for (size_t i = 0; i < N(names); i++) {
        onces l = {0};
        pe_error e = {0};
        pid_t pid;
        const char *path;

        input_from_pipe("1,2\n3,4\n", 1, &pid);
        path = onces_take(&l, names[i], &e);
        input_back();
        reap(pid);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_PTR_NOT_NULL_FATAL(path);
        expect_copy(path, "1,2\n3,4\n", 1);
        CU_ASSERT_EQUAL(l.n, 1);
        UNIT_EQUAL(l.s[0].name, "stdin");
        onces_free(&l);
        CU_ASSERT_EQUAL(l.n, 0);
    }
}

/* More than a pipe holds, and more than one piece. */
static void test_large(void)
{
    onces l = {0};
    pe_error e = {0};
    pid_t pid;
    const char *path;

    input_from_pipe("0123456789abcde\n", 70000, &pid);
    path = onces_take(&l, "-", &e);
    input_back();
    reap(pid);
    UNIT_EQUAL(e.text, "");
    expect_copy(path, "0123456789abcde\n", 70000);
    onces_free(&l);
}

/* A file as standard input is read from where it stands. */
static void test_input_file(void)
{
    onces l = {0};
    pe_error e = {0};
    char skipped[4];
    const char *path;
    int fd;

    scratch_write("in.csv", "1,2\n3,4\n");
    fd = open(scratch_path, O_RDONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(read(fd, skipped, 4), 4);
    input_from(fd);
    path = onces_take(&l, "-", &e);
    input_back();
    UNIT_EQUAL(e.text, "");
    expect_copy(path, "3,4\n", 1);
    onces_free(&l);
}

/* What stands behind a colon stays a part of it. */
static void test_part(void)
{
    onces l = {0};
    pe_error e = {0};
    pid_t pid;
    const char *path;
    char *words;

    input_from_pipe("x", 1, &pid);
    path = onces_take(&l, "-:/entry/data", &e);
    input_back();
    reap(pid);
    CU_ASSERT_PTR_NOT_NULL_FATAL(path);
    UNIT_CONTAINS(path, ":/entry/data");
    words = onces_words(&l, path);
    UNIT_EQUAL(words, "stdin:/entry/data");
    free(words);
    CU_ASSERT_EQUAL(access(l.s[0].file, R_OK), 0);
    onces_free(&l);
}

static void test_fifo(void)
{
    onces l = {0};
    pe_error e = {0};
    const char *path;
    pid_t pid;

    CU_ASSERT_EQUAL_FATAL(mkfifo(at("fifo"), 0600), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(at("fifo"), O_WRONLY | O_CLOEXEC);

        _exit(write(fd, "5,6\n", 4) == 4 ? 0 : 1);
    }
    *said = '\0';
    path = onces_take(&l, at("fifo"), &e);
    reap(pid);
    UNIT_EQUAL(e.text, "");
    expect_copy(path, "5,6\n", 1);
    UNIT_EQUAL(l.s[0].name, at("fifo"));
    onces_free(&l);
}

/* It is said, and not only waited for. */
static void test_fifo_alone(void)
{
    char first[256] = "";
    size_t len = 0;
    int ends[2], fd;
    pid_t pid;

    CU_ASSERT_EQUAL_FATAL(mkfifo(at("alone"), 0600), 0);
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        onces l = {0};
        const char *path;
        char *data = NULL;

        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        log_init(log_write_stderr, (void *)(uintptr_t) "test", LOG_LEVEL_INFO);
        path = onces_take(&l, at("alone"), NULL);
        if (path)
            data = file_read(path, 64, NULL, NULL);
        _exit(data && !strcmp(data, "7\n") ? 0 : 1);
    }
    close(ends[1]);
    while (len + 1 < sizeof(first) && !strchr(first, '\n')) {
        ssize_t n = read(ends[0], first + len, sizeof(first) - 1 - len);

        if (n <= 0)
            break;
        len += (size_t)n;
    }
    UNIT_CONTAINS(first, "test: ");
    UNIT_CONTAINS(first, "/alone is a pipe that nobody writes into yet: its "
                         "rows are waited for; Ctrl-C gives it up");
    fd = open(at("alone"), O_WRONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(write(fd, "7\n", 2), 2);
    close(fd);
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    close(ends[0]);
}

/* --- what is none of it --- */

static int terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    CU_ASSERT(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    return open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void make_socket(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CU_ASSERT_FATAL(snprintf(a.sun_path, sizeof(a.sun_path), "%s", path) <
                    (int)sizeof(a.sun_path));
    CU_ASSERT_EQUAL(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
}

static void refused(const char *path, const char *words, enum pe_exit code)
{
    onces l = {0};
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(onces_take(&l, path, &e));
    UNIT_CONTAINS(e.text, words);
    CU_ASSERT_EQUAL(e.exit_code, code);
    onces_free(&l);
}

static void test_refused(void)
{
    make_socket(at("socket"));
    refused(at("socket"),
            "/socket is a socket, and no file of rows: write what "
            "is to be read into a file, or send it through a "
            "pipe",
            PE_EXIT_DATA);
    refused("/dev/zero", "/dev/zero is a device, and no file", PE_EXIT_DATA);
    refused("/dev/null", "/dev/null is a device", PE_EXIT_DATA);
    input_from(open("/dev/null", O_RDONLY | O_CLOEXEC));
    refused("-", "stdin is a device", PE_EXIT_DATA);
    input_from(terminal());
    refused("-", "stdin is a terminal, and no file of rows", PE_EXIT_DATA);
    refused("/dev/stdin", "stdin is a terminal", PE_EXIT_DATA);
    input_from(-1);
    refused("-", "stdin is closed", PE_EXIT_DATA);
    input_back();
}

/* A socket may be what standard input is. */
static void test_input_socket(void)
{
    onces l = {0};
    pe_error e = {0};
    const char *path;
    int ends[2];
    pid_t pid;

    CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                    0);
    pid = writer(ends, "8,9\n", 1);
    input_from(ends[0]);
    path = onces_take(&l, "-", &e);
    input_back();
    reap(pid);
    UNIT_EQUAL(e.text, "");
    expect_copy(path, "8,9\n", 1);
    onces_free(&l);
}

/* --- no room --- */

static void test_no_room(void)
{
    struct rlimit was, small = {4096, RLIM_INFINITY};
    pid_t pid;

    CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &was), 0);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    input_from_pipe("0123456789abcde\n", 70000, &pid);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    setenv("TMPDIR", scratch_folder, 1);
    refused("-", "stdin is too large to be kept in ", PE_EXIT_CREATE);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &was), 0);
    input_back(); /* nobody reads now: the writer ends */
    reap(pid);
    signal(SIGXFSZ, SIG_DFL);
    input_from_pipe("x", 1, &pid);
    setenv("TMPDIR", at("nowhere"), 1);
    refused("-", "cannot make a file in ", PE_EXIT_CREATE);
    unsetenv("TMPDIR");
    input_back();
    reap(pid);
}

/* --- names --- */

static void test_words(void)
{
    static char file[] = "/proc/7/fd/5", path[] = "/proc/7/fd/5:a",
                name[] = "stdin", file2[] = "/proc/7/fd/51", name2[] = "p";
    once s[] = {{.fd = -1, .file = file, .path = path, .name = name},
                {.fd = -1, .file = file2, .path = file2, .name = name2}};
    const onces l = {s, 2};
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"", ""},
        {"no path", "no path"},
        {"/proc/7/fd/5:3: bad", "stdin:3: bad"},
        {"in /proc/7/fd/5 and /proc/7/fd/51", "in stdin and p"},
        {"/proc/7/fd/52", "/proc/7/fd/52"},
        {"/proc/7/fd/", "/proc/7/fd/"},
    };
    pe_error e = {0};

    for (size_t i = 0; i < N(rows); i++) {
        char *words = onces_words(&l, rows[i].line);

        UNIT_EQUAL(words, rows[i].words);
        free(words);
    }
    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_DATA, "%s:9: bad", file);
    onces_error(&l, &e);
    UNIT_EQUAL(e.text, "stdin:9: bad");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    onces_error(&l, NULL);
}

int main(void)
{
    static const unit_test tests[] = {
        {"files and folders stay where they are", test_plain},
        {"standard input, by its names", test_input},
        {"more than a pipe holds", test_large},
        {"a file as standard input", test_input_file},
        {"a part of what is read", test_part},
        {"a pipe with a name", test_fifo},
        {"a pipe that nobody writes into", test_fifo_alone},
        {"terminals, devices, sockets", test_refused},
        {"a socket as standard input", test_input_socket},
        {"no room for a copy", test_no_room},
        {"copies are called what was copied", test_words},
        {NULL, NULL},
    };
    int status;

    log_init(hear, NULL, LOG_LEVEL_INFO);
    scratch_make();
    status = unit_main("once", tests);
    scratch_remove();
    return status;
}
