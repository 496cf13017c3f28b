/* npy_stream.h - .npy arrays one behind the other, as they come out of a pipe.
 */
#ifndef BLOCK_NPY_STREAM_H
#define BLOCK_NPY_STREAM_H

#include <stdint.h>

#include "src/block/npy_header.h"

/* The array that is coming; starts zeroed.  Its bytes are asked for piece by
 * piece, and never one of the next array, so nothing has to be put back.
 */
typedef struct npy_stream {
    unsigned char *data; /* what is there of it */
    size_t len, cap;
    uint64_t rows; /* by its header; 0: not known yet */
    size_t head;   /* bytes of its header; 0: not known yet */
    size_t whole;  /* bytes of all; 0: not known yet */
} npy_stream;

/* Where the next bytes go, and how many there may be: *wantp, which is 0 when
 * the array is whole.  NULL: no memory, or (input) what is there is no array or
 * one of more than [most] bytes; the error says what was found.
 */
unsigned char *npy_stream_room(npy_stream *s, size_t most, size_t *wantp,
                               pe_error *errp);
/* [n] bytes have been put there. */
void npy_stream_put(npy_stream *s, size_t n);
/* The next array begins; the memory stays. */
void npy_stream_next(npy_stream *s);
void npy_stream_free(npy_stream *s);

#endif
