/* file_facts.h - what a file holds, for people. */
#ifndef FILE_FACTS_H
#define FILE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/common/text.h"

/* A column; strings are the facts' own. */
typedef struct file_fact {
    char *name;       /* or its number */
    char *unit;       /* "" : none */
    const char *type; /* "number", "time", "text", "int16", ... */
    bool learned;
    char *use;                /* "", or why it is none of those learned from */
    uint64_t values, missing; /* of the rows that were looked at */
    bool has_range;
    double least, most;
    double mean, square; /* of the values, and their squares about it */
} file_fact;

typedef struct file_facts {
    char *kind; /* "text", "text packed by gzip", "array of int16", ... */
    uint64_t files;
    uint64_t rows;     /* of the first file */
    bool rows_known;   /* counted, else reckoned from the first ones */
    uint64_t looked;   /* rows that were looked at */
    uint64_t left_out; /* ... that cannot be taken */
    char *first_left;  /* where the first of those is, and why; NULL */
    char *line;        /* what the run would say it has found */
    file_fact *columns;
    size_t n;
    char *listing; /* all there is to choose from, lines; NULL.  Also there
                      where the rest is not, since the choice is missing */
    text options;  /* lines "key: value" that say what was found */
} file_facts;

/* Value [x] of a row, which is a number, into the facts of its column. */
void file_fact_take(file_fact *c, double x);

/* The column learned from that has nearly all of the variance of those that
 * vary: its share, *columnp; 0: none has.
 */
double file_facts_dominant(const file_facts *f, size_t *columnp);

/* A value that loggers write where they have none, as -7999, and that is the
 * least of columns learned from: the first of them in *columnp, how many in
 * *np; 0: there is none.
 */
double file_facts_mark(const file_facts *f, size_t *columnp, size_t *np);

void file_facts_free(file_facts *f); /* may be NULL; leaves it zeroed */

#endif
