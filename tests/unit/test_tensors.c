/* test_tensors.c - named tensors and texts, and the files they come in. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/safetensors.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static pe_tensors *make(void)
{
    pe_tensors *t = pe_tensors_create(NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

/* --- tensors --- */

static void test_put(void)
{
    static const double x[] = {1, 2, 3, 4, 5, 6};
    static const int64_t n[] = {-7};
    const tensor_form matrix = {TENSOR_F64, 2, {2, 3}};
    const tensor_form one = {TENSOR_I64, 0, {0}};
    const tensor_form none = {TENSOR_F32, 3, {4, 0, 9}};
    pe_tensors *t = make();
    uint64_t shape[TENSOR_RANK_MAX] = {0};
    pe_error e = {0};
    const tensor *got;
    const double *d;

    CU_ASSERT_EQUAL(pe_tensors_put(t, "x", &matrix, x, &e), 0);
    CU_ASSERT_EQUAL(pe_tensors_put(t, "n", &one, n, &e), 0);
    CU_ASSERT_EQUAL(pe_tensors_put(t, "none", &none, NULL, &e), 0);
    got = pe_tensors_at(t, 0);
    UNIT_EQUAL(got->name, "x");
    CU_ASSERT_EQUAL(got->bytes, sizeof(x));
    CU_ASSERT_PTR_NOT_EQUAL(got->data, x); /* a copy */
    CU_ASSERT_EQUAL(got->shape[1], 3);
    CU_ASSERT_PTR_EQUAL(pe_tensors_find(t, "none"), pe_tensors_at(t, 2));
    CU_ASSERT_EQUAL(pe_tensors_at(t, 2)->bytes, 0);
    CU_ASSERT_PTR_NULL(pe_tensors_at(t, 3));
    CU_ASSERT_PTR_NULL(pe_tensors_find(t, "y"));
    d = pe_tensors_get(t, "x", TENSOR_F64, 2, shape, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d[5], 6);
    CU_ASSERT_EQUAL(shape[0], 2);
    CU_ASSERT_EQUAL(shape[1], 3);
    CU_ASSERT_PTR_NOT_NULL(pe_tensors_get(t, "none", TENSOR_F32, 3, shape, &e));
    CU_ASSERT_EQUAL(shape[2], 9);
    pe_tensors_destroy(t);
    pe_tensors_destroy(NULL);
}

static void test_put_refused(void)
{
    static const struct {
        const char *name;
        tensor_form form;
    } rows[] = {
        {"x", {TENSOR_F64, 1, {1}}}, /* it is there */
        {"__metadata__", {TENSOR_F64, 1, {1}}},
        {"deep", {TENSOR_F64, TENSOR_RANK_MAX + 1, {1, 1, 1, 1}}},
        {"large", {TENSOR_F32, 2, {UINT64_MAX, 2}}},
        {"larger", {TENSOR_U64, 1, {UINT64_MAX / 8 + 1}}},
    };
    static const double x[] = {1};
    const tensor_form form = {TENSOR_F64, 1, {1}};
    pe_tensors *t = make();
    char want[128];

    CU_ASSERT_EQUAL(pe_tensors_put(t, "x", &form, x, NULL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};

        CU_ASSERT_EQUAL(pe_tensors_put(t, rows[i].name, &rows[i].form, x, &e),
                        -1);
        snprintf(want, sizeof(want),
                 "tensor '%s' cannot be added: its name or shape is not usable",
                 rows[i].name);
        UNIT_EQUAL(e.text, want);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    }
    CU_ASSERT_PTR_NULL(pe_tensors_at(t, 1));
    pe_tensors_destroy(t);
}

