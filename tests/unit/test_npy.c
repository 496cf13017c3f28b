/* test_npy.c - .npy headers in and out. */
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/block/npy_header.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A record in memory that ends behind its last byte. */
typedef struct record {
    unsigned char *data;
    size_t len;
} record;

/* Version [major].0, [dict] as it is, [bytes] of data. */
static record record_make(unsigned char major, const char *dict, size_t bytes)
{
    size_t n = strlen(dict);
    size_t prefix = major == 1 ? 10 : 12;
    record r = {malloc(prefix + n + bytes), prefix + n + bytes};

    CU_ASSERT_FATAL(r.data != NULL);
    memcpy(r.data, "\x93NUMPY", 6);
    r.data[6] = major;
    r.data[7] = 0;
    for (size_t i = 8; i < prefix; i++)
        r.data[i] = (unsigned char)(n >> (8 * (i - 8)));
    memcpy(r.data + prefix, dict, n);
    for (size_t i = 0; i < bytes; i++)
        r.data[prefix + n + i] = (unsigned char)(i + 1);
    return r;
}

/* Assert that [r] is refused with [want] and leaves the block alone. */
static void check_refused(const record *r, const char *want)
{
    pe_block b = {.points = 77, .dtype = PE_F8};
    pe_error e = {0};

    CU_ASSERT_EQUAL(npy_decode(r->data, r->len, &b, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, want);
    CU_ASSERT_EQUAL(b.points, 77);
    CU_ASSERT_PTR_NULL(b.data);
}

static void test_prefix_bad(void)
{
    record r = record_make(
        1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }\n", 4);
    record cut = {r.data, 0};

    for (; cut.len < 10; cut.len++)
        check_refused(&cut, "not a .npy record: it does not start with");
    for (; cut.len < r.len - 4; cut.len++)
        check_refused(&cut, "not a .npy record: it ends within its header");
    for (; cut.len < r.len; cut.len++)
        check_refused(&cut, "bytes of data where (1, 1) items of 4 bytes "
                            "are 4");
    r.data[7] = 1;
    check_refused(&r, "version 1.1 is none of 1.0, 2.0 and 3.0");
    r.data[7] = 0;
    r.data[6] = 4;
    check_refused(&r, "version 4.0 is none of");
    r.data[6] = 0;
    check_refused(&r, "version 0.0 is none of");
    r.data[6] = 2; /* "{'" is now the upper half of the length */
    check_refused(&r, "is longer than 10000");
    r.data[0] = 'N';
    check_refused(&r, "not a .npy record: it does not start with");
    cut = (record){r.data, 11};
    r.data[0] = 0x93;
    check_refused(&cut, "it ends within its header");
    free(r.data);
    cut.len = 0;
    cut.data = NULL;
    check_refused(&cut, "it does not start with");
}

static void test_header_length(void)
{
    static const char dict[] =
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }";
    static char padded[10002];

    memset(padded, ' ', sizeof(padded) - 1);
    memcpy(padded, dict, sizeof(dict) - 1);
    padded[10000] = '\0';
    record r = record_make(1, padded, 16);
    pe_block b = {0};
    CU_ASSERT_EQUAL(npy_decode(r.data, r.len, &b, NULL), 0);
    free(r.data);
    padded[10000] = ' ';
    r = record_make(1, padded, 16);
    check_refused(&r, "a header of 10001 bytes is longer than 10000");
    free(r.data);
    r = record_make(3, padded, 16);
    check_refused(&r, "a header of 10001 bytes is longer than 10000");
    free(r.data);
}

