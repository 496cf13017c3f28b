/* chain_private.h - what opening a chain and running it share. */
#ifndef CHAIN_CHAIN_PRIVATE_H
#define CHAIN_CHAIN_PRIVATE_H

#include "chain.h"

/* The stages before the last into *row, [n] of them; a scout's keep nothing
 * outside.  On error what is there is closed by the caller.
 */
int chain_row_open(chain *st, chain_function **row, size_t *n, bool scout,
                   pe_error *errp);
void chain_row_close(chain_function **row, size_t n);

/* The error that a function left: the block's, or the agent's.  -1. */
int chain_stage_error(const pipeline_stage *s, const pe_context *ctx,
                      pe_error *errp);

/* Does it want the names of its columns? */
bool chain_asks(const chain_function *f);

#endif
