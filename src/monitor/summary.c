/* summary.c - the summary of a run out of the final events of its pilots. */
#include <string.h>

#include "src/monitor/counter.h"
#include "src/monitor/monitor.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

#define URGENT "urgent" /* where there are such blocks */

static const char *const hops[] = {"edge",      "broker", "start", "wait",
                                   "process",   "commit", "model", "total",
                                   "processed", URGENT,   NULL};

static bool is_pool(const json_t *event)
{
    return !strcmp(value_text(event, "event", ""), "pool");
}

/* What is committed is of the run, and grows: has [a] seen more of it than [b]?
 * Two that have seen the same are told apart by their ends.
 */
static bool is_newer(const json_t *a, const json_t *b)
{
    json_int_t more = value_int(json_object_get(a, "model"), "version") -
                      value_int(json_object_get(b, "model"), "version");

    if (more == 0)
        more = value_int(a, "points") - value_int(b, "points");
    if (more == 0)
        more = value_int(a, "last_ns") - value_int(b, "last_ns");
    return more > 0;
}

/* Final event of the pool that has seen the newest commit, or NULL. */
static const json_t *pool_of(const monitor *m)
{
    const json_t *newest = NULL;
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        if (is_pool(event) && (!newest || is_newer(event, newest)))
            newest = event;
    }
    return newest;
}

/* Has this edge told [last] and ended without its final event? */
static bool is_cut_off(const monitor *m, const char *pilot, const json_t *last)
{
    return json_object_get(last, "sensed") &&
           !json_object_get(m->finals, pilot);
}

/* What commits have counted is of the run, so the largest is the newest. */
static json_int_t total_of(const monitor *m, const counter *c)
{
    json_int_t total = value_int(m->told, c->key);
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        json_int_t n = counter_value(c, event);
        if (c->total != COUNTER_COMMITTED)
            total += n;
        else if (n > total)
            total = n;
    }
    json_object_foreach(m->earlier, pilot, event)
    {
        if (counter_is_kept(c) && monitor_earlier(m, pilot))
            total += counter_value(c, event);
    }
    json_object_foreach(m->progress, pilot, event)
    {
        if (c->total == COUNTER_ADDED && is_cut_off(m, pilot, event))
            total += value_int(event, c->key);
    }
    return total + value_int(m->base, c->key);
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

/* Final events of the pools, or of the edges, in a new array. */
static json_t *finals_of(const monitor *m, const char *kind)
{
    json_t *list = json_array();
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        if (!strcmp(value_text(event, "event", ""), kind))
            json_array_append(list, event);
    }
    return list;
}

static json_t *counters_make(const monitor *m, const char *object)
{
    json_t *out = json_object();

    for (const counter *c = counters; c->key; c++)
        if (!strcmp(c->object, object))
            json_object_set_new(out, c->key, json_integer(total_of(m, c)));
    return out;
}

/* Of runs that had some. */
static void tasks_add(const monitor *m, json_t *out)
{
    json_t *tasks =
        m->tasks ? json_incref(m->tasks) : counters_make(m, "tasks");

    if (value_int(tasks, "slices") > 0 || value_int(tasks, "slices_failed") > 0)
        json_object_set(out, "tasks", tasks);
    json_decref(tasks);
}

static void add(json_t *o, const char *key, json_int_t n)
{
    json_object_set_new(o, key, json_integer(value_int(o, key) + n));
}

/* What edges without a final event had sensed and nobody has acknowledged to
 * them: it counts when it is sensed once more where their source can be read
 * again, it is spooled where they have a spool, else it is lost with them.
 */
static void edges_cut(const monitor *m, json_t *blocks)
{
    const char *pilot;
    json_t *last;

    json_object_foreach(m->progress, pilot, last)
    {
        json_int_t n = value_int(last, "sensed") - value_int(last, "sent") -
                       value_int(last, "filtered") -
                       value_int(last, "dropped") - value_int(last, "lost");
        if (!is_cut_off(m, pilot, last))
            continue;
        if (json_object_get(last, "spooled") || json_object_get(last, "spool"))
            add(blocks, "spooled", n);
        else if (json_is_true(json_object_get(last, "rereadable")))
            add(blocks, "sensed", -n);
        else
            add(blocks, "lost", n);
    }
}

