/* judge.c - what is committed against what was counted again. */
#include "judge.h"

#include <inttypes.h>
#include <string.h>

#include "src/common/text.h"

/* Sums over the partitions. */
struct sums {
    int64_t consumed, seen, holes, unkept, left;
};

static struct sums add_up(const layer *l)
{
    struct sums s = {0};

    for (size_t i = 0; i < l->n_parts; i++) {
        const layer_part *k = &l->part[i];

        s.consumed += k->next - k->first;
        s.seen += k->seen;
        s.holes += k->holes;
        s.unkept += k->unkept;
        s.left += k->high > k->next ? k->high - k->next : 0;
    }
    return s;
}

/* Can what stands in the topics be less than what the pool has read? */
static bool is_cut(const layer *l, const struct sums *s)
{
    bool faded = l->refused.unkept > 0 &&
                 l->state.counters.refused > l->count.sure.refused;

    return s->unkept > 0 || (l->pl->gaps_allowed && s->holes > 0) || faded;
}

/* Points are those that were masked, too, of which the records say nothing. */
static bool knows_points(const layer *l)
{
    return l->count.staged == 0 && l->count.deltas == 0 &&
           !pipeline_learner(l->pl);
}

size_t judge_counters(const layer *l, judged out[JUDGED_MOST])
{
    const params_counters *c = &l->state.counters, *r = &l->count.sure;
    const judged all[] = {
        {"applied", c->applied, r->applied, true},
        {"refused", c->refused, r->refused, true},
        {"refused_own", c->refused_own, r->refused_own, true},
        {"forged", c->forged, r->forged, true},
        {"deduplicated", c->deduplicated, r->deduplicated, true},
        {"foreign", c->foreign, r->foreign, true},
        {"bytes", c->bytes, r->bytes, true},
        {"points", c->points + c->masked, r->points, knows_points(l)},
    };

    memcpy(out, all, sizeof(all));
    return sizeof(all) / sizeof(*all);
}

/* --- the log --- */

static void judge_part(const layer *l, size_t i, findings *f)
{
    const layer_part *k = &l->part[i];
    const char *name = l->name;

    if (k->next < k->first)
        finding_add(f, FINDING_FAULT, "offset", name,
                    "partition %zu is committed to %" PRId64
                    ", and the run began at %" PRId64,
                    i, k->next, k->first);
    if (k->next > k->high)
        finding_add(f, FINDING_FAULT, "log", name,
                    "partition %zu is committed to %" PRId64
                    ", and the log ends at %" PRId64
                    ": it was made anew, or has lost its end",
                    i, k->next, k->high);
    if (k->unkept > 0)
        finding_add(f, FINDING_OPEN, "log", name,
                    "records %" PRId64 " to %" PRId64 " of partition %zu are "
                    "not kept any more: what the model has of them cannot be "
                    "checked",
                    k->first, k->first + k->unkept - 1, i);
    if (k->holes > 0)
        finding_add(f, l->pl->gaps_allowed ? FINDING_NOTE : FINDING_FAULT,
                    l->pl->gaps_allowed ? "gap" : "lost", name,
                    "%" PRId64 " offset%s of partition %zu, from %" PRId64
                    " on, have no record%s",
                    k->holes, text_s((uint64_t)k->holes), i, k->hole,
                    l->pl->gaps_allowed ? " (gaps: allow)" : "");
}

/* Of a run that has just begun nothing is known, and of one of which all that
 * was stored is gone.
 */
static void judge_nothing(const layer *l, findings *f)
{
    int64_t there = 0;

    for (size_t i = 0; i < l->n_parts; i++)
        if (l->part[i].high > l->part[i].first)
            there += l->part[i].high - l->part[i].first;
    if (*l->state.commit || there == 0)
        return;
    finding_add(f, FINDING_OPEN, "stored", l->name,
                "nothing is committed, and the topic holds %" PRId64
                " record%s: "
                "the run has just begun, or all that was stored of it is gone",
                there, text_s((uint64_t)there));
}

