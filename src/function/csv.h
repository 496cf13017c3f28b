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

/* Why a row, or a field of one, is not taken. */
enum csv_reason {
    CSV_ROW_NUL,    /* it holds NUL bytes */
    CSV_ROW_FIELDS, /* it has another number of fields than the first record */
    CSV_ROW_QUOTE,  /* a quote is left open; its line alone is the row */
    CSV_ROW_LONG,   /* longer than 16 MiB */
    CSV_FIELD_EMPTY,
    CSV_FIELD_TEXT, /* not a number */
};

typedef struct csv_skip {
    enum csv_reason reason;
    uint64_t line;    /* from 1 */
    int fields;       /* of CSV_ROW_FIELDS */
    int column;       /* of a field, from 1 */
    const char *text; /* of CSV_FIELD_TEXT, cut; for the call only */
} csv_skip;

typedef struct csv_conf {
    const char *path;
    const char *from; /* what is opened first, where [path] now names another
                         file; NULL: [path] */
    char separator;
    enum csv_header header;
    bool follow; /* the file grows: a last line without its newline is not
                    there yet */
    /* Told of every row and field that is not taken; may be NULL. */
    void (*skip)(void *arg, const csv_skip *s);
    void *arg;
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

/* Answers of csv_row. */
enum { CSV_NONE = 0, CSV_ROW = 1, CSV_SKIPPED = 2 };

/* Next row as numbers into [row] (csv_columns long), or, with NULL, past it
 * without a look at its fields.  Blank lines are no rows.  A field that is
 * not a number becomes NaN.  A row that cannot be taken is one, too, so rows
 * have the same numbers whoever looks at which: CSV_SKIPPED.  CSV_NONE: none
 * is left (or, when following, none is there yet); -1: it cannot be read.
 */
int csv_row(csv *c, double *row, pe_error *errp);

/* Following, after CSV_NONE: has another file taken the place of ours, or was
 * ours cut?  A file that was renamed is read until it has been quiet for a
 * second.  1: the other one is open at its start; 0: no, and its last line
 * may have become one; -1: error.
 */
int csv_renew(csv *c, pe_error *errp);

/* Names file [path] beyond its name: "INODE-BIRTH" into [out]; -1: it cannot
 * be looked at.
 */
#define CSV_IDENTITY_MAX 64
int csv_identity(const char *path, char out[CSV_IDENTITY_MAX]);
/* The same of the file that is open; "" when it cannot be looked at. */
void csv_open_identity(const csv *c, char out[CSV_IDENTITY_MAX]);

#endif
