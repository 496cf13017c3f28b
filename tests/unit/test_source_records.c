/* test_source_records.c - records of a topic as a rank reads them, with a mock
 * broker.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_broker.h"
#include "scratch.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/source/source.h"

static const char yaml[] = "version: 1\n"
                           "pipeline: p\n"
                           "pilots:\n"
                           "  devices: {kind: edge, devices: 2}\n"
                           "  broker: {kind: broker}\n"
                           "  params: {kind: params}\n"
                           "  pool: {kind: pool}\n"
                           "stages:\n"
                           "  sense: {pilot: devices, function: generator}\n"
                           "  learn: {pilot: pool, function: passthrough}\n"
                           "streams: {sense: {partitions: 1, topic: mixed}}\n";

static pipeline *pl;
static pipeline_request req;
static broker_producer *producer;

static void put(const char *key, const void *value, size_t len,
                const record_headers *h)
{
    static const record_headers none;

    CU_ASSERT_EQUAL(broker_produce(producer,
                                   &(broker_output){.topic = "mixed",
                                                    .key = key,
                                                    .value = value,
                                                    .len = len,
                                                    .headers = h ? h : &none,
                                                    .copy = true},
                                   NULL),
                    0);
}

/* A block of [points] rows of two values by device [device] of run [run]. */
static void send_ours(const char *run, const char *device, uint64_t seq,
                      uint32_t points, const char *const *more)
{
    pe_block b = {.device = device,
                  .boot = 1,
                  .seq = seq,
                  .has_seq = 1,
                  .sense_ns = 5000,
                  .source = "f.csv:7"};
    record_headers h;
    const void *frame;
    size_t len;

    pe_block_reserve(&b, points, 2, PE_F8, NULL);
    for (uint32_t i = 0; i < 2 * points; i++)
        ((double *)b.data)[i] = i;
    frame = npy_frame(&b, &len);
    CU_ASSERT_EQUAL(record_encode(&h, run, "sense", &b, NULL), 0);
    for (; more && *more; more += 2)
        record_add(&h, more[0], more[1]);
    put(device, frame, len, &h);
    pe_block_release(&b);
}

/* All records of the tests, in their order. */
enum {
    OURS,       /* of a device of this run, that says all there is */
    OTHER_RUN,  /* of one of another run, the same */
    BARE,       /* ours, that says nothing */
    STRANGER,   /* an array under anybody's key */
    PRETENDER,  /* ... under that of a device of ours */
    FORGER,     /* an array with our headers, which count for nothing */
    KEYLESS,    /* without a key */
    TORN,       /* ours, which cannot be decoded */
    NOTHING,    /* nobody's, of no codec */
    ODD_HEADER, /* ours, with a number that is none */
    LAST
};

static void send_all(void)
{
    static const char *const said[] = {"pe_times", "17/5",     "pe_columns",
                                       "a\tb",     "pe_scale", "1:2,3:4",
                                       NULL},
                             *const odd[] = {"pe_seq", "many", NULL};
    broker_producer_conf c = mock_producer_conf(MOCK_MIB);
    record_headers h;
    pe_block b = {0};
    const void *frame;
    size_t len;

    rd_kafka_mock_topic_create(mock, "mixed", 1, 1);
    producer = broker_producer_open(&c, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(producer);
    send_ours("r", "devices-0", 0, 2, said);
    send_ours("other", "devices-0", 0, 2, said);
    send_ours("r", "devices-1", 0, 3, NULL);
    pe_block_reserve(&b, 1, 2, PE_F8, NULL);
    memset(b.data, 0, 16);
    frame = npy_frame(&b, &len);
    put("buoy", frame, len, NULL);
    put("devices-0", frame, len, NULL);
    record_clear(&h);
    for (size_t i = 0; said[i]; i += 2)
        record_add(&h, said[i], said[i + 1]);
    record_add(&h, "pe_seq", "5");
    put("buoy", frame, len, &h);
    put(NULL, frame, len, NULL);
    b.device = "devices-0";
    b.has_seq = 1;
    b.boot = 1;
    CU_ASSERT_EQUAL(record_encode(&h, "r", "sense", &b, NULL), 0);
    put("devices-0", frame, len - 1, &h);
    put("noise", "\x01\x02\x03", 3, NULL);
    send_ours("r", "devices-0", 9, 1, odd);
    CU_ASSERT_EQUAL(broker_producer_flush(producer, 20000, NULL), 0);
    broker_producer_close(producer);
    pe_block_release(&b);
}

static void begin(void)
{
    pe_error e = {0};

    scratch_write("p.yaml", yaml);
    pl = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pl);
    req = (pipeline_request){
        .run = "r", .dir = scratch_folder, .broker = mock_endpoint};
    send_all();
}

