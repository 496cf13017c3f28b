/* layers.c - a run of several layers: a row each, and do they add up? */
#include <stdio.h>
#include <string.h>

#include "src/monitor/private.h"
#include "src/monitor/value.h"

static const char *const hops[] = {"edge",   "broker", "wait",      "process",
                                   "commit", "total",  "processed", NULL};

bool monitor_passes_on(const json_t *event)
{
    const json_t *layer = json_object_get(event, "layer");

    return layer && value_int(layer, "index") + 1 < value_int(layer, "of");
}

static int index_of(const json_t *event)
{
    return (int)value_int(json_object_get(event, "layer"), "index");
}

static const char *layer_of(const json_t *event)
{
    return value_text(json_object_get(event, "layer"), "name", "");
}

void monitor_layer_lost(monitor *m, const json_t *event)
{
    const json_t *blocks =
        json_object_get(json_object_get(event, "counts"), "blocks");
    const char *layer = layer_of(event);

    json_object_set_new(m->replayed, layer,
                        json_integer(value_int(m->replayed, layer) +
                                     value_int(blocks, "replayed")));
}

/* The larger of the two: what is committed is of the layer, and percentiles do
 * not add.
 */
static void take_larger(json_t *to, const json_t *from, const char *key)
{
    json_t *is = json_object_get(from, key);

    if (!is && !json_object_get(to, key))
        json_object_set_new(to, key, json_integer(0));
    else if (is && (!json_object_get(to, key) ||
                    json_number_value(is) > value_real(to, key)))
        json_object_set(to, key, is);
}

static void take_blocks(json_t *row, const json_t *event)
{
    static const char *const keys[] = {
        "applied",      "refused", "refused_own", "forged",
        "deduplicated", "foreign", "forwarded",   NULL};
    const json_t *from = json_object_get(event, "blocks");
    json_t *to = json_object_get(row, "blocks");

    for (const char *const *key = keys; *key; key++)
        take_larger(to, from, *key);
    json_object_set_new(
        to, "replayed",
        json_integer(value_int(to, "replayed") + value_int(from, "replayed")));
}

static void take_latency(json_t *row, const json_t *event)
{
    static const char *const keys[] = {"n", "p50", "p90", "p99", "max", NULL};
    json_t *to = json_object_get(row, "latency_ms");

    for (const char *const *hop = hops; *hop; hop++) {
        const json_t *from =
            json_object_get(json_object_get(event, "latency_ms"), *hop);
        json_t *one = json_object_get(to, *hop);

        if (!from)
            continue;
        if (!one) {
            one = json_object();
            json_object_set_new(to, *hop, one);
        }
        for (const char *const *key = keys; *key; key++)
            take_larger(one, from, *key);
    }
}

/* Add what a pool of the layer has told to [row]. */
static void take_pool(json_t *row, const char *pilot, const json_t *event)
{
    const json_t *first = json_object_get(event, "first");

    json_array_append_new(json_object_get(row, "pilots"), json_string(pilot));
    json_object_set_new(row, "layer", json_string(layer_of(event)));
    take_blocks(row, event);
    take_latency(row, event);
    take_larger(row, event, "points");
    take_larger(row, event, "bytes");
    if (json_is_string(json_object_get(first, "refused_own")))
        json_object_set(row, "refused_first",
                        json_object_get(first, "refused_own"));
}

static void take_all(json_t *rows, const json_t *finals)
{
    const char *pilot;
    const json_t *event;

    json_object_foreach((json_t *)finals, pilot, event)
    {
        if (!strcmp(value_text(event, "event", ""), "pool"))
            take_pool(json_array_get(rows, (size_t)index_of(event)), pilot,
                      event);
    }
}

/* Those of the last layer are in the counts of the run. */
static void replayed_add(const monitor *m, json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *layer = value_text(row, "layer", "");
        json_t *blocks = json_object_get(row, "blocks");
        json_int_t n = i + 1 < json_array_size(rows)
                           ? value_int(m->replayed, layer)
                           : value_int(m->base, "replayed");

        json_object_set_new(blocks, "replayed",
                            json_integer(value_int(blocks, "replayed") + n));
    }
}

