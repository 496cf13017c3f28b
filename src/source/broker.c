/* broker.c - a rank's records out of the run's topic. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker_private.h"

static struct topic_source *source_of(source_reader *s)
{
    return (struct topic_source *)s;
}

static void close_consumers(struct topic_source *s)
{
    for (size_t i = 0; i < s->n; i++)
        broker_consumer_close(s->consumers[i]);
    free(s->consumers);
    free(s->last);
    s->consumers = NULL;
    s->last = NULL;
    s->n = 0;
}

static int open_consumers(struct topic_source *s, size_t n, pe_error *errp)
{
    s->consumers = calloc(n, sizeof(*s->consumers));
    s->last = calloc(n, sizeof(*s->last));
    if (!s->consumers || !s->last)
        return pe_error_nomem(errp);
    s->conf.queue_bytes = s->queue_bytes / n;
    for (s->n = 0; s->n < n; s->n++) {
        s->consumers[s->n] = broker_consumer_open(&s->conf, errp);
        if (!s->consumers[s->n])
            return -1;
    }
    return 0;
}

/* Nothing is read any more; the connections stay. */
static int assign_none(struct topic_source *s, pe_error *errp)
{
    for (size_t i = 0; i < s->n; i++) {
        s->last[i] = -1;
        if (broker_consumer_assign(s->consumers[i], NULL, 0, errp) < 0)
            return -1;
    }
    return 0;
}

static size_t lanes_of(const struct topic_source *s, size_t n)
{
    if (s->lanes == SOURCE_EACH)
        return n;
    return s->lanes == SOURCE_URGENT ? 2 : 1;
}

static int32_t last_of(const struct topic_source *s, const broker_position *p,
                       size_t lane)
{
    if (s->lanes == SOURCE_EACH)
        return p[lane].partition;
    return lane + 1 < lanes_of(s, 0) ? s->pl->urgent - 1 : INT32_MAX;
}

/* So many of [p], which ascend, are of [lane]. */
static size_t count_of(const struct topic_source *s, const broker_position *p,
                       size_t n, size_t lane)
{
    size_t k = 0;

    while (k < n && p[k].partition <= s->last[lane])
        k++;
    return k;
}

static int source_assign(source_reader *base, const broker_position *p,
                         size_t n, pe_error *errp)
{
    struct topic_source *s = source_of(base);
    size_t at = 0, some;

    if (n == 0)
        return assign_none(s, errp);
    if (s->n && s->n != lanes_of(s, n))
        close_consumers(s);
    if (!s->consumers && open_consumers(s, lanes_of(s, n), errp) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++, at += some) {
        s->last[i] = last_of(s, p, i);
        some = count_of(s, p + at, n - at, i);
        if (broker_consumer_assign(s->consumers[i], p + at, some, errp) < 0)
            return -1;
    }
    return 0;
}

static int source_fetch(source_reader *base, size_t lane, source_item *r,
                        pe_error *errp)
{
    struct topic_source *s = source_of(base);
    int rc;

    if (!s->consumers)
        return 0;
    rc = broker_consumer_fetch(s->consumers[lane], 0, &r->held, errp);
    if (rc == 1)
        broker_decode(s, r);
    return rc;
}

static void source_release(source_reader *base, source_item *r)
{
    (void)base;
    free(r->times);
    r->times = NULL;
    broker_record_release(&r->held);
}

static void source_wait(source_reader *base, int timeout_ms)
{
    struct topic_source *s = source_of(base);
    struct pollfd fd[64];
    nfds_t n = 0;

    for (size_t i = 0; i < s->n && n < 64; i++) {
        fd[n].fd = broker_consumer_fd(s->consumers[i]);
        fd[n++].events = POLLIN;
    }
    if (poll(fd, n, timeout_ms) <= 0)
        return;
    for (nfds_t i = 0; i < n; i++)
        if (fd[i].revents & POLLIN)
            broker_consumer_fd_clear(s->consumers[i]);
}

