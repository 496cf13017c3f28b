/* test_source_topic.c - records of a topic as a rank reads them: whose they
 * are, what is in them, and what is set aside.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_broker.h"
#include "src/block/npy.h"
#include "src/codec/da00.h"
#include "src/common/log.h"
#include "src/source/source.h"

static char said[2048];

static void keep(void *arg, enum log_level level, const char *words)
{
    (void)arg;
    (void)level;
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", words);
}

static void send_record(const char *topic, const char *key, const void *value,
                        size_t len)
{
    CU_ASSERT_EQUAL(
        rd_kafka_producev(
            mock_client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len), RD_KAFKA_V_END),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    CU_ASSERT_EQUAL(rd_kafka_flush(mock_client, 20000),
                    RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void send_words(const char *topic, const char *key, const char *words)
{
    send_record(topic, key, words, strlen(words));
}

/* A da00 of one row, from [source]. */
static void send_da00(const char *topic, const char *source)
{
    static const double x[] = {1.5, 2};
    const da00_variable v = {
        "signal", "", {'f', 8, false}, {"row", "x"}, {1, 2}, 2, x};
    const da00_array a = {source, 1795939200123456789, &v, 1};
    unsigned char out[1024];

    CU_ASSERT_FATAL(da00_room(&a) <= sizeof(out));
    send_record(topic, NULL, out, da00_write(&a, out));
}

