/* topic.c - is a topic as it is wanted? */
#include "src/broker/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"

static const char *stream_of(const broker_topic *t)
{
    return t->stream ? t->stream : "STAGE";
}

int topic_check_partitions(const broker_topic *t, const char *endpoint, int n,
                           pe_error *errp)
{
    char alter[600] = "";

    if (n >= t->partitions)
        return 0;
    if (!t->theirs)
        snprintf(alter, sizeof(alter),
                 "`kafka-topics.sh --bootstrap-server %s --alter --topic %s "
                 "--partitions %d`, or ",
                 endpoint, t->name, t->partitions);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s has %d partition%s and %d are asked for: "
                        "%sset streams.%s.partitions to %d",
                        t->name, n, n == 1 ? "" : "s", t->partitions, alter,
                        stream_of(t), n);
}

static int check_policy(const broker_topic *t, const char *endpoint,
                        const char *value, pe_error *errp)
{
    if (t->gaps_allowed || !strstr(value, "compact"))
        return 0;
    if (t->theirs)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic %s loses records on purpose "
                            "(cleanup.policy=%s): set streams.%s.gaps to "
                            "allow to read what is left of it",
                            t->name, value, stream_of(t));
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s loses records on purpose "
                        "(cleanup.policy=%s): `kafka-configs.sh "
                        "--bootstrap-server %s --alter --topic %s "
                        "--add-config cleanup.policy=delete`, or set "
                        "streams.%s.gaps to allow",
                        t->name, value, endpoint, t->name, stream_of(t));
}

static int check_size(const broker_topic *t, const char *endpoint,
                      const char *value, pe_error *errp)
{
    int64_t max;

    if (text_parse_int(value, &max) < 0 || max < 0 ||
        (uint64_t)max >= t->message_bytes)
        return 0;
    if (t->theirs)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic %s takes records of up to %s bytes and "
                            "%" PRIu64 " are needed: take fewer points, or set "
                            "streams.%s.message-max to no more",
                            t->name, value, t->message_bytes, stream_of(t));
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
    int n;

    if (!t->device_clocks || !value || strcmp(name, "message.timestamp.type") ||
        strcmp(value, "CreateTime") != 0)
        return false;
    n = snprintf(out, cap,
                 "topic %s keeps records by the clocks of its writers: those "
                 "of a device without one are deleted early, or refused",
                 t->name);
    if (!t->theirs && n > 0 && (size_t)n < cap)
        snprintf(out + n, cap - (size_t)n,
                 "; `kafka-configs.sh --bootstrap-server %s --alter --topic %s "
                 "--add-config message.timestamp.type=LogAppendTime`",
                 endpoint, t->name);
    return true;
}
