/* test_committer.c - the committer against a store that plays every answer.
 */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "committer_bench.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/trace/trace.h"

static void test_ok(void)
{
    committer *c = bench_start(0);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    committer_view v;
    committer_news n;

    committer_submit(c, bench_job(0, 5));
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.epoch, 7);
    CU_ASSERT_EQUAL(n.version, 1);
    UNIT_EQUAL(n.commit, bench.ids[0]);
    committer_news_clear(&n);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_EQUAL(committed[0], 5);
    CU_ASSERT_EQUAL(v.commits, 1);
    CU_ASSERT_EQUAL(v.total.applied, 5);
    UNIT_EQUAL(bench.bases[0], "");
    UNIT_EQUAL(bench.writer, "w:12ab");
    committer_submit(c, bench_job(5, 6));
    n = bench_news(c);
    UNIT_EQUAL(bench.bases[1], bench.ids[0]);
    CU_ASSERT_EQUAL(n.version, 2);
    CU_ASSERT_EQUAL(bench.from, 5);
    CU_ASSERT_EQUAL(bench.to, 6);
    committer_news_clear(&n);
    committer_stop(c);
}

/* An unknown outcome is the same call again: one id, until it is known. */
static void test_unknown_outcome_resends_the_same_call(void)
{
    committer *c = bench_start(0);
    committer_news n;

    bench.unheard = "xd";
    committer_submit(c, bench_job(0, 1));
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(bench.sends, 3);
    UNIT_EQUAL(bench.ids[1], bench.ids[0]);
    UNIT_EQUAL(bench.ids[2], bench.ids[0]);
    committer_news_clear(&n);
    committer_stop(c);
}

/* Another base: the same delta and id on the newest state. */
static void test_stale_rebases(void)
{
    committer *c = bench_start(0);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    committer_view v;
    committer_news n;

    memset(bench.now->commit, 'a', PE_COMMIT_ID_LEN);
    /* Nothing was loaded yet: the committer's base is the empty one. */
    committer_submit(c, bench_job(0, 1));
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    UNIT_EQUAL(bench.ids[1], bench.ids[0]);
    UNIT_EQUAL(bench.bases[0], "");
    CU_ASSERT_EQUAL(bench.bases[1][0], 'a');
    CU_ASSERT_EQUAL(bench.loads, 1);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_EQUAL(v.stale, 1);
    committer_news_clear(&n);
    committer_stop(c);
}

static void test_offset_and_fenced_are_doubt(void)
{
    for (int i = 0; i < 2; i++) {
        committer *c = bench_start(0);
        committer_news n;

        if (i == 0)
            bench.now->offsets[0].next = 5;
        else
            bench.now->fence = 1;
        committer_submit(c, bench_job(0, 1));
        n = bench_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
        CU_ASSERT_EQUAL(bench.sends, 1);
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
        committer *c = bench_start(0);
        committer_news n;

        bench.now->version = 1;
        bench_load_quietly(c);
        committer_submit(c, bench_job(0, 1));
        n = bench_news(c);
        CU_ASSERT_EQUAL(n.version, 2);
        committer_news_clear(&n);
        pthread_mutex_lock(&bench_lock);
        bench.now->fence = rows[i].fence;
        pthread_mutex_unlock(&bench_lock);
        bench_foreign_commit('b', 0, rows[i].offset, rows[i].version);
        n = bench_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
        committer_news_clear(&n);
        /* Said once. */
        clock_sleep_ns(120000000, 1);
        CU_ASSERT_FALSE(committer_take(c, &n));
        n = bench_load(c);
        CU_ASSERT_EQUAL(n.state.commit[0], 'b');
        CU_ASSERT_EQUAL(bench_look(c).committed[0], rows[i].offset);
        committer_news_clear(&n);
        committer_stop(c);
    }
}

/* --- other pools --- */

/* Sent in vain twice, a job asks to be the next; another that is the next is
 * waited for.  Alone, nobody is asked.
 */
