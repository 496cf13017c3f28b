/* test_chain.c - the stages of a rank, in a row. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool_case.h"
#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"

/* --- stages before the last --- */

#define CHAIN(stages)                                      \
    "version: 1\n"                                         \
    "pipeline: p\n"                                        \
    "pilots: {pool: {kind: pool}}\n"                       \
    "stages:\n"                                            \
    "  sense: {pilot: pool, function: generator}\n" stages \
    "  learn: {pilot: pool, function: passthrough}\n"
#define PICK(columns)                                             \
    "  pick: {pilot: pool, function: select, options: {columns: " \
    "\"" columns "\"}}\n"
#define SCALE "  scale: {pilot: pool, function: standardise}\n"
#define SIFT(options) \
    "  sift: {pilot: pool, function: filter, options: {" options "}}\n"

/* A source of blocks of 2 points x 2 features; block i has 4i, 4i + 1, ... */
typedef struct blocks {
    source_reader base;
    int64_t next;
    _Alignas(64) double room[5];
    int released;
} blocks;

static int blocks_fetch(source_reader *s, size_t lane, source_item *r,
                        pe_error *errp)
{
    blocks *b = (blocks *)s;

    (void)lane;
    (void)errp;
    for (int i = 0; i < 4; i++)
        b->room[i + 1] = (double)(4 * b->next + i);
    r->block = (pe_block){.data = b->room + 1, /* not aligned */
                          .points = 2,
                          .features = 2,
                          .dtype = PE_F8,
                          .device = "d",
                          .offset = b->next,
                          .seq = (uint64_t)b->next,
                          .has_seq = 1,
                          .fetch_ns = 1};
    b->next++;
    return 1;
}

static void blocks_release(source_reader *s, source_item *r)
{
    (void)r;
    ((blocks *)s)->released++;
}

static const source_ops blocks_ops = {.fetch = blocks_fetch,
                                      .release = blocks_release};

typedef struct bench {
    pool *p;
    pipeline *pl;
    pipeline_request req;
    blocks source;
    pool_slot *s;
} bench;

/* One rank that owns one partition, in an epoch without a model. */
static void bench_open(bench *b, const char *yaml)
{
    pe_error e = {0};
    pool *p = calloc(1, sizeof(*p));
    chain_conf conf;

    memset(b, 0, sizeof(*b));
    scratch_write("p.yaml", yaml);
    b->pl = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->pl);
    b->req = (pipeline_request){.run = "r", .dir = scratch_folder};
    b->source.base.ops = &blocks_ops;
    b->p = p;
    p->c = (pool_conf){.pl = b->pl, .req = &b->req, .source = &b->source.base};
    p->size = 1;
    p->n_partitions = 1;
    p->term.phase = PHASE_OPEN;
    CU_ASSERT_EQUAL_FATAL(figures_init(&p->figures, &e), 0);
    conf = pool_chain_conf(p);
    CU_ASSERT_EQUAL_FATAL(chain_open(&p->stages, &conf, &e), 0);
    CU_ASSERT_EQUAL_FATAL(lane_init(p, &e), 0);
    lane_share(p, (const unsigned char *)"\1");
    p->epochs.open = 2;
    b->s = pool_case_slot(p, 2);
}

/* What all ranks do once they agree on the number of features. */
static void give_model(bench *b, uint32_t features)
{
    pe_error e = {0};
    pe_options *o = pe_model_options("passthrough", &e);
    pool_model *m =
        pool_model_create(pe_model_create("passthrough", o, features, &e), &e);

    CU_ASSERT_EQUAL(pool_slot_rebase(b->s, m, 1, &e), 0);
    pool_model_drop(m);
    pe_options_destroy(o);
}

static void bench_close(bench *b)
{
    pool *p = b->p;

    CU_ASSERT_FALSE(p->fate.failed);
    lane_fini(p);
    chain_close(&p->stages);
    figures_fini(&p->figures);
    free(p);
    pipeline_destroy(b->pl);
}

