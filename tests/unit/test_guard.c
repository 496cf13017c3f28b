/* test_guard.c - rank 0 looks behind it, and its signs of life: what is asked
 * of the broker and of the store, and when.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/commit/guard.h"
#include "src/commit/lease.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define N 3
#define SECOND CLOCK_S

/* --- the broker's guard, as the test has it --- */

static struct {
    broker_position asked[N];
    size_t n;
    int starts, closes;
    int answer; /* of the next polls */
    bool fails; /* to start */
    int partitions;
} broker;

static char topic_opened[256];

broker_guard *broker_guard_open(const broker_conf *c, const char *topic,
                                uint64_t message_bytes, pe_error *errp)
{
    (void)c;
    snprintf(topic_opened, sizeof(topic_opened), "%s", topic);
    if (message_bytes > 0)
        return (broker_guard *)&broker;
    pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away");
    return NULL;
}

void broker_guard_close(broker_guard *g)
{
    broker.closes += g != NULL;
}

int broker_guard_start(broker_guard *g, const broker_position *p, size_t n,
                       pe_error *errp)
{
    CU_ASSERT_PTR_EQUAL(g, &broker);
    broker.starts++;
    if (broker.fails)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "no");
    memcpy(broker.asked, p, n * sizeof(*p));
    broker.n = n;
    return 0;
}

int broker_guard_partitions(broker_guard *g)
{
    CU_ASSERT_PTR_EQUAL(g, &broker);
    return broker.partitions;
}

int broker_guard_poll(broker_guard *g, int timeout_ms, pe_error *errp)
{
    CU_ASSERT_PTR_EQUAL(g, &broker);
    CU_ASSERT_EQUAL(timeout_ms, 0); /* ranks wait for us */
    return broker.answer < 0
               ? pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA, "another log")
               : broker.answer;
}

/* --- what is committed --- */

static commit_guard guard;
static int64_t committed[N];
static uint64_t mark[N];
static committer_view view = {.committed = committed, .mark = mark};
static const int32_t ours[N] = {0, 0, 1};

static void begin(void)
{
    const pipeline pl = {
        .partitions = N, .message_bytes = 1000, .stream_name = (char *)"s"};
    pipeline_request req = {.run = (char *)"r", .broker = (char *)"h:1"};
    pe_error e = {0};

    memset(&guard, 0, sizeof(guard));
    memset(&broker, 0, sizeof(broker));
    CU_ASSERT_EQUAL_FATAL(commit_guard_open(&guard, &pl, &req, &e), 0);
    for (int k = 0; k < N; k++) {
        committed[k] = 10 * (k + 1);
        mark[k] = 100 + (uint64_t)k;
    }
}

static int step(int64_t now, pe_error *errp)
{
    return commit_guard_step(&guard, &view, ours, now, errp);
}

/* What was committed a while ago is looked at; what is new, the next time. */
static void test_turns(void)
{
    pe_error e = {0};

    begin();
    UNIT_EQUAL(topic_opened, "pilot.r.s");
    CU_ASSERT_EQUAL(step(SECOND, &e), 0); /* nothing was noted before */
    CU_ASSERT_EQUAL(broker.starts, 0);
    committed[0] = 15;
    mark[0] = 115;
    CU_ASSERT_EQUAL(step(5 * SECOND, &e), 0); /* it is not time */
    CU_ASSERT_EQUAL(broker.starts, 0);
    CU_ASSERT_EQUAL(step(6 * SECOND, &e), 0);
    CU_ASSERT_EQUAL(broker.starts, 1);
    CU_ASSERT_EQUAL_FATAL(broker.n, N);
    CU_ASSERT_EQUAL(broker.asked[0].offset, 10);
    CU_ASSERT_EQUAL(broker.asked[0].mark, 100);
    CU_ASSERT_EQUAL(step(30 * SECOND, &e), 0); /* no answer yet */
    CU_ASSERT_EQUAL(broker.starts, 1);
    broker.answer = 1;
    CU_ASSERT_EQUAL(step(30 * SECOND, &e), 0);
    /* Only what has moved since is asked for. */
    CU_ASSERT_EQUAL(step(31 * SECOND, &e), 0);
    CU_ASSERT_EQUAL(broker.starts, 2);
    CU_ASSERT_EQUAL_FATAL(broker.n, 1);
    CU_ASSERT_EQUAL(broker.asked[0].partition, 0);
    CU_ASSERT_EQUAL(broker.asked[0].offset, 15);
    CU_ASSERT_EQUAL(step(32 * SECOND, &e), 0);
    CU_ASSERT_EQUAL(step(60 * SECOND, &e), 0); /* nothing has moved */
    CU_ASSERT_EQUAL(broker.starts, 2);
    commit_guard_close(&guard);
    CU_ASSERT_EQUAL(broker.closes, 1);
}

