/* forest.h - isolation trees as complete heaps: growing and walking them. */
#ifndef MODELS_IFOREST_FOREST_H
#define MODELS_IFOREST_FOREST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pilot/error.h>
#include <pilot/model.h>

/* A value is compared as its key: the bits of a float, so that unsigned
 * order is the order of the floats.
 */
typedef uint32_t forest_key;

enum {
    FOREST_LANES = 16,    /* trees side by side in [top] */
    FOREST_TOP = 5,       /* levels of it */
    FOREST_BOTTOM = 3,    /* levels of a [bottom] */
    FOREST_LINE = 16,     /* words of one: seven nodes and eight leaves */
    FOREST_FRACTION = 19, /* bits behind the point of a leaf: with them it is
                             a whole number that a float holds, too */
    FOREST_PACKED = 32,   /* features a packed node can name */
    FOREST_DEPTH_MAX = 12,
};

/* [trees] complete heaps of [depth] levels above the leaves; node 1 is the
 * root, 2i and 2i + 1 the children of i.  A row goes right where the key of
 * its feature is larger than the node.  Up to 32 features the lowest 5 bits of
 * a node are its feature: the threshold is rounded to such a value when the
 * tree is grown, and rows are parted by it then, too.  Below a leaf that comes
 * early every node sends left, and every leaf has its value.
 */
struct forest {
    uint32_t trees, depth, features;
    uint32_t stride;   /* nodes, and leaves, of a tree: 2^depth */
    forest_key *node;  /* trees x stride, the first unused */
    uint16_t *feature; /* the same */
    uint32_t *leaf;    /* trees x stride: (depth + c(n)) 2^FOREST_FRACTION */
    uint32_t *top;     /* the first FOREST_TOP levels, 16 trees side by side */
    uint32_t *bottom;  /* where the depth is TOP + BOTTOM: trees x 2^TOP
                          subtrees, each in a cache line, its root second and
                          its leaves from the ninth on */
};

int forest_create(struct forest *f, uint32_t trees, uint32_t depth,
                  uint32_t features, pe_error *errp);
void forest_free(struct forest *f);
void forest_copy(struct forest *to, const struct forest *from);

/* Levels that isolate [psi] rows: ceil(log2(max(psi, 2))). */
uint32_t forest_depth(uint32_t psi);

/* Mean path length of an unsuccessful search among n: c(n) of Liu et al.,
 * with scikit-learn's approximate harmonic number.
 */
double forest_mean_path(double n);

/* A node of a tree that is to leave its device, in the order of growth: before
 * what is left of it, then what is right.
 */
struct forest_told {
    uint32_t rows; /* of a leaf; 0: it is split, by ... */
    uint16_t feature;
    forest_key node;
};

/* What a tree is grown from: [psi] of the [n] rows of keys ([width] apart)
 * that [index] names, which is left as it was.
 */
struct forest_seed {
    const forest_key *rows;
    size_t n, width;
    uint32_t *index;
    uint32_t psi;
    /* Of one that is to leave its device, else 0: no node of fewer rows is
     * split, and a threshold lies on a grid whose step, a power of two, is at
     * least 1/64 of what the rows of its node span, and never on a row.
     */
    uint32_t least;
    struct forest_told
        *told; /* its nodes, 2 psi at most; NULL: not asked for */
    size_t *n_told;
};

/* Grow tree [t]; its rows are drawn without replacement by [key], which
 * decides everything.
 */
int forest_grow(struct forest *f, uint32_t t, const struct forest_seed *from,
                uint64_t key, pe_error *errp);

/* A leaf of tree [t]: all ways below [node], which has [depth], get the path
 * length [value].
 */
void forest_put_leaf(struct forest *f, uint32_t t, uint32_t node,
                     uint32_t depth, uint32_t value);

/* After trees were grown or read: what the kernels read beside. */
void forest_prepare(struct forest *f);

/* Add the path lengths of n rows of keys ([width] apart, at least 32 each)
 * through all trees to [sum].
 */
void forest_walk(const struct forest *f, const forest_key *rows, size_t n,
                 size_t width, uint64_t *sum);
void forest_walk_plain(const struct forest *f, const forest_key *rows, size_t n,
                       size_t width, uint64_t *sum);
void forest_walk_avx512(const struct forest *f, const forest_key *rows,
                        size_t n, size_t width, uint64_t *sum);

static inline forest_key forest_key_of(float x)
{
    uint32_t bits;

    x += 0.0F; /* -0 is 0 */
    memcpy(&bits, &x, sizeof(bits));
    return bits ^ ((uint32_t)((int32_t)bits >> 31) | UINT32_C(0x80000000));
}

static inline float forest_value_of(forest_key k)
{
    uint32_t bits = k & UINT32_C(0x80000000) ? k ^ UINT32_C(0x80000000) : ~k;
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* The child of [i] in a packed tree that a row goes to. */
static inline uint32_t forest_child(uint32_t i, forest_key node,
                                    const forest_key *row)
{
    /* The sign of a difference: a comparison might become a branch, which is
     * taken as often as not.
     */
    uint64_t x = row[node % FOREST_PACKED];

    return i + i + (uint32_t)((node - x) >> 63);
}

#endif
