/* test_sources.c - generator, file (.npy, .csv, .tsv) and proc. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/function/generator.h"
#include "src/function/host.h"
#include "src/function/proc.h"

static char last_log[2048]; /* lines of the test, one after another */

/* No model takes part. */
int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    (void)m;
    (void)b;
    (void)scores;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "no model");
}

static void keep_log(void *arg, enum log_level level, const char *line)
{
    size_t n = strlen(last_log);

    (void)arg;
    (void)level;
    snprintf(last_log + n, sizeof(last_log) - n, "%s\n", line);
}

/* --- a source under test --- */

typedef struct bench {
    const pe_function *ops;
    pe_options *options;
    pe_context *ctx;
    function_setup setup;
    atomic_int cancelled;
    pe_block out;
    pe_error error;
} bench;

static void bench_init(bench *b, const char *name)
{
    memset(b, 0, sizeof(*b));
    b->ops = function_find(name);
    b->options = pe_options_create(b->ops->options, NULL);
    b->setup = (function_setup){.stage = "sense",
                                .device = "devices-0",
                                .size = 1,
                                .points = 4,
                                .within_s = 1,
                                .dtype = PE_F8,
                                .options = b->options,
                                .cancelled = &b->cancelled};
}

static void bench_set(bench *b, const char *name, const char *value)
{
    CU_ASSERT_EQUAL(pe_options_set(b->options, name, value, &b->error), 0);
}

static int bench_open(bench *b)
{
    b->ctx = context_create(&b->setup, NULL);
    return b->ops->open(b->ctx);
}

/* The next block, PE_AGAIN left out. */
static int bench_next(bench *b)
{
    int rc = PE_AGAIN;

    while (rc == PE_AGAIN)
        rc = b->ops->produce_edge(b->ctx, &b->out);
    return rc;
}

static void bench_end(bench *b)
{
    b->ops->close(b->ctx);
    context_destroy(b->ctx);
    pe_options_destroy(b->options);
    pe_block_release(&b->out);
}

/* --- generator --- */

static void test_generator_pure(void)
{
    generator_spec s = {.features = 5,
                        .clusters = 3,
                        .seed = 7,
                        .outliers = 0.2,
                        .spread = 0.5};
    double centres[15], again[15];
    pe_block a = {0}, b = {0}, c = {0};
    unsigned char labels[40];

    generator_centres(&s, centres);
    generator_centres(&s, again);
    CU_ASSERT_EQUAL(memcmp(centres, again, sizeof(centres)), 0);
    pe_block_reserve(&a, 40, 5, PE_F8, NULL);
    pe_block_reserve(&b, 40, 5, PE_F8, NULL);
    pe_block_reserve(&c, 40, 5, PE_F4, NULL);
    generator_fill(&s, centres, 2, 9, &a, NULL);
    generator_fill(&s, centres, 2, 9, &b, labels);
    CU_ASSERT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    generator_fill(&s, centres, 2, 9, &c, NULL);
    for (uint32_t i = 0; i < 40; i++)
        CU_ASSERT_EQUAL(pe_block_at(&c, i, 4), (float)pe_block_at(&a, i, 4));
    /* Another device, position or seed is another block. */
    generator_fill(&s, centres, 3, 9, &b, NULL);
    CU_ASSERT_NOT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    generator_fill(&s, centres, 2, 10, &b, NULL);
    CU_ASSERT_NOT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    s.seed = 8;
    generator_fill(&s, centres, 2, 9, &b, NULL);
    CU_ASSERT_NOT_EQUAL(memcmp(a.data, b.data, pe_block_bytes(&a)), 0);
    pe_block_release(&a);
    pe_block_release(&b);
    pe_block_release(&c);
}

/* Distance of row [i] to its nearest centre, per feature. */
static double nearest(const pe_block *b, uint32_t i, const double *centres,
                      const generator_spec *s)
{
    double best = INFINITY;

    for (uint32_t k = 0; k < s->clusters; k++) {
        double sum = 0;
        for (uint32_t j = 0; j < s->features; j++) {
            double d = pe_block_at(b, i, j) - centres[k * s->features + j];
            sum += d * d;
        }
        best = fmin(best, sqrt(sum / s->features));
    }
    return best;
}

