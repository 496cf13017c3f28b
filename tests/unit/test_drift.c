/* test_drift.c - has a series changed its mean?  Against River 0.21.2, and the
 * stage that says so.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/drift.h"
#include "src/common/log.h"
#include "src/function/builtin.h"
#include "src/function/host.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { N = 4000, SHOWN = 4 };

/* The series that River was given; sums of three uniform numbers. */
static double series[N];

static void make_series(int kind)
{
    uint64_t seed = 12345;

    for (int i = 0; i < N; i++) {
        bool late = i >= N / 2;
        double u = 0, x;

        for (int k = 0; k < 3; k++) {
            seed = seed * UINT64_C(6364136223846793005) +
                   UINT64_C(1442695040888963407);
            u += (double)(seed >> 11) / 9007199254740992.0;
        }
        x = u - 1.5;
        if (kind == 1 && late)
            x += 0.8;
        if (kind == 2 && late)
            x -= 0.8;
        if (kind == 3)
            x = x * 10 + (i / 700 % 2 ? 40 : 0);
        if (kind == 4)
            x += i * 0.002;
        if (kind == 5)
            x = u > (late ? 1.1 : 1.5);
        series[i] = x;
    }
}

/* Where changes were found. */
typedef struct found {
    int n, first[SHOWN], sum;
} found;

static void note(found *f, int at)
{
    if (f->n < SHOWN)
        f->first[f->n] = at;
    f->n++;
    f->sum += at;
}

static void compare(const found *got, int n, const int *first, int sum)
{
    CU_ASSERT_EQUAL(got->n, n);
    CU_ASSERT_EQUAL(got->sum, sum);
    for (int i = 0; i < n && i < SHOWN; i++)
        CU_ASSERT_EQUAL(got->first[i], first[i]);
}

static void test_page_hinkley(void)
{
    static const page_hinkley conf[] = {
        {.slack = 0.005, .far = 50, .keep = 1 - 0.0001, .least = 30},
        {.slack = 0.1, .far = 20, .keep = 1, .least = 100},
        {.slack = 0.01, .far = 5, .keep = 0.99, .least = 10},
    };
    static const struct {
        int kind, conf, n, first[SHOWN], sum;
    } rows[] = {
        {0, 0, 0, {0}, 0},
        {0, 1, 0, {0}, 0},
        {0, 2, 43, {161, 225, 276, 316}, 85158},
        {1, 0, 1, {2066}, 2066},
        {1, 1, 1, {2034}, 2034},
        {1, 2, 43, {161, 225, 276, 316}, 85158},
        {2, 0, 1, {2039}, 2039},
        {2, 1, 1, {2021}, 2021},
        {2, 2, 43, {161, 225, 276, 316}, 85158},
        {3, 0, 58, {94, 169, 225, 276}, 114603},
        {3, 1, 39, {99, 199, 299, 399}, 78030},
        {3, 2, 398, {9, 19, 29, 39}, 796335},
        {4, 0, 12, {306, 675, 1006, 1349}, 25802},
        {4, 1, 13, {265, 603, 936, 1221}, 26050},
        {4, 2, 54, {74, 218, 277, 316}, 111835},
        {5, 0, 1, {2101}, 2101},
        {5, 1, 1, {2098}, 2098},
        {5, 2, 38, {36, 164, 230, 318}, 59234},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        page_hinkley p = conf[rows[i].conf];
        found f = {0};

        make_series(rows[i].kind);
        page_hinkley_begin(&p);
        for (int k = 0; k < N; k++)
            if (page_hinkley_take(&p, series[k])) {
                note(&f, k);
                page_hinkley_begin(&p);
            }
        compare(&f, rows[i].n, rows[i].first, rows[i].sum);
    }
}

