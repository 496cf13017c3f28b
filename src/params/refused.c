/* refused.c - blocks that are suspected, and those that were sent again. */
#include <stdlib.h>
#include <string.h>

#include "src/params/private.h"
#include "src/params/reply.h"

/* A params_parse_f. */
static int word_parse(const char *field, const char *value, void *item,
                      pe_error *errp)
{
    params_word *one = item;

    *one = (params_word){strdup(field), strdup(value)};
    return one->name && one->text ? 0 : pe_error_nomem(errp);
}

static int words_fetch(params *p, enum params_key key, params_word **out,
                       size_t *np, pe_error *errp)
{
    static const params_item as = {sizeof(**out), word_parse};

    if (params_hash_fetch(p, key, &as, out, np, errp) == 0)
        return 0;
    params_words_free(*out, *np);
    *out = NULL;
    *np = 0;
    return -1;
}

/* HSET, HSETNX or HDEL of one field: what the server counts; -1. */
static int word_do(params *p, enum params_key key, const char *command,
                   const params_word *w, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, command,
                                   p->names[key], w->name, w->text, NULL);
    int n;

    if (!r)
        return -1;
    n = (int)r->integer;
    freeReplyObject(r);
    return n;
}

void params_words_free(params_word *w, size_t n)
{
    for (size_t i = 0; w && i < n; i++) {
        free(w[i].name);
        free(w[i].text);
    }
    free(w);
}

int params_suspects_fetch(params *p, params_word **out, size_t *np,
                          pe_error *errp)
{
    return words_fetch(p, PARAMS_KEY_SUSPECTS, out, np, errp);
}

int params_suspect_put(params *p, const params_word *w, pe_error *errp)
{
    return word_do(p, PARAMS_KEY_SUSPECTS, "HSET", w, errp) < 0 ? -1 : 0;
}

int params_suspect_drop(params *p, const char *name, pe_error *errp)
{
    const params_word w = {.name = (char *)(uintptr_t)name};

    return word_do(p, PARAMS_KEY_SUSPECTS, "HDEL", &w, errp) < 0 ? -1 : 0;
}

int params_replays_fetch(params *p, params_word **out, size_t *np,
                         pe_error *errp)
{
    return words_fetch(p, PARAMS_KEY_REPLAYS, out, np, errp);
}

int params_replay_once(params *p, const params_word *w, pe_error *errp)
{
    return word_do(p, PARAMS_KEY_REPLAYS, "HSETNX", w, errp);
}
