/* feed.h - a block on its way into a program. */
#ifndef PROGRAM_FEED_H
#define PROGRAM_FEED_H

#include <sys/uio.h>

#include "src/block/npy.h"
#include "src/program/share.h"

typedef struct feed {
    unsigned char head[NPY_HEADER_LEN];
    share_word word;       /* in place of it, where it lies in the memory */
    struct iovec piece[2]; /* what is left of it */
    size_t all;
} feed;

/* [b], through [s] where the program has it, else as an array; its data stays
 * until all has left.
 */
void feed_begin(feed *f, share *s, const pe_block *b);
size_t feed_left(const feed *f);
/* As much of it as [fd] takes now; -1: it takes no more. */
int feed_write(feed *f, int fd);

#endif
