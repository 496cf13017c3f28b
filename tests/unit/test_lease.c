/* test_lease.c - leases of partitions, on a Redis of its own. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lease_case.h"
#include "src/common/clock.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- shares --- */

static void test_shares(void)
{
    static const struct {
        int partitions;
        const char *ranks;  /* of the members, in the order they join */
        const char *shares; /* due to each when all are there */
    } rows[] = {
        {4, "4", "4"},
        {4, "1 1", "2 2"},
        {4, "3 1", "3 1"},
        {5, "1 1", "3 2"},
        {7, "4 4", "4 3"},
        {7, "1 2", "2 5"},
        {7, "2 1", "5 2"},
        {4, "1 1 1", "2 1 1"},
        {5, "1 1 1", "2 2 1"},
        {10, "1 2 4", "1 3 6"},
        {3, "1 1 1 1", "1 1 1 0"},
        {2, "1 1 5", "0 0 2"},
        {1, "1 1", "1 0"},
        {1, "1 3", "0 1"},
        {6, "1000 1", "6 0"},
        {4096, "7 5 3", "1912 1365 819"},
    };
    char run[32], name[16];

    for (size_t i = 0; i < N(rows); i++) {
        const char *r = rows[i].ranks, *want = rows[i].shares;
        params *p;
        int n = 0, sum = 0;
        char *end;

        snprintf(run, sizeof(run), "shares-%zu", i);
        p = lease_run(run);
        for (long ranks; (ranks = strtol(r, &end, 10)) > 0; r = end, n++) {
            params_share s;

            snprintf(name, sizeof(name), "m%d", n);
            params_member m =
                lease_member(name, (int)ranks, rows[i].partitions);
            lease_beat(p, &m, JOIN, &s);
            /* The first one up takes all, and the others nothing yet. */
            CU_ASSERT_EQUAL(s.leases[n].n_partitions,
                            n ? 0 : (size_t)rows[i].partitions);
            params_leases_free(s.leases, s.n);
        }
        r = rows[i].ranks;
        for (int k = 0; k < n; k++, want = end) {
            long ranks = strtol(r, (char **)&r, 10);
            params_share s;

            snprintf(name, sizeof(name), "m%d", k);
            params_member m =
                lease_member(name, (int)ranks, rows[i].partitions);
            /* The first gives back, the others take. */
            lease_beat(p, &m, SETTLE, &s);
            CU_ASSERT_EQUAL(s.surplus, 0);
            CU_ASSERT_EQUAL(s.n, (size_t)n);
            if (s.share != strtol(want, &end, 10) ||
                s.leases[k].n_partitions != (size_t)s.share) {
                printf("# %d partitions, %s: %s got %zu of %d\n",
                       rows[i].partitions, rows[i].ranks, name,
                       s.leases[k].n_partitions, s.share);
                CU_FAIL("shares");
            }
            sum += s.share;
            params_leases_free(s.leases, s.n);
        }
        CU_ASSERT_EQUAL(sum, rows[i].partitions);
        params_close(p);
    }
}

