/* write_part.c - a file of rows that grows piece by piece. */
#include "write_part_private.h"

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
#include "src/pack/pack.h"

#define LOCK_NAP_NS (20 * CLOCK_MS)

/* --- writing --- */

static bool is_full(int err)
{
    return err == ENOSPC || err == EDQUOT;
}

int part_put(part *p, struct part_spot to, const void *data, size_t len,
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
    return part_put(p, (struct part_spot){p->log, p->index, -1}, t->data,
                    t->len, errp);
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

    *emptyp = !*i.h.owner;
    if (rc == 0 && *i.h.owner && strcmp(i.h.owner, p->owner) != 0) {
        snprintf(whose, sizeof(whose), "that of %.250s", i.h.owner);
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

int part_renew(part *p, bool moved, pe_error *errp)
{
    char *path = text_format("%s.new", p->index);
    int fd = path
                 ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                        0666)
                 : -1;
    text t = {0};
    int rc = -1;

    write_index_head(&t, &(write_head){.owner = p->owner,
                                       .layout = p->layout,
                                       .columns = p->columns,
                                       .moved = moved,
                                       .head = p->len_head,
                                       .head_check = p->head_check,
                                       .rows = p->rows,
                                       .end = p->end,
                                       .check = p->check});
    if (!path || t.failed)
        pe_error_nomem(errp);
    else if (fd < 0)
        file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    else if (lock(p, fd, errp) == 0)
        rc = part_put(p, (struct part_spot){fd, path, -1}, t.data, t.len, errp);
    if (rc == 0 && fsync(fd) < 0)
        rc = file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    if (rc == 0)
        rc = file_replace(path, p->index, errp);
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
    return p->c.claims ? part_renew(p, false, errp) : 0;
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
    p->columns = strdup("");
    p->index = text_format("%s" PART_INDEX, c->path);
    if (!p->path || !p->owner || !p->layout || !p->columns || !p->index)
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
    free(p->columns);
    free(p->head);
    text_free(&p->lines);
    free(p);
}

/* --- what a file is known by --- */

int part_set_words(part *p, const char *layout, const char *columns,
                   pe_error *errp)
{
    char *a = strdup(layout), *b = strdup(columns);

    if (!a || !b) {
        free(a);
        free(b);
        return pe_error_nomem(errp);
    }
    free(p->layout);
    free(p->columns);
    p->layout = a;
    p->columns = b;
    return 0;
}

int part_set_head(part *p, const void *head, size_t len, pe_error *errp)
{
    unsigned char *copy = malloc(len + 1);

    if (!copy)
        return pe_error_nomem(errp);
    memcpy(copy, head, len);
    if (p->c.recount)
        p->c.recount(copy, len, 0);
    free(p->head);
    p->head = copy;
    p->len_head = len;
    p->head_check = pack_check(0, copy, len);
    return 0;
}

int part_put_head(part *p, int fd, const char *path, pe_error *errp)
{
    if (!p->c.recount || p->len_head == 0)
        return 0;
    p->c.recount(p->head, p->len_head, p->rows);
    return part_put(p, (struct part_spot){fd, path, 0}, p->head, p->len_head,
                    errp);
}

int part_flush(const part *p, int fd, const char *path, pe_error *errp)
{
    if (p->c.lazy || fdatasync(fd) == 0)
        return 0;
    file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    if (errp)
        errp->kind = PE_ERROR_FATAL;
    return -1;
}

int part_put_lines(part *p, pe_error *errp)
{
    if (p->broken)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "%s was not written to its end before", p->index);
    if (p->lines.failed || p->lines.len)
        p->broken = put_line(p, &p->lines, errp) < 0;
    p->lines.len = 0;
    return p->broken ? -1 : 0;
}

/* --- growing --- */

const char *part_layout(const part *p)
{
    return p->layout;
}

const char *part_columns(const part *p)
{
    return p->columns;
}

uint64_t part_rows(const part *p)
{
    return p->rows;
}

int part_begin(part *p, const part_start *s, pe_error *errp)
{
    if (part_set_words(p, s->layout, s->columns, errp) < 0 ||
        part_set_head(p, s->head, s->len, errp) < 0)
        return -1;
    p->rows = 0;
    p->end = s->len;
    p->check = 0;
    /* The index first: a file without one would be somebody else's. */
    if (part_renew(p, false, errp) < 0)
        return -1;
    if (p->data < 0)
        p->data = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (p->data < 0)
        return file_error(errp, errno, "make", p->path, PE_EXIT_CREATE);
    p->listed = false;
    return part_put(p, (struct part_spot){p->data, p->path, 0}, s->head, s->len,
                    errp);
}

int part_append(part *p, const part_place *at, const void *rows, size_t len,
                uint32_t n, pe_error *errp)
{
    write_piece w = {at->lane, at->at, n, p->end + len, 0};

    if (part_put(p, (struct part_spot){p->data, p->path, (int64_t)p->end}, rows,
                 len, errp) < 0)
        return -1;
    w.check = pack_check(0, rows, len);
    write_index_piece(&p->lines, &w);
    if (p->lines.failed)
        return pe_error_nomem(errp);
    p->end += len;
    p->rows += n;
    if (!p->waits_ns)
        p->waits_ns = clock_mono_ns();
    return p->c.lazy ? part_sync(p, errp) : 0;
}

/* Rows first, then what speaks of them. */
int part_sync(part *p, pe_error *errp)
{
    if (!p->waits_ns)
        return 0;
    if (p->broken)
        return part_put_lines(p, errp);
    if (part_flush(p, p->data, p->path, errp) < 0 ||
        (!p->listed && !p->c.lazy && file_sync_folder(p->path, errp) < 0) ||
        part_put_head(p, p->data, p->path, errp) < 0 ||
        part_put_lines(p, errp) < 0 ||
        part_flush(p, p->log, p->index, errp) < 0)
        return -1;
    p->listed = true;
    p->waits_ns = 0;
    return 0;
}

int part_finish(part *p, pe_error *errp)
{
    if (part_sync(p, errp) < 0)
        return -1;
    return p->data < 0 ? 0 : part_flush(p, p->data, p->path, errp);
}

int64_t part_waits_ns(const part *p)
{
    return p->waits_ns;
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
    if (p.log >= 0 && rc == 0 && !strcmp(i.h.owner, owner)) {
        for (size_t k = 0; k < n; k++)
            write_index_void(&t, from[k].lane, from[k].at);
        rc = n > 0 ? put_line(&p, &t, errp) : 0;
        if (rc == 0)
            rc = part_flush(&p, p.log, p.index, errp);
    }
    if (p.log >= 0)
        close(p.log);
    text_free(&t);
    write_index_free(&i);
    free(p.index);
    return rc;
}
