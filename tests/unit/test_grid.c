/* test_grid.c - arrays of any shape and order, taken as rows and columns. */
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/grid.h"

typedef struct shape {
    unsigned dims;
    uint64_t dim[4];
} shape;

static size_t size_of(const shape *s)
{
    size_t n = 1;

    for (unsigned i = 0; i < s->dims; i++)
        n *= (size_t)s->dim[i];
    return n;
}

/* Place in storage of the item at [index]. */
static size_t place_of(const shape *s, bool fortran, const size_t *index)
{
    size_t place = 0;

    for (unsigned k = 0; k < s->dims; k++) {
        unsigned i = fortran ? s->dims - 1 - k : k;
        place = place * (size_t)s->dim[i] + index[i];
    }
    return place;
}

/* The item of row [row] and column [column]: all axes but [axis], in their
 * order, make the columns.
 */
static size_t item_of(const shape *s, bool fortran, unsigned axis, size_t row,
                      size_t column)
{
    size_t index[4];

    for (unsigned i = s->dims; i-- > 0;) {
        if (i == axis) {
            index[i] = row;
            continue;
        }
        index[i] = column % (size_t)s->dim[i];
        column /= (size_t)s->dim[i];
    }
    return place_of(s, fortran, index);
}

/* The storage of rows [first], [n] of them: each piece's, one behind the
 * other.
 */
static void cut_rows(const grid *g, const uint16_t *all, size_t first, size_t n,
                     uint16_t *out)
{
    for (size_t o = 0; o < g->outer; o++)
        memcpy(out + o * n * g->inner,
               all + (o * (size_t)g->rows + first) * g->inner,
               n * g->inner * sizeof(*out));
}

static grid_shape shape_of(const shape *s, bool fortran)
{
    grid_shape to = {.dims = s->dims, .fortran = fortran};

    memcpy(to.dim, s->dim, sizeof(s->dim));
    return to;
}

/* Rows [from], [count] of them, of those in memory: to the columns from 2 on
 * of a matrix that is wider, in the order that was asked for.
 */
static bool copied_right(const shape *s, bool fortran, unsigned axis,
                         const grid *g, const uint16_t *all)
{
    size_t rows = (size_t)g->rows, first = rows / 3, n = rows - first;
    size_t from = n > 2 ? 1 : 0, count = n - from, width = g->columns + 3;
    uint16_t *part = malloc((size_of(s) + 1) * sizeof(*part));
    double *to = calloc(count * width + 1, sizeof(*to));
    uint32_t *order = calloc(g->columns, sizeof(*order));
    bool right = part && to && order;

    if (right)
        cut_rows(g, all, first, n, part);
    for (int chosen = 0; right && chosen < 2; chosen++) {
        memset(to, 0, count * width * sizeof(*to));
        for (uint32_t c = 0; c < g->columns; c++)
            order[c] = chosen ? g->columns - 1 - c : c;
        size_t lost =
            grid_copy(g, &(grid_rows){part, n, from, count},
                      (grid_columns){chosen ? order : NULL, g->columns},
                      &(grid_to){to, PE_F8, 2, width});
        right = lost == 0;
        for (size_t r = 0; r < count; r++)
            for (size_t c = 0; c < width; c++) {
                double want = 0;
                if (c >= 2 && c < g->columns + 2)
                    want = all[item_of(s, fortran, axis, first + from + r,
                                       order[c - 2])];
                right = right && to[r * width + c] == want;
            }
    }
    free(part);
    free(to);
    free(order);
    return right;
}

/* Each axis of each shape in both orders. */
static void test_axes(void)
{
    static const shape shapes[] = {
        {1, {7}},           {1, {1}},          {2, {5, 3}},
        {2, {1, 6}},        {2, {6, 1}},       {2, {9000, 2}},
        {2, {3, 5000}},     {3, {4, 3, 2}},    {3, {2, 1, 5}},
        {3, {1, 4, 3}},     {4, {3, 2, 4, 2}}, {4, {2, 3, 1, 5}},
        {4, {400, 2, 3, 2}}};
    const grid_items items = {.type = {'u', 2, false}, .bytes = 2};

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const shape *s = &shapes[i];
        uint16_t *all = malloc(size_of(s) * sizeof(*all));
        CU_ASSERT_FATAL(all != NULL);
        for (size_t k = 0; k < size_of(s); k++)
            all[k] = (uint16_t)(k * 31 + 1);
        for (unsigned k = 0; k < 2 * s->dims; k++) {
            const grid_take take = {.axis = (int)(k / 2), .frames = k % 2};
            const unsigned axis = k / 2;
            bool fortran = k % 2;
            const grid_shape given = shape_of(s, fortran);
            grid g;
            CU_ASSERT_EQUAL_FATAL(grid_make(&g, &given, &items, &take, NULL),
                                  0);
            CU_ASSERT_EQUAL(g.rows, s->dim[axis]);
            CU_ASSERT_EQUAL(g.columns * g.rows, size_of(s));
            CU_ASSERT_EQUAL(grid_bytes(&g, (size_t)g.rows), 2 * size_of(s));
            CU_ASSERT(copied_right(s, fortran, axis, &g, all));
        }
        free(all);
    }
}

