/* test_broker.c - contact, records and the producer, with a mock broker. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_broker.h"
#include "src/common/clock.h"

/* --- contact --- */

static void test_unreachable(void)
{
    broker_conf c = {.endpoint = "127.0.0.1:1", .timeout_s = 0.5};
    broker_producer_conf pc = {.broker = c, .message_bytes = MOCK_MIB};
    broker_consumer_conf cc = mock_consumer_conf("t", MOCK_MIB);
    pe_error e[3] = {0};

    cc.broker = c;
    CU_ASSERT_PTR_NULL(broker_admin_open(&c, &e[0]));
    CU_ASSERT_PTR_NULL(broker_producer_open(&pc, &e[1]));
    CU_ASSERT_PTR_NULL(broker_consumer_open(&cc, &e[2]));
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(e[i].kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e[i].exit_code, PE_EXIT_UNAVAILABLE);
        UNIT_EQUAL(e[i].text,
                   "broker 127.0.0.1:1 cannot be reached within 0.5 s "
                   "(connection refused): is it running? start one with "
                   "`pilot services start`, or set pilots.NAME.endpoint");
    }
    c.from = "PILOT_BROKER";
    CU_ASSERT_PTR_NULL(broker_admin_open(&c, &e[0]));
    UNIT_EQUAL(e[0].text,
               "broker 127.0.0.1:1 cannot be reached within 0.5 s "
               "(connection refused): is it running? start it, or name another "
               "endpoint (this one: PILOT_BROKER)");
    broker_admin_close(NULL);
    broker_producer_close(NULL);
    broker_consumer_close(NULL);
}

static void test_bad_conf(void)
{
    static const struct {
        const char *endpoint, *compression;
        int in_flight;
        const char *text;
    } rows[] = {
        {NULL, "none", 1, "set pilots.NAME.endpoint to HOST:PORT"},
        {"", "none", 1, "set pilots.NAME.endpoint to HOST:PORT"},
        {"h:1", "rar", 1, "compression.codec=rar"},
        {"h:1", "none", 9, "max.in.flight"},
    };
    pe_error e;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        broker_producer_conf c = mock_producer_conf(MOCK_MIB);

        c.broker.endpoint = rows[i].endpoint;
        c.compression = rows[i].compression;
        c.in_flight = rows[i].in_flight;
        CU_ASSERT_PTR_NULL(broker_producer_open(&c, &e));
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, rows[i].text);
    }
}

static void broker_take(void *arg, const char *host, int port)
{
    snprintf(arg, 64, "%s:%d", host, port);
}

