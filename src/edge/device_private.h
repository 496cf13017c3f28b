/* device_private.h - inside of a device, for the files of this folder. */
#ifndef EDGE_DEVICE_PRIVATE_H
#define EDGE_DEVICE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "src/block/origin.h"
#include "src/edge/device.h"
#include "src/sender/queue.h"

/* What is said of the rows of a block beside their values. */
typedef struct device_said {
    /* as it was sensed */
    const char *source;
    uint32_t points;
    bool timed, told; /* it was said that times do not fit */
    int64_t *times;
    uint32_t cap;
    int64_t *lent; /* those of the rows that a stage gets; as many */
    /* as it is now: sensed = shift + scale x value, where there are any */
    double *shift, *scale;
    uint32_t n_scaled, cap_scaled;
    bool unknown;  /* ... and a stage has made something else of that */
    char *columns; /* names as they leave the device; NULL: not known */
    bool named;    /* ... that was found out, and stages were told theirs */
    uint64_t n;    /* blocks that were queued */
} device_said;

/* What it learns here; see device_learned. */
typedef struct device_learn {
    learner *learner; /* NULL: it does not */
    const char *stage;
    int64_t sense_ns; /* of the first block that is held */
    struct {
        uint64_t blocks, rows, records;
    } flight; /* of deltas that are not acknowledged */
    uint64_t syncs, rows, withheld;
    int64_t synced_ns;
    struct device_learn_told {
        atomic_uint_fast64_t held, held_rows, version;
        atomic_int_fast64_t synced_ns;
    } told;
} device_learn;

/* Its spool, where it has one. */
typedef struct device_spool {
    struct text *meta; /* of the record at hand; NULL: none yet */
    uint64_t len;      /* of the last record */
    size_t block;      /* bytes of the last block, or what it came from */
    bool calm;         /* blocks are made in memory of the spool's */
    double pace_ns;    /* of the source itself, a block */
    int64_t used_ns;   /* by this thread before it was asked, ... */
    long waits; /* ... which had waited so often; used_ns -1: not known */
    bool held;  /* ... which came after a wait for room */
    bool still; /* the link does not move, ... */
    uint64_t still_at; /* ... since so many were stored */
    uint64_t behind;   /* blocks that are on the disk and not in the queue */
    uint64_t stored, dropped;
    int64_t told_ns;       /* when it may be said again that it is full */
    char why[DEVICE_FULL]; /* under skips_lock */
    atomic_uint_fast64_t fulls, records, bytes;
    atomic_int_fast64_t oldest_ns;
    atomic_bool left; /* it is not waited for any more */
} device_spool;

struct device {
    device_conf conf;
    pe_context **ctx;            /* one a stage; NULL: not open */
    size_t n_stages;             /* blocks are put through so many, */
    atomic_size_t wanted, taken; /* ... are to be, and others know of */
    pe_error unmoved;  /* under skips_lock: why that is not what was wanted */
    uint64_t revision; /* that the stages are of */
    device_chain was;  /* ... those before, until a block has gone
                          through; ctx NULL: none */
    _Atomic(const device_chain *) next; /* to be taken up; NULL: none */
    pe_error broken; /* why a stage is not open any more; none: all are */
    device_revised revised; /* under skips_lock */
    context_host host;
    pe_model *model; /* our copy of the newest */
    uint64_t model_seen;

    device_learn learn;
    device_spool spool;
    queue *queue;
    queue_slot *slot;      /* being sensed */
    pe_block scratch;      /* output of a stage, before it takes the place
                              of its input */
    origin_list blur;      /* rows of a block that a function reshaped */
    bool keeps;            /* a stage keeps blocks, and is to sync ... */
    int64_t unsynced_ns;   /* ... those since then, monotonic; 0: none */
    const void *framed_at; /* data of a block that is a frame already */
    device_said said;
    record_headers headers;
    uint64_t generation; /* of the producer that has our blocks */

    int64_t start_ns, start_mono_ns; /* of the schedule */
    int64_t due_ns;                  /* of the block at hand, since then; below
                                        0: whenever it is there */
    uint64_t count;                  /* blocks sensed */
    uint64_t seq;                    /* of the one at hand */
    pthread_mutex_t skips_lock;
    context_skip_list *skips;    /* under lock: what the source has left out */
    char drift[DEVICE_DRIFT];    /* under lock: said of the newest change ... */
    atomic_uint_fast64_t drifts; /* ... of so many */
    atomic_uint_fast64_t skipped;         /* rows and cells of it */
    atomic_uint_fast64_t rows, read, all; /* see context_progress */
    atomic_int_fast64_t busy_ns, blocked_ns, paced_ns;
    atomic_int_fast64_t work_since_ns; /* beyond busy_ns, monotonic; 0: not */
    _Atomic float full;
    device_stats stats;
    bool unmet; /* a stage found no model for the block in hand */
    int64_t next_offset;
    tally_slot own, *tally; /* what others see of [stats], and our BOOT, 0:
                               not known yet */

