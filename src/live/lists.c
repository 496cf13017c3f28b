/* lists.c - ranks, partitions and devices of a document, and the lag. */
#include "make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "src/monitor/value.h"
#include "src/pipeline/pipeline.h"

/* A row of a list, and what it is shown for. */
typedef struct row {
    json_t *o; /* owned */
    double weight;
    size_t at;
} row;

typedef struct rows {
    row *r;
    size_t n, cap;
    bool failed;
} rows;

static void rows_add(rows *l, json_t *o, double weight)
{
    row *more = l->r;

    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        more = reallocarray(l->r, l->cap, sizeof(*more));
    }
    if (!o || !more) {
        l->failed = true;
        json_decref(o);
        return;
    }
    l->r = more;
    l->r[l->n] = (row){o, weight, l->n};
    l->n++;
}

static int by_weight(const void *a, const void *b)
{
    const row *x = a, *y = b;

    if (x->weight < y->weight || x->weight > y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_place(const void *a, const void *b)
{
    const row *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

/* As member [key] of [doc], in the order of their making, the heaviest
 * LIVE_ROWS_MAX; [missing] more are not here.  -1: no memory.
 */
static int rows_put(rows *l, json_t *doc, const char *key, int64_t missing)
{
    size_t n = l->n < LIVE_ROWS_MAX ? l->n : LIVE_ROWS_MAX;
    json_t *list = json_array(), *out = json_object_get(doc, "left_out");

    missing += (int64_t)(l->n - n);
    if (l->n > n)
        qsort(l->r, l->n, sizeof(*l->r), by_weight);
    if (l->n > n)
        qsort(l->r, n, sizeof(*l->r), by_place);
    for (size_t i = 0; i < n; i++)
        json_array_append(list, l->r[i].o);
    if (missing > 0)
        json_object_set_new(out, key, json_integer(missing));
    json_object_set_new(doc, key, list);
    for (size_t i = 0; i < l->n; i++)
        json_decref(l->r[i].o);
    free(l->r);
    return l->failed ? -1 : 0;
}

/* Values of an array, under the names of [keys], from its item [from] on. */
static void named(json_t *o, const json_t *values, size_t from,
                  const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++)
        if (json_array_get(values, from + i))
            json_object_set(o, keys[i], json_array_get(values, from + i));
}

/* --- ranks --- */

static int ranks_put(const live_parts *p, json_t *doc)
{
    static const char *const keys[] = {
        "rank",         "busy",   "fetch", "reduce",  "idle", "blocks_per_s",
        "helped_per_s", "rss_mb", "lag",   "backlog", NULL};
    int64_t missing = 0;
    rows l = {0};

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        const json_t *all = json_object_get(k->progress, "rank"), *values;
        size_t at;

        if (!k->is_pool || !k->fresh)
            continue;
        json_array_foreach(all, at, values)
        {
            json_t *o = json_pack("{s:s}", "pilot", k->name);

            named(o, values, 0, keys);
            rows_add(&l, o, value_real(o, "lag"));
        }
        missing += value_int(k->last, "ranks") - (int64_t)json_array_size(all);
    }
    return rows_put(&l, doc, "ranks", missing);
}

/* --- partitions --- */

/* Who has partition [k]; *rankp: which of its ranks, *sharep: how many
 * partitions it has.  NULL: nobody.
 */
static const char *owner_of(const live_parts *p, int64_t k, int *rankp,
                            size_t *sharep)
{
    const json_t *lease, *has;
    size_t i, at;

    json_array_foreach(json_object_get(p->facts, "leases"), i, lease)
    {
        const json_t *list = json_object_get(lease, "partitions");

        json_array_foreach(list, at, has)
        {
            int ranks = (int)value_int(lease, "ranks");

            if (json_integer_value(has) != k)
                continue;
            *rankp = pipeline_owner((int)at, ranks > 0 ? ranks : 1);
            *sharep = json_array_size(list);
            return value_text(lease, "member", "?");
        }
    }
    return NULL;
}

/* Blocks a second of pool [pilot]; 0: not known. */
static double rate_of(const live_parts *p, const char *pilot)
{
    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        double s = value_real(k->last, "seconds");

        if (k->fresh && s > 0 && !strcmp(k->name, pilot))
            return value_real(json_object_get(k->last, "blocks"), "applied") /
                   s;
    }
    return 0;
}

static json_t *partition_make(const live_parts *p, const json_t *offset,
                              int64_t *lagp)
{
    const char *topic = json_string_value(json_array_get(offset, 0));
    int64_t k = json_integer_value(json_array_get(offset, 1));
    int64_t next = json_integer_value(json_array_get(offset, 2)), end;
    const json_t *high = json_object_get(p->facts, "high");
    char number[32];
    json_t *o = json_pack("{s:I, s:I}", "partition", (json_int_t)k, "committed",
                          (json_int_t)next);
    const char *pilot;
    size_t share = 1;
    int rank = 0;

    *lagp = -1;
    pilot = owner_of(p, k, &rank, &share);
    if (pilot) {
        json_object_set_new(o, "pilot", json_string(pilot));
        json_object_set_new(o, "rank", json_integer(rank));
    }
    snprintf(number, sizeof(number), "%lld", (long long)k);
    high = json_object_get(json_object_get(high, topic ? topic : ""), number);
    if (!json_is_integer(high))
        return o;
    end = json_integer_value(high);
    *lagp = end > next ? end - next : 0;
    json_object_set_new(o, "end", json_integer(end));
    json_object_set_new(o, "lag", json_integer(*lagp));
    if (pilot && rate_of(p, pilot) > 0)
        json_object_set_new(
            o, "seconds",
            live_real((double)*lagp * (double)share / rate_of(p, pilot)));
    return o;
}

