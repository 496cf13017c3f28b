/* host_private.h - what a kind of host has to be able to do. */
#ifndef HOST_HOST_PRIVATE_H
#define HOST_HOST_PRIVATE_H

#include "src/common/digest.h"
#include "src/host/host.h"

/* What is known of a file. */
typedef struct host_stat {
    int64_t size;
    mode_t mode; /* with its type, as stat(2) has it */
} host_stat;

enum host_open {
    HOST_OPEN_READ,
    HOST_OPEN_MORE, /* write; made when it is not there */
    HOST_OPEN_NEW,  /* write; must not be there */
};

/* Paths are absolute (host.c looks).  Errors are those of host.h, with the
 * host's name in the text where it is not this one.
 */
typedef struct host_ops {
    int (*run)(host *h, const host_command *c, host_answer *a, pe_error *errp);
    int (*spawn)(host *h, const host_command *c, pid_t *pidp, char start[32],
                 pe_error *errp);
    int (*alive)(host *h, pid_t pid, const char *start, pe_error *errp);
    int (*kill)(host *h, pid_t pid, const char *start, int sig, pe_error *errp);

    int (*stat)(host *h, const char *path, host_stat *st, pe_error *errp);
    int (*mkdir)(host *h, const char *path, pe_error *errp);  /* parents too */
    int (*remove)(host *h, const char *path, pe_error *errp); /* missing: 0 */
    int (*remove_tree)(host *h, const char *path, pe_error *errp);
    /* SHA-256 of a file's content. */
    int (*digest)(host *h, const char *path, char hex[DIGEST_HEX + 1],
                  pe_error *errp);
    /* Put [temp] in the place of [path], in one step where the host can. */
    int (*publish)(host *h, const char *temp, const char *path, pe_error *errp);

    /* An open file; NULL on error, also when it is missing: *missingp then
     * (may be NULL).
     */
    void *(*open)(host *h, const char *path, enum host_open how, bool *missingp,
                  pe_error *errp);
    /* Some of what stands from [offset] on: 0 at the end. */
    ssize_t (*read)(host *h, void *file, int64_t offset, void *data, size_t len,
                    pe_error *errp);
    /* All of it, to [offset]. */
    int (*write)(host *h, void *file, int64_t offset, const void *data,
                 size_t len, pe_error *errp);
    /* Mode bits set and content on disk. */
    int (*settle)(host *h, void *file, mode_t mode, pe_error *errp);
    void (*close)(host *h, void *file);

    /* Did the last call fail because the connection broke, and may it be
     * made once more?  NULL: never.
     */
    bool (*again)(host *h);
    void (*destroy)(host *h);
} host_ops;

/* Kinds put it first into their own struct. */
struct host {
    const host_ops *ops;
    char *name;           /* for messages */
    char *home, *machine; /* NULL: not yet asked */
};

/* Make [call], and once more where host_ops.again says that it may help. */
#define HOST_TRY(status, h, call)                              \
    for (int try_ = 0; ((status) = (call)) < 0 && try_ == 0 && \
                       (h)->ops->again && (h)->ops->again(h);  \
         try_++)

/* This host, for whoever needs none of his own; never closed. */
host *host_here(void);

/* A copy of one file from host to host; see host_put. */
typedef struct host_copy {
    host *from;
    const char *from_path;
    host *to;
    const char *to_path;
    host_progress_f progress; /* may be NULL */
    void *arg;
} host_copy;

int host_copy_file(const host_copy *c, pe_error *errp);

/* A name for a file that becomes [path] later: hidden, in the same folder,
 * [mark] in it.  New memory; NULL on error.
 */
char *host_temporary(const char *path, const char *mark, pe_error *errp);

#endif
