/* scale.c - who decides about a pool's size, what was decided, and events. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/params/private.h"
#include "src/params/reply.h"

/* --- a text of its own key --- */

/* New memory; "": there is none. */
static char *text_fetch(params *p, enum params_key key, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "GET",
                                   p->names[key], NULL);
    const char *s = r ? redis_reply_text(r, "") : NULL;
    char *copy = r ? strdup(s ? s : "") : NULL;

    if (r && !copy)
        pe_error_nomem(errp);
    if (r)
        freeReplyObject(r);
    return copy;
}

int params_scale_put(params *p, const char *json, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STATUS, errp, "SET",
                                   p->names[PARAMS_KEY_SCALE], json, NULL);

    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

char *params_scale_fetch(params *p, pe_error *errp)
{
    return text_fetch(p, PARAMS_KEY_SCALE, errp);
}

/* --- the keeper --- */

/* SET with [how], NX or XX: -1, or is it done? */
static int keeper_set(params *p, const char *id, int64_t ttl_ms,
                      const char *how, pe_error *errp)
{
    char ttl[24];
    redisReply *r;
    int done;

    snprintf(ttl, sizeof(ttl), "%" PRId64, ttl_ms);
    r = redis_link_ask(p->link, REDIS_REPLY_STATUS, errp, "SET",
                       p->names[PARAMS_KEY_KEEPER], id, "PX", ttl, how, NULL);
    if (!r)
        return -1;
    done = r->type == REDIS_REPLY_STATUS;
    freeReplyObject(r);
    return done;
}

int params_keeper_take(params *p, const char *id, int64_t ttl_ms,
                       pe_error *errp)
{
    int rc = keeper_set(p, id, ttl_ms, "NX", errp);
    char *there;

    if (rc != 0)
        return rc;
    there = params_keeper_fetch(p, errp);
    if (!there)
        return -1;
    if (!strcmp(there, id))
        rc = keeper_set(p, id, ttl_ms, "XX", errp);
    free(there);
    return rc;
}

int params_keeper_leave(params *p, const char *id, pe_error *errp)
{
    char *there = params_keeper_fetch(p, errp);
    redisReply *r;
    bool ours;

    if (!there)
        return -1;
    ours = !strcmp(there, id);
    free(there);
    if (!ours)
        return 0;
    r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "UNLINK",
                       p->names[PARAMS_KEY_KEEPER], NULL);
    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

char *params_keeper_fetch(params *p, pe_error *errp)
{
    return text_fetch(p, PARAMS_KEY_KEEPER, errp);
}

/* --- events: fields "NAME ID", their time --- */

static int event_call(params *p, const params_event *e, bool put,
                      pe_error *errp)
{
    char *field = text_format("%s %s", e->name, e->id), time[24];
    redisReply *r = NULL;

    snprintf(time, sizeof(time), "%" PRId64, e->time_ns);
    if (!field)
        pe_error_nomem(errp);
    else if (put)
        r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HSET",
                           p->names[PARAMS_KEY_EVENTS], field, time, NULL);
    else
        r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HDEL",
                           p->names[PARAMS_KEY_EVENTS], field, NULL);
    free(field);
    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

int params_event_put(params *p, const params_event *e, pe_error *errp)
{
    return event_call(p, e, true, errp);
}

int params_event_drop(params *p, const params_event *e, pe_error *errp)
{
    return event_call(p, e, false, errp);
}

/* A params_parse_f. */
static int event_parse(const char *field, const char *value, void *item,
                       pe_error *errp)
{
    params_event *e = item;
    const char *blank = strchr(field, ' ');
    uint64_t time = 0;

    if (!blank || params_number_parse(value, INT64_MAX, &time) < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "'%.80s' is no event: some other program wrote to "
                            "the keys of this run",
                            field);
    e->name = text_format("%.*s", (int)(blank - field), field);
    e->id = text_format("%s", blank + 1);
    e->time_ns = (int64_t)time;
    if (e->name && e->id)
        return 0;
    free(e->name);
    free(e->id);
    return pe_error_nomem(errp);
}

static int by_time(const void *a, const void *b)
{
    const params_event *x = a, *y = b;

    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

int params_events_fetch(params *p, params_event **out, size_t *np,
                        pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "HGETALL",
                                   p->names[PARAMS_KEY_EVENTS], NULL);
    int rc;

    *out = NULL;
    *np = 0;
    if (!r)
        return -1;
    rc = params_reply_hash(r, sizeof(**out), event_parse, out, np, errp);
    freeReplyObject(r);
    if (rc == 0 && *np > 1)
        qsort(*out, *np, sizeof(**out), by_time);
    if (rc == 0)
        return 0;
    params_events_free(*out, *np);
    *out = NULL;
    *np = 0;
    return -1;
}

void params_events_free(params_event *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(e[i].name);
        free(e[i].id);
    }
    free(e);
}
