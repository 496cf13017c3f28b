/* admin.c - topics: create or check, watermarks. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"

enum { LIMIT_MS = 15000 };

struct broker_admin {
    rd_kafka_t *rk;
};

broker_admin *broker_admin_open(const broker_conf *c, pe_error *errp)
{
    broker_admin *a = calloc(1, sizeof(*a));
    rd_kafka_conf_t *k;

    if (!a) {
        pe_error_nomem(errp);
        return NULL;
    }
    k = client_conf(c, errp);
    if (k)
        a->rk = client_new(RD_KAFKA_PRODUCER, k, errp);
    if (a->rk && client_contact(a->rk, c, errp) == 0)
        return a;
    broker_admin_close(a);
    return NULL;
}

void broker_admin_close(broker_admin *a)
{
    if (!a)
        return;
    if (a->rk)
        rd_kafka_destroy(a->rk);
    free(a);
}

static int admin_error(const char *what, const char *topic, const char *why,
                       pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "topic %s cannot be %s: %s", topic, what, why);
}

/* Partitions of [topic] that have a leader: 0 when there is none. */
static int count_partitions(broker_admin *a, const char *topic, pe_error *errp)
{
    rd_kafka_topic_t *t = rd_kafka_topic_new(a->rk, topic, NULL);
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err;
    int n = 0;

    if (!t)
        return admin_error("read", topic, "no such name", errp);
    err = rd_kafka_metadata(a->rk, 0, t, &md, LIMIT_MS);
    rd_kafka_topic_destroy(t);
    if (err)
        return admin_error("read", topic, rd_kafka_err2str(err), errp);
    if (md->topic_cnt == 1 && !md->topics[0].err)
        for (int i = 0; i < md->topics[0].partition_cnt; i++)
            n += md->topics[0].partitions[i].leader >= 0;
    rd_kafka_metadata_destroy(md);
    return n;
}

/* Run one admin request; its event, or NULL. */
static rd_kafka_event_t *wait_event(rd_kafka_queue_t *q, const char *what,
                                    const char *topic, pe_error *errp)
{
    rd_kafka_event_t *ev = rd_kafka_queue_poll(q, LIMIT_MS);

    if (ev && !rd_kafka_event_error(ev))
        return ev;
    admin_error(what, topic, ev ? rd_kafka_event_error_string(ev) : "no answer",
                errp);
    if (ev)
        rd_kafka_event_destroy(ev);
    return NULL;
}

static rd_kafka_NewTopic_t *new_topic(const broker_topic *t, char *why,
                                      size_t cap)
{
    rd_kafka_NewTopic_t *n =
        rd_kafka_NewTopic_new(t->name, t->partitions, 1, why, cap);
    char number[32];

    if (!n)
        return NULL;
    snprintf(number, sizeof(number), "%llu",
             (unsigned long long)t->message_bytes);
    rd_kafka_NewTopic_set_config(n, "max.message.bytes", number);
    rd_kafka_NewTopic_set_config(n, "cleanup.policy", "delete");
    if (t->retention_s > 0) {
        snprintf(number, sizeof(number), "%.0f", t->retention_s * 1000);
        rd_kafka_NewTopic_set_config(n, "retention.ms", number);
    }
    return n;
}

static int check_created(rd_kafka_event_t *ev, const char *topic,
                         pe_error *errp)
{
    size_t n = 0;
    const rd_kafka_topic_result_t **r = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(ev), &n);
    rd_kafka_resp_err_t err =
        n ? rd_kafka_topic_result_error(r[0]) : RD_KAFKA_RESP_ERR__FAIL;

    if (!err || err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s cannot be created: %s", topic,
                        n ? rd_kafka_topic_result_error_string(r[0]) : "");
}