static int said_more;
static char said[512];

static void take_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    if (level != LOG_LEVEL_WARN || !strstr(line, " partitions by now"))
        return;
    said_more++;
    snprintf(said, sizeof(said), "%s", line);
}

/* Partitions that are added meanwhile are said once, and more of them again. */
static void test_more(void)
{
    static const struct {
        int partitions, said;
    } rows[] = {{0, 0}, {N, 0}, {N + 2, 1}, {N + 2, 1}, {0, 1}, {N + 3, 2}};
    pe_error e = {0};

    begin();
    said_more = 0;
    log_init(take_line, NULL, LOG_LEVEL_WARN);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        broker.partitions = rows[i].partitions;
        broker.answer = 1;
        CU_ASSERT_EQUAL(step((1 + 20 * (int64_t)i) * SECOND, &e), 0);
        CU_ASSERT_EQUAL(step((2 + 20 * (int64_t)i) * SECOND, &e), 0);
        CU_ASSERT_EQUAL(said_more, rows[i].said);
        if (i == 2)
            UNIT_CONTAINS(said, "topic pilot.r.s has 5 partitions by now and "
                                "the run reads 3 of them");
        committed[0]++;
    }
    UNIT_CONTAINS(said, "start another run with streams.s.partitions: 6");
    log_init(NULL, NULL, LOG_LEVEL_WARN);
    commit_guard_close(&guard);
}

/* The first commit of a partition is kept for the first look. */
static void test_first_commit(void)
{
    pe_error e = {0};

    begin();
    memset(mark, 0, sizeof(mark)); /* nothing is committed */
    CU_ASSERT_EQUAL(step(SECOND, &e), 0);
    committed[1] = 3;
    mark[1] = 103;
    commit_guard_note(&guard, &view, ours);
    committed[1] = 7;
    mark[1] = 107;
    commit_guard_note(&guard, &view, ours);
    CU_ASSERT_EQUAL(step(7 * SECOND, &e), 0);
    CU_ASSERT_EQUAL_FATAL(broker.n, 1);
    CU_ASSERT_EQUAL(broker.asked[0].offset, 3);
    CU_ASSERT_EQUAL(broker.asked[0].mark, 103);
    commit_guard_close(&guard);
}

/* Partitions of another pool are its own to look at. */
static void test_others(void)
{
    static const int32_t owner[N] = {-1, 0, -1};
    pe_error e = {0};

    begin();
    CU_ASSERT_EQUAL(commit_guard_step(&guard, &view, owner, SECOND, &e), 0);
    CU_ASSERT_EQUAL(commit_guard_step(&guard, &view, owner, 7 * SECOND, &e), 0);
    CU_ASSERT_EQUAL_FATAL(broker.n, 1);
    CU_ASSERT_EQUAL(broker.asked[0].partition, 1);
    commit_guard_close(&guard);
}

