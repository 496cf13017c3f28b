/* test_ssh.c - who is let in, and who is trusted: a real sshd. */
#include "unit.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/host/host.h"
#include "src/host/ssh_key.h"
#include "ssh_server.h"

static ssh_server server;
static pe_error error; /* of the last attempt */

/* Log in and run a command: 0, or -1. */
static int enter_as(const char *url, const host_conf *c)
{
    const char *argv[] = {"true", NULL};
    host_answer a = {0};

    error = (pe_error){0};
    host *h = host_open_ssh(url, c, &error);
    int status = h ? host_run(h, argv, NULL, 60, &a, &error) : -1;
    host_answer_free(&a);
    host_close(h);
    return status;
}

static int enter(void)
{
    return enter_as(server.url, NULL);
}

/* Only what is named below is in client/.ssh, and known. */
static void reset(void)
{
    static const char *const names[] = {
        "id_ed25519",   "id_ecdsa",   "id_rsa",    "other", "id_ed25519.pub",
        "id_ecdsa.pub", "id_rsa.pub", "other.pub", "config"};
    char path[160];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/.ssh/%s", server.home, names[i]);
        unlink(path);
    }
    unsetenv("SSH_AUTH_SOCK");
    ssh_server_trust(&server, "host_ed25519");
}

static void restart(const char *extra)
{
    ssh_server_kill(&server);
    server.extra = extra;
    CU_ASSERT_EQUAL_FATAL(ssh_server_run(&server), 0);
}

static const char *in_ssh(const char *name)
{
    static char paths[8][160];
    static int turn;
    char *path = paths[turn++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/.ssh/%s", server.home, name);
    return path;
}

/* --- keys --- */

static void test_types(void)
{
    static const struct {
        const char *name, *type;
    } rows[] = {
        {"id_ed25519", "ed25519"},
        {"id_ecdsa", "ecdsa"},
    };

    for (size_t i = 0; i < 2; i++) {
        reset();
        CU_ASSERT_EQUAL(ssh_server_key(&server, rows[i].name, rows[i].type, ""),
                        0);
        ssh_server_accept(&server, rows[i].name);
        CU_ASSERT_EQUAL(enter(), 0);
        UNIT_EQUAL(error.text, "");
    }
}

/* The usual files one after the other, and a key that was named. */
static void test_files(void)
{
    const host_conf named = {.identity = in_ssh("other")};

    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_key(&server, "id_ecdsa", "ecdsa", "");
    ssh_server_accept(&server, "id_ecdsa");
    CU_ASSERT_EQUAL(enter(), 0);
    ssh_server_key(&server, "other", "ed25519", "");
    ssh_server_accept(&server, "other");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "accepts no key of user ");
    UNIT_CONTAINS(error.text, "id_ed25519 (refused), ");
    UNIT_CONTAINS(error.text, "id_ecdsa (refused); ");
    UNIT_CONTAINS(error.text, "ssh-copy-id");
    CU_ASSERT_EQUAL(error.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
    CU_ASSERT_EQUAL(enter_as(server.url, &named), 0);
    unlink(in_ssh("other"));
    CU_ASSERT_EQUAL(enter_as(server.url, &named), -1);
    UNIT_CONTAINS(error.text, "/other (not there); ");
}

static void test_none(void)
{
    reset();
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "there is none, nor an agent; make a key with "
                              "'ssh-keygen -t ed25519'");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
}

static void test_rsa(void)
{
    reset();
    ssh_server_key(&server, "id_rsa", "rsa", "");
    ssh_server_accept(&server, "id_rsa");
    if (ssh_key_use_of("ssh-rsa") == SSH_KEY_GOOD) { /* a libssh2 since 1.11 */
        CU_ASSERT_EQUAL(enter(), 0);
        return;
    }
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "/id_rsa (RSA, refused); libssh2 before 1.11 "
                              "signs with RSA and SHA-1");
    UNIT_CONTAINS(error.text, "make another key with 'ssh-keygen -t ed25519'");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
    /* Which older servers take, and are offered after all others. */
    restart("PubkeyAcceptedAlgorithms +ssh-rsa\n");
    CU_ASSERT_EQUAL(enter(), 0);
    restart(NULL);
}

