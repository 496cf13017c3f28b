/* test_overall_hard.c - mean and scale of rows that are hard to sum, against
 * sums in long double of the same rows.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"
#include "src/function/overall.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { MANY = 1000000, BLOCK = 1000 };

/* Nothing scores here: no model is linked. */
int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    (void)m;
    (void)b;
    (void)scores;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "no model");
}

static pe_block block_of(double *x, size_t points, uint32_t features)
{
    return (pe_block){.data = x,
                      .points = (uint32_t)points,
                      .features = features,
                      .dtype = PE_F8};
}

/* All [n] rows of one feature, [each] in a block. */
static void add_all(overall *w, double *x, size_t n, size_t each)
{
    for (size_t i = 0; i < n; i += each) {
        pe_block b = block_of(x + i, i + each < n ? each : n - i, 1);

        CU_ASSERT_EQUAL_FATAL(overall_add(w, &b, NULL), 0);
    }
}

static void near_to(double got, double want, double far)
{
    if (fabs(got - want) > far)
        printf("# %.17g is not %.17g, by %g\n", got, want, far);
    CU_ASSERT(fabs(got - want) <= far);
}

/* --- few rows, and bad ones --- */

static void test_bad(void)
{
    double x[6] = {1, 2, 3, 4, 5, 6};
    pe_block two = block_of(x, 3, 2), three = block_of(x, 2, 3);
    overall w = {0}, other = {0}, none = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL(overall_add(&w, &two, &e), 0);
    CU_ASSERT_EQUAL(overall_add(&w, &three, &e), -1);
    UNIT_EQUAL(e.text, "features changed from 2 to 3");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(overall_add(&other, &three, NULL), 0);
    CU_ASSERT_EQUAL(overall_merge(&w, &other, &e), -1);
    UNIT_EQUAL(e.text, "features changed from 2 to 3");
    CU_ASSERT_EQUAL(w.rows, 3);
    /* Nothing is nothing, to whom it is put. */
    CU_ASSERT_EQUAL(overall_merge(&w, &none, &e), 0);
    CU_ASSERT_EQUAL(w.rows, 3);
    CU_ASSERT_EQUAL(overall_end(&none, &e), 0);
    CU_ASSERT_EQUAL(overall_scaling(&none).n, 0);
    CU_ASSERT_EQUAL(overall_end(&w, &e), 0);
    CU_ASSERT_EQUAL(overall_scaling(&w).mean[0], 3);
    CU_ASSERT_DOUBLE_EQUAL(1 / overall_scaling(&w).factor[0], sqrt(8 / 3.0),
                           1e-15);
    overall_free(&w);
    overall_free(&other);
    overall_free(&none);
}

/* No row that can be used, one, and ones that are all the same. */
static void test_few(void)
{
    static const struct {
        double x[4];
        size_t n, masked;
        double mean, scale;
    } rows[] = {
        {{7}, 1, 0, 7, 1},
        {{0}, 1, 0, 0, 1},
        {{-1e30}, 1, 0, -1e30, 1},
        {{1e300, 7, -4e38}, 3, 2, 7, 1}, /* beyond FLT_MAX */
        {{NAN, 7, INFINITY}, 3, 2, 7, 1},
        {{0.1, 0.1, 0.1, 0.1}, 4, 0, 0.1, 1},
        {{1e9, 1e9, 1e9, 1e9}, 4, 0, 1e9, 1},
        {{1, 3}, 2, 0, 2, 1},
        {{5, NAN, 9, NAN}, 4, 2, 7, 2},
        {{1e-200, 3e-200}, 2, 0, 2e-200, 1}, /* squares of it are 0 */
        {{1e9 - 1, 1e9 + 1}, 2, 0, 1e9, 1},
        {{1e9 - 4, 1e9 + 4, 1e9 - 4, 1e9 + 4}, 4, 0, 1e9, 4},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        overall w = {0};
        context_scaling s;
        double x[4];

        memcpy(x, rows[i].x, sizeof(x));
        add_all(&w, x, rows[i].n, 3);
        CU_ASSERT_EQUAL(w.rows, rows[i].n - rows[i].masked);
        CU_ASSERT_EQUAL(w.masked, rows[i].masked);
        CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
        s = overall_scaling(&w);
        CU_ASSERT_EQUAL_FATAL(s.n, 1);
        near_to(s.mean[0], rows[i].mean, 4e-16 * fabs(rows[i].mean));
        near_to(1 / s.factor[0], rows[i].scale, 1e-8 * rows[i].scale);
        overall_free(&w);
    }
}

