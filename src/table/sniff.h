/* sniff.h - finds how a text file is written, from its first bytes. */
#ifndef TABLE_SNIFF_H
#define TABLE_SNIFF_H

#include "src/table/dialect.h"

/* Rows that are looked at, at most. */
#define TABLE_SNIFF_ROWS 1000

/* The first bytes of a file. */
typedef struct table_start {
    const char *path, *bytes;
    size_t len;
    bool whole; /* that is all of it, else a last line without its end is left
                   alone */
} table_start;

/* Find the dialect of a file.  1: *out is filled, the caller frees it; 0: no
 * row is there yet; -1: input, 65 or 78: what is wrong, or may be read in two
 * ways, with the option that decides.
 */
int table_sniff(const table_wish *w, const table_start *f, table_dialect *out,
                pe_error *errp);

/* Is a file that was found to be [next] of the same columns as [first]?  Where
 * both have names, [next] is made to have its features in the order of
 * [first].  Errors: input, 65: a column is not there, or there are others.
 */
int table_sniff_match(const table_dialect *first, const char *first_path,
                      table_dialect *next, const char *path, pe_error *errp);

#endif
