/* draw.h - some rows that stand for all: those with the smallest hashes. */
#ifndef ANSWER_DRAW_H
#define ANSWER_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>

#define DRAW_ROWS 131072        /* at most so many, ... */
#define DRAW_BYTES (64UL << 20) /* ... and so much of them */

/* A row and where it came from. */
typedef struct draw_row {
    uint64_t hash;
    int64_t offset;
    int32_t partition;
    uint32_t point;
    uint32_t slot; /* of its values */
} draw_row;

/* As many as there are, or a uniform sample of them, which depends neither on
 * order nor on who offered what.
 */
typedef struct draw {
    uint64_t seed;
    uint32_t features;
    size_t cap, n;
    uint64_t offered; /* rows that no model masks */
    draw_row *row;    /* once full, the largest hash first */
    double *values;   /* (cap + 1) x features, the last in passing */
} draw;

int draw_open(draw *d, uint32_t features, uint64_t seed, pe_error *errp);
void draw_free(draw *d);

/* The rows of [b] that no model masks. */
void draw_offer(draw *d, const pe_block *b);

/* All of them in order of partition, offset and point, d->n rows of features
 * values, 64-byte aligned; the caller frees.  NULL: no memory.
 */
double *draw_table(draw *d, pe_error *errp);

#endif
