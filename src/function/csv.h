/* csv.h - rows of numbers out of a text file (RFC 4180). */
#ifndef FUNCTION_CSV_H
#define FUNCTION_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

enum csv_header {
    CSV_HEADER_AUTO, /* the first record is one when none of its fields is a
                        number */
    CSV_HEADER_YES,
    CSV_HEADER_NO,
};

typedef struct csv_conf {
    const char *path;
    char separator;
    enum csv_header header;
    bool follow; /* the file grows: a last line without its newline is not
                    there yet */
} csv_conf;

/* A reader: one file, read once from its start, one thread. */
typedef struct csv csv;

/* Open the file.  A byte order mark is skipped.  Errors: input, 65: it cannot
 * be opened.
 */
csv *csv_open(const csv_conf *c, pe_error *errp);
void csv_close(csv *c); /* may be NULL */

/* Columns of the file, which are those of its first record.  0: no record is
 * there (yet); -1: error.
 */
int csv_columns(csv *c, pe_error *errp);

/* Next row as numbers into [row] (csv_columns long), or, with NULL, past it
 * without a look at its fields.  Blank lines are no rows.  A field that is
 * not a number becomes NaN and is counted.  1: a row; 0: none left (or, when
 * following, none yet); -1: error, of class input and naming PATH:LINE: a
 * row with another number of fields, a quote left open, a record beyond 16
 * MiB, a followed file that became shorter.
 */
int csv_row(csv *c, double *row, pe_error *errp);

/* Fields that were not numbers, and the line (from 1) of the first of them. */
uint64_t csv_bad_fields(const csv *c, uint64_t *linep);

#endif
