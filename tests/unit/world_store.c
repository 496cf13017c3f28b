/* world_store.c - a store that plays a part in a pool's life. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/audit/audit.h"
#include "src/common/clock.h"
#include "src/common/random.h"
#include "src/pool/pool_private.h"

#define COMMITS_OF_B 3 /* before it leaves, and before all goes on */

/* --- the store: what is in it --- */

/* The store in memory, and what happens to it. */
struct store {
    pool_store base;
    pool_store *inner;
    params_state *now;   /* what is in it */
    params_state before; /* what a roll-back leads to */
    const world_script *script;
    const char *kind; /* of the model */
    const char *go;
    atomic_int *drain;
    char owner[WORLD_PARTITIONS]; /* 'a' the pool, 'b', 0 nobody */
    bool b_there, b_was, stolen, rolled_back, left, went;
    int64_t ours;
    int commits_of_b;
};

/* A store with [from] in it, or with all offsets at 0. */
static void open_inner(struct store *s, const params_state *from)
{
    if (s->inner)
        s->inner->ops->close(s->inner);
    s->inner = pool_store_memory(NULL);
    if (!s->inner)
        exit(1);
    s->now = pool_store_memory_state(s->inner);
    if (from) {
        if (pool_store_memory_copy(from, s->now, NULL) < 0)
            exit(1);
        return;
    }
    s->now->offsets = calloc(WORLD_PARTITIONS, sizeof(*s->now->offsets));
    if (!s->now->offsets)
        exit(1);
    for (int32_t k = 0; k < WORLD_PARTITIONS; k++)
        s->now->offsets[k] = (params_offset){strdup(WORLD_TOPIC), k, 0, 0};
    s->now->n_offsets = WORLD_PARTITIONS;
}

static int64_t next_of(const struct store *s, int32_t k)
{
    return s->now->offsets[k].next;
}

static bool is_past(const struct store *s, int blocks)
{
    return blocks && s->ours >= blocks;
}

/* --- the other pool --- */

static pe_model *stored_model(const struct store *s)
{
    pe_options *o = pe_model_options(s->kind, NULL);
    pe_model *m = s->now->model.len ? pe_model_decode(s->now->model.data,
                                                      s->now->model.len, NULL)
                                    : pe_model_create(s->kind, o, 1, NULL);

    pe_options_destroy(o);
    if (!m)
        exit(1);
    return m;
}

/* A block of each partition it has, as one commit. */
static void b_learns(struct store *s)
{
    pe_model *m = stored_model(s);
    pe_delta *d = pe_delta_create(m, NULL);
    params_range ranges[WORLD_PARTITIONS];
    params_device devices[WORLD_PARTITIONS];
    char names[WORLD_PARTITIONS][16];
    params_commit c = {
        .writer = "b:1", .kind = s->kind, .ranges = ranges, .devices = devices};
    double rows[WORLD_POINTS];
    pe_buffer model = {0};
    pe_block b;

    for (int32_t k = 0; k < WORLD_PARTITIONS; k++) {
        int64_t at = next_of(s, k);

        if (s->owner[k] != 'b' || at >= WORLD_BLOCKS)
            continue;
        world_fill(&b, rows, names[k], k, at);
        if (pe_model_update(m, d, &b, NULL, NULL) < 0)
            exit(1);
        devices[c.n_devices++] = (params_device){names[k], k, b.boot, b.seq};
        ranges[c.n_ranges++] = (params_range){WORLD_TOPIC, k, at, at + 1, 0};
    }
    c.add.applied = c.n_ranges;
    c.version = m->version = s->now->version + 1;
    memcpy(c.base, s->now->commit, sizeof(c.base));
    snprintf(c.id, sizeof(c.id), "b%031d", s->commits_of_b + 1);
    if (c.n_ranges) {
        if (pe_delta_seal(m, d, NULL) < 0 || pe_model_apply(m, d, NULL) < 0 ||
            pe_model_encode(m, &model, NULL) < 0)
            exit(1);
        c.model = model.data;
        c.model_len = model.len;
        if (s->inner->ops->send(s->inner, &c, NULL) != PARAMS_OK)
            exit(1);
        s->commits_of_b++;
    }
    pe_buffer_free(&model);
    pe_delta_destroy(d);
    pe_model_destroy(m);
}

static void b_takes(struct store *s, int n, char from)
{
    for (int32_t k = WORLD_PARTITIONS - 1; k >= 0 && n > 0; k--) {
        if (s->owner[k] != from)
            continue;
        s->owner[k] = 'b';
        n--;
    }
}

static int count(const struct store *s, char who)
{
    int n = 0;

    for (int k = 0; k < WORLD_PARTITIONS; k++)
        n += s->owner[k] == who;
    return n;
}

static int share_of_b(const struct store *s)
{
    return s->b_there ? WORLD_PARTITIONS / 2 : 0;
}

