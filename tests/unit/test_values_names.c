/* test_values_names.c - what columns are called behind stages, and one that
 * outweighs all others.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "values_bench.h"

static const double one[D] = {1, 1000, 1};
static const double zero[D] = {0, 0, 0}, unit[D] = {1, 1, 1};

/* --- names --- */

static void test_names(void)
{
    static const struct {
        const char *columns, *others, *first, *note;
    } rows[] = {
        {"a\tb\tc", NULL, "a", ""},
        {"a\tb\tc", "a\tb\tc", "a", ""},
        {"a\tb\tc", "a\tb\td", "a",
         "not all records call the columns alike: the names are those of the "
         "first one\n"},
        {NULL, "a\tb\tc", "a", ""},
        {"a\tb", NULL, NULL, ""}, /* of other columns */
        {"a\tb\tc\td", NULL, NULL, ""},
        {NULL, NULL, NULL, ""},
        {"\xff\tb\tc", NULL, "?", ""},
        {"\tb\tc", NULL, "", ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        answers a;

        memset(&say, 0, sizeof(say));
        say.columns = rows[i].columns;
        say.others = rows[i].others;
        pass(&(const wish){0}, &a);
        if (rows[i].first)
            UNIT_EQUAL(answers_column(&a, 0), rows[i].first);
        else
            CU_ASSERT_PTR_NULL(answers_column(&a, 0));
        UNIT_EQUAL(notes_of(&a), rows[i].note);
        answers_close(&a);
    }
}

/* Stages of the pool: [stage] as YAML. */
static pipeline *load(const char *stage)
{
    char yaml[1000];
    pe_error e = {0};
    pipeline *p;

    snprintf(yaml, sizeof(yaml),
             "version: 1\npipeline: p\npilots: {pool: {kind: pool}}\n"
             "stages:\n  sense: {pilot: pool, function: generator}\n"
             "  more: {pilot: pool, %s}\n"
             "  learn: {pilot: pool, function: kmeans}\n",
             stage);
    scratch_write("p.yaml", yaml);
    p = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

/* What the pool makes of rows does not show; where it joins them it does. */
static void test_behind(void)
{
    static const double widths[D] = {1, 1, 1000};
    pipeline *p = load("function: select, options: {columns: \"2,1,0\"}");
    answers a;

    memset(&say, 0, sizeof(say));
    say.columns = "a\tb\tc";
    say.times = "100/7";
    pass(&(const wish){.pl = p}, &a);
    check_values(&a, zero, unit);
    UNIT_EQUAL(answers_column(&a, 0), "a");
    CU_ASSERT_EQUAL(a.rows[3].time_ns, 121);
    answers_close(&a);
    /* The model's column 2 is the first that is sensed. */
    pass(&(const wish){.pl = p, .widths = widths}, &a);
    UNIT_CONTAINS(notes_of(&a), "column 2 ('a') had ");
    answers_close(&a);
    pipeline_destroy(p);
    p = load("function: aggregate, options: {rows: 5, what: max}");
    pass(&(const wish){.pl = p}, &a);
    CU_ASSERT_EQUAL(a.n, PARTS * BLOCKS * 2);
    UNIT_EQUAL(answers_column(&a, 1), "b_max");
    CU_ASSERT_EQUAL(a.rows[1].time_ns, 5000); /* of its block */
    UNIT_CONTAINS(notes_of(&a), "rows were joined or left out");
    for (uint32_t k = 0; k < D; k++) {
        double most = 0;

        for (uint32_t i = 0; i < 5; i++)
            most = fmax(most, value(0, 0, i, k));
        CU_ASSERT_EQUAL(answers_values(&a, 0)[k], most);
    }
    answers_close(&a);
    pipeline_destroy(p);
}

/* Rows that the pool has left have their own times, and what was sensed. */
static void test_kept(void)
{
    pipeline *p = load("function: filter, options: {keep: inliers, threshold: "
                       "40}");
    answers a;

    memset(&say, 0, sizeof(say));
    say.columns = "a\tb\tc";
    say.times = "100/7";
    say.scale = "5:2,-7:10,0.5:0.25";
    say.files = true;
    pass(&(const wish){.pl = p}, &a);
    CU_ASSERT(a.n > 0 && a.n < PARTS * BLOCKS * POINTS);
    for (uint64_t i = 0; i < a.n; i++) {
        const answer_row *r = &a.rows[i];
        uint32_t row = (uint32_t)(r->row - r->offset * 100);

        CU_ASSERT_FATAL(row < POINTS);
        CU_ASSERT_EQUAL(r->time_ns, 100 + 7 * row);
        CU_ASSERT_EQUAL(answers_values(&a, i)[0],
                        5 + 2 * value(r->partition, r->offset, row, 0));
    }
    UNIT_EQUAL(answers_column(&a, 0), "a");
    answers_close(&a);
    pipeline_destroy(p);
    /* Rows that are joined have the time of the last. */
    p = load("function: aggregate, options: {rows: 5}");
    pass(&(const wish){.pl = p}, &a);
    CU_ASSERT_EQUAL(a.rows[0].time_ns, 100 + 7 * 4);
    CU_ASSERT_EQUAL(a.rows[1].time_ns, 100 + 7 * 9);
    CU_ASSERT_EQUAL(a.rows[1].row, 5);
    answers_close(&a);
    pipeline_destroy(p);
}

/* --- one column for all --- */

static void test_dominated(void)
{
    answers a;

    memset(&say, 0, sizeof(say));
    say.columns = "temp\tpress\twind";
    pass(&(const wish){.widths = one}, &a);
    UNIT_EQUAL(
        notes_of(&a),
        "column 1 ('press') had 100% of the variance when the model "
        "began: the distances of kmeans are those of this column; so "
        "that all 3 count, put a stage in front of it, as scale: {pilot: "
        "pool, function: standardise}\n");
    answers_close(&a);
    say.columns = NULL;
    pass(&(const wish){.widths = one}, &a);
    UNIT_CONTAINS(notes_of(&a), "column 1 had 100% of the variance");
    answers_close(&a);
}

static void test_weigh(void)
{
    static const struct {
        double widths[D];
        const char *want;
    } rows[] = {
        {{1, 1, 1}, ""},
        {{1, 10, 1}, ""}, /* 98% */
        {{1, 15, 1}, "column 1 had 99.12% of the variance"},
        {{1e-5, 1e-5, 1e-3}, "column 2 had 99.98% of the variance"},
        {{1, 0, 0}, ""}, /* the others do not move at all */
        {{1e4, 0, 1}, "column 0 had 100% of the variance"},
        {{1e30, 1e30, 1}, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_buffer b = make_model(rows[i].widths);
        pe_model *m = pe_model_decode(b.data, b.len, NULL);
        char words[512] = "";

        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(
            pe_model_dominated(m, NULL, "pool", words, sizeof(words)),
            *rows[i].want != '\0');
        UNIT_CONTAINS(words, rows[i].want);
        pe_model_destroy(m);
        pe_buffer_free(&b);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"names of columns", test_names},
        {"values behind stages of the pool", test_behind},
        {"rows that stages of the pool have kept", test_kept},
        {"a column that outweighs all others", test_dominated},
        {"how columns are weighed", test_weigh},
        {0},
    };

    scratch_make();
    int status = unit_main("values, names", tests);
    scratch_remove();
    return status;
}