/* All rows masked: they are counted, and there is no scaling. */
static void test_masked(void)
{
    double x[4] = {NAN, 1, 2, INFINITY};
    pe_block b = block_of(x, 2, 2);
    overall w = {0}, rest = {0};
    char words[400];

    CU_ASSERT_EQUAL(overall_add(&w, &b, NULL), 0);
    CU_ASSERT_EQUAL(w.masked, 2);
    CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
    CU_ASSERT_EQUAL(overall_scaling(&w).n, 0);
    overall_words(&w, "x.csv", words, sizeof(words));
    UNIT_EQUAL(words, "has the mean and scale of all 0 rows of x.csv (2 "
                      "masked ones left out)");
    /* What others have seen is all there is. */
    x[0] = x[3] = 5;
    CU_ASSERT_EQUAL(overall_add(&rest, &b, NULL), 0);
    CU_ASSERT_EQUAL(overall_merge(&rest, &w, NULL), 0);
    CU_ASSERT_EQUAL(rest.masked, 2);
    CU_ASSERT_EQUAL(overall_end(&rest, NULL), 0);
    CU_ASSERT_EQUAL(overall_scaling(&rest).mean[0], 3.5);
    CU_ASSERT_EQUAL(overall_scaling(&rest).mean[1], 3);
    overall_free(&w);
    overall_free(&rest);
}

/* --- columns that are hard --- */

/* Of long double sums beyond the first row: the mean, then the squares of what
 * lies beyond it.
 */
static void exact(const double *x, size_t n, double *meanp, double *scalep)
{
    long double sum = 0, squares = 0, mean;

    for (size_t i = 0; i < n; i++)
        sum += (long double)x[i] - x[0];
    mean = sum / (long double)n;
    for (size_t i = 0; i < n; i++) {
        long double d = (long double)x[i] - x[0] - mean;

        squares += d * d;
    }
    *meanp = (double)(x[0] + mean);
    *scalep = (double)sqrtl(squares / (long double)n);
}

/* Normal, about [middle], of [width], and rising by [drift] over all rows. */
static const struct column {
    double middle, width, drift;
} columns[] = {
    {0, 1, 0},        {1e9, 1, 0},         {-1e9, 1e3, 0}, {1e12, 1e3, 0},
    {1e-9, 1e-12, 0}, {1e9, 1, 1e9},       {0, 1e-3, 1},   {0, 1e-150, 0},
    {0, 1e30, 0},     {1.7e9, 0.01, 3600},
};

static double *column_make(const struct column *k, size_t n)
{
    random_stream r = {.key = 5};
    double *x = malloc(n * sizeof(*x));

    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (size_t i = 0; i < n; i++)
        x[i] = k->middle + k->width * random_normal(&r) +
               k->drift * (double)i / (double)n;
    return x;
}

/* A hundred thousand rows, whatever blocks they come in. */
static void test_columns(void)
{
    static const size_t each[] = {1, 7, BLOCK, MANY / 10};

    for (size_t i = 0; i < COUNT(columns) * COUNT(each); i++) {
        const struct column *k = &columns[i / COUNT(each)];
        double *x = column_make(k, MANY / 10), mean, scale;
        overall w = {0};
        context_scaling s;

        exact(x, MANY / 10, &mean, &scale);
        add_all(&w, x, MANY / 10, each[i % COUNT(each)]);
        CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
        s = overall_scaling(&w);
        near_to(s.mean[0], mean, 1e-13 * fabs(mean) + 1e-11 * scale);
        near_to(1 / s.factor[0], scale, 1e-7 * scale);
        CU_ASSERT_EQUAL(w.far, 0);
        overall_free(&w);
        free(x);
    }
}

/* A million, in sixteen parts that are put together in another order. */
static void test_many(void)
{
    enum { PARTS = 16, PART = MANY / PARTS };
    const struct column k = {1e9, 100, 0};
    double *x = column_make(&k, MANY), mean, scale;
    overall parts[PARTS] = {{0}}, w = {0};
    context_scaling s;

    exact(x, MANY, &mean, &scale);
    for (int i = 0; i < PARTS; i++)
        add_all(&parts[i], x + (size_t)i * PART, PART, BLOCK);
    for (int i = 0; i < PARTS; i++) {
        CU_ASSERT_EQUAL(overall_merge(&w, &parts[i * 5 % PARTS], NULL), 0);
        overall_free(&parts[i * 5 % PARTS]);
    }
    CU_ASSERT_EQUAL(w.rows, MANY);
    CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
    s = overall_scaling(&w);
    near_to(s.mean[0], mean, 1e-6);
    near_to(1 / s.factor[0], scale, 1e-9 * scale);
    overall_free(&w);
    free(x);
}

