/* histogram.c - latency histogram with logarithmic buckets, mergeable. */
#include "histogram.h"

#include <math.h>

/* Values below 2^SUB_BITS have a bucket each; above, every doubling is cut
 * into 2^SUB_BITS buckets.
 */
#define SUB_BITS 5
#define SUB (1 << SUB_BITS)

static int bucket_of(int64_t ns)
{
    if (ns < SUB)
        return (int)ns;
    int shift = 63 - __builtin_clzll((unsigned long long)ns) - SUB_BITS;
    int64_t index = ((int64_t)shift << SUB_BITS) + (ns >> shift);
    return index < HISTOGRAM_BUCKETS ? (int)index : HISTOGRAM_BUCKETS - 1;
}

static int64_t bucket_upper(int index)
{
    if (index < 2 * SUB)
        return index;
    int shift = (index >> SUB_BITS) - 1;
    int64_t sub = (index & (SUB - 1)) + SUB;
    return ((sub + 1) << shift) - 1;
}

void histogram_add(histogram *h, int64_t ns)
{
    histogram_add_n(h, ns, 1);
}

void histogram_add_n(histogram *h, int64_t ns, int64_t n)
{
    if (n <= 0)
        return;
    if (ns < 0) {
        h->negative += n;
        return;
    }
    h->bucket[bucket_of(ns)] += n;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

void histogram_merge(histogram *into, const histogram *from)
{
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
    into->negative += from->negative;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
}

int64_t histogram_count(const histogram *h)
{
    int64_t n = 0;

    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        n += h->bucket[i];
    return n;
}

/* The last bucket also holds everything beyond it, so its edge is the
 * largest value.
 */
static int64_t quantile_ns(const histogram *h, int64_t rank)
{
    int64_t seen = 0;

    for (int i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += h->bucket[i];
        if (seen >= rank) {
            int64_t upper = bucket_upper(i);
            return upper < h->max_ns ? upper : h->max_ns;
        }
    }
    return h->max_ns;
}

double histogram_quantile_ms(const histogram *h, double q)
{
    int64_t n = histogram_count(h);

    if (n == 0)
        return 0;
    int64_t rank = (int64_t)ceil(q * (double)n);
    return (double)quantile_ns(h, rank < 1 ? 1 : rank) / 1e6;
}
