/* test_lease.c - leases of partitions, on a Redis of its own. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redis_server.h"

#include "src/common/clock.h"
#include "src/params/wire.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define LONG_MS 600000 /* no test takes so long */

enum {
    JOIN = PARAMS_LEASE_JOIN,
    SETTLE = PARAMS_LEASE_SETTLE,
    ALONE = PARAMS_LEASE_ALONE,
    LEAVE = PARAMS_LEASE_LEAVE
};

static redis_server server;

static params *open_run(const char *run)
{
    params_conf conf = {.url = server.url};
    pe_error e = {0};
    params *p = params_open(&conf, run, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static params_member member(const char *name, int ranks, int32_t partitions)
{
    return (params_member){.name = name,
                           .incarnation = "a1",
                           .ranks = ranks,
                           .partitions = partitions,
                           .ttl_ms = LONG_MS};
}

/* "name 0-3,7; name 4-6" of [l], in the order they joined. */
static const char *map_text(const params_lease *l, size_t n)
{
    static char out[8192];
    size_t at = 0;

    *out = '\0';
    for (size_t i = 0; i < n && at < sizeof(out) - 64; i++) {
        const int32_t *k = l[i].partitions;

        at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s",
                               i ? "; " : "", l[i].member);
        for (size_t a = 0, b; a < l[i].n_partitions; a = b) {
            for (b = a + 1; b < l[i].n_partitions && k[b] == k[b - 1] + 1; b++)
                ;
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%c%d",
                                   a ? ',' : ' ', k[a]);
            if (b > a + 1)
                at += (size_t)snprintf(out + at, sizeof(out) - at, "-%d",
                                       k[b - 1]);
        }
    }
    return out;
}

/* One call that has to work; the map is left in *share. */
static void beat(params *p, const params_member *m, unsigned words,
                 params_share *share)
{
    pe_error e = {0};

    if (params_lease_beat(p, m, words, share, &e) < 0)
        UNIT_EQUAL(e.text, "");
}

/* ... and the map and what is asked of the caller are these. */
static void expect(params *p, const params_member *m, unsigned words,
                   int surplus, const char *map)
{
    params_share s;

    beat(p, m, words, &s);
    CU_ASSERT_FALSE(s.replaced);
    CU_ASSERT_EQUAL(s.surplus, surplus);
    UNIT_EQUAL(map_text(s.leases, s.n), map);
    params_leases_free(s.leases, s.n);
}

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
        p = open_run(run);
        for (long ranks; (ranks = strtol(r, &end, 10)) > 0; r = end, n++) {
            params_share s;

            snprintf(name, sizeof(name), "m%d", n);
            params_member m = member(name, (int)ranks, rows[i].partitions);
            beat(p, &m, JOIN, &s);
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
            params_member m = member(name, (int)ranks, rows[i].partitions);
            /* The first gives back, the others take. */
            beat(p, &m, SETTLE, &s);
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
    params *p = open_run("hand-over");
    params_member a = member("a", 1, 6), b = member("b", 1, 6);
    params_member c = member("c", 2, 6);

    expect(p, &a, JOIN, 0, "a 0-5");
    expect(p, &a, 0, 0, "a 0-5");
    expect(p, &a, SETTLE, 0, "a 0-5"); /* nobody else wants any */
    expect(p, &b, JOIN, 0, "a 0-5; b");
    expect(p, &a, 0, 3, "a 0-5; b"); /* asked, and not taken from */
    expect(p, &b, 0, 0, "a 0-5; b");
    expect(p, &a, SETTLE, 0, "a 0-2; b");
    expect(p, &a, 0, 0, "a 0-2; b"); /* what is another's stays free */
    expect(p, &b, 0, 0, "a 0-2; b 3-5");
    expect(p, &c, JOIN, 0, "a 0-2; b 3-5; c");
    expect(p, &a, 0, 1, "a 0-2; b 3-5; c");
    expect(p, &a, SETTLE, 0, "a 0-1; b 3-5; c");
    expect(p, &c, 0, 0, "a 0-1; b 3-5; c 2");
    expect(p, &b, SETTLE, 0, "a 0-1; b 3; c 2");
    expect(p, &c, 0, 0, "a 0-1; b 3; c 2,4-5");
    expect(p, &a, LEAVE, 0, "b 3; c 2,4-5");
    expect(p, &a, LEAVE, 0, "b 3; c 2,4-5"); /* it may be sent again */
    expect(p, &c, 0, 0, "b 3; c 0,2,4-5");
    expect(p, &b, 0, 0, "b 1,3; c 0,2,4-5");
    expect(p, &a, JOIN, 0, "b 1,3; c 0,2,4-5; a"); /* it is the last now */
    expect(p, &b, LEAVE, 0, "c 0,2,4-5; a");
    expect(p, &c, LEAVE, 0, "a");
    expect(p, &a, 0, 0, "a 0-5");
    expect(p, &a, LEAVE, 0, "");
    UNIT_CONTAINS(redis_server_ask(&server, "GETRANGE "
                                            "pilot:{hand-over}:leases 0 1"),
                  "@ ");
    params_close(p);
}

