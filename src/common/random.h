/* random.h - keyed pseudo-random numbers, and ids from the kernel. */
#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* Mix of two words (SplitMix64's finaliser over a ^ golden*b): the base of
 * every keyed draw.  Same answer on every machine.
 */
uint64_t random_mix(uint64_t a, uint64_t b);

/* Hash of bytes with a key (FNV-1a, then random_mix). */
uint64_t random_hash(uint64_t key, const void *data, size_t len);

/* A stream of draws; the state is its whole content and may be saved. */
typedef struct random_stream {
    uint64_t key, counter;
} random_stream;

uint64_t random_next(random_stream *r);
double random_uniform(random_stream *r); /* [0, 1) */
double random_normal(random_stream *r);  /* mean 0, deviation 1; Box-Muller,
                                            two draws each */
uint64_t random_below(random_stream *r, uint64_t n); /* [0, n), unbiased */

/* [bytes] random bytes as 2*bytes hex digits and a NUL in [out].  From
 * getrandom(2); fatal error when the kernel has none.
 */
int random_id(char *out, size_t bytes, pe_error *errp);

#endif
