/* result_out.h - scored rows for people and programs. */
#ifndef VIEW_RESULT_OUT_H
#define VIEW_RESULT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/view/result_columns.h"
#include "src/common/option.h"

enum result_format { RESULT_TEXT, RESULT_CSV, RESULT_JSON };

/* One row.  Strings are borrowed. */
typedef struct result_row {
    int64_t time_ns;  /* 0: not known */
    const char *time; /* as text; NULL: that of time_ns */
    const char *device;
    const char *source; /* file, or "" */
    const char *place;  /* where it is, without a file: what stands for
                           DEVICE/ROW; NULL: that */
    int64_t row;        /* -1: not known */
    int64_t last;       /* of those it is made of, else [row] */
    float score;
    double threshold;
    int label; /* of answer_label */
    uint64_t version;
    const double *values; /* NULL: not kept */
} result_row;

/* The line of titles, for rows with values that are called [c]; JSON has
 * none.
 */
void result_titles(enum result_format format, const result_columns *c, FILE *f);
void result_print(enum result_format format, const result_row *r,
                  const result_columns *c, FILE *f);

/* What is wanted of the answers in a folder. */
typedef struct result_wish {
    bool outliers; /* only those */
    bool npy;      /* as rows.npy has them, and their values */
    bool titles;
    enum result_format format;
    uint64_t top; /* so many with the highest scores, highest first; 0: all,
                     in their order */
} result_wish;

/* What a command line says of it. */
typedef struct result_asked {
    bool outliers, csv, json, npy, no_header;
    const char *top;
} result_asked;

/* Rows of a table of options, for the result_asked at [base]. */
#define RESULT_OPTIONS(base)                                             \
    {"outliers",                                                         \
     'o',                                                                \
     OPTION_FLAG,                                                        \
     (base) + offsetof(result_asked, outliers),                          \
     NULL,                                                               \
     NULL,                                                               \
     "only rows above the threshold"},                                   \
        {"top",                                                          \
         0,                                                              \
         OPTION_TEXT,                                                    \
         (base) + offsetof(result_asked, top),                           \
         "N",                                                            \
         NULL,                                                           \
         "the N rows with the highest scores, highest first"},           \
        {"csv", 0,    OPTION_FLAG, (base) + offsetof(result_asked, csv), \
         NULL,  NULL, "print CSV"},                                      \
        {"json",                                                         \
         'j',                                                            \
         OPTION_FLAG,                                                    \
         (base) + offsetof(result_asked, json),                          \
         NULL,                                                           \
         NULL,                                                           \
         "print JSON, an object a line"},                                \
        {"npy",                                                          \
         0,                                                              \
         OPTION_FLAG,                                                    \
         (base) + offsetof(result_asked, npy),                           \
         NULL,                                                           \
         NULL,                                                           \
         "print a structured NumPy array"},                              \
    {                                                                    \
        "no-header", 0, OPTION_FLAG,                                     \
            (base) + offsetof(result_asked, no_header), NULL, NULL,      \
            "print no line of titles"                                    \
    }

/* [command], as "pilot results", is named in errors: input, 64, words that do
 * not go together or an array for a terminal.
 */
int result_wish_of(const result_asked *o, const char *command, result_wish *w,
                   pe_error *errp);

/* Print rows of [a] to [f].  Errors: no memory. */
int result_answers(const answers *a, const result_wish *w, FILE *f,
                   pe_error *errp);

/* "20 outliers of 10,000 rows (...)" and the notes, as messages. */
void result_tell(const answers *a);

#endif