/* The mock makes no topics: creation is tested with a real broker. */
static void test_admin(void)
{
    char there[64] = "";
    broker_conf c = {.endpoint = mock_endpoint, .timeout_s = 0.5};
    broker_topic t = {.name = "admin", .partitions = 3};
    broker_admin *a = broker_admin_open(&c, NULL);
    int64_t low = -5, high = -5;
    int n = -5;
    pe_error e;

    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_EQUAL(broker_admin_each(a, broker_take, there, &e), 0);
    UNIT_EQUAL(there, mock_endpoint);
    rd_kafka_mock_topic_create(mock, "admin", 2, 1);
    CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(n, -5);
    UNIT_CONTAINS(e.text, "topic admin has 2 partitions and 3 are asked for");
    UNIT_CONTAINS(e.text, mock_endpoint);
    CU_ASSERT_EQUAL(broker_topic_partitions(a, "admin", &n, &e), 0);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_EQUAL(broker_topic_delete(a, "admin", &e), -1);
    UNIT_CONTAINS(e.text, "topic 'admin' cannot be deleted");
    mock_send("admin", 0, 7);
    CU_ASSERT_EQUAL(broker_watermarks(a, "admin", 0, &low, &high, &e), 0);
    CU_ASSERT_EQUAL(low, 0);
    CU_ASSERT_EQUAL(high, 7);
    CU_ASSERT_EQUAL(broker_watermarks(a, "admin", 9, &low, &high, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "offsets of admin/9 cannot be read");
    CU_ASSERT_EQUAL(high, 7);
    broker_admin_close(a);
}

/* --- records --- */

static void test_round_trip(void)
{
    broker_consumer *c;
    broker_record r = {0};
    record_headers h;

    rd_kafka_mock_topic_create(mock, "round", 1, 1);
    mock_send("round", 0, 100);
    CU_ASSERT_EQUAL(mock_seen.last_offset, 99);
    CU_ASSERT_EQUAL(mock_seen.last_opaque, 99);
    c = mock_consumer("round", 0);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(record_find(&h, "n"));
    CU_ASSERT_EQUAL(record_find(&h, "n")->len, 1);
    CU_ASSERT_EQUAL(record_find(&h, "n")->value[0], '0');
    CU_ASSERT_TRUE(r.time_ns > 0);
    CU_ASSERT_TRUE(clock_real_ns() - r.time_ns < 60 * CLOCK_S);
    broker_record_release(&r);
    broker_record_release(&r);
    CU_ASSERT_TRUE(mock_read(c, 1, 99));
    CU_ASSERT_EQUAL(broker_consumer_high(c, 0), 100);
    CU_ASSERT_EQUAL(broker_consumer_high(c, 7), -1);
    broker_consumer_close(c);
}

/* Any bytes, no key, a null header, more headers than are kept. */
static void test_binary(void)
{
    static const char value[] = "a\0b\xff\n", raw[] = {0, 1, (char)0xfe};
    broker_producer *p = mock_producer(MOCK_MIB);
    broker_consumer *c;
    broker_record r = {0};
    record_headers h;

    rd_kafka_mock_topic_create(mock, "binary", 1, 1);
    record_clear(&h);
    record_add_borrowed(&h, "null", NULL, 0);
    record_add_borrowed(&h, "raw", raw, sizeof(raw));
    CU_ASSERT_EQUAL(broker_produce(p, "binary", 0, NULL, value, sizeof(value),
                                   &h, false, NULL, NULL),
                    0);
    CU_ASSERT_EQUAL(
        broker_produce(p, "binary", 0, NULL, NULL, 0, NULL, true, NULL, NULL),
        0);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 10000, NULL), 0);
    broker_producer_close(p);

    c = mock_consumer("binary", 0);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(r.len, sizeof(value));
    CU_ASSERT_EQUAL(memcmp(r.value, value, sizeof(value)), 0);
    CU_ASSERT_PTR_NULL(r.key);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    CU_ASSERT_EQUAL(h.n, 2);
    CU_ASSERT_PTR_NULL(record_find(&h, "null")->value);
    CU_ASSERT_EQUAL(record_find(&h, "raw")->len, sizeof(raw));
    CU_ASSERT_EQUAL(memcmp(record_find(&h, "raw")->value, raw, sizeof(raw)), 0);
    broker_record_release(&r);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(r.len, 0);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    CU_ASSERT_EQUAL(h.n, 0);
    broker_record_release(&r);
    broker_consumer_close(c);
}

static void test_many_headers(void)
{
    rd_kafka_headers_t *many = rd_kafka_headers_new(0);
    broker_consumer *c;
    broker_record r = {0};
    record_headers h;
    char name[16];

    rd_kafka_mock_topic_create(mock, "headers", 1, 1);
    for (int i = 0; i < RECORD_HEADERS_MAX + 3; i++) {
        snprintf(name, sizeof(name), "h%d", i);
        rd_kafka_header_add(many, name, -1, "v", 1);
    }
    CU_ASSERT_EQUAL(rd_kafka_producev(mock_client, RD_KAFKA_V_TOPIC("headers"),
                                      RD_KAFKA_V_PARTITION(0),
                                      RD_KAFKA_V_HEADERS(many), RD_KAFKA_V_END),
                    RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_flush(mock_client, 10000);
    c = mock_consumer("headers", 0);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    CU_ASSERT_EQUAL(h.n, RECORD_HEADERS_MAX);
    UNIT_EQUAL(h.h[RECORD_HEADERS_MAX - 1].name, "h23");
    broker_record_release(&r);
    broker_consumer_close(c);
}

/* --- producer --- */

static void test_too_large(void)
{
    broker_producer *p = mock_producer(64 * MOCK_MIB);
    char *big = calloc(1, MOCK_MIB);
    pe_error e = {0};

    CU_ASSERT_EQUAL(broker_produce(p, "round", 0, NULL, big, MOCK_MIB, NULL,
                                   true, NULL, &e),
                    -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "record of 1048576 bytes for round is larger");
    UNIT_CONTAINS(e.text, "than 1048576:");
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    CU_ASSERT_EQUAL(broker_producer_error(p, NULL), 0);
    broker_producer_close(p);
    free(big);
}

/* The headers of a refused record must be freed once: see it with ASan. */
static void test_no_such_partition(void)
{
    broker_producer *p = mock_producer(MOCK_MIB);
    record_headers h;
    char name[600] = "";
    pe_error e = {0};

    record_clear(&h);
    record_add(&h, "a", "b");
    CU_ASSERT_EQUAL(
        broker_produce(p, "round", 5, "k", "v", 1, &h, true, NULL, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "topic round has no partition 5");
    memset(name, 'x', sizeof(name) - 1);
    CU_ASSERT_EQUAL(
        broker_produce(p, name, 0, NULL, "v", 1, NULL, true, NULL, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "cannot be the name of a topic");
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    broker_producer_close(p);
}

static void test_queue_full(void)
{
    broker_producer *p = mock_producer(4 * MOCK_MIB);
    char *value = calloc(1, MOCK_MIB / 2);
    pe_error e = {0};
    int rc = 0, n = 0;

    rd_kafka_mock_topic_create(mock, "full", 1, 1);
    mock_produce(p, "full", 0, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 10000, NULL), 0);
    rd_kafka_mock_broker_set_down(mock, 1);
    while (rc == 0 && n < 100) {
        rc = broker_produce(p, "full", 0, NULL, value, MOCK_MIB / 2, NULL, true,
                            (void *)1, &e);
        n += rc == 0;
    }
    CU_ASSERT_EQUAL(rc, 1);
    CU_ASSERT_EQUAL(n, 8);
    CU_ASSERT_EQUAL(broker_producer_pending(p), n);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 100, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "8 records are not acknowledged by broker");
    rd_kafka_mock_broker_set_up(mock, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, &e), 0);
    CU_ASSERT_EQUAL(mock_seen.stored, n + 1);
    broker_producer_close(p);
    free(value);
}

