/* test_broker.c - contact and the producer, with a mock broker: what is not in
 * the contract of all brokers (broker_cases.h).
 */
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

/* Whose broker deletes none. */
static void test_delete(void)
{
    broker_conf c = {.endpoint = mock_endpoint, .timeout_s = 0.5};
    broker_admin *a = broker_admin_open(&c, NULL);
    pe_error e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    rd_kafka_mock_topic_create(mock, "admin", 2, 1);
    CU_ASSERT_EQUAL(broker_topic_delete(a, "admin", &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "topic 'admin' cannot be deleted");
    broker_admin_close(a);
}

/* A broker that is just back does not know its partitions at once. */
static void test_passes(void)
{
    enum { LIST_OFFSETS = 2, UNKNOWN = 3, NOT_LEADER = 6 };
    broker_conf c = {.endpoint = mock_endpoint, .timeout_s = 5};
    broker_admin *a = broker_admin_open(&c, NULL);
    int32_t partition = 0;
    int64_t low = -1, high = -1, end = -1;
    pe_error e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    rd_kafka_mock_topic_create(mock, "passes", 1, 1);
    mock_send("passes", 0, 3);
    for (int i = 0; i < 100 && high != 3; i++) /* all of them are there */
        CU_ASSERT_EQUAL(broker_watermarks(a, "passes", 0, &low, &high, &e), 0);
    low = high = -1;
    rd_kafka_mock_push_request_errors(mock, LIST_OFFSETS, 1, UNKNOWN);
    CU_ASSERT_EQUAL(broker_watermarks(a, "passes", 0, &low, &high, &e), 0);
    CU_ASSERT_EQUAL(low, 0);
    CU_ASSERT_EQUAL(high, 3);
    rd_kafka_mock_push_request_errors(mock, LIST_OFFSETS, 1, NOT_LEADER);
    CU_ASSERT_EQUAL(broker_ends(a, "passes", &partition, &end, 1, &e), 0);
    CU_ASSERT_EQUAL(end, 3);
    UNIT_EQUAL(e.text, "");
    broker_admin_close(a);
}

/* --- producer --- */

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
        rc = broker_produce(p,
                            &(broker_output){.topic = "full",
                                             .value = value,
                                             .len = MOCK_MIB / 2,
                                             .copy = true,
                                             .opaque = (void *)1},
                            &e);
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

/* Stored, though its own answer was that it took too long: the client knows by
 * the answer to the next one, says so with locks of its own held, and does not
 * know where.
 */
static void test_answered_by_next(void)
{
    broker_producer_conf conf = mock_producer_conf(MOCK_MIB);
    broker_producer *p;
    pe_error e = {0};
    int64_t end;

    conf.in_flight = 5;
    rd_kafka_mock_topic_create(mock, "next", 1, 1);
    memset(&mock_seen, 0, sizeof(mock_seen));
    p = broker_producer_open(&conf, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    mock_produce(p, "next", 0, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 10000, NULL), 0);
    rd_kafka_mock_broker_set_rtt(mock, 1, 300);
    rd_kafka_mock_push_request_errors(mock, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    for (int i = 1; i < 5; i++) {
        mock_produce(p, "next", i, i + 1);
        clock_sleep_ns(20 * CLOCK_MS, 0); /* each has a request */
    }
    mock_produce(p, "next", 5, 50); /* one more, and others wait */
    end = clock_mono_ns() + 20 * CLOCK_S;
    while (!broker_producer_error(p, &e) && clock_mono_ns() < end)
        broker_producer_poll(p, 100);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    UNIT_CONTAINS(e.text, "broker producer is broken: record for next/0 was "
                          "given up: Local: No offset stored");
    broker_producer_close(p);
    rd_kafka_mock_broker_set_rtt(mock, 1, 0);
    CU_ASSERT_EQUAL(mock_seen.stored + mock_seen.given_up, 50);
    CU_ASSERT_EQUAL(mock_seen.out_of_order, 0);
}

/* One that is too large is refused, and no other with it, also where those
 * before it wait; the largest is taken.
 */
static void test_too_large(void)
{
    broker_producer *p = mock_producer(8 * MOCK_MIB);
    char *value = calloc(1, MOCK_MIB);
    broker_output o = {.topic = "large",
                       .key = "key",
                       .value = value,
                       .copy = true,
                       .opaque = (void *)50};
    pe_error e = {0};

    rd_kafka_mock_topic_create(mock, "large", 1, 1);
    mock_produce(p, "large", 0, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 10000, NULL), 0);
    rd_kafka_mock_broker_set_down(mock, 1);
    for (int i = 1; i < 50; i++) {
        mock_produce(p, "large", i, i + 1);
        o.len = MOCK_MIB - 64 - 36 - 3 + 1;
        e = (pe_error){0};
        CU_ASSERT_EQUAL(broker_produce(p, &o, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        UNIT_CONTAINS(e.text, "is larger, with its headers, than 1048576");
    }
    o.len--;
    CU_ASSERT_EQUAL(broker_produce(p, &o, &e), 0);
    rd_kafka_mock_broker_set_up(mock, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, &e), 0);
    CU_ASSERT_EQUAL(mock_seen.stored, 51);
    CU_ASSERT_EQUAL(mock_seen.out_of_order, 0);
    broker_producer_close(p);
    free(value);
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
        {"a topic that cannot be deleted", test_delete},
        {"admin: what passes", test_passes},
        {"a full queue", test_queue_full},
        {"errors of the broker that pass, sending", test_produce_retries},
        {"a record that the next one answers for", test_answered_by_next},
        {"a record that is too large", test_too_large},
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
