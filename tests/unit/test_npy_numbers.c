/* test_npy_numbers.c - numbers of every kind and order, as rows and columns. */
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npy_case.h"
#include "src/block/npy.h"
#include "src/block/npy_header.h"

#define F "'fortran_order': False"
#define S "'shape': (2, 2)"

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
        npy_record r = npy_case(1, dict, table[i].size);
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
        npy_record r = npy_case(1, dict, table[i].bytes);
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
        npy_record r = npy_case(1, dict, 8);
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
        const element_from from = {e, &table[i].value, 8};
        size_t n = element_load(from, 1, (element_to){&d, PE_F8, 1});
        CU_ASSERT_EQUAL(n, table[i].f8);
        CU_ASSERT_EQUAL(d, (double)table[i].value);
        n = element_load(from, 1, (element_to){&f, PE_F4, 1});
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
    const grid_items items = {.type = {'u', 1, false}, .bytes = 1};

    for (size_t i = 0; i < COUNT(table); i++) {
        const grid_take take = {table[i].axis, table[i].frames};
        const grid_shape shape = {3, table[i].fortran, {2, 3, 2}};
        unsigned char raw[12];
        float out[12];
        char got[128];
        size_t n = 0;
        grid g;
        for (unsigned k = 0; k < 12; k++) { /* k is [a][b][c] in C order */
            unsigned a = k / 6, b = k / 2 % 3, c = k % 2;
            raw[table[i].fortran ? a + 2 * b + 6 * c : k] = (unsigned char)k;
        }
        CU_ASSERT_EQUAL_FATAL(grid_make(&g, &shape, &items, &take, NULL), 0);
        CU_ASSERT_EQUAL(
            grid_copy(&g, &(grid_rows){raw, (size_t)g.rows, 0, (size_t)g.rows},
                      (grid_columns){NULL, g.columns},
                      &(grid_to){out, PE_F4, 0, g.columns}),
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
        grid_shape shape;
        int axis;
        const char *want;
    } table[] = {
        {{0}, -1, "shape () is refused: it is one number"},
        {{3, false, {2, 3, 4}},
         -1,
         "shape (2, 3, 4) is refused: it has more than 2 axes; with frames: "
         "true each of the first is a row of all behind it, with rows: N"},
        {{2, false, {2, 3}},
         2,
         "shape (2, 3) is refused: it has no axis of the number"},
        {{2, false, {2, 0}}, -1, "shape (2, 0) is refused: a dimension is 0"},
        {{2, false, {2, UINT64_C(1) << 40}}, -1, "it is too large"},
    };
    const grid_items items = {.type = {'u', 1, false}, .bytes = 1};

    for (size_t i = 0; i < COUNT(table); i++) {
        const grid_take take = {.axis = table[i].axis};
        pe_error e = {0};
        grid g;
        CU_ASSERT_EQUAL(grid_make(&g, &table[i].shape, &items, &take, &e), -1);
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
        npy_record r = npy_case(1, dict, 16);
        npy_refused(&r, table[i].want);
        free(r.data);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"numbers of every kind", test_dtypes},
        {"shapes, orders, fields", test_orders},
        {"whole numbers that are rounded", test_rounded},
        {"a record of such", test_record_rounded},
        {"arrays of three axes", test_grid},
        {"arrays of no rows and columns", test_grid_refused},
        {"dtype: refused", test_dtype_bad},
        {NULL, NULL},
    };
    return unit_main("npy_numbers", tests);
}
