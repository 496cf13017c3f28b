/* mock_broker.h - librdkafka's mock cluster and numbered records. */
#ifndef TESTS_MOCK_BROKER_H
#define TESTS_MOCK_BROKER_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/broker/broker.h"

#define MOCK_MIB (1 << 20)

/* Request kinds of the protocol, for errors to be injected. */
enum { MOCK_PRODUCE = 0, MOCK_FETCH = 1 };

/* What the delivery callback of mock_producer saw. */
struct mock_seen {
    int stored, given_up, out_of_order;
    int64_t last_offset;
    intptr_t last_opaque;
};

extern rd_kafka_mock_cluster_t *mock;
extern rd_kafka_t *mock_client; /* a plain producer of the cluster */
extern char mock_endpoint[256];
extern struct mock_seen mock_seen;

/* One broker, on 127.0.0.1, in this process.  It keeps 5 MiB a partition. */
void mock_start(void);
void mock_stop(void);

/* Settings: records up to 1 MiB, [queue] bytes, deliveries to mock_seen. */
broker_producer_conf mock_producer_conf(uint64_t queue);
broker_consumer_conf mock_consumer_conf(const char *topic, uint64_t queue);

/* The rest asserts that what should succeed does. */

/* A producer; mock_seen starts anew. */
broker_producer *mock_producer(uint64_t queue);

/* A consumer of partition 0 from [offset]; below 0: not yet assigned. */
broker_consumer *mock_consumer(const char *topic, int64_t offset);

/* Records [from, to): the number as an int, key "key", header n, the number
 * as opaque.  Without, and with a producer of their own that waits for all.
 */
void mock_produce(broker_producer *p, const char *topic, int from, int to);
void mock_send(const char *topic, int from, int to);

/* Next record or error, for up to 20 s; as broker_consumer_fetch. */
int mock_fetch(broker_consumer *c, broker_record *r, pe_error *errp);

/* Are the next [n] records of mock_produce, at their offsets? */
bool mock_read(broker_consumer *c, int from, int n);

#endif
