/* forward.h - blocks that leave a layer for the next one, as records. */
#ifndef FORWARD_FORWARD_H
#define FORWARD_FORWARD_H

#include "src/pipeline/pipeline.h"
#include "src/source/source.h"

typedef struct forward forward;

/* All of it is borrowed for the life of the forward. */
typedef struct forward_conf {
    const pipeline *pl; /* a layer is seen that is not the last */
    const pipeline_request *req;
    /* A record is stored, or [offset] < 0: it never will be; from
     * forward_poll and forward_close.
     */
    void (*delivered)(void *arg, void *opaque, bool stored);
    void *arg;
} forward_conf;

/* Of one rank, and from its thread only, as all here.  Local.  Errors: those
 * of a producer.
 */
forward *forward_open(const forward_conf *c, pe_error *errp);
void forward_close(forward *f); /* may be NULL */

/* May a block of so many bytes be a record of the next stream?  -1: an input
 * error that names the key.
 */
int forward_fit(const forward *f, size_t bytes, pe_error *errp);

/* What a layer has made of a record. */
typedef struct forward_block {
    const source_item *item; /* what came: whose it is, when it was sensed */
    pe_block *out;           /* what goes on: points x features, its source */
    source_text columns;     /* what they are called; at NULL: not said */
    bool whole;   /* rows and values are those of the record, which says all */
    void *opaque; /* for [delivered] */
} forward_block;

/* Hand it over: it keeps DEVICE/BOOT/SEQ, and a record of a stranger gets such
 * an identity by its place, so that the next layer knows a repeat.  Records of
 * a partition go to one partition, in the order of these calls, and nothing is
 * waited for: what the client has no room for stays here (forward_is_held).
 * 0: delivered will be called for it; -1: it will not: retry (another producer
 * is needed: forward_poll), else of its kind.
 */
int forward_send(forward *f, const forward_block *b, pe_error *errp);

/* Serve the callbacks, and send what is held.  -1: the producer was broken, and
 * another is open (retry: what was under way has to be sent again), or is not
 * (fatal).
 */
int forward_poll(forward *f, pe_error *errp);
/* Is something held?  Then no block is to be begun. */
bool forward_is_held(const forward *f);
/* Give up what is held, telling [delivered]. */
void forward_drop(forward *f);

/* onward.c - a layer is through with all it was given: where each partition of
 * the next stream ends is told to the next layer, which waits for that. [dead]:
 * devices have died on the way.  Asks broker and parameter service; may be made
 * again.  Any process, no forward is needed.
 */
int forward_ends(const pipeline *pl, const pipeline_request *req, bool dead,
                 pe_error *errp);

#endif
