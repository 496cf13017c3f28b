/* test_write.c - the stage that keeps rows: what is in a file. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "write_bench.h"
#include "src/file/write_part.h"

/* --- options --- */

static void test_bad_options(void)
{
    static const struct {
        const char *options, *text;
    } rows[] = {
        {"", "path is not given; name the file to write, as in path: rows.csv"},
        {"path=/tmp/rows",
         "path: what to write is not seen by its end, '': let it end in .csv, "
         ".npy or .h5, or say format"},
        {"path=/tmp.d/rows",
         "path: what to write is not seen by its end, '': let it end in .csv, "
         ".npy or .h5, or say format"},
        {"path=r.xlsx",
         "path: what to write is not seen by its end, 'xlsx': let it end in "
         ".csv, .npy or .h5, or say format"},
        {"path=r.csv;what=rows,labels",
         "what: 'labels' is none of rows, scores"},
        {"path=r.csv;what=", "what: '' is none of rows, scores"},
        {"path=r.csv;columns=3-1",
         "columns: '3-1' is neither a number from 0 on nor a range as 5-8"},
        {"path=r.csv;what=scores;columns=1",
         "columns: those of rows, and what: does not name them"},
    };
    bench b;

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};

        CU_ASSERT_EQUAL(bench_open(&b, rows[i].options, (context_setup){0}),
                        -1);
        UNIT_EQUAL(context_error(b.ctx), rows[i].text);
        /* And before anything is started. */
        CU_ASSERT_EQUAL(
            function_check(b.fn, &(context_setup){.options = b.options}, &e),
            -1);
        UNIT_EQUAL(e.text, rows[i].text);
        bench_close(&b);
    }
    CU_ASSERT_EQUAL(bench_open(&b, "path=r;format=csv", (context_setup){0}), 0);
    CU_ASSERT(function_scores(b.fn, b.options));
    CU_ASSERT(function_keeps(b.fn));
    pe_options_set(b.options, "what", "rows", NULL);
    CU_ASSERT_FALSE(function_scores(b.fn, b.options));
    bench_close(&b);
}

/* --- what is in it --- */

static void test_csv(void)
{
    char options[400];
    bench b;

    remove_all();
    have_model = false;
    path_option(options, "rows.CSV", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    CU_ASSERT_PTR_EQUAL(b.out.data, b.in.data);
    have_model = true;
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 2), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 3, 1), PE_FORWARD);
    bench_close(&b);
    check_file("rows.d-0.CSV",
               "time,device,source,row,score,threshold,label,version,x0,x1\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,,,warming,0,1,10\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,2,2,inlier,12,2,20\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,8,2,2,inlier,12,2,21\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,3,2,outlier,12,3,30"
               "\n");
}

/* Rows have their own times where somebody says them, of each. */
static void test_times(void)
{
    static const int64_t ns[] = {5, 1500000000};
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows;columns=0");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    context_times(b.ctx, ns, 2);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 2), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), PE_FORWARD); /* of others */
    bench_close(&b);
    check_file("rows.d-0.csv",
               "time,device,source,row,x0\n"
               "1970-01-01T00:00:00.000000005Z,d-0,f.csv,7,1\n"
               "1970-01-01T00:00:01.500000000Z,d-0,f.csv,8,1\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,2\n");
}

/* Values have the names that are said before the first block; what is empty, or
 * one of our own titles, is called by its number.
 */
static void test_names(void)
{
    static const struct {
        const char *names, *more, *titles;
    } rows[] = {
        {"temp\thum, rel", ";what=rows", "temp,\"hum, rel\""},
        {"temp\thum", ";what=rows;columns=1,0,1", "hum,temp,hum"},
        {"\tsource", ";what=rows", "x0,x1"},
        {"only", ";what=rows", "only,x1"},
        {NULL, ";what=rows", "x0,x1"},
    };
    char options[400], want[200];
    bench b;

    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len;
        char *data;

        remove_all();
        path_option(options, "rows.csv", rows[i].more);
        CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
        CU_ASSERT(function_named(function_ops(b.fn), b.options));
        CU_ASSERT_EQUAL(context_columns(b.ctx, rows[i].names), 0);
        CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
        bench_close(&b);
        data = read_file("rows.d-0.csv", &len);
        data[strcspn(data, "\n")] = '\0';
        snprintf(want, sizeof(want), "time,device,source,row,%s",
                 rows[i].titles);
        UNIT_EQUAL(data, want);
        free(data);
        UNIT_EQUAL(told, "");
    }
    path_option(options, "rows.csv", ";what=scores");
    CU_ASSERT_EQUAL(bench_open(&b, options, (context_setup){0}), 0);
    CU_ASSERT_FALSE(function_named(function_ops(b.fn), b.options));
    bench_close(&b);
}

