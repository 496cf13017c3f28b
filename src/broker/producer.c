/* producer.c - idempotent producer: in order, acknowledged by all. */
#include "src/broker/client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/backlog.h"
#include "src/common/clock.h"

#define METADATA_MS 5000
#define CLOSE_MS 1000

/* What a batch of one record adds to it on the wire: the broker's limit is on
 * the batch, the client's on the record.
 */
#define BATCH_BYTES 64

/* Of flushing, between two looks at what waits. */
#define FLUSH_MS 100

/* Of a request, at most; what the client has beyond that would wait there. */
#define REQUEST_BYTES 1048576
#define REQUEST_HEAD 4096 /* of it, at most */

/* Never moved: the client has its address. */
typedef struct topic {
    rd_kafka_topic_t *rkt;
    backlog *of; /* each partition */
    int32_t n;
} topic;

typedef struct kafka_producer {
    broker_producer base;
    client client;
    broker_delivery_f delivered;
    void *arg;
    uint64_t message_bytes;
    uint64_t record_bytes; /* of it, where a record is alone in its batch */
    uint64_t queue_bytes;  /* of values that are pending, at most */
    atomic_uint_fast64_t bytes; /* ... and now */
    atomic_int pending;         /* accepted, and not yet delivered */
    atomic_int waiting;         /* of these, not yet with the client */
    pthread_mutex_t topics_lock;
    topic **topics; /* never removed before the end */
    size_t n_topics;
    atomic_bool full;     /* the client had no room for what waits */
    pthread_mutex_t lock; /* of what waits, and of what follows */
    char refusal[256];    /* why a record was given up */
    atomic_bool refused;  /* the above is written, for good */
    bool closing;         /* nothing goes to the client any more */
} kafka_producer;

static const client_setting settings[] = {
    {"enable.idempotence", "true"}, /* and with it acks=all, no reordering */
    {"acks", "all"},
    /* Rule 5: the client gives no record up, whatever the outage. */
    {"message.timeout.ms", "0"},
    {"batch.num.messages", "100000"},
    /* The bound is on bytes; this is where the client would stop first. */
    {"queue.buffering.max.messages", "10000000"},
    {"retry.backoff.ms", "50"},
    {"statistics.interval.ms", "1000"},
    {NULL, NULL},
};

/* Keep the first reason only: what follows is its consequence.  Under lock. */
static void note_refusal(kafka_producer *p, const rd_kafka_topic_t *t,
                         int32_t partition, rd_kafka_resp_err_t err)
{
    if (atomic_load(&p->refused))
        return;
    snprintf(p->refusal, sizeof(p->refusal),
             "record for %s/%d was given up: %s", rd_kafka_topic_name(t),
             (int)partition, rd_kafka_err2str(err));
    atomic_store(&p->refused, true);
}

static void done(kafka_producer *p, size_t len)
{
    atomic_fetch_sub(&p->bytes, len);
    atomic_fetch_sub(&p->pending, 1);
}

/* Room for two of the largest records at least, so that one can be filled
 * while the other is on its way.
 */
static uint64_t queue_kbytes(const broker_producer_conf *c)
{
    uint64_t bytes = c->queue_bytes > 2 * c->message_bytes
                         ? c->queue_bytes
                         : 2 * c->message_bytes;

    return bytes / 1024 + 1;
}

static uint64_t record_most(const broker_producer_conf *c)
{
    return c->message_bytes > BATCH_BYTES ? c->message_bytes - BATCH_BYTES
                                          : c->message_bytes;
}