static bool has_b(const world_script *p)
{
    return p->b_first || p->b_joins || p->b_steals;
}

/* It has partitions, and no block of them is left. */
static bool b_is_through(const struct store *s)
{
    int64_t left = 0;

    for (int32_t k = 0; k < WORLD_PARTITIONS; k++)
        if (s->owner[k] == 'b')
            left += WORLD_BLOCKS - next_of(s, k);
    return s->commits_of_b > 0 && left <= 0;
}

static void let_go(struct store *s)
{
    FILE *f = s->went ? NULL : fopen(s->go, "w");

    s->went = true;
    if (f)
        fclose(f);
}

/* What happens by itself, with every look at the store. */
static void play(struct store *s)
{
    const world_script *p = s->script;

    if (!s->b_was && (is_past(s, p->b_joins) || is_past(s, p->b_steals)))
        s->b_there = s->b_was = true;
    if (is_past(s, p->b_steals) && !s->stolen) {
        b_takes(s, 2, 'a');
        s->stolen = true;
    }
    if (s->b_there && is_past(s, p->b_leaves) &&
        s->commits_of_b >= COMMITS_OF_B) {
        s->b_there = false;
        for (int k = 0; k < WORLD_PARTITIONS; k++)
            if (s->owner[k] == 'b')
                s->owner[k] = 0;
    }
    if (s->b_there && !p->b_first)
        b_takes(s, share_of_b(s) - count(s, 'b'), 0);
    if (s->b_there)
        b_learns(s);
    /* On a slow machine few blocks may be left for it. */
    if (has_b(p) ? s->commits_of_b >= COMMITS_OF_B || b_is_through(s)
                 : is_past(s, p->away) || !p->away)
        let_go(s);
    if (is_past(s, p->drain))
        atomic_store(s->drain, 1);
    if (is_past(s, p->roll_back) && !s->rolled_back) {
        open_inner(s, &s->before);
        s->rolled_back = true;
    }
}

static int away(const struct store *s, pe_error *errp)
{
    if (!is_past(s, s->script->away))
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "the store is away");
}

/* --- the store: its calls --- */

static int store_load(pool_store *base, params_state *out, pe_error *errp)
{
    struct store *s = (struct store *)base;

    memset(out, 0, sizeof(*out));
    return away(s, errp) < 0 ? -1 : s->inner->ops->load(s->inner, out, errp);
}

static int store_send(pool_store *base, const params_commit *c, pe_error *errp)
{
    struct store *s = (struct store *)base;
    params_state as_it_was;
    int answer;

    if (away(s, errp) < 0) {
        atomic_store(s->drain, 1);
        return -1;
    }
    if (pool_store_memory_copy(s->now, &as_it_was, errp) < 0)
        exit(1);
    answer = s->inner->ops->send(s->inner, c, errp);
    if (answer == PARAMS_OK && !s->rolled_back) {
        params_state_free(&s->before);
        s->before = as_it_was;
    } else {
        params_state_free(&as_it_was);
    }
    if (answer == PARAMS_OK)
        s->ours += (int64_t)c->add.applied;
    play(s);
    return answer;
}

static int store_ids(pool_store *base, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *fencep, pe_error *errp)
{
    struct store *s = (struct store *)base;

    if (away(s, errp) < 0)
        return -1;
    play(s);
    return s->inner->ops->ids(s->inner, commit, fencep, errp);
}

static int store_first(pool_store *base, int32_t partition, int64_t offset,
                       int64_t *storedp, pe_error *errp)
{
    (void)base;
    (void)partition;
    (void)errp;
    *storedp = offset;
    return 0;
}

/* Every device ended long ago. */
static int store_ends(pool_store *base, params_end **out, size_t *np,
                      pe_error *errp)
{
    params_end *ends = calloc(WORLD_PARTITIONS, sizeof(*ends));

    if (!ends)
        exit(1);
    for (int32_t k = 0; k < WORLD_PARTITIONS; k++)
        ends[k] = (params_end){strdup("d"), k, WORLD_BLOCKS, false};
    *out = ends;
    *np = WORLD_PARTITIONS;
    return away((struct store *)base, errp);
}

static int store_control(pool_store *base, char *word, size_t cap,
                         pe_error *errp)
{
    if (cap)
        *word = '\0';
    return away((struct store *)base, errp);
}

static params_lease lease_of(const struct store *s, const char *name, char who)
{
    params_lease l = {.member = strdup(name), .incarnation = strdup("1")};

    l.partitions = calloc(WORLD_PARTITIONS, sizeof(*l.partitions));
    if (!l.partitions)
        exit(1);
    for (int k = 0; k < WORLD_PARTITIONS; k++)
        if (s->owner[k] == who)
            l.partitions[l.n_partitions++] = k;
    return l;
}

