/* columns.h - the names of a block's columns, as header pe_columns has them. */
#ifndef BLOCK_COLUMNS_H
#define BLOCK_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "src/common/text.h"

/* Longest such header. */
#define COLUMNS_BYTES_MAX 16384

/* A list of names, one behind the other with a tab between them.  Add [name]
 * behind [n] that are there; what would break the list becomes a blank.
 */
void columns_add(text *list, size_t n, const char *name);

/* Names in [list], [len] bytes; 0: there is no list. */
uint32_t columns_count(const char *list, size_t len);
/* Name [k] of it, *lenp bytes; NULL: there is none. */
const char *columns_at(const char *list, size_t len, uint32_t k, size_t *lenp);

#endif