static void test_accepted(void)
{
    static const struct {
        unsigned char major;
        const char *dict;
        uint32_t points, features;
        enum pe_dtype dtype;
    } table[] = {
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }  \n",
         3, 2, PE_F4},
        {2, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }\n", 3,
         2, PE_F8},
        {3, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }\n", 3,
         2, PE_F8},
        {1, "{'shape': (3, 2), 'fortran_order': False, 'descr': '<f4'}", 3, 2,
         PE_F4},
        {1, "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(3,2)}\n", 3,
         2, PE_F4},
        {1,
         " {\n'fortran_order' : False ,'descr' :'<f4', 'shape': ( 3 , 2 , "
         ") , } \t\n",
         3, 2, PE_F4},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }\n", 5, 1,
         PE_F4},
        {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (5,), }\n", 5, 1,
         PE_F4},
        {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 5), }\n", 1,
         5, PE_F4},
        {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (5, 1), }\n", 5,
         1, PE_F4},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        size_t bytes = (size_t)table[i].points * table[i].features *
                       (size_t)table[i].dtype;
        record r = record_make(table[i].major, table[i].dict, bytes);
        pe_block b = {.device = "d", .offset = 3, .seq = 4};
        pe_error e = {0};

        CU_ASSERT_EQUAL(npy_decode(r.data, r.len, &b, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL(b.points, table[i].points);
        CU_ASSERT_EQUAL(b.features, table[i].features);
        CU_ASSERT_EQUAL(b.dtype, table[i].dtype);
        CU_ASSERT_PTR_EQUAL(b.data, r.data + r.len - bytes);
        /* Nothing else is set. */
        UNIT_EQUAL(b.device, "d");
        CU_ASSERT_EQUAL(b.offset, 3);
        CU_ASSERT_EQUAL(b.seq, 4);
        CU_ASSERT_PTR_NULL(b.storage);
        free(r.data);
    }
}

#define D "'descr': '<f4'"
#define F "'fortran_order': False"
#define S "'shape': (2, 2)"

static void test_dict_bad(void)
{
    static const struct {
        const char *dict, *want;
    } table[] = {
        {"", "its header is not a Python dict"},
        {"[" D "]", "its header is not a Python dict"},
        {"{}", "lacks one of 'descr', 'fortran_order' and 'shape'"},
        {"{" D ", " F "}", "lacks one of"},
        {"{" D ", " S "}", "lacks one of"},
        {"{" F ", " S "}", "lacks one of"},
        {"{" D ", " F ", " S ", " D "}", "a key is twice in its header"},
        {"{" D ", " F ", " S ", 'x': 1}", "has a key other than"},
        {"{" D ", " F ", " S ", '': 1}", "has a key other than"},
        {"{" D ", " F ", " S, "a comma or '}' is missing in its header"},
        {"{" D ", " F " " S "}", "a comma or '}' is missing in its header"},
        {"{" D ", " F ", " S ",,}", "a quoted text is missing"},
        {"{,}", "a quoted text is missing"},
        {"{" D ", " F ", " S "} x", "text follows the dict"},
        {"{" D ", " F ", " S "}{}", "text follows the dict"},
        {"{'descr' '<f4'}", "':' is missing behind a key"},
        {"{descr: '<f4'}", "a quoted text is missing"},
        {"{'descr: 1}", "a quoted text in its header does not end"},
        {"{'descr\": 1}", "a quoted text in its header does not end"},
        {"{'de\\scr': '<f4'}", "a quoted text in its header does not end"},
        {"{'descr': <f4}", "a quoted text is missing"},
        {"{'descr':", "a quoted text is missing"},
        {"{'fortran_order': 0}", "neither True nor False"},
        {"{'fortran_order': Tru", "neither True nor False"},
        {"{'fortran_order': false}", "neither True nor False"},
        {"{'fortran_order': Falsey}", "a comma or '}' is missing"},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        record r = record_make(1, table[i].dict, 16);
        check_refused(&r, table[i].want);
        free(r.data);
    }
}

