/* test_arrays.c - the source that reads files of arrays, those of NumPy. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/common/file.h"
#include "src/common/text.h"

static char *stored(const char *name)
{
    return source_stored("arrays", name);
}

#define ROWS SOURCE_ROWS
#define CUBE SOURCE_CUBE

/* Rows, whatever the array, and what is said of it. */
static void test_rows(void)
{
    static const source_rows table[] = {
        {"big-i2.npy", "", ROWS,
         "big-i2.npy: 5 rows of 3 columns; (5, 3) of >i2\n"},
        {"fortran.npy", "", ROWS, "(5, 3) of <f8, Fortran order\n"},
        {"half.npy", "", ROWS, "(5, 3) of <f2\n"},
        {"bytes.npy", "", ROWS, "(5, 3) of |u1\n"},
        {"python2.npy", "", ROWS, "(5, 3) of <f4\n"},
        {"flat.npy", "", "0;10;20;30;40;",
         "flat.npy: 5 rows of 1 column; (5,) of <i4\n"},
        {"cube.npy", "frames=true", CUBE, "5 rows of 6 columns; (5, 2, 3)"},
        {"cube.npy", "rows=0", CUBE, "5 rows of 6 columns"},
        {"cube-last.npy", "rows=2", CUBE, "5 rows of 6 columns; (2, 3, 5)"},
        {"cube-fortran.npy", "frames=true", CUBE, "Fortran order"},
        {"big-i2.npy", "rows=1", "0 10 20 30 40;1 11 21 31 41;2 12 22 32 42;",
         "3 rows of 5 columns"},
        {"big-i2.npy", "columns=2,0", "2 0;12 10;22 20;32 30;42 40;", ""},
        {"fortran.npy", "exclude=0-1", "2;12;22;32;42;", ""},
        {"fields.npy", "",
         "0 1 2 1;10 11 12 1;20 21 22 1;30 31 32 1;40 41 42 1;",
         "fields.npy: 5 rows of 4 columns: temp xy[0] xy[1] in.ok; left out: "
         "t (<M8[s]), tag (|S3)\n"},
        {"fields.npy", "columns=xy[1],temp", "2 0;12 10;22 20;32 30;42 40;",
         "2 columns: xy[1] temp"},
        {"large.npy", "", "1;9.0072e+15;3;4;5;",
         "large.npy row 0: whole numbers beyond 2^53 have no exact double and "
         "are "
         "rounded, from here on\n"},
        {"two.npy", "", ROWS,
         "two.npy: another array follows the first one, at byte 188; it is "
         "not read: write each into a file of its own, or an .npz\n"},
        {"appended.npy", "", "0 1 2;10 11 12;20 21 22;",
         "appended.npy: 26 bytes (2 rows and 2 bytes) lie behind the 3 rows "
         "that its header tells of; they are not read."},
        {"one.npz", "", ROWS, "one.npz:x: 5 rows of 3 columns; (5, 3) of <i8"},
        {"several.npz:a", "", ROWS, "several.npz:a: 5 rows"},
        {"several.npz:a.npy", "", ROWS, "several.npz:a: 5 rows"},
        {"packed.npz:x", "", ROWS, "packed.npz:x: 5 rows"},
        {"packed.npz:f", "", ROWS, "(5, 3) of >f8, Fortran order"},
    };

    source_rows_check("arrays", 4, table, sizeof(table) / sizeof(table[0]));
}

/* A source is named by its member; devices deal the rows out; a restart goes
 * on where it was, also where the member has to be unpacked up to there.
 */
static void test_positions(void)
{
    static const char *const names[] = {"packed.npz:x", "packed.npz:f",
                                        "several.npz:a", "fortran.npy"};
    static const struct {
        int index, size;
        uint64_t position;
        const char *want;
    } table[] = {
        {0, 1, 0, ":0=0 #0;:2=20 #1;:4=40 #2;"},
        {0, 1, 1, ":2=20 #1;:4=40 #2;"},
        {0, 2, 0, ":0=0 #0;:4=40 #1;"},
        {1, 2, 0, ":2=20 #0;"},
        {1, 2, 1, ""},
    };

    for (size_t k = 0; k < 4 * sizeof(table) / sizeof(table[0]); k++) {
        size_t i = k / 4, n = 0;
        char *path = stored(names[k % 4]), got[256] = "";
        source_bench b;
        source_init(&b, "file");
        source_set(&b, "path", path);
        b.setup.points = 2;
        b.setup.index = table[i].index;
        b.setup.size = table[i].size;
        b.setup.position = table[i].position;
        b.setup.dtype = i % 2 ? PE_F4 : PE_F8;
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        while (source_next(&b) == PE_FORWARD) {
            CU_ASSERT_EQUAL(strncmp(b.out.source, path, strlen(path)), 0);
            n += (size_t)snprintf(got + n, sizeof(got) - n, "%s=%g #%d;",
                                  b.out.source + strlen(path),
                                  pe_block_at(&b.out, 0, 0), (int)b.out.seq);
        }
        UNIT_EQUAL(got, table[i].want);
        source_end(&b);
        free(path);
    }
}

