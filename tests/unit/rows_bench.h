/* rows_bench.h - a function that works on the rows of blocks, under test. */
#ifndef TESTS_UNIT_ROWS_BENCH_H
#define TESTS_UNIT_ROWS_BENCH_H

#include <stdbool.h>

#include "src/function/host.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A model, where there is one: scores are the first column. */
extern pe_model model;
extern bool have_model;

typedef struct bench {
    function *fn;
    pe_options *options;
    pe_context *ctx;
    pe_block in, out;
} bench;

/* [options] is "NAME=VALUE;NAME=VALUE".  The answer of the open hook. */
int bench_open(bench *b, const char *name, const char *options);
void bench_close(bench *b);
/* Give [values] to the function, as device or as rank. */
int feed(bench *b, const double *values, uint32_t points, uint32_t features,
         enum pe_dtype dtype);
/* Everything a block says of itself is what it was. */
void check_origin(const bench *b);
bool same(double a, double b);
void check_out(const bench *b, const double *want, uint32_t points,
               uint32_t features);

#endif
