/* pack.c - the bytes of a file, unpacked where it is packed. */
#include "pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#define CHUNK ((size_t)128 << 10) /* of a packed file, read at a time */
#define MAGIC 4                   /* bytes that tell the kind */

struct pack {
    int fd;
    char *path;
    enum pack_kind kind;
    bool known;  /* its first bytes were seen */
    bool inside; /* of a member or a frame that is not over */
    uint64_t consumed;
    unsigned char *in; /* of a packed file: [at, len) is not used yet */
    size_t at, len;
    bool z_open;
    z_stream z;
    ZSTD_DStream *zstd;
};

enum pack_kind pack_sniff(const void *head, size_t n)
{
    if (n >= 2 && !memcmp(head, "\x1f\x8b", 2))
        return PACK_GZIP;
    if (n >= 4 && !memcmp(head, "\x28\xb5\x2f\xfd", 4))
        return PACK_ZSTD;
    return PACK_PLAIN;
}

const char *pack_name(enum pack_kind kind)
{
    return kind == PACK_GZIP ? "gzip" : kind == PACK_ZSTD ? "zstd" : "";
}

static void end_streams(pack *p)
{
    if (p->z_open)
        inflateEnd(&p->z);
    p->z_open = false;
    (void)ZSTD_freeDStream(p->zstd);
    p->zstd = NULL;
}

pack *pack_open(int fd, const char *path, pe_error *errp)
{
    pack *p = calloc(1, sizeof(*p));

    if (p)
        p->path = strdup(path);
    if (p && p->path) {
        p->fd = fd;
        return p;
    }
    pack_close(p);
    pe_error_nomem(errp);
    return NULL;
}

void pack_close(pack *p)
{
    if (!p)
        return;
    end_streams(p);
    free(p->in);
    free(p->path);
    free(p);
}

void pack_restart(pack *p, int fd)
{
    end_streams(p);
    p->fd = fd;
    p->known = p->inside = false;
    p->kind = PACK_PLAIN;
    p->consumed = 0;
    p->at = p->len = 0;
}

enum pack_kind pack_kind_of(const pack *p)
{
    return p->kind;
}

uint64_t pack_consumed(const pack *p)
{
    return p->consumed;
}

static ssize_t read_some(pack *p, void *out, size_t cap, pe_error *errp)
{
    ssize_t n;

    do
        n = read(p->fd, out, cap);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s cannot be read: %s", p->path, strerror(errno));
    p->consumed += (uint64_t)n;
    return n;
}

static int damaged(const pack *p, const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is damaged before byte %llu: %s says '%s'; get it "
                        "again, or unpack what there is of it and read that",
                        p->path, (unsigned long long)p->consumed,
                        pack_name(p->kind), why ? why : "bad data");
}

/* More of the packed file into p->in: 1, 0 it ends, -1 error. */
static int refill(pack *p, pe_error *errp)
{
    ssize_t n;

    if (!p->in)
        p->in = malloc(CHUNK);
    if (!p->in)
        return pe_error_nomem(errp);
    n = read_some(p, p->in, CHUNK, errp);
    if (n < 0)
        return -1;
    p->at = 0;
    p->len = (size_t)n;
    if (n == 0 && p->inside)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s ends after %llu bytes, within what %s packed: "
                            "it is not complete; get it again, or unpack what "
                            "there is of it and read that",
                            p->path, (unsigned long long)p->consumed,
                            pack_name(p->kind));
    return n > 0;
}

/* What is in p->in into [out], as far as it goes; bytes made, or -1. */
static ssize_t inflate_some(pack *p, void *out, size_t cap, pe_error *errp)
{
    int rc;

    if (!p->inside && !p->z_open) {
        memset(&p->z, 0, sizeof(p->z));
        if (inflateInit2(&p->z, 15 + 16) != Z_OK)
            return pe_error_nomem(errp);
        p->z_open = true;
    } else if (!p->inside && inflateReset(&p->z) != Z_OK) {
        return pe_error_nomem(errp);
    }
    p->inside = true;
    p->z.next_in = p->in + p->at;
    p->z.avail_in = (unsigned)(p->len - p->at);
    p->z.next_out = out;
    p->z.avail_out = cap < 1 << 30 ? (unsigned)cap : 1 << 30;
    unsigned room = p->z.avail_out;
    rc = inflate(&p->z, Z_NO_FLUSH);
    p->at = p->len - p->z.avail_in;
    if (rc == Z_MEM_ERROR)
        return pe_error_nomem(errp);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return damaged(p, p->z.msg, errp);
    p->inside = rc != Z_STREAM_END;
    return (ssize_t)(room - p->z.avail_out);
}

static ssize_t unzstd_some(pack *p, void *out, size_t cap, pe_error *errp)
{
    ZSTD_inBuffer from = {p->in, p->len, p->at};
    ZSTD_outBuffer to = {out, cap, 0};
    size_t rc;

    if (!p->zstd)
        p->zstd = ZSTD_createDStream();
    if (!p->zstd)
        return pe_error_nomem(errp);
    rc = ZSTD_decompressStream(p->zstd, &to, &from);
    p->at = from.pos;
    if (ZSTD_isError(rc))
        return damaged(p, ZSTD_getErrorName(rc), errp);
    p->inside = rc != 0;
    return (ssize_t)to.pos;
}

/* Zeros may be put behind the last member to fill a tape or a block. */
static bool only_zeros(const pack *p)
{
    for (size_t i = p->at; i < p->len; i++)
        if (p->in[i])
            return false;
    return true;
}

static ssize_t read_packed(pack *p, void *out, size_t cap, pe_error *errp)
{
    for (;;) {
        ssize_t n = 0;
        int rc = p->at < p->len ? 1 : 0;
        /* What is unpacked already may still wait for room. */
        if (rc == 0 && p->inside) {
            n = p->kind == PACK_GZIP ? inflate_some(p, out, cap, errp)
                                     : unzstd_some(p, out, cap, errp);
            if (n != 0)
                return n;
        }
        if (rc == 0)
            rc = refill(p, errp);
        if (rc <= 0)
            return rc;
        if (!p->inside && p->kind == PACK_GZIP && only_zeros(p)) {
            p->at = p->len;
            continue;
        }
        n = p->kind == PACK_GZIP ? inflate_some(p, out, cap, errp)
                                 : unzstd_some(p, out, cap, errp);
        if (n != 0)
            return n;
    }
}

/* The kind by the first bytes, which go to [out]: their number, or -1. */
static ssize_t begin(pack *p, void *out, size_t cap, pe_error *errp)
{
    size_t have = 0;

    while (have < MAGIC && have < cap) {
        ssize_t n = read_some(p, (char *)out + have, cap - have, errp);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    p->known = have > 0;
    p->kind = pack_sniff(out, have);
    return (ssize_t)have;
}

ssize_t pack_read(pack *p, void *out, size_t cap, pe_error *errp)
{
    if (!p->known) {
        ssize_t n =
            cap < MAGIC ? 0 : begin(p, out, cap < CHUNK ? cap : CHUNK, errp);
        if (n <= 0 || p->kind == PACK_PLAIN)
            return n;
        p->in = p->in ? p->in : malloc(CHUNK);
        if (!p->in)
            return pe_error_nomem(errp);
        memcpy(p->in, out, (size_t)n);
        p->at = 0;
        p->len = (size_t)n;
    }
    if (p->kind == PACK_PLAIN)
        return read_some(p, out, cap, errp);
    return read_packed(p, out, cap, errp);
}
