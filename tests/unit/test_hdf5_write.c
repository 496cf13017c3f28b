/* test_hdf5_write.c - HDF5 files that stage write makes. */
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/hdf5/hdf5.h"

/* --- written --- */

static const char *columns; /* what those of the next one are called */

/* One that `write` makes of [blocks] blocks of [points] rows. */
static void keep(const char *path, int blocks, uint32_t points)
{
    source_bench b;
    pe_block in = {.device = "d-0", .has_seq = 1, .sense_ns = 5};
    pe_error e = {0};

    source_init(&b, "write");
    source_set(&b, "path", path);
    source_set(&b, "what", "rows");
    b.setup.run = "r1";
    b.setup.stage = "keep";
    b.setup.device = b.setup.writer = "d-0";
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(context_columns(b.ctx, columns), 0);
    for (int k = 0; k < blocks; k++) {
        char source[64];

        CU_ASSERT_EQUAL(pe_block_reserve(&in, points, 2, PE_F8, &e), 0);
        snprintf(source, sizeof(source), "data/f.csv:%u", (unsigned)k * points);
        in.source = source;
        in.seq = (uint64_t)k;
        for (uint32_t i = 0; i < 2 * points; i++)
            ((double *)in.data)[i] = (double)k * 2 * points + i;
        CU_ASSERT_EQUAL(b.ops->process_edge(b.ctx, &in, &b.out), PE_FORWARD);
    }
    CU_ASSERT_EQUAL(function_finish(b.ops, b.ctx, &e), 0);
    UNIT_EQUAL(e.text, "");
    pe_block_release(&in);
    b.out.storage = NULL; /* it borrows */
    source_end(&b);
}

static void read_back(const char *path, const char *set, char *out, size_t cap)
{
    char name[400];
    source_bench b;

    snprintf(name, sizeof(name), "%s:%s", path, set);
    source_init(&b, "file");
    source_set(&b, "path", name);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    source_read_all(&b, out, cap);
    source_end(&b);
}

/* What is made of rows is read as they were, whole slabs and a rest. */
static void test_written(void)
{
    char path[300], made[320], rows[600], name[400];
    hid_t file, set, type;
    char device[64] = "";

    snprintf(path, sizeof(path), "%s/kept.h5", scratch_folder);
    snprintf(made, sizeof(made), "%s/kept.d-0.h5", scratch_folder);
    keep(path, 2, 2);
    read_back(made, "/x", rows, sizeof(rows));
    UNIT_EQUAL(rows, "0 1;2 3;4 5;6 7;");
    read_back(made, "/row", rows, sizeof(rows));
    UNIT_EQUAL(rows, "0;1;2;3;");
    read_back(made, "/time_ns,/last", rows, sizeof(rows));
    UNIT_EQUAL(rows, "5 0;5 1;5 2;5 3;");
    file = H5Fopen(made, H5F_ACC_RDONLY, H5P_DEFAULT);
    set = H5Dopen2(file, "/device", H5P_DEFAULT);
    type = H5Dget_type(set);
    CU_ASSERT_EQUAL(H5Tget_size(type), 64);
    CU_ASSERT_EQUAL(H5Tget_class(type), H5T_STRING);
    hsize_t one = 1, from = 3;
    hid_t there = H5Dget_space(set), here = H5Screate_simple(1, &one, NULL);
    H5Sselect_hyperslab(there, H5S_SELECT_SET, &from, NULL, &one, NULL);
    CU_ASSERT(H5Dread(set, type, here, there, H5P_DEFAULT, device) >= 0);
    UNIT_EQUAL(device, "d-0");
    H5Sclose(there);
    H5Sclose(here);
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(file);
    snprintf(name, sizeof(name), "%s.new", made);
    CU_ASSERT(access(name, F_OK) < 0);

    /* More than are written at once; the array is another by then. */
    unlink(made);
    snprintf(name, sizeof(name), "%s.part", made);
    unlink(name);
    snprintf(name, sizeof(name), "%s.part.index", made);
    unlink(name);
    keep(path, 3, 9000);
    snprintf(name, sizeof(name), "%s:/x", made);
    source_bench b;
    source_init(&b, "file");
    source_set(&b, "path", name);
    b.setup.points = 27000;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL_FATAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL_FATAL(b.out.points, 27000);
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < 27000; i++)
        wrong += pe_block_at(&b.out, i, 1) != 2.0 * i + 1;
    CU_ASSERT_EQUAL(wrong, 0);
    source_end(&b);
}

/* Names of columns, as the attribute of a data set, and in the array that it is
 * made of, which is read like any other.
 */
static void test_names(void)
{
    static const char *const wants[] = {"T Â°C", "it's \\"};
    char path[300], name[400], rows[600], names[2][16] = {"", ""};
    hid_t file, set, at, type;

    snprintf(path, sizeof(path), "%s/named.h5", scratch_folder);
    columns = "T Â°C\tit's \\";
    keep(path, 2, 2);
    columns = NULL;
    snprintf(name, sizeof(name), "%s/named.d-0.h5", scratch_folder);
    file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
    set = H5Dopen2(file, "/x", H5P_DEFAULT);
    at = H5Aopen(set, "columns", H5P_DEFAULT);
    type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, sizeof(names[0]));
    H5Tset_cset(type, H5T_CSET_UTF8);
    CU_ASSERT(H5Aread(at, type, names) >= 0);
    for (int k = 0; k < 2; k++)
        UNIT_EQUAL(names[k], wants[k]);
    H5Tclose(type);
    H5Aclose(at);
    H5Dclose(set);
    H5Fclose(file);
    read_back(name, "/x", rows, sizeof(rows));
    UNIT_EQUAL(rows, "0 1;2 3;4 5;6 7;");
    source_bench b;
    snprintf(name, sizeof(name), "%s/named.d-0.h5.part", scratch_folder);
    source_init(&b, "file");
    source_set(&b, "path", name);
    source_set(&b, "columns", "x[0],x[1]");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    source_read_all(&b, rows, sizeof(rows));
    UNIT_EQUAL(rows, "0 1;2 3;4 5;6 7;");
    source_end(&b);
}

