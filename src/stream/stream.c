/* stream.c - what clients of streams in a Redis have in common. */
#include "src/stream/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/stream/stream_lua.h"
#include "src/common/clock.h"
#include "src/common/digest.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/login/login.h"

#define TIMEOUT_S 10
#define NAME_MAX_BYTES 249
#define AGAIN_NS (200 * CLOCK_MS)

static int login_refuse(const char *endpoint, const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "broker %s: auth: %s", endpoint, what);
}

/* What does not belong to a Redis. */
static int login_check(const login *l, const char *endpoint, pe_error *errp)
{
    const char *sasl = login_text(l, "sasl");
    bool tls = !strncmp(endpoint, "rediss:", strlen("rediss:"));

    if (login_flag(l, "tls") && !tls)
        return login_refuse(endpoint,
                            "it is reached in the clear: write rediss:// for "
                            "TLS, or 'tls: no'",
                            errp);
    if (!login_flag(l, "tls") && tls)
        return login_refuse(endpoint, "rediss:// is TLS", errp);
    if (sasl && strcasecmp(sasl, "plain") != 0)
        return login_refuse(endpoint,
                            "a Redis knows a user and a password: 'sasl: "
                            "plain'",
                            errp);
    return 0;
}

static int link_make(stream_server *s, const broker_conf *c,
                     redis_setup_f setup, void *arg, pe_error *errp)
{
    redis_conf r = {.url = c->endpoint,
                    .list = LOGIN_BROKERS,
                    .from = c->from,
                    .connect_timeout_s = s->timeout_s,
                    .command_timeout_s = s->timeout_s,
                    .dial = c->dial,
                    .dial_arg = c->dial_arg};
    login *l = NULL;

    if (c->logins && login_open(c->logins, r.list, c->endpoint, &l, errp) < 0)
        return -1;
    if (l) {
        r.logins = c->logins;
        r.user = login_text(l, "user");
        r.password = login_text(l, "password");
    }
    if (!l || login_check(l, c->endpoint, errp) == 0)
        s->link = redis_link_create(&r, setup, arg, errp);
    login_close(l);
    return s->link ? 0 : -1;
}

int stream_open(stream_server *s, const broker_conf *c, redis_setup_f setup,
                void *arg, pe_error *errp)
{
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    atomic_init(&s->away, false);
    snprintf(s->endpoint, sizeof(s->endpoint), "%s", c->endpoint);
    s->timeout_s = c->timeout_s > 0 ? c->timeout_s : TIMEOUT_S;
    return link_make(s, c, setup, arg, errp);
}

void stream_close(stream_server *s)
{
    redis_link_destroy(s->link);
    s->link = NULL;
    pthread_mutex_destroy(&s->lock);
}

int stream_contact(stream_server *s, pe_error *errp)
{
    int64_t limit = clock_mono_ns() + (int64_t)(s->timeout_s * 1e9);
    pe_error e = {0};

    while (redis_link_connect(s->link, &e) < 0) {
        if (e.kind != PE_ERROR_RETRY || clock_mono_ns() + AGAIN_NS > limit) {
            if (errp)
                *errp = e;
            return pe_error_prefix(errp, "broker");
        }
        clock_sleep_ns(AGAIN_NS, 1);
    }
    return 0;
}

int stream_login_check(const broker_conf *c, pe_error *errp)
{
    stream_server s;
    int rc = stream_open(&s, c, NULL, NULL, errp);

    stream_close(&s);
    return rc;
}

void stream_gone(stream_server *s, const pe_error *e)
{
    if (!atomic_exchange(&s->away, true))
        log_warn("broker %s is away (%s); waiting for it", s->endpoint,
                 e->text);
}

void stream_back(stream_server *s)
{
    if (atomic_load_explicit(&s->away, memory_order_relaxed) &&
        atomic_exchange(&s->away, false))
        log_warn("broker %s is back", s->endpoint);
}

bool stream_is_away(const stream_server *s, char *out, size_t cap)
{
    if (!atomic_load(&s->away))
        return false;
    snprintf(out, cap, "broker %s is away", s->endpoint);
    return true;
}

/* --- how fast it answers --- */