/* A file has one line of titles: names that come late, or change, are said,
 * once, also in the next life.
 */
static void test_other_names(void)
{
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    for (int life = 0; life < 2; life++) {
        CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
        context_columns(b.ctx, "temp\thum");
        CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
        UNIT_EQUAL(told, "");
        context_columns(b.ctx, "temp\twind");
        CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), PE_FORWARD);
        context_columns(b.ctx, "rain\twind");
        CU_ASSERT_EQUAL(feed(&b, 0, 3, 1), PE_FORWARD);
        UNIT_EQUAL(told,
                   "stage 'keep' gets columns that are called temp, wind now; "
                   "its file calls them temp, hum, as they were called when it "
                   "was begun\n");
        *told = '\0';
        bench_close(&b);
    }
    remove_all();
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    context_columns(b.ctx, "temp\thum");
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), PE_FORWARD);
    UNIT_EQUAL(told, "stage 'keep' was not told what its columns are called, "
                     "temp, hum, when its file was begun: there they are x0, "
                     "x1, ...\n");
    bench_close(&b);
}

/* A rank whose first block says nothing asks those that know. */
static void test_shared_names(void)
{
    char options[400], rows[2000];
    bench b, c;

    remove_all();
    is_shared = true;
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    CU_ASSERT_EQUAL(bench_open(&c, options, rank("pool-1", 1)), 0);
    settle(&b, (const int64_t[]){0, 0}, NULL);
    settle(&c, (const int64_t[]){0, 0}, NULL);
    context_columns(b.ctx, "temp\thum");
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), PE_FORWARD);
    UNIT_EQUAL(shared, "write/keep/columns=temp\thum");
    CU_ASSERT_EQUAL(feed(&c, 1, 0, 1), PE_FORWARD);
    bench_close(&b);
    bench_close(&c);
    check_file("rows.pool-1.csv",
               "time,device,source,row,temp,hum\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,100,1000\n");
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "0.0 ");
    is_shared = false;
}

/* Other names and rows, and a part of the columns. */
static void test_csv_rows(void)
{
    static const struct {
        const char *device, *source;
        double x;
        const char *line;
    } rows[] = {
        {"d,1", "f.csv:0-9/5", 1.5, "\"d,1\",f.csv,0-4,1.5\n"},
        {"d", "a\"b\nc:3-5*", NAN, "d,\"a\"\"b\nc\",3-5,\n"},
        {"d", NULL, INFINITY, "d,,,inf\n"},
        {"d", "unnumbered", 0.1, "d,,,0.10000000000000001\n"},
    };
    char options[400], want[500];
    bench b;

    path_option(options, "part.csv", ";what=rows;columns=1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        remove_all();
        CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
        CU_ASSERT_EQUAL(pe_block_reserve(&b.in, 1, 2, PE_F8, NULL), 0);
        ((double *)b.in.data)[1] = rows[i].x;
        b.in.device = rows[i].device;
        b.in.source = rows[i].source;
        CU_ASSERT_EQUAL(function_ops(b.fn)->process_edge(b.ctx, &b.in, &b.out),
                        1);
        bench_close(&b);
        snprintf(want, sizeof(want), "time,device,source,row,x1\n,%s",
                 rows[i].line);
        check_file("part.d-0.csv", want);
    }
}

