/* file.c - whole files and directories, safely. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/text.h"

#define SECRET_MAX 65536

int file_error(pe_error *errp, int err, const char *verb, const char *path,
               enum pe_exit exit_code)
{
    enum pe_error_class kind = err == ENOENT || err == ENOTDIR || err == EISDIR
                                   ? PE_ERROR_INPUT
                                   : PE_ERROR_FATAL;

    if (err == ENOMEM)
        return pe_error_nomem(errp);
    if (err == ENOSPC || err == EDQUOT || err == EFBIG)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_CREATE,
                            "cannot %s %s: disk full (%s); free some space "
                            "or raise the limit",
                            verb, path, strerror(err));
    if (err == EACCES || err == EPERM || err == EROFS)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "cannot %s %s: %s", verb, path, strerror(err));
    return pe_error_set(errp, kind, exit_code, "cannot %s %s: %s", verb, path,
                        strerror(err));
}

static void fd_close(int fd)
{
    int saved_errno = errno;

    if (fd >= 0)
        close(fd);
    errno = saved_errno;
}

static ssize_t read_some(int fd, char *buf, size_t len)
{
    ssize_t n;

    do
        n = read(fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Everything [fd] has.  Sizes are not believed: files grow, and those of
 * /proc say 0.  One byte beyond [max] is asked for, to see that it is there.
 */
static char *fd_read(int fd, const char *path, size_t max, size_t *lenp,
                     pe_error *errp)
{
    char chunk[16384];
    text t = {0};
    ssize_t n;

    text_add_bytes(&t, "", 0);
    while ((n = read_some(fd, chunk, sizeof(chunk))) > 0 && !t.failed) {
        if ((size_t)n > max - t.len) {
            pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                         "%s is longer than %zu bytes", path, max);
            goto error;
        }
        text_add_bytes(&t, chunk, (size_t)n);
    }
    if (n < 0 || t.failed) {
        file_error(errp, t.failed ? ENOMEM : errno, "read", path, PE_EXIT_DATA);
        goto error;
    }
    if (lenp)
        *lenp = t.len;
    return t.data;
error:
    text_free(&t);
    return NULL;
}

char *file_read(const char *path, size_t max, size_t *lenp, pe_error *errp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        file_error(errp, errno, "open", path, PE_EXIT_DATA);
        return NULL;
    }
    char *data = fd_read(fd, path, max, lenp, errp);
    fd_close(fd);
    return data;
}

static int fd_write(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* Folder of [path] in new memory. */
static char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return text_format(".");
    return text_format("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static int folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    int status = fsync(fd);
    fd_close(fd);
    /* Some network file systems cannot sync a folder; rename is all there
     * is to be had from them.
     */
    return status < 0 && errno != EINVAL ? -1 : 0;
}

/* Fill the temporary file [fd] named [temp]; closes [fd]. */
static int temp_fill(int fd, const void *data, size_t len, mode_t mode)
{
    int status = 0;

    if (fd_write(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0)
        status = -1;
    if (status < 0) {
        fd_close(fd);
        return -1;
    }
    return close(fd);
}

int file_sync_folder(const char *path, pe_error *errp)
{
    char *folder = path_folder(path);
    if (!folder)
        return pe_error_nomem(errp);
    int status = folder_sync(folder);
    if (status < 0)
        file_error(errp, errno, "sync", folder, PE_EXIT_CREATE);
    free(folder);
    return status;
}

int file_replace(const char *temp, const char *path, pe_error *errp)
{
    if (rename(temp, path) < 0)
        return file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    return file_sync_folder(path, errp);
}

/* A device, a pipe, or a descriptor under a name: what is written goes in
 * there, and a file renamed to that name would take its place.
 */
static bool is_channel(const char *path)
{
    static const char *const names[] = {"/dev/fd/", "/dev/std", "/proc/self/fd",
                                        NULL};
    struct stat st;

    for (const char *const *n = names; *n; n++)
        if (!strncmp(path, *n, strlen(*n)))
            return true;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int channel_write(const char *path, const void *data, size_t len,
                         pe_error *errp)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
    int status = fd < 0 ? -1 : fd_write(fd, data, len);

    if (status < 0)
        file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    if (fd >= 0)
        fd_close(fd);
    return status;
}

/* Write a file as the others see it: the old one or the new one. */
static int whole_write(const char *path, const void *data, size_t len,
                       mode_t mode, pe_error *errp)
{
    char *folder = path_folder(path);
    const char *slash = strrchr(path, '/');
    char *temp = NULL;
    int status = -1;

    if (folder)
        temp = text_format("%s/.%s.XXXXXX", folder, slash ? slash + 1 : path);
    if (!temp) {
        pe_error_nomem(errp);
        goto done;
    }
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        file_error(errp, errno, "write", path, PE_EXIT_CREATE);
        goto done;
    }
    if (temp_fill(fd, data, len, mode) < 0)
        file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    else
        status = file_replace(temp, path, errp);
    if (status < 0)
        unlink(temp); /* where it was not renamed yet */
done:
    free(temp);
    free(folder);
    return status;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode,
               pe_error *errp)
{
    char *target;
    int status;

    if (is_channel(path))
        return channel_write(path, data, len, errp);
    target = realpath(path, NULL); /* a link stays one */
    status = whole_write(target ? target : path, data, len, mode, errp);
    free(target);
    return status;
}

static int folder_make(const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) == 0)
        return 0;
    /* Read-only parents answer EROFS or EACCES even for what is there. */
    int saved_errno = errno;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    errno = saved_errno == EEXIST ? ENOTDIR : saved_errno;
    return -1;
}

