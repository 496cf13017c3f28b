/* test_source_function.c - a source stage run inside a rank. */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/block/record.h"
#include "src/source/source.h"

static atomic_int drained;

/* A local pipeline that reads [text] as rows.csv in blocks of 2, with [stage]
 * behind that.
 */
static pipeline *load_with(const char *text, const char *stage)
{
    static const char form[] =
        "version: 1\n"
        "pipeline: p\n"
        "pilots: {pool: {kind: pool}}\n"
        "stages:\n"
        "  sense: {pilot: pool, function: file, block: {points: 2},\n"
        "          options: {path: %s/rows.csv}}\n"
        "%s"
        "  learn: {pilot: pool, function: passthrough}\n";
    char file[256], yaml[1024];
    pe_error e = {0};

    scratch_write("rows.csv", text);
    snprintf(yaml, sizeof(yaml), form, scratch_folder, stage);
    scratch_write("p.yaml", yaml);
    memcpy(file, scratch_path, sizeof(file));
    pipeline *p = pipeline_load(file, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static pipeline *load(const char *text)
{
    return load_with(text, "");
}

static source_reader *open_source(const pipeline *p, const pipeline_request *r)
{
    pe_error e = {0};
    source_reader *s = source_open_function(p, r, false, &drained, &e);
    broker_position at = {.partition = 0, .offset = 0};

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL_FATAL(s->ops->assign(s, &at, 1, &e), 0);
    return s;
}

/* Records of a ring hold their strings, while the source goes on. */
static void test_strings(void)
{
    pipeline *p = load("a,b\n0,0\n1,0\n2,0\n3,0\n4,0\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    source_reader *s = open_source(p, &r);
    static source_item ring[3];
    pe_error e = {0};

    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &ring[i], &e), 1);
    for (int i = 0; i < 3; i++) {
        char want[16];
        const char *row = strrchr(ring[i].block.source, ':');
        snprintf(want, sizeof(want), ":%d", 2 * i);
        UNIT_EQUAL(row ? row : "", want);
        UNIT_EQUAL(ring[i].block.device, "sense-0");
        CU_ASSERT_EQUAL(ring[i].block.offset, i);
    }
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &ring[0], &e), 0);
    CU_ASSERT_EQUAL(s->ops->end(s, 0), 3);
    s->ops->close(s); /* before what it filled */
    UNIT_EQUAL(ring[2].block.device, "sense-0");
    for (int i = 0; i < 3; i++)
        pe_block_release(&ring[i].block);
    pipeline_destroy(p);
}

/* Rows that are left out are counted, and positions stay those of the file,
 * also where nothing of a block is left.
 */
static void test_skipped(void)
{
    pipeline *p = load("0,0\n1,0\n2\n3\n4,0\n5,0,0\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    source_reader *s = open_source(p, &r);
    static source_item record;
    const char *first;
    pe_error e = {0};

    CU_ASSERT_EQUAL(s->ops->skipped(s, &first), 0);
    UNIT_EQUAL(first, "");
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, &e), 1);
    CU_ASSERT_EQUAL(record.block.offset, 0);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, &e), 1);
    CU_ASSERT_EQUAL(record.block.offset, 2);
    CU_ASSERT_EQUAL(record.block.seq, 2);
    CU_ASSERT_EQUAL(record.block.points, 1);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, &e), 0);
    CU_ASSERT_EQUAL(s->ops->end(s, 0), 3);
    CU_ASSERT_EQUAL(s->ops->skipped(s, &first), 3);
    UNIT_CONTAINS(first, "rows.csv:3: the row has 1 field");
    s->ops->close(s);
    pe_block_release(&record.block);
    pipeline_destroy(p);
}

