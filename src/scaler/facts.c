/* facts.c - what a policy has to know of its run, from all who know it. */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/clock.h"
#include "src/monitor/value.h"

/* Schedulers are asked as seldom as that allows (observe.h); what pilots tell
 * comes by their beats.
 */
#define ASK_NS (2 * CLOCK_S)
#define HOURS_S 3600.0

const pilot_record *facts_record(const scaler *s, const char *member)
{
    for (size_t i = 0; i < s->pilots.n; i++)
        if (!strcmp(s->pilots.r[i].name, member))
            return &s->pilots.r[i];
    return NULL;
}

/* A pilot of the pool, or the edge: NAME, NAME.2, ... */
static bool is_ours(const scaler *s, const pilot_record *r)
{
    size_t n = strlen(s->pilot->name);

    return !strncmp(r->name, s->pilot->name, n) &&
           (r->name[n] == '\0' || r->name[n] == '.');
}

bool facts_is_begun(const scaler *s)
{
    for (size_t i = 0; i < s->pilots.n; i++)
        if (is_ours(s, &s->pilots.r[i]))
            return true;
    return false;
}

bool facts_was_done(const scaler *s, const scale_facts *f, const json_t *row)
{
    const char *member = value_text(row, "member", "");
    int64_t since_ns = value_int(row, "time_ns");

    for (size_t i = 0; *member && i < f->n_members; i++)
        if (!strcmp(f->member[i].name, member))
            return f->member[i].leaves;
    if (*member)
        return true; /* it has left */
    for (size_t i = 0; i < s->pilots.n; i++)
        if (is_ours(s, &s->pilots.r[i]) &&
            s->pilots.r[i].created_ns >= since_ns)
            return true;
    return false;
}

/* The name behind the last '/' of a pilot's id. */
static const char *name_of(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

/* Does [r] only go on when another one has ended?  Then it adds nothing. */
static bool is_successor(const scaler *s, const pilot_record *r)
{
    for (size_t i = 0; i < s->pilots.n; i++)
        if (!strcmp(s->pilots.r[i].successor, r->id) &&
            !pilot_state_is_final(s->pilots.r[i].state))
            return true;
    return false;
}

static void first_find(scaler *s)
{
    const pilot_record *r;

    if (!*s->first)
        snprintf(s->first, sizeof(s->first), "%s", s->pilot->name);
    while ((r = facts_record(s, s->first)) && pilot_state_is_final(r->state) &&
           *r->successor && facts_record(s, name_of(r->successor)))
        snprintf(s->first, sizeof(s->first), "%.95s", name_of(r->successor));
}

static bool was_asked(const scaler *s, const char *member)
{
    for (size_t i = 0; i < s->n_leaving; i++)
        if (!strcmp(s->leaving[i], member))
            return true;
    return false;
}

void facts_forget_left(scaler *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n_leaving; i++) {
        const pilot_record *r = facts_record(s, s->leaving[i]);

        if (!r || pilot_state_is_final(r->state))
            continue;
        if (kept != i)
            memcpy(s->leaving[kept], s->leaving[i], sizeof(s->leaving[0]));
        kept++;
    }
    s->n_leaving = kept;
}

static const json_t *pilot_of(const json_t *doc, const char *name)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(doc, "pilots"), i, one)
    {
        if (!strcmp(value_text(one, "name", ""), name))
            return one;
    }
    return NULL;
}

/* Its record, and, where that is newer, its own word.  False: it is over. */
static bool member_take(const scaler *s, const json_t *doc,
                        const pilot_record *r, scale_member *m)
{
    const json_t *own = pilot_of(doc, r->name);
    const char *state = value_text(own, "state", "");
    json_int_t ranks = value_int(own, "ranks");
    enum pilot_state now = r->state;

    if (pilot_state_find(state) >= 0)
        now = (enum pilot_state)pilot_state_find(state);
    /* A life before: it was queued again. */
    if (r->stale_ns && !pilot_state_is_up(r->state))
        now = r->state;
    if (pilot_state_is_final(r->state) || pilot_state_is_final(now))
        return false;
    snprintf(m->name, sizeof(m->name), "%s", r->name);
    m->ranks = s->policy->each > 0 ? s->policy->each
               : ranks > 0         ? (int)ranks
               : r->ranks > 0      ? r->ranks
                                   : 1;
    m->is_first = !strcmp(r->name, s->first);
    m->in_queue = now == PILOT_NEW || now == PILOT_QUEUED || now == PILOT_HELD;
    m->waits = m->in_queue || now == PILOT_STARTING;
    m->leaves =
        now == PILOT_DRAINING || r->cancel_asked || was_asked(s, r->name);
    m->since_ns = r->submitted_ns ? r->submitted_ns : r->created_ns;
    snprintf(m->state, sizeof(m->state), "%s", pilot_state_name(now));
    return true;
}

