/* speed.c - how fast a core of this host is, beside one of another. */
#include "speed.h"

#include <stdint.h>

#include "src/common/clock.h"

enum { RUNS = 8, STEPS = 50000 };

double speed_of_core(void)
{
    volatile double keep = 0.5;
    int64_t best = INT64_MAX;

    for (int i = 0; i < RUNS; i++) {
        int64_t from = clock_mono_ns(), ns;
        double x = keep;

        for (int k = 0; k < STEPS; k++)
            x = x * 0.999999 + 1e-6;
        keep = x;
        ns = clock_mono_ns() - from;
        best = ns > 0 && ns < best ? ns : best;
    }
    return 1e3 * STEPS / (double)best;
}