/* What is said of rows, until the next block is asked for. */
static void test_said(void)
{
    pipeline *p = load("time,temp,hum\n1795940100,1,2\n1795940101,3,4\n"
                       "1795940107,5,6\n1795940111,7,8\n1795940112,9,9\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    source_reader *s = open_source(p, &r);
    static const char *const want[] = {"1795940100000000000/1000000000",
                                       "1795940107000000000/4000000000",
                                       "1795940112000000000"};
    static source_item record;
    pe_error e = {0};

    for (size_t i = 0; i < 3; i++) {
        source_said said;
        char times[64];

        CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, &e), 1);
        CU_ASSERT_PTR_NULL(record.said.times.at); /* no headers */
        said = s->ops->said(s, &record);
        snprintf(times, sizeof(times), "%.*s", (int)said.times.len,
                 said.times.at);
        UNIT_EQUAL(times, want[i]);
        CU_ASSERT_EQUAL(said.columns.len, 8);
        CU_ASSERT_EQUAL(memcmp(said.columns.at, "temp\thum", 8), 0);
        CU_ASSERT_PTR_NULL(said.scale.at);
        record.block.partition = 7; /* not ours */
        said = s->ops->said(s, &record);
        CU_ASSERT_PTR_NULL(said.columns.at);
    }
    s->ops->close(s);
    pe_block_release(&record.block);
    pipeline_destroy(p);
}

/* Where a stage keeps rows, their times come with each block, also once the
 * source is further on.
 */
static void test_kept_times(void)
{
    static const char *const want[] = {"1795940100000000000/1000000000",
                                       "1795940110000000000/2000000000"};
    pipeline *p = load_with("time,a,b\n1795940100,0,0\n1795940101,1,0\n"
                            "1795940110,2,0\n1795940112,3,0\n",
                            "  keep: {pilot: pool, function: write, "
                            "options: {path: kept.csv}}\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    source_reader *s = open_source(p, &r);
    source_item ring[2] = {0};
    pe_error e = {0};

    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &ring[i], &e), 1);
    for (int i = 0; i < 2; i++) {
        char times[64];

        CU_ASSERT_PTR_NOT_NULL_FATAL(ring[i].said.times.at);
        snprintf(times, sizeof(times), "%.*s", (int)ring[i].said.times.len,
                 ring[i].said.times.at);
        UNIT_EQUAL(times, want[i]);
        s->ops->release(s, &ring[i]);
        CU_ASSERT_PTR_NULL(ring[i].times);
        pe_block_release(&ring[i].block);
    }
    s->ops->close(s);
    pipeline_destroy(p);
}

/* Without a clock and a header nothing is said. */
static void test_unsaid(void)
{
    pipeline *p = load("1,2,3\n4,5,6\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    source_reader *s = open_source(p, &r);
    static source_item record;
    source_said said;

    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, NULL), 1);
    said = s->ops->said(s, &record);
    CU_ASSERT_PTR_NULL(said.times.at);
    CU_ASSERT_PTR_NULL(said.columns.at);
    s->ops->close(s);
    pe_block_release(&record.block);
    pipeline_destroy(p);
}

/* How far it is: rows, and bytes of all there are. */
static void test_read(void)
{
    pipeline *p = load("a,b\n0,0\n1,0\n2,0\n3,0\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    source_reader *s = open_source(p, &r);
    static source_item record;
    context_progress read = s->ops->read(s);

    CU_ASSERT_EQUAL(read.all, 0); /* it has not begun */
    while (s->ops->fetch(s, 0, &record, NULL) == 1)
        ;
    read = s->ops->read(s);
    CU_ASSERT_EQUAL(read.rows, 4);
    CU_ASSERT_EQUAL(read.all, 20);
    CU_ASSERT_EQUAL(read.done, 20);
    s->ops->close(s);
    pe_block_release(&record.block);
    pipeline_destroy(p);
}

/* A run that is told to stop ends where it is; what is asked of partitions that
 * are not ours is not known.
 */
static void test_drained(void)
{
    pipeline *p = load("a,b\n0,0\n1,0\n2,0\n3,0\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    source_reader *s = open_source(p, &r);
    const source_ops *ops;
    static source_item record;

    CU_ASSERT_EQUAL(s->ops->high(s, 0), 0);
    CU_ASSERT_EQUAL(s->ops->high(s, 1), -1);
    CU_ASSERT_EQUAL(s->ops->end(s, 1), -1);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, NULL), 1);
    CU_ASSERT_EQUAL(s->ops->high(s, 0), 1);
    CU_ASSERT_EQUAL(s->ops->end(s, 0), -1);
    atomic_store(&drained, 1);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, NULL), 0);
    CU_ASSERT_EQUAL(s->ops->end(s, 0), 1);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, NULL), 0);
    atomic_store(&drained, 0);
    /* Nothing is assigned any more. */
    CU_ASSERT_EQUAL(s->ops->assign(s, NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, NULL), 0);
    CU_ASSERT_EQUAL(s->ops->end(s, 0), -1);
    ops = s->ops;
    ops->close(s);
    ops->close(NULL);
    pe_block_release(&record.block);
    pipeline_destroy(p);
}

