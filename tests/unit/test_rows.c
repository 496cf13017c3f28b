/* test_rows.c - standardise, select, aggregate, filter. */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"
#include "src/common/random.h"
#include "src/function/host.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- a model in place of the real ones: scores are the first column --- */

static pe_model model;
static bool have_model;

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    if (b->features != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "features changed from %u to %u", m->features,
                            b->features);
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = (float)pe_block_at(b, i, 0);
    return 0;
}

static const pe_model *host_model(void *arg)
{
    (void)arg;
    return have_model ? &model : NULL;
}

static const context_host host = {.model = host_model};

/* --- a function at work --- */

typedef struct bench {
    function *fn;
    pe_options *options;
    pe_context *ctx;
    pe_block in, out;
} bench;

/* [options] is "NAME=VALUE;NAME=VALUE". */
static void set_options(pe_options *o, const char *options)
{
    char *copy = strdup(options), *rest = copy, *item;

    while ((item = strsep(&rest, ";")) && *item) {
        pe_error e = {0};
        char *value = strchr(item, '=');

        *value++ = '\0';
        CU_ASSERT_EQUAL(pe_options_set(o, item, value, &e), 0);
        UNIT_EQUAL(e.text, "");
    }
    free(copy);
}

/* The answer of the open hook. */
static int bench_open(bench *b, const char *name, const char *options)
{
    context_setup set = {.stage = "s", .host = &host};
    pe_error e = {0};

    memset(b, 0, sizeof(*b));
    b->fn = function_load(name, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->fn);
    b->options = function_options(b->fn, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->options);
    set_options(b->options, options);
    set.options = b->options;
    b->ctx = context_create(&set, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->ctx);
    return function_ops(b->fn)->open(b->ctx);
}

static void bench_close(bench *b)
{
    function_ops(b->fn)->close(b->ctx);
    function_ops(b->fn)->close(b->ctx); /* twice does no harm */
    context_destroy(b->ctx);
    pe_options_destroy(b->options);
    function_unload(b->fn);
    pe_block_release(&b->in);
    pe_block_release(&b->out);
}

static void put(pe_block *b, const double *values)
{
    for (size_t i = 0; i < (size_t)b->points * b->features; i++) {
        if (b->dtype == PE_F8)
            ((double *)b->data)[i] = values[i];
        else
            ((float *)b->data)[i] = (float)values[i];
    }
}

/* Give [values] to the function, as device or as rank. */
static int feed(bench *b, const double *values, uint32_t points,
                uint32_t features, enum pe_dtype dtype)
{
    const pe_function *f = function_ops(b->fn);

    CU_ASSERT_EQUAL(pe_block_reserve(&b->in, points, features, dtype, NULL), 0);
    put(&b->in, values);
    b->in.device = "d-1";
    b->in.source = "f.csv:7";
    b->in.topic = "t";
    b->in.partition = 3;
    b->in.offset = 11;
    b->in.boot = 2;
    b->in.seq = 5;
    b->in.has_seq = 1;
    b->in.version = 4;
    b->in.sense_ns = 100;
    b->in.edge_ns = 200;
    b->in.broker_ns = 300;
    b->in.fetch_ns = 400;
    return dtype == PE_F8 ? f->process_edge(b->ctx, &b->in, &b->out)
                          : f->process_cloud(b->ctx, &b->in, &b->out);
}

/* Everything a block says of itself is what it was. */
static void check_origin(const bench *b)
{
    const pe_block *o = &b->out;

    UNIT_EQUAL(o->device, "d-1");
    CU_ASSERT_EQUAL(strncmp(o->source, "f.csv:", 6), 0);
    UNIT_EQUAL(o->topic, "t");
    CU_ASSERT_EQUAL(o->partition, 3);
    CU_ASSERT_EQUAL(o->offset, 11);
    CU_ASSERT_EQUAL(o->boot, 2);
    CU_ASSERT_EQUAL(o->seq, 5);
    CU_ASSERT_EQUAL(o->has_seq, 1);
    CU_ASSERT_EQUAL(o->sense_ns, 100);
    CU_ASSERT_EQUAL(o->edge_ns, 200);
    CU_ASSERT_EQUAL(o->broker_ns, 300);
    CU_ASSERT_EQUAL(o->fetch_ns, 400);
    CU_ASSERT_EQUAL((uintptr_t)o->data & 63, 0);
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) < 1e-6 * fabs(b);
}

