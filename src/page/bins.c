/* bins.c - figures over time: bins that grow with the time they cover. */
#include "bins.h"

#include <stdlib.h>
#include <string.h>

int bins_open(bins *b, int lanes, int64_t step_ns, pe_error *errp)
{
    memset(b, 0, sizeof(*b));
    b->lanes = lanes;
    b->step_ns = step_ns;
    b->sum = calloc((size_t)PAGE_BINS * (size_t)lanes, sizeof(*b->sum));
    return b->sum ? 0 : pe_error_nomem(errp);
}

void bins_close(bins *b)
{
    free(b->sum);
    memset(b, 0, sizeof(*b));
}

double *bins_row(const bins *b, int i)
{
    return b->sum + (size_t)i * (size_t)b->lanes;
}

int64_t bins_start_ns(const bins *b, int i)
{
    return b->base_ns + i * b->step_ns;
}

static void move(bins *b, int into, int from)
{
    double *to = bins_row(b, into), *of = bins_row(b, from);

    for (int k = 0; k < b->lanes; k++) {
        to[k] += of[k];
        of[k] = 0;
    }
    if (b->join)
        b->join(b->arg, into, from);
}

/* Each two become one; with [later], the room that comes free is in front. */
static void halve(bins *b, bool later)
{
    for (int i = 0; i < PAGE_BINS / 2; i++) {
        int into = later ? PAGE_BINS - 1 - i : i;
        int far = later ? PAGE_BINS - 2 - 2 * i : 2 * i + 1;
        int near = later ? far + 1 : far - 1;
        if (near != into)
            move(b, into, near);
        if (far != into)
            move(b, into, far);
    }
    if (later)
        b->base_ns -= b->step_ns * PAGE_BINS;
    b->step_ns *= 2;
}

/* Stamps of a damaged trace may be any numbers; what is no time of this world
 * goes to its edge, where sums still have room (0 is for nothing seen).
 */
static int64_t sane(int64_t ns)
{
    return ns < 1 ? 1 : ns > INT64_MAX / 4 ? INT64_MAX / 4 : ns;
}

int bins_at(bins *b, int64_t at_ns)
{
    at_ns = sane(at_ns);
    if (b->first_ns == 0 && b->last_ns == 0) {
        b->base_ns = at_ns - at_ns % b->step_ns;
        b->first_ns = b->last_ns = at_ns;
    }
    if (at_ns < b->first_ns)
        b->first_ns = at_ns;
    if (at_ns > b->last_ns)
        b->last_ns = at_ns;
    while (at_ns < b->base_ns)
        halve(b, true);
    while ((at_ns - b->base_ns) / b->step_ns >= PAGE_BINS)
        halve(b, false);
    return (int)((at_ns - b->base_ns) / b->step_ns);
}

void bins_spread(bins *b, int lane, int64_t from_ns, int64_t to_ns,
                 double amount)
{
    double whole;
    int first, last;

    from_ns = sane(from_ns);
    to_ns = sane(to_ns);
    whole = (double)(to_ns - from_ns);
    if (to_ns <= from_ns) {
        bins_row(b, bins_at(b, from_ns))[lane] += amount;
        return;
    }
    bins_at(b, from_ns);
    last = bins_at(b, to_ns - 1);
    first = bins_at(b, from_ns); /* where it is by now */
    for (int i = first; i <= last; i++) {
        int64_t start = b->base_ns + i * b->step_ns, end = start + b->step_ns;
        start = start > from_ns ? start : from_ns;
        end = end < to_ns ? end : to_ns;
        bins_row(b, i)[lane] += amount * (double)(end - start) / whole;
    }
}

bool bins_range(const bins *b, int *firstp, int *lastp)
{
    if (b->first_ns == 0 && b->last_ns == 0)
        return false;
    *firstp = (int)((b->first_ns - b->base_ns) / b->step_ns);
    *lastp = (int)((b->last_ns - b->base_ns) / b->step_ns);
    return true;
}

void bins_parts(const bins *b, double *firstp, double *lastp)
{
    int64_t into = (b->first_ns - b->base_ns) % b->step_ns,
            last = (b->last_ns - b->base_ns) % b->step_ns;

    *firstp = 1 - (double)into / (double)b->step_ns;
    *lastp = (double)last / (double)b->step_ns;
}