/* An edge that died had sensed and sent more than it could tell.  What the
 * pools had of our devices was sent, so it is not lost; and what was sent was
 * sensed.  Then sums are right as far as anybody can tell.
 */
static void edges_complete(json_t *blocks)
{
    json_int_t seen = value_int(blocks, "applied") +
                      value_int(blocks, "refused") -
                      value_int(blocks, "foreign");
    json_int_t untold = seen - value_int(blocks, "sent");
    json_int_t lost = value_int(blocks, "lost"), more, again;
    json_int_t spooled = value_int(blocks, "spooled");

    if (untold > 0) {
        add(blocks, "sent", untold);
        add(blocks, "lost", untold < lost ? -untold : -lost);
        untold -= untold < lost ? untold : lost;
        add(blocks, "spooled", untold < spooled ? -untold : -spooled);
    }
    more = value_int(blocks, "sent") + value_int(blocks, "filtered") +
           value_int(blocks, "dropped") + value_int(blocks, "spooled") +
           value_int(blocks, "lost") - value_int(blocks, "sensed");
    /* What was on its way when an agent died was sent again out of its spool.
     */
    again = value_int(blocks, "sent") - seen;
    again = again > value_int(blocks, "deduplicated")
                ? value_int(blocks, "deduplicated")
                : again;
    if (more > 0 && again > 0) {
        add(blocks, "sent", more < again ? -more : -again);
        more -= more < again ? more : again;
    }
    if (more > 0)
        add(blocks, "sensed", more);
}

/* What was applied was fetched, be it by a pool that did not live to tell of
 * it, or before this command went on with the run.
 */
static void pools_complete(json_t *blocks)
{
    json_int_t seen =
        value_int(blocks, "applied") + value_int(blocks, "refused");

    if (seen > value_int(blocks, "fetched"))
        json_object_set_new(blocks, "fetched", json_integer(seen));
}

/* Objects in the final events of pools, COLUMN -> cells, COLUMN -> name, STAGE
 * -> blocks of each side: of the run, as what is committed is.
 */
static json_t *cells_make(const json_t *pool, const char *key)
{
    const json_t *cells = json_object_get(pool, key);

    return json_is_object(cells) ? json_deep_copy(cells) : NULL;
}

/* Counter -> what the first of it was, in the words of who counted it. */
static json_t *firsts_make(const monitor *m)
{
    json_t *out = json_object();
    const char *pilot;
    json_t *event;

    json_object_foreach(m->finals, pilot, event)
    {
        json_object_update_missing(out, json_object_get(event, "first"));
    }
    return out;
}

/* Blocks, points and bytes, and how long they took. */
struct amount {
    double blocks, points, bytes, seconds;
};

/* What this command's pools have applied. */
static struct amount pools_amount(const monitor *m, const json_t *pool,
                                  size_t n_pools, double seconds)
{
    const json_t *blocks = json_object_get(pool, "blocks");
    double span = m->pool_lost  ? 0
                  : n_pools > 1 ? pools_span(m)
                                : value_real(pool, "seconds");

    return (struct amount){
        (double)(value_int(blocks, "applied") - m->before.blocks),
        (double)(value_int(pool, "points") - m->before.points),
        (double)(value_int(pool, "bytes") - m->before.bytes),
        span > 0 ? span : seconds};
}

