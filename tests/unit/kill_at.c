/* kill_at.c - preloaded: kill -9 of this process before a call that matters.
 *
 * Calls that others see the effect of (locks, renames, syncs, signals) are
 * counted; before number KILL_AT of them the process kills itself.  What is
 * removed counts where KILL_UNLINK is set; where KILL_NO_EXCHANGE is, this is a
 * file system that cannot exchange two names.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static void count(void)
{
    static int calls;
    const char *at = getenv("KILL_AT");

    if (at && ++calls == atoi(at))
        raise(SIGKILL);
}

/* The next definition of [name] into [fn]. */
#define NEXT(fn, name) *(void **)&fn = dlsym(RTLD_NEXT, name)

int flock(int fd, int operation);
int flock(int fd, int operation)
{
    int (*next)(int, int);

    count();
    NEXT(next, "flock");
    return next(fd, operation);
}

int rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *);

    count();
    NEXT(next, "rename");
    return next(from, to);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to,
              unsigned flags)
{
    int (*next)(int, const char *, int, const char *, unsigned);

    count();
    if (getenv("KILL_NO_EXCHANGE")) {
        errno = EINVAL;
        return -1;
    }
    NEXT(next, "renameat2");
    return next(from_fd, from, to_fd, to, flags);
}

int unlinkat(int fd, const char *name, int flags)
{
    int (*next)(int, const char *, int);

    if (getenv("KILL_UNLINK"))
        count();
    NEXT(next, "unlinkat");
    return next(fd, name, flags);
}

int fsync(int fd)
{
    int (*next)(int);

    count();
    NEXT(next, "fsync");
    return next(fd);
}

int fdatasync(int fd)
{
    int (*next)(int);

    count();
    NEXT(next, "fdatasync");
    return next(fd);
}

int kill(pid_t pid, int sig)
{
    int (*next)(pid_t, int);

    count();
    NEXT(next, "kill");
    return next(pid, sig);
}
