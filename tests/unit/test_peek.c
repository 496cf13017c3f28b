/* test_peek.c - `pilot peek`, and `pilot inspect` of a topic, on a broker. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_broker.h"
#include "pilot_command.h"
#include "scratch.h"
#include "src/common/file.h"

#define URL "kafka://"

/* A record at a time of its own, so that the newest ones are known. */
static void put_record(const char *topic, int32_t partition, const char *key,
                       const void *value, size_t len, const char *header,
                       const char *said)
{
    static int64_t now = 1795939200000; /* ms */

    CU_ASSERT_EQUAL(
        rd_kafka_producev(
            mock_client, RD_KAFKA_V_TOPIC(topic),
            RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len),
            RD_KAFKA_V_TIMESTAMP(now++),
            RD_KAFKA_V_HEADER(header ? header : "h", said ? said : "", -1),
            RD_KAFKA_V_END),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    CU_ASSERT_EQUAL(rd_kafka_flush(mock_client, 20000),
                    RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void put_text(const char *topic, int32_t partition, const char *key,
                     const char *value)
{
    put_record(topic, partition, key, value, strlen(value), NULL, NULL);
}

static char url[600];

static const char *url_of(const char *topic)
{
    snprintf(url, sizeof(url), URL "%s/%s", mock_endpoint, topic);
    return url;
}

/* A home, and one of each: in two partitions, told by their times. */
static void fill(void)
{
    static const char npy[] =
        "\x93NUMPY\x01\x00\x3e\x00{'descr': '<f4', 'fortran_order': False, "
        "'shape': (1, 1), }  \n\0\0\xc0?";
    static const char start[] = "\x92\xa5start\x80";

    begin();
    rd_kafka_mock_topic_create(mock, "mixed", 2, 1);
    put_text("mixed", 0, "old", "{\"a\": 0, \"b\": 0}");
    put_text("mixed", 1, "st\x01", "{\"a\": 1.5, \"b\": 2, \"s\": \"x\"}");
    put_text("mixed", 0, NULL, "[[1,2,3,4,5,6,7,8]]");
    put_record("mixed", 1, NULL, start, sizeof(start) - 1, NULL, NULL);
    put_record("mixed", 0, "dev", npy, sizeof(npy) - 1, "content-type",
               "application/x-npy");
    put_record("mixed", 1, NULL, NULL, 0, NULL, NULL);
    put_text("mixed", 0, NULL, "1\n2\n3\n4\n5\n6\n7\n8\n");
}

static void test_table(void)
{
    const char *topic = url_of("mixed");

    fill();
    expect(
        PILOT("peek", "-n", "6", "--set", "columns=a,b", topic), 0,
        "PARTITION     OFFSET TIME                     KEY              CODEC"
        "        SHAPE  FIRST VALUES\n"
        "        1          0 2026-11-29T08:00:00.001Z st?              json"
        "           1x2  a=1.5 b=2\n",
        "the newest 6 of about 7 records of topic mixed, 2 partitions");
    UNIT_CONTAINS(content("out"),
                  "        0          1 2026-11-29T08:00:00.002Z -            "
                  "    json             -  cannot be read: json record: it has "
                  "no 'a', which columns: names; it has 0, 1, 2, 3, 4, 5, 6, "
                  "7\n");
    UNIT_CONTAINS(content("out"), " msgpack          -  no rows: start "
                                  "document\n");
    /* What a device wrote is read as it was written. */
    UNIT_CONTAINS(content("out"),
                  " dev              npy            1x1  1.5\n");
    UNIT_CONTAINS(content("out"),
                  " -                -                -  cannot "
                  "be read: the record is empty\n");
    CU_ASSERT_PTR_NULL(strstr(content("out"), "old"));
    expect(PILOT("peek", "-n1", "--no-header", topic), 0,
           "        0          3 2026-11-29T08:00:00.006Z -                csv"
           "            8x1  1 2 3 4 5 6 ...\n",
           "the newest 1 of about 7");
    expect(PILOT("peek", "-n1", "--set", "rows=record", topic), 0,
           " 1x8  1 2 3 4 5 6 ...\n", NULL);
}

static void test_json(void)
{
    const char *topic = url_of("mixed");

    expect(PILOT("peek", "-n", "7", "--json", "--set", "columns=a,b", topic), 0,
           "{\"partition\":1,\"offset\":0,\"time\":\"2026-11-29T08:00:00."
           "001000000Z\",\"key\":\"st?\",\"bytes\":28,\"codec\":\"json\","
           "\"points\":1,\"features\":2,\"columns\":[\"a\",\"b\"],\"values\":"
           "[[1.5,2.0]],\"headers\":{\"h\":\"\"}}\n",
           NULL);
    UNIT_CONTAINS(content("out"), "\"aside\":\"start document\"");
    UNIT_CONTAINS(content("out"), "\"error\":\"the record is empty\"");
    UNIT_CONTAINS(content("out"),
                  "\"headers\":{\"content-type\":\"application/x-npy\"}");
}

/* Of a run: its topic, as its file says, and those beside it. */
static void test_run(void)
{
    static const char pipeline[] =
        "version: 1\npipeline: p\n"
        "pilots: {pool: {kind: pool}, b: {kind: broker}, s: {kind: params}}\n"
        "stages: {learn: {pilot: pool, function: audit}}\n"
        "streams: {in: {topic: t-peek, columns: \"b\"}}\n";
    char *dir = text_format("%s/r", rehearse_home);
    char *file = text_format("%s/pipeline.yaml", dir);
    char *request = text_format("%s/request.json", dir);
    char *json = text_format("{\"schema\": 1, \"run\": \"r\", \"file\": "
                             "\"pipeline.yaml\", \"overrides\": [], "
                             "\"broker\": \"%s\"}",
                             mock_endpoint);

    CU_ASSERT_FATAL(dir && file && request && json);
    CU_ASSERT_EQUAL(file_mkdir(dir, NULL), 0);
    CU_ASSERT_EQUAL(
        file_write(file, pipeline, sizeof(pipeline) - 1, 0600, NULL), 0);
    CU_ASSERT_EQUAL(file_write(request, json, strlen(json), 0600, NULL), 0);
    for (int i = 0; i < 3; i++) {
        static const char *const topics[] = {"t-peek", "pilot.r.in.refused",
                                             "pilot.r.in.results"};
        rd_kafka_mock_topic_create(mock, topics[i], 1, 1);
    }
    put_text("t-peek", 0, "k", "{\"a\": 1, \"b\": 2}");
    put_record("pilot.r.in.refused", 0, "k", "?", 1, "pe_reason",
               "it was not liked");
    put_record("pilot.r.in.results", 0, "k", "0.5\n0.25\n", 9, "pe_origin",
               "t-peek/0/0");
    expect(PILOT("peek", "r"), 0, " k                json           1x1  b=2\n",
           "topic t-peek, 1 partition\n");
    expect(PILOT("peek", "r", "--refused"), 0,
           " csv              -  refused: it was not liked\n", NULL);
    expect(PILOT("peek", "r", "--results"), 0,
           " csv            2x1  0.5 0.25\n", NULL);
    free(dir);
    free(file);
    free(request);
    free(json);
}

static void test_inspect(void)
{
    rd_kafka_mock_topic_create(mock, "iot", 1, 1);
    rd_kafka_mock_topic_create(mock, "empty", 1, 1);
    for (int i = 0; i < 3; i++)
        put_text("iot", 0, NULL,
                 "{\"ts\": 1795939200, \"temp\": 20.5, \"w\": {\"dir\": 1}, "
                 "\"site\": \"x\"}");
    put_text("iot", 0, NULL, "not this");
    expect(PILOT("inspect", url_of("iot")), 0,
           "/iot: topic of 1 partition, about 4 records: 3 json, 1 csv of the "
           "newest\n"
           "  cannot be read: json record: it holds 3 columns of numbers",
           NULL);
    UNIT_CONTAINS(content("out"),
                  "     0  ts                       float64                    "
                  "   may be the clock\n"
                  "     1  temp                     float64                    "
                  "   not named\n"
                  "     2  w.dir                    float64                    "
                  "   not named\n"
                  "     3  site                     text                       "
                  "   left out\n"
                  "\nto learn from what is in it, where the folder jobs/ "
                  "is:\n  pilot run jobs/pool.yaml --until eof --set ");
    UNIT_CONTAINS(content("out"),
                  " --set streams.sensors.columns=temp,w.dir --set "
                  "streams.sensors.time=ts\n"
                  "\nin a pipeline file of a pool on this topic:\n"
                  "  streams:\n    sensors:\n      topic: \"iot\"\n"
                  "      partitions: \"1\"\n      codec: \"json\"\n"
                  "      columns: \"temp,w.dir\"\n      time: \"ts\"\n");
    expect(PILOT("inspect", "--set", "columns=w.dir", "--set", "time=none",
                 url_of("iot")),
           0, "      columns: \"w.dir\"\n      time: \"none\"\n", NULL);
    expect(PILOT("inspect", url_of("empty")), 0, "no record is in it\n", NULL);
    expect(PILOT("inspect", "a.csv", url_of("iot")), 64, NULL,
           "a topic is inspected by itself");
    expect(PILOT("inspect", "--set", "decimal=comma", "--set", "path=x",
                 url_of("iot")),
           78, NULL, "path");
}

static void test_wrong(void)
{
    unsetenv("PILOT_BROKER");
    expect(PILOT("peek", "nobody"), 78, NULL,
           "no broker is known for topic 'nobody': name it by "
           "kafka://HOST:PORT/nobody, set PILOT_BROKER");
    expect(PILOT("peek", "kafka://host:9092"), 64, NULL,
           "'kafka://host:9092' names no topic");
    expect(PILOT("peek"), 64, NULL, "a RUN or a TOPIC");
    expect(PILOT("peek", "-n", "1001", "t"), 64, NULL,
           "-n 1001: it is a number from 1 to 1000");
    expect(PILOT("peek", "--set", "columns", "t"), 64, NULL,
           "--set columns: it is NAME=VALUE, as columns=temp,hum");
    expect(PILOT("peek", "--results", "--refused", "t"), 64, NULL,
           "one of --refused and --results");
    setenv("PILOT_BROKER", mock_endpoint, 1);
    expect(PILOT("peek", "--set", "rows=x", "mixed"), 78, NULL,
           "rows: 'x' is neither");
    expect(PILOT("peek", "-n1", "kafka:///mixed"), 0, " csv ", NULL);
    unsetenv("PILOT_BROKER");
    expect(PILOT("peek", "--help"), 0, "Usage: pilot peek", NULL);
}

static const unit_test tests[] = {
    {"a table", test_table},       {"JSON", test_json},
    {"of a run", test_run},        {"inspect a topic", test_inspect},
    {"what is wrong", test_wrong}, {NULL, NULL},
};

int main(void)
{
    int status;

    scratch_make();
    mock_start();
    status = unit_main("peek", tests);
    mock_stop();
    scratch_remove();
    return status;
}
