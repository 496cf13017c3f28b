/* revision_try.c - a look that may kill who looks is a child's. */
#include "revision.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/process.h"

#define PATIENCE_NS (20 * CLOCK_S)

typedef struct answer {
    int rc;
    pe_error error;
} answer;

_Noreturn static void look_and_leave(int (*look)(void *arg, pe_error *errp),
                                     void *arg, int out)
{
    answer a = {0};
    const char *at = (const char *)&a;
    size_t left = sizeof(a);

    /* What it may die of is the function's, and leaves no core. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    a.rc = look(arg, &a.error);
    while (left > 0) {
        ssize_t n = write(out, at, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(PE_EXIT_FAILED);
        at += n;
        left -= (size_t)n;
    }
    _exit(PE_EXIT_OK);
}

/* Bytes of the answer that came: all of it, or fewer where the child died; -1:
 * it did not come back.
 */
static ssize_t hear(int in, answer *a)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    size_t got = 0;

    while (got < sizeof(*a)) {
        int64_t left = until - clock_mono_ns();
        struct pollfd fd = {.fd = in, .events = POLLIN};
        ssize_t n;

        if (left <= 0)
            return -1;
        if (poll(&fd, 1, (int)(left / CLOCK_MS) + 1) <= 0)
            continue;
        n = read(in, (char *)a + got, sizeof(*a) - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static int refuse(const char *what, const char *how, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s cannot be used: a process that tried it %s", what,
                        how);
}

int revision_try(int (*look)(void *arg, pe_error *errp), void *arg,
                 const char *what, pe_error *errp)
{
    answer a = {0};
    char how[64];
    int fd[2], status = 0;
    ssize_t got;
    pid_t child;

    if (pipe(fd) < 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "no pipe can be made: %s", strerror(errno));
    child = fork();
    if (child == 0)
        look_and_leave(look, arg, fd[1]);
    close(fd[1]);
    if (child < 0) {
        close(fd[0]);
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "no process can be started: %s", strerror(errno));
    }
    got = hear(fd[0], &a);
    close(fd[0]);
    if (got < 0)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (got < 0)
        return refuse(what, "did not come back for 20 s", errp);
    if ((size_t)got < sizeof(a)) {
        process_status_words(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                                 : WEXITSTATUS(status),
                             how);
        return refuse(what, how, errp);
    }
    *errp = a.error;
    return a.rc < 0 ? -1 : 0;
}
