/* spread.h - where the values of a feature lie, whatever a few of them are. */
#ifndef COMMON_SPREAD_H
#define COMMON_SPREAD_H

#include <stddef.h>

/* An instrument that is overloaded gives 1e8, 2147483647 or 9.9e37 among its
 * readings: a mean or a deviation of such values says nothing about the rest.
 */
struct spread {
    double middle; /* the median; of two the lower */
    double width;  /* from it to nine in ten of the values; where those are all
                      the same, to 99 in 100, then to the farthest; 0 where
                      the feature does not move */
};

/* A value this many deviations off is an overload, and no part of a scale. */
#define SPREAD_FARTHEST 1e4

/* Of n > 0 finite values, [stride] apart.  [work] has room for n. */
struct spread spread_of(const double *x, size_t n, size_t stride, double *work);

/* The value of rank [k] < n, which is v[k] then: none larger is in front of
 * it and none smaller behind.
 */
double spread_select(double *v, size_t n, size_t k);

#endif