/* The model is for the features behind the stages, and a stage that keeps
 * state sees the block that says so once.
 */
static void test_chain(void)
{
    bench b;

    bench_open(&b, CHAIN(PICK("1") SCALE));
    CU_ASSERT_EQUAL(b.p->stages.n_pre, 2);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(owner_step(b.p), 0); /* waits for the model */
        CU_ASSERT_EQUAL(b.p->term.proposal, 1);
    }
    CU_ASSERT_EQUAL(b.s->dispatched, 0);
    give_model(&b, 1);
    CU_ASSERT_TRUE(b.p->stages.ahead.there);
    CU_ASSERT_EQUAL(owner_step(b.p), 1);
    CU_ASSERT_FALSE(b.p->stages.ahead.there);
    CU_ASSERT_EQUAL(b.s->add.applied, 1);
    CU_ASSERT_EQUAL(b.s->add.points, 2);
    CU_ASSERT_EQUAL(pe_block_at(&b.p->stages.ahead.block, 0, 0), -1.0);
    CU_ASSERT_EQUAL(owner_step(b.p), 1);
    CU_ASSERT_EQUAL(b.s->add.applied, 2);
    CU_ASSERT_EQUAL(b.s->delta->points, 4);
    CU_ASSERT_EQUAL(b.source.released, 2);
    /* Seen: 1, 3, 5, 7; mean 4, variance 5. */
    CU_ASSERT_DOUBLE_EQUAL(pe_block_at(&b.p->stages.pre[1].out, 1, 0),
                           3 / 2.23606797749979, 1e-12);
    bench_close(&b);
}

/* Blocks that nothing is kept of do not wait for a model. */
static void test_chain_nothing(void)
{
    bench b;

    bench_open(&b, CHAIN(SIFT("warming: drop")));
    CU_ASSERT_EQUAL(owner_step(b.p), 1);
    CU_ASSERT_EQUAL(owner_step(b.p), 1);
    CU_ASSERT_EQUAL(b.p->term.proposal, 0);
    CU_ASSERT_FALSE(b.p->stages.ahead.there);
    CU_ASSERT_EQUAL(b.s->add.applied, 2);
    CU_ASSERT_EQUAL(b.s->add.points, 0);
    CU_ASSERT_EQUAL(b.s->add.bytes, 0); /* of raw, which has none here */
    CU_ASSERT_EQUAL(b.s->range[0].to, 2);
    CU_ASSERT_EQUAL(b.s->n_touch, 1);
    bench_close(&b);
}

static void test_chain_refused(void)
{
    pe_error e = {0};
    pe_block block;
    source_item r;
    bench b;

    bench_open(&b, CHAIN(SIFT("keep: inliers") PICK("0,9") SCALE));
    CU_ASSERT_EQUAL(owner_step(b.p), 1); /* without a model, too */
    CU_ASSERT_EQUAL(b.s->add.refused, 1);
    give_model(&b, 2);
    CU_ASSERT_EQUAL(owner_step(b.p), 1);
    CU_ASSERT_EQUAL(b.s->add.refused, 2);
    CU_ASSERT_EQUAL(b.s->add.applied, 0);
    CU_ASSERT_PTR_NULL(b.p->stages.refuser);
    blocks_fetch(&b.source.base, 0, &r, &e);
    block = r.block;
    CU_ASSERT_EQUAL(chain_run(&b.p->stages, &block, &e), -1);
    UNIT_EQUAL(e.text, "stage 'pick': columns: 9 is out of range, the block "
                       "has 2 features, 0 to 1");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_EQUAL(b.p->stages.refuser->name, "pick");
    bench_close(&b);
}

