/* table.h - rows of numbers out of a text file. */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/table/dialect.h"

/* Why a row, or a field of one, is not taken. */
enum table_reason {
    TABLE_ROW_NUL,    /* it holds NUL bytes */
    TABLE_ROW_FIELDS, /* it has another number of fields than most */
    TABLE_ROW_QUOTE,  /* a quote is left open; its line alone is the row */
    TABLE_ROW_LONG,   /* longer than TABLE_RECORD_MAX */
    TABLE_FIELD_EMPTY,
    TABLE_FIELD_MISSING, /* a value that is none: NA, or one given */
    TABLE_FIELD_TEXT,    /* not a number */
    TABLE_FIELD_RANGE,   /* beyond FLT_MAX, which models mask; or infinite */
};

typedef struct table_skip {
    enum table_reason reason;
    uint64_t line;    /* from 1 */
    size_t fields;    /* of TABLE_ROW_FIELDS */
    int column;       /* of a field, from 0; -1: of a row */
    const char *text; /* of a field, cut; for the call only */
} table_skip;

typedef struct table_conf {
    const char *path;
    const char *from; /* what is opened first, where [path] now names another
                         file; NULL: [path] */
    const table_wish *wish;
    bool follow; /* the file grows: a last line without its newline is not
                    there yet */
    /* A file whose columns this one has to have; NULL: there is none. */
    const table_dialect *like;
    const char *like_path;
    /* Told of every row and field that is not taken; may be NULL. */
    void (*skip)(void *arg, const table_skip *s);
    void *arg;
} table_conf;

/* A reader: one file, read once from its start, one thread. */
typedef struct table table;

/* Open the file, packed or not; strings and what is borrowed by [c] have to
 * live as long as the reader.  Errors: input, 65: it cannot be opened.
 */
table *table_open(const table_conf *c, pe_error *errp);
void table_close(table *t); /* may be NULL */

/* Is it known how the file is written?  1: yes; 0: no row is there (yet);
 * -1: input, 65 or 78, see table_sniff, table_sniff_match.
 */
int table_ready(table *t, pe_error *errp);
/* Once it is ready; for the reader's life. */
const table_dialect *table_dialect_of(const table *t);

/* Answers of table_row. */
enum { TABLE_NONE = 0, TABLE_ROW = 1, TABLE_SKIPPED = 2 };

/* Next row as numbers into [row] (as many as there are features), or, with
 * NULL, past it without a look at its fields.  Blank lines and comments are no
 * rows.  A field that is not taken becomes NaN, but for one out of range.  A
 * row that cannot be taken is one, too, so rows have the same numbers whoever
 * looks at which: TABLE_SKIPPED.  TABLE_NONE: none is left (or, when
 * following, none is there yet); -1: it cannot be read.
 */
int table_row(table *t, double *row, pe_error *errp);

/* The time of the row that table_row gave last, ns since 1970; false: the file
 * has no clock, or that row no time.
 */
bool table_time(const table *t, int64_t *nsp);

/* The next record as fields, for a look at all columns: as table_row. */
int table_fields(table *t, span **fieldsp, size_t *np, pe_error *errp);

uint64_t table_line(const table *t);       /* of the next record */
uint64_t table_bytes(const table *t);      /* of the file, read so far */
uint64_t table_used(const table *t);       /* ... up to the next record,
                                               where it is not packed */
uint64_t table_size(const table *t);       /* its size now; 0: none */
const char *table_packing(const table *t); /* "gzip", "zstd" or "" */

/* Following, after TABLE_NONE: has another file taken the place of ours, or
 * was ours cut, or written anew?  A file that was renamed is read until it has
 * been quiet for a second.  1: the other one is open at its start; 0: no, and
 * its last line may have become one; -1: error.
 */
int table_renew(table *t, pe_error *errp);

/* Following, after TABLE_NONE, where another file is to be read behind ours:
 * 1: ours has been quiet for a second and has no more rows; 0: not yet, and its
 * last line may have become one.
 */
int table_close_line(table *t);

/* The bytes that a followed file that is not packed begins with. */
typedef struct table_mark_of {
    size_t len;
    uint64_t digest;
} table_mark_of;
void table_head(const table *t, table_mark_of *out);
/* Does file [path] begin with them? */
bool table_head_is(const char *path, const table_mark_of *want);

/* Names file [path] beyond its name: "INODE-BIRTH" into [out]; -1: it cannot
 * be looked at.
 */
#define TABLE_IDENTITY_MAX 64
int table_identity(const char *path, char out[TABLE_IDENTITY_MAX]);
/* The same of the file that is open; "" when it cannot be looked at. */
void table_open_identity(const table *t, char out[TABLE_IDENTITY_MAX]);

#endif
