/* grow.c - one isolation tree out of a sample of rows (Liu, Ting, Zhou). */
#include <math.h>
#include <stdlib.h>

#include "forest.h"
#include "src/common/random.h"
#include "src/model/scratch.h"

enum {
    GRANULE = 5, /* bits of a packed node that are not the threshold's */
};

/* A tree being grown. */
struct growing {
    struct forest *f;
    size_t at; /* of the tree in the forest's arrays */
    random_stream draw;
    const forest_key *tile; /* psi rows x width, gathered */
    size_t width;
    uint16_t *order, *spare; /* rows of the tile, and room to part them */
    uint16_t *choice;        /* features that may still vary */
    forest_key *value;       /* of the rows of a range in one feature */
};

/* A node to be split: rows [from, from + n) of the order. */
struct range {
    uint32_t node, depth, from, n;
};

/* The values of a range in feature [f], and between which they lie. */
static void span(const struct growing *g, const struct range *r, uint32_t f,
                 forest_key *lowp, forest_key *highp)
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

/* A feature drawn among those that are not constant here, and its node. */
static bool draw_split(struct growing *g, const struct range *r, uint32_t *fp,
                       forest_key *nodep)
{
    for (uint32_t left = g->f->features; left > 0; left--) {
        uint32_t i = (uint32_t)random_below(&g->draw, left);
        uint16_t f = g->choice[i];
        forest_key low, high;

        span(g, r, f, &low, &high);
        if (draw_node(g, f, low, high, nodep)) {
            *fp = f;
            return true;
        }
        g->choice[i] = g->choice[left - 1];
        g->choice[left - 1] = f;
    }
    return false;
}

/* Rows that go left to the front, in order; how many they are.  Their values
 * are those that span left.
 */
static uint32_t part(const struct growing *g, const struct range *r,
                     forest_key node)
{
    uint16_t *order = g->order + r->from;
    uint32_t left = 0, right = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        uint16_t row = order[i];
        bool more = g->value[i] > node;

        order[left] = row;
        g->spare[right] = row;
        left += !more;
        right += more;
    }
    memcpy(order + left, g->spare, right * sizeof(*order));
    return left;
}

/* Every way below [node] ends with the same length. */
static void fill_leaf(const struct growing *g, const struct range *r)
{
    struct forest *f = g->f;
    uint32_t rest = f->depth - r->depth, first = r->node, n = 1;
    double path = r->depth + forest_mean_path(r->n);
    uint32_t value = (uint32_t)lrint(path * (1 << FOREST_FRACTION));

    for (uint32_t l = 0; l < rest; l++, first *= 2, n *= 2)
        for (uint32_t i = first; i < first + n; i++) {
            f->node[g->at + i] = forest_key_of(INFINITY); /* of feature 0 */
            f->feature[g->at + i] = 0;
        }
    for (uint32_t i = first; i < first + n; i++)
        f->leaf[g->at + i - f->stride] = value;
}

static void grow(struct growing *g, uint32_t psi)
{
    struct range stack[2 * FOREST_DEPTH_MAX + 2];
    size_t n = 0;

    stack[n++] = (struct range){1, 0, 0, psi};
    while (n > 0) {
        struct range r = stack[--n];
        forest_key node;
        uint32_t f, left;

        if (r.n <= 1 || r.depth == g->f->depth ||
            !draw_split(g, &r, &f, &node)) {
            fill_leaf(g, &r);
            continue;
        }
        g->f->node[g->at + r.node] = node;
        g->f->feature[g->at + r.node] = (uint16_t)f;
        left = part(g, &r, node);
        stack[n++] = (struct range){2 * r.node + 1, r.depth + 1, r.from + left,
                                    r.n - left};
        stack[n++] = (struct range){2 * r.node, r.depth + 1, r.from, left};
    }
}

/* [psi] rows without replacement into the tile: a partial Fisher-Yates
 * shuffle of [index], undone, so that the draw depends on the key alone.
 */
static void gather(struct growing *g, forest_key *tile, const forest_key *rows,
                   size_t n, uint32_t psi, uint32_t *index)
{
    uint32_t swaps[1 << FOREST_DEPTH_MAX];

    for (uint32_t i = 0; i < psi; i++) {
        uint32_t k = i + (uint32_t)random_below(&g->draw, n - i);
        uint32_t row = index[k];

        index[k] = index[i];
        index[i] = row;
        swaps[i] = k;
        memcpy(tile + i * g->width, rows + row * g->width,
               g->width * sizeof(*tile));
        g->order[i] = (uint16_t)i;
    }
    for (uint32_t i = psi; i-- > 0;) {
        uint32_t row = index[i];

        index[i] = index[swaps[i]];
        index[swaps[i]] = row;
    }
}

int forest_grow(struct forest *f, uint32_t t, const forest_key *rows, size_t n,
                size_t width, uint32_t psi, uint64_t key, uint32_t *index,
                pe_error *errp)
{
    struct growing g = {
        .f = f,
        .at = (size_t)t * f->stride,
        .draw = {key, 0},
        .width = width,
    };
    size_t keys = psi * (width + 1), words = 2 * (size_t)psi + f->features;
    forest_key *memory;

    psi = psi < n ? psi : (uint32_t)n;
    memory =
        model_scratch(SCRATCH_KERNEL,
                      keys * sizeof(*memory) + words * sizeof(uint16_t), errp);
    if (!memory)
        return -1;
    g.tile = memory;
    g.value = memory + psi * width;
    g.order = (uint16_t *)(g.value + psi);
    g.spare = g.order + psi;
    g.choice = g.spare + psi;
    for (uint32_t i = 0; i < f->features; i++)
        g.choice[i] = (uint16_t)i;
    gather(&g, memory, rows, n, psi, index);
    grow(&g, psi);
    return 0;
}
