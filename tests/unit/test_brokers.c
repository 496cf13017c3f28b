/* test_brokers.c - one contract for every broker: librdkafka's mock cluster,
 * and Kafka where PILOT_TEST_BROKER is its HOST:PORT and PILOT_TEST_LEAVE and
 * PILOT_TEST_COME are commands that end and start it (tests/system/36-brokers).
 */
#include "broker_cases.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

/* ---- the mock ---- */

static const char *mock_topic(const char *name, int partitions)
{
    return rd_kafka_mock_topic_create(mock, name, partitions, 1)
               ? "the mock makes no topic"
               : NULL;
}

static const char *mock_refuse(const char *name)
{
    const char *why = mock_topic(name, 1);

    rd_kafka_mock_push_request_errors(mock, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    return why;
}

/* It keeps 5 MiB. */
static const char *mock_cut(const char *name)
{
    static char value[MOCK_MIB / 2];
    broker_producer *p = mock_producer(16 * MOCK_MIB);

    for (int i = 0; i < 14; i++)
        CU_ASSERT_EQUAL(broker_produce(p,
                                       &(broker_output){.topic = name,
                                                        .value = value,
                                                        .len = sizeof(value),
                                                        .copy = true},
                                       NULL),
                        0);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    broker_producer_close(p);
    return NULL;
}

static const char *mock_leave(void)
{
    return rd_kafka_mock_broker_set_down(mock, 1) ? "it stays" : NULL;
}

static const char *mock_come(void)
{
    return rd_kafka_mock_broker_set_up(mock, 1) ? "it stays away" : NULL;
}

static const broker_kind mock_kind = {
    .name = "mock",
    .no_topics = "the mock makes any topic that is named, and none by request",
    .topic = mock_topic,
    .refuse = mock_refuse,
    .cut = mock_cut,
    .leave = mock_leave,
    .come = mock_come,
    .headers = broker_kafka_headers,
    .noted = broker_kafka_noted,
    .alter = "kafka-",
};

/* ---- Kafka ---- */

static const char *topic_make(const broker_topic *t)
{
    const broker_conf c = {.endpoint = mock_endpoint, .client_id = "test"};
    static pe_error e;
    broker_admin *a = broker_admin_open(&c, &e);
    int n, rc = a ? broker_topic_ensure(a, t, &n, &e) : -1;

    broker_admin_close(a);
    return rc < 0 ? e.text : NULL;
}

static const char *kafka_topic(const char *name, int partitions)
{
    return topic_make(&(broker_topic){.name = name, .partitions = partitions});
}

static const char *kafka_refuse(const char *name)
{
    return topic_make(
        &(broker_topic){.name = name, .partitions = 1, .message_bytes = 5000});
}

static const char *kafka_cut(const char *name)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_conf_t *k = rd_kafka_conf_new();
    static char why[256];
    rd_kafka_DeleteRecords_t *d;
    rd_kafka_event_t *answer;
    rd_kafka_queue_t *q;
    rd_kafka_t *rk;
    bool done;

    rd_kafka_topic_partition_list_add(list, name, 0)->offset = 5;
    d = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_conf_set(k, "bootstrap.servers", mock_endpoint, why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, k, why, sizeof(why));
    q = rd_kafka_queue_new(rk);
    rd_kafka_DeleteRecords(rk, &d, 1, NULL, q);
    answer = rd_kafka_queue_poll(q, 20000);
    done = answer && !rd_kafka_event_error(answer);
    if (answer)
        rd_kafka_event_destroy(answer);
    rd_kafka_queue_destroy(q);
    rd_kafka_DeleteRecords_destroy(d);
    rd_kafka_destroy(rk);
    return done ? NULL : "its records are not deleted";
}

static const char *command_run(const char *name)
{
    const char *command = getenv(name);

    if (!command)
        return "nobody said how";
    return system(command) ? "the command for that failed" : NULL;
}

static const char *kafka_leave(void)
{
    return command_run("PILOT_TEST_LEAVE");
}

static const char *kafka_come(void)
{
    return command_run("PILOT_TEST_COME");
}

static const broker_kind kafka_kind = {
    .name = "Kafka",
    .topic = kafka_topic,
    .refuse = kafka_refuse,
    .cut = kafka_cut,
    .leave = kafka_leave,
    .come = kafka_come,
    .headers = broker_kafka_headers,
    .noted = broker_kafka_noted,
    .alter = "kafka-",
};

int main(void)
{
    static const unit_test tests[] = {BROKER_CASES, {NULL, NULL}};
    const char *real = getenv("PILOT_TEST_BROKER");
    int status;

    broker_kind_now = real ? &kafka_kind : &mock_kind;
    if (real)
        snprintf(mock_endpoint, sizeof(mock_endpoint), "%s", real);
    else
        mock_start();
    status = unit_main("brokers", tests);
    if (!real)
        mock_stop();
    return status;
}
