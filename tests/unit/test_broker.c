/* test_broker.c - producer and consumer against librdkafka's mock cluster. */
#include "unit.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "src/common/clock.h"

static rd_kafka_t *mock_client;
static rd_kafka_mock_cluster_t *mock;
static char endpoint[256];
static int acked;
static int64_t last_offset;

static void start_mock(void)
{
    char why[256];

    mock_client =
        rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
    mock = rd_kafka_mock_cluster_new(mock_client, 1);
    snprintf(endpoint, sizeof(endpoint), "%s",
             rd_kafka_mock_cluster_bootstraps(mock));
}

static void stop_mock(void)
{
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(mock_client);
}

static void delivered(void *arg, void *opaque, int32_t partition,
                      int64_t offset)
{
    (void)arg;
    (void)opaque;
    (void)partition;
    acked++;
    last_offset = offset;
}

static broker_producer *producer(uint64_t queue, pe_error *errp)
{
    broker_producer_conf c = {
        .broker = {.endpoint = endpoint, .client_id = "test"},
        .compression = "none",
        .message_bytes = 1 << 20,
        .queue_bytes = queue,
        .in_flight = 1,
        .delivered = delivered,
    };

    acked = 0;
    return broker_producer_open(&c, errp);
}

static broker_consumer *consumer(const char *topic, pe_error *errp)
{
    broker_consumer_conf c = {
        .broker = {.endpoint = endpoint, .client_id = "test"},
        .topic = topic,
        .group = "g",
        .message_bytes = 1 << 20,
        .queue_bytes = 16 << 20,
        .check_crcs = true,
    };

    return broker_consumer_open(&c, errp);
}

static void send_numbers(const char *topic, int from, int to)
{
    pe_error e = {0};
    broker_producer *p = producer(64 << 20, &e);
    record_headers h;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (int i = from; i < to; i++) {
        record_clear(&h);
        record_add_u64(&h, "n", (uint64_t)i);
        CU_ASSERT_EQUAL(broker_produce(p, topic, 0, "key", &i, sizeof(i), &h,
                                       true, NULL, &e),
                        0);
    }
    CU_ASSERT_EQUAL(broker_producer_flush(p, 10000, &e), 0);
    CU_ASSERT_EQUAL(acked, to - from);
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    CU_ASSERT_EQUAL(broker_producer_error(p, &e), 0);
    broker_producer_close(p);
}

/* Read [n] records that must be [from, from + n); true when they are. */
static bool read_numbers(broker_consumer *c, int from, int n)
{
    pe_error e = {0};
    broker_record r = {0};
    int64_t limit = clock_mono_ns() + 20000000000;
    bool good = true;

    for (int i = from; i < from + n && clock_mono_ns() < limit;) {
        int rc = broker_consumer_fetch(c, 100, &r, &e), value;

        if (rc < 0)
            return false;
        if (rc == 0)
            continue;
        memcpy(&value, r.value, sizeof(value));
        good = good && value == i && r.offset == i && r.key_len == 3;
        broker_record_release(&r);
        i++;
        if (i == from + n)
            return good;
    }
    return false;
}

static void test_unreachable(void)
{
    broker_conf c = {.endpoint = "127.0.0.1:1", .timeout_s = 0.5};
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(broker_admin_open(&c, &e));
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(e.text, "broker 127.0.0.1:1 cannot be reached within 0.5 s");
    UNIT_CONTAINS(e.text, "scripts/services start");
    broker_admin_close(NULL);
    broker_producer_close(NULL);
    broker_consumer_close(NULL);
}

static void test_round_trip(void)
{
    pe_error e = {0};
    broker_consumer *c;
    broker_position at = {0, 0};
    broker_record r = {0};
    record_headers h;

    rd_kafka_mock_topic_create(mock, "round", 1, 1);
    send_numbers("round", 0, 100);
    CU_ASSERT_EQUAL(last_offset, 99);
    c = consumer("round", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, &e), 0);
    while (broker_consumer_fetch(c, 1000, &r, &e) == 0)
        continue;
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, &e), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(record_find(&h, "n"));
    CU_ASSERT_EQUAL(record_find(&h, "n")->len, 1);
    CU_ASSERT_EQUAL(record_find(&h, "n")->value[0], '0');
    CU_ASSERT_TRUE(r.time_ns > 0);
    broker_record_release(&r);
    broker_record_release(&r);
    CU_ASSERT_TRUE(read_numbers(c, 1, 99));
    CU_ASSERT_EQUAL(broker_consumer_high(c, 0), 100);
    CU_ASSERT_EQUAL(broker_consumer_high(c, 7), -1);
    broker_consumer_close(c);
}

