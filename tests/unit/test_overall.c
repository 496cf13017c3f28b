/* test_overall.c - the mean and scale of all rows of a source. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/function/host.h"
#include "src/function/overall.h"

enum { ROWS = 1000, POINTS = 64 };

/* Nothing scores here: no model is linked. */
int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    (void)m;
    (void)b;
    (void)scores;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "no model");
}

static char path[512];
static pe_options *file, *turn;
static overall_step steps[2];

/* Columns: one rises with the row, one does not move, one is 1 or 3, and each
 * hundredth time [odd].
 */
static void make(const char *odd)
{
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("rises,stays,turns\n", f);
    for (int i = 0; i < ROWS; i++) {
        fprintf(f, "%d,0.1,", i);
        if (i % 100 == 50)
            fprintf(f, "%s\n", odd);
        else
            fprintf(f, "%d\n", i % 2 ? 3 : 1);
    }
    fclose(f);
}

/* A set of options of built-in [name]; the first word is "NAME=VALUE". */
static pe_options *options_of(const char *name, const char *option,
                              const char *value)
{
    pe_options *o = pe_options_create(function_find(name)->options, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    if (option)
        CU_ASSERT_EQUAL(pe_options_set(o, option, value, NULL), 0);
    return o;
}

/* The file, and a `select` that turns its columns round. */
static void set_steps(void)
{
    snprintf(path, sizeof(path), "%s/rows.csv", scratch_folder);
    file = options_of("file", "path", path);
    turn = options_of("select", "columns", "2,1,0");
    steps[0] = (overall_step){.ops = function_find("file"),
                              .setup = {.run = "r",
                                        .stage = "sense",
                                        .options = file,
                                        .points = POINTS,
                                        .dtype = PE_F8,
                                        .size = 4,
                                        .index = 3}};
    steps[1] =
        (overall_step){.ops = function_find("select"),
                       .setup = {.run = "r", .stage = "turn", .options = turn}};
}

/* As StandardScaler has it: all rows, whosever they are, the population's
 * deviation, 1 for a column that does not move.
 */
static void test_read(void)
{
    overall w = {0};
    context_scaling s;
    pe_error e = {0};
    char words[600];

    set_steps();
    make("NaN");
    CU_ASSERT_EQUAL(overall_read(steps, 2, NULL, &w, &e), 0);
    UNIT_EQUAL(e.text, "");
    s = overall_scaling(&w);
    CU_ASSERT_EQUAL_FATAL(s.n, 3);
    CU_ASSERT_EQUAL(w.rows, ROWS - 10);
    CU_ASSERT_EQUAL(w.masked, 10);
    /* 490 times 1, 500 times 3 */
    CU_ASSERT_DOUBLE_EQUAL(s.mean[0], 1990.0 / 990, 1e-14);
    CU_ASSERT_DOUBLE_EQUAL(1 / s.factor[0],
                           sqrt(4990.0 / 990 - 1990.0 / 990 * (1990.0 / 990)),
                           1e-13);
    CU_ASSERT_DOUBLE_EQUAL(s.mean[1], 0.1, 1e-15);
    CU_ASSERT_EQUAL(s.factor[1], 1);
    CU_ASSERT_DOUBLE_EQUAL(s.mean[2], 494500.0 / 990, 1e-10);
    overall_words(&w, "rows.csv", words, sizeof(words));
    UNIT_EQUAL(words, "has the mean and scale of all 990 rows of rows.csv (10 "
                      "masked ones left out)");
    overall_free(&w);
}

/* A reading of an overload is no part of it, and said. */
static void test_far(void)
{
    overall w = {0};
    context_scaling s;
    char words[600];
    pe_error e = {0};

    make("9.9e37");
    CU_ASSERT_EQUAL(overall_read(steps, 2, NULL, &w, &e), 0);
    s = overall_scaling(&w);
    CU_ASSERT_EQUAL(w.rows, ROWS);
    CU_ASSERT_EQUAL(w.far, 10);
    CU_ASSERT_DOUBLE_EQUAL(s.mean[0], 1990.0 / 990, 1e-14);
    CU_ASSERT_DOUBLE_EQUAL(s.mean[2], (ROWS - 1) / 2.0, 1e-10);
    overall_words(&w, "rows.csv", words, sizeof(words));
    UNIT_EQUAL(words, "has the mean and scale of all 1000 rows of rows.csv; 10 "
                      "values are 10000 deviations off or more, and no part of "
                      "it");
    overall_free(&w);
}

/* Kept, and found again; what is kept may be anything. */
static void test_kept(void)
{
    static const char *const bad[] = {
        "", "x", "pilot-edge.scaling.v1 3 1 0 0\n",
        "pilot-edge.scaling.v1 1 1 0 0\n12345678", "no line at all"};
    overall w = {0}, again = {0};
    context_scaling a, b;
    pe_error e = {0};
    size_t len;
    char *data;

    make("2");
    CU_ASSERT_EQUAL(overall_read(steps, 1, NULL, &w, &e), 0);
    data = overall_encode(&w, &len, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CU_ASSERT_EQUAL(overall_decode(&again, data, len, &e), 0);
    a = overall_scaling(&w);
    b = overall_scaling(&again);
    CU_ASSERT_EQUAL_FATAL(b.n, 3);
    CU_ASSERT_EQUAL(memcmp(a.mean, b.mean, 3 * sizeof(double)), 0);
    CU_ASSERT_EQUAL(memcmp(a.factor, b.factor, 3 * sizeof(double)), 0);
    CU_ASSERT_EQUAL(again.rows, ROWS);
    overall_free(&again);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CU_ASSERT_EQUAL(overall_decode(&again, bad[i], strlen(bad[i]), &e), -1);
        UNIT_EQUAL(e.text, "what is kept of a scaling is none");
    }
    CU_ASSERT_EQUAL(overall_decode(&again, data, len - 1, &e), -1);
    free(data);
    overall_free(&w);
}

/* Parts of the rows, put together, are as all. */
static void test_merge(void)
{
    double x[6] = {1e6 + 1, 1e6 + 7, 1e6 - 3, 1e6, 1e6 + 2, 1e6 + 5};
    pe_block b = {.data = x, .points = 6, .features = 1, .dtype = PE_F8};
    overall all = {0}, part[2] = {{0}, {0}}, sum = {0};

    CU_ASSERT_EQUAL(overall_add(&all, &b, NULL), 0);
    b.points = 2;
    CU_ASSERT_EQUAL(overall_add(&part[0], &b, NULL), 0);
    b.data = x + 2;
    b.points = 4;
    CU_ASSERT_EQUAL(overall_add(&part[1], &b, NULL), 0);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(overall_merge(&sum, &part[i], NULL), 0);
    CU_ASSERT_EQUAL(overall_end(&all, NULL), 0);
    CU_ASSERT_EQUAL(overall_end(&sum, NULL), 0);
    CU_ASSERT_DOUBLE_EQUAL(overall_scaling(&all).mean[0],
                           overall_scaling(&sum).mean[0], 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(overall_scaling(&all).factor[0],
                           overall_scaling(&sum).factor[0], 1e-12);
    overall_free(&all);
    overall_free(&sum);
    for (int i = 0; i < 2; i++)
        overall_free(&part[i]);
}

/* What cannot be read before says why; and a drain is heeded. */
static void test_lacks(void)
{
    pe_options *follow = options_of("file", "path", path);
    pe_options *scale = options_of("standardise", NULL, NULL);
    overall_step live[2] = {steps[0], steps[1]};
    atomic_int cancelled = 1;
    overall w = {0};
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(overall_lacks(steps, 2));
    pe_options_set(follow, "follow", "true", NULL);
    live[0].setup.options = follow;
    UNIT_EQUAL(overall_lacks(live, 2),
               "the source has no end, or cannot be read again");
    live[0] = steps[0];
    live[1].ops = function_find("filter");
    UNIT_CONTAINS(overall_lacks(live, 2), "'filter' stands before it");
    live[0].ops = function_find("generator");
    UNIT_CONTAINS(overall_lacks(live, 1), "the source has no end");
    CU_ASSERT(overall_asked(function_find("standardise"), scale));
    CU_ASSERT_EQUAL(pe_options_set(scale, "learn", "seen", NULL), 0);
    CU_ASSERT_FALSE(overall_asked(function_find("standardise"), scale));
    CU_ASSERT_EQUAL(overall_read(steps, 2, &cancelled, &w, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_NONE);
    overall_free(&w);
    pe_options_destroy(scale);
    pe_options_destroy(follow);
}

/* Where it is known the stage does that, and learns nothing. */
static void test_stage(void)
{
    static double in[4] = {2, 5, 4, 5};
    const double mean[2] = {1, 5}, factor[2] = {0.5, 1};
    const context_scaling given = {mean, factor, 2};
    pe_options *o = options_of("standardise", NULL, NULL);
    const pe_function *ops = function_find("standardise");
    context_setup set = {.options = o, .given = &given};
    pe_block b = {.data = in, .points = 2, .features = 2, .dtype = PE_F8};
    pe_block out = {0};
    pe_context *ctx = context_create(&set, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    CU_ASSERT_EQUAL(ops->open(ctx), 0);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(ops->process_edge(ctx, &b, &out), PE_FORWARD);
        CU_ASSERT_EQUAL(pe_block_at(&out, 0, 0), 0.5);
        CU_ASSERT_EQUAL(pe_block_at(&out, 1, 0), 1.5);
        CU_ASSERT_EQUAL(pe_block_at(&out, 1, 1), 0);
    }
    ops->close(ctx);
    context_destroy(ctx);
    pe_block_release(&out);
    pe_options_destroy(o);
}

/* Columns that move by so little, so far from 0, that it may be rounding stay
 * as they are, which is said; of one that does not move there is no word.
 */
static void test_small(void)
{
    overall w = {0};
    context_scaling s;
    double x[ROWS * 4];
    char words[900];

    for (int i = 0; i < ROWS; i++) {
        x[4 * i] = i % 2;
        x[4 * i + 1] = 1e15 + i % 2;
        x[4 * i + 2] = 1e15;
        x[4 * i + 3] = -4e15 - i % 2;
    }
    pe_block b = {.data = x, .points = ROWS, .features = 4, .dtype = PE_F8};
    CU_ASSERT_EQUAL_FATAL(overall_add(&w, &b, NULL), 0);
    CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
    s = overall_scaling(&w);
    CU_ASSERT_DOUBLE_EQUAL(s.factor[0], 2, 1e-9);
    for (int j = 1; j < 4; j++)
        CU_ASSERT_EQUAL(s.factor[j], 1);
    overall_words(&w, "rows.csv", words, sizeof(words));
    UNIT_EQUAL(words,
               "has the mean and scale of all 1000 rows of rows.csv; column 1 "
               "and 1 more moves by so little beside its mean (1e+15) that it "
               "may be rounding, and is not scaled: take its mean off where it "
               "comes from");
    overall_free(&w);
}

int main(void)
{
    static const unit_test tests[] = {
        {"columns of a mean that is too large", test_small},
        {"all rows, behind a stage", test_read},
        {"readings of an overload", test_far},
        {"kept and found", test_kept},
        {"put together", test_merge},
        {"what cannot be had", test_lacks},
        {"standardise does it", test_stage},
        {0},
    };
    int rc;

    scratch_make();
    rc = unit_main("overall", tests);
    pe_options_destroy(file);
    pe_options_destroy(turn);
    scratch_remove();
    return rc;
}
