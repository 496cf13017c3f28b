/* test_params_pilots.c - beats of pilots and orders to them, on a Redis. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"

#include "src/params/params.h"

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

/* Beat of pilot [name], "" when there is none. */
static const char *beat_of(const params_pilot *pilots, size_t n,
                           const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(pilots[i].pilot, name))
            return pilots[i].beat;
    return "";
}

static void test_beats(void)
{
    params *p = open_run("beats"), *other = open_run("beats2");
    params_pilot *pilots;
    pe_error e = {0};
    size_t n = 7;

    CU_ASSERT_EQUAL(params_pilots_fetch(p, &pilots, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_pilots_free(pilots, n);
    CU_ASSERT_EQUAL(params_pilot_put(p, "pool", "{\"seq\": 1}", &e), 0);
    CU_ASSERT_EQUAL(params_pilot_put(p, "pool", "{\"seq\": 2}", &e), 0);
    CU_ASSERT_EQUAL(params_pilot_put(p, "pool.2", "{}", &e), 0);
    CU_ASSERT_EQUAL(params_pilot_put(p, "odd 'name' \xc3\xa9", "[]", &e), 0);
    CU_ASSERT_EQUAL(params_pilot_put(p, "", "{}", &e), -1);
    UNIT_EQUAL(e.text, "a pilot without a name");
    CU_ASSERT_EQUAL(params_pilots_fetch(p, &pilots, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 3);
    UNIT_EQUAL(beat_of(pilots, n, "pool"), "{\"seq\": 2}");
    UNIT_EQUAL(beat_of(pilots, n, "pool.2"), "{}");
    UNIT_EQUAL(beat_of(pilots, n, "odd 'name' \xc3\xa9"), "[]");
    params_pilots_free(pilots, n);
    /* One that goes; and what another run has is its own. */
    CU_ASSERT_EQUAL(params_pilot_put(p, "pool.2", "", &e), 0);
    CU_ASSERT_EQUAL(params_pilots_fetch(p, &pilots, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 2);
    params_pilots_free(pilots, n);
    CU_ASSERT_EQUAL(params_pilots_fetch(other, &pilots, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_pilots_free(pilots, n);
    params_pilots_free(NULL, 0);
    UNIT_CONTAINS(ask("HGET pilot:{beats}:pilots pool"), "{\"seq\": 2}");
    params_close(other);
    params_close(p);
}

static void test_orders(void)
{
    params *p = open_run("orders");
    pe_error e = {0};
    char word[6];

    CU_ASSERT_EQUAL(params_order_fetch(p, "pool", word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "");
    CU_ASSERT_EQUAL(params_order_put(p, "pool", "drain", &e), 0);
    UNIT_CONTAINS(ask("HGET pilot:{orders}:orders pool"), "drain");
    CU_ASSERT_EQUAL(params_order_fetch(p, "pool", word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "drain");
    CU_ASSERT_EQUAL(params_order_fetch(p, "pool.2", word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "");
    CU_ASSERT_EQUAL(params_order_put(p, "pool", "shrink", &e), 0);
    CU_ASSERT_EQUAL(params_order_fetch(p, "pool", word, sizeof(word), &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_EQUAL(e.text, "the order to pool in pilot:{orders}:orders does not "
                       "fit into 6 bytes");
    CU_ASSERT_EQUAL(params_order_put(p, "pool", "", &e), 0);
    CU_ASSERT_EQUAL(params_order_fetch(p, "pool", word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "");
    CU_ASSERT_EQUAL(params_order_put(p, "", "drain", &e), -1);
    CU_ASSERT_EQUAL(params_order_fetch(p, "", word, sizeof(word), &e), -1);
    params_close(p);
}

/* What some other program wrote there. */
static void test_foreign(void)
{
    params *p = open_run("foreign");
    params_pilot *pilots;
    pe_error e = {0};
    char word[16];
    size_t n;

    ask("SET pilot:{foreign}:pilots x");
    ask("SET pilot:{foreign}:orders x");
    CU_ASSERT_EQUAL(params_pilots_fetch(p, &pilots, &n, &e), -1);
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_PTR_NULL(pilots);
    UNIT_CONTAINS(e.text, "WRONGTYPE");
    CU_ASSERT_EQUAL(params_order_fetch(p, "p", word, sizeof(word), &e), -1);
    UNIT_CONTAINS(e.text, "WRONGTYPE");
    CU_ASSERT_EQUAL(params_order_put(p, "p", "x", &e), -1);
    ask("DEL pilot:{foreign}:pilots");
    ask("HSET pilot:{foreign}:pilots p \"a\\x00b\"");
    CU_ASSERT_EQUAL(params_pilots_fetch(p, &pilots, &n, &e), -1);
    UNIT_CONTAINS(e.text, "bytes that are no text");
    params_close(p);
}

/* All of a run goes with it. */
static void test_delete(void)
{
    params *p = open_run("gone");

    CU_ASSERT_EQUAL(params_pilot_put(p, "p", "{}", NULL), 0);
    CU_ASSERT_EQUAL(params_order_put(p, "p", "drain", NULL), 0);
    UNIT_CONTAINS(ask("KEYS pilot:{gone}:*"), "orders");
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    UNIT_EQUAL(ask("KEYS pilot:{gone}:*"), "*0\r\n+OK\r\n");
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"beats", test_beats},
        {"orders", test_orders},
        {"what another program wrote", test_foreign},
        {"a run that is deleted", test_delete},
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
    status = unit_main("params pilots", tests);
    redis_server_close(&server);
    return status;
}
