/* device.c - one device: produce, process, stamp, queue, send. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/fault.h"
#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/edge/device_private.h"
#include "src/fiber/fiber.h"
#include "src/login/seal.h"

/* Longest wait without a look at blocks that could not be handed over, ... */
#define UNSENT_NS 50000000
/* ... and where there are none: only a new producer has to be noticed.  What
 * else there is to do wakes a device, for a thousand of them that look around
 * all the time leave no core for anybody.
 */
#define IDLE_NS 250000000

/* ... and where all is acknowledged, too. */
#define NAP_NS (2 * CLOCK_S)

/* Blocks of a source that does not wait are had on the disk together, those of
 * this long.
 */
#define SYNC_NS (10 * CLOCK_MS)

/* A source that says PE_AGAIN in less than this is not asked again at once. */
#define AGAIN_NS CLOCK_MS

/* --- sending --- */

static void publish_scores(device *d)
{
    tally_slot *t = d->tally;

    atomic_store_explicit(&t->scored, d->stats.scored, memory_order_relaxed);
    atomic_store_explicit(&t->unscored, d->stats.unscored,
                          memory_order_relaxed);
    atomic_store_explicit(&t->outliers, d->stats.outliers,
                          memory_order_relaxed);
    atomic_store_explicit(&t->drifts, d->stats.drifts, memory_order_relaxed);
}

static void publish(device *d)
{
    queue_stats s = queue_stats_get(d->queue);
    tally_slot *t = d->tally;

    d->stats.sent = s.stored;
    d->stats.points = s.stored_points;
    d->stats.bytes = s.stored_bytes;
    d->stats.dropped = s.dropped;
    d->next_offset = s.next_offset;
    if (d->conf.spool)
        spool_publish(d, &s);
    if (d->learn.learner)
        learn_publish(d, s.stored);
    atomic_store_explicit(&t->sensed, d->stats.sensed, memory_order_relaxed);
    atomic_store_explicit(&t->filtered, d->stats.filtered,
                          memory_order_relaxed);
    atomic_store_explicit(&t->dropped, d->stats.dropped, memory_order_relaxed);
    atomic_store_explicit(&t->sent, s.stored, memory_order_relaxed);
    atomic_store_explicit(&t->points, s.stored_points, memory_order_relaxed);
    atomic_store_explicit(&t->bytes, s.stored_bytes, memory_order_relaxed);
    publish_scores(d);
    atomic_store(&d->busy_ns, d->stats.busy_ns);
    atomic_store_explicit(&d->blocked_ns, d->stats.blocked_ns,
                          memory_order_relaxed);
    atomic_store_explicit(&d->paced_ns, d->stats.paced_ns,
                          memory_order_relaxed);
    atomic_store_explicit(&d->full, (float)queue_share(d->queue),
                          memory_order_relaxed);
}

/* The time since *fromp has gone into [sum], which others may see in the middle
 * of a long wait.
 */
static void spend(int64_t *sum, int64_t *fromp)
{
    int64_t now = clock_mono_ns();

    *sum += now - *fromp;
    *fromp = now;
}

/* Others see that we are at work on a block, since [from_ns]; and that we are
 * done, and have been at it for so long.
 */
static void work_begin(device *d, int64_t from_ns)
{
    atomic_store(&d->work_since_ns, from_ns);
}

static void work_end(device *d, int64_t spent_ns)
{
    d->stats.busy_ns += spent_ns;
    atomic_store(&d->busy_ns, d->stats.busy_ns);
    atomic_store(&d->work_since_ns, 0);
}

/* When it is sent: what lay in the spool is of this run, too. */
static int sign(device *d, const queue_slot *slot)
{
    const seal_place at = {d->conf.topic, d->conf.partition, d->conf.name,
                           strlen(d->conf.name)};

    return seal_signer_sign(d->conf.signer, &at, &d->headers, slot->frame,
                            slot->len, &d->error);
}

/* Hand one block over: 1 done, 0 not now, -1 error. */
static int send_slot(device *d, queue_slot *slot)
{
    const char *stage = slot->stage;
    int rc;

    if (!stage) {
        /* Sensed before it was known. */
        slot->block.boot =
            atomic_load_explicit(&d->tally->boot, memory_order_relaxed);
        stage = d->conf.stages[slot->through - 1].setup.stage;
    }
    if (record_encode(&d->headers, d->conf.run, stage, &slot->block,
                      &d->error) < 0)
        return -1;
    if (*slot->refused)
        record_add(&d->headers, "pe_refused", slot->refused);
    if (slot->revision)
        record_add_u64(&d->headers, "pe_revision", slot->revision);
    if (d->learn.learner)
        learn_headers(slot, &d->headers);
    else
        said_add(d, slot, &d->headers);
    if (d->conf.signer && sign(d, slot) < 0)
        return -1;
    rc = sender_produce(d->conf.sender,
                        &(const broker_output){.topic = d->conf.topic,
                                               .partition = d->conf.partition,
                                               .key = d->conf.name,
                                               .value = slot->frame,
                                               .len = slot->len,
                                               .headers = &d->headers,
                                               .opaque = slot},
                        &d->error);
    if (rc < 0 && d->error.kind == PE_ERROR_RETRY)
        return 0;
    return rc < 0 ? -1 : rc == 0;
}

