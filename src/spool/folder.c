/* folder.c - the folder of a spool: ours alone, and locked. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/spool/spool_private.h"

/* Folder [name] in [at], made where it is not there; its descriptor, or -1.
 * Who may write to it could have us send what is not ours.
 */
static int enter(int at, const char *name, const char *path, pe_error *errp)
{
    struct stat st;
    int fd;

    if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
        return file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "spool: %s is a link or no folder; name the folder "
                            "itself in 'spool: {dir: ...}'",
                            path);
    if (fd < 0 || fstat(fd, &st) < 0) {
        file_error(errp, errno, "open", path, PE_EXIT_CREATE);
    } else if (st.st_uid != geteuid()) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                     "spool: %s belongs to another user; name another folder "
                     "in 'spool: {dir: ...}'",
                     path);
    } else if (st.st_mode & 077) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                     "spool: others can open %s: 'chmod 700 %s'", path, path);
    } else if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
        file_error(errp, errno, "write to", path, PE_EXIT_PERMISSION);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static int lock_take(spool *s, pe_error *errp)
{
    char pid[24] = "";
    ssize_t n;

    s->lock_fd = openat(s->dir_fd, "lock",
                        O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return file_error(errp, errno, "make a lock in", s->path,
                          PE_EXIT_CREATE);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        n = pread(s->lock_fd, pid, sizeof(pid) - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "spool: process %s has %s; two agents cannot share "
                            "one",
                            *pid ? pid : "?", s->path);
    }
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    if (ftruncate(s->lock_fd, 0) < 0 ||
        pwrite(s->lock_fd, pid, strlen(pid), 0) < 0)
        pid[0] = '\0'; /* on a full disk it is a lock all the same */
    return 0;
}

int folder_open(spool *s, const char *dir, const char *name, pe_error *errp)
{
    char *parent = text_format("%s", dir), *last;
    int at = -1;

    /* What is above has to be there, or is made. */
    last = parent ? strrchr(parent, '/') : NULL;
    if (!parent)
        return pe_error_nomem(errp);
    if (last && last != parent) {
        *last = '\0';
        if (file_mkdir(parent, errp) < 0) {
            free(parent);
            return -1;
        }
    }
    free(parent);
    at = enter(AT_FDCWD, dir, dir, errp);
    s->dir_fd = at < 0 ? -1 : enter(at, name, s->path, errp);
    if (at >= 0)
        close(at);
    return s->dir_fd < 0 ? -1 : lock_take(s, errp);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

int folder_list(const spool *s, uint64_t **out, size_t *np, pe_error *errp)
{
    int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    uint64_t number, *more;
    int rc = 0;

    *out = NULL;
    *np = 0;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return file_error(errp, errno, "read", s->path, PE_EXIT_CREATE);
    }
    while (rc == 0 && (e = readdir(d))) {
        if (chunk_number(e->d_name, &number) < 0)
            continue;
        more = reallocarray(*out, *np + 1, sizeof(**out));
        if (!more) {
            rc = pe_error_nomem(errp);
            break;
        }
        *out = more;
        more[(*np)++] = number;
    }
    closedir(d);
    if (*np > 1)
        qsort(*out, *np, sizeof(**out), by_number);
    return rc;
}

int folder_file(const spool *s, uint64_t number, int flags)
{
    char name[CHUNK_NAME];

    chunk_name(number, name);
    return openat(s->dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

uint64_t folder_bytes(const spool *s, uint64_t number)
{
    char name[CHUNK_NAME];
    struct stat st;

    chunk_name(number, name);
    return fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
               ? (uint64_t)st.st_size
               : 0;
}

void folder_remove(spool *s, uint64_t number)
{
    char name[CHUNK_NAME];

    chunk_name(number, name);
    unlinkat(s->dir_fd, name, 0);
}

void folder_aside(spool *s, uint64_t number)
{
    char name[CHUNK_NAME], bad[CHUNK_NAME + 8];

    chunk_name(number, name);
    snprintf(bad, sizeof(bad), "%s.bad", name);
    /* Else it stays, and is found damaged and counted once more. */
    (void)renameat(s->dir_fd, name, s->dir_fd, bad);
}

void folder_leave(spool *s, const char *dir, bool empty)
{
    if (empty && s->dir_fd >= 0 && s->lock_fd >= 0) {
        unlinkat(s->dir_fd, "mark", 0);
        unlinkat(s->dir_fd, "lock", 0);
        rmdir(s->path);
        rmdir(dir); /* the last one takes it along */
    }
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
}
