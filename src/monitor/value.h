/* value.h - members of events that may be missing. */
#ifndef MONITOR_VALUE_H
#define MONITOR_VALUE_H

#include <jansson.h>

/* Member [key] of [o] as an integer; 0 when [o] has no such number. */
static inline json_int_t value_int(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_integer(v) ? json_integer_value(v)
                              : (json_int_t)json_number_value(v);
}

/* Member [key] of [o] as a number; 0 when [o] has no such number. */
static inline double value_real(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

/* Member [key] of [o] as text, or [none]; lives as long as [o]. */
static inline const char *value_text(const json_t *o, const char *key,
                                     const char *none)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : none;
}

#endif
