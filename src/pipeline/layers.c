/* layers.c - pools in a row, and the streams between them. */
#include "pipeline_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"

/* --- which stage is of which --- */

static bool on_pool(const pipeline *p, const pipeline_stage *s)
{
    return p->pilots[s->pilots[0]].kind == PILOT_POOL;
}

static bool same_pilots(const pipeline_stage *a, const pipeline_stage *b)
{
    return a->n_pilots == b->n_pilots &&
           !memcmp(a->pilots, b->pilots, a->n_pilots * sizeof(*a->pilots));
}

/* A pilot that both have; -1: none. */
static int shared_pilot(const pipeline_stage *a, const pipeline_stage *b)
{
    for (size_t i = 0; i < a->n_pilots; i++)
        for (size_t k = 0; k < b->n_pilots; k++)
            if (a->pilots[i] == b->pilots[k])
                return a->pilots[i];
    return -1;
}

/* Stage [at] begins a layer: none of its pilots may have been passed. */
static int check_new(const pipeline *p, const tree *t, size_t at,
                     pe_error *errp)
{
    const pipeline_stage *s = &p->stages[at];
    const tree *pilot = tree_get(&t->child[at], "pilot");

    for (size_t i = 0; i < at; i++) {
        const pipeline_stage *k = &p->stages[i];
        int shared = on_pool(p, k) ? shared_pilot(s, k) : -1;

        if (shared < 0)
            continue;
        if (i + 1 == at)
            return section_error(
                pilot, errp,
                "stage '%s': it shares '%s' with stage '%s' (%s), but not all "
                "pilots: stages of one layer run on the same ones, those of "
                "two on others",
                s->name, p->pilots[shared].name, k->name, t->child[i].where);
        return section_error(
            pilot, errp,
            "stage '%s': its blocks have been on pilot '%s' for stage '%s' "
            "(%s), and left it for '%s' (%s): layers do not loop; put '%s' "
            "behind '%s', or on another pilot",
            s->name, p->pilots[shared].name, k->name, t->child[i].where,
            p->stages[i + 1].name, t->child[i + 1].where, s->name, k->name);
    }
    if (at > 0 && p->shape == PIPELINE_LOCAL)
        return section_error(
            pilot, errp,
            "stage '%s': its source '%s' (%s) runs on pool '%s', and what a "
            "pool senses itself stays there; put the source on devices",
            s->name, p->stages[0].name, t->child[0].where,
            p->pilots[p->stages[0].pilots[0]].name);
    return 0;
}

static const pipeline_stage *layer_end(const pipeline *p, int layer)
{
    size_t i = p->n_stages - 1;

    while (i > 0 && p->stages[i].layer != layer)
        i--;
    return &p->stages[i];
}

int pipeline_make_layers(pipeline *p, const tree *t, pe_error *errp)
{
    const pipeline_stage *before = NULL;
    int layer = -1;

    for (size_t i = 0; i < p->n_stages; i++) {
        pipeline_stage *s = &p->stages[i];

        s->layer = -1;
        if (!on_pool(p, s))
            continue;
        if (!before || !same_pilots(before, s)) {
            if (check_new(p, t, i, errp) < 0)
                return -1;
            layer++;
        }
        s->layer = layer;
        before = s;
    }
    for (size_t i = 0; i < p->n_stages; i++)
        if (p->stages[i].layer >= 0 &&
            pipeline_check_scores(&p->stages[i],
                                  layer_end(p, p->stages[i].layer),
                                  &t->child[i], errp) < 0)
            return -1;
    p->n_streams = layer < 1 ? 1 : (size_t)layer + 1;
    p->streams = calloc(p->n_streams, sizeof(*p->streams));
    return p->streams ? 0 : pe_error_nomem(errp);
}

size_t pipeline_layer_first(const pipeline *p, size_t layer)
{
    size_t i = 0;

    while (i < p->n_stages && p->stages[i].layer != (int)layer)
        i++;
    return i;
}

size_t pipeline_layer_of(const pipeline *p, const pipeline_pilot *k)
{
    for (size_t i = 0; i < p->n_stages; i++)
        for (size_t j = 0; j < p->stages[i].n_pilots; j++)
            if (&p->pilots[p->stages[i].pilots[j]] == k &&
                p->stages[i].layer > 0)
                return (size_t)p->stages[i].layer;
    return 0;
}

const char *pipeline_layer_name(const pipeline *p, size_t layer)
{
    size_t i = pipeline_layer_first(p, layer);

    return i < p->n_stages ? p->pilots[p->stages[i].pilots[0]].name : "pool";
}

