/* test_hdf5_clock.c - when the rows of an HDF5 file were. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5_bench.h"
#include "src/store/store.h"
#include "unit.h"

#define S INT64_C(1000000000)
#define Y2026 (1767225600 * S)

/* Units, calendar, start and what else a data set may say of itself. */
typedef struct said {
    const char *units, *calendar, *start;
} said;

/* A file whose rows of /x are the scale /time's. */
static void make_scaled(const char *name, const said *a)
{
    hid_t file = bench_file(name), x, t;

    bench_text(file, "Conventions", "CF-1.8");
    t = bench_set(file, "time", 5, 0);
    bench_text(t, "CLASS", "DIMENSION_SCALE");
    if (a->units)
        bench_text(t, "units", a->units);
    if (a->calendar)
        bench_text(t, "calendar", a->calendar);
    if (a->start)
        bench_text(t, "start", a->start);
    H5Dclose(t);
    x = bench_set(file, "x", 5, 0);
    bench_attach(file, "time", x, 0, 1);
    H5Dclose(x);
    H5Fclose(file);
}

/* The time of the next block, of [points] rows; what is in it are [features].
 */
static void next_at(source_bench *b, uint32_t points, uint32_t features,
                    int64_t ns)
{
    CU_ASSERT_EQUAL_FATAL(source_next(b), PE_FORWARD);
    CU_ASSERT_EQUAL(b->out.points, points);
    CU_ASSERT_EQUAL(b->out.features, features);
    CU_ASSERT_EQUAL(b->out.sense_ns, ns);
}

