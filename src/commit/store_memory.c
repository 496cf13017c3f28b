/* store_memory.c - the pool's state for runs without a parameter service. */
#include "store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "committer.h"
#include "frame.h"
#include "src/common/file.h"
#include "src/common/text.h"

/* The last commit of a writer. */
typedef struct last_commit {
    char *writer;
    char id[PE_COMMIT_ID_LEN + 1];
} last_commit;

struct store {
    pool_store base;
    params_state now;
    last_commit *last;
    size_t n_last;
};

static struct store *store_of(pool_store *s)
{
    return (struct store *)s;
}

params_state *pool_store_memory_state(pool_store *s)
{
    return &store_of(s)->now;
}

/* --- reading --- */

int pool_store_memory_copy(const params_state *from, params_state *out,
                           pe_error *errp)
{
    pe_buffer bytes = {0};
    frame_reader r;
    frame_writer w;
    int rc;

    *out = (params_state){0};
    frame_begin(&w, &bytes, errp);
    frame_put_state(&w, from);
    rc = frame_end(&w);
    if (rc == 0) {
        frame_open(&r, bytes.data, bytes.len);
        rc = frame_take_state(&r, out, errp);
    }
    if (rc == 0)
        rc = frame_check(&r, "a state", errp);
    if (rc < 0)
        params_state_free(out);
    pe_buffer_free(&bytes);
    return rc;
}

static int store_load(pool_store *s, params_state *out, pe_error *errp)
{
    return pool_store_memory_copy(&store_of(s)->now, out, errp);
}

static int store_ids(pool_store *s, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *fencep, pe_error *errp)
{
    const struct store *st = store_of(s);

    (void)errp;
    memcpy(commit, st->now.commit, sizeof(st->now.commit));
    *fencep = st->now.fence;
    return 0;
}

/* --- a commit: the answers of commit.lua, in its order --- */

static params_offset *offset_of(const struct store *st, const char *topic,
                                int32_t partition)
{
    for (size_t i = 0; i < st->now.n_offsets; i++) {
        params_offset *o = &st->now.offsets[i];
        if (o->partition == partition && !strcmp(o->topic, topic))
            return o;
    }
    return NULL;
}

/* A partition that was never heard of starts at 0. */
static int64_t next_of(const struct store *st, const params_range *r)
{
    const params_offset *o = offset_of(st, r->topic, r->partition);

    return o ? o->next : 0;
}

static last_commit *last_of(const struct store *st, const char *writer)
{
    for (size_t i = 0; i < st->n_last; i++)
        if (!strcmp(st->last[i].writer, writer))
            return &st->last[i];
    return NULL;
}

static enum params_answer answer_to(const struct store *st,
                                    const params_commit *c)
{
    const last_commit *last = last_of(st, c->writer);
    bool moves = false;

    if (last && !strcmp(last->id, c->id))
        return PARAMS_DUP;
    for (size_t i = 0; i < c->n_ranges; i++)
        moves = moves || c->ranges[i].to != c->ranges[i].from;
    if (!moves)
        return PARAMS_EMPTY;
    if (c->fence != st->now.fence)
        return PARAMS_FENCED;
    for (size_t i = 0; i < c->n_ranges; i++)
        if (next_of(st, &c->ranges[i]) != c->ranges[i].from)
            return PARAMS_OFFSET;
    return strcmp(st->now.commit, c->base) ? PARAMS_STALE : PARAMS_OK;
}

/* A new place at the end of a list of [size] each; NULL: no memory. */
static void *list_add(void *listp, size_t *np, size_t size)
{
    void *list;
    char *grown;

    memcpy(&list, listp, sizeof(list));
    grown = realloc(list, (*np + 1) * size);
    if (!grown)
        return NULL;
    memcpy(listp, &grown, sizeof(grown));
    memset(grown + *np * size, 0, size);
    return grown + (*np)++ * size;
}

static int keep_range(struct store *st, const params_range *r)
{
    params_state *now = &st->now;
    params_offset *o = offset_of(st, r->topic, r->partition);
    char *topic;

    if (!o) {
        topic = strdup(r->topic);
        o = topic ? list_add(&now->offsets, &now->n_offsets, sizeof(*o)) : NULL;
        if (!o) {
            free(topic);
            return -1;
        }
        o->topic = topic;
        o->partition = r->partition;
    }
    o->next = r->to;
    o->mark = r->mark;
    return 0;
}

