/* producer.c - records into the streams of a Redis, in their order.
 *
 * A thread sends what is queued, a batch at a time; one that had no answer is
 * sent again as it is, and the script knows it by its number.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/stream/stream.h"
#include "src/stream/entry.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/random.h"

#define WRITER_BYTES 12
#define BATCH_BYTES (UINT64_C(1) << 20)
#define BATCH_RECORDS 1000
#define NO_TOPIC_NS (100 * CLOCK_MS)

typedef struct stream_producer {
    broker_producer base;
    stream_server server; /* of the thread */
    stream_server asking; /* of who produces; under [lock] */
    broker_delivery_f delivered;
    void *arg;
    uint64_t message_bytes, queue_bytes;
    int64_t linger_ns;
    char writer[2 * WRITER_BYTES + 1];
    uint64_t batch; /* number of the one under way; the thread's */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work, done;
    known *topics;
    entry_list waiting, sent; /* to be sent; to be told of */
    uint64_t bytes;           /* accepted, and not yet told of */
    uint64_t unsent;          /* of waiting */
    int flushing;
    bool stop, broken;
    pe_error error; /* where it is broken */
    atomic_int pending;
} stream_producer;

/* --- what is sent --- */

/* The front of what waits, of one topic.  The entries stay where they are: new
 * ones come behind them.
 */
static size_t batch_size(const stream_producer *p, uint64_t *bytesp)
{
    const entry *e = p->waiting.first;
    const known *topic = e->topic;
    size_t n = 0;

    for (*bytesp = 0; e && e->topic == topic && n < BATCH_RECORDS &&
                      (n == 0 || *bytesp + e->bytes <= BATCH_BYTES);
         e = e->next, n++)
        *bytesp += e->bytes;
    return n;
}

/* "BATCH OFFSET..." into the first [n] that wait. */
static bool take_offsets(const stream_producer *p, const redisReply *r,
                         size_t n)
{
    char *at = r->str;
    entry *e = p->waiting.first;

    if (r->type != REDIS_REPLY_STRING || strtoull(at, &at, 10) != p->batch)
        return false;
    for (; n > 0 && *at == ' '; n--, e = e->next)
        e->offset = strtoll(at + 1, &at, 10);
    return n == 0 && *at == '\0';
}

static void broken_set(stream_producer *p, const char *why)
{
    const entry *e = p->waiting.first;

    if (p->broken)
        return;
    p->broken = true;
    pe_error_set(&p->error, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "broker producer is broken: record for %s/%" PRId32
                 " was given up: %s",
                 e ? e->topic->name : "?", e ? entry_partition(e) : 0, why);
}

/* Under the lock.  A server that is away now does not keep anybody. */
static void topic_look(stream_producer *p, known *t)
{
    pe_error e;

    if (!p->asking.link->ctx && redis_link_connect(p->asking.link, &e) < 0)
        return;
    if (stream_topic_read(&p->asking, t->name, &t->is, &e) < 0)
        log_debug("topic %s: %s", t->name, e.text);
}

/* Under the lock: what the script says to a batch that it does not take. */
static void refused(stream_producer *p, const redisReply *r, pe_error *e)
{
    unsigned long long bytes = 0, max = 0;
    char why[256];

    if (redis_reply_is_error(r, "TOOLARGE")) {
        sscanf(r->str, "TOOLARGE %*s %llu %llu", &bytes, &max);
        snprintf(why, sizeof(why),
                 "a record of %llu bytes is too large: the topic takes %llu",
                 bytes, max);
        broken_set(p, why);
    } else if (redis_reply_is_error(r, "NOPARTITION")) {
        broken_set(p, "the topic has no such partition");
    } else if (redis_reply_is_error(r, "UNKNOWN")) {
        topic_look(p, p->waiting.first->topic);
    } else if (!redis_reply_is_error(r, "NOSCRIPT")) {
        redis_refusal_set(e, p->server.endpoint, r->str, 0);
        if (e->kind != PE_ERROR_RETRY)
            broken_set(p, e->text);
    }
}

