/* ssh_sftp.c - files at the other end. */
#include "ssh_sftp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/common/text.h"

/* Of the server's file system, without a byte of progress. */
#define PROGRESS_S 120.0

#define LEN(s) ((unsigned)strlen(s))

static int64_t patience(void)
{
    return ssh_deadline(PROGRESS_S);
}

/* As ssh_again.  The SFTP server may end while the session lives on: the
 * library then waits for ever for what it will not say.
 */
static bool again(ssh_sftp *f, ssize_t rc, int64_t deadline)
{
    if (rc == LIBSSH2_ERROR_EAGAIN && f->raw &&
        libssh2_channel_eof(libssh2_sftp_get_channel(f->raw)) == 1)
        ssh_break(f->s, "its SFTP server ended");
    return ssh_again(f->s, rc, deadline);
}

/* --- errors --- */

static const char *status_text(unsigned long status)
{
    switch (status) {
    case LIBSSH2_FX_NO_SUCH_FILE:
    case LIBSSH2_FX_NO_SUCH_PATH:
        return "no such file or folder";
    case LIBSSH2_FX_PERMISSION_DENIED:
        return "permission denied";
    case LIBSSH2_FX_WRITE_PROTECT:
        return "read-only file system";
    case LIBSSH2_FX_BAD_MESSAGE:
        return "a name that is too long, or another one the server will not "
               "have";
    case LIBSSH2_FX_FILE_ALREADY_EXISTS:
        return "it is there already";
    case LIBSSH2_FX_OP_UNSUPPORTED:
        return "the server cannot do it";
    default:
        return "the server only says 'failure'";
    }
}

/* [rc] of a call about [path]; [code] where the status does not decide it. */
static int sftp_error(ssh_sftp *f, ssize_t rc, const char *verb,
                      const char *path, enum pe_exit code, pe_error *errp)
{
    unsigned long status = f->raw ? libssh2_sftp_last_error(f->raw) : 0;
    enum pe_error_class kind = PE_ERROR_FATAL;

    f->vague = false;
    if (rc != LIBSSH2_ERROR_SFTP_PROTOCOL || status == LIBSSH2_FX_OK)
        return ssh_fail(f->s, rc, verb, errp);
    if (status == LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM ||
        status == LIBSSH2_FX_QUOTA_EXCEEDED)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_CREATE,
                            "cannot %s %s:%s: %s; free some space or raise "
                            "the limit",
                            verb, f->s->name, path,
                            status == LIBSSH2_FX_QUOTA_EXCEEDED
                                ? "your quota is used up"
                                : "disk full");
    if (status == LIBSSH2_FX_PERMISSION_DENIED ||
        status == LIBSSH2_FX_WRITE_PROTECT)
        code = PE_EXIT_PERMISSION;
    else if (status == LIBSSH2_FX_NO_SUCH_FILE)
        kind = PE_ERROR_INPUT;
    else
        f->vague = status == LIBSSH2_FX_FAILURE;
    return pe_error_set(errp, kind, code, "cannot %s %s:%s: %s", verb,
                        f->s->name, path, status_text(status));
}

/* --- the channel --- */

int ssh_sftp_open(ssh_sftp *f, ssh_session *s, pe_error *errp)
{
    int64_t deadline = patience();
    int rc;

    *f = (ssh_sftp){.s = s};
    do {
        f->raw = libssh2_sftp_init(s->raw);
        rc = ssh_errno(s, f->raw);
    } while (!f->raw && ssh_again(s, rc, deadline));
    return f->raw ? 0 : ssh_fail(s, rc, "start SFTP", errp);
}

void ssh_sftp_close(ssh_sftp *f)
{
    int64_t deadline = ssh_deadline(1);
    int rc;

    if (!f->raw)
        return;
    do
        rc = libssh2_sftp_shutdown(f->raw);
    while (ssh_again(f->s, rc, deadline));
    /* Where the session broke in between, this is what frees it. */
    if (rc == LIBSSH2_ERROR_EAGAIN)
        libssh2_sftp_shutdown(f->raw);
    *f = (ssh_sftp){0};
}

