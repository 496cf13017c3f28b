/* kernel_ref.c - the plain kernel: the oracle of every faster one. */
#include "kernel.h"

#include <float.h>
#include <math.h>
#include <string.h>

void kmeans_transpose(struct kmeans *m)
{
    uint32_t d = m->base.features;

    for (uint32_t f = 0; f < d; f++)
        for (uint32_t j = 0; j < m->padded; j++)
            m->across[(size_t)f * m->padded + j] =
                j < m->k ? m->centers[(size_t)j * d + f] : 0;
}

uint32_t kmeans_nearest(const struct kmeans *m, const double *row,
                        double *restrict acc, double *d2p)
{
    uint32_t best = 0;

    memset(acc, 0, m->padded * sizeof(*acc));
    for (uint32_t f = 0; f < m->base.features; f++) {
        const double *restrict c = m->across + (size_t)f * m->padded;
        double x = row[f];

        for (uint32_t j = 0; j < m->padded; j++)
            acc[j] += (x - c[j]) * (x - c[j]);
    }
    for (uint32_t j = 1; j < m->k; j++)
        if (acc[j] < acc[best])
            best = j;
    *d2p = acc[best];
    return best;
}
