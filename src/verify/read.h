/* read.h - the topics of a layer, read once from front to back. */
#ifndef VERIFY_READ_H
#define VERIFY_READ_H

#include "layer.h"

/* What is fetched ahead, of records that are not larger. */
#define READ_QUEUE_BYTES (UINT64_C(32) << 20)

/* Its own topic: up to the committed offsets all is counted again; behind them,
 * where there is a layer in front, what that one has handed on.  A log that
 * cannot be read becomes l->damage.  Errors: 69; 128 + N by a signal is the
 * exit status of a retry.
 */
int read_topic(layer *l, pe_error *errp);

/* A topic beside it: the blocks that its records are of get [bit]. */
int read_side(layer *l, layer_side *s, unsigned bit, pe_error *errp);

#endif
