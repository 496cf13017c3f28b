/* renew.c - a file that is followed, and the one that takes its place. */
#include "table_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"

#define QUIET_NS CLOCK_S /* of a file that was renamed */

static int identify(int fd, const char *path, char out[TABLE_IDENTITY_MAX])
{
    struct statx st;

    if (statx(fd, path, *path ? 0 : AT_EMPTY_PATH, STATX_INO | STATX_BTIME,
              &st) < 0)
        return -1;
    if (!(st.stx_mask & STATX_BTIME))
        st.stx_btime.tv_sec = st.stx_btime.tv_nsec = 0;
    snprintf(out, TABLE_IDENTITY_MAX, "%" PRIu64 "-%" PRId64 ".%09u",
             (uint64_t)st.stx_ino, (int64_t)st.stx_btime.tv_sec,
             (unsigned)st.stx_btime.tv_nsec);
    return 0;
}

int table_identity(const char *path, char out[TABLE_IDENTITY_MAX])
{
    return *path ? identify(AT_FDCWD, path, out) : -1;
}

void table_open_identity(const table *t, char out[TABLE_IDENTITY_MAX])
{
    if (identify(t->fd, "", out) < 0)
        *out = '\0';
}

/* The bytes that a plain file begins with, and the last ones that were read,
 * tell when it was cut and has grown again beyond where we are.
 */
void table_mark(table *t, const char *p, size_t n)
{
    size_t room = TABLE_MARK - t->head_len;

    if (!t->conf.follow || pack_kind_of(t->pack) != PACK_PLAIN)
        return;
    room = room < n ? room : n;
    memcpy(t->head + t->head_len, p, room);
    t->head_len += room;
    if (n >= TABLE_MARK) {
        memcpy(t->tail, p + n - TABLE_MARK, TABLE_MARK);
        t->tail_len = TABLE_MARK;
        return;
    }
    room = t->tail_len + n > TABLE_MARK ? t->tail_len + n - TABLE_MARK : 0;
    memmove(t->tail, t->tail + room, t->tail_len - room);
    memcpy(t->tail + t->tail_len - room, p, n);
    t->tail_len += n - room;
}

static bool same_bytes(int fd, const char *want, size_t n, uint64_t at)
{
    char is[TABLE_MARK];

    return pread(fd, is, n, (off_t)at) == (ssize_t)n && !memcmp(is, want, n);
}

bool table_was_cut(const table *t)
{
    uint64_t read = pack_consumed(t->pack);

    if (!t->regular || !t->conf.follow)
        return false;
    if (table_size(t) < read)
        return true;
    return !same_bytes(t->fd, t->head, t->head_len, 0) ||
           !same_bytes(t->fd, t->tail, t->tail_len, read - t->tail_len);
}

/* FNV-1a */
static uint64_t digest(const char *p, size_t n)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
    return h;
}

void table_head(const table *t, table_mark_of *out)
{
    *out = (table_mark_of){t->head_len, digest(t->head, t->head_len)};
}

bool table_head_is(const char *path, const table_mark_of *want)
{
    char is[TABLE_MARK];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0 || want->len > TABLE_MARK) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    n = pread(fd, is, want->len, 0);
    close(fd);
    return n == (ssize_t)want->len && digest(is, want->len) == want->digest;
}

void table_start_over(table *t)
{
    t->pos = t->len = t->safe = 0;
    t->line = 1;
    t->quiet_bytes = 0;
    t->head_len = t->tail_len = 0;
    t->started = t->ended = t->passing = t->closing = false;
    t->clock = t->day = (span){0};
    t->kept = t->kept || t->ready;
    t->ready = false;
    pack_restart(t->pack, t->fd);
}

/* Ours is another name's now: 1 it has ended, 0 somebody may still write. */
static int is_quiet(table *t)
{
    int64_t now = clock_mono_ns();
    uint64_t read = pack_consumed(t->pack);

    if (t->quiet_bytes != read + 1) {
        t->quiet_bytes = read + 1;
        t->quiet_ns = now;
    }
    return now - t->quiet_ns >= QUIET_NS;
}

int table_close_line(table *t)
{
    uint64_t read = pack_consumed(t->pack);
    int64_t now = clock_mono_ns();

    if (t->still_bytes != read + 1) {
        t->still_bytes = read + 1;
        t->still_ns = now;
    }
    if (now - t->still_ns < QUIET_NS)
        return 0;
    if (t->len > t->pos && !t->closing) {
        t->closing = true;
        return 0;
    }
    return 1;
}

int table_renew(table *t, pe_error *errp)
{
    struct stat ours, theirs;
    int fd;

    if (fstat(t->fd, &ours) < 0 || !S_ISREG(ours.st_mode))
        return 0;
    if (table_was_cut(t)) {
        if (lseek(t->fd, 0, SEEK_SET) < 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s cannot be read: %s", t->path,
                                strerror(errno));
        table_start_over(t);
        return 1;
    }
    if (stat(t->path, &theirs) < 0 ||
        (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)) {
        t->quiet_bytes = 0;
        return 0;
    }
    if (!is_quiet(t))
        return 0;
    if (t->len > t->pos && !t->closing) {
        t->closing = true; /* its last line is one */
        return 0;
    }
    fd = open(t->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* gone again */
    close(t->fd);
    t->fd = fd;
    table_start_over(t);
    return 1;
}
