/* producer.c - idempotent producer: in order, acknowledged by all. */
#include "src/broker/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METADATA_MS 5000
#define CLOSE_MS 1000

/* What a batch of one record adds to it on the wire: the broker's limit is on
 * the batch, the client's on the record.
 */
#define BATCH_BYTES 64

typedef struct kafka_producer {
    broker_producer base;
    client client;
    broker_delivery_f delivered;
    void *arg;
    uint64_t message_bytes;
    atomic_int pending;        /* accepted, and not yet delivered */
    pthread_mutex_t lock;      /* of what follows */
    rd_kafka_topic_t **topics; /* never removed before the end */
    size_t n_topics;
    char refusal[256];   /* why a record was given up */
    atomic_bool refused; /* the above is written, for good */
} kafka_producer;

static const client_setting settings[] = {
    {"enable.idempotence", "true"}, /* and with it acks=all, no reordering */
    {"acks", "all"},
    /* Rule 5: the client gives no record up, whatever the outage. */
    {"message.timeout.ms", "0"},
    {"batch.size", "1048576"},
    {"batch.num.messages", "100000"},
    /* The bound is on bytes; this is where the client would stop first. */
    {"queue.buffering.max.messages", "10000000"},
    {"retry.backoff.ms", "50"},
    {"statistics.interval.ms", "1000"},
    {NULL, NULL},
};

/* Keep the first reason only: what follows is its consequence. */
static void note_refusal(kafka_producer *p, const rd_kafka_message_t *m)
{
    pthread_mutex_lock(&p->lock);
    if (!atomic_load(&p->refused)) {
        snprintf(p->refusal, sizeof(p->refusal),
                 "record for %s/%d was given up: %s",
                 rd_kafka_topic_name(m->rkt), (int)m->partition,
                 rd_kafka_err2str(m->err));
        atomic_store(&p->refused, true);
    }
    pthread_mutex_unlock(&p->lock);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    client *cl = arg;
    kafka_producer *p = cl->owner;

    (void)rk;
    atomic_fetch_sub(&p->pending, 1);
    if (m->err)
        note_refusal(p, m);
    else
        client_answered(cl);
    if (p->delivered)
        p->delivered(p->arg, m->_private, m->partition,
                     m->err ? -1 : m->offset);
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

static int fill_conf(rd_kafka_conf_t *k, const broker_producer_conf *c,
                     pe_error *errp)
{
    uint64_t record = c->message_bytes > BATCH_BYTES
                          ? c->message_bytes - BATCH_BYTES
                          : c->message_bytes;
    uint64_t in_flight = c->in_flight > 0 ? (uint64_t)c->in_flight : 1;
    char linger[32];

    snprintf(linger, sizeof(linger), "%g", c->linger_s * 1000);
    if (client_set_all(k, settings, errp) < 0 ||
        client_set(k, "linger.ms", linger, errp) < 0 ||
        client_set_u64(k, "message.max.bytes", record, errp) < 0 ||
        client_set_u64(k, "queue.buffering.max.kbytes", queue_kbytes(c), errp) <
            0 ||
        client_set_u64(k, "max.in.flight.requests.per.connection", in_flight,
                       errp) < 0)
        return -1;
    return client_set(k, "compression.codec",
                      c->compression ? c->compression : "none", errp);
}

static rd_kafka_conf_t *make_conf(kafka_producer *p,
                                  const broker_producer_conf *c, pe_error *errp)
{
    rd_kafka_conf_t *k = client_conf(&p->client, &c->broker, p, errp);

    if (!k)
        return NULL;
    rd_kafka_conf_set_dr_msg_cb(k, on_delivery);
    if (fill_conf(k, c, errp) == 0)
        return k;
    rd_kafka_conf_destroy(k);
    return NULL;
}

static void kafka_close(broker_producer *b)
{
    kafka_producer *p = (kafka_producer *)b;

    if (p->client.rk) {
        /* Whoever cares has flushed; what is purged is reported as lost. */
        (void)rd_kafka_purge(p->client.rk, RD_KAFKA_PURGE_F_QUEUE |
                                               RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(p->client.rk, CLOSE_MS);
    }
    for (size_t i = 0; i < p->n_topics; i++)
        rd_kafka_topic_destroy(p->topics[i]);
    free(p->topics);
    client_close(&p->client);
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
    pthread_mutex_init(&p->lock, NULL);
    atomic_init(&p->pending, 0);
    atomic_init(&p->refused, false);
    p->delivered = c->delivered;
    p->arg = c->arg;
    p->message_bytes = c->message_bytes;
    k = make_conf(p, c, errp);
    if (k && client_open(&p->client, RD_KAFKA_PRODUCER, k, errp) == 0)
        return &p->base;
    kafka_close(&p->base);
    return NULL;
}

/* The handle of a topic that is new here.  Its metadata is asked for at once:
 * without that the first record waits up to a second for a timer.
 */
static rd_kafka_topic_t *add_topic(kafka_producer *p, const char *name,
                                   pe_error *errp)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t **grown, *t;

    grown = realloc(p->topics, (p->n_topics + 1) * sizeof(*grown));
    if (!grown) {
        pe_error_nomem(errp);
        return NULL;
    }
    p->topics = grown;
    t = rd_kafka_topic_new(p->client.rk, name, NULL);
    if (!t) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "'%s' cannot be the name of a topic: %s", name,
                     rd_kafka_err2str(rd_kafka_last_error()));
        return NULL;
    }
    if (!rd_kafka_metadata(p->client.rk, 0, t, &md, METADATA_MS))
        rd_kafka_metadata_destroy(md);
    p->topics[p->n_topics++] = t;
    return t;
}