/* Its errors name the stage; a source by lanes is asked lane by lane. */
static void test_lanes(void)
{
    pipeline *p = load("a,b\n0,0\n1,0\n2,0\n3,0\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    pe_error e = {0};
    source_reader *s;
    const broker_position at[] = {{.partition = 0}, {.partition = 1}};
    static source_item record;

    p->partitions = 2;
    s = source_open_function(p, &r, true, &drained, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->ops->assign(s, at, 2, &e), 0);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 1, &record, &e), 1);
    CU_ASSERT_EQUAL(record.block.partition, 1);
    UNIT_EQUAL(strrchr(record.block.source, ':'), ":2");
    UNIT_EQUAL(record.block.device, "sense-1");
    CU_ASSERT_EQUAL(s->ops->fetch(s, 2, &record, &e), 0); /* no such lane */
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, &e), 1);
    UNIT_EQUAL(strrchr(record.block.source, ':'), ":0");
    scratch_write("rows.csv", ""); /* gone, when it is opened again */
    unlink(scratch_path);
    CU_ASSERT_EQUAL(s->ops->assign(s, at, 2, &e), -1);
    UNIT_CONTAINS(e.text, "stage 'sense': ");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    s->ops->close(s);
    pe_block_release(&record.block);
    pipeline_destroy(p);
}

/* A block of a source with a rate is due when it is due. */
static void test_rate(void)
{
    pipeline *p = load("a,b\n0,0\n1,0\n2,0\n3,0\n");
    const pipeline_request r = {.run = "r", .dir = scratch_folder};
    static source_item record;
    source_reader *s;

    for (size_t i = 0; i < p->n_stages; i++)
        p->stages[i].rate = 1e-6;
    s = open_source(p, &r);
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, NULL), 1); /* at once */
    CU_ASSERT_EQUAL(s->ops->fetch(s, 0, &record, NULL), 0); /* in 11 days */
    CU_ASSERT_EQUAL(s->ops->end(s, 0), -1);
    s->ops->wait(s, 1);
    s->ops->release(s, &record);
    s->ops->close(s);
    pe_block_release(&record.block);
    pipeline_destroy(p);
}

/* What names a source fits into a record: its end says which row. */
static void test_source_fit(void)
{
    static char name[3000];
    char out[RECORD_SOURCE_MAX + 1];

    record_source_fit("a.csv:7", out);
    UNIT_EQUAL(out, "a.csv:7");
    memset(name, 'x', sizeof(name));
    memcpy(name + sizeof(name) - 7, ":12345", 7);
    record_source_fit(name, out);
    CU_ASSERT_EQUAL(strlen(out), RECORD_SOURCE_MAX);
    CU_ASSERT_EQUAL(memcmp(out, "...xxx", 6), 0);
    UNIT_EQUAL(strrchr(out, ':'), ":12345");
    /* No character is cut in two. */
    for (size_t i = 0; i + 8 < sizeof(name); i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    record_source_fit(name, out);
    CU_ASSERT((unsigned char)out[3] == 0xc3);
    CU_ASSERT(strlen(out) <= RECORD_SOURCE_MAX);
}

int main(void)
{
    static const unit_test tests[] = {
        {"source function: strings of a record", test_strings},
        {"source function: rows that are left out", test_skipped},
        {"source function: what is said of rows", test_said},
        {"source function: times of rows that are kept", test_kept_times},
        {"source function: nothing is said", test_unsaid},
        {"source function: how far it is", test_read},
        {"source function: told to stop", test_drained},
        {"source function: lane by lane", test_lanes},
        {"source function: a rate", test_rate},
        {"source function: a name that is too long", test_source_fit},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("source function", tests);
    scratch_remove();
    return rc;
}