static void test_bad_files(void)
{
    static const struct {
        int mode;
        const char *content, *text;
    } rows[] = {
        {0640, NULL, "id_ed25519 (open to others: run 'chmod 600 "},
        {0604, NULL, "id_ed25519 (open to others: run 'chmod 600 "},
        {0600, "no key\n", "id_ed25519 (not a private key); "},
        {0600, "", "id_ed25519 (it cannot be read); "},
        {0600,
         "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"
         "-----END OPENSSH PRIVATE KEY-----\n",
         "id_ed25519 (not a private key); "},
        {0600, "-----BEGIN PRIVATE KEY-----\nAAAA\n",
         "id_ed25519 (libssh2 cannot read it); "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reset();
        ssh_server_key(&server, "id_ed25519", "ed25519", "");
        ssh_server_accept(&server, "id_ed25519");
        if (rows[i].content)
            ssh_server_write(&server, "client/.ssh/id_ed25519",
                             rows[i].content);
        chmod(in_ssh("id_ed25519"), (mode_t)rows[i].mode);
        CU_ASSERT_EQUAL(enter(), -1);
        UNIT_CONTAINS(error.text, rows[i].text);
        CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
    }
    reset();
    mkdir(in_ssh("id_ecdsa"), 0700);
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "id_ecdsa (not a regular file); ");
    rmdir(in_ssh("id_ecdsa"));
}

static void test_passphrase(void)
{
    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "secret");
    ssh_server_accept(&server, "id_ed25519");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "id_ed25519 (has a passphrase: run ssh-add); ");
}

/* --- the agent --- */

static pid_t agent_start(void)
{
    char socket_path[96];
    char *argv[] = {"ssh-agent", "-D", "-a", socket_path, NULL};
    struct stat st;

    snprintf(socket_path, sizeof(socket_path), "%s/agent", server.dir);
    unlink(socket_path);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen("/dev/null", "w", stdout))
            _exit(99);
        execvp(argv[0], argv);
        _exit(99);
    }
    for (int i = 0; i < 1000 && stat(socket_path, &st) < 0; i++)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    setenv("SSH_AUTH_SOCK", socket_path, 1);
    return pid;
}

static int agent_add(const char *name)
{
    const char *argv[] = {"ssh-add", "-q", in_ssh(name), NULL};

    return ssh_server_do(argv);
}

static void test_agent(void)
{
    reset();
    ssh_server_key(&server, "other", "ed25519", "");
    ssh_server_accept(&server, "other");
    pid_t pid = agent_start();
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "there is none, nor an agent; ");
    CU_ASSERT_EQUAL(agent_add("other"), 0);
    unlink(in_ssh("other"));
    CU_ASSERT_EQUAL(enter(), 0);
    UNIT_EQUAL(error.text, "");
    /* One the server does not want goes before it. */
    ssh_server_key(&server, "id_ecdsa", "ecdsa", "");
    CU_ASSERT_EQUAL(agent_add("id_ecdsa"), 0);
    CU_ASSERT_EQUAL(enter(), 0);
    ssh_server_accept(&server, "id_ecdsa");
    CU_ASSERT_EQUAL(enter(), 0);
    kill(pid, SIGKILL);
    unlink(in_ssh("id_ecdsa"));
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "agent (does not answer); ");
}

/* More keys than a server looks at: it hangs up, and is told by name which
 * one is right.
 */
static void test_many_keys(void)
{
    char *path = text_format("%s", in_ssh("id_ed25519"));
    const host_conf named = {.identity = path};

    reset();
    pid_t pid = agent_start();
    for (int i = 0; i < 8; i++) {
        ssh_server_key(&server, "other", "ed25519", "");
        CU_ASSERT_EQUAL(agent_add("other"), 0);
    }
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "agent's test (refused), ");
    UNIT_CONTAINS(error.text, "(the server hung up); ");
    UNIT_CONTAINS(error.text, "it said 'Too many authentication failures'; ");
    UNIT_CONTAINS(error.text, "IdentityFile in ~/.ssh/config");
    CU_ASSERT_EQUAL(enter_as(server.url, &named), 0);
    UNIT_EQUAL(error.text, "");
    ssh_server_write(&server, "client/.ssh/config",
                     "Host 127.0.0.*\n  IdentityFile ~/.ssh/id_ed25519\n");
    CU_ASSERT_EQUAL(enter(), 0);
    kill(pid, SIGKILL);
    free(path);
}

