/* test_hdf5_list.c - what is in an HDF5 file, and what of it is meant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5_bench.h"
#include "src/common/text.h"
#include "src/store/store.h"
#include "unit.h"

/* The lines of [words] but the first [skip], without the folder of the test. */
static char *listed(const char *member)
{
    char path[512], *words, *out, *to;
    size_t n = strlen(bench_path);

    snprintf(path, sizeof(path), "%s%s%s", bench_path, *member ? ":" : "",
             member);
    words = store_list(path);
    CU_ASSERT_FATAL(words != NULL);
    out = to = malloc(strlen(words) + 1);
    CU_ASSERT_FATAL(out != NULL);
    for (const char *at = words; *at;)
        if (!strncmp(at, bench_path, n)) {
            *to++ = 'F';
            at += n;
        } else {
            *to++ = *at++;
        }
    *to = '\0';
    free(words);
    return out;
}

/* A data set with chunks, filters, and a name. */
static void put_packed(hid_t at, const char *name)
{
    const hsize_t dim[2] = {6, 2}, chunk[2] = {4, 2};
    hid_t space = H5Screate_simple(2, dim, NULL);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), set;

    H5Pset_chunk(list, 2, chunk);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 4);
    set = H5Dcreate2(at, name, H5T_STD_I16BE, space, H5P_DEFAULT, list,
                     H5P_DEFAULT);
    bench_text(set, "units", "counts");
    bench_text(set, "long_name", "what was\ncounted");
    H5Dclose(set);
    H5Pclose(list);
    H5Sclose(space);
}

/* NXroot with two entries, of which the second is the default. */
static void make_scan(bool by_default)
{
    hid_t file = bench_file("scan.nxs"), e, d;

    e = bench_group(file, "a", "NXentry");
    d = bench_group(e, "data", "NXdata");
    bench_text(d, "signal", "rate");
    bench_put(d, "rate", 6, "Hz");
    H5Gclose(d);
    H5Gclose(e);
    e = bench_group(file, "b", "NXentry");
    d = bench_group(e, "first", "NXdata");
    bench_text(d, "signal", "rate");
    bench_put(d, "rate", 6, NULL);
    H5Gclose(d);
    d = bench_group(e, "second", "NXdata");
    bench_text(d, "signal", "image");
    bench_text(d, "axes", "angle");
    put_packed(d, "image");
    bench_put(d, "angle", 6, "degree");
    H5Gclose(d);
    if (by_default) {
        bench_text(file, "default", "b");
        bench_text(e, "default", "second");
    }
    H5Gclose(e);
    H5Fclose(file);
}

static void test_nexus(void)
{
    char *got;

    make_scan(true);
    got = listed("");
    UNIT_EQUAL(
        got,
        "F: 4 data sets in 6 groups\n"
        "    /                               group, default: b\n"
        "    /a                              group, NXentry\n"
        "    /a/data                         group, NXdata, signal: rate\n"
        "    /a/data/rate                    (6,) float64  [Hz]\n"
        "    /b                              group, NXentry, default: second\n"
        "    /b/first                        group, NXdata, signal: rate\n"
        "    /b/first/rate                   (6,) float64\n"
        "    /b/second                       group, NXdata, signal: image, "
        "axes: angle\n"
        "    /b/second/angle                 (6,) float64  [degree]\n"
        "  * /b/second/image                 (6, 2) int16, chunks (4, 2), "
        "shuffle, gzip 4  [counts]  \"what was?counted\"\n"
        "learned from (*): the signal of /b/second, by `default` of /, by "
        "`default` of /b\n"
        "others: F:/a/data/rate F:/b/first/rate F:/b/second/angle\n");
    free(got);
    got = listed("/b/first");
    UNIT_EQUAL(got, "F:/b/first: 1 data set in 1 group\n"
                    "    /b/first                        group, NXdata, "
                    "signal: rate\n"
                    "  * /b/first/rate                   (6,) float64\n"
                    "learned from (*): the signal of /b/first\n");
    free(got);
    got = listed("/a/data/rate");
    UNIT_EQUAL(got, "  * /a/data/rate                    (6,) float64  [Hz]\n"
                    "learned from (*): named\n");
    free(got);
}

