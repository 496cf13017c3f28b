/* write_cut.c - a file of rows is cut to the pieces that count. */
#include "write_part_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/pack/pack.h"

#define COPY_BYTES 65536

/* What of the file stays: pieces, each from where the one before ends. */
typedef struct keeping {
    const write_index *i;
    bool *keeps; /* of each */
    uint64_t rows, end;
    uint32_t check; /* of the rows */
    uint64_t cut;   /* rows */
    bool together;  /* what stays is the beginning of the file */
} keeping;

/* Where piece [n] begins. */
static uint64_t from_of(const write_index *i, size_t n)
{
    return n > 0 ? i->piece[n - 1].end : i->h.end;
}

static int decide(keeping *k, part_counts *counts, void *arg, pe_error *errp)
{
    const write_index *i = k->i;

    k->keeps = calloc(i->n + 1, sizeof(*k->keeps));
    if (!k->keeps)
        return pe_error_nomem(errp);
    k->rows = i->h.rows;
    k->end = i->h.end;
    k->check = i->h.check;
    k->together = true;
    for (size_t n = 0, last = SIZE_MAX; n < i->n; n++) {
        const write_piece *w = &i->piece[n];
        uint64_t len = w->end - from_of(i, n);

        k->keeps[n] = !write_index_is_void(i, w) &&
                      counts(arg, &(part_place){w->lane, w->at});
        if (!k->keeps[n]) {
            k->cut += w->rows;
            last = last == SIZE_MAX ? n : last;
            continue;
        }
        k->together = k->together && last == SIZE_MAX;
        k->rows += w->rows;
        k->end += len;
        k->check = pack_check_join(k->check, w->check, len);
    }
    return 0;
}

/* Is all there that stays?  *gonep: bytes that nobody speaks of. */
static int check_length(const part *p, const keeping *k, uint64_t *gonep,
                        pe_error *errp)
{
    const write_index *i = k->i;
    uint64_t need = i->h.end, all = from_of(i, i->n);
    struct stat st;

    for (size_t n = 0; n < i->n; n++)
        need = k->keeps[n] ? i->piece[n].end : need;
    if (fstat(p->data, &st) == 0 && (uint64_t)st.st_size >= need) {
        *gonep = (uint64_t)st.st_size > all ? (uint64_t)st.st_size - all : 0;
        return 0;
    }
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s is shorter than its index says: it was changed; "
                        "what it lacks is committed and not written again; put "
                        "it back as it was, or remove it and its index to go "
                        "on with a new file",
                        p->path);
}

/* Some of the file at [at], *lenp bytes or fewer. */
static int load(const part *p, void *to, size_t *lenp, uint64_t at,
                pe_error *errp)
{
    ssize_t n;

    do
        n = pread(p->data, to, *lenp, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return file_error(errp, n < 0 ? errno : EIO, "read", p->path,
                          PE_EXIT_FAILED);
    *lenp = (size_t)n;
    return 0;
}

static int not_written(const part *p, uint64_t from, uint64_t to,
                       pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s is not what was written: its bytes %" PRIu64
                        " to %" PRIu64 ", or the index beside it, were "
                        "changed; put them back as they were, or remove both "
                        "to go on with a new file",
                        p->path, from, to);
}

/* Are bytes [from, to) what [check] says? */
static int check_bytes(const part *p, uint64_t from, uint64_t to,
                       uint32_t check, pe_error *errp)
{
    unsigned char buffer[COPY_BYTES];
    uint32_t sum = 0;
    uint64_t at = from;

    while (at < to) {
        size_t n =
            to - at < sizeof(buffer) ? (size_t)(to - at) : sizeof(buffer);

        if (load(p, buffer, &n, at, errp) < 0)
            return -1;
        sum = pack_check(sum, buffer, n);
        at += n;
    }
    return sum == check ? 0 : not_written(p, from, to, errp);
}

/* Is what stays what was written? */
static int check_rows(part *p, const keeping *k, pe_error *errp)
{
    const write_index *i = k->i;
    int rc = 0;

    if (p->checked || !p->c.claims)
        return 0;
    rc = check_bytes(p, i->h.head, i->h.end, i->h.check, errp);
    for (size_t n = 0; rc == 0 && n < i->n; n++)
        if (k->keeps[n])
            rc = check_bytes(p, from_of(i, n), i->piece[n].end,
                             i->piece[n].check, errp);
    p->checked = rc == 0;
    return rc;
}

