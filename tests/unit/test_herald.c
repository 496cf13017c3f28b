/* test_herald.c - a supervisor's thread that talks with a real Redis. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/params/params.h"
#include "src/pilot/herald.h"

#define PATIENCE_NS (5 * CLOCK_S)

static redis_server server;

static herald *start(const char *run)
{
    const params_conf c = {.url = server.url};
    pe_error e = {0};
    herald *h = herald_start(&c, run, "pool", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    return h;
}

/* A pause in a wait that goes on till [until]; false: that is past. */
static bool is_pause(int64_t until)
{
    clock_sleep_ns(10 * CLOCK_MS, 1);
    return clock_mono_ns() < until;
}

/* Until the reply to [line] has [part], or is without it. */
static bool await_reply(const char *line, const char *part, bool with)
{
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    while ((strstr(redis_server_ask(&server, line), part) != NULL) != with)
        if (!is_pause(until))
            return false;
    return true;
}

static bool await_heard(herald *h, const char *order, const char *control)
{
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;
    char o[HERALD_WORD_MAX], c[HERALD_WORD_MAX];

    while (!herald_hear(h, o, c) || strcmp(o, order) || strcmp(c, control))
        if (!is_pause(until))
            return false;
    return true;
}

static bool await_others(herald *h, int n)
{
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    while (herald_others(h) != n)
        if (!is_pause(until))
            return false;
    return true;
}

/* What is said last is there, at once and at the end, too. */
static void test_say(void)
{
    herald *h = start("say");

    herald_say(h, "{\"seq\": 1}", true);
    CU_ASSERT(await_reply("HGET pilot:{say}:pilots pool", "\"seq\": 1", true));
    for (int i = 2; i < 50; i++) {
        char *beat = text_format("{\"seq\": %d}", i);
        herald_say(h, beat, i % 2);
        free(beat);
    }
    herald_say(h, "{\"seq\": 99}", false);
    herald_stop(h, PATIENCE_NS);
    UNIT_CONTAINS(redis_server_ask(&server, "HGET pilot:{say}:pilots pool"),
                  "\"seq\": 99");
}

static void test_hear(void)
{
    const params_conf conf = {
        .url = server.url, .connect_timeout_s = 5, .command_timeout_s = 5};
    herald *h = start("hear");
    pe_error e = {0};
    params *p = params_open(&conf, "hear", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT(await_heard(h, "", ""));
    CU_ASSERT_EQUAL(params_order_put(p, "pool", "drain", &e), 0);
    CU_ASSERT(await_heard(h, "drain", ""));
    herald_control(h, "over");
    CU_ASSERT(await_heard(h, "drain", "over"));
    herald_stop(h, PATIENCE_NS);
    params_close(p);
}

static void put_beat(params *p, const char *name, const char *kind,
                     int64_t at_ns, const char *more)
{
    char *beat = text_format("{\"kind\": \"%s\", \"time_ns\": %" PRId64 "%s}",
                             kind, at_ns, more);
    pe_error e = {0};

    CU_ASSERT_EQUAL(params_pilot_put(p, name, beat, &e), 0);
    free(beat);
}

/* Who has ended, who was killed long ago and who is of another kind does not
 * count; brokers do when they are asked for.
 */
static void test_others(void)
{
    const params_conf conf = {
        .url = server.url, .connect_timeout_s = 5, .command_timeout_s = 5};
    herald *h = start("others");
    int64_t now = clock_real_ns();
    pe_error e = {0};
    params *p = params_open(&conf, "others", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    put_beat(p, "a", "pool", now, "");
    put_beat(p, "b", "edge", now, "");
    put_beat(p, "c", "follower", now, "");
    put_beat(p, "d", "broker", now, "");
    put_beat(p, "e", "pool", now, ", \"status\": 0");
    put_beat(p, "f", "pool", now - 3600 * CLOCK_S, "");
    put_beat(p, "g", "params", now, "");
    CU_ASSERT_EQUAL(params_pilot_put(p, "h", "no JSON", &e), 0);
    CU_ASSERT(await_heard(h, "", ""));
    CU_ASSERT_EQUAL(herald_others(h), -1);
    herald_watch(h, false);
    CU_ASSERT(await_others(h, 3));
    herald_watch(h, true);
    CU_ASSERT(await_others(h, 4));
    CU_ASSERT_EQUAL(params_pilot_put(p, "a", "", &e), 0);
    herald_ask(h);
    CU_ASSERT(await_others(h, 3));
    herald_stop(h, PATIENCE_NS);
    params_close(p);
}

/* A service that dies holds nobody up, and is told when it is back. */
static void test_away(void)
{
    herald *h = start("away");
    int64_t before;

    herald_say(h, "{\"seq\": 1}", true);
    CU_ASSERT(await_reply("HGET pilot:{away}:pilots pool", "\"seq\": 1", true));
    redis_server_kill(&server);
    herald_say(h, "{\"seq\": 2}", true);
    herald_control(h, "drain");
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    CU_ASSERT(await_reply("HGET pilot:{away}:pilots pool", "\"seq\": 2", true));
    CU_ASSERT(await_heard(h, "", "drain"));
    herald_stop(h, PATIENCE_NS);

    /* Without patience what is not said yet is left. */
    h = start("left");
    redis_server_kill(&server);
    herald_say(h, "{}", true);
    before = clock_mono_ns();
    herald_stop(h, 0);
    printf("# left in %g s\n", (double)(clock_mono_ns() - before) / CLOCK_S);
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    herald_stop(NULL, 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"what is said", test_say},
        {"orders and the control word", test_hear},
        {"who else lives", test_others},
        {"a service that is away", test_away},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP redis-server is not installed\n");
        return 0;
    }
    if (redis_server_open(&server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 99;
    }
    int status = unit_main("herald", tests);
    redis_server_close(&server);
    return status;
}
