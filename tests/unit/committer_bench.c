/* committer_bench.c - a store that plays every answer, under a committer. */
#include "committer_bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "unit.h"

struct bench bench;
pthread_mutex_t bench_lock = PTHREAD_MUTEX_INITIALIZER;
atomic_int bench_asked;

static int fake_load(pool_store *s, params_state *out, pe_error *errp)
{
    int rc;

    (void)s;
    pthread_mutex_lock(&bench_lock);
    bench.loads++;
    rc = bench.store->ops->load(bench.store, out, errp);
    pthread_mutex_unlock(&bench_lock);
    return rc;
}

static void fake_note(const params_commit *c)
{
    int at = bench.sends++ % SCRIPT;

    memcpy(bench.ids[at], c->id, sizeof(c->id));
    memcpy(bench.bases[at], c->base, sizeof(c->base));
    bench.times[at] = c->time_ns;
    snprintf(bench.writer, sizeof(bench.writer), "%s", c->writer);
    bench.from = c->n_ranges ? c->ranges[0].from : -1;
    bench.to = c->n_ranges ? c->ranges[0].to : -1;
}

static int fake_send(pool_store *s, const params_commit *c, pe_error *errp)
{
    int answer = -1;
    char how;

    (void)s;
    pthread_mutex_lock(&bench_lock);
    how = *bench.unheard;
    fake_note(c);
    if (bench.late > 0)
        memset(bench.now->commit, 'a' + bench.late--, PE_COMMIT_ID_LEN);
    if (how != 'x')
        answer = bench.store->ops->send(bench.store, c, errp);
    if (how)
        bench.unheard++;
    pthread_mutex_unlock(&bench_lock);
    return how ? pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                              "no answer")
               : answer;
}

static int fake_ids(pool_store *s, char commit[PE_COMMIT_ID_LEN + 1],
                    uint64_t *fencep, pe_error *errp)
{
    int rc;

    (void)s;
    pthread_mutex_lock(&bench_lock);
    rc = bench.store->ops->ids(bench.store, commit, fencep, errp);
    pthread_mutex_unlock(&bench_lock);
    return rc;
}

static int fake_first(pool_store *s, int32_t partition, int64_t offset,
                      int64_t *storedp, pe_error *errp)
{
    (void)s;
    (void)partition;
    (void)errp;
    *storedp = offset;
    return 0;
}

static int fake_ends(pool_store *s, params_end **out, size_t *np,
                     pe_error *errp)
{
    (void)s;
    (void)errp;
    pthread_mutex_lock(&bench_lock);
    bench.asked_ends++;
    *out = calloc(bench.n_ends + 1, sizeof(**out));
    *np = bench.n_ends;
    for (size_t i = 0; i < bench.n_ends; i++) {
        (*out)[i] = bench.ends[i];
        (*out)[i].device = strdup(bench.ends[i].device);
    }
    pthread_mutex_unlock(&bench_lock);
    return 0;
}

static int fake_away(pe_error *errp)
{
    bool away;

    pthread_mutex_lock(&bench_lock);
    away = bench.failing;
    pthread_mutex_unlock(&bench_lock);
    return away
               ? pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away")
               : 0;
}

static int fake_control(pool_store *s, char *word, size_t cap, pe_error *errp)
{
    (void)s;
    pthread_mutex_lock(&bench_lock);
    if (cap)
        strncpy(word, bench.word ? bench.word : "", cap - 1);
    pthread_mutex_unlock(&bench_lock);
    return fake_away(errp);
}

static params_lease lease_of(const char *name, char who)
{
    params_lease l = {.member = strdup(name), .incarnation = strdup("1")};

    l.partitions = calloc(PARTITIONS, sizeof(*l.partitions));
    for (int k = 0; k < PARTITIONS; k++)
        if (bench.owner[k] == who)
            l.partitions[l.n_partitions++] = k;
    return l;
}

/* All partitions are ours, but for those of pool b. */
static int fake_lease(pool_store *s, const params_member *m, unsigned words,
                      params_share *out, pe_error *errp)
{
    int have = 0;

    (void)s;
    memset(out, 0, sizeof(*out));
    atomic_fetch_add(&bench_asked, 1);
    if (fake_away(errp) < 0)
        return -1;
    pthread_mutex_lock(&bench_lock);
    bench.beats++;
    bench.words |= words;
    out->replaced = bench.replaced;
    out->share = bench.share;
    for (int k = 0; k < PARTITIONS && !(words & PARAMS_LEASE_LEAVE); k++) {
        bool more = have < bench.share;

        if (!bench.owner[k] && more)
            bench.owner[k] = 'a';
        else if (bench.owner[k] == 'a' && !more && words & PARAMS_LEASE_SETTLE)
            bench.owner[k] = 0;
        have += bench.owner[k] == 'a';
    }
    bench.left = words & PARAMS_LEASE_LEAVE;
    out->surplus = have > bench.share ? have - bench.share : 0;
    out->leases = calloc(2, sizeof(*out->leases));
    out->leases[out->n++] = lease_of(m->name, 'a');
    if (memchr(bench.owner, 'b', PARTITIONS))
        out->leases[out->n++] = lease_of("b", 'b');
    pthread_mutex_unlock(&bench_lock);
    return 0;
}