/* What edges have sent, where no pool of the run learns from it. */
static struct amount edges_amount(const monitor *m, const json_t *edges,
                                  double seconds)
{
    struct amount a = {.seconds = seconds};
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        const char *pilot = value_text(edge, "pilot", "");
        const json_t *was = json_object_get(m->earlier, pilot);
        bool same = was && !monitor_earlier(m, pilot);

        a.blocks += value_real(json_object_get(edge, "blocks"), "sent");
        if (same)
            a.blocks -= value_real(json_object_get(was, "blocks"), "sent");
        a.points += value_real(edge, "points") - value_real(was, "points");
        a.bytes += value_real(edge, "bytes") - value_real(was, "bytes");
    }
    return a;
}

static long long edges_sum(const json_t *edges, const char *key)
{
    long long sum = 0;
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge) sum += value_int(edge, key);
    return sum;
}

static json_t *rate_make(const struct amount *a)
{
    double s = a->seconds > 0 ? a->seconds : 1;

    return json_pack("{s:f, s:f, s:f}", "blocks_per_s", a->blocks / s,
                     "points_per_s", a->points / s, "mb_per_s",
                     a->bytes / 1e6 / s);
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
    if (value_int(json_object_get(out, URGENT), "n") == 0)
        json_object_del(out, URGENT);
    return out;
}

static json_t *model_make(const json_t *pool)
{
    const json_t *model = json_object_get(pool, "model");

    if (!json_is_object(model))
        return json_null();
    return json_pack("{s:s, s:O*, s:I, s:s, s:I, s:O*, s:O*, s:I}", "kind",
                     value_text(model, "kind", ""), "kernel",
                     json_object_get(model, "kernel"), "version",
                     value_int(model, "version"), "commit",
                     value_text(model, "commit", ""), "points",
                     value_int(model, "points"), "threshold",
                     json_object_get(model, "threshold"), "warming",
                     json_object_get(model, "warming"), "outliers",
                     value_int(pool, "outliers"));
}

bool monitor_has_model(const monitor *m)
{
    const json_t *pool = pool_of(m);
    const json_t *model = pool ? json_object_get(pool, "model") : NULL;

    return json_is_object(model) && value_int(model, "version") > 0 &&
           !json_is_true(json_object_get(model, "warming"));
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
    json_object_foreach(m->passed, pilot, value)
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

/* What the pilots took for a million points; services are not theirs. */
static json_t *cost_make(const json_t *cpu, long long points)
{
    const char *pilot;
    const json_t *value;
    double seconds = 0;

    json_object_foreach((json_t *)cpu, pilot, value) seconds +=
        json_number_value(value);
    return points > 0 ? json_real(seconds / 3600 / ((double)points / 1e6))
                      : json_null();
}

static json_t *exactly_once_make(const json_t *pool)
{
    const json_t *flag = json_object_get(pool, "exactly_once");

    if (!json_is_boolean(flag))
        return json_null();
    return json_string(json_is_true(flag) ? "on" : "off");
}

static void raise_to(json_t *o, const char *key, json_int_t n)
{
    if (value_int(o, key) < n)
        json_object_set_new(o, key, json_integer(n));
}

/* An agent that died had sent deltas it had not heard of: the pool has merged
 * them.  Whose they were is known where one pilot learns, and nobody else
 * sends.
 */
static void learned_complete(const monitor *m, json_t *learned,
                             const json_t *pool)
{
    const json_t *blocks = json_object_get(pool, "blocks");
    const char *pilot;
    json_t *one;

    if (!m->inexact || json_object_size(learned) != 1 ||
        value_int(blocks, "foreign") > 0)
        return;
    json_object_foreach(learned, pilot, one)
    {
        raise_to(one, "syncs", value_int(blocks, "applied"));
        raise_to(one, "bytes", value_int(pool, "bytes"));
        raise_to(one, "rows",
                 value_int(pool, "points") +
                     value_int(json_object_get(pool, "rows"), "stale"));
    }
}

/* What the devices of each pilot have learned; NULL: none does. */
static json_t *learned_make(const monitor *m, const json_t *pool,
                            const json_t *edges)
{
    json_t *out = NULL, *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        json_t *one = json_object_get(edge, "learned");

        if (one && !out)
            out = json_object();
        if (one)
            json_object_set_new(out, value_text(edge, "pilot", "?"),
                                json_copy(one));
    }
    if (out)
        learned_complete(m, out, pool);
    return out;
}

