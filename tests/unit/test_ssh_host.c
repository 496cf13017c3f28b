/* test_ssh_host.c - commands, processes, files and copies behind SSH. */
#include "host_cases.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "ssh_server.h"
#include "unit.h"

#define MIB ((size_t)1 << 20)

static ssh_server server;

static host *open_host(void)
{
    pe_error e = {0};
    host *h = host_open_ssh(server.url, NULL, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    return h;
}

/* The server anew, with these settings. */
static void restart(const char *extra)
{
    ssh_server_kill(&server);
    server.extra = extra;
    CU_ASSERT_EQUAL_FATAL(ssh_server_run(&server), 0);
}

static void test_kind(void)
{
    CU_ASSERT_FALSE(host_is_local(case_host));
    UNIT_EQUAL(host_name(case_host), "127.0.0.1");
}

/* --- shells --- */

/* What the login shell prints first is nobody's answer. */
static void test_noise(void)
{
    const char *argv[] = {"sh", "-c", "echo out; echo err >&2; exit 7", NULL};
    host_answer a;

    restart("ForceCommand echo welcome; echo warning >&2; "
            "printf 'no newline'; eval \"$SSH_ORIGINAL_COMMAND\"\n"
            "Subsystem sftp internal-sftp\n");
    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, NULL), 0);
    CU_ASSERT_EQUAL(a.status, 7);
    UNIT_EQUAL(a.out, "out\n");
    UNIT_EQUAL(a.err, "err\n");
    host_answer_free(&a);
    restart(NULL);
}

static void test_no_shell(void)
{
    static const struct {
        const char *extra, *text;
    } rows[] = {
        {"ForceCommand echo This account is not available; exit 1\n",
         "runs no commands for this user; its login shell says 'This account "
         "is not available'"},
        {"ForceCommand true\n", "runs no commands for this user"},
        {"ForceCommand internal-sftp\n", "runs no commands for this user"},
    };
    const char *argv[] = {"true", NULL};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        host_answer a;
        pe_error e = {0};
        restart(rows[i].extra);
        CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    }
    restart(NULL);
}

/* All that a login shell has to understand, whatever it is. */
static void test_other_shells(void)
{
    static const char *const shells[] = {"csh", "tcsh", "fish", "zsh", "bash"};
    const char *argv[] = {"printf", "[%s]", "a'b\n!x $(y)", NULL};
    int tried = 0;

    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        const char *probe[] = {shells[i], "-c", "exit 0", NULL};
        char *extra = text_format("ForceCommand exec %s -c "
                                  "\"$SSH_ORIGINAL_COMMAND\"\n",
                                  shells[i]);
        host_answer a;
        if (ssh_server_do(probe) == 0) {
            restart(extra);
            CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, NULL), 0);
            UNIT_EQUAL(a.out, "[a'b\n!x $(y)]");
            host_answer_free(&a);
            tried++;
        }
        server.extra = NULL;
        free(extra);
    }
    printf("# %d shells\n", tried);
    restart(NULL);
}

static void test_home(void)
{
    static const struct {
        const char *extra, *want;
    } rows[] = {
        {"SetEnv PILOT_HOME=/of/pilots XDG_STATE_HOME=/state\n", "/of/pilots"},
        {"SetEnv XDG_STATE_HOME=/state\n", "/state/pilot"},
        {"", "/.local/state/pilot"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        restart(rows[i].extra);
        host *h = open_host();
        UNIT_CONTAINS(host_home(h, NULL), rows[i].want);
        host_close(h);
    }
    restart(NULL);
}

/* --- breaking connections --- */

/* Between two calls: a question is asked again, and a command that was not
 * sent yet is.
 */
static void test_broken_idle(void)
{
    const char *argv[] = {"echo", "back", NULL};
    host_answer a;

    CU_ASSERT_EQUAL(host_exists(case_host, "/", NULL), 1);
    ssh_server_hang_up(&server);
    CU_ASSERT_EQUAL(host_exists(case_host, "/", NULL), 1);
    ssh_server_hang_up(&server);
    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, NULL), 0);
    UNIT_EQUAL(a.out, "back\n");
    host_answer_free(&a);
}

