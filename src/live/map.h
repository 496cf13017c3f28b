/* map.h - which pool has which partition of a live run, and why. */
#ifndef LIVE_MAP_H
#define LIVE_MAP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* As the parameter service has it now: {"run":, "layers": [{"layer": its name,
 * where there are several, "members": [{member, ranks, site, settled, trip_ms:
 * to its nearest broker, where known}], "partitions": [{partition, pilot, rank,
 * site, why, unmet}]}]}, members that are not known left out: a pilot where
 * nobody has it, a site that nobody said, `unmet` where all is as preferred.
 * New; takes about 2 s where the service does not answer.  Errors: retry, 69,
 * that; input, 78: [run] has no service, or no folder on this host.
 */
json_t *live_map(const char *home, const char *run, pe_error *errp);

/* What one layer is made of: its leases, and the rest of a place_look. */
struct place_wish;
struct params_lease;
typedef struct map_look {
    const struct place_wish *wish; /* NULL: nothing is preferred */
    const char *const *at;
    int32_t partitions;
    const struct params_lease *leases;
    size_t n;
} map_look;

/* A pure function, for tests: the members and partitions of a layer into [out].
 * -1: no memory.
 */
int live_map_layer(const map_look *l, json_t *out, pe_error *errp);

#endif