/* --- names --- */

int ssh_sftp_stat(ssh_sftp *f, const char *path, host_stat *st, pe_error *errp)
{
    LIBSSH2_SFTP_ATTRIBUTES a = {0};
    int64_t deadline = patience();
    int rc;

    do
        rc = libssh2_sftp_stat_ex(f->raw, path, LEN(path), LIBSSH2_SFTP_STAT,
                                  &a);
    while (again(f, rc, deadline));
    if (rc == LIBSSH2_ERROR_SFTP_PROTOCOL &&
        libssh2_sftp_last_error(f->raw) == LIBSSH2_FX_NO_SUCH_FILE)
        return 0;
    if (rc < 0)
        return sftp_error(f, rc, "look at", path, PE_EXIT_DATA, errp);
    *st = (host_stat){(int64_t)a.filesize, (mode_t)a.permissions};
    return 1;
}

static int mkdir_one(ssh_sftp *f, const char *path)
{
    int64_t deadline = patience();
    int rc;

    do
        rc = libssh2_sftp_mkdir_ex(f->raw, path, LEN(path), 0700);
    while (again(f, rc, deadline));
    return rc;
}

/* The folder of [path] in new memory; NULL: the root, or no memory. */
static char *parent(const char *path)
{
    size_t n = strlen(path);

    while (n > 0 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    return n > 1 ? text_format("%.*s", (int)(n - 1), path) : NULL;
}

/* From the deepest: most of it is there, as a rule. */
int ssh_sftp_mkdir(ssh_sftp *f, const char *path, pe_error *errp)
{
    host_stat st = {0};
    pe_error e;
    int rc = mkdir_one(f, path);

    if (rc == 0)
        return 0;
    sftp_error(f, rc, "make folder", path, PE_EXIT_CREATE, &e);
    bool vague = f->vague;
    int there = f->s->broken ? -1 : ssh_sftp_stat(f, path, &st, errp);
    if (there > 0 && S_ISDIR(st.mode))
        return 0;
    if (there > 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "cannot make folder %s:%s: a file is there",
                            f->s->name, path);
    char *folder = there == 0 ? parent(path) : NULL;
    if (folder) {
        int made = ssh_sftp_mkdir(f, folder, errp);
        free(folder);
        if (made < 0)
            return -1;
        rc = mkdir_one(f, path);
        return rc < 0 ? sftp_error(f, rc, "make folder", path, PE_EXIT_CREATE,
                                   errp)
                      : 0;
    }
    f->vague = vague;
    if (errp)
        *errp = e;
    return -1;
}

int ssh_sftp_remove(ssh_sftp *f, const char *path, pe_error *errp)
{
    int64_t deadline = patience();
    int rc;

    do
        rc = libssh2_sftp_unlink_ex(f->raw, path, LEN(path));
    while (again(f, rc, deadline));
    if (rc == 0 || (rc == LIBSSH2_ERROR_SFTP_PROTOCOL &&
                    libssh2_sftp_last_error(f->raw) == LIBSSH2_FX_NO_SUCH_FILE))
        return 0;
    return sftp_error(f, rc, "remove", path, PE_EXIT_FAILED, errp);
}

int ssh_sftp_rename(ssh_sftp *f, const char *from, const char *to,
                    pe_error *errp)
{
    int64_t deadline = patience();
    int rc;

    do
        rc = libssh2_sftp_rename_ex(f->raw, from, LEN(from), to, LEN(to), 0);
    while (again(f, rc, deadline));
    if (rc == LIBSSH2_ERROR_SFTP_PROTOCOL) {
        unsigned long status = libssh2_sftp_last_error(f->raw);
        if (status == LIBSSH2_FX_FAILURE ||
            status == LIBSSH2_FX_FILE_ALREADY_EXISTS)
            return 1;
    }
    return rc < 0 ? sftp_error(f, rc, "write", to, PE_EXIT_CREATE, errp) : 0;
}

/* --- files --- */

int ssh_file_open(ssh_sftp *f, ssh_file *file, const char *path,
                  enum host_open how, bool *missingp, pe_error *errp)
{
    static const unsigned long flags[] = {
        [HOST_OPEN_READ] = LIBSSH2_FXF_READ,
        [HOST_OPEN_MORE] = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT,
        [HOST_OPEN_NEW] =
            LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_EXCL,
    };
    bool reads = how == HOST_OPEN_READ;
    int64_t deadline = patience();
    int rc;

    *file = (ssh_file){.path = strdup(path)};
    if (!file->path)
        return pe_error_nomem(errp);
    do {
        file->raw = libssh2_sftp_open_ex(f->raw, path, LEN(path), flags[how],
                                         0600, LIBSSH2_SFTP_OPENFILE);
        rc = ssh_errno(f->s, file->raw);
    } while (!file->raw && again(f, rc, deadline));
    if (file->raw)
        return 0;
    if (missingp)
        *missingp = rc == LIBSSH2_ERROR_SFTP_PROTOCOL &&
                    libssh2_sftp_last_error(f->raw) == LIBSSH2_FX_NO_SUCH_FILE;
    free(file->path);
    file->path = NULL;
    return sftp_error(f, rc, reads ? "read" : "write", path,
                      reads ? PE_EXIT_DATA : PE_EXIT_CREATE, errp);
}

static void go_to(ssh_file *file, int64_t offset)
{
    if (file->at != offset)
        libssh2_sftp_seek64(file->raw, (libssh2_uint64_t)offset);
    file->at = offset;
}

ssize_t ssh_file_read(ssh_sftp *f, ssh_file *file, int64_t offset, void *data,
                      size_t len, pe_error *errp)
{
    int64_t deadline = patience();
    ssize_t n;

    go_to(file, offset);
    do
        n = libssh2_sftp_read(file->raw, data, len);
    while (again(f, n, deadline));
    if (n < 0)
        return sftp_error(f, n, "read", file->path, PE_EXIT_DATA, errp);
    file->at += n;
    return n;
}

int ssh_file_write(ssh_sftp *f, ssh_file *file, int64_t offset,
                   const void *data, size_t len, pe_error *errp)
{
    const char *at = data;

    go_to(file, offset);
    while (len > 0) {
        int64_t deadline = patience();
        ssize_t n;
        do
            n = libssh2_sftp_write(file->raw, at, len);
        while (again(f, n, deadline));
        if (n < 0)
            return sftp_error(f, n, "write", file->path, PE_EXIT_CREATE, errp);
        at += n;
        len -= (size_t)n;
        file->at += n;
    }
    return 0;
}

int ssh_file_settle(ssh_sftp *f, ssh_file *file, mode_t mode, pe_error *errp)
{
    LIBSSH2_SFTP_ATTRIBUTES a = {.flags = LIBSSH2_SFTP_ATTR_PERMISSIONS,
                                 .permissions = mode};
    int64_t deadline = patience();
    int rc;

    do
        rc = libssh2_sftp_fstat_ex(file->raw, &a, 1);
    while (again(f, rc, deadline));
    if (rc < 0)
        return sftp_error(f, rc, "write", file->path, PE_EXIT_CREATE, errp);
    deadline = patience();
    do
        rc = libssh2_sftp_fsync(file->raw);
    while (again(f, rc, deadline));
    /* An extension of OpenSSH; others do as they do. */
    if (rc == LIBSSH2_ERROR_SFTP_PROTOCOL &&
        libssh2_sftp_last_error(f->raw) == LIBSSH2_FX_OP_UNSUPPORTED)
        return 0;
    return rc < 0 ? sftp_error(f, rc, "write", file->path, PE_EXIT_CREATE, errp)
                  : 0;
}

void ssh_file_close(ssh_sftp *f, ssh_file *file)
{
    int64_t deadline = patience();
    int rc;

    if (!file->raw)
        return;
    do
        rc = libssh2_sftp_close_handle(file->raw);
    while (again(f, rc, deadline));
    if (rc == LIBSSH2_ERROR_EAGAIN) /* broken just now: this frees it */
        libssh2_sftp_close_handle(file->raw);
    free(file->path);
    *file = (ssh_file){0};
}
