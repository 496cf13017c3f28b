/* test_items.c - what of a delta is no sum: rows and scores, by origin. */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/items.h"
#include "src/model/safetensors.h"
#include "src/model/threshold.h"
#include "src/model/warmup.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- items --- */

/* An item of [kind] with [n] times [byte]. */
static void add(pe_delta *d, uint64_t kind, char byte, size_t n)
{
    unsigned char *out = item_reserve(d, kind, n, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    memset(out, byte, n);
    item_commit(d, n);
}

static void test_walk(void)
{
    static const struct {
        uint64_t kind;
        char byte;
        size_t n;
    } rows[] = {
        {ITEM_ROWS, 'a', 3}, {ITEM_OWN, 'b', 0}, {ITEM_OWN + 7, 'c', 9}};
    pe_delta d = {0};
    const unsigned char *p;
    struct item item;
    size_t at = 0;

    CU_ASSERT_FALSE(item_next(NULL, 0, &at, &item, &p));
    for (size_t i = 0; i < COUNT(rows); i++)
        add(&d, rows[i].kind, rows[i].byte, rows[i].n);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_TRUE_FATAL(
            item_next(d.blob.data, d.blob.len, &at, &item, &p));
        CU_ASSERT_EQUAL(item.kind, rows[i].kind);
        CU_ASSERT_EQUAL(item.len, rows[i].n);
        for (size_t k = 0; k < rows[i].n; k++)
            CU_ASSERT_EQUAL(p[k], rows[i].byte);
    }
    CU_ASSERT_EQUAL(at, d.blob.len);
    CU_ASSERT_FALSE(item_next(d.blob.data, d.blob.len, &at, &item, &p));
    pe_buffer_free(&d.blob);
}

/* What was reserved and not taken in is not there; of what was, as much as was
 * said.
 */
static void test_reserved(void)
{
    pe_delta d = {0};
    const unsigned char *p;
    struct item item;
    size_t at = 0;

    add(&d, ITEM_ROWS, 'a', 4);
    CU_ASSERT_PTR_NOT_NULL(item_reserve(&d, ITEM_ROWS, 1000, NULL));
    memcpy(item_reserve(&d, ITEM_SCORES, 100, NULL), "xyz", 3);
    item_commit(&d, 2);
    CU_ASSERT_TRUE(item_next(d.blob.data, d.blob.len, &at, &item, &p));
    CU_ASSERT_TRUE(item_next(d.blob.data, d.blob.len, &at, &item, &p));
    CU_ASSERT_EQUAL(item.kind, ITEM_SCORES);
    CU_ASSERT_EQUAL(item.len, 2);
    CU_ASSERT_EQUAL(memcmp(p, "xy", 2), 0);
    CU_ASSERT_FALSE(item_next(d.blob.data, d.blob.len, &at, &item, &p));
    pe_buffer_free(&d.blob);
}

/* A blob that is cut, in memory that ends there: what is whole is there. */
static void test_cut(void)
{
    pe_delta d = {0};

    add(&d, ITEM_ROWS, 'a', 5);
    add(&d, ITEM_ROWS, 'b', 6);
    for (size_t len = 0; len <= d.blob.len; len++) {
        unsigned char *cut = malloc(len ? len : 1);
        const unsigned char *p;
        struct item item;
        size_t at = 0, n = 0;

        memcpy(cut, d.blob.data, len);
        while (item_next(cut, len, &at, &item, &p))
            n += p[0] == 'a' || p[item.len - 1] == 'b';
        CU_ASSERT_EQUAL(n, (len >= sizeof(item) + 5) +
                               (len >= 2 * sizeof(item) + 11));
        free(cut);
    }
    pe_buffer_free(&d.blob);
}

static void add_from(pe_delta *d, uint64_t kind, int64_t partition,
                     int64_t offset, char byte)
{
    struct item_origin from = {partition, offset, 1};
    unsigned char *out = item_reserve(d, kind, sizeof(from) + 1, NULL);

    memcpy(out, &from, sizeof(from));
    out[sizeof(from)] = (unsigned char)byte;
    item_commit(d, sizeof(from) + 1);
}

