/* quantile.h - the threshold that a share of the scores exceeds. */
#ifndef MODEL_QUANTILE_H
#define MODEL_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

/* Scores are counted in buckets: 64 a doubling over 40 doublings, one bucket
 * below and one above.  A bucket is at most 1.6% wide.  The doublings are
 * 2^(anchor-20) to 2^(anchor+20), so that the unit of the features does not
 * matter.  Counts are plain int64 lanes: those of one anchor may be added.
 */
#define QUANTILE_PER_DOUBLING 64
#define QUANTILE_DOUBLINGS 40
#define QUANTILE_LANES (QUANTILE_PER_DOUBLING * QUANTILE_DOUBLINGS + 2)

/* Anchor for scores around [score]: its exponent, 0 for a score of 0 and
 * never so far out that a bucket would leave the range of float.
 */
int quantile_anchor(float score);

/* Bucket of [score] >= 0. */
size_t quantile_bucket(float score, int anchor);

/* Smallest score of [bucket]; the one behind the last starts at infinity. */
double quantile_edge(size_t bucket, int anchor);

/* Score that a [share] of the counted ones exceeds, interpolated inside its
 * bucket; NaN when nothing is counted.  A bucket that alone holds more than
 * the share is taken as ties, which are never above the threshold.
 */
double quantile_threshold(const int64_t *lanes, int anchor, double share);

/* Halve the lanes until their total is at most 2 x [window]; the total is
 * halved exactly, whatever the lanes are.
 */
void quantile_trim(int64_t *lanes, int64_t window);

/* The value of rank [k] < n, which is v[k] then: none larger is in front of
 * it and none smaller behind.
 */
double quantile_select(double *v, size_t n, size_t k);

/* Percentile [q] in [0, 1] of [n] values as numpy's default ("linear") has
 * it; reorders [v].  NaN when n is 0.
 */
double pe_quantile_exact(double *v, size_t n, double q);

#endif