/* --- reading --- */

static source_reader *open_at(enum source_lanes lanes, int64_t offset)
{
    const broker_position at = {0, offset, 0};
    pe_error e = {0};
    source_reader *s =
        source_open_broker(pl, &req, lanes, UINT64_C(8) << 20, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->ops->assign(s, &at, 1, &e), 0);
    UNIT_EQUAL(e.text, "");
    return s;
}

/* The next record, for up to 20 s. */
static void next(source_reader *s, source_item *r)
{
    int64_t limit = clock_mono_ns() + 20 * CLOCK_S;
    pe_error e = {0};
    int rc;

    while ((rc = s->ops->fetch(s, 0, r, &e)) == 0 && clock_mono_ns() < limit)
        s->ops->wait(s, 50);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(rc, 1);
}

static const char *words_of(const source_text *t)
{
    static char out[4][200];
    static int turn;
    char *to = out[turn++ % 4];

    snprintf(to, sizeof(out[0]), "%.*s", (int)t->len, t->at ? t->at : "");
    return to;
}

/* Who sent each, what it holds, and what is said of its rows. */
static void test_records(void)
{
    static const struct {
        const char *device;
        enum sender sender;
        uint32_t points, features; /* 0: it is bad */
        const char *times, *columns, *scale, *source;
    } rows[LAST] = {
        [OURS] = {"devices-0", SENDER_OURS, 2, 2, "17/5", "a\tb", "1:2,3:4",
                  "f.csv:7"},
        [OTHER_RUN] = {"other/devices-0", SENDER_OTHER, 2, 2, "17/5", "a\tb",
                       "1:2,3:4", "f.csv:7"},
        [BARE] = {"devices-1", SENDER_OURS, 3, 2, "", "", "", "f.csv:7"},
        [STRANGER] = {"buoy", SENDER_STRANGER, 1, 2, "", "", "", ""},
        [PRETENDER] = {"foreign/devices-0", SENDER_STRANGER, 1, 2, "", "", "",
                       ""},
        [FORGER] = {"buoy", SENDER_STRANGER, 1, 2, "", "", "", ""},
        [KEYLESS] = {"0", SENDER_STRANGER, 1, 2, "", "", "", ""},
        [TORN] = {"devices-0", SENDER_OURS, 0, 0, "", "", "", ""},
        [NOTHING] = {"noise", SENDER_STRANGER, 0, 0, "", "", "", ""},
        [ODD_HEADER] = {"devices-0", SENDER_OURS, 0, 0, "", "", "", NULL},
    };
    static source_item r;
    source_reader *s;

    begin();
    s = open_at(SOURCE_ONE, 0);
    for (int i = 0; i < LAST; i++) {
        source_said said;

        next(s, &r);
        said = r.said;
        CU_ASSERT_EQUAL(r.block.offset, i);
        UNIT_EQUAL(r.block.device, rows[i].device);
        UNIT_EQUAL(r.block.topic, "mixed");
        CU_ASSERT_EQUAL(r.sender, rows[i].sender);
        CU_ASSERT_EQUAL(r.foreign, rows[i].sender != SENDER_OURS);
        CU_ASSERT_EQUAL(r.bad.kind == PE_ERROR_NONE, rows[i].points > 0);
        if (rows[i].points) {
            CU_ASSERT_EQUAL(r.block.points, rows[i].points);
            CU_ASSERT_EQUAL(r.block.features, rows[i].features);
            UNIT_EQUAL(words_of(&said.columns), rows[i].columns);
        }
        UNIT_EQUAL(words_of(&said.times), rows[i].times);
        UNIT_EQUAL(words_of(&said.scale), rows[i].scale);
        if (rows[i].source)
            UNIT_EQUAL(r.block.source ? r.block.source : "", rows[i].source);
        /* What others number is not believed. */
        CU_ASSERT(rows[i].sender != SENDER_STRANGER || !r.block.has_seq);
        s->ops->release(s, &r);
    }
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &r, NULL), 0);
    s->ops->close(s);
    pe_block_release(&r.block);
}

