/* layout.h - how a log lies in its file: a head, then segments of rows. */
#ifndef TRACE_LAYOUT_H
#define TRACE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "row.h"

#define LAYOUT_MAGIC "PETRACE\n"
#define LAYOUT_VERSION 1
#define LAYOUT_ORDER 0x01020304U
#define LAYOUT_MARK 0x47455350U /* "PSEG" */

/* A segment that says it is longer is none. */
#define LAYOUT_SEGMENT_MAX (64U << 20)

/* At the start of a log.  [crc] is of the head with 0 in its place. */
typedef struct layout_head {
    char magic[8];
    uint32_t layout, order;
    uint32_t bytes, crc;
    int32_t pid, rank, ranks;
    uint32_t layer;
    uint64_t world; /* the same of all ranks of one start of a pool */
    int64_t start_ns;
    char kind[16]; /* "pool", "edge"; "file": read out of an HDF5 file */
    char run[128], pilot[128], member[128], host[256];
} layout_head;

/* Rows of a kind.  Those of an older pilot are shorter than ours: what is
 * behind them is 0.
 */
enum layout_kind {
    LAYOUT_NAMES = 1, /* index (u32), length (u32), bytes; not rows */
    LAYOUT_EDGE,
    LAYOUT_WORK,
    LAYOUT_COMMIT,
    LAYOUT_RANK,
    LAYOUT_MODEL,
    LAYOUT_CLOCK,
    LAYOUT_BEAT,  /* no rows: that there are others lost */
    LAYOUT_END,   /* no rows: the log was closed */
    LAYOUT_BLOCK, /* joined, of a "file" */
    LAYOUT_PROCESS,
    LAYOUT_KINDS
};

/* [head_crc] is of the segment's head with 0 in its place, [crc] of what
 * follows it.
 */
typedef struct layout_segment {
    uint32_t mark;
    uint16_t kind, row; /* bytes of a row */
    uint32_t n, bytes;
    int64_t time_ns;
    uint64_t dropped, lost; /* block rows up to now, which are nowhere */
    uint32_t crc, head_crc;
    uint32_t nameless; /* devices up to now for which there was no name */
    uint32_t others;   /* rows up to now, but of blocks, which are nowhere */
} layout_segment;

/* What a device's process knows of a block. */
typedef struct layout_edge {
    uint32_t device;
    int32_t partition;
    uint64_t boot, seq;
    int64_t offset;
    uint64_t version; /* of the model that a stage of the device had */
    uint64_t bytes;
    uint32_t points, features;
    int64_t sense, edge, acked;
} layout_edge;

/* What the rank knows that worked on it. */
typedef struct layout_work {
    uint32_t device;
    int32_t partition;
    uint64_t boot, seq;
    int64_t offset;
    int64_t term, epoch;
    uint64_t version;
    uint64_t bytes;
    uint32_t points, outliers, features;
    uint8_t outcome, flags; /* TRACE_HAS_SEQ, TRACE_HELPED */
    uint16_t rest;
    int64_t sense, edge, broker, fetch, start, end, result;
} layout_work;

/* A trace_process, in a "file". */
typedef struct layout_process {
    char pilot[128], member[128], host[256], kind[16];
    int32_t rank, ranks, pid, ended;
    int64_t start_ns, end_ns;
    uint64_t rows, dropped, lost, torn_bytes;
    int64_t offset_ns, bound_ns;
} layout_process;

/* Bytes of a row of [kind] as we have it; 0: it has none. */
size_t layout_row(unsigned kind);

/* Fill in what is known by the rest; [payload] is that of the segment. */
void layout_head_seal(layout_head *h);
void layout_segment_seal(layout_segment *s, const void *payload);
/* Is it whole? */
bool layout_segment_check(const layout_segment *s);
bool layout_payload_check(const layout_segment *s, const void *payload);
bool layout_head_check(const layout_head *h);

#endif
