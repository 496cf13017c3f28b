/* bins.h - figures over time, in bounded memory, whatever order they come in.
 */
#ifndef PAGE_BINS_H
#define PAGE_BINS_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

/* Steps of a picture.  When a time lies outside of what they cover, each two
 * become one: so there are at least half as many as PAGE_BINS over the time
 * that was seen.
 */
#define PAGE_BINS 240

/* Each bin is [lanes] sums, and whatever else the caller keeps in [kept]
 * places of the same number, which are joined by [join].  Starts zeroed but
 * for these.
 */
typedef struct bins {
    int lanes;
    void (*join)(void *arg, int into, int from); /* place [from] is added to
                                                    [into], and emptied; NULL:
                                                    nothing is kept */
    void *arg;
    double *sum;               /* PAGE_BINS x lanes */
    int64_t base_ns;           /* where bin 0 begins */
    int64_t step_ns;           /* 0: nothing was seen yet */
    int64_t first_ns, last_ns; /* the first and the last time seen */
} bins;

int bins_open(bins *b, int lanes, int64_t step_ns, pe_error *errp);
void bins_close(bins *b);

/* The bin of time [at_ns]; never fails. */
int bins_at(bins *b, int64_t at_ns);

/* Spread [amount] of lane [lane] evenly over [from_ns, to_ns). */
void bins_spread(bins *b, int lane, int64_t from_ns, int64_t to_ns,
                 double amount);

/* Sums of bin [i]. */
double *bins_row(const bins *b, int i);

/* When bin [i] begins. */
int64_t bins_start_ns(const bins *b, int i);

/* First and last bin that holds a time that was seen; false: none does. */
bool bins_range(const bins *b, int *firstp, int *lastp);

/* How much of these two lies between the first and the last time that was seen,
 * 0 to 1: what stands in them is of no more time than that.
 */
void bins_parts(const bins *b, double *firstp, double *lastp);

#endif
