/* ssh_sftp.h - files at the other end. */
#ifndef HOST_SSH_SFTP_H
#define HOST_SSH_SFTP_H

#include <libssh2_sftp.h>

#include "src/host/host_private.h"
#include "src/host/ssh_session.h"

/* One SFTP channel of a session.  Errors of all of it: retry, 69: the session
 * broke; as file_error, with the host's name before the path.  The protocol
 * has one word for most failures: where it may be a full disk, *vaguep of
 * the functions that write is set.
 */
typedef struct ssh_sftp {
    ssh_session *s;
    LIBSSH2_SFTP *raw;
    bool vague;
} ssh_sftp;

typedef struct ssh_file {
    LIBSSH2_SFTP_HANDLE *raw;
    char *path;
    int64_t at; /* where the library stands */
} ssh_file;

int ssh_sftp_open(ssh_sftp *f, ssh_session *s, pe_error *errp);
void ssh_sftp_close(ssh_sftp *f); /* may be closed; its files are */

/* 1, 0: missing, or -1. */
int ssh_sftp_stat(ssh_sftp *f, const char *path, host_stat *st, pe_error *errp);
int ssh_sftp_mkdir(ssh_sftp *f, const char *path, pe_error *errp);
int ssh_sftp_remove(ssh_sftp *f, const char *path, pe_error *errp);
/* 1: refused; most likely [to] is there, which this protocol forbids. */
int ssh_sftp_rename(ssh_sftp *f, const char *from, const char *to,
                    pe_error *errp);

int ssh_file_open(ssh_sftp *f, ssh_file *file, const char *path,
                  enum host_open how, bool *missingp, pe_error *errp);
ssize_t ssh_file_read(ssh_sftp *f, ssh_file *file, int64_t offset, void *data,
                      size_t len, pe_error *errp);
int ssh_file_write(ssh_sftp *f, ssh_file *file, int64_t offset,
                   const void *data, size_t len, pe_error *errp);
int ssh_file_settle(ssh_sftp *f, ssh_file *file, mode_t mode, pe_error *errp);
void ssh_file_close(ssh_sftp *f, ssh_file *file); /* may be closed */

#endif