static void test_get_refused(void)
{
    static const struct {
        const char *name;
        enum tensor_type type;
        size_t rank;
        const char *want;
    } rows[] = {
        {"y", TENSOR_F64, 1,
         "the model has no tensor 'y' of type F64 with 1 dimension"},
        {"x", TENSOR_F32, 1,
         "the model has no tensor 'x' of type F32 with 1 dimension"},
        {"x", TENSOR_F64, 2,
         "the model has no tensor 'x' of type F64 with 2 dimensions"},
        {"x", TENSOR_U64, 0,
         "the model has no tensor 'x' of type U64 with 0 dimensions"},
    };
    const tensor_form form = {TENSOR_F64, 1, {1}};
    pe_tensors *t = make();
    uint64_t shape[TENSOR_RANK_MAX];
    double x = 1;

    CU_ASSERT_EQUAL(pe_tensors_put(t, "x", &form, &x, NULL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};

        CU_ASSERT_PTR_NULL(pe_tensors_get(t, rows[i].name, rows[i].type,
                                          rows[i].rank, shape, &e));
        UNIT_EQUAL(e.text, rows[i].want);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
    pe_tensors_destroy(t);
}

/* --- texts --- */

static void test_numbers(void)
{
    static const double reals[] = {0,         -0.0,     1.0 / 3,  5e-324,
                                   -1.7e308,  1e22,     INFINITY, -INFINITY,
                                   0x1p-1022, 1 + 1e-15};
    static const uint64_t naturals[] = {0, 1, UINT64_MAX};
    pe_tensors *t = make();
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(reals); i++) {
        double got = 7;

        CU_ASSERT_EQUAL(pe_tensors_put_double(t, "d", reals[i], &e), 0);
        CU_ASSERT_EQUAL(pe_tensors_double(t, "d", &got, &e), 0);
        CU_ASSERT_EQUAL(memcmp(&got, &reals[i], sizeof(got)), 0);
    }
    for (size_t i = 0; i < 2; i++) { /* NaN has no sign in there */
        double got = 7;

        CU_ASSERT_EQUAL(
            pe_tensors_put_double(t, "d", i ? -(double)NAN : (double)NAN, &e),
            0);
        UNIT_EQUAL(pe_tensors_text(t, "d"), "nan");
        CU_ASSERT_EQUAL(pe_tensors_double(t, "d", &got, &e), 0);
        CU_ASSERT_TRUE(isnan(got));
    }
    for (size_t i = 0; i < COUNT(naturals); i++) {
        uint64_t got = 7;

        CU_ASSERT_EQUAL(pe_tensors_put_u64(t, "n", naturals[i], &e), 0);
        CU_ASSERT_EQUAL(pe_tensors_u64(t, "n", &got, &e), 0);
        CU_ASSERT_EQUAL(got, naturals[i]);
    }
    pe_tensors_destroy(t);
}

