/* exact.h - the score that a share of all scores exceeds, as numpy.percentile
 * has it, of any number of them in bounded memory.
 */
#ifndef ANSWER_EXACT_H
#define ANSWER_EXACT_H

#include <stddef.h>
#include <stdint.h>

#define EXACT_LANES 65536

/* Scores are looked at twice: their upper halves are counted (exact_count, by
 * many threads, whose lanes are added), which tells in which lanes the two
 * neighbours of the threshold lie; then the lower halves of those two lanes.
 */
typedef struct exact {
    uint64_t n;       /* scores that count */
    uint64_t rank[2]; /* of the neighbours, from 0 */
    double between;   /* [0, 1) from the first to the second */
    uint32_t lane[2];
    uint64_t before[2]; /* scores in lanes below */
    uint64_t *low[2];   /* EXACT_LANES each */
} exact;

/* Order of floats as numbers; not of NaN. */
uint32_t exact_key(float score);

static inline void exact_count(uint64_t *lanes, float score)
{
    lanes[exact_key(score) >> 16]++;
}

/* All of them are counted in [lanes]; a [share] is to exceed the threshold.
 * -1: no memory.  [e] is for exact_free in any case.
 */
int exact_begin(exact *e, const uint64_t *lanes, double share);
/* The second look, at every score again; one thread. */
void exact_look(exact *e, float score);
/* The threshold; NaN where nothing was counted. */
double exact_end(const exact *e);
void exact_free(exact *e);

#endif