/* Rule 4: back to an older offset, any number of times, nothing stale. */
static void test_assign_again(void)
{
    static const int64_t from[] = {50, 0, 99, 10};
    pe_error e = {0};
    broker_consumer *c = consumer("round", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
        broker_position at = {0, from[i]};

        CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, &e), 0);
        CU_ASSERT_TRUE(read_numbers(c, (int)from[i], from[i] == 99 ? 1 : 20));
    }
    broker_consumer_close(c);
}

static void test_descriptor(void)
{
    pe_error e = {0};
    broker_consumer *c = consumer("round", &e);
    broker_position at = {0, 0};
    struct pollfd fd = {.events = POLLIN};

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    broker_consumer_assign(c, &at, 1, &e);
    fd.fd = broker_consumer_fd(c);
    CU_ASSERT_EQUAL(poll(&fd, 1, 10000), 1);
    broker_consumer_fd_clear(c);
    broker_consumer_close(c);
}

/* Rule 2: an offset the log does not hold is an error, never a skip. */
static void test_out_of_range(void)
{
    pe_error e = {0};
    broker_consumer *c = consumer("round", &e);
    broker_position at = {0, 5000};
    broker_record r = {0};
    int rc = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    broker_consumer_assign(c, &at, 1, &e);
    for (int i = 0; i < 100 && rc == 0; i++)
        rc = broker_consumer_fetch(c, 100, &r, &e);
    CU_ASSERT_EQUAL(rc, -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    UNIT_CONTAINS(e.text, "round/0/5000");
    UNIT_CONTAINS(e.text, "records are lost");
    broker_consumer_close(c);
}

static void test_too_large(void)
{
    pe_error e = {0};
    broker_producer *p = producer(64 << 20, &e);
    char *big = calloc(1, 2 << 20);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(
        broker_produce(p, "round", 0, NULL, big, 2 << 20, NULL, true, NULL, &e),
        -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "is larger than 1048576");
    broker_producer_close(p);
    free(big);
}

static void test_queue_full(void)
{
    pe_error e = {0};
    broker_producer *p = producer(4 << 20, &e);
    char *value = calloc(1, 1 << 19);
    int rc = 0, n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    rd_kafka_mock_broker_set_down(mock, 1);
    while (rc == 0 && n++ < 100)
        rc = broker_produce(p, "round", 0, NULL, value, 1 << 19, NULL, true,
                            NULL, &e);
    CU_ASSERT_EQUAL(rc, 1);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 100, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "not acknowledged");
    rd_kafka_mock_broker_set_up(mock, 1);
    broker_producer_close(p);
    free(value);
}

/* A broker that goes and comes back: nothing lost, nothing doubled. */
static void test_broker_down_and_up(void)
{
    pe_error e = {0};
    broker_consumer *c = consumer("bounce", &e);
    broker_position at = {0, 0};

    rd_kafka_mock_topic_create(mock, "bounce", 1, 1);
    send_numbers("bounce", 0, 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    broker_consumer_assign(c, &at, 1, &e);
    CU_ASSERT_TRUE(read_numbers(c, 0, 10));
    rd_kafka_mock_broker_set_down(mock, 1);
    clock_sleep_ns(300000000, 1);
    rd_kafka_mock_broker_set_up(mock, 1);
    send_numbers("bounce", 10, 20);
    CU_ASSERT_TRUE(read_numbers(c, 10, 10));
    broker_consumer_close(c);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a broker that is not there", test_unreachable},
        {"records and headers round trip", test_round_trip},
        {"assign again, also backwards", test_assign_again},
        {"the descriptor wakes poll", test_descriptor},
        {"an offset out of range", test_out_of_range},
        {"a record that is too large", test_too_large},
        {"a full queue", test_queue_full},
        {"a broker that goes and comes back", test_broker_down_and_up},
        {0},
    };
    int rc;

    start_mock();
    rc = unit_main("broker", tests);
    stop_mock();
    return rc;
}
