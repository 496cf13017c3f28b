/* test_hdf5.c - the source that reads HDF5, NeXus and netCDF-4. */
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

static char *stored(const char *name)
{
    return source_stored("hdf5", name);
}

#define ROWS SOURCE_ROWS
#define CUBE SOURCE_CUBE

/* Rows, whatever the data set, and what is said of it. */
static void test_rows(void)
{
    static const source_rows table[] = {
        {"types.h5:/types/i1", "", ROWS,
         "types.h5:/types/i1: 5 rows of 3 columns; (5, 3) of |i1\n"},
        {"types.h5:/types/u1", "", ROWS, "|u1"},
        {"types.h5:/types/le-i2", "", ROWS, "<i2"},
        {"types.h5:/types/be-i2", "", ROWS, ">i2"},
        {"types.h5:/types/le-u2", "", ROWS, "<u2"},
        {"types.h5:/types/le-i4", "", ROWS, "<i4"},
        {"types.h5:/types/be-u4", "", ROWS, ">u4"},
        {"types.h5:/types/le-i8", "", ROWS, "<i8"},
        {"types.h5:/types/be-u8", "", ROWS, ">u8"},
        {"types.h5:/types/le-f2", "", ROWS, "<f2"},
        {"types.h5:/types/be-f2", "", ROWS, ">f2"},
        {"types.h5:/types/le-f4", "", ROWS, "<f4"},
        {"types.h5:/types/be-f4", "", ROWS, ">f4"},
        {"types.h5:/types/le-f8", "", ROWS, "<f8"},
        {"types.h5:/types/be-f8", "", ROWS, ">f8"},
        {"types.h5:types/be-f8", "", ROWS, ">f8"},
        {"types.h5:/types/truth", "", "0 0 0;0 0 0;0 1 1;1 1 1;1 1 1;", "|i1"},
        {"types.h5:/types/twelve-bits", "", ROWS, "<f8"},
        {"types.h5:/packed", "", ROWS, "(5, 3) of <f4"},
        {"types.h5:/cube", "frames=true", CUBE, "5 rows of 6 columns"},
        {"types.h5:/cube-last", "rows=2", CUBE, "(2, 3, 5)"},
        {"types.h5:/packed", "rows=1",
         "0 10 20 30 40;1 11 21 31 41;2 12 22 32 42;", ""},
        {"types.h5:/packed", "columns=2,0", "2 0;12 10;22 20;32 30;42 40;", ""},
        {"types.h5:/one/a,/one/b", "", "0 1;10 11;20 21;30 31;40 41;",
         "types.h5:/one/a,/one/b: 5 rows of 2 columns: a b\n"},
        {"types.h5:/one/a,/types/i1", "columns=i1[2],a,i1[0]",
         "2 0 0;12 10 10;22 20 20;32 30 30;42 40 40;",
         "3 columns: i1[2] a i1[0]"},
        {"types.h5:/one/a,/types/i1", "exclude=1-2",
         "0 2;10 12;20 22;30 32;40 42;", ""},
        {"types.h5:/table", "",
         "0 1 2 1;10 11 12 1;20 21 22 1;30 31 32 1;40 41 42 1;",
         "4 columns: temp xy[0] xy[1] in.ok; left out: t (text), s (text)\n"},
        {"types.h5:/table", "columns=xy[1],temp",
         "2 0;12 10;22 20;32 30;42 40;", "2 columns: xy[1] temp"},
        {"types.h5:/large", "", "1;9.0072e+15;3;4;5;",
         "types.h5:/large row 0: whole numbers beyond 2^53 have no exact "
         "double"},
        {"types.h5:/soft", "", "0;10;20;30;40;", ""},
        {"types.h5:/virtual", "", ROWS, ""},
        {"nexus.nxs", "", "0 1;10 11;20 21;30 31;40 41;",
         "nexus.nxs: 5 rows of 2 columns: counts monitor; its axes angle are "
         "not learned from\n"},
        {"entry.nxs", "frames=true", CUBE,
         "entry.nxs:/entry/data/image: 5 rows of 6 columns"},
        {"columns.h5", "", "0 1;10 11;20 21;30 31;40 41;",
         "columns.h5: 5 rows of 2 columns: x y; left out: words (text)\n"},
        {"latest.h5:/plain", "", ROWS, ""},
        {"killed-swmr.h5", "", ROWS,
         "killed-swmr.h5:/d: 5 rows of 3 columns; (5, 3) of <f4; a program "
         "writes it, or was killed: these are the rows there are now\n"},
    };

    source_rows_check("hdf5", 0, table, sizeof(table) / sizeof(table[0]));
}

