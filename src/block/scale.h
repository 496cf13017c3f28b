/* scale.h - how values were scaled on their way, as header pe_scale has it. */
#ifndef BLOCK_SCALE_H
#define BLOCK_SCALE_H

#include <stddef.h>
#include <stdint.h>

#include "src/common/text.h"

/* Longest such header. */
#define SCALE_BYTES_MAX 16384

/* Room for those of [n] columns in two lists of *capp each.  Error: no memory.
 */
int scale_reserve(double **shiftp, double **scalep, uint32_t *capp, uint32_t n,
                  pe_error *errp);

/* Of [n] columns (n > 0): sensed = shift + scale x value, as text
 * SHIFT:SCALE,...  [out] is filled anew.  -1: more than SCALE_BYTES_MAX, or no
 * memory.
 */
int scale_encode(const double *shift, const double *scale, uint32_t n,
                 text *out);

/* Those of [n] columns out of [len] bytes at [s]; -1: they are none, or of
 * another number of columns.
 */
int scale_decode(const char *s, size_t len, uint32_t n, double *shift,
                 double *scale);

#endif
