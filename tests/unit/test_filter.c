/* test_filter.c - filter, and which rows are left of a block. */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows_bench.h"
#include "src/common/log.h"

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

int main(void)
{
    static const unit_test tests[] = {
        {"filter", test_filter},
        {"filter: no model yet", test_filter_warming},
        {"rows of a file, named", test_sources},
        {"rows of a file, too many", test_sources_blurred},
        {NULL, NULL},
    };

    return unit_main("filter", tests);
}
