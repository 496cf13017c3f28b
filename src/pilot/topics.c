/* topics.c - the topics of a run. */
#include "topics.h"

#include "src/broker/broker.h"
#include "src/common/log.h"

#define ENDS_TIMEOUT_S 1.0

static int ensure(const pipeline *p, const pipeline_request *r, broker_admin *a,
                  const char *suffix, pe_error *errp)
{
    char name[256];
    int partitions;

    const bool theirs = !pipeline_topic_is_own(p, suffix);
    /* Nothing of ours goes there. */
    const bool only_read = theirs && !*suffix && p->shape == PIPELINE_POOLS;

    pipeline_topic(p, r->run, suffix, name, sizeof(name));
    const broker_topic t = {
        .name = name,
        .partitions = p->partitions,
        .message_bytes =
            p->message_bytes + (*suffix ? PIPELINE_HEADER_BYTES : 0),
        .gaps_allowed = p->gaps_allowed,
        .device_clocks = !*suffix && !only_read,
        .theirs = theirs,
        .stream = p->stream_name,
    };
    if (broker_topic_ensure(a, &t, &partitions, errp) < 0)
        return -1;
    if (!*suffix && partitions > p->partitions)
        log_warn("topic %s has %d partitions and the run reads %d of them: "
                 "what others write to the rest is not read; set "
                 "streams.%s.partitions to %d to read all",
                 name, partitions, p->partitions, p->stream_name, partitions);
    return 0;
}

static broker_admin *admin_open(const pipeline_request *r, pe_error *errp)
{
    broker_conf c = {0};

    pipeline_request_broker(r, &c, "pilot-run");
    return broker_admin_open(&c, errp);
}

static int ensure_layer(const pipeline *p, const pipeline_request *r,
                        pe_error *errp)
{
    broker_admin *a = admin_open(r, errp);
    int status = a ? ensure(p, r, a, "", errp) : -1;

    if (status == 0 && p->results)
        status = ensure(p, r, a, PIPELINE_RESULTS, errp);
    if (status == 0)
        status = ensure(p, r, a, PIPELINE_REFUSED, errp);
    broker_admin_close(a);
    return status;
}

/* The one that devices write to: of all others they may see nothing. */
static int ensure_first(const pipeline *p, const pipeline_request *r,
                        pe_error *errp)
{
    broker_admin *a;
    pipeline_request at;
    pipeline of;
    int status;

    pipeline_peek(p, r, 0, &of, &at);
    a = admin_open(&at, errp);
    status = a ? ensure(&of, &at, a, "", errp) : -1;
    broker_admin_close(a);
    return status;
}

int topics_ensure(const pipeline *p, const pipeline_request *r,
                  enum login_role role, pe_error *errp)
{
    pipeline_request at;
    pipeline of;
    int status = 0;

    if (role == LOGIN_DEVICE && p->n_streams > 0)
        return ensure_first(p, r, errp);
    for (size_t k = 0; status == 0 && k < p->n_streams; k++) {
        pipeline_peek(p, r, k, &of, &at);
        status = ensure_layer(&of, &at, errp);
    }
    return status;
}

static int delete_layer(const pipeline *p, const pipeline_request *r,
                        pe_error *errp)
{
    static const char *const suffixes[] = {"", PIPELINE_RESULTS,
                                           PIPELINE_REFUSED};
    broker_admin *a = admin_open(r, errp);
    int status = a ? 0 : -1;
    char name[256];

    for (size_t i = 0; status == 0 && i < 3; i++) {
        pipeline_topic(p, r->run, suffixes[i], name, sizeof(name));
        if (pipeline_topic_is_own(p, suffixes[i]))
            status = broker_topic_delete(a, name, errp);
        else
            log_info("topic %s is not this run's alone and stays", name);
    }
    broker_admin_close(a);
    return status;
}

int topics_delete(const pipeline *p, const pipeline_request *r, pe_error *errp)
{
    pipeline_request at;
    pipeline of;
    int status = 0;

    for (size_t k = 0; status == 0 && k < p->n_streams; k++) {
        pipeline_peek(p, r, k, &of, &at);
        status = delete_layer(&of, &at, errp);
    }
    return status;
}

int topics_ends(const pipeline *p, const pipeline_request *r, int64_t *ends,
                pe_error *errp)
{
    broker_conf c = {0};
    broker_admin *a;
    char topic[256];
    int64_t low;
    int status = 0;

    pipeline_request_broker(r, &c, "pilot-run");
    c.timeout_s = ENDS_TIMEOUT_S;
    a = broker_admin_open(&c, errp);
    if (!a)
        return -1;
    pipeline_topic(p, r->run, "", topic, sizeof(topic));
    for (int i = 0; status == 0 && i < p->partitions; i++)
        status = broker_watermarks(a, topic, i, &low, &ends[i], errp);
    broker_admin_close(a);
    return status;
}
