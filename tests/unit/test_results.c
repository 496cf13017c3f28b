/* test_results.c - results and refusals while the broker is away, and those
 * that are too large.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_broker.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/rank/results.h"

static const char yaml[] = "version: 1\n"
                           "pipeline: p\n"
                           "pilots:\n"
                           "  broker: {kind: broker}\n"
                           "  params: {kind: params}\n"
                           "  pool: {kind: pool}\n"
                           "stages:\n"
                           "  learn: {pilot: pool, function: passthrough}\n"
                           "streams: {sense: {partitions: 1, topic: t}}\n";

typedef struct bench {
    results_conf conf;
    pool_term term;
    pool_fate fate;
    pool_slot slot[2];
    pool_results r;
    pipeline *pl;
    pipeline_request req;
    source_item record;
} bench;

static void bench_open(bench *b)
{
    pe_error e = {0};

    memset(b, 0, sizeof(*b));
    scratch_write("p.yaml", yaml);
    b->pl = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->pl);
    b->req = (pipeline_request){
        .run = "r", .dir = scratch_folder, .broker = mock_endpoint};
    b->conf = (results_conf){.pl = b->pl,
                             .req = &b->req,
                             .term = &b->term,
                             .fate = &b->fate,
                             .slot = b->slot};
    b->term.number = b->term.wanted = 1;
    CU_ASSERT_EQUAL_FATAL(results_open(&b->r, &b->conf, &e), 0);
    b->record.block = (pe_block){.device = "d", .topic = "t"};
}

static void refuse(bench *b, const void *value, size_t len, const char *reason)
{
    b->record.raw = value;
    b->record.raw_len = len;
    results_refused(&b->r, &b->slot[0], &b->record, "learn", 1, reason);
}

static void bench_close(bench *b)
{
    results_close(&b->r);
    pipeline_destroy(b->pl);
}

/* Until all is acknowledged, for up to 20 s. */
static void settle(bench *b)
{
    int64_t limit = clock_mono_ns() + 20 * CLOCK_S;

    while ((b->r.held || b->slot[0].unacked) && clock_mono_ns() < limit) {
        results_poll(&b->r);
        clock_sleep_ns(1000000, 1);
    }
    CU_ASSERT_PTR_NULL(b->r.held);
    CU_ASSERT_EQUAL(b->slot[0].unacked, 0);
    CU_ASSERT_FALSE(b->fate.failed);
    CU_ASSERT_EQUAL(b->term.wanted, b->term.number);
}

/* A rank that waited here would take part in no round. */
static void test_full(void)
{
    static char value[MOCK_MIB];
    bench b;
    int n = 1;

    bench_open(&b);
    refuse(&b, "x", 1, "first");
    settle(&b);
    rd_kafka_mock_broker_set_down(mock, 1);
    while (!b.r.held && n < 100) {
        refuse(&b, value, sizeof(value), "is refused");
        n++;
    }
    CU_ASSERT_PTR_NOT_NULL(b.r.held);
    refuse(&b, "y", 1, "one more");
    CU_ASSERT_EQUAL(b.slot[0].unacked, n);
    results_poll(&b.r);
    CU_ASSERT_PTR_NOT_NULL(b.r.held);
    rd_kafka_mock_broker_set_up(mock, 1);
    settle(&b);
    bench_close(&b);
}

/* Where there are no results a client is made when it is needed: for the first
 * refusal, which is there like any other; a broker that is away asks for
 * another term, in which the block comes again.
 */
static void test_off(void)
{
    char away[] = "127.0.0.1:1";
    broker_consumer *c;
    broker_record r = {0};
    bench b;

    bench_open(&b);
    results_close(&b.r);
    b.pl->results = false;
    CU_ASSERT_EQUAL(results_open(&b.r, &b.conf, NULL), 0);
    CU_ASSERT_PTR_NULL(b.r.producer);
    CU_ASSERT_FALSE(results_on(&b.r));
    snprintf(b.r.refused, sizeof(b.r.refused), "off");
    b.req.broker = away;
    refuse(&b, "x", 1, "is refused");
    CU_ASSERT_PTR_NULL(b.r.producer);
    CU_ASSERT_FALSE(b.fate.failed);
    CU_ASSERT_EQUAL(b.slot[0].unacked, 0);
    CU_ASSERT(b.term.wanted > b.term.number);
    b.term.number = b.term.wanted;
    b.req.broker = mock_endpoint;
    refuse(&b, "y", 1, "is refused");
    CU_ASSERT_EQUAL(b.slot[0].unacked, 1);
    settle(&b);
    c = mock_consumer("off", 0);
    CU_ASSERT_EQUAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT(r.len == 1 && !memcmp(r.value, "y", 1));
    broker_record_release(&r);
    broker_consumer_close(c);
    bench_close(&b);
}