static void test_npy(void)
{
    static const char head[] =
        "{'descr': [('time_ns', '<i8'), ('device', 'S64'), ('source', 'S192'), "
        "('row', '<i8'), ('last', '<i8'), ('score', '<f4'), ('label', '<i4'), "
        "('threshold', '<f8'), ('version', '<u8'), ('x', '<f8', (2,))], "
        "'fortran_order': False, 'shape': (3,), }";
    const size_t item = 8 + 64 + 192 + 16 + 24 + 16;
    char options[400], *data;
    int32_t label;
    int64_t row;
    double x[2];
    size_t len;
    bench b;

    remove_all();
    have_model = true;
    path_option(options, "rows.npy", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 3, 2), PE_FORWARD);
    bench_close(&b);
    data = read_file("rows.d-0.npy", &len);
    CU_ASSERT_EQUAL_FATAL(len, 512 + 3 * item);
    CU_ASSERT_EQUAL(memcmp(data, "\x93NUMPY\x01\0\xf6\x01", 10), 0);
    CU_ASSERT_EQUAL(strncmp(data + 10, head, strlen(head)), 0);
    CU_ASSERT_EQUAL(data[511], '\n');
    UNIT_EQUAL(data + 512 + 8, "d-0");
    UNIT_EQUAL(data + 512 + 72, "f.csv");
    memcpy(&row, data + 512 + 2 * item + 264, sizeof(row));
    CU_ASSERT_EQUAL(row, 8);
    memcpy(&label, data + 512 + 2 * item + 284, sizeof(label));
    CU_ASSERT_EQUAL(label, 1);
    memcpy(x, data + 512 + 2 * item + 304, sizeof(x));
    CU_ASSERT_EQUAL(x[0], 3);
    CU_ASSERT_EQUAL(x[1], 31);
    free(data);
}

/* The title of the values has their names, and numbers of rows fit behind it.
 */
static void test_npy_names(void)
{
    static const struct {
        const char *names, *title;
        char version;
    } rows[] = {
        {"temp\thum", ", (('temp\\thum', 'x'), '<f8', (2,))]", 1},
        {"it's\ta\\b", ", (('it\\'s\\ta\\\\b', 'x'), '<f8', (2,))]", 1},
        {"T °C\thum", ", (('T °C\\thum', 'x'), '<f8', (2,))]", 3},
    };
    char options[400], *names = malloc(12000);
    size_t len;
    bench b;

    CU_ASSERT_PTR_NOT_NULL_FATAL(names);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *data;

        remove_all();
        path_option(options, "rows.npy", ";what=rows");
        CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
        context_columns(b.ctx, rows[i].names);
        CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
        bench_close(&b);
        data = read_file("rows.d-0.npy", &len);
        CU_ASSERT_EQUAL(data[6], rows[i].version);
        UNIT_CONTAINS(data + 12, rows[i].title);
        UNIT_CONTAINS(data + 12, "'shape': (1,), }");
        free(data);
    }
    /* Many of them: the rows begin behind them. */
    remove_all();
    memset(names, 'n', 11999);
    names[11999] = '\0';
    names[7000] = '\t';
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    context_columns(b.ctx, names);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    bench_close(&b);
    free(read_file("rows.d-0.npy", &len));
    CU_ASSERT(len > 12000);
    CU_ASSERT_EQUAL((len - (8 + 64 + 192 + 16 + 16)) % 64, 0);
    free(names);
}

static void test_other_blocks(void)
{
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_reserve(&b.in, 1, 3, PE_F8, NULL), 0);
    CU_ASSERT_EQUAL(function_ops(b.fn)->process_edge(b.ctx, &b.in, &b.out), -1);
    UNIT_EQUAL(context_error(b.ctx),
               "features changed from 2 to 3, and a file has rows of one kind");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_INPUT);
    bench_close(&b);
    /* Started again by other options. */
    path_option(options, "rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), -1);
    UNIT_EQUAL(context_error(b.ctx),
               "the file has csv rows of 2 features f8, and this block makes "
               "csv rows scores of 2 features f8: take another path");
    bench_close(&b);
}