static int fill_conf(rd_kafka_conf_t *k, const broker_producer_conf *c,
                     pe_error *errp)
{
    uint64_t in_flight = c->in_flight > 0 ? (uint64_t)c->in_flight : 1;
    char linger[32];

    snprintf(linger, sizeof(linger), "%g", c->linger_s * 1000);
    if (client_set_all(k, settings, errp) < 0 ||
        client_set(k, "linger.ms", linger, errp) < 0 ||
        client_set_u64(k, "batch.size", REQUEST_BYTES, errp) < 0 ||
        client_set_u64(k, "message.max.bytes", record_most(c), errp) < 0 ||
        client_set_u64(k, "queue.buffering.max.kbytes", queue_kbytes(c), errp) <
            0 ||
        client_set_u64(k, "max.in.flight.requests.per.connection", in_flight,
                       errp) < 0)
        return -1;
    return client_set(k, "compression.codec",
                      c->compression ? c->compression : "none", errp);
}

/* --- what waits --- */

static rd_kafka_resp_err_t hand_over(const kafka_producer *p, const topic *t,
                                     int32_t partition, const broker_output *o,
                                     rd_kafka_headers_t *h, int flags)
{
    return rd_kafka_producev(
        p->client.rk, RD_KAFKA_V_RKT(t->rkt),
        RD_KAFKA_V_PARTITION(partition < 0 ? RD_KAFKA_PARTITION_UA : partition),
        RD_KAFKA_V_MSGFLAGS(flags),
        RD_KAFKA_V_KEY(o->key, o->key ? strlen(o->key) : 0),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)o->value, o->len),
        RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(o->opaque), RD_KAFKA_V_END);
}

static void record_free(backlog_record *r, bool all)
{
    if (all && r->headers)
        rd_kafka_headers_destroy(r->headers);
    if (all && r->owned)
        free(r->value);
    free(r);
}

/* A request of what waits of a partition goes to the client.  What it does not
 * take, other than for want of room, breaks the producer, and is given up with
 * it.  Under lock.
 */
static void go(kafka_producer *p, topic *t, int32_t partition)
{
    backlog *b = &t->of[partition];
    size_t taken = 0;
    backlog_record *r;

    while (!atomic_load(&p->refused) &&
           (r = backlog_take(b, &taken, REQUEST_BYTES - REQUEST_HEAD))) {
        const broker_output o = {.key = r->keyed ? r->key : NULL,
                                 .value = r->value,
                                 .len = r->len,
                                 .opaque = r->opaque};
        rd_kafka_resp_err_t err = hand_over(p, t, partition, &o, r->headers,
                                            r->owned ? RD_KAFKA_MSG_F_FREE : 0);

        if (err) {
            backlog_return(b, r);
            if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
                atomic_store(&p->full, true);
            else
                note_refusal(p, t->rkt, partition, err);
            return;
        }
        atomic_fetch_sub(&p->waiting, 1);
        record_free(r, false);
    }
}

static void go_all(kafka_producer *p)
{
    pthread_mutex_lock(&p->topics_lock);
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n_topics; i++)
        for (int32_t k = 0; k < p->topics[i]->n; k++)
            go(p, p->topics[i], k);
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->topics_lock);
}

/* In the client's thread that has the answer, which then sends what has come
 * together in one request and without a pause.  Only of what is stored and has
 * an offset: of the rest the client may tell with locks of its own held, and
 * nothing more is sent.
 */
