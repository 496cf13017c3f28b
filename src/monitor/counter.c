/* counter.c - the table of what is counted of a run. */
#include "counter.h"

#include <string.h>

#include "src/common/text.h"
#include "src/monitor/value.h"

const counter counters[] = {
    {"sensed", "blocks", COUNTER_ADDED, "edge", "sensed", true},
    {"filtered", "blocks", COUNTER_ADDED, "edge", "filtered", true},
    {"dropped", "blocks", COUNTER_ADDED, "edge", "dropped", true},
    {"spooled", "blocks", COUNTER_STATE, "edge", "spooled", true},
    {"lost", "blocks", COUNTER_ADDED, "edge", "lost with an agent", false},
    {"sent", "blocks", COUNTER_ADDED, "edge", "sent", true},
    {"fetched", "blocks", COUNTER_ADDED, "pool", "fetched", true},
    {"applied", "blocks", COUNTER_COMMITTED, "pool", "applied", true},
    {"refused", "blocks", COUNTER_COMMITTED, "pool", "refused", true},
    {"refused_own", "blocks", COUNTER_COMMITTED, "pool",
     "of them of this run's devices", false},
    {"forged", "blocks", COUNTER_COMMITTED, "pool",
     "of them not signed by who they say they are of", false},
    {"foreign", "blocks", COUNTER_COMMITTED, "pool", "foreign", true},
    {"resent", "blocks", COUNTER_ADDED, "",
     "sent again, which the parameter service had lost", false},
    {"replayed", "blocks", COUNTER_ADDED, "", "replayed", true},
    {"deduplicated", "blocks", COUNTER_COMMITTED, "", "deduplicated", true},
    {"unchecked", "blocks", COUNTER_ADDED, "",
     "of other runs not looked at for repeats", false},
    {"untraced", "blocks", COUNTER_ADDED, "", "lost to the trace", false},
    {"aside", "blocks", COUNTER_ADDED, "", "without rows set aside", false},
    {"drifts", "blocks", COUNTER_ADDED, "drift", "found", false},
    {"skipped", "rows", COUNTER_ADDED, "rows", "skipped", false},
    {"masked", "rows", COUNTER_COMMITTED, "rows", "masked", false},
    {"unscored", "rows", COUNTER_COMMITTED, "rows", "not scored (warm-up)",
     false},
    {"stale", "rows", COUNTER_COMMITTED, "rows",
     "not merged (stale deltas of devices)", false},
    {"slices", "tasks", COUNTER_ADDED, "tasks", "slices done", false},
    {"slices_failed", "tasks", COUNTER_ADDED, "tasks", "failed", false},
    {0},
};

void counter_cells(const json_t *o, text *t)
{
    const json_t *cells = json_object_get(o, "masked_cells");
    const json_t *names = json_object_get(o, "masked_names");
    const size_t shown = 6, n = json_object_size(cells);
    const char *column;
    json_t *value;
    size_t i = 0;

    json_object_foreach((json_t *)cells, column, value)
    {
        const char *name = json_string_value(json_object_get(names, column));

        if (i++ == shown)
            break;
        text_add(t, "%scolumn %s%s%s%s: %lld", i > 1 ? ", " : "", column,
                 name ? " ('" : "", name ? name : "", name ? "')" : "",
                 (long long)json_integer_value(value));
    }
    if (n > shown)
        text_add(t, " and %zu more column%s", n - shown, text_s(n - shown));
}

json_int_t counter_value(const counter *c, const json_t *o)
{
    return value_int(json_object_get(o, c->object), c->key);
}

bool counter_is_kept(const counter *c)
{
    return c->total == COUNTER_ADDED &&
           (!strcmp(c->line, "edge") || !strcmp(c->key, "drifts"));
}
