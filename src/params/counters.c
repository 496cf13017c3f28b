/* counters.c - the counters of a commit, by their names. */
#include <stddef.h>

#include "src/params/wire.h"

#define COUNTER(name)                          \
    {                                          \
#name, offsetof(params_counters, name) \
    }

#define PLACE(k)                                             \
    {                                                        \
        "through." #k, offsetof(params_counters, through[k]) \
    }

const struct params_counter_field params_counter_fields[PARAMS_N_COUNTERS] = {
    COUNTER(applied),  COUNTER(refused),   COUNTER(deduplicated),
    COUNTER(foreign),  COUNTER(points),    COUNTER(masked),
    COUNTER(outliers), COUNTER(bytes),     COUNTER(refused_own),
    COUNTER(unscored), COUNTER(forwarded), COUNTER(stale),
    PLACE(0),          PLACE(1),           PLACE(2),
    PLACE(3),          PLACE(4),           PLACE(5),
    PLACE(6),          PLACE(7),           PLACE(8),
    PLACE(9),          PLACE(10),          PLACE(11),
    PLACE(12),         PLACE(13),          PLACE(14),
    PLACE(15),         COUNTER(forged),
};

uint64_t *params_counter_at(params_counters *c, size_t i)
{
    return (uint64_t *)((char *)c + params_counter_fields[i].at);
}

bool params_counter_is_rare(size_t i)
{
    return params_counter_fields[i].at >= offsetof(params_counters, through);
}