static void copy_stored(const char *name, const char *as)
{
    char *from = stored(name);
    size_t n = 0;
    char *data = file_read(from, 1 << 20, &n, NULL);

    CU_ASSERT_FATAL(data != NULL);
    scratch_write_bytes(as, data, n);
    free(data);
    free(from);
}

/* Files of a pattern, one behind the other, in the order of the numbers in
 * their names; each begins with a block of its own.
 */
static void test_several(void)
{
    static const struct {
        int index, size;
        uint64_t position;
        const char *want;
    } table[] = {
        {0, 1, 0,
         "s2.npy:0=0 x3 #0;s2.npy:3=30 x2 #1;s10.npy:0=0 x3 #2;"
         "s10.npy:3=30 x2 #3;s11.npy:0=0 x3 #4;s11.npy:3=30 x2 #5;"},
        {0, 1, 3, "s10.npy:3=30 x2 #3;s11.npy:0=0 x3 #4;s11.npy:3=30 x2 #5;"},
        {0, 1, 6, ""},
        {1, 4, 0, "s2.npy:3=30 x2 #0;s11.npy:3=30 x2 #1;"},
        {2, 4, 0, "s10.npy:0=0 x3 #0;"},
    };
    char path[300];

    copy_stored("half.npy", "s10.npy");
    copy_stored("big-i2.npy", "s2.npy");
    copy_stored("fortran.npy", "s11.npy");
    snprintf(path, sizeof(path), "%s/s*.npy", scratch_folder);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char got[512] = "";
        size_t n = 0;
        source_bench b;
        source_init(&b, "file");
        source_set(&b, "path", path);
        b.setup.points = 3;
        b.setup.index = table[i].index;
        b.setup.size = table[i].size;
        b.setup.position = table[i].position;
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        while (source_next(&b) == PE_FORWARD)
            n += (size_t)snprintf(got + n, sizeof(got) - n, "%s=%g x%u #%d;",
                                  strrchr(b.out.source, '/') + 1,
                                  pe_block_at(&b.out, 0, 0), b.out.points,
                                  (int)b.out.seq);
        UNIT_EQUAL(got, table[i].want);
        UNIT_EQUAL(context_error(b.ctx), "");
        source_end(&b);
    }
    copy_stored("flat.npy", "s12.npy");
    source_bench b;
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    while (source_next(&b) == PE_FORWARD)
        ;
    UNIT_CONTAINS(context_error(b.ctx), "s12.npy has other columns than ");
    source_end(&b);
    source_init(&b, "file");
    source_set(&b, "path", path);
    source_set(&b, "follow", "true");
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "s*.npy is 4 files of arrays, of which but one can be "
                  "followed: name it");
    source_end(&b);
}

static char kept[256]; /* the shared state of one key */

static int host_put(void *arg, const char *key, const void *value, uint32_t len,
                    pe_error *errp)
{
    (void)arg;
    (void)errp;
    UNIT_EQUAL(key, "file/sense/devices-0");
    snprintf(kept, sizeof(kept), "%.*s", (int)len, (const char *)value);
    return 0;
}

static int host_get(void *arg, const char *key, void *value, uint32_t cap,
                    pe_error *errp)
{
    size_t n = strlen(kept);

    (void)arg;
    (void)errp;
    UNIT_EQUAL(key, "file/sense/devices-0");
    n = n < cap ? n : cap;
    memcpy(value, kept, n);
    return (int)n;
}

/* A run that goes on finds another file: its rows would be taken for those
 * behind the ones it has learned.
 */
