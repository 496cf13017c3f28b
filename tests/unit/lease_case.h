/* lease_case.h - members of a run on a Redis of the test's own. */
#ifndef TESTS_LEASE_CASE_H
#define TESTS_LEASE_CASE_H

#include "redis_server.h"
#include "src/params/wire.h"

#define LONG_MS 600000 /* no test takes so long */

enum {
    JOIN = PARAMS_LEASE_JOIN,
    SETTLE = PARAMS_LEASE_SETTLE,
    ALONE = PARAMS_LEASE_ALONE,
    LEAVE = PARAMS_LEASE_LEAVE
};

extern redis_server lease_server;

params *lease_run(const char *run);
/* A member that lives long. */
params_member lease_member(const char *name, int ranks, int32_t partitions);
/* "name 0-3,7; name 4-6" of [l], in the order they joined; static. */
const char *lease_map_text(const params_lease *l, size_t n);
/* One call that has to work; the map is left in *share. */
void lease_beat(params *p, const params_member *m, unsigned words,
                params_share *share);
/* ... and the map and what is asked of the caller are these. */
void lease_expect(params *p, const params_member *m, unsigned words,
                  int surplus, const char *map);

#endif