/* An agent that listens and never answers. */
static void test_deaf_agent(void)
{
    reset();
    pid_t pid = agent_start();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    kill(pid, SIGSTOP);
    int64_t before = clock_mono_ns();
    enter();
    UNIT_EQUAL(error.text, "");
    CU_ASSERT(clock_mono_ns() - before < 60000 * CLOCK_MS);
    kill(pid, SIGKILL);
}

/* --- host keys --- */

/* The line that the message says to run, run. */
static int run_advice(void)
{
    const char *from = strstr(error.text, "run '");
    const char *to = from ? strrchr(error.text, '\'') : NULL;
    char *command =
        to ? text_format("%.*s", (int)(to - from - 5), from + 5) : NULL;
    const char *argv[] = {"sh", "-c", command, NULL};
    int status = command ? ssh_server_do(argv) : -1;

    free(command);
    return status;
}

/* As ssh-keygen prints it. */
static char *print_of(const char *key)
{
    char *command =
        text_format("ssh-keygen -lf %s/%s.pub | cut -d' ' -f2 >%s/print",
                    server.dir, key, server.dir);
    const char *argv[] = {"sh", "-c", command, NULL};

    CU_ASSERT_EQUAL(ssh_server_do(argv), 0);
    free(command);
    char *print = ssh_server_read(&server, "print");
    print[strcspn(print, "\n")] = '\0';
    return print;
}

static void test_unknown(void)
{
    char *print = print_of("host_ed25519");

    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    for (int missing = 0; missing < 2; missing++) {
        ssh_server_write(&server, "client/.ssh/known_hosts",
                         "127.0.0.1 ssh-ed25519 AAAA\n");
        if (missing)
            unlink(in_ssh("known_hosts"));
        CU_ASSERT_EQUAL(enter(), -1);
        UNIT_CONTAINS(error.text, "its ssh-ed25519 key SHA256:");
        UNIT_CONTAINS(error.text, print);
        UNIT_CONTAINS(error.text, "is not in ");
        UNIT_CONTAINS(error.text, "then run 'ssh-keyscan -p ");
        CU_ASSERT_EQUAL(error.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
        CU_ASSERT_EQUAL(run_advice(), 0);
        CU_ASSERT_EQUAL(enter(), 0);
    }
    free(print);
}

static void make_host_key(const char *name, const char *type)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", server.dir, name);
    const char *argv[] = {"ssh-keygen", "-q", "-t", type, "-N",
                          "",           "-f", path, NULL};
    unlink(path);
    CU_ASSERT_EQUAL(ssh_server_do(argv), 0);
}

static void test_changed(void)
{
    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    make_host_key("host_other", "ed25519");
    ssh_server_trust(&server, "host_other");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "shows another ssh-ed25519 key (SHA256:");
    UNIT_CONTAINS(error.text, "than line 1 of ");
    UNIT_CONTAINS(error.text, "somebody may be listening in");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
    CU_ASSERT_EQUAL(run_advice(), 0);
    CU_ASSERT_EQUAL(enter(), 0);
}

/* The server has two keys; known is the one it would not show by itself. */
static void test_known_types(void)
{
    char *extra = text_format("HostKey %s/host_ecdsa\n", server.dir);

    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    make_host_key("host_ecdsa", "ecdsa");
    restart(extra);
    ssh_server_trust(&server, "host_ecdsa");
    CU_ASSERT_EQUAL(enter(), 0);
    UNIT_EQUAL(error.text, "");
    ssh_server_trust(&server, "host_ed25519");
    CU_ASSERT_EQUAL(enter(), 0);
    restart(NULL);
    ssh_server_trust(&server, "host_ecdsa");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "which has a key of another type only");
    free(extra);
}