static void test_generator_data(void)
{
    enum { N = 4000 };
    generator_spec s = {.features = 32,
                        .clusters = 25,
                        .seed = 1,
                        .outliers = 0.05,
                        .spread = 0.5};
    static double centres[25 * 32];
    static unsigned char labels[N];
    double square = 0, inner = 0;
    int planted = 0;
    pe_block b = {0};

    generator_centres(&s, centres);
    for (int i = 0; i < 25 * 32; i++)
        square += centres[i] * centres[i] / (25 * 32);
    CU_ASSERT_DOUBLE_EQUAL(square, 4, 0.6); /* 800 draws of N(0, 4) */
    pe_block_reserve(&b, N, 32, PE_F8, NULL);
    generator_fill(&s, centres, 0, 0, &b, labels);
    for (uint32_t i = 0; i < N; i++) {
        double d = nearest(&b, i, centres, &s);
        planted += labels[i];
        inner += labels[i] ? 0 : d * d;
        CU_ASSERT(labels[i] ? d > 1 : d < 1);
        for (uint32_t j = 0; labels[i] && j < 32; j++)
            CU_ASSERT(fabs(pe_block_at(&b, i, j)) <= 4);
    }
    CU_ASSERT_DOUBLE_EQUAL((double)planted / N, 0.05, 0.015);
    CU_ASSERT_DOUBLE_EQUAL(inner / (N - planted), 0.25, 0.01);
    pe_block_release(&b);
}

static void test_generator_source(void)
{
    bench b;
    double first;

    bench_init(&b, "generator");
    bench_set(&b, "blocks", "3");
    bench_set(&b, "features", "7");
    b.setup.dtype = PE_F4;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(b.out.features, 7);
    CU_ASSERT_EQUAL(b.out.dtype, PE_F4);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    first = pe_block_at(&b.out, 0, 0);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(bench_next(&b), PE_NOTHING);
    CU_ASSERT_EQUAL(bench_next(&b), PE_NOTHING);
    b.ops->close(b.ctx);
    context_destroy(b.ctx);
    /* From a position: the same blocks as the first time. */
    b.setup.position = 1;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), first);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(bench_next(&b), PE_NOTHING);
    bench_end(&b);
}

static void test_generator_distinct(void)
{
    const void *at[2];
    bench b;
    pe_block whole;

    bench_init(&b, "generator");
    bench_set(&b, "distinct", "2");
    bench_set(&b, "blocks", "0");
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    for (int i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
        CU_ASSERT_PTR_NULL(b.out.storage); /* borrowed, not copied */
        if (i < 2)
            at[i] = b.out.data;
        CU_ASSERT_PTR_EQUAL(b.out.data, at[i % 2]);
    }
    /* What stands in front of the data makes it a whole frame. */
    CU_ASSERT_EQUAL(npy_decode((const char *)b.out.data - NPY_HEADER_LEN,
                               NPY_HEADER_LEN + pe_block_bytes(&b.out), &whole,
                               NULL),
                    0);
    CU_ASSERT_PTR_EQUAL(whole.data, b.out.data);
    CU_ASSERT_EQUAL(whole.points, 4);
    bench_end(&b);
}

static void test_generator_limits(void)
{
    bench b;

    bench_init(&b, "generator");
    bench_set(&b, "distinct", "65536");
    b.setup.points = 10000;
    CU_ASSERT_EQUAL(bench_open(&b), -1);
    UNIT_EQUAL(context_error(b.ctx),
               "65536 distinct blocks of 2560000 bytes are more than 1 GiB; "
               "set distinct lower");
    CU_ASSERT_PTR_NULL(pe_context_state(b.ctx));
    bench_end(&b);
}

/* --- file --- */

/* First values and sources of the blocks: "SOURCE=V xPOINTS;". */
static void read_blocks(bench *b, char *out, size_t cap)
{
    size_t n = 0;
    int rc = 0;

    out[0] = '\0';
    while (n < cap && (rc = bench_next(b)) == PE_FORWARD) {
        const char *name = strrchr(b->out.source, '/');
        n += (size_t)snprintf(out + n, cap - n, "%s=%g x%u;",
                              name ? name + 1 : b->out.source,
                              pe_block_at(&b->out, 0, 0), b->out.points);
    }
    if (rc < 0)
        snprintf(out + n, cap - n, "%s", context_error(b->ctx));
}