/* [action] in a process of its own, when file [path] has been written: a shell
 * makes it first, and may be ended in between.
 */
static pid_t when_written(const char *path, void (*action)(void))
{
    struct stat st;
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    while (stat(path, &st) < 0 || st.st_size == 0)
        clock_sleep_ns(5 * CLOCK_MS, 1);
    action();
    _exit(0);
}

static void hang_up(void)
{
    ssh_server_hang_up(&server);
}

static void reap(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* In the middle of a command nobody knows what became of it. */
static void test_broken_command(void)
{
    const char *mark = case_path("running");
    char *script =
        text_format(": >>%s; sleep 0.1; echo x >>%s; sleep 300", mark, mark);
    const char *argv[] = {"sh", "-c", script, NULL};
    host_answer a;
    pe_error e = {0};
    size_t len;

    pid_t pid = when_written(mark, hang_up);
    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, &e), -1);
    UNIT_CONTAINS(e.text, "the outcome of sh is unknown: the connection to "
                          "127.0.0.1 broke");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    reap(pid);
    /* And it was not run a second time. */
    char *runs = host_read(case_host, mark, 0, 100, &len, NULL);
    UNIT_EQUAL(runs, "x\n");
    free(runs);
    free(script);
}

static void test_away(void)
{
    const char *argv[] = {"true", NULL};
    host_answer a;
    pe_error e = {0};

    ssh_server_kill(&server);
    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, &e), -1);
    UNIT_CONTAINS(e.text, "cannot be reached: Connection refused");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(host_exists(case_host, "/", &e), -1);
    CU_ASSERT_EQUAL(host_write(case_host, case_path("x"), "", 0, 0600, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    restart(NULL);
    CU_ASSERT_EQUAL(host_exists(case_host, "/", NULL), 1);
}

static void stop_sessions(void)
{
    ssh_server_signal(&server, "sshd", SIGSTOP);
}

/* A network that swallows everything: the server is stopped, not ended. */
static void test_silent(void)
{
    const host_conf conf = {.keepalive_s = 2};
    const char *mark = case_path("silent");
    char *script = text_format("echo x >%s; sleep 300", mark);
    const char *argv[] = {"sh", "-c", script, NULL};
    host *h = host_open_ssh(server.url, &conf, NULL);
    host_answer a;
    pe_error e = {0};

    pid_t pid = when_written(mark, stop_sessions);
    CU_ASSERT_EQUAL(host_run(h, argv, NULL, 60, &a, &e), -1);
    UNIT_CONTAINS(e.text, "the outcome of sh is unknown: the connection to "
                          "127.0.0.1 broke: it has said nothing for");
    reap(pid);
    ssh_server_hang_up(&server);
    CU_ASSERT_EQUAL(host_exists(h, "/", &e), 1);
    host_close(h);
    free(script);
}

/* A server that knows keep-alive is asked and answers. */
static void test_kept_alive(void)
{
    const host_conf conf = {.keepalive_s = 2};
    const char *argv[] = {"sleep", "9", NULL};
    host *h = host_open_ssh(server.url, &conf, NULL);
    host_answer a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_run(h, argv, NULL, 60, &a, &e), 0);
    UNIT_EQUAL(e.text, "");
    host_answer_free(&a);
    host_close(h);
}

/* --- processes --- */

/* It goes on when the session and the whole server are gone, and is found
 * again from a new one.
 */
static void test_spawn_survives(void)
{
    const char *out = case_path("survivor");
    const char *argv[] = {"sh", "-c", "while :; do echo tick; sleep 0.1; done",
                          NULL};
    host *h = open_host();
    char start[32];
    pid_t pid;
    size_t before, after;

    CU_ASSERT_EQUAL_FATAL(host_spawn(h,
                                     &(const host_command){.argv = argv,
                                                           .folder = NULL,
                                                           .out_path = out,
                                                           .err_path = out},
                                     &pid, start, NULL),
                          0);
    host_close(h);
    restart(NULL);
    h = open_host();
    CU_ASSERT_EQUAL(host_alive(h, pid, start, NULL), 1);
    free(host_read(h, out, 0, MIB, &before, NULL));
    do {
        clock_sleep_ns(20 * CLOCK_MS, 1);
        free(host_read(h, out, 0, MIB, &after, NULL));
    } while (after <= before && host_alive(h, pid, start, NULL) == 1);
    CU_ASSERT(after > before);
    CU_ASSERT_EQUAL(host_kill(h, pid, start, SIGTERM, NULL), 0);
    CU_ASSERT(case_over(pid, start));
    host_close(h);
}

