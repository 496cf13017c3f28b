/* facts.c - what services say of a run, as live_make wants it. */
#include "facts.h"
#include "live.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"

/* --- the parameter service --- */

static json_t *beats_of(const params_pilot *pilots, size_t n)
{
    json_t *all = json_object();

    for (size_t i = 0; i < n; i++) {
        json_t *o = json_loads(pilots[i].beat, 0, NULL);

        if (json_is_object(o))
            json_object_set_new(all, pilots[i].pilot, o);
        else
            json_decref(o);
    }
    return all;
}

static json_t *leases_of(const params_lease *l, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *list = json_array();

        for (size_t k = 0; k < l[i].n_partitions; k++)
            json_array_append_new(list, json_integer(l[i].partitions[k]));
        json_array_append_new(all, json_pack("{s:o, s:i, s:o}", "member",
                                             event_text(l[i].member), "ranks",
                                             l[i].ranks, "partitions", list));
    }
    return all;
}

static json_t *ends_of(const params_end *e, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all,
                              json_pack("[o, i, I, b]", event_text(e[i].device),
                                        (int)e[i].partition,
                                        (json_int_t)e[i].next, e[i].dead));
    return all;
}

static json_t *counters_of(const params_counters *c)
{
    json_t *o = json_object();

    event_int(o, "applied", c->applied);
    event_int(o, "refused", c->refused);
    event_int(o, "refused_own", c->refused_own);
    if (c->forged)
        event_int(o, "forged", c->forged);
    event_int(o, "deduplicated", c->deduplicated);
    event_int(o, "foreign", c->foreign);
    event_int(o, "points", c->points);
    event_int(o, "masked", c->masked);
    event_int(o, "outliers", c->outliers);
    event_int(o, "unscored", c->unscored);
    event_int(o, "bytes", c->bytes);
    event_int(o, "forwarded", c->forwarded);
    if (c->stale)
        event_int(o, "stale", c->stale);
    return o;
}

static json_t *state_of(const params_facts *f)
{
    const params_state *s = &f->state;
    json_t *offsets = json_array(), *devices = json_array();

    for (size_t i = 0; i < s->n_offsets; i++)
        json_array_append_new(
            offsets, json_pack("[o, i, I]", event_text(s->offsets[i].topic),
                               (int)s->offsets[i].partition,
                               (json_int_t)s->offsets[i].next));
    for (size_t i = 0; i < s->n_devices; i++)
        json_array_append_new(
            devices, json_pack("[o, i, I, I]", event_text(s->devices[i].device),
                               (int)s->devices[i].partition,
                               (json_int_t)s->devices[i].boot,
                               (json_int_t)s->devices[i].seq));
    if (!*s->commit)
        return json_pack("{s:o, s:o}", "offsets", offsets, "devices", devices);
    return json_pack("{s:o, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "commit",
                     event_text(s->commit), "version", (json_int_t)s->version,
                     "time_ns", (json_int_t)s->time_ns, "kind",
                     event_text(f->kind), "bytes", (json_int_t)f->model_bytes,
                     "counters", counters_of(&s->counters), "offsets", offsets,
                     "devices", devices);
}

json_t *live_commit(const params_row *r)
{
    json_t *o = json_pack(
        "{s:I, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, "
        "s:f, s:b}",
        "version", (json_int_t)r->version, "commit", event_text(r->commit),
        "time_ns", (json_int_t)r->time_ns, "writer", event_text(r->writer),
        "model", event_text(r->kind), "bytes", (json_int_t)r->bytes, "blocks",
        (json_int_t)r->blocks, "refused", (json_int_t)r->refused, "points",
        (json_int_t)r->points, "outliers", (json_int_t)r->outliers,
        "partitions", (json_int_t)r->partitions, "records",
        (json_int_t)r->records, "moved", event_text(r->moved), "ms",
        (double)r->us / 1e3, "warming", r->warming != 0);

    if (o && r->revision)
        json_object_set_new(o, "revision",
                            json_integer((json_int_t)r->revision));
    if (o && isfinite(r->threshold))
        event_real(o, "threshold", r->threshold);
    return o;
}

static json_t *commits_of(const params_row *r, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, live_commit(&r[i]));
    return all;
}

/* What the service has, before any of it is believed. */
struct all {
    params_facts facts;
    params_pilot *pilots;
    params_lease *leases;
    params_end *ends;
    params_row *rows;
    size_t n_pilots, n_leases, n_ends, n_rows;
    char control[64];
};

static int all_fetch(params *p, struct all *a, pe_error *errp)
{
    if (params_facts_fetch(p, &a->facts, errp) < 0 ||
        params_pilots_fetch(p, &a->pilots, &a->n_pilots, errp) < 0 ||
        params_leases_fetch(p, &a->leases, &a->n_leases, errp) < 0 ||
        params_ends_fetch(p, &a->ends, &a->n_ends, errp) < 0)
        return -1;
    return params_control_fetch(p, a->control, sizeof(a->control), errp);
}

int facts_read(params *p, json_t *facts, pe_error *errp)
{
    struct all a = {0};
    pe_error e = {0};
    int rc = all_fetch(p, &a, errp);

    /* An older Redis, or a user without the right, may have no history. */
    if (rc == 0)
        (void)params_rows_fetch(p, NULL, 1, &a.rows, &a.n_rows, &e);
    if (rc == 0) {
        json_object_set_new(facts, "beats", beats_of(a.pilots, a.n_pilots));
        json_object_set_new(facts, "control", json_string(a.control));
        json_object_set_new(facts, "leases", leases_of(a.leases, a.n_leases));
        json_object_set_new(facts, "ends", ends_of(a.ends, a.n_ends));
        json_object_set_new(facts, "state", state_of(&a.facts));
        json_object_set_new(facts, "commits", commits_of(a.rows, a.n_rows));
    }
    params_facts_free(&a.facts);
    params_pilots_free(a.pilots, a.n_pilots);
    params_leases_free(a.leases, a.n_leases);
    params_ends_free(a.ends, a.n_ends);
    free(a.rows);
    return rc;
}

/* --- the broker --- */

/* The topic of [offsets] that the run has; of an older one nothing is read. */
static const char *topic_of(const json_t *offsets)
{
    const json_t *row = json_array_get(offsets, 0);

    return json_string_value(json_array_get(row, 0));
}

int facts_high(broker_admin *a, json_t *facts, pe_error *errp)
{
    const json_t *offsets =
        json_object_get(json_object_get(facts, "state"), "offsets");
    const char *topic = topic_of(offsets);
    size_t n = json_array_size(offsets);
    int32_t *partition = calloc(n + 1, sizeof(*partition));
    int64_t *end = calloc(n + 1, sizeof(*end));
    json_t *high = json_object();
    char number[32];
    int rc = partition && end && high ? 0 : pe_error_nomem(errp);

    for (size_t i = 0; rc == 0 && i < n; i++)
        partition[i] = (int32_t)json_integer_value(
            json_array_get(json_array_get(offsets, i), 1));
    if (rc == 0 && n > 0)
        rc = broker_ends(a, topic, partition, end, n, errp);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        snprintf(number, sizeof(number), "%d", (int)partition[i]);
        if (end[i] >= 0)
            json_object_set_new(high, number, json_integer((json_int_t)end[i]));
    }
    if (rc == 0 && n > 0)
        json_object_set_new(facts, "high", json_pack("{s:O}", topic, high));
    json_decref(high);
    free(partition);
    free(end);
    return rc;
}
