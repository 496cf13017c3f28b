/* trees.h - trees that have left their device, as an item of a delta. */
#ifndef MODELS_IFOREST_TREES_H
#define MODELS_IFOREST_TREES_H

#include "private.h"
#include "src/model/items.h"

/* How the item begins; then the shift of the keys (features), then the trees,
 * padded to whole words.  A tree is the number of rows it was grown from, then
 * its nodes in the order of struct forest_told: 1 + its feature and a key, or
 * 0 and the rows of a leaf, 0 for fewer than [least].  Numbers are varints, a
 * key four bytes.
 */
struct trees_head {
    struct item_origin from; /* n: trees */
    uint64_t device;         /* item_device; 0: on its way */
    uint64_t rows;           /* from which the device has learned */
    uint64_t least;          /* of a leaf that says how many */
    uint64_t bytes;          /* of the trees */
};

/* One, as it lies in a blob. */
struct trees_item {
    struct trees_head head;
    const unsigned char *data; /* all of it */
    size_t len;
};

/* The next item of trees in a blob: *atp starts at 0; false: there is none
 * any more.
 */
bool trees_next(const pe_buffer *blob, size_t *atp, struct trees_item *out);

/* Are all of its trees such as may be taken by [m]? */
bool trees_check(const struct trees_item *it, const struct iforest *m);

/* Put it behind what is in the blob of [to], with another head, of whose trees
 * those there are; of an item that was checked.
 */
int trees_put(const struct trees_item *it, const struct trees_head *head,
              const struct iforest *m, pe_delta *to, pe_error *errp);

/* Shift of column [f]. */
double trees_shift(const struct trees_item *it, uint32_t f);

/* A place in an item's trees: it begins as {.it = item}. */
struct trees_walk {
    const struct trees_item *it;
    size_t at;
    uint64_t taken; /* trees in front of it */
};

/* The next tree becomes tree [t] of [m], behind the last one the first again;
 * of an item that was checked.
 */
void trees_take(struct trees_walk *w, struct iforest *m, uint32_t t);

/* Bytes of a tree grown from [rows], into [out], which has room for
 * trees_room(n); returns how many.
 */
size_t trees_write(unsigned char *out, const struct forest_told *node, size_t n,
                   uint32_t rows, uint64_t least);
size_t trees_room(size_t n);

#endif
