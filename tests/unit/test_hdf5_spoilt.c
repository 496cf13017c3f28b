/* test_hdf5_spoilt.c - HDF5 files that are cut, odd, huge or many. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hdf5_bench.h"
#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/store/store.h"
#include "unit.h"

/* --- cut --- */

/* Every cut of a stored file is an error that names the file, or, where a file
 * may be read beside its writer, rows that were written: none are made up.
 */
static void test_cut(void)
{
    static const struct {
        const char *name, *member;
        bool swmr; /* its writer was killed: some of it may be read */
    } table[] = {
        {"cf.nc", "/temp", false},      {"columns.h5", "", false},
        {"entry.nxs", "/a/x", false},   {"filters.h5", "/none", false},
        {"killed-swmr.h5", "", true},   {"killed.h5", "/d", false},
        {"latest.h5", "/plain", false}, {"nexus.nxs", "", false},
        {"several.h5", "/a", false},    {"types.h5", "/types/be-f8", false},
    };
    int cuts = 0, read = 0;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *from = source_stored("hdf5", table[i].name), *data;
        size_t n = 0;
        data = file_read(from, 1 << 20, &n, NULL);
        CU_ASSERT_FATAL(data != NULL);
        for (size_t len = 0; len < n; len += 512) {
            char got[4096];
            source_bench b;
            scratch_write_bytes(table[i].name, data, len);
            snprintf(bench_path, sizeof(bench_path), "%s", scratch_path);
            int rc = bench_open(&b, len ? table[i].member : "", "");
            cuts++;
            if (rc == 0) {
                read++;
                CU_ASSERT(table[i].swmr);
                source_read_all(&b, got, sizeof(got));
                /* Rows from the first on, or where they cannot be read. */
                if (!strstr(got, "cannot be read"))
                    CU_ASSERT_EQUAL(strncmp("0 1 2;10 11 12;20 21 22;30 31 32;"
                                            "40 41 42;",
                                            got, strlen(got)),
                                    0);
            } else {
                UNIT_CONTAINS(context_error(b.ctx), table[i].name);
                CU_ASSERT_PTR_NULL(strchr(context_error(b.ctx), '\n'));
                CU_ASSERT_PTR_NULL(strstr(context_error(b.ctx), "h5clear"));
            }
            source_end(&b);
            CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL),
                            0);
        }
        free(data);
        free(from);
    }
    printf("# %d cuts, %d of them can be read in part\n", cuts, read);
}

/* --- odd attributes --- */

enum { ODD_KINDS = 11 };

/* Attribute [name] of [object], of odd kind [kind]. */
static void put_odd(hid_t object, const char *name, int kind)
{
    static double numbers[2000];
    static char words[60000];
    const hsize_t three = 3, many = 2000;
    const char *none[3] = {NULL, "a", NULL};
    hid_t type = -1, space = -1, a;
    const void *data = numbers;

    switch (kind) {
    case 0: /* nothing at all */
        space = H5Screate(H5S_NULL);
        type = H5Tcopy(H5T_NATIVE_DOUBLE);
        break;
    case 1: /* a number where a word is due */
        space = H5Screate(H5S_SCALAR);
        type = H5Tcopy(H5T_NATIVE_INT);
        break;
    case 2: /* too many numbers */
        space = H5Screate_simple(1, &many, NULL);
        type = H5Tcopy(H5T_NATIVE_DOUBLE);
        break;
    case 3: /* words that are not there */
        space = H5Screate_simple(1, &three, NULL);
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, H5T_VARIABLE);
        data = none;
        break;
    case 4: /* an endless word, without an end */
        memset(words, 'x', sizeof(words));
        space = H5Screate(H5S_SCALAR);
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, sizeof(words));
        data = words;
        break;
    case 5: /* an empty word */
        space = H5Screate(H5S_SCALAR);
        type = H5Tcopy(H5T_C_S1);
        data = "";
        break;
    case 6: /* a record */
        space = H5Screate(H5S_SCALAR);
        type = H5Tcreate(H5T_COMPOUND, 16);
        H5Tinsert(type, "a", 0, H5T_NATIVE_DOUBLE);
        break;
    case 7: { /* a list of lists */
        static hvl_t lists[3];
        space = H5Screate_simple(1, &three, NULL);
        type = H5Tvlen_create(H5T_NATIVE_DOUBLE);
        data = lists;
        break;
    }
    case 8: /* control characters */
        space = H5Screate(H5S_SCALAR);
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, 8);
        data = "a\n\x01/\x80 b";
        break;
    case 9: /* a word of the right kind that is none here */
        space = H5Screate(H5S_SCALAR);
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, 4);
        data = "../x";
        break;
    case 10: { /* references to nothing */
        static hobj_ref_t refs[3];
        space = H5Screate_simple(1, &three, NULL);
        type = H5Tcopy(H5T_STD_REF_OBJ);
        data = refs;
        break;
    }
    default:
        CU_FAIL_FATAL("no such kind");
    }
    a = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a >= 0) {
        H5Awrite(a, type, data);
        H5Aclose(a);
    }
    H5Sclose(space);
    H5Tclose(type);
}

