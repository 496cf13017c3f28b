/* topic.c - is a topic as it is wanted? */
#include "src/broker/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"

int topic_check_partitions(const broker_topic *t, const char *endpoint, int n,
                           pe_error *errp)
{
    if (n >= t->partitions)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s has %d partition%s and %d are asked for: "
                        "`kafka-topics.sh --bootstrap-server %s --alter "
                        "--topic %s --partitions %d`, or set "
                        "streams.STAGE.partitions to %d",
                        t->name, n, n == 1 ? "" : "s", t->partitions, endpoint,
                        t->name, t->partitions, n);
}

static int check_policy(const broker_topic *t, const char *endpoint,
                        const char *value, pe_error *errp)
{
    if (t->gaps_allowed || !strstr(value, "compact"))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s loses records on purpose "
                        "(cleanup.policy=%s): `kafka-configs.sh "
                        "--bootstrap-server %s --alter --topic %s "
                        "--add-config cleanup.policy=delete`, or set "
                        "streams.STAGE.gaps to allow",
                        t->name, value, endpoint, t->name);
}

static int check_size(const broker_topic *t, const char *endpoint,
                      const char *value, pe_error *errp)
{
    int64_t max;

    if (text_parse_int(value, &max) < 0 || max < 0 ||
        (uint64_t)max >= t->message_bytes)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s takes records of up to %s bytes and "
                        "%" PRIu64 " are needed: `kafka-configs.sh "
                        "--bootstrap-server %s --alter --topic %s "
                        "--add-config max.message.bytes=%" PRIu64 "`",
                        t->name, value, t->message_bytes, endpoint, t->name,
                        t->message_bytes);
}

int topic_check_setting(const broker_topic *t, const char *endpoint,
                        const char *name, const char *value, pe_error *errp)
{
    if (!value)
        return 0;
    if (!strcmp(name, "cleanup.policy"))
        return check_policy(t, endpoint, value, errp);
    if (!strcmp(name, "max.message.bytes"))
        return check_size(t, endpoint, value, errp);
    return 0;
}

bool topic_warning(const broker_topic *t, const char *endpoint,
                   const char *name, const char *value, char *out, size_t cap)
{
    if (!t->device_clocks || !value || strcmp(name, "message.timestamp.type") ||
        strcmp(value, "CreateTime") != 0)
        return false;
    snprintf(out, cap,
             "topic %s keeps records by the clocks of its writers: those of a "
             "device without one are deleted early, or refused; "
             "`kafka-configs.sh --bootstrap-server %s --alter --topic %s "
             "--add-config message.timestamp.type=LogAppendTime`",
             t->name, endpoint, t->name);
    return true;
}