/* A new term forgets what waits. */
static void test_drop(void)
{
    static char value[MOCK_MIB];
    bench b;

    bench_open(&b);
    rd_kafka_mock_broker_set_down(mock, 1);
    for (int n = 0; !b.r.held && n < 100; n++)
        refuse(&b, value, sizeof(value), "is refused");
    CU_ASSERT_PTR_NOT_NULL(b.r.held);
    results_drop(&b.r);
    CU_ASSERT_PTR_NULL(b.r.held);
    rd_kafka_mock_broker_set_up(mock, 1);
    bench_close(&b);
}

/* What came larger than may be passed on is cut, and says how long it was. */
static void test_cut(void)
{
    broker_consumer *c;
    const record_header *cut;
    record_headers h;
    broker_record r = {0};
    char reason[2000];
    bench b;

    bench_open(&b);
    size_t most = b.pl->message_bytes, len = most + 1000;
    char *value = calloc(1, len);
    memset(reason, 'r', sizeof(reason));
    reason[1999] = '\0';
    snprintf(b.r.refused, sizeof(b.r.refused), "cut");
    refuse(&b, value, len, reason);
    settle(&b);
    c = mock_consumer("cut", 0);
    CU_ASSERT_EQUAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(r.len, most);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    cut = record_find(&h, "pe_cut");
    CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
    snprintf(reason, sizeof(reason), "%zu", len);
    CU_ASSERT_EQUAL(cut->len, strlen(reason));
    CU_ASSERT_EQUAL(memcmp(cut->value, reason, cut->len), 0);
    /* However long the reason, all headers are there. */
    CU_ASSERT_PTR_NOT_NULL(record_find(&h, "pe_reason"));
    CU_ASSERT_PTR_NOT_NULL(record_find(&h, "pe_stage"));
    CU_ASSERT_PTR_NOT_NULL(record_find(&h, "pe_run"));
    broker_record_release(&r);
    broker_consumer_close(c);
    free(value);
    bench_close(&b);
}

/* The times of rows go with their scores, also where those have to wait and the
 * record that said them is gone.
 */
static void test_times(void)
{
    static char value[MOCK_MIB];
    static const char *const want[] = {"17/5", "22", "18/6"};
    pe_options *o;
    pool_model base = {0};
    char times[8] = "17/5";
    broker_consumer *c;
    broker_record r = {0};
    bench b;

    bench_open(&b);
    snprintf(b.r.results, sizeof(b.r.results), "times");
    o = pe_model_options("passthrough", NULL);
    base.m = pe_model_create("passthrough", o, 1, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(base.m);
    b.slot[0].base = &base;
    b.record.block.points = 2;
    b.record.block.source = "f:7";
    b.record.said.times = (source_text){times, 4};
    for (int i = 0; i < 3; i++) {
        pe_block got = b.record.block;

        if (i == 1)
            got.points = 1, got.source = "f:8-8"; /* one is left out */
        if (i == 2) {                             /* no room for it */
            rd_kafka_mock_broker_set_down(mock, 1);
            for (int n = 0; !b.r.held && n < 100; n++)
                refuse(&b, value, sizeof(value), "is refused");
            CU_ASSERT_PTR_NOT_NULL(b.r.held);
            memcpy(times, "18/6", 4);
        }
        CU_ASSERT_PTR_NOT_NULL(results_room(&b.r, got.points));
        memset(b.r.frame, 0, b.r.cap_frame);
        results_scores(&b.r, &b.slot[0], &b.record, &got, 0);
        if (i < 2)
            settle(&b);
    }
    memcpy(times, "gone", 4);
    rd_kafka_mock_broker_set_up(mock, 1);
    settle(&b);
    c = mock_consumer("times", 0);
    for (int i = 0; i < 3; i++) {
        const record_header *h;
        record_headers all;

        CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
        CU_ASSERT_EQUAL(broker_record_headers(&r, &all, NULL), 0);
        h = record_find(&all, "pe_times");
        CU_ASSERT_EQUAL(h ? h->len : 0, strlen(want[i]));
        if (h)
            CU_ASSERT_EQUAL(memcmp(h->value, want[i], h->len), 0);
        broker_record_release(&r);
    }
    broker_consumer_close(c);
    b.slot[0].base = NULL;
    pe_model_destroy(base.m);
    pe_options_destroy(o);
    bench_close(&b);
}

/* What the next record of [c] holds under [columns], as "1 2; 3 4". */
static void check_flat(broker_consumer *c, const char *columns,
                       const char *want)
{
    codec *k =
        codec_open(&(codec_wish){.codec = "da00", .columns = columns}, NULL);
    char got[256] = "";
    broker_record r = {0};
    pe_block b = {0};
    codec_facts f;
    pe_error e = {0};
    size_t n = 0;

    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(codec_decode(k, r.value, r.len, &b, &f, &e), 0);
    UNIT_EQUAL(e.text, "");
    for (uint32_t i = 0; i < b.points; i++)
        for (uint32_t j = 0; j < b.features; j++)
            n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%g",
                                  j   ? " "
                                  : i ? "; "
                                      : "",
                                  pe_block_at(&b, i, j));
    UNIT_EQUAL(got, want);
    CU_ASSERT_EQUAL(f.time_ns, 77);
    CU_ASSERT(f.source_len == 1 && *f.source == 'd');
    pe_block_release(&b);
    broker_record_release(&r);
    codec_close(k);
}

