/* write_part.c - a file of rows that grows piece by piece and can be cut. */
#include "write_part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "write_index.h"

#define LOCK_NAP_NS (20 * CLOCK_MS)
#define COPY_BYTES 65536

struct part {
    part_conf c;
    char *path, *owner, *index; /* the latter: PATH.index */
    int data, log;              /* -1: not open */
    char *layout;               /* "": not begun */
    size_t head;                /* bytes in front of the rows */
    uint64_t rows, end;
};

/* --- writing --- */

static bool is_full(int err)
{
    return err == ENOSPC || err == EDQUOT;
}

/* Where bytes go to; at -1: behind what is there. */
struct spot {
    int fd;
    const char *path;
    int64_t at;
};

/* All of [data]; a full disk is waited for. */
static int put(part *p, struct spot to, const void *data, size_t len,
               pe_error *errp)
{
    const char *from = data;

    while (len > 0) {
        ssize_t n = to.at < 0 ? write(to.fd, from, len)
                              : pwrite(to.fd, from, len, (off_t)to.at);
        pe_error e = {0};

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            bool full = is_full(errno);

            file_error(&e, errno, "write", to.path, PE_EXIT_CREATE);
            if (full && p->c.wait && p->c.wait(p->c.arg, &e) == 0)
                continue;
            if (errp)
                *errp = e;
            return -1;
        }
        from += n;
        len -= (size_t)n;
        to.at += to.at < 0 ? 0 : n;
    }
    return 0;
}

static int put_line(part *p, const text *t, pe_error *errp)
{
    if (t->failed)
        return pe_error_nomem(errp);
    return put(p, (struct spot){p->log, p->index, -1}, t->data, t->len, errp);
}

/* --- opening --- */

static int refuse(const part *p, const char *whose, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                        "%s is there and is %s: remove it and %s" PART_INDEX
                        ", or name another path ({run} in it stands for the "
                        "run's)",
                        p->path, whose, p->path);
}

/* A file that we may write to, or none, as its index [fd] says; *emptyp: it
 * says nothing yet.
 */
static int check_owner(const part *p, int fd, bool *emptyp, pe_error *errp)
{
    write_index i = {0};
    char whose[300];
    int rc = write_index_read(&i, fd, p->index, errp);

    *emptyp = !*i.owner;
    if (rc == 0 && *i.owner && strcmp(i.owner, p->owner) != 0) {
        snprintf(whose, sizeof(whose), "that of %.250s", i.owner);
        rc = refuse(p, whose, errp);
    }
    write_index_free(&i);
    return rc;
}

/* Is [fd] ours alone?  Of a file that another has put in its place it says
 * nothing.  One who waits for another run, or stage, waits in vain.
 */
static int lock(part *p, int fd, pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(p->c.patience_s * 1e9);
    bool empty;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return file_error(errp, errno, "lock", p->index, PE_EXIT_CREATE);
        if (p->c.claims && check_owner(p, fd, &empty, errp) < 0)
            return -1;
        if (clock_mono_ns() >= until)
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                                "%s is being written by another process",
                                p->path);
        clock_sleep_ns(LOCK_NAP_NS, 0);
    }
    return 0;
}

static bool is_current(const part *p, int fd)
{
    struct stat there, open;

    return stat(p->index, &there) == 0 && fstat(fd, &open) == 0 &&
           there.st_ino == open.st_ino && there.st_dev == open.st_dev;
}

/* The index, locked: its writer before us may have put another in its place
 * while we waited.
 */
static int take(part *p, pe_error *errp)
{
    for (;;) {
        int fd = open(p->index, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

        if (fd < 0 && errno == ENOENT)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                                "the folder of %s is not there: make it, on "
                                "each host that writes",
                                p->path);
        if (fd < 0)
            return file_error(errp, errno, "make", p->index, PE_EXIT_CREATE);
        if (lock(p, fd, errp) < 0) {
            close(fd);
            return -1;
        }
        p->log = fd;
        if (is_current(p, fd))
            return 0;
        close(fd);
        p->log = -1;
    }
}

