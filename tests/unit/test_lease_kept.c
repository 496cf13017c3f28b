/* test_lease_kept.c - how leases are kept, and what others may leave there. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lease_case.h"
#include "src/common/clock.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- who reads it --- */

static void test_fetch(void)
{
    params *p = lease_run("fetch");
    params_member z = lease_member("z", 3, 70), a = lease_member("a", 2, 70);
    params_lease *l;
    size_t n;

    CU_ASSERT_EQUAL(params_leases_fetch(p, &l, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_leases_free(l, n);
    lease_expect(p, &z, JOIN, 0, "z 0-69");
    lease_expect(p, &a, JOIN, 0, "z 0-69; a");
    CU_ASSERT_EQUAL(params_leases_fetch(p, &l, &n, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    UNIT_EQUAL(lease_map_text(l, n), "z 0-69; a");
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
        free(l.facts);
    }
}

/* --- errors --- */

static void test_refused(void)
{
    static const struct {
        params_member m;
        const char *part;
    } rows[] = {
        {{"", "a", 1, 1, 100, 0, NULL, NULL}, "1 to 100 letters, digits"},
        {{"a b", "a", 1, 1, 100, 0, NULL, NULL},
         "member 'a b' of a run is refused"},
        {{"@", "a", 1, 1, 100, 0, NULL, NULL}, "1 to 100 letters, digits"},
        {{"a/b", "a", 1, 1, 100, 0, NULL, NULL}, "1 to 100 letters, digits"},
        {{"a", "", 1, 1, 100, 0, NULL, NULL}, "incarnation is no hex number"},
        {{"a", "A", 1, 1, 100, 0, NULL, NULL}, "incarnation is no hex number"},
        {{"a", "a", 0, 1, 100, 0, NULL, NULL}, "ranks, partitions or ttl"},
        {{"a", "a", 1, 0, 100, 0, NULL, NULL}, "ranks, partitions or ttl"},
        {{"a", "a", 1, 1000001, 100, 0, NULL, NULL},
         "ranks, partitions or ttl"},
        {{"a", "a", 1, 1, 0, 0, NULL, NULL}, "ranks, partitions or ttl"},
    };
    params *p = lease_run("refused");

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
    params *p = lease_run("foreign");
    params_member a = lease_member("a", 1, 4);
    char before[512];

    for (size_t i = 0; i < N(rows); i++) {
        params_share s;
        pe_error e = {0};

        redis_server_ask(&lease_server, "DEL " FOREIGN_KEY);
        redis_server_ask(&lease_server, rows[i].spoil);
        snprintf(before, sizeof(before), "%s",
                 redis_server_ask(&lease_server, "DUMP " FOREIGN_KEY));
        CU_ASSERT_EQUAL(params_lease_beat(p, &a, JOIN, &s, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, rows[i].part);
        UNIT_EQUAL(redis_server_ask(&lease_server, "DUMP " FOREIGN_KEY),
                   before);
        params_leases_free(s.leases, s.n);
    }
    params_close(p);
}

/* Two that hold the same: the one that joined first has it.  Partitions that
 * the run has not are nobody's.
 */
static void test_overlap(void)
{
    params *p = lease_run("overlap");
    params_member c = lease_member("c", 1, 6);

    redis_server_ask(&lease_server, "SET pilot:{overlap}:leases "
                                    "\"a 1/9999999999999/2/1/a1/2-4,9\\n"
                                    "b 1/9999999999999/1/2/b1/0-2\\n\"");
    lease_expect(p, &c, JOIN, 0, "b 0-2; a 3-4; c 5");
    params_close(p);
}

/* Room for many; a call is bounded by what there is, not by its square. */
static void test_many(void)
{
    enum { PARTITIONS = 4096, MEMBERS = 50 };
    params *p = lease_run("many");
    char name[MEMBERS][16];
    char owner[PARTITIONS] = {0};
    int64_t start = clock_mono_ns();
    params_lease *l;
    size_t n, total = 0;

    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < MEMBERS; i++) {
            params_share s;

            snprintf(name[i], sizeof(name[i]), "pool.%d", i);
            params_member m = lease_member(name[i], 1 + i % 7, PARTITIONS);
            lease_beat(p, &m, turn ? SETTLE : JOIN, &s);
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
    params *p = lease_run("again");
    params_member a = lease_member("a", 1, 2);

    lease_expect(p, &a, JOIN, 0, "a 0-1");
    redis_server_ask(&lease_server, "SCRIPT FLUSH");
    lease_expect(p, &a, 0, 0, "a 0-1");
    redis_server_kill(&lease_server);
    CU_ASSERT_EQUAL(redis_server_run(&lease_server), 0);
    lease_expect(p, &a, 0, 0, "a 0-1");
    params_close(p);
}

static void test_memory_full(void)
{
    params *p = lease_run("full");
    params_member a = lease_member("a", 1, 2);
    params_share s;
    pe_error e = {0};

    redis_server_ask(&lease_server, "CONFIG SET maxmemory 1");
    CU_ASSERT_EQUAL(params_lease_beat(p, &a, JOIN, &s, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    params_leases_free(s.leases, s.n);
    redis_server_ask(&lease_server, "CONFIG SET maxmemory 0");
    lease_expect(p, &a, JOIN, 0, "a 0-1");
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
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
    if (redis_server_open(&lease_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("lease_kept", tests);
    redis_server_close(&lease_server);
    return rc;
}