    atomic_int at;                   /* stage that is at work, or -1 */
    atomic_int_fast64_t at_since_ns; /* ... since when, monotonic */
    atomic_int cancelled, aborted, state;
    pe_error error;
    pthread_t thread;
    bool running;
    fiber *fiber; /* in place of the thread; NULL: it has one */
    bool parted;  /* ... which has one of its own now */
};

void device_run(void *arg); /* device.c: all that it does, from start to end */

/* --- device_thread.c --- */

/* Stages [s] are to be opened, [n] of them: where one may wait for more than a
 * processor the device shares its thread with nobody from now on.
 */
void device_part(device *d, const device_stage *s, size_t n);

/* --- device_stage.c; on error -1, with d->error --- */

int stages_open(device *d);
/* Open [s], as a stage behind the source. */
int stage_open(device *d, const device_stage *s, pe_context **ctx);
int stages_finish(device *d);
/* What is about to be sent: functions have what they keep of it on the disk. */
int stages_sync(device *d);
void stages_close(device *d);
/* device_move.c - between two blocks: as many stages as are wanted. */
void stages_move(device *d);
int stages_open_one(device *d, size_t i);
void stages_close_one(device *d, size_t i);

/* --- device_revise.c --- */

/* Between two blocks: take up other stages, if there are any. */
void stages_revise(device *d);
/* Room for contexts. */
size_t stages_room(const device *d);
/* Stage [i] has failed, with d->error.  True: it was new, those of before are
 * there again, and the block goes on with stage [i] of them.
 */
bool stages_go_back(device *d, size_t i);
void stages_passed(device *d); /* a block has gone through */
void stages_forget(device *d); /* what is kept of before */

/* --- device_said.c --- */

/* A block was sensed: note the times of its rows; -1: d->error. */
int said_begin(device *d, const pe_block *b);
/* Stage [i] has made [b], of which something goes on. */
int said_stage(device *d, size_t i, const pe_block *b);
void said_lend(device *d, size_t i, const pe_block *b); /* before it */
/* What goes into the headers of the slot's record. */
int said_end(device *d, queue_slot *slot);
/* Add them. */
void said_add(const device *d, const queue_slot *slot, record_headers *h);
void said_moved(device *d); /* other stages are in front of it */
void said_free(device *d);

/* --- device_learn.c; on error -1, with d->error but for the first --- */

int learn_open(device *d, const learner_conf *c, pe_error *errp);
void learn_close(device *d);
void learn_revise(device *d, const learner_conf *c); /* ... anew, by [c] */
int learn_block(device *d, const pe_block *b);
int learn_turn(device *d); /* have a delta that is due go up */
int learn_end(device *d);  /* ... and the last one */
void learn_headers(const queue_slot *slot, record_headers *h);
void learn_publish(device *d, uint64_t stored);
void learn_progress(const device *d, device_learned *out);

/* Stage [i] begins to work at [now_ns], and comes back: a function of a user
 * may not.
 */
void stage_enter(device *d, size_t i, int64_t now_ns);
void stage_leave(device *d);
/* The error that the function of [ctx] left, as the device's.  Returns -1. */
int stage_failed(device *d, const pe_context *ctx);

/* --- device_spool.c; of a device that has one, but for the first --- */

/* Is there a spool, and is its source to wait for room in it? */
bool spool_holds_up(device *d);
/* Is its source, which could go on at any pace, to go at that of the link?  As
 * long as that moves, and has not all that there is.  *sincep is 0 at first.
 */
bool spool_paces(device *d, int64_t *sincep);
/* The source is about to be asked. */
void spool_senses(device *d);
/* The source has given a block of [bytes] after [spent_ns]; -1: it had none. */
void spool_sensed(device *d, int64_t spent_ns, size_t bytes);
/* A slot is to get a block. */
void spool_ready(device *d, queue_slot *slot);
/* Accept the block of [slot]: 1, and it is in the queue, or given back; 0 there
 * is no room for it; -1 error.
 */
int spool_keep(device *d, queue_slot *slot);
/* What is on the disk alone goes on as the queue has room. */
int spool_refill(device *d);
/* Blocks that were acknowledged may go, and others see what is left. */
void spool_publish(device *d, const queue_stats *s);

/* Put a block that was sensed through the stages: 1 it goes on, 0 not. */
int stages_process(device *d, pe_block *b);
/* Have the .npy bytes of the slot's block in one piece: in place where it is
 * a frame already or lies in storage with headroom, else by a copy.
 */
int stages_frame(device *d, queue_slot *slot);

#endif
