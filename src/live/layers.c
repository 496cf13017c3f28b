/* layers.c - the layers of a run in front of the last one, as they are now. */
#include "layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "make.h"
#include "src/common/log.h"
#include "src/monitor/value.h"

#define LAYERS_MAX 32

struct one {
    char key[256];
    params *params;
    broker_admin *admin;
};

struct layers {
    struct one one[LAYERS_MAX];
};

layers *layers_open(void)
{
    return calloc(1, sizeof(layers));
}

static void one_close(struct one *o)
{
    params_close(o->params);
    broker_admin_close(o->admin);
    *o = (struct one){0};
}

void layers_close(layers *l)
{
    for (size_t i = 0; l && i < LAYERS_MAX; i++)
        one_close(&l->one[i]);
    free(l);
}

/* A beat of a pool of layer [index]; NULL: none has told. */
static const json_t *beat_of(const json_t *facts, int index)
{
    const char *name;
    const json_t *beat;

    json_object_foreach((json_t *)json_object_get(facts, "beats"), name, beat)
    {
        const json_t *layer = json_object_get(beat, "layer");

        if (layer && value_int(layer, "index") == index)
            return beat;
    }
    return NULL;
}

static int count_of(const json_t *facts)
{
    const char *name;
    const json_t *beat;

    json_object_foreach((json_t *)json_object_get(facts, "beats"), name, beat)
    {
        const json_t *layer = json_object_get(beat, "layer");

        if (layer)
            return (int)value_int(layer, "of");
    }
    return 0;
}

static const char *broker_of(const json_t *beat)
{
    return value_text(json_object_get(beat, "layer"), "broker", NULL);
}

static int one_ask(struct one *o, const pipeline_request *req,
                   const json_t *beat, double timeout_s, json_t *row)
{
    pipeline_request at = *req;
    params_conf c = {0};
    broker_conf b = {0};
    char *broker = broker_of(beat) ? strdup(broker_of(beat)) : NULL;
    int rc = -1;

    at.stream_broker = broker;
    pipeline_request_params(&at, &c);
    pipeline_request_broker(&at, &b, "pilot-live");
    c.no_commits = true;
    c.connect_timeout_s = c.command_timeout_s = b.timeout_s = timeout_s;
    if (!o->params)
        o->params = params_open(&c, o->key, NULL);
    if (o->params && facts_read(o->params, row, NULL) == 0) {
        if (!o->admin && b.endpoint)
            o->admin = broker_admin_open(&b, NULL);
        rc = o->admin ? facts_high(o->admin, row, NULL) : -1;
    }
    free(broker);
    return rc;
}

void layers_ask(layers *l, pipeline_request *req, double timeout_s,
                json_t *facts)
{
    int of = count_of(facts);
    json_t *rows;
    enum log_level was;

    if (!l || of < 2 || of > LAYERS_MAX)
        return;
    was = log_limit(LOG_LEVEL_ERROR); /* what is odd was said at the start */
    rows = json_array();
    for (int i = 0; i + 1 < of; i++) {
        const json_t *beat = beat_of(facts, i);
        const char *name =
            value_text(json_object_get(beat, "layer"), "name", "");
        json_t *row = json_pack("{s:s, s:s}", "name", name, "topic",
                                value_text(beat, "topic", ""));

        snprintf(l->one[i].key, sizeof(l->one[i].key), "%s/%s", req->run, name);
        if (beat && one_ask(&l->one[i], req, beat, timeout_s, row) < 0)
            one_close(&l->one[i]);
        json_array_append_new(rows, row);
    }
    log_limit(was);
    if (!req->stream_broker && broker_of(beat_of(facts, of - 1)))
        req->stream_broker = strdup(broker_of(beat_of(facts, of - 1)));
    if (json_object_get(json_array_get(rows, 0), "ends"))
        json_object_set(facts, "ends",
                        json_object_get(json_array_get(rows, 0), "ends"));
    json_object_set_new(facts, "layers", rows);
}

/* --- the document --- */

/* Records of its topic that are not committed; -1: not known. */
static int64_t lag_of(const json_t *facts)
{
    const json_t *offsets =
        json_object_get(json_object_get(facts, "state"), "offsets");
    int64_t lag = 0;
    bool known = false;
    const json_t *row;
    size_t i;

    json_array_foreach(offsets, i, row)
    {
        const char *topic = json_string_value(json_array_get(row, 0));
        const json_t *high =
            json_object_get(json_object_get(facts, "high"), topic ? topic : "");
        char number[32];
        int64_t next = json_integer_value(json_array_get(row, 2));

        snprintf(number, sizeof(number), "%lld",
                 (long long)json_integer_value(json_array_get(row, 1)));
        if (!json_object_get(high, number))
            continue;
        known = true;
        if (value_int(high, number) > next)
            lag += value_int(high, number) - next;
    }
    return known ? lag : -1;
}

/* Blocks a second of its pools in the last seconds; < 0: none has told. */
static double rate_of(const live_parts *p, int index, json_t *names)
{
    double rate = -1;

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        const json_t *layer = json_object_get(k->beat, "layer");

        if (!layer || value_int(layer, "index") != index)
            continue;
        json_array_append_new(names, json_string(k->name));
        if (k->fresh && value_real(k->last, "seconds") > 0)
            rate = (rate > 0 ? rate : 0) +
                   value_real(json_object_get(k->last, "blocks"), "applied") /
                       value_real(k->last, "seconds");
    }
    return rate;
}

static json_t *layer_make(const live_parts *p, int index, const json_t *facts,
                          const char *name, const char *topic)
{
    static const char *const keys[] = {
        "applied", "refused",   "forged", "deduplicated",
        "foreign", "forwarded", NULL};
    const json_t *counters =
        json_object_get(json_object_get(facts, "state"), "counters");
    json_t *names = json_array(), *blocks = json_object(), *o, *lag;
    double rate = rate_of(p, index, names);
    int64_t n = lag_of(facts);

    for (const char *const *key = keys; *key; key++)
        if (json_object_get(counters, *key))
            json_object_set(blocks, *key, json_object_get(counters, *key));
    o = json_pack("{s:s, s:s, s:o, s:o}", "layer", name, "topic", topic,
                  "pilots", names, "blocks", blocks);
    if (o && rate >= 0)
        json_object_set_new(o, "blocks_per_s", live_real(rate));
    if (!o || n < 0)
        return o;
    lag = json_pack("{s:I}", "blocks", (json_int_t)n);
    if (lag && (rate > 0 || n == 0))
        json_object_set_new(lag, "seconds",
                            live_real(n == 0 ? 0 : (double)n / rate));
    json_object_set_new(o, "lag", lag);
    return o;
}

void live_layers(const live_parts *p, json_t *doc)
{
    const json_t *rows = json_object_get(p->facts, "layers"), *row;
    const json_t *last = beat_of(p->facts, count_of(p->facts) - 1);
    json_t *list;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    list = json_array();
    json_array_foreach(rows, i, row)
    {
        json_array_append_new(list, layer_make(p, (int)i, row,
                                               value_text(row, "name", "?"),
                                               value_text(row, "topic", "?")));
    }
    json_array_append_new(
        list,
        layer_make(p, (int)i, p->facts,
                   value_text(json_object_get(last, "layer"), "name", "?"),
                   value_text(last, "topic", "?")));
    json_object_set_new(doc, "layers", list);
}