static void write_npy(const char *name, enum pe_dtype dtype, uint32_t rows)
{
    pe_block b = {0};
    size_t len;

    pe_block_reserve(&b, rows, 2, dtype, NULL);
    for (uint32_t i = 0; i < rows * 2; i++) {
        if (dtype == PE_F8)
            ((double *)b.data)[i] = i / 2.0;
        else
            ((float *)b.data)[i] = (float)i / 2.0f;
    }
    const void *frame = npy_frame(&b, &len);
    scratch_write_bytes(name, frame, len);
    pe_block_release(&b);
}

static void write_csv_rows(const char *name, int rows)
{
    scratch_write(name, "a,b\n");
    for (int i = 0; i < rows; i++) {
        char line[64];
        snprintf(line, sizeof(line), "%d,%d.5\n", i, i);
        scratch_append(line);
    }
}

/* The same ten rows in each format, over one and over three devices, and from
 * a position.
 */
static void test_file_blocks(void)
{
    static const struct {
        int index, size;
        uint64_t position;
        const char *want;
    } rows[] = {
        {0, 1, 0, "%s:0=0 x4;%s:4=4 x4;%s:8=8 x2;"},
        {0, 1, 2, "%s:8=8 x2;"},
        {0, 1, 3, ""},
        {0, 3, 0, "%s:0=0 x4;"},
        {1, 3, 0, "%s:4=4 x4;"},
        {2, 3, 0, "%s:8=8 x2;"},
        {0, 2, 0, "%s:0=0 x4;%s:8=8 x2;"},
        {0, 2, 1, "%s:8=8 x2;"},
    };
    static const char *const names[] = {"d.npy", "s.npy", "t.csv"};

    write_npy(names[0], PE_F8, 10);
    write_npy(names[1], PE_F4, 10);
    write_csv_rows(names[2], 10);
    for (int k = 0; k < 6; k++) {
        const char *name = names[k / 2];
        char path[300];
        snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            char got[256], want[256];
            bench b;
            bench_init(&b, "file");
            bench_set(&b, "path", path);
            b.setup.index = rows[i].index;
            b.setup.size = rows[i].size;
            b.setup.position = rows[i].position;
            b.setup.dtype = k % 2 ? PE_F4 : PE_F8;
            CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
            read_blocks(&b, got, sizeof(got));
            snprintf(want, sizeof(want), rows[i].want, name, name, name);
            UNIT_EQUAL(got, want);
            CU_ASSERT(!want[0] || b.out.dtype == b.setup.dtype);
            bench_end(&b);
        }
    }
}

static void test_file_errors(void)
{
    static const struct {
        const char *name, *text, *follow, *want;
    } rows[] = {
        {NULL, NULL, "no", "option path is not given"},
        {"x.h5", "", "no",
         "/x.h5 is of no kind that can be read; name it "
         ".npy, .csv or .tsv"},
        {".csv", "", "no", ""},
        {"gone.csv", NULL, "no", "/gone.csv cannot be opened: No such file"},
        {"gone.npy", NULL, "no", "/gone.npy cannot be opened: No such file"},
        {"bad.npy", "1,2\n", "no", "/bad.npy: not a .npy record"},
        {"d.npy", NULL, "yes", "/d.npy cannot be followed: the header"},
    };

    write_npy("d.npy", PE_F8, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[300];
        bench b;
        bench_init(&b, "file");
        if (rows[i].text)
            scratch_write(rows[i].name, rows[i].text);
        snprintf(path, sizeof(path), "%s/%s", scratch_folder,
                 rows[i].name ? rows[i].name : "");
        if (rows[i].name)
            bench_set(&b, "path", path);
        bench_set(&b, "follow", rows[i].follow);
        CU_ASSERT_EQUAL(bench_open(&b), rows[i].want[0] ? -1 : 0);
        UNIT_CONTAINS(context_error(b.ctx), rows[i].want);
        bench_end(&b);
    }
}

static void test_file_cut(void)
{
    bench b;

    write_npy("cut.npy", PE_F8, 10);
    CU_ASSERT_EQUAL(truncate(scratch_path, 200), 0);
    bench_init(&b, "file");
    bench_set(&b, "path", scratch_path);
    CU_ASSERT_EQUAL(bench_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "cut.npy has 200 bytes and its header promises 288; it is "
                  "not complete");
    bench_end(&b);
}

static uint64_t skipped(const bench *b, const char *reason)
{
    const function_skips *s = context_skips(b->ctx);

    for (size_t i = 0; s && i < s->n; i++)
        if (!strcmp(s->by[i].reason, reason))
            return s->by[i].n;
    return 0;
}

