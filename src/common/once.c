/* once.c - what can be read once only, kept so that it can be read again. */
#include "once.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define CHUNK ((size_t)256 << 10)
#define LOOK ((uint64_t)16 << 20) /* bytes between two looks at the disk */
#define SPARE 20                  /* one part of so many stays free */

/* --- what it is --- */

/* How many bytes of [path] name a file that is there: all, or what stands
 * before a colon; 0: none of it.
 */
static size_t file_len(const char *path, struct stat *st)
{
    char *file = strdup(path), *colon = NULL;
    size_t len = file ? strlen(file) : 0;
    bool there = file && stat(file, st) == 0;

    while (file && !there && (colon = strrchr(file, ':'))) {
        *colon = '\0';
        len = (size_t)(colon - file);
        there = stat(file, st) == 0;
    }
    free(file);
    return there ? len : 0;
}

/* Bytes of [path] that mean our standard input; 0: it is none. */
static size_t stdin_len(const char *path)
{
    static const char *const names[] = {"-", "/dev/stdin", "/dev/fd/0",
                                        "/proc/self/fd/0", NULL};

    for (const char *const *n = names; *n; n++) {
        size_t len = strlen(*n);

        if (!strncmp(path, *n, len) && (!path[len] || path[len] == ':'))
            return len;
    }
    return 0;
}

static int refuse(const char *name, const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is %s, and no file of rows: write what is to be "
                        "read into a file, or send it through a pipe",
                        name, what);
}

/* May [st], called [name], be read to its end? */
static int check_kind(const struct stat *st, const char *name, bool is_stdin,
                      pe_error *errp)
{
    if (is_stdin && isatty(STDIN_FILENO))
        return refuse(name, "a terminal", errp);
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
        return refuse(name, "a device", errp);
    if (S_ISSOCK(st->st_mode) && !is_stdin)
        return refuse(name, "a socket", errp);
    return 0;
}

/* --- the copy --- */

static const char *folder_of(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && *folder ? folder : "/tmp";
}

static int file_open(pe_error *errp)
{
    const char *folder = folder_of();
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char *name = NULL;

    /* Not every file system has files without a name. */
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        name = text_format("%s/pilot-XXXXXX", folder);
        fd = name ? mkostemp(name, O_CLOEXEC) : -1;
        if (fd >= 0)
            unlink(name);
        free(name);
    }
    if (fd < 0)
        file_error(errp, errno, "make a file in", folder, PE_EXIT_CREATE);
    return fd;
}

static int no_room(const char *name, uint64_t len, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_CREATE,
                        "%s is too large to be kept in %s, which has no room "
                        "behind %llu bytes of it: set TMPDIR to a folder that "
                        "has, or write it into a file",
                        name, folder_of(), (unsigned long long)len);
}

static int copy_out(int fd, const char *name, const char *data, size_t len,
                    uint64_t at, pe_error *errp)
{
    struct statvfs v;

    if (at / LOOK != (at + len) / LOOK && fstatvfs(fd, &v) == 0 &&
        v.f_bavail < v.f_blocks / SPARE)
        return no_room(name, at, errp);
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
            return no_room(name, at, errp);
        if (n < 0)
            return file_error(errp, errno, "write into", folder_of(),
                              PE_EXIT_CREATE);
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A pipe gives nothing (yet): true when it is worth to ask again. */
static bool wait_for(int fd, const char *name, uint64_t got, bool ended,
                     bool *toldp)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (ended && (got > 0 || *toldp))
        return false;
    if (ended)
        log_info("%s is a pipe that nobody writes into yet: its rows are "
                 "waited for; Ctrl-C gives it up",
                 name);
    *toldp = *toldp || ended;
    poll(&p, 1, -1);
    return true;
}

