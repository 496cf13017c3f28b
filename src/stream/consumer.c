/* consumer.c - records of given partitions out of the streams of a
 * Redis: what is read of them, in the order that the reader wants.
 */
#include "src/stream/fetch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/order.h"
#include "src/common/clock.h"

typedef struct stream_consumer {
    broker_consumer base;
    fetcher *fetcher;
    char *topic, *group;
    bool only_checks, gaps_allowed;
    order order;
} stream_consumer;

static void consumer_close(broker_consumer *b)
{
    stream_consumer *c = (stream_consumer *)b;

    fetcher_close(c->fetcher);
    order_free(&c->order);
    free(c->topic);
    free(c->group);
    free(c);
}

static broker_consumer *consumer_open(const broker_consumer_conf *conf,
                                      pe_error *errp)
{
    stream_consumer *c = calloc(1, sizeof(*c));

    if (!c) {
        pe_error_nomem(errp);
        return NULL;
    }
    c->topic = strdup(conf->topic);
    c->group = strdup(conf->group);
    if (!c->topic || !c->group) {
        pe_error_nomem(errp);
        goto error;
    }
    c->order.topic = c->topic;
    c->order.gaps_allowed = c->gaps_allowed = conf->gaps_allowed;
    c->only_checks = conf->only_checks;
    c->fetcher = fetcher_open(conf, c->topic, errp);
    if (c->fetcher)
        return &c->base;
error:
    consumer_close(&c->base);
    return NULL;
}

static int consumer_assign(broker_consumer *b, const broker_position *p,
                           size_t n, pe_error *errp)
{
    stream_consumer *c = (stream_consumer *)b;

    if (order_assign(&c->order, p, n, errp) < 0)
        return -1;
    return fetcher_assign(c->fetcher, p, n, errp);
}

/* Read on from where we are, and look again at the record in front of it. */
static int read_again(stream_consumer *c, pe_error *errp)
{
    broker_position *p = calloc(order_count(&c->order) + 1, sizeof(*p));
    size_t n;
    int rc;

    if (!p)
        return pe_error_nomem(errp);
    n = order_again(&c->order, p);
    rc = fetcher_assign(c->fetcher, p, n, errp);
    free(p);
    return rc;
}

/* As Kafka's client has it: that record is not kept, or not any more. */
static int not_there(const stream_consumer *c, int32_t partition,
                     int64_t offset, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "record %s/%" PRId32 "/%" PRId64
                        " is not in the log: it was deleted, or the topic made "
                        "again; start another run",
                        c->topic, partition, offset);
}

/* The stream ends in front of what is to be read. */
static int take_short(stream_consumer *c, const fetched *f, pe_error *errp)
{
    if (order_next(&c->order, f->partition) < 0)
        return 0; /* of an assignment of before */
    if (c->only_checks) {
        order_uncheck(&c->order, f->partition);
        return 0;
    }
    return not_there(c, f->partition, f->offset, errp);
}

static void fill_record(fetched *f, broker_record *r)
{
    *r = (broker_record){
        .handle = f->entry, .partition = f->partition, .offset = f->offset};
    fetched_fields(f->entry, r);
    r->mark = order_mark_of(r, r->time_ns / CLOCK_MS);
}

/* Was the record in front of a position trimmed, or where we are? */
static int check_front(stream_consumer *c, const fetched *f, pe_error *errp)
{
    int64_t next = order_next(&c->order, f->partition);

    if (next < 0 || f->offset < next || c->gaps_allowed)
        return 0;
    order_uncheck(&c->order, f->partition);
    return f->offset == next ? 0 : not_there(c, f->partition, next, errp);
}

static int take(stream_consumer *c, fetched *f, broker_record *r,
                pe_error *errp)
{
    int rc;

    if (!f->entry)
        return take_short(c, f, errp);
    fill_record(f, r);
    if (order_is_check(&c->order, f->partition, f->offset))
        return order_check(&c->order, f->partition, r->mark, errp);
    if (check_front(c, f, errp) < 0)
        return -1;
    rc = order_take(&c->order, f->partition, f->offset, errp);
    if (rc == 1)
        order_mark(&c->order, f->partition, r->mark);
    return rc;
}

static int consumer_fetch(broker_consumer *b, int timeout_ms, broker_record *r,
                          pe_error *errp)
{
    stream_consumer *c = (stream_consumer *)b;
    int64_t limit = clock_mono_ns() + timeout_ms * CLOCK_MS;
    fetched f;
    int rc;

    for (;;) {
        rc = fetcher_next(c->fetcher, limit, &f, errp);
        if (rc <= 0)
            return rc;
        /* What comes back may have lost its end, and grown beyond where we are
         * since: nothing is taken before that is looked at.
         */
        if (fetcher_shaken(c->fetcher))
            rc = read_again(c, errp);
        else
            rc = take(c, &f, r, errp);
        if (rc == 1)
            return 1;
        fetched_free(f.entry);
        if (rc < 0)
            return -1;
        if (c->only_checks && order_checks(&c->order) == 0)
            return 0;
    }
}

static void consumer_release(broker_record *r)
{
    fetched_free(r->handle);
}

static int consumer_headers(const broker_record *r, record_headers *h,
                            pe_error *errp)
{
    (void)errp;
    fetched_headers(r->handle, h);
    return 0;
}

static size_t consumer_checks(const broker_consumer *b)
{
    return order_checks(&((const stream_consumer *)b)->order);
}

static bool consumer_is_away(const broker_consumer *b, char *out, size_t cap)
{
    return fetcher_is_away(((const stream_consumer *)b)->fetcher, out, cap);
}

static void consumer_answers(const broker_consumer *b, broker_answers *out)
{
    fetcher_answers(((const stream_consumer *)b)->fetcher, out);
}

static int consumer_fd(const broker_consumer *b)
{
    return fetcher_fd(((const stream_consumer *)b)->fetcher);
}

static void consumer_fd_clear(const broker_consumer *b)
{
    fetcher_fd_clear(((const stream_consumer *)b)->fetcher);
}

static int64_t consumer_high(const broker_consumer *b, int32_t partition)
{
    return fetcher_high(((const stream_consumer *)b)->fetcher, partition);
}

static int consumer_partitions(const broker_consumer *b)
{
    return fetcher_partitions(((const stream_consumer *)b)->fetcher);
}

static void consumer_note(broker_consumer *b, const broker_position *p,
                          size_t n)
{
    stream_consumer *c = (stream_consumer *)b;

    fetcher_note(c->fetcher, c->group, p, n);
}

const broker_consumer_ops stream_consumer_ops = {
    .open = consumer_open,
    .close = consumer_close,
    .assign = consumer_assign,
    .fetch = consumer_fetch,
    .release = consumer_release,
    .headers = consumer_headers,
    .checks = consumer_checks,
    .is_away = consumer_is_away,
    .answers = consumer_answers,
    .fd = consumer_fd,
    .fd_clear = consumer_fd_clear,
    .high = consumer_high,
    .partitions = consumer_partitions,
    .note = consumer_note,
};
