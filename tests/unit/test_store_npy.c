/* test_store_npy.c - rows of .npy files in any order, read ahead or not. */
#include "unit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/store/store.h"

typedef struct array {
    const char *descr;
    bool fortran;
    unsigned size; /* bytes of a number, which is a whole one */
    size_t rows, columns;
} array;

static const array arrays[] = {
    {"<i4", false, 4, 3000, 40}, {"<i4", true, 4, 3000, 40},
    {">i2", true, 2, 70000, 16}, {"<i8", true, 8, 100, 7},
    {"|u1", true, 1, 5, 30000},  {">u4", false, 4, 1, 9},
    {"<i4", true, 4, 40000, 1},
};

/* The number in a row and column, as small as the type. */
static uint64_t number(const array *a, size_t row, size_t column)
{
    uint64_t mask =
        a->size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * a->size) - 1;

    return (row * 131 + column * 7 + 1) & (mask >> 1);
}

static void write_array(const array *a)
{
    size_t cells = a->rows * a->columns;
    unsigned char *file = calloc(1, 128 + cells * a->size);
    char head[128];

    CU_ASSERT_FATAL(file != NULL);
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\x01\0\x76\0", 10);
    int n =
        snprintf(head, sizeof(head),
                 "{'descr': '%s', 'fortran_order': %s, 'shape': (%zu, "
                 "%zu), }",
                 a->descr, a->fortran ? "True" : "False", a->rows, a->columns);
    memcpy(file + 10, head, (size_t)n);
    file[127] = '\n';
    for (size_t r = 0; r < a->rows; r++)
        for (size_t c = 0; c < a->columns; c++) {
            size_t place = a->fortran ? c * a->rows + r : r * a->columns + c;
            unsigned char *at = file + 128 + place * a->size;
            uint64_t x = number(a, r, c);
            for (unsigned k = 0; k < a->size; k++)
                at[a->descr[0] == '>' ? a->size - 1 - k : k] =
                    (unsigned char)(x >> 8 * k);
        }
    scratch_write_bytes("array.npy", file, 128 + cells * a->size);
    free(file);
}

/* Rows [row], [n] of them, are those that were written. */
static bool rows_right(store_table *s, const array *a, uint64_t row, uint32_t n,
                       enum pe_dtype dtype)
{
    void *to = calloc((size_t)n * store_columns(s), sizeof(double));
    bool right = to && store_read(s, row, n, to, dtype, NULL) == 0;
    uint32_t c, number_of;

    for (size_t i = 0; right && i < (size_t)n * store_columns(s); i++) {
        store_column(s, (uint32_t)(i % store_columns(s)), &number_of);
        c = number_of;
        uint64_t x = number(a, (size_t)row + i / store_columns(s), c);
        right = dtype == PE_F8 ? ((double *)to)[i] == (double)x
                               : ((float *)to)[i] == (float)x;
    }
    free(to);
    return right;
}

/* One behind the other, again, back, and by leaps. */
static void read_about(store_table *s, const array *a)
{
    uint64_t rows = store_rows(s), row = 0, at = 1;
    bool right = true;

    for (; row < rows && row < 3000; row += 7) {
        uint32_t n = rows - row < 7 ? (uint32_t)(rows - row) : 7;
        right = right && rows_right(s, a, row, n, PE_F8);
    }
    CU_ASSERT(right);
    for (int i = 0; i < 30; i++) {
        at = (at * 48271) % 2147483647;
        row = at % rows;
        uint64_t n = 1 + at % (a->columns > 1000 ? 3 : 97);
        n = n < rows - row ? n : rows - row;
        right = right && rows_right(s, a, row, (uint32_t)n, PE_F4) &&
                rows_right(s, a, row, 1, PE_F8);
    }
    CU_ASSERT(right);
    CU_ASSERT(rows_right(s, a, 0, 1, PE_F8));
    CU_ASSERT(rows_right(s, a, rows - 1, 1, PE_F8));
    if (a->columns < 1000)
        CU_ASSERT(rows_right(s, a, 0, (uint32_t)rows, PE_F8));
}

static void test_rows(void)
{
    static const char *const choices[] = {NULL, "0", "3-5,1"};

    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        write_array(&arrays[i]);
        for (size_t k = 0; k < sizeof(choices) / sizeof(choices[0]); k++) {
            store_wish w = {
                .path = scratch_path, .rows = -1, .columns = choices[k]};
            pe_error e = {0};
            store_table *s;
            if (arrays[i].columns < 6 && k == 2)
                continue;
            s = store_open(&w, &e);
            UNIT_EQUAL(e.text, "");
            CU_ASSERT_FATAL(s != NULL);
            CU_ASSERT_EQUAL(store_rows(s), arrays[i].rows);
            read_about(s, &arrays[i]);
            store_close(s);
        }
    }
}

/* A file that is cut while it is read: the rows before are read, the error
 * names the first one that is not, and those that were read are none of it.
 */
static void test_cut(void)
{
    const array *a = &arrays[0];
    store_wish w = {.path = scratch_path, .rows = -1};
    store_table *s;
    pe_error e = {0};
    int32_t row[40];
    double to[40 * 10];

    write_array(a);
    s = store_open(&w, &e);
    CU_ASSERT_FATAL(s != NULL);
    CU_ASSERT(rows_right(s, a, 0, 10, PE_F8));
    CU_ASSERT_EQUAL(truncate(scratch_path, 128 + 100 * (off_t)sizeof(row)), 0);
    CU_ASSERT(rows_right(s, a, 90, 10, PE_F8));
    CU_ASSERT_EQUAL(store_read(s, 95, 10, to, PE_F8, &e), -1);
    UNIT_CONTAINS(e.text, "array.npy row 95 cannot be read: the file was cut "
                          "meanwhile");
    CU_ASSERT(rows_right(s, a, 90, 10, PE_F8));
    store_close(s);
}

/* No column has a unit, and none is a clock. */
static void test_bare(void)
{
    store_wish w = {.path = scratch_path, .rows = -1, .time = "none"};
    const char *unit = "x";
    store_table *s;

    write_array(&arrays[3]);
    s = store_open(&w, NULL);
    CU_ASSERT_FATAL(s != NULL);
    UNIT_EQUAL(store_column_unit(s, 2), "");
    CU_ASSERT_PTR_NULL(store_clock(s, &unit));
    CU_ASSERT_PTR_NULL(unit);
    CU_ASSERT_PTR_NULL(store_list(scratch_path));
    store_close(s);
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows in any order", test_rows},
        {"cut while it is read", test_cut},
        {"without units and clock", test_bare},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main(".npy files", tests);
    scratch_remove();
    return rc;
}
