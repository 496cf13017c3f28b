/* consumer.c - records of given partitions from given offsets. */
#include "src/broker/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/broker/fault.h"
#include "src/broker/nudge.h"
#include "src/broker/order.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* An answer from a broker: larger ones gain nothing, and from 32 MiB on each
 * costs its page faults anew.
 */
#define ANSWER_BYTES (8 * MIB)

/* Of no topic at a broker that is there, before it is believed. */
#define GONE_S 20

/* The client does not start with a smaller one. */
#define ANSWER_LEAST MIB

/* What a batch of one record adds to it, and more. */
#define RECORD_EXTRA (64 * KIB)

/* So many records are taken off the client's queue at once: it counts them no
 * more, and may fetch as many bytes again.
 */
enum { TAKEN = 64 };
#define TAKEN_BYTES (256 * KIB)

typedef struct kafka_consumer {
    broker_consumer base;
    client client;
    rd_kafka_queue_t *queue; /* of records */
    rd_kafka_queue_t *notes; /* of answers to notes */
    bool noting;             /* one is under way */
    char *topic, *group;
    bool only_checks;
    order order;
    rd_kafka_message_t *taken[TAKEN]; /* and not handed out: [at] to [n] */
    size_t at, n;
    size_t most; /* of them, by the length of the last record; 0: one */
    int fd;
    nudge *nudge;
} kafka_consumer;

static const client_setting settings[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    /* Rule 2: an offset that the log does not hold is never skipped. */
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "false"},
    /* Data is answered at once; the wait bounds idle requests only. */
    {"fetch.min.bytes", "1"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "50"},
    {"statistics.interval.ms", "1000"},
    /* A record may be larger than ours, where it is compressed or the topic
     * is not of our making: the client is not to give up on the answer.
     */
    {"receive.message.max.bytes", "2147483647"},
    /* The bound is on bytes; this one is not to stop the client first. */
    {"queued.min.messages", "10000000"},
    {NULL, NULL},
};

/* How queue_bytes is spent: on one answer, which is half of it at most as
 * long as the largest record fits there, and on what is held when the client
 * asks for it.
 */
static int set_sizes(rd_kafka_conf_t *k, const broker_consumer_conf *conf,
                     pe_error *errp)
{
    uint64_t half = conf->queue_bytes / 2;
    uint64_t record = conf->message_bytes + RECORD_EXTRA;
    uint64_t answer = half < ANSWER_BYTES ? half : ANSWER_BYTES;
    uint64_t held;

    if (answer < record)
        answer = record;
    if (answer < ANSWER_LEAST)
        answer = ANSWER_LEAST;
    held = answer < half ? conf->queue_bytes - answer : half;
    if (held < KIB)
        held = KIB;
    if (client_set_u64(k, "fetch.max.bytes", answer, errp) < 0 ||
        client_set_u64(k, "fetch.message.max.bytes", answer, errp) < 0)
        return -1;
    return client_set_u64(k, "queued.max.messages.kbytes", held / KIB, errp);
}

static rd_kafka_conf_t *
make_conf(kafka_consumer *c, const broker_consumer_conf *conf, pe_error *errp)
{
    rd_kafka_conf_t *k = client_conf(&c->client, &conf->broker, c, errp);

    if (!k)
        return NULL;
    /* From 2.2 on the client waits a second where its queue is full. */
    if (client_set_all(k, settings, errp) == 0 &&
        client_set_known(k, "fetch.queue.backoff.ms", "10", errp) == 0 &&
        client_set(k, "group.id", conf->group, errp) == 0 &&
        client_set(k, "check.crcs", conf->check_crcs ? "true" : "false",
                   errp) == 0 &&
        set_sizes(k, conf, errp) == 0)
        return k;
    rd_kafka_conf_destroy(k);
    return NULL;
}

static int open_queue(kafka_consumer *c, pe_error *errp)
{
    uint64_t one = 1;

    if (rd_kafka_poll_set_consumer(c->client.rk))
        return pe_error_nomem(errp); /* of a consumer, nothing else */
    c->queue = rd_kafka_queue_get_consumer(c->client.rk);
    c->notes = rd_kafka_queue_new(c->client.rk);
    c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!c->queue || c->fd < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "no event descriptor for topic %s: raise "
                            "`ulimit -n`",
                            c->topic);
    rd_kafka_queue_io_event_enable(c->queue, c->fd, &one, sizeof(one));
    return 0;
}

static void drop_taken(kafka_consumer *c)
{
    while (c->at < c->n)
        rd_kafka_message_destroy(c->taken[c->at++]);
    c->at = c->n = 0;
}