static void test_next(void)
{
    static const struct {
        bool others;
        int late, next, sends;
        const char *asked;
    } rows[] = {
        {false, 3, 0, 4, ""},        {true, 0, 0, 1, "l"},
        {true, 1, 0, 2, "ll"},       {true, 2, 0, 3, "llad"},
        {true, 4, 0, 5, "llaaad"},   {true, 0, 3, 1, "llll"},
        {true, 2, 4, 3, "llllllad"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        committer *c = bench_start(0);
        committer_news n;

        if (rows[i].others)
            bench_give_to('b', 1);
        bench_load_quietly(c);
        pthread_mutex_lock(&bench_lock);
        bench.late = rows[i].late;
        bench.next = rows[i].next;
        pthread_mutex_unlock(&bench_lock);
        committer_submit(c, bench_job(0, 2));
        n = bench_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
        CU_ASSERT_EQUAL(bench.sends, rows[i].sends);
        committer_news_clear(&n);
        committer_stop(c);
        UNIT_EQUAL(bench.nexts, rows[i].asked);
    }
}

/* Another pool's commit is news, and no reason to start again. */
static void test_other_pool_while_idle(void)
{
    committer *c = bench_start(0);
    committer_news n;

    bench_give_to('b', 1);
    n = bench_load(c);
    CU_ASSERT_EQUAL(n.own[0], 1);
    CU_ASSERT_EQUAL(n.own[1], 0);
    CU_ASSERT_EQUAL(n.own[2], 1);
    CU_ASSERT_EQUAL(n.lease, bench_look(c).lease);
    CU_ASSERT_EQUAL(bench_look(c).leased, 2);
    CU_ASSERT_EQUAL(bench_look(c).others, 1);
    UNIT_EQUAL(bench_look(c).other, "b");
    committer_news_clear(&n);
    bench_foreign_commit('b', 1, 7, 1);
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.epoch, 0);
    CU_ASSERT_EQUAL(n.version, 1);
    CU_ASSERT_EQUAL(n.commit[0], 'b');
    CU_ASSERT_EQUAL(bench_look(c).committed[1], 7);
    CU_ASSERT_EQUAL(bench_look(c).commits, 0);
    committer_news_clear(&n);
    /* Ours follows it. */
    committer_submit(c, bench_job(0, 2));
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.epoch, 7);
    CU_ASSERT_EQUAL(n.version, 2);
    CU_ASSERT_EQUAL(bench.bases[0][0], 'b');
    CU_ASSERT_EQUAL(bench_look(c).stale, 0);
    committer_news_clear(&n);
    committer_stop(c);
}

/* Where there are others, a job looks first: nothing is sent in vain. */
static void test_other_pool_came_first(void)
{
    committer *c = bench_start(0);
    committer_news n;

    bench_give_to('b', 1);
    bench_load_quietly(c);
    bench_foreign_commit('b', 1, 7, 1);
    committer_submit(c, bench_job(0, 2));
    n = bench_own_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.version, 2);
    CU_ASSERT_EQUAL(bench.sends, 1);
    CU_ASSERT_EQUAL(bench_look(c).committed[1], 7);
    committer_news_clear(&n);
    committer_stop(c);
}

/* STALE, and what is newer has our partition elsewhere: no rebase. */
static void test_stale_roll_back(void)
{
    committer *c = bench_start(0);
    committer_news n;

    bench.now->offsets[0].next = 5;
    bench.now->version = 4;
    bench_load_quietly(c);
    pthread_mutex_lock(&bench_lock);
    bench.now->offsets[2].next = 1; /* not of this commit, but ours */
    memset(bench.now->commit, 'b', PE_COMMIT_ID_LEN);
    bench.now->version = 5;
    pthread_mutex_unlock(&bench_lock);
    committer_submit(c, bench_job(5, 6));
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
    CU_ASSERT_TRUE(bench.sends <= 1);
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

    pthread_mutex_lock(&bench_lock);
    bench.now->model.len = 0;
    CU_ASSERT_EQUAL(pe_model_encode(m, &bench.now->model, &e), 0);
    pthread_mutex_unlock(&bench_lock);
}

/* A job with a delta of [n] points on a model of its own, as the first of a
 * run is.
 */