void pipeline_layer_key(const pipeline *p, const char *run, size_t layer,
                        char *out, size_t cap)
{
    if (layer + 1 < p->n_streams)
        snprintf(out, cap, "%s/%s", run, pipeline_layer_name(p, layer));
    else
        snprintf(out, cap, "%s", run);
}

/* --- the one that is seen --- */

void pipeline_keep_stream(pipeline *p)
{
    p->streams[p->seen] = (pipeline_stream){
        .stage = p->stream_stage,
        .name = p->stream_name,
        .partitions = p->partitions,
        .urgent = p->urgent,
        .compression = p->compression,
        .dtype = p->dtype,
        .topic = p->topic,
        .message_bytes = p->message_bytes,
        .gaps_allowed = p->gaps_allowed,
        .broker = p->stream_broker,
        .stream = p->stream,
        .codec = p->codec,
    };
}

static void show_stream(pipeline *p, size_t layer)
{
    const pipeline_stream *s = &p->streams[layer];

    p->seen = layer;
    p->stream_stage = s->stage;
    p->stream_name = s->name;
    p->partitions = s->partitions;
    p->urgent = s->urgent;
    p->compression = s->compression;
    p->dtype = s->dtype;
    p->topic = s->topic;
    p->message_bytes = s->message_bytes;
    p->gaps_allowed = s->gaps_allowed;
    p->stream_broker = s->broker;
    p->stream = s->stream;
    p->codec = s->codec;
    p->forwards = layer + 1 < p->n_streams;
    p->results = p->results_wanted && !p->forwards;
}

int pipeline_see(pipeline *p, pipeline_request *r, size_t layer, pe_error *errp)
{
    bool failed = false;
    char key[512];

    show_stream(p, layer);
    for (size_t i = 0; i < p->n_stages; i++)
        if (p->stages[i].layer >= 0 && p->stages[i].role != STAGE_SOURCE)
            p->stages[i].role = p->stages[i].layer == (int)layer
                                    ? STAGE_CLOUD
                                    : STAGE_ELSEWHERE;
    if (!r)
        return 0;
    free(r->stream_broker);
    free(r->key);
    r->stream_broker = words_copy(p->stream_broker, &failed);
    r->key = NULL;
    pipeline_layer_key(p, r->run, layer, key, sizeof(key));
    if (p->forwards)
        r->key = words_copy(key, &failed);
    return failed ? pe_error_nomem(errp) : 0;
}

void pipeline_peek(const pipeline *p, const pipeline_request *r, size_t layer,
                   pipeline *pp, pipeline_request *rp)
{
    *pp = *p;
    show_stream(pp, layer);
    if (!r)
        return;
    *rp = *r;
    rp->stream_broker = pp->stream_broker;
}

const char *pipeline_request_key(const pipeline_request *r)
{
    return r->key ? r->key : r->run;
}

void pipeline_free_streams(pipeline *p)
{
    for (size_t i = 0; p->streams && i < p->n_streams; i++) {
        pipeline_stream *s = &p->streams[i];

        pe_options_destroy(s->stream);
        free(s->name);
        free(s->compression);
        free(s->topic);
        free(s->broker);
    }
    free(p->streams);
}

/* --- whose broker --- */

int pipeline_find_broker(const pipeline *p, const tree *t, char **out,
                         pe_error *errp)
{
    const pipeline_pilot *k = pipeline_pilot_find(p, t->value);
    bool failed = false;

    *out = NULL;
    if (!k && !strchr(t->value, ':'))
        return section_error(t, errp,
                             "broker: '%s' is no pilot of kind broker, and not "
                             "HOST:PORT",
                             t->value);
    if (!k && pipeline_check_broker(t, errp) < 0)
        return -1;
    if (k && k->kind != PILOT_BROKER)
        return section_error(t, errp,
                             "broker: pilot '%s' is of kind %s; name one of "
                             "kind broker, or HOST:PORT",
                             k->name, pilot_kind_name(k->kind));
    if (k && k == pipeline_pilot_of(p, PILOT_BROKER))
        return 0; /* the run's */
    if (k && !k->endpoint)
        return section_error(t, errp,
                             "broker: '%s' has no endpoint: of several brokers "
                             "only the first is started with a run; give "
                             "'endpoint: HOST:PORT' there",
                             k->name);
    *out = words_copy(k ? k->endpoint : t->value, &failed);
    return failed ? pe_error_nomem(errp) : 0;
}
