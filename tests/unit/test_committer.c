/* test_committer.c - the committer against a store that plays every answer.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/pool/committer.h"

enum { PARTITIONS = 3, SCRIPT = 16 };

/* A store that answers from a script and keeps what it was sent. */
struct fake {
    pool_store base;
    int answers[SCRIPT]; /* params_answer, or -1: unknown outcome */
    int n_answers, at;
    int loads, sends;
    char ids[SCRIPT][PE_COMMIT_ID_LEN + 1];
    char bases[SCRIPT][PE_COMMIT_ID_LEN + 1];
    char commit[PE_COMMIT_ID_LEN + 1];
    uint64_t fence;
    int64_t from, to;
    params_end *ends;
    size_t n_ends;
    const char *word;
};

static struct fake fake;

static int fake_load(pool_store *s, params_state *out, pe_error *errp)
{
    (void)s;
    (void)errp;
    memset(out, 0, sizeof(*out));
    fake.loads++;
    memcpy(out->commit, fake.commit, sizeof(out->commit));
    out->fence = fake.fence;
    return 0;
}

static int fake_send(pool_store *s, const params_commit *c, pe_error *errp)
{
    int answer = fake.at < fake.n_answers ? fake.answers[fake.at] : PARAMS_OK;

    (void)s;
    memcpy(fake.ids[fake.at], c->id, sizeof(c->id));
    memcpy(fake.bases[fake.at], c->base, sizeof(c->base));
    fake.at++;
    fake.sends++;
    fake.from = c->n_ranges ? c->ranges[0].from : -1;
    fake.to = c->n_ranges ? c->ranges[0].to : -1;
    if (answer == PARAMS_OK)
        memcpy(fake.commit, c->id, sizeof(fake.commit));
    return answer < 0 ? pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                                     "no answer")
                      : answer;
}

static int fake_ids(pool_store *s, char commit[PE_COMMIT_ID_LEN + 1],
                    uint64_t *fencep, pe_error *errp)
{
    (void)s;
    (void)errp;
    memcpy(commit, fake.commit, sizeof(fake.commit));
    *fencep = fake.fence;
    return 0;
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
    *out = calloc(fake.n_ends + 1, sizeof(**out));
    *np = fake.n_ends;
    for (size_t i = 0; i < fake.n_ends; i++) {
        (*out)[i] = fake.ends[i];
        (*out)[i].device = strdup(fake.ends[i].device);
    }
    return 0;
}

static int fake_control(pool_store *s, char *word, size_t cap, pe_error *errp)
{
    (void)s;
    (void)errp;
    if (cap)
        strncpy(word, fake.word ? fake.word : "", cap - 1);
    return 0;
}

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
    .close = fake_close,
};

static committer *start(int n_devices)
{
    committer_conf c = {
        .store = &fake.base,
        .topic = "t",
        .writer = "w",
        .n_partitions = PARTITIONS,
        .n_devices = n_devices,
        .interval_s = 0.01,
    };
    pe_error e = {0};

    memset(&fake, 0, sizeof(fake));
    fake.base.ops = &fake_ops;
    return committer_start(&c, &e);
}

