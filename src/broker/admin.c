/* admin.c - topics: create, check, delete; watermarks. */
#include "src/broker/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/client.h"
#include "src/broker/topic.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define WAIT_NS 20000000         /* between two looks at a topic that changes */
#define PASS_NS (100 * CLOCK_MS) /* between two tries of what passes */
#define PASS_MS 1500             /* ... for so long */
#define MORE_MS 5000 /* for a client to say that a request has ended */
#define TRIP_TRIES 8
#define TRIP_SHORT_US 5000 /* below that a host alone may make the rest */
#define TRIP_LEADERS 64

typedef struct kafka_admin {
    broker_admin base;
    client client;
    int limit_ms; /* of one call */
} kafka_admin;

/* What the brokers say of a topic. */
struct topic_state {
    int partitions; /* 0: there is no such topic */
    int led;        /* partitions with a leader */
};

static void kafka_close(broker_admin *b)
{
    kafka_admin *a = (kafka_admin *)b;

    client_close(&a->client);
    free(a);
}

static broker_admin *kafka_open(const broker_conf *c, pe_error *errp)
{
    kafka_admin *a = calloc(1, sizeof(*a));
    rd_kafka_conf_t *k;

    if (!a) {
        pe_error_nomem(errp);
        return NULL;
    }
    k = client_conf(&a->client, c, a, errp);
    /* A consumer, since asking for a topic that is not there makes it when
     * a producer does the asking.
     */
    if (k && client_open(&a->client, RD_KAFKA_CONSUMER, k, errp) == 0) {
        a->limit_ms = (int)(a->client.timeout_s * 1000);
        return &a->base;
    }
    kafka_close(&a->base);
    return NULL;
}

/* Topic [name] cannot be [what]: perhaps later, or never. */
static int topic_error(const char *name, const char *what,
                       rd_kafka_resp_err_t err, const char *why, pe_error *errp)
{
    why = why ? why : rd_kafka_err2str(err);
    switch (err) {
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic '%s' cannot be %s: %s", name, what, why);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "topic '%s' cannot be %s: %s; see 'pilot acl RUN'",
                            name, what, why);
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "topic '%s' cannot be %s: the brokers do not "
                            "answer at the addresses they advertise; 'pilot "
                            "doctor' names those",
                            name, what);
    default:
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "topic '%s' cannot be %s: %s", name, what, why);
    }
}

static int count_led(const rd_kafka_metadata_topic_t *t)
{
    int n = 0;

    for (int i = 0; i < t->partition_cnt; i++)
        n += t->partitions[i].leader >= 0;
    return n;
}

static rd_kafka_resp_err_t take_state(const struct rd_kafka_metadata *md,
                                      struct topic_state *s)
{
    rd_kafka_resp_err_t err = md->topic_cnt == 1
                                  ? md->topics[0].err
                                  : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;

    *s = (struct topic_state){0};
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (err && err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return err;
    s->partitions = md->topics[0].partition_cnt;
    s->led = count_led(&md->topics[0]);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int read_state(kafka_admin *a, const char *name, struct topic_state *s,
                      pe_error *errp)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err;
    rd_kafka_topic_t *t = rd_kafka_topic_new(a->client.rk, name, NULL);

    if (!t)
        return topic_error(name, "read", rd_kafka_last_error(), NULL, errp);
    err = rd_kafka_metadata(a->client.rk, 0, t, &md, a->limit_ms);
    rd_kafka_topic_destroy(t);
    if (!err) {
        err = take_state(md, s);
        rd_kafka_metadata_destroy(md);
    }
    return err ? topic_error(name, "read", err, NULL, errp) : 0;
}

static bool is_led(const struct topic_state *s)
{
    return s->partitions > 0 && s->led == s->partitions;
}

static bool is_gone(const struct topic_state *s)
{
    return s->partitions == 0;
}

/* Look at the topic until it is as [wanted] says. */
static int wait_state(kafka_admin *a, const char *name, const char *what,
                      bool (*wanted)(const struct topic_state *),
                      struct topic_state *s, pe_error *errp)
{
    int64_t limit = clock_mono_ns() + a->limit_ms * CLOCK_MS;

