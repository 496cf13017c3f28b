/* file_wish.h - the options of `file` that say how a text is written. */
#ifndef FILE_WISH_H
#define FILE_WISH_H

#include <pilot/options.h>

#include "src/table/dialect.h"

/* Rows of the table of options, for a text file. */
#define FILE_WISH_OPTIONS                                                      \
    {"header",                                                                 \
     PE_OPTION_STRING,                                                         \
     0,                                                                        \
     0,                                                                        \
     "auto",                                                                   \
     NULL,                                                                     \
     "text: auto, yes, no, or how many lines it has; the first of them has "   \
     "the names, the second units"},                                           \
        {"delimiter",                                                          \
         PE_OPTION_STRING,                                                     \
         0,                                                                    \
         0,                                                                    \
         "auto",                                                               \
         "auto comma semicolon tab space pipe , ; |",                          \
         "text: what stands between fields"},                                  \
        {"decimal",                                                            \
         PE_OPTION_STRING,                                                     \
         0,                                                                    \
         0,                                                                    \
         "auto",                                                               \
         "auto point comma . ,",                                               \
         "text: the decimal mark"},                                            \
        {"comment",                                                            \
         PE_OPTION_STRING,                                                     \
         0,                                                                    \
         0,                                                                    \
         NULL,                                                                 \
         NULL,                                                                 \
         "text: what lines that are none begin with; none"},                   \
        {"skip",                                                               \
         PE_OPTION_INT,                                                        \
         0,                                                                    \
         1e9,                                                                  \
         "0",                                                                  \
         NULL,                                                                 \
         "text: lines in front of everything"},                                \
        {"missing",                                                            \
         PE_OPTION_STRING,                                                     \
         0,                                                                    \
         0,                                                                    \
         NULL,                                                                 \
         NULL,                                                                 \
         "text: values that are none, by commas, beside NA, NaN, null"},       \
        {"time",                                                               \
         PE_OPTION_STRING,                                                     \
         0,                                                                    \
         0,                                                                    \
         NULL,                                                                 \
         NULL,                                                                 \
         "the column of a text, or the data set of HDF5, that is the clock; "  \
         "none"},                                                              \
        {"format",                                                             \
         PE_OPTION_STRING,                                                     \
         0,                                                                    \
         0,                                                                    \
         NULL,                                                                 \
         NULL,                                                                 \
         "of the clock: iso, dmy, mdy, s, ms, us, ns, or a pattern, "          \
         "%d.%m.%Y %H:%M:%S"},                                                 \
        {"zone",                                                               \
         PE_OPTION_STRING,                                                     \
         0,                                                                    \
         0,                                                                    \
         "UTC",                                                                \
         NULL,                                                                 \
         "of times that name none: UTC, +01:00"},                              \
        {"encoding",     PE_OPTION_STRING,          0, 0, "utf-8",             \
         "utf-8 latin1", "text: of names and units"},                          \
    {                                                                          \
        "bad", PE_OPTION_STRING, 0, 0, "skip", "skip stop",                    \
            "text: a row that cannot be taken is counted and left out, or is " \
            "an error"                                                         \
    }

/* What the options wish; strings are those of [o].  Errors: input, 78. */
int file_wish(const pe_options *o, table_wish *w, pe_error *errp);

#endif
