/* topics.c - the topics of a run. */
#include "topics.h"

#include "src/broker/broker.h"

static int ensure(const pipeline *p, const pipeline_request *r, broker_admin *a,
                  const char *suffix, pe_error *errp)
{
    char name[256];
    int partitions;

    pipeline_topic(p, r->run, suffix, name, sizeof(name));
    const broker_topic t = {
        .name = name,
        .partitions = p->partitions,
        .message_bytes =
            p->message_bytes + (*suffix ? PIPELINE_HEADER_BYTES : 0),
        .gaps_allowed = p->gaps_allowed,
    };
    return broker_topic_ensure(a, &t, &partitions, errp);
}

static broker_admin *admin_open(const pipeline_request *r, pe_error *errp)
{
    broker_conf c = {0};

    pipeline_request_broker(r, &c, "pilot-run");
    return broker_admin_open(&c, errp);
}

int topics_ensure(const pipeline *p, const pipeline_request *r, pe_error *errp)
{
    broker_admin *a = admin_open(r, errp);
    int status = a ? ensure(p, r, a, "", errp) : -1;

    if (status == 0 && p->results)
        status = ensure(p, r, a, ".results", errp);
    if (status == 0)
        status = ensure(p, r, a, ".refused", errp);
    broker_admin_close(a);
    return status;
}

int topics_high(const pipeline *p, const pipeline_request *r, int partition,
                int64_t *highp, pe_error *errp)
{
    broker_admin *a = admin_open(r, errp);
    char topic[256];
    int64_t low;
    int status;

    if (!a)
        return -1;
    pipeline_topic(p, r->run, "", topic, sizeof(topic));
    status = broker_watermarks(a, topic, partition, &low, highp, errp);
    broker_admin_close(a);
    return status;
}
