/* quantile.h - the threshold that a share of the scores exceeds. */
#ifndef MODEL_QUANTILE_H
#define MODEL_QUANTILE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Scores are counted in buckets, 64 a doubling, each at most 1.6% wide.  There
 * are buckets for 64 doublings; those of any other doubling of a float are the
 * ones of a doubling 2^64 or 2^128 times away.  The usual doublings are those
 * from 2^-31 to 2^33; points in another are counted a second time, in the lane
 * of that doubling, so each doubling's count is known, and only where two of
 * one set of buckets hold points is their place inside it a mixture.  Nothing
 * depends on what was seen first: lanes of anybody may be added.
 */
#define QUANTILE_PER_DOUBLING 64
#define QUANTILE_FINE (64 * QUANTILE_PER_DOUBLING)
#define QUANTILE_LANES (QUANTILE_FINE + 256)
#define QUANTILE_USUAL 96u /* exponent of the first usual doubling */

/* Count [score], which is not NaN; one below 0 is taken as 0. */
static inline void quantile_count(int64_t *lanes, float score)
{
    uint32_t bits, doubling;

    memcpy(&bits, &score, sizeof(bits));
    doubling = bits >> 23;
    if (doubling - QUANTILE_USUAL >= 64) {
        doubling = doubling > 255 ? 0 : doubling;
        lanes[QUANTILE_FINE + doubling]++;
        if (doubling == 0) /* 0, or next to it: no bucket */
            return;
    }
    /* The lowest bits of the exponent, then the highest of the mantissa. */
    lanes[bits >> 17 & (QUANTILE_FINE - 1)]++;
}

/* Add [from] to [lanes], when not NULL; how many points they count then. */
int64_t quantile_add(int64_t *lanes, const int64_t *from);

/* Score that a [share] of the [total] counted ones exceeds, interpolated inside
 * its bucket; NaN when nothing is counted.  A bucket that alone holds more than
 * the share is taken as ties, which are never above the threshold.
 */
double quantile_threshold(const int64_t *lanes, int64_t total, double share);

/* Halve the lanes until the [total] they count is at most 2 x [window]; it is
 * halved exactly, whatever the lanes are, and returned.
 */
int64_t quantile_trim(int64_t *lanes, int64_t total, int64_t window);

/* Percentile [q] in [0, 1] of [n] values as numpy's default ("linear") has
 * it; reorders [v].  NaN when n is 0.
 */
double pe_quantile_exact(double *v, size_t n, double q);

#endif