static void check_out(const bench *b, const double *want, uint32_t points,
                      uint32_t features)
{
    CU_ASSERT_EQUAL_FATAL(b->out.points, points);
    CU_ASSERT_EQUAL_FATAL(b->out.features, features);
    CU_ASSERT_EQUAL(b->out.dtype, b->in.dtype);
    check_origin(b);
    for (uint32_t i = 0; i < points; i++)
        for (uint32_t j = 0; j < features; j++)
            if (!same(pe_block_at(&b->out, i, j), want[i * features + j])) {
                CU_FAIL("value");
                printf("# (%u, %u) is %g, not %g\n", i, j,
                       pe_block_at(&b->out, i, j), want[i * features + j]);
            }
}

/* --- all: options, both types --- */

static void test_bad_options(void)
{
    static const struct {
        const char *name, *options, *text;
    } rows[] = {
        {"standardise", "mean=1,x", "mean: value 2, 'x', is not a number"},
        {"standardise", "mean=1,,2", "mean: value 2, '', is not a number"},
        {"standardise", "mean=1,2;scale=1",
         "mean has 2 values and scale 1; give both one for each column"},
        {"standardise", "scale=1,0",
         "scale: value 2, 0, is not above 0; take 1 for a column that stays "
         "as it is"},
        {"standardise", "scale=-1",
         "scale: value 1, -1, is not above 0; take 1 for a column that stays "
         "as it is"},
        {"select", "",
         "columns is not given; name those to keep, as in columns: "
         "\"0,3,5-8\""},
        {"select", "columns=1,",
         "columns: '' is neither a number from 0 on nor a range as 5-8"},
        {"select", "columns=-1",
         "columns: '-1' is neither a number from 0 on nor a range as 5-8"},
        {"select", "columns=8-5",
         "columns: '8-5' is neither a number from 0 on nor a range as 5-8"},
        {"select", "columns=0-65536", "columns: more than 65536 of them"},
        {"select", "columns=0-40000,0-40000",
         "columns: more than 65536 of them"},
        {"select", "columns=4294967295", "columns: more than 65536 of them"},
        {"aggregate", "",
         "rows is not given; say how many of them become one, as in rows: "
         "10"},
        {"aggregate", "rows=2;what=median",
         "what: 'median' is none of mean, min, max"},
        {"aggregate", "rows=2;what=", "what: '' is none of mean, min, max"},
        {"aggregate", "rows=2;what=min,min,min,min,min,min,min,min,min",
         "what: more than 8 of mean, min, max"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        bench b;

        CU_ASSERT_EQUAL(bench_open(&b, rows[i].name, rows[i].options), -1);
        UNIT_EQUAL(context_error(b.ctx), rows[i].text);
        /* The pipeline file is refused for the same reason. */
        CU_ASSERT_EQUAL(
            function_check(b.fn, &(context_setup){.options = b.options}, &e),
            -1);
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        bench_close(&b);
    }
}

static void test_values(void)
{
    static const struct {
        const char *name, *options;
        uint32_t points, features;
        double in[12];
        uint32_t points_out, features_out;
        double out[12];
    } rows[] = {
        {"standardise",
         "mean=1,10;scale=2,5",
         2,
         2,
         {1, 10, 5, 0},
         2,
         2,
         {0, 0, 2, -2}},
        {"standardise", "mean=1, 10", 1, 2, {1, 11}, 1, 2, {0, 1}},
        {"standardise", "scale=4", 2, 1, {1, 2}, 2, 1, {0.25, 0.5}},
        /* Learned: ddof 0; a column that does not vary has scale 1. */
        {"standardise",
         "",
         4,
         2,
         {1, 7, 1, 7, 3, 7, 3, 7},
         4,
         2,
         {-1, 0, -1, 0, 1, 0, 1, 0}},
        /* Rows that models mask do not count and stay as they are. */
        {"standardise",
         "",
         4,
         2,
         {1, 5, NAN, 9, 3, 5, 8, INFINITY},
         4,
         2,
         {-1, 0, NAN, 9, 1, 0, 8, INFINITY}},
        {"standardise", "mean=1", 2, 1, {NAN, 3}, 2, 1, {NAN, 2}},
        {"standardise", "", 2, 1, {NAN, NAN}, 2, 1, {NAN, NAN}},
        {"select",
         "columns=2,0",
         2,
         3,
         {1, 2, 3, 4, 5, NAN},
         2,
         2,
         {3, 1, NAN, 4}},
        {"select", "columns=1-2, 1", 1, 3, {1, 2, 3}, 1, 3, {2, 3, 2}},
        {"aggregate",
         "rows=2",
         5,
         2,
         {1, 2, 3, 4, 5, 6, 7, 8, 9, 0},
         3,
         2,
         {2, 3, 6, 7, 9, 0}},
        {"aggregate",
         "rows=3;what=max,mean,min",
         3,
         2,
         {1, -2, 3, -4, 8, 0},
         1,
         6,
         {8, 0, 4, -2, 1, -4}},
        {"aggregate", "rows=9;what=min", 2, 1, {4, 3}, 1, 1, {3}},
        /* A gap costs no more than itself; of nothing comes nothing. */
        {"aggregate",
         "rows=2",
         4,
         2,
         {NAN, 1, 3, 4, NAN, 1, INFINITY, 2},
         2,
         2,
         {3, 4, NAN, NAN}},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        for (int t = 0; t < 2; t++) {
            bench b;

            CU_ASSERT_EQUAL_FATAL(bench_open(&b, rows[i].name, rows[i].options),
                                  0);
            CU_ASSERT_EQUAL(
                function_check(b.fn, &(context_setup){.options = b.options},
                               NULL),
                0);
            CU_ASSERT_EQUAL(feed(&b, rows[i].in, rows[i].points,
                                 rows[i].features, t ? PE_F8 : PE_F4),
                            PE_FORWARD);
            check_out(&b, rows[i].out, rows[i].points_out,
                      rows[i].features_out);
            CU_ASSERT_EQUAL(b.out.version, 4);
            bench_close(&b);
        }
}

static void test_bad_blocks(void)
{
    static const struct {
        const char *name, *options, *text;
    } rows[] = {
        {"standardise", "mean=1,2",
         "mean and scale are given for 2 columns and the block has 3 "
         "features; give one value for each"},
        {"select", "columns=1,9,3",
         "columns: 9 is out of range, the block has 3 features, 0 to 2"},
        {"filter", "", "features changed from 1 to 3"},
    };

    have_model = true;
    model = (pe_model){.features = 1, .threshold = 2, .version = 12};
    for (size_t i = 0; i < COUNT(rows); i++) {
        bench b;

        CU_ASSERT_EQUAL(bench_open(&b, rows[i].name, rows[i].options), 0);
        CU_ASSERT_EQUAL(feed(&b, (const double[]){1, 2, 3}, 1, 3, PE_F8), -1);
        UNIT_EQUAL(context_error(b.ctx), rows[i].text);
        bench_close(&b);
    }
}

/* Once there is room for a block, blocks like it need no more. */
static void test_room(void)
{
    static const char *const rows[][2] = {
        {"standardise", ""}, {"select", "columns=0"}, {"aggregate", "rows=2"}};
    static const double in[] = {1, 2, 3, 4, 5, 6};

    for (size_t i = 0; i < COUNT(rows); i++) {
        const void *data;
        bench b;

        CU_ASSERT_EQUAL(bench_open(&b, rows[i][0], rows[i][1]), 0);
        CU_ASSERT_EQUAL(feed(&b, in, 3, 2, PE_F8), PE_FORWARD);
        data = b.out.data;
        CU_ASSERT_EQUAL(feed(&b, in, 3, 2, PE_F8), PE_FORWARD);
        CU_ASSERT_PTR_EQUAL(b.out.data, data);
        CU_ASSERT_EQUAL(feed(&b, in, 2, 2, PE_F8), PE_FORWARD);
        CU_ASSERT_PTR_EQUAL(b.out.data, data);
        bench_close(&b);
    }
}

/* --- standardise --- */

/* Blocks one after another are as all of their points together. */
static void test_learned(void)
{
    static const double all[] = {1e6 + 1, 4, 1e6 + 2, 1,  1e6 + 5, 9,
                                 1e6,     0, 1e6 + 9, -3, 1e6 + 4, 2};
    double mean[2] = {0}, squares[2] = {0}, want[2];
    bench b;

    CU_ASSERT_EQUAL(bench_open(&b, "standardise", ""), 0);
    CU_ASSERT_EQUAL(feed(&b, all, 1, 2, PE_F8), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, all + 2, 3, 2, PE_F8), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, all + 8, 2, 2, PE_F8), PE_FORWARD);
    for (int i = 0; i < 12; i++)
        mean[i % 2] += all[i] / 6;
    for (int i = 0; i < 12; i++)
        squares[i % 2] += pow(all[i] - mean[i % 2], 2);
    for (int j = 0; j < 2; j++)
        want[j] = (all[10 + j] - mean[j]) / sqrt(squares[j] / 6);
    CU_ASSERT_DOUBLE_EQUAL(pe_block_at(&b.out, 1, 0), want[0], 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(pe_block_at(&b.out, 1, 1), want[1], 1e-12);
    CU_ASSERT_EQUAL(feed(&b, all, 2, 3, PE_F8), -1);
    UNIT_EQUAL(context_error(b.ctx),
               "features changed from 2 to 3; what was learned is of the "
               "former");
    bench_close(&b);
}

/* A value in 40 is an overload, or all of the first two blocks are: what is
 * learned is the deviation of the others, 1, and 10 in the other column.
 */
static void test_overload(void)
{
    static const double readings[] = {1e8, 2147483647, 9.9e37, 3.4e38};

    for (size_t i = 0; i < 2 * COUNT(readings); i++) {
        random_stream r = {3, 0};
        double in[400], squares[2] = {0};
        bench b;

        CU_ASSERT_EQUAL(bench_open(&b, "standardise", ""), 0);
        for (int t = 0; t < 8; t++) {
            for (int k = 0; k < 400; k++)
                in[k] = (k % 2 ? 10 : 1) * random_normal(&r) + 5;
            for (int k = 0; k < 400; k += i % 2 ? 1 : 80)
                if (i % 2 == 0 || t < 2)
                    in[k] = readings[i / 2];
            CU_ASSERT_EQUAL(feed(&b, in, 200, 2, PE_F8), PE_FORWARD);
        }
        for (uint32_t k = 0; k < 200; k++)
            for (uint32_t j = 0; j < 2; j++)
                if (in[2 * k + j] != readings[i / 2])
                    squares[j] += pow(pe_block_at(&b.out, k, j), 2);
        CU_ASSERT_DOUBLE_EQUAL(sqrt(squares[0] / 200), 1, 0.15);
        CU_ASSERT_DOUBLE_EQUAL(sqrt(squares[1] / 200), 1, 0.15);
        bench_close(&b);
    }
}

/* Few values in, nothing is far: units may be large, blocks of one row. */
static void test_first_values(void)
{
    static const double all[] = {1.2e6, 1.2e6, 9.9e6, 3e6};
    double mean = 0, squares = 0;
    bench b;

    CU_ASSERT_EQUAL(bench_open(&b, "standardise", ""), 0);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(feed(&b, all + i, 1, 1, PE_F8), PE_FORWARD);
    for (int i = 0; i < 4; i++)
        mean += all[i] / 4;
    for (int i = 0; i < 4; i++)
        squares += pow(all[i] - mean, 2);
    CU_ASSERT_DOUBLE_EQUAL(pe_block_at(&b.out, 0, 0),
                           (all[3] - mean) / sqrt(squares / 4), 1e-9);
    bench_close(&b);
}

static void test_freeze(void)
{
    bench b;

    CU_ASSERT_EQUAL(bench_open(&b, "standardise", "freeze=3"), 0);
    CU_ASSERT_EQUAL(feed(&b, (const double[]){1, 3}, 2, 1, PE_F8), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, (const double[]){1, 3}, 2, 1, PE_F8), PE_FORWARD);
    /* Four points are more than three: mean 2, scale 1 from now on. */
    CU_ASSERT_EQUAL(feed(&b, (const double[]){9, 12}, 2, 1, PE_F8), PE_FORWARD);
    check_out(&b, (const double[]){7, 10}, 2, 1);
    bench_close(&b);
}