/* Of all hosts of the pools; pools of one host share them.  Where none tells,
 * they are taken to be here.
 */
static int cores_of(const monitor *m, const json_t *pools)
{
    json_t *hosts = json_object(), *pool, *n;
    const char *host;
    int cores = 0;
    size_t i;

    json_array_foreach(pools, i, pool)
    {
        json_int_t own = value_int(pool, "cores");

        host = value_text(pool, "host", "");
        if (own > value_int(hosts, host))
            json_object_set_new(hosts, host, json_integer(own));
    }
    json_object_foreach(hosts, host, n) cores += (int)json_integer_value(n);
    json_decref(hosts);
    return cores > 0 ? cores : m->cores;
}

/* Each layer has its say: those in front of the last, too. */
static json_t *verdict_make(const monitor *m, const json_t *pools,
                            const json_t *edges)
{
    json_t *all = json_copy((json_t *)(uintptr_t)pools), *v;
    const char *pilot;
    json_t *event;

    json_object_foreach(m->passed, pilot, event)
    {
        json_array_append(all, event);
    }
    v = monitor_verdict(all, edges, cores_of(m, all));
    json_decref(all);
    return v;
}

json_t *monitor_summary(const monitor *m, const char *state, double seconds)
{
    const json_t *pool = pool_of(m);
    json_t *pools = finals_of(m, "pool"), *edges = finals_of(m, "edge");
    json_t *cells = cells_make(pool, "masked_cells");
    json_t *blocks = counters_make(m, "blocks"), *cpu = cpu_make(m);
    struct amount a =
        pool ? pools_amount(m, pool, json_array_size(pools), seconds)
             : edges_amount(m, edges, seconds);

    edges_cut(m, blocks);
    if (m->inexact)
        edges_complete(blocks);
    pools_complete(blocks);
    long long points =
        pool ? value_int(pool, "points") : edges_sum(edges, "points");
    json_t *out = json_pack(
        "{s:i, s:s, s:s, s:s, s:i, s:f, s:o, s:o, s:o, s:o, s:I, s:I, s:o, "
        "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:O, s:o*, s:o*, "
        "s:o*, s:o*, s:o*}",
        "schema", 1, "run", m->run, "pipeline", m->pipeline, "state", state,
        "exit", strcmp(state, "failed") ? PE_EXIT_OK : PE_EXIT_FAILED,
        "seconds", seconds, "blocks", blocks, "rows", counters_make(m, "rows"),
        "masked_cells", cells ? cells : json_object(), "first", firsts_make(m),
        "points", (json_int_t)points, "bytes",
        pool ? value_int(pool, "bytes") : edges_sum(edges, "bytes"), "rate",
        rate_make(&a), "latency_ms", latency_make(m), "model", model_make(pool),
        "exactly_once", exactly_once_make(pool), "verdict",
        verdict_make(m, pools, edges), "cpu_s", cpu,
        "core_hours_per_million_points", cost_make(cpu, points), "errors",
        json_copy(m->errors), "deaths", m->deaths, "detail", m->finals,
        "masked_names", cells_make(pool, "masked_names"), "stages",
        cells_make(pool, "stages"), "energy",
        monitor_energy(m->finals, m->accounts, points), "learned",
        learned_make(m, pool, edges), "since", monitor_since(m));
    if (out && m->inexact)
        json_object_set_new(out, "inexact", json_true());
    if (out)
        tasks_add(m, out);
    if (out && m->layers > 1)
        monitor_layers_add(m, out);
    if (out && !strcmp(state, "done"))
        monitor_check(m, pool, edges, out);
    else if (out)
        monitor_left(m, pool, edges, out);
    json_decref(pools);
    json_decref(edges);
    return out;
}