/* One try, without the lock; its reply, or NULL. */
static redisReply *send_batch(stream_producer *p, redis_args *a, uint64_t bytes,
                              pe_error *errp)
{
    const redis_command cmd = {a->n, a->argv, a->lens};
    int64_t from = clock_mono_ns();
    redisReply *r = NULL;

    if (!p->server.link->ctx && redis_link_connect(p->server.link, errp) < 0)
        return NULL;
    if (redis_link_try(p->server.link, &cmd, 1, &r, errp) < 0)
        return NULL;
    if (redis_reply_is_error(r, "NOSCRIPT"))
        redis_link_drop(p->server.link); /* a new connection brings it */
    stream_answered(&p->server, (clock_mono_ns() - from) / CLOCK_US, bytes);
    return r;
}

/* Under the lock: a while, or less when it is the end. */
static void rest(stream_producer *p, int64_t ns)
{
    struct timespec until;
    int64_t at = clock_real_ns() + ns;

    until.tv_sec = (time_t)(at / CLOCK_S);
    until.tv_nsec = (long)(at % CLOCK_S);
    if (!p->stop)
        pthread_cond_timedwait(&p->work, &p->lock, &until);
}

static void batch_make(stream_producer *p, redis_args *a, size_t n)
{
    const entry *e = p->waiting.first;

    stream_script_begin(a, e->topic->name);
    redis_args_addf(a, "append");
    redis_args_addf(a, "%s", p->writer);
    redis_args_addf(a, "%" PRIu64, p->batch);
    for (; n > 0; n--, e = e->next)
        entry_words(a, e);
}

static void batch_stored(stream_producer *p, size_t n)
{
    for (; n > 0; n--) {
        entry *e = entry_take(&p->waiting);

        p->unsent -= e->bytes;
        entry_add(&p->sent, e);
    }
    p->batch++;
    pthread_cond_broadcast(&p->done);
}

/* What it says may pass (no memory, a full disk, it starts): told once. */
static void wait_out(stream_producer *p, const pe_error *e, unsigned *tries)
{
    if (p->stop) /* we cut it ourselves */
        return;
    if (e->kind != PE_ERROR_NONE)
        stream_gone(&p->server, e);
    rest(p, e->kind != PE_ERROR_NONE ? redis_backoff_ns(*tries) : NO_TOPIC_NS);
    ++*tries;
}

/* Under the lock, which is let go meanwhile. */
static void batch_send(stream_producer *p)
{
    uint64_t bytes;
    size_t n = batch_size(p, &bytes);
    unsigned tries = 0;
    redis_args a = {0};
    bool stored = false, unknown = false;

    batch_make(p, &a, n);
    while (!stored && !unknown && !p->stop && !p->broken) {
        pe_error e = {0};
        redisReply *r = NULL;

        pthread_mutex_unlock(&p->lock);
        if (a.failed)
            pe_error_nomem(&e);
        else
            r = send_batch(p, &a, bytes, &e);
        pthread_mutex_lock(&p->lock);
        if (r && r->type != REDIS_REPLY_ERROR) {
            stored = take_offsets(p, r, n);
            if (!stored)
                broken_set(p, "what answers is not our script");
        } else if (r) {
            refused(p, r, &e);
        } else if (e.kind != PE_ERROR_RETRY) {
            broken_set(p, e.text);
        }
        if (stored)
            stream_back(&p->server);
        else if (!p->broken)
            wait_out(p, &e, &tries);
        /* It has nothing of it, so the batch may be another the next time. */
        unknown = r && redis_reply_is_error(r, "UNKNOWN");
        redis_replies_free(&r, 1);
    }
    redis_args_free(&a);
    if (stored)
        batch_stored(p, n);
}

/* Under the lock: is it time to send? */
static bool is_due(stream_producer *p)
{
    int64_t left;

    if (!p->waiting.first || p->broken)
        return false;
    if (p->flushing || p->unsent >= BATCH_BYTES)
        return true;
    left = p->waiting.first->since_ns + p->linger_ns - clock_mono_ns();
    if (left <= 0)
        return true;
    rest(p, left);
    return false;
}

