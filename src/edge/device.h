/* device.h - one device: produce, process, stamp, queue, send. */
#ifndef EDGE_DEVICE_H
#define EDGE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/agent/tally.h"
#include "src/follower/follower.h"
#include "src/sender/identity.h"
#include "src/sender/sender.h"
#include "src/federate/learner.h"
#include "src/function/host.h"
#include "src/spool/spool.h"
#include "src/fiber/fiber.h"

/* A stage of a device: the source first, then what processes its blocks. */
typedef struct device_stage {
    const pe_function *ops;
    const char *words;   /* what it is, where it dies (fault_words) */
    int guarded;         /* its number there (device_guard), -1 */
    bool prompt;         /* it waits for nothing but a processor */
    const void *id;      /* of the instance: another revision that has it, too,
                            goes on with what is open */
    context_setup setup; /* of the stage; the device fills in device, index,
                             position, host and cancelled */
} device_stage;

/* The stages of a revision, as many as a device has of them and more; and,
 * inside of a device, their contexts.
 */
typedef struct device_chain {
    const device_stage *stages;
    uint64_t number; /* of the revision */
    const learner_conf *learn;
    pe_context **ctx;
} device_chain;

/* What has become of revisions: the newest by which a block has gone through
 * all stages, and one that the device refuses, because of [why].
 */
typedef struct device_revised {
    uint64_t passed, refused;
    char why[256];
} device_revised;

/* See device_scale.h. */
typedef struct device_scale device_scale;

/* What a device is; everything is borrowed for its life. */
typedef struct device_conf {
    const char *run, *topic;
    const char *name; /* key of its records */
    int index, partition;
    identity id;
    double rate; /* blocks a second, 0: as fast as it goes */
    uint64_t queue_bytes;
    struct seal_signer *signer; /* signs its records; NULL: nobody does */
    uint64_t message_bytes;     /* largest record with its headers; 0: any */
    bool drop;                  /* a full queue drops its oldest block */
    spool *spool;         /* blocks are in there before they are sent; NULL:
                             there is none */
    uint64_t spool_bytes; /* that it may have */
    bool spool_drop;      /* a full one drops its oldest blocks */
    bool rereadable;      /* function_rereadable of the source */
    bool framed;          /* function_framed of the source */
    /* What it does; more may follow behind those (device_move). */
    const device_stage *stages;
    size_t n_stages, cap_stages; /* cap_stages: with those that may; 0: none */
    uint64_t revision;           /* ... which are of it */
    sender *sender;
    executor *executor;         /* devices whose stages are prompt share its
                           threads; NULL: each has its own */
    follower *follower;         /* NULL: no models */
    const context_host *shared; /* put and get; NULL: none */
    device_scale *scale;        /* NULL: stages learn what they scale by */
    tally_slot *tally;          /* where it counts; NULL: of its own */
    const learner_conf *learn;  /* its blocks are learned from here, and deltas
                                   go up instead; NULL: they go up */
} device_conf;

enum device_state {
    DEVICE_OPENING,
    DEVICE_SENSING,
    DEVICE_FLUSHING, /* no more blocks will come */
    DEVICE_ENDED,    /* all are acknowledged */
    DEVICE_FAILED,
};

/* Once the device has ended sensed + carried = sent + filtered + dropped +
 * spooled + lost.
 */
typedef struct device_stats {
    uint64_t sensed, filtered, dropped, sent; /* blocks */
    uint64_t points, bytes;                   /* of those sent */
    uint64_t scored, outliers;                /* points */
    uint64_t unscored;  /* points that came before there was a model */
    uint64_t drifts;    /* changes that stages have found */
    int64_t busy_ns;    /* in produce and process */
    int64_t blocked_ns; /* waiting for room in the queue, and for it to be
                           empty at the end */
    int64_t paced_ns;   /* waiting for the schedule or the sensor */
    double full;        /* the share of its queue that is taken */
    uint64_t held;      /* blocks in a delta that is not cut yet */
    uint64_t spooled, lost, carried; /* in its spool; lost by it; those that
                                        were in there when it began */
} device_stats;