/* Numbers that are a block's own, in Fortran order: whole lines of columns and
 * what is left of them, some rows, in any order.
 */
static bool turned_right(uint32_t columns, enum pe_dtype dtype, bool backwards)
{
    enum { ROWS = 300, FROM = 11, COUNT = 200 };
    const size_t width = columns + 2;
    const element type = {'f', (unsigned char)dtype, false};
    const grid_items items = {.type = type, .bytes = (size_t)dtype};
    const grid_take take = {.axis = 0};
    double *wide = calloc(ROWS * columns, sizeof(*wide));
    double *to = calloc(COUNT * width, sizeof(*to));
    uint32_t *order = calloc(columns, sizeof(*order));
    float *narrow = (float *)(void *)wide, *small = (float *)(void *)to;
    bool right = wide && to && order;
    grid g;

    for (size_t i = 0; right && i < ROWS * columns; i++)
        if (dtype == PE_F8)
            wide[i] = (double)i;
        else
            narrow[i] = (float)i;
    for (uint32_t c = 0; right && c < columns; c++)
        order[c] = columns - 1 - c;
    right = right &&
            grid_make(&g, &(grid_shape){2, true, {ROWS, columns}}, &items,
                      &take, NULL) == 0 &&
            grid_copy(&g, &(grid_rows){wide, ROWS, FROM, COUNT},
                      (grid_columns){backwards ? order : NULL, columns},
                      &(grid_to){to, dtype, 1, width}) == 0;
    for (size_t i = 0; right && i < COUNT * width; i++) {
        size_t row = FROM + i / width, c = i % width - 1;
        double want = (double)((backwards ? columns - 1 - c : c) * ROWS + row);
        if (i % width == 0 || c == columns)
            want = 0;
        right = want == (dtype == PE_F8 ? to[i] : (double)small[i]);
    }
    free(wide);
    free(to);
    free(order);
    return right;
}

static void test_turned(void)
{
    static const uint32_t columns[] = {1, 2, 7, 8, 9, 16, 20, 33};

    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        for (int k = 0; k < 4; k++)
            CU_ASSERT(turned_right(columns[i], k & 1 ? PE_F4 : PE_F8, k & 2));
}

/* Records: a column for each number in them, at its own place and of its own
 * type; what is no number is left out by name.
 */
static void test_records(void)
{
    struct {
        unsigned char raw[11];
    } rows[3] = {{{0}}};
    const grid_shape three = {1, false, {3}}, two = {2, false, {1, 2}};
    const grid_take take = {.axis = -1};
    const char *const names[] = {"a", "b", "c"};
    const element types[] = {{'i', 2, true}, {'f', 4, false}, {'u', 1, false}};
    const size_t offsets[] = {1, 3, 10};
    const uint32_t chosen[] = {2, 0};
    grid_items items = {.bytes = 11};
    double to[9];
    float some[6];
    grid g;

    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(grid_items_add(&items, types[i], offsets[i], names[i],
                                       strlen(names[i]), NULL),
                        0);
    grid_items_leave_out(&items, "text\n", 5, "S3 and more", 2);
    grid_items_leave_out(&items, "t", 1, "time", 4);
    UNIT_EQUAL(items.left_out, "text? (S3), t (time)");
    for (int r = 0; r < 3; r++) {
        float f = 0.5f * (float)r;
        rows[r].raw[1] = 1;
        rows[r].raw[2] = (unsigned char)r;
        memcpy(&rows[r].raw[3], &f, 4);
        rows[r].raw[10] = (unsigned char)(200 + r);
    }
    CU_ASSERT_EQUAL_FATAL(grid_make(&g, &three, &items, &take, NULL), 0);
    CU_ASSERT_EQUAL(g.columns, 3);
    CU_ASSERT_EQUAL(grid_copy(&g, &(grid_rows){rows, 3, 0, 3},
                              (grid_columns){NULL, 3},
                              &(grid_to){to, PE_F8, 0, 3}),
                    0);
    for (int r = 0; r < 3; r++) {
        CU_ASSERT_EQUAL(to[3 * r], 256 + r);
        CU_ASSERT_EQUAL(to[3 * r + 1], 0.5 * r);
        CU_ASSERT_EQUAL(to[3 * r + 2], 200 + r);
    }
    CU_ASSERT_EQUAL(grid_copy(&g, &(grid_rows){rows, 3, 1, 2},
                              (grid_columns){chosen, 2},
                              &(grid_to){some, PE_F4, 0, 2}),
                    0);
    CU_ASSERT_EQUAL(some[0], 201);
    CU_ASSERT_EQUAL(some[3], 258);
    for (uint32_t c = 0; c < 3; c++) {
        UNIT_EQUAL(grid_name(&g, c), names[c]);
        CU_ASSERT_EQUAL(grid_element(&g, c).kind, types[c].kind);
        CU_ASSERT_EQUAL(grid_element(&g, c).size, types[c].size);
    }
    /* Two of them in a row are six columns. */
    CU_ASSERT_EQUAL_FATAL(grid_make(&g, &two, &items, &take, NULL), 0);
    CU_ASSERT_EQUAL(g.columns, 6);
    UNIT_EQUAL(grid_name(&g, 4), "b");
    grid_items_clear(&items);
    CU_ASSERT_EQUAL(items.n, 0);
}

