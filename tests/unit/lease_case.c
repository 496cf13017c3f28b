/* lease_case.c - members of a run on a Redis of the test's own. */
#include "lease_case.h"

#include <stdio.h>

#include "unit.h"

redis_server lease_server;

params *lease_run(const char *run)
{
    params_conf conf = {.url = lease_server.url};
    pe_error e = {0};
    params *p = params_open(&conf, run, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

params_member lease_member(const char *name, int ranks, int32_t partitions)
{
    return (params_member){.name = name,
                           .incarnation = "a1",
                           .ranks = ranks,
                           .partitions = partitions,
                           .ttl_ms = LONG_MS};
}

const char *lease_map_text(const params_lease *l, size_t n)
{
    static char out[8192];
    size_t at = 0;

    *out = '\0';
    for (size_t i = 0; i < n && at < sizeof(out) - 64; i++) {
        const int32_t *k = l[i].partitions;

        at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s",
                               i ? "; " : "", l[i].member);
        for (size_t a = 0, b; a < l[i].n_partitions; a = b) {
            for (b = a + 1; b < l[i].n_partitions && k[b] == k[b - 1] + 1; b++)
                ;
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%c%d",
                                   a ? ',' : ' ', k[a]);
            if (b > a + 1)
                at += (size_t)snprintf(out + at, sizeof(out) - at, "-%d",
                                       k[b - 1]);
        }
    }
    return out;
}

void lease_beat(params *p, const params_member *m, unsigned words,
                params_share *share)
{
    pe_error e = {0};

    if (params_lease_beat(p, m, words, share, &e) < 0)
        UNIT_EQUAL(e.text, "");
}

void lease_expect(params *p, const params_member *m, unsigned words,
                  int surplus, const char *map)
{
    params_share s;

    lease_beat(p, m, words, &s);
    CU_ASSERT_FALSE(s.replaced);
    CU_ASSERT_EQUAL(s.surplus, surplus);
    UNIT_EQUAL(lease_map_text(s.leases, s.n), map);
    params_leases_free(s.leases, s.n);
}
