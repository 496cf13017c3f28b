/* test_broker_parts.c - what the broker room decides without a broker. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/broker/client.h"
#include "src/broker/fault.h"
#include "src/broker/order.h"
#include "src/broker/topic.h"

static void test_cause(void)
{
    static const struct {
        const char *text, *cause;
    } rows[] = {
        {"h:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection "
         "refused (after 0ms in state CONNECT)",
         "connection refused"},
        {"h:1/bootstrap: Failed to resolve 'h:1': Name or service not known "
         "(after 3ms in state CONNECT)",
         "name or service not known"},
        {"h:1/bootstrap: SSL handshake failed: SSL: bad (after 1ms)", "bad"},
        {"h:1/1: Disconnected", "disconnected"},
        {"SASL refused", "SASL refused"},
        {"", ""},
    };
    char out[160], small[5];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        client_cause(rows[i].text, out, sizeof(out));
        UNIT_EQUAL(out, rows[i].cause);
    }
    client_cause(rows[0].text, small, sizeof(small));
    UNIT_EQUAL(small, "conn");
}

/* What is told of a second, in the words of the client. */
static void test_answers(void)
{
    static const char *const seconds[] = {
        /* two brokers, of which one was not asked */
        "{\"name\": \"x\", \"brokers\":{ \"h:1/bootstrap\": {\"txbytes\":100, "
        "\"rtt\": {\"min\":0, \"max\":0, \"cnt\":0}, \"throttle\": {\"avg\":0, "
        "\"cnt\":0} } , \"h:1/1\": {\"txbytes\":900, \"rtt\": {\"min\":2000, "
        "\"max\":90000, \"cnt\":3}, \"throttle\": {\"avg\":40, \"cnt\":3}}}, "
        "\"topics\":{ \"t\": { this is not read",
        /* and none of both */
        "{\"brokers\":{\"h:1/1\": {\"txbytes\":950, \"rtt\": {\"min\":0, "
        "\"max\":0, \"cnt\":0}}}}",
        "{\"brokers\":{\"h:1/1\": {\"txbytes\":5000, \"rtt\": {\"min\":4000, "
        "\"max\":10000, \"cnt\":1}}}, \"topics\":{}}",
        "",
        "{",
        "[]",
        "\"topics\"",
    };
    client cl = {0};
    broker_answers a;

    for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
        client_count(&cl, seconds[i], strlen(seconds[i]));
        if (i != 2)
            continue;
        client_answers(&cl, &a);
        CU_ASSERT_EQUAL(a.wire_bytes, 5000);
    }
    client_answers(&cl, &a);
    CU_ASSERT_EQUAL(a.seconds, 2);
    CU_ASSERT_DOUBLE_EQUAL(a.slow_ms, 100, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(a.quick_ms, 6, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(a.throttle_ms, 40, 1e-9);
    CU_ASSERT_EQUAL(a.wire_bytes, 5000); /* as of the last one that was whole */
}

/* How many partitions a topic has, as the client counts it. */
static void test_partitions(void)
{
    static const struct {
        const char *topics;
        int n; /* what is known then */
    } rows[] = {
        {"", 0},
        {", \"topics\":{}", 0},
        {", \"topics\":{\"t\":{\"partitions\":{\"0\": { \"partition\":0, "
         "\"x\":9}, \"2\": { \"partition\":2, \"desired\":true}, \"-1\": { "
         "\"partition\":-1, \"x\":1}}}}",
         3},
        {", \"topics\":{}", 3}, /* nothing is said of it */
        {", \"topics\":{\"t\":{\"partitions\":{\"10\": { \"partition\":10", 11},
        {", \"topics\":{ \"partition\":", 11},
        {", \"topics\":{ \"partition\":99999999999999", 11},
    };
    client cl = {0};
    char json[512];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        snprintf(json, sizeof(json),
                 "{\"brokers\":{\"h:1/1\": {\"toppars\":{\"t-7\":{"
                 "\"partition\":7}}}}%s%s",
                 rows[i].topics, rows[i].topics[0] ? "" : "}");
        client_count(&cl, json, strlen(json));
        CU_ASSERT_EQUAL(atomic_load(&cl.partitions), rows[i].n);
    }
}

#define SECOND(state, unknown, desired)                                     \
    "{\"brokers\":{\"h:1/1\": {\"state\":\"" state "\"}}, \"topics\":{"     \
    "\"t\":{\"partitions\":{\"0\": { \"partition\":0, \"desired\":" desired \
    ",\"unknown\":" unknown "}, \"-1\": { \"partition\":-1, "               \
    "\"desired\":false,\"unknown\":false}}}}}"