static void test_another_log(void)
{
    pe_error e = {0};

    begin();
    CU_ASSERT_EQUAL(step(SECOND, &e), 0);
    broker.fails = true;
    CU_ASSERT_EQUAL(step(7 * SECOND, &e), -1);
    UNIT_EQUAL(e.text, "no");
    commit_guard_close(&guard);
    begin();
    CU_ASSERT_EQUAL(step(SECOND, &e), 0);
    CU_ASSERT_EQUAL(step(7 * SECOND, &e), 0);
    broker.answer = -1;
    CU_ASSERT_EQUAL(step(7 * SECOND, &e), -1);
    UNIT_EQUAL(e.text, "another log");
    commit_guard_close(&guard);
}

/* A term begins with what it is given: nothing is noted. */
static void test_reset(void)
{
    pe_error e = {0};

    begin();
    CU_ASSERT_EQUAL(step(SECOND, &e), 0);
    CU_ASSERT_EQUAL(step(7 * SECOND, &e), 0);
    CU_ASSERT_EQUAL(broker.starts, 1);
    commit_guard_reset(&guard);
    CU_ASSERT_EQUAL(step(13 * SECOND, &e), 0);
    CU_ASSERT_EQUAL(broker.starts, 1);
    CU_ASSERT_EQUAL(step(19 * SECOND, &e), 0);
    CU_ASSERT_EQUAL(broker.starts, 2);
    commit_guard_close(&guard);
}

static char warning[256];

static void keep(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    snprintf(warning, sizeof(warning), "%s", line);
}

/* A run is over when all was looked at, or the broker shows nothing for ten
 * seconds, which is said.
 */
static void test_done(void)
{
    pe_error e = {0};

    begin();
    CU_ASSERT_FALSE(commit_guard_is_done(&guard, &view, ours, SECOND));
    CU_ASSERT_EQUAL(step(SECOND, &e), 0); /* at once */
    CU_ASSERT_FALSE(commit_guard_is_done(&guard, &view, ours, SECOND));
    CU_ASSERT_EQUAL(step(SECOND + 1, &e), 0);
    CU_ASSERT_EQUAL(broker.starts, 1);
    broker.answer = 1;
    CU_ASSERT_EQUAL(step(SECOND + 2, &e), 0);
    CU_ASSERT_TRUE(commit_guard_is_done(&guard, &view, ours, SECOND + 2));
    commit_guard_close(&guard);

    begin();
    log_init(keep, NULL, LOG_LEVEL_WARN);
    CU_ASSERT_FALSE(commit_guard_is_done(&guard, &view, ours, SECOND));
    CU_ASSERT_FALSE(commit_guard_is_done(&guard, &view, ours, 11 * SECOND));
    UNIT_EQUAL(warning, "");
    CU_ASSERT_TRUE(commit_guard_is_done(&guard, &view, ours, 12 * SECOND));
    UNIT_EQUAL(warning, "the broker did not show whether topic pilot.r.s is "
                        "still the one that was read");
    CU_ASSERT_TRUE(commit_guard_is_done(&guard, &view, ours, 12 * SECOND));
    log_init(NULL, NULL, LOG_LEVEL_ERROR);
    commit_guard_close(&guard);
}

/* Where nothing was read there is nothing to wait for. */
static void test_done_of_nothing(void)
{
    static const int32_t none[N] = {-1, -1, -1};

    begin();
    CU_ASSERT_TRUE(commit_guard_is_done(&guard, &view, none, SECOND));
    memset(mark, 0, sizeof(mark));
    CU_ASSERT_TRUE(commit_guard_is_done(&guard, &view, ours, SECOND));
    commit_guard_close(&guard);
    /* Nor without a broker. */
    memset(&guard, 0, sizeof(guard));
    mark[0] = 1;
    CU_ASSERT_TRUE(commit_guard_is_done(&guard, &view, ours, SECOND));
    CU_ASSERT_EQUAL(step(SECOND, NULL), 0);
    commit_guard_note(&guard, &view, ours);
    commit_guard_reset(&guard);
    commit_guard_close(&guard);
}

