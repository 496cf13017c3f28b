/* reply.c - replies of Redis: types are checked before values are used. */
#include "src/redis/reply.h"

#include <hiredis/hiredis.h>
#include <string.h>

int redis_reply_check(const redisReply *r, int type, const char *url,
                      const char *what, pe_error *errp)
{
    if (r->type == type)
        return 0;
    if (r->type == REDIS_REPLY_ERROR)
        return redis_refusal_set(errp, url, r->str, 0);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "Redis at %s answers %s with a reply of type %d "
                        "instead of %d: is there something else in between?",
                        url, what, r->type, type);
}

int redis_reply_is_error(const redisReply *r, const char *code)
{
    return r->type == REDIS_REPLY_ERROR && !strncmp(r->str, code, strlen(code));
}

const char *redis_reply_text(const redisReply *r, const char *absent)
{
    if (r->type == REDIS_REPLY_NIL)
        return absent;
    if (r->type != REDIS_REPLY_STRING || strlen(r->str) != r->len)
        return NULL;
    return r->str;
}
