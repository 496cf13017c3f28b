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

/* Decode [len] bytes at [buf]: sets data (into [buf], any alignment), points,
 * features, dtype of [b] and nothing else.  Accepted: 2-D, or 1-D (taken as
 * one column), C order, '<f4' or '<f8', every byte accounted for.  Errors are
 * of class input and say what was found ("not a .npy record: ...",
 * "object arrays are refused", "Fortran order", "shape (0, 32)", ...).
 */
int npy_decode(const void *buf, size_t len, pe_block *b, pe_error *errp);

/* Only the header, of the first [len] bytes of a file: as npy_decode, but
 * *data_offsetp tells where the data starts and the data itself may be
 * missing.  For readers of files.
 */
int npy_decode_header(const void *buf, size_t len, pe_block *b,
                      size_t *data_offsetp, pe_error *errp);

/* Make a block from pe_block_reserve (or a copy of one that is not) ready to
 * leave as one piece: header in front of its data.  Returns the first byte
 * and sets *lenp, or NULL when the data is not where pe_block_reserve put it.
 */
const void *npy_frame(pe_block *b, size_t *lenp);

#endif