/* A file with such an attribute on its data set, or on a group of it. */
static void make_odd(const char *name, int kind, bool on_group)
{
    hid_t file = bench_file("odd.nxs"), e, d, set;

    bench_text(file, "Conventions", "CF-1.8");
    e = bench_group(file, "entry", "NXentry");
    d = H5Gcreate2(e, "data", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    set = bench_set(d, "x", 4, 0);
    put_odd(on_group ? d : set, name, kind);
    H5Dclose(set);
    H5Gclose(d);
    H5Gclose(e);
    H5Fclose(file);
}

/* Whatever an attribute is, rows are read, or one error says why not. */
static void test_odd_attributes(void)
{
    static const char *const names[] = {
        "NX_class",   "signal",      "axes",          "auxiliary_signals",
        "default",    "units",       "calendar",      "start",
        "long_name",  "coordinates", "CLASS",         "NAME",
        "_FillValue", "_Unsigned",   "missing_value", "scale_factor",
        "add_offset", "valid_range", "valid_min",     "DIMENSION_LIST",
    };
    int read = 0, refused = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (int k = 0; k < 2 * ODD_KINDS; k++) {
            char got[512], *list;
            source_bench b;
            make_odd(names[i], k / 2, k % 2);
            if (bench_open(&b, "", "") == 0) {
                source_read_all(&b, got, sizeof(got));
                read++;
            } else {
                UNIT_CONTAINS(context_error(b.ctx), "odd.nxs");
                refused++;
            }
            source_end(&b);
            list = store_list(bench_path);
            CU_ASSERT_FATAL(list != NULL);
            for (const char *p = list; *p; p++)
                CU_ASSERT(*p == '\n' || (unsigned char)*p >= ' ');
            free(list);
            CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL),
                            0);
        }
    CU_ASSERT(read > 300);
    printf("# %d read, %d refused\n", read, refused);
}

/* --- odd types --- */

static hid_t odd_type(int kind)
{
    const hsize_t two = 2;
    hid_t base, type;

    switch (kind) {
    case 0:
        return H5Tvlen_create(H5T_NATIVE_INT);
    case 1:
        return H5Tcreate(H5T_OPAQUE, 3);
    case 2:
        return H5Tcopy(H5T_STD_REF_OBJ);
    case 3:
        return H5Tarray_create2(H5T_C_S1, 1, &two);
    case 4: /* an array of arrays */
        base = H5Tarray_create2(H5T_NATIVE_INT, 1, &two);
        type = H5Tarray_create2(base, 1, &two);
        H5Tclose(base);
        return type;
    case 5:
        return H5Tcopy(H5T_C_S1);
    case 6: /* records in records without an end */
        type = H5Tcopy(H5T_NATIVE_INT);
        for (int i = 0; i < 20; i++) {
            base = type;
            type = H5Tcreate(H5T_COMPOUND, H5Tget_size(base));
            H5Tinsert(type, "in", 0, base);
            H5Tclose(base);
        }
        return type;
    case 7: /* a record of texts alone */
        type = H5Tcreate(H5T_COMPOUND, 1);
        H5Tinsert(type, "s", 0, H5T_C_S1);
        return type;
    default:
        return -1;
    }
}

static void test_odd_types(void)
{
    static const char *const words[] = {
        "it is of lists of different lengths",
        "it is of bytes without a meaning",
        "it is of references",
        "it is of arrays of text",
        "it is of arrays of records",
        "it is of text",
        "it is of ",
        "it is of ",
    };
    const hsize_t three = 3;
    hid_t type;

    for (int kind = 0; (type = odd_type(kind)) >= 0; kind++) {
        hid_t file = bench_file("types.h5");
        hid_t space = H5Screate_simple(1, &three, NULL);
        source_bench b;
        char *list;
        H5Dclose(H5Dcreate2(file, "d", type, space, H5P_DEFAULT, H5P_DEFAULT,
                            H5P_DEFAULT));
        H5Sclose(space);
        H5Tclose(type);
        H5Fclose(file);
        CU_ASSERT_EQUAL(bench_open(&b, "/d", ""), -1);
        UNIT_CONTAINS(context_error(b.ctx), words[kind]);
        source_end(&b);
        CU_ASSERT_EQUAL(bench_open(&b, "", ""), -1);
        UNIT_CONTAINS(context_error(b.ctx),
                      "types.h5 has no data set of numbers with rows");
        source_end(&b);
        list = store_list(bench_path);
        UNIT_CONTAINS(list ? list : "", "    /d  ");
        free(list);
    }
}

