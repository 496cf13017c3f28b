/* spread.c - where the values of a feature lie, whatever a few of them are. */
#include "spread.h"

#include <math.h>

/* Hoare's quickselect. */
double spread_select(double *v, size_t n, size_t k)
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

struct spread spread_of(const double *x, size_t n, size_t stride, double *work)
{
    static const double shares[] = {0.9, 0.99, 1};
    struct spread s = {0};

    for (size_t i = 0; i < n; i++)
        work[i] = x[i * stride];
    s.middle = spread_select(work, n, (n - 1) / 2);
    for (size_t i = 0; i < n; i++)
        work[i] = fabs(work[i] - s.middle);
    for (int i = 0; i < 3 && s.width == 0; i++)
        s.width = spread_select(work, n, (size_t)((double)(n - 1) * shares[i]));
    return s;
}
