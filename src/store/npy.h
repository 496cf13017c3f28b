/* npy.h - an array in .npy format, wherever its bytes come from. */
#ifndef STORE_NPY_H
#define STORE_NPY_H

#include "private.h"
#include "src/block/npy_header.h"

/* An array that is open; a block is read piece by piece, never all of it.
 * First member of the reader of a kind of file.
 */
typedef struct npy_store npy_store;
struct npy_store {
    store_table head;
    npy_array array;
    grid grid;
    void *raw; /* rows as they are in the file, where they are not as wanted: */
    size_t raw_cap;
    uint64_t raw_first; /* from this one, */
    size_t raw_n;       /* so many */
    uint64_t next;      /* the row behind those that were read last */
    /* All [n] bytes at [offset], or an error that names row [row]. */
    int (*bytes)(npy_store *f, void *to, size_t n, uint64_t offset,
                 uint64_t row, pe_error *errp);
};

bool npy_is(const unsigned char *head, size_t n);

/* Read the header of the [size] bytes there are, and choose from its columns
 * as [w] says.
 */
int npy_begin(npy_store *f, const store_wish *w, uint64_t size, pe_error *errp);
/* As store_read. */
int npy_read(store_table *s, uint64_t row, uint32_t n, void *to,
             enum pe_dtype dtype, pe_error *errp);
element npy_type(const store_table *s, uint32_t c);
/* Free all but what [bytes] needs. */
void npy_end(npy_store *f);

#endif
