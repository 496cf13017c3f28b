/* counters.c - the counters of a commit, by their names. */
#include <stddef.h>

#include "src/params/wire.h"

#define COUNTER(name)                          \
    {                                          \
#name, offsetof(params_counters, name) \
    }

const struct params_counter_field params_counter_fields[PARAMS_N_COUNTERS] = {
    COUNTER(applied),  COUNTER(refused),   COUNTER(deduplicated),
    COUNTER(foreign),  COUNTER(points),    COUNTER(masked),
    COUNTER(outliers), COUNTER(bytes),     COUNTER(refused_own),
    COUNTER(unscored), COUNTER(forwarded),
};

uint64_t *params_counter_at(params_counters *c, size_t i)
{
    return (uint64_t *)((char *)c + params_counter_fields[i].at);
}
