/* make.c - the document of a run, out of what was read: a pure function. */
#include "make.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "src/common/text.h"
#include "src/monitor/value.h"

double live_age_s(const live_parts *p, int64_t ns)
{
    return ns < p->now_ns ? (double)(p->now_ns - ns) / NS_PER_S : 0;
}

json_t *live_real(double n)
{
    double unit = fabs(n) < 10 ? 1e3 : fabs(n) < 1000 ? 1e2 : 1e1;

    return json_real(rint(n * unit) / unit);
}

double live_per_s(const json_t *last, const char *key)
{
    double s = value_real(last, "seconds");

    return s > 0 ? value_real(last, key) / s : 0;
}

double live_share(const json_t *last, const char *key)
{
    double lanes = value_real(last, "ranks") + value_real(last, "devices");
    double s = lanes > 0 ? live_per_s(last, key) / lanes : 0;

    return s > 1 ? 1 : s;
}

void live_put(json_t *o, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(o, key, value);
}

void live_copy(json_t *to, const json_t *from, const char *const *keys)
{
    for (; *keys; keys++)
        if (json_object_get(from, *keys))
            json_object_set(to, *keys, json_object_get(from, *keys));
}

/* --- pilots, as their beats tell --- */

static int64_t heard_ns(const live_parts *p, const char *name,
                        const json_t *beat)
{
    const json_t *heard = json_object_get(p->facts, "heard");
    int64_t ns = value_int(heard, name);

    return ns ? ns : value_int(beat, "time_ns");
}

/* Rank 0 tells twice a second, but not while it is in a function: the time
 * since is its work.  New.
 */
static json_t *work_add(const json_t *last, double quiet_s)
{
    static const char *const keys[] = {"seconds", "busy_s", NULL};
    json_t *o = json_copy((json_t *)last);

    for (const char *const *k = keys; o && *k; k++)
        json_object_set_new(o, *k, json_real(value_real(last, *k) + quiet_s));
    return o;
}

static void pilot_take(const live_parts *p, const char *name,
                       const json_t *beat, live_pilot *k)
{
    const json_t *progress = json_object_get(beat, "progress");
    double quiet =
        (double)(value_int(beat, "time_ns") - value_int(progress, "time_ns")) /
        NS_PER_S;

    *k = (live_pilot){
        .name = name,
        .kind = value_text(beat, "kind", ""),
        .state = value_text(beat, "state", "?"),
        .beat = beat,
        .progress = progress,
        .last = json_object_get(progress, "last"),
        .final = json_object_get(beat, "final"),
        .age_s = live_age_s(p, heard_ns(p, name, beat)),
        .over = json_object_get(beat, "status") != NULL,
    };
    k->is_pool = !strcmp(k->kind, "pool");
    k->is_edge = !strcmp(k->kind, "edge");
    k->silent = !k->over && k->age_s > LIVE_SILENT_S;
    k->fresh = !k->over && !k->silent && k->last && quiet < LIVE_SILENT_S;
    if (k->is_pool && k->fresh && quiet >= LIVE_QUIET_S) {
        k->own = work_add(k->last, quiet);
        k->last = k->own ? k->own : k->last;
    }
}

/* Services first, then edges, then pools: in the way of blocks; by name. */
static int place_of(const live_pilot *k)
{
    return k->is_pool ? 3 : k->is_edge ? 1 : !strcmp(k->kind, "broker") ? 2 : 0;
}

static int by_place(const void *a, const void *b)
{
    const live_pilot *x = a, *y = b;

    return place_of(x) != place_of(y) ? place_of(x) - place_of(y)
                                      : strcmp(x->name, y->name);
}

static int pilots_take(live_parts *p)
{
    json_t *beats = json_object_get(p->facts, "beats"), *beat;
    const char *name;

    p->pilots = calloc(json_object_size(beats) + 1, sizeof(*p->pilots));
    if (!p->pilots)
        return -1;
    json_object_foreach(beats, name, beat)
    {
        if (*name != '@' && json_is_object(beat))
            pilot_take(p, name, beat, &p->pilots[p->n++]);
    }
    qsort(p->pilots, p->n, sizeof(*p->pilots), by_place);
    return 0;
}

json_t *live_rate(double seconds, double blocks, double points, double bytes)
{
    if (seconds <= 0)
        return NULL;
    return json_pack("{s:o, s:o, s:o, s:o}", "seconds", live_real(seconds),
                     "blocks_per_s", live_real(blocks / seconds),
                     "points_per_s", live_real(points / seconds), "mb_per_s",
                     live_real(bytes / seconds / 1e6));
}

