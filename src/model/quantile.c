/* quantile.c - the threshold that a share of the scores exceeds. */
#include "quantile.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bits of a positive float are its exponent, then its mantissa: above
 * these lowest ones they count the buckets, 64 a doubling.
 */
#define BUCKET_SHIFT 17

#define BIAS 127
#define BELOW (QUANTILE_DOUBLINGS / 2)

/* Number of the bucket, counted from a score of 0, that lane 1 stands for. */
static uint32_t first_bucket(int anchor)
{
    return (uint32_t)(BIAS + anchor - BELOW) * QUANTILE_PER_DOUBLING;
}

int quantile_anchor(float score)
{
    int e = 0;

    if (score > 0 && isfinite(score))
        frexpf(score, &e);
    e = e < BELOW - BIAS ? BELOW - BIAS : e;
    return e > BIAS - BELOW ? BIAS - BELOW : e;
}

size_t quantile_bucket(float score, int anchor)
{
    uint32_t bits;

    memcpy(&bits, &score, sizeof(bits));
    int64_t b = (int64_t)(bits >> BUCKET_SHIFT) - first_bucket(anchor) + 1;
    if (b < 0)
        return 0;
    return b < QUANTILE_LANES ? (size_t)b : QUANTILE_LANES - 1;
}

double quantile_edge(size_t bucket, int anchor)
{
    uint32_t bits;
    float edge;

    if (bucket == 0)
        return 0;
    if (bucket >= QUANTILE_LANES)
        return INFINITY;
    bits = (first_bucket(anchor) + (uint32_t)bucket - 1) << BUCKET_SHIFT;
    memcpy(&edge, &bits, sizeof(edge));
    return edge;
}

static int64_t lanes_total(const int64_t *lanes)
{
    int64_t total = 0;

    for (size_t i = 0; i < QUANTILE_LANES; i++)
        total += lanes[i];
    return total;
}

/* Value at [rank] of the [count] scores of [bucket]. */
static double inside(size_t bucket, int anchor, double rank, double count,
                     double ties)
{
    double low = quantile_edge(bucket, anchor);
    double high = quantile_edge(bucket + 1, anchor);

    if (high > FLT_MAX)
        return low;
    return count > ties ? high : low + (high - low) * rank / count;
}

double quantile_threshold(const int64_t *lanes, int anchor, double share)
{
    double total = (double)lanes_total(lanes);
    double rank = (1 - share) * total;

    if (total <= 0)
        return NAN;
    for (size_t i = 0; i < QUANTILE_LANES; i++) {
        double count = (double)lanes[i];
        if (count > 0 && rank <= count)
            return inside(i, anchor, rank, count, share * total);
        rank -= count;
    }
    return quantile_edge(QUANTILE_LANES - 1, anchor);
}

void quantile_trim(int64_t *lanes, int64_t window)
{
    for (int64_t total = lanes_total(lanes); total / 2 > window; total /= 2) {
        int64_t carry = 0;

        /* A half that is lost in one lane counts in the next. */
        for (size_t i = 0; i < QUANTILE_LANES; i++) {
            int64_t n = lanes[i] + carry;
            lanes[i] = n / 2;
            carry = n % 2;
        }
    }
}

/* Hoare's quickselect. */
double quantile_select(double *v, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;

    while (low < high) {
        double pivot = v[low + (high - low) / 2];
        size_t i = low, j = high;

        for (;;) {
            while (v[i] < pivot)
                i++;
            while (pivot < v[j])
                j--;
            if (i >= j)
                break;
            double swap = v[i];
            v[i++] = v[j];
            v[j--] = swap;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return v[k];
}

double pe_quantile_exact(double *v, size_t n, double q)
{
    if (n == 0)
        return NAN;

    double rank = (double)(n - 1) * q, next;
    size_t low = (size_t)rank;

    quantile_select(v, n, low);
    next = low + 1 < n ? v[low + 1] : v[low];
    for (size_t i = low + 1; i < n; i++)
        next = v[i] < next ? v[i] : next;

    double t = rank - (double)low;
    double step = next - v[low];

    /* From the nearer end, as numpy does: exact at both. */
    return t < 0.5 ? v[low] + step * t : next - step * (1 - t);
}