/* Is it too early to have on the disk what stages keep?  Another block is about
 * to come, and one that came before does not wait for it long.
 */
static bool may_gather(const device *d)
{
    int64_t now = clock_mono_ns();

    return d->conf.rereadable && !queue_full(d->queue) &&
           now - d->unsynced_ns < SYNC_NS &&
           (d->conf.rate <= 0 ||
            identity_due_ns(d->start_mono_ns, d->conf.rate, d->count) <= now);
}

/* Hand over what there is and what a broken producer gave up; -1: error. */
static int pump(device *d, bool more)
{
    queue_slot *slot;
    uint64_t generation;
    int rc = 1;

    if (d->learn.learner && learn_turn(d) < 0)
        return -1;
    if (d->unsynced_ns) {
        if (more && may_gather(d)) {
            publish(d);
            return 0;
        }
        if (stages_sync(d) < 0)
            return -1;
    }
    if (atomic_load(&d->tally->boot) == 0 ||
        !sender_enter(d->conf.sender, &generation)) {
        publish(d);
        return 0;
    }
    if (generation != d->generation)
        queue_rewind(d->queue);
    d->generation = generation;
    if (d->spool.behind > 0 && spool_refill(d) < 0)
        rc = -1;
    while (rc > 0 && (slot = queue_next(d->queue))) {
        rc = send_slot(d, slot);
        if (rc > 0)
            queue_sent(d->queue);
    }
    sender_leave(d->conf.sender);
    publish(d);
    return rc < 0 ? -1 : 0;
}

/* --- the loop --- */

/* How long there is nothing to do unless somebody says so. */
static int64_t patience_ns(const device *d)
{
    return queue_unsent(d->queue) ? UNSENT_NS : IDLE_NS;
}

/* The same where there is nothing to hand over: what is under way is counted
 * now and then, and where there is none of it only who learns looks around.
 */
static int64_t nap_ns(device *d)
{
    if (queue_pending(d->queue) > 0 || d->learn.learner || d->unsynced_ns)
        return IDLE_NS;
    return NAP_NS;
}

static bool cancelled(const device *d)
{
    return atomic_load_explicit(&d->cancelled, memory_order_relaxed) != 0;
}

/* The source has a schedule, or a rate. */
static int64_t next_due_ns(const device *d)
{
    int64_t own = context_due_get(d->ctx[0]);

    if (own >= 0 || d->conf.rate <= 0)
        return own;
    return identity_due_ns(0, d->conf.rate, d->count);
}

/* Wait until the next block is due.  Due times are absolute: time lost
 * elsewhere does not move the schedule.
 */
static int wait_due(device *d)
{
    /* What is waited before the first block holds nothing up. */
    int64_t before = 0, *paced = d->count > 0 ? &d->stats.paced_ns : &before;
    int64_t due, now, from;

    d->due_ns = next_due_ns(d);
    if (d->due_ns < 0)
        return 0;
    due = d->start_mono_ns + d->due_ns;
    from = clock_mono_ns();
    for (now = from; now < due && !cancelled(d); now = from) {
        if (due - now < UNSENT_NS)
            fiber_sleep(due);
        else if (queue_unsent(d->queue) || d->spool.behind > 0)
            queue_wait(d->queue, due - now < UNSENT_NS ? due - now : UNSENT_NS);
        else
            queue_nap(d->queue, due - now < nap_ns(d) ? due - now : nap_ns(d));
        stages_move(d);
        if (pump(d, false) < 0)
            return -1;
        spend(paced, &from);
    }
    return 0;
}

static bool is_full(device *d)
{
    return d->conf.spool ? spool_holds_up(d) : queue_full(d->queue);
}

static int wait_room(device *d, int64_t patience, int64_t *fromp)
{
    stages_move(d);
    if (pump(d, false) < 0)
        return -1;
    queue_wait(d->queue, patience);
    spend(&d->stats.blocked_ns, fromp);
    return 0;
}