/* Two members, as they come and go. */
static void test_hand_over(void)
{
    params *p = lease_run("hand-over");
    params_member a = lease_member("a", 1, 6), b = lease_member("b", 1, 6);
    params_member c = lease_member("c", 2, 6);

    lease_expect(p, &a, JOIN, 0, "a 0-5");
    lease_expect(p, &a, 0, 0, "a 0-5");
    lease_expect(p, &a, SETTLE, 0, "a 0-5"); /* nobody else wants any */
    lease_expect(p, &b, JOIN, 0, "a 0-5; b");
    lease_expect(p, &a, 0, 3, "a 0-5; b"); /* asked, and not taken from */
    lease_expect(p, &b, 0, 0, "a 0-5; b");
    lease_expect(p, &a, SETTLE, 0, "a 0-2; b");
    lease_expect(p, &a, 0, 0, "a 0-2; b"); /* what is another's stays free */
    lease_expect(p, &b, 0, 0, "a 0-2; b 3-5");
    lease_expect(p, &c, JOIN, 0, "a 0-2; b 3-5; c");
    lease_expect(p, &a, 0, 1, "a 0-2; b 3-5; c");
    lease_expect(p, &a, SETTLE, 0, "a 0-1; b 3-5; c");
    lease_expect(p, &c, 0, 0, "a 0-1; b 3-5; c 2");
    lease_expect(p, &b, SETTLE, 0, "a 0-1; b 3; c 2");
    lease_expect(p, &c, 0, 0, "a 0-1; b 3; c 2,4-5");
    lease_expect(p, &a, LEAVE, 0, "b 3; c 2,4-5");
    lease_expect(p, &a, LEAVE, 0, "b 3; c 2,4-5"); /* it may be sent again */
    lease_expect(p, &c, 0, 0, "b 3; c 0,2,4-5");
    lease_expect(p, &b, 0, 0, "b 1,3; c 0,2,4-5");
    lease_expect(p, &a, JOIN, 0,
                 "b 1,3; c 0,2,4-5; a"); /* it is the last now */
    lease_expect(p, &b, LEAVE, 0, "c 0,2,4-5; a");
    lease_expect(p, &c, LEAVE, 0, "a");
    lease_expect(p, &a, 0, 0, "a 0-5");
    lease_expect(p, &a, LEAVE, 0, "");
    UNIT_CONTAINS(redis_server_ask(&lease_server,
                                   "GETRANGE "
                                   "pilot:{hand-over}:leases 0 1"),
                  "@ ");
    params_close(p);
}

/* A world that is started again under its name keeps what it had, and with
 * other ranks has another share.
 */
static void test_same_name(void)
{
    params *p = lease_run("same-name");
    params_member a = lease_member("a", 2, 6), b = lease_member("b", 2, 6);
    params_member again = lease_member("a", 1, 6);
    params_share s;

    again.incarnation = "b2";
    lease_expect(p, &a, JOIN, 0, "a 0-5");
    lease_expect(p, &b, JOIN, 0, "a 0-5; b");
    lease_expect(p, &a, SETTLE, 0, "a 0-2; b");
    lease_expect(p, &b, 0, 0, "a 0-2; b 3-5");
    lease_expect(p, &again, JOIN, 1, "a 0-2; b 3-5");
    lease_expect(p, &again, SETTLE, 0, "a 0-1; b 3-5");
    lease_expect(p, &b, 0, 0, "a 0-1; b 2-5");
    /* The one before it is told so, and changes nothing. */
    for (int i = 0; i < 3; i++) {
        lease_beat(p, &a, i == 0 ? 0 : i == 1 ? SETTLE : LEAVE, &s);
        CU_ASSERT_TRUE(s.replaced);
        CU_ASSERT_EQUAL(s.n, 0);
        params_leases_free(s.leases, s.n);
    }
    lease_expect(p, &again, 0, 0, "a 0-1; b 2-5");
    params_close(p);
}

/* The server comes back as it was before a world was started again: what it
 * has of its predecessor is no process that came later.
 */
static void test_rolled_back(void)
{
    params *p = lease_run("rolled-back");
    params_member a = lease_member("a", 2, 6), again = lease_member("a", 2, 6);
    params_member third = lease_member("a", 2, 6);
    params_share s;

    again.incarnation = "b2";
    third.incarnation = "c3";
    lease_beat(p, &a, JOIN, &s);
    CU_ASSERT_EQUAL(s.generation, 1);
    a.generation = s.generation;
    params_leases_free(s.leases, s.n);
    redis_server_ask(&lease_server, "COPY pilot:{rolled-back}:leases kept");
    lease_beat(p, &again, JOIN, &s);
    CU_ASSERT_EQUAL(s.generation, 2);
    again.generation = s.generation;
    params_leases_free(s.leases, s.n);
    lease_beat(p, &again, JOIN, &s); /* the answer was lost: the same again */
    CU_ASSERT_EQUAL(s.generation, 2);
    params_leases_free(s.leases, s.n);

    redis_server_ask(&lease_server,
                     "COPY kept pilot:{rolled-back}:leases REPLACE");
    lease_expect(p, &again, 0, 0, "a 0-5");
    lease_beat(p, &a, 0,
               &s); /* should it live: it was replaced, and is again */
    CU_ASSERT_TRUE(s.replaced);
    params_leases_free(s.leases, s.n);
    /* One that joins now is later than both. */
    redis_server_ask(&lease_server,
                     "COPY kept pilot:{rolled-back}:leases REPLACE");
    lease_expect(p, &third, JOIN, 0, "a 0-5");
    lease_beat(p, &again, 0, &s);
    CU_ASSERT_TRUE(s.replaced);
    params_leases_free(s.leases, s.n);
    /* Back behind everybody. */
    redis_server_ask(&lease_server, "DEL pilot:{rolled-back}:leases");
    lease_expect(p, &again, 0, 0, "a 0-5");
    params_close(p);
}

