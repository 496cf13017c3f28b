/* state.c - read what a run has committed, in one step. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/params/history.h"
#include "src/params/layout.h"
#include "src/params/private.h"
#include "src/params/reply.h"

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

/* --- parts of it --- */

static int refuse_key(const params *p, enum params_key key, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s is malformed: some other program wrote to the "
                        "keys of this run",
                        p->names[key]);
}

static int fence_parse(const params *p, const redisReply *r, uint64_t *fencep,
                       pe_error *errp)
{
    return params_number_parse(redis_reply_text(r, "0"), PARAMS_FENCE_MAX,
                               fencep) < 0
               ? refuse_key(p, PARAMS_KEY_FENCE, errp)
               : 0;
}

/* The first PARAMS_HEAD_MAX bytes of the state in [r]. */
static int head_parse(const params *p, const redisReply *r, params_head *h,
                      pe_error *errp)
{
    const char *text = redis_reply_text(r, "");

    return !text || params_head_parse(text, h) < 0
               ? refuse_key(p, PARAMS_KEY_STATE, errp)
               : 0;
}

/* Copy the model behind [h] into [out], whose memory is used again.  [kind] of
 * error where it is not: a device may wait for the next one.
 */
static int model_copy(const params *p, const redisReply *r,
                      const params_head *h, pe_buffer *out,
                      enum pe_error_class kind, pe_error *errp)
{
    char digest[DIGEST_SHA1_HEX + 1];

    out->len = 0;
    if (!*h->commit)
        return 0;
    if (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_NIL)
        return redis_reply_check(r, REDIS_REPLY_STRING, p->link->name, "GET",
                                 errp);
    if (digest_sha1(r->str, r->str ? r->len : 0, digest, errp) < 0)
        return -1;
    if (r->type == REDIS_REPLY_NIL || strcmp(digest, h->digest) != 0)
        return pe_error_set(errp, kind, PE_EXIT_DATA,
                            "the model in %s is not the one of commit %s: it "
                            "was evicted, or some other program wrote to it",
                            p->names[PARAMS_KEY_MODEL], h->commit);
    if (r->len > out->cap) {
        unsigned char *data = realloc(out->data, r->len);
        if (!data)
            return pe_error_nomem(errp);
        out->data = data;
        out->cap = r->len;
    }
    if (r->len)
        memcpy(out->data, r->str, r->len);
    out->len = r->len;
    return 0;
}

/* --- offsets: of a partition without commits, its first one --- */

static int by_place(const void *a, const void *b)
{
    const params_offset *x = a, *y = b;
    int rc = strcmp(x->topic, y->topic);

    if (rc)
        return rc;
    return (x->partition > y->partition) - (x->partition < y->partition);
}

void params_offsets_free(params_offset *o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(o[i].topic);
    free(o);
}

/* Those of [first] that [s] has not, which is all of them or none where it
 * fails.
 */
static int offsets_add(params_state *s, params_offset *first, size_t n,
                       pe_error *errp)
{
    size_t had = s->n_offsets;
    params_offset *all =
        realloc(s->offsets, (had + n + 1) * sizeof(*s->offsets));

    if (!all)
        return pe_error_nomem(errp);
    s->offsets = all;
    qsort(all, had, sizeof(*all), by_place);
    for (size_t i = 0; i < n; i++) {
        if (bsearch(&first[i], all, had, sizeof(*all), by_place))
            continue;
        all[s->n_offsets++] = first[i];
        first[i].topic = NULL;
    }
    return 0;
}

/* *out is to be freed in any case. */
static int firsts_parse(const params *p, const redisReply *r,
                        params_offset **out, size_t *np, pe_error *errp)
{
    *out = NULL;
    *np = 0;
    if (redis_reply_check(r, REDIS_REPLY_ARRAY, p->link->name, "HGETALL",
                          errp) < 0)
        return -1;
    return params_reply_hash(r, sizeof(**out), params_offset_parse, out, np,
                             errp);
}

static int first_parse(const params *p, const redisReply *r, params_state *s,
                       pe_error *errp)
{
    params_offset *first;
    size_t n;
    int rc = firsts_parse(p, r, &first, &n, errp);

    if (rc == 0)
        rc = offsets_add(s, first, n, errp);
    params_offsets_free(first, n);
    return rc;
}

/* --- all of it --- */

/* Fill [s] from the replies to GET, GET, GET and HGETALL. */
static int state_parse(const params *p, redisReply **r, params_state *s,
                       pe_error *errp)
{
    const char *text = redis_reply_text(r[0], "");
    params_head h;

    if (!text)
        return refuse_key(p, PARAMS_KEY_STATE, errp);
    if (params_layout_parse(text, p->names[PARAMS_KEY_STATE], &h, s, errp) <
            0 ||
        model_copy(p, r[1], &h, &s->model, PE_ERROR_FATAL, errp) < 0 ||
        fence_parse(p, r[2], &s->fence, errp) < 0)
        return -1;
    return first_parse(p, r[3], s, errp);
}

