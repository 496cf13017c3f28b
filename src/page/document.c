/* document.c - puts the document of a report together. */
#include "document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/monitor/value.h"
#include "src/page/document_private.h"
#include "src/page/memory.h"

const json_t *fact(const document *d, const char *key)
{
    const json_t *o = json_object_get(d->facts, key);

    return json_is_null(o) ? NULL : o;
}

bool document_is_over(const document *d)
{
    const json_t *over = json_object_get(d->facts, "over");

    return json_is_true(over);
}

const char *fact_why(const document *d, const char *key)
{
    return value_text(fact(d, "why"), key, "nobody has looked");
}

json_t *document_text(const char *s)
{
    json_t *value = json_string(s);
    char *plain = value ? NULL : text_format("%s", s);

    for (char *c = plain; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    if (plain)
        value = json_string(plain);
    free(plain);
    return value;
}

void document_note(document *d, char *words)
{
    if (words)
        json_array_append_new(d->notes, document_text(words));
    d->failed = d->failed || !words;
    free(words);
}

void document_lack(document *d, const char *section, char *words)
{
    d->failed = d->failed || !words;
    if (words)
        json_object_set_new(d->lacks, section, document_text(words));
    free(words);
}

/* --- the summary, of a run that is not over --- */

static void take(json_t *into, const json_t *from, const char *const *keys)
{
    for (; *keys; keys++)
        if (json_object_get(from, *keys))
            json_object_set(into, *keys, json_object_get(from, *keys));
}

/* What is committed is in the live document; what pilots told at their ends is
 * in what stands for the summary.
 */
static void live_take(json_t *top, const json_t *live)
{
    static const char *const keys[] = {"pipeline", "state", "seconds",
                                       "points",   "bytes", "rate",
                                       "verdict",  "exit",  NULL};
    const json_t *model = json_object_get(live, "model");
    json_t *blocks = json_object_get(top, "blocks");

    take(top, live, keys);
    if (!json_is_object(blocks)) {
        blocks = json_object();
        json_object_set_new(top, "blocks", blocks);
    }
    json_object_update(blocks, json_object_get(live, "blocks"));
    if (json_is_object(model)) {
        json_t *copy = json_deep_copy(model);

        json_object_update_missing(copy, json_object_get(top, "model"));
        if (json_object_get(live, "outliers"))
            json_object_set(copy, "outliers",
                            json_object_get(live, "outliers"));
        if (json_object_get(live, "points"))
            json_object_set(copy, "points", json_object_get(live, "points"));
        json_object_set_new(top, "model", copy);
    }
}

static json_t *top_make(const json_t *facts)
{
    const json_t *summary = json_object_get(facts, "summary");
    const json_t *live = json_object_get(facts, "live");
    json_t *top =
        json_is_object(summary) ? json_deep_copy(summary) : json_object();

    if (!top)
        return NULL;
    json_object_set_new(top, "schema", json_integer(1));
    json_object_set(top, "run", json_object_get(facts, "run"));
    if (json_is_object(live) && !json_is_true(json_object_get(facts, "over")))
        live_take(top, live);
    if (!json_object_get(top, "state"))
        json_object_set_new(top, "state",
                            json_string(value_text(facts, "state", "unknown")));
    return top;
}

/* --- the report --- */

static void made_add(document *d)
{
    int64_t now = value_int(d->facts, "now_ns");
    time_t s = (time_t)(now / CLOCK_S);
    char when[32] = "";
    struct tm tm;

    if (gmtime_r(&s, &tm))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
    json_object_set_new(d->report, "schema", json_integer(DOCUMENT_SCHEMA));
    json_object_set_new(d->report, "made", json_string(when));
    json_object_set_new(d->report, "made_ns", json_integer(now));
    json_object_set_new(d->report, "by",
                        document_text(value_text(d->facts, "by", "pilot")));
    json_object_set_new(d->report, "live",
                        json_boolean(fact(d, "live") && !document_is_over(d)));
    if (value_int(d->facts, "began_ns") > 0)
        json_object_set_new(d->report, "began_ns",
                            json_integer(value_int(d->facts, "began_ns")));
}

/* Seconds of CPU over all pilots. */
static void core_hours_add(document *d)
{
    const json_t *cpu = json_object_get(d->top, "cpu_s");
    double points = value_real(d->top, "points"), sum = 0;
    const char *pilot;
    json_t *s;

    json_object_foreach((json_t *)cpu, pilot, s)
    {
        sum += json_number_value(s);
    }
    /* Of a process that runs nobody knows it yet. */
    if (sum > 0 && points > 0 && document_is_over(d))
        json_object_set_new(d->report, "core_hours_per_million",
                            json_real(sum / 3600 / (points / 1e6)));
}

static void texts_note(document *d, const json_t *list, const char *key)
{
    const json_t *o;
    size_t i;

    json_array_foreach((json_t *)list, i, o)
    {
        const char *s = key ? value_text(o, key, NULL) : json_string_value(o);
        if (s)
            document_note(d, text_format("%s", s));
    }
}

static void live_notes(document *d)
{
    const json_t *live = fact(d, "live"), *left, *n;
    const char *kind;

    if (!live || document_is_over(d))
        return;
    texts_note(d, json_object_get(live, "stalled"), "text");
    texts_note(d, json_object_get(live, "trouble"), "text");
    texts_note(d, json_object_get(live, "notes"), NULL);
    left = json_object_get(live, "left_out");
    json_object_foreach((json_t *)left, kind, n)
    {
        long long more = (long long)json_integer_value(n);
        int len = (int)strlen(kind) - (more == 1); /* "devices" */

        if (more > 0)
            document_note(d, text_format("%lld %.*s more %s in no table", more,
                                         len, kind, more == 1 ? "is" : "are"));
    }
}

static void summary_lacks(document *d)
{
    const json_t *verdict = json_object_get(d->top, "verdict");

    if (!fact(d, "summary") && !fact(d, "live"))
        document_lack(d, "figures",
                      text_format("No figures: %s", fact_why(d, "summary")));
    else if (!fact(d, "summary"))
        document_lack(d, "counts",
                      text_format("What pools have committed and edges tell "
                                  "now; the whole of it is summed up at the "
                                  "end: %s",
                                  fact_why(d, "summary")));
    if (!value_text(verdict, "text", NULL))
        document_lack(d, "verdict",
                      text_format("No verdict yet: no pilot has told what it "
                                  "spent its time with"));
}

/* A curve is drawn from the earliest time of all. */
static void origin_add(document *d)
{
    static const char *const keys[] = {"series", "ranks", NULL};
    json_int_t origin = 0;

    for (const char *const *k = keys; *k; k++) {
        json_int_t at = value_int(json_object_get(d->report, *k), "start_ns");
        if (at > 0 && (origin == 0 || at < origin))
            origin = at;
    }
    if (origin == 0)
        return;
    json_object_set_new(d->report, "origin_ns", json_integer(origin));
    for (const char *const *k = keys; *k; k++) {
        json_t *o = json_object_get(d->report, *k);
        if (o)
            json_object_set_new(
                o, "from_s",
                json_real((double)(value_int(o, "start_ns") - origin) /
                          CLOCK_S));
    }
}

json_t *document_make(const json_t *facts, pe_error *errp)
{
    memory_watch();

    document d = {.facts = facts,
                  .top = top_make(facts),
                  .report = json_object(),
                  .notes = json_array(),
                  .lacks = json_object()};

    bool made = d.top && d.report && d.notes && d.lacks &&
                json_object_set(d.report, "notes", d.notes) == 0 &&
                json_object_set(d.report, "lacks", d.lacks) == 0 &&
                json_object_set(d.top, "report", d.report) == 0;

    /* Who holds them has them now. */
    json_decref(d.report);
    json_decref(d.notes);
    json_decref(d.lacks);
    if (!made) {
        json_decref(d.top);
        pe_error_nomem(errp);
        return NULL;
    }
    made_add(&d);
    live_notes(&d);
    part_trace(&d);
    core_hours_add(&d);
    part_arithmetic(&d);
    part_curves(&d);
    part_partitions(&d);
    part_history(&d);
    part_refused(&d);
    part_pilots(&d);
    part_machines(&d);
    part_config(&d);
    summary_lacks(&d);
    origin_add(&d);
    if (!d.failed && !memory_failed())
        return d.top;
    json_decref(d.top);
    pe_error_nomem(errp);
    return NULL;
}
