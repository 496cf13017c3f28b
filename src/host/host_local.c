/* host_local.c - this host. */
#include "src/host/host_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/process.h"
#include "src/common/text.h"

#define ANSWER_MAX ((size_t)64 << 20)

/* --- commands --- */

static int local_run(host *h, const host_command *c, host_answer *a,
                     pe_error *errp)
{
    const process_spec s = {.argv = c->argv, .folder = c->folder};
    const process_limits limits = {c->timeout_s, ANSWER_MAX};
    process_answer said = {0};

    (void)h;
    text_add_bytes(&said.out, "", 0);
    text_add_bytes(&said.err, "", 0);
    int status = process_run(&s, &limits, &said, errp);
    if (status == 0 && (said.out.failed || said.err.failed))
        status = pe_error_nomem(errp);
    if (status < 0) {
        process_answer_free(&said);
        return -1;
    }
    a->status = said.status;
    a->out = said.out.data;
    a->out_len = said.out.len;
    a->err = said.err.data;
    a->err_len = said.err.len;
    return 0;
}

static int local_spawn(host *h, const host_command *c, pid_t *pidp,
                       char start[32], pe_error *errp)
{
    const process_spec s = {.argv = c->argv,
                            .out_path = c->out_path,
                            .err_path = c->err_path,
                            .folder = c->folder,
                            .new_session = true};
    process *p = process_start(&s, errp);

    (void)h;
    if (!p)
        return -1;
    /* It is our child: however short it lives, it stays to be seen. */
    pid_t pid = process_pid(p);
    if (!process_state(pid, start)) {
        process_destroy(p);
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "/proc does not show process %d: is it mounted?",
                            (int)pid);
    }
    *pidp = pid;
    process_release(p);
    return 0;
}

static int local_alive(host *h, pid_t pid, const char *start, pe_error *errp)
{
    char now[32];
    char state = process_state(pid, now);

    (void)h;
    (void)errp;
    if (!state || strcmp(start, now) != 0)
        return 0;
    if (state != 'Z' && state != 'X')
        return 1;
    waitpid(pid, NULL, WNOHANG); /* if it was a child of ours */
    return 0;
}

static int local_kill(host *h, pid_t pid, const char *start, int sig,
                      pe_error *errp)
{
    char now[32];

    (void)h;
    if (!process_state(pid, now) || strcmp(start, now) != 0)
        return 0;
    if (kill(-pid, sig) == 0 || errno == ESRCH)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL,
                        errno == EPERM ? PE_EXIT_PERMISSION : PE_EXIT_FAILED,
                        "cannot signal process %d: %s", (int)pid,
                        strerror(errno));
}

/* --- files --- */

static int local_stat(host *h, const char *path, host_stat *out, pe_error *errp)
{
    struct stat st;

    (void)h;
    if (stat(path, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return 0;
        return file_error(errp, errno, "look at", path, PE_EXIT_DATA);
    }
    *out = (host_stat){st.st_size, st.st_mode};
    return 1;
}

static int local_mkdir(host *h, const char *path, pe_error *errp)
{
    (void)h;
    return file_mkdir(path, errp);
}

static int local_remove(host *h, const char *path, pe_error *errp)
{
    (void)h;
    if (unlink(path) < 0 && errno != ENOENT)
        return file_error(errp, errno, "remove", path, PE_EXIT_FAILED);
    return 0;
}

static int local_remove_tree(host *h, const char *path, pe_error *errp)
{
    (void)h;
    return file_remove_tree(path, errp);
}

static int local_digest(host *h, const char *path, char *hex, pe_error *errp)
{
    (void)h;
    return digest_file(path, hex, errp);
}

static int local_publish(host *h, const char *temp, const char *path,
                         pe_error *errp)
{
    (void)h;
    return file_replace(temp, path, errp);
}

struct local_file {
    int fd;
    char *path;
};

static void local_close(host *h, void *file)
{
    struct local_file *f = file;

    (void)h;
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

static void *local_open(host *h, const char *path, enum host_open how,
                        bool *missingp, pe_error *errp)
{
    static const int flags[] = {
        [HOST_OPEN_READ] = O_RDONLY,
        [HOST_OPEN_MORE] = O_WRONLY | O_CREAT,
        [HOST_OPEN_NEW] = O_WRONLY | O_CREAT | O_EXCL,
    };
    const char *verb = how == HOST_OPEN_READ ? "read" : "write";
    enum pe_exit code = how == HOST_OPEN_READ ? PE_EXIT_DATA : PE_EXIT_CREATE;
    struct local_file *f = calloc(1, sizeof(*f));

    if (!f || !(f->path = strdup(path))) {
        free(f);
        pe_error_nomem(errp);
        return NULL;
    }
    f->fd = open(path, flags[how] | O_CLOEXEC, 0600);
    if (f->fd >= 0)
        return f;
    if (missingp)
        *missingp = errno == ENOENT;
    file_error(errp, errno, verb, path, code);
    local_close(h, f);
    return NULL;
}

static ssize_t local_read(host *h, void *file, int64_t offset, void *data,
                          size_t len, pe_error *errp)
{
    const struct local_file *f = file;
    ssize_t n;

    (void)h;
    do
        n = pread(f->fd, data, len, offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? file_error(errp, errno, "read", f->path, PE_EXIT_DATA) : n;
}

static int local_write(host *h, void *file, int64_t offset, const void *data,
                       size_t len, pe_error *errp)
{
    const struct local_file *f = file;
    const char *at = data;

    (void)h;
    while (len > 0) {
        ssize_t n = pwrite(f->fd, at, len, offset);
        if (n < 0 && errno != EINTR)
            return file_error(errp, errno, "write", f->path, PE_EXIT_CREATE);
        if (n < 0)
            continue;
        at += n;
        offset += n;
        len -= (size_t)n;
    }
    return 0;
}

static int local_settle(host *h, void *file, mode_t mode, pe_error *errp)
{
    const struct local_file *f = file;

    (void)h;
    if (fchmod(f->fd, mode) < 0 || fsync(f->fd) < 0)
        return file_error(errp, errno, "write", f->path, PE_EXIT_CREATE);
    return 0;
}

static void local_destroy(host *h)
{
    if (h != host_here())
        free(h);
}

static const host_ops local_ops = {
    .run = local_run,
    .spawn = local_spawn,
    .alive = local_alive,
    .kill = local_kill,
    .stat = local_stat,
    .mkdir = local_mkdir,
    .remove = local_remove,
    .remove_tree = local_remove_tree,
    .digest = local_digest,
    .publish = local_publish,
    .open = local_open,
    .read = local_read,
    .write = local_write,
    .settle = local_settle,
    .close = local_close,
    .destroy = local_destroy,
};

host *host_here(void)
{
    static host here = {.ops = &local_ops};

    return &here;
}

host *host_open_local(pe_error *errp)
{
    host *h = calloc(1, sizeof(*h));

    if (!h) {
        pe_error_nomem(errp);
        return NULL;
    }
    h->ops = &local_ops;
    return h;
}

bool host_is_local(const host *h)
{
    return h->ops == &local_ops;
}