static void test_open_fails(void)
{
    const pipeline pl = {.partitions = N, .stream_name = (char *)"s"};
    pipeline_request req = {.run = (char *)"r", .broker = (char *)"h:1"};
    pe_error e = {0};

    memset(&guard, 0, sizeof(guard));
    CU_ASSERT_EQUAL(commit_guard_open(&guard, &pl, &req, &e), -1);
    UNIT_EQUAL(e.text, "away");
    commit_guard_close(&guard);
}

/* --- signs of life --- */

static struct {
    pool_store base;
    unsigned words; /* of the last call */
    int calls;
    char ttl[32];
    int32_t ours[N];
    size_t n;
    const char *other;
    int32_t others_first;
    size_t others_n;
    bool replaced, away;
    int share, surplus;
    uint64_t generation, seen_generation;
} store;

static void add_lease(params_share *out, const char *name, const int32_t *k,
                      size_t n)
{
    params_lease *l = &out->leases[out->n++];

    *l = (params_lease){.member = strdup(name),
                        .incarnation = strdup("1"),
                        .partitions = calloc(N, sizeof(*l->partitions)),
                        .n_partitions = n};
    memcpy(l->partitions, k, n * sizeof(*k));
}

static int store_lease(pool_store *s, const params_member *m, unsigned words,
                       params_share *out, pe_error *errp)
{
    (void)s;
    store.words = words;
    store.calls++;
    store.seen_generation = m->generation;
    snprintf(store.ttl, sizeof(store.ttl), "%lld", (long long)m->ttl_ms);
    *out = (params_share){.replaced = store.replaced,
                          .share = store.share,
                          .surplus = store.surplus,
                          .generation = store.generation};
    if (store.away)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away");
    out->leases = calloc(2, sizeof(*out->leases));
    if (store.other)
        add_lease(out, store.other, &store.others_first, store.others_n);
    add_lease(out, m->name, store.ours, store.n);
    return 0;
}

static const pool_store_ops store_ops = {.lease = store_lease};

static void lease_begin(lease *l, bool alone)
{
    const params_member m = {
        .name = "we", .incarnation = "7f", .ranks = 2, .partitions = N};
    pe_error e = {0};

    memset(&store, 0, sizeof(store));
    store.base.ops = &store_ops;
    store.share = N;
    CU_ASSERT_EQUAL_FATAL(lease_init(l, &store.base, &m, alone, &e), 0);
    CU_ASSERT_FALSE(lease_is_due(l)); /* it has not joined */
}

static void test_lease_words(void)
{
    lease l;

    for (int alone = 0; alone < 2; alone++) {
        unsigned more = alone ? PARAMS_LEASE_ALONE : 0;

        lease_begin(&l, alone);
        store.away = true;
        CU_ASSERT_EQUAL(lease_beat(&l, 0, NULL), -1);
        CU_ASSERT_EQUAL(store.words, PARAMS_LEASE_JOIN | more);
        store.away = false;
        store.generation = 44;
        CU_ASSERT_EQUAL(lease_beat(&l, 0, NULL), 0);
        CU_ASSERT_EQUAL(store.words, PARAMS_LEASE_JOIN | more);
        CU_ASSERT_EQUAL(store.seen_generation, 0);
        CU_ASSERT_EQUAL(lease_beat(&l, PARAMS_LEASE_SETTLE, NULL), 0);
        CU_ASSERT_EQUAL(store.words, PARAMS_LEASE_SETTLE | more);
        CU_ASSERT_EQUAL(store.seen_generation, 44);
        UNIT_EQUAL(store.ttl, "10000");
        lease_fini(&l);
    }
}

