/* mock_broker.c - librdkafka's mock cluster and numbered records. */
#include "mock_broker.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "src/common/clock.h"

rd_kafka_t *mock_client;
rd_kafka_mock_cluster_t *mock;
char mock_endpoint[256];

struct mock_seen mock_seen;

void mock_start(void)
{
    rd_kafka_conf_t *k = rd_kafka_conf_new();
    char why[256];

    rd_kafka_conf_set(k, "log_level", "0", why, sizeof(why));
    mock_client = rd_kafka_new(RD_KAFKA_PRODUCER, k, why, sizeof(why));
    mock = rd_kafka_mock_cluster_new(mock_client, 1);
    snprintf(mock_endpoint, sizeof(mock_endpoint), "%s",
             rd_kafka_mock_cluster_bootstraps(mock));
    rd_kafka_brokers_add(mock_client, mock_endpoint);
}

void mock_stop(void)
{
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(mock_client);
}

static void delivered(void *arg, void *opaque, int32_t partition,
                      int64_t offset)
{
    CU_ASSERT_PTR_EQUAL(arg, &mock_seen);
    CU_ASSERT_EQUAL(partition, 0);
    if (offset < 0) {
        mock_seen.given_up++;
        return;
    }
    mock_seen.out_of_order += (intptr_t)opaque < mock_seen.last_opaque;
    mock_seen.last_opaque = (intptr_t)opaque;
    mock_seen.last_offset = offset;
    mock_seen.stored++;
}

broker_producer_conf mock_producer_conf(uint64_t queue)
{
    return (broker_producer_conf){
        .broker = {.endpoint = mock_endpoint, .client_id = "test"},
        .compression = "none",
        .message_bytes = MOCK_MIB,
        .queue_bytes = queue,
        .in_flight = 1,
        .delivered = delivered,
        .arg = &mock_seen,
    };
}

broker_producer *mock_producer(uint64_t queue)
{
    broker_producer_conf c = mock_producer_conf(queue);
    broker_producer *p = broker_producer_open(&c, NULL);

    memset(&mock_seen, 0, sizeof(mock_seen));
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

broker_consumer_conf mock_consumer_conf(const char *topic, uint64_t queue)
{
    return (broker_consumer_conf){
        .broker = {.endpoint = mock_endpoint, .client_id = "test"},
        .topic = topic,
        .group = "g",
        .message_bytes = MOCK_MIB,
        .queue_bytes = queue,
        .check_crcs = true,
    };
}

broker_consumer *mock_consumer(const char *topic, int64_t offset)
{
    broker_consumer_conf conf = mock_consumer_conf(topic, 16 * MOCK_MIB);
    broker_consumer *c = broker_consumer_open(&conf, NULL);
    broker_position at = {0, offset, 0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    if (offset >= 0)
        CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
    return c;
}

void mock_produce(broker_producer *p, const char *topic, int from, int to)
{
    record_headers h;

    for (int i = from; i < to; i++) {
        record_clear(&h);
        record_add_u64(&h, "n", (uint64_t)i);
        const broker_output o = {.topic = topic,
                                 .key = "key",
                                 .value = &i,
                                 .len = sizeof(i),
                                 .headers = &h,
                                 .copy = true,
                                 .opaque = (void *)(intptr_t)i};
        CU_ASSERT_EQUAL(broker_produce(p, &o, NULL), 0);
    }
}

void mock_send(const char *topic, int from, int to)
{
    broker_producer *p = mock_producer(64 * MOCK_MIB);

    mock_produce(p, topic, from, to);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    CU_ASSERT_EQUAL(mock_seen.stored, to - from);
    CU_ASSERT_EQUAL(mock_seen.given_up, 0);
    CU_ASSERT_EQUAL(mock_seen.out_of_order, 0);
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    CU_ASSERT_EQUAL(broker_producer_error(p, NULL), 0);
    broker_producer_close(p);
}

int mock_fetch(broker_consumer *c, broker_record *r, pe_error *errp)
{
    int64_t limit = clock_mono_ns() + 20 * CLOCK_S;
    int rc = 0;

    while (rc == 0 && clock_mono_ns() < limit)
        rc = broker_consumer_fetch(c, 100, r, errp);
    return rc;
}

bool mock_read(broker_consumer *c, int from, int n)
{
    broker_record r = {0};
    bool good = true;
    int value;

    for (int i = from; i < from + n; i++) {
        if (mock_fetch(c, &r, NULL) != 1)
            return false;
        memcpy(&value, r.value, sizeof(value));
        good = good && r.len == sizeof(value) && value == i && r.offset == i &&
               r.partition == 0 && r.key_len == 3 && !memcmp(r.key, "key", 3);
        broker_record_release(&r);
    }
    return good;
}
