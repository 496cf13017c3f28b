/* refusals.h - what lies in the topic of refused blocks. */
#ifndef REFUSED_REFUSALS_H
#define REFUSED_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/view/topic_look.h"

/* So many are held at once; of more the newest of each partition are. */
#define REFUSALS_MAX 1000000

/* A block that was refused; its strings are printable. */
typedef struct refusal {
    int32_t partition; /* of both topics */
    int64_t offset;    /* in the run's topic, */
    int64_t at;        /* ... and in that of refused blocks */
    int64_t time_ns;   /* when it was refused, 0: not known */
    char *topic;       /* the run's, as the record says it; */
    char *device;      /* ... and so all of these; "-": it does not */
    char *stage, *reason;
    uint64_t attempts; /* 1, but for what has killed its function */
    uint64_t bytes;    /* that are kept, */
    uint64_t cut;      /* ... of so many; 0: all of them */
} refusal;

typedef struct refusals {
    refusal *r; /* by partition and offset, each once */
    size_t n, cap;
    uint64_t others; /* records that no pool has written */
    uint64_t beyond; /* that were too many to hold */
    pe_error error;
} refusals;

/* What [r] says; 0, or 1: it is no refused block; -1: no memory. */
int refusal_read(const broker_record *r, refusal *out, pe_error *errp);
void refusal_free(refusal *f);

/* All there are, of a place found by look_find with PIPELINE_REFUSED.  A pool
 * that works on blocks again refuses them again: the last time counts.
 */
int refusals_read(const look_place *at, refusals *out, pe_error *errp);
void refusals_free(refusals *l);
/* In their order, each origin once: its last record. */
void refusals_sort(refusals *l);
/* Put [n] of them into the order in which their records are read, partition by
 * partition: ranks that help refuse a later block before an earlier one.
 */
void refusals_as_read(const refusal **list, size_t n);
/* That of [offset] of [partition]; NULL: there is none. */
const refusal *refusals_find(const refusals *l, int32_t partition,
                             int64_t offset);

/* "PARTITION/OFFSET", of the run's topic; -1: it is no such word (64). */
int refusal_place(const char *word, int32_t *partitionp, int64_t *offsetp,
                  pe_error *errp);

/* How many were refused for one kind of reason, by one stage. */
typedef struct refusal_count {
    const refusal *last;
    size_t n;
} refusal_count;

/* Those of [l], sorted, which lives on: the most frequent first.  New memory
 * in *out; the caller frees.
 */
int refusals_count(const refusals *l, refusal_count **out, size_t *np,
                   pe_error *errp);

#endif
