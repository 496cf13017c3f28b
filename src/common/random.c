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

__extension__ typedef unsigned __int128 wide;

/* Lemire's way: the upper half of a product, without a division but for the
 * few draws that fall where some answers have one too many.
 */
uint64_t random_below(random_stream *r, uint64_t n)
{
    wide x = (wide)random_next(r) * n;

    if ((uint64_t)x < n) {
        uint64_t excess = -n % n;

        while ((uint64_t)x < excess)
            x = (wide)random_next(r) * n;
    }
    return (uint64_t)(x >> 64);
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