static int by_partition(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    json_int_t i = json_integer_value(json_array_get(*x, 1));
    json_int_t k = json_integer_value(json_array_get(*y, 1));

    return (i > k) - (i < k);
}

/* The lag of the run, where it is known; else what its pools say. */
static void lag_put(const live_parts *p, json_t *doc, int64_t lag, bool known)
{
    const json_t *then = json_object_get(p->facts, "lag_then");
    double age = live_age_s(p, value_int(then, "time_ns"));
    bool committed = known;
    json_t *o;

    for (size_t i = 0; !committed && i < p->n; i++) {
        if (!p->pilots[i].is_pool || !p->pilots[i].fresh ||
            live_passes_on(&p->pilots[i]))
            continue;
        lag += value_int(p->pilots[i].progress, "lag");
        known = true;
    }
    if (!known)
        return;
    o = json_pack("{s:I}", "blocks", (json_int_t)lag);
    if (p->rated && (p->blocks_per_s > 0 || lag == 0))
        json_object_set_new(
            o, "seconds",
            live_real(lag == 0 ? 0 : (double)lag / p->blocks_per_s));
    if (then && age > 0)
        json_object_set_new(
            o, "blocks_per_s",
            live_real((double)(lag - value_int(then, "blocks")) / age));
    json_object_set_new(doc, "lag", o);
}

static int partitions_put(const live_parts *p, json_t *doc)
{
    const json_t *offsets = json_object_get(p->state, "offsets");
    size_t n = json_array_size(offsets);
    const json_t **order = calloc(n + 1, sizeof(*order));
    int64_t lag = 0;
    bool known = false;
    rows l = {0};

    for (size_t i = 0; order && i < n; i++)
        order[i] = json_array_get(offsets, i);
    if (order && n > 0)
        qsort(order, n, sizeof(*order), by_partition);
    for (size_t i = 0; order && i < n; i++) {
        int64_t own;
        json_t *o = partition_make(p, order[i], &own);

        known = known || own >= 0;
        lag += own > 0 ? own : 0;
        rows_add(&l, o, (double)own);
    }
    l.failed = l.failed || !order;
    free(order);
    lag_put(p, doc, lag, known);
    return rows_put(&l, doc, "partitions", 0);
}

/* --- devices --- */

/* Device [name] of [all], made where it is not there. */
static json_t *device_of(json_t *all, const char *name)
{
    json_t *o = json_object_get(all, name);

    if (o)
        return o;
    o = json_pack("{s:s}", "device", name);
    json_object_set_new(all, name, o);
    return o;
}

static const char *name_of(const json_t *values)
{
    const char *name = json_string_value(json_array_get(values, 0));

    return name ? name : "?";
}

/* What was applied of each. */
static void applied_add(const live_parts *p, json_t *all)
{
    static const char *const keys[] = {"partition", "boot", "seq", NULL};
    const json_t *values;
    size_t i;

    json_array_foreach(json_object_get(p->state, "devices"), i, values)
    {
        named(device_of(all, name_of(values)), values, 1, keys);
    }
    json_array_foreach(json_object_get(p->facts, "ends"), i, values)
    {
        json_t *o = device_of(all, name_of(values));

        if (!json_object_get(o, "partition"))
            named(o, values, 1, (const char *const[]){"partition", NULL});
        json_object_set_new(o, "ended", json_true());
        if (json_is_true(json_array_get(values, 3)))
            json_object_set_new(o, "dead", json_true());
    }
}

/* What pilots tell of theirs; the number of those they leave out. */
static int64_t told_add(const live_parts *p, json_t *all)
{
    static const char *const keys[] = {
        "sensed", "sent",    "queued", "full", "busy",  "blocked", "paced",
        "syncs",  "learned", "held",   "base", "age_s", "up_mb",   NULL};
    int64_t missing = 0;

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        const json_t *list = json_object_get(k->progress, "device"), *values;
        json_t *model;
        size_t at;

        if (!k->is_edge || !k->fresh)
            continue;
        model = live_model_seen(k);
        json_array_foreach(list, at, values)
        {
            json_t *o = device_of(all, name_of(values));

            json_object_set_new(o, "pilot", json_string(k->name));
            named(o, values, 1, keys);
            if (model)
                json_object_set(o, "model", model);
        }
        json_decref(model);
        missing +=
            value_int(k->last, "devices") - (int64_t)json_array_size(list);
    }
    return missing;
}

/* "d-2" before "d-10". */
static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strverscmp(*x, *y);
}

static int devices_put(const live_parts *p, json_t *doc)
{
    json_t *all = json_object(), *o;
    const char **names, *name;
    int64_t told, missing;
    size_t n = 0, untold = 0;
    rows l = {0};

    applied_add(p, all);
    missing = told_add(p, all);
    names = calloc(json_object_size(all) + 1, sizeof(*names));
    json_object_foreach(all, name, o)
    {
        untold += !json_object_get(o, "pilot");
        if (names)
            names[n++] = name;
    }
    if (names && n > 0)
        qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 0; i < n; i++) {
        o = json_object_get(all, names[i]);
        rows_add(&l, json_incref(o),
                 value_real(o, "full") + (json_object_get(o, "pilot") ? 1 : 0));
    }
    l.failed = l.failed || !names;
    free(names);
    json_decref(all);
    /* Those that a pilot leaves out may be here by what was applied. */
    told = missing - (int64_t)untold;
    return rows_put(&l, doc, "devices", told > 0 ? told : 0);
}

int live_lists(const live_parts *p, json_t *doc)
{
    json_object_set_new(doc, "left_out", json_object());
    return ranks_put(p, doc) < 0 || partitions_put(p, doc) < 0 ||
                   devices_put(p, doc) < 0
               ? -1
               : 0;
}