static rd_kafka_topic_t *find_topic(kafka_producer *p, const char *name,
                                    pe_error *errp)
{
    rd_kafka_topic_t *t = NULL;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; !t && i < p->n_topics; i++)
        if (!strcmp(rd_kafka_topic_name(p->topics[i]), name))
            t = p->topics[i];
    if (!t)
        t = add_topic(p, name, errp);
    pthread_mutex_unlock(&p->lock);
    return t;
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

static int kafka_produce(broker_producer *b, const broker_output *o,
                         pe_error *errp)
{
    kafka_producer *p = (kafka_producer *)b;
    rd_kafka_topic_t *t = find_topic(p, o->topic, errp);
    rd_kafka_headers_t *h;
    rd_kafka_resp_err_t err;

    if (!t || make_headers(o->headers, &h, errp) < 0)
        return -1;
    atomic_fetch_add(&p->pending, 1); /* it may be delivered at once */
    err = rd_kafka_producev(
        p->client.rk, RD_KAFKA_V_RKT(t),
        RD_KAFKA_V_PARTITION(o->partition < 0 ? RD_KAFKA_PARTITION_UA
                                              : o->partition),
        RD_KAFKA_V_MSGFLAGS(o->copy ? RD_KAFKA_MSG_F_COPY : 0),
        RD_KAFKA_V_KEY(o->key, o->key ? strlen(o->key) : 0),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)o->value, o->len),
        RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(o->opaque), RD_KAFKA_V_END);
    if (!err)
        return 0;
    atomic_fetch_sub(&p->pending, 1);
    if (h)
        rd_kafka_headers_destroy(h); /* ours again after an error */
    return produce_error(p, o, err, errp);
}

static int kafka_poll(broker_producer *b, int timeout_ms)
{
    kafka_producer *p = (kafka_producer *)b;
    return rd_kafka_poll(p->client.rk, timeout_ms);
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
    /* What was given up is out of the queue, and not acknowledged. */
    if (!rd_kafka_flush(p->client.rk, timeout_ms))
        return kafka_error(&p->base, errp);
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
