/* delta.h - what a device has learned, as the value of a record. */
#ifndef FEDERATE_DELTA_H
#define FEDERATE_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/model.h>

/* Headers of such a record, beside those of a block, whose pe_seq is the SEQ of
 * the last block in it; pe_first is that of the first.
 */
#define FEDERATE_CONTENT "application/x-pilot-delta"
#define FEDERATE_TYPE "org.pilot-edge.delta.v1"
#define FEDERATE_FEATURES "pe_features"
#define FEDERATE_ROWS "pe_rows"
#define FEDERATE_FIRST "pe_first"

/* The bytes of [d], learned from [base] and veiled, into [to], which is
 * emptied.  Errors: no memory.
 */
int federate_encode(const pe_model *base, const pe_delta *d, pe_buffer *to,
                    pe_error *errp);

/* What [len] bytes of record [from] say, to be merged into deltas of [base]:
 * into [d], zeroed, for federate_clear in any case.  1: it is there; 0: it was
 * made of a model that is not to be found any more, and only its points,
 * masked and outliers are; -1: no memory, or (input) it is no such delta.
 */
int federate_decode(const void *data, size_t len, const pe_model *base,
                    const pe_block *from, pe_delta *d, pe_error *errp);
void federate_clear(pe_delta *d);

#endif