/* Errors that pass cost a retry, never a record or its place. */
static void test_produce_retries(void)
{
    broker_consumer *c;

    rd_kafka_mock_topic_create(mock, "retry", 1, 1);
    rd_kafka_mock_push_request_errors(
        mock, MOCK_PRODUCE, 5, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
    mock_send("retry", 0, 50);
    c = mock_consumer("retry", 0);
    CU_ASSERT_TRUE(mock_read(c, 0, 50));
    broker_consumer_close(c);
}

/* An error that does not pass: told by callback, by flush and afterwards. */
static void test_given_up(void)
{
    broker_producer *p = mock_producer(MOCK_MIB);
    pe_error e = {0};

    rd_kafka_mock_topic_create(mock, "refused", 1, 1);
    rd_kafka_mock_push_request_errors(
        mock, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    mock_produce(p, "refused", 0, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 10000, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(mock_seen.stored, 0);
    CU_ASSERT_EQUAL(mock_seen.given_up, 1);
    CU_ASSERT_EQUAL(broker_producer_error(p, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    UNIT_CONTAINS(e.text, "broker producer is broken: record for refused/0 "
                          "was given up: ");
    broker_producer_close(p);
}

/* Every record accepted gets its callback, also at a close without broker. */
static void test_producer_close_down(void)
{
    broker_producer *p = mock_producer(MOCK_MIB);
    int64_t begin;

    rd_kafka_mock_topic_create(mock, "closing", 1, 1);
    mock_produce(p, "closing", 0, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 10000, NULL), 0);
    rd_kafka_mock_broker_set_down(mock, 1);
    mock_produce(p, "closing", 1, 21);
    begin = clock_mono_ns();
    broker_producer_close(p);
    CU_ASSERT_TRUE(clock_mono_ns() - begin < 3 * CLOCK_S);
    CU_ASSERT_EQUAL(mock_seen.stored, 1);
    CU_ASSERT_EQUAL(mock_seen.given_up, 20);
    rd_kafka_mock_broker_set_up(mock, 1);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a broker that is not there", test_unreachable},
        {"a configuration that cannot be", test_bad_conf},
        {"topic facts and watermarks", test_admin},
        {"records and headers round trip", test_round_trip},
        {"any bytes", test_binary},
        {"more headers than are kept", test_many_headers},
        {"a record that is too large", test_too_large},
        {"a partition that is not there", test_no_such_partition},
        {"a full queue", test_queue_full},
        {"errors of the broker that pass, sending", test_produce_retries},
        {"a record that is given up", test_given_up},
        {"a producer closes without broker", test_producer_close_down},
        {0},
    };
    int rc;

    mock_start();
    rc = unit_main("broker", tests);
    mock_stop();
    return rc;
}