    for (;;) {
        if (read_state(a, name, s, errp) < 0)
            return -1;
        if (wanted(s))
            return 0;
        if (clock_mono_ns() > limit)
            return topic_error(name, what, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL,
                               errp);
        clock_sleep_ns(WAIT_NS, 1);
    }
}

/* A request ends when we cease to wait for it: else one that met no broker
 * would be sent, and done, when there is one and nobody thinks of it any more.
 */
static rd_kafka_AdminOptions_t *limit_make(const kafka_admin *a,
                                           rd_kafka_admin_op_t op)
{
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(a->client.rk, op);
    char why[128];

    rd_kafka_AdminOptions_set_request_timeout(o, a->limit_ms, why, sizeof(why));
    return o;
}

/* The answer to a request sent to [q] with [limit], which both are destroyed;
 * NULL on error.
 */
static rd_kafka_event_t *wait_answer(kafka_admin *a, rd_kafka_queue_t *q,
                                     rd_kafka_AdminOptions_t *limit,
                                     const char *name, const char *what,
                                     pe_error *errp)
{
    rd_kafka_event_t *ev = rd_kafka_queue_poll(q, a->limit_ms + MORE_MS);
    rd_kafka_resp_err_t err =
        ev ? rd_kafka_event_error(ev) : RD_KAFKA_RESP_ERR__TIMED_OUT;

    rd_kafka_queue_destroy(q);
    rd_kafka_AdminOptions_destroy(limit);
    if (!err)
        return ev;
    topic_error(name, what, err, ev ? rd_kafka_event_error_string(ev) : NULL,
                errp);
    if (ev)
        rd_kafka_event_destroy(ev);
    return NULL;
}

/* What the brokers say to the one topic of a request; [fine] is no error. */
static int check_result(const rd_kafka_topic_result_t **r, size_t n,
                        rd_kafka_resp_err_t fine, const char *name,
                        const char *what, pe_error *errp)
{
    rd_kafka_resp_err_t err =
        n ? rd_kafka_topic_result_error(r[0]) : RD_KAFKA_RESP_ERR__FAIL;

    if (!err || err == fine)
        return 0;
    return topic_error(name, what, err,
                       n ? rd_kafka_topic_result_error_string(r[0]) : NULL,
                       errp);
}

/* The replication factor and min.insync.replicas are the brokers' own. */
static rd_kafka_NewTopic_t *describe_topic(const broker_topic *t,
                                           pe_error *errp)
{
    char text[128];
    rd_kafka_NewTopic_t *n =
        rd_kafka_NewTopic_new(t->name, t->partitions, -1, text, sizeof(text));

    if (!n) {
        topic_error(t->name, "created", RD_KAFKA_RESP_ERR__INVALID_ARG, text,
                    errp);
        return NULL;
    }
    rd_kafka_NewTopic_set_config(n, "cleanup.policy", "delete");
    /* A device may have no clock: by its own time a record of 1970 would be
     * deleted at once, and one of tomorrow never be taken.
     */
    rd_kafka_NewTopic_set_config(n, "message.timestamp.type", "LogAppendTime");
    snprintf(text, sizeof(text), "%" PRIu64, t->message_bytes);
    if (t->message_bytes > 0)
        rd_kafka_NewTopic_set_config(n, "max.message.bytes", text);
    snprintf(text, sizeof(text), "%.0f", t->retention_s * 1000);
    if (t->retention_s > 0)
        rd_kafka_NewTopic_set_config(n, "retention.ms", text);
    return n;
}

static int create_topic(kafka_admin *a, const broker_topic *t, pe_error *errp)
{
    rd_kafka_NewTopic_t *n = describe_topic(t, errp);
    const rd_kafka_topic_result_t **r;
    rd_kafka_AdminOptions_t *limit;
    rd_kafka_queue_t *q;
    rd_kafka_event_t *ev;
    size_t count;
    int rc;

    if (!n)
        return -1;
    q = rd_kafka_queue_new(a->client.rk);
    limit = limit_make(a, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(a->client.rk, &n, 1, limit, q);
    rd_kafka_NewTopic_destroy(n);
    ev = wait_answer(a, q, limit, t->name, "created", errp);
    if (!ev)
        return -1;
    r = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(ev), &count);
    /* Somebody else was faster: the check tells whether it fits. */
    rc = check_result(r, count, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, t->name,
                      "created", errp);
    rd_kafka_event_destroy(ev);
    return rc;
}

static int check_settings(const kafka_admin *a, const broker_topic *t,
                          const rd_kafka_ConfigResource_t *r, pe_error *errp)
{
    size_t n;
    const rd_kafka_ConfigEntry_t **e = rd_kafka_ConfigResource_configs(r, &n);

    /* Who may not look still may write: the first large record tells. */
    if (rd_kafka_ConfigResource_error(r)) {
        log_debug("settings of topic %s are not told: %s", t->name,
                  rd_kafka_ConfigResource_error_string(r));
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        if (topic_check_setting(t, a->client.endpoint,
                                rd_kafka_ConfigEntry_name(e[i]),
                                rd_kafka_ConfigEntry_value(e[i]), errp) < 0)
            return -1;
    for (size_t i = 0; i < n; i++) {
        char text[600];

        if (topic_warning(t, a->client.endpoint,
                          rd_kafka_ConfigEntry_name(e[i]),
                          rd_kafka_ConfigEntry_value(e[i]), text, sizeof(text)))
            log_warn("%s", text);
    }
    return 0;
}

static int check_topic(kafka_admin *a, const broker_topic *t, pe_error *errp)
{
    rd_kafka_ConfigResource_t *asked =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
    const rd_kafka_ConfigResource_t **r;
    rd_kafka_AdminOptions_t *limit;
    rd_kafka_queue_t *q;
    rd_kafka_event_t *ev;
    size_t n;
    int rc;

    if (!asked)
        return pe_error_nomem(errp);
    q = rd_kafka_queue_new(a->client.rk);
    limit = limit_make(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(a->client.rk, &asked, 1, limit, q);
    rd_kafka_ConfigResource_destroy(asked);
    ev = wait_answer(a, q, limit, t->name, "described", errp);
    if (!ev)
        return -1;
    r = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(ev), &n);
    rc = n ? check_settings(a, t, r[0], errp) : 0;
    rd_kafka_event_destroy(ev);
    return rc;
}

static int kafka_topic_ensure(broker_admin *b, const broker_topic *t,
                              int *partitionsp, pe_error *errp)
{
    kafka_admin *a = (kafka_admin *)b;
    struct topic_state s;

    if (read_state(a, t->name, &s, errp) < 0)
        return -1;
    if (is_gone(&s) &&
        (create_topic(a, t, errp) < 0 ||
         wait_state(a, t->name, "used: its partitions have no leader", is_led,
                    &s, errp) < 0))
        return -1;
    if (topic_check_partitions(t, a->client.endpoint, s.partitions, errp) < 0 ||
        check_topic(a, t, errp) < 0)
        return -1;
    *partitionsp = s.partitions;
    return 0;
}

static int kafka_topic_partitions(broker_admin *b, const char *name,
                                  int *partitionsp, pe_error *errp)
{
    kafka_admin *a = (kafka_admin *)b;
    struct topic_state s;

    if (read_state(a, name, &s, errp) < 0)
        return -1;
    *partitionsp = s.partitions;
    return 0;
}

static int kafka_topic_delete(broker_admin *b, const char *name, pe_error *errp)
{
    kafka_admin *a = (kafka_admin *)b;
    rd_kafka_DeleteTopic_t *d = rd_kafka_DeleteTopic_new(name);
    const rd_kafka_topic_result_t **r;
    struct topic_state s;
    rd_kafka_AdminOptions_t *limit;
    rd_kafka_queue_t *q;
    rd_kafka_event_t *ev;
    size_t n;
    int rc;

    if (!d)
        return pe_error_nomem(errp);
    q = rd_kafka_queue_new(a->client.rk);
    limit = limit_make(a, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopics(a->client.rk, &d, 1, limit, q);
    rd_kafka_DeleteTopic_destroy(d);
    ev = wait_answer(a, q, limit, name, "deleted", errp);
    if (!ev)
        return -1;
    r = rd_kafka_DeleteTopics_result_topics(
        rd_kafka_event_DeleteTopics_result(ev), &n);
    rc = check_result(r, n, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, name,
                      "deleted", errp);
    rd_kafka_event_destroy(ev);
    return rc < 0 ? -1 : wait_state(a, name, "deleted", is_gone, &s, errp);
}

static int64_t passes_until(const kafka_admin *a)
{
    int ms = a->limit_ms < PASS_MS ? a->limit_ms : PASS_MS;

    return clock_mono_ns() + ms * CLOCK_MS;
}

/* A broker that has just come back may not know yet what it has. */
static bool passes(rd_kafka_resp_err_t err, int64_t until)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
        if (clock_mono_ns() >= until)
            return false;
        clock_sleep_ns(PASS_NS, 0);
        return true;
    default:
        return false;
    }
}

/* One look; the first error of a partition. */
static rd_kafka_resp_err_t edges_ask(kafka_admin *a,
                                     rd_kafka_topic_partition_list_t *at,
                                     int64_t which, int64_t *out)
{
    rd_kafka_resp_err_t err;

    for (int i = 0; i < at->cnt; i++)
        at->elems[i].offset = which;
    err = rd_kafka_offsets_for_times(a->client.rk, at, a->limit_ms);
    for (int i = 0; i < at->cnt; i++) {
        err = err ? err : at->elems[i].err;
        out[i] = at->elems[i].err ? -1 : at->elems[i].offset;
    }
    return err;
}

/* The first or the next offset of [n] partitions, as [which] says.  The
 * client's own question for both may give the end for the beginning.
 */
static rd_kafka_resp_err_t edges_read(kafka_admin *a, const char *topic,
                                      const int32_t *partition, size_t n,
                                      int64_t which, int64_t *out)
{
    rd_kafka_topic_partition_list_t *at =
        rd_kafka_topic_partition_list_new((int)n);
    int64_t until = passes_until(a);
    rd_kafka_resp_err_t err;

    for (size_t i = 0; at && i < n; i++)
        rd_kafka_topic_partition_list_add(at, topic, partition[i])->offset =
            which; /* taken for a time: the oldest there is, or the newest */
    if (!at)
        return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    do
        err = edges_ask(a, at, which, out);
    while (err && passes(err, until));
    rd_kafka_topic_partition_list_destroy(at);
    return err;
}

static int kafka_watermarks(broker_admin *b, const char *topic,
                            int32_t partition, int64_t *lowp, int64_t *highp,
                            pe_error *errp)
{
    kafka_admin *a = (kafka_admin *)b;
    int64_t low, high;
    rd_kafka_resp_err_t err =
        edges_read(a, topic, &partition, 1, RD_KAFKA_OFFSET_BEGINNING, &low);

    if (!err)
        err = edges_read(a, topic, &partition, 1, RD_KAFKA_OFFSET_END, &high);
    if (err)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "offsets of %s/%" PRId32 " cannot be read: %s",
                            topic, partition, rd_kafka_err2str(err));
    *lowp = low;
    *highp = high;
    return 0;
}

