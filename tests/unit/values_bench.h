/* values_bench.h - a pass over records that say something of their rows. */
#ifndef TESTS_UNIT_VALUES_BENCH_H
#define TESTS_UNIT_VALUES_BENCH_H

#include <stdbool.h>

#include "src/answer/answer.h"
#include "src/answer/pass.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { PARTS = 2, BLOCKS = 12, POINTS = 10, D = 3 };

/* What the records of the test say of their rows. */
extern struct say {
    const char *times, *scale, *columns, *others; /* of the second partition */
    bool asked;  /* the source is asked, and no header says it */
    int points;  /* of a block, 0: POINTS */
    bool files;  /* they are rows of a file */
    bool masked; /* value 1 of each block's row 3 is infinite */
} say;

typedef struct wish {
    uint64_t bytes;
    int threads;
    bool standardised;
    const double *widths;
    const pipeline *pl; /* NULL: without stages */
    const char *what;   /* a file's name */
} wish;

/* Value [k] of row [i] of a block. */
double value(int32_t part, int64_t block, uint32_t i, uint32_t k);
/* Of columns whose spreads are as [widths] apart. */
pe_buffer make_model(const double widths[D]);
/* Answers into [a]; the caller closes them. */
void pass(const wish *w, answers *a);
/* The notes of [a], a line each. */
const char *notes_of(const answers *a);
/* All of [a] have the values that were sensed: shift + scale x value. */
void check_values(const answers *a, const double shift[D],
                  const double scale[D]);

#endif
