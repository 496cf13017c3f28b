/* recount.h - what the records of a topic come to, by the rules of a pool. */
#ifndef VERIFY_RECOUNT_H
#define VERIFY_RECOUNT_H

#include "models/audit/audit.h"
#include "src/commit/device.h"
#include "src/source/source.h"

/* What the other topics of the run say of a record. */
enum {
    RECOUNT_RESULT = 1,  /* it has a result, */
    RECOUNT_REFUSED = 2, /* ... it stands in the refused topic */
};

enum recount_word {
    RECOUNT_APPLIED,
    RECOUNT_REPEAT, /* by rule 5: its device has sent it, or a later one */
    RECOUNT_ASIDE,  /* it holds no rows: applied, without a point */
    RECOUNT_BAD,    /* refused: it cannot be decoded */
    RECOUNT_LEFT,   /* refused by a stage */
    RECOUNT_EITHER, /* a stage has refused it once; in a term that was dropped
                       it may have been, and applied by the next */
};

/* Blocks [from, to] of a device that were seen. */
typedef struct recount_span {
    uint64_t boot, from, to;
} recount_span;

/* Most of them that are kept of a device: where order holds there is one for
 * each BOOT.
 */
#define RECOUNT_SPANS 256 /* a power of 4, as their room grows */

typedef struct recount_device {
    int32_t partition; /* where its first block came from */
    recount_span *span;
    size_t n_spans, cap_spans;
    bool vague; /* some were forgotten */
    int64_t sure[AUDIT_LANES], either[AUDIT_LANES];
} recount_device;

/* Where the first of its kind is. */
typedef struct recount_place {
    uint64_t n;
    char words[320];
} recount_place;

/* What devices of the layer in front have handed on: up to these. */
typedef struct recount_front {
    const commit_device *last; /* by the index of [devices] */
    size_t n_last;
    const commit_devices *devices;
    const char *layer;
    const params_offset *offsets; /* of that layer's topic, */
    size_t n_offsets;
} recount_front;

typedef struct recount {
    /* Set by the caller. */
    size_t stages; /* the last stage of the pool is behind so many, */
    size_t ahead;  /* ... of which so many are done before the topic where
                      a record says nothing else */
    bool results;  /* the pool writes them */
    bool audits;   /* the model is `audit` */
    recount_front *front; /* NULL: none */

    commit_devices devices;
    recount_device *more;    /* by the index of devices */
    size_t cap_more, others; /* devices with a number, of any run */
    /* Points are those of models and those that were masked. */
    params_counters sure, either;
    uint64_t staged; /* records whose points stages of the pool may change */
    uint64_t deltas;
    uint64_t refusals;     /* records that cannot be decoded, and are not in the
                              refused topic */
    recount_place order;   /* "repeats" that were never there, */
    recount_place unknown; /* ... and those of which that cannot be told */
    recount_place missing; /* numbers of devices of ours */
    recount_place moved;   /* blocks in another partition than those before */
    recount_place without; /* blocks without a result */
    recount_place unheard; /* of devices beyond COMMIT_OTHERS */
    uint64_t crossed;      /* blocks of the layer in front that are here */
} recount;

/* What becomes of [r], the next record of its partition, of which [marks] are
 * known.  -1: no memory.
 */
int recount_take(recount *c, source_item *r, unsigned marks, pe_error *errp);

/* Blocks that were refused in a term that was dropped: were these refused by
 * what is committed, or applied?  [refused] as the commit counts them.  1: it
 * is known, and [sure] has them now; 0: it cannot be told.
 */
int recount_settle(recount *c, uint64_t refused);

void recount_free(recount *c);

#endif
