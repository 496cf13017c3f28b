/* source_bench.h - a built-in source under test. */
#ifndef TESTS_SOURCE_BENCH_H
#define TESTS_SOURCE_BENCH_H

#include <stdatomic.h>

#include "src/function/host.h"

/* What was logged since the program began, or this was cleared. */
extern char source_log[2048];

typedef struct source_bench {
    const pe_function *ops;
    pe_options *options;
    pe_context *ctx;
    context_setup setup;
    atomic_int cancelled;
    pe_block out;
    pe_error error;
} source_bench;

/* Source [name], of one device with blocks of 4 points; its setup may be
 * changed before it is opened.
 */
void source_init(source_bench *b, const char *name);
void source_set(source_bench *b, const char *name, const char *value);
int source_open(source_bench *b);
/* The next block, PE_AGAIN left out. */
int source_next(source_bench *b);
void source_end(source_bench *b);

/* Path of file [name] of tests/data/[folder]; the caller frees. */
char *source_stored(const char *folder, const char *name);
/* "NAME=VALUE NAME=VALUE" as options. */
void source_set_words(source_bench *b, const char *words);
/* All rows that are left, "1 2 3;4 5 6;", or the error. */
void source_read_all(source_bench *b, char *out, size_t cap);

/* What files [name] of tests/data/[folder] give with [options], and a part of
 * what is logged: blocks of [points], 0: of one to five, in turns.
 */
typedef struct source_rows {
    const char *name, *options, *rows, *said;
} source_rows;
void source_rows_check(const char *folder, uint32_t points,
                       const source_rows *table, size_t n);
/* The rows that most of these files have, and those of their cubes. */
#define SOURCE_ROWS "0 1 2;10 11 12;20 21 22;30 31 32;40 41 42;"
#define SOURCE_CUBE                                                   \
    "0 1 2 3 4 5;10 11 12 13 14 15;20 21 22 23 24 25;30 31 32 33 34 " \
    "35;40 41 42 43 44 45;"

/* Run [tests] with a scratch folder and the log kept; the exit status. */
struct unit_test;
int source_main(const char *name, const struct unit_test *tests);

#endif