/* A coordinate of the rows' axis: the time of a block is its last row's. */
static void test_units(void)
{
    static const struct {
        said a;
        const char *options;
        int64_t fourth, fifth; /* 0: it is no clock */
        const char *words;
    } table[] = {
        {{"seconds since 2026-01-01", NULL, NULL},
         "",
         Y2026 + 3 * S,
         Y2026 + 4 * S,
         "5 rows of 1 column: x; (5,) of <f8; time is the clock\n"},
        {{"days since 2025-12-31 12:00 +1:00", "proleptic_gregorian", NULL},
         "",
         Y2026 + (3 * 24 - 13) * 3600 * S,
         Y2026 + (4 * 24 - 13) * 3600 * S,
         "time is the clock"},
        {{"ms", NULL, "2026-01-01T01:00:00"},
         "zone=+01:00",
         Y2026 + 3000000,
         Y2026 + 4000000,
         "time is the clock"},
        {{"s", NULL, NULL},
         "",
         0,
         0,
         "x; (5,) of <f8; left out: time (a coordinate)\n"},
        {{"days since 2026-01-01", "noleap", NULL},
         "",
         0,
         0,
         "; /time is not the clock (its calendar is noleap)\n"},
        {{"months since 2026-01-01", NULL, NULL},
         "",
         0,
         0,
         "/time is not the clock (it counts 'months', which is no length"},
        {{"km", NULL, "2026-01-01"},
         "",
         0,
         0,
         "/time is not the clock (it counts 'km', which is no length of time)"},
        {{"s", NULL, NULL},
         "time=time format=s",
         3 * S,
         4 * S,
         "time is the clock"},
        {{"s", NULL, NULL},
         "time=/time format=ms",
         3000000,
         4000000,
         "time is the clock"},
        {{"seconds since 2026-01-01", NULL, NULL},
         "time=none",
         0,
         0,
         "left out: time (a coordinate)"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        source_bench b;
        make_scaled("scaled.nc", &table[i].a);
        CU_ASSERT_EQUAL_FATAL(bench_open(&b, "", table[i].options), 0);
        UNIT_CONTAINS(source_log, table[i].words);
        next_at(&b, 4, 1, table[i].fourth);
        next_at(&b, 1, 1, table[i].fifth);
        CU_ASSERT_EQUAL(source_next(&b), PE_NOTHING);
        source_end(&b);
    }
}

/* By whatever way the file says which clock is whose. */
static void test_ways(void)
{
    static const struct {
        const char *member, *words;
        uint32_t features;
        int clock;
    } table[] = {
        {"/cf/temp", "temp; (5,) of <f8; when is the clock\n", 1, 1},
        {"/log", "the signal", 0, 0}, /* a group that plots nothing */
        {"/log/value", "value; (5,) of <f8; time is the clock\n", 1, 1},
        {"/nx",
         "/nx/rate: 5 rows of 1 column: rate; (5,) of <f8; its axes t "
         "are not learned from; t is the clock\n",
         1, 1},
        {"/nx/image", "5 rows of 3 columns", 3, 1},
        {"/free/a,/free/b,/free/when", "2 columns: a b; when is the clock\n", 2,
         1},
        {"/free/when,/free/a", "1 column: a; (5,) of <f8; when is the clock\n",
         1, 1},
        {"/free/a,/free/b", "2 columns: a b\n", 2, 0},
        {"/free/when", "1 column: when", 1, 0},
        {"/short/a,/short/when",
         "; /short/when is not the clock (it has 4 "
         "rows)\n",
         1, 0},
        {"/odd/a", "; /odd/text is not the clock (", 1, 0},
        {"/odd/b", "; /odd/wide is not the clock (it is no row of numbers)", 1,
         0},
    };
    hid_t file = bench_file("ways.h5"), g, x;
    const char *since = "seconds since 2026-01-01";
    source_bench b;

    g = bench_group(file, "cf", NULL);
    bench_put(g, "when", 5, since);
    bench_put(g, "depth", 5, "m");
    x = bench_set(g, "temp", 5, 0);
    bench_text(x, "coordinates", "depth gone when");
    H5Dclose(x);
    H5Gclose(g);
    g = bench_group(file, "log", "NXlog");
    bench_put(g, "value", 5, "K");
    x = bench_set(g, "time", 5, 0);
    bench_text(x, "units", "s");
    bench_text(x, "start", "2026-01-01T00:00:00Z");
    H5Dclose(x);
    H5Gclose(g);
    g = bench_group(file, "nx", "NXdata");
    bench_text(g, "signal", "rate");
    bench_text(g, "axes", "t");
    bench_put(g, "rate", 5, NULL);
    x = bench_set(g, "image", 5, 3);
    H5Dclose(x);
    x = bench_set(g, "t", 5, 0);
    bench_text(x, "units", "s");
    bench_text(x, "start", "2026-01-01T00:00:00Z");
    H5Dclose(x);
    H5Gclose(g);
    g = bench_group(file, "free", NULL);
    bench_put(g, "a", 5, NULL);
    bench_put(g, "b", 5, NULL);
    bench_put(g, "when", 5, since);
    H5Gclose(g);
    g = bench_group(file, "short", NULL);
    bench_put(g, "a", 5, NULL);
    bench_put(g, "when", 4, since);
    H5Gclose(g);
    g = bench_group(file, "odd", NULL);
    x = bench_set(g, "a", 5, 0);
    bench_text(x, "coordinates", "text");
    H5Dclose(x);
    x = bench_set(g, "b", 5, 0);
    bench_text(x, "coordinates", "wide");
    H5Dclose(x);
    x = bench_set(g, "wide", 5, 2);
    bench_text(x, "units", since);
    H5Dclose(x);
    {
        const hsize_t five = 5;
        hid_t space = H5Screate_simple(1, &five, NULL);
        x = H5Dcreate2(g, "text", H5T_C_S1, space, H5P_DEFAULT, H5P_DEFAULT,
                       H5P_DEFAULT);
        bench_text(x, "units", since);
        H5Dclose(x);
        H5Sclose(space);
    }
    H5Gclose(g);
    H5Fclose(file);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int rc = bench_open(&b, table[i].member, "");
        if (table[i].features == 0) {
            CU_ASSERT_EQUAL(rc, -1);
            UNIT_CONTAINS(context_error(b.ctx),
                          "/log is a group; name a data set in it: time (5,), "
                          "value (5,)");
        } else if (rc == 0) {
            UNIT_CONTAINS(source_log, table[i].words);
            next_at(&b, 4, table[i].features,
                    table[i].clock ? Y2026 + 3 * S : 0);
        } else {
            UNIT_EQUAL(context_error(b.ctx), "");
        }
        source_end(&b);
    }
}

