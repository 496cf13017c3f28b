/* test_committer_lease.c - leases, terms and ends, as the committer has them.
 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "committer_bench.h"
#include "src/common/clock.h"

/* --- leases --- */

/* What is ours changes with the state that is loaded, and not before. */
static void test_lease(void)
{
    committer *c = bench_start(0);
    committer_news n;
    uint64_t first;

    CU_ASSERT_EQUAL(bench_beats(), 0); /* none before the first load */
    n = bench_load(c);
    CU_ASSERT_TRUE(bench.words & PARAMS_LEASE_JOIN);
    CU_ASSERT_FALSE(bench.words & (PARAMS_LEASE_ALONE | PARAMS_LEASE_SETTLE));
    CU_ASSERT_EQUAL(memcmp(n.own, "\1\1\1", 3), 0);
    first = n.lease;
    CU_ASSERT_EQUAL(bench_look(c).lease, first);
    committer_news_clear(&n);
    /* Another pool comes. */
    bench_share(2);
    for (int i = 0; i < 500 && !bench_look(c).surplus; i++)
        clock_sleep_ns(10000000, 1);
    CU_ASSERT_EQUAL(bench_look(c).surplus, 1);
    CU_ASSERT_EQUAL(bench_look(c).lease, first);
    CU_ASSERT_EQUAL(bench.owner[2], 'a');
    /* We are ready for it. */
    pthread_mutex_lock(&bench_lock); /* the store's answer waits for us */
    committer_settle(c);
    CU_ASSERT_TRUE(bench_look(c).busy);
    pthread_mutex_unlock(&bench_lock);
    for (int i = 0; i < 500 && bench_look(c).busy; i++)
        clock_sleep_ns(10000000, 1);
    CU_ASSERT_TRUE(bench.words & PARAMS_LEASE_SETTLE);
    CU_ASSERT_EQUAL(bench_look(c).surplus, 0);
    CU_ASSERT_NOT_EQUAL(bench_look(c).lease, first);
    CU_ASSERT_EQUAL(bench_look(c).leased, 2);
    /* What was given back moves on: no reason to doubt. */
    bench_foreign_commit('b', 2, 9, 1);
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_COMMIT);
    CU_ASSERT_EQUAL(bench_look(c).committed[2], 9);
    committer_news_clear(&n);
    n = bench_load(c);
    CU_ASSERT_EQUAL(memcmp(n.own, "\1\1\0", 3), 0);
    CU_ASSERT_EQUAL(n.lease, bench_look(c).lease);
    committer_news_clear(&n);
    committer_leave(c);
    CU_ASSERT_TRUE(bench.left);
    committer_stop(c);
}

/* A sign of life does not wait for the rank to read its news. */
static void test_beats_while_unread(void)
{
    committer *c = bench_start(0);
    committer_news n;
    int before;

    committer_load(c, 1);
    for (int i = 0; i < 500 && bench_look(c).working; i++)
        clock_sleep_ns(10000000, 1);
    before = bench_beats();
    clock_sleep_ns(300000000, 1);
    CU_ASSERT_TRUE(bench_beats() > before + 3);
    n = bench_news(c);
    CU_ASSERT_EQUAL(n.word, COMMITTER_STATE);
    committer_news_clear(&n);
    committer_stop(c);
    CU_ASSERT_FALSE(bench.left); /* no clean end: they are kept */
}

/* A state is known by the term that asked for it: the answer for one that is
 * over may be on its way yet.
 */
static void test_load_terms(void)
{
    committer *c = bench_start(0);
    committer_news n;
    int before = atomic_load(&bench_asked);
    int64_t term;

    pthread_mutex_lock(&bench_lock); /* the first waits in the store */
    committer_load(c, 1);
    while (atomic_load(&bench_asked) == before)
        clock_sleep_ns(1000000, 1);
    committer_load(c, 2);
    pthread_mutex_unlock(&bench_lock);
    do {
        n = bench_news(c);
        CU_ASSERT_EQUAL_FATAL(n.word, COMMITTER_STATE);
        CU_ASSERT_TRUE(n.term == 1 || n.term == 2);
        term = n.term;
        committer_news_clear(&n);
    } while (term < 2);
    CU_ASSERT_EQUAL(bench.loads, 2);
    committer_stop(c);
}

