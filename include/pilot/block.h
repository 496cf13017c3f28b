/* block.h - N points x F features: the payload of one record. */
#ifndef PILOT_BLOCK_H
#define PILOT_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Element type; the value is its size in bytes. */
enum pe_dtype {
    PE_F4 = 4, /* little-endian IEEE binary32, "<f4" */
    PE_F8 = 8, /* little-endian IEEE binary64, "<f8" */
};

/* Room kept free in front of the data of a block made by pe_block_reserve,
 * so that a .npy header can be written there and header and data leave as
 * one piece without a copy.
 */
#define PE_BLOCK_HEADROOM 128

/* Most data of one block: 1 GiB. */
#define PE_BLOCK_BYTES_MAX ((size_t)1 << 30)

/* A block and where it came from.  Strings are borrowed; they live as long as
 * the block is valid.  *_ns are CLOCK_REALTIME nanoseconds, 0 = unknown.
 */
typedef struct pe_block {
    void *data; /* points x features, C order, 64-byte aligned for functions */
    uint32_t points;
    uint32_t features;
    enum pe_dtype dtype;

    const char *device; /* key of the record, or its partition as text */
    const char *source; /* PATH:FIRST_ROW, or PATH:ROWS, of files, else NULL.
                           ROWS is a list ("0-3,5"), with "/N" behind it where
                           each point is N of those rows, or "0-9*": each is of
                           some of them.  Who gives another number of points
                           says so here, or has the last of these. */
    const char *topic;  /* NULL before the block was a record */
    int32_t partition;  /* -1 before the block was a record */
    int64_t offset;     /* -1 before the block was a record */
    uint64_t boot, seq; /* identity given by the device; has_seq says if */
    int has_seq;
    uint64_t version; /* model version used at the edge, 0 = none */

    int64_t sense_ns;  /* by the source's own clock; else the intended time of
                          sensing where a rate is set, or when it was */
    int64_t edge_ns;   /* left process_edge */
    int64_t broker_ns; /* record time */
    int64_t fetch_ns;  /* handed over by the client library */
    int64_t start_ns;  /* process_cloud began */
    int64_t end_ns;    /* process_cloud ended */

    void *storage;   /* owned by pe_block_reserve; NULL = data is borrowed */
    size_t capacity; /* bytes of storage, headroom included */
} pe_block;

/* Make [b] own room for points x features elements, growing its storage only
 * when it is too small, and set data, points, features and dtype.  The
 * content is not cleared.  Errors: input (a dimension is 0, or more than
 * 1 GiB), no memory.
 */
int pe_block_reserve(pe_block *b, uint32_t points, uint32_t features,
                     enum pe_dtype dtype, pe_error *errp);

/* Copy data and every other field of [from] into [to], which keeps its own
 * storage.  Strings stay borrowed from [from].
 */
int pe_block_copy(pe_block *to, const pe_block *from, pe_error *errp);

/* Free the storage of [b] (may be NULL) and clear it. */
void pe_block_release(pe_block *b);

/* Bytes of the data of [b]. */
static inline size_t pe_block_bytes(const pe_block *b)
{
    return (size_t)b->points * b->features * (size_t)b->dtype;
}

/* Element (point, feature) as double; data need not be aligned. */
double pe_block_at(const pe_block *b, uint32_t point, uint32_t feature);

/* Row [point] as doubles into [row] (features long); data need not be
 * aligned.
 */
void pe_block_row(const pe_block *b, uint32_t point, double *row);

#ifdef __cplusplus
}
#endif
#endif
