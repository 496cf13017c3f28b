/* history.c - decisions and what they rest on, as JSON. */
#include <math.h>
#include <string.h>

#include "scale.h"

typedef struct field {
    const char *key;
    size_t at;
    enum { FIELD_TIME, FIELD_INT, FIELD_COUNT } type;
} field;

#define FIELD(type, member)                                    \
    {                                                          \
#member, offsetof(scale_history, member), FIELD_##type \
    }

static const field fields[] = {
    FIELD(TIME, over_ns),    FIELD(TIME, calm_ns),   FIELD(TIME, changed_ns),
    FIELD(TIME, down_ns),    FIELD(TIME, retry_ns),  FIELD(INT, failures),
    FIELD(INT, turns),       FIELD(INT, by_lag),     FIELD(COUNT, looks),
    FIELD(COUNT, submitted), FIELD(COUNT, refused),  FIELD(COUNT, failed),
    FIELD(COUNT, ended),     FIELD(COUNT, canceled),
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* "energy": [[ranks, joules, points, seconds]...], and the last look. */
static void costs_put(const scale_history *h, json_t *o)
{
    json_t *list = json_array();

    for (int i = 0; i < h->n_costs; i++) {
        const scale_cost *c = &h->cost[i];

        json_array_append_new(list,
                              json_pack("[i, f, f, f]", c->ranks, c->joules,
                                        c->points, c->seconds));
    }
    if (h->n_costs > 0)
        json_object_set(o, "energy", list);
    json_decref(list);
}

static void costs_take(const json_t *o, scale_history *h)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(o, "energy"), i, row)
    {
        scale_cost c = {0};

        if (h->n_costs == SCALE_COSTS_MAX ||
            json_unpack((json_t *)row, "[i, F, F, F]", &c.ranks, &c.joules,
                        &c.points, &c.seconds) < 0 ||
            c.ranks < 1 || c.joules < 0 || c.points < 0 || c.seconds < 0)
            continue;
        h->cost[h->n_costs++] = c;
    }
}

json_t *scale_history_json(const scale_history *h)
{
    json_t *o = json_object();

    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *at = (const char *)h + fields[i].at;
        int64_t n = 0;
        int small;

        if (fields[i].type == FIELD_INT) {
            memcpy(&small, at, sizeof(small));
            n = small;
        } else {
            memcpy(&n, at, sizeof(n));
        }
        json_object_set_new(o, fields[i].key, json_integer((json_int_t)n));
    }
    costs_put(h, o);
    return o;
}

void scale_history_take(const json_t *o, scale_history *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < N_FIELDS; i++) {
        char *at = (char *)out + fields[i].at;
        int64_t n = json_integer_value(json_object_get(o, fields[i].key));
        int small = (int)n;

        if (n < 0) /* no program of ours wrote that */
            continue;
        if (fields[i].type == FIELD_INT)
            memcpy(at, &small, sizeof(small));
        else
            memcpy(at, &n, sizeof(n));
    }
    costs_take(o, out);
    /* It is a shift. */
    out->turns = out->turns > 3 ? 3 : out->turns;
    out->failures = out->failures > 30 ? 30 : out->failures;
}

json_t *scale_decision_json(const scale_decision *d, const scale_facts *f,
                            const scale_history *h)
{
    json_t *o = json_pack(
        "{s:I, s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "time_ns",
        (json_int_t)f->now_ns, "action", scale_action_name(d->action), "cause",
        scale_cause_name(d->cause), "from", d->from, "to", d->to, "member",
        d->member, "words", d->words, "bound", f->bound ? f->bound : "");

    if (f->lag_known)
        json_object_set_new(o, "lag_s",
                            json_real(round(f->lag_s * 1000) / 1000));
    if (h->over_ns && d->cause == SCALE_BY_LAG)
        json_object_set_new(o, "waited_s",
                            json_real((double)(f->now_ns - h->over_ns) / 1e9));
    return o;
}
