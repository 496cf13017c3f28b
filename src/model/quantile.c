/* quantile.c - the threshold that a share of the scores exceeds. */
#include "quantile.h"

#include <float.h>
#include <math.h>

#include "src/common/spread.h"

/* The buckets of [doubling]. */
static const int64_t *buckets(const int64_t *lanes, uint32_t doubling)
{
    return lanes + doubling % 64 * QUANTILE_PER_DOUBLING;
}

static int64_t sum(const int64_t *lanes, size_t n)
{
    int64_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += lanes[i];
    return total;
}

int64_t quantile_add(int64_t *lanes, const int64_t *from)
{
    if (from)
        for (size_t i = 0; i < QUANTILE_LANES; i++)
            lanes[i] += from[i];
    /* Points that have no bucket are those next to 0. */
    return sum(lanes, QUANTILE_FINE + 1);
}

/* Points in [doubling]: of a usual one all that no other counts as its own.
 * What trimming has rounded may be a point too many.
 */
static int64_t count_of(const int64_t *lanes, uint32_t doubling)
{
    const int64_t *own = lanes + QUANTILE_FINE;
    int64_t n;

    if (doubling - QUANTILE_USUAL >= 64)
        return own[doubling];
    n = sum(buckets(lanes, doubling), QUANTILE_PER_DOUBLING);
    for (uint32_t d = doubling % 64; d < 256; d += 64)
        n -= d && d != doubling ? own[d] : 0;
    return n > 0 ? n : 0;
}

static double between(double low, double high, double rank, double count,
                      double ties)
{
    if (high > (double)FLT_MAX)
        return low;
    return count > ties ? high : low + (high - low) * rank / count;
}

/* Value at [rank] of the [count] scores of [doubling]. */
static double inside(const int64_t *lanes, uint32_t doubling, double rank,
                     double count, double ties)
{
    const int64_t *n = buckets(lanes, doubling);
    double least = doubling ? ldexp(1, (int)doubling - 127) : 0;
    double step = least / QUANTILE_PER_DOUBLING, share;

    if (doubling == 0)
        return between(0, (double)FLT_MIN, rank, count, ties);
    /* Of what the buckets hold this much is this doubling's. */
    share = count / (double)sum(n, QUANTILE_PER_DOUBLING);
    for (int i = 0; i < QUANTILE_PER_DOUBLING; i++) {
        double here = (double)n[i] * share, low = least + i * step;

        if (here > 0 && rank <= here)
            return between(low, low + step, rank, here, ties);
        rank -= here;
    }
    return fmin(2 * least, (double)FLT_MAX);
}

double quantile_threshold(const int64_t *lanes, int64_t total, double share)
{
    double rank = (1 - share) * (double)total;

    if (total <= 0)
        return NAN;
    for (uint32_t d = 0; d < 256; d++) {
        double count = (double)count_of(lanes, d);

        if (count > 0 && rank <= count)
            return inside(lanes, d, rank, count, share * (double)total);
        rank -= count;
    }
    return (double)FLT_MAX;
}

/* A half that is lost in one lane counts in the next. */
static void halve(int64_t *lanes, size_t n)
{
    int64_t carry = 0;

    for (size_t i = 0; i < n; i++) {
        int64_t all = lanes[i] + carry;

        lanes[i] = all / 2;
        carry = all % 2;
    }
}

int64_t quantile_trim(int64_t *lanes, int64_t total, int64_t window)
{
    for (; total / 2 > window; total /= 2) {
        halve(lanes, QUANTILE_FINE + 1);
        halve(lanes + QUANTILE_FINE + 1, 255);
    }
    return total;
}

double pe_quantile_exact(double *v, size_t n, double q)
{
    if (n == 0)
        return NAN;

    double rank = (double)(n - 1) * q, next;
    size_t low = (size_t)rank;

    spread_select(v, n, low);
    next = low + 1 < n ? v[low + 1] : v[low];
    for (size_t i = low + 1; i < n; i++)
        next = v[i] < next ? v[i] : next;

    double t = rank - (double)low;
    double step = next - v[low];

    /* From the nearer end, as numpy does: exact at both. */
    return t < 0.5 ? v[low] + step * t : next - step * (1 - t);
}
