/* test_rows.c - standardise, select, aggregate. */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows_bench.h"
#include "src/common/random.h"

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
        {"which functions need a model", test_facts},
        {NULL, NULL},
    };

    return unit_main("rows", tests);
}
