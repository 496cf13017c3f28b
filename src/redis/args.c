/* args.c - the words of one command. */
#include "src/redis/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int args_grow(redis_args *a)
{
    int cap = a->cap ? 2 * a->cap : 32;
    size_t n = (size_t)cap;
    const char **argv = realloc(a->argv, n * sizeof(*argv));
    size_t *lens = realloc(a->lens, n * sizeof(*lens));
    char **owned = realloc(a->owned, n * sizeof(*owned));

    /* Each array that did grow is kept, also when another did not. */
    if (argv)
        a->argv = argv;
    if (lens)
        a->lens = lens;
    if (owned)
        a->owned = owned;
    if (!argv || !lens || !owned)
        return -1;
    a->cap = cap;
    return 0;
}

/* [owned] is freed at once when it cannot be appended. */
static void args_push(redis_args *a, const char *data, size_t len, char *owned)
{
    if (!a->failed && a->n == a->cap && args_grow(a) < 0)
        a->failed = 1;
    if (a->failed) {
        free(owned);
        return;
    }
    a->argv[a->n] = data;
    a->lens[a->n] = len;
    a->owned[a->n++] = owned;
}

void redis_args_add(redis_args *a, const void *data, size_t len)
{
    /* An empty word may come without memory behind it. */
    args_push(a, data ? data : "", data ? len : 0, NULL);
}

void redis_args_addf(redis_args *a, const char *fmt, ...)
{
    char *word = NULL;
    va_list ap;

    va_start(ap, fmt);
    int len = vasprintf(&word, fmt, ap);
    va_end(ap);
    if (len < 0)
        a->failed = 1;
    else
        args_push(a, word, (size_t)len, word);
}

void redis_args_own(redis_args *a, char *word, size_t len)
{
    args_push(a, word, len, word);
}

void redis_args_free(redis_args *a)
{
    for (int i = 0; i < a->n; i++)
        free(a->owned[i]);
    free(a->argv);
    free(a->lens);
    free(a->owned);
    *a = (redis_args){0};
}
