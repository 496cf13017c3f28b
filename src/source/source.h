/* source.h - where a rank's records come from: the broker, or a function. */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "src/block/record.h"
#include "src/block/sender.h"
#include "src/broker/broker.h"
#include "src/function/host.h"
#include "src/pipeline/pipeline.h"

#define SOURCE_TEXT (256 + RECORD_SOURCE_MAX + 1)

/* A header of a record; [at] is NULL where there is none. */
typedef struct source_text {
    const char *at;
    size_t len;
} source_text;

/* What is said of the rows of a block beside their values: times.h, scale.h,
 * columns.h.
 */
typedef struct source_said {
    source_text times, scale, columns;
    uint32_t named; /* columns are called so behind so many stages; as
                       `through` of source_item */
} source_said;

/* One record, held until it is released. */
typedef struct source_item {
    pe_block block;      /* decoded; its data may have any alignment */
    pe_error bad;        /* kind != NONE: it cannot be decoded, and why */
    source_text refuser; /* ... and its device says that: the stage */
    const char *aside;   /* it holds no rows, and is not meant to: what it is,
                           static; NULL */
    source_said said;    /* as its headers have it, while it is held */
    enum sender sender;
    bool forged;      /* not signed by who it says it is of: [bad] says why, and
                         it is a stranger's */
    bool foreign;     /* not written by a device of ours */
    uint32_t through; /* so many stages of the pipeline, from the first one on,
                         has it been through; 0: as the file says, see
                         pipeline_ahead */
    bool is_delta;    /* it is what a device has learned (src/federate): its
                         bytes are [raw], and of the block points (at most
                         2^32 - 1) and features are there, and no data */
    uint64_t first;   /* ... from blocks of this SEQ on */
    int64_t waits_ns; /* ... and it waits for its model since then; 0: not */
    const void *raw;  /* as it came */
    size_t raw_len;
    uint64_t mark;          /* by which it is known again (broker.h); 0: none */
    char text[SOURCE_TEXT]; /* strings of the block */
    char *times;            /* of the source, what said.times is where no header
                               has it; NULL */
    broker_record held;     /* the client's own */
} source_item;

typedef struct source_reader source_reader;

/* Contract of a source.  Called from the rank's one thread. */
typedef struct source_ops {
    /* Read partitions [p], the smallest first, from these offsets from now on;
     * what was fetched before is stale.  Any number of times.
     */
    int (*assign)(source_reader *s, const broker_position *p, size_t n,
                  pe_error *errp);
    /* Next record of [lane] (as the source was opened: source_lanes; where each
     * partition has one, the index into [p]).  Never waits.  1: *r is filled,
     * 0: none yet, -1: error.
     */
    int (*fetch)(source_reader *s, size_t lane, source_item *r, pe_error *errp);
    void (*release)(source_reader *s, source_item *r);
    /* What is said of record [r], the last one that was fetched of its
     * partition, where it does not say it itself, until the next one is; NULL:
     * it does.
     */
    source_said (*said)(source_reader *s, const source_item *r);
    /* Sleep until there may be a record, at most [timeout_ms]. */
    void (*wait)(source_reader *s, int timeout_ms);
    bool wakes; /* a record ends it; else the source has to be asked again */
    /* Next offset to be written to [partition] as far as known, else -1. */
    int64_t (*high)(source_reader *s, int32_t partition);
    /* End of [partition] when the source itself knows it, else -1. */
    int64_t (*end)(source_reader *s, int32_t partition);
    /* Show progress to others; may be NULL. */
    void (*note)(source_reader *s, const broker_position *p, size_t n);
    /* Rows it has left out, and what was said of the first ("": nothing); may
     * be NULL.
     */
    uint64_t (*skipped)(source_reader *s, const char **firstp);
    /* Records that it has set aside (see source_item), and, in words, where the
     * first of them is and how many there are of each kind; may be NULL.
     */
    uint64_t (*aside)(source_reader *s, const char **wordsp);
    /* How far it is, where it reads files that end; may be NULL. */
    context_progress (*read)(source_reader *s);
    /* Is nobody there to read from?  Why, into [out].  May be NULL. */
    bool (*away)(source_reader *s, char *out, size_t cap);
    /* How fast the broker has answered; may be NULL. */
    void (*answers)(source_reader *s, broker_answers *out);
    void (*close)(source_reader *s); /* accepts NULL */
} source_ops;

struct source_reader {
    const source_ops *ops;
};

/* How records of a topic are fetched: what is in one lane waits for no other
 * one.
 */
enum source_lanes {
    SOURCE_ONE,    /* a lane for all */
    SOURCE_URGENT, /* lane 0 for the urgent partitions, lane 1 for the rest */
    SOURCE_EACH,   /* one for each partition */
};

/* Records of the run's topic.  [queue_bytes] bounds what is fetched ahead by
 * this rank, in all lanes together.
 */
source_reader *source_open_broker(const pipeline *pl,
                                  const pipeline_request *req,
                                  enum source_lanes lanes, uint64_t queue_bytes,
                                  pe_error *errp);

/* Blocks of the source stage, run inside this rank: partition p is device p
 * of [partitions].  When *drain is set every partition ends where it is.
 */
source_reader *source_open_function(const pipeline *pl,
                                    const pipeline_request *req, bool lanes,
                                    const atomic_int *drain, pe_error *errp);

#endif
