/* npy_case.h - .npy records as they may come. */
#ifndef TESTS_NPY_CASE_H
#define TESTS_NPY_CASE_H

#include <stddef.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A record in memory that ends behind its last byte. */
typedef struct npy_record {
    unsigned char *data;
    size_t len;
} npy_record;

/* Version [major].0, [dict] as it is, [bytes] of data: 1, 2, and so on. */
npy_record npy_case(unsigned char major, const char *dict, size_t bytes);

/* Assert that [r] is refused with [want] and leaves the block alone. */
void npy_refused(const npy_record *r, const char *want);

#endif