static void test_shape_bad(void)
{
    static const struct {
        const char *shape, *want;
    } table[] = {
        {"(0, 32)", "shape (0, 32) is refused: a dimension is 0"},
        {"(32, 0)", "shape (32, 0) is refused: a dimension is 0"},
        {"(0,)", "shape (0, 1) is refused: a dimension is 0"},
        {"()", "shape () is refused: it is one number"},
        {"(1, 2, 2)", "it has 3 axes; send rows of columns, 2"},
        {"(4)", "'shape' is a number, not a tuple"},
        {"4", "'shape' is not a tuple"},
        {"[2, 2]", "'shape' is not a tuple"},
        {"(-1, 2)", "'shape' is not a tuple of whole numbers"},
        {"(2.0, 2)", "a comma or ')' is missing in 'shape'"},
        {"(2 2)", "a comma or ')' is missing in 'shape'"},
        {"(,)", "'shape' is not a tuple of whole numbers"},
        {"(2,,2)", "'shape' is not a tuple of whole numbers"},
        {"(2, 2", "'shape' is not a tuple of whole numbers"},
        {"(4294967296, 1)", "4294967296 rows are too many"},
        {"(1, 4294967296)", "is refused: it is too large"},
        {"(4294967295, 4294967295)", "is refused: it is too large"},
        {"(18446744073709551616,)", "a dimension in 'shape' is too large"},
        {"(99999999999999999999999,)", "a dimension in 'shape' is too large"},
        {"(2, 3)", "16 bytes of data where (2, 3) items of 4 bytes are 24"},
        {"(1, 3)", "16 bytes of data where (1, 3) items of 4 bytes are 12"},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        char dict[256];
        /* The shape is last so that an open one ends the header. */
        int open = !strchr(")]4", table[i].shape[strlen(table[i].shape) - 1]);
        snprintf(dict, sizeof(dict), "{" D ", " F ", 'shape': %s%s",
                 table[i].shape, open ? "," : "}");
        record r = record_make(1, dict, 16);
        check_refused(&r, table[i].want);
        free(r.data);
    }
}

/* One number of each kind, alone in its record. */
static void test_dtypes(void)
{
    static const struct {
        const char *descr, *bytes;
        size_t size;
        double want;
        enum pe_dtype dtype;
    } table[] = {
        {"|b1", "\x01", 1, 1, PE_F4},
        {"|b1", "\x00", 1, 0, PE_F4},
        {"|i1", "\x80", 1, -128, PE_F4},
        {"|u1", "\xff", 1, 255, PE_F4},
        {"<i2", "\xfe\xff", 2, -2, PE_F4},
        {">i2", "\x01\x02", 2, 258, PE_F4},
        {"<u2", "\x01\xff", 2, 65281, PE_F4},
        {">u2", "\xff\x01", 2, 65281, PE_F4},
        {"<i4", "\xff\xff\xff\xff", 4, -1, PE_F8},
        {">i4", "\x80\x00\x00\x00", 4, -2147483648.0, PE_F8},
        {"<u4", "\xff\xff\xff\xff", 4, 4294967295.0, PE_F8},
        {">u4", "\x00\x00\x01\x02", 4, 258, PE_F8},
        {"<i8", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, -1, PE_F8},
        {">i8", "\xff\xff\xff\xff\xff\xff\xff\xfe", 8, -2, PE_F8},
        {"<u8", "\x00\x00\x00\x00\x00\x00\x00\x80", 8, 9223372036854775808.0,
         PE_F8},
        {">u8", "\x00\x00\x00\x00\x00\x00\x00\x07", 8, 7, PE_F8},
        {"<f2", "\x00\xc0", 2, -2, PE_F4},
        {">f2", "\x3c\x00", 2, 1, PE_F4},
        {"<f2", "\x01\x00", 2, 5.9604644775390625e-08, PE_F4},
        {"<f2", "\xff\x7b", 2, 65504, PE_F4},
        {"<f2", "\x00\x7c", 2, INFINITY, PE_F4},
        {"<f4", "\x00\x00\xc0\x3f", 4, 1.5, PE_F4},
        {">f4", "\x3f\xc0\x00\x00", 4, 1.5, PE_F4},
        {"<f8", "\x00\x00\x00\x00\x00\x00\x04\xc0", 8, -2.5, PE_F8},
        {">f8", "\xc0\x04\x00\x00\x00\x00\x00\x00", 8, -2.5, PE_F8},
        {"=f8", "\x00\x00\x00\x00\x00\x00\x04\xc0", 8, -2.5, PE_F8},
        {"f8", "\x00\x00\x00\x00\x00\x00\x04\xc0", 8, -2.5, PE_F8},
    };
    pe_block b = {0};

    for (size_t i = 0; i < COUNT(table); i++) {
        char dict[128];
        pe_error e = {0};
        snprintf(dict, sizeof(dict), "{'descr': '%s', " F ", 'shape': (1,)}",
                 table[i].descr);
        record r = record_make(1, dict, table[i].size);
        memcpy(r.data + r.len - table[i].size, table[i].bytes, table[i].size);
        CU_ASSERT_EQUAL_FATAL(npy_decode(r.data, r.len, &b, &e), 0);
        CU_ASSERT_EQUAL(pe_block_at(&b, 0, 0), table[i].want);
        CU_ASSERT_EQUAL(b.dtype, table[i].dtype);
        free(r.data);
    }
    pe_block_release(&b);
}

