/* dialect.h - how a text file of rows is written, and what its columns are. */
#ifndef TABLE_DIALECT_H
#define TABLE_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/table/split.h"
#include "src/table/stamp.h"

/* What is known before a file is looked at: zeroed, all of it is found.
 * Strings are borrowed.
 */
typedef struct table_wish {
    char delimiter;      /* as of table_syntax; 0: found */
    char decimal;        /* 0: found */
    const char *comment; /* NULL: found; "" : no line is one */
    int header;          /* lines, and TABLE_HEADER_* */
    uint64_t skip;       /* lines in front of all */
    const char *missing; /* values that are none, by commas; NULL: no more than
                            the usual ones */
    const char *columns; /* NULL: all that are numbers */
    const char *exclude; /* NULL: none */
    const char *time;    /* its column; NULL: found; "none" */
    stamp_format stamp;  /* STAMP_NONE: found */
    bool latin1;         /* bytes beyond ASCII are those of ISO 8859-1 */
    bool sure;           /* [columns] are those of an earlier file: what they
                            seem to hold does not matter */
    bool later;          /* the columns will be those of another file: none
                            are chosen */
} table_wish;

enum {
    TABLE_HEADER_AUTO = 0,
    TABLE_HEADER_YES = -1, /* one, or more where they are like it */
    TABLE_HEADER_NO = -2,
};

enum table_known { TABLE_ANY, TABLE_TOA5, TABLE_LVM };

enum table_type {
    TABLE_NUMBER,
    TABLE_TIME,
    TABLE_TEXT,
    TABLE_EMPTY, /* no value in the rows that were looked at */
};

enum table_use { TABLE_LEARNED, TABLE_CLOCK, TABLE_LEFT };

typedef struct table_column {
    char *name; /* never NULL; its number where it has none */
    char *unit; /* never NULL; "" : none */
    bool named;
    enum table_type type;
    stamp_format stamp; /* of TABLE_TIME; STAMP_NONE: a time of day, or one
                           that can be read in two ways (see shape) */
    unsigned shape;     /* what all of its times may be, see stamp_shape */
    const char *hint;   /* why numbers are left out unless named, static */
    enum table_use use;
    const char *why; /* of what is left out, static */
    int feature;     /* which one it is learned as, from 0; -1: none */
} table_column;

/* A file as it was found. */
typedef struct table_dialect {
    table_syntax syntax;
    enum table_known known;
    uint64_t data_line; /* the first one that may hold a row, from 1 */
    uint64_t passed;    /* lines in front of the header that are neither */
    uint64_t name_line; /* of the names; 0: there are none */
    uint64_t unit_line;
    bool named_by_comment;
    bool has_blanks; /* rows may have one field more, which is a remark */
    size_t n;
    table_column *columns;
    size_t n_features;
    int clock, clock_day; /* columns, -1: none; the day's, where the time of
                             day has a column of its own */
    stamp_format stamp;
    double *missing; /* numbers that are none */
    size_t n_missing;
    char *words; /* texts that are none, each between '\n' */
} table_dialect;

void dialect_free(table_dialect *d); /* may be NULL; leaves it zeroed */

/* A copy; the pattern of its clock stays borrowed.  Errors: no memory. */
int dialect_copy(table_dialect *to, const table_dialect *from, pe_error *errp);

/* Is the field no value: empty, NA, NaN, null, or one that was given? */
bool dialect_missing(const table_dialect *d, span field);
/* ... of a number. */
bool dialect_missing_number(const table_dialect *d, double value);
int dialect_missing_set(table_dialect *d, const char *list, pe_error *errp);

/* What was found, for people, in one line: "4 columns of 6: temp hum press
 * wind; time is the clock; status is left out (text)".  0, or -1: no memory.
 */
struct text;
int dialect_line(const table_dialect *d, struct text *out);

/* Which columns are learned from and which is the clock, by their types and by
 * what is wished.  Errors: input, 65 or 78: a name that is not there, a text
 * that should be a number, nothing to learn from.
 */
int dialect_choose(table_dialect *d, const table_wish *w, const char *path,
                   pe_error *errp);

/* The columns learned from, as [list] of dialect_list; the caller frees.  NULL:
 * no memory.
 */
char *dialect_columns(const table_dialect *d);

/* Numbers of the columns that [list] has: names, numbers from 0 on, ranges
 * ("temp,3,5-8"); a name that holds a comma or a quote stands in quotes.  Their
 * number, or -1 (78, behind "WHAT: ").
 */
int dialect_list(const table_dialect *d, const char *what, const char *list,
                 const char *path, int **outp, pe_error *errp);

#endif
