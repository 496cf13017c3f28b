/* args.h - the words of one command. */
#ifndef REDIS_ARGS_H
#define REDIS_ARGS_H

#include <stddef.h>

/* Starts zeroed.  After a failed allocation `failed` is set and further
 * calls do nothing, so a caller may check once at the end.
 */
typedef struct redis_args {
    const char **argv;
    size_t *lens;
    char **owned; /* memory behind argv[i], NULL where it is borrowed */
    int n, cap;
    int failed;
} redis_args;

/* Append [len] bytes at [data], borrowed until redis_args_free. */
void redis_args_add(redis_args *a, const void *data, size_t len);
/* Append a text made like printf's. */
void redis_args_addf(redis_args *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Append [word], memory of [len] bytes, which is taken in any case. */
void redis_args_own(redis_args *a, char *word, size_t len);
void redis_args_free(redis_args *a);

#endif