int params_state_facts(const params *p, const redisReply *state,
                       const redisReply *first, params_state *out, char *kind,
                       pe_error *errp)
{
    const char *text = redis_reply_text(state, "");
    params_head h;

    if (!text)
        return refuse_key(p, PARAMS_KEY_STATE, errp);
    if (params_layout_parse(text, p->names[PARAMS_KEY_STATE], &h, out, errp) <
        0)
        return -1;
    memcpy(kind, h.kind, sizeof(h.kind));
    return first_parse(p, first, out, errp);
}

int params_state_fetch(params *p, params_state *out, pe_error *errp)
{
    const char *state[] = {"GET", p->names[PARAMS_KEY_STATE]};
    const char *model[] = {"GET", p->names[PARAMS_KEY_MODEL]};
    const char *fence[] = {"GET", p->names[PARAMS_KEY_FENCE]};
    const char *first[] = {"HGETALL", p->names[PARAMS_KEY_FIRST]};
    const redis_command cmds[] = {
        {2, state, NULL}, {2, model, NULL}, {2, fence, NULL}, {2, first, NULL}};
    redisReply *r;

    *out = (params_state){0};
    r = redis_link_multi(p->link, cmds, 4, errp);
    if (!r)
        return -1;
    int rc = state_parse(p, r->element, out, errp);
    freeReplyObject(r);
    if (rc < 0)
        params_state_free(out);
    return rc;
}

void params_state_free(params_state *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_devices; i++)
        free(s->devices[i].device);
    params_offsets_free(s->offsets, s->n_offsets);
    free(s->devices);
    free(s->model.data);
    *s = (params_state){0};
}

/* --- its head --- */

/* The head and what [second] asks, in one step; NULL: error. */
static redisReply *head_ask(params *p, redis_command second, params_head *h,
                            pe_error *errp)
{
    const char *state[] = {"GETRANGE", p->names[PARAMS_KEY_STATE], "0",
                           TEXT(PARAMS_HEAD_MAX)};
    const redis_command cmds[] = {{4, state, NULL}, second};
    redisReply *r = redis_link_multi(p->link, cmds, 2, errp);

    if (r && head_parse(p, r->element[0], h, errp) < 0) {
        freeReplyObject(r);
        return NULL;
    }
    return r;
}

int params_ids_fetch(params *p, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *versionp, uint64_t *fencep, pe_error *errp)
{
    const char *fence[] = {"GET", p->names[PARAMS_KEY_FENCE]};
    params_head h;
    redisReply *r = head_ask(p, (redis_command){2, fence, NULL}, &h, errp);

    if (!r)
        return -1;
    int rc = fence_parse(p, r->element[1], fencep, errp);
    freeReplyObject(r);
    if (rc == 0) {
        memcpy(commit, h.commit, sizeof(h.commit));
        *versionp = h.version;
    }
    return rc;
}

int params_model_fetch(params *p, pe_buffer *out,
                       char commit[PE_COMMIT_ID_LEN + 1], uint64_t *versionp,
                       int64_t *time_nsp, pe_error *errp)
{
    const char *model[] = {"GET", p->names[PARAMS_KEY_MODEL]};
    params_head h;
    redisReply *r = head_ask(p, (redis_command){2, model, NULL}, &h, errp);

    if (!r)
        return -1;
    int rc = model_copy(p, r->element[1], &h, out, PE_ERROR_RETRY, errp);
    freeReplyObject(r);
    if (rc == 0) {
        memcpy(commit, h.commit, sizeof(h.commit));
        *versionp = h.version;
        *time_nsp = (int64_t)h.time_ns;
    }
    return rc;
}

/* --- where a run starts --- */

int params_offset_init(params *p, const char *topic, int32_t partition,
                       int64_t offset, int64_t *storedp, pe_error *errp)
{
    char field[512], value[32];
    const char *key = p->names[PARAMS_KEY_FIRST];
    const char *set[] = {"HSETNX", key, field, value};
    const char *get[] = {"HGET", key, field};
    const redis_command cmds[] = {{4, set, NULL}, {3, get, NULL}};
    uint64_t stored;

    int len = snprintf(field, sizeof(field), "%s/%d", topic, (int)partition);
    if (!*topic || len < 0 || (size_t)len >= sizeof(field) || partition < 0 ||
        offset < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "'%.300s' partition %d offset %" PRId64
                            " is no place to start from",
                            topic, (int)partition, offset);
    snprintf(value, sizeof(value), "%" PRId64, offset);
    redisReply *r = redis_link_multi(p->link, cmds, 2, errp);
    if (!r)
        return -1;
    int rc = params_number_parse(redis_reply_text(r->element[1], NULL),
                                 INT64_MAX, &stored);
    if (rc < 0)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                     "the offset of %s in %s is no number: some other program "
                     "wrote to the keys of this run",
                     field, key);
    else
        *storedp = (int64_t)stored;
    freeReplyObject(r);
    return rc;
}

int params_firsts_fetch(params *p, params_offset **out, size_t *np,
                        pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "HGETALL",
                                   p->names[PARAMS_KEY_FIRST], NULL);

    if (!r)
        return -1;
    int rc = firsts_parse(p, r, out, np, errp);
    freeReplyObject(r);
    if (rc < 0)
        params_offsets_free(*out, *np);
    return rc;
}