/* --- the run as a whole --- */

/* Pools, or, in a run without any, edges: who says how far the run is. */
static bool leads(const live_parts *p, const live_pilot *k)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->pilots[i].is_pool)
            return k->is_pool;
    return k->is_edge;
}

/* What the pilots that lead are together. */
struct lead {
    size_t n, over, silent, starting, draining;
    bool failed, drained;
    int status;
    double silent_s; /* the last of them was heard so long ago */
    const char *reason;
};

/* Somebody goes on with the work of [k]. */
static bool has_successor(const live_parts *p, const live_pilot *k)
{
    const char *next = strrchr(value_text(k->beat, "successor", ""), '/');

    for (size_t i = 0; next && i < p->n; i++)
        if (!strcmp(p->pilots[i].name, next + 1))
            return true;
    return false;
}

static struct lead lead_of(const live_parts *p)
{
    struct lead l = {.silent_s = INFINITY, .reason = ""};

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        int status = (int)value_int(k->beat, "status");
        const char *state = value_text(k->final, "state", "");

        if (!leads(p, k) || (k->over && has_successor(p, k)))
            continue;
        l.n++;
        l.over += k->over;
        l.silent += k->silent;
        l.starting += !strcmp(k->state, "STARTING");
        l.draining += k->is_pool && !strcmp(k->state, "DRAINING");
        l.drained = l.drained || !strcmp(state, "drained") ||
                    !strcmp(k->state, "CANCELED");
        if (k->over && (status != 0 || !strcmp(state, "failed"))) {
            l.failed = true;
            l.reason = value_text(k->beat, "reason", "");
            l.status = status ? status : 1;
        }
        l.silent_s = k->age_s < l.silent_s ? k->age_s : l.silent_s;
    }
    return l;
}

static const char *state_of(const live_parts *p, const struct lead *l,
                            const json_t *doc, text *words)
{
    const char *control = value_text(p->facts, "control", "");
    const json_t *summary = json_object_get(p->facts, "summary");
    const char *said = value_text(summary, "state", NULL);

    if (said) {
        const json_t *why =
            json_array_get(json_object_get(summary, "errors"), 0);
        text_add(words, "%s",
                 json_is_string(why) ? json_string_value(why) : "");
        return said;
    }
    if (!value_int(p->facts, "looked_ns"))
        return "unknown";
    if (l->n == 0 && !json_object_get(p->state, "version")) {
        text_add(words, "nothing of it is in the parameter service");
        return "gone";
    }
    if (l->n > 0 && l->over == l->n) {
        text_add(words, "%s", l->reason);
        return l->failed ? "failed" : l->drained ? "drained" : "done";
    }
    if (!strcmp(control, "done") || !strcmp(control, "over"))
        return "done";
    if (l->over + l->silent == l->n) {
        if (l->n == 0)
            text_add(words, "no pilot of it tells anything; its state stays");
        else
            text_add(words, "no pilot has told anything for %.0f s",
                     l->silent_s);
        return "silent";
    }
    if (json_array_size(json_object_get(doc, "stalled")) > 0) {
        text_add(words, "%s",
                 value_text(json_array_get(json_object_get(doc, "stalled"), 0),
                            "text", ""));
        return "stalled";
    }
    if (l->starting == l->n)
        return "waiting";
    return l->draining || !strcmp(control, "drain") ? "draining" : "running";
}

bool live_is_over(const char *state)
{
    static const char *const over[] = {"done", "drained", "failed", "gone"};

    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
        if (!strcmp(state, over[i]))
            return true;
    return false;
}

/* When it began, when the first of its pools will be stopped, what is read. */
static void times_put(const live_parts *p, json_t *doc)
{
    int64_t since = 0, limit = 0;
    const json_t *share = NULL;

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        int64_t born = value_int(k->beat, "born_ns");
        int64_t end = value_int(k->beat, "limit_ns");

        if (born && (!since || born < since))
            since = born;
        if (k->is_pool && !k->over && end && (!limit || end < limit))
            limit = end;
        if (!k->over && json_object_get(k->progress, "share"))
            share = json_object_get(k->progress, "share");
    }
    if (since) {
        live_put(doc, "since_ns", json_integer(since));
        live_put(doc, "seconds", live_real(live_age_s(p, since)));
    }
    if (limit)
        live_put(doc, "left_s",
                 live_real((double)(limit - p->now_ns) / NS_PER_S));
    if (share)
        json_object_set(doc, "share", (json_t *)share);
}

