/* walk_avx512.c - the top of 16 trees at once, in the lanes of a vector.
 *
 * One row's 32 keys fill two registers, and a permutation looks up the
 * feature of each lane; the node of a lane is picked out of the level's by
 * the ways taken so far.  The three levels below, where a tree has 256 leaves,
 * lie in one cache line a subtree: all seven turns are made at once, and a
 * table says which leaf they lead to.  Where a tree is deeper each is walked
 * on its own: 16 walks that do not wait for each other.
 */
#ifdef __AVX512F__

#include "forest.h"
#include "src/model/simd.h"

/* Nodes [first, first + count) of the group, each lane its own by [way]: bit
 * l of the way is the turn at level l, the first turn decides between halves.
 */
enum { SIDE = 64 }; /* rows whose turns do not wait for each other */

#define LOAD(i) _mm512_loadu_si512(top + (size_t)(i)*FOREST_LANES)

SIMD __m512i pick2(const uint32_t *top, int first, __mmask16 turn)
{
    return _mm512_mask_blend_epi32(turn, LOAD(first), LOAD(first + 1));
}

SIMD __m512i pick4(const uint32_t *top, int first, const __mmask16 *w)
{
    return _mm512_mask_blend_epi32(w[0], pick2(top, first, w[1]),
                                   pick2(top, first + 2, w[1]));
}

SIMD __m512i pick8(const uint32_t *top, int first, const __mmask16 *w)
{
    return _mm512_mask_blend_epi32(w[0], pick4(top, first, w + 1),
                                   pick4(top, first + 4, w + 1));
}

SIMD __m512i pick16(const uint32_t *top, int first, const __mmask16 *w)
{
    return _mm512_mask_blend_epi32(w[0], pick8(top, first, w + 1),
                                   pick8(top, first + 8, w + 1));
}

SIMD __mmask16 turn(__m512i node, __m512i low, __m512i high)
{
    return _mm512_cmpgt_epu32_mask(_mm512_permutex2var_epi32(low, node, high),
                                   node);
}

SIMD __m512i step(__m512i i, __mmask16 way)
{
    i = _mm512_add_epi32(i, i);
    return _mm512_mask_add_epi32(i, way, i, _mm512_set1_epi32(1));
}

/* Where 16 trees stand after FOREST_TOP levels. */
SIMD __m512i walk_top(const uint32_t *top, __m512i low, __m512i high)
{
    __m512i i = _mm512_set1_epi32(1);
    __mmask16 w[FOREST_TOP];

    w[0] = turn(LOAD(1), low, high);
    w[1] = turn(pick2(top, 2, w[0]), low, high);
    w[2] = turn(pick4(top, 4, w), low, high);
    w[3] = turn(pick8(top, 8, w), low, high);
    w[4] = turn(pick16(top, 16, w), low, high);
    i = step(step(step(i, w[0]), w[1]), w[2]);
    return step(step(i, w[3]), w[4]);
}

/* The child of [i] that a row goes to: i + i and the carry that the comparison
 * leaves.
 */
SIMD uint32_t child(uint32_t i, forest_key node, const forest_key *row)
{
    uint32_t next;

    _addcarry_u32(node < row[node % FOREST_PACKED], i, i, &next);
    return next;
}

/* Below the top each tree is walked on its own. */
SIMD uint32_t walk_rest(const forest_key *node, const uint32_t *leaf,
                        const forest_key *row, uint32_t *i, size_t lanes,
                        uint32_t depth)
{
    uint32_t sum = 0, stride = UINT32_C(1) << depth;

    for (uint32_t l = FOREST_TOP; l < depth; l++) {
        UNROLL
        for (size_t s = 0; s < lanes; s++)
            i[s] = child(i[s], node[s * stride + i[s]], row);
    }
    UNROLL
    for (size_t s = 0; s < lanes; s++)
        sum += leaf[s * stride + i[s] - stride];
    return sum;
}

/* The leaf that the turns of a subtree lead to, bit i of them at node i: as
 * the place of its word in the line.
 */