static int64_t source_high(source_reader *base, int32_t partition)
{
    struct topic_source *s = source_of(base);

    for (size_t i = 0; i < s->n; i++)
        if (partition <= s->last[i])
            return broker_consumer_high(s->consumers[i], partition);
    return -1;
}

static int64_t source_end(source_reader *base, int32_t partition)
{
    (void)base;
    (void)partition;
    return -1;
}

static void source_note(source_reader *base, const broker_position *p, size_t n)
{
    struct topic_source *s = source_of(base);
    size_t at = 0, some;

    for (size_t i = 0; i < s->n; i++, at += some) {
        some = count_of(s, p + at, n - at, i);
        if (some > 0)
            broker_consumer_note(s->consumers[i], p + at, some);
    }
}

static bool source_away(source_reader *base, char *out, size_t cap)
{
    struct topic_source *s = source_of(base);

    return s->n && broker_consumer_is_away(s->consumers[0], out, cap);
}

/* Of several consumers the means: one that waits makes all wait. */
static void source_answers(source_reader *base, broker_answers *out)
{
    struct topic_source *s = source_of(base);

    *out = (broker_answers){0};
    for (size_t i = 0; i < s->n; i++) {
        broker_answers one;

        broker_consumer_answers(s->consumers[i], &one);
        out->seconds += one.seconds;
        out->slow_ms += one.slow_ms;
        out->quick_ms += one.quick_ms;
        out->throttle_ms += one.throttle_ms;
        out->wire_bytes += one.wire_bytes;
    }
}

static uint64_t source_aside(source_reader *base, const char **firstp)
{
    struct topic_source *s = source_of(base);
    size_t n = 0, cap = sizeof(s->aside_words);

    *s->aside_words = '\0';
    if (s->aside)
        n = (size_t)snprintf(s->aside_words, cap, "%s: ", s->first_aside);
    for (size_t i = 0; i < BROKER_ASIDES && s->asides[i].kind && n < cap; i++)
        n += (size_t)snprintf(s->aside_words + n, cap - n, "%s%llu x %s",
                              i ? ", " : "", (unsigned long long)s->asides[i].n,
                              s->asides[i].kind);
    *firstp = s->aside_words;
    return s->aside;
}

static void source_close(source_reader *base)
{
    struct topic_source *s = source_of(base);

    if (!s)
        return;
    close_consumers(s);
    codec_close(s->codec);
    seal_close(s->seal);
    text_free(&s->columns);
    free(s);
}

static const source_ops ops = {
    .assign = source_assign,
    .fetch = source_fetch,
    .release = source_release,
    .wait = source_wait,
    .wakes = true,
    .high = source_high,
    .end = source_end,
    .note = source_note,
    .aside = source_aside,
    .away = source_away,
    .answers = source_answers,
    .close = source_close,
};

source_reader *source_open_broker(const pipeline *pl,
                                  const pipeline_request *req,
                                  enum source_lanes lanes, uint64_t queue_bytes,
                                  pe_error *errp)
{
    struct topic_source *s = calloc(1, sizeof(*s));

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->codec = codec_open(&pl->codec, errp);
    if (!s->codec || pipeline_seal(pl, req, &s->seal, errp) < 0) {
        codec_close(s->codec);
        free(s);
        return NULL;
    }
    s->base.ops = &ops;
    s->pl = pl;
    s->run = req->run;
    s->lanes = lanes;
    s->learns = pipeline_learner(pl) != NULL;
    s->queue_bytes = queue_bytes;
    pipeline_topic(pl, req->run, "", s->topic, sizeof(s->topic));
    snprintf(s->group, sizeof(s->group), "pilot-%.100s", req->run);
    pipeline_request_broker(req, &s->conf.broker, "pilot-agent");
    s->conf.topic = s->topic;
    s->conf.group = s->group;
    s->conf.message_bytes = pl->message_bytes;
    s->conf.check_crcs = true;
    s->conf.gaps_allowed = pl->gaps_allowed;
    return &s->base;
}