/* All that [from] gives into [to]. */
static int copy(int from, int to, const char *name, bool is_pipe,
                pe_error *errp)
{
    char *chunk = malloc(CHUNK);
    uint64_t got = 0;
    bool told = !is_pipe;
    int rc = chunk ? 0 : pe_error_nomem(errp);

    while (rc == 0) {
        ssize_t n = read(from, chunk, CHUNK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (n < 0 && errno == EAGAIN)) {
            if (!wait_for(from, name, got, n == 0, &told))
                break;
            continue;
        }
        if (n < 0) {
            rc = file_error(errp, errno, "read", name, PE_EXIT_DATA);
            break;
        }
        rc = copy_out(to, name, chunk, (size_t)n, got, errp);
        got += (uint64_t)n;
    }
    free(chunk);
    return rc;
}

/* --- all of them --- */

static once *add(onces *l, const char *name, size_t len, const char *part,
                 pe_error *errp)
{
    once *more = reallocarray(l->s, l->n + 1, sizeof(*more));
    once *s;

    if (!more) {
        pe_error_nomem(errp);
        return NULL;
    }
    l->s = more;
    s = &l->s[l->n++];
    *s = (once){.fd = file_open(errp)};
    if (s->fd < 0)
        return NULL;
    s->name = text_format("%.*s", (int)len, name);
    s->file = text_format("/proc/%ld/fd/%d", (long)getpid(), s->fd);
    s->path = s->file ? text_format("%s%s", s->file, part) : NULL;
    if (s->path && s->name)
        return s;
    pe_error_nomem(errp);
    return NULL;
}

const char *onces_take(onces *l, const char *path, pe_error *errp)
{
    struct stat st = {0};
    size_t len = stdin_len(path);
    bool is_stdin = len > 0;
    const char *name = is_stdin ? "stdin" : path;
    once *s = NULL;
    int from = STDIN_FILENO, rc;

    if (is_stdin && fstat(STDIN_FILENO, &st) < 0) {
        refuse(name, "closed", errp);
        return NULL;
    }
    if (!is_stdin)
        len = file_len(path, &st);
    if (len == 0 || (!is_stdin && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))))
        return path; /* who opens it says what is wrong with it */
    if (check_kind(&st, name, is_stdin, errp) < 0)
        return NULL;
    s = add(l, name, is_stdin ? strlen(name) : len, path + len, errp);
    if (!s)
        return NULL;
    if (!is_stdin) {
        char *file = text_format("%.*s", (int)len, path);

        from = file ? open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
        free(file);
    }
    rc = from < 0 ? file_error(errp, errno, "open", name, PE_EXIT_DATA)
                  : copy(from, s->fd, s->name, !is_stdin, errp);
    if (from > STDIN_FILENO)
        close(from);
    return rc == 0 ? s->path : NULL;
}

void onces_free(onces *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->s[i].fd >= 0)
            close(l->s[i].fd);
        free(l->s[i].file);
        free(l->s[i].path);
        free(l->s[i].name);
    }
    free(l->s);
    *l = (onces){0};
}

/* The copy whose place [at] begins with, or NULL. */
static const once *once_at(const onces *l, const char *at)
{
    for (size_t i = 0; i < l->n; i++) {
        const once *s = &l->s[i];
        size_t len = s->file && s->name ? strlen(s->file) : 0;

        if (len && !strncmp(at, s->file, len) &&
            !isdigit((unsigned char)at[len]))
            return s;
    }
    return NULL;
}

char *onces_words(const onces *l, const char *line)
{
    text t = {0};

    text_add_bytes(&t, "", 0);
    while (*line) {
        const once *s = *line == '/' ? once_at(l, line) : NULL;

        text_add_bytes(&t, s ? s->name : line, s ? strlen(s->name) : 1);
        line += s ? strlen(s->file) : 1;
    }
    if (!t.failed)
        return t.data;
    text_free(&t);
    return NULL;
}

void onces_error(const onces *l, pe_error *e)
{
    char *words = e && l->n ? onces_words(l, e->text) : NULL;

    if (words)
        snprintf(e->text, sizeof(e->text), "%s", words);
    free(words);
}