/* Functions score with the model of the epoch; its scores are 0 here. */
static void test_chain_scores(void)
{
    bench b;

    bench_open(&b, CHAIN(SIFT("threshold: 1")));
    CU_ASSERT_EQUAL(owner_step(b.p), 0); /* passed on: no model yet */
    CU_ASSERT_EQUAL(b.p->term.proposal, 2);
    give_model(&b, 2);
    CU_ASSERT_EQUAL(owner_step(b.p), 1);
    CU_ASSERT_EQUAL(b.s->add.points, 2);
    CU_ASSERT_EQUAL(owner_step(b.p), 1); /* no outliers: nothing is left */
    CU_ASSERT_EQUAL(b.s->add.applied, 2);
    CU_ASSERT_EQUAL(b.s->add.points, 2);
    CU_ASSERT_PTR_NULL(b.p->stages.base);
    bench_close(&b);
}

/* A new term reads the block again. */
static void test_chain_forget(void)
{
    bench b;

    bench_open(&b, CHAIN(PICK("1,1,0")));
    CU_ASSERT_EQUAL(owner_step(b.p), 0);
    CU_ASSERT_EQUAL(b.p->term.proposal, 3);
    CU_ASSERT_TRUE(b.p->stages.ahead.there);
    chain_forget(&b.p->stages);
    CU_ASSERT_FALSE(b.p->stages.ahead.there);
    bench_close(&b);
}

/* Which rows of a file the points are goes on with them, and the block that
 * was looked at before its turn keeps its own.
 */
static void test_chain_source(void)
{
    uint32_t features = 0;
    pe_error e = {0};
    pe_block first, other;
    source_item r;
    bench b;

    bench_open(&b, CHAIN("  join: {pilot: pool, function: aggregate, options: "
                         "{rows: 2}}\n"));
    blocks_fetch(&b.source.base, 0, &r, &e);
    first = r.block;
    first.source = "f:10";
    CU_ASSERT_FALSE(chain_propose(&b.p->stages, &first, &features));
    other = r.block;
    other.offset = 7;
    other.source = "f:90";
    CU_ASSERT_EQUAL(chain_run(&b.p->stages, &other, &e), PE_FORWARD);
    UNIT_EQUAL(other.source, "f:90-91/2");
    CU_ASSERT_EQUAL(chain_run(&b.p->stages, &first, &e), PE_FORWARD);
    UNIT_EQUAL(first.source, "f:10-11/2");
    CU_ASSERT_EQUAL(first.points, 1);
    CU_ASSERT_EQUAL(first.offset, 0);
    bench_close(&b);
}

#define KEEP                                                            \
    "  keep: {pilot: pool, function: write, options: {path: %s/k.csv, " \
    "what: rows}}\n"

static size_t lines_of(const char *name)
{
    char path[300];
    char *data;
    size_t len = 0, n = 0;

    snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);
    data = file_read(path, 1 << 20, &len, NULL);
    for (size_t i = 0; i < len; i++)
        n += data[i] == '\n';
    free(data);
    return n;
}

/* What is kept follows the state: nobody who looks ahead keeps a row, and what
 * is not committed goes.
 */
static void test_chain_settle(void)
{
    static const unsigned char own[] = {1};
    int64_t next[] = {0};
    const context_committed c = {.next = next, .own = own, .n = 1};
    uint32_t features = 0;
    char yaml[1024];
    pe_error e = {0};
    source_item r;
    bench b;

    snprintf(yaml, sizeof(yaml), CHAIN(KEEP), scratch_folder);
    bench_open(&b, yaml);
    CU_ASSERT_EQUAL(chain_settle(&b.p->stages, &c, &e), 0);
    for (int i = 0; i < 3; i++) {
        pe_block block;

        blocks_fetch(&b.source.base, 0, &r, &e);
        block = r.block;
        CU_ASSERT_EQUAL(chain_scout(&b.p->stages, &block, &features, &e), 0);
        CU_ASSERT_EQUAL(features, 2);
        CU_ASSERT_EQUAL(chain_run(&b.p->stages, &block, &e), PE_FORWARD);
    }
    chain_scout_end(&b.p->stages);
    CU_ASSERT_EQUAL(lines_of("k.pool-0.csv"), 7);
    next[0] = 1;
    CU_ASSERT_EQUAL(chain_settle(&b.p->stages, &c, &e), 0);
    CU_ASSERT_EQUAL(lines_of("k.pool-0.csv"), 3);
    CU_ASSERT_EQUAL(chain_finish(&b.p->stages, &e), 0);
    bench_close(&b);
}

