/* admin.c - topics of a Redis: create, check, delete; watermarks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/stream/stream.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/random.h"

#define ID_BYTES 16
#define PARTITIONS_MAX 4096
#define TRIP_TRIES 8
#define REDIS_PORT 6379

typedef struct stream_admin {
    broker_admin base;
    stream_server server;
    bool warned; /* of what the server is set to */
} stream_admin;

static void admin_close(broker_admin *b)
{
    stream_admin *a = (stream_admin *)b;

    stream_close(&a->server);
    free(a);
}

static broker_admin *admin_open(const broker_conf *c, pe_error *errp)
{
    stream_admin *a = calloc(1, sizeof(*a));

    if (!a) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (stream_open(&a->server, c, stream_script_load, NULL, errp) == 0 &&
        stream_contact(&a->server, errp) == 0)
        return &a->base;
    admin_close(&a->base);
    return NULL;
}

/* Send the command that [w] holds, which is freed; its reply, which is of
 * [type], or NULL.
 */
static redisReply *ask(stream_admin *a, redis_args *w, int type, pe_error *errp)
{
    const redis_command cmd = {w->n, w->argv, w->lens};
    redisReply *r = NULL;
    int rc = w->failed ? pe_error_nomem(errp)
                       : redis_link_call(a->server.link, &cmd, 1, &r, errp);

    if (rc == 0 &&
        redis_reply_check(r, type, a->server.endpoint, w->argv[0], errp) < 0)
        redis_replies_free(&r, 1);
    redis_args_free(w);
    return r;
}

static int name_check(const char *name, const char *what, pe_error *errp)
{
    if (stream_name_fits(name))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic '%s' cannot be %s: its name is letters, digits, "
                        "'.', '_' and '-', 249 at most",
                        name, what);
}

/* --- what the server is set to --- */

static const char *setting(const redisReply *r)
{
    const char *value = NULL;

    if (r->type == REDIS_REPLY_ARRAY && r->elements == 2)
        value = redis_reply_text(r->element[1], "");
    return value ? value : "";
}

static int judge(stream_admin *a, redisReply **r, pe_error *errp)
{
    const char *at = a->server.endpoint;
    bool warned = a->warned;

    if (!strncmp(setting(r[0]), "allkeys-", strlen("allkeys-")))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "Redis at %s may drop records when memory is short "
                            "(maxmemory-policy %s): run CONFIG SET "
                            "maxmemory-policy noeviction",
                            at, setting(r[0]));
    a->warned = true;
    if (warned)
        return 0;
    if (!strcmp(setting(r[1]), "no"))
        log_warn("Redis at %s has appendonly off: when it restarts, records "
                 "that it acknowledged are gone; CONFIG SET appendonly yes",
                 at);
    else if (*setting(r[2]) && strcmp(setting(r[2]), "always") != 0)
        log_warn("Redis at %s acknowledges records that are not on its disk "
                 "(appendfsync %s): those of the last second or more are lost "
                 "with its host; CONFIG SET appendfsync always",
                 at, setting(r[2]));
    return 0;
}

/* Who may not look still may write. */
static int check_server(stream_admin *a, pe_error *errp)
{
    const char *policy[] = {"CONFIG", "GET", "maxmemory-policy"};
    const char *append[] = {"CONFIG", "GET", "appendonly"};
    const char *sync[] = {"CONFIG", "GET", "appendfsync"};
    const redis_command cmds[] = {
        {3, policy, NULL}, {3, append, NULL}, {3, sync, NULL}};
    redisReply *r[3];
    int rc;

    if (redis_link_call(a->server.link, cmds, 3, r, errp) < 0)
        return -1;
    rc = judge(a, r, errp);
    redis_replies_free(r, 3);
    return rc;
}

/* --- topics --- */