/* lease.lua with two members of the same size. */
static int store_lease(pool_store *base, const params_member *m, unsigned words,
                       params_share *out, pe_error *errp)
{
    struct store *s = (struct store *)base;
    bool alone = words & PARAMS_LEASE_ALONE;
    int share = WORLD_PARTITIONS - share_of_b(s);

    memset(out, 0, sizeof(*out));
    if (away(s, errp) < 0)
        return -1;
    if (words & PARAMS_LEASE_LEAVE || (alone && s->b_there))
        share = 0;
    s->left = words & PARAMS_LEASE_LEAVE;
    for (int32_t k = 0; k < WORLD_PARTITIONS; k++)
        if (!s->owner[k] && count(s, 'a') < share)
            s->owner[k] = 'a';
    for (int32_t k = WORLD_PARTITIONS - 1; k >= 0; k--)
        if (s->owner[k] == 'a' && count(s, 'a') > share &&
            words & (PARAMS_LEASE_SETTLE | PARAMS_LEASE_LEAVE))
            s->owner[k] = 0;
    out->share = share;
    out->surplus = count(s, 'a') > share ? count(s, 'a') - share : 0;
    out->leases = calloc(2, sizeof(*out->leases));
    if (!out->leases)
        exit(1);
    out->leases[out->n++] = lease_of(s, m->name, 'a');
    if (s->b_there)
        out->leases[out->n++] = lease_of(s, "b", 'b');
    play(s);
    return 0;
}

/* The test looks into it afterwards. */
static void store_close(pool_store *base)
{
    (void)base;
}

static const pool_store_ops store_ops = {
    .durable = true,
    .load = store_load,
    .send = store_send,
    .ids = store_ids,
    .first = store_first,
    .ends = store_ends,
    .control = store_control,
    .lease = store_lease,
    .close = store_close,
};

pool_store *world_store(const world_script *script, const char *model,
                        const char *go, atomic_int *drain)
{
    struct store *s = calloc(1, sizeof(*s));

    if (!s)
        exit(1);
    s->base.ops = &store_ops;
    open_inner(s, NULL);
    s->script = script;
    s->kind = model;
    s->go = go;
    s->drain = drain;
    s->b_there = s->b_was = script->b_first > 0;
    b_takes(s, script->b_first, 0);
    return &s->base;
}

void world_store_free(pool_store *base)
{
    struct store *s = (struct store *)base;

    s->inner->ops->close(s->inner);
    params_state_free(&s->before);
    free(s);
}

int64_t world_ours(const pool_store *base)
{
    return ((const struct store *)base)->ours;
}

int world_commits_of_b(const pool_store *base)
{
    return ((const struct store *)base)->commits_of_b;
}

bool world_is_left(const pool_store *base)
{
    return ((const struct store *)base)->left;
}

/* --- the truth --- */

static int64_t total(const struct store *s)
{
    int64_t n = 0;

    for (int k = 0; k < WORLD_PARTITIONS; k++)
        n += next_of(s, k);
    return n;
}

/* Row [k] of the audit: blocks 0 to the offset, each once. */
static int check_row(const struct store *s, const pe_model *m, int32_t k)
{
    int64_t want[AUDIT_LANES] = {0};
    double rows[WORLD_POINTS];
    char device[16];
    pe_block b;

    snprintf(device, sizeof(device), "d-%d", (int)k);
    for (int64_t i = 0; i < next_of(s, k); i++) {
        world_fill(&b, rows, device, k, i);
        audit_fold(want, &b);
    }
    for (size_t i = 0; i < audit_devices(m); i++) {
        const int64_t *row;

        if (strcmp(audit_device(m, i, &row), device))
            continue;
        if (!memcmp(row, want, sizeof(want)))
            return 0;
        printf("# %s: %lld blocks in the model, %lld in the records\n", device,
               (long long)row[0], (long long)want[0]);
        return 1;
    }
    return next_of(s, k) != 0;
}

int world_check(const pool_store *base, bool whole)
{
    const struct store *s = (const struct store *)base;
    pe_model *m = stored_model(s);
    int bad = 0;

    for (int32_t k = 0; k < WORLD_PARTITIONS; k++) {
        if (!strcmp(s->kind, "audit"))
            bad += check_row(s, m, k);
        if (whole && next_of(s, k) != WORLD_BLOCKS) {
            printf("# partition %d ends at %lld\n", (int)k,
                   (long long)next_of(s, k));
            bad++;
        }
    }
    if ((int64_t)m->points != WORLD_POINTS * total(s) ||
        (int64_t)s->now->counters.applied != total(s)) {
        printf("# %lld blocks, %llu points in the model, %llu applied\n",
               (long long)total(s), (unsigned long long)m->points,
               (unsigned long long)s->now->counters.applied);
        bad++;
    }
    pe_model_destroy(m);
    return bad;
}