/* A file of somebody else is not written to. */
static void test_not_ours(void)
{
    char options[400];
    context_setup set = device("d-0");
    bench b, c;

    remove_all();
    path_option(options, "rows.csv", "");
    scratch_write("rows.d-0.csv", "mine\n");
    CU_ASSERT_EQUAL(bench_open(&b, options, set), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "rows.d-0.csv is there and is not ours: "
                  "remove it and ");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(context_failure(b.ctx)->exit_code, PE_EXIT_CREATE);
    bench_close(&b);
    check_file("rows.d-0.csv", "mine\n");

    remove_all();
    CU_ASSERT_EQUAL(bench_open(&b, options, set), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    /* Two at a time. */
    const part_conf conf = {.path = in_folder("rows.d-0.csv"),
                            .owner = "r1 keep"};
    pe_error e = {0};
    CU_ASSERT_PTR_NULL(part_open(&conf, &e));
    UNIT_CONTAINS(e.text, "rows.d-0.csv is being written by another process");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    bench_close(&b);
    set.run = "r2";
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(context_error(c.ctx), "is there and is that of r1 keep");
    bench_close(&c);
    /* {run} is the run's. */
    path_option(options, "rows-{run}.csv", "");
    CU_ASSERT_EQUAL(bench_open(&c, options, set), 0);
    CU_ASSERT_EQUAL(feed(&c, 0, 1, 1), PE_FORWARD);
    bench_close(&c);
    CU_ASSERT_EQUAL(access(in_folder("rows-r2.d-0.csv"), R_OK), 0);
    /* Nor is one that was changed. */
    CU_ASSERT_EQUAL(truncate(in_folder("rows-r2.d-0.csv"), 60), 0);
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(context_error(c.ctx), "is shorter than its index says");
    bench_close(&c);
    scratch_write("rows-r2.d-0.csv.index", "pilot-edge rows 1\nwhat\n");
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(
        context_error(c.ctx),
        "was changed: it has a line 'pilot-edge rows 1'; "
        "put it back as it was, or remove it, and the file beside it");
    bench_close(&c);
    path_option(options, "nowhere/rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(context_error(c.ctx), "nowhere/rows.d-0.csv is not there: "
                                        "make it, on each host");
    CU_ASSERT_EQUAL(context_failure(c.ctx)->exit_code, PE_EXIT_CREATE);
    bench_close(&c);
}

/* Two stages with one path: the second fails for good, also while nothing is
 * in the file of the first one; nobody waits for what does not end.
 */
static void test_two_stages(void)
{
    const part_conf visitor = {.path = in_folder("rows.pool-0.csv"),
                               .owner = "r1 other"};
    part_conf other = visitor;
    char options[400];
    pe_error e = {0};
    bench b;

    remove_all();
    path_option(options, "rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    other.claims = true;
    other.patience_s = 1e9;
    CU_ASSERT_PTR_NULL(part_open(&other, &e));
    UNIT_CONTAINS(e.text, "rows.pool-0.csv is there and is that of r1 keep");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    bench_close(&b);
    /* A visitor takes nothing that is nobody's yet. */
    remove_all();
    part_close(part_open(&visitor, &e));
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    bench_close(&b);
}

/* HDF5 is for programs that have it. */
static void test_no_hdf5(void)
{
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.h5", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, (context_setup){0}), 0);
    bench_close(&b);
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "rows.h5 is not made: this program was built without HDF5; "
                  "let the path end in .npy or .csv");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->exit_code, PE_EXIT_CONFIG);
    bench_close(&b);
}

/* A rank that looks ahead has nothing to keep. */
static void test_nobody(void)
{
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, (context_setup){.size = 1}), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    settle(&b, (const int64_t[]){0, 0}, NULL);
    bench_close(&b);
    CU_ASSERT_EQUAL(rmdir(scratch_folder), 0);
    CU_ASSERT_EQUAL(mkdir(scratch_folder, 0700), 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"options that are none", test_bad_options},
        {"CSV", test_csv},
        {"CSV: times of rows", test_times},
        {"CSV: names of columns", test_names},
        {"CSV: other names of columns", test_other_names},
        {"CSV: names that another rank knows", test_shared_names},
        {"CSV: names and numbers", test_csv_rows},
        {"an array", test_npy},
        {"an array: names of columns", test_npy_names},
        {"blocks of another kind", test_other_blocks},
        {"files that are not ours", test_not_ours},
        {"two stages, one path", test_two_stages},
        {"HDF5 without it", test_no_hdf5},
        {"nobody keeps nothing", test_nobody},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("write", tests);
    scratch_remove();
    return status;
}
