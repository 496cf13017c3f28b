/* chunk.c - one file of a spool: made, written, looked through. */
#include "chunk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/pack/pack.h"

#define SEARCH_BYTES 65536

void chunk_name(uint64_t number, char out[CHUNK_NAME])
{
    snprintf(out, CHUNK_NAME, "%016" PRIx64 ".chunk", number);
}

int chunk_number(const char *name, uint64_t *numberp)
{
    char back[CHUNK_NAME];
    char *end;

    *numberp = strtoull(name, &end, 16);
    chunk_name(*numberp, back);
    return !strcmp(end, ".chunk") && !strcmp(back, name) ? 0 : -1;
}

/* --- bytes --- */

int chunk_write(int fd, const void *data, size_t len, uint64_t at)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n ? errno : ENOSPC;
            return -1;
        }
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int chunk_read(int fd, void *data, size_t len, uint64_t at)
{
    char *p = data;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n ? errno : EIO;
            return -1;
        }
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* --- heads --- */

int chunk_begin(int fd, const chunk *c, const char *machine, const char *owner)
{
    struct {
        format_chunk head;
        format_boot boot;
        char pad[FORMAT_RECORDS_AT - FORMAT_BOOT_AT - sizeof(format_boot)];
    } all = {
        .head = {.magic = FORMAT_CHUNK,
                 .version = c->cell ? FORMAT_VERSION_CELLS : FORMAT_VERSION,
                 .cell = c->cell,
                 .number = c->number,
                 .first = c->first,
                 .life = c->life}};

    _Static_assert(sizeof(all) == FORMAT_RECORDS_AT, "records follow");
    snprintf(all.head.machine, sizeof(all.head.machine), "%s", machine);
    snprintf(all.head.owner, sizeof(all.head.owner), "%s", owner);
    if (c->boot)
        all.boot = format_boot_make(c->boot, c->number);
    format_chunk_seal(&all.head);
    return chunk_write(fd, &all, sizeof(all), 0);
}

int chunk_put_boot(int fd, chunk *c)
{
    const format_boot b = format_boot_make(c->boot, c->number);

    if (chunk_write(fd, &b, sizeof(b), FORMAT_BOOT_AT) < 0)
        return -1;
    return fdatasync(fd);
}

/* --- records --- */

static bool fits(const format_record *r, uint64_t at, uint64_t end)
{
    return format_span(r->meta, r->len) <= end - at;
}

/* The first head from *atp on, all of which has to be looked at. */
static int search(int fd, uint64_t number, uint64_t end, uint64_t *atp,
                  format_record *out)
{
    char *buf = malloc(SEARCH_BYTES);
    uint64_t at = *atp;
    int rc = buf ? 0 : -1;

    while (rc == 0 && at + FORMAT_UNIT <= end) {
        uint64_t left = (end - at) / FORMAT_UNIT * FORMAT_UNIT;
        size_t n = left < SEARCH_BYTES ? (size_t)left : SEARCH_BYTES;

        rc = chunk_read(fd, buf, n, at);
        for (size_t i = 0; rc == 0 && i < n; i += FORMAT_UNIT) {
            memcpy(out, buf + i, sizeof(*out));
            *atp = at + i;
            if (format_record_good(out, number) && fits(out, at + i, end))
                rc = 1;
        }
        at += n;
    }
    free(buf);
    return rc;
}

int chunk_next(int fd, uint64_t number, uint64_t end, uint64_t *atp,
               format_record *out)
{
    if (end < FORMAT_UNIT || *atp > end - FORMAT_UNIT)
        return 0;
    if (chunk_read(fd, out, sizeof(*out), *atp) < 0)
        return -1;
    if (format_record_good(out, number) && fits(out, *atp, end))
        return 1;
    *atp += FORMAT_UNIT;
    return search(fd, number, end, atp, out);
}

const char chunk_torn[] = "was not finished";

