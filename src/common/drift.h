/* drift.h - has a series changed its mean?  Page and Hinkley; ADWIN. */
#ifndef COMMON_DRIFT_H
#define COMMON_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

/* --- Page and Hinkley --- */

/* How far values lie off the mean of those before them, less [slack], adds up
 * both ways; more than [far] above its least is a change.  The sums are times
 * [keep] with each value; before [least] values nothing is found.  What is not
 * said is 0: page_hinkley_begin begins anew with the first four.
 */
typedef struct page_hinkley {
    double slack, far, keep;
    uint64_t least;
    uint64_t n;
    double mean;            /* of the n values */
    double up, up_least;    /* sum of what lies above it, and its least */
    double down, down_most; /* ... of what lies below */
} page_hinkley;

void page_hinkley_begin(page_hinkley *p);
/* True: with this value, which is finite, there is a change.  The next one is
 * the first of a new series.
 */
bool page_hinkley_take(page_hinkley *p, double x);

/* --- of scores --- */

/* Each score is taken as so many standard deviations off the mean of those
 * before it, 5 at most, so that outliers alone are no drift; what goes beyond
 * 0.1 of them adds up, both ways, and 100 of it is a drift.  Of independent
 * scores that comes about once in 10^9.  Zeroed at its start.
 */
typedef struct drift {
    uint64_t n;
    double mean, square; /* of what was seen: Welford's */
    double up, down;     /* beyond the mean, and below it */
    double slack, far;   /* in place of 0.1 and 100; 0: those */
    bool found;
} drift;

/* True once: with this [score], which is finite, the drift is found. */
bool drift_take(drift *d, double score);

/* --- ADWIN --- */

/* Bifet and Gavalda: the window of what was seen is cut where the means of its
 * two parts differ by more than chance, of probability [delta], would have
 * them.  It is kept as counts of 1, 2, 4, ... values: up to six of each.
 */
#define ADWIN_SIZES 40
#define ADWIN_EACH 6

typedef struct adwin {
    double delta;
    uint64_t seen;
    double width, sum, square; /* of the window: values, sum, squares about
                                  its mean */
    unsigned sizes;            /* that are in use */
    unsigned n[ADWIN_SIZES];   /* counts of 2^i values, the oldest first */
    double sums[ADWIN_SIZES][ADWIN_EACH];
    double squares[ADWIN_SIZES][ADWIN_EACH];
} adwin;

void adwin_begin(adwin *a, double delta);
/* True: with this value, which is finite, the window was cut; it is looked at
 * with each 32nd.
 */
bool adwin_take(adwin *a, double x);

#endif