/* A new index in the place of the old one, ours before others see it. */
static int renew(part *p, bool moved, pe_error *errp)
{
    char *path = text_format("%s.new", p->index);
    int fd = path
                 ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                        0666)
                 : -1;
    text t = {0};
    int rc = -1;

    write_index_head(&t, &(write_head){p->owner, p->layout, p->head, p->rows,
                                       p->end, moved});
    if (!path || t.failed)
        pe_error_nomem(errp);
    else if (fd < 0)
        file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    else if (lock(p, fd, errp) == 0)
        rc = put(p, (struct spot){fd, path, -1}, t.data, t.len, errp);
    if (rc == 0 && (fsync(fd) < 0 || rename(path, p->index) < 0))
        rc = file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    if (rc == 0) {
        close(p->log);
        p->log = fd;
    } else if (fd >= 0) {
        unlink(path);
        close(fd);
    }
    text_free(&t);
    free(path);
    return rc;
}

/* It is ours from here on: one of another stage, which has nothing in it yet
 * either, sees so.
 */
static int claim(part *p, pe_error *errp)
{
    bool empty;

    if (check_owner(p, p->log, &empty, errp) < 0)
        return -1;
    if (!empty)
        return 0;
    if (access(p->path, F_OK) == 0)
        return refuse(p, "not ours", errp);
    return p->c.claims ? renew(p, false, errp) : 0;
}

part *part_open(const part_conf *c, pe_error *errp)
{
    part *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    p->c = *c;
    p->data = p->log = -1;
    p->path = strdup(c->path);
    p->owner = strdup(c->owner);
    p->layout = strdup("");
    p->index = text_format("%s" PART_INDEX, c->path);
    if (!p->path || !p->owner || !p->layout || !p->index)
        pe_error_nomem(errp);
    else if (take(p, errp) == 0 && claim(p, errp) == 0)
        return p;
    part_close(p);
    return NULL;
}

void part_close(part *p)
{
    if (!p)
        return;
    if (p->data >= 0)
        close(p->data);
    if (p->log >= 0)
        close(p->log); /* and its lock goes */
    free(p->path);
    free(p->owner);
    free(p->index);
    free(p->layout);
    free(p);
}

/* --- cutting --- */

/* What of the file stays: pieces, each from where the one before ends. */
typedef struct keeping {
    const write_index *i;
    bool *keeps; /* of each */
    uint64_t rows, end;
    uint64_t cut;  /* rows */
    bool together; /* what stays is the beginning of the file */
} keeping;

static int decide(keeping *k, part_counts *counts, void *arg, pe_error *errp)
{
    const write_index *i = k->i;

    k->keeps = calloc(i->n + 1, sizeof(*k->keeps));
    if (!k->keeps)
        return pe_error_nomem(errp);
    k->rows = i->rows;
    k->end = i->end;
    k->together = true;
    for (size_t n = 0, last = SIZE_MAX; n < i->n; n++) {
        const write_piece *w = &i->piece[n];
        uint64_t from = n > 0 ? i->piece[n - 1].end : i->end;

        k->keeps[n] = !write_index_is_void(i, w) &&
                      counts(arg, &(part_place){w->lane, w->at});
        if (!k->keeps[n]) {
            k->cut += w->rows;
            last = last == SIZE_MAX ? n : last;
            continue;
        }
        k->together = k->together && last == SIZE_MAX;
        k->rows += w->rows;
        k->end += w->end - from;
    }
    return 0;
}

static int check_length(const part *p, const keeping *k, pe_error *errp)
{
    const write_index *i = k->i;
    uint64_t need = i->end;
    struct stat st;

    for (size_t n = 0; n < i->n; n++)
        need = k->keeps[n] ? i->piece[n].end : need;
    if (fstat(p->data, &st) == 0 && (uint64_t)st.st_size >= need)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s is shorter than its index says: it was changed, or "
                        "its machine lost power; what it lacks is committed "
                        "and not written again; remove it and its index to go "
                        "on with a new file",
                        p->path);
}

