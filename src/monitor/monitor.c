/* monitor.c - takes events and keeps what the summary of a run is made of. */
#include "monitor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/monitor/counter.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

monitor *monitor_create(const char *run, const char *pipeline_name,
                        pe_error *errp)
{
    monitor *m = calloc(1, sizeof(*m));

    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->run = text_format("%s", run);
    m->pipeline = text_format("%s", pipeline_name);
    m->finals = json_object();
    m->accounts = json_object();
    m->progress = json_object();
    m->passed = json_object();
    m->base = json_object();
    m->earlier = json_object();
    m->counts = json_object();
    m->replayed = json_object();
    m->untold = json_array();
    m->told = json_object();
    m->cpu = json_object();
    m->errors = json_array();
    m->start_ns = clock_mono_ns();
    m->cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (m->run && m->pipeline && m->finals && m->accounts && m->progress &&
        m->passed && m->base && m->earlier && m->counts && m->replayed &&
        m->untold && m->told && m->cpu && m->errors)
        return m;
    pe_error_nomem(errp);
    monitor_destroy(m);
    return NULL;
}

void monitor_destroy(monitor *m)
{
    if (!m)
        return;
    json_decref(m->errors);
    json_decref(m->cpu);
    json_decref(m->told);
    json_decref(m->untold);
    json_decref(m->replayed);
    json_decref(m->counts);
    json_decref(m->earlier);
    json_decref(m->base);
    json_decref(m->passed);
    json_decref(m->progress);
    json_decref(m->finals);
    json_decref(m->accounts);
    json_decref(m->tasks);
    free(m->pipeline);
    free(m->run);
    free(m);
}

static void base_add(monitor *m, const char *key, json_int_t n)
{
    json_object_set_new(m->base, key,
                        json_integer(value_int(m->base, key) + n));
}

/* The ADDED counters of [o], an event or a summary. */
static void base_add_all(monitor *m, const json_t *o)
{
    for (const counter *c = counters; c->key; c++)
        if (c->total == COUNTER_ADDED)
            base_add(m, c->key, counter_value(c, o));
}

/* What edges keep for themselves over all commands is taken from them when they
 * have told it (monitor_earlier); of a run that failed nothing else is known
 * but what pilots said at their ends.
 */
static void finals_resume(monitor *m, const json_t *finals, bool whole)
{
    const char *pilot;
    json_t *final;

    json_object_foreach((json_t *)(uintptr_t)finals, pilot, final)
    {
        bool edge = !strcmp(value_text(final, "event", ""), "edge");

        if (!whole)
            base_add_all(m, final);
        for (const counter *c = counters; edge && c->key; c++)
            if (counter_is_kept(c))
                base_add(m, c->key, -counter_value(c, final));
        if (edge)
            json_object_set(m->earlier, pilot, final);
    }
}

void monitor_resume(monitor *m, const json_t *summary)
{
    const json_t *blocks = json_object_get(summary, "blocks");
    bool whole = blocks && strcmp(value_text(summary, "state", ""), "failed");

    m->deaths += (int)value_int(summary, "deaths");
    if (whole)
        base_add_all(m, summary);
    finals_resume(m, json_object_get(summary, "detail"), whole);
    /* Some of what is spooled may have been sent, too. */
    m->inexact = m->inexact || !whole ||
                 json_is_true(json_object_get(summary, "inexact")) ||
                 value_int(blocks, "spooled") > 0;
    m->unknown = m->unknown || !whole;
}

/* Whose counts [pilot] tells; NULL: it tells none. */
static const char *counted_of(const json_t *events, const char *pilot)
{
    return value_text(json_object_get(events, pilot), "counted", NULL);
}

const json_t *monitor_earlier(const monitor *m, const char *pilot)
{
    const char *was = counted_of(m->earlier, pilot);
    const char *is = counted_of(m->finals, pilot);

    is = is ? is : counted_of(m->progress, pilot);
    return was && is && !strcmp(was, is) ? NULL
                                         : json_object_get(m->earlier, pilot);
}

void monitor_account(monitor *m, const char *pilot, json_t *energy)
{
    if (energy)
        json_object_set_new(m->accounts, pilot, energy);
}

void monitor_began(monitor *m, uint64_t blocks, uint64_t points, uint64_t bytes)
{
    m->before.blocks = (json_int_t)blocks;
    m->before.points = (json_int_t)points;
    m->before.bytes = (json_int_t)bytes;
}

void monitor_until_eof(monitor *m)
{
    m->until_eof = true;
}

/* A pool that is killed tells no final event; what it had committed is of the
 * run all the same.
 */
static void told_take(monitor *m, const json_t *event)
{
    for (const counter *c = counters; c->key; c++) {
        const char *key = strcmp(c->key, "applied") ? c->key : "blocks";
        if (c->total == COUNTER_COMMITTED &&
            value_int(event, key) > value_int(m->told, c->key))
            json_object_set_new(m->told, c->key,
                                json_integer(value_int(event, key)));
    }
}