static void test_adwin(void)
{
    static const struct {
        int kind;
        double delta;
        int n, first[SHOWN], sum;
        double width, mean, square;
    } rows[] = {
        {0, 0.002, 0, {0}, 0, 4000, 0.00582089280109, 1013.33006039},
        {0, 0.05, 0, {0}, 0, 4000, 0.00582089280109, 1013.33006039},
        {0, 1e-06, 0, {0}, 0, 4000, 0.00582089280109, 1013.33006039},
        {1, 0.002, 1, {2111}, 2111, 1888, 0.805913543961, 475.200593976},
        {1, 0.05, 1, {2111}, 2111, 1888, 0.805913543961, 475.200593976},
        {1, 1e-06, 1, {2175}, 2175, 1824, 0.807756195039, 457.945752636},
        {2, 0.002, 1, {2079}, 2079, 1920, -0.793731483773, 479.814584628},
        {2, 0.05, 1, {2079}, 2079, 1920, -0.793731483773, 479.814584628},
        {2, 1e-06, 1, {2143}, 2143, 1856, -0.79226311769, 467.393461227},
        {3,
         0.002,
         5,
         {735, 1439, 2143, 2847},
         10715,
         448,
         39.9349324569,
         11371.3742385},
        {3,
         0.05,
         5,
         {735, 1407, 2111, 2815},
         10587,
         480,
         39.9577060844,
         12182.7303279},
        {3,
         1e-06,
         5,
         {735, 1439, 2143, 2847},
         10715,
         448,
         39.9349324569,
         11371.3742385},
        {4,
         0.002,
         10,
         {383, 767, 1055, 1439},
         20502,
         128,
         7.89842892268,
         36.060025171},
        {4,
         0.05,
         12,
         {287, 703, 991, 1375},
         25044,
         192,
         7.83176552191,
         57.0212666189},
        {4,
         1e-06,
         8,
         {447, 895, 1375, 1887},
         16728,
         256,
         7.73955483707,
         79.3640147735},
        {5, 0.002, 1, {2303}, 2303, 1696, 0.777122641509, 293.752358491},
        {5, 0.05, 1, {2271}, 2271, 1728, 0.77662037037, 299.775462963},
        {5, 1e-06, 1, {2463}, 2463, 1536, 0.774739583333, 268.059895833},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        static adwin a;
        found f = {0};

        make_series(rows[i].kind);
        adwin_begin(&a, rows[i].delta);
        for (int k = 0; k < N; k++)
            if (adwin_take(&a, series[k])) {
                note(&f, k);
                adwin_begin(&a, rows[i].delta);
            }
        compare(&f, rows[i].n, rows[i].first, rows[i].sum);
        CU_ASSERT_EQUAL(a.width, rows[i].width);
        CU_ASSERT_DOUBLE_EQUAL(a.sum / a.width, rows[i].mean,
                               1e-10 * fabs(rows[i].mean));
        CU_ASSERT_DOUBLE_EQUAL(a.square, rows[i].square, 1e-9 * rows[i].square);
    }
}

/* A window that is cut, and not begun anew, holds what came behind the change.
 */
static void test_adwin_window(void)
{
    static adwin a;
    int cuts = 0;

    make_series(1);
    adwin_begin(&a, 0.002);
    for (int k = 0; k < N; k++)
        cuts += adwin_take(&a, series[k]);
    CU_ASSERT(cuts > 1);
    CU_ASSERT(a.width <= N / 2.0 + 64);
    CU_ASSERT_DOUBLE_EQUAL(a.sum / a.width, 0.8, 0.05);
    /* A million values take no more room. */
    for (int k = 0; k < 1000000; k++)
        adwin_take(&a, k % 2);
    CU_ASSERT(a.sizes < ADWIN_SIZES);
    CU_ASSERT_DOUBLE_EQUAL(a.sum / a.width, 0.5, 0.01);
}

/* --- the stage --- */

static char logged[8192];

static void keep_log(void *arg, enum log_level level, const char *line)
{
    size_t n = strlen(logged);

    (void)arg;
    (void)level;
    snprintf(logged + n, sizeof(logged) - n, "%s\n", line);
}

/* Scores are 10 times the first column; without a model there are none. */
static bool has_model;

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    (void)m;
    (void)errp;
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = (float)(10 * pe_block_at(b, i, 0));
    return 0;
}

static const pe_model *the_model(void *arg)
{
    static pe_model m = {.threshold = 1};

    (void)arg;
    return has_model ? &m : NULL;
}

typedef struct stage {
    const pe_function *ops;
    pe_options *options;
    context_host host;
    pe_context *ctx;
    pe_error error;
} stage;

static char said[512]; /* to who follows the run */

static void keep_tell(void *arg, const char *words)
{
    (void)arg;
    snprintf(said, sizeof(said), "%s", words);
}

