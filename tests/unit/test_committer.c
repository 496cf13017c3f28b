/* test_committer.c - the committer against a store that plays every answer.
 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/commit/committer.h"

enum { PARTITIONS = 3, SCRIPT = 16 };

/* The store in memory, whose calls are counted, and may have an outcome that
 * nobody hears of.  What it holds is written by the test's thread too: under
 * [lock].
 */
struct fake {
    pool_store base;
    pool_store *store;
    params_state *now;   /* what is in it */
    const char *unheard; /* of each send: 'x' not done, 'd' done */
    int loads, sends;
    char ids[SCRIPT][PE_COMMIT_ID_LEN + 1];
    char bases[SCRIPT][PE_COMMIT_ID_LEN + 1];
    int64_t from, to;
    char writer[64];
    /* leases: of partition k, 'a' we, 'b' another pool, 0 nobody */
    char owner[PARTITIONS];
    int share, beats;
    bool failing;   /* it is away */
    unsigned words; /* of all calls */
    bool replaced, left;
    params_end *ends;
    size_t n_ends;
    int asked_ends;
    const char *word;
};

static struct fake fake;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int asked; /* for leases; may wait for the lock yet */

static int fake_load(pool_store *s, params_state *out, pe_error *errp)
{
    int rc;

    (void)s;
    pthread_mutex_lock(&lock);
    fake.loads++;
    rc = fake.store->ops->load(fake.store, out, errp);
    pthread_mutex_unlock(&lock);
    return rc;
}

static void fake_note(const params_commit *c)
{
    int at = fake.sends++ % SCRIPT;

    memcpy(fake.ids[at], c->id, sizeof(c->id));
    memcpy(fake.bases[at], c->base, sizeof(c->base));
    snprintf(fake.writer, sizeof(fake.writer), "%s", c->writer);
    fake.from = c->n_ranges ? c->ranges[0].from : -1;
    fake.to = c->n_ranges ? c->ranges[0].to : -1;
}

static int fake_send(pool_store *s, const params_commit *c, pe_error *errp)
{
    int answer = -1;
    char how;

    (void)s;
    pthread_mutex_lock(&lock);
    how = *fake.unheard;
    fake_note(c);
    if (how != 'x')
        answer = fake.store->ops->send(fake.store, c, errp);
    if (how)
        fake.unheard++;
    pthread_mutex_unlock(&lock);
    return how ? pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                              "no answer")
               : answer;
}