/* A topic that was there, and is not, while a broker is. */
static void test_gone(void)
{
    static const struct {
        const char *json;
        int gone_s;
        bool away; /* still said to be */
    } rows[] = {
        {SECOND("UP", "true", "true"), 0, true}, /* it never was */
        {SECOND("UP", "false", "true"), 0, true},
        {SECOND("DOWN", "true", "true"), 0, true},
        {SECOND("UP", "true", "false"), 0, true}, /* nobody reads it */
        {SECOND("UP", "true", "true"), 1, false},
        {SECOND("UP", "true", "true"), 2, false},
        {SECOND("DOWN", "true", "true"), 2, false},
        {SECOND("UP", "true", "true"), 3, false},
        {SECOND("UP", "false", "true"), 0, false}, /* it is back */
    };
    client cl = {0};

    atomic_store(&cl.away, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        client_count(&cl, rows[i].json, strlen(rows[i].json));
        CU_ASSERT_EQUAL(atomic_load(&cl.gone_s), rows[i].gone_s);
        CU_ASSERT_EQUAL(atomic_load(&cl.away), rows[i].away);
    }
}

/* An error that the client skips records after must never count as passing. */
static void test_faults(void)
{
    static const struct {
        rd_kafka_resp_err_t err;
        const char *text; /* NULL: passes */
    } rows[] = {
        {RD_KAFKA_RESP_ERR__TRANSPORT, NULL},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, NULL},
        {RD_KAFKA_RESP_ERR__TIMED_OUT, NULL},
        {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, NULL},
        {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, NULL},
        {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, NULL},
        {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, "is not in the log"},
        {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, "is not in the log"},
        {RD_KAFKA_RESP_ERR__BAD_MSG, "is damaged"},
        {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, "is damaged"},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "cannot be read"},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "cannot be read"},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "cannot be read"},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "cannot be read"},
        {RD_KAFKA_RESP_ERR__FATAL, "cannot be read"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *fault = fault_of(rows[i].err);

        CU_ASSERT_EQUAL(fault == NULL, rows[i].text == NULL);
        if (fault && rows[i].text)
            UNIT_CONTAINS(fault, rows[i].text);
    }
}

static const broker_topic wanted = {
    .name = "blocks",
    .partitions = 4,
    .message_bytes = 4194304,
};

static void test_topic_partitions(void)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(topic_check_partitions(&wanted, "h:1", 4, &e), 0);
    CU_ASSERT_EQUAL(topic_check_partitions(&wanted, "h:1", 9, &e), 0);
    CU_ASSERT_EQUAL(topic_check_partitions(&wanted, "h:1", 3, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    UNIT_EQUAL(e.text, "topic blocks has 3 partitions and 4 are asked for: "
                       "`kafka-topics.sh --bootstrap-server h:1 --alter "
                       "--topic blocks --partitions 4`, or set "
                       "streams.STAGE.partitions to 3");
    CU_ASSERT_EQUAL(topic_check_partitions(&wanted, "h:1", 1, &e), -1);
    UNIT_CONTAINS(e.text, "topic blocks has 1 partition and 4 are asked for: ");
    UNIT_CONTAINS(e.text, "or set streams.STAGE.partitions to 1");
    CU_ASSERT_EQUAL(topic_check_partitions(&wanted, "h:1", 3, NULL), -1);
}

/* Nobody is told to alter what is somebody else's. */
static void test_topic_theirs(void)
{
    const broker_topic t = {.name = "weather",
                            .partitions = 4,
                            .message_bytes = 4194304,
                            .device_clocks = true,
                            .theirs = true,
                            .stream = "sensors"};
    char text[600];
    pe_error e = {0};

    CU_ASSERT_EQUAL(topic_check_partitions(&t, "h:1", 1, &e), -1);
    UNIT_EQUAL(e.text, "topic weather has 1 partition and 4 are asked for: set "
                       "streams.sensors.partitions to 1");
    CU_ASSERT_EQUAL(
        topic_check_setting(&t, "h:1", "max.message.bytes", "1000", &e), -1);
    UNIT_EQUAL(e.text, "topic weather takes records of up to 1000 bytes and "
                       "4194304 are needed: take fewer points, or set "
                       "streams.sensors.message-max to no more");
    CU_ASSERT_EQUAL(
        topic_check_setting(&t, "h:1", "cleanup.policy", "compact", &e), -1);
    UNIT_EQUAL(e.text, "topic weather loses records on purpose "
                       "(cleanup.policy=compact): set streams.sensors.gaps to "
                       "allow to read what is left of it");
    CU_ASSERT(topic_warning(&t, "h:1", "message.timestamp.type", "CreateTime",
                            text, sizeof(text)));
    UNIT_EQUAL(text, "topic weather keeps records by the clocks of its "
                     "writers: those of a device without one are deleted "
                     "early, or refused");
}

static void test_topic_settings(void)
{
    static const struct {
        const char *name, *value;
        const char *text; /* NULL: fits */
    } rows[] = {
        {"max.message.bytes", "4194304", NULL},
        {"max.message.bytes", "9000000", NULL},
        {"max.message.bytes", "4194303", "config max.message.bytes=4194304`"},
        {"max.message.bytes", "0", "up to 0 bytes and 4194304 are needed"},
        {"max.message.bytes", "many", NULL},
        {"max.message.bytes", NULL, NULL},
        {"cleanup.policy", "delete", NULL},
        {"cleanup.policy", "compact", "streams.STAGE.gaps to allow"},
        {"cleanup.policy", "compact,delete", "cleanup.policy=delete`"},
        {"retention.ms", "1", NULL},
    };
    pe_error e;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int rc = topic_check_setting(&wanted, "h:1", rows[i].name,
                                     rows[i].value, &e);

        CU_ASSERT_EQUAL(rc, rows[i].text ? -1 : 0);
        if (rc == 0)
            continue;
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, rows[i].text);
        UNIT_CONTAINS(e.text, "--bootstrap-server h:1 --alter --topic blocks");
    }
}

