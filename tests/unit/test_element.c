/* test_element.c - numbers of others, many at once and in any place. */
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/element.h"

enum { MOST = 700 };

static const struct {
    char kind;
    unsigned char size;
} types[] = {{'b', 1}, {'i', 1}, {'u', 1}, {'i', 2}, {'u', 2}, {'f', 2},
             {'i', 4}, {'u', 4}, {'f', 4}, {'i', 8}, {'u', 8}, {'f', 8}};

#define TYPES (sizeof(types) / sizeof(types[0]))

/* Number [i] of a type: as it is stored, least byte first, and what it is. */
static long double number(char kind, unsigned size, unsigned i, uint64_t *bits)
{
    uint64_t w = i * UINT64_C(0x9e3779b97f4a7c15), mask;
    int16_t half;
    float f;
    double d;

    w ^= w >> 29;
    mask = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
    w &= mask;
    if (i % 7 == 0) /* and those at the ends */
        w = i % 2 ? mask : mask >> 1;
    *bits = w;
    switch (kind) {
    case 'b':
        return w != 0;
    case 'u':
        return w;
    case 'i':
        return w > mask >> 1 ? -(long double)(mask - w) - 1 : (long double)w;
    default:
        break;
    }
    /* Floats that are known: half a whole number. */
    half = (int16_t)((int)(i % 999) - 500);
    d = half / 2.0;
    f = (float)d;
    if (size == 8) {
        memcpy(bits, &d, 8);
    } else if (size == 4) {
        uint32_t v;
        memcpy(&v, &f, 4);
        *bits = v;
    } else {
        int exponent = 0;
        double part = frexp(fabs(d), &exponent);
        *bits = d == 0 ? 0
                       : (uint64_t)(exponent + 14) << 10 |
                             ((uint64_t)ldexp(part, 11) & 0x3ff);
        *bits |= d < 0 ? 0x8000 : 0;
    }
    return d;
}

static void put(unsigned char *at, uint64_t bits, unsigned size, bool big)
{
    for (unsigned k = 0; k < size; k++)
        at[big ? size - 1 - k : k] = (unsigned char)(bits >> 8 * k);
}

typedef struct layout {
    unsigned n, gap, step;
    enum pe_dtype dtype;
    bool big;
} layout;

/* All numbers of a type in one layout; between them nothing is touched. */
static bool load_right(char kind, unsigned size, const layout *l)
{
    static unsigned char raw[MOST * 16];
    static double wide[MOST * 3];
    float *narrow = (float *)(void *)wide;
    unsigned stride = size + l->gap;
    size_t lost = 0, got;
    bool right = true;

    memset(raw, 0xa5, sizeof(raw));
    memset(wide, 0xa5, sizeof(wide));
    for (unsigned i = 0; i < l->n; i++) {
        uint64_t bits;
        long double x = number(kind, size, i, &bits);
        put(raw + 1 + i * stride, bits, size, l->big);
        lost += kind != 'f' &&
                (l->dtype == PE_F8 ? (double)x != x : (float)(double)x != x);
    }
    got = element_load(
        (element_from){{kind, (unsigned char)size, l->big}, raw + 1, stride},
        l->n, (element_to){wide, l->dtype, l->step});
    for (unsigned i = 0; i < l->n * l->step; i++) {
        uint64_t bits;
        long double x = number(kind, size, i / l->step, &bits);
        double is = l->dtype == PE_F8 ? wide[i] : (double)narrow[i];
        double want = l->dtype == PE_F8 ? (double)x : (double)(float)(double)x;
        if (i % l->step) {
            uint32_t open;
            memcpy(&open, l->dtype == PE_F8 ? (void *)&wide[i] : &narrow[i], 4);
            right = right && open == 0xa5a5a5a5;
        } else {
            right = right && is == want;
        }
    }
    return right && got == lost;
}

