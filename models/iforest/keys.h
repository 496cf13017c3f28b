/* keys.h - rows as keys: written once, compiled for each instruction set. */
#ifndef MODELS_IFOREST_KEYS_H
#define MODELS_IFOREST_KEYS_H

#include <stdbool.h>

#include <pilot/block.h>

#include "forest.h"

#define KEYS_INLINE static inline __attribute__((always_inline))

/* Values as they lie in a record. */
typedef double keys_f8 __attribute__((aligned(1), may_alias));
typedef float keys_f4 __attribute__((aligned(1), may_alias));

/* Where rows become keys: less the shift, [width] apart, zeros behind the last.
 * good[i] says whether row i is finite, as floats.
 */
struct keys_to {
    const double *shift;
    size_t width;
    forest_key *keys;
    bool *good;
};

/* Rows [at, at + n) of [b]. */
typedef void keys_fn(const pe_block *b, size_t at, size_t n,
                     const struct keys_to *to);

keys_fn keys_make_neon, keys_make_avx2, keys_make_avx512;

KEYS_INLINE double keys_value(const pe_block *b, size_t i)
{
    return b->dtype == PE_F8 ? ((const keys_f8 *)b->data)[i]
                             : (double)((const keys_f4 *)b->data)[i];
}

KEYS_INLINE bool keys_row(const pe_block *b, size_t from, uint32_t d,
                          const double *shift, forest_key *keys)
{
    uint32_t most = 0;

    for (uint32_t f = 0; f < d; f++) {
        float x = (float)(keys_value(b, from + f) - shift[f]);
        uint32_t bits, magnitude;

        memcpy(&bits, &x, sizeof(bits));
        magnitude = bits & UINT32_C(0x7fffffff);
        most = magnitude > most ? magnitude : most;
        keys[f] = forest_key_of(x);
    }
    return most < UINT32_C(0x7f800000); /* neither infinite nor NaN */
}

/* The usual width and type apart: straight code. */
KEYS_INLINE void keys_make(const pe_block *b, size_t at, size_t n,
                           const struct keys_to *to)
{
    const double *shift = to->shift;
    size_t width = to->width;
    forest_key *keys = to->keys;
    bool *good = to->good;
    uint32_t d = b->features;
    pe_block usual = {.data = b->data, .dtype = PE_F8};
    bool is_usual = d == FOREST_PACKED && b->dtype == PE_F8;

    for (size_t i = 0; i < n; i++, keys += width) {
        good[i] = is_usual ? keys_row(&usual, (at + i) * FOREST_PACKED,
                                      FOREST_PACKED, shift, keys)
                           : keys_row(b, (at + i) * d, d, shift, keys);
        for (size_t f = d; f < width; f++)
            keys[f] = 0;
    }
}

#endif
