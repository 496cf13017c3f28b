/* same.h - results of one block by one model: do they have the same values? */
#ifndef VERIFY_SAME_H
#define VERIFY_SAME_H

#include <stdint.h>

#include <pilot/error.h>

/* Results that are remembered at a time: 16 MiB. */
#define SAME_KEPT ((uint64_t)1 << 20)

/* Starts zeroed. */
typedef struct same {
    struct same_slot *slot;
    uint64_t compared; /* with one before */
} same;

/* A result is of [what], a hash of its block and the model, and has values with
 * the hash [values].  1: one before it had others; 0: it had the same, or none
 * is known; -1: no memory.  A later one may drive out what is remembered.
 */
int same_take(same *s, uint64_t what, uint64_t values, pe_error *errp);
void same_free(same *s);

#endif
