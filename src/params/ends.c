/* ends.c - where each device's stream of records ends (rule 9). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"
#include "src/params/args.h"
#include "src/params/private.h"
#include "src/params/reply.h"

#define CLEAR_TRIES 20 /* a device writes its end once, so two are enough */

/* --- signed --- */

/* Where records are signed an end is, too: "VALUE HEX", by the device that it
 * is of, of this run and layer.  1: [hex] is that; 0: we have no key of it.
 */
static int sign(params *p, const char *device, const char *value,
                char hex[SEAL_HEX + 1], pe_error *errp)
{
    if (!p->sign)
        return 0;
    if (!p->seal && !(p->seal = seal_open(p->sign, errp)))
        return -1;
    return seal_text(
        p->seal,
        &(seal_words){p->run, device, p->names[PARAMS_KEY_ENDS], value}, hex,
        errp);
}

/* May what stands there be believed?  Who has no key of a device believes it:
 * it does not wait for that one.
 */
static int is_true(params *p, const char *device, const char *text,
                   pe_error *errp)
{
    char value[64], hex[SEAL_HEX + 1];
    const char *said = strchr(text, ' ');
    int rc;

    snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, " "), text);
    rc = sign(p, device, value, hex, errp);
    if (rc <= 0)
        return rc < 0 ? -1 : 1;
    if (said && seal_same(hex, said + 1))
        return 1;
    if (!p->forged_told)
        log_warn("the end of device %.100s in %s is not signed by it, and is "
                 "not believed, as all such are from here on",
                 device, p->names[PARAMS_KEY_ENDS]);
    p->forged_told = true;
    return 0;
}

/* --- put --- */

/* Does it stand there, of a device, that it has no end yet?  Or what is not
 * believed, which is written over like that.
 */
static int is_open(params *p, const char *device, bool *openp, pe_error *errp)
{
    params_end *ends = NULL;
    bool there = false;
    size_t n = 0;

    *openp = false;
    if (params_ends_fetch(p, &ends, &n, errp) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        bool is = !strcmp(ends[i].device, device);

        there = there || is;
        *openp = *openp || (is && ends[i].next == PARAMS_END_OPEN);
    }
    *openp = *openp || (p->sign && !there);
    params_ends_free(ends, n);
    return 0;
}

int params_end_put(params *p, const params_end *e, pe_error *errp)
{
    bool open = false;
    char value[64], whole[64 + 1 + SEAL_HEX], hex[SEAL_HEX + 1];
    redisReply *r;
    int rc;

    if (!e->device || !*e->device || e->partition < 0 || e->next < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "the end of device '%s' lacks a name, a partition "
                            "or an offset",
                            e->device ? e->device : "");
    snprintf(value, sizeof(value), "%d/%" PRId64 "%s", (int)e->partition,
             e->next, e->dead ? "/dead" : "");
    if (e->dead && is_open(p, e->device, &open, errp) < 0)
        return -1;
    rc = sign(p, e->device, value, hex, errp);
    if (rc < 0)
        return -1;
    if (rc > 0)
        snprintf(whole, sizeof(whole), "%s %s", value, hex);
    r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp,
                       e->dead && !open ? "HSETNX" : "HSET",
                       p->names[PARAMS_KEY_ENDS], e->device,
                       rc > 0 ? whole : value, NULL);
    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

/* Of a run that is signed: what is not believed is left out, whatever it is. */
static int ends_believe(params *p, const redisReply *r, params_end **out,
                        size_t *np, pe_error *errp)
{
    *out = calloc(r->elements / 2 + 1, sizeof(**out));
    if (!*out)
        return pe_error_nomem(errp);
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        const char *device = redis_reply_text(r->element[i], "");
        const char *value = redis_reply_text(r->element[i + 1], "");
        int rc = is_true(p, device, value, errp);

        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        if (params_end_parse(device, value, &(*out)[*np], errp) < 0)
            return -1;
        ++*np;
    }
    return 0;
}