/* Columns of a row do not touch each other. */
static void test_together(void)
{
    enum { ROWS = 2000, F = (int)COUNT(columns) };
    double *rows = malloc(sizeof(*rows) * ROWS * F);
    overall w = {0};
    context_scaling s;

    CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
    for (int j = 0; j < F; j++) {
        double *x = column_make(&columns[j], ROWS);

        for (int i = 0; i < ROWS; i++)
            rows[i * F + j] = x[i];
        free(x);
    }
    for (int i = 0; i < ROWS; i += BLOCK) {
        pe_block b = block_of(rows + (size_t)i * F, BLOCK, F);

        CU_ASSERT_EQUAL_FATAL(overall_add(&w, &b, NULL), 0);
    }
    CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
    s = overall_scaling(&w);
    CU_ASSERT_EQUAL_FATAL(s.n, F);
    for (int j = 0; j < F; j++) {
        double *x = column_make(&columns[j], ROWS);
        overall one = {0};

        add_all(&one, x, ROWS, BLOCK);
        CU_ASSERT_EQUAL(overall_end(&one, NULL), 0);
        CU_ASSERT_EQUAL(s.mean[j], overall_scaling(&one).mean[0]);
        CU_ASSERT_EQUAL(s.factor[j], overall_scaling(&one).factor[0]);
        overall_free(&one);
        free(x);
    }
    overall_free(&w);
    free(rows);
}

/* An overload: the rows are asked for once more, and it is no part of them. */
static void test_again(void)
{
    static const struct {
        double value;
        size_t n; /* so many are that */
        bool far;
    } rows[] = {
        {9.9e37, 1, true}, {-9.9e37, 3, true}, {2147483647, 2, true},
        {100, 5, false},   {1e5, 1, true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        double *x = column_make(&columns[0], BLOCK), mean, scale;
        double *with = malloc(2 * BLOCK * sizeof(*with));
        overall w = {0};
        size_t n = BLOCK;

        CU_ASSERT_PTR_NOT_NULL_FATAL(with);
        memcpy(with, x, BLOCK * sizeof(*x));
        for (size_t k = 0; k < rows[i].n; k++)
            with[n++] = rows[i].value;
        exact(with, rows[i].far ? BLOCK : n, &mean, &scale);
        add_all(&w, with, n, 100);
        CU_ASSERT_EQUAL(overall_end(&w, NULL), rows[i].far);
        if (rows[i].far) {
            CU_ASSERT_EQUAL(w.rows, 0);
            add_all(&w, with, n, 100);
            CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
        }
        CU_ASSERT_EQUAL(w.rows, n);
        CU_ASSERT_EQUAL(w.far, rows[i].far ? rows[i].n : 0);
        near_to(overall_scaling(&w).mean[0], mean, 1e-12);
        near_to(1 / overall_scaling(&w).factor[0], scale, 1e-12 * scale);
        overall_free(&w);
        free(with);
        free(x);
    }
}

/* A reading of an overload is no part of it, wherever it comes. */
static void test_overload(void)
{
    static const double loads[] = {2147483647, 1e12, 9.9e37, -9.9e37};
    enum { ROWS = 1000 };
    static const int places[] = {0, 1, ROWS / 2, ROWS - 1};
    double x[ROWS];

    for (size_t k = 0; k < COUNT(loads) * COUNT(places); k++) {
        overall w = {0};

        for (int i = 0; i < ROWS; i++)
            x[i] = 10 + (i % 7 - 3) * 0.5;
        x[places[k % COUNT(places)]] = loads[k / COUNT(places)];
        add_all(&w, x, ROWS, 300);
        CU_ASSERT_EQUAL(overall_end(&w, NULL), 1);
        add_all(&w, x, ROWS, 300);
        CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
        CU_ASSERT_EQUAL(w.far, 1);
        near_to(overall_scaling(&w).mean[0], 10, 0.01);
        near_to(1 / overall_scaling(&w).factor[0], 1, 0.01);
        overall_free(&w);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows that do not fit", test_bad},
        {"few rows", test_few},
        {"all rows masked", test_masked},
        {"columns that are hard to sum", test_columns},
        {"a million rows in parts", test_many},
        {"columns beside each other", test_together},
        {"overloads behind the rows", test_again},
        {"an overload, wherever it comes", test_overload},
        {NULL, NULL},
    };

    return unit_main("overall_hard", tests);
}