/* Shapes and orders: rows of bytes 1, 2, 3... as they are in the record. */
static void test_orders(void)
{
    static const struct {
        const char *descr, *order, *shape, *want;
        size_t bytes;
    } table[] = {
        {"'|u1'", "False", "(2, 3)", "1 2 3;4 5 6;", 6},
        {"'|u1'", "True", "(2, 3)", "1 3 5;2 4 6;", 6},
        {"'|u1'", "True", "(1, 3)", "1 2 3;", 3},
        {"'|u1'", "True", "(3, 1)", "1;2;3;", 3},
        {"'|u1'", "False", "(3,)", "1;2;3;", 3},
        {"'|u1'", "False", "(2L, 1L)", "1;2;", 2},
        {"[('a', '|u1'), ('b', '|u1')]", "False", "(2,)", "1 2;3 4;", 4},
        {"[('a', '>u2'), ('', '|V1'), ('t', '|S2'), ('b', '|u1', (2,)), ]",
         "False", "(1,)", "258 6 7;", 7},
        {"[(('title', 'a'), '|u1'), ('in', [('x', '|u1'), ('y', '|i1')])]",
         "False", "(2, 1)", "1 2 3;4 5 6;", 6},
    };
    pe_block b = {0};

    for (size_t i = 0; i < COUNT(table); i++) {
        char dict[256], got[128];
        size_t n = 0;
        pe_error e = {0};
        snprintf(dict, sizeof(dict),
                 "{'descr': %s, 'fortran_order': %s, 'shape': %s, }",
                 table[i].descr, table[i].order, table[i].shape);
        record r = record_make(1, dict, table[i].bytes);
        CU_ASSERT_EQUAL(npy_decode(r.data, r.len, &b, &e), 0);
        UNIT_EQUAL(e.text, "");
        for (uint32_t p = 0; p < b.points; p++)
            for (uint32_t f = 0; f < b.features; f++)
                n += (size_t)snprintf(got + n, sizeof(got) - n, "%g%s",
                                      pe_block_at(&b, p, f),
                                      f + 1 < b.features ? " " : ";");
        UNIT_EQUAL(got, table[i].want);
        free(r.data);
    }
    pe_block_release(&b);
}

/* A record says that it was rounded. */
static void test_record_rounded(void)
{
    static const char dict[] = "{'descr': '<i8', " F ", 'shape': (1,)}";
    const int64_t values[] = {INT64_C(1) << 53, (INT64_C(1) << 53) + 1};
    pe_block b = {0};

    for (int i = 0; i < 2; i++) {
        record r = record_make(1, dict, 8);
        memcpy(r.data + r.len - 8, &values[i], 8);
        CU_ASSERT_EQUAL(npy_decode(r.data, r.len, &b, NULL), i);
        CU_ASSERT_EQUAL(pe_block_at(&b, 0, 0), 9007199254740992.0);
        free(r.data);
    }
    pe_block_release(&b);
}

