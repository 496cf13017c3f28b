/* said.h - what a record says of its rows beside their values, as numbers. */
#ifndef ANSWER_SAID_H
#define ANSWER_SAID_H

#include <stdbool.h>

#include "src/source/source.h"

/* Starts zeroed; its room is used again. */
typedef struct said {
    bool timed; /* times[points]: when each row was, 0: not known */
    int64_t *times;
    uint32_t cap_times;
    bool scaled; /* sensed = shift + scale x value, features of each */
    double *shift, *scale;
    uint32_t cap_scale;
} said;

/* Of the block [b]; what cannot be read as it should be is as good as not
 * there, and *badp counts it.  Errors: no memory.
 */
int said_take(said *s, const source_said *from, const pe_block *b,
              uint64_t *badp, pe_error *errp);
void said_free(said *s);

/* The [n] values of row [i] of [b] as they were sensed into [to]; those beyond
 * what it has are NaN.  A row that models mask was not scaled.
 */
void said_values(const said *s, const pe_block *b, uint32_t i, uint32_t n,
                 double *to);

#endif
