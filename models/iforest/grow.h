/* grow.h - how the rows below a node are kept while a tree is grown. */
#ifndef MODELS_IFOREST_GROW_H
#define MODELS_IFOREST_GROW_H

#include "forest.h"
#include "src/common/random.h"

enum { GROW_ROWS = 256 }; /* that the bits of a range can name */

struct grow_kernel;

/* A tree being grown. */
struct growing {
    struct forest *f;
    uint32_t t; /* of its trees */
    const struct forest_seed *from;
    random_stream draw;
    const struct grow_kernel *kernel;
    forest_key *tile;        /* its rows: as lay leaves them */
    size_t width;            /* of a row */
    uint16_t *order, *spare; /* rows of the tile, and room to part them */
    uint16_t *choice;        /* features that may still vary */
    forest_key *value;       /* of the rows of a range in one feature */
};

/* A node to be split, and its n rows: a piece of the order, or bits. */
struct grow_range {
    uint32_t node, depth, n;
    uint32_t from;
    uint64_t bits[GROW_ROWS / 64];
};

/* Both give the same trees: only how rows are kept differs. */
struct grow_kernel {
    /* The all->n rows that [index] names into the tile, and into [all]. */
    void (*lay)(struct growing *g, const forest_key *rows,
                const uint32_t *index, struct grow_range *all);
    /* The least and the largest value of a range in feature [f]. */
    void (*span)(const struct growing *g, const struct grow_range *r,
                 uint32_t f, forest_key *lowp, forest_key *highp);
    /* What goes left out of [r], whose n and rows are those that go right
     * then; span was last asked for [f].
     */
    void (*part)(const struct growing *g, struct grow_range *r, uint32_t f,
                 forest_key node, struct grow_range *left);
};

extern const struct grow_kernel grow_kernel_avx512;

#endif