/* Asked for one that is none. */
static void test_asked(void)
{
    static const struct {
        const char *options, *want;
    } table[] = {
        {"time=gone", "asked.h5 has no data set /gone"},
        {"time=/a/b", "asked.h5 has no data set /a/b"},
        {"time=x", "asked.h5:/x cannot be the clock: it has no units as "
                   "'seconds since 2026-01-01'; format: s, ms, us or ns says"},
        {"time=x format=dmy", "/x cannot be the clock: it has no units"},
        {"time=wide format=s",
         "asked.h5:/wide cannot be the clock: it is no row of numbers"},
        {"time=short format=s",
         "asked.h5:/short cannot be the clock: it has 3 rows"},
        {"time=leap", "asked.h5:/leap cannot be the clock: its calendar is "
                      "360_day"},
        {"time=x zone=noon", "zone: 'noon'"},
    };
    hid_t file = bench_file("asked.h5"), x;

    bench_put(file, "x", 5, "m");
    bench_put(file, "short", 3, "s");
    x = bench_set(file, "wide", 5, 2);
    H5Dclose(x);
    x = bench_set(file, "leap", 5, 0);
    bench_text(x, "units", "days since 2000-01-01");
    bench_text(x, "calendar", "360_day");
    H5Dclose(x);
    H5Fclose(file);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        source_bench b;
        CU_ASSERT_EQUAL(bench_open(&b, "/x", table[i].options), -1);
        UNIT_CONTAINS(context_error(b.ctx), table[i].want);
        source_end(&b);
    }
}

/* Times that are missing, packed, of whole numbers, out of order of bytes. */
static void test_numbers(void)
{
    static const int64_t whole[] = {1767225600000000001, 1767225600000000002,
                                    -9223372036854775806, 1767225600000000004};
    static const int16_t packed[] = {0, 2, -1, 4};
    static const int64_t want[2][4] = {
        {Y2026 + 1, Y2026 + 2, Y2026 + 2, Y2026 + 4},
        {Y2026 + 10 * S, Y2026 + 11 * S, Y2026 + 11 * S, Y2026 + 12 * S}};
    const hsize_t four = 4;
    hid_t file = bench_file("numbers.nc"), space, set, x;
    source_bench b;

    bench_text(file, "Conventions", "CF-1.8");
    space = H5Screate_simple(1, &four, NULL);
    set = H5Dcreate2(file, "ns", H5T_STD_I64BE, space, H5P_DEFAULT, H5P_DEFAULT,
                     H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, whole);
    bench_text(set, "units", "nanoseconds since 1970-01-01");
    H5Dclose(set);
    set = H5Dcreate2(file, "half", H5T_STD_I16LE, space, H5P_DEFAULT,
                     H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, packed);
    bench_text(set, "units", "seconds since 2026-01-01");
    bench_number(set, "scale_factor", 0.5);
    bench_number(set, "add_offset", 10);
    bench_number(set, "_FillValue", -1);
    H5Dclose(set);
    for (int i = 0; i < 2; i++) {
        x = bench_set(file, i ? "b" : "a", 4, 0);
        bench_text(x, "coordinates", i ? "half" : "ns");
        H5Dclose(x);
    }
    H5Sclose(space);
    H5Fclose(file);
    for (int i = 0; i < 2; i++) {
        char path[400];
        snprintf(path, sizeof(path), "%s:/%c", bench_path, i ? 'b' : 'a');
        source_init(&b, "file");
        source_set(&b, "path", path);
        b.setup.points = 1; /* so that each time is seen */
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        for (int k = 0; k < 4; k++)
            next_at(&b, 1, 1, want[i][k]);
        const context_skip_list *s = context_skips(b.ctx);
        CU_ASSERT_FATAL(s != NULL && s->n == 1);
        UNIT_EQUAL(s->by[0].reason, "the clock is no time");
        CU_ASSERT_EQUAL(s->by[0].n, 1);
        source_end(&b);
    }
}

/* Variables of one unlimited dimension end where they were written last. */
static void test_lengths(void)
{
    hid_t file = bench_file("lengths.nc"), x, t;
    source_bench b;

    bench_text(file, "Conventions", "CF-1.8");
    t = bench_set(file, "time", 5, 0);
    bench_text(t, "CLASS", "DIMENSION_SCALE");
    bench_text(t, "units", "seconds since 2026-01-01");
    H5Dclose(t);
    for (hsize_t k = 0; k < 2; k++) {
        x = bench_set(file, k ? "longer" : "shorter", k ? 9 : 3, 0);
        bench_attach(file, "time", x, 0, 1);
        H5Dclose(x);
    }
    H5Fclose(file);
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "/shorter", ""), 0);
    next_at(&b, 3, 1, Y2026 + 2 * S);
    source_end(&b);
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "/longer", ""), 0);
    next_at(&b, 4, 1, Y2026 + 3 * S);
    next_at(&b, 4, 1, Y2026 + 4 * S); /* three of them without a time */
    next_at(&b, 1, 1, Y2026 + 4 * S);
    CU_ASSERT_EQUAL(context_skips(b.ctx)->by[0].n, 4);
    source_end(&b);
}

