/* move_run.c - a stage crosses: what is asked of pilots, and what they say. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/change/move.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/monitor/value.h"

#define LOOK_NS (50 * CLOCK_MS)
/* Until a pilot's beat has lost what it said of what was taken back; no longer
 * than it is waited for.
 */
#define CLEAR_S 5.0

/* What the beats of a side's pilots say. */
struct looked {
    int up, there;
    size_t through; /* of devices: how far one of them is; 0: not told */
    char slow[160]; /* one that is not there, */
    char why[512];  /* ... and one that cannot be */
};

/* Is [beat] one of [k], or of any pool where that is NULL? */
static bool is_of(const params_pilot *p, const json_t *beat,
                  const pipeline_pilot *k)
{
    size_t len = strcspn(p->pilot, ".");

    if (!k)
        return !strcmp(value_text(beat, "kind", ""), "pool");
    return strlen(k->name) == len && !strncmp(p->pilot, k->name, len);
}

/* How many stages there are up to [name], 0: it is none. */
static size_t place_of(const struct move *m, const char *name)
{
    return (size_t)pipeline_stage_index(m->pl, name, strlen(name)) + 1;
}

/* Has it, and all its devices, what is asked for? */
static bool is_there(const struct move *m, const json_t *place,
                     const pipeline_pilot *k, size_t want)
{
    size_t n = place_of(m, value_text(place, k ? "through" : "behind", ""));

    if (!k)
        return n > 0 && n <= want;
    return n == want && value_int(place, "left") == 0;
}

static void look_at(const struct move *m, const params_pilot *p,
                    const pipeline_pilot *k, size_t want, struct looked *out)
{
    json_t *beat = json_loads(p->beat, 0, NULL);
    const json_t *place =
        json_object_get(json_object_get(beat, "progress"), "place");
    const char *state = value_text(beat, "state", "");

    if (is_of(p, beat, k) &&
        (!strcmp(state, "ACTIVE") || !strcmp(state, "STALLED"))) {
        out->up++;
        if (k)
            out->through = place_of(m, value_text(place, "through", ""));
        if (is_there(m, place, k, want))
            out->there++;
        else
            snprintf(out->slow, sizeof(out->slow), "%s", p->pilot);
        if (json_object_get(place, "why"))
            snprintf(out->why, sizeof(out->why), "%s: %s", p->pilot,
                     value_text(place, "why", ""));
    }
    json_decref(beat);
}

static int look(const struct move *m, const pipeline_pilot *k, size_t want,
                struct looked *out, pe_error *errp)
{
    params_pilot *p = NULL;
    size_t n = 0;

    memset(out, 0, sizeof(*out));
    if (params_pilots_fetch(m->params, &p, &n, errp) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        look_at(m, &p[i], k, want, out);
    params_pilots_free(p, n);
    return 0;
}

static const char *name_of(const pipeline_pilot *k)
{
    return k ? k->name : "pool";
}

/* Nothing moves to, or from, who is not there. */
static int check_up(const struct move *m, const pipeline_pilot *k,
                    pe_error *errp)
{
    struct looked l;

    if (look(m, k, 0, &l, errp) < 0)
        return -1;
    if (l.up > 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "no pilot of %s '%s' is up in run %s, and nothing has "
                        "moved; 'pilot status %s' shows them",
                        k ? "devices" : "pool", name_of(k), m->req->run,
                        m->req->run);
}

/* 1: all are there; 0: not in time, or [out] says why not; -1: error. */
static int wait_there(const struct move *m, const pipeline_pilot *k,
                      size_t want, struct looked *out, pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(m->timeout_s * 1e9);

    for (;;) {
        if (look(m, k, want, out, errp) < 0)
            return -1;
        if (*out->why)
            return 0;
        if (out->up > 0 && out->there == out->up)
            return 1;
        if (clock_mono_ns() > until)
            return 0;
        clock_sleep_ns(LOOK_NS, 0);
    }
}

/* What was asked for is taken back, so that a later one finds no old answer. */
static void take_back(const struct move *m, const pipeline_pilot *k,
                      const char *before)
{
    double patience = m->timeout_s < CLEAR_S ? m->timeout_s : CLEAR_S;
    int64_t until = clock_mono_ns() + (int64_t)(patience * 1e9);
    struct looked l = {0};

    if (params_place_put(m->params, k ? k->name : PARAMS_PLACE_POOL, before,
                         NULL) < 0)
        log_warn("what was asked of %s could not be taken back", name_of(k));
    while (look(m, k, 0, &l, NULL) == 0 && *l.why && clock_mono_ns() < until)
        clock_sleep_ns(LOOK_NS, 0);
}

static int refuse(const struct move *m, const struct looked *l, pe_error *errp)
{
    const char *stage = m->pl->stages[m->stage].name;

    if (*l->why)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "stage '%s' stays where it is; %s", stage, l->why);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "stage '%s' stays where it is: pilot %s did not answer "
                        "within %g s",
                        stage, l->slow, m->timeout_s);
}