/* Rows that cannot be taken and fields that are no numbers are counted by
 * reason, the first of each told with its place; they end nothing.
 */
static void test_file_bad_rows(void)
{
    char got[512];
    bench b;

    last_log[0] = '\0';
    scratch_write("b.csv", "a,b\n1,2\n3,?\n5,?\n7,8\n9,10,11\n,12\n\"13\n");
    bench_init(&b, "file");
    bench_set(&b, "path", scratch_path);
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT(isnan(pe_block_at(&b.out, 1, 1)));
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 3, 1), 8);
    CU_ASSERT_EQUAL(b.out.seq, 0);
    read_blocks(&b, got, sizeof(got));
    UNIT_EQUAL(got, "b.csv:5=nan x1;");
    CU_ASSERT_EQUAL(skipped(&b, "another number of fields"), 1);
    CU_ASSERT_EQUAL(skipped(&b, "a quote left open"), 1);
    CU_ASSERT_EQUAL(skipped(&b, "column 1 is no number"), 2);
    CU_ASSERT_EQUAL(skipped(&b, "column 0 is empty"), 1);
    CU_ASSERT_EQUAL(context_skips(b.ctx)->rows, 2);
    CU_ASSERT_EQUAL(context_skips(b.ctx)->cells, 3);
    bench_end(&b);
    UNIT_CONTAINS(last_log, "b.csv:3: column 1, '?', is not a number; it "
                            "becomes NaN (columns count from 0)\n");
    UNIT_CONTAINS(last_log, "b.csv:6: the row has 3 fields, the first one has "
                            "2; it is left out\n");
    UNIT_CONTAINS(last_log, "b.csv: 2 rows were left out, 3 fields became "
                            "NaN\n");
    CU_ASSERT_PTR_NULL(strstr(last_log, "b.csv:4"));
}

/* A row that is left out keeps its number, so that positions are the same
 * whoever reads, also where nothing of a block is left.
 */
static void test_file_gap(void)
{
    char got[512];
    bench b;

    for (int index = 0; index < 2; index++) {
        scratch_write("gap.csv", "0,0\n1\n2,0\n3,0\n4\n5\n6\n7\n8,0\n9,0\n"
                                 "10,0\n11,0\n12\n13\n14\n15\n16,0\n");
        bench_init(&b, "file");
        bench_set(&b, "path", scratch_path);
        b.setup.index = index;
        b.setup.size = 2;
        CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
        read_blocks(&b, got, sizeof(got));
        UNIT_EQUAL(got, index ? ""
                              : "gap.csv:0=0 x3;gap.csv:8=8 x4;"
                                "gap.csv:16=16 x1;");
        CU_ASSERT_EQUAL(b.out.seq, index ? 0 : 2);
        bench_end(&b);
    }
}

/* Nothing to learn from is an error with its line and the fix. */
static void test_file_nothing(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "e.csv: no row of it can be learned from; a row is numbers "
             "between commas, as many as the first row has fields, which may "
             "be a header"},
        {"a,b\n", "e.csv: no row of it can be learned from"},
        {"a,b\nx,y\n", "e.csv:2: column 0, 'x', is not a number; it becomes "
                       "NaN (columns count from 0): no row of it"},
        {"a\n1;2\n3;4\n", "e.csv:2: column 0, '1;2', is not a number"},
        {"title\n1,2\n3,4\n", "e.csv:2: the row has 2 fields, the first one "
                              "has 1; it is left out: no row of it"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bench b;
        int rc;
        scratch_write("e.csv", rows[i].text);
        bench_init(&b, "file");
        bench_set(&b, "path", scratch_path);
        CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
        while ((rc = bench_next(&b)) == PE_FORWARD)
            ;
        CU_ASSERT_EQUAL(rc, -1);
        UNIT_CONTAINS(context_error(b.ctx), rows[i].want);
        bench_end(&b);
    }
}

static void test_file_follow(void)
{
    bench b;

    scratch_write("g.csv", "0,0\n1,0\n2,0\n");
    bench_init(&b, "file");
    bench_set(&b, "path", scratch_path);
    bench_set(&b, "follow", "true");
    b.setup.within_s = 3600;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    scratch_append("3,0\n4,0\n");
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 0);
    CU_ASSERT_EQUAL(b.out.seq, 3); /* its last row */
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    scratch_append("5,0\n6,0\n7,0\n");
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 4);
    UNIT_CONTAINS(b.out.source, "g.csv:4");
    atomic_store(&b.cancelled, 1);
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    bench_end(&b);
}

