/* test_store_ask.c - what is in HDF5, by a program that is asked; which file is
 * of which kind.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/store/store.h"

#define HDF5_HEAD "\x89HDF\r\n\x1a\n and so on"

static char hdf5_path[300];

/* Have pilot-hdf5 answer [out] and say [err]. */
static void play(const void *out, size_t len, const char *err, int status)
{
    char script[512];

    scratch_write_bytes("answer", out, len);
    scratch_write("said", err);
    snprintf(script, sizeof(script),
             "#!/bin/sh\n"
             "printf '%%s\\n' \"$@\" >'%s/arguments'\n"
             "cat '%s/said' >&2\n"
             "cat '%s/answer'\n"
             "exit %d\n",
             scratch_folder, scratch_folder, scratch_folder, status);
    scratch_write("pilot-hdf5", script);
    CU_ASSERT_EQUAL(chmod(scratch_path, 0700), 0);
}

#define ANSWER                                                     \
    "name x.h5:/d\nwords x.h5:/d: 2 rows of 2 columns\nrows 2\n"   \
    "columns 2\ncolumn i2 a\nunit m/s\ncolumn f8 7\nunit \nclock " \
    "t\nclock-unit s since\nhead 2\n"

/* An answer, with the four numbers behind it. */
static size_t make_answer(const char *words, char *out)
{
    const double head[4] = {1, 2.5, 3, 1e300};
    size_t n = strlen(words);

    memcpy(out, words, n);
    memcpy(out + n, head, sizeof(head));
    return n + sizeof(head);
}