/* A value whose square is none does not spoil what was learned. */
static void test_huge(void)
{
    bench b;

    CU_ASSERT_EQUAL(bench_open(&b, "standardise", ""), 0);
    CU_ASSERT_EQUAL(feed(&b, (const double[]){1, 3, 1e300}, 3, 1, PE_F8),
                    PE_FORWARD);
    check_out(&b, (const double[]){-1, 1, 1e300}, 3, 1);
    CU_ASSERT_EQUAL(feed(&b, (const double[]){FLT_MAX, -FLT_MAX}, 2, 1, PE_F8),
                    PE_FORWARD);
    CU_ASSERT(isfinite(pe_block_at(&b.out, 0, 0)));
    bench_close(&b);
}

/* --- filter --- */

static void test_filter(void)
{
    static const double in[] = {1, 10, 3, 30, NAN, 50, 4, 40};
    static const struct {
        const char *options;
        int rc;
        uint32_t points;
        double out[8];
        const char *source;
    } rows[] = {
        {"", 1, 2, {3, 30, 4, 40}, "f.csv:8,10"},
        {"threshold=3", 1, 1, {4, 40}, "f.csv:10"},
        {"threshold=9", PE_NOTHING, 0, {0}, NULL},
        {"threshold=9;blocks=true", PE_NOTHING, 0, {0}, NULL},
        {"threshold=3;blocks=true",
         1,
         4,
         {1, 10, 3, 30, NAN, 50, 4, 40},
         "f.csv:7"},
        /* A row that cannot be scored is no outlier. */
        {"keep=inliers", 1, 2, {1, 10, NAN, 50}, "f.csv:7,9"},
        {"keep=inliers;threshold=9",
         1,
         4,
         {1, 10, 3, 30, NAN, 50, 4, 40},
         "f.csv:7"},
        {"keep=inliers;threshold=-1", 1, 1, {NAN, 50}, "f.csv:9"},
    };

    have_model = true;
    model = (pe_model){.features = 2, .threshold = 2, .version = 12};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int t = 0; t < 2; t++) {
            bench b;

            CU_ASSERT_EQUAL(bench_open(&b, "filter", rows[i].options), 0);
            CU_ASSERT_EQUAL(feed(&b, in, 4, 2, t ? PE_F8 : PE_F4), rows[i].rc);
            if (rows[i].rc > 0) {
                check_out(&b, rows[i].out, rows[i].points, 2);
                UNIT_EQUAL(b.out.source, rows[i].source);
                CU_ASSERT_EQUAL(b.out.version, 12);
                CU_ASSERT_EQUAL(b.out.data == b.in.data, rows[i].points == 4);
            }
            bench_close(&b);
        }
}