static uint64_t masked(const source_bench *b, const char *reason)
{
    const context_skip_list *s = context_skips(b->ctx);

    for (size_t i = 0; s && i < s->n; i++)
        if (!strcmp(s->by[i].reason, reason))
            return s->by[i].n;
    return 0;
}

/* netCDF: numbers that stand for others, cells that nobody wrote, a dimension
 * without numbers, variables that are shorter than their dimension.
 */
static void test_netcdf(void)
{
    static const struct {
        const char *reason;
        uint64_t n;
    } lost[] = {
        {"temp is missing", 1},       {"hum is not written", 2},
        {"hum is missing", 0},        {"wind is missing", 4},
        {"gust is missing", 1},       {"gust is out of range", 1},
        {"bytes is out of range", 1},
    };
    char *path = stored("cf.nc"), got[512];
    source_bench b;

    source_log[0] = '\0';
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL(source_open(&b), 0);
    source_read_all(&b, got, sizeof(got));
    UNIT_EQUAL(got, "1 1 1 100 nan;127 nan 2 100.5 nan;200 3 3 nan nan;"
                    "250 nan nan 101.5 nan;nan 5 nan 102 7;");
    UNIT_CONTAINS(
        source_log,
        "cf.nc: 5 rows of 5 columns: bytes gust hum temp wind; temp "
        "is unpacked: x * 0.5 + 100; left out: time (a coordinate)\n");
    UNIT_CONTAINS(
        source_log,
        "cf.nc:/temp row 2: a fill value or missing_value; it becomes "
        "NaN\n");
    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
        CU_ASSERT_EQUAL(masked(&b, lost[i].reason), lost[i].n);
    source_end(&b);
    free(path);
}

static void test_refused(void)
{
    static const struct {
        const char *name, *options, *want;
    } table[] = {
        {"types.h5:/gone/a", "", "types.h5 has no /gone"},
        {"types.h5:/one", "", "types.h5:/one is a group; name a data set"},
        {"types.h5:/one/a,/one/short", "",
         "types.h5: /one/a has 5 rows and /one/short 4; columns of one table "
         "are of one length"},
        {"types.h5:/complex", "",
         "types.h5:/complex holds no numbers: it is "
         "of complex numbers"},
        {"types.h5:/text", "",
         "types.h5:/text holds no numbers: it is of "
         "text"},
        {"types.h5:/fixed", "", "it is of text"},
        {"types.h5:/scalar", "",
         "types.h5:/scalar: shape () is refused: it is one number"},
        {"types.h5:/nothing", "", "types.h5:/nothing is empty: it has no rows"},
        {"types.h5:/empty", "", "types.h5:/empty is empty: it has 0 rows"},
        {"types.h5:/cube", "", "with frames: true each of the first"},
        {"types.h5:/cube", "rows=3", "no axis of the number in `rows`"},
        {"types.h5:/one/a", "columns=b", "columns: 'b' is no column of "},
        {"types.h5:/lzf", "",
         "types.h5:/lzf is compressed by LZF, whose filter is not here: "
         "apt-get install bitshuffle, or name its folder in "
         "HDF5_PLUGIN_PATH"},
        {"types.h5:/dangling", "",
         "types.h5: /dangling is a link to /gone/a, "
         "which is not there"},
        {"types.h5:/away", "",
         "types.h5: /away is a link to /a/b of file "
         "gone.h5, which is not there"},
        {"types.h5:/virtual-away", "",
         "types.h5:/virtual-away is put together from others, and data set "
         "types/le-f4 of file gone.h5 is not there; its rows would be made up"},
        {"types.h5:/virtual-part", "",
         "which leave 6 of its 15 cells open; they would be made up"},
        {"types.h5:/one/a", "follow=true",
         "types.h5 cannot be followed: it is not of the format that is read "
         "while it is written; its writer opens it with libver='v110'"},
        {"several.h5", "",
         "several.h5 holds several data sets: /a (5, 3), /b/c (4,); name "
         "one, "},
        {"cf.nc:/bare", "", "cf.nc:/bare is a dimension without a variable"},
        {"killed.h5", "",
         "killed.h5 is open in a program that writes it, or that program was "
         "killed; it can be read when its writer has closed it."},
        {"latest.h5:/packed", "",
         "latest.h5:/packed was written by a newer HDF5 than 1."},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *path = stored(table[i].name);
        source_bench b;
        source_init(&b, "file");
        source_set(&b, "path", path);
        source_set_words(&b, table[i].options);
        CU_ASSERT_EQUAL(source_open(&b), -1);
        UNIT_CONTAINS(context_error(b.ctx), table[i].want);
        CU_ASSERT_PTR_NULL(strstr(context_error(b.ctx), "h5clear"));
        source_end(&b);
        free(path);
    }
}