/* A world that is started again under its name keeps what it had, and with
 * other ranks has another share.
 */
static void test_same_name(void)
{
    params *p = open_run("same-name");
    params_member a = member("a", 2, 6), b = member("b", 2, 6);
    params_member again = member("a", 1, 6);
    params_share s;

    again.incarnation = "b2";
    expect(p, &a, JOIN, 0, "a 0-5");
    expect(p, &b, JOIN, 0, "a 0-5; b");
    expect(p, &a, SETTLE, 0, "a 0-2; b");
    expect(p, &b, 0, 0, "a 0-2; b 3-5");
    expect(p, &again, JOIN, 1, "a 0-2; b 3-5");
    expect(p, &again, SETTLE, 0, "a 0-1; b 3-5");
    expect(p, &b, 0, 0, "a 0-1; b 2-5");
    /* The one before it is told so, and changes nothing. */
    for (int i = 0; i < 3; i++) {
        beat(p, &a, i == 0 ? 0 : i == 1 ? SETTLE : LEAVE, &s);
        CU_ASSERT_TRUE(s.replaced);
        CU_ASSERT_EQUAL(s.n, 0);
        params_leases_free(s.leases, s.n);
    }
    expect(p, &again, 0, 0, "a 0-1; b 2-5");
    params_close(p);
}

/* The server comes back as it was before a world was started again: what it
 * has of its predecessor is no process that came later.
 */
static void test_rolled_back(void)
{
    params *p = open_run("rolled-back");
    params_member a = member("a", 2, 6), again = member("a", 2, 6);
    params_member third = member("a", 2, 6);
    params_share s;

    again.incarnation = "b2";
    third.incarnation = "c3";
    beat(p, &a, JOIN, &s);
    CU_ASSERT_EQUAL(s.generation, 1);
    a.generation = s.generation;
    params_leases_free(s.leases, s.n);
    redis_server_ask(&server, "COPY pilot:{rolled-back}:leases kept");
    beat(p, &again, JOIN, &s);
    CU_ASSERT_EQUAL(s.generation, 2);
    again.generation = s.generation;
    params_leases_free(s.leases, s.n);
    beat(p, &again, JOIN, &s); /* the answer was lost: the same again */
    CU_ASSERT_EQUAL(s.generation, 2);
    params_leases_free(s.leases, s.n);

    redis_server_ask(&server, "COPY kept pilot:{rolled-back}:leases REPLACE");
    expect(p, &again, 0, 0, "a 0-5");
    beat(p, &a, 0, &s); /* should it live: it was replaced, and is again */
    CU_ASSERT_TRUE(s.replaced);
    params_leases_free(s.leases, s.n);
    /* One that joins now is later than both. */
    redis_server_ask(&server, "COPY kept pilot:{rolled-back}:leases REPLACE");
    expect(p, &third, JOIN, 0, "a 0-5");
    beat(p, &again, 0, &s);
    CU_ASSERT_TRUE(s.replaced);
    params_leases_free(s.leases, s.n);
    /* Back behind everybody. */
    redis_server_ask(&server, "DEL pilot:{rolled-back}:leases");
    expect(p, &again, 0, 0, "a 0-5");
    params_close(p);
}

/* --- the dead --- */

static void test_dead(void)
{
    params *p = open_run("dead");
    params_member a = member("a", 1, 4), b = member("b", 1, 4);

    a.ttl_ms = 300;
    expect(p, &a, JOIN, 0, "a 0-3");
    expect(p, &b, JOIN, 0, "a 0-3; b");
    expect(p, &a, SETTLE, 0, "a 0-1; b");
    expect(p, &b, 0, 0, "a 0-1; b 2-3");
    clock_sleep_ns(400 * CLOCK_MS, 1);
    expect(p, &b, 0, 0, "b 0-3");
    /* It was only stopped: it is the last now, and asks. */
    expect(p, &a, 0, 0, "b 0-3; a");
    expect(p, &b, SETTLE, 0, "b 0-1; a");
    expect(p, &a, 0, 0, "b 0-1; a 2-3");
    params_close(p);
}

