/* answers.c - how fast brokers answer, out of what a client counts. */
#include "src/broker/client.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PARTITIONS_MOST 1000000 /* larger numbers are none */
#define TOPICS "\"topics\""

/* What one second was like. */
struct second {
    json_int_t answers, slow_us, quick_us, wire;
    bool up;             /* a broker is there */
    double throttled_ms; /* all of them together */
};

static json_int_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* The client lists brokers by the address it was given and, once they are
 * known, by their own: each counts for itself.
 */
static void broker_add(struct second *s, const json_t *broker)
{
    const json_t *rtt = json_object_get(broker, "rtt");
    const json_t *throttle = json_object_get(broker, "throttle");
    const char *state;

    if (number(rtt, "cnt") > 0 &&
        (s->answers == 0 || number(rtt, "min") < s->quick_us))
        s->quick_us = number(rtt, "min");
    s->answers += number(rtt, "cnt");
    if (number(rtt, "max") > s->slow_us)
        s->slow_us = number(rtt, "max");
    s->throttled_ms +=
        (double)number(throttle, "avg") * (double)number(throttle, "cnt");
    s->wire += number(broker, "txbytes");
    state = json_string_value(json_object_get(broker, "state"));
    s->up = s->up || (state && !strcmp(state, "UP"));
}

/* Its part on brokers, which stands in front of that on topics: they have a
 * thousand bytes for each partition.
 */
static json_t *front_load(const char *json, size_t len)
{
    const char *end = memmem(json, len, TOPICS, sizeof(TOPICS) - 1);
    char *front;
    json_t *o;

    while (end && end > json && strchr(", \t\n", end[-1]))
        end--;
    if (!end)
        return json_loadb(json, len, 0, NULL);
    front = strndup(json, (size_t)(end - json) + 1);
    if (!front)
        return NULL;
    front[end - json] = '}';
    o = json_loads(front, 0, NULL);
    free(front);
    return o;
}

/* What the part on topics says of partitions. */
struct parts {
    int last;    /* the largest number of those that are there; -1: none is */
    bool wanted; /* one is read, or would be */
};

static bool says(const char *from, const char *end, const char *word)
{
    return memmem(from, (size_t)(end - from), word, strlen(word));
}

static struct parts find_parts(const char *json, size_t len)
{
    static const char key[] = "\"partition\":";
    const char *end = json + len, *next;
    const char *at = memmem(json, len, key, sizeof(key) - 1);
    struct parts p = {.last = -1};

    for (; at; at = next) {
        int n = 0;

        at += sizeof(key) - 1;
        next = memmem(at, (size_t)(end - at), key, sizeof(key) - 1);
        if (at == end || *at < '0' || *at > '9')
            continue; /* -1: of no partition */
        for (; at < end && *at >= '0' && *at <= '9' && n < PARTITIONS_MOST;
             at++)
            n = 10 * n + (*at - '0');
        if (n >= PARTITIONS_MOST)
            continue;
        if (n > p.last && !says(at, next ? next : end, "\"unknown\":true"))
            p.last = n;
        p.wanted = p.wanted || says(at, next ? next : end, "\"desired\":true");
    }
    return p;
}

/* Who reads one topic hears so how many partitions it has, and that a broker
 * which is there has none of them any more.
 */
static void count_partitions(client *cl, const char *json, size_t len, bool up)
{
    const char *topics = memmem(json, len, TOPICS, sizeof(TOPICS) - 1);
    struct parts p = {.last = -1};

    if (topics)
        p = find_parts(topics, len - (size_t)(topics - json));
    if (p.last >= 0) {
        atomic_store(&cl->partitions, p.last + 1);
        atomic_store(&cl->gone_s, 0);
    } else if (p.wanted && up && atomic_load(&cl->partitions) > 0) {
        atomic_fetch_add(&cl->gone_s, 1);
        client_answered(cl);
    }
}

void client_count(client *cl, const char *json, size_t len)
{
    json_t *o = front_load(json, len), *broker;
    struct second s = {0};
    const char *name;

    if (!json_object_get(o, "brokers")) {
        json_decref(o);
        return;
    }
    json_object_foreach(json_object_get(o, "brokers"), name, broker)
    {
        broker_add(&s, broker);
    }
    count_partitions(cl, json, len, s.up);
    atomic_store(&cl->wire_bytes, (uint_fast64_t)s.wire);
    if (s.answers > 0) {
        atomic_fetch_add(&cl->asked_s, 1);
        atomic_fetch_add(&cl->slow_us, (uint_fast64_t)s.slow_us);
        atomic_fetch_add(&cl->quick_us, (uint_fast64_t)s.quick_us);
        atomic_fetch_add(
            &cl->throttle_us,
            (uint_fast64_t)(1e3 * s.throttled_ms / (double)s.answers));
    }
    json_decref(o);
}

void client_answers(const client *cl, broker_answers *out)
{
    *out = (broker_answers){
        .seconds = atomic_load(&cl->asked_s),
        .slow_ms = (double)atomic_load(&cl->slow_us) / 1e3,
        .quick_ms = (double)atomic_load(&cl->quick_us) / 1e3,
        .throttle_ms = (double)atomic_load(&cl->throttle_us) / 1e3,
        .wire_bytes = atomic_load(&cl->wire_bytes),
    };
}