void stream_answered(stream_server *s, int64_t us, uint64_t bytes)
{
    int64_t now = clock_mono_ns() / CLOCK_S;

    pthread_mutex_lock(&s->lock);
    s->sum.wire_bytes += bytes;
    if (now != s->second) {
        s->sum.seconds += s->second > 0;
        s->sum.slow_ms += (double)s->slow_us / 1e3;
        s->sum.quick_ms += (double)s->quick_us / 1e3;
        s->second = now;
        s->slow_us = s->quick_us = us;
    }
    s->slow_us = us > s->slow_us ? us : s->slow_us;
    s->quick_us = us < s->quick_us ? us : s->quick_us;
    pthread_mutex_unlock(&s->lock);
}

void stream_answers(const stream_server *s, broker_answers *out)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&s->lock;

    pthread_mutex_lock(lock);
    *out = s->sum;
    pthread_mutex_unlock(lock);
}

/* --- topics --- */

bool stream_name_fits(const char *name)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(name);

    return len > 0 && len <= NAME_MAX_BYTES && strspn(name, known) == len &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

void stream_key(redis_args *a, const char *name, const char *more)
{
    redis_args_addf(a, "pilot:topic:{%s}%s", name, more);
}

void stream_key_part(redis_args *a, const char *name, int32_t partition,
                     const char *more)
{
    redis_args_addf(a, "pilot:topic:{%s}:%" PRId32 "%s", name, partition, more);
}

static const char *const fields[] = {"id", "partitions", "max", "retention"};

enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]) };

void stream_topic_ask(redis_args *a, const char *name)
{
    redis_args_addf(a, "HMGET");
    stream_key(a, name, "");
    for (int i = 0; i < N_FIELDS; i++)
        redis_args_addf(a, "%s", fields[i]);
}

static uint64_t number(const redisReply *r)
{
    const char *said = redis_reply_text(r, NULL);
    int64_t n;

    return said && text_parse_int(said, &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

void stream_topic_take(const redisReply *r, stream_topic *t)
{
    *t = (stream_topic){0};
    if (r->type != REDIS_REPLY_ARRAY || r->elements != N_FIELDS ||
        !redis_reply_text(r->element[0], NULL))
        return;
    snprintf(t->id, sizeof(t->id), "%s", r->element[0]->str);
    t->partitions = (int)number(r->element[1]);
    t->max = number(r->element[2]);
    t->retention_ms = number(r->element[3]);
}

int stream_topic_read(stream_server *s, const char *name, stream_topic *t,
                      pe_error *errp)
{
    redis_args a = {0};
    redisReply *r = NULL;
    redis_command cmd;
    int rc;

    stream_topic_ask(&a, name);
    cmd = (redis_command){a.n, a.argv, a.lens};
    rc = a.failed ? pe_error_nomem(errp)
                  : redis_link_call(s->link, &cmd, 1, &r, errp);
    redis_args_free(&a);
    if (rc < 0)
        return -1;
    rc = redis_reply_check(r, REDIS_REPLY_ARRAY, s->endpoint, "HMGET", errp);
    if (rc == 0)
        stream_topic_take(r, t);
    redis_replies_free(&r, 1);
    return rc;
}

/* --- the script --- */

int stream_script_load(redis_link *l, void *arg, pe_error *errp)
{
    const char *words[] = {"SCRIPT", "LOAD", stream_lua};
    const redis_command cmd = {3, words, NULL};
    redisReply *r;
    int rc;

    (void)arg;
    if (stream_log_settle(l, errp) < 0 ||
        redis_link_try(l, &cmd, 1, &r, errp) < 0)
        return -1;
    rc = redis_reply_check(r, REDIS_REPLY_STRING, l->name, "SCRIPT", errp);
    redis_replies_free(&r, 1);
    return rc;
}

void stream_script_begin(redis_args *a, const char *name)
{
    char sha[DIGEST_SHA1_HEX + 1] = "";

    if (digest_sha1(stream_lua, strlen(stream_lua), sha, NULL) < 0)
        a->failed = 1;
    redis_args_addf(a, "EVALSHA");
    redis_args_addf(a, "%s", sha);
    redis_args_addf(a, "2");
    stream_key(a, name, "");
    stream_key(a, name, ":ends");
}
