/* sender.c - the producer of the process, opened again when it breaks. */
#include "sender.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/sender/queue.h"

#define POLL_MS 50

/* Between two attempts to open a producer. */
#define REOPEN_NS 200000000

/* So many producers in a row that stored nothing: it is not their fault. */
#define BARREN_MAX 5

const sender_ops sender_broker_ops = {
    .open = broker_producer_open,
    .close = broker_producer_close,
    .produce = broker_produce,
    .poll = broker_producer_poll,
    .error = broker_producer_error,
    .answers = broker_producer_answers,
};

enum refusal_state { REFUSAL_NONE, REFUSAL_BEGUN, REFUSAL_SET };

struct sender {
    const sender_ops *ops;
    broker_producer_conf *conf;
    broker_producer *producer; /* changed by the thread alone, under lock */
    uint64_t generation;       /* as above */
    broker_answers before;     /* as above: of producers that are closed */
    pthread_rwlock_t lock;
    atomic_bool broken;       /* a record was given up, or a call said fatal */
    atomic_int refusal_state; /* of [refusal], which one thread writes */
    pe_error refusal;         /* the first fatal answer of a call */
    atomic_bool stored;       /* this producer stored a record */
    int barren;               /* producers in a row that did not */
    pe_error error;           /* why there is no other producer */
    atomic_bool failed;       /* [error] is set */
    atomic_bool stop;
    trace_log *trace; /* NULL: off */
    pthread_t thread;
    bool running;
};

/* The device may have another block in [slot] once it is told. */
static void note(const sender *s, const queue_slot *slot, int32_t partition,
                 int64_t offset)
{
    const pe_block *b = &slot->block;
    const layout_edge row = {.device = trace_log_device(s->trace, b->device),
                             .partition = partition,
                             .boot = b->boot,
                             .seq = b->seq,
                             .offset = offset,
                             .version = b->version,
                             .bytes = slot->len,
                             .points = b->points,
                             .features = b->features,
                             .sense = b->sense_ns,
                             .edge = b->edge_ns,
                             .acked = clock_real_ns()};

    trace_log_add(s->trace, LAYOUT_EDGE, &row);
}

static void delivered(void *arg, void *opaque, int32_t partition,
                      int64_t offset)
{
    sender *s = arg;

    if (offset < 0)
        atomic_store(&s->broken, true);
    else
        atomic_store_explicit(&s->stored, true, memory_order_relaxed);
    FAILPOINT(FAILPOINT_ACKED);
    if (s->trace && offset >= 0)
        note(s, opaque, partition, offset);
    queue_delivered(opaque, offset);
}

static void answers_add(const sender *s, broker_answers *sum)
{
    broker_answers own = {0};

    if (s->producer && s->ops->answers)
        s->ops->answers(s->producer, &own);
    sum->seconds += own.seconds;
    sum->slow_ms += own.slow_ms;
    sum->quick_ms += own.quick_ms;
    sum->throttle_ms += own.throttle_ms;
    sum->wire_bytes += own.wire_bytes;
}

/* Close the broken producer: every record it held gets its callback, here. */
static void drop_producer(sender *s)
{
    pthread_rwlock_wrlock(&s->lock);
    answers_add(s, &s->before);
    s->ops->close(s->producer);
    s->producer = NULL;
    pthread_rwlock_unlock(&s->lock);
}

static void open_producer(sender *s)
{
    pe_error error;
    broker_producer *p = s->ops->open(s->conf, &error);

    if (!p) {
        log_warn("no new producer yet: %s", error.text);
        clock_sleep_ns(REOPEN_NS, 0);
        return;
    }
    pthread_rwlock_wrlock(&s->lock);
    atomic_store(&s->refusal_state, REFUSAL_NONE);
    atomic_store(&s->broken, false);
    s->producer = p;
    s->generation++;
    pthread_rwlock_unlock(&s->lock);
}

/* Another producer helps against a broken one, not against a topic that is
 * not there or not ours to write.
 */