int move_through(const struct move *m, const pipeline_pilot *k, size_t *np,
                 pe_error *errp)
{
    struct looked l;
    char name[80];

    if (look(m, k, 0, &l, errp) < 0 ||
        params_place_fetch(m->params, k->name, name, sizeof(name), errp) < 0)
        return -1;
    *np = l.through ? l.through : place_of(m, name);
    if (*np == 0)
        *np = pipeline_ahead(m->pl);
    return 0;
}

/* Ask the ranks to have all open behind so many stages.  A command that was cut
 * off may have left what they cannot.
 */
static int hold(struct move *m, pe_error *errp)
{
    char before[80];
    struct looked l;
    int at, rc;

    if (look(m, NULL, m->stage, &l, errp) < 0)
        return -1;
    if (*l.why)
        take_back(m, NULL, "");
    if (params_place_fetch(m->params, PARAMS_PLACE_POOL, before, sizeof(before),
                           errp) < 0)
        return -1;
    at = pipeline_stage_index(m->pl, before, strlen(before));
    if (at < 0 || (size_t)at + 1 > m->stage) {
        if (params_place_put(m->params, PARAMS_PLACE_POOL,
                             m->pl->stages[m->stage - 1].name, errp) < 0)
            return -1;
    }
    rc = wait_there(m, NULL, m->stage, &l, errp);
    if (rc > 0)
        return 0;
    take_back(m, NULL, before);
    return rc < 0 ? -1 : refuse(m, &l, errp);
}

/* Ask the devices of [e] to go on with another number of stages. */
static int follow(const struct move *m, const struct move_edge *e,
                  pe_error *errp)
{
    size_t want = m->to_pool ? m->stage : m->stage + 1;
    struct looked l;
    int rc;

    if (look(m, e->pilot, want, &l, errp) < 0)
        return -1;
    if (*l.why) /* of one that was cut off */
        take_back(m, e->pilot, m->pl->stages[e->through - 1].name);
    if (params_place_put(m->params, e->pilot->name,
                         m->pl->stages[want - 1].name, errp) < 0)
        return -1;
    rc = wait_there(m, e->pilot, want, &l, errp);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (*l.why) {
        take_back(m, e->pilot, m->pl->stages[e->through - 1].name);
        return refuse(m, &l, errp);
    }
    /* A device may sit in its source for as long as it likes. */
    log_warn("not all devices of %s have begun another block within %g s: they "
             "follow with their next one",
             l.slow, m->timeout_s);
    return 0;
}

int move_run(struct move *m, pe_error *errp)
{
    int64_t start = clock_mono_ns();

    if (m->to_pool && check_up(m, NULL, errp) < 0)
        return -1;
    for (size_t i = 0; i < m->n_edges; i++)
        if (check_up(m, m->edge[i].pilot, errp) < 0)
            return -1;
    if (m->to_pool && hold(m, errp) < 0)
        return -1;
    for (size_t i = 0; i < m->n_edges; i++)
        if (follow(m, &m->edge[i], errp) < 0)
            return -1;
    log_info("stage '%s' is on %s now (%.1f s)", m->pl->stages[m->stage].name,
             m->to_pool ? "the pool"
             : m->only  ? m->only->name
                        : "the devices",
             (double)(clock_mono_ns() - start) / 1e9);
    return 0;
}