/* Out of any beat: of the pipeline file. */
static void names_put(const live_parts *p, json_t *doc)
{
    static const char *const keys[] = {"pipeline", "topic", NULL};

    for (size_t i = 0; i < p->n; i++)
        if (!live_passes_on(&p->pilots[i]))
            live_copy(doc, p->pilots[i].beat, keys);
}

bool live_passes_on(const live_pilot *k)
{
    const json_t *layer = json_object_get(k->beat, "layer");

    return layer && value_int(layer, "index") + 1 < value_int(layer, "of");
}

static void rates_put(live_parts *p, json_t *doc)
{
    double seconds = 0, blocks = 0, points = 0, mb = 0;

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        double s = value_real(k->last, "seconds");

        if (!k->is_pool || !k->fresh || s <= 0 || live_passes_on(k))
            continue;
        p->rated = true;
        blocks += value_real(json_object_get(k->last, "blocks"), "applied") / s;
        points += value_real(k->last, "points") / s;
        mb += value_real(k->last, "bytes") / s;
        seconds = s > seconds ? s : seconds;
    }
    p->blocks_per_s = blocks;
    if (p->rated)
        live_put(doc, "rate",
                 live_rate(seconds, blocks * seconds, points * seconds,
                           mb * seconds));
}

/* Counts of the edges, over all their pilots, into [blocks]. */
static void sent_put(const live_parts *p, json_t *blocks, json_t *doc)
{
    static const char *const keys[] = {"sensed",  "filtered", "dropped",
                                       "spooled", "lost",     "sent"};
    int64_t skipped = 0;

    for (size_t key = 0; key < sizeof(keys) / sizeof(keys[0]); key++) {
        int64_t n = 0;
        bool any = false;

        for (size_t i = 0; i < p->n; i++) {
            const live_pilot *k = &p->pilots[i];
            const json_t *of = json_object_get(k->final, "blocks");

            of = of ? of : k->progress;
            if (k->is_edge && json_object_get(of, keys[key])) {
                n += value_int(of, keys[key]);
                any = true;
            }
        }
        if (any)
            live_put(blocks, keys[key], json_integer(n));
    }
    for (size_t i = 0; i < p->n; i++)
        skipped += value_int(p->pilots[i].progress, "skipped");
    if (skipped)
        live_put(doc, "skipped", json_integer(skipped));
}

static void counts_put(const live_parts *p, json_t *doc)
{
    static const char *const of_blocks[] = {
        "applied",      "refused", "refused_own", "forged",
        "deduplicated", "foreign", NULL};
    static const char *const of_points[] = {
        "points", "outliers", "masked", "unscored", "stale", "bytes", NULL};
    const json_t *counters = json_object_get(p->state, "counters");
    json_t *blocks = json_object();

    sent_put(p, blocks, doc);
    live_copy(blocks, counters, of_blocks);
    live_put(doc, "blocks", blocks);
    live_copy(doc, counters, of_points);
}

/* What the newest row of the history says of the model of this state. */
static void model_put(const live_parts *p, json_t *doc)
{
    const json_t *rows = json_object_get(p->facts, "commits");
    const json_t *row = json_array_get(
        rows, json_array_size(rows) ? json_array_size(rows) - 1 : 0);
    const char *commit = value_text(p->state, "commit", "");
    json_t *o;

    if (!*commit)
        return;
    o = json_pack("{s:s, s:I, s:s, s:I, s:o, s:I}", "kind",
                  value_text(p->state, "kind", "?"), "version",
                  value_int(p->state, "version"), "commit", commit, "time_ns",
                  value_int(p->state, "time_ns"), "age_s",
                  live_real(live_age_s(p, value_int(p->state, "time_ns"))),
                  "bytes", value_int(p->state, "bytes"));
    if (!strcmp(value_text(row, "commit", "-"), commit))
        live_copy(o, row, (const char *const[]){"threshold", "warming", NULL});
    live_put(doc, "model", o);
}

