/* fuzz_hdf5.c - files of HDF5 that no program of sense would write.
 *
 * The library's own format is not played with: bytes are calls that make a
 * file (groups, data sets, attributes of any type by the names that are looked
 * for, links of any kind, virtual data sets), which is then listed and read.
 * What has to hold: rows, or an error with words, and nothing left open.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_hdf5.c
 *
 * With -DFUZZ_MAIN the program runs files it makes up itself and prints TAP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/hdf5/hdf5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

/* --- bytes --- */

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes;

static unsigned take(bytes *b, unsigned below)
{
    if (b->left == 0)
        return 0;
    b->left--;
    return *b->at++ % below;
}

static const char *take_word(bytes *b, const char *const *words, unsigned n)
{
    return words[take(b, n)];
}

/* Some of the bytes as they are. */
static void take_text(bytes *b, char *out, size_t cap)
{
    size_t n = take(b, (unsigned)cap);

    n = n < b->left ? n : b->left;
    memcpy(out, b->at, n);
    out[n] = '\0';
    b->at += n;
    b->left -= n;
}

#define WORD(b, words) take_word(b, words, sizeof(words) / sizeof(words[0]))

static const char *const names[] = {"a",    "b",     "data", "entry",
                                    "time", "value", "x y",  "c\n"};
static const char *const paths[] = {"/",      "/a",       "/a/b",  "/data",
                                    "/entry", "/entry/a", "/time", "a",
                                    "..",     "/gone",    "/a/",   "b/b/b"};

/* --- attributes --- */

static const char *const attributes[] = {
    "NX_class",    "signal",       "axes",          "auxiliary_signals",
    "default",     "units",        "calendar",      "start",
    "long_name",   "coordinates",  "CLASS",         "NAME",
    "_FillValue",  "_Unsigned",    "missing_value", "scale_factor",
    "add_offset",  "valid_range",  "valid_min",     "valid_max",
    "Conventions", "_NCProperties"};
static const char *const meant[] = {
    "NXentry",  "NXdata",  "NXlog", "a",        "b a",
    "time",     "data",    "1",     "true",     "seconds since 2026-01-01",
    "s",        "noleap",  "CF-1",  "standard", "DIMENSION_SCALE",
    "2026-1-1", "a\nb\n*", "",      "../a",     "days since 1-1-1"};

static hid_t attribute_type(bytes *b, const char *word)
{
    hid_t type;

    switch (take(b, 6)) {
    case 0:
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, H5T_VARIABLE);
        return type;
    case 1:
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    case 2:
        return H5Tcopy(H5T_STD_I16BE);
    case 3:
        return H5Tvlen_create(H5T_NATIVE_INT);
    default:
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, strlen(word) + take(b, 2));
        return type;
    }
}

static void put_attribute(bytes *b, hid_t object)
{
    const char *name = WORD(b, attributes);
    char word[40];
    hsize_t dim = take(b, 4);
    hid_t type, space, a;

    if (take(b, 4))
        snprintf(word, sizeof(word), "%s", WORD(b, meant));
    else
        take_text(b, word, sizeof(word));
    type = attribute_type(b, word);
    space = dim ? H5Screate_simple(1, &dim, NULL)
                : H5Screate(take(b, 8) ? H5S_SCALAR : H5S_NULL);
    a = type < 0
            ? -1
            : H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a >= 0) {
        union {
            char *words[4];
            double numbers[4];
            hvl_t lists[4];
            char raw[256];
        } value;
        memset(&value, 0, sizeof(value));
        if (H5Tis_variable_str(type) > 0)
            for (hsize_t i = 0; i < 4; i++)
                value.words[i] = take(b, 4) ? word : NULL;
        else if (H5Tget_class(type) == H5T_STRING)
            for (size_t i = 0; i < 4; i++)
                memcpy(value.raw + i * H5Tget_size(type), word,
                       H5Tget_size(type) <= sizeof(word) ? H5Tget_size(type)
                                                         : sizeof(word));
        else if (H5Tget_class(type) == H5T_FLOAT)
            for (size_t i = 0; i < 4; i++)
                value.numbers[i] = (double)take(b, 256) - 3;
        H5Awrite(a, type, &value);
        H5Aclose(a);
    }
    H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
}