/* Whole numbers that have no exact room are counted, wherever they are. */
static void test_rounded(void)
{
    const int64_t numbers[6] = {1,         (INT64_C(1) << 53) + 1, 3, -4,
                                INT64_MAX, (INT64_C(1) << 24) + 1};
    const grid_items items = {.type = {'i', 8, false}, .bytes = 8};
    const grid_take take = {.axis = -1};
    const grid_shape pairs = {2, false, {3, 2}};
    const grid_columns both = {NULL, 2}, last = {(uint32_t[]){1}, 1};
    double to[6];
    float some[6];
    grid g;

    CU_ASSERT_EQUAL_FATAL(grid_make(&g, &pairs, &items, &take, NULL), 0);
    CU_ASSERT_EQUAL(grid_copy(&g, &(grid_rows){numbers, 3, 0, 3}, both,
                              &(grid_to){to, PE_F8, 0, 2}),
                    2);
    CU_ASSERT_EQUAL(grid_copy(&g, &(grid_rows){numbers, 3, 0, 3}, both,
                              &(grid_to){some, PE_F4, 0, 2}),
                    3);
    CU_ASSERT_EQUAL(grid_copy(&g, &(grid_rows){numbers, 3, 0, 3}, last,
                              &(grid_to){some, PE_F4, 0, 1}),
                    2);
    CU_ASSERT_EQUAL(grid_copy(&g, &(grid_rows){numbers, 3, 2, 1}, last,
                              &(grid_to){some, PE_F4, 0, 1}),
                    1);
}

static void test_refused(void)
{
    static const struct {
        shape s;
        int axis;
        bool frames;
        size_t bytes;
        const char *want;
    } table[] = {
        {{0, {0}}, -1, false, 2, "shape () is refused: it is one number"},
        {{2, {3, 0}},
         -1,
         false,
         2,
         "shape (3, 0) is refused: a dimension is 0"},
        {{2, {3, 2}},
         2,
         false,
         2,
         "shape (3, 2) is refused: it has no axis of the number in `rows`"},
        {{3, {3, 2, 2}}, -1, false, 2, "with frames: true each of the first"},
        {{2, {1, UINT64_C(1) << 33}},
         -1,
         false,
         2,
         "is refused: it is too lar"},
        {{3, {1, UINT64_C(1) << 40, UINT64_C(1) << 40}},
         0,
         false,
         2,
         "is refused: it is too large"},
        {{2, {UINT64_MAX, 3}}, -1, false, 8, "is refused: it is too large"},
        {{2, {4, 3}}, -1, false, 0, "is refused: it is too large"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const grid_items items = {.type = {'u', 2, false},
                                  .bytes = table[i].bytes};
        const grid_take take = {table[i].axis, table[i].frames};
        const grid_shape given = shape_of(&table[i].s, false);
        pe_error e = {0};
        grid g;
        CU_ASSERT_EQUAL(grid_make(&g, &given, &items, &take, &e), -1);
        UNIT_CONTAINS(e.text, table[i].want);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
}

static void test_bounds(void)
{
    const grid_shape many = {GRID_DIMS_MAX + 1, false, {1}};
    const grid_items one = {.type = {'u', 1, false}, .bytes = 1};
    const grid_take take = {.axis = 0};
    grid_items items = {.bytes = 1};
    pe_error e = {0};
    char shape_text[12];
    grid g;
    int n = 0;

    CU_ASSERT_EQUAL(grid_make(&g, &many, &one, &take, &e), -1);
    UNIT_EQUAL(e.text, "its shape has 33 axes, more than 32");
    /* A short header cannot ask for all memory. */
    while (n <= GRID_FIELDS_MAX &&
           grid_items_add(&items, one.type, 0, "x", 1, &e) == 0)
        n++;
    CU_ASSERT_EQUAL(n, GRID_FIELDS_MAX);
    UNIT_EQUAL(e.text, "its items have more than 65536 fields");
    grid_items_clear(&items);
    /* Room that is too short is not left. */
    grid_shape_text((uint64_t[]){123456, 789012, 3}, 3, shape_text,
                    sizeof(shape_text));
    UNIT_EQUAL(shape_text, "(123456, 78");
}

int main(void)
{
    static const unit_test tests[] = {
        {"axes and orders", test_axes},
        {"records", test_records},
        {"turned", test_turned},
        {"rounded", test_rounded},
        {"refused", test_refused},
        {"bounds", test_bounds},
        {NULL, NULL},
    };

    return unit_main("grids", tests);
}
