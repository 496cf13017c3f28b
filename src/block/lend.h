/* lend.h - storage of blocks that is not from malloc. */
#ifndef BLOCK_LEND_H
#define BLOCK_LEND_H

#include <pilot/block.h>

/* In pe_block.capacity, which is a multiple of 64 else: the storage is lent. */
#define BLOCK_LENT ((size_t)1)

/* Who gets lent storage back that a block has grown out of, or was released
 * with.  One of a process, set before any is lent; any thread calls it.
 */
void block_lender(void (*give)(void *storage));

#endif
