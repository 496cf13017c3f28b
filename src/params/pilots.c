/* pilots.c - signs of life of the pilots of a run, and orders to them. */
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/params/private.h"
#include "src/params/reply.h"

static int check_name(const char *pilot, pe_error *errp)
{
    if (pilot && *pilot)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "a pilot without a name");
}

static int hash_put(params *p, enum params_key key, const char *pilot,
                    const char *value, pe_error *errp)
{
    redisReply *r;

    if (check_name(pilot, errp) < 0)
        return -1;
    if (*value)
        r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HSET",
                           p->names[key], pilot, value, NULL);
    else
        r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HDEL",
                           p->names[key], pilot, NULL);
    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

int params_pilot_put(params *p, const char *pilot, const char *beat,
                     pe_error *errp)
{
    return hash_put(p, PARAMS_KEY_PILOTS, pilot, beat, errp);
}

/* A params_parse_f. */
static int pilot_parse(const char *field, const char *value, void *item,
                       pe_error *errp)
{
    params_pilot *one = item;

    one->pilot = text_format("%s", field);
    one->beat = text_format("%s", value);
    if (one->pilot && one->beat)
        return 0;
    free(one->pilot);
    free(one->beat);
    return pe_error_nomem(errp);
}

int params_pilots_fetch(params *p, params_pilot **out, size_t *np,
                        pe_error *errp)
{
    static const params_item as = {sizeof(**out), pilot_parse};

    if (params_hash_fetch(p, PARAMS_KEY_PILOTS, &as, out, np, errp) == 0)
        return 0;
    params_pilots_free(*out, *np);
    *out = NULL;
    *np = 0;
    return -1;
}

void params_pilots_free(params_pilot *pilots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(pilots[i].pilot);
        free(pilots[i].beat);
    }
    free(pilots);
}

int params_order_put(params *p, const char *pilot, const char *word,
                     pe_error *errp)
{
    return hash_put(p, PARAMS_KEY_ORDERS, pilot, word, errp);
}

static int hash_fetch(params *p, enum params_key key, const char *pilot,
                      char *word, size_t cap, pe_error *errp)
{
    redisReply *r;
    int rc = 0;

    if (check_name(pilot, errp) < 0)
        return -1;
    r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "HGET", p->names[key],
                       pilot, NULL);
    if (!r)
        return -1;
    const char *order = redis_reply_text(r, "");
    if (!order || strlen(order) >= cap)
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          "the %s %s in %s does not fit into %zu bytes",
                          key == PARAMS_KEY_ORDERS ? "order to" : "place of",
                          pilot, p->names[key], cap);
    else
        memcpy(word, order, strlen(order) + 1);
    freeReplyObject(r);
    return rc;
}

int params_order_fetch(params *p, const char *pilot, char *word, size_t cap,
                       pe_error *errp)
{
    return hash_fetch(p, PARAMS_KEY_ORDERS, pilot, word, cap, errp);
}

int params_place_put(params *p, const char *who, const char *stage,
                     pe_error *errp)
{
    return hash_put(p, PARAMS_KEY_PLACES, who, stage, errp);
}

int params_place_fetch(params *p, const char *who, char *stage, size_t cap,
                       pe_error *errp)
{
    return hash_fetch(p, PARAMS_KEY_PLACES, who, stage, cap, errp);
}