/* A pool on [topic], beside devices called devices-N. */
static source_reader *open_topic(pipeline *pl, const char *topic)
{
    static pipeline_pilot pilot;
    static pipeline_request req;
    const broker_position at = {0, 0, 0};
    source_reader *s;
    pe_error e = {0};

    pilot = (pipeline_pilot){.name = (char *)"devices", .kind = PILOT_EDGE};
    req = (pipeline_request){.run = (char *)"run", .broker = mock_endpoint};
    pl->topic = (char *)(uintptr_t)topic;
    pl->partitions = 1;
    pl->message_bytes = MOCK_MIB;
    pl->pilots = &pilot;
    pl->n_pilots = 1;
    s = source_open_broker(pl, &req, SOURCE_ONE, 16 * MOCK_MIB, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_FATAL(s != NULL);
    CU_ASSERT_EQUAL(s->ops->assign(s, &at, 1, &e), 0);
    *said = '\0';
    return s;
}

/* The next record as text: "NAME: 1 2 @NS", "NAME refused: WHY", "NAME aside:
 * WHAT".
 */
static const char *next(source_reader *s, source_item *r)
{
    static char out[1400];
    pe_error e = {0};
    int rc = 0;
    size_t n;

    for (int i = 0; rc == 0 && i < 2000; i++) {
        rc = s->ops->fetch(s, 0, r, &e);
        if (rc == 0)
            s->ops->wait(s, 10);
    }
    CU_ASSERT_EQUAL_FATAL(rc, 1);
    n = (size_t)snprintf(out, sizeof(out), "%s%s", r->block.device,
                         r->bad.kind ? " refused: "
                         : r->aside  ? " aside: "
                                     : ":");
    if (r->bad.kind || r->aside)
        snprintf(out + n, sizeof(out) - n, "%s",
                 r->bad.kind ? r->bad.text : r->aside);
    for (uint32_t i = 0; !r->bad.kind && !r->aside && i < r->block.points; i++)
        for (uint32_t k = 0; k < r->block.features; k++)
            n += (size_t)snprintf(out + n, sizeof(out) - n, " %g",
                                  pe_block_at(&r->block, i, k));
    if (r->block.sense_ns)
        snprintf(out + n, sizeof(out) - n, " @%lld",
                 (long long)r->block.sense_ns);
    CU_ASSERT(r->foreign);
    if (r->said.columns.at) {
        n = strlen(out);
        snprintf(out + n, sizeof(out) - n, " as %.*s", (int)r->said.columns.len,
                 r->said.columns.at);
    }
    s->ops->release(s, r);
    return out;
}

static void test_kinds(void)
{
    static const char start[] = "\x92\xa5start\x80";
    pipeline pl = {.codec = {.columns = "a", .time = "none"}};
    source_item r = {0};
    source_reader *s;
    const char *words;

    rd_kafka_mock_topic_create(mock, "kinds", 1, 1);
    send_words("kinds", "k", "{\"a\":1,\"s\":\"x\"}");
    send_words("kinds", NULL, "a\n2\n3\n");
    send_record("kinds", NULL, start, sizeof(start) - 1);
    send_record("kinds", "k", start, sizeof(start) - 1);
    send_words("kinds", NULL, "a\n");
    send_words("kinds", NULL, "{\"b\":1}");
    send_record("kinds", "gone", NULL, 0);
    s = open_topic(&pl, "kinds");
    CU_ASSERT_EQUAL(s->ops->aside(s, &words), 0);
    UNIT_EQUAL(words, "");
    UNIT_EQUAL(next(s, &r), "k: 1 as a");
    UNIT_EQUAL(next(s, &r), "0: 2 3 as a");
    UNIT_EQUAL(next(s, &r), "0 aside: start document");
    UNIT_EQUAL(next(s, &r), "k aside: start document");
    UNIT_EQUAL(next(s, &r), "0 aside: header line");
    UNIT_EQUAL(next(s, &r), "0 refused: json record: it has no 'a', which "
                            "columns: names; it has b");
    UNIT_EQUAL(next(s, &r), "gone refused: the record is empty");
    CU_ASSERT_EQUAL(s->ops->aside(s, &words), 3);
    UNIT_EQUAL(words, "kinds/0/2: 2 x start document, 1 x header line");
    UNIT_EQUAL(said, "records of others in kinds are json: 1 column: a; left "
                     "out: s (text)\n"
                     "records of others in kinds are csv: 1 column: a\n");
    pe_block_release(&r.block);
    s->ops->close(s);
}

/* A record has the name of its key, else that its source has; neither speaks
 * for a device of ours.
 */
static void test_names(void)
{
    pipeline pl = {0};
    source_item r = {0};
    source_reader *s;

    rd_kafka_mock_topic_create(mock, "names", 1, 1);
    send_da00("names", "camera");
    send_da00("names", "devices-0");
    send_da00("names", "new\nline");
    send_words("names", "devices-1", "7");
    s = open_topic(&pl, "names");
    UNIT_EQUAL(next(s, &r), "camera: 1.5 2 @1795939200123456789");
    UNIT_EQUAL(next(s, &r), "foreign/devices-0: 1.5 2 @1795939200123456789");
    UNIT_EQUAL(next(s, &r), "new%0Aline: 1.5 2 @1795939200123456789");
    UNIT_EQUAL(next(s, &r), "foreign/devices-1: 7");
    pe_block_release(&r.block);
    s->ops->close(s);
}

/* Devices write .npy, whatever others are said to. */
static void test_devices(void)
{
    pipeline pl = {.codec = {.codec = "json", .columns = "a"}};
    unsigned char npy[NPY_HEADER_LEN + 8];
    source_item r = {0};
    source_reader *s;
    double x = 9.5;

    npy_header(npy, PE_F8, 1, 1);
    memcpy(npy + NPY_HEADER_LEN, &x, sizeof(x));
    rd_kafka_mock_topic_create(mock, "devices", 1, 1);
    CU_ASSERT_EQUAL(
        rd_kafka_producev(
            mock_client, RD_KAFKA_V_TOPIC("devices"), RD_KAFKA_V_PARTITION(0),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("d", 1),
            RD_KAFKA_V_VALUE(npy, sizeof(npy)),
            RD_KAFKA_V_HEADER("ce_source", "/pilot-edge/other/d", -1),
            RD_KAFKA_V_HEADER("pe_seq", "1", -1),
            RD_KAFKA_V_HEADER("pe_boot", "1", -1), RD_KAFKA_V_END),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    send_record("devices", "d", npy, sizeof(npy));
    s = open_topic(&pl, "devices");
    UNIT_EQUAL(next(s, &r), "other/d: 9.5");
    UNIT_EQUAL(next(s, &r), "d refused: json record: byte 0: there is no value "
                            "that JSON has");
    pe_block_release(&r.block);
    s->ops->close(s);
}

static const unit_test tests[] = {
    {"records of all kinds", test_kinds},
    {"whose records they are", test_names},
    {"devices of ours", test_devices},
    {NULL, NULL},
};

int main(void)
{
    int status;

    log_init(keep, NULL, LOG_LEVEL_INFO);
    mock_start();
    status = unit_main("source_topic", tests);
    mock_stop();
    return status;
}