/* Whole tiles, parts of them, side by side and apart, in either order. */
static void test_load(void)
{
    static const unsigned counts[] = {0,   1,   2,   31,  255,
                                      256, 257, 511, 512, 700};
    static const unsigned gaps[] = {0, 1, 5};
    static const unsigned steps[] = {1, 3};
    unsigned done = 0;

    for (size_t t = 0; t < TYPES; t++)
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
            for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
                for (unsigned k = 0; k < 8; k++) {
                    layout l = {counts[i], gaps[g], steps[k & 1],
                                k & 2 ? PE_F4 : PE_F8, k & 4};
                    bool right = load_right(types[t].kind, types[t].size, &l);
                    CU_ASSERT(right);
                    if (!right)
                        printf("# %c%u, %u of them, %u apart, every %u, f%d\n",
                               types[t].kind, types[t].size, l.n, l.gap, l.step,
                               l.dtype);
                    done++;
                }
    CU_ASSERT_EQUAL(done, TYPES * 10 * 3 * 8);
}

/* All 65,536 halves, against the definition. */
static void test_halves(void)
{
    unsigned wrong = 0;

    for (unsigned w = 0; w < 65536; w++) {
        unsigned char raw[2] = {(unsigned char)(w & 0xff),
                                (unsigned char)(w >> 8)};
        int exponent = (int)(w >> 10 & 31);
        double fraction = (w & 0x3ff) / 1024.0, want, got;
        want = exponent ? ldexp(1 + fraction, exponent - 15)
                        : ldexp(fraction, -14);
        if (exponent == 31)
            want = w & 0x3ff ? NAN : INFINITY;
        if (w & 0x8000)
            want = -want;
        element_load((element_from){{'f', 2, false}, raw, 2}, 1,
                     (element_to){&got, PE_F8, 1});
        wrong += isnan(want) ? !isnan(got) : got != want;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* What is no number at all. */
static void test_unknown(void)
{
    static const unsigned char raw[8 * 300] = {1, 2, 3};
    static const element odd[] = {{'c', 8, false},
                                  {'f', 1, false},
                                  {'i', 3, true},
                                  {'b', 2, false},
                                  {'\0', 0, false}};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        double x[300] = {0};
        CU_ASSERT_FALSE(element_is_known(odd[i].kind, odd[i].size));
        UNIT_EQUAL(element_name(odd[i]), "number");
        CU_ASSERT_EQUAL(element_load((element_from){odd[i], raw, 8}, 300,
                                     (element_to){x, PE_F8, 1}),
                        0);
        for (int k = 0; k < 300; k++)
            CU_ASSERT(isnan(x[k]));
    }
}

static void test_names(void)
{
    static const struct {
        element e;
        const char *name;
        enum pe_dtype dtype; /* that holds them all */
        bool f4, f8;         /* is what a block holds */
    } table[] = {
        {{'b', 1, false}, "bool", PE_F4, false, false},
        {{'i', 1, false}, "int8", PE_F4, false, false},
        {{'u', 1, true}, "uint8", PE_F4, false, false},
        {{'i', 2, false}, "int16", PE_F4, false, false},
        {{'u', 2, true}, "uint16", PE_F4, false, false},
        {{'f', 2, false}, "float16", PE_F4, false, false},
        {{'i', 4, false}, "int32", PE_F8, false, false},
        {{'u', 4, false}, "uint32", PE_F8, false, false},
        {{'f', 4, false}, "float32", PE_F4, true, false},
        {{'f', 4, true}, "float32", PE_F4, false, false},
        {{'i', 8, false}, "int64", PE_F8, false, false},
        {{'u', 8, false}, "uint64", PE_F8, false, false},
        {{'f', 8, false}, "float64", PE_F8, false, true},
        {{'f', 8, true}, "float64", PE_F8, false, false},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        CU_ASSERT(element_is_known(table[i].e.kind, table[i].e.size));
        UNIT_EQUAL(element_name(table[i].e), table[i].name);
        CU_ASSERT_EQUAL(element_dtype(table[i].e), table[i].dtype);
        CU_ASSERT_EQUAL(element_is(table[i].e, PE_F4), table[i].f4);
        CU_ASSERT_EQUAL(element_is(table[i].e, PE_F8), table[i].f8);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"in any place", test_load},
        {"halves", test_halves},
        {"no number", test_unknown},
        {"names", test_names},
        {NULL, NULL},
    };

    return unit_main("elements", tests);
}