static int fake_next(pool_store *s, const char *who, int64_t ms, pe_error *errp)
{
    size_t n;
    int rc;

    (void)s;
    (void)who;
    (void)errp;
    pthread_mutex_lock(&bench_lock);
    n = strlen(bench.nexts);
    if (n + 1 < sizeof(bench.nexts))
        bench.nexts[n] = ms > 0 ? 'a' : ms == 0 ? 'l' : 'd';
    rc = bench.next > 0;
    bench.next -= rc;
    pthread_mutex_unlock(&bench_lock);
    return rc;
}

/* The test looks into it afterwards. */
static void fake_close(pool_store *s)
{
    (void)s;
}

static const pool_store_ops fake_ops = {
    .durable = true,
    .load = fake_load,
    .send = fake_send,
    .ids = fake_ids,
    .first = fake_first,
    .ends = fake_ends,
    .control = fake_control,
    .lease = fake_lease,
    .next = fake_next,
    .close = fake_close,
};

/* All offsets are 0. */
static void fake_reset(void)
{
    if (bench.store)
        bench.store->ops->close(bench.store);
    memset(&bench, 0, sizeof(bench));
    bench.base.ops = &fake_ops;
    bench.unheard = "";
    bench.store = pool_store_memory(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bench.store);
    bench.now = pool_store_memory_state(bench.store);
    bench.now->offsets = calloc(PARTITIONS, sizeof(*bench.now->offsets));
    for (int32_t k = 0; k < PARTITIONS; k++)
        bench.now->offsets[k] = (params_offset){strdup("t"), k, 0, 0};
    bench.now->n_offsets = PARTITIONS;
}

committer *bench_start_as(int n_devices, bool alone)
{
    committer_conf c = {
        .store = &bench.base,
        .topic = "t",
        .member = {.name = "w",
                   .incarnation = "12ab",
                   .ranks = 1,
                   .partitions = PARTITIONS,
                   .ttl_ms = 100},
        .alone = alone,
        .n_devices = n_devices,
        .interval_s = 0.01,
    };
    pe_error e = {0};

    fake_reset();
    bench.share = PARTITIONS;
    return committer_start(&c, &e);
}

committer *bench_start(int n_devices)
{
    return bench_start_as(n_devices, false);
}

commit_job *bench_job(int64_t from, int64_t to)
{
    pe_error e = {0};
    commit_job *j = commit_job_create(PARTITIONS, &e);

    j->range[0].from = from;
    j->range[0].to = to;
    j->last_epoch = 7;
    j->add.applied = (uint64_t)(to - from);
    return j;
}

committer_news bench_news(committer *c)
{
    committer_news n = {0};

    for (int i = 0; i < 500 && !committer_take(c, &n); i++)
        clock_sleep_ns(10000000, 1);
    return n;
}

committer_news bench_own_news(committer *c)
{
    committer_news n = bench_news(c);

    if (n.word != COMMITTER_COMMIT || n.epoch > 0)
        return n;
    committer_news_clear(&n);
    return bench_news(c);
}

committer_news bench_load(committer *c)
{
    committer_news n;

    committer_load(c, 7);
    n = bench_news(c);
    CU_ASSERT_EQUAL_FATAL(n.word, COMMITTER_STATE);
    CU_ASSERT_EQUAL(n.term, 7);
    return n;
}

void bench_load_quietly(committer *c)
{
    committer_news n = bench_load(c);

    committer_news_clear(&n);
}

committer_view bench_look(committer *c)
{
    static int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    committer_view v;

    committer_look(c, &v, committed, marks, ends);
    return v;
}

void bench_foreign_commit(char id, int k, int64_t to, uint64_t version)
{
    pthread_mutex_lock(&bench_lock);
    memset(bench.now->commit, id, PE_COMMIT_ID_LEN);
    bench.now->offsets[k].next = to;
    bench.now->version = version;
    pthread_mutex_unlock(&bench_lock);
}

int bench_beats(void)
{
    int n;

    pthread_mutex_lock(&bench_lock);
    n = bench.beats;
    pthread_mutex_unlock(&bench_lock);
    return n;
}

void bench_show_ends(params_end *ends, size_t n, const char *word)
{
    bool seen = false;
    int before;

    pthread_mutex_lock(&bench_lock);
    bench.ends = ends;
    bench.n_ends = n;
    bench.word = word;
    before = bench.asked_ends;
    pthread_mutex_unlock(&bench_lock);
    while (!seen) {
        clock_sleep_ns(1000000, 1);
        pthread_mutex_lock(&bench_lock);
        /* One may have begun before, the next is whole, and is over now. */
        seen = bench.asked_ends > before + 2;
        pthread_mutex_unlock(&bench_lock);
    }
}

void bench_give_to(char who, int k)
{
    pthread_mutex_lock(&bench_lock);
    bench.owner[k] = who;
    pthread_mutex_unlock(&bench_lock);
}

void bench_share(int share)
{
    pthread_mutex_lock(&bench_lock);
    bench.share = share;
    pthread_mutex_unlock(&bench_lock);
}