const char *chunk_payload(int fd, const format_record *r, uint64_t at,
                          bool whole, void *buf)
{
    size_t len = (size_t)r->meta + r->len;
    bool is_sealed = r->sealed & FORMAT_SEALED;
    uint64_t tail;

    if (chunk_read(fd, buf, len, at + sizeof(*r)) < 0 ||
        chunk_read(fd, &tail, sizeof(tail), at + sizeof(*r) + len) < 0)
        return "cannot be read";
    if (is_sealed && pack_check(0, buf, len) == r->sum)
        return NULL;
    if (tail != format_tail(r) || (!is_sealed && !whole))
        return chunk_torn;
    return is_sealed ? "fails its check sum" : NULL;
}

int chunk_seal(int fd, format_record *r, uint64_t at, const void *buf)
{
    r->sum = pack_check(0, buf, (size_t)r->meta + r->len);
    r->sealed |= FORMAT_SEALED;
    format_record_seal(r);
    return chunk_write(fd, r, sizeof(*r), at);
}

/* --- looked through --- */

static void boot_take(int fd, chunk *c)
{
    format_boot b = {0};

    if (chunk_read(fd, &b, sizeof(b), FORMAT_BOOT_AT) == 0 && b.boot &&
        b.check == format_boot_make(b.boot, c->number).check)
        c->boot = b.boot;
    else if (b.boot || b.check)
        c->doubtful = true;
}

/* What the head says, into [c]: 1 a head, 0 none, 2 that of what was in the
 * file before, -1 not one of ours.
 */
static int head_take(int fd, const chunk_look *l, chunk *c, bool *wholep,
                     pe_error *errp)
{
    format_chunk h;

    c->end = FORMAT_RECORDS_AT;
    if (chunk_read(fd, &h, sizeof(h), 0) < 0)
        return 0;
    boot_take(fd, c);
    if (!format_chunk_good(&h)) {
        c->doubtful = true;
        return 0;
    }
    if (h.version != FORMAT_VERSION &&
        (h.version != FORMAT_VERSION_CELLS || h.cell < FORMAT_UNIT))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s is of version %u of a spool, and this is a "
                            "program for version %d: send what is in it with "
                            "the program that wrote it, or remove its folder, "
                            "and the blocks with it",
                            l->path, h.version, FORMAT_VERSION_CELLS);
    if (strcmp(h.owner, l->owner) != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s belongs to device %.200s; name another folder "
                            "in 'spool: {dir: ...}'",
                            l->path, h.owner);
    if (h.number != c->number) {
        c->doubtful = false;
        return 2;
    }
    c->life = h.life;
    c->cell = h.version == FORMAT_VERSION_CELLS ? h.cell : 0;
    c->first = c->last = h.first;
    *wholep = *l->machine && !strcmp(h.machine, l->machine);
    return 1;
}

static void fault_note(chunk_fault *f, uint64_t at, const char *why)
{
    if (!f->why)
        *f = (chunk_fault){at, why};
}

int chunk_keep_left(chunk_lefts *l, const format_record *r, uint64_t at)
{
    chunk_left *more;

    if (l->n == l->cap) {
        more = reallocarray(l->at, l->cap * 2 + 16, sizeof(*more));
        if (!more)
            return -1;
        l->at = more;
        l->cap = l->cap * 2 + 16;
    }
    l->at[l->n++] = (chunk_left){.ordinal = r->ordinal,
                                 .number = r->chunk,
                                 .at = at,
                                 .span = format_span(r->meta, r->len),
                                 .boot = r->boot,
                                 .life = r->life};
    return 0;
}

static void record_take(chunk *c, const format_record *r, uint64_t from)
{
    if (c->boot == 0)
        c->boot = r->boot;
    if (c->life == 0)
        c->life = r->life;
    c->last = r->ordinal + 1;
    if (r->ordinal < from)
        return;
    c->n++;
    c->bytes += format_span(r->meta, r->len);
}

/* A file that is looked through. */
typedef struct looked {
    int fd;
    bool whole; /* what is not sealed is believed */
    uint64_t size;
} looked;

