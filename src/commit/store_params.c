/* store_params.c - the pool's state in the parameter service. */
#include "store.h"

#include <stdlib.h>

struct store {
    pool_store base;
    params *params;
    char topic[256];
};

static params *params_of(pool_store *s)
{
    return ((struct store *)s)->params;
}

static int store_load(pool_store *s, params_state *out, pe_error *errp)
{
    return params_state_fetch(params_of(s), out, errp);
}

static int store_send(pool_store *s, const params_commit *c, pe_error *errp)
{
    return params_commit_send(params_of(s), c, errp);
}

static int store_ids(pool_store *s, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *fencep, pe_error *errp)
{
    uint64_t version;

    return params_ids_fetch(params_of(s), commit, &version, fencep, errp);
}

static int store_first(pool_store *s, int32_t partition, int64_t offset,
                       int64_t *storedp, pe_error *errp)
{
    struct store *st = (struct store *)s;

    return params_offset_init(st->params, st->topic, partition, offset, storedp,
                              errp);
}

static int store_ends(pool_store *s, params_end **out, size_t *np,
                      pe_error *errp)
{
    return params_ends_fetch(params_of(s), out, np, errp);
}

static int store_control(pool_store *s, char *word, size_t cap, pe_error *errp)
{
    return params_control_fetch(params_of(s), word, cap, errp);
}

static int store_place(pool_store *s, char *stage, size_t cap, pe_error *errp)
{
    return params_place_fetch(params_of(s), PARAMS_PLACE_POOL, stage, cap,
                              errp);
}

static int store_lease(pool_store *s, const params_member *m, unsigned words,
                       params_share *out, pe_error *errp)
{
    return params_lease_beat(params_of(s), m, words, out, errp);
}

static int store_next(pool_store *s, const char *who, int64_t ms,
                      pe_error *errp)
{
    params *p = params_of(s);
    int rc = ms > 0    ? params_next_ask(p, who, ms, errp)
             : ms == 0 ? params_next_look(p, who, errp)
                       : params_next_drop(p, who, errp);

    return rc < 0 ? -1 : rc == 1;
}

static void store_cut(pool_store *s)
{
    params_cut(params_of(s));
}

static void store_close(pool_store *s)
{
    if (!s)
        return;
    params_close(params_of(s));
    free(s);
}

static const pool_store_ops ops = {
    .durable = true,
    .load = store_load,
    .send = store_send,
    .ids = store_ids,
    .first = store_first,
    .ends = store_ends,
    .control = store_control,
    .place = store_place,
    .lease = store_lease,
    .next = store_next,
    .service = params_of,
    .cut = store_cut,
    .close = store_close,
};

pool_store *pool_store_params(const pipeline *pl, const pipeline_request *req,
                              pe_error *errp)
{
    struct store *s = calloc(1, sizeof(*s));
    params_conf conf = {0};

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->base.ops = &ops;
    pipeline_request_params(req, &conf);
    pipeline_topic(pl, req->run, "", s->topic, sizeof(s->topic));
    s->params = params_open(&conf, pipeline_request_key(req), errp);
    if (!s->params) {
        free(s);
        return NULL;
    }
    return &s->base;
}