static void judge_offsets(const layer *l, findings *f)
{
    size_t strange = 0;

    for (size_t i = 0; i < l->state.n_offsets; i++)
        strange += strcmp(l->state.offsets[i].topic, l->topic) != 0 ||
                   (size_t)l->state.offsets[i].partition >= l->n_parts;
    if (strange > 0)
        finding_add(f, FINDING_OPEN, "offset", l->name,
                    "%zu offset%s that %s committed %s of no partition of %s",
                    strange, text_s(strange), text_are(strange),
                    text_are(strange), l->topic);
    for (size_t i = 0; i < l->n_parts; i++)
        judge_part(l, i, f);
    judge_nothing(l, f);
}

/* --- counters --- */

static void judge_sum(const layer *l, const struct sums *s, findings *f)
{
    const params_counters *c = &l->state.counters;
    uint64_t sum = c->applied + c->refused + c->deduplicated;
    uint64_t consumed = (uint64_t)(s->consumed - s->holes);

    if (sum == consumed)
        return;
    finding_add(f, is_cut(l, s) ? FINDING_OPEN : FINDING_FAULT,
                sum < consumed ? "lost" : "double", l->name,
                "%" PRIu64 " record%s below the committed offsets, and "
                "applied + refused + deduplicated is %" PRIu64,
                consumed, consumed == 1 ? " lies" : "s lie", sum);
}

static void judge_numbers(const layer *l, const struct sums *s, findings *f)
{
    judged list[JUDGED_MOST];
    size_t n = judge_counters(l, list);
    bool open = is_cut(l, s);

    for (size_t i = 0; i < n; i++) {
        const judged *k = &list[i];
        bool blocks = !strcmp(k->name, "applied");
        const char *what = !blocks                 ? "counter"
                           : k->state < k->records ? "lost"
                                                   : "double";

        if (!k->known || k->state == k->records)
            continue;
        finding_add(f, open ? FINDING_OPEN : FINDING_FAULT, what, l->name,
                    "%s: %" PRIu64 " in what is committed, %" PRIu64
                    " by the records%s",
                    k->name, k->state, k->records,
                    !blocks                 ? ""
                    : k->state < k->records ? ": blocks are lost"
                                            : ": blocks were applied twice");
    }
    if (!l->settled)
        finding_add(f, FINDING_OPEN, "refused", l->name,
                    "%" PRId64 " block%s in %s, and %" PRIu64
                    " %s counted: which of them were applied in a later term "
                    "cannot be told",
                    l->refused.blocks,
                    l->refused.blocks == 1 ? " stands" : "s stand",
                    l->refused.topic, l->state.counters.refused,
                    text_are(l->state.counters.refused));
    if (!knows_points(l))
        finding_add(f, FINDING_LIMIT, "points", l->name, "points: %s",
                    pipeline_learner(l->pl)
                        ? "records are what devices have learned, and hold no "
                          "rows"
                        : "stages of the pool may make others of them");
}

/* --- devices --- */

static void judge_devices(const layer *l, const struct sums *s, findings *f)
{
    const commit_devices *t = &l->count.devices;
    enum finding_kind bad = is_cut(l, s) ? FINDING_OPEN : FINDING_FAULT;
    size_t known = 0;

    for (size_t i = 0; i < l->state.n_devices; i++) {
        const params_device *d = &l->state.devices[i];
        size_t at = commit_device_look(t, d->device);
        const commit_device *k = at < l->n_last ? &l->last[at] : NULL;

        known += k && k->known;
        if (!k || !k->known)
            finding_add(f, bad, "device", l->name,
                        "%.100s stands at %" PRIu64 "/%" PRIu64
                        ", and no record below the committed offsets is its",
                        d->device, d->boot, d->seq);
        else if (k->last.boot != d->boot || k->last.seq != d->seq)
            finding_add(f, bad, "device", l->name,
                        "%.100s stands at %" PRIu64 "/%" PRIu64
                        ", and its records below the committed offsets end at "
                        "%" PRIu64 "/%" PRIu64,
                        d->device, d->boot, d->seq, k->last.boot, k->last.seq);
    }
    for (size_t i = 0; i < l->n_last; i++)
        known -= l->last[i].known;
    if (known != 0)
        finding_add(f, bad, "device", l->name,
                    "%zu device%s %s records below the committed offsets, and "
                    "%s nowhere in what is committed",
                    (size_t)-known, text_s((size_t)-known),
                    text_have((size_t)-known),
                    (size_t)-known == 1 ? "stands" : "stand");
}

