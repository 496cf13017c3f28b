/* host_ssh.c - a host behind SSH: its session, and its files. */
#include "host_ssh.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/shell.h"

#define PROBE_S 60.0

/* --- the session --- */

static void drop(ssh_host *h)
{
    for (ssh_host_file *f = h->files; f; f = f->next)
        ssh_file_close(&h->sftp, &f->file);
    ssh_sftp_close(&h->sftp);
    ssh_session_close(h->s);
    h->s = NULL;
}

int ssh_host_begin(ssh_host *h, pe_error *errp)
{
    h->again = false;
    h->fresh = !h->s;
    if (!h->s)
        h->s = ssh_session_open(&h->target, &h->conf, errp);
    return h->s ? 0 : -1;
}

int ssh_host_begin_files(ssh_host *h, pe_error *errp)
{
    if (ssh_host_begin(h, errp) < 0)
        return -1;
    if (h->sftp.raw || ssh_sftp_open(&h->sftp, h->s, errp) == 0)
        return 0;
    for (int i = 0; i < SSH_ROOM_TRIES && !h->s->broken; i++) {
        clock_sleep_ns(SSH_ROOM_NS, 1);
        if (ssh_sftp_open(&h->sftp, h->s, errp) == 0)
            return 0;
    }
    return ssh_host_end(h, -1, true);
}

int ssh_host_end(ssh_host *h, int status, bool idempotent)
{
    if (h->s && h->s->broken) {
        h->again = status < 0 && idempotent && !h->fresh;
        drop(h);
    }
    return status;
}

static bool host_again(host *base)
{
    ssh_host *h = (ssh_host *)base;
    bool is = h->again;

    h->again = false;
    return is;
}

/* --- what the protocol has no words for --- */

/* A write to [path] failed, and all we know is that: ask the shell, whose
 * words are more.
 */
static void explain(ssh_host *h, const char *path, pe_error *errp)
{
    const char *slash = strrchr(path, '/');
    char *folder = text_format("%.*s/", (int)(slash - path), path);
    text body = {0};
    host_answer a = {0};
    char word[32];

    h->sftp.vague = false;
    if (!folder || !errp)
        goto done;
    text_add(&body, "began " SSH_BEGAN "\nLC_ALL=C\nexport LC_ALL\ncd ");
    shell_add_word(&body, folder);
    text_add(&body, " || exit 1\n"
                    "dd if=/dev/zero of=.probe.$$ bs=65536 count=1\n"
                    "rm -f .probe.$$\n");
    if (ssh_host_ask(h, &(ssh_question){"dd", &body, PROBE_S}, word, &a, NULL) <
        0)
        goto done;
    bool quota = strstr(a.err, "quota exceeded") != NULL;
    if (quota || strstr(a.err, "No space left"))
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_CREATE,
                     "cannot write %s:%s: %s in %s; free some space or raise "
                     "the limit",
                     h->base.name, path,
                     quota ? "your quota is used up" : "disk full", folder);
done:
    host_answer_free(&a);
    text_free(&body);
    free(folder);
}

/* End of a call that writes to [path]. */
static int end_write(ssh_host *h, const char *path, int status, pe_error *errp)
{
    /* The path may be the file's own, which goes with its session. */
    char *own = status < 0 && h->s && !h->s->broken && h->sftp.vague
                    ? strdup(path)
                    : NULL;

    if (own)
        explain(h, own, errp);
    free(own);
    return ssh_host_end(h, status, true);
}

/* Run [body] for what files.h of the other side cannot do; what it complains
 * of is the error.
 */
static int shell_do(ssh_host *h, const char *verb, const char *path, text *body,
                    host_answer *a, pe_error *errp)
{
    char word[32];
    int status = ssh_host_ask(h, &(ssh_question){verb, body, 0}, word, a, errp);

    text_free(body);
    if (status < 0 || a->status == 0)
        return status;
    a->err[strcspn(a->err, "\r\n")] = '\0';
    return pe_error_set(errp, PE_ERROR_FATAL,
                        strstr(a->err, "ermission denied") ? PE_EXIT_PERMISSION
                                                           : PE_EXIT_FAILED,
                        "cannot %s %s:%s: %s", verb, h->base.name, path,
                        *a->err ? a->err : "no reason given");
}

/* --- names --- */

static int host_stat_path(host *base, const char *path, host_stat *st,
                          pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;

    if (ssh_host_begin_files(h, errp) < 0)
        return -1;
    return ssh_host_end(h, ssh_sftp_stat(&h->sftp, path, st, errp), true);
}

static int host_make(host *base, const char *path, pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;

    if (ssh_host_begin_files(h, errp) < 0)
        return -1;
    return end_write(h, path, ssh_sftp_mkdir(&h->sftp, path, errp), errp);
}

static int host_unlink(host *base, const char *path, pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;

    if (ssh_host_begin_files(h, errp) < 0)
        return -1;
    return ssh_host_end(h, ssh_sftp_remove(&h->sftp, path, errp), true);
}

static int host_unlink_tree(host *base, const char *path, pe_error *errp)
{
    text body = {0};
    host_answer a = {0};

    text_add(&body, "began " SSH_BEGAN "\nLC_ALL=C\nexport LC_ALL\nrm -rf -- ");
    shell_add_word(&body, path);
    text_add(&body, "\n");
    int status = shell_do((ssh_host *)base, "remove", path, &body, &a, errp);
    host_answer_free(&a);
    return status;
}