/* Bytes [from, to) of the file to the end of [fd]. */
static int copy(part *p, int fd, const char *path, uint64_t from, uint64_t to,
                pe_error *errp)
{
    char buffer[COPY_BYTES];

    while (from < to) {
        size_t want =
            to - from < sizeof(buffer) ? (size_t)(to - from) : sizeof(buffer);
        ssize_t n = pread(p->data, buffer, want, (off_t)from);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return file_error(errp, n < 0 ? errno : EIO, "read", p->path,
                              PE_EXIT_FAILED);
        if (put(p, (struct spot){fd, path, -1}, buffer, (size_t)n, errp) < 0)
            return -1;
        from += (uint64_t)n;
    }
    return 0;
}

/* The head of the file as it will be, into [fd], called [path]: while it is
 * cut, rows may stand behind those that it speaks of, and never less.
 */
static int recount(part *p, const keeping *k, int fd, const char *path,
                   pe_error *errp)
{
    size_t len = k->i->head;
    unsigned char *head;
    int rc;

    if (!p->c.recount || len == 0)
        return 0;
    head = malloc(len);
    if (!head)
        return pe_error_nomem(errp);
    if (pread(p->data, head, len, 0) == (ssize_t)len) {
        p->c.recount(head, len, k->rows);
        rc = put(p, (struct spot){fd, path, 0}, head, len, errp);
    } else {
        rc = file_error(errp, EIO, "read", p->path, PE_EXIT_FAILED);
    }
    free(head);
    return rc;
}

/* What stays, one behind the other, into [path], whole on the disk. */
static int gather(part *p, const keeping *k, const char *path, pe_error *errp)
{
    const write_index *i = k->i;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = fd < 0 ? -1 : copy(p, fd, path, 0, i->end, errp);

    if (fd < 0)
        return file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    for (size_t n = 0; rc == 0 && n < i->n; n++)
        if (k->keeps[n])
            rc = copy(p, fd, path, n > 0 ? i->piece[n - 1].end : i->end,
                      i->piece[n].end, errp);
    if (rc == 0)
        rc = recount(p, k, fd, path, errp);
    if (rc == 0 && fsync(fd) < 0)
        rc = file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    close(fd);
    return rc;
}

static int open_data(part *p, pe_error *errp)
{
    if (p->data >= 0)
        close(p->data);
    p->data = open(p->path, O_RDWR | O_CLOEXEC);
    if (p->data < 0 && errno == ENOENT)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "%s is gone and its index is there; what it held "
                            "is committed and not written again: put it back, "
                            "or remove %s to go on with a new file",
                            p->path, p->index);
    return p->data < 0
               ? file_error(errp, errno, "open", p->path, PE_EXIT_CREATE)
               : 0;
}

/* Pieces that go lie between those that stay. */
static int squeeze(part *p, const keeping *k, pe_error *errp)
{
    char *path = text_format("%s.new", p->path);
    int rc = path ? gather(p, k, path, errp) : pe_error_nomem(errp);

    /* From here on the new file is the one, whatever it is called. */
    if (rc == 0)
        rc = renew(p, true, errp);
    if (rc == 0 && rename(path, p->path) < 0)
        rc = file_error(errp, errno, "write", p->path, PE_EXIT_CREATE);
    if (rc == 0)
        rc = open_data(p, errp);
    free(path);
    return rc;
}

/* The end of a squeeze that was cut off. */
static int finish_move(part *p, const write_index *i, pe_error *errp)
{
    char *path = text_format("%s.new", p->path);
    int rc = path ? 0 : pe_error_nomem(errp);

    if (rc == 0 && !i->moved)
        unlink(path);
    else if (rc == 0 && rename(path, p->path) < 0 && errno != ENOENT)
        rc = file_error(errp, errno, "write", p->path, PE_EXIT_CREATE);
    free(path);
    return rc;
}

/* Of a file that was begun, nothing is there: no head, or half of it. */
static bool is_stub(const part *p, const write_index *i)
{
    struct stat st;

    return i->n == 0 && i->rows == 0 &&
           (stat(p->path, &st) < 0 || (uint64_t)st.st_size < i->head);
}

static int begin_again(part *p, pe_error *errp)
{
    char *layout = strdup("");

    if (!layout)
        return pe_error_nomem(errp);
    free(p->layout);
    p->layout = layout;
    p->rows = p->end = p->head = 0;
    if (p->data >= 0)
        close(p->data);
    p->data = -1;
    if (unlink(p->path) < 0 && errno != ENOENT)
        return file_error(errp, errno, "remove", p->path, PE_EXIT_CREATE);
    return renew(p, false, errp);
}

