/* results.h - what leaves the pool by the broker. */
#ifndef RANK_RESULTS_H
#define RANK_RESULTS_H

#include "slot.h"
#include "src/block/record.h"
#include "src/pipeline/pipeline.h"
#include "src/source/source.h"
#include "term.h"
#include "trail.h"

typedef struct pool_held pool_held; /* results.c */

/* What they are of; all is borrowed. */
typedef struct results_conf {
    const pipeline *pl;
    const pipeline_request *req;
    pool_term *term; /* a record that is lost asks for another */
    pool_fate *fate;
    pool_slot *slot;   /* both; they wait for acknowledgements */
    pool_trail *trail; /* NULL: none */
} results_conf;

typedef struct pool_results {
    results_conf c;
    uint64_t revision;               /* of the stages; 0: not said */
    broker_producer *producer;       /* NULL: nothing has left this pool */
    char results[256], refused[256]; /* topics */
    record_headers headers;
    pool_held *held;      /* what the client has no room for */
    unsigned char *frame; /* header and scores of one block */
    size_t cap_frame;
    unsigned char *flat; /* the same as da00, if that is asked for; */
    size_t cap_flat;
    int8_t *label; /* ... of each of its points */
    size_t cap_label;
    pe_block copy;  /* of a block that has no room in front */
    int64_t *times; /* of the rows of a block, ... */
    uint32_t cap_times;
    char *picked; /* ... and as text, where stages have left some out */
} pool_results;

/* results.c - local.  Of a pipeline without services nothing leaves. */
int results_open(pool_results *r, const results_conf *c, pe_error *errp);
void results_close(pool_results *r);
void results_poll(pool_results *r);
void results_drop(pool_results *r); /* a new term */
/* Are scores and blocks asked for? */
bool results_on(const pool_results *r);
/* May a result with so many bytes of data be sent?  -1: an input error. */
int results_fit(const pool_results *r, size_t bytes, pe_error *errp);
/* Room for the scores of so many points; NULL: no memory. */
float *results_room(pool_results *r, uint32_t points);
/* The scores of [b], which came as [item], are in the room that was given for
 * them.
 */
void results_scores(pool_results *r, pool_slot *s, const source_item *item,
                    const pe_block *b, uint64_t outliers);
/* [out] is what a function has made of [item]. */
void results_block(pool_results *r, pool_slot *s, const source_item *item,
                   pe_block *out);
/* [stage] has refused it, after so many attempts. */
void results_refused(pool_results *r, pool_slot *s, const source_item *item,
                     const char *stage, int attempts, const char *reason);

#endif
