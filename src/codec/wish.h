/* wish.h - the options that say how records of others are read. */
#ifndef CODEC_WISH_H
#define CODEC_WISH_H

#include <pilot/options.h>

#include "src/codec/codec.h"

/* Rows of a table of options. */
#define CODEC_OPTIONS                                                       \
    {"codec",                                                               \
     PE_OPTION_STRING,                                                      \
     0,                                                                     \
     0,                                                                     \
     "auto",                                                                \
     CODEC_NAMES,                                                           \
     "of records of others; auto: each is known by its first bytes"},       \
        {"columns",                                                         \
         PE_OPTION_STRING,                                                  \
         0,                                                                 \
         0,                                                                 \
         NULL,                                                              \
         NULL,                                                              \
         "of theirs: what to learn from, in order: names, paths as a.b, "   \
         "numbers and ranges of what has no names"},                        \
        {"time",                                                            \
         PE_OPTION_STRING,                                                  \
         0,                                                                 \
         0,                                                                 \
         NULL,                                                              \
         NULL,                                                              \
         "of theirs: which is the clock; none"},                            \
        {"rows",                                                            \
         PE_OPTION_STRING,                                                  \
         0,                                                                 \
         0,                                                                 \
         NULL,                                                              \
         NULL,                                                              \
         "of arrays in theirs: the axis that counts rows, from 0; record: " \
         "each record is one row"},                                         \
        {"frames",                                                          \
         PE_OPTION_BOOL,                                                    \
         0,                                                                 \
         0,                                                                 \
         "false",                                                           \
         NULL,                                                              \
         "of arrays in theirs: all behind the first axis is one row"},      \
        {"delimiter",                                                       \
         PE_OPTION_STRING,                                                  \
         0,                                                                 \
         0,                                                                 \
         "auto",                                                            \
         "auto comma semicolon tab space pipe , ; |",                       \
         "of lines of text: what stands between fields"},                   \
    {                                                                       \
        "decimal", PE_OPTION_STRING, 0, 0, "point", "point comma . ,",      \
            "of lines of text: the decimal mark"                            \
    }

/* A table of these alone. */
extern const pe_option_spec codec_options[];

/* What the options wish; strings are those of [o]. */
codec_wish codec_wish_of(const pe_options *o);

/* Room for any name that is shown, as a line of a file has it. */
#define CODEC_LINE_MAX (4 * CODEC_NAME_MAX + 8)

/* [name] (less than CODEC_NAME_MAX bytes) as it stands between the quotes of
 * `columns: "..."`, in a list, or (! listed) of `time: "..."`; into [out] of
 * CODEC_LINE_MAX bytes, which is returned.
 */
const char *codec_wish_name(const char *name, bool listed, char *out);

/* Call [visit] for each that was given, as it was. */
void codec_wish_each(const pe_options *o,
                     void (*visit)(void *arg, const char *name,
                                   const char *text),
                     void *arg);

#endif