static commit_job *job(int64_t from, int64_t to)
{
    pe_error e = {0};
    commit_job *j = commit_job_create(PARTITIONS, &e);

    j->from[0] = from;
    j->to[0] = to;
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

static void test_ok(void)
{
    committer *c = start(0);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    committer_view v;
    committer_news n;

    committer_submit(c, job(0, 5));
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(n.epoch, 7);
    CU_ASSERT_EQUAL(n.version, 1);
    UNIT_EQUAL(n.commit, fake.ids[0]);
    committer_news_clear(&n);
    committer_look(c, &v, committed, ends);
    CU_ASSERT_EQUAL(committed[0], 5);
    CU_ASSERT_EQUAL(v.commits, 1);
    CU_ASSERT_EQUAL(v.total.applied, 5);
    UNIT_EQUAL(fake.bases[0], "");
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

    fake.answers[0] = -1;
    fake.answers[1] = -1;
    fake.answers[2] = PARAMS_DUP;
    fake.n_answers = 3;
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
    committer_view v;
    committer_news n;

    fake.answers[0] = PARAMS_STALE;
    fake.answers[1] = PARAMS_OK;
    fake.n_answers = 2;
    memset(fake.commit, 'a', PE_COMMIT_ID_LEN);
    /* Nothing was loaded yet: the committer's base is the empty one. */
    committer_submit(c, job(0, 1));
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    UNIT_EQUAL(fake.ids[1], fake.ids[0]);
    UNIT_EQUAL(fake.bases[0], "");
    CU_ASSERT_EQUAL(fake.bases[1][0], 'a');
    CU_ASSERT_EQUAL(fake.loads, 1);
    committer_look(c, &v, committed, ends);
    CU_ASSERT_EQUAL(v.stale, 1);
    committer_news_clear(&n);
    committer_stop(c);
}

static void test_offset_and_fenced_are_doubt(void)
{
    static const int answers[] = {PARAMS_OFFSET, PARAMS_FENCED};

    for (int i = 0; i < 2; i++) {
        committer *c = start(0);
        committer_news n;

        fake.answers[0] = answers[i];
        fake.n_answers = 1;
        committer_submit(c, job(0, 1));
        n = wait_news(c);
        CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
        CU_ASSERT_EQUAL(fake.sends, 1);
        committer_news_clear(&n);
        committer_stop(c);
    }
}

/* Rule 4: a store that came back older is noticed while idle. */
static void test_rollback_is_noticed_while_idle(void)
{
    committer *c = start(0);
    committer_news n;

    committer_submit(c, job(0, 1));
    n = wait_news(c);
    committer_news_clear(&n);
    memset(fake.commit, 'b', PE_COMMIT_ID_LEN);
    n = wait_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_DOUBT);
    committer_news_clear(&n);
    committer_load(c);
    n = wait_news(c);
    while (n.word == COMMITTER_DOUBT) {
        committer_news_clear(&n);
        n = wait_news(c);
    }
    CU_ASSERT_EQUAL(n.word, COMMITTER_STATE);
    CU_ASSERT_EQUAL(n.state.commit[0], 'b');
    committer_news_clear(&n);
    committer_stop(c);
}

/* Rule 9: the ends of all declared devices, the largest of a partition. */
static void test_ends(void)
{
    committer *c = start(3);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    params_end e[3] = {
        {"a", 0, 4, false}, {"b", 0, 9, false}, {"c", 1, 2, true}};
    committer_view v;

    fake.ends = e;
    fake.n_ends = 2;
    clock_sleep_ns(200000000, 1);
    committer_look(c, &v, committed, ends);
    CU_ASSERT_FALSE(v.ends_known);
    fake.n_ends = 3;
    fake.word = "drain";
    clock_sleep_ns(200000000, 1);
    committer_look(c, &v, committed, ends);
    CU_ASSERT_TRUE(v.ends_known);
    CU_ASSERT_TRUE(v.any_dead);
    CU_ASSERT_EQUAL(ends[0], 9);
    CU_ASSERT_EQUAL(ends[1], 2);
    CU_ASSERT_EQUAL(ends[2], -1);
    UNIT_EQUAL(v.control, "drain");
    committer_stop(c);
}

static void test_fold(void)
{
    pe_error e = {0};
    commit_job *a = job(0, 5), *b = job(5, 9);

    b->from[1] = 2;
    b->to[1] = 3;
    b->last_epoch = 8;
    CU_ASSERT_EQUAL(commit_job_device(a, "d", 1, 0, 1, 4, &e), 0);
    CU_ASSERT_EQUAL(commit_job_device(b, "dx", 1, 0, 1, 8, &e), 0);
    CU_ASSERT_EQUAL(commit_job_fold(a, b, &e), 0);
    CU_ASSERT_EQUAL(a->from[0], 0);
    CU_ASSERT_EQUAL(a->to[0], 9);
    CU_ASSERT_EQUAL(a->from[1], 2);
    CU_ASSERT_EQUAL(a->to[1], 3);
    CU_ASSERT_EQUAL(a->from[2], a->to[2]);
    CU_ASSERT_EQUAL(a->last_epoch, 8);
    CU_ASSERT_EQUAL(a->add.applied, 9);
    CU_ASSERT_EQUAL(a->n_devices, 2);
    UNIT_EQUAL(a->devices[1].device, "d");
    CU_ASSERT_EQUAL(a->devices[1].seq, 8);
    commit_job_destroy(a);
    commit_job_destroy(b);
    commit_job_destroy(NULL);
}

static void test_stop_with_work_left(void)
{
    committer *c = start(0);

    fake.answers[0] = fake.answers[1] = fake.answers[2] = -1;
    fake.answers[3] = -1;
    fake.n_answers = 4;
    committer_submit(c, job(0, 1));
    clock_sleep_ns(20000000, 1);
    committer_stop(c);
    committer_stop(NULL);
    CU_ASSERT_TRUE(fake.sends >= 1);
    UNIT_EQUAL(fake.commit, "");
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
        {"ends of devices", test_ends},
        {"epochs fold into one job", test_fold},
        {"stop gives up what is not committed", test_stop_with_work_left},
        {0},
    };

    return unit_main("committer", tests);
}