static const uint8_t leaf_of[1 << (FOREST_LINE / 2)] = {
#define TURN(m, node) ((m) >> (node)&1)
#define WAY2(m) (2 + TURN(m, 1))
#define WAY3(m) (2 * WAY2(m) + TURN(m, WAY2(m)))
#define WAY(m) (2 * WAY3(m) + TURN(m, WAY3(m)))
#define WAYS4(m) WAY(m), WAY((m) + 1), WAY((m) + 2), WAY((m) + 3)
#define WAYS16(m) WAYS4(m), WAYS4((m) + 4), WAYS4((m) + 8), WAYS4((m) + 12)
#define WAYS64(m) \
    WAYS16(m), WAYS16((m) + 16), WAYS16((m) + 32), WAYS16((m) + 48)
    WAYS64(0), WAYS64(64), WAYS64(128), WAYS64(192)};

/* Where the lines of the nodes that 16 trees stand at are, in words. */
SIMD __m512i find_lines(__m512i i)
{
    const __m512i lane =
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i subtree = _mm512_add_epi32(
        _mm512_sub_epi32(i, _mm512_set1_epi32(1 << FOREST_TOP)),
        _mm512_slli_epi32(lane, FOREST_TOP));

    return _mm512_mullo_epi32(subtree, _mm512_set1_epi32(FOREST_LINE));
}

/* The leaves they lead to. */
SIMD uint32_t walk_bottom(const uint32_t *bottom, const uint32_t *at,
                          __m512i low, __m512i high, size_t lanes)
{
    uint32_t sum = 0;

    UNROLL
    for (size_t s = 0; s < lanes; s++) {
        const uint32_t *line = bottom + at[s];
        __mmask16 way = turn(_mm512_load_si512(line), low, high);

        sum += line[leaf_of[(uint8_t)way]];
    }
    return sum;
}

/* Sixteen trees, the last time fewer. */
struct group {
    const uint32_t *top, *bottom;
    const forest_key *node;
    const uint32_t *leaf;
};

/* Rows of keys. */
struct rows {
    const forest_key *first;
    size_t n, width;
};

/* The top of a few rows first, since each waits for its own turns, then the
 * rest of them.
 */
SIMD void walk_group(struct group g, struct rows rows, uint64_t *sum,
                     size_t lanes, uint32_t depth)
{
    const size_t n = rows.n, width = rows.width;
    const bool has_bottom = depth == FOREST_TOP + FOREST_BOTTOM;
    uint32_t i[SIDE][FOREST_LANES];

    for (size_t r = 0; r < n; r += SIDE) {
        const forest_key *row = rows.first + r * width;
        size_t side = n - r < SIDE ? n - r : SIDE;

        for (size_t s = 0; s < side; s++) {
            __m512i at = walk_top(g.top, _mm512_loadu_si512(row + s * width),
                                  _mm512_loadu_si512(row + s * width + 16));

            _mm512_storeu_si512(i[s], has_bottom ? find_lines(at) : at);
        }
        for (size_t s = 0; s < side; s++, row += width)
            sum[r + s] +=
                has_bottom
                    ? walk_bottom(g.bottom, i[s], _mm512_loadu_si512(row),
                                  _mm512_loadu_si512(row + 16), lanes)
                    : walk_rest(g.node, g.leaf, row, i[s], lanes, depth);
    }
}

SIMD void walk_rows(const struct forest *f, struct rows rows, uint64_t *sum,
                    uint32_t depth)
{
    for (size_t t = 0; t < f->trees; t += FOREST_LANES) {
        struct group g = {
            .top = f->top + (t << FOREST_TOP),
            .bottom = f->bottom + (t << FOREST_TOP) * FOREST_LINE,
            .node = f->node + t * f->stride,
            .leaf = f->leaf + t * f->stride,
        };
        size_t lanes = f->trees - t;

        if (lanes >= FOREST_LANES) /* straight code */
            walk_group(g, rows, sum, FOREST_LANES, depth);
        else
            walk_group(g, rows, sum, lanes, depth);
    }
}

void forest_walk_avx512(const struct forest *f, const forest_key *rows,
                        size_t n, size_t width, uint64_t *sum)
{
    struct rows all = {rows, n, width};

    if (f->depth == FOREST_TOP + FOREST_BOTTOM)
        walk_rows(f, all, sum, FOREST_TOP + FOREST_BOTTOM);
    else
        walk_rows(f, all, sum, f->depth);
}

#endif