static void count_barren(sender *s, const pe_error *error)
{
    s->barren = atomic_exchange(&s->stored, false) ? 0 : s->barren + 1;
    if (s->barren > 0)
        clock_sleep_ns(REOPEN_NS, 0);
    if (s->barren < BARREN_MAX)
        return;
    pe_error_set(&s->error, PE_ERROR_FATAL, PE_EXIT_UNAVAILABLE,
                 "nothing can be stored, %d producers broke in a row: %s",
                 s->barren, error->text);
    atomic_store(&s->failed, true);
}

static void check_producer(sender *s)
{
    pe_error error = {.text = "a record was given up"};

    if (s->ops->error(s->producer, &error) == 0 && !atomic_load(&s->broken))
        return;
    if (atomic_load(&s->refusal_state) == REFUSAL_SET)
        error = s->refusal;
    log_warn("the producer broke, another one is opened: %s", error.text);
    drop_producer(s);
    count_barren(s, &error);
}

static void *serve(void *arg)
{
    sender *s = arg;

    while (!atomic_load(&s->stop) && !atomic_load(&s->failed)) {
        if (!s->producer) {
            open_producer(s);
            continue;
        }
        s->ops->poll(s->producer, POLL_MS);
        check_producer(s);
    }
    return NULL;
}

int sender_error(const sender *s, pe_error *errp)
{
    if (!atomic_load(&s->failed))
        return 0;
    if (errp)
        *errp = s->error;
    return -1;
}

static sender *begin(const sender_ops *ops, broker_producer_conf *c, bool later,
                     pe_error *errp)
{
    sender *s = calloc(1, sizeof(*s));

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->ops = ops;
    s->conf = c;
    c->delivered = delivered;
    c->arg = s;
    pthread_rwlock_init(&s->lock, NULL);
    s->producer = later ? NULL : ops->open(c, errp);
    if ((s->producer || later) &&
        pthread_create(&s->thread, NULL, serve, s) == 0) {
        s->running = true;
        return s;
    }
    if (s->producer || later)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "a thread cannot be started");
    sender_close(s);
    return NULL;
}

sender *sender_open(const sender_ops *ops, broker_producer_conf *c,
                    pe_error *errp)
{
    return begin(ops, c, false, errp);
}

sender *sender_open_later(const sender_ops *ops, broker_producer_conf *c,
                          pe_error *errp)
{
    return begin(ops, c, true, errp);
}

void sender_trace(sender *s, trace_log *l)
{
    s->trace = l;
}

void sender_close(sender *s)
{
    if (!s)
        return;
    atomic_store(&s->stop, true);
    if (s->running)
        pthread_join(s->thread, NULL);
    if (s->producer)
        s->ops->close(s->producer);
    pthread_rwlock_destroy(&s->lock);
    free(s);
}

void sender_answers(sender *s, broker_answers *out)
{
    pthread_rwlock_rdlock(&s->lock);
    *out = s->before;
    answers_add(s, out);
    pthread_rwlock_unlock(&s->lock);
}

bool sender_enter(sender *s, uint64_t *generationp)
{
    /* A writer that waits is as good as none: the producer is broken. */
    if (pthread_rwlock_tryrdlock(&s->lock) != 0)
        return false;
    if (!s->producer) {
        pthread_rwlock_unlock(&s->lock);
        return false;
    }
    *generationp = s->generation;
    return true;
}

void sender_leave(sender *s)
{
    pthread_rwlock_unlock(&s->lock);
}

static void note_refusal(sender *s, const pe_error *error)
{
    int none = REFUSAL_NONE;

    if (atomic_compare_exchange_strong(&s->refusal_state, &none,
                                       REFUSAL_BEGUN)) {
        s->refusal = *error;
        atomic_store(&s->refusal_state, REFUSAL_SET);
    }
    atomic_store(&s->broken, true);
}

int sender_produce(sender *s, const broker_output *o, pe_error *errp)
{
    pe_error error = {0};
    int rc = s->ops->produce(s->producer, o, &error);

    FAILPOINT(FAILPOINT_SENT);
    if (rc >= 0)
        return rc;
    if (error.kind == PE_ERROR_FATAL) {
        note_refusal(s, &error);
        error.kind = PE_ERROR_RETRY;
    }
    if (errp)
        *errp = error;
    return rc;
}