/* Rank 0 makes the file of a rank that is not there any more; one that is
 * there, and a file of somebody else, are left alone.
 */
static void test_written_by_others(void)
{
    static const int64_t next[] = {1};
    static const unsigned char own[] = {1};
    static const char *const writers[] = {"pool-3", "pool-1", "more-0"};
    const context_committed c = {.next = next, .own = own, .n = 1};
    source_bench b[3];
    char path[300], made[320], rows[600];
    pe_error e = {0};

    snprintf(path, sizeof(path), "%s/left.h5", scratch_folder);
    for (int k = 0; k < 3; k++) {
        pe_block in = {.device = "d-0", .source = "f:4", .offset = 0};

        source_init(&b[k], "write");
        source_set(&b[k], "path", path);
        source_set(&b[k], "what", "rows");
        b[k].setup.run = "r1";
        b[k].setup.stage = "keep";
        b[k].setup.device = "";
        b[k].setup.size = 2;
        b[k].setup.index = k;
        b[k].setup.writer = writers[k];
        CU_ASSERT_EQUAL_FATAL(source_open(&b[k]), 0);
        CU_ASSERT_EQUAL(function_settle(b[k].ops, b[k].ctx, &c, &e), 0);
        CU_ASSERT_EQUAL(pe_block_reserve(&in, 1, 1, PE_F8, &e), 0);
        *(double *)in.data = k;
        CU_ASSERT_EQUAL(b[k].ops->process_cloud(b[k].ctx, &in, &b[k].out), 1);
        pe_block_release(&in);
        b[k].out.storage = NULL;
    }
    source_end(&b[0]); /* pool-3 is gone, more-0 lives */
    source_init(&b[0], "write");
    source_set(&b[0], "path", path);
    source_set(&b[0], "what", "rows");
    b[0].setup.run = "r1";
    b[0].setup.stage = "keep";
    b[0].setup.device = "";
    b[0].setup.size = 2;
    b[0].setup.writer = "pool-0";
    CU_ASSERT_EQUAL_FATAL(source_open(&b[0]), 0);
    CU_ASSERT_EQUAL(function_settle(b[0].ops, b[0].ctx, &c, &e), 0);
    CU_ASSERT_EQUAL(function_finish(b[0].ops, b[0].ctx, &e), 0);
    UNIT_EQUAL(e.text, "");
    snprintf(made, sizeof(made), "%s/left.pool-3.h5", scratch_folder);
    read_back(made, "/x,/row", rows, sizeof(rows));
    UNIT_EQUAL(rows, "0 4;");
    for (int k = 1; k < 3; k++) {
        snprintf(made, sizeof(made), "%s/left.%s.h5", scratch_folder,
                 writers[k]);
        CU_ASSERT(access(made, F_OK) < 0);
    }
    /* One that has kept nothing makes nothing. */
    snprintf(made, sizeof(made), "%s/left.pool-0.h5", scratch_folder);
    CU_ASSERT(access(made, F_OK) < 0);
    for (int k = 0; k < 3; k++)
        source_end(&b[k]);
}

/* What is no array of rows, and where there is no room. */
static void test_not_written(void)
{
    static const struct {
        const char *data, *text;
    } rows[] = {
        {"no array", "is no array of rows as they are written"},
        {"\x93NUMPY\x01"
         "0v0{'descr': '<f8', 'shape': (3,)}",
         "is no array of rows as they are written"},
        {"\x93NUMPY\x01"
         "0v0{'descr': [('a', '<f8'), ('b', '|O8')], 'shape': "
         "(3,)}",
         "is no array of rows as they are written"},
    };
    char path[300], to[300];
    pe_error e = {0};

    snprintf(to, sizeof(to), "%s/none.h5", scratch_folder);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scratch_write("none.npy", rows[i].data);
        snprintf(path, sizeof(path), "%s", scratch_path);
        CU_ASSERT_EQUAL(store_make_hdf5(path, to, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT(access(to, F_OK) < 0);
    }
    snprintf(path, sizeof(path), "%s/kept.d-0.h5.part", scratch_folder);
    CU_ASSERT_EQUAL(store_make_hdf5(path, "/dev/null/none.h5", &e), -1);
    UNIT_CONTAINS(e.text, "/dev/null/none.h5.new cannot be written: ");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    /* One that is shorter than it says. */
    CU_ASSERT_EQUAL(truncate(path, 600), 0);
    CU_ASSERT_EQUAL(store_make_hdf5(path, to, &e), -1);
    UNIT_CONTAINS(e.text, "is no array of rows as they are written");
    CU_ASSERT(access(to, F_OK) < 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"written", test_written},
        {"written with the names of columns", test_names},
        {"written for others", test_written_by_others},
        {"not written", test_not_written},
        {NULL, NULL},
    };

    setenv("HDF5_PLUGIN_PATH", "/nowhere", 1);
    store_enable_hdf5();
    return source_main("HDF5 written", tests);
}
