/* since.c - what a summary counts of the last processes of its pilots alone.
 *
 * What is committed, and what devices count, is of all of a run.  Histograms,
 * times and what a rank or source notes for itself end with its process: a
 * summary that has them of the last one only says so.
 */
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

static void one_say(text *t, const char *pilot, const json_t *life)
{
    time_t at = (time_t)(value_int(life, "since_ns") / CLOCK_S);
    char when[32] = "?";
    struct tm local;

    if (localtime_r(&at, &local))
        strftime(when, sizeof(when), "%H:%M:%S", &local);
    text_add(t, "%s%s at %s (start %lld)", t->len ? ", " : "", pilot, when,
             (long long)value_int(life, "n"));
}

static void lives_take(const json_t *finals, json_t *pilots, text *names)
{
    const char *pilot;
    const json_t *final;

    json_object_foreach((json_t *)finals, pilot, final)
    {
        json_t *life = json_object_get(final, "life");

        if (value_int(life, "n") < 2 || json_object_get(pilots, pilot))
            continue;
        json_object_set_new(pilots, pilot,
                            json_pack("{s:I, s:I}", "starts",
                                      value_int(life, "n"), "since_ns",
                                      value_int(life, "since_ns")));
        one_say(names, pilot, life);
    }
}

static void untold_say(const json_t *untold, text *t)
{
    const json_t *pilot;
    size_t i;

    json_array_foreach(untold, i, pilot) text_add(t, "%s%s",
                                                  i        ? ", "
                                                  : t->len ? "; "
                                                           : "",
                                                  json_string_value(pilot));
    if (i > 0)
        text_add(t,
                 " told no end: what it took, fetched and timed is not in it");
}

json_t *monitor_since(const monitor *m)
{
    json_t *pilots = json_object(), *out = NULL;
    text names = {0}, t = {0};

    lives_take(m->finals, pilots, &names);
    lives_take(m->passed, pilots, &names);
    if (names.len > 0)
        text_add(&t,
                 "latencies, the verdict's times, and rows that sources left "
                 "out, are those since the restart of %s",
                 names.data);
    if (m->unknown)
        text_add(&t,
                 "%swhat ranks fetched, replayed and set aside for a command "
                 "that was cut off is not in it",
                 t.len ? "; " : "");
    untold_say(m->untold, &t);
    if (t.len > 0)
        out = json_pack("{s:O, s:s}", "pilots", pilots, "text", t.data);
    text_free(&t);
    text_free(&names);
    json_decref(pilots);
    return out;
}
