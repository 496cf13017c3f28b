/* test_move.c - stages on both sides: what may cross, and who does what. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/chain/chain.h"
#include "src/common/text.h"
#include "src/pipeline/move.h"

/* Stages 0 to 9: sense, on devices pick to keep, on the pool join to learn. */
static const char all[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots: {pool: {kind: pool}, devices: {kind: edge}}\n"
    "stages:\n"
    "  sense: {pilot: devices, function: generator}\n"
    "  pick: {pilot: devices, function: select, options: {columns: \"1,0\"}}\n"
    "  std: {pilot: devices, function: standardise}\n"
    "  fix: {pilot: devices, function: standardise, options: {mean: \"1,2\"}}\n"
    "  sift: {pilot: devices, function: filter, options: {warming: drop}}\n"
    "  tell: {pilot: devices, function: drift}\n"
    "  infer: {pilot: devices, function: score}\n"
    "  keep: {pilot: devices, function: write, options: {path: k.csv}}\n"
    "  join: {pilot: pool, function: aggregate, options: {rows: 2}}\n"
    "  learn: {pilot: pool, function: kmeans}\n";

static pipeline *load(const char *yaml)
{
    pe_error e = {0};
    pipeline *pl;

    scratch_write("p.yaml", yaml);
    pl = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pl);
    return pl;
}

/* --- what may cross --- */

static void test_check(void)
{
    static const struct {
        const char *stage;
        bool to_pool;
        size_t through;
        bool model, scaling;
        int want;
        const char *why; /* behind "stage 'STAGE' cannot move: " */
    } rows[] = {
        {"pick", true, 2, false, false, 1, ""},
        {"pick", true, 1, false, false, 0, ""},
        {"pick", false, 2, false, false, 0, ""},
        {"pick", false, 1, false, false, 1, ""},
        {"pick", true, 3, false, false, -1,
         "'std', which takes its blocks, is on the devices; move that one "
         "first"},
        {"fix", false, 2, false, false, -1,
         "'std', which gives it its blocks, is on the pool; move that one "
         "first"},
        {"std", true, 3, true, false, -1, "standardise has learned its scale"},
        {"std", true, 3, true, true, 1, ""},
        {"std", false, 2, true, false, -1, "give it mean and scale, or files"},
        {"fix", true, 4, false, false, 1, ""},
        {"sift", true, 5, false, false, -1, "move it once there is one"},
        {"sift", true, 5, true, false, 1, ""},
        {"sift", false, 4, false, false, 1, ""},
        {"tell", true, 6, true, true, -1, "drift compares with what it has"},
        {"infer", true, 7, true, true, 1, ""},
        {"infer", false, 6, true, true, 1, ""},
        {"keep", true, 8, true, true, -1, "write has its files on the side"},
        {"join", false, 8, true, true, 1, ""},
        {"join", true, 8, true, true, 0, ""},
        {"sense", true, 8, true, true, -1, "a source stays where it senses"},
        {"learn", false, 9, true, true, -1, "the last stage is what the pool"},
    };
    pipeline *pl = load(all);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const move_facts f = {rows[i].through, rows[i].model, rows[i].scaling};
        int at = pipeline_stage_index(pl, rows[i].stage, strlen(rows[i].stage));
        char head[80];
        pe_error e = {0};

        CU_ASSERT_EQUAL(move_check(pl, (size_t)at, rows[i].to_pool, &f, &e),
                        rows[i].want);
        UNIT_CONTAINS(e.text, rows[i].why);
        CU_ASSERT_EQUAL(e.kind,
                        rows[i].want < 0 ? PE_ERROR_INPUT : PE_ERROR_NONE);
        snprintf(head, sizeof(head), "stage '%s' cannot move: ", rows[i].stage);
        if (rows[i].want < 0) {
            UNIT_CONTAINS(e.text, head);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        }
    }
    CU_ASSERT_EQUAL(pipeline_stage_index(pl, "pic", 3), -1);
    CU_ASSERT_EQUAL(pipeline_ahead(pl), 8);
    pipeline_destroy(pl);
}

static void test_check_local(void)
{
    pipeline *pl = load("version: 1\n"
                        "pipeline: p\n"
                        "pilots: {pool: {kind: pool}}\n"
                        "stages:\n"
                        "  sense: {pilot: pool, function: generator}\n"
                        "  pick: {pilot: pool, function: select, options: "
                        "{columns: \"0\"}}\n"
                        "  learn: {pilot: pool, function: kmeans}\n");
    const move_facts f = {1, true, true};
    pe_error e = {0};

    CU_ASSERT_EQUAL(move_check(pl, 1, false, &f, &e), -1);
    UNIT_EQUAL(e.text, "stage 'pick' cannot move: this run has no devices and "
                       "a pool to move between");
    pipeline_destroy(pl);
}

/* --- a rank does what is left of a record --- */

#define SHORT(more)                                                        \
    "version: 1\n"                                                         \
    "pipeline: p\n"                                                        \
    "pilots: {pool: {kind: pool}, devices: {kind: edge}}\n"                \
    "stages:\n"                                                            \
    "  sense: {pilot: devices, function: generator}\n"                     \
    "  swap: {pilot: devices, function: select, options: {columns: "       \
    "\"1,0\"}}\n" more "  wide: {pilot: pool, function: select, options: " \
    "{columns: \"0,1,1\"}}\n"                                              \
    "  learn: {pilot: pool, function: passthrough}\n"

typedef struct bench {
    pipeline *pl;
    pipeline_request req;
    chain st;
    _Alignas(64) double room[4];
} bench;

