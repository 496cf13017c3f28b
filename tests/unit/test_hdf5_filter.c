/* test_hdf5_filter.c - data sets packed by filters that are not the library's.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/common/text.h"
#include "src/hdf5/hdf5.h"
#include "unit.h"

#define ROWS 64

static const struct {
    const char *name;
    H5Z_filter_t id;
    const char *filter;
    const char *how; /* what to do about it */
} sets[] = {
    {"bzip2", 307, "bzip2", "apt-get install hdf5-filter-plugin, or name"},
    {"lz4", 32004, "LZ4", "apt-get install hdf5-filter-plugin, or name"},
    {"some", 32004, "LZ4", "apt-get install hdf5-filter-plugin, or name"},
    {"lzf", 32000, "LZF", "apt-get install bitshuffle, or name"},
    {"blosc", 32001, "Blosc",
     "apt-get install hdf5-filter-plugin-blosc-serial, or name"},
    {"blosc-zstd", 32001, "Blosc",
     "apt-get install hdf5-filter-plugin-blosc-serial, or name"},
    {"bitshuffle", 32008, "bitshuffle", "apt-get install bitshuffle, or name"},
    {"bitshuffle-lz4", 32008, "bitshuffle",
     "apt-get install bitshuffle, or name"},
    {"zfp", 32013, "ZFP",
     "apt-get install hdf5-filter-plugin-zfp-serial, or name"},
    {"zstd", 32015, "Zstandard",
     "in no package of Debian: pip install hdf5plugin, and name the folder"},
    {"blosc2", 32026, "Blosc2",
     "in no package of Debian: pip install hdf5plugin, and name the folder"},
};

/* Where the library looks for plugins, emptied by the first test. */
static char *folders[16];
static unsigned n_folders;

static void open_set(source_bench *b, const char *name, int want)
{
    char *file = source_stored("hdf5", "filters.h5");
    char *path = text_format("%s:/%s", file, name);

    source_init(b, "file");
    source_set(b, "path", path);
    b->setup.points = ROWS;
    CU_ASSERT_EQUAL(source_open(b), want);
    free(path);
    free(file);
}

/* Named with its package before the first row, however many chunks of it went
 * through the filter.
 */
static void test_missing(void)
{
    source_bench b;

    H5PLsize(&n_folders);
    CU_ASSERT_FATAL(n_folders <= 16);
    for (unsigned i = n_folders; i-- > 0;) {
        ssize_t n = H5PLget(i, NULL, 0);
        folders[i] = calloc(1, (size_t)n + 1);
        CU_ASSERT_FATAL(folders[i] != NULL);
        H5PLget(i, folders[i], (size_t)n + 1);
        H5PLremove(i);
    }
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        char want[128];
        open_set(&b, sets[i].name, -1);
        snprintf(want, sizeof(want),
                 "filters.h5:/%s is compressed by %s, whose filter is not here",
                 sets[i].name, sets[i].filter);
        UNIT_CONTAINS(context_error(b.ctx), want);
        UNIT_CONTAINS(context_error(b.ctx), sets[i].how);
        UNIT_CONTAINS(context_error(b.ctx), "HDF5_PLUGIN_PATH");
        source_end(&b);
    }
}

static void all_rows(source_bench *b)
{
    CU_ASSERT_EQUAL_FATAL(source_next(b), PE_FORWARD);
    CU_ASSERT_EQUAL_FATAL(b->out.points, ROWS);
    CU_ASSERT_EQUAL_FATAL(b->out.features, 4);
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t c = 0; c < 4; c++)
            CU_ASSERT_EQUAL(pe_block_at(&b->out, r, c), 100.0 * r + c);
}

/* What every chunk has left out is needed for none. */
static void test_left_out(void)
{
    source_bench b;

    open_set(&b, "none", 0);
    all_rows(&b);
    source_end(&b);
}

/* With the plugin the rows are those that were written, also where some chunks
 * have left the filter out.
 */
static void test_here(void)
{
    source_bench b;
    int here = 0;

    /* What it keeps for its threads is no leak, as long as it is loaded. */
    dlopen("libblosc.so.1", RTLD_LAZY | RTLD_NODELETE);
    for (unsigned i = 0; i < n_folders; i++)
        H5PLappend(folders[i]);
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (H5Zfilter_avail(sets[i].id) <= 0)
            continue;
        here++;
        open_set(&b, sets[i].name, 0);
        all_rows(&b);
        source_end(&b);
    }
    /* That of Debian 12 has no Zstandard: said before the first row. */
    if (H5Zfilter_avail(32008) > 0) {
        char *file = source_stored("hdf5", "filters.h5");
        char *path = text_format("%s:/bitshuffle-zstd", file);
        source_init(&b, "file");
        source_set(&b, "path", path);
        b.setup.points = ROWS;
        if (source_open(&b) == 0)
            all_rows(&b);
        else
            UNIT_CONTAINS(context_error(b.ctx),
                          "/bitshuffle-zstd:0 cannot be unpacked by the filter "
                          "bitshuffle that is here; either it is damaged, or");
        source_end(&b);
        free(path);
        free(file);
    }
    printf("# %d of %zu have their plugin here\n", here,
           sizeof(sets) / sizeof(sets[0]));
}

