/* args.h - the words of a commit. */
#ifndef PARAMS_ARGS_H
#define PARAMS_ARGS_H

#include "src/params/params.h"
#include "src/params/wire.h"
#include "src/redis/args.h"

/* Check [c] and write EVALSHA with all of its arguments into [out]; what [c],
 * [script] (SHA-1 of commit.lua) and [names] (by params_key) point to is
 * borrowed.  Errors: input, for what the script could not store (ids that are
 * not 32 hex digits, a range that runs backwards, a number beyond its bound);
 * [out] is to be freed in any case.
 */
int params_commit_args(const params_commit *c, const char *script,
                       char *const *names, redis_args *out, pe_error *errp);

#endif
