/* audit.h - counts and sums of every device: what proves that a run is exact.
 */
#ifndef MODELS_AUDIT_H
#define MODELS_AUDIT_H

#include <pilot/model.h>

/* Lanes of a device: blocks, points, sum and sum of squares of
 * llrint(1024 x), modulo 2^64: exact and free of order.
 */
#define AUDIT_LANES 4

/* Fold block [b] into [row].  Values that are not finite count as 0. */
void audit_fold(int64_t row[AUDIT_LANES], const pe_block *b);

/* Devices of a model, and the name and row of one; borrowed. */
size_t audit_devices(const pe_model *m);
const char *audit_device(const pe_model *m, size_t i, const int64_t **rowp);

#endif