static void members_take(scaler *s, const json_t *doc, scale_facts *f)
{
    int cpus = s->pilot->cpus_per_task > 0 ? s->pilot->cpus_per_task : 1;

    for (size_t i = 0; i < s->pilots.n; i++) {
        const pilot_record *r = &s->pilots.r[i];
        int64_t end = r->ended_ns ? r->ended_ns : f->now_ns;
        int64_t begin = r->started_ns ? r->started_ns : r->active_ns;

        if (!is_ours(s, r))
            continue;
        if (begin > 0 && end > begin)
            f->core_hours +=
                (double)(end - begin) / 1e9 / HOURS_S * r->ranks * cpus;
        if (f->n_members < SCALE_MEMBERS_MAX && !is_successor(s, r) &&
            member_take(s, doc, r, &f->member[f->n_members]))
            f->n_members++;
    }
}

/* Of pools in a row the layer of ours; NULL: there is but one, or ours is in
 * front of them all.
 */
static const json_t *layer_of(const scaler *s, const json_t *doc)
{
    const char *name;
    const json_t *row;
    size_t i;

    if (s->policy->each > 0)
        return NULL;
    name = pipeline_layer_name(s->pl, pipeline_layer_of(s->pl, s->pilot));
    json_array_foreach(json_object_get(doc, "layers"), i, row)
    {
        if (!strcmp(value_text(row, "layer", ""), name))
            return row;
    }
    return NULL;
}

static bool is_named(const json_t *names, const char *name)
{
    const json_t *one;
    size_t i;

    json_array_foreach(names, i, one)
    {
        if (!strcmp(json_string_value(one), name))
            return true;
    }
    return false;
}

/* Work of all ranks that tell, or of [layer], as a share of their time. */
static void pace_take(const json_t *doc, const json_t *layer, scale_facts *f)
{
    const json_t *rate = layer ? layer : json_object_get(doc, "rate");
    double busy = 0, ranks = 0;
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(doc, "pilots"), i, one)
    {
        double n = value_real(one, "ranks");
        if (strcmp(value_text(one, "kind", ""), "pool") != 0 ||
            !json_object_get(one, "busy") ||
            (layer && !is_named(json_object_get(layer, "pilots"),
                                value_text(one, "name", ""))))
            continue;
        ranks += n;
        busy += n * (value_real(one, "busy") + value_real(one, "fetch"));
    }
    f->busy = ranks > 0 ? busy / ranks : 0;
    f->rate = value_real(rate, "blocks_per_s");
}

/* What bounds another layer is no reason to leave ours as it is. */
static const char *bound_of(const json_t *doc, const json_t *layer)
{
    const json_t *verdict = json_object_get(doc, "verdict");

    if (layer && strcmp(value_text(verdict, "layer", ""),
                        value_text(layer, "layer", "")) != 0)
        return "";
    return value_text(verdict, "bottleneck", "");
}

static void lag_take(const scaler *s, const json_t *doc, scale_facts *f)
{
    const json_t *layer = layer_of(s, doc);
    const json_t *lag = json_object_get(layer ? layer : doc, "lag");

    f->lag_blocks = value_real(lag, "blocks");
    f->grows_known = json_object_get(lag, "blocks_per_s") != NULL;
    f->grows = value_real(lag, "blocks_per_s");
    f->bound = bound_of(doc, layer);
    pace_take(doc, layer, f);
    scale_facts_lag(f);
}

/* Is [pilot] in front of [layer]: a device, or a pool of an earlier one? */
static bool is_before(const json_t *doc, const json_t *layer,
                      const json_t *pilot)
{
    const char *name = value_text(pilot, "name", "");
    const json_t *row;
    size_t i;

    if (!strcmp(value_text(pilot, "kind", ""), "edge"))
        return true;
    json_array_foreach(json_object_get(doc, "layers"), i, row)
    {
        if (row == layer)
            return false;
        if (is_named(json_object_get(row, "pilots"), name))
            return true;
    }
    return false;
}

/* A layer ends before the run does: all in front of it is over, and nothing
 * waits.
 */
static bool layer_ends(const json_t *doc, const json_t *layer)
{
    const json_t *lag = json_object_get(layer, "lag"), *one;
    size_t i, over = 0;

    if (!lag || value_int(lag, "blocks") > 0)
        return false;
    json_array_foreach(json_object_get(doc, "pilots"), i, one)
    {
        int state = pilot_state_find(value_text(one, "state", ""));

        if (!is_before(doc, layer, one))
            continue;
        if (state < 0 || !pilot_state_is_final((enum pilot_state)state))
            return false;
        over++;
    }
    return over > 0;
}