static int topic_make(stream_admin *a, const broker_topic *t, pe_error *errp)
{
    char id[2 * ID_BYTES + 1];
    redis_args w = {0};
    redisReply *r;

    if (t->partitions < 1 || t->partitions > PARTITIONS_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic '%s' cannot be created: it is to have from "
                            "1 to %d partitions, not %d",
                            t->name, PARTITIONS_MAX, t->partitions);
    if (random_id(id, ID_BYTES, errp) < 0)
        return -1;
    stream_script_begin(&w, t->name);
    redis_args_addf(&w, "make");
    redis_args_addf(&w, "%s", id);
    redis_args_addf(&w, "%d", t->partitions);
    redis_args_addf(&w, "%" PRIu64, t->message_bytes);
    redis_args_addf(&w, "%.0f", t->retention_s * 1000);
    r = ask(a, &w, REDIS_REPLY_INTEGER, errp);
    if (!r)
        return -1;
    redis_replies_free(&r, 1);
    return 0;
}

/* Each with the command that mends it. */
static int topic_check(const stream_admin *a, const broker_topic *t,
                       const stream_topic *s, pe_error *errp)
{
    const char *stream = t->stream ? t->stream : "STAGE";
    char alter[600] = "";

    if (s->partitions < t->partitions) {
        if (!t->theirs)
            snprintf(alter, sizeof(alter),
                     "`redis-cli -u %s HSET 'pilot:topic:{%s}' partitions "
                     "%d`, or ",
                     a->server.endpoint, t->name, t->partitions);
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "topic %s has %d partition%s and %d are asked for: "
                            "%sset streams.%s.partitions to %d",
                            t->name, s->partitions,
                            s->partitions == 1 ? "" : "s", t->partitions, alter,
                            stream, s->partitions);
    }
    if (s->max == 0 || s->max >= t->message_bytes)
        return 0;
    if (!t->theirs)
        snprintf(alter, sizeof(alter),
                 "`redis-cli -u %s HSET 'pilot:topic:{%s}' max %" PRIu64
                 "`, or ",
                 a->server.endpoint, t->name, t->message_bytes);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s takes records of up to %" PRIu64
                        " bytes and %" PRIu64 " are needed: %stake fewer "
                        "points, or set streams.%s.message-max to no more",
                        t->name, s->max, t->message_bytes, alter, stream);
}

static int topic_ensure(broker_admin *b, const broker_topic *t,
                        int *partitionsp, pe_error *errp)
{
    stream_admin *a = (stream_admin *)b;
    stream_topic s;

    if (name_check(t->name, "read", errp) < 0 || check_server(a, errp) < 0 ||
        stream_topic_read(&a->server, t->name, &s, errp) < 0)
        return -1;
    if (s.partitions == 0 &&
        (topic_make(a, t, errp) < 0 ||
         stream_topic_read(&a->server, t->name, &s, errp) < 0))
        return -1;
    if (topic_check(a, t, &s, errp) < 0)
        return -1;
    *partitionsp = s.partitions;
    return 0;
}

static int topic_partitions(broker_admin *b, const char *name, int *partitionsp,
                            pe_error *errp)
{
    stream_admin *a = (stream_admin *)b;
    stream_topic s;

    if (stream_topic_read(&a->server, name, &s, errp) < 0)
        return -1;
    *partitionsp = s.partitions;
    return 0;
}

/* All of it by one command.  Redis is asked once: what failed is not done when
 * nobody thinks of it any more.
 */
static int topic_delete(broker_admin *b, const char *name, pe_error *errp)
{
    stream_admin *a = (stream_admin *)b;
    redis_args w = {0};
    stream_topic s;
    redisReply *r;

    if (stream_topic_read(&a->server, name, &s, errp) < 0)
        return -1;
    redis_args_addf(&w, "UNLINK");
    stream_key(&w, name, "");
    stream_key(&w, name, ":ends");
    stream_key(&w, name, ":notes");
    for (int32_t p = 0; p < s.partitions; p++) {
        stream_key_part(&w, name, p, "");
        stream_key_part(&w, name, p, ":at");
    }
    r = ask(a, &w, REDIS_REPLY_INTEGER, errp);
    if (!r)
        return -1;
    redis_replies_free(&r, 1);
    return 0;
}

