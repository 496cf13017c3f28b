/* summary.c - the summary of a run out of the final events of its pilots. */
#include <string.h>

#include "src/common/text.h"
#include "src/monitor/monitor.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

static const char *const block_keys[] = {
    "sensed",  "filtered", "dropped", "spooled",  "sent",         "foreign",
    "fetched", "applied",  "refused", "replayed", "deduplicated", NULL};

static const char *const hops[] = {"edge",    "broker",    "wait",
                                   "process", "commit",    "model",
                                   "total",   "processed", NULL};

/* The sum of member [key] of object [in] (NULL: of the event itself) over
 * all final events.
 */
static json_int_t finals_sum(const monitor *m, const char *in, const char *key)
{
    json_int_t sum = 0;
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        sum += value_int(in ? json_object_get(event, in) : event, key);
    }
    return sum;
}

static bool is_pool(const json_t *event)
{
    return !strcmp(value_text(event, "event", ""), "pool");
}

/* What commits have counted is of the run: each pool tells the same number, as
 * of its end, and the largest is the newest.
 */
static bool is_committed(const char *key)
{
    static const char *const keys[] = {"applied", "refused", "deduplicated",
                                       "foreign", NULL};

    for (const char *const *k = keys; *k; k++)
        if (!strcmp(*k, key))
            return true;
    return false;
}

/* Final event of the pool that ended last, or NULL. */
static const json_t *pool_of(const monitor *m)
{
    const json_t *newest = NULL;
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        if (is_pool(event) &&
            (!newest ||
             value_int(event, "points") > value_int(newest, "points") ||
             value_int(event, "last_ns") > value_int(newest, "last_ns")))
            newest = event;
    }
    return newest;
}

static json_int_t finals_largest(const monitor *m, const char *key)
{
    json_int_t largest = 0;
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        json_int_t n = value_int(json_object_get(event, "blocks"), key);
        if (n > largest)
            largest = n;
    }
    return largest;
}

/* Seconds from the first block of any pool to the last commit of any. */
static double pools_span(const monitor *m)
{
    json_int_t first = 0, last = 0;
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        json_int_t from = value_int(event, "first_ns");
        if (!is_pool(event) || from == 0)
            continue;
        if (first == 0 || from < first)
            first = from;
        if (value_int(event, "last_ns") > last)
            last = value_int(event, "last_ns");
    }
    return (double)(last - first) * 1e-9;
}

static size_t pools_count(const monitor *m)
{
    size_t n = 0;
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        n += is_pool(event);
    }
    return n;
}

/* Final events of the edges, in a new array. */
static json_t *edges_of(const monitor *m)
{
    json_t *edges = json_array();
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        if (!strcmp(value_text(event, "event", ""), "edge"))
            json_array_append(edges, event);
    }
    return edges;
}

static json_t *blocks_make(const monitor *m)
{
    json_t *blocks = json_object();

    for (const char *const *key = block_keys; *key; key++)
        json_object_set_new(
            blocks, *key,
            json_integer(value_int(m->base, *key) +
                         (is_committed(*key) ? finals_largest(m, *key)
                                             : finals_sum(m, "blocks", *key))));
    return blocks;
}

static json_t *rate_make(const monitor *m, const json_t *pool,
                         json_int_t applied, double seconds)
{
    double points = (double)(value_int(pool, "points") - m->before.points);
    double bytes = (double)(value_int(pool, "bytes") - m->before.bytes);
    double blocks = (double)(applied - m->before.blocks);
    double span = m->pool_lost         ? 0
                  : pools_count(m) > 1 ? pools_span(m)
                                       : value_real(pool, "seconds");

    if (span <= 0)
        span = seconds;
    if (span <= 0 || !pool)
        return json_pack("{s:f, s:f, s:f}", "blocks_per_s", 0.0, "points_per_s",
                         0.0, "mb_per_s", 0.0);
    return json_pack("{s:f, s:f, s:f}", "blocks_per_s", blocks / span,
                     "points_per_s", points / span, "mb_per_s",
                     bytes / 1e6 / span);
}

/* Several pilots may tell of one hop; percentiles do not add, so the worst
 * of each is shown.
 */
static json_t *hop_make(const monitor *m, const char *hop)
{
    static const char *const worst[] = {"p50", "p90", "p99", "max", NULL};
    json_t *out = json_pack("{s:i}", "n", 0);
    const char *pilot;
    json_t *event;

    for (const char *const *key = worst; *key; key++)
        json_object_set_new(out, *key, json_real(0));
    json_object_foreach(m->finals, pilot, event)
    {
        const json_t *one =
            json_object_get(json_object_get(event, "latency_ms"), hop);
        json_object_set_new(
            out, "n", json_integer(value_int(out, "n") + value_int(one, "n")));
        for (const char *const *key = worst; *key; key++)
            if (value_real(one, *key) > value_real(out, *key))
                json_object_set_new(out, *key,
                                    json_real(value_real(one, *key)));
    }
    return out;
}

