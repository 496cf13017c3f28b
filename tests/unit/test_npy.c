/* test_npy.c - .npy headers in and out. */
#include "unit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npy_case.h"
#include "src/block/npy.h"
#include "src/block/npy_header.h"

static void test_prefix_bad(void)
{
    npy_record r = npy_case(
        1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }\n", 4);
    npy_record cut = {r.data, 0};

    for (; cut.len < 10; cut.len++)
        npy_refused(&cut, "not a .npy record: it does not start with");
    for (; cut.len < r.len - 4; cut.len++)
        npy_refused(&cut, "not a .npy record: it ends within its header");
    for (; cut.len < r.len; cut.len++)
        npy_refused(&cut, "bytes of data where (1, 1) items of 4 bytes "
                          "are 4");
    r.data[7] = 1;
    npy_refused(&r, "version 1.1 is none of 1.0, 2.0 and 3.0");
    r.data[7] = 0;
    r.data[6] = 4;
    npy_refused(&r, "version 4.0 is none of");
    r.data[6] = 0;
    npy_refused(&r, "version 0.0 is none of");
    r.data[6] = 2; /* "{'" is now the upper half of the length */
    npy_refused(&r, "is longer than 10000");
    r.data[0] = 'N';
    npy_refused(&r, "not a .npy record: it does not start with");
    cut = (npy_record){r.data, 11};
    r.data[0] = 0x93;
    npy_refused(&cut, "it ends within its header");
    free(r.data);
    cut.len = 0;
    cut.data = NULL;
    npy_refused(&cut, "it does not start with");
}

static void test_header_length(void)
{
    static const char dict[] =
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }";
    static char padded[10002];

    memset(padded, ' ', sizeof(padded) - 1);
    memcpy(padded, dict, sizeof(dict) - 1);
    padded[10000] = '\0';
    npy_record r = npy_case(1, padded, 16);
    pe_block b = {0};
    CU_ASSERT_EQUAL(npy_decode(r.data, r.len, &b, NULL), 0);
    free(r.data);
    padded[10000] = ' ';
    r = npy_case(1, padded, 16);
    npy_refused(&r, "a header of 10001 bytes is longer than 10000");
    free(r.data);
    r = npy_case(3, padded, 16);
    npy_refused(&r, "a header of 10001 bytes is longer than 10000");
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
        npy_record r = npy_case(table[i].major, table[i].dict, bytes);
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
        npy_record r = npy_case(1, table[i].dict, 16);
        npy_refused(&r, table[i].want);
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
        /* As many as 2, or as no bytes, where a size_t has 32 bits. */
        {"(2, 4294967298)", "is refused: it is too large"},
        {"(4294967298, 2)", "4294967298 rows are too many"},
        {"(65536, 65536)", "16 bytes of data where (65536, 65536) items of 4 "
                           "bytes are 17179869184"},
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
        npy_record r = npy_case(1, dict, 16);
        npy_refused(&r, table[i].want);
        free(r.data);
    }
}

static void test_trailing(void)
{
    npy_record r = npy_case(1, "{" D ", " F ", " S "}\n", 17);

    npy_refused(&r, "not a .npy record: 17 bytes of data where (2, 2) items "
                    "of 4 bytes are 16");
    free(r.data);
}

/* A file of 1 TB: the header is enough. */
static void test_header_alone(void)
{
    npy_record r =
        npy_case(2, "{'descr': '>i2', " F ", 'shape': (40000000000, 32)}\n", 0);
    npy_array a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(npy_array_read(&a, r.data, r.len, &e), 0);
    CU_ASSERT_EQUAL(a.shape.dims, 2);
    CU_ASSERT_EQUAL(a.shape.dim[0], 40000000000);
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

/* A header that is ours is not read; one that differs in a byte is, and says
 * the same or is refused, whatever the byte.
 */
static void test_header_nearly_ours(void)
{
    static const struct {
        uint32_t points, features;
        const char *said;
    } none[] = {
        {0, 32, "shape (0, 32) is refused: a dimension is 0"},
        {32, 0, "16 bytes of data where (32,) items of 8 bytes are 256"},
        {4, 1, "16 bytes of data where (4, 1) items of 8 bytes are 32"},
        {UINT32_MAX, UINT32_MAX, "is refused: it is too large"},
        {1u << 31, 1u << 30, "is refused: it is too large"}, /* 2^64 bytes */
    };
    unsigned char buf[NPY_HEADER_LEN + 16] = {0};
    npy_record r = {buf, sizeof(buf)};
    pe_error e = {0};
    pe_block b = {0};

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        npy_header(buf, PE_F8, none[i].points, none[i].features);
        npy_refused(&r, none[i].said);
    }
    for (size_t i = 0; i < NPY_HEADER_LEN; i++)
        for (unsigned c = 1; c < 256; c++) {
            npy_header(buf, PE_F8, 2, 1);
            buf[i] ^= (unsigned char)c;
            if (npy_decode(buf, sizeof(buf), &b, &e) < 0)
                continue;
            CU_ASSERT_EQUAL((size_t)b.points * b.features, 16 / b.dtype);
        }
    npy_header(buf, PE_F8, 2, 1);
    CU_ASSERT_EQUAL(npy_decode(buf, sizeof(buf), &b, &e), 0);
    CU_ASSERT_PTR_EQUAL(b.data, buf + NPY_HEADER_LEN);
    CU_ASSERT_EQUAL(b.points, 2);
    CU_ASSERT_EQUAL(b.features, 1);
    pe_block_release(&b);
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
        {"trailing bytes: refused", test_trailing},
        {"header: without the data", test_header_alone},
        {"header: bytes", test_header_bytes},
        {"header: nearly ours", test_header_nearly_ours},
        {"frame: decodes to itself", test_frame},
        {"frame: borrowed data", test_frame_borrowed},
        {NULL, NULL},
    };
    return unit_main("npy", tests);
}
