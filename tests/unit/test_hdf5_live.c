/* test_hdf5_live.c - HDF5 files that are written, or locked, meanwhile. */
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

/* --- files that the test writes --- */

/* A data set of chunks of 4 rows of 2 floats, gzip or not. */
static hid_t make_set(hid_t file, hsize_t rows, bool gzip)
{
    hsize_t dim[2] = {rows, 2}, most[2] = {H5S_UNLIMITED, 2}, chunk[2] = {4, 2};
    hid_t space = H5Screate_simple(2, dim, most);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    hid_t set;

    H5Pset_chunk(list, 2, chunk);
    if (gzip)
        H5Pset_deflate(list, 1);
    set = H5Dcreate2(file, "d", H5T_IEEE_F32LE, space, H5P_DEFAULT, list,
                     H5P_DEFAULT);
    H5Pclose(list);
    H5Sclose(space);
    return set;
}

/* Rows [from] to [to] of it: r, r + 0.5. */
static void write_rows(hid_t set, hsize_t from, hsize_t to)
{
    hsize_t start[2] = {from, 0}, count[2] = {to - from, 2}, dim[2] = {to, 2};
    float *x = calloc((size_t)count[0] * 2, sizeof(*x));
    hid_t space, memory = H5Screate_simple(2, count, NULL);

    for (hsize_t i = 0; x && i < 2 * count[0]; i++)
        x[i] = (float)(from + i / 2) + (float)(i % 2) / 2;
    H5Dset_extent(set, dim);
    space = H5Dget_space(set);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    H5Dwrite(set, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, x);
    H5Sclose(space);
    H5Sclose(memory);
    free(x);
}

static void next_is(source_bench *b, double first, uint32_t points,
                    uint64_t seq)
{
    CU_ASSERT_EQUAL_FATAL(source_next(b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b->out, 0, 0), first);
    CU_ASSERT_EQUAL(pe_block_at(&b->out, points - 1, 1),
                    first + points - 1 + 0.5);
    CU_ASSERT_EQUAL(b->out.points, points);
    CU_ASSERT_EQUAL(b->out.seq, seq);
}

/* Numbers in a file of their own, which is there or not. */
static void test_external(void)
{
    const double x[5] = {0, 10, 20, 30, 40};
    const hsize_t rows = 5;
    char path[300], raw[300], got[64];
    hid_t file, set, space = H5Screate_simple(1, &rows, NULL);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    source_bench b;

    snprintf(path, sizeof(path), "%s/outside.h5", scratch_folder);
    snprintf(raw, sizeof(raw), "%s/outside.raw", scratch_folder);
    H5Pset_external(list, "outside.raw", 0, sizeof(x));
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    set = H5Dcreate2(file, "d", H5T_IEEE_F64LE, space, H5P_DEFAULT, list,
                     H5P_DEFAULT);
    H5Dclose(set);
    H5Fclose(file);
    H5Pclose(list);
    H5Sclose(space);
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "outside.h5:/d has its numbers in file outside.raw, which is "
                  "not beside it");
    source_end(&b);
    scratch_write_bytes("outside.raw", x, sizeof(x));
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    source_read_all(&b, got, sizeof(got));
    UNIT_EQUAL(got, "0;10;20;30;40;");
    source_end(&b);
}

/* MATLAB puts a block of its own in front. */
static void test_user_block(void)
{
    char path[300];
    hid_t list = H5Pcreate(H5P_FILE_CREATE), file, set;
    source_bench b;

    snprintf(path, sizeof(path), "%s/behind.mat", scratch_folder);
    H5Pset_userblock(list, 1024);
    file = H5Fcreate(path, H5F_ACC_TRUNC, list, H5P_DEFAULT);
    set = make_set(file, 0, true);
    write_rows(set, 0, 6);
    H5Dclose(set);
    H5Fclose(file);
    H5Pclose(list);
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    next_is(&b, 0, 4, 0);
    source_end(&b);
    CU_ASSERT_EQUAL(truncate(path, 2000), 0);
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx), "behind.mat has 2000 bytes and says");
    source_end(&b);
}

/* A program that writes the file holds a lock on it. */
static void test_locked(void)
{
    char *from = source_stored("hdf5", "columns.h5"), *data;
    size_t n = 0;
    source_bench b;
    int fd;

    data = file_read(from, 1 << 20, &n, NULL);
    CU_ASSERT_FATAL(data != NULL);
    scratch_write_bytes("locked.h5", data, n);
    fd = open(scratch_path, O_RDONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
    source_init(&b, "file");
    source_set(&b, "path", scratch_path);
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "locked.h5 is locked by a program that writes it; wait until "
                  "that one has closed it");
    source_end(&b);
    close(fd);
    free(data);
    free(from);
}

/* Many small chunks, and one in the middle that was spoilt: what is before it
 * is read, the error names its row.
 */