/* The head as it is in the file. */
static int load_head(part *p, const write_index *i, pe_error *errp)
{
    size_t len = i->h.head, got = 0;
    unsigned char *head = malloc(len + 1);
    int rc = head ? 0 : pe_error_nomem(errp);

    while (rc == 0 && got < len) {
        size_t n = len - got;

        rc = load(p, head + got, &n, got, errp);
        got += n;
    }
    if (rc == 0)
        rc = part_set_head(p, head, len, errp);
    if (rc == 0 && p->head_check != i->h.head_check)
        rc = not_written(p, 0, len, errp);
    free(head);
    return rc;
}

/* Bytes [from, to) of the file to the end of [fd]. */
static int copy(part *p, int fd, const char *path, uint64_t from, uint64_t to,
                pe_error *errp)
{
    char buffer[COPY_BYTES];

    while (from < to) {
        size_t n =
            to - from < sizeof(buffer) ? (size_t)(to - from) : sizeof(buffer);

        if (load(p, buffer, &n, from, errp) < 0 ||
            part_put(p, (struct part_spot){fd, path, -1}, buffer, n, errp) < 0)
            return -1;
        from += n;
    }
    return 0;
}

/* What stays, one behind the other, into [path], whole on the disk. */
static int gather(part *p, const keeping *k, const char *path, pe_error *errp)
{
    const write_index *i = k->i;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = fd < 0 ? -1 : copy(p, fd, path, 0, i->h.end, errp);

    if (fd < 0)
        return file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    for (size_t n = 0; rc == 0 && n < i->n; n++)
        if (k->keeps[n])
            rc = copy(p, fd, path, from_of(i, n), i->piece[n].end, errp);
    if (rc == 0)
        rc = part_put_head(p, fd, path, errp);
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
        rc = part_renew(p, true, errp);
    if (rc == 0)
        rc = file_replace(path, p->path, errp);
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

    if (rc == 0 && !i->h.moved)
        unlink(path);
    else if (rc == 0 && access(path, F_OK) == 0)
        rc = file_replace(path, p->path, errp);
    free(path);
    return rc;
}

/* Of a file that was begun, nothing is there: no head, or half of it. */
static bool is_stub(const part *p, const write_index *i)
{
    struct stat st;

    return i->n == 0 && i->h.rows == 0 &&
           (stat(p->path, &st) < 0 || (uint64_t)st.st_size < i->h.head);
}

static int begin_again(part *p, pe_error *errp)
{
    if (part_set_words(p, "", "", errp) < 0)
        return -1;
    p->rows = p->end = p->len_head = 0;
    p->head_check = p->check = 0;
    if (p->data >= 0)
        close(p->data);
    p->data = -1;
    if (unlink(p->path) < 0 && errno != ENOENT)
        return file_error(errp, errno, "remove", p->path, PE_EXIT_CREATE);
    return part_renew(p, false, errp);
}

static int cut(part *p, const write_index *i, const keeping *k,
               uint64_t *bytesp, pe_error *errp)
{
    if (finish_move(p, i, errp) < 0)
        return -1;
    if (is_stub(p, i))
        return begin_again(p, errp);
    if (open_data(p, errp) < 0 || check_length(p, k, bytesp, errp) < 0 ||
        load_head(p, i, errp) < 0 || check_rows(p, k, errp) < 0)
        return -1;
    p->rows = k->rows;
    p->end = k->end;
    p->check = k->check;
    /* While it is cut, rows may stand behind those that the head speaks of, and
     * never less.
     */
    if (!k->together ? squeeze(p, k, errp) < 0
                     : part_put_head(p, p->data, p->path, errp) < 0 ||
                           part_flush(p, p->data, p->path, errp) < 0)
        return -1;
    /* The index first: what it does not have is no part of the file. */
    if (part_renew(p, false, errp) < 0)
        return -1;
    return ftruncate(p->data, (off_t)p->end) < 0
               ? file_error(errp, errno, "cut", p->path, PE_EXIT_CREATE)
               : 0;
}

int part_cut(part *p, part_counts *counts, void *arg, part_gone *gone,
             pe_error *errp)
{
    write_index i = {0};
    keeping k = {.i = &i};
    int rc = part_put_lines(p, errp);

    *gone = (part_gone){0};
    p->waits_ns = 0;
    if (rc == 0)
        rc = write_index_read(&i, p->log, p->index, errp);
    if (rc == 0 && *i.h.layout) {
        rc = part_set_words(p, i.h.layout, i.h.columns, errp);
        if (rc == 0)
            rc = decide(&k, counts, arg, errp);
        if (rc == 0)
            rc = cut(p, &i, &k, &gone->bytes, errp);
    } else if (rc == 0) {
        rc = part_renew(p, false, errp);
    }
    gone->rows = k.cut;
    free(k.keeps);
    write_index_free(&i);
    return rc;
}