/* History and state may disagree: both went back to another time. */
static void notes_put(const live_parts *p, json_t *doc)
{
    const json_t *rows = json_object_get(p->facts, "commits");
    const json_t *said = json_object_get(p->facts, "notes");
    json_t *notes = said ? json_copy((json_t *)said) : json_array();
    const json_t *row = json_array_get(
        rows, json_array_size(rows) ? json_array_size(rows) - 1 : 0);
    int64_t version = value_int(p->state, "version");
    char words[200];

    if (row && value_int(row, "version") > version + 1) {
        snprintf(words, sizeof(words),
                 "the history of commits is at version %lld and the state at "
                 "%lld: the parameter service went back to an older state",
                 (long long)value_int(row, "version"), (long long)version);
        json_array_append_new(notes, json_string(words));
    }
    live_put(doc, "notes", notes);
}

/* A summary on this host knows how a run that is over came to its end. */
static void end_put(const live_parts *p, const struct lead *l, json_t *doc)
{
    static const char *const of_summary[] = {"exit", "pipeline", "rate",
                                             "verdict", NULL};
    /* Where its services are gone, too. */
    static const char *const of_state[] = {"blocks", "points",   "bytes",
                                           "model",  "outliers", NULL};
    const json_t *summary = json_object_get(p->facts, "summary");
    bool has_outliers = json_object_get(doc, "outliers") != NULL;
    double seconds = 0;

    if (!live_is_over(value_text(doc, "state", "")))
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->pilots[i].is_pool &&
            value_real(p->pilots[i].final, "seconds") > seconds)
            seconds = value_real(p->pilots[i].final, "seconds");
    seconds = summary ? value_real(summary, "seconds") : seconds;
    if (seconds > 0)
        live_put(doc, "seconds", live_real(seconds));
    json_object_del(doc, "left_s");
    json_object_set_new(doc, "hops", json_array());
    if (summary)
        live_copy(doc, summary, of_summary);
    if (summary && !json_object_get(p->state, "commit"))
        live_copy(doc, summary, of_state);
    if (summary && !has_outliers)
        live_copy(doc, json_object_get(summary, "model"),
                  (const char *const[]){"outliers", NULL});
    if (summary)
        return;
    json_object_del(doc, "verdict");
    if (l->n > 0 && l->over == l->n)
        live_put(doc, "exit", json_integer(l->status));
}

static void state_put(const live_parts *p, json_t *doc)
{
    struct lead l = lead_of(p);
    text words = {0};
    const char *state;

    text_add_bytes(&words, "", 0);
    state = state_of(p, &l, doc, &words);
    live_put(doc, "state", json_string(state));
    live_put(doc, "words", json_string(words.data ? words.data : ""));
    text_free(&words);
    end_put(p, &l, doc);
}

/* As of when the facts are: a service that does not answer us says nothing of
 * how old a beat is.
 */
static int64_t seen_ns(const json_t *facts)
{
    const json_t *one;
    size_t i;

    json_array_foreach(
        json_object_get(facts, "trouble"), i,
        one) if (!strcmp(value_text(one, "server", ""), "redis") &&
                 value_int(facts, "looked_ns")) return value_int(facts,
                                                                 "looked_ns");
    return value_int(facts, "now_ns");
}

json_t *live_make(const json_t *facts, pe_error *errp)
{
    live_parts p = {.facts = facts,
                    .state = json_object_get(facts, "state"),
                    .now_ns = seen_ns(facts)};
    json_t *doc = json_pack("{s:i, s:I, s:I, s:s}", "schema", LIVE_SCHEMA,
                            "time_ns", value_int(facts, "now_ns"), "looked_ns",
                            value_int(facts, "looked_ns"), "run",
                            value_text(facts, "run", ""));
    const json_t *trouble = json_object_get(facts, "trouble");

    if (!doc || pilots_take(&p) < 0) {
        json_decref(doc);
        pe_error_nomem(errp);
        return NULL;
    }
    names_put(&p, doc);
    times_put(&p, doc);
    rates_put(&p, doc);
    counts_put(&p, doc);
    model_put(&p, doc);
    live_put(doc, "pilots", live_pilots(&p));
    live_put(doc, "trouble",
             trouble ? json_copy((json_t *)trouble) : json_array());
    live_layers(&p, doc);
    if (live_lists(&p, doc) < 0 || live_hops(&p, doc) < 0) {
        json_decref(doc);
        doc = NULL;
        pe_error_nomem(errp);
    } else {
        notes_put(&p, doc);
        state_put(&p, doc);
    }
    for (size_t i = 0; i < p.n; i++)
        json_decref(p.pilots[i].own);
    free(p.pilots);
    return doc;
}
