/* spread.c - where the values of a feature lie, whatever a few of them are. */
#include "spread.h"

#include <math.h>

#include "quantile.h"

struct spread spread_of(const double *x, size_t n, size_t stride, double *work)
{
    static const double shares[] = {0.9, 0.99, 1};
    struct spread s = {0};

    for (size_t i = 0; i < n; i++)
        work[i] = x[i * stride];
    s.middle = quantile_select(work, n, (n - 1) / 2);
    for (size_t i = 0; i < n; i++)
        work[i] = fabs(work[i] - s.middle);
    for (int i = 0; i < 3 && s.width == 0; i++)
        s.width =
            quantile_select(work, n, (size_t)((double)(n - 1) * shares[i]));
    return s;
}