static int kafka_ends(broker_admin *b, const char *topic,
                      const int32_t *partition, int64_t *end, size_t n,
                      pe_error *errp)
{
    rd_kafka_resp_err_t err = edges_read((kafka_admin *)b, topic, partition, n,
                                         RD_KAFKA_OFFSET_END, end);

    return !err ? 0
                : pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                               "the ends of topic '%s' cannot be read: %s",
                               topic, rd_kafka_err2str(err));
}

/* The leader of each of [n] partitions, -1: it has none. */
static int leaders_read(kafka_admin *a, const char *topic, int32_t n,
                        int32_t *leader, pe_error *errp)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err;
    rd_kafka_topic_t *t = rd_kafka_topic_new(a->client.rk, topic, NULL);

    for (int32_t k = 0; k < n; k++)
        leader[k] = -1;
    if (!t)
        return topic_error(topic, "read", rd_kafka_last_error(), NULL, errp);
    err = rd_kafka_metadata(a->client.rk, 0, t, &md, a->limit_ms);
    rd_kafka_topic_destroy(t);
    if (err)
        return topic_error(topic, "read", err, NULL, errp);
    for (int i = 0; md->topic_cnt == 1 && i < md->topics[0].partition_cnt; i++)
        if (md->topics[0].partitions[i].id < n)
            leader[md->topics[0].partitions[i].id] =
                md->topics[0].partitions[i].leader;
    rd_kafka_metadata_destroy(md);
    return 0;
}

