/* exact.c - the score that a share of all scores exceeds. */
#include "exact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIGN UINT32_C(0x80000000)

uint32_t exact_key(float score)
{
    uint32_t bits;

    if (score == 0)
        score = 0; /* -0 and 0 are one number */
    memcpy(&bits, &score, sizeof(bits));
    return bits & SIGN ? ~bits : bits | SIGN;
}

static float score_of(uint32_t key)
{
    uint32_t bits = key & SIGN ? key & ~SIGN : ~key;
    float score;

    memcpy(&score, &bits, sizeof(score));
    return score;
}

static void find_lane(exact *e, const uint64_t *lanes, int which)
{
    uint64_t below = 0;
    uint32_t k = 0;

    while (k + 1 < EXACT_LANES && below + lanes[k] <= e->rank[which])
        below += lanes[k++];
    e->lane[which] = k;
    e->before[which] = below;
}

int exact_begin(exact *e, const uint64_t *lanes, double share)
{
    double at;

    memset(e, 0, sizeof(*e));
    for (uint32_t k = 0; k < EXACT_LANES; k++)
        e->n += lanes[k];
    if (e->n == 0)
        return 0;
    at = (double)(e->n - 1) * (1 - share);
    e->rank[0] = (uint64_t)at;
    e->rank[1] = e->rank[0] + 1 < e->n ? e->rank[0] + 1 : e->rank[0];
    e->between = at - floor(at);
    for (int i = 0; i < 2; i++) {
        e->low[i] = calloc(EXACT_LANES, sizeof(**e->low));
        if (!e->low[i])
            return -1;
        find_lane(e, lanes, i);
    }
    return 0;
}

void exact_look(exact *e, float score)
{
    uint32_t key = exact_key(score);

    for (int i = 0; i < 2 && e->n > 0; i++)
        if (key >> 16 == e->lane[i])
            e->low[i][key & (EXACT_LANES - 1)]++;
}

static double neighbour(const exact *e, int which)
{
    uint64_t below = e->before[which];
    uint32_t k = 0;

    while (k + 1 < EXACT_LANES && below + e->low[which][k] <= e->rank[which])
        below += e->low[which][k++];
    return (double)score_of(e->lane[which] << 16 | k);
}

double exact_end(const exact *e)
{
    double a, b;

    if (e->n == 0)
        return (double)NAN;
    a = neighbour(e, 0);
    b = neighbour(e, 1);
    return a + (b - a) * e->between;
}

void exact_free(exact *e)
{
    free(e->low[0]);
    free(e->low[1]);
    memset(e, 0, sizeof(*e));
}
