/* drift.c - has a series of scores changed its mean? */
#include "drift.h"

#include <math.h>

#define FIRST 100 /* scores that tell the spread */
#define MOST 5.0  /* standard deviations a score counts for */
#define SLACK 0.1
#define FAR 100.0

static double above_zero(double x)
{
    return x > 0 ? x : 0;
}

bool drift_take(drift *d, float score)
{
    double off = (double)score - d->mean, sd, z;

    if (d->found)
        return false;
    if (d->n >= FIRST) {
        sd = sqrt(d->square / (double)d->n);
        z = sd > 0 ? off / sd : 0;
        z = z > MOST ? MOST : z < -MOST ? -MOST : z;
        d->up = above_zero(d->up + z - SLACK);
        d->down = above_zero(d->down - z - SLACK);
        d->found = d->up > FAR || d->down > FAR;
    }
    d->n++;
    d->mean += off / (double)d->n;
    d->square += off * ((double)score - d->mean);
    return d->found;
}
