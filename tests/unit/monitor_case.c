/* monitor_case.c - a monitor, and what agents told it. */
#include "monitor_case.h"

void case_take(monitor *m, const char *pilot, const char *quoted)
{
    json_t *event = json_quoted(quoted);

    monitor_take(m, pilot, event);
    json_decref(event);
}

monitor *case_monitor(const char *pool, const char *edge)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    if (pool)
        case_take(m, "pool", pool);
    if (edge)
        case_take(m, "devices", edge);
    return m;
}

const char *case_part(const json_t *summary, const char *key)
{
    return json_shown(json_incref(json_object_get(summary, key)));
}
