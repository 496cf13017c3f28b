/* grow.c - one isolation tree out of a sample of rows (Liu, Ting, Zhou). */
#include <math.h>
#include <stdlib.h>

#include "grow.h"
#include "src/model/path.h"
#include "src/model/scratch.h"

enum {
    GRANULE = 5, /* bits of a packed node that are not the threshold's */
    GRID = 6,    /* what rows span is 32 to 64 steps */
};

/* --- rows as a list that is kept in order --- */

/* The values are kept for part, which is asked next. */
static void span(const struct growing *g, const struct grow_range *r,
                 uint32_t f, forest_key *lowp, forest_key *highp)
{
    const uint16_t *order = g->order + r->from;
    forest_key low = UINT32_MAX, high = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        forest_key k = g->tile[order[i] * g->width + f];

        g->value[i] = k;
        low = k < low ? k : low;
        high = k > high ? k : high;
    }
    *lowp = low;
    *highp = high;
}

/* Rows that go left to the front, in order. */
static void part(const struct growing *g, struct grow_range *r, uint32_t f,
                 forest_key node, struct grow_range *left)
{
    uint16_t *order = g->order + r->from;
    uint32_t n = 0, others = 0;

    (void)f;
    for (uint32_t i = 0; i < r->n; i++) {
        uint16_t row = order[i];
        bool more = g->value[i] > node;

        order[n] = row;
        g->spare[others] = row;
        n += !more;
        others += more;
    }
    memcpy(order + n, g->spare, others * sizeof(*order));
    left->from = r->from;
    left->n = n;
    r->from += n;
    r->n = others;
}

static void lay(struct growing *g, const forest_key *rows,
                const uint32_t *index, struct grow_range *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        memcpy(g->tile + i * g->width, rows + index[i] * g->width,
               g->width * sizeof(*g->tile));
        g->order[i] = (uint16_t)i;
    }
    all->from = 0;
}

static const struct grow_kernel lists = {lay, span, part};

/* The vector kernel takes what the usual forest has; of a few rows it looks
 * at all the others, too.
 */
static const struct grow_kernel *kernel_for(const struct forest *f, uint32_t n)
{
#ifdef PE_X86_KERNELS
    if (path_now() == PATH_AVX512 && f->features <= FOREST_PACKED &&
        n >= GROW_ROWS / 4 && n <= GROW_ROWS)
        return &grow_kernel_avx512;
#endif
    (void)f;
    (void)n;
    return &lists;
}

/* --- the tree --- */

/* Threshold uniform between the two values; false where they are too close
 * for a node to lie strictly between them.
 */
static bool draw_node(struct growing *g, uint32_t f, forest_key low,
                      forest_key high, forest_key *nodep)
{
    bool packed = g->f->features <= FOREST_PACKED;
    int bits = packed ? GRANULE : 0;
    forest_key least = (low >> bits) + (packed ? 1 : 0);
    forest_key most = (high >> bits) - 1, at;
    double a = (double)forest_value_of(low), b = (double)forest_value_of(high);

    if (high <= low || (high >> bits) < least + 1)
        return false;
    at = forest_key_of((float)(a + (b - a) * random_uniform(&g->draw))) >> bits;
    at = at < least ? least : at > most ? most : at;
    *nodep = packed ? at << bits | f : at;
    return true;
}

/* The same for a tree that is to leave its device: nothing but the grid tells
 * where the two values are.
 */
static bool draw_on_grid(struct growing *g, uint32_t f, forest_key low,
                         forest_key high, forest_key *nodep)
{
    int bits = g->f->features <= FOREST_PACKED ? GRANULE : 0, power;
    double a = (double)forest_value_of(low), b = (double)forest_value_of(high);
    double step, first, n;
    forest_key at;

    if (high <= low)
        return false;
    frexp(b - a, &power);
    step = ldexp(1, power - GRID);
    first = floor(a / step) + 1;
    n = ceil(b / step) - first;
    at = forest_key_of(
        (float)(step * (first + (double)random_below(&g->draw, (uint64_t)n))));
    at >>= bits;
    *nodep = bits ? at << bits | f : at;
    return at > low >> bits && at < high >> bits;
}