/* References to whatever there is, as the scales of axes. */
static void put_scales(bytes *b, hid_t file, hid_t set)
{
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ), a;
    hsize_t n = 1 + take(b, 3);
    hid_t space = H5Screate_simple(1, &n, NULL);
    hobj_ref_t refs[4];
    hvl_t lists[4];

    memset(refs, 0, sizeof(refs));
    for (size_t i = 0; i < 4; i++) {
        if (take(b, 4))
            H5Rcreate(&refs[i], file, WORD(b, paths), H5R_OBJECT, -1);
        lists[i] = (hvl_t){take(b, 2) ? 1 : 0, &refs[i]};
    }
    a = H5Acreate2(set, "DIMENSION_LIST", type, space, H5P_DEFAULT,
                   H5P_DEFAULT);
    if (a >= 0) {
        H5Awrite(a, type, lists);
        H5Aclose(a);
    }
    H5Sclose(space);
    H5Tclose(type);
}

/* --- data sets --- */

static hid_t number_type(bytes *b, int depth)
{
    const hid_t plain[] = {H5T_STD_I8LE,   H5T_STD_U8LE,   H5T_STD_I16BE,
                           H5T_STD_U32LE,  H5T_STD_I64BE,  H5T_STD_U64LE,
                           H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_STD_B16LE,
                           H5T_C_S1,       H5T_STD_REF_OBJ};
    hsize_t side = 1 + take(b, 3);
    hid_t in, type;

    switch (depth < 3 ? take(b, 9) : 0) {
    case 1:
        in = number_type(b, depth + 1);
        type = H5Tarray_create2(in, 1, &side);
        H5Tclose(in);
        return type;
    case 2:
        type = H5Tcreate(H5T_COMPOUND, 64);
        for (hsize_t i = 0; i < side; i++) {
            in = number_type(b, depth + 1);
            H5Tinsert(type, names[i], 16 * i, in);
            H5Tclose(in);
        }
        return type;
    case 3:
        in = number_type(b, depth + 1);
        type = H5Tvlen_create(in);
        H5Tclose(in);
        return type;
    case 4:
        type = H5Tcopy(H5T_STD_I16LE);
        H5Tset_precision(type, 1 + take(b, 16));
        return type;
    case 5:
        type = H5Tcopy(H5T_IEEE_F32LE);
        H5Tset_ebias(type, take(b, 200));
        return type;
    case 6:
        return H5Tcreate(H5T_OPAQUE, side);
    default:
        return H5Tcopy(plain[take(b, sizeof(plain) / sizeof(plain[0]))]);
    }
}

/* How it is stored. */
static hid_t layout(bytes *b, hid_t space, int n)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[4] = {1, 1, 1, 1}, dim[4] = {5, 5, 5, 5};
    hid_t from;

    switch (n > 0 ? take(b, 6) : 0) {
    case 1:
    case 2:
        for (int i = 0; i < n; i++)
            chunk[i] = 1 + take(b, 5);
        H5Pset_chunk(list, n, chunk);
        if (take(b, 2))
            H5Pset_shuffle(list);
        if (take(b, 2))
            H5Pset_deflate(list, 1);
        break;
    case 3:
        H5Pset_external(list, take(b, 2) ? "gone/x.raw" : "/dev/zero", 0,
                        1 + take(b, 200));
        break;
    case 4:
        for (int i = 0; i < n; i++)
            dim[i] = 1 + take(b, 6);
        from = H5Screate_simple(n, dim, NULL);
        H5Pset_virtual(list, space, take(b, 2) ? "." : "gone.h5",
                       WORD(b, paths), from);
        H5Sclose(from);
        break;
    default:
        break;
    }
    return list;
}

static hid_t put_set(bytes *b, hid_t at)
{
    hid_t type = number_type(b, 0), space, list, set = -1;
    hsize_t dim[4], most[4];
    int n = (int)take(b, 4);
    static const unsigned char some[8192] = {1, 2, 3, 4, 5, 6, 7, 8};

    for (int i = 0; i < n; i++) {
        dim[i] = take(b, 6);
        most[i] = take(b, 2) ? H5S_UNLIMITED : dim[i];
    }
    space = n > 0 ? H5Screate_simple(n, dim, take(b, 2) ? most : NULL)
                  : H5Screate(take(b, 2) ? H5S_SCALAR : H5S_NULL);
    list = layout(b, space, n);
    if (type >= 0)
        set = H5Dcreate2(at, WORD(b, names), type, space, H5P_DEFAULT, list,
                         H5P_DEFAULT);
    if (set >= 0 && H5Tget_class(type) <= H5T_FLOAT && take(b, 2))
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, some);
    H5Pclose(list);
    H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return set;
}

/* --- a file --- */

