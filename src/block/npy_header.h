/* npy_header.h - what the header of a .npy array says. */
#ifndef BLOCK_NPY_HEADER_H
#define BLOCK_NPY_HEADER_H

#include "src/block/grid.h"

/* Longest header, NumPy's own limit (format._MAX_HEADER_SIZE), and the most
 * that stands in front of it.
 */
#define NPY_DICT_MAX 10000
#define NPY_HEAD_MAX (NPY_DICT_MAX + 12)

typedef struct npy_array {
    grid_shape shape;
    grid_items items;
    size_t data_offset;
} npy_array;

/* Read the header, of versions 1.0 to 3.0, at the start of the [len] bytes of
 * [buf]; the data may be missing.  The numbers may be of any kind and order;
 * what is none (text, complex, objects, times) is refused and named, or, in a
 * structured array, left out.  Errors are of class input and say what is wrong
 * without saying with what: the caller puts a name in front.  A plain array
 * needs no memory.
 */
int npy_array_read(npy_array *a, const void *buf, size_t len, pe_error *errp);
void npy_array_clear(npy_array *a);

/* Bytes of the data, or 0 when they are too many to count. */
uint64_t npy_array_bytes(const npy_array *a);

#endif
