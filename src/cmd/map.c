/* map.c - `pilot status --map`: who has which partition, and why. */
#include "src/cmd/map.h"

#include <stdio.h>
#include <string.h>

#include "src/common/log.h"
#include "src/common/text.h"
#include "src/live/map.h"
#include "src/monitor/value.h"

json_t *map_make(const pilots *p)
{
    json_t *maps = json_array();

    for (size_t i = 0; i < p->n; i++) {
        pe_error e = {0};
        bool first = true;
        json_t *o;

        for (size_t k = 0; k < i; k++)
            first = first && strcmp(p->r[k].run, p->r[i].run) != 0;
        if (!first)
            continue;
        o = live_map(p->home, p->r[i].run, &e);
        if (o)
            json_array_append_new(maps, o);
        else
            log_warn("which rank has which partition of run %s, and why, is "
                     "not known: %s",
                     p->r[i].run, e.text);
    }
    return maps;
}

/* --- tables --- */

/* Width of the column of [key], of title [title]. */
static int width_of(const json_t *rows, const char *key, const char *title)
{
    size_t width = strlen(title), i;
    const json_t *o;

    json_array_foreach(rows, i, o)
    {
        size_t n = strlen(value_text(o, key, "-"));

        width = n > width ? n : width;
    }
    return (int)width;
}

/* What could not be had, once for all partitions of which it is said alike. */
static void unmet_print(const json_t *rows)
{
    size_t i, k;
    const json_t *o, *other;

    json_array_foreach(rows, i, o)
    {
        const char *words = value_text(o, "unmet", NULL);
        bool said = false;

        if (!words)
            continue;
        for (k = 0; k < i; k++)
            said = said ||
                   !strcmp(value_text(json_array_get(rows, k), "unmet", ""),
                           words);
        if (said)
            continue;
        printf("not met, partition");
        json_array_foreach(rows, k, other)
        {
            if (!strcmp(value_text(other, "unmet", ""), words))
                printf(" %lld", (long long)value_int(other, "partition"));
        }
        printf(": %s\n", words);
    }
}

static void layer_print(const char *run, const json_t *layer, bool header)
{
    const json_t *rows = json_object_get(layer, "partitions"), *o;
    const char *name = value_text(layer, "layer", NULL);
    int pilot = width_of(rows, "pilot", "PILOT");
    int site = width_of(rows, "site", "SITE");
    size_t i;

    if (header)
        printf("\n%s%s%s\nPARTITION %-*s RANK %-*s WHY\n", run,
               name ? ", layer " : "", name ? name : "", pilot, "PILOT", site,
               "SITE");
    json_array_foreach(rows, i, o)
    {
        printf("%9lld %-*s ", (long long)value_int(o, "partition"), pilot,
               value_text(o, "pilot", "-"));
        if (json_object_get(o, "rank"))
            printf("%4lld", (long long)value_int(o, "rank"));
        else
            printf("%4s", "-");
        printf(" %-*s %s\n", site, value_text(o, "site", "-"),
               value_text(o, "why", ""));
    }
    unmet_print(rows);
}

void map_print(const json_t *maps, bool header)
{
    const json_t *map, *layer;
    size_t i, k;

    json_array_foreach(maps, i, map)
    {
        json_array_foreach(json_object_get(map, "layers"), k, layer)
        {
            layer_print(value_text(map, "run", "?"), layer, header);
        }
    }
}