static int create(broker_admin *a, const broker_topic *t, pe_error *errp)
{
    rd_kafka_queue_t *q = rd_kafka_queue_new(a->rk);
    rd_kafka_NewTopic_t *n;
    rd_kafka_event_t *ev;
    char why[256] = "";
    int rc = -1;

    n = new_topic(t, why, sizeof(why));
    if (!n) {
        rd_kafka_queue_destroy(q);
        return admin_error("created", t->name, why, errp);
    }
    rd_kafka_CreateTopics(a->rk, &n, 1, NULL, q);
    ev = wait_event(q, "created", t->name, errp);
    if (ev) {
        rc = check_created(ev, t->name, errp);
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_NewTopic_destroy(n);
    rd_kafka_queue_destroy(q);
    return rc;
}

/* Until every partition has a leader. */
static int wait_leaders(broker_admin *a, const broker_topic *t, pe_error *errp)
{
    for (int i = 0; i < 300; i++) {
        int n = count_partitions(a, t->name, errp);

        if (n < 0)
            return -1;
        if (n >= t->partitions)
            return n;
        clock_sleep_ns(50000000, 1);
    }
    return admin_error("used", t->name, "its partitions have no leader", errp);
}

static int check_config(const broker_topic *t, const char *name,
                        const char *value, pe_error *errp)
{
    int64_t max = 0;

    if (!strcmp(name, "cleanup.policy") && strstr(value, "compact") &&
        !t->gaps_allowed)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic %s is compacted (cleanup.policy=%s), its "
                            "records have gaps: use a topic with "
                            "cleanup.policy=delete, or set "
                            "streams.STAGE.gaps to allow",
                            t->name, value);
    if (strcmp(name, "max.message.bytes") || text_parse_int(value, &max) < 0 ||
        (uint64_t)max >= t->message_bytes)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s takes records to %s bytes and %llu are "
                        "needed: kafka-configs.sh --alter --topic %s "
                        "--add-config max.message.bytes=%llu",
                        t->name, value, (unsigned long long)t->message_bytes,
                        t->name, (unsigned long long)t->message_bytes);
}

static int check_entries(rd_kafka_event_t *ev, const broker_topic *t,
                         pe_error *errp)
{
    size_t n = 0, k = 0;
    const rd_kafka_ConfigResource_t **r =
        rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(ev), &n);
    const rd_kafka_ConfigEntry_t **e;

    if (!n || rd_kafka_ConfigResource_error(r[0]))
        return 0; /* not permitted to look: the first large record tells */
    e = rd_kafka_ConfigResource_configs(r[0], &k);
    for (size_t i = 0; i < k; i++)
        if (rd_kafka_ConfigEntry_value(e[i]) &&
            check_config(t, rd_kafka_ConfigEntry_name(e[i]),
                         rd_kafka_ConfigEntry_value(e[i]), errp) < 0)
            return -1;
    return 0;
}

static int check_facts(broker_admin *a, const broker_topic *t, pe_error *errp)
{
    rd_kafka_ConfigResource_t *r =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
    rd_kafka_queue_t *q = rd_kafka_queue_new(a->rk);
    rd_kafka_event_t *ev;
    int rc = -1;

    rd_kafka_DescribeConfigs(a->rk, &r, 1, NULL, q);
    ev = wait_event(q, "described", t->name, errp);
    if (ev) {
        rc = check_entries(ev, t, errp);
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_ConfigResource_destroy(r);
    rd_kafka_queue_destroy(q);
    return rc;
}

int broker_topic_ensure(broker_admin *a, const broker_topic *t,
                        int *partitionsp, pe_error *errp)
{
    int n = count_partitions(a, t->name, errp);

    if (n < 0)
        return -1;
    if (n == 0) {
        if (create(a, t, errp) < 0)
            return -1;
        n = wait_leaders(a, t, errp);
        if (n < 0)
            return -1;
    }
    *partitionsp = n;
    if (n < t->partitions)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic %s has %d partitions and %d are asked "
                            "for: kafka-topics.sh --alter --topic %s "
                            "--partitions %d, or ask for fewer",
                            t->name, n, t->partitions, t->name, t->partitions);
    return check_facts(a, t, errp);
}

int broker_topic_delete(broker_admin *a, const char *name, pe_error *errp)
{
    rd_kafka_DeleteTopic_t *d = rd_kafka_DeleteTopic_new(name);
    rd_kafka_queue_t *q = rd_kafka_queue_new(a->rk);
    rd_kafka_event_t *ev;

    rd_kafka_DeleteTopics(a->rk, &d, 1, NULL, q);
    ev = wait_event(q, "deleted", name, errp);
    if (ev)
        rd_kafka_event_destroy(ev);
    rd_kafka_DeleteTopic_destroy(d);
    rd_kafka_queue_destroy(q);
    return ev ? 0 : -1;
}

int broker_watermarks(broker_admin *a, const char *topic, int32_t partition,
                      int64_t *lowp, int64_t *highp, pe_error *errp)
{
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
        a->rk, topic, partition, lowp, highp, LIMIT_MS);

    if (!err)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "offsets of %s/%d cannot be read: %s", topic,
                        (int)partition, rd_kafka_err2str(err));
}