static void put_link(bytes *b, hid_t at, const char *name)
{
    const char *to = WORD(b, paths);

    switch (take(b, 4)) {
    case 0:
        H5Lcreate_hard(at, to, at, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 1:
        H5Lcreate_external(take(b, 2) ? "gone.h5" : name, to, at, name,
                           H5P_DEFAULT, H5P_DEFAULT);
        break;
    default:
        H5Lcreate_soft(to, at, name, H5P_DEFAULT, H5P_DEFAULT);
    }
}

static void make_file(bytes *b, const char *path)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t at, set = -1, next;

    expect(file >= 0);
    at = H5Gopen2(file, "/", H5P_DEFAULT);
    while (b->left > 0) {
        switch (take(b, 8)) {
        case 0:
            next = H5Gcreate2(at, WORD(b, names), H5P_DEFAULT, H5P_DEFAULT,
                              H5P_DEFAULT);
            if (next >= 0) {
                H5Gclose(at);
                at = next;
            }
            break;
        case 1:
            H5Gclose(at);
            at = H5Gopen2(file, "/", H5P_DEFAULT);
            break;
        case 2:
            put_link(b, at, WORD(b, names));
            break;
        case 3:
            if (set >= 0)
                put_scales(b, file, set);
            break;
        case 4:
            put_attribute(b, at);
            break;
        case 5:
            if (set >= 0)
                put_attribute(b, set);
            break;
        default:
            next = put_set(b, at);
            if (next >= 0 && set >= 0)
                H5Dclose(set);
            set = next >= 0 ? next : set;
        }
    }
    if (set >= 0)
        H5Dclose(set);
    H5Gclose(at);
    H5Fclose(file);
}

/* --- is read --- */

static void read_rows(store_table *s)
{
    uint32_t columns = store_columns(s), number;
    size_t cells = 5 * (size_t)columns;
    double *to = columns < 100000 ? malloc(cells * sizeof(*to)) : NULL;
    const char *unit;
    pe_error e = {0};
    int rc = 0;

    for (uint32_t c = 0; c < columns && c < 100; c++) {
        store_column(s, c, &number);
        expect(store_column_unit(s, c) != NULL);
        expect(store_column_type(s, c) != NULL);
    }
    for (uint64_t row = 0; to && rc == 0 && row < store_rows(s) && row < 50;
         row += 5) {
        uint64_t left = store_rows(s) - row;
        uint32_t n = left < 5 ? (uint32_t)left : 5;
        int64_t ns[5];
        rc = store_read(s, row, n, to, row % 2 ? PE_F4 : PE_F8, &e);
        if (rc == 0 && store_clock(s, &unit))
            rc = store_times(s, row, n, ns, &e);
    }
    expect(rc == 0 || e.text[0]);
    free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const times[] = {NULL, "none", "time", "/a", "/gone"};
    static const char *const formats[] = {NULL, "s", "dmy"};
    static const char *const columns[] = {NULL, NULL, "0", "a,b", "0-1"};
    char path[64], full[128];
    bytes b = {data, size};
    store_wish w = {.path = full, .rows = (int)take(&b, 5) - 1};
    pe_error e = {0};
    store_table *s;
    char *list;

    store_enable_hdf5();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    snprintf(path, sizeof(path), "fuzz-%d.h5", (int)getpid());
    snprintf(full, sizeof(full), "%s", path);
    if (take(&b, 2))
        snprintf(full, sizeof(full), "%s:%s%s%s", path, WORD(&b, paths),
                 take(&b, 2) ? "," : "", WORD(&b, paths));
    w.frames = take(&b, 2) != 0;
    w.time = WORD(&b, times);
    w.format = WORD(&b, formats);
    w.columns = WORD(&b, columns);
    make_file(&b, path);
    list = store_list(full);
    expect(list != NULL);
    free(list);
    s = store_open(&w, &e);
    expect(s != NULL || e.text[0]);
    if (s)
        read_rows(s);
    store_close(s);
    expect(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
    unlink(path);
    return 0;
}

#ifdef FUZZ_MAIN
/* As many files as fit a test, the same each time. */
int main(void)
{
    enum { FILES = 2000 };
    uint64_t state = 12;
    uint8_t data[256];

    for (int i = 0; i < FILES; i++) {
        for (size_t k = 0; k < sizeof(data); k++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            data[k] = (uint8_t)(state >> 56);
        }
        LLVMFuzzerTestOneInput(data, 16 + (size_t)i % (sizeof(data) - 16));
    }
    printf("1..1\nok 1 - %d files of HDF5 that nobody would write\n", FILES);
    return 0;
}
#endif