static int fake_ids(pool_store *s, char commit[PE_COMMIT_ID_LEN + 1],
                    uint64_t *fencep, pe_error *errp)
{
    int rc;

    (void)s;
    pthread_mutex_lock(&lock);
    rc = fake.store->ops->ids(fake.store, commit, fencep, errp);
    pthread_mutex_unlock(&lock);
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
    pthread_mutex_lock(&lock);
    fake.asked_ends++;
    *out = calloc(fake.n_ends + 1, sizeof(**out));
    *np = fake.n_ends;
    for (size_t i = 0; i < fake.n_ends; i++) {
        (*out)[i] = fake.ends[i];
        (*out)[i].device = strdup(fake.ends[i].device);
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

static int fake_away(pe_error *errp)
{
    bool away;

    pthread_mutex_lock(&lock);
    away = fake.failing;
    pthread_mutex_unlock(&lock);
    return away
               ? pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away")
               : 0;
}

static int fake_control(pool_store *s, char *word, size_t cap, pe_error *errp)
{
    (void)s;
    pthread_mutex_lock(&lock);
    if (cap)
        strncpy(word, fake.word ? fake.word : "", cap - 1);
    pthread_mutex_unlock(&lock);
    return fake_away(errp);
}

static params_lease lease_of(const char *name, char who)
{
    params_lease l = {.member = strdup(name), .incarnation = strdup("1")};

    l.partitions = calloc(PARTITIONS, sizeof(*l.partitions));
    for (int k = 0; k < PARTITIONS; k++)
        if (fake.owner[k] == who)
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
    atomic_fetch_add(&asked, 1);
    if (fake_away(errp) < 0)
        return -1;
    pthread_mutex_lock(&lock);
    fake.beats++;
    fake.words |= words;
    out->replaced = fake.replaced;
    out->share = fake.share;
    for (int k = 0; k < PARTITIONS && !(words & PARAMS_LEASE_LEAVE); k++) {
        bool more = have < fake.share;

        if (!fake.owner[k] && more)
            fake.owner[k] = 'a';
        else if (fake.owner[k] == 'a' && !more && words & PARAMS_LEASE_SETTLE)
            fake.owner[k] = 0;
        have += fake.owner[k] == 'a';
    }
    fake.left = words & PARAMS_LEASE_LEAVE;
    out->surplus = have > fake.share ? have - fake.share : 0;
    out->leases = calloc(2, sizeof(*out->leases));
    out->leases[out->n++] = lease_of(m->name, 'a');
    if (memchr(fake.owner, 'b', PARTITIONS))
        out->leases[out->n++] = lease_of("b", 'b');
    pthread_mutex_unlock(&lock);
    return 0;
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
    .close = fake_close,
};

/* All offsets are 0. */
static void fake_reset(void)
{
    if (fake.store)
        fake.store->ops->close(fake.store);
    memset(&fake, 0, sizeof(fake));
    fake.base.ops = &fake_ops;
    fake.unheard = "";
    fake.store = pool_store_memory(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fake.store);
    fake.now = pool_store_memory_state(fake.store);
    fake.now->offsets = calloc(PARTITIONS, sizeof(*fake.now->offsets));
    for (int32_t k = 0; k < PARTITIONS; k++)
        fake.now->offsets[k] = (params_offset){strdup("t"), k, 0, 0};
    fake.now->n_offsets = PARTITIONS;
}

/* [alone]: all partitions or none.  A ttl of a tenth of a second. */
static committer *start_as(int n_devices, bool alone)
{
    committer_conf c = {
        .store = &fake.base,
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
    fake.share = PARTITIONS;
    return committer_start(&c, &e);
}

static committer *start(int n_devices)
{
    return start_as(n_devices, false);
}

static commit_job *job(int64_t from, int64_t to)
{
    pe_error e = {0};
    commit_job *j = commit_job_create(PARTITIONS, &e);

    j->range[0].from = from;
    j->range[0].to = to;
    j->last_epoch = 7;
    j->add.applied = (uint64_t)(to - from);
    return j;
}

/* The next news, waiting up to 5 s; COMMITTER_NONE when there is none. */
static committer_news wait_news(committer *c)
{
    committer_news n = {0};

    for (int i = 0; i < 500 && !committer_take(c, &n); i++)
        clock_sleep_ns(10000000, 1);
    return n;
}

/* Another pool's commit may be news, too, where the thread looked first. */
static committer_news wait_own(committer *c)
{
    committer_news n = wait_news(c);

    if (n.word != COMMITTER_COMMIT || n.epoch > 0)
        return n;
    committer_news_clear(&n);
    return wait_news(c);
}

/* ... and load: these partitions are ours. */
static committer_news load(committer *c)
{
    committer_news n;

    committer_load(c, 7);
    n = wait_news(c);
    CU_ASSERT_EQUAL_FATAL(n.word, COMMITTER_STATE);
    CU_ASSERT_EQUAL(n.term, 7);
    return n;
}

static void load_quietly(committer *c)
{
    committer_news n = load(c);

    committer_news_clear(&n);
}

static committer_view look(committer *c)
{
    static int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    committer_view v;

    committer_look(c, &v, committed, marks, ends);
    return v;
}

/* Another pool's commit of partition [k] up to [to]. */
static void foreign_commit(char id, int k, int64_t to, uint64_t version)
{
    pthread_mutex_lock(&lock);
    memset(fake.now->commit, id, PE_COMMIT_ID_LEN);
    fake.now->offsets[k].next = to;
    fake.now->version = version;
    pthread_mutex_unlock(&lock);
}

static int beats(void)
{
    int n;

    pthread_mutex_lock(&lock);
    n = fake.beats;
    pthread_mutex_unlock(&lock);
    return n;
}

/* The first [n] of [ends] are there, and were looked at. */
static void show_ends(params_end *ends, size_t n, const char *word)
{
    bool seen = false;
    int before;

    pthread_mutex_lock(&lock);
    fake.ends = ends;
    fake.n_ends = n;
    fake.word = word;
    before = fake.asked_ends;
    pthread_mutex_unlock(&lock);
    while (!seen) {
        clock_sleep_ns(1000000, 1);
        pthread_mutex_lock(&lock);
        /* One may have begun before, the next is whole, and is over now. */
        seen = fake.asked_ends > before + 2;
        pthread_mutex_unlock(&lock);
    }
}

static void give_to(char who, int k)
{
    pthread_mutex_lock(&lock);
    fake.owner[k] = who;
    pthread_mutex_unlock(&lock);
}

static void set_share(int share)
{
    pthread_mutex_lock(&lock);
    fake.share = share;
    pthread_mutex_unlock(&lock);
}

static void test_ok(void)
{
    committer *c = start(0);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    committer_view v;
    committer_news n;

    committer_submit(c, job(0, 5));
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.epoch, 7);
    CU_ASSERT_EQUAL(n.version, 1);
    UNIT_EQUAL(n.commit, fake.ids[0]);
    committer_news_clear(&n);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_EQUAL(committed[0], 5);
    CU_ASSERT_EQUAL(v.commits, 1);
    CU_ASSERT_EQUAL(v.total.applied, 5);
    UNIT_EQUAL(fake.bases[0], "");
    UNIT_EQUAL(fake.writer, "w:12ab");
    committer_submit(c, job(5, 6));
    n = wait_news(c);
    UNIT_EQUAL(fake.bases[1], fake.ids[0]);
    CU_ASSERT_EQUAL(n.version, 2);
    CU_ASSERT_EQUAL(fake.from, 5);
    CU_ASSERT_EQUAL(fake.to, 6);
    committer_news_clear(&n);
    committer_stop(c);
}

/* An unknown outcome is the same call again: one id, until it is known. */
static void test_unknown_outcome_resends_the_same_call(void)
{
    committer *c = start(0);
    committer_news n;

    fake.unheard = "xd";
    committer_submit(c, job(0, 1));
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(fake.sends, 3);
    UNIT_EQUAL(fake.ids[1], fake.ids[0]);
    UNIT_EQUAL(fake.ids[2], fake.ids[0]);
    committer_news_clear(&n);
    committer_stop(c);
}

/* Another base: the same delta and id on the newest state. */
static void test_stale_rebases(void)
{
    committer *c = start(0);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    committer_view v;
    committer_news n;

    memset(fake.now->commit, 'a', PE_COMMIT_ID_LEN);
    /* Nothing was loaded yet: the committer's base is the empty one. */
    committer_submit(c, job(0, 1));
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    UNIT_EQUAL(fake.ids[1], fake.ids[0]);
    UNIT_EQUAL(fake.bases[0], "");
    CU_ASSERT_EQUAL(fake.bases[1][0], 'a');
    CU_ASSERT_EQUAL(fake.loads, 1);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_EQUAL(v.stale, 1);
    committer_news_clear(&n);
    committer_stop(c);
}

static void test_offset_and_fenced_are_doubt(void)
{
    for (int i = 0; i < 2; i++) {
        committer *c = start(0);
        committer_news n;

        if (i == 0)
            fake.now->offsets[0].next = 5;
        else
            fake.now->fence = 1;
        committer_submit(c, job(0, 1));
        n = wait_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
        CU_ASSERT_EQUAL(fake.sends, 1);
        committer_news_clear(&n);
        committer_stop(c);
    }
}

/* Rule 4: a store that came back older is noticed while idle, and so is
 * somebody else in our partitions, and an operator's reset.
 */
static void test_rollback_is_noticed_while_idle(void)
{
    static const struct {
        int64_t offset; /* of our partition afterwards */
        uint64_t version, fence;
    } rows[] = {
        {0, 0, 0}, /* all went back */
        {0, 2, 0}, /* and others went on from there */
        {9, 2, 0}, /* another has it */
        {1, 1, 0}, /* a commit of another was lost: fewer of them */
        {1, 3, 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        committer *c = start(0);
        committer_news n;

        fake.now->version = 1;
        load_quietly(c);
        committer_submit(c, job(0, 1));
        n = wait_news(c);
        CU_ASSERT_EQUAL(n.version, 2);
        committer_news_clear(&n);
        pthread_mutex_lock(&lock);
        fake.now->fence = rows[i].fence;
        pthread_mutex_unlock(&lock);
        foreign_commit('b', 0, rows[i].offset, rows[i].version);
        n = wait_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
        committer_news_clear(&n);
        /* Said once. */
        clock_sleep_ns(120000000, 1);
        CU_ASSERT_FALSE(committer_take(c, &n));
        n = load(c);
        CU_ASSERT_EQUAL(n.state.commit[0], 'b');
        CU_ASSERT_EQUAL(look(c).committed[0], rows[i].offset);
        committer_news_clear(&n);
        committer_stop(c);
    }
}

/* --- other pools --- */

/* Another pool's commit is news, and no reason to start again. */
static void test_other_pool_while_idle(void)
{
    committer *c = start(0);
    committer_news n;

    give_to('b', 1);
    n = load(c);
    CU_ASSERT_EQUAL(n.own[0], 1);
    CU_ASSERT_EQUAL(n.own[1], 0);
    CU_ASSERT_EQUAL(n.own[2], 1);
    CU_ASSERT_EQUAL(n.lease, look(c).lease);
    CU_ASSERT_EQUAL(look(c).leased, 2);
    CU_ASSERT_EQUAL(look(c).others, 1);
    UNIT_EQUAL(look(c).other, "b");
    committer_news_clear(&n);
    foreign_commit('b', 1, 7, 1);
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.epoch, 0);
    CU_ASSERT_EQUAL(n.version, 1);
    CU_ASSERT_EQUAL(n.commit[0], 'b');
    CU_ASSERT_EQUAL(look(c).committed[1], 7);
    CU_ASSERT_EQUAL(look(c).commits, 0);
    committer_news_clear(&n);
    /* Ours follows it. */
    committer_submit(c, job(0, 2));
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.epoch, 7);
    CU_ASSERT_EQUAL(n.version, 2);
    CU_ASSERT_EQUAL(fake.bases[0][0], 'b');
    CU_ASSERT_EQUAL(look(c).stale, 0);
    committer_news_clear(&n);
    committer_stop(c);
}

/* Where there are others, a job looks first: nothing is sent in vain. */
static void test_other_pool_came_first(void)
{
    committer *c = start(0);
    committer_news n;

    give_to('b', 1);
    load_quietly(c);
    foreign_commit('b', 1, 7, 1);
    committer_submit(c, job(0, 2));
    n = wait_own(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.version, 2);
    CU_ASSERT_EQUAL(fake.sends, 1);
    CU_ASSERT_EQUAL(look(c).committed[1], 7);
    committer_news_clear(&n);
    committer_stop(c);
}

/* STALE, and what is newer has our partition elsewhere: no rebase. */
static void test_stale_roll_back(void)
{
    committer *c = start(0);
    committer_news n;

    fake.now->offsets[0].next = 5;
    fake.now->version = 4;
    load_quietly(c);
    pthread_mutex_lock(&lock);
    fake.now->offsets[2].next = 1; /* not of this commit, but ours */
    memset(fake.now->commit, 'b', PE_COMMIT_ID_LEN);
    fake.now->version = 5;
    pthread_mutex_unlock(&lock);
    committer_submit(c, job(5, 6));
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
    CU_ASSERT_TRUE(fake.sends <= 1);
    committer_news_clear(&n);
    committer_stop(c);
}

static pe_model *new_model(const char *kind, uint32_t features)
{
    pe_error e = {0};
    pe_options *o = pe_model_options(kind, &e);
    pe_model *m = pe_model_create(kind, o, features, &e);

    pe_options_destroy(o);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    return m;
}

static void store_model(const pe_model *m)
{
    pe_error e = {0};

    pthread_mutex_lock(&lock);
    fake.now->model.len = 0;
    CU_ASSERT_EQUAL(pe_model_encode(m, &fake.now->model, &e), 0);
    pthread_mutex_unlock(&lock);
}

/* A job with a delta of [n] points on a model of its own, as the first of a
 * run is.
 */
static commit_job *first_job(const char *kind, uint32_t features, uint32_t n)
{
    commit_job *j = job(0, 1);
    pe_error e = {0};
    pe_block b = {.points = n, .features = features, .dtype = PE_F8};
    double *rows = calloc((size_t)n * features, sizeof(*rows));

    for (uint32_t i = 0; i < n * features; i++)
        rows[i] = (double)(i * 2654435761u >> 20);
    b.data = rows;
    b.device = "d";
    j->base = new_model(kind, features);
    j->ops = j->base->ops;
    j->features = features;
    j->warm = !j->base->warming;
    j->delta = pe_delta_create(j->base, &e);
    CU_ASSERT_EQUAL(pe_model_update(j->base, j->delta, &b, NULL, &e), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(j->base, j->delta, &e), 0);
    free(rows);
    return j;
}

/* Two pools warm up at once: the rows of the one that comes second are
 * ordinary points of the other's model.
 */
static void test_two_first_models(void)
{
    static const char *const kinds[] = {"kmeans", "iforest", "autoencoder",
                                        "audit", "passthrough"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        committer *c = start(0);
        committer_news n;
        pe_model *m;
        pe_error e = {0};

        give_to('b', 1);
        load_quietly(c);
        /* What b has made of 2,000 rows. */
        commit_job *j = first_job(kinds[i], 3, 2000);
        CU_ASSERT_EQUAL(pe_model_apply(j->base, j->delta, &e), 0);
        CU_ASSERT_FALSE(j->base->warming);
        store_model(j->base);
        commit_job_destroy(j);
        foreign_commit('b', 1, 7, 1);
        committer_submit(c, first_job(kinds[i], 3, 500));
        n = wait_own(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
        UNIT_EQUAL(n.error.text, "");
        CU_ASSERT_EQUAL(n.version, 2);
        m = pe_model_decode(n.model.data, n.model.len, &e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(m->points, 2500);
        CU_ASSERT_FALSE(m->warming);
        pe_model_destroy(m);
        committer_news_clear(&n);
        committer_stop(c);
    }
}

/* Another's model is for other features, or has no centres where ours had. */
static void test_model_does_not_fit(void)
{
    static const struct {
        uint32_t features; /* of what is stored */
        bool warm;         /* our delta was made for a model that was */
    } rows[] = {{4, false}, {3, true}};

    for (size_t i = 0; i < 2; i++) {
        committer *c = start(0);
        pe_model *m = new_model("kmeans", rows[i].features);
        committer_news n;
        commit_job *j;

        give_to('b', 1);
        load_quietly(c);
        store_model(m);
        foreign_commit('b', 1, 7, 1);
        j = first_job("kmeans", 3, 10);
        j->warm = rows[i].warm;
        committer_submit(c, j);
        n = wait_own(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
        CU_ASSERT_EQUAL(fake.sends, 0);
        committer_news_clear(&n);
        committer_stop(c);
        pe_model_destroy(m);
    }
}

/* --- leases --- */

/* What is ours changes with the state that is loaded, and not before. */
static void test_lease(void)
{
    committer *c = start(0);
    committer_news n;
    uint64_t first;

    CU_ASSERT_EQUAL(beats(), 0); /* none before the first load */
    n = load(c);
    CU_ASSERT_TRUE(fake.words & PARAMS_LEASE_JOIN);
    CU_ASSERT_FALSE(fake.words & (PARAMS_LEASE_ALONE | PARAMS_LEASE_SETTLE));
    CU_ASSERT_EQUAL(memcmp(n.own, "\1\1\1", 3), 0);
    first = n.lease;
    CU_ASSERT_EQUAL(look(c).lease, first);
    committer_news_clear(&n);
    /* Another pool comes. */
    set_share(2);
    for (int i = 0; i < 500 && !look(c).surplus; i++)
        clock_sleep_ns(10000000, 1);
    CU_ASSERT_EQUAL(look(c).surplus, 1);
    CU_ASSERT_EQUAL(look(c).lease, first);
    CU_ASSERT_EQUAL(fake.owner[2], 'a');
    /* We are ready for it. */
    pthread_mutex_lock(&lock); /* the store's answer waits for us */
    committer_settle(c);
    CU_ASSERT_TRUE(look(c).busy);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 500 && look(c).busy; i++)
        clock_sleep_ns(10000000, 1);
    CU_ASSERT_TRUE(fake.words & PARAMS_LEASE_SETTLE);
    CU_ASSERT_EQUAL(look(c).surplus, 0);
    CU_ASSERT_NOT_EQUAL(look(c).lease, first);
    CU_ASSERT_EQUAL(look(c).leased, 2);
    /* What was given back moves on: no reason to doubt. */
    foreign_commit('b', 2, 9, 1);
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(look(c).committed[2], 9);
    committer_news_clear(&n);
    n = load(c);
    CU_ASSERT_EQUAL(memcmp(n.own, "\1\1\0", 3), 0);
    CU_ASSERT_EQUAL(n.lease, look(c).lease);
    committer_news_clear(&n);
    committer_leave(c);
    CU_ASSERT_TRUE(fake.left);
    committer_stop(c);
}

/* A sign of life does not wait for the rank to read its news. */
static void test_beats_while_unread(void)
{
    committer *c = start(0);
    committer_news n;
    int before;

    committer_load(c, 1);
    for (int i = 0; i < 500 && look(c).working; i++)
        clock_sleep_ns(10000000, 1);
    before = beats();
    clock_sleep_ns(300000000, 1);
    CU_ASSERT_TRUE(beats() > before + 3);
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_STATE);
    committer_news_clear(&n);
    committer_stop(c);
    CU_ASSERT_FALSE(fake.left); /* no clean end: they are kept */
}

/* A state is known by the term that asked for it: the answer for one that is
 * over may be on its way yet.
 */
static void test_load_terms(void)
{
    committer *c = start(0);
    committer_news n;
    int before = atomic_load(&asked);
    int64_t term;

    pthread_mutex_lock(&lock); /* the first waits in the store */
    committer_load(c, 1);
    while (atomic_load(&asked) == before)
        clock_sleep_ns(1000000, 1);
    committer_load(c, 2);
    pthread_mutex_unlock(&lock);
    do {
        n = wait_news(c);
        CU_ASSERT_EQUAL_FATAL(n.word, COMMITTER_STATE);
        CU_ASSERT_TRUE(n.term == 1 || n.term == 2);
        term = n.term;
        committer_news_clear(&n);
    } while (term < 2);
    CU_ASSERT_EQUAL(fake.loads, 2);
    committer_stop(c);
}

static void test_lease_errors(void)
{
    committer *c = start_as(0, true);
    committer_news n;

    load_quietly(c);
    CU_ASSERT_TRUE(fake.words & PARAMS_LEASE_ALONE);
    pthread_mutex_lock(&lock);
    fake.failing = true;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 500 && !look(c).away; i++)
        clock_sleep_ns(10000000, 1);
    CU_ASSERT_TRUE(look(c).away);
    CU_ASSERT_EQUAL(look(c).leased, PARTITIONS); /* as far as we know */
    pthread_mutex_lock(&lock);
    fake.failing = false;
    fake.replaced = true;
    pthread_mutex_unlock(&lock);
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_ERROR);
    UNIT_EQUAL(n.error.text,
               "another process has taken over as member 'w' of this run: "
               "give each pool its own --member");
    CU_ASSERT_EQUAL(n.error.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(n.error.exit_code, PE_EXIT_CONFIG);
    committer_news_clear(&n);
    committer_stop(c);
}

/* Rule 9: the ends of all declared devices, the largest of a partition. */
static void test_ends(void)
{
    committer *c = start(3);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    params_end e[3] = {
        {"a", 0, 4, false}, {"b", 0, 9, false}, {"c", 1, 2, true}};
    committer_view v;

    show_ends(e, 2, NULL);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_FALSE(v.ends_known);
    show_ends(e, 3, "drain");
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_TRUE(v.ends_known);
    CU_ASSERT_TRUE(v.any_dead);
    CU_ASSERT_EQUAL(ends[0], 9);
    CU_ASSERT_EQUAL(ends[1], 2);
    CU_ASSERT_EQUAL(ends[2], -1);
    UNIT_EQUAL(v.control, "drain");
    committer_stop(c);
}

static int add_device(commit_job *j, const char *name, uint64_t seq)
{
    params_device d = {(char *)(uintptr_t)name, 0, 1, seq};

    return commit_job_device(j, &d, NULL);
}

static void test_fold(void)
{
    pe_error e = {0};
    commit_job *a = job(0, 5), *b = job(5, 9);

    b->range[1].from = 2;
    b->range[1].to = 3;
    b->last_epoch = 8;
    CU_ASSERT_EQUAL(add_device(a, "d", 4), 0);
    CU_ASSERT_EQUAL(add_device(b, "d", 8), 0);
    CU_ASSERT_EQUAL(commit_job_fold(a, b, &e), 0);
    CU_ASSERT_EQUAL(a->range[0].from, 0);
    CU_ASSERT_EQUAL(a->range[0].to, 9);
    CU_ASSERT_EQUAL(a->range[1].from, 2);
    CU_ASSERT_EQUAL(a->range[1].to, 3);
    CU_ASSERT_EQUAL(a->range[2].from, a->range[2].to);
    CU_ASSERT_EQUAL(a->last_epoch, 8);
    CU_ASSERT_EQUAL(a->add.applied, 9);
    CU_ASSERT_EQUAL(a->n_devices, 2);
    UNIT_EQUAL(a->devices[1].device, "d");
    CU_ASSERT_EQUAL(a->devices[1].seq, 8);
    commit_job_destroy(a);
    commit_job_destroy(b);
    commit_job_destroy(NULL);
}

/* What the delta of two epochs asks of the model. */
static void test_fold_needs(void)
{
    pe_error e = {0};
    commit_job *a = job(0, 5), *b = job(5, 9);

    b->features = 3;
    b->warm = true;
    CU_ASSERT_EQUAL(commit_job_fold(a, b, &e), 0);
    CU_ASSERT_EQUAL(a->features, 3);
    CU_ASSERT_TRUE(a->warm);
    commit_job_destroy(a);
    commit_job_destroy(b);
}

static void test_stop_with_work_left(void)
{
    committer *c = start(0);

    fake.unheard = "xxxx";
    committer_submit(c, job(0, 1));
    clock_sleep_ns(20000000, 1);
    committer_stop(c);
    committer_stop(NULL);
    CU_ASSERT_TRUE(fake.sends >= 1);
    UNIT_EQUAL(fake.now->commit, "");
}

int main(void)
{
    static const unit_test tests[] = {
        {"a job is committed and announced", test_ok},
        {"an unknown outcome is the same call again",
         test_unknown_outcome_resends_the_same_call},
        {"STALE: the same delta on the newest state", test_stale_rebases},
        {"OFFSET and FENCED lead back to the stored state",
         test_offset_and_fenced_are_doubt},
        {"a roll-back is noticed while idle",
         test_rollback_is_noticed_while_idle},
        {"another pool's commit while idle", test_other_pool_while_idle},
        {"another pool's commit before ours", test_other_pool_came_first},
        {"STALE, and our partitions went back", test_stale_roll_back},
        {"two pools make the first model", test_two_first_models},
        {"another pool's model does not fit", test_model_does_not_fit},
        {"leases", test_lease},
        {"signs of life while news is unread", test_beats_while_unread},
        {"a state is of the term that asked", test_load_terms},
        {"leases: errors", test_lease_errors},
        {"ends of devices", test_ends},
        {"epochs fold into one job", test_fold},
        {"what folded epochs need", test_fold_needs},
        {"stop gives up what is not committed", test_stop_with_work_left},
        {0},
    };

    return unit_main("committer", tests);
}
