/* block.c - N points x F features: the payload of one record. */
#include <pilot/block.h>

#include <stdlib.h>
#include <string.h>

#include "src/block/lend.h"

#define ALIGNMENT 64

static void (*lender)(void *storage);

void block_lender(void (*give)(void *storage))
{
    lender = give;
}

static void storage_free(const pe_block *b)
{
    if (b->capacity & BLOCK_LENT)
        lender(b->storage);
    else
        free(b->storage);
}

/* Bytes of the data, or 0 when they are too many. */
static size_t data_bytes(uint32_t points, uint32_t features,
                         enum pe_dtype dtype)
{
    size_t bytes;

    if (__builtin_mul_overflow((size_t)points, (size_t)features, &bytes) ||
        __builtin_mul_overflow(bytes, (size_t)dtype, &bytes) ||
        bytes > PE_BLOCK_BYTES_MAX)
        return 0;
    return bytes;
}

int pe_block_reserve(pe_block *b, uint32_t points, uint32_t features,
                     enum pe_dtype dtype, pe_error *errp)
{
    if (dtype != PE_F4 && dtype != PE_F8)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "element type %d is neither f4 nor f8", (int)dtype);
    if (points == 0 || features == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a block of %u points x %u features is empty",
                            points, features);
    size_t bytes = data_bytes(points, features, dtype);
    if (bytes == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a block of %u points x %u features is larger "
                            "than 1 GiB; send smaller blocks",
                            points, features);
    /* aligned_alloc wants a multiple of the alignment. */
    size_t need =
        (PE_BLOCK_HEADROOM + bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!b->storage || b->capacity < need) {
        void *storage = aligned_alloc(ALIGNMENT, need);
        if (!storage)
            return pe_error_nomem(errp);
        storage_free(b);
        b->storage = storage;
        b->capacity = need;
    }
    b->data = (unsigned char *)b->storage + PE_BLOCK_HEADROOM;
    b->points = points;
    b->features = features;
    b->dtype = dtype;
    return 0;
}

int pe_block_copy(pe_block *to, const pe_block *from, pe_error *errp)
{
    if (pe_block_reserve(to, from->points, from->features, from->dtype, errp) <
        0)
        return -1;
    memmove(to->data, from->data, pe_block_bytes(from));

    pe_block copy = *from;
    copy.data = to->data;
    copy.storage = to->storage;
    copy.capacity = to->capacity;
    *to = copy;
    return 0;
}

void pe_block_release(pe_block *b)
{
    if (!b)
        return;
    storage_free(b);
    memset(b, 0, sizeof(*b));
}

/* The element at [p], which may have any alignment. */
static double load(const unsigned char *p, enum pe_dtype dtype)
{
    if (dtype == PE_F4) {
        float f;
        memcpy(&f, p, sizeof(f));
        return f;
    }
    double d;
    memcpy(&d, p, sizeof(d));
    return d;
}

double pe_block_at(const pe_block *b, uint32_t point, uint32_t feature)
{
    size_t i = (size_t)point * b->features + feature;

    return load((const unsigned char *)b->data + i * b->dtype, b->dtype);
}

void pe_block_row(const pe_block *b, uint32_t point, double *row)
{
    size_t row_bytes = (size_t)b->features * b->dtype;
    const unsigned char *p = (const unsigned char *)b->data + point * row_bytes;

    if (b->dtype == PE_F8) {
        memcpy(row, p, row_bytes);
        return;
    }
    for (uint32_t j = 0; j < b->features; j++)
        row[j] = load(p + (size_t)j * PE_F4, PE_F4);
}
