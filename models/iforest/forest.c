/* forest.c - isolation trees as complete heaps: memory, walking them. */
#include "forest.h"

#include <math.h>
#include <stdlib.h>

#include "src/model/path.h"
#include "src/model/simd.h"

enum { SIDE = 16 }; /* rows walked side by side: each waits for its loads */

static uint32_t groups(const struct forest *f)
{
    return (f->trees + FOREST_LANES - 1) / FOREST_LANES;
}

static size_t top_len(const struct forest *f)
{
    return (size_t)groups(f) * (1 << FOREST_TOP) * FOREST_LANES;
}

static bool has_bottom(const struct forest *f)
{
    return f->depth == FOREST_TOP + FOREST_BOTTOM;
}

/* A cache line for each subtree. */
static size_t bottom_bytes(const struct forest *f)
{
    size_t lines = has_bottom(f) ? (size_t)f->trees << FOREST_TOP : 1;

    return lines * FOREST_LINE * sizeof(*f->bottom);
}

int forest_create(struct forest *f, uint32_t trees, uint32_t depth,
                  uint32_t features, pe_error *errp)
{
    size_t n;

    f->trees = trees;
    f->depth = depth;
    f->features = features;
    f->stride = UINT32_C(1) << depth;
    n = (size_t)trees * f->stride;
    f->node = calloc(n, sizeof(*f->node));
    f->feature = calloc(n, sizeof(*f->feature));
    f->leaf = calloc(n, sizeof(*f->leaf));
    f->top = calloc(top_len(f), sizeof(*f->top));
    f->bottom = aligned_alloc(64, bottom_bytes(f));
    if (f->bottom)
        memset(f->bottom, 0, bottom_bytes(f));
    if (f->node && f->feature && f->leaf && f->top && f->bottom)
        return 0;
    forest_free(f);
    return pe_error_nomem(errp);
}

void forest_free(struct forest *f)
{
    free(f->node);
    free(f->feature);
    free(f->leaf);
    free(f->top);
    free(f->bottom);
    memset(f, 0, sizeof(*f));
}

void forest_copy(struct forest *to, const struct forest *from)
{
    size_t n = (size_t)from->trees * from->stride;

    memcpy(to->node, from->node, n * sizeof(*to->node));
    memcpy(to->feature, from->feature, n * sizeof(*to->feature));
    memcpy(to->leaf, from->leaf, n * sizeof(*to->leaf));
    memcpy(to->top, from->top, top_len(from) * sizeof(*to->top));
    memcpy(to->bottom, from->bottom, bottom_bytes(from));
}

uint32_t forest_depth(uint32_t psi)
{
    uint32_t depth = 1;

    while ((UINT32_C(1) << depth) < psi)
        depth++;
    return depth;
}

double forest_mean_path(double n)
{
    if (n <= 1)
        return 0;
    if (n == 2)
        return 1;
    return 2 * (log(n - 1) + 0.5772156649015329) - 2 * (n - 1) / n;
}

void forest_put_leaf(struct forest *f, uint32_t t, uint32_t node,
                     uint32_t depth, uint32_t value)
{
    size_t at = (size_t)t * f->stride;
    uint32_t rest = f->depth - depth, first = node, n = 1;

    for (uint32_t l = 0; l < rest; l++, first *= 2, n *= 2)
        for (uint32_t i = first; i < first + n; i++) {
            f->node[at + i] = forest_key_of(INFINITY); /* of feature 0 */
            f->feature[at + i] = 0;
        }
    for (uint32_t i = first; i < first + n; i++)
        f->leaf[at + i - f->stride] = value;
}

/* Lanes beyond the last tree walk like the first and are not counted. */
static void prepare_top(struct forest *f)
{
    uint32_t nodes = f->depth < FOREST_TOP ? f->stride : 1 << FOREST_TOP;

    for (uint32_t t = 0; t < groups(f) * FOREST_LANES; t++) {
        uint32_t *to = f->top + (size_t)(t / FOREST_LANES) * (1 << FOREST_TOP) *
                                    FOREST_LANES;
        const forest_key *from =
            f->node + (size_t)(t < f->trees ? t : 0) * f->stride;

        for (uint32_t i = 1; i < nodes; i++)
            to[i * FOREST_LANES + t % FOREST_LANES] = from[i];
    }
}