/* What need not go by the disk waits for the link; see spool_paces. */
static int keep_pace(device *d)
{
    int64_t from = clock_mono_ns(), since = 0;

    while (!cancelled(d) && spool_paces(d, &since))
        if (wait_room(d, UNSENT_NS, &from) < 0)
            return -1;
    return 0;
}

/* Have room for another block: drop, or hold the source up.  Where blocks
 * are dropped this is due once there is another one, and not before.
 */
static int make_room(device *d)
{
    int64_t from;

    while (d->conf.drop && queue_full(d->queue) && queue_drop(d->queue))
        ;
    if (d->conf.spool && keep_pace(d) < 0)
        return -1;
    if (!is_full(d))
        return 0;
    from = clock_mono_ns();
    while (is_full(d) && !cancelled(d)) {
        if (wait_room(d, patience_ns(d), &from) < 0)
            return -1;
    }
    return 0;
}

/* Accept a block that was sensed: with the source it waits for room on the
 * disk. Where nobody waits any more it is dropped.
 */
static int accept_block(device *d, queue_slot *slot)
{
    int64_t from = clock_mono_ns();
    int rc;

    while ((rc = spool_keep(d, slot)) == 0) {
        if (atomic_load(&d->aborted) || atomic_load(&d->spool.left)) {
            d->spool.dropped++;
            queue_give(d->queue, slot);
            return 0;
        }
        if (pump(d, false) < 0) {
            rc = -1;
            break;
        }
        queue_wait(d->queue, UNSENT_NS);
        spend(&d->stats.blocked_ns, &from);
    }
    if (rc < 0)
        queue_give(d->queue, slot);
    return rc < 0 ? -1 : 0;
}

/* Queue a block that goes on; -1: error, and the slot is given back. */
static int enqueue(device *d, queue_slot *slot)
{
    slot->revision = d->revision;
    if (stages_frame(d, slot) < 0 || said_end(d, slot) < 0 ||
        queue_keep_source(slot, &d->error) < 0 ||
        (d->conf.drop && make_room(d) < 0)) {
        queue_give(d->queue, slot);
        return -1;
    }
    if (d->conf.spool)
        return accept_block(d, slot);
    queue_put(d->queue, slot);
    return 0;
}

/* Have others see what stages have found. */
static void publish_drifts(device *d)
{
    const char *first = "", *words = "";
    uint64_t n = 0;

    for (size_t i = 1; i < d->n_stages; i++) {
        uint64_t own = context_drifts(d->ctx[i], &first);

        words = own ? first : words;
        n += own;
    }
    if (n == d->stats.drifts)
        return;
    pthread_mutex_lock(&d->skips_lock);
    snprintf(d->drift, sizeof(d->drift), "%s", words);
    pthread_mutex_unlock(&d->skips_lock);
    d->stats.drifts = n;
    atomic_store(&d->drifts, n);
}

/* What goes on of a block goes into the queue, or what is learned. */
static int hand_on(device *d, queue_slot *slot)
{
    int rc;

    if (!d->learn.learner)
        return enqueue(d, slot);
    if (*slot->refused) { /* there is no record of it to be refused */
        log_warn("device %s: a block is left out: %s", d->conf.name,
                 slot->refused);
        d->stats.filtered++;
        queue_give(d->queue, slot);
        return 0;
    }
    rc = learn_block(d, &slot->block);
    queue_give(d->queue, slot);
    return rc;
}

/* A block was sensed into d->slot: process, queue and send it. */
static int forward(device *d)
{
    queue_slot *slot = d->slot;
    int64_t from = clock_mono_ns();
    int rc;

    stages_move(d); /* the source may have waited for long */
    slot->through = d->n_stages;
    d->stats.sensed++;
    FAILPOINT(FAILPOINT_SENSED);
    /* A source that can be read again knows the positions of its blocks. */
    d->seq = d->conf.rereadable && slot->block.has_seq
                 ? slot->block.seq
                 : d->conf.id.first + d->count;
    d->framed_at = d->conf.framed ? slot->block.data : NULL;
    atomic_store_explicit(&d->at_since_ns, from, memory_order_relaxed);
    work_begin(d, from);
    rc = stages_process(d, &slot->block);
    stage_leave(d);
    publish_drifts(d);
    d->count++;
    work_end(d, clock_mono_ns() - from);
    if (rc < 0)
        return -1;
    d->slot = NULL;
    if (rc > 0 && hand_on(d, slot) < 0)
        return -1;
    if (rc == 0) {
        d->stats.filtered++;
        queue_give(d->queue, slot);
    }
    return pump(d, true) < 0 ? -1 : 1;
}

