/* overall.h - the mean and the scale of all rows there are, for `standardise`.
 */
#ifndef FUNCTION_OVERALL_H
#define FUNCTION_OVERALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/context/context.h"

/* Sums of rows that no model masks, and, once they are all in, their means and
 * scales (the population's deviation; 1 where that is 0).  Starts zeroed.
 */
typedef struct overall {
    uint32_t features; /* 0: no row yet */
    uint64_t rows, masked;
    uint64_t far; /* values left out: SPREAD_FARTHEST deviations off */
    double *room; /* columns of OVERALL_N doubles: mean, factor, ... */
    double *sample;
    size_t n_sample, cap_sample;
    uint64_t step; /* each so many rows is one of the sample */
    bool again;    /* the second look: values that are far are known */
} overall;

void overall_free(overall *w);

/* The rows of [b], in order: no sum depends on more than that.  -1: no memory,
 * or other features (input).
 */
int overall_add(overall *w, const pe_block *b, pe_error *errp);
/* Those of [from] behind ours. */
int overall_merge(overall *into, const overall *from, pe_error *errp);
/* All rows are in: 0, overall_scaling has them.  1: values of some columns are
 * an overload's, so far off that they would be the scale of all: the same rows
 * have to be added once more, without those.
 */
int overall_end(overall *w, pe_error *errp);
context_scaling overall_scaling(const overall *w);

/* As [like] is for the second look, with nothing in it. */
int overall_like(overall *w, const overall *like, pe_error *errp);

/* As bytes to be kept by others, which the caller frees, and back.  NULL, -1:
 * no memory; they are none.
 */
void *overall_encode(const overall *w, size_t *lenp, pe_error *errp);
int overall_decode(overall *w, const void *data, size_t len, pe_error *errp);

/* The source, or a stage behind it. */
typedef struct overall_step {
    const pe_function *ops;
    context_setup setup; /* as it is opened, but for who it is */
    bool cloud;          /* process_cloud */
} overall_step;

/* Can it be known what a `standardise` behind these [n] steps will get?  NULL:
 * yes; else why not, in words.
 */
const char *overall_lacks(const overall_step *step, size_t n);
/* Does stage [ops], with [o], ask for all rows? */
bool overall_asked(const pe_function *ops, const pe_options *o);

/* Read the source to its end, through the steps behind it, without a word to
 * anybody, and sum up what comes out.  -1: an error of them, or, with class
 * none, [cancelled] came in between.
 */
int overall_read(const overall_step *step, size_t n,
                 const atomic_int *cancelled, overall *w, pe_error *errp);

/* What is said where it is not that, with why. */
#define OVERALL_LEARNS                                                         \
    "learns the mean and scale from the rows that have come so far, so early " \
    "rows are scaled otherwise than late ones: %s"

/* What was found, for people: "mean and scale of all 10,000 rows of PATH". */
void overall_words(const overall *w, const char *path, char *out, size_t cap);

#endif