static int host_sha256(host *base, const char *path, char *hex, pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    text body = {0};
    host_answer a = {0};

    text_add(&body, "LC_ALL=C\nexport LC_ALL\nbegan " SSH_BEGAN "\nexec < ");
    shell_add_word(&body, path);
    text_add(&body,
             "\nhas() { command -v \"$1\" >/dev/null 2>&1; }\n"
             "if has sha256sum; then exec sha256sum\n"
             "elif has shasum; then exec shasum -a 256\n"
             "elif has openssl; then exec openssl dgst -sha256\n"
             "fi\n"
             "echo 'neither sha256sum nor shasum nor openssl is there' >&2\n"
             "exit 1\n");
    int status = shell_do(h, "check", path, &body, &a, errp);
    if (status == 0 && !digest_parse(a.out, hex))
        status = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                              "cannot check %s:%s: its sha256sum says '%.80s'",
                              h->base.name, path, a.out);
    host_answer_free(&a);
    return status;
}

static int host_publish(host *base, const char *temp, const char *path,
                        pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    text body = {0};
    host_answer a = {0};

    if (ssh_host_begin_files(h, errp) < 0)
        return -1;
    int status =
        ssh_host_end(h, ssh_sftp_rename(&h->sftp, temp, path, errp), true);
    if (status <= 0)
        return status;
    /* A file is there, and SFTP renames onto nothing. */
    text_add(&body, "began " SSH_BEGAN "\nLC_ALL=C\nexport LC_ALL\n[ ! -d ");
    shell_add_word(&body, path);
    text_add(&body, " ] || { echo 'a folder is there' >&2; exit 1; }\n"
                    "exec mv -f -- ");
    shell_add_word(&body, temp);
    text_add(&body, " ");
    shell_add_word(&body, path);
    text_add(&body, "\n");
    status = shell_do(h, "write", path, &body, &a, errp);
    host_answer_free(&a);
    return status;
}

/* --- files --- */

static void *file_open(host *base, const char *path, enum host_open how,
                       bool *missingp, pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    ssh_host_file *f = calloc(1, sizeof(*f));

    if (!f) {
        pe_error_nomem(errp);
        return NULL;
    }
    int status = ssh_host_begin_files(h, errp);
    if (status == 0)
        status = ssh_file_open(&h->sftp, &f->file, path, how, missingp, errp);
    if (how == HOST_OPEN_READ)
        ssh_host_end(h, status, true);
    else
        end_write(h, path, status, errp);
    if (status < 0) {
        free(f);
        return NULL;
    }
    f->next = h->files;
    h->files = f;
    return f;
}

static void file_close(host *base, void *file)
{
    ssh_host *h = (ssh_host *)base;
    ssh_host_file **at = &h->files;

    while (*at && *at != file)
        at = &(*at)->next;
    if (*at)
        *at = (*at)->next;
    ssh_host_file *f = file;
    ssh_file_close(&h->sftp, &f->file);
    free(f);
}

/* The session of an open file may be gone, and the file with it. */
static int file_begin(ssh_host *h, const ssh_host_file *f, pe_error *errp)
{
    h->again = false;
    h->fresh = false;
    if (f->file.raw)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "the connection to %s broke", h->base.name);
}

static ssize_t file_read_at(host *base, void *file, int64_t offset, void *data,
                            size_t len, pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    ssh_host_file *f = file;

    if (file_begin(h, f, errp) < 0)
        return -1;
    ssize_t n = ssh_file_read(&h->sftp, &f->file, offset, data, len, errp);
    ssh_host_end(h, n < 0 ? -1 : 0, true);
    return n;
}

static int file_write_at(host *base, void *file, int64_t offset,
                         const void *data, size_t len, pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    ssh_host_file *f = file;

    if (file_begin(h, f, errp) < 0)
        return -1;
    int status = ssh_file_write(&h->sftp, &f->file, offset, data, len, errp);
    return end_write(h, f->file.path ? f->file.path : "/", status, errp);
}

static int file_settle(host *base, void *file, mode_t mode, pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    ssh_host_file *f = file;

    if (file_begin(h, f, errp) < 0)
        return -1;
    int status = ssh_file_settle(&h->sftp, &f->file, mode, errp);
    return end_write(h, f->file.path ? f->file.path : "/", status, errp);
}

/* --- open and close --- */

static void host_destroy(host *base)
{
    ssh_host *h = (ssh_host *)base;

    drop(h);
    ssh_target_clear(&h->target);
    free(h->base.name);
    free(h);
}

static const host_ops ssh_ops = {
    .run = ssh_host_run,
    .spawn = ssh_host_spawn,
    .alive = ssh_host_alive,
    .kill = ssh_host_kill,
    .stat = host_stat_path,
    .mkdir = host_make,
    .remove = host_unlink,
    .remove_tree = host_unlink_tree,
    .digest = host_sha256,
    .publish = host_publish,
    .open = file_open,
    .read = file_read_at,
    .write = file_write_at,
    .settle = file_settle,
    .close = file_close,
    .again = host_again,
    .destroy = host_destroy,
};

host *host_open_ssh(const char *url, const host_conf *c, pe_error *errp)
{
    ssh_host *h = calloc(1, sizeof(*h));

    if (!h) {
        pe_error_nomem(errp);
        return NULL;
    }
    h->base.ops = &ssh_ops;
    if (ssh_target_parse(url, c, &h->target, errp) < 0)
        goto error;
    if (c) {
        h->conf.connect_timeout_s = c->connect_timeout_s;
        h->conf.keepalive_s = c->keepalive_s;
    }
    h->base.name = strdup(h->target.name);
    if (h->base.name)
        return &h->base;
    pe_error_nomem(errp);
error:
    host_destroy(&h->base);
    return NULL;
}