static rd_kafka_resp_err_t on_answer(rd_kafka_t *rk, rd_kafka_message_t *m,
                                     void *arg)
{
    kafka_producer *p = arg;
    topic *t = rd_kafka_topic_opaque(m->rkt);

    (void)rk;
    if (rd_kafka_message_status(m) != RD_KAFKA_MSG_STATUS_PERSISTED ||
        m->offset < 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    pthread_mutex_lock(&p->lock);
    if (!p->closing && m->partition >= 0 && m->partition < t->n &&
        backlog_answered(&t->of[m->partition]))
        go(p, t, m->partition);
    pthread_mutex_unlock(&p->lock);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* One without an offset may be stored, as the answer to a later one told: it
 * breaks the producer, since ends of devices are offsets.
 */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    client *cl = arg;
    kafka_producer *p = cl->owner;
    rd_kafka_resp_err_t err =
        m->err || m->offset >= 0 ? m->err : RD_KAFKA_RESP_ERR__NO_OFFSET;

    (void)rk;
    done(p, m->len);
    if (err) {
        pthread_mutex_lock(&p->lock);
        note_refusal(p, m->rkt, m->partition, err);
        pthread_mutex_unlock(&p->lock);
    } else {
        client_answered(cl);
    }
    if (p->delivered)
        p->delivered(p->arg, m->_private, m->partition, err ? -1 : m->offset);
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *k,
                                  void *arg, char *why, size_t cap)
{
    (void)k;
    (void)why;
    (void)cap;
    return rd_kafka_interceptor_add_on_acknowledgement(rk, "pilot", on_answer,
                                                       arg);
}

/* What waits is given up. */
static void topic_close(kafka_producer *p, topic *t)
{
    size_t all = 0;
    backlog_record *r;

    for (int32_t k = 0; k < t->n; k++)
        while ((r = backlog_take(&t->of[k], &all, SIZE_MAX))) {
            done(p, r->len);
            if (p->delivered)
                p->delivered(p->arg, r->opaque, k, -1);
            record_free(r, true);
        }
    rd_kafka_topic_destroy(t->rkt);
    free(t->of);
    free(t);
}

/* --- opened, closed --- */

static rd_kafka_conf_t *make_conf(kafka_producer *p,
                                  const broker_producer_conf *c, pe_error *errp)
{
    rd_kafka_conf_t *k = client_conf(&p->client, &c->broker, p, errp);

    if (!k)
        return NULL;
    rd_kafka_conf_set_dr_msg_cb(k, on_delivery);
    if (rd_kafka_conf_interceptor_add_on_new(k, "pilot", on_new, p))
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "the client of the broker cannot be listened to");
    else if (fill_conf(k, c, errp) == 0)
        return k;
    rd_kafka_conf_destroy(k);
    return NULL;
}

static void kafka_close(broker_producer *b)
{
    kafka_producer *p = (kafka_producer *)b;

    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_mutex_unlock(&p->lock);
    if (p->client.rk) {
        /* Whoever cares has flushed; what is purged is reported as lost. */
        (void)rd_kafka_purge(p->client.rk, RD_KAFKA_PURGE_F_QUEUE |
                                               RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(p->client.rk, CLOSE_MS);
    }
    for (size_t i = 0; i < p->n_topics; i++)
        topic_close(p, p->topics[i]);
    free(p->topics);
    client_close(&p->client);
    pthread_mutex_destroy(&p->topics_lock);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static broker_producer *kafka_open(const broker_producer_conf *c,
                                   pe_error *errp)
{
    kafka_producer *p = calloc(1, sizeof(*p));
    rd_kafka_conf_t *k;

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&p->topics_lock, NULL);
    pthread_mutex_init(&p->lock, NULL);
    atomic_init(&p->pending, 0);
    atomic_init(&p->refused, false);
    p->delivered = c->delivered;
    p->arg = c->arg;
    p->message_bytes = c->message_bytes;
    p->record_bytes = record_most(c);
    p->queue_bytes = queue_kbytes(c) * 1024;
    k = make_conf(p, c, errp);
    if (k && client_open(&p->client, RD_KAFKA_PRODUCER, k, errp) == 0)
        return &p->base;
    kafka_close(&p->base);
    return NULL;
}

static topic *topic_new(kafka_producer *p, const char *name, pe_error *errp)
{
    rd_kafka_topic_conf_t *k = rd_kafka_default_topic_conf_dup(p->client.rk);
    topic *t = calloc(1, sizeof(*t));

    if (!k || !t) {
        pe_error_nomem(errp);
        if (k)
            rd_kafka_topic_conf_destroy(k);
        free(t);
        return NULL;
    }
    rd_kafka_topic_conf_set_opaque(k, t);
    t->rkt = rd_kafka_topic_new(p->client.rk, name, k);
    if (t->rkt)
        return t;
    free(t);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "'%s' cannot be the name of a topic: %s", name,
                 rd_kafka_err2str(rd_kafka_last_error()));
    return NULL;
}