/* Hashed as ssh-keygen -H does it, among lines that say nothing. */
static void test_known_forms(void)
{
    const char *argv[] = {"ssh-keygen", "-H", "-f", in_ssh("known_hosts"),
                          NULL};

    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    CU_ASSERT_EQUAL(ssh_server_do(argv), 0);
    char *hashed = ssh_server_read(&server, "client/.ssh/known_hosts");
    CU_ASSERT_PTR_NULL(strstr(hashed, "127.0.0.1"));
    char *all = text_format("# comment\n\nnonsense\n"
                            "@cert-authority * ssh-ed25519 AAAA\n"
                            "* ssh-nonsense AAAA\n%s",
                            hashed);
    ssh_server_write(&server, "client/.ssh/known_hosts", all);
    CU_ASSERT_EQUAL(enter(), 0);
    char *revoked =
        text_format("%s@revoked * %s", all, strchr(hashed, ' ') + 1);
    ssh_server_write(&server, "client/.ssh/known_hosts", revoked);
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "is revoked by line 7 of ");
    free(revoked);
    free(all);
    free(hashed);
}

/* --- not let in, not reached --- */

static void test_denied(void)
{
    char *deny = text_format("DenyUsers %s\n", server.user);

    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    restart(deny);
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "accepts no key of user ");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
    restart("PubkeyAuthentication no\nKbdInteractiveAuthentication yes\n");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "takes no keys but only '");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_PERMISSION);
    restart(NULL);
    char *url = text_format("ssh://nobody-here@127.0.0.1:%d", server.port);
    CU_ASSERT_EQUAL(enter_as(url, NULL), -1);
    UNIT_CONTAINS(error.text, "accepts no key of user nobody-here: ");
    free(url);
    free(deny);
}

static void test_no_method(void)
{
    reset();
    ssh_server_key(&server, "id_ed25519", "ed25519", "");
    ssh_server_accept(&server, "id_ed25519");
    restart("Ciphers aes128-gcm@openssh.com,chacha20-poly1305@openssh.com\n");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "agree on no method: this library has aes-ctr");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_CONFIG);
    restart(NULL);
}

/* A server of something else; its port. */
static int stranger(const char *says, int *fdp)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    *fdp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(*fdp, (struct sockaddr *)&a, len), 0);
    CU_ASSERT_EQUAL_FATAL(listen(*fdp, 5), 0);
    getsockname(*fdp, (struct sockaddr *)&a, &len);
    if (says && fork() == 0) {
        int fd = accept(*fdp, NULL, NULL);
        ssize_t n = write(fd, says, strlen(says));
        close(fd);
        _exit(n < 0);
    }
    return ntohs(a.sin_port);
}

static void test_wrong_port(void)
{
    const host_conf quick = {.connect_timeout_s = 0.5};
    static const struct {
        const char *says, *text;
    } rows[] = {
        {"HTTP/1.0 400 Bad Request\r\n\r\n", "does not speak SSH"},
        {"", "does not speak SSH"},
        {"Not allowed at this time\r\n",
         "lets nobody in from here for some seconds, after log-ins that "
         "failed (it says 'Not allowed at this time'): try again later"},
        {NULL, "did not answer in time"},
    };
    int fd;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int port = stranger(rows[i].says, &fd);
        char *url = text_format("ssh://x@127.0.0.1:%d", port);
        CU_ASSERT_EQUAL(enter_as(url, &quick), -1);
        UNIT_CONTAINS(error.text, rows[i].text);
        CU_ASSERT_EQUAL(error.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_UNAVAILABLE);
        free(url);
        close(fd);
    }
    CU_ASSERT_EQUAL(enter_as("ssh://x@127.0.0.1:1", NULL), -1);
    UNIT_EQUAL(error.text, "127.0.0.1 port 1 cannot be reached: Connection "
                           "refused");
    CU_ASSERT_EQUAL(enter_as("ssh://x@no-such-host.invalid", NULL), -1);
    UNIT_CONTAINS(error.text, "no-such-host.invalid port 22 cannot be "
                              "reached: ");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_UNAVAILABLE);
}

/* --- ~/.ssh/config --- */

