/* row.h - what a trace says of blocks, commits, ranks, models and clocks. */
#ifndef TRACE_ROW_H
#define TRACE_ROW_H

#include <stdint.h>

/* All times are CLOCK_REALTIME nanoseconds of the host that wrote them, as they
 * were read there; 0: not known.  Rows are little-endian and lie in files as
 * they lie in memory: a member is added at the end of a row only (the room that
 * `rest` keeps), never moved, and is 0 in the rows of an older pilot.
 */

/* What happens to a block, in this order. */
enum trace_stamp {
    TRACE_SENSE,  /* sensed, or was to be (edge) */
    TRACE_EDGE,   /* left the stages of its device (edge) */
    TRACE_ACKED,  /* the broker said that it has it (edge) */
    TRACE_BROKER, /* time of the record in Kafka, whole milliseconds */
    TRACE_FETCH,  /* the client library handed it over (rank that owns it) */
    TRACE_START,  /* stages and model began (rank that worked on it) */
    TRACE_END,    /* ... ended */
    TRACE_RESULT, /* its result, or refusal, is in the broker; 0: it has none */
    TRACE_COMMIT, /* the commit that has it was answered (rank 0) */
    TRACE_MODEL,  /* its device's process had that version, or a later one */
    TRACE_SENT,   /* the commit was sent: before anybody can have its model
                     (rank 0; here, for members are added at the end alone) */
    TRACE_STAMPS
};

/* "sense", ...; NULL behind the last. */
const char *trace_stamp_name(unsigned stamp);

/* What a rank made of a block. */
enum trace_outcome {
    TRACE_UNKNOWN, /* no rank has told */
    TRACE_APPLIED,
    TRACE_REFUSED,
    TRACE_DUPLICATE, /* it was there before */
    TRACE_ASIDE      /* a record that holds no rows */
};

const char *trace_outcome_name(unsigned outcome);

/* Flags of a block. */
enum {
    TRACE_HAS_SEQ = 1,   /* boot and seq are its device's */
    TRACE_HAS_EDGE = 2,  /* its device's process told of it */
    TRACE_HAS_RANK = 4,  /* a rank did */
    TRACE_COMMITTED = 8, /* it is in a commit that the trace has */
    TRACE_HELPED = 16,   /* another rank than its owner worked on it */
};

#define TRACE_NO_DEVICE UINT32_MAX /* the log has no name for it */

/* One block, joined from what all processes told. */
typedef struct trace_block {
    uint32_t device; /* trace_device */
    int32_t partition;
    uint64_t boot, seq; /* with TRACE_HAS_SEQ */
    int64_t offset;     /* -1: not known */
    int64_t term, epoch;
    uint64_t version; /* of the model it was scored with; 0: none */
    uint64_t commit_version;
    uint64_t bytes; /* of its record's value */
    uint32_t points, outliers;
    uint32_t features;
    uint32_t log;  /* trace_process_at: the rank that worked on it, else the
                      edge process */
    uint32_t edge; /* ... the edge process; TRACE_NO_DEVICE: it did not tell */
    uint32_t rank; /* of its pool */
    uint16_t repeats; /* times more that ranks have worked on it: replays,
                         duplicates */
    uint8_t outcome;  /* enum trace_outcome */
    uint8_t flags;
    uint32_t layer; /* of several in a row, from 0: a block has a row in each */
    int64_t stamp[TRACE_STAMPS];
} trace_block;

/* A commit, as rank 0 of its pool saw it. */
typedef struct trace_commit {
    uint64_t version;
    int64_t term, first_epoch, last_epoch; /* epochs that are in it */
    int64_t time_ns;                       /* when it was answered */
    int64_t duration_ns; /* from taking it up: apply, encode, send, answer */
    uint64_t blocks;     /* applied or refused */
    uint64_t points, outliers;
    uint64_t bytes; /* of the model */
    double threshold;
    uint32_t log;
    uint32_t tries;    /* times it was sent */
    int64_t sent_ns;   /* its time in the parameter service: when it was sent
                          there; 0: an older pilot has not told */
    uint64_t revision; /* of the stages */
} trace_commit;

/* What a rank has done since it started, about once a second. */
typedef struct trace_rank {
    int64_t time_ns;
    int64_t fetch_ns;  /* taking records from the client */
    int64_t help_ns;   /* stages and model, on blocks of other ranks */
    int64_t kernel_ns; /* the same, on its own */
    int64_t reduce_ns; /* messages, epochs, rounds, results */
    int64_t commit_ns; /* rank 0's committer: beside the others, a thread */
    int64_t idle_ns;   /* asleep, for want of records */
    uint64_t blocks, helped, epochs;
    int64_t lag; /* records in the log behind what it has dispatched */
    uint32_t log;
    uint32_t rank;
} trace_rank;

/* An edge process has taken up a model. */
typedef struct trace_model {
    uint64_t version;
    int64_t time_ns, commit_ns; /* the latter as the service has it */
    uint32_t log;
    uint32_t rest;
} trace_model;

/* How far a host's clock is from that of the parameter service. */
typedef struct trace_clock {
    int64_t time_ns;
    int64_t offset_ns; /* the service's clock less ours */
    int64_t bound_ns;  /* the offset is known to within: half the round trip */
    uint32_t log;
    uint32_t rest;
} trace_clock;

#endif
