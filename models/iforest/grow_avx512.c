/* grow_avx512.c - the rows below a node as 256 bits, a feature as 16 vectors.
 *
 * The least and the largest value of any node are 16 masked steps, without a
 * list to follow; so is the split.
 */
#ifdef __AVX512F__

#include "grow.h"
#include "src/model/simd.h"

enum { LANES = 16, VECTORS = GROW_ROWS / LANES };

/* Lanes become vectors: 16 x 16 words, by pairs, fours, and quarters. */
SIMD void transpose(__m512i v[LANES])
{
    __m512i t[LANES];

    UNROLL
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
    UNROLL
    for (int i = 0; i < LANES; i += 4) {
        v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        v[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        v[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        v[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

/* The rows, 16 of them, that range [r] has of the z-th vector. */
SIMD __mmask16 rows_of(const struct grow_range *r, int z)
{
    return (__mmask16)(r->bits[z / 4] >> (z % 4 * LANES));
}

/* Feature by feature, GROW_ROWS apart; rows that are not there are never
 * looked at.
 */
static void lay(struct growing *g, const forest_key *rows,
                const uint32_t *index, struct grow_range *all)
{
    __m512i v[LANES];

    for (uint32_t i = 0; i < GROW_ROWS / 64; i++) {
        uint32_t left = all->n > 64 * i ? all->n - 64 * i : 0;

        all->bits[i] = left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
    }
    for (uint32_t at = 0; at < all->n; at += LANES)
        for (uint32_t f = 0; f < FOREST_PACKED; f += LANES) {
            for (uint32_t i = 0; i < LANES; i++) {
                uint32_t row = index[at + i < all->n ? at + i : at];

                v[i] = _mm512_loadu_si512(rows + row * g->width + f);
            }
            transpose(v);
            for (uint32_t i = 0; i < LANES; i++)
                _mm512_storeu_si512(g->tile + (f + i) * GROW_ROWS + at, v[i]);
        }
}

static void span(const struct growing *g, const struct grow_range *r,
                 uint32_t f, forest_key *lowp, forest_key *highp)
{
    const forest_key *column = g->tile + f * GROW_ROWS;
    __m512i low = _mm512_set1_epi32(-1), high = _mm512_setzero_si512();

    UNROLL
    for (int z = 0; z < VECTORS; z++) {
        __m512i v = _mm512_loadu_si512(column + z * LANES);

        low = _mm512_mask_min_epu32(low, rows_of(r, z), low, v);
        high = _mm512_mask_max_epu32(high, rows_of(r, z), high, v);
    }
    *lowp = _mm512_reduce_min_epu32(low);
    *highp = _mm512_reduce_max_epu32(high);
}

static void part(const struct growing *g, struct grow_range *r, uint32_t f,
                 forest_key node, struct grow_range *left)
{
    const forest_key *column = g->tile + f * GROW_ROWS;
    __m512i at = _mm512_set1_epi32((int)node);

    left->n = r->n;
    r->n = 0;
    UNROLL
    for (int i = 0; i < GROW_ROWS / 64; i++) {
        uint64_t more = 0;

        UNROLL
        for (int z = 4 * i; z < 4 * i + 4; z++) {
            __m512i v = _mm512_loadu_si512(column + z * LANES);

            more |= (uint64_t)_mm512_cmpgt_epu32_mask(v, at) << z % 4 * LANES;
        }
        left->bits[i] = r->bits[i] & ~more;
        r->bits[i] &= more;
        r->n += (uint32_t)__builtin_popcountll(r->bits[i]);
    }
    left->n -= r->n;
}

const struct grow_kernel grow_kernel_avx512 = {lay, span, part};

#endif
