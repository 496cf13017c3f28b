/* top.h - the rows with the highest scores, with their values. */
#ifndef ANSWER_TOP_H
#define ANSWER_TOP_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* What is kept of one row. */
typedef struct top_row {
    float score;
    int32_t lane; /* where its row is: of which part, ... */
    uint64_t at;  /* ... the number */
    size_t slot;  /* of its values */
} top_row;

/* A heap, the lowest first.  Starts zeroed but for [most]. */
typedef struct top {
    size_t most; /* rows to be kept */
    uint32_t n_values;
    size_t n;
    top_row *row;   /* most */
    double *values; /* most x n_values, by slot */
} top;

/* Room for [most] rows of [n_values]; -1: no memory. */
int top_open(top *t, size_t most, uint32_t n_values, pe_error *errp);
void top_free(top *t);

/* Would a row of that score and place be kept?  Of equal scores the earlier
 * row counts as higher, so that what is kept does not depend on who came
 * first.
 */
int top_wants(const top *t, float score, int32_t lane, uint64_t at);
/* Keep it, in the place of the lowest where there is no room.  Returns its
 * n_values values to be filled in.
 */
double *top_take(top *t, float score, int32_t lane, uint64_t at);
/* Keep what [from] has. */
void top_merge(top *t, const top *from);
/* Highest first; nothing is taken afterwards. */
void top_sort(top *t);

#endif
