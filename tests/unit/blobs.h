/* blobs.h - seeded data for tests of models: blobs with planted outliers. */
#ifndef TESTS_BLOBS_H
#define TESTS_BLOBS_H

#include <pilot/block.h>

/* Fill [b] with rows of 25 blobs, N(0, 4 I) centres and deviation 0.5; one
 * row in 20 is uniform in [-4, 4] and marked in [label], when not NULL.  The
 * content depends on [seed] and the block's offset only.
 */
void blobs_fill(pe_block *b, uint32_t points, uint32_t features,
                enum pe_dtype dtype, uint64_t seed, int64_t offset,
                unsigned char *label);

#endif
