/* test_hdf5_parts.c - data sets whose numbers lie somewhere else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hdf5_bench.h"
#include "scratch.h"
#include "src/store/store.h"
#include "unit.h"

/* A virtual data set [name] of [rows]: all of them are [set] of [from]. */
static void put_virtual(hid_t file, const char *name, const char *from,
                        const char *set, hsize_t rows)
{
    hid_t space = H5Screate_simple(1, &rows, NULL);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), made;

    CU_ASSERT(H5Pset_virtual(list, space, from, set, space) >= 0);
    made = H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, list,
                      H5P_DEFAULT);
    CU_ASSERT(made >= 0);
    H5Dclose(made);
    H5Pclose(list);
    H5Sclose(space);
}

/* What is put together from others is read, or it is said which is missing. */
static void test_virtual(void)
{
    static const struct {
        const char *member, *rows, *error;
    } table[] = {
        {"/own", "0;1;2;3;4;", ""},
        {"/beside", "0;1;2;3;4;", ""},
        {"/twice", "0;1;2;3;4;", ""},
        {"/gone", NULL,
         "virtual.h5:/gone is put together from others, and data set /none of "
         "file . is not there; its rows would be made up"},
        {"/short", NULL,
         "/short is put together from others, and data set /three of file . "
         "has fewer rows than are taken of it; its rows would be made up"},
        {"/away", NULL, "data set /x of file away.h5 is not there"},
        {"/no-hdf5", NULL, "text.h5 is not an HDF5 file; its rows would be"},
        {"/circle", NULL,
         ": data sets are put together from others too many times"},
        {"/v9", NULL, ": data sets are put together from others too many"},
        {"/v5", "0;1;2;3;4;", ""},
    };
    hid_t file = bench_file("source.h5");

    bench_put(file, "x", 5, NULL);
    H5Fclose(file);
    scratch_write("text.h5", "no HDF5");
    file = bench_file("virtual.h5");
    bench_put(file, "x", 5, NULL);
    bench_put(file, "three", 3, NULL);
    put_virtual(file, "own", ".", "/x", 5);
    put_virtual(file, "beside", "source.h5", "/x", 5);
    put_virtual(file, "twice", ".", "/beside", 5);
    put_virtual(file, "gone", ".", "/none", 5);
    put_virtual(file, "short", ".", "/three", 5);
    put_virtual(file, "away", "away.h5", "/x", 5);
    put_virtual(file, "no-hdf5", "text.h5", "/x", 5);
    put_virtual(file, "circle", ".", "/circle", 5);
    put_virtual(file, "v0", ".", "/x", 5);
    for (int i = 1; i < 10; i++) {
        char name[8], from[8];
        snprintf(name, sizeof(name), "v%d", i);
        snprintf(from, sizeof(from), "/v%d", i - 1);
        put_virtual(file, name, ".", from, 5);
    }
    H5Fclose(file);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char got[64];
        source_bench b;
        int rc = bench_open(&b, table[i].member, "");
        CU_ASSERT_EQUAL(rc, table[i].rows ? 0 : -1);
        UNIT_CONTAINS(context_error(b.ctx), table[i].error);
        if (rc == 0) {
            source_read_all(&b, got, sizeof(got));
            UNIT_EQUAL(got, table[i].rows);
        }
        source_end(&b);
    }
}

/* A list says what a data set is put together from. */
static void test_listed(void)
{
    char *list = store_list(bench_path);

    CU_ASSERT_FATAL(list != NULL);
    UNIT_CONTAINS(list, "/own                            (5,) float64, put "
                        "together from 1 part\n");
    free(list);
}

/* Numbers in files of their own, each of some bytes from some place on. */
static void put_external(hid_t file, const char *name, hsize_t rows,
                         bool endless)
{
    hid_t space = H5Screate_simple(1, &rows, NULL), made;
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);

    if (!endless)
        H5Pset_external(list, "a.raw", 8, 16);
    H5Pset_external(list, "b.raw", 0, endless ? H5F_UNLIMITED : 24);
    made = H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, list,
                      H5P_DEFAULT);
    CU_ASSERT(made >= 0);
    H5Dclose(made);
    H5Pclose(list);
    H5Sclose(space);
}