static void judge_order(const layer *l, findings *f)
{
    const recount *c = &l->count;

    if (c->order.n > 0)
        finding_add(f, FINDING_FAULT, "order", l->name,
                    "%" PRIu64
                    " block%s came behind later ones of %s device, and %s "
                    "taken for %s: the first is %s",
                    c->order.n, text_s(c->order.n),
                    c->order.n == 1 ? "its" : "their", text_were(c->order.n),
                    c->order.n == 1 ? "a repeat" : "repeats", c->order.words);
    if (c->moved.n > 0)
        finding_add(f, FINDING_FAULT, "order", l->name,
                    "%" PRIu64 " block%s %s in another partition than those of "
                    "%s device before: the first is %s",
                    c->moved.n, text_s(c->moved.n), text_are(c->moved.n),
                    c->moved.n == 1 ? "its" : "their", c->moved.words);
    if (c->unknown.n > 0)
        finding_add(f, FINDING_OPEN, "order", l->name,
                    "%" PRIu64 " repeat%s %s of blocks so long ago that they "
                    "cannot be told from blocks out of order: the first is %s",
                    c->unknown.n, text_s(c->unknown.n), text_are(c->unknown.n),
                    c->unknown.words);
    if (c->unheard.n > 0)
        finding_add(f, FINDING_OPEN, "device", l->name,
                    "%" PRIu64 " block%s %s of devices of other runs beyond "
                    "%d: the first is %s",
                    c->unheard.n, text_s(c->unheard.n), text_are(c->unheard.n),
                    COMMIT_OTHERS, c->unheard.words);
    if (c->missing.n > 0)
        finding_add(f, l->dense ? FINDING_FAULT : FINDING_LIMIT, "missing",
                    l->name,
                    "%" PRIu64 " number%s (SEQ) of devices %s not in "
                    "the topic%s: the first is in front of %s",
                    c->missing.n, text_s(c->missing.n), text_are(c->missing.n),
                    l->dense ? ""
                             : ", which stages, a full queue or the source "
                               "may be the reason for",
                    c->missing.words);
}

/* --- results, and what was refused --- */

/* Marks that no record has taken. */
static uint64_t left_marks(const layer *l, unsigned bit)
{
    uint64_t n = 0;

    for (size_t i = 0; i < l->n_parts; i++) {
        const layer_part *k = &l->part[i];
        int64_t at = k->first + k->unkept;

        while ((at = marks_next(&k->marks, at, bit)) >= 0) {
            n++;
            at++;
        }
    }
    return n;
}

static void judge_side(const layer *l, const layer_side *s, const char *what,
                       unsigned bit, findings *f)
{
    uint64_t orphans = left_marks(l, bit) + s->idle.n + (uint64_t)s->strays;

    if (s->idle.n > 0)
        finding_add(f, FINDING_FAULT, what, l->name,
                    "%" PRIu64 " record%s in %s %s of blocks that were not "
                    "applied: the first is of %s",
                    s->idle.n, text_s(s->idle.n), s->topic, text_are(s->idle.n),
                    s->idle.words);
    if (orphans > s->idle.n)
        finding_add(f, FINDING_FAULT, what, l->name,
                    "%" PRIu64 " record%s in %s %s of no block of this run",
                    orphans - s->idle.n, text_s(orphans - s->idle.n), s->topic,
                    text_are(orphans - s->idle.n));
    if (s->repeats > 0)
        finding_add(f, FINDING_NOTE, what, l->name,
                    "%" PRId64 " record%s in %s %s of a block that has one "
                    "already (rule 8: at least once); %" PRIu64 " of them %s "
                    "by a model that gave one, and %s compared",
                    s->repeats, text_s((uint64_t)s->repeats), s->topic,
                    text_are((uint64_t)s->repeats), s->same.compared,
                    text_are(s->same.compared), text_were(s->same.compared));
    if (s->ahead > 0)
        finding_add(f, FINDING_NOTE, what, l->name,
                    "%" PRId64 " record%s in %s %s of blocks that are not "
                    "committed",
                    s->ahead, text_s((uint64_t)s->ahead), s->topic,
                    text_are((uint64_t)s->ahead));
}