/* --- files --- */

/* The session goes in the middle of a copy: it is made again, and the copy
 * goes on.
 */
static int hang_up_at;

static void hang_up_once(void)
{
    if (hang_up_at > 0 && --hang_up_at == 0)
        ssh_server_hang_up(&server);
}

static void test_copy_mended(void)
{
    const char *from = case_path("m.from"), *to = case_path("m.to");
    case_seen seen = {.each = hang_up_once};
    pe_error e = {0};

    case_fill(from, 40 * MIB, 50);
    hang_up_at = 4;
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e), 0);
    CU_ASSERT_EQUAL(hang_up_at, 0);
    CU_ASSERT(case_same(from, to));
    hang_up_at = 4;
    CU_ASSERT_EQUAL(
        host_get(case_host, to, case_path("m.back"), case_progress, &seen, &e),
        0);
    CU_ASSERT_EQUAL(hang_up_at, 0);
    CU_ASSERT(case_same(from, case_path("m.back")));
}

/* The server goes for good: the copy fails, and goes on when it is back. */
static void kill_server_once(void)
{
    if (hang_up_at > 0 && --hang_up_at == 0)
        ssh_server_kill(&server);
}

static void test_copy_resumed(void)
{
    const char *from = case_path("k.from"), *to = case_path("k.to");
    case_seen seen = {.each = kill_server_once};
    pe_error e = {0};

    case_fill(from, 40 * MIB, 51);
    hang_up_at = 5;
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e),
                    -1);
    UNIT_CONTAINS(e.text, "127.0.0.1");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    CU_ASSERT_EQUAL(access(to, F_OK), -1);
    restart(NULL);
    seen = (case_seen){0};
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e), 0);
    CU_ASSERT(seen.first >= 12 * MIB);
    CU_ASSERT(case_same(from, to));
}

/* The SFTP server alone ends; libssh2 would wait for it for ever. */
static void end_sftp_once(void)
{
    if (hang_up_at > 0 && --hang_up_at == 0)
        CU_ASSERT(ssh_server_signal(&server, "sftp-server", SIGKILL) > 0);
}

static void test_sftp_ends(void)
{
    const char *from = case_path("f.from"), *to = case_path("f.to");
    case_seen seen = {.each = end_sftp_once};
    pe_error e = {0};

    case_fill(from, 40 * MIB, 52);
    hang_up_at = 4;
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e), 0);
    CU_ASSERT_EQUAL(hang_up_at, 0);
    CU_ASSERT(case_same(from, to));
    hang_up_at = 4;
    CU_ASSERT_EQUAL(
        host_get(case_host, to, case_path("f.back"), case_progress, &seen, &e),
        0);
    CU_ASSERT(case_same(from, case_path("f.back")));
    CU_ASSERT(ssh_server_signal(&server, "sftp-server", SIGKILL) > 0);
    CU_ASSERT_EQUAL(host_exists(case_host, to, NULL), 1);
}

/* A server with room for one channel at a time. */
static void test_one_channel(void)
{
    const char *path = case_path("one");
    const char *argv[] = {"true", NULL};
    host_answer a;
    size_t len;

    restart("MaxSessions 1\n");
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(host_write(case_host, path, "x", 1, 0600, NULL), 0);
        CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, NULL), 0);
        host_answer_free(&a);
        char *data = host_read(case_host, path, 0, 10, &len, NULL);
        UNIT_EQUAL(data, "x");
        free(data);
    }
    CU_ASSERT_EQUAL(
        host_get(case_host, path, case_path("one.back"), NULL, NULL, NULL), 0);
    restart(NULL);
}