static void test_external(void)
{
    static const struct {
        size_t a, b; /* numbers that are there */
        const char *member, *rows, *error;
    } table[] = {
        {3, 3, "/both", "1;2;0;1;2;", ""},
        {4, 9, "/both", "1;2;0;1;2;", ""},
        {2, 3, "/both", NULL,
         "external.h5:/both has its numbers in file a.raw, which has 16 bytes "
         "and no 24: it is cut; its rows would be made up"},
        {3, 2, "/both", NULL,
         "/both has its numbers in file b.raw, which has 16 bytes and no 24"},
        {3, 0, "/both", NULL, "in file b.raw, which has 0 bytes and no 24"},
        {0, 4, "/endless", "0;1;2;3;", ""},
        {0, 3, "/endless", NULL, "in file b.raw, which has 24 bytes and no 32"},
        {3, 0, "/first", "1;2;", ""}, /* what nobody needs may be missing */
    };
    static const double numbers[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    hid_t file = bench_file("external.h5");

    put_external(file, "both", 5, false);
    put_external(file, "endless", 4, true);
    put_external(file, "first", 2, false);
    H5Fclose(file);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char got[64];
        source_bench b;
        scratch_write_bytes("a.raw", numbers, table[i].a * 8);
        scratch_write_bytes("b.raw", numbers, table[i].b * 8);
        int rc = bench_open(&b, table[i].member, "");
        CU_ASSERT_EQUAL(rc, table[i].rows ? 0 : -1);
        UNIT_CONTAINS(context_error(b.ctx), table[i].error);
        if (rc == 0) {
            source_read_all(&b, got, sizeof(got));
            UNIT_EQUAL(got, table[i].rows);
        }
        source_end(&b);
    }
}

/* Links to other files, and to themselves. */
static void test_links(void)
{
    static const struct {
        const char *member, *error; /* "": it is read */
    } table[] = {
        {"/soft", ""},
        {"/away", ""},
        {"/group/x", ""},
        {"/loop", "links.h5: /loop is a link to /loop, which is not there"},
        {"/none", "links.h5: /none is a link to /y of file source.h5, which "
                  "is not there"},
        {"/group/y", "links.h5 has no /group/y"},
        {"/soft/x", "links.h5 has no /soft/x"},
    };
    hid_t file = bench_file("source.h5");

    bench_put(file, "x", 5, NULL);
    H5Fclose(file);
    file = bench_file("links.h5");
    bench_put(file, "x", 5, NULL);
    H5Lcreate_soft("/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/loop", file, "loop", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("source.h5", "/x", file, "away", H5P_DEFAULT,
                       H5P_DEFAULT);
    H5Lcreate_external("source.h5", "/", file, "group", H5P_DEFAULT,
                       H5P_DEFAULT);
    H5Lcreate_external("source.h5", "/y", file, "none", H5P_DEFAULT,
                       H5P_DEFAULT);
    H5Fclose(file);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char got[64];
        source_bench b;
        int rc = bench_open(&b, table[i].member, "");
        CU_ASSERT_EQUAL(rc, *table[i].error ? -1 : 0);
        UNIT_CONTAINS(context_error(b.ctx), table[i].error);
        if (rc == 0) {
            source_read_all(&b, got, sizeof(got));
            UNIT_EQUAL(got, "0;1;2;3;4;");
        }
        source_end(&b);
    }
}

static void test_left_open(void)
{
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"virtual", test_virtual},
        {"in a list", test_listed},
        {"in files of their own", test_external},
        {"links", test_links},
        {"nothing is left open", test_left_open},
        {NULL, NULL},
    };

    store_enable_hdf5();
    return source_main("HDF5 of several parts", tests);
}
