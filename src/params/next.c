/* next.c - who is to commit next, of pools that are in each other's way. */
#include <stdio.h>
#include <string.h>

#include "src/params/private.h"
#include "src/params/reply.h"

int params_next_look(params *p, const char *who, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "GET",
                                   p->names[PARAMS_KEY_NEXT], NULL);
    const char *whose;
    int rc;

    if (!r)
        return -1;
    whose = redis_reply_text(r, "");
    rc = !whose || !*whose ? 0 : strcmp(whose, who) ? 1 : 2;
    freeReplyObject(r);
    return rc;
}

int params_next_ask(params *p, const char *who, int64_t ms, pe_error *errp)
{
    char limit[24];
    redisReply *r;

    snprintf(limit, sizeof(limit), "%lld", (long long)ms);
    r = redis_link_ask(p->link, REDIS_REPLY_STATUS, errp, "SET",
                       p->names[PARAMS_KEY_NEXT], who, "NX", "PX", limit, NULL);
    if (!r)
        return -1;
    freeReplyObject(r);
    return params_next_look(p, who, errp);
}

int params_next_drop(params *p, const char *who, pe_error *errp)
{
    int rc = params_next_look(p, who, errp);
    redisReply *r;

    if (rc != 2)
        return rc < 0 ? -1 : 0;
    r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "UNLINK",
                       p->names[PARAMS_KEY_NEXT], NULL);
    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}
