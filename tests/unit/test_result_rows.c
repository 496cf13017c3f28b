/* test_result_rows.c - the rows of a stream's scores, with a mock broker. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_broker.h"
#include "scratch.h"
#include "src/block/npy.h"
#include "src/view/result_rows.h"

enum { RECORDS = 60, PARTS = 2 };

static const char yaml[] = "version: 1\n"
                           "pipeline: p\n"
                           "pilots:\n"
                           "  broker: {kind: broker}\n"
                           "  params: {kind: params}\n"
                           "  pool: {kind: pool}\n"
                           "stages:\n"
                           "  learn: {pilot: pool, function: passthrough}\n"
                           "streams: {sense: {partitions: 2, topic: rows}}\n";

static pipeline *pl;
static pipeline_request req;

/* Record o of partition p is a block of two rows: 100 p + o, and as much and a
 * half; the 30th is none.
 */
static void send_all(void)
{
    broker_producer_conf c = mock_producer_conf(MOCK_MIB);
    broker_producer *p;

    c.delivered = NULL; /* which knows one partition */
    p = broker_producer_open(&c, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (int part = 0; part < PARTS; part++)
        for (int o = 0; o < RECORDS; o++) {
            pe_block b = {.device = part ? "dev-1" : "dev-0",
                          .boot = 1,
                          .seq = (uint64_t)o,
                          .has_seq = 1};
            record_headers h;
            size_t len;
            const void *frame;

            pe_block_reserve(&b, 2, 1, PE_F8, NULL);
            ((double *)b.data)[0] = 100 * part + o;
            ((double *)b.data)[1] = 100 * part + o + 0.5;
            frame = npy_frame(&b, &len);
            CU_ASSERT_EQUAL(record_encode(&h, "r", "sense", &b, NULL), 0);
            if (o == 3)
                record_add(&h, "pe_columns", "temp");
            if (part)
                record_add(&h, "pe_scale", "1000:2");
            CU_ASSERT_EQUAL(
                broker_produce(
                    p,
                    &(broker_output){.topic = "rows",
                                     .partition = part,
                                     .key = b.device,
                                     .value = o == 30 ? "none" : frame,
                                     .len = o == 30 ? 4 : len,
                                     .headers = &h,
                                     .copy = true},
                    NULL),
                0);
            pe_block_release(&b);
        }
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    broker_producer_close(p);
}

/* Both values of record [offset] of [part], as they were sensed. */
static void look(result_rows *r, int part, int64_t offset)
{
    result_record rec;
    pe_error e = {0};
    double x, want = 100 * part + (double)offset;

    CU_ASSERT_EQUAL_FATAL(result_rows_get(r, part, offset, &rec, &e), 1);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(rec.block->points, 2);
    for (uint32_t i = 0; i < 2; i++) {
        said_values(rec.said, rec.block, i, 1, &x);
        CU_ASSERT_EQUAL(x, part ? 1000 + 2 * (want + 0.5 * i) : want + 0.5 * i);
    }
}

/* The pipeline, and its topic. */
static void begin(void)
{
    pe_error e = {0};

    rd_kafka_mock_topic_create(mock, "rows", PARTS, 1);
    scratch_write("p.yaml", yaml);
    pl = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pl);
    req = (pipeline_request){
        .run = "r", .dir = scratch_folder, .broker = mock_endpoint};
    send_all();
}

static void test_order(void)
{
    result_rows *r;

    begin();
    r = result_rows_open(pl, &req, NULL);
    CU_ASSERT_PTR_NULL(result_rows_columns(r));
    for (int o = 0; o < RECORDS; o++)
        for (int part = 0; part < PARTS; part++)
            if (o != 30)
                look(r, part, o);
    UNIT_EQUAL(result_rows_columns(r), "temp");
    result_rows_close(r);
}

/* Ranks help each other: not quite in order, back and forth, and twice. */
static void test_disorder(void)
{
    static const int offsets[] = {0, 2, 1, 3, 3, 9, 8, 7, 12, 4, 50, 10, 59, 0};
    result_rows *r = result_rows_open(pl, &req, NULL);

    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
        look(r, (int)(i % 3 == 0), offsets[i]);
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
        look(r, 0, offsets[i]);
    result_rows_close(r);
}

/* What cannot be had is not there, and in nobody's way. */
static void test_none(void)
{
    result_rows *r = result_rows_open(pl, &req, NULL);
    result_record rec;

    CU_ASSERT_EQUAL(result_rows_get(r, -1, 0, &rec, NULL), 0);
    CU_ASSERT_EQUAL(result_rows_get(r, PARTS, 0, &rec, NULL), 0);
    CU_ASSERT_EQUAL(result_rows_get(r, 0, 30, &rec, NULL), 0); /* no block */
    look(r, 0, 31);
    CU_ASSERT_EQUAL(result_rows_get(r, 0, 30, &rec, NULL), 0);
    look(r, 0, 29);
    result_rows_close(r);
    result_rows_close(NULL);
}

int main(void)
{
    static const unit_test tests[] = {
        {"in order", test_order},
        {"not quite in order", test_disorder},
        {"what is not there", test_none},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    mock_start();
    rc = unit_main("result_rows", tests);
    pipeline_destroy(pl);
    mock_stop();
    scratch_remove();
    return rc;
}