/* --- the dead --- */

static void test_dead(void)
{
    params *p = lease_run("dead");
    params_member a = lease_member("a", 1, 4), b = lease_member("b", 1, 4);

    a.ttl_ms = 300;
    lease_expect(p, &a, JOIN, 0, "a 0-3");
    lease_expect(p, &b, JOIN, 0, "a 0-3; b");
    lease_expect(p, &a, SETTLE, 0, "a 0-1; b");
    lease_expect(p, &b, 0, 0, "a 0-1; b 2-3");
    clock_sleep_ns(400 * CLOCK_MS, 1);
    lease_expect(p, &b, 0, 0, "b 0-3");
    /* It was only stopped: it is the last now, and asks. */
    lease_expect(p, &a, 0, 0, "b 0-3; a");
    lease_expect(p, &b, SETTLE, 0, "b 0-1; a");
    lease_expect(p, &a, 0, 0, "b 0-1; a 2-3");
    params_close(p);
}

/* It was stopped, and nobody has missed it. */
static void test_late(void)
{
    params *p = lease_run("late");
    params_member a = lease_member("a", 1, 4);

    a.ttl_ms = 20;
    lease_expect(p, &a, JOIN, 0, "a 0-3");
    clock_sleep_ns(100 * CLOCK_MS, 1);
    lease_expect(p, &a, 0, 0, "a 0-3");
    params_close(p);
}

/* Where nobody called for long, the server was away: the first to come back
 * does not find all others dead.  The dead have half a ttl more.
 */
static void test_server_was_away(void)
{
    params *p = lease_run("away");
    params_member a = lease_member("a", 1, 4), b = lease_member("b", 1, 4);

    a.ttl_ms = b.ttl_ms = 2000;
    lease_expect(p, &a, JOIN, 0, "a 0-3");
    lease_expect(p, &b, JOIN, 0, "a 0-3; b");
    lease_expect(p, &a, SETTLE, 0, "a 0-1; b");
    lease_expect(p, &b, 0, 0, "a 0-1; b 2-3");
    clock_sleep_ns(2500 * CLOCK_MS, 1);
    lease_expect(p, &a, 0, 0, "a 0-1; b 2-3");
    for (int i = 0; i < 6; i++) { /* alone again, until b is dead */
        params_share s;

        clock_sleep_ns(250 * CLOCK_MS, 1);
        lease_beat(p, &a, 0, &s);
        params_leases_free(s.leases, s.n);
    }
    lease_expect(p, &a, 0, 0, "a 0-3");
    params_close(p);
}

/* A clock that was put back by an hour does not keep the dead for as long. */
static void test_clock_back(void)
{
    params *p = lease_run("clock");
    params_member b = lease_member("b", 1, 4);

    b.ttl_ms = 300;
    redis_server_ask(&lease_server, "SET pilot:{clock}:leases "
                                    "\"@ 9999999999999/1\\n"
                                    "a 1/9999999999999/1/1/a1/0-3\\n\"");
    lease_expect(p, &b, JOIN, 0, "a 0-3; b");
    for (int i = 0; i < 8; i++) {
        params_share s;

        clock_sleep_ns(50 * CLOCK_MS, 1);
        lease_beat(p, &b, 0, &s);
        params_leases_free(s.leases, s.n);
    }
    lease_expect(p, &b, 0, 0, "b 0-3");
    params_close(p);
}

/* --- what is wanted instead of a share --- */