static void test_filter_warming(void)
{
    static const struct {
        bool there, warming;
        const char *options;
        int rc;
    } rows[] = {
        {false, false, "", PE_FORWARD},
        {true, true, "", PE_FORWARD},
        {false, false, "warming=drop", PE_NOTHING},
        {true, true, "warming=drop", PE_NOTHING},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        bench b;

        have_model = rows[i].there;
        model = (pe_model){.features = 1, .warming = rows[i].warming};
        CU_ASSERT_EQUAL(bench_open(&b, "filter", rows[i].options), 0);
        CU_ASSERT_EQUAL(feed(&b, (const double[]){1, 2}, 2, 1, PE_F8),
                        rows[i].rc);
        if (rows[i].rc > 0) {
            CU_ASSERT_PTR_EQUAL(b.out.data, b.in.data);
            CU_ASSERT_EQUAL(b.out.version, 4); /* not scored here */
        }
        bench_close(&b);
    }
}

/* What each function says of the rows its points are. */
static void test_sources(void)
{
    static const struct {
        const char *name, *options, *source;
    } rows[] = {
        {"select", "columns=0", "f.csv:7"},
        {"standardise", "", "f.csv:7"},
        {"aggregate", "rows=2", "f.csv:7-11/2"},
        {"aggregate", "rows=9", "f.csv:7-11/9"},
        {"aggregate", "rows=1", "f.csv:7-11"},
        {"filter", "", "f.csv:8,10-11"},
    };
    bench b;

    have_model = true;
    model = (pe_model){.features = 1, .threshold = 2};
    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_EQUAL(bench_open(&b, rows[i].name, rows[i].options), 0);
        CU_ASSERT_EQUAL(feed(&b, (const double[]){1, 3, 2, 4, 5}, 5, 1, PE_F8),
                        1);
        UNIT_EQUAL(b.out.source, rows[i].source);
        bench_close(&b);
    }
}