/* Filters that nobody knows are named by their number and their own word. */
static size_t pass(unsigned flags, size_t n, const unsigned *values, size_t len,
                   size_t *capp, void **bufp)
{
    (void)flags;
    (void)n;
    (void)values;
    (void)capp;
    (void)bufp;
    return len;
}

static void make_odd(const char *path, H5Z_filter_t id, const char *word)
{
    const H5Z_class2_t filter = {
        H5Z_CLASS_T_VERS, id, 1, 1, word, NULL, NULL, pass};
    const hsize_t dim = 4;
    const double x[4] = {0, 1, 2, 3};
    hid_t file, set, space, list;

    CU_ASSERT_FATAL(H5Zregister(&filter) >= 0);
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 1, &dim);
    CU_ASSERT(H5Pset_filter(list, id, 0, 0, NULL) >= 0);
    space = H5Screate_simple(1, &dim, NULL);
    set = H5Dcreate2(file, "d", H5T_IEEE_F64LE, space, H5P_DEFAULT, list,
                     H5P_DEFAULT);
    CU_ASSERT(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                       x) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(list);
    H5Fclose(file);
    H5Zunregister(id);
}

static void test_unknown(void)
{
    static const struct {
        H5Z_filter_t id;
        const char *word, *want;
    } table[] = {
        {400, "ours\x01",
         "is compressed by filter 400 (ours?), which is not "
         "here; name the folder of its plugin in "
         "HDF5_PLUGIN_PATH"},
        {401, "", "is compressed by filter 401 (without a name), which is not"},
        {32008, "x", "is compressed by bitshuffle, whose filter is not here"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char path[300];
        source_bench b;
        if (H5Zfilter_avail(table[i].id) > 0)
            continue;
        snprintf(path, sizeof(path), "%s/odd%zu.h5", scratch_folder, i);
        make_odd(path, table[i].id, table[i].word);
        source_init(&b, "file");
        source_set(&b, "path", path);
        CU_ASSERT_EQUAL(source_open(&b), -1);
        UNIT_CONTAINS(context_error(b.ctx), table[i].want);
        source_end(&b);
    }
}

/* A list says which are not here. */
static void test_listed(void)
{
    static const char *const words[] = {
        "/bzip2  ", "(64, 4) float32, chunks (16, 4), bzip2",
        ", LZ4",    ", LZF",
        ", Blosc",  ", bitshuffle",
        ", ZFP",    ", Zstandard",
        ", Blosc2"};
    char *file = source_stored("hdf5", "filters.h5");
    char *list = store_list(file);

    CU_ASSERT_FATAL(list != NULL);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        UNIT_CONTAINS(list, words[i]);
    if (H5Zfilter_avail(32026) <= 0)
        UNIT_CONTAINS(list, "Blosc2 (not here)");
    free(list);
    free(file);
}

/* A plugin that is here, and cannot do it. */
static size_t fail(unsigned flags, size_t n, const unsigned *values, size_t len,
                   size_t *capp, void **bufp)
{
    return flags & H5Z_FLAG_REVERSE ? 0
                                    : pass(flags, n, values, len, capp, bufp);
}

static void test_failing(void)
{
    const H5Z_class2_t filter = {
        H5Z_CLASS_T_VERS, 402, 1, 1, "odd", NULL, NULL, fail};
    char path[300];
    source_bench b;

    snprintf(path, sizeof(path), "%s/failing.h5", scratch_folder);
    make_odd(path, 402, "odd");
    CU_ASSERT(H5Zregister(&filter) >= 0);
    source_init(&b, "file");
    source_set(&b, "path", path);
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "failing.h5:/d row 0 cannot be unpacked by the filter of its "
                  "writer's that is here; either it is damaged, or the filter "
                  "is older than its writer's");
    source_end(&b);
    H5Zunregister(402);
}

static void test_left_open(void)
{
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    for (unsigned i = 0; i < n_folders; i++)
        free(folders[i]);
}

int main(void)
{
    static const unit_test tests[] = {
        {"not here", test_missing},
        {"left out by every chunk", test_left_out},
        {"here", test_here},
        {"not known", test_unknown},
        {"here, but cannot do it", test_failing},
        {"in a list", test_listed},
        {"nothing is left open", test_left_open},
        {NULL, NULL},
    };

    store_enable_hdf5();
    return source_main("filters of HDF5", tests);
}
