/* number.c - decimal numbers out of text, exact and fast. */
#include "number.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 400      /* characters of a number; more are none */
#define DIGITS_MAX 19     /* that 64 bits hold whatever they are */
#define EXACT_MAX 22      /* largest power of ten that is a double */
#define POWER_LEAST (-54) /* of the powers of five below */
#define POWER_MOST 55
#define MANTISSA 53

#ifdef __SIZEOF_INT128__
typedef unsigned __int128 u128;

/* 5^e = (value of [h] and what is cut off behind it, less than 1) 2^[x]; the
 * top bit of [h] is set.
 */
typedef struct power {
    u128 h;
    int x;
} power;

static power powers[POWER_MOST - POWER_LEAST + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

static int bits_of(u128 v)
{
    uint64_t high = (uint64_t)(v >> 64);

    return high ? 128 - __builtin_clzll(high)
                : 64 - __builtin_clzll((uint64_t)v);
}

/* 2^m / d, whole, with m such that it has 128 bits; bit by bit, once. */
static power reciprocal(u128 d)
{
    int m = 127 + bits_of(d);
    u128 rest = 1, q = 0;

    for (int i = 0; i < m; i++) {
        rest <<= 1;
        q <<= 1;
        if (rest >= d) {
            rest -= d;
            q |= 1;
        }
    }
    return (power){q, -m};
}

static void powers_make(void)
{
    u128 five = 1;

    for (int e = 0; e <= POWER_MOST; e++) {
        int shift = 128 - bits_of(five);
        powers[e - POWER_LEAST] = (power){five << shift, -shift};
        if (e > 0 && -e >= POWER_LEAST)
            powers[-e - POWER_LEAST] = reciprocal(five);
        five *= 5; /* the last one is used no more */
    }
}

static double two_to(int k)
{
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double d;

    memcpy(&d, &bits, sizeof(d));
    return d;
}

/* w 10^e by 128 bits of 5^e: false where they do not tell which of two doubles
 * is nearer.
 */
static bool make_wide(uint64_t w, int e, double *valuep)
{
    const power *p;
    int zeros, up, shift;
    uint64_t mantissa;
    u128 sum, rest, half;

    if (e < POWER_LEAST || e > POWER_MOST)
        return false;
    pthread_once(&powers_once, powers_make);
    p = &powers[e - POWER_LEAST];
    zeros = __builtin_clzll(w);
    w <<= zeros;
    sum = (u128)w * (uint64_t)(p->h >> 64) + ((u128)w * (uint64_t)p->h >> 64);
    up = sum >> 127 ? 0 : 1;
    shift = 128 - MANTISSA - up;
    mantissa = (uint64_t)(sum >> shift);
    rest = sum & (((u128)1 << shift) - 1);
    half = (u128)1 << (shift - 1);
    /* What was cut off is less than 2. */
    if (rest <= half && rest + 2 >= half)
        return false;
    mantissa += rest > half;
    *valuep = (double)mantissa * two_to(shift + 64 - zeros + p->x + e);
    return true;
}
#else
/* A machine of 32 bits has no such numbers: strtod takes them. */
static bool make_wide(uint64_t w, int e, double *valuep)
{
    (void)w;
    (void)e;
    (void)valuep;
    return false;
}
#endif

/* w 10^e, rounded once; false: it takes strtod. */
static inline bool make(uint64_t w, int e, double *valuep)
{
    static const double tens[] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    /* Both are doubles, so there is one rounding (Clinger). */
    if (w <= UINT64_C(1) << MANTISSA && e >= -EXACT_MAX && e <= EXACT_MAX) {
        *valuep = e < 0 ? (double)w / tens[-e] : (double)w * tens[e];
        return true;
    }
    if (w == 0) {
        *valuep = 0;
        return true;
    }
    return make_wide(w, e, valuep);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Eight digits at once: their value, or -1. */
static inline int64_t eight_digits(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    if (((v & UINT64_C(0xF0F0F0F0F0F0F0F0)) |
         (((v + UINT64_C(0x0606060606060606)) & UINT64_C(0xF0F0F0F0F0F0F0F0)) >>
          4)) != UINT64_C(0x3333333333333333))
        return -1;
    v -= UINT64_C(0x3030303030303030);
    v = v * 10 + (v >> 8); /* pairs, in every second byte */
    return (int64_t)((((v & UINT64_C(0x000000FF000000FF)) *
                       UINT64_C(0x000F424000000064)) +
                      (((v >> 16) & UINT64_C(0x000000FF000000FF)) *
                       UINT64_C(0x0000271000000001))) >>
                     32);
}
#else
static inline int64_t eight_digits(const char *p)
{
    (void)p;
    return -1;
}
#endif

static inline const char *take_digits(const char *p, uint64_t *wp)
{
    uint64_t w = *wp;
    int64_t eight;
    unsigned d;

    while ((eight = eight_digits(p)) >= 0) {
        w = w * 100000000 + (uint64_t)eight;
        p += 8;
    }
    while ((d = (unsigned)((unsigned char)*p - '0')) < 10) {
        w = w * 10 + d;
        p++;
    }
    *wp = w;
    return p;
}

/* "e-5" at [p], which begins with an e: what follows, or NULL. */
static const char *take_power(const char *p, int *ep)
{
    bool minus = p[1] == '-';
    const char *from;
    int e = 0;

    p += 1 + (p[1] == '-' || p[1] == '+');
    for (from = p; *p >= '0' && *p <= '9' && p - from < 5; p++)
        e = e * 10 + (*p - '0');
    if (p == from || (*p >= '0' && *p <= '9'))
        return NULL;
    *ep += minus ? -e : e;
    return p;
}

const char *number_scan(const char *p, char decimal, double *valuep)
{
    bool minus = *p == '-';
    const char *from, *mark;
    uint64_t w = 0;
    long digits;
    int e = 0;

    p += minus || *p == '+';
    from = p;
    p = take_digits(p, &w);
    digits = p - from;
    if (*p == decimal) {
        mark = ++p;
        p = take_digits(p, &w);
        e = -(int)(p - mark);
        digits += p - mark;
    }
    if (digits == 0 || digits > DIGITS_MAX)
        return NULL;
    if ((*p | 0x20) == 'e' && !(p = take_power(p, &e)))
        return NULL;
    if (!make(w, e, valuep))
        return NULL;
    if (minus)
        *valuep = -*valuep;
    return p;
}

static bool word_is(const char *at, size_t n, const char *word)
{
    return n == strlen(word) && !strncasecmp(at, word, n);
}

/* Digits with a mark and a power, and nothing else. */
static bool is_decimal(const char *p, char decimal)
{
    size_t n;

    p += *p == '-' || *p == '+';
    n = strspn(p, "0123456789");
    p += n;
    if (*p == decimal) {
        size_t fraction = strspn(p + 1, "0123456789");
        n += fraction;
        p += 1 + fraction;
    }
    if (n == 0)
        return false;
    if ((*p | 0x20) == 'e') {
        p += 1 + (p[1] == '-' || p[1] == '+');
        n = strspn(p, "0123456789");
        p += n;
    }
    return n > 0 && !*p;
}

bool number_parse(const char *at, const char *end, char decimal, double *valuep)
{
    char text[TEXT_MAX + 8];
    size_t n = (size_t)(end - at), sign;
    char *mark;

    if (n == 0 || n >= TEXT_MAX)
        return false;
    memcpy(text, at, n);
    memset(text + n, 0, sizeof(text) - n < 9 ? sizeof(text) - n : 9);
    if (number_scan(text, decimal, valuep) == text + n)
        return true;
    sign = *text == '-' || *text == '+';
    if (word_is(text + sign, n - sign, "inf") ||
        word_is(text + sign, n - sign, "infinity")) {
        *valuep = *text == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (strlen(text) != n || !is_decimal(text, decimal))
        return false;
    mark = strchr(text, decimal);
    if (mark)
        *mark = '.';
    *valuep = strtod(text, NULL);
    return true;
}