/* Each row of a block has a time of its own, or that of the row before. */
static void test_each_row(void)
{
    const said a = {"ms since 2026-01-01", NULL, NULL};
    hid_t file, x, t;
    const int64_t *times;
    uint32_t n = 0;
    source_bench b;
    const double values[4] = {5, NAN, 1e300, 9};
    const hsize_t four = 4;
    hid_t space = H5Screate_simple(1, &four, NULL);

    make_scaled("each.nc", &a);
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "", ""), 0);
    CU_ASSERT_PTR_NULL(context_times_get(b.ctx, &n));
    next_at(&b, 4, 1, Y2026 + 3000000);
    times = context_times_get(b.ctx, &n);
    CU_ASSERT_FATAL(times != NULL && n == 4);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(times[i], Y2026 + i * 1000000);
    next_at(&b, 1, 1, Y2026 + 4000000);
    times = context_times_get(b.ctx, &n);
    CU_ASSERT_FATAL(times != NULL && n == 1);
    CU_ASSERT_EQUAL(times[0], Y2026 + 4000000);
    source_end(&b);
    file = bench_file("holes.nc");
    t = H5Dcreate2(file, "time", H5T_IEEE_F64LE, space, H5P_DEFAULT,
                   H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(t, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    bench_text(t, "units", "s since 2026-01-01");
    H5Dclose(t);
    x = bench_set(file, "x", 4, 0);
    bench_attach(file, "time", x, 0, 1);
    H5Dclose(x);
    H5Sclose(space);
    H5Fclose(file);
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "", ""), 0);
    next_at(&b, 4, 1, Y2026 + 9 * S);
    times = context_times_get(b.ctx, &n);
    CU_ASSERT_FATAL(times != NULL && n == 4);
    CU_ASSERT(times[0] == Y2026 + 5 * S && times[1] == times[0] &&
              times[2] == times[0] && times[3] == Y2026 + 9 * S);
    CU_ASSERT_EQUAL(context_skips(b.ctx)->by[0].n, 2);
    UNIT_CONTAINS(source_log, "holes.nc:/x: the clock, time, of row 1 is no "
                              "time; that of the row before is taken");
    source_end(&b);
}

/* The clock is no column, and numbers from 0 count without it. */
static void test_columns(void)
{
    const said a = {"seconds since 2026-01-01", NULL, NULL};
    source_bench b;

    make_scaled("columns.nc", &a);
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "", "columns=0"), 0);
    next_at(&b, 4, 1, Y2026 + 3 * S);
    source_end(&b);
    CU_ASSERT_EQUAL(bench_open(&b, "", "columns=time"), -1);
    UNIT_CONTAINS(context_error(b.ctx), "columns: 'time' is no column of ");
    source_end(&b);
    /* Asked for by its path it is as good as any. */
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "/time,/x", "time=none"), 0);
    next_at(&b, 4, 2, 0);
    source_end(&b);
}

/* Kinds of files of which no column is a clock. */
static void test_other_kinds(void)
{
    char *path = source_stored("arrays", "two.npy");
    source_bench b;

    source_init(&b, "file");
    source_set(&b, "path", path);
    source_set(&b, "time", "a");
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "two.npy is a .npy file, of which no column is taken for the "
                  "clock; leave it out");
    source_end(&b);
    free(path);
}

static void test_left_open(void)
{
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"units, calendars, starts", test_units},
        {"ways to say whose it is", test_ways},
        {"asked for", test_asked},
        {"numbers of any kind", test_numbers},
        {"lengths of netCDF", test_lengths},
        {"each row", test_each_row},
        {"no column", test_columns},
        {"other kinds of files", test_other_kinds},
        {"nothing is left open", test_left_open},
        {NULL, NULL},
    };

    store_enable_hdf5();
    return source_main("clocks of HDF5", tests);
}
