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
/* hold.c - open what is not open of the stages of [row] from place [at] on.
 * Errors are fatal.
 */
int chain_row_late(chain *st, chain_function *row, size_t at, pe_error *errp);
/* Open [f], a zeroed one, for stage [s]. On an error it is zeroed again. */
int chain_open_one(chain *st, const pipeline_stage *s, chain_function *f,
                   bool scout, pe_error *errp);
void chain_tell(const chain *st, const char *words);
/* The shared state of the run; NULL: an error. */
params *chain_shared(chain *st, pe_error *errp);

/* Where the row goes on behind [through] stages, 0: those of the file. */
size_t chain_place(const chain *st, uint32_t through);

/* guard.c - [f] is loaded: have what it is called with noted, where it is not
 * ours, and its limit kept.
 */
int chain_note(chain *st, chain_function *f, pe_error *errp);

/* The error that a function left: the block's, or the agent's.  -1. */
int chain_stage_error(const pipeline_stage *s, const pe_context *ctx,
                      pe_error *errp);

/* Does it want the names of its columns? */
bool chain_asks(const chain_function *f);

#endif