void monitor_layers_add(const monitor *m, json_t *summary)
{
    json_t *rows = json_array(), *detail = json_copy(m->finals);

    for (int i = 0; i < m->layers; i++)
        json_array_append_new(rows,
                              json_pack("{s:s, s:[], s:{}, s:{}}", "layer", "",
                                        "pilots", "blocks", "latency_ms"));
    take_all(rows, m->passed);
    take_all(rows, m->finals);
    replayed_add(m, rows);
    json_object_update_missing(detail, m->passed);
    json_object_set_new(summary, "detail", detail);
    json_object_set_new(summary, "layers", rows);
}

/* --- do they add up? --- */

struct sums {
    long long out, foreign, twice, forwarded, own;
};

static struct sums sums_of(const json_t *row)
{
    const json_t *b = json_object_get(row, "blocks");

    return (struct sums){value_int(b, "applied") + value_int(b, "refused"),
                         value_int(b, "foreign"), value_int(b, "deduplicated"),
                         value_int(b, "forwarded"),
                         value_int(b, "refused_own")};
}

static const char *name_of(const json_t *row)
{
    return value_text(row, "layer", "");
}

/* The first layer against what edges have sent. */
static int check_first(const monitor *m, const json_t *summary,
                       const json_t *row, char *why, size_t cap)
{
    const json_t *b = json_object_get(summary, "blocks");
    long long sent = value_int(b, "sent");
    struct sums s = sums_of(row);

    if (sent == 0 || !*name_of(row) ||
        monitor_adds_up(m, b, sent + s.foreign, s.out, s.twice))
        return PE_EXIT_OK;
    snprintf(why, cap,
             "blocks do not add up at layer %s: %lld sent + %lld foreign, but "
             "%lld applied or refused",
             name_of(row), sent, s.foreign, s.out);
    return PE_EXIT_FAILED;
}

/* Others may write to the stream between two layers, too. */
static int check_next(const json_t *before, const json_t *row, char *why,
                      size_t cap)
{
    long long in = sums_of(before).forwarded;
    struct sums s = sums_of(row);

    if (!*name_of(before) || !*name_of(row) || /* it has not told */
        (s.out >= in && s.out - in <= s.foreign))
        return PE_EXIT_OK;
    snprintf(why, cap,
             "blocks do not add up at layer %s: %lld forwarded by %s + %lld "
             "foreign, but %lld applied or refused",
             name_of(row), in, name_of(before), s.foreign, s.out);
    return PE_EXIT_FAILED;
}

/* Of the last layer the run itself says it. */
static int check_refused(const json_t *row, char *why, size_t cap)
{
    long long own = sums_of(row).own;
    const char *first = value_text(row, "refused_first", "");

    if (own == 0)
        return PE_EXIT_OK;
    snprintf(why, cap,
             "%lld block%s of this run's devices %s refused by layer %s, and "
             "went no further%s%.200s",
             own, own == 1 ? "" : "s", own == 1 ? "was" : "were", name_of(row),
             *first ? "; the first: " : "", first);
    return PE_EXIT_DATA;
}

int monitor_layers_check(const monitor *m, const json_t *summary, char *why,
                         size_t cap)
{
    const json_t *rows = json_object_get(summary, "layers");
    int status = check_first(m, summary, json_array_get(rows, 0), why, cap);

    for (size_t i = 1; status == PE_EXIT_OK && i < json_array_size(rows); i++)
        status = check_next(json_array_get(rows, i - 1),
                            json_array_get(rows, i), why, cap);
    for (size_t i = 0; status == PE_EXIT_OK && i + 1 < json_array_size(rows);
         i++)
        status = check_refused(json_array_get(rows, i), why, cap);
    return status;
}

/* --- for people --- */

void monitor_layers_print(const json_t *summary, FILE *f)
{
    const json_t *rows = json_object_get(summary, "layers"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const json_t *b = json_object_get(row, "blocks");
        const json_t *total =
            json_object_get(json_object_get(row, "latency_ms"), "total");

        if (i == 0)
            fprintf(f, "%-10s%-16s %9s %9s %8s %9s %9s\n", "layers", "layer",
                    "applied", "forwarded", "refused", "p50 ms", "p99 ms");
        fprintf(f, "%-10s%-16.16s %9lld %9lld %8lld %9.2f %9.2f\n", "",
                name_of(row), (long long)value_int(b, "applied"),
                (long long)value_int(b, "forwarded"),
                (long long)value_int(b, "refused"), value_real(total, "p50"),
                value_real(total, "p99"));
    }
}