static int keep_device(struct store *st, const params_device *d)
{
    params_state *now = &st->now;
    params_device *k = NULL;
    char *name;

    for (size_t i = 0; i < now->n_devices && !k; i++)
        if (!strcmp(now->devices[i].device, d->device))
            k = &now->devices[i];
    name = k ? k->device : strdup(d->device);
    if (!k && name)
        k = list_add(&now->devices, &now->n_devices, sizeof(*k));
    if (!k) {
        free(name);
        return -1;
    }
    *k = *d;
    k->device = name;
    return 0;
}

static int keep_last(struct store *st, const params_commit *c)
{
    last_commit *last = last_of(st, c->writer);
    char *name = last ? NULL : strdup(c->writer);

    if (!last && name &&
        (last = list_add(&st->last, &st->n_last, sizeof(*last))))
        last->writer = name;
    if (!last) {
        free(name);
        return -1;
    }
    memcpy(last->id, c->id, sizeof(last->id));
    return 0;
}

/* Half of it may be done where there is no memory: the pool then ends. */
static int keep(struct store *st, const params_commit *c, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->n_ranges; i++)
        rc = keep_range(st, &c->ranges[i]);
    for (size_t i = 0; rc == 0 && i < c->n_devices; i++)
        rc = keep_device(st, &c->devices[i]);
    st->now.model.len = 0;
    if (rc < 0 || keep_last(st, c) < 0)
        return pe_error_nomem(errp);
    if (c->model_len &&
        pe_buffer_append(&st->now.model, c->model, c->model_len, errp) < 0)
        return -1;
    memcpy(st->now.commit, c->id, sizeof(st->now.commit));
    st->now.version = c->version;
    st->now.time_ns = c->time_ns;
    commit_counters_add(&st->now.counters, &c->add);
    return PARAMS_OK;
}

static int store_send(pool_store *s, const params_commit *c, pe_error *errp)
{
    struct store *st = store_of(s);
    enum params_answer answer = answer_to(st, c);

    return answer == PARAMS_OK ? keep(st, c, errp) : (int)answer;
}

/* --- leaving --- */

static const params_offset *offset_at(const params_state *now, int32_t k)
{
    for (size_t i = 0; i < now->n_offsets; i++)
        if (now->offsets[i].partition == k)
            return &now->offsets[i];
    return NULL;
}

static int leave_file(const char *dir, const char *name, const void *data,
                      size_t len, pe_error *errp)
{
    char *path = text_format("%s/%s", dir, name);
    int rc =
        path ? file_write(path, data, len, 0600, errp) : pe_error_nomem(errp);

    free(path);
    return rc;
}

int pool_store_memory_leave(pool_store *s, const char *dir, const char *files,
                            pe_error *errp)
{
    const params_state *now = &store_of(s)->now;
    int32_t last = -1;
    text t = {0};
    int rc;

    if (!*now->commit || now->model.len == 0)
        return 0;
    text_add(&t,
             "{\"version\": %" PRIu64 ", \"blocks\": %" PRIu64
             ", \"points\": %" PRIu64 ", \"offsets\": [",
             now->version, now->counters.applied, now->counters.points);
    for (size_t i = 0; i < now->n_offsets; i++)
        if (now->offsets[i].partition > last)
            last = now->offsets[i].partition;
    for (int32_t k = 0; k <= last; k++) {
        const params_offset *o = offset_at(now, k);

        text_add(&t, "%s%" PRId64, k ? ", " : "", o ? o->next : 0);
    }
    text_add(&t, "]%s%s}\n", files ? ", \"files\": " : "", files ? files : "");
    rc = t.failed ? pe_error_nomem(errp)
                  : leave_file(dir, "model.safetensors", now->model.data,
                               now->model.len, errp);
    if (rc == 0)
        rc = leave_file(dir, "final.json", t.data, t.len, errp);
    text_free(&t);
    return rc;
}

/* --- what needs others --- */

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
    struct store *st = store_of(s);

    if (!s)
        return;
    params_state_free(&st->now);
    for (size_t i = 0; i < st->n_last; i++)
        free(st->last[i].writer);
    free(st->last);
    free(st);
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