static int ends_parse(params *p, const redisReply *r, params_end **out,
                      size_t *np, pe_error *errp)
{
    *out = NULL;
    *np = 0;
    if (redis_reply_check(r, REDIS_REPLY_ARRAY, p->link->name, "HGETALL",
                          errp) == 0 &&
        (p->sign ? ends_believe(p, r, out, np, errp)
                 : params_reply_hash(r, sizeof(**out), params_end_parse, out,
                                     np, errp)) == 0)
        return 0;
    params_ends_free(*out, *np);
    *out = NULL;
    *np = 0;
    return -1;
}

int params_ends_fetch(params *p, params_end **out, size_t *np, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "HGETALL",
                                   p->names[PARAMS_KEY_ENDS], NULL);

    if (!r)
        return -1;
    int rc = ends_parse(p, r, out, np, errp);
    freeReplyObject(r);
    return rc;
}

void params_ends_free(params_end *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(e[i].device);
    free(e);
}

int params_ends_clear(params *p, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "DEL",
                                   p->names[PARAMS_KEY_ENDS], NULL);

    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

/* --- forget the dead --- */

/* WATCH the ends and read them. */
static int watch_ends(params *p, params_end **out, size_t *np, pe_error *errp)
{
    const char *key = p->names[PARAMS_KEY_ENDS];
    const char *watch[] = {"WATCH", key};
    const char *get[] = {"HGETALL", key};
    const redis_command cmds[] = {{2, watch, NULL}, {2, get, NULL}};
    redisReply *r[2];

    if (redis_link_call(p->link, cmds, 2, r, errp) < 0)
        return -1;
    int rc = redis_reply_check(r[0], REDIS_REPLY_STATUS, p->link->name, "WATCH",
                               errp);
    if (rc == 0)
        rc = ends_parse(p, r[1], out, np, errp);
    redis_replies_free(r, 2);
    return rc;
}

/* Delete the dead among [ends] unless any end changed since WATCH.  1: done;
 * 0: changed; -1: error.  Never on a new connection, which watches nothing.
 */
static int delete_dead(params *p, const params_end *ends, size_t n,
                       pe_error *errp)
{
    const char *multi = "MULTI", *exec = "EXEC";
    redis_command cmds[3] = {{1, &multi, NULL}, {0}, {1, &exec, NULL}};
    redis_args a = {0};
    redisReply *r[3] = {0};
    int rc = -1;

    redis_args_addf(&a, "HDEL");
    redis_args_addf(&a, "%s", p->names[PARAMS_KEY_ENDS]);
    redis_args_addf(&a, "%s", ""); /* HDEL wants a field at least */
    for (size_t i = 0; i < n; i++)
        if (ends[i].dead)
            redis_args_add(&a, ends[i].device, strlen(ends[i].device));
    if (a.failed) {
        pe_error_nomem(errp);
        goto done;
    }
    cmds[1] = (redis_command){a.n, a.argv, a.lens};
    if (redis_link_try(p->link, cmds, 3, r, errp) < 0)
        goto done;
    for (int i = 0; i < 2; i++)
        if (redis_reply_check(r[i], REDIS_REPLY_STATUS, p->link->name, "HDEL",
                              errp) < 0)
            goto done;
    if (r[2]->type == REDIS_REPLY_NIL)
        rc = 0;
    else if (redis_reply_check(r[2], REDIS_REPLY_ARRAY, p->link->name, "EXEC",
                               errp) == 0)
        rc = 1;
done:
    redis_replies_free(r, 3);
    redis_args_free(&a);
    return rc;
}

int params_end_clear_dead(params *p, pe_error *errp)
{
    params_end *ends;
    size_t n;

    for (int tries = 0; tries < CLEAR_TRIES; tries++) {
        if (watch_ends(p, &ends, &n, errp) < 0)
            return -1;
        int rc = delete_dead(p, ends, n, errp);
        params_ends_free(ends, n);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "the ends in %s change all the time; try again",
                        p->names[PARAMS_KEY_ENDS]);
}