/* Several things are plotted, and nothing says which is meant: asked for. */
static void test_asked(void)
{
    source_bench b;
    char *got;

    make_scan(false);
    CU_ASSERT_EQUAL(bench_open(&b, "", ""), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "scan.nxs plots 3 things, and no `default` says which is "
                  "meant: /a/data/rate, /b/first/rate, /b/second/image; name "
                  "one, ");
    source_end(&b);
    got = listed("");
    UNIT_CONTAINS(got, "one of these: F:/a/data/rate F:/b/first/rate "
                       "F:/b/second/angle F:/b/second/image\n");
    CU_ASSERT_PTR_NULL(strstr(got, "learned"));
    free(got);
    /* A group of which one thing is plotted will do. */
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "/a", ""), 0);
    UNIT_CONTAINS(source_log, "scan.nxs:/a/data/rate: 6 rows of 1 column");
    source_end(&b);
    CU_ASSERT_EQUAL(bench_open(&b, "/b", ""), -1);
    UNIT_CONTAINS(context_error(b.ctx), "plots 2 things");
    source_end(&b);
}

/* As files before 2014 say it: data sets that are the signal by themselves. */
static void test_old_signals(void)
{
    hid_t file = bench_file("old.nxs"), e, d, x;
    source_bench b;

    e = bench_group(file, "entry", "NXentry");
    d = bench_group(e, "data", "NXdata");
    x = bench_set(d, "counts", 6, 0);
    bench_number(x, "signal", 1);
    H5Dclose(x);
    x = bench_set(d, "errors", 6, 0);
    bench_number(x, "signal", 2);
    H5Dclose(x);
    bench_put(d, "angle", 6, NULL);
    H5Gclose(d);
    d = bench_group(e, "twice", "NXdata");
    for (int i = 0; i < 2; i++) {
        x = bench_set(d, i ? "left" : "right", 6, 0);
        bench_text(x, "signal", "1");
        H5Dclose(x);
    }
    H5Gclose(d);
    H5Gclose(e);
    H5Fclose(file);
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "/entry/data", ""), 0);
    UNIT_CONTAINS(source_log, "old.nxs:/entry/data/counts: 6 rows of 1");
    source_end(&b);
    CU_ASSERT_EQUAL(bench_open(&b, "/entry/twice", ""), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "old.nxs plots 2 things, and no `default` says which is "
                  "meant: /entry/twice/left, /entry/twice/right;");
    source_end(&b);
}

