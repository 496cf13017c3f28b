/* beat.c - signs of life: what a pilot's supervisor tells the outside. */
#include "beat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/text.h"
#include "src/registry/lifecycle.h"

static int refuse(pe_error *errp, const char *what)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "this is no beat of a pilot: %s", what);
}

/* Member [key], cut to [cap]; "" when it is none. */
static void text_take(const json_t *o, const char *key, char *out, size_t cap)
{
    const char *s = json_string_value(json_object_get(o, key));

    snprintf(out, cap, "%s", s ? s : "");
}

/* Member [key] when it is an integer from [min] to [max], else [none]. */
static int64_t number_take(const json_t *o, const char *key, int64_t min,
                           int64_t max, int64_t none)
{
    const json_t *v = json_object_get(o, key);
    int64_t n = json_integer_value(v);

    return json_is_integer(v) && n >= min && n <= max ? n : none;
}

static int count_take(const json_t *o, const char *key)
{
    return (int)number_take(o, key, 0, INT32_MAX, 0);
}

/* Those a pilot knows of itself. */
static bool is_state(const char *name)
{
    int s = pilot_state_find(name);

    return s >= PILOT_STARTING && s <= PILOT_CANCELED;
}

int beat_take(const json_t *o, beat *out, pe_error *errp)
{
    memset(out, 0, sizeof(*out));
    if (!json_is_object(o))
        return refuse(errp, "it is no JSON object");
    if (number_take(o, "schema", 0, INT32_MAX, 0) != BEAT_SCHEMA)
        return refuse(errp, "its schema is of another version");
    text_take(o, "state", out->state, sizeof(out->state));
    if (!is_state(out->state))
        return refuse(errp, "its state is none of a pilot");
    out->time_ns = number_take(o, "time_ns", 1, INT64_MAX, 0);
    if (out->time_ns == 0)
        return refuse(errp, "it does not tell its time");
    text_take(o, "reason", out->reason, sizeof(out->reason));
    text_take(o, "host", out->host, sizeof(out->host));
    text_take(o, "sched_id", out->sched_id, sizeof(out->sched_id));
    text_take(o, "endpoint", out->endpoint, sizeof(out->endpoint));
    beat_progress(o, out->progress, sizeof(out->progress));
    out->ranks = count_take(o, "ranks");
    out->nodes = count_take(o, "nodes");
    out->restarts = count_take(o, "restarts");
    out->status = (int)number_take(o, "status", 0, 255, -1);
    out->seq = number_take(o, "seq", 0, INT64_MAX, 0);
    out->limit_ns = number_take(o, "limit_ns", 0, INT64_MAX, 0);
    return 0;
}

int beat_parse(const char *data, size_t len, beat *out, pe_error *errp)
{
    json_error_t why;
    json_t *o;

    memset(out, 0, sizeof(*out));
    if (!data || len == 0)
        return 1;
    o = json_loadb(data, len, 0, &why);
    int status = o ? beat_take(o, out, errp) : refuse(errp, why.text);
    json_decref(o);
    return status;
}

/* --- progress --- */

static void word_add(text *t, const json_t *o, const char *key, const char *fmt)
{
    const json_t *v = json_object_get(o, key);
    char number[32];

    if (!json_is_number(v))
        return;
    snprintf(number, sizeof(number), "%.0f", json_number_value(v));
    text_add(t, "%s%.*s%s%s", t->len ? ", " : "", (int)strcspn(fmt, "#"), fmt,
             number, fmt + strcspn(fmt, "#") + 1);
}

/* "waits since 08:12:03", of our clock. */
static void since_add(text *t, const char *what, const json_t *o)
{
    int64_t ns = json_integer_value(json_object_get(o, "since_ns"));
    time_t s = (time_t)(ns / INT64_C(1000000000));
    struct tm local;
    char stamp[16] = "?";

    if (localtime_r(&s, &local))
        strftime(stamp, sizeof(stamp), "%H:%M:%S", &local);
    text_add(t, "%s since %s", what, stamp);
}

static const char *words_of(const json_t *o, const char *key)
{
    const char *words = json_string_value(json_object_get(o, key));

    return words ? words : "?";
}

/* "waits since 08:12:03: broker h:9092 is away" */
static void waits_add(text *t, const json_t *waits)
{
    since_add(t, "waits", waits);
    text_add(t, ": %s", words_of(waits, "text"));
}

/* "stands still since 08:12:03, broker: broker h:9092 is away" */
static void stalled_add(text *t, const json_t *stalled)
{
    since_add(t, "stands still", stalled);
    text_add(t, ", %s: %s", words_of(stalled, "hop"),
             words_of(stalled, "text"));
}

void beat_progress(const json_t *o, char *out, size_t cap)
{
    static const struct {
        const char *key, *fmt;
    } words[] = {
        {"rate", "# blocks/s"},
        {"lag", "lag #"},
        {"version", "version #"},
        {"outliers", "# outliers"},
        {"sensed", "# sensed"},
        {"sent", "# sent"},
        {"quiet_s", "not heard of for # s"},
    };
    const json_t *progress = json_object_get(o, "progress");
    const json_t *waits = json_object_get(progress, "waits");
    const json_t *stalled = json_object_get(progress, "stalled");
    text t = {0};

    if (stalled)
        stalled_add(&t, stalled);
    else if (waits)
        waits_add(&t, waits);
    for (size_t i = 0;
         !waits && !stalled && i < sizeof(words) / sizeof(words[0]); i++)
        word_add(&t, progress, words[i].key, words[i].fmt);
    snprintf(out, cap, "%s", t.data ? t.data : "");
    text_free(&t);
}

/* --- partitions --- */

static int by_number(const void *a, const void *b)
{
    json_int_t x = *(const json_int_t *)a, y = *(const json_int_t *)b;

    return x < y ? -1 : x > y;
}

/* [n] sorted numbers as ranges. */
static void ranges_add(text *t, const json_int_t *p, size_t n)
{
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && p[end] <= p[end - 1] + 1; end++)
            ;
        text_add(t, "%s%lld", i ? "," : "", (long long)p[i]);
        if (p[end - 1] > p[i])
            text_add(t, "-%lld", (long long)p[end - 1]);
    }
}

char *beat_partitions(const json_t *o)
{
    const json_t *list = json_object_get(o, "partitions");
    size_t all = json_array_size(list), n = 0;
    json_int_t *p = calloc(all + 1, sizeof(*p));
    text t = {0};

    text_add_bytes(&t, "", 0);
    for (size_t i = 0; p && i < all; i++)
        if (json_is_integer(json_array_get(list, i)))
            p[n++] = json_integer_value(json_array_get(list, i));
    if (p && n > 0) {
        qsort(p, n, sizeof(*p), by_number);
        ranges_add(&t, p, n);
    }
    if (!p || t.failed)
        text_free(&t);
    free(p);
    return t.data;
}
