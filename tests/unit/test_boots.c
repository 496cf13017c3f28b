/* test_boots.c - incarnations of devices: never a number twice. */
#include "unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"

#include "src/params/params.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define AT(age, end, n) \
    ((uint64_t)(age) << 56 | (uint64_t)(end) << 16 | (uint64_t)(n))
#define CLOCK UINT64_C(1764370000000) /* a BOOT of earlier releases: ms */

static redis_server server;

static params *open_run(const char *run)
{
    params_conf c = {
        .url = server.url, .connect_timeout_s = 5, .command_timeout_s = 5};
    pe_error e = {0};
    params *p = params_open(&c, run, &e);

    if (!p)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static const char *ask(const char *line)
{
    return redis_server_ask(&server, line);
}

static uint64_t take(params *p, const char *device, uint64_t known, int64_t end)
{
    params_boot b = {.device = device, .known = known, .log_end = end};
    pe_error e = {0};

    int rc = params_boots_take(p, &b, 1, &e);

    if (rc < 0)
        printf("# %s\n", e.text);
    CU_ASSERT_EQUAL(rc, 0);
    return b.boot;
}

static void test_next(void)
{
    static const struct {
        uint64_t last;
        int64_t end;
        uint64_t next;
    } rows[] = {
        {0, 0, 2}, /* 1 is of sources that can be read again */
        {1, 0, 2},
        {2, 0, 3},
        {2, 5, AT(0, 5, 0)},
        {AT(0, 5, 0), 5, AT(0, 5, 1)},
        {AT(0, 5, 0), 6, AT(0, 6, 0)},
        {AT(0, 5, 0xffff), 5, AT(0, 6, 0)}, /* runs over, and grows */
        {AT(0, 5, 3), 4, AT(1, 4, 0)},      /* another log */
        {AT(1, 4, 0), 9, AT(1, 9, 0)},
        {AT(127, 4, 0), 3, AT(127, 4, 1)}, /* no longer counted */
        {CLOCK, 100, AT(1, 100, 0)},       /* a run of an earlier release */
        {CLOCK, (int64_t)1 << 39, AT(0, (uint64_t)1 << 39, 0)},
    };

    for (size_t i = 0; i < N(rows); i++) {
        uint64_t next = params_boot_next(rows[i].last, rows[i].end);
        CU_ASSERT_EQUAL(next, rows[i].next);
        CU_ASSERT(next > rows[i].last);
    }
}

static void test_take(void)
{
    params *p = open_run("boots");
    params_boot many[200] = {0};
    char names[200][8];
    pe_error e = {0};

    CU_ASSERT_EQUAL(take(p, "a", 0, 0), 2);
    CU_ASSERT_EQUAL(take(p, "a", 0, 0), 3);
    CU_ASSERT_EQUAL(take(p, "b", 0, 0), 2); /* of its own */
    CU_ASSERT_EQUAL(take(p, "a", 0, 7), AT(0, 7, 0));
    CU_ASSERT_EQUAL(take(p, "a", 0, 7), AT(0, 7, 1));
    /* What was committed counts, too. */
    CU_ASSERT_EQUAL(take(p, "b", CLOCK, 7), AT(1, 7, 0));
    /* Many at once. */
    for (size_t i = 0; i < N(many); i++) {
        snprintf(names[i], sizeof(names[i]), "d%zu", i);
        many[i] = (params_boot){.device = names[i], .log_end = (int64_t)i};
    }
    CU_ASSERT_EQUAL(params_boots_take(p, many, N(many), &e), 0);
    for (size_t i = 1; i < N(many); i++)
        CU_ASSERT_EQUAL(many[i].boot, AT(0, i, 0));
    CU_ASSERT_EQUAL(params_boots_take(p, many, 0, &e), 0);
    params_close(p);
}

#define TAKES 300

static void *taker(void *arg)
{
    uint64_t *got = arg;
    params *p = open_run("race");

    for (int i = 0; i < TAKES; i++)
        got[i] = take(p, "d", 0, i / 50);
    params_close(p);
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Two processes for one device: no number is handed out twice. */
static void test_race(void)
{
    static uint64_t got[2 * TAKES];
    pthread_t t[2];

    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&t[i], NULL, taker, got + i * TAKES), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    for (int i = 1; i < TAKES; i++) {
        CU_ASSERT(got[i] > got[i - 1]);
        CU_ASSERT(got[TAKES + i] > got[TAKES + i - 1]);
    }
    qsort(got, 2 * TAKES, sizeof(*got), by_number);
    for (int i = 1; i < 2 * TAKES; i++)
        CU_ASSERT(got[i] > got[i - 1]);
}

#define TAKERS 6

/* One step below the last age: two that raise it by one at once want one more
 * than the number has room for.
 */
static void *last_taker(void *arg)
{
    atomic_int *left = arg;
    params *p = open_run("last");

    for (int i = 0; i < TAKES; i++)
        CU_ASSERT(take(p, "d", 0, 3) >= AT(127, 3, 0));
    params_close(p);
    atomic_fetch_sub(left, 1);
    return NULL;
}

static void test_last_age(void)
{
    atomic_int left = TAKERS;
    pthread_t t[TAKERS];
    char line[80];

    snprintf(line, sizeof(line), "HSET pilot:{last}:boots d %" PRIu64,
             AT(126, 9, 0));
    ask(line);
    for (int i = 0; i < TAKERS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&t[i], NULL, last_taker, &left),
                              0);
    for (int i = 0; atomic_load(&left) > 0; i++) /* it goes back, and again */
        ask(i % 16 ? "PING" : line);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(t[i], NULL);
}

