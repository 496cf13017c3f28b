/* told.c - what the events of a pilot's processes have said so far. */
#include "told.h"

#include <string.h>

#include <pilot/error.h>

#include "src/agent/event.h"

static void error_take(agent_told *t, const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "kind"));

    t->error = true;
    t->fatal = event_kind(kind) != PE_ERROR_RETRY;
    t->silent = json_is_true(json_object_get(event, "silent"));
    t->exit_code = (int)json_integer_value(json_object_get(event, "exit"));
    if (t->exit_code <= 0 || t->exit_code > 255)
        t->exit_code = PE_EXIT_FAILED;
}

static void final_take(agent_told *t, const json_t *event)
{
    const char *state = json_string_value(json_object_get(event, "state"));

    t->final = true;
    t->failed = state && !strcmp(state, "failed");
    t->drained = state && !strcmp(state, "drained");
}

bool agent_told_take(agent_told *t, const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));

    if (!kind || (!strcmp(kind, "error") && t->error))
        return false;
    if (!strcmp(kind, "error"))
        error_take(t, event);
    if (!strcmp(kind, "pool") || !strcmp(kind, "edge") ||
        !strcmp(kind, "service"))
        final_take(t, event);
    if (!strcmp(kind, "ready"))
        t->ready = true;
    return true;
}
