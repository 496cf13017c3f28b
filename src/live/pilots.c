/* pilots.c - pilots in the document of a run, as their newest beats tell. */
#include "make.h"

#include <stdio.h>

#include "src/monitor/value.h"

static json_t *rate_of(const json_t *last, const char *blocks)
{
    return live_rate(value_real(last, "seconds"),
                     value_real(json_object_get(last, "blocks"), blocks),
                     value_real(last, "points"), value_real(last, "bytes"));
}

static void shares_put(json_t *o, const json_t *last, const char *const *keys)
{
    char member[32];

    for (; *keys; keys++) {
        snprintf(member, sizeof(member), "%s_s", *keys);
        live_put(o, *keys, live_real(live_share(last, member)));
    }
}

static double rss_of(const json_t *ranks)
{
    double most = 0;
    const json_t *row;
    size_t i;

    json_array_foreach(ranks, i, row)
    {
        double mb = json_number_value(json_array_get(row, 7));
        most = mb > most ? mb : most;
    }
    return most;
}

static void pool_put(const live_pilot *k, json_t *o)
{
    static const char *const shares[] = {"busy", "fetch", "reduce", "idle",
                                         NULL};
    static const char *const same[] = {"p95_ms", "epoch_ms", NULL};

    live_copy(o, k->beat, (const char *const[]){"ranks", NULL});
    live_copy(o, k->progress, same);
    if (!k->fresh)
        return;
    live_put(o, "rate", rate_of(k->last, "applied"));
    shares_put(o, k->last, shares);
    live_put(o, "helped_per_s", live_real(live_per_s(k->last, "helped")));
    live_copy(o, k->last, (const char *const[]){"commit_ms", NULL});
    live_put(o, "rss_mb",
             live_real(rss_of(json_object_get(k->progress, "rank"))));
}

json_t *live_model_seen(const live_pilot *k)
{
    const json_t *model = json_object_get(k->progress, "model");
    double age = (double)(value_int(k->progress, "time_ns") -
                          value_int(model, "time_ns")) /
                 NS_PER_S;

    if (!model)
        return NULL;
    return json_pack("{s:I, s:o}", "version", value_int(model, "version"),
                     "age_s", live_real(age > 0 ? age : 0));
}

static void edge_put(const live_pilot *k, json_t *o)
{
    static const char *const shares[] = {"busy", "blocked", "paced", NULL};
    const json_t *blocks = json_object_get(k->last, "blocks");

    live_put(o, "model", live_model_seen(k));
    if (!k->fresh)
        return;
    live_copy(o, k->last, (const char *const[]){"devices", NULL});
    live_copy(o, k->progress,
              (const char *const[]){"queued", "full", "spool", NULL});
    live_put(o, "rate", rate_of(k->last, "sent"));
    if (value_real(k->last, "seconds") > 0)
        live_put(o, "sensed_per_s",
                 live_real(value_real(blocks, "sensed") /
                           value_real(k->last, "seconds")));
    shares_put(o, k->last, shares);
}

static json_t *pilot_make(const live_parts *p, const live_pilot *k)
{
    static const char *const same[] = {"reason",   "host",     "sched_id",
                                       "endpoint", "restarts", "cpu_s",
                                       "joules",   NULL};
    int64_t limit = value_int(k->beat, "limit_ns");
    json_t *o = json_pack("{s:s, s:s, s:s, s:o}", "name", k->name, "kind",
                          k->kind, "state", k->silent ? "SILENT" : k->state,
                          "beat_s", live_real(k->age_s));

    if (!o)
        return NULL;
    live_copy(o, k->beat, same);
    if (limit && !k->over)
        live_put(o, "left_s",
                 live_real((double)(limit - p->now_ns) / NS_PER_S));
    if (!k->over)
        live_copy(o, k->progress, (const char *const[]){"waits", NULL});
    if (k->is_pool)
        pool_put(k, o);
    if (k->is_edge)
        edge_put(k, o);
    return o;
}

json_t *live_pilots(const live_parts *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(list, pilot_make(p, &p->pilots[i]));
    return list;
}
