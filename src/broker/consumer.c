/* consumer.c - records of given partitions from given offsets, no gaps. */
#include "client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "nudge.h"

struct place {
    int32_t partition;
    int64_t next; /* offset that must come now */
    bool read;
};

struct broker_consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char *topic;
    bool gaps_allowed;
    struct place *place; /* by partition number */
    size_t n_place;
    int fd;
    nudge *nudge;
};

static const client_setting settings[] = {
    {"enable.auto.commit", "false"},    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"}, /* rule 2: never skip silently */
    {"enable.partition.eof", "false"},  {"fetch.wait.max.ms", "100"},
    {"fetch.min.bytes", "1"},           {"fetch.error.backoff.ms", "50"},
    {"queued.min.messages", "1000000"}, {NULL, NULL},
};

static int fill_conf(rd_kafka_conf_t *k, const broker_consumer_conf *c,
                     pe_error *errp)
{
    uint64_t fetch = c->message_bytes + 1024;

    /* The largest answer holds one fetch a partition and its framing. */
    return client_set_all(k, settings, errp) < 0 ||
                   client_set(k, "group.id", c->group, errp) < 0 ||
                   client_set(k, "check.crcs", c->check_crcs ? "true" : "false",
                              errp) < 0 ||
                   client_set_u64(k, "fetch.message.max.bytes", fetch, errp) <
                       0 ||
                   client_set_u64(k, "queued.max.messages.kbytes",
                                  c->queue_bytes / 1024, errp) < 0
               ? -1
               : 0;
}

static int open_queue(broker_consumer *c, pe_error *errp)
{
    uint64_t one = 1;

    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!c->queue || c->fd < 0)
        return pe_error_nomem(errp);
    rd_kafka_queue_io_event_enable(c->queue, c->fd, &one, sizeof(one));
    return 0;
}

broker_consumer *broker_consumer_open(const broker_consumer_conf *conf,
                                      pe_error *errp)
{
    broker_consumer *c = calloc(1, sizeof(*c));
    rd_kafka_conf_t *k;

    if (!c || !(c->topic = strdup(conf->topic))) {
        free(c);
        pe_error_nomem(errp);
        return NULL;
    }
    c->fd = -1;
    c->gaps_allowed = conf->gaps_allowed;
    k = client_conf(&conf->broker, errp);
    if (!k)
        goto error;
    if (fill_conf(k, conf, errp) < 0) {
        rd_kafka_conf_destroy(k);
        goto error;
    }
    c->rk = client_new(RD_KAFKA_CONSUMER, k, errp);
    if (!c->rk || client_contact(c->rk, &conf->broker, errp) < 0 ||
        open_queue(c, errp) < 0)
        goto error;
    c->nudge = nudge_start(c->rk, c->topic, conf->queue_bytes, errp);
    if (!c->nudge)
        goto error;
    return c;
error:
    broker_consumer_close(c);
    return NULL;
}

void broker_consumer_close(broker_consumer *c)
{
    if (!c)
        return;
    nudge_stop(c->nudge);
    if (c->queue) {
        rd_kafka_queue_io_event_enable(c->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(c->queue);
    }
    /* There is no group to leave: a close would wait for a coordinator. */
    if (c->rk)
        rd_kafka_destroy_flags(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (c->fd >= 0)
        close(c->fd);
    free(c->place);
    free(c->topic);
    free(c);
}

static int grow_places(broker_consumer *c, int32_t partition, pe_error *errp)
{
    size_t n = (size_t)partition + 1;
    struct place *p;

    if (n <= c->n_place)
        return 0;
    p = realloc(c->place, n * sizeof(*p));
    if (!p)
        return pe_error_nomem(errp);
    memset(p + c->n_place, 0, (n - c->n_place) * sizeof(*p));
    c->place = p;
    c->n_place = n;
    return 0;
}

int broker_consumer_assign(broker_consumer *c, const broker_position *p,
                           size_t n, pe_error *errp)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t err;

    for (size_t i = 0; i < c->n_place; i++)
        c->place[i].read = false;
    list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        if (grow_places(c, p[i].partition, errp) < 0) {
            rd_kafka_topic_partition_list_destroy(list);
            return -1;
        }
        c->place[p[i].partition] =
            (struct place){p[i].partition, p[i].offset, true};
        rd_kafka_topic_partition_list_add(list, c->topic, p[i].partition)
            ->offset = p[i].offset;
    }
    if (nudge_assign(c->nudge, p, n, errp) < 0) {
        rd_kafka_topic_partition_list_destroy(list);
        return -1;
    }
    /* Without the first call partitions that stay would not seek. */
    rd_kafka_assign(c->rk, NULL);
    err = rd_kafka_assign(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!err)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "topic %s cannot be read: %s", c->topic,
                        rd_kafka_err2str(err));
}