/* Names, files that are included, and conditions of all kinds. */
static void test_config(void)
{
    char *config = text_format("Include %s/.ssh/more\n"
                               "Match host away exec \"true\"\n"
                               "  HostName 127.0.0.1\n"
                               "  Port %d\n"
                               "Match host away exec \"false\"\n"
                               "  User nobody\n",
                               server.home, server.port);
    char *more = text_format("Host far\n"
                             "  HostName 127.0.0.1\n"
                             "  Port %d\n"
                             "  HostKeyAlias its.name\n"
                             "Host far away\n"
                             "  User %s\n"
                             "  IdentityFile ~/.ssh/other\n"
                             "Host lost\n"
                             "  HostName 127.0.0.1\n"
                             "  Port 1\n",
                             server.port, server.user);

    reset();
    ssh_server_key(&server, "other", "ed25519", "");
    ssh_server_accept(&server, "other");
    ssh_server_write(&server, "client/.ssh/config", config);
    ssh_server_write(&server, "client/.ssh/more", more);
    CU_ASSERT_EQUAL(enter_as("ssh://far", NULL), -1);
    UNIT_CONTAINS(error.text, "known_hosts; compare it with what the site "
                              "tells, then run 'ssh -o "
                              "StrictHostKeyChecking=ask -p ");
    char *key = ssh_server_read(&server, "host_ed25519.pub");
    char *known =
        text_format("[127.0.0.1]:%d %sits.name %s", server.port, key, key);
    ssh_server_write(&server, "client/.ssh/known_hosts", known);
    CU_ASSERT_EQUAL(enter_as("ssh://far", NULL), 0);
    UNIT_EQUAL(error.text, "");
    CU_ASSERT_EQUAL(enter_as("slurm+ssh://away", NULL), 0);
    UNIT_EQUAL(error.text, "");
    CU_ASSERT_EQUAL(enter_as("ssh://lost", NULL), -1);
    UNIT_EQUAL(error.text, "lost at 127.0.0.1 port 1 cannot be reached: "
                           "Connection refused");
    free(known);
    free(key);
    free(more);
    free(config);
}

/* Its address in brackets, as known_hosts has it. */
static void test_v6(void)
{
    char *extra = text_format("ListenAddress [::1]:%d\n", server.port);
    char *url = text_format("ssh://%s@[::1]:%d", server.user, server.port);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 a = {.sin6_family = AF_INET6,
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    reset();
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        printf("# SKIP this host has no IPv6\n");
    } else {
        ssh_server_key(&server, "id_ed25519", "ed25519", "");
        ssh_server_accept(&server, "id_ed25519");
        restart(extra);
        CU_ASSERT_EQUAL(enter_as(url, NULL), -1);
        CU_ASSERT_EQUAL(run_advice(), 0);
        CU_ASSERT_EQUAL(enter_as(url, NULL), 0);
        UNIT_EQUAL(error.text, "");
        restart(NULL);
    }
    if (fd >= 0)
        close(fd);
    free(url);
    free(extra);
}

/* A file that ssh does not understand is not passed over. */
static void test_bad_config(void)
{
    reset();
    ssh_server_write(&server, "client/.ssh/config", "Nonsense yes\n");
    CU_ASSERT_EQUAL(enter_as("ssh://far", NULL), -1);
    UNIT_CONTAINS(error.text, "far: 'ssh -G far' says '");
    UNIT_CONTAINS(error.text, "config: line 1: Bad configuration option");
    CU_ASSERT_EQUAL(error.exit_code, PE_EXIT_CONFIG);
}