/* What has no room in its type is counted. */
static void test_rounded(void)
{
    static const struct {
        int64_t value;
        size_t f4, f8;
    } table[] = {
        {0, 0, 0},
        {16777216, 0, 0},
        {16777217, 1, 0},
        {-16777217, 1, 0},
        {(INT64_C(1) << 53), 0, 0},
        {(INT64_C(1) << 53) + 1, 1, 1},
        {-(INT64_C(1) << 53) - 1, 1, 1},
        {INT64_C(1) << 60, 0, 0},
        {INT64_MAX, 1, 1},
        {INT64_MIN, 0, 0},
    };
    const element e = {'i', 8, false};

    for (size_t i = 0; i < COUNT(table); i++) {
        float f;
        double d;
        size_t n = element_load(e, &table[i].value, 1, 8, &d, PE_F8, 1);
        CU_ASSERT_EQUAL(n, table[i].f8);
        CU_ASSERT_EQUAL(d, (double)table[i].value);
        n = element_load(e, &table[i].value, 1, 8, &f, PE_F4, 1);
        CU_ASSERT_EQUAL(n, table[i].f4);
    }
}

/* Arrays of three axes, by each axis and in each order: the columns are in
 * the order of the shape.
 */
static void test_grid(void)
{
    static const struct {
        int axis;
        bool frames, fortran;
        const char *want;
    } table[] = {
        {-1, true, false, "0 1 2 3 4 5;6 7 8 9 10 11;"},
        {0, false, false, "0 1 2 3 4 5;6 7 8 9 10 11;"},
        {1, false, false, "0 1 6 7;2 3 8 9;4 5 10 11;"},
        {2, false, false, "0 2 4 6 8 10;1 3 5 7 9 11;"},
        {0, false, true, "0 1 2 3 4 5;6 7 8 9 10 11;"},
        {1, false, true, "0 1 6 7;2 3 8 9;4 5 10 11;"},
        {2, false, true, "0 2 4 6 8 10;1 3 5 7 9 11;"},
    };
    static const uint64_t dim[] = {2, 3, 2};
    const grid_items items = {.type = {'u', 1, false}, .bytes = 1};

    for (size_t i = 0; i < COUNT(table); i++) {
        const grid_take take = {table[i].axis, table[i].frames};
        unsigned char raw[12];
        float out[12];
        char got[128];
        size_t n = 0;
        grid g;
        for (unsigned k = 0; k < 12; k++) { /* k is [a][b][c] in C order */
            unsigned a = k / 6, b = k / 2 % 3, c = k % 2;
            raw[table[i].fortran ? a + 2 * b + 6 * c : k] = (unsigned char)k;
        }
        CU_ASSERT_EQUAL_FATAL(
            grid_make(&g, dim, 3, table[i].fortran, &items, &take, NULL), 0);
        CU_ASSERT_EQUAL(
            grid_copy(&g, &(grid_rows){raw, (size_t)g.rows, 0, (size_t)g.rows},
                      NULL, g.columns, out, PE_F4, 0, g.columns),
            0);
        for (size_t k = 0; k < 12; k++)
            n += (size_t)snprintf(got + n, sizeof(got) - n, "%g%s",
                                  (double)out[k],
                                  (k + 1) % g.columns ? " " : ";");
        UNIT_EQUAL(got, table[i].want);
    }
}

static void test_grid_refused(void)
{
    static const struct {
        uint64_t dim[3];
        unsigned dims;
        int axis;
        const char *want;
    } table[] = {
        {{0}, 0, -1, "shape () is refused: it is one number"},
        {{2, 3, 4},
         3,
         -1,
         "shape (2, 3, 4) is refused: it has more than 2 axes; with frames: "
         "true each of the first is a row of all behind it, with rows: N"},
        {{2, 3}, 2, 2, "shape (2, 3) is refused: it has no axis of the number"},
        {{2, 0}, 2, -1, "shape (2, 0) is refused: a dimension is 0"},
        {{2, UINT64_C(1) << 40}, 2, -1, "it is too large"},
    };
    const grid_items items = {.type = {'u', 1, false}, .bytes = 1};

    for (size_t i = 0; i < COUNT(table); i++) {
        const grid_take take = {.axis = table[i].axis};
        pe_error e = {0};
        grid g;
        CU_ASSERT_EQUAL(grid_make(&g, table[i].dim, table[i].dims, false,
                                  &items, &take, &e),
                        -1);
        UNIT_CONTAINS(e.text, table[i].want);
    }
}