/* A feature drawn among those that are not constant here, and its node. */
static bool draw_split(struct growing *g, const struct grow_range *r,
                       uint32_t *fp, forest_key *nodep)
{
    for (uint32_t left = g->f->features; left > 0; left--) {
        uint32_t i = (uint32_t)random_below(&g->draw, left);
        uint16_t f = g->choice[i];
        forest_key low, high;

        g->kernel->span(g, r, f, &low, &high);
        if (g->from->least ? draw_on_grid(g, f, low, high, nodep)
                           : draw_node(g, f, low, high, nodep)) {
            *fp = f;
            return true;
        }
        g->choice[i] = g->choice[left - 1];
        g->choice[left - 1] = f;
    }
    return false;
}

/* Every way below the range ends with the same length. */
static void end_range(const struct growing *g, const struct grow_range *r)
{
    double path = r->depth + forest_mean_path(r->n);

    forest_put_leaf(g->f, g->t, r->node, r->depth,
                    (uint32_t)lrint(path * (1 << FOREST_FRACTION)));
}

static void tell(const struct growing *g, const struct forest_told *node)
{
    if (g->from->told)
        g->from->told[(*g->from->n_told)++] = *node;
}

/* Depth first, left before right; the children of a range take its place. */
static void grow(struct growing *g, const struct grow_range *all)
{
    struct grow_range stack[2 * FOREST_DEPTH_MAX + 2];
    size_t n = 1, at = (size_t)g->t * g->f->stride;
    uint32_t few = g->from->least > 2 ? g->from->least : 2;

    stack[0] = *all;
    while (n > 0) {
        struct grow_range *r = &stack[n - 1];
        forest_key node;
        uint32_t f;

        if (r->n < few || r->depth == g->f->depth ||
            !draw_split(g, r, &f, &node)) {
            end_range(g, r);
            tell(g, &(struct forest_told){.rows = r->n});
            n--;
            continue;
        }
        g->f->node[at + r->node] = node;
        g->f->feature[at + r->node] = (uint16_t)f;
        tell(g, &(struct forest_told){.feature = (uint16_t)f, .node = node});
        g->kernel->part(g, r, f, node, r + 1);
        r[1].node = 2 * r->node;
        r->node = 2 * r->node + 1;
        r[1].depth = ++r->depth;
        n++;
    }
}

/* psi rows without replacement into the tile: a partial Fisher-Yates
 * shuffle of the index, undone, so that the draw depends on the key alone.
 */
static void gather(struct growing *g, const struct forest_seed *from,
                   struct grow_range *all)
{
    uint32_t swaps[1 << FOREST_DEPTH_MAX], *index = from->index;

    for (uint32_t i = 0; i < all->n; i++) {
        uint32_t k = i + (uint32_t)random_below(&g->draw, from->n - i);
        uint32_t row = index[k];

        index[k] = index[i];
        index[i] = row;
        swaps[i] = k;
    }
    g->kernel->lay(g, from->rows, index, all);
    for (uint32_t i = all->n; i-- > 0;) {
        uint32_t row = index[i];

        index[i] = index[swaps[i]];
        index[swaps[i]] = row;
    }
}

int forest_grow(struct forest *f, uint32_t t, const struct forest_seed *from,
                uint64_t key, pe_error *errp)
{
    size_t width = from->width;
    uint32_t psi = from->psi;
    struct grow_range all = {
        .node = 1,
        .n = psi < from->n ? psi : (uint32_t)from->n,
    };
    struct growing g = {
        .f = f,
        .t = t,
        .from = from,
        .draw = {key, 0},
        .width = width,
        .kernel = kernel_for(f, all.n),
    };
    size_t rows_max = psi < GROW_ROWS ? GROW_ROWS : psi;
    size_t keys = rows_max * (width + 1), words = 2 * rows_max + f->features;
    forest_key *memory =
        model_scratch(SCRATCH_KERNEL,
                      keys * sizeof(*memory) + words * sizeof(uint16_t), errp);

    if (!memory)
        return -1;
    g.tile = memory;
    g.value = memory + rows_max * width;
    g.order = (uint16_t *)(g.value + rows_max);
    g.spare = g.order + rows_max;
    g.choice = g.spare + rows_max;
    for (uint32_t i = 0; i < f->features; i++)
        g.choice[i] = (uint16_t)i;
    gather(&g, from, &all);
    if (from->told)
        *from->n_told = 0;
    grow(&g, &all);
    return 0;
}
