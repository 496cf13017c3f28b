/* history.h - the words of a row of the history of commits. */
#ifndef PARAMS_HISTORY_H
#define PARAMS_HISTORY_H

#include <hiredis/hiredis.h>

#include "src/params/args.h"
#include "src/params/params.h"

/* XADD of the row of [c], which was stored, into [a], which starts zeroed.
 * -1: no memory; [a] is to be freed in any case.
 */
int params_row_words(const params *p, const params_commit *c, redis_args *a);

/* What stands in the replies to GET of the state and HGETALL of the first
 * offsets, into [out], which is to be freed in any case, and the model's kind,
 * PARAMS_KIND_MAX bytes (state.c).
 */
int params_state_facts(const params *p, const redisReply *text,
                       const redisReply *first, params_state *out, char *kind,
                       pe_error *errp);

#endif
