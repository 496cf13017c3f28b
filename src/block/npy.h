/* npy.h - NumPy .npy format, versions 1.0 to 3.0 in, 1.0 out. */
#ifndef BLOCK_NPY_H
#define BLOCK_NPY_H

#include <stddef.h>

#include <pilot/block.h>

/* Length of the header npy_header writes: with it the data of a buffer that
 * starts 64-byte aligned is 64-byte aligned too.
 */
#define NPY_HEADER_LEN PE_BLOCK_HEADROOM

/* Write the v1.0 header of a C-ordered array of [points] x [features] (or
 * of shape (points,) when features is 0) of [dtype] into [out].
 */
void npy_header(unsigned char out[NPY_HEADER_LEN], enum pe_dtype dtype,
                uint32_t points, uint32_t features);

/* Decode [len] bytes at [buf]: sets data, points, features, dtype of [b] and
 * nothing else.  Accepted: 1-D (taken as one column) and 2-D, numbers of any
 * kind and byte order but complex ones, C or Fortran order, records of such
 * fields, every byte accounted for.  '<f4' and '<f8' in C order stay where they
 * are in [buf], at any alignment; all else is put once into the storage of
 * [b], as f4 where that holds every such number, else as f8.  Errors are of
 * class input and say what was found ("not a .npy record: ...").  1: whole
 * numbers were rounded, for f8 has no room for all of their digits; else 0.
 */
int npy_decode(const void *buf, size_t len, pe_block *b, pe_error *errp);

/* Make a block from pe_block_reserve (or a copy of one that is not) ready to
 * leave as one piece: header in front of its data.  Returns the first byte
 * and sets *lenp, or NULL when the data is not where pe_block_reserve put it.
 */
const void *npy_frame(pe_block *b, size_t *lenp);

#endif