static void kafka_close(broker_consumer *b)
{
    kafka_consumer *c = (kafka_consumer *)b;

    nudge_stop(c->nudge);
    drop_taken(c);
    if (c->queue)
        rd_kafka_queue_io_event_enable(c->queue, -1, NULL, 0);
    /* Where its topic is gone its threads never end (librdkafka 2.0.2), and
     * they have what is here: all of it goes with the process, which is at its
     * end.
     */
    if (atomic_load(&c->client.gone_s) > 0)
        return;
    if (c->queue)
        rd_kafka_queue_destroy(c->queue);
    if (c->notes)
        rd_kafka_queue_destroy(c->notes);
    client_close(&c->client);
    if (c->fd >= 0)
        close(c->fd);
    order_free(&c->order);
    free(c->topic);
    free(c->group);
    free(c);
}

static broker_consumer *kafka_open(const broker_consumer_conf *conf,
                                   pe_error *errp)
{
    kafka_consumer *c = calloc(1, sizeof(*c));
    rd_kafka_conf_t *k;

    if (!c) {
        pe_error_nomem(errp);
        return NULL;
    }
    c->fd = -1;
    c->topic = strdup(conf->topic);
    c->group = strdup(conf->group);
    if (!c->topic || !c->group) {
        pe_error_nomem(errp);
        goto error;
    }
    c->order.topic = c->topic;
    c->order.gaps_allowed = conf->gaps_allowed;
    c->only_checks = conf->only_checks;
    k = make_conf(c, conf, errp);
    if (!k || client_open(&c->client, RD_KAFKA_CONSUMER, k, errp) < 0 ||
        open_queue(c, errp) < 0)
        goto error;
    c->nudge = nudge_start(c->client.rk, c->topic, conf->queue_bytes, errp);
    if (c->nudge)
        return &c->base;
error:
    kafka_close(&c->base);
    return NULL;
}

/* Of records to read: the one in front of a position that has a mark, too. */
static rd_kafka_topic_partition_list_t *
reading_list(const char *topic, const broker_position *p, size_t n)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)n);

    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topic, p[i].partition)->offset =
            p[i].offset - (p[i].mark && p[i].offset > 0);
    return list;
}

static rd_kafka_topic_partition_list_t *
make_list(const char *topic, const broker_position *p, size_t n)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)n);

    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topic, p[i].partition)->offset =
            p[i].offset;
    return list;
}

static int read_from(kafka_consumer *c, const broker_position *p, size_t n,
                     pe_error *errp)
{
    rd_kafka_topic_partition_list_t *list = reading_list(c->topic, p, n);
    rd_kafka_resp_err_t err;

    drop_taken(c);
    /* Two requests, not one: librdkafka aborts the process when it is to stop
     * a partition whose last stop is still on its way (2.0.2: assertion
     * rktp_started), and the second stands behind that.  All that was fetched
     * before has an older version from then on; its poll drops it.
     */
    err = rd_kafka_assign(c->client.rk, NULL);
    if (!err && c->only_checks && n > 0) /* what was left is not, any more */
        err = rd_kafka_resume_partitions(c->client.rk, list);
    if (!err)
        err = rd_kafka_assign(c->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!err)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "topic %s cannot be read: %s", c->topic,
                        rd_kafka_err2str(err));
}

static int kafka_assign(broker_consumer *b, const broker_position *p, size_t n,
                        pe_error *errp)
{
    kafka_consumer *c = (kafka_consumer *)b;
    if (order_assign(&c->order, p, n, errp) < 0 ||
        nudge_assign(c->nudge, p, n, errp) < 0)
        return -1;
    atomic_store(&c->client.shaken, false);
    return read_from(c, p, n, errp);
}

/* Read on from where we are, and look again at the record in front of it. */
static int read_again(kafka_consumer *c, pe_error *errp)
{
    broker_position *p = calloc(order_count(&c->order) + 1, sizeof(*p));
    size_t n;
    int rc;

    if (!p)
        return pe_error_nomem(errp);
    n = order_again(&c->order, p);
    rc = read_from(c, p, n, errp);
    free(p);
    return rc;
}

/* What was looked at would be read on while another one is waited for. */
static int stop_reading(kafka_consumer *c, int32_t partition, pe_error *errp)
{
    const broker_position p = {partition, 0, 0};
    rd_kafka_topic_partition_list_t *list = make_list(c->topic, &p, 1);
    rd_kafka_resp_err_t err = rd_kafka_pause_partitions(c->client.rk, list);

    rd_kafka_topic_partition_list_destroy(list);
    if (!err)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "topic %s/%" PRId32 " cannot be left: %s", c->topic,
                        partition, rd_kafka_err2str(err));
}

static size_t kafka_checks(const broker_consumer *b)
{
    const kafka_consumer *c = (const kafka_consumer *)b;
    return order_checks(&c->order);
}

