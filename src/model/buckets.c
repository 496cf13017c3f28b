/* buckets.c - scores of rows that have stayed on a device, as an item. */
#include "buckets.h"

#include <string.h>

#include "items.h"
#include "quantile.h"

enum { PAIR = 2 * sizeof(uint64_t) };

int buckets_put(const int64_t *lanes, pe_delta *d, pe_error *errp)
{
    size_t n = 0;
    unsigned char *out;

    for (uint64_t i = 0; i < QUANTILE_LANES; i++)
        n += lanes[i] != 0;
    out = item_reserve(d, ITEM_BUCKETS, n * PAIR, errp);
    if (!out)
        return -1;
    for (uint64_t i = 0; i < QUANTILE_LANES; i++) {
        if (!lanes[i])
            continue;
        memcpy(out, &i, sizeof(i));
        memcpy(out + sizeof(i), &lanes[i], sizeof(*lanes));
        out += PAIR;
    }
    item_commit(d, n * PAIR);
    return 0;
}

int buckets_add(int64_t *lanes, const pe_delta *d)
{
    const unsigned char *p;
    struct item item;
    size_t at = 0;

    while (item_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != ITEM_BUCKETS)
            continue;
        for (size_t i = 0; i + PAIR <= item.len; i += PAIR) {
            uint64_t lane, n;

            memcpy(&lane, p + i, sizeof(lane));
            memcpy(&n, p + i + sizeof(lane), sizeof(n));
            if (lane >= QUANTILE_LANES)
                return -1;
            lanes[lane] = (int64_t)((uint64_t)lanes[lane] + n);
        }
    }
    return 0;
}

/* Each row is counted twice at most. */
bool buckets_check(const unsigned char *p, size_t len, uint64_t rows)
{
    uint64_t sum = 0;

    for (size_t i = 0; i + PAIR <= len; i += PAIR) {
        uint64_t lane, n;

        memcpy(&lane, p + i, sizeof(lane));
        memcpy(&n, p + i + sizeof(lane), sizeof(n));
        if (lane >= QUANTILE_LANES || n > 2 * rows - sum)
            return false;
        sum += n;
    }
    return len % PAIR == 0;
}
