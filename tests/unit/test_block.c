/* test_block.c - storage and access of blocks. */
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/block.h>

static void test_reserve_bad(void)
{
    static const struct {
        uint32_t points, features;
        enum pe_dtype dtype;
        const char *want;
    } table[] = {
        {0, 32, PE_F4, "0 points x 32 features is empty"},
        {5, 0, PE_F8, "5 points x 0 features is empty"},
        {1 << 14, (1 << 14) + 1, PE_F4, "larger than 1 GiB"},
        {1 << 27, 1 << 1, PE_F8, "larger than 1 GiB"},
        {UINT32_MAX, UINT32_MAX, PE_F8, "larger than 1 GiB"},
        {1, 1, (enum pe_dtype)2, "element type 2 is neither f4 nor f8"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        pe_block b = {.points = 7};
        pe_error e = {0};
        CU_ASSERT_EQUAL(pe_block_reserve(&b, table[i].points, table[i].features,
                                         table[i].dtype, &e),
                        -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, table[i].want);
        CU_ASSERT_EQUAL(b.points, 7);
        CU_ASSERT_PTR_NULL(b.storage);
    }
}

static void test_reserve_largest(void)
{
    pe_block b = {0};

    /* Never touched, so never in memory. */
    CU_ASSERT_EQUAL(pe_block_reserve(&b, 1 << 28, 1, PE_F4, NULL), 0);
    CU_ASSERT_EQUAL(pe_block_bytes(&b), (size_t)1 << 30);
    pe_block_release(&b);
}

static void test_reserve_grows(void)
{
    pe_block b = {0};
    double borrowed[4];

    CU_ASSERT_EQUAL(pe_block_reserve(&b, 100, 3, PE_F8, NULL), 0);
    void *storage = b.storage;
    CU_ASSERT_EQUAL((uintptr_t)b.data % 64, 0);
    CU_ASSERT_PTR_EQUAL((char *)b.data - PE_BLOCK_HEADROOM, storage);
    CU_ASSERT(b.capacity >= PE_BLOCK_HEADROOM + 2400);
    memset(b.storage, 1, b.capacity);
    /* Smaller, or borrowed in between: the storage stays. */
    b.data = borrowed;
    CU_ASSERT_EQUAL(pe_block_reserve(&b, 300, 2, PE_F4, NULL), 0);
    CU_ASSERT_PTR_EQUAL(b.storage, storage);
    CU_ASSERT_PTR_EQUAL((char *)b.data - PE_BLOCK_HEADROOM, storage);
    CU_ASSERT_EQUAL(b.points, 300);
    CU_ASSERT_EQUAL(b.features, 2);
    CU_ASSERT_EQUAL(b.dtype, PE_F4);
    CU_ASSERT_EQUAL(pe_block_reserve(&b, 1000, 32, PE_F8, NULL), 0);
    CU_ASSERT_EQUAL((uintptr_t)b.data % 64, 0);
    memset(b.data, 1, pe_block_bytes(&b));
    pe_block_release(&b);
    CU_ASSERT_PTR_NULL(b.storage);
    CU_ASSERT_PTR_NULL(b.data);
    CU_ASSERT_EQUAL(b.points, 0);
    pe_block_release(&b);
    pe_block_release(NULL);
}

static void test_copy(void)
{
    double data[6] = {1, 2, 3, 4, 5, 6};
    pe_block from = {.data = data,
                     .points = 2,
                     .features = 3,
                     .dtype = PE_F8,
                     .device = "d-1",
                     .source = "f:1",
                     .partition = 4,
                     .offset = 5,
                     .boot = 6,
                     .seq = 7,
                     .has_seq = 1,
                     .version = 8,
                     .sense_ns = 9,
                     .end_ns = 10};
    pe_block to = {0};

    CU_ASSERT_EQUAL(pe_block_copy(&to, &from, NULL), 0);
    CU_ASSERT_PTR_NOT_EQUAL(to.data, from.data);
    CU_ASSERT_EQUAL(memcmp(to.data, data, sizeof(data)), 0);
    CU_ASSERT_PTR_NOT_NULL(to.storage);
    CU_ASSERT_PTR_EQUAL(to.device, from.device);
    CU_ASSERT_PTR_EQUAL(to.source, from.source);
    CU_ASSERT_EQUAL(to.partition, 4);
    CU_ASSERT_EQUAL(to.offset, 5);
    CU_ASSERT_EQUAL(to.boot, 6);
    CU_ASSERT_EQUAL(to.seq, 7);
    CU_ASSERT_EQUAL(to.has_seq, 1);
    CU_ASSERT_EQUAL(to.version, 8);
    CU_ASSERT_EQUAL(to.sense_ns, 9);
    CU_ASSERT_EQUAL(to.end_ns, 10);

    void *storage = to.storage;
    CU_ASSERT_EQUAL(pe_block_copy(&to, &to, NULL), 0);
    CU_ASSERT_PTR_EQUAL(to.storage, storage);
    CU_ASSERT_EQUAL(memcmp(to.data, data, sizeof(data)), 0);
    pe_block_release(&to);
}

static void test_copy_bad(void)
{
    pe_block from = {.dtype = PE_F4}, to = {.seq = 3};
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_block_copy(&to, &from, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "is empty");
    CU_ASSERT_EQUAL(to.seq, 3);
}

/* Rows and elements at every alignment, in memory that ends behind the last
 * one.
 */
static void check_access(enum pe_dtype dtype, size_t shift)
{
    enum { POINTS = 3, FEATURES = 5 };
    size_t bytes = POINTS * FEATURES * (size_t)dtype;
    unsigned char *memory = malloc(shift + bytes);
    pe_block b = {.points = POINTS, .features = FEATURES, .dtype = dtype};
    double row[FEATURES];

    CU_ASSERT_FATAL(memory != NULL);
    b.data = memory + shift;
    for (unsigned i = 0; i < POINTS * FEATURES; i++) {
        float f = (float)i + 0.25f;
        double d = i + 0.1;
        memcpy(memory + shift + i * (size_t)dtype,
               dtype == PE_F4 ? (void *)&f : (void *)&d, (size_t)dtype);
    }
    for (unsigned p = 0; p < POINTS; p++) {
        pe_block_row(&b, p, row);
        for (unsigned j = 0; j < FEATURES; j++) {
            double want = p * FEATURES + j + (dtype == PE_F4 ? 0.25 : 0.1);
            CU_ASSERT_EQUAL(row[j], want);
            CU_ASSERT_EQUAL(pe_block_at(&b, p, j), want);
        }
    }
    free(memory);
}

static void test_access(void)
{
    for (size_t shift = 0; shift < 9; shift++) {
        check_access(PE_F4, shift);
        check_access(PE_F8, shift);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"reserve: refused", test_reserve_bad},
        {"reserve: 1 GiB", test_reserve_largest},
        {"reserve: grows only", test_reserve_grows},
        {"copy", test_copy},
        {"copy: refused", test_copy_bad},
        {"row and at: any alignment", test_access},
        {NULL, NULL},
    };
    return unit_main("block", tests);
}