int file_mkdir(const char *path, pe_error *errp)
{
    char *copy = text_format("%s", path);
    int status = 0;

    if (!copy)
        return pe_error_nomem(errp);
    for (char *p = copy; status == 0 && *p; p++) {
        if (p == copy || *p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        status = folder_make(copy);
        *p = '/';
    }
    if (status == 0)
        status = folder_make(copy);
    if (status < 0)
        file_error(errp, errno, "make folder", path, PE_EXIT_CREATE);
    free(copy);
    return status;
}

static int remove_at(int parent, const char *name);

/* Empty the folder [fd], which is closed. */
static int folder_empty(int fd)
{
    DIR *dir = fdopendir(fd);
    int status = 0;
    const struct dirent *e;

    if (!dir) {
        fd_close(fd);
        return -1;
    }
    while (status == 0 && (errno = 0, e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            status = remove_at(dirfd(dir), e->d_name);
    if (errno)
        status = -1;
    int saved_errno = errno;
    closedir(dir);
    errno = saved_errno;
    return status;
}

/* Remove [name] under the open folder [parent].  Every step is relative to
 * an open folder, so that nothing swapped in meanwhile leads elsewhere.
 */
static int remove_at(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -1;
    int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && folder_empty(fd) < 0)
        return -1;
    /* Somebody else may remove it, too. */
    if (fd >= 0 && unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return 0;
    return errno == ENOENT ? 0 : -1;
}

int file_remove_tree(const char *path, pe_error *errp)
{
    if (remove_at(AT_FDCWD, path) < 0)
        return file_error(errp, errno, "remove", path, PE_EXIT_FAILED);
    return 0;
}

static int secret_check(int fd, const char *path, pe_error *errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return file_error(errp, errno, "stat", path, PE_EXIT_DATA);
    if (!S_ISREG(st.st_mode))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "%s is not a regular file; put the secret into "
                            "one and 'chmod 600' it",
                            path);
    if (st.st_uid != geteuid())
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "%s belongs to another user; copy it and "
                            "'chmod 600' the copy",
                            path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "%s is open to others; run 'chmod 600 %s'", path,
                            path);
    return 0;
}

char *file_read_private(const char *path, size_t max, size_t *lenp,
                        pe_error *errp)
{
    /* Not to hang in open() when somebody put a FIFO there. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *data = NULL;

    if (fd < 0) {
        file_error(errp, errno, "open", path, PE_EXIT_DATA);
        return NULL;
    }
    if (secret_check(fd, path, errp) == 0)
        data = fd_read(fd, path, max, lenp, errp);
    fd_close(fd);
    return data;
}

char *file_read_secret(const char *path, pe_error *errp)
{
    char *data = file_read_private(path, SECRET_MAX, NULL, errp);

    if (!data)
        return NULL;
    data[strcspn(data, "\r\n")] = '\0';
    if (*data)
        return data;
    free(data);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "the first line of %s is empty; it must be the secret", path);
    return NULL;
}
