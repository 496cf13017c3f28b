/* shim.c - what a test lays under a process, by LD_PRELOAD: a clock that jumps,
 * a disk that fails.
 *
 * SHIM_CLOCK  a file of eight bytes: seconds that the wall clock is off
 * SHIM_EIO    while this file is there, fsync and fdatasync end with EIO
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SHIM_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *m;

    if (fd < 0)
        return;
    m = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
    if (m != MAP_FAILED)
        offset = m;
    close(fd);
}

static int64_t off(clockid_t id)
{
    return offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
               ? *offset
               : 0;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, id, ts);

    if (rc == 0)
        ts->tv_sec += off(id);
    return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    int rc = (int)syscall(SYS_gettimeofday, tv, zone);

    if (rc == 0)
        tv->tv_sec += off(CLOCK_REALTIME);
    return rc;
}

time_t time(time_t *tp)
{
    struct timespec ts;
    time_t now;

    clock_gettime(CLOCK_REALTIME, &ts);
    now = ts.tv_sec;
    if (tp)
        *tp = now;
    return now;
}

static int sync_by(long call, int fd)
{
    const char *path = getenv("SHIM_EIO");

    if (path && access(path, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}
