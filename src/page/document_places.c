/* document_places.c - parts of a document: pilots, machines, how it was made.
 */
#include "src/page/document_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/monitor/value.h"

static void put_text(json_t *o, const char *key, const char *s)
{
    if (s && *s)
        json_object_set_new(o, key, document_text(s));
}

static void put(json_t *o, const char *key, const json_t *from, const char *as)
{
    json_t *v = json_object_get(from, as);

    if (v && !json_is_null(v))
        json_object_set(o, key, v);
}

/* --- pilots --- */

static json_t *pilot_of_beat(const document *d, const char *name,
                             const json_t *beat)
{
    const json_t *final = json_object_get(beat, "final");
    double mb = value_real(final, "rss_total_mb");
    json_t *o = json_object();

    put_text(o, "name", name);
    put(o, "kind", beat, "kind");
    put(o, "state", beat, "state");
    put(o, "host", beat, "host");
    if (strcmp(value_text(beat, "kind", ""), "edge") != 0)
        put(o, "ranks", beat, "ranks");
    put(o, "cpu_s", json_object_get(d->top, "cpu_s"), name);
    if (!json_object_get(o, "cpu_s") && json_object_get(beat, "final"))
        put(o, "cpu_s", beat, "cpu_s");
    put(o, "restarts", beat, "restarts");
    put(o, "words", beat, "reason");
    if (mb > 0)
        json_object_set_new(o, "memory", json_integer((json_int_t)(mb * 1e6)));
    return o;
}

static json_t *pilot_of_live(const json_t *from)
{
    json_t *o = json_object();

    put(o, "name", from, "name");
    put(o, "kind", from, "kind");
    put(o, "state", from, "state");
    put(o, "host", from, "host");
    put(o, "ranks", from, "ranks");
    put(o, "restarts", from, "restarts");
    put(o, "words", from, "reason");
    if (!*value_text(o, "words", ""))
        put(o, "words", json_object_get(from, "waits"), "text");
    return o;
}

void part_pilots(document *d)
{
    const json_t *now = json_object_get(fact(d, "live"), "pilots");
    json_t *list = json_array(), *o;
    const char *name;
    size_t i;

    if (json_array_size(now) > 0 && !document_is_over(d)) {
        json_array_foreach((json_t *)now, i, o)
        {
            json_array_append_new(list, pilot_of_live(o));
        }
    } else {
        json_object_foreach((json_t *)fact(d, "beats"), name, o)
        {
            if (*name != '@')
                json_array_append_new(list, pilot_of_beat(d, name, o));
        }
    }
    json_object_set_new(d->report, "pilots", list);
}

/* --- machines --- */

/* The one called [host], made where there is none. */
static json_t *machine_at(json_t *list, const char *host)
{
    json_t *o;
    size_t i;

    json_array_foreach(list, i, o)
    {
        if (!strcmp(value_text(o, "host", ""), host))
            return o;
    }
    o = json_object();
    put_text(o, "host", host);
    json_array_append_new(list, o);
    return o;
}

static void machines_of_beats(const document *d, json_t *list)
{
    static const char *const keys[] = {"cpu", "cores", "memory", "system",
                                       NULL};
    const char *name;
    json_t *beat;

    json_object_foreach((json_t *)fact(d, "beats"), name, beat)
    {
        const json_t *m = json_object_get(beat, "machine");
        const char *host = value_text(beat, "host", "");
        json_t *o;

        if (!*host)
            continue;
        o = machine_at(list, host);
        for (const char *const *k = keys; *k; k++)
            put(o, *k, m, *k);
    }
}

/* Clocks, and hosts of ranks beyond that of their supervisor. */
static void machines_of_trace(const document *d, json_t *list)
{
    const json_t *all = json_object_get(fact(d, "trace"), "processes"), *p;
    size_t i;

    json_array_foreach((json_t *)all, i, p)
    {
        double bound = value_real(p, "bound_ns");
        json_t *o;

        if (!*value_text(p, "host", ""))
            continue;
        o = machine_at(list, value_text(p, "host", ""));
        if (bound < 0 || (json_object_get(o, "clock_bound_ms") &&
                          value_real(o, "clock_bound_ms") <= bound / CLOCK_MS))
            continue;
        json_object_set_new(o, "clock_ms",
                            json_real(value_real(p, "offset_ns") / CLOCK_MS));
        json_object_set_new(o, "clock_bound_ms", json_real(bound / CLOCK_MS));
    }
}

void part_machines(document *d)
{
    json_t *list = json_array(), *o;
    size_t i, silent = 0;

    machines_of_beats(d, list);
    machines_of_trace(d, list);
    json_array_foreach(list, i, o)
    {
        silent += !json_object_get(o, "cores");
    }
    if (json_array_size(list) == 0)
        document_lack(d, "machines",
                      text_format("No machine has told of itself: %s",
                                  fact_why(d, "beats")));
    else if (silent > 0)
        document_lack(d, "machines",
                      text_format("%zu of the hosts %s not told what %s: only "
                                  "the first host of a pilot does",
                                  silent, silent == 1 ? "has" : "have",
                                  silent == 1 ? "it is" : "they are"));
    json_object_set_new(d->report, "machines", list);
}

/* --- the trace itself --- */

/* "trace: 1 ONE" or "trace: N MANY", with [words] behind both. */
static void count_note(document *d, const json_t *t, const char *key,
                       const char *one, const char *many, const char *words)
{
    long long n = value_int(t, key);

    if (n > 0)
        document_note(
            d, text_format("trace: %lld %s%s", n, n == 1 ? one : many, words));
}

void part_trace(document *d)
{
    const json_t *t = fact(d, "trace"), *notes, *o;
    size_t i;

    notes = json_object_get(fact(d, "fold"), "notes");
    json_array_foreach((json_t *)notes, i, o)
    {
        document_note(d, text_format("trace: %s", json_string_value(o)));
    }
    if (!t)
        return;
    count_note(d, t, "dropped", "row was", "rows were",
               " dropped, for which there was no room in memory: curves and "
               "percentiles are without them");
    count_note(d, t, "lost", "row", "rows",
               " could not be written, as on a full disk: curves and "
               "percentiles are without them");
    count_note(d, t, "torn_bytes", "byte", "bytes",
               " behind the last whole second cut off: a process was killed "
               "while it wrote");
    count_note(d, t, "nameless", "device is", "devices are",
               " without a name, beyond those a trace has room for");
    count_note(d, t, "cut", "device has", "devices have",
               " a name that is too long for a trace: it is cut, and has a "
               "hash at its end");
    if (document_is_over(d))
        count_note(d, t, "unended", "of its processes", "of its processes",
                   " did not close it, being killed: up to a second of each is "
                   "missing");
    if (*value_text(t, "missing", ""))
        document_note(d, text_format("trace: not here: %s",
                                     value_text(t, "missing", "")));
}

/* --- the configuration --- */

void part_config(document *d)
{
    const json_t *c = fact(d, "config");

    if (c)
        json_object_set(d->report, "config", (json_t *)c);
    else
        document_lack(
            d, "config",
            text_format("No configuration: %s", fact_why(d, "config")));
}