static void test_only(void)
{
    params *p = lease_run("only");
    params_member a = lease_member("a", 1, 6), b = lease_member("b", 1, 6);
    params_share s;

    a.only = "";
    lease_expect(p, &a, JOIN, 0, "a"); /* it has not seen who is there */
    a.only = "0-5";
    a.facts = "lab;1;0-5:250";
    lease_expect(p, &a, 0, 0, "a 0-5");
    b.only = "1,4-5";
    lease_expect(p, &b, JOIN, 0, "a 0-5; b");
    a.only = "0,2-3";
    lease_expect(p, &a, 0, 3, "a 0-5; b"); /* asked, and not taken from */
    lease_expect(p, &a, SETTLE, 0, "a 0,2-3; b");
    lease_expect(p, &a, 0, 0, "a 0,2-3; b");
    lease_beat(p, &b, 0, &s);
    CU_ASSERT_EQUAL(s.share, 3);
    UNIT_EQUAL(lease_map_text(s.leases, s.n), "a 0,2-3; b 1,4-5");
    UNIT_EQUAL(s.leases[0].facts, "lab;1;0-5:250");
    UNIT_EQUAL(s.leases[1].facts, "");
    params_leases_free(s.leases, s.n);
    /* What both want is the one's who has it; beyond the run is nothing. */
    b.only = "0-9";
    lease_expect(p, &b, 0, 0, "a 0,2-3; b 1,4-5");
    lease_expect(p, &a, LEAVE, 0, "b 1,4-5");
    lease_expect(p, &b, 0, 0, "b 0-5");
    /* One that wants a share beside it. */
    a.only = a.facts = NULL;
    lease_expect(p, &a, JOIN, 0, "b 0-5; a");
    b.only = "0";
    lease_expect(p, &b, SETTLE, 0, "b 0; a");
    lease_expect(p, &a, 0, 0, "b 0; a 1-3");
    params_close(p);
}

static void test_facts_refused(void)
{
    params *p = lease_run("facts");
    params_member a = lease_member("a", 1, 4);
    params_share s;
    pe_error e = {0};

    a.facts = "two words";
    CU_ASSERT_EQUAL(params_lease_beat(p, &a, JOIN, &s, &e), -1);
    UNIT_EQUAL(e.text, "member 'a' of a run is refused: what it says of itself "
                       "has blanks in it");
    /* A line of before there were facts, and one with some. */
    redis_server_ask(&lease_server, "SET pilot:{facts}:leases "
                                    "\"@ 1/2\\nb 1/9999999999999/1/1/a1/0\\n"
                                    "c 1/9999999999999/2/2/a1/1/x;0;\\n\"");
    a.facts = "y;1;";
    lease_beat(p, &a, JOIN, &s);
    CU_ASSERT_EQUAL_FATAL(s.n, 3);
    UNIT_EQUAL(s.leases[0].facts, "");
    UNIT_EQUAL(s.leases[1].facts, "x;0;");
    UNIT_EQUAL(s.leases[2].facts, "y;1;");
    params_leases_free(s.leases, s.n);
    params_close(p);
}

/* --- all or nothing --- */

static void test_alone(void)
{
    params *p = lease_run("alone");
    params_member a = lease_member("a", 1, 4), b = lease_member("b", 1, 4);

    lease_expect(p, &a, ALONE | JOIN, 0, "a 0-3");
    lease_expect(p, &b, ALONE | JOIN, 0, "a 0-3"); /* b is no member */
    lease_expect(p, &a, ALONE, 0, "a 0-3");
    lease_expect(p, &b, ALONE, 0, "a 0-3");
    lease_expect(p, &a, ALONE | LEAVE, 0, "");
    lease_expect(p, &b, ALONE, 0, "b 0-3");
    lease_expect(p, &a, ALONE, 0, "b 0-3");
    /* One that shares is a member, and waits. */
    lease_expect(p, &a, JOIN, 0, "b 0-3; a");
    lease_expect(p, &b, ALONE, 2, "b 0-3; a");
    lease_expect(p, &b, ALONE | LEAVE, 0, "a");
    lease_expect(p, &b, ALONE | JOIN, 0, "a");
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"shares by ranks", test_shares},
        {"partitions are handed over", test_hand_over},
        {"a name that comes again", test_same_name},
        {"the server came back as it was before", test_rolled_back},
        {"the dead", test_dead},
        {"late, and not missed", test_late},
        {"the server was away", test_server_was_away},
        {"the clock was put back", test_clock_back},
        {"what is wanted instead of a share", test_only},
        {"what a member says of itself", test_facts_refused},
        {"all partitions or none", test_alone},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&lease_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("lease", tests);
    redis_server_close(&lease_server);
    return rc;
}