/* Of the words "NAME=VALUE ..."; -1: they are refused. */
static int stage_open(stage *s, const char *words)
{
    char copy[256], *rest = NULL;
    context_setup set = {.stage = "watch", .size = 1};
    int rc = 0;

    *s = (stage){.ops = function_find("drift"),
                 .host = {.model = the_model, .tell = keep_tell}};
    s->options = pe_options_create(s->ops->options, NULL);
    snprintf(copy, sizeof(copy), "%s", words);
    for (char *w = strtok_r(copy, " ", &rest); w && rc == 0;
         w = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(w, '=');

        *equals = '\0';
        rc = pe_options_set(s->options, w, equals + 1, &s->error);
    }
    set.options = s->options;
    set.host = &s->host;
    s->ctx = context_create(&set, NULL);
    if (rc == 0)
        rc = s->ops->open(s->ctx);
    if (rc < 0 && !*s->error.text)
        snprintf(s->error.text, sizeof(s->error.text), "%s",
                 context_error(s->ctx));
    return rc;
}

static void stage_close(stage *s)
{
    s->ops->close(s->ctx);
    context_destroy(s->ctx);
    pe_options_destroy(s->options);
}

/* All of the series as blocks of 100 rows of (x, 0), from "f.csv:ROW" where
 * [files]; how often it has changed.
 */
static uint64_t feed(stage *s, bool files, const char **firstp)
{
    static double data[200];

    for (int b = 0; b < N / 100; b++) {
        char source[32];
        pe_block in = {.data = data,
                       .points = 100,
                       .features = 2,
                       .dtype = PE_F8,
                       .device = "dev-1",
                       .seq = (uint64_t)b},
                 out = {0};

        snprintf(source, sizeof(source), "f.csv:%d", 100 * b);
        in.source = files ? source : NULL;
        for (int i = 0; i < 100; i++)
            data[2 * i] = series[100 * b + i];
        CU_ASSERT_EQUAL(s->ops->process_edge(s->ctx, &in, &out), PE_FORWARD);
        CU_ASSERT_PTR_EQUAL(out.data, in.data); /* as it came */
        CU_ASSERT_EQUAL(out.points, 100);
    }
    return context_drifts(s->ctx, firstp);
}