/* The service loses its tail, the log does not: numbers that records of the
 * log bear are behind what is handed out next, however many were lost.
 */
static void test_roll_back(void)
{
    params *p = open_run("back");
    uint64_t lost = 0;
    off_t size;

    take(p, "d", 0, 10);
    size = redis_server_log_size(&server);
    for (int64_t i = 0; i < 5; i++) /* each of them sent a record */
        lost = take(p, "d", 0, 20 + i);
    CU_ASSERT_EQUAL(lost, AT(0, 24, 0));
    redis_server_kill(&server);
    CU_ASSERT_EQUAL(redis_server_log_cut(&server, size), 0);
    CU_ASSERT_EQUAL_FATAL(redis_server_run(&server), 0);
    CU_ASSERT(take(p, "d", 0, 25) > lost);
    /* All of it is gone. */
    ask("DEL pilot:{back}:boots");
    CU_ASSERT(take(p, "d", 0, 26) > AT(0, 25, 0));
    params_close(p);
}

static void test_foreign(void)
{
    params *p = open_run("foreign");
    params_boot b = {.device = "d"};
    pe_error e = {0};

    ask("HSET pilot:{foreign}:boots d x");
    CU_ASSERT_EQUAL(params_boots_take(p, &b, 1, &e), -1);
    UNIT_EQUAL(e.text, "field 'd' of pilot:{foreign}:boots is no number: some "
                       "other program wrote to the keys of this run");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    ask("SET pilot:{foreign}:boots x");
    CU_ASSERT_EQUAL(params_boots_take(p, &b, 1, &e), -1);
    UNIT_CONTAINS(e.text, "WRONGTYPE");
    ask("DEL pilot:{foreign}:boots");
    b.known = UINT64_MAX; /* a stray record was taken for ours */
    CU_ASSERT_EQUAL(params_boots_take(p, &b, 1, &e), -1);
    UNIT_EQUAL(e.text, "device d: there is no incarnation after "
                       "18446744073709551615; start a new run");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    /* It goes with its run. */
    take(p, "d", 0, 0);
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    UNIT_EQUAL(ask("KEYS pilot:{foreign}:*"), "*0\r\n+OK\r\n");
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"boots: what comes next", test_next},
        {"boots: taken", test_take},
        {"boots: two at once", test_race},
        {"boots: many at once, at the last age", test_last_age},
        {"boots: a service that was rolled back", test_roll_back},
        {"boots: what cannot be", test_foreign},
        {NULL, NULL},
    };
    int status;

    if (!redis_server_installed()) {
        printf("1..0 # SKIP redis-server is not installed\n");
        return 0;
    }
    if (redis_server_open(&server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 99;
    }
    status = unit_main("boots", tests);
    redis_server_close(&server);
    return status;
}