static json_t *latency_make(const monitor *m)
{
    json_t *out = json_object();

    for (const char *const *hop = hops; *hop; hop++)
        json_object_set_new(out, *hop, hop_make(m, *hop));
    return out;
}

static json_t *model_make(const json_t *pool)
{
    const json_t *model = json_object_get(pool, "model");

    if (!json_is_object(model))
        return json_null();
    return json_pack(
        "{s:s, s:I, s:s, s:I, s:I}", "kind", value_text(model, "kind", ""),
        "version", value_int(model, "version"), "commit",
        value_text(model, "commit", ""), "points", value_int(model, "points"),
        "outliers", value_int(pool, "outliers"));
}

/* What the kernel counted for the processes of a pilot, or what the pilot
 * counted itself where that is more (a child nobody waited for).
 */
static json_t *cpu_make(const monitor *m)
{
    json_t *out = json_object();
    const char *pilot;
    json_t *value;

    json_object_foreach(m->finals, pilot, value)
    {
        json_object_set_new(out, pilot, json_real(value_real(value, "cpu_s")));
    }
    json_object_foreach(m->cpu, pilot, value)
    {
        if (json_number_value(value) > value_real(out, pilot))
            json_object_set(out, pilot, value);
    }
    return out;
}

static json_t *exactly_once_make(const json_t *pool)
{
    const json_t *flag = json_object_get(pool, "exactly_once");

    if (!json_is_boolean(flag))
        return json_null();
    return json_string(json_is_true(flag) ? "on" : "off");
}

static int edges_balance(const json_t *blocks, json_t *errors)
{
    json_int_t sensed = value_int(blocks, "sensed");
    json_int_t sent = value_int(blocks, "sent");
    json_int_t filtered = value_int(blocks, "filtered");
    json_int_t dropped = value_int(blocks, "dropped");
    json_int_t spooled = value_int(blocks, "spooled");

    if (sensed == sent + filtered + dropped + spooled)
        return 0;
    json_array_append_new(
        errors,
        json_sprintf("blocks do not add up at the edge: %lld sensed, but "
                     "%lld sent + %lld filtered + %lld dropped + %lld spooled",
                     (long long)sensed, (long long)sent, (long long)filtered,
                     (long long)dropped, (long long)spooled));
    return -1;
}

/* Edges that died may have sent more than they could tell; then the pool may
 * have seen more than we know of, but never less.
 */
static int pool_balance(const monitor *m, const json_t *blocks, json_t *errors)
{
    json_int_t in = value_int(blocks, "sent") + value_int(blocks, "foreign");
    json_int_t out =
        value_int(blocks, "applied") + value_int(blocks, "refused");
    json_int_t twice = value_int(blocks, "deduplicated");

    if (m->inexact ? in <= out + twice : in == out)
        return 0;
    json_array_append_new(
        errors,
        json_sprintf("blocks do not add up at the pool: %lld sent + %lld "
                     "foreign, but %lld applied + %lld refused",
                     (long long)value_int(blocks, "sent"),
                     (long long)value_int(blocks, "foreign"),
                     (long long)value_int(blocks, "applied"),
                     (long long)value_int(blocks, "refused")));
    return -1;
}

/* Rule 9.  Only a run with edges of its own knows what was sent. */
static bool is_balanced(const monitor *m, const json_t *blocks,
                        const json_t *edges, json_t *errors)
{
    if (json_array_size(edges) == 0)
        return true;
    bool edge_ok = m->inexact || edges_balance(blocks, errors) == 0;
    return pool_balance(m, blocks, errors) == 0 && edge_ok;
}

json_t *monitor_summary(const monitor *m, const char *state, double seconds)
{
    const json_t *pool = pool_of(m);
    json_t *edges = edges_of(m);
    json_t *errors = json_copy(m->errors);
    json_t *blocks = blocks_make(m);

    if (!strcmp(state, "done") && !is_balanced(m, blocks, edges, errors))
        state = "failed";
    json_t *out = json_pack(
        "{s:i, s:s, s:s, s:s, s:f, s:O, s:I, s:I, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:i, s:O}",
        "schema", 1, "run", m->run, "pipeline", m->pipeline, "state", state,
        "seconds", seconds, "blocks", blocks, "points",
        value_int(pool, "points"), "bytes", value_int(pool, "bytes"), "rate",
        rate_make(m, pool, value_int(blocks, "applied"), seconds), "latency_ms",
        latency_make(m), "model", model_make(pool), "exactly_once",
        exactly_once_make(pool), "verdict",
        monitor_verdict(pool, edges, m->cores), "cpu_s", cpu_make(m), "errors",
        errors, "deaths", m->deaths, "detail", m->finals);
    json_decref(blocks);
    json_decref(edges);
    return out;
}