/* One leader, by its partition [k].  The first question may have to connect. */
static int trip_time(kafka_admin *a, const char *topic, int32_t k, int32_t *usp,
                     pe_error *errp)
{
    int64_t best = INT32_MAX;

    for (int i = 0; i < TRIP_TRIES && best > TRIP_SHORT_US; i++) {
        int64_t end, from = clock_mono_ns(), us;

        if (kafka_ends(&a->base, topic, &k, &end, 1, errp) < 0)
            return -1;
        us = (clock_mono_ns() - from) / CLOCK_US;
        best = us < best ? us : best;
    }
    *usp = best > 0 ? (int32_t)best : 1;
    return 0;
}

static int kafka_trips(broker_admin *b, const char *topic, int32_t n,
                       int32_t *us, pe_error *errp)
{
    kafka_admin *a = (kafka_admin *)b;
    int32_t *leader = calloc((size_t)n + 1, sizeof(*leader));
    int rc =
        leader ? leaders_read(a, topic, n, leader, errp) : pe_error_nomem(errp);
    int asked = 0;

    memset(us, 0, (size_t)n * sizeof(*us));
    for (int32_t k = 0; rc == 0 && k < n && asked < TRIP_LEADERS; k++) {
        if (leader[k] < 0 || us[k] > 0)
            continue;
        rc = trip_time(a, topic, k, &us[k], errp);
        asked++;
        for (int32_t j = k + 1; rc == 0 && j < n; j++)
            if (leader[j] == leader[k])
                us[j] = us[k];
    }
    free(leader);
    return rc;
}