/* All that waits is given up. */
static void give_up(stream_producer *p)
{
    entry *e;

    while ((e = entry_take(&p->waiting))) {
        e->offset = -1;
        entry_add(&p->sent, e);
    }
    p->unsent = 0;
    pthread_cond_broadcast(&p->done);
}

static void *run(void *arg)
{
    stream_producer *p = arg;

    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        if (p->broken)
            give_up(p);
        if (is_due(p))
            batch_send(p);
        else if (!p->stop && (!p->waiting.first || p->broken))
            pthread_cond_wait(&p->work, &p->lock);
    }
    give_up(p);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* --- what is accepted --- */

static known *topic_find(stream_producer *p, const char *name, pe_error *errp)
{
    known *t;

    for (t = p->topics; t; t = t->next)
        if (!strcmp(t->name, name))
            return t;
    if (!stream_name_fits(name)) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "'%s' cannot be the name of a topic: it is letters, "
                     "digits, '.', '_' and '-', 249 at most",
                     name);
        return NULL;
    }
    t = calloc(1, sizeof(*t));
    if (!t || !(t->name = strdup(name))) {
        free(t);
        pe_error_nomem(errp);
        return NULL;
    }
    t->next = p->topics;
    p->topics = t;
    topic_look(p, t);
    return t;
}

static int error_give(const stream_producer *p, pe_error *errp)
{
    if (!p->broken)
        return 0;
    return pe_error_set(errp, p->error.kind, p->error.exit_code, "%s",
                        p->error.text);
}

static int output_check(stream_producer *p, const broker_output *o, known *t,
                        pe_error *errp)
{
    if (p->message_bytes > 0 && entry_bytes(o) > p->message_bytes)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "record of %zu bytes for %s is larger, with its "
                            "headers, than %" PRIu64 ": use fewer points a "
                            "block, or raise streams.STAGE.message-max",
                            o->len, o->topic, p->message_bytes);
    if (o->partition >= t->is.partitions)
        topic_look(p, t); /* they may have become more */
    if (t->is.partitions > 0 && o->partition >= t->is.partitions)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic %s has no partition %d: ask for fewer "
                            "partitions, or add some",
                            o->topic, (int)o->partition);
    return error_give(p, errp);
}

static int accept(stream_producer *p, const broker_output *o, pe_error *errp)
{
    known *t = topic_find(p, o->topic, errp);
    entry *e;

    if (!t || output_check(p, o, t, errp) < 0)
        return -1;
    if (p->bytes > 0 && p->bytes + o->len > p->queue_bytes)
        return 1;
    e = entry_make(o, t);
    if (!e)
        return pe_error_nomem(errp);
    p->bytes += e->bytes;
    p->unsent += e->bytes;
    atomic_fetch_add(&p->pending, 1);
    entry_add(&p->waiting, e);
    pthread_cond_signal(&p->work);
    return 0;
}

