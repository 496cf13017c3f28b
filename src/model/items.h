/* items.h - the blob of a delta as items: what is not a sum. */
#ifndef MODEL_ITEMS_H
#define MODEL_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/model.h>

/* Kinds: those of the room, then those of a model. */
enum {
    ITEM_ROWS = 1,
    ITEM_SCORES,
    ITEM_POINTS,  /* what stands for rows of a device (points.h) */
    ITEM_BUCKETS, /* their scores, counted (buckets.h) */
    ITEM_OWN
};

/* An item is this head, then len bytes. */
struct item {
    uint64_t kind, len;
};

/* How an item that came from one block begins: by origin items are put into
 * an order that does not depend on which rank had them.  A run has one
 * stream, so partition and offset name a block.
 */
struct item_origin {
    int64_t partition, offset;
    uint64_t n; /* rows or scores that follow */
};

struct item_origin item_origin_of(const pe_block *b, uint64_t n);

/* Key of the draws that belong to the block: the same whoever makes them. */
uint64_t item_key(uint64_t seed, const pe_block *b);

/* What tells the device of a record from others. */
uint64_t item_device(const pe_block *b);

/* Walk the items: *atp starts at 0; false at the end, or at a cut item. */
bool item_next(const unsigned char *blob, size_t len, size_t *atp,
               struct item *item, const unsigned char **payload);

/* Room for an item of [kind] with [len] bytes at the end of [d]'s blob, its
 * head written; item_commit makes it part of the blob.  NULL: no memory.
 */
unsigned char *item_reserve(pe_delta *d, uint64_t kind, size_t len,
                            pe_error *errp);
/* Take the reserved item in with [len] bytes, at most as many as reserved. */
void item_commit(pe_delta *d, size_t len);

/* An item with an origin. */
struct item_ref {
    struct item_origin from;
    const unsigned char *data; /* behind the origin */
};

/* Items of [kind] in order of their origin; the caller frees *refsp.  -1: no
 * memory.
 */
int item_sort(const pe_buffer *blob, uint64_t kind, struct item_ref **refsp,
              size_t *np, pe_error *errp);

/* ops->merge_blob of a model whose items just add up. */
int item_merge(pe_delta *into, const unsigned char *from, size_t len,
               pe_error *errp);

#endif