/* It was stopped, and nobody has missed it. */
static void test_late(void)
{
    params *p = open_run("late");
    params_member a = member("a", 1, 4);

    a.ttl_ms = 20;
    expect(p, &a, JOIN, 0, "a 0-3");
    clock_sleep_ns(100 * CLOCK_MS, 1);
    expect(p, &a, 0, 0, "a 0-3");
    params_close(p);
}

/* Where nobody called for long, the server was away: the first to come back
 * does not find all others dead.  The dead have half a ttl more.
 */
static void test_server_was_away(void)
{
    params *p = open_run("away");
    params_member a = member("a", 1, 4), b = member("b", 1, 4);

    a.ttl_ms = b.ttl_ms = 2000;
    expect(p, &a, JOIN, 0, "a 0-3");
    expect(p, &b, JOIN, 0, "a 0-3; b");
    expect(p, &a, SETTLE, 0, "a 0-1; b");
    expect(p, &b, 0, 0, "a 0-1; b 2-3");
    clock_sleep_ns(2500 * CLOCK_MS, 1);
    expect(p, &a, 0, 0, "a 0-1; b 2-3");
    for (int i = 0; i < 6; i++) { /* alone again, until b is dead */
        params_share s;

        clock_sleep_ns(250 * CLOCK_MS, 1);
        beat(p, &a, 0, &s);
        params_leases_free(s.leases, s.n);
    }
    expect(p, &a, 0, 0, "a 0-3");
    params_close(p);
}

/* A clock that was put back by an hour does not keep the dead for as long. */
static void test_clock_back(void)
{
    params *p = open_run("clock");
    params_member b = member("b", 1, 4);

    b.ttl_ms = 300;
    redis_server_ask(&server, "SET pilot:{clock}:leases "
                              "\"@ 9999999999999/1\\n"
                              "a 1/9999999999999/1/1/a1/0-3\\n\"");
    expect(p, &b, JOIN, 0, "a 0-3; b");
    for (int i = 0; i < 8; i++) {
        params_share s;

        clock_sleep_ns(50 * CLOCK_MS, 1);
        beat(p, &b, 0, &s);
        params_leases_free(s.leases, s.n);
    }
    expect(p, &b, 0, 0, "b 0-3");
    params_close(p);
}

/* --- all or nothing --- */

static void test_alone(void)
{
    params *p = open_run("alone");
    params_member a = member("a", 1, 4), b = member("b", 1, 4);

    expect(p, &a, ALONE | JOIN, 0, "a 0-3");
    expect(p, &b, ALONE | JOIN, 0, "a 0-3"); /* b is no member */
    expect(p, &a, ALONE, 0, "a 0-3");
    expect(p, &b, ALONE, 0, "a 0-3");
    expect(p, &a, ALONE | LEAVE, 0, "");
    expect(p, &b, ALONE, 0, "b 0-3");
    expect(p, &a, ALONE, 0, "b 0-3");
    /* One that shares is a member, and waits. */
    expect(p, &a, JOIN, 0, "b 0-3; a");
    expect(p, &b, ALONE, 2, "b 0-3; a");
    expect(p, &b, ALONE | LEAVE, 0, "a");
    expect(p, &b, ALONE | JOIN, 0, "a");
    params_close(p);
}

/* --- who reads it --- */

