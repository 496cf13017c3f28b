/* reply.c - a hash of Redis as an array. */
#include "reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

int params_reply_hash(const redisReply *r, size_t size, params_parse_f parse,
                      void *itemsp, size_t *np, pe_error *errp)
{
    char *items = NULL;
    size_t n = r->elements / 2;

    if (n > 0 && !(items = calloc(n, size)))
        return pe_error_nomem(errp);
    memcpy(itemsp, &items, sizeof(items));
    for (*np = 0; *np < n; ++*np) {
        const char *field = redis_reply_text(r->element[2 * *np], NULL);
        const char *value = redis_reply_text(r->element[2 * *np + 1], NULL);
        if (!field || !value)
            return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                                "a hash of this run holds bytes that are no "
                                "text: some other program wrote to it");
        if (parse(field, value, items + *np * size, errp) < 0)
            return -1;
    }
    return 0;
}