/* The record in front of a position is not kept any more: without it, then. */
static int read_unchecked(kafka_consumer *c, int32_t partition, pe_error *errp)
{
    order_uncheck(&c->order, partition);
    return c->only_checks ? 0 : read_again(c, errp);
}

static bool is_out_of_range(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
           err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
}

static int take_error(kafka_consumer *c, const rd_kafka_message_t *m,
                      pe_error *errp)
{
    const char *fault = fault_of(m->err);
    int64_t next = order_next(&c->order, m->partition);

    if (!fault) {
        log_debug("kafka: topic %s: %s", c->topic, rd_kafka_message_errstr(m));
        return 0;
    }
    if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "topic %s may not be read by who logs in here "
                            "(%s): 'pilot acl RUN' prints what a pool has to "
                            "be let do",
                            c->topic, rd_kafka_message_errstr(m));
    if (is_out_of_range(m->err) &&
        order_is_check(&c->order, m->partition, next - 1))
        return read_unchecked(c, m->partition, errp);
    if (is_out_of_range(m->err) && c->only_checks)
        return 0;
    if (m->partition < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "topic %s %s: %s", c->topic, fault,
                            rd_kafka_message_errstr(m));
    if (next < 0)
        return 0; /* of an assignment of before */
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "record %s/%" PRId32 "/%" PRId64 " %s: %s", c->topic,
                        m->partition, next, fault, rd_kafka_message_errstr(m));
}

static uint64_t mark_of(const rd_kafka_message_t *m, int64_t ms)
{
    const broker_record r = {.value = m->payload,
                             .len = m->len,
                             .key = m->key,
                             .key_len = m->key_len};

    return order_mark_of(&r, ms);
}

static void fill_record(rd_kafka_message_t *m, broker_record *r)
{
    int64_t ms = rd_kafka_message_timestamp(m, NULL);

    r->handle = m;
    r->value = m->payload;
    r->len = m->len;
    r->key = m->key;
    r->key_len = m->key_len;
    r->partition = m->partition;
    r->offset = m->offset;
    r->time_ns = ms > 0 ? ms * CLOCK_MS : 0;
    r->mark = mark_of(m, ms);
}

/* The next one of those that are there; NULL: there is none.  One at a time
 * costs a lock, a look at the clock and a call more for each.
 */
static rd_kafka_message_t *next_there(kafka_consumer *c)
{
    ssize_t n;

    if (c->at < c->n)
        return c->taken[c->at++];
    n = rd_kafka_consume_batch_queue(c->queue, 0, c->taken,
                                     c->most ? c->most : 1);
    c->at = 0;
    c->n = n > 0 ? (size_t)n : 0;
    return c->n ? c->taken[c->at++] : NULL;
}

/* Next message, waiting until [*limitp], which is set at the first wait. */
static rd_kafka_message_t *next_message(kafka_consumer *c, int timeout_ms,
                                        int64_t *limitp)
{
    rd_kafka_message_t *m = next_there(c);
    int64_t now;

    if (m || timeout_ms <= 0)
        return m;
    now = clock_mono_ns();
    if (*limitp == 0)
        *limitp = now + timeout_ms * CLOCK_MS;
    if (now >= *limitp)
        return NULL;
    return rd_kafka_consumer_poll(
        c->client.rk, (int)((*limitp - now + CLOCK_MS - 1) / CLOCK_MS));
}

static int take_check(kafka_consumer *c, const rd_kafka_message_t *m,
                      pe_error *errp)
{
    uint64_t mark = mark_of(m, rd_kafka_message_timestamp(m, NULL));

    if (order_check(&c->order, m->partition, mark, errp) < 0)
        return -1;
    if (!c->only_checks)
        return 0;
    if (stop_reading(c, m->partition, errp) < 0)
        return -1;
    nudge_taken(c->nudge, m->len); /* the others wait for its room */
    return 0;
}

static int take(kafka_consumer *c, rd_kafka_message_t *m, broker_record *r,
                pe_error *errp)
{
    int rc;

    if (order_is_check(&c->order, m->partition, m->offset))
        return take_check(c, m, errp);
    rc = order_take(&c->order, m->partition, m->offset, errp);
    if (rc != 1)
        return rc;
    client_answered(&c->client);
    nudge_taken(c->nudge, m->len);
    c->most = TAKEN_BYTES / (m->len + TAKEN_BYTES / TAKEN);
    fill_record(m, r);
    order_mark(&c->order, m->partition, r->mark);
    return 1;
}

/* Another cluster, or a broker that has lost all, is at the old address; or the
 * topic was deleted.  The client waits for it in silence.  One that comes back
 * has it at once.
 */
static int check_there(const kafka_consumer *c, pe_error *errp)
{
    if (atomic_load(&c->client.gone_s) < GONE_S)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "topic %s is not there any more, and broker %s is: it "
                        "was deleted, or another cluster is at that address; "
                        "start another run",
                        c->topic, c->client.endpoint);
}