/* What is kept has the times that the record says, also of rows that a stage
 * has joined; of a record that says none it has that of the block.
 */
static void test_chain_times(void)
{
    static const unsigned char own[] = {1};
    static const int64_t next[] = {0};
    const context_committed c = {.next = next, .own = own, .n = 1};
    char yaml[1024], path[300], *data;
    pe_error e = {0};
    size_t len;
    bench b;

    snprintf(yaml, sizeof(yaml),
             CHAIN("  join: {pilot: pool, function: aggregate, options: "
                   "{rows: 2}}\n" KEEP),
             scratch_folder);
    bench_open(&b, yaml);
    CU_ASSERT_EQUAL(chain_settle(&b.p->stages, &c, &e), 0);
    for (int i = 0; i < 2; i++) {
        source_item r = {0};
        pe_block block;

        blocks_fetch(&b.source.base, 0, &r, &e);
        r.block.source = "f:4";
        r.block.sense_ns = 9000000000;
        if (i == 0)
            r.said.times = (source_text){"1000000000/500000000", 20};
        b.p->stages.item = &r;
        block = r.block;
        CU_ASSERT_EQUAL(chain_run(&b.p->stages, &block, &e), PE_FORWARD);
    }
    b.p->stages.item = NULL;
    snprintf(path, sizeof(path), "%s/k.pool-0.csv", scratch_folder);
    data = file_read(path, 1 << 20, &len, &e);
    UNIT_CONTAINS(data, "1970-01-01T00:00:01.500000000Z,d,f,4-5,1,2\n"
                        "1970-01-01T00:00:09.000000000Z,d,f,4-5,5,6\n");
    free(data);
    bench_close(&b);
    unlink(path);
    snprintf(path, sizeof(path), "%s/k.pool-0.csv.index", scratch_folder);
    unlink(path);
}

/* Where no function asks, the first names are kept for people, and go to no
 * other rank.
 */
static void test_chain_model_names(void)
{
    source_item r = {.said = {.columns = {"temp\thum?", 8}}};
    text out = {0};
    pe_error e = {0};
    bench b;

    bench_open(&b, CHAIN(PICK("1,0,1")));
    CU_ASSERT(chain_is_deaf(&b.p->stages));
    CU_ASSERT_EQUAL(chain_hear(&b.p->stages, &(source_said){0}, &e), 0);
    CU_ASSERT_FALSE(chain_is_deaf(&b.p->stages)); /* asked once is enough */
    CU_ASSERT_EQUAL(chain_hear(&b.p->stages, &r.said, &e), 0);
    r.said.columns = (source_text){"other\tnames", 11};
    CU_ASSERT_EQUAL(chain_hear(&b.p->stages, &r.said, &e), 0);
    CU_ASSERT_PTR_NULL(chain_names(&b.p->stages).at);
    CU_ASSERT_EQUAL(chain_columns(&b.p->stages, b.p->stages.names, &out), 0);
    UNIT_EQUAL(out.data, "hum\ttemp\thum");
    text_free(&out);
    bench_close(&b);
}

/* Functions that ask for it hear what columns are called in front of them, as
 * the newest record says it; what is kept is on the disk when it is committed.
 */
