/* random.c - keyed pseudo-random numbers, and ids from the kernel. */
#include "random.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

uint64_t random_mix(uint64_t a, uint64_t b)
{
    uint64_t z = a ^ (GOLDEN * b);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t random_hash(uint64_t key, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return random_mix(key, h);
}

uint64_t random_next(random_stream *r)
{
    return random_mix(r->key, ++r->counter);
}

double random_uniform(random_stream *r)
{
    return (double)(random_next(r) >> 11) * 0x1p-53;
}

double random_normal(random_stream *r)
{
    double u = 1 - random_uniform(r); /* never 0, of which there is no log */
    double v = random_uniform(r);

    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* a b: its lower half into *lowp, its upper half. */
static uint64_t product(uint64_t a, uint64_t b, uint64_t *lowp)
{
#ifdef __SIZEOF_INT128__
    __extension__ unsigned __int128 x = a;

    x *= b;
    *lowp = (uint64_t)x;
    return (uint64_t)(x >> 64);
#else
    uint64_t a0 = a & UINT32_MAX, a1 = a >> 32;
    uint64_t b0 = b & UINT32_MAX, b1 = b >> 32;
    uint64_t mid = a1 * b0 + (a0 * b0 >> 32);
    uint64_t other = a0 * b1 + (mid & UINT32_MAX);

    *lowp = a * b;
    return a1 * b1 + (mid >> 32) + (other >> 32);
#endif
}

/* Lemire's way: the upper half of a product, without a division but for the
 * few draws that fall where some answers have one too many.
 */
uint64_t random_below(random_stream *r, uint64_t n)
{
    uint64_t low, high = product(random_next(r), n, &low);

    if (low < n) {
        uint64_t excess = -n % n;

        while (low < excess)
            high = product(random_next(r), n, &low);
    }
    return high;
}

static int random_bytes(unsigned char *out, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = getrandom(out + got, len - got, 0);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            got += (size_t)n;
    }
    return 0;
}

int random_id(char *out, size_t bytes, pe_error *errp)
{
    /* The raw bytes start in the upper half, which is overwritten last. */
    unsigned char *raw = (unsigned char *)out + bytes;

    if (random_bytes(raw, bytes) < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "the kernel gives no random bytes: %s",
                            strerror(errno));
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = raw[i];
        out[2 * i] = "0123456789abcdef"[byte >> 4];
        out[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
    out[2 * bytes] = '\0';
    return 0;
}