/* What is bad says what it is. */
static void test_bad(void)
{
    static const struct {
        int offset;
        const char *text;
    } rows[] = {{TORN, "not a .npy record"},
                {ODD_HEADER, "header pe_seq is not a whole number"}};
    static source_item r;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        source_reader *s = open_at(SOURCE_ONE, rows[i].offset);

        next(s, &r);
        CU_ASSERT_EQUAL(r.bad.kind, PE_ERROR_INPUT);
        UNIT_CONTAINS(r.bad.text, rows[i].text);
        s->ops->release(s, &r);
        s->ops->close(s);
    }
    pe_block_release(&r.block);
}

/* Read again from anywhere; none; and by lanes. */
static void test_assign(void)
{
    static const int64_t from[] = {5, 0, 7, 2};
    static source_item r;
    char away[200] = "";
    source_reader *s = open_at(SOURCE_EACH, 3);

    next(s, &r);
    CU_ASSERT_EQUAL(r.block.offset, 3);
    s->ops->release(s, &r);
    for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        const broker_position at = {0, from[i], 0};

        CU_ASSERT_EQUAL(s->ops->assign(s, &at, 1, NULL), 0);
        next(s, &r);
        CU_ASSERT_EQUAL(r.block.offset, from[i]);
        s->ops->release(s, &r);
    }
    CU_ASSERT_EQUAL(s->ops->high(s, 0), LAST);
    CU_ASSERT_EQUAL(s->ops->high(s, 7), -1);
    CU_ASSERT_EQUAL(s->ops->end(s, 0), -1); /* a topic has none */
    CU_ASSERT_FALSE(s->ops->away(s, away, sizeof(away)));
    s->ops->note(s, &(const broker_position){0, 3, 0}, 1);
    CU_ASSERT_EQUAL(s->ops->assign(s, NULL, 0, NULL), 0);
    s->ops->wait(s, 1);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &r, NULL), 0);
    s->ops->close(s);
    s = source_open_broker(pl, &req, SOURCE_ONE, 1 << 20, NULL);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &r, NULL), 0); /* nothing assigned */
    CU_ASSERT_EQUAL(s->ops->high(s, 0), -1);
    s->ops->note(s, &(const broker_position){0, 3, 0}, 1);
    s->ops->close(s);
    pe_block_release(&r.block);
    pipeline_destroy(pl);
}

/* The urgent partitions have a lane, and the others have the next one. */
static void test_urgent(void)
{
    static source_item r;

    for (int urgent = 0; urgent < 2; urgent++) {
        source_reader *s;
        size_t lane = urgent ? 0 : 1;

        begin();
        pl->urgent = urgent;
        s = open_at(SOURCE_URGENT, 0);
        while (s->ops->fetch(s, lane, &r, NULL) == 0)
            s->ops->wait(s, 50);
        CU_ASSERT_EQUAL(r.block.offset, 0);
        s->ops->release(s, &r);
        CU_ASSERT_EQUAL(s->ops->fetch(s, 1 - lane, &r, NULL), 0);
        CU_ASSERT_TRUE(s->ops->high(s, 0) >= LAST);
        s->ops->note(s, &(const broker_position){0, 1, 0}, 1);
        CU_ASSERT_EQUAL(s->ops->assign(s, NULL, 0, NULL), 0);
        CU_ASSERT_EQUAL(s->ops->high(s, 0), -1);
        s->ops->close(s);
        pe_block_release(&r.block);
        pipeline_destroy(pl);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"source records: records of all kinds", test_records},
        {"source records: what is bad", test_bad},
        {"source records: assigned again", test_assign},
        {"source records: urgent partitions", test_urgent},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    mock_start();
    rc = unit_main("source records", tests);
    mock_stop();
    scratch_remove();
    return rc;
}