/* A block that is not full is sent after `within`, and the rest of it later;
 * a restart goes on behind its last row.
 */
static void test_file_within(void)
{
    bench b;

    scratch_write("w.csv", "0,0\n1,0\n2,0\n3,0\n4,0\n");
    bench_init(&b, "file");
    bench_set(&b, "path", scratch_path);
    bench_set(&b, "follow", "true");
    b.setup.within_s = 0.01;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 1);
    CU_ASSERT_EQUAL(b.out.seq, 4);
    UNIT_CONTAINS(b.out.source, "w.csv:4");
    scratch_append("5,0\n6,0\n7,0\n8,0\n");
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 3); /* of the same block */
    CU_ASSERT_EQUAL(b.out.seq, 7);
    bench_end(&b);
    bench_init(&b, "file");
    bench_set(&b, "path", scratch_path);
    bench_set(&b, "follow", "true");
    b.setup.within_s = 0.01;
    b.setup.position = 5;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 5);
    CU_ASSERT_EQUAL(b.out.points, 3);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 8);
    bench_end(&b);
}

/* --- a log that is rotated --- */

static char kept[256]; /* the shared state of one key */

static int host_put(void *arg, const char *key, const void *value, uint32_t len,
                    pe_error *errp)
{
    (void)arg;
    (void)errp;
    UNIT_EQUAL(key, "follow/sense/devices-0");
    snprintf(kept, sizeof(kept), "%.*s", (int)len, (const char *)value);
    return 0;
}

static int host_get(void *arg, const char *key, void *value, uint32_t cap,
                    pe_error *errp)
{
    size_t n = strlen(kept);

    (void)arg;
    (void)errp;
    UNIT_EQUAL(key, "follow/sense/devices-0");
    n = n < cap ? n : cap;
    memcpy(value, kept, n);
    return (int)n;
}

/* A followed source of path [name] from [position]; its blocks, until nothing
 * came for two seconds or [want] blocks did.
 */
static void follow(const char *name, uint64_t position, int want, char *got,
                   size_t cap)
{
    static const function_host host = {.put = host_put, .get = host_get};
    int64_t until = clock_mono_ns() + INT64_C(10000000000);
    char path[300];
    size_t n = 0;
    bench b;

    got[0] = '\0';
    snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);
    bench_init(&b, "file");
    bench_set(&b, "path", path);
    bench_set(&b, "follow", "true");
    b.setup.within_s = 0.01;
    b.setup.position = position;
    b.setup.host = &host;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    while (want > 0 && clock_mono_ns() < until) {
        if (b.ops->produce_edge(b.ctx, &b.out) != PE_FORWARD)
            continue;
        n += (size_t)snprintf(
            got + n, cap - n, "%s=%g x%u #%d;", strrchr(b.out.source, 47) + 1,
            pe_block_at(&b.out, 0, 0), b.out.points, (int)b.out.seq);
        want--;
    }
    bench_end(&b);
}

static void rotate(const char *from, const char *to)
{
    char a[300], z[300];

    snprintf(a, sizeof(a), "%s/%s", scratch_folder, from);
    snprintf(z, sizeof(z), "%s/%s", scratch_folder, to);
    CU_ASSERT_EQUAL(to ? rename(a, z) : unlink(a), 0);
}

