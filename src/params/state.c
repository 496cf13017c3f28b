/* state.c - read what a run has committed, in one step. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/params/private.h"
#include "src/params/reply.h"
#include "src/params/sha1.h"

/* Fields of the state hash that every reader asks for, in this order; the
 * counters may follow.
 */
#define HEAD_FIELDS "commit", "version", "fence", "time_ns", "digest"
#define HEAD_N 5

typedef struct head {
    const char *commit, *digest; /* in the reply */
    uint64_t version, fence, time_ns;
} head;

static int refuse_state(const params *p, const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s in %s is malformed: some other program wrote to "
                        "the keys of this run",
                        what, p->names[PARAMS_KEY_STATE]);
}

/* Number in element [i] of [r]; absent: 0. */
static int number_at(const redisReply *r, size_t i, uint64_t max,
                     uint64_t *valuep)
{
    return params_number_parse(params_reply_text(r->element[i], "0"), max,
                               valuep);
}

static int head_parse(const params *p, const redisReply *r, size_t n, head *h,
                      pe_error *errp)
{
    if (params_reply_check(r, REDIS_REPLY_ARRAY, p->link->name, "HMGET", errp) <
        0)
        return -1;
    if (r->elements != n)
        return refuse_state(p, "the number of fields", errp);
    h->commit = params_reply_text(r->element[0], "");
    if (!h->commit || (*h->commit && params_id_check(h->commit) < 0))
        return refuse_state(p, "commit", errp);
    h->digest = params_reply_text(r->element[4], "");
    if (!h->digest)
        return refuse_state(p, "digest", errp);
    if (number_at(r, 1, INT64_MAX, &h->version) < 0 ||
        number_at(r, 2, PARAMS_FENCE_MAX, &h->fence) < 0 ||
        number_at(r, 3, INT64_MAX, &h->time_ns) < 0)
        return refuse_state(p, "version, fence or time_ns", errp);
    return 0;
}

static int counters_parse(const params *p, const redisReply *r,
                          params_counters *c, pe_error *errp)
{
    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        if (number_at(r, HEAD_N + i, INT64_MAX, params_counter_at(c, i)) < 0)
            return refuse_state(p, params_counter_fields[i].name, errp);
    return 0;
}

