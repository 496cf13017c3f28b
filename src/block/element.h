/* element.h - numbers as others write them: any size, kind and byte order. */
#ifndef BLOCK_ELEMENT_H
#define BLOCK_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/block.h>

/* One number.  kind: 'b' truth (1 byte), 'i' and 'u' whole (1, 2, 4, 8), 'f'
 * IEEE (2, 4, 8).
 */
typedef struct element {
    char kind;
    unsigned char size;
    bool big; /* most significant byte first */
} element;

/* Is there a number of this kind and size? */
bool element_is_known(char kind, size_t size);

/* "int16", "bool", static. */
const char *element_name(element e);

/* The smaller of our own types that holds every such number (of 8 bytes: f8).
 */
enum pe_dtype element_dtype(element e);

/* Is [e] byte for byte what a block of [dtype] holds? */
bool element_is(element e, enum pe_dtype dtype);

/* Where numbers are: each [stride] bytes behind the one before, at any
 * alignment.
 */
typedef struct element_from {
    element type;
    const void *first;
    size_t stride;
} element_from;

/* Where they go to: every [step]-th element, from this one on. */
typedef struct element_to {
    void *first;
    enum pe_dtype dtype;
    size_t step;
} element_to;

/* [n] numbers.  Returns how many whole ones were rounded, since the dtype has
 * no room for all of their digits.
 */
size_t element_load(element_from from, size_t n, element_to to);

#endif
