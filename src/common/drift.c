/* drift.c - has a series changed its mean? */
#include "drift.h"

#include <math.h>
#include <string.h>

/* --- Page and Hinkley --- */

void page_hinkley_begin(page_hinkley *p)
{
    p->n = 0;
    p->mean = p->up = p->down = 0;
    p->up_least = INFINITY;
    p->down_most = -INFINITY;
}

bool page_hinkley_take(page_hinkley *p, double x)
{
    double off;

    p->n++;
    p->mean += (x - p->mean) / (double)p->n;
    off = x - p->mean;
    p->up = p->keep * p->up + off - p->slack;
    p->down = p->keep * p->down + off + p->slack;
    p->up_least = fmin(p->up_least, p->up);
    p->down_most = fmax(p->down_most, p->down);
    return p->n >= p->least &&
           (p->up - p->up_least > p->far || p->down_most - p->down > p->far);
}

/* --- of scores --- */

#define FIRST 100 /* scores that tell the spread */
#define MOST 5.0  /* standard deviations a score counts for */
#define SLACK 0.1
#define FAR 100.0

bool drift_take(drift *d, double score)
{
    double off = score - d->mean, sd, z;
    double slack = d->slack > 0 ? d->slack : SLACK;
    double far = d->far > 0 ? d->far : FAR;

    if (d->found)
        return false;
    if (d->n >= FIRST) {
        sd = sqrt(d->square / (double)d->n);
        z = sd > 0 ? off / sd : 0;
        z = fmax(-MOST, fmin(MOST, z));
        d->up = fmax(0, d->up + z - slack);
        d->down = fmax(0, d->down - z - slack);
        d->found = d->up > far || d->down > far;
    }
    d->n++;
    d->mean += off / (double)d->n;
    d->square += off * (score - d->mean);
    return d->found;
}

/* --- ADWIN --- */

#define CLOCK 32 /* values between two looks */
#define GRACE 10 /* a window that is no longer is not looked at */
#define PART 5.0 /* least values of a part */

void adwin_begin(adwin *a, double delta)
{
    memset(a, 0, sizeof(*a));
    a->delta = delta;
    a->sizes = 1;
}

static double size_of(unsigned i)
{
    return ldexp(1, (int)i);
}

/* Squares that [n] values about [x] and [m] about [y] have about the mean of
 * all, beyond those about their own.
 */
static double between(double n, double x, double m, double y)
{
    return n * m * (x - y) * (x - y) / (n + m);
}

/* The [k] oldest counts of size [i] are gone. */
static void forget(adwin *a, unsigned i, unsigned k)
{
    a->n[i] -= k;
    memmove(a->sums[i], a->sums[i] + k, a->n[i] * sizeof(a->sums[i][0]));
    memmove(a->squares[i], a->squares[i] + k,
            a->n[i] * sizeof(a->squares[i][0]));
}

static void put(adwin *a, unsigned i, double sum, double square)
{
    a->sums[i][a->n[i]] = sum;
    a->squares[i][a->n[i]++] = square;
    if (i >= a->sizes)
        a->sizes = i + 1;
}

/* Six counts of a size: the two oldest become one of twice the size. */
static void merge(adwin *a)
{
    for (unsigned i = 0; i + 1 < ADWIN_SIZES && a->n[i] == ADWIN_EACH; i++) {
        const double *s = a->sums[i], *q = a->squares[i];
        double n = size_of(i);

        put(a, i + 1, s[0] + s[1],
            q[0] + q[1] + between(n, s[0] / n, n, s[1] / n));
        forget(a, i, 2);
    }
}

static void add(adwin *a, double x)
{
    if (a->width > 0)
        a->square += between(a->width, a->sum / a->width, 1, x);
    a->width++;
    a->sum += x;
    put(a, 0, x, 0);
    merge(a);
}

/* The oldest count leaves the window. */
static void drop(adwin *a)
{
    unsigned i = a->sizes - 1;
    double n = size_of(i), sum = a->sums[i][0];

    a->width -= n;
    a->sum -= sum;
    a->square -=
        a->squares[i][0] + between(n, sum / n, a->width, a->sum / a->width);
    forget(a, i, 1);
    while (a->sizes > 1 && a->n[a->sizes - 1] == 0)
        a->sizes--;
}

/* Do means that are [off] apart, of [n] and [m] values, differ by more than
 * chance has them?
 */
static bool is_cut(const adwin *a, double n, double m, double off)
{
    double chance = log(2 * log(a->width) / a->delta);
    double parts = 1 / (n - PART + 1) + 1 / (m - PART + 1);
    double most = sqrt(2 * parts * a->square / a->width * chance) +
                  2.0 / 3 * chance * parts;

    return fabs(off) > most;
}

/* Is there a place to cut?  Tried from the oldest on, behind every count but
 * the last of its size.
 */
static bool has_cut(const adwin *a)
{
    double n = 0, sum = 0;

    for (unsigned i = a->sizes; i-- > 0;)
        for (unsigned k = 0; k + 1 < a->n[i]; k++) {
            double m;

            n += size_of(i);
            sum += a->sums[i][k];
            m = a->width - n;
            if (n >= PART && m >= PART &&
                is_cut(a, n, m, sum / n - (a->sum - sum) / m))
                return true;
        }
    return false;
}

bool adwin_take(adwin *a, double x)
{
    bool found = false;

    add(a, x);
    if (++a->seen % CLOCK != 0 || a->width <= GRACE)
        return false;
    while (a->width > PART && has_cut(a)) {
        drop(a);
        found = true;
    }
    return found;
}
