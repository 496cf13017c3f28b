/* private.h - what the files of this room share about an open service. */
#ifndef PARAMS_PRIVATE_H
#define PARAMS_PRIVATE_H

#include "src/common/digest.h"
#include "src/login/seal.h"
#include "src/params/params.h"
#include "src/params/reply.h"
#include "src/params/wire.h"
#include "src/redis/link.h"

struct params {
    redis_link *link;
    char *names[PARAMS_N_KEYS + 1]; /* keys, and the channel, of the run */
    char *run;                      /* without a layer */
    char *sign;       /* file of keys of ends; NULL: they are not signed */
    seal *seal;       /* ... NULL: not opened yet */
    bool forged_told; /* that an end is not signed by its device */
    bool rowless;     /* it was said that the history of commits has no rows */
};

/* redis_link_create by what the service was opened with. */
redis_link *params_link_make(const params_conf *c, redis_setup_f setup,
                             void *arg, pe_error *errp);

/* Of the hash of stages: how many tasks were put, so that who looks at the
 * stages sees that there is another.
 */
#define PARAMS_STAGES_TASKS "tasks"

/* What the fields of a hash are made into: items of [size] bytes. */
typedef struct params_item {
    size_t size;
    params_parse_f parse;
} params_item;

/* The fields of hash [key] as an array of *np items, in new memory at *itemsp.
 * On error the items parsed so far are there, for the caller to free.
 */
int params_hash_fetch(params *p, enum params_key key, const params_item *as,
                      void *itemsp, size_t *np, pe_error *errp);

enum params_script { PARAMS_SCRIPT_COMMIT, PARAMS_SCRIPT_LEASE };

/* Load the scripts and look whether they may run: a redis_setup_f whose
 * [arg] is the params.  Errors: fatal, 78, not allowed, with the rule that
 * fixes it.
 */
int params_script_load(redis_link *l, void *arg, pe_error *errp);

/* SHA-1 of a script, as EVALSHA wants it.  Errors: input: the service was
 * opened without scripts.
 */
int params_script_name(const params *p, enum params_script s,
                       char sha[DIGEST_SHA1_HEX + 1], pe_error *errp);

/* One EVALSHA; scripts that were flushed are loaded again.  The reply, which
 * may be an error reply, is the caller's; NULL: error, class retry, and the
 * outcome is unknown.
 */
redisReply *params_script_call(params *p, const redis_command *cmd,
                               pe_error *errp);

#endif