static void bench_open(bench *b, const char *yaml)
{
    chain_conf conf;
    pe_error e = {0};

    memset(b, 0, sizeof(*b));
    b->pl = load(yaml);
    b->req = (pipeline_request){.run = "r", .dir = scratch_folder};
    conf =
        (chain_conf){.pl = b->pl, .req = &b->req, .pilot = "pool", .size = 1};
    CU_ASSERT_EQUAL_FATAL(chain_open(&b->st, &conf, &e), 0);
}

static void bench_close(bench *b)
{
    chain_close(&b->st);
    pipeline_destroy(b->pl);
}

static pe_block block_make(bench *b)
{
    for (int i = 0; i < 4; i++)
        b->room[i] = i;
    return (pe_block){.data = b->room,
                      .points = 2,
                      .features = 2,
                      .dtype = PE_F8,
                      .device = "d"};
}

static void test_left(void)
{
    static const struct {
        uint32_t through;
        double want[3]; /* first row; in front of the stages it is 0, 1 */
    } rows[] = {
        {0, {0, 1, 1}}, /* as the file has it: its device has swapped it */
        {2, {0, 1, 1}},
        {1, {1, 0, 0}}, /* it has not */
        {0, {0, 1, 1}},
    };
    uint64_t through[PARAMS_PLACES] = {0};
    bench b;

    bench_open(&b, SHORT(""));
    CU_ASSERT_EQUAL(b.st.n_pre, 2);
    CU_ASSERT_EQUAL(chain_held(&b.st), 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        source_item r = {.through = rows[i].through};
        pe_block block = block_make(&b);
        pe_error e = {0};

        b.st.item = &r;
        CU_ASSERT_EQUAL(chain_run(&b.st, &block, &e), PE_FORWARD);
        CU_ASSERT_EQUAL(block.features, 3);
        for (uint32_t k = 0; k < 3; k++)
            CU_ASSERT_EQUAL(pe_block_at(&block, 0, k), rows[i].want[k]);
        through[chain_through(&b.st)]++;
    }
    CU_ASSERT_EQUAL(chain_held(&b.st), 1);
    json_t *o = chain_sides(&b.st, through);
    char *words = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    UNIT_EQUAL(words, "{\"swap\":{\"devices\":3,\"pool\":1},"
                      "\"wide\":{\"devices\":0,\"pool\":4}}");
    free(words);
    json_decref(o);
    b.st.item = NULL;
    bench_close(&b);
}

/* One may have been through more than the file says, to the last but one. */
static void test_all_done(void)
{
    source_item r = {.through = 3};
    uint32_t features = 0;
    pe_block block;
    pe_error e = {0};
    bench b;

    bench_open(&b, SHORT(""));
    block = block_make(&b);
    b.st.item = &r;
    CU_ASSERT_EQUAL(chain_run(&b.st, &block, &e), PE_FORWARD);
    CU_ASSERT_EQUAL(block.features, 2);
    CU_ASSERT_PTR_EQUAL(block.data, b.room);
    CU_ASSERT_FALSE(chain_propose(&b.st, &block, &features));
    CU_ASSERT_EQUAL(features, 2);
    CU_ASSERT_EQUAL(chain_scout(&b.st, &block, &features, &e), 0);
    CU_ASSERT_EQUAL(features, 2);
    r.through = 1;
    CU_ASSERT_EQUAL(chain_scout(&b.st, &block, &features, &e), 0);
    CU_ASSERT_EQUAL(features, 3);
    CU_ASSERT_EQUAL(chain_held(&b.st), 2); /* it has a row of its own */
    chain_scout_end(&b.st);
    b.st.item = NULL;
    bench_close(&b);
}

static void test_hold(void)
{
    static const struct {
        const char *more, *why; /* "": it can be */
        size_t held;
    } rows[] = {
        {"  infer: {pilot: devices, function: score}\n", "", 1},
        {"  keep: {pilot: devices, function: write, options: {path: k.csv}}\n",
         "stage 'keep' is to come to the pool: write keeps rows in files of "
         "its side, and stays there",
         3},
        {"  sift: {pilot: devices, function: filter}\n", "", 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char yaml[1024];
        pe_error e = {0};
        bench b;

        snprintf(yaml, sizeof(yaml), SHORT("%s"), rows[i].more);
        bench_open(&b, yaml);
        CU_ASSERT_EQUAL(chain_hold(&b.st, 1, &e), *rows[i].why ? -1 : 0);
        UNIT_EQUAL(e.text, rows[i].why);
        CU_ASSERT_EQUAL(e.kind, *rows[i].why ? PE_ERROR_FATAL : PE_ERROR_NONE);
        CU_ASSERT_EQUAL(chain_held(&b.st), rows[i].held);
        bench_close(&b);
    }
}

/* Names are those behind the stages that the record has been through. */
static void test_names(void)
{
    static const struct {
        uint32_t named;
        const char *want;
    } rows[] = {{0, "t\th\th"}, {1, "h\tt\tt"}, {3, "t\th"}, {2, "t\th\th"}};
    bench b;

    bench_open(&b, SHORT(""));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        source_said said = {.columns = {"t\th", 3}, .named = rows[i].named};
        text out = {0};
        pe_error e = {0};

        b.st.named = true; /* as if one asked: the newest are kept */
        CU_ASSERT_EQUAL(chain_hear(&b.st, &said, &e), 0);
        CU_ASSERT_EQUAL(chain_columns(&b.st, b.st.names, &out), 0);
        UNIT_EQUAL(out.data, rows[i].want);
        text_free(&out);
    }
    bench_close(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"move: what may cross", test_check},
        {"move: a run of one side", test_check_local},
        {"move: a rank does what is left", test_left},
        {"move: nothing is left", test_all_done},
        {"move: a stage is opened before it comes", test_hold},
        {"move: names of columns", test_names},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("move", tests);
    scratch_remove();
    return rc;
}