static void test_numbers_refused(void)
{
    static const struct {
        const char *text; /* NULL: there is none */
        bool is_real;     /* ... it is asked for as a natural one too */
        const char *want;
    } rows[] = {
        {NULL, false, "the model's metadata 'n' is missing"},
        {"", false, "the model's metadata 'n' is not usable: "},
        {"-1", true, "the model's metadata 'n' is not usable: -1"},
        {"1.5", true, "the model's metadata 'n' is not usable: 1.5"},
        {"18446744073709551616", true,
         "the model's metadata 'n' is not usable: 18446744073709551616"},
        {" 1", false, "the model's metadata 'n' is not usable:  1"},
        {"0x10", false, "the model's metadata 'n' is not usable: 0x10"},
        {"1e", false, "the model's metadata 'n' is not usable: 1e"},
        {"many", false, "the model's metadata 'n' is not usable: many"},
        {"1234567890123456789012345678901234567890x", false,
         "the model's metadata 'n' is not usable: "
         "1234567890123456789012345678901234567890"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_tensors *t = make();
        pe_error e = {0};
        uint64_t n;
        double d;

        if (rows[i].text)
            CU_ASSERT_EQUAL(pe_tensors_put_text(t, "n", rows[i].text, &e), 0);
        CU_ASSERT_EQUAL(pe_tensors_u64(t, "n", &n, &e), -1);
        UNIT_EQUAL(e.text, rows[i].want);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        memset(&e, 0, sizeof(e));
        CU_ASSERT_EQUAL(pe_tensors_double(t, "n", &d, &e),
                        rows[i].is_real ? 0 : -1);
        UNIT_EQUAL(e.text, rows[i].is_real ? "" : rows[i].want);
        pe_tensors_destroy(t);
    }
}

static void test_texts(void)
{
    static const char *const list[] = {"a", "", "with \"quotes\", commas\n"};
    pe_tensors *t = make();
    pe_error e = {0};
    char **got;
    size_t n = 9;

    CU_ASSERT_PTR_NULL(pe_tensors_text(t, "k"));
    CU_ASSERT_EQUAL(pe_tensors_put_text(t, "k", "one", &e), 0);
    CU_ASSERT_EQUAL(pe_tensors_put_text(t, "k", "two", &e), 0);
    UNIT_EQUAL(pe_tensors_text(t, "k"), "two");
    CU_ASSERT_EQUAL(pe_tensors_put_text(t, "k", "\xff", &e), -1);
    UNIT_EQUAL(e.text, "metadata 'k' cannot be stored: its text is not UTF-8, "
                       "or there is no memory");
    CU_ASSERT_EQUAL(pe_tensors_put_list(t, "l", list, COUNT(list), &e), 0);
    got = pe_tensors_list(t, "l", &n, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    CU_ASSERT_EQUAL(n, COUNT(list));
    for (size_t i = 0; i < COUNT(list); i++)
        UNIT_EQUAL(got[i], list[i]);
    CU_ASSERT_PTR_NULL(got[n]);
    free(got);
    CU_ASSERT_EQUAL(pe_tensors_put_list(t, "l", NULL, 0, &e), 0);
    got = pe_tensors_list(t, "l", &n, &e);
    CU_ASSERT_PTR_NOT_NULL(got);
    CU_ASSERT_EQUAL(n, 0);
    free(got);
    CU_ASSERT_EQUAL(
        pe_tensors_put_list(t, "l", (const char *[]){"a", "\xff"}, 2, &e), -1);
    UNIT_CONTAINS(e.text, "list 'l' cannot be stored: a text is not UTF-8");
    pe_tensors_destroy(t);
}

static void test_lists_refused(void)
{
    static const char *const texts[] = {"", "[1]", "{}", "[\"a\"", "\"a\""};

    for (size_t i = 0; i < COUNT(texts); i++) {
        pe_tensors *t = make();
        pe_error e = {0};
        size_t n;

        CU_ASSERT_EQUAL(pe_tensors_put_text(t, "l", texts[i], NULL), 0);
        CU_ASSERT_PTR_NULL(pe_tensors_list(t, "l", &n, &e));
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        UNIT_CONTAINS(e.text, "'l'");
        pe_tensors_destroy(t);
    }
}

/* --- files --- */

static void test_file(void)
{
    static const double x[] = {1, -2, 3};
    static const float y[] = {4, 5};
    const tensor_form three = {TENSOR_F64, 1, {3}}, two = {TENSOR_F32, 1, {2}};
    pe_tensors *t = make(), *back;
    uint64_t shape[1];
    pe_buffer b = {0};
    pe_error e = {0};
    const double *got;

    CU_ASSERT_EQUAL(pe_tensors_put(t, "y", &two, y, NULL), 0);
    CU_ASSERT_EQUAL(pe_tensors_put(t, "x", &three, x, NULL), 0);
    CU_ASSERT_EQUAL(pe_tensors_put_text(t, "k", "v", NULL), 0);
    CU_ASSERT_EQUAL(pe_buffer_append(&b, "old", 3, NULL), 0); /* dropped */
    CU_ASSERT_EQUAL(pe_tensors_encode(t, &b, &e), 0);
    CU_ASSERT_EQUAL(b.len % 8, 0);
    back = pe_tensors_decode(b.data, b.len, &e);
    pe_buffer_free(&b);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    got = pe_tensors_get(back, "x", TENSOR_F64, 1, shape, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    CU_ASSERT_EQUAL(memcmp(got, x, sizeof(x)), 0);
    UNIT_EQUAL(pe_tensors_text(back, "k"), "v");
    UNIT_EQUAL(pe_tensors_type_name(pe_tensors_find(back, "y")->type), "F32");
    pe_tensors_destroy(back);
    pe_tensors_destroy(t);
}

/* A name that JSON cannot have. */
static void test_file_odd_name(void)
{
    const tensor_form form = {TENSOR_F64, 1, {1}};
    pe_tensors *t = make();
    pe_buffer b = {0};
    pe_error e = {0};
    double x = 1;

    CU_ASSERT_EQUAL(pe_tensors_put(t, "\xff", &form, &x, NULL), 0);
    CU_ASSERT_EQUAL(pe_tensors_encode(t, &b, &e), -1);
    UNIT_CONTAINS(e.text, "the model's header cannot be written: a name is not "
                          "UTF-8");
    CU_ASSERT_EQUAL(b.len, 0);
    pe_buffer_free(&b);
    pe_tensors_destroy(t);
}

/* [header] with [bytes] of data behind it, as a file. */
static pe_tensors *decode(const char *header, size_t bytes, pe_error *errp)
{
    size_t n = strlen(header), len = 8 + n + bytes;
    unsigned char *file = calloc(1, len);
    pe_tensors *t;

    for (size_t i = 0; i < 8; i++)
        file[i] = (unsigned char)(n >> (8 * i));
    memcpy(file + 8, header, n);
    t = pe_tensors_decode(file, len, errp);
    free(file);
    return t;
}

#define META "\"__metadata__\": {}"
#define X \
    "\"x\": {\"dtype\": \"F64\", \"shape\": [1], \"data_offsets\": [0, 8]}"

static void test_headers(void)
{
    static const struct {
        const char *header;
        size_t bytes;
        const char *want; /* NULL: nothing is wrong */
    } rows[] = {
        {"{" META "}", 0, NULL},
        {"{" META ", " X "}", 8, NULL},
        {"{" X "}", 8, "no metadata"},
        {"{\"__metadata__\": [], " X "}", 8, "no metadata"},
        {"{\"__metadata__\": {\"k\": 1}, " X "}", 8,
         "metadata that is not text: k"},
        {"[]", 0, ""},
        {"{" META ", " X, 8, ""},
        {"{" META ", " X "}", 7,
         "the file ends before, or the header "
         "misplaces, tensor x"},
        {"{" META ", " X "}", 9, "bytes behind the last tensor"},
        {"{" META ", \"x\": {\"dtype\": \"F16\", \"shape\": [1], "
         "\"data_offsets\": [0, 2]}}",
         2, "no known dtype in tensor x"},
        {"{" META ", \"x\": {\"shape\": [1], \"data_offsets\": [0, 8]}}", 8,
         "no known dtype in tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"data_offsets\": [0, 8]}}", 8,
         "no usable shape in tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": [1, 1, 1, 1, 1], "
         "\"data_offsets\": [0, 8]}}",
         8, "no usable shape in tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": [-1], "
         "\"data_offsets\": [0, 8]}}",
         8, "no usable shape in tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": "
         "[4611686018427387904, 4], \"data_offsets\": [0, 8]}}",
         8, "no usable shape in tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": [2], "
         "\"data_offsets\": [0, 8]}}",
         8, "shape and size differ in tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": [1], "
         "\"data_offsets\": [8, 0]}}",
         8, "the file ends before, or the header misplaces, tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": [1], "
         "\"data_offsets\": [0, 8, 8]}}",
         8, "the file ends before, or the header misplaces, tensor x"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": [1], "
         "\"data_offsets\": [0, \"8\"]}}",
         8, "the file ends before, or the header misplaces, tensor x"},
        {"{" META ", " X ", \"y\": {\"dtype\": \"F64\", \"shape\": [1], "
         "\"data_offsets\": [0, 8]}}",
         8, "tensors overlap or leave a gap"},
        {"{" META ", \"x\": {\"dtype\": \"F64\", \"shape\": [1], "
         "\"data_offsets\": [8, 16]}}",
         16, "tensors overlap or leave a gap"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        pe_tensors *t = decode(rows[i].header, rows[i].bytes, &e);

        CU_ASSERT_EQUAL(t != NULL, rows[i].want == NULL);
        if (rows[i].want) {
            CU_ASSERT_EQUAL(strncmp(e.text, "not a model file: ", 18), 0);
            UNIT_CONTAINS(e.text, rows[i].want);
            CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        } else {
            UNIT_EQUAL(e.text, "");
        }
        pe_tensors_destroy(t);
    }
}

/* A length that is not there, and one that is too large for anybody. */
static void test_lengths(void)
{
    static const struct {
        uint64_t says;
        size_t there;
    } rows[] = {{0, 0},  {2, 4},           {2, 8}, {2, 9},
                {3, 10}, {UINT64_MAX, 10}, {0, 8}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char *file = malloc(rows[i].there ? rows[i].there : 1);
        unsigned char whole[10] = {[8] = '{', [9] = '}'};
        pe_error e = {0};

        for (size_t k = 0; k < 8; k++)
            whole[k] = (unsigned char)(rows[i].says >> (8 * k));
        memcpy(file, whole, rows[i].there);
        CU_ASSERT_PTR_NULL(pe_tensors_decode(file, rows[i].there, &e));
        CU_ASSERT_EQUAL(strncmp(e.text, "not a model file: ", 18), 0);
        free(file);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"tensors by name and place", test_put},
        {"tensors that cannot be added", test_put_refused},
        {"tensors that are not there", test_get_refused},
        {"numbers come back bit by bit", test_numbers},
        {"texts that are no numbers", test_numbers_refused},
        {"texts and lists", test_texts},
        {"texts that are no lists", test_lists_refused},
        {"a file and back", test_file},
        {"a name that cannot be written", test_file_odd_name},
        {"headers", test_headers},
        {"lengths", test_lengths},
        {0},
    };

    return unit_main("tensors", tests);
}
