/* element.c - numbers as others write them: any size, kind and byte order. */
#include "element.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Elements that are converted in one go. */
#define TILE 256

/* 2^63 and 2^64: what a whole number of 64 bits is rounded up to at most. */
#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

bool element_is_known(char kind, size_t size)
{
    switch (kind) {
    case 'b':
        return size == 1;
    case 'i':
    case 'u':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f':
        return size == 2 || size == 4 || size == 8;
    default:
        return false;
    }
}

const char *element_name(element e)
{
    static const char *const names[][9] = {
        {[1] = "int8", [2] = "int16", [4] = "int32", [8] = "int64"},
        {[1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "uint64"},
        {[2] = "float16", [4] = "float32", [8] = "float64"},
    };

    if (!element_is_known(e.kind, e.size))
        return "number";
    return e.kind == 'b' ? "bool"
                         : names[e.kind == 'i'   ? 0
                                 : e.kind == 'u' ? 1
                                                 : 2][e.size];
}

enum pe_dtype element_dtype(element e)
{
    return e.size < 4 || (e.kind == 'f' && e.size == 4) ? PE_F4 : PE_F8;
}

bool element_is(element e, enum pe_dtype dtype)
{
    return e.kind == 'f' && !e.big && e.size == (unsigned char)dtype;
}

/* IEEE binary16. */
static double half(uint16_t w)
{
    int exponent = w >> 10 & 0x1f;
    double fraction = w & 0x3ff, x;

    if (exponent == 0x1f)
        x = w & 0x3ff ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        x = ldexp(fraction, -24);
    else
        x = ldexp(fraction + 0x400, exponent - 25);
    return w & 0x8000 ? -x : x;
}

static double signed_8(uint64_t w, unsigned char *lostp)
{
    int64_t v = (int64_t)w;
    double x = (double)v;

    *lostp = x >= TWO_63 || (int64_t)x != v;
    return x;
}

static double unsigned_8(uint64_t w, unsigned char *lostp)
{
    double x = (double)w;

    *lostp = x >= TWO_64 || (uint64_t)x != w;
    return x;
}

static double float_4(uint32_t w)
{
    float x;

    memcpy(&x, &w, sizeof(x));
    return x;
}

static double float_8(uint64_t w)
{
    double x;

    memcpy(&x, &w, sizeof(x));
    return x;
}

static uint8_t swap_1(uint8_t w)
{
    return w;
}

/* A loop over [count] words of one size, [step] bytes apart: [value] makes a
 * number of word w.
 */
#define LOOP(bits, count, step, order, value)  \
    for (size_t i = 0; i < (count); i++) {     \
        uint##bits##_t w;                      \
        memcpy(&w, p + i * (step), sizeof(w)); \
        w = order(w);                          \
        x[i] = (value);                        \
    }

/* Of a whole tile of neighbours length and step are known when this is
 * compiled, so that vectors can be made of it.
 */
#define LOAD(bits, swap, value)                       \
    if (n == TILE && stride == (bits) / 8) {          \
        if (e.big)                                    \
            LOOP(bits, TILE, (bits) / 8, swap, value) \
        else                                          \
            LOOP(bits, TILE, (bits) / 8, , value)     \
    } else if (e.big) {                               \
        LOOP(bits, n, stride, swap, value)            \
    } else {                                          \
        LOOP(bits, n, stride, , value)                \
    }                                                 \
    break

/* At most TILE numbers, from number [at] on, as doubles; [lost] is set where
 * one is rounded.
 */
static void load_tile(const element_from *from, size_t at, size_t n,
                      double *restrict x, unsigned char *restrict lost)
{
    const element e = from->type;
    const size_t stride = from->stride;
    const unsigned char *restrict p =
        (const unsigned char *)from->first + at * stride;

    switch (e.kind << 8 | e.size) {
    case 'b' << 8 | 1:
        LOAD(8, swap_1, w != 0);
    case 'i' << 8 | 1:
        LOAD(8, swap_1, (int8_t)w);
    case 'i' << 8 | 2:
        LOAD(16, __builtin_bswap16, (int16_t)w);
    case 'i' << 8 | 4:
        LOAD(32, __builtin_bswap32, (int32_t)w);
    case 'i' << 8 | 8:
        LOAD(64, __builtin_bswap64, signed_8(w, &lost[i]));
    case 'u' << 8 | 1:
        LOAD(8, swap_1, w);
    case 'u' << 8 | 2:
        LOAD(16, __builtin_bswap16, w);
    case 'u' << 8 | 4:
        LOAD(32, __builtin_bswap32, w);
    case 'u' << 8 | 8:
        LOAD(64, __builtin_bswap64, unsigned_8(w, &lost[i]));
    case 'f' << 8 | 2:
        LOAD(16, __builtin_bswap16, half(w));
    case 'f' << 8 | 4:
        LOAD(32, __builtin_bswap32, float_4(w));
    case 'f' << 8 | 8:
        LOAD(64, __builtin_bswap64, float_8(w));
    default:
        for (size_t i = 0; i < n; i++)
            x[i] = (double)NAN;
    }
}

/* A tile to where it belongs. */
static void store_tile(const double *x, size_t n, const element_to *to,
                       size_t at)
{
    const size_t step = to->step;
    double *wide = (double *)to->first + at * step;
    float *narrow = (float *)to->first + at * step;

    if (to->dtype == PE_F8)
        for (size_t i = 0; i < n; i++)
            wide[i * step] = x[i];
    else if (n == TILE && step == 1)
        for (size_t i = 0; i < TILE; i++)
            narrow[i] = (float)x[i];
    else
        for (size_t i = 0; i < n; i++)
            narrow[i * step] = (float)x[i];
}

/* How many of a tile's whole numbers were rounded, to a double or then. */
static size_t count_lost(const double *x, size_t n, enum pe_dtype dtype,
                         const unsigned char *lost)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += lost[i] || (dtype == PE_F4 && (double)(float)x[i] != x[i]);
    return sum;
}

size_t element_load(element_from from, size_t n, element_to to)
{
    bool may_lose =
        from.type.kind != 'f' && from.type.size >= (to.dtype == PE_F4 ? 4 : 8);
    bool straight = to.dtype == PE_F8 && to.step == 1;
    unsigned char lost[TILE] = {0};
    double own[TILE];
    size_t rounded = 0;

    for (size_t done = 0; done < n;) {
        size_t part = n - done < TILE ? n - done : TILE;
        double *x = straight ? (double *)to.first + done : own;
        load_tile(&from, done, part, x, lost);
        if (!straight)
            store_tile(x, part, &to, done);
        if (may_lose)
            rounded += count_lost(x, part, to.dtype, lost);
        done += part;
    }
    return rounded;
}