static void test_dtype_bad(void)
{
    static const struct {
        const char *descr, *want;
    } table[] = {
        {"'<c8'", "dtype '<c8' is refused: it is complex numbers; give their "
                  "real and imaginary parts apart"},
        {"'<f16'", "dtype '<f16' is refused: it is a float that other "
                   "machines do not have"},
        {"'<U5'", "dtype '<U5' is refused: it is text"},
        {"'|S5'", "dtype '|S5' is refused: it is text"},
        {"'<M8[ns]'", "dtype '<M8[ns]' is refused: it is times"},
        {"'<i3'", "dtype '<i3' is refused: it is no type that is known"},
        {"''", "dtype '' is refused"},
        {"'\x1b[2J\xc3'", "dtype '?[2J?' is refused"},
        {"'|O'", "dtype '|O' is refused: it is objects of Python"},
        {"[('x', '<f4'), ('y', '|O')]", "dtype '|O' is refused"},
        {"[('x', '|S4'), ('y', '<c8')]",
         "none of its fields is a number: x (|S4), y (<c8)"},
        {"[]", "none of its fields is a number: it has none"},
        {"('<f4', (2,))", "'descr' is neither a type nor a list"},
        {"['x']", "a field in its header is not a tuple"},
        {"[('x')]", "a field in its header has no type"},
        {"[('x', '<f4', (2,) 3)]", "a field in its header does not end"},
        {"[('x', '<f4') ('y', '<f4')]", "a comma or ']' is missing"},
        {"[('x', '<f4', (99999999,))]", "more than 65536 fields"},
        {"[('x', [('y', '<f4')], (2,))]", "an array of records"},
        {"[('a',[('a',[('a',[('a',[('a',[('a',[('a',[('a',[('a',[('a',"
         "'<f4')])])])])])])])])])]",
         "records in its header are within too many others"},
        {"'<f4 and a text that is much longer than what is worth showing'",
         "dtype '<f4 and a text that is much longer than what is ' is"},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        char dict[256];
        snprintf(dict, sizeof(dict), "{'descr': %s, " F ", " S "}",
                 table[i].descr);
        record r = record_make(1, dict, 16);
        check_refused(&r, table[i].want);
        free(r.data);
    }
}

static void test_trailing(void)
{
    record r = record_make(1, "{" D ", " F ", " S "}\n", 17);

    check_refused(&r, "not a .npy record: 17 bytes of data where (2, 2) items "
                      "of 4 bytes are 16");
    free(r.data);
}

/* A file of 1 TB: the header is enough. */
static void test_header_alone(void)
{
    record r = record_make(
        2, "{'descr': '>i2', " F ", 'shape': (40000000000, 32)}\n", 0);
    npy_array a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(npy_array_read(&a, r.data, r.len, &e), 0);
    CU_ASSERT_EQUAL(a.dims, 2);
    CU_ASSERT_EQUAL(a.dim[0], 40000000000);
    CU_ASSERT_EQUAL(a.items.type.kind, 'i');
    CU_ASSERT_EQUAL(a.items.bytes, 2);
    CU_ASSERT_EQUAL(a.data_offset, r.len);
    CU_ASSERT_EQUAL(npy_array_bytes(&a), 40000000000 * 64);
    CU_ASSERT_EQUAL(npy_array_read(&a, r.data, r.len - 1, &e), -1);
    UNIT_EQUAL(e.text, "it ends within its header");
    free(r.data);
}

