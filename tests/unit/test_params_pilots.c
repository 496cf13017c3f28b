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

/* One decides about a size; who is silent gives it up. */
static void test_keeper(void)
{
    params *p = open_run("keeper"), *other = open_run("keeper");
    char *now;
    pe_error e = {0};

    CU_ASSERT_EQUAL(params_keeper_take(p, "a 1", 60000, &e), 1);
    CU_ASSERT_EQUAL(params_keeper_take(other, "b 2", 60000, &e), 0);
    CU_ASSERT_EQUAL(params_keeper_take(p, "a 1", 60000, &e), 1);
    now = params_keeper_fetch(other, &e);
    UNIT_EQUAL(now, "a 1");
    free(now);
    CU_ASSERT_EQUAL(params_keeper_leave(other, "b 2", &e), 0);
    CU_ASSERT_EQUAL(params_keeper_take(other, "b 2", 60000, &e), 0);
    CU_ASSERT_EQUAL(params_keeper_leave(p, "a 1", &e), 0);
    CU_ASSERT_EQUAL(params_keeper_take(other, "b 2", 60000, &e), 1);
    ask("PEXPIRE pilot:{keeper}:keeper 1");
    while (strstr(ask("EXISTS pilot:{keeper}:keeper"), ":1"))
        ;
    CU_ASSERT_EQUAL(params_keeper_take(p, "a 1", 60000, &e), 1);
    ask("DEL pilot:{keeper}:keeper");
    ask("RPUSH pilot:{keeper}:keeper x");
    CU_ASSERT_EQUAL(params_keeper_take(p, "a 1", 60000, &e), -1);
    UNIT_CONTAINS(e.text, "WRONGTYPE");
    params_close(other);
    params_close(p);
}

static void test_scale_kept(void)
{
    params *p = open_run("sized");
    const params_event late = {
        .name = (char[]){"beam"}, .id = (char[]){"2"}, .time_ns = 20};
    const params_event early = {
        .name = (char[]){"off"}, .id = (char[]){"1"}, .time_ns = 10};
    params_event *list;
    pe_error e = {0};
    size_t n;
    char *text = params_scale_fetch(p, &e);

    UNIT_EQUAL(text, "");
    free(text);
    CU_ASSERT_EQUAL(params_scale_put(p, "{\"schema\": 1}", &e), 0);
    text = params_scale_fetch(p, &e);
    UNIT_EQUAL(text, "{\"schema\": 1}");
    free(text);
    CU_ASSERT_EQUAL(params_event_put(p, &late, &e), 0);
    CU_ASSERT_EQUAL(params_event_put(p, &early, &e), 0);
    CU_ASSERT_EQUAL(params_event_put(p, &early, &e), 0); /* told again */
    CU_ASSERT_EQUAL_FATAL(params_events_fetch(p, &list, &n, &e), 0);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    UNIT_EQUAL(list[0].name, "off");
    UNIT_EQUAL(list[1].id, "2");
    CU_ASSERT_EQUAL(list[1].time_ns, 20);
    CU_ASSERT_EQUAL(params_event_drop(p, &list[0], &e), 0);
    params_events_free(list, n);
    CU_ASSERT_EQUAL(params_events_fetch(p, &list, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 1);
    params_events_free(list, n);
    ask("HSET pilot:{sized}:events odd 1");
    CU_ASSERT_EQUAL(params_events_fetch(p, &list, &n, &e), -1);
    UNIT_CONTAINS(e.text, "'odd' is no event: some other program wrote");
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
        {"who decides about its size", test_keeper},
        {"what was decided, and events", test_scale_kept},
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
