/* test_streams.c - the contract of brokers (broker_cases.h) with streams in a
 * Redis of its own, which is killed meanwhile; and what only these have.
 */
#include "broker_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "unit.h"

static redis_server server;

static const char *topic_make(const broker_topic *t)
{
    const broker_conf c = {.endpoint = mock_endpoint, .client_id = "test"};
    static pe_error e;
    broker_admin *a = broker_admin_open(&c, &e);
    int n, rc = a ? broker_topic_ensure(a, t, &n, &e) : -1;

    broker_admin_close(a);
    return rc < 0 ? e.text : NULL;
}

static const char *redis_topic(const char *name, int partitions)
{
    return topic_make(&(broker_topic){.name = name, .partitions = partitions});
}

static const char *redis_refuse(const char *name)
{
    return topic_make(
        &(broker_topic){.name = name, .partitions = 1, .message_bytes = 5000});
}

static const char *redis_cut(const char *name)
{
    char line[200];

    snprintf(line, sizeof(line), "XTRIM pilot:topic:{%s}:0 MINID 6-0", name);
    return *redis_server_ask(&server, line) == ':' ? NULL : "it is not trimmed";
}

static const char *redis_leave(void)
{
    redis_server_kill(&server);
    return NULL;
}

static const char *redis_come(void)
{
    return redis_server_run(&server) ? "it does not start" : NULL;
}

static void redis_headers(const char *topic, int n)
{
    char line[1000];
    int len = snprintf(line, sizeof(line),
                       "XADD pilot:topic:{%s}:0 1-0 t 5 v x", topic);

    for (int i = 0; i < n; i++)
        len += snprintf(line + len, sizeof(line) - (size_t)len, " h.h%d v", i);
    CU_ASSERT_EQUAL(*redis_server_ask(&server, line), '$');
}

static int64_t redis_noted(const char *topic)
{
    char line[200];
    const char *said;

    snprintf(line, sizeof(line), "HGET pilot:topic:{%s}:notes g/0", topic);
    said = redis_server_ask(&server, line);
    return strncmp(said, "$1\r\n", 4) ? -1 : atoi(said + 4);
}

static const broker_kind redis_kind = {
    .name = "Redis",
    .topic = redis_topic,
    .refuse = redis_refuse,
    .cut = redis_cut,
    .leave = redis_leave,
    .come = redis_come,
    .headers = redis_headers,
    .noted = redis_noted,
    .alter = "`redis-cli -u ",
    .reach = "",
};

/* ---- what only these have ---- */

/* Partitions that are added while it is written to. */
static void test_added(void)
{
    broker_producer_conf conf = mock_producer_conf(MOCK_MIB);
    broker_output o = {.topic = "added", .partition = 1, .copy = true};
    broker_consumer *c;
    const broker_position at = {1, 0, 0};
    broker_record r = {0};
    broker_producer *p;

    conf.delivered = NULL; /* it is for partition 0 */
    p = broker_producer_open(&conf, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    broker_case_topic("added", 1);
    CU_ASSERT_EQUAL(broker_produce(p, &o, NULL), -1);
    CU_ASSERT_EQUAL(
        *redis_server_ask(&server, "HSET pilot:topic:{added} partitions 2"),
        ':');
    c = mock_consumer("added", -1);
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
    CU_ASSERT_EQUAL(broker_produce(p, &o, NULL), 0);
    CU_ASSERT_EQUAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(r.partition, 1);
    broker_record_release(&r);
    broker_consumer_close(c);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    broker_producer_close(p);
}

/* What is older than the retention goes, as new records come; nothing else. */
static void test_retention(void)
{
    const broker_conf conf = {.endpoint = mock_endpoint, .client_id = "test"};
    const broker_topic t = {
        .name = "kept", .partitions = 1, .retention_s = 0.4};
    broker_admin *a = broker_admin_open(&conf, NULL);
    int64_t low, high;
    int n;

    CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, NULL), 0);
    mock_send("kept", 0, 10);
    mock_send("kept", 10, 20);
    clock_sleep_ns(500 * CLOCK_MS, 1);
    mock_send("kept", 20, 25);
    CU_ASSERT_EQUAL(broker_watermarks(a, "kept", 0, &low, &high, NULL), 0);
    CU_ASSERT(low >= 1 && low <= 25 && high == 25);
    broker_admin_close(a);
}

/* A server that refuses for a while (no memory) is waited for. */
static void test_memory(void)
{
    static char value[MOCK_MIB / 2];
    broker_producer *p = mock_producer(16 * MOCK_MIB);
    broker_consumer *c;
    pe_error e = {0};

    broker_case_topic("memory", 1);
    redis_server_ask(&server, "CONFIG SET maxmemory 1");
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = "memory",
                                                    .value = value,
                                                    .len = sizeof(value),
                                                    .copy = true},
                                   NULL),
                    0);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 300, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(broker_producer_error(p, NULL), 0);
    redis_server_ask(&server, "CONFIG SET maxmemory 0");
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    broker_producer_close(p);
    c = mock_consumer("memory", 0);
    broker_record r = {0};
    CU_ASSERT_EQUAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(r.len, sizeof(value));
    broker_record_release(&r);
    broker_case_silent(c); /* it is there once */
    broker_consumer_close(c);
}

/* The log is torn in a batch, and the server goes on behind that: what it has
 * acknowledged since is there at its next start (findings/redis-torn-multi.sh).
 */
static void test_torn(void)
{
    broker_consumer *c;
    off_t whole;

    broker_case_topic("torn", 1);
    mock_send("torn", 0, 5);
    whole = redis_server_log_size(&server);
    mock_send("torn", 50, 51); /* of a device that is never heard again */
    CU_ASSERT(redis_server_log_size(&server) > whole + 10);
    whole = redis_server_log_size(&server);
    redis_server_kill(&server);
    CU_ASSERT_EQUAL(redis_server_log_cut(&server, whole - 4), 0);
    CU_ASSERT_EQUAL_FATAL(redis_server_run(&server), 0);
    mock_send("torn", 5, 8);
    redis_server_kill(&server);
    CU_ASSERT_EQUAL_FATAL(redis_server_run(&server), 0);
    c = mock_consumer("torn", 0);
    CU_ASSERT(mock_read(c, 0, 8));
    broker_case_silent(c);
    broker_consumer_close(c);
}

/* A server that may drop records is refused. */
static void test_policy(void)
{
    const broker_conf conf = {.endpoint = mock_endpoint, .client_id = "test"};
    const broker_topic t = {.name = "policy", .partitions = 1};
    broker_admin *a = broker_admin_open(&conf, NULL);
    pe_error e = {0};
    int n;

    redis_server_ask(&server, "CONFIG SET maxmemory-policy allkeys-lru");
    CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    UNIT_CONTAINS(e.text, "may drop records when memory is short");
    redis_server_ask(&server, "CONFIG SET maxmemory-policy noeviction");
    broker_admin_close(a);
}

int main(void)
{
    static const unit_test tests[] = {
        BROKER_CASES,
        {"partitions that are added", test_added},
        {"retention", test_retention},
        {"a server without memory", test_memory},
        {"a log that was torn", test_torn},
        {"a server that may drop records", test_policy},
        {NULL, NULL}};

    if (!redis_server_installed()) {
        printf("1..0 # SKIP redis-server is not there\n");
        return 0;
    }
    if (redis_server_open(&server) < 0)
        return 1;
    snprintf(mock_endpoint, sizeof(mock_endpoint), "%s", server.url);
    broker_kind_now = &redis_kind;
    return unit_main("streams", tests);
}