/* Copy the model behind [h] into [out], whose memory is used again. */
static int model_copy(const params *p, const redisReply *r, const head *h,
                      pe_buffer *out, pe_error *errp)
{
    char digest[PARAMS_SHA1_LEN + 1];

    out->len = 0;
    if (!*h->commit)
        return 0;
    if (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_NIL)
        return params_reply_check(r, REDIS_REPLY_STRING, p->link->name, "GET",
                                  errp);
    params_sha1_hex(r->str, r->str ? r->len : 0, digest);
    if (r->type == REDIS_REPLY_NIL || strcmp(digest, h->digest) != 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_DATA,
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

/* Offsets, and devices where [n] is 2. */
static int hashes_parse(const params *p, redisReply **r, size_t n,
                        params_state *s, pe_error *errp)
{
    for (size_t i = 0; i < n; i++)
        if (params_reply_check(r[i], REDIS_REPLY_ARRAY, p->link->name,
                               "HGETALL", errp) < 0)
            return -1;
    if (params_reply_hash(r[0], sizeof(*s->offsets), params_offset_parse,
                          &s->offsets, &s->n_offsets, errp) < 0)
        return -1;
    if (n < 2)
        return 0;
    return params_reply_hash(r[1], sizeof(*s->devices), params_device_parse,
                             &s->devices, &s->n_devices, errp);
}

/* Fill [s] from the replies to HMGET, GET and [n] - 2 times HGETALL. */
static int state_parse(const params *p, redisReply **r, size_t n,
                       params_state *s, pe_error *errp)
{
    head h;

    if (head_parse(p, r[0], HEAD_N + PARAMS_N_COUNTERS, &h, errp) < 0 ||
        counters_parse(p, r[0], &s->counters, errp) < 0 ||
        model_copy(p, r[1], &h, &s->model, errp) < 0 ||
        hashes_parse(p, r + 2, n - 2, s, errp) < 0)
        return -1;
    memcpy(s->commit, h.commit, strlen(h.commit) + 1);
    s->version = h.version;
    s->fence = h.fence;
    s->time_ns = (int64_t)h.time_ns;
    return 0;
}

/* The state by the first [n] of its four commands, in one step. */
static int fetch(params *p, size_t n, params_state *out, pe_error *errp)
{
    const char *state[2 + HEAD_N + PARAMS_N_COUNTERS] = {
        "HMGET", p->names[PARAMS_KEY_STATE], HEAD_FIELDS};
    const char *model[] = {"GET", p->names[PARAMS_KEY_MODEL]};
    const char *offsets[] = {"HGETALL", p->names[PARAMS_KEY_OFFSETS]};
    const char *devices[] = {"HGETALL", p->names[PARAMS_KEY_DEVICES]};
    const params_command cmds[] = {
        {2 + HEAD_N + PARAMS_N_COUNTERS, state, NULL},
        {2, model, NULL},
        {2, offsets, NULL},
        {2, devices, NULL}};
    redisReply *r;

    *out = (params_state){0};
    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        state[2 + HEAD_N + i] = params_counter_fields[i].name;
    r = params_link_multi(p->link, cmds, n, errp);
    if (!r)
        return -1;
    int rc = state_parse(p, r->element, n, out, errp);
    freeReplyObject(r);
    if (rc < 0)
        params_state_free(out);
    return rc;
}

int params_state_fetch(params *p, params_state *out, pe_error *errp)
{
    return fetch(p, 4, out, errp);
}

int params_newest_fetch(params *p, params_state *out, pe_error *errp)
{
    return fetch(p, 3, out, errp);
}

void params_state_free(params_state *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_offsets; i++)
        free(s->offsets[i].topic);
    for (size_t i = 0; i < s->n_devices; i++)
        free(s->devices[i].device);
    free(s->offsets);
    free(s->devices);
    free(s->model.data);
    *s = (params_state){0};
}

int params_ids_fetch(params *p, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *versionp, uint64_t *fencep, pe_error *errp)
{
    head h;
    redisReply *r =
        params_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "HMGET",
                        p->names[PARAMS_KEY_STATE], HEAD_FIELDS, NULL);

    if (!r)
        return -1;
    int rc = head_parse(p, r, HEAD_N, &h, errp);
    if (rc == 0) {
        memcpy(commit, h.commit, strlen(h.commit) + 1);
        *versionp = h.version;
        *fencep = h.fence;
    }
    freeReplyObject(r);
    return rc;
}

int params_model_fetch(params *p, pe_buffer *out,
                       char commit[PE_COMMIT_ID_LEN + 1], uint64_t *versionp,
                       int64_t *time_nsp, pe_error *errp)
{
    const char *state[] = {"HMGET", p->names[PARAMS_KEY_STATE], HEAD_FIELDS};
    const char *model[] = {"GET", p->names[PARAMS_KEY_MODEL]};
    const params_command cmds[] = {{2 + HEAD_N, state, NULL}, {2, model, NULL}};
    head h;
    redisReply *r = params_link_multi(p->link, cmds, 2, errp);

    if (!r)
        return -1;
    int rc = head_parse(p, r->element[0], HEAD_N, &h, errp);
    if (rc == 0)
        rc = model_copy(p, r->element[1], &h, out, errp);
    if (rc == 0) {
        memcpy(commit, h.commit, strlen(h.commit) + 1);
        *versionp = h.version;
        *time_nsp = (int64_t)h.time_ns;
    }
    freeReplyObject(r);
    return rc;
}

int params_offset_init(params *p, const char *topic, int32_t partition,
                       int64_t offset, int64_t *storedp, pe_error *errp)
{
    char field[512], value[32];
    const char *key = p->names[PARAMS_KEY_OFFSETS];
    const char *set[] = {"HSETNX", key, field, value};
    const char *get[] = {"HGET", key, field};
    const params_command cmds[] = {{4, set, NULL}, {3, get, NULL}};
    uint64_t stored;

    int len = snprintf(field, sizeof(field), "%s/%d", topic, (int)partition);
    if (!*topic || len < 0 || (size_t)len >= sizeof(field) || partition < 0 ||
        offset < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "'%.300s' partition %d offset %" PRId64
                            " is no place to start from",
                            topic, (int)partition, offset);
    snprintf(value, sizeof(value), "%" PRId64, offset);
    redisReply *r = params_link_multi(p->link, cmds, 2, errp);
    if (!r)
        return -1;
    int rc = params_number_parse(params_reply_text(r->element[1], NULL),
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
