/* args.h - the words of one command, and those of a commit. */
#ifndef PARAMS_ARGS_H
#define PARAMS_ARGS_H

#include <stddef.h>

#include "src/params/params.h"
#include "src/params/wire.h"

/* Starts zeroed.  After a failed allocation `failed` is set and further
 * calls do nothing, so a caller may check once at the end.
 */
typedef struct params_args {
    const char **argv;
    size_t *lens;
    char **owned; /* memory behind argv[i], NULL where it is borrowed */
    int n, cap;
    int failed;
} params_args;

/* Append [len] bytes at [data], borrowed until params_args_free. */
void params_args_add(params_args *a, const void *data, size_t len);
/* Append a text made like printf's. */
void params_args_addf(params_args *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void params_args_free(params_args *a);

/* Check [c] and write EVALSHA with all of its arguments into [out]; what [c],
 * [script] (SHA-1 of commit.lua) and [names] (by params_key) point to is
 * borrowed.  Errors: input, for what the script could not store (ids that are
 * not 32 hex digits, a range that runs backwards, a number beyond its bound);
 * [out] is to be freed in any case.
 */
int params_commit_args(const params_commit *c, const char *script,
                       char *const *names, params_args *out, pe_error *errp);

#endif
