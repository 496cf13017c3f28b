/* reply.c - replies of Redis: types are checked before values are used. */
#include "reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

int params_reply_check(const redisReply *r, int type, const char *url,
                       const char *what, pe_error *errp)
{
    if (r->type == type)
        return 0;
    if (r->type == REDIS_REPLY_ERROR)
        return params_refusal_set(errp, url, r->str, 0);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "Redis at %s answers %s with a reply of type %d "
                        "instead of %d: is there something else in between?",
                        url, what, r->type, type);
}

int params_reply_is_error(const redisReply *r, const char *code)
{
    return r->type == REDIS_REPLY_ERROR && !strncmp(r->str, code, strlen(code));
}

const char *params_reply_text(const redisReply *r, const char *absent)
{
    if (r->type == REDIS_REPLY_NIL)
        return absent;
    if (r->type != REDIS_REPLY_STRING || strlen(r->str) != r->len)
        return NULL;
    return r->str;
}

int params_reply_hash(const redisReply *r, size_t size, params_parse_f parse,
                      void *itemsp, size_t *np, pe_error *errp)
{
    char *items = NULL;
    size_t n = r->elements / 2;

    if (n > 0 && !(items = calloc(n, size)))
        return pe_error_nomem(errp);
    memcpy(itemsp, &items, sizeof(items));
    for (*np = 0; *np < n; ++*np) {
        const char *field = params_reply_text(r->element[2 * *np], NULL);
        const char *value = params_reply_text(r->element[2 * *np + 1], NULL);
        if (!field || !value)
            return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                                "a hash of this run holds bytes that are no "
                                "text: some other program wrote to it");
        if (parse(field, value, items + *np * size, errp) < 0)
            return -1;
    }
    return 0;
}