static commit_job *first_job(const char *kind, uint32_t features, uint32_t n)
{
    commit_job *j = bench_job(0, 1);
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
        committer *c = bench_start(0);
        committer_news n;
        pe_model *m;
        pe_error e = {0};

        bench_give_to('b', 1);
        bench_load_quietly(c);
        /* What b has made of 2,000 rows. */
        commit_job *j = first_job(kinds[i], 3, 2000);
        CU_ASSERT_EQUAL(pe_model_apply(j->base, j->delta, &e), 0);
        CU_ASSERT_FALSE(j->base->warming);
        store_model(j->base);
        commit_job_destroy(j);
        bench_foreign_commit('b', 1, 7, 1);
        committer_submit(c, first_job(kinds[i], 3, 500));
        n = bench_own_news(c);
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
        committer *c = bench_start(0);
        pe_model *m = new_model("kmeans", rows[i].features);
        committer_news n;
        commit_job *j;

        bench_give_to('b', 1);
        bench_load_quietly(c);
        store_model(m);
        bench_foreign_commit('b', 1, 7, 1);
        j = first_job("kmeans", 3, 10);
        j->warm = rows[i].warm;
        committer_submit(c, j);
        n = bench_own_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
        CU_ASSERT_EQUAL(bench.sends, 0);
        committer_news_clear(&n);
        committer_stop(c);
        pe_model_destroy(m);
    }
}

/* --- leases --- */

static int add_device(commit_job *j, const char *name, uint64_t seq)
{
    params_device d = {(char *)(uintptr_t)name, 0, 1, seq};

    return commit_job_device(j, &d, NULL);
}

static void test_fold(void)
{
    pe_error e = {0};
    commit_job *a = bench_job(0, 5), *b = bench_job(5, 9);

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
    commit_job *a = bench_job(0, 5), *b = bench_job(5, 9);

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
    committer *c = bench_start(0);

    bench.unheard = "xxxx";
    committer_submit(c, bench_job(0, 1));
    clock_sleep_ns(20000000, 1);
    committer_stop(c);
    committer_stop(NULL);
    CU_ASSERT_TRUE(bench.sends >= 1);
    UNIT_EQUAL(bench.now->commit, "");
}

/* --- the trace --- */

/* The time that a trace has of a commit is that under which it was stored, or
 * one before it, where an answer was lost: no device has its model sooner.
 */
static void test_sent(void)
{
    static const struct {
        const char *unheard;
        int sent; /* which of the sends */
    } rows[] = {{"", 0}, {"x", 1}, {"d", 0}, {"xd", 0}};
    char folder[] = "/tmp/test_committer-XXXXXX";

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        committer *c = bench_start(0);
        pe_error e = {0};
        trace_log *l = trace_log_open(&(trace_writer){.folder = folder,
                                                      .run = "r",
                                                      .pilot = "p",
                                                      .member = "p",
                                                      .kind = "pool",
                                                      .ranks = 1},
                                      &e);
        trace_commit row = {0};
        committer_news n;
        trace *t;

        UNIT_EQUAL(e.text, "");
        committer_note(c, l, NULL);
        bench.unheard = rows[i].unheard;
        committer_submit(c, bench_job(0, 1));
        n = bench_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
        committer_news_clear(&n);
        committer_stop(c);
        trace_log_close(l);
        t = trace_open(folder, &e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        CU_ASSERT_EQUAL(trace_next(t, TRACE_COMMITS, &row, &e), 1);
        CU_ASSERT_EQUAL(row.sent_ns, bench.times[rows[i].sent]);
        CU_ASSERT_TRUE(row.sent_ns <= row.time_ns);
        trace_close(t);
        file_remove_tree(folder, NULL);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"a job is committed and announced", test_ok},
        {"the time of a commit in a trace", test_sent},
        {"an unknown outcome is the same call again",
         test_unknown_outcome_resends_the_same_call},
        {"STALE: the same delta on the newest state", test_stale_rebases},
        {"OFFSET and FENCED lead back to the stored state",
         test_offset_and_fenced_are_doubt},
        {"a roll-back is noticed while idle",
         test_rollback_is_noticed_while_idle},
        {"another pool's commit while idle", test_other_pool_while_idle},
        {"another pool's commit before ours", test_other_pool_came_first},
        {"pools in each other's way take turns", test_next},
        {"STALE, and our partitions went back", test_stale_roll_back},
        {"two pools make the first model", test_two_first_models},
        {"another pool's model does not fit", test_model_does_not_fit},
        {"epochs fold into one job", test_fold},
        {"what folded epochs need", test_fold_needs},
        {"stop gives up what is not committed", test_stop_with_work_left},
        {0},
    };

    return unit_main("committer", tests);
}
