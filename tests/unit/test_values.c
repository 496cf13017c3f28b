/* test_values.c - every row with its own time and the values that were sensed.
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

static const double zero[D] = {0, 0, 0}, unit[D] = {1, 1, 1};

/* Of every row, the same for any number of threads. */
static void test_all(void)
{
    char *path = text_format("%s/values/values.npy", scratch_folder);
    char *first = NULL;
    size_t len = 0, first_len = 0;

    memset(&say, 0, sizeof(say));
    say.columns = "temp\thum\twind";
    for (int threads = 1; threads <= 4; threads++) {
        answers a;
        char *data;

        say.asked = threads % 2;
        pass(&(const wish){.threads = threads}, &a);
        CU_ASSERT_EQUAL(a.n, PARTS * BLOCKS * POINTS);
        CU_ASSERT_EQUAL(a.n_values, D);
        CU_ASSERT_PTR_NOT_NULL(a.all);
        check_values(&a, zero, unit);
        UNIT_EQUAL(answers_column(&a, 0), "temp");
        UNIT_EQUAL(answers_column(&a, 2), "wind");
        CU_ASSERT_PTR_NULL(answers_column(&a, 3));
        UNIT_EQUAL(notes_of(&a), "");
        data = file_read(path, 1 << 20, &len, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(data);
        if (first) {
            CU_ASSERT_EQUAL(len, first_len);
            CU_ASSERT_EQUAL(memcmp(first, data, len), 0);
            free(data);
        } else {
            first = data;
            first_len = len;
        }
        answers_close(&a);
    }
    free(first);
    free(path);
}

/* Where they find no room only the highest have some, and that is said. */
static void test_bound(void)
{
    static const struct {
        uint64_t bytes;
        bool all;
    } rows[] = {{PARTS * BLOCKS * POINTS * D * 8, true},
                {PARTS * BLOCKS * POINTS * D * 8 - 1, false},
                {1, false}};

    memset(&say, 0, sizeof(say));
    say.columns = "a\tb\tc";
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *path = text_format("%s/values/values.npy", scratch_folder);
        answers a;

        pass(&(const wish){.bytes = rows[i].bytes}, &a);
        CU_ASSERT_EQUAL(a.all != NULL, rows[i].all);
        CU_ASSERT_EQUAL(access(path, F_OK), rows[i].all ? 0 : -1);
        CU_ASSERT_PTR_NOT_NULL(answers_values(&a, a.top[0]));
        UNIT_EQUAL(answers_column(&a, 1), "b");
        if (rows[i].all)
            UNIT_EQUAL(notes_of(&a), "");
        else
            UNIT_EQUAL(notes_of(&a),
                       "values are kept of the 240 highest rows alone: those "
                       "of all 240 would take more than 0 MiB\n");
        answers_close(&a);
        free(path);
    }
}

/* --- times --- */

static void test_times(void)
{
    static const struct {
        const char *times;
        int64_t first, fourth;
        const char *note;
    } rows[] = {
        {"100/7", 100, 121, ""},
        {"100/10:1*4,0*5", 100, 130, ""},
        {NULL, 5000, 5000, ""},
        {"100/10:1*4", 5000, 5000,
         "24 blocks have a header pe_times or pe_scale that cannot be read: it "
         "is as if it were not there\n"},
        {"", 5000, 5000,
         "24 blocks have a header pe_times or pe_scale that cannot be read: it "
         "is as if it were not there\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        answers a;

        memset(&say, 0, sizeof(say));
        say.times = rows[i].times;
        pass(&(const wish){0}, &a);
        CU_ASSERT_EQUAL(a.rows[0].time_ns, rows[i].first);
        CU_ASSERT_EQUAL(a.rows[3].time_ns, rows[i].fourth);
        UNIT_EQUAL(notes_of(&a), rows[i].note);
        answers_close(&a);
    }
}

/* Rows of a file have the time that the file says, or none. */
static void test_file_times(void)
{
    answers a;

    memset(&say, 0, sizeof(say));
    pass(&(const wish){.what = "f.csv"}, &a);
    CU_ASSERT_EQUAL(a.rows[0].time_ns, 0);
    answers_close(&a);
    say.times = "100/7";
    pass(&(const wish){.what = "f.csv"}, &a);
    CU_ASSERT_EQUAL(a.rows[1].time_ns, 107);
    answers_close(&a);
}

/* --- values that were scaled --- */

static void test_scale(void)
{
    static const double shift[D] = {5, -7, 0.5}, scale[D] = {2, 10, 0.25};
    answers a;

    memset(&say, 0, sizeof(say));
    say.scale = "5:2,-7:10,0.5:0.25";
    pass(&(const wish){.standardised = true}, &a);
    check_values(&a, shift, scale);
    UNIT_EQUAL(notes_of(&a),
               "values are as they were sensed: what 'standardise' of the "
               "devices made of them is undone\n");
    answers_close(&a);
    /* A row that is masked was not scaled. */
    say.masked = true;
    pass(&(const wish){.standardised = true}, &a);
    CU_ASSERT_EQUAL(a.rows[3].label, ANSWER_MASKED);
    CU_ASSERT_EQUAL(answers_values(&a, 3)[0], value(0, 0, 3, 0));
    CU_ASSERT(isinf(answers_values(&a, 3)[1]));
    CU_ASSERT_EQUAL(answers_values(&a, 4)[0], 5 + 2 * value(0, 0, 4, 0));
    answers_close(&a);
    /* Records that do not say it. */
    memset(&say, 0, sizeof(say));
    pass(&(const wish){.standardised = true}, &a);
    check_values(&a, zero, unit);
    UNIT_EQUAL(notes_of(&a),
               "24 blocks have the values that 'standardise' of "
               "the devices made: their records do not say how\n");
    answers_close(&a);
    say.scale = "5:2,-7:10";
    pass(&(const wish){0}, &a);
    UNIT_CONTAINS(notes_of(&a), "24 blocks have a header pe_times or pe_scale");
    answers_close(&a);
}

int main(void)
{
    static const unit_test tests[] = {
        {"values of all rows", test_all},
        {"values: no more than there is room for", test_bound},
        {"times of rows", test_times},
        {"times of a file's rows", test_file_times},
        {"values that devices have scaled", test_scale},
        {0},
    };

    scratch_make();
    int status = unit_main("values", tests);
    scratch_remove();
    return status;
}
