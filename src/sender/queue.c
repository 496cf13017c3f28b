/* queue.c - the blocks of one device between its source and the broker. */
#include "queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/text.h"
#include "src/block/record.h"
#include "src/common/clock.h"
#include "src/fiber/cond.h"

/* Enough small blocks (6.5 KB) for several full requests of 1 MB on every
 * connection; a power of two.  Large blocks meet the limit in bytes first.
 */
#define SLOTS 4096

/* The least that a ring has room for; it grows, for a thousand devices that
 * have a block each are not to have room for all blocks they may have.
 */
#define RING_FIRST 16

/* Slots in order, from [first] on; [cap] is 0 or a power of two. */
typedef struct ring {
    queue_slot **at;
    size_t first, n, cap;
} ring;

struct queue {
    uint64_t limit, window;
    uint64_t bytes;        /* of all rings */
    uint64_t flight_bytes; /* of the first */
    size_t last_len;
    ring flight;         /* handed over, waiting for their callback */
    ring again;          /* once handed over, to be handed over again */
    ring fresh;          /* never handed over */
    ring idle;           /* last in, first out: warm in the cache */
    uint64_t idle_bytes; /* of their storage */
    size_t n_slots;      /* that there are */
    queue_stats stats;
    uint64_t seen; /* callbacks whose slot left the flight ring */
    /* Of queue_wait: callbacks so far, and the count that ends the wait (0:
     * nobody waits).
     */
    atomic_uint_fast64_t delivered, wake_at;
    bool woken; /* under lock */
    pthread_mutex_t lock;
    fiber_cond wake;
};

static queue_slot *ring_front(const ring *r)
{
    return r->n > 0 ? r->at[r->first] : NULL;
}

static queue_slot *ring_pop(ring *r)
{
    queue_slot *slot = ring_front(r);

    r->first = (r->first + 1) & (r->cap - 1);
    r->n--;
    return slot;
}

static queue_slot *ring_pop_back(ring *r)
{
    return r->at[(r->first + --r->n) & (r->cap - 1)];
}

/* Room for [n]; false: no memory. */
static bool ring_room(ring *r, size_t n)
{
    size_t cap = r->cap ? r->cap : RING_FIRST;
    queue_slot **more;

    if (n <= r->cap)
        return true;
    while (cap < n)
        cap *= 2;
    more = calloc(cap, sizeof(*more));
    if (!more)
        return false;
    for (size_t i = 0; i < r->n; i++)
        more[i] = r->at[(r->first + i) & (r->cap - 1)];
    free(r->at);
    *r = (ring){more, 0, r->n, cap};
    return true;
}

/* Into a ring that has room. */
static void ring_push(ring *r, queue_slot *slot)
{
    r->at[(r->first + r->n++) & (r->cap - 1)] = slot;
}

static void ring_push_front(ring *r, queue_slot *slot)
{
    r->first = (r->first + r->cap - 1) & (r->cap - 1);
    r->at[r->first] = slot;
    r->n++;
}

queue *queue_create(uint64_t limit, uint64_t window, pe_error *errp)
{
    queue *q = calloc(1, sizeof(*q));

    if (!q) {
        pe_error_nomem(errp);
        return NULL;
    }
    q->limit = limit;
    q->window = window;
    q->stats.next_offset = -1;
    pthread_mutex_init(&q->lock, NULL);
    fiber_cond_init(&q->wake);
    return q;
}

static void slot_free(queue_slot *slot)
{
    pe_block_release(&slot->block);
    free(slot->source);
    text_free(slot->times);
    text_free(slot->scale);
    if (slot->kept)
        text_free(slot->kept);
    free(slot->kept);
    free(slot->times);
    free(slot->scale);
    free(slot);
}

static void ring_free(ring *r)
{
    while (r->n > 0)
        slot_free(ring_pop(r));
    free(r->at);
}