/* Errors in the stream: lost connections are none of the caller's business,
 * everything that would lose a record stops the partition.
 */
static int take_error(const broker_consumer *c, const rd_kafka_message_t *m,
                      pe_error *errp)
{
    const char *what = "stops";

    switch (m->err) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
        return 0;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        what = "is not in the log: records are lost";
        break;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        what = "is damaged (CRC)";
        break;
    default:
        break;
    }
    return pe_error_set(
        errp, PE_ERROR_FATAL, PE_EXIT_DATA, "record %s/%d/%lld %s: %s",
        c->topic, (int)m->partition,
        (long long)(m->partition >= 0 && (size_t)m->partition < c->n_place
                        ? c->place[m->partition].next
                        : m->offset),
        what, rd_kafka_message_errstr(m));
}

/* 1: the record that must come now; 0: one of before; -1: a gap. */
static int in_order(broker_consumer *c, const rd_kafka_message_t *m,
                    pe_error *errp)
{
    struct place *p;

    if (m->partition < 0 || (size_t)m->partition >= c->n_place ||
        !c->place[m->partition].read)
        return 0;
    p = &c->place[m->partition];
    if (m->offset < p->next)
        return 0;
    if (m->offset > p->next && !c->gaps_allowed)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "records %s/%d/%lld to %lld are missing: a "
                            "transactional or compacted topic? set "
                            "streams.STAGE.gaps to allow",
                            c->topic, (int)m->partition, (long long)p->next,
                            (long long)m->offset - 1);
    p->next = m->offset + 1;
    return 1;
}

static void fill_record(rd_kafka_message_t *m, broker_record *r)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type);

    r->handle = m;
    r->value = m->payload;
    r->len = m->len;
    r->key = m->key;
    r->key_len = m->key_len;
    r->partition = m->partition;
    r->offset = m->offset;
    r->time_ns = ms > 0 ? ms * 1000000 : 0;
}

int broker_consumer_fetch(broker_consumer *c, int timeout_ms, broker_record *r,
                          pe_error *errp)
{
    rd_kafka_message_t *m;
    int rc;

    while ((m = rd_kafka_consumer_poll(c->rk, timeout_ms))) {
        rc = m->err ? take_error(c, m, errp) : in_order(c, m, errp);
        if (rc == 1) {
            fill_record(m, r);
            nudge_taken(c->nudge, m->len);
            return 1;
        }
        rd_kafka_message_destroy(m);
        if (rc < 0)
            return -1;
    }
    return 0;
}

void broker_record_release(broker_record *r)
{
    if (r->handle)
        rd_kafka_message_destroy(r->handle);
    r->handle = NULL;
}

int broker_record_headers(const broker_record *r, record_headers *h,
                          pe_error *errp)
{
    rd_kafka_headers_t *k;
    const char *name;
    const void *value;
    size_t len;

    (void)errp;
    record_clear(h);
    if (rd_kafka_message_headers(r->handle, &k))
        return 0;
    for (size_t i = 0; i < RECORD_HEADERS_MAX &&
                       !rd_kafka_header_get_all(k, i, &name, &value, &len);
         i++)
        record_add_borrowed(h, name, value, len);
    return 0;
}

int broker_consumer_fd(const broker_consumer *c)
{
    return c->fd;
}

void broker_consumer_fd_clear(const broker_consumer *c)
{
    uint64_t n;

    if (read(c->fd, &n, sizeof(n)) < 0)
        return;
}

int64_t broker_consumer_high(const broker_consumer *c, int32_t partition)
{
    int64_t low, high;

    if (rd_kafka_get_watermark_offsets(c->rk, c->topic, partition, &low,
                                       &high) ||
        high < 0)
        return -1;
    return high;
}

void broker_consumer_note(broker_consumer *c, const broker_position *p,
                          size_t n)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)n);

    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, c->topic, p[i].partition)
            ->offset = p[i].offset;
    rd_kafka_commit(c->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}
