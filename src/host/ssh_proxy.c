/* ssh_proxy.c - the command that leads to a host: ProxyJump, ProxyCommand. */
#include "ssh_proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/text.h"

#define END_TRIES 100 /* of 10 ms, for one that is told that it is over */
#define TRY_NS (10 * CLOCK_MS)
#define SAID_MAX 4096

extern char **environ;

/* [fd] is its input and output, and its own signals and group are as new: a
 * terminal's Ctrl-C is for us.
 */
static int spawn(const char *command, int fd, int err_fd, pid_t *pidp)
{
    const char *argv[] = {"sh", "-c", command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err_fd, STDERR_FILENO);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP |
                                       POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setsigmask(&how, &none);
    int err = posix_spawn(pidp, "/bin/sh", &files, &how, (char *const *)argv,
                          environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return err;
}

int ssh_proxy_start(ssh_proxy *p, const ssh_target *t, pe_error *errp)
{
    int pair[2] = {-1, -1}, err = 0;
    text command = {0};

    *p = (ssh_proxy){.err_fd = -1};
    text_add(&command, "exec %s", t->proxy);
    if (command.failed)
        return pe_error_nomem(errp);
    p->err_fd = memfd_create("ssh-proxy", MFD_CLOEXEC);
    if (p->err_fd < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        err = errno;
    else
        err = spawn(command.data, pair[1], p->err_fd, &p->pid);
    text_free(&command);
    if (pair[1] >= 0)
        close(pair[1]);
    if (err == 0 && fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
        err = errno;
    if (err == 0)
        return pair[0];
    if (pair[0] >= 0)
        close(pair[0]);
    ssh_proxy_end(p);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "%s: its %s cannot be started: %s", t->name, t->through,
                        strerror(err));
}

/* Has it ended?  Waits for it, at most [tries] times. */
static bool ended(ssh_proxy *p, int tries)
{
    for (int i = 0; p->pid > 0; i++) {
        pid_t got = waitpid(p->pid, NULL, WNOHANG);
        if (got == p->pid || (got < 0 && errno != EINTR))
            p->pid = 0;
        else if (i == tries)
            return false;
        else
            clock_sleep_ns(TRY_NS, 1);
    }
    return true;
}

/* The last two lines that say something, in one. */
static void last_words(int fd, char out[SAID_MAX])
{
    char all[SAID_MAX];
    off_t len = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, all, sizeof(all) - 1,
                      len < (off_t)sizeof(all) ? 0 : len - SAID_MAX + 1);
    int lines = 0;

    n = n < 0 ? 0 : n;
    while (n > 0 && strchr("\r\n", all[n - 1]))
        n--;
    all[n] = '\0';
    char *from = all + n;
    while (from > all && (from[-1] != '\n' || ++lines < 2))
        from--;
    for (; *from; from++) {
        if (*from == '\n') {
            memcpy(out, "; ", 2);
            out += 2;
        } else if (*from != '\r') {
            *out++ =
                (char)((unsigned char)*from < ' ' || *from == 0x7f ? ' '
                                                                   : *from);
        }
    }
    *out = '\0';
}

int ssh_proxy_fail(ssh_proxy *p, const ssh_target *t, pe_error *errp)
{
    char said[SAID_MAX + 2];

    /* What it says may come behind the end of the connection. */
    ended(p, END_TRIES);
    last_words(p->err_fd, said);
    bool locked = strstr(said, "Permission denied") ||
                  strstr(said, "Host key verification failed");
    return pe_error_set(errp, locked ? PE_ERROR_FATAL : PE_ERROR_RETRY,
                        locked ? PE_EXIT_PERMISSION : PE_EXIT_UNAVAILABLE,
                        "%s%s%s port %d is not reached by its %s: %.300s",
                        t->name, strcmp(t->name, t->host) ? " at " : "",
                        strcmp(t->name, t->host) ? t->host : "", t->port,
                        t->through, *said ? said : "it says nothing");
}

void ssh_proxy_end(ssh_proxy *p)
{
    if (!ended(p, END_TRIES)) {
        kill(-p->pid, SIGKILL);
        ended(p, INT32_MAX);
    }
    if (p->err_fd >= 0)
        close(p->err_fd);
    *p = (ssh_proxy){.err_fd = -1};
}
