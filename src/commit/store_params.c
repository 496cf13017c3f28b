/* store_params.c - the pool's state in the parameter service. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

#include "src/agent/event.h"
#include "src/common/log.h"

struct store {
    pool_store base;
    params *params;
    char topic[256], run[256];
    params_offset *firsts; /* where the run began, as it was read first */
    size_t n_firsts;
};

static params *params_of(pool_store *s)
{
    return ((struct store *)s)->params;
}

static void tell_lost(const struct store *st)
{
    char words[600];

    snprintf(words, sizeof(words),
             "the parameter service has nothing any more of run '%.80s': it "
             "was emptied, or another one has its address; all of the topic is "
             "learned again (to have the old one instead: 'pilot cancel --run "
             "%.80s', start that one, 'pilot run --resume %.80s')",
             st->run, st->run, st->run);
    log_warn("%s", words);
    event_print(event_note(st->run, words));
}

/* Without them no commit is taken: where a service has lost all, the run begins
 * again where it began.
 */
static int store_firsts(struct store *st, params_state *out, pe_error *errp)
{
    int64_t stored;

    tell_lost(st);
    for (size_t i = 0; i < st->n_firsts; i++) {
        const params_offset *o = &st->firsts[i];
        if (params_offset_init(st->params, o->topic, o->partition, o->next,
                               &stored, errp) < 0)
            return -1;
    }
    return params_state_fetch(st->params, out, errp);
}

static int store_load(pool_store *s, params_state *out, pe_error *errp)
{
    struct store *st = (struct store *)s;
    params_offset *firsts = NULL;
    size_t n = 0;

    if (params_state_fetch(st->params, out, errp) < 0)
        return -1;
    if (out->n_offsets == 0 && st->n_firsts > 0) {
        params_state_free(out);
        return store_firsts(st, out, errp);
    }
    if (st->n_firsts > 0)
        return 0;
    if (params_firsts_fetch(st->params, &firsts, &n, errp) < 0) {
        params_state_free(out);
        return -1;
    }
    params_offsets_free(st->firsts, st->n_firsts);
    st->firsts = firsts;
    st->n_firsts = n;
    return 0;
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
    params_offsets_free(((struct store *)s)->firsts,
                        ((struct store *)s)->n_firsts);
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
    snprintf(s->run, sizeof(s->run), "%s", req->run);
    pipeline_request_params(req, &conf);
    pipeline_topic(pl, req->run, "", s->topic, sizeof(s->topic));
    s->params = params_open(&conf, pipeline_request_key(req), errp);
    if (!s->params) {
        free(s);
        return NULL;
    }
    return &s->base;
}
