/* worth.c - what a block costs here, against what it costs to hand it on. */
#include "worth.h"

/* So many blocks are remembered, half of them only half as well. */
#define BLOCKS 128

/* What the way costs the rank that hands a block on: a request, an answer, a
 * word that it is done, and the bytes.  Between two ranks of one host it was
 * 28 us and 1.6 ns a byte on a machine that was busy (AMD EPYC, Open MPI 4.1,
 * shared memory); it is taken for less where cores are free.
 */
#define WAY_NS 30000
#define BYTES_A_NS 2

void worth_block(rank_worth *w, int64_t ns, size_t bytes)
{
    if (w->n == BLOCKS) {
        w->n /= 2;
        w->ns /= 2;
        w->bytes /= 2;
    }
    w->n++;
    w->ns += ns > 0 ? ns : 0; /* a clock may have been set */
    w->bytes += (int64_t)bytes;
}

bool worth_moving(const rank_worth *w)
{
    return w->ns > w->n * WAY_NS + w->bytes / BYTES_A_NS;
}
