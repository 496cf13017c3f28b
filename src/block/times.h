/* times.h - the time of each row of a block, as header pe_times has them. */
#ifndef BLOCK_TIMES_H
#define BLOCK_TIMES_H

#include <stddef.h>
#include <stdint.h>

#include "src/common/text.h"

/* Longest such header. */
#define TIMES_BYTES_MAX 16384

/* The [n] times [ns] (n > 0), in ns since 1970, as text: FIRST/STEP where all
 * steps are alike, else FIRST/UNIT:D,D*N,..., the way from each row to the next
 * in units, *N where it comes so many times.  [out] is filled anew.  -1: they
 * need more than TIMES_BYTES_MAX, lie more than 292 years apart, or there is no
 * memory.
 */
int times_encode(const int64_t *ns, uint32_t n, text *out);

/* [n] times out of [len] bytes at [s] into [ns]; -1: they are no times, or of
 * another number of rows.
 */
int times_decode(const char *s, size_t len, uint32_t n, int64_t *ns);

/* Times of the [n_out] rows that [source_out] names, out of those [ns] of
 * [n_in] rows of [source_in] (pe_source, see origin.h), into [out],
 * which may be [ns]; one that is made of several has the time of the last.  -1:
 * it cannot be told which rows those are.
 */
int times_pick(const char *source_in, uint32_t n_in, const int64_t *ns,
               const char *source_out, uint32_t n_out, int64_t *out);

#endif