/* A topic that is new here.  Its metadata is asked for at once: without that
 * the first record waits up to a second for a timer.
 */
static topic *add_topic(kafka_producer *p, const char *name, pe_error *errp)
{
    const struct rd_kafka_metadata *md;
    topic **grown, *t;

    grown = realloc(p->topics, (p->n_topics + 1) * sizeof(*grown));
    if (!grown) {
        pe_error_nomem(errp);
        return NULL;
    }
    p->topics = grown;
    t = topic_new(p, name, errp);
    if (!t)
        return NULL;
    if (!rd_kafka_metadata(p->client.rk, 0, t->rkt, &md, METADATA_MS))
        rd_kafka_metadata_destroy(md);
    p->topics[p->n_topics++] = t;
    return t;
}

static topic *find_topic(kafka_producer *p, const char *name, pe_error *errp)
{
    topic *t = NULL;

    pthread_mutex_lock(&p->topics_lock);
    for (size_t i = 0; !t && i < p->n_topics; i++)
        if (!strcmp(rd_kafka_topic_name(p->topics[i]->rkt), name))
            t = p->topics[i];
    if (!t)
        t = add_topic(p, name, errp);
    pthread_mutex_unlock(&p->topics_lock);
    return t;
}

/* What waits of [partition]; NULL: no memory. */
static backlog *find_backlog(topic *t, int32_t partition, pe_error *errp)
{
    backlog *more;
    size_t n = (size_t)partition + 1;

    if (partition < t->n)
        return &t->of[partition];
    more = realloc(t->of, n * sizeof(*more));
    if (!more) {
        pe_error_nomem(errp);
        return NULL;
    }
    memset(more + t->n, 0, (n - (size_t)t->n) * sizeof(*more));
    t->of = more;
    t->n = (int32_t)n;
    return &t->of[partition];
}

static int make_headers(const record_headers *h, rd_kafka_headers_t **outp,
                        pe_error *errp)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    *outp = NULL;
    if (!h || !h->n)
        return 0;
    *outp = rd_kafka_headers_new(h->n);
    for (size_t i = 0; i < h->n && !err; i++)
        err = rd_kafka_header_add(*outp, h->h[i].name, -1, h->h[i].value,
                                  (ssize_t)h->h[i].len);
    if (!err)
        return 0;
    rd_kafka_headers_destroy(*outp);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "headers of a record: %s", rd_kafka_err2str(err));
}

static int kafka_error(const broker_producer *b, pe_error *errp)
{
    const kafka_producer *p = (const kafka_producer *)b;
    char fatal[256];
    const char *why = NULL;

    if (rd_kafka_fatal_error(p->client.rk, fatal, sizeof(fatal)))
        why = fatal;
    else if (atomic_load(&p->refused))
        why = p->refusal;
    if (!why)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "broker producer is broken: %s", why);
}

static int produce_error(const kafka_producer *p, const broker_output *o,
                         rd_kafka_resp_err_t err, pe_error *errp)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return 1;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "record of %zu bytes for %s is larger, with its "
                            "headers, than %llu: use fewer points a block, "
                            "or raise streams.STAGE.message-max",
                            o->len, o->topic,
                            (unsigned long long)p->message_bytes);
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic %s has no partition %d: ask for fewer "
                            "partitions, or add some",
                            o->topic, (int)o->partition);
    case RD_KAFKA_RESP_ERR__FATAL:
        return kafka_error(&p->base, errp);
    default:
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "record for %s/%d cannot be sent: %s", o->topic,
                            (int)o->partition, rd_kafka_err2str(err));
    }
}