static void test_answer(void)
{
    store_wish w = {.path = hdf5_path,
                    .rows = 1,
                    .frames = true,
                    .columns = "a,7",
                    .exclude = "9",
                    .time = "/t",
                    .format = "ms",
                    .zone_s = -3600};
    char answer[1024], *arguments, want[700];
    size_t n = make_answer(ANSWER, answer);
    double x[4];
    float y[2];
    uint32_t number;
    const char *unit;
    pe_error e = {0};
    store_table *s;

    play(answer, n, "", 0);
    s = store_open(&w, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_FATAL(s != NULL);
    UNIT_EQUAL(store_name(s), "x.h5:/d");
    UNIT_EQUAL(store_words(s), "x.h5:/d: 2 rows of 2 columns");
    CU_ASSERT_EQUAL(store_rows(s), 2);
    CU_ASSERT_EQUAL(store_columns(s), 2);
    UNIT_EQUAL(store_column(s, 0, &number), "a");
    UNIT_EQUAL(store_column(s, 1, &number), "7");
    UNIT_EQUAL(store_column_type(s, 0), "int16");
    UNIT_EQUAL(store_column_type(s, 1), "float64");
    UNIT_EQUAL(store_column_unit(s, 0), "m/s");
    UNIT_EQUAL(store_column_unit(s, 1), "");
    UNIT_EQUAL(store_clock(s, &unit), "t");
    UNIT_EQUAL(unit, "s since");
    CU_ASSERT_EQUAL(store_read(s, 0, 2, x, PE_F8, &e), 0);
    CU_ASSERT(x[0] == 1 && x[1] == 2.5 && x[2] == 3 && x[3] == 1e300);
    CU_ASSERT_EQUAL(store_read(s, 0, 1, y, PE_F4, &e), 0);
    CU_ASSERT(y[0] == 1 && y[1] == 2.5f);
    CU_ASSERT_EQUAL(store_read(s, 1, 2, x, PE_F8, &e), -1);
    UNIT_EQUAL(e.text,
               "x.h5:/d row 1 is not read by this program, but by agents");
    CU_ASSERT_EQUAL(store_read(s, 3, 1, x, PE_F8, &e), -1);
    CU_ASSERT_EQUAL(store_refresh(s, &e), 0);
    store_close(s);
    snprintf(answer, sizeof(answer), "%s/arguments", scratch_folder);
    arguments = file_read(answer, 4096, &n, NULL);
    snprintf(want, sizeof(want),
             "--rows\n1\n--columns\na,7\n--exclude\n9\n--time\n/t\n--format\n"
             "ms\n--zone\n-3600\n--frames\n--\n%s\n",
             hdf5_path);
    UNIT_EQUAL(arguments ? arguments : "", want);
    free(arguments);
}

/* Answers that are none are of another release. */
static void test_no_answer(void)
{
    static const char *const answers[] = {
        "",
        "name",
        "name x",
        "name x\nwords y",
        "words y\nname x\n",
        "name x\nwords y\nrows -1\ncolumns 0\nclock \nclock-unit \nhead 0\n",
        "name x\nwords y\nrows 2\ncolumns two\n",
        "name x\nwords y\nrows 2\ncolumns 1\nhead 0\n",
        "name x\nwords y\nrows 2\ncolumns 1\ncolumn f8\n",
        "name x\nwords y\nrows 2\ncolumns 1\ncolumn f8 a\nclock \n",
        "name x\nwords y\nrows 2\ncolumns 1\ncolumn f8 a\nunit \nhead 0\n",
        "name x\nwords y\nrows 2\ncolumns 1\ncolumn f8 a\nunit \nclock \n"
        "clock-unit \nhead 1\n",
        "name x\nwords y\nrows 2\ncolumns 1\ncolumn f8 a\nunit \nclock \n"
        "clock-unit \nhead 0\nand more",
        "name x\nwords y\nrows 2\ncolumns 99999999999\n",
        "name x\nwords y\nrows 2\ncolumns 4000000000\ncolumn f8 a\nunit \n",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        store_wish w = {.path = hdf5_path, .rows = -1};
        pe_error e = {0};
        store_table *s;
        play(answers[i], strlen(answers[i]), "", 0);
        s = store_open(&w, &e);
        CU_ASSERT_PTR_NULL(s);
        UNIT_CONTAINS(e.text, "x.h5: pilot-hdf5 answers something else than is "
                              "asked; it is of another release than this "
                              "program");
        store_close(s);
    }
}

/* What it says of an error is said, once, with its status. */
static void test_refused(void)
{
    static const struct {
        const char *said;
        int status;
        const char *want;
        int code;
    } table[] = {
        {"pilot-hdf5: x.h5 is cut\n", 65, "x.h5 is cut", PE_EXIT_DATA},
        {"pilot-hdf5: columns: none\nmore\n", 78, "columns: none",
         PE_EXIT_CONFIG},
        {"HDF5-DIAG: error\n", 64, "HDF5-DIAG: error", PE_EXIT_DATA},
        {"", 3, "pilot-hdf5 ended with status 3", PE_EXIT_DATA},
        {"", 127, "pilot-hdf5 ", PE_EXIT_DATA},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        store_wish w = {.path = hdf5_path, .rows = -1};
        pe_error e = {0};
        play("name", 4, table[i].said, table[i].status);
        CU_ASSERT_PTR_NULL(store_open(&w, &e));
        UNIT_CONTAINS(e.text, table[i].want);
        CU_ASSERT_EQUAL((int)e.exit_code, table[i].code);
    }
}

static void test_killed(void)
{
    store_wish w = {.path = hdf5_path, .rows = -1};
    pe_error e = {0};

    scratch_write("pilot-hdf5", "#!/bin/sh\nkill -SEGV $$\n");
    CU_ASSERT_EQUAL(chmod(scratch_path, 0700), 0);
    CU_ASSERT_PTR_NULL(store_open(&w, &e));
    UNIT_CONTAINS(e.text, "pilot-hdf5 ");
    UNIT_CONTAINS(e.text, "11"); /* the signal, by its number or name */
}

static void test_list(void)
{
    char *list, path[400];

    play("a list\nof two lines\n", 20, "", 0);
    list = store_list(hdf5_path);
    UNIT_EQUAL(list ? list : "", "a list\nof two lines\n");
    free(list);
    snprintf(path, sizeof(path), "%s:/a:b", hdf5_path);
    list = store_list(path);
    CU_ASSERT_PTR_NOT_NULL(list);
    free(list);
    snprintf(path, sizeof(path), "%s/arguments", scratch_folder);
    size_t n = 0;
    list = file_read(path, 4096, &n, NULL);
    snprintf(path, sizeof(path), "--list\n--\n%s:/a:b\n", hdf5_path);
    UNIT_EQUAL(list ? list : "", path);
    free(list);
    play("half a list", 11, "pilot-hdf5: no\n", 65);
    CU_ASSERT_PTR_NULL(store_list(hdf5_path));
}

/* Without the program. */
static void test_not_here(void)
{
    store_wish w = {.path = hdf5_path, .rows = -1};
    pe_error e = {0};
    char path[300];

    snprintf(path, sizeof(path), "%s/pilot-hdf5", scratch_folder);
    unlink(path);
    CU_ASSERT_PTR_NULL(store_open(&w, &e));
    UNIT_CONTAINS(e.text, "x.h5 is an HDF5 file, and this program was built "
                          "without HDF5; install libhdf5-dev");
    CU_ASSERT_PTR_NULL(store_list(hdf5_path));
}

/* By the first bytes, and by what is behind a ':'. */
static void test_kinds(void)
{
    static const struct {
        const char *name, *head;
        size_t len;
        const char *path, *file;
        bool known;
        const char *want; /* of the error, "" : it is not asked for */
    } table[] = {
        {"k1", HDF5_HEAD, 16, "k1", "k1", true, ""},
        {"k2", "CDF\x01", 4, "k2", "k2", true,
         "k2 is a classic netCDF file; make one of version 4 of it: nccopy -k "
         "nc4 "},
        {"k3", "CDF\x05", 4, "k3:/a", "k3", true, "is a classic netCDF file"},
        {"k4", "CDF\x06", 4, "k4", "k4", false,
         "k4 holds no arrays of a kind that is read"},
        {"k5", "CD", 2, "k5", "k5", false, "holds no arrays"},
        {"k6", "", 0, "k6", "k6", false, "holds no arrays"},
        {"k7:8", "a,b\n", 4, "k7:8", "k7:8", false, "holds no arrays"},
        {"k8:9", HDF5_HEAD, 16, "k8:9:/a", "k8:9", true, ""},
        {"k9", "a,b\n", 4, "gone:/a", "gone:/a", false, "holds no arrays"},
        {"ka", "\x93NUMPY", 5, "ka", "ka", false, "holds no arrays"},
        {"kb", "\x93NUMPY", 6, "kb:x", "kb", true,
         "kb is one array and has no member 'x'; write "},
        {"kc", "PK\x03\x04", 4, "kc", "kc", true,
         "kc cannot be read as .npz: "},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char path[300], want[300], *file;
        store_wish w = {.path = path, .rows = -1};
        pe_error e = {0};
        scratch_write_bytes(table[i].name, table[i].head, table[i].len);
        snprintf(path, sizeof(path), "%s/%s", scratch_folder, table[i].path);
        snprintf(want, sizeof(want), "%s/%s", scratch_folder, table[i].file);
        file = store_file_of(path);
        UNIT_EQUAL(file ? file : "", want);
        free(file);
        CU_ASSERT_EQUAL(store_knows(path), table[i].known);
        if (*table[i].want) {
            CU_ASSERT_PTR_NULL(store_open(&w, &e));
            UNIT_CONTAINS(e.text, table[i].want);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        }
    }
}

/* Behind a block of the user's, whose length doubles. */
static void test_user_blocks(void)
{
    static char bytes[8192];

    for (size_t at = 0; at < 8000; at = at ? 2 * at : 512) {
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes + at, HDF5_HEAD, 8);
        scratch_write_bytes("block", bytes, sizeof(bytes));
        CU_ASSERT_EQUAL(store_knows(scratch_path), at <= 4096 - 8);
    }
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes + 700, HDF5_HEAD, 8);
    scratch_write_bytes("block", bytes, sizeof(bytes));
    CU_ASSERT_FALSE(store_knows(scratch_path));
}

int main(void)
{
    static const unit_test tests[] = {
        {"an answer", test_answer},
        {"no answer", test_no_answer},
        {"refused", test_refused},
        {"killed", test_killed},
        {"a list", test_list},
        {"not here", test_not_here},
        {"kinds of files", test_kinds},
        {"blocks in front", test_user_blocks},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    setenv("PILOT_LIBEXEC", scratch_folder, 1);
    snprintf(hdf5_path, sizeof(hdf5_path), "%s/x.h5", scratch_folder);
    if (file_write(hdf5_path, HDF5_HEAD, 16, 0600, NULL) < 0)
        return 99;
    rc = unit_main("asking for HDF5", tests);
    scratch_remove();
    return rc;
}
