/* blobs.c - seeded data for tests of models. */
#include "blobs.h"

#include <stdbool.h>
#include <stdlib.h>

#include "src/common/random.h"

static double center(uint64_t seed, uint64_t blob, uint32_t f)
{
    random_stream r = {random_mix(seed, blob * 1000 + f), 0};

    return 2 * random_normal(&r);
}

static void put(pe_block *b, uint32_t i, uint32_t f, double v)
{
    if (b->dtype == PE_F8)
        ((double *)b->data)[(size_t)i * b->features + f] = v;
    else
        ((float *)b->data)[(size_t)i * b->features + f] = (float)v;
}

void blobs_fill(pe_block *b, uint32_t points, uint32_t features,
                enum pe_dtype dtype, uint64_t seed, int64_t offset,
                unsigned char *label)
{
    random_stream r = {random_mix(seed, (uint64_t)offset), 0};

    if (pe_block_reserve(b, points, features, dtype, NULL) < 0)
        abort();
    b->topic = "t";
    b->device = "d";
    b->partition = 0;
    b->offset = offset;
    for (uint32_t i = 0; i < points; i++) {
        bool out = random_below(&r, 20) == 0;
        uint64_t blob = random_below(&r, 25);

        if (label)
            label[i] = out;
        for (uint32_t f = 0; f < features; f++)
            put(b, i, f,
                out ? 8 * random_uniform(&r) - 4
                    : center(seed, blob, f) + 0.5 * random_normal(&r));
    }
}