static void test_file_rotated(void)
{
    char got[512];

    last_log[0] = kept[0] = '\0';
    scratch_write("log.csv", "0,0\n1,0\n2,0\n");
    follow("log.csv", 0, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:0=0 x3 #2;");
    /* It is renamed while nobody looks: first its rest, then the new one. */
    scratch_append("3,0\n");
    rotate("log.csv", "log.csv.1");
    scratch_write("log.csv", "10,0\n11,0\n");
    follow("log.csv", 3, 2, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:3=3 x1 #3;log.csv:0=10 x2 #5;");
    UNIT_CONTAINS(last_log, "log.csv: another file took its place or it was "
                            "cut; it is followed from its start, as row 4");
    /* A restart in the new file, and one behind what the old one had. */
    follow("log.csv", 5, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:1=11 x1 #5;");
    follow("log.csv", 2, 3, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:2=2 x2 #3;log.csv:0=10 x2 #5;");
}

/* What is gone is said, and is not taken for the rows that are there. */
static void test_file_rotated_away(void)
{
    char got[512];

    last_log[0] = kept[0] = '\0';
    scratch_write("away.csv", "0,0\n1,0\n2,0\n");
    follow("away.csv", 0, 1, got, sizeof(got));
    scratch_write("other", ""); /* so that its inode is not used again */
    rotate("away.csv", "away.old");
    scratch_write("away.csv", "10,0\n11,0\n");
    rotate("away.old", NULL);
    follow("away.csv", 3, 1, got, sizeof(got));
    UNIT_EQUAL(got, "away.csv:0=10 x1 #3;");
    UNIT_CONTAINS(last_log, "away.csv: the file that was followed is gone; "
                            "what it held behind row 3 was not read");
}

/* --- proc --- */

static const char stat_1[] =
    "cpu  100 20 30 400 50 6 4 10 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"
    "intr 5000 1 2 3\nctxt 9000\nbtime 1\nprocesses 70\nprocs_running 3\n"
    "procs_blocked 2\nsoftirq 1 2\n";
static const char stat_2[] =
    "cpu  150 20 50 500 60 8 12 20 0 0\nintr 7000 9\nctxt 9500\n"
    "processes 60\nprocs_running 1\nprocs_blocked 0\n";
static const char meminfo[] =
    "MemTotal:       1000 kB\nMemFree:         1 kB\nMemAvailable:    250 kB\n"
    "SwapCached:      77 kB\nCached:          125 kB\nSwapTotal:       200 kB\n"
    "SwapFree:        150 kB\nDirty:           10 kB\n";
static const char disks_1[] =
    "   7       0 loop0 9 9 9 9 9 9 9 9 9 9 9\n"
    "   8       0 sda 10 0 100 0 20 0 200 0 0 0 0\n"
    "   8       1 sda1 9 0 99 0 19 0 199 0 0 0 0\n"
    " 259       0 nvme0n1 1 0 2 0 3 0 4 0 0 0 0 0 0 0 0\n"
    " 259       1 nvme0n1p1 5 5 5 5 5 5 5 5 0 0 0\n"
    " 253       0 dm-0 7 7 7 7 7 7 7 7 7 7 7\n";
static const char disks_2[] = "   8       0 sda 30 0 140 0 25 0 210 0 0 0 0\n"
                              " 259       0 nvme0n1 1 0 2 0 3 0 4 0 0 0 0\n";
static const char net_1[] =
    "Inter-|   Receive          |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
    "    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n"
    "  eth0:1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n"
    "  eth1: 1 1 0 0 0 0 0 0 2 2 0 0 0 0 0 0\n";
static const char net_2[] = "  eth0: 1500 14 0 0 0 0 0 0 2400 26 0 0 0 0 0 0\n"
                            "  eth1: 1 1 0 0 0 0 0 0 2 2 0 0 0 0 0 0\n";

static proc_sample sample_of(const char *const texts[PROC_FILES])
{
    proc_sample s = {0};

    for (int i = 0; i < PROC_FILES; i++)
        if (texts[i])
            proc_parse(i, texts[i], &s);
    return s;
}

static void test_proc_row(void)
{
    static const char *const first[PROC_FILES] = {
        stat_1,  meminfo, "0.50 0.08 0.02 1/94 7281\n",
        disks_1, net_1,   "nr_free_pages 1\npgfault 100\npgmajfault 10\n"};
    static const char *const second[PROC_FILES] = {
        stat_2,  meminfo, "1.25 0.08 0.02 1/94 7281\n",
        disks_2, net_2,   "pgfault 300\npgmajfault 10\n"};
    /* over 2 s; the CPUs' times grow by 200 */
    static const double want[PROC_COLUMNS] = {
        50 / 200., 20 / 200., 100 / 200., 10 / 200.,
        10 / 200., 10 / 200., 0.75,       0.125,
        0.01,      0.25,      1.25,       1,
        0,         250,       1000,       0 /* went back */,
        10,        2.5,       512 * 25,   250,
        200,       5,         100,        0};
    proc_sample a = sample_of(first), b = sample_of(second);
    double row[PROC_COLUMNS];

    proc_row(&a, &b, 2, row);
    for (int i = 0; i < PROC_COLUMNS; i++)
        CU_ASSERT_DOUBLE_EQUAL(row[i], want[i], 1e-12);
    proc_row(&a, &a, 2, row); /* nothing moved: no division by zero */
    CU_ASSERT_EQUAL(row[0], 0);
    CU_ASSERT_EQUAL(row[13], 0);
    proc_row(&a, &b, 0, row);
    CU_ASSERT_EQUAL(row[13], 0);
}

static void test_proc_odd_texts(void)
{
    static const char *const odd[] = {
        "",      "\n",    "cpu",          "cpu x\n",
        ":::\n", "1 2 3", " 8 0 sda 1\n", "eth0: 1 2\n"};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        proc_sample s = {0};
        double row[PROC_COLUMNS];
        for (int k = 0; k < PROC_FILES; k++)
            if (k != PROC_LOADAVG)
                proc_parse(k, odd[i], &s);
        proc_row(&s, &s, 1, row);
        for (int k = 0; k < PROC_COLUMNS; k++)
            CU_ASSERT_EQUAL(row[k], 0);
    }
    UNIT_EQUAL(proc_path(PROC_NET_DEV), "net/dev");
}

/* This machine has a /proc, or not; either way rows come at their time. */
static void test_proc_source(void)
{
    int64_t from;
    bench b;

    bench_init(&b, "proc");
    bench_set(&b, "period", "5ms");
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    from = clock_mono_ns();
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT(clock_mono_ns() - from >= 4 * 5000000);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(b.out.features, PROC_COLUMNS);
    double idle = pe_block_at(&b.out, 3, 2);
    CU_ASSERT(idle >= 0 && idle <= 1);
    bench_end(&b);
}

static void test_proc_within(void)
{
    bench b;

    bench_init(&b, "proc");
    bench_set(&b, "period", "10ms");
    bench_set(&b, "root", scratch_folder); /* all files are missing */
    b.setup.points = 1000;
    b.setup.within_s = 0.05;
    b.setup.dtype = PE_F4;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    CU_ASSERT_EQUAL(bench_next(&b), PE_FORWARD);
    CU_ASSERT(b.out.points >= 1 && b.out.points < 20);
    for (uint32_t j = 0; j < PROC_COLUMNS; j++)
        CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, j), 0);
    bench_end(&b);
}

static void test_proc_cancel(void)
{
    int64_t from;
    bench b;
    int rc;

    bench_init(&b, "proc");
    bench_set(&b, "period", "1h");
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    b.ops->produce_edge(b.ctx, &b.out); /* the counters' start */
    atomic_store(&b.cancelled, 1);
    from = clock_mono_ns();
    rc = b.ops->produce_edge(b.ctx, &b.out);
    CU_ASSERT_EQUAL(rc, PE_AGAIN); /* it has no row */
    CU_ASSERT(clock_mono_ns() - from < 100000000);
    bench_end(&b);

    bench_init(&b, "proc");
    bench_set(&b, "period", "1ms");
    b.setup.points = 100000;
    CU_ASSERT_EQUAL_FATAL(bench_open(&b), 0);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    atomic_store(&b.cancelled, 1); /* what it has begun goes out */
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_FORWARD);
    CU_ASSERT(b.out.points >= 1);
    bench_end(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"generator: a pure function", test_generator_pure},
        {"generator: what the data are", test_generator_data},
        {"generator: the source", test_generator_source},
        {"generator: distinct blocks", test_generator_distinct},
        {"generator: limits", test_generator_limits},
        {"file: blocks, devices, positions", test_file_blocks},
        {"file: errors", test_file_errors},
        {"file: a .npy that is cut", test_file_cut},
        {"file: bad fields and rows", test_file_bad_rows},
        {"file: rows that are left out", test_file_gap},
        {"file: nothing to learn from", test_file_nothing},
        {"file: follow", test_file_follow},
        {"file: a short block in time", test_file_within},
        {"file: a log that is rotated", test_file_rotated},
        {"file: a log that is rotated away", test_file_rotated_away},
        {"proc: a row", test_proc_row},
        {"proc: odd texts", test_proc_odd_texts},
        {"proc: the source", test_proc_source},
        {"proc: within, and no files", test_proc_within},
        {"proc: cancel", test_proc_cancel},
        {NULL, NULL},
    };
    int rc;

    log_init(keep_log, NULL, LOG_LEVEL_DEBUG);
    scratch_make();
    rc = unit_main("sources", tests);
    scratch_remove();
    return rc;
}