/* The number changes with the partitions, and with nothing else. */
static void test_lease_number(void)
{
    static const struct {
        size_t n;
        int32_t k[N];
        uint64_t number;
        const char *own;
    } rows[] = {
        {0, {0}, 1, "\0\0\0"},       {0, {0}, 1, "\0\0\0"},
        {2, {0, 2}, 2, "\1\0\1"},    {2, {2, 0}, 2, "\1\0\1"},
        {2, {0, 1}, 3, "\1\1\0"},    {3, {0, 1, 2}, 4, "\1\1\1"},
        {3, {0, 1, N}, 5, "\1\1\0"}, /* one that is beyond all */
    };
    lease l;

    lease_begin(&l, false);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memcpy(store.ours, rows[i].k, sizeof(store.ours));
        store.n = rows[i].n;
        CU_ASSERT_EQUAL(lease_beat(&l, 0, NULL), 0);
        CU_ASSERT_EQUAL(l.number, rows[i].number);
        CU_ASSERT_EQUAL(memcmp(l.own, rows[i].own, N), 0);
    }
    CU_ASSERT_EQUAL(l.n, 2);
    lease_fini(&l);
    CU_ASSERT_PTR_NULL(l.own);
}

static void test_lease_others(void)
{
    lease l;
    pe_error e = {0};

    lease_begin(&l, false);
    CU_ASSERT_EQUAL(lease_beat(&l, 0, NULL), 0);
    CU_ASSERT_EQUAL(l.others, 0);
    UNIT_EQUAL(l.other, "");
    store.other = "b";
    store.others_n = 1;
    store.share = 2;
    store.surplus = 1;
    CU_ASSERT_EQUAL(lease_beat(&l, 0, NULL), 0);
    CU_ASSERT_EQUAL(l.others, 1);
    UNIT_EQUAL(l.other, "b");
    CU_ASSERT_EQUAL(l.share, 2);
    CU_ASSERT_EQUAL(l.surplus, 1);
    /* An answer that does not come changes nothing. */
    store.away = true;
    CU_ASSERT_EQUAL(lease_beat(&l, 0, &e), -1);
    UNIT_EQUAL(e.text, "away");
    CU_ASSERT_EQUAL(l.others, 1);
    store.away = false;
    store.replaced = true;
    CU_ASSERT_EQUAL(lease_beat(&l, 0, &e), -1);
    UNIT_EQUAL(e.text, "another process has taken over as member 'we' of this "
                       "run: give each pool its own --member");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    lease_fini(&l);
}

/* The next one comes an eighth of the ttl later, or a fortieth, where there is
 * something to wait for; up to a quarter of that sooner.
 */
static void test_lease_due(void)
{
    static const struct {
        size_t n;
        int share;
        bool alone, away;
        int part; /* of the ttl */
    } rows[] = {
        {N, N, false, false, 8},  {1, 1, false, false, 8},
        {1, 2, false, false, 40}, {1, 1, true, false, 40},
        {N, N, true, false, 8},   {N, N, false, true, 40},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t before, after, part = LEASE_TTL_MS * CLOCK_MS / rows[i].part;
        lease l;

        lease_begin(&l, rows[i].alone);
        for (int32_t k = 0; k < N; k++)
            store.ours[k] = k;
        store.n = rows[i].n;
        store.share = rows[i].share;
        CU_ASSERT_EQUAL(lease_beat(&l, 0, NULL), 0);
        store.away = rows[i].away;
        before = clock_mono_ns();
        CU_ASSERT_EQUAL(lease_beat(&l, 0, NULL), rows[i].away ? -1 : 0);
        after = clock_mono_ns();
        CU_ASSERT_TRUE(l.due_ns >= before + part - part / 4);
        CU_ASSERT_TRUE(l.due_ns <= after + part);
        l.due_ns = after;
        CU_ASSERT_TRUE(lease_is_due(&l));
        lease_fini(&l);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"what was committed is looked at in turns", test_turns},
        {"partitions that are added", test_more},
        {"the first commit of a partition", test_first_commit},
        {"partitions of others", test_others},
        {"another log, or none", test_another_log},
        {"a new term", test_reset},
        {"before a run is over", test_done},
        {"... of which nothing was read", test_done_of_nothing},
        {"a broker that is not there", test_open_fails},
        {"leases: what is asked for", test_lease_words},
        {"leases: another set has another number", test_lease_number},
        {"leases: others", test_lease_others},
        {"leases: when", test_lease_due},
        {0},
    };

    return unit_main("guard", tests);
}