/* The header byte for byte as numpy.save writes it, but for the padding. */
static void test_header_bytes(void)
{
    static const struct {
        enum pe_dtype dtype;
        uint32_t points, features;
        const char *want;
    } table[] = {
        {PE_F4, 1000, 32,
         "{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 32), }"},
        {PE_F8, 25, 1,
         "{'descr': '<f8', 'fortran_order': False, 'shape': (25, 1), }"},
        {PE_F4, 1000, 0,
         "{'descr': '<f4', 'fortran_order': False, 'shape': (1000,), }"},
        {PE_F8, UINT32_MAX, UINT32_MAX,
         "{'descr': '<f8', 'fortran_order': False, "
         "'shape': (4294967295, 4294967295), }"},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        unsigned char got[NPY_HEADER_LEN];
        size_t n = strlen(table[i].want);
        memset(got, 0x55, sizeof(got));
        npy_header(got, table[i].dtype, table[i].points, table[i].features);
        CU_ASSERT_EQUAL(memcmp(got, "\x93NUMPY\x01\x00\x76\x00", 10), 0);
        CU_ASSERT_EQUAL(memcmp(got + 10, table[i].want, n), 0);
        for (size_t j = 10 + n; j < NPY_HEADER_LEN - 1; j++)
            CU_ASSERT_EQUAL(got[j], ' ');
        CU_ASSERT_EQUAL(got[NPY_HEADER_LEN - 1], '\n');
    }
}

static void check_frame(uint32_t points, uint32_t features, enum pe_dtype dtype)
{
    pe_block b = {0}, back = {0};
    size_t len = 0;

    CU_ASSERT_EQUAL_FATAL(pe_block_reserve(&b, points, features, dtype, NULL),
                          0);
    for (size_t i = 0; i < pe_block_bytes(&b); i++)
        ((unsigned char *)b.data)[i] = (unsigned char)i;
    const void *frame = npy_frame(&b, &len);
    CU_ASSERT_PTR_EQUAL(frame, b.storage);
    CU_ASSERT_EQUAL(len, NPY_HEADER_LEN + pe_block_bytes(&b));
    CU_ASSERT_EQUAL(npy_decode(frame, len, &back, NULL), 0);
    CU_ASSERT_PTR_EQUAL(back.data, b.data);
    CU_ASSERT_EQUAL(back.points, points);
    CU_ASSERT_EQUAL(back.features, features);
    CU_ASSERT_EQUAL(back.dtype, dtype);
    CU_ASSERT_EQUAL(((unsigned char *)b.data)[0], 0);
    pe_block_release(&b);
}

static void test_frame(void)
{
    check_frame(1, 1, PE_F4);
    check_frame(25, 32, PE_F8);
    check_frame(1000, 3, PE_F4);
}

static void test_frame_borrowed(void)
{
    double data[4] = {0};
    pe_block b = {.data = data, .points = 2, .features = 2, .dtype = PE_F8};
    pe_block own = {0};
    size_t len = 9;

    CU_ASSERT_PTR_NULL(npy_frame(&b, &len));
    CU_ASSERT_EQUAL(pe_block_copy(&own, &b, NULL), 0);
    CU_ASSERT_PTR_NOT_NULL(npy_frame(&own, &len));
    CU_ASSERT_EQUAL(len, NPY_HEADER_LEN + sizeof(data));
    len = 9;
    own.data = data;
    CU_ASSERT_PTR_NULL(npy_frame(&own, &len));
    CU_ASSERT_EQUAL(len, 9);
    pe_block_release(&own);
}

int main(void)
{
    static const unit_test tests[] = {
        {"prefix: short, odd, cut anywhere", test_prefix_bad},
        {"header: 10000 bytes at most", test_header_length},
        {"accepted", test_accepted},
        {"dict: refused", test_dict_bad},
        {"shape: refused", test_shape_bad},
        {"numbers of every kind", test_dtypes},
        {"shapes, orders, fields", test_orders},
        {"whole numbers that are rounded", test_rounded},
        {"a record of such", test_record_rounded},
        {"arrays of three axes", test_grid},
        {"arrays of no rows and columns", test_grid_refused},
        {"dtype: refused", test_dtype_bad},
        {"trailing bytes: refused", test_trailing},
        {"header: without the data", test_header_alone},
        {"header: bytes", test_header_bytes},
        {"frame: decodes to itself", test_frame},
        {"frame: borrowed data", test_frame_borrowed},
        {NULL, NULL},
    };
    return unit_main("npy", tests);
}