static void test_lease_errors(void)
{
    committer *c = bench_start_as(0, true);
    committer_news n;

    bench_load_quietly(c);
    CU_ASSERT_TRUE(bench.words & PARAMS_LEASE_ALONE);
    pthread_mutex_lock(&bench_lock);
    bench.failing = true;
    pthread_mutex_unlock(&bench_lock);
    for (int i = 0; i < 500 && !bench_look(c).away; i++)
        clock_sleep_ns(10000000, 1);
    CU_ASSERT_TRUE(bench_look(c).away);
    CU_ASSERT_EQUAL(bench_look(c).leased, PARTITIONS); /* as far as we know */
    pthread_mutex_lock(&bench_lock);
    bench.failing = false;
    bench.replaced = true;
    pthread_mutex_unlock(&bench_lock);
    n = bench_news(c);
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
    committer *c = bench_start(3);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    params_end e[3] = {
        {"a", 0, 4, false}, {"b", 0, 9, false}, {"c", 1, 2, true}};
    committer_view v;

    bench_show_ends(e, 2, NULL);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_FALSE(v.ends_known);
    bench_show_ends(e, 3, "drain");
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_TRUE(v.ends_known);
    CU_ASSERT_TRUE(v.any_dead);
    CU_ASSERT_EQUAL(ends[0], 9);
    CU_ASSERT_EQUAL(ends[1], 2);
    CU_ASSERT_EQUAL(ends[2], -1);
    UNIT_EQUAL(v.control, "drain");
    committer_stop(c);
}

/* Devices that were added are waited for, and stand for none of the file. */
static void test_added(void)
{
    committer *c = bench_start(2);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    params_end e[3] = {
        {"a-0", 0, 4, false}, {"a.2-0", 1, 7, false}, {"a-1", 1, 2, false}};
    committer_view v;

    bench_show_ends(e, 2, NULL);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_FALSE(v.ends_known);
    bench_show_ends(e, 3, NULL);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_TRUE(v.ends_known);
    CU_ASSERT_EQUAL(ends[1], 7);
    e[1].next = PARAMS_END_OPEN;
    bench_show_ends(e, 3, NULL);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_EQUAL(ends[1], PARAMS_END_OPEN);
    committer_stop(c);
}

/* A device that died just before the pool leaves is told of. */
static void test_last(void)
{
    committer *c = bench_start(2);
    int64_t committed[PARTITIONS], ends[PARTITIONS];
    uint64_t marks[PARTITIONS];
    params_end e[2] = {{"a", 0, 4, false}, {"b", 1, 2, true}};
    committer_view v;

    bench_show_ends(e, 1, NULL);
    pthread_mutex_lock(&bench_lock);
    bench.n_ends = 2;
    pthread_mutex_unlock(&bench_lock);
    committer_leave(c);
    committer_look(c, &v, committed, marks, ends);
    CU_ASSERT_TRUE(v.ends_known);
    CU_ASSERT_TRUE(v.any_dead);
    CU_ASSERT_EQUAL(ends[1], 2);
    committer_stop(c);
}

int main(void)
{
    static const unit_test tests[] = {
        {"leases", test_lease},
        {"signs of life while news is unread", test_beats_while_unread},
        {"a state is of the term that asked", test_load_terms},
        {"leases: errors", test_lease_errors},
        {"ends of devices", test_ends},
        {"ends of devices that were added", test_added},
        {"ends of devices, when it leaves", test_last},
        {0},
    };

    return unit_main("committer_lease", tests);
}
