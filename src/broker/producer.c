/* producer.c - idempotent producer: in order, acknowledged by all. */
#include "client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS_MAX = 8 };

struct broker_producer {
    rd_kafka_t *rk;
    broker_delivery_f delivered;
    void *arg;
    uint64_t message_bytes;
    pthread_mutex_t lock; /* of the topic table */
    rd_kafka_topic_t *topics[TOPICS_MAX];
    size_t n_topics;
};

static const client_setting settings[] = {
    {"enable.idempotence", "true"},
    {"message.timeout.ms", "0"}, /* rule 5: never given up by the client */
    {"batch.size", "1048576"},
    {"batch.num.messages", "100000"},
    {"queue.buffering.max.messages", "1000000"},
    {"retry.backoff.ms", "50"},
    {NULL, NULL},
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    broker_producer *p = arg;

    (void)rk;
    if (p->delivered)
        p->delivered(p->arg, m->_private, m->partition,
                     m->err ? -1 : m->offset);
}

static int fill_conf(rd_kafka_conf_t *k, const broker_producer_conf *c,
                     pe_error *errp)
{
    uint64_t kbytes = c->queue_bytes / 1024;

    if (kbytes < 2 * c->message_bytes / 1024)
        kbytes = 2 * c->message_bytes / 1024;
    return client_set_all(k, settings, errp) < 0 ||
                   client_set_u64(k, "linger.ms",
                                  (uint64_t)(c->linger_s * 1000), errp) < 0 ||
                   client_set_u64(k, "message.max.bytes", c->message_bytes,
                                  errp) < 0 ||
                   client_set_u64(k, "queue.buffering.max.kbytes",
                                  kbytes ? kbytes : 1, errp) < 0 ||
                   client_set_u64(k, "max.in.flight.requests.per.connection",
                                  c->in_flight > 0 ? (uint64_t)c->in_flight : 1,
                                  errp) < 0 ||
                   client_set(k, "compression.codec",
                              c->compression ? c->compression : "none",
                              errp) < 0
               ? -1
               : 0;
}

broker_producer *broker_producer_open(const broker_producer_conf *c,
                                      pe_error *errp)
{
    broker_producer *p = calloc(1, sizeof(*p));
    rd_kafka_conf_t *k;

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    p->delivered = c->delivered;
    p->arg = c->arg;
    p->message_bytes = c->message_bytes;
    k = client_conf(&c->broker, errp);
    if (!k)
        goto error;
    if (fill_conf(k, c, errp) < 0) {
        rd_kafka_conf_destroy(k);
        goto error;
    }
    rd_kafka_conf_set_opaque(k, p);
    rd_kafka_conf_set_dr_msg_cb(k, on_delivery);
    p->rk = client_new(RD_KAFKA_PRODUCER, k, errp);
    if (!p->rk || client_contact(p->rk, &c->broker, errp) < 0)
        goto error;
    return p;
error:
    broker_producer_close(p);
    return NULL;
}

void broker_producer_close(broker_producer *p)
{
    if (!p)
        return;
    if (p->rk) {
        rd_kafka_purge(p->rk,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(p->rk, 1000);
        for (size_t i = 0; i < p->n_topics; i++)
            rd_kafka_topic_destroy(p->topics[i]);
        rd_kafka_destroy(p->rk);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The handle of [name].  Its metadata is asked for at once: without that the
 * first record waits up to a second for a timer.
 */
static rd_kafka_topic_t *open_topic(broker_producer *p, const char *name,
                                    pe_error *errp)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *t;

    if (p->n_topics == TOPICS_MAX) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "a producer writes to at most %d topics", TOPICS_MAX);
        return NULL;
    }
    t = rd_kafka_topic_new(p->rk, name, NULL);
    if (!t) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "'%s' is no name of a topic", name);
        return NULL;
    }
    if (!rd_kafka_metadata(p->rk, 0, t, &md, 5000))
        rd_kafka_metadata_destroy(md);
    p->topics[p->n_topics++] = t;
    return t;
}

static rd_kafka_topic_t *find_topic(broker_producer *p, const char *name,
                                    pe_error *errp)
{
    rd_kafka_topic_t *t = NULL;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; !t && i < p->n_topics; i++)
        if (!strcmp(rd_kafka_topic_name(p->topics[i]), name))
            t = p->topics[i];
    if (!t)
        t = open_topic(p, name, errp);
    pthread_mutex_unlock(&p->lock);
    return t;
}

static rd_kafka_headers_t *make_headers(const record_headers *h)
{
    rd_kafka_headers_t *out;

    if (!h || !h->n)
        return NULL;
    out = rd_kafka_headers_new(h->n);
    for (size_t i = 0; i < h->n; i++)
        rd_kafka_header_add(out, h->h[i].name, -1, h->h[i].value,
                            (ssize_t)h->h[i].len);
    return out;
}

static int refused(const broker_producer *p, const char *topic, size_t len,
                   rd_kafka_resp_err_t err, pe_error *errp)
{
    if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "record of %zu bytes for %s is larger than %llu: "
                            "use fewer points a block, or raise message-max",
                            len, topic, (unsigned long long)p->message_bytes);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "record for %s: %s", topic, rd_kafka_err2str(err));
}

int broker_produce(broker_producer *p, const char *topic, int32_t partition,
                   const char *key, const void *value, size_t len,
                   const record_headers *headers, bool copy, void *opaque,
                   pe_error *errp)
{
    rd_kafka_topic_t *t = find_topic(p, topic, errp);
    rd_kafka_headers_t *h;
    rd_kafka_resp_err_t err;

    if (!t)
        return -1;
    h = make_headers(headers);
    err = rd_kafka_producev(
        p->rk, RD_KAFKA_V_RKT(t),
        RD_KAFKA_V_PARTITION(partition < 0 ? RD_KAFKA_PARTITION_UA : partition),
        RD_KAFKA_V_MSGFLAGS(copy ? RD_KAFKA_MSG_F_COPY : 0),
        RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len), RD_KAFKA_V_HEADERS(h),
        RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    if (!err)
        return 0;
    if (h)
        rd_kafka_headers_destroy(h); /* still ours after an error */
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return 1;
    return refused(p, topic, len, err, errp);
}

int broker_producer_poll(broker_producer *p, int timeout_ms)
{
    return rd_kafka_poll(p->rk, timeout_ms);
}

int broker_producer_pending(const broker_producer *p)
{
    return rd_kafka_outq_len(p->rk);
}

int broker_producer_flush(broker_producer *p, int timeout_ms, pe_error *errp)
{
    if (!rd_kafka_flush(p->rk, timeout_ms))
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%d records are not acknowledged after %d ms",
                        rd_kafka_outq_len(p->rk), timeout_ms);
}

int broker_producer_error(const broker_producer *p, pe_error *errp)
{
    char why[512];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(p->rk, why, sizeof(why));

    if (!err)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "Kafka producer: %s", why);
}