static void test_stage(void)
{
    static const struct {
        const char *words;
        int kind;
        bool files;
        uint64_t n;
        const char *first;
    } rows[] = {
        {"on=0", 0, true, 0, ""},
        {"on=0", 1, true, 1,
         "column 0 has changed at f.csv row 2079, block 20: its mean was "},
        {"on=0 scaled=false", 1, true, 1,
         "column 0 has changed at f.csv row 2066, block 20: its mean was "},
        {"on=0 scaled=false delta=0.1 threshold=20 alpha=1 min=100", 2, true, 1,
         "column 0 has changed at f.csv row 2021, block 20: its mean was "},
        {"on=0 method=adwin", 1, true, 1,
         "column 0 has changed at f.csv row 2111, block 21: its mean was "},
        {"on=0 method=adwin delta=0.05", 3, false, 5,
         "column 0 has changed at row 35 of block 7 of dev-1: its mean was "},
        {"on=1", 1, true, 0, ""}, /* of no width */
        {"", 1, true, 1, "the score has changed at f.csv row 20"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *first;
        stage s;

        has_model = true;
        make_series(rows[i].kind);
        CU_ASSERT_EQUAL_FATAL(stage_open(&s, rows[i].words), 0);
        CU_ASSERT_EQUAL(feed(&s, rows[i].files, &first), rows[i].n);
        if (rows[i].n)
            UNIT_CONTAINS(first, rows[i].first);
        else
            UNIT_EQUAL(first, "");
        stage_close(&s);
    }
}

/* A column by its name, once somebody says what they are called. */
static void test_names(void)
{
    const char *first;
    stage s;

    make_series(1);
    CU_ASSERT_EQUAL_FATAL(stage_open(&s, "on=air.temp"), 0);
    CU_ASSERT(function_named(s.ops, s.options));
    CU_ASSERT(drift_unscored(s.options));
    said[0] = '\0';
    CU_ASSERT_EQUAL(feed(&s, true, &first), 0);
    UNIT_EQUAL(said,
               "stage 'watch' waits for the names of columns, to find "
               "'air.temp' among them: blocks go on unseen until one says "
               "them; 'on' may be the number of a column, from 0");
    CU_ASSERT_EQUAL(context_columns(s.ctx, "air.temp\thum"), 0);
    CU_ASSERT_EQUAL(feed(&s, true, &first), 1);
    UNIT_CONTAINS(first, "column air.temp has changed at f.csv row 2079, ");
    stage_close(&s);
    CU_ASSERT_EQUAL_FATAL(stage_open(&s, "on=1"), 0);
    CU_ASSERT_FALSE(function_named(s.ops, s.options));
    stage_close(&s);
}

/* One that is none of them is nobody's block: the run ends. */
static void test_no_name(void)
{
    double x[2] = {1, 2};
    pe_block in = {.data = x, .points = 1, .features = 2, .dtype = PE_F8},
             out = {0};
    stage s;

    CU_ASSERT_EQUAL_FATAL(stage_open(&s, "on=tmp"), 0);
    context_columns(s.ctx, "temp\trel hum");
    CU_ASSERT_EQUAL(s.ops->process_edge(s.ctx, &in, &out), -1);
    UNIT_EQUAL(
        context_error(s.ctx),
        "on: 'tmp' is neither score, nor the number of a column, from "
        "0, nor one of their names: temp, rel hum; did you mean 'temp'?");
    CU_ASSERT_EQUAL(context_failure(s.ctx)->kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(context_failure(s.ctx)->exit_code, PE_EXIT_CONFIG);
    stage_close(&s);
}

/* Without a model there is no score; what is masked is left out. */
static void test_left_out(void)
{
    const char *first;
    stage s;

    has_model = false;
    make_series(1);
    CU_ASSERT_EQUAL_FATAL(stage_open(&s, ""), 0);
    CU_ASSERT_EQUAL(feed(&s, true, &first), 0);
    stage_close(&s);
    for (int i = 1000; i < 1100; i++)
        series[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? 1e300 : -INFINITY;
    CU_ASSERT_EQUAL_FATAL(stage_open(&s, "on=0 scaled=false"), 0);
    CU_ASSERT_EQUAL(feed(&s, true, &first), 1);
    UNIT_CONTAINS(first, "f.csv row 20");
    stage_close(&s);
}

/* The first ones are logged, all are counted. */
static void test_log(void)
{
    const char *first;
    stage s;

    logged[0] = '\0';
    log_init(keep_log, NULL, LOG_LEVEL_INFO);
    make_series(3);
    CU_ASSERT_EQUAL_FATAL(
        stage_open(&s, "on=0 scaled=false delta=0.01 threshold=5 min=10"), 0);
    CU_ASSERT(feed(&s, true, &first) > 100);
    UNIT_CONTAINS(logged,
                  "watch: column 0 has changed at f.csv row 9, block 0");
    UNIT_CONTAINS(logged, "watch: further changes are counted and not said");
    CU_ASSERT_PTR_NULL(strstr(logged, "block 5:"));
    stage_close(&s);
}

static void test_bad_options(void)
{
    static const struct {
        const char *words, *text;
    } rows[] = {
        {"on=-1", "on: '-1' is neither score, nor the number of a column, "
                  "from 0, nor its name"},
        {"on=", "on: '' is neither"},
        {"method=adwin threshold=3",
         "threshold is of page-hinkley; how sure adwin is stands in delta"},
        {"method=adwin delta=1", "delta of adwin is a probability, below 1"},
        {"method=ddm", "method: 'ddm' is not one of: page-hinkley adwin"},
        {"alpha=2", "alpha"},
        {"min=0", "min"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        stage s;

        CU_ASSERT_EQUAL(stage_open(&s, rows[i].words), -1);
        UNIT_CONTAINS(s.error.text, rows[i].text);
        stage_close(&s);
    }
}

static void test_bad_block(void)
{
    double x[2] = {1, 2};
    pe_block in = {.data = x, .points = 1, .features = 2, .dtype = PE_F8},
             out = {0};
    stage s;

    CU_ASSERT_EQUAL_FATAL(stage_open(&s, "on=2"), 0);
    CU_ASSERT_EQUAL(s.ops->process_cloud(s.ctx, &in, &out), -1);
    UNIT_EQUAL(context_error(s.ctx),
               "on: 2 is out of range, the block has 2 features, 0 to 1");
    stage_close(&s);
}

int main(void)
{
    static const unit_test tests[] = {
        {"Page-Hinkley, as River has it", test_page_hinkley},
        {"ADWIN, as River has it", test_adwin},
        {"ADWIN: what is left", test_adwin_window},
        {"stage drift", test_stage},
        {"stage drift: a column by its name", test_names},
        {"stage drift: a name of no column", test_no_name},
        {"stage drift: what has no part", test_left_out},
        {"stage drift: what is logged", test_log},
        {"stage drift: options", test_bad_options},
        {"stage drift: a block without the column", test_bad_block},
        {0},
    };

    return unit_main("drift", tests);
}