/* Whichever rank had them, and in whatever order they were merged. */
static void test_order(void)
{
    pe_delta a = {0}, b = {0};
    struct item_ref *refs;
    size_t n;

    add_from(&a, ITEM_SCORES, 1, 0, 'c');
    add_from(&a, ITEM_SCORES, 0, INT64_MAX, 'b');
    add_from(&a, ITEM_ROWS, 0, 0, '-');
    add(&a, ITEM_SCORES, '-', sizeof(struct item_origin) - 1); /* no origin */
    add_from(&b, ITEM_SCORES, 1, 7, 'd');
    add_from(&b, ITEM_SCORES, 0, 5, 'a');
    CU_ASSERT_EQUAL(item_merge(&b, a.blob.data, a.blob.len, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(item_sort(&b.blob, ITEM_SCORES, &refs, &n, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(n, 4);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(refs[i].data[0], "abcd"[i]);
    free(refs);
    CU_ASSERT_EQUAL(item_sort(&b.blob, ITEM_OWN, &refs, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    free(refs);
    pe_buffer_free(&a.blob);
    pe_buffer_free(&b.blob);
}

/* The draws of a block are its own. */
static void test_keys(void)
{
    const pe_block a = {.partition = 1, .offset = 2};
    const pe_block b = {.partition = 2, .offset = 1};
    pe_block again = a;

    again.device = "another";
    again.points = 9;
    CU_ASSERT_EQUAL(item_key(5, &a), item_key(5, &again));
    CU_ASSERT_NOT_EQUAL(item_key(5, &a), item_key(5, &b));
    CU_ASSERT_NOT_EQUAL(item_key(5, &a), item_key(6, &a));
}

/* --- rows of a warm-up --- */

static void test_finite(void)
{
    static const struct {
        double row[3];
        bool finite;
    } rows[] = {
        {{0, -0.0, 5e-324}, true},
        {{(double)FLT_MAX, -(double)FLT_MAX, 1}, true},
        {{1, 1, 3.5e38}, false},
        {{-3.5e38, 1, 1}, false},
        {{1, (double)NAN, 1}, false},
        {{1, 1, -(double)INFINITY}, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        CU_ASSERT_EQUAL(row_is_finite(rows[i].row, 3), rows[i].finite);
    CU_ASSERT_TRUE(row_is_finite(NULL, 0));
}

static pe_block block(double *data, uint32_t points, int64_t offset)
{
    return (pe_block){.data = data,
                      .points = points,
                      .features = 2,
                      .dtype = PE_F8,
                      .offset = offset};
}

static void test_warmup_rows(void)
{
    double late[] = {5, 6, (double)NAN, 1, 7, 8}, early[] = {1, 2, 3, 4};
    double odd[] = {(double)INFINITY, 0};
    const pe_block blocks[] = {block(late, 3, 9), block(odd, 1, 8),
                               block(early, 2, 7)};
    const pe_model m = {.features = 2, .warming = true};
    struct warmup w = {.want = 4};
    pe_delta d = {0};
    float scores[3];
    double *rows;
    size_t n;

    for (size_t i = 0; i < COUNT(blocks); i++) {
        scores[0] = 1;
        CU_ASSERT_FALSE(warmup_full(&w, &m, &d));
        CU_ASSERT_EQUAL(
            warmup_update(&m, &d, &blocks[i], i ? scores : NULL, NULL), 0);
        CU_ASSERT_EQUAL(isnan(scores[0]) != 0, i > 0);
    }
    CU_ASSERT_EQUAL(d.points, 4);
    CU_ASSERT_EQUAL(d.masked, 2);
    CU_ASSERT_TRUE(warmup_full(&w, &m, &d));
    CU_ASSERT_EQUAL_FATAL(warmup_collect(2, &d, &rows, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 4);
    for (size_t i = 0; i < 8; i++) /* in order of their offsets */
        CU_ASSERT_EQUAL(rows[i], (double)(i + 1));
    CU_ASSERT_EQUAL(warmup_keep(&w, 2, rows, 3, NULL), 0);
    CU_ASSERT_EQUAL(warmup_keep(&w, 2, NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL(warmup_keep(&w, 2, rows + 6, 1, NULL), 0);
    CU_ASSERT_EQUAL(w.n, 4);
    CU_ASSERT_EQUAL(memcmp(w.rows, rows, 8 * sizeof(*rows)), 0);
    warmup_free(&w);
    CU_ASSERT_PTR_NULL(w.rows);
    free(rows);
    pe_buffer_free(&d.blob);
}

/* As long as it warms, its rows are in its file. */
static void test_warmup_file(void)
{
    static const pe_model_ops ops = {.name = "odd"};
    pe_model m = {.features = 2, .warming = true, .ops = &ops};
    pe_model other = {.features = 3, .warming = true, .ops = &ops};
    struct warmup w = {0}, back = {0};
    double rows[] = {1, 2, 3, 4};
    pe_tensors *t = pe_tensors_create(NULL);
    pe_error e = {0};

    CU_ASSERT_EQUAL(warmup_decode(&back, &m, t, &e), -1);
    UNIT_EQUAL(e.text, "the model has no tensor 'rows' of type F64 with 2 "
                       "dimensions");
    CU_ASSERT_EQUAL(warmup_keep(&w, 2, rows, 2, NULL), 0);
    m.warming = false;
    CU_ASSERT_EQUAL(warmup_encode(&w, &m, t, &e), 0);
    CU_ASSERT_PTR_NULL(pe_tensors_find(t, "rows"));
    CU_ASSERT_EQUAL(warmup_decode(&back, &m, t, &e), 0);
    m.warming = true;
    CU_ASSERT_EQUAL(warmup_encode(&w, &m, t, &e), 0);
    CU_ASSERT_EQUAL(warmup_decode(&back, &other, t, &e), -1);
    UNIT_EQUAL(e.text, "not a odd model: tensor 'rows' has 2 columns");
    CU_ASSERT_EQUAL(back.n, 0);
    CU_ASSERT_EQUAL(warmup_decode(&back, &m, t, &e), 0);
    CU_ASSERT_EQUAL(back.n, 2);
    CU_ASSERT_EQUAL(memcmp(back.rows, rows, sizeof(rows)), 0);
    pe_tensors_destroy(t);
    warmup_free(&back);
    warmup_free(&w);
}

/* --- the last scores themselves --- */

/* Scores of blocks at [offset], into [d]. */
static void fold(const struct threshold *t, pe_delta *d, int64_t offset,
                 const float *scores, uint32_t n)
{
    pe_block b = {.points = n, .offset = offset};

    CU_ASSERT_EQUAL(threshold_reserve(t, d, &b, NULL), 0);
    threshold_fold(t, d, NULL, &b, scores);
}

static void test_exact(void)
{
    static const float first[] = {4, NAN, 1}, second[] = {2, 5, 3};
    float ring[4] = {0};
    struct threshold t = {.exact = true, .window = 4, .ring = ring};
    pe_model m = {.contamination = 0.25};
    pe_delta d = {0};

    CU_ASSERT_EQUAL(threshold_lanes(&t), 0);
    fold(&t, &d, 2, second, 3); /* another rank's came before */
    fold(&t, &d, 1, first, 3);
    CU_ASSERT_EQUAL(threshold_apply(&t, &m, &d, NULL, NULL), 0);
    /* 4 1 2 5 3: the oldest has left. */
    CU_ASSERT_EQUAL(t.n, 4);
    CU_ASSERT_EQUAL(t.next, 1);
    CU_ASSERT_EQUAL(ring[0], 3);
    CU_ASSERT_EQUAL(ring[1], 1);
    CU_ASSERT_DOUBLE_EQUAL(m.threshold, 3.5, 1e-12); /* of 1 2 3 5 */
    pe_buffer_free(&d.blob);
    /* Nothing new: as it was. */
    d = (pe_delta){0};
    CU_ASSERT_EQUAL(threshold_apply(&t, &m, &d, NULL, NULL), 0);
    CU_ASSERT_DOUBLE_EQUAL(m.threshold, 3.5, 1e-12);
}

static void test_exact_file(void)
{
    static const struct {
        uint64_t n, next;
        const char *want;
    } rows[] = {
        {4, 3, ""},
        {0, 0, ""},
        {5, 0, "not a model file: tensor 'scores' does not fit the window"},
        {4, 4, "not a model file: tensor 'scores' does not fit the window"},
        {2, UINT64_MAX,
         "not a model file: tensor 'scores' does not fit the window"},
    };
    float scores[5] = {1, 2, 3, 4, 5};

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct threshold from = {.exact = true,
                                       .ring = scores,
                                       .n = rows[i].n,
                                       .next = rows[i].next};
        float ring[4] = {0};
        struct threshold t = {.exact = true, .window = 4, .ring = ring};
        pe_tensors *file = pe_tensors_create(NULL);
        pe_error e = {0};

        CU_ASSERT_EQUAL(threshold_encode(&from, file, NULL), 0);
        CU_ASSERT_EQUAL(threshold_decode(&t, file, &e), *rows[i].want ? -1 : 0);
        UNIT_EQUAL(e.text, rows[i].want);
        CU_ASSERT_EQUAL(t.n, *rows[i].want ? 0 : rows[i].n);
        CU_ASSERT_EQUAL(ring[3], *rows[i].want || !rows[i].n ? 0 : 4);
        pe_tensors_destroy(file);
    }
}

/* A file of the other way to it, and of another number of buckets. */
static void test_threshold_files(void)
{
    static int64_t lanes[QUANTILE_LANES];
    const tensor_form few = {TENSOR_I64, 1, {7}};
    struct threshold exact = {.exact = true, .window = 4},
                     stream = {.window = 1000, .lanes = lanes};
    pe_tensors *file = pe_tensors_create(NULL);
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_tensors_put(file, "scores", &few, lanes, NULL), 0);
    CU_ASSERT_EQUAL(threshold_decode(&exact, file, &e), -1);
    UNIT_EQUAL(e.text, "the model has no tensor 'scores' of type F32 with 1 "
                       "dimension");
    CU_ASSERT_EQUAL(threshold_decode(&stream, file, &e), -1);
    UNIT_EQUAL(e.text,
               "not a model file: tensor 'scores' does not fit the window");
    pe_tensors_destroy(file);
}

int main(void)
{
    static const unit_test tests[] = {
        {"items one after the other", test_walk},
        {"what was reserved", test_reserved},
        {"a blob that is cut", test_cut},
        {"items in order of their origin", test_order},
        {"a block's key", test_keys},
        {"rows that fit a float", test_finite},
        {"rows of a warm-up", test_warmup_rows},
        {"... in a model's file", test_warmup_file},
        {"the last scores themselves", test_exact},
        {"... in a model's file", test_exact_file},
        {"scores of another kind", test_threshold_files},
        {0},
    };

    return unit_main("items", tests);
}