void queue_destroy(queue *q)
{
    if (!q)
        return;
    ring_free(&q->flight);
    ring_free(&q->again);
    ring_free(&q->fresh);
    ring_free(&q->idle);
    fiber_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* Where a slot is taken there is room for it wherever it may come to be. */
static bool rooms(queue *q)
{
    size_t n = q->n_slots + 1;

    return ring_room(&q->flight, n) && ring_room(&q->again, n) &&
           ring_room(&q->fresh, n) && ring_room(&q->idle, n);
}

queue_slot *queue_take(queue *q, pe_error *errp)
{
    queue_slot *slot;

    if (q->idle.n > 0) {
        slot = ring_pop_back(&q->idle);
        q->idle_bytes -= slot->block.capacity;
        return slot;
    }
    slot = rooms(q) ? calloc(1, sizeof(*slot)) : NULL;
    if (!slot) {
        pe_error_nomem(errp);
        return NULL;
    }
    slot->owner = q;
    q->n_slots++;
    return slot;
}

/* Storage is kept for the next block, but never more than the queue may hold:
 * blocks of changing size would otherwise each grow to the largest.
 */
void queue_give(queue *q, queue_slot *slot)
{
    if (q->idle.n == SLOTS || q->idle_bytes + slot->block.capacity > q->limit) {
        q->n_slots--;
        slot_free(slot);
        return;
    }
    atomic_store_explicit(&slot->stored, false, memory_order_relaxed);
    slot->stage = slot->columns = NULL;
    q->idle_bytes += slot->block.capacity;
    ring_push(&q->idle, slot);
}

int queue_keep_source(queue_slot *slot, pe_error *errp)
{
    if (!slot->block.source || slot->block.source == slot->source)
        return 0;
    if (!slot->source)
        slot->source = malloc(RECORD_SOURCE_MAX + 1);
    if (!slot->source)
        return pe_error_nomem(errp);
    record_source_fit(slot->block.source, slot->source);
    slot->block.source = slot->source;
    return 0;
}

void queue_put(queue *q, queue_slot *slot)
{
    ring_push(&q->fresh, slot);
    q->bytes += slot->len;
    q->last_len = slot->len;
}

static void note_stored(queue *q, const queue_slot *slot)
{
    q->stats.stored++;
    q->stats.stored_points += slot->block.points;
    q->stats.stored_bytes += slot->len;
    q->stats.last = slot->ordinal;
    q->stats.next_offset = slot->offset + 1;
}

/* Take back what was stored, in order. */
static void reap(queue *q)
{
    queue_slot *slot;

    while ((slot = ring_front(&q->flight)) &&
           atomic_load_explicit(&slot->stored, memory_order_acquire)) {
        ring_pop(&q->flight);
        q->seen++;
        q->flight_bytes -= slot->len;
        q->bytes -= slot->len;
        note_stored(q, slot);
        queue_give(q, slot);
    }
}

static size_t held(const queue *q)
{
    return q->flight.n + q->again.n + q->fresh.n;
}

size_t queue_pending(queue *q)
{
    reap(q);
    return held(q);
}

bool queue_full(queue *q)
{
    size_t n = queue_pending(q);

    /* One slot stays free for the block a source gives on a cancel. */
    return n >= SLOTS - 1 || (n >= 2 && q->bytes + q->last_len > q->limit);
}

double queue_share(const queue *q)
{
    double blocks = (double)held(q) / (SLOTS - 1);
    double bytes = q->limit ? (double)q->bytes / (double)q->limit : 0;
    double s = bytes > blocks ? bytes : blocks;

    return s > 1 ? 1 : s;
}

bool queue_drop(queue *q)
{
    queue_slot *slot;

    if (q->fresh.n == 0)
        return false;
    slot = ring_pop(&q->fresh);
    q->bytes -= slot->len;
    q->stats.dropped++;
    queue_give(q, slot);
    return true;
}

/* A window leaves half of the slots to blocks that may be dropped. */
static bool window_full(const queue *q, const queue_slot *slot)
{
    return q->window > 0 && q->flight.n > 0 &&
           (q->flight_bytes + slot->len > q->window ||
            q->flight.n >= SLOTS / 2);
}

queue_slot *queue_next(const queue *q)
{
    queue_slot *slot = ring_front(q->again.n > 0 ? &q->again : &q->fresh);

    return slot && !window_full(q, slot) ? slot : NULL;
}

void queue_sent(queue *q)
{
    queue_slot *slot = ring_pop(q->again.n > 0 ? &q->again : &q->fresh);

    if (!slot)
        return; /* queue_next gave none */
    ring_push(&q->flight, slot);
    q->flight_bytes += slot->len;
}

void queue_delivered(queue_slot *slot, int64_t offset)
{
    queue *q = slot->owner;
    uint64_t n, wake_at;

    slot->offset = offset;
    atomic_store_explicit(&slot->stored, offset >= 0, memory_order_release);
    n = atomic_fetch_add(&q->delivered, 1) + 1;
    wake_at = atomic_load(&q->wake_at);
    if (wake_at == 0 || n < wake_at)
        return;
    pthread_mutex_lock(&q->lock);
    fiber_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

void queue_rewind(queue *q)
{
    reap(q);
    while (q->flight.n > 0) {
        queue_slot *slot = ring_pop_back(&q->flight);
        atomic_store_explicit(&slot->stored, false, memory_order_relaxed);
        ring_push_front(&q->again, slot);
        q->seen++;
    }
    q->flight_bytes = 0;
}

bool queue_unsent(const queue *q)
{
    return q->again.n + q->fresh.n > 0;
}

void queue_wake(queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->woken = true;
    fiber_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

static void wait_until(queue *q, int64_t timeout_ns, uint64_t target)
{
    int64_t end = clock_mono_ns() + timeout_ns;
    bool early = true;

    atomic_store(&q->wake_at, target);
    pthread_mutex_lock(&q->lock);
    while (early && !q->woken && atomic_load(&q->delivered) < target)
        early = fiber_cond_wait(&q->wake, &q->lock, end);
    q->woken = false;
    pthread_mutex_unlock(&q->lock);
    atomic_store(&q->wake_at, 0);
}

/* A quarter of what is under way, so that a full queue costs one wake-up for
 * many blocks.
 */
void queue_wait(queue *q, int64_t timeout_ns)
{
    wait_until(q, timeout_ns, q->seen + 1 + q->flight.n / 4);
}

void queue_nap(queue *q, int64_t timeout_ns)
{
    wait_until(q, timeout_ns, UINT64_MAX);
}

const queue_slot *queue_oldest(const queue *q)
{
    return ring_front(q->flight.n  ? &q->flight
                      : q->again.n ? &q->again
                                   : &q->fresh);
}

queue_stats queue_stats_get(queue *q)
{
    reap(q);
    return q->stats;
}