/* Code of users may draw, or count what it has seen. */
static void judge_same(const layer *l, findings *f)
{
    const recount_place *d = &l->results.different;
    bool may = l->drawn || l->count.staged > 0;

    if (d->n > 0)
        finding_add(f, may ? FINDING_NOTE : FINDING_OPEN, "result", l->name,
                    "%" PRIu64 " of %" PRIu64 " results of a block and a model "
                    "that had one have other values: the first is %s (%s)",
                    d->n, l->results.same.compared, d->words,
                    may ? "stages of the pool may give others each time"
                        : "hosts that round in other ways, or a block that "
                          "was changed");
}

static void judge_results(const layer *l, findings *f)
{
    const recount_place *w = &l->count.without;

    if (!l->results.on)
        return;
    judge_side(l, &l->results, "result", RECOUNT_RESULT, f);
    judge_same(l, f);
    if (w->n == 0)
        return;
    if (l->filters)
        finding_add(f, FINDING_LIMIT, "result", l->name,
                    "%" PRIu64 " block%s %s no result: stages of the pool may "
                    "have let nothing through",
                    w->n, text_s(w->n), text_have(w->n));
    else
        finding_add(
            f, l->results.unkept > 0 ? FINDING_OPEN : FINDING_FAULT, "result",
            l->name,
            "%" PRIu64 " block%s %s no result in %s: the first is "
            "%s%s",
            w->n, text_s(w->n), text_have(w->n), l->results.topic, w->words,
            l->results.unkept > 0 ? " (it does not keep all any more)" : "");
}

static void judge_refused(const layer *l, findings *f)
{
    uint64_t n = l->count.refusals;

    judge_side(l, &l->refused, "refused", RECOUNT_REFUSED, f);
    if (n > 0)
        finding_add(f, l->refused.unkept > 0 ? FINDING_OPEN : FINDING_FAULT,
                    "refused", l->name,
                    "%" PRIu64 " record%s cannot be read, and %s not in %s", n,
                    text_s(n), text_are(n), l->refused.topic);
}

/* --- the model --- */

static void compare_lanes(const layer *l, const char *name, const int64_t *row,
                          enum finding_kind bad, findings *f)
{
    static const char *const lane[] = {"blocks", "points", "sum", "sumsq"};
    static const int64_t none[AUDIT_LANES];
    size_t at = commit_device_look(&l->count.devices, name);
    const int64_t *own = at != SIZE_MAX ? l->count.more[at].sure : none;

    for (int i = 0; i < AUDIT_LANES; i++) {
        if (own[i] == row[i])
            continue;
        finding_add(f, bad,
                    i > 0             ? "model"
                    : row[i] < own[i] ? "lost"
                                      : "double",
                    l->name,
                    "%.100s: %s is %" PRId64 " in the model, %" PRId64
                    " by the records",
                    name, lane[i], row[i], own[i]);
        if (i < 2)
            return; /* the rest follows from it */
    }
}

static void judge_audit(const layer *l, const pe_model *m,
                        enum finding_kind bad, findings *f)
{
    const commit_devices *t = &l->count.devices;
    size_t n = audit_devices(m);

    for (size_t i = 0; i < n; i++) {
        const int64_t *row;
        const char *name = audit_device(m, i, &row);

        compare_lanes(l, name, row, bad, f);
    }
    for (size_t i = 0; i < t->n; i++) {
        const char *name = t->d[i].last.device;
        const int64_t *row;
        size_t k = 0;

        if (l->count.more[i].sure[0] == 0)
            continue;
        while (k < n && strcmp(audit_device(m, k, &row), name) != 0)
            k++;
        if (k == n)
            finding_add(f, bad, "lost", l->name,
                        "%.100s has %" PRId64 " block%s, and is not in the "
                        "model",
                        name, l->count.more[i].sure[0],
                        text_s((uint64_t)l->count.more[i].sure[0]));
    }
}

