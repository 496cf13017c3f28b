/* split.h - records and fields of a text. */
#ifndef TABLE_SPLIT_H
#define TABLE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

/* How the text is written. */
typedef struct table_syntax {
    char delimiter;  /* between fields; ' ': blanks and tabs, any number;
                        0: not known, any of TABLE_DELIMITERS */
    char decimal;    /* '.' or ',' */
    char eol;        /* '\n', with a '\r' before it or not, or '\r' */
    char comment[8]; /* what a line begins with that is none; "" : nothing */
} table_syntax;

#define TABLE_DELIMITERS "\t;|, "

/* Longest record, and longest one of several lines. */
#define TABLE_RECORD_MAX ((size_t)16 << 20)
#define TABLE_QUOTED_MAX ((size_t)64 << 10)
/* Most columns: each is remembered by some hundred bytes. */
#define TABLE_COLUMNS_MAX ((size_t)1 << 20)

/* A piece of the text. */
typedef struct span {
    const char *at, *end;
} span;

enum split {
    SPLIT_MORE,   /* the record does not end here */
    SPLIT_RECORD, /* it does */
    SPLIT_QUOTE,  /* it does not, and a quote is open */
    SPLIT_SPOILT, /* a quote that is open is closed by none: the first line is
                     all there is of it */
};

/* Where the record at [at] ends: *stopp is its line end, of SPLIT_SPOILT that
 * of its first line.  A quote opens where a field begins and nowhere else.
 */
enum split split_record(const table_syntax *s, const char *at, const char *end,
                        const char **stopp);

/* Split the first field off [rest], without its quotes and the blanks around;
 * false: there is none.  rest->at is NULL behind the last one.
 */
bool split_field(const table_syntax *s, span *rest, span *field);

/* All fields of [record] into [out]: their number, of which [cap] are there. */
size_t split_fields(const table_syntax *s, span record, span *out, size_t cap);

/* How many bytes of [field] at [p] are one of its text: 2 where a quote of a
 * field that stood in quotes is doubled.
 */
size_t split_step(span field, const char *p);

/* Without the blanks around; a tab is none where it stands between fields. */
span split_trim(const table_syntax *s, span t);

/* Does the line begin as a comment? */
bool split_comment(const table_syntax *s, span line);

#endif
