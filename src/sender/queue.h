/* queue.h - the blocks of one device between its source and the broker. */
#ifndef SENDER_QUEUE_H
#define SENDER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>

#include "src/poison/device.h"

/* All functions are for the device's own thread, but queue_delivered, which
 * is for the one that serves delivery callbacks, and queue_wake.
 */
typedef struct queue queue;
struct text; /* src/common/text.h */

/* A block that was sensed.  The holder fills everything but the private
 * members, which are the queue's.
 */
typedef struct queue_slot {
    pe_block block;
    char *source; /* copy of block.source; see queue_keep_source */
    struct text *times, *scale;  /* headers of its record; NULL or empty: none
                                  */
    uint64_t revision;           /* of the stages that made it */
    bool named;                  /* ... with the names of its columns */
    size_t through;              /* stages that it has been through */
    char refused[DEVICE_REASON]; /* why no stage gets it; "": all do */
    const void *frame;           /* the .npy bytes to send, or a delta's, */
    size_t len;
    uint64_t rows, first; /* ... of so many rows, from this SEQ on */
    uint64_t ordinal;     /* in its spool, where there is one, ... */
    int64_t kept_ns;      /* ... since then, monotonic */
    /* Of a block that was read out of that: the stage that it left last, names
     * of its columns; NULL: it was sensed by this process.
     */
    const char *stage, *columns;
    struct text *kept; /* what they point into */
    /* private */
    queue *owner;
    _Atomic bool stored;
    int64_t offset; /* once it is stored */
} queue_slot;

/* What a queue has seen. */
typedef struct queue_stats {
    uint64_t stored; /* blocks acknowledged by the broker */
    uint64_t stored_points, stored_bytes;
    uint64_t dropped;
    uint64_t last;       /* ordinal of the last one stored */
    int64_t next_offset; /* behind the last one stored; -1: none was */
} queue_stats;

/* New queue of [limit] bytes of frames; one that is smaller than two blocks
 * holds two.  At most [window] bytes of them (0: all; one block always) are
 * handed over at a time, so that the others may still be dropped.
 */
queue *queue_create(uint64_t limit, uint64_t window, pe_error *errp);
/* Free the queue (may be NULL) and all its blocks: the producer that borrows
 * them must be closed.
 */
void queue_destroy(queue *q);

/* A slot to fill; NULL: no memory.  Goes back by queue_put or queue_give. */
queue_slot *queue_take(queue *q, pe_error *errp);
void queue_give(queue *q, queue_slot *slot);
/* Have block.source in the slot's own memory, cut to what a record can bear. */
int queue_keep_source(queue_slot *slot, pe_error *errp);
/* Append a filled slot: frame and len are set. */
void queue_put(queue *q, queue_slot *slot);

/* Is there no room for a block as large as the last one? */
bool queue_full(queue *q);
/* The share of the queue that is taken, in bytes or blocks, 0 to 1. */
double queue_share(const queue *q);
/* Drop the oldest block that was never handed over; false: there is none. */
bool queue_drop(queue *q);
/* Blocks that were put and are neither stored nor dropped. */
size_t queue_pending(queue *q);

/* Oldest block to hand over, or NULL: none, or the window is full. */
queue_slot *queue_next(const queue *q);
/* The block queue_next gave was handed over. */
void queue_sent(queue *q);

/* Its delivery callback: [offset] < 0 means it was not stored.  Any thread;
 * wakes queue_wait.
 */
void queue_delivered(queue_slot *slot, int64_t offset);

/* Every delivery callback was called: what is not stored is to be handed
 * over again, in order, before anything newer.
 */
void queue_rewind(queue *q);

/* Are there blocks that were not handed over? */
bool queue_unsent(const queue *q);

/* Wait up to [timeout_ns] for the callbacks of a quarter of what is under way,
 * or for queue_wake.
 */
void queue_wait(queue *q, int64_t timeout_ns);
/* The same for queue_wake alone. */
void queue_nap(queue *q, int64_t timeout_ns);
/* End a wait; one that is not there yet does not begin.  Any thread. */
void queue_wake(queue *q);

queue_stats queue_stats_get(queue *q);
/* The oldest block of queue_pending; NULL: there is none. */
const queue_slot *queue_oldest(const queue *q);

#endif
