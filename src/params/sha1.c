/* sha1.c - SHA-1 as hex digits, the digest Redis itself knows (FIPS 180-4). */
#include "sha1.h"

#include <stdint.h>
#include <string.h>

#define CHUNK 64 /* bytes hashed at a time */

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static uint32_t load_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

/* Word [t] of the schedule, kept in a ring of 16. */
static uint32_t next_word(uint32_t w[16], int t)
{
    uint32_t x =
        w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[t & 15];

    return w[t & 15] = rotate(x, 1);
}

/* The round's function of b, c, d, with its constant. */
static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20)
        return (d ^ (b & (c ^ d))) + 0x5a827999;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (t < 60)
        return ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void hash_chunk(uint32_t h[5], const unsigned char *p)
{
    uint32_t w[16];
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

    for (int t = 0; t < 80; t++) {
        uint32_t x = t < 16 ? (w[t] = load_be32(p + 4 * t)) : next_word(w, t);
        uint32_t sum = rotate(a, 5) + mix(t, b, c, d) + e + x;
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = sum;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* What is left of the data, a one bit, zeros, the length in bits. */
static void hash_tail(uint32_t h[5], const unsigned char *p, size_t left,
                      size_t len)
{
    unsigned char tail[2 * CHUNK] = {0};
    size_t n = left < CHUNK - 8 ? CHUNK : 2 * CHUNK;
    uint64_t bits = (uint64_t)len * 8;

    if (left)
        memcpy(tail, p, left);
    tail[left] = 0x80;
    for (size_t i = 0; i < 8; i++)
        tail[n - 1 - i] = (unsigned char)(bits >> (8 * i));
    for (size_t i = 0; i < n; i += CHUNK)
        hash_chunk(h, tail + i);
}

void params_sha1_hex(const void *data, size_t len,
                     char out[PARAMS_SHA1_LEN + 1])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                     0xc3d2e1f0};
    const unsigned char *p = data;
    size_t left = len;

    for (; left >= CHUNK; left -= CHUNK, p += CHUNK)
        hash_chunk(h, p);
    hash_tail(h, p, left, len);
    for (int i = 0; i < PARAMS_SHA1_LEN; i++)
        out[i] = "0123456789abcdef"[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
    out[PARAMS_SHA1_LEN] = '\0';
}