static void test_fetch(void)
{
    params *p = open_run("fetch");
    params_member z = member("z", 3, 70), a = member("a", 2, 70);
    params_lease *l;
    size_t n;

    CU_ASSERT_EQUAL(params_leases_fetch(p, &l, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_leases_free(l, n);
    expect(p, &z, JOIN, 0, "z 0-69");
    expect(p, &a, JOIN, 0, "z 0-69; a");
    CU_ASSERT_EQUAL(params_leases_fetch(p, &l, &n, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    UNIT_EQUAL(map_text(l, n), "z 0-69; a");
    CU_ASSERT_EQUAL(l[0].ranks, 3);
    CU_ASSERT_EQUAL(l[1].ranks, 2);
    CU_ASSERT_EQUAL(l[1].joined, 2);
    UNIT_EQUAL(l[0].incarnation, "a1");
    CU_ASSERT_TRUE(l[0].expires_ms > clock_real_ns() / CLOCK_MS);
    params_leases_free(l, n);
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    CU_ASSERT_EQUAL(params_leases_fetch(p, &l, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_leases_free(l, n);
    params_close(p);
}

static void test_values(void)
{
    static const struct {
        const char *value;
        int n; /* partitions; -1: no lease */
    } rows[] = {
        {"1/2/3/4/ab/", 0},
        {"1/2/3/4/ab/0", 1},
        {"1/2/3/4/ab/0-3,7", 5},
        {"1/2/3/4/ab/5-5,1,0", 3},
        {"1/2/3/4/ab", -1},
        {"1/2/3/4//0", -1},
        {"1/2/3/4/xy/0", -1},
        {"1/2/3/4/ab/0,", -1},
        {"1/2/3/4/ab/,0", -1},
        {"1/2/3/4/ab/0,,1", -1},
        {"1/2/3/4/ab/0-", -1},
        {"1/2/3/4/ab/-3", -1},
        {"1/2/3/4/ab/3-2", -1},
        {"1/2/3/4/ab/1000000", -1},
        {"1/2/3/4/ab/0-1-2", -1},
        {"-1/2/3/4/ab/0", -1},
        {"/2/3/4/ab/0", -1},
        {"1/2/3/4/ab/0 ", -1},
        {"1/2/3/ab/0", -1},
        {"1/2/3/-4/ab/0", -1},
        {"", -1},
    };

    for (size_t i = 0; i < N(rows); i++) {
        params_lease l = {0};
        pe_error e = {0};
        int rc = params_lease_parse("m", rows[i].value, &l, &e);

        if ((rc < 0) != (rows[i].n < 0))
            printf("# '%s': %d\n", rows[i].value, rc);
        CU_ASSERT_EQUAL(rc, rows[i].n < 0 ? -1 : 0);
        if (rc < 0) {
            UNIT_CONTAINS(e.text, "is not MEMBER -> RANKS/EXPIRES/JOINED/");
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
            continue;
        }
        CU_ASSERT_EQUAL(l.n_partitions, (size_t)rows[i].n);
        UNIT_EQUAL(l.member, "m");
        UNIT_EQUAL(l.incarnation, "ab");
        free(l.member);
        free(l.incarnation);
        free(l.partitions);
    }
}

/* --- errors --- */

static void test_refused(void)
{
    static const struct {
        params_member m;
        const char *part;
    } rows[] = {
        {{"", "a", 1, 1, 100, 0}, "1 to 100 letters, digits"},
        {{"a b", "a", 1, 1, 100, 0}, "member 'a b' of a run is refused"},
        {{"@", "a", 1, 1, 100, 0}, "1 to 100 letters, digits"},
        {{"a/b", "a", 1, 1, 100, 0}, "1 to 100 letters, digits"},
        {{"a", "", 1, 1, 100, 0}, "incarnation is no hex number"},
        {{"a", "A", 1, 1, 100, 0}, "incarnation is no hex number"},
        {{"a", "a", 0, 1, 100, 0}, "ranks, partitions or ttl"},
        {{"a", "a", 1, 0, 100, 0}, "ranks, partitions or ttl"},
        {{"a", "a", 1, 1000001, 100, 0}, "ranks, partitions or ttl"},
        {{"a", "a", 1, 1, 0, 0}, "ranks, partitions or ttl"},
    };
    params *p = open_run("refused");

    for (size_t i = 0; i < N(rows); i++) {
        params_share s;
        pe_error e = {0};

        CU_ASSERT_EQUAL(params_lease_beat(p, &rows[i].m, 0, &s, &e), -1);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, rows[i].part);
        params_leases_free(s.leases, s.n);
    }
    params_close(p);
}

#define FOREIGN_KEY "pilot:{foreign}:leases"

/* What another program wrote: an error that names it, and no change. */
static void test_foreign(void)
{
    static const struct {
        const char *spoil, *part;
    } rows[] = {
        {"HSET " FOREIGN_KEY " a x", "leases is a hash and not a string"},
        {"LPUSH " FOREIGN_KEY " x", "leases is a list and not a string"},
        {"SET " FOREIGN_KEY " x",
         "line x of pilot:{foreign}:leases is no lease"},
        {"SET " FOREIGN_KEY " \"b 1/2/3/4/ab/0-\"", "line b 1/"},
        {"SET " FOREIGN_KEY " \"b 1/2/3/4/ab/0,1-2-3\"", "line b 1/"},
        {"SET " FOREIGN_KEY " \"b 1/2/3/4/ab/9-3\"", "line b 1/"},
        {"SET " FOREIGN_KEY " \"b 1/2/3/4/ab/0-99999999\"", "line b 1/"},
        {"SET " FOREIGN_KEY " \"b 1/2/3/4/ab/1000000\"", "line b 1/"},
        {"SET " FOREIGN_KEY " \"b 1/x/3/4/ab/0\"", "line b 1/x"},
        {"SET " FOREIGN_KEY " \"b 1/2/3/ab/0\"", "line b 1/2/3/ab"},
        {"SET " FOREIGN_KEY " \"@ noon\"", "line @ noon"},
    };
    params *p = open_run("foreign");
    params_member a = member("a", 1, 4);
    char before[512];

    for (size_t i = 0; i < N(rows); i++) {
        params_share s;
        pe_error e = {0};

        redis_server_ask(&server, "DEL " FOREIGN_KEY);
        redis_server_ask(&server, rows[i].spoil);
        snprintf(before, sizeof(before), "%s",
                 redis_server_ask(&server, "DUMP " FOREIGN_KEY));
        CU_ASSERT_EQUAL(params_lease_beat(p, &a, JOIN, &s, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, rows[i].part);
        UNIT_EQUAL(redis_server_ask(&server, "DUMP " FOREIGN_KEY), before);
        params_leases_free(s.leases, s.n);
    }
    params_close(p);
}

/* Two that hold the same: the one that joined first has it.  Partitions that
 * the run has not are nobody's.
 */
static void test_overlap(void)
{
    params *p = open_run("overlap");
    params_member c = member("c", 1, 6);

    redis_server_ask(&server, "SET pilot:{overlap}:leases "
                              "\"a 1/9999999999999/2/1/a1/2-4,9\\n"
                              "b 1/9999999999999/1/2/b1/0-2\\n\"");
    expect(p, &c, JOIN, 0, "b 0-2; a 3-4; c 5");
    params_close(p);
}

/* Room for many; a call is bounded by what there is, not by its square. */
static void test_many(void)
{
    enum { PARTITIONS = 4096, MEMBERS = 50 };
    params *p = open_run("many");
    char name[MEMBERS][16];
    char owner[PARTITIONS] = {0};
    int64_t start = clock_mono_ns();
    params_lease *l;
    size_t n, total = 0;

    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < MEMBERS; i++) {
            params_share s;

            snprintf(name[i], sizeof(name[i]), "pool.%d", i);
            params_member m = member(name[i], 1 + i % 7, PARTITIONS);
            beat(p, &m, turn ? SETTLE : JOIN, &s);
            params_leases_free(s.leases, s.n);
        }
    }
    printf("# %d calls took %.2f ms each\n", 3 * MEMBERS,
           (double)(clock_mono_ns() - start) / 1e6 / 3 / MEMBERS);
    CU_ASSERT_EQUAL(params_leases_fetch(p, &l, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, MEMBERS);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < l[i].n_partitions; k++) {
            CU_ASSERT_FALSE(owner[l[i].partitions[k]]);
            owner[l[i].partitions[k]] = 1;
        }
        total += l[i].n_partitions;
    }
    CU_ASSERT_EQUAL(total, PARTITIONS);
    params_leases_free(l, n);
    params_close(p);
}

static void test_flush_and_restart(void)
{
    params *p = open_run("again");
    params_member a = member("a", 1, 2);

    expect(p, &a, JOIN, 0, "a 0-1");
    redis_server_ask(&server, "SCRIPT FLUSH");
    expect(p, &a, 0, 0, "a 0-1");
    redis_server_kill(&server);
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    expect(p, &a, 0, 0, "a 0-1");
    params_close(p);
}

static void test_memory_full(void)
{
    params *p = open_run("full");
    params_member a = member("a", 1, 2);
    params_share s;
    pe_error e = {0};

    redis_server_ask(&server, "CONFIG SET maxmemory 1");
    CU_ASSERT_EQUAL(params_lease_beat(p, &a, JOIN, &s, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    params_leases_free(s.leases, s.n);
    redis_server_ask(&server, "CONFIG SET maxmemory 0");
    expect(p, &a, JOIN, 0, "a 0-1");
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
        {"all partitions or none", test_alone},
        {"the map is read", test_fetch},
        {"values", test_values},
        {"a call that is refused", test_refused},
        {"another program wrote to the key", test_foreign},
        {"two hold the same", test_overlap},
        {"many members and partitions", test_many},
        {"scripts are flushed, the server restarted", test_flush_and_restart},
        {"memory is full", test_memory_full},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("lease", tests);
    redis_server_close(&server);
    return rc;
}