static void test_topic_gaps_allowed(void)
{
    broker_topic t = wanted;

    t.gaps_allowed = true;
    CU_ASSERT_EQUAL(
        topic_check_setting(&t, "h:1", "cleanup.policy", "compact", NULL), 0);
}

static void test_topic_warning(void)
{
    static const struct {
        const char *name, *value;
        bool clocks, said;
    } rows[] = {
        {"message.timestamp.type", "CreateTime", true, true},
        {"message.timestamp.type", "CreateTime", false, false},
        {"message.timestamp.type", "LogAppendTime", true, false},
        {"message.timestamp.type", NULL, true, false},
        {"cleanup.policy", "CreateTime", true, false},
    };
    char text[600];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const broker_topic t = {.name = "t", .device_clocks = rows[i].clocks};

        CU_ASSERT_EQUAL(topic_warning(&t, "h:1", rows[i].name, rows[i].value,
                                      text, sizeof(text)),
                        rows[i].said);
    }
    UNIT_CONTAINS(text, "topic t keeps records by the clocks of its writers");
    UNIT_CONTAINS(text, "--bootstrap-server h:1 --alter --topic t --add-config "
                        "message.timestamp.type=LogAppendTime");
}

/* What an older client does not know is left out; what is wrong is not. */
static void test_known(void)
{
    rd_kafka_conf_t *k = rd_kafka_conf_new();
    pe_error e = {0};

    CU_ASSERT_EQUAL(client_set_known(k, "no.such.setting", "1", &e), 0);
    CU_ASSERT_EQUAL(client_set_known(k, "fetch.error.backoff.ms", "20", &e), 0);
    CU_ASSERT_EQUAL(client_set_known(k, "fetch.error.backoff.ms", "x", &e), -1);
    UNIT_CONTAINS(e.text, "broker client refuses fetch.error.backoff.ms=x");
    rd_kafka_conf_destroy(k);
}

