/* drift.h - has a series of scores changed its mean?  Page and Hinkley. */
#ifndef ANSWER_DRIFT_H
#define ANSWER_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

/* Each score is taken as so many standard deviations off the mean of those
 * before it, 5 at most, so that outliers alone are no drift; what goes beyond
 * 0.1 of them adds up, both ways, and 100 of it is a drift.  Of independent
 * scores that comes about once in 10^9.
 */
typedef struct drift {
    uint64_t n;
    double mean, square; /* of what was seen: Welford's */
    double up, down;     /* beyond the mean, and below it */
    bool found;
} drift;

/* True once: with this [score], which is finite, the drift is found. */
bool drift_take(drift *d, float score);

#endif