static int producer_produce(broker_producer *b, const broker_output *o,
                            pe_error *errp)
{
    stream_producer *p = (stream_producer *)b;
    int rc;

    pthread_mutex_lock(&p->lock);
    rc = accept(p, o, errp);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* --- what is told --- */

/* Tell of all that was sent. */
static int serve(stream_producer *p)
{
    entry_list l;
    entry *e;
    int n = 0;

    pthread_mutex_lock(&p->lock);
    l = p->sent;
    if (!l.first)
        l.last = &l.first;
    p->sent = (entry_list){NULL, &p->sent.first};
    for (e = l.first; e; e = e->next)
        p->bytes -= e->bytes;
    pthread_mutex_unlock(&p->lock);
    while ((e = entry_take(&l))) {
        atomic_fetch_sub(&p->pending, 1);
        if (p->delivered)
            p->delivered(p->arg, e->opaque, entry_partition(e), e->offset);
        entry_free(e);
        n++;
    }
    return n;
}

static void wait_sent(stream_producer *p, int64_t ns)
{
    struct timespec until;
    int64_t at = clock_real_ns() + ns;

    until.tv_sec = (time_t)(at / CLOCK_S);
    until.tv_nsec = (long)(at % CLOCK_S);
    pthread_mutex_lock(&p->lock);
    if (!p->sent.first && ns > 0)
        pthread_cond_timedwait(&p->done, &p->lock, &until);
    pthread_mutex_unlock(&p->lock);
}

static int producer_poll(broker_producer *b, int timeout_ms)
{
    stream_producer *p = (stream_producer *)b;

    wait_sent(p, timeout_ms * CLOCK_MS);
    return serve(p);
}

static void producer_answers(const broker_producer *b, broker_answers *out)
{
    stream_answers(&((const stream_producer *)b)->server, out);
}

static int producer_pending(const broker_producer *b)
{
    return atomic_load(&((const stream_producer *)b)->pending);
}

static int producer_error(const broker_producer *b, pe_error *errp)
{
    stream_producer *p = (stream_producer *)(uintptr_t)b;
    int rc;

    pthread_mutex_lock(&p->lock);
    rc = error_give(p, errp);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static void flushing_add(stream_producer *p, int n)
{
    pthread_mutex_lock(&p->lock);
    p->flushing += n;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

static int producer_flush(broker_producer *b, int timeout_ms, pe_error *errp)
{
    stream_producer *p = (stream_producer *)b;
    int64_t limit = clock_mono_ns() + timeout_ms * CLOCK_MS, left;

    flushing_add(p, 1);
    do {
        serve(p);
        left = limit - clock_mono_ns();
        if (producer_pending(b) > 0)
            wait_sent(p, left);
    } while (producer_pending(b) > 0 && left > 0);
    flushing_add(p, -1);
    if (producer_pending(b) == 0)
        return producer_error(b, errp);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%d record%s not acknowledged by broker %s after %d ms",
                        producer_pending(b),
                        producer_pending(b) == 1 ? " is" : "s are",
                        p->server.endpoint, timeout_ms);
}

/* --- open and close --- */

static void producer_close(broker_producer *b)
{
    stream_producer *p = (stream_producer *)b;

    if (p->started) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_signal(&p->work);
        pthread_mutex_unlock(&p->lock);
        redis_link_cut(p->server.link);
        pthread_join(p->thread, NULL);
        serve(p);
    }
    while (p->topics) {
        known *t = p->topics;

        p->topics = t->next;
        free(t->name);
        free(t);
    }
    stream_close(&p->asking);
    stream_close(&p->server);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static int producer_start(stream_producer *p, const broker_producer_conf *c,
                          pe_error *errp)
{
    int asking = stream_open(&p->asking, &c->broker, NULL, NULL, errp);

    if (stream_open(&p->server, &c->broker, stream_script_load, NULL, errp) <
            0 ||
        asking < 0 || random_id(p->writer, WRITER_BYTES, errp) < 0 ||
        stream_contact(&p->server, errp) < 0)
        return -1;
    if (pthread_create(&p->thread, NULL, run, p))
        return pe_error_nomem(errp);
    p->started = true;
    return 0;
}

static broker_producer *producer_open(const broker_producer_conf *c,
                                      pe_error *errp)
{
    stream_producer *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    atomic_init(&p->pending, 0);
    p->waiting.last = &p->waiting.first;
    p->sent.last = &p->sent.first;
    p->delivered = c->delivered;
    p->arg = c->arg;
    p->message_bytes = c->message_bytes;
    p->linger_ns = (int64_t)(c->linger_s * 1e9);
    p->queue_bytes = c->queue_bytes > 2 * c->message_bytes
                         ? c->queue_bytes
                         : 2 * c->message_bytes;
    p->batch = 1;
    if (producer_start(p, c, errp) == 0)
        return &p->base;
    producer_close(&p->base);
    return NULL;
}

const broker_producer_ops stream_producer_ops = {
    .open = producer_open,
    .close = producer_close,
    .produce = producer_produce,
    .poll = producer_poll,
    .answers = producer_answers,
    .pending = producer_pending,
    .flush = producer_flush,
    .error = producer_error,
};
