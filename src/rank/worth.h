/* worth.h - is a block worth its way to another rank? */
#ifndef RANK_WORTH_H
#define RANK_WORTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The last blocks of a rank, its own and those it helped with. */
typedef struct rank_worth {
    int64_t ns, bytes; /* in its stages and its kernel; as records */
    int64_t n;
} rank_worth;

/* A block of [bytes] took [ns]. */
void worth_block(rank_worth *w, int64_t ns, size_t bytes);

/* Do blocks like the last ones take longer than their way?  False as long as
 * none is known.
 */
bool worth_moving(const rank_worth *w);

#endif