static int take_slot(device *d)
{
    if (d->slot)
        return 0;
    d->slot = queue_take(d->queue, &d->error);
    if (!d->slot)
        return -1;
    d->slot->block.sense_ns = 0;
    d->slot->block.has_seq = 0;
    d->slot->block.source = NULL;
    d->slot->through = 0;
    d->slot->refused[0] = '\0';
    if (d->conf.spool)
        spool_ready(d, d->slot);
    return 0;
}

/* Nothing was sensed yet, after [spent_ns] in the source. */
static int wait_source(device *d, int64_t spent_ns)
{
    if (spent_ns < AGAIN_NS && !cancelled(d)) {
        fiber_sleep(clock_mono_ns() + AGAIN_NS - spent_ns);
        spent_ns = AGAIN_NS;
    }
    d->stats.paced_ns += spent_ns;
    return pump(d, false) < 0 ? -1 : 1;
}

/* Have others see how far the source is, and what it has left out. */
static void publish_source(device *d)
{
    const context_skip_list *s = context_skips(d->ctx[0]);
    context_progress r = context_read_get(d->ctx[0]);

    atomic_store_explicit(&d->rows, r.rows, memory_order_relaxed);
    atomic_store_explicit(&d->read, r.done, memory_order_relaxed);
    atomic_store_explicit(&d->all, r.all, memory_order_relaxed);

    if (!s || s->rows + s->cells == atomic_load(&d->skipped))
        return;
    pthread_mutex_lock(&d->skips_lock);
    if (!d->skips)
        d->skips = malloc(sizeof(*d->skips));
    if (d->skips)
        *d->skips = *s;
    pthread_mutex_unlock(&d->skips_lock);
    atomic_store(&d->skipped, s->rows + s->cells);
}

/* Ask the source for a block: 1 go on, 0 it has ended, -1 error. */
static int sense_one(device *d)
{
    int64_t from, spent;
    int rc;

    stages_move(d);
    if (take_slot(d) < 0)
        return -1;
    if (d->conf.spool)
        spool_senses(d);
    from = clock_mono_ns();
    stage_enter(d, 0, from);
    work_begin(d, from);
    fault_enter(d->conf.stages[0].words);
    rc = d->conf.stages[0].ops->produce_edge(d->ctx[0], &d->slot->block);
    fault_leave();
    stage_leave(d);
    spent = clock_mono_ns() - from;
    work_end(d, rc == PE_AGAIN ? 0 : spent);
    publish_source(d);
    if (d->conf.spool)
        spool_sensed(d, rc == PE_AGAIN ? -1 : spent,
                     rc > 0 ? pe_block_bytes(&d->slot->block) : 0);
    if (rc == PE_AGAIN)
        return wait_source(d, spent);
    if (rc < 0)
        return stage_failed(d, d->ctx[0]);
    return rc == PE_NOTHING ? 0 : forward(d);
}

static int sense(device *d)
{
    int rc = 1;

    d->start_ns = clock_real_ns();
    d->start_mono_ns = clock_mono_ns();
    while (rc > 0 && !cancelled(d)) {
        fiber_yield();
        if (wait_due(d) < 0 || (!d->conf.drop && make_room(d) < 0))
            return -1;
        if (!cancelled(d))
            rc = sense_one(d);
    }
    if (rc > 0 && !d->conf.rereadable)
        rc = sense_one(d);
    return rc < 0 ? -1 : 0;
}

/* Until all is acknowledged: a queue that took the whole of a stream is waited
 * for at its end.
 */
static int flush(device *d)
{
    int64_t from = clock_mono_ns();

    while (queue_pending(d->queue) + d->spool.behind > 0) {
        if (atomic_load(&d->aborted) || atomic_load(&d->spool.left))
            return 0;
        if (pump(d, false) < 0)
            return -1;
        if (queue_pending(d->queue) > 0)
            queue_wait(d->queue, patience_ns(d));
        spend(&d->stats.blocked_ns, &from);
    }
    return 0;
}

static void set_state(device *d, enum device_state state)
{
    atomic_store(&d->state, (int)state);
}

static int live(device *d)
{
    if (stages_open(d) < 0)
        return -1;
    set_state(d, DEVICE_SENSING);
    if (sense(d) < 0 || (d->learn.learner && learn_end(d) < 0))
        return -1;
    set_state(d, DEVICE_FLUSHING);
    if (flush(d) < 0)
        return -1;
    return atomic_load(&d->aborted) ? 0 : stages_finish(d);
}

void device_run(void *arg)
{
    device *d = arg;
    int rc = live(d);

    publish(d);
    set_state(d, rc < 0 ? DEVICE_FAILED : DEVICE_ENDED);
}
