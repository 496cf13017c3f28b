/* record.h - the envelope of a record: headers in DESIGN section 9. */
#ifndef BLOCK_RECORD_H
#define BLOCK_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>

#define RECORD_HEADERS_MAX 24
#define RECORD_SCRATCH 4096

/* Longest pe_source: a path, and the ranges of some hundred rows
 * (src/block/origin.h).
 */
#define RECORD_SOURCE_MAX 2047

/* Largest pe_boot and pe_seq that are read. */
#define RECORD_NUMBER_MAX ((UINT64_C(1) << 62) - 1)

/* One header: ASCII name, bytes of a value. */
typedef struct record_header {
    const char *name;
    const char *value; /* NULL: null value */
    size_t len;
    unsigned char tag; /* of the name: names of different tags differ */
} record_header;

/* Headers under construction, or as read; no allocation.  Values written by
 * the record_add_* functions live in scratch.
 */
typedef struct record_headers {
    record_header h[RECORD_HEADERS_MAX];
    size_t n;
    uint32_t tags; /* a bit for each tag that is there, modulo 32 */
    char scratch[RECORD_SCRATCH];
    size_t used;
    int overflow; /* a header did not fit */
} record_headers;

void record_clear(record_headers *r);
/* What is borrowed stays so. */
void record_copy(record_headers *to, const record_headers *from);
/* [name] is borrowed; the value is copied into scratch (add) or borrowed. */
void record_add(record_headers *r, const char *name, const char *value);
void record_add_u64(record_headers *r, const char *name, uint64_t value);
void record_add_i64(record_headers *r, const char *name, int64_t value);
void record_add_borrowed(record_headers *r, const char *name, const void *value,
                         size_t len);
/* The last header called [name], or NULL. */
const record_header *record_find(const record_headers *r, const char *name);

/* Headers of block [b] of run [run], leaving stage [stage]: ce_*,
 * content-type, pe_*; what [b] does not know is left out (ce_id, pe_seq and
 * pe_boot without has_seq, times that are 0, no version, no source).  The
 * source is borrowed.  0, or -1 when they do not fit (names too long, or a
 * source of more than RECORD_SOURCE_MAX bytes).
 */
int record_encode(record_headers *r, const char *run, const char *stage,
                  const pe_block *b, pe_error *errp);

/* It holds something else than a block: its ce_type and content-type, which are
 * borrowed.
 */
void record_retype(record_headers *r, const char *type, const char *content);

/* The number in header [h], at most RECORD_NUMBER_MAX; an input error names it.
 */
int record_number(const record_header *h, uint64_t *valuep, pe_error *errp);

/* [source] into [out], from the front cut to what a record can bear, since the
 * end of PATH:ROW says more.
 */
void record_source_fit(const char *source, char out[RECORD_SOURCE_MAX + 1]);

/* What the headers say of a block: has_seq, boot, seq, sense_ns, edge_ns,
 * version, source.  Absent headers leave 0/NULL.  The source goes to [buf]
 * (at least RECORD_SOURCE_MAX + 1 bytes), which must live as long as the block.
 * A header that is there but malformed is an input error naming it; of one that
 * is there twice, the last counts.
 */
int record_decode(const record_headers *r, pe_block *b, char *buf, size_t cap,
                  pe_error *errp);

/* "2026-11-23T18:22:00.123456789Z" into [out] (at least 31 bytes;
 * "" when it is shorter).
 */
void record_time(int64_t ns, char *out, size_t cap);

#endif
