/* store_memory.c - the pool's state for runs without a parameter service. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

struct store {
    pool_store base;
    char commit[PE_COMMIT_ID_LEN + 1];
};

static int store_load(pool_store *s, params_state *out, pe_error *errp)
{
    (void)s;
    (void)errp;
    memset(out, 0, sizeof(*out));
    return 0;
}

static int store_send(pool_store *s, const params_commit *c, pe_error *errp)
{
    struct store *st = (struct store *)s;

    (void)errp;
    memcpy(st->commit, c->id, sizeof(st->commit));
    return PARAMS_OK;
}

static int store_ids(pool_store *s, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *fencep, pe_error *errp)
{
    const struct store *st = (const struct store *)s;

    (void)errp;
    memcpy(commit, st->commit, sizeof(st->commit));
    *fencep = 0;
    return 0;
}

static int store_first(pool_store *s, int32_t partition, int64_t offset,
                       int64_t *storedp, pe_error *errp)
{
    (void)s;
    (void)partition;
    (void)errp;
    *storedp = offset;
    return 0;
}

static int store_ends(pool_store *s, params_end **out, size_t *np,
                      pe_error *errp)
{
    (void)s;
    (void)errp;
    *out = NULL;
    *np = 0;
    return 0;
}

static int store_control(pool_store *s, char *word, size_t cap, pe_error *errp)
{
    (void)s;
    (void)errp;
    if (cap > 0)
        word[0] = '\0';
    return 0;
}

/* Nobody else is here. */
static int store_lease(pool_store *s, const params_member *m, unsigned words,
                       params_share *out, pe_error *errp)
{
    params_lease *l = calloc(1, sizeof(*l));

    (void)s;
    (void)words;
    *out = (params_share){.share = m->partitions, .leases = l, .n = l ? 1 : 0};
    if (!l)
        return pe_error_nomem(errp);
    l->member = strdup(m->name);
    l->partitions = calloc((size_t)m->partitions, sizeof(*l->partitions));
    if (!l->member || !l->partitions)
        return pe_error_nomem(errp);
    for (int32_t k = 0; k < m->partitions; k++)
        l->partitions[l->n_partitions++] = k;
    return 0;
}

static void store_close(pool_store *s)
{
    free(s);
}

static const pool_store_ops ops = {
    .durable = false,
    .load = store_load,
    .send = store_send,
    .ids = store_ids,
    .first = store_first,
    .ends = store_ends,
    .control = store_control,
    .lease = store_lease,
    .close = store_close,
};

pool_store *pool_store_memory(pe_error *errp)
{
    struct store *s = calloc(1, sizeof(*s));

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->base.ops = &ops;
    return &s->base;
}