static char said[1024];

static void hear(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", line);
}

/* Too many ranges for a record are no guess: from where to where, said once. */
static void test_sources_blurred(void)
{
    static double in[4000];
    bench b;

    for (size_t i = 0; i < COUNT(in); i++)
        in[i] = i % 2 ? 9 : 1;
    have_model = true;
    model = (pe_model){.features = 1, .threshold = 2};
    log_init(hear, NULL, LOG_LEVEL_INFO);
    *said = '\0';
    CU_ASSERT_EQUAL(bench_open(&b, "filter", ""), 0);
    for (int t = 0; t < 2; t++) {
        CU_ASSERT_EQUAL(feed(&b, in, COUNT(in), 1, PE_F8), 1);
        CU_ASSERT_EQUAL(b.out.points, COUNT(in) / 2);
        UNIT_EQUAL(b.out.source, "f.csv:8-4006*");
    }
    bench_close(&b);
    UNIT_CONTAINS(said, "too many ranges to be named in its record: results "
                        "say from where to where they are, as f.csv:8-4006*");
    CU_ASSERT_PTR_NULL(strstr(strstr(said, "too many") + 1, "too many"));
}

static void test_facts(void)
{
    static const struct {
        const char *name;
        bool scores;
    } rows[] = {{"generator", false},   {"score", true},
                {"standardise", false}, {"select", false},
                {"aggregate", false},   {"filter", true},
                {"drift", true}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        function *f = function_load(rows[i].name, NULL, NULL);

        CU_ASSERT_EQUAL(function_scores(f, NULL), rows[i].scores);
        function_unload(f);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"options that are none", test_bad_options},
        {"values of both types", test_values},
        {"blocks that do not fit the options", test_bad_blocks},
        {"room is kept", test_room},
        {"standardise: blocks add up", test_learned},
        {"standardise: freeze", test_freeze},
        {"standardise: readings of an overload", test_overload},
        {"standardise: the first values", test_first_values},
        {"standardise: huge values", test_huge},
        {"filter", test_filter},
        {"filter: no model yet", test_filter_warming},
        {"rows of a file, named", test_sources},
        {"rows of a file, too many", test_sources_blurred},
        {"which functions need a model", test_facts},
        {NULL, NULL},
    };

    return unit_main("rows", tests);
}