static void test_chain_names(void)
{
    static const unsigned char own[] = {1};
    static const int64_t next[] = {0};
    const context_committed c = {.next = next, .own = own, .n = 1};
    char yaml[1024], path[300], *data;
    pe_error e = {0};
    size_t len;
    bench b;

    snprintf(yaml, sizeof(yaml), CHAIN(PICK("1,0,1") KEEP), scratch_folder);
    bench_open(&b, yaml);
    CU_ASSERT(chain_is_deaf(&b.p->stages));
    CU_ASSERT_PTR_NULL(chain_names(&b.p->stages).at);
    CU_ASSERT_EQUAL(chain_settle(&b.p->stages, &c, &e), 0);
    for (int i = 0; i < 2; i++) {
        source_item r = {0};
        pe_block block;

        blocks_fetch(&b.source.base, 0, &r, &e);
        if (i == 0)
            r.said.columns = (source_text){"temp\thum?", 8};
        b.p->stages.item = &r;
        block = r.block;
        CU_ASSERT_EQUAL(chain_run(&b.p->stages, &block, &e), PE_FORWARD);
    }
    b.p->stages.item = NULL;
    CU_ASSERT_FALSE(chain_is_deaf(&b.p->stages));
    UNIT_EQUAL(chain_names(&b.p->stages).at, "temp\thum");
    snprintf(path, sizeof(path), "%s/k.pool-0.csv", scratch_folder);
    data = file_read(path, 1 << 20, &len, &e);
    UNIT_CONTAINS(data, "time,device,source,row,hum,temp,hum\n");
    free(data);
    snprintf(path, sizeof(path), "%s/k.pool-0.csv.index", scratch_folder);
    data = file_read(path, 1 << 20, &len, &e);
    CU_ASSERT_PTR_NULL(strstr(data, "\n+ "));
    free(data);
    CU_ASSERT_EQUAL(chain_sync(&b.p->stages, &e), 0);
    data = file_read(path, 1 << 20, &len, &e);
    UNIT_CONTAINS(data, "\n+ 0 1 2 ");
    free(data);
    bench_close(&b);
    unlink(path);
    snprintf(path, sizeof(path), "%s/k.pool-0.csv", scratch_folder);
    unlink(path);
}

/* A file that cannot be written to is no fault of a block. */
static void test_chain_fatal(void)
{
    char yaml[1024], path[300];
    pe_error e = {0};
    chain_conf conf;
    bench b;

    snprintf(yaml, sizeof(yaml), CHAIN(KEEP), scratch_folder);
    bench_open(&b, yaml);
    chain_close(&b.p->stages);
    snprintf(path, sizeof(path), "%s/k.pool-0.csv.index", scratch_folder);
    unlink(path);
    scratch_write("k.pool-0.csv", "mine\n");
    conf = pool_chain_conf(b.p);
    CU_ASSERT_EQUAL(chain_open(&b.p->stages, &conf, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_CONTAINS(e.text, "stage 'keep': ");
    UNIT_CONTAINS(e.text, "k.pool-0.csv is there and is not ours");
    bench_close(&b);
}

static void test_chain_open(void)
{
    pe_error e = {0};
    chain_conf conf;
    bench b;

    bench_open(&b, CHAIN(SCALE));
    chain_close(&b.p->stages);
    pe_options_set(b.pl->stages[1].options, "scale", "0", &e);
    conf = pool_chain_conf(b.p);
    CU_ASSERT_EQUAL(chain_open(&b.p->stages, &conf, &e), -1);
    UNIT_EQUAL(e.text, "stage 'scale': scale: value 1, 0, is not above 0; "
                       "take 1 for a column that stays as it is");
    bench_close(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"stages in a row", test_chain},
        {"stages: nothing goes on", test_chain_nothing},
        {"stages: a refused block", test_chain_refused},
        {"stages: scores on a rank", test_chain_scores},
        {"stages: a new term", test_chain_forget},
        {"stages: rows of a file", test_chain_source},
        {"stages: what they keep", test_chain_settle},
        {"stages: times of what they keep", test_chain_times},
        {"stages: names of columns", test_chain_names},
        {"stages: names for people", test_chain_model_names},
        {"stages: no fault of a block", test_chain_fatal},
        {"stages: an option that does not fit", test_chain_open},
        {0},
    };
    int rc;

    scratch_make();
    rc = unit_main("chain", tests);
    scratch_remove();
    return rc;
}