static void test_changed(void)
{
    static const context_host host = {.put = host_put, .get = host_get};
    static const struct {
        const char *name;
        uint64_t position;
        const char *want;
    } table[] = {
        {"one.npz", 0, ""},
        {"one.npz", 1, ""},
        {"several.npz", 1, "it begins otherwise than when this run began"},
        {"one.npz", 1, ""},
    };
    char *path = text_format("%s/run.npz:%s", scratch_folder, "x");
    char *other = text_format("%s/run.npz:%s", scratch_folder, "a");

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        source_bench b;
        copy_stored(table[i].name, "run.npz");
        source_init(&b, "file");
        source_set(&b, "path", i == 2 ? other : path);
        b.setup.position = table[i].position;
        b.setup.host = &host;
        CU_ASSERT_EQUAL(source_open(&b), *table[i].want ? -1 : 0);
        UNIT_CONTAINS(context_error(b.ctx), table[i].want);
        source_end(&b);
    }
    free(other);
    free(path);
}

static void test_refused(void)
{
    static const struct {
        const char *name, *options, *want;
    } table[] = {
        {"complex.npy", "",
         "complex.npy: not a .npy file that can be read: dtype '<c8' is "
         "refused: it is complex numbers"},
        {"text.npy", "", "dtype '<U1' is refused: it is text"},
        {"object.npy", "", "dtype '|O' is refused: it is objects of Python"},
        {"scalar.npy", "", "scalar.npy: shape () is refused: it is one number"},
        {"empty.npy", "", "empty.npy is empty: it has 0 rows"},
        {"cube.npy", "",
         "cube.npy: shape (5, 2, 3) is refused: it has more than 2 axes; with "
         "frames: true"},
        {"cube.npy", "rows=3", "it has no axis of the number in `rows`"},
        {"big-i2.npy", "columns=3", "columns: '3' is no column of "},
        {"fields.npy", "columns=tmp",
         "which has 4, from 0 on; did you mean 'temp'?"},
        {"big-i2.npy", "exclude=0-2", "leave no column"},
        {"big-i2.npy", "follow=true",
         "big-i2.npy cannot be followed: the header of a .npy file fixes"},
        {"big-i2.npy:x", "", "is one array and has no member 'x'"},
        {"several.npz", "", "holds several arrays: a, b, c; name one: "},
        {"several.npz:d", "", "has no array 'd'; it has a, b, c"},
        {"several.npz:c", "",
         "several.npz:c: not a .npy file that can be "
         "read: dtype '<U1' is refused"},
        {"one.npz:x", "follow=true", "one.npz:x cannot be followed"},
        {"classic.nc", "",
         "classic.nc is a classic netCDF file; make one of version 4 of it: "
         "nccopy -k nc4 "},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *path = stored(table[i].name);
        source_bench b;
        source_init(&b, "file");
        source_set(&b, "path", path);
        source_set_words(&b, table[i].options);
        CU_ASSERT_EQUAL(source_open(&b), -1);
        UNIT_CONTAINS(context_error(b.ctx), table[i].want);
        source_end(&b);
        free(path);
    }
}

/* A stored file as a copy of [len] bytes (all: 0), its byte [at] another. */
static void copy_spoilt(const char *name, size_t len, size_t at)
{
    char *from = stored(name);
    size_t n = 0;
    char *data = file_read(from, 1 << 20, &n, NULL);

    CU_ASSERT_FATAL(data != NULL);
    if (at)
        data[at] ^= 0x55;
    scratch_write_bytes(name, data, len ? len : n);
    free(data);
    free(from);
}

static void test_spoilt(void)
{
    static const struct {
        const char *name;
        size_t len, at;
        const char *want;
    } table[] = {
        {"big-i2.npy", 150, 0,
         "big-i2.npy has 150 bytes and its header promises 158; it is not "
         "complete: copy it again"},
        {"big-i2.npy", 50, 0, "it ends within its header"},
        {"big-i2.npy", 0, 130, ""},
        {"packed.npz", 300, 0, "packed.npz cannot be read as .npz: "},
        {"packed.npz", 0, 100, "packed.npz:x row 0 cannot be read: "},
        {"one.npz", 0, 200, "one.npz:x row 0 cannot be read: CRC error"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char got[512];
        source_bench b;
        copy_spoilt(table[i].name, table[i].len, table[i].at);
        char *path = text_format("%s%s", scratch_path,
                                 strstr(table[i].name, "packed") ? ":x" : "");
        source_init(&b, "file");
        source_set(&b, "path", path);
        if (source_open(&b) == 0)
            source_read_all(&b, got, sizeof(got));
        UNIT_CONTAINS(context_error(b.ctx), table[i].want);
        source_end(&b);
        free(path);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows of any array", test_rows},
        {"devices, positions, sources", test_positions},
        {"several files", test_several},
        {"a file that has changed", test_changed},
        {"refused", test_refused},
        {"cut and spoilt", test_spoilt},
        {NULL, NULL},
    };

    return source_main("arrays", tests);
}