static int keep(kafka_producer *p, backlog *b, const broker_output *o,
                rd_kafka_headers_t *h, pe_error *errp)
{
    backlog_record *r;

    /* Once it waits nobody can be told, and it would break the producer. */
    if (backlog_size(o, false) > p->record_bytes)
        return produce_error(p, o, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, errp);
    r = backlog_record_new(o, errp);
    if (!r)
        return -1;
    r->headers = h;
    r->size = backlog_size(o, true);
    backlog_put(b, r);
    atomic_fetch_add(&p->waiting, 1);
    return 0;
}

/* Under lock, so that records of a partition stay in order; after an error [h]
 * is the caller's.
 */
static int accept_record(kafka_producer *p, topic *t, const broker_output *o,
                         rd_kafka_headers_t *h, pe_error *errp)
{
    backlog *b = NULL;
    rd_kafka_resp_err_t err;

    if (o->partition >= 0 && !(b = find_backlog(t, o->partition, errp)))
        return -1;
    if (b && backlog_waits(b))
        return keep(p, b, o, h, errp);
    err =
        hand_over(p, t, o->partition, o, h, o->copy ? RD_KAFKA_MSG_F_COPY : 0);
    if (err)
        return produce_error(p, o, err, errp);
    if (b)
        b->out++;
    return 0;
}

static bool has_room(kafka_producer *p, size_t len)
{
    uint64_t now = atomic_load(&p->bytes);

    return now == 0 || now + len <= p->queue_bytes;
}

static int kafka_produce(broker_producer *b, const broker_output *o,
                         pe_error *errp)
{
    kafka_producer *p = (kafka_producer *)b;
    topic *t = find_topic(p, o->topic, errp);
    rd_kafka_headers_t *h;
    int rc;

    if (!t)
        return -1;
    if (!has_room(p, o->len))
        return 1;
    if (make_headers(o->headers, &h, errp) < 0)
        return -1;
    atomic_fetch_add(&p->bytes, o->len); /* it may be delivered at once */
    atomic_fetch_add(&p->pending, 1);
    pthread_mutex_lock(&p->lock);
    rc = accept_record(p, t, o, h, errp);
    pthread_mutex_unlock(&p->lock);
    if (rc == 0)
        return 0;
    done(p, o->len);
    if (h)
        rd_kafka_headers_destroy(h);
    return rc;
}

static int kafka_poll(broker_producer *b, int timeout_ms)
{
    kafka_producer *p = (kafka_producer *)b;
    int n = rd_kafka_poll(p->client.rk, timeout_ms);

    if (atomic_exchange(&p->full, false))
        go_all(p);
    return n;
}

static void kafka_answers(const broker_producer *b, broker_answers *out)
{
    const kafka_producer *p = (const kafka_producer *)b;
    client_answers(&p->client, out);
}

static int kafka_pending(const broker_producer *b)
{
    const kafka_producer *p = (const kafka_producer *)b;
    return atomic_load(&p->pending);
}

static int kafka_flush(broker_producer *b, int timeout_ms, pe_error *errp)
{
    kafka_producer *p = (kafka_producer *)b;
    int64_t end = clock_mono_ns() + timeout_ms * CLOCK_MS, left;

    do {
        go_all(p);
        left = (end - clock_mono_ns()) / CLOCK_MS;
        left = left < 0 ? 0 : left > FLUSH_MS ? FLUSH_MS : left;
        /* What was given up is out of the queue, and not acknowledged. */
        if (!rd_kafka_flush(p->client.rk, (int)left) &&
            (kafka_error(b, NULL) < 0 || !atomic_load(&p->waiting)))
            return kafka_error(b, errp);
    } while (clock_mono_ns() < end);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%d record%s not acknowledged by broker %s after %d ms",
                        kafka_pending(&p->base),
                        kafka_pending(&p->base) == 1 ? " is" : "s are",
                        p->client.endpoint, timeout_ms);
}

const broker_producer_ops kafka_producer_ops = {
    .open = kafka_open,
    .close = kafka_close,
    .produce = kafka_produce,
    .poll = kafka_poll,
    .answers = kafka_answers,
    .pending = kafka_pending,
    .flush = kafka_flush,
    .error = kafka_error,
};