static int admin_each(broker_admin *b,
                      void (*each)(void *arg, const char *host, int port),
                      void *arg, pe_error *errp)
{
    const url *u = &((stream_admin *)b)->server.link->url;

    (void)errp;
    if (*u->host)
        each(arg, u->host, u->port ? u->port : REDIS_PORT);
    return 0;
}

/* --- offsets --- */

static int64_t offset_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
}

static int read_ends(stream_admin *a, const char *topic,
                     const int32_t *partition, int64_t *end, size_t n,
                     pe_error *errp)
{
    redis_args w = {0};
    redisReply *r;

    redis_args_addf(&w, "HMGET");
    stream_key(&w, topic, ":ends");
    for (size_t i = 0; i < n; i++)
        redis_args_addf(&w, "%" PRId32, partition[i]);
    r = ask(a, &w, REDIS_REPLY_ARRAY, errp);
    if (!r)
        return -1;
    for (size_t i = 0; i < n; i++)
        end[i] = i < r->elements ? offset_of(r->element[i]) : 0;
    redis_replies_free(&r, 1);
    return 0;
}

static int read_low(stream_admin *a, const char *topic, int32_t partition,
                    int64_t *lowp, pe_error *errp)
{
    redis_args w = {0};
    redisReply *r;

    stream_script_begin(&w, topic);
    redis_args_addf(&w, "low");
    redis_args_addf(&w, "%" PRId32, partition);
    r = ask(a, &w, REDIS_REPLY_ARRAY, errp);
    if (!r)
        return -1;
    *lowp = r->elements == 1 ? offset_of(r->element[0]) : 0;
    redis_replies_free(&r, 1);
    return 0;
}

/* The front first: what is appended meanwhile is behind it. */
static int watermarks(broker_admin *b, const char *topic, int32_t partition,
                      int64_t *lowp, int64_t *highp, pe_error *errp)
{
    stream_admin *a = (stream_admin *)b;
    int64_t low, high;
    stream_topic s;

    if (stream_topic_read(&a->server, topic, &s, errp) < 0)
        return -1;
    if (partition < 0 || partition >= s.partitions)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "offsets of %s/%" PRId32
                            " cannot be read: there is no such partition",
                            topic, partition);
    if (read_low(a, topic, partition, &low, errp) < 0 ||
        read_ends(a, topic, &partition, &high, 1, errp) < 0)
        return -1;
    *lowp = low;
    *highp = high;
    return 0;
}

static int ends(broker_admin *b, const char *topic, const int32_t *partition,
                int64_t *end, size_t n, pe_error *errp)
{
    stream_admin *a = (stream_admin *)b;
    stream_topic s;
    bool all = true;

    if (stream_topic_read(&a->server, topic, &s, errp) < 0 ||
        (n > 0 && read_ends(a, topic, partition, end, n, errp) < 0))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (partition[i] < 0 || partition[i] >= s.partitions) {
            end[i] = -1;
            all = false;
        }
    if (all)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "the ends of topic '%s' cannot be read: it has %d "
                        "partitions",
                        topic, s.partitions);
}

/* One server has them all. */
static int trips(broker_admin *b, const char *topic, int32_t n, int32_t *us,
                 pe_error *errp)
{
    stream_admin *a = (stream_admin *)b;
    int64_t best = INT32_MAX;
    stream_topic s = {0};

    memset(us, 0, (size_t)n * sizeof(*us));
    for (int i = 0; i < TRIP_TRIES; i++) {
        int64_t from = clock_mono_ns(), took;

        if (stream_topic_read(&a->server, topic, &s, errp) < 0)
            return -1;
        took = (clock_mono_ns() - from) / CLOCK_US;
        best = took < best ? took : best;
    }
    for (int32_t k = 0; k < n && k < s.partitions; k++)
        us[k] = best > 0 ? (int32_t)best : 1;
    return 0;
}

const broker_admin_ops stream_admin_ops = {
    .login_check = stream_login_check,
    .open = admin_open,
    .close = admin_close,
    .ensure = topic_ensure,
    .remove = topic_delete,
    .each = admin_each,
    .partitions = topic_partitions,
    .watermarks = watermarks,
    .ends = ends,
    .trips = trips,
};