/* --- huge, and many --- */

/* As many chunks as rows, made at once and never written. */
static void test_many_chunks(void)
{
    enum { CHUNKS = 1000000 };
    const hsize_t dim = CHUNKS, one = 1, start = CHUNKS - 1;
    const double last = 7, fill = 3;
    hid_t list = H5Pcreate(H5P_FILE_ACCESS), file, space, made, memory, set;
    source_bench b;
    double sum = 0;
    int rows = 0;

    snprintf(bench_path, sizeof(bench_path), "%.200s/chunks.h5",
             scratch_folder);
    H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110);
    file = H5Fcreate(bench_path, H5F_ACC_TRUNC, H5P_DEFAULT, list);
    made = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(made, 1, &one);
    H5Pset_fill_value(made, H5T_NATIVE_DOUBLE, &fill);
    space = H5Screate_simple(1, &dim, NULL);
    set = H5Dcreate2(file, "d", H5T_IEEE_F32LE, space, H5P_DEFAULT, made,
                     H5P_DEFAULT);
    memory = H5Screate_simple(1, &one, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &one, NULL);
    CU_ASSERT(H5Dwrite(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT,
                       &last) >= 0);
    H5Dclose(set);
    H5Sclose(memory);
    H5Sclose(space);
    H5Pclose(made);
    H5Pclose(list);
    H5Fclose(file);
    source_init(&b, "file");
    source_set(&b, "path", bench_path);
    b.setup.points = 10000;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    while (source_next(&b) == PE_FORWARD) {
        rows += (int)b.out.points;
        for (uint32_t i = 0; i < b.out.points; i++)
            sum += pe_block_at(&b.out, i, 0);
    }
    UNIT_EQUAL(context_error(b.ctx), "");
    CU_ASSERT_EQUAL(rows, CHUNKS);
    CU_ASSERT_EQUAL(sum, 3.0 * (CHUNKS - 1) + 7);
    source_end(&b);
    unlink(bench_path);
}

/* Every file of a folder once, each from a block of its own on. */
static void read_folder(const char *folder, int files, int rows_each)
{
    source_bench b;
    int rows = 0, blocks = 0;

    source_init(&b, "file");
    source_set(&b, "path", folder);
    b.setup.points = 8;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    while (source_next(&b) == PE_FORWARD) {
        rows += (int)b.out.points;
        blocks++;
    }
    UNIT_EQUAL(context_error(b.ctx), "");
    CU_ASSERT_EQUAL(blocks, files);
    CU_ASSERT_EQUAL(rows, files * rows_each);
    source_end(&b);
}

static void test_many_files(void)
{
    enum { FILES = 10000 };
    static const struct {
        const char *folder, *from, *end;
        int rows;
    } table[] = {{"arrays", "flat.npy", "npy", 5},
                 {"hdf5", "columns.h5", "h5", 5}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *from = source_stored(table[i].folder, table[i].from), *data;
        char folder[300], first[400], name[400];
        size_t n = 0;
        data = file_read(from, 1 << 20, &n, NULL);
        CU_ASSERT_FATAL(data != NULL);
        snprintf(folder, sizeof(folder), "%.200s/many-%s", scratch_folder,
                 table[i].end);
        CU_ASSERT_EQUAL(mkdir(folder, 0700), 0);
        snprintf(first, sizeof(first), "%s/scan0.%s", folder, table[i].end);
        CU_ASSERT_EQUAL(file_write(first, data, n, 0600, NULL), 0);
        for (int k = 1; k < FILES; k++) {
            snprintf(name, sizeof(name), "%s/scan%d.%s", folder, k,
                     table[i].end);
            CU_ASSERT_EQUAL(link(first, name), 0);
        }
        read_folder(folder, FILES, table[i].rows);
        free(data);
        free(from);
    }
}

static void test_left_open(void)
{
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"cut", test_cut},
        {"odd attributes", test_odd_attributes},
        {"odd types", test_odd_types},
        {"a million chunks", test_many_chunks},
        {"ten thousand files", test_many_files},
        {"nothing is left open", test_left_open},
        {NULL, NULL},
    };

    store_enable_hdf5();
    return source_main("HDF5 that is spoilt", tests);
}