/* What a function at the end has made of a record: of which rows, and when. */
static void test_block(void)
{
    static const struct {
        const char *source, *times;
        uint32_t points;
    } rows[] = {{"f:7", "17/5", 2}, {"f:8-8", "22", 1}, {"f:7-8*", NULL, 1}};
    broker_record r = {0};
    broker_consumer *c;
    bench b;

    bench_open(&b);
    snprintf(b.r.results, sizeof(b.r.results), "blocks");
    b.record.block.points = 2;
    b.record.block.source = "f:7";
    b.record.said.times = (source_text){"17/5", 4};
    for (size_t i = 0; i < 3; i++) {
        pe_block out = {0};

        CU_ASSERT_EQUAL(pe_block_reserve(&out, rows[i].points, 1, PE_F8, NULL),
                        0);
        memset(out.data, 0, pe_block_bytes(&out));
        out.source = rows[i].source;
        results_block(&b.r, &b.slot[0], &b.record, &out);
        pe_block_release(&out);
    }
    settle(&b);
    c = mock_consumer("blocks", 0);
    for (size_t i = 0; i < 3; i++) {
        const record_header *h;
        record_headers all;

        CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
        CU_ASSERT_EQUAL(broker_record_headers(&r, &all, NULL), 0);
        h = record_find(&all, "pe_source");
        CU_ASSERT(h && h->len == strlen(rows[i].source) &&
                  !memcmp(h->value, rows[i].source, h->len));
        h = record_find(&all, "pe_times");
        CU_ASSERT_EQUAL(h != NULL, rows[i].times != NULL);
        CU_ASSERT(!h || (h->len == strlen(rows[i].times) &&
                         !memcmp(h->value, rows[i].times, h->len)));
        broker_record_release(&r);
    }
    broker_consumer_close(c);
    bench_close(&b);
}

/* Scores and blocks that leave as da00: with labels, and what they are by. */
static void test_flat(void)
{
    pe_options *o = pe_model_options("passthrough", NULL);
    pool_model base = {.m = pe_model_create("passthrough", o, 2, NULL)};
    pe_block in = {.points = 3, .device = "d", .topic = "t", .sense_ns = 77};
    pe_block out = {0};
    float *score;
    broker_consumer *c;
    bench b;

    CU_ASSERT_FATAL(base.m != NULL);
    bench_open(&b);
    b.pl->results_da00 = true;
    snprintf(b.r.results, sizeof(b.r.results), "flat");
    base.m->threshold = 5;
    base.m->version = 4;
    b.slot[0].base = &base;
    for (int i = 0; i < 3; i++) {
        score = results_room(&b.r, 3);
        CU_ASSERT_FATAL(score != NULL);
        score[0] = 5;
        score[1] = strtof("nan", NULL);
        score[2] = 5.5F;
        results_scores(&b.r, &b.slot[0], &b.record, &in, 1);
    }
    CU_ASSERT_EQUAL(pe_block_reserve(&out, 2, 2, PE_F8, NULL), 0);
    memcpy(out.data, (double[]){1, 2, 3, 4.5}, pe_block_bytes(&out));
    b.record.block = in;
    results_block(&b.r, &b.slot[0], &b.record, &out);
    settle(&b);
    c = mock_consumer("flat", 0);
    check_flat(c, "signal,label", "5 0; nan -1; 5.5 1");
    check_flat(c, "threshold,version", "5 4");
    check_flat(c, NULL, "5; nan; 5.5");
    check_flat(c, NULL, "1 2; 3 4.5");
    broker_consumer_close(c);
    b.slot[0].base = NULL;
    pe_model_destroy(base.m);
    pe_options_destroy(o);
    pe_block_release(&out);
    bench_close(&b);
}

static void test_fit(void)
{
    pe_error e = {0};
    bench b;

    bench_open(&b);
    size_t most = b.pl->message_bytes;
    CU_ASSERT_EQUAL(results_fit(&b.r, most - 128, &e), 0);
    CU_ASSERT_EQUAL(results_fit(&b.r, most - 127, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "is larger than a record may be");
    bench_close(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"the queue is full", test_full},
        {"nobody asks for results", test_off},
        {"a new term", test_drop},
        {"too large to be passed on", test_cut},
        {"the times of rows", test_times},
        {"the rows of a block", test_block},
        {"as da00", test_flat},
        {"a result that is too large", test_fit},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    mock_start();
    rc = unit_main("results", tests);
    mock_stop();
    scratch_remove();
    return rc;
}