static void test_read_error(void)
{
    char path[300], got[64];
    hid_t file, set;
    hsize_t offset[2] = {400, 0}, size;
    unsigned mask;
    haddr_t at;
    source_bench b;
    int rows = 0, rc;

    snprintf(path, sizeof(path), "%s/spoilt.h5", scratch_folder);
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    set = make_set(file, 0, true);
    write_rows(set, 0, 1000);
    H5Dflush(set);
    H5Dget_chunk_info_by_coord(set, offset, &mask, &at, &size);
    H5Dclose(set);
    H5Fclose(file);
    FILE *f = fopen(path, "r+");
    CU_ASSERT_FATAL(f != NULL);
    fseek(f, (long)at, SEEK_SET);
    fwrite("xxxxxxxx", 1, 8, f);
    fclose(f);
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    while ((rc = source_next(&b)) == PE_FORWARD)
        rows += (int)b.out.points;
    CU_ASSERT_EQUAL(rc, -1);
    CU_ASSERT_EQUAL(rows, 400);
    snprintf(got, sizeof(got), "%.60s", context_error(b.ctx));
    UNIT_CONTAINS(context_error(b.ctx),
                  "spoilt.h5:/d row 400 cannot be read: ");
    /* The library's words; from 1.14 on it loses those of the filter. */
    UNIT_CONTAINS(context_error(b.ctx), "filter returned failure during read");
    source_end(&b);
}

/* Every row once, by several devices and from any position, whatever the
 * chunks are.
 */
static void test_devices(void)
{
    char path[300];
    hid_t file, set;
    int seen[100] = {0};

    snprintf(path, sizeof(path), "%s/dealt.h5", scratch_folder);
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    set = make_set(file, 0, true);
    write_rows(set, 0, 100);
    H5Dclose(set);
    H5Fclose(file);
    for (int k = 0; k < 6; k++) { /* three devices, each started twice */
        source_bench b;
        source_init(&b, "file");
        source_set(&b, "path", path);
        b.setup.points = 7;
        b.setup.index = k / 2;
        b.setup.size = 3;
        b.setup.position = k % 2 ? 2 : 0;
        b.setup.dtype = k % 2 ? PE_F4 : PE_F8;
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        while (source_next(&b) == PE_FORWARD && (k % 2 || b.out.seq < 2)) {
            const char *row = strrchr(b.out.source, ':') + 1;
            for (uint32_t i = 0; i < b.out.points; i++) {
                int r = (int)pe_block_at(&b.out, i, 0);
                CU_ASSERT_EQUAL(r, atoi(row) + (int)i);
                CU_ASSERT_EQUAL(pe_block_at(&b.out, i, 1), r + 0.5);
                seen[r]++;
            }
        }
        source_end(&b);
    }
    for (int r = 0; r < 100; r++)
        CU_ASSERT_EQUAL(seen[r], 1);
}

/* --- a file that is being written --- */

/* What a child does: for each number on standard input that many rows are
 * there, and it is said on standard output; below 0: there is but room for so
 * many.
 */
static int write_swmr(const char *path)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS), file, set;
    hsize_t rows = 0;
    int to = 0;

    H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110);
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, list);
    set = make_set(file, 0, false);
    if (H5Fstart_swmr_write(file) < 0)
        return 1;
    do {
        printf("%d\n", to);
        fflush(stdout);
        if (scanf("%d", &to) != 1)
            _exit(0); /* as if it were killed */
        if (to < 0) {
            const hsize_t room[2] = {(hsize_t)-to, 2};
            H5Dset_extent(set, room);
        } else {
            write_rows(set, rows, (hsize_t)to);
            rows = (hsize_t)to;
        }
        H5Dflush(set);
    } while (1);
}

static FILE *to_writer, *from_writer;
static pid_t writer;

