/* facts.c - what a pool says of itself in its lease, and a list in words. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "src/common/text.h"

void place_list_put(const int32_t *list, size_t n, text *out)
{
    for (size_t a = 0, b; a < n; a = b) {
        b = a + 1;
        while (b < n && list[b] == list[b - 1] + 1)
            b++;
        text_add(out, "%s%" PRId32, a ? "," : "", list[a]);
        if (b > a + 1)
            text_add(out, "-%" PRId32, list[b - 1]);
    }
}

char *place_facts_text(const char *site, bool settled, const int32_t *trip_us,
                       int32_t partitions)
{
    const char *between = "";
    text t = {0};

    text_add(&t, "%s;%d;", site, settled);
    for (int32_t a = 0, b; a < partitions; a = b) {
        b = a + 1;
        while (b < partitions && trip_us[b] == trip_us[a])
            b++;
        if (trip_us[a] <= 0)
            continue;
        text_add(&t, "%s%" PRId32 "-%" PRId32 ":%" PRId32, between, a, b - 1,
                 trip_us[a]);
        between = ",";
    }
    if (!t.failed)
        return t.data;
    text_free(&t);
    return NULL;
}

/* "0-3:250,..." into [us]. */
static void trips_take(const char *s, int32_t *us, int32_t partitions)
{
    int32_t low, high, value;
    int n;

    while (sscanf(s, "%" SCNd32 "-%" SCNd32 ":%" SCNd32 "%n", &low, &high,
                  &value, &n) == 3) {
        for (int32_t k = low < 0 ? 0 : low; k <= high && k < partitions; k++)
            us[k] = value > 0 ? value : 0;
        if (s[n] != ',')
            return;
        s += n + 1;
    }
}

/* A pool that says nothing of itself is one like any other. */
static void facts_take(const char *s, place_member *m, int32_t partitions)
{
    size_t n = strcspn(s, ";");

    m->settled = true;
    if (s[n] != ';' || n >= sizeof(m->site))
        return;
    snprintf(m->site, sizeof(m->site), "%.*s", (int)n, s);
    s += n + 1;
    m->settled = *s != '0';
    if (*s && s[1] == ';')
        trips_take(s + 2, m->trip_us, partitions);
}

place_member *place_members(const params_lease *l, size_t n, int32_t partitions,
                            pe_error *errp)
{
    place_member *m = calloc(n + 1, sizeof(*m));

    for (size_t i = 0; m && i < n; i++) {
        m[i].name = l[i].member;
        m[i].ranks = l[i].ranks > 0 ? l[i].ranks : 1;
        m[i].has = l[i].partitions;
        m[i].n_has = l[i].n_partitions;
        m[i].trip_us = calloc((size_t)partitions + 1, sizeof(*m[i].trip_us));
        if (!m[i].trip_us) {
            place_members_free(m, i);
            m = NULL;
            break;
        }
        facts_take(l[i].facts ? l[i].facts : "", &m[i], partitions);
    }
    if (!m)
        pe_error_nomem(errp);
    return m;
}

void place_members_free(place_member *m, size_t n)
{
    for (size_t i = 0; m && i < n; i++)
        free(m[i].trip_us);
    free(m);
}