/* A default that leads to nothing that is plotted is passed by. */
static void test_bad_defaults(void)
{
    hid_t file = bench_file("defaults.nxs"), e, d;
    source_bench b;

    bench_text(file, "default", "nowhere");
    e = bench_group(file, "entry", "NXentry");
    bench_text(e, "default", "log");
    d = bench_group(e, "log", "NXlog");
    bench_put(d, "value", 3, NULL);
    H5Gclose(d);
    d = bench_group(e, "loop", "NXdata");
    bench_text(d, "signal", "gone");
    H5Lcreate_hard(file, "entry", d, "entry", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(d);
    H5Gclose(e);
    H5Fclose(file);
    /* Nothing is plotted: it is the only data set there is. */
    CU_ASSERT_EQUAL_FATAL(bench_open(&b, "", ""), 0);
    UNIT_CONTAINS(source_log, "defaults.nxs:/entry/log/value: 3 rows");
    source_end(&b);
    free(listed("")); /* and groups in a circle have an end */
}

/* Whatever else may lie in a file. */
static void test_objects(void)
{
    const hsize_t three = 3;
    hid_t file = bench_file("objects.h5"), g, space, type, set;
    char *got;

    bench_put(file, "x", 3, "m");
    set = bench_set(file, "bare", 3, 0);
    bench_text(set, "CLASS", "DIMENSION_SCALE");
    bench_text(set, "NAME",
               "This is a netCDF dimension but not a netCDF "
               "variable.         3");
    H5Dclose(set);
    set = bench_set(file, "y", 3, 0);
    bench_text(set, "CLASS", "DIMENSION_SCALE");
    H5Dclose(set);
    space = H5Screate(H5S_SCALAR);
    H5Dclose(H5Dcreate2(file, "one", H5T_NATIVE_INT, space, H5P_DEFAULT,
                        H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    space = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(file, "none", H5T_NATIVE_INT, space, H5P_DEFAULT,
                        H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    space = H5Screate_simple(1, &three, NULL);
    type = H5Tcreate(H5T_COMPOUND, 12);
    H5Tinsert(type, "a", 0, H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "b", 8, H5T_NATIVE_INT);
    H5Dclose(H5Dcreate2(file, "records", type, space, H5P_DEFAULT, H5P_DEFAULT,
                        H5P_DEFAULT));
    H5Tcommit2(file, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
    H5Dclose(H5Dcreate2(file, "words", H5T_C_S1, space, H5P_DEFAULT,
                        H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Lcreate_soft("/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/gone", file, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/a", file, "away", H5P_DEFAULT,
                       H5P_DEFAULT);
    g = bench_group(file, "bell\a", NULL);
    H5Gclose(g);
    H5Fclose(file);
    got = listed("");
    UNIT_EQUAL(
        got,
        "F: 7 data sets in 2 groups, 3 links, 1 other object\n"
        "    /                               group\n"
        "    /away                           -> other.h5:/a, which is not "
        "there\n"
        "    /bare                           (3,) float64  (a dimension "
        "without a variable)\n"
        "    /bell?                          group\n"
        "    /dangling                       -> /gone, which is not there\n"
        "    /none                           empty int32\n"
        "    /one                            () int32\n"
        "  * /records                        (3,) records of 2 numbers\n"
        "    /soft                           -> /x, (3,) float64\n"
        "    /type                           a named type\n"
        "    /words                          (3,) text\n"
        "  * /x                              (3,) float64  [m]\n"
        "    /y                              (3,) float64  (a coordinate)\n"
        "learned from (*): all data sets of numbers, of one axis each\n");
    free(got);
}

/* Of many objects some are shown, of each group, and the others are counted. */
static void test_bounded(void)
{
    enum { SETS = 3000, GROUPS = 300 };
    hid_t file = bench_file("many.h5"), g, h;
    char name[32], *got;
    size_t lines = 0;

    g = bench_group(file, "full", NULL);
    for (int i = 0; i < SETS; i++) {
        snprintf(name, sizeof(name), "s%04d", i);
        bench_put(g, name, 2, NULL);
    }
    h = bench_group(g, "t", NULL);
    bench_put(h, "deep", 2, NULL);
    H5Gclose(h);
    H5Gclose(g);
    for (int i = 0; i < GROUPS; i++) {
        snprintf(name, sizeof(name), "g%03d", i);
        g = bench_group(file, name, NULL);
        bench_put(g, "x", 2, NULL);
        H5Gclose(g);
    }
    bench_put(file, "z", 3, NULL);
    H5Fclose(file);
    got = listed("");
    UNIT_CONTAINS(got, "F: 3302 data sets in 303 groups; 119 of them are "
                       "shown\n");
    UNIT_CONTAINS(got, "... and 2961 more beside it\n");
    UNIT_CONTAINS(got, "... and 262 more beside it\n");
    UNIT_CONTAINS(got, " and 67 more\n");
    for (const char *at = got; (at = strchr(at, '\n')); at++)
        lines++;
    CU_ASSERT(lines < 130);
    free(got);
    /* What is named is shown, wherever it is. */
    got = listed("/full/t/deep");
    UNIT_CONTAINS(got, "  * /full/t/deep");
    free(got);
}

/* Files of kinds that hold one thing have no list. */
static void test_no_list(void)
{
    char *path = source_stored("arrays", "two.npy");

    CU_ASSERT_PTR_NULL(store_list(path));
    free(path);
    CU_ASSERT_PTR_NULL(store_list("/nowhere/at.h5"));
}

/* Units go along with the columns that were chosen. */
static void test_units(void)
{
    static const struct {
        const char *columns;
        const char *name, *unit;
    } table[] = {
        {NULL, "x", "m"}, {"y", "y", ""}, {"y,x", "y", ""}, {"x,y", "x", "m"}};
    hid_t file = bench_file("units.h5");

    bench_put(file, "x", 3, "m");
    bench_put(file, "y", 3, NULL);
    H5Fclose(file);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        store_wish w = {
            .path = bench_path, .rows = -1, .columns = table[i].columns};
        store_table *s = store_open(&w, NULL);
        uint32_t number;
        CU_ASSERT_FATAL(s != NULL);
        UNIT_EQUAL(store_column(s, 0, &number), table[i].name);
        UNIT_EQUAL(store_column_unit(s, 0), table[i].unit);
        store_close(s);
    }
}

static void test_left_open(void)
{
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"NeXus", test_nexus},
        {"asked for, where there are several", test_asked},
        {"signals of old files", test_old_signals},
        {"defaults that lead nowhere", test_bad_defaults},
        {"objects of any kind", test_objects},
        {"many objects", test_bounded},
        {"no list", test_no_list},
        {"units", test_units},
        {"nothing is left open", test_left_open},
        {NULL, NULL},
    };

    store_enable_hdf5();
    return source_main("lists of HDF5", tests);
}