/* One of a cell, which is sealed now: it may have been waiting for that. */
static int cell_take(const looked *o, const chunk_look *l, format_record *r,
                     uint64_t at, chunk *c, chunk_fault *f)
{
    size_t len = (size_t)r->meta + r->len;
    char *buf = r->ordinal < l->from ? NULL : malloc(len + 1);
    const char *why;
    int rc = 0;

    if (r->ordinal < l->from)
        return 0;
    if (!buf)
        return -1;
    why = chunk_payload(o->fd, r, at, o->whole, buf);
    if (!why && !(r->sealed & FORMAT_SEALED))
        rc = chunk_seal(o->fd, r, at, buf);
    free(buf);
    if (rc == 0 && !why)
        return chunk_keep_left(l->lefts, r, at);
    /* One that was not finished was not accepted. */
    if (why && why != chunk_torn) {
        c->bad++;
        fault_note(f, at, why);
    }
    return rc;
}

static int cells_take(const looked *o, const chunk_look *l, chunk *c,
                      chunk_fault *f)
{
    format_record r;

    for (uint64_t at = FORMAT_CELLS_AT;
         o->size >= c->cell && at <= o->size - c->cell; at += c->cell) {
        if (chunk_read(o->fd, &r, sizeof(r), at) < 0)
            return -1;
        if (r.magic == 0)
            continue; /* nothing is in it */
        if (!format_record_good(&r, c->number) ||
            format_span(r.meta, r.len) > c->cell) {
            c->bad++;
            fault_note(f, at, "is damaged");
        } else if (cell_take(o, l, &r, at, c, f) < 0) {
            return -1;
        }
    }
    return 0;
}

/* All records; what is between them, or bad, is told.  One at the end that was
 * not finished was never there.
 */
static int records_take(const looked *o, const chunk_look *l, chunk *c,
                        chunk_fault *f)
{
    uint64_t at = FORMAT_RECORDS_AT, expected = at;
    chunk_fault torn = {0};
    format_record r;
    void *buf = NULL;
    int rc = 0;

    while ((rc = chunk_next(o->fd, c->number, o->size, &at, &r)) > 0) {
        size_t len = (size_t)r.meta + r.len;
        void *more;
        const char *why;

        if (r.sealed & FORMAT_CELL) {
            if (cell_take(o, l, &r, at, c, f) < 0)
                break;
            at += format_span(r.meta, r.len);
            continue;
        }
        more = realloc(buf, len + 1);
        if (!more)
            break;
        buf = more;
        if (c->last == 0)
            c->first = c->last = r.ordinal; /* or the head is gone */
        if (torn.why)
            fault_note(f, torn.at, torn.why);
        if (at != expected || r.ordinal != c->last)
            fault_note(f, expected, "is damaged");
        why = chunk_payload(o->fd, &r, at, o->whole, buf);
        c->bad += why != NULL;
        if (why == chunk_torn)
            torn = (chunk_fault){at, why};
        else if (why)
            fault_note(f, at, why);
        else
            record_take(c, &r, l->from);
        at += format_span(r.meta, r.len);
        c->end = expected = at;
    }
    free(buf);
    return rc > 0 ? -1 : rc;
}

int chunk_scan(int fd, const chunk_look *l, chunk *c, chunk_fault *f,
               pe_error *errp)
{
    looked o = {.fd = fd};
    struct stat st;
    int rc;

    *f = (chunk_fault){0};
    if (fstat(fd, &st) < 0)
        return file_error(errp, errno, "read", l->path, PE_EXIT_DATA);
    o.size = (uint64_t)st.st_size;
    rc = head_take(fd, l, c, &o.whole, errp);
    if (rc < 0 || rc == 2)
        return rc < 0 ? -1 : 0;
    if (rc == 0 && o.size > 0)
        fault_note(f, 0, "has no head");
    else if (c->doubtful)
        fault_note(f, FORMAT_BOOT_AT, "is damaged");
    rc = c->cell ? cells_take(&o, l, c, f) : records_take(&o, l, c, f);
    if (rc < 0)
        return file_error(errp, errno, "read", l->path, PE_EXIT_DATA);
    if (c->cell)
        return 0;
    /* What is behind its last record was of its file before. */
    if (c->n > 0 && !f->why && o.size > c->end &&
        ftruncate(fd, (off_t)c->end) < 0)
        return file_error(errp, errno, "cut", l->path, PE_EXIT_CREATE);
    return 0;
}
