/* lane.h - the blocks of one partition in order, as the pool took them. */
#ifndef ANSWER_LANE_H
#define ANSWER_LANE_H

#include <pthread.h>
#include <stdbool.h>

#include "names.h"
#include "src/answer/said.h"
#include "src/answer/stages.h"
#include "src/source/source.h"

/* Where records come from. */
typedef struct lane_conf {
    /* A source of one lane; the caller closes it. */
    source_reader *(*open)(void *arg, int32_t partition, pe_error *errp);
    void *arg;
    stages_conf stages; /* of this one */
    bool staged;        /* are there any? */
    uint32_t features;  /* the model's; 0: any */
    int32_t partition;
    int64_t first, end; /* offsets [first, end); end -1: all there is */
    bool again;         /* rows are sensed again, so what is not their own time
                           says nothing of when that was */
    bool strict;        /* a block with a row that would be masked is refused */
    bool reshaped;      /* points are no rows of their source: devices have left
                           some out, or joined them */
    bool standardised;  /* devices have scaled their values */
    const char *what;   /* a file: other columns than the model's are an error
                           that names it; NULL: such a record is refused */
    const char *named;  /* the source of all its rows; NULL: as they say */
} lane_conf;

/* Blocks, by what became of them. */
typedef struct lane_counts {
    uint64_t scored, refused, repeated, filtered;
    uint64_t unread; /* headers of rows that say nothing that can be read */
    uint64_t scaled; /* blocks whose values are still those devices made */
    uint64_t undone; /* ... and those where that is undone */
} lane_counts;

/* Who sent, and what was seen of it last. */
typedef struct lane_device {
    bool known;
    uint64_t boot, seq;
    int64_t rows;
} lane_device;

typedef struct lane {
    lane_conf c;
    pthread_mutex_t lock;  /* for all that follows */
    source_reader *source; /* NULL: not open */
    stages *stages;
    names senders; /* known in this partition, and what of them: */
    lane_device *device;
    size_t cap_devices;
    int64_t next;
    int64_t since_ns; /* when the last record came, monotonic */
    uint64_t rows;    /* given out so far */
    lane_counts counts;
    char first_refused[512];
    char *columns; /* names of a record's, the first that came; NULL: none */
    bool called;   /* a later record has called them otherwise */
    unsigned held; /* records that are being scored */
    bool done;
} lane;

/* One block to be scored, with where its rows go. */
typedef struct lane_block {
    source_item record; /* held until lane_release */
    pe_block work;      /* data of its own, where stages made some */
    pe_block block;     /* what the model gets */
    char source[RECORD_SOURCE_MAX + 1]; /* of that, behind stages */
    said said;                          /* of the record's rows */
    bool one_to_one;                    /* its points are the record's rows */
    bool timed;                         /* said.times are those of its points */
    int64_t *from; /* of each point the row of the record; see picked */
    uint32_t cap_from;
    bool picked;    /* its points are some of the record's rows: [from] */
    uint64_t at;    /* rows of the lane before its first */
    int64_t row;    /* number of the first in its source or device */
    bool of_device; /* ... the latter */
} lane_block;

int lane_init(lane *l, const lane_conf *c, pe_error *errp);
void lane_fini(lane *l);

/* The next block of [l], which the caller has locked.  1: [b] is filled; 0:
 * none yet (it was waited for a while); -1: error.  At its end [l] is done and
 * 0 is returned.
 */
int lane_next(lane *l, lane_block *b, pe_error *errp);
/* The values of point [i], as they were sensed where that is known: of the
 * record's row, else of what the model got; as many as [n].
 */
void lane_values(const lane_block *b, uint32_t i, uint32_t n, double *to);
/* Its room, when no more blocks are taken. */
void lane_block_free(lane_block *b);
/* The record of [b] is not needed any more.  [l] is not locked. */
void lane_release(lane *l, lane_block *b);

#endif
