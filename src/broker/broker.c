/* broker.c - which broker does it: what an endpoint says. */
#include "src/broker/broker.h"

#include <string.h>

#include "src/broker/ops.h"

bool broker_is_redis(const char *endpoint)
{
    static const char *const schemes[] = {"redis://", "rediss://", "unix://"};

    for (size_t i = 0; endpoint && i < sizeof(schemes) / sizeof(*schemes); i++)
        if (!strncmp(endpoint, schemes[i], strlen(schemes[i])))
            return true;
    return false;
}

static const broker_admin_ops *admin_ops(const broker_conf *c)
{
    return broker_is_redis(c->endpoint) ? &stream_admin_ops : &kafka_admin_ops;
}

int broker_login_check(const broker_conf *c, pe_error *errp)
{
    return admin_ops(c)->login_check(c, errp);
}

/* --- admin --- */

broker_admin *broker_admin_open(const broker_conf *c, pe_error *errp)
{
    const broker_admin_ops *ops = admin_ops(c);
    broker_admin *a = ops->open(c, errp);

    if (a)
        a->ops = ops;
    return a;
}

void broker_admin_close(broker_admin *a)
{
    if (a)
        a->ops->close(a);
}

int broker_topic_ensure(broker_admin *a, const broker_topic *t,
                        int *partitionsp, pe_error *errp)
{
    return a->ops->ensure(a, t, partitionsp, errp);
}

int broker_topic_delete(broker_admin *a, const char *name, pe_error *errp)
{
    return a->ops->remove(a, name, errp);
}

int broker_admin_each(broker_admin *a,
                      void (*each)(void *arg, const char *host, int port),
                      void *arg, pe_error *errp)
{
    return a->ops->each(a, each, arg, errp);
}

int broker_topic_partitions(broker_admin *a, const char *name, int *partitionsp,
                            pe_error *errp)
{
    return a->ops->partitions(a, name, partitionsp, errp);
}

int broker_watermarks(broker_admin *a, const char *topic, int32_t partition,
                      int64_t *lowp, int64_t *highp, pe_error *errp)
{
    return a->ops->watermarks(a, topic, partition, lowp, highp, errp);
}

int broker_ends(broker_admin *a, const char *topic, const int32_t *partition,
                int64_t *end, size_t n, pe_error *errp)
{
    return a->ops->ends(a, topic, partition, end, n, errp);
}

int broker_trips(broker_admin *a, const char *topic, int32_t n, int32_t *us,
                 pe_error *errp)
{
    return a->ops->trips(a, topic, n, us, errp);
}

/* --- producer --- */

broker_producer *broker_producer_open(const broker_producer_conf *c,
                                      pe_error *errp)
{
    const broker_producer_ops *ops = broker_is_redis(c->broker.endpoint)
                                         ? &stream_producer_ops
                                         : &kafka_producer_ops;
    broker_producer *p = ops->open(c, errp);

    if (p)
        p->ops = ops;
    return p;
}

void broker_producer_close(broker_producer *p)
{
    if (p)
        p->ops->close(p);
}

int broker_produce(broker_producer *p, const broker_output *o, pe_error *errp)
{
    return p->ops->produce(p, o, errp);
}

int broker_producer_poll(broker_producer *p, int timeout_ms)
{
    return p->ops->poll(p, timeout_ms);
}

int broker_producer_pending(const broker_producer *p)
{
    return p->ops->pending(p);
}

void broker_producer_answers(const broker_producer *p, broker_answers *out)
{
    p->ops->answers(p, out);
}

int broker_producer_flush(broker_producer *p, int timeout_ms, pe_error *errp)
{
    return p->ops->flush(p, timeout_ms, errp);
}

int broker_producer_error(const broker_producer *p, pe_error *errp)
{
    return p->ops->error(p, errp);
}

/* --- consumer --- */

broker_consumer *broker_consumer_open(const broker_consumer_conf *c,
                                      pe_error *errp)
{
    const broker_consumer_ops *ops = broker_is_redis(c->broker.endpoint)
                                         ? &stream_consumer_ops
                                         : &kafka_consumer_ops;
    broker_consumer *o = ops->open(c, errp);

    if (o)
        o->ops = ops;
    return o;
}

void broker_consumer_close(broker_consumer *c)
{
    if (c)
        c->ops->close(c);
}

int broker_consumer_assign(broker_consumer *c, const broker_position *p,
                           size_t n, pe_error *errp)
{
    return c->ops->assign(c, p, n, errp);
}

int broker_consumer_fetch(broker_consumer *c, int timeout_ms, broker_record *r,
                          pe_error *errp)
{
    int rc = c->ops->fetch(c, timeout_ms, r, errp);

    if (rc == 1)
        r->ops = c->ops;
    return rc;
}

size_t broker_consumer_checks(const broker_consumer *c)
{
    return c->ops->checks(c);
}

void broker_record_release(broker_record *r)
{
    if (r->handle)
        r->ops->release(r);
    r->handle = NULL;
}

int broker_record_headers(const broker_record *r, record_headers *h,
                          pe_error *errp)
{
    return r->ops->headers(r, h, errp);
}

bool broker_consumer_is_away(const broker_consumer *c, char *out, size_t cap)
{
    return c->ops->is_away(c, out, cap);
}

void broker_consumer_answers(const broker_consumer *c, broker_answers *out)
{
    c->ops->answers(c, out);
}

int broker_consumer_fd(const broker_consumer *c)
{
    return c->ops->fd(c);
}

void broker_consumer_fd_clear(const broker_consumer *c)
{
    c->ops->fd_clear(c);
}

int64_t broker_consumer_high(const broker_consumer *c, int32_t partition)
{
    return c->ops->high(c, partition);
}

int broker_consumer_partitions(const broker_consumer *c)
{
    return c->ops->partitions(c);
}

void broker_consumer_note(broker_consumer *c, const broker_position *p,
                          size_t n)
{
    c->ops->note(c, p, n);
}