static int cut(part *p, const write_index *i, const keeping *k, pe_error *errp)
{
    p->rows = k->rows;
    p->end = k->end;
    p->head = i->head;
    if (finish_move(p, i, errp) < 0)
        return -1;
    if (is_stub(p, i))
        return begin_again(p, errp);
    if (open_data(p, errp) < 0 || check_length(p, k, errp) < 0)
        return -1;
    if (!k->together ? squeeze(p, k, errp) < 0
                     : recount(p, k, p->data, p->path, errp) < 0)
        return -1;
    /* The index first: what it does not have is no part of the file. */
    if (renew(p, false, errp) < 0)
        return -1;
    return ftruncate(p->data, (off_t)p->end) < 0
               ? file_error(errp, errno, "cut", p->path, PE_EXIT_CREATE)
               : 0;
}

int part_cut(part *p, part_counts *counts, void *arg, uint64_t *cutp,
             pe_error *errp)
{
    write_index i = {0};
    keeping k = {.i = &i};
    int rc = write_index_read(&i, p->log, p->index, errp);

    if (rc == 0 && *i.layout) {
        free(p->layout);
        p->layout = strdup(i.layout);
        rc = p->layout ? decide(&k, counts, arg, errp) : pe_error_nomem(errp);
        if (rc == 0)
            rc = cut(p, &i, &k, errp);
    } else if (rc == 0) {
        rc = renew(p, false, errp);
    }
    *cutp = k.cut;
    free(k.keeps);
    write_index_free(&i);
    return rc;
}

/* --- growing --- */

const char *part_layout(const part *p)
{
    return p->layout;
}

uint64_t part_rows(const part *p)
{
    return p->rows;
}

uint64_t part_bytes(const part *p)
{
    return p->end;
}

int part_begin(part *p, const char *layout, const void *head, size_t len,
               pe_error *errp)
{
    char *copy_of = strdup(layout);

    if (!copy_of)
        return pe_error_nomem(errp);
    free(p->layout);
    p->layout = copy_of;
    p->rows = 0;
    p->head = p->end = len;
    /* The index first: a file without one would be somebody else's. */
    if (renew(p, false, errp) < 0)
        return -1;
    if (p->data < 0)
        p->data = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (p->data < 0)
        return file_error(errp, errno, "make", p->path, PE_EXIT_CREATE);
    return put(p, (struct spot){p->data, p->path, 0}, head, len, errp);
}

int part_append(part *p, const part_place *at, const void *rows, size_t len,
                uint32_t n, pe_error *errp)
{
    text t = {0};
    int rc = put(p, (struct spot){p->data, p->path, (int64_t)p->end}, rows, len,
                 errp);

    if (rc < 0)
        return -1;
    p->end += len;
    p->rows += n;
    write_index_piece(&t, &(write_piece){at->lane, at->at, n, p->end});
    rc = put_line(p, &t, errp);
    text_free(&t);
    return rc;
}

int part_head(part *p, const void *head, size_t len, pe_error *errp)
{
    return put(p, (struct spot){p->data, p->path, 0}, head, len, errp);
}

/* --- others --- */

int part_fence(const char *path, const char *owner, const part_place *from,
               size_t n, pe_error *errp)
{
    part p = {.index = text_format("%s" PART_INDEX, path), .log = -1};
    write_index i = {0};
    text t = {0};
    int rc = p.index ? 0 : pe_error_nomem(errp);

    if (rc == 0)
        p.log = open(p.index, O_RDWR | O_APPEND | O_CLOEXEC);
    if (p.log >= 0)
        rc = write_index_read(&i, p.log, p.index, errp);
    if (p.log >= 0 && rc == 0 && !strcmp(i.owner, owner)) {
        for (size_t k = 0; k < n; k++)
            write_index_void(&t, from[k].lane, from[k].at);
        rc = n > 0 ? put_line(&p, &t, errp) : 0;
    }
    if (p.log >= 0)
        close(p.log);
    text_free(&t);
    write_index_free(&i);
    free(p.index);
    return rc;
}