static void judge_decoded(const layer *l, const pe_model *m,
                          const struct sums *s, findings *f)
{
    const params_state *t = &l->state;
    enum finding_kind bad =
        is_cut(l, s) || !l->settled ? FINDING_OPEN : FINDING_FAULT;
    bool own = t->revision == 0 && !l->pl->restore &&
               pipeline_last_stage(l->pl)->is_model;

    if (m->version != t->version || strcmp(m->commit, t->commit) != 0)
        finding_add(f, FINDING_FAULT, "model", l->name,
                    "the model is of commit %s (%" PRIu64 "), and %s (%" PRIu64
                    ") is committed",
                    m->commit, m->version, t->commit, t->version);
    if (own && m->points != t->counters.points)
        finding_add(f, FINDING_FAULT, "model", l->name,
                    "the model has learned from %" PRIu64
                    " point%s, and %" PRIu64 " %s counted",
                    m->points, text_s(m->points), t->counters.points,
                    text_are(t->counters.points));
    if (l->count.audits && !strcmp(m->ops->name, "audit"))
        judge_audit(l, m, bad, f);
    else
        finding_add(f, FINDING_LIMIT, "model", l->name,
                    "what the model (%s) has learned is not learned again: its "
                    "digest and its counters were checked",
                    m->ops->name);
}

static void judge_model(const layer *l, const struct sums *s, findings *f)
{
    pe_error e = {0};
    pe_model *m;

    if (l->state.model.len == 0)
        return;
    m = pe_model_decode(l->state.model.data, l->state.model.len, &e);
    if (!m)
        finding_add(f, FINDING_FAULT, "model", l->name, "%.400s", e.text);
    else
        judge_decoded(l, m, s, f);
    pe_model_destroy(m);
}

/* --- the ends, and the way from layer to layer --- */

/* A device that was added and goes on has one that is open. */
static void judge_ends(const layer *l, findings *f)
{
    for (size_t i = 0; i < l->n_ends; i++) {
        const params_end *e = &l->ends[i];

        if (e->next == PARAMS_END_OPEN)
            continue;
        if (e->partition >= 0 && (size_t)e->partition < l->n_parts &&
            e->next <= l->part[e->partition].high)
            continue;
        finding_add(f, FINDING_FAULT, "end", l->name,
                    "the end of %.100s, %d/%" PRId64 ", is behind the log",
                    e->device, (int)e->partition, e->next);
    }
}

static void judge_joint(const layer *l, const layer *front, findings *f)
{
    uint64_t handed, here = l->count.crossed;

    if (!front || front->damage.kind != PE_ERROR_NONE)
        return;
    handed = front->state.counters.forwarded;
    if (handed == here)
        return;
    finding_add(f, FINDING_FAULT, handed > here ? "lost" : "double", l->name,
                "layer %s has handed %" PRIu64 " block%s on, and %" PRIu64
                " of those it has committed %s in %s",
                front->name, handed, text_s(handed), here, text_are(here),
                l->topic);
}

void judge_layer(const layer *l, const layer *front, findings *f)
{
    struct sums s = add_up(l);

    if (l->damage.kind != PE_ERROR_NONE) {
        finding_add(f, FINDING_FAULT, "stored", l->name, "%.480s",
                    l->damage.text);
        if (!l->part)
            return;
    }
    judge_offsets(l, f);
    judge_sum(l, &s, f);
    if (l->damage.kind == PE_ERROR_NONE) {
        judge_numbers(l, &s, f);
        judge_devices(l, &s, f);
        judge_results(l, f);
        judge_refused(l, f);
        judge_joint(l, front, f);
    }
    judge_order(l, f);
    judge_model(l, &s, f);
    judge_ends(l, f);
}
