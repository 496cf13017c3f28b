/* keys_vector.c - rows as keys, by the vectors a compiler makes of them. */
#include "keys.h"
#include "src/model/simd.h"

void SIMD_NAME(keys_make)(const pe_block *b, size_t at, size_t n,
                          const struct keys_to *to)
{
    keys_make(b, at, n, to);
}
