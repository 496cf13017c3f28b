/* histogram.h - latency histogram with logarithmic buckets, mergeable. */
#ifndef COMMON_HISTOGRAM_H
#define COMMON_HISTOGRAM_H

#include <stdint.h>

/* Values are nanoseconds from 0 to about 39 hours; 32 buckets per doubling,
 * so a percentile is at most 3.2% off.  Plain memory: it may be zeroed, copied
 * and, as an array of HISTOGRAM_LANES int64 (add all but the last lane, take
 * the largest of the last), merged over MPI.
 */
#define HISTOGRAM_BUCKETS 1376
#define HISTOGRAM_LANES (HISTOGRAM_BUCKETS + 2)

typedef struct histogram {
    int64_t bucket[HISTOGRAM_BUCKETS];
    int64_t negative; /* values below 0 (clocks that disagree); not in n */
    int64_t max_ns;
} histogram;

void histogram_add(histogram *h, int64_t ns);
void histogram_add_n(histogram *h, int64_t ns, int64_t n);
void histogram_merge(histogram *into, const histogram *from);
int64_t histogram_count(const histogram *h);

/* Value at [q] in [0, 1] in milliseconds (upper edge of its bucket, never
 * above the largest value added); 0 when empty.
 */
double histogram_quantile_ms(const histogram *h, double q);

#endif
