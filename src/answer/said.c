/* said.c - what a record says of its rows beside their values, as numbers. */
#include "said.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "src/block/scale.h"
#include "src/block/times.h"

static int take_times(said *s, const source_text *t, uint32_t points,
                      uint64_t *badp, pe_error *errp)
{
    s->timed = false;
    if (!t->at)
        return 0;
    if (points > s->cap_times) {
        int64_t *more = realloc(s->times, points * sizeof(*more));

        if (!more)
            return pe_error_nomem(errp);
        s->times = more;
        s->cap_times = points;
    }
    s->timed = times_decode(t->at, t->len, points, s->times) == 0;
    *badp += !s->timed;
    return 0;
}

static int take_scale(said *s, const source_text *t, uint32_t features,
                      uint64_t *badp, pe_error *errp)
{
    s->scaled = false;
    if (!t->at)
        return 0;
    if (scale_reserve(&s->shift, &s->scale, &s->cap_scale, features, errp) < 0)
        return -1;
    s->scaled = scale_decode(t->at, t->len, features, s->shift, s->scale) == 0;
    *badp += !s->scaled;
    return 0;
}

int said_take(said *s, const source_said *from, const pe_block *b,
              uint64_t *badp, pe_error *errp)
{
    return take_times(s, &from->times, b->points, badp, errp) < 0 ||
                   take_scale(s, &from->scale, b->features, badp, errp) < 0
               ? -1
               : 0;
}

void said_free(said *s)
{
    free(s->times);
    free(s->shift);
    free(s->scale);
    *s = (said){0};
}

void said_values(const said *s, const pe_block *b, uint32_t i, uint32_t n,
                 double *to)
{
    bool whole = true;

    for (uint32_t k = 0; k < n; k++)
        to[k] = k < b->features ? pe_block_at(b, i, k) : (double)NAN;
    if (!s->scaled || n != b->features)
        return;
    for (uint32_t k = 0; k < n; k++)
        whole = whole && fabs(to[k]) <= (double)FLT_MAX;
    for (uint32_t k = 0; whole && k < n; k++)
        to[k] = s->shift[k] + s->scale[k] * to[k];
}
