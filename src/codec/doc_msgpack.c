/* doc_msgpack.c - values of msgpack.
 *
 * The library makes a tree in memory of its own for each record, as large as
 * lengths in it ask for; what is wanted here is a walk over bytes that are
 * there, and the whole format is a byte that says what follows.
 */
#include "doc_private.h"

#include <string.h>

/* [n] bytes, most significant first. */
static int take_bytes(doc *d, unsigned n, uint64_t *vp, pe_error *errp)
{
    uint64_t v = 0;

    if ((size_t)(d->end - d->at) < n)
        return doc_fail(d, errp, "it ends within a value");
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | (unsigned char)d->at[i];
    d->at += n;
    *vp = v;
    return 0;
}

/* [n] bytes of a text, or what else is kept as such. */
static int take_span(doc *d, doc_node *v, enum doc_kind kind, uint64_t n,
                     pe_error *errp)
{
    if ((uint64_t)(d->end - d->at) < n)
        return doc_fail(d, errp,
                        "%llu bytes of a value are announced, %zu are there",
                        (unsigned long long)n, (size_t)(d->end - d->at));
    v->kind = kind;
    v->at = d->at;
    v->len = (size_t)n;
    d->at += n;
    return 0;
}

static int take_container(doc_node *v, enum doc_kind kind, uint64_t n)
{
    v->kind = kind;
    v->left = n;
    return 0;
}

static int take_integer(doc *d, doc_node *v, unsigned bytes, bool has_sign,
                        pe_error *errp)
{
    uint64_t w = 0;

    if (take_bytes(d, bytes, &w, errp) < 0)
        return -1;
    if (has_sign && w >> (8 * bytes - 1)) {
        if (bytes < 8)
            w |= UINT64_MAX << (8 * bytes);
        doc_whole(v, ~w + 1, true);
    } else {
        doc_whole(v, w, false);
    }
    return 0;
}

static int take_float(doc *d, doc_node *v, unsigned bytes, pe_error *errp)
{
    uint64_t w = 0;
    uint32_t half;
    float f;

    if (take_bytes(d, bytes, &w, errp) < 0)
        return -1;
    v->kind = DOC_NUMBER;
    if (bytes == 8) {
        memcpy(&v->number, &w, sizeof(w));
        return 0;
    }
    half = (uint32_t)w;
    memcpy(&f, &half, sizeof(f));
    v->number = f;
    return 0;
}

/* What has its length in [bytes] bytes, and [more] of a type behind them. */
static int take_long(doc *d, doc_node *v, enum doc_kind kind, unsigned bytes,
                     unsigned more, pe_error *errp)
{
    uint64_t n = 0;

    if (take_bytes(d, bytes, &n, errp) < 0)
        return -1;
    if (kind == DOC_LIST || kind == DOC_MAP)
        return take_container(v, kind, n);
    return take_span(d, v, kind, n + more, errp);
}

/* What begins with byte c0 to df. */
static int take_coded(doc *d, doc_node *v, unsigned byte, pe_error *errp)
{
    switch (byte) {
    case 0xc0:
        v->kind = DOC_NIL;
        return 0;
    case 0xc2:
    case 0xc3:
        v->kind = DOC_BOOL;
        v->number = byte & 1;
        return 0;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return take_long(d, v, DOC_BYTES, 1U << (byte - 0xc4), 0, errp);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return take_long(d, v, DOC_OTHER, 1U << (byte - 0xc7), 1, errp);
    case 0xca:
    case 0xcb:
        return take_float(d, v, byte == 0xca ? 4 : 8, errp);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return take_integer(d, v, 1U << (byte - 0xcc), false, errp);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return take_integer(d, v, 1U << (byte - 0xd0), true, errp);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return take_span(d, v, DOC_OTHER, 1 + (UINT64_C(1) << (byte - 0xd4)),
                         errp);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return take_long(d, v, DOC_TEXT, 1U << (byte - 0xd9), 0, errp);
    case 0xdc:
    case 0xdd:
        return take_long(d, v, DOC_LIST, byte == 0xdc ? 2 : 4, 0, errp);
    case 0xde:
    case 0xdf:
        return take_long(d, v, DOC_MAP, byte == 0xde ? 2 : 4, 0, errp);
    default:
        return doc_fail(d, errp, "msgpack has no value that begins with %02x",
                        byte);
    }
}

static int msgpack_value(doc *d, doc_node *v, pe_error *errp)
{
    uint64_t byte = 0;

    if (d->at == d->end)
        return doc_fail(d, errp, "it ends where a value is to be");
    if (take_bytes(d, 1, &byte, errp) < 0)
        return -1;
    if (byte < 0x80)
        doc_whole(v, byte, false);
    else if (byte >= 0xe0)
        doc_whole(v, 0x100 - byte, true);
    else if (byte < 0x90)
        return take_container(v, DOC_MAP, byte & 0xf);
    else if (byte < 0xa0)
        return take_container(v, DOC_LIST, byte & 0xf);
    else if (byte < 0xc0)
        return take_span(d, v, DOC_TEXT, byte & 0x1f, errp);
    else
        return take_coded(d, v, (unsigned)byte, errp);
    return 0;
}

static int msgpack_more(doc *d, doc_node *of, pe_error *errp)
{
    (void)d;
    (void)errp;
    if (of->left == 0)
        return 0;
    of->left--;
    return 1;
}

/* A name; maps of others may have anything for one, which is none then. */
static int msgpack_key(doc *d, doc_node *k, pe_error *errp)
{
    if (msgpack_value(d, k, errp) < 0)
        return -1;
    if (k->kind == DOC_LIST || k->kind == DOC_MAP)
        return doc_fail(d, errp, "a list or map stands for a name");
    return 0;
}

static bool msgpack_is_left(doc *d)
{
    return d->at < d->end;
}

static size_t msgpack_text(const doc_node *v, char *out, size_t cap)
{
    if (v->len > cap)
        return SIZE_MAX;
    memcpy(out, v->at, v->len);
    return v->len;
}

static const doc_ops msgpack_ops = {msgpack_value, msgpack_more, msgpack_key,
                                    msgpack_is_left, msgpack_text};

doc doc_msgpack(const void *bytes, size_t len)
{
    const char *p = bytes;

    return (doc){&msgpack_ops, p, p, p + len, 0, true};
}