/* The subtree below node [root] of a tree. */
static void put_bottom(uint32_t *line, const forest_key *node,
                       const uint32_t *leaf, uint32_t root)
{
    uint32_t first =
        (root << FOREST_BOTTOM) - (1 << (FOREST_TOP + FOREST_BOTTOM));

    line[0] = 0;
    for (uint32_t l = 0; l < FOREST_BOTTOM; l++)
        memcpy(line + (1 << l), node + (root << l), sizeof(*line) << l);
    memcpy(line + FOREST_LINE / 2, leaf + first,
           sizeof(*line) << FOREST_BOTTOM);
}

void forest_prepare(struct forest *f)
{
    uint32_t *line = f->bottom;

    prepare_top(f);
    if (!has_bottom(f))
        return;
    for (size_t t = 0; t < f->trees; t++)
        for (uint32_t i = 0; i < 1 << FOREST_TOP; i++, line += FOREST_LINE)
            put_bottom(line, f->node + t * f->stride, f->leaf + t * f->stride,
                       (1 << FOREST_TOP) + i);
}

/* The oracle: floats, one row after the other. */
void forest_walk_plain(const struct forest *f, const forest_key *rows, size_t n,
                       size_t width, uint64_t *sum)
{
    for (size_t r = 0; r < n; r++)
        for (uint32_t t = 0; t < f->trees; t++) {
            size_t at = (size_t)t * f->stride;
            uint32_t i = 1;

            for (uint32_t l = 0; l < f->depth; l++) {
                float x = forest_value_of(rows[r * width + f->feature[at + i]]);

                i = 2 * i + (x > forest_value_of(f->node[at + i]));
            }
            sum[r] += f->leaf[at + i - f->stride];
        }
}

/* SIDE rows down one packed tree. */
SIMD void walk_packed(const forest_key *node, const uint32_t *leaf,
                      const forest_key *rows, size_t width, uint64_t *sum,
                      uint32_t depth)
{
    uint32_t i[SIDE];

    UNROLL
    for (int s = 0; s < SIDE; s++)
        i[s] = 1;
    UNROLL
    for (uint32_t l = 0; l < depth; l++) {
        UNROLL
        for (int s = 0; s < SIDE; s++)
            i[s] = forest_child(i[s], node[i[s]], rows + (size_t)s * width);
    }
    UNROLL
    for (int s = 0; s < SIDE; s++)
        sum[s] += leaf[i[s] - (UINT32_C(1) << depth)];
}

/* The usual shape apart: rows at fixed places, straight code. */
static void walk_side(const struct forest *f, uint32_t t,
                      const forest_key *rows, size_t n, size_t width,
                      uint64_t *sum)
{
    const forest_key *node = f->node + (size_t)t * f->stride;
    const uint32_t *leaf = f->leaf + (size_t)t * f->stride;

    if (f->depth == 8 && width == FOREST_PACKED)
        for (size_t r = 0; r < n; r += SIDE)
            walk_packed(node, leaf, rows + r * FOREST_PACKED, FOREST_PACKED,
                        sum + r, 8);
    else
        for (size_t r = 0; r < n; r += SIDE)
            walk_packed(node, leaf, rows + r * width, width, sum + r, f->depth);
}

static void walk_wide(const struct forest *f, uint32_t t, const forest_key *row,
                      uint64_t *sum)
{
    size_t at = (size_t)t * f->stride;
    uint32_t i = 1;

    for (uint32_t l = 0; l < f->depth; l++)
        i += i + (row[f->feature[at + i]] > f->node[at + i]);
    *sum += f->leaf[at + i - f->stride];
}

static void walk_scalar(const struct forest *f, const forest_key *rows,
                        size_t n, size_t width, uint64_t *sum)
{
    size_t whole = f->features <= FOREST_PACKED ? n / SIDE * SIDE : 0;

    for (uint32_t t = 0; t < f->trees; t++) {
        walk_side(f, t, rows, whole, width, sum);
        for (size_t r = whole; r < n; r++)
            walk_wide(f, t, rows + r * width, sum + r);
    }
}

void forest_walk(const struct forest *f, const forest_key *rows, size_t n,
                 size_t width, uint64_t *sum)
{
    enum model_path path = path_now();

    if (path == PATH_PLAIN)
        forest_walk_plain(f, rows, n, width, sum);
#ifdef PE_X86_KERNELS
    else if (path == PATH_AVX512 && f->features <= FOREST_PACKED &&
             f->depth >= FOREST_TOP)
        forest_walk_avx512(f, rows, n, width, sum);
#endif
    else
        walk_scalar(f, rows, n, width, sum);
}