static void partitions_take(const scaler *s, const json_t *doc, scale_facts *f)
{
    size_t listed = json_array_size(json_object_get(doc, "partitions"));
    json_int_t more = value_int(json_object_get(doc, "left_out"), "partitions");
    size_t layer = s->policy->each > 0 ? 0 : pipeline_layer_of(s->pl, s->pilot);
    pipeline of;

    f->partitions = listed > 0 ? (int)listed + (int)more : s->pl->partitions;
    if (s->policy->each > 0 || layer == s->pl->seen)
        return;
    pipeline_peek(s->pl, NULL, layer, &of, NULL); /* those are the last one's */
    f->partitions = of.partitions;
}

static void state_take(const scaler *s, const json_t *doc, scale_facts *f)
{
    const json_t *away = json_array_get(json_object_get(doc, "trouble"), 0);
    const char *state = value_text(doc, "state", "");

    f->ends = live_is_over(state) || !strcmp(state, "draining") ||
              layer_ends(doc, layer_of(s, doc));
    if (away)
        f->silent = value_text(away, "text", "a service does not answer");
    else if (!strcmp(state, "unknown") || !strcmp(state, "gone") ||
             !strcmp(state, "silent"))
        f->silent = "no pilot of the run tells anything";
}

/* The oldest event that the policy names; others are dropped. */
static void event_take(scaler *s, scale_facts *f)
{
    params *p = live_params(s->live, NULL);
    params_event *list = NULL;
    size_t n = 0;

    if (!p || params_events_fetch(p, &list, &n, NULL) < 0)
        return;
    free(s->event.name);
    free(s->event.id);
    memset(&s->event, 0, sizeof(s->event));
    for (size_t i = 0; i < n && !s->event.name; i++) {
        f->event = scale_event_find(s->policy, list[i].name);
        if (!f->event) {
            params_event_drop(p, &list[i], NULL);
            continue;
        }
        s->event = list[i];
        memset(&list[i], 0, sizeof(list[i]));
    }
    params_events_free(list, n);
}

static int records_take(scaler *s, pe_error *errp)
{
    char *words[] = {s->run};
    int64_t now = clock_mono_ns();
    bool ask = now - s->asked_ns >= ASK_NS;

    if (pilots_select(&s->pilots, words, 1, errp) < 0)
        return -1;
    if (ask)
        s->asked_ns = now;
    return pilots_observe(&s->pilots, ask ? PILOTS_ASK_IF_DUE : PILOTS_ASK_NOT,
                          errp) < 0
               ? -1
               : 0;
}

/* Was the host of member [i] one of those before it? */
static bool is_counted(const json_t *doc, const scale_facts *f, size_t i,
                       const char *name)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(value_text(pilot_of(doc, f->member[k].name), "host", ""),
                    name))
            return true;
    return false;
}

/* What the hosts of the pool have taken, each once, and for how many points.
 * Of pools in a row only the last one's points are the run's.
 */
static void energy_take(const scaler *s, const json_t *doc, scale_facts *f)
{
    f->points = value_real(doc, "points");
    f->joules_known =
        f->n_members > 0 && pipeline_layer_of(s->pl, s->pilot) == s->pl->seen;
    for (size_t i = 0; i < f->n_members && f->joules_known; i++) {
        const json_t *own = pilot_of(doc, f->member[i].name);

        f->joules_known = json_object_get(own, "joules") != NULL;
        if (!is_counted(doc, f, i, value_text(own, "host", "?")))
            f->joules += value_real(own, "joules");
    }
}

json_t *facts_take(scaler *s, scale_facts *f, pe_error *errp)
{
    json_t *doc = live_look(s->live, errp);
    time_t now;
    struct tm local, utc;

    memset(f, 0, sizeof(*f));
    f->now_ns = clock_real_ns();
    f->bound = "";
    now = (time_t)(f->now_ns / CLOCK_S);
    if (!doc)
        return NULL;
    if (records_take(s, errp) < 0) {
        json_decref(doc);
        return NULL;
    }
    first_find(s);
    facts_forget_left(s);
    members_take(s, doc, f);
    if (s->policy->energy)
        energy_take(s, doc, f);
    lag_take(s, doc, f);
    partitions_take(s, doc, f);
    state_take(s, doc, f);
    event_take(s, f);
    if (localtime_r(&now, &local) && gmtime_r(&now, &utc))
        f->time = scale_time_at(s->policy, &local, &utc);
    return doc;
}