/* What a device has learned here, where it does. */
typedef struct device_learned {
    uint64_t syncs, rows;     /* deltas acknowledged, and the rows in them */
    uint64_t held, held_rows; /* blocks and rows of the one to come */
    uint64_t kept;            /* rows that were too few for one, at the end */
    uint64_t version;         /* of the model it learns from; 0: none yet */
    int64_t synced_ns;        /* monotonic, of the last delta; 0: none yet */
} device_learned;

typedef struct device device;

device *device_create(const device_conf *c, pe_error *errp);
/* Close the functions and free (may be NULL).  The thread has been joined and
 * the sender closed: it borrows the blocks.
 */
void device_destroy(device *d);

/* Start the device's thread: opens the functions, senses until the source
 * ends or a cancel, and waits until all is acknowledged.
 */
int device_start(device *d, pe_error *errp);
/* Its BOOT, where conf.id has none: nothing is sent before; *leftp: it went to
 * blocks of its spool that had none yet, and another one is needed.  Any
 * thread.  Errors: the disk has failed.
 */
int device_set_boot(device *d, uint64_t boot, bool *leftp, pe_error *errp);
bool device_booted(const device *d);
/* From its next block on it puts blocks through [n] stages, which are there, at
 * least the source and at most conf.cap_stages.  Any thread.
 */
void device_move(device *d, size_t n);
/* Through how many it puts them now; where it could not go on as it was asked
 * to, why, into [why]: it goes on as it was.  Any thread.
 */
size_t device_through(device *d, pe_error *why);
/* No more blocks; a live source is asked once more for what it has begun. */
void device_cancel(device *d);
/* Nor wait any longer for what is in its spool, and stays there. */
void device_leave(device *d);
/* Do not wait for acknowledgements either. */
void device_abort(device *d);
void device_join(device *d);

/* From its next block on: other stages (their contexts are the device's), which
 * are borrowed for its life.  Any thread.
 */
void device_revise(device *d, const device_chain *next);
void device_revised_get(device *d, device_revised *out);

/* Any thread. */
enum device_state device_state_get(const device *d);
/* Blocks so far, the first four members of device_stats; sensed is never less
 * than the others together.  And points, bytes, its times, as of some 0.1 s ago
 * at most, and how full its queue is.
 */
void device_progress(const device *d, device_stats *out);

/* How far its source is.  Any thread. */
context_progress device_read(const device *d);

/* Rows and cells its source has left out so far; add them to [sum], reason by
 * reason.  Any thread.
 */
uint64_t device_skipped(const device *d);
void device_skips(device *d, context_skip_list *sum);

/* Changes that its stages have found, and what was said of the first of each:
 * the newest into [out].  Any thread.
 */
#define DEVICE_DRIFT 256
uint64_t device_drifts(device *d, char out[DEVICE_DRIFT]);

/* The stage that is at work in this moment, and since when (monotonic); NULL:
 * none.  Any thread.
 */
const char *device_at(const device *d, int64_t *sincep);
/* Has it a spool?  What is in there, and when the oldest of it was sensed (0:
 * nothing is), as of some 0.1 s ago at most.  Any thread.
 */
bool device_spooled(const device *d, spool_stats *out, int64_t *oldestp);
/* How often it was told that there is no room, once a minute at most, and why.
 */
#define DEVICE_FULL 80
uint64_t device_spool_full(device *d, char out[DEVICE_FULL]);
/* Does it learn?  Into [out], then.  Any thread. */
bool device_learns(const device *d, device_learned *out);
/* Blocks that were sensed and are not acknowledged, nor in a delta that is not
 * due.  Any thread.
 */
uint64_t device_waiting(const device *d);

/* After DEVICE_FAILED: what happened. */
const pe_error *device_error(const device *d);

/* After the device ended, or was joined. */
device_stats device_stats_get(const device *d);
/* Offset behind its last acknowledged record; -1: it sent none. */
int64_t device_next_offset(const device *d);

#endif