static void test_order_bad_positions(void)
{
    static const struct {
        broker_position p[2];
        const char *text;
    } rows[] = {
        {{{0, 5, 0}, {-1, 5, 0}}, "position t/-1/5 is none"},
        {{{0, 5, 0}, {1, -1, 0}}, "position t/1/-1 is none"},
        {{{2, 5, 0}, {2, 6, 0}}, "position t/2/6 is the partition's second"},
    };
    order o = {.topic = "t"};
    broker_position at = {7, 100, 0};
    pe_error e;

    CU_ASSERT_EQUAL(order_assign(&o, &at, 1, &e), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        CU_ASSERT_EQUAL(order_assign(&o, rows[i].p, 2, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(order_next(&o, 7), 100);
        CU_ASSERT_EQUAL(order_next(&o, 0), -1);
    }
    order_free(&o);
    order_free(&o);
}

static void test_order_takes_each_once(void)
{
    static const struct {
        int32_t partition;
        int64_t offset;
        int rc;
    } rows[] = {
        {0, 10, 1}, {0, 11, 1}, {0, 11, 0}, {0, 3, 0},  {2, 0, 1},
        {1, 0, 0},  {3, 0, 0},  {-1, 0, 0}, {0, 12, 1}, {2, 1, 1},
    };
    static const broker_position p[] = {{2, 0, 0}, {0, 10, 0}};
    order o = {.topic = "t"};

    CU_ASSERT_EQUAL(order_take(&o, 0, 0, NULL), 0);
    CU_ASSERT_EQUAL(order_assign(&o, p, 2, NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        CU_ASSERT_EQUAL(order_take(&o, rows[i].partition, rows[i].offset, NULL),
                        rows[i].rc);
    CU_ASSERT_EQUAL(order_next(&o, 0), 13);
    CU_ASSERT_EQUAL(order_next(&o, 1), -1);
    CU_ASSERT_EQUAL(order_next(&o, -1), -1);
    order_free(&o);
}

/* Rule 2: a record that is missing stops the partition, for good. */
static void test_order_gap(void)
{
    static const broker_position p[] = {{0, 10, 0}, {1, 0, 0}};
    order o = {.topic = "t"};
    pe_error e;

    CU_ASSERT_EQUAL(order_assign(&o, p, 2, NULL), 0);
    for (int64_t offset = 14; offset < 16; offset++) {
        CU_ASSERT_EQUAL(order_take(&o, 0, offset, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, "records t/0/10 to ");
        UNIT_CONTAINS(e.text, "streams.STAGE.gaps to allow");
    }
    CU_ASSERT_EQUAL(order_take(&o, 1, 0, &e), 1);
    o.gaps_allowed = true;
    CU_ASSERT_EQUAL(order_take(&o, 0, 14, &e), 1);
    CU_ASSERT_EQUAL(order_next(&o, 0), 15);
    order_free(&o);
}

/* What was read last is looked at before what comes next is taken. */
static void test_order_mark(void)
{
    static const broker_position p[] = {{0, 10, 7}, {1, 0, 7}, {2, 5, 0}};
    broker_position again[3];
    order o = {.topic = "t"};
    pe_error e;

    CU_ASSERT_EQUAL(order_assign(&o, p, 3, NULL), 0);
    CU_ASSERT_EQUAL(order_checks(&o), 1);
    CU_ASSERT_TRUE(order_is_check(&o, 0, 9));
    CU_ASSERT_FALSE(order_is_check(&o, 0, 10));
    CU_ASSERT_FALSE(order_is_check(&o, 2, 4));
    CU_ASSERT_EQUAL(order_check(&o, 0, 8, &e), -1);
    CU_ASSERT_EQUAL(order_check(&o, 0, 8, &e), -1);
    UNIT_CONTAINS(e.text, "record t/0/9 is not the one that was read");
    /* It is missing altogether. */
    CU_ASSERT_EQUAL(order_take(&o, 0, 10, &e), -1);
    UNIT_CONTAINS(e.text, "record t/0/9 is missing");
    CU_ASSERT_EQUAL(order_check(&o, 0, 7, &e), 0);
    CU_ASSERT_EQUAL(order_take(&o, 0, 10, &e), 1);
    order_mark(&o, 0, 11);
    CU_ASSERT_EQUAL(order_again(&o, again), 3);
    CU_ASSERT_EQUAL(again[0].offset, 11);
    CU_ASSERT_EQUAL(again[0].mark, 11);
    CU_ASSERT_EQUAL(order_checks(&o), 1);
    CU_ASSERT_TRUE(order_is_check(&o, 0, 10));
    CU_ASSERT_TRUE(order_uncheck(&o, 0));
    CU_ASSERT_FALSE(order_uncheck(&o, 0));
    CU_ASSERT_EQUAL(order_again(&o, again), 3);
    CU_ASSERT_EQUAL(again[0].mark, 0);
    order_free(&o);
}

/* Rule 4: back to an older offset, and to other partitions. */
static void test_order_again(void)
{
    static const broker_position first[] = {{0, 10, 0}, {5, 3, 0}};
    static const broker_position then[] = {{0, 2, 0}};
    order o = {.topic = "t"};

    CU_ASSERT_EQUAL(order_assign(&o, first, 2, NULL), 0);
    CU_ASSERT_EQUAL(order_take(&o, 5, 3, NULL), 1);
    CU_ASSERT_EQUAL(order_assign(&o, then, 1, NULL), 0);
    CU_ASSERT_EQUAL(order_take(&o, 5, 4, NULL), 0);
    CU_ASSERT_EQUAL(order_take(&o, 0, 2, NULL), 1);
    CU_ASSERT_EQUAL(order_assign(&o, NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL(order_take(&o, 0, 3, NULL), 0);
    order_free(&o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"the cause of a connection error", test_cause},
        {"how fast brokers answer", test_answers},
        {"how many partitions there are", test_partitions},
        {"a topic that is gone", test_gone},
        {"errors of a stream", test_faults},
        {"partitions of a topic", test_topic_partitions},
        {"settings of a topic", test_topic_settings},
        {"a compacted topic where gaps are allowed", test_topic_gaps_allowed},
        {"what is said of a topic", test_topic_warning},
        {"what is said of a topic of others", test_topic_theirs},
        {"settings of newer clients", test_known},
        {"positions that are none", test_order_bad_positions},
        {"every offset is taken once", test_order_takes_each_once},
        {"a gap stops the partition", test_order_gap},
        {"order after another assignment", test_order_again},
        {"what was read last is looked at", test_order_mark},
        {0},
    };

    return unit_main("broker parts", tests);
}
