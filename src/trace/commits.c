/* commits.c - which commit has a block, which device had its model, and what a
 * roll-back has undone.
 *
 * Where Redis goes back to an older state, versions come twice: those from the
 * first that comes again on, that were sent between the two, are no part of the
 * model any more.  They are told by their version and the time they were sent,
 * which is what the service, and so a device, calls a commit's.  Clocks of
 * several pools decide nothing else.
 */
#include <stdlib.h>

#include "private.h"

/* --- roll-backs --- */

/* Of the roll-back that has undone it, from 1 on; 0: none has. */
static uint32_t undone_by(const trace *t, uint32_t layer, uint64_t version,
                          int64_t sent_ns)
{
    for (uint32_t i = 0; i < t->n_rollbacks; i++) {
        const rollback *r = &t->rollback[i];

        if (layer == r->layer && version >= r->version &&
            sent_ns >= r->from_ns && sent_ns < r->to_ns)
            return i + 1;
    }
    return 0;
}

static int by_version(const void *x, const void *y)
{
    const epochs *a = x, *b = y;

    if (a->layer != b->layer)
        return a->layer < b->layer ? -1 : 1;
    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    return (a->sent_ns > b->sent_ns) - (a->sent_ns < b->sent_ns);
}

static int by_epoch(const void *x, const void *y)
{
    const epochs *a = x, *b = y;

    if (a->world != b->world)
        return a->world < b->world ? -1 : 1;
    if (a->term != b->term)
        return a->term < b->term ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static int add_rollback(trace *t, const epochs *was, const epochs *is,
                        pe_error *errp)
{
    rollback *more = realloc(t->rollback, (t->n_rollbacks + 1) * sizeof(*more));

    if (!more)
        return pe_error_nomem(errp);
    t->rollback = more;
    t->rollback[t->n_rollbacks++] =
        (rollback){was->version, was->sent_ns, is->sent_ns, is->layer};
    return 0;
}

/* The lowest version that came again says all of a roll-back. */
static int find_rollbacks(trace *t, pe_error *errp)
{
    qsort(t->commit, t->n_commits, sizeof(*t->commit), by_version);
    for (size_t i = 1; i < t->n_commits; i++) {
        const epochs *was = &t->commit[i - 1], *is = &t->commit[i];

        if (was->layer == is->layer && was->version == is->version &&
            was->sent_ns < is->sent_ns &&
            !undone_by(t, was->layer, was->version, was->sent_ns) &&
            add_rollback(t, was, is, errp) < 0)
            return -1;
    }
    return 0;
}

static int by_line(const void *x, const void *y)
{
    const taken_model *a = x, *b = y;

    if (a->undone != b->undone)
        return a->undone < b->undone ? -1 : 1;
    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    return (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

int commits_settle(trace *t, pe_error *errp)
{
    if (t->n_commits > 0 && find_rollbacks(t, errp) < 0)
        return -1;
    for (size_t i = 0; i < t->n_commits; i++)
        t->commit[i].undone = undone_by(
            t, t->commit[i].layer, t->commit[i].version, t->commit[i].sent_ns);
    if (t->n_commits > 0)
        qsort(t->commit, t->n_commits, sizeof(*t->commit), by_epoch);
    for (uint32_t i = 0; i < t->n; i++) {
        source *s = &t->s[i];

        for (uint32_t k = 0; k < s->n_models; k++)
            s->model[k].undone = undone_by(t, t->layer, s->model[k].version,
                                           s->model[k].commit_ns);
        if (s->n_models > 0)
            qsort(s->model, s->n_models, sizeof(*s->model), by_line);
    }
    return 0;
}

/* --- of a block --- */

const epochs *commits_find(const trace *t, uint64_t world, const layout_work *w)
{
    size_t low = 0, high = t->n_commits;

    while (low < high) { /* the first one behind it */
        size_t mid = low + (high - low) / 2;
        const epochs *e = &t->commit[mid];
        bool behind = e->world != world    ? e->world > world
                      : e->term != w->term ? e->term > w->term
                                           : e->first > w->epoch;

        if (behind)
            high = mid;
        else
            low = mid + 1;
    }
    if (low == 0)
        return NULL;
    const epochs *e = &t->commit[low - 1];
    return e->world == world && e->term == w->term && w->epoch <= e->last &&
                   w->epoch >= e->first
               ? e
               : NULL;
}

int64_t commits_model(const source *s, const epochs *c)
{
    uint32_t low = 0, high = s->n_models;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const taken_model *m = &s->model[mid];

        if (m->undone != c->undone ? m->undone > c->undone
                                   : m->version >= c->version)
            high = mid;
        else
            low = mid + 1;
    }
    return low < s->n_models && s->model[low].undone == c->undone
               ? s->model[low].time_ns
               : 0;
}
