/* varint.h - whole numbers that are mostly small, as bytes (LEB128). */
#ifndef COMMON_VARINT_H
#define COMMON_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 10 }; /* bytes of one */

/* Seven bits a byte, the lowest first; all but the last have the eighth.
 * Returns the bytes it took.
 */
static inline size_t varint_put(unsigned char *out, uint64_t v)
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        out[n++] = (unsigned char)(v | 0x80);
    out[n++] = (unsigned char)v;
    return n;
}

/* The one that [len] bytes begin with; 0: it does not end. */
static inline size_t varint_take(const unsigned char *p, size_t len,
                                 uint64_t *vp)
{
    uint64_t v = 0;

    for (size_t n = 0; n < len && n < VARINT_MAX; n++) {
        v |= (uint64_t)(p[n] & 0x7f) << (7 * n);
        if (!(p[n] & 0x80)) {
            *vp = v;
            return n + 1;
        }
    }
    return 0;
}

#endif
