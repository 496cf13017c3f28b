/* check.c - check sums, by which bytes that were changed are known. */
#include "pack.h"

#include <zlib.h>

uint32_t pack_check(uint32_t sum, const void *data, size_t len)
{
    return len ? (uint32_t)crc32_z(sum, data, len) : sum; /* NULL: begin */
}

uint32_t pack_check_join(uint32_t sum, uint32_t more, uint64_t len)
{
    return (uint32_t)crc32_combine64(sum, more, (off_t)len);
}