static int kafka_each(broker_admin *b,
                      void (*each)(void *arg, const char *host, int port),
                      void *arg, pe_error *errp)
{
    kafka_admin *a = (kafka_admin *)b;
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(a->client.rk, 0, NULL, &md, a->limit_ms);

    if (err)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "broker %s does not say who is in its cluster: %s",
                            a->client.endpoint, rd_kafka_err2str(err));
    for (int i = 0; i < md->broker_cnt; i++)
        each(arg, md->brokers[i].host, md->brokers[i].port);
    rd_kafka_metadata_destroy(md);
    return 0;
}

rd_kafka_event_t *admin_create_acls(broker_admin *b,
                                    rd_kafka_AclBinding_t **acls, size_t n)
{
    kafka_admin *a = (kafka_admin *)b;
    rd_kafka_queue_t *q = rd_kafka_queue_new(a->client.rk);
    rd_kafka_AdminOptions_t *limit =
        limit_make(a, RD_KAFKA_ADMIN_OP_CREATEACLS);
    rd_kafka_event_t *ev;

    rd_kafka_CreateAcls(a->client.rk, acls, n, limit, q);
    ev = rd_kafka_queue_poll(q, a->limit_ms + MORE_MS);
    rd_kafka_queue_destroy(q);
    rd_kafka_AdminOptions_destroy(limit);
    return ev;
}

const broker_admin_ops kafka_admin_ops = {
    .login_check = client_login_check,
    .open = kafka_open,
    .close = kafka_close,
    .ensure = kafka_topic_ensure,
    .remove = kafka_topic_delete,
    .each = kafka_each,
    .partitions = kafka_topic_partitions,
    .watermarks = kafka_watermarks,
    .ends = kafka_ends,
    .trips = kafka_trips,
    .acl = kafka_acl_put,
};