static int kafka_fetch(broker_consumer *b, int timeout_ms, broker_record *r,
                       pe_error *errp)
{
    kafka_consumer *c = (kafka_consumer *)b;
    rd_kafka_message_t *m;
    int64_t limit = 0;
    int rc;

    while ((m = next_message(c, timeout_ms, &limit))) {
        /* The broker that comes back may have lost its end, and grown beyond
         * where we are since: nothing is taken before that is looked at.
         */
        if (atomic_exchange(&c->client.shaken, false))
            rc = read_again(c, errp);
        else
            rc = m->err ? take_error(c, m, errp) : take(c, m, r, errp);
        if (rc == 1)
            return 1;
        rd_kafka_message_destroy(m);
        if (rc < 0)
            return -1;
        /* The log may end there: no record would end the wait. */
        if (c->only_checks && order_checks(&c->order) == 0)
            return 0;
    }
    return check_there(c, errp);
}

static void kafka_release(broker_record *r)
{
    rd_kafka_message_destroy(r->handle);
}

static int kafka_headers(const broker_record *r, record_headers *h,
                         pe_error *errp)
{
    rd_kafka_headers_t *k;
    rd_kafka_resp_err_t err = rd_kafka_message_headers(r->handle, &k);
    const char *name;
    const void *value;
    size_t len;

    record_clear(h);
    if (err == RD_KAFKA_RESP_ERR__NOENT)
        return 0;
    if (err)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "headers of record %" PRId32 "/%" PRId64
                            " cannot be read: %s",
                            r->partition, r->offset, rd_kafka_err2str(err));
    for (size_t i = 0; i < RECORD_HEADERS_MAX &&
                       !rd_kafka_header_get_all(k, i, &name, &value, &len);
         i++)
        record_add_borrowed(h, name, value, len);
    return 0;
}

static bool kafka_is_away(const broker_consumer *b, char *out, size_t cap)
{
    const kafka_consumer *c = (const kafka_consumer *)b;
    return client_is_away(&c->client, out, cap);
}

static void kafka_answers(const broker_consumer *b, broker_answers *out)
{
    const kafka_consumer *c = (const kafka_consumer *)b;
    client_answers(&c->client, out);
}

static int kafka_fd(const broker_consumer *b)
{
    const kafka_consumer *c = (const kafka_consumer *)b;
    return c->fd;
}

static void kafka_fd_clear(const broker_consumer *b)
{
    const kafka_consumer *c = (const kafka_consumer *)b;
    uint64_t count;
    ssize_t got = read(c->fd, &count, sizeof(count));

    (void)got; /* nothing there: cleared before */
}

static int64_t kafka_high(const broker_consumer *b, int32_t partition)
{
    const kafka_consumer *c = (const kafka_consumer *)b;
    int64_t low, high;

    if (rd_kafka_get_watermark_offsets(c->client.rk, c->topic, partition, &low,
                                       &high) ||
        high < 0)
        return -1;
    return high;
}

static int kafka_partitions(const broker_consumer *b)
{
    const kafka_consumer *c = (const kafka_consumer *)b;
    return atomic_load(&c->client.partitions);
}

/* Not with a commit of this consumer: one that waits for its coordinator
 * holds up the next assignment and the close, by 45 s.
 */
static void send_note(kafka_consumer *c,
                      const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_AlterConsumerGroupOffsets_t *note =
        rd_kafka_AlterConsumerGroupOffsets_new(c->group, list);

    rd_kafka_AlterConsumerGroupOffsets(c->client.rk, &note, 1, NULL, c->notes);
    rd_kafka_AlterConsumerGroupOffsets_destroy(note);
    c->noting = true;
}

static void kafka_note(broker_consumer *b, const broker_position *p, size_t n)
{
    kafka_consumer *c = (kafka_consumer *)b;
    rd_kafka_event_t *answer = rd_kafka_queue_poll(c->notes, 0);
    rd_kafka_topic_partition_list_t *list;

    if (answer) {
        rd_kafka_event_destroy(answer);
        c->noting = false;
    }
    if (c->noting || n == 0)
        return;
    list = make_list(c->topic, p, n);
    send_note(c, list);
    rd_kafka_topic_partition_list_destroy(list);
}

const broker_consumer_ops kafka_consumer_ops = {
    .open = kafka_open,
    .close = kafka_close,
    .assign = kafka_assign,
    .fetch = kafka_fetch,
    .release = kafka_release,
    .headers = kafka_headers,
    .checks = kafka_checks,
    .is_away = kafka_is_away,
    .answers = kafka_answers,
    .fd = kafka_fd,
    .fd_clear = kafka_fd_clear,
    .high = kafka_high,
    .partitions = kafka_partitions,
    .note = kafka_note,
};