/* One server is the way to itself, under another name. */
static void test_proxy(void)
{
    static const struct {
        const char *host, *way, *error; /* "": in */
        int exit_code;
    } rows[] = {
        {"inner", "ProxyJump gate", "", 0},
        {"inner", "ProxyJump gate,gate", "", 0},
        {"inner",
         "ProxyCommand ssh -o BatchMode=yes -F $HOME/.ssh/config "
         "-W %h:%p gate",
         "", 0},
        {"inner", "ProxyJump locked",
         "inner at 127.0.0.1 port PORT is not reached by its ProxyJump "
         "locked: No ED25519 host key is known for nobody and you have "
         "requested strict checking.; Host key verification failed.",
         PE_EXIT_PERMISSION},
        {"inner", "ProxyCommand echo lost the way >&2",
         "is not reached by its ProxyCommand echo lost the way >&2: lost the "
         "way",
         PE_EXIT_UNAVAILABLE},
        {"inner", "ProxyCommand sleep 60",
         "is not reached by its ProxyCommand sleep 60: it says nothing",
         PE_EXIT_UNAVAILABLE},
        {"dead", "ProxyJump gate",
         "dead at 127.0.0.1 port 1 is not reached by "
         "its ProxyJump gate: ",
         PE_EXIT_UNAVAILABLE},
    };
    const host_conf quick = {.connect_timeout_s = 1};

    reset();
    ssh_server_key(&server, "other", "ed25519", "");
    ssh_server_accept(&server, "other");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *config = text_format(
            "Host inner dead\n  %s\nHost dead\n  Port 1\n"
            "Host locked\n  HostKeyAlias nobody\n"
            "Host *\n  HostName 127.0.0.1\n  Port %d\n  User %s\n"
            "  IdentityFile %s/.ssh/other\n  UserKnownHostsFile "
            "%s/.ssh/known_hosts\n",
            rows[i].way, server.port, server.user, server.home, server.home);
        ssh_server_write(&server, "client/.ssh/config", config);
        char url[32];
        snprintf(url, sizeof(url), "ssh://%s", rows[i].host);
        CU_ASSERT_EQUAL(
            enter_as(url, strstr(rows[i].way, "sleep") ? &quick : NULL),
            *rows[i].error ? -1 : 0);
        CU_ASSERT_EQUAL((int)error.exit_code, (int)rows[i].exit_code);
        char *at = strstr(rows[i].error, "PORT");
        char *want = at ? text_format("%.*s%d%s", (int)(at - rows[i].error),
                                      rows[i].error, server.port, at + 4)
                        : strdup(rows[i].error);
        UNIT_CONTAINS(error.text, want);
        if (!*want)
            UNIT_EQUAL(error.text, "");
        free(want);
        free(config);
    }
}

/* The agent of a configuration goes before the one of the environment. */
static void test_agent_named(void)
{
    reset();
    CU_ASSERT_EQUAL(setenv("SSH_AUTH_SOCK", "/no/where", 1), 0);
    ssh_server_write(&server, "client/.ssh/config", "IdentityAgent none\n");
    CU_ASSERT_EQUAL(enter(), -1);
    CU_ASSERT_PTR_NULL(strstr(error.text, "agent (does not answer)"));
    ssh_server_write(&server, "client/.ssh/config", "IdentityAgent /here\n");
    CU_ASSERT_EQUAL(enter(), -1);
    UNIT_CONTAINS(error.text, "agent (does not answer)");
    unsetenv("SSH_AUTH_SOCK");
}

int main(void)
{
    static const unit_test tests[] = {
        {"keys of ed25519 and ecdsa", test_types},
        {"the usual key files, and one that was named", test_files},
        {"no key at all", test_none},
        {"an RSA key", test_rsa},
        {"key files that are not used", test_bad_files},
        {"a key with a passphrase", test_passphrase},
        {"keys of an agent", test_agent},
        {"more keys than a server takes", test_many_keys},
        {"an agent that does not answer", test_deaf_agent},
        {"a host that is not known", test_unknown},
        {"a host key that has changed", test_changed},
        {"a host known by another type of key", test_known_types},
        {"known_hosts in all its forms", test_known_forms},
        {"users that are not let in", test_denied},
        {"a server with other methods", test_no_method},
        {"what is no SSH server, or is not there", test_wrong_port},
        {"names of ~/.ssh/config", test_config},
        {"a host by IPv6", test_v6},
        {"a ~/.ssh/config that is wrong", test_bad_config},
        {"an agent that it names", test_agent_named},
        {"hosts behind others", test_proxy},
        {NULL, NULL},
    };

    if (!ssh_server_installed()) {
        printf("1..0 # SKIP no sshd\n");
        return 0;
    }
    if (ssh_server_open(&server) < 0)
        return 99;
    int status = unit_main("ssh", tests);
    ssh_server_close(&server);
    return status;
}