static void start_writer(const char *path)
{
    int in[2], out[2];

    CU_ASSERT_EQUAL_FATAL(pipe(in), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
    writer = fork();
    if (writer == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl("/proc/self/exe", "test_hdf5", "--write", path, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_writer = fdopen(in[1], "w");
    from_writer = fdopen(out[0], "r");
    int n = -1;
    CU_ASSERT_EQUAL(fscanf(from_writer, "%d", &n), 1);
    CU_ASSERT_EQUAL(n, 0);
}

static void have_rows(int rows)
{
    int n = -1;

    fprintf(to_writer, "%d\n", rows);
    fflush(to_writer);
    CU_ASSERT_EQUAL(fscanf(from_writer, "%d", &n), 1);
    CU_ASSERT_EQUAL(n, rows);
}

static void end_writer(void)
{
    fclose(to_writer);
    fclose(from_writer);
    CU_ASSERT_EQUAL(waitpid(writer, NULL, 0), writer);
}

static void open_followed(source_bench *b, const char *path, double within_s,
                          uint64_t position)
{
    source_init(b, "file");
    source_set(b, "path", path);
    source_set(b, "follow", "true");
    b->setup.within_s = within_s;
    b->setup.position = position;
    CU_ASSERT_EQUAL_FATAL(source_open(b), 0);
}

/* Room that a writer makes is no row: not in a chunk that is not written, nor
 * in one that is written in part.
 */
static void test_room(void)
{
    char path[300];
    source_bench b;

    snprintf(path, sizeof(path), "%s/room.h5", scratch_folder);
    start_writer(path);
    have_rows(2);
    open_followed(&b, path, 0, 0);
    next_is(&b, 0, 2, 1);
    have_rows(-11); /* two of them in the chunk of the first two */
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    have_rows(11);
    next_is(&b, 2, 2, 3);
    next_is(&b, 4, 4, 7);
    next_is(&b, 8, 3, 10);
    source_end(&b);
    /* Read once, it ends where nothing is written. */
    source_log[0] = '\0';
    have_rows(-30);
    source_init(&b, "file");
    source_set(&b, "path", path);
    b.setup.points = 100;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL_FATAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 11);
    UNIT_CONTAINS(source_log, "19 rows at the end, not written yet, are left "
                              "out; a program writes it");
    source_end(&b);
    end_writer();
}

/* Rows come as they are written; a restart goes on behind the last one; what a
 * writer that was killed left is read.
 */
static void test_follow(void)
{
    char path[300];
    source_bench b;

    snprintf(path, sizeof(path), "%s/live.h5", scratch_folder);
    start_writer(path);
    open_followed(&b, path, 3600, 0);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    have_rows(6);
    next_is(&b, 0, 4, 3);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    have_rows(9);
    next_is(&b, 4, 4, 7);
    UNIT_CONTAINS(b.out.source, "live.h5:/d:4");
    source_end(&b);
    open_followed(&b, path, 0.01, 8);
    next_is(&b, 8, 1, 8);
    have_rows(11);
    next_is(&b, 9, 2, 10);
    end_writer();
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    source_end(&b);
    /* It was killed: all that it had flushed is there, followed or not. */
    open_followed(&b, path, 0.01, 10);
    next_is(&b, 10, 1, 10);
    source_end(&b);
}

/* Rows of [b] that are as they were written; -1: one is not, or an error. */
static int rows_as_written(source_bench *b)
{
    int n = 0;

    while (source_next(b) == PE_FORWARD)
        for (uint32_t i = 0; i < b->out.points; i++, n++)
            if (pe_block_at(&b->out, i, 0) != n ||
                pe_block_at(&b->out, i, 1) != n + 0.5)
                return -1;
    return n;
}

/* A copy of more than 2,000 chunks that was cut anywhere: whatever is read is
 * what was written, and no row is made up of what is behind the end.
 */
static void test_cut_many(void)
{
    enum { CHUNKS = 3000, ROWS = 4 * CHUNKS, STEP = 400, CUTS = 3 };
    char path[300], *data;
    size_t len = 0;
    int last = 0, read = 0;

    snprintf(path, sizeof(path), "%s/many.h5", scratch_folder);
    start_writer(path);
    for (int rows = STEP; rows <= ROWS; rows += STEP)
        have_rows(rows);
    end_writer();
    data = file_read(path, 4 << 20, &len, NULL);
    CU_ASSERT_FATAL(data != NULL);
    for (size_t k = 1; k <= CUTS; k++) {
        source_bench b;
        int rows;

        scratch_write_bytes("many.h5", data, len * k / CUTS);
        source_init(&b, "file");
        source_set(&b, "path", path);
        if (source_open(&b) == 0) {
            rows = rows_as_written(&b);
            CU_ASSERT(rows >= last);
            last = rows;
            read++;
        }
        source_end(&b);
    }
    CU_ASSERT(read >= 2);
    CU_ASSERT_EQUAL(last, ROWS);
    free(data);
}

/* What the tests before opened has been closed. */
static void test_left_open(void)
{
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

int main(int argc, char **argv)
{
    static const unit_test tests[] = {
        {"numbers in another file", test_external},
        {"behind a block of the user's", test_user_block},
        {"locked", test_locked},
        {"an error in the middle", test_read_error},
        {"devices and positions", test_devices},
        {"a file that is written", test_follow},
        {"room for rows that are not written", test_room},
        {"many chunks, cut", test_cut_many},
        {"nothing is left open", test_left_open},
        {NULL, NULL},
    };

    if (argc == 3 && !strcmp(argv[1], "--write"))
        return write_swmr(argv[2]);
    setenv("HDF5_PLUGIN_PATH", "/nowhere", 1);
    store_enable_hdf5();
    return source_main("HDF5 live", tests);
}