/* A filter that is not here matters in the chunks that went through it. */
static void test_filter_unused(void)
{
    char *path = stored("types.h5:/lzf-unused");
    source_bench b;

    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.features, 64);
    source_end(&b);
    free(path);
}

/* Copies of stored files, cut or with one byte another. */
static void test_spoilt(void)
{
    static const struct {
        const char *name, *member;
        size_t len, find;
        const char *want;
    } table[] = {
        {"types.h5", "/one/a", 20000, 0,
         "types.h5 has 20000 bytes and says that it has 31899; it is cut, or "
         "still being written: copy it again"},
        {"types.h5", "/one/a", 100, 0, "types.h5 has 100 bytes and says"},
        {"columns.h5", "/x", 6, 0, "does not begin as a .h5 file does"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *from = stored(table[i].name), *data, *path;
        size_t n = 0;
        source_bench b;
        data = file_read(from, 1 << 20, &n, NULL);
        CU_ASSERT_FATAL(data != NULL && n >= table[i].len);
        scratch_write_bytes(table[i].name, data, table[i].len);
        path = text_format("%s%s%s", scratch_path, i < 2 ? ":" : "",
                           i < 2 ? table[i].member : "");
        source_init(&b, "file");
        source_set(&b, "path", path);
        CU_ASSERT_EQUAL(source_open(&b), -1);
        UNIT_CONTAINS(context_error(b.ctx), table[i].want);
        source_end(&b);
        free(path);
        free(data);
        free(from);
    }
}

/* A data set behind a pattern is that of each file. */
static void test_pattern(void)
{
    char *from = stored("types.h5"), *data, got[512];
    char path[300];
    size_t n = 0;
    source_bench b;

    data = file_read(from, 1 << 20, &n, NULL);
    CU_ASSERT_FATAL(data != NULL);
    scratch_write_bytes("scan1.h5", data, n);
    scratch_write_bytes("scan2.h5", data, n);
    snprintf(path, sizeof(path), "%s/scan*.h5:/one/a", scratch_folder);
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    source_read_all(&b, got, sizeof(got));
    UNIT_EQUAL(got, "0;10;20;30;40;0;10;20;30;40;");
    UNIT_CONTAINS(b.out.source, "/scan2.h5:/one/a:4");
    source_end(&b);
    free(data);
    free(from);
}

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
    char *from = stored("columns.h5"), *data;
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

/* What the tests before opened has been closed. */
static void test_left_open(void)
{
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

/* --- written --- */

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

int main(int argc, char **argv)
{
    static const unit_test tests[] = {
        {"rows of any data set", test_rows},
        {"netCDF and CF", test_netcdf},
        {"refused", test_refused},
        {"a filter that no chunk needs", test_filter_unused},
        {"cut", test_spoilt},
        {"files of a pattern", test_pattern},
        {"numbers in another file", test_external},
        {"behind a block of the user's", test_user_block},
        {"locked", test_locked},
        {"an error in the middle", test_read_error},
        {"devices and positions", test_devices},
        {"a file that is written", test_follow},
        {"room for rows that are not written", test_room},
        {"written", test_written},
        {"written for others", test_written_by_others},
        {"not written", test_not_written},
        {"nothing is left open", test_left_open},
        {NULL, NULL},
    };

    if (argc == 3 && !strcmp(argv[1], "--write"))
        return write_swmr(argv[2]);
    setenv("HDF5_PLUGIN_PATH", "/nowhere", 1);
    store_enable_hdf5();
    return source_main("HDF5", tests);
}