/* The keys of the session change in the middle, many times. */
static void test_rekey(void)
{
    const char *from = case_path("y.from"), *to = case_path("y.to");

    restart("RekeyLimit 3M\n");
    case_fill(from, 40 * MIB, 53);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, NULL), 0);
    CU_ASSERT(case_same(from, to));
    CU_ASSERT_EQUAL(
        host_get(case_host, to, case_path("y.back"), NULL, NULL, NULL), 0);
    CU_ASSERT(case_same(from, case_path("y.back")));
    case_output();
    restart(NULL);
}

/* A write fails, and the shell of the other side says that it is a quota:
 * no file system with one is to be had here, so its dd is played.
 */
static void quota_case(const char *data, size_t len)
{
    char *extra = text_format("SetEnv PATH=%s/bin:/usr/bin:/bin\n", server.dir);
    pe_error e = {0};

    host_mkdir(case_host, case_path("../bin"), NULL);
    ssh_server_write(&server, "bin/dd",
                     "#!/bin/sh\necho 'dd: error writing .probe: Disk quota "
                     "exceeded' >&2\nexit 1\n");
    chmod(case_path("../bin/dd"), 0700);
    restart(extra);
    CU_ASSERT_EQUAL(
        host_write(case_host, case_path("full/y"), data, len, 0600, &e), -1);
    UNIT_CONTAINS(e.text, "your quota is used up in ");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    restart(NULL);
    free(extra);
}

static void test_full(void)
{
    const char *folder = case_path("full"), *from = case_path("full.from");
    char data[60000];
    pe_error e = {0};

    host_mkdir(case_host, folder, NULL);
    if (geteuid() != 0 || mount("none", folder, "tmpfs", 0,
                                "size=64k,nr_inodes=4,mode=0700") < 0) {
        printf("# skipped: no tmpfs without root\n");
        return;
    }
    memset(data, 'x', sizeof(data));
    case_fill(from, 1 << 20, 30);
    CU_ASSERT_EQUAL(
        host_put(case_host, from, case_path("full/x"), NULL, NULL, &e), -1);
    UNIT_CONTAINS(e.text, "disk full in ");
    UNIT_CONTAINS(e.text, folder);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    CU_ASSERT_EQUAL(host_write(case_host, case_path("full/y"), data,
                               sizeof(data), 0600, &e),
                    -1);
    UNIT_CONTAINS(e.text, "disk full in ");
    quota_case(data, sizeof(data));
    /* No room for a name. */
    host_remove_tree(case_host, folder, NULL);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof(name), "full/%d", i);
        host_mkdir(case_host, case_path(name), NULL);
    }
    CU_ASSERT_EQUAL(host_mkdir(case_host, case_path("full/more"), &e), -1);
    UNIT_CONTAINS(e.text, "disk full in ");
    umount(folder);
}

int main(void)
{
    static const unit_test tests[] = {
        {"what it is", test_kind},
        HOST_CASES,
        {"a login shell that prints", test_noise},
        {"login shells that run nothing", test_no_shell},
        {"login shells of other kinds", test_other_shells},
        {"home as its environment has it", test_home},
        {"a connection that broke between calls", test_broken_idle},
        {"a connection that breaks under a command", test_broken_command},
        {"a server that is away", test_away},
        {"a server that falls silent", test_silent},
        {"a long command without a word", test_kept_alive},
        {"a process outlives session and server", test_spawn_survives},
        {"a copy outlives its session", test_copy_mended},
        {"a copy goes on when the server is back", test_copy_resumed},
        {"an SFTP server that ends", test_sftp_ends},
        {"a server with one channel at a time", test_one_channel},
        {"new keys on the way", test_rekey},
        {"a full disk is said to be one", test_full},
        {NULL, NULL},
    };

    if (!ssh_server_installed()) {
        printf("1..0 # SKIP no sshd\n");
        return 0;
    }
    if (ssh_server_open(&server) < 0)
        return 99;
    snprintf(case_dir, 256, "%s/host", server.dir);
    case_name = "127.0.0.1:";
    case_host = host_open_ssh(server.url, NULL, NULL);
    if (!case_host || file_mkdir(case_dir, NULL) < 0)
        return 99;
    int status = unit_main("ssh_host", tests);
    host_close(case_host);
    ssh_server_close(&server);
    return status;
}
