/* control.c - control words of a run, shared state of functions, the clock.
 */
#include <string.h>

#include "src/params/private.h"
#include "src/params/reply.h"

static int refuse_size(pe_error *errp, const char *key, size_t len, size_t cap)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s holds %zu bytes and there is room for %zu", key,
                        len, cap);
}

int params_control_put(params *p, const char *word, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STATUS, errp, "SET",
                                   p->names[PARAMS_KEY_CONTROL], word, NULL);

    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

int params_control_fetch(params *p, char *word, size_t cap, pe_error *errp)
{
    const char *key = p->names[PARAMS_KEY_CONTROL];
    redisReply *r =
        redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "GET", key, NULL);
    int rc = 0;

    if (!r)
        return -1;
    const char *text = redis_reply_text(r, "");
    if (!text || strlen(text) >= cap)
        rc = refuse_size(errp, key, r->len + 1, cap);
    else
        memcpy(word, text, strlen(text) + 1);
    freeReplyObject(r);
    return rc;
}

int params_time_fetch(params *p, int64_t *nsp, pe_error *errp)
{
    redisReply *r =
        redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "TIME", NULL);
    uint64_t s = 0, us = 0;
    int rc = 0;

    if (!r)
        return -1;
    if (r->elements != 2 ||
        params_number_parse(redis_reply_text(r->element[0], ""),
                            UINT64_C(1) << 40, &s) < 0 ||
        params_number_parse(redis_reply_text(r->element[1], ""), 999999, &us) <
            0)
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                          "%s does not tell its time", p->link->name);
    else
        *nsp = (int64_t)(s * 1000000 + us) * 1000;
    freeReplyObject(r);
    return rc;
}

/* 1: a field was made; 0: it was there. */
static int shared_set(params *p, const char *verb, const char *key,
                      const void *value, size_t len, pe_error *errp)
{
    const char *hash = p->names[PARAMS_KEY_SHARED];
    const char *words[] = {verb, hash, key, len ? value : ""};
    const size_t lens[] = {strlen(verb), strlen(hash), strlen(key), len};
    const redis_command cmd = {4, words, lens};
    redisReply *r;

    if (redis_link_call(p->link, &cmd, 1, &r, errp) < 0)
        return -1;
    int rc =
        redis_reply_check(r, REDIS_REPLY_INTEGER, p->link->name, verb, errp);
    if (rc == 0)
        rc = r->integer > 0;
    freeReplyObject(r);
    return rc;
}

int params_shared_put(params *p, const char *key, const void *value, size_t len,
                      pe_error *errp)
{
    return shared_set(p, "HSET", key, value, len, errp) < 0 ? -1 : 0;
}

int params_shared_once(params *p, const char *key, const void *value,
                       size_t len, pe_error *errp)
{
    return shared_set(p, "HSETNX", key, value, len, errp);
}

int params_shared_get(params *p, const char *key, void *value, size_t cap,
                      size_t *lenp, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "HGET",
                                   p->names[PARAMS_KEY_SHARED], key, NULL);
    int rc = 0;

    if (!r)
        return -1;
    size_t len = r->type == REDIS_REPLY_STRING ? r->len : 0;
    if (len > cap)
        rc = refuse_size(errp, key, len, cap);
    else {
        if (len)
            memcpy(value, r->str, len);
        *lenp = len;
    }
    freeReplyObject(r);
    return rc;
}
