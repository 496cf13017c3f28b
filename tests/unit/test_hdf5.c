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

int main(void)
{
    static const unit_test tests[] = {
        {"rows of any data set", test_rows},
        {"netCDF and CF", test_netcdf},
        {"refused", test_refused},
        {"a filter that no chunk needs", test_filter_unused},
        {"cut", test_spoilt},
        {"files of a pattern", test_pattern},
        {NULL, NULL},
    };

    setenv("HDF5_PLUGIN_PATH", "/nowhere", 1);
    store_enable_hdf5();
    return source_main("HDF5", tests);
}
