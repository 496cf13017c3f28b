/* generator.h - Mini-App data: seeded blobs with planted outliers. */
#ifndef FUNCTION_GENERATOR_H
#define FUNCTION_GENERATOR_H

#include <stdint.h>

#include <pilot/block.h>

/* What the data are made of. */
typedef struct generator_spec {
    uint32_t features;
    uint32_t clusters;
    uint64_t seed;
    double outliers; /* share of the points that is planted, [0, 1] */
    double spread;   /* standard deviation within a blob */
    double drift;    /* way of a centre from block to block, in spreads */
} generator_spec;

/* Centres of the blobs, N(0, 4 I), into [centres]: clusters x features, the
 * same for every device.
 */
void generator_centres(const generator_spec *s, double *centres);

/* Where they are at the block at [position]: each has gone s->drift x
 * s->spread a block in a direction of its own.  [centres] are those of block
 * 0, [out] has as much room.
 */
void generator_moved(const generator_spec *s, const double *centres,
                     uint64_t position, double *out);

/* Fill the data of [out], whose points, features (those of [s]) and dtype
 * are set (pe_block_reserve), with the block at [position] of device
 * [device].  Its content depends on nothing but the arguments, so that
 * another program can make it again.  A point is planted with probability
 * s->outliers, uniform in [-4, 4) per feature; any other one is a centre
 * plus N(0, spread^2 I).  [labels] (points bytes; may be NULL) gets 1 for a
 * planted point, else 0.
 */
void generator_fill(const generator_spec *s, const double *centres, int device,
                    uint64_t position, pe_block *out, unsigned char *labels);

#endif