/* Keep the last two looks at the pool: their difference is its rate.  The
 * time is the pool's own where it tells it, else that of our run.
 */
static void progress_take(monitor *m, const json_t *event)
{
    double t = (double)(clock_mono_ns() - m->start_ns) / 1e9;

    if (!json_object_get(event, "blocks"))
        return;
    told_take(m, event);
    if (json_object_get(event, "t"))
        t = value_real(event, "t");
    m->sample[0] = m->sample[1];
    m->sample[1] = (struct monitor_sample){.t = t,
                                           .blocks = value_int(event, "blocks"),
                                           .mb = value_real(event, "mb")};
}

/* What an edge told at its end to a command before this one, where its counts
 * have begun anew since.
 */
static void earlier_add(json_t *to, const json_t *from)
{
    static const char *const keys[] = {"points", "bytes",    "outliers",
                                       "scored", "unscored", "syncs",
                                       "rows",   "withheld", NULL};

    for (const char *const *key = keys; *key; key++)
        if (json_is_integer(json_object_get(to, *key)))
            json_object_set_new(
                to, *key,
                json_integer(value_int(to, *key) + value_int(from, *key)));
}

/* Devices by their names; those that are not there any more are added. */
static void devices_add(json_t *to, const json_t *from)
{
    const json_t *was;
    json_t *is;
    size_t i, k;

    json_array_foreach(from, i, was)
    {
        bool found = false;

        json_array_foreach(to, k, is)
        {
            if (strcmp(value_text(is, "device", ""),
                       value_text(was, "device", "?")) != 0)
                continue;
            earlier_add(is, was);
            found = true;
        }
        if (!found)
            json_array_append(to, (json_t *)(uintptr_t)was);
    }
}

static void edge_earlier(const json_t *was, json_t *final)
{
    const json_t *learned = json_object_get(was, "learned");
    json_t *now = json_object_get(final, "learned");

    if (!was)
        return;
    earlier_add(final, was);
    if (now && learned) {
        earlier_add(now, learned);
        devices_add(json_object_get(now, "devices"),
                    json_object_get(learned, "devices"));
    } else if (learned) {
        json_object_set(final, "learned", (json_t *)(uintptr_t)learned);
    }
}

void monitor_take(monitor *m, const char *pilot, const json_t *event)
{
    const char *kind = value_text(event, "event", "");
    const json_t *layer = json_object_get(event, "layer");
    json_t *copy = NULL;

    if (layer)
        m->layers = (int)value_int(layer, "of");
    if (!strcmp(kind, "progress") && json_object_get(event, "counts"))
        json_object_set_new(m->counts, pilot,
                            json_pack("{s:O, s:O*}", "counts",
                                      json_object_get(event, "counts"), "layer",
                                      layer));
    if (!strcmp(kind, "pool")) /* it has told them itself */
        json_object_del(m->counts, pilot);
    if (monitor_passes_on(event)) { /* not what the run has come to */
        if (!strcmp(kind, "pool"))
            json_object_set_new(m->passed, pilot, json_deep_copy(event));
    } else if (!strcmp(kind, "progress")) {
        progress_take(m, event);
        copy = json_deep_copy(event);
        json_object_set_new(m->progress, pilot, copy);
    } else if (!strcmp(kind, "pool") || !strcmp(kind, "edge")) {
        copy = json_deep_copy(event);
        json_object_set_new(m->finals, pilot, copy);
        edge_earlier(monitor_earlier(m, pilot), copy);
    }
}

/* What its ranks had counted, as they told it last. */
static void counts_keep(monitor *m, const char *pilot)
{
    const json_t *event = json_object_get(m->counts, pilot);
    const json_t *counts = json_object_get(event, "counts");

    if (monitor_passes_on(event))
        monitor_layer_lost(m, event);
    else if (counts)
        base_add_all(m, counts);
    json_object_del(m->counts, pilot);
}

void monitor_lost(monitor *m, const char *pilot, bool edge)
{
    const json_t *last = json_object_get(m->progress, pilot);

    m->deaths++;
    counts_keep(m, pilot);
    if (json_object_get(last, "blocks")) { /* a pool counts over its deaths */
        m->pool_lost = true;
        memset(m->sample, 0, sizeof(m->sample));
        json_object_del(m->progress, pilot);
    }
    /* So does an edge, and what it told stands as it is, if it told anything.
     */
    m->inexact = m->inexact || edge;
}

void monitor_tasks(monitor *m, uint64_t done, uint64_t failed)
{
    json_decref(m->tasks);
    m->tasks = json_pack("{s:I, s:I}", "slices", (json_int_t)done,
                         "slices_failed", (json_int_t)failed);
}

void monitor_untold(monitor *m, const char *pilot)
{
    json_array_append_new(m->untold, event_text(pilot));
}

void monitor_cpu(monitor *m, const char *pilot, double cpu_s)
{
    json_object_set_new(m->cpu, pilot,
                        json_real(value_real(m->cpu, pilot) + cpu_s));
}

void monitor_error(monitor *m, const char *what)
{
    json_array_append_new(m->errors, event_text(what));
}
